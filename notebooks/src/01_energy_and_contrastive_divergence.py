# %% [markdown]
# # 01 · Energy and contrastive divergence
#
# A Boltzmann machine says how likely every pattern of on and off is. This lesson builds one that is small enough
# to solve exactly, and then holds every approximation of this lesson against that exact answer.
#
# | | |
# |---|---|
# | **You will be able to** | turn energies into probabilities; derive and check the conditionals, the free energy and the gradient of a restricted machine; sample from it; say when contrastive divergence is wrong, and by how much; estimate log Z and know whether to believe it |
# | **You need** | Python, matrices, what a probability is; notebook 00 |
# | **Time** | 95 minutes, 30 of them for five exercises; section 9 can wait |
# | **Data** | bars and stripes, made here (14 pictures of 3 × 3); at the end MovieLens 100K (5 MB, or a stand-in) |
# | **Hardware** | any laptop, no GPU. The saved outputs are of the full profile; run it yourself and you get the fast one, with shorter trainings: figures that the text gives for the saved run are then not those on your screen. `RBM_PROFILE=full make lab` trains as long |
# | **From the library** | `RBM`, `fit`, `gibbs`, `exact_log_partition`, `exact_gradient`, `ais_log_partition`, `evaluate` |

# %%
import copy
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from rbm_lib import CD, PCD, RBM, Monitor, baselines, evaluate, fit
from rbm_lib.course import Lesson
from rbm_lib.data import RatingMatrix, load_movielens
from rbm_lib.likelihood import (
    ais_log_partition,
    exact_gradient,
    exact_log_likelihood,
    exact_log_partition,
    reverse_ais_log_partition,
)
from rbm_lib.plotting import COLORS, GREY, image_grid, show, use_style
from rbm_lib.sampling import gibbs
from rbm_lib.training import ItemMeanDecay, linear_decay

# %%
lesson = Lesson("01_energy_and_contrastive_divergence")
use_style()
torch.set_default_dtype(torch.float64)  # exactness is the point of this lesson
generator = torch.Generator().manual_seed(1)

# %% [markdown]
# ## 1. From energies to probabilities
#
# **Question.** Four switches, each on (1) or off (0). Some like to be on together, some do not. How do we write
# that down, and what does it say about all sixteen patterns at once?
#
# Give every unit $i$ a bias $b_i$ (how much it wants to be on) and every pair a coupling, or weight, $W_{ij}$ (how much
# the two want to be on *together*). The **energy** of a pattern $x$ adds up what it is getting, with a minus sign, so
# that good patterns have low energy:
#
# $$E(x) = -\sum_i b_i x_i - \sum_{i<j} W_{ij}\, x_i x_j \tag{1}$$
#
# The **Boltzmann distribution** makes low energy likely:
#
# $$p(x) = \frac{e^{-E(x)}}{Z}, \qquad Z = \sum_x e^{-E(x)} \tag{2}$$
#
# $Z$, the *partition function*, is what makes the probabilities sum to one. It is a sum over every pattern:
# sixteen here, $2^{1682}$ for a machine with one unit per film. Most of this course is about living with that.

# %% [markdown]
# Let us list all patterns. This helper will serve the whole lesson.


# %%
def all_states(n):
    """Every pattern of n binary units, one per row."""
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)))


all_states(2)

# %%
bias = torch.tensor([0.5, -0.5, 0.0, -1.0])
coupling = torch.zeros(4, 4)
coupling[0, 1] = 2.0  # units 1 and 2 like each other
coupling[1, 2] = 1.5
coupling[0, 3] = -2.0  # units 1 and 4 avoid each other
coupling[2, 3] = 1.0

states = all_states(4)
energy = -(states @ bias) - (states @ coupling * states).sum(1)
unnormalised = torch.exp(-energy)
probability = unnormalised / unnormalised.sum()

# %% [markdown]
# Units are numbered from 1 in the text, from 0 in code.
#
# > **Predict first.** The biases are ½, −½, 0 and −1. Units 1 and 2 attract each other (2), 2 and 3 less (1.5), 3 and 4
# > a little (1); 1 and 4 repel (−2). Which pattern $x_1x_2x_3x_4$ is the most likely one?

# %%
labels = ["".join(str(int(b)) for b in row) for row in states]
order = torch.argsort(energy)
fig, axis = plt.subplots(figsize=(7, 3))
axis.bar([labels[i] for i in order], probability[order], color=COLORS["blue"])
axis.set(xlabel="pattern $x_1x_2x_3x_4$, lowest energy first", ylabel="probability")
axis.set_title("A few patterns of low energy hold most of the probability")
axis.tick_params(axis="x", rotation=60)
show(fig, "Bar chart of the probabilities of the sixteen patterns of four units, in order of rising energy.")

# %% tags=["nbval-check-output"]
print(f"Z = {unnormalised.sum():.4f}, probabilities sum to {probability.sum():.4f}")
print("most likely pattern:", labels[int(probability.argmax())])
print(f"p(x_1 = 1) = {probability[states[:, 0] == 1].sum():.4f}")

# %% [markdown]
# The most likely pattern switches on 1, 2 and 3, and keeps 4 off although 3 would like it on: that pull (1) only pays for
# unit 4's own bias (−1), and the repulsion from 1 (−2) decides. Nobody programmed such compromises; they follow from
# (1) and (2).
#
# Energies matter only through *differences*: add a constant to every energy and $Z$ absorbs it.
#
# **One coupling, four patterns.** The smallest case is worth staring at: two units with biases $-1$, and one coupling
# $w$ between them.


# %%
def two_units(w, bias=-1.0):
    """Probabilities of 00, 01, 10, 11."""
    x = all_states(2)
    return torch.softmax(bias * x.sum(1) + w * x[:, 0] * x[:, 1], 0)


def draw_two_units(w=2.0):
    couplings = torch.linspace(-4, 6, 101)
    curves = torch.stack([two_units(value) for value in couplings])
    fig, axis = plt.subplots(figsize=(7, 3))
    for column, name, color, size, style in (
        (0, "00", "black", 11, "-"), (1, "01 and 10 (each)", "orange", 7, "--"), (3, "11", "blue", 7, "-.")
    ):
        axis.plot(couplings, curves[:, column], style, label=name, color=COLORS[color])
        axis.plot([w], [two_units(w)[column]], "o", color=COLORS[color], markersize=size, fillstyle="none")
    axis.set(xlabel="coupling $w$", ylabel="probability", ylim=(0, 1))
    axis.set_title(f"At w = {w:g}, both on has probability {two_units(w)[3]:.2f}")
    axis.legend()
    show(fig, f"Probabilities of the four patterns of two units against their coupling; dots at w = {w:g}.")


draw_two_units(2.0)

# %% [markdown]
# Move the coupling yourself. At $w = 2$, "both off" and "both on" are equally likely: the coupling just pays for two
# biases of $-1$.

