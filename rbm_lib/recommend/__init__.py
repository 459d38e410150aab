"""From a trained model to recommendations, and how good they are."""

from rbm_lib.recommend.covariates import left_out_bias, multinomial_covariate
from rbm_lib.recommend.embeddings import blend, cosine_scores, embed, playlist, preference
from rbm_lib.recommend.everybody import top_n_unseen
from rbm_lib.recommend.recommender import Recommender
from rbm_lib.recommend.scoring import (
    fold_in,
    predict,
    score_items,
    similar_items,
)
from rbm_lib.recommend.semi_restricted import SemiRestricted, partial_correlations
from rbm_lib.recommend.top import top_n

__all__ = [
    "Recommender",
    "SemiRestricted",
    "blend",
    "cosine_scores",
    "embed",
    "fold_in",
    "left_out_bias",
    "multinomial_covariate",
    "partial_correlations",
    "playlist",
    "predict",
    "preference",
    "score_items",
    "similar_items",
    "top_n",
    "top_n_unseen",
]
