# %% [markdown]
# # 02 · The MovieLens binary RBM
#
# Which films will this person like? In this lesson you take the RBM from lesson 01, teach it
# to live with missing ratings, train it on real people, and find out how good it is. At the
# end it recommends films to you.
#
# | | |
# |---|---|
# | **You will be able to** | leave missing ratings out of a model instead of inventing values for them; measure predictions and lists against simple rivals; tell the two questions *will they like it?* and *what next?* apart; recommend films to somebody new and say why |
# | **You need** | lessons 00 and 01; NumPy, a little pandas, and PyTorch as in the [primer](../docs/primer.md) |
# | **Time** | 90 minutes, 25 of them for three exercises and 8 for an open one; cells that are folded need not be opened |
# | **Data** | MovieLens 100K (5 MB), or a synthetic stand-in when it cannot be had |
# | **Hardware** | any laptop, no GPU |

# %%
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.metrics import log_loss, roc_auc_score

from rbm_lib import RBM, RatingMatrix, Recommender, baselines, evaluate
from rbm_lib.course import Lesson, say
from rbm_lib.course.rating import FilmRater, natural_title
from rbm_lib.data import load_movielens
from rbm_lib.plotting import COLORS, show
from rbm_lib.recommend import predict

lesson = Lesson("02_movielens_binary_rbm")
movielens = lesson.data(load_movielens("100k"))

# %% [markdown]
# ## 1. A person is a row with gaps
#
# In lesson 00 you rated a few films. Here is the same thing for five other people and eight
# films that many have rated. A heart is a rating of four or five stars, which we call a
# *like*. A cross is a lower rating. An empty cell means that this person never rated the
# film, so we know nothing.

# %%
films = movielens.movies.sort_values("movie_id").reset_index(drop=True)
ids = dict(
    user_ids=np.sort(movielens.users["user_id"]), item_ids=films["movie_id"].to_numpy()
)
train_part, test_part = movielens.split(1)  # the standard split of this data set
train = RatingMatrix.from_frame(train_part, like_at_least=4, **ids)
test = RatingMatrix.from_frame(test_part, like_at_least=4, **ids)
liked, seen = train.batch(slice(None))  # people × films: is it a like, is it there at all?
test_liked, asked = test.batch(slice(None))
n_people, n_films = seen.shape
n_ratings = seen.sum(0).numpy()  # of each film

# %% tags=["hide-input"]
famous = np.argsort(-n_ratings, kind="stable")[:8]
rated, hearts = seen[:, famous], (liked * seen)[:, famous].sum(1)
crosses = rated.sum(1) - hearts
both = torch.minimum(hearts, crosses).clamp(max=2) * ~rated.all(1)  # and a gap
five = sorted(np.argsort(-both.numpy(), kind="stable")[:5])
fig, axis = plt.subplots(figsize=(8.5, 2.6))
for row, person in enumerate(five):
    for column, film in enumerate(famous):
        axis.add_patch(plt.Rectangle((column, -row), 1, 1, fill=False, edgecolor="#c9ced6"))
        if seen[person, film]:
            sign, color = ("♥", "blue") if liked[person, film] else ("×", "red")
            axis.text(
                column + 0.5,
                0.5 - row,
                sign,
                ha="center",
                va="center",
                fontsize=15,
                color=COLORS[color],
            )
    axis.text(
        -0.15, 0.5 - row, f"person {ids['user_ids'][person]}", ha="right", va="center"
    )
for column, film in enumerate(famous):
    axis.text(
        column + 0.1, 1.15, natural_title(films["title"][film])[:-7][:24], rotation=25
    )
axis.set(xlim=(-1.3, 8.6), ylim=(-4.05, 3.3))
axis.axis("off")
axis.set_title("Opinions both ways, and gaps")
show(
    fig,
    "Five people and eight well-known films: each person has hearts, crosses and empty "
    "cells.",
)

# %% [markdown]
# A model learns from most of the ratings, the *training ratings*. Afterwards we ask it about
# the others, the *held-out ratings*, which it has never seen. The standard split of this data
# set holds out ratings of only some of the people.

# %% tags=["hide-input"]
people_asked = asked.any(1)
share_held_out = (asked.sum(1) / (asked.sum(1) + seen.sum(1)))[people_asked].median()
print(f"{n_people:,} people, {n_films:,} films, {train.n_ratings:,} ratings to learn from")
print(f"{seen.float().mean():.1%} of the cells are filled")
print(
    f"{int(asked.sum()):,} more ratings are held out, of {int(people_asked.sum())} people; "
    f"half of these people give up {share_held_out:.0%} of their ratings or more"
)
print(f"{test_liked[asked].mean():.0%} of the held-out ratings are likes")

# %% [markdown]
# ## 2. A film needs two boxes
#
# An RBM wants a number in every visible unit. Which number belongs in an empty cell? A
# zero would say *did not like it*, and minus one would say something even stronger. Both are
# opinions that nobody gave. The honest answer is that there should be no unit at all.
# Salakhutdinov, Mnih and Hinton (2007) gave each person an RBM of their own, with units only
# for the films that this person has rated. All these RBMs share their weights.
#
# A unit that is not there adds nothing to the input of the hidden units. Unfortunately a
# dislike that is coded as 0 adds nothing as well, because 0 times any weight is 0. The model
# could not tell a person who hated *Titanic* from one who never saw it. So we give each film
# two boxes, one for *liked* and one for *did not like*, each with its own weights. A rating
# puts a 1 into one of the two boxes, and a gap leaves both at 0.

# %% tags=["hide-input"]
fig, axis = plt.subplots(figsize=(8.5, 2.9))
example = [("Alien", 1), ("Titanic", 0), ("Fargo", None), ("Babe", 1), ("Scream", None)]
for unit, x in enumerate((2.2, 5.2, 8.2)):
    axis.add_patch(
        plt.Circle((x, 2.6), 0.26, facecolor="white", edgecolor="#1f2933", zorder=3)
    )
    axis.text(x, 2.6, f"$h_{unit + 1}$", ha="center", va="center", zorder=4)
