"""RatingMatrix from tables, pairs, sparse matrices and files."""

import gzip

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import coo_array, csr_array

from rbm_lib.data.ratings import RatingMatrix, require_ratings

STARS = pd.DataFrame(
    {"user_id": [1, 1, 2], "movie_id": [5, 6, 5], "rating": [1.0, 4.0, 5.0]},
    index=[7, 8, 9],
)


def dense(matrix):
    v, observed = matrix.batch(slice(None))
    return torch.where(observed, v, torch.tensor(-1.0)).tolist()


@pytest.mark.parametrize(
    ("rating", "options", "levels", "n_levels"),
    [
        ([1, 4, 5], {}, [[0, 3], [4, -1]], 5),
        ([0.5, 4.5, 5], {}, [[0, 8], [9, -1]], 10),
        ([0.5, 3.5, 4], {}, [[0, 6], [7, -1]], 8),
        ([1, 9, 10], {}, [[0, 8], [9, -1]], 10),
        ([1, 0, 1], {}, [[1, 0], [1, -1]], 2),
        ([3, 7, 4000], {}, [[1, 1], [1, -1]], 2),
        ([3, 7, 4000], {"like_at_least": 7}, [[0, 1], [1, -1]], 2),
        ([3, 7, 4000], {"like_quantile": 0.9}, [[0, 0], [1, -1]], 2),
        ([1, 4, 5], {"scale": [1, 4, 5]}, [[0, 1], [2, -1]], 3),
        ([1, 4, 5], {"like_at_least": 4}, [[0, 1], [1, -1]], 2),
    ],
)
def test_levels_from_a_frame(rating, options, levels, n_levels):
    matrix = RatingMatrix.from_frame(STARS.assign(rating=rating), **options)

    assert (dense(matrix), matrix.n_levels) == (levels, n_levels)


def test_columns_have_usual_names_or_are_named():
    frame = STARS.rename(columns={"movie_id": "song", "rating": "stars"})

    matrix = RatingMatrix.from_frame(frame, item="song", rating="stars")
    assert matrix.item_ids.tolist() == [5, 6]
    with pytest.raises(ValueError, match="Name the column with item="):
        RatingMatrix.from_frame(frame, rating="stars")
    with pytest.raises(ValueError, match="RatingMatrix.from_pairs"):
        RatingMatrix.from_frame(frame, item="song")


def test_columns_that_are_there_twice_are_refused():
    frame = pd.DataFrame({"user": [1, 2], "item": [1, 2], "rating": [1, 5]})

    with pytest.raises(ValueError, match=r"ratings: got the columns \['user', 'user'\]"):
        RatingMatrix.from_frame(pd.concat([frame, frame], axis=1))


@pytest.mark.parametrize("options", [{}, {"like_at_least": 4}])
def test_a_frame_goes_out_and_in_again(options):
    matrix = RatingMatrix.from_frame(STARS, **options)

    again = RatingMatrix.from_frame(matrix.to_frame())

    assert again.fingerprint() == matrix.fingerprint()
    assert list(matrix.to_frame()) == ["user", "item", "rating"]


@pytest.mark.parametrize(
    ("on_duplicate", "level"),
    [("last", 1), ("mean", 3)],  # of 5, 4 and 2 stars; the mean 3.67 is nearest to 4
)
def test_a_repeated_pair_has_one_rating(on_duplicate, level):
    frame = pd.DataFrame({"user": "ann", "item": "x", "rating": [5, 4, 2]})

    assert dense(RatingMatrix.from_frame(frame, on_duplicate=on_duplicate)) == [[level]]
    with pytest.raises(ValueError, match="user ann and item x at positions 0 and 1"):
        RatingMatrix.from_frame(frame)


@pytest.mark.parametrize(
    ("options", "levels"),
    [
        ({}, [[1, 1], [1, 0]]),  # each play is a like
        ({"like_at_least": 5}, [[1, 0], [0, 0]]),
        ({"like_quantile": 0.5}, [[1, 1], [0, 0]]),
        ({"scale": range(8)}, [[7, 3], [2, 0]]),
    ],
)
def test_plays_of_a_pair_are_added_up_before_they_become_likes(options, levels):
    log = pd.DataFrame(
        {"user": list("aabaab"), "item": list("xxxyxy"), "rating": [2, 1, 2, 3, 4, 0]}
    )

    matrix = RatingMatrix.from_frame(log, on_duplicate="sum", **options)

    assert dense(matrix) == levels


