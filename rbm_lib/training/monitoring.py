"""What to watch while a machine learns, and what each figure can and cannot tell."""

import itertools
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rbm_lib.likelihood.exact import exact_log_likelihood, exact_log_partition, log2_states
from rbm_lib.likelihood.pseudo import pseudo_log_likelihood
from rbm_lib.models.base import Machine
from rbm_lib.models.batch import Rows

MONITOR_ROWS = 1000  # rows looked at, evenly spaced
EXACT_BITS = 20  # an exact monitor may touch 2^20 numbers


@dataclass
class History:
    """One record per monitored epoch. `interrupted`: stopped by hand; the machine is usable."""

    records: list[dict] = field(default_factory=list)
    interrupted: bool = False

    def to_frame(self):
        """The records as a DataFrame, one row per monitored epoch."""
        import pandas as pd

        return pd.DataFrame(self.records)

    @property
    def last(self) -> dict:
        """The newest record, or an empty one."""
        return self.records[-1] if self.records else {}


@torch.no_grad()
def reconstruction_error(model: Machine, v: Tensor, observed=None, visible_offset=None) -> float:
    """Mean over observed units of (v − reconstruction)², by one pass through the hidden units' means.

    Small values say that hidden units carry what v says, not that the machine gives v a high probability.
    """
    v, observed, visible_offset = Rows(model, v, observed, visible_offset).all()
    if len(v) == 0:
        raise ValueError("v: got no rows, expected at least one.")
    odd, _ = model.split(model.posterior_means(v, observed, visible_offset))
    mean = model.visible_units(visible_offset).mean(model.input_to_even(odd)[0])
    squared = (v - mean) ** 2
    squared = squared if model.n_levels is None else squared.sum(-1)
    if observed is None:
        return float(squared.mean())
    mask = observed.expand(squared.shape)
    return float((squared * mask).sum() / mask.sum().clamp(min=1))


@torch.no_grad()
def saturation(prob_h: Tensor) -> float:
    """Share of hidden probabilities within 0.01 of 0 or 1: near 1, they are switches that no longer learn."""
    prob_h = _probabilities("prob_h", prob_h)
    return float(((prob_h < 0.01) | (prob_h > 0.99)).to(prob_h.dtype).mean())


@torch.no_grad()
def distinct_codes(prob_h: Tensor) -> int:
    """Number of different hidden codes (probabilities rounded to 0 or 1) among the rows."""
    return len(torch.unique(_probabilities("prob_h", prob_h) > 0.5, dim=0))


def _probabilities(name, value):
    """A tensor (B, n) between 0 and 1, with at least one row; a comparison would hide a NaN."""
    dense = isinstance(value, Tensor) and value.layout == torch.strided and not value.is_meta
    if not dense or value.ndim != 2 or not value.numel() or value.is_complex():
        given = tuple(value.shape) if dense else type(value).__name__
        raise ValueError(f"{name}: got {given}, expected a dense tensor (B, n) of probabilities, B > 0.")
    if not ((value >= 0) & (value <= 1)).all():
        raise ValueError(f"{name}: got values that are missing or outside 0 … 1, expected probabilities.")
    return value.to(torch.promote_types(value.dtype, torch.float32))


@torch.no_grad()
def layer_activity(hidden: list[Tensor]) -> dict[str, float]:
    """Is a deep machine's upper part alive? From the mean-field means [h1, h2, …] of some rows.

    sd_h2, …: the standard deviation over rows, averaged over units: near 0, the layer says the same of every
    row. cov_h1_h2, …: root mean square of the covariances over rows between units of neighbouring layers.
    """
    if not isinstance(hidden, (list, tuple)) or len(hidden) < 2:
        raise ValueError(f"hidden: got {type(hidden).__name__}, expected a list [h1, h2, …] of two or more.")
    hidden = [_probabilities(f"h{i}", h) for i, h in enumerate(hidden, start=1)]
    if len({len(h) for h in hidden}) > 1:
        raise ValueError(f"hidden: got {[len(h) for h in hidden]} rows, expected as many in each layer.")
    centred = [(h - h.mean(0)).to(hidden[0]) for h in hidden]
    record = {}
    for i, (below, above) in enumerate(itertools.pairwise(centred), start=1):
        record[f"sd_h{i + 1}"] = float((above**2).mean(0).sqrt().mean())
        record[f"cov_h{i}_h{i + 1}"] = float(((below.T @ above / len(above)) ** 2).mean().sqrt())
    return record


@torch.no_grad()
def monitor(model: Machine, rows, validation=None) -> dict[str, float]:
    """The record of one epoch, on at most 1,000 evenly spaced rows of each set.

    Free energies are means in nats; where rows differ in their masks each has its own log Z, and they
    compare epochs of one set only. A deep machine has none in closed form: its record holds `bound`, mean
    field's on −F, and `layer_activity`. The pseudo-likelihood, the exact log-likelihood and a deep machine's
    `elbo` = bound − log Z (all in nats per row) appear where the machine is small enough.
    """
    record = {}
    for prefix, data in (("", rows), ("validation_", validation)):
        if data is None:
            continue
        v, observed, offset = data.some(MONITOR_ROWS)
        n_machines = len(v) if data.masked else 1
        size = math.log2(max(1, model.visible_bias.numel() * n_machines))
        small = log2_states(model) + size <= EXACT_BITS and model.n_even <= EXACT_BITS - size
        if model.n_even:
            field = model.mean_field(v, observed, visible_offset=offset)
            record[prefix + "bound"] = float(field.bound.mean())
            if small:
                log_z = exact_log_partition(model, observed, offset)
                record[prefix + "elbo"] = float((field.bound - log_z).mean())
        else:
            record[prefix + "free_energy"] = float(model.free_energy(v, observed, offset).mean())
        record[prefix + "reconstruction_error"] = reconstruction_error(model, v, observed, offset)
        if not prefix:
            odd = field.means[0] if model.n_even else model.prob_h_given_v(v, observed)
            record |= {"saturation": saturation(odd), "distinct_codes": distinct_codes(odd)}
            record |= layer_activity(field.means) if model.n_even else {}
        if model.kind != "gaussian" and not model.n_even and len(v) * model.W.numel() <= 2**EXACT_BITS:
            record[prefix + "pseudo_log_likelihood"] = float(
                pseudo_log_likelihood(model, v, observed, offset).mean()
            )
        if small:
            record[prefix + "log_likelihood"] = float(exact_log_likelihood(model, v, observed, offset).mean())
    return record
