# %% [markdown]
# # 05 · The Gaussian-Bernoulli deep Boltzmann machine
#
# A song came out this morning, and nobody has played it yet. To whom should you recommend
# it? Every recommender you have built so far learns from who chose what, so it has nothing
# to say about this song. In this lesson you build models that *listen*. First comes a model
# of songs, then a second layer on top of it, and at last a layer for the listener.
#
# | | |
# |---|---|
# | **You will be able to** | give an RBM real-valued units and measure a density in nats; run and train a deep Boltzmann machine and see whether its second layer lives; recommend items that nobody has chosen yet; make playlists with a generative model |
# | **You need** | lessons 00 to 02, and 04 for the songs and the simulated listeners; the normal distribution |
# | **Time** | 90 minutes, 26 of them for four exercises and 8 for an open one |
# | **Data** | Spotify's songs, or a synthetic stand-in; simulated listeners; MovieLens 100K |
# | **Hardware** | any laptop, no GPU |

# %%
import copy
import math
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.nn.functional import logsigmoid

from rbm_lib import DBM, PCD, RBM, Monitor, baselines, evaluate, fit, pretrain
from rbm_lib.course import Lesson, say
from rbm_lib.course.animation import animate
from rbm_lib.data import (
    AudioFeatures,
    RatingMatrix,
    load_movielens,
    load_spotify,
    simulate_listeners,
)
from rbm_lib.data.spotify import FEATURES
from rbm_lib.likelihood import binary_states, exact_log_likelihood
from rbm_lib.models import TiedDBM, TiedRBM
from rbm_lib.plotting import COLORS, GREY, INK, show
from rbm_lib.recommend import embeddings
from rbm_lib.recommend.cold import cold_task, flags, hats, predict_from_content, tenths
from rbm_lib.training import fit_tied, linear_decay

lesson = Lesson("05_gaussian_bernoulli_dbm")

# %% [markdown]
# ## 1. A song nobody has heard
#
# We take the songs and the simulated listeners of lesson 04. A fifth of the songs are *new*.
# We remove them from everybody's history and keep them as the questions.

# %%
spotify = lesson.data(load_spotify(verbose=False))
print(spotify.origin)
tracks = spotify.tracks
if lesson.profile == "fast":
    tracks = tracks.sample(3000, random_state=0)
tracks = tracks.reset_index(drop=True)
listeners = simulate_listeners(tracks, lesson.pick(fast=600, full=1000), seed=0)

played = listeners.interactions
song = pd.Index(tracks["track_uri"]).get_indexer(played["track_uri"])
heard = np.zeros((len(listeners.profiles), len(tracks)))
heard[played["user_id"] - 1, song] = 1

sound = tracks[list(FEATURES)].to_numpy(float)
sound = (sound - sound.mean(0)) / sound.std(0)  # each column with mean 0 and deviation 1
task = cold_task(heard, sound, seed=0)
print(
    f"{len(task.known):,} known songs, {len(task.new):,} new ones, {len(heard):,} listeners"
)

# %% [markdown]
# Here is one of the listeners, with six of their songs. **Predict first.** They also played
# one of the three new songs below. Which one?

# %% tags=["hide-input"]
short = tracks["track_name"].str.split(r" \(| - ", regex=True).str[0].str.slice(0, 28)
label = short + " · " + tracks["artist_name"].str.slice(0, 22)
someone = int((listeners.profiles["archetype"] == "Era-Specific Listener").argmax())
print("played:", *label[task.known[task.likes[someone] > 0][:6]], sep="\n   ")
truth = label[task.new[task.relevant[someone]][0]]
others = label[task.new[~task.relevant[someone]][[50, 300]]]
lesson.predict("new song", "They also played", sorted([truth, *others]))

# %%
lesson.reveal("new song", truth, f"It was {truth}.")

# %% [markdown]
# If you knew these songs, you had a chance, because you know how they *sound* and when they
# were made. Now ask EASE, the strong model of lesson 04. It gives every pair of songs a
# weight, learned from the people who played both. To keep it quick, we use the 500 songs
# that are played most, and let it forget all plays of the first hundred of them.

# %%
top = np.argsort(-heard.sum(0), kind="stable")[:500]
plays = heard[:, top].copy()
plays[:, :100] = 0  # nobody has played these yet
who, what = plays.nonzero()
ids = {"user_ids": range(len(plays)), "item_ids": range(500)}
pairs = RatingMatrix(who, what, np.ones(len(who), int), **ids)
ease = np.abs(baselines.EASE(l2=30.0).fit(pairs).scores())
print(f"largest score of a known song {ease[:, 100:].max():.2f}")
print(f"largest score of a new song   {ease[:, :100].max():.2f}")

# %% [markdown]
# A song without listeners shares none with any other song, so all its weights are zero. The
# RBM of lesson 02 and plain popularity are in the same position. To them a list of new songs
# is a lottery. What we do know of a new song is how it sounds, in fourteen numbers. So we
# need a model of numbers.
#
# ## 2. A unit for real numbers
#
# The visible units of an RBM are switches so far, but loudness is a real number. We give
# each visible unit a parabola instead:
#
# $$E(v, h) = \sum_i \frac{(v_i - b_i)^2}{2\sigma_i^2} - \sum_j c_j h_j
# - \sum_{i,j} \frac{v_i}{\sigma_i^2} W_{ij} h_j \qquad (1)$$
#
# Without hidden units, $e^{-E}$ would be a normal distribution with mean $b_i$ and standard
# deviation $\sigma_i$. Now switch on a hidden unit. The term $v_i W_{ij} / \sigma_i^2$ adds a
# slope to the parabola, and a parabola plus a slope is the same parabola in another place.
# So, given $h$, each $v_i$ is normal with mean $b_i + \sum_j W_{ij} h_j$ and deviation
# $\sigma_i$. Every pattern of hidden units gets a bump of its own, and all bumps have the
# same shape.
#
# With two hidden units there are four bumps. Take $b = (-1.5, -1.5)$, and let unit 1 push by
# $(2.6, -0.3)$ and unit 2 by $(0.4, 2.2)$. With both on, the bump is centred at
# $-1.5 + 2.6 + 0.4 = 1.5$ and $-1.5 - 0.3 + 2.2 = 0.4$. Move the sliders. What does `W` do to
# the four corners, what does `b` do, and what does `sigma` do?


# %% tags=["hide-input"]
def draw_bumps(W=1.0, b=-1.5, sigma=0.5):
    push = W * np.array([[2.6, -0.3], [0.4, 2.2]])  # one row for each hidden unit
    on = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    centres = b + on @ push
    between = push[0] @ push[1] / sigma**2
    share = np.exp([0, -between / 2, -between / 2, 0])  # each unit on half of the time
    line = np.linspace(-4, 4, 161)
    grid = np.stack(np.meshgrid(line, line), -1)
    far = ((grid[:, :, None] - centres) ** 2).sum(-1) / (2 * sigma**2)
    density = (np.exp(-far) * share / share.sum()).sum(-1) / (2 * np.pi * sigma**2)
    fig, axis = plt.subplots(figsize=(4.6, 4.2))
    axis.contourf(line, line, density, levels=12, cmap="Blues")
    axis.plot(*centres[[0, 1, 3, 2, 0]].T, "o-", color=COLORS["orange"], lw=1, ms=5)
    for pattern, centre in zip(on, centres, strict=True):
        text = f"h = {pattern[0]}{pattern[1]}"
        axis.annotate(text, centre, (7, 7), textcoords="offset points", fontsize=9)
    axis.set(xlabel="$v_1$", ylabel="$v_2$", aspect="equal", xlim=(-4, 4), ylim=(-4, 4))
    axis.set_title("Two hidden units, four bumps")
    corners = "; ".join(f"{x:.1f}, {y:.1f}" for x, y in centres)
    show(fig, f"A density with four bumps at the corners of a parallelogram: {corners}.")


