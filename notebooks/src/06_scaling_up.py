# %% [markdown]
# # 06 · Scaling up: from a laptop to a GPU
#
# What makes a machine train fast? Not tricks: knowing what an update is made of. This lesson counts the work, finds what is
# wasted, and follows it from one core to sparse ratings, to a GPU and to several processes. At each step the numbers must stay the same.
#
# | | |
# |---|---|
# | **You will be able to** | count what an update costs, and say how far a program is from the floor; make the cost follow the ratings; tell whether a machine is bound by launches, memory or arithmetic; know where low precision breaks a sampler; budget AIS; split a batch over processes without making another experiment of it; distrust a timing |
# | **You need** | lessons 01 and 02; matrix products |
# | **Time** | 90 minutes, 36 of them for five exercises; sections 5 and 7 are optional |
# | **Data** | random rows, bars and stripes, and invented ratings with a long tail, all made here |
# | **Hardware** | any laptop, no GPU. The saved outputs are of the full profile; run it yourself and you get the fast one, with shorter trainings. Timings change from run to run: a saved copy shows **recorded** ones, with their machine named; your own appear when you run it |
# | **From the library** | `fit`, `sparse`, `top_n_unseen`, `gibbs`, `ais_log_partition`; the record is made by `benchmarks/speed.py` |

# %%
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from rbm_lib import CD, RBM, Monitor, fit
from rbm_lib.course import Lesson, repository_root
from rbm_lib.data import RatingMatrix
from rbm_lib.likelihood import (
    ais_log_partition,
    binary_states,
    exact_gradient,
    exact_log_likelihood,
    exact_log_partition,
)
from rbm_lib.models.rated import RatedBatch, input_to_hidden
from rbm_lib.plotting import COLORS, show, use_style
from rbm_lib.recommend import top_n_unseen
from rbm_lib.sampling import gibbs
from rbm_lib.training.sparse import sparse_cd

# %%
lesson = Lesson("06_scaling_up")
use_style()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# %% [markdown]
# **The record.** `make bench` measures `fit`, a plain loop and other libraries in turn, each against the bare matrix products of its update.
# The course keeps one such result. Everything called *recorded* below is read from it.

# %%
record_file = repository_root() / "benchmarks" / "speed.json"
record = json.loads(record_file.read_text(encoding="utf-8")) if record_file.exists() else {}
about = record.get("machine") or {}
where = f"{about['cpu']}, {about['cores']} cores" if about else "no record found"
print("recorded on:", where, "| GPU:", about.get("gpu", "none"))


def recorded(threads=1, device="cpu"):
    """The recorded ratios to the bare products, one row per case and contestant."""
    rows = [
        {"case": " × ".join(map(str, r["case"])), "flops": 10 * math.prod(r["case"]), **row}
        for r in record.get("dense") or []
        if (r["threads"], r["device"]) == (threads, device)
        for row in r["rows"]
        if "ratio" in row
    ]
    columns = ["case", "flops", "name", "ms", "ratio", "ratio_low", "ratio_high", "bar", "peak_mb"]
    return pd.DataFrame(rows, columns=columns)


# %% [markdown]
# ## 1. What an update costs
#
# **Question.** How many operations are in one update of contrastive divergence, and which of them matter?
#
# A matrix product of (B × V) with (V × H) makes B·H numbers, each a sum of V terms: 2·B·V·H floating-point operations. CD-1
# has five of them:
#
# ![Five matrix products with their shapes: data times W, hidden states times W transposed, reconstruction times W; then the statistics of the data and of the model, each V × B times B × H.](figures/update_products.svg)
#
# Three make the chain, two the statistics.
#
# **Exercise 1 · Count the products** · ★ · 4 minutes · 1 point. Return the operations of the products in one update of CD-`k`, for any `k`.
#
# <details><summary>Hint</summary>CD-1: 10·B·V·H. Which of the five does one more sweep repeat?</details>


# %%
def update_flops(batch, visible, hidden, k):
    ### BEGIN SOLUTION
    return (2 * k + 3) * 2 * batch * visible * hidden
    ### END SOLUTION


# %%
lesson.check("1", update_flops)

# %% [markdown]
# Each further sweep repeats products 2 and 3:
#
# $$\text{operations of CD-}k = (2k+3)\cdot 2\,B\,V\,H \tag{1}$$
#
# PyTorch can count while it computes. Does the library do what (1) says?

# %% tags=["nbval-check-output"]
rows_01 = (torch.rand(64, 784, generator=seeded()) < 0.5).float()
machine = RBM(784, 128, seed=0)
for k in (1, 2, 5):
    with FlopCounterMode(display=False) as counter:
        CD(k=k).gradient(machine, machine.as_batch(rows_01))
    products = counter.get_total_flops() / (2 * 64 * 784 * 128)
    print(f"CD-{k}: (1) says {2 * k + 3} products, counted {products:.0f}")
    assert abs(products - (2 * k + 3)) < 0.1

# %% [markdown]
# Everything else in an update (sigmoids, random numbers, comparisons, the step) touches each number once or a few times. Is it cheap? Count
# the **arithmetic intensity**: operations per byte moved between memory and processor (Williams et al. 2009).
#
# > **Predict first.** A product of 128 × 784 by 784 × 128 does some tens of operations per byte. And a sigmoid over (B, V)?

# %% tags=["nbval-check-output"]
def intensity(batch, visible, hidden):
    """Operations per byte (float32, each matrix read or written once; a sigmoid counted as one operation)."""
    product = 2 * batch * visible * hidden / (4 * (batch * visible + visible * hidden + batch * hidden))
    return {"a product": product, "sigmoid in place": 1 / 8, "W += rate · gradient": 2 / 12}  # bytes: read, written


cases = [(128, 784, 128), (512, 3706, 256), (1024, 10000, 512)]
for case in cases:
    steps = ", ".join(f"{name} {value:.3g}" for name, value in intensity(*case).items())
    print(" × ".join(map(str, case)) + ":", steps)

# %%
batches = 2 ** np.arange(0, 13)
looks = [{"color": COLORS[color], "marker": marker, "ms": 5} for color, marker in (("orange", "o"), ("blue", "s"), ("black", "^"))]
fig, axis = plt.subplots()
for (_, visible, hidden), look in zip(cases, looks, strict=True):
    values = [intensity(int(batch), visible, hidden)["a product"] for batch in batches]
    axis.plot(batches, values, **look, label=f"product, {visible} × {hidden}")
axis.axhspan(5, 20, color="grey", alpha=0.25, label="below: bound by memory; above: by arithmetic")
axis.axhline(1 / 8, color=COLORS["red"], linestyle="--", label="sigmoid, any size")
axis.set(xscale="log", yscale="log", xlabel="batch", ylabel="operations per byte")
axis.set_title("Larger batches give each byte more work; a sigmoid stays where it is")
axis.legend(fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.12))
show(fig, "Operations per byte of a product rise with the batch and level off, higher for the machine with more hidden units; "
     "a sigmoid stays at one eighth. A grey band from 5 to 20 parts what memory bounds, below, from what arithmetic bounds.")

# %% [markdown]
# Roughly, a processor's core does several operations in the time that one byte takes to come from memory, a GPU ten or more (the grey band). So products in large batches
# run at the speed of arithmetic; products with single rows, sigmoids and steps at the speed of memory, or of the cache while they fit into it. (Random numbers
# are another matter: each is computed, one after the other.) Two conclusions:
#
# - **The floor** of an update is its bare products. A program is judged by its time over that, in the same run.
# - What can be saved beyond is mostly **traffic**: temporaries, copies, second passes.
#
# ### The update, three ways
#
# First as in the textbook. Every line makes new memory.


# %%
def textbook(v, uniform, W, b, c, lr):
    """One CD-1 update with mean visible units: the new W, b, c."""
    p = torch.sigmoid(v @ W + c)
    h = (uniform < p).float()
    v1 = torch.sigmoid(h @ W.T + b)
    p1 = torch.sigmoid(v1 @ W + c)
    W = W + lr * (v.T @ p - v1.T @ p1) / len(v)
    return W, b + lr * (v - v1).mean(0), c + lr * (p - p1).mean(0)


# %% [markdown]
# Then with memory made once. `addmm` adds the bias inside the product, `out=` says where the result goes, `sigmoid_` works in place.


