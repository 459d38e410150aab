# %% [markdown]
# # 01 · Energy and contrastive divergence
#
# How can a model learn what pictures look like when nobody tells it what to look for? In
# this lesson you write a restricted Boltzmann machine (RBM) yourself. You train it on
# pictures so small that every step can be checked against the exact answer.
#
# | | |
# |---|---|
# | **You will be able to** | turn energies into probabilities; write an RBM and its training loop; sample from it; say where contrastive divergence goes wrong, and what repairs it |
# | **You need** | Python with arrays, matrix products, derivatives, conditional probability; [lesson 00](00_start_here.ipynb). The [primer](../docs/primer.md) explains the rest on two pages |
# | **Time** | 90 minutes, 25 of them for four exercises. After the end come a quiz, a playground, a film, a check of the library and an open exercise, 30 minutes more |
# | **Data** | fourteen pictures, made here |
# | **Hardware** | any laptop |

# %%
import copy
import itertools
import math
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import softplus

from rbm_lib.course import Lesson, say
from rbm_lib.course.animation import animate
from rbm_lib.course.playground import playground
from rbm_lib.plotting import COLORS, GREY, INK, show

lesson = Lesson("01_energy_and_contrastive_divergence")

# %% tags=["hide-input"]
# Tools for drawing
RULE = "#c9ced6"


def tile(axis, image, x, y, size=1.0, cmap="Blues", vmin=0.0, vmax=1.15, edge=GREY):
    """Draw one 3 × 3 image with its lower left corner at (x, y), in data units."""
    box = (x, x + size, y, y + size)
    pixels = np.asarray(image).reshape(3, 3)
    axis.imshow(pixels, cmap=cmap, vmin=vmin, vmax=vmax, extent=box, zorder=3)
    for k in (size / 3, 2 * size / 3):
        axis.plot([x + k, x + k], [y, y + size], color=RULE, lw=0.35, zorder=4)
        axis.plot([x, x + size], [y + k, y + k], color=RULE, lw=0.35, zorder=4)
    frame = plt.Rectangle((x, y), size, size, fill=False, ec=edge, lw=0.9, zorder=5)
    axis.add_patch(frame)


def pattern_tile(axis, pattern, x, y):
    """A pattern in blue if it is one of the 14 pictures, in grey if it is not."""
    if bool((pattern == pictures).all(1).any()):
        tile(axis, pattern, x, y, edge=INK)
    else:
        tile(axis, pattern, x, y, cmap="Greys", vmax=1.9)


def write(axis, x, y, text, size=10, color=INK):
    """A centred text, above everything else."""
    style = {"ha": "center", "va": "center", "fontsize": size, "zorder": 6}
    axis.text(x, y, text, color=color, **style)


def blank(axis, width, height):
    axis.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axis.axis("off")


# %% [markdown]
# ## 1. How does an energy become a probability?
#
# Let's begin with the smallest model there is. It has one *visible* unit $v$, which we
# observe, and one *hidden* unit $h$, which we never see. Each is off (0) or on (1). The
# **energy** is that of lesson 00, with a bias for each unit and a weight between them:
#
# $$E(v, h) = -b\,v - c\,h - v\,W h$$
#
# Suppose $b = c = -1$ and $W = 2$. With both units on, the energy is $1 + 1 - 2 = 0$. With
# one of them on it is 1, and with both off it is 0. So the two units like to agree.
#
# The **Boltzmann distribution** makes a state of low energy likely:
#
# $$p(v, h) = \frac{e^{-E(v, h)}}{Z}, \qquad Z = \sum_{v, h} e^{-E(v, h)}$$
#
# In our example the four values of $e^{-E}$ are 1, .368, .368 and 1. Their sum is
# $Z = 2.736$, so the units agree with probability $2 / 2.736 = .731$.
#
# **Predict first.** We double all three numbers, so that $b = c = -2$ and $W = 4$. What is
# now the probability that they agree?

# %%
lesson.predict("agree", "My guess, between 0 and 1")


# %% tags=["nbval-check-output"]
def energy(v, h, W, b, c):
    return -b * v - c * h - v * W * h


v, h = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])  # the four states
for scale in (1, 2):
    p = torch.softmax(-energy(v, h, 2 * scale, -scale, -scale), 0)  # e^−E, divided by Z
    print(f"W = {2 * scale}, p of 00, 01, 10 and 11:", *(f"{x:.3f}" for x in p))

agree = float(p[0] + p[3])
lesson.reveal("agree", agree, f"The units now agree with probability {agree:.2f}.")

# %% [markdown]
# Doubling the numbers made the likely states likelier still. Remember this, because training
# makes weights large.
#
# ## 2. What will the model learn?
#
# Our data are **bars and stripes**, the 3 × 3 pictures in which every column, or every line,
# has a single colour. Nine pixels can form $2^9 = 512$ patterns. Only 14 of them are bars or
# stripes, and the model has to find out which.


# %% tags=["hide-input"]
# The data
def all_patterns(n):
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)))


def bars_and_stripes():
    found = set()
    for bits in itertools.product([0.0, 1.0], repeat=3):
        found.add(bits * 3)  # each column has one colour
        found.add(tuple(bit for bit in bits for _ in range(3)))  # each row has
    return torch.tensor(sorted(found))


pictures = bars_and_stripes()
patterns = all_patterns(9)

fig, axis = plt.subplots(figsize=(9, 1.05))
for k, picture in enumerate(pictures):
    tile(axis, picture, 1.25 * k + 0.15, 0.1)
blank(axis, 17.55, 1.3)
axis.set_title("Our whole data set")
show(fig, "The fourteen three by three pictures of bars and stripes.")

