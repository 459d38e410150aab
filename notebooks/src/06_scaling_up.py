# %% [markdown]
# # 06 · Scaling up: what training costs
#
# In lesson 01 your training loop learned fourteen pictures in a few seconds. MovieLens has
# 100,000 ratings, or a million, or 25 million. What would your loop cost there, and how much
# of that is wasted? In this lesson you count the work of an update, predict how long it
# takes, and measure it on your own machine. Then you get the same numbers for less.
#
# | | |
# |---|---|
# | **You will be able to** | count the operations of an update and predict its time; find work that is done twice; make the cost follow the ratings; say where too few bits break a model; share a batch among processes without changing the result |
# | **You need** | lessons 01 and 02 |
# | **Time** | 60 minutes, 27 of them for four exercises. Sections 3 and 7 and the open exercise 5 take 18 more |
# | **Data** | MovieLens 100K (5 MB) or its stand-in, and invented ratings of the sizes of the larger sets |
# | **Hardware** | any laptop. The times you see are those of your machine. No GPU is needed; if you have one, a cell in section 7 measures it |

# %%
import itertools
import math
import time
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import softplus

import rbm_lib
from rbm_lib.course import Lesson, say
from rbm_lib.course.animation import animate
from rbm_lib.data import RatingMatrix, load_movielens
from rbm_lib.plotting import COLORS, GREY, INK, show

lesson = Lesson("06_scaling_up")

# %% tags=["hide-input"]
# Tools: the record, and how a sentence is told of this machine and of the record
RECORD = {
    "product": {"product": 0.346},
    "update": {"one": 0.346, "five products": 2.11, "update": 2.86},
    "twice": {"A": 3.22, "B": 3.23},
    "half": {"five products": 2.11, "watched": 7.24, "yours": 4.22},
    "batches": {1: 0.155, 4: 0.056, 16: 0.063, 64: 0.186, 256: 0.718, 1024: 3.14},
    "100K": {"dense": 22.4, "rated": 50.7},
    "1M": {"dense": 46.4, "rated": 76.0},
    "25M": {"dense": 783.0, "rated": 82.3},
    "processes": {32: (1.5, 5.4), 128: (7.6, 7.4), 512: (27.3, 19.8), 2048: (140, 96.0)},
}
own = {}


def results(name):
    return own[name] if lesson.progress else RECORD[name]


def tell(name, sentence):
    """The sentence about this machine, and that about the record folded below it."""
    recorded = sentence(RECORD[name])
    if not lesson.progress:
        return f"*Recorded:* {recorded}"
    folded = f"<details><summary>The record</summary>{recorded}</details>"
    return f"{sentence(own[name])}\n\n{folded}"


def whose():
    return "measured here" if lesson.progress else "recorded"


# %% [markdown] tags=["slide"]
# ## 1. How long will an update take?
#
# Let's count before we measure. A product of a B × V matrix with a V × H matrix has B·H
# entries, and each of them is a sum of V terms. A term costs one multiplication and one
# addition, so the product takes $2\,B\,V\,H$ **operations**. With a batch of 128 rows, 784
# visible and 128 hidden units these are 2 · 128 · 784 · 128, or 25.7 million.
#
# One update of CD-1 makes five such products. Three of them run the chain up, down and up
# again, and two make the averages.
#
# ![Five matrix products with their shapes: data times W, hidden states times W transposed, reconstruction times W; then the statistics of the data and of the model, each V × B times B × H.](figures/update_products.svg)
#
# **Exercise 1 · Count the products** · ★ · 4 minutes · 1 point. CD-`k` makes `k` sweeps
# instead of one. Return the operations of all products in one update.
#
# <details><summary>Hint</summary>For CD-1 it is 5 · 2BVH. Which of the five products does
# one more sweep repeat?</details>


# %%
def update_operations(rows, visible, hidden, k):
    ### BEGIN SOLUTION
    return (2 * k + 3) * 2 * rows * visible * hidden
    ### END SOLUTION


# %%
lesson.check("1", update_operations)

# %% [markdown]
# Suppose the five products took all the time. How wrong would that be? Here is your model from
# lesson 01 with its CD-1 step.


# %%
@dataclass
class RBM:
    W: torch.Tensor
    b: torch.Tensor
    c: torch.Tensor

    def prob_h(self, v):
        return torch.sigmoid(v @ self.W + self.c)

    def prob_v(self, h):
        return torch.sigmoid(h @ self.W.T + self.b)

    def free_energy(self, v):
        return -(v @ self.b) - softplus(v @ self.W + self.c).sum(1)


def cd1(model, v, uniform):
    p = model.prob_h(v)
    h = (uniform < p).to(v.dtype)
    v1 = model.prob_v(h)
    p1 = model.prob_h(v1)
    dW = (v.T @ p - v1.T @ p1) / len(v)
    return dW, (v - v1).mean(0), (p - p1).mean(0)


# %% [markdown]
# And here is our stopwatch. A computer has other things to do. So we let the candidates take
# turns, because then an interruption hurts all of them alike, and keep the medians. We drop
# the first turn, in which memory is allocated.


# %%
def race(name, functions, turns=30):
    """Median milliseconds of each function. They take turns."""
    times = {key: [] for key in functions}
    for _ in range(turns + 1 if lesson.progress else 1):
        for key, function in functions.items():
            start = time.perf_counter()
            function()
            times[key].append(1000 * (time.perf_counter() - start))
    own[name] = {key: float(np.median(spans[1:] or spans)) for key, spans in times.items()}


# %% [markdown]
# When you run the lesson in JupyterLab, you see the times of your own machine, with the record
# folded below them. The copy that comes with the course shows the **recorded** times only, and
# so does any run with `RBM_HEADLESS=1`.
#
# <details><summary>How the record was taken</summary>Once, with one thread on a virtual machine
# with two cores of an AMD EPYC processor, Python 3.11 and PyTorch 2.13. It counts processor time,
# because other programs were running. Only the two processes of section 7 were timed by the
# clock, so that part is rough. The five products in section 2 are those of section 1.</details>
#
# Before you believe any ratio, measure the same thing under two names. If that gives 1.05,
# ignore any difference below 5 % in the same race. Between races times differ more. In the
# record one and the same step took 3.2 ms in one race and 2.9 in another.