# %%
lesson.slider(draw_two_units, w=(-4.0, 6.0, 0.5, 2.0))

# %% [markdown]
# ## 2. Why *restricted*
#
# **Question.** The units that we observe are called **visible**, $v$. To let a machine express more than pairwise
# likings we add **hidden** units $h$ that nobody observes. What must hold so that we can still compute with it?
#
# ![Left, a general Boltzmann machine: every unit is coupled with every other. Right, a restricted one: couplings only between the visible and the hidden layer.](figures/general_vs_restricted.svg)
#
# The restriction: **no couplings inside a layer.** With weights $W$ between the layers, and biases $b$ and $c$,
#
# $$E(v, h) = -b\cdot v - c\cdot h - v^\top W h \tag{3}$$

# %%
small = RBM(n_visible=3, n_hidden=2, weight_std=1.5, seed=4).double()
with torch.no_grad():
    small.visible_bias.copy_(torch.tensor([0.3, -0.6, 0.2]))
    small.hidden_bias.copy_(torch.tensor([-0.4, 0.5]))
W, b, c = (p.detach() for p in (small.W, small.visible_bias, small.hidden_bias))


def energy_of(v, h):
    """Equation (3), one row per pattern."""
    return -(v @ b) - (h @ c) - (v @ W * h).sum(1)


v_all, h_all = all_states(3), all_states(2)
joint = torch.stack([torch.exp(-energy_of(v_all, h.expand(8, 2))) for h in h_all], dim=1)
joint /= joint.sum()  # joint[v, h], 8 × 4, by brute force

# %% [markdown]
# **What the restriction buys.** Fix $v$. In (3) every hidden unit then appears in a term of its own,
#
# $$-E(v,h) = b\cdot v + \sum_j h_j\,\Big(c_j + \sum_i v_i W_{ij}\Big),$$
#
# so $e^{-E}$ is a product over $j$: **given v, the hidden units are independent**. Call the bracket $x_j$; the factor of unit $j$ is
# $e^0 = 1$ when it is off and $e^{x_j}$ when it is on, so that it is on with probability $e^{x_j}/(1 + e^{x_j})$:
#
# $$p(h_j = 1 \mid v) = \sigma\Big(c_j + \sum_i v_i W_{ij}\Big), \qquad \sigma(x) = \frac{1}{1+e^{-x}} \tag{4}$$
#
# By the same argument $p(v_i = 1 \mid h) = \sigma(b_i + \sum_j W_{ij} h_j)$. A whole layer is drawn at once.
#
# **Exercise 1 · Hidden probabilities** · ★ · 5 minutes · 2 points. Write equation (4) for a batch: `v` is
# (B, n_visible), `W` is (n_visible, n_hidden), `c` is (n_hidden,). Return the probabilities, (B, n_hidden).
#
# <details><summary>Hint</summary>One matrix product for all rows. The bias is added to every row. A probability lies
# between 0 and 1.</details>


# %%
def my_prob_h_given_v(v, W, c):
    ### BEGIN SOLUTION
    return torch.sigmoid(v @ W + c)
    ### END SOLUTION


# %%
lesson.check("1", my_prob_h_given_v)

# %% [markdown]
# Do not believe (4): count. The joint table has everything.

# %%
by_counting = joint @ h_all / joint.sum(1, keepdim=True)  # Σ_h h p(v,h) / Σ_h p(v,h)
by_library = small.prob_h_given_v(v_all).detach()  # equation (4)
print(f"largest difference, formula and counting: {(by_library - by_counting).abs().max():.0e}")
assert torch.allclose(by_library, by_counting)

# %% [markdown]
# And independence: given $v$, both hidden units are on with the *product* of their probabilities. Couple the two
# hidden units with each other, as a general machine may, and this breaks.

# %% tags=["nbval-check-output"]
both_on = h_all.prod(1) == 1


def correlation_gap(joint):
    """Largest |p(h1=1, h2=1 | v) − p(h1=1 | v) p(h2=1 | v)| over all v."""
    given_v = joint / joint.sum(1, keepdim=True)
    return float((given_v[:, both_on].sum(1) - (given_v @ h_all).prod(1)).abs().max())


general = joint * torch.exp(2.0 * h_all.prod(1))  # an additional coupling of 2 between h1 and h2
print(f"restricted: {correlation_gap(joint):.4f}")
print(f"general:    {correlation_gap(general / general.sum()):.4f}")

# %% [markdown]
# ## 3. Free energy: the hidden units summed out
#
# **Question.** We observe only $v$. What probability does the machine give it?
#
# $p(v) = \frac1Z\sum_h e^{-E(v,h)}$. The sum has $2^{n_h}$ terms, but since it factorises over $j$, each hidden unit can
# be summed on its own: it is off (contributing $e^0$) or on. So
#
# $$p(v) = \frac{e^{-F(v)}}{Z}, \qquad F(v) = -b\cdot v - \sum_j \log\big(1 + e^{\,c_j + (vW)_j}\big) \tag{5}$$
#
# $F$ is the **free energy**: the energy of $v$ with all hidden patterns taken into account. The function
# $\log(1+e^x)$ is called *softplus*. A program that computes it as it is written breaks for large $x$: $e^{1000}$ is infinite
# on a computer, while $\log(1+e^{1000})$ is 1000.

# %% tags=["nbval-check-output"]
large = torch.tensor(1000.0)
print("as written:", torch.log(1 + torch.exp(large)).item(), "  softplus:", torch.nn.functional.softplus(large).item())

# %% [markdown]
# **Exercise 2 · Free energy** · ★★ · 6 minutes · 2 points. Write equation (5) so that it survives large inputs. Return
# one free energy per row, (B,).
#
# <details><summary>Hint</summary>Sum over the hidden units, not over the rows. The sign of the whole is minus: a likely
# pattern has a low free energy.</details>


# %%
def my_free_energy(v, W, b, c):
    ### BEGIN SOLUTION
    return -(v @ b) - torch.nn.functional.softplus(v @ W + c).sum(1)
    ### END SOLUTION


# %%
lesson.check("2", my_free_energy)

# %% [markdown]
# The same check as before, against the joint table:

# %%
p_by_counting = joint.sum(1)
p_by_library = torch.softmax(-small.free_energy(v_all).detach(), 0)
print(f"largest difference: {(p_by_library - p_by_counting).abs().max():.0e}")
assert torch.allclose(p_by_library, p_by_counting)

# %% [markdown]
# Two sums give the same $Z$: over all $v$ of $e^{-F(v)}$, or over all $h$ with the visible units summed out. The
# library enumerates the smaller layer; a machine with 1682 films and 8 hidden units needs 256 terms.

# %% tags=["nbval-check-output"]
minus_energies = torch.stack([-energy_of(v_all, h.expand(8, 2)) for h in h_all])
print(f"over v and h together: {torch.logsumexp(minus_energies.flatten(), 0):.6f}")
print(f"over v, h summed out:  {torch.logsumexp(-small.free_energy(v_all), 0):.6f}")
print(f"library:               {exact_log_partition(small):.6f}")

