# %% [markdown]
# # 04 · Spotify: from two messy files to twelve kinds of listeners
#
# Two files list thousands of songs, and nobody tells us who listened to them. In this lesson
# you turn the files into one table that you can trust and draw a map of music. Then you
# invent a thousand listeners. Because you know their tastes, you can work out how good a
# recommender could possibly be, and you will find a good-looking number that does not
# measure what you think.
#
# | | |
# |---|---|
# | **You will be able to** | merge files without multiplying rows; give columns that count a density that means something; write a kind of listener as data; work out a ceiling and read results against it; say what hidden units have found |
# | **You need** | lessons 00 and 01, sections 4 and 6 of lesson 02, and pandas' `groupby` and `merge` |
# | **Time** | 75 minutes, 24 of them for four exercises. What is marked *at home* comes on top |
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
# another. Most songs are in both, and we want one row for each.

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
# Let's look before we merge. Here are seven rows, not chosen at random. The *address* is the
# link to the song on Spotify, of which we print the last five letters. The *ISRC* is the
# code of a recording, like the ISBN of a book.

# %% tags=["hide-input"]
URI, SONG, ARTIST, ALBUM = "Track URI", "Track Name", "Artist Name(s)", "Album Name"
DATE = "Album Release Date"


def suspicious_rows():
    """A row that is in its file twice, three songs of one name, one song of two years."""
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
    return pd.concat([twice, namesakes, reissued.iloc[[0, -1]]])


rows = suspicious_rows()
rows = rows.assign(address="…" + rows[URI].str[-5:])
rows.set_index("address")[[SONG, ARTIST, ALBUM, DATE, "Popularity", "ISRC"]]

# %% [markdown]
# > **Predict first.** Suppose we call every row a song and go on. Find three things that
# > will go wrong.

# %%
lesson.predict("faults", "Three things that will go wrong")

# %% [markdown] tags=["skip-slide"]
# The rest of this section goes through them.
#
# ### A row that is in the file twice
#
# The first two rows agree in everything, also in the columns not shown. If one copy ended
# up in the training part and the other in the test part, a model could look up the answer.
# It is easy to remove.

# %%
left, right = first.drop_duplicates(), second.drop_duplicates()
print(f"rows that repeat another: {len(first) - len(left)} and {len(second) - len(right)}")

# %% [markdown]
# ### A name that is not a key
#
# The next rows share a name, yet they are different songs. What does that do to a merge?
#
# ![Three rows named Hello on the left, two on the right: a merge on the name gives six rows, one on the address two.](figures/merge_on_names.svg)
#
# A merge pairs *every* row on the left with *every* row on the right that has the same key.
# Three Hellos on the left and two on the right give 3 × 2 = 6 rows, and four of them join two
# different songs.
#
# **Exercise 1 · Rows of a merge** · ★ · 6 minutes · 2 points. `left` and `right` are
# dictionaries that say how many rows have each key, such as `{"Hello": 3, "One": 1}`. Return
# two numbers: the rows of an *inner* merge, which drops keys without a partner, and those of
# an *outer* merge, which keeps every row without a partner, once.
#
# <details><summary>Hint</summary><code>right.get(key, 0)</code> is 0 for a key that the right
# side does not have. An outer merge has the rows of the inner one and those that found no
# partner, on either side.</details>


# %%
def my_merged_rows(left, right):
    ### BEGIN SOLUTION
    inner = sum(n * right.get(key, 0) for key, n in left.items())
    without_partner = sum(n for key, n in left.items() if key not in right)
    without_partner += sum(n for key, n in right.items() if key not in left)
    return inner, inner + without_partner
    ### END SOLUTION


# %%
lesson.check("1", my_merged_rows)

# %% [markdown]
# > **Predict first.** Each file has a little more than eight thousand rows, and nearly all
# > songs are in both. How many rows does an inner merge on the song's *name* have?

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
    pair = [Counter(zip(*(x[c] for c in columns), strict=True)) for x in (left, right)]
    n_rows[name] = int(merged_rows(*pair)[0])
print("pandas agrees:", len(left.merge(right, on=SONG)) == n_rows["name"])

# %% tags=["hide-input"]
common = len(set(left[URI]) & set(right[URI]))
fig, axis = plt.subplots(figsize=(7.5, 2.2))
for place, (name, n) in enumerate(n_rows.items()):
    axis.barh(-place, n, color=COLORS["blue" if name == "address" else "orange"])
    axis.text(n + 80, -place, f"{n:,}", va="center")
