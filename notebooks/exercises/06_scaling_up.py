"""Exercises of lesson 06: count and halve products, rated films only, several processes."""

import inspect
import re
from dataclasses import dataclass

import torch
from torch import Tensor, sigmoid
from torch.nn.functional import softplus

from rbm_lib.course import exercise


def replaced(right, table):
    """Mistakes from a table: lines of advice, and below them lines "code → wrong code"."""
    source = "def " + inspect.getsource(right.reference).split("def ", 1)[1]
    mistakes = {}
    for block in re.findall(r"((?:^\S.*\n)+)((?:^    .*\n)+)", table, re.MULTILINE):
        advice = " ".join(block[0].split())
        for edit in block[1].splitlines():
            old, new = edit.strip().split(" → ")
            assert old in source, old
            made = {}
            exec(source.replace(old, new), globals(), made)
            mistakes[advice] = *mistakes.get(advice, ()), made.popitem()[1]
    return mistakes


@exercise("1", "Count the products", 1, [(128, 784, 128, 1), (512, 3706, 256, 5)])
def update_operations(rows, visible, hidden, k):
    return (2 * k + 3) * 2 * rows * visible * hidden


update_operations.mistakes = replaced(
    update_operations,
    """
The 2 is missing: each term is one multiplication and one addition.
    2 * k + 3 → k + 1.5
These are the five products of CD-1. Every further sweep adds two.
    2 * k + 3 → 5
A further sweep adds two products, one down and one up, and no more.
    2 * k + 3 → 5 * k
    2 * k + 3 → 3 * k + 2
    2 * k + 3 → k + 4
Some products are missing, or too many. CD-1 has five: up, down, up, and two averages.
    2 * k + 3 → 2 * k + 5
These are the operations of one product. Count how many there are.
    2 * k + 3 → 1
Count V additions for an entry, as the text does, and not V − 1. So each term counts 2.
    2 * rows * visible * hidden → rows * (2 * visible - 1) * hidden
This is the number of products. Multiply by the operations of each, 2·B·V·H.
    (2 * k + 3) * 2 * rows * visible * hidden → 2 * k + 3
""",
)


@dataclass
class Model:
    """The RBM of lesson 01."""

    W: Tensor
    b: Tensor
    c: Tensor

    def prob_h(self, v):
        return sigmoid(v @ self.W + self.c)

    def prob_v(self, h):
        return sigmoid(h @ self.W.T + self.b)

    def free_energy(self, v):
        return -(v @ self.b) - softplus(v @ self.W + self.c).sum(1)


