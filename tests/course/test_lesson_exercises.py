"""The exercises of the lessons: right answers pass, each mistake gets its own advice."""

import copy
import math
from collections import Counter
from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit, logsumexp, rel_entr
from sklearn.preprocessing import TargetEncoder
from torch.nn.functional import one_hot, softplus

from rbm_lib import DBM, RBM
from rbm_lib.course import Exercise, check
from rbm_lib.course.environment import notebooks_folder
from rbm_lib.course.exercises import load_exercises
from rbm_lib.course.forms import in_form_of
from rbm_lib.data import Archetype
from rbm_lib.data.listeners.conditions import DrawnRange, Range
from rbm_lib.models import TiedRBM
from tests.support import seeded

LESSONS = sorted(path.stem for path in notebooks_folder().glob("exercises/*.py"))
EXERCISES = {f"{x[:2]}/{e.id}": e for x in LESSONS for e in load_exercises(x).values()}
NUMBERS = {key: e for key, e in EXERCISES.items() if e.read is Exercise.read}
every_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


def test_every_lesson_has_exercises():
    assert LESSONS == sorted(path.stem for path in notebooks_folder().glob("src/*.py"))
    assert all(load_exercises(x) for x in LESSONS)


def convert(value, form):
    if is_dataclass(value):
        value = [getattr(value, field.name) for field in fields(value)]
    if isinstance(value, tuple | list):
        return [convert(x, form) for x in value]
    return form(torch.as_tensor(value))


