# %% [markdown]
# # 08 · Better ratings
#
# In lesson 02 your RBM and a rule of two numbers, for the film and for the person, came out
# close together. How far can one go? In this optional lesson we try three ideas for ratings
# and one for lists of films. For each we also train a **control**, which is the same model
# without the idea, so that we know what a gain is due to. We also compare with rivals that
# are hard to beat.
#
# | | |
# |---|---|
# | **You will be able to** | let rare films borrow from the others; feed a model what is known about a row; predict stars; tell by a control and a paired interval which improvement was worth it; read EASE as a Boltzmann machine |
# | **You need** | lesson 02 |
# | **Time** | 60 minutes, 20 of them for three exercises and 5 for an open one; the optional end of section 5 takes 7 more |
# | **Data** | MovieLens 100K, or the synthetic stand-in |
# | **Hardware** | any laptop, no GPU |

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy.special import expit, logit

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
# over people. Knowing who is generous does not help there, because each pair of films is
# rated by one and the same person. **RMSE** is the typical error in stars.
#
# The rivals know more than *film and person*, the rule of lesson 02. **Neighbours** predicts
# a film from the 40 most similar films that the person has rated. **Factorisation** gives
# each person and each film a short list of numbers and multiplies the two lists. **AutoRec**
# is a neural network with one hidden layer, which reads all ratings of a film and learns to
# reproduce them. These three predict stars, and a logistic curve turns their stars into
# P(like).
#
# They are trained in the folded cell after the next one, which can take half a minute. All
# training here is brief. The *full profile* takes longer, see
# [Installation](../docs/installation.md).

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
    "factorisation": baselines.MatrixFactorization(sweeps=lesson.pick(fast=8, full=15)),
    "AutoRec": baselines.AutoRec(by_item=True, epochs=lesson.pick(fast=6, full=60)),
}.items():
    curve = baselines.Calibrated(rival, like_at_least=4).fit(stars)
    expected = curve.model_.scores()
    outputs[name] = expit(curve.slope_ * expected + curve.intercept_), expected
rivals = list(outputs)

# %% tags=["hide-input"]
SHOWN = {
    "AUC": "AUC ↑",
    "group AUC": "within-person AUC ↑",
    "log-loss": "log-loss ↓",
    "RMSE": "RMSE ↓",
}


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
    table = pd.DataFrame({name: measure(name) for name in names or outputs}).T
    table = table.reindex(columns=list(SHOWN)).rename(columns=SHOWN)
    return table.map(lambda x: "" if np.isnan(x) else f"{x:.3f}")


def lead(name, other, chosen=slice(None)):
    """By how much the AUC of one is above that of the other, with an interval."""
    pair = (outputs[x][0][people, columns][chosen] for x in (name, other))
    n = lesson.pick(fast=100, full=500)
    return evaluate.auc_lead(*pair, truth[chosen], people[chosen], n_bootstrap=n).loc[0]


def within(name, chosen=slice(None)):
    """The AUC among each person's films, for those with likes and dislikes held out."""
    p = outputs[name][0][people, columns]
    table = pd.DataFrame({"person": people, "like": truth, "p": p})[chosen]
    rank = table.groupby("person")["p"].rank()[table["like"]]
    liked = rank.groupby(table["person"]).agg(["sum", "count"])
    disliked = table["person"].value_counts() - liked["count"]
    pairs = liked["count"] * disliked
    return ((liked["sum"] - liked["count"] * (liked["count"] + 1) / 2) / pairs).dropna()


def lead_within(name, other, chosen=slice(None)):
    difference = within(name, chosen) - within(other, chosen)
    return evaluate.mean_interval(difference.to_frame("AUC")).loc[0]


# %% tags=["hide-input"]
def in_words(row):
    return f"{row['mean']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"


def verdict(row, up, level, down):
    return up if row["low"] > 0 else down if row["high"] < 0 else level


def sentence(name, other):
    """Who is ahead in AUC, with the interval of the difference."""
    row = lead(name, other)
    relation = verdict(row, "is ahead of", "cannot be told from", "is behind")
    return f"*{name}* {relation} *{other}*: {in_words(row)} in AUC."