# %% [markdown]
# ## 4. The gradient is a difference of two averages
#
# **Question.** Given data, in which direction should the weights move?
#
# Raise the mean log-likelihood of the data, $\log p(v) = -F(v) - \log Z$. Differentiating $-F$ gives the average of
# $-\partial E/\partial\theta$ over the hidden units *given the data*; differentiating $\log Z$ gives the same average
# over *everything the machine believes*. With $\theta$ any parameter and $\langle\cdot\rangle$ an average:
#
# $$\frac{\partial}{\partial\theta}\,\langle\log p(v)\rangle_{\text{data}}
#   = \Big\langle -\frac{\partial E}{\partial\theta}\Big\rangle_{\text{data}}
#   - \Big\langle -\frac{\partial E}{\partial\theta}\Big\rangle_{\text{model}} \tag{6}$$
#
# The derivation is one line,
# $\frac{\partial(-F)}{\partial\theta} = \frac{\partial}{\partial\theta}\log\sum_h e^{-E(v,h)}
# = \sum_h \frac{e^{-E(v,h)}}{\sum_{h'} e^{-E(v,h')}}\big(-\frac{\partial E(v,h)}{\partial\theta}\big)$, a sum with the weights $p(h\mid v)$; and the same with
# the sum over $v$ and $h$ for $\log Z$, where the weights are $p(v,h)$.
#
# For a weight, $-\partial E/\partial W_{ij} = v_i h_j$ (for the biases $v_i$ and $h_j$): *how often are both on in the data, minus how often are both on
# in the machine's own imagination*. Learning stops when the two agree. The first term is called the **positive phase**,
# the second the **negative phase**. Mind the signs: (6) points *uphill*, so a step *adds* it. Optimisers of torch go
# downhill, and `fit` hands them its negative.
#
# **Exercise 3 · The two phases** · ★★ · 6 minutes · 2 points. The negative phase is often an average over samples, and
# there need not be as many samples as data rows. Write the gradient for $W$ from data rows `v_data` with hidden
# probabilities `h_data`, and samples `v_model` with `h_model`. Each phase is divided by *its own* number of rows. Return
# (n_visible, n_hidden).
#
# <details><summary>Hint</summary><code>v.T @ h</code> sums the products v_i h_j over the rows.</details>


# %%
def my_weight_gradient(v_data, h_data, v_model, h_model):
    ### BEGIN SOLUTION
    return v_data.T @ h_data / len(v_data) - v_model.T @ h_model / len(v_model)
    ### END SOLUTION


# %%
lesson.check("3", my_weight_gradient)

# %% [markdown]
# On a machine that we can enumerate, the negative phase is exact: every $v$, weighted with $p(v)$.

# %%
data = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])

positive = data.T @ torch.sigmoid(c + data @ W) / len(data)
p_v = joint.sum(1)
negative = v_all.T @ (p_v[:, None] * torch.sigmoid(c + v_all @ W))
by_hand = positive - negative

# %% [markdown]
# Three independent witnesses: the library's exact gradient, automatic differentiation of the log-likelihood,
# and finite differences (change one weight by a hair and look).


# %%
def mean_log_likelihood(weights):
    """Differentiable, by enumeration; nothing of the hand-made gradient is used."""
    def minus_f(v):
        return v @ b + torch.nn.functional.softplus(c + v @ weights).sum(1)

    return minus_f(data).mean() - torch.logsumexp(minus_f(v_all), 0)


weights = W.clone().requires_grad_(True)
mean_log_likelihood(weights).backward()

finite = torch.zeros_like(W)
for i, j in itertools.product(range(3), range(2)):
    step = torch.zeros_like(W)
    step[i, j] = 1e-5
    finite[i, j] = (mean_log_likelihood(W + step) - mean_log_likelihood(W - step)) / 2e-5

# %%
witnesses = {
    "library, exact_gradient": exact_gradient(small, data)["W"],
    "automatic differentiation": weights.grad,
    "finite differences": finite,
}
pd.Series({name: f"{float((g - by_hand).abs().max()):.0e}" for name, g in witnesses.items()}, name="largest difference")

# %%
assert torch.allclose(by_hand, weights.grad, atol=1e-12)
assert torch.allclose(by_hand, finite, atol=1e-8)
assert torch.allclose(by_hand, exact_gradient(small, data)["W"], atol=1e-12)

# %% [markdown]
# Keep this habit. A wrong gradient often still makes some curve go down; only a check against an independent
# computation tells.
#
# ## 5. Sampling: let the machine dream
#
# **Question.** Beyond some thirty units in the smaller layer we cannot enumerate. Can we at least *draw* from $p(v)$?
#
# **Gibbs sampling** alternates the two easy conditionals: draw all of $h$ given $v$, then all of $v$ given $h$. One
# such pair is a *sweep*. If $v$ is distributed like the machine before a sweep, it is so afterwards (each half
# redraws one layer from its exact conditional). And since every pattern can be reached from every other in one sweep,
# the chain forgets its start in the end.
#
# ![A Gibbs chain: data at the left, v(0) to h(0) to v(1) to h(1) and so on towards the model's distribution at the right; contrastive divergence cuts it after k sweeps.](figures/gibbs_chain.svg)
#
# "In the end" is the catch, so let us watch. A machine with four visible units has 16 patterns, and one sweep is a
# 16 × 16 matrix of transition probabilities, which we can write down *exactly*.


# %%
def transition_matrix(model):
    """T[v, v'] = Σ_h p(h | v) p(v' | h): one sweep, exactly."""
    v, h = all_states(model.n_visible), all_states(model.n_hidden)
    with torch.no_grad():
        p_h, p_v = model.prob_h_given_v(v), model.mean_v_given_h(h)
    # log p(h | v) = Σ_j h_j log p_j + (1 − h_j) log(1 − p_j), for all pairs of patterns at once
    h_given_v = torch.exp(torch.log(p_h) @ h.T + torch.log1p(-p_h) @ (1 - h).T)
    v_given_h = torch.exp(torch.log(p_v) @ v.T + torch.log1p(-p_v) @ (1 - v).T)
    return v, h_given_v @ v_given_h


def total_variation(p, q):
    """Half the summed absolute difference: the largest error in the probability of any event."""
    return float((p - q).abs().sum()) / 2


# %%
def watch(model, sweeps, n_chains):
    """Distance from the exact distribution after each sweep, all chains started at 00…0: exact and sampled."""
    v_states, T = transition_matrix(model)
    target = exact_log_likelihood(model, v_states).exp()
    place = 2.0 ** torch.arange(model.n_visible - 1, -1, -1)
    q = torch.zeros(len(v_states))
    q[0] = 1.0
    v = torch.zeros(n_chains, model.n_visible)
    exact, sampled = [total_variation(q, target)], [total_variation(q, target)]
    for _ in range(sweeps):
        q = q @ T
        v = gibbs(model, v, 1, generator)
        counts = torch.bincount((v @ place).long(), minlength=len(v_states)) / n_chains
        exact.append(total_variation(q, target))
        sampled.append(total_variation(counts, target))
    return exact, sampled


