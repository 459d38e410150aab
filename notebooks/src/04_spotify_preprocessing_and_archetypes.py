# %% [markdown]
# # 04 · Spotify: from two messy files to twelve kinds of listeners
#
# Two files list thousands of songs, and nobody tells us who listened to them. In this lesson
# you turn the files into one table that you can trust, and draw a map of music. Then you
# invent a thousand listeners. Because you know their tastes, you can work out how good a
# recommender could possibly be. You will also find a good-looking number that does not
# measure what you think.
#
# | | |
# |---|---|
# | **You will be able to** | merge files without multiplying rows; turn counts into numbers that a Gaussian can describe; write a kind of listener as data; work out a ceiling and read results against it; say what hidden units have found |
# | **You need** | lessons 00 to 02, and pandas' `groupby` and `merge` |
# | **Time** | 75 minutes, 18 of them for four exercises. Parts marked *at home* take extra time |
# | **Data** | two lists of well-known songs with Spotify's data (7 MB from Kaggle), or an invented stand-in; the listeners are invented in any case |
# | **Hardware** | any laptop, no GPU |

# %%
import tempfile
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patheffects import withStroke
from scipy.sparse import csr_array

from rbm_lib import RBM, Monitor, baselines, evaluate, fit
from rbm_lib.course import Lesson, say
from rbm_lib.data import (
    ARCHETYPES,
    Archetype,
    AudioFeatures,
    RatingMatrix,
    load_spotify,
    read_listeners,
    simulate_listeners,
    write_listeners,
)
from rbm_lib.data.listeners.conditions import AnyOf, DrawnRange, OneOf, Range
from rbm_lib.data.spotify import FEATURES
from rbm_lib.plotting import COLORS, GREY, INK, show
from rbm_lib.recommend import cosine_scores, preference, score_items
from rbm_lib.training import linear_decay

# %% [markdown]
# ## 1. Two files, one table
#
# Somebody exported the most played songs since 1950 into one file and those since 1960 into
# another. Most songs are in both, and we want one row for each address on Spotify.

# %%
lesson = Lesson("04_spotify_preprocessing_and_archetypes")
spotify = lesson.data(load_spotify())
exports = spotify.exports()
first, *others = exports.values()
second = others[0] if others else first  # where only one of the two files is there
label = "" if spotify.source == "real" else ", invented songs"  # for the titles
for name, export in exports.items():
    print(f"{name}: {len(export):,} rows of {export.shape[1]} columns")

# %% [markdown]
# Let's look before we merge. Here are three cases, A, B and C. The *address* is the link to
# the song on Spotify, of which we print the last five letters. The *ISRC* is the number of a
# recording, like the ISBN of a book.

# %% tags=["hide-input"]
URI, SONG, ARTIST, ALBUM = "Track URI", "Track Name", "Artist Name(s)", "Album Name"
DATE = "Album Release Date"


def suspicious_rows():
    """A row that is in its file twice, three songs with one name, a song with two years."""
    messy = next((x for x in exports.values() if x.duplicated().any()), first)
    twice = messy[messy.duplicated(keep=False)].sort_values(URI, kind="stable")[:2]
    clean = first.drop_duplicates(URI)
    artists = clean.groupby(SONG)[ARTIST].nunique()
    name = artists[artists == artists.max()].index[0]
    namesakes = clean[clean[SONG] == name].drop_duplicates(ARTIST)[:3]
    year = pd.to_numeric(clean[DATE].str[:4], errors="coerce")
    coded = clean.assign(year=year)[clean["ISRC"] != ""].dropna(subset="year")
    apart = coded.groupby(["ISRC", SONG])["year"].agg(lambda y: y.max() - y.min())
    code = apart.idxmax()[0]
    reissued = coded[coded["ISRC"] == code].sort_values("year", kind="stable")
    cases = {"A": twice, "B": namesakes, "C": reissued.iloc[[0, -1]]}
    return pd.concat(cases, names=["case"]).reset_index("case")


rows = suspicious_rows()
rows = rows.assign(address="…" + rows[URI].str[-5:])
rows.set_index(["case", "address"])[[SONG, ARTIST, "ISRC", DATE, ALBUM, "Popularity"]]

# %% [markdown]
# > **Predict first.** Suppose we treat every row as a song. Find three things that will go
# > wrong, one for each case.

# %%
lesson.predict("faults", "Three things that will go wrong")

# %% tags=["hide-input"]
lesson.reveal(
    "faults",
    "a repeated row, a name that is not a key, a date that is not the song's",
    "We found three: a row that is in its file twice, a name that is not a key, and a "
    "release date that is not the song's.",
)

# %% [markdown] tags=["skip-slide"]
# The rest of this section goes through these three.
#
# ### A row that is in the file twice
#
# The two rows of case A agree in everything. If one copy ended up in the training part and the
# other in the test part, a model could look up the answer. Repeated rows are easy to remove.

# %%
left, right = first.drop_duplicates(), second.drop_duplicates()
print(f"rows that repeat another: {len(first) - len(left)} and {len(second) - len(right)}")

# %% [markdown]
# ### A name that is not a key
#
# The three rows of case B share a name, yet they are different songs. What does that do to a merge?
#
# ![Three rows named Hello on the left, two on the right: a merge on the name gives six rows, one on the address two.](figures/merge_on_names.svg)
#
# A merge pairs *every* row on the left with *every* row on the right that has the same key.
# Three Hellos on the left and two on the right give 3 × 2 = 6 rows, and four of them join two
# different songs.
#
# **Exercise 1 · Rows of a merge** · ★ · 4 minutes · 2 points. `left` and `right` are
# dictionaries that say how many rows have each key, such as `{"Hello": 3, "One": 1}`. Return
# how many rows their merge has. Keys without a partner on the other side are dropped.
#
# <details><summary>Hint</summary>Go through the keys of <code>left</code>.
# <code>right.get(key, 0)</code> is 0 for a key that the right side does not have.</details>


# %%
def my_merged_rows(left, right):
    ### BEGIN SOLUTION
    return sum(n * right.get(key, 0) for key, n in left.items())
    ### END SOLUTION


# %%
lesson.check("1", my_merged_rows)

# %% [markdown]
# > **Predict first.** Each file has a little more than eight thousand rows, and nearly all
# > songs are in both. How many rows does a merge on the song's *name* have?

# %%
lesson.predict("rows", "Rows of a merge on the name")

# %%
merged_rows = lesson.use("1", my_merged_rows)
keys = {
    "name": [SONG],
    "name, artist": [SONG, ARTIST],
    "name, artist, album": [SONG, ARTIST, ALBUM],
    "address": [URI],
}
n_rows = {}
for name, columns in keys.items():
    pair = [Counter(x[columns].itertuples(index=False, name=None)) for x in (left, right)]
    n_rows[name] = int(merged_rows(*pair))
