"""What is tried, four settings for each model, and the choice of one."""

from functools import partial

from rbm_lib import Recommender, evaluate
from rbm_lib.baselines import (
    EASE,
    IALS,
    AutoRec,
    ItemKNN,
    ItemKNNRatings,
    ItemMean,
    LogisticBias,
    MatrixFactorization,
    Popularity,
)
from rbm_lib.recommend import SemiRestricted


def named(make, **grid):
    """{text: make(setting)} for one setting per value of each; all have as many values."""
    settings = [
        dict(zip(grid, values, strict=True)) for values in zip(*grid.values(), strict=True)
    ]
    return {", ".join(f"{k} {v}" for k, v in s.items()): make(**s) for s in settings}


def rating_models():
    """{name: (which ratings, {setting: model})} of the models of P(like)."""

    def rbm(rows):
        return partial(Recommender, "rate", rows=rows, validation=0.0)

    neighbours = {"k": (20, 40, 40, 80), "shrink": (20, 20, 50, 50)}
    factors = {"n_factors": (10, 20, 20, 20), "reg": (0.15, 0.1, 0.15, 0.2)}
    autorec = partial(AutoRec, by_item=True)
    autoencoders = {"n_hidden": (50, 50, 100, 100), "reg": (3, 10, 3, 10)}
    of_users = {"weight_decay": (0.02, 0.03, 0.04, 0.03), "n_hidden": (30, 30, 30, 60)}
    of_items = {
        "weight_decay": (0.01, 0.015, 0.02, 0.015),
        "n_hidden": (100, 100, 100, 200),
    }
    return {
        "item mean": ("likes", named(ItemMean, smoothing=(2, 5, 10, 20))),
        "user + item bias": ("likes", named(LogisticBias, penalty=(1, 2, 4, 8))),
        "ItemKNN on residuals": ("levels", named(ItemKNNRatings, **neighbours)),
        "matrix factorisation": ("levels", named(MatrixFactorization, **factors)),
        "AutoRec, item rows": ("levels", named(autorec, **autoencoders)),
        "RBM, user rows": ("likes", named(rbm("users"), **of_users)),
        "RBM, item rows": ("likes", named(rbm("items"), **of_items)),
    }


def ranking_models():
    """{name: {setting: model}} of the models of likes."""

    decays = {"weight_decay": (0.01, 0.02, 0.03, 0.04), "n_hidden": (200,) * 4}
    semi = {"scale": (10, 15, 20, 15), "weight_decay": (0.009, 0.009, 0.009, 0.012)}
    return {
        "popularity": {"": Popularity()},
        "ItemKNN": named(ItemKNN, k=(50, 100, 200, 200), shrink=(10, 10, 10, 50)),
        "EASE": named(EASE, l2=(100, 200, 300, 500)),
        "iALS": named(IALS, alpha=(0.2, 0.5, 0.5, 1.0), reg=(1.0, 0.7, 1.0, 1.0)),
        "RBM": named(partial(Recommender, "rank", validation=0.0), **decays),
        "semi-restricted RBM": named(SemiRestricted, **semi),
    }


def chosen(candidates, train, measure, seed):
    """The best candidate on an inner split of the training set, and its name."""
    if len(candidates) == 1:
        return next(iter(candidates.values())), ""
    best, _ = evaluate.select(candidates, train, measure, seeds=(1000 + seed,))
    return candidates[best], best
