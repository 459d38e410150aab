"""One object from ratings to lists: what people do with it, and may get wrong."""

import pandas as pd
import pytest

from rbm_lib import RatingMatrix, Recommender
from tests.recommend.support import taste_frame, taste_ratings


@pytest.fixture(scope="module")
def model():
    return Recommender(seed=1).fit(taste_ratings())


def taste_of(items):
    return [item[0] for item in items]


def test_lists_hold_unseen_items_of_the_users_own_taste(model):
    lists = model.recommend(["user 0", "user 1"], n=3)

    assert lists["user"].tolist() == ["user 0"] * 3 + ["user 1"] * 3
    assert lists["rank"].tolist() == [1, 2, 3] * 2
    assert taste_of(lists["item"]) == ["a"] * 3 + ["b"] * 3
    rated = taste_frame().query("user == 'user 0'")["item"]
    assert not set(rated) & set(lists["item"][:3])


def test_everybody_gets_all_that_is_left_of_the_catalogue(model):
    lists = model.recommend(n=99)

    assert (lists.groupby("user").size() == 24 - 14).all()
    assert lists["user"].nunique() == 80


def test_a_new_person_is_a_dict_and_several_are_a_table(model):
    liked = {"a00": 5, "a02": 5, "a04": 4, "b01": 1}

    single = model.recommend(liked, n=4)
    table = pd.DataFrame({"user": "eve", "item": list(liked), "rating": liked.values()})
    several = model.recommend(pd.concat([table, table.assign(user="fay")]), n=4)

    assert taste_of(single["item"]) == ["a"] * 4
    assert not set(liked) & set(single["item"])
    assert several["user"].tolist() == ["eve"] * 4 + ["fay"] * 4
    assert several["item"].tolist() == single["item"].tolist() * 2


def test_unknown_items_are_ignored_with_a_warning_and_unknown_users_are_refused(model):
    with pytest.warns(UserWarning, match="got 1 item .* ignored: 'zzz'"):
        lists = model.recommend({"zzz": 5, "a00": 5})

    assert len(lists) == 10
    with pytest.raises(
        ValueError, match=r"users: got \['eve'\], expected ids of the ratings"
    ):
        model.recommend("eve")


def test_filters_hold_for_everybody(model):
    with pytest.warns(UserWarning, match="allow: got 1 unknown of 2 ids, the first 'zz'"):
        assert set(model.recommend(n=3, allow=["zz", "b01"])["item"]) == {"b01"}
    assert set(model.recommend(n=3, allow=["a00", "b01"])["item"]) == {"a00", "b01"}
    assert "a00" not in set(model.recommend(n=99, filter_items=["a00"])["item"])


def test_an_explanation_names_likes_of_the_same_taste(model):
    reasons = model.explain("user 0", "a00", n=4)

    assert list(reasons) == ["item", "effect"]
    assert taste_of(reasons["item"]) == ["a"] * 4
    assert (reasons["effect"] > 0).all()
    assert model.explain({"a02": 5, "b01": 2}, "a00")["item"].tolist() == ["a02"]


@pytest.mark.parametrize("person", [{}, {"a02": 1, "b01": 3}, {"a00": 5}])
def test_without_a_like_of_another_item_a_warning_says_why_nothing_explains(model, person):
    with pytest.warns(UserWarning, match=r"user: got no like .*at least 4\), expected"):
        reasons = model.explain(person, "a00")

    assert (list(reasons), len(reasons)) == (["item", "effect"], 0)


def test_a_warning_says_that_all_reasons_are_against_an_item(model):
    with pytest.warns(UserWarning, match="no like of this person speaks for item 'b01'"):
        reasons = model.explain({"a02": 5, "a04": 5, "b03": 1}, "b01", n=1)

    assert reasons["effect"].item() < 0


def test_one_like_that_speaks_for_an_item_is_enough(model, recwarn):
    effects = model.explain({"a02": 5, "a04": 5, "b03": 5}, "b01")["effect"]

    assert effects.min() < 0 < effects.max()
    assert not recwarn


