"""Exercises of lesson 01: hidden probabilities, free energy, the training loop, CD-1."""

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
    "The hidden bias c has the wrong sign or place. The input is v @ W + c, where c is "
    "added once, and the sigmoid is applied to the whole input.": (
        lambda v, W, c: torch.sigmoid(v @ W - c),
        lambda v, W, c: torch.sigmoid(v @ W) + c,
        lambda v, W, c: torch.sigmoid(v @ (W + c)),
    ),
    "This is the input x, not yet a probability. Pass it through the sigmoid.": (
        lambda v, W, c: v @ W + c
    ),
    "The sign is reversed: this is the probability that the unit is off. The sigmoid is "
    "1 / (1 + exp(-x)), with a minus sign in the exponent.": (
        lambda v, W, c: torch.sigmoid(-(v @ W + c))
    ),
    "Softmax makes a row add up to 1, but each unit has a probability of its own. Use "
    "torch.sigmoid.": lambda v, W, c: torch.softmax(v @ W + c, 1),
    "This is exp(x), the odds of being on. A probability is odds / (1 + odds), which "
    "torch.sigmoid gives.": lambda v, W, c: torch.exp(v @ W + c),
    "tanh runs from -1 to 1, a probability from 0 to 1. Use torch.sigmoid.": (
        lambda v, W, c: torch.tanh(v @ W + c)
    ),
    "The rows are averaged, or only the first is used. Keep a row of probabilities for "
    "each picture: v @ W + c has them all.": (
        lambda v, W, c: torch.sigmoid(v @ W + c).mean(0),
        lambda v, W, c: torch.sigmoid(v[0] @ W + c),
    ),
    "The product has the wrong order or a transpose too many. Write v @ W: v has a column "
    "for each pixel, and W a row.": (
        lambda v, W, c: torch.sigmoid(W @ v + c),
        lambda v, W, c: torch.sigmoid(v @ W.T + c),
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
        lambda v, W, b, c: -(v @ b) - torch.log(1 + torch.exp(v @ W + c)).sum(1)
    ),
    "A sign is reversed. Both terms of F have a minus sign.": (
        lambda *a: -free_energy(*a),
        lambda v, W, b, c: -(v @ b) + softplus(v @ W + c).sum(1),
        lambda v, W, b, c: v @ b - softplus(v @ W + c).sum(1),
    ),
    "You add up all rows. Each row has a free energy of its own, so use .sum(1).": (
        lambda v, W, b, c: -(v @ b) - softplus(v @ W + c).sum()
    ),
    "You add up over the rows. Add up over the hidden units, with .sum(1).": (
        lambda v, W, b, c: -(v @ b) - softplus(v @ W + c).sum(0)
    ),
    "Each hidden unit has a softplus of its own. Add up after the softplus.": (
        lambda v, W, b, c: -(v @ b) - softplus((v @ W + c).sum(1))
    ),
    "The softplus terms are not added up yet. Add .sum(1), for one number per row.": (
        lambda v, W, b, c: -(v @ b)[:, None] - softplus(v @ W + c)
    ),
    "The hidden bias c belongs inside the softplus, as a part of the input v @ W + c.": (
        lambda v, W, b, c: -(v @ b) - (softplus(v @ W) + c).sum(1)
    ),
    "The visible bias is missing: the term -b · v, one number per row.": (
        lambda v, W, b, c: -softplus(v @ W + c).sum(1)
    ),
    "The hidden bias c is missing in the inputs.": (
        lambda v, W, b, c: -(v @ b) - softplus(v @ W).sum(1)
    ),
    "This is the energy with the probabilities in place of h. The sum over all hidden "
    "patterns turns each input x into log(1 + exp(x)), which is softplus(x).": (
        lambda v, W, b, c: -(v @ b) - (prob_h(v, W, c) * (v @ W + c)).sum(1)
    ),
    "You add up sigmoids. The function in F is log(1 + exp(x)), which is softplus(x).": (
        lambda v, W, b, c: -(v @ b) - prob_h(v, W, c).sum(1)
    ),
    "You add up the inputs x themselves. Apply softplus to each of them first.": (
        lambda v, W, b, c: -(v @ b) - (v @ W + c).sum(1)
    ),
    "relu(x) is close to log(1 + exp(x)) for large x only. Use softplus(x).": (
        lambda v, W, b, c: -(v @ b) - torch.relu(v @ W + c).sum(1)
    ),
    "The softplus terms are averaged or multiplied. Add them up, with .sum(1).": (
        lambda v, W, b, c: -(v @ b) - softplus(v @ W + c).mean(1),
        lambda v, W, b, c: -(v @ b) - softplus(v @ W + c).prod(1),
    ),
    "The term b · v is added up over all rows. Each row has its own: v @ b.": (
        lambda v, W, b, c: -(v * b).sum() - softplus(v @ W + c).sum(1)
    ),
    "The term b · v is one number per row. Write v @ b, in this order.": (
        lambda v, W, b, c: -v * b - softplus(v @ W + c).sum(1),
        lambda v, W, b, c: -(b @ v) - softplus(v @ W + c).sum(1),
    ),
    "This is exp(-F). The free energy is its logarithm, with a minus sign.": (
        lambda v, W, b, c: torch.exp(-free_energy(v, W, b, c))
    ),
    "This is log p(v) among the rows given, so their sum was used as Z. Return F alone.": (
        lambda v, W, b, c: torch.log_softmax(-free_energy(v, W, b, c), 0)
    ),
    "The rows are averaged to one number. Return one free energy per row.": (
        lambda v, W, b, c: free_energy(v, W, b, c).mean()
    ),
    "A shape (rows,) met a shape (rows, 1), and the two make a square. Add up with "
    ".sum(1), without keepdim, so that both terms have one number per row.": (
        lambda v, W, b, c: -(v @ b) - softplus(v @ W + c).sum(1, keepdim=True)
    ),
}


