"""The likelihood of held-out tracks by Gaussians, mixtures, the RBM and the deep model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import FactorAnalysis
from sklearn.mixture import GaussianMixture

from benchmarks.spotify.machines import (
    DEEP,
    EPOCHS,
    MACHINES,
    SHALLOW,
    log,
    named,
    trained,
)
from rbm_lib import RBM
from rbm_lib.data import AudioFeatures
from rbm_lib.data.spotify import FEATURES
from rbm_lib.likelihood import ais_log_partition, exact_log_likelihood

# Of each row of the table four settings are fitted; the validation part chooses.
FACTORS = [{"n_components": n} for n in (2, 4, 6, 8)]
FULL = ((10, 1e-6), (10, 0.01), (20, 0.01), (30, 0.01))
MIXTURES = {
    "diagonal": [{"n_components": n} for n in (20, 40, 60, 80)],
    "full": [{"n_components": n, "reg_covar": reg} for n, reg in FULL],
}
SMALLEST = "n_hidden=25"  # also a row of its own
CLEARLY_SMALL = 20  # hidden units for which log Z is exact


@dataclass
class Candidate:
    """A fitted density: log p of rows of the validation part and of the test part."""

    model: str
    setting: str
    parameters: int
    validation: np.ndarray
    test: Callable[[], np.ndarray]
    sd_h2: float = np.nan


def likelihood_split(tracks, seed, epochs=EPOCHS):
    """(gains on the test part by model, a column each; one row for each setting tried)"""
    place = np.random.default_rng(seed).permutation(len(tracks))
    parts = np.split(place, [round(0.7 * len(place)), round(0.85 * len(place))])
    tables = [tracks.iloc[part][list(FEATURES)] for part in parts]
    features = AudioFeatures().fit(tables[0])
    plain = AudioFeatures(whiten=False).fit(tables[0])
    whitened = [features.transform(table) for table in tables]
    own = [plain.transform(table) for table in tables]
    rows = [torch.as_tensor(x, dtype=torch.float32) for x in whitened]
    # Two coordinate systems: the slope of the whitening lies between their densities.
    slopes = [features.log_jacobian(t) - plain.log_jacobian(t) for t in tables]
    full = [standard_normal(x) for x in whitened]

    gain = {"diagonal Gaussian": standard_normal(own[2]) - slopes[2] - full[2]}
    records = []
    best = {}
    groups = [
        (factor_analyses(*own), slopes),
        (mixtures(seed, *own), slopes),
        (machines(*rows, epochs), [0, 0, 0]),
    ]
    for candidates, slope in groups:
        for found in candidates:
            score = (found.validation - slope[1] - full[1]).mean()
            log(f"split {seed}: {found.model}, {found.setting}: {score:+.3f} on validation")
            record = {"model": found.model, "setting": found.setting, "split": seed}
            record |= {"parameters": found.parameters, "validation": score}
            records.append(record | {"sd_h2": found.sd_h2})
            if found.model not in best or score > best[found.model][0]:
                best[found.model] = score, found, slope[2]
            if found.model == SHALLOW and found.setting == SMALLEST:
                best["… that with 25 units alone"] = score, found, 0
    for name, (_, found, slope) in best.items():
        gain[name] = found.test() - slope - full[2]
        log(f"split {seed}: {name}, {found.setting}: {gain[name].mean():+.3f}")
    return pd.DataFrame(gain, index=parts[2]), pd.DataFrame(records)


def standard_normal(rows):
    return -0.5 * (rows**2 + np.log(2 * np.pi)).sum(1)


def factor_analyses(own, validation, held) -> Iterator[Candidate]:
    n_features = own.shape[1]
    for setting in FACTORS:
        fitted = FactorAnalysis(**setting).fit(own)
        n_parameters = n_features * (setting["n_components"] + 2)
        yield of_scikit_learn(
            "factor analysis", setting, n_parameters, fitted, validation, held
        )


def mixtures(seed, own, validation, held) -> Iterator[Candidate]:
    n_features = own.shape[1]
    of_covariance = {"diagonal": n_features, "full": n_features * (n_features + 1) // 2}
    for kind, settings in MIXTURES.items():
        for setting in settings:
            fitted = GaussianMixture(
                covariance_type=kind[:4],
                n_init=2,
                random_state=seed,
                max_iter=300,
                **setting,
            ).fit(own)
            of_component = 1 + n_features + of_covariance[kind]
            n_parameters = setting["n_components"] * of_component - 1
            yield of_scikit_learn(
                f"mixture, {kind}", setting, n_parameters, fitted, validation, held
            )


def of_scikit_learn(name, setting, n_parameters, fitted, validation, held):
    return Candidate(
        name,
        named(setting),
        n_parameters,
        fitted.score_samples(validation),
        lambda: fitted.score_samples(held),
    )


def machines(rows, validation, held, epochs) -> Iterator[Candidate]:
    for kind, settings in MACHINES.items():
        for setting in settings:
            model = trained(kind, rows, epochs=epochs, **setting)
            found = of_machine(kind, setting, model, rows, validation, held)
            if kind == DEEP:
                found.sd_h2 = float(model.mean_field(held).means[1].std(0).mean())
            yield found


def of_machine(name, setting, model, rows, validation, held):
    return Candidate(
        name,
        named(setting),
        sum(p.numel() for p in model.parameters()),
        log_prob(model, rows, validation, n_steps=1000),
        lambda: log_prob(model, rows, held, n_steps=3000),
    )


def log_prob(model, train, rows, n_steps):
    """log p of each row, exact where the machine is small enough."""
    first = model.n_hidden if isinstance(model, RBM) else model.sizes[1]
    if first <= CLEARLY_SMALL:
        return exact_log_likelihood(model, rows).double().numpy()
    generator = torch.Generator().manual_seed(0)
    log_z = ais_log_partition(model, 500, n_steps, generator, data=train).log_partition
    return (-model.free_energy(rows) - log_z).detach().double().numpy()


def likelihood_table(splits, of=SHALLOW):
    """(the models, the settings tried), from what `likelihood_split` returned."""
    gains = pd.concat([gain for gain, _ in splits])
    tried = pd.concat([records for _, records in splits])
    n_tried = tried.groupby("model")["setting"].nunique()
    rows = []
    for name in gains.columns:
        row = {"model": name, "tries": n_tried.get(name, 1)}
        means = {part["split"].iloc[0]: gain[name].mean() for gain, part in splits}
        row |= {f"split {seed}": mean for seed, mean in means.items()}
        row["mean"] = np.mean(list(means.values()))
        lead, half = lead_interval(gains[of] - gains[name])
        row[f"lead of the {of}"] = "" if name == of else f"{lead:+.3f} ± {half:.3f}"
        rows.append(row)
    return pd.DataFrame(rows).set_index("model").round(3), settings_table(tried)


def lead_interval(differences):
    """Mean, and half a 95 % interval over tracks, each with all splits that test it."""
    mean = differences.mean()
    of_track = (differences - mean).groupby(level=0).sum()
    return mean, 1.96 * (of_track**2).sum() ** 0.5 / len(differences)


def settings_table(tried):
    """Means over the splits, and by how many of them each setting was chosen."""
    numbers = ["parameters", "validation", "sd_h2"]
    highest = tried.groupby(["split", "model"])["validation"].transform("max")
    best = tried[tried["validation"] == highest]
    table = tried.groupby(["model", "setting"], sort=False)[numbers].mean()
    table["chosen"] = best.groupby(["model", "setting"]).size()
    table = table.fillna({"chosen": 0}).astype({"chosen": int, "parameters": int})
    return table.round(3)