draw_bumps()

# %%
lesson.slider(
    draw_bumps,
    W=(0.0, 1.4, 0.1, 1.0),
    b=(-3.0, 0.0, 0.25, -1.5),
    sigma=(0.2, 1.5, 0.1, 0.5),
)

# %% [markdown]
# The four centres form a parallelogram, because the last corner is the sum of the two pushes.
# With ten hidden units there are 1,024 bumps, but still only ten pushes.
#
# **Exercise 1 · Draw a song** · ★ · 5 minutes · 2 points. Draw visible units given hidden
# units. `h` has shape (rows, hidden), `W` (visible, hidden), `b` and `sigma` (visible,).
# `noise` holds standard normal numbers, shape (rows, visible), so draw none of your own.
# Where `known` is True, keep the value in `v`. We will need that in section 7.
#
# <details><summary>Hint</summary>A normal number with mean m and deviation s is
# <code>m + s * noise</code>. Choose with <code>torch.where(known, v, ...)</code>.</details>


# %%
def my_draw_song(v, known, h, W, b, sigma, noise):
    ### BEGIN SOLUTION
    drawn = b + h @ W.T + sigma * noise
    return torch.where(known, v, drawn)
    ### END SOLUTION


# %%
lesson.check("1", my_draw_song)

# %% [markdown] tags=["skip-slide"]
# ### A track is a point
#
# Fourteen numbers make a song a point in fourteen dimensions. Here are two of the fourteen.

# %% tags=["hide-input"]
energy, valence = (tracks[name].to_numpy() for name in ("energy", "valence"))
famous = tracks.sort_values("popularity", ascending=False, kind="stable").index


def spread_out(candidates, x, y, n, apart):
    """The first n candidates that are not too near to each other on the map."""
    chosen = []
    for k in candidates:
        if all(abs(x[k] - x[i]) / 3 + abs(y[k] - y[i]) > apart for i in chosen):
            chosen.append(k)
        if len(chosen) == n:
            break
    return chosen


def song_map(axis):
    axis.plot(energy, valence, ".", ms=1.5, color="#c9ced6", zorder=0)
    axis.set(xlim=(-0.02, 1.25), ylim=(-0.03, 1.05))
    axis.set(xlabel="energy (calm to loud and fast)", ylabel="valence (sad to happy)")


def candidates(width):
    """Places of a label around its point, near ones first, in pixels."""
    for far in (0, 16, 32, 48):
        yield from ((7 + far, -4), (-7 - far - width, -4))
        yield from ((-width / 2, 8 + far), (-width / 2, -16 - far), (7 + far, 9 + far))


def write_names(axis, songs, before=None):
    """Names beside their points, where they do not cover each other."""
    axis.figure.canvas.draw()  # fixes the layout
    points = axis.transData.transform(np.column_stack([energy[songs], valence[songs]]))
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in points]
    texts = [a + b for a, b in zip(before or [""] * len(songs), short[songs], strict=True)]
    for k, text, (x, y) in zip(songs, texts, points, strict=True):
        width = 5.4 * len(text)
        for dx, dy in candidates(width):
            box = (x + dx, y + dy, x + dx + width, y + dy + 12)
            if not any(
                box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3]
                for o in taken
            ):
                break
        taken.append(box)
        place = {"xytext": (0.72 * dx, 0.72 * dy), "textcoords": "offset points"}
        line = {"arrowstyle": "-", "lw": 0.5, "color": GREY}
        axis.annotate(text, (energy[k], valence[k]), fontsize=8, arrowprops=line, **place)


fig, axis = plt.subplots(figsize=(8.5, 4.6))
song_map(axis)
named = spread_out(famous[:600], energy, valence, 26, 0.11)
axis.plot(energy[named], valence[named], "o", ms=4, color=COLORS["blue"])
write_names(axis, named)
axis.set_title(f"{len(tracks):,} songs on a map, a few with their names")
show(fig, "Songs as points by energy and valence, with the names of some well-known ones.")

# %% [markdown]
# Lesson 04 brought the features to a scale on which a Gaussian fits, and then turned them
# until no two were correlated. `AudioFeatures` does both. In these coordinates the
# best single Gaussian is the standard normal, with density
# $\log p(z) = -\tfrac12 \sum_i z_i^2 - \tfrac{n}{2} \log 2\pi$.
#
# How good is a density? In two dimensions, for the point $z = (1, -1)$, the standard normal
# says $-\tfrac12 \cdot 2 - \log 2\pi = -2.84$. If a model says $-1.84$, it has gained one
# *nat* at this point, so it gives the point $e^1 = 2.7$ times the density. The mean
# gain over songs that took no part in training is our measure.

# %%
order = np.random.default_rng(0).permutation(len(tracks))
train, valid, test = np.split(order, [int(0.7 * len(order)), int(0.85 * len(order))])
features = AudioFeatures().fit(tracks[list(FEATURES)].iloc[train])
z = torch.tensor(features.transform(tracks[list(FEATURES)]), dtype=torch.float32)
normal = torch.distributions.Normal(0.0, 1.0)
held_out = z[test]


def gains(model):
    """Nats over the best single Gaussian, for each held-out song."""
    log_p = exact_log_likelihood(model, held_out).detach()
    return (log_p - normal.log_prob(held_out).sum(1)).numpy()


def interval(x):
    """Mean and half of its 95 % interval."""
    return np.mean(x), 1.96 * np.std(x) / len(x) ** 0.5


# %% [markdown]
# **Predict first.** We train an RBM with 17 hidden units. How many nats will it gain?

# %%
lesson.predict("gain", "Gain over the best single Gaussian, in nats per song")

# %% tags=["hide-input"]
before, after = lesson.pick(fast=(15, 30), full=(30, 90))  # epochs
recipe = {"batch_size": 128, "optimizer": torch.optim.Adam, "progress": False}
recipe |= {"lr": lesson.pick(fast=0.02, full=0.01), "schedule": linear_decay(0.5)}
recipe |= {"callbacks": [Monitor(every=1000)], "device": "cpu"}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def train_rbm(n_hidden, rows=z[train]):
    model = RBM(14, n_hidden, "gaussian", weight_std=0.2, seed=0).initialize_from(rows)
    settings = recipe | {"epochs": before + after, "method": PCD(k=5, n_chains=256)}
    fit(model, rows, generator=seeded(), **settings)
    return model


# %%
flat = train_rbm(17)
mean, half = interval(gains(flat))
lesson.reveal(
    "gain",
    mean,
    f"It gains {mean:.2f} ± {half:.2f} nats, a factor of {math.exp(mean):.1f} in density.",
)

# %% [markdown]
# ### How to fool yourself once
#
# Many programs report the *reconstruction error* instead, the distance between a row and
# what comes back after one trip up and down. Let a feature have two values, −1 and 1, like
# *minor* and *major*, each in half of the songs. A model with one hidden unit puts a narrow
# bump on each. We change nothing but the hidden bias, which says how often a bump is used.


# %% tags=["nbval-check-output"]
def two_spikes(hidden_bias, push=2.0, sigma=0.1):
    v = torch.tensor([-1.0, 1.0])
    h = torch.sigmoid(hidden_bias + push * v / sigma**2)
    error = (v - (-1 + push * h)).abs().mean()
    right = torch.tensor(hidden_bias)  # the log-odds of the right-hand bump
    return float(error), float((logsigmoid(right) + logsigmoid(-right)) / 2)