@pytest.mark.parametrize("exercise", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize(
    "form", [torch.Tensor.numpy, torch.Tensor.float, torch.Tensor.tolist]
)
def test_the_reference_passes_in_every_form(exercise: Exercise, form):
    result = check(exercise, lambda *case: convert(exercise(*case), form))

    assert result.points == exercise.points > 0, result.message


@every_exercise
def test_typical_mistakes_get_their_own_advice(exercise: Exercise):
    assert len(exercise.mistakes) >= 3
    for advice, mistake in exercise.wrong_answers():
        result = check(exercise, mistake)
        assert result.points == 0
        assert advice in result.message


# ---- Right answers as different people would write them ----


def library_model(W, b, c, visible="bernoulli"):
    model = RBM(*W.shape, visible=visible).double()
    model.W.data, model.visible_bias.data, model.hidden_bias.data = W, b, c
    return model


def cd_by_einsum(model, v, uniform):
    p = model.prob_h(v)
    v_back = model.prob_v(torch.where(uniform < p, 1.0, 0.0))
    p_back = model.prob_h(v_back)
    products = torch.einsum("ri,rj->rij", v, p) - torch.einsum("ri,rj->rij", v_back, p_back)
    return products.mean(0), v.mean(0) - v_back.mean(0), p.mean(0) - p_back.mean(0)


def loop_with_rates_by_number(model, gradient, v, rates):
    copies = []
    for update in range(len(rates)):
        if not update % 50:
            copies.append(copy.deepcopy(model))
        for name, change in zip("Wbc", gradient(model, v), strict=True):
            getattr(model, name).add_(change, alpha=rates[update])
    return [*copies, model]


def loop_with_new_tensors(model, gradient, v, rates):
    copies = []
    for update, lr in enumerate(rates):
        if update % 50 == 0:
            copies.append(copy.deepcopy(model))
        dW, db, dc = gradient(model, v)
        model.W, model.b, model.c = model.W + lr * dW, model.b + lr * db, model.c + lr * dc
    copies.append(copy.deepcopy(model))
    return copies


def walk_with_numpy(free_energy, sweep, v, betas):
    log_w = np.zeros(len(v))
    for k in range(1, len(betas)):
        log_w -= (free_energy(v, betas[k]) - free_energy(v, betas[k - 1])).numpy()
        v = sweep(v, betas[k])
    return log_w


def boxes_by_masked_fill(liked, seen):
    boxes = torch.cat([liked, 1 - liked], dim=1)
    return boxes.masked_fill(torch.cat([~seen, ~seen], dim=1), 0).numpy()


def rate_by_scikit_learn(category, label, fold, m):
    X, rate = category[:, None], np.empty(len(label))
    for held in np.unique(fold):
        rest = fold != held
        encoder = TargetEncoder(smooth=float(m), target_type="binary").fit(
            X[rest], label[rest]
        )
        rate[~rest] = encoder.transform(X[~rest])[:, 0]
    return rate


def rate_by_dictionaries(category, label, fold, m):
    """A loop over rows, but one that does not look at all rows each time."""
    kept, heard = Counter(), Counter()
    for c, y, f in zip(category, label, fold, strict=True):
        for key in ((c, None), (c, f), (None, f)):
            kept[key] += y
            heard[key] += 1
    rate, total = [], label.sum()
    for c, f in zip(category, fold, strict=True):
        p = (total - kept[None, f]) / (len(label) - heard[None, f])
        n = heard[c, None] - heard[c, f]
        rate.append((kept[c, None] - kept[c, f] + m * p) / (n + m))
    return rate


def rate_in_a_loop(category, label, fold, m):
    rate = np.empty(len(label))
    for i in range(len(label)):
        rest = fold != fold[i]
        same = rest & (category == category[i])
        rate[i] = (label[same].sum() + m * label[rest].mean()) / (same.sum() + m)
    return rate


def rate_from_a_table(category, label, fold, m):
    rest = fold[:, None] != fold
    same = rest & (category[:, None] == category)
    return (same @ label + m * (rest @ label) / rest.sum(1)) / (same.sum(1) + m)


def recent_by_pandas(user, day, label, n_users, k, m):
    table = pd.DataFrame({"user": user, "label": label})[day > day.max() - k]
    found = table.groupby("user").label.agg(["sum", "count"])
    found = found.reindex(range(n_users), fill_value=0)
    return (found["sum"] + m * table.label.mean()) / (found["count"] + m)


def stack_by_recursion(v, sizes, train):
    W, c = train(v, sizes[0])
    above = sizes[1:] and stack_by_recursion((v @ W + c).sigmoid(), sizes[1:], train)
    return [[W.numpy(), c.float()], *above]


def scale_by_torch(x, u):
    return torch.logit(0.001 + 0.998 * torch.as_tensor(x + u) / 101)


def rows_by_merging(left, right):
    left, right = (
        pd.DataFrame({"key": list(Counter(keys).elements())}) for keys in (left, right)
    )
    return len(left.merge(right))


def dancer_with_closed_ranges():
    conditions = [Range("danceability", 0.8, 1), Range("tempo", low=0, high=100)]
    return Archetype("Me", 1, 40, conditions)


def units_by_matrix_product(model, rows, kind):
    member = one_hot(kind).to(rows.dtype)
    return model.prob_h_given_v(rows).T @ member / member.sum(0)


def songs_by_numpy(v, known, h, W, b, sigma, noise):
    v, known, h, W, b, sigma, noise = (
        np.asarray(x) for x in (v, known, h, W, b, sigma, noise)
    )
    return np.where(known, v, b + h.astype(float) @ W.T.astype(float) + sigma * noise)


def sweep_by_library(model, v, h2, pick):
    deep = DBM([*model.W1.shape, len(model.c2)], "gaussian")
    parameters = *deep.weights, *deep.biases, deep.log_variance
    values = model.W1, model.W2, model.b, model.c1, model.c2, 2 * model.sigma.log()
    for parameter, value in zip(parameters, values, strict=True):
        parameter.data = value
    h1 = deep.mean_field(v, max_sweeps=1, start=[h2.new_zeros(len(v), len(model.c1)), h2])
    h1 = pick(h1.means[0])
    return h1, pick(torch.sigmoid(h1 @ model.W2 + model.c2))


def update_by_library(data, chains, sigma):
    deep = DBM([len(sigma), data[1].shape[1], data[2].shape[1]], "gaussian")
    deep.log_variance.data = 2 * sigma.log()
    d, m = (deep.statistics(v, [h1, h2]) for v, h1, h2 in (data, chains))
    return [d[name] - m[name] for name in UPDATED]


UPDATED = ("weights.0", "weights.1")


def taste_by_library(heard, C, c, C_ask, b_ask):
    model = TiedRBM(torch.eye(len(C)), len(c), residual=False)
    model.content_mean.zero_()
    model.content.copy_(torch.eye(len(C)))
    model.W.data, model.taste_bias.data = C, c
    taste = model.upward_pass(heard)
    return taste, torch.einsum("pk,sk->ps", taste, C_ask) + b_ask


def step_with_stacked_rows(model, v, uniform):
    """One product for both phases: data and chains below each other."""
    x = torch.addmm(model.c, v, model.W)
    p = x.sigmoid()
    v_1 = model.prob_v((uniform < p).to(v.dtype))
    x_1 = torch.einsum("rv,vh->rh", v_1, model.W) + model.c
    p_1 = x_1.sigmoid()
    dW = torch.cat([v, v_1]).T @ torch.cat([p, -p_1]) / len(v)
    hidden = torch.log1p(x.exp()).sum(1) - torch.log1p(x_1.exp()).sum(1)
    gap = (hidden - (v_1 - v) @ model.b).mean()
    return dW, (v - v_1).mean(0), (p - p_1).mean(0), (v - v_1).square().mean(), gap


def step_by_numpy(model, v, uniform):
    W, b, c, v, uniform = (x.numpy() for x in (model.W, model.b, model.c, v, uniform))
    x = v @ W + c
    v_1 = expit((uniform < expit(x)) @ W.T + b)
    x_1 = v_1 @ W + c
    dW = (v.T @ expit(x) - v_1.T @ expit(x_1)) / len(v)
    free = [-(y @ b) - np.logaddexp(0, z).sum(1) for y, z in ((v, x), (v_1, x_1))]
    others = (v - v_1).mean(0), (expit(x) - expit(x_1)).mean(0)
    return dW, *others, ((v - v_1) ** 2).mean(), (free[1] - free[0]).mean()


def person_by_numpy(on, other, W, b, c, u):
    on, other, W, b, c, u = (x.numpy() for x in (on, other, W, b, c, u))
    p = expit(c + W[on].sum(0))
    q = expit(b[on] - b[other] + (W[on] - W[other]) @ (u < p))
    p_1 = expit(c + q @ W[on] + (1 - q) @ W[other])
    return p - np.outer(q, p_1), -np.outer(1 - q, p_1)


def person_in_a_loop(on, other, W, b, c, u):
    p = torch.sigmoid(c + sum((W[i] for i in on), torch.zeros(len(c))))
    h = u < p
    rows, x = [], c.clone()
    for i, j in zip(on.tolist(), other.tolist(), strict=True):
        q = torch.sigmoid(b[i] + W[i][h].sum() - b[j] - W[j][h].sum())
        x += q * W[i] + (1 - q) * W[j]
        rows.append(q)
    q = torch.tensor(rows)[:, None]
    return p - q * x.sigmoid(), (q - 1) * x.sigmoid()


def bits_by_kl(q):
    """The mean divergence of each row's coin from the mean coin."""
    q, mean = np.asarray(q, float), np.asarray(q, float).mean(0)
    return (rel_entr(q, mean) + rel_entr(1 - q, 1 - mean)).mean(0) / np.log(2)


def adam_by_torch(g, m, s, t, lr):
    x = torch.nn.Parameter(torch.zeros_like(g))
    optimizer = torch.optim.Adam([x], lr)
    means = {"exp_avg": m.clone(), "exp_avg_sq": s.clone()}
    optimizer.state[x] = {"step": torch.tensor(t - 1.0), **means}
    x.grad = g.clone()
    optimizer.step()
    state = optimizer.state[x]
    return -x.detach(), state["exp_avg"], state["exp_avg_sq"]


def up_and_down_by_copies(x, W, b, c, up, down, u_upper, u_lower):
    """With the copies written out, as columns of a larger W."""
    wide = W.repeat(1, up, down)
    p = torch.sigmoid(torch.cat([x] * up, 2) @ wide + c.repeat(1, 1, down))
    h = (u_upper.repeat(1, 1, down) < p).to(x.dtype)
    p_x = torch.sigmoid(h @ wide.transpose(1, 2) + b.repeat(1, 1, up))
    x_1 = (u_lower.repeat(1, 1, up) < p_x).to(x.dtype)
    p_1 = torch.sigmoid(x_1 @ wide + c.repeat(1, 1, down))
    n, m = x.shape[2], c.shape[2]
    return p[..., :m], x_1[..., :n], p_1[..., :m]


def left_out_in_a_loop(residuals, r):
    others = [(residuals.sum() - x) / (len(residuals) - 1 + r) for x in residuals]
    return torch.tensor(others)


def stars_by_matrix_product(p):
    return p @ torch.arange(1.0, 6.0), p[..., 3] + p[..., 4]


def ease_by_numpy(X, l2):
    P = np.linalg.inv(X.numpy().T @ X.numpy() + l2 * np.eye(X.shape[1]))
    B = -P / np.diag(P)[None, :]
    np.fill_diagonal(B, 0)
    return B


RIGHT = [
    ("00/1", lambda r: pd.crosstab(r.user_id, r.movie_id).eq(0).to_numpy().mean()),
    ("00/2", lambda v, h, W, b, c: library_model(W, b, c).energy(v[None], h[None])),
    ("00/2", lambda v, h, W, b, c: -float(v.float() @ (W @ h + b).float() + h @ c)),
    ("01/1", lambda v, W, c: expit((v @ W + c).numpy())),
    ("01/2", lambda v, W, b, c: library_model(W, b, c).free_energy(v.double())),
    ("01/3", loop_with_rates_by_number),
    ("01/3", loop_with_new_tensors),
    ("01/4", cd_by_einsum),
    ("02/1", boxes_by_masked_fill),
    ("02/1", lambda liked, seen: torch.cat([(liked == 1) & seen, (liked == 0) & seen], 1)),
    ("02/3", lambda p: (2 * (p - p**2).mean(), torch.where(p >= 0.5, 1 - p, p).mean())),
    ("03/1", rate_by_scikit_learn),
    ("03/1", rate_by_dictionaries),
    ("03/2", recent_by_pandas),
    ("03/4", stack_by_recursion),
    ("04/1", rows_by_merging),
    ("04/2", scale_by_torch),
    ("04/3", dancer_with_closed_ranges),
    ("04/4", units_by_matrix_product),
    ("05/1", songs_by_numpy),
    ("05/2", sweep_by_library),
    ("05/3", update_by_library),
    ("05/4", taste_by_library),
    (
        "06/1",
        lambda rows, visible, hidden, k: sum([2 * rows * visible * hidden] * (3 + 2 * k)),
    ),
    ("06/2", step_with_stacked_rows),
    ("06/2", step_by_numpy),
    ("06/3", person_by_numpy),
    ("06/3", person_in_a_loop),
    ("06/4", lambda means, rows: np.average(np.stack(means), axis=0, weights=rows)),
    ("07/1", walk_with_numpy),
    ("07/2", lambda log_w: logsumexp(log_w.numpy(), b=1 / len(log_w))),
    ("07/3", lambda log_w: torch.exp(2 * log_w.logsumexp(0) - (2 * log_w).logsumexp(0))),
    ("08/1", left_out_in_a_loop),
    ("08/2", stars_by_matrix_product),
    ("08/3", ease_by_numpy),
    ("09/1", bits_by_kl),
    ("09/2", adam_by_torch),
    ("09/3", up_and_down_by_copies),
]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT)
def test_other_right_answers_pass(exercise, answer):
    result = check(EXERCISES[exercise], answer)

    assert result.points == result.max_points, result.message


