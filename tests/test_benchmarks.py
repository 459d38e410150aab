"""What the speed tables say of given times, and that contestants run; judges no time."""

import importlib.util
import json
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from rbm_lib import RBM
from rbm_lib.data import load_spotify, simulate_listeners, synthetic_deezer
from rbm_lib.likelihood.exact import exact_log_partition
from rbm_lib.recommend import baselines

ROOT = Path(__file__).resolve().parents[1]
TINY = (4, 6, 3)


def benchmark(name):
    path = ROOT / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def speed():
    return benchmark("speed")


def pair(floor, own):
    return (floor, floor), (own, own / 2)


def about(name):
    return {name: {"peak_mb": 200.0, "setup_mb": 150.0, "versions": {"torch": "2"}}}


def made_up(speed, case=TINY, threads=1):
    """Three rounds in which the machine's speed changes: ratios 2, 1.2, 1.1; 3, 6, 2.2."""
    mean = "rbm_lib, mean visible"
    pairs = {
        mean: [pair(1e-3, 2e-3), pair(10e-3, 12e-3), pair(1e-3, 1.1e-3)],
        speed.SAMPLED: [pair(1e-3, 1.5e-3), pair(1e-3, 1.5e-3), pair(2e-3, 2e-3)],
        "rbms": [pair(1e-3, 3e-3), pair(1e-3, 6e-3), pair(1e-3, 2.2e-3)],
        "learnergy, fit": [],
    }
    known = about(speed.FLOOR) | about(mean) | about(speed.SAMPLED) | about("rbms")
    rows = speed.summary(
        case,
        threads,
        "cpu",
        pairs,
        known | {"learnergy, fit": {"missing": "not installed"}},
    )
    return {
        "case": list(case),
        "threads": threads,
        "device": "cpu",
        "repeats": 3,
        "updates": 7,
        "rows": rows,
    }


def test_a_ratio_is_the_median_of_paired_ratios(speed):
    floor, mean, sampled, rbms, missing = made_up(speed)["rows"]
    # the medians of the times are 2 ms and, for all floors, 1 ms: their ratio is 2
    assert mean["ms"] == pytest.approx(2) and floor["ms"] == pytest.approx(1)
    assert mean["ratio"] == pytest.approx(1.2)
    assert (mean["ratio_low"], mean["ratio_high"]) == pytest.approx((1.15, 1.6))
    assert mean["cpu_ratio"] == pytest.approx(0.6)
    # against ours round by round: 3/1.5, 6/1.5, 2.2/1
    assert rbms["times_ours"] == pytest.approx(2.2) and "times_ours" not in mean
    assert missing == {"name": "learnergy, fit", "missing": "not installed"}


def test_bars_are_those_of_the_case_and_hold_for_one_thread(speed):
    def bars(case, threads):
        return [row.get("bar") for row in made_up(speed, case, threads)["rows"]]

    assert bars(speed.CASES[0], 1) == [None, 1.25, 1.60, None, None]
    assert bars(speed.CASES[2], 1) == [None, 1.15, 1.40, None, None]
    assert bars(speed.CASES[0], 2) == [None] * 5
    assert "cpu_ratio" not in made_up(speed, threads=2)["rows"][1]


def test_the_table_shows_what_was_measured_and_what_was_not(speed):
    lines = speed.case_table(made_up(speed)).splitlines()
    assert (
        "batch 4, 6 visible, 3 hidden" in lines[0] and "3 rounds of 7 updates" in lines[0]
    )
    assert (
        "1.15–1.60" in lines[3]
        and "≤ 1.15 missed" in lines[3]
        and "≤ 1.40 missed" in lines[4]
    )
    assert speed.verdict(1.15, 1.15).endswith("met")
    assert lines[6].split(maxsplit=2) == ["learnergy,", "fit", "not installed"]


@pytest.mark.parametrize("text", ["128x784", "axbxc", "0x3x3", "128x784x128x1"])
def test_cases_that_are_none_are_refused(speed, text):
    assert speed.parse_case("4x6x3") == TINY
    with pytest.raises(
        speed.argparse.ArgumentTypeError, match="expected batch x visible x hidden"
    ):
        speed.parse_case(text)


