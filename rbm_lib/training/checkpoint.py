"""Saving and loading: tensors and a JSON header in one file. Loading runs no code; saving is atomic."""

import io
import json
import zipfile
from operator import index
from pathlib import Path

import torch

from rbm_lib.files import write_whole
from rbm_lib.models.base import Machine
from rbm_lib.models.dbm import DBM
from rbm_lib.models.dbn import DBN
from rbm_lib.models.rbm import RBM

FORMAT = "rbm_lib 1"
CLASSES = {"RBM": RBM, "DBM": DBM, "DBN": DBN}


class CheckpointError(ValueError):
    """A file that is not a checkpoint, is damaged, or does not fit; the message says which and why."""


def save_model(model: Machine, path, *, settings: dict | None = None, training: dict | None = None) -> Path:
    """Write the machine to `path`, whole or not at all. `settings`: what JSON can hold, kept in the header.

    `training` is `fit`'s own: optimiser, chains and generator, so that a run can be resumed.
    """
    from rbm_lib import __version__

    path = Path(path)
    header = {
        "format": FORMAT,
        "version": __version__,
        "class": type(model).__name__,
        **_build(model),
        "fixed": [name for name, p in model.named_parameters() if not p.requires_grad],
        "settings": settings or {},
    }
    content = {"header": json.dumps(header), "model": model.state_dict(), "training": training}
    memory = io.BytesIO()  # in the midst of a file, torch's writer may end the process when the disk is full
    torch.save(content, memory)
    write_whole(path, memory.getbuffer())
    return path


def _build(model) -> dict:
    """What is needed to build a machine that these tensors fit."""
    deep = {"sizes": model.sizes} if hasattr(model, "sizes") else None
    shape = deep or {"n_visible": model.n_visible, "n_hidden": model.n_hidden}
    shape |= {"n_classes": model.n_classes} if hasattr(model, "n_classes") else {}
    return {
        "shape": shape | {"visible": model.kind, "n_levels": model.n_levels},
        "dtype": str(model.visible_bias.dtype).removeprefix("torch."),
    }


def load_model(path, device="cpu") -> Machine:
    """The machine saved at `path`, or in a checkpoint of `fit`. Raises CheckpointError, FileNotFoundError."""
    header, content = read_checkpoint(path)
    try:
        model = CLASSES[header["class"]](
            **header["shape"], seed=0
        )  # a seed, so as to leave torch's own generator alone
        model.to(getattr(torch, header["dtype"]))
        model.load_state_dict(content["model"])
        if any(p.dtype != content["model"][name].dtype for name, p in model.state_dict().items()):
            raise TypeError(f"not all of them are {header['dtype']}")
        for name in header["fixed"]:
            model.get_parameter(name).requires_grad_(False)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise CheckpointError(f"{path}: its tensors do not fit its header ({error}).") from error
    return model.to(device)


def read_checkpoint(path) -> tuple[dict, dict]:
    """(header, content) of a saved file, tensors on the CPU. Raises CheckpointError, FileNotFoundError."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; save one with save_model(model, path).")
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:  # torch.load itself does not look at the check sums
                raise ValueError("a check sum is wrong")
            if any(entry.external_attr & 0x10 for entry in archive.infolist()):
                raise ValueError("a member is marked as a folder")  # torch would read nothing
        content = torch.load(path, map_location="cpu", weights_only=True)
        header = json.loads(content["header"])
    except Exception as error:
        reason = str(error).split("\n")[0][:200]
        reason = f"{type(error).__name__}: {reason}"
        raise CheckpointError(f"{path}: not a saved machine, or damaged ({reason}).") from error
    known = isinstance(header, dict) and isinstance(header.get("settings", {}), dict)
    if not known or header.get("format") != FORMAT or header.get("class") not in list(CLASSES):
        found = {key: header.get(key) for key in ("format", "class")} if isinstance(header, dict) else header
        raise CheckpointError(
            f"{path}: got {found}, expected format {FORMAT!r}, a class of {list(CLASSES)}, settings by name."
        )
    return header, content


def save_training(path, settings, model, optimizer, schedule, generator, state: dict) -> Path:
    """`save_model` with all that `fit` needs to go on: optimiser, schedule, generator, and `state`."""
    training = state | {
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict() if hasattr(schedule, "state_dict") else None,
        "generator": generator.get_state(),
    }
    return save_model(model, path, settings=settings, training=training)


@torch.no_grad()
def restore_training(path, settings, model, optimizer, schedule, generator) -> dict:
    """Put everything back as it was when `save_training` wrote `path`; returns its `state`.

    Raises CheckpointError, before anything is changed, when the machine, the settings or the data were
    others.
    """
    header, content = read_checkpoint(path)
    state = content.get("training")
    if state is None:
        raise CheckpointError(f"{path}: cannot resume from it: it holds no training state.")
    saved, now = header | header.get("settings", {}), settings | _build(model)
    differs = [key for key in now if saved.get(key) != now[key]]
    if differs:
        changes = "; ".join(f"{key} was {saved.get(key)!r}, now {now[key]!r}" for key in differs)
        raise CheckpointError(f"{path}: cannot resume from it: {changes}.")
    try:
        model.load_state_dict(content["model"])
        optimizer.load_state_dict(state["optimizer"])
        if hasattr(schedule, "load_state_dict"):
            schedule.load_state_dict(state["schedule"])
        generator.set_state(state["generator"])
        chains = None if state["chains"] is None else state["chains"].to(model.visible_bias.device)
        return {"epoch": index(state["epoch"]), "records": list(state["records"]), "chains": chains}
    except (AttributeError, IndexError, KeyError, TypeError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"{path}: its training state does not fit this run ({error}).") from error
