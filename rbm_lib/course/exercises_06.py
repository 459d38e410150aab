"""Exercises of lesson 06: operations of an update, sparse rows, break-even, lost steps, a process's share."""

import math

import torch

from rbm_lib.course.exercises import Exercise


def _generator(seed):
    return torch.Generator().manual_seed(seed)


def _normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


# ---- 1: count the products -----------------------------------------------------------------------------


def _products(count):
    """The operations, if a CD-k update had count(k) products."""
    return lambda batch, visible, hidden, k: count(k) * 2 * batch * visible * hidden


UPDATE_FLOPS = Exercise(
    id="1",
    title="Count the products",
    points=1,
    reference=_products(lambda k: 2 * k + 3),
    cases=lambda: [(128, 784, 128, 1), (512, 3706, 256, 5), (7, 5, 3, 2)],
    mistakes={
        "The 2 is missing: each of a product's B·V·H terms is one multiplication and one addition.": (
            lambda batch, visible, hidden, k: (2 * k + 3) * batch * visible * hidden
        ),
        "These are the five products of CD-1; every further sweep adds two.": _products(lambda k: 5),
        "One product per sweep: a sweep has two, and there are three more besides.": _products(lambda k: k),
        "Only the sweeps are counted; there are three products more.": _products(lambda k: 2 * k),
        "The two statistics of W, data and model, are products, too.": _products(lambda k: 2 * k + 1),
        "One product is missing: 1 for p(h given the data), 2 per sweep, 2 for the statistics of W.": (
            _products(lambda k: 2 * k + 2)
        ),
        "A further sweep adds two products, down and up, not all five.": _products(lambda k: 5 * k),
        "This is for one row: every row of the batch takes part.": (
            lambda batch, visible, hidden, k: (2 * k + 3) * 2 * visible * hidden
        ),
        "This is the number of products; each takes 2·B·V·H operations.": lambda *sizes: 2 * sizes[3] + 3,
    },
)

# ---- 2: without the zeros -------------------------------------------------------------------------------


def _inputs(items, W):
    return torch.stack([W[liked].sum(0) for liked in items])


def _hidden_means(items, W, hidden_bias):
    return torch.sigmoid(_inputs(items, W) + hidden_bias)


def _like_cases():
    cases = []
    shapes = (9, 3, (2, 0, 4, 1)), (12, 2, (0, 5, 3, 0, 2)), (40, 4, (6, 3, 0, 1))
    for seed, (n_visible, n_hidden, lengths) in enumerate(shapes):
        g = _generator(seed)
        items = [torch.randperm(n_visible, generator=g)[:length] for length in lengths]
        cases.append((items, _normal(g, n_visible, n_hidden), _normal(g, n_hidden)))
    # Nobody likes these items of the last case. 0 × NaN is NaN: a product with a dense row shows itself. The
    # first and last item stay as they are: rows padded with 0 or −1 and masked are no mistake.
    items, W, _ = cases[-1]
    unseen = torch.ones(len(W), dtype=torch.bool)
    unseen[torch.cat([*items, torch.tensor([0, len(W) - 1])])] = False
    W[unseen] = torch.nan
    return cases


def _dense(items, W, hidden_bias):
    v = torch.stack([torch.zeros(len(W)).index_fill(0, liked, 1) for liked in items])
    return torch.sigmoid(v @ W + hidden_bias)


def _with_inputs(row):
    """The hidden means, if the input of a row that likes these items were row(items, W)."""
    return lambda items, W, c: torch.sigmoid(torch.stack([row(liked, W) for liked in items]) + c)


HIDDEN_MEANS = Exercise(
    id="2",
    title="Without the zeros",
    points=2,
    reference=_hidden_means,
    cases=_like_cases,
    mistakes={
        "A matrix product over all items: W holds NaN where nobody likes an item, and 0 · NaN is NaN. Read "
        "only the rows of W that somebody likes.": _dense,
        "The hidden bias is missing.": lambda items, W, c: torch.sigmoid(_inputs(items, W)),
        "The sigmoid is missing: these are the inputs.": lambda items, W, c: _inputs(items, W) + c,
        "The rows of W are averaged; the input is their sum (embedding_bag needs mode='sum').": _with_inputs(
            lambda liked, W: W[liked].sum(0) / max(len(liked), 1)
        ),
        "The rows of W are averaged; the input is their sum. A mean over no likes is NaN, a sum is 0.": (
            _with_inputs(lambda liked, W: W[liked].mean(0))
        ),
        "One row too many: starts holds one start for each bag, and no end after the last.": (
            lambda items, W, c: _hidden_means([*items, items[0][:0]], W, c)
        ),
        "A row without likes is left out: its hidden units hear their biases only, sigmoid(c).": (
            lambda items, W, c: _hidden_means([liked for liked in items if len(liked)], W, c)
        ),
        "A row without likes has probability 0 here: its hidden units hear their biases, sigmoid(c).": (
            lambda items, W, c: _hidden_means(items, W, c) * torch.tensor([[len(i) > 0] for i in items])
        ),
        "Only one like of each row counts: with a repeated index, += keeps one. index_add_ adds all.": (
            _with_inputs(lambda liked, W: W[liked[-1:]].sum(0))
        ),
        "The bias is counted once for each like; it belongs to the row once.": lambda items, W, c: (
            torch.sigmoid(_inputs(items, W + c))
        ),
    },
)