# %% [markdown]
# > **Predict first.** The second machine has the same weights times four. Will it forget its start sooner or later, and by what
# > factor?

# %%
weak = RBM(4, 3, weight_std=1.0, seed=5).double()
strong = RBM(4, 3, seed=5).double()
with torch.no_grad():
    strong.W.copy_(4 * weak.W)
    for machine in (weak, strong):  # biases that make "all on" as good as "all off"
        machine.visible_bias.copy_(-machine.W.sum(1) / 2)
        machine.hidden_bias.copy_(-machine.W.sum(0) / 2)

n_chains, sweeps = 20_000, 60
curves = {"weights W": watch(weak, sweeps, n_chains), "weights 4 W": watch(strong, sweeps, n_chains)}

# %%
fig, axis = plt.subplots(figsize=(7, 3.2))
for (name, (exact, sampled)), color in zip(curves.items(), ("blue", "red"), strict=True):
    axis.plot(exact, color=COLORS[color], label=f"{name}: exact")
    axis.plot(sampled, ".", color=COLORS[color], label=f"{name}: {n_chains:,} chains")
one_share = np.sqrt(2 / np.pi * (1 / 16) * (15 / 16) / n_chains)  # mean |error| of a share of 1/16, from that many draws
noise = 0.5 * 16 * one_share
axis.axhline(noise, color="grey", linestyle=":", label="noise of that many draws (16 equal patterns)")
axis.set(yscale="log", xlabel="sweeps", ylabel="total variation distance", ylim=(1e-4, 1.5))
axis.set_title("Strong weights make the chain remember its start")
axis.legend(fontsize=8)
show(fig, "Distance to the exact distribution against sweeps: weak weights reach the noise floor in a few sweeps, "
     "strong weights take far longer; sampled points lie on the exact curves.")

# %% tags=["nbval-check-output"]
for name, machine in (("weights W", weak), ("weights 4 W", strong)):
    second = torch.linalg.eigvals(transition_matrix(machine)[1]).abs().sort(descending=True)[0][1]
    print(f"{name}: the error shrinks by a factor {second:.3f} per sweep")
print(f"noise of {n_chains:,} draws: {noise:.3f}")

# %% [markdown]
# The dots follow the exact curves within the noise of a finite number of chains (about .01<!--noise-->, dotted): the sampler is
# right. The largest eigenvalue of $T$ is 1, it belongs to the machine's own distribution; what is left of the start
# shrinks, eventually, by the second largest per sweep: with four times the weights the chain needs about eighteen times as many
# sweeps (ln .257<!--weights W--> / ln .927<!--weights 4 W-->). Picture the energy as a landscape over the patterns: likely patterns lie in
# **valleys**. Strong weights make them deep, and a chain that changes one layer at a time crosses the ridge between two rarely. **Learning makes weights strong.** So sampling gets harder
# while we train, and that is what the next section runs into.
#
# ## 6. Contrastive divergence, and how wrong it is
#
# **Question.** The negative phase in (6) wants samples of the machine, and a chain takes long to deliver them. What
# if we do not wait?
#
# **Contrastive divergence**, CD-$k$ (Hinton 2002): start the chain *at the data*, run $k$ sweeps, often just one, and
# use what is there as if it were a sample. If the machine already likes the data, the chain has nowhere to go and the
# two phases cancel; if it does not, the chain moves off, and learning pulls it back.
#
# Two details of the craft (Hinton 2012, section 3). The hidden states that *drive* the chain are drawn: $h_j = 1$ where a uniform number is below
# $p(h_j=1\mid v)$. Everything that is only *counted* is a probability, which has the same average and less noise: the hidden units in
# both phases, and the visible units of the last sweep. (The latter costs a small error of its own. `fit` does so as well, unless
# `sample_visible=True`.)
#
# **Exercise 4 · One step of contrastive divergence** · ★★ · 8 minutes · 2 points. Write the CD-1 gradient for $W$, uphill, from data rows `v` (B, n_visible),
# the parameters `W`, `b`, `c`, and `uniform` (B, n_hidden), numbers between 0 and 1 from which the hidden states are drawn.
# Return (n_visible, n_hidden).
#
# <details><summary>Hint</summary>Four lines: p from v; h from p and <code>uniform</code>; the new v from h; the new p from the <em>new</em> v. Then exercise 3
# with <code>v, p</code> and the new ones.</details>


# %%
def my_cd_1(v, W, b, c, uniform):
    ### BEGIN SOLUTION
    p = torch.sigmoid(v @ W + c)
    h = (uniform < p).to(v.dtype)
    v_1 = torch.sigmoid(h @ W.T + b)
    p_1 = torch.sigmoid(v_1 @ W + c)
    return (v.T @ p - v_1.T @ p_1) / len(v)
    ### END SOLUTION


# %%
lesson.check("4", my_cd_1)

# %% [markdown]
# How wrong is it? We can know without any sampling noise: the *expected* CD-$k$ gradient uses the data distribution
# pushed $k$ times through the transition matrix $T$. (Here the last visible states are drawn too, so that $k\to\infty$ is
# the exact gradient.) We compare its direction with that of the exact gradient, on two data sets, along the path of exact training, by the **cosine**
# of the angle between the two, all parameters taken as one long vector: 1 is the same direction, 0 a right angle. The *bias* of CD is what
# separates its expected gradient from the exact one; it has nothing to do with the biases $b$ and $c$.


# %%
def expected_cd(model, rows, k):
    """E[CD-k gradient], exactly: the rows' distribution after k sweeps replaces the model's."""
    v, T = transition_matrix(model)
    place = 2.0 ** torch.arange(model.n_visible - 1, -1, -1)
    q = torch.bincount((rows @ place).long(), minlength=len(v)) / len(rows)
    for _ in range(k):
        q = q @ T
    data_side = model.statistics(rows, model.prob_h_given_v(rows))
    model_side = model.statistics(v, model.prob_h_given_v(v), weights=q)
    return {name: data_side[name] - model_side[name] for name in data_side}


def flat(gradient):
    return torch.cat([g.flatten() for g in gradient.values()])


# %% [markdown]
# The first data set is easy: 1,000 rows of four units drawn from a machine with moderate weights. The second is
# **bars and stripes**: 3 × 3 pictures in which either every row or every column is of one colour. There are 14 of them.


# %%
def bars_and_stripes(n):
    """Every n × n picture of full rows or of full columns, once each, flattened."""
    patterns = set()
    for bits in itertools.product([0.0, 1.0], repeat=n):
        patterns |= {tuple(bit for bit in bits for _ in range(n)), bits * n}
    return torch.tensor(sorted(patterns))


