# %% [markdown]
# # 09 · Inside the deep machine
#
# *An optional lesson, for those who want to train a deep Boltzmann machine themselves.* In
# [lesson 05](05_gaussian_bernoulli_dbm.ipynb) the second layer of a model could die in training.
# Here we take a model so small that we know its likelihood exactly, and ask four questions. What
# does its second layer say? Which switches of the optimiser matter? How should training start? And
# what is a trained layer good for?
#
# | | |
# |---|---|
# | **You will be able to** | measure in bits what a layer says about its input; compare optimisers at equal effort; pretrain a deep model and see whether it helped; judge embeddings beside features and principal components |
# | **You need** | lessons 01 and 05 |
# | **Time** | 60 minutes, 20 of them for three exercises; not counted: folded texts and code, the optional part of section 3, section 4, which takes 10 more, and the open exercise |
# | **Data** | the fourteen bars and stripes of lesson 01; Spotify's songs, or a synthetic stand-in |
# | **Hardware** | any laptop, no GPU |

# %%
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn.functional import softplus

from rbm_lib import DBM, PCD, Monitor, fit, pretrain
from rbm_lib.course import Lesson, say
from rbm_lib.data import AudioFeatures, load_spotify
from rbm_lib.data.spotify import FEATURES
from rbm_lib.plotting import COLORS, GREY, show
from rbm_lib.recommend import embeddings
from rbm_lib.training import linear_decay

lesson = Lesson("09_inside_the_deep_machine")

# %% [markdown]
# ## 1. What does layer two say?
#
# We return to the bars and stripes of lesson 01 and give them a deep model with 9 pixels, 8
# units in layer 1 and 4 in layer 2. One training proves little, because the next one may end
# elsewhere. So every tensor below has one more dimension in front, for several models that
# are trained at once from different random weights.


# %% tags=["hide-input"]
def all_patterns(n):
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)))


grids = all_patterns(9).reshape(-1, 3, 3)
same_columns = (grids == grids[:, :1]).all(2).all(1)
same_rows = (grids == grids[:, :, :1]).all(2).all(1)
pictures = grids[same_columns | same_rows].reshape(-1, 9)


# %%
@dataclass
class Deep:
    W1: Tensor  # (models, pixels, layer 1)
    W2: Tensor  # (models, layer 1, layer 2)
    b: Tensor  # (models, 1, pixels)
    c1: Tensor  # (models, 1, layer 1)
    c2: Tensor  # (models, 1, layer 2)

    def parameters(self):
        return [self.W1, self.W2, self.b, self.c1, self.c2]


# %% tags=["hide-input"]
def new_models(count, rows=pictures, n1=8, n2=4):
    rng = torch.Generator().manual_seed(0)
    W1 = 0.1 * torch.randn(count, rows.shape[1], n1, generator=rng)
    W2 = 0.1 * torch.randn(count, n1, n2, generator=rng)
    b = torch.logit(rows.mean(0)).expand(count, 1, -1).clone()
    return Deep(W1, W2, b, torch.zeros(count, 1, n1), torch.zeros(count, 1, n2))


# %% [markdown]
# Such a model is small enough for exact numbers. We know $\log p(v)$ of each picture $v$, and how
# probable each of the 16 states of layer 2 is, given the picture.
#
# <details><summary>How these numbers are computed</summary>Summing over the two states of a unit
# gives 1 (off) plus $e^{\text{input}}$ (on), and the logarithm of that is <code>softplus</code>,
# as in lesson 01. Given layer 1, the pixels and layer 2 are independent, so $Z$ is a sum over the
# 256 states of layer 1. For one picture we sum over the 16 states of layer 2 instead. The code is
# folded.</details>


# %% tags=["hide-input"]
def log_Z(model):
    h1 = all_patterns(model.W1.shape[2])
    from_pixels = softplus(model.b + h1 @ model.W1.mT).sum(2)
    from_layer_2 = softplus(model.c2 + h1 @ model.W2).sum(2)
    return torch.logsumexp((h1 @ model.c1.mT)[..., 0] + from_pixels + from_layer_2, 1)


def over_layer_1(model, v):
    """log of the sum over layer 1, for each model, picture and state of layer 2."""
    h2 = all_patterns(model.W2.shape[2])
    from_below = (v @ model.W1 + model.c1)[:, :, None]
    from_above = (h2 @ model.W2.mT)[:, None]
    biases = v @ model.b.mT + (h2 @ model.c2.mT).mT
    return biases + softplus(from_below + from_above).sum(3)


def log_likelihood(model, v=pictures):
    """Mean over the pictures, in nats; one number for each model."""
    return torch.logsumexp(over_layer_1(model, v), 2).mean(1) - log_Z(model)


# %% [markdown]
# From an exact log-likelihood, torch computes its exact gradient. In this section we climb this
# exact gradient, without any noise. The best possible value is $-\log 14 = -2.639$, where all
# fourteen pictures are equally probable and nothing else is. The next cell works for some
# seconds before it prints anything, and a few later ones for up to half a minute.


# %% tags=["hide-input"]
def climb(objective, parameters, updates, lr=0.03):
    """Follow the exact gradient of `objective()` upwards, with a falling rate."""
    optimizer = torch.optim.Adam([p.requires_grad_() for p in parameters], lr)
    for update in range(updates):
        optimizer.param_groups[0]["lr"] = lr * min(1, 2 - 2 * update / updates)
        optimizer.zero_grad()
        (-objective().sum()).backward()
        optimizer.step()
    for p in parameters:
        p.requires_grad_(False)


# %%
exact = new_models(6)
n_updates = lesson.pick(fast=300, full=1000)
climb(lambda: log_likelihood(exact), exact.parameters(), n_updates)
print(f"after {n_updates} updates:", *(f"{x:.2f}" for x in log_likelihood(exact)))

# %% [markdown]
# Compare these numbers with the best value. What do the second layers do? Below each picture are
# the four probabilities of layer 2 in the first two models, from white (off) to blue (on).

