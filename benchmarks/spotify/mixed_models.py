"""Densities of tracks with all their columns: mixtures, and the RBM and the deep model."""

import numpy as np
import torch
from scipy.special import logsumexp, softmax
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from benchmarks.spotify.machines import RECIPE
from rbm_lib import DBM, PCD, RBM, fit, pretrain
from rbm_lib.likelihood import binary_states, exact_log_likelihood
from rbm_lib.models import Bernoulli, Categorical, Gaussian, Layers

CATEGORIES = {"decade": 8, "key": 12, "mode": 2, "time_signature": 8}  # levels
LEAST_VARIANCE = 0.01  # added to those of the components of a mixture


class ClassMixture:
    """Normal numbers and independent indicators in each component, by EM from k-means.

    With one component this is a Gaussian with independent margins. Chances of indicators
    are drawn towards those of all rows, as by one more row in each component.
    """

    def __init__(self, kind, n_components, seed=0):
        self.kind = kind
        self.n_components = n_components
        self.seed = seed

    def fit(self, part, n_steps=100):
        x, known = part.numbers, part.indicators
        start = KMeans(self.n_components, n_init=3, random_state=self.seed)
        share = np.eye(self.n_components)[start.fit_predict(np.hstack([x, known]))]
        overall = (known.sum(0) + 0.5) / (len(x) + 1)
        before = -np.inf
        for _ in range(n_steps):
            size = share.sum(0)
            self.log_size = np.log(size / len(x))
            chances = (share.T @ known + overall) / (size[:, None] + 1)
            self.log_chances = np.log(chances)
            self.means = share.T @ x / size[:, None]
            rows = zip(self.means, share.T, strict=True)
            covariances = [self.covariance(x - mean, w) for mean, w in rows]
            self.factors = np.linalg.cholesky(np.linalg.inv(covariances))
            joint = self.log_joint(part)
            share = softmax(joint, axis=1)
            after = logsumexp(joint, axis=1).mean()
            if after - before < 1e-4:
                break
            before = after
        return self

    def covariance(self, deviations, weights):
        found = (weights[:, None] * deviations).T @ deviations / weights.sum()
        found = found * np.eye(len(found)) if self.kind == "diag" else found
        least = LEAST_VARIANCE if self.n_components > 1 else 0
        return found + least * np.eye(len(found))

    @property
    def n_parameters(self):
        n = self.means.shape[1]
        of_covariance = n if self.kind == "diag" else n * (n + 1) // 2
        pairs = self.log_chances.shape[1] - sum(CATEGORIES.values())
        of_indicators = pairs // 2 + sum(n - 1 for n in CATEGORIES.values())
        return self.n_components * (1 + n + of_covariance + of_indicators) - 1

    def log_joint(self, part, without=0):
        """log p(row, component), without the first so many indicators."""
        logs = []
        for mean, factor in zip(self.means, self.factors, strict=True):
            y = (part.numbers - mean) @ factor
            log_2pi = np.log(2 * np.pi)
            logs.append(np.log(factor.diagonal()).sum() - 0.5 * (y**2 + log_2pi).sum(1))
        known = part.indicators[:, without:] @ self.log_chances[:, without:].T
        return np.stack(logs, 1) + known + self.log_size

    def log_prob(self, part):
        return logsumexp(self.log_joint(part), axis=1)

    def genres(self, part):
        """p(genre | the rest) of each row and genre."""
        n_genres = part.genres.shape[1]
        share = softmax(self.log_joint(part, without=2 * n_genres), axis=1)
        return share @ np.exp(self.log_chances[:, :n_genres])


class TimesMargins:
    """sklearn's mixture of the numbers; the indicators are independent of all else."""

    def __init__(self, kind, n_components, seed=0):
        self.mixture = GaussianMixture(
            n_components,
            covariance_type=kind,
            reg_covar=LEAST_VARIANCE if n_components > 1 else 0,
            n_init=2,
            max_iter=300,
            random_state=seed,
        )
        self.margins = ClassMixture("full", 1)

    def fit(self, part):
        self.mixture.fit(part.numbers)
        self.margins.fit(part)
        return self

    def log_prob(self, part):
        chances = self.margins.log_chances[0]
        return self.mixture.score_samples(part.numbers) + part.indicators @ chances

    @property
    def n_parameters(self):
        n = self.mixture.means_.shape[1]
        own = n if self.mixture.covariance_type == "diag" else n * (n + 1) // 2
        of_mixture = self.mixture.n_components * (1 + n + own) - 1
        return of_mixture + self.margins.n_parameters - n - n * (n + 1) // 2

    def genres(self, part):
        return self.margins.genres(part)


class Machine:
    """An RBM or DBM over numbers, genres and categories side by side; log Z is exact."""

    def __init__(self, sizes, slope, epochs, first=False, lr=0.01, **method):
        self.sizes = sizes
        self.slope = slope
        self.options = {"lr": lr, "epochs": epochs}
        self.options["method"] = PCD(k=5, n_chains=256, **method)
        self.first = first

    def fit(self, part):
        recipe = RECIPE | self.options
        categories = [Categorical(1, n_levels=n) for n in CATEGORIES.values()]
        n_numbers, n_genres = part.numbers.shape[1], part.genres.shape[1]
        visible = Layers(Gaussian(n_numbers), Bernoulli(n_genres), *categories)
        start = {"visible": visible, "weight_std": 0.1, "seed": 0}
        n = visible.n_units
        deep = len(self.sizes) > 1
        model = DBM([n, *self.sizes], **start) if deep else RBM(n, *self.sizes, **start)
        model.initialize_from(part.states)
        generator = torch.Generator().manual_seed(0)
        if self.first:
            half = {"epochs": recipe["epochs"] // 2, "method": PCD(k=5, n_chains=256)}
            pretrain(model, part.states, generator=generator, **recipe | half)
        fit(model, part.states, generator=generator, **recipe)
        self.model = model
        return self

    def log_prob(self, part):
        log_prob = exact_log_likelihood(self.model, part.states).double().numpy()
        return log_prob + self.slope

    @property
    def n_parameters(self):
        return sum(p.numel() for p in self.model.parameters())

    def spread_of_h2(self, part):
        return float(self.model.mean_field(part.states).means[1].std(0).mean())

    @torch.no_grad()
    def genres(self, part):
        """p(genre | the rest), summed over all states of the hidden units of an RBM."""
        model = self.model
        _, (genre, columns, _), *_ = model.visible.parts()
        h = binary_states(model.n_hidden)
        field = model.field_at_visible(h)[:, columns]
        log_weight = genre.cumulant(field).sum(1) + h @ model.hidden_bias
        chances = genre.mean(field)
        # The rest of a row enters through the input to the hidden units.
        rows = part.states
        rows[:, columns] = 0
        inputs = model.input_to_hidden(rows)
        found = [torch.softmax(x @ h.T + log_weight, 1) @ chances for x in inputs.split(50)]
        return torch.cat(found).double().numpy()
