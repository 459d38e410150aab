# %% [markdown]
# # 00 · Start here
#
# Restricted Boltzmann machines for recommendation, built up from a machine of three units.
#
# | | |
# |---|---|
# | **You will be able to** | say whether everything is installed; describe the ratings and their gaps; work out a small machine by hand; use exercises and checks |
# | **You need** | Python, a matrix product, what a probability is |
# | **Time** | 55 minutes, 25 of them for three exercises |
# | **Data** | MovieLens 100K: about 100,000 ratings of about 1,700 films by about 900 people (5 MB). Without a network, an invented set of the same shape |
# | **Hardware** | any laptop; no GPU |
# | **From the library** | `rbm_lib.RBM`, `rbm_lib.likelihood`, `rbm_lib.data`, `rbm_lib.course` |

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.colors import ListedColormap
from sklearn.metrics import roc_auc_score

from rbm_lib import RBM
from rbm_lib.course import Lesson, check, check_device, check_environment, plotting
from rbm_lib.data import RatingMatrix, load_movielens
from rbm_lib.likelihood import exact_log_likelihood, exact_log_partition

plotting.use_style()
lesson = Lesson("00_start_here")

# %% [markdown]
# ## 1. What will you build?
#
# A Boltzmann machine gives every possible pattern of likes and dislikes a probability. Once it has learned from
# people's ratings, you show it the films a person has rated, and it tells how likely that person is to like each of
# the others.
#
# ![The seven lessons as boxes: 00 leads to 01, 01 to 02, 02 to 03 and 06; 00 leads to 04; 04 and 01 lead to 05. Beside them the library rbm_lib.](figures/course_map.svg)
#
# An arrow says what a lesson mainly takes from another; the line *You need* at its top says all of it. All of them import what they need from `rbm_lib`, so you can open
# any notebook by itself; the arrows are the order in which the ideas make sense. What a lesson writes from scratch
# is checked against the library, and after that imported.

# %% [markdown]
# ## 2. Is everything here?
#
# Three questions: are the packages installed, is there a GPU, is there data? The last column of the table says `ok`, or how to mend what is missing.

# %%
check_environment()
print()
check_device()
print(f"\nprofile: {lesson.profile}")

# %% [markdown]
# The **profile** says how long the lessons train. The copies that come with the course were run with `full`. When you
# run a notebook yourself it is `fast`, unless the environment variable `RBM_PROFILE` is `full` when Jupyter starts
# (`RBM_PROFILE=full make lab`). Figures of trained machines differ a little between the two; in this lesson nothing does.

# %% [markdown]
# Ratings come from the first of three places: files in the data folder, a download whose checksum is verified, or
# a **synthetic** stand-in, invented by a random generator. The line below says which one you have. Every figure made
# from the stand-in says so in its title: it has the right shape, but it is about nobody.

# %%
ml = lesson.data(load_movielens("100k", verbose=False))
print(ml.origin)
label = "synthetic data" if ml.source == "synthetic" else "MovieLens 100K"

# %% [markdown]
# ## 3. What do ratings look like?
#
# `ml.ratings` is a table with one row per rating: who (`user_id`), what (`movie_id`), how much (`rating`, 1 to 5
# stars) and when (`timestamp`). Ids are names, not positions (in this set they happen to have no gaps).

# %%
facts = ml.ratings[["user_id", "movie_id", "rating"]].agg(["nunique", "min", "max"]).T.astype(int)
facts.columns = ["different values", "smallest", "largest"]
print(f"{label}: {len(ml.ratings):,} ratings")
facts

# %% [markdown]
# > **Predict first.** People choose what they watch. Which number of stars is the most frequent, and do likes (4 or
# > 5 stars) outnumber the rest?

# %%
share = ml.ratings.rating.value_counts(normalize=True).sort_index()
like_share = (ml.ratings.rating >= 4).mean()
colours = [plotting.COLORS["blue"] if stars >= 4 else plotting.GREY for stars in share.index]
fig, ax = plt.subplots(figsize=(6, 3))
bars = ax.bar(share.index.astype(int), 100 * share, color=colours)
ax.bar_label(bars, fmt="%.0f %%")
ax.set(xlabel="stars", ylabel="share of ratings (%)", ylim=(0, 40))
ax.set_title(f"{100 * like_share:.0f} % of ratings are likes, 4 or 5 stars ({label})")
plotting.show(fig, "Bar chart of the ratings: 4 stars are the most frequent, then 3, 5, 2 and 1.")

