"""A semi-restricted machine against sums over all its joint states."""

import itertools

import pytest
import torch

from rbm_lib import RBM, load_model, save_model
from rbm_lib.likelihood import exact_log_partition, pseudo_log_likelihood
from rbm_lib.models import SemiRestrictedRBM
from tests.support import random_mask, seeded

EXACT = {"rtol": 1e-11, "atol": 1e-11}
N_VISIBLE = 4
HIDDEN = pytest.mark.parametrize("n_hidden", [3, 0])
OFFSET = torch.tensor([0.5, -1.0, 0.0, 2.0]).double()


@torch.no_grad()
def random_semi(n_hidden=3, n_visible=N_VISIBLE, seed=0):
    """Random parameters, in double precision."""
    model = SemiRestrictedRBM(n_visible, n_hidden).double()
    generator = seeded(seed)
    for name, p in model.named_parameters():
        if name != "L":
            p.copy_(torch.randn(p.shape, generator=generator))
    matrix = torch.randn(n_visible, n_visible, generator=generator).double().triu(1)
    model.set_lateral(matrix + matrix.T)
    return model


def binary(n):
    """All states of n binary units, (2^n, n)."""
    states = list(itertools.product((0.0, 1.0), repeat=n))
    return torch.tensor(states).view(2**n, n).double()


@torch.no_grad()
def energy_by_definition(model, v, h):
    """The formula of the docstring, pair by pair, for one state."""
    energy = -(model.visible_bias * v).sum() - (model.hidden_bias * h).sum()
    for i, j in itertools.combinations(range(model.n_visible), 2):
        energy = energy - model.L[i, j] * v[i] * v[j]
    for i, j in itertools.product(range(model.n_visible), range(model.n_hidden)):
        energy = energy - model.W[i, j] * v[i] * h[j]
    return energy


def joint(model):
    """States v and h, and their energies, (2^n_visible, 2^n_hidden)."""
    v, h = binary(model.n_visible), binary(model.n_hidden)
    energy = [[energy_by_definition(model, x, y) for y in h] for x in v]
    return v, h, torch.tensor(energy).double()


# ---- against enumeration -----------------------------------------------------------------


@HIDDEN
def test_energy_and_free_energy_are_the_formula_of_the_docstring(n_hidden):
    model = random_semi(n_hidden)
    v, h, energy = joint(model)
    n_v, n_h = energy.shape

    found = model.energy(v.repeat_interleave(n_h, 0), h.repeat(n_v, 1))

    torch.testing.assert_close(found.view(n_v, n_h), energy, **EXACT)
    torch.testing.assert_close(model.free_energy(v), -(-energy).logsumexp(1), **EXACT)


@HIDDEN
def test_log_z_is_the_sum_in_either_order(n_hidden):
    model = random_semi(n_hidden)
    _, _, energy = joint(model)

    hidden_first = (-energy).logsumexp(1).logsumexp(0)
    visible_first = (-energy).logsumexp(0).logsumexp(0)

    torch.testing.assert_close(model.log_partition(), hidden_first, **EXACT)
    torch.testing.assert_close(model.log_partition(), visible_first, **EXACT)


def test_log_z_in_several_blocks(monkeypatch):
    model = random_semi(n_visible=6)
    whole = model.log_partition()

    monkeypatch.setattr("rbm_lib.models.semi_restricted.BLOCK_ELEMENTS", 50)

    torch.testing.assert_close(model.log_partition(), whole, **EXACT)


def test_each_hidden_unit_given_the_visible_ones():
    model = random_semi()
    v, h, energy = joint(model)

    posterior = (-energy).softmax(1) @ h

    torch.testing.assert_close(model.prob_h_given_v(v), posterior, **EXACT)


