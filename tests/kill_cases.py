"""kill -9 at random moments of a training: run by test_checkpoint.py in a process of its own, which may fork.

Arguments: a folder for the checkpoint, how many kills, a seed. Prints one line of JSON.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from rbm_lib import RBM, fit, load_model
from rbm_lib.checkpoint import read_checkpoint

EPOCHS = 60


def train(checkpoint=None):
    generator = torch.Generator().manual_seed(1)
    v = (torch.rand(40, 12, generator=generator) < 0.3).double()
    model = RBM(12, 6, seed=0).double()
    history = fit(
        model, v, method="pcd", n_chains=8, epochs=EPOCHS, batch_size=16, lr=0.05, generator=generator,
        checkpoint=checkpoint, resume=checkpoint is not None, device="cpu", progress=False,
    )  # fmt: skip
    return model, history


def equal(model, other):
    return all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def main(folder, kills, seed):
    path, rng = Path(folder) / "run.pt", random.Random(seed)
    whole, expected = train()
    count = {"killed": 0, "while saving": 0, "finished": 0, "different": 0, "unreadable": 0, "lost epochs": 0}
    epochs_before = 0
    while count["killed"] < kills:
        child = os.fork()
        if child == 0:
            train(path)
            os._exit(0)
        time.sleep(rng.uniform(0, 0.3))
        os.kill(child, signal.SIGKILL)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        count["killed"] += killed
        count["while saving"] += killed and any(file != path for file in path.parent.iterdir())
        for file in path.parent.iterdir():
            if file != path:
                file.unlink()
        if not path.exists():
            continue
        try:
            epochs = read_checkpoint(path)[1]["training"]["epoch"]
            load_model(path)
        except Exception:
            count["unreadable"] += 1
            continue
        count["lost epochs"] += epochs < epochs_before
        epochs_before = epochs
        if epochs == EPOCHS:
            model, history = train(path)  # nothing left to do: what is in the file
            count["finished"] += 1
            count["different"] += not (equal(model, whole) and history.records == expected.records)
            path.unlink()
            epochs_before = 0
    model, history = train(path)
    count["different"] += not (equal(model, whole) and history.records == expected.records)
    print(json.dumps(count))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
