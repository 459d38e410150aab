"""The ranking model: an RBM of complete rows, 1 for a like and 0 for everything else.

Its question is "which of all items is a like?", and so it can order items that a person has
not met. A model of rated cells alone asks "do they like what they chose to rate?", and its
lists are worse than popularity.
"""

import copy
import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from rbm_lib.checks import plain
from rbm_lib.data.ids import known_places
from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.models.rbm import RBM
from rbm_lib.recommend.scoring import similar_items
from rbm_lib.recommend.settings import (
    Settings,
    hold_out_users,
    last_good_epoch,
    ranking_defaults,
)
from rbm_lib.training import EarlyStopping, History, Monitor, fit, linear_decay
from rbm_lib.training.dense import sum_of_ones

CHECKS = 20  # of the held-out likes during a training
WARM_SHARE = 4  # a warm start has this part of the epochs
NEAR_THE_BEST = 0.985  # of the best score, and beyond its noise
FEW = 20  # held-out users are few if there are so many times more


class RankModel:
    """An RBM of likes.

    Parameters
    ----------
    like_level : int
        The lowest level that is a like.
    """

    rbm: RBM
    settings: Settings
    item_ids: NDArray

    def __init__(self, like_level: int) -> None:
        self.like_level = like_level

    def fit(
        self,
        ratings: RatingMatrix,
        given: Settings,
        start: "RankModel | None" = None,
        **options: Any,
    ) -> History:
        """Train with the given settings, or on from `start`."""
        likes = self._likes(ratings)
        if not likes.nnz:
            raise ValueError(
                f"ratings: got none that is a like (at least "
                f"{ratings.scale.steps[self.like_level]:g}), expected some. Give "
                "like_at_least=."
            )
        self.settings = ranking_defaults(likes) | given
        self.item_ids = ratings.item_ids
        rbm = None
        if start is not None:
            self.settings["n_hidden"] = start.rbm.n_hidden
            self.settings["epochs"] = -(-self.settings["epochs"] // WARM_SHARE)
            places = known_places(start.item_ids, self.item_ids)
            rbm = grown(start.rbm, places, likes)
        self.rbm, history = train_ranking(likes, self.settings, start=rbm, **options)
        return history

    def catalogue(self, people: RatingMatrix) -> RatingMatrix:
        """Their ratings over all items that the model can score."""
        return people

    def allowed(self, allow: Any, new_items: bool) -> Any:
        """The only items that may be listed, or None for all."""
        if new_items:
            self.new_columns()
        return allow

    def new_columns(self) -> NDArray[np.int64]:
        """Columns of the catalogue that are known by their content alone."""
        raise ValueError(
            "new_items: got True, expected False of a model without content. Fit "
            "Recommender(content=table) to score items that nobody has rated."
        )

    def scores(self, people: RatingMatrix) -> Tensor:
        """Log-odds of a like, (n_people, n_items)."""
        return like_log_odds(self.rbm, self._likes(people))

    def effects(self, liked: NDArray[np.int64], item: int) -> NDArray:
        """How far the score of `item` falls without each of one person's likes."""
        return like_effects(self.rbm, liked, item)

    def explain(self, person: RatingMatrix, item: int, n: int) -> pd.DataFrame:
        """The table of `Recommender.explain`, and the warnings."""
        if len(person) != 1:
            raise ValueError(f"user: got {len(person)} people, expected one.")
        liked = self._likes(person).indices.astype(np.int64)
        liked = liked[liked != item]
        effects = self.effects(liked, item)
        if not len(liked):
            lowest = person.scale.threshold or person.scale.steps[self.like_level]
            warnings.warn(
                f"user: got no like of another item (a rating of at least {lowest:g}), "
                "expected one or more. The score is that of everybody without likes, and "
                "nothing explains it.",
                stacklevel=3,
            )
        elif effects.max() <= 0:
            warnings.warn(
                f"no like of this person speaks for item {plain(person.item_ids[item])!r}. "
                "An effect below 0 is a reason against it.",
                stacklevel=3,
            )
        order = np.argsort(-np.abs(effects), kind="stable")[:n]
        return pd.DataFrame(
            {"item": person.item_ids[liked[order]], "effect": effects[order]}
        )

    def similar(self, ratings: RatingMatrix, item: int, n: int) -> tuple[NDArray, NDArray]:
        """The nearest items and their cosines."""
        items, cosines = similar_items(self.rbm, item, n)
        found = items >= 0
        return items[found].cpu().numpy(), cosines[found].cpu().numpy()

    def _likes(self, ratings: RatingMatrix) -> csr_array:
        return csr_array(ratings.likes(self.like_level))


def train_ranking(
    likes: Any,
    settings: Settings,
    *,
    start: RBM | None = None,
    validation: float = 0.1,
    seed: int = 0,
    device: Any = "auto",
    progress: bool = False,
) -> tuple[RBM, History]:
    """Train on the rows that have a like, going on from `start` if there is one.

    With `validation` > 0, a first training without this share of the users finds out for
    how many epochs their hidden likes rise in the order of all items, and a second one
    uses everybody. Where they are few among all, the first is enough.
    """
    likes = likes[np.flatnonzero(np.diff(likes.indptr))]
    options = {"seed": seed, "device": device, "progress": progress}
    if not validation:
        return _train(likes, settings, start, [], **options)

    rows, shown, hidden = hold_out_users(likes, validation, np.random.default_rng(seed))
    if not len(rows):
        return _train(likes, settings, start, [], **options)
    others = np.delete(np.arange(likes.shape[0]), rows)

    def score(model: RBM) -> float:
        return place_score(like_log_odds(model, shown).cpu(), shown, hidden)

    every = max(1, settings["epochs"] // CHECKS)
    stop = EarlyStopping(score, patience=CHECKS // 2, every=every)
    model, history = _train(likes[others], settings, start, [stop], **options)
    if history.interrupted or len(rows) * FEW <= likes.shape[0]:
        return model, history
    last = last_good_epoch(history, NEAR_THE_BEST)
    model, _ = _train(likes, settings, start, [lambda e: e.number >= last], **options)
    return model, history


def _train(
    likes: csr_array,
    settings: Settings,
    start: RBM | None,
    callbacks: list[Any],
    seed: int,
    **options: Any,
) -> tuple[RBM, History]:
    model = copy.deepcopy(start)
    if model is None:
        model = RBM(likes.shape[1], settings["n_hidden"], seed=seed)  # type: ignore
        model.initialize_from(likes)
    wanted = ("epochs", "batch_size", "lr", "weight_decay")
    history = fit(
        model,
        likes,
        schedule=linear_decay(),
        callbacks=[Monitor(every=settings["epochs"]), *callbacks],
        generator=torch.Generator().manual_seed(seed),
        **{name: settings[name] for name in wanted},
        **options,
    )
    return model, history


def place_score(scores: Tensor, shown: Any, hidden: Any) -> float:
    """Mean of 1 / log2(1 + place) over the hidden likes, among all items not shown.

    NDCG without a cut: every hidden like counts, also one at place 300, and so it has a
    fifth of the noise of NDCG@10 on the same users.
    """
    unseen = scores.masked_fill(torch.from_numpy(shown.toarray()), -torch.inf).numpy()
    own = np.split(unseen[hidden.nonzero()], hidden.indptr[1:-1])
    unseen.sort(axis=1)
    pairs = zip(unseen, own, strict=True)
    better = [len(row) - np.searchsorted(row, likes, "right") for row, likes in pairs]
    return float((1 / np.log2(2 + np.concatenate(better))).mean())


@torch.no_grad()
def like_log_odds(model: RBM, likes: csr_array) -> Tensor:
    """Log-odds of a like for each row and item, (B, n_items), by one mean-field pass.

    An item that a row does not like adds nothing to its hidden units, so for these the
    numbers are made from the other items alone.
    """
    return hidden_means(model, likes) @ model.W.T + model.visible_bias


def hidden_means(model: RBM, likes: csr_array) -> Tensor:
    """p(h given the row), (B, n_hidden), at a cost that follows the likes."""
    return model.hidden.mean(sum_of_ones(likes, model.W))


@torch.no_grad()
def like_effects(model: RBM, liked: np.ndarray, item: int) -> np.ndarray:
    """How much the log-odds of `item` fall if each of the liked items is left out."""
    own = model.W[torch.from_numpy(liked).to(model.W.device)]
    field = own.sum(0)
    whole = model.hidden.mean(field[None])
    without = model.hidden.mean(field - own)
    return ((whole - without) @ model.W[item]).cpu().numpy()


@torch.no_grad()
def grown(model: RBM, places: NDArray[np.int64], likes: Any) -> RBM:
    """The model over the items of `likes`: `places` are the new places of the old ones.

    A new item has the mean weights of the old ones, and the bias of its own likes. An old
    item without a place, −1, is left out.
    """
    kept = torch.from_numpy(np.flatnonzero(places >= 0)).to(model.W.device)
    to = torch.from_numpy(places).to(model.W.device)[kept]
    larger = RBM(likes.shape[1], model.n_hidden, seed=0).initialize_from(likes)
    larger.to(model.W.device)
    larger.W.copy_(model.W.mean(0).expand_as(larger.W))
    larger.W[to] = model.W[kept]
    larger.visible_bias[to] = model.visible_bias[kept]
    larger.hidden_bias.copy_(model.hidden_bias)
    return larger
