"""Restricted Boltzmann machines for recommendation: a small library, checked exactly."""

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
from rbm_lib.version import __version__

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
