"""The tables of results on MovieLens 100K, from the data to the figures.

    python -m benchmarks.movielens             ratings: like = rating >= 4, and RMSE
    python -m benchmarks.movielens --like 3    the same for like = rating >= 3
    python -m benchmarks.movielens --stack     ratings by several RBMs at their defaults,
                                               joined by one layer
    python -m benchmarks.movielens --top-n     ranking: likes >= 4, three random splits

Protocols. Ratings: every rating of u*.test is predicted, and values are means of the folds
u1 to u5; users and movies of the whole set are known. Ranking: users with at least five
likes; a fifth of each user's likes is held out, and every movie that is not among the
user's training likes is a candidate; metrics are expected values over ties. Settings: for
each fold or split anew, the best of four on an inner split of its training ratings (80/20
per user), as many for every model; the column `chosen` says which. So no test rating takes
part in a choice. The values tried were set down before, by people who had seen earlier
tables of this data set. Intervals: 95 %, bootstrap over users, and of differences by the
same users. The layer that joins models learns its weights on an inner split of the training
ratings. Tables go to standard output, progress to standard error.
"""

import argparse

import pandas as pd

from benchmarks.movielens.ranking import ranking_table
from benchmarks.movielens.ratings import rating_fold, rating_table
from benchmarks.movielens.stack import stack_fold
from rbm_lib.data import load_movielens


def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.movielens",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--folds", type=int, nargs="+", default=[1, 2, 3, 4, 5], choices=range(1, 6)
    )
    parser.add_argument(
        "--like", type=int, default=4, choices=(3, 4), help="lowest rating that is a like"
    )
    parser.add_argument("--stack", action="store_true", help="models of ratings joined")
    parser.add_argument("--top-n", action="store_true", help="the ranking table instead")
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[0, 1, 2],
        help="random splits of the ranking table",
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    args = parser.parse_args()
    data = load_movielens("100k", verbose=False)
    print(data.origin)
    pd.set_option(
        "display.width", 400, "display.max_columns", 20, "display.max_colwidth", 200
    )
    if args.top_n:
        print(f"Ranking, likes >= 4, splits {args.seeds}, per-user random 80/20:")
        print(ranking_table(data, args.seeds, args.jobs))
    else:
        print(f"Ratings, like = rating >= {args.like}, folds {args.folds}:")
        of_fold, against = rating_fold, "AutoRec, item rows"
        if args.stack:
            of_fold, against = stack_fold, "RBM, item rows"
        print(rating_table(data, args.folds, args.like, args.jobs, of_fold, against))


if __name__ == "__main__":
    main()
