"""Settings that follow the counts, and what is held out to stop in time."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from rbm_lib.recommend.settings import (
    FEWEST_LIKES,
    content_defaults,
    hold_out_users,
    in_turn,
    last_good_epoch,
    ranking_decay,
    ranking_defaults,
    rating_defaults,
)
from rbm_lib.training import History
from tests.recommend.support import taste_ratings


def likes(n_users=200, n_items=100, density=0.1):
    return csr_array(np.random.default_rng(0).random((n_users, n_items)) < density)


def test_the_decay_follows_users_and_likes():
    decay = ranking_decay(40_000, 1000, 1000)

    assert decay == pytest.approx(5 * (0.04 / 1000) ** 0.5)
    assert ranking_decay(160_000, 4000, 1000) == pytest.approx(decay / 2)
    assert ranking_decay(160_000, 1000, 1000) == pytest.approx(decay * 2)


def test_in_a_small_catalogue_the_decay_stays_below_what_chance_makes():
    edge = 0.3 * 0.7 * (1 + (20 / 80) ** 0.5) ** 2

    assert ranking_decay(480, 80, 20) == pytest.approx(edge / 4)


def test_items_that_nobody_likes_do_not_count():
    wider = np.zeros((200, 900), dtype=bool)
    wider[:, :100] = likes().toarray()

    assert ranking_defaults(csr_array(wider)) == ranking_defaults(likes())


def test_a_large_data_set_has_fewer_epochs_and_larger_batches():
    small, large = ranking_defaults(likes()), ranking_defaults(likes(20_000, 10))

    assert (small["epochs"], large["epochs"]) == (80, 20)
    assert small["batch_size"] < large["batch_size"]


def test_held_out_users_have_likes_to_be_known_by_and_likes_to_be_found():
    x = likes()

    rows, shown, hidden = hold_out_users(x, 0.2, np.random.default_rng(0))

    counts = np.diff(x.indptr)
    assert (counts[rows] >= FEWEST_LIKES).all()
    assert len(rows) == np.ceil(0.2 * (counts >= FEWEST_LIKES).sum())
    assert np.array_equal((shown + hidden).toarray(), x[rows].toarray())
    assert not shown.multiply(hidden).sum()
    assert np.array_equal(np.diff(hidden.indptr), np.round(counts[rows] / 5))


def test_with_few_likes_nobody_is_held_out():
    rows, shown, _ = hold_out_users(csr_array(np.eye(5)), 0.2, np.random.default_rng(0))

    assert (len(rows), shown.shape) == (0, (0, 5))


def test_the_last_good_epoch_lets_noise_pass():
    records = [{"epoch": 5, "score": 0.2}, {"epoch": 6, "loss": 1.0}]
    records += [{"epoch": 10, "score": 0.4}, {"epoch": 15, "score": 0.397}]

    assert last_good_epoch(History([*records, {"epoch": 20, "score": 0.3}]), 0.985) == 15


@pytest.mark.parametrize("by_item_mean", [False, True])
def test_settings_of_a_rating_model_follow_the_counts(by_item_mean):
    settings = rating_defaults(taste_ratings(), by_item_mean)
    four_times = rating_defaults(taste_ratings(n_users=320), by_item_mean)

    assert settings["by_item_mean"] == by_item_mean
    assert settings["batch_size"] < four_times["batch_size"]
    assert 0 < four_times["weight_decay"] < settings["weight_decay"] < 0.2


def test_few_ratings_are_all_held_out_once_and_many_are_not():
    chosen = np.arange(10_000) % 5 == 0

    folds = in_turn(chosen, seed=3)
    many = np.repeat(chosen, 3)

    assert folds[0] is chosen
    np.testing.assert_array_equal(np.sum(folds, axis=0), 1)
    assert min(fold.sum() for fold in folds) > 1800
    assert in_turn(many, seed=3) == [many]


def test_a_model_of_content_is_updated_about_as_often_for_few_people():
    few, usual, many = map(content_defaults, (20, 943, 100_000))

    assert (usual["batch_size"], usual["epochs"]) == (100, 40)
    assert few["batch_size"] == 5 and few["epochs"] > usual["epochs"]
    assert (many["batch_size"], many["epochs"]) == (100, 10)