for place, (title, rating) in enumerate(example):
    left = 0.6 + 2.0 * place
    for box, sign in enumerate("♥×"):
        on = rating is not None and box == 1 - rating
        there = rating is not None
        axis.add_patch(
            plt.Rectangle(
                (left + 0.6 * box, 0.55),
                0.55,
                0.55,
                edgecolor="#1f2933" if there else "#c9ced6",
                facecolor=COLORS["sky"] if on else "white",
                linestyle="-" if there else ":",
                zorder=3,
            )
        )
        axis.text(
            left + 0.6 * box + 0.27,
            0.82,
            sign,
            ha="center",
            va="center",
            zorder=4,
            color="#1f2933" if there else "#c9ced6",
        )
        if there:
            for x in (2.2, 5.2, 8.2):
                axis.plot(
                    [left + 0.6 * box + 0.27, x],
                    [1.1, 2.4],
                    lw=1.6 if on else 0.5,
                    color=COLORS["blue"] if on else "#c9ced6",
                    zorder=1,
                )
    axis.text(left + 0.57, 0.2, title, ha="center", color="#1f2933" if there else "#9aa3ad")
axis.set(xlim=(0.2, 10.4), ylim=(0, 3.0), aspect="equal")
axis.axis("off")
show(
    fig,
    "A person who liked Alien and Babe and did not like Titanic. Each of these films has "
    "two "
    "boxes joined to three hidden units. Fargo and Scream are not rated and not joined.",
)

# %% [markdown]
# This person liked *Alien* and *Babe*, did not like *Titanic*, and has not rated the other
# two. Filled boxes and blue lines carry a 1. If one hidden unit has the weight 2 at *Alien liked*, −1 at
# *Titanic not liked*, .5 at *Babe liked* and the bias −.5, its input is
# −.5 + 2 − 1 + .5 = 1, and it is on with probability σ(1) = .73. We store the boxes side by
# side in one long row, first all *liked* boxes and then all *not liked* boxes.
#
# **Exercise 1 · Two boxes** · ★ · 6 minutes · 2 points. Turn a batch of rows into boxes.
# `liked` holds 1.0 for a like and 0.0 for a dislike where `seen` is True. Where `seen` is
# False it may hold anything, even NaN. Return a new tensor of the same type with twice as
# many columns, and leave `liked` as it is.
#
# <details><summary>Hint</summary>NaN times 0 is NaN, so multiplying does not empty a gap.
# <code>torch.where(seen, liked, 0.0)</code> does.</details>


# %%
def my_boxes(liked, seen):
    ### BEGIN SOLUTION
    like_box = torch.where(seen, liked, 0.0)
    dislike_box = torch.where(seen, 1 - liked, 0.0)
    return torch.cat([like_box, dislike_box], dim=1)
    ### END SOLUTION


# %%
lesson.check("1", my_boxes)

# %% [markdown]
# From here on the lesson uses your function. Here is the person in the picture.

# %% tags=["nbval-check-output"]
boxes = lesson.use("1", my_boxes)
gap = torch.nan
pictured = torch.tensor([[1.0, 0.0, gap, 1.0, gap]])  # Alien, Titanic, Fargo, Babe, Scream
print(boxes(pictured, ~pictured.isnan()).int().tolist())

# %% [markdown] tags=["slide"]
# The energy of lesson 01 works unchanged. The long row of boxes is called $x$ here (in
# lesson 01 that letter was the input of a hidden unit):
#
# $$E(x, h) = -b \cdot x - c \cdot h - x \cdot W h$$
#
# Going up, $p(h_j = 1 \mid x) = \sigma\big(c_j + \sum_i x_i W_{ij}\big)$ is the old formula,
# and the gaps take care of themselves because their boxes are 0. Going down, a rated film has
# exactly one of its two boxes on. Turning a box on lowers the energy by its score, which is its
# entry of $s = b + W h$, and a state's probability is proportional to $e^{-E}$. So the
# probabilities of the two boxes are in the ratio $e^{s_\text{like}} : e^{s_\text{dislike}}$, and
# because they add up to one,
#
# $$p(\text{like} \mid h) = \frac{e^{s_\text{like}}}{e^{s_\text{like}} + e^{s_\text{dislike}}}
# = \sigma(s_\text{like} - s_\text{dislike}).$$
#
# With the scores 1.2 and .4, for example, that is σ(.8) = .69. In the same way we can ask
# about a film that somebody has *not* rated. We add its two boxes for a moment, and see which
# of them the hidden units would turn on. Its weights were learned from other people.


# %%
@dataclass
class RatingsRBM:
    """The RBM of lesson 01 with two boxes for each film."""

    W: torch.Tensor  # (2 · films, hidden)
    b: torch.Tensor  # (2 · films,)
    c: torch.Tensor  # (hidden,)

    def prob_h(self, x):
        return torch.sigmoid(x @ self.W + self.c)

    def prob_like(self, h):
        like, dislike = (h @ self.W.T + self.b).chunk(2, dim=1)
        return torch.sigmoid(like - dislike)


# %% [markdown]
# ## 3. Train it on people
#
# In lesson 01 a weight moved by the average of $v_i h_j$ in the data minus its average after
# one sweep, which is CD-1. Two things change. First, the sweep must leave the gaps alone. A
# person who never rated *Fargo* has no unit for it, neither in the data nor in the sweep, so
# only people who rated a film can change its weights. Second, the films of the sweep are
# drawn. In lesson 01 they stayed probabilities, but here one box of a rated film is on and
# the other is off.
#
# **Exercise 2 · CD-1 with gaps** · ★★ · 13 minutes · 3 points. Return the changes of `W`, `b`
# and `c`, in this order. Each is an average over the rows, *data minus sweep*. Draw with the
# uniform numbers that you are given, so that the check can repeat your draw. A unit is 1
# where its number is below its probability.
#
# 1. From the boxes `x`, compute p(h) and draw `h` with `u_hidden`.
# 2. From `h`, compute p(like) and draw likes with `u_films`.
# 3. Put them into boxes with `boxes(likes, seen)`. Compute p(h) for these boxes.
# 4. Use the probabilities p(h), not the drawn `h`, in both averages.
#
# <details><summary>Hint</summary>The average of $x_i h_j$ over a batch is
# <code>x.T @ p / len(x)</code>. A comparison gives True and False, so convert it with
# <code>.to(x.dtype)</code>.</details>


