"""From a gradient to the next parameters: optimisers, rates, schedules, weight decay."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from rbm_lib.checks import VARIANCE_FLOOR, plain, plain_tree, require_number
from rbm_lib.models.base import BoltzmannMachine
from rbm_lib.models.rbm import RBM
from rbm_lib.models.visible_data import VisibleData
from rbm_lib.training.gradients import Gradient

Schedule = Callable[[float], float] | LRScheduler | None


def linear_decay(start: float = 0.0) -> Callable[[float], float]:
    """A schedule: the full rate up to the fraction `start` of the updates, then down to 0.

    Examples
    --------
    >>> schedule = linear_decay(start=0.5)
    >>> schedule(0.25), schedule(0.75), schedule(1.0)
    (1.0, 0.5, 0.0)
    """
    start = require_number("start", start, most=1)
    return lambda done: min(1.0, (1.0 - done) / max(1.0 - start, 1e-12))


class WeightDecay:
    """Weights (not biases) decay towards zero, by rate * weight in every update.

    Parameters
    ----------
    rate : float
        Strength of the decay.
    """

    def __init__(self, rate: float) -> None:
        self.rate = require_number("rate", rate)

    def prepare(self, model: BoltzmannMachine, data: VisibleData) -> None:
        """Called once, before the first batch."""

    def add_to(self, gradient: Gradient, model: BoltzmannMachine) -> None:
        """Add the decay to the direction of ascent."""
        if self.rate:
            for name in model.weight_names:
                gradient[name].sub_(model.get_parameter(name), alpha=self.rate)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.rate})"


class ItemMeanDecay(WeightDecay):
    """The weights of each visible unit decay towards the mean over units (RBM only).

    W_i = shared + own_i, where own_i decays at the full rate and the shared part at a tenth
    of it. The shared part also takes a step of its own along the mean gradient. An item
    with few ratings thus inherits what the others have learned.

    Parameters
    ----------
    rate : float
        Strength of the decay.
    """

    SHARED_STEP = 5.0  # relative to the items' own
    SHARED_DECAY = 0.1

    def prepare(self, model: BoltzmannMachine, data: VisibleData) -> None:
        if not isinstance(model, RBM) or model.visible.log_variance is not None:
            raise ValueError(
                f"weight_decay: got ItemMeanDecay for {model!r}, expected an RBM with "
                "units of one discrete type. Use a number."
            )
        if data.ratings is not None:
            counts = torch.as_tensor(data.ratings.item_counts())
        elif data.observed is not None:
            counts = data.observed.expand(len(data), -1).sum(0)
        else:
            counts = torch.ones(model.n_visible)
        share = counts.to(model.W) / counts.sum().clamp(min=1).to(model.W)
        self.share = share.view(-1, *[1] * (model.W.ndim - 1))

    def add_to(self, gradient: Gradient, model: BoltzmannMachine) -> None:
        W = model.get_parameter("W")
        shared = (self.share * W).sum(0)
        step = self.SHARED_STEP * gradient["W"].mean(0)
        step = step - self.SHARED_DECAY * self.rate * shared
        gradient["W"] += step - self.rate * (W - shared)


def as_weight_decay(weight_decay: float | WeightDecay) -> WeightDecay:
    """The decay that a number stands for, or the decay itself."""
    if isinstance(weight_decay, WeightDecay):
        return weight_decay
    return WeightDecay(require_number("weight_decay", weight_decay))


def require_trainable(model: torch.nn.Module) -> None:
    """Raise unless all parameters are finite, and precise enough for small steps."""
    for name, p in model.named_parameters():
        if p.dtype not in (torch.float32, torch.float64):
            raise TypeError(
                f"model: got {name} in {p.dtype}, in which small steps are lost, expected "
                f"torch.float32 or torch.float64. Train model.float(), then call "
                f"model.to({p.dtype})."
            )
        if not torch.isfinite(p).all():
            raise ValueError(
                f"model: got a value in {name} that is not finite, expected numbers. Make "
                "a new model; if data set its biases, scale them to a deviation of about 1."
            )


def make_optimizer(model: torch.nn.Module, optimizer: Any, lr: float) -> Optimizer:
    """The optimiser that `fit` is given or describes.

    Log variances get half the rate of the other parameters.
    """
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if isinstance(optimizer, Optimizer):
        theirs = {id(p) for group in optimizer.param_groups for p in group["params"]}
        if theirs != {id(p) for p in learned.values()}:
            raise ValueError(
                "optimizer: got one with other parameters, expected those of the model "
                "that are learned. Make it from model.parameters()."
            )
        return _accepted(optimizer)

    others = [p for name, p in learned.items() if name != "log_variance"]
    groups: list[dict[str, Any]] = [{"params": others}]
    if "log_variance" in learned:
        groups.append({"params": [learned["log_variance"]], "lr": lr / 2})
    if optimizer is None:
        return _accepted(torch.optim.SGD(groups, lr=lr, momentum=0.9, fused=True))
    if not callable(optimizer):
        raise TypeError(
            f"optimizer: got {optimizer!r}, expected an optimiser or a function of "
            "parameters and lr such as torch.optim.Adam."
        )
    return _accepted(optimizer(groups, lr=lr))


def _accepted(optimizer: Any) -> Optimizer:
    """The optimiser with plain numbers in its groups, and with its first rates noted."""
    if not isinstance(optimizer, Optimizer) or not _steps_alone(optimizer):
        raise TypeError(
            f"optimizer: got {type(optimizer).__name__}, expected a torch optimiser whose "
            "step() needs no argument, such as torch.optim.Adam."
        )
    for group in optimizer.param_groups:
        if group.get("maximize"):
            raise ValueError(
                "optimizer: got one with maximize=True, expected one that goes down. The "
                "gradient that it is given has the sign for that. Leave maximize out."
            )
        group.update({n: plain_tree(x) for n, x in group.items() if n != "params"})
        group.setdefault("initial_lr", group["lr"])
    return optimizer


def _steps_alone(stepping: Any) -> bool:
    """Whether step() needs no argument, as a score or a function to be evaluated."""
    try:
        # The class's own: a scheduler wraps the method of its optimiser.
        inspect.signature(type(stepping).step).bind(stepping)
    except TypeError:
        return False
    return True


def require_schedule(schedule: Any, optimizer: Optimizer) -> None:
    """Raise unless `schedule` is None, a function, or a scheduler of this optimiser."""
    if isinstance(schedule, LRScheduler):
        if not _steps_alone(schedule):
            raise TypeError(
                f"schedule: got {type(schedule).__name__}, whose step() waits for a score, "
                "expected one that counts updates. Lower the rates in a callback instead."
            )
        if schedule.optimizer is not optimizer:
            raise ValueError(
                "schedule: got one of another optimizer, expected one of optimizer=. Pass "
                "both."
            )
    elif schedule is not None and (not callable(schedule) or inspect.isclass(schedule)):
        raise TypeError(
            f"schedule: got {schedule!r}, expected a function of the fraction of updates "
            "done, such as linear_decay(), or a torch LRScheduler."
        )


def set_rates(optimizer: Optimizer, schedule: Schedule, done: float) -> None:
    """The rates for the next update, if the schedule is a function of the fraction done."""
    if schedule is not None and not isinstance(schedule, LRScheduler):
        factor = plain(schedule(done))
        if not isinstance(factor, float | int) or not factor >= 0:  # nor is NaN
            raise ValueError(
                f"schedule: got {factor!r} at {done:g} of the updates, expected a number "
                "of at least 0."
            )
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor


def put_gradient(
    model: torch.nn.Module, gradient: Gradient, clip_norm: float | None = None
) -> None:
    """Hand the direction of ascent to the optimiser, which descends: so it is negated."""
    for name, p in model.named_parameters():
        if not p.requires_grad:
            p.grad = None
            continue
        if name not in gradient:
            raise ValueError(
                f"model: got the parameter {name!r}, of which the method has no gradient, "
                f"expected {list(gradient)}. Set requires_grad to False."
            )
        p.grad = gradient[name].neg_()
    if clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)


def take_step(
    optimizer: Optimizer, schedule: Schedule, log_variance: Tensor | None = None
) -> None:
    """One step of the optimiser, and of a schedule of torch's.

    A learned variance is kept above its floor.
    """
    optimizer.step()
    if isinstance(schedule, LRScheduler):
        schedule.step()
    if log_variance is not None and log_variance.requires_grad:
        log_variance.clamp_(min=math.log(VARIANCE_FLOOR))


def optimizer_settings(optimizer: Optimizer) -> str:
    """Class and settings of the optimiser, without the rates, which a schedule moves."""
    moved = ("params", "lr", "initial_lr")
    groups = [
        {name: value for name, value in group.items() if name not in moved}
        for group in optimizer.param_groups
    ]
    return f"{type(optimizer).__name__} {groups}"
