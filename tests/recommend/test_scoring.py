"""Predictions against models without the unit, scores, new persons and similar items."""

import numpy as np
import pytest
import torch

from rbm_lib import DBM, DBN, RBM
from rbm_lib.data import RatingMatrix
from rbm_lib.models import Categorical, Layers
from rbm_lib.recommend.scoring import fold_in, predict, score_items, similar_items
from tests.support import assert_refused, random_mask, random_rbm, random_rows

# ---- predict


@pytest.mark.parametrize("masked", [True, False])
def test_mean_field_leaves_out_each_units_own_value(visible, masked):
    model = random_rbm(visible, 5, 4)
    v = random_rows(model, 6)
    mask = random_mask(6, 5) if masked else torch.ones(6, 5, dtype=torch.bool)
    offset = 0.3 * torch.arange(v.numel()).reshape(v.shape).double().cos()

    result = predict(
        model, v, mask if masked else None, visible_offset=offset, batch_size=4
    )

    assert result.shape == v.shape
    for _, features, units in model.visible.parts():
        width = (features.stop - features.start) // (units.stop - units.start)
        for i in range(units.start, units.stop):
            others = mask.clone()
            others[:, i] = False
            mean = model.mean_v_given_h(model.prob_h_given_v(v, others), offset)
            first = features.start + (i - units.start) * width
            own = slice(first, first + width)
            torch.testing.assert_close(
                result.flatten(1)[:, own], mean.flatten(1)[:, own], rtol=0, atol=1e-12
            )


@pytest.mark.parametrize("masked", [True, False])
def test_exact_is_the_conditional_by_free_energies(discrete, masked):
    model = random_rbm(discrete, 5, 4)
    v = random_rows(model, 6)
    mask = random_mask(6, 5) if masked else torch.ones(6, 5, dtype=torch.bool)
    offset = 0.3 * torch.arange(v.numel()).reshape(v.shape).double().cos()
    states = torch.eye(3) if discrete == "categorical" else torch.tensor([0.0, 1.0])

    result = predict(model, v, mask if masked else None, "exact", offset, batch_size=4)

    for i in range(5):
        with_i = mask.clone()
        with_i[:, i] = True
        energies = []
        for state in states.double():
            changed = v.clone()
            changed[:, i] = state
            energies.append(model.free_energy(changed, with_i, offset))
        probability = torch.softmax(-torch.stack(energies, 1), 1)
        expected = probability if discrete == "categorical" else probability[:, 1]
        torch.testing.assert_close(result[:, i], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", ["mean_field", "exact"])
def test_the_values_of_missing_units_do_not_matter(method):
    model = random_rbm("categorical", 5)
    v = random_rows(model, 6)
    observed = random_mask(6, 5)
    garbage = torch.where(observed[..., None], v, torch.nan)

    result = predict(model, garbage, observed, method)

    torch.testing.assert_close(result, predict(model, v, observed, method))


def test_without_ratings_the_prediction_is_the_priors(visible):
    model = random_rbm(visible)
    nothing = torch.zeros(1, 4, dtype=torch.bool)

    result = predict(model, random_rows(model, 1), nothing)

    prior = model.mean_v_given_h(torch.sigmoid(model.hidden_bias)[None])
    torch.testing.assert_close(result, prior.detach())


def test_a_rating_matrix_is_predicted_like_its_dense_rows():
    model = random_rbm("categorical", 5).float()
    ratings = RatingMatrix([7, 7, 9], [1, 4, 2], [2, 0, 1], n_levels=3, item_ids=range(5))
    v, observed = ratings.batch(slice(None))

    result = predict(model, ratings)

    torch.testing.assert_close(result, predict(model, v, observed))
    torch.testing.assert_close(result, predict(model, v.numpy(), observed.numpy()))
    assert predict(model, v[:0], observed[:0]).shape == (0, 5, 3)


@pytest.mark.parametrize("visible", ["gaussian", "mixed"])
def test_exact_needs_units_with_levels(visible):
    model = random_rbm(visible)

    assert_refused(
        "method: .*mean_field", predict, model, random_rows(model, 2), None, "exact"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "meanfield"}, "method: got 'meanfield'"),
        ({"batch_size": 0}, "batch_size: got 0"),
        ({"v": torch.full((1, 4), torch.nan)}, "got nan"),
        ({"v": torch.zeros(1, 3)}, "got shape"),
        ({"model": DBM([4, 3, 2])}, "model: got DBM, expected an RBM. .*gibbs"),
        ({"model": DBN([4, 3, 2])}, "model: got DBN, expected an RBM. .*gibbs"),
        ({"model": "rbm"}, "model: got str, expected an RBM. Pass the model itself"),
    ],
)
def test_predict_refuses(options, message):
    good = {"model": random_rbm("gaussian"), "v": torch.zeros(1, 4)}

    assert_refused(message, predict, **good | options)


# ---- score_items