# ---- 3: where it breaks even ----------------------------------------------------------------------------


def _ratio(overhead, rate, launches, visible, hidden):
    return launches * overhead * rate / (10 * visible * hidden)


BREAK_EVEN = Exercise(
    id="3",
    title="Where it breaks even",
    points=2,
    reference=lambda *a: math.ceil(_ratio(*a)),
    # The second comes out whole, and exactly so in floating point: powers of two. Small enough to search.
    cases=lambda: [(5e-6, 4e10, 30, 100, 53), (2**-17, 2**33, 40, 32, 16), (8e-6, 6e12, 24, 784, 128)],
    mistakes={
        "Rounded down: at this batch the products still take less time than the launches.": (
            lambda *a: math.floor(_ratio(*a))
        ),
        "Rounded to the nearest: the smallest whole batch that is large enough is asked for, so round up.": (
            lambda *a: round(_ratio(*a))
        ),
        "Not a whole number: half a row cannot be trained. Round up.": _ratio,
        "One too many where it comes out whole: at least as long includes equally long.": (
            lambda *a: math.floor(_ratio(*a)) + 1
        ),
        "The factor 2 is missing: five products take 10·B·V·H.": lambda *a: math.ceil(2 * _ratio(*a)),
        "Only one product is counted, 2·B·V·H; an update has five.": lambda *a: math.ceil(5 * _ratio(*a)),
        "Only one launch is counted: an update pays the overhead of all its launches.": (
            lambda overhead, rate, launches, *sizes: math.ceil(_ratio(overhead, rate, 1, *sizes))
        ),
        "This is the ratio upside down: seconds of the launches over seconds of one row's products.": (
            lambda *a: 1 / _ratio(*a)
        ),
    },
)

# ---- 4: lost steps --------------------------------------------------------------------------------------


def _unchanged(weight, step, dtype):
    return weight.to(dtype) + step.to(dtype) == weight.to(dtype)


def _share(unchanged, counted):
    return (unchanged & counted).sum().item() / counted.sum().item()


def _step_cases():
    cases = []
    for seed, dtype in ((0, torch.bfloat16), (1, torch.float16), (2, torch.bfloat16)):
        g = _generator(seed)
        weight, size = 0.1 * _normal(g, 30, 20), torch.rand(30, 20, generator=g)
        weight[:4] = torch.tensor([0.5, -0.25, 1.0, -2.0])[:, None]  # in every type exactly
        step = _normal(g, 30, 20) * 10 ** (-8 * size - 1)  # the smallest are 0 in float16
        step[torch.rand(30, 20, generator=g) < 0.2] = 0
        cases.append((weight, step, dtype))
    return cases


LOST_SHARE = Exercise(
    id="4",
    title="Lost steps",
    points=2,
    reference=lambda weight, step, dtype: _share(_unchanged(weight, step, dtype), step != 0),
    cases=_step_cases,
    mistakes={
        "This is the share that changes; the share that stays the same is asked for.": (
            lambda w, s, dtype: _share(~_unchanged(w, s, dtype), s != 0)
        ),
        "Weights whose step is zero are counted: they would stay the same in any type.": (
            lambda w, s, dtype: _unchanged(w, s, dtype).double().mean()
        ),
        "Divided by all weights: count only those whose step is not zero, above and below the line.": (
            lambda w, s, dtype: (_unchanged(w, s, dtype) & (s != 0)).double().mean()
        ),
        "A step that rounding turns into zero is lost as well: count where the given step is not zero.": (
            lambda w, s, dtype: _share(_unchanged(w, s, dtype), s.to(dtype) != 0)
        ),
        "Added in the type that was given: round both first. Of two types PyTorch takes the wider one.": (
            lambda w, s, dtype: _share(w.to(dtype) + s == w.to(dtype), s != 0)
        ),
        "The step is left as it was, and only the sum is rounded: round the step first, too.": (
            lambda w, s, dtype: _share((w.to(dtype) + s).to(dtype) == w.to(dtype), s != 0)
        ),
        "Compared with the weight before rounding: rounding alone already changes it.": (
            lambda w, s, dtype: _share(w.to(dtype) + s.to(dtype) == w, s != 0)
        ),
        "Added first and rounded afterwards: the weight that the step meets is a rounded one.": (
            lambda w, s, dtype: _share((w + s).to(dtype) == w.to(dtype), s != 0)
        ),
        "This is the number of weights; divide by the number of steps that are not zero.": (
            lambda w, s, dtype: (_unchanged(w, s, dtype) & (s != 0)).sum()
        ),
        "This is in per cent; a share lies between 0 and 1.": (
            lambda w, s, dtype: 100 * _share(_unchanged(w, s, dtype), s != 0)
        ),
    },
)

