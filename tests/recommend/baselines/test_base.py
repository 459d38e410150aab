"""What every baseline offers: fit, scores of any rows, and lists of unseen items."""

from dataclasses import is_dataclass, replace

import numpy as np
import pandas as pd
import pytest

from rbm_lib import baselines

MODELS = [
    getattr(baselines, name)
    for name in baselines.__all__
    if name not in ("Baseline", "LikesOnly", "LikeChances")  # what they are made of
]
OF_ANY_RATINGS = [m for m in MODELS if m.__name__ not in ("Calibrated", "LogisticBias")]


@pytest.mark.parametrize("make", OF_ANY_RATINGS)
def test_scores_are_finite_and_the_same_again(make, ratings):
    before = ratings.fingerprint()

    scores = make().fit(ratings).scores()

    assert scores.shape == ratings.shape
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores, make().fit(ratings).scores())
    assert ratings.fingerprint() == before


@pytest.mark.parametrize("make", OF_ANY_RATINGS)
def test_some_rows_have_the_scores_that_they_have_among_all(make, ratings):
    model = make().fit(ratings)
    everybody = model.scores()
    chosen = np.arange(25) % 3 == 0

    for rows in ([3, 0, 7], slice(2, 5), chosen, []):
        np.testing.assert_allclose(
            model.scores(rows), everybody[rows], rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("make", OF_ANY_RATINGS)
def test_lists_hold_the_best_items_that_a_user_has_not_rated(make, ratings):
    model = make().fit(ratings)

    lists = model.recommend(users=[4, 2], n=3)

    assert lists.columns.tolist() == ["user", "item", "rank", "score"]
    assert lists["user"].tolist() == [4, 4, 4, 2, 2, 2]
    assert lists["rank"].tolist() == [1, 2, 3, 1, 2, 3]
    rated = ratings.rated().toarray()
    for user, own in lists.groupby("user"):
        assert not rated[user, own["item"]].any()
        best = np.sort(model.scores([user])[0][~rated[user]])[::-1][:3]
        np.testing.assert_allclose(own["score"], best, rtol=1e-5, atol=1e-6)


def test_a_model_keeps_its_parameters_and_another_fit_starts_anew(ratings):
    model = baselines.EASE(l2=np.float32(4))

    assert is_dataclass(model) and repr(model) == "EASE(l2=4.0)"
    assert replace(model, l2=2.0) == baselines.EASE(2.0)
    first = model.fit(ratings).scores()
    model.fit(ratings.binarize(2).rows(range(10)))
    np.testing.assert_array_equal(model.fit(ratings).scores(), first)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: baselines.Popularity().scores(), r"Popularity\(\): got no ratings yet"),
        (lambda r: baselines.Popularity().recommend(), "Call fit"),
        (lambda r: baselines.Popularity().fit(r.rows([])), "ratings: got 0 ratings"),
        (lambda r: baselines.Popularity().fit(r).recommend(["nobody"]), "nobody"),
        (lambda r: baselines.Popularity().fit(r).scores([99]), "rows: got"),
        (lambda r: baselines.EASE(0), "l2: got 0, expected a finite number"),
        (lambda r: baselines.ItemKNN(k=0), "k: got 0, expected a whole number"),
        (lambda r: baselines.IALS(sweeps=0), "sweeps: got 0"),
    ],
)
def test_what_does_not_fit_is_refused(call, message, ratings):
    with pytest.raises(ValueError, match=message):
        call(ratings)


def test_lists_are_a_table_without_a_line_if_nothing_is_left(ratings):
    everything = pd.DataFrame([(u, i) for u in range(3) for i in range(2)])
    full = type(ratings)(everything[0], everything[1], np.ones(6))

    lists = baselines.Popularity().fit(full).recommend()

    assert lists.columns.tolist() == ["user", "item", "rank", "score"]
    assert len(lists) == 0
