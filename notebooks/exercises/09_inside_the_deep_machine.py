"""Exercises of lesson 09: bits of a unit, a step of Adam, up and down with copies."""

import math

import torch

from rbm_lib.course import exercise


def normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---- Exercise 1 ----


def entropy(q):
    """Of a coin that is on with probability q, in bits."""
    return -(torch.xlogy(q, q) + torch.xlogy(1 - q, 1 - q)) / math.log(2)


MEANS = [
    (torch.sigmoid(2 * normal(0, 6, 3)),),
    (torch.tensor([[0.9, 1.0], [0.1, 0.0], [0.9, 0.0], [0.1, 0.0]]),),
]


def with_logarithms(q):
    """NaN where a unit is sure, because a computer does not know that 0 log 0 is 0."""

    def entropy(q):
        return -(q * q.log2() + (1 - q) * (1 - q).log2())

    return entropy(q.mean(0)) - entropy(q).mean(0)


@exercise("1", "Bits of a unit", 2, MEANS)
def bits(q):
    return entropy(q.mean(0)) - entropy(q).mean(0)


bits.mistakes = {
    "This is only the first term. Subtract what is still uncertain once you know the "
    "picture: the mean entropy.": lambda q: entropy(q.mean(0)),
    "This is only the second term, the uncertainty that is left. Subtract it from the "
    "entropy of the mean.": lambda q: entropy(q).mean(0),
    "The sign is reversed. Knowing the picture takes uncertainty away.": (
        lambda q: -bits(q)
    ),
    "You averaged over the units. Each unit has its own answer: average over rows, "
    "dimension 0.": (
        lambda q: entropy(q.mean(1)) - entropy(q).mean(1),
        lambda q: entropy(q.mean()) - entropy(q).mean(),
    ),
    "These are added up over the units. Return one number for each.": (
        lambda q: bits(q).sum()
    ),
    "These are nats. `entropy` gives bits.": lambda q: bits(q) * math.log(2),
    "You rounded first. How sure a unit is belongs to what it says.": (
        lambda q: bits(q.round())
    ),
    "This is the spread over pictures. It is near zero for a dead unit as well, but it is "
    "not counted in bits.": (
        lambda q: q.std(0),
        lambda q: q.std(0, correction=0),
        lambda q: q.var(0),
    ),
    "Average over the pictures in the second term, do not add up.": (
        lambda q: entropy(q.mean(0)) - entropy(q).sum(0)
    ),
    "The second term still has a row for each picture. Average it over the pictures.": (
        lambda q: entropy(q.mean(0)) - entropy(q)
    ),
    "Where a unit is sure, your logarithm of 0 makes NaN. The function `entropy` of the "
    "cell above counts 0 · log 0 as 0.": with_logarithms,
    "This is the mean activity, which says nothing about the pictures.": (
        lambda q: q.mean(0)
    ),
}


# ---- Exercise 2 ----

UPDATES = [
    (torch.tensor([0.5, -4.0, 0.0]), torch.zeros(3), torch.zeros(3), 1, 0.01),
    (normal(1, 2, 3), 0.1 * normal(2, 2, 3), 0.1 * normal(3, 2, 3) ** 2, 3, 0.05),
    (normal(4, 2, 2), 0.1 * normal(5, 2, 2), 0.1 * normal(6, 2, 2) ** 2, 40, 0.1),
]