def twice(name, other):
    """The same, and then within a person."""
    row = lead_within(name, other)
    relation = verdict(row, "it is ahead", "the two cannot be told apart", "it is behind")
    return f"{sentence(name, other)} Within a person {relation}: {in_words(row)}."


# %% tags=["slide"]
compare()

# %% tags=["hide-input"]
inside = lead_within("film and person", "film's average")
say(
    "Compare the first two rows. Knowing how generous people are changes the AUC by "
    f"{in_words(lead('film and person', rivals[0]))}, and the AUC within a person by "
    f"{in_words(inside)}. (The brackets are the 95 % interval of the difference over "
    "people.) "
    + verdict(
        inside,
        "The second change is a by-product, for each person's order of the films is nearly "
        "that of the averages.",
        "The second is no clear change, because each person's order of the films is nearly "
        "that of the averages.",
        "The second is no gain, because each person's order of the films is nearly that of "
        "the averages.",
    )
)

# %% [markdown]
# What counts within a person is how good each film is, and *taste*, what this person in
# particular likes. So we ask of each idea twice. Does the AUC rise, and does it rise within a
# person as well? If it only rises overall, the model knows better who is generous, and no
# better what they like.
#
# ## 2. Rare films borrow from the others
#
# The first idea is about films with few ratings. Weight decay pulls the weights of such a
# film to zero, so the model believes that liking it says nothing about a person. But whoever
# likes an obscure film is at least more generous than one who does not, and the other films
# have taught the model what a generous person looks like.
#
# So we split the weights of a film into those of the *average film* and a part of its own.
# The own part decays, and the average decays ten times more slowly. A film with three
# ratings then behaves much like the average film. With 300 ratings the data outweigh the
# decay, and the film goes its own way, with hidden units that all films share.
#
# The control has the same decay, towards zero. Both are the library's version of your model
# of lesson 02, with 30 hidden units.
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
    train(model, likes, lesson.pick(fast=15, full=60), weight_decay)
    return predict(model, likes)[..., 1].double().numpy()


outputs["people as rows"] = person_rows(0.03), None
outputs["people as rows, borrowing"] = person_rows(ItemMeanDecay(0.03)), None


# %% tags=["hide-input"]
borrowing = "people as rows, borrowing"
film_counts = likes.item_counts()
n_ratings = film_counts[columns]  # of the film of each held-out rating
edges = [0, 10, 50, 150, np.inf]
names = ["fewer than 10", "10 to 49", "50 to 149", "150 or more"]
groups, counts = {}, {}
for name, low, high in zip(names, edges, edges[1:], strict=False):
    chosen = (n_ratings >= low) & (n_ratings < high)
    counts[name] = chosen.sum()
    if 0 < truth[chosen].sum() < counts[name]:
        groups[name] = lead(borrowing, "people as rows", chosen)
fig, axis = plt.subplots(figsize=(7, 2.6))
for place, row in enumerate(groups.values()):
    axis.plot([row["low"], row["high"]], [place, place], color=COLORS["blue"])
    axis.plot(row["mean"], place, "o", color=COLORS["blue"])
    axis.annotate(
        f"{row['mean']:+.3f}".replace("-", "−"),
        (row["mean"], place),
        (0, 5),
        textcoords="offset points",
        ha="center",
        fontsize=8.5,
    )
axis.axvline(0, color="grey", lw=0.8)
axis.set_yticks(
    range(len(groups)),
    [f"{name}\n({counts[name]:,} held out)" for name in groups],
    fontsize=8.5,
)
axis.set(xlabel="gain in AUC by borrowing, 95 % interval over people")
axis.set_ylim(len(groups) - 0.5, -0.6)
axis.set_ylabel("training ratings\nof the film")
popular = groups[names[-1]]
most = max(groups, key=lambda name: groups[name]["mean"])
what = verdict(popular, "gain as well", "hardly change", "lose")
winners = "Rare films" if most in names[:2] else f"Films with {most} ratings"
axis.set_title(f"{winners} gain most, popular films {what}")
show(
    fig,
    "Gain in AUC by number of the film's ratings: "
    + "; ".join(f"{name} {row['mean']:+.3f}" for name, row in groups.items())
    + ".",
)
answer = verdict(popular, "rises", "does not change clearly", "falls")
lesson.reveal("popular", answer, f"It changes by {in_words(popular)}.")
say(
    f"Films with fewer than 10 ratings have {counts[names[0]] / len(truth):.1%} of the "
    f"held-out ratings, and those with 150 or more {counts[names[-1]] / len(truth):.0%}. A "
    "mean over all ratings shows neither what the first gain nor what becomes of the last."
)


