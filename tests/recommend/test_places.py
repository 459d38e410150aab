"""Expected metrics of tied scores against the mean over all orders."""

import itertools

import numpy as np
import pytest

from rbm_lib.recommend.places import (
    chance_to_be_listed,
    metrics_at,
    places_of_hits,
    places_of_scores,
)

SCORES = [
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    [3.0, 2.0, 2.0, 2.0, 1.0, 1.0],
    [2.0, 2.0, 3.0, 1.0, 3.0, -np.inf],
    [-np.inf, -np.inf, 1.0, 1.0, -np.inf, -np.inf],
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    [np.inf, np.inf, 0.0, 0.0, 0.0, -np.inf],
]


def all_orders(scores):
    """Every order of the items that these scores allow, without those at -inf."""
    finite = [i for i in range(len(scores)) if scores[i] > -np.inf]
    orders = itertools.permutations(finite)
    return [
        o for o in orders if all(scores[a] >= scores[b] for a, b in itertools.pairwise(o))
    ]


@pytest.mark.parametrize("length", [1, 2, 4, 6, 9])
@pytest.mark.parametrize("scores", SCORES)
def test_metrics_are_means_over_all_orders_of_equal_scores(scores, length):
    relevant = np.array([True, False, True, True, False, False])
    orders = all_orders(scores)
    hits = np.zeros((len(orders), length), dtype=bool)
    for row, order in enumerate(orders):
        hits[row, : len(order)] = relevant[list(order)][:length]

    places = places_of_scores(np.array([scores]), relevant[None], length)
    expected = metrics_at(places, np.array([3]), [length])

    each = metrics_at(places_of_hits(hits), np.full(len(orders), 3), [length])
    for name, values in each.items():
        assert expected[name][0] == pytest.approx(values.mean(), abs=1e-12), name


@pytest.mark.parametrize("length", [1, 2, 4, 9])
@pytest.mark.parametrize("scores", SCORES)
def test_the_chance_to_be_listed_is_the_share_of_orders_that_list_an_item(scores, length):
    orders = all_orders(scores)
    listed = np.zeros(6)
    for order in orders:
        listed[list(order[:length])] += 1 / len(orders)

    places = places_of_scores(np.array([scores]), np.zeros((1, 6), dtype=bool), length)
    chance = chance_to_be_listed(np.array([scores]), places, length)

    np.testing.assert_allclose(chance[0], listed, atol=1e-12)


def test_short_lists_are_the_heads_of_long_ones():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, (20, 30)).astype(float)
    relevant = rng.random((20, 30)) < 0.2
    n_relevant = np.maximum(relevant.sum(1), 1)

    together = metrics_at(places_of_scores(scores, relevant, 20), n_relevant, [3, 10, 20])

    for length in (3, 10):
        alone = metrics_at(places_of_scores(scores, relevant, length), n_relevant, [length])
        for name, values in alone.items():
            np.testing.assert_allclose(together[name], values, atol=1e-12)
