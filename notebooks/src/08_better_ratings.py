# %% [markdown]
# # 08 · Better ratings
#
# Your RBM from lesson 02 was a little ahead of a simple rule. How far can one go? In this
# optional lesson we try three improvements. Beside each one we train a control, which is the
# same model without the improvement, so that we know what a gain is due to. Around them stand
# rivals that are hard to beat.
#
# | | |
# |---|---|
# | **You will be able to** | let rare films borrow from the others; feed a model what is known about a row; predict stars; tell by a control and a paired interval which improvement was worth it; read EASE as a Boltzmann machine |
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
from rbm_lib.recommend.covariates import RowBias
from rbm_lib.training import ItemMeanDecay, linear_decay

lesson = Lesson("08_better_ratings")
movielens = lesson.data(load_movielens("100k"))

# %% [markdown]
# ## 1. The rivals
#
# We keep the split of lesson 02 and measure AUC and log-loss on the held-out ratings again.
# Two measures are new. **Within-person AUC** is the AUC among one person's films, averaged
# over people. Knowing who is generous does not help there, because the person is always the
# same. **RMSE** is the typical error in stars. If a model expects 4.2 stars and the person
# gives 3, it is off by 1.2.
#
# The rivals know more than *film and person* did. **Neighbours** predicts a film from the 40
# most similar films that the person has rated. **Factorisation** gives each person and each
# film a short list of numbers and multiplies the two lists. **AutoRec** is a neural network
# with one hidden layer. It reads all ratings of a film and learns to give them back.
#
# The fast profile trains AutoRec and the RBMs for fewer epochs than the full one.

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

# %% tags=["hide-input"]
# For each model P(like) and, where it predicts stars, the expected level, counted from 0.
outputs = {
    "film's average": (
        baselines.ItemMean().fit(likes).scores(),
        baselines.ItemMean().fit(stars).scores(),
    ),
    "film and person": (
        baselines.LogisticBias().fit(likes).scores(),
        baselines.UserItemBias().fit(stars).scores(),
    ),
}
for name, rival in {
    "neighbours": baselines.ItemKNNRatings(),
    "factorisation": baselines.MatrixFactorization(),
    "AutoRec": baselines.AutoRec(by_item=True, epochs=lesson.pick(fast=15, full=60)),
}.items():
    probability = baselines.Calibrated(rival, like_at_least=4).fit(stars)
    outputs[name] = probability.scores(), probability.model_.scores()
rivals = list(outputs)


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
    table = table.reindex(columns=shown).rename(columns={"group AUC": "within-person AUC"})
    return table.map(lambda x: "" if np.isnan(x) else f"{x:.3f}")


# %% tags=["slide"]
compare()

# %% [markdown]
# Compare the first two rows. Knowing how generous people are raises the AUC a lot. It hardly
# changes the AUC within a person, where the order of the films is almost the same for
# everybody. Whatever comes after the second row is about taste, and the gains are small.
#
# ## 2. Rare films borrow from the others
#
# The first improvement is about films with few ratings. Weight decay pulls the weights of
# such a film to zero, so the model believes that liking it says nothing about a person. But
# any like says something about a person. So let us write the weights of a film as those of
# the *average film* plus a part of its own, and let only its own part decay. (The average
# decays too, but ten times more slowly.) A film with three ratings then behaves much like the
# average film. A film with 300 ratings goes its own way, because so many ratings are stronger
# than the decay.
#
# The control has the same decay, towards zero.
#
# > **Predict first.** Rare films should gain. What happens to the most popular ones, with
# > 150 ratings or more?

# %%
lesson.predict(
    "popular",
    "The AUC of the most popular films",
    ["falls", "does not change clearly", "rises"],
)

# %% tags=["hide-input"]
common = dict(
    batch_size=50,
    lr=0.05,
    schedule=linear_decay(),
    callbacks=[Monitor(every=1000)],
    progress=lesson.progress,
)


def train(model, data, epochs, weight_decay):
    generator = torch.Generator().manual_seed(0)
    fit(
        model,
        data,
        epochs=epochs,
        weight_decay=weight_decay,
        generator=generator,
        **common,
    )