axis.axvline(common, color=GREY, ls=":", lw=1.2)
axis.text(
    common, 0.62, f"{common:,} songs are in both", ha="center", color=GREY, fontsize=9
)
axis.set_yticks([0, -1, -2, -3], n_rows)
axis.set(xlabel="rows of the merge", xlim=(0, 1.12 * max(n_rows.values())))
axis.set_ylim(-3.6, 1.1)
extra = n_rows["name"] / common - 1
axis.set_title(f"A merge on the name makes {extra:.0%} too many rows{label}")
show(fig, "Rows of a merge by key: " + "; ".join(f"{k} {n:,}" for k, n in n_rows.items()))
lesson.reveal("rows", n_rows["name"], f"It has **{n_rows['name']:,}** rows.")

# %% [markdown]
# Nothing warned us, and the merged table looks plausible. Even name, artist and album
# together give too many rows. Only the address is unique, and pandas checks that for us if
# we ask.

# %%
try:
    left.merge(right, on=SONG, validate="one_to_one")
except pd.errors.MergeError as error:
    print("refused:", str(error).splitlines()[0][:60], "…")
both = left[[URI]].merge(right[[URI]], on=URI, how="outer", validate="one_to_one")
print(f"merged on the address: {len(both):,} rows")

# %% [markdown]
# `load_spotify` has done the same, and dropped repeated rows and songs without a tempo.

# %%
tracks = spotify.tracks
gone = spotify.report.groupby("action")["rows"].sum()
say(
    f"{sum(map(len, exports.values())):,} rows read = **{len(tracks):,} songs** "
    f"+ {gone.get('merged', 0):,} merged into them + {gone['dropped']} dropped."
)
spotify.report.set_index("reason")[["rows", "action"]]

# %% [markdown] tags=["skip-slide"]
# ### A date that is not the song's
#
# The last two rows have one ISRC, so they are one recording. It cannot have been made in two
# different years.
#
# > **Predict first.** Take all recordings that are listed more than once. For what share of
# > them do the listings disagree about the year?

# %%
shares = ["less than 10 %", "10 to 30 %", "30 to 50 %", "more than 50 %"]
lesson.predict("years", "The listings disagree for", shares)

# %%
known = tracks.dropna(subset=["isrc", "release_year"])
by_code = known.groupby("isrc").agg(
    listings=("track_uri", "size"),
    song=("track_name", "first"),
    earliest=("release_year", "min"),
    latest=("release_year", "max"),
)
several = by_code[by_code["listings"] > 1]
disagree = (several["earliest"] < several["latest"]).mean()

# %% tags=["hide-input"]
apart = several["latest"] - several["earliest"]
worst = several.assign(apart=apart).sort_values(["apart", "song"], ascending=[False, True])
worst = worst.drop_duplicates("song")[:14]
fig, axis = plt.subplots(figsize=(8, 3.9))
for place, row in enumerate(worst.itertuples()):
    axis.plot([row.earliest, row.latest], [-place] * 2, color="#c9ced6", lw=3, zorder=1)
    axis.plot(row.earliest, -place, "o", color=COLORS["blue"])
    axis.plot(row.latest, -place, "o", color=COLORS["orange"])
    text = f"{row.song.split(' - ')[0][:34]}, {row.apart:.0f} years"
    axis.text(row.latest + 1, -place, text, va="center", fontsize=9)
axis.text(worst["earliest"].iloc[0], 0.7, "earliest", color=COLORS["blue"], ha="center")
axis.text(worst["latest"].iloc[0], 0.7, "latest", color="#9a6a00", ha="center")
axis.set(yticks=[], xlabel="release date of a listing", ylim=(-13.8, 1.8))
axis.set_xlim(float(worst["earliest"].min()) - 3, float(worst["latest"].max()) + 22)
axis.spines["left"].set_visible(False)
axis.set_title(f"One recording, two release dates{label}")
show(
    fig, "Fourteen recordings with the earliest and latest release date of their listings."
)
ranges = zip((0, 0.1, 0.3, 0.5), (0.1, 0.3, 0.5, 1.01), shares, strict=True)
answer = next(name for low, high, name in ranges if low <= disagree < high)
lesson.reveal(
    "years",
    answer,
    f"Of {len(several):,} such recordings, **{disagree:.0%}** carry different years, up to "
    f"{int(apart.max())} years apart.",
)
lesson.reveal(
    "faults",
    "repeated rows, names that are not keys, dates of a release",
    "Ours were a repeated row, a name that is not a key, and the date of a release.",
)

# %% [markdown]
# The column holds the date of *this release*, which may be a collection or a remastered
# copy. So whoever asks for the music of a decade gets the releases of that decade.
# Popularity belongs to a listing, too. An old listing may have popularity 0 while the song
# is played every day.
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
print(tracks.loc[0, "track_name"], "has the genres", tracks.loc[0, "genres"])
say(
    f"There are {len(genre_counts)} genres. **{len(common_genres)}** of them are in more "
    f"than 23 songs, and **{len(niche_genres)}** in at most 5."
)