@pytest.mark.parametrize(
    ("answer", "word"),
    [(rate_in_a_loop, "loop over rows"), (rate_from_a_table, "table of 1,000 × 1,000")],
)
def test_right_rates_that_take_too_long_for_the_lesson_are_refused(answer, word):
    result = check(EXERCISES["03/1"], answer)

    assert result.points == 0
    assert "The numbers are right" in result.message and word in result.message


def test_a_rate_above_one_is_noticed():
    rate = EXERCISES["03/2"]

    message = check(rate, lambda *case: 1 + rate(*case) ** 2).message

    assert "not between 0 and 1" in message


def test_what_pandas_and_bincount_leave_out_is_named():
    def rate_by_key(category, label, fold, m):
        rate = np.empty(len(label))
        for held in np.unique(fold):
            here, rest = fold == held, fold != held
            p = label[rest].mean()
            counts = pd.Series(label[rest]).groupby(category[rest]).agg(["sum", "count"])
            smooth = (counts["sum"] + m * p) / (counts["count"] + m)
            rate[here] = smooth[category[here]]
        return rate

    def without_minlength(user, day, label, n_users, k, m):
        late = day > day.max() - k
        kept, heard = np.bincount(user[late], label[late]), np.bincount(user[late])
        return (kept + m * label[late].mean()) / (heard + m)

    def by_groupby(user, day, label, n_users, k, m):
        late = day > day.max() - k
        counts = pd.Series(label[late]).groupby(user[late]).agg(["sum", "count"])
        return (counts["sum"] + m * label[late].mean()) / (counts["count"] + m)

    for exercise, answer, text in (
        ("03/1", rate_by_key, ".reindex(keys, fill_value=0)"),
        ("03/2", without_minlength, "Give it minlength"),
        ("03/2", by_groupby, "groupby leaves out what does not occur"),
    ):
        result = check(EXERCISES[exercise], answer)
        assert result.points == 0
        assert text in result.message


