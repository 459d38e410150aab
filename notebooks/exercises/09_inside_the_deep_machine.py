"""Exercises of lesson 09: bits of a unit, a step of Adam, up and down with copies."""

import math

import torch

from rbm_lib.course import exercise


def normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def compute(lines, inputs):
    """The result of these lines of code by name. Later ones may use earlier ones."""
    known = {"torch": torch} | inputs
    for name, line in lines.items():
        known[name] = eval(line, known)
    return known["result"]


# ---- Exercise 1 ----


def entropy(q):
    """Of a coin that is on with probability q, in bits."""
    return -(torch.xlogy(q, q) + torch.xlogy(1 - q, 1 - q)) / math.log(2)


MEANS = [
    (torch.sigmoid(2 * normal(0, 6, 3)),),
    (torch.tensor([[0.9, 1.0], [0.1, 0.0], [0.9, 0.0], [0.1, 0.0]]),),
]


def bits_by(entropy):
    """An answer with an entropy of its own."""
    return lambda q: entropy(q.mean(0)) - entropy(q).mean(0)


@exercise("1", "Bits of a unit", 2, MEANS)
def bits(q):
    return entropy(q.mean(0)) - entropy(q).mean(0)


bits.mistakes = {
    "This is only the first term. Subtract what is still uncertain once you know the "
    "picture: the mean entropy.": lambda q: entropy(q.mean(0)),
    "This is only the second term, the uncertainty that is left. Subtract it from the "
    "entropy of the mean.": lambda q: entropy(q).mean(0),
    "The sign is reversed. Knowing takes uncertainty away.": lambda q: -bits(q),
    "You averaged over the units. Each unit has its own answer: average over rows, "
    "dimension 0.": lambda q: entropy(q.mean(1)) - entropy(q).mean(1),
    "You averaged over rows and units at once. Each unit has its own answer: write "
    ".mean(0) in both terms.": (
        lambda q: entropy(q.mean()) - entropy(q).mean(),
        lambda q: entropy(q.mean(0)) - entropy(q).mean(),
        lambda q: entropy(q.mean()) - entropy(q).mean(0),
    ),
    "This is the sum over the units. Return one number for each.": lambda q: bits(q).sum(),
    "These are nats. `entropy` gives bits.": lambda q: bits(q) * math.log(2),
    "You rounded first. How sure a unit is counts, too.": lambda q: bits(q.round()),
    "This is the spread over pictures, which is not counted in bits.": (
        lambda q: q.std(0),
        lambda q: q.var(0),
    ),
    "Average over the pictures in the second term, do not add up.": (
        lambda q: entropy(q.mean(0)) - entropy(q).sum(0)
    ),
    "A sum of probabilities is not a probability. Average over the pictures, by .mean(0), "
    "in both terms.": lambda q: entropy(q.sum(0)) - entropy(q).sum(0),
    "Divide by the number of rows of this `q`, which need not be 14.": (
        lambda q: entropy(q.sum(0) / 14) - entropy(q).sum(0) / 14
    ),
    "The second term still has a row for each picture. Average it over the pictures.": (
        lambda q: entropy(q.mean(0)) - entropy(q)
    ),
    "A coin has two sides. Its entropy counts q log q and (1 − q) log (1 − q), as "
    "`entropy` of the cell above does.": (
        bits_by(lambda q: -q * q.log2()),
        bits_by(lambda q: -torch.xlogy(q, q) / math.log(2)),
    ),
    "Where a unit is sure, your logarithm of 0 makes NaN. The function `entropy` of the "
    "cell above counts 0 · log 0 as 0.": (
        bits_by(lambda q: -(q * q.log2() + (1 - q) * (1 - q).log2()))
    ),
    "This is the mean activity, not the bits.": lambda q: q.mean(0),
}


# ---- Exercise 2 ----

UPDATES = [
    (torch.tensor([0.5, -4.0, 0.0]), torch.zeros(3), torch.zeros(3), 1, 0.01),
    (normal(1, 2, 3), 0.1 * normal(2, 2, 3), 0.1 * normal(3, 2, 3) ** 2, 3, 0.05),
    (normal(4, 2, 2), 0.1 * normal(5, 2, 2), 0.1 * normal(6, 2, 2) ** 2, 40, 0.1),
]
ADAM = {
    "new_m": ".9 * m + .1 * g",
    "new_s": ".999 * s + .001 * g**2",
    "m_hat": "new_m / (1 - .9**t)",
    "s_hat": "new_s / (1 - .999**t)",
    "step": "lr * m_hat / (s_hat**.5 + 1e-8)",
    "result": "step, new_m, new_s",
}


@exercise("2", "A step of Adam", 3, UPDATES, tolerance=1e-5)
def adam(g, m, s, t, lr):
    return adam_by()(g, m, s, t, lr)


