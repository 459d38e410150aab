"""Restricted Boltzmann machines for recommendation: a small library, checked against exact answers.

Importing it costs little more than importing torch: pandas, matplotlib and scikit-learn are loaded only by
the functions that need them.
"""

from rbm_lib.checkpoint import load_model, save_model
from rbm_lib.dbm import DBM
from rbm_lib.dbn import DBN
from rbm_lib.pretraining import pretrain
from rbm_lib.rbm import RBM
from rbm_lib.training import History, TrainingDiverged, fit

__version__ = "0.1.0"
__all__ = ["DBM", "DBN", "RBM", "History", "TrainingDiverged", "fit", "load_model", "pretrain", "save_model"]
