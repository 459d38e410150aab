"""A model that knows items by their content: on data where content tells who likes what."""

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib import RatingMatrix, Recommender
from rbm_lib.recommend.content_ranking import ContentRankModel
from rbm_lib.recommend.ranking import like_effects

KINDS = ("calm", "loud", "sad")
N_USERS, N_RATED, N_NEW = 90, 45, 12
RATED = [f"song {i:02}" for i in range(N_RATED)]
NEW = [f"new {i:02}" for i in range(N_NEW)]
QUICK = {"epochs": 3, "validation": 0.0}


def kind_of(items):
    return [KINDS[int(item.split()[1]) % 3] for item in items]


def taste_of(user):
    return KINDS[user % 3]


def planted_frame(seed=0):
    """Users like most songs of one kind and few others; the new songs are left out."""
    rng = np.random.default_rng(seed)
    records = []
    for user in range(N_USERS):
        for item, kind in zip(RATED, kind_of(RATED), strict=True):
            if rng.random() < (0.5 if kind == taste_of(user) else 0.05):
                records.append((f"user {user:02}", item))
    return pd.DataFrame(records, columns=["user", "item"])


def content_frame(seed=1):
    """Kind and loudness of all songs, and a number that says nothing."""
    rng = np.random.default_rng(seed)
    items = [*RATED, *NEW]
    kinds = kind_of(items)
    loud = np.array([kind == "loud" for kind in kinds]) * 6.0 + rng.normal(size=len(items))
    return pd.DataFrame(
        {"item": items, "kind": kinds, "db": loud, "noise": rng.normal(size=len(items))}
    )


def planted():
    return RatingMatrix.from_pairs(planted_frame())


@pytest.fixture(scope="module")
def model():
    return Recommender(content=content_frame(), **QUICK).fit(planted())


def share_of_taste(model, n=3):
    """How many of the first n new songs are of the user's kind."""
    lists = model.recommend(n=n, new_items=True)
    own = [taste_of(int(user.split()[1])) for user in lists["user"]]
    return np.mean([a == b for a, b in zip(own, kind_of(lists["item"]), strict=True)])


# ---- what it learns --------------------------------------------------------------------


def test_new_songs_of_a_persons_taste_come_first(model):
    assert share_of_taste(model) > 0.95


def test_content_of_other_songs_does_not_help():
    content = content_frame()
    rated = content["item"].isin(RATED)
    shuffled = content.copy()
    order = np.random.default_rng(0).permutation(N_RATED)
    shuffled.loc[rated, content.columns[1:]] = content.loc[rated].iloc[order, 1:].to_numpy()
    shuffled = shuffled.infer_objects()

    share = share_of_taste(Recommender(content=shuffled, **QUICK).fit(planted()))

    assert share < 0.5  # one in three by chance


def test_the_list_of_another_person_is_another_one(model):
    first = model.recommend(["user 00", "user 01", "user 02"], n=4, new_items=True)

    assert kind_of(first["item"]) == [kind for kind in KINDS for _ in range(4)]


def test_a_new_person_gets_new_songs_of_their_taste(model):
    lists = model.recommend({"song 00": 1, "song 03": 1}, n=4, new_items=True)

    assert kind_of(lists["item"]) == ["calm"] * 4


def test_a_liked_new_song_counts_and_is_not_listed_again(model):
    lists = model.recommend({"new 01": 1, "new 04": 1}, n=2, new_items=True)

    assert kind_of(lists["item"]) == ["loud"] * 2
    assert not {"new 01", "new 04"} & set(lists["item"])


# ---- which items -----------------------------------------------------------------------


def test_new_items_are_listed_only_if_they_are_asked_for(model):
    everything = model.recommend(["user 00"], n=99)
    new = model.recommend(["user 00"], n=99, new_items=True)
    both = model.recommend(["user 00"], n=99, allow=["new 00", "new 01", *RATED])

    assert set(everything["item"]) <= set(RATED)
    assert set(new["item"]) == set(NEW)
    assert set(both["item"]) == {"new 00", "new 01"} | set(everything["item"])


def test_filters_hold_among_new_items(model):
    few = model.recommend(
        "user 00", new_items=True, allow=[*NEW[:3], *RATED], filter_items=["new 00"]
    )

    assert set(few["item"]) == {"new 01", "new 02"}
    with pytest.raises(ValueError, match="allow: got no item of content without ratings"):
        model.recommend("user 00", new_items=True, allow=RATED)


def test_the_average_rated_item_is_zero_and_the_average_new_one_is_near(model):
    rated, new = model.scores(), model.scores(new_items=True)

    assert rated.mean(1) == pytest.approx(np.zeros(N_USERS), abs=1e-5)
    assert abs(new.mean()) < 0.2  # the new songs are of the same kinds