# %%
posterior = over_layer_1(exact, pictures).softmax(2)  # of the 16 states, for each picture
q = (posterior @ all_patterns(4)).clamp(0, 1)  # the probability of each unit

# %% tags=["hide-input"]
fig, axes = plt.subplots(3, 14, figsize=(9.5, 2.3), height_ratios=[3, 1, 1])
for k in range(14):
    axes[0, k].imshow(pictures[k].reshape(3, 3), cmap="Greys", vmin=0, vmax=1)
    for row in (1, 2):
        axes[row, k].imshow(q[row - 1, k][None], cmap="Blues", vmin=0, vmax=1)
        axes[row, k].vlines([0.5, 1.5, 2.5], -0.5, 0.5, color=GREY, lw=0.6)
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set(color=GREY, visible=True)
for row, name in enumerate(("picture", "model 1", "model 2")):
    reached = f"\n−{-log_likelihood(exact)[row - 1]:.2f} nats" if row else ""
    axes[row, 0].set_ylabel(name + reached, rotation=0, ha="right", va="center")
fig.suptitle(
    "Units 1 to 4 of layer 2, in two models that are almost equally good",
    x=0.01,
    ha="left",
)
show(fig, "The fourteen pictures, and below each the four units of layer 2 of two models.")

# %% [markdown]
# The two layers say different things, and in each of them some pictures look alike. How much
# does a layer say, in one number?
#
# ### Bits
#
# Take a unit that is on with probability .9 for half of the pictures and with .1 for the
# others. Without knowing the picture, it is a fair coin, and its entropy is 1 bit. Once you
# know the picture, you are nearly sure, and the entropy of a .9 coin is .469 bits. Knowing
# the picture removes $1 - .469 = .531$ bits. By symmetry, this is also what the unit tells us
# about the picture. It is called the **mutual information**:
#
# $$I_j = H\Big(\frac1n \sum_v q_j(v)\Big) - \frac1n \sum_v H\big(q_j(v)\big) \qquad (1)$$
#
# Here $q_j(v)$ is the probability of unit $j$ given the picture $v$, one of $n$, and $H(q)$ is the
# entropy of a coin that is on with probability $q$. In the example the two terms are $H(.5)$ and
# $H(.9)$.


# %%
def entropy(q):
    """Of a coin that is on with probability q, in bits."""
    return -(torch.xlogy(q, q) + torch.xlogy(1 - q, 1 - q)) / math.log(2)


print(f"{entropy(torch.tensor(0.5)):.3f} bits and {entropy(torch.tensor(0.9)):.3f} bits")

# %% [markdown] tags=["slide"]
# **Exercise 1 · Bits of a unit** · ★ · 5 minutes · 2 points. `q` has a row for each picture
# and a column for each unit. Return the mutual information of each unit by equation (1),
# with shape (units,). Use `entropy`.
#
# <details><summary>Hint</summary>Two terms. In the first one you average and then take the
# entropy, in the second one you take the entropy and then average. Rows are dimension
# 0.</details>


# %%
def my_bits(q):
    ### BEGIN SOLUTION
    return entropy(q.mean(0)) - entropy(q).mean(0)
    ### END SOLUTION


# %%
lesson.check("1", my_bits)

# %% [markdown]
# Units can repeat each other, so their bits do not simply add up. But we can take the whole
# **state** of layer 2 as one symbol with 16 values, whose probabilities we know exactly. The
# bits of the *layer* are the same two terms as in (1), with the entropy of this symbol in place
# of that of a coin.
#
# **Predict first.** Telling fourteen pictures apart takes $\log_2 14 = 3.81$ bits. How many bits
# do the four units of layer 2 say together, averaged over the six models?

# %%
lesson.predict("bits", "Layer 2 says, in bits")


# %%
def symbol_bits(p):
    """Entropy of a symbol whose probabilities are in the last dimension."""
    return -torch.xlogy(p, p).sum(-1) / math.log(2)


def layer_bits(posterior):
    return symbol_bits(posterior.mean(-2)) - symbol_bits(posterior).mean(-1)


bits = lesson.use("1", my_bits)

# %% tags=["hide-input"]
together = layer_bits(posterior)
single = torch.stack([bits(one).sum() for one in q])
best = int(log_likelihood(exact).argmax())
lesson.reveal(
    "bits",
    float(together.mean()),
    f"It says {together.mean():.2f} bits, from {together.min():.2f} to "
    f"{together.max():.2f}. Added up over its units this would be {single.mean():.2f}. "
    f"The model with the best likelihood says {together[best]:.2f}.",
)

# %% [markdown]
# So a model can be close to the best likelihood and yet leave a good part of layer 2 unused.
# Nothing in the likelihood requires layer 2 to speak.
#
# ### How to fool yourself
#
# Two popular numbers are the *mean activity*, which should be near .5, and the number of different
# *rounded codes*, after each probability is rounded to 0 or 1. Let's try them on four layers made
# by hand.

# %%
rng = torch.Generator().manual_seed(0)
alternate = (torch.arange(14) % 2).float()[:, None]
layers = {
    "a code for each": (
        torch.arange(14)[:, None] // torch.tensor([8, 4, 2, 1]) % 2
    ).float(),
    "one unit, four times": alternate.expand(14, 4),
    "coins": 0.5 + 0.02 * (torch.rand(14, 4, generator=rng) - 0.5),
    "always on": torch.full((14, 4), 0.98),
}


# %% tags=["hide-input"]
def state_chances(q):
    states = all_patterns(q.shape[1])
    return torch.where(states == 1, q[:, None], 1 - q[:, None]).prod(2)


def judged(q):
    return {
        "mean activity": float(q.mean()),
        "rounded codes": len(q.round().unique(dim=0)),
        "bits of its units": max(0.0, float(bits(q).sum())),  # not −1e-7
        "bits of the layer": max(0.0, float(layer_bits(state_chances(q)))),
    }


# %% tags=["slide", "nbval-check-output"]
table = pd.DataFrame({name: judged(q) for name, q in layers.items()}).T
table.astype({"rounded codes": int}).round(2)