def test_a_scale_in_single_precision_passes_and_a_small_slip_does_not():
    scale = EXERCISES["04/2"]

    def single(x, u, top=0.998):
        x, u = (torch.as_tensor(value).float() for value in (x, u))
        return torch.logit(0.001 + top * (x + u) / 101)

    assert check(scale, single).points == scale.points
    assert check(scale, lambda x, u: single(x, u, 0.999)).points == 0


def test_conditions_that_are_no_plain_ranges_get_advice():
    def without_comma():
        return Archetype("Me", 1, 40, (Range("tempo", None, 100)))

    def drawn():
        conditions = DrawnRange("tempo", 0, 100), Range("danceability", 0.8)
        return Archetype("Me", 1, 40, conditions)

    assert "Put a comma" in check(EXERCISES["04/3"], without_comma).message
    assert "use Range" in check(EXERCISES["04/3"], drawn).message


def test_a_share_above_one_and_a_range_that_is_turned_are_refused_by_name():
    def dancer(share, tempo):
        conditions = Range("tempo", *tempo), Range("danceability", 0.8, 1)
        return check(EXERCISES["04/3"], lambda: Archetype("Me", share, 40, conditions))

    for right in (dancer(0.05, (None, 100)), dancer(1, (0, 100))):
        assert right.points == 2

    assert "at most 1" in dancer(5, (None, 100)).message
    assert "Range('tempo', low, high)" in dancer(0.05, (100, 0)).message