# %%
class InPlace:
    """The same update in memory that is made once."""

    def __init__(self, W, b, c, batch):
        self.W, self.b, self.c = W.clone(), b.clone(), c.clone()
        self.p, self.h, self.p1 = (torch.empty(batch, W.shape[1]) for _ in range(3))
        self.v1, self.dW = torch.empty(batch, W.shape[0]), torch.empty_like(W)

    def phases(self, v, uniform):
        torch.addmm(self.c, v, self.W, out=self.p).sigmoid_()
        torch.lt(uniform, self.p, out=self.h)
        torch.addmm(self.b, self.h, self.W.T, out=self.v1).sigmoid_()
        torch.addmm(self.c, self.v1, self.W, out=self.p1).sigmoid_()

    def update(self, v, uniform, lr):
        self.phases(v, uniform)
        torch.mm(v.T, self.p, out=self.dW).addmm_(self.v1.T, self.p1, alpha=-1)
        self.W.add_(self.dW, alpha=lr / len(v))
        self.b.add_((v - self.v1).mean(0), alpha=lr)
        self.c.add_((self.p - self.p1).mean(0), alpha=lr)


# %% [markdown]
# Third, momentum, which a textbook writes as *velocity = .9 velocity + gradient*. The product can do that, too: `addmm_` with `beta`
# lets the gradient arrive in the velocity and never exist by itself.


# %%
class WithMomentum(InPlace):
    def __init__(self, W, b, c, batch):
        super().__init__(W, b, c, batch)
        self.speed = torch.zeros_like(W), torch.zeros_like(b), torch.zeros_like(c)

    def update(self, v, uniform, lr, momentum=0.9):
        self.phases(v, uniform)
        for_W, for_b, for_c = self.speed
        for_W.addmm_(v.T, self.p, beta=momentum, alpha=1 / len(v)).addmm_(self.v1.T, self.p1, alpha=-1 / len(v))
        for_b.mul_(momentum).add_((v - self.v1).mean(0))
        for_c.mul_(momentum).add_((self.p - self.p1).mean(0))
        for parameter, speed in zip((self.W, self.b, self.c), self.speed, strict=True):
            parameter.add_(speed, alpha=lr)


# %% [markdown]
# A fast program that computes something else is not fast. So: same start, same draws, twenty updates. `fit` draws the order of the rows,
# then one uniform number for each hidden unit of each row, and so do we. Its default optimiser has momentum .9.

# %%
v_all = (torch.rand(96, 150, generator=seeded(1)) < 0.3).float()
W, b, c = RBM(150, 40, weight_std=0.1, seed=0).W.detach(), torch.zeros(150), torch.zeros(40)
in_place, with_momentum, plain = InPlace(W, b, c, 96), WithMomentum(W, b, c, 96), (W, b, c)
generator = seeded(2)
for _ in range(20):
    v = v_all[torch.randperm(96, generator=generator)]
    uniform = torch.rand(96, 40, generator=generator)
    plain = textbook(v, uniform, *plain, 0.1)
    in_place.update(v, uniform, 0.1)
    with_momentum.update(v, uniform, 0.1)
ours = RBM(150, 40, weight_std=0.1, seed=0)
fit(ours, v_all, epochs=20, batch_size=96, lr=0.1, device="cpu", generator=seeded(2), progress=False)
gaps = {"textbook and in place": plain[0] - in_place.W, "momentum and fit": with_momentum.W - ours.W.detach()}
for name, gap in gaps.items():
    print(f"{name}: weights differ by less than a hundred-thousandth: {bool(gap.abs().max() < 1e-5)}")
    assert gap.abs().max() < 1e-3  # rounding; one draw of ten thousand may fall on the other side

# %% [markdown]
# `fit` goes one step further: data above and chains below each other in one matrix, so that both statistics are *one* product. The full
# code is in `rbm_lib/training/dense.py`.
#
# > **Predict first.** How many times the five products does the textbook's update take on (128, 784, 128)? And on (1024, 10000, 512)? (In the record it is the
# > *plain loop*, and prints its reconstruction error each time, as such loops do.)

# %%
table = recorded()
others = table[table["name"] != "five bare products"]
most = others["ratio_high"].max()
marks = [x for x in (1, 2, 4, 8, 16, 32, 64) if x < 1.1 * most]
fig, axes = plt.subplots(1, 3, figsize=(8.6, 3.6), sharex=True, sharey=True)
for axis, (case, rows) in zip(axes, others.groupby("case", sort=False), strict=False):
    colors = [COLORS["blue"] if name.startswith("rbm_lib") else COLORS["black"] for name in rows["name"]]
    axis.hlines(rows["name"], rows["ratio_low"], rows["ratio_high"], colors=colors, linewidth=4, alpha=0.3)
    axis.scatter(rows["ratio"], rows["name"], color=colors, zorder=3)
    axis.axvline(1, color=COLORS["red"])
    axis.set(xscale="log", title=case, xlabel="× the five products")
    axis.set_xticks(marks, marks)
    axis.set_xticks([], minor=True)
axes[0].invert_yaxis()
fig.suptitle(f"Time of an update over that of its products (red), recorded on one thread, {where}", fontsize=10)
show(fig, "Dots with quartiles for each program and case: time of an update over the time of its five bare products.")

# %%
for row in table[table["name"].str.startswith("rbm_lib")].itertuples():
    print(f"{row.case}, {row.name}: {row.ratio:.2f} × the products; bar {row.bar:.2f}: {'met' if row.ratio <= row.bar else 'missed'}")
table.pivot(index="name", columns="case", values="ratio").reindex(columns=table["case"].unique()).round(2)

# %% [markdown]
# The lines above say where `fit` meets the bar its makers set, and where it misses it. Mind what is compared. The plain loop has no momentum, no checks and no
# schedule, but computes and prints that error. Even in the largest case it takes 1.65<!--plain loop--> times its products. Much of the excess is temporaries:
# a dozen new matrices in each update, of the size of $W$ (20 MB) or of the batch (41 MB). scikit-learn, learnergy and rbms sample the visible
# units, so they stand beside `fit` doing the same; scikit-learn's chains are persistent, with as many products. (learnergy and rbms are other RBM libraries for
# PyTorch. scikit-learn's *partial_fit* turns the rows into float64, *float32* is what its `fit` does per batch; learnergy's *update* leaves out its data
# loader and its pseudo-likelihood.)
#
# What does a random number cost? And what does a second thread change?

# %%
milliseconds = table.pivot(index="case", columns="name", values="ms").reindex(table["case"].unique())
two = recorded(threads=2).set_index(["case", "name"])[["ratio", "ratio_low", "ratio_high"]]
for case in milliseconds.index:
    batch, visible, _ = map(int, case.split(" × "))
    mean, sampled = (f"rbm_lib, {kind} visible" for kind in ("mean", "sampled"))
    extra = milliseconds.loc[case, sampled] - milliseconds.loc[case, mean]
    line = f"{case}: sampling the visible units takes {extra:.2f} ms, {1e6 * extra / (batch * visible):.1f} ns a number"
    if (case, mean) in two.index:
        line += "; two threads: mean {:.2f} × the products ({:.2f} to {:.2f})".format(*two.loc[(case, mean)])
        line += ", sampled {:.2f} × ({:.2f} to {:.2f})".format(*two.loc[(case, sampled)])
    print(line)

# %% [markdown]
# A draw costs about the same in every case, while the products behind it grow with H: so sampling weighs most in the small machine. PyTorch's generator
# on a CPU works one number after the other, which keeps the draws the same for any number of threads. A second thread speeds up the products, not the draws: the
# ratios with sampled units rise. (In brackets: quartiles, wide where the times are short.)
#
# Your own machine, live (nothing is saved of it):

# %%
if lesson.progress:
    v, uniform = rows_01, torch.rand(64, 128)
    start = machine.W.detach(), torch.zeros(784), torch.zeros(128)
    fast = WithMomentum(*start, 64)
    for name, run in {"textbook": lambda: textbook(v, uniform, *start, 0.01),
                      "momentum, in place": lambda: fast.update(v, uniform, 0.01)}.items():
        run()  # the first call is not counted
        spans = []
        for _ in range(50):
            begin = time.perf_counter()
            run()
            spans.append(time.perf_counter() - begin)
        print(f"{name}: median {1e3 * np.median(spans):.2f} ms")
