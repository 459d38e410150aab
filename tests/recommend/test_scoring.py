"""rbm_lib.recommend against loops, removed units, and its promises at the doors."""

import numpy as np
import pytest
import torch

from rbm_lib import RBM
from rbm_lib.data import RatingMatrix
from rbm_lib.recommend.scoring import fold_in, predict, score_items, similar_items, top_n, top_n_unseen

KINDS = [("bernoulli", None), ("categorical", 3), ("gaussian", None)]


def machine(kind, n_levels, n_visible=5, n_hidden=4):
    model = RBM(n_visible, n_hidden, kind, n_levels, weight_std=0.8, seed=1).double()
    generator = torch.Generator().manual_seed(2)
    for p in (model.visible_bias, model.hidden_bias, model.log_variance):
        if p is not None:
            p.data.copy_(0.5 * torch.randn(p.shape, generator=generator))
    return model


def rows(model, n=6):
    generator = torch.Generator().manual_seed(3)
    shape = (n, model.n_visible)
    if model.kind == "gaussian":
        v = torch.randn(shape, generator=generator).double()
    else:
        v = torch.randint(0, model.n_levels or 2, shape, generator=generator)
        v = torch.nn.functional.one_hot(v, model.n_levels).double() if model.n_levels else v.double()
    observed = torch.rand(shape, generator=generator) < 0.6
    observed[0], observed[1] = False, True
    return v, observed


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(("kind", "n_levels"), KINDS)
def test_mean_field_leaves_out_each_units_own_value(kind, n_levels, masked):
    model = machine(kind, n_levels)
    v, observed = rows(model)
    offset = 0.3 * torch.arange(v.numel()).reshape(v.shape).double().cos()
    result = predict(model, v, observed if masked else None, visible_offset=offset, batch_size=4)
    mask = observed if masked else torch.ones_like(observed)
    for b in range(len(v)):
        for i in range(model.n_visible):
            others = mask[b].clone()
            others[i] = False
            h = model.prob_h_given_v(v[b, None], others)
            expected = model.mean_v_given_h(h, offset[b, None])[0, i]
            torch.testing.assert_close(result[b, i], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(("kind", "n_levels"), KINDS[:2])
def test_exact_is_the_conditional_by_free_energies(kind, n_levels, masked):
    model = machine(kind, n_levels)
    v, observed = rows(model)
    offset = 0.3 * torch.arange(v.numel()).reshape(v.shape).double().cos()
    options = {"observed": observed if masked else None, "visible_offset": offset}
    result = predict(model, v, method="exact", batch_size=4, **options)
    states = torch.eye(n_levels).double() if n_levels else torch.tensor([0.0, 1.0]).double()
    mask = observed if masked else torch.ones_like(observed)
    for b in range(len(v)):
        for i in range(model.n_visible):
            with_i = mask[b].clone()
            with_i[i] = True
            candidates = v[b].repeat(len(states), *[1] * (v.ndim - 1))
            candidates[:, i] = states
            prob = torch.softmax(-model.free_energy(candidates, with_i, offset[b, None]), 0)
            expected = prob if n_levels else prob[1]
            torch.testing.assert_close(result[b, i], expected, rtol=0, atol=1e-12)


def test_what_stands_at_missing_units_is_never_looked_at():
    model = machine("categorical", 3)
    v, observed = rows(model)
    garbage = torch.where(observed[..., None], v, torch.nan)
    for method in ("mean_field", "exact"):
        torch.testing.assert_close(
            predict(model, garbage, observed, method), predict(model, v, observed, method)
        )


def test_cold_start_is_the_prior():
    model = machine("bernoulli", None)
    nothing = torch.zeros(1, 5, dtype=torch.bool)
    expected = model.mean_v_given_h(torch.sigmoid(model.hidden_bias)[None])
    torch.testing.assert_close(predict(model, torch.ones(1, 5), nothing), expected)


def test_a_rating_matrix_gives_what_its_dense_block_gives():
    model = machine("categorical", 3).float()
    ratings = RatingMatrix([7, 7, 9], [1, 4, 2], [2, 0, 1], n_levels=3, item_ids=range(5))
    v, observed = ratings.batch(slice(None))
    torch.testing.assert_close(predict(model, ratings), predict(model, v, observed))
    torch.testing.assert_close(predict(model, v.numpy(), observed.numpy()), predict(model, v, observed))
    assert predict(model, v[:0], observed[:0]).shape == (0, 5, 3)


def test_score_items():
    model = machine("categorical", 3)
    v, observed = rows(model)
    prob = predict(model, v, observed)
    torch.testing.assert_close(score_items(model, v, observed), prob[..., 1] + 2 * prob[..., 2])
    torch.testing.assert_close(score_items(model, v, observed, like_at_least=1), prob[..., 1] + prob[..., 2])
    torch.testing.assert_close(score_items(model, v, observed, like_at_least=2), prob[..., 2])
    two = machine("categorical", 2)
    v2 = rows(two)[0]
    torch.testing.assert_close(score_items(two, v2), predict(two, v2)[..., 1])
    binary = machine("bernoulli", None)
    torch.testing.assert_close(score_items(binary, torch.ones(2, 5)), predict(binary, torch.ones(2, 5)))
    for other, level in ((model, 0), (model, 3), (binary, 1)):
        with pytest.raises(ValueError, match="like_at_least"):
            score_items(other, rows(other)[0], like_at_least=level)


def test_errors_of_predict():
    model = machine("gaussian", None)
    v, _ = rows(model)
    with pytest.raises(ValueError, match="mean_field"):
        predict(model, v, method="exact")
    with pytest.raises(ValueError, match="method: got 'meanfield'"):
        predict(model, v, method="meanfield")
    with pytest.raises(ValueError, match="batch_size"):
        predict(model, v, batch_size=0)
    with pytest.raises(ValueError, match="data: got nan"):
        predict(model, torch.full((1, 5), torch.nan))
    with pytest.raises(ValueError, match="shape"):
        predict(model, v[:, :4])


def test_top_n_against_a_loop():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (30, 300)).astype(float)  # many ties
    seen = rng.random((30, 300)) < 0.4
    items, values = top_n(scores, seen, 300)
    for b in range(30):
        expected = sorted(np.flatnonzero(~seen[b]), key=lambda i: (-scores[b, i], i))
        assert items[b, : len(expected)].tolist() == expected
        assert values[b, : len(expected)].tolist() == scores[b, expected].tolist()
        assert (items[b, len(expected) :] == -1).all() and torch.isneginf(values[b, len(expected) :]).all()