def steps():
    sizes = (5, 30, 20), (1, 20, 25), (12, 40, 30)
    for seed, (rows, visible, hidden) in enumerate(sizes):
        rng = torch.Generator().manual_seed(seed)
        W = 0.3 * torch.randn(visible, hidden, generator=rng)
        b, c = (torch.randn(n, generator=rng) for n in (visible, hidden))
        v = (torch.rand(rows, visible, generator=rng) < 0.4).float()
        yield Model(W, b, c), v, torch.rand(rows, hidden, generator=rng)


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
fast_step.mistakes = replaced(
    fast_step,
    """
The numbers are right, with
    F = -(v @ model.b) - softplus(x).sum(1) → F = model.free_energy(v)
The signs of dW, db and dc are reversed. It is the data minus what comes back.
    return dW, db, dc → return -dW, -db, -dc
dW is the sum over the rows. Divide it by their number.
    / len(v) → / 1
The rise is one number, the mean over the rows of F(v1) − F(v).
    (F1 - F).mean() → (F - F1).mean()
    (F1 - F).mean() → F1 - F
The error compares v with the probabilities v1, squared, averaged over all entries.
    ** 2).mean() → ** 2).sum()
    ** 2).mean() → ** 2).sum(1).mean()
    ((v - v1) ** 2) → ((v - v1.round()) ** 2)
The bias c is missing in x. The input of the hidden units is v @ W + c.
    @ model.W + model.c → @ model.W
The bias c counts twice in the free energies. The input x has it already.
    softplus(x → softplus(model.c + x
The visible biases are lost or reversed. A free energy is −v·b minus the softplus terms.
    = -(v → = (v
    @ model.b) → @ (0 * model.b))
dW is not (v − v1)ᵀ (p − p1), which has mixed terms, too. Make vᵀ p and v1ᵀ p1.
    v.T @ p - v1.T @ p1 → (v - v1).T @ (p - p1)
One of the softplus sums takes p in place of x. Was x changed in place, as by x.sigmoid_()?
    softplus(x). → softplus(p).
The softplus terms are softplus(x), with x = v @ W + c, summed over the hidden units.
    - softplus( → - (lambda z: softplus(sigmoid(z)))(
    ).sum(1) → ).mean(1)
The softplus terms are summed over the rows. Sum over the hidden units: softplus(x).sum(1).
    ).sum(1) → ).sum()
The sign of the softplus terms is reversed. Both parts of a free energy are subtracted.
    - softplus → + softplus
h is not drawn with uniform. Set h = 1 where uniform < p, and go down from h.
    h = (uniform < p).float() → h = p
    h = (uniform < p).float() → h = (uniform > p).float()
The drawn h is counted. It only makes v1; count p in the products.
    v.T @ p - → v.T @ h -
The second hidden probabilities are those of the data. Compute them from v1.
    p1 = sigmoid(x1) → p1 = p
v1 is rounded or drawn. It stays a probability.
    model.prob_v(h) → model.prob_v(h).round()
Return five results in this order: dW, db, dc, error, rise.
    return dW, db, dc, error, rise → return dW, db, dc, rise, error
""",
)
N_BOXES = 40_000  # a row with an entry for each stands out by its size