for hidden_bias in (0.0, 5.0, 20.0):
    error, log_share = two_spikes(hidden_bias)
    print(
        f"hidden bias {hidden_bias:4.0f}   reconstruction error {error:.2f}   "
        f"mean log-probability of the right bump {log_share:7.2f}"
    )

# %% [markdown]
# All three reconstruct perfectly, because each row only has to come back to its own bump.
# Yet the last model believes that there is no music in minor. Reconstruction never compares
# one bump with another.
#
# ## 3. A second layer
#
# The hidden units of an RBM say where the bumps lie *and* which pushes go together. A second
# hidden layer could take over the second job:
#
# $$E = \sum_i \frac{(v_i-b_i)^2}{2\sigma_i^2} - \frac{v}{\sigma^2} \cdot W^{(1)} h^{(1)}
# - h^{(1)} \cdot W^{(2)} h^{(2)} - c^{(1)} \cdot h^{(1)} - c^{(2)} \cdot h^{(2)}
# \qquad (2)$$
#
# ![Three layers of units: visible, hidden layer 1, hidden layer 2. Lines join neighbouring layers only.](figures/deep_layers.svg)
#
# This **deep Boltzmann machine** (DBM) has a price. Given a song, $h^{(1)}$ depends
# on $h^{(2)}$ and the other way round, so $p(h \mid v)$ is no longer one matrix product.
#
# **Mean field** is the usual way out. It treats all hidden units as independent and looks
# for the probabilities $q$ that come closest. Each layer in turn becomes the sigmoid of its
# average input:
#
# $$q^{(1)} \leftarrow \operatorname{sigmoid}\big(W^{(1)\top} \tfrac{v}{\sigma^2}
# + W^{(2)} q^{(2)} + c^{(1)}\big), \quad
# q^{(2)} \leftarrow \operatorname{sigmoid}\big(W^{(2)\top} q^{(1)} + c^{(2)}\big)
# \qquad (3)$$
#
# The words *in turn* matter. Take two units, one in each layer, with biases 3 and a weight
# of −6 between them, so that each wants to be on but not together with the other. Both start
# at .6. The first one receives 3 − 6 · .6 = −.6, and sigmoid(−.6) = .354.
#
# **Predict first.** Much public code updates all layers *at once*, each from the old values
# of the others. Where do our two units end then?

# %%
ends = ["both settle at 1/2", "one on, one off", "they flip for ever"]
lesson.predict("at once", "Updated at once, the two units", ends)


# %% tags=["nbval-check-output"]
def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def bound(q1, q2):
    """How good a pair of probabilities is; at most the exact log-sum."""
    entropy = -sum(q * math.log(q) + (1 - q) * math.log(1 - q) for q in (q1, q2))
    return 3 * q1 + 3 * q2 - 6 * q1 * q2 + entropy


at_once, in_turn = [(0.6, 0.6)], [(0.6, 0.6)]
for _ in range(16):
    q1, q2 = at_once[-1]
    at_once.append((sigmoid(3 - 6 * q2), sigmoid(3 - 6 * q1)))
    q1 = sigmoid(3 - 6 * in_turn[-1][1])
    in_turn.append((q1, sigmoid(3 - 6 * q1)))
for name, path in (("at once", at_once), ("in turn", in_turn)):
    last = "  ".join(f"({a:.3f}, {b:.3f})" for a, b in path[-2:])
    print(f"{name}: last two steps {last}   bound {bound(*path[-1]):.3f}")
print(f"exact log-sum over the four states: {math.log(1 + 2 * math.exp(3) + 1):.3f}")
lesson.reveal("at once", "they flip for ever")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(8.5, 3))
for path, color in ((at_once, "red"), (in_turn, "blue")):
    axes[0].plot(*zip(*path, strict=True), "o-", color=COLORS[color], lw=1, ms=5)
    axes[1].plot([bound(*q) for q in path], "o-", color=COLORS[color], ms=4)
axes[0].text(0.36, 0.5, "at once", color=COLORS["red"], ha="right")
axes[0].text(0.3, 0.85, "in turn", color=COLORS["blue"])
axes[0].set(xlabel="$q_1$", ylabel="$q_2$", xlim=(0, 1), ylim=(0, 1.05), aspect="equal")
axes[0].set_title("The paths")
exact = math.log(2 + 2 * math.exp(3))
axes[1].axhline(exact, color=GREY, ls=":")
axes[1].text(16, exact - 0.28, "exact", ha="right", color=GREY)
axes[1].set(xlabel="sweep", ylabel="bound (nats)", ylim=(0.6, 4))
axes[1].set_title("In turn, the bound never falls")
show(
    fig,
    "Left, the paths of two units. "
    "Right, the bound, which falls at once and climbs in turn.",
)

# %%
animate(
    {
        name: ([[q] for q in path], [bound(*q) for q in path])
        for name, path in (("at once", at_once), ("in turn", in_turn))
    },
    "bound",
)

# %% [markdown]
# At once, both units switch off because the other is on, and then both switch on because it
# is off. In turn, one of them wins. The **bound** is a lower limit of the exact log-sum, and
# each step in turn can only raise it. It cannot close the gap to 3.742, though. The truth is
# *one of the two*, and independent units cannot say that. Remember this gap.
#
# **Exercise 2 · One sweep, in turn** · ★★ · 7 minutes · 2 points. Write equation (3) for many
# songs. `model` has the fields `W1`, `W2`, `b`, `c1`, `c2` and `sigma`. Start from `h2`,
# compute layer 1 first, and pass each layer's probabilities through `pick` before you use
# them further. With a `pick` that returns them as they are this is mean field, and with one
# that draws zeros and ones it is Gibbs sampling. Return the picked `(h1, h2)`.
#
# <details><summary>Hint</summary>Three lines. The input of layer 1 is
# <code>(v / model.sigma**2) @ model.W1 + h2 @ model.W2.T + model.c1</code>.</details>


# %%
def my_sweep(model, v, h2, pick):
    ### BEGIN SOLUTION
    from_song = (v / model.sigma**2) @ model.W1
    h1 = pick(torch.sigmoid(from_song + h2 @ model.W2.T + model.c1))
    h2 = pick(torch.sigmoid(h1 @ model.W2 + model.c2))
    return h1, h2
    ### END SOLUTION


# %%
lesson.check("2", my_sweep)

# %% [markdown] tags=["skip-slide"]
# ### Singles right, pairs wrong
#
# Drawing has the same rule. Given the layers below and above, the units of a layer are
# independent, so we may draw layer 1 and then, given the *new* layer 1, both its neighbours.
# What if we draw everything at once? With 3 + 2 + 2 switches there are only 128 states, so we
# can follow the probabilities themselves.

# %%
tiny = DBM([3, 2, 2], weight_std=2.0, seed=10).double()
states = binary_states(7, like=tiny.visible_bias)
v, h1, h2 = states.split([3, 2, 2], 1)
p = torch.softmax(-tiny.energy(v, [h1, h2]).detach(), 0)  # the truth, 128 numbers
(W1, W2), (b, c1, c2) = (
    [x.detach() for x in group] for group in (tiny.weights, tiny.biases)
)


def chance(mean, target):
    """Row s, column t: how likely units with the means of s come out as in t."""
    return torch.where(target[None] == 1, mean[:, None], 1 - mean[:, None]).prod(2)


draw_h1 = chance(torch.sigmoid(v @ W1 + h2 @ W2.T + c1), h1)
draw_v = chance(torch.sigmoid(h1 @ W1.T + b), v)
draw_h2 = chance(torch.sigmoid(h1 @ W2 + c2), h2)
in_turn_T = draw_h1 * draw_v.diagonal() * draw_h2.diagonal()  # given the new h1
at_once_T = draw_h1 * draw_v.diagonal() * draw_h2  # h2 given the old h1


