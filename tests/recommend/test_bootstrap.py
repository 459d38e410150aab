"""Averages and their intervals."""

import numpy as np
import pandas as pd
import pytest

from rbm_lib.evaluate import mean_interval


def test_the_interval_is_close_to_that_of_the_normal_distribution():
    values = np.random.default_rng(0).random((400, 2)) ** 2

    table = mean_interval(pd.DataFrame(values, columns=["a", "b"]))

    assert table["metric"].tolist() == ["a", "b"] and table["n"].tolist() == [400, 400]
    half = 1.96 * values.std(0) / np.sqrt(400)
    np.testing.assert_allclose(table["mean"], values.mean(0))
    np.testing.assert_allclose(table["high"] - table["mean"], half, rtol=0.1)
    np.testing.assert_allclose(table["mean"] - table["low"], half, rtol=0.1)


def test_95_of_100_intervals_contain_the_truth():
    rng = np.random.default_rng(1)
    tables = [mean_interval(pd.DataFrame(rng.random((50, 1))), 200) for _ in range(300)]

    hit = [table["low"][0] <= 0.5 <= table["high"][0] for table in tables]

    # The bootstrap of 50 rows covers a little less than 95 %; 4 standard errors are .05.
    assert 0.88 <= np.mean(hit) <= 0.99


@pytest.mark.parametrize("given", [[0.5], pd.DataFrame()])
def test_what_is_no_table_is_refused(given):
    with pytest.raises(ValueError, match="per_user: got .*, expected a DataFrame"):
        mean_interval(given)