def persons():
    for seed, n_ratings in enumerate((5, 1, 2, 8)):
        rng = torch.Generator().manual_seed(seed)
        film = torch.randperm(N_BOXES // 2, generator=rng)[:n_ratings]
        like = torch.rand(n_ratings, generator=rng) < 0.5
        W = 0.7 * torch.randn(N_BOXES, 3, generator=rng)
        b, c = (torch.randn(n, generator=rng) for n in (N_BOXES, 3))
        boxes = film + N_BOXES // 2 * ~like, film + N_BOXES // 2 * like
        yield *boxes, W, b, c, torch.rand(3, generator=rng)


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
person_step.mistakes = replaced(
    person_step,
    """
The numbers are right, but you make something as long as the whole catalogue
    W_on.sum(0) → torch.zeros(N_BOXES).index_fill_(0, on, 1) @ W
The bias c is missing in one of the inputs. Both ways up begin with c.
    (c + → (0 +
    (c + W_on → (W_on
    (c + q → (q
The first input is c plus the sum of the rows of W[on], and of nothing else.
    W_on.sum(0) → W_on.mean(0)
Your function changes its c. Leave what you were given as it was, and name the input anew.
    p = sigmoid(c + W_on.sum(0)) → c += W_on.sum(0); p = sigmoid(c)
on and other have changed places. The box that the person switched on is `on`.
    W_on, W_other = W[on], W[other] → W_on, W_other = W[other], W[on]
The input has one entry for each hidden unit. W_on.sum(0) adds up the ratings, axis 0.
    W_on.sum(0) → W_on.sum(1)
The result has one row for each rating. Turn q into a column: q[:, None] * p1.
    q[:, None] * p1 → q * p1
    q[:, None] * p1, -(1 - q)[:, None] * p1 → q.mean() * p1, -(1 - q.mean()) * p1
h is not drawn with u. Set h = 1 where u < p, and go down from h.
    h = (u < p).to(W.dtype) → h = p
    h = (u < p).to(W.dtype) → h = (u > p).to(W.dtype)
The biases are missing or reversed on the way down: b[on] − b[other].
    b[on] - b[other] → 0
    b[on] - b[other] → b[other] - b[on]
Only one of the boxes counts in q. It depends on the difference of both, in b and in W.
    b[on] - b[other] + (W_on - W_other) @ h → b[on] + W_on @ h
    b[on] - b[other] → b[on]
    (W_on - W_other) @ h → W_on @ h
q is the probability of the other box. Take on minus other.
    q = sigmoid( → q = 1 - sigmoid(
On the second way up W[on] has the factor q, and W[other] has 1 − q.
    q @ W_on + (1 - q) @ W_other → q @ W_on
    q @ W_on + (1 - q) @ W_other → (1 - q) @ W_on + q @ W_other
    q @ W_on + (1 - q) @ W_other → q @ (W_on + W_other)
p1 is that of the data. Compute it from q and 1 − q.
    q @ W_on + (1 - q) @ W_other → W_on.sum(0)
q is rounded or drawn. It stays a probability.
    (W_on - W_other) @ h) → (W_on - W_other) @ h).round()
The drawn h is counted. It only makes q; count p for the data, and p1 for what comes back.
    = p - q → = h - q
    * p1 → * h
The model's part needs its factors: q p1 for W[on], and (1 − q) p1 for W[other].
    p - q[:, None] * p1, -(1 - q)[:, None] * p1 → p - p1, -p1
The signs are reversed. It is the data first, minus what comes back.
    return d_on, d_other → return -d_on, -d_other
W[other] changes by 0 − (1 − q) p1, since in the data its box is off.
    return d_on, d_other → return d_on, -d_other
    , -(1 - q)[:, None] * p1 → , -q[:, None] * p1
    , -(1 - q)[:, None] * p1 → , p - (1 - q)[:, None] * p1
The changes are divided by the number of ratings. A person counts as a whole.
    return d_on, d_other → return d_on / len(on), d_other / len(on)
Return the change of W[on], and then that of W[other].
    return d_on, d_other → return d_other, d_on
    return d_on, d_other → return d_on
The changes are added up over the ratings. Return one row for each rating.
    return d_on, d_other → return d_on.sum(0), d_other.sum(0)
""",
)


def gradients():
    for seed, rows in enumerate(((3, 3, 3, 2), (20, 64), (5, 2, 1))):
        rng = torch.Generator().manual_seed(seed)
        yield [torch.randn(4, 3, generator=rng) for _ in rows], list(rows)


@exercise("4", "What is added up", 2, gradients())
def together(means, rows):
    total = sum(rows)
    return sum(n / total * mean for mean, n in zip(means, rows, strict=True))


together.keeps = ("means", "rows")
together.mistakes = replaced(
    together,
    """
This is the mean of the means. Weight each mean by its number of rows.
    n / total * → 1 / len(rows) *
The means are only added, so the step is too long. Weight each by its share of the rows.
    n / total * → 1 *
Each mean is multiplied by its rows. Divide the sum by the number of all rows.
    n / total * → n *
    n / total * → n / len(rows) *
The means are divided by their rows already. Multiply each by its rows first.
    n / total * → 1 / n *
    n / total * → total / n *
A process with more rows must count more. In yours it counts less.
    n / total * → 1 / n / sum(1 / m for m in rows) *
    n / total * → (1 - n / total) *
Multiply the means one by one, or give the numbers of rows the shape (processes, 1, 1).
    return sum(n / → return (torch.stack(means) * torch.tensor(rows)).sum(0) or sum(n /
Only some of the processes are counted. There may be any number of them.
    total = sum(rows) → means, rows = means[:2], rows[:2]; total = sum(rows)
All weights became 0, because // and int() round down. Divide with /.
    n / total * → n // total *
These are the shares of the processes, still apart. Add them up.
    return sum( → return list(
""",
)
