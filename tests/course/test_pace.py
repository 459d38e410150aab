"""Code that computes for too long is stopped, and what grows with rows × rows is named."""

import sys
import time

import numpy as np
import pandas as pd
import pytest

from rbm_lib.course import pace


def means(group, value):
    return pd.Series(value).groupby(group).transform("mean").to_numpy()


def means_in_a_loop(group, value):
    return np.array([value[group == one].mean() for one in group])


def means_from_a_table(group, value):
    same = group[:, None] == group
    return same @ value / same.sum(1)


def rows(n):
    return np.arange(n) % (n // 2), np.arange(n)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (means, ""),
        (means_in_a_loop, "loop over rows"),
        (means_from_a_table, "table of 1,000 × 1,000"),
    ],
)
def test_a_loop_and_a_table_are_named(answer, word, monkeypatch):
    monkeypatch.setattr(pace, "SECONDS", 0.5)

    found = pace.strain(lambda case: answer(*case), rows(1_000), rows(100_000))

    assert word in found and bool(word) == bool(found), found


def test_code_that_ends_in_time_runs_as_always():
    before = sys.gettrace()
    with pace.at_most(10):
        total = sum(range(1000))

    assert total == 499_500
    assert sys.gettrace() is before


def test_an_endless_loop_is_stopped_although_it_catches_all_exceptions():
    def endless():
        while True:
            try:
                time.sleep(0)
            except Exception:
                continue

    before = sys.gettrace()
    with pytest.raises(pace.TooSlow), pace.at_most(0.05):
        endless()
    assert sys.gettrace() is before
