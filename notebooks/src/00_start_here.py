# %% [markdown]
# # 00 · Start here
#
# You rate ten films, a small model tells you what else you might like, and then we open
# the model and look inside.
#
# | | |
# |---|---|
# | **You will be able to** | describe ratings and their gaps, say what the numbers in a small RBM mean, work out an energy by hand, use the exercises |
# | **You need** | Python with NumPy and a little pandas, exp and log, what a conditional probability is |
# | **Time** | 45 minutes, 15 of them for three exercises |
# | **Data** | MovieLens 100K, which is 100,000 ratings of 1,682 films by 943 people (5 MB). Without a network, an invented set of the same shape |
# | **Hardware** | any laptop, no GPU |

# %% [markdown] tags=["skip-slide"]
# ## 1. Rate ten films
#
# Let's start with the result. Run the next cells one after the other, with Shift+Enter.
# The first imports what we need, fetches the ratings, and says whether everything is in
# place.

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from rbm_lib import RBM, fit
from rbm_lib.course import Lesson, check, check_device, check_environment, plotting, say
from rbm_lib.course.rating import FilmRater, natural_title
from rbm_lib.data import RatingMatrix, load_movielens
from rbm_lib.training import linear_decay

lesson = Lesson("00_start_here")
check_environment()
check_device()
ml = lesson.data(load_movielens("100k", verbose=False))
print(ml.origin)

# %% [markdown]
# The last line says where the ratings come from. If it says *synthetic*, there was no
# network, and all people and films below are invented. The lesson works just the same, but
# its list then says nothing about you.
#
# Now we train a model. We take the 400 films with the most likes, where a like means 4 or
# 5 stars. Each person becomes a row of 400 zeros and ones. The model learns from these rows
# alone. It is told no titles, no genres and no actors. You do not have to understand this
# code yet.

# %%
likes = ml.ratings[ml.ratings.rating >= 4]
count = likes.groupby("movie_id").size().sort_values(ascending=False, kind="stable")
films = count.index[:400]
chosen = likes[likes.movie_id.isin(films)]
liked = pd.crosstab(chosen.user_id, chosen.movie_id)[films]  # a row for each person
rows = torch.tensor(liked.to_numpy(), dtype=torch.float32)

model = RBM(n_visible=400, n_hidden=50, seed=0).initialize_from(rows)
settings = {"batch_size": 50, "lr": 0.05, "schedule": linear_decay()}
settings["generator"] = torch.Generator().manual_seed(0)
history = fit(model, rows, epochs=30, weight_decay=0.01, progress=False, **settings)
print(f"The model has seen the likes of {len(rows)} people.")

# %% tags=["hide-input"]
movies = ml.movies.set_index("movie_id").loc[films]
titles = movies.title.map(natural_title)
label = "synthetic data" if ml.source == "synthetic" else "MovieLens 100K"

in_space = [film for film in films if "Sci-Fi" in movies.genres[film]]
in_love = [film for film in films if "Romance" in movies.genres[film]]
in_love = [film for film in in_love if film not in in_space]
guest = dict.fromkeys(in_space[:7], True) | dict.fromkeys(in_love[:3], False)


def as_row(ratings):
    """A person's likes as a row of the model.

    Ten films are few beside the likes of a usual row. So each counts several times, until
    the row weighs as much as a usual one.
    """
    row = torch.tensor([[float(ratings.get(film, False)) for film in films]])
    return row * rows.sum(1).mean() / row.sum().clamp(min=1)


@torch.no_grad()
def prob_like(row):
    return model.mean_v_given_h(model.prob_h_given_v(row))[0]


def recommend(ratings, n=10):
    """The n likeliest films not rated yet, each with the like that speaks for it."""
    row = as_row(ratings)
    score = prob_like(row)
    my_likes = [film for film, is_liked in ratings.items() if is_liked]
    gain = {}
    for film in my_likes:
        without = row.clone()
        without[0, films.get_loc(film)] = 0
        gain[film] = score - prob_like(without)

    new = score.clone()
    new[[films.get_loc(film) for film in ratings]] = -1
    table = []
    for place in new.argsort(descending=True)[:n].tolist():
        because = max(my_likes, key=lambda film: gain[film][place], default=None)
        reason = titles[because] if because else "(no like yet)"
        table.append((titles.iloc[place], reason))
    return pd.DataFrame(table, columns=["you might like", "because you liked"])


