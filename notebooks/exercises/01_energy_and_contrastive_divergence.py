"""Exercises of lesson 01: hidden probabilities, free energy, CD-1, the training loop."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from rbm_lib.course import exercise


@dataclass
class Model:
    """The RBM of the lesson, with functions that are right."""

    W: Tensor
    b: Tensor
    c: Tensor

    def prob_h(self, v):
        return prob_h(v, self.W, self.c)

    def prob_v(self, h):
        return torch.sigmoid(h @ self.W.T + self.b)

    def free_energy(self, v):
        return free_energy(v, self.W, self.b, self.c)


def rows_and_model(seed, n_rows, n_visible, n_hidden):
    """Rows of zeros and ones, and a model with random parameters."""
    rng = torch.Generator().manual_seed(seed)
    shapes = (n_rows, n_visible), (n_visible, n_hidden), (n_visible,), (n_hidden,)
    v, W, b, c = (torch.randn(*shape, generator=rng) for shape in shapes)
    return (v > 0).float(), Model(W, b, c)


PAIRS = [rows_and_model(0, 5, 3, 2), rows_and_model(1, 1, 4, 3), rows_and_model(2, 3, 3, 3)]


@exercise("1", "Hidden probabilities", 2, [(v, m.W, m.c) for v, m in PAIRS])
def prob_h(v, W, c):
    return torch.sigmoid(v @ W + c)


prob_h.mistakes = {
    "The hidden bias c is missing in the input.": lambda v, W, c: torch.sigmoid(v @ W),
    "This is the input x, not yet a probability. Pass it through the sigmoid.": (
        lambda v, W, c: v @ W + c
    ),
    "The sign is reversed: this is the probability that the unit is off. The sigmoid is "
    "1 / (1 + exp(-x)), with a minus sign in the exponent.": (
        lambda v, W, c: torch.sigmoid(-(v @ W + c)),
        lambda v, W, c: torch.sigmoid(-(v @ W) + c),
    ),
    "Softmax makes the hidden units compete, because their probabilities then add up to 1. "
    "Each unit is on or off by itself, so use the sigmoid.": (
        lambda v, W, c: torch.softmax(v @ W + c, 1),
        lambda v, W, c: torch.softmax(v @ W + c, 0),
    ),
    "This is exp(x), which can be larger than 1. Divide it by 1 + exp(x).": (
        lambda v, W, c: torch.exp(v @ W + c)
    ),
    "You rounded, or drew states. Give the probabilities themselves.": (
        lambda v, W, c: torch.sigmoid(v @ W + c).round(),
    ),
}

# As many rows as hidden units, so that a sum over the wrong axis has a result.
SQUARE = [rows_and_model(3, 3, 4, 3), rows_and_model(4, 2, 5, 2)]
ENERGIES = [(v, m.W, m.b, m.c) for v, m in SQUARE]
v_on, large = torch.ones(3, 4), SQUARE[0][1]
ENERGIES.append((v_on, large.W.abs() * 1000, large.b, large.c))  # exp overflows


@exercise("2", "Free energy", 2, ENERGIES)
def free_energy(v, W, b, c):
    return -(v @ b) - softplus(v @ W + c).sum(1)


free_energy.mistakes = {
    "Infinite for large inputs: exp(x) overflows in log(1 + exp(x)). Use softplus.": (
        lambda v, W, b, c: -(v @ b) - torch.log(1 + torch.exp(v @ W + c)).sum(1),
        lambda v, W, b, c: -(v @ b) - torch.log1p(torch.exp(v @ W + c)).sum(1),
    ),
    "The sign is reversed. F is minus the logarithm of the unnormalised probability.": (
        lambda *a: -free_energy(*a)
    ),
    "One of the two signs is wrong. Both b · v and the softplus terms are subtracted.": (
        lambda v, W, b, c: v @ b - softplus(v @ W + c).sum(1),
        lambda v, W, b, c: -(v @ b) + softplus(v @ W + c).sum(1),
    ),
    "You add up all rows. Each row has a free energy of its own, so use .sum(1).": (
        lambda v, W, b, c: -(v @ b) - softplus(v @ W + c).sum(),
        lambda *a: free_energy(*a).sum(),
    ),
    "You add up over the rows. Add up over the hidden units, with .sum(1).": (
        lambda v, W, b, c: -(v @ b) - softplus(v @ W + c).sum(0),
        lambda v, W, b, c: -softplus(v @ W + c).sum(0),
    ),
    "The sum and the softplus are in the wrong order. Each hidden unit has a logarithm of "
    "its own, so apply softplus first and add up afterwards.": (
        lambda v, W, b, c: -(v @ b) - softplus((v @ W + c).sum(1)),
    ),
    "The visible bias is missing: the term -b · v, one number per row.": (
        lambda v, W, b, c: -softplus(v @ W + c).sum(1)
    ),
    "The hidden bias c is missing in the inputs.": (
        lambda v, W, b, c: -(v @ b) - softplus(v @ W).sum(1)
    ),
    "This is the energy with the probabilities in place of h. The free energy sums over "
    "all hidden patterns, which turns each input x into log(1 + exp(x)).": (
        lambda v, W, b, c: -(v @ b) - (prob_h(v, W, c) * (v @ W + c)).sum(1),
        lambda v, W, b, c: -(v @ b) - prob_h(v, W, c).sum(1),
        lambda v, W, b, c: -(v @ b) - (v @ W + c).sum(1),
    ),
}


def steps(pairs):
    """CD's arguments: a model, rows, and random numbers for them."""
    for seed, (v, model) in enumerate(pairs):
        rng = torch.Generator().manual_seed(seed)
        yield model, v, torch.rand(len(v), len(model.c), generator=rng)