def towards_the_rows(model, v):
    """A gradient without chance, for training loops to be tried with."""
    p = model.prob_h(v)
    return v.T @ p / len(v) - 0.1 * model.W, v.mean(0) - model.b, p.mean(0) - model.c


FALLING = [0.1 - 0.002 * k for k in range(50)]
RISING = [0.02 + 0.0004 * k for k in range(100)]
LOOPS = [
    (model, towards_the_rows, v, rates)
    for (v, model), rates in zip(PAIRS, ([0.1] * 50, FALLING, RISING), strict=True)
]


def train_with(
    pick=lambda rate, rates: rate,
    sign=1,
    start=0,
    after=False,
    every=50,
    end=True,
    names="Wbc",
    order=(0, 1, 2),
):
    """The training loop. The arguments make mistakes."""

    def loop(model, gradient, v, rates):
        copies = []
        for update, rate in enumerate(rates, start):
            if update % every == 0 and not after:
                copies.append(copy.deepcopy(model))
            changes = gradient(model, v)
            for name, k in zip(names, order, strict=False):
                step = sign * pick(rate, rates) * changes[k]
                setattr(model, name, getattr(model, name) + step)
            if update % every == 0 and after:
                copies.append(copy.deepcopy(model))
        return copies + [copy.deepcopy(model)] * end

    return loop


def returns_at_once(model, gradient, v, rates):
    """A `return` that belongs after the loop and is inside it."""
    copies = [copy.deepcopy(model)]
    return [*copies, train(model, gradient, v, rates[:1])[-1]]


def with_steps(step):
    """The training loop, with other steps: `step(model, gradient, v, rate, first)`."""

    def loop(model, gradient, v, rates):
        copies = []
        first = gradient(model, v)
        for update, rate in enumerate(rates):
            if update % 50 == 0:
                copies.append(copy.deepcopy(model))
            step(model, gradient, v, rate, first)
        return [*copies, copy.deepcopy(model)]

    return loop


def move(model, rate, changes):
    for name, change in zip("Wbc", changes, strict=True):
        setattr(model, name, getattr(model, name) + rate * change)


def assign(model, gradient, v, rate, first):
    model.W, model.b, model.c = (rate * change for change in gradient(model, v))


def three_calls(model, gradient, v, rate, first):
    for k, name in enumerate("Wbc"):
        setattr(model, name, getattr(model, name) + rate * gradient(model, v)[k])


def counted_to_4000(model, gradient, v, rates):
    return [model for update in range(4000) if rates[update] > 0]


