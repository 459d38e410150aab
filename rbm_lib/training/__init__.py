"""Training: `fit` for RBMs and DBMs, gradient methods, callbacks and checkpoints."""

from rbm_lib.training.callbacks import EarlyStopping, Epoch, Monitor
from rbm_lib.training.checkpoint import Checkpoint
from rbm_lib.training.distributed import ProcessLost
from rbm_lib.training.fine_tune import fine_tune
from rbm_lib.training.fit import TrainingDiverged, fit
from rbm_lib.training.gradients import CD, PCD, Exact, GradientMethod
from rbm_lib.training.monitoring import (
    History,
    distinct_codes,
    layer_activity,
    reconstruction_error,
    saturation,
)
from rbm_lib.training.optimization import ItemMeanDecay, WeightDecay, linear_decay
from rbm_lib.training.pretraining import pretrain
from rbm_lib.training.saving import CheckpointError, load_model, save_model
from rbm_lib.training.tied import (
    MultiPrediction,
    TiedCD,
    fit_tied,
    prediction_gain,
)

__all__ = [
    "CD",
    "PCD",
    "Checkpoint",
    "CheckpointError",
    "EarlyStopping",
    "Epoch",
    "Exact",
    "GradientMethod",
    "History",
    "ItemMeanDecay",
    "Monitor",
    "MultiPrediction",
    "ProcessLost",
    "TiedCD",
    "TrainingDiverged",
    "WeightDecay",
    "distinct_codes",
    "fine_tune",
    "fit",
    "fit_tied",
    "layer_activity",
    "linear_decay",
    "load_model",
    "prediction_gain",
    "pretrain",
    "reconstruction_error",
    "saturation",
    "save_model",
]