# %% [markdown] tags=["slide"]
# Each pixel becomes a visible unit, and we add eight hidden units. Every pixel is connected
# to every hidden unit by a weight $W_{ij}$:
#
# $$E(v, h) = -\sum_i b_i v_i - \sum_j c_j h_j - \sum_{i,j} v_i W_{ij} h_j$$
#
# There is no weight between two pixels, and none between two hidden units. This is what
# *restricted* means, and it makes the model easy to work with. Collect the terms of $-E$ that
# contain hidden unit $j$. Together they are its state $h_j$ times its **input**
#
# $$x_j = c_j + \sum_i v_i W_{ij}.$$
#
# When the unit is off they add 0, and when it is on they add $x_j$ to $-E$, which multiplies
# $e^{-E}$ by $e^{x_j}$. This factor does not depend on the other hidden units. Hence, given $v$,
# the hidden units are independent of one another, and for each of them *on* is $e^{x_j}$ times
# as likely as *off*:
#
# $$p(h_j = 1 \mid v) = \frac{e^{x_j}}{1 + e^{x_j}} = \frac{1}{1 + e^{-x_j}} = \sigma(x_j)$$
#
# The function $\sigma$ is the *sigmoid*. An input of 0 gives ½, and an input of 3 gives
# .953. In the same way, pixel $i$ is on with probability $\sigma(b_i + \sum_j W_{ij} h_j)$
# once the hidden units are known.
#
# **Exercise 1 · Hidden probabilities** · ★ · 4 minutes · 2 points. Write
# $p(h_j = 1 \mid v)$ for many pictures at once. `v` has a picture in each row, so its shape is
# (rows, visible). `W` has (visible, hidden) and `c` has (hidden,). Return probabilities of
# shape (rows, hidden).
#
# <details><summary>Hint</summary><code>v @ W</code> computes the sum over pixels for all
# rows and all hidden units. Adding <code>c</code> adds it to every row.</details>


# %%
def my_prob_h(v, W, c):
    ### BEGIN SOLUTION
    return torch.sigmoid(v @ W + c)
    ### END SOLUTION


# %%
lesson.check("1", my_prob_h)

# %% [markdown] tags=["slide"]
# ## 3. How probable is a picture?
#
# We only see pixels, so we want the probability of a picture whatever the hidden units do.
# That is a sum over all $2^8 = 256$ hidden patterns, but we need not list them. A hidden unit
# contributes the factor 1 when it is off and $e^{x_j}$ when it is on, so for one unit the sum is
#
# $$\sum_{h_j} e^{h_j x_j} = 1 + e^{x_j}.$$
#
# With eight independent units the eight sums are multiplied:
#
# $$\sum_h e^{-E(v, h)} = e^{\,b \cdot v} \prod_j \left(1 + e^{x_j}\right) = e^{-F(v)},
# \qquad F(v) = -\,b \cdot v - \sum_j \log\left(1 + e^{x_j}\right)$$
#
# $F(v)$ is the **free energy**, the energy of a picture once its hidden units are summed out,
# and $p(v) = e^{-F(v)} / Z$. With $b \cdot v = 1$ and two hidden units with inputs 0 and 3, it is
# $-1 - \log 2 - \log(1 + e^3) = -1 - .693 - 3.049 = -4.742$.
#
# **Exercise 2 · Free energy** · ★★ · 4 minutes · 2 points. Write $F(v)$ for many pictures
# at once. Return one number per row, in a tensor of shape (rows,). For $\log(1 + e^x)$ use
# `softplus(x)`, which does not overflow when $x$ is large.
#
# <details><summary>Hint</summary><code>v @ b</code> is $b \cdot v$ for every row. The inputs
# are <code>v @ W + c</code>, as before. Add up over hidden units with <code>.sum(1)</code>, so
# that every row keeps its own sum.</details>


# %%
def my_free_energy(v, W, b, c):
    ### BEGIN SOLUTION
    return -(v @ b) - softplus(v @ W + c).sum(1)
    ### END SOLUTION


# %%
lesson.check("2", my_free_energy)

# %% [markdown]
# An RBM is three tensors, and your two functions become its methods. If one of them is not
# right yet, the course lends you its own.

# %%
prob_h = lesson.use("1", my_prob_h)
free_energy = lesson.use("2", my_free_energy)


@dataclass
class RBM:
    W: torch.Tensor  # (visible, hidden)
    b: torch.Tensor  # (visible,)
    c: torch.Tensor  # (hidden,)

    def prob_h(self, v):
        return prob_h(v, self.W, self.c)

    def prob_v(self, h):
        return torch.sigmoid(h @ self.W.T + self.b)

    def free_energy(self, v):
        return free_energy(v, self.W, self.b, self.c)


# %% [markdown] tags=["slide"]
# ## 4. A landscape with 512 places
#
# How likely does a new model think each pattern is? We give every pattern a **height**, which
# is $-\log p(v) = F(v) + \log Z$. Likely patterns lie low, in valleys. A pattern with
# probability 1/512 lies at $\log 512 = 6.24$. Heights are natural logarithms, and their unit is
# the **nat**.
#
# Training should dig a valley for each of our pictures. The best model gives 1/14 to each of
# them, so every picture lies at $\log 14 = 2.64$. The mean height of the pictures is called
# the **negative log-likelihood** (NLL), and we want it low.
#
# <details><summary>Optional: what is left above log 14</summary>
#
# The NLL minus its lowest value, log 14, is the **Kullback-Leibler divergence** from the data
# $d$ to the model $p$, which is
# $\mathrm{KL}(d \,\|\, p) = \sum_v d(v) \log \frac{d(v)}{p(v)}$. Take two pictures that are
# equally frequent, and a model that gives them .8 and .2. Then the divergence is
# $\tfrac12 \log\tfrac{.5}{.8} + \tfrac12 \log\tfrac{.5}{.2} = -.235 + .458 = .223$ nats.
#
# </details>


# %% tags=["hide-input"]
# A new model, height(model, v) and nll(model)
def new_model(seed=0):
    rng = torch.Generator().manual_seed(seed)
    W = 0.1 * torch.randn(9, 8, generator=rng)  # small, so that it starts without opinions
    return RBM(W, torch.zeros(9), torch.zeros(8))


def log_Z(model):
    return torch.logsumexp(-model.free_energy(patterns), 0)


def height(model, v):
    """−log p(v) of every row, in nats."""
    return model.free_energy(v) + log_Z(model)


def nll(model):
    """Mean height of the 14 pictures."""
    return float(height(model, pictures).mean())


print(
    f"a new model has an NLL of {nll(new_model()):.2f} nats, a little worse than a coin "
    "for each pixel, because its weights are random"
)