# %%
def my_cd1(model, x, seen, u_hidden, u_films):
    ### BEGIN SOLUTION
    p = model.prob_h(x)
    h = (u_hidden < p).to(x.dtype)
    likes = (u_films < model.prob_like(h)).to(x.dtype)
    x_sweep = boxes(likes, seen)
    p_sweep = model.prob_h(x_sweep)
    change_W = (x.T @ p - x_sweep.T @ p_sweep) / len(x)
    change_b = (x - x_sweep).mean(0)
    change_c = (p - p_sweep).mean(0)
    return change_W, change_b, change_c
    ### END SOLUTION


# %%
lesson.check("2", my_cd1)

# %% [markdown]
# The training loop is the one you wrote in lesson 01, falling learning rate included, with
# three additions.
#
# - Each step takes a *batch* of 50 people, in a new order each time round. One pass over all
#   people is an *epoch*.
# - The biases of a film start at the logarithms of how often its raters liked it and did not
#   like it, so the model begins with every film's average.
# - Each step pulls the weights a little towards zero, which is called *weight decay*. Most
#   films have few ratings, and without this pull the model would mistake chance for taste.
#
# The settings in the cell below were chosen on a part of the training ratings. To predict,
# we want no chance, so there the probabilities of the hidden units go down, and no draw.

# %%
cd1 = lesson.use("2", my_cd1)


def new_model(x, n_hidden, seed):
    """Small weights; log-frequencies of the boxes, smoothed by five average ratings."""
    likes, dislikes = x.sum(0).chunk(2)
    p = (likes + 5 * likes.sum() / x.sum()) / (likes + dislikes + 5)
    rng = torch.Generator().manual_seed(seed)
    W = 0.01 * torch.randn(x.shape[1], n_hidden, generator=rng)
    return RatingsRBM(W, torch.cat([p.log(), (1 - p).log()]), torch.zeros(n_hidden))


# %%
def train_rbm(liked, seen, n_hidden=50, epochs=60, lr=1.0, decay=0.015, seed=0):
    rng = torch.Generator().manual_seed(seed)
    x = boxes(liked, seen)
    model = new_model(x, n_hidden, seed)
    for epoch in range(epochs):
        rate = lr * (1 - epoch / epochs)
        for rows in torch.randperm(len(x), generator=rng).split(50):
            u_hidden = torch.rand(len(rows), n_hidden, generator=rng)
            u_films = torch.rand(len(rows), seen.shape[1], generator=rng)
            change = cd1(model, x[rows], seen[rows], u_hidden, u_films)
            model.W += rate * (change[0] - decay * model.W)
            model.b += rate * change[1]
            model.c += rate * change[2]
    return model


def predict_likes(model, liked, seen):
    """P(like) of every film for every row, from that row's ratings."""
    return model.prob_like(model.prob_h(boxes(liked, seen)))


# %%
mine = train_rbm(liked, seen)  # your functions; ten seconds to a minute
p_mine = predict_likes(mine, liked, seen)
print(f"trained on {n_people} people: {mine.W.numel():,} weights")

# %% [markdown]
# Before we trust it, we copy your weights into the course library, which contains the same
# model, and compare.

# %% tags=["hide-input"]
library = RBM(n_films, 50, "categorical", 2)
with torch.no_grad():
    library.W.copy_(torch.stack([mine.W[n_films:], mine.W[:n_films]], dim=1))
    library.visible_bias.copy_(torch.stack([mine.b[n_films:], mine.b[:n_films]], dim=1))
    library.hidden_bias.copy_(mine.c)
p_library = predict(library, train)[..., 1]
print("same predictions:", torch.allclose(p_library[asked], p_mine[asked], atol=1e-5))

# %% [markdown]
# ## 4. Is it any good?
#
# A score means little without something to compare it with, so we need rivals.
#
# - **Always the same**: the overall share of likes, for everybody and every film.
# - **Film's average**: the share of people who liked this film.
# - **Film and person**: the film's average, moved up or down by how generous this person is.
#   It knows nothing about taste.
#
# We ask two questions about the held-out ratings. The first is whether the stated
# probabilities are good. If the model says .8 and the person does like the film, it loses
# −log .8 = .22. If the person does not, it loses −log .2 = 1.61. The average is called the
# **log-loss**, and less is better. Saying .5 each time costs .69.
#
# The second is whether likes are ranked above dislikes. **AUC** is the share of pairs, one
# like and one dislike, in which the like has the higher probability. If a like has .7 and two
# dislikes have .4 and .9, one of the two pairs is right and AUC is .5, like guessing. (The
# letters stand for *area under the curve*, after another way to compute it.)
#
# > **Predict first.** Film and person has an AUC of about .78 on the real data. Your RBM also
# > knows which films go together. How much will it gain?

# %%
lesson.predict("gain in AUC", "AUC of your RBM minus AUC of film and person")

# %%
rivals = {
    "always the same": baselines.GlobalMean(),
    "film's average": baselines.ItemMean(),
    "film and person": baselines.LogisticBias(),
}
outputs = {name: rival.fit(train).scores()[asked.numpy()] for name, rival in rivals.items()}
outputs["your RBM"] = p_mine[asked].numpy()
truth = test_liked[asked].numpy()
person = asked.nonzero()[:, 0].numpy()  # who gave each held-out rating

# %%
table = pd.DataFrame(
    {
        "log-loss": {name: log_loss(truth, p) for name, p in outputs.items()},
        "AUC": {name: roc_auc_score(truth, p) for name, p in outputs.items()},
    }
)
table.round(3)

