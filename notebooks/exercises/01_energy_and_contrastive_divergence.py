"""Exercises of lesson 01: hidden probabilities, free energy, the training loop, CD-1."""

import copy

import torch
from torch.nn.functional import softplus

from rbm_lib.course import exercise
from rbm_lib.course.slips import SmallRBM, switches, uniform

SIZES = (5, 3, 2), (1, 4, 3), (3, 3, 3)
PAIRS = [
    (switches(seed, rows, n), SmallRBM.random(seed + 10, n, m))
    for seed, (rows, n, m) in enumerate(SIZES)
]


@exercise("1", "Hidden probabilities", 2, [(v, m.W, m.c) for v, m in PAIRS])
def prob_h(v, W, c):
    return torch.sigmoid(v @ W + c)


prob_h.slips("""
    The hidden bias c is missing or out of place. The input is v @ W + c, where c is added
    once, and the sigmoid is applied to the whole input.
        + c →
        + c → - c
        W + c) → W) + c
        W + c → (W + c)
    This is the input x. Pass it through the sigmoid.
        torch.sigmoid →
    The sign is reversed: this is the probability that the unit is off. The sigmoid is 1 /
    (1 + exp(-x)), with a minus in the exponent.
        v @ W + c → -v @ W - c
    Each unit has a probability of its own, between 0 and 1: use torch.sigmoid. exp gives
    the odds, tanh is from -1 to 1, and softmax makes a row add up to 1.
        sigmoid → exp
        sigmoid → tanh
        torch.sigmoid(v @ W + c) → torch.softmax(v @ W + c, 1)
    The product has the wrong order or a transpose too many. Write v @ W: v has a column for
    each pixel, and W a row.
        v @ W → W @ v
        v @ W → v @ W.T
""")

# As many rows as hidden units, so that a sum over the wrong axis has a result.
SQUARES = [
    (switches(3, 3, 4), SmallRBM.random(13, 4, 3)),
    (switches(4, 2, 5), SmallRBM.random(14, 5, 2)),
]
ENERGIES = [(v, m.W, m.b, m.c) for v, m in SQUARES]
_, W, b, c = ENERGIES[0]
ENERGIES.append((torch.ones(3, 4), W.abs() * 1000, b, c))  # exp overflows


@exercise("2", "Free energy", 2, ENERGIES)
def free_energy(v, W, b, c):
    return -(v @ b) - softplus(v @ W + c).sum(1)


free_energy.slips("""
    Infinite for large inputs: in log(1 + exp(x)), exp(x) overflows. Use softplus, which
    does not.
        softplus(v @ W + c) → torch.log(1 + torch.exp(v @ W + c))
    A sign is reversed. Both terms of F have a minus sign.
        -(v → (v | - softplus → + softplus
        - softplus → + softplus
        -(v → (v
    A shape (rows,) met a shape (rows, 1), and the two make a square. Add up with .sum(1),
    without keepdim.
        sum(1) → sum(1, keepdim=True)
    Apply softplus to each input, and then add up over the hidden units of a row, with
    .sum(1).
        sum(1) → sum()
        sum(1) → sum(0)
        sum(1) → mean(1)
        softplus(v @ W + c).sum(1) → softplus((v @ W + c).sum(1))
        (v @ b) → (v @ b)[:, None] | .sum(1) →
    The hidden bias c belongs inside the softplus, as a part of the input v @ W + c.
        + c →
        + c → - c
        softplus(v @ W + c) → (softplus(v @ W) + c)
    The term -b · v is missing, or not one number per row. Write v @ b, in this order.
        -(v @ b) - → -
        (v @ b) → v * b
        v @ b → b @ v
    The sum over all hidden patterns turns each input x into log(1 + exp(x)), which is
    softplus(x). Yours adds up the inputs, their sigmoids, or the energy at the
    probabilities.
        softplus →
        softplus → torch.sigmoid
        softplus(v @ W + c) → (torch.sigmoid(v @ W + c) * (v @ W + c))
""")


def towards_the_rows(model, v):
    """A gradient without chance, for training loops to be tried with."""
    p = model.prob_h(v)
    return v.T @ p / len(v) - 0.1 * model.W, v.mean(0) - model.b, p.mean(0) - model.c


FALLING = [0.1 - 0.01 * k for k in range(10)]
RISING = [0.02 + 0.0004 * k for k in range(100)]
LOOPS = [
    (model, towards_the_rows, v, rates)
    for (v, model), rates in zip(PAIRS, ([0.1] * 3, FALLING, RISING), strict=True)
]


