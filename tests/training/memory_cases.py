"""Does a long training hold on to memory? For test_loop.py.

    python -m tests.training.memory_cases CASE EPOCHS FOLDER

Trains with a checkpoint in FOLDER. Prints as JSON how many tensors, and how many bytes by
Python's count, are held at the end beyond those after a tenth of the updates.
"""

import gc
import json
import sys
import tracemalloc

import numpy as np
import torch

from rbm_lib import CD, DBM, RBM, Monitor, RatingMatrix, fit

ROWS, ITEMS, BATCH = 60, 200, 16
rng = np.random.default_rng(0)
V = torch.from_numpy(rng.random((ROWS, ITEMS)) < 0.3).float()
RATED = np.nonzero(rng.random((ROWS, ITEMS)) < 0.1)
RATINGS = RatingMatrix(*RATED, RATED[0] % 3, n_levels=3, item_ids=range(ITEMS))
PLAIN, HELD_OUT = RBM(ITEMS, 50, seed=0), {"callbacks": [Monitor(validation=V[:10])]}
CASES = {  # model, data, options of `fit`
    "cd": (PLAIN, V, HELD_OUT),
    "Adam": (PLAIN, V, HELD_OUT | {"method": CD(2), "optimizer": torch.optim.Adam}),
    "masked, pcd": (PLAIN, V, {"method": "pcd", "observed": V > 0}),
    "deep, pcd": (DBM([ITEMS, 50, 20], seed=0), V, HELD_OUT | {"method": "pcd"}),
    "ratings": (RBM(ITEMS, 50, "categorical", 3, seed=0), RATINGS, {}),
}


if __name__ == "__main__":
    (model, data, options), epochs = CASES[sys.argv[1]], int(sys.argv[2])
    n_updates, seen = epochs * -(-ROWS // BATCH), {}

    def schedule(done):  # called before each update
        if (update := round(done * n_updates)) in (n_updates // 10, n_updates - 1):
            gc.collect()
            tensors = sum(
                issubclass(type(thing), torch.Tensor) for thing in gc.get_objects()
            )
            seen.setdefault(update, (tensors, tracemalloc.get_traced_memory()[0]))
        return 1.0

    options |= {"schedule": schedule, "checkpoint": f"{sys.argv[3]}/run.pt", "lr": 0.002}
    tracemalloc.start()
    fit(model, data, epochs=epochs, batch_size=BATCH, progress=False, **options)
    tensors, traced = np.subtract(*reversed(seen.values())).tolist()
    print(json.dumps({"tensors": tensors, "bytes": traced}))
