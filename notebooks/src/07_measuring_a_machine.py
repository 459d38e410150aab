# %% [markdown]
# # 07 · Measuring a machine
#
# *An optional lesson, for those who want to put a number on a model.* In
# [lesson 01](01_energy_and_contrastive_divergence.ipynb) you knew the exact likelihood at
# every moment, because 512 patterns can be added up. Pictures of digits with 28 × 28 pixels
# have $2^{784}$ patterns, and nobody can add those up. In this lesson you estimate the missing
# sum from samples and enclose it from both sides. You meet an estimate that looks perfect and
# is wrong, and likelihoods that are better than any model can have.
#
# | | |
# |---|---|
# | **You will be able to** | estimate log Z by annealed importance sampling, bracket it from both sides, say what an error does to the likelihood, and when not to believe an estimate |
# | **You need** | [lesson 01](01_energy_and_contrastive_divergence.ipynb) |
# | **Time** | 60 minutes, 20 of them for three exercises; section 7, an open exercise, is optional and takes 12 more |
# | **Data** | the fourteen bars and stripes of lesson 01 |
# | **Hardware** | any laptop; each cell takes a few seconds |

# %%
import itertools
import math
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import softplus

from rbm_lib.course import Lesson, say
from rbm_lib.plotting import COLORS, GREY, INK, show

lesson = Lesson("07_measuring_a_machine")

# %% [markdown]
# ## 1. Which number is missing?
#
# The height of a picture is $-\log p(v) = F(v) + \log Z$. The mean height of the data is the
# negative log-likelihood (NLL), by which models are compared. The free energy $F(v)$ costs one
# softplus for each hidden unit, however large the model is. But $\log Z$ is a sum over all
# patterns. So for a large model a single number is missing, and it is the same for all
# pictures.
#
# Below is the RBM of lesson 01. Its functions have a new argument `beta`, which multiplies
# the weights $W$ and which we will need in section 2.


# %%
def draw(p, rng):
    return (torch.rand(p.shape, generator=rng) < p).to(p.dtype)


@dataclass
class RBM:
    W: torch.Tensor
    b: torch.Tensor
    c: torch.Tensor

    def free_energy(self, v, beta=1.0):
        return -(v @ self.b) - softplus(beta * (v @ self.W) + self.c).sum(1)

    def sweep(self, v, beta, rng):
        h = draw(torch.sigmoid(beta * (v @ self.W) + self.c), rng)
        return draw(torch.sigmoid(beta * (h @ self.W.T) + self.b), rng)


# %% tags=["hide-input"]
# All 512 patterns, and which of them are the fourteen bars and stripes
patterns = torch.tensor(list(itertools.product([0.0, 1.0], repeat=9)))
grids = patterns.reshape(-1, 3, 3)
same_columns = (grids == grids[:, :1]).all(2).all(1)
same_rows = (grids == grids[:, :, :1]).all(2).all(1)
is_picture = same_columns | same_rows
pictures = patterns[is_picture]

# %% [markdown]
# We train two models with the exact gradient of lesson 01, one for 300 updates and one for
# 4,000. The first has small weights, and the second has a deep valley for each picture. Both
# are small enough that we know the exact $\log Z$ and can judge every estimate.


# %% tags=["hide-input"]
# The exact log Z, and training by the exact gradient
def exact_log_Z(model, beta=1.0):
    return torch.logsumexp(-model.free_energy(patterns, beta), 0)


def train(n_updates, lr=0.5):
    rng = torch.Generator().manual_seed(0)
    W = 0.1 * torch.randn(9, 8, generator=rng)
    model = RBM(W, torch.zeros(9), torch.zeros(8))
    for _ in range(n_updates):
        share = torch.softmax(-model.free_energy(patterns), 0)  # p(v) of every pattern
        surplus = is_picture / 14 - share  # data minus model
        p = torch.sigmoid(patterns @ model.W + model.c)
        model.W += lr * (surplus[:, None] * patterns).T @ p
        model.b += lr * surplus @ patterns
        model.c += lr * surplus @ p
    return model


# %%
models = {"early": train(300), "finished": train(4000)}
for name, model in models.items():
    log_Z = exact_log_Z(model)
    nll = float((model.free_energy(pictures) + log_Z).mean())
    share = torch.softmax(-model.free_energy(patterns), 0)[is_picture].sum()
    print(
        f"{name:9} log Z = {log_Z:6.3f}, NLL = {nll:.3f} nats, "
        f"the 14 pictures have {share:.0%} of Z"
    )