# %% [markdown]
# All four faced the same people, so the fair question is how much better one is than another
# *on the same ratings*. The next cell draws people (not ratings, because those of one person
# belong together) again and again, with repetition, and records how much the difference in
# AUC varies. The middle 95 % of these differences are its *interval*. If it contains zero, this
# test could not tell the two apart.

# %% tags=["hide-input"]
leads = {
    name: evaluate.auc_lead(p, outputs["film and person"], truth, person).loc[0]
    for name, p in outputs.items()
    if name != "film and person"
}
fig, axis = plt.subplots(figsize=(7.5, 1.9))
shown = [name for name in leads if name != "always the same"]
for place, name in enumerate(sorted(shown, key=lambda name: leads[name]["mean"])):
    lead = leads[name]
    axis.plot([lead["low"], lead["high"]], [place, place], color=COLORS["blue"])
    axis.plot(lead["mean"], place, "o", color=COLORS["blue"])
    label = f"{name}  {lead['mean']:+.3f}".replace("-", "−")
    axis.text(lead["low"], place + 0.22, label)
axis.axvline(0, color="grey", lw=0.8)
constant = f"{leads['always the same']['mean']:+.2f}".replace("-", "−")
axis.set(
    yticks=[],
    ylim=(-0.5, 1.7),
    xlabel=f"AUC minus that of film and person ({constant} for always the same)",
)
axis.margins(x=0.2)
axis.spines["left"].set_visible(False)
title = (
    "Your RBM is ahead"
    if leads["your RBM"]["low"] > 0
    else "The test cannot tell your RBM from a simple rule"
)
axis.set_title(title)
show(
    fig,
    "Differences in AUC to film and person with intervals: "
    + "; ".join(f"{name} {lead['mean']:+.3f}" for name, lead in leads.items())
    + ".",
)
lead = leads["your RBM"]
lesson.reveal(
    "gain in AUC",
    lead["mean"],
    f"Your RBM gains {lead['mean']:+.3f} over film and "
    f"person, with an interval from {lead['low']:+.3f} to {lead['high']:+.3f}.",
)

# %% [markdown]
# The gain is small, and that is normal in this field. How generous a person is and how good
# a film is explain most of a rating, and taste is what remains. The optional lesson
# [08](08_better_ratings.ipynb) goes for more.
#
# ## 5. How to fool yourself
#
# ### A loss that a constant beats
#
# One recipe for a MovieLens RBM has been copied many times. A missing rating becomes −1, and
# the −1s take part in the matrix products. Weights start at size one, there is no learning rate, and
# sums stand in place of averages. Three stars already count as a like. The model *draws* a 0
# or a 1 for each rating, and its *loss* is the share of wrong draws. One such
# notebook prints a test loss of .227, which reads like "right in three of four cases". The next cell, folded,
# rebuilds the recipe.


# %% tags=["hide-input"]
def draw(p, rng):
    return (torch.rand(p.shape, generator=rng) < p).float()


def copied_recipe(coded, seed=0, n_hidden=100, sweeps=10, epochs=10, batch=100):
    """The hidden probabilities and P(like) of the published recipe."""
    rng = torch.Generator().manual_seed(seed)
    W = torch.randn(coded.shape[1], n_hidden, generator=rng)
    b = torch.randn(coded.shape[1], generator=rng)
    c = torch.randn(n_hidden, generator=rng)
    for _ in range(epochs):
        for start in range(0, len(coded) - batch, batch):  # the last people are never used
            v = sweep = coded[start : start + batch]
            for _ in range(sweeps):
                h = draw(torch.sigmoid(sweep @ W + c), rng)
                sweep = torch.where(v < 0, v, draw(torch.sigmoid(h @ W.T + b), rng))
            p, p_sweep = torch.sigmoid(v @ W + c), torch.sigmoid(sweep @ W + c)
            W += v.T @ p - sweep.T @ p_sweep
            b += (v - sweep).sum(0)
            c += (p - p_sweep).sum(0)
    hidden = torch.sigmoid(coded @ W + c)
    return hidden, torch.sigmoid(hidden @ W.T + b)


lenient, lenient_test = (
    RatingMatrix.from_frame(part, like_at_least=3, **ids)
    for part in (train_part, test_part)
)
lenient_truth = lenient_test.batch(slice(None))[0]
hidden, p_copied = copied_recipe(torch.where(seen, lenient.batch(slice(None))[0], -1.0))
lenient_average = torch.tensor(baselines.ItemMean().fit(lenient).scores()).float()


def published_loss(prediction):
    """Mean absolute difference per person, averaged over people."""
    wrong = ((lenient_truth - prediction).abs() * asked).sum(1)
    return float((wrong / asked.sum(1))[asked.any(1)].mean())


# %% [markdown]
# How good can this loss get? Suppose a model *knew* that you like a film with probability
# .8, and draws its answer with that probability. It says *like* and you do not with
# probability .8 × .2, or the other way round with .2 × .8, which makes a loss of .32.
# Someone who always says *like* loses only .2.
#
# **Exercise 3 · What drawing costs** · ★ · 6 minutes · 2 points. For a tensor `p` of true
# probabilities, of any shape, return the expected loss of a perfect model that *draws* its
# answers, and of one that answers *like* exactly where p is above one half. Both are averages
# over `p`.
#
# <details><summary>Hint</summary>The second model is wrong with probability p where it says
# dislike, and 1 − p where it says like. Which of the two is smaller?</details>


# %%
def my_expected_losses(p):
    ### BEGIN SOLUTION
    drawn = 2 * p * (1 - p)
    decided = torch.minimum(p, 1 - p)
    return drawn.mean(), decided.mean()
    ### END SOLUTION


# %%
lesson.check("3", my_expected_losses)

# %% tags=["slide"]
losses = {
    "published number": 0.227,
    "rebuilt": published_loss(draw(p_copied, torch.Generator().manual_seed(0))),
    "film's average, drawn": published_loss(lenient_average),  # the mean of all draws
    "film's average, decided": published_loss((lenient_average > 0.5).float()),
    'always "like"': published_loss(torch.ones(n_people, n_films)),
}
pd.Series(losses).sort_values(ascending=False).round(3).to_frame("published loss")