# %% tags=["hide-input", "nbval-check-output"]
def settled(T):
    """The distribution after very many steps, from anywhere."""
    return torch.linalg.matrix_power(T, 2**14)[0]


def covariance(q):
    return ((h1.T * q) @ h2 - torch.outer(q @ h1, q @ h2)).flatten()


wrong, hidden = settled(at_once_T), torch.cat([h1, h2], 1)
assert (settled(in_turn_T) - p).abs().max() < 1e-9
names = [f"$h^{{({layer})}}_{unit}$" for layer in (1, 2) for unit in (1, 2)]
pair_names = [f"{a}\nand {b}" for a in names[:2] for b in names[2:]]
fig, axes = plt.subplots(1, 2, figsize=(8.5, 3.1))
singles = (p @ hidden, wrong @ hidden, names)
for axis, (true, other, ticks) in zip(
    axes, (singles, (covariance(p), covariance(wrong), pair_names)), strict=True
):
    axis.bar(np.arange(4) - 0.2, true, 0.4, color=INK)
    axis.bar(np.arange(4) + 0.2, other, 0.4, color=COLORS["red"])
    axis.set_xticks(range(4), ticks)
axes[0].set(ylabel="probability of being on", title="Single units: nearly right")
axes[1].set(ylabel="covariance", title="Pairs: wrong")
axes[1].axhline(0, color=GREY, lw=0.8)
fig.legend(["", "exact", "all at once"][1:], loc="outside lower center", ncols=2)
show(
    fig, "Bars, exact beside all at once: single units agree, covariances of pairs do not."
)
lost = 1 - covariance(wrong).norm() / covariance(p).norm()
apart = (wrong @ hidden - p @ hidden).abs().max()
print(f"single units are off by at most {apart:.3f}; of the covariance {lost:.0%} is lost")

# %% [markdown]
# If you only test single units, this sampler looks correct. But $W^{(2)}$ learns from
# averages of *pairs*, so it would learn from wrong numbers from the first step. In turn, the
# chain keeps the exact probabilities.
#
# ## 4. Train it, and watch the second layer
#
# A DBM usually starts with **pretraining**, which trains one RBM for each pair of layers,
# from the bottom up. There is one catch. In its RBM, layer 1 has no layer above it, so it
# would learn to do without. The cure of Salakhutdinov and Hinton is to let it receive its
# input from below twice, in place of the missing half. `pretrain` does this.
#
# Pretraining promises nothing, though. Give a DBM of 3, 3 and 2 units the data 000 and 111.
# The best possible log-likelihood is −.69. Contrastive divergence takes it from −2.08 to
# below −3, while the same pretraining with exact gradients ends near −.7.
#
# So the layers are then trained together, which is called **fine-tuning**. You know the rule
# from lesson 01, *data minus model*. For each weight we need the product of its two ends,
# averaged over songs and averaged over chains:
#
# $$\Delta W^{(1)}_{ij} = \Big\langle \frac{v_i}{\sigma_i^2} h^{(1)}_j \Big\rangle_{\text{data}}
# - \Big\langle \frac{v_i}{\sigma_i^2} h^{(1)}_j \Big\rangle_{\text{model}}, \qquad
# \Delta W^{(2)}_{jk} = \big\langle h^{(1)}_j h^{(2)}_k \big\rangle_{\text{data}}
# - \big\langle h^{(1)}_j h^{(2)}_k \big\rangle_{\text{model}}$$
#
# The biases follow the same rule with one end, which is $v_i / \sigma_i^2$ for $b_i$. We leave
# $\sigma$ as pretraining found it.
#
# **Exercise 3 · The update** · ★★ · 7 minutes · 3 points. `data` and `chains` are triples
# `(v, h1, h2)`, with a row for each song or chain. They may have different numbers of rows.
# Return the changes of `W1`, `W2`, `b`, `c1` and `c2`, in this order.
#
# <details><summary>Hint</summary>Write a helper that returns the five averages of one triple,
# and subtract. The average of a product over rows is
# <code>h1.T @ h2 / len(h1)</code>.</details>


# %%
def my_update(data, chains, sigma):
    ### BEGIN SOLUTION
    def averages(v, h1, h2):
        scaled = v / sigma**2
        n = len(v)
        return [scaled.T @ h1 / n, h1.T @ h2 / n, scaled.mean(0), h1.mean(0), h2.mean(0)]

    return [d - m for d, m in zip(averages(*data), averages(*chains), strict=True)]
    ### END SOLUTION


# %%
lesson.check("3", my_update)

# %% [markdown]
# Now your three functions train a DBM with 12 and 6 hidden units. For each batch of songs,
# five sweeps find the hidden layers, and beside them run 256 chains. We train in two ways,
# once with mean field for the songs and once with drawn states.

# %%
draw_song, sweep, update = (
    lesson.use(number, mine)
    for number, mine in (("1", my_draw_song), ("2", my_sweep), ("3", my_update))
)


@dataclass
class Deep:
    W1: Tensor
    W2: Tensor
    b: Tensor
    c1: Tensor
    c2: Tensor
    sigma: Tensor


def copy_of(library):
    """The parameters of a library model, as tensors of your own."""
    parameters = [*library.weights, *library.biases, torch.exp(library.log_variance / 2)]
    return Deep(*(x.detach().clone() for x in parameters))


# %%
def keep(p):
    return p


def drawing(rng):
    return lambda p: (torch.rand(p.shape, generator=rng) < p).to(p.dtype)


def look_at(model, v, pick, sweeps=5):
    """Hidden layers of songs, from h2 = 1/2."""
    h2 = torch.full((len(v), 6), 0.5)
    for _ in range(sweeps):
        h1, h2 = sweep(model, v, h2, pick)
    return v, h1, h2


def dream_on(model, v, h2, rng, sweeps=5):
    """Chains after some sweeps of Gibbs sampling."""
    unknown = torch.zeros(v.shape, dtype=torch.bool)
    for _ in range(sweeps):
        h1, h2 = sweep(model, v, h2, drawing(rng))
        noise = torch.randn(v.shape, generator=rng)
        v = draw_song(v, unknown, h1, model.W1, model.b, model.sigma, noise)
    return v, h1, h2


def alive(model):
    """How much layer 2 differs from song to song: its standard deviation."""
    h2 = look_at(model, z[valid], keep, sweeps=10)[2]
    return float(h2.std(0).mean())


# %%
def fine_tune(start, draw_hidden, steps):
    model, rng, spread = copy_of(start), seeded(), []
    learned = [model.W1, model.W2, model.b, model.c1, model.c2]
    optimizer = torch.optim.Adam(learned, lr=0.01)
    pick = drawing(rng) if draw_hidden else keep
    chains = look_at(model, z[train][:256], drawing(rng))
    for step in range(steps):
        songs = z[train][torch.randint(len(train), (128,), generator=rng)]
        data = look_at(model, songs, pick)
        chains = dream_on(model, chains[0], chains[2], rng)
        change = update(data, chains, model.sigma)
        for parameter, uphill in zip(learned, change, strict=True):
            parameter.grad = -uphill  # Adam goes downhill
        optimizer.step()
        if step % 50 == 0:
            spread.append(alive(model))
    return model, spread


# %%
start = DBM([14, 12, 6], "gaussian", weight_std=0.2, seed=0).initialize_from(z[train])
settings = recipe | {"epochs": before, "method": PCD(k=5, n_chains=256)}
_ = pretrain(start, z[train], generator=seeded(), **settings)

# %% [markdown]
# **Predict first.** Mean field cannot express how the two layers depend on each other, so it
# pays for every such dependence with a worse bound. After fine-tuning, in which of the two
# will layer 2 still differ from song to song?

