"""Bad input to machines, samplers, likelihoods and training: a right answer or an error that helps."""

import torch

from rbm_lib import DBN
from tests.bad_input import Call, Seed, property_of
from tests.support import deep_machine, machine, random_mask, random_rows, seeded

B = 4  # rows


def rbm(kind):
    return machine(kind, dtype=torch.float32)


def dbm(kind):
    return deep_machine(kind, (4, 3, 2), dtype=torch.float32)


def dbn(kind):
    return DBN([4, 3, 2], kind, 3 if kind == "categorical" else None, n_classes=2, weight_std=0.5, seed=0)


def values(model, masked=False, n=B):
    """Rows that float16 holds exactly, a mask per row, and an offset."""
    v = (8 * random_rows(model, n)).round() / 8
    offset = torch.randint(-4, 5, model.visible_bias.shape, generator=seeded(5)) / 8
    return {
        "v": v, "observed": random_mask(n, 4) if masked else None,
        "visible_offset": offset if masked else None,
    }  # fmt: skip


def states(n, size):
    return torch.randint(0, 2, (n, size), generator=seeded(size)).float()


def of(build, *names, **more):
    """A function (kind, masked) → {"model" or "self": a machine, the named ones of `values`, more}."""

    def good(kind, masked):
        model = build(kind)
        every = values(model, masked) | {"data": values(model)["v"], "n": 3, "generator": Seed(0)}
        own = {k: v(model) if callable(v) and not isinstance(v, type) else v for k, v in more.items()}
        holder = "self" if "self" in names else "base" if "base" in names else "model"
        return {holder: model} | {k: every[k] for k in names if k not in ("self", "base")} | own

    return good


ROWS = {"v": "rows", "observed": "mask", "visible_offset": "offset"}
TENSORS = {"v": "tensor", "observed": "tensor mask", "visible_offset": "tensor offset"}
VALUES = tuple(ROWS)
H = {"h": lambda m: states(B, 3)}
HIDDEN = {"hidden": lambda m: [states(B, n) for n in m.sizes[1:]]}
LAYERS = {"says": {"hidden": ("h1", "h2", "odd")}}
DATA = {"v": ("data",), "samples": ("data",)}  # how `Rows` calls the rows
FIT = {"epochs": 2, "batch_size": 2, "device": "cpu", "progress": False}
FIT_KINDS = {
    "model": "machine", "data": "rows", "observed": "mask", "epochs": "count", "batch_size": "count",
    "lr": "number", "weight_decay": "number", "generator": "generator", "device": "device",
}  # fmt: skip


def kinds_of(*names, of=TENSORS, **more):
    return {n: of[n] for n in names} | more


def methods(cls, build, h):
    """The methods that RBM and DBM share, and the tensors that they take."""
    hidden, states_of_h = next(iter(h)), dict(h)
    layer = "h" if cls == "rbm.RBM" else "h1"
    h_kind = {hidden: "tensor" if cls == "rbm.RBM" else "hidden"}
    return [
        Call(f"{cls}.energy", of(build, "self", *VALUES, **states_of_h), TENSORS | h_kind, **LAYERS),
        Call(f"{cls}.input_to_hidden", of(build, "self", "v", "observed"), kinds_of("v", "observed")),
        Call(f"{cls}.input_to_visible", of(build, "self", **{layer: H["h"]}), {layer: "tensor"}),
        Call(f"{cls}.statistics", of(build, "self", *VALUES, **states_of_h), TENSORS | h_kind, **LAYERS),
        Call(f"{cls}.initialize_from", of(build, "self", "v", "observed"),
             kinds_of("v", "observed", of=ROWS), says=DATA, changes=("self",)),
    ]  # fmt: skip


