# %% [markdown]
# # 00 · Start here
#
# You rate ten films, a small model tells you what else you might like, and then we open
# the model and look inside.
#
# | | |
# |---|---|
# | **You will be able to** | say what is missing in ratings and what the numbers in a small RBM mean, work out an energy by hand, use the exercises |
# | **You need** | Python with a little pandas and with PyTorch or NumPy, products of vectors and matrices, exp, what a conditional probability is |
# | **Time** | 45 minutes, 9 of them for two exercises. What is marked *extra* takes 15 more |
# | **Data** | MovieLens 100K, which is 100,000 ratings of 1,682 films by 943 people (5 MB). Without a network, an invented set of the same shape |
# | **Hardware** | any laptop, no GPU |

# %% [markdown] tags=["skip-slide"]
# ## 1. Rate ten films
#
# Let's start with the result. Run the next cells one after the other, with Shift+Enter.
# The first imports what we need, fetches the ratings, and says whether everything is in
# place. This one and the next
# code cell may each take half a minute.

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from rbm_lib import RBM, fit
from rbm_lib.course import Lesson, check_device, check_environment, plotting
from rbm_lib.course.playground import playground
from rbm_lib.course.rating import FilmRater, natural_title
from rbm_lib.data import RatingMatrix, load_movielens
from rbm_lib.training import linear_decay

lesson = Lesson("00_start_here")
check_environment()
check_device()
ml = lesson.data(load_movielens("100k", verbose=False))
print(ml.origin)

# %% [markdown]
# If the last line says *synthetic*, there was no network, and all people and films below are
# invented. The lesson works just the same, but its list then says nothing about you.
#
# Now we train a model. We take the 400 films with the most likes, where a *like* means 4 or
# 5 stars. Each person becomes a row of 400 zeros and ones, with a 1 for a like. People who
# like none of these films are left out. The model learns from the rows alone. It is told no
# titles, no genres and no actors. You do not have to understand this code yet.

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
print(f"{len(rows)} people, who like {rows.sum(1).mean():.0f} of these films on average.")

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
# Now it is your turn. Search a title or take one from the list, and press a button (Tab and
# the space bar work too). Rate at least ten films, and watch the list below change.

# %% tags=["slide"]
rater.show(recommend)

# %% [markdown]
# Does the list make sense? The right column names the like without which the film's
# probability would fall most. Take back a rating and see what moves. For now, a dislike only
# removes that film from the list, because the model's rows hold likes alone.
#
# We helped the model a little. Your likes are few, so each counts several times, until your
# row adds up to as much as a usual one. Otherwise the model would hardly hear you over its
# general idea of a popular film.
#
# **In three lessons you will have built this.** In this lesson you get to know the model,
# in lesson 01 you write the code by which it learns, and in lesson 02 you train it on these
# ratings and find out how good such lists are.
#
# ## 2. How exercises work
#
# Each lesson has a few exercises. You replace the `...` in a function, run the cell, and
# run the check below it. The check calls your function on examples of its own and tells you
# whether it is right and, if not, what is probably wrong. (What your function prints does
# not show there. Call it yourself to see it.) Only your best attempt counts. Where your
# latest version is not right, the lesson goes on with the course's own.
#
# From time to time you will also see the words **Predict first**, with a box for a guess.
# Type your guess before you run the next cell. It stays on your machine.
#
# ## 3. What do ratings look like?
#
# The table of ratings says who rated which film, and with how many stars. We call 4 or 5
# stars a like and everything else a *dislike*.

# %%
share = (ml.ratings.rating >= 4).mean()
print(f"{share:.0%} of the ratings are likes. The first three lines:")
ml.ratings[["user_id", "movie_id", "rating"]].head(3)

# %% [markdown]
# Now let's lay the ratings out as a matrix, with a row for each person and a column for
# each film. Here is a part of it, drawn at random.

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
# White means that the rating is missing, and a missing rating is not a dislike. Maybe the
# person has never heard of the film, maybe they avoid it, and maybe they love it and never
# said so.
#
# **Predict first.** What share of the whole matrix is white?

# %%
lesson.predict("white", "Share of the matrix that is white, in percent")

