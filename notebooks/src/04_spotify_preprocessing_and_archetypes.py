# %% [markdown]
# # 04 · Spotify preprocessing and twelve listener archetypes
#
# Two messy files of songs become one clean table, fourteen audio features become coordinates for a Gaussian machine, and,
# since nobody publishes who heard what, we invent the listeners. Then we ask what a model could learn from them at best.
#
# | | |
# |---|---|
# | **You will be able to** | merge files without multiplying rows; prepare skewed and counted features so that a likelihood means something; write down a population of listeners and simulate it reproducibly; say what an oracle could reach, and read every other figure against that |
# | **You need** | lessons 00 and 01; rankings from lesson 02 (section 6); EASE is explained in lesson 08 (section 5) |
# | **Time** | 105 minutes, 31 of them for five exercises |
# | **Data** | two lists of well-known songs with Spotify's data (7 MB from Kaggle, or a synthetic stand-in); the listeners are simulated |
# | **Hardware** | any laptop, no GPU. The saved outputs are of the full profile; run it yourself and you get the fast one, with shorter trainings and fewer listeners: figures that the text gives for the saved run are then not those on your screen. `RBM_PROFILE=full make lab` trains as long |
# | **From the library** | `load_spotify`, `AudioFeatures`, `Archetype`, `simulate_listeners`, `write_listeners`, `evaluate`, `baselines`, `embeddings`, `RBM` |

# %%
import tempfile
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.sparse
import torch
from sklearn.mixture import GaussianMixture

from rbm_lib import RBM, Monitor, baselines, evaluate, fit
from rbm_lib.course import Lesson
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
from rbm_lib.data.listeners.archetypes import headcounts
from rbm_lib.data.listeners.conditions import AnyOf, DrawnRange, OneOf, Range
from rbm_lib.data.spotify import FEATURES
from rbm_lib.plotting import COLORS, GREY, show, use_style
from rbm_lib.recommend import cosine_scores, preference, score_items
from rbm_lib.training import linear_decay

# %%
lesson = Lesson("04_spotify_preprocessing_and_archetypes")
use_style()
pd.set_option("display.max_colwidth", None)  # whole sentences in tables
spotify = lesson.data(load_spotify())
stand_in = "" if spotify.source == "real" else " (synthetic stand-in)"
exports = spotify.exports()
first, *others = exports.values()
second = others[0] if others else first  # with one file only: that file and itself

# %% [markdown]
# ## 1. Two messy files
#
# **Question.** Two exports of the same kind, with most songs in both. How do we get one row per song?
#
# The obvious way is to merge them on what a person would compare: the name of the song, perhaps with artist and album.

# %%
URI, SONG, ARTIST, ALBUM = "Track URI", "Track Name", "Artist Name(s)", "Album Name"
for label, export in exports.items():
    print(f"{label}: {len(export):,} rows of {export.shape[1]} columns; {export[URI].nunique():,} addresses (URIs), "
          f"{export[SONG].nunique():,} names")

# %% [markdown]
# ![Three rows named Hello on the left, two on the right: a merge on the name gives six rows, one on the address two.](figures/merge_on_names.svg)
#
# A key $k$ that stands $a_k$ times on the left and $b_k$ times on the right gives $a_k b_k$ rows. An inner merge has
#
# $$\text{rows} = \sum_k a_k\, b_k \tag{1}$$
#
# **Exercise 1 · Rows of a merge** · ★ · 5 minutes · 2 points. Without merging: how many rows does an inner merge of the keys `left`
# and `right` (lists of texts) have?
#
# <details><summary>Hint</summary>How often does each key stand on the left, and how often on the right? pandas and
# <code>collections</code> both count.</details>


# %%
def my_merged_rows(left, right):
    ### BEGIN SOLUTION
    return (pd.Series(left).value_counts() * pd.Series(right).value_counts()).sum()
    ### END SOLUTION


# %%
lesson.check("1", my_merged_rows)

# %% [markdown]
# > **Predict first.** Each file has some eight thousand rows, and nearly all songs are in both. How many rows come out of
# > a merge on the name? On name, artist and album? On the address?

# %%
keys = {"name": [SONG], "name + artist": [SONG, ARTIST], "name + artist + album": [SONG, ARTIST, ALBUM], "address (URI)": [URI]}
merged = pd.DataFrame({
    name: {"rows of the merge": len(first.merge(second, on=key)),
           "by equation (1)": int((first.groupby(key).size() * second.groupby(key).size()).sum()),
           "rows that share their key, first file": int(first.duplicated(key, keep=False).sum())}
    for name, key in keys.items()
}).T
merged

# %%
assert (merged["rows of the merge"] == merged["by equation (1)"]).all()
print(f"more rows by name than the first file has: {merged['rows of the merge']['name'] / len(first) - 1:.0%}")
fig, axis = plt.subplots(figsize=(7, 2.4))
axis.barh(merged.index[::-1], merged["rows of the merge"].iloc[::-1], color=[COLORS["blue"]] + [COLORS["orange"]] * 3)
axis.axvline(len(first), color=GREY, linestyle=":", label="rows of the first file")
axis.set(xlabel="rows after the merge")
axis.set_title(f"A merge on names makes rows that no file has{stand_in}")
axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), frameon=False)
show(fig, "Rows after merging on four keys: the name alone gives far more rows than either file has, the address slightly fewer.")

# %% [markdown]
# In the saved run the name gives 40 %<!--more rows by name--> more rows than the file has. Even name, artist and album give more, because one
# recording is *listed* several times. Nothing warns you: the table has the right columns, plausible values, and songs that are joined with
# the popularity of other songs. (The address, too, gives a few more than there are common addresses: some rows stand twice in their file.) Look
# out for
#
# - a result with more rows than either side;
# - keys that are not unique: `frame[key].is_unique`;
# - and let pandas check, with `validate=`:

# %%
try:
    first.merge(second, on=SONG, validate="one_to_one")
except pd.errors.MergeError as refusal:
    print("refused:", str(refusal).splitlines()[0][:110])
left, right = first.drop_duplicates(URI), second.drop_duplicates(URI)
both = left.merge(right, on=URI, how="outer", validate="one_to_one", indicator="is in")
both["is in"].value_counts().rename({"left_only": "first only", "right_only": "second only"}).to_frame("tracks")

# %% [markdown]
# The address is the key. `load_spotify` does this, checks every row, and accounts for each one: rows read = tracks + rows
# dropped + rows merged into others. Let the report be added up:

# %%
tracks = spotify.tracks
assert tracks["track_uri"].is_unique and len(both) - len(tracks) == both[URI].isin(tracks["track_uri"]).eq(False).sum()
print(f"{len(tracks):,} tracks under {tracks['track_name'].nunique():,} names")
rows_read, gone = sum(map(len, exports.values())), spotify.report.groupby("action")["rows"].sum()
print(f"rows read {rows_read:,} = tracks {len(tracks):,} + dropped {gone['dropped']:,} + merged {gone['merged']:,}")
assert rows_read == len(tracks) + gone["dropped"] + gone["merged"]
spotify.report[["reason", "rows", "action"]]

# %% [markdown]
# (One common address is not merged: both its rows have a tempo of 0 and were dropped.)
#
# ## 2. What is missing, and what is not what it seems
#
# **Question.** Every cell is filled or empty now. Which of the filled ones can be believed?
#
# Dates come in several precisions: a day, a year, in some files a month. Read as dates, `1981` would become the first of
# January; so we keep the year, and note the precision.

# %%
text = left.set_index(URI)["Album Release Date"]
year = pd.to_numeric(text.str[:4], errors="coerce")
ours = tracks.set_index("track_uri")["release_year"].reindex(year.index).dropna().astype(int)
print("the year is the library's, for every track:", bool((year[ours.index] == ours).all()))
tracks["release_precision"].value_counts(dropna=False).to_frame("tracks")

