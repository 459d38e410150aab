"""Tracks with all their columns in one model."""

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from benchmarks.spotify import mixed
from benchmarks.spotify.mixed_models import ClassMixture, Machine, TimesMargins
from rbm_lib.data import load_spotify


@pytest.fixture(scope="module")
def tracks():
    return load_spotify(verbose=False).tracks.iloc[:400].reset_index(drop=True)


@pytest.fixture(scope="module")
def parts(tracks):
    return mixed.parts_of(tracks, 0)


def test_the_tables_have_paired_leads_and_tries(tracks, monkeypatch):
    few = {name: (make, tried[:2]) for name, (make, tried) in mixed.ROWS.items()}
    monkeypatch.setattr(mixed, "ROWS", few)
    monkeypatch.setattr(mixed, "MIXTURES", [("diag", 2), ("full", 2)])

    gain, tried, genres = mixed.mixed_split(tracks, 0, epochs=2)
    likelihood, _ = mixed.likelihood_table([(gain, tried)], mixed.SHALLOW)
    completed = mixed.genres_table([genres])

    assert np.isfinite(gain.to_numpy()).all() and (gain[mixed.MARGINS] == 0).all()
    assert likelihood["tries"].to_dict() == {
        mixed.MARGINS: 1, mixed.SHALLOW: 4, mixed.DEEP: 4, **dict.fromkeys(few, 2),
    }  # fmt: skip
    lead = completed[f"lead of the {mixed.SHALLOW}"]
    loss = completed["log-loss"]
    gap = loss[mixed.LOGISTIC] - loss[mixed.SHALLOW]
    assert float(lead[mixed.LOGISTIC].split()[0]) == pytest.approx(gap, abs=2e-4)
    assert lead[mixed.SHALLOW] == ""


@pytest.mark.parametrize("sizes", [[3], [3, 2]])
def test_machines_and_mixtures_are_measured_in_the_same_coordinates(parts, sizes):
    (train, validation, _), slope = parts
    model = Machine(sizes, slope, epochs=1).fit(train)
    for parameter in model.model.parameters():
        parameter.data.zero_()
    model.model.initialize_from(train.states)

    found = model.log_prob(validation)

    # Without weights it is the Gaussian with independent margins; frequencies are smoothed.
    expected = TimesMargins("full", 1).fit(train).log_prob(validation)
    assert found.mean() == pytest.approx(expected.mean(), abs=0.3)


def test_missing_genres_are_those_of_all_their_states(parts):
    (train, validation, _), slope = parts
    machine = Machine([4], slope, epochs=2).fit(train)
    machine.model.W.data.normal_(generator=torch.Generator().manual_seed(0))
    rows = validation.states[:3]
    n_numbers, n_genres = validation.numbers.shape[1], 15

    found = machine.genres(validation)[:3]

    states = torch.tensor(list(itertools.product([0.0, 1.0], repeat=n_genres)))
    for row, chances in zip(rows, found, strict=True):
        every = row.repeat(len(states), 1)
        every[:, n_numbers : n_numbers + n_genres] = states
        with torch.no_grad():
            weight = torch.softmax(-machine.model.free_energy(every).double(), 0)
        assert weight @ states.double() == pytest.approx(chances, abs=1e-4)


def test_a_mixture_of_classes_has_the_density_of_its_components(parts):
    (train, validation, _), _ = parts
    model = ClassMixture("full", 3).fit(train)

    found = model.log_prob(validation)

    expected = np.zeros(len(found))
    for c, mean in enumerate(model.means):
        covariance = np.linalg.inv(model.factors[c] @ model.factors[c].T)
        numbers = multivariate_normal(mean, covariance).pdf(validation.numbers)
        chances = np.exp(validation.indicators @ model.log_chances[c])
        expected += np.exp(model.log_size[c]) * numbers * chances
    assert np.exp(found) == pytest.approx(expected)
    assert np.exp(model.log_size).sum() == pytest.approx(1)
