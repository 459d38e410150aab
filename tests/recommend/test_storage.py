"""A recommender comes back from its file as it was, or says what is wrong."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib import RatingMatrix, Recommender
from rbm_lib.data.frames import TableFormat
from tests.recommend.support import taste_frame, taste_ratings

QUICK = {"epochs": 2, "n_hidden": 3, "validation": 0.0}
NUMBERED = taste_frame().assign(user=lambda t: t["user"].str.split().str[1].astype(int))


@pytest.mark.parametrize("ratings", [taste_ratings(), RatingMatrix.from_frame(NUMBERED)])
def test_a_ranking_model_makes_the_same_lists_again(tmp_path, ratings):
    model = Recommender(seed=2, **QUICK).fit(ratings)

    again = Recommender.load(model.save(tmp_path / "lists.rbm"))

    pd.testing.assert_frame_equal(again.recommend(n=3), model.recommend(n=3))
    assert again.get_params() == model.get_params()
    assert again.settings_ == model.settings_
    assert again.ratings_.fingerprint() == ratings.fingerprint()
    assert again.fit(ratings, warm_start=True).settings_["epochs"] == 1


def test_numbers_of_numpy_are_saved_and_shown_as_plain_ones(tmp_path):
    numbers = {"epochs": np.int64(2), "n_hidden": torch.tensor(3), "lr": np.float32(0.5)}
    model = Recommender(seed=np.int64(1), validation=np.float32(0), **numbers)

    again = Recommender.load(model.fit(taste_ratings()).save(tmp_path / "lists.rbm"))

    assert again.get_params()["n_hidden"] == 3
    assert (
        repr(again)
        == repr(model)
        == (
            "Recommender(task='rank', n_hidden=3, epochs=2, lr=0.5, validation=0.0, seed=1)"
        )
    )


def test_the_names_of_the_columns_are_kept(tmp_path):
    names = {"user": "who", "item": "song", "rating": "stars"}
    ratings = RatingMatrix.from_frame(taste_frame().rename(columns=names), **names)
    path = Recommender(**QUICK).fit(ratings).save(tmp_path / "lists.rbm")

    assert Recommender.load(path).ratings_.table_format == ratings.table_format
    content = torch.load(path, weights_only=True)
    header = json.loads(content["header"])
    del header["table_format"]  # as in files of older versions
    torch.save(content | {"header": json.dumps(header)}, path)
    assert Recommender.load(path).ratings_.table_format == TableFormat()


@pytest.mark.parametrize("validation", [0.0, 0.2])
@pytest.mark.parametrize("rows", ["items", "users"])
def test_a_rating_model_makes_the_same_predictions_again(tmp_path, rows, validation):
    quick = QUICK | {"validation": validation}
    model = Recommender(task="rate", rows=rows, **quick).fit(taste_ratings())

    again = Recommender.load(model.save(tmp_path / "stars.rbm"))

    pairs, person = [("user 0", "a00"), ("user 1", "b01")], {"a00": 5, "b01": 1}
    pd.testing.assert_frame_equal(again.predict(pairs), model.predict(pairs))
    pd.testing.assert_frame_equal(
        again.predict(["a02"], person), model.predict(["a02"], person)
    )


def test_files_of_older_versions_have_no_blend(tmp_path):
    model = Recommender("rate", epochs=2, validation=0.0).fit(taste_ratings())
    path = model.save(tmp_path / "stars.rbm")
    content = torch.load(path, weights_only=True)
    header = json.loads(content["header"])
    del header["blend"]
    torch.save(content | {"header": json.dumps(header)}, path)

    found = Recommender.load(path).predict([("user 0", "a00")])

    pd.testing.assert_frame_equal(found, model.predict([("user 0", "a00")]))


def test_a_model_of_content_knows_the_same_new_items_again(tmp_path):
    items = sorted(taste_frame()["item"].unique())
    content = pd.DataFrame({"item": [*items, "a-new", "b-new"]})
    content["kind"] = content["item"].str[0]
    model = Recommender(content=content, **QUICK).fit(taste_ratings())

    path = model.save(tmp_path / "lists.rbm")
    again = Recommender.load(path)

    pd.testing.assert_frame_equal(again.content, content)
    assert again.new_item_ids.tolist() == ["a-new", "b-new"]
    for ask in ({"new_items": True}, {"allow": ["a00", "b01", "a-new"]}, {}):
        same = again.recommend(["user 0", "user 1"], 3, **ask)
        pd.testing.assert_frame_equal(same, model.recommend(["user 0", "user 1"], 3, **ask))
    reasons = model.explain("user 0", "a-new")
    pd.testing.assert_frame_equal(again.explain("user 0", "a-new"), reasons)
    assert again.fit(taste_ratings(), warm_start=True).settings_["epochs"] == 1
    assert again.save(path) == path


def test_a_threshold_comes_back(tmp_path):
    plays = RatingMatrix.from_frame(taste_frame(), like_at_least=4)
    model = Recommender(**QUICK).fit(plays)

    again = Recommender.load(model.save(tmp_path / "plays.rbm"))

    assert again.ratings_.scale.threshold == 4


def test_files_that_are_damaged_missing_or_something_else_are_refused(tmp_path):
    path = Recommender(**QUICK).fit(taste_ratings()).save(tmp_path / "model.rbm")
    content = path.read_bytes()

    for damaged in (content[:-50], b"", content[:900] + b"xxxx" + content[904:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="model.rbm: got a file that is damaged"):
            Recommender.load(path)
    torch.save({"header": json.dumps({"format": "another"}), "tensors": {}}, path)
    with pytest.raises(ValueError, match="its format is 'another'"):
        Recommender.load(path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        Recommender.load(tmp_path / "none.rbm")


def test_ids_that_json_does_not_have_are_refused(tmp_path):
    times = NUMBERED.assign(user=pd.to_datetime(NUMBERED["user"]))
    model = Recommender(**QUICK).fit(RatingMatrix.from_frame(times))
    model.ratings_.user_ids = model.ratings_.user_ids.astype(object)
    model.ratings_.user_ids[0] = (1, 2)

    with pytest.raises(TypeError, match="user ids: got .*expected numbers or text"):
        model.save(tmp_path / "model.rbm")
    with pytest.raises(ValueError, match="model: got one without training"):
        Recommender().save(tmp_path / "model.rbm")
