"""Metrics of rankings and of predicted probabilities, with bootstrap intervals.

Whenever you quote a number, say which split, which items are relevant and which compete,
because it depends on all three. Score probabilities and never samples: the absolute error of
sampled bits is 2p(1 - p) on average even if p is the true probability.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from rbm_lib.checks import as_numbers, require_number, require_whole
from rbm_lib.data.masks import Mask, assert_no_leak, sparse_mask
from rbm_lib.recommend.scoring import top_n

__all__ = [
    "auc_lead",
    "calibration_curve",
    "mean_interval",
    "per_user_ranking",
    "ranking_metrics",
    "rating_metrics",
]


def per_user_ranking(
    scores: ArrayLike, held_out: Mask, seen: Mask, k: int | Sequence[int] = 10
) -> pd.DataFrame:
    """Compute the ranking metrics of each user who has held-out items.

    All unseen items compete; equal scores are ranked by lowest index. With r relevant items:
    NDCG@k is the sum of 1 / log2(place + 1) over the hits among the first k, divided by its
    maximum; Recall@k is hits / r; Precision@k is hits / k; and MAP@k is the sum over the hits
    of the precision at their place, divided by min(k, r).

    Parameters
    ----------
    scores : array, shape (n_users, n_items)
        Higher is better.
    held_out, seen : mask, shape (n_users, n_items)
        The relevant items, and those that must not be recommended: booleans, SciPy sparse,
        or the rated cells of a RatingMatrix.
    k : int or several
        Length of the list.

    Returns
    -------
    DataFrame
        One row per user, one column per metric and k.

    Raises
    ------
    ValueError
        If shapes differ, a score is NaN, or an item is both seen and held out.

    Examples
    --------
    >>> held_out, seen = [[False, False, True]], [[True, False, False]]
    >>> per_user_ranking([[0.9, 0.5, 0.1]], held_out, seen, k=2)["MAP@2"].tolist()
    [0.5]
    """
    lengths = [require_whole("k", length) for length in np.atleast_1d(k)]
    if not lengths:
        raise ValueError("k: got no number, expected one or several.")
    assert_no_leak(seen, held_out)
    relevant = sparse_mask("held_out", held_out).toarray()
    users = np.flatnonzero(relevant.any(1))
    relevant = relevant[users]
    n_relevant = relevant.sum(1)

    items = top_n(scores, seen, max(lengths))[0].cpu().numpy()[users]
    # Item -1 fills the list of a user who has few candidates left, and is never a hit.
    hit = (np.take_along_axis(relevant, items, 1) & (items >= 0)).astype(float)
    place = np.arange(1, max(lengths) + 1)
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
    k: int | Sequence[int] = 10,
    n_bootstrap: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Average `per_user_ranking` over users.

    Parameters and errors are those of `per_user_ranking` and `mean_interval`.

    Returns
    -------
    DataFrame
        Columns metric, mean, low, high, and n, the number of users with held-out items.
    """
    per_user = per_user_ranking(scores, held_out, seen, k)
    if per_user.empty:
        raise ValueError("held_out: got no item, expected one or more.")
    return mean_interval(per_user, n_bootstrap, level, seed)