# %%
def person_rows(weight_decay, n_hidden=30):
    """P(like) by the library's RBM, whose rows are people as in lesson 02."""
    model = RBM(likes.n_items, n_hidden, "categorical", 2, weight_std=0.05, seed=0)
    v, observed = likes.batch(slice(None))
    model.initialize_from(torch.nn.functional.one_hot(v.long(), 2), observed)
    train(model, likes, lesson.pick(fast=20, full=60), weight_decay)
    return predict(model, likes)[..., 1].double().numpy()


outputs["people as rows"] = person_rows(0.03), None
outputs["people as rows, borrowing"] = person_rows(ItemMeanDecay(0.03)), None


# %% tags=["hide-input"]
def lead(name, other, chosen=slice(None)):
    """By how much the AUC of one is above that of the other, with an interval."""
    pair = (outputs[x][0][people, columns][chosen] for x in (name, other))
    n = lesson.pick(fast=150, full=500)
    return evaluate.auc_lead(*pair, truth[chosen], people[chosen], n_bootstrap=n).loc[0]


def in_words(row):
    return f"{row['mean']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"


def verdict(row, up, level, down):
    return up if row["low"] > 0 else down if row["high"] < 0 else level


def sentence(name, other):
    """Who is ahead in AUC, with the interval of the difference."""
    row = lead(name, other)
    relation = verdict(row, "is ahead of", "cannot be told from", "is behind")
    return f"*{name}* {relation} *{other}*: {in_words(row)} in AUC."


n_ratings = likes.item_counts()[columns]  # of the film of each held-out rating
edges = [0, 10, 50, 150, np.inf]
names = ["fewer than 10", "10 to 49", "50 to 149", "150 or more"]
groups, counts = {}, {}
for name, low, high in zip(names, edges, edges[1:], strict=False):
    chosen = (n_ratings >= low) & (n_ratings < high)
    counts[name] = chosen.sum()
    if 0 < truth[chosen].sum() < counts[name]:
        groups[name] = lead("people as rows, borrowing", "people as rows", chosen)
fig, axis = plt.subplots(figsize=(7, 2.5))
for place, row in enumerate(groups.values()):
    axis.plot([row["low"], row["high"]], [place, place], color=COLORS["blue"])
    axis.plot(row["mean"], place, "o", color=COLORS["blue"])
axis.axvline(0, color="grey", lw=0.8)
axis.set_yticks(
    range(len(groups)),
    [f"{name}\n({counts[name]:,} held out)" for name in groups],
    fontsize=8.5,
)
axis.set(xlabel="gain in AUC by borrowing, 95 % interval over people")
axis.set_ylim(len(groups) - 0.5, -0.5)
axis.set_ylabel("ratings of the film")
most = max(groups, key=lambda name: groups[name]["mean"])
axis.set_title(f"Films with {most} ratings gain most")
show(
    fig,
    "Gain in AUC by number of the film's ratings: "
    + "; ".join(f"{name} {row['mean']:+.3f}" for name, row in groups.items())
    + ".",
)
popular = groups[names[-1]]
answer = verdict(popular, "rises", "does not change clearly", "falls")
lesson.reveal("popular", answer, f"It changes by {in_words(popular)}.")
say(
    sentence("people as rows, borrowing", "people as rows")
    + f" Films with fewer than 10 ratings have {counts[names[0]] / len(truth):.1%} of the "
    "held-out ratings, so a mean over all of them hides what happens to rare films."
)

# %% tags=["slide"]
compare("film and person", "people as rows", "people as rows, borrowing")

# %% [markdown] tags=["slide"]
# ## 3. Films as rows
#
# So far a row was a person, and its boxes were the films. The matrix can just as well be
# turned. Then a row is a *film*, and its boxes are the people who may have rated it.

