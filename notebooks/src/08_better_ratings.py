# %% [markdown]
# # 08 · Better ratings
#
# Your RBM from lesson 02 was a little ahead of a simple rule. How far can one go? In this
# optional lesson we give it four improvements, one after the other, beside some of the rivals
# that are hard to beat.
#
# | | |
# |---|---|
# | **You will be able to** | let rare films borrow from the others; predict stars; feed a model what is known about a row; tell with paired intervals which improvement was worth it; read EASE as a Boltzmann machine |
# | **You need** | lesson 02 |
# | **Time** | 60 minutes, 20 of them for three exercises and 8 for an open one |
# | **Data** | MovieLens 100K, or the synthetic stand-in |
# | **Hardware** | any laptop, no GPU |

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from rbm_lib import RBM, Monitor, RatingMatrix, baselines, evaluate, fit
from rbm_lib.course import Lesson, say
from rbm_lib.data import load_movielens
from rbm_lib.models import VisibleData
from rbm_lib.plotting import COLORS, show
from rbm_lib.recommend import left_out_bias, multinomial_covariate, predict
from rbm_lib.training import ItemMeanDecay, linear_decay

lesson = Lesson("08_better_ratings")
movielens = lesson.data(load_movielens("100k"))

# %% [markdown]
# ## 1. The rivals
#
# We keep the split of lesson 02 and ask the same two things about the held-out ratings, plus
# two more. **Within-person AUC** is the AUC among one person's films, averaged over people.
# Knowing who is generous does not help there, because the person is always the same. **RMSE**
# is the error in stars. If a model expects 4.2 stars and the person gives 3, it is off by 1.2.
#
# The rivals know more than *film and person* did. **Neighbours** (ItemKNN) predicts a film
# from the 40 most similar films that the person has rated. **Factorisation** gives each
# person and each film a short list of numbers and multiplies them. Their settings were chosen
# on inner splits of the training ratings, like those of the RBMs below.

# %%
films = movielens.movies.sort_values("movie_id").reset_index(drop=True)
ids = dict(
    user_ids=np.sort(movielens.users["user_id"]), item_ids=films["movie_id"].to_numpy()
)
parts = movielens.split(1)
stars, stars_test = (RatingMatrix.from_frame(part, **ids) for part in parts)
four_stars = stars.scale.like_level(4)  # the level, counted from 0, of four stars
likes = stars.binarize(four_stars)
people, columns, levels = stars_test.triples()
truth = levels >= four_stars

# %%
rivals = {
    "film's average": (baselines.ItemMean().fit(likes), baselines.ItemMean().fit(stars)),
    "film and person": (
        baselines.LogisticBias().fit(likes),
        baselines.UserItemBias().fit(stars),
    ),
}
for name, rival in {
    "neighbours": baselines.ItemKNNRatings(),
    "factorisation": baselines.MatrixFactorization(),
}.items():
    probability = baselines.Calibrated(rival, like_at_least=4).fit(stars)
    rivals[name] = probability, probability.model_

outputs = {
    name: (probability.scores(), expected.scores())
    for name, (probability, expected) in rivals.items()
}


# %% tags=["slide"]
def measure(name):
    """AUC, within-person AUC, log-loss and, where stars are predicted, RMSE."""
    probability, expected = outputs[name]
    more = {}
    if expected is not None:
        more = dict(predicted=expected[people, columns], rating=levels)
    table = evaluate.rating_metrics(
        probability[people, columns], truth, people, n_bootstrap=0, **more
    )
    return table.set_index("metric")["mean"]


def compare(*names):
    shown = ["AUC", "group AUC", "log-loss", "RMSE"]
    table = pd.DataFrame({name: measure(name) for name in names or outputs}).T
    return table.reindex(columns=shown).rename(columns={"group AUC": "within-person AUC"})


compare().round(3)

