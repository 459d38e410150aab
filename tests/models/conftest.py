"""Fixtures of the models' tests."""

import pytest

from tests.support import random_dbm, random_rbm


@pytest.fixture(params=[(3,), (3, 2), (2, 2, 2)], ids=["RBM", "DBM2", "DBM3"])
def make(request):
    """Makes a random RBM, or DBM with 2 or 3 hidden layers, on n units of some type."""

    def make(visible, n_visible=4, **options):
        if len(request.param) == 1:
            return random_rbm(visible, n_visible, *request.param, **options)
        return random_dbm(visible, (n_visible, *request.param), **options)

    return make
