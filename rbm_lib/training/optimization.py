"""From a gradient to the next parameters: momentum, any optimiser of torch, rates and their schedule.

All of it is for calls under `torch.no_grad`.
"""

import math

import torch

from rbm_lib.checks import VARIANCE_FLOOR


def linear_decay(start: float = 0.0):
    """A schedule for `fit`: the full rate up to the fraction `start` of the updates, then falling to zero."""
    return lambda done: min(1.0, (1.0 - done) / max(1.0 - start, 1e-12))


class Momentum:
    """SGD with momentum, the numbers of torch.optim.SGD, uphill: velocity ← momentum · velocity + gradient.

    The velocity is open to whoever computes the gradient, so that it can be summed where it is used; no
    second buffer is read and written, and a step costs little more than its sums.
    """

    def __init__(self, param_groups, lr, momentum=0.9):
        self.param_groups = [{"lr": lr, "momentum": momentum} | group for group in param_groups]
        self.momentum = momentum
        self.velocities = {p: torch.zeros_like(p) for group in self.param_groups for p in group["params"]}

    def velocity(self, model):
        """{name: velocity} of the model's learned parameters."""
        return {name: self.velocities[p] for name, p in model.named_parameters() if p.requires_grad}

    def add(self, model, gradient):
        """The ascent direction `gradient`, {name: tensor}, to what is left of the velocities."""
        for name, velocity in self.velocity(model).items():
            velocity.mul_(self.momentum).add_(gradient[name])

    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.add_(self.velocities[p], alpha=group["lr"])

    def state_dict(self):
        return {"velocity": list(self.velocities.values())}

    def load_state_dict(self, state):
        for velocity, saved in zip(self.velocities.values(), state["velocity"], strict=True):
            velocity.copy_(saved)


def make_optimizer(model, optimizer, lr, schedule, clip_norm=None):
    """The optimiser that `fit` is given or describes.

    Raises ValueError where it belongs to something else or a parameter is not finite, and TypeError for a
    model of half precision: steps below some thousandth of a parameter would be rounded away.
    """
    for name, p in model.named_parameters():
        if p.dtype not in (torch.float32, torch.float64):
            raise TypeError(
                f"model: {name} is {p.dtype}, in which small steps are lost; expected torch.float32 or "
                f"torch.float64: train model.float(), and then call model.to({p.dtype})."
            )
        if not torch.isfinite(p).all():
            raise ValueError(
                f"model: {name} is not finite; expected numbers: make a new machine, and if data set its "
                "biases, scale them to a standard deviation of about 1."
            )
    if isinstance(optimizer, torch.optim.Optimizer):
        theirs = {id(p) for group in optimizer.param_groups for p in group["params"]}
        if theirs != {id(p) for p in model.parameters() if p.requires_grad}:
            raise ValueError("optimizer: holds other parameters than the model's; make it from those.")
    else:
        learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
        groups = [{"params": [p for name, p in learned.items() if name != "log_variance"]}]
        if "log_variance" in learned:
            groups.append({"params": [learned["log_variance"]], "lr": lr / 2})
        if optimizer is not None:
            optimizer = optimizer(groups, lr=lr)
        elif clip_norm is None:
            optimizer = Momentum(groups, lr=lr)
        else:  # the norm is the gradient's, not the velocity's
            optimizer = torch.optim.SGD(groups, lr=lr, momentum=0.9)
    if getattr(schedule, "optimizer", optimizer) is not optimizer:
        raise ValueError("schedule: got one of another optimizer; pass its own as optimizer=.")
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
    return optimizer


def settings_of(optimizer):
    """Its class and settings as text, without the rates, which a schedule moves."""
    moved = ("params", "lr", "initial_lr")
    groups = [{k: v for k, v in group.items() if k not in moved} for group in optimizer.param_groups]
    return f"{type(optimizer).__name__} {groups}"


def set_rates(optimizer, schedule, done):
    """The rates for the next update: `schedule`, a function, of the fraction of updates done."""
    if callable(schedule) and not hasattr(schedule, "step"):
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * schedule(done)


def put_gradient(model, gradient, optimizer, clip_norm=None):
    """The ascent direction to where the optimiser looks: negated, to `.grad`. `gradient` is used up."""
    if isinstance(optimizer, Momentum):
        return optimizer.add(model, gradient)
    for name, p in model.named_parameters():
        p.grad = gradient[name].neg_() if p.requires_grad else None
    if clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)


def take_step(model, optimizer, schedule):
    """One step of the optimiser, and of a schedule of torch's; a learned variance is kept above its floor."""
    optimizer.step()
    if hasattr(schedule, "step"):
        schedule.step()
    if model.log_variance is not None and model.log_variance.requires_grad:
        model.log_variance.clamp_(min=math.log(VARIANCE_FLOOR))