# %% [markdown]
# ## 5. Which way should a weight move?
#
# We want $\log p(v)$ to grow for the data. Its derivative with respect to the weight between
# pixel $i$ and hidden unit $j$ is
#
# $$\frac{\partial}{\partial W_{ij}} \big\langle \log p(v) \big\rangle_{\text{data}}
#   = \big\langle v_i\, p_j \big\rangle_{\text{data}}
#   - \big\langle v_i\, p_j \big\rangle_{\text{model}}$$
#
# where $\langle\cdot\rangle$ is an average and $p_j$ is $p(h_j = 1 \mid v)$, the function of
# exercise 1. The product $v_i\,p_j$ is the probability that pixel $i$ and hidden unit $j$ are on
# together, once $v$ is given. The first average takes it over the 14 pictures, and the second
# over all 512 patterns, each weighted by the model's $p(v)$. (Many texts call them the *positive*
# and the *negative phase*.)
#
# Suppose the averages are .50 over the data and .31 over the model. Then the derivative is
# $.50 - .31 = .19$, and the weight should grow. Learning stops where the two averages agree. The
# same rule holds for the biases, with $v_i$ alone for $b_i$ and $p_j$ alone for $c_j$. The
# folded function `exact_gradient(model, v)` computes the three derivatives.
#
# <details><summary>Optional: where this formula comes from</summary>
#
# $$\begin{aligned}
# \log p(v) &= -F(v) - \log Z, \qquad Z = \sum_{u} e^{-F(u)} \\[3pt]
# \frac{\partial\,(-F(v))}{\partial W_{ij}} &= v_i\; \sigma(x_j) = v_i\; p_j
# \\[3pt]
# \frac{\partial \log Z}{\partial W_{ij}}
#   &= \sum_{u} \frac{e^{-F(u)}}{Z}\, \frac{\partial\,(-F(u))}{\partial W_{ij}}
#    = \sum_{u} p(u)\; u_i\; p(h_j = 1 \mid u)
# \end{aligned}$$
#
# Here $u$ runs over all 512 patterns. The second line holds because $\log(1 + e^x)$ has the
# derivative $\sigma(x)$. The third is the second, averaged over everything that the model can
# produce.
#
# </details>


# %% tags=["hide-input"]
# exact_gradient(model, v)
def exact_gradient(model, v):
    """The derivative of the mean log p(v) with respect to W, b and c."""
    p_of_all = torch.softmax(-model.free_energy(patterns), 0)  # p(v) of all 512 patterns
    weighted = p_of_all[:, None] * patterns
    p_data, p_all = model.prob_h(v), model.prob_h(patterns)
    # Each line is an average over the data minus one over the model.
    dW = v.T @ p_data / len(v) - weighted.T @ p_all
    db = v.mean(0) - weighted.sum(0)
    dc = p_data.mean(0) - p_of_all @ p_all
    return dW, db, dc


# %% [markdown]
# One **update** moves every parameter by its derivative times a small number, the *learning
# rate*. You now write the training loop for all methods of this lesson.
#
# **Exercise 3 · The training loop** · ★★ · 9 minutes · 3 points. The list `rates` has one
# learning rate for each update. In an update, call `gradient(model, v)`, which returns `dW`,
# `db` and `dc`. Multiply each by the learning rate, and add the results to `model.W`,
# `model.b` and `model.c` of the model that you are given.
#
# Also keep copies of the model in a list. The updates are numbered from 0. Copy the model
# before the updates 0, 50, 100 and so on, and once more at the end. So 4,000 updates give 81
# copies. Return the list.
#
# <details><summary>Hint</summary><code>for update, rate in enumerate(rates):</code> numbers
# the updates. It is time for a copy if <code>update % 50 == 0</code>.
# <code>copy.deepcopy(model)</code> makes one that later updates do not touch.</details>


# %%
def my_train(model, gradient, v, rates):
    ### BEGIN SOLUTION
    copies = []
    for update, rate in enumerate(rates):
        if update % 50 == 0:
            copies.append(copy.deepcopy(model))
        dW, db, dc = gradient(model, v)
        model.W += rate * dW
        model.b += rate * db
        model.c += rate * dc
    copies.append(copy.deepcopy(model))
    return copies
    ### END SOLUTION


# %%
lesson.check("3", my_train)

# %% [markdown]
# Your loop trains its first model, for 4,000 updates. The learning rate falls from .5 towards
# 0, so that the last steps are small.

# %%
train = lesson.use("3", my_train)
falling = [0.5 - 0.5 * k / 4000 for k in range(4000)]

runs = {"exact": train(new_model(), exact_gradient, pictures, falling)}
trained = runs["exact"][-1]
print(f"NLL: {nll(runs['exact'][0]):.2f} before, {nll(trained):.2f} after, 2.64 is best")

# %% [markdown]
# Here is the landscape before and after, to the same scale. All 512 patterns stand side by
# side, grouped by the picture that they resemble most. We sorted each group by the trained
# model's heights, with the lowest in the middle. So the smooth slopes are our doing. The
# dots are the 14 pictures.

# %% tags=["hide-input"]
# Tools for drawing a landscape
distance = (patterns[:, None] - pictures[None]).abs().sum(2)  # differing pixels
is_picture = (distance == 0).any(1)


def panorama_order(final):
    """Places of the 512 patterns: by most similar picture, inside by final height."""
    nearest = distance == distance.min(1, keepdim=True).values
    members = [[] for _ in pictures]
    for s in nearest.sum(1).argsort(stable=True).tolist():  # ties go to the smaller group
        options = nearest[s].nonzero()[:, 0].tolist()
        members[min(options, key=lambda k: len(members[k]))].append(s)
    order, floors = [], []
    for group in members:
        group.sort(key=lambda s: float(final[s]))
        row = group[1::2][::-1] + group[0::2]  # the lowest in the middle
        floors.append(len(order) + row.index(group[0]))
        order += row
    return order, floors


order, floors = panorama_order(height(trained, patterns))


def panorama(axis, model, title, color, top=28):
    """Draw the heights of all 512 patterns as a mountain range."""
    tops = height(model, patterns)[order].numpy()
    x = np.arange(512)
    ground = axis.fill_between(x, tops, 0, lw=0, color="none")
    shade = axis.imshow(
        np.linspace(0, 1, 200)[:, None],
        aspect="auto",
        origin="lower",
        cmap="GnBu_r",
        vmin=-0.05,
        vmax=1.15,
        extent=(0, 511, 0, 28),
    )
    shade.set_clip_path(ground.get_paths()[0], transform=axis.transData)
    axis.plot(x, tops, color=INK, lw=0.7)
    axis.plot(
        floors, tops[floors], "o", color=color, ms=5.5, mec="white", mew=0.9, zorder=5
    )
    for level, name in ((math.log(512), "log 512"), (math.log(14), "log 14")):
        axis.axhline(level, color=GREY, lw=0.8, ls=(0, (4, 3)), zorder=0)
        axis.axhline(level, color="white", lw=0.8, ls=(0, (4, 3)), alpha=0.75)
        axis.text(515, level, name, va="center", fontsize=9, color=GREY)
    axis.set(xlim=(0, 511), ylim=(0, top), ylabel="height in nats", xticks=[])
    axis.set_title(title)
    axis.spines["bottom"].set_visible(False)