def one_model(model, *rest):
    """What a list shows that holds the model itself, not copies of it."""
    return [model for _ in train_with()(model, *rest)]


train = exercise("3", "The training loop", 3, LOOPS)(train_with())
train.parts = ("the first copy", "the second copy", "the third copy")
train.mistakes = {
    "All your copies are the same model, as it is at the end. Append "
    "copy.deepcopy(model), which later updates do not touch. copy.copy(model) is not "
    "enough, because it shares the tensors.": one_model,
    "The sign is reversed. The changes point uphill, so add them.": train_with(sign=-1),
    "The learning rate is the same in every update. Each update has its own.": (
        train_with(lambda rate, rates: rates[0])
    ),
    "The changes are not multiplied by the learning rate.": train_with(lambda *_: 1.0),
    "model.W, model.b and model.c are replaced by the last step. Add to them, with +=.": (
        with_steps(assign)
    ),
    "The gradient is computed once, before the loop. Compute it in every update, because "
    "the model has moved.": (
        with_steps(lambda model, gradient, v, rate, first: move(model, rate, first))
    ),
    "The gradient is called three times in an update, and the model has moved in between. "
    "Call it once: dW, db, dc = gradient(model, v).": with_steps(three_calls),
    "The steps are divided by the number of rows. The gradient is an average already.": (
        with_steps(
            lambda model, gradient, v, rate, first: move(
                model, rate / len(v), gradient(model, v)
            )
        )
    ),
    "W never moves. Update model.W, too.": (
        with_steps(
            lambda model, gradient, v, rate, first: move(
                model, rate, (0.0, *gradient(model, v)[1:])
            )
        )
    ),
    "The arguments of the gradient are swapped. Call gradient(model, v).": (
        lambda model, gradient, v, rates: gradient(v, model)
    ),
    "The loop runs to 4,000, and `rates` may have another length. Write `for update, rate "
    "in enumerate(rates):`.": counted_to_4000,
    "These are copies of W alone. Append copy.deepcopy(model), with W, b and c.": (
        lambda *a: [x.W for x in train(*a)]
    ),
    "Only W moves. Update model.W, model.b and model.c.": train_with(names="W"),
    "The model never changes. Change model.W, model.b and model.c.": train_with(names=""),
    "db and dc are in each other's place. The gradient returns dW, db, dc.": (
        train_with(order=(0, 2, 1))
    ),
    "The last copy is missing. Make one more after the loop.": train_with(end=False),
    "The copies are made after the update. Make each one before the update.": (
        train_with(after=True)
    ),
    "Your updates are numbered from 1, so the copy before the first is missing. Number "
    "them from 0, as enumerate(rates) does.": (train_with(start=1)),
    "There is a copy for every update. Make one only if update % 50 is 0.": (
        train_with(every=1)
    ),
    "You return inside the loop. Return after it.": (
        lambda *a: train(*a)[:1],
        returns_at_once,
    ),
    "This is the trained model. Return the list of its copies.": (lambda *a: train(*a)[-1]),
}


def changes(v, p, back, q):
    return (v.T @ p - back.T @ q) / len(v), (v - back).mean(0), (p - q).mean(0)


def share_of(n, v, p, h, back, q):
    """The changes, with a dW that is divided by n."""
    return (v.T @ p - back.T @ q) / n, *changes(v, p, back, q)[1:]


def cd1_with(
    last=lambda v, p, h, back, q: changes(v, p, back, q),
    h=lambda uniform, p: (uniform < p).float(),
    back=lambda pixels: pixels,
    again=lambda q, uniform: q,
):
    """CD-1. Its arguments make mistakes: in the last step, h, the way down and up again."""

    def step(model, v, uniform):
        p = model.prob_h(v)
        sampled = h(uniform, p)
        pixels = back(model.prob_v(sampled))
        return last(v, p, sampled, pixels, again(model.prob_h(pixels), uniform))

    return step


def with_own_numbers(model, v, uniform):
    """CD-1 with a sweep that samples the pixels, from a generator made at each call."""
    rng = torch.Generator().manual_seed(0)
    p = model.prob_h(v)
    h = (torch.rand(p.shape, generator=rng) < p).float()
    pixels = model.prob_v(h)
    back = (torch.rand(pixels.shape, generator=rng) < pixels).float()
    return changes(v, p, back, model.prob_h(back))