print("pandas agrees:", len(left.merge(right, on=SONG)) == n_rows["name"])

# %% tags=["hide-input"]
common = len(set(left[URI]) & set(right[URI]))
fig, axis = plt.subplots(figsize=(7.5, 2.2))
for place, (name, n) in enumerate(n_rows.items()):
    axis.barh(-place, n, color=COLORS["blue" if name == "address" else "orange"])
    axis.text(n + 80, -place, f"{n:,}", va="center")
axis.axvline(common, color=GREY, ls=":", lw=1.2)
axis.text(common + 80, 0.62, f"{common:,} songs are in both", color=GREY, fontsize=9)
axis.set_yticks([0, -1, -2, -3], n_rows)
axis.set(xlabel="rows of the merge", xlim=(0, 1.12 * max(n_rows.values())))
axis.set_ylim(-3.6, 1.1)
extra = n_rows["name"] / common - 1
axis.set_title(f"A merge on the name makes {extra:.0%} too many rows{label}")
alt = "Rows of a merge by key: " + "; ".join(f"{k} {n:,}" for k, n in n_rows.items())
show(fig, alt, n_colors=256)
lesson.reveal("rows", n_rows["name"], f"It has **{n_rows['name']:,}** rows.")

# %% [markdown]
# Nothing warned us, and the merged table looks plausible. Even name, artist and album
# together give too many rows. Only the address is unique. With `validate`, pandas checks
# whether a key is unique, and refuses to merge if it is not.

# %%
try:
    left.merge(right, on=SONG, validate="one_to_one")
except pd.errors.MergeError as error:
    print("refused:", str(error).splitlines()[0][:60], "…")
tracks = spotify.tracks  # merged on the address, without repeated rows
n_addresses = len(set(first[URI]) | set(second[URI]))
say(
    f"{sum(map(len, exports.values())):,} rows have {n_addresses:,} addresses. We keep the "
    f"**{len(tracks):,}** with all audio features, and call each of them a song."
)

# %% [markdown] tags=["skip-slide"]
# A recording with two addresses still has two rows, as the next case shows. We accept that.
#
# ### A date that is not the song's
#
# The two rows of case C have the same ISRC, so they are the same recording. It cannot have been
# made in two different years.
#
# > **Predict first.** Take all recordings that are listed more than once. For what share of
# > them do the listings disagree about the year?

# %%
shares = ["less than 10 %", "10 to 30 %", "30 to 50 %", "more than 50 %"]
lesson.predict("years", "The listings disagree for", shares)

# %% tags=["hide-input"]
known = tracks.dropna(subset=["isrc", "release_year"])
by_isrc = known.groupby("isrc").agg(
    listings=("track_uri", "size"),
    song=("track_name", "first"),
    earliest=("release_year", "min"),
    latest=("release_year", "max"),
)
several = by_isrc[by_isrc["listings"] > 1]
disagree = (several["earliest"] < several["latest"]).mean()
apart = several["latest"] - several["earliest"]
worst = several.assign(apart=apart).sort_values(["apart", "song"], ascending=[False, True])
worst = worst.drop_duplicates("song")[:10]
fig, axis = plt.subplots(figsize=(8, 3))
for place, row in enumerate(worst.itertuples()):
    axis.plot([row.earliest, row.latest], [-place] * 2, color="#c9ced6", lw=3, zorder=1)
    axis.plot(row.earliest, -place, "o", color=COLORS["blue"])
    axis.plot(row.latest, -place, "o", color=COLORS["orange"])
    text = f"{row.song.split(' - ')[0][:34]}, {row.apart:.0f} years"
    axis.text(row.latest + 1, -place, text, va="center", fontsize=9)
axis.text(worst["earliest"].iloc[0], 0.7, "earliest", color=COLORS["blue"], ha="center")
axis.text(worst["latest"].iloc[0], 0.7, "latest", color="#9a6a00", ha="center")
axis.set(yticks=[], xlabel="release date of a listing", ylim=(-9.8, 1.8))
axis.set_xticks(range(1960, 2030, 10))
axis.set_xlim(float(worst["earliest"].min()) - 3, float(worst["latest"].max()) + 22)
axis.spines["left"].set_visible(False)
axis.set_title(f"One recording, two release dates{label}")
show(
    fig,
    "Ten recordings with the earliest and latest release date of their listings.",
    n_colors=256,
)
ranges = zip((0, 0.1, 0.3, 0.5), (0.1, 0.3, 0.5, 1.01), shares, strict=True)
answer = next(name for low, high, name in ranges if low <= disagree < high)
lesson.reveal(
    "years",
    answer,
    f"Of {len(several):,} such recordings, **{disagree:.0%}** carry different years, up to "
    f"{int(apart.max())} years apart.",
)

# %% [markdown]
# The column holds the date of *this release*, which may be a collection or a remastered
# copy. If you filter by decade, you get what was released in that decade, and not what was
# recorded in it.
#
# ## 2. A map of music
#
# Each song carries the genres of its artist, as a list. To count them we *explode* the
# lists, which gives one row for each song and genre.

# %%
exploded = tracks.explode("genres").dropna(subset="genres")
genre_counts = exploded["genres"].value_counts()
common_genres = genre_counts[genre_counts > 23]
niche_genres = genre_counts[genre_counts <= 5]
say(
    f"There are {len(genre_counts)} genres. **{len(common_genres)}** of them are in more "
    f"than 23 songs, and **{len(niche_genres)}** in at most 5."
)

# %% [markdown]
# We call these genres *common* and *niche*. Spotify measures how energetic each song is and
# how cheerful, which it calls *energy* and *valence*. These two make a map. Each genre stands
# near the average of its songs. Genres with a single song and names that find no room are left
# out.

# %% tags=["hide-input"]
FAMILIES = {  # the first whose word is in a genre's name gives it its colour
    "hip hop": ("#7b2d8b", "rap", "hip hop", "trap"),
    "soul": ("#b5532a", "soul", "r&b", "funk", "motown", "urban", "jack swing"),
    "electronic": ("#0072B2", "electr", "house", "edm", "dance", "disco", "trance", "room"),
    "folk, country": ("#00704f", "folk", "country", "singer-", "celtic", "nashville"),
    "rock": ("#a3203c", "rock", "metal", "punk", "grunge", "indie", "beat", "wave"),
    "jazz, classical": ("#7a5a00", "jazz", "blues", "swing", "classical", "standards"),
    "pop": ("#c2478f", "pop", "talent"),
}


def family_color(genre):
    found = (c for c, *words in FAMILIES.values() if any(w in genre for w in words))
    return next(found, GREY)