# %% [markdown]
# The first idea is to look at a few patterns instead of all of them. $Z$ is 512 times the
# mean of $e^{-F(v)}$ over all patterns, so let's take the mean over 100 patterns drawn at
# random.
#
# **Predict first.** We do this 200 times for the finished model. In how many of these runs
# will $\log Z$ be wrong by more than half a nat?

# %%
lesson.predict("random", "My guess, of 200 runs")


# %%
def from_random_patterns(model, rng, n=100):
    chosen = patterns[torch.randint(512, (n,), generator=rng)]
    log_mean = torch.logsumexp(-model.free_energy(chosen), 0) - math.log(n)
    return float(math.log(512) + log_mean - exact_log_Z(model))


rng = torch.Generator().manual_seed(0)
errors = {
    name: np.array([from_random_patterns(model, rng) for _ in range(200)])
    for name, model in models.items()
}

# %% tags=["hide-input"]
# Drawing
fig, axis = plt.subplots(figsize=(9, 2.3))
jitter = np.random.default_rng(0).uniform(-0.25, 0.25, 200)
for place, (name, color) in enumerate((("finished", "red"), ("early", "blue"))):
    axis.plot(errors[name], place + jitter, ".", color=COLORS[color], alpha=0.5, ms=5)
axis.axvline(0, color=GREY, lw=0.8, ls=(0, (4, 3)))
for hits in range(8):  # each picture has 7 % of Z, and all other patterns 2 %
    x = math.log(0.07 * hits * 512 / 100 + 0.02) if hits else -3.85
    label = str(hits) if hits else "0 of the 14 pictures"
    axis.text(x, 0.42, label, ha="center", va="center", fontsize=9, color=INK)
axis.set(yticks=[0, 1], yticklabels=["finished", "early"], ylim=(-0.5, 1.5))
axis.set_xlabel("estimated − exact log Z, in nats")
axis.set_title("For the finished model an estimate depends on how many pictures it hits")
show(
    fig,
    "Errors of 200 estimates from random patterns for two models. For the early model "
    "they lie near zero. For the finished one they form clusters, which are numbered by "
    "how many of the 14 pictures were hit: 0 at about -4 nats, 1 at -1, up to 7 at +1.",
)

# %%
wrong = int((abs(errors["finished"]) > 0.5).sum())
lesson.reveal(
    "random",
    wrong,
    f"In {wrong} of the 200 runs the estimate was off by more than half a nat.",
)

# %% [markdown]
# Nearly all of $Z$ comes from 14 of the 512 patterns. Among 100 random patterns there are 2.7
# of them on average, and the estimate depends on whether there are none, two or five. The
# numbers in the plot count them. A random pattern of 28 × 28 pixels never looks like a digit,
# so for a large model this method would miss everything that counts.
#
# ## 2. A path of models
#
# Random patterns rarely hit a valley. Instead of jumping there, we go in small steps. Let's
# multiply the weights by a number $\beta$ between 0 and 1:
#
# $$F_\beta(v) = -\,b \cdot v - \sum_j \log\left(1 + e^{\,c_j + \beta \sum_i v_i W_{ij}}\right)$$
#
# At $\beta = 1$ this is our model. At $\beta = 0$ all units are independent. We can then
# draw samples at once, and the sum is a product with one factor for each unit, which is 1
# for off plus $e^{\text{bias}}$ for on:
#
# $$Z_0 = \prod_i (1 + e^{b_i}) \prod_j (1 + e^{c_j})$$
#
# So $\log Z_0$ is the sum of the softplus of all biases. The biases are not multiplied by
# $\beta$, and even at $\beta = 0$ some patterns are likelier than others. The models for all
# $\beta$ in between form a **path**.