def adam_by(**changed):
    """A step of Adam, with other lines of ADAM."""
    names = ("g", "m", "s", "t", "lr")
    return lambda *case: compute(ADAM | changed, dict(zip(names, case, strict=True)))


adam.mistakes = {
    "The correction of the first updates is missing. Divide by 1 − .9^t and 1 − .999^t.": (
        adam_by(m_hat="new_m", s_hat="new_s")
    ),
    "The correction of s is missing. Divide it by 1 − .999^t.": adam_by(s_hat="new_s"),
    "The correction of m is missing. Divide it by 1 − .9^t.": adam_by(m_hat="new_m"),
    "Return m and s as they were before the correction, or the next update corrects them "
    "again.": adam_by(result="step, m_hat, s_hat"),
    "The square root is missing. Without it the step grows when the gradients shrink.": (
        adam_by(step="lr * m_hat / (s_hat + 1e-8)")
    ),
    "The step goes up, as the gradient does. Drop the minus.": (
        adam_by(step="-lr * m_hat / (s_hat**.5 + 1e-8)")
    ),
    "The mean m belongs above the line, not this update's gradient.": (
        adam_by(step="lr * g / (s_hat**.5 + 1e-8)")
    ),
    "The two memories are swapped. m keeps .9 of itself, and s keeps .999.": adam_by(
        new_m=".999 * m + .001 * g",
        new_s=".9 * s + .1 * g**2",
        m_hat="new_m / (1 - .999**t)",
        s_hat="new_s / (1 - .9**t)",
    ),
    "t counts from 1 already. Take .9^t and .999^t.": (
        adam_by(m_hat="new_m / (1 - .9**(t + 1))", s_hat="new_s / (1 - .999**(t + 1))"),
        adam_by(m_hat="new_m / (1 - .9**(t - 1))", s_hat="new_s / (1 - .999**(t - 1))"),
    ),
    "s is the mean of the squared gradient, g**2.": (
        adam_by(new_s=".999 * s + .001 * abs(g)"),
        adam_by(new_s=".999 * s + .001 * g**4"),
        adam_by(new_s=".999 * s + .001 * g"),
    ),
    "Each parameter has its own s. Do not average g**2 over the tensor.": (
        adam_by(new_s=".999 * s + .001 * (g**2).mean()")
    ),
    "These are the old m and s. Return the new ones, or the next update starts from the "
    "same memory again.": adam_by(result="step, m, s"),
    "The order is the step, m, s. Yours is another one.": (
        adam_by(result="step, new_s, new_m"),
        adam_by(result="new_m, new_s, step"),
    ),
    "The divisors are powers, 1 − .9**t and 1 − .999**t, not products.": (
        adam_by(m_hat="new_m / (1 - .9 * t)", s_hat="new_s / (1 - .999 * t)")
    ),
    "Add 1e-8 below the line. Where all gradients were 0, yours divides 0 by 0.": (
        adam_by(step="lr * m_hat / s_hat**.5")
    ),
    "Update m and s first, and use the new ones in the step.": (
        adam_by(m_hat="m / (1 - .9**t)", s_hat="s / (1 - .999**t)")
    ),
    "These are running sums. In a running mean the new part counts .1 in m and .001 in "
    "s.": (
        adam_by(new_m=".9 * m + g", new_s=".999 * s + g**2"),
        adam_by(new_m=".9 * m + g"),
        adam_by(new_s=".999 * s + g**2"),
    ),
    "The shares are reversed. Keep .9 of the old m and take .1 of the new gradient.": (
        adam_by(new_m=".1 * m + .9 * g", new_s=".001 * s + .999 * g**2"),
        adam_by(
            new_m=".1 * m + .9 * g",
            new_s=".001 * s + .999 * g**2",
            m_hat="new_m / (1 - .1**t)",
            s_hat="new_s / (1 - .001**t)",
        ),
    ),
    "The rate lr is missing from the step.": adam_by(step="m_hat / (s_hat**.5 + 1e-8)"),
    "Return three things: the step, m and s.": adam_by(result="step"),
}


# ---- Exercise 3 ----


def rbm_case(seed, rows, lower, upper, up, down):
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand(2, rows, lower, generator=generator) < 0.5).float()
    W = torch.randn(2, lower, upper, generator=generator)
    b = torch.randn(2, 1, lower, generator=generator)
    c = torch.randn(2, 1, upper, generator=generator)
    u_upper = torch.rand(2, rows, upper, generator=generator)
    return x, W, b, c, up, down, u_upper, torch.rand(x.shape, generator=generator)