def adam_with(
    sign=1,
    power=0.5,
    correct=True,
    keep_corrected=False,
    top="m",
    swapped=False,
    late=0,
    square=2,
    old=False,
    weights=None,
    epsilon=1e-8,
    absolute=False,
):
    """A step of Adam. The arguments make mistakes."""

    def adam(g, m, s, t, lr):
        first, second = (0.999, 0.9) if swapped else (0.9, 0.999)
        if weights == "reversed throughout":
            first, second = 0.1, 0.001
        new_m = first * m + (1 - first) * g
        new_s = second * s + (1 - second) * g**square
        if weights == "no fraction":
            new_m, new_s = first * m + g, second * s + g**2
        if weights == "reversed":
            new_m, new_s = 0.1 * m + 0.9 * g, 0.001 * s + 0.999 * g**2
        used_m, used_s = (m, s) if old else (new_m, new_s)
        if correct == "product":
            used_m, used_s = used_m / (1 - first * t), used_s / (1 - second * t)
        elif correct:
            used_m = used_m / (1 - first ** (t + late))
            used_s = used_s / (1 - second ** (t + late))
        used_s = used_s.abs() if absolute else used_s
        upper = g if top == "g" else used_m
        step = sign * lr * upper / (used_s**power + epsilon)
        return step, *((used_m, used_s) if keep_corrected else (new_m, new_s))

    return adam


@exercise("2", "A step of Adam", 3, UPDATES, tolerance=1e-5)
def adam(g, m, s, t, lr):
    return adam_with()(g, m, s, t, lr)


def in_order(*order):
    """What the step returns, in another order."""

    def answer(g, m, s, t, lr):
        parts = {"step": adam(g, m, s, t, lr)[0], "m": m, "s": s}
        parts["new m"], parts["new s"] = adam(g, m, s, t, lr)[1:]
        return tuple(parts[name] for name in order)

    return answer


adam.mistakes = {
    "The correction of the first updates is missing. Divide by 1 − .9^t and 1 − .999^t.": (
        adam_with(correct=False)
    ),
    "Return m and s as they were before the correction, or the next update corrects them "
    "again.": adam_with(keep_corrected=True),
    "The square root is missing. Without it the step grows when the gradients shrink.": (
        adam_with(power=1)
    ),
    "The step goes up, as the gradient does. Drop the minus.": adam_with(sign=-1),
    "The mean m belongs above the line, not this update's gradient.": adam_with(top="g"),
    "The two memories are swapped. m keeps .9 of itself, and s keeps .999.": (
        adam_with(swapped=True)
    ),
    "t counts from 1 already. Take .9^t and .999^t.": adam_with(late=1),
    "s is the mean of the squared gradient, g**2.": (
        lambda g, m, s, t, lr: adam_with(square=1)(g.abs(), m, s, t, lr),
        lambda g, m, s, t, lr: adam_with(square=4)(g, m, s, t, lr),
        adam_with(square=1),
        adam_with(square=1, absolute=True),
    ),
    "These are the old m and s. Return the new ones, or the next update starts from the "
    "same memory again.": in_order("step", "m", "s"),
    "The order is the step, m, s. You return s before m.": (
        in_order("step", "new s", "new m"),
    ),
    "The divisors are powers, 1 − .9**t and 1 − .999**t, not products.": (
        adam_with(correct="product")
    ),
    "Add 1e-8 below the line. Where all gradients were 0, yours divides 0 by 0.": (
        adam_with(epsilon=0)
    ),
    "Update m and s first, and use the new ones in the step.": adam_with(old=True),
    "These are running sums. In a running mean the new part counts .1 and .001.": (
        adam_with(weights="no fraction")
    ),
    "The shares are reversed. Keep .9 of the old m and take .1 of the new gradient.": (
        adam_with(weights="reversed"),
        adam_with(weights="reversed throughout"),
    ),
    "The rate lr is missing from the step.": (lambda g, m, s, t, lr: adam(g, m, s, t, 1.0)),
    "Return three things: the step, m and s.": lambda g, m, s, t, lr: adam(g, m, s, t, lr)[
        0
    ],
}


# ---- Exercise 3 ----


def rbm_case(seed, rows, lower, upper, up, down):
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand(2, rows, lower, generator=generator) < 0.5).float()
    W = torch.randn(2, lower, upper, generator=generator)
    b = torch.randn(2, 1, lower, generator=generator)
    c = torch.randn(2, 1, upper, generator=generator)
    uniform = torch.rand(2, rows, upper, generator=generator)
    return x, W, b, c, up, down, uniform