# %% [markdown]
# Compare the first two rows. Knowing how generous people are raises the AUC a lot, and hardly
# changes it within a person, where the order of films is almost the same for everybody. All
# further gains are about taste, and they are small.
#
# ## 2. Rare films borrow from the others
#
# The first improvement is about films with few ratings. Weight decay pulls their weights to
# zero, so the model believes that liking such a film says nothing about a person. But a like
# does say something, whichever film it is. So let the weights decay towards the *average
# film's* weights instead. A film with three ratings then behaves like the average film, and
# one with 300 ratings like itself.
#
# > **Predict first.** Will this help the AUC by more or by less than the .009 that separated
# > your RBM from *film and person*?

# %%
lesson.predict("borrow", "The gain in AUC is", ["less", "about the same", "more"])

# %%
common = dict(
    batch_size=50,
    lr=0.05,
    schedule=linear_decay(),
    callbacks=[Monitor(every=1000)],
    progress=lesson.progress,
)


def trained(ratings, n_levels, weight_decay, n_hidden=30, weight_std=0.05):
    """The model of lesson 02 by the library, with a box for each level."""
    model = RBM(ratings.n_items, n_hidden, "categorical", n_levels, weight_std, seed=0)
    v, observed = ratings.batch(slice(None))
    model.initialize_from(torch.nn.functional.one_hot(v.long(), n_levels), observed)
    generator = torch.Generator().manual_seed(0)
    epochs = lesson.pick(fast=30, full=60)
    fit(
        model,
        ratings,
        weight_decay=weight_decay,
        epochs=epochs,
        generator=generator,
        **common,
    )
    return model


# %% tags=["slide"]
plain = trained(likes, 2, weight_decay=0.015)
shared = trained(likes, 2, weight_decay=ItemMeanDecay(0.03))
outputs["two boxes"] = predict(plain, likes)[..., 1].double().numpy(), None
outputs["two boxes, borrowing"] = predict(shared, likes)[..., 1].double().numpy(), None


def lead(name, other):
    """By how much the AUC of one is above that of the other, with an interval."""
    one, two = (outputs[x][0][people, columns] for x in (name, other))
    return evaluate.auc_lead(one, two, truth, people).loc[0]


def in_words(row):
    return f"{row['mean']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"


gain = lead("two boxes, borrowing", "two boxes")
size = (
    "less" if gain["mean"] < 0.006 else "more" if gain["mean"] > 0.012 else "about the same"
)
lesson.reveal("borrow", size, f"Borrowing gains {in_words(gain)} in AUC.")
compare("film and person", "two boxes", "two boxes, borrowing").round(3)

# %% [markdown] tags=["slide"]
# ## 3. Stars
#
# Nothing forces us to forget the difference between four and five stars. A film can have five
# boxes, one for each number of stars, and a hidden unit then has five weights for it. The
# model states a probability for each level. From these, both questions can be answered.
#
# **Exercise 1 · Stars from boxes** · ★ · 6 minutes · 2 points. `p` holds the probabilities of
# one to five stars, in its last dimension. Return the expected number of stars, and the
# probability of a like (four or five stars).
#
# <details><summary>Hint</summary>The expected number is the sum of stars times probability,
# so one star with .5 and five stars with .5 make three.</details>


# %%
def my_stars(p):
    ### BEGIN SOLUTION
    expected = (p * torch.arange(1, 6)).sum(-1)
    return expected, p[..., 3:].sum(-1)
    ### END SOLUTION


# %%
lesson.check("1", my_stars)

# %% tags=["slide"]
five = trained(stars, 5, weight_decay=ItemMeanDecay(0.03))
expected, p_like = lesson.use("1", my_stars)(predict(five, stars))
outputs["five boxes, borrowing"] = p_like.double().numpy(), expected.double().numpy() - 1
compare("factorisation", "two boxes, borrowing", "five boxes, borrowing").round(3)

