"""The rating model: what will people think of an item that they choose to rate?

A model with two levels answers "will they like it?", and where there are more, one with all
levels answers "how many stars?".
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from rbm_lib.data.ids import as_array, known_places
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models.rbm import RBM
from rbm_lib.recommend.masked import Ints, MaskedModel
from rbm_lib.recommend.people import (
    NEW,
    new_people,
    pair_columns,
    require_person,
    warn_unknown,
)
from rbm_lib.recommend.settings import Settings, last_good_epoch, rating_defaults
from rbm_lib.training import EarlyStopping, History

VALIDATION_RATINGS = 20_000  # at most
CHECKS = 10  # of the held-out ratings during a training
WARM_SHARE = 4  # a warm start has this part of the epochs
FEW = 20  # held-out ratings are few if there are so many times more
NEAR_THE_BEST = 0.999  # of the best score


class RatingModel:
    """Masked models over the ratings of a RatingMatrix.

    Parameters
    ----------
    like_level : int
        The lowest level that is a like.
    rows : {"items", "users"}
        What a row of the models is; their units are the others.
    """

    like: MaskedModel
    stars: MaskedModel | None
    settings: Settings
    unit_ids: NDArray

    def __init__(self, like_level: int, rows: str) -> None:
        self.like_level = like_level
        self.rows = rows

    def fit(
        self,
        ratings: RatingMatrix,
        given: Settings,
        start: "RatingModel | None" = None,
        validation: float = 0.2,
        seed: int = 0,
        **options: Any,
    ) -> History:
        """Train with the given settings, or on from `start`."""
        binary = self._binary(ratings)
        found = np.unique(binary.triples()[2])
        if len(found) < 2:
            what = "a like" if 1 in found else "no like"
            raise ValueError(
                f"ratings: got only ratings that are {what}, expected both. Rank with "
                "Recommender(task='rank'), or give like_at_least=."
            )
        by_users = self.rows == "users"
        rows = self._rows(binary)
        both = self._rows(ratings), rows
        self.unit_ids = rows.item_ids
        self.settings = rating_defaults(rows, by_users) | given
        if start is not None:
            self.settings["n_hidden"] = start.like.rbm.n_hidden
            self.settings["epochs"] = -(-self.settings["epochs"] // WARM_SHARE)
        options = {"seed": seed, **options}
        self.like, history, last = self._fit_like(rows, start, validation, options)
        self.stars = None
        if ratings.n_levels > 2:
            rows = self._rows(ratings)
            settings = rating_defaults(rows, by_users) | given
            settings["epochs"] = self.settings["epochs"]
            if "weight_decay" in given:  # meant for two levels
                stars, like = (rating_defaults(r, by_users)["weight_decay"] for r in both)
                settings["weight_decay"] = given["weight_decay"] * stars / like
            if start is not None and start.stars is not None:
                settings["n_hidden"] = start.stars.rbm.n_hidden
            self.stars, data = MaskedModel.start(rows, settings, seed)
            self._take_over(self.stars.rbm, start, "stars")
            self.stars.train(data, settings, [lambda e: e.number >= last], **options)
        return history

    def _fit_like(
        self,
        rows: RatingMatrix,
        start: "RatingModel | None",
        validation: float,
        options: dict[str, Any],
    ) -> tuple[MaskedModel, History, int]:
        """The model with two levels, and for how many epochs held-out ratings rise."""
        last = self.settings["epochs"]
        history = History()
        seed = options["seed"]
        if validation:
            share = min(validation / 2, VALIDATION_RATINGS / rows.n_ratings)
            chosen = np.random.default_rng(seed).random(rows.n_ratings) < share
            row, unit, level = rows.keep(chosen).triples()
            left = rows.keep(~chosen)
            model, data = MaskedModel.start(left, self.settings, seed)
            self._take_over(model.rbm, start, "like")

            def score(_: RBM) -> float:
                prob = model.probabilities(left, row, unit)
                return float(
                    prob.gather(1, torch.from_numpy(level)[:, None]).log().mean().exp()
                )

            every = max(1, last // CHECKS)
            stop = EarlyStopping(score, patience=CHECKS // 2, every=every)
            # With few ratings a person, hidden units may not help, and biases are best.
            biases = {"epoch": 0, "score": score(model.rbm)}
            history = model.train(data, self.settings, [stop], **options)
            history.records.insert(0, biases)
            last = max(1, last_good_epoch(history, NEAR_THE_BEST))
            if history.interrupted or chosen.sum() * FEW <= rows.n_ratings:
                return model, history, last
        model, data = MaskedModel.start(rows, self.settings, seed)
        self._take_over(model.rbm, start, "like")
        stop_at = [lambda e: e.number >= last]
        second = model.train(data, self.settings, stop_at, **options)
        return model, history if validation else second, last

    def _take_over(self, rbm: RBM, start: "RatingModel | None", name: str) -> None:
        """Begin with the weights of an earlier model; new units have the average ones."""
        older = None if start is None else getattr(start, name)
        if start is None or older is None:
            return
        places = known_places(self.unit_ids, start.unit_ids)
        with torch.no_grad():
            W = older.rbm.W.cpu()
            rbm.W.copy_(torch.cat([W, W.mean(0, keepdim=True)])[places])
            rbm.hidden_bias.copy_(older.rbm.hidden_bias)

    def predict(
        self, ratings: RatingMatrix, users: Ints, items: Ints
    ) -> tuple[NDArray, NDArray | None]:
        """P(like) and expected rating of pairs; −1 is an unknown user or item."""
        row, unit = (items, users) if self.rows == "items" else (users, items)
        binary = self._rows(self._binary(ratings))
        like = self.like.probabilities(binary, row, unit)[:, 1]
        if self.stars is None:
            return like.double().numpy(), None
        levels = self.stars.probabilities(self._rows(ratings), row, unit)
        return like.double().numpy(), self._expected(levels, ratings)

    def scores(self, ratings: RatingMatrix, users: Ints) -> NDArray:
        """P(like) of every item, (n_users, n_items)."""
        cells = np.meshgrid(users, np.arange(ratings.n_items), indexing="ij")
        like, _ = self.predict(ratings, *(index.ravel() for index in cells))
        return like.reshape(len(users), -1)

    def predict_person(
        self, ratings: RatingMatrix, person: RatingMatrix, items: Ints
    ) -> tuple[NDArray, NDArray | None]:
        """The same for a person whose ratings are not among those of the training."""
        if self.rows == "users":
            return self.predict(person, np.zeros_like(items), items)
        _, rated, level = person.triples()
        liked = (level >= self.like_level).astype(np.int64)
        binary = self._rows(self._binary(ratings))
        like = self.like.of_new_unit(binary, rated, liked, items)[:, 1]
        if self.stars is None:
            return like.double().numpy(), None
        levels = self.stars.of_new_unit(self._rows(ratings), rated, level, items)
        return like.double().numpy(), self._expected(levels, ratings)

    def _expected(self, levels: Tensor, ratings: RatingMatrix) -> NDArray:
        return levels.double().numpy() @ np.asarray(ratings.scale.steps)

    def similar(self, ratings: RatingMatrix, item: int, n: int) -> tuple[NDArray, NDArray]:
        """The items that are nearest in what they say of, or to, the hidden units."""
        if self.rows == "items":
            codes = torch.sigmoid(self.like.hidden_field(self._rows(self._binary(ratings))))
        else:
            W = self.like.rbm.W.detach().cpu()
            codes = W[:, 1] - W[:, 0]
        codes = codes - codes.mean(0)
        cosine = torch.cosine_similarity(codes, codes[item][None], dim=1)
        cosine[item] = -torch.inf
        best = cosine.argsort(descending=True, stable=True)[: min(n, len(codes) - 1)]
        return best.numpy(), cosine[best].double().numpy()

    def _binary(self, ratings: RatingMatrix) -> RatingMatrix:
        return ratings if ratings.n_levels == 2 else ratings.binarize(self.like_level)

    def _rows(self, ratings: RatingMatrix) -> RatingMatrix:
        return ratings.T if self.rows == "items" else ratings


def predict_pairs(
    model: RatingModel, known: RatingMatrix, pairs: Any, person: dict[Any, float] | None
) -> pd.DataFrame:
    """The table of `Recommender.predict`."""
    if person is not None:
        require_person(person)
        items = np.atleast_1d(as_array("pairs", pairs))
        users = np.full(len(items), NEW, dtype=object)
        places = known_places(items, known.item_ids)
        like, rating = model.predict_person(known, new_people(person, known), places)
    else:
        users, items = pair_columns(pairs, known.table_format)
        rows = known_places(users, known.user_ids)
        places = known_places(items, known.item_ids)
        like, rating = model.predict(known, rows, places)
        warn_unknown(pd.unique(users[rows < 0]), "user", "the average instead")
    warn_unknown(pd.unique(items[places < 0]), "item", "the average instead")
    table = pd.DataFrame({"user": users, "item": items, "like": like})
    return table if rating is None else table.assign(rating=rating)
