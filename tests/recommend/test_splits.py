"""Splits hold out what they should, and a scorer sees the training part only."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from rbm_lib.baselines import Baseline, Popularity
from rbm_lib.data import RatingMatrix
from rbm_lib.data.scale import Scale
from rbm_lib.evaluate import (
    Split,
    k_folds,
    leave_one_out,
    per_user_ranking,
    random_split,
    split_by_time,
)
from rbm_lib.recommend import lists


class Given(Baseline):
    """A recommender with given scores, (n_users, n_items)."""

    def __init__(self, table):
        self.table = table
        self.seen = []  # shared by its copies

    def __deepcopy__(self, memo):
        return self

    def _fit(self, ratings):
        self.seen.append(ratings)

    def _scores(self, rows):
        return self.table[rows]


STARS = Scale((1, 2, 3, 4, 5))


def random_ratings(n_levels: int = 5, scale: Scale | None = None) -> RatingMatrix:
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((40, 30)) < 0.4)
    levels = rng.integers(0, n_levels, len(users))
    catalogue = {"user_ids": range(40), "item_ids": range(30)}
    return RatingMatrix(users, items, levels, n_levels=n_levels, scale=scale, **catalogue)


@pytest.mark.parametrize("share", [0.2, 0.99])
def test_a_share_of_each_users_ratings_is_held_out_but_never_all(share):
    ratings = random_ratings()
    count = ratings.user_counts()

    split = random_split(ratings, share, seed=3)

    expected = np.minimum(np.round(share * count), count - 1)
    np.testing.assert_array_equal(split.held_out.user_counts(), expected)
    np.testing.assert_array_equal(split.train.user_counts(), count - expected)


def test_every_rating_is_held_out_equally_often():
    ratings = RatingMatrix(np.repeat([1, 2], 10), np.tile(np.arange(10), 2), np.zeros(20))

    splits = [random_split(ratings, 0.2, seed) for seed in range(1000)]

    counts = sum(split.held_out.rated().toarray().astype(int) for split in splits)
    assert np.abs(counts - 200).max() < 5 * np.sqrt(1000 * 0.2 * 0.8)


def test_parts_that_do_not_fit_are_refused():
    ratings = random_ratings()
    with pytest.raises(ValueError, match=r"share: got 1\.0"):
        random_split(ratings, 1.0)
    with pytest.raises(ValueError, match="held-out ratings"):
        Split(ratings, random_split(ratings).held_out)
    with pytest.raises(ValueError, match="held_out: got other item_ids"):
        Split(ratings, RatingMatrix([0], [0], [0], user_ids=range(40)))
    with pytest.raises(ValueError, match="held_out: got ratings on Scale"):
        Split(random_ratings(), random_ratings(2))


def test_leave_one_out_takes_one_rating_of_those_who_have_two():
    ratings = RatingMatrix([0] * 5 + [1, 1, 2], [0, 1, 2, 3, 4, 0, 1, 0], [1] * 8)

    splits = [leave_one_out(ratings, seed) for seed in range(500)]

    for split in splits:
        assert split.held_out.user_counts().tolist() == [1, 1, 0]
    times = sum(split.held_out.rated().toarray().astype(int) for split in splits)[0]
    assert np.abs(times - 100).max() < 5 * np.sqrt(500 * 0.2 * 0.8)


@pytest.mark.parametrize("n_folds", [2, 5])
def test_folds_hold_out_each_rating_once_and_are_equally_large(n_folds):
    ratings = random_ratings()

    folds = k_folds(ratings, n_folds, seed=1)

    held_out = sum(fold.held_out.rated().toarray().astype(int) for fold in folds)
    np.testing.assert_array_equal(held_out, ratings.rated().toarray())
    sizes = [fold.held_out.n_ratings for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for fold in folds:  # of each user as many as of the others, too
        share = ratings.user_counts() / n_folds
        assert (np.abs(fold.held_out.user_counts() - share) < 1).all()


def timed():
    """Ratings, and their table with times in another order than the ratings'."""
    ratings = random_ratings()
    users, items, _ = ratings.triples()
    table = pd.DataFrame({"user": users, "item": items})
    table["time"] = np.random.default_rng(1).permutation(len(table)) // 3
    return ratings, table.sample(frac=1, random_state=0)


@pytest.mark.parametrize("dates", [False, True])
def test_a_users_latest_ratings_are_held_out(dates):
    ratings, table = timed()
    times = pd.to_datetime(table["time"], unit="D") if dates else table["time"]

    split = split_by_time(ratings, table["user"], table["item"], times, share=0.3)

    count = ratings.user_counts()
    expected = np.minimum(np.round(0.3 * count), count - 1)
    np.testing.assert_array_equal(split.held_out.user_counts(), expected)
    when = table.set_index(["user", "item"])["time"]
    late = split.held_out.rated().toarray()
    early = split.train.rated().toarray()
    for user in range(40):
        own = when[user]
        last = max(own[i] for i in np.flatnonzero(early[user]))
        assert all(own[i] >= last for i in np.flatnonzero(late[user]))


@pytest.mark.parametrize(
    "form",
    ["%Y-%m-%d", "%Y%m%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S.%f+01:00"],
)
def test_times_may_be_text_in_iso_8601(form):
    ratings, table = timed()
    times = pd.to_datetime(table["time"], unit="D")
    ids = table["user"], table["item"]

    split = split_by_time(ratings, *ids, times.dt.strftime(form))

    for same in (times, times.dt.tz_localize("UTC"), times.dt.date, times.astype(object)):
        late = split_by_time(ratings, *ids, same).held_out.triples()
        np.testing.assert_array_equal(split.held_out.triples(), late)