# %% tags=["hide-input"]
shown_films = np.sort(np.argsort(-likes.item_counts(), kind="stable")[5:45:4])
v, observed = likes.batch(slice(0, 6))
excerpt = np.where(observed, v, -1)[:, shown_films]
fig, axes = plt.subplots(1, 2, figsize=(6, 3.2), width_ratios=[10, 6])
colors = plt.matplotlib.colors.ListedColormap(["#eeeeee", COLORS["orange"], COLORS["blue"]])
for axis, table, row, box in (
    (axes[0], excerpt, "a person", "films"),
    (axes[1], excerpt.T, "a film", "people"),
):
    height, width = table.shape
    axis.pcolormesh(table, cmap=colors, vmin=-1, vmax=1, edgecolors="white", lw=1.5)
    frame = plt.Rectangle((0, 1), width, 1, fill=False, lw=2.5, clip_on=False, zorder=3)
    axis.add_patch(frame)
    axis.set(xticks=[], yticks=[1.5], yticklabels=["one\nrow"], ylim=(height, 0))
    axis.set_aspect("equal", anchor="N")
    axis.set_xlabel(f"boxes: {box}")
    axis.set_title(f"A row is {row}")
show(
    fig,
    "Six people and ten films, likes in blue, dislikes in orange, gaps in grey. "
    "On the left a row is a person, on the right the same table turned, so that a row is a "
    "film.",
)

# %% [markdown]
# The picture shows the same ratings twice, with likes in blue, dislikes in orange and gaps in
# grey. The code stays the same, and one thing changes in practice. A new film is now a new
# row, which needs no training, while a new person has no boxes yet.
#
# **A covariate.** How good a film is explains a large part of its ratings. The hidden units
# would have to find this out from the row. We can simply tell the model. A known number that is added to the scores of the boxes is called a **covariate**.
# Ours is about the film's *residuals*. The residual of a rating is what it has beyond what
# this person usually gives. The covariate is the film's mean residual, shrunk towards zero
# where ratings are few.
#
# There is a trap. The rating that the model is trained on would be part of that mean. So each
# rating must be left out of its own covariate. Take a film whose residuals are .5, −.2 and
# .9, and shrink with $r = 5$. For the first rating the covariate is
# (−.2 + .9) / (2 + 5) = .10.
#
# **Exercise 1 · Leave yourself out** · ★★ · 7 minutes · 3 points. For the residuals of one
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
lesson.check("1", my_left_out)

# %% tags=["nbval-check-output"]
example = lesson.use("1", my_left_out)(torch.tensor([0.5, -0.2, 0.9]), 5.0)
print([round(float(x), 3) for x in example])

# %% [markdown]
# The library's `left_out_bias` does this for all films at once. The next cell, folded,
# compares it with your function on the first film. Then it shows how bad the trap is. It
# predicts likes from the person's box and the film's covariate alone, without hidden units,
# once with each rating inside its own covariate and once without.

# %% tags=["hide-input"]
rows = likes.T
film, person, like = rows.triples()  # of each training rating
usual = RowBias.fit(rows)  # what each person usually gives
left_out = left_out_bias(rows)
first = film == 0
residuals = torch.tensor(like[first] - usual.mean - usual.unit_bias[person[first]])
mine = lesson.use("1", my_left_out)(residuals, 5.0) / usual.spread  # to be of size one
difference = np.abs(mine.numpy() - left_out[0, person[first]]).max()
whole = usual.of_rows(rows)  # of each film, from all its training ratings


def log_losses(x):
    """Of a logistic regression on boxes and covariate: in training, and held out."""
    bias, a = multinomial_covariate(rows, x)
    losses = []
    for box, known, label in (
        (person, x[film, person], like),
        (people, whole[columns], truth),
    ):
        scores = bias[box] + torch.tensor(known)[:, None] * a
        target = torch.tensor(label).long()
        losses.append(float(torch.nn.functional.cross_entropy(scores, target)))
    return losses


inside = np.repeat(whole[:, None], rows.n_items, axis=1)
say(
    f"On the first film your function and the library's differ by {difference:.6f} at most."
    + "".join(
        f"\n\nWith the rating {where}, the log-loss is {train_loss:.3f} in training and "
        f"{test_loss:.3f} on held-out ratings."
        for where, (train_loss, test_loss) in (
            ("inside its covariate", log_losses(inside)),
            ("left out", log_losses(left_out)),
        )
    )
)

