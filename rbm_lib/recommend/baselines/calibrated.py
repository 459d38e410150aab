"""Scores made into probabilities."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from rbm_lib.checks import require_number
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.recommend.baselines.base import Baseline
from rbm_lib.recommend.scorer import Scorer, fitted, require_scorer
from rbm_lib.recommend.splits import random_split


@dataclass
class Calibrated(Baseline):
    """Turn a model's scores into P(like) = sigmoid(a · score + b).

    A copy of the model is fitted to the training part of an inner `random_split`, whose
    other part fits a and b; another copy, `model_`, is fitted to all ratings. Where all
    scores are equal, P(like) is the share of likes.

    Parameters
    ----------
    model : recommender
        With `fit(ratings)` and `scores(rows)`.
    like_at_least : float, optional
        The lowest rating that is a like. By default the upper quarter of the scale is.

    References
    ----------
    Platt, J. (1999). Probabilistic outputs for support vector machines.
    """

    model: Scorer
    like_at_least: float | None = None

    def __post_init__(self) -> None:
        require_scorer("model", self.model)
        if self.like_at_least is not None:
            require_number("like_at_least", self.like_at_least, least=-np.inf)

    def _fit(self, ratings: RatingMatrix) -> None:
        from sklearn.linear_model import LogisticRegression  # takes a second to import

        like_level = ratings.scale.like_level(self.like_at_least)
        split = random_split(ratings)
        users, items, levels = split.held_out.triples()
        like = levels >= like_level
        if like.all() or not like.any():
            what = "a like" if like.any() else "no like"
            raise ValueError(
                f"ratings: got only ratings that are {what} (at least "
                f"{ratings.scale.steps[like_level]:g}), expected both. Give like_at_least=."
            )
        score = fitted(self.model, split.train).scores_at(users, items)
        if np.ptp(score) == 0:  # no score tells more than the share of likes among all
            self.slope_ = 0.0
            share = (ratings.triples()[2] >= like_level).mean()
            self.intercept_ = float(logit(share))
        else:
            platt = LogisticRegression(C=np.inf).fit(score[:, None], like)
            self.slope_ = float(platt.coef_[0, 0])
            self.intercept_ = float(platt.intercept_[0])
        self.fitted_ = fitted(self.model, ratings)
        self.model_ = self.fitted_.model

    def _scores(self, rows: NDArray[np.int64]) -> NDArray:
        return expit(self.slope_ * self.fitted_.scores(rows) + self.intercept_)
