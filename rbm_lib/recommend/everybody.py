"""Lists for everybody in a RatingMatrix, at a cost that follows the ratings."""

import torch
from torch import Tensor

from rbm_lib.checks import require_whole
from rbm_lib.data.ratings import RatingMatrix, require_ratings
from rbm_lib.models.rated import RatedBatch, input_to_hidden
from rbm_lib.models.rbm import RBM
from rbm_lib.models.visible_data import VisibleData
from rbm_lib.recommend.scoring import as_score, checked_level
from rbm_lib.recommend.top import filled_up, highest


@torch.no_grad()
def top_n_unseen(
    model: RBM,
    ratings: RatingMatrix,
    n: int = 10,
    at_least: int | None = None,
    batch_size: int = 128,
) -> tuple[Tensor, Tensor]:
    """`top_n` of every row of a RatingMatrix, among the items that the row has not rated.

    Nothing larger than (batch_size, n_items) is held, and what a row has rated is summed
    without a dense row: for catalogues of any size. For unseen items there is nothing to
    leave out, so these are the scores of `score_items` (mean field).

    Parameters
    ----------
    model : RBM
        With visible units of one type.
    ratings : RatingMatrix
        Rows to recommend for.
    n, at_least
        As in `top_n` and `score_items`.
    batch_size : int
        Rows at once.

    Returns
    -------
    (Tensor, Tensor)
        Items and scores, both (n_users, n), on the CPU.

    Raises
    ------
    ValueError, TypeError
        As `score_items` and `top_n`.
    """
    require_ratings("ratings", ratings)
    at_least = checked_level(model, at_least)
    VisibleData(model, ratings)  # refuses ratings that do not fit
    batch_size = require_whole("batch_size", batch_size)
    n = require_whole("n", n)

    # Two levels: the log-odds of a like order items as P(like), and need no softmax.
    by_log_odds = model.visible.n_levels == 2
    W = model.W
    bias = model.visible_bias
    if by_log_odds and W.ndim == 3:
        W = W[:, 1] - W[:, 0]
        bias = bias[:, 1] - bias[:, 0]

    items = torch.empty(ratings.n_users, n, dtype=torch.long)
    best = torch.empty(ratings.n_users, n, dtype=bias.dtype)
    for start in range(0, ratings.n_users, batch_size):
        part = slice(start, start + batch_size)
        rated = RatedBatch(model, ratings.rated_rows(part))
        h = model.hidden.mean(input_to_hidden(model, rated))
        if by_log_odds:
            scores = torch.addmm(bias, h, W.T)
        else:
            scores = as_score(model, model.mean_v_given_h(h), at_least)
        scores[rated.row, rated.unit] = -torch.inf
        items[part], best[part] = filled_up(*highest(scores, n), n)
    if by_log_odds:
        best = torch.where(items < 0, best, torch.sigmoid(best))
    return items, best
