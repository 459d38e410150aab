"""Training: contrastive divergence, persistent chains and the exact gradient behind one `fit`.

The gradient of the mean log-likelihood is a difference of two averages of −∂E/∂θ: over the data, and over the
model. The methods differ only in where the second average comes from. Its negative goes to `.grad`, and any
torch optimiser takes the step.
"""

import contextlib
import math
from pathlib import Path

import torch

from rbm_lib.checks import as_device, require_generator, require_number, require_whole
from rbm_lib.models.base import Machine, require_machine
from rbm_lib.models.batch import Rows
from rbm_lib.training.batch_gradient import BatchGradient
from rbm_lib.training.checkpoint import restore_training, save_training
from rbm_lib.training.distributed import Processes, ProcessLost
from rbm_lib.training.gradients import WeightDecay, start_chains
from rbm_lib.training.monitoring import History, monitor
from rbm_lib.training.optimization import (
    Momentum,
    linear_decay,
    make_optimizer,
    put_gradient,
    set_rates,
    settings_of,
    take_step,
)

METHODS = ("cd", "pcd", "exact")
__all__ = ["History", "TrainingDiverged", "fit", "linear_decay"]


class TrainingDiverged(FloatingPointError):
    """A parameter or a figure of the record stopped being finite; the message names it and what to try."""


# ---- the loop ---------------------------------------------------------------------------------------------