# %% [markdown]
# A model that sees its own answer looks better in training than it is. A held-out rating is
# not part of any covariate, so nothing has to be left out there.
#
# **The model.** In the row of one film, box $k$ of person $i$ gets $b_{ik} + x_i a_k$ plus
# the usual sum over the hidden units. Here $x_i$ is the film's covariate without the rating
# of person $i$. The coefficients $a$ and the biases $b$ are fitted beforehand, as in the
# last cell. Then $a$ stays as it is, and $b$ is trained on with the weights. The control
# is the same model with all $x_i = 0$.


# %%
def film_rows(ratings, weight_decay, n_hidden, epochs, covariate=True):
    """P(level) of every person and film by an RBM whose rows are films."""
    rows = ratings.T
    x = left_out_bias(rows) * covariate  # zero without it
    bias, a = multinomial_covariate(rows, x)
    offset = torch.as_tensor(x)[..., None] * a
    model = RBM(rows.n_items, n_hidden, "categorical", rows.n_levels, seed=0)
    model.visible_bias.data.copy_(bias)
    data = VisibleData(model, rows, visible_offset=offset)
    train(model, data, epochs, weight_decay)
    return predict(model, rows, visible_offset=offset).double().swapaxes(0, 1)


# %% tags=["slide"]
size = lesson.pick(fast=dict(n_hidden=100, epochs=12), full=dict(n_hidden=200, epochs=40))
for name, covariate in (("films as rows", False), ("films as rows, covariate", True)):
    p = film_rows(likes, weight_decay=0.015, covariate=covariate, **size)
    outputs[name] = p[..., 1].numpy(), None
say(
    sentence("films as rows", "people as rows, borrowing")
    + "\n\n"
    + sentence("films as rows, covariate", "films as rows")
)

# %% [markdown]
# Only the second sentence is about one change. For the first we had to choose the number of
# hidden units and the decay anew, because a film has other boxes than a person.
#
# ## 4. Stars
#
# Nothing forces us to forget the difference between four and five stars. Each person can have
# five boxes, one for each number of stars. A hidden unit then has five weights for each
# person, and the model states a probability for each number of stars.
#
# **Exercise 2 · Stars from boxes** · ★ · 6 minutes · 2 points. `p` holds the probabilities of
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
lesson.check("2", my_stars)

# %% tags=["slide"]
size = lesson.pick(fast=dict(n_hidden=50, epochs=8), full=dict(n_hidden=100, epochs=40))
p = film_rows(stars, weight_decay=0.01, **size)
expected, p_like = lesson.use("2", my_stars)(p)
five = "films as rows, five boxes"
outputs[five] = p_like.numpy(), expected.numpy() - 1  # levels are counted from 0
compare(*rivals[1:], "films as rows, covariate", five)


# %% tags=["hide-input"]
def squared_error(name):
    error = (outputs[name][1][people, columns] - levels) ** 2
    return pd.Series(error).groupby(people).mean()


best_stars = min(rivals, key=lambda name: measure(name)["RMSE"])
more = squared_error(five) - squared_error(best_stars)
row = evaluate.mean_interval(more.to_frame("more")).loc[0]
relation = verdict(row, "larger than", "not clearly different from", "smaller than")
say(
    f"The squared error of *{five}* is {relation} that of *{best_stars}*, the best rival "
    f"in stars: {in_words(row)}, averaged over people.\n\nFor likes, "
    + sentence(five, "films as rows, covariate")
)

# %% [markdown]
# **All models at once.** The next picture has the gain of each model over *film and person*.
# All models faced the same people, so the intervals of the *differences* are what to read.

# %% tags=["hide-input"]
leads = {name: lead(name, "film and person") for name in list(outputs)[2:]}
order = sorted(leads, key=lambda name: leads[name]["mean"])
controls = ["people as rows", "films as rows"]
fig, axis = plt.subplots(figsize=(7.5, 3.2))
for place, name in enumerate(order):
    row = leads[name]
    color = COLORS["orange" if name in rivals else "blue"]
    fill = "white" if name in controls else color
    axis.plot([row["low"], row["high"]], [place, place], color=color)
    axis.plot(row["mean"], place, "o", color=color, markerfacecolor=fill)
