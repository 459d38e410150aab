"""Faults at random moments of a training: run by test_checkpoint.py in a process of its own, which may fork.

Arguments: a folder for the checkpoint, a fault, how many times, a seed. Prints one line of JSON. The faults:
"kill", kill -9; "interrupt", SIGINT, as by Ctrl-C; "full disk", from a random epoch on no file may grow
further than to a random byte of the checkpoint.
"""

import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import torch
from tqdm import tqdm

from rbm_lib import RBM, fit, load_model
from rbm_lib.training.checkpoint import read_checkpoint

EPOCHS, UPDATES = 60, 3  # updates of an epoch
# how a child ends, besides by kill -9: at its end, stopped while saving or elsewhere, before it trained, with
# a machine that is of no whole epoch, or with an error that does not say why
DONE, SAVING, STOPPED, EARLY, NOT_WHOLE, UNCLEAR = 0, 3, 4, 5, 6, 7


def train(checkpoint=None, model=None, each_epoch=None):
    """Model and history; each_epoch(epochs done) is called before each epoch."""
    updates = []

    def schedule(done):
        if round(done * EPOCHS * UPDATES) % UPDATES == 0 and each_epoch is not None:
            each_epoch(round(done * EPOCHS))
        updates.append(done)
        return 1.0

    generator = torch.Generator().manual_seed(1)
    v = (torch.rand(40, 12, generator=generator) < 0.3).double()
    model = RBM(12, 6, seed=0).double() if model is None else model
    history = fit(
        model, v, method="pcd", n_chains=8, epochs=EPOCHS, batch_size=16, lr=0.05, generator=generator,
        checkpoint=checkpoint, resume=checkpoint is not None, device="cpu", progress=False, schedule=schedule,
    )  # fmt: skip
    return model, history


def equal(model, other):
    return all(torch.equal(a, b) for a, b in zip(model.parameters(), other, strict=True))


def copies(model):
    return [p.detach().clone() for p in model.parameters()]


def epoch_in(path):
    return read_checkpoint(path)[1]["training"]["epoch"] if path.exists() else 0


def child(path, fault, whole, fills, room):
    """Train on; the disk, if it is to be full, is so from epoch `fills` on. Returns how it ended."""
    import resource

    model = RBM(12, 6, seed=0).double()

    def each_epoch(epoch):
        if fault == "full disk" and epoch == fills:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing then fails as on a full disk
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        history = train(path, model, each_epoch)[1]
    except OSError as error:
        return SAVING if fault == "full disk" and error.strerror == "File too large" else UNCLEAR
    except Exception:
        return UNCLEAR
    if not history.interrupted:
        return DONE
    epochs = [len(history.records), len(history.records) + 1]  # the record is written after the epoch
    if not any(equal(model, whole[epoch]) for epoch in epochs if epoch in whole):
        return NOT_WHOLE
    return STOPPED if equal(model, whole[epoch_in(path)]) else SAVING


def main(folder, fault, times, seed):
    torch.set_num_threads(1)  # a fork has none of its parent's other threads, and would wait for them
    tqdm.set_lock(threading.RLock())  # its own is shared by forks: one killed holding it would stop the rest
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until a child is ready for it
    path, rng, whole = Path(folder) / "run.pt", random.Random(seed), {}
    reference = RBM(12, 6, seed=0).double()
    _, expected = train(None, reference, lambda epoch: whole.update({epoch: copies(reference)}))
    whole[EPOCHS] = copies(reference)
    bad = ("not whole", "unclear", "unreadable", "lost epochs", "different", "left over")
    count = {"times": 0, "while saving": 0, "finished": 0} | dict.fromkeys(bad, 0)
    epochs_before = 0
    while count["times"] < times:
        fills = rng.randrange(epochs_before, epochs_before + 15)
        room = rng.randrange(path.stat().st_size if path.exists() else 5000)
        process = os.fork()
        if process == 0:
            signal.alarm(120)  # one that hangs dies of it, and is counted as unclear
            try:
                end = child(path, fault, whole, fills, room)
            except KeyboardInterrupt:
                end = EARLY
            os._exit(end)
        if fault != "full disk":
            time.sleep(rng.uniform(0, 0.3))
            os.kill(process, signal.SIGKILL if fault == "kill" else signal.SIGINT)
        ended = os.waitpid(process, 0)[1]
        end = os.waitstatus_to_exitcode(ended)
        others = [file for file in path.parent.iterdir() if file != path]
        count["times"] += end not in (DONE, EARLY)
        count["while saving"] += end == SAVING or (end == -signal.SIGKILL and bool(others))
        count["left over"] += len(others) if fault != "kill" else 0
        count["not whole"] += end == NOT_WHOLE
        count["unclear"] += end not in (DONE, SAVING, STOPPED, EARLY, NOT_WHOLE, -signal.SIGKILL)
        for file in others:
            file.unlink()
        if not path.exists():
            continue
        try:
            epochs = epoch_in(path)
            load_model(path)
        except Exception:
            count["unreadable"] += 1
            continue
        count["lost epochs"] += epochs < epochs_before
        epochs_before = epochs
        if epochs == EPOCHS:
            model, history = train(path)  # nothing left to do: what is in the file
            count["finished"] += 1
            count["different"] += not (equal(model, whole[EPOCHS]) and history.records == expected.records)
            path.unlink()
            epochs_before = 0
    model, history = train(path)
    count["different"] += not (equal(model, whole[EPOCHS]) and history.records == expected.records)
    print(json.dumps(count))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