# %% [markdown]
# **Exercise 1 · How much is missing** · ★ · 3 minutes · 1 point.
# `ratings` is a table like the one above, with one line for each rating. Think of the matrix
# of all people and all films that occur in it. Return the share of the matrix that is
# white, as a number between 0 and 1. No pair occurs twice.
#
# <details><summary>Hint</summary><code>ratings.user_id.nunique()</code> counts the
# different people. Ids are labels, and some numbers are unused, so do not use the largest
# one.</details>


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
text = f"In our ratings, **{missing:.1f} %** of all pairs are missing ({label})."
lesson.reveal("white", missing, text, within=0.05)

# %% [markdown]
# Look back at what our model learned from. Its rows have a 0 for every film that was not
# liked, seen or not. This was a choice. It suits the question *which films will this person
# come to and like?* It does not suit the question *if they watch it, will they like it?*
# Lesson 02 builds a model for each. Until then, ask of every 0 what it means.
#
# ## 4. Two films and one taste
#
# What is inside the model? Let's build the smallest one there is. It has three *units*, each
# of which is on or off. Two of them are the films A and B. A film is on if a person likes
# it. Here, too, off means *not liked*, seen or not. The third unit is a *taste*, which is on
# if the person has it. Tastes are never observed, only likes are, and so the taste is
# called a **hidden unit**.
#
# The model is called a **restricted Boltzmann machine**, or RBM. *Restricted* means that
# films are connected with tastes only, never with each other. The picture shows its five
# numbers.

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
unit(ax, 1.2, 0.6, "film A", "#DCEBF5")
unit(ax, 3.8, 0.6, "film B", "#DCEBF5")
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
# - A **bias** says how much a unit tends to be on *by itself*, before the connections have
#   their say. The films' biases are called $b$, the taste's $c$. All three are negative
#   here, so each unit by itself tends to be off.
# - A **weight** $W$ says how strongly a film and a taste belong together. Both are positive
#   here, so people who have the taste tend to like A and B.
#
# The model combines these five numbers into one, the **energy** of a state. A *state* says
# for all three units whether they are on. The rule is simple. Add the biases of all units
# that are on, add the weight of each connection whose two ends are both on, and put a minus
# in front of the sum.
#
# Let's do one by hand. All three units are on, so everything counts.
#
# $$E = -(\underbrace{-1.5 - 1.0}_{\text{films}} \;\underbrace{-\,2.5}_{\text{taste}}
# \;+ \underbrace{3.0 + 2.5}_{\text{connections}}) = -0.5$$
#
# And another. A person without the taste likes A and not B. Only A is on, so no connection
# counts. Run the cell to see both.

# %% tags=["nbval-check-output"]
everything = -1.5 - 1.0 - 2.5 + 3.0 + 2.5
only_A = -1.5
print("E with everything on: ", -everything)
print("E with only film A on:", -only_A)

# %% [markdown] tags=["slide"]
# The lower its energy, the better a state fits. Each positive weight with both ends on
# lowers it, and so the first state fits better, in spite of its three negative biases.
#
# In symbols, $v_i$ is 1 if film $i$ is on and 0 if it is off, and $h_j$ is the same for
# taste $j$. Then the rule reads
#
# $$E(v, h) = -\sum_i b_i v_i - \sum_j c_j h_j - \sum_{i,j} v_i W_{ij} h_j \qquad (1)$$
#
# A unit that is off contributes nothing, because it multiplies its terms by 0.
#
# **Exercise 2 · The energy of a state** · ★★ · 6 minutes · 2 points.
# Write equation (1) for one state of any RBM. `v` holds a 0 or 1 for each film, `h` for
# each taste, and `W` has a row for each film and a column for each taste. All are tensors
# of floats. Return a number. The cell also calls your function for the two states above.
#
# <details><summary>Hint</summary>You can write loops. Or use <code>v @ b</code>, which
# multiplies two vectors entry by entry and adds up. Then look for a product of all three,
# <code>v</code>, <code>W</code> and <code>h</code>, for the last term.</details>


# %%
def energy(v, h, W, b, c):
    """The energy of one state, equation (1)."""
    ### BEGIN SOLUTION
    return -(v @ b) - (h @ c) - (v @ W @ h)
    ### END SOLUTION


print(energy(torch.tensor([1.0, 1.0]), torch.tensor([1.0]), W, b, c))  # should be -0.5
print(energy(torch.tensor([1.0, 0.0]), torch.tensor([0.0]), W, b, c))  # should be 1.5

# %%
lesson.check("2", energy)