# %%
rng = torch.Generator().manual_seed(0)
v = (torch.rand(128, 784, generator=rng) < 0.3).float()
uniform = torch.rand(128, 128, generator=rng)
model = RBM(0.05 * torch.randn(784, 128, generator=rng), torch.zeros(784), torch.zeros(128))

race("twice", {"A": lambda: cd1(model, v, uniform), "B": lambda: cd1(model, v, uniform)})
ratio = "B, which is the same as A, takes **{:.2f} times** as long.".format
say(tell("twice", lambda ms: ratio(ms["B"] / ms["A"])))

# %% [markdown]
# Now we time one product, and forecast five.

# %%
race("product", {"product": lambda: v @ model.W})
say(
    tell(
        "product",
        lambda ms: (
            f"One product takes {ms['product']:.2f} ms, which is "
            f"**{25.7 / ms['product']:.0f} billion operations a second**. Five of them "
            f"should take {5 * ms['product']:.1f} ms."
        ),
    )
)

# %% [markdown]
# **Predict first.** How many times as long as five bare products does the whole CD-1 step
# take?

# %%
lesson.predict("update", "My guess, for example 1.0")


# %%
def five_products():
    p = v @ model.W
    v1 = p @ model.W.T
    p1 = v1 @ model.W
    return v.T @ p, v1.T @ p1


race(
    "update",
    {
        "one": lambda: v @ model.W,
        "five products": five_products,
        "update": lambda: cd1(model, v, uniform),
    },
)
ms = results("update")
text = tell(
    "update",
    lambda ms: (
        f"Five times one product is {5 * ms['one']:.1f} ms. The five products take "
        f"{ms['five products']:.1f} ms, and the whole update takes {ms['update']:.1f} ms, "
        f"**{ms['update'] / ms['five products']:.1f} times** as long as its products."
    ),
)
lesson.reveal("update", ms["update"] / ms["five products"], text)

# %% [markdown]
# Did the forecast for five products hold? In the record they take longer. They do equally
# many operations, but three of them write six times as many numbers, and that may be one
# reason. So a count is an estimate. If yours is off by far more, another program may have
# been busy, so run the cells again.
#
# The products are the **floor** of an update. At 1.1 times its floor a loop has little left to
# gain, and at ten times it is worth looking for the cause. What lies above the floor here are
# sigmoids, comparisons and averages.
#
# ## 2. Where does your loop work twice?
#
# In a real training you want to watch something. The step below adds two numbers to CD-1.
# The first is the reconstruction error of lesson 01. The second is the *rise*, by how much the
# free energy of what comes back is above that of the data. Each line is clear and correct.


# %%
def reconstruct(model, v, uniform):
    h = (uniform < model.prob_h(v)).to(v.dtype)
    return model.prob_v(h)


def watched_step(model, v, uniform):
    p = model.prob_h(v)
    v1 = reconstruct(model, v, uniform)
    p1 = model.prob_h(v1)
    dW = (v.T @ p - v1.T @ p1) / len(v)
    error = ((v - reconstruct(model, v, uniform)) ** 2).mean()
    rise = (model.free_energy(v1) - model.free_energy(v)).mean()
    return dW, (v - v1).mean(0), (p - p1).mean(0), error, rise


# %% [markdown]
# Now count the products. There is one with `W` in every `prob_h`, `prob_v` and
# `free_energy`, two in `reconstruct`, and two in `dW`. Together these are ten, although
# CD-1 needs only five. The others repeat what is already known.
#
# **Exercise 2 · Half the products** · ★★ · 9 minutes · 3 points. Return the same five
# results with five products. The check counts your products and compares your numbers, and
# it does not use a stopwatch.
#
# <details><summary>Hint</summary>Keep the input <code>x = v @ model.W + model.c</code> in a
# variable. Which of the results need it? Look into <code>prob_h</code> and
# <code>free_energy</code>. Then do the same for v1.</details>


# %%
def my_fast_step(model, v, uniform):
    ### BEGIN SOLUTION
    x = v @ model.W + model.c
    p = torch.sigmoid(x)
    h = (uniform < p).to(v.dtype)
    v1 = model.prob_v(h)
    x1 = v1 @ model.W + model.c
    p1 = torch.sigmoid(x1)
    dW = (v.T @ p - v1.T @ p1) / len(v)
    error = ((v - v1) ** 2).mean()
    free_energy = -(v @ model.b) - softplus(x).sum(1)
    free_energy_1 = -(v1 @ model.b) - softplus(x1).sum(1)
    rise = (free_energy_1 - free_energy).mean()
    return dW, (v - v1).mean(0), (p - p1).mean(0), error, rise
    ### END SOLUTION


# %%
lesson.check("2", my_fast_step)

# %% [markdown]
# A faster loop is only worth something if it learns the same. So we train with both steps,
# with the same random numbers, before we time them.

# %%
fast_step = lesson.use("2", my_fast_step)


def train(step, n_updates=50, lr=0.1):
    rng = torch.Generator().manual_seed(1)
    trained = RBM(model.W.clone(), model.b.clone(), model.c.clone())
    for _ in range(n_updates):
        dW, db, dc, *_ = step(trained, v, torch.rand(128, 128, generator=rng))
        trained.W += lr * dW
        trained.b += lr * db
        trained.c += lr * dc
    return trained


apart = (train(watched_step).W - train(fast_step).W).abs().max()
print(f"after 50 updates the weights differ by rounding only: {bool(apart < 1e-4)}")

# %% [markdown]
# **Predict first.** Your step needs half as many products. How many times faster is it?

# %%
lesson.predict("half", "My guess, for example 2.0")