# %% tags=["hide-input"]
# Drawing
betas = torch.linspace(0, 1, 81)
fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), sharey=True)
for axis, (name, model) in zip(axes, models.items(), strict=True):
    along = torch.stack(
        [model.free_energy(patterns, beta) + exact_log_Z(model, beta) for beta in betas]
    )
    axis.plot(betas, along[:, ~is_picture], color=GREY, lw=0.3, alpha=0.35)
    axis.plot(betas, along[:, is_picture], color=COLORS["blue"], lw=1.3)
    axis.plot(betas, along[:, 0], color=COLORS["red"], lw=2)
    axis.axhline(math.log(14), color=INK, lw=0.8, ls=(0, (4, 3)))
    axis.set(xlabel="β", xlim=(0, 1), ylim=(0, 30), title=f"{name} model")
axes[0].set_ylabel("height, in nats")
axes[0].text(0.03, math.log(14) - 1.6, "log 14", fontsize=9, color=INK)
axes[1].text(0.65, 0.85, "all pixels off", fontsize=8, color=COLORS["red"], ha="center")
axes[1].text(0.03, 27.5, "blue: the 14 pictures", fontsize=9, color=COLORS["blue"])
axes[1].text(0.03, 25.5, "grey: the other 498 patterns", fontsize=9, color=GREY)
show(
    fig,
    "Heights of all patterns against beta for two models. In the finished model the "
    "picture with all pixels off is far below all others in the middle of the path.",
)

# %%
for beta in (0.0, 0.5, 0.75, 1.0):
    p = torch.softmax(-models["finished"].free_energy(patterns, beta), 0)
    n_on = int(patterns[p.argmax()].sum())
    print(
        f"β = {beta:.2f}: the likeliest pattern has {n_on} pixels on and p = {p.max():.2f}"
    )

# %% [markdown] tags=["slide"]
# On the right, one picture sinks far below all the others in the middle of the path. It is the
# picture in which all pixels are off. The others catch up only near the end. Keep an eye on
# it, because it will cause trouble in section 6.
#
# ## 3. One step along the path, and then many
#
# A step from $\beta$ to a larger $\beta'$ changes $Z$ by a factor that is an average over
# samples:
#
# $$\frac{Z_{\beta'}}{Z_\beta} = \sum_v \frac{e^{-F_\beta(v)}}{Z_\beta}\,
# \frac{e^{-F_{\beta'}(v)}}{e^{-F_\beta(v)}}
# = \Big\langle e^{\,F_\beta(v) - F_{\beta'}(v)} \Big\rangle_{v \sim p_\beta}$$
#
# Let's check it on the two-unit model of lesson 01, with $b = c = -1$ and $W = 2$, in a
# single step from 0 to 1. Without $W$, $Z_0 = (1 + e^{-1})^2$, and the pixel is on with
# probability $\sigma(-1)$.
#
# - If the pixel is off, $W$ does not matter, and the factor is 1.
# - If it is on, $F_0 = 1 - \log(1 + e^{-1})$ and $F_1 = 1 - \log(1 + e)$. The factor is
#   $(1 + e) / (1 + e^{-1}) = e$.
#
# So $Z_0$ times the average factor should be the $Z$ that we had in lesson 01, which is 2.736<!--1.871-->.

# %% tags=["nbval-check-output"]
Z_0 = (1 + math.exp(-1)) ** 2
on = 1 / (1 + math.exp(1))  # how often the pixel is on at β = 0
average = (1 - on) * 1 + on * math.e
print(f"{Z_0:.3f} · ({1 - on:.3f} · 1 + {on:.3f} · {math.e:.3f}) = {Z_0 * average:.3f}")

# %% [markdown] tags=["slide"]
# With small steps all these factors are close to 1, so a few samples average them well. But
# every step needs samples of another model. **Annealed importance sampling** (AIS; Neal, 2001)
# uses the same chains for all steps, and Salakhutdinov and Murray (2008) brought it to RBMs. A
# chain starts with a sample at $\beta = 0$ and takes the factor of the first step. Then it makes
# one Gibbs sweep in the new model. With the pattern that it has now, it takes the factor of the
# second step, and so on. The product of all its factors is its **importance weight** $w$, which
# is not to be confused with the weights $W$. Its logarithm is a sum:
#
# $$\log w = \sum_t F_{\beta_t}(v_t) - F_{\beta_{t+1}}(v_t)$$
#
# **Exercise 1 · A walk along the path** · ★★ · 10 minutes · 3 points. `v` has one chain per
# row, drawn at `betas[0]`. For each pair of neighbours in `betas`, add the difference of
# free energies to every chain's `log_w`, and then make a sweep in the *following* model.
# `free_energy(v, beta)` returns one number per row, and `sweep(v, beta)` returns new rows
# and needs no `rng`. Return `log_w`, shape (rows,). The very last sweep makes no difference.
#
# <details><summary>Hint</summary>Start with <code>torch.zeros(len(v))</code>, and use
# <code>zip(betas[:-1], betas[1:])</code> for the pairs. The difference belongs to the
# pattern before the sweep.</details>