# %%
lesson.predict("alive", "Layer 2 stays more alive with", ["mean field", "drawn states"])

# %%
steps = lesson.pick(fast=501, full=2001)
tuned = {
    "mean field": fine_tune(start, draw_hidden=False, steps=steps),
    "drawn states": fine_tune(start, draw_hidden=True, steps=steps),
}

# %% tags=["hide-input"]
fig, axis = plt.subplots(figsize=(7, 2.9))
for (name, (_, spread)), color in zip(tuned.items(), ("red", "blue"), strict=True):
    axis.plot(50 * np.arange(len(spread)), spread, color=COLORS[color])
    axis.text(steps * 1.01, spread[-1], name, color=COLORS[color], va="center")
axis.set(xlabel="updates", ylabel="spread of layer 2 over songs", ylim=(0, None))
axis.set(xlim=(0, steps * 1.18))
last = {name: spread[-1] for name, (_, spread) in tuned.items()}
more = max(last, key=last.get)
axis.set_title(f"Layer 2 stays more alive with {more}")
show(
    fig,
    f"Spread of layer 2 at the end: {', '.join(f'{n} {s:.3f}' for n, s in last.items())}.",
)
lesson.reveal(
    "alive",
    more,
    f"At the end layer 2 has a spread of {last['mean field']:.3f} with mean field and "
    f"{last['drawn states']:.3f} with drawn states.",
)

# %% [markdown] tags=["skip-slide"]
# A layer that says the same of every song is called *dead*. Training by the bound rewards
# models in which the layers ignore each other, because there the bound is exact, and a dead
# layer is the cheapest way to get there. Draws do not have this reward. So watch the spread
# of every layer, because neither the bound nor the likelihood will tell you.
#
# ## 5. Does depth help on one track?
#
# Is the DBM a better model of songs? It has 286 parameters. An RBM with 17 hidden units has
# 283, so that is the fair rival, trained for as many epochs in total. Beside them stands a
# mixture of Gaussians without any energies, with its number of bumps chosen on songs that
# are neither trained on nor tested.

# %%
deep = copy.deepcopy(start)  # fine-tuned by the library, with draws and centred units
method = PCD(k=5, n_chains=256, posterior="gibbs", center=True)
_ = fit(deep, z[train], generator=seeded(), **recipe | {"epochs": after, "method": method})

# %% tags=["hide-input"]
mixtures = [
    GaussianMixture(n, covariance_type="diag", random_state=0).fit(
        z[train].double().numpy()
    )
    for n in lesson.pick(fast=(20, 60), full=(20, 40, 60, 80))
]
mixture = max(mixtures, key=lambda m: m.score(z[valid].double().numpy()))
log_p = torch.tensor(mixture.score_samples(held_out.double().numpy()))
of_each = {
    "RBM, 17 hidden units": gains(flat),
    "DBM, 12 and 6 hidden units": gains(deep),
    f"mixture of {mixture.n_components} Gaussians": (
        log_p - normal.log_prob(held_out).sum(1)
    ).numpy(),
}

# %% tags=["slide", "hide-input"]
table = pd.DataFrame({name: interval(x) for name, x in of_each.items()}).T
table.columns = ["gain (nats)", "±"]
flat_gain, deep_gain, _ = of_each.values()
lead, half = interval(flat_gain - deep_gain)
verdict = (
    "The interval of the difference contains zero."
    if abs(lead) < half
    else ("So depth did not help." if lead > 0 else "So in this run depth helped.")
)
say(
    f"Song by song, the RBM is ahead of the DBM by **{lead:+.2f} ± {half:.2f}** nats. "
    f"{verdict}"
)
table.round(2)

# %% [markdown]
# One split and one training are a small basis. The table in
# [Results](../docs/results.md) has four splits and four ways to train a DBM with 16 and 8
# units. None of them reaches an RBM of equal size.
#
# Can such a model *recommend*? A simple recipe turns each song into the probabilities of its
# hidden units, a listener into the mean of their songs, and sorts new songs by the cosine with
# that mean. We will see how far that gets. But nobody has told the model what a listener is.
#
# ## 6. A layer for the listener
#
# So let's put the listener into the model. Each song $t$ sits below with its content $x_t$,
# which is all that we know about it. Above sits the listener's *taste*, a layer $H$ of units
# that is shared by all songs of this listener.
#
# ![A listener's three songs below, each with its content. All are connected to the same four taste units above. A new song on the right is connected to them by the same weights.](figures/taste_layer.svg)
#
# The weights belong to the *columns of the content*, such as loudness or *is it jazz?*, and not
# to songs. That is why they also work for a song that nobody has played. A listener with songs $t_1, \ldots, t_n$ has the energy
#
# $$E = -\sum_{t} \big[\, b_t + C_t \cdot H \,\big] - n\, c \cdot H, \qquad C_t = W^\top x_t$$
#
# Let's do one by hand. There is one taste unit, with bias $c = -1$. The content is *quiet*
# and *acoustic*, with the weights 1.5 and 1. A listener played two songs, (1, 1) and (.5, 0),
# so $C$ is 2.5 and .75. The taste receives $2 \cdot (-1) + 2.5 + .75 = 1.25$, and it is on
# with probability σ(1.25) = .78. A new quiet song, (1, .5), has $C = 2$ and gets the score
# .78 · 2 = 1.56. A new loud song, (−1, −.5), gets −1.56. So the quiet one is
# $e^{3.12} \approx 23$ times as likely to come next.
#
# **Exercise 4 · Taste, then score** · ★★ · 7 minutes · 3 points. Do this for many listeners.
# `heard` (listeners, known songs) holds zeros and ones, `C` (known songs, tastes) and `c`
# (tastes,) are as above. Score the songs with couplings `C_ask` (songs, tastes) and biases
# `b_ask` (songs,). Return the probabilities of the tastes and the scores
# (listeners, songs).
#
# <details><summary>Hint</summary><code>heard.sum(1, keepdim=True)</code> is n. The score of
# a song is its bias plus the sum of its couplings times the taste's
# probabilities.</details>


# %%
def my_taste(heard, C, c, C_ask, b_ask):
    ### BEGIN SOLUTION
    n = heard.sum(1, keepdim=True)
    taste = torch.sigmoid(n * c + heard @ C)
    scores = taste @ C_ask.T + b_ask
    return taste, scores
    ### END SOLUTION


# %%
lesson.check("4", my_taste)

# %% [markdown]
# How do we train it? We hide a part of each listener's songs, infer the taste from the rest,
# and ask for the hidden ones. The softmax of the scores says how likely each song is to come
# next. PyTorch follows the gradient through your function.

# %%
taste_of = lesson.use("4", my_taste)


class TasteModel:
    def __init__(self, content, n_taste, seed=0, own=False):
        self.mean = torch.tensor(content).float().mean(0)
        n_columns = len(self.mean)
        self.W = 0.02 * torch.randn(n_columns, n_taste, generator=seeded(seed))
        self.beta, self.c = torch.zeros(n_columns), torch.zeros(n_taste)
        self.U, self.a = torch.zeros(len(content), n_taste), torch.zeros(len(content))
        self.learned = [self.W, self.beta, self.c] + [self.U, self.a] * own

    def couple(self, content):
        """Couplings and biases of songs, from their content alone."""
        x = torch.tensor(content).float() - self.mean
        return x @ self.W, x @ self.beta

    def couple_known(self, content):
        """The same, plus what a known song has of its own (used for films below)."""
        C, b = self.couple(content)
        return C + self.U, b + self.a

    def scores(self, task):
        C, _ = self.couple_known(task.content)
        with torch.no_grad():
            likes = torch.tensor(task.likes).float()
            return taste_of(likes, C, self.c, *self.couple(task.new_content))[1].numpy()


