"""Lists of rated films, with and without content."""

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.cold.scores import log, over_people
from rbm_lib import Recommender, evaluate
from rbm_lib.data import RatingMatrix, load_movielens
from rbm_lib.recommend.content import read_content
from rbm_lib.recommend.ranking import like_log_odds


def rated() -> None:
    """A fifth of each person's likes is held out, and settings are the defaults."""
    data = load_movielens(synthetic=False)
    likes = RatingMatrix.from_frame(
        data.ratings[data.ratings["rating"] >= 4], like_at_least=4
    )
    films = data.movies.set_index("movie_id")[["genres", "year"]]
    order = np.random.default_rng(2011).permutation(len(films))
    shuffled = films.iloc[order].set_axis(films.index)
    found: dict[str, list[pd.DataFrame]] = {}
    for seed in range(3):
        split = evaluate.random_split(likes, 0.2, seed)
        seen, relevant = split.train.likes().toarray(), split.held_out.likes().toarray()
        recommender = Recommender(content=films).fit(split.train)
        scores = {
            "without content": like_log_odds(recommender._model.rbm, split.train.likes())
        }
        scores["with content"] = recommender.scores()
        model = recommender._model  # the same RBM stays
        model.items = read_content(shuffled, split.train)
        model.fit_content(split.train, seed=0, progress=False)
        scores["with shuffled content"] = recommender.scores()
        for name, numbers in scores.items():
            per_user = evaluate.per_user_ranking(numbers, relevant, seen, [10, 20])
            found.setdefault(name, []).append(per_user)
        log(f"split {seed}")
    records = []
    for name, frames in found.items():
        record: dict[str, Any] = {"model": name}
        for metric in ("NDCG@10", "Recall@20"):
            _, _, record[metric] = over_people([frame[metric] for frame in frames])
            pairs = zip(frames, found["without content"], strict=True)
            low, high, mean = over_people([a[metric] - b[metric] for a, b in pairs])
            record[f"lead {metric}"] = f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]"
        records.append(record)
    print(pd.DataFrame(records).round(4).to_string(index=False))
