"""Exercises of lesson 02: two boxes, CD-1 with gaps, what sampling costs."""

import torch

from rbm_lib.course import exercise
from rbm_lib.course.slips import SmallRBM, normal, switches, uniform


def rated_rows(seed, rows, films):
    """Likes and what is known of them, with anything at all in the gaps."""
    liked = switches(seed, rows, films)
    seen = normal(seed + 1, rows, films) < 0.3
    seen[0] = False  # a person without ratings
    return liked, seen


def with_junk(junk, liked, seen):
    return torch.where(seen, liked, junk), seen


BOXES = [
    with_junk(3 * normal(2, 4, 5), *rated_rows(0, 4, 5)),
    with_junk(torch.ones(6, 3), *rated_rows(10, 6, 3)),
    with_junk(torch.zeros(6, 3), *rated_rows(10, 6, 3)),
    with_junk(torch.full((3, 4), torch.nan), *rated_rows(20, 3, 4)),
]


@exercise("1", "Two boxes", 2, BOXES)
def boxes(liked, seen):
    like_box = torch.where(seen, liked, 0.0)
    dislike_box = torch.where(seen, 1 - liked, 0.0)
    return torch.cat([like_box, dislike_box], dim=1)


boxes.keeps = ("liked", "seen")
boxes.slips("""
    In the gaps, your 'not liked' box is on. A gap leaves both boxes at 0.
        torch.where(seen, 1 - liked, 0.0) → 1 - like_box
        torch.where(seen, 1 - liked, 0.0) → (~seen).float()
    You filled the gaps with −1, which is an opinion. A gap leaves both boxes at 0.
        0.0 → -1.0
        liked, 0.0) → liked, -1.0)
    NaN times 0 is NaN, and a gap may contain it. Empty the gaps with torch.where.
        return torch.cat([liked * seen, (1 - liked) * seen], 1)
    What happens to stand in the gaps takes part. Use seen to empty both boxes.
        return torch.cat([liked, 1 - liked], 1)
        return torch.cat([liked == 1, liked != 1], 1)
        return torch.cat([liked.nan_to_num(), 1 - liked.nan_to_num()], 1)
        torch.where(seen, liked, 0.0) → liked
        torch.where(seen, liked, 0.0) → liked.nan_to_num()
    A dislike puts a 1 into the second half, which says 'not liked': that is 1 − liked.
        torch.where(seen, 1 - liked, 0.0) → seen.float()
        torch.where(seen, 1 - liked, 0.0) → -like_box
    First all 'liked' boxes, then all the others, as columns: torch.cat([…, …], dim=1).
        [like_box, dislike_box] → [dislike_box, like_box]
        dim=1 → dim=0
        torch.cat → torch.stack
        torch.cat → torch.stack | dim=1 → dim=0
        return torch.stack(boxes(liked, seen).chunk(2, 1), 2).flatten(1)
        return boxes(liked, seen)[:, : liked.shape[1]]
""")


class BoxModel(SmallRBM):
    """The lesson's RBM, with two boxes for each film."""

    def prob_like(self, h):
        like, dislike = (h @ self.W.T + self.b).chunk(2, dim=1)
        return torch.sigmoid(like - dislike)


def raters(seen):
    """How many people rated the film of each box, and at least one."""
    return seen.sum(0).clamp(min=1).repeat(2)


def sweeps():
    for seed, rows, films, hidden in ((30, 5, 4, 3), (40, 8, 3, 2), (50, 2, 6, 4)):
        liked, seen = rated_rows(seed, rows, films)
        model = BoxModel.random(seed + 3, 2 * films, hidden)
        u_hidden, u_films = uniform(seed, rows, hidden), uniform(seed + 1, rows, films)
        yield model, boxes(liked, seen), seen, u_hidden, u_films


@exercise("2", "CD-1 with gaps", 3, sweeps())
def cd1(model, v, seen, u_hidden, u_films):
    p = model.prob_h(v)
    h = (u_hidden < p).to(v.dtype)
    likes = (u_films < model.prob_like(h)).to(v.dtype)
    v_sweep = boxes(likes, seen)
    p_sweep = model.prob_h(v_sweep)
    change_W = (v.T @ p - v_sweep.T @ p_sweep) / len(v)
    change_b = (v - v_sweep).mean(0)
    change_c = (p - p_sweep).mean(0)
    return change_W, change_b, change_c


