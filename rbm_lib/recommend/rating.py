"""The rating model: what will people think of an item that they choose to rate?

A model with two levels answers "will they like it?", and where there are more, one with all
levels answers "how many stars?". A last layer joins them and the biases.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from rbm_lib.data.ids import as_array, known_places
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models.rbm import RBM
from rbm_lib.recommend.blend import Blend, Opinions
from rbm_lib.recommend.masked import Ints, MaskedModel
from rbm_lib.recommend.people import (
    NEW,
    new_people,
    pair_columns,
    require_person,
    warn_unknown,
)
from rbm_lib.recommend.settings import Settings, in_turn, last_good_epoch, rating_defaults
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
    blend: Blend | None
    settings: Settings
    star_settings: Settings
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
        found = np.unique(self._binary(ratings).triples()[2])
        if len(found) < 2:
            what = "a like" if 1 in found else "no like"
            raise ValueError(
                f"ratings: got only ratings that are {what}, expected both. Rank with "
                "Recommender(task='rank'), or give like_at_least=."
            )
        rows = self._rows(ratings)
        self.unit_ids = rows.item_ids
        self._set(rows, given, start)
        options = {"seed": seed, **options}
        # Earlier weights know the held-out ratings, so they would be trusted too far.
        self.blend = None if start is None else start.blend
        last = self.settings["epochs"]
        first = None
        share = min(validation, VALIDATION_RATINGS / rows.n_ratings)
        chosen = np.random.default_rng(seed).random(rows.n_ratings) < share
        if chosen.any():
            left, held_out = rows.keep(~chosen), rows.keep(chosen)
            first = self._train_like(left, last, start, options, held_out)
            last = max(1, last_good_epoch(first, NEAR_THE_BEST))
            self._train_stars(left, last, start, options)
            again = not first.interrupted and chosen.sum() * FEW > rows.n_ratings
            if start is None:
                folds = in_turn(chosen, seed) if again else [chosen]
                self.blend = self._blend(rows, folds, last, options)
            if not again:
                return first
        second = self._train_like(rows, last, start, options)
        self._train_stars(rows, last, start, options)
        return second if first is None else first

    def _set(
        self, rows: RatingMatrix, given: Settings, start: "RatingModel | None"
    ) -> None:
        """The settings of both models."""
        by_users = self.rows == "users"
        like = rating_defaults(self._binary(rows), by_users)
        stars = rating_defaults(rows, by_users)
        decays = stars["weight_decay"] / like["weight_decay"]
        self.settings = like | given
        self.star_settings = stars | given
        if "weight_decay" in given:  # meant for two levels
            self.star_settings["weight_decay"] = given["weight_decay"] * decays
        if start is not None:
            self.settings["n_hidden"] = start.like.rbm.n_hidden
            self.settings["epochs"] = -(-self.settings["epochs"] // WARM_SHARE)
            if start.stars is not None:
                self.star_settings["n_hidden"] = start.stars.rbm.n_hidden
        self.star_settings["epochs"] = self.settings["epochs"]

    def _train_like(
        self,
        rows: RatingMatrix,
        last: int,
        start: "RatingModel | None",
        options: dict[str, Any],
        held_out: RatingMatrix | None = None,
    ) -> History:
        """The model with two levels; held-out ratings say how it gets on."""
        binary = self._binary(rows)
        self.like, data = MaskedModel.start(binary, self.settings, options["seed"])
        self._take_over(self.like.rbm, start, "like")
        if held_out is None:
            stop_at = [lambda e: e.number >= last]
            return self.like.train(data, self.settings, stop_at, **options)
        row, unit, level = self._binary(held_out).triples()
        own = torch.from_numpy(level)[:, None]

        def score(_: RBM) -> float:
            prob = self.like.probabilities(binary, row, unit)
            return float(prob.gather(1, own).log().mean().exp())

        every = max(1, last // CHECKS)
        stop = EarlyStopping(score, patience=CHECKS // 2, every=every)
        # With few ratings a person, hidden units may not help, and biases are best.
        biases = {"epoch": 0, "score": score(self.like.rbm)}
        history = self.like.train(data, self.settings, [stop], **options)
        history.records.insert(0, biases)
        return history

    def _train_stars(
        self,
        rows: RatingMatrix,
        last: int,
        start: "RatingModel | None",
        options: dict[str, Any],
    ) -> None:
        """The model with all levels, if there are more than two."""
        self.stars = None
        if rows.n_levels == 2:
            return
        self.stars, data = MaskedModel.start(rows, self.star_settings, options["seed"])
        self._take_over(self.stars.rbm, start, "stars")
        stop_at = [lambda e: e.number >= last]
        self.stars.train(data, self.star_settings, stop_at, **options)

    def _blend(
        self, rows: RatingMatrix, folds: list[NDArray], last: int, options: dict[str, Any]
    ) -> Blend | None:
        """How far to trust each model, by ratings that it has not seen, the first now."""
        parts = []
        for fold in folds:
            left = rows.keep(~fold)
            if fold is not folds[0]:
                self._train_like(left, last, None, options)
                self._train_stars(left, last, None, options)
            parts.append(self.opinions(left, *rows.keep(fold).triples()[:2]))
        level = np.concatenate([rows.keep(fold).triples()[2] for fold in folds])
        binary = self._binary(rows)
        like = np.concatenate([binary.keep(fold).triples()[2] for fold in folds])
        rating = np.asarray(rows.scale.steps)[level]
        return Blend.fit(Opinions.joined(parts), rating, like == 1)

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
        return self._blended(self.opinions(self._rows(ratings), row, unit), ratings)

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
        rows = self._rows(ratings)
        liked = (level >= self.like_level).astype(np.int64)
        like = self.like.of_new_unit(self._binary(rows), rated, liked, items)
        if self.stars is None:
            bias = self.like.bias_of_new_unit(self._binary(rows), rated, liked, items)
            return self._blended(self._as_opinions(rows, like, bias), ratings)
        stars = self.stars.of_new_unit(rows, rated, level, items)
        bias = self.stars.bias_of_new_unit(rows, rated, level, items)
        return self._blended(self._as_opinions(rows, like, bias, stars), ratings)

    def opinions(self, rows: RatingMatrix, row: Ints, unit: Ints) -> Opinions:
        """What each model says of some cells."""
        binary = self._binary(rows)
        like = self.like.probabilities(binary, row, unit)
        if self.stars is None:
            bias = self.like.bias_score(binary, row, unit)
            return self._as_opinions(rows, like, bias)
        stars = self.stars.probabilities(rows, row, unit)
        bias = self.stars.bias_score(rows, row, unit)
        return self._as_opinions(rows, like, bias, stars)

    def _as_opinions(
        self, rows: RatingMatrix, like: Tensor, bias: NDArray, stars: Tensor | None = None
    ) -> Opinions:
        opinions = Opinions(like[:, 1].double().numpy(), bias)
        if stars is None:
            return opinions
        levels = stars.double().numpy()
        stars_like = levels[:, self.like_level :].sum(1)
        expected = levels @ np.asarray(rows.scale.steps)
        return replace(opinions, stars_like=stars_like, stars=expected)

    def _blended(
        self, opinions: Opinions, ratings: RatingMatrix
    ) -> tuple[NDArray, NDArray | None]:
        if self.blend is None:
            return opinions.like, opinions.stars
        like, rating = self.blend.predict(opinions)
        steps = ratings.scale.steps
        return like, None if rating is None else rating.clip(min(steps), max(steps))

    def catalogue(self, people: RatingMatrix) -> RatingMatrix:
        """Their ratings over all items of the model, which are those of its ratings."""
        return people

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