# %%
race(
    "half",
    {
        "five products": five_products,
        "watched": lambda: watched_step(model, v, uniform),
        "yours": lambda: fast_step(model, v, uniform),
    },
)
ms = results("half")
text = tell(
    "half",
    lambda ms: (
        f"The watched step takes {ms['watched']:.1f} ms and yours {ms['yours']:.1f} "
        f"ms, so yours is **{ms['watched'] / ms['yours']:.1f} times** as fast. Five bare "
        f"products take {ms['five products']:.1f} ms."
    ),
)
lesson.reveal("half", ms["watched"] / ms["yours"], text)

# %% tags=["hide-input"]
# Drawing
fig, axis = plt.subplots(figsize=(8, 1.9))
bars = (("watched", "orange"), ("yours", "blue"))
for place, (name, color) in enumerate(bars):
    axis.barh(place, ms[name], color=COLORS[color], height=0.55)
    axis.text(ms[name], place, f"  {ms[name]:.1f} ms", va="center", color=INK)
floor = ms["five products"]
axis.axvline(floor, color=INK, lw=1.5, ls=(0, (4, 3)))
axis.text(floor, -0.52, "  the floor: five bare products", fontsize=9, color=INK)
axis.set_yticks([0, 1], ["watched step", "your step"])
axis.set(xlabel=f"milliseconds, {whose()}", xlim=(0, 1.15 * max(ms.values())))
axis.set(ylim=(1.45, -0.85))
axis.set_title("Your step is closer to the floor, but not on it")
show(
    fig,
    "Two bars, the time of the watched step and of your step, and a line at the time of "
    "five bare products, which is the floor of both.",
)

# %% [markdown]
# Five products are enough for either step, so both have the same floor. Your step has the
# products of `cd1` and computes two softplus sums and the error besides. Why are such simple
# things not free? Section 3 looks into that, and you may skip it.
#
# ## 3. Optional: why is everything else not free?
#
# *Six minutes, which the 60 do not count.*
#
# Adding two matrices takes one operation for each entry. To do it, the processor fetches two
# numbers of 4 bytes each and stores one. They come from main memory, or from a **cache**, which
# is a small, fast memory beside the processor. Where moving these 12 bytes takes longer than
# the addition, the processor waits. So we count operations per byte moved, the **arithmetic
# intensity**.
#
# Adding has 1 / 12 = .083. Our product of 128 × 784 by 784 × 128 does 25.7 million operations.
# Its three matrices have 128·784 + 784·128 + 128·128 entries, or .87 MB, which makes 29.6
# operations per byte. Let's race the two, with a comparison and a softplus, each counted as one
# operation for an entry. The record lacks these times, so run the cell to see yours.

# %%
v2 = v.flip(0)
n = v.numel()
contest = {  # what to run, its operations, and the bytes that move
    "v + v2": (lambda: v + v2, n, 12 * n),
    "v > 0.5": (lambda: v > 0.5, n, 5 * n),
    "softplus(v)": (lambda: softplus(v), n, 8 * n),
    "v @ W": (lambda: v @ model.W, 2 * 128 * 784 * 128, 4 * (2 * n + 128 * 128)),
}
race("simple", {name: run for name, (run, _, _) in contest.items()})
for name, (_, operations, moved) in contest.items():
    line = f"{name:12}{operations / moved:7.3f} operations per byte"
    if lesson.progress:
        per_second = operations / own["simple"][name] / 1e6
        line += f"{1000 * own['simple'][name]:8.1f} µs, {per_second:5.1f} billion a second"
    print(line)

# %% [markdown]
# Compare the sum with the product. An addition is no harder in one than in the other, so where
# the sum does far fewer operations a second, arithmetic is not the reason. But `softplus` moves
# fewer bytes than the sum. Where it takes longer, moving is not the reason either. It has to
# compute an exponential and a logarithm. When we tried it, it took about as long as a product.
#
# A product can also wait for memory. With four rows it does 802,816 operations, but it still
# has to read all of `W`. That moves .42 MB, so it does 1.9 operations per byte. With 256 rows
# it does 38.

# %%
large = (torch.rand(1024, 784, generator=rng) < 0.3).float()
sizes = (1, 4, 16, 64, 256, 1024)
race("batches", {n: lambda n=n: large[:n] @ model.W for n in sizes})
say(
    tell(
        "batches",
        lambda ms: (
            f"In a batch of 256 each row takes {1000 * ms[256] / 256:.1f} µs, and in "
            f"a batch of 4 {1000 * ms[4] / 4:.1f} µs, "
            f"**{64 * ms[4] / ms[256]:.1f} times** as long."
        ),
    )
)

# %% tags=["hide-input"]
# Drawing
fig, axis = plt.subplots(figsize=(7, 3))


def speed(ms):
    return [2 * n * 784 * 128 / ms[n] / 1e6 for n in sizes]


axis.plot(sizes, speed(RECORD["batches"]), "o:", color=GREY, ms=4, label="recorded")
if lesson.progress:
    axis.plot(
        sizes, speed(own["batches"]), "o-", color=COLORS["blue"], label="your machine"
    )
axis.legend(loc="upper left")
axis.set(xscale="log", xlabel="rows in the batch", ylabel="billion operations a second")
axis.set(ylim=(0, None))
axis.set_xticks(sizes, [str(n) for n in sizes])
axis.minorticks_off()
axis.set_title("A small batch reaches only part of the speed")
show(fig, "Billions of operations a second of a product, against the rows of the batch.")

# %% [markdown]
# In the record there is little left to gain beyond 64 rows. (That a single row took longer
# than four there was an accident, which a later run did not repeat.)
#
# ## 4. A hundred thousand, a million, 25 million ratings
#
# Now the real thing. Here are the sizes of three MovieLens sets. A dense matrix holds four
# bytes for every person and film. A list needs five bytes for each rating, four for the number
# of the film and one for the stars. It is sorted by person, and we neglect the one number for
# each person that says where their ratings begin.