# %%
def train_taste(task, n_taste=64, epochs=40, decay=1e-3, seed=0, own=False):
    model, rng = TasteModel(task.content, n_taste, seed, own), seeded(seed)
    likes = torch.tensor(task.likes).float()
    optimizer = torch.optim.Adam([x.requires_grad_() for x in model.learned])
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = 0.01 * min(1, 2 - 2 * epoch / epochs)
        for rows in torch.randperm(len(likes), generator=rng).split(100):
            keep = 0.5 + 0.45 * torch.rand(len(rows), 1, generator=rng)
            given = likes[rows] * (torch.rand(likes[rows].shape, generator=rng) < keep)
            C, b = model.couple_known(task.content)
            scores = taste_of(given, C, model.c, C, b)[1]
            hidden = likes[rows] - given
            loss = -(hidden * scores.log_softmax(1)).sum() / hidden.sum()
            loss = loss + decay / 2 * ((model.W**2).sum() + 0.1 * (model.U**2).sum())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model


# %% [markdown]
# What is the content of a song? The fourteen features, and what the label on the record says,
# namely genres, decade and artist. Each column gets mean 0 and deviation ¼.

# %%
genres, artists = flags(tracks["genres"], 5), flags(tracks["artists"], 10)
decades = flags((tracks["release_year"] // 10).map(lambda decade: [decade]))
columns = np.hstack([sound, genres, decades, artists])
columns = (columns - columns.mean(0)) / columns.std(0) / 4
labelled = task.with_content(columns)
epochs = lesson.pick(fast=20, full=30)
taste_model = train_taste(labelled, epochs=epochs)
my_scores = taste_model.scores(labelled)

# %%
library = TiedRBM(labelled.content, 64, residual=False)
with torch.no_grad():
    library.W.copy_(taste_model.W)
    library.content_bias.copy_(taste_model.beta)
    library.taste_bias.copy_(taste_model.c)
same = library.scores(labelled.likes, labelled.new_content).numpy()
print(
    "the library's TiedRBM gives the same scores:", np.allclose(same, my_scores, atol=1e-3)
)

# %% [markdown]
# Here are the rivals. *Cosine* is the recipe from the end of section 5, with the DBM's hidden
# units, with the features, and with all columns. *Ridge* fits a linear regression from
# content to plays, one for each listener. It may use the columns as they are or cut
# every feature into tenths, and its penalty is chosen on an inner set of new songs. Your
# model keeps the settings of the library, so nothing was chosen for it here. The
# *oracle* knows the rules by which the simulator chose. **Recall@20** is the share of a
# listener's new songs that are among the first twenty of the list.
#
# **Predict first.** The oracle finds about a third. What will your model find?

# %%
lesson.predict("recall", "Recall@20 of your taste model, between 0 and 1")


# %% tags=["hide-input"]
def cosine(task, content):
    known, new = content[task.known], content[task.new]
    mean = task.likes @ (known - known.mean(0)) / task.likes.sum(1, keepdims=True)
    return embeddings.cosine_scores(mean, new - known.mean(0)).numpy()


def ridge(task, penalties=(10, 100, 1000, 10000)):
    inner = task.inner(1000)
    found = [
        inner.per_person(predict_from_content(inner.likes, inner, l2)).mean().sum()
        for l2 in penalties
    ]
    return predict_from_content(task.likes, task, penalties[int(np.argmax(found))])


boxes = np.hstack([*map(tenths, tracks[list(FEATURES)].to_numpy().T)])
in_tenths = task.with_content(np.hstack([boxes / 2, columns[:, 14:]]))

# %%
chances = listeners.chance(tracks)[np.ix_(task.people, task.new)]
noise = np.random.default_rng(0).random(chances.shape)
deep_units = embeddings.embed(deep, z).double().numpy()
everybody = np.ones((len(task.people), 1))
songs = {
    "oracle": chances + 1e-6 * noise,
    "your taste model": my_scores,
    "ridge": ridge(labelled),
    "ridge, features in tenths": ridge(in_tenths),
    "cosine, all columns": cosine(task, columns),
    "cosine, features": cosine(task, sound),
    "cosine, hidden units of the DBM": cosine(task, deep_units),
    "Spotify's popularity": everybody * tracks["popularity"].to_numpy()[task.new],
    "EASE, RBM of plays, random": noise,
}
per_person = {name: task.per_person(scores) for name, scores in songs.items()}


# %% tags=["hide-input"]
def lead(a, b, metric="Recall@20"):
    """Mean difference over people with its interval, paired."""
    row = evaluate.mean_interval((a - b)[[metric]]).iloc[0]
    return row["mean"], row["low"], row["high"]


def draw_leads(per_person, mine, title, alt):
    recall = {name: frame["Recall@20"].mean() for name, frame in per_person.items()}
    names = sorted(recall, key=recall.get)
    fig, axes = plt.subplots(1, 2, figsize=(9, 0.36 * len(names) + 1.1), sharey=True)
    for place, name in enumerate(names):
        color = COLORS["orange"] if name == mine else COLORS["blue"]
        axes[0].barh(place, recall[name], color=color, height=0.65)
        axes[0].text(recall[name] + 0.004, place, f"{recall[name]:.3f}", va="center")
        if name != mine:
            mean, low, high = lead(per_person[mine], per_person[name])
            axes[1].plot([low, high], [place, place], color=COLORS["blue"])
            axes[1].plot(mean, place, "o", ms=5, color=COLORS["blue"])
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set(xlabel="Recall@20", xlim=(0, 1.22 * max(recall.values())))
    axes[1].axvline(0, color=GREY, lw=0.8)
    axes[1].set(xlabel="lead of your model, 95 % interval")
    fig.suptitle(title, x=0.01, ha="left")
    show(fig, alt + ": " + "; ".join(f"{n} {recall[n]:.3f}" for n in reversed(names)) + ".")


def in_words(name, other, frames):
    mean, low, high = lead(frames[name], frames[other])
    side = "level with" if low <= 0 <= high else "ahead of" if mean > 0 else "behind"
    return f"{side} *{other}* ({mean:+.3f} [{low:+.3f}, {high:+.3f}])"


draw_leads(
    per_person,
    "your taste model",
    "New songs, simulated listeners"
    + ("" if spotify.source == "real" else " (stand-in songs)"),
    "Recall at 20",
)
mine_recall = per_person["your taste model"]["Recall@20"].mean()
best = ("ridge", "ridge, features in tenths", "cosine, all columns")
rest = "; ".join(in_words("your taste model", name, per_person) for name in best)
lesson.reveal("recall", mine_recall, f"Your model finds {mine_recall:.3f}. It is {rest}.")

# %% [markdown] tags=["skip-slide"]
# Models of plays are at chance, and the popularity of a new song says next to nothing about a
# single listener. Hidden units that were trained on songs alone are no better than the
# features they came from. What counts is to know the content. Ridge has to learn each
# listener from their own songs only, while your model can learn from all listeners which
# columns go together.
#
# ### How to fool yourself
#
# Does depth help here? We put a hidden layer of song units between the content and the taste,
# which the library calls a `TiedDBM`. First we let all models see the *sound* only.


# %% tags=["hide-input"]
def library_scores(model, task):
    settings = {"epochs": epochs, "progress": False, "generator": seeded()}
    fit_tied(model, task.likes, **settings)
    return model.scores(task.likes, task.new_content).numpy()


# %% tags=["slide"]
by_ear = task.with_content(sound / 2)
by_ear_boxes = task.with_content(boxes / 2)
ear = {
    "deep, 64 song units": library_scores(
        TiedDBM(by_ear.content, 64, 64, residual=False, seed=0), by_ear
    ),
    "shallow": train_taste(by_ear, epochs=epochs).scores(by_ear),
    "shallow, features in tenths": train_taste(by_ear_boxes, epochs=epochs).scores(
        by_ear_boxes
    ),
}
ear = {name: task.per_person(scores) for name, scores in ear.items()}
others = [name for name in ear if name != "deep, 64 song units"]
rest = "; ".join(in_words("deep, 64 song units", name, ear) for name in others)
say(f"By sound alone, the deep model is {rest}.")
pd.DataFrame({name: frame.mean() for name, frame in ear.items()}).T.round(3)

# %% [markdown]
# Before you celebrate, look at how the simulator works. Its listeners want *energy between .6
# and .9*. A shallow model adds up weights times features, so it can want more energy or less,
# but nothing in between. A hidden layer can bend, and so can ten boxes. **The simulator asks
# exactly the question that a bent model answers.** Whether real people have such tastes, it
# cannot tell.
#
# The second trap is size. With all columns, the deep model has more than twice the parameters
# of yours. So a fair control is a shallow model of equal size, with more tastes.

# %% tags=["slide"]
big = TiedDBM(labelled.content, 128, 64, residual=False, seed=0)
n_columns = columns.shape[1]
equal = round((n_columns * 128 + 128 * 64) / n_columns)
by_size = {
    "deep, 128 song units": library_scores(big, labelled),
    "shallow, 64 tastes": my_scores,
    "shallow, equal size": train_taste(labelled, equal, epochs).scores(labelled),
}
by_size = {name: task.per_person(scores) for name, scores in by_size.items()}
others = ("shallow, 64 tastes", "shallow, equal size")
rest = "; ".join(in_words("deep, 128 song units", name, by_size) for name in others)
say(f"With all columns, the deep model is {rest}. The equal size means {equal} tastes.")

# %% [markdown] tags=["skip-slide"]
# A gain that a wider shallow model has too is a gain of size, not of depth. Always train
# that control before you write the sentence.
#
# ### Real people
#
# A simulator can only give back what was put into it, so let's ask real people. MovieLens
# has no sounds, but its films have genres and years. A fifth of the films becomes new. A draw
# of films may be a lucky one, so the full profile makes four.
#
# We add one thing. A known film has a character that no genre tells, so it gets couplings of
# its own, $C_t = W^\top x_t + U_t$. What is special about it is then not blamed on its genres.
# A new film has no $U_t$.

# %% tags=["hide-input"]
movielens = lesson.data(load_movielens("100k", verbose=False))
print(movielens.origin)
films = movielens.movies.sort_values("movie_id")
ids = {"user_ids": np.sort(movielens.users["user_id"]), "item_ids": films["movie_id"]}
likes = RatingMatrix.from_frame(movielens.ratings, like_at_least=4, **ids).likes().toarray()
enough = likes.sum(0) >= 5
films, likes = films[enough], likes[:, enough].astype(float)
years = films["year"].fillna(1990).to_numpy(float)
film_content = np.column_stack([flags(films["genres"]), hats(years), (years - 1990) / 20])


# %% tags=["hide-input"]
def mapped_ials(task, l2=10):
    """Factors from who liked what, continued to new films by their content."""
    who, what = task.likes.nonzero()
    ids = {"user_ids": range(len(task.likes)), "item_ids": range(len(task.content))}
    pairs = RatingMatrix(who, what, np.ones(len(who), int), **ids)
    known = baselines.IALS(reg=1.0, alpha=0.5).fit(pairs).scores()
    return predict_from_content(known, task, l2)


def popularity(task):
    """What many like, where people with fewer likes count as much as others."""
    count = (task.likes / task.likes.sum(1, keepdims=True)).sum(0)
    predicted = predict_from_content(count[None] / count.mean(), task, 10)
    return np.tile(predicted, (len(task.likes), 1))


# %%
cold_films = {}
for draw in range(lesson.pick(fast=1, full=4)):
    one = cold_task(likes, film_content, seed=draw)
    by = {
        "your taste model": train_taste(one, own=True).scores(one),
        "deep, 64 film units": library_scores(TiedDBM(one.content, 64, 64, seed=0), one),
        "iALS, mapped": mapped_ials(one),
        "ridge": ridge(one, (10, 30, 100)),
        "cosine": cosine(one, film_content),
        "popularity by content": popularity(one),
    }
    for name, scores in by.items():
        cold_films.setdefault(name, []).append(one.per_person(scores))
real = {
    name: pd.concat(frames).groupby(level=0).mean() for name, frames in cold_films.items()
}

# %% tags=["hide-input"]
draw_leads(
    real,
    "your taste model",
    f"New films, {'real' if movielens.source == 'real' else 'invented'} people",
    "Recall at 20",
)
against = (
    "popularity by content",
    "cosine",
    "ridge",
    "iALS, mapped",
    "deep, 64 film units",
)
say(
    "Your taste model is "
    + "; ".join(in_words("your taste model", n, real) for n in against)
)

# %% [markdown] tags=["skip-slide"]
# <details><summary>The stored table, with settings of every model chosen on inner draws of films</summary>
#
# | MovieLens 100K, six draws of 202 new films | Recall@20 | lead of the taste model |
# |---|---|---|
# | taste model | .367 | |
# | iALS mapped by kernel ridge | .363 | +.004 [−.000, .008] |
# | deep, 64 film units | .360 | +.006 [.003, .010] |
# | iALS mapped by ridge | .358 | +.009 [.005, .014] |
# | ridge for each person | .344 | +.023 [.018, .029] |
# | cosine | .316 | +.051 [.044, .057] |
# | popularity by content | .213 | +.153 [.147, .161] |
#
# The intervals are over people. Over draws of films they are wider, about ± .01 to ± .02 for
# the mapped iALS and ± .007 for the deep model. More in [Results](../docs/results.md).
# </details>
#
# The stored table says that the taste is real. It is well ahead of popularity, cosine and
# ridge. It is level with the mapped iALS once the draw of films is counted, so you do not
# *need* a Boltzmann machine for this. And with real people depth does not help. Perhaps that
# is because a genre is a yes or no already and leaves nothing to bend.
#
# ## 7. A playlist for the eyes
#
# What does a model of songs give you that a recommender does not? It can *move*. Start at a
# song, let a few of its features wander by Gibbs sampling, and look for the nearest real song.
# Go on from there. How many features may wander is a dial between near and far.
#
# For this we train the RBM on features that are scaled but not turned, so that each column
# keeps its meaning.

# %%
plain = AudioFeatures(whiten=False).fit(tracks[list(FEATURES)].iloc[train])
x = torch.tensor(plain.transform(tracks[list(FEATURES)]), dtype=torch.float32)
player = train_rbm(16, x[train])
W, b = player.W.detach(), player.visible_bias.detach()
sigma = torch.exp(player.log_variance.detach() / 2)


def wander(v, known, sweeps, rng):
    """Sweeps of Gibbs sampling by your function; what is known stays."""
    for _ in range(sweeps):
        h = (torch.rand(len(v), 16, generator=rng) < player.prob_h_given_v(v)).float()
        noise = torch.randn(v.shape, generator=rng)
        v = draw_song(v, known, h.detach(), W, b, sigma, noise)
    return v


def walk(first, free, length=8, seed=1):
    """Songs on a walk where `free` features wander at each step."""
    rng, path = seeded(seed), [first]
    for _ in range(length):
        known = torch.ones(1, 14, dtype=torch.bool)
        known[0, torch.randperm(14, generator=rng)[:free]] = False
        distance = torch.cdist(wander(x[path[-1:]], known, 5, rng), x)[0]
        distance[path] = torch.inf  # no song twice
        path.append(int(distance.argmin()))
    return path


# %% tags=["hide-input"]
well_known = famous[:600]
quiet = (energy[well_known] - 0.3) ** 2 + (valence[well_known] - 0.25) ** 2
first = int(well_known[np.argmin(quiet)])


def draw_walk(axis, free):
    path = walk(first, free)
    song_map(axis)
    axis.plot(energy[path], valence[path], "o-", color=COLORS["blue"], lw=0.8, ms=4)
    axis.plot(energy[first], valence[first], "s", color=COLORS["red"], ms=7)
    step = float((x[path[1:]] - x[path[:-1]]).norm(dim=1).mean())
    axis.set_title(f"{free} features wander: mean step {step:.1f}")
    return path, step


def draw_walks(*dial):
    fig, axes = plt.subplots(1, len(dial), figsize=(5.2 * len(dial), 4.6), sharey=True)
    axes = np.atleast_1d(axes)
    paths = [draw_walk(axis, free) for axis, free in zip(axes, dial, strict=True)]
    for axis, (path, _) in zip(axes, paths, strict=True):
        write_names(axis, path, [f"{number} " for number in range(len(path))])
    steps = ", ".join(
        f"{free} free, {step:.1f}" for free, (_, step) in zip(dial, paths, strict=True)
    )
    show(fig, f"Walks of eight songs on the map from one song. Mean steps: {steps}.")
    return paths[0][0]


near = draw_walks(3, 14)
print("near:", *label[near], sep="\n   ")

# %%
lesson.slider(lambda wander: draw_walks(wander) and None, wander=(1, 14, 1, 3))

# %% [markdown]
# The map shows two of fourteen features. The titles give the mean step in all of them.
#
# **Fill in what is missing.** Suppose the file of a song has no *acousticness*. We hold the
# other thirteen features and let the missing one wander. Its draws tell you not only a value
# but also how sure the model is.

# %%
missing = FEATURES.index("acousticness")
known = torch.arange(14) != missing
asked = torch.tensor([k for k in famous if k in set(test)][:3])
rows = x[asked].repeat_interleave(300, 0)
rows[:, missing] = 0.0
filled = wander(rows, known.expand(len(rows), 14), 30, seeded(2))
units = plain.inverse_transform(filled.numpy())[:, missing].reshape(3, 300)

# %% tags=["skip-slide", "hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(9.5, 2.4), sharey=True)
for axis, k, values in zip(axes, asked.tolist(), units, strict=True):
    axis.hist(values, bins=np.linspace(0, 1, 21), color=COLORS["sky"])
    axis.axvline(tracks["acousticness"][k], color=COLORS["red"])
    axis.set(xlabel="acousticness", yticks=[])
    axis.set_title(short[k], fontsize=10)
axes[0].set_ylabel("draws of the model")
fig.suptitle("Filled in (blue) and true (red)", x=0.01, ha="left")
show(fig, "Histograms of draws of acousticness for three songs, with the true values.")

# %%
some = torch.tensor(test[: lesson.pick(fast=200, full=600)])
rows = x[some].repeat_interleave(100, 0)
rows[:, missing] = 0.0
draws = wander(rows, known.expand(len(rows), 14), 30, seeded(3))[:, missing].reshape(
    -1, 100
)
low, high = draws.quantile(0.05, 1), draws.quantile(0.95, 1)
inside = ((low <= x[some, missing]) & (x[some, missing] <= high)).float().mean()
say(f"Of {len(some)} new songs, **{inside:.0%}** lie inside their interval of 90 %.")

# %% [markdown]
# **Something like this, but calmer.** The same function does it. We take a song, set its
# energy one and a half deviations lower, hold it there, and let the rest follow for a sweep.
# The nearest real song that is calmer is our suggestion.

# %%
calm = FEATURES.index("energy")
held = (torch.arange(14) == calm).expand(1, 14)
table = []
for k in spread_out(famous[:600], energy, valence, 26, 0.11)[:8]:
    if energy[k] > 0.6:
        wish = x[[k]].clone()
        wish[0, calm] -= 1.5
        point = wander(wish, held, 1, seeded(4))
        distance = torch.cdist(point, x)[0]
        distance[torch.tensor(energy > energy[k] - 0.1)] = torch.inf
        found = int(distance.argmin())
        table.append((label[k], energy[k], label[found], energy[found]))
pd.DataFrame(table, columns=["like this", "energy", "but calmer", "its energy"]).round(2)

# %% [markdown] tags=["skip-slide"]
# ## 8. Change something
#
# **Exercise 5 · Your experiment** · open · 8 minutes. Change one thing about your taste model,
# write down what you expect, run the cell, and say in two sentences what you saw and why. Some
# ideas:
#
# - `n_taste=1` or `n_taste=5`. How many tastes does it take?
# - `decay=0`
# - other columns, for example `cold_task(likes, flags(films["genres"]), seed=0)`
# - a mistake of your own in `taste_of`, such as leaving out `n * c`

# %%
one = cold_task(likes, film_content, seed=0)
changed = one.per_person(
    train_taste(one, n_taste=5, own=True).scores(one)
)  # your change goes here
mean, low, high = lead(changed, cold_films["your taste model"][0])
print(
    f"Recall@20 {changed['Recall@20'].mean():.3f}, which is {mean:+.3f} "
    f"[{low:+.3f}, {high:+.3f}] beside your model"
)

# %% [markdown]
# ## What to remember
#
# - A Gaussian unit turns every hidden pattern into a bump. Measure a density in nats beside a
#   simple one, and do not trust reconstruction.
# - In a DBM, layers move in turn. Test pairs and not only single units, and watch whether the
#   upper layer still says something.
# - A new item needs weights that belong to its content. A taste layer shared by a person's
#   items then recommends what nobody has chosen yet.
# - In the stored tables depth did not pay on single songs, nor on films with real people.
#   Where depth seems to pay, try a bend by hand and a wider model first.
# - A simulator gives back what was put into it.

# %%
lesson.predictions()
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. A paper reports −12 nats per song. Is that good?</summary>You cannot tell. In which coordinates, and what does the best single Gaussian get there?</details>
#
# <details><summary>2. The bound of a DBM equals its log-likelihood on every song. Is its second layer good?</summary>More likely it is dead. The bound is exact where the layers ignore each other.</details>
#
# <details><summary>3. Why can a taste model score a song that nobody has played, while EASE cannot?</summary>Its weights belong to columns of the content, which the new song has. The weights of EASE belong to the song.</details>
#
# <details><summary>4. A deep recommender beats a shallow one by .01 on held-out items. What do you ask?</summary>Is the interval of the paired difference above zero, has the shallow one as many parameters and as much tuning, and are the people real?</details>
#
# ## References
#
# - Salakhutdinov & Hinton (2009), Deep Boltzmann machines. [proceedings.mlr.press/v5/salakhutdinov09a](https://proceedings.mlr.press/v5/salakhutdinov09a.html)
# - Cho, Ilin & Raiko (2011), Improved learning of Gaussian-Bernoulli restricted Boltzmann machines. [doi:10.1007/978-3-642-21735-7_2](https://doi.org/10.1007/978-3-642-21735-7_2)
# - Gunawardana & Meek (2008), Tied Boltzmann machines for cold start recommendations. [doi:10.1145/1454008.1454013](https://doi.org/10.1145/1454008.1454013)
# - Hinton & Salakhutdinov (2009), Replicated softmax: an undirected topic model. *NIPS*.
# - Goodfellow, Mirza, Courville & Bengio (2013), Multi-prediction deep Boltzmann machines. *NIPS*.
#
# **Next:** [06 · Scaling up](06_scaling_up.ipynb), where these models meet millions of ratings.
# If you want to train a DBM yourself, take the optional
# [09 · Inside the deep machine](09_inside_the_deep_machine.ipynb).
