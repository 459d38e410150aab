"""Exercises of lesson 02: two boxes, CD-1 with gaps, what drawing costs, NDCG."""

import numpy as np
import torch

from rbm_lib.course import exercise, sweeps


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


def like_boxes(liked, seen):
    return torch.where(seen, liked, 0.0)


def dislike_boxes(liked, seen):
    return torch.where(seen, 1 - liked, 0.0)


two_boxes.mistakes = {
    "In the gaps, your 'not liked' box is on. A gap leaves both boxes at 0.": (
        lambda liked, seen: torch.cat(
            [like_boxes(liked, seen), 1 - like_boxes(liked, seen)], 1
        ),
        lambda liked, seen: torch.cat([like_boxes(liked, seen), (~seen).float()], 1),
    ),
    "NaN times 0 is NaN, and a gap may contain it. Empty the gaps with torch.where.": (
        lambda liked, seen: torch.cat([liked * seen, (1 - liked) * seen], 1)
    ),
    "You filled the gaps with −1, which is an opinion. A gap leaves both boxes at 0.": (
        lambda liked, seen: torch.cat(
            [torch.where(seen, liked, -1.0), torch.where(seen, 1 - liked, -1.0)], 1
        ),
        lambda liked, seen: torch.cat(
            [torch.where(seen, liked, -1.0), dislike_boxes(liked, seen)], 1
        ),
    ),
    "What happens to stand in the gaps takes part. Use seen to empty them.": (
        lambda liked, seen: torch.cat([liked, 1 - liked], 1),
        lambda liked, seen: torch.cat([liked.nan_to_num(), 1 - liked.nan_to_num()], 1),
    ),
    "Your boxes are filled in the gaps and empty elsewhere. seen is True at a rating.": (
        lambda liked, seen: torch.cat(
            [torch.where(seen, 0.0, liked), torch.where(seen, 0.0, 1 - liked)], 1
        )
    ),
    "The two halves are swapped. The 'liked' boxes come first.": (
        lambda liked, seen: two_boxes(liked, seen).roll(liked.shape[1], 1)
    ),
    "The boxes of one film are side by side. First all 'liked' boxes, then the rest.": (
        lambda liked, seen: torch.stack(two_boxes(liked, seen).chunk(2, 1), 2).flatten(1)
    ),
    "Join the two halves side by side, as columns: torch.cat([…, …], dim=1).": (
        lambda liked, seen: torch.stack(two_boxes(liked, seen).chunk(2, 1)),
        lambda liked, seen: torch.stack(two_boxes(liked, seen).chunk(2, 1), 1),
        lambda liked, seen: torch.stack(two_boxes(liked, seen).chunk(2, 1), 2),
        lambda liked, seen: torch.cat(two_boxes(liked, seen).chunk(2, 1)),
    ),
    "These are the 'liked' boxes only. A film has a 'not liked' box as well.": like_boxes,
    "Your second half says whether there is a rating. It should say 'not liked'.": (
        lambda liked, seen: torch.cat([like_boxes(liked, seen), seen.float()], 1)
    ),
    "Both halves are the 'liked' boxes. A dislike belongs into the second half.": (
        lambda liked, seen: torch.cat([like_boxes(liked, seen)] * 2, 1)
    ),
    "A dislike puts a 1 into the second half: that is 1 − liked.": (
        lambda liked, seen: torch.cat(
            [like_boxes(liked, seen), -like_boxes(liked, seen)], 1
        )
    ),
}


def sweep_cases():
    for seed, rows, films, hidden in ((30, 5, 4, 3), (40, 8, 3, 2), (50, 2, 6, 4)):
        liked, seen = rated_rows(seed, rows, films)
        x = two_boxes(liked, seen)
        generator = torch.Generator().manual_seed(seed)
        u_hidden = torch.rand(rows, hidden, generator=generator)
        u_films = torch.rand(rows, films, generator=generator)
        model = sweeps.BoxModel(
            normal(seed + 3, 2 * films, hidden),
            normal(seed + 4, 2 * films),
            normal(seed + 5, hidden),
        )
        yield model, x, seen, u_hidden, u_films