@pytest.mark.parametrize("n", [1, 7, 40, 179, 299, 300, 400])
def test_top_n_is_the_head_of_the_whole_order(n):
    rng = np.random.default_rng(1)
    scores = rng.standard_normal((20, 300))
    scores[5:15] = np.round(scores[5:15], 1)  # some ties, at the cut too
    scores[15:] = 0.0
    seen = rng.random((20, 300)) < 0.4
    seen[0], seen[1, 3:] = True, True
    items, values = top_n(scores, seen, n)
    whole, order = top_n(scores, seen, 300)[1], top_n(scores, seen, 300)[0]
    assert items.shape == values.shape == (20, n)
    assert torch.equal(items[:, :300], order[:, :n]) and torch.equal(values[:, :300], whole[:, :n])


@pytest.mark.parametrize(
    ("kind", "n_levels", "like_at_least"),
    [("bernoulli", None, None), ("categorical", 2, None), ("categorical", 2, 1), ("categorical", 5, None),
     ("categorical", 5, 3), ("gaussian", None, None)],
)  # fmt: skip
def test_top_n_unseen_is_top_n_of_score_items(kind, n_levels, like_at_least):
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((23, 40)) < 0.3)
    kept = (users != 4) & (users != 22)  # somebody without ratings, in the middle and at the end
    levels = rng.integers(0, n_levels or 2, len(users))
    levels[:2] = 0, (n_levels or 2) - 1
    catalogue = {"user_ids": range(23), "item_ids": range(40)}
    ratings = RatingMatrix(users[kept], items[kept], levels[kept], n_levels=n_levels or 2, **catalogue)
    model = RBM(40, 6, kind, n_levels, weight_std=1.0, seed=0).double()
    with torch.no_grad():
        model.visible_bias.normal_(generator=torch.Generator().manual_seed(1))
        model.hidden_bias.normal_(generator=torch.Generator().manual_seed(2))
        if kind == "gaussian":
            model.log_variance.uniform_(-1, 1, generator=torch.Generator().manual_seed(3))
    expected = top_n(score_items(model, ratings, like_at_least=like_at_least), ratings, 30)
    got = top_n_unseen(model, ratings, 30, like_at_least=like_at_least, batch_size=5)
    assert torch.equal(got[0], expected[0])
    torch.testing.assert_close(got[1], expected[1], rtol=1e-12, atol=1e-12)
    assert top_n_unseen(model, ratings.rows([]), 3)[0].shape == (0, 3)


