"""Training: contrastive divergence, persistent chains and the exact gradient behind one `fit`.

The gradient of the mean log-likelihood is a difference of two averages of −∂E/∂θ: over the data, and over the
model. The methods differ only in where the second average comes from. Its negative goes to `.grad`, and any
torch optimiser takes the step.
"""

import math
from pathlib import Path

import torch

from rbm_lib import sparse
from rbm_lib.checkpoint import restore_training, save_training
from rbm_lib.exact import exact_gradient
from rbm_lib.gradients import WeightDecay, cd_gradient, pcd_gradient, start_chains
from rbm_lib.inputs import Rows
from rbm_lib.machine import VARIANCE_FLOOR, Machine, require_whole
from rbm_lib.monitoring import History, monitor

METHODS = ("cd", "pcd", "exact")


class TrainingDiverged(FloatingPointError):
    """A parameter stopped being finite; the message names it, the epoch, and what to try."""


def linear_decay(start: float = 0.0):
    """A schedule for `fit`: the full rate up to the fraction `start` of the updates, then falling to zero."""
    return lambda done: min(1.0, (1.0 - done) / max(1.0 - start, 1e-12))


# ---- the loop ---------------------------------------------------------------------------------------------


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

    An interrupt (the stop button) returns the history so far. Raises TrainingDiverged when a parameter stops
    being finite, and ValueError or TypeError for arguments or data that do not fit.
    """
    _check_arguments(method, lr, weight_decay, decay_toward, clip_norm, posterior, center)
    whole = {"k": k, "epochs": epochs, "batch_size": batch_size, "n_chains": n_chains}
    whole |= {"monitor_every": monitor_every, "checkpoint_every": checkpoint_every}
    for name, value in whole.items():
        if name != "n_chains" or value is not None:
            require_whole(name, value)
    if resume and checkpoint is None:
        raise ValueError("resume: got True without a checkpoint, expected checkpoint=path to go on from.")
    device = choose_device(device)
    model.to(device)
    rows = Rows(model, data, observed, visible_offset)
    if len(rows) == 0:
        raise ValueError("data: got no rows, expected at least one.")
    if validation is not None:
        validation = Rows(model, *(validation if isinstance(validation, tuple) else (validation,)))
    if method == "pcd" and rows.masked and n_chains is not None:
        raise ValueError(
            f"n_chains: got {n_chains}, expected None: with masks or offsets per row one chain per row."
        )
    generator = on_device(generator, device)
    optimizer = _make_optimizer(model, optimizer, lr, schedule)
    decay = WeightDecay(model, rows, weight_decay, decay_toward)
    settings = {
        "method": method, "k": k, "n_chains": n_chains, "batch_size": batch_size, "lr": lr,
        "weight_decay": weight_decay, "decay_toward": decay_toward, "clip_norm": clip_norm,
        "sample_visible": sample_visible, "posterior": posterior, "center": center,
        "optimizer": _optimizer_settings(optimizer), "device": device.type,
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

    rated_only = method == "cd" and rows.sparse and not center
    n_updates = epochs * math.ceil(len(rows) / batch_size)
    update = first_epoch * math.ceil(len(rows) / batch_size)
    bar = _progress_bar(range(first_epoch, epochs), progress)
    try:
        for epoch in bar:
            order = torch.randperm(len(rows), generator=generator, device=device)
            for index in order.split(batch_size):
                v, mask, offset = (None,) * 3 if rated_only else rows.batch(index)
                if rated_only:
                    gradient = sparse.cd_gradient(model, rows.cells(index), k, sample_visible, generator)
                elif method == "cd":
                    gradient = cd_gradient(
                        model, v, k, mask, offset, sample_visible, generator, posterior, center
                    )
                elif method == "pcd":
                    own = index if rows.masked else slice(None)
                    gradient, chains[own] = pcd_gradient(
                        model, v, chains[own], k, mask, offset, generator, posterior, center
                    )
                else:
                    gradient = exact_gradient(model, v, mask, offset)
                decay.add_to(gradient)
                _step(model, gradient, optimizer, schedule, update / n_updates, clip_norm)
                update += 1
            _refuse_non_finite(model, epoch, lr, checkpoint)
            if (epoch + 1) % monitor_every == 0 or epoch + 1 == epochs:
                history.records.append({"epoch": epoch + 1, **monitor(model, rows, validation)})
                bar.set_postfix({name: f"{value:.4g}" for name, value in list(history.last.items())[1:3]})
            if checkpoint is not None and ((epoch + 1) % checkpoint_every == 0 or epoch + 1 == epochs):
                state = {"epoch": epoch + 1, "records": history.records, "chains": chains}
                save_training(checkpoint, settings, model, optimizer, schedule, generator, state)
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        bar.close()
        for p in model.parameters():
            p.grad = None
    return history


@torch.no_grad()
def _step(model, gradient, optimizer, schedule, done, clip_norm):
    """One update: the ascent direction, negated, to `.grad`, and the optimiser's step."""
    if callable(schedule) and not hasattr(schedule, "step"):
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * schedule(done)
    for name, p in model.named_parameters():
        p.grad = gradient[name].neg_() if p.requires_grad else None
    if clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
    if hasattr(schedule, "step"):
        schedule.step()
    if model.log_variance is not None and model.log_variance.requires_grad:
        model.log_variance.clamp_(min=math.log(VARIANCE_FLOOR))