def find_room(text, boxes, steps):
    """Move a text to the first place where it covers no other, or remove it."""
    axis, scale = text.axes, text.figure.dpi / 72
    box = text.get_window_extent().padded(2).extents
    moved = box + np.tile(steps * scale, 2)  # (steps, 4): left, low, right, high
    outside = (moved[:, :2] < axis.bbox.min) | (moved[:, 2:] > axis.bbox.max)
    taken = np.array(boxes).reshape(-1, 4)
    apart = (moved[:, None, :2] > taken[:, 2:]) | (moved[:, None, 2:] < taken[:, :2])
    free = ~outside.any(1) & apart.any(2).all(1)
    if free.any():
        boxes.append(moved[free.argmax()])
        text.set_position(steps[free.argmax()])
    else:
        text.remove()


# %% tags=["hide-input"]
place = exploded.groupby("genres")[["energy", "valence"]].mean()
named = genre_counts[genre_counts > 1]
edge = place.loc[named.index].quantile([0.02, 0.98])
fig, axis = plt.subplots(figsize=(8.4, 6.6))
sand = LinearSegmentedColormap.from_list("", ["#f7f6f3", "#dcc18d"])
hexes = axis.hexbin(
    tracks["energy"],
    tracks["valence"],
    C=tracks["acousticness"],
    gridsize=36,
    extent=(0, 1, 0, 1),
    cmap=sand,
    vmax=0.7,
    edgecolors="white",
    antialiased=False,
    mincnt=2,
)
axis.set_xlim(edge["energy"].iloc[0] - 0.07, min(1, edge["energy"].iloc[1] + 0.07))
axis.set_ylim(edge["valence"].iloc[0] - 0.06, min(1, edge["valence"].iloc[1] + 0.08))
axis.set(xlabel="energy", ylabel="valence, from sad to cheerful")
bar = fig.colorbar(hexes, ax=axis, location="bottom", aspect=50, pad=0.01, shrink=0.6)
bar.set_label("acousticness of the songs there")
bar.outline.set_visible(False)
axis.set_title(f"A map of music, acoustic on the left and electric on the right{label}\n")
fig.canvas.draw()
left_end = 0.0
for family, (color, *_) in FAMILIES.items():
    word = axis.text(left_end, 1.015, family, color=color, transform=axis.transAxes)
    word.set_weight("bold")
    left_end += (word.get_window_extent().width + 20) / axis.bbox.width
angle = np.pi * (3 - 5**0.5) * np.arange(600)
steps = np.sqrt(np.arange(600))[:, None] * np.stack(
    [3.5 * np.cos(angle), 1.6 * np.sin(angle)], 1
)
boxes = []
for genre, n in named.items():
    is_common = n > 23
    text = axis.annotate(
        genre,
        place.loc[genre],
        (0, 0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=8 + 1.5 * np.log2(n / 24) if is_common else 7,
        weight="bold" if is_common else "normal",
        color=family_color(genre),
        path_effects=[withStroke(linewidth=2.2, foreground="white")],
    )
    find_room(text, boxes, steps if is_common else steps[:40])
show(
    fig,
    "Genre names by the average energy and valence of their songs. "
    "Acoustic songs have low energy.",
    n_colors=256,
)

# %% [markdown]
# Large names are common genres. They crowd in the middle, because a large genre has songs of
# every mood, and its average says little about any one of them. Small names have a few songs
# each. Grey names belong to none of the seven families.
#
# ## 3. A scale for a Gaussian
#
# In lesson 05, a model describes songs by bells, which means by *Gaussians*. This section
# prepares the songs for it. You may skip it for now and save about ten minutes, because
# nothing in the next ones needs it.
#
# The height of a bell at a value is called the **density** there. A good model has a high
# density at songs that it has not seen. Densities of several songs are multiplied, and
# logarithms turn this product into a sum. Therefore people report the average logarithm of
# the density at such songs.
#
# Let's try this with popularity. It is a whole number from 0 to 100, and many songs sit
# exactly at 0. Such a *spike* can fool the measure. A bell of standard deviation $s$ is
# $.4/s$ high at its centre. With $s = 1$ that is .4, and with $s = .001$ it is 400.
#
# Let's build a model that exploits the spike. It mixes a narrow bell at 0, with the share of
# the songs in the spike, and a broad bell for all songs, with the rest. We fit the model to 70 % of the songs, and score it on the others.

# %%
popularity = tracks["popularity"].to_numpy(dtype=float)
rng = np.random.default_rng(0)
held_out = rng.random(len(tracks)) < 0.3
share = np.mean(popularity[~held_out] == 0)
print(f"share of the songs in the spike: {share:.2f}")


# %%
def bell(x, centre, s):
    return np.exp(-(((x - centre) / s) ** 2) / 2) / (s * np.sqrt(2 * np.pi))


def score(x, spot, s):
    """Mean log-density of held-out songs under a broad bell and a narrow one at `spot`."""
    broad = bell(x, x[~held_out].mean(), x[~held_out].std())
    density = (1 - share) * broad + share * bell(x, spot, s)
    return np.log(density[held_out]).mean()


# %% [markdown]
# > **Predict first.** We make the narrow bell narrower and narrower. What does the score on
# > the held-out songs do?

# %%
courses = ["it falls, the model overfits", "it levels off", "it rises without end"]
lesson.predict("spike", "As the bell gets narrower, the score on held-out songs", courses)

# %%
widths = np.logspace(1, -6, 22)
raw_scores = [score(popularity, 0, s) for s in widths]
lesson.reveal(
    "spike",
    courses[2],
    f"It goes from {raw_scores[3]:.1f} at $s = 1$ to {raw_scores[-1]:.1f} at "
    "$s = .000001$, and it would go on rising.",
)

# %% [markdown]
# The score rises although the model has never seen these songs. They have exactly the same
# value as the other songs in the spike. Nothing was learned about music.
#
# We repair this in two steps. First we add a random number $u$ between 0 and 1 to each value,
# which is called **dequantising**. The sum $y = x + u$ lies between 0 and 101 and has no
# spike.
#
# Then we stretch this range over the whole line, because a bell has no ends. A model with
# bells on $y$ would invent songs of popularity −5 or 110. First we map $y$
# to a number $q$ strictly between 0 and 1, then to $z$:
#
# $$q = .001 + .998\,\frac{y}{101}, \qquad z = \log \frac{q}{1 - q}.$$
#
# Take a song of popularity 0 and $u = .5$. Then $y = .5$, $q = .00594$ and $z = -5.12$.
#
# **Exercise 2 · A scale without a spike** · ★ · 4 minutes · 2 points. `x` holds whole numbers
# from 0 to 100 and `u` holds numbers between 0 and 1, both of shape (n,). Return `z`, also of
# shape (n,).
#
# <details><summary>Hint</summary>Write one line for each of <code>y</code>, <code>q</code> and
# <code>z</code>. The logarithm is <code>np.log</code>. Check yourself with the song of
# popularity 0 above.</details>


# %%
def my_scale(x, u):
    ### BEGIN SOLUTION
    y = x + u
    q = 0.001 + 0.998 * y / 101
    return np.log(q / (1 - q))
    ### END SOLUTION


# %%
lesson.check("2", my_scale)

# %% [markdown]
# Now we use your scale, put the narrow bell on the songs that were the spike, and try the
# trick again.

# %% tags=["hide-input"]
to_z = lesson.use("2", my_scale)
z = np.asarray(to_z(popularity, rng.random(len(tracks))))
hill = z[popularity == 0].mean()
new_scores = [score(z, hill, s) for s in widths]
best = widths[np.argmax(new_scores)]
fig, axes = plt.subplots(1, 3, figsize=(9, 2.7), width_ratios=(1, 1, 1.1))
axes[0].hist(popularity, np.arange(102) - 0.5, density=True, color="#b9d9ec")
axes[0].text(4, share / 2, "the spike at 0", color=COLORS["red"])
axes[0].set(xlabel="popularity", ylabel="density", title="A spike …")
axes[1].hist(z, 80, density=True, color="#b9d9ec")
axes[1].text(hill + 0.6, 0.24, "these songs", color=COLORS["red"], ha="center")
axes[1].set(xlabel="z, your scale", ylim=(0, 0.33), title="… becomes a hill")
axes[2].semilogx(widths, raw_scores, ".-", color=COLORS["red"])
axes[2].semilogx(widths, new_scores, ".-", color=COLORS["blue"])
axes[2].text(1e-3, raw_scores[12] - 0.6, "on popularity", color=COLORS["red"])
axes[2].text(10, max(new_scores) + 0.15, f"on z, best at {best:.2g}", color=COLORS["blue"])
axes[2].invert_xaxis()
axes[2].set(xlabel="width s of the narrow bell", title="Score on held-out songs")
show(
    fig,
    "Popularity has a spike at 0. On the scale z these songs form a hill. On popularity "
    "the score rises without end as the bell gets narrower. On z it is best at one width.",
    n_colors=256,
)

# %% [markdown] tags=["skip-slide"]
# On your scale the spike has become a hill. One width is best, and a narrower bell only loses.
# (The two curves belong to different scales. You can compare their shapes, but not their
# heights.)
#
# The library's `AudioFeatures` does the same for every column that needs it. Then it brings
# all columns to mean 0 and variance 1, and turns the axes until no two columns are correlated.
# This is called *whitening*.

# %%
features = tracks[list(FEATURES)].astype(float)
coordinates = AudioFeatures().fit(features).transform(features)
covariance = np.cov(coordinates.T, bias=True)
print("variance 1, no correlation:", np.allclose(covariance, np.eye(len(FEATURES))))

# %% [markdown]
# Lesson 05 starts from these coordinates.
#
# ## 4. Twelve kinds of listeners
#
# Nobody publishes who listened to these songs, so we invent the listeners. We use a
# table of twelve kinds. Each kind is called an **archetype**. It has a relative share (the
# simulator divides by the sum of all shares), a number of songs that each of its listeners
# hears, and conditions for these songs.
# The songs that meet all conditions are the listener's **pool**. An audiophile, for example,
# likes acoustic music with little singing.

# %%
audiophile = Archetype(
    "Audiophile",
    share=0.05,
    n_tracks=40,
    conditions=(Range("instrumentalness", 0.1), Range("acousticness", 0.3)),
)
pool = tracks[(tracks["instrumentalness"] >= 0.1) & (tracks["acousticness"] >= 0.3)]
history = pool.sample(audiophile.n_tracks, random_state=0)  # without replacement
print(f"a pool of {len(pool)} songs, of which {len(history)} are heard")

# %% [markdown]
# The simulator does this for a thousand listeners of twelve archetypes. Some conditions are
# drawn for each listener, such as a favourite artist or a mood. One listener in ten also
# hears five songs from anywhere.

# %%
listeners = simulate_listeners(tracks, n_users=1000, seed=0)
profiles, interactions = listeners.profiles, listeners.interactions
meets = listeners.pool(tracks)  # listeners × songs: does the song meet all conditions?
print(f"{len(profiles):,} listeners, {len(interactions):,} listens")

# %% [markdown]
# Let's meet three of them.


# %% tags=["skip-slide", "hide-input"]
def draw_pool(axis, in_pool, heard):
    """Songs on the map: a third of all, the pool, what was heard of it and beside it."""
    layers = (
        (tracks[::3], 2, "#d5dae0"),
        (tracks[in_pool], 5, COLORS["sky"]),
        (tracks[heard & in_pool], 9, COLORS["blue"]),
        (tracks[heard & ~in_pool], 14, COLORS["red"]),
    )
    for songs, size, color in layers:
        marker = "s" if size == 2 else "o"
        axis.scatter(songs["energy"], songs["valence"], size, color, marker=marker, lw=0)
    axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="energy")


