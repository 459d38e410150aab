"""Figures: the public import path of `rbm_lib.course.plotting`."""

from rbm_lib.course.plotting import *  # noqa: F403
