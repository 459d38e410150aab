"""What to watch while a machine learns, and what each figure can and cannot tell."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rbm_lib.likelihood import exact_log_likelihood, log2_states, pseudo_log_likelihood
from rbm_lib.rbm import RBM

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
def reconstruction_error(model: RBM, v: Tensor, observed=None, visible_offset=None) -> float:
    """Mean over observed units of (v − reconstruction)², by one mean-field pass.

    Small values say that hidden units carry what v says, not that the machine gives v a high probability.
    """
    mean = model.mean_v_given_h(model.prob_h_given_v(v, observed), visible_offset)
    squared = (v - mean) ** 2
    squared = squared if model.n_levels is None else squared.sum(-1)
    if observed is None:
        return float(squared.mean())
    mask = observed.expand(squared.shape)
    return float((squared * mask).sum() / mask.sum().clamp(min=1))


@torch.no_grad()
def saturation(prob_h: Tensor) -> float:
    """Share of hidden probabilities within 0.01 of 0 or 1: near 1, they are switches that no longer learn."""
    return float(((prob_h < 0.01) | (prob_h > 0.99)).to(prob_h.dtype).mean())


@torch.no_grad()
def distinct_codes(prob_h: Tensor) -> int:
    """Number of different hidden codes (probabilities rounded to 0 or 1) among the rows."""
    return len(torch.unique(prob_h > 0.5, dim=0))


@torch.no_grad()
def monitor(model: RBM, rows, validation=None) -> dict[str, float]:
    """The record of one epoch, on at most 1,000 evenly spaced rows of each set.

    Free energies are means in nats; where rows differ in their masks each has its own log Z, and they
    compare epochs of one set only. The pseudo-likelihood and the exact log-likelihood (both in nats per row)
    appear where the machine is small enough.
    """
    record = {}
    for prefix, data in (("", rows), ("validation_", validation)):
        if data is None:
            continue
        v, observed, offset = data.some(MONITOR_ROWS)
        record[prefix + "free_energy"] = float(model.free_energy(v, observed, offset).mean())
        record[prefix + "reconstruction_error"] = reconstruction_error(model, v, observed, offset)
        if not prefix:
            prob_h = model.prob_h_given_v(v, observed)
            record |= {"saturation": saturation(prob_h), "distinct_codes": distinct_codes(prob_h)}
        if model.kind != "gaussian" and len(v) * model.W.numel() <= 2**EXACT_BITS:
            record[prefix + "pseudo_log_likelihood"] = float(
                pseudo_log_likelihood(model, v, observed, offset).mean()
            )
        n_machines = len(v) if data.masked else 1
        if log2_states(model) + math.log2(max(1, model.visible_bias.numel() * n_machines)) <= EXACT_BITS:
            record[prefix + "log_likelihood"] = float(exact_log_likelihood(model, v, observed, offset).mean())
    return record