# %% [markdown]
# The coins have a mean activity of one half and many rounded codes, and they say nothing,
# because each probability differs from one half by at most .01 and rounding exaggerates
# that. Only the last column sees through all three bad layers. Where a layer has too many
# states to list, add up the bits of the units. If they are independent given the input, as
# here, the sum is an upper limit.
#
# ## 2. Which switches matter?
#
# Nobody has the exact gradient of a large model. We estimate it with draws for the data and
# with persistent chains for the model, as in lesson 05. How should we step along such a noisy
# gradient?
#
# You write **Adam**. It takes a running *mean* of the gradients and divides it by their recent
# size. For every parameter it keeps $m$, the mean of the gradient $g$, and $s$, that of its
# square:
#
# $$m \leftarrow .9\, m + .1\, g, \qquad s \leftarrow .999\, s + .001\, g^2, \qquad
# \text{step} = \eta\, \frac{m / (1 - .9^t)}{\sqrt{s / (1 - .999^t)} + 10^{-8}} \qquad (2)$$
#
# Both means start at zero and are therefore too small at first. The two divisors correct
# that. With $g = .5$ in the first update, $m = .05$ and $s = .00025$. Divided by .1 and .001
# they are .5 and .25, so the step is $\eta \cdot .5 / .5 = \eta$. The first step has the size
# of the rate, whatever the gradient is.
#
# **Exercise 2 · A step of Adam** · ★★ · 7 minutes · 3 points. Given the gradient `g`, the
# means `m` and `s` from before, the number `t` of this update (the first one is 1) and the
# rate `lr`, return the step, the new `m` and the new `s`. The step goes uphill.
#
# <details><summary>Hint</summary>Keep the corrected means apart from those that you return.
# The correction is not carried over to the next update.</details>


# %%
def my_adam(g, m, s, t, lr):
    ### BEGIN SOLUTION
    m = 0.9 * m + 0.1 * g
    s = 0.999 * s + 0.001 * g**2
    step = lr * (m / (1 - 0.9**t)) / ((s / (1 - 0.999**t)).sqrt() + 1e-8)
    return step, m, s
    ### END SOLUTION


# %%
lesson.check("2", my_adam)

# %% [markdown]
# There are simpler rules. The **plain** one steps along the gradient itself. **Momentum**
# steps along a running *sum* of the gradients. And with any rule the rate may stay
# constant, or **fall** to zero towards the end. The rules and the training loop of lesson
# 05 are folded.

# %% tags=["hide-input"]
adam = lesson.use("2", my_adam)


def by_adam(gradient, memory, t, lr):
    memory = memory or [(torch.zeros_like(g), torch.zeros_like(g)) for g in gradient]
    done = [adam(g, *means, t, lr) for g, means in zip(gradient, memory, strict=True)]
    return [step for step, _, _ in done], [(m, s) for _, m, s in done]


# %% tags=["hide-input"]
def by_momentum(gradient, memory, t, lr):
    memory = memory or [torch.zeros_like(g) for g in gradient]
    memory = [0.9 * old + g for old, g in zip(memory, gradient, strict=True)]
    return [lr * m for m in memory], memory


def plainly(gradient, memory, t, lr):
    return [lr * g for g in gradient], memory


# %% tags=["hide-input"]
def drawing(rng):
    return lambda p: (torch.rand(p.shape, generator=rng) < p).float()


def keep(p):
    return p


def sweep(model, v, h2, pick):
    h1 = pick(torch.sigmoid(v @ model.W1 + h2 @ model.W2.mT + model.c1))
    return h1, pick(torch.sigmoid(h1 @ model.W2 + model.c2))


def averages(v, h1, h2):
    n = h1.shape[1]
    means = [states.mean(-2, keepdim=True) for states in (v, h1, h2)]
    return [v.mT @ h1 / n, h1.mT @ h2 / n, *means]


# %% tags=["hide-input"]
def data_phase(model, rows, pick, sweeps=3):
    h2 = torch.full((len(model.W1), len(rows), model.W2.shape[2]), 0.5)
    for _ in range(sweeps):
        h1, h2 = sweep(model, rows, h2, pick)
    return averages(rows, h1, h2)


def chain_phase(model, chain, h2, pick, sweeps):
    for _ in range(sweeps):
        h1, h2 = sweep(model, chain, h2, pick)
        chain = pick(torch.sigmoid(h1 @ model.W1.mT + model.b))
    return averages(chain, h1, h2), chain, h2


@dataclass
class Switches:
    rule: Callable = by_adam
    falling: bool = True
    mean_field: bool = False
    k: int = 1
    n_chains: int = 100


# %% tags=["hide-input"]
def train(model, updates, lr, **settings):
    use = Switches(**settings)
    rng = torch.Generator().manual_seed(1)
    pick, memory = drawing(rng), None
    rows = pictures.repeat(4, 1)  # four draws for each picture
    chosen = rows[torch.randint(len(rows), (use.n_chains,), generator=rng)]
    chain = chosen.expand(len(model.W1), -1, -1)
    h2 = torch.full((*chain.shape[:2], model.W2.shape[2]), 0.5)
    for t in range(1, updates + 1):
        data = data_phase(model, rows, keep if use.mean_field else pick)
        dreams, chain, h2 = chain_phase(model, chain, h2, pick, use.k)
        gradient = [d - m for d, m in zip(data, dreams, strict=True)]
        rate = lr * min(1, 2 - 2 * t / updates) if use.falling else lr
        steps, memory = use.rule(gradient, memory, t, rate)
        for parameter, step in zip(model.parameters(), steps, strict=True):
            parameter += step
    return model


# %% [markdown]
# A rate that suits one rule can be far too large for another. So every rule gets the same
# effort, four rates and equally many updates from the same random weights. We choose each
# rate on a few of these starts, and the numbers in the table come from the others. Momentum
# .9 adds up about ten gradients, so the plain rule gets rates ten times as large.
#
# **Predict first.** Which change of *Adam, falling* moves the log-likelihood most?