def only_dW(pick):
    """CD-1 with dW from other ingredients, and db and dc as they should be."""
    return cd1_with(
        lambda v, p, h, x, q: (changes(*pick(v, p, h, x, q))[0], *changes(v, p, x, q)[1:])
    )


NOISE = torch.Generator().manual_seed(0)
STEPS = [(m, v, torch.rand(len(v), len(m.c), generator=NOISE)) for v, m in PAIRS]
cd1 = exercise("4", "One step of contrastive divergence", 2, STEPS)(cd1_with())
OWN_NUMBERS = (
    "You use random numbers of your own. Sample h with those in uniform, and nothing else: "
    "the pixels that come back stay probabilities."
)
cd1.parts = ("dW", "db", "dc")
cd1.chance = OWN_NUMBERS
cd1.mistakes = {
    "The sign is reversed. It is the data first, minus what comes back.": (
        cd1_with(lambda v, p, h, back, q: changes(back, q, v, p))
    ),
    "These are sums over the rows. Divide by the number of rows, so that the change does "
    "not depend on the size of the batch.": (
        cd1_with(lambda v, *a: [len(v) * x for x in changes(v, a[0], *a[2:])]),
        cd1_with(lambda v, p, h, x, q: (v.T @ p - x.T @ q, *changes(v, p, x, q)[1:])),
        cd1_with(
            lambda v, p, h, x, q: (changes(v, p, x, q)[0], (v - x).sum(0), (p - q).sum(0))
        ),
    ),
    "dW is divided by the number of units. Average over the rows: divide by len(v).": (
        cd1_with(lambda v, p, *a: share_of(len(p.T), v, p, *a)),
        cd1_with(lambda v, p, *a: share_of(len(v.T), v, p, *a)),
    ),
    "db and dc are averaged to one number. Average over the rows only, with .mean(0).": (
        cd1_with(
            lambda v, p, h, x, q: (changes(v, p, x, q)[0], (v - x).mean(), (p - q).mean())
        )
    ),
    "The last hidden probabilities still belong to the old picture. Compute them from the "
    "picture that came back.": (
        cd1_with(lambda v, p, h, back, q: changes(v, p, back, p)),
        cd1_with(lambda v, p, h, back, q: changes(v, p, back, h)),
        only_dW(lambda v, p, h, back, q: (v, p, back, p)),
    ),
    "dW takes the old picture v twice. What is subtracted is v_back.T @ p_back.": (
        only_dW(lambda v, p, h, back, q: (v, p, v, q))
    ),
    "The sampled h is counted. It only makes the picture that comes back; count p.": (
        cd1_with(lambda v, p, h, x, q: (*changes(v, p, x, q)[:2], (h - q).mean(0))),
        cd1_with(lambda v, p, h, back, q: changes(v, h, back, q)),
        cd1_with(lambda v, p, h, back, q: changes(v, h, back, h)),
        only_dW(lambda v, p, h, back, q: (v, h, back, q)),
        only_dW(lambda v, p, h, back, q: (v, p, back, h)),
        only_dW(lambda v, p, h, back, q: (v, h, back, h)),
    ),
    "No hidden state is sampled: p itself went down. Set h = 1 where uniform < p.": (
        cd1_with(h=lambda uniform, p: p)
    ),
    "p is rounded. Set h = 1 where uniform < p.": cd1_with(h=lambda u, p: p.round()),
    "The comparison is turned around. h = 1 where uniform is below p, which happens with "
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
    "dW is a product of differences. It is a difference of products: first v.T @ p and "
    "v_back.T @ p_back, then minus.": (
        only_dW(lambda v, p, h, back, q: (v - back, p - q, 0 * back, q))
    ),
    "What came back is not subtracted. Each change is a difference of two averages.": (
        cd1_with(lambda v, p, h, back, q: changes(v, p, 0 * back, 0 * q))
    ),
    "The picture that came back is rounded. Its pixels stay probabilities.": (
        cd1_with(back=torch.round)
    ),
    "The last hidden probabilities are sampled. They are only averaged, so keep p'.": (
        cd1_with(again=lambda q, uniform: (uniform < q).float())
    ),
    OWN_NUMBERS: with_own_numbers,
}
