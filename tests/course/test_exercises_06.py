"""Lesson 06's checks: right answers in any style pass, typical wrong ones get the advice meant for them."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from scipy.special import expit

from rbm_lib import RBM
from rbm_lib.course.exercises import check
from rbm_lib.course.exercises_06 import EXERCISES


def flops_by_counting(batch, visible, hidden, k):
    shapes = [(batch, visible, hidden)]
    for _ in range(k):
        shapes += [(batch, hidden, visible), (batch, visible, hidden)]
    shapes += 2 * [(visible, batch, hidden)]
    return sum(2 * math.prod(shape) for shape in shapes)


def means_by_bag(items, W, c, mode="sum"):
    counts = torch.tensor([len(liked) for liked in items])
    starts = counts.cumsum(0) - counts
    return torch.sigmoid(torch.nn.functional.embedding_bag(torch.cat(items), W, starts, mode=mode) + c)


def means_by_index_add(items, W, c):
    rows = torch.repeat_interleave(torch.arange(len(items)), torch.tensor([len(liked) for liked in items]))
    inputs = torch.zeros(len(items), W.shape[1]).index_add_(0, rows, W[torch.cat(items)])
    return torch.sigmoid(inputs + c)


def means_by_scipy(items, W, c):
    starts = np.cumsum([0, *map(len, items)])
    v = csr_array((np.ones(starts[-1]), torch.cat(items).numpy(), starts), shape=(len(items), len(W)))
    return expit(v @ W.double().numpy() + c.double().numpy())


def means_by_padding(items, W, c):
    longest = max(map(len, items))
    padded = torch.stack([torch.nn.functional.pad(i, (0, longest - len(i)), value=-1) for i in items])
    return torch.sigmoid((W[padded] * (padded >= 0)[..., None]).sum(1) + c).tolist()


def means_by_unique_items(items, W, c):
    """A small dense matrix of the batch's own items."""
    known, where = torch.unique(torch.cat(items), return_inverse=True)
    v = torch.zeros(len(items), len(known))
    v[torch.repeat_interleave(torch.tensor([len(liked) for liked in items])), where] = 1
    return [row for row in torch.sigmoid(v @ W[known] + c).numpy()]


def batch_by_search(overhead, rate, launches, visible, hidden):
    batch = 1
    while 10 * batch * visible * hidden / rate < launches * overhead:
        batch += 1
    return batch


def share_by_loop(weight, step, dtype):
    kept = total = 0
    for w, s in zip(weight.flatten(), step.flatten(), strict=True):
        if s != 0:
            total += 1
            kept += bool(w.to(dtype) + s.to(dtype) == w.to(dtype))
    return kept / total


def share_tensor(weight, step, dtype):
    before = weight.to(dtype, copy=True)
    after = before.clone().add_(step.to(dtype))
    return 1 - (after != before)[step != 0].float().mean()


def part_by_rows(v, uniform, W, b, c, rank, size):
    total = np.zeros(W.shape)
    v, uniform, W, b, c = (x.double().numpy() for x in (v, uniform, W, b, c))
    for row in np.array_split(np.arange(len(v)), size)[rank]:
        p = expit(v[row] @ W + c)
        v1 = expit(W @ (uniform[row] < p) + b)
        total += np.outer(v[row], p) - np.outer(v1, expit(v1 @ W + c))
    return total / len(v)


def part_by_library(v, uniform, W, b, c, rank, size, rows=None):
    model = RBM(*W.shape)
    model.W.data, model.visible_bias.data, model.hidden_bias.data = W, b, c
    rows = torch.arange(len(v)).tensor_split(size)[rank] if rows is None else rows
    v0 = v[rows]
    p0 = model.prob_h_given_v(v0)
    v1 = model.mean_v_given_h((uniform[rows] < p0).float())
    return (v0.T @ p0 - v1.T @ model.prob_h_given_v(v1)) / len(v)


