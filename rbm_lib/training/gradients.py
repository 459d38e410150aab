"""Gradients of the mean log-likelihood: how the average under the model is estimated.

Every method takes the same difference of two averages of -dE/d(parameter)::

    gradient = average over the data - average over the model

CD and PCD replace the second by an average over Gibbs chains; `Exact` computes it.
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from rbm_lib.checks import require_choice, require_flag, require_whole
from rbm_lib.likelihood.exact import exact_gradient
from rbm_lib.models.base import BoltzmannMachine, Statistics
from rbm_lib.models.batch import Batch
from rbm_lib.models.dbm import DBM
from rbm_lib.models.random import Rng, sample_bernoulli
from rbm_lib.models.rbm import RBM
from rbm_lib.models.visible_data import VisibleData
from rbm_lib.training.centering import Gradient, centered
from rbm_lib.training.chains import run_chains, start_chains
from rbm_lib.training.deep import deep_phases


class GradientMethod(ABC):
    """Turns a batch into a direction of ascent. Subclass it for a method of your own."""

    chains: Tensor | None = None  # what a checkpoint saves of the method

    def prepare(  # noqa: B027
        self, model: BoltzmannMachine, data: VisibleData, batch_size: int, generator: Rng
    ) -> None:
        """Called once, before the first batch; most methods need nothing."""

    @abstractmethod
    def gradient(
        self, model: BoltzmannMachine, batch: Batch, generator: Rng = None
    ) -> Gradient:
        """Estimated gradient by parameter name."""

    def settings(self) -> dict[str, Any]:
        """What must not change when a run is resumed."""
        return {"method": type(self).__name__}


@dataclass(frozen=True)
class CD(GradientMethod):
    """Contrastive divergence: chains start at the data and run for `k` sweeps.

    Parameters
    ----------
    k : int
        Number of Gibbs sweeps.
    sample_visible : bool
        Sample the last visible states instead of taking their mean. The mean has less
        noise, at the price of a small bias that no k removes, since p(h given v) is not
        linear in v (Hinton 2010, section 3). Gaussian units are always sampled.
    center : bool
        Ascend in centred parameters, see `centered`.
    posterior : {"mean_field", "gibbs"}
        Hidden units of a deep model given the data: means, or draws by clamped sampling,
        which are noisier, but without mean field's pull towards layers that ignore each
        other.

    References
    ----------
    Hinton (2002). Training products of experts by minimizing contrastive divergence. Neural
    Computation 14.

    Examples
    --------
    >>> from rbm_lib import RBM
    >>> model = RBM(6, 2, seed=0)
    >>> gradient = CD(k=1).gradient(model, model.as_batch(torch.eye(6)))
    >>> {name: tuple(value.shape) for name, value in gradient.items()}
    {'W': (6, 2), 'visible_bias': (6,), 'hidden_bias': (2,)}
    """

    k: int = 1
    sample_visible: bool = False
    center: bool = False
    posterior: str = "mean_field"

    def __post_init__(self) -> None:
        _validate(self, flags=("sample_visible", "center"))

    @torch.no_grad()
    def gradient(
        self, model: BoltzmannMachine, batch: Batch, generator: Rng = None
    ) -> Gradient:
        mean_last = not self.sample_visible
        if isinstance(model, DBM):
            positive, negative, _ = deep_phases(
                model, batch, self.posterior, self.k, generator, None, generator, mean_last
            )
        else:
            assert isinstance(model, RBM)
            prob_h = model.prob_h_given_v(batch)
            positive = model.batch_statistics(batch, prob_h)

            h = sample_bernoulli(prob_h, generator)
            v, prob_h, _ = run_chains(model, batch, h, self.k, generator, mean_last)
            negative = model.batch_statistics(v, prob_h)

        gradient = difference(positive, negative)
        return centered(model, batch, gradient, positive) if self.center else gradient

    def settings(self) -> dict[str, Any]:
        return {"method": "CD", **asdict(self)}


@dataclass
class PCD(GradientMethod):
    """Persistent contrastive divergence: chains go on from one update to the next.

    Parameters
    ----------
    k : int
        Number of Gibbs sweeps for each update.
    n_chains : int, optional
        By default as many as rows in a batch. Rows with masks or offsets of their own have
        one chain each, and n_chains must be None.
    center, posterior
        As in `CD`.

    References
    ----------
    Tieleman (2008). Training restricted Boltzmann machines using approximations to the
    likelihood gradient. ICML.

    Examples
    --------
    >>> from rbm_lib import RBM, fit
    >>> history = fit(RBM(6, 2), torch.eye(6), PCD(n_chains=20), epochs=2, progress=False)
    """

    k: int = 1
    n_chains: int | None = None
    center: bool = False
    posterior: str = "mean_field"
    chains: Tensor | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _validate(self, flags=("center",))
        if self.n_chains is not None:
            self.n_chains = require_whole("n_chains", self.n_chains)

    @torch.no_grad()
    def prepare(
        self, model: BoltzmannMachine, data: VisibleData, batch_size: int, generator: Rng
    ) -> None:
        n_chains = self.n_chains or batch_size
        if not data.shares_model:
            if self.n_chains is not None:
                raise ValueError(
                    f"n_chains: got {self.n_chains}, expected None: rows have masks or "
                    "offsets of their own, and each row one chain."
                )
            n_chains = len(data)
        self.chains = start_chains(model, data, n_chains, generator)

    @torch.no_grad()
    def gradient(
        self, model: BoltzmannMachine, batch: Batch, generator: Rng = None
    ) -> Gradient:
        positive, negative = self.phases(model, batch, slice(None), generator, generator)
        gradient = difference(positive, negative)
        return centered(model, batch, gradient, positive) if self.center else gradient

    def phases(
        self,
        model: BoltzmannMachine,
        batch: Batch,
        which: Any,
        generator: Rng,
        chain_generator: Rng,
    ) -> tuple[Statistics, Statistics]:
        """The two averages; the chains `which` move on."""
        if self.chains is None:
            raise RuntimeError("chains: got none, expected `prepare` to be called first.")
        start = self.chains[which]
        if isinstance(model, DBM):
            positive, negative, h = deep_phases(
                model, batch, self.posterior, self.k, generator, start, chain_generator
            )
        else:
            assert isinstance(model, RBM)
            positive = model.batch_statistics(batch, model.prob_h_given_v(batch))
            v, prob_h, h = run_chains(model, batch, start, self.k, chain_generator)
            negative = model.batch_statistics(v, prob_h)
        self.chains[which] = h
        return positive, negative

    def settings(self) -> dict[str, Any]:
        names = ("k", "n_chains", "center", "posterior")
        return {"method": "PCD", **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True)
class Exact(GradientMethod):
    """The gradient itself, by enumeration: for small models."""

    def gradient(
        self, model: BoltzmannMachine, batch: Batch, generator: Rng = None
    ) -> Gradient:
        if len(batch) == 0:  # one of several processes may have no row of a batch
            return {name: torch.zeros_like(p) for name, p in model.named_parameters()}
        return exact_gradient(model, batch)


METHODS = {"cd": CD, "pcd": PCD, "exact": Exact}


def as_method(method: str | GradientMethod) -> GradientMethod:
    """The method that a string stands for, or the method itself."""
    if isinstance(method, GradientMethod):
        return method
    if isinstance(method, str) and method in METHODS:
        return METHODS[method]()
    raise ValueError(
        f"method: got {method!r}, expected 'cd', 'pcd', 'exact' or CD(k=1), PCD(), …"
    )


def _validate(method: Any, flags: tuple[str, ...]) -> None:
    """Convert the settings of CD or PCD to plain Python values, or say what is wrong."""
    values: dict[str, Any] = {"k": require_whole("k", method.k)}
    values |= {name: require_flag(name, getattr(method, name)) for name in flags}
    choices = ("mean_field", "gibbs")
    values["posterior"] = require_choice("posterior", method.posterior, choices)
    for name, value in values.items():
        object.__setattr__(method, name, value)


def difference(positive: Statistics, negative: Statistics) -> Gradient:
    """The gradient, from its two averages."""
    gradient = {}
    for name, average in positive.items():
        gradient[name] = average - negative[name]
    return gradient