@torch.no_grad()
def fit(
    model: Machine,
    data,
    *,
    epochs: int,
    batch_size: int,
    observed=None,
    visible_offset=None,
    method: str = "cd",
    k: int = 1,
    n_chains: int | None = None,
    optimizer=None,
    lr: float = 0.01,
    schedule=None,
    weight_decay: float = 0.0,
    decay_toward: str = "zero",
    clip_norm: float | None = None,
    sample_visible: bool = False,
    posterior: str = "mean_field",
    center: bool = False,
    validation=None,
    monitor_every: int = 1,
    generator: torch.Generator | None = None,
    device="auto",
    checkpoint=None,
    checkpoint_every: int = 1,
    resume: bool = False,
    cuda_graph: bool = False,
    progress: bool = True,
) -> History:
    """Train an RBM or DBM in place and return its History. Nothing is reset; `initialize_from` comes before.

    data, observed, visible_offset: as in `inputs.Rows` (arrays, tensors, DataFrame, RatingMatrix).
    method: "cd" (k sweeps from the data), "pcd" (k sweeps of `n_chains` persistent chains, default
      batch_size; with masks or offsets per row one chain per row, and n_chains must be None) or "exact"
      (small machines).
    optimizer: None (SGD with momentum 0.9 at rate lr; log_variance at half of it), a function of parameters
      and lr such as `torch.optim.Adam`, or an optimiser over the model's parameters, with its own rate.
      A learned variance is kept at 1e-6 or above.
    schedule: function of the fraction of updates done that multiplies every rate (`linear_decay()`), or a
      torch LRScheduler of the optimiser passed in, stepped after every update.
    weight_decay: of weights, not biases, per update; decay_toward "zero", or "item_mean" (RBM): of each
      visible unit's weights towards their mean over units (weighted by how often each is observed), itself
      learned as a shared part.
    clip_norm: a gradient whose norm over all parameters is larger is shortened to it.
    posterior: a deep machine's hidden units given the data: "mean_field", or "gibbs", draws by clamped
      sampling: noisier, but without mean field's pull towards hidden layers that ignore each other.
    center: ascend in centred parameters (see `gradients.centered`); not with method "exact".
    sample_visible: sample the last visible states of CD, not their mean (PCD and Gaussian units always do).
    validation: rows, or a tuple (rows, observed[, visible_offset]). monitor_every: epochs between records.
    generator: source of every draw (None: seeded from torch's own). device: "auto" (CUDA if present), or any
      torch device; the model is moved there and stays there.
    checkpoint: file written every `checkpoint_every` epochs; with resume=True an existing one is continued,
      and equals an uninterrupted run bit for bit on the same device.
    cuda_graph: launch the kernels of an update together (CD, Bernoulli units, complete rows; small machines).

    Under torchrun, after `torch.distributed.init_process_group`, the processes train together: each is given
    the same arguments and computes on its part of every batch (see `rbm_lib.training.distributed`).

    An interrupt (the stop button) returns the history so far. Raises TrainingDiverged when a parameter or a
    monitored figure stops being finite; after both, the machine is as the last whole epoch left it. Raises
    ProcessLost when another process is gone, and ValueError or TypeError for arguments or data that do not
    fit.
    """
    _check_arguments(method, lr, weight_decay, decay_toward, clip_norm, posterior, center)
    k, epochs = require_whole("k", k), require_whole("epochs", epochs)
    batch_size = require_whole("batch_size", batch_size)
    n_chains = None if n_chains is None else require_whole("n_chains", n_chains)
    monitor_every = require_whole("monitor_every", monitor_every)
    checkpoint_every = require_whole("checkpoint_every", checkpoint_every)
    if resume and checkpoint is None:
        raise ValueError("resume: got True without a checkpoint, expected checkpoint=path to go on from.")
    processes, device = Processes(), choose_device(device)
    if center and not processes.alone:
        raise ValueError("center: got True with several processes, expected one, or center=False.")
    require_machine(model).to(device)
    rows = Rows(model, data, observed, visible_offset)
    if validation is not None:
        validation = Rows(model, *(validation if isinstance(validation, tuple) else (validation,)))
    for name, some in (("data", rows), ("validation", validation)):
        if some is not None and len(some) == 0:
            raise ValueError(f"{name}: got no rows, expected at least one.")
    if method == "pcd" and rows.masked and n_chains is not None:
        raise ValueError(
            f"n_chains: got {n_chains}, expected None: with masks or offsets per row one chain per row."
        )
    generator = on_device(generator, device)
    processes.start_alike(model, generator)
    optimizer = make_optimizer(model, optimizer, lr, schedule, clip_norm)
    decay = WeightDecay(model, rows, weight_decay, decay_toward)
    settings = {
        "method": method, "k": k, "n_chains": n_chains, "batch_size": batch_size, "lr": lr,
        "weight_decay": weight_decay, "decay_toward": decay_toward, "clip_norm": clip_norm,
        "sample_visible": sample_visible, "posterior": posterior, "center": center,
        "optimizer": settings_of(optimizer), "device": device.type,
        "data": rows.fingerprint() if checkpoint else None,
    }  # fmt: skip

    history, chains, first_epoch = History(), None, 0
    if checkpoint is not None and Path(checkpoint).exists():
        if not resume:
            raise ValueError(f"checkpoint: {checkpoint} exists; pass resume=True to go on, or move it away.")
        state = restore_training(checkpoint, settings, model, optimizer, schedule, generator)
        first_epoch, chains = state["epoch"], state["chains"]
        history.records.extend(state["records"])
    if method == "pcd" and chains is None:
        chains = start_chains(model, rows, n_chains or batch_size, generator)

    running = {}
    if isinstance(optimizer, Momentum) and decay_toward == "zero" and processes.alone:
        running = {"velocity": optimizer.velocity(model), "momentum": optimizer.momentum}
    gradient_of = BatchGradient(
        model, rows, processes, generator, method=method, k=k, sample_visible=sample_visible,
        posterior=posterior, center=center, chains=chains, cuda_graph=cuda_graph,
        **running,
    )  # fmt: skip
    n_updates = epochs * math.ceil(len(rows) / batch_size)
    update = first_epoch * math.ceil(len(rows) / batch_size)
    epochs_left, shown = range(first_epoch, epochs), progress and processes.rank == 0
    with whole_epochs(model, history, checkpoint) as keep, progress_bar(epochs_left, shown) as bar:
        for epoch in bar:
            order = torch.randperm(len(rows), generator=generator, device=device)
            order = order.cpu() if rows.ratings is not None else order
            for index in order.split(batch_size):
                set_rates(optimizer, schedule, update / n_updates)
                gradient = gradient_of(index)
                decay.add_to(gradient)
                if not gradient_of.adds_to_velocity:
                    put_gradient(model, gradient, optimizer, clip_norm)
                take_step(model, optimizer, schedule)
                update += 1
            refuse_non_finite(model, epoch, lr, checkpoint)
            record = {"epoch": epoch + 1}
            if (epoch + 1) % monitor_every == 0 or epoch + 1 == epochs:
                try:
                    record |= monitor(model, rows, validation)
                except ValueError as error:  # the rows are good: a mean has overflowed
                    raise _diverged("a unit's mean", epoch, lr, checkpoint) from error
                refuse_non_finite(record, epoch, lr, checkpoint)
            if len(record) > 1:
                history.records.append(record)
                bar.set_postfix({name: f"{value:.4g}" for name, value in list(record.items())[1:3]})
            keep()
            due = (epoch + 1) % checkpoint_every == 0 or epoch + 1 == epochs
            if checkpoint is not None and due and processes.rank == 0:
                state = {"epoch": epoch + 1, "records": history.records, "chains": gradient_of.chains}
                save_training(checkpoint, settings, model, optimizer, schedule, generator, state)
    return history