# %% [markdown]
# A date is that of *this issue*. The ISRC is the code of a recording; the same recording on two albums should have
# been made in one year:

# %%
issues = tracks.dropna(subset=["isrc", "release_year"]).groupby("isrc")["release_year"].agg(["size", "min", "max"])
gap = (issues["max"] - issues["min"])[issues["size"] > 1].astype(int)
pd.Series({
    "recordings listed more than once": len(gap),
    "of these, with different years": int((gap > 0).sum()),
    "… ten years apart or more": int((gap >= 10).sum()),
    "largest gap in years": int(gap.max()),
    "tracks without a year": int(tracks["release_year"].isna().sum()),
    "tracks without a genre": int((tracks["genres"].map(len) == 0).sum()),
    "share with popularity exactly 0": f"{(tracks['popularity'] == 0).mean():.0%}",
}).to_frame("")

# %% [markdown]
# So an "era" taken from this column is biased: a song counts for the decade of its re-issue. The next trap is in the last line: these
# are lists of well-known songs, and yet many have popularity 0. Spotify's popularity belongs to a *listing*: when an album is issued
# again, the old listing dies, and its popularity falls to 0. This table can show it in part only:

# %%
same = tracks.groupby(["track_name", "artist_name"])["popularity"].transform("max")
zeros = tracks["popularity"] == 0
print(f"of {zeros.sum():,} tracks with popularity 0, {(same[zeros] > 0).mean():.0%} have another listing here, same name and artist, that is alive")

# %% [markdown]
# Whatever the others are, **0 does not mean obscure.**
#
# **Genres** are those of the artist, as a list, sometimes with a genre twice, sometimes empty. To count them, *explode*: one
# row per track and genre. Compare names whole:

# %%
in_list = tracks["genres"].map(lambda names: "rock" in names).sum()
in_text = tracks["genres"].map(lambda names: "rock" in ", ".join(names)).sum()
print(f"'rock' is a genre of {in_list:,} tracks; as a piece of text, as in 'punk rock', it is in {in_text:,}")

# %% [markdown]
# **Exercise 2 · Common and niche** · ★★ · 6 minutes · 2 points. `genres` is a list of lists of names, one per track. Return two numbers,
# `(common, niche)`: how many genres are in more than `more_than` tracks, and how many in at most `at_most`.
#
# <details><summary>Hint</summary>In how many tracks is each genre? Answer that first, for all of them: a <code>Counter</code>
# helps. Then two sums.</details>


# %%
def my_common_and_niche(genres, more_than, at_most):
    ### BEGIN SOLUTION
    counts = pd.Series([name for names in genres for name in set(names)]).value_counts()
    return (counts > more_than).sum(), (counts <= at_most).sum()
    ### END SOLUTION


# %%
lesson.check("2", my_common_and_niche)

# %%
counts = tracks["genres"].explode().value_counts()  # the library has each genre once per track
fig, (tail, popular) = plt.subplots(1, 2, figsize=(9.5, 3.2))
tail.loglog(range(1, len(counts) + 1), counts, ".", color=COLORS["blue"])
tail.axhspan(23.5, 2 * counts.max(), color=COLORS["green"], alpha=0.12)
tail.axhspan(0.8, 5.5, color=COLORS["orange"], alpha=0.15)
tail.text(1.1, 26, f"common: {(counts > 23).sum()} genres", color="#00604A")
tail.text(1.1, 2, f"niche: {(counts <= 5).sum()} genres", color="#8A5A00")
tail.set(xlabel="genres, the most frequent first", ylabel="tracks", ylim=(0.8, 2 * counts.max()))
tail.set_title(f"Genres have a long tail{stand_in}")
popular.hist(tracks["popularity"], bins=np.arange(102) - 0.5, color=COLORS["blue"])
popular.set(xlabel="Spotify's popularity", ylabel="tracks")
popular.set_title("Popularity: a spike at 0")
show(fig, "Left, genres by number of tracks on logarithmic axes: a few are in thousands of tracks, many in one or two. Right, the "
     "popularity of tracks: a hill with a high spike at zero.")

# %% [markdown]
# *More than 23* and *at most 5* are the bounds of the published archetypes that we shall meet in section 4. A niche
# genre of five tracks is fine for a tail; remember it when somebody is to hear forty distinct tracks of one.
#
# ## 3. Audio features for a Gaussian machine
#
# **Question.** Fourteen numbers describe a track. Can a model of Gaussian units take them as they are?

# %%
features = tracks[list(FEATURES)].astype(float)
label = {name: name.replace("_", " ") for name in FEATURES} | {"tempo": "tempo (BPM)", "loudness": "loudness (dB)"}
fig, axes = plt.subplots(2, 7, figsize=(11, 3.8))
for axis, name in zip(axes.flat, FEATURES, strict=True):
    axis.hist(features[name] / (60_000 if name == "duration_ms" else 1), bins=50, color=COLORS["blue"])
    axis.set(xlabel="duration (min)" if name == "duration_ms" else label[name], yticks=[])
fig.supylabel("tracks", fontsize=10)
fig.suptitle(f"Few of the fourteen look like a bell{stand_in}", fontsize=11)
show(fig, "Histograms of fourteen audio features: many are skewed, several only take a few values, instrumentalness and popularity "
     "have a spike at zero.")

# %%
share_of_it = features.apply(lambda column: column.value_counts(normalize=True).iloc[0])
spikes = share_of_it[share_of_it > 0.1]  # the columns with a tenth of the tracks or more at one value
pd.DataFrame({
    "commonest value": features.mode().iloc[0],
    "share of it": share_of_it,
    "distinct values": features.nunique(),
    "skewness": features.skew(),
}).round({"commonest value": 3, "share of it": 2, "skewness": 1}).sort_values("share of it", ascending=False).head(8)

# %% [markdown]
# The usual answer is the *z-score*: subtract the mean, divide by the standard deviation. It moves and stretches; it does not change the
# shape. A time signature of 4 is still 4 in most tracks, all at one point, and instrumentalness is still 0 in two of five. (The heap
# at the right end of valence is no such spike: many neighbouring values make it.)
#
# For a likelihood this is fatal. Let a share $m$ of the tracks sit at one value, and let a component of a mixture narrow on it,
# standard deviation $s$ and weight $w$. Then
#
# $$\text{mean log-density} \;\ge\; m \log\frac{w}{s\sqrt{2\pi}} + \text{rest} \;\longrightarrow\; \infty \quad\text{as } s \to 0 \tag{2}$$
#
# without learning anything about music; the rest stays finite. What keeps $s$ up is the smallest variance that the software allows:
# each factor of ten by which it falls may add $m \cdot \tfrac12\log 10 = 1.15\,m$ nats per track, for every such column.
#
# > **Predict first.** A mixture of ten Gaussians is fitted to z-scores, and scored on *held-out* tracks. We lower the
# > smallest variance allowed from .1 to .000001. What happens to the score? Overfitting, surely? And by how much per factor
# > of ten: add up the shares in the first five rows of the table, times 1.15.

# %%
order = np.random.default_rng(0).permutation(len(features))
train, test = np.split(order, [int(0.7 * len(order))])
z_scores = ((features - features.iloc[train].mean()) / features.iloc[train].std()).to_numpy()


