"""Training runs, as one process does them and as several do: `python -m torch.distributed.run … this OUT`."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from rbm_lib import RBM, fit
from rbm_lib.data import RatingMatrix
from tests.support import deep_machine, machine, random_mask, random_rows, seeded

QUIET = {"progress": False, "device": "cpu", "monitor_every": 10**9}


def ratings(n_items=300):
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((13, n_items)) < 0.008)
    levels = rng.integers(0, 2, len(users))
    return RatingMatrix(users, items, levels, n_levels=2, user_ids=range(13), item_ids=range(n_items))


def rated(k=1, **options):
    model = RBM(300, 4, "categorical", 2, weight_std=0.5, seed=0).double()
    return model, ratings(), {"method": "cd", "k": k} | options


def rows(make, n=13, masked=False, **options):
    """13 rows in batches of 6, the last of one row: of two processes, one has none of it."""
    model = make()
    mask = random_mask(n, model.n_visible) if masked else None
    return model, random_rows(model, n), {"observed": mask} | options


CASES = {
    "cd": lambda: rows(lambda: machine("bernoulli"), k=2, weight_decay=0.1),
    "cd sampled": lambda: rows(lambda: machine("bernoulli"), sample_visible=True),
    "cd, masks, Adam": lambda: rows(lambda: machine("categorical"), masked=True, optimizer=torch.optim.Adam),
    "cd, item mean, clipped": lambda: rows(
        lambda: machine("bernoulli"), decay_toward="item_mean", weight_decay=0.1, clip_norm=0.1
    ),
    "pcd": lambda: rows(lambda: machine("gaussian"), method="pcd", k=2, n_chains=7, lr=0.01),
    "pcd, masks": lambda: rows(lambda: machine("bernoulli"), masked=True, method="pcd"),
    "exact": lambda: rows(lambda: machine("bernoulli"), method="exact"),
    "deep": lambda: rows(lambda: deep_machine("bernoulli"), method="pcd", k=2, n_chains=5, posterior="gibbs"),
    "deep gaussian": lambda: rows(lambda: deep_machine("gaussian"), method="pcd", n_chains=5, lr=0.01),
    "rated cells": lambda: rated(),
    "rated cells, sampled": lambda: rated(k=2, sample_visible=True),
}


def train(name, seed=0, **more):
    model, data, options = CASES[name]()
    if seed:  # another start, and other noise, than rank 0 has
        for p in model.parameters():
            p.data.add_(1)
    options = {"epochs": 3, "batch_size": 6, "lr": 0.1, "generator": seeded(seed)} | QUIET | options | more
    fit(model, data, **options)
    return {name: p.detach().numpy() for name, p in model.named_parameters()}


def killed_at(fraction, rank):
    """A schedule: the process of that rank kills itself once this share of the updates is done."""

    def schedule(done):
        if done >= fraction and dist.is_initialized() and dist.get_rank() == rank:
            os.kill(os.getpid(), signal.SIGKILL)
        return 1.0

    return schedule


if __name__ == "__main__":
    dist.init_process_group("gloo")
    out = Path(sys.argv[1])
    if "kill" in sys.argv:
        train("cd", epochs=8, checkpoint=out / "run.pt", schedule=killed_at(0.6, rank=1))
    else:
        trained = {name: train(name, seed=dist.get_rank()) for name in CASES}
        flat = {f"{name}|{key}": value for name in trained for key, value in trained[name].items()}
        np.savez(out / f"rank{dist.get_rank()}.npz", **flat)
    dist.destroy_process_group()