RIGHT = [
    ("1", flops_by_counting),
    ("1", lambda *sizes: float(flops_by_counting(*sizes))),
    ("1", lambda B, V, H, k: torch.tensor([2.0 * B * V * H] * (2 * k + 3)).sum()),
    ("2", means_by_bag),
    ("2", means_by_index_add),
    ("2", means_by_scipy),
    ("2", means_by_padding),
    ("2", means_by_unique_items),
    ("2", lambda items, W, c: means_by_bag(items, W.double(), c.double())),
    ("3", batch_by_search),
    ("3", lambda o, rate, n, V, H: math.ceil(Fraction(n) * Fraction(o) * Fraction(rate) / (10 * V * H))),
    ("3", lambda o, rate, n, V, H: np.ceil(n * o / (10 * V * H / rate))),
    ("3", lambda o, rate, n, V, H: -((-n * o * rate) // (10 * V * H))),
    ("4", share_by_loop),
    ("4", share_tensor),
    ("5", part_by_rows),
    ("5", part_by_library),
    ("5", lambda *a: EXERCISES["5"].reference(*(x.double() for x in a[:5]), *a[5:]).tolist()),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_right_answers_get_all_points(exercise, answer):
    result = check(EXERCISES[exercise], answer)
    assert result.points == result.max_points, result.message
    assert "changes its argument" not in result.message


def test_the_points_are_those_of_the_cards():
    assert [e.points for e in EXERCISES.values()] == [1, 2, 2, 2, 3]


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_the_shares_of_all_processes_are_the_gradient_of_the_batch(size):
    for *batch, _, _ in EXERCISES["5"].cases():
        shares = sum(EXERCISES["5"].reference(*batch, rank, size) for rank in range(size))
        torch.testing.assert_close(shares, part_by_library(*batch, 0, 1))


def test_no_state_hangs_on_rounding():
    for v, uniform, W, _, c, *_ in EXERCISES["5"].cases():
        assert (torch.sigmoid(v @ W + c) - uniform).abs().min() > 0.01


def means_dense(items, W, c):
    v = np.zeros((len(items), len(W)), np.float32)
    for row, liked in enumerate(items):
        v[row, liked.numpy()] = 1
    return expit(v @ W.numpy() + c.numpy())


def means_dense_row_by_row(items, W, c):
    rows = []
    for liked in items:
        v = torch.zeros(len(W))
        v[liked] = 1
        rows.append(torch.sigmoid(v @ W + c))
    return torch.stack(rows)


def means_without_accumulating(items, W, c):
    inputs = torch.zeros(len(items), W.shape[1])
    rows = torch.repeat_interleave(torch.arange(len(items)), torch.tensor([len(liked) for liked in items]))
    inputs[rows] += W[torch.cat(items)]
    return torch.sigmoid(inputs + c)


def means_of_filled_rows(items, W, c):
    out = torch.zeros(len(items), W.shape[1])
    for row, liked in enumerate(items):
        if len(liked):
            out[row] = torch.sigmoid(W[liked].sum(0) + c)
    return out


def ends_for_starts(items, W, c):
    ends = torch.tensor([len(liked) for liked in items]).cumsum(0)
    return torch.sigmoid(torch.nn.functional.embedding_bag(torch.cat(items), W, ends, mode="sum") + c)


def starts_and_end(items, W, c):
    starts = torch.tensor([0, *map(len, items)]).cumsum(0)
    return torch.sigmoid(torch.nn.functional.embedding_bag(torch.cat(items), W, starts, mode="sum") + c)


def share_of_full_steps(weight, step, dtype):
    """+= adds in the wider type and rounds the sum."""
    after = weight.to(dtype, copy=True)
    after += step
    return (after == weight.to(dtype))[step != 0].float().mean()


def weighed_mean(v, uniform, W, b, c, rank, size):
    """The slice's mean, times its share of the rows; NaN where it is empty."""
    own = v.tensor_split(size)[rank]
    return len(own) / len(v) * own_rows(v, uniform, W, b, c, rank, size)


def equal_slices(v, uniform, W, b, c, rank, size):
    length = len(v) // size
    rows = torch.arange(rank * length, (rank + 1) * length)
    return part_by_library(v, uniform, W, b, c, rank, size, rows)


def own_rows(v, uniform, W, b, c, rank, size):
    """A process that knows its slice only, and takes the mean over it."""
    v, uniform = v.tensor_split(size)[rank], uniform.tensor_split(size)[rank]
    return part_by_library(v, uniform, W, b, c, 0, 1)


def own_noise(v, uniform, W, b, c, rank, size):
    """Every process draws from the same seed, for its own rows."""
    noise = uniform.clone()
    rows = torch.arange(len(v)).tensor_split(size)[rank]
    noise[rows] = uniform[: len(rows)]
    return part_by_rows(v, noise, W, b, c, rank, size)


def part_by_samples(v, uniform, W, b, c, rank, size):
    v, u = v.tensor_split(size)[rank], uniform.tensor_split(size)[rank]
    h = (torch.sigmoid(v @ W + c) > u).float()
    v1 = torch.sigmoid(h @ W.T + b)
    return (v.T @ h - v1.T @ torch.sigmoid(v1 @ W + c)) / len(uniform)


WRONG = [
    ("1", lambda *sizes: flops_by_counting(*sizes) / 2, "The 2 is missing"),
    ("1", lambda B, V, H, k: flops_by_counting(B, V, H, 1), "five products of CD-1"),
    ("1", lambda B, V, H, k: 10 * B * V * H, "five products of CD-1"),
    ("1", lambda B, V, H, k: k * 2 * B * V * H, "One product per sweep"),
    ("1", lambda B, V, H, k: flops_by_counting(B, V, H, k) - 4 * B * V * H, "statistics of W"),
    ("1", lambda B, V, H, k: flops_by_counting(1, V, H, k), "for one row"),
    ("1", lambda B, V, H, k: k * 10 * B * V * H, "not all five"),
    ("1", lambda B, V, H, k: flops_by_counting(B, V, H, k + 1), "not right yet. Test case 1"),
    ("2", means_dense, "A matrix product over all items"),
    ("2", means_dense_row_by_row, "A matrix product over all items"),
    ("2", lambda items, W, c: means_by_bag(items, W, 0 * c), "hidden bias is missing"),
    ("2", lambda items, W, c: means_by_bag(items, W, c, "mean"), "mode='sum'"),
    ("2", lambda items, W, c: torch.sigmoid(torch.stack([W[i].mean(0) for i in items]) + c), "sum is 0"),
    ("2", lambda items, W, c: means_by_bag(items, W, c).logit(), "sigmoid is missing"),
    ("2", means_without_accumulating, "+= keeps one"),
    ("2", means_of_filled_rows, "has probability 0 here"),
    ("2", lambda items, W, c: means_by_bag([i for i in items if len(i)], W, c), "is left out"),
    ("2", lambda items, W, c: means_by_bag(items, W, c).T, "right once transposed"),
    ("2", lambda items, W, c: means_by_bag(items, W, c).round(), "The probabilities themselves"),
    ("2", starts_and_end, "no end after the last"),
    ("2", ends_for_starts, "your code stops with"),
    ("3", lambda *a: batch_by_search(*a) - 1, "not right yet"),
    ("3", lambda o, rate, n, V, H: int(n * o * rate / (10 * V * H)), "Rounded down"),
    ("3", lambda o, rate, n, V, H: n * o * rate / (10 * V * H), "half a row"),
    ("3", lambda o, rate, n, V, H: round(n * o * rate / (10 * V * H)), "Rounded to the nearest"),
    ("3", lambda o, rate, n, V, H: int(n * o * rate / (10 * V * H) + 1), "equally long"),
    ("3", lambda o, rate, n, V, H: batch_by_search(o, rate, n, V, H / 2), "factor 2 is missing"),
    ("3", lambda o, rate, n, V, H: batch_by_search(o, rate, n, V, H / 5), "Only one product"),
    ("3", lambda o, rate, n, V, H: batch_by_search(o, rate, 1, V, H), "Only one launch"),
    ("4", lambda *a: 1 - share_by_loop(*a), "share that changes"),
    ("4", lambda w, s, d: (w.to(d) + s.to(d)).eq(w.to(d)).float().mean(), "Weights whose step is zero"),
    ("4", lambda w, s, d: (w + s).eq(w)[s != 0].float().mean(), "Added in the type that was given"),
    ("4", lambda w, s, d: (w.to(d) + s).eq(w.to(d))[s != 0].float().mean(), "Added in the type"),
    ("4", lambda w, s, d: (w.to(d) + s.to(d)).eq(w)[s != 0].float().mean(), "before rounding"),
    ("4", lambda w, s, d: (w + s).to(d).eq(w.to(d))[s != 0].float().mean(), "rounded afterwards"),
    ("4", lambda w, s, d: (w.to(d) + s.to(d)).eq(w.to(d))[s.to(d) != 0].float().mean(), "lost as well"),
    ("4", share_of_full_steps, "round the step first"),
    ("4", lambda w, s, d: (w.to(d) + s.to(d)).eq(w.to(d)) & (s != 0), "not right yet"),
    ("5", own_rows, "of which there may be none"),
    ("5", weighed_mean, "however weighed"),
    ("5", equal_slices, "left over are dropped"),
    ("5", lambda *a: part_by_library(*a[:5], (a[5] - 1) % a[6], a[6]), "count from 0"),
    ("5", lambda *a: part_by_library(*a[:5], 0, 1) / a[6], "each does the work of the whole"),
    ("5", own_noise, "start of uniform"),
    ("5", lambda *a: -part_by_library(*a), "sign is reversed"),
    ("5", part_by_samples, "Samples stand in the first statistic"),
    ("5", lambda *a: part_by_library(*a[:5], 0, 1), "gradient of the whole batch"),
    ("5", lambda *a: part_by_library(*a, rows=torch.arange(len(a[0]))[a[5] :: a[6]]), "Every size-th row"),
    ("5", lambda *a: part_by_library(*a) * len(a[0]), "Not divided"),
    ("5", lambda v, u, W, b, c, *r: part_by_library(v, u, W, b, 0 * c, *r), "hidden bias c"),
    ("5", lambda v, u, *rest: part_by_library(v, 1 - u, *rest), "not right yet"),
    ("5", lambda *a: part_by_library(*a).T, "right once transposed"),
    ("5", lambda v, *a: part_by_library(v.chunk(a[-1])[a[-2]], *a[:-2], 0, 1), "your code stops with"),
]


@pytest.mark.parametrize(("exercise", "answer", "advice"), WRONG)
def test_wrong_answers_get_their_advice(exercise, answer, advice):
    result = check(EXERCISES[exercise], answer)
    assert result.points == 0
    assert advice in result.message, result.message
