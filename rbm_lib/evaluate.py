"""Metrics, splits, comparisons and the choice of a model: how good recommendations are."""

from rbm_lib.data.masks import assert_no_leak
from rbm_lib.recommend.bootstrap import mean_interval
from rbm_lib.recommend.compare import compare, select
from rbm_lib.recommend.compare_ratings import compare_ratings
from rbm_lib.recommend.metrics import per_user_ranking, ranking_metrics
from rbm_lib.recommend.probabilities import auc_lead, calibration_curve, rating_metrics
from rbm_lib.recommend.scorer import Scorer
from rbm_lib.recommend.splits import (
    Split,
    k_folds,
    leave_one_out,
    random_split,
    split_by_time,
)
from rbm_lib.recommend.tuning import tune

__all__ = [
    "Scorer",
    "Split",
    "assert_no_leak",
    "auc_lead",
    "calibration_curve",
    "compare",
    "compare_ratings",
    "k_folds",
    "leave_one_out",
    "mean_interval",
    "per_user_ranking",
    "random_split",
    "ranking_metrics",
    "rating_metrics",
    "select",
    "split_by_time",
    "tune",
]