# %% [markdown]
# ## 5. From energies to probabilities
#
# A low energy should mean a high probability. The model takes $e^{-E}$ for this. It is
# always positive, and it turns a difference of energies into a ratio of probabilities.
# Dividing by $Z$, the sum over all states, makes the probabilities add up to 1.
#
# $$p(v, h) = \frac{e^{-E(v, h)}}{Z}, \qquad Z = \sum_{v, h} e^{-E(v, h)} \qquad (2)$$
#
# Three units have $2^3 = 8$ states, few enough to list them all with your function.

# %% tags=["slide", "nbval-check-output"]
energy = lesson.use("2", energy)
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
# $Z = 4.14$ this gives a probability of 0.398. That is the likeliest state of all.
#
# Now we can recommend something. Somebody tells us that they like A. How likely is it that
# they like B as well? Only the four states in which A is on are left. We add up the
# probabilities of those with B on, and divide by the sum of all four.
#
# **Predict first.** Over all people, the probability that B is liked is 0.60. What is it for
# a person who likes A? A and B are not connected.

# %%
lesson.predict("B given A", "Probability that B is liked if A is, between 0 and 1")

# %%
p_B = table.p[table.B == 1].sum()
with_A, without_A = table[table.A == 1], table[table.A == 0]
given_A = with_A.p[with_A.B == 1].sum() / with_A.p.sum()
given_not_A = without_A.p[without_A.B == 1].sum() / without_A.p.sum()
print(f"p(B is liked)               {p_B:.2f}")
print(f"  given that A is liked     {given_A:.2f}")
print(f"  given that A is not liked {given_not_A:.2f}")
lesson.reveal("B given A", given_A, "Liking A raises it to 0.75.", within=0.1)

# %% [markdown]
# With numbers from the table this is
#
# $$p(\text{B given A}) = \frac{0.020 + 0.398}{0.054 + 0.089 + 0.020 + 0.398}
# = \frac{0.418}{0.561} = 0.75$$
#
# The two films are not connected directly. If you know one, you still know more about the
# other, because both are connected with the same taste. A person who likes A probably has
# the taste: two of the four states have it, so the probability is 0.487 / 0.561 = 0.87. And
# a person with the taste probably likes B. **This is the heart of a recommendation by an
# RBM**, however large the model.
#
# Over all people A is liked with probability 0.56, although its bias is negative. The bias
# alone decides only without the taste, where no connection counts. There the probability is
# 0.074 / 0.405 = 0.18, which is $1 / (1 + e^{1.5})$.
#
# Now move the sliders, one at a time. What does a weight of 0 mean? When does liking A speak
# *against* B?


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
    ax.set(xlim=(0, 1))
    lift = given[1] - given[0]
    all_people = f"over all people: A {p[1].sum() / p.sum():.2f}, "
    all_people += f"B {p[:, 1].sum() / p.sum():.2f}"
    ax.set_xlabel(f"probability that B is liked ({all_people})")
    word = "speaks for" if lift > 0 else "speaks against"
    word = f"hardly {word}" if abs(lift) < 0.005 else word
    word = "says nothing about" if weight_A * weight_B == 0 else word
    ax.set_title(f"Liking A {word} B")
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
# **Open exercise · Flip both signs** · ★★ · 5 minutes · no points · extra.
# Write down what you expect if *both* weights become negative. Then set the sliders to −3.0
# and −2.5, and the bias of the taste to 2.5. All probabilities become small, because no
# positive weight makes up for the films' negative biases now. So compare the two bars with
# each other. Explain what you see in two sentences. What does the hidden unit stand for?
#
# <details><summary>One answer</summary>Liking A still speaks for B. The hidden unit now
# stands for <em>not</em> having the taste. When it is on, both films become less likely.
# When A is liked, it is less probable that it is on, and that makes B likelier. With film
# biases of +1.5, for which there is no slider, all the old probabilities would return. So
# the sign of a hidden unit has no meaning of its own, and neither has its name. The model
# only knows which films belong together.</details>

# %% [markdown]
# ## 6. Back to your list
#
# The model of section 1 is the same thing, only larger. It has 400 films instead of two and
# 50 tastes instead of one, and so it has 400 · 50 = 20,000 weights, learned
# from the likes of other people.
#
# A table of all its states is out of the question, because 450 units have $2^{450}$ of them,
# more than there are atoms in the universe. How did your list come about, then? It did not
# need $Z$. Once the films are fixed, each taste can be worked out alone. Turning it on
# lowers the energy by its bias and the weights of the liked films. Call this sum $x$ (a like
# of yours counts several times in it, see section 1). The two states have probabilities in
# the ratio $e^x : 1$, so the taste is on with probability $1 / (1 + e^{-x})$. With A and B
# liked, $x$ is −2.5 + 3.0 + 2.5 = 3.0, and $1 / (1 + e^{-3}) = 0.95$. The table agrees,
# because 0.398 / (0.020 + 0.398) = 0.95. Then the tastes make films likely in the same way.
#
# So which tastes did your likes turn on? We show the three that they raise most above
# the average, each with the five films of largest weight.

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
        f"taste {taste}: on with probability {mine[taste]:.2f},",
        f"on average {usual[taste]:.2f}",
    )
    for place in best:
        print(f"    {weights[place]:+.1f}  {titles.iloc[place]}")