rater = FilmRater(titles.to_dict(), guest)

# %% [markdown]
# The cell above is folded. You can open any folded cell with a click on the three dots or
# on the blue bar beside it.
#
# Now it is your turn. Search a title or take one from the list, and press a button. By
# keyboard, Tab moves from the search box to the list and on to the buttons, the arrow keys
# choose a film, and the space bar presses. Rate at least ten films, and watch the list
# below change.

# %% tags=["slide"]
rater.show(recommend)

# %% [markdown]
# Does the list make sense? If you like, take back a rating and see what moves. A dislike
# only keeps a film off the list so far. In lesson 02 dislikes will speak as well.
#
# **In three lessons you will have built this.** In this lesson you get to know the model,
# in lesson 01 you write the code by which it learns, and in lesson 02 you train it on these
# ratings and find out how good such lists are. That last step matters, because a list that
# looks convincing proves nothing.
#
# ![The lessons as boxes, with arrows from each to those that build on it.](figures/course_map.svg)
#
# ## 2. How exercises work
#
# Each lesson has a few exercises. You replace the `...` in a function, run the cell, and
# run the check below it. The check calls your function on examples of its own and tells you
# whether it is right and, if not, what is probably wrong. It accepts PyTorch tensors, NumPy
# arrays, lists and numbers. You can try as often as you like, because your best check
# counts. If you leave an exercise open, the lesson goes on with the course's own version.
#
# Here is an example. The task is to return the share of likes in a list of stars, and the
# first answer makes a common mistake.


# %% tags=["nbval-check-output"]
def share_of_likes(stars):
    return np.mean([star > 4 for star in stars])


print(check(lesson.exercises["warm-up"], share_of_likes))


# %% tags=["nbval-check-output"]
def share_of_likes(stars):
    return np.mean([star >= 4 for star in stars])


print(check(lesson.exercises["warm-up"], share_of_likes))

# %% [markdown]
# From time to time you will also see the words **Predict first**, with a box for a guess.
# Type your guess before you run the next cell. You will learn more from a wrong guess than
# from none, and nobody else sees it.
#
# ## 3. What do ratings look like?
#
# The ratings are a table with one line for each rating. It says who rated which film, and
# with how many stars.

# %%
ml.ratings[["user_id", "movie_id", "rating"]].head(3)

# %% [markdown]
# **Predict first.** What share of all ratings are likes, that is, 4 or 5 stars?

# %%
lesson.predict("likes", "Share of likes among all ratings, in percent")

# %% tags=["hide-input"]
share = 100 * ml.ratings.rating.value_counts(normalize=True).sort_index()
like_share = share[share.index >= 4].sum()
colors = [plotting.COLORS["blue" if stars >= 4 else "orange"] for stars in share.index]
fig, ax = plt.subplots(figsize=(6, 2.8))
bars = ax.bar(share.index.astype(int), share, color=colors)
ax.bar_label(bars, fmt="%.0f %%")
ax.set(xlabel="stars", ylabel="share of ratings (%)", ylim=(0, 42))
ax.set_title(f"More likes (blue) than dislikes ({label})")
plotting.show(fig, "Bar chart of the ratings: 4 stars are most frequent, then 3, 5, 2, 1.")
lesson.reveal("likes", like_share, f"{like_share:.0f} % of all ratings are likes.")

# %% [markdown]
# People like most of what they rate, because they choose what they watch. Keep this in
# mind. A model that always says "like" is right more often than not, and it has understood
# nothing.
#
# **Predict first.** Now sort the films by how often they were rated. What share of all
# ratings belongs to the top tenth?

# %%
lesson.predict("top tenth", "Share of all ratings that the top tenth gets, in percent")