# %% [markdown]
# Most ratings are good ones: people rate what they chose to watch. Keep this in mind for section 8, where 3 stars count as a
# like too, and a predictor gets a good score by saying "like" to everything.
#
# > **Predict first.** Sort the films by how often they were rated. What share of all ratings goes to the top tenth?

# %%
per_film = ml.ratings.groupby("movie_id").size().sort_values(ascending=False).to_numpy()
per_user = ml.ratings.groupby("user_id").size().sort_values(ascending=False).to_numpy()
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
for ax, count, what in zip(axes, (per_film, per_user), ("film", "person"), strict=True):
    top = len(count) // 10
    ax.plot(np.arange(1, len(count) + 1), count)
    ax.axvspan(0, top, color=plotting.COLORS["orange"], alpha=0.25, lw=0)
    ax.text(top * 1.4, 400, f"top tenth: {100 * count[:top].sum() / count.sum():.0f} % of ratings")
    ax.set(xlabel=f"rank of the {what}", yscale="log", title=f"Ratings per {what}")
axes[0].set(ylabel="ratings", ylim=(0.8, 1000))
fig.suptitle(f"Ratings are spread unevenly, over films more than over people ({label})", fontsize=11)
plotting.show(fig, "Ratings per film and per person, sorted: a steep start and a long tail.")
few = 100 * np.mean(per_film < 10)
print(f"films:  {np.median(per_film):.0f} ratings (median), {few:.0f} % have fewer than ten")
print(f"people: {np.median(per_user):.0f} ratings (median), none has fewer than {per_user.min()}")

# %% [markdown]
# A machine for these data must cope with films about which it knows next to nothing. That is one half of the
# difficulty. The other half shows when the ratings are laid out as a matrix, a row for each person and a column for
# each film. `RatingMatrix` stores it sparsely, and `batch` makes dense rows: the values `v`, and the mask
# `observed`, which says where there is a rating at all. `v` is 1 for a like (4 or 5 stars), 0 for a dislike (1 to 3 stars), and
# also 0 where nothing is known: only `observed` tells these two apart.

# %%
matrix = RatingMatrix.from_frame(ml.ratings, like_at_least=4)
v, observed = matrix.batch(slice(None))
filled = 100 * observed.float().mean().item()
print(f"{label}: {matrix.n_users:,} people x {matrix.n_items:,} films = {matrix.n_users * matrix.n_items:,} pairs")
print(f"{filled:.1f} % of them have a rating, {100 - filled:.1f} % are missing")

# %%
rng = np.random.default_rng(0)
rows = rng.choice(matrix.n_users, 60, replace=False)
columns = rng.choice(matrix.n_items, 150, replace=False)
rows = rows[np.argsort(-observed.sum(1).numpy()[rows], kind="stable")]
columns = columns[np.argsort(-observed.sum(0).numpy()[columns], kind="stable")]
block = torch.where(observed, v + 1, 0.0).numpy()[np.ix_(rows, columns)]
colours = ListedColormap(["white", plotting.COLORS["orange"], plotting.COLORS["blue"]])
fig, ax = plt.subplots(figsize=(8, 3.8))
ax.imshow(block, cmap=colours, vmin=0, vmax=2, interpolation="nearest")
ax.set(xlabel="150 films, drawn at random, the most rated first", ylabel="60 people, the busiest first", xticks=[], yticks=[])
ax.spines[["top", "right"]].set_visible(True)
ax.set_title(f"Blue: like. Orange: dislike, 1 to 3 stars. White: missing ({label})")
plotting.show(fig, "A matrix of 60 people by 150 films: some blue and orange on the left, else white.")

# %% [markdown]
# The white is the theme of this course. **A missing rating is not a zero and not a −1**, the two codes that one finds most often. The
# person may not know the film, or know it and stay away, or love it and never say so. What happens if the 0 in the gaps is read as a dislike?
#
# > **Predict first.** For each film, take the share of likes among those who rated it, and the share of likes when
# > everybody else counts as a dislike. Will the two rank the films alike?

