"""A long training holds no more at its end than after a tenth, but for its history."""

import gc
import tracemalloc

import pytest
import torch

from rbm_lib import CD, DBM, RBM, Monitor, RatingMatrix, fit
from tests.support import seeded
from tests.training.support import QUIET

ROWS, ITEMS, BATCH = 60, 200, 16
V = (torch.rand(ROWS, ITEMS, generator=seeded(0)) < 0.3).float()
RATED = (torch.rand(ROWS, ITEMS, generator=seeded(1)) < 0.1).nonzero().T
RATINGS = RatingMatrix(*RATED, RATED[0] % 3, n_levels=3, item_ids=range(ITEMS))
PLAIN, HELD_OUT = RBM(ITEMS, 50, seed=0), {"callbacks": [Monitor(validation=V[:10])]}
CASES = {  # model, data, options of `fit`
    "cd": (PLAIN, V, HELD_OUT),
    "Adam": (PLAIN, V, HELD_OUT | {"method": CD(2), "optimizer": torch.optim.Adam}),
    "masked, pcd": (PLAIN, V, {"method": "pcd", "observed": V > 0}),
    "deep, pcd": (DBM([ITEMS, 50, 20], seed=0), V, HELD_OUT | {"method": "pcd"}),
    "ratings": (RBM(ITEMS, 50, "categorical", 3, seed=0), RATINGS, {}),
}


def held():
    """How many tensors there are since `gc.freeze`, and bytes by Python's count."""
    gc.collect()
    things = gc.get_objects()
    tensors = sum(issubclass(type(thing), torch.Tensor) for thing in things)
    return tensors, tracemalloc.get_traced_memory()[0]


def assert_flat(case, epochs, folder):
    model, data, options = CASES[case]
    n_updates = epochs * -(-ROWS // BATCH)
    seen = {}

    def schedule(done):  # called before each update
        update = round(done * n_updates)
        if update in (n_updates // 10, n_updates - 1):
            seen[update] = held()
        return 1.0

    options = QUIET | options | {"schedule": schedule, "lr": 0.002, "batch_size": BATCH}
    fit(model, data, epochs=1, **QUIET)  # imports what it needs
    gc.freeze()  # what is there already is not looked at
    tracemalloc.start()
    try:
        fit(model, data, epochs=epochs, checkpoint=folder / "run.pt", **options)
    finally:
        tracemalloc.stop()
        gc.unfreeze()

    (tensors, size), (tensors_at_end, size_at_end) = seen.values()
    assert tensors_at_end == tensors
    assert size_at_end - size < 100_000 + 1000 * epochs  # the weights alone have 40,000


@pytest.mark.parametrize("case", ["cd", "deep, pcd", "ratings"])
def test_thirty_epochs_in_the_same_memory(case, tmp_path):
    assert_flat(case, 30, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES)
def test_a_thousand_epochs_in_the_same_memory(case, tmp_path):
    assert_flat(case, 1000, tmp_path)
