"""Baselines beside outside witnesses: implicit (iALS, ItemKNN) and LensKit (iALS, ItemKNN, EASE).

    make bench-recommenders
    build/recommenders-venv/bin/python -m benchmarks.peers --worker train.npz lists.csv    (called by it)

MovieLens 100K, likes >= 4 of users with five or more, per-user random 80/20. The same training likes go to every
library, at equal settings: the penalty of a user or an item does not grow with their likes, and neighbours are all
items, without shrinkage. What is compared are lists of twenty. In the loss of implicit and LensKit a like has
weight 1 + 1/alpha beside 1 for other cells, so their penalty is reg (1 + alpha) / alpha. Aim: within .005 NDCG@10.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse

ALPHA, REG, FACTORS, SWEEPS, L2, LENGTH = 0.5, 5.0, 64, 15, 300.0, 20
PEERS = Path("build/recommenders-venv/bin/python")


def by_implicit(likes):
    """{model: items (n_users, LENGTH)}"""
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import CosineRecommender

    models = {
        "iALS": AlternatingLeastSquares(
            FACTORS, REG * (1 + ALPHA) / ALPHA, 1 + 1 / ALPHA, iterations=SWEEPS, use_cg=False,
            num_threads=1, random_state=0,
        ),
        "ItemKNN": CosineRecommender(K=likes.shape[1], num_threads=1),
    }  # fmt: skip
    users = np.arange(likes.shape[0])
    for name, model in models.items():
        model.fit(likes, show_progress=False)
        items, _ = model.recommend(users, likes, N=LENGTH, filter_already_liked_items=True)
        yield name, items


def by_lenskit(likes):
    """{model: items (n_users, LENGTH)}"""
    from lenskit import batch
    from lenskit.als import ImplicitMFScorer
    from lenskit.data import from_interactions_df
    from lenskit.knn import EASEScorer, ItemKNNScorer
    from lenskit.pipeline import topn_pipeline

    users, items = likes.nonzero()
    data = from_interactions_df(pd.DataFrame({"user_id": users, "item_id": items}))
    scorers = {
        "iALS": ImplicitMFScorer(
            embedding_size=FACTORS, epochs=SWEEPS, regularization=REG * (1 + ALPHA) / ALPHA,
            weight=1 / ALPHA,
        ),
        "ItemKNN": ItemKNNScorer(max_nbrs=likes.shape[1], min_nbrs=1, feedback="implicit"),
        "EASE": EASEScorer(regularization=L2),
    }  # fmt: skip
    for name, scorer in scorers.items():
        pipeline = topn_pipeline(scorer, n=LENGTH)
        pipeline.train(data)
        lists = batch.recommend(pipeline, list(range(likes.shape[0])), n=LENGTH, n_jobs=1)
        table = np.full((likes.shape[0], LENGTH), -1)
        for key, found in lists.items():
            table[key.user_id, : len(found)] = found.ids()
        yield name, table


def work(train, output):
    """In the environment of the peers: lists of all models, as a table."""
    likes = scipy.sparse.csr_matrix(scipy.sparse.load_npz(train))
    tables = []
    for library, models in (("implicit", by_implicit), ("LensKit", by_lenskit)):
        for name, items in models(likes.astype(np.float32)):
            row, place = np.nonzero(items >= 0)
            columns = {"user": row, "item": items[row, place], "rank": place + 1}
            tables.append(pd.DataFrame(columns).assign(model=name, library=library))
    pd.concat(tables).to_csv(output, index=False)


def table(seed, peers):
    """NDCG@10 of each model by each library, and how much it differs from ours."""
    from benchmarks.movielens.ranking import likes_of
    from rbm_lib import baselines, evaluate
    from rbm_lib.data import load_movielens

    data = load_movielens("100k", verbose=False)
    print(data.origin)
    split = evaluate.random_split(likes_of(data), seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        train, output = Path(folder) / "train.npz", Path(folder) / "lists.csv"
        scipy.sparse.save_npz(
            train, scipy.sparse.csr_matrix(split.train.rated().astype(float))
        )
        one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # as implicit advises
        command = [peers, "-m", "benchmarks.peers", "--worker", train, output]
        subprocess.run(command, check=True, env=one_thread)
        theirs = pd.read_csv(output)
    theirs["user"] = split.train.user_ids[theirs["user"]]
    theirs["item"] = split.train.item_ids[theirs["item"]]
    ours = {
        "iALS": baselines.IALS(FACTORS, REG, ALPHA, SWEEPS, exponent=0),
        "ItemKNN": baselines.ItemKNN(k=split.train.n_items, shrink=0),
        "EASE": baselines.EASE(L2),
    }
    records = []
    for name, model in ours.items():
        lists = theirs[theirs["model"] == name]
        models = {"rbm_lib": model} | dict(list(lists.groupby("library")))
        found = evaluate.compare(models, split, k=[10, LENGTH])
        records.append(found[found["metric"] == "NDCG@10"].assign(baseline=name))
    columns = ["baseline", "model", "mean", "lead", "lead_low", "lead_high"]
    return pd.concat(records)[columns].round(4).to_string(index=False)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0, help="of the split")
    parser.add_argument(
        "--peers", type=Path, default=PEERS, help="a Python with implicit and LensKit"
    )
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(*args.worker)
        return
    if not args.peers.exists():
        sys.exit(
            f"--peers: got {args.peers}, which is not there. Run make bench-recommenders."
        )
    print(f"NDCG@10, split {args.seed}; lead: beyond rbm_lib, the same users")
    print(table(args.seed, args.peers))


if __name__ == "__main__":
    main()