class Enough(Exception):
    pass


@pytest.mark.parametrize("number", range(6))
def test_contestants_of_this_environment_make_an_update_per_turn(
    speed, number, monkeypatch
):
    name = [n for n in speed.CONTESTANTS if n not in speed.PEERS][number]
    left, products = [5], []
    bare = torch.mm

    def turn():
        left[0] -= 1
        if left[0] < 0:
            raise Enough

    monkeypatch.setattr(
        torch, "mm", lambda *a, **b: products.append((a, b)) or bare(*a, **b)
    )
    rows = speed.make_rows(TINY)
    assert (
        rows.shape == (16, 6)
        and rows.dtype == np.float32
        and set(np.unique(rows)) == {0, 1}
    )
    with pytest.raises(Enough):
        speed.CONTESTANTS[name](TINY, rows, "cpu", turn)
    if name == speed.FLOOR:
        assert len(products) == 25
        shapes = [(tuple(a.shape), tuple(b.shape)) for (a, b), _ in products[:5]]
        assert shapes == [
            ((4, 6), (6, 3)),
            ((4, 3), (3, 6)),
            ((4, 6), (6, 3)),
            ((6, 4), (4, 3)),
            ((6, 4), (4, 3)),
        ]


def test_a_turn_leaves_the_first_update_out(speed, monkeypatch):
    said, asked = [], iter([3, 2])
    clock = iter(range(100))
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(speed.time, "process_time", lambda: 0.0)
    stopped = []
    turn = speed.turns(
        lambda: next(asked), said.append, lambda: stopped.append(len(said))
    ).__next__
    for _ in range(4):
        turn()  # one that is not counted, three that are
    assert len(said) == 1 and set(said[0]) == {"setup_mb", "versions"}
    turn()
    assert said[1]["seconds"] == pytest.approx(1 / 3) and stopped == [1, 1]


