"""Several recommenders on the same people, and the choice of one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rbm_lib.checks import require_choice
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.recommend.bootstrap import mean_interval
from rbm_lib.recommend.scorer import Scorer, require_scorer
from rbm_lib.recommend.splits import Split, random_split

__all__ = ["compare", "select"]


def compare(
    scorers: Mapping[str, Scorer | pd.DataFrame],
    split: Split,
    against: str | None = None,
    k: ArrayLike = 10,
    like_at_least: float | None = None,
    n_bootstrap: int = 1000,
) -> pd.DataFrame:
    """Rank by several recommenders, and compare each with one of them, user by user.

    Parameters
    ----------
    scorers : {name: recommender, or lists}
        As in `Split.ranking`, which says what each is fitted to.
    split : Split
        Of ratings on any scale, or of likes.
    against : str, optional
        The name of the one that others have to beat. By default the first.
    k, like_at_least, n_bootstrap
        As in `Split.ranking`.

    Returns
    -------
    DataFrame
        A row for each metric and recommender, with the columns of `mean_interval`, and
        lead, lead_low and lead_high: how much higher the mean is than that of `against`,
        with a 95 % interval of the differences of the same users.

    Examples
    --------
    >>> from rbm_lib.baselines import ItemKNN, Popularity
    >>> likes = RatingMatrix([1, 1, 1, 2, 2, 2], [1, 2, 3, 1, 2, 4], [1] * 6)
    >>> models = {"popularity": Popularity(), "neighbours": ItemKNN()}
    >>> table = compare(models, random_split(likes, 0.4), k=2)
    >>> table.pivot(index="model", columns="metric", values="lead")["Hit@2"].tolist()
    [0.0, 0.0]
    """
    if not isinstance(scorers, Mapping) or not scorers:
        raise ValueError("scorers: got none, expected recommenders by name.")
    if not isinstance(split, Split):
        raise TypeError(f"split: got {type(split).__name__}, expected a Split.")
    against = next(iter(scorers)) if against is None else against
    against = require_choice("against", against, list(scorers))
    for name, scorer in scorers.items():
        if not isinstance(scorer, pd.DataFrame):
            require_scorer(f"scorers[{name!r}]", scorer)
    rankings = {n: split.rank(model, k, like_at_least) for n, model in scorers.items()}
    reference = rankings[against]
    tables = []
    for name, ranking in rankings.items():
        lead = mean_interval(ranking.per_user - reference.per_user, n_bootstrap)
        lead = lead.rename(columns={n: f"lead_{n}" for n in ("low", "high")})
        lead = lead.rename(columns={"mean": "lead"}).drop(columns="n")
        table = ranking.averages(n_bootstrap).merge(lead, how="left", on="metric")
        tables.append(table.assign(model=name))
    result = pd.concat(tables, ignore_index=True)
    order = pd.Categorical(result["metric"], tables[0]["metric"])
    result = result.iloc[np.argsort(order.codes, kind="stable")].reset_index(drop=True)
    return result[["metric", "model", *result.columns.drop(["metric", "model"])]]


def select(
    candidates: Mapping[Any, Scorer],
    train: RatingMatrix,
    measure: Callable[[Split, Scorer], float],
    share: float = 0.2,
    seeds: Sequence[int] = (0,),
) -> tuple[Any, pd.DataFrame]:
    """Choose the recommender with the highest mean measure on inner splits of `train`.

    Test ratings cannot take part in the choice, as there is no argument for them. Returns
    the name, among equal ones the first, and a DataFrame of name, seed and value.
    """
    require_ratings("train", train)
    if not isinstance(candidates, Mapping):
        given = type(candidates).__name__
        raise TypeError(f"candidates: got {given}, expected recommenders by name.")
    if not callable(measure):
        raise TypeError(f"measure: got {measure!r}, expected a function.")
    if not candidates or not seeds:
        raise ValueError("candidates, seeds: got none, expected one or more of each.")
    for name, scorer in candidates.items():
        require_scorer(f"candidates[{name!r}]", scorer)
    splits = {seed: random_split(train, share, seed) for seed in seeds}
    records = []
    for name, scorer in candidates.items():
        for seed, split in splits.items():
            value = float(measure(split, scorer))
            if not np.isfinite(value):
                raise ValueError(f"measure: got {value} for {name!r}, expected a number.")
            records.append({"name": name, "seed": seed, "value": value})
    results = pd.DataFrame(records)
    means = results.groupby("name", sort=False)["value"].agg("mean")
    return means.idxmax(), results
