"""Honest evaluation: splits whose test half a model cannot see, and metrics with intervals.

Every figure depends on its protocol: say which split, which items are relevant, which are candidates.
Samples are never scored: the absolute difference of sampled bits costs 2p(1−p) even for a perfect model.
Arrays are NumPy here.
"""

from dataclasses import dataclass

import numpy as np
import torch

from rbm_lib.checks import as_numbers, check_shape, require_number, require_whole
from rbm_lib.data.masks import assert_no_leak, sparse_mask
from rbm_lib.data.ratings import require_ratings

# ---- splits ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """Training and held-out ratings, two RatingMatrix over the same users and items without a common cell.

    A scorer, a function of one RatingMatrix, is handed `train` and never sees `held_out`. Raises ValueError
    for different catalogues and for a cell in both.
    """

    train: object
    held_out: object

    def __post_init__(self):
        require_ratings("train", self.train)
        require_ratings("held_out", self.held_out)
        for ids in ("user_ids", "item_ids"):
            if not np.array_equal(getattr(self.train, ids), getattr(self.held_out, ids)):
                raise ValueError(
                    f"held_out: its {ids} differ from those of train; build both with the same {ids}=."
                )
        assert_no_leak(self.train, self.held_out)

    def ranking(self, scorer, k=10, **options):
        """`ranking_metrics` of scorer(train), scores (n_users, n_items); all unseen items compete.

        Relevant: held-out cells of the highest level (a binarised matrix: the likes).
        """
        likes = self.held_out.likes(self.held_out.n_levels - 1)
        return ranking_metrics(scores_of(scorer, self.train), likes, self.train, k, **options)

    def rating(self, scorer, like_at_least=None, **options):
        """`rating_metrics` of scorer(train) on the held-out cells, users as groups.

        The scorer returns P(like) or, where there are more than two levels, P(level) (n_users, n_items,
        n_levels): then the label is level ≥ `like_at_least`, counted from 0, and RMSE is given too.
        """
        users, items, levels = self.held_out.triples()
        if like_at_least is not None:
            like_at_least = require_whole("like_at_least", like_at_least)
            if like_at_least >= self.held_out.n_levels:
                raise ValueError(
                    f"like_at_least: got {like_at_least}, expected 1 to {self.held_out.n_levels - 1}."
                )
        prob = scores_of(scorer, self.train)[users, items]
        if prob.ndim == 2:
            if like_at_least is None:
                raise ValueError(
                    "like_at_least: got None for probabilities of levels; say from which level on a like."
                )
            options |= {"predicted": prob @ np.arange(prob.shape[1]), "rating": levels}
            prob = prob[:, like_at_least:].sum(1)
        elif like_at_least is None and self.held_out.n_levels > 2:
            raise ValueError(
                f"like_at_least: got None for {self.held_out.n_levels} levels; give the lowest liked one."
            )
        return rating_metrics(prob, levels >= (like_at_least or 1), users, **options)


def random_split(ratings, share: float = 0.2, seed: int = 0) -> Split:
    """Per user, a random `share` of the ratings (rounded; a user with one rating keeps it) is held out."""
    require_ratings("ratings", ratings)
    share = require_number("share", share, most=1)
    if not 0 < share < 1:
        raise ValueError(f"share: got {share}, expected a number between 0 and 1.")
    count, (users, _, _) = ratings.user_counts(), ratings.triples()
    start = np.cumsum(count) - count
    order = np.lexsort((_draws(seed).random(len(users)), users))
    place = np.empty(len(users), dtype=np.int64)
    place[order] = np.arange(len(users)) - start[users]  # a random rank within the user
    held_out = place < np.minimum(np.round(share * count).astype(int), count - 1)[users]
    return Split(ratings.keep(~held_out), ratings.keep(held_out))


def select(candidates: dict, train, measure, share: float = 0.2, seeds=(0,)):
    """Choose among {name: scorer} on inner splits of `train`: (best name, DataFrame of name, seed, value).

    measure(split, scorer) → a number, more is better, such as
    `lambda split, scorer: split.ranking(scorer).set_index("metric")["mean"]["NDCG@10"]`. There is no
    argument for a test matrix, so that none can take part. Equal values: the first candidate.
    """
    import pandas as pd

    if not isinstance(candidates, dict) or not candidates or not all(map(callable, candidates.values())):
        raise ValueError(f"candidates: got {candidates!r:.60}, expected some as {{name: scorer}}.")
    if len(seeds) == 0:
        raise ValueError("seeds: got none, expected one or more.")
    splits = {seed: random_split(train, share, seed) for seed in seeds}
    records = [
        {"name": name, "seed": seed, "value": float(measure(split, scorer))}
        for name, scorer in candidates.items()
        for seed, split in splits.items()
    ]
    if missing := [record for record in records if not np.isfinite(record["value"])]:
        raise ValueError(f"measure: got {missing[0]['value']} of {missing[0]['name']!r}, expected a number.")
    frame = pd.DataFrame(records)
    return frame.groupby("name", sort=False)["value"].mean().idxmax(), frame


# ---- ranking ----------------------------------------------------------------------------------------------


def per_user_ranking(scores, held_out, seen, k=10):
    """Ranking metrics of each user with held-out items: a DataFrame, index user (row), one column per metric.

    scores (B, n_items), higher is better; held_out: the relevant cells, seen: those not to be recommended
    (boolean, SciPy sparse or RatingMatrix). All unseen items are candidates. k: one number or several. With
    r relevant items: NDCG@k = Σ hits 1/log2(place+1) / (the same for min(k, r) hits in front); Recall@k =
    hits / r; Precision@k = hits / k; MAP@k = mean over min(k, r) of the precision at each hit. Equal scores:
    lowest index first. Raises ValueError for shapes that differ, NaN scores, or a cell both seen and held
    out.
    """
    import pandas as pd

    from rbm_lib.recommend.scoring import top_n

    cutoffs = np.array([require_whole("k", cut) for cut in np.atleast_1d(k)])
    if not len(cutoffs):
        raise ValueError("k: got no number, expected one or several.")
    assert_no_leak(seen, held_out)
    relevant = sparse_mask("held_out", held_out)
    users = np.flatnonzero(np.diff(relevant.indptr))
    r = np.diff(relevant.indptr)[users]
    items, _ = top_n(scores, seen, int(cutoffs.max()))
    items = items.cpu().numpy()[users]
    hit = np.where(items >= 0, relevant.toarray()[users[:, None], items], False).astype(float)
    discount = 1 / np.log2(np.arange(2, cutoffs.max() + 2))
    precision = np.cumsum(hit, 1) / np.arange(1, cutoffs.max() + 1)
    columns = {}
    for cut in cutoffs:
        best = np.minimum(cut, r)
        hits = hit[:, :cut].sum(1)
        columns[f"NDCG@{cut}"] = hit[:, :cut] @ discount[:cut] / np.cumsum(discount)[best - 1]
        columns[f"Recall@{cut}"] = hits / r
        columns[f"Precision@{cut}"] = hits / cut
        columns[f"MAP@{cut}"] = (precision * hit)[:, :cut].sum(1) / best
    return pd.DataFrame(columns, index=pd.Index(users, name="user"))


def ranking_metrics(scores, held_out, seen, k=10, n_bootstrap=1000, level=0.95, seed=0):
    """`per_user_ranking` averaged over users: a DataFrame metric, mean, low, high, n (users).

    low and high: percentile bootstrap over users, `level` of coverage. Users with nothing held out are left
    out.
    """
    per_user = per_user_ranking(scores, held_out, seen, k)
    if len(per_user) == 0:
        raise ValueError("held_out: got no cell, expected one or more.")
    return mean_interval(per_user, n_bootstrap, level, seed)


def mean_interval(per_user, n_bootstrap=1000, level=0.95, seed=0):
    """Column means of a DataFrame (one row per user), bootstrapped over rows: metric, mean, low, high, n."""
    if not hasattr(per_user, "columns") or len(per_user) == 0:
        given = f"{type(per_user).__name__} of {np.size(per_user)} values"
        raise ValueError(f"per_user: got {given}, expected a DataFrame with a row for each user.")
    values = as_numbers(per_user, "per_user").numpy()

    def means(weights):
        return dict(zip(per_user.columns, weights @ values / weights.sum(), strict=True))

    return _bootstrap(means, len(values), len(values), n_bootstrap, level, seed)


# ---- ratings ----------------------------------------------------------------------------------------------


def rating_metrics(
    probability,
    label,
    groups=None,
    *,
    predicted=None,
    rating=None,
    n_bins=15,
    n_bootstrap=500,
    level=0.95,
    seed=0,
):
    """AUC, log-loss (nats) and ECE of P(like): a DataFrame metric, mean, low, high, n.

    probability, label: (n,), between 0 and 1, and 0 or 1. groups (n,), such as users: adds "group AUC", the
    mean over groups that have both labels, and the bootstrap draws groups instead of ratings (ratings of a
    person are not independent). predicted and rating (n,): adds RMSE. ECE: mean |observed − predicted rate|
    over `n_bins` bins of equal frequency, weighted by their size; its bootstrap mean lies above it, for
    resampling adds noise to each bin. Raises ValueError for shapes, values or labels that do not fit, and
    where only one label occurs.
    """
    from sklearn.metrics import log_loss, roc_auc_score

    prob, label, groups = _check_ratings(probability, label, groups)
    n_bins = require_whole("n_bins", n_bins)
    group, n_groups = (np.arange(len(prob)), len(prob)) if groups is None else _codes(groups)
    auc = _weighted_auc(prob, label, group)
    tiny = np.finfo(float).eps
    loss = -np.log(np.clip(np.where(label == 1, prob, 1 - prob), tiny, 1))
    bins = _bins(prob, n_bins)
    squared = None
    if predicted is not None:
        squared = (_column("predicted", predicted, len(prob)) - _column("rating", rating, len(prob))) ** 2
    group_auc = np.array(np.nan) if groups is None else _group_auc(group, n_groups, prob, label)
    has_auc = np.isfinite(group_auc)

    def statistics(group_weight):
        w = group_weight[group]
        result = {
            "AUC": auc(group_weight),
            "log-loss": w @ loss / w.sum(),
            "ECE": np.abs(np.bincount(bins, w * (label - prob), n_bins)).sum() / w.sum(),
        }
        if has_auc.any():
            total = group_weight[has_auc].sum()
            result["group AUC"] = group_weight[has_auc] @ group_auc[has_auc] / total if total else np.nan
        if squared is not None:
            result["RMSE"] = np.sqrt(w @ squared / w.sum())
        return result

    frame = _bootstrap(statistics, n_groups, len(prob), n_bootstrap, level, seed)
    point = {"AUC": roc_auc_score(label, prob), "log-loss": log_loss(label, prob, labels=[0, 1])}
    frame["mean"] = frame["metric"].map(point).fillna(frame["mean"])
    return frame


def auc_lead(probability, other, label, groups=None, *, n_bootstrap=500, level=0.95, seed=0):
    """By how much the AUC of `probability` exceeds that of `other`: one row, mean, low, high, n.

    All (n,). Both face the same resampled groups (rows without `groups`): the interval of a difference is
    much narrower than those of the two figures suggest. Raises what `rating_metrics` does.
    """
    prob, label, groups = _check_ratings(probability, label, groups)
    rival = _check_ratings(_column("other", other, len(prob)), label, None)[0]
    group, n_groups = (np.arange(len(prob)), len(prob)) if groups is None else _codes(groups)
    one, two = (_weighted_auc(values, label, group) for values in (prob, rival))
    return _bootstrap(lambda w: {"AUC lead": one(w) - two(w)}, n_groups, len(prob), n_bootstrap, level, seed)


def calibration_curve(probability, label, n_bins=15):
    """Predicted and observed rate in bins of equal frequency: DataFrame predicted, observed, low, high, n.

    low, high: 95 % Wilson interval of the observed rate. Equal probabilities share a bin, so bins can be
    fewer.
    """
    import pandas as pd

    (prob, label, _), n_bins = _check_ratings(probability, label, None), require_whole("n_bins", n_bins)
    bins = _bins(prob, n_bins)
    n = np.bincount(bins, minlength=n_bins)
    used = n > 0
    n, z = n[used], 1.959964
    predicted, observed = (np.bincount(bins, values, n_bins)[used] / n for values in (prob, label))
    centre = (observed + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(observed * (1 - observed) / n + z**2 / (4 * n**2))
    return pd.DataFrame(
        {"predicted": predicted, "observed": observed, "low": centre - half, "high": centre + half, "n": n}
    )


# ---- parts ------------------------------------------------------------------------------------------------


def _bootstrap(statistics, n_groups, n, n_bootstrap, level, seed):
    """statistics(weight per group) → {metric: value} at weights 1 and at resampled ones, as a DataFrame."""
    import pandas as pd

    n_bootstrap = require_whole("n_bootstrap", n_bootstrap, least=0)
    rng, level = _draws(seed), require_number("level", level, most=1)
    point = statistics(np.ones(n_groups))
    resampled = (
        np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups) for _ in range(n_bootstrap)
    )
    values = np.array([list(statistics(weights.astype(float)).values()) for weights in resampled])
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(values, [tail, 100 - tail], axis=0) if n_bootstrap else [np.nan, np.nan]
    return pd.DataFrame(
        {"metric": list(point), "mean": list(point.values()), "low": low, "high": high, "n": n}
    )


def _weighted_auc(prob, label, group):
    """Function of a weight per group: the weighted area under the ROC; ties count half."""
    order = np.argsort(prob, kind="stable")
    group, label = group[order], label[order]
    new_value = np.flatnonzero(np.r_[True, np.diff(prob[order]) > 0])

    def auc(group_weight):
        weight = group_weight[group]
        positive = np.add.reduceat(weight * label, new_value)
        negative = np.add.reduceat(weight * (1 - label), new_value)
        pairs = positive.sum() * negative.sum()
        return (positive * (np.cumsum(negative) - negative / 2)).sum() / pairs if pairs else np.nan

    return auc


def _group_auc(group, n_groups, prob, label):
    """AUC within each group by mean ranks (Mann-Whitney); NaN where a group has one label only."""
    from scipy.stats import rankdata

    order = np.argsort(group, kind="stable")
    auc = np.full(n_groups, np.nan)
    for rows in np.split(order, np.cumsum(np.bincount(group, minlength=n_groups))[:-1]):
        positive = label[rows].sum()
        pairs = positive * (len(rows) - positive)
        if pairs:
            ranks = rankdata(prob[rows]) @ label[rows]
            auc[group[rows[0]]] = (ranks - positive * (positive + 1) / 2) / pairs
    return auc


def _bins(prob, n_bins):
    """Number of the equal-frequency bin of each probability; equal ones fall into one bin."""
    edges = np.quantile(prob, np.linspace(0, 1, n_bins + 1)[1:-1])
    return np.searchsorted(edges, prob)


def _codes(groups):
    names, codes = np.unique(groups, return_inverse=True)
    return codes, len(names)


def _draws(seed):
    """NumPy's generator of that seed."""
    return np.random.default_rng(None if seed is None else require_whole("seed", seed, least=0))