def mean_interval(
    per_user: pd.DataFrame, n_bootstrap: int = 1000, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Average each column and bootstrap the mean over rows.

    Parameters
    ----------
    per_user : DataFrame
        One row per user, or per another unit that is independent of the rest.
    n_bootstrap : int
        Number of resamples; with 0 the interval is NaN.
    level : float
        Coverage of the percentile interval.
    seed : int
        Two tables with the same seed and number of rows face the same resamples.

    Returns
    -------
    DataFrame
        Columns metric, mean, low, high, and n, the number of rows.

    Examples
    --------
    >>> table = mean_interval(pd.DataFrame({"Recall@10": [0.0, 0.5, 1.0]}))
    >>> table[["mean", "low", "high"]].values.tolist()
    [[0.5, 0.0, 1.0]]
    """
    if not isinstance(per_user, pd.DataFrame) or per_user.empty:
        raise ValueError(
            f"per_user: got {type(per_user).__name__} of {np.size(per_user)} numbers, "
            "expected a DataFrame with a row for each user."
        )
    values = as_numbers(per_user, "per_user").numpy()

    def means(weight: NDArray) -> dict[str, float]:
        return dict(zip(per_user.columns, weight @ values / weight.sum(), strict=True))

    return _bootstrap(means, len(values), len(values), n_bootstrap, level, seed)


def rating_metrics(
    probability: ArrayLike,
    label: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    predicted: ArrayLike | None = None,
    rating: ArrayLike | None = None,
    n_bins: int = 15,
    n_bootstrap: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute AUC, log-loss and expected calibration error (ECE) of predicted probabilities.

    Parameters
    ----------
    probability, label : array, shape (n,)
        P(like) between 0 and 1, and whether it was a like, 0 or 1.
    groups : array, shape (n,), optional
        Such as users. The bootstrap draws groups instead of ratings, because the ratings of
        one person are not independent. Adds "group AUC", the mean over groups with both
        labels.
    predicted, rating : array, shape (n,), optional
        Expected and actual ratings. Adds their RMSE.
    n_bins : int
        The ECE, mean |observed - predicted rate|, uses bins of equal frequency. Resampling
        adds noise to each bin, so its interval tends to lie above its value.
    n_bootstrap, level, seed
        As in `mean_interval`.

    Returns
    -------
    DataFrame
        Columns metric, mean, low, high, n. The log-loss is in nats.

    Raises
    ------
    ValueError
        If shapes differ, a value is out of range, or only one label occurs.

    Examples
    --------
    >>> table = rating_metrics([0.9, 0.4, 0.6], [1, 0, 0], n_bootstrap=0, n_bins=1)
    >>> table.set_index("metric")["mean"].round(3).to_dict()
    {'AUC': 1.0, 'log-loss': 0.511, 'ECE': 0.3}
    """
    prob, label, group = _checked("probability", probability, label, groups)
    n_bins = require_whole("n_bins", n_bins)
    squares = None
    if predicted is not None:
        error = _numbers("predicted", predicted, len(prob)) - _numbers(
            "rating", rating, len(prob)
        )
        squares = error**2

    auc = _weighted_auc(prob, label)
    likelihood = np.where(label == 1, prob, 1 - prob)
    loss = -np.log(np.clip(likelihood, np.finfo(float).eps, 1))
    bins = _bins(prob, n_bins)
    group_auc = _group_auc(prob, label, group)
    has_auc = np.isfinite(group_auc)

    def statistics(group_weight: NDArray) -> dict[str, float]:
        weight = group_weight[group]
        total = weight.sum()
        excess = np.bincount(bins, weight * (label - prob), n_bins)
        result = {
            "AUC": auc(weight),
            "log-loss": weight @ loss / total,
            "ECE": np.abs(excess).sum() / total,
        }
        if has_auc.any():
            chosen = group_weight[has_auc]
            result["group AUC"] = _ratio(chosen @ group_auc[has_auc], chosen.sum())
        if squares is not None:
            result["RMSE"] = np.sqrt(weight @ squares / total)
        return result

    return _bootstrap(statistics, group.max() + 1, len(prob), n_bootstrap, level, seed)


def auc_lead(
    probability: ArrayLike,
    other: ArrayLike,
    label: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    n_bootstrap: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute by how much the AUC of `probability` exceeds that of `other`.

    Both face the same resampled groups, so the interval is much narrower than those of the
    two AUCs suggest. Parameters, errors and columns are those of `rating_metrics`.

    Examples
    --------
    >>> auc_lead([0.9, 0.4, 0.6], [0.5, 0.4, 0.6], [1, 0, 0]).loc[0, "mean"]
    0.5
    """
    prob, label, group = _checked("probability", probability, label, groups)
    rival = _checked("other", other, label, groups)[0]
    auc = _weighted_auc(prob, label)
    rival_auc = _weighted_auc(rival, label)

    def lead(group_weight: NDArray) -> dict[str, float]:
        weight = group_weight[group]
        return {"AUC lead": auc(weight) - rival_auc(weight)}

    return _bootstrap(lead, group.max() + 1, len(prob), n_bootstrap, level, seed)


def calibration_curve(
    probability: ArrayLike, label: ArrayLike, n_bins: int = 15
) -> pd.DataFrame:
    """Compare predicted and observed rates in bins of equal frequency.

    Equal probabilities share a bin, so there can be fewer bins than asked for. Parameters and
    errors are those of `rating_metrics`.

    Returns
    -------
    DataFrame
        Columns predicted, observed, low, high (the 95 % Wilson interval of observed), n.
    """
    prob, label, _ = _checked("probability", probability, label)
    bins = _bins(prob, require_whole("n_bins", n_bins))
    rows = pd.DataFrame({"predicted": prob, "observed": label}).groupby(bins)
    curve = rows.mean().reset_index(drop=True)
    n = rows.size().to_numpy()
    observed = curve["observed"]

    z = 1.959964
    shrink = 1 + z**2 / n
    centre = (observed + z**2 / (2 * n)) / shrink
    half = z / shrink * np.sqrt(observed * (1 - observed) / n + z**2 / (4 * n**2))
    return curve.assign(low=centre - half, high=centre + half, n=n)


def _checked(
    name: str, probability: ArrayLike, label: ArrayLike, groups: ArrayLike | None = None
) -> tuple[NDArray, NDArray, NDArray]:
    """Probabilities, labels, and group numbers 0, 1, ...; each row its own without groups."""
    prob = _numbers(name, probability)
    label = _numbers("label", label, len(prob))
    if not ((prob >= 0) & (prob <= 1)).all():
        raise ValueError(f"{name}: got {prob.min():g} to {prob.max():g}, expected 0 to 1.")
    if set(np.unique(label)) != {0, 1}:
        found = np.unique(label)[:5].tolist()
        raise ValueError(f"label: got the values {found}, expected 0 and 1, both of them.")
    if groups is None:
        return prob, label, np.arange(len(prob))
    if isinstance(groups, torch.Tensor):
        groups = groups.detach().cpu()
    codes, _ = pd.factorize(np.asarray(groups), sort=True)
    return prob, label, codes


def _numbers(name: str, values: ArrayLike | None, n: int | None = None) -> NDArray:
    """A float64 array (n,)."""
    return as_numbers(values, name, (n,)).cpu().double().numpy()


def _bins(prob: NDArray, n_bins: int) -> NDArray:
    """Number of each probability's bin of equal frequency; equal ones fall into one bin."""
    edges = np.quantile(prob, np.linspace(0, 1, n_bins + 1)[1:-1])
    return np.searchsorted(edges, prob)


def _ratio(part: float, total: float) -> float:
    return part / total if total else np.nan


def _weighted_auc(prob: NDArray, label: NDArray) -> Callable[[NDArray], float]:
    """A function of a weight per row: the weighted area under the ROC curve; ties count half."""
    order = np.argsort(prob, kind="stable")
    label = label[order]
    first_of_ties = np.flatnonzero(np.r_[True, np.diff(prob[order]) > 0])

    def auc(weight: NDArray) -> float:
        weight = weight[order]
        positive = np.add.reduceat(weight * label, first_of_ties)
        negative = np.add.reduceat(weight * (1 - label), first_of_ties)
        below = np.cumsum(negative) - negative / 2
        return _ratio((positive * below).sum(), positive.sum() * negative.sum())

    return auc


def _group_auc(prob: NDArray, label: NDArray, group: NDArray) -> NDArray:
    """AUC within each group by mean ranks (Mann-Whitney); NaN if it has one label only."""
    rank = pd.Series(prob).groupby(group).rank().to_numpy()
    positive = np.bincount(group, label)
    pairs = positive * (np.bincount(group) - positive)
    won = np.bincount(group, rank * label) - positive * (positive + 1) / 2
    return np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def _bootstrap(
    statistics: Callable[[NDArray], dict[str, float]],
    n_groups: int,
    n: int,
    n_bootstrap: int,
    level: float,
    seed: int,
) -> pd.DataFrame:
    """The statistics at weight 1 for each group, and their percentiles at resampled weights."""
    n_bootstrap = require_whole("n_bootstrap", n_bootstrap, least=0)
    tail = (1 - require_number("level", level, most=1)) / 2
    rng = np.random.default_rng(require_whole("seed", seed, least=0))

    value = pd.Series(statistics(np.ones(n_groups)))
    resampled = []
    for _ in range(n_bootstrap):
        drawn = rng.integers(n_groups, size=n_groups)
        weight = np.bincount(drawn, minlength=n_groups).astype(float)
        resampled.append(statistics(weight))
    bounds = pd.DataFrame(resampled, columns=value.index, dtype=float).quantile(
        [tail, 1 - tail]
    )
    low, high = bounds.to_numpy()
    return pd.DataFrame(
        {"metric": value.index, "mean": value.to_numpy(), "low": low, "high": high, "n": n}
    )