# %%
def my_walk(free_energy, sweep, v, betas):
    ### BEGIN SOLUTION
    log_w = torch.zeros(len(v))
    for beta, following in zip(betas[:-1], betas[1:], strict=True):
        log_w += free_energy(v, beta) - free_energy(v, following)
        v = sweep(v, following)
    return log_w
    ### END SOLUTION


# %%
lesson.check("1", my_walk)

# %% [markdown]
# Is one sweep enough? After it the chain has not caught up with the new model. It need not,
# because the importance weight makes up for that.
#
# 1. At the start, the chains are samples of the model at $\beta = 0$.
# 2. Count every chain $e^{\,F_0(v) - F_{\beta_1}(v)}$ times. Then they represent the next
#    model, because this factor is how much more probable each pattern has become, up to a
#    constant.
# 3. A sweep leaves the distribution of its model unchanged. This is what *stationary* means
#    in section 6 of lesson 01. So after the sweep the chains, counted in the same way, still
#    represent this model.
#
# Steps 2 and 3 repeat until $\beta = 1$. Therefore **the mean of $w$ over infinitely many chains
# is exactly $Z / Z_0$, for any number of steps.** With few steps $w$ only scatters more, so that
# more chains are needed.
#
# The estimate of $Z$ is $Z_0$ times the mean of $w$ over all chains. We have logarithms,
# and they can be so large that $e^{\log w}$ overflows.
#
# **Exercise 2 · The log of a mean** · ★★ · 5 minutes · 2 points. Return the logarithm of
# the mean of $w$, computed from `log_w`. It must still work when `log_w` is around 1,000, or
# when one value is 1,000 larger than the others.
#
# <details><summary>Hint</summary>A mean is a sum divided by how many there are, and
# <code>torch.logsumexp(log_w, 0)</code> is the log of a sum of exponentials.</details>


# %%
def my_log_mean_exp(log_w):
    ### BEGIN SOLUTION
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))
    ### END SOLUTION


# %%
lesson.check("2", my_log_mean_exp)

# %% [markdown]
# Now your two functions measure the early model, with 100 chains and more and more steps. The
# last line has only 3 steps, but 100,000 chains.

# %%
walk = lesson.use("1", my_walk)
log_mean_exp = lesson.use("2", my_log_mean_exp)


def log_Z_0(model):
    return softplus(model.b).sum() + softplus(model.c).sum()


def anneal(model, start, betas, rng):
    """log w of chains that walk from these patterns along the path."""

    def sweep(v, beta):
        return model.sweep(v, beta, rng)

    return walk(model.free_energy, sweep, start, betas)


def upward(model, n_chains, betas, rng):
    """log w of chains that walk from β = 0 to the model."""
    start = draw(torch.sigmoid(model.b).expand(n_chains, -1), rng)
    return anneal(model, start, betas, rng)


# %%
rng = torch.Generator().manual_seed(0)
model = models["early"]
print(f"exact:                        log Z = {exact_log_Z(model):.3f}")
for n_steps, n_chains in ((3, 100), (10, 100), (100, 100), (1000, 100), (3, 100_000)):
    log_w = upward(model, n_chains, torch.linspace(0, 1, n_steps + 1), rng)
    log_Z = log_Z_0(model) + log_mean_exp(log_w)
    print(f"{n_steps:4} steps, {n_chains:7,} chains: log Z = {log_Z:.3f}")