def test_a_merge_that_returns_too_early_and_one_that_multiplies_are_named():
    def too_early(left, right):
        for key, n in left.items():
            return n * right.get(key, 0)

    def product(left, right):
        return math.prod(n * right.get(key, 1) for key, n in left.items())

    assert "Return after the loop" in check(EXERCISES["04/1"], too_early).message
    assert "Add them up" in check(EXERCISES["04/1"], product).message


def test_draws_in_place_of_probabilities_are_recognised():
    def drawn(v, W, c):
        return torch.bernoulli(torch.sigmoid(v @ W + c), generator=seeded(len(v)))

    assert "zeros and ones only" in check(EXERCISES["01/1"], drawn).message


def test_an_energy_without_its_sign_is_refused():
    energy = EXERCISES["00/2"]

    result = check(energy, lambda *state: abs(energy(*state)))

    assert result.points == 0 and "in place of abs" in result.message
    assert min(energy(*case) for case in energy.cases) < 0


def test_a_variable_from_outside_in_place_of_the_argument_is_named():
    message = check(EXERCISES["00/1"], lambda ratings: len(LESSONS)).message

    assert "never uses ratings. It uses LESSONS from outside instead." in message


def test_a_mistake_that_stops_with_an_error_is_explained_by_its_cause():
    def without_a_column(on, other, W, b, c, u):
        h = (u < torch.sigmoid(c)).to(W.dtype)
        q = torch.sigmoid(b[on] - b[other] + (W[on] - W[other]) @ h)
        return W[on] - q * c, -(1 - q) * c

    message = check(EXERCISES["06/3"], without_a_column).message

    assert "Turn q into a column: q[:, None] * p1." in message


def slip_in_dW(pick):
    def cd1(model, v, uniform):
        p = model.prob_h(v)
        h = (uniform < p).to(p.dtype)
        v_back = model.prob_v(h)
        p_back = model.prob_h(v_back)
        dW = pick(v, p, h, v_back, p_back) / len(v)
        return dW, (v - v_back).mean(0), (p - p_back).mean(0)

    return cd1


@pytest.mark.parametrize(
    ("pick", "words"),
    [
        (lambda v, p, h, x, q: v.T @ h - x.T @ q, "The sampled h is counted."),
        (lambda v, p, h, x, q: v.T @ p - x.T @ h, "The sampled h is counted."),
        (lambda v, p, h, x, q: v.T @ p - x.T @ p, "still belong to the old picture"),
        (lambda v, p, h, x, q: v.T @ p - v.T @ q, "dW takes the old picture v twice"),
        (lambda v, p, h, x, q: len(v) * v.T @ p - x.T @ q, "Only the second product"),
        (lambda v, p, h, x, q: (v.T @ p - x.T @ q) * 2, "In dW: yours is 2 times"),
    ],
)
def test_a_slip_in_one_product_of_contrastive_divergence_is_named(pick, words):
    assert words in check(EXERCISES["01/4"], slip_in_dW(pick)).message


