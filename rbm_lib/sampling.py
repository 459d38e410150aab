"""Sampling, under a short name: Gibbs chains and tempering of `rbm_lib.models`."""

from rbm_lib.models.sampling import GibbsInfo, gibbs, gibbs_step
from rbm_lib.models.tempering import (
    TemperingInfo,
    independent_model,
    interpolate,
    tempered_gibbs,
)

__all__ = [
    "GibbsInfo",
    "TemperingInfo",
    "gibbs",
    "gibbs_step",
    "independent_model",
    "interpolate",
    "tempered_gibbs",
]