fig, axes = plt.subplots(1, 3, figsize=(9.4, 3.7), sharey=True)
portraits = []
for axis, name in zip(
    axes, ("Mood-Based Listener", "Audiophile", "Loyal Fan"), strict=True
):
    one = profiles[profiles["archetype"] == name].iloc[0]
    heard = interactions[interactions["user_id"] == one["user_id"]]
    on_map = tracks["track_uri"].isin(heard["track_uri"]).to_numpy()
    in_pool = meets[one["user_id"] - 1]
    draw_pool(axis, in_pool, on_map)
    axis.set_title(f"{name}\npool of {one['pool_size']}, {len(heard)} heard", fontsize=10.5)
    fan = f" of {one['artist']}" if one["artist"] else ""
    songs = heard.drop_duplicates("track_name")["track_name"].head(3)
    portraits.append(
        f"- **{name}**{fan}: {len(heard)} songs heard, {(on_map & ~in_pool).sum()} of them "
        f"from outside the pool. First songs in 2023: {'; '.join(songs)}."
    )
axes[0].set_ylabel("valence")
names = {"in the pool": "sky", "heard": "blue", "heard, not in the pool": "red"}
fig.legend(
    [plt.Line2D([], [], marker="o", ls="", color=COLORS[c]) for c in names.values()],
    names,
    loc="outside lower center",
    ncols=3,
)
show(
    fig,
    "Three listeners on the map of energy and valence. The pool of the mood-based one is a "
    "rectangle, and those of the audiophile and the loyal fan are spread over the map.",
    n_colors=256,
)
say("\n".join(portraits))

# %% [markdown]
# The mood-based listener wants energy and valence in certain ranges, which form a rectangle
# on our map. The loyal fan wants one artist, whatever the mood. But this artist has fewer
# songs than the fan should hear. Where do the others come from?
#
# If a pool is too small, the simulator takes all of it and **fills in** other songs. It
# draws from those that come closest to the conditions. For a fan, these are songs of other
# artists whose average sound is similar, so a fan of Calvin Harris may hear Bon Jovi. If
# many songs are equally close, each is unlikely. If only a few are, nearly all listeners of a
# kind get the same ones. Keep these *fill-ins* in mind for section 6.
#
# Here are all twelve archetypes.


