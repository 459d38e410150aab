"""The deep belief network: RBMs stacked, the top one whole, those below it directed downwards.

p(v, h1, …, hL) = p(v given h1) … p(h_{L-2} given h_{L-1}) p(h_{L-1}, h_L). Hinton, Osindero & Teh, "A fast
learning algorithm for deep belief nets", Neural Computation 18, 2006. `pretrain` trains the RBMs from the
bottom up; `fine_tune` then trains the means going up, with a linear head on top, as a classifier.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rbm_lib.checks import require_whole, seeded_or_none
from rbm_lib.models.batch import Rows
from rbm_lib.models.rbm import RBM
from rbm_lib.models.sampling import gibbs

BATCH = 4096  # rows at once where nothing is learned


class DBN(nn.Module):
    """A deep belief network, with a linear head where n_classes is given.

    sizes: [n_visible, n_hidden_1, …]; with one hidden layer it is an RBM. Visible units and `observed`: as in
    `RBM`. machines: its RBMs, the visible one first; head: nn.Linear(sizes[-1], n_classes), or None.
    Raises ValueError or TypeError where shapes, types or devices do not fit.
    """

    def __init__(self, sizes, visible="bernoulli", n_levels=None, n_classes=None, weight_std=0.01, seed=None):
        super().__init__()
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if len(sizes) < 2:
            raise ValueError(f"sizes: got {sizes}, expected [n_visible, n_hidden_1, …].")
        self.sizes = [require_whole(f"sizes[{i}]", size) for i, size in enumerate(sizes)]
        self.n_classes = None if n_classes is None else require_whole("n_classes", n_classes, least=2)
        generator = seeded_or_none(seed)
        self.machines, kind = nn.ModuleList(), (visible, n_levels)
        for below, above in itertools.pairwise(self.sizes):
            own = None if seed is None else int(torch.randint(2**31, (), generator=generator))
            self.machines.append(RBM(below, above, *kind, weight_std=weight_std, seed=own))
            kind = ("bernoulli", None)
        self.n_visible, self.kind, self.n_levels = self.sizes[0], visible, self.machines[0].n_levels
        self.head = None
        if self.n_classes is not None:
            self.head = nn.utils.skip_init(nn.Linear, self.sizes[-1], self.n_classes)
            nn.init.normal_(self.head.weight, std=weight_std, generator=generator)
            nn.init.zeros_(self.head.bias)

    def __repr__(self):
        levels = f", n_levels={self.n_levels}" if self.n_levels else ""
        classes = f", n_classes={self.n_classes}" if self.n_classes else ""
        return f"DBN({self.sizes}, visible={self.kind!r}{levels}{classes})"

    # the visible layer is that of the first RBM
    visible_bias = property(lambda self: self.machines[0].visible_bias)
    log_variance = property(lambda self: self.machines[0].log_variance)

    @property
    def weights(self) -> list[Tensor]:
        """[W1, W2, …], in the shapes of `DBM.weights`."""
        return [machine.W for machine in self.machines]

    # ---- upwards ----------------------------------------------------------------------------------------

    def hidden_means(self, v, observed=None) -> list[Tensor]:
        """[(B, n1), (B, n2), …], bottom up: each layer's p(h = 1) given the means of the layer below.

        Of the first layer it is the posterior of the first RBM, of those above a stand-in. Differentiable.
        """
        means = [self.machines[0].prob_h_given_v(v, observed)]
        for machine in self.machines[1:]:
            means.append(machine.prob_h_given_v(means[-1]))
        return means

    def logits(self, v, observed=None) -> Tensor:
        """The head on top of the last layer's means, (B, n_classes). ValueError where there is no head."""
        if self.head is None:
            raise ValueError("model: has no head; expected one made with DBN(…, n_classes=…).")
        return self.head(self.hidden_means(v, observed)[-1])

    @torch.no_grad()
    def predict_proba(self, v, observed=None, batch_size=BATCH) -> Tensor:
        """p(class given the observed units), (B, n_classes). v: whatever `inputs.Rows` takes."""
        batch_size = require_whole("batch_size", batch_size)
        return _log_probabilities(self, Rows(self, v, observed), batch_size).exp()

    # ---- downwards --------------------------------------------------------------------------------------

    @torch.no_grad()
    def sample(self, n, sweeps, generator=None) -> Tensor:
        """n visible rows in the shape of v: `sweeps` of Gibbs sampling in the top RBM, then one pass down.

        Each row has a chain of its own, started at the visible units of the top RBM without its weights.
        """
        n, top = require_whole("n", n, least=0), self.machines[-1]
        v, _ = top.sample_even_given_odd(top.W.new_zeros(n, top.n_hidden), generator=generator)
        v = gibbs(top, v, sweeps, generator)
        for machine in reversed(self.machines[:-1]):
            v = machine.sample_v_given_h(v, generator=generator)
        return v




# ---- the bound --------------------------------------------------------------------------------------------






# ---- the classifier ---------------------------------------------------------------------------------------




@torch.no_grad()
def _log_probabilities(model, rows, batch_size=BATCH):
    index = torch.arange(len(rows), device=model.visible_bias.device)
    parts = [model.logits(*rows.batch(some)[:2]) for some in index.split(batch_size)]
    return F.log_softmax(torch.cat(parts), -1)




