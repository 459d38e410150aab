"""The exercises in notebooks/exercises: right answers pass, each mistake gets its own advice."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit, logsumexp
from scipy.stats import multivariate_normal, sem
from sklearn.metrics import ndcg_score
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import TargetEncoder
from torch.nn.functional import embedding_bag, softplus

from rbm_lib import DBM, RBM
from rbm_lib.course import Exercise, check
from rbm_lib.course.environment import notebooks_folder
from rbm_lib.course.exercises import load_exercises
from rbm_lib.data import Archetype, simulate_listeners
from rbm_lib.data.listeners.conditions import Range
from rbm_lib.likelihood.exact import exact_log_likelihood
from tests.support import seeded

LESSONS = sorted(path.stem for path in notebooks_folder().glob("exercises/*.py"))
EXERCISES = {f"{x[:2]}/{e.id}": e for x in LESSONS for e in load_exercises(x).values()}
every_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


def test_every_lesson_has_exercises():
    assert LESSONS == sorted(path.stem for path in notebooks_folder().glob("src/*.py"))
    assert all(load_exercises(x) for x in LESSONS)


def as_arrays(value):
    many = isinstance(value, tuple)
    return tuple(map(as_arrays, value)) if many else np.asarray(value)


def as_singles(value):
    many = isinstance(value, tuple)
    return tuple(map(as_singles, value)) if many else torch.as_tensor(value).float()


def as_lists(value):
    many = isinstance(value, tuple)
    return list(map(as_lists, value)) if many else np.asarray(value).tolist()


@every_exercise
@pytest.mark.parametrize("form", [as_arrays, as_singles, as_lists])
def test_the_reference_passes_in_every_form(exercise: Exercise, form):
    result = check(exercise, lambda *case: form(exercise.reference(*case)))

    assert result.points == exercise.points > 0, result.message


@every_exercise
def test_typical_mistakes_get_their_own_advice(exercise: Exercise):
    assert 3 <= len(exercise.mistakes) <= 4
    for advice, mistake in exercise.wrong_answers():
        result = check(exercise, mistake)
        assert result.points == 0
        assert advice in result.message


@every_exercise
@pytest.mark.parametrize("placeholder", [..., lambda *case: ..., lambda *case: None])
def test_a_placeholder_is_not_done_yet(exercise: Exercise, placeholder):
    assert "not done yet. 0 of" in check(exercise, placeholder).message


# ---- Right answers as different people would write them ----


def library_model(W, b, c, visible="bernoulli"):
    model = RBM(*W.shape, visible=visible).double()
    model.W.data, model.visible_bias.data, model.hidden_bias.data = W, b, c
    return model


def missing_by_table(ratings):
    table = ratings.pivot(index="user_id", columns="movie_id", values="rating")
    return table.isna().to_numpy().mean()


def energy_by_rows(v, h, W, b, c):
    W, b, c = W.numpy(), b.numpy(), c.numpy()
    rows = zip(v.numpy(), h.numpy(), strict=True)
    return [-(x @ b) - y @ c - x @ W @ y for x, y in rows]


def bias_by_nan(likes, observed):
    p = np.nanmean(np.where(observed, likes, np.nan), axis=0)
    return np.log(p) - np.log1p(-p)


def gradient_by_rows(v_data, h_data, v_model, h_model):
    data = sum(map(np.outer, v_data, h_data)) / len(v_data)
    return data - sum(map(np.outer, v_model, h_model)) / len(v_model)


def cd_in_single_precision(v, W, b, c, uniform):
    p = torch.sigmoid(v @ W + c)
    h = (uniform < p).float()
    v_1 = torch.sigmoid(h @ W.T + b)
    return (v.T @ p - v_1.T @ torch.sigmoid(v_1 @ W + c)) / len(v)


def masked_by_rows(v, observed, W, b, c):
    rows = zip(v, observed, strict=True)
    return [float(-x[o] @ b[o] - softplus(c + x[o] @ W[o]).sum()) for x, o in rows]


def ndcg_by_scikit_learn(hits, relevant):
    truth = np.r_[hits, np.ones(max(relevant - sum(hits), 0))]  # likes that the list missed
    scores = np.r_[np.arange(len(hits), 0, -1.0), np.zeros(len(truth) - len(hits))]
    return ndcg_score([truth], [scores], k=len(hits))


def rate_by_scikit_learn(category, label, fold, m):
    X, rate = category[:, None], np.empty(len(label))
    for held in np.unique(fold):
        rest = fold != held
        encoder = TargetEncoder(smooth=float(m), target_type="binary").fit(
            X[rest], label[rest]
        )
        rate[~rest] = encoder.transform(X[~rest])[:, 0]
    return rate


def first_by_pandas(user, time, is_flow, cut):
    table = pd.DataFrame({"user": user, "time": time})[is_flow & (time >= cut)]
    return np.isin(np.arange(len(user)), table.groupby("user").time.idxmin())


def importance_by_frame(score, X, y, column, order):
    table = pd.DataFrame(X).copy()
    table[column] = table[column].to_numpy()[order]
    return score(X, y) - score(table, y)


def genres_by_pandas(genres, more_than, at_most):
    table = pd.Series(genres).explode().dropna().reset_index().drop_duplicates()
    counts = table[0].value_counts()
    return (counts > more_than).sum(), (counts <= at_most).sum()


def step_by_autograd(x, u):
    y = torch.tensor(x + u, requires_grad=True)
    z = torch.logit(0.001 + 0.998 * y / 101)
    (slope,) = torch.autograd.grad(z.sum(), y)
    return z, slope.log()


def dancer_by_library(tracks):
    conditions = Range("tempo", None, 100), Range("danceability", 0.8)
    slow = Archetype("Slow Dancer", 0.05, 40, conditions)
    world = simulate_listeners(tracks, n_users=1, archetypes=[slow])
    pool = world.profiles["pool_size"].iloc[0]
    return pool, min(1, 20 / (pool - 32))


def statistic_by_autograd(v, h, W, b, log_variance):
    rows = log_variance.expand(v.shape).clone().requires_grad_()
    energy = (v - b) ** 2 / (2 * rows.exp()) - v / rows.exp() * (h @ W.T)
    return -torch.autograd.grad(energy.sum(), rows)[0]


def gain_by_scipy(log_p, z):
    gains = log_p.numpy() - multivariate_normal(np.zeros(z.shape[1])).logpdf(z.numpy())
    return float(gains.mean()), 1.96 * sem(gains)


def sweep_by_library(v, q1, q2, W1, W2, c1, c2, log_variance):
    model = DBM([W1.shape[0], *W2.shape], "gaussian").double()
    parameters = *model.weights, *model.biases[1:], model.log_variance
    for parameter, value in zip(parameters, (W1, W2, c1, c2, log_variance), strict=True):
        parameter.data = value
    return model.mean_field(v, max_sweeps=1, start=[q1, q2]).means


def drawn_in_place(v, observed, h, W, b, log_variance, noise):
    v[~observed] = (b + h @ W.T + torch.exp(log_variance / 2) * noise)[~observed]
    return v


def flops_by_counting(batch, visible, hidden, k):
    shapes = [(batch, visible, hidden)] * (2 * k + 3)
    return sum(2 * math.prod(shape) for shape in shapes)


def means_by_bag(items, W, hidden_bias):
    counts = torch.tensor([len(liked) for liked in items])
    starts = counts.cumsum(0) - counts
    return torch.sigmoid(
        embedding_bag(torch.cat(items), W, starts, mode="sum") + hidden_bias
    )


def batch_by_search(overhead, rate, launches, visible, hidden):
    batch = 1
    while 10 * batch * visible * hidden / rate < launches * overhead:
        batch += 1
    return batch


def lost_by_adding(weight, step, dtype):
    before = weight.to(dtype, copy=True)
    after = before.clone().add_(step.to(dtype))
    return 1 - (after != before)[step != 0].float().mean()


def part_by_rows(v, uniform, W, b, c, rank, size):
    v, uniform, W, b, c = (x.double().numpy() for x in (v, uniform, W, b, c))
    total = np.zeros(W.shape)
    for row in np.array_split(np.arange(len(v)), size)[rank]:
        p = expit(v[row] @ W + c)
        v_1 = expit(W @ (uniform[row] < p) + b)
        total += np.outer(v[row], p) - np.outer(v_1, expit(v_1 @ W + c))
    return total / len(v)


RIGHT = [
    ("00/1", missing_by_table),
    ("00/2", energy_by_rows),
    ("00/2", lambda v, h, W, b, c: library_model(W, b, c).energy(v, h)[:, None]),
    ("00/3", bias_by_nan),
    ("01/1", lambda v, W, c: expit((v @ W + c).numpy())),
    ("01/2", lambda v, W, b, c: library_model(W, b, c).free_energy(v)),
    ("01/3", gradient_by_rows),
    ("01/4", cd_in_single_precision),
    ("01/5", lambda log_w: logsumexp(log_w.numpy(), b=1 / len(log_w))),
    ("02/1", lambda p: (2 * (p - p**2).mean(), torch.where(p >= 0.5, 1 - p, p).mean())),
    ("02/2", masked_by_rows),
    ("02/3", ndcg_by_scikit_learn),
    ("02/4", lambda off, on: torch.stack([-off, -on]).softmax(0)[1]),
    ("03/1", rate_by_scikit_learn),
    ("03/2", first_by_pandas),
    ("03/2", lambda *case: torch.as_tensor(first_by_pandas(*case)).int()),
    ("03/3", importance_by_frame),
    ("03/4", lambda W, b, c: [W.T.tolist(), torch.nn.Parameter(c), b.float()]),
    ("04/1", lambda left, right: sum(a == b for a in left for b in right)),
    ("04/2", genres_by_pandas),
    ("04/3", step_by_autograd),
    ("04/4", dancer_by_library),
    ("04/5", lambda f, heard: np.where(heard, -2, cosine_similarity(heard @ f, f))),
    ("05/1", statistic_by_autograd),
    ("05/2", gain_by_scipy),
    ("05/3", sweep_by_library),
    ("05/4", lambda p, T: np.maximum((p @ T - p).numpy(), 0).sum()),
    ("05/5", drawn_in_place),
    ("06/1", flops_by_counting),
    ("06/2", means_by_bag),
    ("06/3", batch_by_search),
    ("06/4", lost_by_adding),
    ("06/5", part_by_rows),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_other_right_answers_pass(exercise, answer):
    result = check(EXERCISES[exercise], answer)

    assert result.points == result.max_points, result.message


def test_draws_in_place_of_probabilities_are_recognised():
    def drawn(v, W, c):
        return torch.bernoulli(torch.sigmoid(v @ W + c), generator=seeded(len(v)))

    assert "zeros and ones only" in check(EXERCISES["01/1"], drawn).message


@pytest.mark.parametrize("case", EXERCISES["03/4"].cases)
def test_the_second_model_gives_h_the_probability_that_the_first_one_does(case):
    W, b, c = case
    h = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * W.shape[1]).double()
    v = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * W.shape[0]).double()
    joint = v @ W @ h.T + (v @ b)[:, None] + h @ c

    second = library_model(*EXERCISES["03/4"](*case))

    log_p = exact_log_likelihood(second, h).detach()
    torch.testing.assert_close(log_p, joint.logsumexp(0) - joint.logsumexp((0, 1)))


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_the_shares_of_all_processes_add_up_to_the_gradient(size):
    exercise = EXERCISES["06/5"]
    for *batch, _, _ in exercise.cases:
        shares = sum(exercise(*batch, rank, size) for rank in range(size))
        torch.testing.assert_close(shares, exercise(*batch, 0, 1))
