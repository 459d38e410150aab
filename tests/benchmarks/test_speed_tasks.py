"""What is measured beside updates: import, log Z, likes, rated cells, early stopping."""

import pytest

from benchmarks.speed import checking, report, tasks
from benchmarks.speed.ratings import make_likes
from rbm_lib import RBM, EarlyStopping, evaluate
from rbm_lib.likelihood.exact import exact_log_partition
from rbm_lib.recommend import baselines


def test_import_times_are_medians_of_rounds(monkeypatch):
    rounds = [2.0, 0.1, 3.0, 2.0, 0.2, 2.0, 4.0, 0.1, 8.0]
    seconds = iter([9.0, *rounds])  # the first import is not counted
    packages = {
        "torch": {"torch"},
        "rbm_lib": {"rbm_lib"},
        "rbm_lib.recommend": {"torch", "scipy", "_c", "rbm_lib"},
    }
    monkeypatch.setattr(tasks, "imported", lambda name: (next(seconds), packages[name]))

    found = tasks.import_time(3)

    assert (found["torch_seconds"], found["rbm_lib_seconds"]) == (2.0, 3.0)
    assert found["ratio"] == pytest.approx(1.5)  # of 1.5, 1 and 2
    assert found["package_ratio"] == pytest.approx(0.05)  # of .05, .1 and .025
    assert found["further_modules"] == ["rbm_lib", "scipy"]


def test_an_import_is_timed_in_a_process_of_its_own():
    seconds, modules = tasks.imported("tqdm")

    assert seconds > 0 and "tqdm" in modules
    assert not {"torch", "pytest", "json"} & modules  # ours, and the standard library's


def test_log_z_is_measured():
    found = tasks.TASKS["log_z"](5, 4, threads=1)

    exact = float(exact_log_partition(RBM(5, 4, weight_std=0.1, seed=0)))
    assert found["log_z"] == pytest.approx(exact, rel=1e-6)
    assert found["seconds"] > 0


def test_models_of_likes_run_in_a_process_of_their_own():
    found = tasks.likes_only((30, 20, 200), "EASE", 1)
    assert (found["model"], found["users"], found["items"], found["threads"]) == (
        "EASE",
        30,
        20,
        1,
    )
    split = evaluate.random_split(make_likes(30, 20, 200))
    assert found["likes"] == split.train.n_ratings and 0 < found["likes"] < 200
    scores = baselines.EASE().fit(split.train).scores()
    metrics = evaluate.per_user_ranking(scores, split.held_out, split.train)
    assert found["ndcg"] == pytest.approx(metrics["NDCG@10"].mean(), rel=1e-9)
    assert found["seconds"] > 0
    empty = {
        "machine": {},
        "load_before": 0,
        "load_after": 0,
        "dense": [],
        "import": None,
        "log_z": None,
    }
    shown = report.report(empty | {"masked_ratings": [], "likes_only": [found]})
    assert f"{found['likes']} likes of 30 users and 20 items, EASE: trained" in shown
    assert "× iALS" not in shown and "NDCG@10" in shown
    two = [found | {"seconds": 3.0}, found | {"model": "iALS", "seconds": 2.0}]
    assert "1.50 × iALS" in "\n".join(report.likes_lines(two))


def test_likes_have_tastes_to_learn(monkeypatch):
    monkeypatch.setattr("benchmarks.speed.ratings.N_TASTES", 4)
    likes = make_likes(500, 200, 10_000)
    assert likes.n_ratings == 10_000 and set(likes.triples()[2]) == {1}
    split = evaluate.random_split(likes)

    def ndcg(model):
        scores = model.fit(split.train).scores()
        metrics = evaluate.per_user_ranking(scores, split.held_out, split.train)
        return metrics["NDCG@10"].mean()

    assert ndcg(baselines.EASE(l2=100)) > 1.2 * ndcg(baselines.Popularity())


@pytest.mark.parametrize("task", ["rank", "rate"])
def test_the_share_of_early_stopping_is_measured(task):
    check = EarlyStopping.__call__

    found = checking.train_with_checks(task, 60, 40, 900, 3, 1)

    assert EarlyStopping.__call__ is check
    own, epoch = found["check_seconds"], 3 * found["every"] * found["epoch_seconds"]
    assert own > 0 and epoch > 0
    assert found["share"] == pytest.approx(own / (own + epoch))
    assert "2,700 ratings" in report.about_checking(found)


def test_rated_cells_are_compared_with_dense_rows(monkeypatch):
    monkeypatch.setattr(checking, "SHARES", (0.1, 0.5))

    found = checking.time_rated_cells(20, 30, 4, 1)

    assert [row["share"] for row in found["rows"]] == [0.1, 0.5]
    assert all(row["ratio"] > 0 and row["ns_per_rating"] > 0 for row in found["rows"])
    assert "batch 4, 30 items" in report.about_rated_cells(found)