# %% tags=["hide-input", "nbval-check-output"]
def in_words(condition):
    """A condition in a few words."""
    column = condition.column.replace("_", " ")
    if isinstance(condition, AnyOf):
        return f"any {condition.kind} genre"
    if isinstance(condition, OneOf):
        kind = "common " if condition.more_than else "niche " if condition.at_most else ""
        return f"one {kind}{column[:-1]} of their own"
    if isinstance(condition, DrawnRange):
        return f"{column} in a range of their own"
    if condition.high is None:
        return f"{column} ≥ {condition.low:g}"
    if condition.low is None:
        return f"{column} ≤ {condition.high:g}"
    return f"{column} {condition.low:g}–{condition.high:g}"


kinds = [archetype.name for archetype in ARCHETYPES]
pd.set_option("display.max_colwidth", None)
pd.DataFrame(
    {
        "relative share": [archetype.share for archetype in ARCHETYPES],
        "songs": [archetype.n_tracks for archetype in ARCHETYPES],
        "likes": ["; ".join(map(in_words, a.conditions)) for a in ARCHETYPES],
    },
    index=kinds,
)

# %% [markdown]
# **Exercise 3 · A thirteenth archetype** · ★★ · 4 minutes · 2 points. A *Slow Dancer* hears 40
# songs with a tempo of at most 100 beats per minute and a danceability of at least .8. Return
# this listener as an `Archetype`. The name and the share, a number between 0 and 1, are up to
# you. `Range(column, low, high)` leaves a side open if it is `None`.
#
# <details><summary>Hint</summary>The audiophile above is the pattern. A tempo of at most 100 has no
# lower end.</details>


# %%
def my_slow_dancer():
    ### BEGIN SOLUTION
    conditions = (Range("tempo", None, 100), Range("danceability", 0.8))
    return Archetype("Slow Dancer", share=0.05, n_tracks=40, conditions=conditions)
    ### END SOLUTION


# %%
lesson.check("3", my_slow_dancer)

# %%
slow_dancer = lesson.use("3", my_slow_dancer)()
dancers = simulate_listeners(tracks, n_users=3, archetypes=[slow_dancer])
dancer_pool = int(dancers.profiles["pool_size"][0])
say(f"The pool of your slow dancers has **{dancer_pool} songs**.")

# %% [markdown]
# Each listen also has a time in 2023, and a rating from 1 to 5, in half steps, that is higher if the
# song fits the listener better. `write_listeners` writes two CSV files, one of listens and one of people.

# %%
with tempfile.TemporaryDirectory() as folder:
    print([path.name for path in write_listeners(dancers, folder)])
    back = read_listeners(folder).interactions
back[["user_id", "track_name", "timestamp", "rating", "archetype"]].head(3)

# %% [markdown]
# ## 5. A bag of balls
#
# We hide a fifth of every listener's songs and let a recommender make a list of 20. The share
# of the hidden songs that are on the list is called the **recall**. How high can it get?
#
# Think of an *oracle* that knows all rules of the simulator. It knows everybody's pool, and
# also the fill-ins of those whose pool is too small. It does not know which songs the
# listener happened to draw. Take an audiophile with a pool of 89 songs, who heard 40 of
# them. We show the oracle 32 and hide 8. The other 57 songs of the pool are like balls in a
# bag. Eight are red, but by touch you cannot tell which.


# %% tags=["hide-input"]
def pack(n, per_row):
    """Places of n balls, row by row, every second row shifted."""
    row = np.arange(n) // per_row
    return np.arange(n) % per_row + 0.5 * (row % 2), row * 0.87


rng = np.random.default_rng(0)
red = rng.permutation(57) < 8
taken = rng.permutation(57)[:20]
blue_or_red = np.where(red, COLORS["red"], COLORS["sky"])
fig, axis = plt.subplots(figsize=(9, 2.5))
for x_left, colors, title, per_row in (
    (0, ["#c3ccd6"] * 32, "32 known songs", 8),
    (11, blue_or_red, "the bag: 57 songs, 8 of them hidden", 11),
    (25.5, blue_or_red[taken], f"a list of 20 finds {red[taken].sum()} of the 8", 7),
):
    x, height = pack(len(colors), per_row)
    axis.scatter(x_left + x, height, s=150, color=colors, edgecolor=INK, lw=0.5)
    axis.text(x_left - 0.4, 5.2, title, fontsize=10)
axis.annotate("", (25, 1.8), (22.6, 1.8), arrowprops=dict(arrowstyle="->", color=INK))
axis.set(xlim=(-1, 33.5), ylim=(-0.8, 5.8), aspect="equal")
axis.set_title("The oracle draws 20 of the 57 songs left in the pool")
axis.axis("off")
show(
    fig,
    f"A bag with 57 balls, 8 of them red. Twenty are drawn and {red[taken].sum()} of "
    "these are red.",
    n_colors=256,
)

# %% [markdown]
# On average, nobody can do better than to draw 20 of the 57. Each red ball is among them with
# probability 20/57 = .351, so this is the recall to expect. In general, let $n$ be the number
# of known songs out of a pool of $P$. If the listener heard nothing from outside the pool,
#
# $$E[\text{recall}] = \min\Big(1,\; \frac{20}{P - n}\Big).$$


# %%
def ceiling(pool_size, n_known, length=20):
    return min(1.0, length / (pool_size - n_known))


print(f"20 of 57: {ceiling(89, 32):.3f}")
say(f"Your slow dancers have a ceiling of **{ceiling(dancer_pool, 32):.2f}**.")

# %% [markdown]
# > **Predict first.** Many pools hold thousands of songs, and some are small. What is the
# > oracle's recall, averaged over all thousand listeners?

# %%
lesson.predict("oracle", "The oracle's recall", [".9", ".5", ".2", ".02"])

# %% tags=["hide-input"]
heard = RatingMatrix(
    interactions["user_id"],
    interactions["track_uri"],
    np.ones(len(interactions), dtype=int),
    n_levels=2,
    user_ids=profiles["user_id"].to_numpy(),
    item_ids=tracks["track_uri"].to_numpy(),
)
split = evaluate.random_split(heard, share=0.2, seed=0)
seen = split.train.rated().toarray()  # listeners × songs
hidden = split.held_out.rated().toarray()


# %%
def recall(scores, wanted=hidden):
    """Recall at 20 of each listener who has something hidden."""
    return evaluate.per_user_ranking(scores, wanted, seen, 20)["Recall@20"]


# %%
# The oracle's score of a song is the chance that the listener draws it.
scores = {"oracle": listeners.chance(tracks)}
oracle = recall(scores["oracle"])
options = {".9": 0.9, ".5": 0.5, ".2": 0.2, ".02": 0.02}
nearest = min(options, key=lambda name: abs(options[name] - oracle.mean()))
lesson.reveal(
    "oracle",
    nearest,
    f"It is **{oracle.mean():.3f}**. So a model with a recall of .17 has found "
    f"{0.17 / oracle.mean():.0%} of what can be found.",
)

