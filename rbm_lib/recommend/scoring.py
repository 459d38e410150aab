"""From a trained RBM to recommendations: predictions, scores, a new person, similar items.

An observed unit never sees itself: its prediction is made from the row's *other* observed
units, so predictions of known ratings are not flattered. A missing unit is predicted from
all observed ones.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rbm_lib.checks import BLOCK_ELEMENTS, as_numbers, require_choice, require_whole
from rbm_lib.likelihood.pseudo import conditional_log_prob
from rbm_lib.models.base import VisibleModel
from rbm_lib.models.batch import Batch
from rbm_lib.models.rbm import RBM
from rbm_lib.models.units import Bernoulli, Categorical
from rbm_lib.models.visible_data import VisibleData, as_visible_data
from rbm_lib.recommend.top import top_n

METHODS = ("mean_field", "exact")


@torch.no_grad()
def predict(
    model: RBM,
    v: Any,
    observed: Any = None,
    method: str = "mean_field",
    visible_offset: Any = None,
    batch_size: int = 256,
) -> Tensor:
    """Each unit given the row's other observed units.

    Parameters
    ----------
    model : RBM
        The model.
    v, observed, visible_offset
        Rows as `VisibleData` takes them: tensor, array, DataFrame or RatingMatrix.
    method : {"mean_field", "exact"}
        "mean_field" is one pass v → p(h given v) → v, at a cost of B n_visible n_hidden
        (Salakhutdinov, Mnih & Hinton 2007, section 2.3). "exact" is p(v_i given the others)
        by differences of free energies (their equation 7), n_levels times slower, and not
        for Gaussian units.
    batch_size : int
        Rows at once.

    Returns
    -------
    Tensor, in the shape of v
        Probabilities (of 1, or of each level) or means of Gaussian units. A row with
        nothing observed gets the prior's answer (cold start).

    Examples
    --------
    >>> predict(RBM(3, 2, weight_std=0.0), torch.tensor([[1.0, 0.0, 1.0]]))
    tensor([[0.5000, 0.5000, 0.5000]])
    """
    require_choice("method", method, METHODS)
    batch_size = require_whole("batch_size", batch_size)
    require_rbm(model)
    if method == "exact" and model.visible.n_levels is None:
        raise ValueError(
            f"method: got 'exact' for {model.visible}, expected units with levels. Use "
            "'mean_field'."
        )
    data = as_visible_data(model, v, observed, visible_offset, "v")
    one_batch = _mean_field if method == "mean_field" else _exact
    parts = [one_batch(model, batch) for batch in data.batches(batch_size)]
    return torch.cat(parts) if parts else model.W.new_empty(0, *model.visible_bias.shape)


def require_rbm(model: Any) -> RBM:
    """The model; TypeError for anything but an RBM."""
    if isinstance(model, RBM):
        return model
    fix = "Pass the model itself."
    if isinstance(model, VisibleModel):
        fix = (
            "Fill in missing units of a DBM with `gibbs(model, v, sweeps, "
            "clamp=observed)`; of a DBN use `predict_proba`."
        )
    raise TypeError(f"model: got {type(model).__name__}, expected an RBM. {fix}")


def _exact(model: RBM, batch: Batch) -> Tensor:
    probability = conditional_log_prob(model, batch).exp()
    if isinstance(model.visible, Bernoulli):
        return probability[..., 1]
    return probability


def _mean_field(model: RBM, batch: Batch) -> Tensor:
    layer = model.visible_at(batch.offset)
    to_hidden = model.input_to_hidden(batch) + model.hidden_bias
    to_visible = model.field_at_visible(torch.sigmoid(to_hidden))
    field = to_visible.flatten(1)
    scaled = layer.scaled(batch.v).flatten(1)
    W = model.W.flatten(0, -2)
    for part, features, units in model.visible.parts():
        observed = None if batch.observed is None else batch.observed[..., units]
        own_field = field[:, features].unflatten(1, (part.n_units, -1))
        own_scaled = scaled[:, features].unflatten(1, (part.n_units, -1))
        weights = W[features].unflatten(0, (part.n_units, -1))
        _leave_out_own(own_field, own_scaled, weights, to_hidden, observed)
    return layer.mean(to_visible)


def _leave_out_own(
    field: Tensor,
    scaled: Tensor,
    weights: Tensor,
    to_hidden: Tensor,
    observed: Tensor | None,
) -> None:
    """Replace the field of each observed unit by that of the row without the unit.

    Shapes: field, scaled (B, n_units, width), weights (n_units, width, n_hidden), to_hidden
    (B, n_hidden). Only units whose value reached the hidden layer need it; a few (row,
    unit) pairs are computed at a time.
    """
    counted = (scaled != 0).any(-1)
    if observed is not None:
        counted = counted & observed
    block = max(1, BLOCK_ELEMENTS // weights[0].numel())
    for pairs in counted.nonzero().split(block):
        row, unit = pairs.T
        own = torch.einsum("pk,pkh->ph", scaled[row, unit], weights[unit])
        h = torch.sigmoid(to_hidden[row] - own)
        field[row, unit] = torch.einsum("ph,pkh->pk", h, weights[unit])


@torch.no_grad()
def score_items(
    model: RBM,
    v: Any,
    observed: Any = None,
    method: str = "mean_field",
    visible_offset: Any = None,
    at_least: int | None = None,
    batch_size: int = 256,
) -> Tensor:
    """One number per row and unit, from `predict` with the same arguments.

    Parameters
    ----------
    model, v, observed, method, visible_offset, batch_size
        As in `predict`.
    at_least : int, optional
        The lowest level that counts as a like, counted from 0; `Scale.like_level` finds the
        level of a rating.

    Returns
    -------
    Tensor, shape (B, n_visible)
        Bernoulli units and two levels: P(like). More levels: the expected level, or
        P(level ≥ at_least). Gaussian units: the mean.

    """
    at_least = checked_level(model, at_least)
    probability = predict(model, v, observed, method, visible_offset, batch_size)
    return as_score(model, probability, at_least)


def checked_level(model: Any, at_least: int | None) -> int | None:
    """A level from which on a rating is a like, or None."""
    require_rbm(model)
    if at_least is None:
        return None
    layer = model.visible
    n_levels = layer.n_levels if isinstance(layer, Categorical) else 1
    level = require_whole("at_least", at_least, least=0)
    if level not in range(1, n_levels):
        expected = f"1 to {n_levels - 1}" if n_levels > 1 else f"None for {layer}"
        raise ValueError(f"at_least: got {level}, expected {expected}.")
    return level


def as_score(model: RBM, probability: Tensor, at_least: int | None) -> Tensor:
    """One number per unit, from predictions."""
    layer = model.visible
    if not isinstance(layer, Categorical):
        return probability
    if at_least is not None or layer.n_levels == 2:
        return probability[..., at_least or 1 :].sum(-1)
    levels = torch.arange(
        layer.n_levels, dtype=probability.dtype, device=probability.device
    )
    return probability @ levels


def fold_in(
    model: RBM, ratings: Mapping[Any, float], item_ids: Iterable[Any]
) -> tuple[Tensor, Tensor]:
    """Rows for a new person, without training anew.

    Parameters
    ----------
    model : RBM
        The model.
    ratings : dict
        Level by external item id. Levels count from 0; Bernoulli units take 0 or 1,
        Gaussian units any number. Without ratings the answer is the prior's.
    item_ids : sequence
        External ids of the visible units in their order (`RatingMatrix.item_ids`).

    Returns
    -------
    (Tensor, Tensor)
        v and observed, one row, ready for `predict`.

    Examples
    --------
    >>> v, observed = fold_in(RBM(3, 2), {"b": 1}, ["a", "b", "c"])
    >>> v, observed
    (tensor([[0., 1., 0.]]), tensor([[False,  True, False]]))
    """
    require_rbm(model)
    if not isinstance(ratings, dict):
        raise TypeError(
            f"ratings: got {type(ratings).__name__}, expected a dict {{item id: level}}."
        )
    position = _positions(item_ids, model.n_visible)
    unknown = [item for item in ratings if item not in position]
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise ValueError(
            f"ratings: got unknown item ids {unknown[:5]}{more}, expected some of "
            "item_ids. Leave them out."
        )
    where = torch.tensor([position[item] for item in ratings], dtype=torch.long)
    v = torch.zeros(1, model.n_visible)
    observed = torch.zeros(1, model.n_visible, dtype=torch.bool)
    levels = as_numbers(list(ratings.values()), "ratings", (len(ratings),))
    v[0, where] = levels.to(v)
    observed[0, where] = True
    batch = VisibleData(model, v, observed, name="ratings").all()
    assert batch.observed is not None
    return batch.v, batch.observed


def _positions(item_ids: Any, n_visible: int) -> dict[Any, int]:
    """The unit of each item id."""
    try:
        ids = item_ids.tolist() if hasattr(item_ids, "tolist") else list(item_ids)
        position = {item: i for i, item in enumerate(ids)}
    except TypeError as error:
        raise TypeError(
            f"item_ids: got {type(item_ids).__name__}, expected a list of ids."
        ) from error
    if len(position) != n_visible or len(ids) != n_visible:
        raise ValueError(
            f"item_ids: got {len(position)} different ids, expected one for each of "
            f"{n_visible} units."
        )
    return position


@torch.no_grad()
def similar_items(model: RBM, item: int, n: int = 10) -> tuple[Tensor, Tensor]:
    """The n units whose weights point most nearly the way of unit `item`'s.

    Weights are centred over levels, which changes no probability of a softmax, and then
    over units: what all units share says nothing about one of them, and without it all
    cosines are near 1.

    Parameters
    ----------
    model : RBM
        With visible units of one type.
    item : int
        Number of the unit.
    n : int
        How many to return.

    Returns
    -------
    (Tensor, Tensor)
        Units and cosines, each of shape (n,), best first.
    """
    require_rbm(model)
    item = require_whole("item", item, least=0)
    if item >= model.n_visible:
        raise ValueError(f"item: got {item}, expected a unit 0 … {model.n_visible - 1}.")
    weights = model.W
    if weights.ndim == 3:
        weights = weights - weights.mean(1, keepdim=True)
    weights = weights.flatten(1)
    if len(weights) != model.n_visible:
        raise ValueError(f"model: got {model.visible}, expected units of one type.")
    weights = weights - weights.mean(0)
    cosine = F.cosine_similarity(weights, weights[item][None], dim=1)
    itself = torch.arange(model.n_visible)[None] == item
    items, cosines = top_n(cosine[None], itself, n)
    return items[0], cosines[0]