# ---- 5: your share --------------------------------------------------------------------------------------


def _slice(x, rank, size):
    return x.tensor_split(size)[rank]


def _first_rows(x, rank, size):
    return x[: len(_slice(x, rank, size))]


def _leftovers_dropped(x, rank, size):
    length = len(x) // size
    return x[rank * length : (rank + 1) * length]


def _part(rows=_slice, noise=None, divisor=lambda whole, own, size: whole, first=None, drives=torch.lt):
    """The share of the gradient; each argument replaces one step of it.

    first: what stands for h in the first statistic, from (p, h); drives: h from (uniform, p).
    """

    def part(v, uniform, W, b, c, rank, size):
        v0, u0 = rows(v, rank, size), (noise or rows)(uniform, rank, size)
        p0 = torch.sigmoid(v0 @ W + c)
        h0 = drives(u0, p0).to(W)
        v1 = torch.sigmoid(h0 @ W.T + b)
        p1 = torch.sigmoid(v1 @ W + c)
        positive = v0.T @ (first(p0, h0) if first else p0)
        return (positive - v1.T @ p1) / divisor(len(v), len(v0), size)

    return part


def _batch_cases():
    cases = []
    for seed, rows, rank, size in ((0, 6, 1, 2), (1, 6, 0, 2), (2, 7, 1, 3), (3, 7, 2, 3), (4, 3, 3, 4)):
        g = _generator(seed)
        v, uniform = (_normal(g, rows, 5) > 0).float(), torch.rand(rows, 3, generator=g)
        cases.append((v, uniform, _normal(g, 5, 3), _normal(g, 5), _normal(g, 3), rank, size))
    return cases


PART_OF_GRADIENT = Exercise(
    id="5",
    title="Your share",
    points=3,
    reference=_part(),
    cases=_batch_cases,
    tolerance=1e-5,
    mistakes={
        "Divided by the rows of the slice, of which there may be none: the shares are summed, so divide by "
        "those of the whole batch.": _part(divisor=lambda whole, own, size: own),
        "A slice may be empty, and its mean is NaN, however weighed: divide the slice's sum by the rows "
        "of the whole batch.": _part(divisor=lambda whole, own, size: whole * torch.tensor(own).div(own)),
        "A mean of the processes' means is NaN where a slice is empty, and right only where all are equally "
        "long: divide by the rows of the whole batch.": _part(divisor=lambda whole, own, size: own * size),
        "Not divided by the rows of the whole batch.": _part(divisor=lambda whole, own, size: 1),
        "The noise is taken from the start of uniform: every process needs the slice of its own rows.": (
            _part(noise=_first_rows)
        ),
        "These are the first rows for every rank: take slice number rank of v and of uniform.": (
            _part(rows=_first_rows)
        ),
        "This is the gradient of the whole batch; the sum over the processes would be size times that.": (
            _part(rows=lambda x, rank, size: x)
        ),
        "The sum over the processes would be right, but each does the work of the whole batch: take slice "
        "number rank of v and of uniform.": _part(
            rows=lambda x, rank, size: x, divisor=lambda whole, own, size: whole * size
        ),
        "Ranks count from 0: take slice number rank, not rank − 1.": (
            _part(rows=lambda x, rank, size: _slice(x, rank - 1, size))
        ),
        "Rows that are left over are dropped: torch.tensor_split gives them to the first slices.": (
            _part(rows=_leftovers_dropped)
        ),
        "Every size-th row is taken; torch.tensor_split gives rows that follow each other.": (
            _part(rows=lambda x, rank, size: x[rank::size])
        ),
        "The sign is reversed: data minus model.": _part(divisor=lambda whole, own, size: -whole),
        "Samples stand in the first statistic; the mean p(h=1 given v) has less noise. Samples only drive "
        "the reconstruction.": _part(first=lambda p, h: h),
        "The reconstruction starts from the states, uniform < p, not from p.": _part(drives=lambda u, p: p),
        "The states are upside down: a unit is on where uniform < p.": _part(drives=torch.ge),
        "The visible bias b is missing.": lambda v, u, W, b, *rest: _part()(v, u, W, 0 * b, *rest),
        "The hidden bias c is missing.": lambda v, u, W, b, c, *rest: _part()(v, u, W, b, 0 * c, *rest),
    },
)

EXERCISES = {e.id: e for e in (UPDATE_FLOPS, HIDDEN_MEANS, BREAK_EVEN, LOST_SHARE, PART_OF_GRADIENT)}
