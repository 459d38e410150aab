"""An RBM as a scikit-learn transformer, to stand in a Pipeline."""

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from rbm_lib.checks import require_choice, require_number, require_whole
from rbm_lib.models.rbm import RBM
from rbm_lib.training import Monitor, fit, linear_decay


class RBMTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Probabilities of hidden units as features, where `BernoulliRBM` stands today.

    Parameters
    ----------
    n_components : int
        Number of hidden units.
    learning_rate : float
        Falls linearly to 0 during the training.
    batch_size, n_iter : int
        Rows in each update, and passes over the data.
    visible : {"bernoulli", "gaussian"}
        Units for values between 0 and 1, or for any numbers.
    weight_decay : float
        Decay of the weights in every update.
    random_state : int, RandomState or None
        Source of the seed.

    Attributes
    ----------
    rbm_ : RBM
        The trained model.
    n_features_in_ : int
        Number of visible units.

    Notes
    -----
    With visible="gaussian" it passes scikit-learn's `check_estimator`. With Bernoulli units
    those checks do not apply that feed it other numbers than 0 to 1, which are refused.

    Examples
    --------
    >>> X = np.tile(np.eye(4), (10, 1))
    >>> RBMTransformer(n_components=3, random_state=0).fit_transform(X).shape
    (40, 3)
    """

    def __init__(
        self,
        n_components: int = 100,
        *,
        learning_rate: float = 0.01,
        batch_size: int = 50,
        n_iter: int = 20,
        visible: str = "bernoulli",
        weight_decay: float = 0.0,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.visible = visible
        self.weight_decay = weight_decay
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on rows."""
        require_choice("visible", self.visible, ("bernoulli", "gaussian"))
        rows = self._rows(X, reset=True)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        n_hidden = require_whole("n_components", self.n_components)
        epochs = require_whole("n_iter", self.n_iter)
        self.rbm_ = RBM(rows.shape[1], n_hidden, self.visible, seed=seed)
        self.rbm_.to(rows.dtype).initialize_from(rows)
        fit(
            self.rbm_,
            rows,
            epochs=epochs,
            batch_size=require_whole("batch_size", self.batch_size),
            lr=require_number("learning_rate", self.learning_rate),
            weight_decay=require_number("weight_decay", self.weight_decay),
            schedule=linear_decay(),
            callbacks=[Monitor(every=epochs)],
            generator=torch.Generator().manual_seed(seed),
            device="cpu",
            progress=False,
        )
        return self

    @torch.no_grad()
    def transform(self, X: Any) -> NDArray[np.floating]:
        """P(hidden unit is on), (n_rows, n_components)."""
        check_is_fitted(self)
        rows = self._rows(X)
        return self.rbm_.to(rows.dtype).prob_h_given_v(rows).numpy()

    @torch.no_grad()
    def score_samples(self, X: Any) -> NDArray[np.floating]:
        """Log-probability of each row in nats, up to a constant: its free energy times −1.

        `BernoulliRBM` estimates a pseudo-likelihood here, with random numbers.
        """
        check_is_fitted(self)
        rows = self._rows(X)
        return -self.rbm_.to(rows.dtype).free_energy(rows).numpy()

    @property
    def _n_features_out(self) -> int:
        return self.rbm_.n_hidden

    def _rows(self, X: Any, reset: bool = False) -> torch.Tensor:
        values: Any = validate_data(self, X, reset=reset, dtype=(np.float64, np.float32))
        low, high = values.min(), values.max()
        if self.visible == "bernoulli" and (low < 0 or high > 1):
            raise ValueError(
                f"X: got values from {low:g} to {high:g}, expected values between 0 and 1. "
                "Scale them with MinMaxScaler(clip=True), or use visible='gaussian'."
            )
        return torch.from_numpy(np.array(values))  # a copy, for memory that is read-only