def test_new_people_may_come_in_a_table_like_that_of_the_training():
    names = {"user": "who", "item": "song", "rating": "stars"}
    ratings = RatingMatrix.from_frame(taste_frame().rename(columns=names), **names)
    ranker, rater = (Recommender(t, epochs=3).fit(ratings) for t in ("rank", "rate"))
    table = pd.DataFrame({"who": ["eve", "fay"], "song": "a00", "stars": [5, 1]})

    assert ranker.recommend(table, n=1)["user"].tolist() == ["eve", "fay"]
    pairs = table.assign(who="user 0")[["who", "song"]]
    assert rater.predict(pairs)["item"].tolist() == ["a00"] * 2
    warm = ranker.fit(taste_frame(3).rename(columns=names), warm_start=True)
    assert warm.recommend("user 1", n=1)["user"].tolist() == ["user 1"]


def test_an_unknown_item_is_answered_with_what_ids_look_like(model):
    for question in (model.similar_items, lambda item: model.explain("user 0", item)):
        with pytest.raises(ValueError, match="item: got 'zz', .* such as 'a00'"):
            question("zz")
    with pytest.raises(ValueError, match=r"item: got \['a00', 'b01'\], expected one item"):
        model.similar_items(["a00", "b01"])


def test_similar_items_are_of_the_same_taste(model):
    similar = model.similar_items("b01", n=5)

    assert taste_of(similar["item"]) == ["b"] * 5
    assert similar["similarity"].is_monotonic_decreasing


def test_lists_for_everybody_go_to_a_file(model, tmp_path):
    n_rows = model.write_lists(tmp_path / "lists.csv", n=2)

    written = pd.read_csv(tmp_path / "lists.csv")
    assert n_rows == len(written) == 160
    lists = model.recommend(n=2)
    assert written["item"].tolist() == lists["item"].tolist()
    assert written["score"].tolist() == pytest.approx(lists["score"].tolist(), rel=1e-3)


def test_scores_are_those_of_the_lists(model):
    scores = model.scores([3])
    best = model.recommend(model.ratings_.user_ids[3], n=1)

    place = model.ratings_.item_index(best["item"])[0]
    assert scores.shape == (1, 24)
    assert best["score"][0] == pytest.approx(scores[0, place], rel=1e-3)


def test_the_same_seed_gives_the_same_lists(model):
    again = Recommender(seed=1).fit(taste_ratings())

    assert again.recommend(n=3)[["user", "item"]].equals(
        model.recommend(n=3)[["user", "item"]]
    )


def test_a_warm_start_goes_on_with_new_items_and_people(model):
    old = taste_frame()
    new = pd.DataFrame({"user": "user 0", "item": ["a99"], "rating": [5]})
    more = pd.concat([old, taste_frame(7, 4).replace("user", "new user", regex=True), new])

    warm = Recommender(seed=1).fit(taste_ratings()).fit(more, warm_start=True)

    assert warm.settings_["epochs"] < model.settings_["epochs"] / 3
    assert "a99" in warm.ratings_.item_ids
    assert taste_of(warm.recommend("new user 1", 3)["item"]) == ["b"] * 3


def test_it_follows_the_conventions_of_scikit_learn(model):
    from sklearn.base import clone

    copy = clone(Recommender(n_hidden=7, seed=3))

    assert copy.get_params() == Recommender(n_hidden=7, seed=3).get_params()
    assert repr(copy.set_params(epochs=2)) == (
        "Recommender(task='rank', n_hidden=7, epochs=2, seed=3)"
    )
    with pytest.raises(ValueError, match="parameter: got 'depth'"):
        copy.set_params(depth=3)
    with pytest.raises(ValueError, match="model: got one without training"):
        copy.recommend("user 0")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"task": "list"}, "task: got 'list', expected one of"),
        ({"n_hidden": 0}, "n_hidden: got 0"),
        ({"epochs": 1.5}, "epochs: got 1.5"),
        ({"weight_decay": -1}, "weight_decay: got -1"),
        ({"validation": 0.9}, "validation: got 0.9"),
        ({"like_at_least": 9}, "like_at_least: got 9"),
        ({"seed": "x"}, "seed: got 'x'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        Recommender(**parameters).fit(taste_ratings())


def test_pairs_and_plays_need_no_scale():
    pairs = taste_frame().query("rating >= 4")
    plays = pairs.assign(
        rating=[1, 2, 3, 2000] * (len(pairs) // 4) + [1] * (len(pairs) % 4)
    )

    for ratings in (RatingMatrix.from_pairs(pairs), RatingMatrix.from_frame(plays)):
        model = Recommender(epochs=30, seed=0).fit(ratings)
        assert taste_of(model.recommend("user 0", 2)["item"]) == ["a"] * 2