# %% tags=["hide-input", "skip-slide"]
def moves(name):
    """By how much a person moves all popular films together, and by how much apart."""
    p = outputs[name][0][:, film_counts >= edges[-2]]
    log_odds = logit(p.clip(1e-6, 1 - 1e-6))
    log_odds = log_odds - log_odds.mean(0)
    together = log_odds.mean(1, keepdims=True)
    return together.std(), (log_odds - together).std()


who, which, like = likes.triples()
n_likes = np.bincount(who, like, likes.n_users)
other_likes = (n_likes[who] - like) / np.maximum(likes.user_counts()[who] - 1, 1)
rare = film_counts[which] < edges[1]
fans, others = (other_likes[rare & (like == x)].mean() for x in (1, 0))
change = lead_within(borrowing, "people as rows", n_ratings >= edges[-2])
(before, own_before), (after, own_after) = moves("people as rows"), moves(borrowing)
shift = (
    f"The model moves a person's popular films together by {after:.2f} in log-odds with "
    f"borrowing (a standard deviation over people) and {before:.2f} without, and apart "
    f"from each other by {own_after:.2f} and {own_before:.2f}."
)
say(
    f"**Rare films.** People who like a film with fewer than 10 ratings like {fans:.0%} of "
    f"their other films, and people who dislike one {others:.0%}. "
    + (
        "So a single rating does tell who is generous."
        if fans > others
        else "So here one rating tells nothing about who is generous."
    )
    + f"\n\n**Popular films.** Within a person, their AUC changes by {in_words(change)}. "
    + verdict(
        change,
        "So a person's popular films come in a better order. ",
        "That is no clear change in the order of a person's popular films. ",
        "So a person's popular films come in a worse order. ",
    )
    + shift
    + (
        " So the part that all films share, which tells who is generous, has grown at the "
        "expense of what each film says by itself. Rare films had little to say by "
        "themselves, and popular films a lot."
        if after > before and own_after < own_before
        else ""
    )
)

# %% tags=["slide"]
compare("film and person", "people as rows", "people as rows, borrowing")

# %% tags=["hide-input"]
say(
    twice("people as rows", "film and person")
    + "\n\n"
    + twice(borrowing, "people as rows")
    + verdict(
        lead_within(borrowing, "people as rows"),
        " So borrowing improves the order of a person's films.",
        " Over all films, borrowing does not clearly change the order of a person's films.",
        " So borrowing spoils the order of a person's films.",
    )
)

# %% [markdown] tags=["slide"]
# ## 3. Films as rows
#
# So far a row was a person, and its boxes were the films. The matrix can just as well be
# turned. Then a row is a *film*, and its boxes are the people who may have rated it. Likes
# are blue, dislikes orange and gaps grey.

# %% tags=["hide-input"]
shown_films = np.sort(np.argsort(-likes.item_counts(), kind="stable")[5:45:4])
v, observed = likes.batch(slice(0, 6))
excerpt = np.where(observed, v, -1)[:, shown_films]
fig, axes = plt.subplots(1, 2, figsize=(6, 3.2), width_ratios=[10, 6])
colors = plt.matplotlib.colors.ListedColormap(["#eeeeee", COLORS["orange"], COLORS["blue"]])
frame = dict(fill=False, lw=2.5, clip_on=False, zorder=3)
for axis, table, row, box in (
    (axes[0], excerpt, "a person", "films"),
    (axes[1], excerpt.T, "a film", "people"),
):
    height, width = table.shape
    axis.pcolormesh(table, cmap=colors, vmin=-1, vmax=1, edgecolors="white", lw=1.5)
    axis.set(xticks=[], yticks=[1.5], yticklabels=["one\nrow"], ylim=(height, 0))
    axis.set_aspect("equal", anchor="N")
    axis.set_xlabel(f"boxes: {box}")
    axis.set_title(f"A row is {row}")