def picture_row(axis):
    """The 14 pictures, each below its valley."""
    for floor, picture in zip(floors, pictures, strict=True):
        tile(axis, picture, floor - 9, 2, 18)
    axis.set(xlim=(0, 511), ylim=(0, 21), aspect="equal")
    axis.axis("off")


# %% tags=["hide-input"]
# Drawing
fig, axes = plt.subplots(3, 1, figsize=(9, 5.1), height_ratios=(1.0, 2.8, 0.36))
panorama(
    axes[0],
    new_model(),
    "Before training, the landscape is a plain …",
    INK,
    top=10,
)
panorama(
    axes[1],
    trained,
    "… and after training, each picture has its own valley",
    INK,
)
picture_row(axes[2])
show(
    fig,
    "Heights of all 512 patterns. Before training, a plain at 6.2 nats. After "
    "training, fourteen deep valleys, one for each picture, between high ridges.",
)

others = height(trained, patterns[~is_picture])
odds = float((others.min() - height(trained, pictures).max()).exp())
together = float(torch.exp(-height(trained, pictures)).sum())
say(
    f"The 14 pictures have {together:.0%} of the probability together, and they share it "
    f"almost equally. Every other pattern is at least {odds:.0f} times less likely than "
    f"any picture, and the highest one stands at {others.max():.0f} nats."
)

# %% [markdown]
# ## 6. What if we cannot add up all patterns?
#
# So far it was easy, because 512 patterns can be added up. A model with one visible unit
# for each of 1,682 films would need $2^{1682}$ terms. So from now on we estimate the
# average from *samples*, which are patterns chosen at random with the model's
# probabilities. To **sample** a unit is to set it to 1 with its probability, and to 0
# otherwise.
#
# **Gibbs sampling** goes back and forth. It samples all hidden units given the pixels, and then
# all pixels given the hidden units. One round trip is called a **sweep**, and a sequence of
# sweeps is a **chain**.


# %%
def sample(p, rng):
    """1 where a random number between 0 and 1 lies below p, and 0 elsewhere."""
    return (torch.rand(p.shape, generator=rng) < p).to(p.dtype)


def gibbs_sweep(model, v, rng):
    h = sample(model.prob_h(v), rng)
    return sample(model.prob_v(h), rng)


# %% [markdown]
# Why does a chain produce samples of the model? Suppose that $v$ already has the model's
# probabilities, and we sample $h$ given $v$. Then the pair has the model's probabilities, too.
# The same holds for the way back. So a sweep leaves the model's own distribution as it is, and
# we call this distribution **stationary**.
#
# A chain that starts somewhere else approaches it. Take the two-unit model of section 1, with
# $b = c = -1$ and $W = 2$. Given one of the units, the other is the same with probability
# $\sigma(1) = .731$. In a sweep $h$ is sampled given $v$, and then $v$ given $h$. At its end $v$
# is unchanged if both steps keep the value, or if both flip it. The probability of this is
# $.731^2 + .269^2 = .607$. We start with $v = 0$.

# %% tags=["nbval-check-output"]
on, same = 0.0, 0.731**2 + 0.269**2
for sweep in range(1, 5):
    on = on * same + (1 - on) * (1 - same)
    print(f"after sweep {sweep} the visible unit is on with probability {on:.3f}")

# %% [markdown]
# It approaches .5, which is its probability in the model. Strong weights make a chain slower.
#
# <details><summary>Optional: how much slower</summary>
#
# With $W = 8$ and $b = c = -4$, each step keeps the value with probability
# $\sigma(4) = .982$. Then $v$ is unchanged after a sweep with probability
# $.982^2 + .018^2 = .965$. After ten sweeps the chance of *on* is still .26.
#
# </details>
#
# Now for our pictures. One chain runs in the model as it was after 300 updates, and one in
# the finished model, whose weights are stronger. Each makes 2,000 sweeps.
#
# **Predict first.** How often will the chain in the finished model move from one picture to
# another?

# %%
lesson.predict("moves", "My guess, a number of moves")


# %% tags=["hide-input"]
# Two chains
def run_chain(model, start, n_sweeps, seed):
    rng = torch.Generator().manual_seed(seed)
    chain = [start]
    for _ in range(n_sweeps):
        chain.append(gibbs_sweep(model, chain[-1], rng))
    return torch.cat(chain)


early = runs["exact"][300 // 50]
weak_chain = run_chain(early, pictures[8:9], 2000, seed=7)
strong_chain = run_chain(trained, pictures[8:9], 2000, seed=7)

# %% tags=["hide-input"]
# Drawing
fig, axes = plt.subplots(2, 1, figsize=(9, 2.5))
titles = (
    "Weak weights: the chain wanders through the landscape",
    "Strong weights: the chain rarely leaves its valley",
)
for axis, chain, title in zip(axes, (weak_chain, strong_chain), titles, strict=True):
    for k in range(21):
        pattern_tile(axis, chain[10 * k], 1.2 * k + 0.1, 0.65)
        axis.text(
            1.2 * k + 0.6,
            0.3,
            str(10 * k),
            ha="center",
            va="center",
            fontsize=8.5,
            color=GREY,
        )
    blank(axis, 25.3, 1.75)
    axis.set_title(title)
axes[1].text(
    0.1,
    -0.5,
    "Numbers count the sweeps, here the first 200. Grey patterns are not in the data.",
    fontsize=9,
    color=GREY,
    va="center",
)
axes[1].set_ylim(-0.8, 1.75)
show(
    fig,
    "Two Gibbs chains as strips of patterns, every tenth sweep. With weak weights "
    "the pattern keeps changing, with strong weights it hardly ever changes.",
)


def tour(chain):
    """Moves between pictures, pictures visited, and the share of sweeps on a picture."""
    visits = chain[(chain[:, None] == pictures).all(2).any(1)]  # leave out other patterns
    moves = int((visits[1:] != visits[:-1]).any(1).sum())
    return moves, len(torch.unique(visits, dim=0)), len(visits) / len(chain)


weak, weak_seen, weak_share = tour(weak_chain)
strong, strong_seen, _ = tour(strong_chain)
lesson.reveal(
    "moves",
    strong,
    f"In the finished model, with weights up to {trained.W.abs().max():.0f}, the chain "
    f"moved from one picture to another {strong} times in 2,000 sweeps, and visited "
    f"{strong_seen} of the 14 pictures. (Other patterns on the way are skipped.) "
    "Other seeds gave 3 to 15 moves. After 300 updates, with weights up to "
    f"{early.W.abs().max():.0f}, it moved {weak} times and visited {weak_seen}. But that "
    f"model is still poor, and its chain is on a picture in {weak_share:.0%} of its sweeps "
    "only.",
    within=1.0,
)

# %% [markdown]
# Strong weights make deep valleys, and a chain rarely climbs out of one. Learning makes the
# weights strong, so sampling gets harder just as the model gets better.
#
# ## 7. Contrastive divergence
#
# We cannot afford thousands of sweeps for every update. In 2002 Geoffrey Hinton proposed not
# to wait until the chain forgets its start. **Contrastive divergence** with one sweep, or
# CD-1, starts a chain *at the data* and stops it after a single sweep. The picture that comes
# back stands in for a sample of the model.
#
# Here is one step in numbers. The model has a single hidden unit, with weights of +1 to the
# top line and −1 to the other six pixels, and no biases. We write $p$ for
# $p(h = 1 \mid v)$ and $p'$ for $p(h = 1 \mid v')$.


# %% tags=["hide-input"]
# Drawing
def numbers(axis, values, x, y, form, **style):
    """A 3 × 3 image of side 3 with its numbers written into the pixels."""
    values = np.asarray(values).reshape(3, 3)
    tile(axis, values, x, y, 3.0, **style)
    for row, column in np.ndindex(3, 3):
        value = values[row, column]
        color = "white" if abs(value) > 0.6 else INK
        write(axis, x + column + 0.5, y + 2.5 - row, form(value), 8.5, color)


def short(value):
    return f"{value:.0f}" if value in (0, 1) else f"{value:.2f}"[1:]


def signed(value):
    return f"{value:+.2f}".replace("0.", ".").replace("-", "−")


v0 = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0.0])
v1 = np.array([0.731] * 3 + [0.269] * 6)
change = v0 * 0.953 - v1 * 0.641
circles = [(5.9, ".953", "white", INK), (9.5, "1", COLORS["blue"], "white")]
circles += [(18.0, ".641", "white", INK)]
arrows = {"up": (3.35, 4.95), "sample": (6.85, 8.55), "down": (10.45, 12.2)}
arrows["up "] = (15.55, 17.05)
names = {1.7: "$v$", 5.9: "$p$", 9.5: "$h$", 13.9: "$v'$", 18.0: "$p'$"}
names[23.4] = "change $v_i\\,p - v'_i\\,p'$"