# %% [markdown]
# We call these *common* and *niche* genres, with the bounds that our listeners will use
# later. What do genres sound like? Spotify measures how energetic each song is and how
# cheerful, which it calls *energy* and *valence*. These two make a map. Each genre stands at
# the average of its songs, moved a little where names would cover each other.

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
fig, axis = plt.subplots(figsize=(9, 7))
warm = LinearSegmentedColormap.from_list("", ["#cfe6f5", "#fdf6e3", "#f6c98a"])
hexes = axis.hexbin(
    tracks["energy"],
    tracks["valence"],
    C=tracks["acousticness"],
    gridsize=36,
    extent=(0, 1, 0, 1),
    cmap=warm,
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
for k, (family, (color, *_)) in enumerate(FAMILIES.items()):
    axis.text(k / 7, 1.015, family, color=color, transform=axis.transAxes, weight="bold")
axis.set_title(f"A map of music, acoustic on the left and electric on the right{label}\n")
fig.canvas.draw()
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
)

# %% [markdown]
# Large names are common genres. They crowd in the middle, because a large genre has songs of
# every mood and its average says little about any one of them. Small names at the rim have a
# few songs each. Grey names belong to none of the seven families above the map.
#
# ## 3. A scale for a Gaussian
#
# This section prepares lesson 05, where a model with *Gaussian* units learns the fourteen
# numbers that describe each song. You can leave it until then, because sections 4 to 7 do
# without it. A Gaussian unit describes a
# number by a bell, and the height of the bell at a value is called the **density** there. A
# good model has a high density at songs that it has not seen, so people report the average
# logarithm of the density at such songs, in nats.
#
# Popularity takes whole values only, and many songs sit exactly at 0. Such a spike can fool
# the measure. A bell of standard deviation $s$ is $.4/s$ high at its centre. With $s = 1$
# that is .4. With $s = .001$ it is about 400, and the logarithm rises from −.92 to 5.99.
#
# Let's build a model that makes use of this. It has a narrow bell at 0 and a broad one for
# all songs, and their two weights add up to 1. It learns from 70 % of the songs, and
# we score it on the rest.

# %%
popularity = tracks["popularity"].to_numpy(dtype=float)
rng = np.random.default_rng(0)
held_out = rng.random(len(tracks)) < 0.3
share = np.mean(popularity[~held_out] == 0)  # of the songs in the spike
say(
    f"The narrow bell gets the weight {share:.3f}, the share of the spike. The broad one "
    f"gets {1 - share:.3f}, so the other songs lose log {1 - share:.3f} = "
    f"{np.log(1 - share):.3f} nats, once."
)


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
per_ten = raw_scores[-1] - raw_scores[-4]  # three steps are a factor of ten
lesson.reveal(
    "spike",
    courses[2],
    f"It goes from {raw_scores[3]:.1f} at $s = 1$ to {raw_scores[-1]:.1f} at "
    f"$s = .000001$, by {per_ten:.2f} for each factor of ten. That is the share of the "
    f"spike, {share:.2f}, times 2.30, which is log 10.",
)

# %% [markdown]
# The score rises on songs that the model has never seen, because they sit in the same spike,
# and nothing was learned about music.
#
# To stop this, we add a random $u$ between 0 and 1 to each number, which is called
# **dequantising**. The sum $y = x + u$ has no spike. Then we stretch the range from 0 to 101
# over the whole line, because a bell has no ends. With the share $q = .001 + .998\,y/101$,
# which stays clear of 0 and 1,
#
# $$z = \log \frac{q}{1 - q}, \qquad
# \frac{dz}{dy} = \frac{.998}{101} \cdot \frac{1}{q\,(1 - q)}.$$
#
# The second expression is the *slope*, which says how much the axis is stretched there. The
# density of $z$ times the slope is the density of $y$, so we **add the logarithm of the
# slope** to bring a score back to $y$.
# Take a song of popularity 0 and $u = .5$. Then $y = .5$, $q = .00594$, $z = -5.12$, the
# slope is 1.67, and its logarithm is .515.
#
# **Exercise 2 · A step and its slope** · ★★ · 8 minutes · 3 points. `x` holds whole numbers
# from 0 to 100 and `u` holds numbers between 0 and 1, both of shape (n,). Return `z` and the
# natural logarithm of the slope, each of shape (n,).
#
# <details><summary>Hint</summary>The logarithm of a product is a sum. Check yourself with the
# song of popularity 0 above.</details>


# %%
def my_step(x, u):
    ### BEGIN SOLUTION
    q = 0.001 + 0.998 * (x + u) / 101
    z = np.log(q / (1 - q))
    log_slope = np.log(0.998 / 101) - np.log(q) - np.log(1 - q)
    return z, log_slope
    ### END SOLUTION


# %%
lesson.check("2", my_step)

