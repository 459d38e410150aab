"""Does a long training hold on to memory? Run by test_training_faults.py in a process of its own.

Arguments: a case, how many epochs, a folder for the checkpoint. Prints one line of JSON: what is held at the
end beyond what is held after a tenth of the epochs: tensors, bytes of the history's records, bytes of
anything else by Python's count, and bytes resident.
"""

import gc
import json
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import psutil
import torch

from rbm_lib import DBM, RBM, fit
from rbm_lib.data.ratings import RatingMatrix

ROWS, ITEMS, BATCH = 60, 200, 16
EACH = {"batch_size": BATCH, "lr": 0.002, "device": "cpu", "progress": False}


def machine_data_options(name):
    rng = np.random.default_rng(0)
    v = torch.from_numpy(rng.random((ROWS, ITEMS)) < 0.3).float()
    mask = torch.from_numpy(rng.random((ROWS, ITEMS)) < 0.7)
    users, items = np.nonzero(rng.random((ROWS, ITEMS)) < 0.1)
    ratings = RatingMatrix(users, items, rng.integers(0, 3, len(users)), item_ids=np.arange(ITEMS))
    plain, rated = RBM(ITEMS, 50, seed=0), RBM(ITEMS, 50, "categorical", 3, seed=0)
    return {
        "cd": (plain, v, {"validation": v[:10]}),
        "Adam": (plain, v, {"k": 2, "optimizer": torch.optim.Adam, "validation": v[:10]}),
        "masked, pcd": (plain, v, {"method": "pcd", "observed": mask}),
        "gaussian": (RBM(ITEMS, 50, "gaussian", seed=0), v - 0.3, {"center": True}),
        "deep, pcd": (DBM([ITEMS, 50, 20], seed=0), v, {"method": "pcd", "validation": v[:10]}),
        "ratings": (rated, ratings, {"validation": ratings}),
        "ratings, pcd": (rated, ratings, {"method": "pcd"}),
    }[name]


def size(records):
    """Bytes of a history's records, with names that no other record shares."""
    names = {id(name): sys.getsizeof(name) for record in records for name in record}
    return sum(names.values()) + sum(
        sys.getsizeof(record) + sum(map(sys.getsizeof, record.values())) for record in records
    )


def held():
    gc.collect()
    tensors = sum(isinstance(thing, torch.Tensor) for thing in gc.get_objects())
    return tensors, tracemalloc.get_traced_memory()[0], psutil.Process().memory_info().rss


def main(name, epochs, folder):
    model, data, options = machine_data_options(name)
    n_updates, seen = epochs * -(-ROWS // BATCH), {}

    def schedule(done):  # called before each update
        if round(done * n_updates) in (n_updates // 10, n_updates - 1) and done not in seen:
            seen[done] = held()
        return 1.0

    tracemalloc.start()
    history = fit(
        model, data, epochs=epochs, generator=torch.Generator().manual_seed(1), schedule=schedule,
        checkpoint=Path(folder) / "run.pt", **EACH | options,
    )  # fmt: skip
    (tensors, traced, resident), (tensors_after, traced_after, resident_after) = seen.values()
    records = size(history.records[epochs // 10 :])
    more = {"tensors": tensors_after - tensors, "records": records}
    more |= {"bytes": traced_after - traced - records, "resident": resident_after - resident}
    print(json.dumps({"epochs": len(history.records), **more}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
