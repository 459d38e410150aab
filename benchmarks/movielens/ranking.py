"""Ranking: which films will a person like among all that they have not liked so far?"""

import numpy as np
import pandas as pd
import torch

from benchmarks.movielens.folds import intervals, log, spread
from benchmarks.movielens.tries import chosen, ranking_models
from rbm_lib import evaluate
from rbm_lib.data import RatingMatrix


def likes_of(data, at_least=4, fewest=5):
    liked = data.ratings[data.ratings.rating >= at_least]
    liked = liked[liked.groupby("user_id").movie_id.transform("size") >= fewest]
    return RatingMatrix.from_frame(
        liked, like_at_least=at_least, item_ids=np.sort(data.movies.movie_id)
    )


def ndcg(split, model):
    return split.ranking(model, k=10, n_bootstrap=0)["mean"][0]


def ranking_split(data, seed):
    """Per model the metrics of each user on one random split, and what was chosen."""
    torch.set_num_threads(1)
    split = evaluate.random_split(likes_of(data), seed=seed)
    result, choices, scores = {}, {}, {}

    def keep(name, table):
        result[name] = evaluate.per_user_ranking(
            table, split.held_out, split.train, [10, 20]
        )
        value = result[name]["NDCG@10"].mean()
        log(f"split {seed}  {name:12} {choices.get(name, ''):34} NDCG@10 {value:.4f}")

    for name, candidates in ranking_models().items():
        model, choices[name] = chosen(candidates, split.train, ndcg, seed)
        scores[name] = model.fit(split.train).scores()
        keep(name, scores[name])
    # A sum of scores only imitates a semi-restricted RBM: EASE's weights are not symmetric,
    # so they belong to no energy of binary units. SemiRestricted has symmetric ones.
    for name in ("RBM", "iALS"):
        both = scores[name], scores["EASE"]
        keep(f"{name} + EASE", sum(table / table.std() for table in both))
    return result, choices


def ranking_table(data, seeds, jobs, rivals=("EASE", "iALS")):
    """Mean over users and splits; the bootstrap draws users, each with all its splits."""
    per_split = spread(jobs, ranking_split, [(data, seed) for seed in seeds])
    records = []
    of_users = {
        name: pd.concat([frames[name] for frames, _ in per_split]).groupby(level=0).mean()
        for name in per_split[0][0]
    }
    for name, per_user in of_users.items():
        frame = evaluate.mean_interval(per_user).set_index("metric")
        frame = frame.loc[["NDCG@10", "Recall@20", "Precision@10", "MAP@10"]]
        paired = {}
        for rival in rivals:
            beyond = evaluate.mean_interval(per_user - of_users[rival]).set_index("metric")
            for m in ("NDCG@10", "Recall@20"):
                lead = beyond.loc[m, ["mean", "low", "high"]]
                paired[f"{m} beyond {rival}"] = "{:+.4f} [{:+.4f}, {:+.4f}]".format(*lead)
        tried = {"chosen": "; ".join(choices.get(name, "") for _, choices in per_split)}
        records.append(
            {"model": name, **intervals(frame["mean"], frame), **paired, **tried}
        )
    return pd.DataFrame(records).set_index("model")