def test_top_n_unseen_refuses():
    ratings = RatingMatrix([0, 1], [0, 1], [0, 1])
    model = RBM(2, 3, "categorical", 2, seed=0)
    for call, message in (
        (lambda: top_n_unseen(model, torch.zeros(2, 2)), "ratings: got Tensor, expected a RatingMatrix"),
        (lambda: top_n_unseen(RBM(3, 2, seed=0), ratings), "got 2 items, expected 3"),
        (lambda: top_n_unseen(model, ratings, like_at_least=2), "like_at_least: got 2, expected 1 to 1"),
        (lambda: top_n_unseen(model, ratings, 0), "n: got 0"),
        (lambda: top_n_unseen(model, ratings, batch_size=0), "batch_size: got 0"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            call()


def test_top_n_pads_and_refuses():
    items, values = top_n(torch.tensor([[3, 1, 2]]), torch.tensor([[True, False, False]]), 5)
    assert items.tolist() == [[2, 1, -1, -1, -1]] and values[0, :2].tolist() == [2.0, 1.0]
    assert torch.isneginf(values[0, 2:]).all()
    excluded, _ = top_n(torch.tensor([[-torch.inf, 1.0]]), torch.zeros(1, 2, dtype=torch.bool), 2)
    assert excluded.tolist() == [[1, -1]]
    ratings = RatingMatrix([1], [2], [0], item_ids=[1, 2, 3])
    assert top_n(torch.zeros(1, 3), ratings, 2)[0].tolist() == [[0, 2]]  # a rating of level 0 counts as seen
    assert top_n(torch.zeros(1, 3), ratings.csr, 2)[0].tolist() == [[0, 2]]
    seen = torch.zeros(1, 2, dtype=torch.bool)
    with pytest.raises(ValueError, match="NaN"):
        top_n(torch.tensor([[torch.nan, 1.0]]), seen, 1)
    with pytest.raises(ValueError, match="shape"):
        top_n(torch.zeros(1, 3), seen, 1)
    with pytest.raises(ValueError, match="n: got 0"):
        top_n(torch.zeros(1, 2), seen, 0)
    with pytest.raises(TypeError, match="booleans"):
        top_n(torch.zeros(1, 2), torch.zeros(1, 2), 1)


def test_fold_in_a_new_person():
    model = machine("categorical", 3).float()
    ids = np.array([50, 181, 7, 12, 99])
    v, observed = fold_in(model, {12: 2, 50: 0}, ids)
    assert observed.tolist() == [[True, False, False, True, False]]
    assert v[0, 3].tolist() == [0, 0, 1] and v[0, 0].tolist() == [1, 0, 0]
    same = RatingMatrix([1, 1], [12, 50], [2, 0], n_levels=3, item_ids=ids)
    torch.testing.assert_close(predict(model, v, observed), predict(model, same))
    nobody = fold_in(model, {}, ids)
    assert not nobody[1].any() and torch.isfinite(predict(model, *nobody)).all()
    binary = machine("bernoulli", None)
    assert fold_in(binary, {"b": 1}, list("abcde"))[0].tolist() == [[0, 1, 0, 0, 0]]
    with pytest.raises(ValueError, match=r"unknown item ids \[13, 'x'\]"):
        fold_in(model, {12: 1, 13: 1, "x": 2}, ids)
    with pytest.raises(ValueError, match="got 3"):
        fold_in(model, {12: 3}, ids)
    with pytest.raises(ValueError, match="4 different ids"):
        fold_in(model, {12: 1}, [50, 50, 7, 12, 99])


def test_similar_items_are_blind_to_what_all_share():
    model = RBM(4, 3, "categorical", 2, seed=0)
    pattern = torch.tensor([[2.0, 0, 0], [1.0, 0.1, 0], [-2.0, 0, 0], [0, 0, 3.0]])
    model.W.data[:, 0], model.W.data[:, 1] = 0, pattern + 10
    items, cosine = similar_items(model, 0, 3)
    assert items.tolist()[0] == 1 and items.tolist()[-1] == 2 and 0 not in items.tolist()
    centred = (pattern - pattern.mean(0)).numpy()
    expected = centred[1] @ centred[0] / np.linalg.norm(centred[1]) / np.linalg.norm(centred[0])
    assert cosine[0].item() == pytest.approx(expected, abs=1e-5)
    model.W.data += 5 * torch.randn(4, 1, 3)  # added to both levels of a unit, it changes no probability
    torch.testing.assert_close(similar_items(model, 0, 3), (items, cosine), rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="item: got 4"):
        similar_items(model, 4)