# %% [markdown] tags=["slide"]
# With five boxes we can predict stars. That does not make them better at the question of
# likes, and here their stars are no better than those of *film and person* either. We kept
# the weight decay of two boxes, so this is a start, not the best that five boxes can do.
#
# ## 4. Films as rows
#
# So far a row was a person. The matrix can just as well be turned, so that a row is a *film*
# and its boxes are the people who may have rated it. The same code works. One thing
# changes in practice. A new film is then a new row, which needs no training, while a new
# person has no boxes yet.
#
# Whatever we know about a row can be added to the scores of its boxes as a number that is
# not learned by the weights. Such a number is called a **covariate**. Ours says how
# much better than expected others rated the film. In the row of a film, the score of person
# $i$ at level $k$ becomes $b_{ik} + x_i a_k$ plus the usual sum over the hidden units. Here
# $x_i$ is the film's covariate without the rating of person $i$, and the coefficients $a_k$
# are fitted before the training and then stay.
#
# There is a trap. The covariate of a film is an average of ratings, and the rating that we
# train on is one of them. A model that sees its own answer in the input trusts the input too
# much. So each rating must be left out of its own covariate. Take a film whose residuals
# (what the ratings have beyond the people's habits) are .5, −.2 and .9, and shrink with
# $r = 5$. For the first rating the covariate is (−.2 + .9) / (2 + 5) = .10.
#
# **Exercise 2 · Leave yourself out** · ★★ · 7 minutes · 3 points. For the residuals of one
# film, a tensor with one number for each of its ratings, return the covariate of each
# rating, which is the sum of the *other* residuals divided by the number of the others plus
# `r`.
#
# <details><summary>Hint</summary>The sum of the others is the sum of all minus one's own, so
# no loop is needed.</details>


# %%
def my_left_out(residuals, r):
    ### BEGIN SOLUTION
    others = residuals.sum() - residuals
    return others / (len(residuals) - 1 + r)
    ### END SOLUTION


# %%
lesson.check("2", my_left_out)

# %% tags=["nbval-check-output"]
left_out = lesson.use("2", my_left_out)(torch.tensor([0.5, -0.2, 0.9]), 5.0)
print([round(float(x), 3) for x in left_out])


# %%
def film_rows(ratings, n_hidden, weight_decay, epochs):
    """P(level) of every person and film by an RBM whose rows are films."""
    rows = ratings.T
    x = left_out_bias(rows)  # the library's, for every film
    bias, coefficient = multinomial_covariate(rows, x)
    offset = torch.as_tensor(x)[..., None] * coefficient
    model = RBM(rows.n_items, n_hidden, "categorical", rows.n_levels, seed=0)
    model.visible_bias.data.copy_(bias)
    data = VisibleData(model, rows, visible_offset=offset)
    generator = torch.Generator().manual_seed(0)
    fit(
        model, data, weight_decay=weight_decay, epochs=epochs, generator=generator, **common
    )
    return predict(model, rows, visible_offset=offset).double().swapaxes(0, 1)


# %%
p = film_rows(likes, 200, weight_decay=0.015, epochs=lesson.pick(fast=16, full=40))
outputs["films as rows, two boxes"] = p[..., 1].numpy(), None
p = film_rows(stars, 100, weight_decay=0.01, epochs=lesson.pick(fast=6, full=40))
outputs["films as rows, five boxes"] = (
    p[..., 3:].sum(-1).numpy(),
    (p @ torch.arange(5.0).double()).numpy(),
)


def log_odds(q):
    return np.log(q) - np.log1p(-q)


pair = log_odds(outputs["two boxes, borrowing"][0]) + log_odds(
    outputs["films as rows, two boxes"][0]
)
outputs["people and films, averaged"] = 1 / (1 + np.exp(-pair / 2)), None
compare().round(3)

# %% tags=["hide-input"]
leads = {
    name: lead(name, "film and person") for name in outputs if name != "film and person"
}
ordered = sorted(leads, key=lambda name: leads[name]["mean"])
order = ordered[1:]  # without the film's average
fig, axis = plt.subplots(figsize=(7.5, 3.2))
for place, name in enumerate(order):
    row = leads[name]
    color = COLORS["orange" if name in rivals else "blue"]
    axis.plot([row["low"], row["high"]], [place, place], color=color)
    axis.plot(row["mean"], place, "o", color=color)
axis.axvline(0, color="grey", lw=0.8)
axis.set_yticks(range(len(order)), order)
axis.set_xlabel("AUC minus the AUC of film and person, 95 % interval over people")
axis.set_title(f"Largest gain: {order[-1]}")
show(
    fig,
    "Gains in AUC over film and person, RBMs in blue and rivals in orange: "
    + "; ".join(f"{name} {leads[name]['mean']:+.3f}" for name in order)
    + ".",
)
best = order[-1]
rival = max(
    (name for name in order if name in rivals), key=lambda name: leads[name]["mean"]
)
say(
    f"*{best}* is ahead of the best rival, *{rival}*, "
    f"by {in_words(lead(best, rival))} in AUC."
)

