"""Cold films: which films that nobody has rated would a person like? MovieLens 100K, real people.

    python -m benchmarks.cold                     the table: six draws of films, settings chosen on inner draws
    python -m benchmarks.cold --draws 0 1 2       the first three draws alone
    python -m benchmarks.cold --recommender       Recommender(content=table) with its defaults, on the same draws
    python -m benchmarks.cold --rated             lists of rated films, with and without content, on three splits
    python -m benchmarks.cold --keep FILE.pkl     keep what is done, and go on from there; --only chooses models

Protocol. A like is a rating of 4 or 5. A fifth of the films with at least five likes is held out entirely, and
a person's history is what they like among the others. People with at least five such likes get a list of the
held-out films; those they like are relevant. A film is known by its genres and its release date.

Settings. Each draw chooses the setting of each model on an inner draw, a fifth of its known films, by
Recall@20 + NDCG@10. No held-out film takes part. The settings to choose from are in GRIDS.

Intervals are 95 %. Over people: a bootstrap, in which each person keeps all their draws. Over films: Student's t
over draws with the correction of Nadeau and Bengio (2003), because the draws share films.

Tables go to standard output, progress to standard error.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.spatial.distance import cdist
from scipy.stats import t as student

from rbm_lib import Recommender, evaluate
from rbm_lib.data import RatingMatrix, load_movielens
from rbm_lib.models import TiedDBM, TiedRBM
from rbm_lib.recommend import baselines
from rbm_lib.recommend.cold import ColdTask, cold_task, flags, hats, predict_from_content
from rbm_lib.recommend.content import read_content
from rbm_lib.recommend.ranking import like_log_odds
from rbm_lib.training import TiedCD, fit_tied

FEWEST = 5  # likes of a film
SHARE = 0.2


# ---- the data ---------------------------------------------------------------------------------------------


def load() -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Likes (n_users, n_films), content (n_films, n_content) and a table of the films with enough likes."""
    data = load_movielens(synthetic=False)
    likes = RatingMatrix.from_frame(
        data.ratings,
        like_at_least=4,
        user_ids=np.sort(data.users.user_id),
        item_ids=np.sort(data.movies.movie_id),
    ).likes()
    enough = likes.sum(0) >= FEWEST
    movies = data.movies.sort_values("movie_id")[enough]
    dates = pd.read_csv(
        data.folder / "u.item", sep="|", encoding="latin-1", header=None, index_col=0
    )
    released = pd.to_datetime(dates[2], format="%d-%b-%Y")[movies.movie_id]
    films = pd.DataFrame({"genres": movies.genres.to_numpy(), "date": released.to_numpy()})
    content = content_of(movies.genres, released)
    return likes.toarray()[:, enough].astype(float), content, films


def content_of(genres: pd.Series, released: pd.Series) -> np.ndarray:
    """0/1 of each genre; hat functions of the date with these knots, and the date itself; no day known.

    1 January stands for a date of which the year alone is known.
    """
    days = released.dt.day_of_year
    year = (released.dt.year + (days - 1) / 365).fillna(1990).to_numpy()
    return np.column_stack([flags(genres), hats(year), (year - 1990) / 20, days == 1])


# ---- what a content model is made of: a map from known to new films -----------------------------------------


def kernel_map(task: ColdTask, l2: float, width: float) -> np.ndarray:
    """The same by kernel ridge regression with a Gaussian kernel."""
    known, new = task.content, task.new_content
    scale = 1 / (2 * width**2)
    gram = np.exp(-scale * cdist(known, known, "sqeuclidean"))
    cross = np.exp(-scale * cdist(known, new, "sqeuclidean"))
    centre = np.eye(len(known)) - 1 / len(known)
    inverse = np.linalg.inv(centre @ gram @ centre + l2 * np.eye(len(known)))
    return centre @ inverse @ centre @ (cross - gram.mean(1)[:, None]) + 1 / len(known)


def knn_map(task: ColdTask, k: int, shrink: float) -> np.ndarray:
    """Cosines between each new film and its k nearest known ones, over shrink + their sum."""
    cosine = unit(task.content) @ unit(task.new_content).T
    lowest = np.sort(cosine, 0)[-k]
    cosine = np.where(cosine >= lowest, cosine, 0).clip(min=0)
    return cosine / (shrink + cosine.sum(0))


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-12)


# ---- the models, with the settings to choose from ------------------------------------------------------------


def popularity(task: ColdTask, l2: float, power: float) -> np.ndarray:
    """Likes of a film, those of heavy users weighted less, predicted from content; the same for everybody."""
    weighted = (task.likes / task.likes.sum(1, keepdims=True) ** power).sum(0)
    predicted = predict_from_content(weighted[None] / weighted.mean(), task, l2)
    return np.tile(predicted, (len(task.likes), 1))


