"""The models: restricted and deep Boltzmann machines, belief networks, and their layers."""

from rbm_lib.models.bags import Bags
from rbm_lib.models.batch import Batch
from rbm_lib.models.dbm import DBM
from rbm_lib.models.dbn import DBN
from rbm_lib.models.layers import Layer
from rbm_lib.models.mean_field import MeanField
from rbm_lib.models.mixed import Layers
from rbm_lib.models.rbm import RBM
from rbm_lib.models.semi_restricted import SemiRestrictedRBM
from rbm_lib.models.tied_dbm import TiedDBM
from rbm_lib.models.tied_rbm import TiedRBM
from rbm_lib.models.units import Bernoulli, Categorical, Gaussian
from rbm_lib.models.visible_data import VisibleData

__all__ = [
    "DBM",
    "DBN",
    "RBM",
    "Bags",
    "Batch",
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Layer",
    "Layers",
    "MeanField",
    "SemiRestrictedRBM",
    "TiedDBM",
    "TiedRBM",
    "VisibleData",
]