# %%
switches = {
    "Adam, falling": {},
    "Adam, constant": {"falling": False},
    "momentum, falling": {"rule": by_momentum},
    "plain gradient, falling": {"rule": plainly},
}
lesson.predict("switch", "The largest difference comes from", list(switches)[1:])

# %%
updates = lesson.pick(fast=300, full=1000)
n_choose, n_starts = lesson.pick(fast=(2, 10), full=(4, 12))
adam_rates = lesson.pick(fast=(0.02, 0.05, 0.1, 0.2), full=(0.0075, 0.015, 0.03, 0.06))


# %% tags=["hide-input"]
def race(start, rates, updates, **settings):
    """Train with each rate. Results of the best one, chosen on the first few starts."""
    n = len(start.W1)
    lr = torch.tensor(rates).repeat_interleave(n)[:, None, None]
    copies = (x.repeat(len(rates), 1, 1) for x in start.parameters())
    model = train(Deep(*copies), updates, lr, **settings)
    reached = log_likelihood(model).reshape(-1, n)
    best = int(reached[:, :n_choose].mean(1).argmax())
    said = layer_bits(over_layer_1(model, pictures).softmax(2)).reshape(-1, n)
    return rates[best], reached[best, n_choose:].numpy(), said[best, n_choose:].numpy()


def rates_for(settings):
    factor = 10 if settings.get("rule") is plainly else 1
    return [factor * rate for rate in adam_rates]


# %%
runs = {
    name: race(new_models(n_starts), rates_for(settings), updates, **settings)
    for name, settings in switches.items()
}


# %%
def interval(values):
    """Mean and half of its 95 % interval, by Student's t, since the starts are few."""
    error = np.std(values, ddof=1) / len(values) ** 0.5
    return np.mean(values), stats.t.ppf(0.975, len(values) - 1) * error


def tried(rate, rates):
    """The rate, and whether it was at the end of those tried."""
    ends = {min(rates): ", the lowest", max(rates): ", the highest"}
    return f"{rate:g}{ends.get(rate, '')}"


reference = runs["Adam, falling"][1]
leads = {name: interval(reached - reference) for name, (_, reached, _) in runs.items()}

# %% tags=["slide", "hide-input"]
table = pd.DataFrame(
    {
        name: {
            "best rate": tried(rate, rates_for(switches[name])),
            "log-likelihood": f"{reached.mean():.2f}",
            "beside the reference": "{:+.3f} ± {:.3f}".format(*leads[name])
            if switches[name]
            else "",
            "bits of layer 2": f"{said.mean():.2f}",
        }
        for name, (rate, reached, said) in runs.items()
    }
).T
largest = max(leads, key=lambda name: abs(leads[name][0]))
mean, half = leads[largest]
lesson.reveal("switch", largest, f"It is *{largest}*, with {mean:+.2f} ± {half:.2f} nats.")
table

# %% tags=["hide-input"]
others = sorted(list(leads)[1:], key=lambda name: leads[name][0])
fig, axis = plt.subplots(figsize=(7.5, 2.2))
for place, name in enumerate(others):
    difference = runs[name][1] - reference
    above = [place + 0.2] * len(difference)
    axis.plot(difference, above, ".", color=GREY, ms=7, alpha=0.8)
    mean, half = leads[name]
    axis.plot([mean - half, mean + half], [place, place], color=COLORS["blue"])
    axis.plot(mean, place, "o", color=COLORS["blue"])
axis.axvline(0, color=GREY, lw=0.8)
axis.set_yticks(range(len(others)), others)
axis.set_ylim(-0.4, len(others) - 0.5)
axis.set_xlabel("nats more than Adam with a falling rate, from the same start")
axis.set_title("Each dot is a start, the lines are means with their intervals")
show(
    fig,
    "Differences in log-likelihood beside Adam with a falling rate: "
    + "; ".join(f"{name} {leads[name][0]:+.2f}" for name in others)
    + ".",
)
clear = [name for name in others if abs(leads[name][0]) > leads[name][1]]
winner = max(leads, key=lambda name: leads[name][0])
say(
    f"After {updates} updates, the interval of the difference excludes zero for "
    + (", ".join(f"*{name}*" for name in clear) if clear else "none of them")
    + f". Each is over {n_starts - n_choose} starts, so it is a rough one. "
    f"The best mean is that of *{winner}*"
    + (", the simplest rule of all." if winner.startswith("plain") else ".")
)

# %% [markdown]
# If the plain gradient is ahead, your Adam is not wrong. No rule is best everywhere, and few
# updates favour a rule that is fast in the beginning. Where the best rate is the lowest or the
# highest of those tried, a better one may lie beyond. Take the simplest rule that is level with
# the best.
#
# ## 3. How should training start?
#
# So far the weights began as small random numbers. The classical way is **pretraining**. Train
# an RBM on pixels and layer 1, and a second RBM on the states of its hidden units. Then stack the
# two. There is a catch, because layer 1 alone does not receive what it receives in the deep
# model:
#
# $$\text{alone:}\ \ v W^{(1)} + c^{(1)} \qquad\qquad
# \text{in the deep model:}\ \ v W^{(1)} + h^{(2)} W^{(2)\top} + c^{(1)}$$
#
# If a unit gets 1.2 from the pixels and has the bias −1, then alone it is on with probability
# sigmoid(.2) = .55. If layer 2 agrees and adds another 1.2, it is sigmoid(1.4) = .80. But layer
# 2 has its opinion from the same pixels. So the same evidence is counted twice, and .80 is too
# sure.
#
# Salakhutdinov and Hinton therefore let layer 1 learn with two copies of the pixels, $2\, v
# W^{(1)} + c^{(1)}$. To be just as sure, it now needs only .6 from each copy. In the deep
# model layer 2 takes the place of the second copy, and the sum is right again. In the upper
# RBM, layer 1 gets two copies of layer 2 for the same reason.
#
# ![Three drawings. In the lower RBM two boxes of pixels stand under layer 1, both with the weights W1. In the upper RBM layer 1 stands under two boxes of layer 2, both with the weights W2. In the deep model pixels, layer 1 and layer 2 stand on each other, once each.](figures/two_copies.svg)