# %% [markdown]
# With your step, the songs of the spike become a small hill. We put the narrow bell there
# and try the trick again.

# %%
step = lesson.use("2", my_step)
u = rng.random(len(tracks))
z, log_slope = (np.asarray(x) for x in step(popularity, u))
spot = z[popularity == 0].mean()
slope_part = log_slope[held_out].mean()
new_scores = [score(z, spot, s) + slope_part for s in widths]
best = widths[np.argmax(new_scores)]
only_added = max(score(popularity + u, 0.5, s) for s in widths)
say(f"The best score is **{max(new_scores):.2f}** nats for each song.")
say(f"Adding $u$ without stretching has a best score of {only_added:.2f}.")

# %% tags=["hide-input"]
fig, axes = plt.subplots(2, 2, figsize=(9, 5), width_ratios=(1.25, 1))
(spike, rising), (hill, peak) = axes
spike.hist(popularity, np.arange(102) - 0.5, density=True, color="#b9d9ec")
for s in (2, 1, 0.5):
    grid = np.linspace(-5, 30, 2000)
    spike.plot(grid, share * bell(grid, 0, s), color=COLORS["red"], lw=1.4)
spike.set(xlim=(-5, 30), xlabel="popularity, up to 30", ylabel="density")
spike.set_title("With the spike, narrower is better …")
hill.hist(z, 80, density=True, color="#b9d9ec")
grid = np.linspace(-8, 3, 500)
hill.plot(grid, share * bell(grid, spot, best), color=COLORS["red"], lw=1.4)
hill.set(xlabel="z", ylabel="density")
hill.set_title(f"… and after your step, a width of {best:.2g} is best")
for axis, values in ((rising, raw_scores), (peak, new_scores)):
    axis.semilogx(widths, values, ".-", color=COLORS["red"])
    axis.invert_xaxis()
    axis.set(xlabel="width s of the narrow bell", ylabel="held-out score, nats")
show(
    fig,
    "Top: popularity with a spike at 0 and ever narrower bells, and a score that rises "
    "without end. "
    "Bottom: after the step the spike is a hill, and the score is best at one width.",
)

# %% [markdown] tags=["skip-slide"]
# Now one width is best, and the former zeros form a hill that a model can learn. Adding $u$
# alone would have stopped the trick, and with these two bells it even scores a little better.
# The stretch has another purpose. A model with bells on $y$ would invent songs of popularity
# −5 or 110, and one with bells on $z$ does not.
#
# The library's `AudioFeatures` takes such a step for every column that needs one. Then it
# brings all columns to mean 0 and variance 1 and turns the axes until no two columns are
# correlated, which is called *whitening*. Every step can be undone.
#
# ![The pipeline: dequantise, stretch, standardise, whiten; every step can be undone and keeps its slope.](figures/audio_pipeline.svg)

# %%
features = tracks[list(FEATURES)].astype(float)
audio = AudioFeatures().fit(features)
coordinates = audio.transform(features)
stages = audio.steps(features)
y = stages["dequantised"]["popularity"].to_numpy()
own_z = np.asarray(step(popularity, y - popularity)[0])
print("popularity as in your step:", np.allclose(stages["squashed"]["popularity"], own_z))
print(
    "and back to the features:", np.allclose(audio.inverse_transform(coordinates), features)
)
covariance = np.cov(coordinates.T, bias=True)
print("variance 1, no correlation:", np.allclose(covariance, np.eye(len(FEATURES))))

# %% [markdown]
# Lesson 05 starts from these coordinates.
#
# ## 4. Twelve kinds of listeners
#
# Nobody publishes who listened to these songs, so we invent the listeners. We use a
# published table of twelve kinds. Each kind of listener is an **archetype**, which has a
# share of all listeners, a number of songs, and conditions for these songs. The songs that
# meet all conditions are the listener's **pool**. An audiophile, for example, likes acoustic
# music with little singing.

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
def draw_pool(axis, in_pool, heard=None):
    """Songs on the mood map: all of them, the pool, what was heard of it and beside it."""
    layers = [(tracks, 2, "#d5dae0"), (tracks[in_pool], 5, COLORS["sky"])]
    if heard is not None:
        layers.append((tracks[heard & in_pool], 9, COLORS["blue"]))
        layers.append((tracks[heard & ~in_pool], 14, COLORS["red"]))
    for songs, size, color in layers:
        marker = "s" if size == 2 else "o"
        axis.scatter(songs["energy"], songs["valence"], size, color, marker=marker, lw=0)
    axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="energy")