# %% tags=["hide-input"]
per_film = ml.ratings.groupby("movie_id").size().sort_values(ascending=False).to_numpy()
top = len(per_film) // 10
top_share = 100 * per_film[:top].sum() / per_film.sum()
few = 100 * np.mean(per_film < 10)
fig, ax = plt.subplots(figsize=(7, 2.8))
ax.fill_between(np.arange(len(per_film)), per_film, lw=0, color=plotting.COLORS["sky"])
ax.fill_between(np.arange(top), per_film[:top], lw=0, color=plotting.COLORS["blue"])
ax.text(top + 20, 0.6 * per_film[0], "top tenth", color=plotting.COLORS["blue"])
ax.set(xlabel="films, the most rated first", ylabel="ratings")
ax.set(xlim=(0, len(per_film)), ylim=(0, None))
ax.set_title(f"A tenth of the films gets {top_share:.0f} % of the ratings ({label})")
plotting.show(
    fig, "Ratings per film, sorted: a high peak on the left and a long flat tail."
)
answer = f"The top tenth gets {top_share:.0f} % of all ratings."
rest = f"At the other end, {few:.0f} % of the films have fewer than ten."
lesson.reveal("top tenth", top_share, f"{answer} {rest}", within=0.15)

# %% [markdown]
# So a model of ratings has to cope with films about which it knows almost nothing. The
# other difficulty shows when we lay the ratings out as a matrix, with a row for each person
# and a column for each film. Here is a part of it, drawn at random.

# %% tags=["hide-input"]
matrix = RatingMatrix.from_frame(ml.ratings, like_at_least=4)
values, observed = matrix.batch(slice(None))
rng = np.random.default_rng(0)
people = rng.choice(matrix.n_users, 60, replace=False)
columns = rng.choice(matrix.n_items, 150, replace=False)
people = people[np.argsort(-observed.sum(1).numpy()[people], kind="stable")]
columns = columns[np.argsort(-observed.sum(0).numpy()[columns], kind="stable")]
block = torch.where(observed, values + 1, 0.0).numpy()[np.ix_(people, columns)]
colors = ["white", plotting.COLORS["orange"], plotting.COLORS["blue"]]
fig, ax = plt.subplots(figsize=(8, 3.8))
ax.imshow(block, cmap=plt.matplotlib.colors.ListedColormap(colors), vmin=0, vmax=2)
ax.set(xlabel="150 films, the most rated first", ylabel="60 people, the busiest first")
ax.set(xticks=[], yticks=[])
ax.spines[["top", "right"]].set_visible(True)
ax.set_title(f"Blue: like. Orange: dislike. White: no rating ({label})")
plotting.show(fig, "A matrix of 60 people by 150 films: some blue and orange, else white.")

# %% [markdown]
# The white is the theme of this course. Nearly everything is missing, and a missing rating
# is not a dislike. Maybe the person has never heard of the film, maybe they avoid it, and
# maybe they love it and never said so.
#
# **Exercise 1 · How much is missing** · ★ · 4 minutes · 1 point.
# `ratings` is a table like the one above, with one line for each rating. Think of the matrix
# of all its people and all its films. Return the share of the matrix that is white, as a
# number between 0 and 1. No pair occurs twice.
#
# <details><summary>Hint</summary><code>ratings.user_id.nunique()</code> counts the
# different people. Ids are names and may have gaps, so do not use the largest one.</details>


# %%
def share_missing(ratings):
    """Share of (person, film) pairs without a rating."""
    ### BEGIN SOLUTION
    n_pairs = ratings.user_id.nunique() * ratings.movie_id.nunique()
    return 1 - len(ratings) / n_pairs
    ### END SOLUTION


# %%
lesson.check("1", share_missing)

# %%
share_missing = lesson.use("1", share_missing)
missing = 100 * share_missing(ml.ratings)
say(f"In our ratings, **{missing:.1f} %** of all pairs are missing ({label}).")

