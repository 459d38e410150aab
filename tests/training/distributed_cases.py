"""Trainings as one process does them, and as several do: for test_distributed.py.

    python -m torch.distributed.run … -m tests.training.distributed_cases FOLDER [kill]

Each process trains every case, given another start and other noise than the others, and
writes its parameters to FOLDER. With `kill` one of them kills itself during a training.
"""

import os
import signal
import sys

import numpy as np
import torch
import torch.distributed as dist

from rbm_lib import fit
from rbm_lib.data import RatingMatrix
from tests.support import deep_machine, machine, random_mask, random_rows, seeded

N = 13  # rows, in batches of 6: of the last, of one row, one of two processes has none
EACH = {"epochs": 3, "batch_size": 6, "lr": 0.1, "progress": False, "monitor_every": 10**9}
RANK = np.arange(8)  # of ratings, of which most people have none
IDS = {"user_ids": range(N), "item_ids": range(4)}
RATED = {"data": RatingMatrix(RANK**2 % N, RANK % 4, RANK % 3, n_levels=3, **IDS)}
MASKED = {"observed": random_mask(N, 4)}
PCD = {"method": "pcd", "lr": 0.01}
CASES = {  # a model (its function and kind of units), and what `fit` is given
    "cd": (machine, "bernoulli", {"k": 2, "weight_decay": 0.1}),
    "cd, masks, Adam": (machine, "categorical", MASKED | {"optimizer": torch.optim.Adam}),
    "item mean": (machine, "bernoulli", {"decay_toward": "item_mean", "weight_decay": 0.1}),
    "pcd": (machine, "gaussian", PCD | {"k": 2, "n_chains": 7}),
    "pcd, masks": (machine, "bernoulli", PCD | MASKED),
    "exact": (machine, "bernoulli", {"method": "exact"}),
    "deep": (deep_machine, "bernoulli", PCD | {"k": 2, "posterior": "gibbs"}),
    "deep gaussian": (deep_machine, "gaussian", PCD | {"n_chains": 5}),
    "rated cells": (machine, "categorical", RATED | {"k": 2, "sample_visible": True}),
}


def train(name, seed=0, **more):
    """The parameters after a training; a seed of its noise other than 0 moves its start."""
    make, kind, options = CASES[name]
    model = make(kind)
    for p in model.parameters():
        p.data.add_(float(seed > 0))
    options = {"data": random_rows(model, N)} | options | more
    fit(model, generator=seeded(seed), device="cpu", **EACH | options)
    return {name: p.detach().numpy() for name, p in model.named_parameters()}


def suicidal(done):  # a schedule
    return os.kill(os.getpid(), signal.SIGKILL) if done > 0.6 and dist.get_rank() else 1.0


if __name__ == "__main__":
    dist.init_process_group("gloo")
    if "kill" in sys.argv:
        train("cd", epochs=8, checkpoint=f"{sys.argv[1]}/run.pt", schedule=suicidal)
    trained = {name: train(name, seed=dist.get_rank()) for name in CASES}
    flat = {f"{name}|{key}": p for name, own in trained.items() for key, p in own.items()}
    np.savez(f"{sys.argv[1]}/rank{dist.get_rank()}.npz", **flat)
    dist.destroy_process_group()
