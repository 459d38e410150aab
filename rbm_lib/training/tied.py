"""Training of tied models: predict a part of each bag from the rest, or CD."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator
from torch.optim import Optimizer

from rbm_lib.checks import require_number, require_whole
from rbm_lib.models.bags import Bags
from rbm_lib.models.random import sample_bernoulli
from rbm_lib.models.tied import TiedModel
from rbm_lib.training.gradients import Gradient, difference
from rbm_lib.training.loop import (
    last_whole_epoch,
    on_device,
    progress_bar,
    require_finite_model,
    show,
)
from rbm_lib.training.monitoring import History
from rbm_lib.training.optimization import (
    Schedule,
    linear_decay,
    make_optimizer,
    put_gradient,
    require_schedule,
    require_trainable,
    set_rates,
    take_step,
)

__all__ = [
    "MultiPrediction",
    "TiedCD",
    "TiedMethod",
    "fit_tied",
    "prediction_gain",
    "prediction_gradient",
]


class TiedMethod(ABC):
    """Turns bags into a direction of ascent. Subclass it for a method of your own."""

    @abstractmethod
    def gradient(
        self, model: TiedModel, bags: Bags, generator: Generator | None = None
    ) -> Gradient:
        """Estimated gradient by parameter name."""


@dataclass(frozen=True)
class MultiPrediction(TiedMethod):
    """Infer the taste from a random part of each bag, and predict the rest.

    Parameters
    ----------
    keep : (float, float)
        The share of a bag that is given is drawn anew for each person between these two.

    References
    ----------
    Goodfellow, Mirza, Courville & Bengio (2013). Multi-prediction deep Boltzmann machines.
    NIPS.
    """

    keep: tuple[float, float] = (0.5, 0.95)

    def __post_init__(self) -> None:
        low = require_number("keep", self.keep[0], most=1)
        require_number("keep", self.keep[1], least=low, most=1)

    def gradient(
        self, model: TiedModel, bags: Bags, generator: Generator | None = None
    ) -> Gradient:
        return prediction_gradient(model, *self.parts(bags, generator))

    def parts(self, bags: Bags, generator: Generator | None = None) -> tuple[Bags, Bags]:
        """The part of each bag that is given, and the part to predict."""
        low, high = self.keep
        device = bags.items.device
        draws = torch.rand(len(bags), generator=generator, device=device)
        share = low + (high - low) * draws
        draws = torch.rand(len(bags.items), generator=generator, device=device)
        given = draws < share[bags.people]
        return bags.keep(given), bags.keep(~given)


@dataclass(frozen=True)
class TiedCD(TiedMethod):
    """Contrastive divergence: bags of the same lengths, `k` sweeps away from the data.

    It estimates the gradient of the log-likelihood per item, not per person, so that a
    weight decay means the same as for MultiPrediction.

    Parameters
    ----------
    k : int
        Number of Gibbs sweeps.
    """

    k: int = 1

    def __post_init__(self) -> None:
        require_whole("k", self.k)

    def gradient(
        self, model: TiedModel, bags: Bags, generator: Generator | None = None
    ) -> Gradient:
        n_items = max(len(bags.items), 1)
        per_item = model.content.new_full((len(bags),), 1 / n_items)
        means = model.hidden_means(bags)
        positive = model.statistics(bags, means, per_item)
        chains = bags
        for _ in range(self.k):
            taste = sample_bernoulli(means[-1], generator)
            chains, means = model.gibbs_step(taste, bags.lengths, generator)
        return difference(positive, model.statistics(chains, means, per_item))


@torch.no_grad()
def prediction_gradient(model: TiedModel, given: Bags, held_out: Bags) -> Gradient:
    """The gradient of the mean log-probability of held-out items, by hand.

    The taste is one upward pass from the given part, q = sigmoid(n c + sum_t C_t), where
    C_t are the couplings of item t. The prediction is softmax(C q + b) over the known
    items. So a coupling acts twice, below on q and above on the prediction.

    Parameters
    ----------
    model : TiedRBM or TiedDBM
        The model.
    given, held_out : Bags
        The parts of the same people's bags.

    Returns
    -------
    dict of str to Tensor
        The direction of ascent by parameter name.
    """
    couplings = model.couplings()
    taste = torch.sigmoid(model.taste_field(given, couplings[given.items]))
    log_prob = (taste @ couplings.T + model.item_biases()).log_softmax(1)

    counts = torch.zeros_like(log_prob)
    ones = counts.new_ones(len(held_out.items))
    counts.index_put_((held_out.people, held_out.items), ones, accumulate=True)
    # The slope of log softmax: what was there minus what was expected.
    by_logit = counts - held_out.lengths[:, None] * log_prob.exp()
    by_logit /= max(len(held_out.items), 1)

    by_field = (by_logit @ couplings) * taste * (1 - taste)
    below = given.per_item(by_field[given.people], model.n_items)
    above = by_logit.T @ taste
    gradient = model.pull_back(below + above, by_logit.sum(0))
    gradient["taste_bias"] = (given.lengths[:, None] * by_field).sum(0)
    return gradient


@torch.no_grad()
def prediction_gain(model: TiedModel, given: Any, held_out: Any) -> float:
    """Mean log-probability of held-out items minus that of a uniform guess, in nats."""
    _require_tied(model)
    given = model.as_bags(given, "given")
    held_out = model.as_bags(held_out, "held_out")
    log_prob = model.scores(given).log_softmax(1)[held_out.people, held_out.items]
    return float(log_prob.mean()) + math.log(model.n_items)


@torch.no_grad()
def fit_tied(
    model: TiedModel,
    histories: Any,
    method: TiedMethod | None = None,
    *,
    epochs: int = 40,
    batch_size: int = 100,
    optimizer: Optimizer | Callable[..., Optimizer] = torch.optim.Adam,
    lr: float = 0.01,
    schedule: Schedule = None,
    weight_decay: float = 1e-3,
    generator: Generator | None = None,
    progress: bool = True,
) -> History:
    """Train a tied model in place.

    Parameters
    ----------
    model : TiedRBM or TiedDBM
        The model.
    histories : Bags, RatingMatrix or array_like, (n_people, n_items)
        What each person has, of the known items; see `as_bags`.
    method : TiedMethod, optional
        MultiPrediction(), the default, or TiedCD(k).
    epochs, batch_size : int
        Passes through the people, and people in each update.
    optimizer, lr, schedule
        As in `fit`. By default Adam, at the full rate for half of the updates, then down
        to 0.
    weight_decay : float
        Decay of the weights; residual and biases have a smaller one, `relative_decay`.
    generator : torch.Generator, optional
        Source of every random number.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    History
        One record per epoch, with the `prediction_gain` for a part of the training bags,
        the same in each epoch.

    Examples
    --------
    People like one of two kinds of items, and item 4 is a new one of the first kind:

    >>> from rbm_lib.models import TiedRBM
    >>> content = [[1, 0], [1, 0], [0, 1], [0, 1]]
    >>> likes = torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1]]).repeat(20, 1)
    >>> model = TiedRBM(content, n_taste=2, seed=0)
    >>> history = fit_tied(model, likes, lr=0.1, progress=False,
    ...                    generator=torch.Generator().manual_seed(0))
    >>> model.scores([[1, 1, 0, 0], [0, 0, 1, 1]], content=[[1, 0]])[:, 0].sign()
    tensor([ 1., -1.])
    """
    _require_tied(model)
    method = MultiPrediction() if method is None else method
    if not isinstance(method, TiedMethod):
        raise TypeError(f"method: got {method!r}, expected MultiPrediction() or TiedCD().")
    epochs = require_whole("epochs", epochs)
    batch_size = require_whole("batch_size", batch_size)
    lr = require_number("lr", lr)
    weight_decay = require_number("weight_decay", weight_decay)
    bags = model.as_bags(histories)
    if len(bags.items) == 0:
        raise ValueError("histories: got no items, expected at least one.")
    generator = on_device(generator, model.content.device)
    require_trainable(model)
    optimizer = make_optimizer(model, optimizer, lr)
    schedule = linear_decay(0.5) if schedule is None else schedule
    require_schedule(schedule, optimizer)

    monitored = MultiPrediction().parts(bags, generator)
    n_updates = epochs * math.ceil(len(bags) / batch_size)
    update = 0
    history = History()
    bar = progress_bar(range(1, epochs + 1), progress)
    with last_whole_epoch(model, history) as keep, bar:
        for number in bar:
            order = torch.randperm(len(bags), generator=generator, device=generator.device)
            for rows in order.split(batch_size):
                set_rates(optimizer, schedule, update / n_updates)
                gradient = method.gradient(model, bags[rows], generator)
                _add_decay(gradient, model, weight_decay)
                put_gradient(model, gradient)
                take_step(optimizer, schedule)
                update += 1
            require_finite_model(model, number, lr)
            gain = prediction_gain(model, *monitored)
            history.records.append({"epoch": number, "gain": gain})
            show(bar, history.last)
            keep()
    return history


def _require_tied(model: Any) -> None:
    if not isinstance(model, TiedModel):
        name = type(model).__name__
        raise TypeError(f"model: got {name}, expected a TiedRBM or a TiedDBM.")


def _add_decay(gradient: Gradient, model: TiedModel, rate: float) -> None:
    for name, p in model.named_parameters():
        share = 1.0 if name in model.weight_names else model.relative_decay.get(name, 0.0)
        gradient[name] = gradient[name] - rate * share * p
