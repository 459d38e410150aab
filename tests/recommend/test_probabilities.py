"""Metrics of probabilities against scikit-learn, SciPy and explicit loops."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import calibration, metrics

from rbm_lib import evaluate


@pytest.fixture
def rated():
    """Probabilities with many ties, labels drawn from them, and 40 groups."""
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(40), rng.integers(1, 20, 40))
    prob = np.clip(np.round(rng.beta(2, 2, len(groups)), 2), 0.01, 0.99)
    return prob, (rng.random(len(groups)) < prob).astype(int), groups


def with_errors(prob, label, groups, n_bootstrap=0):
    options = {"predicted": 4.0 * prob, "rating": 5.0 * label, "n_bootstrap": n_bootstrap}
    return evaluate.rating_metrics(prob, label, groups, **options).set_index("metric")


def test_rating_metrics_are_those_of_scikit_learn(rated):
    prob, label, groups = rated
    mean = with_errors(*rated)["mean"]

    members = [groups == group for group in range(40)]
    both_labels = [own for own in members if 0 < label[own].mean() < 1]
    expected = {
        "AUC": metrics.roc_auc_score(label, prob),
        "log-loss": metrics.log_loss(label, prob),
        "group AUC": np.mean(
            [metrics.roc_auc_score(label[m], prob[m]) for m in both_labels]
        ),
        "RMSE": metrics.root_mean_squared_error(5 * label, 4 * prob),
        "MAE": metrics.mean_absolute_error(5 * label, 4 * prob),
    }
    assert mean.drop("ECE").to_dict() == pytest.approx(expected, abs=1e-12)


def test_the_bootstrap_computes_the_metrics_of_resampled_groups(rated):
    prob, label, groups = rated
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(100):
        drawn = [np.flatnonzero(groups == group) for group in rng.integers(40, size=40)]
        copies = np.repeat(np.arange(40), list(map(len, drawn)))
        rows = np.concatenate(drawn)
        samples.append(with_errors(prob[rows], label[rows], copies)["mean"].drop("ECE"))

    interval = with_errors(*rated, n_bootstrap=100)[["low", "high"]].drop("ECE")

    np.testing.assert_allclose(interval.T, np.percentile(samples, [2.5, 97.5], axis=0))


def test_a_resample_with_one_label_has_no_auc():
    table = evaluate.rating_metrics([0.2, 0.9], [0, 1], n_bootstrap=50)

    assert table.loc[0, ["mean", "low", "high"]].tolist() == [1, 1, 1]


def test_auc_lead_is_the_difference_with_the_interval_of_pairs(rated):
    prob, label, groups = rated
    noise = 0.05 * np.random.default_rng(5).standard_normal(len(prob))
    other = np.clip(prob + noise, 0, 1)

    lead = evaluate.auc_lead(prob, other, label, groups).loc[0]
    swapped = evaluate.auc_lead(other, prob, label, groups).loc[0]
    alone = evaluate.rating_metrics(prob, label, groups).loc[0]

    auc, other_auc = (metrics.roc_auc_score(label, p) for p in (prob, other))
    assert lead["mean"] == pytest.approx(auc - other_auc, abs=1e-12)
    assert [lead["low"], lead["high"]] == pytest.approx([-swapped["high"], -swapped["low"]])
    assert lead["high"] - lead["low"] < 0.7 * (alone["high"] - alone["low"])


def test_the_interval_of_a_lead_draws_people_and_not_ratings():
    """Ten copies of each rating are no news about people: the interval stays as wide."""
    rng = np.random.default_rng(4)
    n_people, n_each = 60, 10
    ability = rng.normal(0, 1, n_people)  # how well the first model knows each person
    label = rng.integers(0, 2, n_people * n_each)
    person = np.repeat(np.arange(n_people), n_each)
    own = ability[person] * (2 * label - 1) + rng.normal(0, 1, len(label))
    prob = 1 / (1 + np.exp(-own))
    other = rng.random(len(label))

    def width(rows):
        given = prob[rows], other[rows], label[rows], person[rows]
        interval = evaluate.auc_lead(*given).loc[0]
        return interval["high"] - interval["low"]

    once = width(np.arange(len(label)))
    assert width(np.repeat(np.arange(len(label)), 10)) == pytest.approx(once, rel=1e-6)
    by_rating = evaluate.auc_lead(prob, other, label).loc[0]
    assert once > 1.3 * (by_rating["high"] - by_rating["low"])


def test_calibration_is_that_of_scikit_learn(rated):
    prob, label, _ = rated
    curve = evaluate.calibration_curve(prob, label, n_bins=10)
    table = evaluate.rating_metrics(prob, label, n_bins=10, n_bootstrap=0)

    distance = (curve["observed"] - curve["predicted"]).abs()
    assert table["metric"].tolist() == ["AUC", "log-loss", "ECE"]
    assert table["mean"][2] == pytest.approx((curve["n"] * distance).sum() / len(prob))
    expected = calibration.calibration_curve(label, prob, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(curve[["observed", "predicted"]].T, expected)
    for row in curve.itertuples():
        test = binomtest(round(row.observed * row.n), int(row.n))
        wilson = test.proportion_ci(0.95, method="wilson")
        assert (row.low, row.high) == pytest.approx((wilson.low, wilson.high), abs=1e-6)


@pytest.mark.parametrize(
    ("metric", "given", "message"),
    [
        ("rating_metrics", ([0.2, 0.4, 0.1], [0, 1, 5]), "label: got .*, expected 0 and 1"),
        ("rating_metrics", ([], []), "label: got .*, expected 0 and 1, both"),
        (
            "rating_metrics",
            ([0.2, 1.4], [0, 1]),
            "probability: got 0.2 to 1.4, expected 0 to",
        ),
        ("rating_metrics", ([[0.2, 0.4]], [0, 1]), "probability: got shape"),
        (
            "rating_metrics",
            ([0.2, 0.4], [0, 1], [1]),
            "groups: got 1, expected one for each",
        ),
        (
            "auc_lead",
            ([0.2, 0.4], [0.5, 2], [0, 1]),
            "other: got 0.5 to 2, expected 0 to 1",
        ),
    ],
)
def test_input_that_does_not_fit_is_refused(metric, given, message):
    with pytest.raises(ValueError, match=message):
        getattr(evaluate, metric)(*given)


def test_masked_rows_are_not_counted_but_refused():
    prob = np.ma.masked_equal([0.2, 0.4, 0.9], 0.9)

    with pytest.raises(TypeError, match="probability: got a masked array"):
        evaluate.rating_metrics(prob, [0, 1, 1])


def test_groups_may_have_names_of_different_types():
    groups = np.array([1, "a", "b", 1], dtype=object)
    options = {"n_bootstrap": 0}
    table = evaluate.rating_metrics([0.5, 0.2, 0.3, 0.4], [1, 0, 1, 0], groups, **options)

    assert table.set_index("metric")["mean"]["group AUC"] == 1
    with pytest.raises(ValueError, match="groups: got a missing value at position 1"):
        evaluate.rating_metrics([0.5, 0.2], [1, 0], [1, np.nan], **options)