def loop_with(step):
    """A training loop that moves the model by `step(model, gradient, v, rate)`."""

    def loop(model, gradient, v, rates):
        copies = []
        for update, rate in enumerate(rates):
            if update % 50 == 0:
                copies.append(copy.deepcopy(model))
            step(model, gradient, v, rate)
        return [*copies, copy.deepcopy(model)]

    return loop


def half_steps(model, gradient, v, rate):
    for name, change in zip("Wbc", gradient(model, v), strict=True):
        setattr(model, name, getattr(model, name) + rate / 2 * change)


def assigns(model, gradient, v, rate):
    model.W, model.b, model.c = (rate * change for change in gradient(model, v))


def forgets_c(model, gradient, v, rate):
    dW, db, _ = gradient(model, v)
    model.W += rate * dW
    model.b += rate * db


def asks_three_times(model, gradient, v, rate):
    model.W += rate * gradient(model, v)[0]
    model.b += rate * gradient(model, v)[1]
    model.c += rate * gradient(model, v)[2]


def swaps_the_arguments(model, gradient, v, rate):
    dW, db, dc = gradient(v, model)
    model.W, model.b, model.c = model.W + dW, model.b + db, model.c + dc


def returns_in_the_loop(model, gradient, v, rates):
    copies = []
    for update, rate in enumerate(rates):
        if update % 50 == 0:
            copies.append(copy.deepcopy(model))
        dW, db, dc = gradient(model, v)
        model.W += rate * dW
        model.b += rate * db
        model.c += rate * dc
        copies.append(copy.deepcopy(model))
        return copies


def test_a_copy_of_the_training_loop_is_named_in_words():
    message = check(EXERCISES["01/3"], loop_with(half_steps)).message

    assert "In W of the second copy: " in message


@pytest.mark.parametrize(
    ("exercise", "answer", "words"),
    [
        ("01/1", lambda v, W, c: torch.sigmoid(W @ v + c), "Write v @ W"),
        ("01/1", lambda v, W, c: torch.sigmoid(v @ W.T + c), "Write v @ W"),
        ("01/1", lambda v, W, c: torch.exp(v @ W + c), "the odds of being on"),
        (
            "01/2",
            lambda v, W, b, c: -(v @ b) - torch.sigmoid(v @ W + c).sum(1),
            "You add up sigmoids.",
        ),
        (
            "01/2",
            lambda v, W, b, c: -v * b - softplus(v @ W + c).sum(1),
            "Write v @ b, in this order.",
        ),
        (
            "01/2",
            lambda v, W, b, c: -(v @ b) - softplus(v @ W + c).mean(1),
            "averaged or multiplied",
        ),
        ("01/3", loop_with(assigns), "Add to them, with +=."),
        ("01/3", loop_with(asks_three_times), "called three times"),
        ("01/3", loop_with(swaps_the_arguments), "Call gradient(model, v)."),
        ("01/3", loop_with(forgets_c), "c never moves."),
        ("01/3", lambda *a: EXERCISES["01/3"](*a)[1:], "The copy before update 0"),
        ("01/3", returns_in_the_loop, "You return inside the loop."),
    ],
)
def test_mistakes_that_readers_made_in_lesson_01_are_named(exercise, answer, words):
    assert words in check(EXERCISES[exercise], answer).message


def test_rows_of_parameters_that_are_changed_in_place_are_noticed():
    def in_place(on, other, W, b, c, u):
        changes = EXERCISES["06/3"](on, other, W, b, c, u)
        W[on] += changes[0]
        return changes

    assert "Your function changes its W." in check(EXERCISES["06/3"], in_place).message


def test_a_wrong_answer_that_changes_the_biases_in_place_is_told_so():
    def in_place(on, other, W, b, c, u):
        c += W[on].sum(0)
        p = torch.sigmoid(c)
        h = (u < p).to(W.dtype)
        q = torch.sigmoid(b[on] - b[other] + (W[on] - W[other]) @ h)
        p1 = torch.sigmoid(c + q @ W[on] + (1 - q) @ W[other])
        return p - q[:, None] * p1, -(1 - q)[:, None] * p1

    assert "Your function changes its c." in check(EXERCISES["06/3"], in_place).message


