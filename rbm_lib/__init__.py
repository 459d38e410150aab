"""Restricted Boltzmann machines for recommendation: a small library, checked against exact answers.

Importing it costs little more than importing torch: pandas, matplotlib and scikit-learn are loaded only by
the functions that need them.
"""

from rbm_lib.models.dbm import DBM
from rbm_lib.models.dbn import DBN
from rbm_lib.models.rbm import RBM
from rbm_lib.training.checkpoint import load_model, save_model
from rbm_lib.training.fit import History, TrainingDiverged, fit
from rbm_lib.training.pretraining import pretrain
from rbm_lib.version import __version__

__all__ = [
    "DBM",
    "DBN",
    "RBM",
    "History",
    "TrainingDiverged",
    "__version__",
    "fit",
    "load_model",
    "pretrain",
    "save_model",
]