n_people, n_films = excerpt.shape
film = dict(edgecolor=COLORS["green"], linestyle="--", **frame)
axes[0].add_patch(plt.Rectangle((0, 1), n_films, 1, edgecolor="black", **frame))
axes[0].add_patch(plt.Rectangle((1, 0), 1, n_people, **film))
axes[1].add_patch(plt.Rectangle((0, 1), n_people, 1, **film))
show(
    fig,
    "Six people and ten films, likes in blue, dislikes in orange, gaps in grey. "
    "On the left a row is a person, on the right the same table turned, so that a row is a "
    "film. The dashed column on the left is the dashed row on the right.",
)

# %% [markdown]
# The dashed column has become the dashed row. The code stays the same, and one thing changes
# in practice. A new film is now a new row, which needs no training, while a new person has no
# boxes yet.
#
# **A covariate.** How good a film is explains a large part of its ratings. The hidden units
# would have to find this out from the row, but we can simply tell the model. A generous crowd
# would make any film look good, so we first subtract from each rating what this person
# usually gives. What is left is the **residual** of the rating. We take the film's mean
# residual and shrink it towards zero where ratings are few. A known number of a row, which is
# multiplied by a coefficient for each box and added to its score, is called a **covariate**.
#
# There is a trap. When the model learns to predict a rating, that rating is already part of
# the mean it is given. So each rating must be left out of its own covariate. Take a film
# whose residuals are .5, −.2 and .9, and shrink with $r = 5$, which acts like five more
# ratings with a residual of 0. For the first rating the covariate is
# (−.2 + .9) / (2 + 5) = .10.
#
# **Exercise 1 · Leave yourself out** · ★★ · 6 minutes · 3 points. `residuals` is a tensor
# with one number for each rating of a film. Return the covariate of each rating, which is the
# sum of the *other* residuals divided by the number of the others plus `r`.
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
# The next cell calls your function for every film and compares it with the library's
# `left_out_bias`. Then it looks at the trap. A small model without hidden units predicts
# likes from the biases of the boxes and the covariate, once with each rating inside its own
# covariate and once with it left out.

# %% tags=["hide-input"]
rows = likes.T
film, person, like = rows.triples()  # of each training rating
usual = RowBias.fit(rows)  # what each person usually gives
residuals = torch.tensor(like - usual.mean - usual.unit_bias[person])
library = left_out_bias(rows)
covariate = library.copy()
left_out = lesson.use("1", my_left_out)
for i in np.unique(film):
    mine = left_out(residuals[film == i], 5.0)
    covariate[i, person[film == i]] = mine.numpy() / usual.spread  # to be of size one
whole = usual.of_rows(rows)  # of each film, from all its training ratings
inside = np.repeat(whole[:, None], rows.n_items, axis=1)


def log_losses(x):
    """Of a logistic regression on boxes and covariate: in training, and held out."""
    bias, a = multinomial_covariate(rows, x)
    losses = {}
    for name, box, known, label, count in (
        ("training", person, x[film, person], like, film_counts[film]),
        ("held out", people, whole[columns], truth, n_ratings),
    ):
        scores = bias[box] + torch.tensor(known)[:, None] * a
        target = torch.tensor(label).long()
        loss = torch.nn.functional.cross_entropy(scores, target, reduction="none").numpy()
        losses[name] = loss.mean()
        losses[f"{name}, rare films"] = loss[count < edges[1]].mean()
    return losses


trap = pd.DataFrame({"inside": log_losses(inside), "left out": log_losses(covariate)})
trap["difference"] = trap["left out"] - trap["inside"]
off = trap["difference"]
say(
    f"On all {len(np.unique(film)):,} films your function and the library's differ by "
    f"{np.abs(covariate - library).max():.6f} at most, so the next model gets your numbers."
    f"\n\nWith the rating inside, the log-loss in training is lower by {off.iloc[0]:.3f}, "
    f"and for films with fewer than 10 ratings by {off.iloc[1]:.3f}. On held-out ratings "
    f"it differs by {abs(off.iloc[2]):.4f}. "
    + (
        "So for this small model the trap spoils the number that you watch in training, "
        "and hardly anything else. It flatters most where there is least to know."
        if abs(off.iloc[2]) < 0.002
        else "So the trap spoils more than the number that you watch in training."
    )
)
trap.map(lambda x: f"{x:.4f}")