pictures = bars_and_stripes(3)
teacher = RBM(4, 2, weight_std=1.0, seed=3).double()
easy = gibbs(teacher, torch.zeros(1000, 4), 200, generator)

fig, axis = plt.subplots(figsize=(7, 1.0))
image_grid(axis, pictures, columns=14)
axis.set_title("All 14 pictures; the other 498 patterns of nine pixels never occur")
show(fig, "The fourteen three by three pictures of bars and stripes.")

# %% tags=["nbval-check-output"]
print(len(pictures), "pictures; entropy ln 14 =", round(float(np.log(14)), 4), "nats")

# %% [markdown]
# (*Nats* are what natural logarithms count in: a model that gives a picture the probability 1/14 pays ln 14 nats for it.) The entropy is the
# floor. Let $d$ be the distribution of the data. A machine $p$ pays on average $-\sum_x d\log p = -\sum_x d\log d + \sum_x d\log\frac dp$ per picture: the entropy
# of $d$, plus the **Kullback-Leibler divergence** from $p$, which is never negative, and 0 only where $p = d$.

# %%
steps = [0, 20, 50, 100, 200, 300, 500, 1000, 2000]
orders = (1, 2, 5, 10, 25)


def cosines_along_training(rows, n_hidden):
    """Cosine between E[CD-k] and the exact gradient at several moments of exact training."""
    model = RBM(rows.shape[1], n_hidden, weight_std=0.1, seed=0).double()
    table, done = [], 0
    for step in steps:
        if step > done:
            fit(model, rows, "exact", epochs=step - done, batch_size=len(rows), lr=0.1,
                callbacks=[Monitor(every=10_000)], device="cpu", progress=False)
            done = step
        exact = flat(exact_gradient(model, rows))
        table.append([float(torch.cosine_similarity(flat(expected_cd(model, rows, k)), exact, 0)) for k in orders])
    return np.array(table)


cosines = {"easy data, 4 visible and 3 hidden units": cosines_along_training(easy, 3),
           "bars and stripes, 9 visible and 8 hidden": cosines_along_training(pictures, 8)}

# %%
fig, axes = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True)
for axis, (name, values) in zip(axes, cosines.items(), strict=True):
    for column, k in enumerate(orders):
        axis.plot(range(len(steps)), values[:, column], "o-", markersize=3, label=f"CD-{k}")
    axis.set_xticks(range(len(steps)), steps, rotation=60)
    axis.set(xlabel="steps of exact training", title=name)
axes[0].set_ylabel("cosine with the exact gradient")
axes[0].text(0, 0.95, "all five lines coincide", color=GREY)
axes[1].legend(fontsize=8, loc="lower left")
fig.suptitle("Easy data: CD-k points the right way. Separate valleys: it turns away", fontsize=11)
show(fig, "Cosine between the expected CD-k gradient and the exact gradient. On easy data it stays near one for all k; "
     "on bars and stripes it falls far below one as training goes on, for large k too.")

# %%
assert cosines["easy data, 4 visible and 3 hidden units"].min() > 0.97
assert cosines["bars and stripes, 9 visible and 8 hidden"][-1].max() < 0.9

# %% [markdown]
# **Reading it.** On the easy data CD-1 points where the exact gradient points, from the first step to the last: here its
# bias does *not* matter. On bars and stripes CD-1 starts out right too (weak weights, quick mixing), and then turns
# away. A larger $k$ postpones this and does not prevent it: the chain starts in one of 14 valleys and stays there, so CD
# learns little about how much probability sits in *other* valleys. One caution: towards the end the exact gradient is
# almost zero, and a small bias then turns the direction of CD far. The cosine says where CD would lead, not how fast.
#
# ## 7. Persistent chains
#
# **Question.** Why throw the chain away after every update?
#
# **PCD** (Tieleman 2008) keeps a set of chains running beside the training, one or a few sweeps per update, and never
# resets them to the data. If the weights change slowly enough, the chains follow the machine's distribution. The price
# stands in that sentence: the learning rate must *fall*. The bias of CD does not go away with a smaller rate; that of
# PCD does.
#
# We now train the same machine on bars and stripes in six ways. Because it has only 8 hidden units, we know the exact
# log-likelihood at every moment. The exact run has a rate of .2; all the others start at .02, and either keep it or let
# it fall linearly to zero.

# %%
n_steps = lesson.pick(fast=4000, full=10_000)
falling = linear_decay()
recipes = {
    "exact": dict(method="exact", lr=0.2, schedule=linear_decay(0.5)),  # the rate falls in the second half only
    "CD-1, constant rate": dict(method=CD(k=1), lr=0.02),
    "CD-1, falling rate": dict(method=CD(k=1), lr=0.02, schedule=falling),
    "CD-10, falling rate": dict(method=CD(k=10), lr=0.02, schedule=falling),
    "PCD, constant rate": dict(method=PCD(n_chains=100), lr=0.02),
    "PCD, falling rate": dict(method=PCD(n_chains=100), lr=0.02, schedule=falling),
}


def train(recipe, seed=0):
    model = RBM(9, 8, weight_std=0.1, seed=seed).double()
    history = fit(model, pictures, epochs=n_steps, batch_size=14, callbacks=[Monitor(every=50)], device="cpu",
                  generator=torch.Generator().manual_seed(seed), progress=lesson.progress, **recipe)
    return model, history.to_frame()


trained = {name: train(recipe) for name, recipe in recipes.items()}
color_of = dict(zip(recipes, ("black", "blue", "sky", "purple", "orange", "green"), strict=True))

# %% [markdown]
# > **Predict first.** Reconstruction error asks: send a picture up to the hidden units and back down, how different is
# > what returns? Can it fall while the machine gets worse? In which of the six?

# %%
fig, axes = plt.subplots(1, 2, figsize=(8.6, 4))
for name, (_, history) in trained.items():
    line = dict(color=COLORS[color_of[name]], linewidth=0.7 if name == "PCD, constant rate" else 1.4)
    axes[0].plot(history["epoch"], -history["log_likelihood"], label=name, **line)
    axes[1].plot(history["epoch"], history["reconstruction_error"], **line)
axes[0].axhline(np.log(14), color="grey", linestyle=":", label="entropy, ln 14")
axes[0].axhline(np.log(512), color="grey", linestyle="--", linewidth=1, label="all 512 equal, ln 512")
axes[0].set(xlabel="updates", ylabel="nats per picture", ylim=(2.5, 8))
axes[0].set_title("Exact negative log-likelihood (cut at 8)")
axes[1].set(xlabel="updates", ylabel="mean squared error", yscale="log")
axes[1].set_title("Reconstruction error tells another story")
fig.legend(loc="outside lower center", ncols=3, fontsize=8)
show(fig, "Left, exact negative log-likelihood of six trainings: exact reaches the entropy, CD-10 and PCD with falling rates "
     "come near, CD-1 with a constant rate improves and then gets worse, PCD with a constant rate leaves the picture. "
     "Right, reconstruction errors: that of CD-1 falls to the end.")


