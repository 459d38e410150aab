"""Gibbs sampling: the public import path of `rbm_lib.models.sampling`."""

from rbm_lib.models.sampling import *  # noqa: F403