# %% [markdown]
# For so small a model, random patterns would have done as well. AIS pays where they never
# hit a valley.
#
# ## 4. From both sides
#
# Without the exact value, how would you know that an estimate is good? It helps to know in
# which direction it errs. Suppose half of all chains have $w = 1$ and half have $w = 3$.
# The mean is 2, and its logarithm is .693. A run with a single chain reports either
# $\log 1 = 0$ or $\log 3 = 1.099$, which is .549 on average. The mean of logarithms is lower
# than the logarithm of the mean, unless all $w$ are equal. So AIS is right about $Z$ on average,
# but its $\log Z$ **tends to be too low**.
#
# AIS therefore flatters the model. If $\log Z$ comes out 1 nat too low, so does the NLL.
#
# Now let's walk the other way. Chains that start with samples of the *model* walk down to
# $\beta = 0$, and their mean of $w$ estimates $Z_0 / Z$. This is again right on average, and its
# logarithm again tends to be too low. We get $\log Z$ by subtracting it,
# $\log Z = \log Z_0 - \log \langle w \rangle$, so this $\log Z$ **tends to be too high**
# (Burda, Grosse and Salakhutdinov, 2015). On average the truth lies between the two. To measure
# from both sides is called *bidirectional Monte Carlo* (Grosse, Ghahramani and Adams, 2015).


# %%
def exact_samples(model, n, rng):
    p = torch.softmax(-model.free_energy(patterns), 0)
    return patterns[torch.multinomial(p, n, replacement=True, generator=rng)]


def downward(model, n_chains, betas, rng):
    """log w of chains that walk from samples of the model to β = 0."""
    return anneal(model, exact_samples(model, n_chains, rng), betas.flip(0), rng)


def bracket(model, betas, rng, n_runs=10, n_chains=100):
    """Errors of AIS and of reverse AIS, in nats, one per run."""
    up = upward(model, n_runs * n_chains, betas, rng).reshape(n_runs, -1)
    down = downward(model, n_runs * n_chains, betas, rng).reshape(n_runs, -1)
    offset = log_Z_0(model) - exact_log_Z(model)
    low = [float(offset + log_mean_exp(log_w)) for log_w in up]
    high = [float(offset - log_mean_exp(log_w)) for log_w in down]
    return np.array(low), np.array(high)


# %%
n_steps = (3, 10, 30, 100, 300)
rng = torch.Generator().manual_seed(1)
brackets = {
    name: [bracket(model, torch.linspace(0, 1, n + 1), rng) for n in n_steps]
    for name, model in models.items()
}


# %% tags=["hide-input"]
# Drawing
def draw_bracket(axis, results, title):
    """Ten runs of each direction against the number of steps, and their means."""
    for side, (color, shift, label) in enumerate(
        (("blue", 0.94, "AIS, from below"), ("orange", 1.06, "reverse AIS, from above"))
    ):
        x = np.array(n_steps) * shift
        runs = np.stack([result[side] for result in results])
        axis.plot(x, runs, ".", color=COLORS[color], ms=5, alpha=0.5)
        axis.plot(x, runs.mean(1), color=COLORS[color])
        corner = 0.06 if side == 0 else 0.94
        axis.text(
            0.97,
            corner,
            label,
            color=COLORS[color],
            transform=axis.transAxes,
            ha="right",
            va="center",
            fontweight="bold",
        )
    axis.axhline(0, color=INK, lw=0.8, ls=(0, (4, 3)))
    axis.set(xscale="log", xlabel="steps", title=title)
    axis.set_xticks(n_steps, [str(n) for n in n_steps])
    axis.minorticks_off()


fig, axis = plt.subplots(figsize=(7, 3.2))
draw_bracket(axis, brackets["early"], "Early model: both directions scatter less and less")
axis.set_ylabel("estimated − exact log Z, in nats")
show(
    fig,
    "Errors of AIS and reverse AIS against the number of steps for the early model. Both "
    "scatter less and less around zero. With few steps AIS is low and reverse AIS high.",
)

# %%
low, high = brackets["early"][-1]
say(
    f"With {n_steps[0]} steps, AIS is off by {brackets['early'][0][0].mean():+.2f} nats on "
    f"average and reverse AIS by {brackets['early'][0][1].mean():+.2f}. With {n_steps[-1]} "
    f"steps it is **{low.mean():+.3f}** and **{high.mean():+.3f}**."
)

