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
        "units.py", "test_units.py test_rbm.py",
        ("1/σ² forgotten in the coupling", "return v * torch.exp(-self.log_variance)", "return v"),
        ("1/σ² forgotten in the gradient of b",
         "return (v - self.bias) * torch.exp(-self.log_variance)", "return v - self.bias"),
        ("log σ² gradient without v·(W h)",
         "return self.energy(v) - self.scaled(v) * field", "return self.energy(v)"),
        ("Gaussian sampler without noise",
         "return mean + torch.exp(0.5 * self.log_variance) * noise", "return mean"),
        ("variance used as standard deviation",
         "torch.exp(0.5 * self.log_variance) * noise", "torch.exp(self.log_variance) * noise"),
        ("Gaussian normaliser forgotten",
         "0.5 * (math.log(2 * math.pi) + self.log_variance + shift)", "0.5 * shift"),
        ("categorical sampler off by one", ".cumsum(-1)[..., :-1]", ".cumsum(-1)[..., 1:]"),
        ("softplus cut off at 10",
         "return F.softplus(self.bias + field)", "return F.softplus(self.bias + field, threshold=10)"),
    ),
    *_faults(
        "rbm.py", "test_rbm.py",
        ("mask forgotten in the input to the hidden units",
         "        v, _ = self._row_values(v, observed)\n        return", "        return"),
        ("mask forgotten in the visible energy",
         "return energy.sum(-1) if mask is None else (energy * mask).sum(-1)", "return energy.sum(-1)"),
        ("mask forgotten in the statistics",
         "statistic = statistic if mask is None else statistic * self._spread(mask)", "pass"),
        ("missing values become −1",
         "return torch.where(self._spread(mask), v, torch.zeros_like(v)), mask",
         "return torch.where(self._spread(mask), v, -torch.ones_like(v)), mask"),
        ("sign of the hidden part of the free energy",
         "return self._visible_energy(v, observed, visible_offset) - hidden",
         "return self._visible_energy(v, observed, visible_offset) + hidden"),
        ("energy divided by the batch size",
         "return self._visible_energy(v, observed, visible_offset) - coupling",
         "return (self._visible_energy(v, observed, visible_offset) - coupling) / len(v)"),
        ("offset ignored",
         "bias = self.visible_bias if visible_offset is None else self.visible_bias + visible_offset",
         "bias = self.visible_bias"),
        ("statistics summed instead of averaged",
         "torch.full_like(h[:, 0], 1 / max(len(h), 1))", "torch.ones_like(h[:, 0])"),
        ("initial rates count missing rows as zeros",
         "count, total = mask.sum(0), v.sum(0)", "count, total = 0 * mask.sum(0) + len(v), v.sum(0)"),
    ),
    *_faults(
        "sampling.py", "test_sampling.py",
        ("clamp ignored", "if still is not None:", "if False:"),
        ("hidden states returned are those of the start",
         "        h = model.sample_h_given_v(v, observed, generator)\n",
         "        h = model.sample_h_given_v(start, observed, generator)\n"),
        ("swap rule of tempering inverted", "(uniform.log() < log_ratio)", "(uniform.log() > log_ratio)"),
        ("interpolation the wrong way round", "torch.lerp(start, end,", "torch.lerp(end, start,"),
    ),
    *_faults(
        "annealing.py", "test_likelihood.py",
        ("AIS with the wrong sign",
         "log_weight += now.free_energy(v, observed) - following.free_energy(v, observed)",
         "log_weight -= now.free_energy(v, observed) - following.free_energy(v, observed)"),
        ("reverse AIS going up", "torch.linspace(1, 0,", "torch.linspace(0, 1,"),
        ("mask forgotten in the start of AIS",
         "visible = visible if observed is None else visible[observed]", "pass"),
        ("standard error too small", "weight.std() / math.sqrt(n)", "weight.std() / n"),
    ),
    *_faults(
        "likelihood.py", "test_likelihood.py",
        ("log Z over all units instead of the observed",
         "(cumulant if observed is None else cumulant[:, units]).sum(-1)", "cumulant.sum(-1)"),
        ("log Z of one mask used for every row",
         "return torch.stack(log_z)[where] if", "return torch.stack(log_z)[0 * where] if"),
        ("model's variance lost in the exact gradient",
         "torch.cat([v - sigma, v + sigma])", "torch.cat([v, v])"),
        ("sign of the exact negative phase",
         "return {name: positive[name] - negative[name] for name in positive}",
         "return {name: positive[name] + negative[name] for name in positive}"),
        ("pseudo-likelihood keeps the unit's own contribution",
         "field = (rest[:, None] - own)[:, :, None]", "field = rest[:, None][:, :, None]"),
    ),
    *_faults(
        "gradients.py", "test_gradients.py test_training.py",
        ("sign of the negative phase",
         "return {name: positive[name] - negative[name] for name in positive}",
         "return {name: positive[name] + negative[name] for name in positive}"),
        ("stale hidden mean: of the data, not of the chain",
         "model.statistics(v_k, prob_h_k, observed, visible_offset),",
         "model.statistics(v_k, prob_h, observed, visible_offset),"),
        ("hidden states sampled instead of their mean", "return v, prob_h, h", "return v, h, h"),
        ("last visible states sampled instead of their mean",
         'mean_last = not sample_visible and model.kind != "gaussian"', "mean_last = False"),
        ("last Gaussian states a mean instead of a sample",
         'mean_last = not sample_visible and model.kind != "gaussian"', "mean_last = not sample_visible"),
        ("k ignored", "for sweep in range(k):", "for sweep in range(1):"),
        ("persistent chains reset to the data",
         "v_k, prob_h_k, chains = _sweeps(model, chains, k,",
         "v_k, prob_h_k, chains = _sweeps(model, model.sample_h_given_v(v, observed, generator), k,"),
        ("weight decay with the wrong sign",
         'gradient["W"] -= self.rate * self.model.W', 'gradient["W"] += self.rate * self.model.W'),
    ),
    *_faults(
        "training.py", "test_training.py",
        ("descent instead of ascent",
         "p.grad = -gradient[name] if", "p.grad = gradient[name] if"),
        ("number of chains tied to the batch", "n_chains or batch_size", "batch_size"),
        ("chains not carried on", "gradient, chains[own] = pcd_gradient(", "gradient, _ = pcd_gradient("),
        ("masked rows take each other's chains",
         "own = index if rows.masked else slice(None)",
         "own = slice(0, len(index)) if rows.masked else slice(None)"),
        ("short last batch dropped",
         "in order.split(batch_size):",
         "in order[: len(rows) // batch_size * batch_size].split(batch_size):"),
        ("schedule never reaches the optimiser",
         'group["lr"] = group["initial_lr"] * schedule(done)', 'group["rate"] = schedule(done)'),
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
        "monitoring.py", "test_monitoring.py",
        ("reconstruction error counts missing units",
         "float((squared * mask).sum() / mask.sum().clamp(min=1))", "float(squared.mean())"),
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
    done = subprocess.run(command, cwd=target, env=environment, capture_output=True, text=True, timeout=600)
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