# %% [markdown]
# **Exercise 3 · Up and down with copies** · ★★ · 8 minutes · 3 points. Write one step of
# contrastive divergence for an RBM with `up` copies of its lower units and `down` copies of its
# upper ones. The lower units have states `x` and biases `b`, the upper ones biases `c`. A unit is
# on where its random number, in `u_upper` or `u_lower`, is smaller than its probability. Both
# layers are drawn, as in the better CD-1 of lesson 01. Return
#
# - `p`, the probabilities of the upper units, given `x`;
# - `x_1`, a draw of the lower units, given a draw of the upper ones;
# - `p_1`, the probabilities of the upper units, given `x_1`.
#
# `x` has the shape (models, rows, lower units), `b` and `c` have (models, 1, units), and `W.mT` is
# the transpose that you need.
#
# <details><summary>Hint</summary>What goes up is multiplied by <code>up</code>, what comes
# down by <code>down</code>, and the biases by nothing.</details>


# %%
def my_up_and_down(x, W, b, c, up, down, u_upper, u_lower):
    ### BEGIN SOLUTION
    p = torch.sigmoid(up * (x @ W) + c)
    h = (u_upper < p).to(x.dtype)
    x_1 = (u_lower < torch.sigmoid(down * (h @ W.mT) + b)).to(x.dtype)
    p_1 = torch.sigmoid(up * (x_1 @ W) + c)
    return p, x_1, p_1
    ### END SOLUTION


# %%
lesson.check("3", my_up_and_down)

# %% [markdown]
# Each of the two RBMs is trained either with your step or with the exact gradient.

# %%
up_and_down = lesson.use("3", my_up_and_down)


# %% tags=["hide-input"]
def by_cd(x, W, b, c, up, down, updates, lr=0.03, sweeps=1):
    rng, memory = torch.Generator().manual_seed(0), None
    shape = (len(W), x.shape[-2])

    def one_step(x):
        u_upper = torch.rand(*shape, W.shape[2], generator=rng)
        u_lower = torch.rand(*shape, W.shape[1], generator=rng)
        return up_and_down(x, W, b, c, up, down, u_upper, u_lower)

    for t in range(1, updates + 1):
        p, x_1, p_1 = one_step(x)
        for _ in range(sweeps - 1):
            _, x_1, p_1 = one_step(x_1)
        dW = (x.mT @ p - x_1.mT @ p_1) / x.shape[-2]
        db, dc = ((one - two).mean(1, keepdim=True) for one, two in ((x, x_1), (p, p_1)))
        rate = lr * min(1, 2 - 2 * t / updates)
        steps, memory = by_adam([dW, db, dc], memory, t, rate)
        W, b, c = W + steps[0], b + steps[1], c + steps[2]
    return W, b, c


# %% tags=["hide-input"]
def rbm_log_likelihood(x, W, b, c, up, down):
    if down == 1:
        h = all_patterns(W.shape[2])
        terms = (h @ c.mT)[..., 0] + up * softplus(b + h @ W.mT).sum(2)
    else:
        v = all_patterns(W.shape[1])
        terms = (v @ b.mT)[..., 0] + down * softplus(c + up * (v @ W)).sum(2)
    of_rows = up * (x @ b.mT)[..., 0] + down * softplus(c + up * (x @ W)).sum(2)
    return of_rows.mean(1) - torch.logsumexp(terms, 1)


def exactly(x, W, b, c, up, down, updates):
    parameters = [W, b, c]
    climb(lambda: rbm_log_likelihood(x, *parameters, up, down), parameters, updates)
    return parameters


# %% tags=["hide-input"]
def pretrained(start, rows, copies, train_layer, updates):
    """Both RBMs, from below. Each learns a bias of layer 1, and we take the mean."""
    rng = torch.Generator().manual_seed(0)
    x = rows.expand(len(start.W1), -1, -1)
    W1, b, c_below = train_layer(x, start.W1, start.b, start.c1, copies, 1, updates)
    h1 = drawing(rng)(torch.sigmoid(copies * (x @ W1) + c_below))
    b_above = torch.logit(h1.mean(1, keepdim=True).clamp(0.02, 0.98))
    upper = train_layer(h1, start.W2, b_above, start.c2, 1, copies, updates)
    return Deep(W1, upper[0], b, (c_below + upper[1]) / 2, upper[2])


# %% [markdown]
# We compare five ways to start. Then each model is fine-tuned as in section 2, by the simplest
# rule, the plain gradient with a falling rate. The model without pretraining is fine-tuned for
# longer, by as many updates as the others spent on their two RBMs.
#
# **Predict first.** Which start has the best log-likelihood after fine-tuning?

# %%
for_start, for_tuning = lesson.pick(fast=(150, 300), full=(400, 800))
rows = pictures.repeat(7, 1)
ways = {
    "none": None,
    "plain RBMs": (1, by_cd),
    "plain RBMs, exact": (1, exactly),
    "input twice": (2, by_cd),
    "input twice, exact": (2, exactly),
}
lesson.predict("start", "After fine-tuning, the best start is", list(ways))

# %% tags=["hide-input"]
stages = []
tuning_rates = (0.01, 0.03, 0.1, 0.3, 1.0)
for name, way in ways.items():
    start = new_models(n_starts)
    if way:
        start = pretrained(start, rows, *way, updates=for_start)
    before = log_likelihood(start)[n_choose:].numpy()
    said = layer_bits(over_layer_1(start, pictures).softmax(2))[n_choose:].numpy()
    more = for_tuning if way else for_tuning + 2 * for_start
    rate, after, says = race(start, tuning_rates, more, rule=plainly)
    stages.append((name, before, after, said, says, rate))

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 5, figsize=(9.5, 3.2), sharey=True)
for axis, (name, before, after, *_) in zip(axes, stages, strict=True):
    for one, other in zip(before, after, strict=True):
        color = COLORS["blue" if other > one else "red"]
        axis.plot([0, 1], [one, other], "o-", color=color, lw=0.8, ms=4, alpha=0.6)
    axis.axhline(-math.log(14), color=GREY, lw=0.8, ls=":")
    axis.set_xticks([0, 1], ["before", "after"])
    means = f"{before.mean():.2f} → {after.mean():.2f}".replace("-", "−")
    first_line, _, second = name.partition(", ")
    axis.set(title=f"{first_line}\n{second}\n{means}", xlim=(-0.3, 1.3))
    axis.title.set_fontsize(10)
