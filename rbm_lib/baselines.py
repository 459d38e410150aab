"""Baseline recommenders: what a model has to beat."""

from rbm_lib.recommend.baselines import *  # noqa: F403
from rbm_lib.recommend.baselines import __all__ as __all__
