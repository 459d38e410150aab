"""Checkpoints of a training run, from which it can go on."""

import json
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from rbm_lib.checks import require_flag, require_whole
from rbm_lib.models.base import VisibleModel
from rbm_lib.training.monitoring import History
from rbm_lib.training.saving import (
    CheckpointError,
    as_json,
    model_shape,
    read_checkpoint,
    save_model,
)


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often `fit` saves what it needs to go on.

    Parameters
    ----------
    path : path
        The file, which also holds the model for `load_model`.
    every : int
        Epochs between saves; the last epoch is always saved.
    resume : bool
        Go on from an existing file. The result equals an uninterrupted run bit for bit on
        the same device with the same number of threads.

    Examples
    --------
    >>> import tempfile
    >>> from rbm_lib import RBM, fit
    >>> path = Path(tempfile.mkdtemp()) / "run.pt"
    >>> options = {"batch_size": 2, "progress": False}
    >>> model = RBM(4, 2, seed=0)
    >>> _ = fit(model, torch.eye(4), epochs=2, checkpoint=path, **options)
    >>> again = Checkpoint(path, resume=True)
    >>> fit(model, torch.eye(4), epochs=3, checkpoint=again, **options).last["epoch"]
    3
    """

    path: Any
    every: int = 1
    resume: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path).expanduser())
        object.__setattr__(self, "every", require_whole("every", self.every))
        object.__setattr__(self, "resume", require_flag("resume", self.resume))


def as_checkpoint(checkpoint: Any) -> Checkpoint | None:
    """The checkpoint that a path stands for, or the checkpoint itself."""
    if checkpoint is None or isinstance(checkpoint, Checkpoint):
        return checkpoint
    return Checkpoint(checkpoint)


@dataclass
class TrainingState:
    """All that `fit` needs to go on, beside the model.

    `chains` are those of PCD; `settings` are what must not change between runs.
    """

    settings: dict[str, Any]
    optimizer: Optimizer
    schedule: Any
    generator: Generator
    epoch: int = 0
    chains: Tensor | None = None
    records: list[dict[str, float]] | None = None

    def __post_init__(self) -> None:
        self.settings = json.loads(as_json(self.settings))

    def save(
        self,
        model: VisibleModel,
        path: Path,
        epoch: int,
        history: History,
        chains: Tensor | None,
    ) -> None:
        """Write the model and this state to a file."""
        schedule = self.schedule
        training = {
            "epoch": epoch,
            "records": history.records,
            "chains": chains,
            "optimizer": self.optimizer.state_dict(),
            "schedule": schedule.state_dict()
            if isinstance(schedule, LRScheduler)
            else None,
            "generator": self.generator.get_state(),
        }
        save_model(model, path, settings=self.settings, training=training)

    @torch.no_grad()
    def restore(self, model: VisibleModel, path: Path) -> None:
        """Put everything back as it was when `path` was written.

        Raises CheckpointError, before anything is changed, if the model, the settings or
        the data were others.
        """
        header, content = read_checkpoint(path)
        state = content.get("training")
        if state is None:
            raise CheckpointError(
                f"{path}: got a model without training state, expected a checkpoint of fit."
            )
        saved = header | header.get("settings", {})
        now = self.settings | model_shape(model)
        differs = [key for key in now if saved.get(key) != now[key]]
        if differs:
            changes = "; ".join(
                f"{key} was {saved.get(key)!r}, now {now[key]!r}" for key in differs
            )
            raise CheckpointError(
                f"{path}: got other settings, expected those of the run to resume: "
                f"{changes}."
            )
        try:
            model.load_state_dict(content["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            if isinstance(self.schedule, LRScheduler):
                self.schedule.load_state_dict(state["schedule"])
            self.generator.set_state(state["generator"])
            chains = state["chains"]
            self.chains = None if chains is None else chains.to(model.visible_bias.device)
            self.epoch = index(state["epoch"])
            self.records = list(state["records"])
        except (
            AttributeError,
            IndexError,
            KeyError,
            TypeError,
            RuntimeError,
            ValueError,
        ) as error:
            raise CheckpointError(
                f"{path}: got training state that does not fit, expected that of this run "
                f"({error})."
            ) from error