fig, axes = plt.subplots(1, 3, figsize=(9.4, 3.7), sharey=True)
portraits = []
for axis, kind in zip(
    axes, ("Mood-Based Listener", "Audiophile", "Loyal Fan"), strict=True
):
    one = profiles[profiles["archetype"] == kind].iloc[0]
    heard = interactions[interactions["user_id"] == one["user_id"]]
    on_map = tracks["track_uri"].isin(heard["track_uri"]).to_numpy()
    in_pool = meets[one["user_id"] - 1]
    draw_pool(axis, in_pool, on_map)
    axis.set_title(f"{kind}\npool of {one['pool_size']}, {len(heard)} heard", fontsize=10.5)
    fan = f" of {one['artist']}" if one["artist"] else ""
    songs = heard.drop_duplicates("track_name")["track_name"].head(3)
    portraits.append(
        f"- **{kind}**{fan}: {len(heard)} songs heard, {(on_map & ~in_pool).sum()} of them "
        f"from outside the pool. The first of the year: {'; '.join(songs)}."
    )
axes[0].set_ylabel("valence")
names = {"in the pool": "sky", "heard": "blue", "heard, not\n   in the pool": "red"}
for k, (name, color) in enumerate(names.items()):
    axes[2].text(0.03, 0.42 - 0.08 * k, f"● {name}", color=COLORS[color], va="top")
show(
    fig,
    "Three listeners on the map of energy and valence. The pool of the mood-based one is a "
    "rectangle, and those of the audiophile and the loyal fan are spread over the map.",
)
say("\n".join(portraits))

# %% [markdown]
# The mood-based listener wants energy and valence in certain ranges, which is a rectangle on
# our map. The loyal fan wants one artist, whatever the mood. But this artist has fewer songs
# than the fan should hear, so where do the others come from? If a pool is too small, the
# simulator takes all of it and **fills in** the songs that come closest to meeting the
# conditions. For an artist, these are songs of other artists whose average sound is similar,
# so a fan of Calvin Harris may hear Bon Jovi. Keep these *fill-ins* in mind, because section 6 comes back to them. Here are
# all twelve archetypes.


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
        "share": [archetype.share for archetype in ARCHETYPES],
        "songs": [archetype.n_tracks for archetype in ARCHETYPES],
        "likes": ["; ".join(map(in_words, a.conditions)) for a in ARCHETYPES],
    },
    index=kinds,
)

# %% [markdown]
# The shares add up to 1.05, so the simulator divides them by their sum.
#
# **Exercise 3 · A thirteenth archetype** · ★★ · 4 minutes · 2 points. A *Slow Dancer* hears 40
# songs with a tempo of at most 100 beats per minute and a danceability of at least .8. Return
# this listener as an `Archetype`. The name and the share are up to you.
#
# <details><summary>Hint</summary>The audiophile above is the pattern. <code>Range(column, low,
# high)</code> leaves a side open if it is <code>None</code>.</details>


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
# *At home*, describe yourself with the sliders of the second cell below, and move them until
# you like the pool.


# %% tags=["skip-slide", "hide-input"]
def draw_you(energy=0.7, valence=0.6, popularity=60):
    """Everything within a distance of what you like."""
    near = (tracks["energy"] - energy).abs() <= 0.15
    near &= (tracks["valence"] - valence).abs() <= 0.15
    near &= (tracks["popularity"] - popularity).abs() <= 15
    fig, axis = plt.subplots(figsize=(4.6, 3.8))
    draw_pool(axis, near.to_numpy())
    axis.set(ylabel="valence")
    axis.set_title(f"You: a pool of {near.sum()} songs")
    show(fig, f"The songs near your settings on the map, {near.sum()} of them.")
    some = tracks[near].sample(min(4, near.sum()), random_state=0)
    print("\n".join(some["track_name"] + ", by " + some["artist_name"]))


draw_you()

# %%
sliders = {"energy": (0.0, 1.0, 0.05, 0.7), "valence": (0.0, 1.0, 0.05, 0.6)}
lesson.slider(draw_you, **sliders, popularity=(0, 100, 5, 60))

# %% [markdown]
# Each listen also has a time in 2023 and a rating from 1 to 5, which is higher if the song
# fits the listener better. `write_listeners` makes two files of that, one for the listens
# and one for the people. Here are those of your slow dancers.

# %%
with tempfile.TemporaryDirectory() as folder:
    print([path.name for path in write_listeners(dancers, folder)])
    back = read_listeners(folder).interactions
back[["user_id", "track_name", "timestamp", "rating", "archetype"]].head(3)

# %% [markdown]
# ## 5. A bag of balls
#
# We hide a fifth of every listener's songs and let a recommender make a list of 20. The share
# of the hidden songs that are on the list is called the **recall**. What would be a good one?
#
# Think of an *oracle* that knows the rules of the simulator: everybody's pool, and the
# fill-ins of those whose pool is too small. It does not know which songs the listener
# happened to draw. Take an audiophile with a pool of 89 songs, who heard 40 of
# them. We show the oracle 32 and hide 8. The other 57 songs of the pool are balls in a bag,
# eight of them red, and all feel alike.


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
axis.set_title("Nobody can make a better list from a pool of 89 songs")
axis.axis("off")
show(
    fig,
    f"A bag with 57 balls, 8 of them red. Twenty are drawn and {red[taken].sum()} of "
    "these are red.",
)

