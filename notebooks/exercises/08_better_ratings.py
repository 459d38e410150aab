"""Exercises of lesson 08: left-out covariates, stars from boxes, EASE."""

import torch

from rbm_lib.course import exercise


def normal(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator)


@exercise("1", "Leave yourself out", 3, [(normal(2, 5), 5.0), (normal(3, 2), 1.0)])
def left_out(residuals, r):
    return (residuals.sum() - residuals) / (len(residuals) - 1 + r)


def others(residuals):
    return residuals.sum() - residuals


left_out.keeps = ("residuals",)
left_out.mistakes = {
    "A rating is part of its own covariate. Subtract it from the sum.": (
        lambda residuals, r: residuals.sum().expand(len(residuals)) / (len(residuals) + r),
        lambda residuals, r: (
            residuals.sum().expand(len(residuals)) / (len(residuals) - 1 + r)
        ),
    ),
    "You leave a rating out of the sum, but still count it below the line.": (
        lambda residuals, r: (residuals.sum() - residuals) / (len(residuals) + r)
    ),
    "Brackets are missing: a / n - 1 + r divides first. Write a / (n - 1 + r).": (
        lambda residuals, r: others(residuals) / len(residuals) - 1 + r,
        lambda residuals, r: residuals.sum() - residuals / (len(residuals) - 1 + r),
        lambda residuals, r: others(residuals) / (len(residuals) - 1) + r,
    ),
    "A mean with the rating itself in it. Leave it out of the sum and of the count.": (
        lambda residuals, r: residuals.mean().expand(len(residuals)),
        lambda residuals, r: residuals.sum() / (len(residuals) + r),
        lambda residuals, r: residuals.sum() / (len(residuals) - 1 + r),
    ),
    "This is the sum of the others. Divide it by their number plus r.": (
        lambda residuals, r: others(residuals)
    ),
    "Divide by the number of the others as well: that number plus r.": (
        lambda residuals, r: others(residuals) / r
    ),
    "r is added to the number of the others, not multiplied or subtracted.": (
        lambda residuals, r: others(residuals) / ((len(residuals) - 1) * r),
        lambda residuals, r: others(residuals) / (len(residuals) - 1 - r),
    ),
    "r belongs below the line, not above it.": (
        lambda residuals, r: (others(residuals) + r) / (len(residuals) - 1 + r)
    ),
    "All others count, not only those before it.": (
        lambda residuals, r: (
            (residuals.cumsum(0) - residuals) / (torch.arange(len(residuals)) + r)
        ),
        lambda residuals, r: (residuals.cumsum(0) - residuals) / (len(residuals) - 1 + r),
    ),
    "This is how far a rating is from the mean. Take the sum of the others instead.": (
        lambda residuals, r: residuals.mean() - residuals,
        lambda residuals, r: residuals - residuals.mean(),
        lambda residuals, r: residuals - residuals.sum() / (len(residuals) - 1 + r),
        lambda residuals, r: residuals - residuals.sum() / (len(residuals) + r),
        lambda residuals, r: (residuals.mean() - residuals) / (len(residuals) - 1 + r),
    ),
    "This is the rating's own residual. The covariate is made of the others.": (
        lambda residuals, r: residuals / (len(residuals) - 1 + r),
        lambda residuals, r: residuals / (len(residuals) + r),
    ),
    "One number for each rating is asked for, and this is their sum or mean.": (
        lambda residuals, r: left_out(residuals, r).sum(),
        lambda residuals, r: left_out(residuals, r).mean(),
    ),
    "All yours are whole numbers. Fill torch.zeros(n), not one with dtype=torch.long.": (
        lambda residuals, r: left_out(residuals, r).long()
    ),
    "You shrink the mean of the others by n / (n + r). Divide their sum by n − 1 + r.": (
        lambda residuals, r: (
            others(residuals) / (len(residuals) - 1) * len(residuals) / (len(residuals) + r)
        )
    ),
    "Each rating has to leave out itself. Yours leaves out a neighbour.": (
        lambda residuals, r: (
            (residuals.sum() - residuals.roll(1)) / (len(residuals) - 1 + r)
        )
    ),
    "Residuals keep their signs. Take no abs.": (
        lambda residuals, r: left_out(residuals, r).abs()
    ),
    "The arguments are in the other order: the residuals come first, then r.": (
        lambda r, residuals: (residuals.sum() - residuals) / (len(residuals) - 1 + r)
    ),
}

level_probabilities = [
    (normal(seed, *shape, 5).softmax(-1),) for seed, shape in ((0, (4,)), (1, (3, 2)))
]


def mean_level(p, first=1):
    return (p * torch.arange(first, first + 5)).sum(-1)


