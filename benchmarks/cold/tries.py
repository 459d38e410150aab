"""What is tried of each model, and the scores of what an inner draw chooses."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.cold.by_content import cosine, knn, popularity, ridge, ridge_popularity
from benchmarks.cold.by_taste import (
    ials_kernel,
    ials_ridge,
    of_shuffled_content,
    tied_dbm,
    tied_rbm,
)
from benchmarks.cold.scores import REFERENCE, log
from rbm_lib.recommend.cold import ColdTask
from rbm_lib.training import TiedCD


def grid(**values: tuple) -> list[dict[str, Any]]:
    return [
        dict(zip(values, one, strict=True)) for one in itertools.product(*values.values())
    ]


DEEP = "TiedDBM, one upward pass"


GRIDS: dict[str, tuple[Callable[..., np.ndarray], list[dict[str, Any]]]] = {
    "popularity by content": (
        popularity,
        grid(l2=(1, 3, 10, 30, 100), power=(1.0, 1.5, 2.0)),
    ),
    "cosine of mean content": (cosine, grid(centre=(False, True), rare=(False, True))),
    "content kNN": (knn, grid(k=(10, 20, 40, 80, 160, 320), shrink=(0.0, 5.0))),
    "ridge per user": (ridge, grid(l2=(1, 3, 10, 30, 100, 300))),
    "ridge per user + popularity": (
        ridge_popularity,
        grid(l2=(3, 10, 30, 100), share=(0.1, 0.25, 0.5)),
    ),
    "iALS mapped by ridge": (
        ials_ridge,
        grid(alpha=(0.2, 0.5, 1.0), reg=(1.0,), l2=(1, 3, 10, 30)),
    ),
    "iALS mapped by kernel ridge": (
        ials_kernel,
        grid(alpha=(0.2, 0.5, 1.0), reg=(1.0,), l2=(0.3, 1, 3, 10), width=(2.0,)),
    ),
    REFERENCE: (tied_rbm, grid(n_taste=(64, 128), decay=(1e-3, 3e-3))),
    DEEP: (tied_dbm, grid(n_taste=(64, 128), decay=(1e-3, 3e-3))),
}


def all_scores(
    task: ColdTask, seed: int, only: Sequence[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, scores) of the models, with the settings that the inner draw chooses."""
    inner = task.inner(1000 + seed)
    rng = np.random.default_rng([2009, seed])
    for name, (model, settings) in GRIDS.items():
        if name not in only:
            continue
        values = [quality(inner, model(inner, **setting)) for setting in settings]
        chosen = settings[int(np.argmax(values))]
        scores = model(task, **chosen)
        log(f"draw {seed}  {name}: {chosen} of {len(settings)}")
        yield name, scores
        if name == REFERENCE:
            yield from variants(task, scores, chosen, rng)
        if name == DEEP:
            deep = vars(task)["model"]
            taste = deep.mean_field(task.likes, max_sweeps=3).means[-1]
            yield "  mean field, 3 sweeps", deep.scores_at(taste, task.new_content).numpy()


def without_model(task: ColdTask, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """The two ends of the scale."""
    rng = np.random.default_rng([2010, seed])
    yield "random", rng.random(task.relevant.shape)
    popular = (task.relevant / task.likes.sum(1, keepdims=True)).sum(0)
    yield "true popularity (looks at the answers)", np.tile(popular, (len(task.likes), 1))


def variants(
    task: ColdTask, scores: np.ndarray, chosen: dict[str, Any], rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """What is left without the person, the content or the residual; and by CD."""
    yield "  of another person", scores[rng.permutation(len(scores))]
    yield "  its mean over people", np.tile(scores.mean(0), (len(scores), 1))
    yield "  with shuffled content", of_shuffled_content(task, rng)
    yield "  without residual, same settings", tied_rbm(task, **chosen, residual=False)
    yield "  by CD, same settings", tied_rbm(task, **chosen, method=TiedCD(k=1))


def quality(task: ColdTask, scores: np.ndarray) -> float:
    per_user = task.per_person(scores)
    return float((per_user["Recall@20"] + per_user["NDCG@10"]).mean())
