"""Baseline recommenders: what a model has to beat."""

from rbm_lib.recommend import ranking_baselines, rating_baselines
from rbm_lib.recommend.ranking_baselines import *  # noqa: F403
from rbm_lib.recommend.rating_baselines import *  # noqa: F403

__all__ = []
__all__ += ranking_baselines.__all__
__all__ += rating_baselines.__all__
