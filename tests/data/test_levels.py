"""The levels against the plain table they stand for, with −1 where nothing was rated."""

import numpy as np
import pytest
import torch

from rbm_lib.data.ratings import RatingMatrix

USER_IDS = np.arange(7) * 10 + 100
ITEM_IDS = np.array([f"item {k}" for k in range(5)])


@pytest.fixture
def table():
    """7 users × 5 items, levels 0 to 4; one user and one item without ratings."""
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 5, (7, 5))
    levels[rng.random((7, 5)) < 0.5] = -1
    levels[3] = -1
    levels[:, 2] = -1
    levels[0, 0] = 0  # level 0 is a rating, not a gap
    return levels


@pytest.fixture
def matrix(table):
    """The same as a RatingMatrix, from ratings in random order."""
    rows, columns = np.random.default_rng(1).permutation(np.argwhere(table >= 0)).T
    ids = {"user_ids": USER_IDS, "item_ids": ITEM_IDS}
    ratings = USER_IDS[rows], ITEM_IDS[columns], table[rows, columns]
    return RatingMatrix(*ratings, n_levels=5, **ids)


def dense(matrix):
    v, observed = matrix.batch(slice(None))
    return torch.where(observed, v, torch.tensor(-1.0)).numpy()


def test_a_batch_is_dense_rows_and_their_mask_in_new_memory(matrix, table):
    v, observed = matrix.batch([4, 0, 0, 3])
    assert (v.dtype, observed.dtype) == (torch.float32, torch.bool)
    assert np.array_equal(observed, table[[4, 0, 0, 3]] >= 0)
    assert np.array_equal(v, np.maximum(table[[4, 0, 0, 3]], 0))

    v.fill_(9)
    observed.fill_(True)
    assert np.array_equal(dense(matrix), table)


@pytest.mark.parametrize(
    "rows",
    [
        slice(1, 6, 2),
        torch.tensor([1, 3, 5]),
        np.array([1, 3, 5], np.int32),
        [-6, 3, -2],
        np.arange(7) % 2 == 1,
    ],
)
def test_rows_may_be_given_in_any_usual_way(matrix, table, rows):
    part = matrix.rows(rows)

    assert np.array_equal(dense(part), table[[1, 3, 5]])
    assert part.user_ids.tolist() == [110, 130, 150]
    assert np.array_equal(matrix.batch(rows)[0], matrix.batch([1, 3, 5])[0])


@pytest.mark.parametrize("rows", [[0.5], [7], [-8], [[0, 1]], np.ones(6, bool), ["a"]])
def test_rows_that_do_not_fit_are_refused(matrix, rows):
    with pytest.raises(ValueError, match="rows: got"):
        matrix.batch(rows)


def test_ratings_are_given_row_by_row(matrix, table):
    users, items, levels = matrix.triples()
    assert np.array_equal(np.stack([users, items], 1), np.argwhere(table >= 0))
    assert np.array_equal(levels, table[users, items])

    indptr, items, levels = matrix.rated_rows([6, 3])
    assert indptr.tolist() == [0, (table[6] >= 0).sum(), len(items)]
    assert np.array_equal(items, np.flatnonzero(table[6] >= 0))
    assert np.array_equal(levels, table[6, items])


def test_rated_and_liked_cells(matrix, table):
    assert np.array_equal(matrix.rated().toarray(), table >= 0)
    assert np.array_equal(matrix.likes(3).toarray(), table >= 3)
    assert np.array_equal(matrix.binarize(3).likes().toarray(), table >= 3)
    with pytest.raises(ValueError, match="at_least: got None, expected 1 to 4"):
        matrix.likes()


def test_keep_leaves_the_catalogue_as_it_is(matrix, table):
    high = matrix.keep(matrix.triples()[2] >= 2)

    assert np.array_equal(dense(high), np.where(table >= 2, table, -1))
    assert np.array_equal(high.user_ids, USER_IDS)
    with pytest.raises(ValueError, match="chosen: got int64"):
        matrix.keep([0, 1])


def test_counts(matrix, table):
    assert (matrix.shape, len(matrix), matrix.n_ratings) == ((7, 5), 7, (table >= 0).sum())
    assert np.array_equal(matrix.user_counts(), (table >= 0).sum(1))
    assert np.array_equal(matrix.item_counts(), (table >= 0).sum(0))
    by_level = [(table == level).sum(0) for level in range(5)]
    assert np.array_equal(matrix.level_counts(), np.stack(by_level, 1))


def test_transposing_swaps_users_and_items(matrix, table):
    assert np.array_equal(dense(matrix.T), table.T)
    assert np.array_equal(matrix.T.user_ids, ITEM_IDS)
    assert matrix.T.T.fingerprint() == matrix.fingerprint()