# %% [markdown]
# A single run can fall on the wrong side of the truth, as some of the dots do. The lines are
# means of ten runs, and they scatter as well, so that they even cross at 30 steps.
#
# What counts is the **gap**, which is the result of reverse AIS minus that of AIS. A
# negative gap is chance, because runs scatter by more than the two directions differ. So
# look at several runs. If their gaps are all small, both directions are probably right.
#
# There is a catch. Reverse AIS needs exact samples, and here we got them by enumeration.
# For a large RBM people use long Gibbs chains instead, and then the upper side is only as
# good as these chains.
#
# ## 5. How to fool yourself
#
# AIS programs also report whether many chains share the importance weight or a few have nearly
# all of it. They call it the **effective number** of chains:
#
# $$n_{\text{eff}} = \frac{\left(\sum_m w_m\right)^2}{\sum_m w_m^2}$$
#
# Four chains with $w = 1, 1, 1, 1$ count as $4^2 / 4 = 4$. With $w = 3, 1, 0, 0$ they count
# as $4^2 / 10 = 1.6$, because one of them dominates. When only a few of 100 chains count,
# the estimate is an average over a few chains, and you should not believe it.
#
# **Exercise 3 · The effective number** · ★★ · 5 minutes · 2 points. Compute
# $n_{\text{eff}}$ from `log_w`, again without overflow.
#
# <details><summary>Hint</summary>Multiplying all $w$ by one factor changes nothing, so you
# may subtract the largest <code>log_w</code> first.</details>


# %%
def my_effective_number(log_w):
    ### BEGIN SOLUTION
    w = torch.exp(log_w - log_w.max())
    return w.sum() ** 2 / (w**2).sum()
    ### END SOLUTION


# %%
lesson.check("3", my_effective_number)

# %% [markdown]
# Is a high effective number good news, then? Here is a model with two valleys, built by
# hand. Its single hidden unit turns all nine pixels on or off. When it is off, each pixel has
# the input $-4$, and when it is on, $8 - 4 = +4$. With $n$ pixels on, the hidden unit has the
# input $8n - 36$, which changes sign at $n = 4.5$. So the dark and the bright valley have exactly
# the same probability.


# %% tags=["nbval-check-output"]
twins = RBM(W=torch.full((9, 1), 8.0), b=torch.full((9,), -4.0), c=torch.tensor([-36.0]))
p = torch.exp(-twins.free_energy(patterns) - exact_log_Z(twins))
bright = patterns.sum(1) > 4.5
print(f"dark patterns: {p[~bright].sum():.3f}, bright patterns: {p[bright].sum():.3f}")

# %% tags=["slide"]
effective_number = lesson.use("3", my_effective_number)

rng = torch.Generator().manual_seed(0)
log_w = upward(twins, 100, torch.linspace(0, 1, 1001), rng)
relative = torch.exp(log_w - log_mean_exp(log_w))  # w divided by its mean
estimate = float(log_Z_0(twins) + log_mean_exp(log_w))
print(
    f"AIS with 1,000 steps: log Z = {estimate:.3f} ± {float(relative.std()) / 10:.3f}, "
    f"effective number {effective_number(log_w):.0f} of 100"
)

# %% [markdown]
# The number after ± is how much the mean of $w$ scatters by chance, as a share of itself: the
# scatter of $w$ divided by $\sqrt{100}$.
#
# **Predict first.** The scatter is tiny and all 100 chains count. How far is the estimate
# from the exact value?


# %%
lesson.predict("twins", "AIS is off by", ["nothing", "about 0.7 nats", "several nats"])

# %% tags=["hide-input"]
# Drawing
fine = torch.linspace(0, 1, 401)
on = [torch.softmax(-twins.free_energy(patterns, beta), 0)[bright].sum() for beta in fine]
fig, axis = plt.subplots(figsize=(7, 2.4))
axis.plot(fine, on, color=COLORS["red"])
axis.set(xlabel="β", ylabel="probability", xlim=(0, 1), ylim=(-0.03, 0.55))
axis.set_title("The bright patterns gain their probability at the very end")
show(
    fig,
    "Probability of patterns with five or more pixels on, against beta: zero along "
    "nearly the whole path, and one half at its end.",
)

# %%
error = estimate - float(exact_log_Z(twins))
sign = "below" if error < 0 else "above"
lesson.reveal(
    "twins",
    "about 0.7 nats",
    f"AIS lies {abs(error):.3f} nats {sign} the exact value; log 2 = {math.log(2):.3f}.",
)
start = exact_samples(twins, 100, rng)
log_w = anneal(twins, start, torch.linspace(1, 0, 1001), rng)
gap = float(log_Z_0(twins) - log_mean_exp(log_w)) - estimate
n_dark = int((start.sum(1) < 4.5).sum())
say(
    f"Reverse AIS, also with 100 chains, comes out **{gap:.2f} nats higher** than AIS. "
    f"{n_dark} of its chains start in the dark valley, and its effective number is "
    f"{effective_number(log_w):.0f}. With 50 of 100 the gap would be log 2."
)

