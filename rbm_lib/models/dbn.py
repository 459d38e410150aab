"""The deep belief network: a stack of RBMs, and a classifier on top of it."""

import itertools
from typing import Any

import torch
from torch import Tensor, nn

from rbm_lib.checks import require_number, require_whole
from rbm_lib.models.base import VisibleModel, layer_sizes, require_visible_model, seeded
from rbm_lib.models.layers import Layer
from rbm_lib.models.random import Rng
from rbm_lib.models.rbm import RBM
from rbm_lib.models.sampling import gibbs
from rbm_lib.models.visible_data import as_visible_data

BATCH_ROWS = 4096  # at once where nothing is learned


class DBN(VisibleModel):
    """RBMs stacked: the top one whole, those below it directed downwards.

    p(v, h1, …, hL) = p(v given h1) … p(h_{L-2} given h_{L-1}) p(h_{L-1}, h_L). `pretrain`
    trains the RBMs from the bottom up; `fine_tune` then trains the means going up, with a
    linear head on top, as a classifier.

    Parameters
    ----------
    sizes : sequence of int, [n_visible, n_hidden_1, …]
        The first may be a Layer. With one hidden layer the network is an RBM.
    visible, n_levels, weight_std, seed
        As in `RBM`.
    n_classes : int, optional
        Number of classes of the head; without it there is none.

    Attributes
    ----------
    rbms : ModuleList
        The RBMs, the visible one first.
    head : nn.Linear or None
        From the means of the last layer to the logits of the classes.

    References
    ----------
    Hinton, Osindero & Teh (2006). A fast learning algorithm for deep belief nets. Neural
    Computation 18.

    Examples
    --------
    >>> model = DBN([12, 6, 4], n_classes=3, seed=0)
    >>> model.predict_proba(torch.zeros(5, 12)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        sizes: Any,
        visible: str | Layer = "bernoulli",
        n_levels: int | None = None,
        n_classes: int | None = None,
        weight_std: float = 0.01,
        seed: int | None = None,
    ) -> None:
        sizes = layer_sizes(sizes, 2, "[n_visible, n_hidden_1, …]")
        weight_std = require_number("weight_std", weight_std)
        generator = seeded(seed)
        rbms = []
        units: tuple[Any, int | None] = (visible, n_levels)
        for below, above in itertools.pairwise(sizes):
            own = (
                None if seed is None else int(torch.randint(2**31, (), generator=generator))
            )
            rbms.append(RBM(below, above, *units, weight_std=weight_std, seed=own))
            units = ("bernoulli", None)

        super().__init__(rbms[0].visible)
        self.rbms = nn.ModuleList(rbms)
        self.sizes: list[int] = [self.n_visible, *sizes[1:]]
        self.n_classes = None
        self.head = None
        if n_classes is not None:
            self.n_classes = require_whole("n_classes", n_classes, least=2)
            head: Any = nn.utils.skip_init(nn.Linear, self.sizes[-1], self.n_classes)
            nn.init.normal_(head.weight, std=weight_std, generator=generator)
            nn.init.zeros_(head.bias)
            self.head = head

    def architecture(self) -> dict[str, Any]:
        return {
            "visible": self.visible.description(),
            "sizes": self.sizes,
            "n_classes": self.n_classes,
        }

    @property
    def visible_bias(self) -> Tensor:  # type: ignore[override]
        """The bias of the visible layer, that of the first RBM."""
        return self.layers[0].visible_bias

    @property
    def log_variance(self) -> Tensor | None:  # type: ignore[override]
        """log s^2 of Gaussian visible units, or None."""
        return self.layers[0].log_variance

    @property
    def layers(self) -> list[RBM]:
        """The RBMs as a list, from the bottom up."""
        return list(self.rbms)  # type: ignore[arg-type]

    @property
    def weights(self) -> list[Tensor]:
        """[W1, W2, …], in the shapes of `DBM.weights`."""
        return [rbm.W for rbm in self.layers]

    def __repr__(self) -> str:
        head = f", n_classes={self.n_classes}" if self.n_classes else ""
        return f"DBN({self._layer}, hidden={self.sizes[1:]}{head})"

    def hidden_means(self, v: Any, observed: Any = None) -> list[Tensor]:
        """[(B, n1), (B, n2), …]: each layer's p(h = 1) given the means of the layer below.

        For the first layer this is the posterior of the first RBM, for those above it an
        approximation. Differentiable.
        """
        bottom, *above = self.layers
        means = [bottom.prob_h_given_v(v, observed)]
        for rbm in above:
            means.append(rbm.prob_h_given_v(means[-1]))
        return means

    def logits(self, v: Any, observed: Any = None) -> Tensor:
        """The head on top of the last layer's means, (B, n_classes)."""
        if self.head is None:
            raise ValueError(
                "model: got a DBN without a head, expected DBN(…, n_classes=…)."
            )
        return self.head(self.hidden_means(v, observed)[-1])

    @torch.no_grad()
    def predict_proba(
        self, v: Any, observed: Any = None, batch_size: int = BATCH_ROWS
    ) -> Tensor:
        """p(class given the observed units), (B, n_classes).

        Parameters
        ----------
        v, observed
            Rows as `VisibleData` takes them.
        batch_size : int
            Rows at once.
        """
        batch_size = require_whole("batch_size", batch_size)
        data = as_visible_data(self, v, observed, name="v")
        parts = [self.logits(batch) for batch in data.batches(batch_size)]
        return torch.cat(parts).softmax(-1)

    @torch.no_grad()
    def sample(self, n: int, sweeps: int, generator: Rng = None) -> Tensor:
        """n visible rows: `sweeps` of Gibbs sampling in the top RBM, then one pass down.

        Each row has a chain of its own, which starts at the visible units of the top RBM
        without its weights.
        """
        n = require_whole("n", n, least=0)
        *below, top = self.layers
        v = top.sample_v_given_h(top.W.new_zeros(n, top.n_hidden), generator=generator)
        v = gibbs(top, v, sweeps, generator)
        for rbm in reversed(below):
            v = rbm.sample_v_given_h(v, generator=generator)
        return v


def require_classifier(model: Any) -> DBN:
    """The model; an error unless it is a DBN with a head."""
    require_visible_model(model)
    if not isinstance(model, DBN) or model.head is None:
        raise ValueError(
            f"model: got {model!r}, expected a DBN with a head. Make one by "
            "DBN(…, n_classes=…)."
        )
    return model