# %%
def summary(history):
    nll = -history["log_likelihood"]
    best = nll.idxmin()
    return {
        "best (nats)": nll[best], "at update": history["epoch"][best], "final (nats)": nll.iloc[-1],
        "reconstruction error at best": history["reconstruction_error"][best],
        "final reconstruction error": history["reconstruction_error"].iloc[-1],
    }


results = pd.DataFrame({name: summary(history) for name, (_, history) in trained.items()}).T
results.loc["entropy (the floor)", ["best (nats)", "final (nats)"]] = np.log(14)
uniform = "baseline: all 512 equal"
results.loc[uniform, ["best (nats)", "final (nats)"]] = np.log(512)
formats = {"best (nats)": "{:.3f}", "at update": "{:.0f}", "final (nats)": "{:.3f}"}
shown = {name: [formats.get(name, "{:.1e}").format(x) for x in column] for name, column in results.items()}
pd.DataFrame(shown, index=results.index).replace("nan", "")

# %%
final, best = results["final (nats)"], results["best (nats)"]
cd_1_row = results.loc["CD-1, constant rate"]
assert final["exact"] < 2.70 and final["PCD, falling rate"] < final["CD-1, falling rate"]
assert final["CD-10, falling rate"] < final["CD-1, falling rate"] < final["PCD, constant rate"]
assert cd_1_row["final (nats)"] > cd_1_row["best (nats)"] + 0.03, "CD-1 was expected to get worse after its best"
assert cd_1_row["final reconstruction error"] < cd_1_row["reconstruction error at best"] / 2

# %% [markdown]
# ### How to fool yourself: watching reconstruction error
#
# Look at the row of CD-1 with a constant rate. Between its best moment and the end, its reconstruction error became *smaller*
# and its likelihood *worse*. Whoever watched only the right-hand picture would have trained on, pleased. And compare it with
# PCD, falling rate: CD-1 ends with a smaller error and a far worse likelihood. (In the other rows, too, compare *best* and *final*: wherever
# the likelihood got worse, the error did not say so.) The exact run has the smallest error and is
# the best machine, so the error is not absurd; it just cannot be read. It measures whether a chain stays where it was put,
# and that is so in a machine with steep valleys at the data, however it divides its probability between them.
#
# The machines are small, so let us also look at what they believe: exact draws from each.


# %%
def exact_draws(model, n, generator):
    """Draws from p(v) by enumeration: no chain, no doubt."""
    v = all_states(model.n_visible)
    p = exact_log_likelihood(model, v).exp()
    return v[torch.multinomial(p, n, replacement=True, generator=generator)]


names = ["exact", "CD-1, constant rate", "CD-10, falling rate", "PCD, falling rate"]
all_v = all_states(9)
is_picture = (all_v[:, None] == pictures).all(2).any(1)
fig, axes = plt.subplots(4, 1, figsize=(8, 3.2))
for axis, name in zip(axes, names, strict=True):
    model = trained[name][0]
    valid = float(exact_log_likelihood(model, all_v).exp()[is_picture].sum())
    image_grid(axis, exact_draws(model, 20, generator), columns=20)
    axis.set_title(f"{name}: {valid:.0%} of its probability on the 14 pictures, {final[name]:.2f} nats", fontsize=10)
show(fig, "Twenty exact draws from four of the machines, with the share of probability that each puts on true bars and "
     "stripes and its negative log-likelihood.")

# %%
shares = {}
for name in names:
    p = exact_log_likelihood(trained[name][0], pictures).exp()
    shares[name] = p / p.sum()
fig, axis = plt.subplots(figsize=(7, 2.8))
for offset, name in enumerate(names):
    axis.bar(np.arange(14) + 0.2 * (offset - 1.5), shares[name], width=0.2, label=name, color=COLORS[color_of[name]])
axis.axhline(1 / 14, color="grey", linestyle=":", label="equal shares")
axis.set(xlabel="picture, in the order of the first figure of section 6", ylabel="share of the probability\non the 14 pictures", xticks=range(14))
axis.set_title("CD-1 gets the balance between the valleys wrong")
axis.legend(fontsize=8)
show(fig, "Share of each of the fourteen pictures in the probability that each machine puts on pictures: level for exact "
     "training, very uneven for CD-1, in between for CD-10 and PCD.")

# %% [markdown]
# That is the answer in one picture. CD-1 finds *where* the valleys are, and has most of its probability there. How much
# each should hold it learns badly: some pictures get almost nothing, and a picture that never comes costs many nats.
#
# More sweeps help a great deal: CD-10 with a falling rate ends below PCD with a falling rate here, with ten sweeps of 14 chains per
# update against one of 100 (one seed; it is not a contest). PCD has the better promise, since its bias goes away with the rate, but it must be given the time; at a
# constant rate of the same size its chains fall behind and it did worst of all.
#
# **So is CD-1 useless?** No. It is cheap, and where weights stay moderate its bias is small (the left panel of
# section 6). For ratings we have not measured it; the next lesson judges by held-out ratings instead. The point is to
# *know*, and for that one needs a figure of merit that the training method cannot flatter: the likelihood when it can be
# had, a held-out task otherwise.
#
# ## 8. Estimating log Z, and knowing whether to believe it
#
# **Question.** For a large machine $Z$ cannot be enumerated. Can it be estimated?
#
# **Annealed importance sampling** (AIS; Neal 2001) starts with a machine whose $W$ is 0: its $Z_0$ is known and it can be
# drawn from exactly. Then it walks through many machines in between towards ours: stop $t$ has the weights $\beta_t W$ with
# $0 = \beta_0 < \dots < 1$ (the $\beta$ are inverse temperatures, hence the name). At each stop a chain moves by one sweep, and
# multiplies its weight $w$ by how much more the next machine likes its state, $e^{-F_{t+1}(v)}/e^{-F_t(v)}$. Averaged over $M$
# chains,
#
# $$\log \hat Z = \log Z_0 + \log\frac1M\sum_{m=1}^{M} w_m \tag{7}$$
#
# The average of the *weights* is right in expectation, so that the *logarithm* tends to lie low. Started at the other
# end, from exact draws of our machine, **reverse AIS** tends to lie high. Together they bracket the truth, in
# expectation: in a single run either may fall on the wrong side.
#
# The library's standard error is that of the mean weight, divided by it: small if the weights are alike. How much can it be trusted? If one chain outweighs all others, it is an average of one. The **effective number
# of chains** is $(\sum w)^2/\sum w^2$: all of them if the weights are equal, 1 if one outweighs the rest.
#
# Two machines: one stopped early in its training, with moderate weights, and the finished one from above.
#
# > **Predict first.** On which of the two will AIS be nearer to the truth? Do more temperatures always help? Will the effective chains tell?

