"""Metrics and splits: the public import path of `rbm_lib.recommend.evaluate`."""

from rbm_lib.recommend.evaluate import *  # noqa: F403
