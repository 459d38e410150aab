"""From a trained machine to recommendations: predictions, scores, top-N, a new person, similar items.

An observed unit never sees itself: its prediction is made from the row's *other* observed units, so that
predictions of known ratings are not flattered. A missing unit is predicted from all observed ones.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.checks import BLOCK_ELEMENTS, as_booleans, as_numbers, require_whole
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.likelihood.pseudo import conditional_log_prob
from rbm_lib.models.batch import Rows
from rbm_lib.models.rated import RatedCells, input_to_hidden
from rbm_lib.models.rbm import RBM

METHODS = ("mean_field", "exact")


@torch.no_grad()
def predict(
    model: RBM, v, observed=None, method="mean_field", visible_offset=None, batch_size: int = 256
) -> Tensor:
    """Each unit given the row's other observed units, (B, n_visible) or (B, n_visible, n_levels).

    v, observed, visible_offset: as in `rbm_lib.models.batch.Rows` (tensor, array, DataFrame, RatingMatrix); they
    are read `batch_size` rows at a time. The result holds probabilities (of 1, or of each level) or means of
    Gaussian units, on the model's device. A row with nothing observed gets the prior's answer (cold start).

    method "mean_field": one pass, v → p(h given v) → v, O(B n_visible n_hidden) (Salakhutdinov, Mnih &
    Hinton 2007, section 2.3); "exact": p(v_i given the others) by free-energy differences (their eq. 7),
    n_levels times slower, and not for Gaussian units. Raises ValueError or TypeError for values, shapes or
    methods that do not fit.
    """
    if method not in METHODS:
        raise ValueError(f"method: got {method!r}, expected one of {METHODS}.")
    batch_size = require_whole("batch_size", batch_size)
    _require_rbm(model)
    if method == "exact" and model.kind == "gaussian":
        raise ValueError("method: 'exact' needs units with levels; Gaussian units take method='mean_field'.")
    rows = Rows(model, v, observed, visible_offset)
    one_batch = _mean_field if method == "mean_field" else _exact
    parts = [
        one_batch(model, *rows.batch(index))
        for index in torch.arange(len(rows), device=model.W.device).split(batch_size)
    ]
    return torch.cat(parts) if parts else model.W.new_empty(0, *model.visible_bias.shape)


def _require_rbm(model):
    if not isinstance(model, RBM):
        given = "a deep machine" if hasattr(model, "sizes") else type(model).__name__
        raise TypeError(
            f"model: got {given}, expected an RBM; fill in a deep machine's missing units with "
            "`sampling.gibbs(model, v, sweeps, clamp=observed)`."
        )


def _exact(model, v, observed, visible_offset):
    prob = conditional_log_prob(model, v, observed, visible_offset).exp()
    return prob[..., 1] if model.kind == "bernoulli" else prob


def _mean_field(model, v, observed, visible_offset):
    to_hidden = model.input_to_hidden(v, observed) + model.hidden_bias
    to_visible = model.input_to_visible(torch.sigmoid(to_hidden))
    # The observed units whose own value reached the hidden layer: theirs is taken out, a few pairs at a time.
    scaled = model.visible_units().scaled(v).reshape(len(v), model.n_visible, model.n_levels or 1)
    spoke = (scaled != 0).any(-1)
    spoke = spoke if observed is None else spoke & observed
    weights = model.W.reshape(model.n_visible, -1, model.n_hidden)
    block = max(1, BLOCK_ELEMENTS // (weights.shape[1] * model.n_hidden))
    for pairs in spoke.nonzero().split(block):
        row, unit = pairs.T
        own = torch.einsum("pk,pkh->ph", scaled[row, unit], weights[unit])
        field = torch.einsum("ph,pkh->pk", torch.sigmoid(to_hidden[row] - own), weights[unit])
        to_visible[row, unit] = field.reshape(-1, *to_visible.shape[2:])
    return model.visible_units(visible_offset).mean(to_visible)


def score_items(
    model: RBM,
    v,
    observed=None,
    method="mean_field",
    visible_offset=None,
    like_at_least: int | None = None,
    **options,
) -> Tensor:
    """One number per row and unit, (B, n_visible), from `predict` with the same arguments.

    Bernoulli units and two levels: P(like). More levels: the expected level, counted from 0, or P(level ≥
    `like_at_least`) if that is given. Gaussian units: the mean. Raises ValueError for a `like_at_least` that
    is no level above the lowest, or where there are no levels.
    """
    like_at_least = _checked_level(model, like_at_least)
    return _one_number(model, predict(model, v, observed, method, visible_offset, **options), like_at_least)


def _checked_level(model, like_at_least):
    _require_rbm(model)
    if like_at_least is None:
        return None
    if like_at_least not in range(1, model.n_levels or 1):
        levels = f"1 to {model.n_levels - 1}" if model.n_levels else f"None for {model.kind} units"
        raise ValueError(f"like_at_least: got {like_at_least}, expected {levels}.")
    return int(like_at_least)


def _one_number(model, prob, like_at_least):
    if model.n_levels is None:
        return prob
    if like_at_least is not None or model.n_levels == 2:
        return prob[..., like_at_least or 1 :].sum(-1)
    return prob @ torch.arange(model.n_levels, dtype=prob.dtype, device=prob.device)


def top_n(scores, seen, n: int = 10) -> tuple[Tensor, Tensor]:
    """The n best unseen units of each row: (items, scores), both (B, n), best first.

    scores: (B, n_visible) tensor or array; seen: boolean of the same shape, SciPy sparse, or a RatingMatrix
    (its rated cells). A seen unit is never returned, nor one whose score is −inf. Equal scores: lowest index
    first. A row with fewer than n units left is filled up with item −1 and score −inf. Raises ValueError for
    shapes that differ, NaN scores, or n < 1.
    """
    n, scores = require_whole("n", n), as_numbers(scores, "scores", most=None)
    seen = as_cells(seen, "seen").to(scores.device)
    if scores.ndim != 2 or scores.shape != seen.shape:
        raise ValueError(
            f"seen: got shape {tuple(seen.shape)} for scores {tuple(scores.shape)}, expected equal ones."
        )
    if torch.isnan(scores).any():
        raise ValueError(f"scores: got NaN at {torch.isnan(scores).nonzero()[0].tolist()}, expected numbers.")
    return _fill(*_highest(scores.masked_fill(seen, -torch.inf), n), n)


def _fill(values, items, n):
    """(items, values): −1 where the value is −inf, and up to n columns."""
    items, missing = items.masked_fill(torch.isneginf(values), -1), (0, n - values.shape[1])
    return F.pad(items, missing, value=-1), F.pad(values, missing, value=-torch.inf)


@torch.no_grad()
def top_n_unseen(model: RBM, ratings, n: int = 10, like_at_least: int | None = None, batch_size: int = 128):
    """`top_n` of every row of a RatingMatrix, among the items that row has not rated: (items, scores).

    Both (n_users, n), on the CPU; scores are those of `score_items` (mean field), which for unseen items has
    nothing to take out. Nothing larger than (batch_size, n_items) is held, and what a row has rated is summed
    without a dense row: for catalogues of any size. Raises what `score_items` and `top_n` do, and TypeError
    where `ratings` is no RatingMatrix.
    """
    if not isinstance(ratings, RatingMatrix):
        raise TypeError(f"ratings: got {type(ratings).__name__}, expected a RatingMatrix; else use top_n.")
    like_at_least = _checked_level(model, like_at_least)
    Rows(model, ratings)
    batch_size, n = require_whole("batch_size", batch_size), require_whole("n", n)
    pairwise = model.kind == "bernoulli" or model.n_levels == 2  # the odds of a like order items as P(like)
    W, bias = model.W.reshape(-1, model.n_hidden), model.visible_bias
    if model.n_levels == 2:
        W, bias = model.W[:, 1] - model.W[:, 0], bias[:, 1] - bias[:, 0]
    items = torch.empty(ratings.n_users, n, dtype=torch.long)
    best = torch.empty(ratings.n_users, n, dtype=bias.dtype)  # made once: pieces kept would litter the memory
    for start in range(0, ratings.n_users, batch_size):
        rated = RatedCells(model, ratings.rated_rows(slice(start, start + batch_size)))
        h = model.hidden_units().mean(input_to_hidden(model, rated))
        if pairwise:
            scores = torch.addmm(bias, h, W.T)
        else:
            scores = _one_number(model, model.mean_v_given_h(h), like_at_least)
        scores[rated.row, rated.unit] = -torch.inf
        part = slice(start, start + batch_size)
        items[part], best[part] = _fill(*_highest(scores, n), n)
    return items, torch.where(items < 0, best, torch.sigmoid(best)) if pairwise else best


def _highest(values, n):
    """The n highest of each row and their places, equal ones by place; far faster than sorting all."""
    top, place = values.topk(min(n + 1, values.shape[1]), dim=1)
    cut_through = (top[:, n - 1 : n] == top[:, n:]) & (top[:, n:] > -torch.inf)  # equal ones on both sides
    place, order = place[:, :n].sort(dim=1)
    top, order = top[:, :n].gather(1, order).sort(dim=1, descending=True, stable=True)
    place = place.gather(1, order)
    for row in cut_through.any(1).nonzero()[:, 0].split(256):
        whole, order = values[row].sort(dim=1, descending=True, stable=True)
        top[row], place[row] = whole[:, :n], order[:, :n]
    return top, place


def as_cells(cells, name: str) -> Tensor:
    """`cells` (booleans, SciPy sparse, or a RatingMatrix: where it has a rating) as a boolean tensor."""
    cells = cells.rated() if isinstance(cells, RatingMatrix) else cells
    cells = (cells != 0).toarray() if hasattr(cells, "toarray") else cells
    return as_booleans(cells, name)


def fold_in(model: RBM, ratings: dict, item_ids) -> tuple[Tensor, Tensor]:
    """A new person, no retraining: {external item id: level} → v and observed, one row, ready for `predict`.

    item_ids: the external ids of the visible units in their order (`RatingMatrix.item_ids`). Levels count
    from 0; for Bernoulli units 0 or 1, for Gaussian units any number. No ratings at all is legal: the answer
    is then the prior's. Raises ValueError naming unknown ids and values out of range.

        v, observed = fold_in(model, {50: 4, 181: 0}, train.item_ids)
        items, scores = top_n(score_items(model, v, observed), observed, 10)
    """
    _require_rbm(model)
    if not isinstance(ratings, dict):
        raise TypeError(f"ratings: got {type(ratings).__name__}, expected a dict {{item id: level}}.")
    try:
        position = {item: i for i, item in enumerate(getattr(item_ids, "tolist", lambda: item_ids)())}
    except TypeError as error:
        raise TypeError(f"item_ids: got {type(item_ids).__name__}, expected a list of ids.") from error
    if len(position) != model.n_visible:
        raise ValueError(
            f"item_ids: got {len(position)} different ids, expected one for each of {model.n_visible} units."
        )
    unknown = [item for item in ratings if item not in position]
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise ValueError(f"ratings: unknown item ids {unknown[:5]}{more}; leave them out.")
    where = torch.tensor([position[item] for item in ratings], dtype=torch.long)
    v, observed = torch.zeros(1, model.n_visible), torch.zeros(1, model.n_visible, dtype=torch.bool)
    v[0, where] = as_numbers(list(ratings.values()), "ratings", (len(ratings),)).to(v)
    observed[0, where] = True
    return Rows(model, v, observed).all()[:2]


@torch.no_grad()
def similar_items(model: RBM, item: int, n: int = 10) -> tuple[Tensor, Tensor]:
    """The n units whose weights point most nearly the way of unit `item`'s: (items, cosine), each (n,).

    Weights are centred over levels, which changes no probability of a softmax, and then over units: what all
    units share says nothing about one of them, and uncentred cosines are all near 1.
    """
    _require_rbm(model)
    item = require_whole("item", item, least=0)
    if item >= model.n_visible:
        raise ValueError(f"item: got {item}, expected a unit 0 … {model.n_visible - 1}.")
    weights = model.W if model.n_levels is None else model.W - model.W.mean(1, keepdim=True)
    weights = weights.flatten(1) - weights.flatten(1).mean(0)
    cosine = F.cosine_similarity(weights, weights[item][None], dim=1)
    items, cosine = top_n(cosine[None], torch.arange(model.n_visible)[None] == item, n)
    return items[0], cosine[0]
