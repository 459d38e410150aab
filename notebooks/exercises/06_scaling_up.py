"""Exercises of lesson 06: operations, sparse rows, break-even, lost steps, a share."""

import math

import torch

from rbm_lib.course import exercise


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


@exercise("1", "Count the products", 1, [(128, 784, 128, 1), (512, 3706, 256, 5)])
def update_flops(batch, visible, hidden, k):
    return (2 * k + 3) * 2 * batch * visible * hidden


update_flops.mistakes = {
    "The 2 is missing: each of the B·V·H terms is a multiplication and an addition.": (
        lambda *sizes: update_flops(*sizes) / 2
    ),
    "These are the five products of CD-1. Every further sweep adds two.": (
        lambda batch, visible, hidden, k: update_flops(batch, visible, hidden, 1)
    ),
    "A further sweep adds two products, down and up, not all five.": (
        lambda batch, visible, hidden, k: k * update_flops(batch, visible, hidden, 1)
    ),
}


def like_cases():
    sizes = (9, 3, (2, 0, 4, 1)), (12, 2, (0, 5, 3, 0, 2)), (40, 4, (6, 3, 0, 1))
    for seed, (n, m, lengths) in enumerate(sizes):
        generator = seeded(seed)
        items = [torch.randperm(n, generator=generator)[:length] for length in lengths]
        W = normal(generator, n, m)
        if n == 40:
            # NaN where nobody likes an item: a product with a dense row shows itself. Rows
            # padded with 0 or −1 and masked are right, so these two items stay.
            unseen = torch.ones(n, dtype=torch.bool)
            unseen[torch.cat([*items, torch.tensor([0, -1])])] = False
            W[unseen] = torch.nan
        yield items, W, normal(generator, m)


def hidden_means_from(row_input):
    """The hidden means, if a row that likes `liked` has the input row_input(liked, W)."""

    def hidden_means(items, W, hidden_bias):
        inputs = torch.stack([row_input(liked, W) for liked in items])
        return torch.sigmoid(inputs + hidden_bias)

    return hidden_means


@exercise("2", "Without the zeros", 2, like_cases())
def hidden_means(items, W, hidden_bias):
    return hidden_means_from(lambda liked, W: W[liked].sum(0))(items, W, hidden_bias)


hidden_means.mistakes = {
    "A product over all items: W is NaN where nobody likes an item, and 0 · NaN is NaN.": (
        hidden_means_from(
            lambda liked, W: torch.bincount(liked, minlength=len(W)).float() @ W
        )
    ),
    "The rows of W are averaged. The input is their sum, with embedding_bag mode='sum'.": (
        hidden_means_from(lambda liked, W: W[liked].sum(0) / max(len(liked), 1)),
        hidden_means_from(lambda liked, W: W[liked].mean(0)),
    ),
    "One like of a row counts: with a repeated index, += keeps one. index_add_ adds all.": (
        hidden_means_from(lambda liked, W: W[liked[-1:]].sum(0))
    ),
}

# The second comes out whole, and exactly so in floating point: powers of two.
hardware = [
    (5e-6, 4e10, 30, 100, 53),
    (2**-17, 2**33, 40, 32, 16),
    (8e-6, 6e12, 24, 784, 128),
]


def even_batch(overhead, rate, launches, visible, hidden, products=5):
    """The batch, not rounded, at which the products take as long as the launches."""
    return launches * overhead * rate / (2 * products * visible * hidden)


@exercise("3", "Where it breaks even", 2, hardware)
def break_even(overhead, rate, launches, visible, hidden):
    return math.ceil(even_batch(overhead, rate, launches, visible, hidden))


break_even.mistakes = {
    "Rounded down: at this batch the products still take less time than the launches.": (
        lambda *a: math.floor(even_batch(*a))
    ),
    "Not a whole number: half a row cannot be trained. Round up.": even_batch,
    "Only one product is counted, 2·B·V·H. An update has five.": (
        lambda *a: math.ceil(even_batch(*a, products=1))
    ),
}


def step_cases():
    for seed, dtype in ((0, torch.bfloat16), (1, torch.float16), (2, torch.bfloat16)):
        generator = seeded(seed)
        weight = 0.1 * normal(generator, 30, 20)
        weight[:4] = torch.tensor([0.5, -0.25, 1.0, -2.0])[:, None]  # exact in every type
        size = torch.rand(30, 20, generator=generator)
        step = normal(generator, 30, 20) * 10 ** (-8 * size - 1)  # some are 0 in float16
        step[torch.rand(30, 20, generator=generator) < 0.2] = 0
        yield weight, step, dtype


def share(lost, step):
    return lost[step != 0].double().mean()


def unchanged(weight, step, dtype):
    return weight.to(dtype) + step.to(dtype) == weight.to(dtype)


@exercise("4", "Lost steps", 2, step_cases())
def lost_share(weight, step, dtype):
    return share(unchanged(weight, step, dtype), step)


lost_share.mistakes = {
    "Weights whose step is zero are counted. They would stay the same in any type.": (
        lambda w, step, dtype: unchanged(w, step, dtype).double().mean()
    ),
    "Added in the type that was given. Round both first: PyTorch takes the wider type.": (
        lambda w, step, dtype: share(w.to(dtype) + step == w.to(dtype), step),
        lambda w, step, dtype: share(w + step == w, step),
    ),
    "Added first and rounded afterwards. The step meets a weight that is rounded.": (
        lambda w, step, dtype: share((w + step).to(dtype) == w.to(dtype), step)
    ),
}


def batches():
    sizes = (6, 1, 2), (6, 0, 2), (7, 1, 3), (7, 2, 3), (3, 3, 4)
    for seed, (rows, rank, n_processes) in enumerate(sizes):
        generator = seeded(seed)
        v = (normal(generator, rows, 5) > 0).float()
        uniform = torch.rand(rows, 3, generator=generator)
        parameters = normal(generator, 5, 3), normal(generator, 5), normal(generator, 3)
        yield v, uniform, *parameters, rank, n_processes


def own_slice(x, rank, size):
    return x.tensor_split(size)[rank]


def part_with(noise=own_slice, divisor=lambda whole, own, size: whole, count_states=False):
    """A process's share of the gradient. The arguments make mistakes."""

    def part(v, uniform, W, b, c, rank, size):
        v_0 = own_slice(v, rank, size)
        p_0 = torch.sigmoid(v_0 @ W + c)
        h_0 = (noise(uniform, rank, size) < p_0).to(W.dtype)
        v_1 = torch.sigmoid(h_0 @ W.T + b)
        positive = v_0.T @ (h_0 if count_states else p_0)
        negative = v_1.T @ torch.sigmoid(v_1 @ W + c)
        return (positive - negative) / divisor(len(v), len(v_0), size)

    return part


part_of_gradient = exercise("5", "Your share", 3, batches(), tolerance=1e-5)(part_with())
part_of_gradient.mistakes = {
    "Shares are summed: divide by the rows of the whole batch, not of the slice.": (
        part_with(divisor=lambda whole, own, size: own)
    ),
    "Shares are summed: divide by the rows of the whole batch, not by the processes.": (
        part_with(divisor=lambda whole, own, size: size)
    ),
    "The noise is taken from the start of uniform. Take the slice of your own rows.": (
        part_with(noise=lambda u, rank, size: u[: len(own_slice(u, rank, size))])
    ),
    "Samples are counted in the first statistic. They only drive the chain: count p.": (
        part_with(count_states=True)
    ),
}
