"""The scale of ratings: found, given or cut."""

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data.scale import Scale


@pytest.mark.parametrize(
    ("ratings", "steps"),
    [
        ([1, 1], [0, 1]),
        ([1, -1], [-1, 1]),
        ([2, 4], [1, 2, 3, 4, 5]),
        ([0.5, 4], np.arange(1, 9) / 2),
        ([0.5, 5], np.arange(1, 11) / 2),
        ([0, 5], np.arange(6)),
        ([7, 2], np.arange(1, 11)),
        ([7, 0], np.arange(11)),
    ],
)
def test_the_first_usual_scale_with_all_ratings_is_found(ratings, steps):
    assert Scale.detect(ratings).steps == tuple(steps)


def test_plays_are_likes_and_marks_out_of_100_are_not_plays():
    plays = np.ceil(np.random.default_rng(0).lognormal(3, 1.5, 1000))

    assert Scale.detect(plays) == Scale.cut(1.0)
    with pytest.raises(ValueError, match="rating: got 5 different numbers from 20 to 95"):
        Scale.detect([60, 75, 95, 80, 20])
    with pytest.raises(ValueError, match="Give scale="):
        Scale.detect([0.1, 17.3])


def test_what_counts_is_how_many_ratings_are_low_and_not_how_many_different_ones():
    """Plays crowd at 1 with a long tail of different numbers, marks near the top."""
    tail = list(range(20, 60))
    marks_of_a_few = list(range(1, 30))

    assert Scale.detect([1] * 90 + tail) == Scale.cut(1.0)
    with pytest.raises(ValueError, match="rating: got 30 different numbers from 1 to 90"):
        Scale.detect([90] * 60 + marks_of_a_few)


@pytest.mark.parametrize(
    ("steps", "first_like"),
    [
        (range(1, 6), 4),
        (np.arange(1, 11) / 2, 4),
        (np.arange(1, 9) / 2, 3.5),
        (range(1, 11), 8),
        ([0, 1], 1),
        ([-1, 1], 1),
    ],
)
def test_the_upper_quarter_of_a_scale_is_liked(steps, first_like):
    scale = Scale(tuple(steps))

    assert scale.steps[scale.like_level()] == first_like
    assert scale.like_level(first_like) == scale.like_level()
    with pytest.raises(ValueError, match="like_at_least: got .*, expected more than"):
        scale.like_level(steps[0])


def test_a_cut_scale_takes_any_number_and_keeps_its_threshold():
    scale = Scale.cut(10)

    assert scale.levels(pd.Series([3, 10, 4000])).tolist() == [0, 1, 1]
    assert scale.like_level() == scale.like_level(10) == 1
    with pytest.raises(ValueError, match="like_at_least: got 5, expected 10"):
        scale.like_level(5)


@pytest.mark.parametrize("rating", [6.0, 0.0, np.nan, "x"])
def test_a_rating_off_the_scale_is_named(rating):
    ratings = pd.Series([1.0, rating, 2.5], index=[7, 8, 9], name="stars")

    with pytest.raises(ValueError, match=r"stars: got .* in row 8 \(position 1\)"):
        Scale(tuple(np.arange(1, 11) / 2)).levels(ratings)


@pytest.mark.parametrize("steps", [[5, 4], [1], "ab", [0, np.inf], range(300)])
def test_a_scale_has_increasing_numbers(steps):
    with pytest.raises(ValueError, match="scale: got"):
        Scale(tuple(steps))


def test_means_go_to_the_nearest_rating():
    stars = Scale((1, 2, 3, 4, 5))

    assert stars.nearest(np.array([1.0, 2.4, 3.5, 5.0])).tolist() == [1, 2, 4, 5]


def test_a_description_makes_the_same_scale():
    for scale in (Scale.cut(2.5), Scale((1, 2, 3))):
        assert Scale(**scale.description()) == scale