COPIES = [
    rbm_case(7, 9, 4, 3, 2, 1),
    rbm_case(8, 8, 3, 2, 1, 2),
    rbm_case(9, 7, 2, 3, 1, 1),
]
# The same x again, which an answer may have changed.
COPIES.append((COPIES[0][0], *rbm_case(10, 9, 4, 3, 2, 1)[1:]))
STEP = {
    "sigmoid": "torch.sigmoid",
    "p": "sigmoid(up * (x @ W) + c)",
    "h": "1.0 * (u_upper < p)",
    "p_x": "sigmoid(down * (h @ W.mT) + b)",
    "x_1": "1.0 * (u_lower < p_x)",
    "p_1": "sigmoid(up * (x_1 @ W) + c)",
    "result": "p, x_1, p_1",
}


@exercise("3", "Up and down with copies", 3, COPIES, tolerance=1e-5)
def up_and_down(x, W, b, c, up, down, u_upper, u_lower):
    return step_by()(x, W, b, c, up, down, u_upper, u_lower)


def step_by(**changed):
    """A step of CD with copies, with other lines of STEP."""
    names = ("x", "W", "b", "c", "up", "down", "u_upper", "u_lower")
    return lambda *case: compute(STEP | changed, dict(zip(names, case, strict=True)))


up_and_down.mistakes = {
    "The biases are multiplied, too. With any number of copies, each bias counts once.": (
        step_by(
            p="sigmoid(up * (x @ W + c))",
            p_x="sigmoid(down * (h @ W.mT + b))",
            p_1="sigmoid(up * (x_1 @ W + c))",
        )
    ),
    "`up` and `down` are swapped. What goes up is multiplied by `up`.": step_by(
        p="sigmoid(down * (x @ W) + c)",
        p_x="sigmoid(up * (h @ W.mT) + b)",
        p_1="sigmoid(down * (x_1 @ W) + c)",
    ),
    "What goes up is multiplied by `up`, both times.": (
        step_by(p="sigmoid(x @ W + c)", p_1="sigmoid(x_1 @ W + c)"),
        step_by(p="sigmoid(x @ W + c)"),
    ),
    "The second way up has the same copies as the first one: multiply by `up` again.": (
        step_by(p_1="sigmoid(x_1 @ W + c)"),
        step_by(p_1="sigmoid(down * (x_1 @ W) + c)"),
    ),
    "What comes down is multiplied by `down`.": step_by(p_x="sigmoid(h @ W.mT + b)"),
    "The copies are not used. Multiply the inputs, not the biases, by `up` and `down`.": (
        lambda x, W, b, c, up, down, *u: up_and_down(x, W, b, c, 1, 1, *u)
    ),
    "Send down a draw of the upper units, on where `u_upper < p`, and not `p` itself.": (
        step_by(h="p"),
        step_by(h="p.round()"),
    ),
    "A unit is on where its random number is smaller than p, not larger.": (
        step_by(h="1.0 * (u_upper > p)", x_1="1.0 * (u_lower > p_x)"),
        step_by(h="1.0 * (u_upper > p)"),
        step_by(x_1="1.0 * (u_lower > p_x)"),
    ),
    "The lower units are drawn, too: on where `u_lower` is below their probability.": (
        step_by(x_1="p_x"),
        step_by(x_1="p_x.round()"),
        step_by(result="p, p_x, p_1"),
    ),
    "Go up from the draw x_1.": step_by(p_1="sigmoid(up * (p_x @ W) + c)"),
    "p_1 is computed from x_1, the way back, and not from x.": step_by(p_1="p"),
    "You divided by the number of copies. Two copies send twice as much.": (
        lambda x, W, b, c, up, down, *u: up_and_down(x, W, b, c, 1 / up, 1 / down, *u)
    ),
    "Return the probabilities p, not their draw.": step_by(result="h, x_1, p_1"),
    "p_1 is not drawn. Return the probabilities.": step_by(
        result="p, x_1, 1.0 * (u_upper < p_1)"
    ),
    "The sigmoid is missing: these are inputs, not yet probabilities.": (
        step_by(sigmoid="torch.clone"),
        step_by(p="up * (x @ W) + c"),
        step_by(p_x="down * (h @ W.mT) + b"),
        step_by(p_1="up * (x_1 @ W) + c"),
    ),
    "Transpose W on the way down: h @ W.mT.": step_by(p_x="sigmoid(down * (h @ W) + b)"),
    "The biases are swapped. b belongs to the lower units, c to the upper ones.": (
        lambda x, W, b, c, *others: up_and_down(x, W, c, b, *others)
    ),
    "The biases are missing.": step_by(
        p="sigmoid(up * (x @ W))",
        p_x="sigmoid(down * (h @ W.mT))",
        p_1="sigmoid(up * (x_1 @ W))",
    ),
    "Your function changes x in place, which belongs to the caller. Write up * (x @ W).": (
        step_by(p="sigmoid(x.mul_(up) @ W + c)"),
        step_by(p="sigmoid(x.mul_(up) @ W + c)", p_1="sigmoid(x_1 @ W + c)"),
    ),
}