axes[0].set_ylabel("log-likelihood, in nats")
axes[0].text(-0.25, -math.log(14) + 0.1, "best possible", color=GREY, fontsize=8)
show(
    fig,
    "Log-likelihood before and after fine-tuning: "
    + "; ".join(f"{n} {b.mean():.2f} to {a.mean():.2f}" for n, b, a, *_ in stages)
    + ".",
)

# %% tags=["hide-input"]
starts = {name: before for name, before, *_ in stages}
ends = {name: after for name, _, after, *_ in stages}
best = max(ends, key=lambda name: ends[name].mean())
level = []
for name in ends:
    mean, half = interval(ends[best] - ends[name])
    if name != best and mean < half:
        level.append(name)
lesson.reveal(
    "start",
    best,
    f"After fine-tuning, *{best}* has the best mean. Level with it: "
    + (", ".join(f"*{n}*" for n in level) or "none")
    + ".",
)


def listed(names):
    return " and ".join(f"*{n}*" for n in names)


twice, twice_exact = (
    "{:+.2f} ± {:.2f}".format(
        *interval(starts[f"input twice{x}"] - starts[f"plain RBMs{x}"])
    )
    for x in ("", ", exact")
)
worse = [n for n in starts if starts[n].mean() < starts["none"].mean()]
fell = [n for n in ends if ends[n].mean() < starts[n].mean()]
bits_after = {name: said.mean() for name, *_, said, _ in stages}
with_start = [bits_after[name] for name in ways if ways[name]]
say(
    f"Before fine-tuning, *input twice* is {twice} nats beside *plain RBMs*, and with "
    f"exact gradients {twice_exact}. "
    + (
        f"Worse than small random weights: {listed(worse)}. "
        if worse
        else "Each way of pretraining is better than small random weights. "
    )
    + (f"Fine-tuning lowered {listed(fell)}. " if fell else "Fine-tuning raised all five. ")
    + f"After it, layer 2 says {bits_after['none']:.2f} bits without pretraining, and "
    f"{min(with_start):.2f} to {max(with_start):.2f} with it."
)
pd.DataFrame(
    {
        name: {
            "before": f"{before.mean():.2f}",
            "after": f"{after.mean():.2f}",
            "beside none": "{:+.2f} ± {:.2f}".format(*interval(after - ends["none"]))
            if name != "none"
            else "",
            "bits of layer 2 before": f"{said.mean():.2f}",
            "bits after": f"{says.mean():.2f}",
            "rate": tried(rate, tuning_rates),
        }
        for name, before, after, said, says, rate in stages
    }
).T

# %% [markdown]
# The two *exact* ways differ only in the copies. So the distance between their left ends is
# the price of counting the same evidence twice. Then look at the right ends. Fine-tuning
# can make up for a bad start, and its noisy steps can also lead downhill (a red line). So
# the best start need not have the best end. And look at the bits, which show how much of
# layer 2 is in use.
#
# **Optional.** Lesson 05 warned that pretraining promises nothing. Here is a model of 3, 3
# and 2 units with two pictures, 000 and 111, whose best log-likelihood is $-\log 2 = -.69$.

# %% tags=["hide-input"]
two = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
for name, how in (
    ("contrastive divergence", by_cd),
    ("the same, ten sweeps", lambda *settings: by_cd(*settings, sweeps=10)),
    ("exact gradients", exactly),
):
    start = new_models(20, two, n1=3, n2=2)
    before = log_likelihood(start, two).mean()
    done = pretrained(start, two.repeat(20, 1), 2, how, lesson.pick(fast=500, full=1500))
    after = log_likelihood(done, two)
    print(
        f"{name:22}  {before:.2f} → {after.mean():.2f}   "
        f"(20 starts, from {after.min():.2f} to {after.max():.2f})"
    )

# %% [markdown]
# One sweep looks only at what lies next to the two pictures, which are as far apart as can be. In
# lesson 01, too, ten sweeps did better than one. So measure after every stage.
#
# ## 4. Optional: what is a layer good for?
#
# Now to real numbers. We train the deep model of lesson 05 on songs, with 12 and 6 hidden
# units. The library's `pretrain` counts the input twice by itself. Then `fit` trains both layers
# together, with draws and a falling rate. New is that the gradient is **centred**. It measures
# each unit from its mean, so that weights need not do the work of biases (Montavon and Müller,
# 2012).
#
# Then we keep only what a layer says of each song, the **embedding**. Is it a better description
# of a song than the fourteen features it was made of?

# %% tags=["hide-input"]
spotify = lesson.data(load_spotify(verbose=False))
print(spotify.origin)
tracks = spotify.tracks
if lesson.profile == "fast":
    tracks = tracks.sample(2500, random_state=0)
tracks = tracks.reset_index(drop=True)
artist = tracks["artist_name"].to_numpy()
artist_number = pd.factorize(artist)[0]
shuffled = np.random.default_rng(0).permutation(artist_number.max() + 1)
order = shuffled[artist_number] / len(shuffled)
train_rows, test_rows = np.flatnonzero(order < 0.7), np.flatnonzero(order >= 0.7)
scaled = AudioFeatures(whiten=False).fit(tracks[list(FEATURES)].iloc[train_rows])
songs = torch.tensor(scaled.transform(tracks[list(FEATURES)]), dtype=torch.float32)
print(f"{len(train_rows):,} songs to train on, {len(test_rows):,} of other artists")

