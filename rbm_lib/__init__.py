"""Restricted Boltzmann machines for recommendation: a small library, checked exactly."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rbm_lib.version import __version__

if TYPE_CHECKING:
    from rbm_lib.data.ratings import RatingMatrix
    from rbm_lib.models import DBM, DBN, RBM
    from rbm_lib.recommend import Recommender
    from rbm_lib.training import (
        CD,
        PCD,
        Checkpoint,
        EarlyStopping,
        Exact,
        History,
        Monitor,
        TrainingDiverged,
        fit,
        load_model,
        pretrain,
        save_model,
    )

__all__ = [
    "CD",
    "DBM",
    "DBN",
    "PCD",
    "RBM",
    "Checkpoint",
    "EarlyStopping",
    "Exact",
    "History",
    "Monitor",
    "RatingMatrix",
    "Recommender",
    "TrainingDiverged",
    "__version__",
    "fit",
    "load_model",
    "pretrain",
    "save_model",
]

# Where a name is, if not in `training`. Names are imported when they are first used, as
# PyTorch takes two seconds and `rbm-lib --help` needs none of it.
_HOMES = {
    "DBM": "models",
    "DBN": "models",
    "RBM": "models",
    "RatingMatrix": "data",
    "Recommender": "recommend",
}
_PACKAGES = ("data", "likelihood", "models", "recommend", "training")


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"rbm_lib.{name}")
    if name not in __all__:
        raise AttributeError(f"module 'rbm_lib' has no attribute {name!r}")
    value = getattr(import_module(f"rbm_lib.{_HOMES.get(name, 'training')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