# %% tags=["hide-input"]
patterns = len(torch.unique(hidden > 0.5, dim=0))
stuck = ((hidden < 0.001) | (hidden > 0.999)).float().mean()
gaps_per_row = (~seen).sum(1)
auc = [
    f"{roc_auc_score(lenient_truth[asked], p[asked]):.3f}"
    for p in (p_copied, lenient_average)
]
say(
    f"Of the copied model's hidden probabilities, **{stuck:.0%}** are stuck at 0 or 1. "
    f"Rounded to 0 and 1, they make only **{patterns} different patterns** for {n_people} "
    f"people. Its AUC is {auc[0]}, and that of the film's average {auc[1]}. A row has "
    f"{gaps_per_row.float().mean():,.0f} −1s on average."
)

# %% [markdown]
# Our rebuild does not reach the published number, but saying *like* to everything has a lower
# loss than either. So has the film's average, as soon as it stops drawing. The sentence above
# tells you why the model is so poor. With so many −1s in each row, every hidden unit is pushed
# to the same side for everybody, and the model can hardly tell two people apart. No curve of
# this loss would have told you, but one trivial rival does.
#
# ### A leak by the clock
#
# The second trap is in every result on this data set that comes from a random split. People
# were shown a page of films and rated the whole page at once, so many of their ratings carry
# the same second. If we hold out ratings at random, the training part often contains a rating
# by the same person *from that very moment*, given in the same mood.
#
# What is that worth? We tell the film-and-person model the person's *mood*, which is the
# average error that it made on their training ratings close in time. A rating a minute away
# counts about a third of one in the same second. We compute it twice, from all of their
# training ratings and only from those of earlier seconds.


# %% tags=["hide-input"]
def film_and_person(train_frame, frame):
    model = baselines.UserItemBias().fit(RatingMatrix.from_frame(train_frame, **ids))
    stars = model.scores() + 1
    rows = np.searchsorted(ids["user_ids"], frame["user_id"])
    return stars[rows, np.searchsorted(ids["item_ids"], frame["movie_id"])]


def mood(frame, train_frame, error, only_earlier):
    """The person's errors in training, averaged with weights exp(−seconds apart / 60)."""
    mean = np.zeros(len(frame))
    by_person = dict(tuple(train_frame.assign(error=error).groupby("user_id")))
    for user, group in frame.groupby("user_id"):
        if user in by_person:
            near = by_person[user]
            apart = group["timestamp"].to_numpy()[:, None] - near["timestamp"].to_numpy()
            weight = np.exp(-np.abs(apart) / 60)
            weight[group.index.to_numpy()[:, None] == near.index.to_numpy()] = (
                0  # not itself
            )
            if only_earlier:
                weight[apart <= 0] = 0
            mean[frame.index.get_indexer(group.index)] = (
                weight @ near["error"] / (weight.sum(1) + 1)
            )
    return mean


# %% tags=["slide", "hide-input"]
def clock_row(held_out):
    train_frame, frame = movielens.ratings[~held_out], movielens.ratings[held_out]
    error = train_frame["rating"].to_numpy() - film_and_person(train_frame, train_frame)
    stars = film_and_person(train_frame, frame)
    row = {"film and person": stars}
    for name, only_earlier in (
        ("film, person and mood", False),
        ("film, person and earlier mood", True),
    ):
        known = mood(train_frame, train_frame, error, only_earlier)
        slope = (known @ error) / (known @ known)
        row[name] = stars + slope * mood(frame, train_frame, error, only_earlier)
    same = frame.merge(
        train_frame[["user_id", "timestamp"]].drop_duplicates(), on=["user_id", "timestamp"]
    )
    rmse = {name: ((p - frame["rating"]) ** 2).mean() ** 0.5 for name, p in row.items()}
    return {
        "share with a training rating in the same second": len(same) / len(frame)
    } | rmse


ratings = movielens.ratings
at_random = np.random.default_rng(0).random(len(ratings)) < 0.2
place = (
    ratings.sort_values("timestamp", kind="stable")
    .groupby("user_id")
    .cumcount()
    .sort_index()
)
latest = (place >= 0.8 * ratings.groupby("user_id")["rating"].transform("size")).to_numpy()
clock = pd.DataFrame(
    {"a random fifth": clock_row(at_random), "each person's last fifth": clock_row(latest)}
)
clock.round(3)

# %% [markdown]
# The lower rows are root mean squared errors (RMSE) in stars, so less is better. On a random
# fifth of the ratings, the mood looks like a large step forward. Most of that is lost when it
# may see only what came before, as in a recommender in use. On each person's last fifth the
# whole task is harder. (In the synthetic stand-in people rate one film at a time, so their
# mood tells nothing.) When a method gains half a percent on a random split, check whether it
# has seen the clock. The models that we compare in section 4 do not see it, although their
# split has the same gap: most of its held-out ratings share a second with a training rating.
#
# ## 6. Two questions, two models
#
# So far we asked *will they like it?* for films that people did rate. A shop shows ten films
# and wonders *which will they want next?* Let's fill the list with the films of highest
# P(like), and count how many of the ten are likes that we held out. That share is called the
# **precision** of the list.
#
# > **Predict first.** A rival fills everybody's list with the films that most people liked.
# > Which list contains more held-out likes, yours or the rival's?

# %%
options = ["P(like), your RBM", "most liked"]
lesson.predict("better list", "More held-out likes are in the list of", options)

# %%
wanted = (asked & (test_liked == 1)).numpy()
someone = wanted.any(1)  # people with at least one held-out like


def best_ten(scores):
    """The ten films of highest score that a person has not rated, best first."""
    open_scores = np.where(seen.numpy(), -np.inf, scores)
    return np.argsort(-open_scores, axis=1, kind="stable")[:, :10]


def precision(scores):
    return np.take_along_axis(wanted, best_ten(scores), axis=1)[someone].mean()