@exercise("3", "The training loop", 3, LOOPS)
def train(model, gradient, v, rates):
    copies = []
    for update, rate in enumerate(rates):
        if update % 50 == 0:
            copies.append(copy.deepcopy(model))
        dW, db, dc = gradient(model, v)
        model.W = model.W + rate * dW
        model.b = model.b + rate * db
        model.c = model.c + rate * dc
    copies.append(copy.deepcopy(model))
    return copies


train.parts = ("the first copy", "the second copy", "the third copy")
train.slips("""
    All your copies are the same model, as it is at the end. Append copy.deepcopy(model),
    which later updates do not touch. copy.copy(model) is not enough, because it shares the
    tensors.
        copy.deepcopy(model) → model
    The sign is reversed. The changes point uphill, so add them.
        + rate → - rate
    Multiply the changes by the rate of their own update, and do not divide them by
    anything.
        rate * → rates[0] *
        rate * → 1.0 *
        rate * → rate / len(v) *
    model.W, model.b and model.c are replaced by the last step. What they were is lost. Add
    to them, with +=.
        model.W + → | model.b + → | model.c + →
    Call the gradient once in every update, for all three changes: dW, db, dc =
    gradient(model, v).
        = gradient(model, v) → = one | copies = [] → copies, one = [], gradient(model, v)
        * db → * gradient(model, v)[1] | * dc → * gradient(model, v)[2]
    The arguments of the gradient are swapped. Its first argument is the model, and its
    second the rows. Call gradient(model, v).
        gradient(model, v) → gradient(v, model)
    A part of the model never moves. Update all three: model.W, model.b and model.c.
        * dW → * 0
        * db → * 0
        * dc → * 0
    Append a copy of the whole model before update 0, 50, 100 and so on, numbered from 0,
    and one after the loop.
        return copies → return copies[1:]
        return copies → return copies[:-1]
        % 50 == 0 → % 50 == 1
        % 50 → % 1
        50 → 100
        (rates) → (rates, 1)
        copy(model) → copy(model.W)
    Return after the loop, and the list of copies.
        return copies → return copies[:1]
        return copies → return model
""")


@exercise(
    "4",
    "One step of contrastive divergence",
    2,
    [(m, v, uniform(i, len(v), len(m.c))) for i, (v, m) in enumerate(PAIRS)],
)
def cd1(model, v, uniform):
    p = model.prob_h(v)
    h = (uniform < p).float()
    back = model.prob_v(h)
    q = model.prob_h(back)
    dW = (v.T @ p - back.T @ q) / len(v)
    db = (v - back).mean(0)
    dc = (p - q).mean(0)
    return dW, db, dc


cd1.parts = ("dW", "db", "dc")
cd1.chance = (
    "You use random numbers of your own. Sample h with those in uniform, and nothing else: "
    "the pixels that come back stay probabilities."
)
cd1.slips("""
    The sign is reversed. It is the average over the data first, minus the average over what
    comes back.
        return dW, db, dc → return -dW, -db, -dc
    Only the second product is divided, as / comes before -. Put brackets around the
    difference: (v.T @ p - v_back.T @ p_back) / len(v).
        (v.T @ p - back.T @ q) → v.T @ p - back.T @ q
    Average over the rows, of which there are len(v): divide dW by it, and write .mean(0)
    for db and dc.
        / len(v) →
        mean → sum
        len(v) → len(p.T)
        mean(0) → mean()
        mean(0) → mean(1)
        .mean(0) →
    The last hidden probabilities still belong to the old picture. Compute them from the
    picture that came back, and use both in the second product: v_back.T @ p_back.
        prob_h(back) → prob_h(v)
        model.prob_h(back) → h
        back.T @ q → back.T @ p
        back.T @ q → v.T @ q
    The sampled h is counted. It only makes the picture that comes back; count p.
        v.T @ p → v.T @ h
        (p - q) → (h - q)
        v.T @ p → v.T @ h | (p - q) → (h - q)
        back.T @ q → back.T @ h
        v.T @ p → v.T @ h | (p - q) → (h - q) | model.prob_h(back) → h
    h is not sampled with `uniform`. Set h = 1 where uniform < p, which happens with
    probability p, and send h down.
        (uniform < p).float() → p
        (uniform < p).float() → p.round()
        uniform < p → uniform > p
    dW is a product of differences. It is a difference of products: first v.T @ p and
    v_back.T @ p_back, then minus.
        (v.T @ p - back.T @ q) → (v - back).T @ (p - q)
    What came back is sampled or rounded. Its pixels are kept as they are, which are
    probabilities, and so are the last hidden probabilities.
        model.prob_v(h) → model.prob_v(h).round()
        model.prob_h(back) → (uniform < model.prob_h(back)).float()
    Return dW, db, dc, in this order: db belongs to pixels and dc to hidden units.
        return dW, db, dc → return dW, dc, db
        return dW, db, dc → return dW
""")