else:
    print("Run this cell in JupyterLab: it times the updates on your machine.")

# %% [markdown]
# ## 2. Sparsity: let the cost follow the ratings
#
# **Question.** Most people rate few films. Must an update pay for all the others? MovieLens's sizes, counting films with at least one rating:

# %% tags=["nbval-check-output"]
sets = {"MovieLens 100K": (943, 1_682, 100_000), "1M": (6_040, 3_706, 1_000_209), "25M": (162_541, 59_047, 25_000_095)}
for name, (users, items, ratings_in) in sets.items():
    dense, cells = 4 * users * items, 5 * ratings_in  # float32; an index of four bytes and a level of one would do
    print(f"{name:14s}: {ratings_in / users / items:.2%} rated; dense {dense / 1e9:.3f} GB, cells {cells / 1e9:.4f} GB")

# %% [markdown]
# A dense matrix for the largest would need 38 GB, once, before any mask; the cells need .125<!--25M--> GB. Invented ratings of the same kind, small
# enough to try: a few people rate much, a few films are rated by many.


# %%
def long_tailed(n_users, n_items, n_ratings, seed=0):
    """A RatingMatrix of likes and dislikes, with long tails of users and items."""
    rng = np.random.default_rng(seed)
    activity, fame = rng.lognormal(0, 1.3, n_users), 1 / np.arange(1, n_items + 1) ** 0.9
    user = rng.choice(n_users, 2 * n_ratings, p=activity / activity.sum())
    item = rng.choice(n_items, 2 * n_ratings, p=fame / fame.sum())
    cell = rng.permutation(np.unique(user * n_items + item))[:n_ratings]
    liked = rng.integers(0, 2, len(cell))
    ids = dict(user_ids=np.arange(n_users), item_ids=np.arange(n_items))
    return RatingMatrix(cell // n_items, cell % n_items, liked, **ids)


ratings = long_tailed(2000, 4000, lesson.pick(fast=40_000, full=60_000))
per_item, per_user = np.sort(ratings.item_counts())[::-1], np.sort(ratings.user_counts())[::-1]
fig, axis = plt.subplots(figsize=(6.4, 3))
axis.plot(np.arange(1, len(per_item) + 1), per_item, color=COLORS["blue"], label="films")
axis.plot(np.arange(1, len(per_user) + 1), per_user, color=COLORS["orange"], label="people")
axis.set(xscale="log", yscale="log", xlabel="rank", ylabel="ratings")
axis.set_title(f"Long tails: of {ratings.n_users * ratings.n_items:,} cells, {ratings.n_ratings:,} are rated (invented)")
axis.legend()
show(fig, "Ratings of films and of people by rank, on logarithmic axes: both fall over more than two orders of magnitude.")

# %% [markdown]
# What does a hidden unit hear? For a row of zeros and ones, the product $vW$ *adds up the rows of $W$ where $v$ is 1*, and multiplies
# all the others by zero. So gather those and add:
#
# $$p(h_j = 1\mid v) = \sigma\Big(c_j + \sum_{i\,:\,v_i=1} W_{ij}\Big) \tag{2}$$
#
# **Exercise 2 · Without the zeros** · ★★ · 8 minutes · 2 points. `items` is a list of B integer tensors, the liked units of each row, some
# perhaps empty. Return (2), (B, n_hidden), from the liked rows of `W` only. In the check `W` may hold NaN in rows that nobody likes, so that a product with all of `W` shows itself.
#
# <details><summary>Hint</summary><code>F.embedding_bag(all_items, W, starts, mode="sum")</code> adds rows of W in bags; bag b begins at starts[b]. An empty
# bag begins where the next one does.</details>


# %%
def hidden_means(items, W, hidden_bias):
    ### BEGIN SOLUTION
    lengths = torch.tensor([len(liked) for liked in items])
    starts = lengths.cumsum(0) - lengths
    return torch.sigmoid(hidden_bias + F.embedding_bag(torch.cat(items).long(), W, starts, mode="sum"))
    ### END SOLUTION


# %%
lesson.check("2", hidden_means)

# %% [markdown]
# The library does this for ratings with levels, and the way back only at rated units: `rbm_lib/training/sparse.py`. The same gradient twice, from dense rows
# with a mask and from cells, with the same draws:

# %%
model = RBM(ratings.n_items, 20, "categorical", n_levels=2, weight_std=0.1, seed=0)
people = np.arange(200)
levels, observed = ratings.batch(people)
one_hot = F.one_hot(levels.long(), 2).float()
masked = CD().gradient(model, model.as_batch(one_hot, observed), seeded(3))
from_cells = sparse_cd(CD(), model, RatedBatch(model, ratings.rated_rows(people)), seeded(3))
for name in masked:
    equal = torch.allclose(masked[name], from_cells[name], atol=1e-5)
    print(f"{name}: equal within rounding: {equal}")
    assert equal
print(f"numbers in the batch: dense {one_hot.numel():,}, rated {2 * int(observed.sum()):,}")

# %% [markdown]
# With K levels, the work of an epoch is about 10·K·H operations, for every *cell* when rows are dense, for every *rating* when they are not. And once per batch there is a step over all
# of $W$, rated or not, of 2·V·K·H operations at least. That is why batches should grow with the catalogue.
#
# > **Predict first.** At 25 M ratings, by what factor do the operations of an epoch fall: 10, 100, 400? And with the steps over W?

# %%
n_users, n_items, _ = sets["25M"]
counts = np.logspace(5, 8, 13)
hidden, levels_each = 100, 2
dense_work = 10 * n_users * n_items * levels_each * hidden
cell_work = 10 * counts * levels_each * hidden
fig, axis = plt.subplots(figsize=(6.6, 3.2))
axis.axhline(dense_work, color=COLORS["red"], label="every cell")
axis.plot(counts, cell_work, "o-", ms=4, color=COLORS["blue"], label="rated cells")
for batch, style in ((100, ":"), (1000, "--")):
    total = cell_work + 2 * n_users / batch * n_items * levels_each * hidden
    axis.plot(counts, total, style, color=COLORS["black"], label=f"… and a step over W per {batch:,} people")
axis.set(xscale="log", yscale="log", xlabel="ratings", ylabel="operations per epoch")
axis.set_title(f"{n_users:,} × {n_items:,}: the work can follow the ratings")
axis.legend(fontsize=8)
show(fig, "Operations per epoch against ratings: constant for every cell, proportional for rated cells, "
     "with a floor from the step over W, which is lower for larger batches.")
for step, batch in {"without the steps over W": math.inf, "with one per 100 people": 100, "with one per 1,000": 1000}.items():
    total = (10 * 25_000_095 + 2 * n_users / batch * n_items) * levels_each * hidden
    print(f"at 25 million ratings, {step}: {dense_work / total:.0f} times fewer")

# %% [markdown]
# Operations are not time: gathered rows come from all over the memory, and cost more once $W$ no longer fits into the processor's cache. Larger batches, with
# fewer steps over $W$, work against it. Recorded, with batches that grew with the catalogue:

# %%
masked_runs = pd.DataFrame(record.get("masked_ratings") or [], columns=[
    "ratings", "users", "items", "hidden", "threads", "batch", "epoch_seconds", "ns_per_rating", "top_20_seconds", "peak_mb"])
if len(masked_runs) > 1:
    first, last = masked_runs["ns_per_rating"].iloc[[0, -1]]
    print(f"recorded on {where}: {last / first:.1f} times the time per rating, at "
          f"{masked_runs['ratings'].iloc[-1] / masked_runs['ratings'].iloc[0]:.0f} times the ratings (invented, of these shapes)")
masked_runs.round({"epoch_seconds": 1, "ns_per_rating": 0, "top_20_seconds": 1, "peak_mb": 0}).set_index("ratings") if len(masked_runs) else None

# %% [markdown]
# In this record the two about cancel: 1.0<!--time per rating--> times the time per rating at 25 times the ratings. (`peak_mb` is the whole process: Python, PyTorch, the
# ratings and how they were made, $W$ and its velocity.)
#
# **Lists for everybody.** All scores of the 25M set are 38 GB again. Nobody wants them: only the best 20 of each row. So score a block of
# people, take its top, forget it. That saves memory, not work: lists are not sparse, every person needs the score of *every* film, users × items × H. In
# the record they take .1<!--1000209--> s at 1M, and 31<!--25000095--> s at 25M.


# %%
def stream_top(model, ratings, n, block=256):
    best = torch.empty(ratings.n_users, n, dtype=torch.long)
    for start in range(0, ratings.n_users, block):
        rated = RatedBatch(model, ratings.rated_rows(slice(start, start + block)))
        h = torch.sigmoid(input_to_hidden(model, rated) + model.hidden_bias)
        odds = h @ (model.W[:, 1] - model.W[:, 0]).T + model.visible_bias[:, 1] - model.visible_bias[:, 0]
        odds[rated.row, rated.unit] = -torch.inf  # what they know already
        best[start : start + block] = odds.topk(n).indices
    return best


with torch.no_grad():
    mine, (library, _) = stream_top(model, ratings, 20), top_n_unseen(model, ratings, 20)
same = (mine.sort(1).values == library.sort(1).values).double().mean()
print(f"the same lists: {same == 1}; a block of 256 needs {4 * 256 * n_items / 1e6:.0f} MB at 25M, all people {4 * n_users * n_items / 1e9:.0f} GB")
assert same > 0.999

# %% [markdown]
# ## 3. Why small machines are launch-bound
#
# **Question.** A large GPU can do a hundred times the arithmetic of a laptop's processor. Why may a small RBM be hardly faster on it?
#
# Python tells the device what to do, one operator at a time, and each telling costs some microseconds, however little there is to do:
#
# $$t \approx \text{launches}\times\text{overhead} + \frac{\text{operations}}{\text{rate}} \tag{3}$$
#
# (Memory has no term of its own here: for small machines it is little.) How many launches has an
# update? Count the operators that do something (a view moves nothing); on a GPU each is one kernel, sometimes several:


# %%
class CountOperators(TorchDispatchMode):
    """Counts the operators that PyTorch carries out inside `with`, without views."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += not function.is_view
        return function(*args, **(kwargs or {}))


def operators(run):
    with CountOperators() as counter:
        run()
    return counter.count


v, uniform = v_all, torch.rand(96, 40, generator=seeded())
launches = {
    "textbook": operators(lambda: textbook(v, uniform, W, b, c, 0.1)),
    "in place": operators(lambda: in_place.update(v, uniform, 0.1)),
    "in place, momentum": operators(lambda: with_momentum.update(v, uniform, 0.1)),
}

# %% [markdown]
# For `fit`, the difference between a run of six batches and one of five is one update, with picking the rows and drawing the numbers:

# %%
def fit_batches(n):
    rows = v_all[:16].repeat(n, 1)
    fit(RBM(150, 40, seed=0), rows, epochs=1, batch_size=16, device="cpu", generator=seeded(), progress=False)


launches["fit"] = operators(lambda: fit_batches(6)) - operators(lambda: fit_batches(5))
assert launches["in place"] <= launches["textbook"] and 10 < launches["fit"] < 100
pd.Series(launches, name="operators per update").to_frame()

# %% [markdown]
# `fit` has about as many as the textbook's update, for which rows and numbers were at hand: on a CPU it wins by memory traffic, not by launches.
#
# **Exercise 3 · Where it breaks even** · ★ · 6 minutes · 2 points. Return the smallest whole batch at which the five products of CD-1
# (10·B·V·H operations, `rate` per second) take at least as long as the launches (`launches` × `overhead` seconds).
#
# <details><summary>Hint</summary>Solve 10·B·V·H / rate = launches · overhead for B, and round up: math.ceil.</details>


# %%
def break_even(overhead, rate, launches, visible, hidden):
    ### BEGIN SOLUTION
    return max(1, math.ceil(launches * overhead * rate / (10 * visible * hidden)))
    ### END SOLUTION


# %%
lesson.check("3", break_even)

# %% [markdown]
# Round, **assumed** numbers for a GPU, to see the shape: 5 µs a launch, 10¹³ operations per second, 25 launches.

# %% tags=["nbval-check-output"]
OVERHEAD, RATE, LAUNCHES = 5e-6, 1e13, 25
for _, visible, hidden in cases:
    batch = math.ceil(LAUNCHES * OVERHEAD * RATE / (10 * visible * hidden))
    print(f"{visible:6d} × {hidden}: launches weigh more than work below a batch of {batch}")

# %%
batches = 2 ** np.arange(4, 15)
fig, axis = plt.subplots(figsize=(6.8, 3.4))
for (_, visible, hidden), look in zip(cases, looks, strict=True):
    work = 10 * batches * visible * hidden / RATE
    axis.plot(batches, 1e6 * (LAUNCHES * OVERHEAD + work), **look, label=f"{visible} × {hidden}")
    axis.plot(batches, 1e6 * (OVERHEAD + work), ":", **look | {"ms": 3})
axis.set(xscale="log", yscale="log", xlabel="batch", ylabel="µs per update, by (3)")
axis.set_title("A model: left of the bend, time is launches (dotted: one launch)")
axis.legend()
show(fig, "Modelled time per update against batch for three machines: flat at small batches, rising later. Dotted lines, with "
     "one launch in place of twenty-five, lie far below at small batches and meet the solid ones at large batches, for the largest machine first.")

# %% [markdown]
# Three cures.
#
# **More work per launch.** Larger batches, or many chains in one tensor. A thousand chains need as many launches as one:

# %%
few, many = torch.zeros(1, 150), torch.zeros(1000, 150)
one, thousand = (operators(lambda start=start: gibbs(ours, start, 10, seeded())) for start in (few, many))
print(f"ten sweeps: {one} operators for one chain, {thousand} for a thousand together, {1000 * one:,} one after the other")
assert one == thousand

# %% [markdown]
# **Fewer launches.** The in-place update above; `torch.compile` can fuse what stands between the products.
#
# **One launch.** A *CUDA graph* records an update's kernels once and replays them by a single call: the dotted lines, at best. Its price: fixed shapes, fixed memory, no question to the host in
# between; one more reason for memory made once. And never ask a GPU for a number inside the loop: `.item()`, `print(loss)` or `if loss < best`
# make the host wait, and the queue runs dry.

# %%
on_gpu = recorded(device="cuda")
print("GPU:", about.get("gpu") if len(on_gpu) else "the record holds none; CUDA is unmeasured here")
on_gpu.pivot(index="name", columns="case", values="ratio").round(2) if len(on_gpu) else None

# %% [markdown]
# **Where the record holds no GPU, none was at hand:** the CUDA path is written, and what can be tested on a CPU is tested, but its speed is unmeasured and
# nothing is claimed for it. With a GPU, one command records yours; set `record_file` to its output and run this notebook again:
#
# ```
# python benchmarks/speed.py --output build/speed.json
# ```
#
# ## 4. Mixed precision, and where it breaks a sampler
#
# **Question.** Half the bytes and, on processors made for it, several times the rate: may everything be bfloat16?
#
# bfloat16 keeps the range of float32 and 8 significant bits; float16 has 11, float32 24. For *products* that is often enough: errors of single terms
# average out, where the sum is kept in float32. A sampler does something else: it **compares** a uniform number with a probability.

# %%
n = 2_000_000
rows = {}
for dtype in (torch.float32, torch.float16, torch.bfloat16):
    uniform = torch.rand(n, generator=seeded(4), dtype=dtype)
    row = {"significant bits": 1 - math.log2(torch.finfo(dtype).eps), "different numbers drawn": len(uniform.unique()),
           "exactly 0": float((uniform == 0).double().mean())}
    for p in (0.3, 0.01, 0.001, 0.0001):
        row[f"drawn at p = {p:g}"] = float((uniform < torch.tensor(p, dtype=dtype)).double().mean())
    rows[str(dtype).removeprefix("torch.")] = row
drawn_at = pd.DataFrame(rows).T
assert drawn_at["drawn at p = 0.001"]["bfloat16"] > 1.5e-3
assert abs(drawn_at["drawn at p = 0.001"]["float32"] - 0.001) < 5 * math.sqrt(0.001 / n)
drawn_at.astype({"significant bits": int, "different numbers drawn": int}).round(5)

# %% [markdown]
# With bfloat16 a unit that should come on once in a thousand times comes on several times as often. The numbers are drawn finely and then rounded, so that there are
# more than 256; those that would round up to 1 become 0, .2 %<!--bfloat16--> of all, and 0 is below any $p$. (So the library makes its uniform numbers in float32, even
# for a machine of half precision.) Devices and versions of PyTorch do it differently. The cleanest way: $m$ bits give the numbers $0, 1, \dots, 2^m-1$, divided by $2^m$. Then
#
# $$P(u < p) = \frac{\lceil 2^m p\rceil}{2^m} \tag{4}$$
#
# These are *all* frequencies that such a sampler can draw. Eight bits: 1/256, or .0039<!--by eight bits-->, is the rarest event there is. (The table's
# bfloat16 numbers, finer near 0, reach a little lower.)

# %%
def reachable(p, bits):
    """Equation (4)."""
    return torch.ceil(p * 2**bits) / 2**bits


p = torch.logspace(-5, -0.01, 400, dtype=torch.float64)
some = torch.tensor([3e-5, 3e-4, 1e-3, 6e-3, 0.03, 0.2], dtype=torch.float64)
fig, axis = plt.subplots(figsize=(6.6, 3.4))
for bits, color, style, mark in ((8, "red", "-", "o"), (11, "orange", "--", "s"), (24, "blue", "-.", "^")):
    axis.plot(p, reachable(p, bits), style, color=COLORS[color], label=f"{bits}-bit draws")
    uniform = torch.randint(2**bits, (n, 1), generator=seeded(5)) / 2**bits
    measured = (uniform < some).double().mean(0)
    axis.plot(some, measured, mark, color=COLORS[color], fillstyle="none")
    exact = reachable(some, bits)
    assert ((measured - exact).abs() < 5 * (exact * (1 - exact) / n).sqrt() + 1e-12).all()
axis.set(xscale="log", yscale="log", xlabel="probability p", ylabel="share drawn")
axis.set_title("Few bits cannot draw what is rare (marks: measured)")
axis.legend()
show(fig, "Share drawn against probability: a straight line for 24 bits; for 11 and 8 bits stairs that end at 1/2048 and 1/256.")

# %% [markdown]
# Does it matter? Rare events decide how chains move *between* valleys. Four visible and two hidden units, two valleys, all off and
# all on. Every draw, by (4), is a step of a chain whose matrix we can write down, as in lesson 01, so its resting distribution is exact.

# %%
W4 = 4 + 0.1 * torch.randn(4, 2, generator=seeded(1), dtype=torch.float64)
b4, c4 = torch.full((4,), -4.0, dtype=torch.float64), torch.full((2,), -8.5, dtype=torch.float64)
v_states, h_states = binary_states(4, like=b4), binary_states(2, like=c4)


def moves(mean, target):
    """[s, t]: the probability of drawing the pattern t from the means of state s."""
    return torch.where(target[None] == 1, mean[:, None], 1 - mean[:, None]).prod(2)


def at_rest(W, b, c, bits):
    """Where the chain over visible patterns ends when every draw has so many bits."""
    up = moves(reachable(torch.sigmoid(v_states @ W + c), bits), h_states)
    down = moves(reachable(torch.sigmoid(h_states @ W.T + b), bits), v_states)
    return torch.linalg.matrix_power(up @ down, 2**20)[0]


truth = torch.softmax(v_states @ b4 + F.softplus(v_states @ W4 + c4).sum(1), 0)
rounded = [x.bfloat16().double() for x in (W4, b4, c4)]
ends = {"24-bit draws": at_rest(W4, b4, c4, 24), "11-bit draws": at_rest(W4, b4, c4, 11),
        "8-bit draws": at_rest(W4, b4, c4, 8), "24-bit draws, bfloat16 weights": at_rest(*rounded, 24)}
print(f"enumerated: all on {truth[-1]:.2f}, all off {truth[0]:.2f}")

# %% [markdown]
# > **Predict first.** All on has probability .25<!--enumerated-->. What will a chain with 8-bit draws say? And one with rounded weights?

# %%
fig, axis = plt.subplots(figsize=(7, 2.8))
axis.barh(list(ends), [float(end[-1]) for end in ends.values()], color=COLORS["blue"], height=0.6)
axis.axvline(float(truth[-1]), color=COLORS["red"], label="enumerated")
axis.invert_yaxis()
axis.set(xlabel="share of time in the valley “all on”", title="Coarse draws tip the balance")
axis.legend()
show(fig, "Bars: share of time all on. With 8-bit draws more than twice the enumerated value; with rounded weights about right.")
off = {name: 0.5 * float((end - truth).abs().sum()) for name, end in ends.items()}
for name, distance in off.items():
    print(f"{name}: total variation from the truth {distance:.2f}")
assert off["24-bit draws"] < 1e-3 and off["24-bit draws, bfloat16 weights"] < 0.05 < 0.2 < off["8-bit draws"]
on_from_off, off_from_on = torch.sigmoid(c4[0]), torch.sigmoid(-c4[0] - W4[:, 0].sum())
print(f"at “all off” a hidden unit comes on with probability {on_from_off:.5f}, by eight bits {reachable(on_from_off, 8):.5f}")
print(f"at “all on” it goes off with probability {off_from_on:.5f}, by eight bits {1 - reachable(1 - off_from_on, 8):.5f}")

# %% [markdown]
# Why does it tip towards *on*? Because (4) rounds up. At "all off", .0002<!--comes on--> for a hidden unit becomes .0039<!--comes on-->: rare *ons* become
# commoner. At "all on" it stays on with nearly 1, which is rounded up to 1, and .0006<!--goes off--> becomes 0: rare *offs* become impossible. The valley "all on" is
# entered more easily and hardly left.
#
# ### Small steps vanish
#
# The second place is the sum. Numbers between 1 and 2 are $2^{-7}$ apart in bfloat16: add less than half of that, and nothing happens.
#
# **Exercise 4 · Lost steps** · ★★ · 6 minutes · 2 points. Round `weight` and `step` to `dtype`, add them there, and return the share of the weights
# that did not change, as a float, counted where `step`, as given, is not zero.
#
# <details><summary>Hint</summary><code>weight.to(dtype)</code> rounds. Compare the sum with the rounded weight, not with the original.</details>


# %%
def lost_share(weight, step, dtype):
    ### BEGIN SOLUTION
    before = weight.to(dtype)
    unchanged = before + step.to(dtype) == before
    return unchanged[step != 0].double().mean().item()
    ### END SOLUTION


# %%
lesson.check("4", lost_share)

# %% [markdown]
# What becomes of a training? Bars and stripes from lesson 01 with the exact gradient, so that nothing is random: all in float32; weights *kept* in bfloat16;
# gradients *computed* at weights rounded to bfloat16, but added up in float32. (Only the weights are rounded; the arithmetic in between is float32. It may take half a minute.)

# %%
cells = torch.tensor([[int(x) for x in f"{i:03b}"] for i in range(8)], dtype=torch.float32)
bars = torch.cat([cells[:, :, None].expand(8, 3, 3), cells[:, None, :].expand(8, 3, 3)]).reshape(16, 9).unique(dim=0)


def coarse(model):
    for parameter in model.parameters():
        parameter.copy_(parameter.bfloat16().float())


@torch.no_grad()
def train(store, compute, steps, lr=0.1):
    """Log-likelihood every ten steps; `store`, `compute`: is that rounded to bfloat16?"""
    model, trace = RBM(9, 8, weight_std=0.3, seed=0), []
    for step in range(steps):
        if step % 10 == 0:
            trace.append(float(exact_log_likelihood(model, bars).mean()))
        kept = {name: p.clone() for name, p in model.named_parameters()}
        if compute:
            coarse(model)
        for name, gradient in exact_gradient(model, bars).items():
            model.get_parameter(name).copy_(kept[name] + lr * gradient)
        if store:
            coarse(model)
    return trace


# %%
steps = lesson.pick(fast=3000, full=6000)
ways = {"all float32": (False, False), "gradient at bfloat16 weights, float32 sums": (False, True), "bfloat16 weights": (True, True)}
traces = {name: train(*way, steps) for name, way in ways.items()}
fig, axis = plt.subplots(figsize=(6.8, 3.2))
for (name, trace), style, color in zip(traces.items(), ("-", "--", "-"), ("blue", "orange", "red"), strict=True):
    axis.plot(np.arange(0, steps, 10), trace, style, color=COLORS[color], label=name)
axis.axhline(-math.log(14), color="grey", linestyle=":", label="best possible, −ln 14")
axis.set(xlabel="step", ylabel="log-likelihood (nats)", title="Weights kept in bfloat16 stop learning early")
axis.legend(fontsize=8)
show(fig, "Log-likelihood against steps: with float32 sums both curves climb together; with weights kept in bfloat16 it rises a "
     "little and then stays flat, far below.")
ends_at = {name: trace[-1] for name, trace in traces.items()}
assert ends_at["bfloat16 weights"] < ends_at["all float32"] - 1
assert abs(ends_at["gradient at bfloat16 weights, float32 sums"] - ends_at["all float32"]) < 0.2

# %% [markdown]
# And the probability itself? Just below 1 numbers are $2^{-8}$ apart in bfloat16:

# %% tags=["nbval-check-output"]
for p in (0.99, 0.999):
    print(f"{p} in bfloat16: {float(torch.tensor(p).bfloat16()):.5f}")

# %% [markdown]
# A unit that should be off once in a thousand times never is, however fine the uniform numbers are.
#
# **The rule.** Products in low precision, if you like. In float32: weights, sums, probabilities, and their comparison with a draw. `model.bfloat16()` puts
# everything into bfloat16, without a word. The library's uniform numbers stay float32 even then, and so rare *ons* come out right; steps vanish all the same,
# and probabilities near 1 become 1. So `fit` trains in float32 or float64 only, and says so.
#
# ## 5. What AIS costs · optional
#
# **Question.** Lesson 07 estimates log Z by annealed importance sampling. What is the bill, and what does one get for it?
#
# Between temperatures only $\beta$ changes, and it multiplies $W$ alone: the biases stay. One product $vW$ serves the free energies at both, and the draw of $h$; a second, $hW^\top$, gives the
# next $v$. So the bill is chains × temperatures × 2 products of one row:


# %%
@torch.no_grad()
def my_ais(model, chains, temperatures, generator):
    """(log Z, standard error) with two products per temperature."""
    W, b, c = model.W, model.visible_bias, model.hidden_bias
    betas = torch.linspace(0, 1, temperatures, dtype=W.dtype)

    def draw(mean):
        return (torch.rand(mean.shape, generator=generator, dtype=W.dtype) < mean).to(W.dtype)

    v = draw(torch.sigmoid(b).expand(chains, -1))
    log_weight = torch.zeros(chains, dtype=W.dtype)
    for now, following in zip(betas[:-1], betas[1:], strict=True):
        field = v @ W
        log_weight += (F.softplus(c + following * field) - F.softplus(c + now * field)).sum(1)
        h = draw(torch.sigmoid(c + following * field))
        v = draw(torch.sigmoid(b + following * (h @ W.T)))
    start = F.softplus(b).sum() + F.softplus(c).sum()
    weight = torch.exp(log_weight - log_weight.max())
    error = weight.std() / weight.mean() / math.sqrt(chains)
    return float(start + log_weight.max() + weight.mean().log()), float(error)


# %% tags=["nbval-check-output"]
teacher = RBM(20, 10, weight_std=0.8, seed=3).double()
with FlopCounterMode(display=False) as mine:
    my_ais(teacher, 50, 11, seeded())
with FlopCounterMode(display=False) as theirs:
    ais_log_partition(teacher, 50, 11, seeded())
one = 2 * 50 * 20 * 10 * 10  # a product of 50 rows, ten steps
print(f"products per step: {mine.get_total_flops() / one:.0f} here, {theirs.get_total_flops() / one:.0f} in the library")

# %% [markdown]
# The library takes more: it asks each machine on the way as a whole, which keeps one code for Gaussian, categorical and deep machines, at
# twice the price. How good are the answers?

# %%
exact = float(exact_log_partition(teacher))
found, n_runs = [], lesson.pick(fast=50, full=100)
for temperatures in lesson.pick(fast=(10, 30, 100, 300), full=(10, 30, 100, 300, 1000)):
    runs = [my_ais(teacher, 100, temperatures, seeded(seed)) for seed in range(n_runs)]
    found.append((temperatures, math.sqrt(np.mean([(z - exact) ** 2 for z, _ in runs])), np.mean([e for _, e in runs])))
ais = pd.DataFrame(found, columns=["temperatures", "actual error", "standard error"]).set_index("temperatures")
library = ais_log_partition(teacher, 100, 300, seeded(0))
mine, _ = my_ais(teacher, 100, 300, seeded(0))
print("the library's estimate, with the same draws, is the same:", abs(library.log_partition - mine) < 1e-3)

fig, axis = plt.subplots(figsize=(6.4, 3.1))
actual, standard = (ais[column] for column in ais)
axis.errorbar(ais.index, actual, actual / math.sqrt(2 * n_runs), fmt="o-", capsize=3, color=COLORS["blue"], label=actual.name)
axis.plot(ais.index, standard, "s--", color=COLORS["orange"], label=standard.name)
halving = ais["standard error"].iloc[-1] * (ais.index / ais.index[-1]) ** -0.5
axis.plot(ais.index, halving, ":", color="grey", label="half at four times as many")
axis.set(xscale="log", yscale="log", xlabel="temperatures", ylabel="nats", title="AIS: the error falls with the temperatures")
axis.set_yticks([0.01, 0.03, 0.1, 0.3], ["0.01", "0.03", "0.1", "0.3"])
axis.set_yticks([], minor=True)
axis.legend(fontsize=8)
show(fig, "Error of log Z, actual and estimated by AIS itself, against the number of temperatures: both fall on logarithmic axes.")
assert abs(library.log_partition - exact) < 4 * library.standard_error
assert ais["actual error"].iloc[-1] < ais["actual error"].iloc[0] and ais["actual error"].iloc[-1] < 0.15

# %% [markdown]
# (The actual error is the root mean square over the runs; its bars say how uncertain so few leave it.) Once there are enough, four times the temperatures about halve the error (dotted), and the standard error is roughly of the right size, as long as all valleys are visited (lesson 07). **All chains
# belong in one batch:** one by one they cost the same operations, and as many times the launches as there are chains.
#
# The price in a unit that people feel, epochs of dense CD-1 on N rows, is $4\,MT/(10\,N)$ for $M$ chains and $T$ temperatures: two products, $4VH$ operations,
# for each chain and temperature, against five, $10VH$, for each row. The library makes four products, so its price is twice that, $8\,MT/(10\,N)$:

# %% tags=["nbval-check-output"]
for rows_n, name in ((943, "MovieLens 100K, people"), (6_040, "MovieLens 1M, people"), (60_000, "60,000 images")):
    epochs = 4 * 100 * 1000 / (10 * rows_n)
    print(f"{name}: 100 chains × 1,000 temperatures cost as much as {epochs:.1f} epochs, by the library {2 * epochs:.1f}")

# %% [markdown]
# With many rows AIS is cheap at the end of a training; with few it may cost as much as the training itself. It is not for every epoch.
#
# ## 6. Several processes
#
# **Question.** Two processes share the rows of a batch. What must they tell each other so that the result is that of one?
#
# The gradient $G$ is a mean over rows, and a mean is a sum of shares $G_r$. Process $r$ (its *rank*) has the slice $S_r$ of the rows; $g_n$ is the gradient of row
# $n$, and $\bar g_r$ the mean over the slice:
#
# $$G = \frac1B\sum_{n=1}^{B} g_n = \sum_r G_r, \qquad G_r = \frac1B\sum_{n\in S_r} g_n = \frac{|S_r|}{B}\;\bar g_r \tag{5}$$
#
# ![Two processes hold the same batch, noise and weights. Each uses half of the rows and computes its share of the gradient; the shares are summed, and both take the same step.](figures/two_processes.svg)
#
# Each computes its share, all add up (*all-reduce*), everybody takes the same step. Two traps:
#
# - **Means of means.** Slices may be uneven, in the last batch above all. Weigh by $|S_r|/B$.
# - **Noise.** Hidden states are drawn. If each process draws its own, two processes are another experiment than one, and nobody can test that they agree. So
#   everybody draws the numbers for the **whole** batch, from one seed, and uses its slice.
#
# **Exercise 5 · Your share** · ★★★ · 12 minutes · 3 points. Return $G_r$, the share of process `rank` ($r$, from 0) of `size`, for the CD-1 gradient of $W$ (direction of ascent: data minus model).
# All shares sum to the gradient for the whole batch. Hidden states are `uniform < p`; the visible units of the chain are means, and so are the
# hidden ones in the statistics. `v`, (B, n_visible), and `uniform`, (B, n_hidden), the noise $u$ of the drawing, are for the whole batch: draw nothing yourself. Rows are split as by `torch.tensor_split(…, size)`.
#
# <details><summary>Hint</summary>Split v and uniform alike, take part number rank, do what `textbook` does. By how many rows do you divide? There may be fewer rows
# than processes.</details>


# %%
def part_of_gradient(v, uniform, W, b, c, rank, size):
    ### BEGIN SOLUTION
    own, u = (torch.tensor_split(x, size)[rank] for x in (v, uniform))
    p = torch.sigmoid(own @ W + c)
    v1 = torch.sigmoid((u < p).to(W.dtype) @ W.T + b)
    p1 = torch.sigmoid(v1 @ W + c)
    return (own.T @ p - v1.T @ p1) / len(v)
    ### END SOLUTION


# %%
lesson.check("5", part_of_gradient)


# %% [markdown]
# Eleven rows, four processes, in one process here. The right sum, and the two traps:

# %%
def mean_gradient(v, uniform):
    """CD-1 gradient of W, the mean over the rows given."""
    p = torch.sigmoid(v @ W + c)
    v1 = torch.sigmoid((uniform < p).float() @ W.T + b)
    return (v.T @ p - v1.T @ torch.sigmoid(v1 @ W + c)) / len(v)


v11, u11 = v_all[:11], torch.rand(11, 40, generator=seeded(6))
whole = mean_gradient(v11, u11)
slices = list(zip(v11.tensor_split(4), u11.tensor_split(4), strict=True))
weighed = sum(len(v) / 11 * mean_gradient(v, u) for v, u in slices)
mean_of_means = sum(mean_gradient(v, u) for v, u in slices) / 4
own_noise = sum(len(v) / 11 * mean_gradient(v, torch.rand(u.shape, generator=seeded(7 + i))) for i, (v, u) in enumerate(slices))
for name, other in {"weighed": weighed, "mean of means": mean_of_means, "own noise": own_noise}.items():
    away = float((other - whole).norm() / whole.norm())
    print(f"{name:14s}: off by {'rounding' if away < 1e-5 else f'{away:.0%}'}")
assert torch.allclose(weighed, whole, atol=1e-6) and not torch.allclose(mean_of_means, whole, atol=1e-3)

# %% [markdown]
# Now really: `fit` does all this when `torch.distributed` is running. The script is an ordinary training with two lines more, in float64, so that rounding
# is tiny. Each process also counts its operations: if the work is shared, each does little more than half (each monitors for itself).

# %%
script = """
import json, pathlib, sys
import torch
import torch.distributed as dist
from torch.utils.flop_counter import FlopCounterMode
from rbm_lib import RBM, Monitor, fit

dist.init_process_group("gloo")  # on GPUs: "nccl"
v = (torch.rand(500, 60, generator=torch.Generator().manual_seed(0)) < 0.3).float()  # the same everywhere
model = RBM(60, 16, weight_std=0.1, seed=0).double()
with FlopCounterMode(display=False) as counter:
    fit(model, v, epochs=20, batch_size=64, lr=0.1, device="cpu",
        generator=torch.Generator().manual_seed(1), progress=False, callbacks=[Monitor(every=1000)])
folder = pathlib.Path(sys.argv[1])
torch.save(model.state_dict(), folder / f"model{dist.get_rank()}.pt")
(folder / f"flops{dist.get_rank()}.json").write_text(json.dumps(counter.get_total_flops()))
dist.destroy_process_group()
"""

# %% [markdown]
# From a shell: `torchrun --nproc-per-node 2 train.py`. Here a temporary folder and child processes do it; they talk over the loopback interface and need no network.
# To start them may take half a minute.


# %%
def run_together(size):
    """Parameters and operations of every process of a run by `size`; None where it cannot be started."""
    loopback = {"linux": {"GLOO_SOCKET_IFNAME": "lo"}, "darwin": {"GLOO_SOCKET_IFNAME": "lo0"}}
    environment = os.environ | {"OMP_NUM_THREADS": "1", "USE_LIBUV": "0"} | loopback.get(sys.platform, {})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "train.py").write_text(script, encoding="utf-8")
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(size)]
        command += ["--log-dir", folder]  # else it leaves a folder of its own among the temporary files
        command += [str(path / "train.py"), folder]
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as launcher:
            try:
                _, said = launcher.communicate()
            except KeyboardInterrupt:  # the stop button: the launcher must live to end its processes
                launcher.terminate()
                launcher.wait()
                raise
        if launcher.returncode:
            print("The processes did not end well:", *said.splitlines()[-20:], sep="\n")
            return None
        models = [torch.load(path / f"model{rank}.pt", weights_only=True) for rank in range(size)]
        return models, [json.loads((path / f"flops{rank}.json").read_text()) for rank in range(size)]


begin = time.perf_counter()
together = run_together(2)
seconds_together = time.perf_counter() - begin

# %% [markdown]
# And the same in this process, alone:

# %% tags=["nbval-check-output"]
v = (torch.rand(500, 60, generator=seeded(0)) < 0.3).float()
alone = RBM(60, 16, weight_std=0.1, seed=0).double()
begin = time.perf_counter()
with FlopCounterMode(display=False) as counter:
    fit(alone, v, epochs=20, batch_size=64, lr=0.1, device="cpu", generator=seeded(1), progress=False, callbacks=[Monitor(every=1000)])
if lesson.progress:
    print(f"two processes, with their start: {seconds_together:.1f} s; one: {time.perf_counter() - begin:.1f} s")
if together is not None:
    models, work = together
    gap = max(float((p - model[name]).abs().max()) for name, p in alone.state_dict().items() for model in models)
    same = all(torch.equal(models[0][name], models[1][name]) for name in models[0])
    shares = [w / counter.get_total_flops() for w in work]
    print(f"two processes and one: parameters differ by rounding only: {gap < 1e-9}")
    print(f"the two hold the same parameters to the last bit: {same}")
    print(f"each does little more than half of the operations: {all(0.45 < share < 0.65 for share in shares)}")

# %% [markdown]
# ### When it pays
#
# What is sent per batch is a gradient, 4·V·H bytes, whatever the batch; each process saves a share of 10·B·V·H operations. The machine's size cancels.
# In a ring each of $s$ processes (`size`) sends, and receives, $2(s-1)/s$ gradients (Patarasuk & Yuan 2009). Left out: starting, latency, and what every process does in full,
# the draws for the whole batch and the step. Then sharing pays once
#
# $$\frac{10\,B}{\text{rate}}\Big(1-\frac1s\Big) > \frac{4\cdot 2(s-1)/s}{\text{bandwidth}}
# \quad\Longleftrightarrow\quad B > \frac{0.8\cdot\text{rate}}{\text{bandwidth}} \tag{6}$$

# %% tags=["nbval-check-output"]
links = {"cores, shared memory": (5e10, 1e10), "laptops, 1 Gbit/s": (5e10, 1.25e8), "GPUs, fast link": (1e13, 1e11), "GPUs, 10 Gbit/s": (1e13, 1.25e9)}
for name, (rate, bandwidth) in links.items():
    print(f"{name:22s}: a batch above {0.8 * rate / bandwidth:6,.0f} rows pays (rate and bandwidth assumed)")

# %% [markdown]
# By the first line two cores would pay at once. Yet the small training above took longer with two processes than with one, as you see when you run it: there starting
# and latency decide. Larger batches mean fewer updates per epoch, which may need another rate: quicker per row is not yet quicker to a result. For sparse ratings the balance is worse:
# little work per row, and a gradient for the whole catalogue. If one process dies, the job ends with a message, and the checkpoint that rank 0 wrote continues with
# `resume=True`. For the sizes of this course one process on a good core is enough; reach for more when *measurement* says so.
#
# ## 7. How to fool yourself with a stopwatch · optional
#
# **Question.** Two programs take exactly the same time. Can an honest-looking benchmark make one look much faster?
#
# A simulated computer: both need 10 ms. But other work slows everything for a while, and now and then something interrupts.


# %%
def slowness(n, rng):
    """How much slower than alone the computer is, at n moments."""
    busy = 1 + 0.6 * (np.sin(np.arange(n) / n * 2 * np.pi) > 0)  # the first half of the morning
    return busy * np.exp(0.03 * rng.standard_normal(n)) * np.where(rng.random(n) < 0.03, 8, 1)


rng = np.random.default_rng(0)
times = 10 * slowness(400, rng)
times[0] += 500  # the first call: compiling, allocating, loading
a_first, b_later = times[:200], times[200:]
a_turn, b_turn = times[0::2], times[1::2]
ratios = a_turn / b_turn
ways = {"one after the other, means": a_first.mean() / b_later.mean(),
        "one after the other, medians": np.median(a_first) / np.median(b_later),
        "in turn, mean of ratios": ratios.mean(), "in turn, median of ratios": np.median(ratios)}
pd.Series(ways, name="A / B (truth: 1)").round(2).to_frame()

# %%
fig, axes = plt.subplots(1, 2, figsize=(8.4, 3), width_ratios=[2, 1])
axes[0].plot(times, ".", ms=3, color=COLORS["blue"])
axes[0].set(yscale="log", xlabel="call", ylabel="ms", title="A busy computer, and two equal programs")
axes[1].plot(list(ways.values()), range(4), "o", color=COLORS["red"])
axes[1].axvline(1, color="grey", linestyle=":")
axes[1].set_yticks(range(4), [name.replace(", ", ",\n") for name in ways], fontsize=8)
axes[1].invert_yaxis()
axes[1].set(xlabel="A / B", title="Only the last is right")
show(fig, "Left: simulated times of 400 calls, slower in the first half, with spikes. Right: four ways to compare; only the median of "
     "paired ratios says one.")
assert abs(ways["in turn, median of ratios"] - 1) < 0.02 and ways["one after the other, medians"] > 1.3

# %% [markdown]
# The benchmark behind our record takes turns, with the floor before each contestant, and reports the median of ratios with quartiles. How wide were they?

# %%
spread = table.assign(spread=table["ratio_high"] / table["ratio_low"]).dropna(subset=["spread"])
print(f"programs that wanted a core, on average: {record.get('load_before')} before, {record.get('load_after')} after ({where})")
spread.groupby("case", sort=False)["spread"].agg(["median", "max"]).rename(columns=lambda c: f"{c} of upper / lower quartile").round(2)

# %% [markdown]
# Where the quartiles of two rows overlap, do not call one of them faster. Here the upper is mostly 1.04<!--1024 × 10000--> to 1.09<!--512 × 3706--> times the lower, at
# worst 1.17<!--128 × 784-->: differences of less than a tenth mean nothing. More ways that timings lie:
#
# - **No synchronisation.** A GPU call returns when the work is *queued*. A stopwatch around it reads launches: by (3), at a batch of 16,384 of our largest machine,

# %% tags=["nbval-check-output"]
queued, done = LAUNCHES * OVERHEAD, LAUNCHES * OVERHEAD + 10 * 16_384 * 10_000 * 512 / RATE
print(f"without torch.cuda.synchronize(): {1e3 * queued:.3f} ms; with it: {1e3 * done:.1f} ms")

# %% [markdown]
# - **Other work.** float64 in place of float32, all cores in place of one, allocation, shuffling, monitoring: say what is inside, for everybody.
# - **Sick numbers.** A saturated machine makes numbers below $10^{-38}$, *denormal*, which many processors handle many times more slowly. Time on data that stay healthy.
#
# ## Pitfalls
#
# - **Tuning before counting.** Divide by the bare products first; at 1.1 there is little to win.
# - **A dense matrix of ratings** hides in `.toarray()`, in one-hot rows and in "all scores".
# - **`print(loss)` in the loop** makes a GPU wait for you.
# - **`model.bfloat16()`** breaks sums and probabilities near 1 without a word (and all draws, where the uniform numbers are not made in float32).
# - **Every process with a seed of its own** is another experiment.
# - **Averaging averages** of uneven slices.
# - **A speed-up that changes the numbers** is not a speed-up, until shown to be as good.
#
# ## Summary
#
# 1. CD-$k$ is $2k+3$ matrix products; they are the floor. The rest is memory traffic, much of it avoidable, and random numbers.
# 2. Sparse ratings: gather what is rated, step in large batches, stream what is ranked; and show equality with the dense path.
# 3. Small machines on a GPU wait for launches: batch more, launch less, record a graph.
# 4. Low precision is for products. Probabilities, draws, sums and weights stay in float32.
# 5. Several processes: shares weighed by rows, noise for the whole batch; then one and many agree within rounding.

# %%
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. You double the hidden units of a machine with 1.1 times the floor. What happens to the time of an update?</summary>It doubles, nearly: almost all of it is products, and these are proportional to H.</details>
#
# <details><summary>2. A catalogue grows tenfold, the ratings stay as many. Does an epoch of the sparse path take longer?</summary>The gathering hardly. The step over W, once per batch, tenfold: take larger batches, so that there are fewer of them.</details>
#
# <details><summary>3. Launches, memory or arithmetic: what binds (a) a small RBM that takes as long on the GPU with 500 rows as with 50; (b) the step <i>W += rate · gradient</i> of the largest machine; (c) its product with 1024 rows?</summary>(a) Launches: take more rows or chains for each, or record a CUDA graph. (b) Memory: one operation for six bytes, below the grey band. (c) Arithmetic: 165 for each byte, far above it.</details>
#
# <details><summary>4. Reconstructions in bfloat16 look as good as in float32. Is the sampler all right?</summary>Not shown. Reconstruction asks for likely things; few bits fail at rare ones, which decide the balance between valleys.</details>
#
# <details><summary>5. Four processes give a slightly other result than one. Rounding, or a mistake?</summary>Compare after one update: rounding differs in the last digits only. Percents point to uneven slices, or to noise of their own.</details>
#
# ## References
#
# - Williams, Waterman & Patterson (2009), Roofline: an insightful visual performance model for multicore architectures. [doi:10.1145/1498765.1498785](https://doi.org/10.1145/1498765.1498785)
# - Raina, Madhavan & Ng (2009), Large-scale deep unsupervised learning using graphics processors. [doi:10.1145/1553374.1553486](https://doi.org/10.1145/1553374.1553486)
# - Salakhutdinov, Mnih & Hinton (2007), Restricted Boltzmann machines for collaborative filtering. [doi:10.1145/1273496.1273596](https://doi.org/10.1145/1273496.1273596)
# - Harper & Konstan (2015), The MovieLens datasets: history and context. [doi:10.1145/2827872](https://doi.org/10.1145/2827872)
# - Micikevicius et al. (2018), Mixed precision training. [arXiv:1710.03740](https://arxiv.org/abs/1710.03740)
# - Neal (2001), Annealed importance sampling. [doi:10.1023/A:1008923215028](https://doi.org/10.1023/A:1008923215028)
# - Patarasuk & Yuan (2009), Bandwidth optimal all-reduce algorithms for clusters of workstations. [doi:10.1016/j.jpdc.2008.09.002](https://doi.org/10.1016/j.jpdc.2008.09.002)
# - Li et al. (2020), PyTorch distributed: experiences on accelerating data parallel training. [doi:10.14778/3415478.3415530](https://doi.org/10.14778/3415478.3415530)
# - Hoefler & Belli (2015), Scientific benchmarking of parallel computing systems. [doi:10.1145/2807591.2807644](https://doi.org/10.1145/2807591.2807644)
#
# **This is the last lesson.** From here: read the library, which is small on purpose, beginning with `rbm_lib/rbm.py` and `rbm_lib/training.py`; look up an equation and the test that guards it in
# [the notation](../docs/notation.md); train from [the command line](../docs/command_line.md); and take **your own ratings**: `RatingMatrix.from_frame` wants three columns, and lesson 02 says how to judge what comes out.