# %% [markdown]
# **The model.** In the row of one film, box $k$ of person $i$ gets $b_{ik} + m_i a_k$ plus
# the usual sum over the hidden units. Here $m_i$ is the film's covariate without the rating
# of person $i$. The coefficient $a_k$ is one number for likes and one for dislikes, because a
# good film raises the one and lowers the other, for all people alike. Both $a$ and the biases
# $b$ are fitted beforehand, as in the last cell. During training $a$ is fixed, and $b$ keeps
# learning along with the weights. The control is the same model with all $m_i = 0$. Training
# the two takes up to half a minute.


# %%
def film_rows(ratings, weight_decay, n_hidden, epochs, covariate=None):
    """P(level) of every person and film by an RBM whose rows are films."""
    rows = ratings.T
    m = left_out_bias(rows) if covariate is None else covariate
    bias, a = multinomial_covariate(rows, m)
    offset = torch.as_tensor(m)[..., None] * a
    model = RBM(rows.n_items, n_hidden, "categorical", rows.n_levels, seed=0)
    model.visible_bias.data.copy_(bias)
    data = VisibleData(model, rows, visible_offset=offset)
    train(model, data, epochs, weight_decay)
    return predict(model, rows, visible_offset=offset).double().swapaxes(0, 1)


# %% tags=["slide"]
size = lesson.pick(fast=dict(n_hidden=60, epochs=10), full=dict(n_hidden=200, epochs=40))
control, with_covariate = "films as rows", "films as rows, covariate"
for name, m in ((control, 0 * covariate), (with_covariate, covariate)):
    p = film_rows(likes, weight_decay=0.015, covariate=m, **size)
    outputs[name] = p[..., 1].numpy(), None
say(
    twice(with_covariate, control)
    + "\n\n"
    + twice(control, borrowing)
    + " This second comparison is not about one change, because a film has other boxes "
    "than a person, and the number of hidden units and the decay are others as well."
)

# %% [markdown]
# ## 4. Stars
#
# Nothing forces us to forget the difference between four and five stars. Each person can have
# five boxes, one for each number of stars. A hidden unit then has five weights for each
# person, and the model states a probability for each number of stars.
#
# **Exercise 2 · Stars from boxes** · ★ · 5 minutes · 2 points. The last dimension of `p`
# holds the probabilities of one to five stars. Before it there can be one dimension or two.
# Return the expected number of stars, and the probability of a like (four or five stars).
#
# <details><summary>Hint</summary>The expected number is the sum of stars times probability,
# so one star with .5 and five stars with .5 make three. <code>p[..., 3:]</code> takes the
# boxes from the fourth on, however many dimensions there are.</details>


# %%
def my_stars(p):
    ### BEGIN SOLUTION
    expected = (p * torch.arange(1, 6)).sum(-1)
    return expected, p[..., 3:].sum(-1)
    ### END SOLUTION


# %%
lesson.check("2", my_stars)

# %% [markdown]
# > **Predict first.** Where will five boxes come out beside the best rival, in RMSE? The cell
# > after the question takes up to half a minute.

# %%
lesson.predict(
    "stars",
    "Beside the best rival in stars, five boxes come out",
    ["ahead", "about level", "behind"],
)

# %% tags=["slide"]
size = lesson.pick(fast=dict(n_hidden=40, epochs=6), full=dict(n_hidden=100, epochs=40))
p = film_rows(stars, weight_decay=0.01, **size)
expected, p_like = lesson.use("2", my_stars)(p)
five = "films as rows, five boxes"
outputs[five] = p_like.numpy(), expected.numpy() - 1  # levels are counted from 0