# %% tags=["nbval-check-output"]
sets = {
    "100K": (943, 1_682, 100_000),
    "1M": (6_040, 3_706, 1_000_209),
    "25M": (162_541, 59_047, 25_000_095),
}
for name, (people, films, ratings) in sets.items():
    print(
        f"{name:4}  {ratings / people / films:.2%} rated   dense matrix "
        f"{4 * people * films / 1e9:6.3f} GB   list of ratings {5 * ratings / 1e9:.4f} GB"
    )

# %% [markdown]
# The largest set needs 38 GB as a matrix and .125 GB as a list. In lesson 02 each film had
# two boxes, *liked* and *not liked*, which makes 77 GB. A missing rating left both at 0, and
# the products multiplied all these zeros. In the 25M set, only one film in 384 has a rating from
# a given person.
#
# So let's give each person a small RBM of their own, with visible units only for the films
# that they have rated. All share one `W`. We compare two methods.
#
# - **Dense** multiplies the whole row of a person.
# - **Rated only** uses only the boxes of the films that the person has rated. They are columns
#   of the rating matrix, and rows of `W`.
#
# Each rating has two boxes, one that is 1 and one that is 0. `on[n]` is the number of the
# box that is 1 in rating $n$, and `other[n]` that of the other box of the same film. Then
# `W[on]` is a small matrix with one row for each rating. Let's try it on two films, whose
# four boxes stand as in lesson 02, and one hidden unit with the bias −1.

# %% tags=["nbval-check-output"]
W_small = torch.tensor([[2.0], [0.3], [-0.5], [1.2]])
on_small = torch.tensor([0, 3])  # film 0 liked, film 1 not
print(W_small[on_small])
print("input of the hidden unit:", float(-1 + W_small[on_small].sum()))

# %% [markdown]
# Nothing else of the matrix was read.
#
# **Exercise 3 · Only what is rated** · ★★ · 10 minutes · 2 points. Make a step of CD-1 for one
# person, and return the changes of `W`. `u` has a random number for each hidden unit. Do not
# make anything as long as the whole catalogue, because the check looks at that.
#
# 1. **Up.** The input is `c` plus the sum of the rows of `W[on]`, and p = σ(input). Then h is 1
#    where `u < p` and 0 elsewhere, in the type of `W`.
# 2. **Down.** A box with the bias $b$ and the row $w$ of `W` has the input $x = b + w \cdot h$.
#    Exactly one box of a film is 1 (lesson 02), so the odds of the two are
#    $e^{x_\text{on}}$ to $e^{x_\text{other}}$. That gives the box that was 1 the probability
#    $q = \sigma(x_\text{on} - x_\text{other})$, and the other one 1 − q.
# 3. **Up again.** The input is `c` plus the rows of `W[on]` times q, plus those of `W[other]`
#    times 1 − q. Then p₁ = σ(input).
# 4. **Return** data minus model, with one row for each rating. The box `on[n]` is 1 in the data
#    and q in the model, so row n of the first result is `p - q[n] * p1`. The other box is 0 and
#    1 − q, so row n of the second result is `-(1 - q[n]) * p1`.
#
# <details><summary>Hint</summary><code>W[on].sum(0)</code> adds up the rows, and
# <code>q @ W[on]</code> adds them up with the factors q. <code>W[on] @ h</code> has one number
# for each rating. To get all rows of step 4 at once, turn q into a column:
# <code>q[:, None] * p1</code>.</details>


# %%
def my_person_step(on, other, W, b, c, u):
    ### BEGIN SOLUTION
    W_on, W_other = W[on], W[other]
    p = torch.sigmoid(c + W_on.sum(0))
    h = (u < p).to(W.dtype)
    q = torch.sigmoid(b[on] - b[other] + (W_on - W_other) @ h)
    p1 = torch.sigmoid(c + q @ W_on + (1 - q) @ W_other)
    return p - q[:, None] * p1, -(1 - q)[:, None] * p1
    ### END SOLUTION


# %%
lesson.check("3", my_person_step)

# %% [markdown]
# The folded cells below update `W` for a batch of people. `dense_update` works on whole rows of
# boxes, as in lesson 02. `rated_update` calls your function for each person, and adds the
# changes to their rows of `W`. We only train `W` here, because b and c work the same way.


# %% tags=["hide-input"]
# One update by the dense method, on rows of boxes x
def dense_update(W, b, c, x, seen, uniform, rate=0.1):
    p = torch.sigmoid(x @ W + c)
    h = (uniform < p).to(x.dtype)
    like, dislike = (h @ W.T + b).chunk(2, dim=1)
    q = torch.sigmoid(like - dislike)
    x1 = torch.cat([q, 1 - q], dim=1) * torch.cat([seen, seen], dim=1)
    p1 = torch.sigmoid(x1 @ W + c)
    W += rate / len(x) * (x.T @ p - x1.T @ p1)


# %% tags=["hide-input"]
# One update by the method rated only, with your function
person_step = lesson.use("3", my_person_step)


def rated_update(W, b, c, people, uniform, rate=0.1):
    changes = [
        person_step(on, other, W, b, c, u)
        for (on, other), u in zip(people, uniform, strict=True)
    ]
    for boxes, rows in zip(people, changes, strict=True):
        for box, row in zip(boxes, rows, strict=True):
            W.index_add_(0, box, row, alpha=rate / len(people))


# %% tags=["hide-input"]
# The same ratings as rows of boxes and as a pair (on, other) for each person
def as_boxes(liked, seen):
    return torch.cat([liked * seen, (1 - liked) * seen], dim=1)


def as_people(liked, seen):
    n_films = seen.shape[1]
    people = []
    for likes, rated in zip(liked, seen, strict=True):
        film = rated.nonzero()[:, 0]
        like = likes[film] > 0
        on = torch.where(like, film, film + n_films)
        people.append((on, torch.where(like, film + n_films, film)))
    return people


def new_parameters(n_films, n_hidden=100):
    rng = torch.Generator().manual_seed(0)
    W = 0.1 * torch.randn(2 * n_films, n_hidden, generator=rng)
    return W, torch.zeros(2 * n_films), torch.zeros(n_hidden)


