"""The best unseen items of each row."""

import numpy as np
import pytest
import torch

from rbm_lib.data import RatingMatrix
from rbm_lib.recommend.top import top_n
from tests.support import assert_refused


def test_items_come_by_score_and_equal_ones_by_number():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (30, 300)).astype(float)  # many ties
    seen = rng.random((30, 300)) < 0.4

    items, values = top_n(scores, seen, 300)

    for b in range(30):
        expected = sorted(np.flatnonzero(~seen[b]), key=lambda i: (-scores[b, i], i))
        n = len(expected)
        assert items[b, :n].tolist() == expected
        assert values[b, :n].tolist() == scores[b, expected].tolist()
        assert (items[b, n:] == -1).all()
        assert torch.isneginf(values[b, n:]).all()


@pytest.mark.parametrize("n", [1, 7, 40, 179, 299, 300, 400])
def test_a_short_list_is_the_head_of_the_whole_one(n):
    rng = np.random.default_rng(1)
    scores = rng.standard_normal((20, 300))
    scores[5:15] = np.round(scores[5:15], 1)  # some ties, at the cut too
    scores[15:] = 0.0
    seen = rng.random((20, 300)) < 0.4
    seen[0] = True
    seen[1, 3:] = True

    items, values = top_n(scores, seen, n)

    all_items, all_values = top_n(scores, seen, 300)
    assert items.shape == values.shape == (20, n)
    assert torch.equal(items[:, :300], all_items[:, :n])
    assert torch.equal(values[:, :300], all_values[:, :n])


def test_short_rows_are_filled_up():
    seen = torch.tensor([[True, False, False]])

    items, values = top_n(torch.tensor([[3, 1, 2]]), seen, 5)

    assert items.tolist() == [[2, 1, -1, -1, -1]]
    assert values.tolist() == [[2, 1, -torch.inf, -torch.inf, -torch.inf]]


def test_an_item_with_score_minus_infinity_is_left_out():
    nothing = torch.zeros(1, 2, dtype=torch.bool)

    items, _ = top_n(torch.tensor([[-torch.inf, 1.0]]), nothing, 2)

    assert items.tolist() == [[1, -1]]


def test_every_rated_item_is_seen_whatever_its_level():
    ratings = RatingMatrix([1], [2], [0], item_ids=[1, 2, 3])

    for seen in (ratings, ratings.rated()):
        assert top_n(torch.zeros(1, 3), seen, 2)[0].tolist() == [[0, 2]]


def test_a_masked_item_is_not_recommended_but_refused():
    masked = np.ma.masked_array([[1.0, 99.0, 2.0]], [[False, True, False]])

    assert_refused("scores: got a masked array", top_n, masked, [[False] * 3], 1)


@pytest.mark.parametrize(
    ("scores", "seen", "n", "message"),
    [
        ([[np.nan, 1.0]], [[False, False]], 1, r"scores: got NaN at \[0, 0\]"),
        ([[0.0, 0.0, 0.0]], [[False, False]], 1, "seen: got shape"),
        ([[0.0, 0.0]], [[False, False]], 0, "n: got 0"),
        ([[0.0, 0.0]], [[0.0, 0.0]], 1, "seen: got .*bool"),
    ],
)
def test_top_n_refuses(scores, seen, n, message):
    assert_refused(message, top_n, torch.tensor(scores), torch.tensor(seen), n)