alike = "films as rows, two boxes alike"  # the control
p = film_rows(likes, weight_decay=0.01, covariate=covariate, **size)
outputs[alike] = p[..., 1].numpy(), None
compare(*rivals[1:], alike, five)


# %% tags=["hide-input", "skip-slide"]
def squared_error(name):
    """Of each person, scaled so that the mean over people is that over ratings."""
    error = (outputs[name][1][people, columns] - levels) ** 2
    return pd.Series(error).groupby(people).sum() * len(np.unique(people)) / len(people)


best_stars = min(rivals, key=lambda name: measure(name)["RMSE"])
more = squared_error(five) - squared_error(best_stars)
row = evaluate.mean_interval(more.to_frame("more")).loc[0]
relation = verdict(row, "larger than", "not clearly different from", "smaller than")
lesson.reveal(
    "stars",
    verdict(row, "behind", "about level", "ahead"),
    f"The mean squared error of *{five}* is {relation} that of *{best_stars}*, the best "
    f"rival in stars: {in_words(row)}.",
)
say(
    verdict(
        row,
        "**In stars, five boxes did not pay here.** A hidden unit has five weights for "
        "each person in place of two, which is more to learn, and these "
        f"{size['n_hidden']} units were trained for {size['epochs']} epochs.",
        "**In stars, five boxes keep up with the best rival**, and they state a "
        "probability for each number of stars, which the rivals do not.",
        "**In stars, five boxes are the best model here**, and they state a probability "
        "for each number of stars, which the rivals do not.",
    )
    + f"\n\n**For likes**, {twice(five, alike)} "
    + verdict(
        lead(five, alike),
        "So the finer scale helps them, too.",
        "So the finer scale neither clearly helps nor harms them.",
        "So the finer scale costs them a little.",
    )
)

# %% [markdown]
# <details><summary>What longer training makes of the five boxes</summary>
#
# In the full profile, with 100 hidden units and 40 epochs, their RMSE is .917, and that of
# AutoRec .923.
# </details>
#
# **All models at once.** The next picture has the gain of each model over *film and person*.
# All models were tested on the same people, so look at the intervals of the differences, not
# at the AUCs one by one.

# %% tags=["hide-input"]
leads = {name: lead(name, "film and person") for name in list(outputs)[2:]}
order = sorted(leads, key=lambda name: leads[name]["mean"])
kinds = {"RBM": ("blue", "blue"), "control": ("blue", None), "rival": ("orange",) * 2}
controls = ["people as rows", control, alike]
fig, axis = plt.subplots(figsize=(7.5, 3.4))
for place, name in enumerate(order):
    row = leads[name]
    kind = "rival" if name in rivals else "control" if name in controls else "RBM"
    color, fill = (COLORS.get(x, "white") for x in kinds[kind])
    axis.plot([row["low"], row["high"]], [place, place], color=color)
    axis.plot(row["mean"], place, "o", color=color, markerfacecolor=fill)
for kind, colors_of in kinds.items():
    color, fill = (COLORS.get(x, "white") for x in colors_of)
    axis.plot([], [], "o", color=color, markerfacecolor=fill, label=kind)
axis.legend(loc="lower right")
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
best = [name for name in order if name not in rivals][-1]
rival = [name for name in order if name in rivals][-1]
say(f"The best RBM beside the best rival: {twice(best, rival)}")

# %% [markdown]
# And what did each step bring, in AUC and within a person?

# %% tags=["hide-input", "slide"]
steps = {
    "people as rows": ("people as rows", "film and person"),
    "borrowing": (borrowing, "people as rows"),
    "films as rows": (control, "film and person"),
    "the covariate": (with_covariate, control),
    "five boxes": (five, alike),
}
gains = {step: (lead(*pair), lead_within(*pair)) for step, pair in steps.items()}
taste = [step for step, (_, row) in gains.items() if row["low"] > 0]
only_people = [
    step for step, (row, inner) in gains.items() if row["low"] > 0 and inner["low"] <= 0
]
say(
    "Clearly ahead within a person: "
    + (", ".join(f"*{step}*" for step in taste) or "none of them")
    + "."
    + (
        " Ahead in AUC, and not clearly within a person: "
        + ", ".join(f"*{step}*" for step in only_people)
        + ". Such a gain may be no more than knowing better who is generous."
        if only_people
        else ""
    )
)
pd.DataFrame(
    {
        step: {
            "beside": pair[1],
            "AUC": in_words(gains[step][0]),
            "within-person AUC": in_words(gains[step][1]),
        }
        for step, pair in steps.items()
    }
).T