# %% [markdown] tags=["skip-slide"]
# Even somebody who knows all the rules misses most of the hidden songs. Whenever you read a
# result, ask what the best possible one would be.
#
# ### What a simulation can show
#
# Our listeners choose by popularity, genre, energy and other columns, because we wrote it so.
# A model that is given the same columns recovers what we put in. So a simulation can show
# whether code works, how close a model comes to a ceiling, and how a way of measuring
# misleads. It cannot show what people like, or which model would be ahead with them.
#
# ## 6. How to fool yourself
#
# Where does the oracle's recall come from? Let's split it by archetype.
#
# > **Predict first.** Which archetype contributes most to the oracle's recall?

# %%
lesson.predict("largest part", "The largest part comes from the", kinds)

# %% tags=["hide-input"]
own = hidden & meets  # hidden songs from the listener's own pool, so no fill-ins
# Recall times the number of hidden songs is the number of songs found.
hits = pd.DataFrame(
    {
        "all": oracle * hidden.sum(1),
        "own": recall(scores["oracle"], own) * pd.Series(own.sum(1)),
    }
)
parts = hits.fillna(0).div(hidden.sum(1), axis=0)
by_kind = parts.groupby(profiles["archetype"]).sum() / len(profiles)
empty = (profiles["pool_size"] < 5).to_numpy()
ordered = by_kind.sort_values("all")
filled = ordered["all"] - ordered["own"]
fig, axis = plt.subplots(figsize=(8, 3.9))
axis.barh(ordered.index, ordered["own"], color=COLORS["blue"])
axis.barh(ordered.index, filled, left=ordered["own"], color=COLORS["orange"])
axis.text(
    0.6,
    0.3,
    "songs from the listener's own pool",
    color=COLORS["blue"],
    transform=axis.transAxes,
)
axis.text(0.6, 0.2, "fill-ins", color="#9a6a00", transform=axis.transAxes)
axis.set(xlabel=f"contribution to the recall of {oracle.mean():.3f}, the sum of all bars")
part = filled.sum() / ordered["all"].sum()
axis.set_title(f"{part:.0%} of the oracle's recall comes from fill-ins{label}")
show(
    fig,
    "Parts of the oracle's recall by archetype: "
    + "; ".join(f"{k} {v:.3f}" for k, v in ordered["all"].items()),
    n_colors=256,
)
largest = str(by_kind["all"].idxmax())
members = (profiles["archetype"] == largest).to_numpy()
lesson.reveal(
    "largest part",
    largest,
    f"The **{largest}** contributes {by_kind['all'].max():.3f} of {oracle.mean():.3f}: "
    f"{members.mean():.1%} of the listeners, "
    f"with a recall of {oracle[members].mean():.2f}.",
)
if empty.any():
    counts = profiles.loc[empty, "archetype"].value_counts()
    say(
        f"Pools of fewer than five songs belong to {empty.sum()} listeners "
        f"({', '.join(f'{k} {n}' for k, n in counts.items())}), **{empty.mean():.1%}** of "
        f"all. They supply **{oracle[empty].sum() / oracle.sum():.0%}** of the oracle's "
        "recall."
    )
heard_at_all = (seen | hidden).astype(np.float32)
in_common = {}
for name in ("Mainstream Listener", "Classical Music Lover"):
    people = heard_at_all[(profiles["archetype"] == name).to_numpy()]
    in_common[name] = (people @ people.T)[np.triu_indices(len(people), 1)].mean()
say(
    "Of the songs that they hear, two mainstream listeners have "
    f"{in_common['Mainstream Listener']:.1f} of 80 in common, and two classical music "
    f"lovers have **{in_common['Classical Music Lover']:.1f} of 40**."
)

# %% [markdown]
# Something is odd. Listeners with a broad taste contribute next to nothing. Much of the recall
# comes from archetypes whose pools are smaller than the number of songs they should hear. A
# fan's own songs are certain to be heard, so the oracle finds them. A niche genre has
# five songs or fewer. Of the real songs, none meets all four conditions of the classical
# music lover. So nearly everything that these two kinds hear is filled in, and often with the
# *same* songs. These songs are easy to guess, but they say nothing about taste.
#
# Does this matter when we compare models? Let's take three. *Popularity* lists what most
# listeners heard. *Sound* averages the features of a listener's songs, without their
# popularity, and lists the songs most similar to that average. *EASE* learns from all
# listens which songs go together (lesson [08](08_better_ratings.ipynb) explains it).

# %% tags=["hide-input"]
audible = tracks[list(FEATURES)].astype(float).drop(columns="popularity")
sound = torch.tensor(((audible - audible.mean()) / audible.std()).to_numpy())


def three_models(known):
    """Scores of popularity, sound and EASE that learn from these listens."""
    return {
        "popularity": baselines.Popularity().fit(known).scores(),
        "sound": cosine_scores(preference(sound, known), sound),
        "EASE": baselines.EASE(30.0).fit(known).scores(),
    }


scores |= three_models(split.train)

# %% [markdown]
# We want to know who finds songs of a listener's *taste*.
#
# > **Predict first.** Which of sound and popularity has the higher recall if all hidden songs
# > count? And which, if only hidden songs from the listener's own pool count?

# %%
both_ways = {"all hidden songs": hidden, "from own pools": own}
for way in both_ways:
    lesson.predict(way, f"Ahead, {way}", ["sound", "popularity"])

# %% tags=["hide-input"]
found = {
    way: pd.DataFrame({name: recall(s, wanted) for name, s in scores.items()})
    for way, wanted in both_ways.items()
}
# Now without the songs from outside the pool in the training data as well.
known_own = RatingMatrix.from_csr(csr_array((seen & meets).astype(int)))
cleaned = {"oracle": scores["oracle"]} | three_models(known_own)
way_out = "from own pools, also in training"
found[way_out] = pd.DataFrame({name: recall(s, own) for name, s in cleaned.items()})
table = pd.DataFrame({way: frame.mean() for way, frame in found.items()})
table.loc["listeners"] = {way: len(frame) for way, frame in found.items()}
show_table = table.loc[["popularity", "sound", "EASE", "oracle", "listeners"]]
show_table.map(lambda x: f"{x:,.0f}" if x > 1 else f"{x:.3f}")

# %% tags=["hide-input"]
gaps = {}
for way, frame in found.items():  # differences on the same listeners
    gap = (frame["sound"] - frame["popularity"]).rename("gap").to_frame()
    gaps[way] = evaluate.mean_interval(gap).loc[0]
