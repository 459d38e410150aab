"""Songs as points: embeddings by a trained machine, listeners as means of songs, playlists as Gibbs walks."""

import torch
from torch import Tensor

from rbm_lib.checks import LARGEST, as_booleans, as_numbers, require_number, require_whole
from rbm_lib.data.masks import sparse_mask
from rbm_lib.models.base import Machine
from rbm_lib.models.batch import Rows
from rbm_lib.models.sampling import gibbs


@torch.no_grad()
def embed(model: Machine, v, observed=None, layer: int | None = None, center=True, batch_size=1024) -> Tensor:
    """Rows as the means of their hidden units, (B, n): p(h given v), in a deep machine by mean field.

    v, observed: as in `inputs.Rows`. layer: 1, 2, …, or None for all hidden layers side by side. No draw is
    involved: the same row has the same embedding. center: True subtracts the mean over these rows, without
    which all cosines are near 1; or a tensor (n,) to subtract, for rows that must agree with earlier ones;
    or False. Raises ValueError for a layer that the machine does not have, and what `Rows` raises.
    """
    rows, parts, batch_size = Rows(model, v, observed), [], require_whole("batch_size", batch_size)
    for index in torch.arange(len(rows), device=model.visible_bias.device).split(batch_size):
        hidden = model.posterior_means(*rows.batch(index), precise=True)
        hidden = hidden if isinstance(hidden, list) else [hidden]
        if layer is not None and layer not in range(1, len(hidden) + 1):
            raise ValueError(f"layer: got {layer!r}, expected None or 1 to {len(hidden)}.")
        parts.append(torch.cat(hidden if layer is None else [hidden[int(layer) - 1]], 1))
    embedding = torch.cat(parts) if parts else model.visible_bias.new_zeros(0, model.n_odd + model.n_even)
    if not isinstance(center, bool):
        return embedding - as_numbers(center, "center", embedding.shape[1:]).to(embedding)
    return embedding - embedding.mean(0) if center and len(embedding) else embedding


def preference(embedding: Tensor, heard) -> Tensor:
    """Listeners as the mean embedding of the songs they heard, (n_listeners, n).

    embedding (n_songs, n); heard: n_listeners × n_songs, booleans, SciPy sparse, or a RatingMatrix. Who heard
    nothing is the origin. Raises ValueError where the numbers of songs differ.
    """
    embedding, heard = as_numbers(embedding, "embedding", (None, None)), sparse_mask("heard", heard)
    if heard.shape[1] != len(embedding):
        raise ValueError(f"heard: got {heard.shape[1]} songs, expected {len(embedding)} as in embedding.")
    count = heard.sum(axis=1)
    total = heard.astype(float) @ embedding.cpu().double().numpy()
    return torch.from_numpy(total / count.clip(1)[:, None]).to(embedding)


def cosine_scores(listeners: Tensor, embedding: Tensor) -> Tensor:
    """Cosine of every listener and song, (n_listeners, n_songs); 0 for who heard nothing. For `top_n`."""
    listeners = as_numbers(listeners, "listeners", (None, None))
    embedding = as_numbers(embedding, "embedding", (None, listeners.shape[1])).to(listeners)
    normalize = torch.nn.functional.normalize
    return normalize(listeners, dim=1) @ normalize(embedding, dim=1).T


def blend(scores: list, weights: list) -> Tensor:
    """Σ weight · scores, each standardised within its rows, so that scores on different scales can be added.

    scores: several (n_listeners, n_songs). Raises ValueError where lengths or shapes differ.
    """
    for name, values in (("scores", scores), ("weights", weights)):
        if not isinstance(values, (list, tuple)):
            raise TypeError(f"{name}: got {type(values).__name__}, expected a list.")
    scores = [as_numbers(s, "scores", (None, None)) for s in scores]
    weights = [require_number("weights", w, least=-LARGEST) for w in weights]
    if len(scores) != len(weights) or len({s.shape for s in scores}) != 1:
        shapes = [tuple(s.shape) for s in scores]
        raise ValueError(f"scores: got shapes {shapes} for {len(weights)} weights, expected equal ones.")
    if scores[0].shape[1] < 2:
        raise ValueError(f"scores: got {scores[0].shape[1]} songs, expected two or more to compare.")
    spread = [s.std(1, keepdim=True).clamp(min=1e-12) for s in scores]
    return sum(
        w * (s - s.mean(1, keepdim=True)) / sd for w, s, sd in zip(weights, scores, spread, strict=True)
    )


@torch.no_grad()
def playlist(
    model: Machine, songs, start, length: int = 10, sweeps: int = 1, exclude=None, generator=None
) -> Tensor:
    """Playlists by Gibbs walks through a machine of Gaussian units: songs' numbers, (n_playlists, length).

    From a song, `sweeps` sweeps of the machine lead to a point near by; the song closest to that point that
    the playlist does not have comes next, and the walk goes on from there. `sweeps` is the dial: 1 is smooth,
    and more sweeps forget more of the song before. (Going to the conditional *mean* instead of a draw would
    lead every walk to the same few songs.)

    songs (n_songs, n_visible): rows as the machine takes them, whitened ones for a meaningful distance.
    start: one song's number per playlist; the playlist itself begins after it. For a listener, give a song
    that they heard. exclude: boolean (n_songs,) or (n_playlists, n_songs), songs never taken, such as those
    heard. Raises ValueError for machines without Gaussian units, numbers that are no song, or where fewer
    than `length` songs are left.
    """
    if model.kind != "gaussian":
        raise ValueError(f"model: has {model.kind} visible units, expected Gaussian ones.")
    length, sweeps = require_whole("length", length), require_whole("sweeps", sweeps)
    v, _, _ = Rows(model, songs).all()
    now = as_numbers(start, "start").to(v.device).reshape(-1)
    if len(now) == 0 or now.min() < 0 or now.max() >= len(v) or (now != now.floor()).any():
        raise ValueError(f"start: got {start}, expected songs' numbers 0 to {len(v) - 1}.")
    now = now.long()
    taken = torch.zeros(len(now), len(v), dtype=torch.bool, device=v.device)
    if exclude is not None:
        exclude = as_booleans(exclude, "exclude").to(v.device)
        if tuple(exclude.shape) not in ((len(v),), (1, len(v)), tuple(taken.shape)):
            shape = tuple(exclude.shape)
            raise ValueError(f"exclude: got shape {shape}, expected ({len(v)},) or {tuple(taken.shape)}.")
        taken |= exclude
    taken.scatter_(1, now[:, None], True)
    if int((~taken).sum(1).min()) < length:
        raise ValueError(f"length: got {length}, but only {int((~taken).sum(1).min())} songs are left.")
    result = []
    for _ in range(length):
        distance = torch.cdist(gibbs(model, v[now], sweeps, generator), v)
        now = distance.masked_fill(taken, torch.inf).argmin(1)
        taken.scatter_(1, now[:, None], True)
        result.append(now)
    return torch.stack(result, 1)