# %% [markdown]
# Along nearly the whole path the dark valley has all the probability, so all chains are in
# it. When the bright one gains its half, there is a ridge in between, and no chain crosses
# it. The chains agree with each other perfectly, and they report half of $Z$. An estimate
# can only count what its chains have visited, so **a high effective number proves
# nothing**. The gap to reverse AIS, whose chains start in both valleys, shows that
# something is wrong. So does its effective number, because the chains that start in the
# bright valley hardly count.
#
# ## 6. The finished model
#
# Back to bars and stripes. In section 2 the all-off picture went ahead of all the others along
# the path of the finished model. The twins have shown why this is dangerous. Chains gather in
# this valley and stay there.


# %% tags=["hide-input"]
# Drawing
fig, axis = plt.subplots(figsize=(7, 3.2))
draw_bracket(axis, brackets["finished"], "Finished model: a gap remains, and runs disagree")
axis.set_ylabel("estimated − exact log Z, in nats")
show(
    fig,
    "Errors of AIS and reverse AIS against the number of steps for the finished model. "
    "AIS stays below zero on average, reverse AIS above, and runs differ by whole nats.",
)

# %%
finished = models["finished"]
low, high = map(np.sort, brackets["finished"][-1])
print(f"errors of ten runs with {n_steps[-1]} steps")
print("AIS:        ", *(f"{x:+.2f}" for x in low))
print("reverse AIS:", *(f"{x:+.2f}" for x in high))
exact_nll = float((finished.free_energy(pictures) + exact_log_Z(finished)).mean())
nll = exact_nll + low  # an error of log Z is an error of the NLL
print("NLL by AIS: ", *(f"{x:5.2f}" for x in nll))
print(f"exact NLL: {exact_nll:.2f}, best possible: log 14 = {math.log(14):.2f}")
n_impossible = int((nll < math.log(14)).sum())
say(f"**{n_impossible} of the ten runs report an NLL that no model can reach.**")

# %% [markdown]
# With 14 equally frequent pictures, no model has an NLL below log 14, as you saw in lesson
# 01. Here we know that, and the exact NLL lies just above it, so nearly every low estimate
# gives itself away. For pictures of digits nobody knows the best possible NLL, and a
# flattering one looks like a success. (In the picture the mean gap is larger with 300 steps
# than with 100. That is chance. In 60 runs it fell from .61 to .42 nats.)
#
# Why is AIS so low? Let's follow 1,000 chains to the end of the path.

# %% tags=["hide-input"]
# Follow 1,000 chains with 300 steps: where do they end, and which of them count?
rng = torch.Generator().manual_seed(1)
path = [draw(torch.sigmoid(finished.b).expand(1000, -1), rng)]


def followed_sweep(v, beta):
    path.append(finished.sweep(v, beta, rng))
    return path[-1]


log_w = walk(finished.free_energy, followed_sweep, path[0], torch.linspace(0, 1, 301))
all_off = path[-1].sum(1) == 0
share = torch.softmax(log_w, 0)[all_off].sum()
print(f"{all_off.float().mean():.0%} of the chains end in the all-off picture.")
print(f"They have {share:.0%} of the importance weight.")
numbers = [effective_number(run) for run in log_w.reshape(10, 100)]
print("effective numbers of ten runs of 100:", *(f"{n:.0f}" for n in numbers))

