"""A deep belief network with a classifier on top, pretrained or not."""

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.deezer.listens import Case
from benchmarks.deezer.machines import QUIET, seeded, unwatched
from benchmarks.deezer.scores import log
from rbm_lib import DBN, pretrain
from rbm_lib.training import fine_tune

N_BINS = 8
RATES = (3e-4, 1e-3, 3e-3, 1e-2)


def binned(x: pd.DataFrame, rows: pd.DataFrame) -> torch.Tensor:
    """The columns of `rows`, cut into bins of equal frequency in `x`."""
    columns = []
    for name in x:
        edges = np.unique(np.quantile(x[name], np.arange(1, N_BINS) / N_BINS))
        columns.append(np.searchsorted(edges, rows[name], side="right"))
    return torch.tensor(np.column_stack(columns))


def belief_network(
    x: pd.DataFrame, y: pd.Series, x_later: pd.DataFrame, pretrained: bool, lr: float
) -> NDArray[np.float64]:
    """P(kept) of the later rows; `lr` is the learning rate of fine-tuning."""
    bins = binned(x, x)
    model = DBN(
        [bins.shape[1], 40, 40],
        "categorical",
        n_levels=N_BINS,
        n_classes=2,
        weight_std=0.05 if pretrained else 0.3,
        seed=0,
    )
    options = {"batch_size": 100, **QUIET}
    if pretrained:
        pretrain(
            model,
            bins,
            epochs=3,
            lr=0.01,
            callbacks=unwatched(),
            generator=seeded(),
            **options,
        )
    fine_tune(
        model,
        bins,
        torch.tensor(y.to_numpy(dtype=int)),
        epochs=6,
        lr=lr,
        weight_decay=1e-4,
        generator=seeded(),
        **options,
    )
    return model.predict_proba(binned(x, x_later))[:, 1].double().numpy()


def chosen_rate(inner: Case, pretrained: bool) -> float:
    """The learning rate of fine-tuning with the highest AUC on the last known days."""
    later, x_later = inner.held_out["inner"]
    y = inner.known["is_listened"]
    aucs = []
    for lr in RATES:
        chance = belief_network(inner.features, y, x_later, pretrained, lr)
        aucs.append(roc_auc_score(later["is_listened"], chance))
        log(f"DBN, {pretrained=}, rate {lr}: {aucs[-1]:.4f} on the inner split")
    return RATES[int(np.argmax(aucs))]
