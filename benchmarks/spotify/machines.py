"""The Gaussian RBM and the deep model, with four settings of each."""

import sys

import torch

from rbm_lib import DBM, PCD, RBM, Monitor, fit, pretrain
from rbm_lib.training import linear_decay

SHALLOW = "Gaussian RBM"
DEEP = "deep, 16-8"
EPOCHS = 120
RECIPE = {
    "method": PCD(k=5, n_chains=256),
    "batch_size": 256,
    "optimizer": torch.optim.Adam,
    "lr": 0.01,
    "schedule": linear_decay(0.5),
    "epochs": EPOCHS,
    "progress": False,
    "callbacks": [Monitor(every=10**6)],
}
SAMPLED = {"center": True, "posterior": "gibbs"}
MACHINES = {
    SHALLOW: [
        {"n_hidden": 25},
        {"n_hidden": 64},
        {"n_hidden": 64, "lr": 0.02},
        {"n_hidden": 100},
    ],
    DEEP: [{}, {"first": True}, {"center": True}, SAMPLED],
}


def log(text):
    print(text, file=sys.stderr, flush=True)


def named(setting):
    return ", ".join(f"{name}={value}" for name, value in setting.items()) or "plain"


def trained(kind, rows, **options):
    """A model of this kind with a setting of MACHINES, and options of `fit`."""
    return gaussian_rbm(rows, **options) if kind == SHALLOW else deep_model(rows, **options)


def gaussian_rbm(rows, n_hidden, **options):
    model = RBM(rows.shape[1], n_hidden, "gaussian", weight_std=0.2, seed=0)
    model.initialize_from(rows)
    fit(model, rows, generator=torch.Generator().manual_seed(0), **RECIPE | options)
    return model


def deep_model(rows, first=False, center=False, posterior="mean_field", **options):
    """With `first`, greedy pretraining for half as many epochs before the joint one."""
    model = DBM([rows.shape[1], 16, 8], "gaussian", weight_std=0.2, seed=0)
    model.initialize_from(rows)
    generator = torch.Generator().manual_seed(0)
    recipe = RECIPE | options
    if first:
        half = {"epochs": recipe["epochs"] // 2}
        pretrain(model, rows, generator=generator, **recipe | half)
    method = PCD(k=5, n_chains=256, center=center, posterior=posterior)
    fit(model, rows, generator=generator, **recipe | {"method": method})
    return model