# %%
raters = observed.sum(0).numpy()
among_raters = v.sum(0).numpy() / raters
among_all = v.mean(0).numpy()
ranks = [pd.Series(x).corr(pd.Series(among_all), method="spearman") for x in (among_raters, raters)]
fig, axes = plt.subplots(1, 2, figsize=(8, 3.3), sharey=True)
for ax, x, rank in zip(axes, (100 * among_raters, raters), ranks, strict=True):
    ax.scatter(x, 100 * among_all, s=8, alpha=0.35, lw=0)
    ax.set_title(f"rank correlation {rank:.2f}")
axes[0].set(xlabel="likes among raters (%)", ylabel="likes, missing = dislike (%)")
axes[1].set(xlabel="people who rated the film")
fig.suptitle(f"With missing as dislike, a film's score says how often it was rated ({label})", fontsize=11)
plotting.show(fig, "A point per film: likes with missing as dislike follow the number of raters closely (rank correlation "
                   f"{ranks[1]:.2f}), likes among raters less so ({ranks[0]:.2f}).")

# %% [markdown]
# The score that counts gaps as dislikes follows the number of raters more closely than what they said: it measures
# fame. Films that all of their few raters liked lie at the bottom. Popularity has its place in a list of
# recommendations (lesson 02), but here it came in unasked, through a wrong code for "unknown".
#
# The course leaves a missing film out of that person's machine instead; section 4 explains the parts of the picture,
# and section 5 what difference this makes.
#
# ![Two people who rated different films: each has a machine with units for those films only; the missing units are drawn dashed, without lines.](figures/mask.svg)

# %% [markdown]
# ## 4. What is the smallest machine worth playing with?
#
# One with two films, A ($v_1$) and B ($v_2$), and one hidden unit, a taste. The picture shows a larger one, to name the parts.
#
# ![A restricted Boltzmann machine: four visible units below, three hidden above, every visible unit joined to every hidden one by a weight; biases at each unit; the energy below.](figures/rbm.svg)
#
# Every state (v, h) has an **energy**,
#
# $$E(v, h) = -\sum_i b_i v_i - \sum_j c_j h_j - \sum_{i,j} v_i W_{ij} h_j \qquad (1)$$
#
# and states of low energy are likely:
#
# $$p(v, h) = \frac{e^{-E(v, h)}}{Z}, \qquad Z = \sum_{v, h} e^{-E(v, h)}. \qquad (2)$$
#
# With three units there are 2³ = 8 states: few enough to write them all down. Units are numbered from 1 in figures and
# formulas, from 0 in code: $W_{11}$ is `W[0, 0]`, $v_1$ is column 0 of `v`.

# %%
W = torch.tensor([[3.0], [2.5]]).double()
b = torch.tensor([-1.5, -1.0]).double()
c = torch.tensor([-2.5]).double()

rows = []
for v1, v2, h in itertools.product([0, 1], repeat=3):
    energy = -(b[0] * v1 + b[1] * v2) - c[0] * h - (W[0, 0] * v1 + W[1, 0] * v2) * h
    rows.append((v1, v2, h, energy.item()))
table = pd.DataFrame(rows, columns=["v1", "v2", "h", "E"])
table["exp(-E)"] = np.exp(-table.E)
table["p"] = table["exp(-E)"] / table["exp(-E)"].sum()
table.round(4)

# %% [markdown]
# The sum of the column `exp(-E)` is Z. The likeliest state has the lowest energy: both films liked, the taste on.
# Now the same from the library. `energy` takes many rows at once and returns one number per row; Z is one number for the machine.

# %% tags=["nbval-check-output"]
tiny = RBM(2, 1).double()
tiny.W.data, tiny.visible_bias.data, tiny.hidden_bias.data = W, b, c
states = torch.tensor(table[["v1", "v2", "h"]].to_numpy()).double()
energies = tiny.energy(states[:, :2], states[:, 2:]).detach().numpy()
log_z = exact_log_partition(tiny).item()
assert np.allclose(energies, table.E, rtol=0, atol=1e-12)
assert np.isclose(log_z, np.log(table["exp(-E)"].sum()), rtol=0, atol=1e-12)
print(f"eight energies agree; log Z = {log_z:.4f} both ways")