# %% [markdown]
# All models faced the same people, so the intervals of the *differences* are what to read.
# Two warnings belong beside such a figure. We look at the best of several models, which
# flatters the winner a little, and one split is one split. `python benchmarks/movielens.py`
# repeats the comparison over all five splits of the data set.
#
# **Are the probabilities honest?** We sort the held-out ratings by stated probability, cut
# them into ten groups, and ask how far the share of likes in each group is from what was
# stated. Zero is perfect.

# %% tags=["hide-input"]
fig, axis = plt.subplots(figsize=(7, 2.8))
farthest = 0
for name, color in (
    ("two boxes, borrowing", "blue"),
    ("films as rows, two boxes", "green"),
    ("film's average", "orange"),
):
    curve = evaluate.calibration_curve(outputs[name][0][people, columns], truth, n_bins=10)
    off = curve["observed"] - curve["predicted"]
    axis.plot(curve["predicted"], off, "o-", color=COLORS[color], ms=4, label=name)
    farthest = max(farthest, off.abs().max())
axis.axhline(0, color="grey", lw=0.8)
axis.set(xlabel="stated probability of a like", ylabel="observed − stated")
axis.set_title(f"No group is off by more than {farthest:.2f}")
axis.legend()
show(fig, f"Observed minus stated share of likes of three models, at most {farthest:.2f}.")

# %% [markdown] tags=["slide"]
# ## 5. EASE is a Boltzmann machine
#
# For lists, the rival to beat is called **EASE** (Steck 2019). It has no hidden units. Each
# film is predicted from all other films a person liked, with one weight for each pair. With
# the people × films matrix $X$ of likes, it computes
#
# $$P = (X^\top X + \lambda I)^{-1}, \qquad B_{ij} = -\frac{P_{ij}}{P_{jj}} \ (i \ne j), \qquad B_{jj} = 0,$$
#
# and scores films by $X B$. Lesson 01 lets us read these formulas. Think of a Boltzmann
# machine whose units are the films, coupled in pairs, with real numbers instead of 0 and 1
# and the energy $E = \frac12 x^\top P x$. Its distribution is a Gaussian. To find the mean of
# film $j$ given all others, set $\partial E / \partial x_j = 0$, which gives
# $x_j = -\sum_{i \ne j} x_i P_{ij} / P_{jj}$. For a person whose likes are a row of $X$, that is
# the entry of $X B$ for film $j$. So EASE is the fully visible relative of the RBM, with
# couplings taken from the data in one step: $P$ is the inverse of the films' products
# $X^\top X$, with a little added to the diagonal. It has direct couplings between films and no hidden units, and the RBM has hidden
# units and no direct couplings.
#
# **Exercise 3 · EASE** · ★★ · 7 minutes · 3 points. Compute $B$ from the matrix `X` and the
# number `l2`.
#
# <details><summary>Hint</summary>Divide each column of P by its diagonal entry, change the
# sign, and set the diagonal to zero.</details>


# %%
def my_ease(X, l2):
    ### BEGIN SOLUTION
    gram = X.T @ X
    P = torch.linalg.inv(gram + l2 * torch.eye(len(gram), dtype=X.dtype))
    B = -P / P.diagonal()
    return B.fill_diagonal_(0)
    ### END SOLUTION


# %%
lesson.check("3", my_ease)

# %% [markdown]
# The RBM and EASE see different things, so their scores can be added. We do that and also run
# a control. If adding *any* second model to EASE helps as much, then the gain does not belong
# to the RBM.

# %%
rated = movielens.ratings.query("rating >= 4")
often = rated.groupby("user_id")["movie_id"].transform("size") >= 5
liked = RatingMatrix.from_frame(rated[often], like_at_least=4, item_ids=ids["item_ids"])
split = evaluate.random_split(liked, 0.2, seed=0)
X = torch.as_tensor(split.train.likes().toarray(), dtype=torch.float32)