@exercise("2", "Stars from boxes", 2, level_probabilities)
def stars_from_boxes(p):
    return mean_level(p), p[..., 3:].sum(-1)


stars_from_boxes.parts = ("the expected number", "P(like)")
stars_from_boxes.mistakes = {
    "You count the levels from 0. The first box is one star.": (
        lambda p: (mean_level(p, first=0), p[..., 3:].sum(-1))
    ),
    "Your like starts at three stars. Four and five stars are likes.": (
        lambda p: (mean_level(p), p[..., 2:].sum(-1))
    ),
    "Your like is five stars only. Four stars count as well.": (
        lambda p: (mean_level(p), p[..., 4])
    ),
    "This is the likeliest number of stars, not the expected one.": (
        lambda p: (p.argmax(-1) + 1.0, p[..., 3:].sum(-1)),
        lambda p: (p.argmax(-1) * 1.0, p[..., 3:].sum(-1)),
    ),
    "Your like is four stars only. Five stars count as well.": (
        lambda p: (mean_level(p), p[..., 3])
    ),
    "Both four and five stars are likes: add the two probabilities.": (
        lambda p: (mean_level(p), p[..., 3:].amax(-1)),
        lambda p: (mean_level(p), p[..., 3:].mean(-1)),
        lambda p: (mean_level(p), p[..., 3] * p[..., 4]),
    ),
    "This is the probability of a dislike. A like is four or five stars.": (
        lambda p: (mean_level(p), p[..., :3].sum(-1))
    ),
    "A probability is asked for, not whether the expected number is a like.": (
        lambda p: (mean_level(p), (mean_level(p) >= 4).float()),
        lambda p: (mean_level(p), (mean_level(p) > 3.5).float()),
        lambda p: (mean_level(p), (p.argmax(-1) >= 3).float()),
    ),
    "The expected number is a sum of stars times probability, not a mean over the boxes.": (
        lambda p: (mean_level(p) / 5, p[..., 3:].sum(-1)),
        lambda p: (mean_level(p) / 5, p[..., 3:].mean(-1)),
    ),
    "Add up over the last dimension only, sum(-1): each row has its own answer.": (
        lambda p: (mean_level(p).sum(), p[..., 3:].sum()),
        lambda p: ((p * torch.arange(1, 6)).sum(0), p[..., 3:].sum(0)),
        lambda p: (mean_level(p), p[3:].sum(-1)),
    ),
    "The levels are in the last dimension, which is not always 1. Write sum(-1).": (
        lambda p: ((p * torch.arange(1, 6)).sum(1), p[:, 3:].sum(1)),
        lambda p: ((p * torch.arange(1, 6)).sum(1), p[..., 3:].sum(1)),
        lambda p: (mean_level(p), p[:, 3:].sum(1)),
        lambda p: ((p * torch.arange(1, 6)[:, None]).sum(0), p[3:].sum(0)),
    ),
    "The levels are in the last dimension, which is not always the second: p[..., 3:].": (
        lambda p: (mean_level(p), p[:, 3:].sum(-1))
    ),
    "p has probabilities in it already. Leave the softmax out.": (
        lambda p: (mean_level(p.softmax(-1)), p.softmax(-1)[..., 3:].sum(-1)),
        lambda p: (mean_level(p.softmax(-1)), p[..., 3:].sum(-1)),
    ),
    "You count the stars backwards. The first box is one star, the last one five.": (
        lambda p: ((p * torch.arange(5, 0, -1)).sum(-1), p[..., 3:].sum(-1)),
        lambda p: ((p * torch.arange(5, 0, -1)).sum(-1), p[..., :2].sum(-1)),
    ),
    "torch.arange(1, 6) has whole numbers, which @ refuses. Write torch.arange(1.0, 6).": (
        lambda p: (p @ torch.arange(1, 6), p[..., 3:].sum(-1))
    ),
    "The two answers are swapped. The expected number comes first.": (
        lambda p: (p[..., 3:].sum(-1), mean_level(p))
    ),
}

like_rows = [((normal(4, 12, 4) > 0).float(), 2.0), ((normal(5, 6, 5) > 0).float(), 10.0)]


def inverse(X, l2):
    return torch.linalg.inv(X.T @ X + l2 * torch.eye(X.shape[1]))


@exercise("3", "EASE", 3, like_rows, tolerance=1e-4)
def ease(X, l2):
    P = inverse(X, l2)
    return (-P / P.diagonal()).fill_diagonal_(0)


def from_precision(P, divisor=None):
    """B of another P, or divided by something else."""
    return (-P / (P.diagonal() if divisor is None else divisor)).fill_diagonal_(0)