axis.axvline(0, color="grey", lw=0.8)
axis.set_yticks(range(len(order)), order)
axis.set_xlabel("AUC minus the AUC of film and person, 95 % interval over people")
axis.set_title(f"Largest gain: {order[-1]}")
show(
    fig,
    "Gains in AUC over film and person, RBMs in blue, their controls as open circles, "
    "rivals in orange: "
    + "; ".join(f"{name} {leads[name]['mean']:+.3f}" for name in order)
    + ".",
)
best = order[-1]
rival = [name for name in order if name in rivals][-1]
if best != rival:
    say(f"Beside the best rival, {sentence(best, rival)}")

# %% [markdown]
# RBMs are blue, with open circles for the two controls, and rivals are orange. Two warnings.
# We look at the best of several models, which flatters the winner a little, and one split is
# one split. `python benchmarks/movielens.py` repeats the comparison over all five splits of
# the data set and chooses the settings of every model on inner splits.

# %% [markdown] tags=["slide"]
# ## 5. EASE is a Boltzmann machine
#
# For lists of films, a rival that is hard to beat is **EASE** (Steck 2019). It predicts each
# film from all other films that a person liked, with one weight for each pair of films. Let
# $X$ be the people × films matrix of likes. EASE computes
#
# $$P = (X^\top X + \lambda I)^{-1}, \qquad B_{ij} = -\frac{P_{ij}}{P_{jj}} \ (i \ne j), \qquad B_{jj} = 0,$$
#
# and scores films by $X B$. If $P$ has the rows (2, −1) and (−1, 5), then $B_{12} = 1/5$, so
# liking film 1 adds .2 to the score of film 2. The other way round, $B_{21} = 1/2$.
#
# Lesson 01 lets us read these formulas. Think of a Boltzmann machine without hidden units.
# Its visible units are the films, coupled in pairs. They take real numbers instead of 0 and
# 1, and the energy is $E = \frac12 x^\top P x$. Which value of film $j$ is the most probable,
# given all others? It is the one with the lowest energy, where the derivative
# $\sum_i x_i P_{ij}$ by $x_j$ is zero. Solving for $x_j$ gives
#
# $$x_j = -\sum_{i \ne j} x_i \frac{P_{ij}}{P_{jj}} = \sum_i x_i B_{ij}.$$
#
# For a person whose likes $x$ are a row of $X$, this is the entry of $X B$ for film $j$. So
# EASE is a fully visible relative of the RBM. Its couplings need no training in small steps,
# because one inverse of the films' products $X^\top X$ gives them all. The number $\lambda$
# on the diagonal keeps them small.
#
# **Exercise 3 · EASE** · ★★ · 7 minutes · 3 points. Compute $B$ from the matrix `X` and the
# number `l2`, which is $\lambda$.
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
# The RBM has hidden units and no direct couplings. EASE has direct couplings and no hidden
# units. Perhaps the two see different things, so we add their scores. Again we need a
# control, which is another second model in the RBM's place. We take factorisation of likes
# (iALS). If it helps EASE as much, the gain does not belong to the RBM.

# %%
rated = movielens.ratings.query("rating >= 4")
often = rated.groupby("user_id")["movie_id"].transform("size") >= 5
liked = RatingMatrix.from_frame(rated[often], like_at_least=4, item_ids=ids["item_ids"])
split = evaluate.random_split(liked, 0.2, seed=0)
X = torch.as_tensor(split.train.likes().toarray(), dtype=torch.float32)

taste = RBM(split.train.n_items, 200, seed=0).initialize_from(X)
train(taste, X, lesson.pick(fast=25, full=80), weight_decay=0.03)
rbm = torch.logit(predict(taste, X).double(), eps=1e-12)
ease = (X @ lesson.use("3", my_ease)(X, 300.0)).double()
ials = torch.as_tensor(baselines.IALS().fit(split.train).scores()).double()

# %% tags=["hide-input", "slide"]
lists = {
    "popularity": X.sum(0).double().expand(len(X), -1),
    "EASE": ease,
    "RBM": rbm,
    "iALS": ials,
    "RBM + EASE": rbm / rbm.std() + ease / ease.std(),
    "iALS + EASE": ials / ials.std() + ease / ease.std(),
}
ndcg = {}
for name, score in lists.items():
    table = evaluate.per_user_ranking(score.numpy(), split.held_out, split.train, 10)
    ndcg[name] = table["NDCG@10"]