# %% [markdown]
# ### How to fool yourself with gaps
#
# In a program a gap needs some code, and the obvious code is 0, which is also the code for
# a dislike. What happens if we mix the two up? Suppose we want to know how well liked each
# film is. We can divide its likes by the number of people who rated it, or by the number of
# all people, who then count as dislikes.
#
# **Exercise 2 · Likes among those who rated** · ★ · 4 minutes · 1 point.
# `values` has a row for each person and a column for each film. It holds 1 for a like and 0
# everywhere else. `observed` has the same shape and says where there is a rating. Return
# for each film the share of likes **among those who rated it**. Every film has a rating.
#
# <details><summary>Hint</summary>On a tensor or an array, <code>.sum(0)</code> adds up each
# column. It also counts the <code>True</code> entries of <code>observed</code>.</details>


# %%
def like_share_of_films(values, observed):
    """Share of likes among the ratings of each film, one number per column."""
    ### BEGIN SOLUTION
    return values.sum(0) / observed.sum(0)
    ### END SOLUTION


# %%
lesson.check("2", like_share_of_films)

# %% [markdown]
# **Predict first.** We plot the share in which gaps count as dislikes against the number of
# people who rated the film. What will the plot look like?

# %%
cloud, line = "a cloud without direction", "nearly a line"
lesson.predict("gaps", "The plot will be", [cloud, line])

# %% tags=["hide-input"]
like_share_of_films = lesson.use("2", like_share_of_films)
right = 100 * np.asarray(like_share_of_films(values, observed))
wrong = 100 * values.mean(0).numpy()
n_raters = observed.sum(0).numpy()
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
for ax, x, color in zip(axes, (right, wrong), ("green", "red"), strict=True):
    ax.scatter(x, n_raters, s=8, alpha=0.35, lw=0, color=plotting.COLORS[color])
axes[0].set(xlabel="likes among those who rated (%)", ylabel="people who rated the film")
axes[1].set(xlabel="likes, gaps counted as dislikes (%)")
axes[0].set_title("Among those who rated: a cloud")
axes[1].set_title("Gaps as dislikes: nearly a line")
fig.suptitle(label, fontsize=10, fontweight="normal")
plotting.show(
    fig,
    "A point per film. Left, likes among those who rated against the number of raters: a "
    "wide cloud. Right, the share with gaps as dislikes: close to a straight line.",
)
ranks = [pd.Series(x).corr(pd.Series(n_raters), method="spearman") for x in (right, wrong)]
text = "Sorted by this score and sorted by fame, the films are in nearly the same order "
text += f"(rank correlation {ranks[1]:.2f}, against {ranks[0]:.2f} on the left)."
lesson.reveal("gaps", line, text)

# %% [markdown]
# With gaps counted as dislikes, a film's score hardly says how good the film is. It says
# how famous the film is. A film that all of its few viewers loved ends up at the bottom.
#
# But look at what our model in section 1 learned from. Its rows have a 0 for every film
# that was not liked, seen or not. This was a choice. That model answers the question *which
# films will this person come to and like?*, and for such a list fame is a fair reason. It
# would be the wrong model for the question *if they watch it, will they like it?* Lesson 02
# builds both and shows the difference in numbers. Until then, ask of every 0 what it means.
#
# ## 4. Two films and one taste
#
# What is inside the model? Let's build the smallest one there is. It has two films, A and
# B, and one hidden unit, which we will call a *taste*. Each of the three is on or off. A
# film is on if a person likes it, and the taste is on if the person has it. Nobody observes
# a taste. We only see films.
#
# The model is called a **restricted Boltzmann machine**, or RBM. *Restricted* means that
# films are connected with tastes only, never with each other. Its numbers are in this
# picture.

# %% tags=["hide-input"]
W = torch.tensor([[3.0], [2.5]])
b = torch.tensor([-1.5, -1.0])
c = torch.tensor([-2.5])


def unit(ax, x, y, text, fill):
    ax.add_patch(plt.Circle((x, y), 0.42, fc=fill, ec=plotting.INK, lw=1.4, zorder=2))
    ax.text(x, y, text, ha="center", va="center", fontsize=11, zorder=3)


fig, ax = plt.subplots(figsize=(6.4, 2.9))
for x, end in ((1.2, 0), (3.8, 1)):
    ax.plot([x, 2.5], [0.6, 2.5], color=plotting.COLORS["blue"], lw=2 * W[end, 0], zorder=1)
