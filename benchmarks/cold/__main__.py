"""Cold films: which films that nobody has rated would a person like? MovieLens 100K.

    python -m benchmarks.cold                  the table: six draws of films
    python -m benchmarks.cold --draws 0 1 2    the first three draws alone
    python -m benchmarks.cold --recommender    Recommender(content=table) with its defaults,
                                               on the same draws
    python -m benchmarks.cold --rated          lists of rated films, with and without
                                               content, on three splits
    python -m benchmarks.cold --keep FILE.pkl  keep what is done, and go on from there;
                                               --only chooses models

Protocol. Real people; a like is a rating of 4 or 5. A fifth of the films with at least five
likes is held out entirely, and a person's history is what they like among the others.
People with at least five such likes get a list of the held-out films; those they like are
relevant. A film is known by its genres and its release date.

Settings. Each draw chooses the setting of each model on an inner draw, a fifth of its known
films, by Recall@20 + NDCG@10. No held-out film takes part. The settings to choose from are
in `tries.GRIDS`.

Intervals are 95 %. Over people: a bootstrap, in which each person keeps all their draws.
Over films: Student's t over draws with the correction of Nadeau and Bengio (2003), because
the draws share films. Tables go to standard output, progress to standard error.
"""

import argparse
import itertools
from pathlib import Path

import pandas as pd
import torch

from benchmarks.cold.by_taste import recommender
from benchmarks.cold.films import load
from benchmarks.cold.rated import rated
from benchmarks.cold.scores import REFERENCE, table
from benchmarks.cold.tries import GRIDS, all_scores, without_model
from rbm_lib.recommend.cold import cold_task

PLAIN = "Recommender(content=table)"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cold",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--draws", type=int, nargs="*", default=range(6), help="of films")
    parser.add_argument("--only", nargs="*", default=list(GRIDS), help="names of models")
    parser.add_argument("--keep", type=Path, help="file of results, which grows")
    parser.add_argument("--recommender", action="store_true", help="beside the TiedRBM")
    parser.add_argument("--rated", action="store_true", help="lists of rated films instead")
    arguments = parser.parse_args()
    if arguments.rated:
        rated()
        return
    if arguments.recommender:
        arguments.only = [REFERENCE]
    torch.set_num_threads(1)
    results: dict[str, dict[int, pd.DataFrame]] = {}
    if arguments.keep and arguments.keep.exists():
        results = pd.read_pickle(arguments.keep)
    likes, content, films = load()
    for seed in arguments.draws:
        task = cold_task(likes, content, seed)
        todo = [name for name in arguments.only if seed not in results.get(name, {})]
        models = all_scores(task, seed, todo)
        if arguments.recommender and seed not in results.get(PLAIN, {}):
            plain = [(PLAIN, recommender(task, films))]
            models = itertools.chain(plain, models)
        for name, scores in itertools.chain(without_model(task, seed), models):
            results.setdefault(name, {})[seed] = task.per_person(scores)
            if arguments.keep:
                pd.to_pickle(results, arguments.keep)
    with pd.option_context("display.width", 250, "display.max_columns", None):
        print(table(results).to_string())


if __name__ == "__main__":
    main()
