"""Greedy pretraining of a DBM or DBN: one RBM for each pair of layers, from the bottom up.

A DBN is such a stack of RBMs as they were learned. In a DBM a middle layer gets input from
below and from above; in an RBM it gets input from one side only. So each RBM has a second,
tied copy of the layer on the side that is missing: of the visible layer for the first, of
the top layer for the last, of both for those between. The weights then go into the DBM as
they are: doubling *and* halving would count twice. A layer shared by two RBMs gets the mean
of the two biases that they have learned.
"""

from typing import Any

import torch
from torch import Generator, Tensor

from rbm_lib.models.base import Statistics
from rbm_lib.models.batch import Batch
from rbm_lib.models.dbm import DBM
from rbm_lib.models.dbn import DBN
from rbm_lib.models.layers import Layer
from rbm_lib.models.mixed import Layers
from rbm_lib.models.random import sample_bernoulli
from rbm_lib.models.rbm import RBM
from rbm_lib.models.units import Bernoulli
from rbm_lib.models.visible_data import VisibleData, as_visible_data
from rbm_lib.training.fit import fit
from rbm_lib.training.loop import choose_device, on_device
from rbm_lib.training.monitoring import History


class TiedRBM(RBM):
    """An RBM with copies of its layers, kept equal by averaging their statistics."""

    def __init__(self, W: Tensor, layer: Layer, copies: tuple[int, int]) -> None:
        visible = Layers(*[layer] * copies[0]) if copies[0] > 1 else layer
        super().__init__(visible, copies[1] * W.shape[-1])
        self.copies = copies
        self.to(W)
        with torch.no_grad():
            self.W.copy_(self._spread(W.flatten(0, -2), "W").view_as(self.W))

    def _dimensions(self, name: str) -> dict[int, int]:
        """Along which dimensions of a parameter its copies stand, and how many."""
        visible, hidden = self.copies
        if name == "W":
            return {0: visible, -1: hidden}
        return {0: hidden if name == "hidden_bias" else visible}

    def _fold(self, value: Tensor, name: str) -> Tensor:
        """The average over copies."""
        for dimension, n in self._dimensions(name).items():
            value = torch.stack(value.chunk(n, dimension)).mean(0)
        return value

    def _spread(self, value: Tensor, name: str) -> Tensor:
        for dimension, n in self._dimensions(name).items():
            value = torch.cat([value] * n, dimension)
        return value

    def batch_statistics(
        self, batch: Batch, h: Tensor, weights: Tensor | None = None
    ) -> Statistics:
        result = super().batch_statistics(batch, h, weights)
        return {name: self._spread(self._fold(x, name), name) for name, x in result.items()}

    def single(self, name: str) -> Tensor:
        """A parameter without its copies."""
        return self._fold(self.get_parameter(name).detach(), name)


@torch.no_grad()
def pretrain(
    model: DBM | DBN,
    data: Any,
    *,
    observed: Any = None,
    generator: Generator | None = None,
    device: Any = "auto",
    **options: Any,
) -> list[History]:
    """Train the layers of a deep model one after the other, in place.

    W of each layer starts as it stands in the model, biases and variances (unless these are
    fixed) from the data. The next layer is trained on a draw of p(h given v) per row.

    Pretraining by CD is no ascent of the likelihood, and can lower it: on a deep model of
    3-3-2 units it led from -2.08 to -3.41 nats, where exact gradients reached the optimum.

    Parameters
    ----------
    model : DBM or DBN
        The model.
    data, observed, generator, device
        As in `fit`; ratings are made dense.
    **options
        Those of `fit`, the same for every layer, except for `checkpoint`.

    Returns
    -------
    list of History
        One for each layer.

    References
    ----------
    Hinton, Osindero & Teh (2006). A fast learning algorithm for deep belief nets.
    Salakhutdinov & Hinton (2009). Deep Boltzmann machines. AISTATS.

    Examples
    --------
    >>> model = DBN([6, 4, 2], seed=0)
    >>> len(pretrain(model, torch.eye(6), epochs=2, progress=False))
    2
    """
    if not isinstance(model, (DBM, DBN)):
        raise TypeError(
            f"model: got {type(model).__name__}, expected a DBM or DBN. Train an RBM by "
            "`fit`."
        )
    if "checkpoint" in options:
        raise ValueError(
            "checkpoint: got one for several models, expected none. Save the result "
            "instead."
        )
    model.to(choose_device(device))
    generator = on_device(generator, model.visible_bias.device)
    rows = as_visible_data(model, data, observed).all()
    layer = model.visible
    shared = None
    histories = []
    for i, W in enumerate(model.weights):
        rbm = TiedRBM(W, layer, _copies(model, i))
        visible_copies = rbm.copies[0]
        v = torch.cat([rows.v] * visible_copies, 1)
        if visible_copies > 1:
            v = torch.cat([rows.v.flatten(1)] * visible_copies, 1)
        mask = rows.observed
        if mask is not None:
            mask = torch.cat([mask] * visible_copies, -1)
        training_rows = VisibleData(rbm, v, mask)
        rbm.initialize_from(training_rows)
        if i == 0 and model.log_variance is not None:
            _keep_fixed_variance(rbm, model.log_variance)

        options_here = {"generator": generator, "device": device, **options}
        histories.append(fit(rbm, training_rows, **options_here))
        _copy_into(model, i, rbm, shared)
        shared = rbm.single("hidden_bias")
        prob_h = rbm.prob_h_given_v(training_rows.all())[:, : W.shape[-1]]
        h = sample_bernoulli(prob_h, generator)
        layer = Bernoulli(h.shape[1])
        rows = VisibleData(RBM(layer, 1).to(h), h).all()
    if isinstance(model, DBM) and shared is not None:
        model.biases[-1].copy_(shared)
    return histories


def _copies(model: DBM | DBN, i: int) -> tuple[int, int]:
    """How many copies of its two layers the RBM number i has."""
    if isinstance(model, DBN):
        return 1, 1
    return 1 if i == len(model.weights) - 1 else 2, 1 if i == 0 else 2


def _keep_fixed_variance(rbm: TiedRBM, log_variance: Tensor) -> None:
    """Give the first RBM the model's variances if these are not to be learned."""
    if not log_variance.requires_grad and rbm.log_variance is not None:
        rbm.log_variance.requires_grad_(False).copy_(log_variance.repeat(rbm.copies[0]))
        rbm.hidden_bias.copy_(rbm.balanced_bias(rbm.W))


def _copy_into(model: DBM | DBN, i: int, rbm: TiedRBM, shared: Tensor | None) -> None:
    """Put what the RBM number i has learned into the model."""
    W = model.weights[i]
    W.copy_(rbm.single("W").view_as(W))
    visible_bias = rbm.single("visible_bias")
    if i == 0 and model.log_variance is not None:
        model.log_variance.copy_(rbm.single("log_variance"))
    if isinstance(model, DBN):
        own = model.layers[i]
        own.visible_bias.copy_(visible_bias.view_as(own.visible_bias))
        own.hidden_bias.copy_(rbm.single("hidden_bias"))
        return
    if shared is not None:
        visible_bias = (shared + visible_bias) / 2
    model.biases[i].copy_(visible_bias.view_as(model.biases[i]))