def test_scores_are_those_of_the_lists(model):
    best = model.recommend("user 05", n=1, new_items=True)

    scores = model.scores([5], new_items=True)
    assert scores.shape == (1, N_NEW)
    assert model.new_item_ids.tolist() == NEW
    assert best["score"][0] == pytest.approx(scores.max(), rel=1e-5)
    assert best["item"][0] == NEW[scores.argmax()]
    assert model.scores([5]).shape == (1, N_RATED)


def test_lists_of_new_items_go_to_a_file(model, tmp_path):
    n_rows = model.write_lists(tmp_path / "lists.csv", n=2, new_items=True)

    written = pd.read_csv(tmp_path / "lists.csv")
    assert n_rows == 2 * N_USERS
    assert written["item"].tolist() == model.recommend(n=2, new_items=True)["item"].tolist()


def test_an_unrated_item_of_the_ratings_catalogue_is_scored_by_its_content():
    ratings = planted().with_items(NEW)

    model = Recommender(content=content_frame(), **QUICK).fit(ratings)

    assert model.new_item_ids.tolist() == NEW
    assert share_of_taste(model) > 0.95
    np.testing.assert_array_equal(
        model.scores([0])[:, N_RATED:], model.scores([0], new_items=True)
    )


# ---- why, and what else ----------------------------------------------------------------


@pytest.mark.parametrize("item", ["new 00", "song 01"])
def test_an_effect_is_how_far_the_score_falls_without_the_like(model, item):
    person = {"song 00": 1, "song 03": 1, "song 07": 1, "new 03": 1}
    column = [*RATED, *NEW].index(item)

    reasons = model.explain(person, item).set_index("item")["effect"]

    assert set(reasons.index) == set(person)
    for left_out, effect in reasons.items():
        rest = {other: 1 for other in person if other != left_out}
        whole, less = (score_of(model, likes, column) for likes in (person, rest))
        assert whole - less == pytest.approx(effect, abs=1e-4)


def score_of(model, likes, column):
    catalogue = [*RATED, *NEW]
    person = RatingMatrix(
        ["x"] * len(likes), list(likes), [1] * len(likes), item_ids=catalogue
    )
    return float(model._model.scores(person)[0, column])


def test_a_new_item_is_explained_by_likes_of_its_kind(model):
    person = {"song 02": 1, "song 05": 1, "song 06": 1}

    effects = model.explain(person, "new 02").set_index("item")["effect"]

    assert (effects[["song 02", "song 05"]] > 0).all()
    assert effects["song 06"] < 0


def test_similar_items_may_be_new(model):
    similar = model.similar_items("new 00", n=3)

    assert kind_of(similar["item"]) == ["calm"] * 3
    assert "new 00" not in set(similar["item"])
    assert len(model.similar_items("song 00", n=99)) == N_RATED + N_NEW - 1


def test_the_share_of_the_rbm_is_that_of_the_model_without_content(model):
    own = model._model
    rbm = Recommender(**QUICK).fit(planted())._model.rbm

    torch.testing.assert_close(own.rbm.W, rbm.W)
    effects = like_effects(rbm, np.array([0, 3]), 6)
    assert effects.shape == (2,)


# ---- training again, and errors --------------------------------------------------------


def test_new_content_comes_with_a_warm_start(model):
    again = Recommender(content=content_frame().iloc[:-1], **QUICK).fit(planted())
    more = planted_frame()
    more.loc[len(more)] = ["user 00", "new 00"]

    again.set_params(content=content_frame())
    again.fit(RatingMatrix.from_pairs(more), warm_start=True)

    assert again.new_item_ids.tolist() == NEW[1:]
    assert again.settings_["epochs"] == 1
    without = again.set_params(content=None).fit(planted(), warm_start=True)
    assert not isinstance(without._model, ContentRankModel)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda m: m.recommend("user 00", new_items=True), "new_items: got True, expected"),
        (lambda m: m.scores(new_items=True), "new_items: got True, expected False of a"),
        (
            lambda m: m.new_item_ids,
            "new_items: got True, expected False of a model without",
        ),
    ],
)
def test_a_model_without_content_knows_no_new_items(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(Recommender(**QUICK).fit(planted()))


def test_content_without_new_items_still_serves_the_rated_ones():
    content = content_frame().iloc[:N_RATED]

    model = Recommender(content=content, **QUICK).fit(planted())

    assert len(model.recommend("user 00", n=3)) == 3
    with pytest.raises(ValueError, match="new_items: got True, but each item of content"):
        model.recommend("user 00", new_items=True)


def test_a_flag_is_true_or_false(model):
    with pytest.raises(TypeError, match="new_items: got 'yes', expected True or False"):
        model.recommend("user 00", new_items="yes")
    with pytest.raises(TypeError, match="new_items: got 1, expected True or False"):
        model.scores(new_items=1)
