"""The rivals of a model have as many tries as it has, on an inner split."""

import numpy as np
import pytest

from rbm_lib import RatingMatrix, Recommender
from rbm_lib.baselines import (
    IALS,
    Calibrated,
    ItemKNN,
    LogisticBias,
    Popularity,
    UserItemBias,
)
from rbm_lib.cli.measure import held_out
from rbm_lib.cli.rivals import TRIES, chosen_text, rivals, tuned
from rbm_lib.recommend.splits import random_split
from rbm_lib.recommend.tuning import SPACE
from tests.cli.support import make_table

TASKS = {
    "rank": ["ItemKNN", "EASE", "iALS"],
    "rate": ["item mean", "user + item bias", "ItemKNN", "matrix factorisation"],
}


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


@pytest.fixture
def split(task):
    return held_out(RatingMatrix.from_frame(make_table()), task, 0, like_level=3)


def tries_of(rival):
    return TRIES[type(rival).__name__]


def setting_of(rival):
    return getattr(rival, tries_of(rival)[0])


def test_the_defaults_are_the_first_try(task, split):
    others = rivals(task, split)

    assert [n for n in others if type(others[n]).__name__ in TRIES] == TASKS[task]
    for name in TASKS[task]:
        assert setting_of(others[name]) == tries_of(others[name])[1][0]


def test_the_setting_is_the_best_of_the_inner_split(task, split):
    found = tuned(rivals(task, split), Recommender(task, seed=3), split)

    inner = random_split(split.train, 0.2, 3)
    name = TASKS[task][1]
    setting, values = tries_of(found[name])
    measured = []
    for value in values:
        rival = rivals(task, split)[name]
        setattr(rival, setting, value)
        if task == "rank":
            measured.append(inner.rank(rival, 10).per_user["NDCG@10"].mean())
        else:
            users, items, level = inner.held_out.triples()
            p = Calibrated(rival).fit(inner.train).scores()[users, items]
            measured.append(np.log(np.where(level >= 3, p, 1 - p)).mean())
    assert setting_of(found[name]) == values[int(np.argmax(measured))]
    assert len(set(measured)) > 1, "the settings matter here"


def test_what_was_chosen_is_said_by_the_names_of_the_table():
    others = {"popularity": Popularity(), "iALS": IALS(reg=0.3), "ItemKNN": ItemKNN()}

    said = chosen_text(others)

    assert said == "iALS with reg 0.3, ItemKNN with k 200 (the default)"


def test_biases_are_of_stars_where_there_are_stars():
    ratings = RatingMatrix.from_frame(make_table())

    stars = rivals("rate", held_out(ratings, "rate", 0, like_level=3))
    likes = rivals("rate", held_out(ratings.binarize(3), "rate", 0))

    assert isinstance(stars["user + item bias"], UserItemBias)
    assert isinstance(likes["user + item bias"], LogisticBias)


def test_each_has_at_least_as_many_tries_as_the_model():
    assert min(len(values) for _, values in TRIES.values()) >= len(SPACE)


def test_ease_is_left_out_where_its_matrix_would_fill_the_memory():
    n = 20_001
    people = np.arange(n).repeat(3)
    every = RatingMatrix(people, (people + np.arange(3 * n) % 3) % n, [1] * (3 * n))

    assert "EASE" not in rivals("rank", held_out(every, "rank", 0))
