"""Likelihoods: exact for small models, estimated by annealing, and pseudo-likelihoods."""

from rbm_lib.likelihood.annealing import (
    AISResult,
    ais_log_partition,
    reverse_ais_log_partition,
)
from rbm_lib.likelihood.belief_bound import exact_bound
from rbm_lib.likelihood.exact import (
    binary_states,
    exact_gradient,
    exact_log_likelihood,
    exact_log_partition,
    exact_samples,
)
from rbm_lib.likelihood.pseudo import conditional_log_prob, pseudo_log_likelihood

__all__ = [
    "AISResult",
    "ais_log_partition",
    "binary_states",
    "conditional_log_prob",
    "exact_bound",
    "exact_gradient",
    "exact_log_likelihood",
    "exact_log_partition",
    "exact_samples",
    "pseudo_log_likelihood",
    "reverse_ais_log_partition",
]
