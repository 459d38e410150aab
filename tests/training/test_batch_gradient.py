"""What happens inside an epoch: nothing that would make the program wait for a GPU."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rbm_lib import fit
from rbm_lib.training import fit as training
from tests.support import machine, random_mask, random_rows
from tests.training.distributed_cases import RATED

WAITS = {  # operators whose result the host must see, or whose shape depends on values
    "_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "equal", "unique_consecutive",
    "_unique2", "unique_dim",
}  # fmt: skip


class Watch(TorchDispatchMode):
    """Notes the operators that wait, between calls of `turn`; indexing by a mask is `nonzero` in disguise."""

    def __init__(self):
        super().__init__()
        self.turns, self.waits, self.on = 0, [], False

    def turn(self, done):
        self.turns, self.on = self.turns + 1, True
        return 1.0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        name = function.overloadpacket.__name__
        if name in ("index", "index_put_") and any(
            i is not None and i.dtype in (torch.bool, torch.uint8) for i in arguments[1]
        ):
            name = "nonzero"
        if self.on and name in WAITS:
            self.waits.append(name)
        return function(*arguments, **(options or {}))


def one_hot(level, n):
    """torch's looks at its values, but on the CPU only."""
    return (level[..., None] == torch.arange(n)).long()


def rows(kind, masked=False, **options):
    model = machine(kind)
    return model, random_rows(model, 9), {"observed": random_mask(9, 4) if masked else None} | options


CASES = {
    "dense": lambda: rows("bernoulli", k=2, weight_decay=0.1),
    "dense, clipped": lambda: rows("bernoulli", clip_norm=1.0),
    "masks": lambda: rows("categorical", masked=True, decay_toward="item_mean", weight_decay=0.1),
    "centred": lambda: rows("bernoulli", center=True),
    "gaussian, pcd": lambda: rows("gaussian", method="pcd", n_chains=5, lr=0.01),
    "masks, pcd": lambda: rows("bernoulli", masked=True, method="pcd"),
    "rated cells": lambda: (
        machine("categorical"), RATED["data"], {"k": 2, "sample_visible": True}
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_update_waits_for_no_value(case, monkeypatch):
    model, data, options = CASES[case]()
    watch = Watch()
    monkeypatch.setattr(torch.nn.functional, "one_hot", one_hot)
    monkeypatch.setattr(training, "refuse_non_finite", lambda *_: setattr(watch, "on", False))  # epoch's end
    with watch:
        fit(
            model, data, epochs=2, batch_size=4, schedule=watch.turn, monitor_every=2, progress=False,
            device="cpu", **options,
        )  # fmt: skip
    assert watch.turns >= 6
    assert watch.waits == []


def test_the_watch_sees_what_it_should():
    with Watch() as watch:
        v = torch.arange(4.0)
        watch.turn(0)
        v.sum().item(), v[v > 1], v.nonzero(), torch.equal(v, v)
    assert watch.waits == ["_local_scalar_dense", "nonzero", "nonzero", "equal"]
