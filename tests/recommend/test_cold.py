"""Cold start: items without a history, and regressions from content."""

import numpy as np
import pandas as pd
import pytest

from rbm_lib.recommend.cold import cold_task, flags, hats, predict_from_content, tenths


def a_table(people=12, items=20, columns=3, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random((people, items)) < 0.5).astype(float), rng.normal(
        size=(items, columns)
    )


def test_new_items_are_in_no_history():
    likes, content = a_table()

    task = cold_task(likes, content, seed=0, fewest=0)

    assert sorted([*task.known, *task.new]) == list(range(20))
    assert len(task.new) == 4
    np.testing.assert_array_equal(task.likes, likes[:, task.known])
    np.testing.assert_array_equal(task.relevant, likes[:, task.new] > 0)
    np.testing.assert_array_equal(task.new_content, content[task.new])


def test_people_with_few_known_items_are_left_out():
    likes, content = a_table()
    likes[3] = 0

    task = cold_task(likes, content, seed=0, fewest=1)

    assert 3 not in task.people
    np.testing.assert_array_equal(task.likes, likes[np.ix_(task.people, task.known)])


def test_other_columns_keep_the_draw():
    likes, content = a_table()
    task = cold_task(likes, content, seed=0, fewest=0)

    other = task.with_content(content[:, :1])

    np.testing.assert_array_equal(other.new, task.new)
    np.testing.assert_array_equal(other.new_content, task.new_content[:, :1])


def test_an_inner_task_is_among_the_known_items():
    likes, content = a_table(items=50)
    task = cold_task(likes, content, seed=0, fewest=0)

    inner = task.inner(seed=1)

    assert inner.likes.shape[1] + inner.relevant.shape[1] == len(task.known)


def test_the_right_order_has_recall_1_and_ties_are_shared():
    likes, content = a_table(items=200)
    likes[:, :] = 0
    likes[:, ::10] = 1
    task = cold_task(likes, content, seed=0, fewest=0)

    best = task.per_person(task.relevant.astype(float))
    equal = task.per_person(np.zeros(task.relevant.shape))

    assert (best == 1).all(axis=None)
    assert equal["Recall@20"].mean() == pytest.approx(20 / 40)


def test_results_carry_the_numbers_of_the_people():
    likes, content = a_table()
    likes[[0, 3]] = 0
    task = cold_task(likes, content, seed=0, fewest=1)

    results = task.per_person(np.zeros(task.relevant.shape))

    assert results.index.tolist() == task.people[task.relevant.any(1)].tolist()


def test_a_linear_rule_is_continued_to_new_items():
    likes, content = a_table()
    task = cold_task(likes, content, seed=0, fewest=0)
    rule = np.array([1.0, -2.0, 0.5])

    predicted = predict_from_content((content[task.known] @ rule)[None], task, l2=1e-9)

    np.testing.assert_allclose(predicted[0], content[task.new] @ rule, atol=1e-6)


def test_a_large_penalty_leaves_the_mean():
    likes, content = a_table()
    task = cold_task(likes, content, seed=0, fewest=0)

    predicted = predict_from_content(task.likes, task, l2=1e12)

    expected = np.broadcast_to(task.likes.mean(1, keepdims=True), predicted.shape)
    np.testing.assert_allclose(predicted, expected, atol=1e-6)


def test_rare_names_have_no_column():
    names = pd.Series([["rock"], ["rock", "ska"], []], index=[5, 7, 9])

    assert flags(names, fewest=2).tolist() == [[1.0], [1.0], [0.0]]


def test_hats_add_up_to_one():
    years = np.linspace(1900, 2010, 23)

    np.testing.assert_allclose(hats(years).sum(1), 1)


def test_tenths_are_equally_full():
    values = np.random.default_rng(0).permutation(1000)

    boxes = tenths(values)

    assert boxes.sum(0).tolist() == [100.0] * 10
    assert tenths(np.ones(5)).shape == (5, 2)  # nearly nothing to cut


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"share": 0.0}, "share: got 0"),
        ({"seed": -1}, "seed: got -1"),
        ({"content": np.ones((3, 2))}, "content: got"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    likes, content = a_table()
    given = {"likes": likes, "content": content, "seed": 0} | arguments

    with pytest.raises(ValueError, match=message):
        cold_task(**given)