# %% [markdown]
# Do the films of a taste have something in common? Sometimes it is a genre or a decade, and
# sometimes nothing that has a name. The weights are small beside those of our two films,
# because here many tastes and many likes act together, and only together they have to fit.
#
# Learning the weights is harder than using them, because it needs averages over *all*
# states. Listing them is hopeless, so learning needs a trick. That trick is the subject of
# lesson 01.
#
# ## What to remember
#
# - More than nine in ten ratings are missing. A missing rating is not a dislike, so know
#   what every 0 means.
# - An RBM gives every state an energy. A bias says how strongly a unit tends to be on by
#   itself, a weight says what belongs together, and a low energy means a high probability.
# - Two films that share a taste predict each other, although they are not connected.
# - A list that looks good is not yet a good list. Lesson 02 measures it.

# %%
lesson.predictions()
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. The energy of one state is lower than that of another by 1. How much
# likelier is it?</summary>
#
# $e \approx 2.72$ times. Both are divided by the same $Z$, so it cancels.
# </details>
#
# <details><summary>2. Add 5 to the energy of every state. What happens to the
# probabilities?</summary>
#
# Nothing. Every $e^{-E}$ is multiplied by $e^{-5}$, and so is their sum $Z$.
# </details>
#
# <details><summary>3. A taste has the weight 0 to every film. What does it do?</summary>
#
# It is on or off without any effect on the films, so it cannot help to recommend anything.
# </details>

# %% tags=["remove-cell", "skip-slide"]
lesson.quiz()  # ten more questions, if you like, with reasons

# %% [markdown] tags=["skip-slide"]
# If you like to play, the next cell shows a model of six films with all its numbers. Drag a
# weight, and watch which films become likely together.

# %% tags=["skip-slide"]
playground("healthy")

# %% [markdown]
# ## Extra · How to fool yourself with missing ratings
#
# Suppose we want to know how well liked each film is. We can divide its likes by the number
# of people who rated it. Or we divide by the number of all people, and then those who never
# rated it count as dislikes. Before you run the figure, guess how each share changes with
# the number of people who rated the film.

# %%
n_likes = values.sum(0)  # values has a row for each person and a 1 for each like
n_raters = observed.sum(0)  # observed has the same shape and is True where a rating is
among_raters = 100 * n_likes / n_raters
among_all = 100 * n_likes / len(values)

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharex=True, sharey=True)
for ax, x, color in zip(axes, (among_raters, among_all), ("green", "red"), strict=True):
    ax.scatter(x, n_raters, s=8, alpha=0.35, lw=0, color=plotting.COLORS[color])
axes[0].set(xlabel="likes among those who rated (%)", ylabel="people who rated the film")
axes[1].set(xlabel="likes among all people (%)")
axes[0].set_title("Among those who rated: a wide cloud")
axes[1].set_title("Missing as dislikes: nearly a line")
fig.suptitle(label, fontsize=10, fontweight="normal")
plotting.show(
    fig,
    "A point per film. Left, likes among those who rated against the number of raters: a "
    "wide cloud that leans to the right. Right, likes among all people: close to a line.",
)
print("rank correlation with the number of people who rated the film")
for name, x in (("among those who rated", among_raters), ("among all people", among_all)):
    rank = pd.Series(x.numpy()).corr(pd.Series(n_raters.numpy()), method="spearman")
    print(f"  {name:21} {rank:.2f}")

# %% [markdown]
# With missing ratings counted as dislikes, a film's score says mostly how many people know
# it. A film that all of its few viewers loved is found in the lower half.
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
# ![The lessons as boxes, with arrows that show what they build on.](figures/course_map.svg)
#
# **Next:** [01 · Energy and contrastive divergence](01_energy_and_contrastive_divergence.ipynb),
# in which you write a model that learns, and see whether it does.