taste = RBM(split.train.n_items, 200, seed=0).initialize_from(X)
fit(
    taste,
    X,
    weight_decay=0.03,
    epochs=80,
    generator=torch.Generator().manual_seed(0),
    **common,
)
rbm = torch.logit(predict(taste, X).double(), eps=1e-12)
ease = (X @ lesson.use("3", my_ease)(X, 300.0)).double()
ials = torch.as_tensor(baselines.IALS().fit(split.train).scores()).double()
# %% tags=["slide"]
lists = {
    "popularity": X.sum(0).double().expand(len(X), -1),
    "neighbours": torch.as_tensor(baselines.ItemKNN().fit(split.train).scores()),
    "factorisation (iALS)": ials,
    "EASE": ease,
    "RBM": rbm,
    "RBM + EASE": rbm / rbm.std() + ease / ease.std(),
    "iALS + EASE": ials / ials.std() + ease / ease.std(),
}
each = {
    name: evaluate.per_user_ranking(score.numpy(), split.held_out, split.train, [10, 20])
    for name, score in lists.items()
}
beyond = {
    name: evaluate.mean_interval(table - each["EASE"]).set_index("metric").loc["NDCG@10"]
    for name, table in each.items()
}
pd.DataFrame(
    {
        "NDCG@10": {name: f"{table['NDCG@10'].mean():.3f}" for name, table in each.items()},
        "Recall@20": {
            name: f"{table['Recall@20'].mean():.3f}" for name, table in each.items()
        },
        "NDCG@10 beyond EASE": {
            name: "" if name == "EASE" else in_words(row) for name, row in beyond.items()
        },
    }
)

# %% [markdown]
# Read the last column, because all rows faced the same people. Compare *RBM + EASE* with its
# control *iALS + EASE*, and both with iALS alone. If the control gains as much, the gain is
# that of combining two models, and not the Boltzmann machine's.
#
# ## 6. Go on
#
# **Exercise 4 · Your improvement** · open · 8 minutes. Add a row to one of the two tables and
# say with a paired interval whether it helped. Some ideas:
#
# - another number of hidden units, or another decay
# - a different mixture of two models, with the share chosen on an inner split
# - six boxes, the sixth for *has rated this film, stars unknown*

# %%
changed = trained(likes, 2, weight_decay=ItemMeanDecay(0.03), n_hidden=10)  # your change
outputs["my change"] = predict(changed, likes)[..., 1].double().numpy(), None
say(
    f"Beside *two boxes, borrowing*: {in_words(lead('my change', 'two boxes, borrowing'))}."
)

# %% [markdown]
# ## What to remember
#
# - Rare films should inherit from the average film, not from zero.
# - What is known about a row goes into the scores as a covariate, computed without the rating
#   itself.
# - EASE is a fully visible Gaussian Boltzmann machine. It has what the RBM lacks and lacks
#   what the RBM has.
# - A gain needs a paired interval, and a combination needs a control.

# %%
lesson.predictions()
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. People as rows or films as rows, if new films arrive every day and people seldom?</summary>Films as rows. A new film is then a new row and needs no training.</details>
#
# <details><summary>2. Why does <i>film and person</i> gain nothing within a person?</summary>Within one person, it orders the films by their average, like the film's average does.</details>
#
# <details><summary>3. RBM + EASE is ahead of EASE. What else must you show?</summary>That another second model in its place gains less.</details>
#
# ## References
#
# - Salakhutdinov, Mnih & Hinton (2007), Restricted Boltzmann machines for collaborative filtering. [doi:10.1145/1273496.1273596](https://doi.org/10.1145/1273496.1273596)
# - Steck (2019), Embarrassingly shallow autoencoders for sparse data. [doi:10.1145/3308558.3313710](https://doi.org/10.1145/3308558.3313710)
# - Hu, Koren & Volinsky (2008), Collaborative filtering for implicit feedback datasets. [doi:10.1109/ICDM.2008.22](https://doi.org/10.1109/ICDM.2008.22)
#
# **Next:** after lesson 05, the optional lesson
# [09 · Inside the deep machine](09_inside_the_deep_machine.ipynb).
