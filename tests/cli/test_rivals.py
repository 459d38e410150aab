"""The rivals of a model have as many tries as it has, on an inner split."""

import numpy as np
import pytest

from rbm_lib import RatingMatrix
from rbm_lib.cli.measure import held_out
from rbm_lib.cli.rivals import TRIES, rivals, tuned
from rbm_lib.recommend.scorer import fitted
from rbm_lib.recommend.splits import random_split
from rbm_lib.recommend.tuning import SPACE
from tests.cli.support import make_table

TASKS = {
    "rank": ["ItemKNN", "EASE", "iALS"],
    "rate": ["item mean", "user + item bias", "matrix factorisation"],
}


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


@pytest.fixture
def split(task):
    ratings = RatingMatrix.from_frame(make_table())
    if task == "rate":
        return held_out(ratings.binarize(3), task, 0)
    likes = ratings.binarize(3).keep(ratings.triples()[2] >= 3)
    return held_out(likes, task, 0)


def setting_of(name, rival):
    return getattr(getattr(rival, "model", rival), TRIES[name][0])


def test_the_defaults_are_the_first_try(task, split):
    others = rivals(task, split)

    assert sorted(set(others) & set(TRIES)) == sorted(TASKS[task])
    for name in TASKS[task]:
        assert setting_of(name, others[name]) == TRIES[name][1][0]


def test_the_setting_is_the_best_of_the_inner_split(task, split):
    found = tuned(rivals(task, split), task, split, seed=3)

    inner = random_split(split.train, 0.2, 3)
    name = TASKS[task][1]
    setting, values = TRIES[name]
    measured = []
    for value in values:
        rival = rivals(task, split)[name]
        setattr(rival, setting, value)
        if task == "rank":
            measured.append(inner.rank(rival, 10).per_user["NDCG@10"].mean())
        else:
            users, items, label = inner.held_out.triples()
            p = fitted(rival, inner.train).scores_at(users, items)
            measured.append(np.log(np.where(label == 1, p, 1 - p)).mean())
    assert setting_of(name, found[name]) == values[int(np.argmax(measured))]
    assert len(set(measured)) > 1, "the settings matter here"


def test_each_has_at_least_as_many_tries_as_the_model():
    assert min(len(values) for _, values in TRIES.values()) >= len(SPACE)


def test_ease_is_left_out_where_its_matrix_would_fill_the_memory():
    n = 20_001
    people = np.arange(n).repeat(3)
    every = RatingMatrix(people, (people + np.arange(3 * n) % 3) % n, [1] * (3 * n))

    assert "EASE" not in rivals("rank", held_out(every, "rank", 0))
