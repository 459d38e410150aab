"""What the training loops of `fit` and `fine_tune` share."""

import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn
from tqdm.auto import tqdm

from rbm_lib.checks import as_device, require_generator
from rbm_lib.training.checkpoint import Checkpoint
from rbm_lib.training.distributed import Processes, ProcessLost
from rbm_lib.training.monitoring import History, Record


class TrainingDiverged(FloatingPointError):
    """A parameter or a number of the record stopped being finite."""


@contextlib.contextmanager
def last_whole_epoch(
    model: nn.Module, history: History, checkpoint: Checkpoint | None = None
) -> Iterator[Callable[[], None]]:
    """Yield keep(), to be called after each epoch: a stop leads back to it.

    An interrupt ends here. TrainingDiverged goes on, and so does ProcessLost, which then
    names the last checkpoint.
    """
    values: list[Tensor] = []
    n_records = 0

    def keep() -> None:
        nonlocal n_records
        values[:] = [p.detach().clone() for p in model.parameters()]
        n_records = len(history.records)

    keep()
    try:
        yield keep
    except (KeyboardInterrupt, TrainingDiverged) as stop:
        with torch.no_grad():
            for p, value in zip(model.parameters(), values, strict=True):
                p.copy_(value)
        del history.records[n_records:]
        if isinstance(stop, TrainingDiverged):
            raise
        history.interrupted = True
    except ProcessLost as error:
        raise ProcessLost(f"{error}{_last_good(checkpoint)}") from error
    finally:
        for p in model.parameters():
            p.grad = None


def choose_device(device: Any) -> torch.device:
    """The device of that name; "auto": CUDA if there is one, or else the CPU."""
    if isinstance(device, str) and device == "auto":
        device = Processes().cuda_device() if torch.cuda.is_available() else "cpu"
    return as_device(device)


def on_device(generator: Generator | None, device: torch.device) -> Generator:
    """A generator on the model's device; one made elsewhere only supplies the seed."""
    require_generator(generator)
    if generator is not None and generator.device.type == device.type:
        if device.index in (None, generator.device.index):
            return generator
    source = "cpu" if generator is None else generator.device
    seed = torch.randint(2**62, (1,), generator=generator, device=source)
    return torch.Generator(device).manual_seed(int(seed))


def progress_bar(epochs: Sequence[int], shown: bool) -> Any:
    """A bar over the epochs, in a terminal or a notebook; services have no stderr."""
    return tqdm(epochs, disable=not shown or sys.stderr is None, unit="epoch", leave=False)


def show(bar: Any, record: Record) -> None:
    """The first numbers of the record beside the bar."""
    bar.set_postfix({name: f"{value:.4g}" for name, value in list(record.items())[1:3]})


def require_finite_model(
    model: nn.Module, epoch: int, lr: float, checkpoint: Checkpoint | None = None
) -> None:
    """Raise TrainingDiverged, naming a parameter that is not finite."""
    for name, p in model.named_parameters():
        # The sum alone is quicker, but may overflow.
        if not torch.isfinite(p.sum()) and not torch.isfinite(p).all():
            raise diverged(name, epoch, lr, checkpoint)


def require_finite_record(
    record: Record, epoch: int, lr: float, checkpoint: Checkpoint | None = None
) -> None:
    """Raise TrainingDiverged, naming a number of the record that is not finite."""
    for name, value in record.items():
        if not math.isfinite(value):
            raise diverged(name, epoch, lr, checkpoint)


def diverged(
    name: str, epoch: int, lr: float, checkpoint: Checkpoint | None
) -> TrainingDiverged:
    return TrainingDiverged(
        f"{name}: got a value that is not finite in epoch {epoch}, expected numbers. Try a "
        f"smaller rate (lr was {lr:g}), standardised data, or a larger "
        f"batch.{_last_good(checkpoint)}"
    )


def _last_good(checkpoint: Checkpoint | None) -> str:
    if checkpoint is None or not Path(checkpoint.path).exists():
        return ""
    return f" The last good state is in {checkpoint.path}."