fig, axis = plt.subplots(figsize=(9, 1.85))
numbers(axis, v0, 0.2, 1.0, short)
numbers(axis, v1, 12.4, 1.0, short)
numbers(axis, change, 22.0, 1.0, signed, cmap="RdBu", vmin=-1.0, vmax=1.0)
for x, value, fill, color in circles:
    axis.add_patch(plt.Circle((x, 2.5), 0.85, fc=fill, ec=COLORS["blue"], lw=1.6))
    write(axis, x, 2.5, value, color=color)
for name, (x, end) in arrows.items():
    axis.annotate("", (end, 2.5), (x, 2.5), arrowprops={"arrowstyle": "->", "color": GREY})
    write(axis, (x + end) / 2, 2.95, name, 9, GREY)
for x, name in names.items():
    write(axis, x, 0.45, name, 11)
axis.plot([20.2, 20.2], [0.3, 4.3], color=RULE, lw=1)
axis.set_title("One step of CD-1: up, sample, down, up, compare")
blank(axis, 25.3, 4.3)
show(
    fig,
    "The data picture, p = .953, h = 1, the returned picture with .73 in the top line "
    "and .27 elsewhere, p' = .641, and the nine weight changes, +.48 and −.17.",
)

# %% [markdown]
# 1. **Up.** The input of the hidden unit is 3, so $p = \sigma(3) = .953$.
# 2. **Sample.** A random number, say .62, lies below .953, so $h = 1$.
# 3. **Down.** In the top line each pixel is on with probability $\sigma(1) = .731$, and
#    elsewhere with $\sigma(-1) = .269$. A full sweep would now sample the pixels. It is common
#    not to, and to take the nine probabilities as $v'$ (Hinton 2012, section 3). We do so too,
#    and say that the pixels are **kept as probabilities**.
# 4. **Up again.** The input is $3 \cdot .731 - 6 \cdot .269 = .58$, so
#    $p' = \sigma(.58) = .641$.
#
# The weight of pixel $i$ changes by $v_i\,p - v'_i\,p'$ times the learning rate. We count
# $p$ and not $h$, because $p$ is the average over all that $h$ could have been. In the top
# line the change is $.953 - .731 \cdot .641 = +.484$. The picture came back faded. If a
# picture comes back as it was, then $v' = v$ and $p' = p$, and nothing changes.
#
# The bias of pixel $i$ changes by $v_i - v'_i$, and that of the hidden unit by $p - p'$.
#
# **Exercise 4 · One step of contrastive divergence** · ★★ · 8 minutes · 2 points. Write
# the four steps for a batch `v` with one picture per row. `uniform` has a random number
# between 0 and 1 for every row and hidden unit, so sample nothing else. Return three changes,
# `dW`, `db` and `dc`, each averaged over the rows, with the shapes of `model.W`, `model.b`
# and `model.c`.
#
# <details><summary>Hint</summary><code>model.prob_h(v)</code> is the way up and
# <code>model.prob_v(h)</code> the way down. <code>(uniform &lt; p).float()</code> samples.
# <code>v.T @ p</code> adds up the products $v_i\,p_j$ over the rows, and
# <code>.mean(0)</code> averages a tensor over its rows.</details>


# %%
def my_cd1(model, v, uniform):
    ### BEGIN SOLUTION
    p = model.prob_h(v)
    h = (uniform < p).float()
    v_back = model.prob_v(h)
    p_back = model.prob_h(v_back)
    dW = (v.T @ p - v_back.T @ p_back) / len(v)
    db = (v - v_back).mean(0)
    dc = (p - p_back).mean(0)
    return dW, db, dc
    ### END SOLUTION


# %%
lesson.check("4", my_cd1)

# %%
# Your step and your loop train your RBM.
cd1 = lesson.use("4", my_cd1)


def make_cd1(seed=0):
    rng = torch.Generator().manual_seed(seed)
    return lambda model, v: cd1(model, v, torch.rand(len(v), 8, generator=rng))


runs["CD-1, probabilities"] = train(new_model(), make_cd1(), pictures, falling)


# %% tags=["hide-input"]
# Drawing
def samples_of(model, n, seed=0):
    """Independent samples. We can still enumerate, so no chain is needed."""
    rng = torch.Generator().manual_seed(seed)
    index = torch.multinomial(torch.exp(-height(model, patterns)), n, True, generator=rng)
    return patterns[index]