# %% [markdown]
# Nobody can do better than to draw 20 of the 57. Each red ball is among them with probability
# 20/57, so on average the list finds 20/57 = .351 of the hidden songs. In general, with $n$
# known songs out of a pool of $P$, and as long as the listener needs no fill-ins,
#
# $$E[\text{recall}] = \min\Big(1,\; \frac{20}{P - n}\Big).$$


# %%
def ceiling(pool_size, n_known, length=20):
    return min(1.0, length / (pool_size - n_known))


balls = np.arange(57) < 8
draws = [rng.permutation(balls)[:20].sum() / 8 for _ in range(10_000)]
print(
    f"formula {ceiling(89, 32):.3f}, and on average over 10,000 bags {np.mean(draws):.3f}"
)
say(f"Your slow dancers have a ceiling of **{ceiling(dancer_pool, 32):.2f}**.")

# %% [markdown]
# > **Predict first.** Many pools hold thousands of songs, and some are small. What is the
# > oracle's recall, averaged over all thousand listeners?

# %%
lesson.predict("oracle", "The oracle's recall", [".9", ".5", ".2", ".02"])

# %%
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
    f"It is **{oracle.mean():.3f}**. A recall of .17, say, looks poor, and it is "
    f"{0.17 / oracle.mean():.0%} of that.",
)

# %% [markdown]
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

# %%
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

# %% [markdown] tags=["skip-slide"]
# > **Predict first.** Which archetype contributes most to the oracle's recall?

# %%
lesson.predict("largest part", "The largest part comes from the", kinds)

# %% tags=["hide-input"]
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
    no_song = int((profiles["pool_size"] == 0).sum())
    say(
        f"Pools of fewer than five songs belong to {empty.sum()} listeners "
        f"({', '.join(f'{k} {n}' for k, n in counts.items())}), **{empty.mean():.1%}** of "
        f"all, and {no_song} of these pools are empty. They supply "
        f"**{oracle[empty].sum() / oracle.sum():.0%}** of the oracle's recall."
    )

# %% [markdown]
# Something is odd. Listeners with a broad taste contribute next to nothing, while a large
# part comes from archetypes whose pools have fewer songs than they should hear. No more than
# five songs have a given niche genre, and hardly any song meets all four conditions of the
# classical music lover. So nearly all that these people hear is filled in. Listeners of one
# kind often get the *same* fill-ins. They are easy to guess, and no taste is behind them.
#
# Does this matter when we compare models? Let's take three. *Popularity* lists what most
# listeners heard. *Sound* averages the features of a listener's songs, without their
# popularity, and lists the songs most similar to that average. *EASE* learns from all
# listens which songs go together (lesson [08](08_better_ratings.ipynb) explains it). Its one
# setting was chosen on a part of the training listens.

# %%
audible = features.drop(columns="popularity")
sound = torch.tensor(((audible - audible.mean()) / audible.std()).to_numpy())
scores["popularity"] = baselines.Popularity().fit(split.train).scores()
scores["sound"] = cosine_scores(preference(sound, split.train), sound)
scores["EASE"] = baselines.EASE(30.0).fit(split.train).scores()

# %% [markdown]
# > **Predict first.** Which of sound and popularity has the higher recall if all hidden songs
# > count? And which, if only those from the listener's own pool count? (Listeners without
# > such a song are then left out.)

# %%
both_ways = {"all hidden songs": hidden, "from own pools": own}
for way in both_ways:
    lesson.predict(way, f"Ahead, {way}", ["sound", "popularity"])

# %%
found = {
    way: pd.DataFrame({name: recall(s, wanted) for name, s in scores.items()})
    for way, wanted in both_ways.items()
}


def lead(one, other, way):
    """Mean difference on the same listeners, and its 95 % interval over listeners."""
    gap = (found[way][one] - found[way][other]).rename("gap").to_frame()
    return evaluate.mean_interval(gap).loc[0]


table = pd.DataFrame({way: frame.mean() for way, frame in found.items()})
table.loc[["popularity", "sound", "EASE", "oracle"]].round(3)

# %% tags=["hide-input"]
gaps = {way: lead("sound", "popularity", way) for way in both_ways}
fig, axis = plt.subplots(figsize=(7.5, 1.8))
for place_, (way, gap) in enumerate(gaps.items()):
    axis.plot([gap["low"], gap["high"]], [-place_] * 2, color=COLORS["blue"])
    axis.plot(gap["mean"], -place_, "o", color=COLORS["blue"])
    text = f"{way}: {gap['mean']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]"
    box = dict(facecolor="white", edgecolor="none", pad=1)
    axis.text(gap["mean"], 0.22 - place_, text, ha="center", fontsize=9.5, bbox=box)
