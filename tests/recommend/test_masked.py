"""The masked model with a covariate, against the dense path of the library."""

import numpy as np
import pytest
import torch

from rbm_lib.baselines import UserItemBias
from rbm_lib.recommend.covariates import RowBias, left_out_bias
from rbm_lib.recommend.masked import MaskedModel
from rbm_lib.recommend.scoring import predict
from tests.recommend.support import taste_ratings

SETTINGS = {
    "n_hidden": 4, "epochs": 3, "batch_size": 10, "lr": 0.05, "weight_decay": 0.02,
    "by_item_mean": False,
}  # fmt: skip
QUIET = {"progress": False, "device": "cpu"}
ROWS = taste_ratings(n_users=20).T


@pytest.fixture(scope="module")
def model():
    model, data = MaskedModel.start(ROWS, SETTINGS)
    model.train(data, SETTINGS, [], **QUIET)
    with torch.no_grad():
        model.rbm.W.normal_(generator=torch.Generator().manual_seed(0))
    return model


def test_probabilities_are_those_of_predict_with_a_dense_offset(model):
    row, unit = np.indices(ROWS.shape).reshape(2, -1)

    found = model.probabilities(ROWS, row, unit)

    offset = torch.from_numpy(left_out_bias(ROWS))[..., None] * model.coefficient
    expected = predict(model.rbm, ROWS, visible_offset=offset).flatten(0, 1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_unknown_rows_and_units_have_the_prior_and_the_average_unit(model):
    found = model.probabilities(ROWS, np.array([-1, 0]), np.array([0, -1]))

    h = torch.sigmoid(model.rbm.hidden_bias)
    logits = model.rbm.W[0] @ h + model.rbm.visible_bias[0]
    torch.testing.assert_close(found[0], torch.softmax(logits, 0).detach())
    assert found[1].sum() == pytest.approx(1)


def test_the_bias_score_is_the_bias_model_without_the_rating_itself(model):
    row, unit = np.indices(ROWS.shape).reshape(2, -1)
    level = ROWS.levels_at(row, unit)

    found = model.bias_score(ROWS, row, unit)

    bias = UserItemBias(5.0).fit(ROWS)
    unrated = level < 0
    expected = bias.scores()[row, unit]
    np.testing.assert_allclose(found[unrated], expected[unrated], rtol=1e-5)
    one = np.flatnonzero(~unrated)[7]
    others = ~unrated & (row == row[one]) & (unit != unit[one])
    residual = level[others] - bias.mean_ - bias.item_bias_[unit[others]]
    own = bias.mean_ + bias.item_bias_[unit[one]] + residual.sum() / (others.sum() + 5)
    assert found[one] == pytest.approx(own, rel=1e-5)
    unknown = model.bias_score(ROWS, np.array([-1]), np.array([-1]))
    assert unknown[0] == pytest.approx(bias.mean_)


def test_the_bias_score_of_a_new_unit_follows_its_ratings(model):
    bias = UserItemBias(5.0).fit(ROWS)
    base = bias.mean_ + bias.user_bias_

    found = model.bias_of_new_unit(
        ROWS, np.array([0, 3]), np.array([4, 4]), np.array([1, -1])
    )

    own = (8 - base[0] - base[3]) / 7
    np.testing.assert_allclose(found, [base[1] + own, bias.mean_ + own], rtol=1e-5)


def test_the_offset_of_ratings_is_in_the_gradient():
    strong, weak = ({**SETTINGS, "epochs": 1} for _ in range(2))
    trained = []
    for settings, factor in ((strong, 1.0), (weak, 0.0)):
        model, data = MaskedModel.start(ROWS, settings)
        data.rating_offset *= factor
        model.train(data, settings, [], **QUIET)
        trained.append(model.rbm.visible_bias.detach())

    assert not torch.allclose(*trained, atol=1e-4)


def test_a_new_unit_that_agrees_with_an_old_one_is_predicted_like_it():
    model, data = MaskedModel.start(ROWS, {**SETTINGS, "epochs": 200})
    model.train(data, {**SETTINGS, "epochs": 200}, [], **QUIET)
    row, unit, level = ROWS.triples()
    theirs = unit == 0
    wanted = np.setdiff1d(np.arange(len(ROWS)), row[theirs])

    new = model.of_new_unit(ROWS, row[theirs], level[theirs], wanted)

    old = model.probabilities(ROWS, wanted, np.zeros_like(wanted))
    stars = np.arange(ROWS.n_levels)
    assert np.corrcoef(new.numpy() @ stars, old.numpy() @ stars)[0, 1] > 0.8


def test_row_bias_of_somebody_without_ratings_is_zero():
    bias = RowBias.fit(ROWS)

    nobody = np.array([-1])
    assert bias.of_cells(ROWS, nobody, np.array([0]), nobody) == 0
