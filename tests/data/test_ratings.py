"""RatingMatrix against the plain dense table it stands for."""

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib.data import RatingMatrix


def example(n_users=7, n_items=5, n_levels=5, seed=0):
    """A matrix and its dense table, -1 where missing; one user and one item without ratings."""
    rng = np.random.default_rng(seed)
    table = np.where(rng.random((n_users, n_items)) < 0.5, rng.integers(0, n_levels, (n_users, n_items)), -1)
    table[3], table[:, 2] = -1, -1
    table[0, 0] = 0  # level 0 is a rating, not a gap
    rows, columns = np.nonzero(table >= 0)
    order = rng.permutation(len(rows))
    rows, columns = rows[order], columns[order]
    user_ids, item_ids = np.arange(n_users) * 10 + 100, np.array([f"item {k}" for k in range(n_items)])
    ids = {"user_ids": user_ids, "item_ids": item_ids}
    return RatingMatrix(
        user_ids[rows], item_ids[columns], table[rows, columns], n_levels=n_levels, **ids
    ), table


def dense(matrix):
    v, observed = matrix.batch(slice(None))
    return torch.where(observed, v, torch.tensor(-1.0)).numpy()


def test_sizes_and_batch():
    matrix, table = example()
    assert (matrix.n_users, matrix.n_items, matrix.n_levels) == (7, 5, 5)
    assert matrix.shape == (7, 5) and len(matrix) == 7 and matrix.n_ratings == (table >= 0).sum()
    v, observed = matrix.batch([4, 0, 0, 3])
    assert v.dtype == torch.float32 and observed.dtype == torch.bool
    assert np.array_equal(observed.numpy(), table[[4, 0, 0, 3]] >= 0)
    assert np.array_equal(v.numpy(), np.maximum(table[[4, 0, 0, 3]], 0))
    assert np.array_equal(matrix.item_counts(), (table >= 0).sum(0))


@pytest.mark.parametrize(
    "rows",
    [slice(1, 6, 2), torch.tensor([1, 3, 5]), np.array([1, 3, 5], np.int32), range(1, 6, 2), [-6, 3, -2]],
)
def test_rows_may_be_given_in_any_usual_way(rows):
    matrix, table = example()
    assert np.array_equal(dense(matrix.rows(rows)), table[[1, 3, 5]])
    assert np.array_equal(matrix.batch(rows)[0].numpy(), matrix.batch([1, 3, 5])[0].numpy())


def test_rows_by_mask_keep_ids_and_items():
    matrix, table = example()
    some = matrix.rows(table[:, 0] >= 0)
    assert np.array_equal(dense(some), table[table[:, 0] >= 0])
    assert np.array_equal(some.user_ids, matrix.user_ids[table[:, 0] >= 0]) and some.n_items == 5
    assert matrix.rows([]).shape == (0, 5) and matrix.batch([])[0].shape == (0, 5)


def test_rows_that_do_not_fit_are_refused():
    matrix, _ = example()
    with pytest.raises(TypeError, match="whole numbers"):
        matrix.batch([0.5])
    for rows in ([7], [-8], [[0, 1]]):
        with pytest.raises(ValueError, match="7 users"):
            matrix.batch(rows)
    with pytest.raises(ValueError, match="mask"):
        matrix.batch(np.ones(6, bool))


def test_batch_is_new_memory_and_the_last_rows_are_not_lost():
    matrix, table = example()
    v, observed = matrix.batch([0])
    v.fill_(9), observed.fill_(True)
    assert np.array_equal(dense(matrix), table)
    assert np.array_equal(np.concatenate([dense(matrix.rows(slice(k, k + 3))) for k in (0, 3, 6)]), table)


def test_transpose_twice_is_the_matrix():
    matrix, table = example()
    assert np.array_equal(dense(matrix.T), table.T) and np.array_equal(matrix.T.user_ids, matrix.item_ids)
    assert matrix.T.T.fingerprint() == matrix.fingerprint()


def test_binarize():
    matrix, table = example()
    likes = matrix.binarize(3)
    assert np.array_equal(dense(likes), np.where(table < 0, -1, table >= 3)) and likes.n_levels == 2
    assert np.array_equal(dense(matrix), table)
    with pytest.raises(ValueError, match="at_least is 5"):
        matrix.binarize(5)


def test_no_zero_is_ever_stored():
    matrix, _ = example()
    assert matrix.csr.data.min() == 1 and matrix.binarize(1).csr.data.min() == 1


def test_frame_and_back():
    matrix, _ = example()
    frame = matrix.to_frame()
    assert list(frame.columns) == ["user_id", "item_id", "level"]
    ids = {"user_ids": matrix.user_ids, "item_ids": matrix.item_ids}
    again = RatingMatrix(frame.user_id, frame.item_id, frame.level, n_levels=5, **ids)
    assert again.fingerprint() == matrix.fingerprint()


def test_default_catalogue_is_sorted_and_default_levels_count():
    matrix = RatingMatrix([5, 2, 5], ["b", "a", "a"], [1, 3, 0])
    assert matrix.user_ids.tolist() == [2, 5] and matrix.item_ids.tolist() == ["a", "b"]
    assert matrix.n_levels == 4 and dense(matrix).tolist() == [[3, -1], [0, 1]]


def test_index_of_external_ids():
    matrix, _ = example()
    assert matrix.user_index([160, 100]).tolist() == [6, 0] and matrix.item_index("item 4").tolist() == [4]
    with pytest.raises(ValueError, match=r"unknown user ids \[7\]"):
        matrix.user_index([100, 7])
    with pytest.raises(ValueError, match="item 9"):
        matrix.item_index(["item 9"])


