"""One CD-1 step over rows with gaps, right and wrong, for the check of lesson 02."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Changes = tuple[Tensor, Tensor, Tensor]  # of W, b and c


@dataclass
class BoxModel:
    """What the RatingsRBM of lesson 02 offers: two boxes for each film.

    W, b and c have the shapes (2 · films, hidden), (2 · films,) and (hidden,).
    """

    W: Tensor
    b: Tensor
    c: Tensor

    def prob_h(self, v: Tensor) -> Tensor:
        return torch.sigmoid(v @ self.W + self.c)

    def prob_like(self, h: Tensor) -> Tensor:
        like, dislike = (h @ self.W.T + self.b).chunk(2, dim=1)
        return torch.sigmoid(like - dislike)


@dataclass
class Step:
    """The case of a check: a model, a batch, and the numbers to draw with."""

    model: BoxModel
    v: Tensor
    seen: Tensor
    u_hidden: Tensor
    u_films: Tensor

    def drawn(self) -> Tensor:
        """The hidden units that the data turn on."""
        return (self.u_hidden < self.model.prob_h(self.v)).to(self.v.dtype)

    def swept(
        self, draw_hidden: bool = True, draw_films: bool = True, mask: bool = True
    ) -> Tensor:
        """The boxes after the sweep; without the mask, a gap has a box, too."""
        h = self.drawn() if draw_hidden else self.model.prob_h(self.v)
        likes = self.model.prob_like(h)
        if draw_films:
            likes = (self.u_films < likes).to(self.v.dtype)
        return in_boxes(likes, self.seen if mask else torch.ones_like(self.seen))

    def changes(self, p: Tensor, v_sweep: Tensor, p_sweep: Tensor) -> Changes:
        """Data minus sweep, averaged over the rows."""
        n = len(self.v)
        return (
            (self.v.T @ p - v_sweep.T @ p_sweep) / n,
            (self.v - v_sweep).sum(0) / n,
            (p - p_sweep).sum(0) / n,
        )


def in_boxes(likes: Tensor, seen: Tensor) -> Tensor:
    """First all *liked* boxes, then all *not liked* boxes; a gap leaves both at 0."""
    return torch.cat([likes, 1 - likes], 1) * torch.cat([seen, seen], 1)


def like_boxes(liked: Tensor, seen: Tensor) -> Tensor:
    """The first half of the boxes."""
    return torch.where(seen, liked, 0.0)


def dislike_boxes(liked: Tensor, seen: Tensor) -> Tensor:
    """The second half of the boxes."""
    return torch.where(seen, 1 - liked, 0.0)


def cd1(*case, **options: bool) -> Changes:
    """The step of the exercise, or with the options of `Step.swept` a wrong one."""
    step = Step(*case)
    v_sweep = step.swept(**options)
    return step.changes(step.model.prob_h(step.v), v_sweep, step.model.prob_h(v_sweep))


def with_drawn_h(*case) -> Changes:
    """The drawn units in the first average, where the probabilities belong."""
    step = Step(*case)
    v_sweep = step.swept()
    return step.changes(step.drawn(), v_sweep, step.model.prob_h(v_sweep))


def with_two_draws(*case) -> Changes:
    """Drawn units in both averages."""
    step = Step(*case)
    v_sweep = step.swept()
    drawn = (step.u_hidden < step.model.prob_h(v_sweep)).to(step.v.dtype)
    return step.changes(step.drawn(), v_sweep, drawn)


def with_drawn_h_after_the_sweep(*case) -> Changes:
    """The drawn units of the data in the second average."""
    step = Step(*case)
    return step.changes(step.model.prob_h(step.v), step.swept(), step.drawn())


def with_draw_after_the_sweep(*case) -> Changes:
    """Units drawn from the p(h) of the swept boxes in the second average."""
    step = Step(*case)
    v_sweep = step.swept()
    drawn = (step.u_hidden < step.model.prob_h(v_sweep)).to(step.v.dtype)
    return step.changes(step.model.prob_h(step.v), v_sweep, drawn)


def without_c(model, *rest) -> Changes:
    """p(h) without its bias."""
    return cd1(BoxModel(model.W, model.b, torch.zeros_like(model.c)), *rest)


def product_of_means(*case) -> Changes:
    """For W, means are multiplied where products are averaged."""
    step = Step(*case)
    v_sweep = step.swept()
    p, p_sweep = step.model.prob_h(step.v), step.model.prob_h(v_sweep)
    pairs = [
        torch.outer(v.mean(0), h.mean(0)) for v, h in ((step.v, p), (v_sweep, p_sweep))
    ]
    return pairs[0] - pairs[1], *cd1(*case)[1:]


def averaged_over_units(*case) -> Changes:
    """For b and c, one number for each row."""
    step = Step(*case)
    v_sweep = step.swept()
    p, p_sweep = step.model.prob_h(step.v), step.model.prob_h(v_sweep)
    return cd1(*case)[0], (step.v - v_sweep).mean(1), (p - p_sweep).mean(1)


def averaged_over_everything(*case) -> Changes:
    """For b and c, a single number."""
    step = Step(*case)
    v_sweep = step.swept()
    p, p_sweep = step.model.prob_h(step.v), step.model.prob_h(v_sweep)
    return cd1(*case)[0], (step.v - v_sweep).mean(), (p - p_sweep).mean()


def with_old_p(*case) -> Changes:
    """p(h) of the data in both averages."""
    step = Step(*case)
    p = step.model.prob_h(step.v)
    return step.changes(p, step.swept(), p)


def drawn_the_other_way(model, v, seen, u_hidden, u_films) -> Changes:
    """A unit is 1 where its number is above its probability."""
    p = model.prob_h(v)
    h = (u_hidden > p).to(v.dtype)
    v_sweep = in_boxes((u_films > model.prob_like(h)).to(v.dtype), seen)
    step = Step(model, v, seen, u_hidden, u_films)
    return step.changes(p, v_sweep, model.prob_h(v_sweep))


def hidden_drawn_the_other_way(model, v, seen, u_hidden, u_films) -> Changes:
    """The same in the hidden units alone."""
    return cd1(model, v, seen, _mirrored(model.prob_h(v), u_hidden), u_films)


def films_drawn_the_other_way(*case) -> Changes:
    """The same in the films alone."""
    step = Step(*case)
    p = step.model.prob_like(step.drawn())
    return cd1(*case[:4], _mirrored(p, step.u_films))


def _mirrored(p: Tensor, u: Tensor) -> Tensor:
    """Numbers that are below p exactly where u is above it."""
    return torch.where(u > p, p - 1, p + 1)


def without_draws(model, v, seen, u_hidden, u_films) -> Changes:
    """Rounds in place of drawing."""
    half = torch.full_like
    return cd1(model, v, seen, half(u_hidden, 0.5), half(u_films, 0.5))


def with_dislikes_in_gaps(*case) -> Changes:
    """After the sweep a gap counts as a dislike."""
    step = Step(*case)
    likes, _ = step.swept().chunk(2, 1)
    v_sweep = in_boxes(likes, torch.ones_like(step.seen))
    return step.changes(step.model.prob_h(step.v), v_sweep, step.model.prob_h(v_sweep))


def of_those_who_rated(model, v, seen, *rest) -> Changes:
    """Divided by the number of people who rated the film."""
    change_W, change_b, change_c = cd1(model, v, seen, *rest)
    share = len(v) / seen.sum(0).clamp(min=1).repeat(2)
    return change_W * share[:, None], change_b * share, change_c


def data_alone(model, v, *rest) -> Changes:
    """Nothing is subtracted."""
    p = model.prob_h(v)
    return v.T @ p / len(v), v.sum(0) / len(v), p.sum(0) / len(v)


def in_W_only(wrong: Callable[..., Changes]) -> Callable[..., Changes]:
    """A wrong step of which only the change of W is taken."""
    return lambda *case: (wrong(*case)[0], *cd1(*case)[1:])


def with_W(change: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Changes]:
    """The right changes of b and c, and another of W, made of the right one and of v."""
    return lambda *case: (change(cd1(*case)[0], case[1]), *cd1(*case)[1:])