COPIES = [
    rbm_case(7, 5, 4, 3, 2, 1),
    rbm_case(8, 4, 3, 2, 1, 2),
    rbm_case(9, 3, 2, 3, 1, 1),
]


def up_and_down_with(
    bias=1,
    draw=True,
    swapped=False,
    last=True,
    back=True,
    above=False,
    down_from="W",
    sure=False,
    squash=torch.sigmoid,
):
    """A step of CD with copies. The arguments make mistakes."""

    def up_and_down(x, W, b, c, up, down, uniform):
        if swapped:
            up, down = down, up
        scale_c = up if bias == "up" else bias
        scale_b = down if bias == "up" else bias
        p = squash(up * (x @ W) + scale_c * c)
        h = (uniform > p if above else uniform < p).to(x.dtype) if draw else p
        x_1 = squash((down if back else 1) * (h @ W.mT) + scale_b * b)
        again = (x_1 > 0.5).to(x.dtype) if sure else x_1
        p_1 = squash((up if last else 1) * (again @ W) + scale_c * c)
        return p, x_1, p_1

    return up_and_down


@exercise("3", "Up and down with copies", 3, COPIES, tolerance=1e-5)
def up_and_down(x, W, b, c, up, down, uniform):
    return up_and_down_with()(x, W, b, c, up, down, uniform)


def two_copies(x, W, b, c, up, down, uniform):
    """Ignores the copies."""
    return up_and_down(x, W, b, c, 1, 1, uniform)


def halved(x, W, b, c, up, down, uniform):
    return up_and_down(x, W, b, c, 1 / up, 1 / down, uniform)


def from_data(x, W, b, c, up, down, uniform):
    p, x_1, _ = up_and_down(x, W, b, c, up, down, uniform)
    return p, x_1, p


up_and_down.mistakes = {
    "The biases are multiplied, too. With any number of copies, each bias counts once.": (
        up_and_down_with(bias="up")
    ),
    "`up` and `down` are swapped. What goes up is multiplied by `up`.": (
        up_and_down_with(swapped=True)
    ),
    "The second way up has the same copies as the first one: multiply by `up` again.": (
        up_and_down_with(last=False)
    ),
    "What comes down is multiplied by `down`.": up_and_down_with(back=False),
    "The copies are not used. Multiply the inputs, not the biases, by `up` and `down`.": (
        two_copies
    ),
    "Send down a draw of the upper units, on where `uniform < p`, and not `p` itself.": (
        up_and_down_with(draw=False)
    ),
    "A unit is on where `uniform` is smaller than p. Yours are on where it is larger.": (
        up_and_down_with(above=True)
    ),
    "p_1 is computed from x_1, the way back, and not from x.": from_data,
    "You divided by the number of copies. Two copies send twice as much.": halved,
    "Go up from the probabilities x_1. They are not rounded.": up_and_down_with(sure=True),
    "Return the probabilities p. Only what is sent down is drawn.": (
        lambda *case: ((case[-1] < up_and_down(*case)[0]) * 1.0, *up_and_down(*case)[1:])
    ),
    "p_1 is not drawn. Return the probabilities.": (
        lambda *case: (*up_and_down(*case)[:2], (case[-1] < up_and_down(*case)[2]) * 1.0)
    ),
    "The sigmoid is missing: these are inputs, not yet probabilities.": (
        up_and_down_with(squash=lambda x: x)
    ),
    "Three results are expected. p_1, the second way up, is missing.": (
        lambda *case: up_and_down(*case)[:2]
    ),
    "The biases are swapped. b belongs to the lower units, c to the upper ones.": (
        lambda x, W, b, c, *others: up_and_down(x, W, c, b, *others)
    ),
    "The biases are missing.": up_and_down_with(bias=0),
}
