"""Data whose values are legal and which are still wrong as a whole."""

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib import DBN, RBM, Monitor, RatingMatrix, fit, load_model, save_model
from rbm_lib.models import Bernoulli, Categorical, Layers, VisibleData
from rbm_lib.models.data_checks import has_one_level, require_spread
from rbm_lib.recommend import predict
from rbm_lib.training import fine_tune
from tests.support import assert_refused, random_mask, random_rbm, random_rows, seeded

QUIET = {"epochs": 1, "progress": False}
FRAME = pd.DataFrame(np.eye(3), columns=list("abc"))
REVERSED = FRAME[list("cba")]
RATED = RatingMatrix([1, 1, 2, 2], [7, 8, 7, 8], [1, 0, 0, 1])
OTHERS = RatingMatrix([1, 1, 2, 2], [8, 9, 8, 9], [1, 0, 0, 1])


@pytest.mark.parametrize(("data", "other"), [(FRAME, REVERSED), (RATED, OTHERS)])
def test_columns_in_another_order_or_of_another_catalogue_are_refused(
    data, other, tmp_path
):
    n_visible = data.shape[1]
    validation = {"callbacks": [Monitor(validation=other)]}
    wrong = "got column '.' where the model has met '.', expected"
    assert_refused(wrong, fit, RBM(n_visible, 2), data, **validation, **QUIET)

    model = RBM(n_visible, 2).initialize_from(data)
    loaded = load_model(save_model(model, tmp_path / "model.pt"))
    for known in (model, loaded):
        assert_refused(wrong, predict, known, other)
        assert_refused(wrong, fit, known, other, **QUIET)
        predict(known, data)
        predict(known, np.zeros((1, n_visible)))  # without names places count


def test_a_network_that_is_fine_tuned_knows_its_columns_too():
    model = DBN([3, 2], n_classes=2, seed=0)
    labels = [0, 1, 0]
    wrong = "got column 'c' where the model has met 'a'"
    assert_refused(wrong, fine_tune, model, FRAME, labels, validation=(REVERSED, labels))


def test_columns_without_names_of_their_own_are_known_by_place():
    model = RBM(3, 2).initialize_from(FRAME)

    predict(model, pd.DataFrame(np.eye(3)))


@pytest.mark.parametrize("mask", [REVERSED.notna(), FRAME.notna()[::-1]])
def test_a_mask_with_other_labels_is_refused(mask):
    wrong = "observed: got other labels than data, expected"
    assert_refused(wrong, fit, RBM(3, 2), FRAME, observed=mask, **QUIET)


@pytest.mark.parametrize(
    ("dtype", "mean", "lost"),
    [
        (torch.float32, 1e4, False),
        (torch.float32, 1e8, True),
        (torch.float32, 1e10, True),  # rounded to one number
        (torch.float64, 1e8, False),
    ],
)
def test_a_spread_that_rounding_hides_is_refused(dtype, mean, lost):
    rows = torch.randn(500, 2, generator=seeded(0)).double()
    rows[:, 1] += mean
    model = random_rbm("gaussian", n_visible=2, dtype=dtype)
    data = VisibleData(model, rows)

    if not lost:
        return require_spread(data)
    wrong = "got column 1 with mean .*, expected a spread that torch.float32 can hold"
    for use in (model.initialize_from, lambda rows: fit(model, rows, **QUIET)):
        assert_refused(wrong, use, rows)


def test_the_column_is_counted_among_all_of_a_mixed_layer():
    model = random_rbm("mixed", dtype=torch.float32)
    rows = random_rows(model, 50)
    rows[:, 0] += 1e9
    assert_refused("v: got column 0 with mean", model.initialize_from, rows)


ONES = RatingMatrix(np.arange(30) % 6, np.arange(30) // 6, np.ones(30, int))


def test_pairs_without_a_dislike_train_with_a_warning():
    mask = random_mask(6, 5)
    for data, observed in ((ONES, None), (mask.double(), mask)):
        with pytest.warns(UserWarning, match="data: got one level only .*likes"):
            fit(RBM(5, 2), data, observed=observed, **QUIET)


@pytest.mark.parametrize(
    ("model", "level"),
    [
        (RBM(5, 2), 0.0),
        (RBM(5, 2, "categorical", 4), 3.0),
        (RBM(Layers(Bernoulli(2), Categorical(3, 4)), 2), 1.0),
    ],
)
def test_one_level_of_any_kind_is_found_where_cells_are_missing(model, level):
    mask = random_mask(6, 5)
    rows = torch.full((6, 5), level)
    mixed = rows.clone()
    mixed[mask.nonzero().unbind(1)] += torch.arange(int(mask.sum())) % 2

    assert has_one_level(VisibleData(model, rows, mask))
    if level < 1:
        assert not has_one_level(VisibleData(model, mixed, mask))
    assert not has_one_level(VisibleData(RBM(5, 2, "gaussian"), rows, mask))


def test_two_levels_are_no_reason_to_warn():
    model = RBM(5, 2)
    levels = np.ones(30, int)
    levels[-1] = 0
    mixed = RatingMatrix(np.arange(30) % 6, np.arange(30) // 6, levels)

    assert not has_one_level(VisibleData(model, mixed))
    assert not has_one_level(VisibleData(model, torch.ones(2, 5)))  # nothing is missing
    assert not has_one_level(VisibleData(model, torch.eye(5), random_mask(5, 5)))
