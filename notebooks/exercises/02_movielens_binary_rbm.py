"""Exercises of lesson 02: two boxes, CD-1 with gaps, what sampling costs."""

import torch

from rbm_lib.course import exercise, sweeps
from rbm_lib.course.sweeps import dislike_boxes, like_boxes


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
    with_junk(*rated_rows(10, 6, 3), torch.ones(6, 3)),
    with_junk(*rated_rows(10, 6, 3), torch.zeros(6, 3)),
    with_junk(*rated_rows(20, 3, 4), torch.full((3, 4), torch.nan)),
]
# The same ratings once more, as if everything were rated: who has emptied the gaps of the
# tensor that was given, and not of a new one, has lost them.
box_cases.append((box_cases[1][0], torch.ones(6, 3, dtype=torch.bool)))


@exercise("1", "Two boxes", 2, box_cases)
def two_boxes(liked, seen):
    like_box = torch.where(seen, liked, 0.0)
    dislike_box = torch.where(seen, 1 - liked, 0.0)
    return torch.cat([like_box, dislike_box], dim=1)


def emptied_in_place(liked, seen):
    liked[~seen] = 0
    return torch.cat([liked, seen.float() - liked], 1)


two_boxes.mistakes = {
    "Your function changes liked itself. Make a new tensor: torch.where does.": (
        emptied_in_place
    ),
    "In the gaps, your 'not liked' box is on. A gap leaves both boxes at 0.": (
        lambda liked, seen: torch.cat(
            [like_boxes(liked, seen), 1 - like_boxes(liked, seen)], 1
        ),
        lambda liked, seen: torch.cat([like_boxes(liked, seen), (~seen).float()], 1),
    ),
    "seen is True or False. To compute with it, write seen.float(), or use torch.where.": (
        lambda liked, seen: torch.cat([liked, seen - liked], 1)
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
        lambda liked, seen: torch.cat([liked == 1, liked == 0], 1),
        lambda liked, seen: torch.cat([liked == 1, liked != 1], 1),
    ),
    "In the gaps your 'liked' box keeps what liked contains. Empty it with seen.": (
        lambda liked, seen: torch.cat([liked, dislike_boxes(liked, seen)], 1),
        lambda liked, seen: torch.cat([liked.nan_to_num(), dislike_boxes(liked, seen)], 1),
    ),
    "Your boxes are filled in the gaps and empty elsewhere. seen is True at a rating.": (
        lambda liked, seen: torch.cat(
            [torch.where(seen, 0.0, liked), torch.where(seen, 0.0, 1 - liked)], 1
        ),
        lambda liked, seen: torch.cat(
            [like_boxes(liked, seen), torch.where(seen, 0.0, 1 - liked)], 1
        ),
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
    "A dislike puts a 1 into the second half: that is 1 − liked.": (
        lambda liked, seen: torch.cat(
            [like_boxes(liked, seen), -like_boxes(liked, seen)], 1
        ),
        lambda liked, seen: torch.cat(
            [like_boxes(liked, seen), -dislike_boxes(liked, seen)], 1
        ),
    ),
}


def sweep_cases():
    for seed, rows, films, hidden in ((30, 5, 4, 3), (40, 8, 3, 2), (50, 2, 6, 4)):
        liked, seen = rated_rows(seed, rows, films)
        v = two_boxes(liked, seen)
        generator = torch.Generator().manual_seed(seed)
        u_hidden = torch.rand(rows, hidden, generator=generator)
        u_films = torch.rand(rows, films, generator=generator)
        model = sweeps.BoxModel(
            normal(seed + 3, 2 * films, hidden),
            normal(seed + 4, 2 * films),
            normal(seed + 5, hidden),
        )
        yield model, v, seen, u_hidden, u_films


@exercise("2", "CD-1 with gaps", 3, sweep_cases())
def cd1(model, v, seen, u_hidden, u_films):
    return sweeps.cd1(model, v, seen, u_hidden, u_films)


def without(option):
    """The sweep without a part of it."""
    return lambda *case: sweeps.cd1(*case, **{option: False})


cd1.mistakes = {
    "Your sweep fills the gaps. Put the sampled likes into boxes with seen.": (
        without("mask"),
        sweeps.with_dislikes_in_gaps,
    ),
    "The first average uses the sampled h. Use the probabilities p(h) in both.": (
        sweeps.with_drawn_h,
        sweeps.in_W_only(sweeps.with_drawn_h),
    ),
    "W is divided by another number than that of the rows. Use len(v).": (
        sweeps.with_W(lambda W, v: W * len(v) / v.shape[1])
    ),
    "Both averages use sampled units. Use the probabilities p(h) in both.": (
        sweeps.with_two_draws,
        sweeps.in_W_only(sweeps.with_two_draws),
    ),
    "A unit is 1 where its number is below its probability: u < p.": (
        sweeps.drawn_the_other_way,
        sweeps.hidden_drawn_the_other_way,
        sweeps.films_drawn_the_other_way,
    ),
    "In the second average, use p(h) of the swept boxes as it is. Do not sample it.": (
        sweeps.with_draw_after_the_sweep,
        sweeps.in_W_only(sweeps.with_draw_after_the_sweep),
    ),
    "Your p(h) has no bias c. Call model.prob_h.": sweeps.without_c,
    "The second average uses the sampled h. Compute p(h) of the swept boxes.": (
        sweeps.with_drawn_h_after_the_sweep,
        sweeps.in_W_only(sweeps.with_drawn_h_after_the_sweep),
    ),
    "For W, average the products v h over the rows. Yours multiplies two averages.": (
        sweeps.product_of_means
    ),
    "Average over the rows only: .mean(0) keeps one number for each unit.": (
        sweeps.averaged_over_everything,
        sweeps.averaged_over_units,
        lambda *case: (*sweeps.averaged_over_everything(*case)[:2], cd1(*case)[2]),
    ),
    "You round the probabilities. Sample: a unit is 1 where its number u is below p.": (
        sweeps.without_draws
    ),
    "Divide by the number of all rows, not by that of the people who rated the film.": (
        sweeps.of_those_who_rated,
        sweeps.in_W_only(sweeps.of_those_who_rated),
        lambda *case: (cd1(*case)[0], sweeps.of_those_who_rated(*case)[1], cd1(*case)[2]),
    ),
    "This is the average in the data. Subtract the one after the sweep.": (
        sweeps.data_alone
    ),
    "The three changes are in another order. Return those of W, b and c.": (
        lambda *case: [cd1(*case)[place] for place in (1, 2, 0)],
        lambda *case: [cd1(*case)[place] for place in (0, 2, 1)],
        lambda *case: [cd1(*case)[place] for place in (2, 1, 0)],
    ),
    "You went down from the probabilities p(h). Sample h first and go down from it.": (
        without("draw_hidden")
    ),
    "Your films are probabilities after the sweep. Sample them with u_films.": (
        without("draw_films")
    ),
    "The second average uses p(h) of the data. Compute it again from the swept boxes.": (
        sweeps.with_old_p,
        sweeps.in_W_only(sweeps.with_old_p),
    ),
    "You have sums over the rows. Divide the changes of W, b and c by their number.": (
        lambda model, v, *rest: [len(v) * part for part in cd1(model, v, *rest)]
    ),
    "The change of W is a sum over the rows. Divide it by len(v).": (
        sweeps.with_W(lambda W, v: len(v) * W)
    ),
    "The change of W is transposed. Like W, it has a row for each box: v.T @ p.": (
        sweeps.with_W(lambda W, v: W.T)
    ),
    "u_hidden and u_films are swapped. The first samples h, and the second the films.": (
        lambda model, v, seen, u, w: sweeps.cd1(model, v, seen, w, u)
    ),
    "Some changes are missing. Return those of W, b and c, all three.": (
        lambda *case: cd1(*case)[0],
        lambda *case: cd1(*case)[:2],
    ),
    "The sign is reversed. The change is data minus sweep.": (
        lambda *case: tuple(-part for part in cd1(*case))
    ),
}

probabilities = [(normal(n, n).double().sigmoid(),) for n in (1, 7, 40)]
probabilities.append(((normal(9, 9).double() - 1).sigmoid(),))  # dislikes are likelier
probabilities.append((normal(5, 3, 4).double().sigmoid(),))  # people × films


@exercise("3", "What sampling costs", 2, probabilities)
def expected_losses(p):
    return (2 * p * (1 - p)).mean(), torch.minimum(p, 1 - p).mean()


def entropy(p):
    return -(p * p.log() + (1 - p) * (1 - p).log()).mean()


expected_losses.mistakes = {
    "Sampling errs in two ways: truth 1 and answer 0, or the reverse. Twice p(1−p).": (
        lambda p: (expected_losses(p)[0] / 2, expected_losses(p)[1])
    ),
    "This is how often the second model is right. The loss is how often it is wrong.": (
        lambda p: (expected_losses(p)[0], torch.maximum(p, 1 - p).mean())
    ),
    "Average last: the mean of 2p(1−p) is not 2p(1−p) of the mean.": (
        lambda p: expected_losses(p.mean())
    ),
    "These are shares of right answers. A loss is the share of wrong ones.": (
        lambda p: (1 - expected_losses(p)[0], 1 - expected_losses(p)[1]),
        lambda p: (1 - expected_losses(p)[0], expected_losses(p)[1]),
    ),
    "Average over all of p: return two numbers.": (
        lambda p: (2 * p * (1 - p), torch.minimum(p, 1 - p)),
        lambda p: ((2 * p * (1 - p)).mean(0), torch.minimum(p, 1 - p).mean(0)),
    ),
    "You count how often the second model says like, or not. How often is it wrong?": (
        lambda p: (expected_losses(p)[0], (p > 0.5).double().mean()),
        lambda p: (expected_losses(p)[0], (p <= 0.5).double().mean()),
    ),
    "This is the log-loss. Here the loss is the probability of a wrong answer.": (
        lambda p: (entropy(p), -torch.maximum(p, 1 - p).log().mean()),
        lambda p: (entropy(p), expected_losses(p)[1]),
    ),
    "The .8 and .2 were an example. Here they are p and 1 − p.": (
        lambda p: ((0.2 * p + 0.8 * (1 - p)).mean(), expected_losses(p)[1]),
        lambda p: ((0.2 * p + 0.8 * (1 - p)).mean(), (1 - p).mean()),
        lambda p: (0.2 * p + 0.8 * (1 - p), 1 - p),
    ),
    "The first loss is not averaged. Mind the brackets before .mean().": (
        lambda p: (2 * p * (1 - p).mean(), expected_losses(p)[1]),
        lambda p: (2 * p * (1 - p), expected_losses(p)[1]),
    ),
    "Your two losses are the same. The second model does not sample.": (
        lambda p: (expected_losses(p)[0], expected_losses(p)[0])
    ),
    "These are sums over p. Take means.": (
        lambda p: ((2 * p * (1 - p)).sum(), torch.minimum(p, 1 - p).sum())
    ),
    "The second model may also say dislike, and is then wrong with probability p.": (
        lambda p: (expected_losses(p)[0], (1 - p).mean()),
        lambda p: (expected_losses(p)[0], torch.where(p > 0.5, 1 - p, 0.0).mean()),
    ),
    "A sample can be wrong both ways: like and no like, no like and like.": (
        lambda p: ((1 - p).mean(), expected_losses(p)[1]),
        lambda p: (p.square().mean(), expected_losses(p)[1]),
        lambda p: ((1 - p).square().mean(), expected_losses(p)[1]),
    ),
    "Return two numbers: the loss of sampling and the loss of deciding.": (
        lambda p: expected_losses(p)[0],
        lambda p: expected_losses(p)[1],
    ),
    "The two losses are swapped. The one of sampling comes first.": (
        lambda p: expected_losses(p)[::-1]
    ),
}