# %% [markdown]
# Do they agree? We take 100 people of MovieLens 100K and make one update in each way.

# %%
movielens = lesson.data(load_movielens("100k"))
matrix = RatingMatrix.from_frame(movielens.ratings, like_at_least=4)
liked, seen = matrix.batch(slice(0, 100))
uniform_100 = torch.rand(100, 100, generator=torch.Generator().manual_seed(1))

dense, rated = new_parameters(seen.shape[1]), new_parameters(seen.shape[1])
dense_update(*dense, as_boxes(liked, seen), seen, uniform_100)
rated_update(*rated, as_people(liked, seen), uniform_100)
apart = (dense[0] - rated[0]).abs().max()
print(f"equal within rounding: {bool(apart < 1e-5)}")
print(f"boxes in the batch: {2 * seen.numel():,} dense, {2 * int(seen.sum()):,} rated only")

# %% [markdown]
# The numbers are the same. Now for the cost. For each set we invent 100 people with the right
# number of films and ratings, time one update, and multiply by the number of batches.
#
# **Predict first.** In the 25M set one of 384 pairs of a person and a film is rated. Both
# methods use two boxes for each film. How many times faster is the update by *rated only*?

# %%
lesson.predict("rated", "My guess, a number of times")

# %% tags=["hide-input"]
# Invented people: most rate little, a few rate much, and few films are rated by many