def scores_of(scorer, ratings):
    """scorer(ratings), checked: an array (n_users, n_items), or (n_users, n_items, n_levels) of levels."""
    if not callable(scorer):
        raise TypeError(f"scorer: got {type(scorer).__name__}, expected a function of a RatingMatrix.")
    scores = as_numbers(scorer(ratings), "scorer's scores", most=None).cpu()
    levels = (ratings.n_levels,) if scores.ndim == 3 else ()
    check_shape(scores, "scorer's scores", (*ratings.shape, *levels))
    if torch.isnan(scores).any():
        raise ValueError("scorer's scores: got NaN, expected numbers.")
    return scores.numpy()


def _column(name, values, n):
    """One number for each rating, a float64 array (n,)."""
    return as_numbers(values, name, (n,)).cpu().double().numpy()


def _check_ratings(probability, label, groups):
    prob, label = (
        as_numbers(values, name).cpu().double().numpy()
        for name, values in (("probability", probability), ("label", label))
    )
    if prob.ndim != 1 or prob.shape != label.shape or len(prob) == 0:
        raise ValueError(
            f"probability, label: got shapes {prob.shape} and {label.shape}, expected two equal (n,), n > 0."
        )
    if not ((prob >= 0) & (prob <= 1)).all():
        raise ValueError("probability: got values that are missing or outside 0 … 1, expected P(like).")
    if set(np.unique(label)) != {0, 1}:
        raise ValueError(
            f"label: got the values {np.unique(label)[:5].tolist()}, expected 0 and 1, both of them."
        )
    if groups is not None:
        groups = np.asarray(groups.detach().cpu() if isinstance(groups, torch.Tensor) else groups)
        if groups.shape != prob.shape:
            raise ValueError(f"groups: got shape {groups.shape}, expected {prob.shape}.")
    return prob, label, groups