ease.keeps = ("X",)
ease.mistakes = {
    "The diagonal is not zero, so each film would predict itself.": (
        lambda X, l2: -inverse(X, l2) / inverse(X, l2).diagonal()
    ),
    "You divided each row by its diagonal entry. Divide each column.": (
        lambda X, l2: ease(X, l2).T
    ),
    "The sign is reversed. Films that occur together have a positive weight.": (
        lambda X, l2: -ease(X, l2)
    ),
    "This is P. B is −P divided by its columns' diagonal entries, with a zero diagonal.": (
        inverse
    ),
    "You set the diagonal to zero before you divide by it. Divide first.": (
        lambda X, l2: -inverse(X, l2).fill_diagonal_(0) / 0.0
    ),
    "You divide by a matrix, which is zero off its diagonal. Divide by P.diagonal().": (
        lambda X, l2: from_precision(inverse(X, l2), torch.diag(inverse(X, l2).diagonal())),
        lambda X, l2: -inverse(X, l2) / torch.diag(inverse(X, l2).diagonal()),
    ),
    "You did not divide by the diagonal of P: column j by P_jj.": (
        lambda X, l2: -inverse(X, l2),
        lambda X, l2: (-inverse(X, l2)).fill_diagonal_(0),
    ),
    "Divide column j by P_jj alone, not by the root of two diagonal entries.": (
        lambda X, l2: from_precision(
            inverse(X, l2),
            inverse(X, l2).diagonal().outer(inverse(X, l2).diagonal()).sqrt(),
        )
    ),
    "P is people × people in yours. Films × films is X.T @ X.": (
        lambda X, l2: from_precision(
            torch.linalg.inv(X @ X.T + l2 * torch.eye(len(X))),
        )
    ),
    "These are the scores X B. Return B, which is films × films.": (
        lambda X, l2: X @ ease(X, l2)
    ),
    "The inverse is missing: P is the inverse of X.T @ X + l2 I.": (
        lambda X, l2: from_precision(X.T @ X + l2 * torch.eye(X.shape[1]))
    ),
    "You took one over each entry. P is the inverse of a matrix: torch.linalg.inv.": (
        lambda X, l2: from_precision(1 / (X.T @ X + l2 * torch.eye(X.shape[1])))
    ),
    "l2 belongs on the diagonal only: l2 * torch.eye(n_films).": (
        lambda X, l2: from_precision(torch.linalg.inv(X.T @ X + l2))
    ),
    "The diagonal of B is 0, not 1: a film does not predict itself.": (
        lambda X, l2: ease(X, l2).fill_diagonal_(1)
    ),
    "There is a 1 too many. Off the diagonal B is −P_ij / P_jj.": (
        lambda X, l2: 1 - inverse(X, l2) / inverse(X, l2).diagonal(),
        lambda X, l2: (1 - inverse(X, l2) / inverse(X, l2).diagonal()).fill_diagonal_(0),
    ),
    "This is a regression that may use the film itself. Take −P_ij / P_jj.": (
        lambda X, l2: inverse(X, l2) @ X.T @ X,
        lambda X, l2: (inverse(X, l2) @ X.T @ X).fill_diagonal_(0),
    ),
    "Take X.T @ X as it is, without dividing by the number of people.": (
        lambda X, l2: ease(X, l2 * len(X))
    ),
    "l2 goes in as it is, not squared and not divided by the number of people.": (
        lambda X, l2: ease(X, l2**2),
        lambda X, l2: ease(X, l2 / len(X)),
    ),
    "l2 is added to the diagonal, not subtracted from it.": (lambda X, l2: ease(X, -l2)),
    "Add l2 before you take the inverse: P is the inverse of X.T @ X + l2 I.": (
        lambda X, l2: from_precision(torch.linalg.inv(X.T @ X) + l2 * torch.eye(X.shape[1]))
    ),
    "Take X as it is, without subtracting a mean.": (
        lambda X, l2: ease(X - X.mean(0), l2),
        lambda X, l2: ease(X - X.mean(), l2),
    ),
    "Divide column j by P_jj alone, not by the sum of the diagonal.": (
        lambda X, l2: from_precision(inverse(X, l2), inverse(X, l2).trace())
    ),
    "Divide by the diagonal of P, not by that of X.T @ X.": (
        lambda X, l2: from_precision(inverse(X, l2), (X.T @ X).diagonal()),
        lambda X, l2: from_precision(
            inverse(X, l2), (X.T @ X + l2 * torch.eye(X.shape[1])).diagonal()
        ),
    ),
    "P is films × films. Write X.T @ X, with @, and torch.eye(X.shape[1]).": (
        lambda X, l2: from_precision(torch.linalg.inv(X.T @ X + l2 * torch.eye(len(X))))
    ),
    "The method is called fill_diagonal_, with an underscore at its end.": (
        lambda X, l2: inverse(X, l2).fill_diagonal(0)
    ),
}
