"""Small random tied models, and a referee that adds up all their joint states."""

import itertools

import torch

from rbm_lib.models.bags import Bags
from rbm_lib.models.tied_dbm import TiedDBM
from rbm_lib.models.tied_rbm import TiedRBM
from tests.support import seeded

FORMS = ("shallow", "deep")
N_ITEMS = 3
N_HIDDEN = 2
N_TASTE = 2
HISTORIES = Bags.from_lists([[0, 2, 2], [1], [], [2, 0, 1, 1]])


@torch.no_grad()
def random_tied(form, residual=True, scale=1.0, seed=0):
    """A model of three items and random parameters, in double precision."""
    content = torch.randn(N_ITEMS, 2, generator=seeded(seed)).double()
    if form == "shallow":
        model = TiedRBM(content, N_TASTE, residual=residual)
    else:
        model = TiedDBM(content, N_HIDDEN, N_TASTE, residual=residual)
    generator = seeded(seed + 1)
    for p in model.parameters():
        p.copy_(scale * torch.randn(p.shape, generator=generator))
    return model.double()


def binary(n):
    """All states of n binary units, (2^n, n)."""
    return (
        torch.tensor(list(itertools.product((0.0, 1.0), repeat=n))).view(2**n, n).double()
    )


def energy_by_definition(model, items, hidden, taste):
    """The formula of the docstring, place by place, for one person."""
    energy = -len(items) * model.taste_bias @ taste
    for i, t in enumerate(items):
        v = model.content[t]
        energy = energy - model.item_bias[t] - model.content_bias @ v
        if model.residual is not None:
            energy = energy - model.residual[t] @ taste
        if isinstance(model, TiedRBM):
            energy = energy - v @ model.W @ taste
        else:
            field = v @ model.W1 + model.hidden_bias
            centred = hidden[i] - model.hidden_mean
            log_p = (field * hidden[i]).sum() - torch.log1p(field.exp()).sum()
            energy = energy - log_p - centred @ model.W2 @ taste
    return energy


class TiedWorld:
    """All joint states of a bag of n items, with their energies and probabilities.

    sequences : the (n_items^n) sequences of items, as lists
    hidden, taste : (n_h, n, n_hidden) and (n_taste_states, n_taste)
    energy, p : (n_sequences, n_h, n_taste_states)
    """

    @torch.no_grad()
    def __init__(self, model, length):
        self.length = length
        places = itertools.product(range(N_ITEMS), repeat=length)
        self.sequences = [list(items) for items in places]
        per_place = 0 if isinstance(model, TiedRBM) else N_HIDDEN
        states = binary(length * per_place)
        self.hidden = states.view(len(states), length, per_place)
        self.taste = binary(N_TASTE)
        energies = [
            energy_by_definition(model, items, h, taste)
            for items in self.sequences
            for h in self.hidden
            for taste in self.taste
        ]
        shape = (len(self.sequences), len(self.hidden), len(self.taste))
        self.energy = torch.stack(energies).view(shape)
        self.log_z = torch.logsumexp(-self.energy.flatten(), 0)
        self.p = torch.exp(-self.energy - self.log_z)

    def states(self):
        """All joint states as rows of one-hot items, h and H, with their probabilities."""
        items = torch.tensor(self.sequences).view(-1, self.length)
        items = torch.nn.functional.one_hot(items, N_ITEMS).flatten(1).double()
        rows = [
            torch.cat([v, h, taste])
            for v in items
            for h in self.hidden.flatten(1)
            for taste in self.taste
        ]
        return torch.stack(rows), self.p.flatten()

    def draw(self, n, seed):
        """n draws of the numbers of (sequence, h, H) from the joint distribution."""
        flat = torch.multinomial(
            self.p.flatten(), n, replacement=True, generator=seeded(seed)
        )
        taste = flat % self.p.shape[2]
        rest = flat // self.p.shape[2]
        return rest // self.p.shape[1], rest % self.p.shape[1], taste
