"""The tables of results on MovieLens 100K, from the data to the figures.

    python benchmarks/movielens.py             ratings: like = rating >= 4, and RMSE; mean of folds u1-u5
    python benchmarks/movielens.py --like 3    the same for like = rating >= 3
    python benchmarks/movielens.py --top-n     ranking: likes >= 4, per-user random 80/20, three splits
    python benchmarks/movielens.py --tune      how the settings were chosen: on inner splits (80/20 per user)
    of each training set; no test rating takes part (with --top-n too)

Protocols. Ratings: every rating of u*.test is predicted; users and movies of the whole set are known.
Ranking: users with at least five likes; a fifth of each user's likes is held out, and every movie that is not
among the user's training likes is a candidate. Intervals: 95 %, bootstrap over users. Tables go to standard
output, progress to standard error.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import torch

from rbm_lib import RBM, Monitor, baselines, evaluate, fit
from rbm_lib.data import RatingMatrix, load_movielens
from rbm_lib.models import VisibleData
from rbm_lib.recommend import left_out_bias, multinomial_covariate, predict
from rbm_lib.training import ItemMeanDecay, linear_decay

# ---- the machines, with the settings chosen by --tune -----------------------------------------------------

COMMON = {
    "batch_size": 50,
    "lr": 0.05,
    "schedule": linear_decay(),
    "callbacks": [Monitor(every=10**6)],
    "progress": False,
}
PLAIN = {"n_hidden": 100, "epochs": 20, "weight_decay": 0.01, "weight_std": 0.01}
USER_ROWS = {
    "n_hidden": 30,
    "epochs": 60,
    "weight_decay": ItemMeanDecay(0.03),
    "weight_std": 0.05,
}
ITEM_ROWS = {"n_hidden": 200, "epochs": 40, "weight_decay": 0.015, "weight_std": 0.01}
ITEM_ROWS_5 = {"n_hidden": 100, "epochs": 40, "weight_decay": 0.01, "weight_std": 0.01}
LIKES = {"n_hidden": 200, "epochs": 80, "weight_decay": 0.03, "weight_std": 0.01}
EASE = {"l2": 300.0}
EASE_SCALE, RBM_SHARE = 11.0, 0.5  # of the product of an RBM and EASE


def softmax_rbm(ratings, n_hidden, weight_std, covariate=True, seed=0, **settings):
    """P(level) of every cell (n_users, n_items, n_levels) by a masked softmax machine, one row per user.

    With the covariate: the row's own mean, each rating left out, times one number per level in the visible
    bias.
    """
    x = left_out_bias(ratings) if covariate else np.zeros(ratings.shape, dtype=np.float32)
    bias, coefficient = multinomial_covariate(ratings, x)
    offset = torch.as_tensor(x)[..., None] * coefficient if covariate else None
    model = RBM(
        ratings.n_items, n_hidden, "categorical", ratings.n_levels, weight_std, seed
    )
    model.visible_bias.data.copy_(bias)
    generator = torch.Generator().manual_seed(seed)
    rows = VisibleData(model, ratings, visible_offset=offset)
    fit(model, rows, generator=generator, **COMMON, **settings)
    return predict(model, ratings, visible_offset=offset).cpu().double().numpy()


def likes_rbm(likes, n_hidden, weight_std, seed=0, **settings):
    """Log-odds of a like (n_users, n_items): a Bernoulli machine of full 0/1 rows, nothing missing."""
    x = torch.as_tensor(likes.likes().toarray(), dtype=torch.float32)
    model = RBM(likes.n_items, n_hidden, weight_std=weight_std, seed=seed).initialize_from(
        x
    )
    fit(model, x, generator=torch.Generator().manual_seed(seed), **COMMON, **settings)
    return log_odds(predict(model, x).cpu().double().numpy())


def with_ease(rbm_log_odds, likes, share=RBM_SHARE, **settings):
    """The RBM's log-odds, tempered by `share`, plus EASE's pull (Steck 2019), trained apart.

    It imitates a semi-restricted machine (hidden units plus couplings between items); it is not one, for
    EASE's weights are not symmetric and so belong to no energy.
    """
    return share * rbm_log_odds + EASE_SCALE * baselines.ease(likes, **(EASE | settings))


def log_odds(prob):
    prob = np.clip(prob, 1e-12, 1 - 1e-12)
    return np.log(prob / (1 - prob))


# ---- ratings ----------------------------------------------------------------------------------------------


def rating_models(train, like):
    """(name, P(like), expected level or None), each (n_users, n_items), from training ratings (0-4) alone.

    like: the lowest liked level.
    """
    binary = train.binarize(like)
    yield "global rate", baselines.global_mean(binary), baselines.global_mean(train)
    yield "item mean, smoothed 5", baselines.item_mean(binary), baselines.item_mean(train)
    yield "user + item bias", baselines.logistic_biases(binary), baselines.bias_model(train)
    scorers = {
        "ItemKNN on residuals": baselines.item_knn_ratings,
        "matrix factorisation": baselines.matrix_factorization,
        "AutoRec, user rows": baselines.autorec,
        "AutoRec, item rows": lambda ratings: baselines.autorec(ratings.T).T,
    }
    for name, scorer in scorers.items():
        yield name, baselines.calibrated(scorer, train, like), scorer(train)
    yield (
        "RBM, 2 levels, user rows",
        softmax_rbm(binary, **PLAIN, covariate=False)[..., 1],
        None,
    )
    users = softmax_rbm(binary, **USER_ROWS)[..., 1]
    yield "  + decay to item mean, covariate", users, None
    items = softmax_rbm(binary.T, **ITEM_ROWS)[..., 1].T
    yield "RBM, 2 levels, item rows, covariate", items, None
    levels = softmax_rbm(train.T, **ITEM_ROWS_5).swapaxes(0, 1)
    expected = levels @ np.arange(train.n_levels)
    yield "RBM, 5 levels, item rows, covariate", levels[..., like:].sum(-1), expected
    mean = (log_odds(users) + log_odds(items)) / 2
    yield "mean log-odds of user and item rows", 1 / (1 + np.exp(-mean)), None


def ratings_of(data, fold):
    ids = {
        "user_ids": np.sort(data.users.user_id),
        "item_ids": np.sort(data.movies.movie_id),
    }
    return evaluate.Split(
        *(RatingMatrix.from_frame(part, **ids) for part in data.split(fold))
    )


def rating_fold(data, fold, like):
    """{model: (P(like), expected level or None)} on the test ratings of a fold; their users, levels."""
    torch.set_num_threads(1)
    split = ratings_of(data, fold)
    users, items, levels = split.held_out.triples()
    result, start = {}, time.perf_counter()
    for name, prob, expected in rating_models(split.train, like - 1):
        prob = np.clip(prob[users, items], 0, 1)
        result[name] = prob, None if expected is None else expected[users, items]
        log(f"fold {fold}  {name.strip():40} {time.perf_counter() - start:6.1f} s")
        start = time.perf_counter()
    return result, users, levels


def rating_table(data, folds, like, jobs):
    """Mean over folds; the interval's width is that of all test ratings together, bootstrapped over users."""
    parts = spread(jobs, rating_fold, [(data, fold, like) for fold in folds])
    users, levels = (np.concatenate([part[j] for part in parts]) for j in (1, 2))
    records = []
    for name in parts[0][0]:
        frames = [metrics(*result[name], u, y, like, 0) for result, u, y in parts]
        mean = pd.concat(frames).groupby("metric", sort=False)["mean"].mean()
        prob, expected = zip(*[result[name] for result, _, _ in parts], strict=True)
        expected = None if expected[0] is None else np.concatenate(expected)
        pooled = metrics(
            np.concatenate(prob), expected, users, levels, like, 300
        ).set_index("metric")
        records.append({"model": name, **intervals(mean, pooled)})
    return pd.DataFrame(records).set_index("model").fillna("")