@exercise("2", "CD-1 with gaps", 3, sweep_cases())
def cd1(model, x, seen, u_hidden, u_films):
    return sweeps.cd1(model, x, seen, u_hidden, u_films)


def without(option):
    """The sweep without a part of it."""
    return lambda *case: sweeps.cd1(*case, **{option: False})


cd1.mistakes = {
    "Your sweep fills the gaps. Put the drawn likes into boxes with seen.": (
        without("mask")
    ),
    "The first average uses the drawn h. Use the probabilities p(h) in both averages.": (
        sweeps.with_drawn_h
    ),
    "For c you subtract from the drawn h. Use the probabilities p(h) there, too.": (
        sweeps.with_drawn_h_in_c
    ),
    "Both averages use drawn units. Use the probabilities p(h) in both.": (
        sweeps.with_two_draws
    ),
    "A unit is 1 where its number is below its probability: u < p.": (
        sweeps.drawn_the_other_way
    ),
    "You round the probabilities. Draw: a unit is 1 where its number u is below p.": (
        sweeps.without_draws
    ),
    "After your sweep a gap is a dislike. Put the likes into boxes with seen.": (
        sweeps.with_dislikes_in_gaps
    ),
    "Divide by the number of all rows, not by that of the people who rated the film.": (
        sweeps.of_those_who_rated
    ),
    "This is the average in the data. Subtract the one after the sweep.": (
        sweeps.data_alone
    ),
    "The three changes are in another order. Return those of W, b and c.": (
        lambda *case: (cd1(*case)[1], cd1(*case)[2], cd1(*case)[0]),
        lambda *case: (cd1(*case)[0], cd1(*case)[2], cd1(*case)[1]),
        lambda *case: (cd1(*case)[2], cd1(*case)[1], cd1(*case)[0]),
    ),
    "You went down from the probabilities p(h). Draw h first and go down from it.": (
        without("draw_hidden")
    ),
    "Your films are probabilities after the sweep. Draw them with u_films.": (
        without("draw_films")
    ),
    "The second average uses p(h) of the data. Compute it again from the swept boxes.": (
        sweeps.with_old_p
    ),
    "These are sums over the rows. Divide by the number of rows.": (
        lambda model, x, *rest: tuple(len(x) * part for part in cd1(model, x, *rest))
    ),
    "The sign is reversed. The change is data minus sweep.": (
        lambda *case: tuple(-part for part in cd1(*case))
    ),
}

probabilities = [(normal(n, n).double().sigmoid(),) for n in (1, 7, 40)]
probabilities.append(((normal(9, 9).double() - 1).sigmoid(),))  # dislikes are likelier


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
    "These are shares of right answers. A loss is the share of wrong ones.": (
        lambda p: (1 - expected_losses(p)[0], 1 - expected_losses(p)[1])
    ),
    "Average over p: return two numbers.": (
        lambda p: (2 * p * (1 - p), torch.minimum(p, 1 - p))
    ),
    "These are sums over p. Take means.": (
        lambda p: ((2 * p * (1 - p)).sum(), torch.minimum(p, 1 - p).sum())
    ),
    "The second model may also say dislike, and is then wrong with probability p.": (
        lambda p: (expected_losses(p)[0], (1 - p).mean()),
        lambda p: (expected_losses(p)[0], torch.where(p > 0.5, 1 - p, 0.0).mean()),
    ),
    "This is the loss of always answering dislike. Say like where p is above one half.": (
        lambda p: (expected_losses(p)[0], p.mean())
    ),
    "Choose for each p apart, then average: the smaller one of p and 1 − p.": (
        lambda p: (expected_losses(p)[0], torch.minimum(p.mean(), (1 - p).mean()))
    ),
    "A draw can be wrong both ways: like and no like, no like and like.": (
        lambda p: ((1 - p).mean(), expected_losses(p)[1]),
        lambda p: (p.square().mean(), expected_losses(p)[1]),
        lambda p: ((1 - p).square().mean(), expected_losses(p)[1]),
    ),
    "Return two numbers: the loss of drawing and the loss of deciding.": (
        lambda p: expected_losses(p)[0],
        lambda p: expected_losses(p)[1],
    ),
    "The two losses are swapped. The one of drawing comes first.": (
        lambda p: expected_losses(p)[::-1]
    ),
}

