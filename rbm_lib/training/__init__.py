"""Training: one `fit` for every model, its gradient methods, callbacks and checkpoints."""

from rbm_lib.training.checkpoint import CheckpointError, load_model, save_model
from rbm_lib.training.fine_tune import fine_tune
from rbm_lib.training.fit import TrainingDiverged, fit
from rbm_lib.training.monitoring import History
from rbm_lib.training.optimization import linear_decay
from rbm_lib.training.pretraining import pretrain

__all__ = [
    "CheckpointError",
    "History",
    "TrainingDiverged",
    "fine_tune",
    "fit",
    "linear_decay",
    "load_model",
    "pretrain",
    "save_model",
]