# %% [markdown]
# The hidden unit is never seen. Summing it out leaves the probability of the four visible patterns, and from those
# a recommendation: *given that A is liked, how likely is B?*
#
# $$p(v_2 = 1 \mid v_1 = 1) = \frac{p(v_1 = 1, v_2 = 1)}{p(v_1 = 1)} \qquad (3)$$

# %% tags=["nbval-check-output"]
p_v = table.groupby(["v1", "v2"]).p.sum()
print(f"p(B is liked)                 {p_v[0, 1] + p_v[1, 1]:.4f}")
print(f"  given that A is liked       {p_v[1, 1] / (p_v[1, 0] + p_v[1, 1]):.4f}")
print(f"  given that A is not liked   {p_v[0, 1] / (p_v[0, 0] + p_v[0, 1]):.4f}")

# %% [markdown]
# The films are not joined to each other, yet one tells about the other: both hang on the same taste.
#
# > **Predict first.** Let both weights be w, and choose the biases so that each unit is on half of the time
# > ($b = -w/2$, $c = -w$: a state and its opposite then have the same energy). At w = 4, liking A makes B likely. What happens at w = −4?

# %%
def visible_probabilities(w):
    """p(v) of the patterns 00, 01, 10, 11 in the balanced machine with both weights `w`."""
    model = RBM(2, 1).double()
    model.W.data.fill_(w)
    model.visible_bias.data.fill_(-w / 2)
    model.hidden_bias.data.fill_(-w)
    patterns = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]).double()
    return exact_log_likelihood(model, patterns).exp().numpy()


weights = np.linspace(-8, 8, 81)
p00, p01, p10, p11 = np.array([visible_probabilities(w) for w in weights]).T
fig, ax = plt.subplots(figsize=(7, 3.2))
ax.plot(weights, p11 / (p10 + p11), label="A is liked")
ax.plot(weights, p01 / (p00 + p01), label="A is not liked", ls="--")
ax.set(xlabel="weight w of both films", ylabel="p(B is liked)", ylim=(0, 1))
ax.set_title("With all signs turned, the hidden unit has another name; the films do the same")
ax.legend(loc="center right")
plotting.show(fig, "Probability that B is liked against w: one half at w = 0; on both sides it rises "
                   "towards 1 if A is liked and falls towards 0 if not.")

# %% [markdown]
# The curves are symmetric. At w = −4 the hidden unit means "does *not* have this taste"; the films still go
# together. (Were only one of the two weights negative, they would repel.) What a hidden unit stands for is not given in advance, not
# even its sign. Below, the four patterns at w = 2; move the slider and watch them. At which w are all four equally likely?

# %%
def draw_patterns(w):
    fig, ax = plt.subplots(figsize=(5, 2.6))
    ax.bar(["neither", "B only", "A only", "both"], visible_probabilities(w))
    ax.set(ylabel="probability", ylim=(0, 0.5), title=f"Films liked, at w = {w:.1f}")
    plotting.show(fig, f"Bars: the probability of the four patterns of likes at w = {w:.1f}.")


draw_patterns(2.0)

# %%
lesson.slider(draw_patterns, w=(-8.0, 8.0, 0.5, 2.0))

# %% [markdown]
# ## 5. What does a machine do with a gap?
#
# Back to the white of section 3. Each person has a machine with the units of the films they rated, and all these
# machines share one set of weights and biases. In the library this is an argument, `observed`.
#
# Below: Ada's row from the picture, in a machine of five films and two hidden units, with invented weights and without
# biases. `prob_h_given_v` gives the probability that a hidden unit is on, given the row: the states with the unit on against all states
# with this row. In (1) the unit adds $-h_j x_j$ with $x_j = c_j + \sum_i v_i W_{ij}$, so that this is
#
# $$p(h_j = 1 \mid v) = \frac{e^{x_j}}{1 + e^{x_j}} = \frac{1}{1 + e^{-x_j}}. \qquad (4)$$
#
# By hand: Ada likes films 1 and 5, whose weights to $h_1$ are 1 and 1, so $x_1 = 2$ and $p(h_1 = 1) = 1/(1 + e^{-2})$, or .881<!--dropped, observed-->.
#
# > **Predict first.** Which codes for "missing" give the hidden units the same probabilities as the machine without
# > the missing films? And what if Ada had not rated film 3, which she disliked?

