"""Exercises of lesson 08: stars from boxes, left-out covariates, EASE."""

import torch

from rbm_lib.course import exercise


def normal(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator)


level_probabilities = [
    (normal(seed, *shape, 5).softmax(-1),) for seed, shape in ((0, (4,)), (1, (3, 2)))
]


def mean_level(p, first=1):
    return (p * torch.arange(first, first + 5)).sum(-1)


@exercise("1", "Stars from boxes", 2, level_probabilities)
def stars_from_boxes(p):
    return mean_level(p), p[..., 3:].sum(-1)


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
        lambda p: (p.argmax(-1) + 1.0, p[..., 3:].sum(-1))
    ),
}


@exercise("2", "Leave yourself out", 3, [(normal(2, 5), 5.0), (normal(3, 2), 1.0)])
def left_out(residuals, r):
    return (residuals.sum() - residuals) / (len(residuals) - 1 + r)


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
    "The shrinkage r is missing. Divide by the number of the others plus r.": (
        lambda residuals, r: (residuals.sum() - residuals) / (len(residuals) - 1)
    ),
}

like_rows = [((normal(4, 12, 4) > 0).float(), 2.0), ((normal(5, 6, 5) > 0).float(), 10.0)]


def inverse(X, l2):
    return torch.linalg.inv(X.T @ X + l2 * torch.eye(X.shape[1]))


@exercise("3", "EASE", 3, like_rows, tolerance=1e-4)
def ease(X, l2):
    P = inverse(X, l2)
    return (-P / P.diagonal()).fill_diagonal_(0)


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
    "The l2 on the diagonal is missing.": lambda X, l2: ease(X, 1e-4),
}