def intervals(mean, frame):
    """{metric: "mean [low, high]"}, the interval of `frame` moved to lie around `mean`."""
    shift = mean - frame["mean"]
    low, high = frame["low"] + shift, frame["high"] + shift
    return {m: f"{mean[m]:.4f} [{low[m]:.3f}, {high[m]:.3f}]" for m in mean.index}


def metrics(prob, expected, users, levels, like, n_bootstrap):
    return evaluate.rating_metrics(
        prob,
        (levels >= like - 1).astype(int),
        users,
        predicted=expected,
        rating=levels,
        n_bootstrap=n_bootstrap,
    )


# ---- ranking ----------------------------------------------------------------------------------------------


def likes_of(data, at_least=4, fewest=5):
    liked = data.ratings[data.ratings.rating >= at_least]
    liked = liked[liked.groupby("user_id").movie_id.transform("size") >= fewest]
    return RatingMatrix.from_frame(
        liked, like_at_least=at_least, item_ids=np.sort(data.movies.movie_id)
    )


def ranking_split(data, seed):
    """Per model a DataFrame of metrics per user, on one random split."""
    torch.set_num_threads(1)
    split = evaluate.random_split(likes_of(data), seed=seed)
    result = {}
    start = time.perf_counter()
    for name, scores in ranking_scores(split.train):
        result[name] = evaluate.per_user_ranking(
            scores, split.held_out, split.train, [10, 20]
        )
        log(f"split {seed}  {name:40} {time.perf_counter() - start:6.1f} s")
        start = time.perf_counter()
    return result