# %% [markdown]
# A gain within a person still has two possible sources, as section 1 said. The covariate of
# a film is nearly the same for everybody, so what it adds to its control is first of all
# how good the film is. *Film and person* knows that, too. What a model gains within a
# person beyond *film and person* is taste.
#
# <details><summary>Two warnings</summary>We look at the best of several models, which flatters
# the winner a little, and one split is one split. <code>python -m benchmarks.movielens</code>
# repeats the comparison over all five splits of the data set and chooses the settings of
# every model on inner splits.</details>

# %% [markdown] tags=["slide"]
# ## 5. EASE is a Boltzmann machine
#
# We are back at the question *what next?* of lesson 02, where a gap counts as 0. There, a
# rival that is hard to beat is **EASE** (Steck 2019). It predicts each film from all other
# films that a person liked, with one weight for each film $i$ and each other film $j$. Let
# $X$ be the people × films matrix of likes. EASE computes
#
# $$P = (X^\top X + \lambda I)^{-1}, \qquad B_{ij} = -\frac{P_{ij}}{P_{jj}} \ (i \ne j), \qquad B_{jj} = 0,$$
#
# and scores films by $X B$. If $P$ has the rows (2, −1) and (−1, 5), then $B_{12} = 1/5$, so
# liking film 1 adds .2 to the score of film 2. The other way round, $B_{21} = 1/2$. So $P$ is
# symmetric and $B$ is not, because each column is divided by its own diagonal entry.
#
# **Exercise 3 · EASE** · ★★ · 9 minutes · 3 points. Compute $B$ from the matrix `X` and the
# number `l2`, which is $\lambda$. Column $j$ is divided by $P_{jj}$. You can use
# `torch.linalg.inv`, `torch.eye`, `.diagonal()` and `.fill_diagonal_(0)`.
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

# %% [markdown] tags=["slide"]
# To read EASE's formulas, think of a Boltzmann machine without hidden units. Its visible units
# are the films, and $P$ couples them in pairs. They take real numbers instead of 0 and 1, and
# the energy is $E = \frac12 x^\top P x$, without biases. Such a machine is called
# **Gaussian**. Which value of film $j$ is the most probable, given all others? It is the one
# with the lowest energy, where the derivative $\sum_i x_i P_{ij}$ by $x_j$ is zero. Solving
# for $x_j$ gives
#
# $$x_j = -\sum_{i \ne j} x_i \frac{P_{ij}}{P_{jj}} = \sum_i x_i B_{ij}.$$
#
# For a person whose likes $x$ are a row of $X$, this is the entry of $X B$ for film $j$. So
# EASE is a fully visible relative of the RBM.
#
# And why this $P$? Column $j$ of $B$ is the **ridge regression** of film $j$ on the other
# films, which is the least-squares solution with $\lambda$ times the sum of squared weights
# as a penalty. One inverse gives all columns at once.

# %% [markdown]
# **Optional: do the two add up?** *Seven minutes more.* EASE has no hidden units, and the
# RBM of lesson 02 for *what next?* no direct couplings. Perhaps the two see different
# things. So we add their scores, each divided by its standard deviation, and measure
# NDCG@10 as in lesson 02, on a random fifth of the likes. As a control, another second
# model takes the RBM's place, a factorisation of likes called **iALS**. If it helps EASE
# just as much, the gain is not due to the RBM.
#
# > **Predict first.** What does adding the RBM do to the lists of EASE? The cell after the
# > question takes up to half a minute.

# %%
lesson.predict(
    "sum",
    "With the RBM added, the NDCG@10 of EASE",
    ["falls", "does not change clearly", "rises"],
)

# %%
rated = movielens.ratings.query("rating >= 4")
often = rated.groupby("user_id")["movie_id"].transform("size") >= 5
liked = RatingMatrix.from_frame(rated[often], like_at_least=4, item_ids=ids["item_ids"])
split = evaluate.random_split(liked, 0.2, seed=0)
X = torch.as_tensor(split.train.likes().toarray(), dtype=torch.float32)