@pytest.mark.parametrize(
    "wrong", ["05.06.2022", "05/06/2022", "2022-06-05 noon", "June 5", "881250949", 7.5]
)
def test_other_text_is_no_time(wrong):
    """05.06.2022 is in May or in June, and pandas would guess."""
    ratings, table = timed()
    times = ["2022-01-03"] * len(table)
    times[4] = wrong

    with pytest.raises(
        ValueError, match=r"times: got .*pandas.to_datetime\(times, dayf"
    ) as e:
        split_by_time(ratings, table["user"], table["item"], times)
    assert repr(wrong) in str(e.value)


def test_everything_after_one_moment_is_held_out():
    ratings, table = timed()

    split = split_by_time(ratings, *table.to_numpy().T, share=0.3, per_user=False)

    when = table.set_index(["user", "item"])["time"]
    early, late = (
        [when[u, i] for u, i in zip(*part.triples()[:2], strict=True)]
        for part in (split.train, split.held_out)
    )
    assert max(early) < min(late)  # ratings of one moment stay together
    assert len(late) / ratings.n_ratings == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(time=1.0), "times: got one moment"),
        (lambda t: t.iloc[1:], "times: got none for 1 ratings"),
        (lambda t: t.assign(time=t["time"].where(t["time"] > 3)), "times: got missing"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "times: got two for a pair"),
        (lambda t: t.assign(item=99), "expected item ids"),
    ],
)
def test_times_that_do_not_fit_are_refused(change, message):
    ratings, table = timed()

    with pytest.raises(ValueError, match=message):
        split_by_time(ratings, *change(table).to_numpy().T, per_user=False)


def test_rating_scores_the_held_out_ratings():
    split = random_split(random_ratings())
    prob = np.random.default_rng(0).random(split.train.shape)
    model = Given(prob)

    table = split.rating(model, 3, n_bootstrap=0)

    users, items, levels = split.held_out.triples()
    assert model.seen == [split.train]
    assert table["mean"][0] == pytest.approx(
        metrics.roc_auc_score(levels >= 3, prob[users, items])
    )
    assert "group AUC" in set(table["metric"])


def test_with_two_levels_the_upper_one_is_a_like():
    split = random_split(random_ratings(n_levels=2))
    truth = split.held_out.likes().toarray().astype(float)

    assert split.rating(Given(truth), n_bootstrap=0)["mean"][0] == 1


@pytest.mark.parametrize(("like_at_least", "level"), [(None, 3), (5, 4), (2.5, 2)])
def test_a_like_is_a_rating_on_the_scale_of_the_data(like_at_least, level):
    split = random_split(random_ratings(scale=STARS))
    truth = split.held_out.likes(level).toarray().astype(float)
    model = Given(truth)

    table = split.ranking(model, like_at_least=like_at_least, n_bootstrap=0)

    assert model.seen == [split.train]
    assert table.set_index("metric")["mean"]["NDCG@10"] == pytest.approx(1)
    assert table["n"][0] == truth.any(1).sum()
    assert split.rating(model, like_at_least, n_bootstrap=0)["mean"][0] == 1


@pytest.mark.parametrize("like_at_least", [1, 9, np.nan, "4"])
def test_a_threshold_off_the_scale_is_refused(like_at_least):
    split = random_split(random_ratings(scale=STARS))

    for question in (split.rank, split.ranking, split.rating):
        with pytest.raises(ValueError, match="like_at_least: got .*, expected"):
            question(Popularity(), like_at_least=like_at_least)


@pytest.mark.parametrize("like_at_least", [None, 3])
def test_a_recommender_of_likes_is_fitted_to_the_likes_and_lists_nothing_rated(
    like_at_least,
):
    split = random_split(random_ratings(scale=STARS))
    _, _, levels = split.train.triples()
    likes = split.train.keep(levels >= (3 if like_at_least is None else 2))

    found = split.rank(Popularity(), like_at_least=like_at_least)

    held_out = split.held_out.likes(3 if like_at_least is None else 2)
    scores = np.tile(likes.item_counts(), (40, 1))
    expected = per_user_ranking(scores, held_out, split.train)
    pd.testing.assert_frame_equal(found.per_user, expected)


def test_a_recommender_without_a_threshold_takes_that_of_the_question():
    split = random_split(random_ratings(scale=STARS))
    model = Given(np.zeros(split.train.shape))

    for own, taken in ((None, 3), (5, 5)):
        model.like_at_least = own
        split.rank(model, like_at_least=3)
        assert model.like_at_least == taken
    model.like_at_least = None
    split.rating(model, like_at_least=2)
    assert model.like_at_least == 2


def test_batches_and_lists_change_no_metric(monkeypatch):
    split = random_split(random_ratings())
    model = Given(np.random.default_rng(0).random(split.train.shape))
    at_once = split.ranking(model, [5, 10], n_bootstrap=20)

    monkeypatch.setattr(lists, "CELLS_AT_ONCE", 70)

    pd.testing.assert_frame_equal(split.ranking(model, [5, 10], n_bootstrap=20), at_once)
    made = model.fit(split.train).recommend(n=10)
    of_lists = split.ranking(made, [5, 10], n_bootstrap=20)
    columns = ["metric", "mean"]
    pd.testing.assert_frame_equal(
        of_lists[columns].sort_values("metric", ignore_index=True),
        at_once[columns].sort_values("metric", ignore_index=True),
    )


@pytest.mark.parametrize("scorer", [3, lambda train: np.zeros((2, 2)), Popularity])
def test_what_is_no_recommender_is_refused(scorer):
    with pytest.raises(TypeError, match="scorer: got .*, expected a recommender"):
        random_split(random_ratings()).ranking(scorer)