def test_sums_of_what_is_no_number_of_plays_are_refused():
    log = pd.DataFrame({"user": "a", "item": list("xxy"), "rating": [2, 1, 0.5]})

    with pytest.raises(ValueError, match="rating: got 2 different numbers .* to 3, expec"):
        RatingMatrix.from_frame(log, on_duplicate="sum")
    minutes = RatingMatrix.from_frame(log, on_duplicate="sum", like_at_least=2.5)
    assert dense(minutes) == [[1, 0]]
    with pytest.raises(
        ValueError, match=r"rating: got nan in row 1 .*dropna\(subset=\['rating'"
    ):
        log["rating"] = [2, None, 0.5]
        RatingMatrix.from_frame(log.astype(object), on_duplicate="sum", like_at_least=1)
    with pytest.raises(ValueError, match="rating: got 3.* expected one of"):
        log["rating"] = [2, 1, 1]
        RatingMatrix.from_frame(log, on_duplicate="sum", scale=[1, 2])


def test_a_mean_is_of_ratings_on_the_scale():
    frame = pd.DataFrame({"user": "ann", "item": "x", "rating": [5, 9]})

    with pytest.raises(ValueError, match="rating: got 9 in row 1"):
        RatingMatrix.from_frame(frame, on_duplicate="mean", scale=range(1, 6))


def test_files_and_sparse_matrices_can_be_added_up_too(tmp_path):
    path = tmp_path / "plays.csv"
    path.write_text("user,item,rating\na,x,2\na,x,3\nb,x,1\n")
    stored = coo_array(([2, 3, 1], ([0, 0, 1], [0, 0, 0])))
    options = {"on_duplicate": "sum", "like_at_least": 5}

    for matrix in (
        RatingMatrix.from_csv(path, **options),
        RatingMatrix.from_csr(stored, **options),
    ):
        assert dense(matrix) == [[1], [0]]


def test_a_similar_table_is_read_like_the_first():
    log = pd.DataFrame({"who": list("aab"), "song": list("xxy"), "plays": [7, 6, 4]})
    names = {"user": "who", "item": "song", "rating": "plays"}
    known = RatingMatrix.from_frame(log, **names, on_duplicate="sum", like_at_least=10)
    more = log.assign(who="c").rename(columns={"song": "item"})

    for table in (log, log[["plays", "song", "who"]]):
        assert dense(known.keep([True, False]).from_similar(table)) == dense(known)
    with pytest.raises(ValueError, match="expected one column 'user'"):
        known.from_similar(more)
    usual = log.set_axis(["user", "item", "rating"], axis=1)
    assert dense(known.from_similar(usual)) == dense(known)
    assert dense(known.T.from_similar(log)) == dense(known.T)


def test_a_table_similar_to_pairs_has_pairs():
    pairs = pd.DataFrame({"who": list("aab"), "song": list("xyx")})
    known = RatingMatrix.from_pairs(pairs, user="who", item="song")

    assert dense(known.from_similar(pairs)) == dense(known)
    votes = pairs.assign(rating=[1, 0, 1])
    assert dense(known.from_similar(votes)) == [[1, 0], [1, -1]]