# %% tags=["hide-input"]
popularity = np.broadcast_to((liked * seen).sum(0).numpy(), seen.shape)
list_quality = {
    "P(like), your RBM": precision(p_mine.numpy()),
    "most liked": precision(popularity),
}
winner = max(list_quality, key=list_quality.get)
shares = " and ".join(f"{p:.0%} by *{name}*" for name, p in list_quality.items())
lesson.reveal("better list", winner, f"Of ten listed films, {shares} are held-out likes.")

# %% tags=["hide-input"]
listed, in_lists = np.unique(best_ten(p_mine.numpy()), return_counts=True)
often = listed[np.argsort(-in_lists, kind="stable")[:100]]
rare = often[np.argmin(n_ratings[often[:5]])]
say(
    f"**{natural_title(films['title'][rare])}** stands in {in_lists[listed == rare][0]} of "
    f"{n_people} lists by P(like). Of its {n_ratings[rare]} training ratings, "
    f"{int((liked * seen)[:, rare].sum())} are likes."
)

# %% [markdown]
# A model that is ahead in AUC need not make good lists, because it answers another question.
# *If* you rate this film, will you like it? Few people ever choose to rate such a film, and
# those who do tend to love it. P(like) is high, and most people will never choose it.
#
# For the second question the gaps are information. Nobody said *no* to all these films, but
# they were not chosen either, and a list competes against all of them. So we stop leaving the
# gaps out. The row is 1 where a person liked a film and 0 everywhere else, for a dislike and
# for a gap. One box is enough, and this is the RBM of lesson 01. Its loop has the batches,
# the bias start, the drawn films and the decay of section 3, so the code is folded.


# %% tags=["hide-input"]
@dataclass
class LikesRBM:
    """The RBM of lesson 01: one box for each film, and no gaps."""

    W: torch.Tensor
    b: torch.Tensor
    c: torch.Tensor

    def prob_h(self, v):
        return torch.sigmoid(v @ self.W + self.c)

    def scores(self, h):
        return h @ self.W.T + self.b  # log-odds: they order films like probabilities


def train_on_likes(v, n_hidden=100, epochs=60, lr=0.5, decay=0.02, seed=0):
    rng = torch.Generator().manual_seed(seed)
    W = 0.01 * torch.randn(v.shape[1], n_hidden, generator=rng)
    b = torch.logit((v.sum(0) + 0.5) / (len(v) + 1))
    model = LikesRBM(W, b, torch.zeros(n_hidden))
    for epoch in range(epochs):
        rate = lr * (1 - epoch / epochs)
        for rows in torch.randperm(len(v), generator=rng).split(50):
            p = model.prob_h(v[rows])
            v_sweep = draw(torch.sigmoid(model.scores(draw(p, rng))), rng)
            p_sweep = model.prob_h(v_sweep)
            change = (v[rows].T @ p - v_sweep.T @ p_sweep) / len(rows)
            model.W += rate * (change - decay * model.W)
            model.b += rate * (v[rows] - v_sweep).mean(0)
            model.c += rate * (p - p_sweep).mean(0)
    return model


# %%
likes = liked * seen
shop = train_on_likes(likes)
shop_scores = shop.scores(shop.prob_h(likes)).numpy()
list_quality["likes against the rest, your RBM"] = precision(shop_scores)

# %% tags=["hide-input"]
fig, axis = plt.subplots(figsize=(7.5, 2.2), layout="constrained")
quality = pd.Series(list_quality).sort_values()
axis.barh(
    range(3),
    quality,
    color=[COLORS["orange"] if "most" in n else COLORS["blue"] for n in quality.index],
)
axis.set_yticks(range(3), quality.index)
for place, value in enumerate(quality):
    axis.text(value + 0.004, place, f"{value:.2f}", va="center")
axis.set(
    xlabel="share of the ten listed films that are held-out likes",
    xlim=(0, 1.15 * quality.max()),
)
times = quality.iloc[-1] / quality["most liked"]
finding = f"The best list has {times:.1f} times the hits of the most liked films"
if quality.index[-1] == "most liked":
    finding = "The most liked films make the best list"
fig.suptitle(finding, x=0.01, ha="left", fontweight="bold")
show(
    fig,
    "Precision of three lists: "
    + "; ".join(f"{n} {q:.2f}" for n, q in quality.items())
    + ".",
)

# %% [markdown]
# The same people, another question, and a very different list. To say how much somebody will
# enjoy a film they asked about, use the model with gaps. To fill a shelf, use the model of
# likes against everything else.
#
# Precision does not care whether a hit stands first or last in the list, but
# **NDCG** (*normalised discounted cumulative gain*) does. A hit in place 1 counts
# $1/\log_2 2 = 1$, in place 2 it counts $1/\log_2 3 = .63$, and in place 3 it counts
# $1/\log_2 4 = .5$. The sum is divided by what the best possible list would get. Suppose a list
# of three has hits in places 1 and 3, and two likes were held out. The list gets 1 + .5 = 1.5,
# the best list 1 + .63 = 1.63, so the NDCG is .92. Does it order our three lists as precision
# does?

# %%
lists = {
    "P(like), your RBM": p_mine.numpy(),
    "most liked": popularity,
    "likes against the rest, your RBM": shop_scores,
}
discount = 1 / np.log2(np.arange(2, 12))  # of places 1 to 10


def mean_ndcg(scores):
    gained = (np.take_along_axis(wanted, best_ten(scores), axis=1) * discount).sum(1)
    best = discount.cumsum()[np.minimum(wanted.sum(1), 10) - 1]
    return (gained / best)[someone].mean()


# %%
both = pd.DataFrame(
    {
        "precision": list_quality,
        "NDCG": {name: mean_ndcg(scores) for name, scores in lists.items()},
    }
)
both.round(3)

# %% [markdown]
# ## 7. Films for you
#
# You are not in MovieLens, and nobody has to train anything for you. Your ratings become a row
# with gaps, the row goes up to the hidden units and down again, and out comes P(like) for
# every film, rated or not.


