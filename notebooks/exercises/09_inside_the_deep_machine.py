"""Exercises of lesson 09: bits of a unit, a step of Adam, up and down with copies."""

import math

import torch

from rbm_lib.course import exercise
from rbm_lib.course.slips import normal, switches, uniform


def entropy(q):
    """Of a coin that is on with probability q, in bits."""
    return -(torch.xlogy(q, q) + torch.xlogy(1 - q, 1 - q)) / math.log(2)


MEANS = [
    (torch.sigmoid(2 * normal(0, 6, 3)),),
    (torch.tensor([[0.9, 1.0], [0.1, 0.0], [0.9, 0.0], [0.1, 0.0]]),),
]


@exercise("1", "Bits of a unit", 2, MEANS)
def bits(q):
    return entropy(q.mean(0)) - entropy(q).mean(0)


bits.slips("""
    This is only one of the two terms. Subtract what is still uncertain once you know the
    picture, the mean entropy, from the entropy of the mean.
        return entropy(q.mean(0))
        return entropy(q).mean(0)
    The sign is reversed. Knowing takes uncertainty away.
        return entropy(q).mean(0) - entropy(q.mean(0))
    Each unit has its own answer. Average over the pictures, with .mean(0) in both terms.
        mean(0) → mean(1)
        mean(0) → mean()
        (q).mean(0) → (q).mean()
        (q).mean(0) → (q).sum(0)
        (q).mean(0) → (q)
        mean(0) → sum(0)
        return bits(q).sum()
    These are nats. `entropy` gives bits.
        return bits(q) * math.log(2)
    This is the mean activity or its spread over pictures, which is not counted in bits.
        return q.mean(0)
        return q.std(0)
    A coin has two sides. Its entropy counts q log q and (1 − q) log (1 − q), and 0 · log 0
    as 0, as `entropy` of the cell above does.
        return q.mean(0) * -q.mean(0).log2() + (q * q.log2()).mean(0)
        entropy → (lambda q: -(q * q.log2() + (1 - q) * (1 - q).log2()))
""")

UPDATES = [
    (torch.tensor([0.5, -4.0, 0.0]), torch.zeros(3), torch.zeros(3), 1, 0.01),
    (normal(1, 2, 3), 0.1 * normal(2, 2, 3), 0.1 * normal(3, 2, 3) ** 2, 3, 0.05),
    (normal(4, 2, 2), 0.1 * normal(5, 2, 2), 0.1 * normal(6, 2, 2) ** 2, 40, 0.1),
]


@exercise("2", "A step of Adam", 3, UPDATES, tolerance=1e-5)
def adam(g, m, s, t, lr):
    new_m = 0.9 * m + 0.1 * g
    new_s = 0.999 * s + 0.001 * g**2
    m_hat = new_m / (1 - 0.9**t)
    s_hat = new_s / (1 - 0.999**t)
    step = lr * m_hat / (s_hat**0.5 + 1e-8)
    return step, new_m, new_s


adam.parts = ("the step", "m", "s")
adam.slips("""
    The correction of the first updates is missing. Divide m by 1 − .9^t, and s by 1 −
    .999^t.
        / (1 - 0.9**t) → | / (1 - 0.999**t) →
        / (1 - 0.9**t) →
        / (1 - 0.999**t) →
    t counts from 1 already, and the divisors are powers: 1 − .9**t and 1 − .999**t.
        **t → **(t + 1)
        **t → * t
    Return the step and the new m and s, as they are before the correction, in this order.
        return step, new_m, new_s → return step, m_hat, s_hat
        return step, new_m, new_s → return step, m, s
        return step, new_m, new_s → return step, new_s, new_m
        return step, new_m, new_s → return new_m, new_s, step
    The square root is missing. Without it the step grows when the gradients shrink.
        s_hat**0.5 → s_hat
    The step is lr times the new m above the line, not this update's gradient and not the
    old m.
        lr * m_hat → lr * g
        lr * m_hat → m_hat
        m_hat = new_m → m_hat = m | s_hat = new_s → s_hat = s
    s is the mean of the squared gradient, g**2, and each parameter has its own.
        g**2 → g
        g**2 → (g**2).mean()
    m keeps .9 of itself and takes .1 of the gradient; s keeps .999, and takes .001 of its
    square.
        0.9 * m + 0.1 * g → 0.999 * m + 0.001 * g | 0.999 * s + 0.001 → 0.9 * s + 0.1
        0.1 * g → g | 0.001 * g → g
        0.9 * m + 0.1 → 0.1 * m + 0.9 | 0.999 * s + 0.001 → 0.001 * s + 0.999
    Add 1e-8 below the line. Where all gradients were 0, yours divides 0 by 0.
        + 1e-8 →
""")


def rbm_case(seed, rows, lower, upper, up, down):
    x = switches(seed, 2, rows, lower)
    W = normal(seed + 1, 2, lower, upper)
    b, c = normal(seed + 2, 2, 1, lower), normal(seed + 3, 2, 1, upper)
    u_upper, u_lower = uniform(seed, 2, rows, upper), uniform(seed + 1, 2, rows, lower)
    return x, W, b, c, up, down, u_upper, u_lower


COPIES = [
    rbm_case(7, 9, 4, 3, 2, 1),
    rbm_case(17, 8, 3, 2, 1, 2),
    rbm_case(27, 7, 2, 3, 1, 1),
]


@exercise("3", "Up and down with copies", 3, COPIES, tolerance=1e-5)
def up_and_down(x, W, b, c, up, down, u_upper, u_lower):
    p = torch.sigmoid(up * (x @ W) + c)
    h = (u_upper < p).to(x.dtype)
    p_x = torch.sigmoid(down * (h @ W.mT) + b)
    x_1 = (u_lower < p_x).to(x.dtype)
    p_1 = torch.sigmoid(up * (x_1 @ W) + c)
    return p, x_1, p_1


up_and_down.parts = ("p", "x_1", "p_1")
up_and_down.keeps = ("x",)
up_and_down.slips("""
    The biases are multiplied, too, or missing. With any number of copies, each bias counts
    once.
        W) + c) → W + c)) | W.mT) + b) → W.mT + b))
        + c) → ) | + b) → )
    `up` and `down` are swapped. What goes up is multiplied by `up`.
        return up_and_down(x, W, b, c, down, up, u_upper, u_lower)
    What goes up is multiplied by `up`, both times, and what comes down by `down`.
        up * →
        up * (x_1 @ W) → x_1 @ W
        down * →
        up * → | down * →
    Send down a draw of the upper units, on where `u_upper < p`, and not `p` itself.
        (u_upper < p).to(x.dtype) → p
    A unit is on where its random number is smaller than p, not larger.
        u_upper < → u_upper > | u_lower < → u_lower >
        u_upper < → u_upper >
        u_lower < → u_lower >
    The lower units are drawn, too: on where `u_lower` is below their probability. p_1 goes
    up from the draw x_1.
        (u_lower < p_x).to(x.dtype) → p_x
        return p, x_1, p_1 → return p, p_x, p_1
        x_1 @ W → p_x @ W
        p_1 = → p_1 = p #
    Return the probabilities p and p_1, not their draws.
        return p, x_1, p_1 → return h, x_1, p_1
        return p, x_1, p_1 → return p, x_1, (u_upper < p_1).to(x.dtype)
    The sigmoid is missing: these are inputs, not yet probabilities.
        torch.sigmoid →
    Transpose W on the way down with .mT, since .T reverses all three axes: h @ W.mT.
        W.mT → W
        W.mT → W.T
""")
