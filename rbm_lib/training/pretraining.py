"""Greedy pretraining of a deep machine or a belief network: one RBM per pair of layers, from the bottom up.

A belief network is such a stack of RBMs as they were learned (Hinton, Osindero & Teh 2006). In the deep
machine a middle layer hears from below and from above; alone, an RBM's layer hears from one side. So each RBM
gets a second, tied copy of the layer on the side that is missing: of the visible layer for the first, of the
top layer for the last, of both for those between (Salakhutdinov & Hinton 2009, section 3.2). The weights then
go into the deep machine as they are: doubling *and* halving would count twice. A shared layer gets the mean
of the two biases that its RBMs have learned.
"""

import torch

from rbm_lib.models.batch import Rows
from rbm_lib.models.dbm import DBM
from rbm_lib.models.dbn import DBN
from rbm_lib.models.rbm import RBM
from rbm_lib.models.units import sample_bernoulli
from rbm_lib.training.fit import choose_device, fit, on_device
from rbm_lib.training.monitoring import History


class _TiedRBM(RBM):
    """An RBM with copies of its visible or hidden layer, kept equal by averaging their statistics."""

    def __init__(self, W, visible_copies, hidden_copies, visible, n_levels):
        super().__init__(visible_copies * W.shape[0], hidden_copies * W.shape[-1], visible, n_levels)
        self.copies = {0: visible_copies, 1: hidden_copies}
        self.to(W)
        self.W.data.copy_(self._spread_out(W.detach(), "W"))

    def _sides(self, name):
        """Which dimensions of a parameter run over the copies of which layer: {dimension: copies}."""
        layer = {"W": {0: 0, -1: 1}, "hidden_bias": {0: 1}}.get(name, {0: 0})
        return {dim: self.copies[side] for dim, side in layer.items()}

    def _fold(self, value, name):
        """The average over copies, in the shape of one."""
        for dim, n in self._sides(name).items():
            value = torch.stack(value.chunk(n, dim)).mean(0)
        return value

    def _spread_out(self, value, name):
        for dim, n in self._sides(name).items():
            value = torch.cat([value] * n, dim)
        return value

    def statistics(self, *args, **kwargs):
        result = super().statistics(*args, **kwargs)
        return {name: self._spread_out(self._fold(value, name), name) for name, value in result.items()}

    def single(self, name):
        """A parameter without the copies."""
        return self._fold(self.get_parameter(name).detach(), name)


@torch.no_grad()
def pretrain(
    model: DBM | DBN, data, *, observed=None, generator=None, device="auto", **options
) -> list[History]:
    """Train the layers of `model` one after the other, in place; one History per layer.

    data, observed, generator, device: as in `fit`; data are made dense. options: those of `fit` (epochs,
    batch_size, method, k, lr, …), the same for every layer. W of each layer starts as it stands in the model,
    biases and variances (unless these are fixed) from the data; the next layer sees one draw of
    p(h given v) per row. Raises what `fit` raises, ValueError for options that belong to one machine, and
    TypeError for another model.
    """
    if not isinstance(model, (DBM, DBN)):
        raise TypeError(f"model: got {type(model).__name__}, expected a DBM or DBN; an RBM goes to `fit`.")
    if taken := {"checkpoint", "resume", "validation"} & set(options):
        raise ValueError(f"{sorted(taken)}: pretraining trains several machines and takes none of these.")
    device = choose_device(device)
    v, mask, _ = Rows(model.to(device), data, observed).all()
    generator = on_device(generator, device)
    tied, histories, last, shared = isinstance(model, DBM), [], len(model.weights) - 1, None
    for i, W in enumerate(model.weights):
        copies = 1 if i == last else 2, 1 if i == 0 else 2
        copies = copies if tied else (1, 1)  # a belief network's RBMs are plain ones
        kind = (model.kind, model.n_levels) if i == 0 else ("bernoulli", None)
        machine = _TiedRBM(W, *copies, *kind)
        v, mask = torch.cat([v] * copies[0], 1), None if mask is None else torch.cat([mask] * copies[0], -1)
        machine.initialize_from(v, mask)
        if i == 0 and model.log_variance is not None and not model.log_variance.requires_grad:
            machine.log_variance.requires_grad_(False).copy_(model.log_variance.repeat(copies[0]))
            machine.hidden_bias.copy_(machine._balanced_bias(machine.W))
        histories.append(fit(machine, v, observed=mask, generator=generator, device=device, **options))
        W.copy_(machine.single("W"))
        visible_bias, hidden_bias = machine.single("visible_bias"), machine.single("hidden_bias")
        if tied:
            model.biases[i].copy_(visible_bias if shared is None else (shared + visible_bias) / 2)
        else:
            model.machines[i].visible_bias.copy_(visible_bias)
            model.machines[i].hidden_bias.copy_(hidden_bias)
        if i == 0 and model.log_variance is not None:
            model.log_variance.copy_(machine.single("log_variance"))
        prob_h = machine.prob_h_given_v(v, mask)[:, : W.shape[-1]]
        v, mask, shared = sample_bernoulli(prob_h, generator), None, hidden_bias
    if tied:
        model.biases[-1].copy_(shared)
    return histories