def test_scores_of_several_levels():
    model = random_rbm("categorical", 5)
    v = random_rows(model, 6)
    p = predict(model, v)

    torch.testing.assert_close(score_items(model, v), p[..., 1] + 2 * p[..., 2])
    torch.testing.assert_close(score_items(model, v, at_least=1), 1 - p[..., 0])
    torch.testing.assert_close(score_items(model, v, at_least=2), p[..., 2])


@pytest.mark.parametrize("lowest", [1, 2, 3, 4])
def test_with_five_levels_a_like_is_any_level_from_the_lowest_liked_one(lowest):
    model = random_rbm("categorical", 4, 3, n_levels=5)
    v = torch.tensor([[0.0, 4.0, 2.0, 1.0], [3.0, 3.0, 0.0, 4.0]]).double()
    p = predict(model, v)

    score = score_items(model, v, at_least=lowest)

    expected = sum(p[..., level] for level in range(5) if level >= lowest)
    torch.testing.assert_close(score, expected)


def test_scores_of_two_levels_and_of_units_without_levels():
    for model in (random_rbm("bernoulli"), random_rbm("gaussian")):
        v = random_rows(model, 3)
        torch.testing.assert_close(score_items(model, v), predict(model, v))
    model = random_rbm("categorical", n_levels=2)
    v = random_rows(model, 3)
    torch.testing.assert_close(score_items(model, v), predict(model, v)[..., 1])


@pytest.mark.parametrize(
    ("visible", "level", "expected"),
    [
        ("categorical", 0, "1 to 2"),
        ("categorical", 3, "1 to 2"),
        ("bernoulli", 1, "None for"),
        ("gaussian", 1, "None for"),
    ],
)
def test_a_level_that_is_not_there_is_refused(visible, level, expected):
    model = random_rbm(visible)

    assert_refused(
        f"at_least: got {level}, expected {expected}",
        score_items,
        model,
        random_rows(model, 1),
        at_least=level,
    )


# ---- fold_in


def test_a_new_person_is_a_row_of_their_own():
    model = random_rbm("categorical", 5).float()
    ids = np.array([50, 181, 7, 12, 99])

    v, observed = fold_in(model, {12: 2, 50: 0}, ids)

    assert observed.tolist() == [[True, False, False, True, False]]
    assert v[0, 3].tolist() == [0, 0, 1]
    assert v[0, 0].tolist() == [1, 0, 0]
    same = RatingMatrix([1, 1], [12, 50], [2, 0], n_levels=3, item_ids=ids)
    torch.testing.assert_close(predict(model, v, observed), predict(model, same))


def test_a_person_without_ratings_has_nothing_observed():
    v, observed = fold_in(random_rbm("bernoulli"), {}, "abcd")

    assert v.tolist() == [[0, 0, 0, 0]]
    assert not observed.any()


def test_ids_may_be_words_and_values_real_numbers():
    v, _ = fold_in(random_rbm("gaussian"), {"b": -1.5}, "abcd")

    assert v.tolist() == [[0, -1.5, 0, 0]]


@pytest.mark.parametrize(
    ("ratings", "ids", "message"),
    [
        ({12: 1, 13: 1, "x": 2}, [50, 7, 12, 99], r"ratings: got unknown .*\[13, 'x'\]"),
        ({i: 1 for i in range(7)}, [50, 7, 12, 99], "and 2 more"),
        ({12: 3}, [50, 7, 12, 99], "got 3"),
        ([12], [50, 7, 12, 99], "ratings: got list, expected a dict"),
        ({12: 1}, [50, 50, 12, 99], "item_ids: got 3 different ids"),
        ({12: 1}, 4, "item_ids: got int"),
    ],
)
def test_ratings_that_do_not_fit_are_refused(ratings, ids, message):
    assert_refused(message, fold_in, random_rbm("categorical"), ratings, ids)


# ---- similar_items


def test_similar_items_ignore_what_all_items_share():
    model = RBM(4, 3, "categorical", 2, seed=0)
    pattern = torch.tensor([[2.0, 0, 0], [1.0, 0.1, 0], [-2.0, 0, 0], [0, 0, 3.0]])
    model.W.data[:, 0] = 0
    model.W.data[:, 1] = pattern + 10

    items, cosine = similar_items(model, 0, 3)

    centred = (pattern - pattern.mean(0)).numpy()
    norms = np.linalg.norm(centred, axis=1)
    assert items.tolist() == [1, 3, 2]
    expected = centred[1] @ centred[0] / (norms[1] * norms[0])
    assert cosine[0].item() == pytest.approx(expected, abs=1e-5)
    # Added to both levels of a unit, a number changes no probability.
    model.W.data += 5 * torch.randn(4, 1, 3)
    same = similar_items(model, 0, 3)
    torch.testing.assert_close(same, (items, cosine), rtol=0, atol=1e-4)


def test_similar_items_need_an_item_and_units_of_one_type():
    mixed = RBM(Layers(Categorical(2, 3), Categorical(2, 2)), 3)

    assert_refused(
        "item: got 4, expected a unit", similar_items, random_rbm("bernoulli"), 4
    )
    assert_refused("expected units of one type", similar_items, mixed, 0)
