"""Training by contrastive divergence, persistent chains or the exact gradient."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Generator
from torch.optim import Optimizer

from rbm_lib.checks import require_flag, require_number, require_whole
from rbm_lib.models.base import BoltzmannMachine, require_boltzmann
from rbm_lib.models.data_checks import has_one_level, require_spread
from rbm_lib.models.visible_data import as_visible_data
from rbm_lib.training.callbacks import Callback, Epoch, Monitor
from rbm_lib.training.checkpoint import Checkpoint, TrainingState, as_checkpoint
from rbm_lib.training.distributed import Processes
from rbm_lib.training.gradients import GradientMethod, as_method
from rbm_lib.training.loop import (
    TrainingDiverged,
    choose_device,
    diverged,
    last_whole_epoch,
    on_device,
    progress_bar,
    require_finite_model,
    require_finite_record,
    show,
)
from rbm_lib.training.monitoring import History, Record
from rbm_lib.training.optimization import (
    Schedule,
    WeightDecay,
    as_weight_decay,
    make_optimizer,
    optimizer_settings,
    put_gradient,
    require_schedule,
    require_trainable,
    set_rates,
    take_step,
)
from rbm_lib.training.update import BatchGradient

__all__ = ["TrainingDiverged", "fit"]

ONE_LEVEL = (
    "data: got one level only where cells are observed, expected two or more. With the "
    "others missing there is nothing to learn but that level. For likes against everything "
    "else pass `ratings.likes().toarray()`, without a mask."
)


@torch.no_grad()
def fit(
    model: BoltzmannMachine,
    data: Any,
    method: str | GradientMethod = "cd",
    *,
    observed: Any = None,
    epochs: int = 20,
    batch_size: int = 100,
    optimizer: Optimizer | Callable[..., Optimizer] | None = None,
    lr: float = 0.01,
    schedule: Schedule = None,
    weight_decay: float | WeightDecay = 0.0,
    clip_norm: float | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint: Any = None,
    generator: Generator | None = None,
    device: Any = "auto",
    progress: bool = True,
) -> History:
    """Train an RBM or DBM in place. Nothing is reset: `initialize_from` comes before.

    Parameters
    ----------
    model : RBM or DBM
        The model. It is moved to the device and stays there.
    data : array_like, RatingMatrix or VisibleData
        Training rows. A VisibleData may bring a mask and an offset. Where few cells of a
        RatingMatrix are rated, CD computes with these alone: `SPARSE_BELOW` in rated.py.
    method : {"cd", "pcd", "exact"} or GradientMethod
        How the gradient is estimated, such as CD(k=1) or PCD(k=5, n_chains=100).
    observed : array_like of bool, optional
        False where a unit of a row is missing.
    epochs : int
        Number of passes through the data, in all: a resumed run makes the rest of them.
    batch_size : int
        Rows in each update. The last batch of an epoch may be shorter.
    optimizer : torch optimiser, or function of parameters and lr, optional
        Such as torch.optim.Adam. By default SGD with momentum 0.9. Learned log variances
        have half the rate and are kept above log 1e-6.
    lr : float
        Learning rate, if the optimiser does not bring its own.
    schedule : function or LRScheduler, optional
        A function of the fraction of updates done that multiplies all rates, such as
        linear_decay(); or a scheduler of the optimiser, stepped after every update.
    weight_decay : float or WeightDecay
        Decay of the weights, not the biases, in every update; or ItemMeanDecay(rate).
    clip_norm : float, optional
        A gradient whose norm over all parameters is larger is shortened to it.
    callbacks : sequence of functions of an Epoch
        Called after each epoch; training stops if one returns True, as EarlyStopping does.
        A Monitor fills the record. If there is none, one is added that takes about 20
        records a run, each of a twentieth of the rows.
    checkpoint : path or Checkpoint, optional
        Where to save after each epoch, and once before the first.
    generator : torch.Generator, optional
        Source of every random number; by default seeded from torch's own.
    device : str or torch.device
        "auto" takes CUDA if there is one, or else the CPU.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    History
        One record per monitored epoch. The stop button (an interrupt) returns the history
        so far, with the model as the last whole epoch left it.

    Raises
    ------
    TrainingDiverged
        If a parameter or a monitored number stops being finite. The model is then as the
        last whole epoch left it.
    ProcessLost
        If another process is gone.
    ValueError, TypeError
        For arguments or data that do not fit.

    Notes
    -----
    Under torchrun, after `torch.distributed.init_process_group`, the processes train
    together: each is given the same arguments and computes on its part of every batch.

    Examples
    --------
    >>> from rbm_lib import RBM
    >>> patterns = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]]).repeat(20, 1)
    >>> model = RBM(4, 2, seed=0).initialize_from(patterns)
    >>> rng = torch.Generator().manual_seed(0)
    >>> history = fit(model, patterns, epochs=200, batch_size=10, lr=0.1, generator=rng,
    ...               progress=False)
    >>> history.last["log_likelihood"] > -1.0  # the best possible is log(1/2) = -0.69
    True
    """
    require_boltzmann(model)
    method = as_method(method)
    epochs = require_whole("epochs", epochs)
    batch_size = require_whole("batch_size", batch_size)
    lr = require_number("lr", lr)
    decay = as_weight_decay(weight_decay)
    if clip_norm is not None:
        clip_norm = _require_positive("clip_norm", clip_norm)
    progress = require_flag("progress", progress)
    checkpoint = as_checkpoint(checkpoint)
    processes = Processes()
    if getattr(method, "center", False) and not processes.alone:
        raise ValueError("center: got True with several processes, expected False.")

    model.to(choose_device(device))
    data = as_visible_data(model, data, observed)
    if len(data) == 0:
        raise ValueError("data: got no rows, expected at least one.")
    require_spread(data)
    if has_one_level(data):
        warnings.warn(ONE_LEVEL, stacklevel=2)
    model.name_units(data)
    callbacks = _with_monitor(callbacks, epochs, len(data))
    for callback in callbacks:
        if isinstance(callback, Monitor):
            callback.prepare(model)
    generator = on_device(generator, model.visible_bias.device)
    require_trainable(model)
    optimizer = make_optimizer(model, optimizer, lr)
    require_schedule(schedule, optimizer)
    decay.prepare(model, data)

    settings = {
        **method.settings(),
        "batch_size": batch_size,
        "lr": lr,
        "weight_decay": repr(decay),
        "clip_norm": clip_norm,
        "optimizer": optimizer_settings(optimizer),
        "device": model.visible_bias.device.type,
        "data": None if checkpoint is None and processes.alone else data.fingerprint(),
    }
    once = {"rows": len(data), "epochs": epochs, "model": repr(model)}
    processes.require_alike(once | settings, model.visible_bias.device)
    processes.start_alike(model, generator)
    state = TrainingState(settings, optimizer, schedule, generator)
    history = History()
    if checkpoint is not None:
        _resume(checkpoint, state, model, history)
        processes.require_alike({"epoch": state.epoch}, model.visible_bias.device)
    if state.chains is None:
        method.prepare(model, data, batch_size, generator)
    else:
        method.chains = state.chains

    # One process saves; once before any work, so that what cannot be saved is refused now.
    saving = checkpoint if processes.rank == 0 else None
    if saving is not None and not saving.path.exists():
        state.save(model, saving.path, 0, history, method.chains)
    if state.epoch >= epochs:
        warnings.warn(
            f"epochs: got {epochs}, which {state.epoch} epochs of the checkpoint have "
            "reached. It is the total; pass a larger one to go on.",
            stacklevel=2,
        )

    gradient_of = BatchGradient(method, model, data, generator, processes)
    updates_per_epoch = math.ceil(len(data) / batch_size)
    n_updates = epochs * updates_per_epoch
    update = state.epoch * updates_per_epoch
    numbers = range(state.epoch + 1, epochs + 1)
    bar = progress_bar(numbers, progress and processes.rank == 0)
    with last_whole_epoch(model, history, checkpoint) as keep, bar:
        for number in bar:
            order = torch.randperm(len(data), generator=generator, device=generator.device)
            for index in order.split(batch_size):
                set_rates(optimizer, schedule, update / n_updates)
                gradient = gradient_of(index)
                decay.add_to(gradient, model)
                put_gradient(model, gradient, clip_norm)
                take_step(optimizer, schedule, model.log_variance)
                update += 1
            require_finite_model(model, number, lr, checkpoint)

            record: Record = {"epoch": number}
            epoch = Epoch(model, data, number, epochs, record, history)
            stop = _call(callbacks, epoch, lr, checkpoint)
            if len(record) > 1:
                history.records.append(record)
                show(bar, record)
            keep()
            if saving is not None:
                if number == epochs or stop or number % saving.every == 0:
                    state.save(model, saving.path, number, history, method.chains)
            if stop:
                break
    return history


def _with_monitor(
    callbacks: Sequence[Callback], epochs: int, n_rows: int
) -> list[Callback]:
    """The callbacks, those that fill the record first."""
    callbacks = list(callbacks)
    if not all(callable(callback) for callback in callbacks):
        raise TypeError(f"callbacks: got {callbacks!r}, expected functions of an Epoch.")
    monitors = [c for c in callbacks if isinstance(c, Monitor)]
    others = [c for c in callbacks if not isinstance(c, Monitor)]
    return [*(monitors or [Monitor.sparing(epochs, n_rows)]), *others]


def _call(
    callbacks: Sequence[Callback], epoch: Epoch, lr: float, checkpoint: Checkpoint | None
) -> bool:
    """Show every callback the epoch; whether one of them wants to stop."""
    stop = False
    for callback in callbacks:
        try:
            stop = bool(callback(epoch)) or stop
        except ValueError as error:
            if not isinstance(callback, Monitor):
                raise
            # The data are good, so a mean has overflowed.
            raise diverged("a unit's mean", epoch.number, lr, checkpoint) from error
    require_finite_record(epoch.record, epoch.number, lr, checkpoint)
    return stop


def _resume(
    checkpoint: Checkpoint, state: TrainingState, model: BoltzmannMachine, history: History
) -> None:
    if not checkpoint.path.exists():
        return
    if not checkpoint.resume:
        raise ValueError(
            f"checkpoint: got {checkpoint.path}, which exists, expected a new file. Pass "
            "Checkpoint(path, resume=True) to go on, or move it away."
        )
    state.restore(model, checkpoint.path)
    history.records.extend(state.records or [])


def _require_positive(name: str, value: Any) -> float:
    number = require_number(name, value)
    if number == 0:
        raise ValueError(f"{name}: got 0, expected None or a number above 0.")
    return number