def ranking_scores(likes):
    """(name, scores) of every model, from training likes alone."""
    yield "popularity", baselines.popularity(likes)
    yield "ItemKNN, k 200, shrink 10", baselines.item_knn(likes)
    pull = baselines.ease(likes, 300.0)
    yield "EASE, l2 300", pull
    yield "EASE, l2 500", baselines.ease(likes, 500.0)
    factors = baselines.ials(likes)
    yield "iALS, 64 factors, alpha .2, reg .02", factors
    users = likes_rbm(likes, **LIKES)
    yield "RBM, user rows", users
    items = likes_rbm(likes.T, **LIKES).T
    yield "RBM, item rows", items
    yield "mean log-odds of the two", (users + items) / 2
    yield "RBM, user rows + EASE", with_ease(users, likes)
    yield "iALS + EASE (control)", factors / factors.std() + pull / pull.std()


def ranking_table(data, seeds, jobs):
    """Mean over users and splits; the bootstrap draws users, each with all its splits."""
    per_split = spread(jobs, ranking_split, [(data, seed) for seed in seeds])
    records = []
    of_users = {
        name: pd.concat([f[name] for f in per_split]).groupby(level=0).mean()
        for name in per_split[0]
    }
    reference = of_users["EASE, l2 300"]
    for name, per_user in of_users.items():
        frame = evaluate.mean_interval(per_user).set_index("metric")
        frame = frame.loc[["NDCG@10", "Recall@20", "Precision@10", "MAP@10"]]
        each = {
            f"split {s}": round(f[name]["NDCG@10"].mean(), 4)
            for s, f in zip(seeds, per_split, strict=True)
        }
        beyond = evaluate.mean_interval((per_user - reference)[["NDCG@10"]]).iloc[0]
        paired = {
            "NDCG@10 beyond EASE": f"{beyond['mean']:+.4f} [{beyond.low:+.3f}, {beyond.high:+.3f}]"
        }
        records.append({"model": name, **intervals(frame["mean"], frame), **paired, **each})
    return pd.DataFrame(records).set_index("model")


# ---- how the settings were chosen -------------------------------------------------------------------------


def tuning_candidates():
    """{question: (candidates {name: scorer}, measure)}; a scorer sees an inner training set only."""

    def auc(split, scorer):
        return split.rating(
            scorer, like_at_least=3 if split.train.n_levels > 2 else 1, n_bootstrap=0
        )["mean"][0]

    def ndcg(split, scorer):
        return split.ranking(scorer, k=10, n_bootstrap=0)["mean"][0]

    def users(**changes):
        return lambda t: softmax_rbm(t.binarize(3), **(USER_ROWS | changes))[..., 1]

    def items(**changes):
        return lambda t: softmax_rbm(t.binarize(3).T, **(ITEM_ROWS | changes))[..., 1].T

    trained = {}  # the machines of one inner split serve several questions

    def by_rbm(**changes):
        def scorer(t):
            key = t.fingerprint(), *(LIKES | changes).values()
            if key not in trained:
                trained[key] = likes_rbm(t, **(LIKES | changes))
            return trained[key]

        return scorer

    def knn(k, shrink):
        return lambda t: baselines.calibrated(
            lambda u: baselines.item_knn_ratings(u, k, shrink), t, 3
        )

    def factors(n, reg):
        return lambda t: baselines.calibrated(
            lambda u: baselines.matrix_factorization(u, n, reg), t, 3
        )

    def auto(n, reg):
        return lambda t: baselines.calibrated(
            lambda u: baselines.autorec(u.T, n, reg).T, t, 3
        )

    rating = {
        "ItemKNN": {f"k {k}, shrink {s}": knn(k, s) for k in (20, 40) for s in (20, 50)},
        "factorisation": {f"20 factors, reg {r}": factors(20, r) for r in (0.1, 0.15, 0.2)},
        "AutoRec, item rows": {f"50 hidden, reg {r}": auto(50, r) for r in (1, 3, 5, 10)},
        "RBM, user rows": {f"decay {d}": users(weight_decay=d) for d in (0.02, 0.03, 0.04)},
        "RBM, item rows": {
            f"decay {d}, {h} hidden": items(weight_decay=d, n_hidden=h)
            for d in (0.01, 0.015, 0.02)
            for h in (100, 200)
        },
    }
    ranking = {
        "ItemKNN": {
            f"k {k}, shrink {s}": lambda t, k=k, s=s: baselines.item_knn(t, k, s)
            for k in (50, 100, 200, 400)
            for s in (0, 10, 50)
        },
        "EASE": {
            f"l2 {v}": lambda t, v=v: baselines.ease(t, v)
            for v in (100.0, 200.0, 300.0, 500.0, 1000.0)
        },
        "iALS": {
            f"alpha {a}, reg {r}": lambda t, a=a, r=r: baselines.ials(t, alpha=a, reg=r)
            for a in (0.1, 0.2, 0.3)
            for r in (0.01, 0.02, 0.04)
        },
        "RBM": {f"decay {d}": by_rbm(weight_decay=d) for d in (0.02, 0.03, 0.04)},
        "RBM + EASE": {
            f"share {w}, l2 {v}": lambda t, w=w, v=v: with_ease(by_rbm()(t), t, w, l2=v)
            for w in (0.2, 0.5, 0.8)
            for v in (300.0, 500.0)
        },
    }
    return rating, auc, ranking, ndcg


