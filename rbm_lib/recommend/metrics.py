"""Metrics of rankings and of predicted probabilities, with bootstrap intervals.

Report the split, the relevant items and those that compete, because a result depends on all
three. Score probabilities, not samples: their absolute error is 2p(1 - p) at the true p.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import as_numbers, require_whole
from rbm_lib.data.ids import flat_array
from rbm_lib.data.masks import Mask, assert_no_leak, sparse_mask
from rbm_lib.recommend.top import top_n

__all__ = [
    "auc_lead",
    "calibration_curve",
    "mean_interval",
    "per_user_ranking",
    "ranking_metrics",
    "rating_metrics",
]


def per_user_ranking(
    scores: ArrayLike, held_out: Mask, seen: Mask, k: ArrayLike = 10
) -> pd.DataFrame:
    """Compute NDCG, recall, precision and MAP at k of each user with held-out items.

    All unseen items compete; equal scores are ranked by lowest index. With r relevant items
    NDCG is Σ 1 / log2(place + 1) over the hits, divided by its maximum, recall hits / r,
    precision hits / k, and MAP the sum of the precisions at the hits / min(k, r).

    Parameters
    ----------
    scores : (n_users, n_items)
        Higher is better.
    held_out, seen : (n_users, n_items)
        Relevant and excluded items: booleans, SciPy sparse, or a RatingMatrix.

    Examples
    --------
    >>> held_out, seen = [[False, False, True]], [[True, False, False]]
    >>> per_user_ranking([[0.9, 0.5, 0.1]], held_out, seen, k=2)["MAP@2"].tolist()
    [0.5]
    """
    lengths = [require_whole("k", length) for length in np.atleast_1d(k)]
    longest = require_whole("k", max(lengths, default=0))
    seen = sparse_mask("seen", seen)
    assert_no_leak(seen, held_out)
    relevant = sparse_mask("held_out", held_out).toarray()
    if not relevant.any():
        raise ValueError("held_out: got no item, expected one or more.")
    users = np.flatnonzero(relevant.any(1))
    relevant = relevant[users]
    n_relevant = relevant.sum(1)

    items = top_n(scores, seen, longest)[0].cpu().numpy()[users]
    # Item -1 fills the list of a user with few candidates, and is never a hit.
    hit = (np.take_along_axis(relevant, items, 1) & (items >= 0)).astype(float)
    place = np.arange(1, longest + 1)
    discount = 1 / np.log2(place + 1)
    precision = np.cumsum(hit, 1) / place
    columns = {}
    for length in lengths:
        most_hits = np.minimum(length, n_relevant)
        n_hits = hit[:, :length].sum(1)
        gain = hit[:, :length] @ discount[:length]
        columns[f"NDCG@{length}"] = gain / np.cumsum(discount)[most_hits - 1]
        columns[f"Recall@{length}"] = n_hits / n_relevant
        columns[f"Precision@{length}"] = n_hits / length
        columns[f"MAP@{length}"] = (precision * hit)[:, :length].sum(1) / most_hits
    return pd.DataFrame(columns, index=pd.Index(users, name="user"))


def ranking_metrics(
    scores: ArrayLike,
    held_out: Mask,
    seen: Mask,
    k: ArrayLike = 10,
    n_bootstrap: int = 1000,
) -> pd.DataFrame:
    """Average `per_user_ranking` over users with `mean_interval`."""
    return mean_interval(per_user_ranking(scores, held_out, seen, k), n_bootstrap)


def mean_interval(per_user: pd.DataFrame, n_bootstrap: int = 1000) -> pd.DataFrame:
    """Average each column, with a bootstrap over rows.

    Parameters
    ----------
    per_user : DataFrame
        A row for each user, or for another unit that is independent of the rest.
    n_bootstrap : int
        Number of resamples, which are the same in each call.

    Returns
    -------
    DataFrame with the columns metric, mean, low, high (95 % interval) and n (rows)

    Examples
    --------
    >>> mean_interval(pd.DataFrame({"Recall@10": [0.0, 0.5, 1.0]})).values.tolist()
    [['Recall@10', 0.5, 0.0, 1.0, 3]]
    """
    if not isinstance(per_user, pd.DataFrame) or per_user.empty:
        given = type(per_user).__name__
        raise ValueError(f"per_user: got {given}, expected a DataFrame that is not empty.")
    values = as_numbers(per_user, "per_user").numpy()

    def means(weight: NDArray) -> dict[str, float]:
        return dict(zip(per_user.columns, weight @ values / weight.sum(), strict=True))

    return _bootstrap(means, np.arange(len(values)), n_bootstrap)


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
        Expected and actual ratings. Adds their RMSE.

    Examples
    --------
    >>> table = rating_metrics([0.9, 0.4, 0.6], [1, 0, 0], n_bins=1, n_bootstrap=0)
    >>> table.set_index("metric")["mean"].round(3).to_dict()
    {'AUC': 1.0, 'log-loss': 0.511, 'ECE': 0.3}
    """
    prob, label, group = _checked("probability", probability, label, groups)
    bins = _bins(prob, n_bins)
    auc = _weighted_auc(prob, label)
    group_auc = _group_auc(prob, label, group)
    has_auc = np.isfinite(group_auc)
    likelihood = np.where(label == 1, prob, 1 - prob)
    loss = -np.log(np.clip(likelihood, np.finfo(float).eps, 1))
    error = None
    if predicted is not None:
        error = _column("predicted", predicted, len(prob))
        error = error - _column("rating", rating, len(prob))

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
        return result

    return _bootstrap(statistics, group, n_bootstrap)


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

    return _bootstrap(lead, group, n_bootstrap)


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
    return prob, label, np.unique(names, return_inverse=True)[1]


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


def _bootstrap(
    statistics: Callable[[NDArray], dict[str, float]], group: NDArray, n_bootstrap: int
) -> pd.DataFrame:
    """The statistics at weight 1 per group, with an interval from resampled weights."""
    n_bootstrap = require_whole("n_bootstrap", n_bootstrap, least=0)
    rng = np.random.default_rng(0)
    n_groups = group.max() + 1
    mean = statistics(np.ones(n_groups))
    resampled = np.full((max(n_bootstrap, 1), len(mean)), np.nan)
    for row in range(n_bootstrap):
        drawn = rng.integers(n_groups, size=n_groups)
        weight = np.bincount(drawn, minlength=n_groups).astype(float)
        with np.errstate(invalid="ignore"):  # NaN is the AUC of a sample without one label
            resampled[row] = list(statistics(weight).values())
    low, high = pd.DataFrame(resampled).quantile([0.025, 0.975]).to_numpy()
    columns = {"metric": list(mean), "mean": list(mean.values()), "low": low, "high": high}
    return pd.DataFrame(columns).assign(n=len(group))
