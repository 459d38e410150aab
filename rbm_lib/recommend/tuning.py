"""Settings of a Recommender chosen on its own training ratings, by successive halving."""

import copy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from tqdm.auto import tqdm

from rbm_lib.checks import require_flag, require_whole
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.files import write_whole
from rbm_lib.recommend.parameters import Parameters, given_settings
from rbm_lib.recommend.settings import Settings, ranking_defaults, rating_defaults
from rbm_lib.recommend.splits import Split, random_split

__all__ = ["tune"]

DEFAULT = (1.0, 1.0)
# Multiples of the defaults: (weight_decay, n_hidden). The others have to beat the first.
SPACE = [DEFAULT, (1.0, 1.75), (0.4, 1.0), (0.65, 1.0), (1.5, 1.0), (2.3, 1.0)]
# Shares of the epochs. With a quarter of them, too weak a decay looks best.
ROUNDS = (0.5, 1.0)
CLEARLY = 2.0  # standard errors of the difference

Key = tuple[int, float, float]  # round, weight_decay, n_hidden


def tune(
    recommender: Any,
    ratings: RatingMatrix,
    *,
    seed: int = 0,
    progress: bool = True,
    path: Any = None,
) -> tuple[Any, pd.DataFrame]:
    """Choose the decay and the number of hidden units on an inner split.

    A fifth of each user's ratings is held out. All candidates train for half of the epochs,
    and the better half of them and the defaults to the end: about as long as seven
    trainings. The defaults stay unless another is better by two standard errors of the
    difference over users, for to take the best of noisy numbers makes worse models. Test
    ratings cannot take part, as there is no argument for them.

    Parameters
    ----------
    recommender : Recommender
        Its task and parameters; it stays as it is.
    ratings : RatingMatrix
        The training ratings.
    seed : int
        Of the split and of every training.
    progress : bool
        Whether to show a progress bar.
    path : path, optional
        A CSV file of the results so far, with which an interrupted choice goes on.

    Returns
    -------
    (Recommender, DataFrame)
        One with the chosen parameters, not yet fitted, and a row for each training: round,
        weight_decay and n_hidden as multiples of the defaults, the value (NDCG@10 or the
        negative log-loss), its lead over the defaults, and the standard error of that.

    Examples
    --------
    >>> from rbm_lib import Recommender
    >>> likes = RatingMatrix(*np.nonzero(np.tile(np.eye(4), (8, 4)) == 0), [1] * 384)
    >>> best, table = tune(Recommender(epochs=4), likes, progress=False)
    >>> best.weight_decay is not None, list(table)[-3:]
    (True, ['value', 'lead', 'error'])
    """
    if not isinstance(recommender, Parameters):
        given = type(recommender).__name__
        raise TypeError(f"recommender: got {given}, expected a Recommender.")
    require_ratings("ratings", ratings, at_least=1)
    seed = require_whole("seed", seed, least=0)
    split = random_split(ratings, 0.2, seed)
    base = default_settings(recommender, split.train)
    done: dict[Key, list[float]] = {}
    path = None if path is None else Path(path).expanduser()
    if path is not None and path.exists():
        rows = pd.read_csv(path).to_numpy().tolist()
        done = {(int(row[0]), row[1], row[2]): row[3:] for row in rows}
    candidates = SPACE
    n_trainings = len(SPACE) + len(_better_half(SPACE, {}))
    shown = require_flag("progress", progress) and sys.stderr is not None
    with tqdm(total=n_trainings, disable=not shown) as bar:
        for number, share in enumerate(ROUNDS):
            epochs = max(1, round(share * base["epochs"]))
            changes = {"epochs": epochs, "validation": 0.0, "seed": seed}
            reference = np.zeros(0)
            for candidate in candidates:
                key = (number, *candidate)
                todo = [c for c in candidates if (number, *c) not in done]
                if key in done and not (candidate == candidates[0] and todo):
                    bar.update()
                    continue
                model = _scaled(recommender, base, *candidate).set_params(**changes)
                values = _values(model, split)
                reference = values if candidate == candidates[0] else reference
                lead = values - reference
                error = lead.std() / np.sqrt(max(1, len(lead)))
                done[key] = [float(x) for x in (values.mean(), lead.mean(), error)]
                if path is not None:
                    write_whole(path, _table(done).to_csv(index=False))
                bar.update()
            results = {c: done[(number, *c)] for c in candidates}
            if number + 1 < len(ROUNDS):
                candidates = _better_half(candidates, results)
    chosen = max(candidates, key=lambda c: results[c][0])
    _, lead, error = results[chosen]
    if lead <= CLEARLY * error:
        chosen = candidates[0]
    whole = default_settings(recommender, ratings)
    return _scaled(recommender, whole, *chosen), _table(done)


def _better_half(
    candidates: list[tuple[float, float]], results: dict[Any, list[float]]
) -> list[tuple[float, float]]:
    """The first candidate, and the better half of the others."""
    others = sorted(candidates[1:], key=lambda c: -results.get(c, [0.0])[0])
    return [candidates[0], *others[: len(candidates) // 2]]


def _table(done: dict[Key, list[float]]) -> pd.DataFrame:
    columns = ["round", "weight_decay", "n_hidden", "value", "lead", "error"]
    return pd.DataFrame([(*key, *value) for key, value in done.items()], columns=columns)


def default_settings(recommender: Any, ratings: RatingMatrix) -> Settings:
    """The settings with which a recommender would train on these ratings."""
    like = ratings.scale.like_level(recommender.like_at_least)
    given = given_settings(recommender.get_params())
    if recommender.task == "rank":
        likes = csr_array(ratings.likes(like))
        return ranking_defaults(likes[np.flatnonzero(np.diff(likes.indptr))]) | given
    binary = ratings if ratings.n_levels == 2 else ratings.binarize(like)
    by_item_mean = recommender.rows == "users"
    rows = binary if by_item_mean else binary.T
    return rating_defaults(rows, by_item_mean) | given


def _scaled(recommender: Any, base: Settings, decay: float, n_hidden: float) -> Any:
    """A copy with multiples of the settings that `base` has."""
    return copy.deepcopy(recommender).set_params(
        weight_decay=decay * base["weight_decay"],
        n_hidden=max(1, round(n_hidden * base["n_hidden"])),
    )


def _values(model: Any, split: Split) -> NDArray:
    """NDCG@10 of each user's held-out likes, or each user's mean log-probability."""
    like = split.train.scale.like_level(model.like_at_least)
    if model.task == "rank":
        ranking = split.rank(model, 10, model.like_at_least)
        return ranking.per_user["NDCG@10"].dropna().to_numpy()
    found = model.fit(split.train).predict(split.held_out.to_frame())["like"].to_numpy()
    users, _, levels = split.held_out.triples()
    chance = np.where(levels >= like, found, 1 - found).clip(1e-12)
    total = np.bincount(users, np.log(chance), split.train.n_users)
    count = split.held_out.user_counts()
    return total[count > 0] / count[count > 0]
