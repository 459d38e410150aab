"""Deliberate faults: `make faults`.

Does a test notice each mistake that people make with these models? A fault is a wrong
function in the place of a right one, which it may call; it gets the arguments by name. Each
is put in, by monkeypatching, in a process of its own, where this file is a pytest plugin.
The tests that mirror the right function's module run there, then the rest of its package.
The table shows which test catches each fault; the exit status is 1 if none does.
"""

import functools
import inspect
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from unittest import mock

import torch

import rbm_lib.evaluate
import rbm_lib.sampling
from tests.tools.mutation import PACKAGES, ROOT, WORKERS, first_failure, tests_of


def given(**changes):
    """A fault: these arguments have another value, or what a function makes of theirs."""

    def wrong(right, **arguments):
        for name, new in changes.items():
            arguments[name] = new(arguments[name]) if callable(new) else new
        return right(**arguments)

    return wrong


def gives(change):
    """A fault: the result is changed, by a function of it and of the arguments."""
    return lambda right, **arguments: change(right(**arguments), **arguments)


def parallel_mean_field(right, max_sweeps, start, **rest):
    """Every layer given the old state of the others: its field is -dE/dh."""
    rows = [rest[name] for name in ("observed", "visible_offset")]
    trace = [right(max_sweeps=0, start=start, **rest)]
    for _ in range(max_sweeps):
        with torch.enable_grad():
            h = [mean.detach().requires_grad_() for mean in trace[-1].means]
            energy = rest["self"].energy(rest["v"], h, *rows).sum()
            h = [torch.sigmoid(-slope) for slope in torch.autograd.grad(energy, h)]
        trace.append(right(max_sweeps=0, start=h, **rest))
    return replace(trace[-1], bound_trace=torch.stack([field.bound for field in trace]))


def mixed_sweeps(right, **arguments):
    """The last unit, in a DBM one of layer 2, drawn given other states than the rest."""
    (state, info), (other, _) = right(**arguments), right(**arguments)
    return state.with_v(torch.cat([state.v[:, :-1], other.v[:, -1:]], 1)), info


def swap_by_the_wrong_sign(right, energy=rbm_lib.RBM.free_energy, **arguments):
    with mock.patch.object(rbm_lib.RBM, "free_energy", lambda *rows: -energy(*rows)):
        return right(**arguments)


def whole_batches_only(right, data, batch_size, **rest):
    whole = len(data) // batch_size * batch_size if torch.is_tensor(data) else len(data)
    return right(data=data[:whole], batch_size=batch_size, **rest)


# fmt: off
FAULTS = {  # what goes wrong: where (below rbm_lib), and what stands in the place of it
    "mask ignored in the energy": ("RBM.energy", given(observed=None)),
    "mask ignored in the statistics": ("models.base.BoltzmannMachine.statistics",
        given(observed=None)),
    "mask ignored by the hidden units": ("RBM.prob_h_given_v", given(observed=None)),
    "mask ignored in the base rates": ("RBM.initialize_from", given(observed=None)),
    "offset forgotten": ("RBM.free_energy", given(visible_offset=None)),
    "energy divided by the batch size": ("RBM.energy", gives(lambda e, v, **_: e / len(v))),
    "statistics divided by the batch size": ("RBM.batch_statistics",
        gives(lambda s, h, **_: {name: len(h) / 8 * x for name, x in s.items()})),
    "no W h in log s^2": ("models.Gaussian.statistics", given(product=torch.zeros_like)),
    "no noise": ("models.Gaussian.sample", lambda _, self, field, **__: self.mean(field)),
    "level off by one": ("models.Categorical.sample", gives(lambda v, **_: v.roll(1, -1))),
    "mean field of all layers at once": ("DBM.mean_field", parallel_mean_field),
    "layers of different sweeps": ("sampling.gibbs_step", mixed_sweeps),
    "clamp ignored": ("sampling.gibbs", given(clamp=None)),
    "hidden states of chains forgotten": ("sampling.gibbs", given(hidden=None)),
    "swap of tempering inverted": ("sampling.tempered_gibbs", swap_by_the_wrong_sign),
    "interpolation turned round": ("sampling.interpolate", given(beta=lambda b: 1 - b)),
    "log Z of all units": ("likelihood.exact_log_partition", given(observed=None)),
    "sign of the exact gradient": ("likelihood.exact_gradient",
        gives(lambda gradient, **_: {name: -x for name, x in gradient.items()})),
    "AIS too sure of itself": ("likelihood.ais_log_partition",
        gives(lambda ais, **_: replace(ais, standard_error=ais.standard_error / 10))),
    "negative phase added": ("training.gradients.difference",
        lambda right, positive, negative: {n: positive[n] + negative[n] for n in positive}),
    "k ignored": ("training.chains.run_chains", given(k=1)),
    "chains reset": ("training.PCD.phases",
        lambda right, self, **rest: (self.chains.zero_(), right(self, **rest))[1]),
    "each step taken twice": ("training.optimization.take_step",
        lambda right, **arguments: (right(**arguments), right(**arguments))),
    "short last batch dropped": ("training.fit", whole_batches_only),
    "schedule ignored": ("training.fit", given(schedule=None)),
    "labels of other rows": ("training.fine_tune", given(labels=lambda y: y.flip(0))),
    "seen items recommended": ("recommend.top_n", given(seen=lambda seen: seen & False)),
    "leak guard off": ("evaluate.assert_no_leak", lambda right, **_: None),
    "bootstrap over ratings, not users": ("evaluate.rating_metrics", given(groups=None)),
}
# fmt: on


def find(path):  # the module or class that has rbm_lib.<path>, and the function itself
    *parents, name = path.split(".")
    owner = functools.reduce(getattr, parents, rbm_lib)
    return owner, getattr(owner, name)


def pytest_configure():
    """Put the fault in, wherever the right function has been imported."""
    path, wrong = FAULTS[os.environ["RBM_FAULT"]]
    owner, right = find(path)
    signature = inspect.signature(right)

    @functools.wraps(right)
    def faulty(*args, **kwargs):
        arguments = signature.bind(*args, **kwargs)
        arguments.apply_defaults()
        return wrong(right, **arguments.arguments)

    modules = [module for name, module in sys.modules.items() if name.startswith("rbm_lib")]
    for place in [owner] if inspect.isclass(owner) else modules:
        for name in [name for name, value in vars(place).items() if value is right]:
            setattr(place, name, faulty)


def caught_by(what):
    """The first test that fails with this fault, or ""."""
    _, package, module = find(FAULTS[what][0])[1].__module__.split(".")
    for tests in tests_of(f"{package}/{module}.py"):
        if failed := first_failure(ROOT, tests, "-p", "tests.tools.faults", RBM_FAULT=what):
            break
    print(f"{what:40} {failed or 'NOT CAUGHT'}", flush=True)
    return failed


if __name__ == "__main__":
    packages = [[f"tests/{package}"] for package in PACKAGES]
    with ThreadPoolExecutor(WORKERS) as pool:
        if any(failed := [*pool.map(functools.partial(first_failure, ROOT), packages)]):
            sys.exit(f"Without any fault: {failed}")
        sys.exit("" in [*pool.map(caught_by, FAULTS)])