# %%
early = RBM(9, 8, weight_std=0.1, seed=0).double()
fit(early, pictures, method="exact", epochs=150, batch_size=14, lr=0.1, device="cpu", progress=False)
machines = {"early": early, "finished": trained["exact"][0]}
temperatures = lesson.pick(fast=[10, 30, 100, 300], full=[10, 30, 100, 300, 1000])


def both_directions(model):
    """AIS and reverse AIS minus the exact log Z, 100 chains each, one row per number of temperatures."""
    exact = float(exact_log_partition(model))
    rows = []
    for n in temperatures:
        up = ais_log_partition(model, 100, n, generator)
        down = reverse_ais_log_partition(model, exact_draws(model, 100, generator), n, generator)
        rows.append((n, up.log_partition - exact, up.standard_error, up.effective_sample_size,
                     down.log_partition - exact, down.standard_error))
    columns = ["temperatures", "AIS − exact", "standard error", "effective chains",
               "reverse − exact", "its standard error"]
    return pd.DataFrame(rows, columns=columns).set_index("temperatures")


annealed = {name: both_directions(model) for name, model in machines.items()}

# %%
fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.5), sharey=True)
for axis, (name, table) in zip(axes, annealed.items(), strict=True):
    for value, error, label, color in (("AIS − exact", "standard error", "AIS", "blue"),
                                       ("reverse − exact", "its standard error", "reverse AIS", "orange")):
        axis.errorbar(table.index, table[value], yerr=3 * table[error], marker="o", capsize=3,
                      color=COLORS[color], label=f"{label} ± 3 standard errors")
    axis.axhline(0, color="grey", linestyle=":", label="exact")
    axis.set(xscale="log", xlabel="temperatures", title=f"{name} machine")
axes[1].axhline(-np.log(14), color="grey", linestyle="--", label="−ln 14")
axes[0].set_ylabel("estimated − exact log Z (nats)")
fig.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
show(fig, "Error of AIS and reverse AIS against the number of temperatures. For the early machine both close in on "
     "zero; for the finished machine AIS mostly lies about ln 14 too low, and reverse AIS is nearer.")

# %%
pd.concat(annealed).round(2)

# %%
early_last, finished = annealed["early"].iloc[-1], annealed["finished"]
worst = finished.loc[(finished["AIS − exact"] / finished["standard error"]).idxmin()]
print(f"Finished machine, {worst.name} temperatures: AIS is {worst['AIS − exact']:.2f} nats off,")
print(f"{-worst['AIS − exact'] / worst['standard error']:.0f} of its own standard errors, "
      f"with {worst['effective chains']:.0f} effective chains of 100.")
assert abs(early_last["AIS − exact"]) < 3 * early_last["standard error"] + 0.02
assert finished["AIS − exact"].min() < -1.5

# %% [markdown]
# On the early machine all is well. On the finished one AIS can be wrong by many of its own standard errors while most
# chains look effective, and more temperatures do not help: the estimate settles at an error of about $-\ln 14$, which gives it away. Look at
# what the machines on the way believe:

# %%
finished_machine = machines["finished"]
for beta in (0.5, 0.7, 0.9, 1.0):
    between = copy.deepcopy(finished_machine)
    between.W.data.mul_(beta)
    largest = float(exact_log_likelihood(between, all_v).exp().max())
    print(f"β = {beta}: the likeliest picture has {largest:.0%} of the probability")

# %% [markdown]
# Half-way along the path nearly everything is in *one* of the 14 valleys. The chains end up in it, agree with each other, and
# report a $Z$ that is 14 times too small. When a chain does find another valley it outweighs the others: the number of effective
# chains *falls* just as the estimate gets better. (Unless it is the only one: in the saved run, at 10 temperatures, one chain outweighs all others
# and the estimate is too high. One chain is no average.) An estimate can only weigh what its chains have visited. And 100 chains from
# the other end are few for weights that differ so much: reverse AIS is nearer, but scatters on both sides.
#
# - **Few effective chains**: believe neither the estimate nor its standard error.
# - **Many effective chains**: still not enough. Come from the other side too; a gap between the directions says that one
#   of them is wrong. Reverse AIS needs good draws of the machine, which here only enumeration gave us.
#
# **Exercise 5 · The log of a mean** · ★★ · 5 minutes · 2 points. AIS keeps the *logarithms* of the weights. Compute the
# log of their mean, as in (7), so that weights of $e^{1000}$ do no harm. `log_weights` is (M,); return one number.
#
# <details><summary>Hint</summary>The mean of M numbers is their sum divided by M. Torch has a function for the log of a
# sum of exponentials.</details>


# %%
def my_log_mean_exp(log_weights):
    ### BEGIN SOLUTION
    return torch.logsumexp(log_weights, 0) - np.log(len(log_weights))
    ### END SOLUTION


# %%
lesson.check("5", my_log_mean_exp)

# %% [markdown]
# ## 9. A first look at real ratings
#
# **Question.** Does any of this recommend films? The whole story is the next lesson; here is its promise.
#
# A row is a person, a unit is a film, and a unit has two levels: *liked* (4 or 5 stars) or *not*. Most people have not
# rated most films. A **missing** rating is not a dislike: its unit is simply dropped from that person's machine. That is
# the argument `observed`, and the library's `RatingMatrix` carries it along.
#
# ![Two people with ratings and gaps: the units of unrated films are left out of each person's machine.](figures/mask.svg)

# %%
torch.set_default_dtype(torch.float32)  # back to the usual precision: this machine is not enumerated
movielens = lesson.data(load_movielens("100k"))
train_frame, test_frame = movielens.split(1)
ids = dict(user_ids=movielens.users["user_id"], item_ids=movielens.movies["movie_id"])
ratings = RatingMatrix.from_frame(train_frame, like_at_least=4, **ids)
held_out = RatingMatrix.from_frame(test_frame, like_at_least=4, **ids)

# %%
everyone = torch.arange(ratings.n_users)
levels, observed = ratings.batch(everyone)
one_hot = torch.nn.functional.one_hot(levels.long(), 2)

# Two choices that lesson 02 explains: a level each for "liked" and "not", and weight decay towards the average film.
machine = RBM(ratings.n_items, lesson.pick(fast=30, full=50), "categorical", n_levels=2, weight_std=0.05, seed=0)
machine.initialize_from(one_hot, observed)
history = fit(machine, ratings, epochs=lesson.pick(fast=12, full=30), batch_size=50, lr=0.05, schedule=linear_decay(),
              weight_decay=ItemMeanDecay(0.02), callbacks=[Monitor(every=10)], device="cpu",
              generator=torch.Generator().manual_seed(0), progress=lesson.progress)