def choose_device(device) -> torch.device:
    """The device of that name; "auto": CUDA where there is one, else the CPU."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


# ---- set-up -----------------------------------------------------------------------------------------------


def _check_arguments(method, lr, weight_decay, decay_toward, clip_norm, posterior, center):
    if method not in METHODS:
        raise ValueError(f"method: got {method!r}, expected one of {METHODS}.")
    if decay_toward not in ("zero", "item_mean"):
        raise ValueError(f"decay_toward: got {decay_toward!r}, expected 'zero' or 'item_mean'.")
    _check_rates(lr=lr, weight_decay=weight_decay)
    if posterior not in ("mean_field", "gibbs"):
        raise ValueError(f"posterior: got {posterior!r}, expected 'mean_field' or 'gibbs'.")
    if center and method == "exact":
        raise ValueError("center: got True with method 'exact', expected method 'cd' or 'pcd'.")
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm: got {clip_norm}, expected None or a number above 0.")


def _check_rates(**rates):
    for name, value in rates.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name}: got {value}, expected a finite number of at least 0.")


def on_device(generator, device):
    """A generator on the machine's device; one made elsewhere only supplies the seed."""
    if generator is not None and generator.device.type == device.type:
        return generator
    source = "cpu" if generator is None else generator.device
    seed = torch.randint(2**62, (1,), generator=generator, device=source)
    return torch.Generator(device).manual_seed(seed.item())


def _make_optimizer(model, optimizer, lr, schedule):
    if isinstance(optimizer, torch.optim.Optimizer):
        theirs = {id(p) for group in optimizer.param_groups for p in group["params"]}
        if theirs != {id(p) for p in model.parameters() if p.requires_grad}:
            raise ValueError("optimizer: holds other parameters than the model's; make it from those.")
    else:
        learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
        groups = [{"params": [p for name, p in learned.items() if name != "log_variance"]}]
        if "log_variance" in learned:
            groups.append({"params": [learned["log_variance"]], "lr": lr / 2})
        settings = {"lr": lr, "momentum": 0.9} if optimizer is None else {"lr": lr}
        optimizer = (optimizer or torch.optim.SGD)(groups, **settings)
    if getattr(schedule, "optimizer", optimizer) is not optimizer:
        raise ValueError("schedule: got one of another optimizer; pass its own as optimizer=.")
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
    return optimizer


def _optimizer_settings(optimizer):
    """Its class and settings as text, without the rates, which a schedule moves."""
    moved = ("params", "lr", "initial_lr")
    groups = [{k: v for k, v in group.items() if k not in moved} for group in optimizer.param_groups]
    return f"{type(optimizer).__name__} {groups}"


def _progress_bar(epochs, progress):
    from tqdm.auto import tqdm

    return tqdm(epochs, disable=not progress, unit="epoch", leave=False)


def _refuse_non_finite(model, epoch, lr, checkpoint):
    for name, p in model.named_parameters():
        if not torch.isfinite(p).all():
            kept = checkpoint is not None and Path(checkpoint).exists()
            raise TrainingDiverged(
                f"{name} stopped being finite in epoch {epoch + 1}. Try a smaller rate (lr was {lr:g}), "
                "standardised data, or a larger batch."
                + (f" The last good state is in {checkpoint}." if kept else "")
            )
