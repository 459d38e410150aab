"""Centred gradients: weights that do not also do the work of the biases."""

import torch
from torch import Tensor

from rbm_lib.models.base import BoltzmannMachine, Statistics
from rbm_lib.models.batch import Batch

Gradient = dict[str, Tensor]  # by parameter name: the direction of ascent


@torch.no_grad()
def centered(
    model: BoltzmannMachine, batch: Batch, gradient: Gradient, positive: Statistics
) -> Gradient:
    """The gradient as if every layer were measured from its mean over the batch.

    Instead of h1 W2 h2, (h1 - m1) W2 (h2 - m2): the same models, in parameters in which the
    weights do not also do the work of the biases. The result is a direction of ascent for
    the parameters as they are.

    References
    ----------
    Montavon & Müller (2012). Deep Boltzmann machines and the centering trick.
    """
    weights = model.weight_names
    biases = model.bias_names
    visible_mean = model.visible.scaled(batch.v).mean(0).flatten()
    means = [visible_mean, *(positive[name] for name in biases[1:])]
    steps = [gradient[name].flatten() for name in biases]

    result = dict(gradient)
    for i, name in enumerate(weights):
        moved = torch.outer(means[i], steps[i + 1]) + torch.outer(steps[i], means[i + 1])
        result[name] = gradient[name] - moved.view_as(gradient[name])
    for i, name in enumerate(biases):
        shift = torch.zeros_like(steps[i])
        if i > 0:
            shift = shift + means[i - 1] @ result[weights[i - 1]].flatten(0, -2)
        if i < len(weights):
            shift = shift + result[weights[i]].flatten(0, -2) @ means[i + 1]
        result[name] = gradient[name] - shift.view_as(gradient[name])
    return result