def test_a_right_mean_that_is_added_up_in_the_first_input_is_refused():
    def in_place(means, rows):
        total = means[0]
        total *= rows[0]
        for mean, n in zip(means[1:], rows[1:], strict=True):
            total += n * mean
        return total / sum(rows)

    result = check(EXERCISES["06/4"], in_place)

    assert result.points == 0 and "Your function changes its means." in result.message


def test_a_softplus_of_an_input_that_became_a_probability_in_place_is_named():
    def in_place(model, v, uniform):
        x = v @ model.W + model.c
        p = x.sigmoid_()
        v1 = model.prob_v((uniform < p).to(v.dtype))
        x1 = v1 @ model.W + model.c
        p1 = torch.sigmoid(x1)
        dW = (v.T @ p - v1.T @ p1) / len(v)
        rise = ((v - v1) @ model.b + softplus(x).sum(1) - softplus(x1).sum(1)).mean()
        return dW, (v - v1).mean(0), (p - p1).mean(0), ((v - v1) ** 2).mean(), rise

    assert "Was x changed in place" in check(EXERCISES["06/2"], in_place).message


def test_a_column_in_place_of_one_number_per_row_is_refused():
    def column(v, W, b, c):
        inputs = v @ W + c
        return -(v @ b)[:, None] - softplus(inputs).sum(1, keepdim=True)

    result = check(EXERCISES["01/2"], column)

    assert result.points == 0 and "(3,) is asked for, not (3, 1)." in result.message


def test_rounded_numbers_are_recognised():
    energy = EXERCISES["00/2"]

    for answer in (lambda *x: round(float(energy(*x)), 2), lambda *x: int(energy(*x))):
        assert "right numbers rounded" in check(energy, answer).message


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (lambda v, h, W, b, c: (-(v @ b), -(h @ c), -(v @ W @ h)), "the sum of yours"),
        (lambda v, h, W, b, c: f"{-(v @ b + h @ c + v @ W @ h)}", "a str cannot be read"),
    ],
)
def test_parts_and_texts_are_recognised(answer, word):
    assert word in check(EXERCISES["00/2"], answer).message


def test_drawn_pixels_in_contrastive_divergence_are_recognised():
    def drawn(model, v, uniform):
        p = model.prob_h(v)
        v_back = torch.bernoulli(model.prob_v((uniform < p).to(p.dtype)))
        p_back = model.prob_h(v_back)
        dW = (v.T @ p - v_back.T @ p_back) / len(v)
        return dW, (v - v_back).mean(0), (p - p_back).mean(0)

    assert "stay probabilities" in check(EXERCISES["01/4"], drawn).message


def sweep_by_numpy(model, v, h2, pick):
    below = (v / model.sigma**2) @ model.W1 + model.c1
    h1 = pick((below + h2 @ model.W2.T).sigmoid())
    return h1.numpy(), pick((h1 @ model.W2 + model.c2).sigmoid()).numpy()


def update_by_numpy(data, chains, sigma):
    (v, h1, h2), (w, g1, g2) = ([x.numpy() for x in side] for side in (data, chains))
    v, w = v / sigma.numpy() ** 2, w / sigma.numpy() ** 2
    return v.T @ h1 / len(v) - w.T @ g1 / len(w), h1.T @ h2 / len(v) - g1.T @ g2 / len(w)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        ("05/1", songs_by_numpy),
        ("05/2", sweep_by_numpy),
        ("05/3", update_by_numpy),
    ],
)
def test_right_answers_in_numpy_give_the_lesson_tensors(exercise, answer):
    task = EXERCISES[exercise]
    usable = in_form_of(task.reference, answer, task.cases)

    assert check(task, answer).points == task.points
    results = usable(*copy.deepcopy(task.cases[0]))
    assert all(isinstance(x, torch.Tensor) for x in results)


@pytest.mark.parametrize(
    "cut",
    [
        lambda x: x.detach(),
        lambda x: x.detach().numpy(),
        lambda x: x.data.tolist(),
    ],
)
def test_a_taste_from_which_training_learns_nothing_is_refused(cut):
    taste = EXERCISES["05/4"]

    result = check(taste, lambda *case: [cut(x) for x in taste(*case)])

    assert result.points == 0
    assert "needs a gradient" in result.message


