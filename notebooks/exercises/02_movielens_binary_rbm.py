"""Exercises of lesson 02: two boxes, CD-1 with gaps, what drawing costs, NDCG."""

import numpy as np
import torch

from rbm_lib.course import exercise


def normal(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator)


def rated_rows(seed, rows, films):
    """Likes and what is known of them, with anything at all in the gaps."""
    liked = (normal(seed, rows, films) > 0).float()
    seen = normal(seed + 1, rows, films) < 0.3
    seen[0] = False  # a person without ratings
    return liked, seen


def with_junk(liked, seen, junk):
    return torch.where(seen, liked, junk), seen


box_cases = [
    with_junk(*rated_rows(0, 4, 5), 3 * normal(2, 4, 5)),
    with_junk(*rated_rows(10, 6, 3), torch.zeros(6, 3)),
    with_junk(*rated_rows(20, 3, 4), torch.full((3, 4), torch.nan)),
]


@exercise("1", "Two boxes", 2, box_cases)
def two_boxes(liked, seen):
    like_box = torch.where(seen, liked, 0.0)
    dislike_box = torch.where(seen, 1 - liked, 0.0)
    return torch.cat([like_box, dislike_box], dim=1)


two_boxes.mistakes = {
    "In the gaps, your 'not liked' box is on. A gap leaves both boxes at 0.": (
        lambda liked, seen: torch.cat(
            [torch.where(seen, liked, 0.0), 1 - torch.where(seen, liked, 0.0)], 1
        )
    ),
    "NaN times 0 is NaN, and a gap may contain it. Empty the gaps with torch.where.": (
        lambda liked, seen: torch.cat([liked * seen, (1 - liked) * seen], 1)
    ),
    "You filled the gaps with −1, which is an opinion. A gap leaves both boxes at 0.": (
        lambda liked, seen: torch.cat(
            [torch.where(seen, liked, -1.0), torch.where(seen, 1 - liked, -1.0)], 1
        )
    ),
    "What happens to stand in the gaps takes part. Use seen to empty them.": (
        lambda liked, seen: torch.cat([liked, 1 - liked], 1)
    ),
    "The two halves are swapped. The 'liked' boxes come first.": (
        lambda liked, seen: two_boxes(liked, seen).roll(liked.shape[1], 1)
    ),
    "The boxes of one film are side by side. First all 'liked' boxes, then the rest.": (
        lambda liked, seen: torch.stack(two_boxes(liked, seen).chunk(2, 1), 2).flatten(1)
    ),
}


class SmallModel:
    """What the lesson's RatingsRBM offers, with weights to try."""

    def __init__(self, seed, films, hidden):
        self.W = normal(seed, 2 * films, hidden)
        self.b = normal(seed + 1, 2 * films)
        self.c = normal(seed + 2, hidden)

    def prob_h(self, x):
        return torch.sigmoid(x @ self.W + self.c)

    def prob_like(self, h):
        like, dislike = (h @ self.W.T + self.b).chunk(2, dim=1)
        return torch.sigmoid(like - dislike)


def sweep_cases():
    for seed, rows, films, hidden in ((30, 5, 4, 3), (40, 8, 3, 2), (50, 2, 6, 4)):
        liked, seen = rated_rows(seed, rows, films)
        x = two_boxes(liked, seen)
        generator = torch.Generator().manual_seed(seed)
        u_hidden = torch.rand(rows, hidden, generator=generator)
        u_films = torch.rand(rows, films, generator=generator)
        yield SmallModel(seed + 3, films, hidden), x, seen, u_hidden, u_films


def sweep(model, x, seen, u_hidden, u_films, draw_hidden=True, mask=True, draw_films=True):
    """p(h) of the data, the drawn h, the boxes after the sweep, and their p(h)."""
    p = model.prob_h(x)
    h = (u_hidden < p).to(x.dtype)
    p_like = model.prob_like(h if draw_hidden else p)
    likes = (u_films < p_like).to(x.dtype) if draw_films else p_like
    x_sweep = two_boxes(likes, seen if mask else torch.ones_like(seen))
    return p, h, x_sweep, model.prob_h(x_sweep)


def averages(x, p, x_sweep, p_sweep):
    n = len(x)
    return (
        (x.T @ p - x_sweep.T @ p_sweep) / n,
        (x - x_sweep).sum(0) / n,
        (p - p_sweep).sum(0) / n,
    )