def invented(n_films, per_person, n_people=100, seed=0):
    rng = np.random.default_rng(seed)
    fame = 1 / np.arange(1, n_films + 1) ** 0.9
    activity = rng.lognormal(0, 1, n_people)
    counts = np.maximum(1, per_person * n_people * activity / activity.sum()).astype(int)
    counts = np.minimum(counts, n_films // 2)
    row = np.repeat(np.arange(n_people), counts)
    film = np.concatenate(
        [rng.choice(n_films, n, replace=False, p=fame / fame.sum()) for n in counts]
    )
    seen = torch.zeros(n_people, n_films, dtype=torch.bool)
    seen[torch.from_numpy(row), torch.from_numpy(film)] = True
    return torch.from_numpy(rng.integers(0, 2, seen.shape)).float(), seen


def both_ways(n_films, per_person):
    liked, seen = invented(n_films, per_person)
    W, b, c = new_parameters(n_films)
    x, batch = as_boxes(liked, seen), as_people(liked, seen)
    return {
        "dense": lambda: dense_update(W, b, c, x, seen, uniform_100),
        "rated": lambda: rated_update(W, b, c, batch, uniform_100),
    }


# %%
for name, (people, films, ratings) in sets.items():
    race(name, both_ways(films, ratings / people), turns=5)

ms = results("25M")
text = tell(
    "25M",
    lambda ms: (
        f"One update of the 25M set takes {ms['dense']:.0f} ms dense and "
        f"{ms['rated']:.0f} ms by rated only, which is "
        f"**{ms['dense'] / ms['rated']:.0f} times** as fast."
    ),
)
lesson.reveal("rated", ms["dense"] / ms["rated"], text, within=0.5)

# %% tags=["hide-input"]
# Drawing


def duration(seconds):
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


fig, axis = plt.subplots(figsize=(8, 2.6))
ways = {"dense": ("dense", "red", "^"), "rated": ("rated only", "blue", "o")}
longest = 0
for place, (name, (people, _, _)) in enumerate(sets.items()):
    epoch = {w: ms / 1000 * math.ceil(people / 100) for w, ms in results(name).items()}
    longest = max(longest, *epoch.values())
    axis.plot(list(epoch.values()), [place, place], color=GREY, lw=1, zorder=0)
    for way, (label, color, marker) in ways.items():
        axis.plot(epoch[way], place, marker, color=COLORS[color], ms=8)
        is_less = epoch[way] == min(epoch.values())
        text = duration(epoch[way]) + (f", {label}" if place == 0 else "")
        axis.annotate(
            text,
            (epoch[way], place),
            (-9 if is_less else 9, 0),
            textcoords="offset points",
            ha="right" if is_less else "left",
            va="center",
            color=COLORS[color],
        )
axis.set_yticks(range(3), [f"{name} ratings" for name in sets])
axis.set(xscale="log", xlim=(0.005, 20 * longest), ylim=(2.5, -0.5))
axis.xaxis.set_major_formatter("{x:g}")
axis.set_xlabel(f"seconds for one epoch, {whose()}, on a logarithmic axis")
axis.set_title("Rated only pays where very little is rated")
show(
    fig,
    "Time of an epoch for three sets, on a logarithmic axis, by the methods dense and "
    "rated only. The two are farthest apart for the set of 25 million ratings.",
)
for way, label in (("dense", "Dense"), ("rated", "Rated only")):
    cost = [10 * results(k)[way] / (r / n) for k, (n, _, r) in sets.items()]  # µs
    listed = ", ".join(f"{x:.1f}" for x in cost)
    print(f"{label}: {listed} µs for each rating ({whose()}).")

# %% [markdown]
# Compare what a single rating costs. With *dense* it grows with the catalogue, because nearly
# all of the work is for ratings that are missing. With *rated only* it hardly does. Still, the
# gain is far smaller than 384. One reason may be that *rated only* makes some small calls for
# each person, where *dense* makes a few large ones for all. For the two smaller sets *dense* is
# even faster in the record. So try both on the size that you have.
#
# ## 5. Fewer bits
#
# A number in float32 has 4 bytes. The format **bfloat16** has 2 bytes, so half as much has to
# move. It has the range of float32, but only 8 bits for the digits. What goes wrong with so few
# bits? We round one thing at a time and look.
#
# **First, only the random numbers.** We begin with a simpler thing than bfloat16, a die with
# 256 sides. In general, a generator of m bits is a die with $2^m$ sides. Its random number u is
# one of $0,\ 1/2^m,\ 2/2^m$ and so on, and lies below p with the probability
#
# $$P(u < p) = \frac{\lceil 2^m p \rceil}{2^m}$$
#
# where $\lceil\;\rceil$ rounds up. With 8 bits and p = .001 that is $\lceil .256 \rceil / 256$, or
# 1/256 = .0039.


# %% tags=["nbval-check-output"]
def drawn(p, bits):
    return math.ceil(p * 2**bits) / 2**bits


for p in (0.3, 0.01, 0.001, 0.999):
    print(f"p = {p:<6} 24 bits {drawn(p, 24):.4f}   8 bits {drawn(p, 8):.4f}")

# %% [markdown]
# The last line is the worst: a unit that should go off once in a thousand draws never does.
# Does it matter? Let's build a model with two visible and two hidden units, all weights 5.6
# and all biases −5.6. If both units of one layer are on, each unit of the other has the input
# −5.6 + 2 · 5.6 = 5.6, and if both are off, it has −5.6. So there are two valleys, all off and
# all on, which mirror each other, and a long chain spends half of its time in each.
#
# We run a chain with fine random numbers, and another with *the same* numbers cut off after
# 8 bits. Only u is coarse. The probabilities stay in float32.
#
# **Predict first.** Where will the second chain be?

# %%
lesson.predict("bits", "With 8 bits", ["half and half", "mostly off", "mostly on"])


# %%
def run_chain(bits, store=lambda p: p, n_sweeps=4000):
    rng = torch.Generator().manual_seed(0)
    v, chain = torch.zeros(2), []
    for _ in range(n_sweeps):
        u = torch.rand(2, 2, generator=rng)
        u = torch.floor(u * 2**bits) / 2**bits
        h = (u[0] < store(torch.sigmoid(5.6 * v.sum() - 5.6))).float()
        v = (u[1] < store(torch.sigmoid(5.6 * h.sum() - 5.6))).float()
        chain.append(torch.stack([v, h]))
    return torch.stack(chain)


# %%
chains = {f"{bits} bits": run_chain(bits) for bits in (24, 8)}
n_on = {name: chain.sum((1, 2)) for name, chain in chains.items()}

# %% tags=["hide-input"]
# Drawing
fig, axes = plt.subplots(2, 1, figsize=(9, 3.2), sharex=True)
for axis, on, color in zip(axes, n_on.values(), ("blue", "red"), strict=True):
    axis.plot(on, color=COLORS[color], lw=0.7)
    axis.set(yticks=[0, 2, 4], xlim=(0, len(on)), ylabel="units on")
axes[0].set_title("24 bits: the chain crosses between the valleys")
axes[1].set_title("8 bits: it crosses once and never comes back")
axes[1].set_xlabel("sweep")
axes[1].xaxis.set_major_formatter("{x:,.0f}")
show(
    fig,
    "Number of units that are on, for two chains of 4,000 sweeps. The first goes back and "
    "forth between 0 and 4, the second stays at 4 after its first crossing.",
)

# %%
share = {name: float((on > 2).float().mean()) for name, on in n_on.items()}
lesson.reveal(
    "bits",
    "mostly on",
    f"With 24 bits the chain has more than two units on in {share['24 bits']:.0%} of the "
    f"sweeps, and with 8 bits in {share['8 bits']:.0%}.",
)

# %%
animate(
    {name: (chain[::10], n_on[name][::10]) for name, chain in chains.items()},
    "units on (top row visible):",
)

# %% [markdown]
# In the upper valley each unit stays on with probability σ(5.6) = .9963. 256 times this is
# 255.06, which rounds up to 256. So with 8 bits no unit ever goes off, and the chain stands
# still. Nothing crashed and nothing looks wrong, yet the samples are useless.
#
# Is that what bfloat16 does? The chain is stuck because u is coarse while p is fine. With
# bfloat16, p is coarse as well. So let's store p in bfloat16, too.


# %%
def bfloat16(x):
    return x.bfloat16().float()


n_both = run_chain(8, store=bfloat16).sum((1, 2))
print(f"8 bits for u, bfloat16 for p: mostly on in {(n_both > 2).float().mean():.0%}")
for p in (0.9963, 0.999):
    print(f"p = {p} in bfloat16 is {float(bfloat16(torch.tensor(p))):.4f}")

# %% [markdown]
# Now the chain crosses again, since .9963 is stored as 255/256. The largest u is 255/256 as well,
# and `u < p` is false when both are equal, once in 256 draws. But .999 is stored as 1, so a unit
# with this p never goes off.
#
# We have tried u coarse and p fine, which is stuck, and both coarse, which works for .9963 and
# fails for .999. Only with both fine can a unit with p = .9963 *and* one with p = .999 go off
# now and then. So keep u and p in float32.
#
# **Second, only the parameters.** Between 1 and 2 the numbers of bfloat16 are 1/128 = .0078
# apart. If a weight of 1.5 should grow by .003, the nearest number is 1.5 again. Let's train
# on the fourteen pictures of lesson 01, the bars and stripes on 3 × 3. With 512 patterns we
# can afford the exact gradient. `surplus` is the probability of each pattern in the data, 1/14
# for a picture and 0 otherwise, minus that in the model. We compute in float32. Only `keep`
# stores the weights and biases in bfloat16 after each update.


# %% tags=["hide-input"]
# The 512 patterns, and which of them are the fourteen pictures
patterns = torch.tensor(list(itertools.product([0.0, 1.0], repeat=9)))
grids = patterns.reshape(-1, 3, 3)
same_columns = (grids == grids[:, :1]).all(2).all(1)
same_rows = (grids == grids[:, :, :1]).all(2).all(1)
is_picture = same_columns | same_rows


# %%
def train_exactly(keep, n_updates=4000, lr=0.1):
    """The NLL along the way. `keep` stores the parameters after each update."""
    W = keep(0.1 * torch.randn(9, 8, generator=torch.Generator().manual_seed(0)))
    b, c, nll = torch.zeros(9), torch.zeros(8), []
    for _ in range(n_updates):
        score = patterns @ b + softplus(patterns @ W + c).sum(1)
        log_p = score - score.logsumexp(0)
        surplus = is_picture / 14 - log_p.exp()  # data minus model
        p = torch.sigmoid(patterns @ W + c)
        W = keep(W + lr * (surplus[:, None] * patterns).T @ p)
        b = keep(b + lr * surplus @ patterns)
        c = keep(c + lr * surplus @ p)
        nll.append(-float(log_p[is_picture].mean()))
    return nll


# %%
curves = {"float32": train_exactly(lambda x: x), "bfloat16": train_exactly(bfloat16)}
end = {name: nll[-1] for name, nll in curves.items()}
say(
    f"The NLL ends at **{end['float32']:.2f}** nats with parameters in float32, and at "
    f"**{end['bfloat16']:.2f}** with parameters in bfloat16. The best possible is 2.64."
)

# %% tags=["hide-input"]
# Drawing
fig, axis = plt.subplots(figsize=(8, 2.9))
for (name, nll), color in zip(curves.items(), ("blue", "red"), strict=True):
    axis.plot(nll, color=COLORS[color])
    axis.text(len(nll) + 30, nll[-1], name, va="center", color=COLORS[color])
axis.axhline(math.log(14), color=GREY, lw=0.8, ls=(0, (4, 3)))
axis.text(40, math.log(14) + 0.1, "best possible, log 14", fontsize=9, color=GREY)
axis.set(xlabel="updates", ylabel="nats per picture", xlim=(0, 4550))
axis.set_xticks([0, 1000, 2000, 3000, 4000])
axis.xaxis.set_major_formatter("{x:,.0f}")
axis.set_title("Parameters kept in bfloat16 stop learning")
show(
    fig,
    "Negative log-likelihood against updates. With float32 it falls towards log 14, with "
    "parameters kept in bfloat16 it stays far above.",
)

# %% [markdown]
# For about 500 updates the two curves lie almost on each other, and then they part. So keep the
# parameters in float32, too. In PyTorch, `model.bfloat16()` turns all of them into
# bfloat16 without a word. The library's `fit` refuses to train such a model.

# %% tags=["nbval-check-output"]
try:
    rbm_lib.fit(rbm_lib.RBM(9, 8).bfloat16(), patterns[is_picture], epochs=1)
except TypeError as error:
    print(error)

# %% [markdown]
# ## 6. Two processes, one result
#
# Several processes can share a batch. Each has a copy of the model, computes the gradient
# for its slice of the rows, and they add up what they found. The adding is called
# **all-reduce**, because afterwards *all* of them hold the sum. Then all take the same step
# and still have the same model.
#
# ![Two processes hold the same batch, random numbers and weights. Each uses half of the rows and computes its share of the gradient; the shares are summed, and both take the same step.](figures/two_processes.svg)
#
# A gradient is a mean over rows, and here is a trap. Suppose process 0 has three rows with
# the mean 2, and process 1 has one row with the mean 6. The mean of all four rows is
# (3 · 2 + 1 · 6) / 4 = 3, not (2 + 6) / 2 = 4.
#
# **Exercise 4 · What is added up** · ★ · 4 minutes · 2 points. `means` is a list with the
# mean gradient of every process and `rows` a list with its number of rows, at least one.
# Return the mean gradient of the whole batch.
#
# <details><summary>Hint</summary>Each mean counts as much as it has rows:
# $\sum_r \frac{\text{rows}_r}{\text{all rows}}\,\text{mean}_r$.</details>


# %%
def my_together(means, rows):
    ### BEGIN SOLUTION
    total = sum(rows)
    return sum(n / total * mean for mean, n in zip(means, rows, strict=True))
    ### END SOLUTION


# %%
lesson.check("4", my_together)

# %% [markdown]
# There is a second trap, because each step draws hidden states. If each process draws its own
# random numbers, the result depends on how many processes there are, and nothing can be tested.
# So all processes draw the random numbers u of the *whole* batch from one seed, and each uses
# its slice. We cut a batch of 11 rows into four slices and compare.

# %%
together = lesson.use("4", my_together)
v11, u11 = v[:11], uniform[:11]
whole = cd1(model, v11, u11)[0]
slices = list(zip(v11.tensor_split(4), u11.tensor_split(4), strict=True))
rows = [len(part) for part, _ in slices]
means = [cd1(model, part, u)[0] for part, u in slices]
own_u = [cd1(model, part, u.flip(1))[0] for part, u in slices]  # others than before
answers = {
    "weighted by rows": together(means, rows),
    "mean of means": sum(means) / 4,
    "own random numbers": together(own_u, rows),
}
for name, answer in answers.items():
    away = float((answer - whole).norm() / whole.norm())
    print(f"{name:18}  {'right, but for rounding' if away < 1e-5 else f'{away:.0%} off'}")

# %% [markdown]
# ## 7. Optional: do two processes, or a GPU, pay?
#
# *Six minutes, which the 60 do not count.* Each of two processes saves half of the operations.
# That grows with the rows of the batch. In return it has to send its gradient, which has as many
# numbers as `W` however many rows there are, and each sending has a fixed price. So the batch
# decides. We timed two processes once, with the same 784 visible and 128 hidden units.
#
# **Predict first.** With a batch of 32 rows, what do two processes do?

# %%
lesson.predict("processes", "With 32 rows, two processes are", ["faster", "slower"])

# %%
times = RECORD["processes"]
one, both = times[32]
lesson.reveal(
    "processes",
    "slower" if both > one else "faster",
    f"*Recorded:* With 32 rows one process takes {one:.1f} ms and two take {both:.1f} ms.",
)

# %% tags=["hide-input"]
# Drawing
fig, axis = plt.subplots(figsize=(7, 3))
for place, (label, color) in enumerate((("one process", "blue"), ("two processes", "red"))):
    values = [times[n][place] for n in times]
    axis.plot(list(times), values, "o-", color=COLORS[color], label=label)
axis.set(xscale="log", yscale="log", xlabel="rows in the batch")
axis.set_ylabel("ms per update, recorded")
axis.set_xticks(list(times), [str(n) for n in times])
axis.set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
axis.minorticks_off()
axis.legend()
axis.set_title("Two processes pay for large batches only")
show(
    fig,
    "Milliseconds per update against the rows of the batch, for one process and for two.",
)

# %% [markdown]
# Two processes pay where their line lies clearly below that of one. (Compare these times
# only with each other. They are by the clock, on a busy machine.) But a larger batch means
# fewer updates in each epoch, so you may need more epochs. If you want to try, the
# library's `fit` works with several processes, as [Installation](../docs/installation.md)
# explains.
#
# **And a GPU?** If you have one, the cell below measures it with batches of four sizes. Its
# stopwatch has to wait for the GPU, since a call returns before the work is done.

# %% tags=["hide-input"]
# A GPU, where there is one
if torch.cuda.is_available() and lesson.progress:
    there = RBM(*(x.cuda() for x in (model.W, model.b, model.c)))
    for n in (16, 256, 4096, 65536):
        v_n = (torch.rand(n, 784) < 0.3).float()
        u_n = torch.rand(n, 128)
        on_gpu = v_n.cuda(), u_n.cuda()

        def by_gpu(batch=on_gpu):
            cd1(there, *batch)
            torch.cuda.synchronize()

        race(f"gpu {n}", {"CPU": lambda b=(v_n, u_n): cd1(model, *b), "GPU": by_gpu}, 10)
        ms = own[f"gpu {n}"]
        print(f"{n:6} rows: CPU {ms['CPU']:9.3f} ms, GPU {ms['GPU']:7.3f} ms per update")
else:
    print("No GPU was measured here. Run this cell in JupyterLab on a machine with CUDA.")

# %% [markdown]
# ## 8. Your turn
#
# **Exercise 5 · Save bfloat16** · open · 6 minutes. `keep` below says how the parameters are
# stored after each update. Change one thing so that training with parameters in bfloat16
# comes closer to 2.64, and say beforehand what you expect. You could take a larger learning
# rate, switch to float32 halfway, or round in another way. Explain what you saw.
#
# <details><summary>Another way to round</summary>Round <i>at random</i>, up or down, with the
# closer number more likely. Then a step of .003 moves a weight sometimes, and by the right
# amount on average. The folded cell below does it. Set <code>keep=at_random</code>.</details>

# %%
lesson.predict("save", "My change, and the NLL that I expect from it")

# %% tags=["hide-input"]
# Rounding at random
rng = torch.Generator().manual_seed(0)


def at_random(x):
    """Rounded to bfloat16, up or down at random, so that the mean is right."""
    spacing = 2.0 ** (torch.floor(torch.log2(x.abs().clamp(min=1e-30))) - 7)
    return torch.floor(x / spacing + torch.rand(x.shape, generator=rng)) * spacing


# %%
mine = train_exactly(keep=bfloat16, lr=0.1)
print(f"mine: NLL {mine[-1]:.2f} in the end, {min(mine):.2f} at its best")
print(f"bfloat16 above: {end['bfloat16']:.2f}, float32: {end['float32']:.2f}, log 14: 2.64")

# %% [markdown]
# <details><summary>What we found, with four seeds</summary>A learning rate of .5 makes the
# steps large enough to count. It ends between 3.2 and 3.4, where float32 reaches 2.66. At a
# rate of 1 the NLL falls below 2.9 and then gets worse again. Switching to float32 halfway
# costs half of the training and ends between 2.9 and 3.2. With <code>keep=at_random</code>
# the loss from bfloat16 is gone. It ends within .01 of float32, with 2 bytes for each
# weight.</details>
#
# ## What to remember
#
# - CD-k makes 2k + 3 matrix products of 2BVH operations each. They are the floor. Measure it in
#   the same race as your own code, and measure one thing under two names.
# - Keep what you have computed. Half the products gave the same numbers.
# - When nearly all ratings are missing, compute only with those that exist. Show that the
#   numbers are equal before you look at the time.
# - Keep parameters, probabilities and the random numbers they are compared with in float32.
# - Several processes add up shares, each weighted by its number of rows, with the random
#   numbers of the whole batch. Then one process and many agree.

# %%
lesson.predictions()
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. A catalogue grows tenfold, and the number of ratings stays the same. Does an epoch by the method <i>rated only</i> have more to compute?</summary>No, because each update reads and changes only the rows of W for its ratings. The dense method has ten times as much to compute.</details>
#
# <details><summary>2. Reconstructions with 8-bit random numbers look as good as with 24 bits. Is the sampler all right?</summary>Reconstructions cannot show that. They ask for likely things, and coarse random numbers fail at rare ones, which decide how a chain moves between valleys.</details>
#
# <details><summary>3. Four processes and one process give slightly different results. Is that rounding or a bug?</summary>Compare them after one update. Rounding changes the last digits only. A difference of some percent points to a mean of means, or to random numbers of their own.</details>

# %% tags=["remove-cell", "skip-slide"]
lesson.quiz()  # ten more questions, if you like, with reasons

# %% [markdown]
# **Next:** the optional lessons [07, measuring a machine](07_measuring_a_machine.ipynb), and
# [08, better ratings](08_better_ratings.ipynb).
#
# ## References
#
# - Williams, Waterman & Patterson (2009), Roofline: an insightful visual performance model for multicore architectures. [doi:10.1145/1498765.1498785](https://doi.org/10.1145/1498765.1498785)
# - Salakhutdinov, Mnih & Hinton (2007), Restricted Boltzmann machines for collaborative filtering. [doi:10.1145/1273496.1273596](https://doi.org/10.1145/1273496.1273596)
# - Harper & Konstan (2015), The MovieLens datasets: history and context. [doi:10.1145/2827872](https://doi.org/10.1145/2827872)
# - Li et al. (2020), PyTorch distributed: experiences on accelerating data parallel training. [doi:10.14778/3415478.3415530](https://doi.org/10.14778/3415478.3415530)
# - Hoefler & Belli (2015), Scientific benchmarking of parallel computing systems. [doi:10.1145/2807591.2807644](https://doi.org/10.1145/2807591.2807644)