def cosine(task: ColdTask, centre: bool, rare: bool) -> np.ndarray:
    """The mean content of a person's films against the content of the new ones."""
    known, new = task.content, task.new_content
    if rare:
        scale = 1 / (known.std(0) + 0.05)
        known, new = known * scale, new * scale
    mean = known.mean(0) if centre else 0.0
    profile = task.likes @ (known - mean) / task.likes.sum(1, keepdims=True)
    return unit(profile) @ unit(new - mean).T


def knn(task: ColdTask, k: int, shrink: float) -> np.ndarray:
    return task.likes @ knn_map(task, k, shrink)


def ridge(task: ColdTask, l2: float) -> np.ndarray:
    return predict_from_content(task.likes, task, l2)


def ridge_popularity(task: ColdTask, l2: float, share: float) -> np.ndarray:
    return standard(ridge(task, l2)) + share * standard(popularity(task, 10.0, 1.0))


def standard(scores: np.ndarray) -> np.ndarray:
    """Scores of each person with mean 0 and deviation 1."""
    scores = scores - scores.mean(1, keepdims=True)
    return scores / scores.std(1, keepdims=True).clip(1e-12)


def ials(task: ColdTask, alpha: float, reg: float) -> np.ndarray:
    """u.v of the known films. A linear map of the v is the same map of these."""

    def compute() -> np.ndarray:
        users, films = task.likes.nonzero()
        ids = {"user_ids": range(len(task.likes)), "item_ids": range(len(task.content))}
        likes = RatingMatrix(users, films, np.ones(len(users), int), **ids)
        return baselines.IALS(reg=reg, alpha=alpha).fit(likes).scores()

    return remembered(task, ("ials", alpha, reg), compute)


def ials_ridge(task: ColdTask, alpha: float, reg: float, l2: float) -> np.ndarray:
    return predict_from_content(ials(task, alpha, reg), task, l2)


def ials_kernel(
    task: ColdTask, alpha: float, reg: float, l2: float, width: float
) -> np.ndarray:
    return ials(task, alpha, reg) @ remembered(
        task, ("kernel", l2, width), lambda: kernel_map(task, l2, width)
    )


def remembered(task: ColdTask, key: Any, compute: Callable[[], Any]) -> Any:
    """What several settings need, computed once for each task."""
    cache = vars(task).setdefault("cache", {})
    if key not in cache:
        cache[key] = compute()
    return cache[key]


def scores_of(model: Any, task: ColdTask, decay: float, method: Any = None) -> np.ndarray:
    """Train a tied model and score the new films."""
    rng = torch.Generator().manual_seed(0)
    fit_tied(model, task.likes, method, weight_decay=decay, generator=rng, progress=False)
    vars(task)["model"] = model
    return model.scores(task.likes, task.new_content).numpy()


def tied_rbm(
    task: ColdTask, n_taste: int, decay: float, residual: bool = True, method: Any = None
) -> np.ndarray:
    model = TiedRBM(task.content, n_taste, residual=residual, seed=0)
    return scores_of(model, task, decay, method)


def tied_dbm(task: ColdTask, n_taste: int, decay: float) -> np.ndarray:
    return scores_of(TiedDBM(task.content, 64, n_taste, seed=0), task, decay)


def recommender(task: ColdTask, films: pd.DataFrame) -> np.ndarray:
    """What a user of the library gets: a table of genres and dates, and no setting chosen."""
    users, items = task.likes.nonzero()
    ones = np.ones(len(users), int)
    likes = RatingMatrix(users, task.known[items], ones, item_ids=task.known)
    table = films.rename_axis("item").reset_index()
    # New films have scores of the tied model alone, so the training of the RBM may be short.
    model = Recommender(
        content=table.iloc[[*task.known, *task.new]], epochs=1, validation=0
    )
    model.fit(likes)
    return model.scores(new_items=True)


def rated() -> None:
    """Lists of rated films: a fifth of each person's likes is held out, and settings are the defaults."""
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


def grid(**values: tuple) -> list[dict[str, Any]]:
    return [
        dict(zip(values, one, strict=True)) for one in itertools.product(*values.values())
    ]


REFERENCE = "TiedRBM"
PLAIN = "Recommender(content=table)"
DEEP = "TiedDBM, one upward pass"
GRIDS: dict[str, tuple[Callable[..., np.ndarray], list[dict[str, Any]]]] = {
    "popularity by content": (
        popularity,
        grid(l2=(1, 3, 10, 30, 100), power=(1.0, 1.5, 2.0)),
    ),
    "cosine of mean content": (cosine, grid(centre=(False, True), rare=(False, True))),
    "content kNN": (knn, grid(k=(10, 20, 40, 80, 160, 320), shrink=(0.0, 5.0))),
    "ridge per user": (ridge, grid(l2=(1, 3, 10, 30, 100, 300))),
    "ridge per user + popularity": (
        ridge_popularity,
        grid(l2=(3, 10, 30, 100), share=(0.1, 0.25, 0.5)),
    ),
    "iALS mapped by ridge": (
        ials_ridge,
        grid(alpha=(0.2, 0.5, 1.0), reg=(1.0,), l2=(1, 3, 10, 30)),
    ),
    "iALS mapped by kernel ridge": (
        ials_kernel,
        grid(alpha=(0.2, 0.5, 1.0), reg=(1.0,), l2=(0.3, 1, 3, 10), width=(2.0,)),
    ),
    REFERENCE: (tied_rbm, grid(n_taste=(64, 128), decay=(1e-3, 3e-3))),
    DEEP: (tied_dbm, grid(n_taste=(64, 128), decay=(1e-3, 3e-3))),
}