def test_each_visible_unit_given_the_rest_is_a_ratio_of_joint_probabilities():
    model = random_semi()
    v, h, energy = joint(model)
    marginal = (-energy).logsumexp(1).exp()
    unnormalised = (-energy).exp()
    number = {tuple(state): k for k, state in enumerate(v.tolist())}
    found = model.prob_v_given_rest(v)

    for k, i in itertools.product(range(len(v)), range(N_VISIBLE)):
        state = v[k].tolist()
        on = number[(*state[:i], 1.0, *state[i + 1 :])]
        off = number[(*state[:i], 0.0, *state[i + 1 :])]

        expected = marginal[on] / (marginal[on] + marginal[off])
        torch.testing.assert_close(found[k, i], expected, **EXACT)
        given_h = unnormalised[on] / (unnormalised[on] + unnormalised[off])
        found_h = model.prob_v_given_rest(v[[k]].repeat(len(h), 1), h)[:, i]
        torch.testing.assert_close(found_h, given_h, **EXACT)


@HIDDEN
def test_conditionals_in_several_blocks(n_hidden, monkeypatch):
    model = random_semi(n_hidden)
    v = binary(N_VISIBLE)
    log_odds = model.log_odds_given_rest(v)
    gradient = model.pseudo_likelihood_gradient(v)

    monkeypatch.setattr("rbm_lib.models.semi_restricted.BLOCK_ELEMENTS", 1)

    torch.testing.assert_close(model.log_odds_given_rest(v), log_odds, **EXACT)
    torch.testing.assert_close(model.pseudo_likelihood_gradient(v), gradient, **EXACT)


# ---- the pseudo-likelihood and its gradient ----------------------------------------------


@HIDDEN
@pytest.mark.parametrize("offset", [None, OFFSET])
@pytest.mark.parametrize("masked", [False, True])
def test_the_gradient_is_the_slope_of_the_mean_pseudo_likelihood(n_hidden, offset, masked):
    model = random_semi(n_hidden)
    v = torch.randint(2, (5, N_VISIBLE), generator=seeded(1)).double()
    rows = (v, random_mask(5, N_VISIBLE) if masked else None, offset)
    gradient = model.pseudo_likelihood_gradient(*rows)

    model.pseudo_log_likelihood(*rows).mean().backward()

    for name, p in model.named_parameters():
        slope = p.grad
        if name == "L":  # both places of a pair move together
            slope = (slope + slope.T).fill_diagonal_(0)
        torch.testing.assert_close(gradient[name], slope, **EXACT)
        assert slope.numel() == 0 or slope.abs().max() > 0


def test_the_gradient_by_a_coupling_against_finite_differences():
    model = random_semi()
    v = binary(N_VISIBLE)[3:9]
    gradient = model.pseudo_likelihood_gradient(v)["L"]
    lateral = model.L.detach().clone()
    step = 1e-5

    for i, j in itertools.combinations(range(N_VISIBLE), 2):
        value = {}
        for sign in (1, -1):
            moved = lateral.clone()
            moved[i, j] += sign * step
            moved[j, i] = moved[i, j]
            model.set_lateral(moved)
            value[sign] = model.pseudo_log_likelihood(v).mean()
        slope = (value[1] - value[-1]) / (2 * step)
        torch.testing.assert_close(gradient[i, j], slope, rtol=1e-7, atol=1e-8)
        assert gradient[i, j] == gradient[j, i]


def test_pseudo_likelihood_recovers_the_couplings_of_a_teacher():
    # The teacher's own probabilities weigh the states: nothing is left to chance.
    teacher = random_semi(n_hidden=0)
    v = binary(N_VISIBLE)
    share = torch.exp(-teacher.free_energy(v) - teacher.log_partition()).detach()
    student = SemiRestrictedRBM(N_VISIBLE, 0).double()

    for _ in range(2000):
        student.zero_grad()
        (share @ student.pseudo_log_likelihood(v)).backward()
        with torch.no_grad():
            student.visible_bias += student.visible_bias.grad
            student.L += (student.L.grad + student.L.grad.T).fill_diagonal_(0)

    torch.testing.assert_close(student.L, teacher.L, rtol=0, atol=0.01)
    torch.testing.assert_close(
        student.visible_bias, teacher.visible_bias, rtol=0, atol=0.01
    )


# ---- special cases and masks -------------------------------------------------------------