# %%
def one_row(ratings):
    """Ratings by film number, True for a like and False for a dislike, as a row."""
    row_liked, row_seen = torch.zeros(1, n_films), torch.zeros(1, n_films, dtype=torch.bool)
    for film, is_liked in ratings.items():
        row_liked[0, film], row_seen[0, film] = float(is_liked), True
    return row_liked, row_seen


def prob_like(ratings):
    return predict_likes(mine, *one_row(ratings))[0]


# %%
p_anyone = prob_like({})  # a person of whom nothing is known
often_rated = torch.as_tensor(n_ratings >= 20)
titles = films["title"].map(natural_title)


def lift(ratings):
    """Log-odds for you minus log-odds for anyone, of every film."""
    return torch.logit(prob_like(ratings)) - torch.logit(p_anyone)


# %% tags=["hide-input"]
def best_films(score, ratings, among=True, n=8):
    """The n films of highest score that twenty people have rated and you have not."""
    allowed = often_rated & ~one_row(ratings)[1][0] & among
    chosen = torch.where(allowed, score, -torch.inf).topk(n).indices.numpy()
    columns = {
        "P(like), you": prob_like(ratings),
        "P(like), anyone": p_anyone,
        "lift": lift(ratings),
    }
    table = {name: column[chosen].numpy().round(2) for name, column in columns.items()}
    return pd.DataFrame({"film": titles[chosen].to_numpy(), **table})


def lifted(ratings):
    return best_films(lift(ratings), ratings, among=prob_like(ratings) > 0.5)


# %% tags=["hide-input"]
by_fame = np.argsort(-n_ratings, kind="stable")[:400].tolist()
in_space = [film for film in by_fame if "Sci-Fi" in films["genres"][film]]
in_love = [film for film in by_fame if "Romance" in films["genres"][film]]
in_love = [film for film in in_love if film not in in_space]
guest = dict.fromkeys(in_space[:6], True) | dict.fromkeys(in_love[:4], False)
rater = FilmRater({film: titles[film] for film in by_fame}, guest)

# %% [markdown]
# Sorted by P(like), the list would be dull, because it begins with films that almost everybody
# likes. Your ratings say more where they *change* something. So we sort by the **lift**, which
# is the log-odds log(p / (1 − p)) for you minus the log-odds for anyone, among films that you
# will more likely like than not. Without that condition the list would fill with films that
# you merely dislike less than others do.
#
# Rate ten films or more, and leave out the ones you do not know. This time dislikes count as
# well as likes, so press both buttons and watch the list. Do not trust it too far. The end of
# this section measures how little ten ratings tell this model.

# %%
rater.show(lifted)

# %% [markdown]
# **Why this film?** We remove your ratings one at a time and see how far the first film of the
# list drops. The rating that costs it most is the best answer to *why*. A negative number is a
# rating that held the film down.

# %%
ratings = rater.ratings
best = int(np.flatnonzero(titles == lifted(ratings)["film"][0])[0])


def effect(film):
    """How far the best film's log-odds drop without this rating."""
    rest = {other: is_liked for other, is_liked in ratings.items() if other != film}
    return float((lift(ratings) - lift(rest))[best])


# %% tags=["hide-input"]
opinions = [
    ("liked " if is_liked else "did not like ") + titles[film]
    for film, is_liked in ratings.items()
]
effects = pd.Series([effect(film) for film in ratings], opinions)
effects = effects.sort_values(ascending=False).to_frame("effect on the log-odds")
say(f"The film that these ratings lift most is **{titles[best]}**.")
effects.round(2)

# %% [markdown]
# And here is the list for *what next*, from the model of likes against everything else.

# %%
my_liked, my_seen = one_row(ratings)
next_for_me = shop.scores(shop.prob_h(my_liked * my_seen))[0]
best_films(next_for_me, ratings)

# %% [markdown]
# Look at the probabilities beside this list. The first model may doubt that you will enjoy some
# of these films, which many people with your likes went to see anyway. A good shop uses both
# models, one to find candidates and the other to warn.
#
# **How many ratings does it take?** We train once more without a quarter of the people. Then
# we show the model 0, 1, 3, 10 or 20 ratings of each of these newcomers, and always ask about
# the same other films. The rival is a rule of two numbers, the film's average and how generous
# the newcomer has been so far. (This trains for as long as in section 3.)
#
# > **Predict first.** After how many ratings will your RBM pass that rival?

# %%
lesson.predict("newcomers", "My RBM is ahead after", ["1", "3", "10", "20", "more than 20"])