hit_lists = [
    (np.array([1, 0, 1, 0, 0]), 2),
    (np.array([False, True, False, False, True, False, False, True, False, False]), 12),
    (np.array([0, 0, 0]), 1),
]


def gain(hits, first=2, log=np.log2):
    """Hits discounted by the logarithm of their place, which counts from `first`."""
    return (np.asarray(hits) / log(np.arange(first, first + len(hits)))).sum()


def ideal(hits, relevant):
    return np.ones(min(len(hits), relevant))


@exercise("4", "NDCG", 2, hit_lists)
def ndcg(hits, relevant):
    return gain(hits) / gain(ideal(hits, relevant))


def by_place(hits):
    return (np.asarray(hits) / np.arange(1, len(hits) + 1)).sum()


ndcg.mistakes = {
    "Your own hits put in front are not the best list: it has min(len(hits), relevant).": (
        lambda hits, relevant: gain(hits) / gain(np.ones(max(sum(hits), 1))),
        lambda hits, relevant: gain(hits) / gain(sorted(hits, reverse=True)),
        lambda hits, relevant: gain(hits) / max(gain(sorted(hits, reverse=True)), 1e-9),
    ),
    "The best list is no longer than yours: it has min(len(hits), relevant) hits.": (
        lambda hits, relevant: gain(hits) / gain(np.ones(relevant))
    ),
    "Your best list is all hits. It has as many as there are held-out likes.": (
        lambda hits, relevant: gain(hits) / gain(np.ones(len(hits)))
    ),
    "This is the sum for your list. Divide it by that of the best list.": (
        lambda hits, relevant: gain(hits)
    ),
    "Your gain has the natural logarithm, the best list's log2. Take log2 in both.": (
        lambda hits, relevant: gain(hits, log=np.log) / gain(ideal(hits, relevant))
    ),
    "The best list has the natural logarithm, your gain log2. Take log2 in both.": (
        lambda hits, relevant: gain(hits) / gain(ideal(hits, relevant), log=np.log)
    ),
    "Places count from 1: the first discount is 1/log2(2), because log2(1) is 0.": (
        lambda hits, relevant: gain(hits, first=1) / gain(ideal(hits, relevant), first=1),
        lambda hits, relevant: gain(hits, first=1) / gain(ideal(hits, relevant)),
        lambda hits, relevant: gain(hits, first=0) / gain(ideal(hits, relevant), first=0),
        lambda hits, relevant: gain(hits, first=0) / gain(ideal(hits, relevant)),
    ),
    "The first place counts 1 / log2(2). Yours begins one place further down.": (
        lambda hits, relevant: gain(hits, first=3) / gain(ideal(hits, relevant)),
        lambda hits, relevant: gain(hits, first=3) / gain(ideal(hits, relevant), first=3),
    ),
    "You divided by the number of held-out likes. Divide by the best list's sum.": (
        lambda hits, relevant: gain(hits) / relevant
    ),
    "This counts hits and does not look at their places. Discount each hit.": (
        lambda hits, relevant: np.mean(hits),
        lambda hits, relevant: np.sum(hits),
        lambda hits, relevant: np.sum(hits) / relevant,
        lambda hits, relevant: np.sum(hits) / min(len(hits), relevant),
    ),
    "You discount by the place itself. Discount by log2(place + 1).": (
        lambda hits, relevant: by_place(hits) / by_place(ideal(hits, relevant))
    ),
    "This is one minus the NDCG. A better list has a higher one.": (
        lambda hits, relevant: 1 - ndcg(hits, relevant)
    ),
}