fig, axis = plt.subplots(figsize=(7.5, 2.4))
for place_, (way, gap) in enumerate(gaps.items()):
    axis.plot([gap["low"], gap["high"]], [-place_] * 2, color=COLORS["blue"])
    axis.plot(gap["mean"], -place_, "o", color=COLORS["blue"])
    text = f"{way}: {gap['mean']:+.3f} [{gap['low']:+.4f}, {gap['high']:+.4f}]"
    box = dict(facecolor="white", edgecolor="none", pad=1)
    axis.text(gap["mean"], 0.22 - place_, text, ha="center", fontsize=9.5, bbox=box)
axis.axvline(0, color="grey", lw=0.8, zorder=0)
axis.set(yticks=[], ylim=(-2.4, 0.7))
axis.set_xlabel("recall of sound minus recall of popularity, with 95 % intervals")
axis.spines["left"].set_visible(False)
reach = 1.6 * max(abs(gap[end]) for gap in gaps.values() for end in ("low", "high"))
axis.set_xlim(-reach, reach)
sides = ["sound" if gap["mean"] > 0 else "popularity" for gap in gaps.values()]
verdicts = [
    f"{side} ahead" if gap["low"] * gap["high"] > 0 else "could be chance"
    for side, gap in zip(sides, gaps.values(), strict=True)
]
n_answers = ["one answer", "two answers", "three answers"][len(set(verdicts)) - 1]
axis.set_title(f"Three ways to treat the fill-ins, {n_answers}{label}")
show(
    fig,
    "Sound minus popularity: "
    + "; ".join(f"{w} {g['mean']:+.3f}" for w, g in gaps.items()),
)
for way, side, verdict in zip(gaps, sides, verdicts, strict=True):
    if way in both_ways:
        lesson.reveal(way, side, f"Ahead, {way}: **{side}**.")
    else:
        say(f"{way[0].upper()}{way[1:]}: **{verdict}**.")
most_heard = seen.sum(0).argsort()[-20:]
from_outside = (seen & ~meets)[:, most_heard].sum() / seen[:, most_heard].sum()
say(
    f"Of all listens to the 20 most heard songs, **{from_outside:.0%}** are from outside "
    "the listener's pool."
)

# %% [markdown]
# All columns are computed correctly, but they answer different questions. In the first,
# popularity profits from the fill-ins, because with the real songs they are among the most
# heard. In the second, hidden fill-ins do not count any more, but the models still learn from
# the known ones, and popularity wastes places of its list on them. The third takes them out of
# the training data too, with the few songs from anywhere. Then popularity gains, and with the
# real songs the lead of sound becomes so small that it could be chance.
#
# The intervals could not warn us. An interval only says how much the number would vary with
# other listeners. It does not know that we counted the wrong songs. So if one rule of
# a simulator can decide a comparison, show the result with and without that rule, and say what
# exactly you took out.
#
# ## 7. What did the hidden units find?
#
# Now our own model joins. It is an RBM as in lesson 02, with a 1 for each song that a listener
# heard and a 0 elsewhere. Nobody tells it about archetypes. We train it briefly. The folded
# cell passes two new options to `fit`. *Adam* gives each weight a learning rate of its own, and
# *weight decay* pulls all weights gently towards 0.


# %% tags=["hide-input"]
def train_rbm(rows, n_hidden=100, epochs=15, weight_decay=1e-4):
    model = RBM(rows.shape[1], n_hidden, seed=0).initialize_from(rows)
    fit(
        model,
        rows,
        optimizer=torch.optim.Adam,
        lr=0.01,
        schedule=linear_decay(),
        weight_decay=weight_decay,
        batch_size=100,
        epochs=epochs,
        callbacks=[Monitor(every=epochs)],
        generator=torch.Generator().manual_seed(0),
        device="cpu",
        progress=lesson.progress,
    )
    return model


# %%
rows = torch.as_tensor(seen, dtype=torch.float32)
rbm = train_rbm(rows, n_hidden=100, weight_decay=1e-4)
# %%
scores["RBM"] = score_items(rbm, rows)
for way, wanted in both_ways.items():
    table.loc["RBM", way] = recall(scores["RBM"], wanted).mean()
table.loc[["popularity", "sound", "RBM", "EASE", "oracle"], list(both_ways)].round(3)

# %% [markdown]
# The RBM learned from the fill-ins, as the others here did. With the real songs, it loses more
# than EASE where hidden fill-ins do not count.
#
# Each listener switches some hidden units on and others off. What do the units stand for? We
# can look, because we know who everybody is.
#
# **Exercise 4 · Units and archetypes** · ★★ · 6 minutes · 2 points. `model` is an RBM with
# `model.prob_h_given_v(rows)`, `rows` has a row for each listener, and `kind` says which
# archetype each listener has, as a whole number from 0 to `kind.max()`. Return a table with a
# row for each hidden unit and a column for each archetype. It holds the average probability
# that the unit is on for the listeners of this archetype.
#
# <details><summary>Hint</summary>Start with <code>p = model.prob_h_given_v(rows)</code>. Then
# <code>p[kind == 0].mean(0)</code> has one number for each hidden unit.
# <code>torch.stack</code> with <code>dim=1</code> puts such columns side by side.</details>


# %%
def my_unit_table(model, rows, kind):
    ### BEGIN SOLUTION
    p = model.prob_h_given_v(rows)
    columns = [p[kind == k].mean(0) for k in range(int(kind.max()) + 1)]
    return torch.stack(columns, dim=1)
    ### END SOLUTION


# %%
lesson.check("4", my_unit_table)

# %% [markdown] tags=["skip-slide"]
# We say that an archetype has a **code** if more than a fifth of the units are on with a
# probability above .9, averaged over its listeners.
#
# > **Predict first.** Which archetypes will have a code?

# %%
lesson.predict("units", "Archetypes with a code")

# %%
unit_table = lesson.use("4", my_unit_table)
kind = torch.as_tensor(pd.Categorical(profiles["archetype"], kinds).codes.astype(int))
with torch.no_grad():
    on = unit_table(rbm, rows, kind)
on = np.asarray(on)  # units × archetypes
print(on.shape, "units × archetypes")


# %% tags=["hide-input"]
def unit_map(on, title):
    """Hidden units as columns, archetypes as rows, those with most dark units on top."""
    row_order = np.argsort(-(on > 0.9).sum(0), kind="stable")
    column_order = np.lexsort(-on[:, row_order[::-1]].round().T)
    fig, axis = plt.subplots(figsize=(8.5, 3.3))
    picture = axis.imshow(
        on[column_order][:, row_order].T, cmap="Blues", vmin=0, vmax=1, aspect="auto"
    )
    axis.set_yticks(range(len(kinds)), [kinds[k] for k in row_order])
    axis.set(xlabel=f"{len(on)} hidden units", xticks=[])
    axis.set_title(title)
    fig.colorbar(picture, label="probability of being on", pad=0.01)
    show(
        fig,
        title + ". A row with many dark stripes is an archetype whose listeners switch "
        "the same units on.",
        n_colors=256,
    )