unit(ax, 1.2, 0.6, "A", "#DCEBF5")
unit(ax, 3.8, 0.6, "B", "#DCEBF5")
unit(ax, 2.5, 2.5, "taste", "#FBE3B0")
ax.text(1.45, 1.65, "weight 3.0", ha="right", color=plotting.COLORS["blue"])
ax.text(3.55, 1.65, "weight 2.5", ha="left", color=plotting.COLORS["blue"])
for x, y, text in ((0.6, 0.6, "bias −1.5"), (5.2, 0.6, "bias −1.0")):
    ax.text(x, y, text, ha="right", va="center", color=plotting.GREY)
ax.text(3.1, 2.5, "bias −2.5", va="center", color=plotting.GREY)
ax.set(xlim=(-0.8, 5.6), ylim=(0.05, 3.05), aspect="equal")
ax.axis("off")
ax.set_title("Two films, one taste, five numbers")
plotting.show(
    fig,
    "A taste above, connected with film A below by the weight 3.0 and with film B by 2.5. "
    "The biases are −1.5 for A, −1.0 for B and −2.5 for the taste.",
)

# %% [markdown] tags=["slide"]
# - Each film has a **bias** $b$. It says how much the film is liked in general. A has
#   $b_A = -1.5$. This is negative, because most people do not like A.
# - The taste has a bias $c$ too, which says how common the taste is. With $c = -2.5$ it is
#   rare.
# - A **weight** $W$ says how strongly a film and a taste belong together. Both are positive
#   here, so people with this taste tend to like both films.
#
# The model combines these five numbers into one, the **energy** of a state. A *state* says
# for all three units whether they are on. The rule is simple. Add the biases of all units
# that are on, add the weight of each connection whose two ends are both on, and put a minus
# in front of the sum.
#
# Let's do one by hand. Both films are liked and the taste is on, so everything counts.
#
# $$E = -(\underbrace{-1.5 - 1.0}_{\text{films}} \;\underbrace{-\,2.5}_{\text{taste}}
# \;+ \underbrace{3.0 + 2.5}_{\text{connections}}) = -0.5$$
#
# And another. A person without the taste likes A and not B. Only one unit is on, and no
# connection counts.
#
# $$E = -(-1.5) = 1.5$$
#
# The energy measures how badly a state fits the model. Weights that are satisfied lower it,
# so the first state fits better, in spite of its three negative biases. In symbols, with
# $v_i = 1$ for a film that is liked, $h_j = 1$ for a taste that is on, and 0 otherwise, the
# rule reads
#
# $$E(v, h) = -\sum_i b_i v_i - \sum_j c_j h_j - \sum_{i,j} v_i W_{ij} h_j \qquad (1)$$
#
# A unit that is off contributes nothing, because it multiplies its terms by 0.
#
# **Exercise 3 · The energy of a state** · ★★ · 7 minutes · 2 points.
# Write equation (1) for one state of any RBM. `v` holds a 0 or 1 for each film, `h` for
# each taste, and `W` has a row for each film and a column for each taste. Return a number.
# The two states above give −0.5 and 1.5, so try them first.
#
# <details><summary>Hint</summary>You can write two loops, or use <code>v @ b</code>, which
# multiplies two vectors entry by entry and adds up. The last term is
# <code>v @ W @ h</code>.</details>


# %%
def energy(v, h, W, b, c):
    """The energy of one state, equation (1)."""
    ### BEGIN SOLUTION
    return -(v @ b) - (h @ c) - (v @ W @ h)
    ### END SOLUTION


# energy(torch.tensor([1.0, 1.0]), torch.tensor([1.0]), W, b, c)

# %%
lesson.check("3", energy)

# %% [markdown]
# ## 5. From energies to probabilities
#
# A low energy should mean a high probability. The model takes $e^{-E}$ for this, which is
# always positive, and divides it by $Z$, the sum over all states, so that the probabilities
# add up to 1.
#
# $$p(v, h) = \frac{e^{-E(v, h)}}{Z}, \qquad Z = \sum_{v, h} e^{-E(v, h)} \qquad (2)$$
#
# Three units have $2^3 = 8$ states, few enough to list them all with your function.