@exercise("2", "CD-1 with gaps", 3, sweep_cases())
def cd1(model, x, seen, u_hidden, u_films):
    p, _, x_sweep, p_sweep = sweep(model, x, seen, u_hidden, u_films)
    return averages(x, p, x_sweep, p_sweep)


def cd1_with_drawn_averages(model, x, seen, u_hidden, u_films):
    _, h, x_sweep, p_sweep = sweep(model, x, seen, u_hidden, u_films)
    return averages(x, h, x_sweep, p_sweep)


def cd1_with_options(**options):
    def wrong(model, x, *rest):
        p, _, x_sweep, p_sweep = sweep(model, x, *rest, **options)
        return averages(x, p, x_sweep, p_sweep)

    return wrong


def cd1_with_old_p(model, x, *rest):
    p, _, x_sweep, _ = sweep(model, x, *rest)
    return averages(x, p, x_sweep, p)


cd1.mistakes = {
    "Your sweep fills the gaps. Put the drawn likes into boxes with seen.": (
        cd1_with_options(mask=False)
    ),
    "The first average uses the drawn h. Use the probabilities p(h) in both averages.": (
        cd1_with_drawn_averages
    ),
    "You went down from the probabilities p(h). Draw h first and go down from it.": (
        cd1_with_options(draw_hidden=False)
    ),
    "Your films are probabilities after the sweep. Draw them with u_films.": (
        cd1_with_options(draw_films=False)
    ),
    "The second average uses p(h) of the data. Compute it again from the swept boxes.": (
        cd1_with_old_p
    ),
    "These are sums over the rows. Divide by the number of rows.": (
        lambda model, x, *rest: tuple(len(x) * part for part in cd1(model, x, *rest))
    ),
    "The sign is reversed. The change is data minus sweep.": (
        lambda *case: tuple(-part for part in cd1(*case))
    ),
}

probabilities = [(normal(n, n).double().sigmoid(),) for n in (1, 7, 40)]


@exercise("3", "What drawing costs", 2, probabilities)
def expected_losses(p):
    return (2 * p * (1 - p)).mean(), torch.minimum(p, 1 - p).mean()


expected_losses.mistakes = {
    "Drawing errs in two ways: truth 1 and answer 0, or the reverse. Twice p(1−p).": (
        lambda p: (expected_losses(p)[0] / 2, expected_losses(p)[1])
    ),
    "This is how often the second model is right. The loss is how often it is wrong.": (
        lambda p: (expected_losses(p)[0], torch.maximum(p, 1 - p).mean())
    ),
    "Average last: the mean of 2p(1−p) is not 2p(1−p) of the mean.": (
        lambda p: expected_losses(p.mean())
    ),
    "The two losses are swapped. The one of drawing comes first.": (
        lambda p: expected_losses(p)[::-1]
    ),
}

hit_lists = [([1, 0, 1, 0, 0], 2), ([0, 1, 0, 0, 1, 0, 0, 1, 0, 0], 12), ([0, 0, 0], 1)]


def gain(hits, first=2, log=np.log2):
    """Hits discounted by the logarithm of their place, which counts from `first`."""
    return (np.asarray(hits) / log(np.arange(first, first + len(hits)))).sum()


def ideal(hits, relevant):
    return np.ones(min(len(hits), relevant))


@exercise("4", "NDCG", 2, hit_lists)
def ndcg(hits, relevant):
    return gain(hits) / gain(ideal(hits, relevant))


ndcg.mistakes = {
    "Your own hits put in front are not the best list: it has min(len(hits), relevant).": (
        lambda hits, relevant: gain(hits) / gain(np.ones(max(sum(hits), 1))),
        lambda hits, relevant: gain(hits) / gain(sorted(hits, reverse=True)),
    ),
    "The best list is no longer than yours: it has min(len(hits), relevant) hits.": (
        lambda hits, relevant: gain(hits) / gain(np.ones(relevant))
    ),
    "Your gain has the natural logarithm, the best list's log2. Take log2 in both.": (
        lambda hits, relevant: gain(hits, log=np.log) / gain(ideal(hits, relevant))
    ),
    "Places count from 1: the first discount is 1/log2(2), because log2(1) is 0.": (
        lambda hits, relevant: gain(hits, first=1) / gain(ideal(hits, relevant), first=1)
    ),
    "You divided by the number of held-out likes. Divide by the best list's sum.": (
        lambda hits, relevant: gain(hits) / relevant
    ),
}