# %% tags=["nbval-check-output"]
machine = RBM(5, 2).double()
machine.W.data = torch.tensor([[1.0, -1], [2, 0], [-1, 1], [0, 2], [1, 1]]).double()
ada = torch.tensor([[1.0, 0, 0, 0, 1]]).double()  # liked films 1 and 5, disliked 3
seen = torch.tensor([[True, False, True, False, True]])
liked = torch.tensor([[True, False, False, False, True]])
small = RBM(3, 2).double()  # the same machine without the units of films 2 and 4
small.W.data = machine.W.data[seen[0]]

coded = {
    "missing = 0": machine.prob_h_given_v(ada),
    "missing = -1": machine.prob_h_given_v(torch.where(seen, ada, -1.0)),
    "dropped, observed=": machine.prob_h_given_v(ada, observed=seen),
    "machine of films 1, 3, 5": small.prob_h_given_v(ada[seen][None]),
    "film 3 dropped as well": machine.prob_h_given_v(ada, observed=liked),
}
for name, p in coded.items():
    print(f"{name:24}  p(h1 = 1) = {p[0, 0]:.3f}  p(h2 = 1) = {p[0, 1]:.3f}")

# %% [markdown]
# A −1 subtracts the weights of the films Ada never rated: both hidden units are wrong. The 0 gives the right hidden
# probabilities, so it looks harmless. It is not: the machine now believes it has *seen* two dislikes, which changes
# the probability it gives the row (one of five films in place of one of three), and what it learns. Film 2, say, was rated by one person, who
# liked it; Ada and eight others never saw it. Which share of likes would the machine learn?

# %% tags=["nbval-check-output"]
with_zeros = exact_log_likelihood(machine, ada).item()
dropped = exact_log_likelihood(machine, ada, observed=seen).item()
reference = exact_log_likelihood(small, ada[seen][None]).item()
print("log p of Ada's row")
print(f"missing = 0               {with_zeros:.4f}")
print(f"dropped, observed=        {dropped:.4f}")
print(f"machine of films 1, 3, 5  {reference:.4f}")
assert abs(dropped - reference) < 1e-12

film_2, rated = torch.tensor([1.0] + [0.0] * 9), torch.tensor([True] + [False] * 9)
print(f"share of likes of film 2: missing = 0 {film_2.mean():.1f}, dropped {film_2[rated].mean():.1f}")

# %% [markdown]
# The library's numbers are those of the small machine without the missing films. (A 0 sends nothing to the hidden units, rated or not, as *film 3 dropped as well* shows in the first of the two outputs: in this coding a dislike counts in learning and in $p(v)$, but not when tastes are inferred. Lesson 02
# gives each film two levels, so that a dislike speaks too.)
#
# A film left out is not out of reach: it is left out of what Ada *tells*, not of what she is told. Her hidden units, inferred from the films that she did
# rate, give every other film a probability of a like. That is the prediction: formula (4) the other way down, with the
# probabilities of the hidden units in place of h (lesson 02 compares this with the exact answer):

# %% tags=["nbval-check-output"]
h_ada = machine.prob_h_given_v(ada, observed=seen)
for film in (2, 4):
    print(f"Ada and film {film}: p(like) = {machine.mean_v_given_h(h_ada)[0, film - 1]:.3f}")