def test_everything_at_once_and_its_json(speed, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(speed, "TURN_SECONDS", (1e-5, 1e-5))
    names = (speed.FLOOR, speed.SAMPLED, "rbms")
    whole = speed.measure_case
    monkeypatch.setattr(speed, "measure_case", lambda *a: whole(*a, names=names))
    monkeypatch.setattr(speed, "log_z", lambda visible, hidden: {**LOG_Z, "hidden": hidden})
    monkeypatch.setattr(speed, "import_time", lambda repeats: IMPORT | {"repeats": repeats})
    arguments = ["--quick", "--cases", "4x6x3", "--repeats", "2", "--device", "cpu"]
    path = tmp_path / "new" / "speed.json"
    speed.main([*arguments, "--peers", str(tmp_path / "none"), "--output", str(path)])
    result = json.loads(path.read_text(encoding="utf-8"))
    assert set(result) == {
        "format", "machine", "load_before", "load_after", "dense", "import", "log_z",
        "masked_ratings", "likes_only",
    }  # fmt: skip
    assert {"cpu", "cores", "python"} <= set(result["machine"])
    (record,) = result["dense"]
    assert record["case"] == [4, 6, 3] and (record["threads"], record["repeats"]) == (1, 2)
    floor, ours, rbms = record["rows"]
    assert (
        floor["name"] == speed.FLOOR
        and ours["ms"] > 0
        and ours["versions"]["torch"] == version("torch")
    )
    assert ours["ratio_low"] <= ours["ratio"] <= ours["ratio_high"]
    assert rbms == {"name": "rbms", "missing": "not installed: make bench-peers"}
    shown = capsys.readouterr().out
    assert speed.SAMPLED in shown and "not installed: make bench-peers" in shown
    speed.main(["--figure", str(path), "--output", str(tmp_path / "speed.png")])
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")


def test_a_contestant_that_fails_is_a_line_of_the_table(speed):
    worker = speed.Worker("no such contestant", TINY, 1, "cpu", sys.executable)
    worker.ready()
    assert (
        worker.missing == "failed: KeyError: 'no such contestant'"
        and worker.turn(1) is None
    )
    worker.close()


def test_import_time_and_log_z_are_measured(speed):
    found = speed.import_time(1)
    assert found["ratio"] > 0 and "rbm_lib" in found["further_modules"]
    assert not {"matplotlib", "IPython", "sklearn"} & set(found["further_modules"])

    found = speed.log_z(5, 4)
    assert found["log_z"] == pytest.approx(
        float(exact_log_partition(RBM(5, 4, weight_std=0.1, seed=0))), rel=1e-6
    )
    assert found["seconds"] > 0


def test_models_of_likes_run_in_a_process_of_their_own(speed):
    found = speed.likes_only((30, 20, 200), "EASE", 1)
    assert (found["model"], found["users"], found["items"], found["threads"]) == (
        "EASE",
        30,
        20,
        1,
    )
    ratings = speed.make_ratings(30, 20, 200)
    likes = ratings.keep(ratings.triples()[2] == 1)
    assert found["likes"] == likes.n_ratings and 0 < likes.n_ratings < 200
    assert found["mean_score"] == pytest.approx(
        baselines.EASE().fit(likes).scores().mean(), rel=1e-9
    )
    assert found["seconds"] > 0
    empty = {
        "machine": {},
        "load_before": 0,
        "load_after": 0,
        "dense": [],
        "import": None,
        "log_z": None,
    }
    shown = speed.report(empty | {"masked_ratings": [], "likes_only": [found]})
    assert f"{found['likes']} likes of 30 users and 20 items, EASE: trained" in shown


LOG_Z = {
    "visible": 5,
    "threads": 1,
    "log_z": 1.0,
    "seconds": 1.0,
    "peak_mb": None,
    "setup_mb": None,
}
IMPORT = {
    "torch_seconds": 1.0,
    "rbm_lib_seconds": 1.0,
    "ratio": 1.0,
    "bar": 1.3,
    "further_modules": ["rbm_lib"],
}


def test_the_readmes_picture_is_drawn_from_three_trainings(tmp_path):
    reconstruction = benchmark("reconstruction")
    target = tmp_path / "picture.svg"

    runs = {name: reconstruction.curves(name, 150) for name in reconstruction.METHODS}
    reconstruction.draw(runs, target)

    assert "</svg>" in target.read_text(encoding="utf-8")
    for nll, error in runs.values():
        assert len(nll) == len(error) == 4
        assert nll[-1] < nll[0]


def test_every_row_of_the_gpu_benchmark_runs_on_the_cpu(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    gpu = benchmark("gpu")
    target = tmp_path / "record.json"

    status = gpu.main(["--device", "cpu", "--tiny", "--output", str(target)])

    rows = json.loads(target.read_text(encoding="utf-8"))["rows"]
    assert status == 0
    assert [row["row"] for row in rows] == 2 * ["update"] + ["ratings"] + 3 * ["precision"]
    assert all(row["over_products"] > 0 for row in rows[:2])
    assert rows[3]["largest_difference"] == 0
    assert rows[5]["largest_difference"] < 0.01


@pytest.fixture(scope="module")
def spotify():
    return benchmark("spotify")


@pytest.fixture(scope="module")
def deezer():
    return benchmark("deezer")


def test_every_row_of_a_table_has_four_tries(spotify, deezer):
    movielens = benchmark("movielens")
    rating = {name: settings for name, (_, settings) in movielens.rating_models().items()}
    ranking = movielens.ranking_models()
    del ranking["popularity"]  # has nothing to choose

    of_listens = {name: s for name, s in deezer.MODELS.items() if name != "constant"}
    groups = (
        *(spotify.MIXTURES, spotify.MACHINES, spotify.CANDIDATES),
        *(rating, ranking, of_listens),
    )

    tries = {len(settings) for group in groups for settings in group.values()}
    assert tries == {4}


def test_what_joins_models_learns_from_known_levels_alone():
    movielens = benchmark("movielens")
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 5, 2000)
    good, noise = levels - 2.5, rng.normal(0, 2, 2000)
    known = {"stars": levels + rng.normal(0, 1, 2000), "item rows": noise, "5 levels": good}
    wanted = known | {"5 levels": -good}  # what is good there is no matter of the layer

    prob, expected = movielens.stacked(("item rows", "5 levels"), known, wanted, levels, 3)

    assert roc_auc_score(levels >= 3, prob) < 0.1
    assert np.corrcoef(levels, expected)[0, 1] < 0
    assert expected.min() >= 0 and expected.max() <= 4


def test_the_last_of_the_known_days_choose_among_models_of_listens(deezer, monkeypatch):
    constant = deezer.MODELS["constant"][0]
    rate = deezer.Setting("rate", partial(deezer.Rate, "user_id rate"))
    monkeypatch.setattr(
        deezer,
        "MODELS",
        {"a": [constant, rate], "b": [rate, constant], deezer.LEADER: [rate]},
    )
    known = synthetic_deezer(0, 6000).train
    inner = deezer.cases(known, {"inner": deezer.temporal_split})

    assert [deezer.chosen(name, inner, 6000, 0).words for name in "ab"] == ["rate", "rate"]

    table = deezer.model_table([0], 6000).loc["last five days"]
    assert table["tries"].tolist() == [2, 2, 1]
    assert table["lead mean"].tolist()[:2] == [0, 0]  # all of them are the same rate


def test_the_table_of_listens_has_paired_leads(deezer, monkeypatch):
    settings = {name: deezer.MODELS[name][:1] for name in ("track's rate", deezer.LEADER)}
    monkeypatch.setattr(deezer, "MODELS", settings)

    table = deezer.model_table([0], 6000).loc["last five days"]

    gap = table.loc[deezer.LEADER, "AUC"] - table.loc["track's rate", "AUC"]
    row = table.loc["track's rate"]
    assert row["lead low"] < row["lead mean"] < row["lead high"]
    # The lead is the mean over resamples, which is near the difference itself.
    assert row["lead mean"] == pytest.approx(gap, abs=row["lead high"] - row["lead low"])


def test_the_validation_part_chooses_and_leads_are_paired(spotify, monkeypatch):
    anneal = spotify.ais_log_partition
    monkeypatch.setattr(
        spotify,
        "ais_log_partition",
        lambda model, n_chains, n_steps, *rest, **data: anneal(
            model, 10, 10, *rest, **data
        ),
    )
    small = {"n_components": 2}
    monkeypatch.setattr(spotify, "MIXTURES", {"diagonal": [small], "full": [small]})
    tracks = load_spotify(verbose=False).tracks.iloc[:300]

    gain, tried = spotify.likelihood_split(tracks, 0, epochs=2)
    table, settings = spotify.likelihood_table([(gain, tried)])

    assert gain.shape == (45, 7) and np.isfinite(gain.to_numpy()).all()
    assert table["tries"].to_dict() == {
        "diagonal Gaussian": 1, "factor analysis": 4, "mixture, diagonal": 1,
        "mixture, full": 1, "Gaussian RBM": 4, "… that with 25 units alone": 1,
        "deep, 16-8": 4,
    }  # fmt: skip
    best = tried.loc[tried.groupby("model")["validation"].idxmax()]
    chosen = settings[settings["chosen"] == 1].index
    assert set(chosen) == set(zip(best["model"], best["setting"], strict=True))
    lead = gain["Gaussian RBM"] - gain["deep, 16-8"]
    half = 1.96 * lead.std(ddof=0) / len(lead) ** 0.5
    expected = f"{lead.mean():+.3f} ± {half:.3f}"
    assert table.loc["deep, 16-8", "lead of the Gaussian RBM"] == expected


def test_the_interval_of_a_lead_knows_tracks_that_several_splits_test(spotify):
    once = pd.Series([1.0, 3.0, 2.0, 6.0])

    mean, half = spotify.lead_interval(pd.concat([once, once]))

    assert (mean, half) == pytest.approx(spotify.lead_interval(once))


@pytest.fixture(scope="module")
def songs(spotify):
    tracks = load_spotify(verbose=False).tracks.iloc[:1200].reset_index(drop=True)
    return tracks, spotify.song_points(tracks, epochs=1)


def test_songs_as_points_have_four_settings_of_each_kind(songs):
    tracks, points = songs

    assert {kind: len(settings) for kind, settings in points.items()} == {
        "features": 4, "Gaussian RBM": 4, "deep, 16-8": 4,
    }  # fmt: skip
    assert {len(x) for kind in points.values() for x in kind.values()} == {len(tracks)}


def test_recommendations_say_tries_choices_and_paired_leads(spotify, songs, monkeypatch):
    few = [spotify.ItemKNN(5), spotify.ItemKNN(50)]
    model = [spotify.EASE(100), spotify.EASE(300)]
    monkeypatch.setattr(spotify, "CANDIDATES", {"ItemKNN": few, "EASE": model})

    table = spotify.top_n_table(songs[0], [3], songs[1], of="EASE")

    lead = table["NDCG@10: lead of the EASE"]
    mean = table["NDCG@10"].str.split().str[0].astype(float)
    assert table["tries"].to_dict() == {
        "oracle": 1, "random": 1, "popularity": 1, "ItemKNN": 2, "EASE": 2,
        "cosine, features": 4, "cosine, Gaussian RBM": 4, "cosine, deep, 16-8": 4,
    }  # fmt: skip
    assert lead["EASE"] == ""
    gap = mean["EASE"] - mean["ItemKNN"]
    assert float(lead["ItemKNN"].split()[0]) == pytest.approx(gap, abs=2e-4)
    assert table.loc["EASE", "chosen"] in map(str, model)


def test_each_fold_chooses_within_its_training_part(spotify):
    label = np.arange(60) % 2
    noise = np.random.default_rng(0).normal(size=(60, 1))
    says = np.where(np.arange(60)[:, None] < 40, label[:, None], -noise) * 1.0
    points = {"noise": noise, "first forty": says}
    last, first = np.arange(60) >= 40, np.arange(60) < 40
    folds = [(np.flatnonzero(first), np.flatnonzero(last))]

    guess, chosen = spotify.out_of_fold(
        points, label, folds, lambda rows: (rows[:30], rows[30:]),
        lambda truth, guess: (truth == guess).mean(),
    )  # fmt: skip

    assert chosen == ["first forty"]
    assert (guess[last] == label[last]).mean() < 0.9  # it says nothing there


def test_embeddings_are_compared_by_listener_and_by_artist(spotify, songs):
    tracks, points = songs
    few = {kind: dict(list(settings.items())[:1]) for kind, settings in points.items()}
    listeners = simulate_listeners(tracks, 150)
    heard = spotify.matrix(listeners, tracks).rated()
    narrow = {kind: {n: x[:, :3] for n, x in own.items()} for kind, own in few.items()}

    archetypes = spotify.archetypes_table(listeners, heard, few, "Gaussian RBM")
    genres = spotify.genres_table(tracks, narrow, "Gaussian RBM", n_bootstrap=20)

    assert archetypes["tries"].tolist() == [1, 1, 1, 1]
    for table in (archetypes, genres):
        lead = table["lead of the Gaussian RBM"]
        assert lead["Gaussian RBM"] == "" and lead["features"].endswith("]")


def test_the_weighted_macro_auc_is_scikit_learns(spotify):
    rng = np.random.default_rng(0)
    labels, prob = rng.integers(2, size=(50, 3)), rng.random((50, 3))
    weight = rng.integers(1, 4, size=50)

    found = spotify.weighted_macro_auc(labels, prob)(weight)

    expected = roc_auc_score(labels, prob, average="macro", sample_weight=weight)
    assert found == pytest.approx(expected)


def test_a_label_that_no_row_has_does_not_count(spotify):
    rng = np.random.default_rng(0)
    labels, prob = rng.integers(2, size=(50, 3)), rng.random((50, 3))
    more = np.hstack([labels, np.zeros((50, 1), int), np.ones((50, 1), int)])
    guess = np.hstack([prob, rng.random((50, 2))])

    expected = roc_auc_score(labels, prob, average="macro")
    assert spotify.macro_auc(more, guess) == pytest.approx(expected)
    assert spotify.weighted_macro_auc(more, guess)(np.ones(50)) == pytest.approx(expected)


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what is missing without a GPU")
def test_without_a_card_the_gpu_benchmark_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")

    status = benchmark("gpu").main(["--output", str(tmp_path / "record.json")])

    assert status == 1
    assert "device: got 'cuda'" in capsys.readouterr().out
    assert not (tmp_path / "record.json").exists()