cd1.parts = ("the change of W", "the change of b", "the change of c")
cd1.slips("""
    Your sweep fills the gaps. Put the sampled likes into boxes with seen.
        boxes(likes, seen) → torch.cat([likes, 1 - likes], 1)
        boxes(likes, seen) → torch.cat([likes * seen, 1 - likes * seen], 1)
    A unit is 1 where its number is below its probability: u < p.
        u_hidden < → u_hidden > | u_films < → u_films >
        u_hidden < → u_hidden >
        u_films < → u_films >
    Sample h with u_hidden, and the films with u_films: 1 where the number is below p.
        (u_hidden < p).to(v.dtype) → p
        (u_films < model.prob_like(h)).to(v.dtype) → model.prob_like(h)
        u_hidden < → 0.5 < | u_films < → 0.5 <
        return cd1(model, v, seen, u_films, u_hidden)
    Use the probabilities p(h) in both averages. A sampled h only makes the films.
        v.T @ p → v.T @ h
        v.T @ p → v.T @ h | (p - p_sweep) → (h - p_sweep)
        model.prob_h(v_sweep) → (u_hidden < model.prob_h(v_sweep)).to(v.dtype)
        model.prob_h(v_sweep) → h
        v.T @ p → v.T @ h | (p - → (h - | model.prob_h(v_sweep) → h
        v_sweep.T @ p_sweep → v_sweep.T @ h
        v.T @ p → v.T @ h | (p - → (h - | p_sweep = → p_sweep = u_hidden <
    The second average uses p(h) of the data. Compute it again from the swept boxes.
        model.prob_h(v_sweep) → p
        v_sweep.T @ p_sweep → v_sweep.T @ p
    Average over all rows: divide the change of W by len(v), and write .mean(0) for b and c.
        / len(v) → | mean → sum
        / len(v) →
        mean(0) → mean()
        mean(0) → mean(1)
        len(v) → v.shape[1]
    Divide by len(v), the number of all rows, not by the number who rated the film.
        len(v) → raters(seen)[:, None]
        len(v) → raters(seen)[:, None] | v_sweep).mean(0) → v_sweep).sum(0) / raters(seen)
        len(v) → v.sum(0).clamp(min=1)[:, None]
    Multiply first and subtract then: v.T @ p and v_sweep.T @ p_sweep are two averages.
        v.T @ p - v_sweep.T @ p_sweep → (v - v_sweep).T @ (p - p_sweep)
    For W, average the products v h over the rows. Yours multiplies two averages.
        @ p - → @ (0 * p + p.mean(0)) - | @ p_sweep → @ (0 * p + p_sweep.mean(0))
    The change is data minus sweep. Yours lacks the sweep, or has the sign reversed.
        return change_W, change_b, change_c → return -change_W, -change_b, -change_c
        - v_sweep.T @ p_sweep → | - v_sweep → | p - p_sweep → p
    Return the changes of W, b and c, all three, in this order.
        change_W, change_b, change_c → change_W, change_c, change_b
        return change_W, change_b, change_c → return change_W
        return change_W, change_b, change_c → return change_W, change_b
""")

LIKES = [normal(n, n).double().sigmoid() for n in (1, 7, 40)]
LIKES.append((normal(9, 9).double() - 1).sigmoid())  # dislikes are likelier
LIKES.append(normal(5, 3, 4).double().sigmoid())  # people × films


@exercise("3", "What sampling costs", 2, [(p,) for p in LIKES])
def expected_losses(p):
    sampled = 2 * p * (1 - p)
    decided = torch.minimum(p, 1 - p)
    return sampled.mean(), decided.mean()


expected_losses.parts = ("the loss of sampling", "the loss of deciding")
expected_losses.slips("""
    A sample is wrong in two ways: truth 1 and answer 0, or the reverse. That is 2p(1 − p).
        2 * p → p
        2 * p * (1 - p) → 1 - p
        2 * p * (1 - p) → p**2
    A loss is how often the model is wrong. Yours says how often it is right, or says like.
        torch.minimum → torch.maximum
        torch.minimum(p, 1 - p) → (p > 0.5).double()
        2 * p * (1 - p) → 1 - 2 * p * (1 - p)
        2 * p * (1 - p) → 1 - 2 * p * (1 - p) | torch.minimum → torch.maximum
    The second model also says dislike, where p is below .5, and is then wrong with p.
        torch.minimum(p, 1 - p) → 1 - p
        torch.minimum(p, 1 - p) → torch.where(p > 0.5, 1 - p, 0.0)
    Average last, and over all of p. Each loss is one number, the mean over all entries.
        return expected_losses(p.mean())
        .mean() →
        sampled.mean() → sampled
        mean() → mean(0)
        mean() → sum()
        (1 - p) → (1 - p).mean()
    This is the log-loss. Here the loss is the probability of a wrong answer.
        2 * p * (1 - p) → -(p * p.log() + (1 - p) * (1 - p).log())
    Return two numbers: the loss of sampling first, and then that of deciding.
        sampled.mean(), decided.mean() → decided.mean(), sampled.mean()
        sampled.mean(), decided.mean() → sampled.mean(), sampled.mean()
        sampled.mean(), decided.mean() → sampled.mean()
""")