def test_pairs_of_a_log_are_likes_from_a_number_of_times_on(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user,item\na,x\na,x\na,y\nb,x\n")

    matrix = RatingMatrix.from_csv(path, like_at_least=2)

    assert dense(matrix) == [[1, 0], [0, -1]]
    assert dense(matrix.from_similar(pd.read_csv(path))) == dense(matrix)
    with pytest.raises(ValueError, match=r"rating: got it for the columns \['user', 'item"):
        RatingMatrix.from_csv(path, rating="plays")


def test_a_file_may_have_decimal_commas(tmp_path):
    path = tmp_path / "sterne.csv"
    path.write_text("user;item;rating\n1,5;007;4,5\nx;7;3\n")

    matrix = RatingMatrix.from_csv(path, decimal=",")

    assert matrix.to_frame()["rating"].tolist() == [4.5, 3]
    assert (matrix.user_ids.tolist(), matrix.item_ids.tolist()) == (
        ["1,5", "x"],
        ["007", "7"],
    )
    with pytest.raises(ValueError, match="got '4,5' in row 0 .*decimal=','"):
        RatingMatrix.from_csv(path)
    with pytest.raises(ValueError, match="decimal: got ';'"):
        RatingMatrix.from_csv(path, decimal=";")


def test_pairs_are_likes_however_often_they_occur():
    log = pd.DataFrame({"user": list("abab"), "item": list("xxyx")})

    matrix = RatingMatrix.from_pairs(log)

    assert dense(matrix) == [[1, 1], [1, -1]]
    assert dense(RatingMatrix.from_frame(matrix.to_frame())) == dense(matrix)


def test_a_sparse_matrix_brings_what_it_stores():
    stored = csr_array(([0.0, 5.0, 2.0], ([0, 0, 1], [1, 2, 0])), shape=(3, 3))

    matrix = RatingMatrix.from_csr(stored, item_ids=list("xyz"))

    assert dense(matrix) == [[-1, 0, 5], [2, -1, -1], [-1, -1, -1]]
    assert (matrix.user_ids.tolist(), matrix.item_ids.tolist()) == ([0, 1, 2], list("xyz"))
    with pytest.raises(TypeError, match="matrix: got ndarray"):
        RatingMatrix.from_csr(np.eye(2))
    with pytest.raises(ValueError, match="as many rows as user_ids"):
        RatingMatrix.from_csr(stored, user_ids=[1, 2])


@pytest.mark.parametrize("sep", [",", ";", "\t", " ", "|"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_may_have_any_delimiter_and_be_packed(tmp_path, sep, packed):
    lines = [["user", "item", "rating"], ["007", "a b", "4.5"], ["7", "İtem", "5.0"]]
    lines = [[cell.replace(" ", "_") for cell in line] for line in lines]
    text = "".join(sep.join(line) + "\n" for line in lines).encode()
    path = tmp_path / ("ratings.csv.gz" if packed else "ratings.csv")
    path.write_bytes(gzip.compress(text) if packed else text)

    matrix = RatingMatrix.from_csv(path)

    assert matrix.user_ids.tolist() == ["007", "7"]
    assert matrix.item_ids.tolist() == ["a_b", "İtem"]
    assert dense(matrix) == [[8, -1], [-1, 9]]


def test_a_file_without_a_header_or_ratings(tmp_path):
    path = tmp_path / "heard.tsv"
    path.write_text("3\t10\n3\t11\n1\t10\n")

    matrix = RatingMatrix.from_csv(path, columns=["user", "item"])

    assert dense(matrix) == [[1, -1], [1, 1]]
    assert matrix.user_ids.tolist() == [1, 3]


def test_a_file_that_is_no_table_is_refused_by_name(tmp_path):
    path = tmp_path / "broken.csv"
    path.write_text("user,item,rating\n1,2,3\n1,2,3,4,5\n")

    with pytest.raises(ValueError, match="broken.csv: got a file that does not read"):
        RatingMatrix.from_csv(path)
    path.write_text("1,2,3\n4,5,6\n")
    with pytest.raises(ValueError, match="broken.csv: got a file that does not read"):
        RatingMatrix.from_csv(path, columns=["user", "item"])  # and a third one
    with pytest.raises(FileNotFoundError, match="no.csv: got no such file"):
        RatingMatrix.from_csv(tmp_path / "no.csv")


def test_require_ratings():
    matrix = RatingMatrix.from_frame(STARS)
    require_ratings("train", matrix, at_least=3)

    with pytest.raises(TypeError, match="train: got ndarray, expected a RatingMatrix"):
        require_ratings("train", np.eye(3))
    with pytest.raises(ValueError, match="train: got 3 ratings, expected at least 4"):
        require_ratings("train", matrix, at_least=4)