def mixture_score(x, floor):
    """Held-out log-density per track, nats, of ten diagonal Gaussians whose variances are `floor` or more."""
    mixture = GaussianMixture(10, covariance_type="diag", reg_covar=floor, max_iter=30, init_params="k-means++", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it need not converge to make the point
        return mixture.fit(x[train]).score(x[test])


floors = lesson.pick(fast=[1e-1, 1e-3, 1e-6], full=[1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
raw_score = [mixture_score(z_scores, floor) for floor in floors]

fig, axis = plt.subplots(figsize=(6.5, 2.8))
axis.semilogx(floors, raw_score, "o-", color=COLORS["red"])
axis.invert_xaxis()
axis.set(xlabel="smallest variance allowed (z-scores)", ylabel="nats per held-out track")
axis.set_title(f"z-scores: the likelihood is what the smallest variance allows{stand_in}")
per_ten = (raw_score[-1] - raw_score[0]) / np.log10(floors[0] / floors[-1])
print(f"nats per factor of ten: measured {per_ten:.1f}; by equation (2), shares of {spikes.sum():.1f} in sum, {spikes.sum() * np.log(10) / 2:.1f}")
show(fig, "Held-out log-likelihood of a mixture on z-scores against the smallest variance allowed: it rises steadily as that falls.")

# %% [markdown]
# It *rises*, on held-out tracks, about as fast as (2) says: these tracks sit on the same few points. Such a figure measures a setting,
# and anybody can win such a comparison.
#
# **The cure** is to give the data a density, and then a shape:
#
# ![The pipeline: dequantise, squash, standardise, whiten; every step can be undone and keeps its slope.](figures/audio_pipeline.svg)
#
# *Dequantise*: what only counts (key, mode, time signature, popularity) gets U(0, 1) added; an instrumentalness of 0 stands for "less than
# what is printed", and becomes U(0, 10⁻⁶). *Squash*: where a column is bounded or skewed, a
# smooth increasing map to the whole line. *Standardise*, *whiten*: linear. With $y$ the dequantised values and $z$ the coordinates,
#
# $$\log p_Y(y) = \log p_Z(z) + \log\Big|\det\frac{dz}{dy}\Big| \tag{3}$$
#
# The log-slopes of all steps add up. Keep them, and likelihoods of models in different coordinates of the same $y$ can be compared.
#
# **Exercise 3 · A step and its slope** · ★★ · 7 minutes · 3 points. Popularity: arrays `x` (n,) of whole numbers 0 to 100, `u` (n,) of uniform
# numbers between 0 and 1. Dequantise to $y = x + u$; the share $q = .001 + .998\,y/101$ keeps away from 0 and 1; $z = \log q - \log(1-q)$, the
# logit. Return `z` and $\log dz/dy$, each (n,).
#
# <details><summary>Hint</summary>Which two functions of y are composed? Take the slope of each; the logarithm turns their product into a sum.</details>


# %%
def my_step(x, u):
    ### BEGIN SOLUTION
    q = 0.001 + 0.998 * (x + u) / 101
    z = np.log(q) - np.log(1 - q)
    return z, np.log(0.998 / 101) - np.log(q) - np.log(1 - q)
    ### END SOLUTION


# %%
lesson.check("3", my_step)

# %% [markdown]
# `AudioFeatures`, used like a scikit-learn transformer, has such a step for every column that needs one. The "random" numbers of a row depend on the row
# and the seed alone, so that a track always gets the same coordinates.

# %%
audio = AudioFeatures().fit(features)
steps = audio.steps(features)
y = steps["dequantised"]["popularity"]
q = 0.001 + 0.998 * y / 101
print("popularity is squashed as in the exercise:", np.allclose(steps["squashed"]["popularity"], np.log(q) - np.log(1 - q)))
z = audio.transform(features)
print("and back again, every feature of every track:", np.allclose(audio.inverse_transform(z), features))
print("coordinates have variance 1 and no correlation:", np.allclose(np.cov(z.T, bias=True), np.eye(len(FEATURES))))

# %%
shown = ["popularity", "instrumentalness", "speechiness", "duration_ms"]
fig, axes = plt.subplots(3, 4, figsize=(10.5, 5.6))
stages = {"as published": features, "dequantised, squashed": steps["squashed"], "standardised": steps["standardised"]}
for row, (stage, table) in zip(axes, stages.items(), strict=True):
    row[0].set_ylabel(stage)
    for axis, name in zip(row, shown, strict=True):
        minutes = stage == "as published" and name == "duration_ms"
        axis.hist(table[name] / (60_000 if minutes else 1), bins=60, color=COLORS["blue" if stage == "as published" else "green"])
        axis.set(yticks=[])
for axis, name in zip(axes[0], shown, strict=True):
    axis.set_title("duration (min)" if name == "duration_ms" else name)
fig.suptitle(f"Spikes get a width; then one scale for all{stand_in}", fontsize=11)
show(fig, "Four features before and after: the spikes at zero become a hill with a cliff (popularity) and a narrow peak with a long "
     "shoulder (instrumentalness); speechiness stays skewed, duration becomes nearly symmetric; standardising changes the axis only.")

# %% [markdown]
# Not bells either: popularity has a hill of its own for the former zeros, instrumentalness a peak for them and a long shoulder. That
# is *structure*, which hidden units can learn; spikes are not. Now the mixture again, on coordinates fitted on the training tracks:

# %%
coordinates = AudioFeatures().fit(features.iloc[train]).transform(features)
cured_score = [mixture_score(coordinates, floor) for floor in floors]
print(f"largest minus smallest score over all floors: z-scores {np.ptp(raw_score):.1f} nats, "
      f"coordinates {np.ptp(cured_score):.2f} nats")
assert np.ptp(cured_score) < 0.5 < 5 < np.ptp(raw_score)

# %% [markdown]
# (The *levels* of the two cannot be compared, not even with (3): the z-scores were never dequantised.)
#
# **Correlations.** Whitening turns the axes until nothing is correlated. What was it that was?

# %%
names = list(label.values())
fig, (left_axis, right_axis) = plt.subplots(1, 2, figsize=(9.4, 4.2), width_ratios=[1.7, 1])
correlation = np.corrcoef(steps["standardised"].to_numpy().T)
picture = left_axis.imshow(correlation, cmap="PuOr", vmin=-1, vmax=1)
left_axis.set_xticks(range(14), names, rotation=90)
left_axis.set_yticks(range(14), names)
left_axis.set_title(f"Correlations after squashing{stand_in}")
right_axis.imshow(audio.components_[:4].T, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
right_axis.set_xticks(range(4), [f"{i}: {v / len(FEATURES):.0%}" for i, v in enumerate(audio.variance_[:4], 1)])
right_axis.set_yticks(range(14), names)
right_axis.set(xlabel="axis: share of the variance")
right_axis.set_title("The first four axes")
fig.colorbar(picture, ax=right_axis, label="correlation (left), weight (right)")
show(fig, "Left, correlations of the fourteen features: energy and loudness go together, acousticness runs against both. Right, "
     "the first four principal axes as mixtures of features.")

# %% [markdown]
# Energy and loudness rise together, and acousticness falls. The first axis is that: loud against acoustic. A Gaussian machine
# (real-valued visible units: lesson 05) with $W = 0$ is $\mathcal N(0, I)$ in $z$; seen in the squashed features, that is the Gaussian with
# all these correlations. Whatever it learns beyond that is gain. Lesson 05 starts there.
# That the coordinates are right for a *likelihood* does not make them right for a *distance*; section 8 comes back to that.
#
# ## 4. Twelve archetypes
#
# **Question.** Who hears these songs? Nobody tells us. Can we write down a population precisely enough to draw from it?
#
# An **archetype** is a share of the listeners, a number of tracks, and a list of conditions. Those below follow a table in circulation, which
# we call *the published one*, with its rules. They are *data*, entries such as
#
# ```python
# Archetype("Discoverer", 0.10, 50, (Range("popularity", None, 40),))  # share, tracks, conditions: popularity ≤ 40
# ```


# %% tags=["nbval-check-output"]
def words(condition):
    """A condition in a few words."""
    if isinstance(condition, AnyOf):
        return f"any {condition.kind} genre"
    if isinstance(condition, OneOf):
        often = "common " if condition.more_than else "niche " if condition.at_most else ""
        return f"one {often}{condition.column[:-1]} of their own"
    if isinstance(condition, DrawnRange):
        return f"{condition.column.replace('_', ' ')} in a range of their own"
    low, high = condition.low, condition.high
    return f"{condition.column} " + (f"≥ {low:g}" if high is None else f"≤ {high:g}" if low is None else f"{low:g}–{high:g}")


table = pd.DataFrame({
    "share": [a.share for a in ARCHETYPES],
    "of 1,000": headcounts(ARCHETYPES, 1000),
    "tracks": [a.n_tracks for a in ARCHETYPES],
    "likes": ["; ".join(map(words, a.conditions)) for a in ARCHETYPES],
}, index=[a.name for a in ARCHETYPES])
print(f"the published shares sum to {table['share'].sum():.2f}; listeners: {table['of 1,000'].sum()}")
table

# %% [markdown]
# The published shares sum to 1.05<!--published shares-->. We divide by the sum, round down, and give the listeners who are still missing to
# those who lost most by rounding (*largest remainders*), so that a thousand is a thousand.
#
# In essence the **simulator** is two lines. For each listener: the *pool*, all tracks that meet the conditions; a draw *without replacement*;
# done. (One listener in ten also hears five tracks from anywhere: *discoveries*.) By hand, for an audiophile:

# %%
pool = tracks[(tracks["instrumentalness"] >= 0.1) & (tracks["acousticness"] >= 0.3)]
heard = pool.sample(40, replace=False, random_state=0)
print(f"pool: {len(pool)} tracks; heard: {heard['track_uri'].nunique()} different ones")
audiophile = [a for a in ARCHETYPES if a.name == "Audiophile"]
alone = simulate_listeners(tracks, n_users=3, archetypes=audiophile)
assert (alone.profiles["pool_size"] == len(pool)).all() and (alone.pool(tracks).sum(1) == len(pool)).all()
alone.profiles[["user_id", "archetype", "n_tracks", "n_discovery", "pool_size", "n_filled"]]

# %%
n_users = lesson.pick(fast=300, full=1000)
listeners = simulate_listeners(tracks, n_users=n_users, seed=0)
profiles, interactions = listeners.profiles, listeners.interactions
place = pd.Index(tracks["track_uri"]).get_indexer(interactions["track_uri"])
user = interactions["user_id"].to_numpy() - 1
print(listeners.origin)
interactions.drop(columns=list(FEATURES)).sample(4, random_state=1).sort_index()

# %%
axes_of = ["popularity", "energy", "danceability", "valence", "acousticness", "instrumentalness", "liveness", "release_year"]
level = tracks[axes_of].astype(float).rank(pct=True).mul(100).to_numpy()
fig, axes = plt.subplots(3, 4, figsize=(9.8, 6), sharex=True, sharey=True)
for axis, archetype in zip(axes.flat, ARCHETYPES, strict=True):
    one = profiles[profiles["archetype"] == archetype.name].iloc[0]
    mine = level[place[user == one["user_id"] - 1]]
    shift = np.linspace(-0.25, 0.25, len(mine))
    for column in range(len(axes_of)):
        axis.plot(column + shift, mine[:, column], ".", color=COLORS["sky"], markersize=2.5)
    axis.plot(range(len(axes_of)), np.nanmedian(mine, axis=0), "_", color=COLORS["red"], markersize=16, markeredgewidth=2.5)
    own = "" if one["genre"].startswith("any") else one["genre"] or one["artist"]
    axis.set_title(archetype.name + (f":\n{own}" if own else ""), fontsize=9)
    axis.set_xticks(range(len(axes_of)), [name.replace("_", " ") for name in axes_of], rotation=90)
fig.supylabel("percentile in the catalogue (bar: median)", fontsize=10)
fig.suptitle(f"One listener of each kind: a condition on one of these axes shows as a band{stand_in}", fontsize=11)
show(fig, "Twelve panels, one listener each: their tracks as percentiles of eight features. Conditions show as bands, such as high "
     "popularity for the mainstream listener and high liveness for the live music fan.")

# %% [markdown]
# (A loyal fan has no band: the artist is no axis. A classical listener's bands are blurred, where no track meets all conditions and the
# nearest were taken. Flat dashes are ties, such as all tracks of popularity 0.)
#
# **Check.** Is this what was asked for? Every track of a listener's taste should meet all conditions. Where it does not, the
# profile must say so:

# %%
is_taste = (interactions["source"] == "taste").to_numpy()
outside = is_taste & ~listeners.pool(tracks)[user, place]
assert (np.bincount(user, outside, n_users) == profiles["n_filled"]).all()
assert not interactions.duplicated(["user_id", "track_uri"]).any()
by_kind = profiles.groupby("archetype").agg(
    listeners=("user_id", "size"), smallest_pool=("pool_size", "min"), median_pool=("pool_size", "median"),
    short=("n_filled", lambda n: (n > 0).mean()), filled_in=("n_filled", "mean"))
by_kind.insert(0, "asked for", dict(zip(table.index, headcounts(ARCHETYPES, n_users), strict=True)))
assert (by_kind["asked for"] == by_kind["listeners"]).all()
by_kind.loc[table.index].round({"short": 2, "filled_in": 1})

# %% [markdown]
# The head counts are as asked for. The pools are not what the definition hopes for. *short* is the share of listeners whose pool has fewer tracks than
# they are to hear. Forty distinct tracks cannot come from a genre of five, nor fifty from an artist with thirty, and in the saved run **no track at
# all** meets the classical conditions. A simulator that hides this either repeats songs or crashes. Ours takes the whole
# pool, then widens it a quarter of a standard deviation at a time, and writes down what it gave up. The distance of a track is a sum over
# the conditions that it fails:
#
# | condition | distance | example |
# |---|---|---|
# | a range | how far outside, in standard deviations | 15 points of popularity too many, standard deviation 30: ½ |
# | one genre, one artist | ¼ + distance between two average sounds: that of the wanted one, and of the nearest other candidate that the track has (common genres, niche genres, or the fifty most frequent artists) | wanted *sunshine pop*, the track has *motown*: ¼ + their distance |
# | any genre of a list | 1 | none of the classical genres: 1 |

# %%
for name in ("Loyal Fan", "Niche Genre Enthusiast", "Classical Music Lover"):
    one = profiles[(profiles["archetype"] == name) & (profiles["n_filled"] > 0)].iloc[0]
    wanted = one["artist"] or one["genre"]
    print(f"{name} ({wanted}): pool {one['pool_size']}, {one['n_filled']} filled in; given up, or taken instead: {one['filled_from']}")

# %% [markdown]
# Two more things to know before using them. The *Obscure Music Seeker* asks for popularity ≤ 10, and gets mostly zeros; the
# *Era-Specific Listener* gets a decade of issues, not of songs. Section 2 said why.
#
# **Two files** hold the result. The same seed must give the same bytes, and what is read back must be what was written. (We
# write to a temporary folder; give a name of your own to keep them.)

# %%
with tempfile.TemporaryDirectory() as folder:
    paths = write_listeners(listeners, folder)
    one_run = [path.read_bytes() for path in paths]
    back = read_listeners(folder)
    another_run = [path.read_bytes() for path in write_listeners(simulate_listeners(tracks, n_users=n_users, seed=0), folder)]
print("read back, the same tables:", back.interactions.equals(interactions) and back.profiles.equals(profiles))
print("two runs, the same bytes:", one_run == another_run)
assert one_run == another_run and back.interactions.equals(interactions)
for path, frame in zip(paths, (back.interactions, back.profiles), strict=True):
    print(f"{path.name}: {len(frame):,} lines, {frame.shape[1]} columns: {', '.join(list(frame)[:8])}, …")

# %% [markdown]
# ## 5. Ratings and genres
#
# **Question.** What does this invented data look like as a whole?
#
# Each listen has a rating. The published rule starts at 3 and adds points (the wanted genre, the artist, …), so that it never
# goes below 3: *nobody ever dislikes anything*. Ours grows with how well a track fits:
#
# $$r = 1 + 4\cdot\text{fit} + \text{habit} + \text{noise}, \qquad \text{fit} = \operatorname{mean}_{\,\text{conditions}}\; \sigma(2\,\text{margin}) \tag{4}$$
#
# where $\sigma(x) = 1/(1+e^{-x})$ as in lesson 01, and the margin is the distance inside (or outside, negative) a condition's edge, in
# standard deviations of the catalogue; then it is rounded to half stars and cut at 1 and 5. The habit is
# the listener's own level. For a genre or an artist there is no edge: a track that has it gets the margin 1, any other minus the distance
# of the table above.

# %%
published = simulate_listeners(tracks, n_users=n_users, seed=0, rating="published").interactions["rating"]
kind_of = np.select([~is_taste, outside], ["a discovery, from anywhere", "filled in"], "from their own pool")
fig, axis = plt.subplots(figsize=(6.5, 2.9))
stars = np.arange(1, 5.5, 0.5)
for values, name, side in ((interactions["rating"], "equation (4)", -0.1), (published, "published rule", 0.1)):
    axis.bar(stars + side, values.value_counts(normalize=True).reindex(stars, fill_value=0), width=0.2, label=name)
axis.set(xlabel="stars", ylabel="share of listens", ylim=(0, 0.6))
axis.legend(loc="upper left")
axis.set_title(f"The published rule knows no dislike{stand_in}")
show(fig, "Ratings by our rule spread from 1 to 5 stars, those of the published rule are 3 or more.")

fits = interactions["rating"].groupby(kind_of).agg(["mean", "size"]).round(2)
assert fits["mean"].idxmax() == "from their own pool" and published.min() >= 3
fits

# %% [markdown]
# As it should be: what was drawn from the pool is liked better than what had to be filled in or came from anywhere. Now the genres. For each
# archetype and each of the most frequent genres: how much more often is it heard than chance would have it?

# %%
top = counts.index[:14]
has = np.stack([tracks["genres"].map(lambda g, name=name: name in g).to_numpy() for name in top], axis=1).astype(float)
heard_share = pd.DataFrame(has[place], columns=top).groupby(interactions["archetype"].to_numpy()).mean().loc[table.index]
lift = np.log2((heard_share + 0.001) / (has.mean(0) + 0.001))
fig, axis = plt.subplots(figsize=(9, 4.6))
picture = axis.imshow(lift, cmap="PuOr", vmin=-3, vmax=3, aspect="auto")
axis.set_xticks(range(len(top)), top, rotation=60, ha="right")
axis.set_yticks(range(len(lift)), lift.index)
fig.colorbar(picture, label="log₂ of heard / catalogue (0: as by chance)")
axis.set_title(f"Genre by archetype: broad conditions leave faint rows{stand_in}")
show(fig, "Heat map of archetypes against frequent genres: a few rows with strong colours, such as the classical music lovers; casual "
     "listeners and discoverers hardly differ from the catalogue.")

# %% [markdown]
# Many rows are faint: an archetype such as *casual* says nothing about genre. The strongest ones have pools so small that a
# handful of tracks make the row, or ask for genres that are not among these, or for a decade, which
# has genres of its own. Fans of *one* genre wash out for the most frequent genres
# (on the left), because each fan has another one. But each common genre is as likely to be drawn as any other: so in the saved run
# these fans hear the rarer ones, on the right, more than by chance.
#
# ## 6. How to fool yourself
#
# **Question.** We hold a fifth of the listening back, and ask models for it. In how many ways can that go wrong before any model is
# trained?
#
# ### Draw with replacement, split afterwards
#
# The published simulation draws each listen *with replacement*. Then somebody splits the listens at random:

# %%
repeating = simulate_listeners(tracks, n_users=n_users, seed=0, distinct=False).interactions
held = np.random.default_rng(0).random(len(repeating)) < 0.2
pairs = repeating["user_id"].astype(str) + " " + repeating["track_uri"]
known = pairs[held].isin(set(pairs[~held]))
print(f"held-out listens whose track the same listener also has in training: {known.mean():.0%}")
known.groupby(repeating["archetype"][held]).mean().sort_values(ascending=False).head(4).map("{:.0%}".format).to_frame("known")

# %% [markdown]
# So "play it again" is a strong model, though it finds nothing new. Beside it, the neighbours of lesson 08, from scratch for sparse
# data: with $x$ from here on the listeners × tracks table of 0 and 1, the cosine of two tracks' columns,
#
# $$S_{ij} = \frac{x_i \cdot x_j}{|x_i|\,|x_j| + 10}, \quad S_{ii} = 0, \qquad \text{score} = x\,S \tag{5}$$
#
# (The 10 draws tracks with few listeners towards 0.)


# %%
def item_knn(x, shrink=10.0):
    """Item neighbours for a sparse table (n_users, n_items); all neighbours count."""
    together = (x.T @ x).tocoo()
    size, apart = np.sqrt(x.sum(0)), together.row != together.col
    row, column = together.row[apart], together.col[apart]
    cosine = together.data[apart] / (size[row] * size[column] + shrink)
    return (x @ scipy.sparse.csr_array((cosine, (row, column)), shape=together.shape)).toarray()


def heard_table(frame):
    """How often each listener heard each track, sparse (n_users, n_tracks)."""
    at = pd.Index(tracks["track_uri"]).get_indexer(frame["track_uri"])
    return scipy.sparse.csr_array((np.ones(len(at)), (frame["user_id"] - 1, at)), shape=(n_users, len(tracks)))


# %% [markdown]
# The honest way: distinct pairs of listener and track, a fifth of each listener's pairs held out, and tracks that are known from
# training not recommended again.

# %%
ids = dict(user_ids=profiles["user_id"].to_numpy(), item_ids=tracks["track_uri"].to_numpy())
ratings = RatingMatrix(interactions["user_id"], interactions["track_uri"], np.ones(len(interactions), dtype=int), n_levels=2, **ids)
split = evaluate.random_split(ratings, share=0.2, seed=0)
x = split.train.rated().astype(float)
rng = np.random.default_rng(0)

wrong_x, wrong_held = heard_table(repeating[~held]), heard_table(repeating[held]).toarray() > 0
nothing_seen = np.zeros_like(wrong_held)


def wrong_recall(scores):
    return evaluate.per_user_ranking(scores, wrong_held, nothing_seen, 20)["Recall@20"].mean()


def recall(scores):
    return evaluate.per_user_ranking(scores, split.held_out, split.train, 20)["Recall@20"].mean()


# %%
def play_again(x):
    return x.toarray() + 1e-6 * rng.random(x.shape)  # how often they heard it; ties at random


once = (wrong_x > 0).astype(float)
protocols = pd.DataFrame({
    "listens split (wrong)": [wrong_recall(play_again(wrong_x)), wrong_recall(item_knn(once)), wrong_recall(np.tile(once.sum(0), (n_users, 1)))],
    "distinct pairs": [recall(play_again(x)), recall(item_knn(x)), recall(baselines.Popularity().fit(split.train).scores())],
}, index=["play it again", "ItemKNN", "popularity"])
assert protocols.iloc[:, 0].idxmax() == "play it again" and protocols.iloc[0, 0] > 10 * protocols.iloc[0, 1]
protocols.round(3)

# %% [markdown]
# Under the wrong protocol the model that learns nothing has the best of the three figures, and a respectable one; under the right one
# it is as good as chance. Compare within a column: the two ask different questions. (In the wrong
# column ItemKNN is only second: its diagonal is 0, so it cannot play again, while the tracks already heard take places in its list.) The library's doors are shut to both steps, pairs that come twice and a split that shares pairs:

# %%
try:
    RatingMatrix(repeating["user_id"], repeating["track_uri"], np.ones(len(repeating), dtype=int))
except ValueError as refusal:
    print("refused:", str(refusal)[:100], "…")
try:
    evaluate.Split(split.train, split.train)
except ValueError as refusal:
    print("refused:", str(refusal)[:100], "…")

# %% [markdown]
# ### Key by name
#
# A table of listeners × *names* is smaller, and looks the same. But a name can be several songs, and one song can be several listings:

# %%
listings = tracks.groupby("track_name").agg(listings=("track_uri", "size"), artists=("artist_name", "nunique"))
code = pd.factorize(tracks["track_name"])[0]  # one number per name
train_user, train_item, _ = split.train.triples()
test_user, test_item, _ = split.held_out.triples()
namesake = np.isin(test_user * len(tracks) + code[test_item], train_user * len(tracks) + code[train_item])  # one number per pair
leak = pd.Series(namesake).groupby(profiles["archetype"].to_numpy()[test_user]).mean()
print(f"names with more than one listing: {(listings['listings'] > 1).sum():,}; at most {listings['artists'].max()} different artists share one")
print(f"held-out pairs whose *name* the listener has in training: {namesake.mean():.1%}, of a {leak.idxmax()}'s {leak.max():.0%}")

# %% [markdown]
# Look songs up by name after the split, and all these pairs are in both halves; key by name before it, and different songs have become
# one. The address does neither. But a second listing of one recording is a near-copy all the same; where that matters,
# group by `isrc`. In the saved run it is rare for most archetypes, and not for fans of one artist, whose songs are issued again and again.
#
# ### No ceiling
#
# How good *can* a model be? Suppose an **oracle** knew everything about the rules: the archetype, the artist, the mood drawn
# for this listener, and the rule for short pools. Only the dice are unknown to it. Of a pool of $P$ tracks the listener
# heard $n$ at random, $n_{\text{train}}$ of which we see. Any unseen track of the pool is as likely as any other, so twenty of them find
#
# $$E[\text{Recall@20}] = \min\!\Big(1,\; \frac{20}{P - n_{\text{train}}}\Big) \tag{6}$$
#
# > **Predict first.** Pools have a thousand tracks, often. What is the oracle's Recall@20 over all listeners: .9, .5, .2, .02?

# %%
chance = listeners.chance(tracks)  # probability that a track is among the listener's own
oracle = chance + 1e-7 * rng.random(chance.shape)
found = evaluate.per_user_ranking(oracle, split.held_out, split.train, 20)["Recall@20"].to_numpy()
unseen = (listeners.pool(tracks) & ~(x.toarray() > 0)).sum(1)
plain = ((profiles["n_filled"] == 0) & (profiles["n_discovery"] == 0)).to_numpy()  # what equation (6) is about
expected = np.where(plain, np.minimum(1, 20 / np.maximum(unseen, 1)), np.nan)
difference = (found - expected)[plain]
print(f"oracle, all listeners: {found.mean():.3f}")
print(f"listeners with a full pool: equation (6) {expected[plain].mean():.3f}, measured {found[plain].mean():.3f}")
assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(plain.sum())

ceiling = pd.DataFrame({"archetype": profiles["archetype"], "pool": profiles["pool_size"], "equation (6)": expected, "oracle": found})
ceiling = ceiling.groupby("archetype").agg({"pool": "median", "equation (6)": "mean", "oracle": "mean"}).loc[table.index]
ceiling["part of the total"] = ceiling["oracle"] * by_kind["listeners"] / n_users
assert 0.15 < found.mean() < 0.35
ceiling.round(3)

# %% [markdown]
# About .2<!--oracle, all listeners-->: **four fifths cannot be found by anybody**, because they are dice. A model at .17 that looks poor has most of what there is.
#
# And look at the last column, which sums to the total. In the saved run three quarters of the oracle's figure come from three archetypes, a fifth of
# the listeners. For niche and classical listeners nearly all of it is *fillings*: all of them get nearly the same few dozen tracks.
# For loyal fans it is the small pool: a few dozen songs of one artist, all heard. For mainstream and casual listeners and discoverers
# even the oracle finds next to nothing. Whoever reports one figure on this data
# reports how well fillings and tiny pools are found.
#
# (The column of equation (6) is over listeners with a full pool and no discoveries only, the oracle's over all: compare them in the
# line above the table, not within a row. NaN: there is no such listener.)
#
# **Exercise 4 · A thirteenth archetype** · ★★ · 7 minutes · 2 points. A *Slow Dancer* hears 40 different tracks, all with a tempo of
# 100 or less and a danceability of .8 or more; 32 of the 40 are in training. Write it as an `Archetype` (any share: it is alone here), simulate one such listener
# on `tracks` (a DataFrame as above), and return two numbers: the size of the pool, and the oracle's Recall@20 by equation (6).
#
# <details><summary>Hint</summary>The audiophile of section 4 was simulated alone, too; which column of the profile has the pool?
# <code>Range(column, low, high)</code> leaves a side open where it is None.</details>


# %%
def my_slow_dancer(tracks):
    ### BEGIN SOLUTION
    slow = Archetype("Slow Dancer", 0.05, 40, (Range("tempo", None, 100), Range("danceability", 0.8)))
    pool = simulate_listeners(tracks, n_users=1, archetypes=[slow]).profiles["pool_size"].iloc[0]
    return pool, min(1, 20 / (pool - 32))
    ### END SOLUTION


# %%
lesson.check("4", my_slow_dancer)

# %% [markdown]
# > **Predict first.** How large is that pool among our tracks, and what does the oracle reach?

# %%
slow = Archetype("Slow Dancer", 0.05, 40, (Range("tempo", None, 100), Range("danceability", 0.8)))
dancers = simulate_listeners(tracks, n_users=200, archetypes=[slow], discovery_share=0)
heard = dancers.interactions
pairs = RatingMatrix(heard["user_id"], heard["track_uri"], np.ones(len(heard), dtype=int), n_levels=2, item_ids=ids["item_ids"])
halves = evaluate.random_split(pairs, share=0.2, seed=0)
its_oracle = dancers.chance(tracks) + 1e-7 * np.random.default_rng(0).random((200, len(tracks)))
its_recall = evaluate.per_user_ranking(its_oracle, halves.held_out, halves.train, 20)["Recall@20"]
pool_size = dancers.profiles["pool_size"].iloc[0]
print(f"pool of a slow dancer: {pool_size}; equation (6): {20 / (pool_size - 32):.3f}, measured on 200 of them: {its_recall.mean():.3f}")
assert abs(its_recall.mean() - 20 / (pool_size - 32)) < 4 * its_recall.std() / np.sqrt(200)
thirteen = simulate_listeners(tracks, n_users=n_users, seed=0, archetypes=(*ARCHETYPES, slow)).profiles["archetype"]
print(f"in a population of {len(thirteen):,} with thirteen archetypes: {(thirteen == 'Slow Dancer').sum()} slow dancers")

# %% [markdown]
# ## 7. The listener–track table
#
# **Question.** What does a model get to see?

# %%
by_row = np.argsort(pd.Categorical(profiles["archetype"], categories=table.index, ordered=True).codes, kind="stable")
rank_user, rank_track = np.empty(n_users, int), np.empty(len(tracks), int)
rank_user[by_row] = np.arange(n_users)
rank_track[np.argsort(tracks["popularity"].to_numpy(), kind="stable")] = np.arange(len(tracks))
fig, axis = plt.subplots(figsize=(8.6, 4.4))
axis.plot(rank_track[train_item], rank_user[train_user], ",", color=COLORS["blue"])
edges = np.r_[0, np.cumsum(by_kind["listeners"].loc[table.index])]
axis.set_yticks((edges[1:] + edges[:-1]) / 2, table.index, fontsize=8)
for edge in edges[1:-1]:
    axis.axhline(edge - 0.5, color=GREY, linewidth=0.4)
axis.set(xlabel="tracks, the most popular at the right", ylim=(n_users, 0))
axis.set_title(f"Training pairs: {split.train.n_ratings / np.prod(split.train.shape):.2%} of the table{stand_in}")
show(fig, "The listener-track table as points, listeners grouped by archetype and tracks sorted by popularity: bands where an archetype asks "
     "for high or low popularity, vertical stripes where the same few tracks serve many listeners.")

# %% [markdown]
# Some archetypes can be told from one row (where the band ends), others only from many (the stripes: the same tracks over and over).
#
# **What a simulation can show**: that code does what it should, since the truth is known; how close a model comes to what *can* be
# known; how a protocol distorts a figure. **What it cannot**: that people are like this; that one model is better than another *on
# people*; anything about taste beyond the conditions that we wrote down ourselves. A model that wins here has recovered what we put
# in: archetypes, artists, and the rule by which short pools are filled.
#
# ## 8. First recommendations
#
# **Question.** How much of the ceiling do simple models reach, from the sound of the songs, or from the other listeners?
#
# The simplest model of *content*: a listener is the mean of the songs they heard, and the score of a song its cosine with
# that mean.
#
# **Exercise 5 · User-mean cosine** · ★★ · 6 minutes · 2 points. Arrays: `features` (n_songs, d), `heard` boolean (n_users, n_songs), at
# least one song each. Return the cosine of every listener's mean and every song, (n_users, n_songs), and −2 for songs already heard:
# less than any cosine.
#
# <details><summary>Hint</summary>What does a matrix product of <code>heard</code> and <code>features</code> sum over? A cosine is a dot
# product of rows of length 1.</details>


# %%
def my_user_mean_cosine(features, heard):
    ### BEGIN SOLUTION
    mean = heard @ features / heard.sum(1, keepdims=True)
    mean, songs = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (mean, features))
    return np.where(heard, -2.0, mean @ songs.T)
    ### END SOLUTION


# %%
lesson.check("5", my_user_mean_cosine)

# %% [markdown]
# The library's pieces are `embeddings.preference` and `cosine_scores`. We give them four descriptions of a song: z-scores; the same without
# popularity, which is no sound; z-scores in which one column, instrumentalness, has the squashed values of section 3; and the whitened
# coordinates.
#
# From *other listeners*: popularity, ItemKNN, and EASE (lesson 08), with $\lambda$ chosen on an inner split of the training pairs. First,
# is equation (5) what the library has?

# %% tags=["nbval-check-output"]
heard_at = np.nonzero(np.random.default_rng(0).random((12, 30)) < 0.3)
small = RatingMatrix(*heard_at, np.ones(len(heard_at[0]), dtype=int), n_levels=2, user_ids=np.arange(12), item_ids=np.arange(30))
same = np.allclose(item_knn(small.rated().astype(float)), baselines.ItemKNN(k=30, shrink=10.0).fit(small).scores())
print("equation (5) is the library's ItemKNN with all neighbours:", same)

# %% [markdown]
# And our own machine: a binary RBM over the rows of the table, as in lesson 02, with hidden
# units in place of archetypes. On inner splits of the training pairs several settings of it come out level
# (`python benchmarks/spotify.py --tune`): nothing there chooses among them. So three are trained, and all three are shown.

# %%
candidates = {l2: baselines.EASE(l2) for l2 in (10.0, 30.0, 100.0)}
best_l2, _ = evaluate.select(
    candidates, split.train, lambda s, scorer: s.ranking(scorer, k=20, n_bootstrap=0).set_index("metric")["mean"]["Recall@20"])
print("EASE, chosen on an inner split: λ =", best_l2)
rows = torch.as_tensor(x.toarray(), dtype=torch.float32)
settings = {"RBM": (1.0, 0.01), "RBM, half the rate": (1.0, 0.005), "RBM, fewer epochs": (0.625, 0.01)}


def trained_rbm(share_of_epochs, rate):
    """Log-odds of every track for every listener, by a binary RBM trained on the rows."""
    machine = RBM(len(tracks), lesson.pick(fast=50, full=100), weight_std=0.01, seed=0).initialize_from(rows)
    epochs = round(share_of_epochs * lesson.pick(fast=32, full=40))
    fit(machine, rows, optimizer=torch.optim.Adam, lr=rate, weight_decay=1e-4, batch_size=lesson.pick(fast=25, full=50),
        epochs=epochs, schedule=linear_decay(), callbacks=[Monitor(every=1000)], device="cpu", progress=lesson.progress,
        generator=torch.Generator().manual_seed(0))
    return torch.logit(score_items(machine, rows).double(), eps=1e-12).numpy()


rbm_scores = {name: trained_rbm(*setting) for name, setting in settings.items()}

# %% [markdown]
# > **Predict first.** Which is nearer to the oracle: the mean of the *sound* of forty songs, or *who else* heard them?

# %%
def by_sound(description):
    song = torch.tensor(description)
    return cosine_scores(preference(song, split.train), song).numpy()


standard = ((features - features.mean()) / features.std()).to_numpy()  # z-scores over all tracks, as the coordinates are
squashed_one = standard.copy()
squashed_one[:, FEATURES.index("instrumentalness")] = steps["standardised"]["instrumentalness"]
scores = {
    "at random": rng.random((n_users, len(tracks))),
    "Spotify's popularity": np.tile(features["popularity"].to_numpy(), (n_users, 1)),
    "popularity among listeners": baselines.Popularity().fit(split.train).scores(),
    "sound: mean of coordinates": by_sound(z),
    "sound: … instrumentalness squashed": by_sound(squashed_one),
    "sound: z-scores, no popularity": by_sound(np.delete(standard, FEATURES.index("popularity"), axis=1)),
    "sound: mean of z-scores": by_sound(standard),
    **rbm_scores,
    "ItemKNN": item_knn(x),
    "EASE": baselines.EASE(best_l2).fit(split.train).scores(),
    "oracle": oracle,
}
per_user = {name: evaluate.per_user_ranking(s, split.held_out, split.train, 20) for name, s in scores.items()}
metrics = {name: evaluate.mean_interval(frame, n_bootstrap=300).set_index("metric") for name, frame in per_user.items()}

# %%
def cell(name, metric):
    row = metrics[name].loc[metric]
    return f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


mean_recall = pd.Series({name: frame["mean"]["Recall@20"] for name, frame in metrics.items()})
assert mean_recall["oracle"] == mean_recall.max()
assert mean_recall[["EASE", "ItemKNN", *settings]].min() > 1.5 * mean_recall["popularity among listeners"]
assert mean_recall["sound: mean of z-scores"] > 3 * mean_recall["at random"]


def beyond(name, other):
    """The mean difference in Recall@20 on the same listeners, with its interval."""
    gap = pd.DataFrame({"gap": per_user[name]["Recall@20"] - per_user[other]["Recall@20"]})
    row = evaluate.mean_interval(gap, n_bootstrap=300).iloc[0]
    return f"{row['mean']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"


for name in ("ItemKNN", *settings):
    print(f"Recall@20, same listeners: {name} beyond EASE {beyond(name, 'EASE')}")
for name in ("sound: mean of coordinates", "sound: … instrumentalness squashed", "sound: z-scores, no popularity", "popularity among listeners"):
    print(f"Recall@20, same listeners: z-scores beyond {name.removeprefix('sound: ')} {beyond('sound: mean of z-scores', name)}")
results = pd.DataFrame({metric: {name: cell(name, metric) for name in metrics} for metric in ("Recall@20", "NDCG@20")})
results["of the oracle's recall"] = (mean_recall / mean_recall["oracle"]).map("{:.0%}".format)
results

# %%
fig, (axis, kinds) = plt.subplots(1, 2, figsize=(11.5, 4.2), width_ratios=[1, 1.1])
for number, name in enumerate(scores):
    row = metrics[name].loc["Recall@20"]
    color = COLORS["green" if name == "oracle" else "blue" if "RBM" in name else "orange"]
    axis.errorbar(row["mean"], number, xerr=[[row["mean"] - row["low"]], [row["high"] - row["mean"]]], fmt="o", capsize=3, color=color)
axis.set_yticks(range(len(scores)), scores)
axis.axvline(mean_recall["oracle"], color=COLORS["green"], linestyle=":")
axis.set(xlabel="Recall@20, 95 % interval over listeners", xlim=(0, None))
axis.set_title(f"Listening tables, sound, and the ceiling{stand_in}")
by_sound_name = "sound: mean of z-scores"
of_kind = pd.DataFrame({name: per_user[name]["Recall@20"] for name in ("oracle", "EASE", "RBM", by_sound_name)})
of_kind = of_kind.groupby(profiles["archetype"].to_numpy()[of_kind.index]).mean().loc[ceiling.sort_values("oracle").index]
for (name, mean), marker, color in zip(of_kind.items(), "|sox", ("green", "orange", "blue", "red"), strict=True):
    kinds.plot(mean, range(12), marker, color=COLORS[color], label=name, markersize=14 if marker == "|" else 6, markeredgewidth=2)
kinds.set_yticks(range(12), of_kind.index, fontsize=8)
kinds.set(xlabel="Recall@20")
kinds.set_title("The ceiling of each archetype")
kinds.legend(fontsize=8, loc="lower right")
show(fig, "Left, Recall@20 with intervals: random and Spotify's popularity near zero, sound and popularity among listeners low, the RBMs, "
     "ItemKNN and EASE several times higher, the oracle highest. Right, the same by archetype: large for a few, near zero for most.")

# %%
furthest = (of_kind["oracle"] - of_kind["EASE"]).idxmax()
print(f"furthest below its ceiling: {furthest}, " + ", ".join(f"{name} {of_kind.loc[furthest, name]:.3f}" for name in list(of_kind)[:3]))
print(f"listeners per artist among the loyal fans: {profiles['artist'].replace('', np.nan).value_counts().mean():.1f}")
part = of_kind[by_sound_name] * by_kind["listeners"].loc[of_kind.index]
print(f"of what z-scores find, for audiophiles and classical listeners: {part[['Audiophile', 'Classical Music Lover']].sum() / part.sum():.0%}")

# %% [markdown]
# **Reading it** (figures of the saved run). *Who else heard it* reaches most of the ceiling. EASE and one RBM are level: its difference to EASE
# is −.001<!--RBM beyond EASE--> [−.004<!--RBM beyond EASE-->, +.002<!--RBM beyond EASE-->]. ItemKNN (−.007<!--ItemKNN beyond EASE-->) and the
# other two RBMs (−.009<!--half the rate beyond EASE-->, −.019<!--fewer epochs beyond EASE-->) are behind by a little, with intervals clear
# of 0. A fast run, with fewer listeners and shorter trainings, has another order: EASE, ItemKNN, and all three RBMs behind. Which
# of these "the RBM" is depends on the setting, and the inner splits could not choose one. Whoever prints the best of the three rows
# alone has chosen on the test.
#
# *Sound* finds far more than chance on average, 78 %<!--for audiophiles and classical--> of it for audiophiles and classical listeners, and little
# for anybody else. It stays behind plain popularity among listeners, by .012<!--popularity among listeners--> (in a fast run the two are level). The
# fourteen columns include popularity, which is no sound; without it the recall is .036<!--no popularity--> in place of
# .038<!--mean of z-scores-->. Spotify's own popularity is as good as chance: the simulated listeners know it only as a few bounds.
#
# z-scores, wrong for a likelihood, do *better* here than the coordinates, by
# .011<!--mean of coordinates--> [.007<!--mean of coordinates-->, .015<!--mean of coordinates-->]. Squash one column, and the lead is
# gone: in a z-score the few instrumental tracks stand out by many standard deviations, and they are what audiophiles and classical
# listeners are made of. The long tail that a z-score keeps is what this cosine lives on. It is no praise of z-scores; it says how
# much a figure may hang on one column, and that **what is right for a likelihood need not be right for a distance.**
#
# On the right, the models are strong where the oracle is. Furthest below its ceiling is the loyal fan: oracle .68<!--Loyal Fan, oracle-->,
# EASE .53<!--Loyal Fan, oracle-->. Two or three fans share an artist: too few to see from who heard what which songs belong together, and the table has
# no column for the artist, which the oracle knows. Where a model stands above its ceiling, that is luck, for an archetype has
# few listeners. One population, one split, one training seed: the intervals cover
# listeners only. Lesson 05 asks whether a deep Gaussian machine can hear more in the sound; its figures stand beside these.
#
# ## Pitfalls
#
# - **Merging on names.** Rows multiply, silently. Use the address, and `validate=`.
# - **Believing a column's name.** Release dates are of the issue; popularity 0 does not mean obscure; genres are the artist's.
# - **Substrings.** `'rock' in 'punk rock'` is true.
# - **Likelihoods of columns that count.** They measure the smallest variance allowed. Dequantise first, keep the Jacobian.
# - **Listens split instead of pairs.** "Play it again" wins.
# - **Short pools** that are filled in silently: report them. They can make up half of a figure.
# - **The best of several settings**, when only the test tells them apart. Show them all.
# - **A figure without its ceiling.** .17 is poor where 1 can be reached, and good where .2 can.
#
# ## Summary
#
# 1. A merge has Σ a·b rows; only a unique key keeps their number.
# 2. Dequantise, squash, standardise, whiten: invertible, with every slope kept; then a likelihood says something.
# 3. Archetypes are a table; head counts are as asked for, pools may be short, and what was filled in is on record.
# 4. Drawing with replacement and then splitting leaks; an oracle gives the ceiling, about .2 here.
# 5. In the saved run listening tables reach most of that ceiling and sound little of it; a simulation proves nothing about people.

# %%
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. A key stands 3 times on the left, 4 on the right, and a second key once on each side. Rows of the inner merge?</summary>3 · 4 + 1 · 1 = 13.</details>
#
# <details><summary>2. Why does the held-out likelihood of z-scores rise without end, though the tracks are held out?</summary>The held-out tracks sit on the same few values as the training tracks. A component as narrow as the regulariser allows, put on such a value, has an arbitrarily high density there.</details>
#
# <details><summary>3. Model A has 5.0 nats per track on z-scores, model B −19 on whitened coordinates. Which is better?</summary>One cannot say: different units. Nor would the log-Jacobian of each map mend it: z-scores of columns that count were never dequantised, and have no meaningful density at all.</details>
#
# <details><summary>4. A listener heard 50 of a pool of 450 tracks; 40 are in training. What can an oracle reach at 20? At 10?</summary>410 are unseen, equally likely: 20/410 = .049; 10/410 = .024.</details>
#
# <details><summary>5. A new model has Recall@20 = .23 on this data, above the oracle. What do you do?</summary>Look for the leak; if there is none, luck: look at the paired difference to the oracle on the same listeners, and repeat with other seeds. No model that sees the histories alone can rank better in expectation.</details>
#
# ## References
#
# - Beach, Top 10000 Spotify songs 1960-now, [Kaggle](https://www.kaggle.com/datasets/joebeachcapital/top-10000-spotify-songs-1960-now).
# - Theis, van den Oord & Bethge (2016), A note on the evaluation of generative models. [doi:10.48550/arXiv.1511.01844](https://doi.org/10.48550/arXiv.1511.01844)
# - Kessy, Lewin & Strimmer (2018), Optimal whitening and decorrelation. [doi:10.1080/00031305.2016.1277159](https://doi.org/10.1080/00031305.2016.1277159)
# - Steck (2019), Embarrassingly shallow autoencoders for sparse data. [doi:10.1145/3308558.3313710](https://doi.org/10.1145/3308558.3313710)
# - Deshpande & Karypis (2004), Item-based top-N recommendation algorithms. [doi:10.1145/963770.963776](https://doi.org/10.1145/963770.963776)
# - Ji, Sun, Zhang & Li (2023), A critical study on data leakage in recommender system offline evaluation. [doi:10.1145/3569930](https://doi.org/10.1145/3569930)
#
# **Next:** [05 · Gaussian-Bernoulli deep Boltzmann machine](05_gaussian_bernoulli_dbm.ipynb): a machine for the coordinates that we made here.