axis.axvline(0, color="grey", lw=0.8, zorder=0)
axis.set(yticks=[], ylim=(-1.4, 0.7))
axis.set_xlabel("recall of sound minus recall of popularity, with 95 % intervals")
axis.spines["left"].set_visible(False)
reach = 1.6 * max(abs(gap[end]) for gap in gaps.values() for end in ("low", "high"))
axis.set_xlim(-reach, reach)
sides = ["sound" if gap["mean"] > 0 else "popularity" for gap in gaps.values()]
sure = all(gap["low"] * gap["high"] > 0 for gap in gaps.values())
turned = sides[0] != sides[1]
titles = {
    (True, True): "Without the fill-ins, the order turns around",
    (True, False): "The order stays the same",
}
axis.set_title(titles.get((sure, turned), "One of the two differences could be chance"))
show(
    fig,
    "Sound minus popularity: "
    + "; ".join(f"{w} {g['mean']:+.3f}" for w, g in gaps.items()),
)
for way, side in zip(gaps, sides, strict=True):
    lesson.reveal(way, side, f"Ahead, {way}: **{side}**.")

# %% [markdown]
# Both columns are computed correctly, and they answer different questions. We meant to ask
# the second one. An interval does not help here, because it only says how far other draws of
# the listeners would change the number. It does not see that we counted the wrong songs. If
# a single rule of a simulator, or a few people, can decide a comparison, show the result with
# and without them.
#
# ## 7. What did the hidden units find?
#
# Now our own model joins. It is the RBM from section 6 of lesson 02, with a 1 for each song
# that a listener heard and a 0 elsewhere. Nobody tells it about archetypes. We train it
# briefly, so that you need not wait long.

# %%
rows = torch.as_tensor(seen, dtype=torch.float32)


def train_rbm(rows, n_hidden=100, epochs=30, weight_decay=1e-4):
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


rbm = train_rbm(rows)  # half a minute, or more on a busy laptop

# %%
scores["RBM"] = score_items(rbm, rows)
for way, wanted in both_ways.items():
    found[way]["RBM"] = recall(scores["RBM"], wanted)
    gap = lead("RBM", "EASE", way)
    print(
        f"{way}: RBM {found[way]['RBM'].mean():.3f}, which is {gap['mean']:+.3f} "
        f"[{gap['low']:+.3f}, {gap['high']:+.3f}] beside EASE"
    )

# %% [markdown]
# If an interval contains zero, this test cannot tell the two models apart. If it is below
# zero, EASE is ahead. We trained the RBM briefly, and longer training brings it closer.
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
# <details><summary>Hint</summary><code>p[kind == 0].mean(0)</code> has one number for each
# hidden unit. <code>torch.stack</code> with <code>dim=1</code> puts such columns side by
# side.</details>


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
# > **Predict first.** For which kinds will nearly all listeners switch on the same units?

# %%
lesson.predict("units", "Kinds whose listeners agree")

# %%
unit_table = lesson.use("4", my_unit_table)
kind = torch.as_tensor(pd.Categorical(profiles["archetype"], kinds).codes.astype(int))
with torch.no_grad():
    on = unit_table(rbm, rows, kind)
on = np.asarray(on)  # units × archetypes
print(on.shape, "units × archetypes")


# %% tags=["hide-input"]
def unit_map(on, title):
    """Hidden units as columns, archetypes as rows, the most decided archetypes on top."""
    settled = np.minimum(on, 1 - on).mean(0)  # 0 where all listeners of a kind agree
    active = (on > 0.5).sum(0)
    row_order = np.lexsort((settled, -active))
    column_order = np.lexsort(-on[:, row_order[::-1]].round().T)
    fig, axis = plt.subplots(figsize=(9, 3.6))
    picture = axis.imshow(
        on[column_order][:, row_order].T, cmap="Blues", vmin=0, vmax=1, aspect="auto"
    )
    axis.set_yticks(range(len(kinds)), [kinds[k] for k in row_order])
    axis.set(xlabel=f"{len(on)} hidden units", xticks=[])
    axis.set_title(title)
    fig.colorbar(picture, label="average probability that it is on", pad=0.01)
    show(
        fig,
        title + ". A row with many dark stripes is a kind whose listeners switch on "
        "the same units.",
    )


def with_a_code(on):
    """Kinds whose listeners switch on many units together: a fifth or more of all."""
    return [
        name
        for name, column in zip(kinds, on.T, strict=True)
        if (column > 0.9).mean() > 0.2
    ]


