"""What the tests of the likelihoods share."""

from tests.support import random_dbm, random_rbm


def random_model(visible, sizes, **options):
    """An RBM for two sizes, a DBM for more."""
    n_visible, *hidden = sizes
    if len(hidden) == 1:
        return random_rbm(visible, n_visible, *hidden, **options)
    return random_dbm(visible, sizes, **options)