# %% tags=["slide", "nbval-check-output"]
energy = lesson.use("3", energy)
states = [torch.tensor(state) for state in itertools.product([0.0, 1.0], repeat=3)]
table = pd.DataFrame(
    [state.int().tolist() for state in states], columns=["A", "B", "taste"]
)
table["E"] = [float(energy(state[:2], state[2:], W, b, c)) + 0.0 for state in states]
table["exp(-E)"] = np.exp(-table.E)
Z = table["exp(-E)"].sum()
table["p"] = table["exp(-E)"] / Z
print(f"Z = {Z:.2f}")
table.round(3)

# %% [markdown]
# Check the last line by hand. Its energy is −0.5, so $e^{0.5} = 1.65$, and divided by
# $Z = 4.14$ this gives a probability of .398. That is the likeliest state of all.
#
# Now we can recommend something. Somebody tells us that they like A. How likely is it that
# they like B as well? We look only at the states in which A is liked, and ask for the share
# of B among them.
#
# **Predict first.** Over all people, the probability that B is liked is .60. What is it for
# a person who likes A? Remember that A and B are not connected.

# %%
lesson.predict("B given A", "Probability that B is liked, given that A is liked")

# %%
p_B = table.p[table.B == 1].sum()
with_A, without_A = table[table.A == 1], table[table.A == 0]
given_A = with_A.p[with_A.B == 1].sum() / with_A.p.sum()
given_not_A = without_A.p[without_A.B == 1].sum() / without_A.p.sum()
print(f"p(B is liked)               {p_B:.2f}")
print(f"  given that A is liked     {given_A:.2f}")
print(f"  given that A is not liked {given_not_A:.2f}")
lesson.reveal("B given A", given_A, "Liking A raises it to .75.", within=0.1)

# %% [markdown]
# The two films are not connected directly. Knowing one still tells you about the other,
# because both are connected with the same taste. A person who likes A probably has the
# taste, and a person with the taste probably likes B. **This is all that a recommendation
# by an RBM is**, however large the model.
#
# Play with the numbers. The figure shows how likely B is for people who like A and for
# people who do not. Move one slider at a time. What does a weight of 0 mean? When does
# liking A speak *against* B?


# %% tags=["hide-input"]
def draw_B(weight_A=3.0, weight_B=2.5, taste_bias=-2.5):
    weights = torch.tensor([[weight_A], [weight_B]])
    tastes = torch.tensor([taste_bias])
    p = [float(torch.exp(-energy(s[:2], s[2:], weights, b, tastes))) for s in states]
    p = np.array(p).reshape(2, 2, 2).sum(2)  # over the taste
    given = p[:, 1] / p.sum(1)
    fig, ax = plt.subplots(figsize=(6, 1.9))
    bars = ax.barh(["A is not liked", "A is liked"], given, height=0.6)
    bars[0].set_color(plotting.COLORS["orange"])
    ax.bar_label(bars, fmt="%.2f", padding=3)
    ax.set(xlim=(0, 1), xlabel="probability that B is liked")
    lift = given[1] - given[0]
    word = "says nothing about" if abs(lift) < 0.005 else "speaks for"
    ax.set_title(f"Liking A {'speaks against' if lift <= -0.005 else word} B")
    words = f"B is liked with probability {given[1]:.2f} if A is, else {given[0]:.2f}"
    plotting.show(fig, f"{words} (weights {weight_A} and {weight_B}, bias {taste_bias}).")


draw_B()

# %%
lesson.slider(
    draw_B,
    weight_A=(-4.0, 4.0, 0.5, 3.0),
    weight_B=(-4.0, 4.0, 0.5, 2.5),
    taste_bias=(-5.0, 3.0, 0.5, -2.5),
)