coded = with_a_code(on)
unit_map(on, f"{len(coded)} of 12 kinds switch on a fifth of the units together{label}")
lesson.reveal(
    "units",
    ", ".join(coded) or "none",
    "A fifth of the units or more are on for nearly every "
    f"**{', '.join(coded) or 'no kind'}**.",
)
people = rows[(profiles["archetype"] == "Mainstream Listener").tolist()]
shared = (people @ people.T)[np.triu_indices(len(people), 1)].mean()
mainstream = on[:, kinds.index("Mainstream Listener")]
all_on, all_off = int((mainstream > 0.9).sum()), int((mainstream < 0.1).sum())
say(
    f"Two mainstream listeners share **{shared:.1f}** of their {people.sum(1).mean():.0f} "
    f"known songs. Of {len(on)} units, {all_on} are on for nearly all of them, and "
    f"{all_off} are off."
)

# %% [markdown]
# A row with many dark stripes is a **code**. Nearly every listener of that kind switches the
# same units on. Many of these units are dark in other rows too, so it is the combination that
# tells a kind from the others. Here the codes belong to kinds whose listeners share many
# songs, because their pool is small or was filled in. Mainstream listeners choose from
# thousands of songs and share few. They agree mostly on what is *off*, and switch on few
# units together. (Other settings give other codes, as you can see in exercise 5.)
#
# A row of middle shades means that its listeners differ from each other. Loyal fans, for
# example, love different artists. Do two fans of the *same* artist agree?

# %%
fans = profiles[profiles["archetype"] == "Loyal Fan"]
with torch.no_grad():
    codes = (rbm.prob_h_given_v(rows[fans.index.tolist()]) > 0.5).numpy()
differ = (codes[:, None] != codes).mean(2)  # fan × fan: share of the units that differ
artist = fans["artist"].to_numpy()
pair = np.triu(np.ones(differ.shape, dtype=bool), 1)
same = pair & (artist[:, None] == artist)
say(
    f"Two loyal fans of the same artist differ in **{differ[same].mean():.0%}** of the "
    f"units, and two fans of different artists in **{differ[pair & ~same].mean():.0%}**."
)

# %% [markdown]
# So the RBM has a code for each artist with a few fans, and our average hid it. It has found
# groups that nobody told it about, and it spends its units on whatever repeats itself.
#
# **Exercise 5 · Read the units** · open · at home, 8 minutes. The next cell prints the songs
# that a unit makes more likely, and the kinds that have it on. Read three units, and write
# down what you think each stands for. Then change one thing about the model, predict which
# rows of the picture will gain or lose a code, run, and say in two sentences what you saw. Some
# ideas:
#
# - `n_hidden=12`, as many units as kinds. Does each kind get a unit of its own?
# - `train_rbm(rows * torch.as_tensor(meets))`, which learns without the fill-ins
# - `weight_decay=0.01`


# %%
def read_unit(j, n=4):
    songs = tracks.loc[rbm.W[:, j].topk(n).indices.tolist(), "track_name"]
    share = pd.Series(on[j].tolist(), kinds).sort_values(ascending=False)[:3].round(2)
    print(f"unit {j} likes: " + "; ".join(songs))
    print(f"   on for {share.to_dict()}")


for j in (0, 1, 2):
    read_unit(j)

# %% tags=["skip-slide"]
changed = train_rbm(rows, n_hidden=12)  # your change goes here
with torch.no_grad():
    changed_on = np.asarray(unit_table(changed, rows, kind))
print("with a code:", ", ".join(with_a_code(changed_on)) or "none")
unit_map(changed_on, f"After the change, {len(with_a_code(changed_on))} kinds have a code")

# %% [markdown]
# ## What we saw
#
# - A merge on a key that repeats multiplies rows without a warning. Use an address that is
#   unique, and let `validate=` check it.
# - A column that counts has spikes, and a narrow bell on a spike wins any comparison.
#   Dequantise, stretch, and add the logarithm of the slope.
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
#
# ## References
#
# - Beach, Top 10000 Spotify songs 1960-now, [Kaggle](https://www.kaggle.com/datasets/joebeachcapital/top-10000-spotify-songs-1960-now).
# - Theis, van den Oord & Bethge (2016), A note on the evaluation of generative models. [doi:10.48550/arXiv.1511.01844](https://doi.org/10.48550/arXiv.1511.01844)
# - Kessy, Lewin & Strimmer (2018), Optimal whitening and decorrelation. [doi:10.1080/00031305.2016.1277159](https://doi.org/10.1080/00031305.2016.1277159)
# - Steck (2019), Embarrassingly shallow autoencoders for sparse data. [doi:10.1145/3308558.3313710](https://doi.org/10.1145/3308558.3313710)
#
# **Next:** [05 · The Gaussian-Bernoulli deep Boltzmann machine](05_gaussian_bernoulli_dbm.ipynb), a model for the coordinates of section 3.
