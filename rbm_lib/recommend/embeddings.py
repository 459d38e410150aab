"""Songs as points, listeners as means of songs, playlists as walks."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.checks import LARGEST, as_booleans, as_numbers, require_number, require_whole
from rbm_lib.data.masks import sparse_mask
from rbm_lib.models.base import BoltzmannMachine, require_boltzmann
from rbm_lib.models.random import Rng
from rbm_lib.models.sampling import gibbs
from rbm_lib.models.units import Gaussian
from rbm_lib.models.visible_data import as_visible_data


@torch.no_grad()
def embed(
    model: BoltzmannMachine,
    v: Any,
    observed: Any = None,
    layer: int | None = None,
    center: Any = True,
    batch_size: int = 1024,
) -> Tensor:
    """Rows as the means of their hidden units: p(h given v), in a DBM by mean field.

    Nothing is drawn, so the same row always has the same embedding.

    Parameters
    ----------
    model : RBM or DBM
        The model.
    v, observed
        Rows as `VisibleData` takes them.
    layer : int, optional
        1, 2, …; by default all hidden layers side by side.
    center : bool or Tensor, shape (n,)
        True subtracts the mean over these rows, without which all cosines are near 1. A
        tensor is subtracted as it is, for rows that must agree with earlier ones.
    batch_size : int
        Rows at once.

    Returns
    -------
    Tensor, shape (B, n)

    Examples
    --------
    >>> from rbm_lib import RBM
    >>> embed(RBM(4, 3, seed=0), torch.eye(4)).shape
    torch.Size([4, 3])
    """
    data = as_visible_data(require_boltzmann(model), v, observed, name="v")
    batch_size = require_whole("batch_size", batch_size)
    parts = []
    for batch in data.batches(batch_size):
        hidden = model.hidden_means(batch, precise=True)
        if layer is not None:
            hidden = [hidden[_checked_layer(layer, len(hidden)) - 1]]
        parts.append(torch.cat(hidden, 1))
    if not parts:
        raise ValueError("v: got no rows, expected at least one.")
    embedding = torch.cat(parts)
    if not isinstance(center, bool):
        return embedding - as_numbers(center, "center", embedding.shape[1:]).to(embedding)
    return embedding - embedding.mean(0) if center else embedding


def _checked_layer(layer: Any, n_layers: int) -> int:
    number = require_whole("layer", layer)
    if number > n_layers:
        raise ValueError(f"layer: got {number}, expected None or 1 to {n_layers}.")
    return number


def preference(embedding: Any, heard: Any) -> Tensor:
    """Listeners as the mean embedding of the songs they heard.

    Parameters
    ----------
    embedding : Tensor, shape (n_songs, n)
        Songs as points.
    heard : bool array_like, SciPy sparse or RatingMatrix, (n_listeners, n_songs)
        Who heard what.

    Returns
    -------
    Tensor, shape (n_listeners, n)
        Somebody who heard nothing is at the origin.
    """
    embedding = as_numbers(embedding, "embedding", (None, None))
    heard = sparse_mask("heard", heard)
    if heard.shape[1] != len(embedding):
        raise ValueError(
            f"heard: got {heard.shape[1]} songs, expected {len(embedding)} as in embedding."
        )
    count = heard.sum(axis=1)
    total = heard.astype(float) @ embedding.cpu().double().numpy()
    return torch.from_numpy(total / count.clip(1)[:, None]).to(embedding)


def cosine_scores(listeners: Any, embedding: Any) -> Tensor:
    """Cosine of every listener and song, (n_listeners, n_songs), for `top_n`.

    It is 0 for a listener who heard nothing.
    """
    listeners = as_numbers(listeners, "listeners", (None, None))
    embedding = as_numbers(embedding, "embedding", (None, listeners.shape[1]))
    songs = F.normalize(embedding.to(listeners), dim=1)
    return F.normalize(listeners, dim=1) @ songs.T


def blend(scores: Sequence[Any], weights: Sequence[float]) -> Tensor:
    """Sum of weight * scores, each standardised within its rows.

    So scores on different scales can be added.

    Parameters
    ----------
    scores : list of Tensor, each (n_listeners, n_songs)
        Several tables of scores.
    weights : list of float
        One for each.
    """
    for name, values in (("scores", scores), ("weights", weights)):
        if not isinstance(values, (list, tuple)):
            raise TypeError(f"{name}: got {type(values).__name__}, expected a list.")
    tables = [as_numbers(table, "scores", (None, None)) for table in scores]
    factors = [require_number("weights", w, least=-LARGEST) for w in weights]
    if len(tables) != len(factors) or len({table.shape for table in tables}) != 1:
        shapes = [tuple(table.shape) for table in tables]
        raise ValueError(
            f"scores: got shapes {shapes} for {len(factors)} weights, expected equal ones."
        )
    if tables[0].shape[1] < 2:
        raise ValueError(f"scores: got {tables[0].shape[1]} songs, expected two or more.")
    total = torch.zeros_like(tables[0])
    for table, factor in zip(tables, factors, strict=True):
        spread = table.std(1, keepdim=True).clamp(min=1e-12)
        total = total + factor * (table - table.mean(1, keepdim=True)) / spread
    return total


@torch.no_grad()
def playlist(
    model: BoltzmannMachine,
    songs: Any,
    start: Any,
    length: int = 10,
    sweeps: int = 1,
    exclude: Any = None,
    generator: Rng = None,
) -> Tensor:
    """Playlists by Gibbs walks through a model of Gaussian units.

    From a song, `sweeps` sweeps of the model lead to a point near by. The song closest to
    that point that the playlist does not have comes next, and the walk goes on from there.
    (Going to the conditional *mean* instead of a draw would lead every walk to the same few
    songs.)

    Parameters
    ----------
    model : RBM or DBM
        With Gaussian units.
    songs : array_like, shape (n_songs, n_visible)
        Rows as the model takes them, whitened ones for a meaningful distance.
    start : int or sequence of int
        One song for each playlist, which begins after it.
    length : int
        Songs in a playlist.
    sweeps : int
        The dial: 1 is smooth, more sweeps forget more of the song before.
    exclude : bool array_like, shape (n_songs,) or (n_playlists, n_songs), optional
        Songs never taken, such as those heard.
    generator : torch.Generator, optional
        Source of the draws.

    Returns
    -------
    Tensor, shape (n_playlists, length)
        Numbers of songs.

    Raises
    ------
    ValueError
        Without Gaussian units, for numbers that are no song, or if fewer than `length`
        songs are left.
    """
    layer = require_boltzmann(model).visible
    if not isinstance(layer, Gaussian):
        raise ValueError(f"model: got {layer} units, expected Gaussian ones.")
    length = require_whole("length", length)
    sweeps = require_whole("sweeps", sweeps)
    v = as_visible_data(model, songs, name="songs").all().v
    now = as_numbers(start, "start").to(v.device).reshape(-1)
    if not len(now) or now.min() < 0 or now.max() >= len(v) or (now != now.floor()).any():
        raise ValueError(
            f"start: got {start}, expected numbers of songs, 0 to {len(v) - 1}."
        )
    now = now.long()
    taken = torch.zeros(len(now), len(v), dtype=torch.bool, device=v.device)
    if exclude is not None:
        exclude = as_booleans(exclude, "exclude").to(v.device)
        if tuple(exclude.shape) not in ((len(v),), (1, len(v)), tuple(taken.shape)):
            raise ValueError(
                f"exclude: got shape {tuple(exclude.shape)}, expected ({len(v)},) or "
                f"{tuple(taken.shape)}."
            )
        taken |= exclude
    taken.scatter_(1, now[:, None], True)
    n_left = int((~taken).sum(1).min())
    if n_left < length:
        raise ValueError(
            f"length: got {length}, expected at most {n_left}, the songs left."
        )

    result = []
    for _ in range(length):
        distance = torch.cdist(gibbs(model, v[now], sweeps, generator), v)
        now = distance.masked_fill(taken, torch.inf).argmin(1)
        taken.scatter_(1, now[:, None], True)
        result.append(now)
    return torch.stack(result, 1)
