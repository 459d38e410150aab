"""Exercises of lesson 06: count products, halve them, rated columns, several processes."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from rbm_lib.course import exercise


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@exercise("1", "Count the products", 1, [(128, 784, 128, 1), (512, 3706, 256, 5)])
def update_operations(rows, visible, hidden, k):
    return (2 * k + 3) * 2 * rows * visible * hidden


def products(number):
    """As many products as `number` says for k sweeps."""
    return lambda rows, visible, hidden, k: number(k) * 2 * rows * visible * hidden


update_operations.mistakes = {
    "The 2 is missing: each term of a sum is one multiplication and one addition.": (
        lambda *sizes: update_operations(*sizes) / 2
    ),
    "These are the five products of CD-1. Every further sweep adds two.": (
        products(lambda k: 5),
    ),
    "A further sweep adds two products, down and up, not all five.": (
        products(lambda k: 5 * k)
    ),
    "A further sweep adds two products, one down and one up. The two of the statistics are "
    "made once, after the last sweep.": (
        products(lambda k: 4 * k + 1),
        products(lambda k: 3 * k + 2),
    ),
    "The two products of the statistics are missing: v.T @ p, for data and sweep.": (
        products(lambda k: 2 * k + 1)
    ),
    "The way up from the data is missing. It comes before the first sweep.": (
        products(lambda k: 2 * k + 2)
    ),
    "A further sweep adds two products, one down and one up. You count one.": (
        products(lambda k: k + 4)
    ),
    "CD-1 has k = 1 and five products: three for up, down, up, and two for the statistics. "
    "You count one sweep too many.": products(lambda k: 2 * k + 5),
    "The statistics need two products, one for the data and one for the sweep.": (
        products(lambda k: 2 * k + 1.5),
    ),
    "This is the number of products. Multiply by the operations of each, 2·B·V·H.": (
        lambda rows, visible, hidden, k: 2 * k + 3
    ),
    "These are the operations of one product. Count how many an update has.": (
        products(lambda k: 1)
    ),
}


@dataclass
class Model:
    """The RBM of lesson 01."""

    W: Tensor
    b: Tensor
    c: Tensor

    def prob_h(self, v):
        return torch.sigmoid(v @ self.W + self.c)

    def prob_v(self, h):
        return torch.sigmoid(h @ self.W.T + self.b)

    def free_energy(self, v):
        return -(v @ self.b) - softplus(v @ self.W + self.c).sum(1)


def steps():
    for seed, shape in enumerate(((5, 30, 20), (1, 20, 25), (12, 40, 30))):
        rng = seeded(seed)
        n_rows, n_visible, n_hidden = shape
        W = 0.3 * torch.randn(n_visible, n_hidden, generator=rng)
        b = torch.randn(n_visible, generator=rng)
        c = torch.randn(n_hidden, generator=rng)
        v = (torch.rand(n_rows, n_visible, generator=rng) < 0.4).float()
        yield Model(W, b, c), v, torch.rand(n_rows, n_hidden, generator=rng)


def step_with(
    products=5,
    noise=lambda u, p: u,
    back=lambda v1, p: v1,
    count=lambda p, h: p,
    last=lambda p1, p: p1,
    error=lambda v, v1: ((v - v1) ** 2).mean(),
    hidden_part=lambda x: softplus(x).sum(1),
    visible_part=lambda v, b: v @ b,
    gap=lambda there, here: (there - here).mean(),
    given=lambda *results: results,
):
    """CD-1 and two numbers to watch. The arguments make mistakes."""

    def step(model, v, uniform):
        x = v @ model.W + model.c
        p = torch.sigmoid(x)
        h = (noise(uniform, p) < p).to(v.dtype)
        v1 = back(model.prob_v(h), p)
        x1 = v1 @ model.W + model.c
        p1 = last(torch.sigmoid(x1), p)
        if products > 5:
            model.free_energy(v)
        if products > 6:
            model.free_energy(v1)
        if products > 7:
            model.prob_v(h)
        n = len(v)
        dW = (v.T @ count(p, h) - v1.T @ p1) / n
        here = -visible_part(v, model.b) - hidden_part(x)
        there = -visible_part(v1, model.b) - hidden_part(x1)
        others = (v - v1).mean(0), (p - p1).mean(0), error(v, v1), gap(there, here)
        return given(dW, *others)

    return step


def watched_step(model, v, uniform):
    """The slow step of the lesson, with ten products."""

    def reconstruct():
        h = (uniform < model.prob_h(v)).to(v.dtype)
        return model.prob_v(h)

    p = model.prob_h(v)
    v1 = reconstruct()
    p1 = model.prob_h(v1)
    dW = (v.T @ p - v1.T @ p1) / len(v)
    error = ((v - reconstruct()) ** 2).mean()
    gap = (model.free_energy(v1) - model.free_energy(v)).mean()
    return dW, (v - v1).mean(0), (p - p1).mean(0), error, gap


fast_step = exercise("2", "Half the products", 3, steps(), 1e-5)(step_with())


def at_most_five(work, cases):
    """What to say of a right step with more than five products, as lesson 06 counts."""
    one_each = sum(2 * len(v) * model.W.numel() for model, v, _ in cases)
    number = round(work.operations / one_each)  # products with a vector are small
    if number <= 5:
        return ""
    said = f"The numbers are right, with {number} products. Five are enough."
    if work.most_repeated > 2:
        again = f"One product is made {work.most_repeated} times"
    elif work.most_repeated == 2:
        again = "At least one product is made twice"
    else:
        return said
    return f"{said} {again}: keep v @ W + c, p and v1 in variables, and use these again."


fast_step.demand = at_most_five
fast_step.mistakes = {
    "The numbers are right, with 10 products. Five are enough. One product is made 4 "
    "times": watched_step,
    "The numbers are right, with 6 products. Five are enough. At least one product is made "
    "twice": step_with(products=6),
    "The numbers are right, with 7 products. Five are enough.": step_with(products=7),
    "The numbers are right, with 8 products. Five are enough.": step_with(products=8),
    "The signs of dW, db and dc are reversed. It is the data minus what comes back.": (
        step_with(given=lambda dW, db, dc, *two: (-dW, -db, -dc, *two))
    ),
    "The gap is reversed: the free energy of v1 minus that of v.": (
        step_with(gap=lambda there, here: (here - there).mean())
    ),
    "The error compares v with the probabilities v1, squared, averaged over all entries.": (
        step_with(error=lambda v, v1: ((v - v1) ** 2).sum()),
        step_with(error=lambda v, v1: ((v - v1) ** 2).sum(1).mean()),
        step_with(error=lambda v, v1: (v - v1).abs().mean()),
        step_with(error=lambda v, v1: ((v - v1.round()) ** 2).mean()),
    ),
    "The gap lost the visible biases. A free energy is −v·b minus the softplus terms.": (
        step_with(visible_part=lambda v, b: 0)
    ),
    "In the free energies, softplus takes the input v @ W + c, not the probability p.": (
        step_with(hidden_part=lambda x: softplus(torch.sigmoid(x)).sum(1))
    ),
    "In the free energies, the softplus terms became something else. It is softplus(x), "
    "summed over the hidden units.": (
        step_with(hidden_part=lambda x: torch.sigmoid(x).sum(1)),
        step_with(hidden_part=lambda x: softplus(x).mean(1)),
        step_with(hidden_part=lambda x: x.sum(1)),
        step_with(hidden_part=lambda x: (torch.sigmoid(x) * x).sum(1)),
    ),
    "The gap still has a number for each row. Average it over the rows.": (
        step_with(gap=lambda there, here: there - here),
    ),
    "The gap is a mean over the rows, not a sum.": (
        step_with(gap=lambda there, here: (there - here).sum())
    ),
    "No hidden state is drawn: p itself went down. Draw h = 1 where uniform < p.": (
        lambda model, v, uniform: step_with(
            back=lambda v1, p: model.prob_v(p),
        )(model, v, uniform)
    ),
    "The drawn h is counted. It only makes v1; count p in the products.": (
        step_with(count=lambda p, h: h)
    ),
    "The second hidden probabilities are those of the data. Compute them from v1.": (
        step_with(last=lambda p1, p: p)
    ),
    "The draw does not use uniform. Set h = 1 where uniform < p, so that numbers repeat.": (
        step_with(noise=lambda u, p: torch.full_like(u, 0.5)),
    ),
    "v1 is rounded or drawn. It stays a probability.": (
        step_with(back=lambda v1, p: v1.round())
    ),
    "dW is not divided by the number of rows.": (
        lambda model, v, u: (
            len(v) * step_with()(model, v, u)[0],
            *step_with()(model, v, u)[1:],
        )
    ),
    "The last two numbers are swapped. The error comes first, then the gap.": (
        step_with(given=lambda dW, db, dc, error, gap: (dW, db, dc, gap, error))
    ),
    "The two numbers to watch are missing. Return dW, db, dc, error, gap.": (
        step_with(given=lambda dW, db, dc, error, gap: (dW, db, dc))
    ),
}

N_BOXES = 40_000  # a row with an entry for each stands out by its size


def persons():
    for seed, n_ratings in enumerate((5, 0, 1, 8)):
        rng = seeded(seed)
        film = torch.randperm(N_BOXES // 2, generator=rng)[:n_ratings]
        like = torch.rand(n_ratings, generator=rng) < 0.5
        on, other = film + N_BOXES // 2 * ~like, film + N_BOXES // 2 * like
        W = 0.7 * torch.randn(N_BOXES, 3, generator=rng)
        b = torch.randn(N_BOXES, generator=rng)
        c = torch.randn(3, generator=rng)
        yield on, other, W, b, c, torch.rand(3, generator=rng)


def person_with(
    up=lambda W_on, c: c + W_on.sum(0),
    draw=lambda u, p: (u < p).to(p.dtype),
    bias=lambda on, other: on - other,
    down=lambda W_on, W_other, h: (W_on - W_other) @ h,
    back=lambda q: q,
    again=lambda q, W_on, W_other, c: c + q @ W_on + (1 - q) @ W_other,
    last=lambda p1, p: p1,
    count=lambda p, h: p,
    other_one=lambda p, q, p1: -(1 - q)[:, None] * p1,
    given=lambda d_on, d_other: (d_on, d_other),
):
    """A step for one person. The arguments make mistakes."""

    def person_step(on, other, W, b, c, u):
        W_on, W_other = W[on], W[other]
        p = torch.sigmoid(up(W_on, c))
        h = draw(u, p)
        q = back(torch.sigmoid(bias(b[on], b[other]) + down(W_on, W_other, h)))
        p1 = last(torch.sigmoid(again(q, W_on, W_other, c)), p)
        return given(count(p, h) - q[:, None] * p1, other_one(p, q, p1))

    return person_step


person_step = exercise("3", "Only what is rated", 2, persons(), 1e-5)(person_with())


def nothing_as_long_as_the_catalogue(work, cases):
    if work.largest < N_BOXES and work.bytes < N_BOXES:
        return ""
    return (
        "The numbers are right, but you make something as long as the whole catalogue, "
        "such as a dense row or a copy of W. Take W[on] and W[other] only."
    )


def dense_row(box, value, n):
    return torch.zeros(n).index_put_((box,), value)


def by_dense_rows(on, other, W, b, c, u, tidy=lambda W: W):
    """Right numbers from products with all of W."""
    W = tidy(W)
    x, y = (dense_row(box, torch.ones(len(box)), len(W)) for box in (on, other))
    p = torch.sigmoid(x @ W + c)
    score = W @ (u < p).to(W.dtype) + b
    q = torch.sigmoid(score[on] - score[other])
    x1 = dense_row(on, q, len(W)) + dense_row(other, 1 - q, len(W))
    p1 = torch.sigmoid(x1 @ W + c)
    d = torch.outer(x, p) - torch.outer(x1, p1)
    return d[on], d[other] if y.any() else d[other]


def by_numpy_rows(on, other, W, b, c, u):
    d_on, d_other = person_with()(on, other, W, b, c, u)
    x = dense_row(on, torch.ones(len(on)), len(W)).numpy().astype(float)
    p = torch.sigmoid(torch.from_numpy(x @ W.double().numpy()) + c)
    return d_on + 0 * p, d_other


person_step.demand = nothing_as_long_as_the_catalogue
person_step.mistakes = {
    "The numbers are right, but you make something as long as the whole catalogue": (
        by_dense_rows,
        lambda *a: by_dense_rows(*a, tidy=torch.nan_to_num),
        by_numpy_rows,
    ),
    "The bias c is missing in one of the inputs. Both ways up begin with c.": (
        person_with(
            up=lambda W_on, c: W_on.sum(0),
            again=lambda q, W_on, W_other, c: q @ W_on + (1 - q) @ W_other,
        ),
        person_with(up=lambda W_on, c: W_on.sum(0)),
        person_with(again=lambda q, W_on, W_other, c: q @ W_on + (1 - q) @ W_other),
    ),
    "The rows of W[on] are averaged. The input is their sum.": (
        person_with(up=lambda W_on, c: c + W_on.sum(0) / max(len(W_on), 1)),
        person_with(up=lambda W_on, c: c + W_on.mean(0)),
    ),
    "No hidden state is drawn: p itself went down. Draw h = 1 where u < p.": (
        person_with(draw=lambda u, p: p)
    ),
    "The draw is turned around. h = 1 where u is below p, which happens with "
    "probability p.": person_with(draw=lambda u, p: (u > p).to(p.dtype)),
    "The visible biases are missing on the way down: b[on] − b[other].": (
        person_with(bias=lambda on, other: 0 * on)
    ),
    "On the way down only the box that is on counts. Its probability depends on the "
    "difference of both boxes, in b and in W.": (
        person_with(bias=lambda on, other: on, down=lambda W_on, W_other, h: W_on @ h),
        person_with(down=lambda W_on, W_other, h: W_on @ h),
        person_with(bias=lambda on, other: on),
    ),
    "q is the probability of the other box. Take on minus other.": (
        person_with(
            bias=lambda on, other: other - on,
            down=lambda W_on, W_other, h: (W_other - W_on) @ h,
        ),
    ),
    "The difference of the biases has the wrong sign: b[on] − b[other].": (
        person_with(bias=lambda on, other: other - on)
    ),
    "On the second way up the other box is missing. It comes back with 1 − q, so add "
    "(1 − q) @ W[other].": (person_with(again=lambda q, W_on, W_other, c: c + q @ W_on)),
    "On the second way up W[on] and W[other] are swapped. W[on] belongs to q.": (
        person_with(again=lambda q, W_on, W_other, c: c + (1 - q) @ W_on + q @ W_other)
    ),
    "On the second way up W[other] gets the factor q. It comes back with 1 − q.": (
        person_with(again=lambda q, W_on, W_other, c: c + q @ (W_on + W_other))
    ),
    "p1 is computed from the boxes as they were. Use q and 1 − q.": (
        person_with(last=lambda p1, p: p)
    ),
    "q is rounded or drawn. It stays a probability.": (
        person_with(back=lambda q: (q > 0.5).to(q.dtype))
    ),
    "The drawn h is counted. It only makes q; count p.": person_with(count=lambda p, h: h),
    "The signs are reversed. It is the data first, minus what comes back.": (
        person_with(given=lambda d_on, d_other: (-d_on, -d_other))
    ),
    "The change of W[other] has the wrong sign. In the data this box is off, so it is "
    "0 − (1 − q) p1.": person_with(given=lambda d_on, d_other: (d_on, -d_other)),
    "The change of W[other] takes q. This box comes back with 1 − q.": (
        person_with(other_one=lambda p, q, p1: -q[:, None] * p1)
    ),
    "In the data the other box is off, so p does not count for it: 0 − (1 − q) p1.": (
        person_with(other_one=lambda p, q, p1: p - (1 - q)[:, None] * p1)
    ),
    "The change is divided by the number of ratings. A person counts as a whole; the "
    "caller divides by the number of people.": (
        person_with(given=lambda d, e: (d / max(len(d), 1), e / max(len(e), 1)))
    ),
    "The two results are swapped. The change of W[on] comes first.": (
        person_with(given=lambda d_on, d_other: (d_other, d_on))
    ),
    "Only the change of W[on] is returned. Return both.": (
        person_with(given=lambda d_on, d_other: d_on)
    ),
    "The changes are added up over the ratings. Return one row for each rating.": (
        person_with(given=lambda d_on, d_other: (d_on.sum(0), d_other.sum(0)))
    ),
}


def gradients():
    """Mean gradients of slices and the slices' lengths, in lists."""
    for seed, rows in enumerate(((3, 3, 3, 2), (20, 64), (5, 0, 1))):
        rng = seeded(seed)
        means = [torch.randn(4, 3, generator=rng) for _ in rows]
        means = [m if n else torch.zeros(4, 3) for m, n in zip(means, rows, strict=True)]
        yield means, list(rows)


