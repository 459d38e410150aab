"""Exercises of lesson 06: count and halve products, rated films only, several processes."""

import torch
from torch import sigmoid
from torch.nn.functional import softplus

from rbm_lib.course import exercise
from rbm_lib.course.slips import SmallRBM, normal, switches, uniform


@exercise("1", "Count the products", 1, [(128, 784, 128, 1), (512, 3706, 256, 5)])
def update_operations(rows, visible, hidden, k):
    return (2 * k + 3) * 2 * rows * visible * hidden


update_operations.slips("""
    Each term is one multiplication and one addition, so it counts 2: a product of matrices
    takes 2·B·V·H operations.
        * 2 * rows → * rows
        2 * rows * visible * hidden → rows * (2 * visible - 1) * hidden
        * 2 * rows * visible * hidden →
    CD-1 has five products: up, down, up, and two averages. Every further sweep adds two,
    one down and one up.
        2 * k + 3 → 5
        2 * k + 3 → 5 * k
        2 * k + 3 → 3 * k + 2
        2 * k + 3 → 1
""")


def steps():
    sizes = (5, 30, 20), (1, 20, 25), (12, 40, 30)
    for seed, (rows, visible, hidden) in enumerate(sizes):
        model = SmallRBM.random(seed, visible, hidden)
        model.W *= 0.3
        yield model, switches(seed + 3, rows, visible), uniform(seed, rows, hidden)


@exercise("2", "Half the products", 3, steps(), tolerance=1e-5)
def fast_step(model, v, uniform):
    x = v @ model.W + model.c
    p = sigmoid(x)
    h = (uniform < p).float()
    v1 = model.prob_v(h)
    x1 = v1 @ model.W + model.c
    p1 = sigmoid(x1)
    dW = (v.T @ p - v1.T @ p1) / len(v)
    db, dc = (v - v1).mean(0), (p - p1).mean(0)
    error = ((v - v1) ** 2).mean()
    F = -(v @ model.b) - softplus(x).sum(1)
    F1 = -(v1 @ model.b) - softplus(x1).sum(1)
    rise = (F1 - F).mean()
    return dW, db, dc, error, rise


def at_most_five(work, cases):
    """What to say of right numbers from more than five products."""
    one_each = sum(2 * len(v) * model.W.numel() for model, v, _ in cases)
    number = round(work.operations / one_each)  # products with a vector are small
    if number <= 5:
        return ""
    advice = f"The numbers are right, with {number} products. Five are enough."
    if work.most_repeated > 1:
        advice += f" One of them is made {work.most_repeated} times."
    return f"{advice} Keep v @ W + c, p and v1 in variables, and use these again."


fast_step.parts = ("dW", "db", "dc", "error", "rise")
fast_step.demand = at_most_five
fast_step.slips("""
    The numbers are right, with
        F = -(v @ model.b) - softplus(x).sum(1) → F = model.free_energy(v)
    dW is the mean over the rows of vᵀ p − v1ᵀ p1. Divide by len(v), and note that (v − v1)ᵀ
    (p − p1) has mixed terms, too.
        / len(v) →
        v.T @ p - v1.T @ p1 → (v - v1).T @ (p - p1)
    The rise is one number, the mean over the rows of F(v1) − F(v).
        (F1 - F).mean() → (F - F1).mean()
        (F1 - F).mean() → F1 - F
    The error compares v with the probabilities v1, squared, averaged over all entries.
        ** 2).mean() → ** 2).sum()
    A free energy is −v·b minus the softplus terms, softplus(x) summed over the hidden units
    of a row, with x = v @ W + c, which has c already.
        softplus(x → softplus(model.c + x
        = -(v → = (v
        - softplus → + softplus
        ).sum(1) → ).sum()
    One of the softplus sums takes p in place of x. Was x changed in place, as by
    x.sigmoid_()?
        softplus(x). → softplus(p).
    h only makes v1. Set h = 1 where uniform < p, go down from h, and count p.
        h = (uniform < p).float() → h = p
        uniform < p → uniform > p
        v.T @ p - → v.T @ h -
    p1 is computed from v1, which stays a probability, and with c.
        p1 = sigmoid(x1) → p1 = p
        model.prob_v(h) → model.prob_v(h).round()
        @ model.W + model.c → @ model.W
    Return five results in this order: dW, db, dc, error, rise.
        return dW, db, dc, error, rise → return dW, db, dc, rise, error
""")
N_BOXES = 40_000  # a row with an entry for each stands out by its size