@contextlib.contextmanager
def whole_epochs(model, history, checkpoint=None):
    """Yields keep(), to be called after each epoch: where TrainingDiverged or an interrupt leads back to.

    The interrupt ends here. TrainingDiverged goes on, and ProcessLost, which then names the last checkpoint.
    """
    kept = []

    def keep():
        kept[:] = [p.detach().clone() for p in model.parameters()], len(history.records)

    keep()
    try:
        yield keep
    except (KeyboardInterrupt, TrainingDiverged) as stop:
        values, n_records = kept
        with torch.no_grad():
            for p, value in zip(model.parameters(), values, strict=True):
                p.copy_(value)
        del history.records[n_records:]
        if isinstance(stop, TrainingDiverged):
            raise
        history.interrupted = True
    except ProcessLost as error:
        raise ProcessLost(f"{error}{_kept(checkpoint)}") from error
    finally:
        for p in model.parameters():
            p.grad = None


def choose_device(device) -> torch.device:
    """The device of that name; "auto": CUDA where there is one, else the CPU."""
    if device == "auto":
        device = Processes().device() if torch.cuda.is_available() else "cpu"
    return as_device(device)


# ---- set-up -----------------------------------------------------------------------------------------------


def _check_arguments(method, lr, weight_decay, decay_toward, clip_norm, posterior, center):
    if method not in METHODS:
        raise ValueError(f"method: got {method!r}, expected one of {METHODS}.")
    if decay_toward not in ("zero", "item_mean"):
        raise ValueError(f"decay_toward: got {decay_toward!r}, expected 'zero' or 'item_mean'.")
    require_number("lr", lr)
    require_number("weight_decay", weight_decay)
    if posterior not in ("mean_field", "gibbs"):
        raise ValueError(f"posterior: got {posterior!r}, expected 'mean_field' or 'gibbs'.")
    if center and method == "exact":
        raise ValueError("center: got True with method 'exact', expected method 'cd' or 'pcd'.")
    if clip_norm is not None and not require_number("clip_norm", clip_norm) > 0:
        raise ValueError(f"clip_norm: got {clip_norm}, expected None or a number above 0.")


def on_device(generator, device):
    """A generator on the machine's device; one made elsewhere only supplies the seed."""
    require_generator(generator)
    same = generator is not None and generator.device.type == device.type
    if same and device.index in (None, generator.device.index):
        return generator
    source = "cpu" if generator is None else generator.device
    seed = torch.randint(2**62, (1,), generator=generator, device=source)
    return torch.Generator(device).manual_seed(seed.item())


def progress_bar(epochs, progress):
    """A bar over the epochs, in a terminal or a notebook."""
    from tqdm.auto import tqdm

    return tqdm(epochs, disable=not progress, unit="epoch", leave=False)


def refuse_non_finite(numbers, epoch, lr, checkpoint):
    """`numbers`: a model, or a record of the history."""
    named = numbers.items() if isinstance(numbers, dict) else numbers.named_parameters()
    for name, x in named:
        x = torch.as_tensor(x)
        if not torch.isfinite(x.sum()) and not torch.isfinite(x).all():  # the sum alone is quicker
            raise _diverged(name, epoch, lr, checkpoint)


def _diverged(name, epoch, lr, checkpoint):
    return TrainingDiverged(
        f"{name} stopped being finite in epoch {epoch + 1}. Try a smaller rate (lr was {lr:g}), "
        f"standardised data, or a larger batch.{_kept(checkpoint)}"
    )


def _kept(checkpoint):
    kept = checkpoint is not None and Path(checkpoint).exists()
    return f" The last good state is in {checkpoint}." if kept else ""