def with_a_code(on):
    """Archetypes whose listeners switch more than a fifth of all units on together."""
    return [
        name
        for name, column in zip(kinds, on.T, strict=True)
        if (column > 0.9).mean() > 0.2
    ]


coded = with_a_code(on)
unit_map(on, f"{len(coded)} of 12 archetypes have a code{label}")
lesson.reveal(
    "units",
    ", ".join(coded) or "none",
    f"With a code: **{', '.join(coded) or 'no archetype'}**.",
)
mainstream = on[:, kinds.index("Mainstream Listener")]
all_on, all_off = int((mainstream > 0.9).sum()), int((mainstream < 0.1).sum())
say(
    f"Of {len(on)} units, {all_on} are on with a probability above .9 for mainstream "
    f"listeners, where a code needs more than {len(on) // 5}. {all_off} are off, below .1."
)

# %% [markdown]
# A row with many dark stripes is a code. Here the codes belong to listeners who share many
# songs, because their pool is small or was filled in. Mainstream listeners choose from thousands of songs and share
# few. They agree on what is *off*, but they switch few units on together.
#
# A row of middle shades means that the listeners differ from each other. Loyal fans, for
# example, love different artists. Do two fans of the *same* artist agree?

# %% tags=["hide-input"]
fans = profiles[profiles["archetype"] == "Loyal Fan"]
with torch.no_grad():
    codes = (rbm.prob_h_given_v(rows[fans.index.tolist()]) > 0.5).numpy()
differ = (codes[:, None] != codes).mean(2)  # fan × fan: share of the units that differ
artist = fans["artist"].to_numpy()
pair = np.triu(np.ones(differ.shape, dtype=bool), 1)
same = pair & (artist[:, None] == artist)
say(
    f"Two loyal fans of the same artist differ in **{differ[same].mean():.0%}** of the "
    f"units ({same.sum()} pairs), and two fans of different artists in "
    f"**{differ[pair & ~same].mean():.0%}**."
)

# %% [markdown]
# So the RBM has patterns for artists. Our average over all fans hid them. The RBM has found groups
# that nobody told it about, because it uses its units for patterns that repeat.
#
# **Exercise 5 · Read the units** · open · at home, 12 minutes. The next cell prints, for three
# units, the archetypes that have the unit on, and the songs that those who have it on hear so
# much more often than the others. What do you think each unit stands for? (With the real songs,
# one unit is on for mainstream listeners, who share few songs, so its songs say little about
# them.) Then change one thing, predict which rows of the picture will gain or lose a code, run, and say in two
# sentences what you saw. The second cell leaves out all songs from outside the pools. With the
# real songs, classical and niche listeners then have heard next to nothing, so their rows say
# little. Watch the others. You can also keep all songs (`changed_rows = rows`) and try
# `n_hidden=30` or `epochs=3`.


# %%
def read_unit(j, n=4):
    """Who has unit j on, and which songs these listeners hear more than the others."""
    is_on = rbm.prob_h_given_v(rows)[:, j] > 0.5
    with_unit, without = rows[is_on].mean(0), rows[~is_on].mean(0)
    average = pd.Series(on[j].tolist(), kinds).sort_values(ascending=False)[:3].round(2)
    print(f"unit {j} is on for {average.to_dict()}")
    for song in (with_unit - without).topk(n).indices.tolist():
        name = ", ".join(tracks.loc[song, ["track_name", "artist_name"]])
        print(f"   heard by {with_unit[song]:.0%}, others {without[song]:.1%}: {name}")


next_highest, highest = np.sort(on, axis=1)[:, -2:].T
for j in np.argsort(next_highest - highest)[:3]:  # one archetype stands out
    read_unit(int(j))

# %% tags=["skip-slide"]
changed_rows = rows * torch.as_tensor(meets)  # your change goes here
changed = train_rbm(changed_rows)  # or here
with torch.no_grad():
    changed_on = np.asarray(unit_table(changed, changed_rows, kind))
print("with a code:", ", ".join(with_a_code(changed_on)) or "none")
unit_map(changed_on, f"After the change, {len(with_a_code(changed_on))} of 12 have a code")

# %% [markdown]
# ## What we saw
#
# - A merge on a key that repeats multiplies rows without a warning. Use an address that is
#   unique, and let `validate=` check it.
# - A count has spikes, and a narrow bell on a spike wins any comparison of densities.
#   Dequantise the count and stretch it first.
# - An oracle gives a ceiling. Read results against it, and ask which listeners they come from.
# - One rule of a simulator can decide a comparison. Show the result with and without it.
# - Hidden units learn what repeats, whether it is taste or an artefact.

# %%
lesson.predictions()
lesson.score()

# %% [markdown]
# ## Check yourself
#
# *At home*, or next week.
#
# <details><summary>1. A key stands 3 times on the left and 4 times on the right, and a second key once on each side. How many rows does the inner merge have?</summary>3 · 4 + 1 · 1 = 13.</details>
#
# <details><summary>2. Why does the score of a narrow bell rise on songs that the model has not seen?</summary>The unseen songs sit on the same value as the seen ones. The density at one point has no upper bound, so a bell there can be as high as the software allows.</details>
#
# <details><summary>3. A listener heard 50 songs of a pool of 450, and 40 are known. What can an oracle reach with a list of 20?</summary>410 songs are left, all alike, so 20/410 = .049.</details>
#
# <details><summary>4. A new model has a recall above the oracle's on this data. What do you do?</summary>Look for a leak first. If there is none, compare both on the same listeners with an interval, because a model can be lucky. On average no model that sees only the listens can beat an oracle that knows the rules.</details>
#
# <details><summary>5. Somebody draws each listen *with* replacement from the pool, and splits the listens at random afterwards. What will score best?</summary>"Play it again". The same song is in both parts, so a model that repeats what it has seen finds the hidden listens without learning anything.</details>

# %% tags=["remove-cell", "skip-slide"]
lesson.quiz()  # ten more questions, if you like, with reasons

# %% [markdown]
# ## References
#
# - Beach, Top 10000 Spotify songs 1960-now, [Kaggle](https://www.kaggle.com/datasets/joebeachcapital/top-10000-spotify-songs-1960-now).
# - Theis, van den Oord & Bethge (2016), A note on the evaluation of generative models. [doi:10.48550/arXiv.1511.01844](https://doi.org/10.48550/arXiv.1511.01844)
# - Steck (2019), Embarrassingly shallow autoencoders for sparse data. [doi:10.1145/3308558.3313710](https://doi.org/10.1145/3308558.3313710)
#
# **Next:** [05 · The Gaussian-Bernoulli deep Boltzmann machine](05_gaussian_bernoulli_dbm.ipynb), a model for the coordinates of section 3.