# %% [markdown]
# To predict, send what a person *has* rated up, and look at what comes down at the films they have not. The held-out
# ratings are never part of the input. **AUC**: the probability that a liked film is ranked above one that is not, ties
# counting half; .5 is guessing. Baselines: always the same answer; the film's own share of likes in the training ratings, pulled towards the
# overall share by five imagined ratings; and the sum of a film's and a person's log-odds, $\log\frac{p}{1-p}$, fitted together.

# %%
with torch.no_grad():
    hidden = machine.prob_h_given_v(one_hot.float(), observed)
    like = machine.mean_v_given_h(hidden)[..., 1]
truth, wanted = held_out.batch(everyone)

liked_share = float(levels[observed].mean())
item_mean = ((levels * observed).sum(0) + 5 * liked_share) / (observed.sum(0) + 5)
user_and_item = torch.tensor(baselines.logistic_biases(ratings))
scores = {
    "always the same": torch.full_like(like, liked_share)[wanted],
    "item mean": item_mean.expand_as(like)[wanted],
    "user + item bias": user_and_item[wanted],
    "masked RBM": like[wanted],
}
scores = {name: score.double().numpy() for name, score in scores.items()}
labels_held_out = truth[wanted].numpy() == 1
user_of = everyone[:, None].expand_as(wanted)[wanted].numpy()

# %% [markdown]
# Intervals come from resampling *people*, not ratings: one person's ratings belong together.

# %%
table = pd.DataFrame({
    name: evaluate.rating_metrics(score, labels_held_out, user_of, n_bootstrap=200).set_index("metric").loc["AUC"]
    for name, score in scores.items()
}).T[["mean", "low", "high"]].astype(float)
lead = evaluate.auc_lead(scores["masked RBM"], scores["user + item bias"], labels_held_out, user_of, n_bootstrap=200)
print("masked RBM beyond user + item bias, same people: {:+.3f} [{:+.3f}, {:+.3f}]".format(*lead.loc[0, ["mean", "low", "high"]]))
table.rename(columns={"mean": "AUC"}).round(3)

# %%
fig, axis = plt.subplots(figsize=(7, 2.2))
error = [table["mean"] - table["low"], table["high"] - table["mean"]]
axis.errorbar(table["mean"], table.index, xerr=error, fmt="o", color=COLORS["blue"], capsize=3)
axis.set(xlabel="AUC on held-out ratings (95 % interval over people)", xlim=(0.45, 0.85), ylim=(-0.6, 3.6))
kind = "" if movielens.source == "real" else " (synthetic stand-in)"
axis.set_title(f"A promise: the masked RBM beats three simple baselines{kind}")
show(fig, "AUC with intervals: always the same at one half, then the item mean, user + item bias, and the masked RBM highest.")

# %%
assert table["mean"]["masked RBM"] > table["mean"]["item mean"] + 0.03
assert table["mean"]["masked RBM"] > table["mean"]["user + item bias"]

# %% [markdown]
# Most of the gain over the item mean is not taste: it is knowing how generous a person is, which "user + item bias" knows too.
# What the RBM adds to that is smaller; the line above the table has the difference on the same people. The next lesson puts it beside
# stronger baselines before it claims anything.
#
# ## Pitfalls
#
# - **The sign.** Uphill is *data minus model*. Check a gradient against an independent computation, once, exactly.
# - **Stale hidden units.** In CD the last $h$ must come from the last $v$.
# - **Dividing.** Each phase by its own number of rows; energies per row, never divided by the batch size.
# - **`log(1 + exp(x))`** overflows; use softplus.
# - **Reconstruction error** is no likelihood. It may fall while the machine gets worse.
# - **PCD with a constant rate** wanders off: the chains fall behind the weights. Let the rate fall.
# - **AIS alone** may look calm and be wrong: look at the effective sample size, and come from both sides.
# - **A missing rating is not −1 and not 0.** It is not there.
#
# ## Summary
#
# 1. Energy makes probabilities: $p \propto e^{-E}$; the normaliser $Z$ is the hard part.
# 2. Without couplings inside a layer, the units of a layer are independent given the other layer: one matrix product, one sigmoid.
# 3. The gradient is what the data do minus what the machine does, and only the second part is hard.
# 4. CD-1 misjudges the balance between separated valleys; more sweeps help much; PCD is right only as its rate falls.
# 5. Trust a figure when something independent agrees with it: enumeration, another direction, a baseline.

# %%
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. Two machines have the same weights; in the second every energy is larger by 3. How do their distributions differ?</summary>Not at all: Z of the second is smaller by the factor e⁻³, and all probabilities are the same.</details>
#
# <details><summary>2. Why can all hidden units be drawn at once in an RBM, and not in a general Boltzmann machine?</summary>Without couplings among hidden units the energy is a sum of terms with one hidden unit each, given v; so they are independent given v. A coupling between two hidden units ties their draws together.</details>
#
# <details><summary>3. CD-1 has a cosine of .99 with the exact gradient at step 50. May you rely on it at step 5,000?</summary>No. The bias grows as weights grow and mixing slows. Measure again later, or watch a held-out figure.</details>
#
# <details><summary>4. Your reconstruction error falls and your held-out log-likelihood falls too. Which do you believe?</summary>The likelihood (falling means worse). Reconstruction only says that chains stay near the data.</details>
#
# <details><summary>5. AIS says log Z = 100.0 ± 0.1 with 90 effective chains of 100. Is log Z known?</summary>No: all chains may have missed the same valleys. Run reverse AIS from good draws, or start elsewhere, and see whether they agree; more temperatures alone may only make it surer. With 3 effective chains not even the ± could be believed.</details>
#
# ## References
#
# - Hinton (2002), Training products of experts by minimizing contrastive divergence. [doi:10.1162/089976602760128018](https://doi.org/10.1162/089976602760128018)
# - Hinton (2012), A practical guide to training restricted Boltzmann machines. [doi:10.1007/978-3-642-35289-8_32](https://doi.org/10.1007/978-3-642-35289-8_32)
# - Tieleman (2008), Training restricted Boltzmann machines using approximations to the likelihood gradient. [doi:10.1145/1390156.1390290](https://doi.org/10.1145/1390156.1390290)
# - Neal (2001), Annealed importance sampling. [doi:10.1023/A:1008923215028](https://doi.org/10.1023/A:1008923215028)
# - Salakhutdinov & Murray (2008), On the quantitative analysis of deep belief networks. [doi:10.1145/1390156.1390266](https://doi.org/10.1145/1390156.1390266)
# - Fischer & Igel (2014), Training restricted Boltzmann machines: an introduction. [doi:10.1016/j.patcog.2013.05.025](https://doi.org/10.1016/j.patcog.2013.05.025)
# - Harper & Konstan (2015), The MovieLens datasets: history and context. [doi:10.1145/2827872](https://doi.org/10.1145/2827872)
#
# **Next:** [02, the MovieLens binary RBM](02_movielens_binary_rbm.ipynb): the mask in full, honest evaluation, strong baselines.
