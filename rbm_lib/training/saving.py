"""Saved models: tensors and a JSON header in one file. Loading runs no code."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rbm_lib.checks import describe, plain_tree
from rbm_lib.files import write_whole
from rbm_lib.models.base import VisibleModel
from rbm_lib.models.dbm import DBM
from rbm_lib.models.dbn import DBN
from rbm_lib.models.rbm import RBM
from rbm_lib.models.semi_restricted import SemiRestrictedRBM
from rbm_lib.models.tied import TiedModel
from rbm_lib.models.tied_dbm import TiedDBM
from rbm_lib.models.tied_rbm import TiedRBM
from rbm_lib.models.units import as_described

FORMAT = "rbm_lib 1"
CLASSES: dict[str, Any] = {
    kind.__name__: kind for kind in (RBM, DBM, DBN, SemiRestrictedRBM, TiedRBM, TiedDBM)
}


class CheckpointError(ValueError):
    """A file that is not a checkpoint, is damaged, or does not fit."""


def save_model(
    model: VisibleModel | TiedModel,
    path: Any,
    *,
    settings: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
) -> Path:
    """Write a model to a file that `load_model` can read, whole or not at all.

    Parameters
    ----------
    model : RBM, DBM, DBN, SemiRestrictedRBM, TiedRBM or TiedDBM
        The model; none of a class of your own, of which a file would not know the code.
    path : path
        Where to. An older file is replaced, once the new one has been read back.
    settings : dict, optional
        What JSON can hold, kept in the header. NumPy numbers, arrays of ids and paths
        become plain numbers, lists and text.
    training : dict, optional
        Used by `fit`: optimiser, chains and generator, so that a run can be resumed.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    TypeError, ValueError
        For what could not be loaded again. An older file is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> path = save_model(RBM(4, 2, seed=0), Path(tempfile.mkdtemp()) / "model.pt")
    >>> load_model(path)
    RBM(Bernoulli(4), n_hidden=2)
    """
    from rbm_lib.version import __version__

    path = Path(path).expanduser()
    if type(model) not in CLASSES.values():
        raise TypeError(
            f"model: got {type(model).__name__}, expected one of {list(CLASSES)} itself, "
            "because a file holds no code. Save model.state_dict() with torch.save."
        )
    header = {
        "format": FORMAT,
        "version": __version__,
        "class": type(model).__name__,
        **model_shape(model),
        "fixed": [name for name, p in model.named_parameters() if not p.requires_grad],
        "unit_names": model.unit_names if isinstance(model, VisibleModel) else None,
        "settings": json.loads(as_json(settings)),
    }
    content = {
        "header": json.dumps(header),
        "model": model.state_dict(),
        "training": plain_tree(training),
    }
    # Written to memory first: torch's writer may end the process when the disk is full.
    memory = io.BytesIO()
    torch.save(content, memory)
    try:
        write_whole(path, memory.getbuffer(), check=load_model)
    except CheckpointError as error:
        raise ValueError(
            f"model: got state that cannot be loaded again, expected the parameters of "
            f"{type(model).__name__} and an optimiser of torch ({error.__cause__})."
        ) from error
    return path


def as_json(settings: dict[str, Any] | None) -> str:
    """Settings as JSON text."""

    def refuse(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.tolist()
        raise TypeError(
            f"settings: got {describe(value)}, expected what JSON can hold: numbers, text, "
            "lists and dicts."
        )

    if settings is not None and not isinstance(settings, dict):
        raise TypeError(f"settings: got {describe(settings)}, expected a dict by name.")
    settings = plain_tree(settings or {})
    require_names_as_text(settings)
    return json.dumps(settings, default=refuse)


def require_names_as_text(settings: Any) -> None:
    """Raise a TypeError for names in settings that JSON cannot hold."""
    if isinstance(settings, dict):
        for name, value in settings.items():
            if not isinstance(name, str | int | float | None):
                raise TypeError(f"settings: got the name {name!r}, expected text.")
            require_names_as_text(value)
    elif isinstance(settings, list | tuple):
        for value in settings:
            require_names_as_text(value)


def model_shape(model: VisibleModel | TiedModel) -> dict[str, Any]:
    """What is needed to build a model that these tensors fit."""
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    return {"shape": model.architecture(), "dtype": dtype}


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
    RBM, DBM, DBN, SemiRestrictedRBM, TiedRBM or TiedDBM
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
        shape = dict(header["shape"])
        if "visible" in shape:
            shape["visible"] = as_described(shape["visible"])
        if "content" in shape:  # the content itself is among the tensors
            shape["content"] = torch.zeros(shape["content"])
        model = CLASSES[header["class"]](**shape, seed=0)
        model.to(getattr(torch, header["dtype"]))
        model.load_state_dict(content["model"])
        state = model.state_dict()
        if any(p.dtype != content["model"][name].dtype for name, p in state.items()):
            raise TypeError(f"not all of them are {header['dtype']}")
        for name in header["fixed"]:
            model.get_parameter(name).requires_grad_(False)
        if isinstance(model, VisibleModel):
            model.unit_names = header.get("unit_names")
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
        first_line = re.sub(r"\x1b\[\d*m", "", str(error)).partition("\n")[0]
        reason = f"{type(error).__name__}: {first_line[:200]}"
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