# %% [markdown]
# Most chains end in the all-off picture, in which the model itself is only once in 14 times.
# The importance weights correct this, as section 3 promised, and leave these chains about a
# fourteenth. The rest belongs to a handful of the chains that found other valleys. They raise
# the estimate of their run, sometimes above the truth, and a run without them comes out too
# low. This time the effective numbers are a warning. Reverse AIS does better here, because its
# exact samples are spread over all 14 valleys from the start.
#
# ## 7. Close the gap (optional)
#
# The next cell measures the finished model in five runs, each with 1,000 chains in each
# direction. Single gaps are a lottery, and some are negative. So we judge a measurement by
# the **mean size** of its five gaps, without their signs.
#
# **Exercise 4 · Close the gap** · open · 12 minutes. Change one thing about the
# measurement, and say beforehand what it will do to the mean size. You could use more
# steps, more chains, or crowd the steps: `betas ** 2` puts more of them at the start, and
# `betas ** 0.5` more at the end. Where do the heights change most? Or measure a model with
# 1,000 updates, `train(1000)`. What is the cheapest way to a mean size below .3 nats, and
# does it hold with another seed? Explain in two sentences what you saw.

# %%
lesson.predict("gap", "My change, and the mean size that I expect, in nats")

# %%
model, n_chains = models["finished"], 1000
betas = torch.linspace(0, 1, 101)
rng = torch.Generator().manual_seed(2)
low, high = bracket(model, betas, rng, n_runs=5, n_chains=n_chains)
gaps = high - low
print("gaps of five runs:", *(f"{gap:+.2f}" for gap in gaps))
print(f"mean size: {abs(gaps).mean():.2f} nats")
print(f"cost: {2 * 5 * n_chains * (len(betas) - 1):,} sweeps")

# %% [markdown] tags=["skip-slide"]
# <details><summary>What we found</summary>We made 150 runs of the first three measurements,
# and 20 to 40 of the others. As it stands, the mean size is .46 nats, and single gaps lie
# between −1.34 and +1.04. Crowding the steps did not help. The mean size was .52 with more
# steps at the start and .50 with more at the end. Ten times the steps gave .16, and ten
# times the chains .24, each at ten times the cost. A model with 1,000 updates gave .21 at
# no extra cost. So smaller weights were the only cheap way to a small gap, but the exact
# NLL of that model is 2.77, which is worse.</details>
#
# ## What to remember
#
# - For a large model one number is missing, $\log Z$. AIS estimates it by walking from a
#   model without weights, whose $Z$ is known, in many small steps.
# - The mean of $w$ is right for any number of steps, but the logarithm of an estimate tends to
#   be too low. On average AIS lies low and reverse AIS high. Look at the gap between them.
# - If $\log Z$ is too low, so is the NLL, and the model looks better than it is.
# - A low effective number is a warning. A high one proves nothing, because chains that all miss
#   the same valley agree with each other.


# %%
lesson.predictions()
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. AIS says log Z = 100.0 ± 0.1, with 90 effective chains of 100. Is log Z known?</summary>No. All chains may have missed the same valley. Walk from the other side too, or from other starts, and see whether the results agree.</details>
#
# <details><summary>2. Reverse AIS starts from Gibbs chains that never left the valley of one training picture. Does its result still tend to be too high?</summary>Not even that, because it does so only from exact samples of the whole model.</details>
#
# <details><summary>3. Two models are compared on the same test rows, and AIS lies 2 nats low for one of them. Which one looks better than it is?</summary>That one. Its log p(v) = −F(v) − log Z comes out 2 nats too high for every row.</details>

# %% tags=["remove-cell", "skip-slide"]
lesson.quiz()  # ten more questions, if you like, with reasons

# %% [markdown]
# **Next:** for the models of `rbm_lib`, deep ones included, `ais_log_partition` and
# `reverse_ais_log_partition` in `rbm_lib.likelihood` do what you wrote here. Two more optional
# lessons are [08, better ratings](08_better_ratings.ipynb) after lesson 02, and [09, inside the
# deep machine](09_inside_the_deep_machine.ipynb) after lesson 05.
#
# ## References
#
# - Neal (2001), Annealed importance sampling. [doi:10.1023/A:1008923215028](https://doi.org/10.1023/A:1008923215028)
# - Salakhutdinov & Murray (2008), On the quantitative analysis of deep belief networks. [doi:10.1145/1390156.1390266](https://doi.org/10.1145/1390156.1390266)
# - Burda, Grosse & Salakhutdinov (2015), Accurate and conservative estimates of MRF log-likelihood using reverse annealing. [arXiv:1412.8566](https://arxiv.org/abs/1412.8566)
# - Grosse, Ghahramani & Adams (2015), Sandwiching the marginal likelihood using bidirectional Monte Carlo. [arXiv:1511.02543](https://arxiv.org/abs/1511.02543)