def persons():
    for seed, n_ratings in enumerate((5, 1, 2, 8)):
        rng = torch.Generator().manual_seed(seed)
        film = torch.randperm(N_BOXES // 2, generator=rng)[:n_ratings]
        like = torch.rand(n_ratings, generator=rng) < 0.5
        model = SmallRBM.random(seed, N_BOXES, 3)
        boxes = film + N_BOXES // 2 * ~like, film + N_BOXES // 2 * like
        yield *boxes, 0.7 * model.W, model.b, model.c, uniform(seed, 3)


@exercise("3", "Only what is rated", 2, persons(), tolerance=1e-5)
def person_step(on, other, W, b, c, u):
    W_on, W_other = W[on], W[other]
    p = sigmoid(c + W_on.sum(0))
    h = (u < p).to(W.dtype)
    q = sigmoid(b[on] - b[other] + (W_on - W_other) @ h)
    p1 = sigmoid(c + q @ W_on + (1 - q) @ W_other)
    d_on, d_other = p - q[:, None] * p1, -(1 - q)[:, None] * p1
    return d_on, d_other


def nothing_as_long_as_the_catalogue(work, cases):
    if max(work.largest, work.bytes) < N_BOXES:
        return ""
    return (
        "The numbers are right, but you make something as long as the whole catalogue, "
        "such as a dense row or a copy of W. Take W[on] and W[other] only."
    )


person_step.parts = ("the change of W[on]", "the change of W[other]")
person_step.demand = nothing_as_long_as_the_catalogue
person_step.slips("""
    The numbers are right, but you make something as long as the whole catalogue
        W_on.sum(0) → torch.zeros(N_BOXES).index_fill_(0, on, 1) @ W
    The first input is c plus the sum of the rows of W[on]: W_on.sum(0), one number for each
    hidden unit.
        c + W_on → W_on
        W_on.sum(0) → W_on.mean(0)
        W_on.sum(0) → W_on.sum(1)
    on and other have changed places. The box that the person switched on is `on`.
        W_on, W_other = W[on], W[other] → W_on, W_other = W[other], W[on]
    The result has one row for each rating. Turn q into a column: q[:, None] * p1.
        q[:, None] * p1 → q * p1
        return d_on, d_other → return d_on.sum(0), d_other.sum(0)
    h is not drawn with u. Set h = 1 where u < p, and go down from h.
        (u < p).to(W.dtype) → p
        u < p → u > p
    q depends on the difference of both boxes, on minus other, in b and in W. It stays a
    probability.
        b[on] - b[other] + → 0 +
        b[on] - b[other] → b[other] - b[on]
        b[on] - b[other] + (W_on - W_other) @ h → b[on] + W_on @ h
        (W_on - W_other) @ h) → (W_on - W_other) @ h).round()
    On the second way up the input is c, plus q for W[on] and 1 − q for W[other].
        c + q → q
        q @ W_on + (1 - q) @ W_other → (1 - q) @ W_on + q @ W_other
        q @ W_on + (1 - q) @ W_other → W_on.sum(0)
    The drawn h only makes q. Count p for the data, and p1 for what comes back.
        = p - q → = h - q
        * p1 → * h
    W[on] changes by p − q p1, and W[other] by 0 − (1 − q) p1, since in the data its box is
    off.
        return d_on, d_other → return -d_on, -d_other
        return d_on, d_other → return d_on, -d_other
        return d_on, d_other → return d_other, d_on
        p - q[:, None] * p1, -(1 - q)[:, None] * p1 → p - p1, -p1
""")


def gradients():
    for seed, rows in enumerate(((3, 3, 3, 2), (20, 64), (5, 2, 1))):
        yield list(normal(seed, len(rows), 4, 3)), list(rows)


@exercise("4", "What is added up", 2, gradients())
def together(means, rows):
    total = sum(rows)
    return sum(n / total * mean for mean, n in zip(means, rows, strict=True))


together.keeps = ("means", "rows")
together.slips("""
    This is the mean of the means. Weight each mean by its number of rows.
        n / total * → 1 / len(rows) *
    Weight each mean by its share of the rows, n / total. A process with more rows counts
    more.
        n / total * →
        n / total * → n *
        n / total * → total / n *
        n / total * → (1 - n / total) *
    All weights became 0, because // and int() round down. Divide with /.
        n / total * → n // total *
    These are the shares of the processes, still apart. Add them up.
        return sum( → return list(
""")