def cd1_with(
    draw=True,
    stale_p=False,
    old_h=False,
    drawn_h=False,
    above=False,
    drawn_v=False,
    scale=lambda v: 1 / len(v),
    swap=False,
    scale_b=lambda v: 1.0,
):
    """CD-1. The arguments make mistakes."""

    def step(model, v, uniform):
        p = model.prob_h(v)
        h = (uniform > p if above else uniform < p).float() if draw else p
        v_back = model.prob_v(h)
        if drawn_v:
            v_back = v_back.round()
        p_back = model.prob_h(v_back)
        if stale_p:
            p_back = p
        if old_h:
            p_back = h
        counted = h if drawn_h else p
        dW = v.T @ counted - v_back.T @ p_back
        db = (v - v_back).sum(0) * scale_b(v)
        dc = (counted - p_back).sum(0) * scale_b(v)
        sign = -1 if swap else 1
        return sign * dW * scale(v), sign * db * scale(v), sign * dc * scale(v)

    return step


cd1 = exercise("3", "One step of contrastive divergence", 2, steps(PAIRS))(cd1_with())


def only_biases(model, v, uniform):
    dW, db, dc = cd1(model, v, uniform)
    return dW, -db, -dc


def product_of_means(model, v, uniform):
    p = model.prob_h(v)
    v_back = model.prob_v((uniform < p).float())
    p_back = model.prob_h(v_back)
    dW = torch.outer(v.mean(0), p.mean(0)) - torch.outer(v_back.mean(0), p_back.mean(0))
    return dW, (v - v_back).mean(0), (p - p_back).mean(0)


cd1.mistakes = {
    "The sign is reversed. It is the data first, minus what comes back.": (
        cd1_with(swap=True),
        only_biases,
    ),
    "These are sums over the rows. Divide by the number of rows, so that the change does "
    "not depend on the size of the batch.": (
        cd1_with(scale=lambda v: 1.0),
        cd1_with(scale_b=len),
        cd1_with(scale=lambda v: 1.0, scale_b=lambda v: 1 / len(v)),
    ),
    "The last hidden probabilities still belong to the old picture. Compute them from the "
    "picture that came back.": (cd1_with(stale_p=True), cd1_with(old_h=True)),
    "The drawn h is counted. It only makes the picture that comes back; count p.": (
        cd1_with(drawn_h=True),
        cd1_with(drawn_h=True, old_h=True),
    ),
    "No hidden state is drawn: p itself went down. Draw h = 1 where uniform < p.": (
        cd1_with(draw=False)
    ),
    "The draw is turned around. h = 1 where uniform is below p, which happens with "
    "probability p.": cd1_with(above=True),
    "The pixels that come back are rounded. Keep their probabilities.": (
        cd1_with(drawn_v=True)
    ),
    "This multiplies the averages of v and p. Average the products: v.T @ p / len(v).": (
        product_of_means
    ),
}


def towards_the_rows(model, v):
    """A gradient without chance, for training loops to be tried with."""
    p = model.prob_h(v)
    return v.T @ p / len(v) - 0.1 * model.W, v.mean(0) - model.b, p.mean(0) - model.c


LOOPS = [
    (model, towards_the_rows, v, *rates)
    for (v, model), rates in zip(
        PAIRS, ((0.1, 0.1, 150), (0.1, 0.0, 100), (0.02, 0.06, 200)), strict=True
    )
]


def train_with(
    copied=copy.deepcopy,
    rate=lambda start, end, update, n: start + (end - start) * update / n,
    sign=1,
    first=0,
    last=1,
    after=False,
    every=50,
    names="Wbc",
):
    """The training loop. The arguments make mistakes."""

    def loop(model, gradient, v, lr_start, lr_end, n_updates=4000):
        copies = []
        for update in range(first, n_updates + last):
            if update % every == 0 and not after:
                copies.append(copied(model))
            lr = rate(lr_start, lr_end, update, n_updates)
            for name, change in zip("Wbc", gradient(model, v), strict=True):
                if name in names:
                    setattr(model, name, getattr(model, name) + sign * lr * change)
            if update % every == 0 and after:
                copies.append(copied(model))
        return copies

    return loop


train = exercise("4", "The training loop", 3, LOOPS)(train_with())
train.mistakes = {
    "All your copies are the same model, as it is at the end. Append "
    "copy.deepcopy(model), which later updates do not touch.": (
        train_with(copied=lambda model: model)
    ),
    "The sign is reversed. The changes point uphill, so add them.": train_with(sign=-1),
    "The learning rate does not move as it should. It is lr_start at update 0 and lr_end "
    "at update n_updates, in a straight line.": (
        train_with(rate=lambda start, end, update, n: start),
        train_with(rate=lambda start, end, update, n: end),
        train_with(rate=lambda start, end, update, n: end + (start - end) * update / n),
        train_with(rate=lambda start, end, update, n: (start + end) / 2),
    ),
    "Only some of the parameters move. Update model.W, model.b and model.c.": (
        train_with(names="W"),
        train_with(names="Wb"),
        train_with(names="Wc"),
    ),
    "The last copy is missing, because range(n) ends at n - 1. Use range(n_updates + 1).": (
        train_with(last=0)
    ),
    "The copies are made after the update. Make each one before the update.": (
        train_with(after=True)
    ),
    "There is a copy for every update. Make one only if update % 50 is 0.": (
        train_with(every=1)
    ),
    "The changes are not multiplied by the learning rate.": (
        train_with(rate=lambda *_: 1.0)
    ),
    "This is the trained model. Return the list of its copies.": (lambda *a: train(*a)[-1]),
}
