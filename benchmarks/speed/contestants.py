"""The contestants: each calls `turn` before every update, for ever."""

import itertools
import sys
from functools import partial

FLOOR = "five bare products"
SAMPLED = "rbm_lib, sampled visible"


def floor(case, data, device, turn):
    import torch

    batch, _, hidden = case
    v = torch.from_numpy(data[:batch]).to(device)
    w = torch.randn(v.shape[1], hidden, device=device) * 0.01
    h = v @ w
    v2 = v.clone()
    h2 = v @ w
    positive = torch.empty_like(w)
    negative = torch.empty_like(w)
    while True:
        turn()
        torch.mm(v, w, out=h)
        torch.mm(h, w.T, out=v2)
        torch.mm(v2, w, out=h2)
        torch.mm(v.T, h, out=positive)
        torch.mm(v2.T, h2, out=negative)


def ours(sample_visible, case, data, device, turn):
    import torch

    from rbm_lib import CD, RBM, Monitor, fit

    def schedule(done):
        turn()
        return 1.0

    batch, visible, hidden = case
    fit(
        RBM(visible, hidden, seed=0),
        torch.from_numpy(data),
        CD(sample_visible=sample_visible),
        epochs=10**9,
        batch_size=batch,
        schedule=schedule,
        callbacks=[Monitor(every=10**9)],
        generator=torch.Generator().manual_seed(0),
        device=device,
        progress=False,
    )


def plain_loop(case, data, device, turn):
    import torch

    batch, visible, hidden = case
    data = torch.from_numpy(data).to(device)
    w = torch.randn(visible, hidden, device=device) * 0.01
    b = torch.zeros(visible, device=device)
    c = torch.zeros(hidden, device=device)
    while True:
        for index in torch.randperm(len(data), device=device).split(batch):
            turn()
            v = data[index]
            p = torch.sigmoid(v @ w + c)
            v2 = torch.sigmoid(torch.bernoulli(p) @ w.T + b)
            p2 = torch.sigmoid(v2 @ w + c)
            w += 0.01 * (v.T @ p - v2.T @ p2) / batch
            b += 0.01 * (v - v2).mean(0)
            c += 0.01 * (p - p2).mean(0)
            print(((v - v2) ** 2).mean().item(), file=sys.stderr)


def scikit_learn(in_float32, case, data, device, turn):
    import numpy as np
    from sklearn.neural_network import BernoulliRBM

    batch, _, hidden = case
    model = BernoulliRBM(
        hidden, learning_rate=0.01, batch_size=batch, n_iter=1, random_state=0
    )
    if in_float32:
        model.fit(data[:batch])  # `fit` keeps float32, but starts afresh at each call
        generator = np.random.RandomState(0)
    while True:
        for start in range(0, len(data), batch):
            turn()
            rows = data[start : start + batch]
            if in_float32:
                model._fit(rows, generator)
            else:
                model.partial_fit(rows)


def learnergy_rbm(case, device):
    from learnergy.models.bernoulli import RBM

    _, visible, hidden = case
    return RBM(visible, hidden, steps=1, learning_rate=0.01, use_gpu=device == "cuda")


def learnergy_fit(case, data, device, turn):
    import torch

    batch, _, _ = case
    model = learnergy_rbm(case, device)
    no_labels = torch.zeros(batch)
    batches = torch.from_numpy(data).split(batch)
    parts = [torch.utils.data.TensorDataset(rows, no_labels) for rows in batches]
    for part in itertools.cycle(parts):
        turn()
        model.fit(part, batch, 1)


def learnergy_update(case, data, device, turn):
    import torch

    batch, _, _ = case
    model = learnergy_rbm(case, device)
    data = torch.from_numpy(data).to(device)
    while True:
        for index in torch.randperm(len(data), device=device).split(batch):
            turn()
            samples = data[index]
            visible_states = model.gibbs_sampling(samples)[4].detach()
            of_data = torch.mean(model.energy(samples))
            cost = of_data - torch.mean(model.energy(visible_states))
            model.optimizer.zero_grad()
            cost.backward()
            model.optimizer.step()


def rbms(case, data, device, turn):
    import torch
    from rbms.bernoulli_bernoulli.classes import BBRBM
    from rbms.training.pcd import fit_batch_pcd

    batch, visible, hidden = case
    data = torch.from_numpy(data).to(device)
    weights = torch.ones(len(data), 1, device=device)
    start = torch.randn(visible, hidden) * 0.01, torch.zeros(visible), torch.zeros(hidden)
    params = BBRBM(*start, device=torch.device(device))
    params.init_grad()
    optimizer = torch.optim.SGD(params.parameters(), lr=0.01, maximize=True)
    with torch.no_grad():
        while True:
            turn()
            index = torch.randperm(len(data))[:batch]
            rows = data[index], weights[index]
            chains = params.init_chains(batch, weights=rows[1], start_v=rows[0])
            optimizer.zero_grad(set_to_none=False)
            fit_batch_pcd(rows, chains, params, gibbs_steps=1, beta=1.0, centered=False)
            optimizer.step()


CONTESTANTS = {
    FLOOR: floor,
    "rbm_lib, mean visible": partial(ours, False),
    SAMPLED: partial(ours, True),
    "plain loop, mean visible": plain_loop,
    "scikit-learn, float32": partial(scikit_learn, True),
    "scikit-learn, partial_fit": partial(scikit_learn, False),
    "learnergy, update": learnergy_update,
    "learnergy, fit": learnergy_fit,
    "rbms": rbms,
}

# In an environment of their own.
PEERS = ("learnergy, update", "learnergy, fit", "rbms")