def tune(which, seed_or_fold, data, only=None):
    """One line per candidate and one for the choice, on one training set."""
    torch.set_num_threads(1)
    rating, auc, ranking, ndcg = tuning_candidates()
    if which == "ratings":
        train, questions, measure = ratings_of(data, seed_or_fold).train, rating, auc
    else:
        train = evaluate.random_split(likes_of(data), seed=seed_or_fold).train
        questions, measure = ranking, ndcg
    frames = []
    for question, candidates in questions.items():
        if only and only not in question:
            continue
        best, frame = evaluate.select(
            candidates, train, measure, seeds=(1000 + seed_or_fold,)
        )
        log(f"{which} {seed_or_fold}: {question}: {best}")
        frames.append(
            frame.assign(
                model=question, training_set=seed_or_fold, chosen=frame["name"] == best
            )
        )
    return pd.concat(frames)


# ---- the command ------------------------------------------------------------------------------------------


def spread(jobs, function, arguments):
    """[function(*args) for args in arguments], in `jobs` processes."""
    if jobs == 1:
        return [function(*args) for args in arguments]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return [f.result() for f in [pool.submit(function, *args) for args in arguments]]


def log(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folds", type=int, nargs="+", default=[1, 2, 3, 4, 5], choices=range(1, 6)
    )
    parser.add_argument(
        "--like", type=int, default=4, choices=(3, 4), help="lowest rating that is a like"
    )
    parser.add_argument("--top-n", action="store_true", help="the ranking table instead")
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[0, 1, 2],
        help="random splits of the ranking table",
    )
    parser.add_argument(
        "--tune", action="store_true", help="the settings' figures on inner splits instead"
    )
    parser.add_argument(
        "--only", default="", help="with --tune: only models whose name holds this text"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    args = parser.parse_args()
    data = load_movielens("100k", verbose=False)
    print(data.origin)
    pd.set_option("display.width", 250, "display.max_columns", 20, "display.max_rows", 500)
    if args.tune:
        which, sets = ("ranking", args.seeds) if args.top_n else ("ratings", args.folds)
        frame = pd.concat(
            spread(args.jobs, tune, [(which, s, data, args.only) for s in sets])
        )
        table = frame.pivot_table(
            index=["model", "name"], columns="training_set", values="value", sort=False
        )
        table["mean"] = table.mean(axis=1)
        print(
            f"Inner splits, {'NDCG@10' if args.top_n else 'AUC, like = rating >= 4'}:\n{table.round(4)}"
        )
    elif args.top_n:
        print(f"Ranking, likes >= 4, splits {args.seeds}, per-user random 80/20:")
        print(ranking_table(data, args.seeds, args.jobs))
    else:
        print(f"Ratings, like = rating >= {args.like}, folds {args.folds}:")
        print(rating_table(data, args.folds, args.like, args.jobs))


if __name__ == "__main__":
    main()