def weighted(share):
    """The sum of the means times `share` of (rows of a slice, all rows, slices)."""

    def together(means, rows):
        pairs = zip(means, rows, strict=True)
        return sum(share(n, sum(rows), len(rows)) * mean for mean, n in pairs)

    return together


together = exercise("4", "What is added up", 2, gradients())(
    weighted(lambda n, total, size: n / total)
)
together.mistakes = {
    "This is the mean of the means, in which a row of a short slice counts more than one "
    "of a long slice. Weigh each mean by its number of rows.": (
        weighted(lambda n, total, size: 1 / size)
    ),
    "The means of the processes are only added, so the step is too long. Weigh each by its "
    "share of the rows.": weighted(lambda n, total, size: 1),
    "Each mean is multiplied by its rows, and the sum is not divided by all rows.": (
        weighted(lambda n, total, size: n)
    ),
    "Each mean is multiplied by its rows. Divide by the number of all rows, not of the "
    "processes.": weighted(lambda n, total, size: n / size),
    "The shares add up to 1 already. You divide once more by the number of processes.": (
        weighted(lambda n, total, size: n / total / size)
    ),
    "Each mean is divided by the number of all rows. It is a mean already: multiply it by "
    "its own rows first.": weighted(lambda n, total, size: 1 / total),
    "The weights are upside down: a slice with more rows counts more.": (
        lambda means, rows: (
            sum(mean / max(n, 1) for mean, n in zip(means, rows, strict=True))
            / sum(1 / max(n, 1) for n in rows)
        ),
    ),
    "You divide by the rows of the slice. The means are divided by these already.": (
        lambda means, rows: sum(
            mean / max(n, 1) for mean, n in zip(means, rows, strict=True)
        )
    ),
    "Only one process counts. Add up the shares of all.": (
        lambda means, rows: means[0],
        lambda means, rows: means[-1],
        lambda means, rows: means[0] * rows[0] / sum(rows),
    ),
    "The largest slice stands for all. Add up the shares of all processes.": (
        lambda means, rows: means[rows.index(max(rows))],
    ),
    "The empty slice is left out of the count, but the others are still averaged evenly. "
    "Weigh each mean by its number of rows.": (
        lambda means, rows: sum(means) / sum(n > 0 for n in rows)
    ),
    "These are the shares of the processes, still apart. Add them up.": (
        lambda means, rows: torch.stack(
            [n / sum(rows) * mean for mean, n in zip(means, rows, strict=True)]
        )
    ),
    "The entries of the gradient are averaged as well. It keeps its shape.": (
        lambda means, rows: torch.tensor(
            sum(
                n / sum(rows) * mean.mean() for mean, n in zip(means, rows, strict=True)
            ).item()
        )
    ),
}
