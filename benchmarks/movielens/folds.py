"""Folds or splits in several processes, and numbers with their intervals."""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def spread(jobs, function, arguments):
    """[function(*args) for args in arguments], in `jobs` processes."""
    if jobs == 1:
        return [function(*args) for args in arguments]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return [f.result() for f in [pool.submit(function, *args) for args in arguments]]


def intervals(mean, frame):
    """{metric: "mean [low, high]"}, the interval of `frame` moved to lie around `mean`."""
    shift = mean - frame["mean"]
    low, high = frame["low"] + shift, frame["high"] + shift
    return {m: f"{mean[m]:.4f} [{low[m]:.3f}, {high[m]:.3f}]" for m in mean.index}


def log(text):
    print(text, file=sys.stderr, flush=True)
