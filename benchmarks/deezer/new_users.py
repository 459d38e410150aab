"""Users whom the models have never met, by the number of their listens shown."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit

from benchmarks.deezer.listens import rates
from benchmarks.deezer.machines import MIN_PLAYS, log_odds, machine
from benchmarks.deezer.models import logistic
from benchmarks.deezer.scores import Line, log, score
from rbm_lib import RatingMatrix
from rbm_lib.data.deezer.features import keep_matrix
from rbm_lib.recommend import multinomial_covariate

SHARE_OF_NEW = 0.3
SHOWN = (0, 1, 3, 10)
PRIOR = 5  # listens at the overall rate, which a user's own rate so far starts from


def new_user_lines(
    listens: pd.DataFrame, known: pd.DataFrame, later: pd.DataFrame, seed: int
) -> Iterator[Line]:
    """The AUC of their listens of the last days, given their last known ones."""
    log("new users")
    users = np.unique(listens["user_id"])
    n_new = round(SHARE_OF_NEW * len(users))
    new = np.random.default_rng(seed).permutation(users)[:n_new]
    is_new = known["user_id"].isin(new)
    old = known[~is_new]
    history = known[is_new].sort_values("ts_listen", kind="stable")
    matrix = keep_matrix(old, min_plays=MIN_PLAYS)
    later = later[later["user_id"].isin(new) & later["media_id"].isin(matrix.item_ids)]
    who = np.unique(later["user_id"])

    x, x_new = profile_scores(listens, matrix, who)
    columns = np.repeat(x[:, None], matrix.n_items, axis=1)
    bias, slope = multinomial_covariate(matrix, columns)
    offset = torch.tensor(x[:, None, None], dtype=torch.float32) * slope
    offset_new = torch.tensor(x_new[:, None, None], dtype=torch.float32) * slope
    plain = machine(matrix)
    conditional = machine(matrix, offset=offset, bias=bias)

    overall = old["is_listened"].mean()
    track = logit(rates(old, later)["media_id rate"].to_numpy(dtype=float))
    profile = x_new[np.searchsorted(who, later["user_id"])]
    for n in SHOWN:
        shown = history[history["user_id"].isin(who)].groupby("user_id").tail(n)
        own = logit(rate_so_far(shown, later, overall)) - logit(overall)
        seen = keep_matrix(shown, user_ids=who, item_ids=matrix.item_ids)
        odds = {
            "track's rate": track,
            "track's rate and profile": track + profile,
            "track's rate and own rate so far": track + own,
            "RBM": log_odds(plain, seen, later, "media_id"),
            "RBM and profile": log_odds(conditional, seen, later, "media_id", offset_new),
        }
        for name, value in odds.items():
            line = score(expit(value), later, n_bootstrap=200)
            line = {key: line[key] for key in ("AUC", "low", "high", "rows")}
            yield {"model": name, "listens known": n, **line, "users": len(who)}


def profile_scores(
    listens: pd.DataFrame, matrix: RatingMatrix, new: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log-odds by the profile alone, centred: of the matrix's users, and of new ones."""
    x = profiles(listens, matrix.user_ids)
    person, _, kept = matrix.triples()
    model = logistic().fit(x[person], kept)
    own = model.decision_function(x)
    others = model.decision_function(profiles(listens, new))
    return own - own.mean(), others - own.mean()


def profiles(listens: pd.DataFrame, users: NDArray) -> NDArray:
    """Age, gender and platform of each user's first listen."""
    in_order = listens.sort_values("ts_listen", kind="stable")
    first = in_order.groupby("user_id").first().reindex(users)
    platform = [first["platform_name"] == number for number in (1, 2)]
    return np.column_stack([first["user_age"], first["user_gender"], *platform])


def rate_so_far(
    shown: pd.DataFrame, later: pd.DataFrame, overall: float
) -> NDArray[np.float64]:
    """The smoothed share of kept listens, of those shown of each later row's user."""
    counts = shown.groupby("user_id")["is_listened"].agg(["sum", "count"])
    counts = counts.reindex(later["user_id"], fill_value=0).to_numpy()
    return (counts[:, 0] + PRIOR * overall) / (counts[:, 1] + PRIOR)
