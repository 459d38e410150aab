"""The table of archetypes, and how many listeners have each."""

from dataclasses import replace

import numpy as np
import pytest

from rbm_lib.data import ARCHETYPES, Archetype
from rbm_lib.data.listeners.archetypes import headcounts
from rbm_lib.data.listeners.conditions import DrawnRange, Range

ENERGY = Range("energy", 1)


def test_the_published_shares_and_lengths():
    assert sum(archetype.share for archetype in ARCHETYPES) == pytest.approx(1.05)
    lengths = [archetype.n_tracks for archetype in ARCHETYPES]
    assert lengths == [80, 70, 60, 60, 50, 50, 40, 40, 40, 40, 40, 40]


@pytest.mark.parametrize("n", [1, 7, 12, 105, 999, 1050])
def test_shares_are_normalised_to_exactly_n_listeners(n):
    exact = np.array([archetype.share for archetype in ARCHETYPES]) / 1.05 * n

    counts = headcounts(ARCHETYPES, n)

    assert counts.sum() == n
    assert (abs(counts - exact) < 1).all()


def test_largest_remainders_by_hand():
    expected = [143] * 3 + [95] * 3 + [48] * 4 + [47] * 2
    assert headcounts(ARCHETYPES, 1000).tolist() == expected
    three = [replace(ARCHETYPES[0], name=str(s), share=s) for s in (50, 30, 20)]
    assert headcounts(three, 5).tolist() == [3, 1, 1]  # of 2.5, 1.5 and 1


@pytest.mark.parametrize(
    ("share", "n_tracks", "conditions"),
    [
        (0, 10, [ENERGY]),
        (1, 0, [ENERGY]),
        (1, 10, []),
        (1, 10, [ENERGY, DrawnRange("energy", 0, 1)]),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(share, n_tracks, conditions):
    with pytest.raises(ValueError, match="Nobody: got"):
        Archetype("Nobody", share, n_tracks, conditions)


def test_a_condition_without_a_comma_and_numbers_in_quotes_are_refused():
    with pytest.raises(TypeError, match="got a single Range, expected a tuple"):
        Archetype("Nobody", 1, 10, (ENERGY))
    with pytest.raises(TypeError, match="Nobody: got .* without quotes"):
        Archetype("Nobody", 1, "10", [ENERGY])


def test_names_have_to_differ():
    for table in ([], [ARCHETYPES[0]] * 2):
        with pytest.raises(ValueError, match="archetypes: got .* each name once"):
            headcounts(table, 10)
