"""What to watch while a model learns, and what each number can and cannot tell."""

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from rbm_lib.likelihood.exact import exact_log_likelihood, exact_log_partition
from rbm_lib.likelihood.pseudo import pseudo_log_likelihood
from rbm_lib.models.base import BoltzmannMachine, require_boltzmann
from rbm_lib.models.batch import Batch
from rbm_lib.models.dbm import DBM
from rbm_lib.models.rated import (
    RatedBatch,
    input_to_hidden,
    input_to_rated,
    reads_rated_cells,
)
from rbm_lib.models.rbm import RBM
from rbm_lib.models.rbm_view import rbm_view
from rbm_lib.models.visible_data import VisibleData, as_visible_data

EXACT_BITS = 20  # an exact number may touch 2^20 states

Record = dict[str, float]


@dataclass
class History:
    """The record of a training run.

    Attributes
    ----------
    records : list of dict
        One record per monitored epoch.
    interrupted : bool
        Whether the run was stopped by hand; the model is usable.
    """

    records: list[Record] = field(default_factory=list)
    interrupted: bool = False

    def to_frame(self) -> pd.DataFrame:
        """The records as a DataFrame, one row per monitored epoch."""
        return pd.DataFrame(self.records)

    @property
    def last(self) -> Record:
        """The newest record, or an empty one."""
        return self.records[-1] if self.records else {}


@torch.no_grad()
def reconstruction_error(
    model: BoltzmannMachine, v: Any, observed: Any = None, visible_offset: Any = None
) -> float:
    """Mean over observed units of (v - reconstruction)^2, by one pass through h.

    A small value says that the hidden units carry what v says, not that the model gives v a
    high probability.

    Parameters
    ----------
    model : RBM or DBM
        The model.
    v, observed, visible_offset
        Rows as `VisibleData` takes them.
    """
    data = as_visible_data(require_boltzmann(model), v, observed, visible_offset, "v")
    if len(data) == 0:
        raise ValueError("v: got no rows, expected at least one.")
    batch = data.all()
    return _reconstruction_error(model, batch, model.hidden_means(batch))


def _reconstruction_error(
    model: BoltzmannMachine, batch: Batch, means: list[Tensor]
) -> float:
    assert isinstance(model, (RBM, DBM))
    field = model.input_to_visible(means[0])
    mean = model.visible_at(batch.offset).mean(field)
    squared = (batch.v - mean) ** 2
    if batch.mask is not None:
        squared = squared * batch.mask
    n_observed = len(batch) * model.n_visible
    if batch.observed is not None:
        n_observed = int(batch.observed.expand(len(batch), -1).sum())
    return float(squared.sum() / max(n_observed, 1))


@torch.no_grad()
def saturation(prob_h: Tensor) -> float:
    """Share of hidden probabilities within 0.01 of 0 or 1.

    Near 1, the units are switches that no longer learn.
    """
    prob_h = _probabilities("prob_h", prob_h)
    return float(((prob_h < 0.01) | (prob_h > 0.99)).to(prob_h.dtype).mean())


@torch.no_grad()
def distinct_codes(prob_h: Tensor) -> int:
    """Number of different hidden codes (probabilities rounded to 0 or 1) among the rows."""
    return len(torch.unique(_probabilities("prob_h", prob_h) > 0.5, dim=0))


def _probabilities(name: str, value: Any) -> Tensor:
    """A tensor (B, n) between 0 and 1; a comparison alone would hide a NaN."""
    dense = (
        isinstance(value, Tensor) and value.layout == torch.strided and not value.is_meta
    )
    if not dense or value.ndim != 2 or not value.numel() or value.is_complex():
        given = tuple(value.shape) if dense else type(value).__name__
        raise ValueError(
            f"{name}: got {given}, expected a dense tensor (B, n) of probabilities, B > 0."
        )
    if not ((value >= 0) & (value <= 1)).all():
        raise ValueError(
            f"{name}: got values that are missing or outside 0 … 1, expected probabilities."
        )
    return value.to(torch.promote_types(value.dtype, torch.float32))