def all_scores(
    task: ColdTask, seed: int, only: Sequence[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, scores) of the models, with the settings that the inner draw of this task chooses."""
    inner = task.inner(1000 + seed)
    rng = np.random.default_rng([2009, seed])
    for name, (model, settings) in GRIDS.items():
        if name not in only:
            continue
        values = [quality(inner, model(inner, **setting)) for setting in settings]
        chosen = settings[int(np.argmax(values))]
        scores = model(task, **chosen)
        log(f"draw {seed}  {name}: {chosen} of {len(settings)}")
        yield name, scores
        if name == REFERENCE:
            yield from variants(task, scores, chosen, rng)
        if name == DEEP:
            deep = vars(task)["model"]
            taste = deep.mean_field(task.likes, max_sweeps=3).means[-1]
            yield "  mean field, 3 sweeps", deep.scores_at(taste, task.new_content).numpy()


def without_model(task: ColdTask, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """The two ends of the scale."""
    rng = np.random.default_rng([2010, seed])
    yield "random", rng.random(task.relevant.shape)
    popular = (task.relevant / task.likes.sum(1, keepdims=True)).sum(0)
    yield "true popularity (looks at the answers)", np.tile(popular, (len(task.likes), 1))


def variants(
    task: ColdTask, scores: np.ndarray, chosen: dict[str, Any], rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """What is left without the person, the content or the residual; and by contrastive divergence."""
    yield "  of another person", scores[rng.permutation(len(scores))]
    yield "  its mean over people", np.tile(scores.mean(0), (len(scores), 1))
    shuffled = rng.permutation(task.new_content)
    yield (
        "  with shuffled content",
        vars(task)["model"].scores(task.likes, shuffled).numpy(),
    )
    yield "  without residual, same settings", tied_rbm(task, **chosen, residual=False)
    yield "  by CD, same settings", tied_rbm(task, **chosen, method=TiedCD(k=1))


def quality(task: ColdTask, scores: np.ndarray) -> float:
    per_user = task.per_person(scores)
    return float((per_user["Recall@20"] + per_user["NDCG@10"]).mean())


# ---- the table ----------------------------------------------------------------------------------------------


def table(results: dict[str, dict[int, pd.DataFrame]]) -> pd.DataFrame:
    """Means with intervals over people, and the lead of the tied model, with both intervals."""
    records = []
    for name, frames in results.items():
        record: dict[str, Any] = {"model": name}
        for metric in ("Recall@20", "NDCG@10"):
            low, high, mean = over_people([frame[metric] for frame in frames.values()])
            record[metric] = f"{mean:.3f} [{low:.3f}, {high:.3f}]"
        for metric in ("Recall@20", "NDCG@10"):
            record[f"lead {metric}"] = lead(results.get(REFERENCE, {}), frames, metric)
        per_draw = [f"{frame['Recall@20'].mean():.3f}" for frame in frames.values()]
        records.append(record | {"Recall@20 by draw": " ".join(per_draw)})
    return pd.DataFrame(records).set_index("model")


def lead(
    reference: dict[int, pd.DataFrame], frames: dict[int, pd.DataFrame], metric: str
) -> str:
    """By how much the tied model is ahead: mean, interval over people, ± over films."""
    common = sorted(reference.keys() & frames.keys())
    if not common:
        return ""
    leads = [reference[seed][metric] - frames[seed][metric] for seed in common]
    low, high, mean = over_people(leads)
    half = over_films([one.mean() for one in leads])
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}] ± {half:.3f}"


def over_people(columns: list[pd.Series]) -> tuple[float, float, float]:
    """Low, high and mean. The mean is that of the draws; the interval is a bootstrap over people."""
    mean = float(np.mean([column.mean() for column in columns]))
    per_person = pd.concat(columns).groupby(level=0).mean().to_frame("x")
    row = evaluate.mean_interval(per_person).iloc[0]
    return row["low"] - row["mean"] + mean, row["high"] - row["mean"] + mean, mean


def over_films(means: list[float]) -> float:
    """Half the interval over draws of films; infinite for one draw."""
    n = len(means)
    if n < 2:
        return float("inf")
    spread = np.var(means, ddof=1) * (1 / n + SHARE / (1 - SHARE))
    return float(student.ppf(0.975, n - 1) * np.sqrt(spread))


def log(text: str) -> None:
    print(f"{time.perf_counter() - START:6.0f} s  {text}", file=sys.stderr, flush=True)


START = time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
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
