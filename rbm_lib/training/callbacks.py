"""Callbacks: functions that `fit` calls after every epoch."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rbm_lib.checks import require_whole
from rbm_lib.models.base import BoltzmannMachine
from rbm_lib.models.visible_data import VisibleData, as_visible_data
from rbm_lib.training.monitoring import History, Record, monitor


@dataclass(frozen=True)
class Epoch:
    """What a callback sees.

    Attributes
    ----------
    model : RBM or DBM
        The model as the epoch has left it.
    data : VisibleData
        The training rows.
    number, n_epochs : int
        Number of the epoch, counted from 1, and of all epochs.
    record : dict of str to float
        The numbers of this epoch; what a callback adds goes into the History.
    history : History
        The epochs before.
    """

    model: BoltzmannMachine
    data: VisibleData
    number: int
    n_epochs: int
    record: Record
    history: History


# A callback returns True to stop training.
Callback = Callable[[Epoch], bool | None]


class Monitor:
    """Records what `monitor` computes. `fit` adds a cheaper one if it has none.

    Parameters
    ----------
    every : int
        Epochs between records; the last epoch always has one.
    validation : array_like, tuple or VisibleData, optional
        Held-out rows, or a tuple (rows, observed[, visible_offset]).
    rows : int
        At most so many rows of each set are looked at, evenly spaced.

    Examples
    --------
    >>> from rbm_lib import RBM, fit
    >>> history = fit(
    ...     RBM(4, 2, seed=0), torch.eye(4), epochs=4, progress=False,
    ...     callbacks=[Monitor(every=2, validation=torch.eye(4))],
    ... )
    >>> [record["epoch"] for record in history.records]
    [2, 4]
    """

    def __init__(self, every: int = 1, validation: Any = None, rows: int = 1000) -> None:
        self.every = require_whole("every", every)
        self.validation = validation
        self.rows = require_whole("rows", rows)

    @classmethod
    def sparing(cls, n_epochs: int, n_rows: int) -> "Monitor":
        """At most about 20 records a run, each of a twentieth of the rows or of 50."""
        return cls(every=-(-n_epochs // 20), rows=min(max(n_rows // 20, 50), 1000))

    def prepare(self, model: BoltzmannMachine) -> None:
        """Check the held-out rows, before the first epoch."""
        self._held_out = None
        if self.validation is not None:
            rows = self.validation
            parts = rows if isinstance(rows, tuple) else (rows,)
            self._held_out = as_visible_data(model, *parts)
            if len(self._held_out) == 0:
                raise ValueError("validation: got no rows, expected at least one.")

    def __call__(self, epoch: Epoch) -> None:
        """Add the numbers of this epoch to its record."""
        if epoch.number % self.every == 0 or epoch.number == epoch.n_epochs:
            epoch.record.update(monitor(epoch.model, epoch.data, self._held_out, self.rows))


class EarlyStopping:
    """Stops when a score no longer rises, and restores the best model.

    Parameters
    ----------
    score : function of the model
        What should rise, such as the log-likelihood or NDCG of held-out rows.
    patience : int
        Number of scores without a new best one before training stops.
    every : int
        Epochs between scores; the last epoch always has one.

    Attributes
    ----------
    best_score : float
        The highest score.
    best_epoch : int
        The epoch that had it.

    Examples
    --------
    >>> from rbm_lib import RBM, fit
    >>> stop = EarlyStopping(lambda model: -float(model.W.norm()), patience=2)
    >>> history = fit(RBM(4, 2, seed=0), torch.eye(4), epochs=50, lr=0.5,
    ...               callbacks=[stop], progress=False)
    >>> len(history.records) < 50
    True
    """

    def __init__(
        self, score: Callable[[Any], float], patience: int = 5, every: int = 1
    ) -> None:
        self.score = score
        self.patience = require_whole("patience", patience)
        self.every = require_whole("every", every)
        self.best_score = -torch.inf
        self.best_epoch = 0
        self._best_state: dict[str, Tensor] = {}

    @torch.no_grad()
    def __call__(self, epoch: Epoch) -> bool:
        """Score the model; True if it has not improved for `patience` scores."""
        if epoch.number == 1:  # of another training, if there was one before
            self.best_score = -torch.inf
            self._best_state = {}
        if epoch.number % self.every and epoch.number != epoch.n_epochs:
            return False
        score = float(self.score(epoch.model))
        epoch.record["score"] = score
        if score > self.best_score or not self._best_state:
            self.best_score = score
            self.best_epoch = epoch.number
            self._best_state = deepcopy(epoch.model.state_dict())
        exhausted = epoch.number - self.best_epoch >= self.patience * self.every
        if exhausted or epoch.number == epoch.n_epochs:
            epoch.model.load_state_dict(self._best_state)
        return exhausted
