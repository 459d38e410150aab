"""The tables on Spotify's tracks."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.spotify import audio, cold, embeddings, likelihood, warm
from benchmarks.spotify.pairs import boosted_trees, rows_of
from benchmarks.spotify.recommendations import top_n_table
from benchmarks.spotify.songs import heard_by, song_points
from benchmarks.spotify.study import cold_table, nats
from rbm_lib.data import RatingMatrix, simulate_listeners, synthetic_spotify
from rbm_lib.recommend import baselines
from rbm_lib.recommend.cold import cold_task
from rbm_lib.training import fit_tied


@pytest.fixture(scope="module")
def catalogue():
    return synthetic_spotify(0, 1200).tracks


def test_the_validation_part_chooses_and_leads_are_paired(catalogue, monkeypatch):
    anneal = likelihood.ais_log_partition
    monkeypatch.setattr(
        likelihood,
        "ais_log_partition",
        lambda model, n_chains, n_steps, *rest, **data: anneal(
            model, 10, 10, *rest, **data
        ),
    )
    small = {"n_components": 2}
    monkeypatch.setattr(likelihood, "MIXTURES", {"diagonal": [small], "full": [small]})

    gain, tried = likelihood.likelihood_split(catalogue.iloc[:300], 0, epochs=2)
    table, settings = likelihood.likelihood_table([(gain, tried)])

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


def test_the_interval_of_a_lead_knows_tracks_that_several_splits_test():
    once = pd.Series([1.0, 3.0, 2.0, 6.0])

    mean, half = likelihood.lead_interval(pd.concat([once, once]))

    assert (mean, half) == pytest.approx(likelihood.lead_interval(once))


@pytest.fixture(scope="module")
def songs(catalogue):
    return catalogue, song_points(catalogue, epochs=1)


def test_songs_as_points_have_four_settings_of_each_kind(songs):
    tracks, points = songs

    assert {kind: len(settings) for kind, settings in points.items()} == {
        "features": 4, "Gaussian RBM": 4, "deep, 16-8": 4,
    }  # fmt: skip
    assert {len(x) for kind in points.values() for x in kind.values()} == {len(tracks)}


def test_recommendations_say_tries_choices_and_paired_leads(songs):
    few = [baselines.ItemKNN(5), baselines.ItemKNN(50)]
    model = [baselines.EASE(100), baselines.EASE(300)]
    models = {"ItemKNN": few, "EASE": model}

    table = top_n_table(songs[0], [3], songs[1], of="EASE", models=models)

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


def test_models_with_content_are_fitted_to_the_training_pairs(songs):
    tracks = songs[0].iloc[:300]
    models = warm.with_content(tracks)
    few = {"EASE": models["EASE"][:2]}
    for name in ("EASE + ridge", warm.ALONE, warm.RESIDUAL):
        few[name] = models[name][1:2]
    for name in (warm.ALONE, warm.RESIDUAL):
        few[name] = [replace(few[name][0], epochs=1)]

    table = top_n_table(tracks, [3], {}, warm.ALONE, few, stream=2000, n_users=60)

    recall = table["Recall@20"].str.split().str[0].astype(float)
    assert recall["random"] < recall["EASE + ridge"] < recall["oracle"]
    lead = table.loc["EASE", f"Recall@20: lead of the {warm.ALONE}"].split()[0]
    assert float(lead) == pytest.approx(recall[warm.ALONE] - recall["EASE"], abs=2e-4)
    assert "item_units=0" in table.loc[warm.ALONE, "chosen"]


def test_content_alone_gives_equal_songs_equal_scores_and_a_residual_does_not():
    rng = np.random.default_rng(0)
    content = np.repeat(rng.normal(size=(10, 3)), 2, axis=0)
    users, items = (rng.random((20, 20)) < 0.3).nonzero()
    ratings = RatingMatrix(users, items, np.ones(len(users), int), item_ids=range(20))

    for item_units in (0, 4):
        alone = warm.Tied("line", content, item_units, epochs=2).fit(ratings).scores()
        own = warm.Tied("line", content, item_units, True, epochs=2).fit(ratings).scores()
        np.testing.assert_allclose(alone[:, ::2], alone[:, 1::2], atol=1e-6)
        assert abs(own[:, ::2] - own[:, 1::2]).min(0).max() > 1e-4


def test_each_fold_chooses_within_its_training_part():
    label = np.arange(60) % 2
    noise = np.random.default_rng(0).normal(size=(60, 1))
    says = np.where(np.arange(60)[:, None] < 40, label[:, None], -noise) * 1.0
    points = {"noise": noise, "first forty": says}
    last, first = np.arange(60) >= 40, np.arange(60) < 40
    folds = [(np.flatnonzero(first), np.flatnonzero(last))]

    guess, chosen = embeddings.out_of_fold(
        points, label, folds, lambda rows: (rows[:30], rows[30:]),
        lambda truth, guess: (truth == guess).mean(),
    )  # fmt: skip

    assert chosen == ["first forty"]
    assert (guess[last] == label[last]).mean() < 0.9  # it says nothing there


def test_embeddings_are_compared_by_listener_and_by_artist(songs):
    tracks, points = songs
    few = {kind: dict(list(settings.items())[:1]) for kind, settings in points.items()}
    listeners = simulate_listeners(tracks, 150)
    heard = heard_by(listeners, tracks).rated()
    narrow = {kind: {n: x[:, :3] for n, x in own.items()} for kind, own in few.items()}

    archetypes = embeddings.archetypes_table(listeners, heard, few, "Gaussian RBM")
    genres = embeddings.genres_table(tracks, narrow, "Gaussian RBM", n_bootstrap=20)

    assert archetypes["tries"].tolist() == [1, 1, 1, 1]
    for table in (archetypes, genres):
        lead = table["lead of the Gaussian RBM"]
        assert lead["Gaussian RBM"] == "" and lead["features"].endswith("]")


def test_the_weighted_macro_auc_is_scikit_learns():
    rng = np.random.default_rng(0)
    labels, prob = rng.integers(2, size=(50, 3)), rng.random((50, 3))
    weight = rng.integers(1, 4, size=50)

    found = embeddings.weighted_macro_auc(labels, prob)(weight)

    expected = roc_auc_score(labels, prob, average="macro", sample_weight=weight)
    assert found == pytest.approx(expected)


def test_a_label_that_no_row_has_does_not_count():
    rng = np.random.default_rng(0)
    labels, prob = rng.integers(2, size=(50, 3)), rng.random((50, 3))
    more = np.hstack([labels, np.zeros((50, 1), int), np.ones((50, 1), int)])
    guess = np.hstack([prob, rng.random((50, 2))])

    expected = roc_auc_score(labels, prob, average="macro")
    assert embeddings.macro_auc(more, guess) == pytest.approx(expected)
    assert embeddings.weighted_macro_auc(more, guess)(np.ones(50)) == pytest.approx(
        expected
    )


def test_cold_songs_have_settings_from_known_songs_and_paired_leads(catalogue, monkeypatch):
    tracks = catalogue.iloc[:600]
    calls = []

    def quick(task, n_taste, decay, residual):
        calls.append((task.likes.shape[1], decay, residual))
        model = cold.TiedRBM(task.content, 2, residual=residual, seed=0)
        fit_tied(model, task.likes, epochs=1, progress=False)
        vars(task)["model"] = model
        return model.scores(task.likes, task.new_content).numpy()

    few = {name: (model, settings[:2]) for name, (model, settings) in cold.GRIDS.items()}
    few[cold.TREES] = (partial(boosted_trees, max_iter=3), few[cold.TREES][1])
    few[cold.REFERENCE] = (quick, cold.GRIDS[cold.REFERENCE][1][:2])
    monkeypatch.setattr(cold, "tied_rbm", quick)

    table, chosen = cold_table(replace(cold.COLD, grids=few), tracks, [0, 1], n_users=100)

    recall = table["Recall@20"].str.split().str[0].astype(float)
    lead = table["lead Recall@20"]
    assert recall["random"] < recall[cold.RIDGE] < recall["oracle"]
    gap = recall[cold.REFERENCE] - recall[cold.RIDGE]
    assert float(lead[cold.RIDGE].split()[0]) == pytest.approx(gap, abs=2e-4)
    assert chosen.shape == (len(few), 2)
    # Two settings on 384 of the 480 known songs; then the best one, and its control.
    assert [n for n, *_ in calls] == [384, 384, 480, 480] * 2
    assert calls[2][1] == calls[3][1] and calls[2][2] != calls[3][2]


def test_the_sound_alone_compares_depth_at_equal_size_and_in_nats(catalogue, monkeypatch):
    tracks = catalogue.iloc[:600]
    sizes = []

    def quick(model, task, decay):
        sizes.append((type(model).__name__, sum(p.numel() for p in model.parameters())))
        fit_tied(model, task.likes, epochs=1, progress=False)
        vars(task)["model"] = model
        return model.scores(task.likes, task.new_content).numpy()

    monkeypatch.setattr(audio, "scores_of", quick)

    table, chosen = cold_table(audio.AUDIO, tracks, [0], n_users=100)

    deep = sizes[-1]
    assert deep[0] == "TiedDBM"
    assert 0 <= sizes[7][1] - deep[1] < 15  # one more taste has 15 parameters
    assert set(table["tries"]) == {3, 4, ""}
    named = table.index[table["nats"] != ""]
    assert set(named) == set(audio.AUDIO.log_odds)
    assert table.loc[audio.REFERENCE, "lead nats"] == ""


def test_a_uniform_guess_has_no_nats_and_the_one_heard_song_has_all():
    heard = np.array([[1, 1, 1, 0, 0], [1, 1, 0, 1, 1]])
    task = cold_task(heard, np.eye(5), seed=0, share=0.4, fewest=0)
    task.relevant[:] = [[True, False], [False, False]]

    assert nats(task, np.zeros((2, 2))) == pytest.approx([0])
    assert nats(task, np.array([[99.0, 0], [0, 0]])) == pytest.approx([np.log(2)])


def test_a_heard_song_is_not_among_those_that_its_pair_compares_it_with():
    rng = np.random.default_rng(0)
    heard = (rng.random((4, 20)) < 0.5) * 1.0
    task = cold_task(heard, rng.normal(size=(20, 2)), seed=0, fewest=0)
    labels = task.with_content((rng.random((20, 3)) < 0.5) * 1.0)
    own = np.flatnonzero(task.likes[1])

    row = rows_of([task, labels], 1, own[:1])[0]

    song, others = task.content[own[0]], task.content[own[1:]]
    shares = (labels.content[own[1:]] * labels.content[own[0]]).mean(0)
    distance = abs(song - others.mean(0)) / (others.std(0) + 0.025)
    expected = [*song, *others.mean(0), *others.std(0), *distance]
    expected += [len(own) - 1, shares.max(), shares.sum()]
    assert row == pytest.approx(np.array(expected))
    assert rows_of([task, labels], 1)[:, 8].tolist() == [len(own)] * 4


def test_columns_of_songs_are_on_one_scale(catalogue):
    columns = cold.columns_of(catalogue.iloc[:600])

    for name in ("line", "hats"):
        assert columns[name].std(0) == pytest.approx(0.25)
    assert set(np.unique(columns["artists doubled"][:, -1])) == {0, 2}
    assert len(np.hstack([columns[part] for part in cold.PARTS])) == 600