# %% tags=["hide-input"]
everything = RatingMatrix.from_frame(movielens.ratings, like_at_least=4, **ids)
all_liked, all_seen = everything.batch(slice(None))
rng = np.random.default_rng(0)
is_new = torch.zeros(n_people, dtype=torch.bool)
is_new[rng.choice(n_people, n_people // 4, replace=False)] = True
without_them = train_rbm(all_liked[~is_new], all_seen[~is_new], seed=1)

new_liked, new_seen = all_liked[is_new], all_seen[is_new]
order = (
    torch.as_tensor(rng.random(new_seen.shape))
    .masked_fill(~new_seen, 2.0)
    .argsort(1)
    .argsort(1)
)
counts = (0, 1, 3, 10, 20)
question = new_seen & (order >= max(counts))  # the same questions every time
answer, newcomer = new_liked[question].numpy(), question.nonzero()[:, 0].numpy()
old_likes, old_seen = (all_liked * all_seen)[~is_new].sum(0), all_seen[~is_new].sum(0)
average = (old_likes + 5 * old_likes.sum() / old_seen.sum()) / (old_seen + 5)

passes, scores = {}, {"RBM": {}, "rule of two numbers": {}}
for n in counts:
    given = new_seen & (order < n)
    generosity = ((new_liked - average) * given).sum(1) / (given.sum(1) + 5)
    rule = (average + generosity[:, None]).clamp(0, 1)[question].numpy()
    p = predict_likes(without_them, new_liked, given)[question].numpy()
    passes[n] = evaluate.auc_lead(p, rule, answer, newcomer).loc[0]
    scores["RBM"][n] = roc_auc_score(answer, p)
    scores["rule of two numbers"][n] = roc_auc_score(answer, rule)

# %% tags=["hide-input"]
ahead = [n for n in counts if passes[n]["low"] > 0]
behind = [n for n in counts if passes[n]["high"] < 0]
fig, (left, right) = plt.subplots(1, 2, figsize=(8.5, 2.7), layout="constrained")
for (name, curve), color in zip(scores.items(), ("blue", "orange"), strict=True):
    left.plot(curve.keys(), curve.values(), "o-", color=COLORS[color])
    left.text(20.7, curve[20], name, va="center", color=COLORS[color])
left.set(xlabel="ratings shown", ylabel="AUC", xlim=(-1, 34), xticks=(0, 3, 10, 20))
for n in counts:
    right.plot([n, n], [passes[n]["low"], passes[n]["high"]], color=COLORS["blue"])
    right.plot(n, passes[n]["mean"], "o", color=COLORS["blue"])
right.axhline(0, color="grey", lw=0.8)
right.set(xlabel="ratings shown", ylabel="RBM minus rule", xticks=(0, 3, 10, 20))
finding = (
    f"Newcomers: a rule of two numbers is ahead of the RBM up to {max(behind)} ratings"
    if behind
    else "Newcomers: the RBM against a rule of two numbers"
)
fig.suptitle(finding, x=0.01, ha="left", fontweight="bold")
show(
    fig,
    "AUC of the RBM and of the rule by ratings shown, and the difference with intervals: "
    + "; ".join(
        f"{n} ratings {scores['RBM'][n]:.3f} and {scores['rule of two numbers'][n]:.3f}, "
        f"{passes[n]['mean']:+.3f}"
        for n in counts
    )
    + ".",
)
first = str(min(ahead)) if ahead else "more than 20"
lesson.reveal(
    "newcomers",
    first,
    "The interval of the difference is above zero at "
    f"{ahead or 'none'} of these numbers of ratings, and below zero at {behind or 'none'}. "
    f"At 20 ratings the RBM minus the rule is {passes[20]['mean']:+.3f}.",
)

# %% [markdown]
# So a short row is not enough for this model, and the left picture shows how much two numbers
# can do. With all the training ratings of a person, in section 4, your RBM was ahead of *film
# and person*. A real system would begin with the rule, or give the model such a number as an
# additional input, as lesson [08](08_better_ratings.ipynb) does.
#
# **Your own ratings file.** Any table with a person, an item and a rating in each row will do.
# The library makes lists in two lines. Here it trains for a few epochs only, to show the call.
# [Your own data](../docs/your_own_data.md) goes on from here.

# %%
own_ratings = RatingMatrix.from_frame(  # or from_csv("my_ratings.csv", ...)
    movielens.ratings, user="user_id", item="movie_id", rating="rating"
)
Recommender(task="rank", epochs=5).fit(own_ratings).recommend([1, 2], n=3)

# %% [markdown]
# ## 8. Change something
#
# **Exercise 4 · Your experiment** · open · 8 minutes. The next cell trains your model with five
# hidden units in place of fifty. Write down what you expect of its AUC, run the cell, and say in
# two sentences what you saw and why. Then change one other thing. Some ideas:
#
# - `n_hidden=300`
# - `decay=0`, which switches the pull towards zero off
# - `train_rbm(rows[:100], known[:100])`, which learns from a hundred people only
# - `rows, known = likes, torch.ones_like(seen)`, which calls every gap a dislike

# %%
rows, known = liked, seen  # what the model learns from, and is shown before it predicts
changed = train_rbm(rows, known, n_hidden=5)  # your change goes here
p_changed = predict_likes(changed, rows, known)[asked].numpy()
lead = evaluate.auc_lead(p_changed, outputs["your RBM"], truth, person).loc[0]
print(
    f"AUC {roc_auc_score(truth, p_changed):.3f}, which is {lead['mean']:+.3f} "
    f"[{lead['low']:+.3f}, {lead['high']:+.3f}] beside your model from section 3"
)

# %% [markdown]
# ## What to remember
#
# - A missing rating is left out of that person's model. Two boxes per film keep a dislike
#   apart from a gap.
# - Put a constant and a simple rule into every table. A loss that a constant beats says
#   nothing.
# - *Will they like it?* and *what next?* are two questions. They need two models.
# - A new person is a new row. With few ratings, a rule of two numbers is hard to beat.

# %%
lesson.predictions()
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. Why must the sweep leave the gaps alone, too?</summary>Both averages belong to the person's own model, which has no unit for an unrated film. If the sweep filled the gap, the film's weights would be pushed down with nothing in the data to hold them.</details>
#
# <details><summary>2. A model says .8 for every rating, and 80 % are likes. What are its AUC and its log-loss?</summary>It ranks nothing, so AUC is ½. The log-loss is −(.8 log .8 + .2 log .2) = .50.</details>
#
# <details><summary>3. A shop wants to warn customers about films they will dislike. Which of the two models does it need?</summary>The one with gaps. The other model treats both alike, as films that you did not like.</details>
#
# <details><summary>4. A paper reports a precision of .37 on MovieLens 100K. What do you ask?</summary>Which split and how many likes of each person it holds out, what counts as a hit, which films compete for the list, and what the most liked films get in the same table.</details>
#
# ## References
#
# - Salakhutdinov, Mnih & Hinton (2007), Restricted Boltzmann machines for collaborative filtering. [doi:10.1145/1273496.1273596](https://doi.org/10.1145/1273496.1273596)
# - Ferrari Dacrema, Cremonesi & Jannach (2019), Are we really making much progress? [doi:10.1145/3298689.3347058](https://doi.org/10.1145/3298689.3347058)
# - Harper & Konstan (2015), The MovieLens datasets. [doi:10.1145/2827872](https://doi.org/10.1145/2827872)
#
# **Next:** [03 · Deezer: will the listener keep the first track?](03_deezer_skip_prediction.ipynb), or the optional lesson [08 · Better ratings](08_better_ratings.ipynb).