n_hidden, epochs, sweeps = lesson.pick(fast=(100, 20, 6), full=(200, 80, 15))
taste = RBM(split.train.n_items, n_hidden, seed=0).initialize_from(X)
train(taste, X, epochs, weight_decay=0.03)
rbm = torch.logit(predict(taste, X).double(), eps=1e-12)
ease = (X @ lesson.use("3", my_ease)(X, 300.0)).double()  # the library's default l2
ials = torch.as_tensor(baselines.IALS(sweeps=sweeps).fit(split.train).scores()).double()

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
        "NDCG@10 ↑": {name: f"{x.mean():.3f}" for name, x in ndcg.items()},
        "beyond EASE": {
            name: "" if name == "EASE" else in_words(beyond(name, "EASE")) for name in ndcg
        },
    }
)

# %% tags=["hide-input"]
gain = beyond("RBM + EASE", "EASE")
extra = beyond("RBM + EASE", "iALS + EASE")
other_gain = beyond("iALS + EASE", "EASE")
alone = beyond("iALS", "iALS + EASE")
top = max(ndcg, key=lambda name: ndcg[name].mean())
lesson.reveal(
    "sum",
    verdict(gain, "rises", "does not change clearly", "falls"),
    f"*RBM + EASE* minus *EASE*: {in_words(gain)}.",
)
if gain["low"] > 0:
    brought = "So the RBM adds something to EASE. " + verdict(
        extra,
        "It adds more than the control does, so the gain is its own",
        "But the control adds as much, so the gain is not the RBM's own",
        "But the control adds more, so the gain is not the RBM's own",
    )
else:
    brought = "So we cannot see that the RBM knows anything that EASE does not. " + verdict(
        other_gain,
        "A second model can help, for the control gains",
        "Nor does the control clearly gain",
        "The control loses, too",
    )
say(
    f"{brought} (*iALS + EASE* minus *EASE*: {in_words(other_gain)}, and *RBM + EASE* "
    f"minus *iALS + EASE*: {in_words(extra)}).\n\n"
    f"The highest mean in the table is that of *{top}*. *iALS* alone minus *iALS + EASE* "
    f"is {in_words(alone)}. "
    + verdict(
        alone,
        "So iALS does better without EASE.",
        "So iALS does not clearly need EASE.",
        "So EASE adds something to iALS.",
    )
)

# %% [markdown]
# ## 6. Go on
#
# **Exercise 4 · Your improvement** · open · 5 minutes. Change the number of hidden units or
# the decay in the next cell, guess first, and say with the paired interval whether it helped.
#
# <details><summary>Two larger ideas, with their code</summary>
#
# - The sum of two models' log-odds, beside the better one of the two:
#   `expit((logit(outputs[best][0]) + logit(outputs["neighbours"][0])) / 2)`
# - Borrowing for films as rows, so that people with few ratings borrow:
#   `film_rows(likes, ItemMeanDecay(0.015), 60, 10, covariate)[..., 1].numpy()`
# </details>

# %%
changed = person_rows(ItemMeanDecay(0.03), n_hidden=10)  # your change
outputs["my change"] = changed, None
say(twice("my change", "people as rows, borrowing"))

# %% [markdown]
# ## What to remember
#
# - Let rare films decay towards the average film, not towards zero. A mean over all ratings
#   hides what that does for them, and what popular films may pay for it.
# - What is known about a row can be added to the scores as a covariate, computed without the
#   rating itself.
# - EASE is a fully visible Gaussian Boltzmann machine, computed in one step.
# - A gain needs a paired interval and a control that differs in one thing. Ask whether it is
#   there within a person as well.

# %%
lesson.predictions()
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. A model is ahead in AUC, and not within a person. What has it learned?</summary>Who is generous. All films of a person move together, so their order stays as it was.</details>
#
# <details><summary>2. Suppose RBM + EASE were ahead of EASE. What else must you show?</summary>That another second model in the RBM's place gains less.</details>

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