def test_more_items_come_last_and_nobody_has_rated_them(matrix, table):
    more = matrix.with_items(["item 9", "item 1", "item 9", 7])

    assert more.item_ids.tolist() == [*ITEM_IDS, "item 9", "7"]
    assert np.array_equal(dense(more)[:, :5], table)
    assert (dense(more)[:, 5:] == -1).all()
    assert matrix.with_items(ITEM_IDS[::-1]) is matrix
    numbered = RatingMatrix([1], [7], [1]).with_items(["new"])
    assert numbered.item_ids.tolist() == [7, "new"]  # 7 has not become a text


def test_binarize_gives_likes_and_leaves_the_matrix_as_it_is(matrix, table):
    assert np.array_equal(dense(matrix.binarize(3)), np.where(table < 0, -1, table >= 3))
    assert np.array_equal(dense(matrix), table)
    with pytest.raises(ValueError, match="at_least: got 5"):
        matrix.binarize(5)


def test_the_default_catalogue_is_sorted_and_the_default_levels_are_counted():
    matrix = RatingMatrix([5, 2, 5], ["b", "a", "a"], [1, 3, 0])

    assert (matrix.user_ids.tolist(), matrix.item_ids.tolist()) == ([2, 5], ["a", "b"])
    assert matrix.n_levels == 4
    assert dense(matrix).tolist() == [[3, -1], [0, 1]]


def test_external_ids_are_looked_up(matrix):
    assert matrix.user_index([160, 100]).tolist() == [6, 0]
    assert matrix.item_index("item 4").tolist() == [4]
    with pytest.raises(
        ValueError, match=r"ids: got \[7\], expected user ids of the catalogue"
    ):
        matrix.user_index([100, 7])


def test_the_fingerprint_depends_on_every_part_but_not_on_the_order():
    arguments = [
        ([1, 2], [1, 2], [0, 1], 3),
        ([1, 3], [1, 2], [0, 1], 3),
        ([1, 2], [1, 3], [0, 1], 3),
        ([1, 2], [2, 1], [0, 1], 3),
        ([1, 2], [1, 2], [0, 2], 3),
        ([1, 2], [1, 2], [0, 1], 4),
        (["1", "2"], [1, 2], [0, 1], 3),
    ]
    prints = [RatingMatrix(*values, n_levels=n).fingerprint() for *values, n in arguments]

    assert len(set(prints)) == len(arguments)
    assert RatingMatrix([2, 1], [2, 1], [1, 0], n_levels=3).fingerprint() == prints[0]


@pytest.mark.parametrize(
    ("users", "items", "levels", "message"),
    [
        ([1, 2], [1], [0, 0], r"levels: got shape \(2,\) for 2 users and 1 items"),
        ([1, 2], [1, 2], [0, -1], "levels: got -1 at position 1, expected 0 to 2"),
        ([1, 2], [1, 2], [0, 300], "levels: got 300 at position 1"),
        ([[1, 2]], [1, 2], [0, 1], r"users: got shape \(1, 2\), expected a flat list"),
        ([1, 2], ["a", None], [0, 1], "items: got a missing value at position 1"),
        ([9, 1, 2, 1], [9, 7, 8, 7], [0] * 4, "user 1 and item 7 at positions 1 and 3"),
    ],
)
def test_bad_ratings_are_refused_by_name(users, items, levels, message):
    with pytest.raises(ValueError, match=message):
        RatingMatrix(users, items, levels, n_levels=3)


@pytest.mark.parametrize("place", range(3))
def test_a_masked_array_does_not_lose_its_mask(place):
    values = [[1, 2, 3], [1, 2, 3], [4, 0, 2]]
    values[place] = np.ma.masked_array([4, 0, 99], [False, False, True])

    with pytest.raises(TypeError, match="got a masked array, whose mask would be lost"):
        RatingMatrix(*values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"item_ids": [1, 3]}, r"ids: got \[2\], expected item ids of the catalogue"),
        ({"user_ids": [1, 2, 2]}, "user_ids: got .*2.* twice"),
        ({"user_ids": [1, 2, None]}, "user_ids: got a missing value at position 2"),
        ({"n_levels": 1}, "n_levels: got 1"),
        ({"n_levels": 256}, "n_levels: got 256, expected at most 255"),
    ],
)
def test_bad_catalogues_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RatingMatrix([1, 2], [1, 2], [0, 1], **options)


def test_255_levels_and_no_ratings_are_legal():
    assert dense(RatingMatrix([1, 1], [1, 2], [254, 0])).tolist() == [[254, 0]]
    empty = RatingMatrix([], [], [], user_ids=[1, 2], item_ids=[3])
    assert dense(empty).tolist() == [[-1], [-1]]
    assert empty.rows([]).shape == (0, 1)
