"""Saving and loading: tensors and a JSON header in one file. Loading runs no code."""

import io
import json
import zipfile
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from rbm_lib.checks import require_flag, require_whole
from rbm_lib.files import write_whole
from rbm_lib.models.base import VisibleModel, require_visible_model
from rbm_lib.models.dbm import DBM
from rbm_lib.models.dbn import DBN
from rbm_lib.models.rbm import RBM
from rbm_lib.models.units import as_described

FORMAT = "rbm_lib 1"
CLASSES: dict[str, Any] = {"RBM": RBM, "DBM": DBM, "DBN": DBN}


class CheckpointError(ValueError):
    """A file that is not a checkpoint, is damaged, or does not fit."""


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


def save_model(
    model: VisibleModel,
    path: Any,
    *,
    settings: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
) -> Path:
    """Write a model to a file, whole or not at all.

    Parameters
    ----------
    model : RBM, DBM or DBN
        The model.
    path : path
        Where to; an older file is replaced.
    settings : dict, optional
        What JSON can hold, kept in the header.
    training : dict, optional
        Used by `fit`: optimiser, chains and generator, so that a run can be resumed.

    Returns
    -------
    Path
        Of the file.

    Examples
    --------
    >>> import tempfile
    >>> path = save_model(RBM(4, 2, seed=0), Path(tempfile.mkdtemp()) / "model.pt")
    >>> load_model(path)
    RBM(Bernoulli(4), n_hidden=2)
    """
    from rbm_lib.version import __version__

    path = Path(path).expanduser()
    require_visible_model(model)
    header = {
        "format": FORMAT,
        "version": __version__,
        "class": type(model).__name__,
        **_shape(model),
        "fixed": [name for name, p in model.named_parameters() if not p.requires_grad],
        "settings": settings or {},
    }
    content = {
        "header": json.dumps(header),
        "model": model.state_dict(),
        "training": training,
    }
    # Written to memory first: torch's writer may end the process when the disk is full.
    memory = io.BytesIO()
    torch.save(content, memory)
    write_whole(path, memory.getbuffer())
    return path


def _shape(model: VisibleModel) -> dict[str, Any]:
    """What is needed to build a model that these tensors fit."""
    visible = {"visible": model.visible.description()}
    shape: dict[str, Any] = visible
    if isinstance(model, (DBM, DBN)):
        shape = visible | {"sizes": model.sizes}
    if isinstance(model, DBN):
        shape = shape | {"n_classes": model.n_classes}
    if isinstance(model, RBM):
        shape = visible | {"n_visible": model.n_visible, "n_hidden": model.n_hidden}
    return {"shape": shape, "dtype": str(model.visible_bias.dtype).removeprefix("torch.")}


def load_model(path: Any, device: Any = "cpu") -> Any:
    """The model saved at a path, or in a checkpoint of `fit`.

    Parameters
    ----------
    path : path
        Of the file.
    device : str or torch.device
        Where the model goes.

    Returns
    -------
    RBM, DBM or DBN
        The model.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CheckpointError
        If the file is no saved model, or damaged.
    """
    header, content = read_checkpoint(path)
    try:
        # With a seed, so that torch's own generator is left alone.
        shape = header["shape"]
        visible = as_described(shape["visible"])
        model = CLASSES[header["class"]](**shape | {"visible": visible}, seed=0)
        model.to(getattr(torch, header["dtype"]))
        model.load_state_dict(content["model"])
        state = model.state_dict()
        if any(p.dtype != content["model"][name].dtype for name, p in state.items()):
            raise TypeError(f"not all of them are {header['dtype']}")
        for name in header["fixed"]:
            model.get_parameter(name).requires_grad_(False)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: got tensors that do not fit the header, expected a saved model "
            f"({error})."
        ) from error
    return model.to(device)


def read_checkpoint(path: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(header, content) of a saved file, tensors on the CPU."""
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: got no such file, expected a saved model. Save one with save_model."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:  # torch.load does not look at the check sums
                raise ValueError("a check sum is wrong")
            if any(entry.external_attr & 0x10 for entry in archive.infolist()):
                raise ValueError(
                    "a member is marked as a folder"
                )  # torch would read nothing
        content = torch.load(path, map_location="cpu", weights_only=True)
        header = json.loads(content["header"])
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
        raise CheckpointError(
            f"{path}: got a file that is damaged or no saved model, expected one of "
            f"save_model ({reason})."
        ) from error
    known = isinstance(header, dict) and isinstance(header.get("settings", {}), dict)
    if not known or header.get("format") != FORMAT or header.get("class") not in [*CLASSES]:
        found = header
        if isinstance(header, dict):
            found = {key: header.get(key) for key in ("format", "class")}
        raise CheckpointError(
            f"{path}: got {found}, expected format {FORMAT!r}, a class of {list(CLASSES)} "
            "and settings by name."
        )
    return header, content


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

    def save(self, model: VisibleModel, path: Path) -> None:
        """Write the model and this state to a file."""
        schedule = self.schedule
        training = {
            "epoch": self.epoch,
            "records": self.records,
            "chains": self.chains,
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
        now = self.settings | _shape(model)
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
