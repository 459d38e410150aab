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
    "The hidden bias c has the wrong sign or place. The input is v @ W + c, and the "
    "sigmoid is applied to the whole input.": (
        lambda v, W, c: torch.sigmoid(v @ W - c),
        lambda v, W, c: torch.sigmoid(v @ W) + c,
    ),
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
    ),
    "This is not a probability, because it can leave the range from 0 to 1. The sigmoid is "
    "exp(x) / (1 + exp(x)).": (
        lambda v, W, c: torch.exp(v @ W + c),
        lambda v, W, c: torch.exp(v @ W + c) / (1 - torch.exp(v @ W + c)),
        lambda v, W, c: torch.tanh(v @ W + c),
    ),
    "You add up or average where nothing is to be added up. There is one probability for "
    "each row and each hidden unit.": (
        lambda v, W, c: torch.sigmoid((v @ W + c).sum(1)),
        lambda v, W, c: torch.sigmoid((v @ W + c).mean(0)),
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
    ),
    "The sum and the softplus are in the wrong order. Each hidden unit has a logarithm of "
    "its own, so apply softplus first and add up afterwards.": (
        lambda v, W, b, c: -(v @ b) - softplus((v @ W + c).sum(1)),
    ),
    "The softplus terms are not added up yet. Add .sum(1), for one number per row.": (
        lambda v, W, b, c: -(v @ b)[:, None] - softplus(v @ W + c),
        lambda v, W, b, c: -(v @ b) - softplus(v @ W + c),
    ),
    "This is the mean over the hidden units. Take the sum.": (
        lambda v, W, b, c: -(v @ b) - softplus(v @ W + c).mean(1)
    ),
    "The hidden bias c belongs inside the softplus, as a part of the input v @ W + c.": (
        lambda v, W, b, c: -(v @ b) - (softplus(v @ W) + c).sum(1),
        lambda v, W, b, c: -(v @ b) - (softplus(v @ W) - c).sum(1),
        lambda v, W, b, c: -(v @ b) - softplus(v @ W - c).sum(1),
    ),
    "This is exp(-F), the unnormalised probability. Return F itself.": (
        lambda *a: torch.exp(-free_energy(*a))
    ),
    "logsumexp lets only one hidden unit be on at a time. Each unit has a logarithm of its "
    "own, log(1 + exp(x)), and these are added up.": (
        lambda v, W, b, c: -(v @ b) - torch.logsumexp(v @ W + c, 1)
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


def changes(v, p, back, q):
    return (v.T @ p - back.T @ q) / len(v), (v - back).mean(0), (p - q).mean(0)


def cd1_with(last=lambda v, p, h, back, q: changes(v, p, back, q), h=None):
    """CD-1. `last` makes mistakes in its last step, and `h` in how h is drawn."""

    def step(model, v, uniform):
        p = model.prob_h(v)
        drawn = (uniform < p).float() if h is None else h(uniform, p)
        back = model.prob_v(drawn)
        return last(v, p, drawn, back, model.prob_h(back))

    return step


NOISE = torch.Generator().manual_seed(0)
STEPS = [(m, v, torch.rand(len(v), len(m.c), generator=NOISE)) for v, m in PAIRS]
cd1 = exercise("3", "One step of contrastive divergence", 2, STEPS)(cd1_with())
cd1.mistakes = {
    "The sign is reversed. It is the data first, minus what comes back.": (
        cd1_with(lambda v, p, h, back, q: changes(back, q, v, p)),
    ),
    "These are sums over the rows. Divide by the number of rows, so that the change does "
    "not depend on the size of the batch.": (
        cd1_with(lambda v, *a: [len(v) * x for x in changes(v, a[0], *a[2:])]),
        cd1_with(lambda v, p, h, x, q: (v.T @ p - x.T @ q, *changes(v, p, x, q)[1:])),
    ),
    "The last hidden probabilities still belong to the old picture. Compute them from the "
    "picture that came back.": (
        cd1_with(lambda v, p, h, back, q: changes(v, p, back, p)),
        cd1_with(lambda v, p, h, back, q: changes(v, p, back, h)),
    ),
    "The drawn h is counted. It only makes the picture that comes back; count p.": (
        cd1_with(lambda v, p, h, back, q: changes(v, h, back, q)),
        cd1_with(lambda v, p, h, back, q: changes(v, h, back, h)),
    ),
    "No hidden state is drawn: p itself went down. Draw h = 1 where uniform < p.": (
        cd1_with(h=lambda uniform, p: p)
    ),
    "The draw is turned around. h = 1 where uniform is below p, which happens with "
    "probability p.": cd1_with(h=lambda uniform, p: (uniform > p).float()),
    "db and dc still have a row for each picture. Average over the rows, as in dW.": (
        cd1_with(lambda v, p, h, x, q: (changes(v, p, x, q)[0], v - x, p - q))
    ),
    "Only dW is returned. Return three changes: dW, db, dc.": (
        cd1_with(lambda v, p, h, back, q: changes(v, p, back, q)[0])
    ),
    "db and dc are in the wrong order. Return dW, db, dc, where db belongs to pixels.": (
        cd1_with(lambda v, p, h, back, q: [changes(v, p, back, q)[k] for k in (0, 2, 1)])
    ),
    "In the second product the pixels are still those of the data. Use the picture that "
    "came back.": (
        cd1_with(lambda v, p, h, x, q: (changes(v, p, v, q)[0], *changes(v, p, x, q)[1:]))
    ),
    "What came back is not subtracted. Each change is a difference of two averages.": (
        cd1_with(lambda v, p, h, back, q: changes(v, p, 0 * back, 0 * q))
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


def train_with(rate=None, sign=1, last=1, after=False, every=50, names="Wbc", once=False):
    """The training loop. The arguments make mistakes."""

    def loop(model, gradient, v, lr_start, lr_end, n_updates=4000):
        copies = []
        found = gradient(model, v)
        for update in range(n_updates + last):
            if update % every == 0 and not after:
                copies.append(copy.deepcopy(model))
            lr = lr_start + (lr_end - lr_start) * update / n_updates
            if rate:
                lr = rate(lr_start, lr_end, update, n_updates)
            found = found if once else gradient(model, v)
            for name, change in zip("Wbc", found, strict=True):
                if name in names:
                    setattr(model, name, getattr(model, name) + sign * lr * change)
            if update % every == 0 and after:
                copies.append(copy.deepcopy(model))
        return copies

    return loop


def at_the_end(*arguments):
    """What a list that holds the model itself shows."""
    return [arguments[0] for _ in train_with()(*arguments)]


train = exercise("4", "The training loop", 3, LOOPS)(train_with())
train.mistakes = {
    "All your copies are the same model, as it is at the end. Append "
    "copy.deepcopy(model), which later updates do not touch.": at_the_end,
    "The sign is reversed. The changes point uphill, so add them.": train_with(sign=-1),
    "The learning rate does not move as it should. It is lr_start at update 0 and lr_end "
    "at update n_updates, in a straight line.": (
        train_with(lambda start, end, update, n: start),
        train_with(lambda start, end, update, n: end),
        train_with(lambda start, end, update, n: end + (start - end) * update / n),
        train_with(lambda start, end, update, n: start + (end - start) * update),
        train_with(lambda start, end, update, n: start * (end / start) ** (update / n)),
    ),
    "The learning rate is one update ahead. At update 0 it is lr_start.": (
        train_with(lambda start, end, update, n: start + (end - start) * (update + 1) / n)
    ),
    "The changes are not multiplied by the learning rate.": train_with(lambda *_: 1.0),
    "Only some of the parameters move. Update model.W, model.b and model.c.": tuple(
        train_with(names=names) for names in ("W", "Wb", "Wc")
    ),
    "The model itself never changes. Change model.W, model.b and model.c.": (
        train_with(names="")
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
    "The first copy, before update 0, is missing.": lambda *a: train(*a)[1:],
    "There is one copy only. Make one whenever update % 50 == 0, and look whether the "
    "return is inside the loop, which then ends after its first update.": (
        lambda *a: train(*a)[1:2],
        lambda *a: train(*a)[:1],
    ),
    "The gradient is computed once. It changes with the model: call it in every update.": (
        train_with(once=True)
    ),
    "These are copies of model.W. Append copies of the whole model.": (
        lambda *a: [model.W for model in train(*a)]
    ),
    "This is the trained model. Return the list of its copies.": (lambda *a: train(*a)[-1]),
}