# %% [markdown]
# ## 6. Which symbol means what?
#
# One notation holds in all notebooks, in the library and in its tests:
#
# | symbol | in code | shape | meaning |
# |---|---|---|---|
# | $v$ | `v` | (B, n_visible) | visible units, B rows at a time: likes |
# | $h$ | `h` | (B, n_hidden) | hidden units, 0 or 1 |
# | $W$ | `model.W` | (n_visible, n_hidden) | weights |
# | $b$, $c$ | `model.visible_bias`, `model.hidden_bias` | (n_visible,), (n_hidden,) | biases |
# | | `observed` | (B, n_visible), boolean | where there is a value |
# | $E(v,h)$, $F(v)$ | `model.energy`, `model.free_energy` | (B,) | energy; free energy $-\log \sum_h e^{-E}$ |
# | $\log Z$ | `exact_log_partition` | a number | log partition function |
#
# Names of functions read `<what>_<target>_given_<source>`: `prob_h_given_v`, `mean_v_given_h`, `sample_h_given_v`.
# The page [Notation](../docs/notation.md) adds real-valued and star-rating units, and translates the symbols of
# well-known papers.
#
# ## 7. How do exercises work?
#
# In the copies in `notebooks/student` the bodies of some functions are empty (in `notebooks` they are filled in). You
# replace the `...` and run the cell; the next cell checks your function on cases of its own and saves the points.
# Tensors, arrays, lists and numbers are all accepted. A wrong answer is told what is wrong, as far as the check can
# see; the number below the message is your points, and the last check counts. What your function prints is not shown there: to look inside, call it
# in a cell of your own. An exercise not done yet stops nothing: the rest of the notebook uses the library's version.
#
# A demonstration. Two states, "off" and "on", have energies; the task is the probability of "on". First an answer
# with a frequent mistake, then the same mended:

# %% tags=["nbval-check-output"]
def probability_on(energy_off, energy_on):
    return np.exp(energy_on) / (np.exp(energy_off) + np.exp(energy_on))


print(check(lesson.exercises["warm-up"], probability_on))

# %% tags=["nbval-check-output"]
def probability_on(energy_off, energy_on):
    return np.exp(-energy_on) / (np.exp(-energy_off) + np.exp(-energy_on))


print(check(lesson.exercises["warm-up"], probability_on))

# %% [markdown]
# ## 8. How to fool yourself
#
# A machine that learns always gives *some* numbers. How do you know that they are right? This course does two things.
#
# **Exact answers.** A wrong formula is nearly always wrong for three units already, and there it shows. So each
# method is first tried where all states can be counted, as in section 4, and has to agree to many digits.
#
# **Trivial baselines.** A score means nothing until you know what a trivial predictor gets. Suppose somebody reports
# an accuracy of .83 in predicting likes, a like being 3 stars or more. Accuracy is the share of right answers. Beside
# it we put AUC, the probability that a rating that is a like gets a higher score than one that is not (ties count
# half); .5 means that the scores do not tell the two apart.
#
# > **Predict first.** A like is 3 stars or more. One predictor always says "like". Another says, for each film, its share of likes in the
# > training ratings, drawn towards the overall share where there are few (later lessons
# > call it the *item mean*); above .5 this counts as "like". Neither knows anything about the person. What accuracy
# > do they reach? And what AUC?
#
# Five splits, each with another fifth of the ratings held out:

# %%
def film_rate(train, test, smoothing=5):
    """Each film's share of likes in `train`, drawn towards the overall share where ratings are few."""
    overall = train.like.mean()
    count = train.groupby("movie_id").like.agg(["sum", "count"])
    rate = (count["sum"] + smoothing * overall) / (count["count"] + smoothing)
    return test.movie_id.map(rate).fillna(overall).to_numpy()


scores = []
for stars, fold in itertools.product((3, 4), range(1, 6)):
    train, test = (part.assign(like=part.rating >= stars) for part in ml.split(fold))
    predictions = {"always like": np.ones(len(test)), "film's share of likes": film_rate(train, test)}
    for model, p in predictions.items():
        accuracy, auc = np.mean((p > 0.5) == test.like), roc_auc_score(test.like, p)
        scores.append((f"{stars} stars or more", model, accuracy, auc))
scores = pd.DataFrame(scores, columns=["a like is", "model", "accuracy", "AUC"])

# %%
by_model = scores.groupby(["a like is", "model"])
always = by_model.accuracy.mean().unstack()["always like"]
assert abs(always["3 stars or more"] - 0.825) < 0.001 and abs(always["4 stars or more"] - 0.554) < 0.001
print(f"{label}: mean of five splits (lowest to highest)")
by_model.agg(lambda x: f"{x.mean():.3f} ({x.min():.3f} to {x.max():.3f})")

