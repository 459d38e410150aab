"""Deliberate faults, put into a copy of the library one at a time: does a test notice each? (`make faults`)

A fault is (what goes wrong, file, the right text, the wrong text, test files that ought to notice). The
checkout is never touched: library and tests are copied to a temporary folder, and pytest runs there. Exit
status 1 when a fault goes unnoticed, when its text no longer occurs exactly once, or when the tests fail
without any fault.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AT_ONCE = 2


@dataclass(frozen=True)
class Fault:
    name: str
    file: str
    right: str
    wrong: str
    tests: str


def _faults(file, tests, *faults):
    return [Fault(name, file, right, wrong, tests) for name, right, wrong in faults]


FAULTS = [
    *_faults(
        "sparse.py", "test_sparse.py",
        ("ratings: model minus data",
         "torch.cat([cells.told_v, v_k.flatten().neg()])", "torch.cat([cells.told_v.neg(), v_k.flatten()])"),
        ("ratings: sums, not means", "scale = scale / max(cells.n_rows, 1)", "pass"),
        ("ratings: each rater's weight to another", "v_k.flatten().neg()])[order]", "v_k.flatten().neg()])"),
        ("ratings: the velocity forgotten", "part.mul_(keep)", "part"),
        ("ratings: the last visible states sampled", "sweep == k - 1 and not sample_visible", "False"),
        ("ratings: the chain never moves on", "h = sample_bernoulli(h_k, generator)", "pass"),
    ),
    *_faults(
        "recommend.py", "test_recommend.py",
        ("ties at the cut in any order",
         "for row in cut_through.any(1)", "for row in cut_through.all(1)[:0, None]"),
        ("seen items recommended to everyone at once", "scores[rated.row, rated.unit] = -torch.inf", "pass"),
    ),
    *_faults(
        "units.py", "test_units.py test_rbm.py",
        ("1/σ² forgotten in the coupling", "return v * torch.exp(-self.log_variance)", "return v"),
        ("1/σ² forgotten in the gradient of b",
         "return (v - self.bias) * torch.exp(-self.log_variance)", "return v - self.bias"),
        ("log σ² gradient without v·(W h)",
         "return self.energy(v) - self.scaled(v) * field", "return self.energy(v)"),
        ("Gaussian sampler without noise",
         "(mean + torch.exp(0.5 * self.log_variance) * noise)", "mean"),
        ("variance used as standard deviation",
         "torch.exp(0.5 * self.log_variance) * noise", "torch.exp(self.log_variance) * noise"),
        ("Gaussian normaliser forgotten",
         "0.5 * (math.log(2 * math.pi) + self.log_variance + shift)", "0.5 * shift"),
        ("categorical sampler off by one", ".cumsum(-1)[..., :-1]", ".cumsum(-1)[..., 1:]"),
        ("softplus cut off at 10",
         "F.softplus(self.bias + field, threshold=40)", "F.softplus(self.bias + field, threshold=10)"),
    ),
    *_faults(
        "machine.py", "test_rbm.py test_dbm.py",
        ("mask forgotten in the visible energy",
         "return energy.sum(-1) if mask is None else (energy * mask).sum(-1)", "return energy.sum(-1)"),
        ("mask forgotten in the statistics",
         "statistic = statistic if mask is None else statistic * self._spread(mask)", "pass"),
        ("missing values become −1",
         "return torch.where(self._spread(mask), v, torch.zeros_like(v)), mask",
         "return torch.where(self._spread(mask), v, -torch.ones_like(v)), mask"),
        ("offset ignored",
         "bias = bias if visible_offset is None else bias + self.checked_offset(visible_offset, n_rows)",
         "pass"),
        ("statistics summed instead of averaged",
         "torch.full_like(rows[:, 0], 1 / max(len(rows), 1))", "torch.ones_like(rows[:, 0])"),
        ("initial rates count missing rows as zeros",
         "count, total = mask.sum(0), v.sum(0)", "count, total = 0 * mask.sum(0) + len(v), v.sum(0)"),
        ("even layers' bias forgotten in their free energy",
         "visible_offset) - even @ self.even_units().bias", "visible_offset)"),
    ),
    *_faults(
        "machine.py", "test_dbm.py",
        ("σ gradient of a deep machine without the W term",
         "units.log_variance_statistic(v, self.input_to_visible(h))", "units.energy(v)"),
        ("σ gradient with W h of the wrong sign",
         "log_variance_statistic(v, self.input_to_visible(h))",
         "log_variance_statistic(v, -self.input_to_visible(h))"),
    ),
    *_faults(
        "rbm.py", "test_rbm.py",
        ("mask forgotten in the input to the hidden units",
         "        v, _ = self._row_values(v, observed)\n        return", "        return"),
        ("sign of the hidden part of the free energy",
         "return self._visible_energy(v, observed, visible_offset) - hidden",
         "return self._visible_energy(v, observed, visible_offset) + hidden"),
        ("energy divided by the batch size",
         "return self._visible_energy(v, observed, visible_offset) - coupling",
         "return (self._visible_energy(v, observed, visible_offset) - coupling) / len(v)"),
    ),
    *_faults(
        "dbm.py", "test_dbm.py",
        ("top-down term missing",
         "inputs.append(total + layers[i] @ weights[2 * i + 1].T if i < len(layers) else total)",
         "inputs.append(total)"),
        ("even layers do not hear the layer above",
         "inputs.append(total + layers[i + 1] @ weights[2 * i + 2].T if i + 1 < len(layers) else total)",
         "inputs.append(total)"),
        ("mean field of all layers at once", "even = even_units.mean(self._even_inputs(odd))",
         "even = even_units.mean(self._even_inputs(before[:, : self.n_odd]))"),
        ("bound without the entropy of the even layers", "for q in (odd, even))", "for q in (odd,))"),
        ("bound without the even layers' biases", " + even @ self.even_units().bias\n", "\n"),
        ("bound with the entropy's sign turned", "return score + entropy - visible_energy",
         "return score - entropy - visible_energy"),
        ("couplings counted twice in the energy", "energy - ((below + bias) * h).sum(-1)",
         "energy - ((2 * below + bias) * h).sum(-1)"),
        ("mean field that never reads its start", "odd, even = self.split(self._checked_hidden(start, n))",
         "odd, even = (torch.sigmoid(side.bias).expand(n, -1) for side in (odd_units, even_units))"),
        ("converged when the last sweep still moved", "sweeps, change <= tol)", "sweeps, True)"),
        ("upper weights' statistic without the row weights", "below.T @ (above * weights[:, None])",
         "below.T @ above / len(above)"),
        ("layers joined in the wrong order",
         "return [next(sides[i % 2]) for", "return [next(sides[1 - i % 2]) for"),
    ),
    *_faults(
        "sampling.py", "test_sampling.py",
        ("clamp ignored", "if still is not None:", "if False:"),
        ("swap rule of tempering inverted", "(uniform.log() < log_ratio)", "(uniform.log() > log_ratio)"),
        ("interpolation the wrong way round", "torch.lerp(start, end,", "torch.lerp(end, start,"),
    ),
    *_faults(
        "sampling.py", "test_sampling.py test_dbm_sampling.py",
        ("hidden states returned are not those v was drawn from",
         "return (v, model.join(odd, even)) if return_hidden else v",
         "return (v, model.join(model.split(start_hidden(model, v))[0], even)) if return_hidden else v"),
    ),
    *_faults(
        "sampling.py", "test_dbm_sampling.py",
        ("parallel sampler: all layers from the old state",
         "    v, even = model.sample_even_given_odd(odd, visible_offset, generator)\n    return v, odd, even",
         "    old = sample_bernoulli(model.prob_odd_given_even(v, even, observed), generator)\n"
         "    v, _ = model.sample_even_given_odd(odd, visible_offset, generator)\n"
         "    return v, odd, model.sample_even_given_odd(old, None, generator)[1]"),
        ("chains of a deep machine forget their hidden states", "    if hidden is None:\n", "    if True:\n"),
        ("no sweeps with v held at the start", "range(sweeps if model.n_even else 0)", "range(0)"),
        ("machine without weights keeps those above", "for name in model.weight_names:",
         "for name in model.weight_names[:1]:"),
    ),
    *_faults(
        "annealing.py", "test_likelihood.py test_dbm_likelihood.py",
        ("AIS with the wrong sign",
         "log_weight += now.free_energy_of_even(v, even, observed)",
         "log_weight -= now.free_energy_of_even(v, even, observed)"),
        ("reverse AIS going up", "betas.flip(0)", "betas"),
        ("mask forgotten in the start of AIS",
         "visible = visible if observed is None else visible[observed]", "pass"),
        ("standard error too small", "weight.std() / math.sqrt(n)", "weight.std() / n"),
    ),
    *_faults(
        "annealing.py", "test_dbm_likelihood.py",
        ("AIS starts without the even layers' log Z", "sides = (base.odd_units(), base.even_units())",
         "sides = (base.odd_units(),)"),
        ("AIS keeps the even layers of its start", "v, _, even = one_sweep(now,", "v, _, _ = one_sweep(now,"),
    ),
    *_faults(
        "exact.py", "test_likelihood.py",
        ("log Z over all units instead of the observed",
         "(cumulant if observed is None else cumulant[:, units]).sum(-1)", "cumulant.sum(-1)"),
        ("log Z of one mask used for every row",
         "return torch.stack(log_z)[where] if", "return torch.stack(log_z)[0 * where] if"),
        ("model's variance lost in the exact gradient",
         "torch.cat([v - sigma, v + sigma])", "torch.cat([v, v])"),
        ("sign of the exact negative phase",
         "return {name: positive[name] - negative[name] for name in positive}",
         "return {name: positive[name] + negative[name] for name in positive}"),
    ),
    *_faults(
        "exact.py", "test_dbm_likelihood.py",
        ("even layers not summed out of log Z",
         "log_weight = log_weight + model.even_units().cumulant(to_even).sum(-1)", "pass"),
        ("posterior weights without their normaliser per row",
         "torch.softmax(log_weight, 1) / len(v)", "torch.full_like(log_weight, 1 / log_weight.numel())"),
    ),
    *_faults(
        "exact.py", "test_dbm_sampling.py",
        ("draws that ignore what the even layers add", " + even_units.cumulant(to_even).sum(-1)\n", "\n"),
    ),
    *_faults(
        "likelihood.py", "test_likelihood.py",
        ("pseudo-likelihood keeps the unit's own contribution",
         "field = (rest[:, None] - own)[:, :, None]", "field = rest[:, None][:, :, None]"),
    ),
    *_faults(
        "gradients.py", "test_gradients.py test_dbm_training.py",
        ("sign of the negative phase",
         "return {name: positive[name] - negative[name] for name in positive}",
         "return {name: positive[name] + negative[name] for name in positive}"),
        ("stale hidden mean: of the data, not of the chain",
         "v_k, means_k, _ = _sweeps(", "means_k = means\n    v_k, _, _ = _sweeps("),
        ("hidden states sampled instead of their mean",
         "return v, model.join(prob_odd, even), odd", "return v, model.join(odd, even), odd"),
        ("last visible states sampled instead of their mean",
         'mean_last = not sample_visible and model.kind != "gaussian"', "mean_last = False"),
        ("last Gaussian states a mean instead of a sample",
         'mean_last = not sample_visible and model.kind != "gaussian"', "mean_last = not sample_visible"),
        ("k ignored", "for sweep in range(k):", "for sweep in range(1):"),
        ("persistent chains reset to the data",
         "v_k, means_k, chains = _sweeps(model, chains, k,",
         "chains = sample_bernoulli(model.split(means)[0], generator)\n"
         "    v_k, means_k, chains = _sweeps(model, chains, k,"),
        ("weight decay with the wrong sign",
         "gradient[name] -= self.rate * self.model.get_parameter(name)",
         "gradient[name] += self.rate * self.model.get_parameter(name)"),
    ),
    *_faults(
        "gradients.py", "test_dbm_training.py",
        ("weight decay of the first layer only",
         "for name in self.model.weight_names if self.rate else ():",
         "for name in self.model.weight_names[:1] if self.rate else ():"),
        ("positive phase from the units' biases, not from mean field",
         "    means = _data_hidden(model, v, observed, visible_offset, posterior, generator)\n    positive",
         "    means = model.mean_field(v, observed, 0).means\n    positive"),
    ),
    *_faults(
        "gradients.py", "test_centering.py",
        ("posterior by clamped sampling is mean field after all",
         'if posterior == "mean_field" or not model.n_even:', "if True:"),
    ),
    *_faults(
        "pretraining.py", "test_pretraining.py",
        ("weights halved although inputs were doubled",
         'W.copy_(machine.single("W"))', 'W.copy_(machine.single("W") / 2)'),
        ("no doubling of the layer below", "copies = 1 if i == last else 2, 1 if i == 0 else 2",
         "copies = 1, 1 if i == 0 else 2"),
        ("no doubling of the layer above", "copies = 1 if i == last else 2, 1 if i == 0 else 2",
         "copies = 1 if i == last else 2, 1"),
        ("shared layer gets the lower RBM's bias", "else (shared + visible_bias) / 2)", "else shared)"),
        ("shared layer gets the sum of both biases",
         "else (shared + visible_bias) / 2)", "else shared + visible_bias)"),
        ("tied copies drift apart",
         "self._spread_out(self._fold(value, name), name) for name, value in", "value for name, value in"),
        ("next layer trained on both copies",
         "machine.prob_h_given_v(v, mask)[:, : W.shape[-1]]",
         "machine.prob_h_given_v(v, mask)[:, -W.shape[-1] :] ** 0.5"),
    ),
    *_faults(
        "pretraining.py", "test_dbn.py",
        ("a belief network's RBMs with tied copies", "copies if tied else (1, 1)", "copies"),
        ("a belief network without its RBMs' hidden biases",
         "            model.machines[i].hidden_bias.copy_(hidden_bias)\n", ""),
    ),
    *_faults(
        "dbn.py", "test_dbn.py",
        ("bound without the free energy of the rows",
         "parts.append(inside - bottom.free_energy(v[rows], own))", "parts.append(inside)"),
        ("bound without the normaliser of p(v given h)", "(log_q.exp() * (value - seen))",
         "(log_q.exp() * value)"),
        ("bound's normaliser runs over missing units too", "cumulant.sum(-1) if own is None else",
         "cumulant.sum(-1) if True else"),
        ("means passed down instead of draws", "machine.sample_v_given_h(v, generator=generator)",
         "machine.mean_v_given_h(v)"),
        ("means going up rounded", "means.append(machine.prob_h_given_v(means[-1]))",
         "means.append(machine.prob_h_given_v(means[-1].round()))"),
        ("fine-tuning climbs the cross-entropy", "objective = -loss -", "objective = loss -"),
        ("only the head is fine-tuned", "model.logits(v, mask), labels[index])",
         "model.head(model.hidden_means(v, mask)[-1].detach()), labels[index])"),
        ("labels of other rows", "labels[index])\n", "labels[: len(index)])\n"),
    ),
    *_faults(
        "teaching.py", "test_teaching.py test_dbm_sampling.py",
        ("the parallel sampler shown is the right one", "model.input_to_even(odd)[1]), generator)",
         "model.input_to_even(new_odd)[1]), generator)"),
        ("the parallel mean field shown takes turns",
         "        odd, even = model.split(means)\n        new",
         "        odd, even = model.split(model.mean_field(v, observed, 1, start=means).means)\n        new"),
    ),
    *_faults(
        "optimization.py", "test_dbm_training.py test_training.py",
        ("clip_norm ignored", "if clip_norm is not None:\n        torch", "if False:\n        torch"),
        ("schedule never reaches the optimiser",
         'group["lr"] = group["initial_lr"] * schedule(done)', 'group["rate"] = schedule(done)'),
    ),
    *_faults(
        "optimization.py", "test_optimization.py",
        ("the default optimiser descends", ".add_(gradient[name])", ".sub_(gradient[name])"),
    ),
    *_faults(
        "dense.py", "test_dense.py",
        ("memory made once: model minus data", "m.chain_means.neg_()", "m.data_means.neg_()"),
        ("memory made once: bias of the chains added", "torch.cat([ones, -ones])", "torch.cat([ones, ones])"),
        ("memory made once: the last visible states sampled",
         "if self.sample_visible or sweep < self.k - 1:", "if m.noise is not None:"),
        ("memory made once: the chain never moves on", "if sweep < self.k - 1:\n", "if False:\n"),
    ),
    *_faults(
        "distributed.py", "test_distributed.py",
        ("each process draws for its own rows",
         "return generator if self.alone else Part(generator, self.part(n), n)", "return generator"),
        ("processes count the same, whatever their rows", "tensor.mul_(share) if share", "tensor if share"),
    ),
    *_faults(
        "batch_gradient.py", "test_training.py",
        ("chains not carried on", "self.chains[which] = ", "_ = "),
        ("masked rows take each other's chains",
         "which = index if self.rows.masked else", "which = slice(0, len(index)) if self.rows.masked else"),
    ),
    *_faults(
        "optimization.py", "test_training.py test_dbm_training.py",
        ("descent instead of ascent, in fine-tuning too",
         "p.grad = gradient[name].neg_() if", "p.grad = gradient[name] if"),
    ),
    *_faults(
        "training.py", "test_training.py",
        ("number of chains tied to the batch", "n_chains or batch_size", "batch_size"),
        ("short last batch dropped",
         "in order.split(batch_size):",
         "in order[: len(rows) // batch_size * batch_size].split(batch_size):"),
        ("fit resets the weights",
         "    decay = WeightDecay(", "    model.W.data.mul_(0.1)\n    decay = WeightDecay("),
    ),
    *_faults(
        "inputs.py", "test_inputs.py",
        ("caller's array changed",
         "v = self.v = torch.where(seen, v, torch.zeros_like(v))", "v.masked_fill_(~seen.expand_as(v), 0)"),
        ("offsets of other rows", "offset = offset[index]", "offset = offset[: len(index)]"),
        ("negative ratings let in", "(v < 0) | (v > 1)", "v > 1"),
    ),
    *_faults(
        "checkpoint.py", "test_checkpoint.py",
        ("resumed without the generator's state", '        generator.set_state(state["generator"])\n', ""),
        ("resumed without the optimiser's state", 'optimizer.load_state_dict(state["optimizer"])', "pass"),
        ("resumed without the chains", 'None if state["chains"] is None else', "None if True else"),
        ("a file may run code", "weights_only=True", "weights_only=False"),
    ),
    *_faults(
        "checkpoint.py", "test_damaged_files.py",
        ("a tensor marked as a folder is read as nothing", "external_attr & 0x10", "external_attr & 0"),
    ),
    *_faults(
        "monitoring.py", "test_monitoring.py",
        ("reconstruction error counts missing units",
         "float((squared * mask).sum() / mask.sum().clamp(min=1))", "float(squared.mean())"),
    ),
    *_faults(
        "monitoring.py", "test_dbm_training.py",
        ("ELBO without log Z", "(field.bound - log_z).mean()", "field.bound.mean()"),
        ("covariance of layers not centred", "centred = [(h - h.mean(0)).to(hidden[0]) for h in hidden]",
         "centred = hidden"),
    ),
    *_faults(
        "listens.py", "test_listens.py",
        ("last days counted from a wrong clock", "day[plausible].max() - days)", "day.max() - days)"),
        ("listens after the month are known",
         """return ~held_out & (listens["ts_listen"].to_numpy() < MONTH[1]), held_out""",
         "return ~held_out, held_out"),
        ("first Flow: the latest instead of the earliest",
         """flow[np.argsort(listens["ts_listen"].to_numpy()[flow], kind="stable")]""",
         """flow[np.argsort(-listens["ts_listen"].to_numpy()[flow], kind="stable")]"""),
        ("folds of days in turn instead of runs", "day.clip(days[0], days[-1])) * n_folds // len(days)",
         "day.clip(days[0], days[-1])) % n_folds"),
        ("each fold is fitted on its own rows too", "clone(estimator).fit(_rows(X, ~inside), y[~inside])",
         "clone(estimator).fit(X, y)"),
        ("folds' results put together in their own order", "result[inside] = values",
         "result[np.sort(folds) == number] = values"),
        ("out of fold, the first class's probability", "return prob[:, 1] if", "return prob[:, 0] if"),
        ("hours of another time zone", "hour = time // 3600 % 24", "hour = (time // 3600 + 1) % 24"),
        ("a tie is a skip", """share["is_listened"].to_numpy() >= 0.5""",
         """share["is_listened"].to_numpy() > 0.5"""),
    ),
    *_faults(
        "files.py", "test_checkpoint.py",
        ("a checkpoint written in place", "path.with_name(f\".{path.name}.{os.getpid()}.part\")", "path"),
    ),
    *_faults(
        "evaluate.py", "test_evaluate.py",
        ("the two AUCs of a lead on different groups",
         """{"AUC lead": one(w) - two(w)}""", """{"AUC lead": one(w) - two(w[::-1])}"""),
        ("ties count as lost", "(np.cumsum(negative) - negative / 2)", "(np.cumsum(negative) - negative)"),
        ("weights of the groups in the order of the ratings", "group, label = group[order], label[order]",
         "label = label[order]"),
    ),
]  # fmt: skip


def occurrences(fault, root=ROOT):
    """How often the right text stands in the library; must be once."""
    return (root / "rbm_lib" / fault.file).read_text(encoding="utf-8").count(fault.right)


def run(fault, folder):
    """('caught', the test) or ('NOT CAUGHT' | 'BROKEN', why); without a fault ('fine', '') when all pass."""
    target = Path(folder)
    ignore = shutil.ignore_patterns("__pycache__", "notebooks")
    for part in ("rbm_lib", "tests"):
        shutil.copytree(ROOT / part, target / part, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", target)
    if fault is None:
        files = sorted({name for f in FAULTS for name in f.tests.split()})
    else:
        if occurrences(fault) != 1:
            return "BROKEN", f"its text occurs {occurrences(fault)} times in {fault.file}"
        path, files = target / "rbm_lib" / fault.file, fault.tests.split()
        path.write_text(path.read_text(encoding="utf-8").replace(fault.right, fault.wrong), encoding="utf-8")
    environment = os.environ | {
        "PYTHONPATH": str(target),
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    files = [f"tests/{name}" for name in files]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
    command += ["--hypothesis-profile=faults", *files]
    done = subprocess.run(command, cwd=target, env=environment, capture_output=True, text=True, timeout=1800)
    failed = re.search(r"^FAILED tests/(.+?)(?: - |$)", done.stdout, re.MULTILINE)
    if done.returncode == 1 and failed:
        return "caught", failed[1]
    if done.returncode == 0:
        return ("fine" if fault is None else "NOT CAUGHT"), ""
    return "BROKEN", (done.stdout + done.stderr).strip().split("\n")[-1]


def main():
    started, verdicts = time.monotonic(), {}

    def attempt(fault):
        with tempfile.TemporaryDirectory(prefix="rbm_faults_") as folder:
            return fault, run(fault, folder)

    print(f"{len(FAULTS)} faults, {AT_ONCE} at a time; first the library as it is.", flush=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for fault, (verdict, detail) in pool.map(attempt, [None, *FAULTS]):
            if fault is None and verdict != "fine":
                print(f"The tests fail without any fault: {verdict} {detail}")
                pool.shutdown(cancel_futures=True)
                return 1
            verdicts[fault] = verdict
            name = "no fault: all tests pass" if fault is None else fault.name
            print(f"  {len(verdicts) - 1:2}/{len(FAULTS)}  {name:58} {verdict:10} {detail}", flush=True)
    missed = [f.name for f, verdict in verdicts.items() if f is not None and verdict != "caught"]
    print(f"{len(FAULTS) - len(missed)} of {len(FAULTS)} caught in {time.monotonic() - started:.0f} s.")
    for name in missed:
        print(f"  not caught: {name}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