# %% [markdown]
# **Open exercise · Turn both signs** · ★★ · 5 minutes · no points.
# Write down what you expect if *both* weights become negative. Then set the sliders to −3.0
# and −2.5, and the bias of the taste to 2.5. Explain what you see in two sentences. What
# does the hidden unit stand for now?
#
# <details><summary>One answer</summary>A and B still go together. The hidden unit now stands
# for <em>not</em> having the taste. When it is on, both films become less likely. When A is
# liked, it is probably off, and that makes B likelier. So the sign of a hidden unit has no
# meaning of its own, and neither has its name. We called it a taste, but the model only
# knows which films belong together.</details>
#
# ## 6. Back to your list
#
# The model of section 1 is the same thing, only larger. It has 400 films instead of two and
# 50 tastes instead of one, and so it has 400 · 50 = 20,000 weights. Nobody chose them. They
# were learned from the likes of other people. Your likes turned some of the tastes on, and
# these in turn made other films likely.
#
# Which tastes did you turn on? We compare how probable each taste is for you and for people
# on average, and show the films to which the strongest ones have the largest weights.

# %% tags=["hide-input"]
with torch.no_grad():
    mine = model.prob_h_given_v(as_row(rater.ratings))[0]
    usual = model.prob_h_given_v(rows).mean(0)
    strongest = (mine - usual).argsort(descending=True)[:3].tolist()
print("a guest's tastes" if rater.is_guest else "your tastes", f"({label})\n")
for taste in strongest:
    weights = model.W.detach()[:, taste]
    best = weights.argsort(descending=True)[:5].tolist()
    print(
        f"taste {taste}: on with probability {mine[taste]:.2f}, usually {usual[taste]:.2f}"
    )
    for place in best:
        print(f"    {weights[place]:+.1f}  {titles.iloc[place]}")

# %% [markdown]
# Do you see what the films of a taste have in common? Sometimes it is a genre, sometimes a
# decade, and sometimes nothing that has a name. All the model knows is that these films
# were liked by the same people.
#
# One thing is different, though. With three units we could list all states. With 450 units
# there are $2^{450}$ of them, more than there are atoms in the universe. So nobody can
# compute $Z$ any more, and learning needs a trick. That trick is the subject of lesson 01.
#
# ## What to remember
#
# - More than nine in ten ratings are missing. A missing rating is not a dislike, so know
#   what every 0 means.
# - An RBM gives every state an energy. Biases say what is common, weights say what belongs
#   together, and a low energy means a high probability.
# - Two films that share a taste predict each other, although they are not connected.
# - A list that looks good is not yet a good list. Lesson 02 measures it.

# %%
lesson.predictions()
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. How many states does an RBM with 4 films and 3 tastes have?</summary>
#
# $2^7 = 128$. Each further unit doubles the number.
# </details>
#
# <details><summary>2. The energy of one state is lower than that of another by 1. How much
# likelier is it?</summary>
#
# $e \approx 2.72$ times. Both are divided by the same $Z$, so it cancels.
# </details>
#
# <details><summary>3. Add 5 to the energy of every state. What happens to the
# probabilities?</summary>
#
# Nothing. Every $e^{-E}$ is multiplied by $e^{-5}$, and so is their sum $Z$.
# </details>
#
# <details><summary>4. A taste has the weight 0 to every film. What does it do?</summary>
#
# It is on or off without any effect on the films, so it cannot help to recommend anything.
# </details>
#
# ## References
#
# - R. Salakhutdinov, A. Mnih, G. Hinton (2007). Restricted Boltzmann machines for
#   collaborative filtering. *ICML*.
#   [doi:10.1145/1273496.1273596](https://doi.org/10.1145/1273496.1273596)
# - B. M. Marlin, R. S. Zemel (2009). Collaborative prediction and ranking with non-random
#   missing data. *RecSys*.
#   [doi:10.1145/1639714.1639717](https://doi.org/10.1145/1639714.1639717)
# - F. M. Harper, J. A. Konstan (2015). The MovieLens datasets: history and context. *ACM
#   TiiS* 5(4). [doi:10.1145/2827872](https://doi.org/10.1145/2827872)
#
# **Next:** [01 · Energy and contrastive divergence](01_energy_and_contrastive_divergence.ipynb),
# in which you write a model that learns, and see whether it does.