def song_by_subtracting_the_mask(v, known, h, W, b, sigma, noise):
    return known * v + (1 - known) * (b + h @ W.T + sigma * noise)


def song_written_into_v(v, known, h, W, b, sigma, noise):
    v[~known] = (b + h @ W.T + sigma * noise)[~known]
    return v


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (song_by_subtracting_the_mask, "takes no minus"),
        (song_written_into_v, "writes into v"),
    ],
)
def test_songs_that_the_lesson_cannot_use_are_refused(answer, cause):
    result = check(EXERCISES["05/1"], answer)

    assert result.points == 0
    assert cause in result.message


def left_out_in_place(residuals, r):
    residuals -= residuals.sum()
    return -residuals / (len(residuals) - 1 + r)


def ease_of_changed_likes(X, l2):
    B = EXERCISES["08/3"](X, l2)
    X -= X.mean(0)
    return B


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [("08/1", left_out_in_place, "residuals"), ("08/3", ease_of_changed_likes, "X")],
)
def test_inputs_that_lesson_08_needs_again_must_stay_as_they_are(exercise, answer, name):
    result = check(EXERCISES[exercise], answer)

    assert result.points == 0
    assert f"Your function changes its {name}." in result.message


@pytest.mark.parametrize(
    ("exercise", "answer", "cause"),
    [
        ("08/1", lambda r, x: (x.sum() - x) / (len(x) - 1 + r), "the other order"),
        ("08/2", lambda p: (p @ torch.arange(1.0, 6), p[:, 3:].sum(-1)), "p[..., 3:]"),
        ("08/2", lambda p: None, "it returns None"),
        ("08/3", lambda X, l2: torch.linalg.inv(X * X.T), "with @"),
        ("08/3", lambda X, l2: X.fill_diagonal(0), "an underscore"),
    ],
)
def test_slips_in_lesson_08_are_named(exercise, answer, cause):
    assert cause in check(EXERCISES[exercise], answer).message


def test_a_transpose_that_reverses_three_axes_is_named():
    def reversed_axes(x, W, b, c, up, down, u_upper, u_lower):
        p = torch.sigmoid(up * (x @ W) + c)
        p_x = torch.sigmoid(down * ((u_upper < p).to(x.dtype) @ W.T) + b)
        x_1 = (u_lower < p_x).to(x.dtype)
        return p, x_1, torch.sigmoid(up * (x_1 @ W) + c)

    assert "Write .mT" in check(EXERCISES["09/3"], reversed_axes).message


def test_up_and_down_in_place_is_refused_since_the_lesson_gives_the_same_rows_again():
    def in_place(x, W, b, c, up, down, u_upper, u_lower):
        x *= up
        p = torch.sigmoid(x @ W + c)
        x_1 = u_lower < torch.sigmoid(down * ((u_upper < p).to(x.dtype) @ W.mT) + b)
        x_1 = x_1.to(x.dtype)
        return p, x_1, torch.sigmoid(up * (x_1 @ W) + c)

    result = check(EXERCISES["09/3"], in_place)

    assert result.points == 0 and "changes x in place" in result.message


@pytest.mark.parametrize(
    ("exercise", "line", "cause"),
    [
        ("09/2", {"m_hat": "new_m / (1 - .9 ^ t)"}, "A power is written x**t"),
        ("09/3", {"h": "(u_upper < p).int()"}, ".float() in place of .int()"),
        ("09/3", {"h": "u_upper < p"}, "comparison such as u < p gives booleans"),
        ("09/3", {"x_1": "(torch.rand(p_x.shape) < p_x) * 1.0"}, "draw random numbers"),
    ],
)
def test_lines_that_go_wrong_in_every_lesson_are_explained(exercise, line, cause):
    task = EXERCISES[exercise]
    variant = task.reference.__globals__["adam_by" if exercise == "09/2" else "step_by"]

    result = check(task, variant(**line))

    assert result.points == 0 and cause in result.message


def test_a_step_of_adam_without_its_small_constant_is_refused():
    def without(g, m, s, t, lr):
        m = 0.9 * m + 0.1 * g
        s = 0.999 * s + 0.001 * g**2
        return lr * (m / (1 - 0.9**t)) / (s / (1 - 0.999**t)).sqrt(), m, s

    result = check(EXERCISES["09/2"], without)

    assert result.points == 0 and "Add 1e-8" in result.message