# %%
fig, axes = plt.subplots(1, 2, figsize=(8, 2.6), sharey=True)
for ax, metric in zip(axes, ("accuracy", "AUC"), strict=True):
    for y, (_, part) in enumerate(scores[scores["a like is"] == "3 stars or more"].groupby("model")):
        ax.plot(part[metric], np.full(5, y), "o", alpha=0.6, ms=7)
    ax.set(xlabel=f"{metric}, five splits", xlim=(0.45, 0.9), ylim=(-0.6, 1.6))
axes[0].set_yticks([0, 1], ["always like", "film's share of likes"])
axes[0].set_title("Accuracy: nearly the same")
axes[1].set_title("AUC: told apart")
fig.suptitle(f"What you measure decides what you see; a like is 3 stars or more ({label})", fontsize=11)
plotting.show(fig, "Dots for two predictors: their accuracies lie close together; AUC is one half for "
                   "always like, and well above for the film's share of likes.")

# %% [markdown]
# *Always like* gives every rating the same score, so all are ties and its AUC is .5. Yet its accuracy is .83<!--always like--> where a
# like is 3 stars or more, because such likes are frequent; where it is 4 or more, .55<!--always like-->. Whenever you read a score, ask:
# which definition, which split, which baseline?

# %% [markdown]
# ## 9. Exercises
#
# **Exercise 1 · How much is missing** · ★ · 5 minutes · 1 point.
# `ratings` is a table like `ml.ratings`. Return the share of (user, movie) pairs **without** a rating, among the
# users and movies that occur in it: a number between 0 and 1. (For `ml.ratings` section 3 has printed it.)
#
# <details><summary>Hint</summary>Ids may have gaps: <code>ratings.user_id.nunique()</code> counts the different ones.</details>

# %%
def share_missing(ratings):
    """Share of (user, movie) pairs without a rating."""
    ### BEGIN SOLUTION
    pairs = ratings.user_id.nunique() * ratings.movie_id.nunique()
    return 1 - len(ratings) / pairs
    ### END SOLUTION


# %%
lesson.check("1", share_missing)

# %% [markdown]
# **Exercise 2 · The energy of a configuration** · ★ · 10 minutes · 2 points.
# Equation (1) for B rows at once: `v` (B, n_visible), `h` (B, n_hidden), `W` (n_visible, n_hidden), `b`, `c`.
# Return one energy per row, shape (B,).
#
# <details><summary>Hint</summary><code>v @ W</code> has the shape of <code>h</code>. Multiply the two entry by entry and sum along each row.</details>

# %%
def energy_of_rows(v, h, W, b, c):
    """E(v, h) of every row, equation (1)."""
    ### BEGIN SOLUTION
    return -(v @ b) - (h @ c) - ((v @ W) * h).sum(-1)
    ### END SOLUTION


# %%
lesson.check("2", energy_of_rows)

# %% [markdown]
# **Exercise 3 · A bias from ratings with gaps** · ★★ · 10 minutes · 2 points.
# With W = 0, equation (2) gives each film the probability $p_i = 1 / (1 + e^{-b_i})$ of a like, the same for everyone
# (compare $v_i = 1$ with $v_i = 0$: their weights are $e^{b_i}$ and 1).
# `likes` (B, n) holds 1 for a like and 0 elsewhere, `observed` (B, n) says where there is a rating. Return the bias
# of each film at which $p_i$ is its share of likes **among those who rated it**, shape (n,). In the check every film has both likes and dislikes.
#
# <details><summary>Hint</summary>Solve for b: it is the log-odds, log(p / (1 − p)). Who belongs in the denominator of p?</details>

# %%
def like_bias(likes, observed):
    """The visible bias at which a machine with W = 0 reproduces each film's share of likes."""
    ### BEGIN SOLUTION
    p = likes.sum(0) / observed.sum(0)
    return torch.log(p / (1 - p))
    ### END SOLUTION


# %%
lesson.check("3", like_bias)

# %% [markdown]
# The library does this in `initialize_from`, on all films at once. (Where everybody agrees, the log-odds would be
# infinite: fewer than half a like, or half a dislike, is counted as half.) The result is the first recommender of this course.