# %% tags=["hide-input"]
untrained, deep = (
    DBM([14, 12, 6], "gaussian", weight_std=0.2, seed=0).initialize_from(songs[train_rows])
    for _ in range(2)
)
recipe = dict(
    batch_size=128,
    optimizer=torch.optim.Adam,
    lr=lesson.pick(fast=0.02, full=0.01),
    schedule=linear_decay(0.5),
    callbacks=[Monitor(every=1000)],
    device="cpu",
    progress=lesson.progress,
)
rng = torch.Generator().manual_seed(0)
chains = PCD(k=5, n_chains=256)
epochs = lesson.pick(fast=8, full=15)
_ = pretrain(deep, songs[train_rows], method=chains, epochs=epochs, generator=rng, **recipe)
only_pretrained = embeddings.embed(deep, songs, layer=2, center=False)

# %% tags=["hide-input"]
drawn = PCD(k=5, n_chains=256, posterior="gibbs", center=True)
epochs = lesson.pick(fast=12, full=40)
_ = fit(deep, songs[train_rows], drawn, epochs=epochs, generator=rng, **recipe)

# %% [markdown]
# First section 1's question. What does each layer say of a song? We take the probabilities of
# mean field. Layer 2 has 64 states, so we can count its bits as those of one symbol.

# %% tags=["hide-input"]
# Probabilities as they are: center=False does not subtract their means.
layer_1, layer_2 = (embeddings.embed(deep, songs, layer=k, center=False) for k in (1, 2))
pre, post = (float(layer_bits(state_chances(q))) for q in (only_pretrained, layer_2))
say(
    f"The units of layer 1 say {bits(layer_1).sum():.1f} bits, added up. Layer 2 as a "
    f"whole said {pre:.2f} bits of at most 6 after pretraining, and says {post:.2f} after "
    "fine-tuning. "
    + ("By section 1's measure it is nearly dead. " if post < 0.5 else "")
    + "The probabilities of its units have a standard deviation of "
    + f"{layer_2.std(0).mean():.2f}."
)

# %% [markdown]
# Both the data and the recipe are others than in section 3. So count the bits again
# whenever one of them changes, and after every stage.
#
# Is a layer with few bits useless? Bits count what *one draw* of the units says. Say that a unit
# has the probability .46 for one song and .54 for another. One draw can hardly tell the two
# songs apart, and the two numbers always can. An embedding consists of these numbers. So a layer
# that is dead by its bits may still put songs in order, and whether that order is worth something
# has to be tried.
#
# Here are two tasks that no embedding was trained for. **Neighbours**: among the ten nearest
# songs of other artists, how many share a genre with the song? **Genre**: can a logistic
# regression tell whether a song has a given genre? We judge it by AUC (lesson 02; .5 is chance) on
# other artists, averaged over the most frequent genres.
#
# Beside the layers stand the features and as many **principal components** as a layer has
# units. These are the directions in which the songs differ most. There are three controls,
# which are the same model untrained, a single draw of layer 1, and six random numbers for
# each song. The last show what chance gives, which is more than half for the neighbours,
# since many songs share a genre.
#
# **Predict first.** Layer 1 has twelve numbers for fourteen features. Where will it end in the
# neighbour task, beside the features?

# %%
lesson.predict(
    "neighbours", "Layer 1, beside the features, is", ["ahead", "level", "behind"]
)

# %% tags=["hide-input"]
components = PCA(12).fit(songs[train_rows].numpy()).transform(songs.numpy())
rng = torch.Generator().manual_seed(1)
described = {
    "14 features": songs,
    "12 components": torch.tensor(components),
    "layer 1, 12 numbers": layer_1,
    "layer 1 untrained": embeddings.embed(untrained, songs, layer=1),
    "layer 1, one draw": drawing(rng)(layer_1),
    "6 components": torch.tensor(components[:, :6]),
    "layer 2, 6 numbers": layer_2,
    "layer 2 untrained": embeddings.embed(untrained, songs, layer=2),
    "6 random numbers": torch.rand(len(songs), 6, generator=rng),
}
n_genres = lesson.pick(fast=8, full=15)
genres = tracks["genres"].explode().value_counts().index[:n_genres]
every = sorted({genre for have in tracks["genres"] for genre in have})
number = {genre: k for k, genre in enumerate(every)}
has = torch.zeros(len(tracks), len(every))
for row, have in enumerate(tracks["genres"]):
    has[row, [number[genre] for genre in have]] = 1
with_genre = has.sum(1) > 0
asked = torch.tensor([k for k in test_rows if with_genre[k]])
of_artist = torch.tensor(artist_number)


# %% tags=["hide-input"]
def shared(points):
    """For each asked song, the share of its ten neighbours with a genre of its own."""
    points = points.double()
    distance = torch.cdist(points[asked], points)
    distance[of_artist[asked][:, None] == of_artist] = torch.inf
    distance[:, ~with_genre] = torch.inf
    near = distance.topk(10, largest=False).indices
    return ((has[asked][:, None] * has[near]).sum(2) > 0).double().mean(1).numpy()


def genre_auc(points):
    """One AUC for each of the frequent genres."""
    scores = []
    for genre in genres:
        answer = has[:, number[genre]].numpy()
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        model.fit(points[train_rows].numpy(), answer[train_rows])
        margin = model.decision_function(points[test_rows].numpy())
        scores.append(roc_auc_score(answer[test_rows], margin))
    return np.array(scores)


neighbours = {name: shared(points) for name, points in described.items()}
auc = {name: genre_auc(points) for name, points in described.items()}

# %% tags=["slide", "hide-input"]
first = "14 features"


def difference(of_each, name, other):
    """Mean and half an interval. Songs of one artist count as one group."""
    gains = of_each[name] - of_each[other]
    if of_each is auc:
        return interval(gains)
    groups = np.bincount(artist_number[asked.numpy()], gains - gains.mean())
    return gains.mean(), 1.96 * np.sqrt((groups**2).sum()) / len(gains)


def verdict(mean, half):
    return "level" if abs(mean) < half else "ahead" if mean > 0 else "behind"


