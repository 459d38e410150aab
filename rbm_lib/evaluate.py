"""Metrics, splits and the choice of a model: how good recommendations are."""

from rbm_lib.recommend import metrics, splits
from rbm_lib.recommend.metrics import *  # noqa: F403
from rbm_lib.recommend.splits import *  # noqa: F403

__all__ = []
__all__ += metrics.__all__
__all__ += splits.__all__
