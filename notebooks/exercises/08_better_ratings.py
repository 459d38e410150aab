"""Exercises of lesson 08: left-out covariates, stars from boxes, EASE."""

import torch

from rbm_lib.course import exercise
from rbm_lib.course.slips import normal, switches


@exercise("1", "Leave yourself out", 3, [(normal(2, 5), 5.0), (normal(3, 2), 1.0)])
def left_out(residuals, r):
    n = len(residuals)
    others = residuals.sum() - residuals
    return others / (n - 1 + r)


left_out.keeps = ("residuals",)
left_out.slips("""
    A rating is part of its own covariate. Leave it out of the sum and of the count.
        sum() - residuals → sum() + 0 * residuals
        sum() - residuals → sum() + 0 * residuals | n - 1 + r → n + r
        return residuals.mean().expand(n)
    You leave a rating out of the sum, but still count it below the line.
        n - 1 + r → n + r
        / (n - 1 + r) → / (n - 1) * n / (n + r)
    Brackets are missing: a / n - 1 + r divides first. Write a / (n - 1 + r).
        (n - 1 + r) → n - 1 + r
        (n - 1 + r) → (n - 1) + r
        return residuals.sum() - residuals / (len(residuals) - 1 + r)
    Divide the sum of the others by their number plus r, which stands below the line only.
        / (n - 1 + r) →
        n - 1 + r → r
        n - 1 + r → n - 1 - r
        others / → (others + r) /
    The covariate is made of the others. Yours is the rating's own residual, or how far it
    is from the mean.
        others / → residuals /
        return residuals - residuals.mean()
    One number for each rating is asked for, and this is their sum or mean.
        return left_out(residuals, r).sum()
    The arguments are in the other order: the residuals come first, then r.
        (residuals, r) → (r, residuals)
""")


@exercise(
    "2",
    "Stars from boxes",
    2,
    [(normal(0, 4, 5).softmax(-1),), (normal(1, 3, 2, 5).softmax(-1),)],
)
def stars_from_boxes(p):
    stars = torch.arange(1, 6)
    expected = (p * stars).sum(-1)
    like = p[..., 3:].sum(-1)
    return expected, like


stars_from_boxes.parts = ("the expected number", "P(like)")
stars_from_boxes.slips("""
    The first box is one star, and the last one five.
        1, 6 → 0, 5
        1, 6 → 5, 0, -1
    A like is four or five stars: add up the two probabilities, p[..., 3:].
        3: → 2:
        p[..., 3:].sum(-1) → p[..., 3]
        p[..., 3:].sum(-1) → p[..., 4]
        p[..., 3:].sum(-1) → p[..., 3:].mean(-1)
        p[..., 3:].sum(-1) → p[..., :3].sum(-1)
    This is the likeliest number of stars, not the expected one.
        (p * stars).sum(-1) → p.argmax(-1) + 1.0
    A probability is asked for, not whether the expected number is a like.
        p[..., 3:].sum(-1) → (expected >= 4).float()
    The expected number is a sum of stars times probability, not a mean over the boxes.
        (p * stars).sum(-1) → (p * stars).mean(-1)
    The levels are in the last dimension, which is not always the second: p[..., 3:],
    sum(-1).
        sum(-1) → sum()
        sum(-1) → sum(0)
        sum(-1) → sum(1)
        p[..., 3:] → p[:, 3:]
        p[..., 3:] → p[3:]
        p[..., 3:].sum(-1) → p[:, 3:].sum(1)
    The two answers are swapped. The expected number comes first.
        return expected, like → return like, expected
""")


@exercise(
    "3", "EASE", 3, [(switches(4, 12, 4), 2.0), (switches(5, 6, 5), 10.0)], tolerance=1e-4
)
def ease(X, l2):
    gram = X.T @ X
    P = torch.linalg.inv(gram + l2 * torch.eye(len(gram)))
    B = -P / P.diagonal()
    return B.fill_diagonal_(0)


ease.keeps = ("X",)
ease.slips("""
    Divide by the vector P.diagonal(), and set the diagonal of B to 0 after that.
        -P / → -P.fill_diagonal_(0) /
        P.diagonal() → torch.diag(P.diagonal())
    The diagonal of B is 0: a film does not predict itself.
        .fill_diagonal_(0) →
        fill_diagonal_(0) → fill_diagonal_(1)
    You divided each row by its diagonal entry. Divide each column.
        P.diagonal() → P.diagonal()[:, None]
    The sign is reversed. Films that occur together have a positive weight.
        -P → P
    Return B, which is films × films: −P divided by its columns' diagonal entries, with a
    zero diagonal.
        return B.fill_diagonal_(0) → return P
        return X @ ease(X, l2)
    Divide column j by P_jj alone, from the diagonal of P: -P / P.diagonal().
        / P.diagonal() →
        / P.diagonal() → | .fill_diagonal_(0) →
        P.diagonal() → P.diagonal().outer(P.diagonal()).sqrt()
        P.diagonal() → gram.diagonal()
    P is the inverse of the matrix X.T @ X + l2 I, which is films × films.
        torch.linalg.inv →
        torch.linalg.inv → 1 /
        X.T @ X → X @ X.T
        eye(len(gram)) → eye(len(X))
        X.T @ X → X * X.T
    l2 goes in as it is, on the diagonal only: l2 * torch.eye(n_films).
        l2 * torch.eye(len(gram)) → l2
        + l2 * → - l2 *
    The method is called fill_diagonal_, with an underscore at its end.
        fill_diagonal_ → fill_diagonal
""")
