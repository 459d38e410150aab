"""One CD-1 step over rows with gaps: the right one by hand, and wrong ones that differ."""

import pytest
import torch

from rbm_lib.course import sweeps
from tests.support import seeded

WRONG = [
    sweeps.with_drawn_h,
    sweeps.with_two_draws,
    sweeps.with_old_p,
    sweeps.with_drawn_h_after_the_sweep,
    sweeps.with_draw_after_the_sweep,
    sweeps.without_c,
    sweeps.product_of_means,
    sweeps.drawn_the_other_way,
    sweeps.hidden_drawn_the_other_way,
    sweeps.films_drawn_the_other_way,
    sweeps.without_draws,
    sweeps.with_dislikes_in_gaps,
    sweeps.of_those_who_rated,
    sweeps.data_alone,
    sweeps.in_W_only(sweeps.with_old_p),
    sweeps.with_W(lambda W, v: len(v) * W),
]


def case(rows=5, films=4, hidden=3):
    rng = seeded(0)
    seen = torch.rand(rows, films, generator=rng) < 0.5
    likes = (torch.rand(rows, films, generator=rng) < 0.5).double()
    W = torch.randn(2 * films, hidden, generator=rng).double()
    model = sweeps.BoxModel(W, W.mean(1), W.mean(0))
    u_hidden = torch.rand(rows, hidden, generator=rng).double()
    u_films = torch.rand(rows, films, generator=rng).double()
    return model, sweeps.in_boxes(likes, seen), seen, u_hidden, u_films


def test_a_gap_leaves_both_boxes_empty():
    boxes = sweeps.in_boxes(torch.tensor([[1.0, 0.0, 1.0]]), torch.tensor([[1, 1, 0]]) > 0)

    assert boxes.tolist() == [[1, 0, 0, 0, 1, 0]]


def test_the_halves_are_those_of_all_boxes():
    likes, seen = torch.tensor([[1.0, 0.0, 1.0]]), torch.tensor([[1, 1, 0]]) > 0

    halves = [sweeps.like_boxes(likes, seen), sweeps.dislike_boxes(likes, seen)]
    assert torch.equal(torch.cat(halves, 1), sweeps.in_boxes(likes, seen))


def test_a_step_row_by_row():
    model, x, seen, u_hidden, u_films = case()
    total = [torch.zeros_like(part) for part in (model.W, model.b, model.c)]

    for row in range(5):
        p = torch.sigmoid(x[row] @ model.W + model.c)
        h = (u_hidden[row] < p).double()
        like, dislike = (model.W @ h + model.b).chunk(2)
        likes = (u_films[row] < torch.sigmoid(like - dislike)).double()
        x_sweep = torch.cat([likes * seen[row], (1 - likes) * seen[row]])
        p_sweep = torch.sigmoid(x_sweep @ model.W + model.c)
        total[0] += torch.outer(x[row], p) - torch.outer(x_sweep, p_sweep)
        total[1] += x[row] - x_sweep
        total[2] += p - p_sweep

    found = sweeps.cd1(model, x, seen, u_hidden, u_films)
    for one, other in zip(found, total, strict=True):
        torch.testing.assert_close(one, other / 5)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_wrong_steps_differ_from_the_right_one(wrong):
    right, found = sweeps.cd1(*case()), wrong(*case())

    assert [part.shape for part in found] == [part.shape for part in right]
    pairs = zip(found, right, strict=True)
    assert not all(torch.allclose(one, other) for one, other in pairs)


def test_drawing_both_the_other_way_is_drawing_each_so():
    model, x, seen, u_hidden, u_films = case()
    p = model.prob_h(x)
    flipped = torch.where(u_hidden > p, p - 1, p + 1)

    both = sweeps.drawn_the_other_way(*case())
    in_turn = sweeps.films_drawn_the_other_way(model, x, seen, flipped, u_films)
    for one, other in zip(both, in_turn, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("wrong", "shape"),
    [(sweeps.averaged_over_units, (5,)), (sweeps.averaged_over_everything, ())],
)
def test_averages_over_the_wrong_axis_have_other_shapes(wrong, shape):
    assert [part.shape for part in wrong(*case())] == [(8, 3), shape, shape]


@pytest.mark.parametrize("option", ["draw_hidden", "draw_films", "mask"])
def test_what_a_sweep_can_leave_out(option):
    right, found = sweeps.cd1(*case()), sweeps.cd1(*case(), **{option: False})

    assert not torch.allclose(right[0], found[0])