CALLS = [
    Call("rbm.RBM.posterior_means", of(rbm, "self", "v", "observed"), kinds_of("v", "observed")),
    Call("dbm.DBM.posterior_means", of(dbm, "self", *VALUES), TENSORS),
    *methods("rbm.RBM", rbm, H),
    *methods("dbm.DBM", dbm, HIDDEN),
    Call("rbm.RBM.free_energy", of(rbm, "self", *VALUES), TENSORS),
    Call("rbm.RBM.prob_h_given_v", of(rbm, "self", "v", "observed"), kinds_of("v", "observed")),
    Call("rbm.RBM.sample_h_given_v", of(rbm, "self", "v", "observed", "generator"),
         kinds_of("v", "observed", generator="generator")),
    Call("rbm.RBM.mean_v_given_h", of(rbm, "self", "visible_offset", **H),
         kinds_of("visible_offset", h="tensor")),
    Call("rbm.RBM.sample_v_given_h", of(rbm, "self", "visible_offset", "generator", **H),
         kinds_of("visible_offset", h="tensor", generator="generator")),
    Call("dbm.DBM.mean_field", of(dbm, "self", *VALUES, max_sweeps=3, tol=1e-6, start=HIDDEN["hidden"]),
         TENSORS | {"max_sweeps": "count from 0", "tol": "number", "start": "hidden"},
         says={"start": ("hidden", "h1", "h2")}, infinite=True),
    Call("dbn.DBN.hidden_means", of(dbn, "self", "v", "observed"), kinds_of("v", "observed")),
    Call("dbn.DBN.logits", of(dbn, "self", "v", "observed"), kinds_of("v", "observed")),
    Call("dbn.DBN.predict_proba", of(dbn, "self", "v", "observed", batch_size=3),
         kinds_of("v", "observed", of=ROWS, batch_size="count"), says=DATA),
    Call("dbn.DBN.sample", of(dbn, "self", "n", "generator", sweeps=2),
         {"n": "count from 0", "sweeps": "count from 0", "generator": "generator"}),
    Call("dbn.exact_bound", of(dbn, "v", "observed"), kinds_of("v", "observed", of=ROWS), says=DATA),
    # sampling
    Call("sampling.gibbs",
         of(rbm, *VALUES, "generator", sweeps=2, clamp=lambda m: random_mask(B, 4, seed=1)),
         TENSORS | {"v": "checked tensor", "clamp": "tensor mask", "sweeps": "count from 0",
                    "generator": "generator"}),
    Call("sampling.gibbs", of(dbm, *VALUES, "generator", sweeps=2, return_hidden=True, **HIDDEN),
         TENSORS | {"v": "checked tensor", "hidden": "hidden", "sweeps": "count", "generator": "generator"},
         **LAYERS),
    Call("sampling.start_hidden", of(dbm, *VALUES, "generator", sweeps=2),
         TENSORS | {"v": "checked tensor", "sweeps": "count from 0", "generator": "generator"}),
    Call("sampling.interpolate", lambda kind, _: {"base": rbm(kind), "model": rbm(kind), "beta": 0.5},
         {"beta": "number"}),
    Call("sampling.independent_machine", of(rbm, "v", "observed"),
         kinds_of("v", "observed", of=ROWS), says=DATA),
    Call("sampling.sample_independent", of(rbm, "base", "n", "generator"),
         {"n": "count from 0", "generator": "generator"}),
    Call("sampling.tempered_gibbs",
         of(rbm, "generator", sweeps=2, betas=(0.0, 0.5, 1.0), chains=lambda m: [values(m)["v"]] * 3),
         {"chains": "list of rows", "betas": "betas", "sweeps": "count from 0", "generator": "generator"}),
    Call("teaching.parallel_mean_field", of(dbm, "v", "observed", max_sweeps=3, tol=1e-6),
         kinds_of("v", "observed", max_sweeps="count from 0", tol="number")),
    Call("teaching.parallel_gibbs", of(dbm, "v", "generator", sweeps=2, **HIDDEN),
         {"v": "checked tensor", "hidden": "hidden", "sweeps": "count from 0", "generator": "generator"},
         **LAYERS),
    # likelihood
    Call("exact.binary_states", lambda *_: {"n": 3, "start": 1, "stop": 5},
         {"n": "count from 0", "start": "count from 0", "stop": "count from 0"}),
    Call("exact.log2_states", of(rbm, observed=lambda m: random_mask(B, 4)[2]), {"observed": "one mask"},
         infinite=True),
    Call("exact.exact_log_partition", of(rbm, "observed", "visible_offset"),
         kinds_of("observed", "visible_offset", of=ROWS)),
    Call("exact.exact_log_likelihood", of(rbm, *VALUES), ROWS, says=DATA),
    Call("exact.exact_gradient", of(rbm, *VALUES), ROWS, says=DATA),
    Call("exact.model_statistics", of(rbm, "observed", "visible_offset"),
         kinds_of("observed", "visible_offset", of=ROWS)),
    Call("exact.exact_samples", of(rbm, "n", "generator"), {"n": "count from 0", "generator": "generator"}),
    Call("likelihood.conditional_log_prob", of(rbm, *VALUES), ROWS, says=DATA,
         units=("bernoulli", "categorical")),
    Call("likelihood.pseudo_log_likelihood", of(rbm, *VALUES), ROWS, says=DATA,
         units=("bernoulli", "categorical")),
    Call("annealing.ais_log_partition",
         of(rbm, "data", "generator", n_chains=3, n_temperatures=4, observed=lambda m: random_mask(B, 4)[2]),
         {"data": "rows", "generator": "generator", "n_chains": "count", "n_temperatures": "count",
          "observed": "one mask"}),
    Call("annealing.reverse_ais_log_partition",
         of(rbm, "data", "generator", samples=lambda m: values(m)["v"], n_temperatures=4),
         {"data": "rows", "generator": "generator", "samples": "rows", "n_temperatures": "count"},
         says=DATA),
    # watching
    Call("monitoring.reconstruction_error", of(rbm, *VALUES), ROWS, says=DATA),
    Call("monitoring.saturation", lambda *_: {"prob_h": states(B, 3)}, {"prob_h": "probabilities"}),
    Call("monitoring.distinct_codes", lambda *_: {"prob_h": states(B, 3)}, {"prob_h": "probabilities"}),
    Call("monitoring.layer_activity", lambda *_: {"hidden": [states(B, 3), states(B, 2)]},
         {"hidden": "list of probabilities"}, **LAYERS),
    # training
    Call("training.fit", of(rbm, "data", "observed", "generator", **FIT, lr=0.1, weight_decay=0.01, k=1,
                            monitor_every=1, method="cd", clip_norm=1.0),
         FIT_KINDS | {"method": "choice", "k": "count", "monitor_every": "count", "clip_norm": "number"},
         changes=("model",)),
    Call("pretraining.pretrain", of(dbm, "data", "observed", "generator", **FIT, lr=0.1),
         {name: kind for name, kind in FIT_KINDS.items() if name != "weight_decay"}, changes=("model",)),
    Call("dbn.fine_tune", of(dbn, "data", "observed", "generator", **FIT, lr=0.1, weight_decay=0.01,
                             labels=lambda m: torch.tensor([0, 1, 1, 0])),
         FIT_KINDS | {"labels": "column"}, changes=("model",)),
    # making machines
    Call("rbm.RBM", lambda *_: {"n_visible": 4, "n_hidden": 3, "visible": "categorical", "n_levels": 3,
                                "weight_std": 0.1, "seed": 0},
         {"n_visible": "count", "n_hidden": "count", "visible": "choice", "n_levels": "count",
          "weight_std": "number", "seed": "seed"}),
    Call("dbm.DBM", lambda *_: {"sizes": [4, 3, 2], "weight_std": 0.1, "seed": 0},
         {"sizes": "sizes", "weight_std": "number", "seed": "seed"}),
    Call("dbn.DBN", lambda *_: {"sizes": [4, 3, 2], "weight_std": 0.1, "seed": 0, "n_classes": 2},
         {"sizes": "sizes", "weight_std": "number", "seed": "seed", "n_classes": "count"}),
]  # fmt: skip


test_a_right_answer_or_an_error_that_helps = property_of(CALLS)