def beyond(name, other):
    """The mean difference in NDCG@10, with an interval over people."""
    return evaluate.mean_interval((ndcg[name] - ndcg[other]).to_frame("NDCG@10")).loc[0]


pd.DataFrame(
    {
        "NDCG@10": {name: f"{x.mean():.3f}" for name, x in ndcg.items()},
        "beyond EASE": {
            name: "" if name == "EASE" else in_words(beyond(name, "EASE")) for name in ndcg
        },
    }
)

# %% tags=["hide-input"]
gain = beyond("RBM + EASE", "EASE")
extra = beyond("RBM + EASE", "iALS + EASE")
alone = beyond("iALS", "iALS + EASE")
say(
    f"*RBM + EASE* minus *EASE*: {in_words(gain)}. "
    + verdict(gain, "The sum is ahead.", "No clear gain.", "The sum is behind.")
    + f"\n\n*RBM + EASE* minus its control *iALS + EASE*: {in_words(extra)}. "
    + verdict(
        extra,
        "So the RBM adds more than another second model does.",
        "The two cannot be told apart, so the gain is not the RBM's own.",
        "The control is ahead, so the gain is not the RBM's own.",
    )
    + f"\n\n*iALS* alone minus *iALS + EASE*: {in_words(alone)}. "
    + verdict(
        alone,
        "It needs no EASE at all.",
        "It does not clearly need EASE.",
        "It gains by EASE as well.",
    )
)

# %% [markdown]
# ## 6. Go on
#
# **Exercise 4 · Your improvement** · open · 8 minutes. Add a row to one of the two tables and
# say with a paired interval whether it helped. Some ideas:
#
# - another number of hidden units, or another decay
# - the sum of two models' log-odds, beside the better one of the two
# - borrowing for films as rows, where people with few ratings would borrow

# %%
changed = person_rows(ItemMeanDecay(0.03), n_hidden=10)  # your change
outputs["my change"] = changed, None
say(sentence("my change", "people as rows, borrowing"))

# %% [markdown]
# ## What to remember
#
# - Let rare films decay towards the average film, not towards zero. The mean over all ratings
#   hides what that does for them.
# - What is known about a row can be added to the scores as a covariate, computed without the
#   rating itself.
# - EASE is a fully visible Gaussian Boltzmann machine, computed in one step.
# - A gain needs a paired interval and a control that differs in one thing.

# %%
lesson.predictions()
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. People as rows or films as rows, if new films arrive every day and people seldom?</summary>Films as rows. A new film is then a new row and needs no training.</details>
#
# <details><summary>2. Why does <i>film and person</i> gain almost nothing within a person?</summary>Knowing how generous a person is shifts all their films together. The order of the films stays almost that of their averages.</details>
#
# <details><summary>3. RBM + EASE is ahead of EASE. What else must you show?</summary>That another second model in the RBM's place gains less.</details>

# %% tags=["remove-cell", "skip-slide"]
lesson.quiz()  # ten more questions, if you like, with reasons

# %% [markdown]
# ## References
#
# - Salakhutdinov, Mnih & Hinton (2007), Restricted Boltzmann machines for collaborative filtering. [doi:10.1145/1273496.1273596](https://doi.org/10.1145/1273496.1273596)
# - Sedhain et al. (2015), AutoRec: autoencoders meet collaborative filtering. [doi:10.1145/2740908.2742726](https://doi.org/10.1145/2740908.2742726)
# - Steck (2019), Embarrassingly shallow autoencoders for sparse data. [doi:10.1145/3308558.3313710](https://doi.org/10.1145/3308558.3313710)
# - Hu, Koren & Volinsky (2008), Collaborative filtering for implicit feedback datasets. [doi:10.1109/ICDM.2008.22](https://doi.org/10.1109/ICDM.2008.22)
#
# **Next:** after lesson 05, the optional lesson
# [09 · Inside the deep machine](09_inside_the_deep_machine.ipynb).