@torch.no_grad()
def layer_activity(hidden: list[Tensor]) -> Record:
    """Whether the upper part of a deep model is alive.

    Parameters
    ----------
    hidden : list of Tensor, [(B, n1), (B, n2), …]
        Mean-field means of some rows.

    Returns
    -------
    dict
        sd_h2, …: standard deviation over rows, averaged over units; near 0 the layer is the
        same for every row. cov_h1_h2, …: root mean square of the covariances over rows
        between units of neighbouring layers.
    """
    if not isinstance(hidden, (list, tuple)) or len(hidden) < 2:
        raise ValueError(
            f"hidden: got {type(hidden).__name__}, expected a list [h1, h2, …] of two or "
            "more."
        )
    layers = [_probabilities(f"hidden[{i}]", h) for i, h in enumerate(hidden)]
    if len({len(h) for h in layers}) > 1:
        raise ValueError(
            f"hidden: got {[len(h) for h in layers]} rows, expected as many in each layer."
        )
    centred = [(h - h.mean(0)).to(layers[0]) for h in layers]
    record = {}
    for i, (below, above) in enumerate(itertools.pairwise(centred), start=1):
        covariance = below.T @ above / len(above)
        record[f"sd_h{i + 1}"] = float((above**2).mean(0).sqrt().mean())
        record[f"cov_h{i}_h{i + 1}"] = float((covariance**2).mean().sqrt())
    return record


@torch.no_grad()
def monitor(
    model: BoltzmannMachine,
    data: VisibleData,
    validation: VisibleData | None = None,
    rows: int = 1000,
) -> Record:
    """The record of one epoch, on at most so many evenly spaced rows of each set.

    Free energies are means in nats; where rows differ in their masks each has its own
    log Z, so they compare epochs of one set only. A deep model has none in closed form: its
    record holds `bound`, mean field's bound on -F, and `layer_activity`. The
    pseudo-likelihood, the exact log-likelihood and a deep model's `elbo` = bound - log Z
    (all in nats per row) appear where the model is small enough.
    """
    record = _data_record(model, data, "", rows)
    if validation is not None:
        record |= _data_record(model, validation, "validation_", rows)
    return record


def _data_record(
    model: BoltzmannMachine, data: VisibleData, prefix: str, rows: int
) -> Record:
    index = data.evenly_spaced(rows)
    if reads_rated_cells(model, data):
        assert isinstance(model, RBM)
        if len(index) * model.W.numel() > 2**EXACT_BITS:
            record = _rated_record(model, data, index, not prefix)
            return {prefix + name: value for name, value in record.items()}

    batch = data.rows(index)
    small = _is_small(model, batch)
    record: Record = {}
    if isinstance(model, DBM):
        field = model.mean_field(batch)
        means = field.means
        record["bound"] = float(field.bound.mean())
        if small:
            log_z = exact_log_partition(model, batch.observed, batch.offset)
            record["elbo"] = float((field.bound - log_z).mean())
    else:
        assert isinstance(model, RBM)
        means = model.hidden_means(batch)
        record["free_energy"] = float(model.free_energy(batch).mean())

    record["reconstruction_error"] = _reconstruction_error(model, batch, means)
    if not prefix:
        record["saturation"] = saturation(means[0])
        record["distinct_codes"] = distinct_codes(means[0])
        if len(means) > 1:
            record |= layer_activity(means)
    if isinstance(model, RBM) and model.visible.n_levels is not None:
        if len(batch) * model.W.numel() <= 2**EXACT_BITS:
            pseudo = pseudo_log_likelihood(model, batch)
            record["pseudo_log_likelihood"] = float(pseudo.mean())
    if small:
        record["log_likelihood"] = float(exact_log_likelihood(model, batch).mean())
    return {prefix + name: value for name, value in record.items()}


def _rated_record(
    model: RBM, data: VisibleData, index: Tensor, with_hidden: bool
) -> Record:
    """What `_data_record` computes for a large RBM, from the rated cells alone."""
    offset = data.offset_of_ratings(index)
    rated = RatedBatch(model, data.rated_rows(index), offset)
    field = input_to_hidden(model, rated)
    h = model.hidden.mean(field)
    visible = rated.layer(model)
    energy = visible.energy(rated.v).sum() - model.hidden.cumulant(field).sum()
    mean = visible.mean(input_to_rated(model, rated, h))
    squared = ((rated.v - mean) ** 2).sum()

    record = {
        "free_energy": float(energy / len(rated)),
        "reconstruction_error": float(squared / max(len(rated.unit), 1)),
    }
    if with_hidden:
        record["saturation"] = saturation(h)
        record["distinct_codes"] = distinct_codes(h)
    return record


def _is_small(model: BoltzmannMachine, batch: Batch) -> bool:
    """Whether exact numbers for these rows are quick."""
    view = rbm_view(model)
    n_models = 1 if batch.shares_model else len(batch)
    size = math.log2(max(1, model.visible_bias.numel() * n_models))
    states = min(view.rbm.n_hidden, view.rbm.visible.log2_states())
    return states + size <= EXACT_BITS and view.n_upper <= EXACT_BITS - size