fig, axis = plt.subplots(figsize=(9, 3.0))
for row, update in enumerate((0, 300, 1000, 4000)):
    y = 1.25 * (3 - row)
    axis.text(1.6, y + 0.5, f"{update:,}", ha="right", va="center")
    samples = samples_of(runs["CD-1, probabilities"][update // 50], 14)
    for k, pattern in enumerate(samples):
        pattern_tile(axis, pattern, 2.1 + 1.2 * k, y)
axis.text(0, 5.15, "update", fontsize=10, color=GREY)
axis.text(2.1, 5.15, "14 samples (blue: bars or stripes)", fontsize=10, color=GREY)
blank(axis, 19.0, 5.6)
axis.set_ylim(-0.1, 5.6)
axis.set_title("Your RBM learns to produce bars and stripes")
show(
    fig,
    "Four rows of fourteen samples, from update 0 to 4,000, first noise and later bars "
    "and stripes.",
)
distinct = len(torch.unique(samples, dim=0))
say(
    "The samples begin as noise and end as bars and stripes, although nobody told the "
    "model what a bar is. But look at the last row again. Its 14 samples show only "
    f"**{distinct}** different patterns. If all 14 pictures were equally likely, they "
    f"would show about {14 * (1 - (13 / 14) ** 14):.0f}."
)

# %% [markdown]
# ## 8. How to fool yourself
#
# For a large model nobody can compute the NLL, because it needs $Z$. Many people therefore
# watch the **reconstruction error**. Send a picture up to the hidden units and back down, with
# probabilities both ways and no random number. The error is the mean squared difference between
# the pixels.


# %%
def reconstruction_error(model):
    returned = model.prob_v(model.prob_h(pictures))
    return float(((pictures - returned) ** 2).mean())


# %% [markdown]
# We compare four methods:
#
# - **CD-1, probabilities** is your CD-1, whose pixels are kept as probabilities.
# - **CD-1, sampled** has the full sweep of section 6, which samples the pixels as well.
# - **PCD**, or **persistent contrastive divergence**, keeps 500 chains, which begin at random
#   pixels. Every update moves them on by one sweep in the model as it is now and averages over
#   them. They never go back to the data.
# - **exact** is the gradient of section 5, which needs all 512 patterns.
#
# **Predict first.** Which of the first three will have the lowest NLL at the end? And which of
# the four will have the lowest reconstruction error?

# %%
methods = ["CD-1, probabilities", "CD-1, sampled", "PCD", "exact"]
lesson.predict("best", "The lowest NLL", methods[:3])
lesson.predict("error", "The lowest reconstruction error", methods)


# %% tags=["hide-input"]
# CD with sampled pixels, and PCD
def make_cd(n_sweeps, seed=0):
    """CD whose sweeps sample the pixels, too."""
    rng = torch.Generator().manual_seed(seed)

    def cd(model, v):
        back = v
        for _ in range(n_sweeps):
            back = gibbs_sweep(model, back, rng)
        p, p_back = model.prob_h(v), model.prob_h(back)
        dW = (v.T @ p - back.T @ p_back) / len(v)
        return dW, (v - back).mean(0), (p - p_back).mean(0)

    return cd


def make_pcd(n_chains=500, seed=1):
    rng = torch.Generator().manual_seed(seed)
    chains = sample(torch.full((n_chains, 9), 0.5), rng)

    def pcd(model, v):
        chains.copy_(gibbs_sweep(model, chains, rng))  # continue, never restart
        p, p_chains = model.prob_h(v), model.prob_h(chains)
        dW = v.T @ p / len(v) - chains.T @ p_chains / n_chains
        return dW, v.mean(0) - chains.mean(0), p.mean(0) - p_chains.mean(0)

    return pcd


runs["CD-1, sampled"] = train(new_model(), make_cd(n_sweeps=1), pictures, falling)
runs["PCD"] = train(new_model(), make_pcd(), pictures, falling)

method_color = {
    "CD-1, probabilities": COLORS["red"],
    "CD-1, sampled": COLORS["purple"],
    "PCD": COLORS["green"],
    "exact": INK,
}
curves = {
    name: [[f(model) for model in run] for f in (nll, reconstruction_error)]
    for name, run in runs.items()
}
final = {name: nll(runs[name][-1]) for name in methods}
error = {name: reconstruction_error(runs[name][-1]) for name in methods}


# %% tags=["hide-input"]
# Drawing
def end_labels(axis, values, gap):
    """Label the lines at their right ends, at least `gap` apart, with leader lines."""
    place = -np.inf
    for name, value in sorted(values.items(), key=lambda item: item[1]):
        place = max(value, place + gap)
        end, label = (10**y if axis.get_yscale() == "log" else y for y in (value, place))
        color = method_color[name]
        axis.plot([4000, 4250, 4420], [end, label, label], color=color, lw=1, clip_on=False)
        axis.text(
            4480,
            label,
            name.replace(", ", ",\n"),
            va="center",
            color=color,
            fontweight="bold",
            fontsize=9.5,
            linespacing=0.95,
        )


fig, axes = plt.subplots(1, 2, figsize=(9, 3.8))
axes[1].set_yscale("log")
for name, pair in curves.items():
    for axis, values in zip(axes, pair, strict=True):
        axis.plot(50 * np.arange(len(values)), values, color=method_color[name])
end_labels(axes[0], final, 0.31)
end_labels(axes[1], {name: np.log10(value) for name, value in error.items()}, 0.42)
lowest = min(curves["CD-1, probabilities"][0])
lowest_at = 50 * curves["CD-1, probabilities"][0].index(lowest)
axes[0].plot(lowest_at, lowest, "o", color=COLORS["red"], mec="white", zorder=5)
axes[0].annotate(
    f"your CD-1 is at its\nbest at update {lowest_at:,}",
    (lowest_at, lowest + 0.05),
    (lowest_at + 40, 5.4),
    color=COLORS["red"],
    fontsize=9,
    arrowprops=dict(arrowstyle="->", color=COLORS["red"]),
)
axes[0].axhline(math.log(14), color=GREY, lw=0.8, ls=(0, (4, 3)))
axes[0].text(40, math.log(14) - 0.19, "best possible, log 14", fontsize=9, color=GREY)
axes[0].set(xlabel="updates", ylabel="nats per picture", ylim=(2.25, 6.5))
axes[0].set_title("Negative log-likelihood:\nyour CD-1 gets worse again")
axes[1].set(xlabel="updates", ylabel="mean squared error, logarithmic")
axes[1].set_title("Reconstruction error:\nyour CD-1 looks best of all")
for axis in axes:
    axis.set(xlim=(0, 4000), xticks=[0, 1000, 2000, 3000, 4000])
    axis.xaxis.set_major_formatter("{x:,.0f}")
show(
    fig,
    "Left, exact negative log-likelihood. The exact gradient and PCD come close to the "
    "best possible value, CD-1 with sampled pixels ends somewhat higher, and CD-1 with "
    "pixel probabilities improves and then gets much worse. Right, reconstruction error on "
    "a logarithmic scale. CD-1 with pixel probabilities ends lowest, CD-1 with sampled "
    "pixels highest.",
)

# %% tags=["hide-input"]
# Your guesses
lesson.reveal(
    "best",
    min(methods[:3], key=final.get),
    "NLL in the end: "
    + "; ".join(f"{name} {value:.2f}" for name, value in final.items())
    + ".",
)
lesson.reveal(
    "error",
    min(error, key=error.get),
    "Reconstruction error in the end: "
    + "; ".join(f"{name} {value:.1e}" for name, value in error.items())
    + ".",
)
say(
    "Your CD-1 ends "
    f"**{final['CD-1, probabilities'] - final['exact']:.2f}** nats above the exact "
    "gradient. "
    "Sampling the pixels removes "
    f"**{final['CD-1, probabilities'] - final['CD-1, sampled']:.2f}** "
    f"nats of this gap. The other **{final['CD-1, sampled'] - final['exact']:.2f}** are "
    "left even with a full sweep."
)

# %% [markdown]
# On the left your CD-1 is at its best early on and then gets worse. Sampling the pixels
# helps, but does not repair it. In five runs of each kind, with other random numbers, CD-1
# with probabilities ended at 3.8 to 4.0, with sampled pixels at 3.0 to 3.4, and PCD at 2.7
# to 2.8. At first your CD-1 is even faster than the exact gradient.
#
# On the right the error of your CD-1 falls nearly all the time, and it ends as the lowest
# of all, even below the exact gradient. So the error tells you to keep training, and to
# prefer the model with the worst likelihood. Your CD-1 stops learning once every picture
# comes back as it was, and a low error says nearly the same.
#
# The landscapes show how the models differ.

# %% tags=["hide-input"]
# Drawing
fig, axes = plt.subplots(4, 1, figsize=(9, 6.6), height_ratios=(2, 2, 2, 0.45))
titles = {
    "CD-1, probabilities": "Your CD-1: the 14 pictures at very different heights",
    "CD-1, sampled": "CD-1 with sampled pixels: closer together",
    "PCD": "PCD: closer still",
}
for axis, (name, title) in zip(axes, titles.items(), strict=False):
    panorama(axis, runs[name][-1], title, method_color[name])
picture_row(axes[3])
show(
    fig,
    "Three landscapes. After CD-1 with pixel probabilities the fourteen pictures lie at "
    "very different heights, one of them far above log 512. After CD-1 with sampled pixels "
    "the heights differ less, with one just above log 512. After PCD they differ much "
    "less, all of them near log 14.",
)

neighbours = (pictures[:, None] - torch.eye(9)).abs()  # each with one pixel changed
for name in titles:
    heights = height(runs[name][-1], pictures)
    p = torch.exp(-heights)
    lowest = height(runs[name][-1], neighbours.reshape(-1, 9)).reshape(14, 9).amin(1)
    print(
        f"{name:19}  all 14 pictures {p.sum():.0%}, the likeliest {p.max():.1%}, "
        f"the rarest {p.min():.3%}\n  lower than all nine patterns one pixel away: "
        f"{(heights < lowest).sum()} of 14, by at least {(lowest - heights).min():.1f} nats"
    )

# %% [markdown]
# So your CD-1 has learned *where* the valleys are, because each picture lies lower than its
# neighbours, the nine patterns that differ from it in one pixel. (The patterns are still
# ordered for the exact model.) It has not learned how deep a valley should be. Its rarest
# picture lies above log 512 and is now less likely than before training. To see why CD-1
# does not notice, we start a chain at every picture. Follow one column from top to bottom.

# %% tags=["hide-input"]
# Drawing
rng = torch.Generator().manual_seed(0)
now, rows = pictures, {}
for sweep in range(1001):
    if sweep in (0, 1, 10, 100, 1000):
        rows[sweep] = now
    now = gibbs_sweep(runs["CD-1, probabilities"][-1], now, rng)
fig, axis = plt.subplots(figsize=(9, 3.1))
for row, (sweep, chains) in enumerate(rows.items()):
    y = 1.25 * (4 - row) + 0.1
    label = "start" if sweep == 0 else f"{sweep:,} sweep{'s' * (sweep > 1)}"
    axis.text(2.6, y + 0.5, label, ha="right", va="center")
    for k, pattern in enumerate(chains):
        pattern_tile(axis, pattern, 2.9 + 1.25 * k, y)
blank(axis, 20.5, 6.35)
axis.set_title(
    "After one sweep most chains are still at home, but in the end they crowd together"
)
show(
    fig,
    "Fourteen chains in your CD-1's model, one from each picture, after 0, 1, 10, "
    "100 and 1,000 sweeps. After one sweep most are where they began; after 1,000 they "
    "share few pictures. Patterns that are no pictures are grey.",
)


def home_rates(model):
    """The share of 2,000 chains from each picture that are back after one sweep."""
    crowd = pictures.repeat(2000, 1)
    stays = (gibbs_sweep(model, crowd, rng) == crowd).all(1)
    return stays.float().reshape(2000, 14).mean(0)


def home_and_odds(name):
    """Home rates of the likeliest and the rarest picture, and how much likelier it is."""
    p = torch.exp(-height(runs[name][-1], pictures))
    stays = home_rates(runs[name][-1])
    return stays[p.argmax()], stays[p.argmin()], p.max() / p.min()


home = int((rows[1] == pictures).all(1).sum())
n_patterns = len(torch.unique(rows[1000], dim=0))
likeliest, rarest, times = home_and_odds("CD-1, probabilities")
say(
    f"After one sweep, **{home}** of the 14 chains are where they began. After 1,000 "
    f"sweeps all 14 together show only **{n_patterns}** different patterns, where equally "
    "likely ones would show about 9. With 2,000 chains from every picture, after one "
    f"sweep **{likeliest:.0%}** are home at the likeliest picture and **{rarest:.0%}** at "
    f"the rarest. Yet the likeliest is **{times:,.0f}** times as probable as the rarest."
)
likeliest, rarest, times = home_and_odds("CD-1, sampled")
say(
    f"In the model of CD-1 with sampled pixels it is **{likeliest:.0%}** and "
    f"**{rarest:.0%}**, and the likeliest is **{times:,.0f}** times as probable."
)

# %% [markdown]
# From both valleys nearly every chain is home again after one sweep, although one is
# thousands of times as probable. CD-1 stops after one sweep, so it hardly sees the
# difference. Reconstruction error is blind in the same place, because it, too, looks only
# one step beyond the data.
#
# PCD nearly corrects the depths. In a valley that is too deep, too many of its chains
# gather. Pixels and hidden units of this picture are then on together more often in the
# chains than in the data, so the next updates raise the floor of the valley, until some of
# the chains spill over into others.
#
# ## What to remember
#
# - An energy becomes a probability by $p = e^{-E} / Z$. Without weights inside a layer, a
#   whole layer is one matrix product and one sigmoid.
# - The gradient is an average over the data minus an average over the model. Only the
#   second is hard.
# - Gibbs sampling produces samples of the model, but strong weights make it slow.
# - CD-1 finds the valleys and cannot balance them, and it does worse when the pixels are kept
#   as probabilities. PCD nearly balanced them.
# - Reconstruction error looks only one step around the data. It can rank the worst model first.

# %%
lesson.predictions()
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>A weight has a data average of .20 and a model average of .35. What does the update do?</summary>It lowers the weight by .15 times the learning rate, because the two units meet too often in the model.</details>

# %% tags=["remove-cell", "skip-slide"]
lesson.quiz()  # ten more questions, if you like, with reasons

# %% [markdown]
# **Next:** [02, the MovieLens binary RBM](02_movielens_binary_rbm.ipynb) gives your RBM
# ratings with gaps. The optional lesson [07, measuring a
# machine](07_measuring_a_machine.ipynb) estimates log Z where you cannot enumerate.
#
# ## More, if you like
#
# **Train by hand.** The playground has our pictures and a smaller RBM. Run the next cell, let
# CD-1 make some thousand updates, and watch both curves. When would you have stopped?

# %% tags=["skip-slide"]
playground("bars")

# %% [markdown] tags=["skip-slide"]
# **The chains of section 6 as a film.** The line below each pattern shows its height.


# %% tags=["hide-input", "skip-slide"]
# A film
def moving(model, chain):
    return chain[:400].reshape(-1, 3, 3), height(model, chain[:400])


animate(
    {
        "weak weights": moving(early, weak_chain),
        "strong weights": moving(trained, strong_chain),
    },
    "height, in nats:",
)

# %% [markdown] tags=["skip-slide"]
# **Does the library agree?** The next lessons use `rbm_lib`, whose RBM has the same three
# tensors under longer names. We give it the parameters that CD-1 has trained.

# %%
import rbm_lib
from rbm_lib.likelihood import exact_gradient as library_gradient
from rbm_lib.likelihood import exact_log_likelihood

library_model = rbm_lib.RBM(n_visible=9, n_hidden=8)
for letter, name in (("W", "W"), ("b", "visible_bias"), ("c", "hidden_bias")):
    getattr(library_model, name).data.copy_(
        getattr(runs["CD-1, probabilities"][-1], letter)
    )

their_nll = -exact_log_likelihood(library_model, pictures).mean()
their_dW = library_gradient(library_model, pictures)["W"]
dW, _, _ = exact_gradient(runs["CD-1, probabilities"][-1], pictures)
print(f"NLL: yours {nll(runs['CD-1, probabilities'][-1]):.4f}, rbm_lib {their_nll:.4f}")
print(f"largest difference in dW: {(dW - their_dW).abs().max():.6f}")

# %% [markdown] tags=["skip-slide"]
# **Exercise 5 · Repair CD-1** · open · 10 minutes. The folded function `make_cd` of section 8
# is CD with sampled pixels and as many sweeps as you like. Change one thing at a time, and say
# beforehand what it will do to the NLL and to the reconstruction error. What do two sweeps
# bring, and what ten? Then try `make_pcd(n_chains=20)`, or the constant rate `[0.5] * 4000`.
# Explain in two sentences what you saw, in a text cell of your own.

# %%
mine = train(new_model(), make_cd(n_sweeps=2), pictures, falling)
along = [nll(model) for model in mine]
print(f"mine: NLL {along[-1]:.2f} in the end, {min(along):.2f} at its best")
print(f"mine: reconstruction error {reconstruction_error(mine[-1]):.1e}")
for name in methods:
    print(f"{name:19}  NLL {final[name]:.2f}, reconstruction error {error[name]:.1e}")

# %% [markdown] tags=["skip-slide"]
# <details><summary>What we found, with three to five seeds</summary>
#
# | run | NLL in the end | error, in units of $10^{-5}$ |
# |---|---|---|
# | one sweep, pixel probabilities | 3.8 to 4.0 | 1.3 |
# | one sweep, sampled pixels | 3.0 to 3.4 | 3.3 to 13 |
# | two sweeps, sampled pixels | 2.9 to 3.1 | 2.9 to 3.6 |
# | ten sweeps, sampled pixels | 2.7 to 2.8 | 2.7 to 4.8 |
# | ten sweeps, the last pixels kept as probabilities | 2.7 | 1.3 |
# | PCD, 500 chains | 2.7 to 2.8 | 2.0 to 3.3 |
# | PCD, 20 chains | 4.5 to 5.6 | |
# | CD-1 with probabilities, constant rate | 4.1 to 4.6 | |
# | PCD, constant rate | 3.6 to 6.9 | |
#
# With ten sweeps it hardly matters for the NLL whether the last pixels are sampled. But if they
# are not, the error is the same after one sweep and after ten, although the NLL is 4.0 in one
# case and 2.7 in the other. The error shows how the model was trained, not how good it is.
#
# </details>

# %% [markdown]
# ## References
#
# - Hinton (2002), Training products of experts by minimizing contrastive divergence. [doi:10.1162/089976602760128018](https://doi.org/10.1162/089976602760128018)
# - Hinton (2012), A practical guide to training restricted Boltzmann machines. [doi:10.1007/978-3-642-35289-8_32](https://doi.org/10.1007/978-3-642-35289-8_32)
# - Tieleman (2008), Training restricted Boltzmann machines using approximations to the likelihood gradient. [doi:10.1145/1390156.1390290](https://doi.org/10.1145/1390156.1390290)
# - Fischer & Igel (2014), Training restricted Boltzmann machines: an introduction. [doi:10.1016/j.patcog.2013.05.025](https://doi.org/10.1016/j.patcog.2013.05.025)