mean, half = difference(neighbours, "layer 1, 12 numbers", first)
lesson.reveal(
    "neighbours",
    verdict(mean, half),
    f"Layer 1 is {verdict(mean, half)}, by {mean:+.3f} ± {half:.3f}.",
)
pd.DataFrame(
    {
        name: {
            "neighbours with a common genre": f"{neighbours[name].mean():.3f}",
            "genre AUC": f"{auc[name].mean():.3f}",
        }
        for name in described
    }
).T

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(9.5, 3), sharey=True)
names = list(described)[-2:0:-1]
colors = [
    GREY
    if "untrained" in name or "draw" in name
    else COLORS["blue" if "layer" in name else "orange"]
    for name in names
]
chance = "6 random numbers"
for axis, of_each, label in (
    (axes[0], neighbours, "Neighbours with a common genre"),
    (axes[1], auc, "Genre AUC, other artists"),
):
    for place, (name, color) in enumerate(zip(names, colors, strict=True)):
        mean, half = difference(of_each, name, first)
        axis.plot([mean - half, mean + half], [place, place], color=color)
        axis.plot(mean, place, "o", color=color)
    axis.axvline(0, color=GREY, lw=0.8, ls=":")
    below = of_each[first].mean() - of_each[chance].mean()
    axis.set_title(f"{label}\n(chance: −{below:.3f}, far to the left)", fontsize=10)
    axis.set_xlabel("minus the 14 features (dotted)")
axes[0].set_yticks(range(len(names)), names)
for tick, color in zip(axes[0].get_yticklabels(), colors, strict=True):
    tick.set_color(color)
show(
    fig,
    "Two scores of descriptions of songs, beside those of the features, with intervals. "
    "Neighbours with a common genre: "
    + "; ".join(f"{name} {score.mean():.3f}" for name, score in neighbours.items())
    + ". Genre AUC: "
    + "; ".join(f"{name} {score.mean():.3f}" for name, score in auc.items())
    + ".",
)


def beside(of_each, name, other):
    mean, half = difference(of_each, name, other)
    return f"{mean:+.3f} ± {half:.3f}, {verdict(mean, half)}"


pairs = {
    "layer 1 beside 12 components": ("layer 1, 12 numbers", "12 components"),
    "layer 1 beside itself untrained": ("layer 1, 12 numbers", "layer 1 untrained"),
    "layer 1 beside one draw of it": ("layer 1, 12 numbers", "layer 1, one draw"),
    "layer 2 beside 6 components": ("layer 2, 6 numbers", "6 components"),
    "layer 2 beside itself untrained": ("layer 2, 6 numbers", "layer 2 untrained"),
}
pd.DataFrame(
    {
        text: {"neighbours": beside(neighbours, *pair), "genre AUC": beside(auc, *pair)}
        for text, pair in pairs.items()
    }
).T

# %% [markdown]
# *Level* means that the interval contains zero, so no difference has been shown. Read this table
# before you praise a layer. An embedding cannot know more than the features it is computed from.
# It can only say the same in a handier form, or in fewer numbers. Whether the form is handy, only
# a comparison with as many components shows. Whether training made it so, only the untrained
# model does. The two tasks may disagree.
#
# ## 5. Go on
#
# **Exercise 4 · Your switch** · open · 8 minutes. Change one argument in the cell below, write
# down what you expect, run it, and say in two sentences what you saw. Some ideas:
#
# - `falling=False` together with `k=5` sweeps for the chains. Lesson 01 let the rate fall because
#   chains lag behind a model that moves fast. If they do here, this helps *Adam, constant*.
# - `n_chains=400`. Is that a fair comparison?
# - `mean_field=True` in place of draws. Look at the bits.

# %%
rate, reached, said = race(new_models(n_starts), adam_rates, updates, falling=False, k=5)
for name in ("Adam, falling", "Adam, constant"):
    mean, half = interval(reached - runs[name][1])
    print(f"{mean:+.2f} ± {half:.2f} nats beside *{name}* with k = 1")
print(f"rate {rate:g}, {said.mean():.2f} bits in layer 2")

# %% [markdown]
# ## What to remember
#
# - A layer is alive if its units say something about the input. Count it in bits. Activity
#   and rounded codes can look perfect on a layer that says nothing.
# - Compare optimisers at equal effort, each with its own best rate and over several starts.
# - In a stack of plain RBMs, layer 1 counts the same evidence twice. Two copies of the input in
#   pretraining avoid that. Fine-tuning may level or reverse the difference, so measure likelihood
#   and bits after every stage.
# - An embedding knows no more than its features. Put features, components of equal number, an
#   untrained model and chance beside it.

# %%
lesson.predictions()
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. A unit is on with probability .5 for every song. How many bits does it say?</summary>None. Its entropy is 1 bit with or without the song.</details>
#
# <details><summary>2. Somebody reports that Adam beats momentum at a rate of .01. What do you ask?</summary>How does momentum do at its own best rate, with equally many rates tried for both, and over how many starts?</details>
#
# <details><summary>3. Why is a stack of plain RBMs a bad deep model before it is fine-tuned?</summary>In each RBM, layer 1 was trained to receive input from one side. Together it receives the same evidence from both, and becomes too sure.</details>
#
# <details><summary>4. An embedding with 6 numbers is nearly as good as 14 features. Is that the merit of the deep model?</summary>Only if 6 principal components, and the same model untrained, are clearly worse.</details>

# %% tags=["remove-cell", "skip-slide"]
lesson.quiz()  # ten more questions, if you like, with reasons

# %% [markdown]
# ## References
#
# - Salakhutdinov & Hinton (2009), Deep Boltzmann machines. [proceedings.mlr.press/v5/salakhutdinov09a](https://proceedings.mlr.press/v5/salakhutdinov09a.html)
# - Kingma & Ba (2015), Adam: a method for stochastic optimization. [arXiv:1412.6980](https://arxiv.org/abs/1412.6980)
# - Montavon & Müller (2012), Deep Boltzmann machines and the centering trick. [doi:10.1007/978-3-642-35289-8_33](https://doi.org/10.1007/978-3-642-35289-8_33)
