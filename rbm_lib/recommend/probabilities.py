"""Metrics of predicted probabilities.

Score probabilities, not samples: their absolute error is 2p(1 - p) at the true p.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import as_numbers, require_whole
from rbm_lib.data.ids import flat_array
from rbm_lib.recommend.bootstrap import bootstrap

__all__ = [
    "auc_lead",
    "calibration_curve",
    "rating_metrics",
]


def rating_metrics(
    probability: ArrayLike,
    label: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    predicted: ArrayLike | None = None,
    rating: ArrayLike | None = None,
    n_bins: int = 15,
    n_bootstrap: int = 500,
) -> pd.DataFrame:
    """Compute AUC, log-loss (nats) and expected calibration error, ECE, of P(like).

    The ECE is the mean |observed - predicted rate| over bins of equal frequency. Resampling
    adds noise to each, so its interval lies rather above. Columns as in `mean_interval`.

    Parameters
    ----------
    probability, label : (n,)
        P(like), and 1 for a like or 0. Both labels have to occur.
    groups : (n,), optional
        Such as users. The bootstrap then draws groups, because one person's ratings are not
        independent. Adds "group AUC", the mean over groups with both labels.
    predicted, rating : (n,), optional
        Expected and actual ratings. Adds their RMSE and their mean absolute error, MAE.

    Examples
    --------
    >>> table = rating_metrics([0.9, 0.4, 0.6], [1, 0, 0], n_bins=1, n_bootstrap=0)
    >>> table.set_index("metric")["mean"].round(3).to_dict()
    {'AUC': 1.0, 'log-loss': 0.511, 'ECE': 0.3}
    """
    prob, label, group = _checked("probability", probability, label, groups)
    error = None
    if predicted is not None:
        error = _column("predicted", predicted, len(prob))
        error = error - _column("rating", rating, len(prob))
    return bootstrap(statistics_of(prob, label, group, error, n_bins), group, n_bootstrap)


def statistics_of(
    prob: NDArray,
    label: NDArray,
    group: NDArray,
    error: NDArray | None = None,
    n_bins: int = 15,
) -> Callable[[NDArray], dict[str, float]]:
    """The metrics of `rating_metrics` as a function of the weight of each group."""
    bins = _bins(prob, n_bins)
    auc = _weighted_auc(prob, label)
    group_auc = _group_auc(prob, label, group)
    has_auc = np.isfinite(group_auc)
    likelihood = np.where(label == 1, prob, 1 - prob)
    loss = -np.log(np.clip(likelihood, np.finfo(float).eps, 1))

    def statistics(group_weight: NDArray) -> dict[str, float]:
        weight = group_weight[group]
        total = weight.sum()
        result = {"AUC": auc(weight), "log-loss": weight @ loss / total}
        excess = np.bincount(bins, weight * (label - prob))
        result["ECE"] = np.abs(excess).sum() / total
        if has_auc.any():
            chosen = group_weight[has_auc]
            result["group AUC"] = chosen @ group_auc[has_auc] / chosen.sum()
        if error is not None:
            result["RMSE"] = np.sqrt(weight @ error**2 / total)
            result["MAE"] = weight @ np.abs(error) / total
        return result

    return statistics


def auc_lead(
    probability: ArrayLike,
    other: ArrayLike,
    label: ArrayLike,
    groups: ArrayLike | None = None,
    n_bootstrap: int = 500,
) -> pd.DataFrame:
    """Compute by how much the AUC of `probability` exceeds that of `other`.

    Both face the same resampled groups, so the interval is narrower than those of the two
    AUCs suggest. The rest is as in `rating_metrics`.

    Examples
    --------
    >>> auc_lead([0.9, 0.4, 0.6], [0.5, 0.4, 0.6], [1, 0, 0])["mean"].tolist()
    [0.5]
    """
    prob, label, group = _checked("probability", probability, label, groups)
    auc = _weighted_auc(prob, label)
    other_auc = _weighted_auc(_checked("other", other, label)[0], label)

    def lead(weight: NDArray) -> dict[str, float]:
        return {"AUC lead": auc(weight[group]) - other_auc(weight[group])}

    return bootstrap(lead, group, n_bootstrap)


def calibration_curve(
    probability: ArrayLike, label: ArrayLike, n_bins: int = 15
) -> pd.DataFrame:
    """Compare predicted and observed rates in bins of equal frequency.

    Equal probabilities share a bin, so there may be fewer than `n_bins`.

    Returns
    -------
    DataFrame with the columns predicted, observed, low, high (95 % Wilson interval) and n
    """
    prob, label, _ = _checked("probability", probability, label)
    rows = pd.DataFrame({"predicted": prob, "observed": label}).groupby(_bins(prob, n_bins))
    curve = rows.agg("mean").reset_index(drop=True)
    observed = curve["observed"]
    n = rows.size().to_numpy()
    z = 1.959964
    scale = 1 + z**2 / n
    centre = (observed + z**2 / (2 * n)) / scale
    half = z / scale * np.sqrt(observed * (1 - observed) / n + z**2 / (4 * n**2))
    return curve.assign(low=centre - half, high=centre + half, n=n)


def _checked(
    name: str, probability: ArrayLike, label: ArrayLike, groups: ArrayLike | None = None
) -> tuple[NDArray, NDArray, NDArray]:
    """Probabilities, labels and group numbers; without groups each row is one."""
    prob = _column(name, probability)
    label = _column("label", label, len(prob))
    if not ((prob >= 0) & (prob <= 1)).all():
        raise ValueError(f"{name}: got {prob.min():g} to {prob.max():g}, expected 0 to 1.")
    found = np.unique(label).tolist()
    if found != [0, 1]:
        raise ValueError(f"label: got {found[:5]}, expected 0 and 1, both of them.")
    if groups is None:
        return prob, label, np.arange(len(prob))
    names = flat_array("groups", groups)
    if len(names) != len(prob):
        raise ValueError(f"groups: got {len(names)}, expected one for each of {len(prob)}.")
    return prob, label, pd.factorize(names, sort=True)[0]


def _column(name: str, values: ArrayLike | None, n: int | None = None) -> NDArray:
    return as_numbers(values, name, (n,)).cpu().double().numpy()


def _bins(prob: NDArray, n_bins: int) -> NDArray:
    """Number of each probability's bin of equal frequency; equal ones share a bin."""
    n_bins = require_whole("n_bins", n_bins)
    return np.searchsorted(np.quantile(prob, np.linspace(0, 1, n_bins + 1)[1:-1]), prob)


def _weighted_auc(prob: NDArray, label: NDArray) -> Callable[[NDArray], float]:
    """The area under the ROC curve as a function of the rows' weights; ties count half."""
    order = np.argsort(prob, kind="stable")
    label = label[order]
    first_of_ties = np.flatnonzero(np.r_[True, np.diff(prob[order]) > 0])

    def auc(weight: NDArray) -> float:
        weight = weight[order]
        positive = np.add.reduceat(weight * label, first_of_ties)
        negative = np.add.reduceat(weight * (1 - label), first_of_ties)
        below = np.cumsum(negative) - negative / 2
        return positive @ below / (positive.sum() * negative.sum())

    return auc


def _group_auc(prob: NDArray, label: NDArray, group: NDArray) -> NDArray:
    """AUC within each group by mean ranks (Mann-Whitney); NaN if it has one label only."""
    rank = pd.Series(prob).groupby(group).rank().to_numpy()
    positive = np.bincount(group, label)
    pairs = positive * (np.bincount(group) - positive)
    won = np.bincount(group, rank * label) - positive * (positive + 1) / 2
    return np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