# %%
first = RBM(matrix.n_items, 1, weight_std=0.0).initialize_from(v, observed)
prediction = first.mean_v_given_h(torch.zeros(1, 1))[0].detach().numpy()  # any h will do: W is 0
mixed = (among_raters > 0) & (among_raters < 1)
assert np.allclose(prediction[mixed], among_raters[mixed], atol=1e-5)
print(f"{label}: {mixed.sum():,} films with both likes and dislikes: predicted = share of likes among raters")

# %% [markdown]
# It says the same to everyone, like the second predictor of section 8. To tell people apart it needs weights, and
# learning those is the next lesson. Your points so far:

# %%
lesson.score()

# %% [markdown]
# ## Pitfalls
#
# - **Ids are names.** The largest id is not the number of films; a column of a matrix is not an id. `RatingMatrix` keeps the map.
# - **A code for "missing" is a value.** 0 and −1 enter products and means. Pass `observed`.
# - **An energy belongs to one row.** Divided by the number of rows, it passes every test with one row and fails with two.
# - **Synthetic data teach the method, not the world.** Look at the title of the figure.
#
# ## Summary
#
# 1. A Boltzmann machine gives every state the probability $e^{-E}/Z$; a restricted one joins units across two layers only.
# 2. More than nine in ten ratings are missing, and a missing one is dropped from that person's machine.
# 3. Two films that share a hidden unit predict each other; the sign of a hidden unit is arbitrary.
# 4. A small machine can be counted out, and what the library computes is checked against such counts.
# 5. A score needs its definition, its split and a trivial baseline beside it.
#
# ## Check yourself
#
# <details><summary>1. How many states does a machine with 4 visible and 3 hidden binary units have?</summary>
#
# 2⁷ = 128. Each further unit doubles the number; with 1,700 films nobody can list them.
# </details>
#
# <details><summary>2. One state's energy is lower than another's by 1. How much likelier is it?</summary>
#
# e ≈ 2.718 times. Z cancels in the ratio, which is why ratios are easy and probabilities are hard.
# </details>
#
# <details><summary>3. Add 5 to the energy of every state. What happens to the probabilities?</summary>
#
# Nothing: every $e^{-E}$ and Z shrink by the same factor, e⁻⁵.
# </details>
#
# <details><summary>4. A person has rated no film at all. What does the machine with dropped units say about them?</summary>
#
# With no unit observed, the hidden units follow their biases alone, and each film gets a prediction that does not depend on the person: the answer to "nothing known".
# </details>
#
# <details><summary>5. A model has an accuracy of .83 at "3 stars or more". Is that good?</summary>
#
# It cannot be told from that: always saying "like" gets about as much. Ask for AUC, and for the baseline on the same split.
# </details>
#
# ## References
#
# - D. H. Ackley, G. E. Hinton, T. J. Sejnowski (1985). A learning algorithm for Boltzmann machines. *Cognitive Science* 9, 147–169. [doi:10.1207/s15516709cog0901_7](https://doi.org/10.1207/s15516709cog0901_7)
# - R. Salakhutdinov, A. Mnih, G. Hinton (2007). Restricted Boltzmann machines for collaborative filtering. *ICML*. [doi:10.1145/1273496.1273596](https://doi.org/10.1145/1273496.1273596)
# - G. E. Hinton (2012). A practical guide to training restricted Boltzmann machines. *Neural Networks: Tricks of the Trade*, 599–619. [doi:10.1007/978-3-642-35289-8_32](https://doi.org/10.1007/978-3-642-35289-8_32)
# - A. Fischer, C. Igel (2014). Training restricted Boltzmann machines: an introduction. *Pattern Recognition* 47, 25–39. [doi:10.1016/j.patcog.2013.05.025](https://doi.org/10.1016/j.patcog.2013.05.025)
# - B. M. Marlin, R. S. Zemel (2009). Collaborative prediction and ranking with non-random missing data. *RecSys*. [doi:10.1145/1639714.1639717](https://doi.org/10.1145/1639714.1639717)
# - F. M. Harper, J. A. Konstan (2015). The MovieLens datasets: history and context. *ACM TiiS* 5(4). [doi:10.1145/2827872](https://doi.org/10.1145/2827872)
#
# **Next:** [01 · Energy and contrastive divergence](01_energy_and_contrastive_divergence.ipynb): how a machine learns, and how to see that it does.
