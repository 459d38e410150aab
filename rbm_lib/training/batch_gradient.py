"""Which way a batch's gradient is computed, and by whom: the one place where `fit` chooses.

Every way gives the same numbers, given the same draws: rated cells alone where few are rated (`sparse`),
memory made once for complete Bernoulli rows (`dense`), the general one (`gradients`), and each of them by
several processes (`distributed`).
"""

from functools import partial

import torch

from rbm_lib.likelihood.exact import exact_gradient
from rbm_lib.models import rated as sparse
from rbm_lib.models.units import Part
from rbm_lib.training.dense import DenseCD, Replayed
from rbm_lib.training.gradients import cd_gradient, pcd_gradient


class BatchGradient:
    """Called with the indices of a batch's rows: {name: direction of ascent}, summed over processes.

    chains: of PCD; they move with each call. velocity: {name: tensor} of a `Momentum` optimiser; where
    `adds_to_velocity`, a call returns these, with the gradient added to what is left of them.
    The other arguments are those of `fit`.
    """

    def __init__(
        self, model, rows, processes, generator, *, method, k, sample_visible, posterior, center,
        chains=None, velocity=None, momentum=0.0, cuda_graph=False,
    ):  # fmt: skip
        self.model, self.rows, self.processes, self.generator = model, rows, processes, generator
        self.method, self.k, self.sample_visible, self.chains = method, k, sample_visible, chains
        self.posterior, self.center, self.dense = posterior, center, None
        simple = method == "cd" and not center
        self.rated_only = simple and rows.sparse
        if simple and DenseCD.fits(model, rows):
            self.dense = DenseCD(model, rows.v, k, sample_visible)
        everything = len(velocity or ()) == len(list(model.parameters()))  # nothing is fixed
        self.adds_to_velocity = everything and (self.dense is not None or self.rated_only)
        self.into = {"into": velocity, "keep": momentum} if self.adds_to_velocity else {}
        if self.dense is not None:
            self.dense = partial(self.dense, **self.into)
        elif self.rated_only and not self.into:  # memory of the size of W costs more than a batch's work
            self.into = {"into": {name: torch.zeros_like(p) for name, p in model.named_parameters()}}
        if cuda_graph:
            if self.dense is None or not model.visible_bias.is_cuda:
                raise ValueError(
                    f"cuda_graph: got True on {model.visible_bias.device} with method {method!r}, expected a "
                    "CUDA device, method 'cd' without center, an RBM with Bernoulli units, and complete rows."
                )
            self.dense = Replayed(self.dense)

    def __call__(self, index):
        n = index.numel()
        part, noise = self.processes.part(n), self.processes.noise(self.generator, n)
        own, share = index[part], (part.stop - part.start) / n
        if self.dense is not None:
            gradient = self.dense(own, noise)
        elif self.rated_only:
            cells, cell_noise = self.rows.cells(own), self._cell_noise(index, part)
            gradient = sparse.cd_gradient(
                self.model, cells, self.k, self.sample_visible, noise, cell_noise, **self.into
            )
        elif self.method == "exact":
            gradient = exact_gradient(self.model, *self.rows.batch(own))
        elif self.method == "cd":
            v, *given = self.rows.batch(own)
            gradient = cd_gradient(
                self.model, v, self.k, *given, self.sample_visible, noise, self.posterior, self.center
            )
        else:
            gradient, share = self._pcd(index, own, noise, share), 1.0
        return self.processes.add_up(gradient, share)

    def _cell_noise(self, index, part):
        if self.processes.alone:
            return self.generator
        ends = self.rows.cell_counts(index).cumsum(0).tolist()
        first, last = ([0, *ends][end] for end in (part.start, part.stop))
        return Part(self.generator, slice(first, last), ends[-1])

    def _pcd(self, index, own, noise, share):
        which = index if self.rows.masked else slice(None)  # one chain per row, or all of them
        chains, (v, *given) = self.chains[which], self.rows.batch(own)
        part = self.processes.part(len(chains))
        shares = share, (part.stop - part.start) / len(chains)
        gradient, moved = pcd_gradient(
            self.model, v, chains[part], self.k, *given, noise, self.posterior, self.center,
            self.processes.noise(self.generator, len(chains)), None if self.processes.alone else shares,
        )  # fmt: skip
        self.chains[which] = self.processes.gather(moved, len(chains))
        return gradient