def test_fingerprint_sees_every_part():
    base = RatingMatrix([1, 2], [1, 2], [0, 1], n_levels=3)
    others = [
        RatingMatrix([1, 3], [1, 2], [0, 1], n_levels=3),
        RatingMatrix([1, 2], [1, 3], [0, 1], n_levels=3),
        RatingMatrix([1, 2], [2, 1], [0, 1], n_levels=3),
        RatingMatrix([1, 2], [1, 2], [0, 2], n_levels=3),
        RatingMatrix([1, 2], [1, 2], [0, 1], n_levels=4),
        RatingMatrix(["1", "2"], [1, 2], [0, 1], n_levels=3),
    ]
    prints = {matrix.fingerprint() for matrix in [base, *others]}
    assert (
        len(prints) == 7
        and base.fingerprint() == RatingMatrix([2, 1], [2, 1], [1, 0], n_levels=3).fingerprint()
    )


def test_callers_arrays_are_not_changed_and_may_be_read_only():
    users, items = np.arange(20)[::2], np.arange(10)[::-1]
    levels = np.asfortranarray(np.arange(20).reshape(10, 2) % 5)[:, 0]
    kept = [x.copy() for x in (users, items, levels)]
    for x in (users, items, levels):
        x.flags.writeable = False
    matrix = RatingMatrix(users, items, levels, user_ids=(catalogue := np.arange(19)))
    catalogue[:] = 0
    assert matrix.user_ids.tolist() == list(range(19))
    assert all(np.array_equal(a, b) for a, b in zip((users, items, levels), kept, strict=True))
    series = [pd.Series(x, index=range(100, 110)) for x in kept]
    assert RatingMatrix(*series, user_ids=range(19)).fingerprint() == matrix.fingerprint()
    assert RatingMatrix(*map(torch.tensor, map(np.array, kept)), user_ids=range(19)).n_ratings == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [1], [0, 0]), "2, 1 and 2 entries"),
        (([1, 2], [1, 2], [0, -1]), "level -1 at position 1"),
        (([1, 2], [1, 2], [0, 3]), "level 3 at position 1"),
        (([1, 2], [1, 2], [0, 1.5]), "1.5.* at position 1 is not a whole number"),
        (([1, 2], [1, 2], [np.nan, 1]), "position 0 is not a whole number"),
        (([1, 2], [1, 2], pd.array([1, None], dtype="Int64")), "position 1 is not a whole number"),
        (([1, 2], [1, 2], [0, np.inf]), "position 1"),
        (([1.0, np.nan], [1, 2], [0, 1]), "user id at position 1 is missing"),
        (([1, 2], ["a", None], [0, 1]), "item id at position 1 is missing"),
        (
            ([9, 1, 2, 1, 2], [9, 7, 8, 7, 8], [0, 0, 0, 1, 1]),
            "user 1 rated item 7 twice, at positions 1 and 3",
        ),
        (([1, 2], [1, 2], [0, 300]), "outside"),
    ],
)
def test_bad_ratings_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        RatingMatrix(*arguments, n_levels=3)


def test_bad_catalogues_are_refused():
    with pytest.raises(ValueError, match=r"unknown item ids \[2\]"):
        RatingMatrix([1, 2], [1, 2], [0, 1], item_ids=[1, 3])
    with pytest.raises(ValueError, match="twice"):
        RatingMatrix([1, 2], [1, 2], [0, 1], user_ids=[1, 2, 2])
    for n_levels in (1, 256):
        with pytest.raises(ValueError, match="n_levels"):
            RatingMatrix([1], [1], [0], n_levels=n_levels)


def test_255_levels_fit_one_byte():
    assert dense(RatingMatrix([1, 1], [1, 2], [254, 0])).tolist() == [[254, 0]]


def test_from_frame():
    frame = pd.DataFrame(
        {"user_id": [1, 1, 2], "movie_id": [5, 6, 5], "rating": [1.0, 4.0, 5.0]}, index=[7, 8, 9]
    )
    assert dense(RatingMatrix.from_frame(frame)).tolist() == [[0, 3], [4, -1]]
    assert RatingMatrix.from_frame(frame).n_levels == 5
    likes = RatingMatrix.from_frame(frame, like_at_least=4)
    assert dense(likes).tolist() == [[0, 1], [1, -1]] and likes.n_levels == 2
    halves = RatingMatrix.from_frame(frame.assign(rating=[0.5, 4.5, 5.0]))
    assert dense(halves).tolist() == [[0, 8], [9, -1]] and halves.n_levels == 10
    own = RatingMatrix.from_frame(
        frame.rename(columns={"movie_id": "song"}), item_column="song", scale=[1, 4, 5]
    )
    assert dense(own).tolist() == [[0, 1], [2, -1]]
    for rating, message in ((6.0, "position 1"), (np.nan, "row 8"), (0.0, "not on the scale")):
        with pytest.raises(ValueError, match=message):
            RatingMatrix.from_frame(frame.assign(rating=[1.0, rating, 2.5]), like_at_least=4)
    with pytest.raises(ValueError, match="no column"):
        RatingMatrix.from_frame(frame.drop(columns="rating"))
    with pytest.raises(ValueError, match="increasing"):
        RatingMatrix.from_frame(frame, scale=[5, 4, 1])


def test_an_empty_matrix_is_legal():
    empty = RatingMatrix([], [], [], n_levels=2, user_ids=[1, 2], item_ids=[3])
    v, observed = empty.batch([0, 1])
    assert v.tolist() == [[0], [0]] and not observed.any() and empty.n_ratings == 0