def test_without_couplings_it_is_an_rbm():
    model = random_semi()
    model.set_lateral(torch.zeros(N_VISIBLE, N_VISIBLE))
    rbm = RBM(N_VISIBLE, 3).double()
    rbm.load_state_dict({n: p for n, p in model.state_dict().items() if n != "L"})
    v = binary(N_VISIBLE)
    mask = random_mask(len(v), N_VISIBLE)

    torch.testing.assert_close(model.log_partition(), exact_log_partition(rbm), **EXACT)
    for rows in [(v,), (v, mask), (v, mask, OFFSET)]:
        torch.testing.assert_close(
            model.free_energy(*rows), rbm.free_energy(*rows), **EXACT
        )
        found = model.pseudo_log_likelihood(*rows)
        torch.testing.assert_close(found, pseudo_log_likelihood(rbm, *rows), **EXACT)


def test_a_masked_model_is_the_model_without_those_units():
    model = random_semi()
    keep = torch.tensor([True, False, True, True])
    small = SemiRestrictedRBM(3, 3).double()
    small.set_lateral(model.L[keep][:, keep])
    with torch.no_grad():
        small.W.copy_(model.W[keep])
        small.visible_bias.copy_((model.visible_bias + OFFSET)[keep])
        small.hidden_bias.copy_(model.hidden_bias)
    v = binary(N_VISIBLE)

    found = model.free_energy(v, keep, OFFSET)

    torch.testing.assert_close(found, small.free_energy(v[:, keep]), **EXACT)
    torch.testing.assert_close(
        model.log_partition(keep, OFFSET), small.log_partition(), **EXACT
    )
    torch.testing.assert_close(
        model.pseudo_log_likelihood(v, keep, OFFSET),
        small.pseudo_log_likelihood(v[:, keep]),
        **EXACT,
    )


def test_what_a_missing_unit_holds_changes_nothing():
    model = random_semi()
    mask = random_mask(6, N_VISIBLE)
    v = torch.randint(2, (6, N_VISIBLE), generator=seeded(1)).double()
    spoilt = torch.where(mask, v, torch.nan)

    torch.testing.assert_close(model.free_energy(v, mask), model.free_energy(spoilt, mask))
    torch.testing.assert_close(
        model.prob_v_given_rest(v, observed=mask),
        model.prob_v_given_rest(spoilt, observed=mask),
    )


# ---- files and bad input -----------------------------------------------------------------


@HIDDEN
def test_a_saved_machine_comes_back_to_the_last_bit(n_hidden, tmp_path):
    model = random_semi(n_hidden)
    model.W.requires_grad_(False)

    loaded = load_model(save_model(model, tmp_path / "model.pt"))

    assert isinstance(loaded, SemiRestrictedRBM)
    assert repr(loaded) == f"SemiRestrictedRBM(4, n_hidden={n_hidden})"
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
    assert not loaded.W.requires_grad and loaded.L.requires_grad


@pytest.mark.parametrize(
    ("lateral", "message"),
    [
        ([[0.0, 1.0], [2.0, 0.0]], "lateral: got couplings that differ"),
        ([[1.0, 0.0], [0.0, 0.0]], "lateral: got couplings that differ .* a diagonal"),
        ([[0.0, 1.0]], "lateral: got shape"),
        ([[0.0, float("nan")], [0.0, 0.0]], "lateral: got nan"),
    ],
)
def test_couplings_that_belong_to_no_energy_are_refused(lateral, message):
    model = SemiRestrictedRBM(2, 1)

    with pytest.raises(ValueError, match=message):
        model.set_lateral(lateral)
    assert not model.L.any()


def test_a_model_too_large_to_enumerate_says_so():
    with pytest.raises(
        ValueError, match="model: got 21 visible units, expected at most 20"
    ):
        SemiRestrictedRBM(21, 1).log_partition()


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.energy(torch.zeros(2, 4), torch.zeros(2, 2)),
        lambda model: model.energy(torch.zeros(2, 4), torch.zeros(3, 3)),
        lambda model: model.free_energy(torch.zeros(2, 3)),
        lambda model: model.prob_v_given_rest(torch.zeros(2, 4), torch.zeros(1, 3)),
    ],
)
def test_wrong_shapes_are_refused(call):
    with pytest.raises(ValueError, match=r"(v|h): got shape .+, expected \("):
        call(random_semi())
