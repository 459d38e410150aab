"""Baseline recommenders: the public import path of `rbm_lib.recommend.baselines`."""

from rbm_lib.recommend.baselines import *  # noqa: F403
