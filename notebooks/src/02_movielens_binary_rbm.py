# %% [markdown]
# # 02 · The MovieLens binary RBM
#
# Will this person like this film? We rebuild a machine that has been copied into many repositories, find out why its
# good-looking number means nothing, and then build one that can be trusted, beside every baseline that it should beat.
#
# | | |
# |---|---|
# | **You will be able to** | treat a missing rating as missing, in the energy and in the gradient; choose units for likes and for stars; evaluate predictions and rankings with intervals, baselines and no leak; recommend films to somebody new, and say why |
# | **You need** | lessons 00 and 01 |
# | **Time** | 120 minutes, 21 of them for four exercises; section 8 and *EASE is a Boltzmann machine* can wait |
# | **Data** | MovieLens 100K (5 MB, or a synthetic stand-in) |
# | **Hardware** | any laptop, no GPU. The saved outputs are of the full profile; run it yourself and you get the fast one, with shorter trainings: figures that the text gives for the saved run are then not those on your screen. `RBM_PROFILE=full make lab` trains as long |
# | **From the library** | `RBM`, `fit`, `recommend`, `evaluate`, `baselines`, `covariates`, `RatingMatrix` |

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score

from rbm_lib import RBM, Monitor, baselines, evaluate, fit
from rbm_lib.course import Lesson
from rbm_lib.data import RatingMatrix, load_movielens
from rbm_lib.likelihood import exact_gradient
from rbm_lib.models import VisibleData
from rbm_lib.plotting import COLORS, show, use_style
from rbm_lib.recommend import (
    fold_in,
    left_out_bias,
    multinomial_covariate,
    predict,
    score_items,
    top_n,
)
from rbm_lib.training import ItemMeanDecay, distinct_codes, linear_decay, saturation

# %%
lesson = Lesson("02_movielens_binary_rbm")
use_style()
movielens = lesson.data(load_movielens("100k"))  # "1m" works too: it is the only line to change
stand_in = "" if movielens.source == "real" else " (synthetic stand-in)"

# %% [markdown]
# ## 1. Ratings with gaps
#
# **Question.** What exactly do we want to predict, and on which ratings do we test?
#
# The data set comes with five splits into training and test ratings; we use the first. A `Split` keeps the two
# halves apart: a model is handed `split.train`, and only the evaluation sees the rest.

# %%
ids = dict(user_ids=np.sort(movielens.users["user_id"]), item_ids=np.sort(movielens.movies["movie_id"]))
if movielens.name == "100k":
    split = evaluate.Split(*(RatingMatrix.from_frame(part, **ids) for part in movielens.split(1)))
else:
    split = evaluate.random_split(RatingMatrix.from_frame(movielens.ratings, **ids), share=0.2, seed=0)
likes = evaluate.Split(split.train.binarize(3), split.held_out.binarize(3))  # level 3 of 0…4 is four stars
people, films, levels = split.held_out.triples()
is_liked = levels >= 3

# %%
filled = split.train.n_ratings / np.prod(split.train.shape)
print(f"{split.train.n_users:,} people x {split.train.n_items:,} films")
print(f"{split.train.n_ratings:,} training ratings: {filled:.1%} of all pairs; {split.held_out.n_ratings:,} to predict")
print(f"liked (4 or 5 stars): {is_liked.mean():.0%} of the held-out ratings")

# %% [markdown]
# ## 2. A widely copied machine
#
# **Question.** What does the machine that one finds most often on this subject do, and what does its loss say?
#
# Here it is, rebuilt from a widely copied tutorial (its recipe matters, not its author, and is given in full): one or
# two stars become 0, three to five become 1, **a missing rating becomes −1**. One hundred hidden units, weights from a
# standard normal distribution, ten sweeps of contrastive divergence, batches of 100 people, ten epochs, no learning
# rate, sums instead of means. After each sweep the −1s are put back. The loss is the mean absolute difference between
# the known ratings and a **sampled** reconstruction.

# %%
lenient = evaluate.Split(split.train.binarize(2), split.held_out.binarize(2))  # its rule: three stars are a like
everyone = torch.arange(split.train.n_users)
value, known = lenient.train.batch(everyone)
coded = torch.where(known, value, -1.0)


def flip(probability, generator):
    return (torch.rand(probability.shape, generator=generator) < probability).float()


def copied_machine(seed, n_hidden=100, sweeps=10, epochs=10, batch=100):
    g = torch.Generator().manual_seed(seed)
    W = torch.randn(coded.shape[1], n_hidden, generator=g)
    b, c = torch.randn(coded.shape[1], generator=g), torch.randn(n_hidden, generator=g)
    losses = []
    for _ in range(epochs):
        loss = []
        for start in range(0, len(coded) - batch, batch):  # the last people are never used
            v0 = vk = coded[start : start + batch]
            for _ in range(sweeps):
                hk = flip(torch.sigmoid(vk @ W + c), g)
                vk = torch.where(v0 < 0, v0, flip(torch.sigmoid(hk @ W.T + b), g))
            h0, h_k = torch.sigmoid(v0 @ W + c), torch.sigmoid(vk @ W + c)
            W += v0.T @ h0 - vk.T @ h_k
            b, c = b + (v0 - vk).sum(0), c + (h0 - h_k).sum(0)
            loss.append((v0 - vk)[v0 >= 0].abs().mean())
        losses.append(float(torch.stack(loss).mean()))
    return W, b, c, losses


# %%
copies = [copied_machine(seed) for seed in range(lesson.pick(fast=1, full=5))]
fig, axis = plt.subplots(figsize=(7, 2.8))
for number, (*_, losses) in enumerate(copies):
    label = "rebuilt, one line per seed" if number == 0 else None
    axis.plot(range(1, 11), losses, color=COLORS["blue"], linewidth=1, label=label)
axis.axhline(0.247, color="grey", linestyle=":", label="the tutorial prints 0.247")
axis.set(xlabel="epoch", ylabel="training loss")
axis.set_title(f"Training loss of the copied machine{stand_in}")
axis.legend()
show(fig, "Training loss of the copied machine over ten epochs, a line per seed, next to the published value of .247.")

# %% [markdown]
# On the real data the rebuilding ends where the tutorial does. A loss of about a quarter reads as "three of four right". Let
# us take it apart.
#
# ## 3. How to fool yourself
#
# **What does this loss reward?** Suppose a machine *knew* the probability $p$ of a like exactly. The truth is 1 with
# probability $p$, and so, independently, is the sampled prediction. How often do they differ?
#
# **Exercise 1 · What sampling costs** · ★ · 4 minutes · 2 points. Return the expected loss of a perfect model that
# *samples* its predictions, and that of one that *thresholds* them at one half, for a tensor `p` of probabilities
# (`p.numpy()` if you prefer NumPy): two numbers, each a mean over `p`.
#
# <details><summary>Hint</summary>Each can go wrong in two ways: truth 1 and prediction 0, or truth 0 and prediction 1.
# </details>


# %%
def my_expected_losses(p):
    ### BEGIN SOLUTION
    return (2 * p * (1 - p)).mean(), torch.minimum(p, 1 - p).mean()
    ### END SOLUTION


# %%
lesson.check("1", my_expected_losses)

# %% [markdown]
# At $p = .8$ a perfect model that samples loses .32; whoever just says "like" loses .2.
#
# > **Predict first.** Five predictors, the tutorial's loss: the copied machine, sampled or thresholded; the item mean
# > (each film's share of likes), sampled or thresholded; and the constant "like". Which order?

# %%
held_value, held = lenient.held_out.batch(everyone)
has_test = held.any(1)
film_rate = torch.tensor(baselines.ItemMean().fit(lenient.train).scores(), dtype=torch.float32)
g = torch.Generator().manual_seed(0)


def tutorial_loss(prediction):
    """Mean absolute difference per person, averaged over people."""
    per_person = ((held_value - prediction).abs() * held).sum(1)[has_test] / held.sum(1)[has_test]
    return float(per_person.mean())


def copied_prediction(machine, sampled):
    W, b, c, _ = machine
    hidden = torch.sigmoid(coded @ W + c)
    p = torch.sigmoid((flip(hidden, g) if sampled else hidden) @ W.T + b)
    return flip(p, g) if sampled else (p >= 0.5).float()


five = pd.Series({
    "the copied machine, sampled": np.mean([tutorial_loss(copied_prediction(m, True)) for m in copies]),
    "the copied machine, thresholded": np.mean([tutorial_loss(copied_prediction(m, False)) for m in copies]),
    "item mean, sampled": tutorial_loss(film_rate),  # |truth − p| is the mean over all draws
    "item mean, thresholded": tutorial_loss((film_rate >= 0.5).float()),
    'always "like"': tutorial_loss(torch.ones_like(film_rate)),
})
five.round(3)

# %%
assert five["the copied machine, sampled"] > five['always "like"'] + 0.05
cost = five["item mean, sampled"] - five["item mean, thresholded"]
print(f"what sampling costs the item mean: {cost:.2f}")

# %% [markdown]
# The constant beats the machine by far. Sampling costs the item mean .09<!--what sampling costs-->: on the real data
# the item mean, sampled, has on the held-out ratings the very figure that the tutorial prints for its training,
# .247<!--item mean, sampled-->, without any machine.
# Even thresholded it only ties with the constant, for nearly every film has more likes than not. The machine gains
# little from thresholding, because its probabilities are extreme themselves. A number without a trivial baseline beside
# it says nothing: by this loss the machine is worse than no machine.
#
# **Look inside.** Weights of size one and no learning rate: one update moves a weight by up to a hundred. And each
# missing film sends its weight times −1, and more than nine in ten films of a row are missing. AUC, from lessons 00 and 01: how
# often a like is ranked above a rating that is not one.

# %%
W, b, c, _ = copies[0]
hidden = torch.sigmoid(coded @ W + c)
like_by_mean = torch.sigmoid(hidden @ W.T + b)  # probabilities instead of samples, to be fair to it
y = held_value[held].numpy()
report = pd.Series({
    "saturated hidden units": f"{saturation(hidden):.0%}",
    "distinct hidden codes of all people": distinct_codes(hidden),
    "people who share the commonest code": int(torch.unique(hidden > 0.5, dim=0, return_counts=True)[1].max()),
    "AUC, copied machine": f"{roc_auc_score(y, like_by_mean[held]):.3f}",
    "AUC, item mean": f"{roc_auc_score(y, film_rate[held]):.3f}",
})
report

# %%
assert roc_auc_score(y, like_by_mean[held]) < roc_auc_score(y, film_rate[held])
assert distinct_codes(hidden) < 50

# %% [markdown]
# Every hidden unit is stuck at 0 or 1, and nearly all people get the same code: the machine hardly tells people apart, and
# ranks films worse than their means do. The −1s and the size of the steps are the suspects; the metric did not show it.
#
# ## 4. The mask, derived
#
# **Question.** What *should* the energy of a person with few ratings be?
#
# Salakhutdinov, Mnih and Hinton (2007) gave each person a machine of their own that has visible units **only for the
# films this person has rated**; all machines share weights and biases. With $o_i = 1$ where film $i$ is rated,
#
# $$E(v, h) = -\sum_i o_i\, b_i v_i - c\cdot h - \sum_{i} o_i\, v_i \sum_j W_{ij} h_j \tag{1}$$
#
# Everything follows as in lesson 01. The input of a hidden unit is a sum over rated films. The gradient is again
# data minus model, and in both phases $\partial E/\partial W_{ij}$ carries the factor $o_i$: **only people who rated a film
# contribute to the gradient of its weights**. A dropped unit does not stand at zero, and it is not summed over either
# (that would leave a factor that depends on $h$): it is not there.
#
# ![Two people with ratings and gaps: the units of unrated films are left out of each person's machine.](figures/mask.svg)

# %% tags=["nbval-check-output"]
whole, smaller = RBM(4, 2, weight_std=1.0, seed=0), RBM(3, 2)
v, mask = torch.tensor([[1.0, 0.0, -1.0, 1.0]]), torch.tensor([[True, True, False, True]])
with torch.no_grad():
    smaller.W.copy_(whole.W[mask[0]])
    smaller.visible_bias.copy_(whole.visible_bias[mask[0]])
same = torch.allclose(whole.free_energy(v, observed=mask), smaller.free_energy(v[mask][None]))
print("masked machine = machine without that film:", same)
other = whole.free_energy(v + 7 * ~mask, mask)  # another number in the gap
print("what stands in the gap makes no difference:", torch.allclose(whole.free_energy(v, mask), other))
gradient = exact_gradient(whole, v, observed=mask)["W"]
print("the gradient of film 3's weights is zero, of the others' not:", (gradient == 0).all(1).tolist())

# %% [markdown]
# **Exercise 2 · Free energy under a mask** · ★★ · 6 minutes · 2 points. Write the free energy of (1) for a batch of
# tensors: `v` (rows, n_visible) holds anything at all, NaN too, where `observed` (boolean, same shape) is False. Return
# one number per row.
#
# <details><summary>Hint</summary>Empty the gaps first; then lesson 01's formula. Multiplying by the mask does not empty
# them: NaN times 0 is NaN.</details>


# %%
def my_masked_free_energy(v, observed, W, b, c):
    ### BEGIN SOLUTION
    v = torch.where(observed, v, torch.zeros_like(v))
    return -(v @ b) - torch.nn.functional.softplus(v @ W + c).sum(1)
    ### END SOLUTION


# %%
lesson.check("2", my_masked_free_energy)

# %% [markdown]
# **A trap remains.** With 0 for "did not like", a disliked film adds $0\cdot W$ to a hidden unit's input: exactly what a film
# adds that was never seen.

# %% tags=["nbval-check-output"]
probe = RBM(4, 2, weight_std=1.0, seed=0)
nothing = probe.prob_h_given_v(torch.zeros(1, 4), torch.zeros(1, 4, dtype=torch.bool))
dislikes_all = probe.prob_h_given_v(torch.zeros(1, 4), torch.ones(1, 4, dtype=torch.bool))
print("a person without ratings and one who dislikes everything look the same:", torch.equal(nothing, dislikes_all))

# %% [markdown]
# The cure is to give each level weights of its own: a **softmax unit** with levels $v_i = 0, 1$ for likes, or five for
# stars. $W$ then has the shape films × levels × hidden units, and a rated film brings the weights of its level:
#
# $$E(v, h) = -\sum_i o_i\, b_{i v_i} - c\cdot h - \sum_i o_i \sum_j W_{i v_i j} h_j, \qquad
# p(v_i = k \mid h) = \frac{\exp\big(b_{ik} + \sum_j W_{ikj} h_j\big)}{\sum_l \exp\big(b_{il} + \sum_j W_{ilj} h_j\big)} \tag{2}$$
#
# A hidden unit's input is $c_j + \sum_i o_i W_{i v_i j}$: now a dislike speaks too. With two levels, only the difference
# $W_{i1j} - W_{i0j}$ enters the log-odds of a like; section 8 looks at it.
#
# ## 5. Four machines
#
# **Question.** Which of these machines predict well?
#
# All rows are people. `RatingMatrix` carries the mask; predictions come from `recommend.predict`, in which a rated film
# never sees its own rating.

# %%
common = dict(batch_size=50, lr=0.05, schedule=linear_decay(), callbacks=[Monitor(every=1000)], device="cpu",
              progress=lesson.progress)


def trained(ratings, n_hidden, weight_std, n_levels=None, seed=0, **settings):
    """A masked machine with people as rows; Bernoulli units unless n_levels is given."""
    kind = "bernoulli" if n_levels is None else "categorical"
    model = RBM(ratings.n_items, n_hidden, kind, n_levels, weight_std=weight_std, seed=seed)
    v, observed = ratings.batch(slice(None))
    model.initialize_from(v if n_levels is None else torch.nn.functional.one_hot(v.long(), n_levels), observed)
    generator = torch.Generator().manual_seed(seed)
    fit(model, ratings, generator=generator, **(common | settings))
    return model


# %%
small = dict(n_hidden=50, weight_std=0.01, weight_decay=0.02, epochs=30)
good = dict(n_hidden=30, weight_std=0.05)
shared = dict(weight_decay=ItemMeanDecay(0.03), epochs=60)
machines = {
    "RBM {0,1}": trained(likes.train, **small),
    "RBM 2 levels": trained(likes.train, **small, n_levels=2),
    "RBM 2 levels, shared": trained(likes.train, **good, n_levels=2, **shared),
    "RBM 5 levels, shared": trained(split.train, **good, n_levels=5, **shared),
}

# %% [markdown]
# *Shared* is a decay of each film's weights towards the mean film's weights instead of towards zero: a film with three
# ratings then inherits what a like says about a person in general. (The rows below differ in more than one thing: each
# kind has the size and decay that suit it.)
#
# ## 6. An evaluation that can be trusted
#
# **Question.** Is it any good, and compared with what?
#
# - **AUC**, over all pairs of held-out ratings, also of different people: knowing who is generous helps. **Group AUC**: the
#   mean over people of the AUC within each: will this person like *this* film more than that one?
# - **Log-loss**: minus the mean log-probability of what happened, in nats. It punishes overconfidence.
# - **ECE**: how far stated probabilities are from observed frequencies, in 15 bins with equally many ratings. **RMSE**:
#   error of the expected stars.
# - **Intervals**: resample *people*; ratings of one person belong together. (Resampling adds noise to every bin, so ECE's
#   interval lies high.)
#
# The settings of ItemKNN (here on residuals beyond the biases), factorisation, AutoRec, and of two machines with two levels (*shared*, and the one with films as
# rows that comes below) were chosen on inner splits of the training ratings; the others are fixed or borrowed. None was
# chosen on the test. `calibrated` turns a score into a probability with two numbers fitted on such an inner split.
# *Factorisation* gives each person and film a vector and adds their product to the biases; *AutoRec* is an autoencoder of
# a film's ratings. The cell takes a while, most of it for AutoRec.

# %%
def calibrated(scorer):
    model = baselines.Calibrated(scorer, like_at_least=3).fit(split.train)
    return model.scores(), model.model_.scores()


def fitted(scorer, ratings):
    return scorer.fit(ratings).scores()


def machine_output(model, ratings):
    p = predict(model, ratings).double().numpy()
    if p.ndim == 2:
        return p, None
    if p.shape[-1] == 2:
        return p[..., 1], None
    return p[..., 3:].sum(-1), p @ np.arange(5)


outputs = {
    "always the same": (fitted(baselines.GlobalMean(), likes.train), fitted(baselines.GlobalMean(), split.train)),
    "item mean": (fitted(baselines.ItemMean(), likes.train), fitted(baselines.ItemMean(), split.train)),
    "user + item bias": (fitted(baselines.LogisticBias(), likes.train), fitted(baselines.UserItemBias(), split.train)),
    "ItemKNN on residuals": calibrated(baselines.ItemKNNRatings()),
    "matrix factorisation": calibrated(baselines.MatrixFactorization()),
    "autoencoder (AutoRec)": calibrated(
        baselines.AutoRec(epochs=lesson.pick(fast=20, full=60), by_item=True)),
}
for name, model in machines.items():
    outputs[name] = machine_output(model, split.train if "5" in name else likes.train)


# %%
def measure(name):
    probability, expected = outputs[name]
    extra = {} if expected is None else dict(predicted=expected[people, films], rating=levels)
    frame = evaluate.rating_metrics(probability[people, films], is_liked, people, n_bootstrap=200, **extra)
    return frame.set_index("metric")


measured = {name: measure(name) for name in outputs}


def summary_table(measured, metrics):
    def cell(frame, metric):
        if metric not in frame.index:
            return ""
        return f"{frame['mean'][metric]:.3f} [{frame['low'][metric]:.3f}, {frame['high'][metric]:.3f}]"

    return pd.DataFrame({m: {name: cell(f, m) for name, f in measured.items()} for m in metrics})


summary_table(measured, ["AUC", "group AUC", "log-loss", "ECE", "RMSE"])

# %% [markdown]
# First the machines with people as rows. ECE alone is no praise: *always the same* is among the best by it.
#
# Now rows become films, columns people: nothing in the machine minds. `ratings.T` is all it takes. Then a *film's* average
# can enter as a **covariate**, so that the weights need not learn it. In the row of one film, the bias of person $i$ at
# level $k$ becomes
#
# $$b_{ik} + x_i\, a_k$$
#
# where $x_i$ is the film's mean residual beyond people's biases, without person $i$'s own rating, and $a_k$ one number per
# level, the same for all. `visible_offset` takes $x_i a_k$. One such machine for likes, one for stars.
#
# > **Predict first.** Will one of these two pass AutoRec in AUC?


# %%
def film_rows(ratings, n_hidden, weight_decay, epochs):
    """P(level) of every person and film by a machine whose rows are films, with the film's mean as covariate."""
    rows = ratings.T
    x = left_out_bias(rows)
    start_bias, coefficient = multinomial_covariate(rows, x)
    offset = torch.as_tensor(x)[..., None] * coefficient
    model = RBM(rows.n_items, n_hidden, "categorical", rows.n_levels, weight_std=0.01, seed=0)
    model.visible_bias.data.copy_(start_bias)
    fit(model, VisibleData(model, rows, visible_offset=offset), weight_decay=weight_decay, epochs=epochs,
        generator=torch.Generator().manual_seed(0), **common)
    return predict(model, rows, visible_offset=offset).double().numpy().swapaxes(0, 1)


p_like = film_rows(likes.train, 200, 0.015, epochs=lesson.pick(fast=16, full=40))[..., 1]
p_stars = film_rows(split.train, 100, 0.01, epochs=lesson.pick(fast=6, full=40))
outputs["RBM 2 levels, films as rows"] = p_like, None
outputs["RBM 5 levels, films as rows"] = p_stars[..., 3:].sum(-1), p_stars @ np.arange(5)


# %%
def log_odds(q):
    return np.log(q) - np.log1p(-q)


both = log_odds(outputs["RBM 2 levels, shared"][0]) + log_odds(outputs["RBM 2 levels, films as rows"][0])
outputs["both RBMs, 2 levels"] = 1 / (1 + np.exp(-both / 2)), None
for name in list(outputs)[-3:]:
    measured[name] = measure(name)

fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True)
names = list(outputs)
for axis, metric, better in zip(axes, ("AUC", "log-loss"), ("more", "less"), strict=True):
    for place, name in enumerate(names):
        row = measured[name].loc[metric]
        color = COLORS["blue"] if "RBM" in name else COLORS["orange"]
        axis.errorbar(row["mean"], -place, xerr=[[row["mean"] - row["low"]], [row["high"] - row["mean"]]],
                      fmt="o", color=color, capsize=3)
    axis.set(xlabel=f"{metric} ({better} is better)")
    axis.locator_params(axis="x", nbins=5)
axes[0].set_yticks([-i for i in range(len(names))], names)
fig.suptitle(f"Machines (blue) and baselines (orange), 95 % intervals over people{stand_in}", fontsize=11)
auc = pd.Series({name: frame["mean"]["AUC"] for name, frame in measured.items()})
show(fig, "AUC and log-loss with intervals for six baselines and seven machines. AUC from best to worst: "
     + "; ".join(f"{name} {value:.3f}" for name, value in auc.sort_values(ascending=False).items()) + ".")

# %%
assert auc["RBM 2 levels"] > auc["RBM {0,1}"] + 0.01, "weights for 'not liked' should help"
assert auc["RBM 2 levels, shared"] > auc["item mean"] + 0.04
assert auc["RBM 2 levels, films as rows"] > auc["user + item bias"]
summary_table(measured, ["AUC", "group AUC", "log-loss", "ECE", "RMSE"]).iloc[-3:]

# %% [markdown]
# **Reading it** (the saved run: real data, full profile). The plain {0,1} machine, AUC .750<!--RBM {0,1}-->, is better than
# the item mean but well below *user + item bias*, .778<!--user + item bias-->: its hidden units cannot see a dislike. Two
# levels mend that, .787<!--RBM 2 levels-->; with *shared* decay, a machine with people as rows comes close to neighbours and factors, .791<!--RBM 2 levels, shared-->. The largest
# machine, with films as rows and a covariate, has the best AUC, .807<!--RBM 2 levels, films as rows-->, and the best
# log-loss; which of the three does it, this table cannot say. Five levels give stars, and scored lower here.
#
# Now the group AUC. *User + item bias* orders the films alike for everybody. Within people it is no better than the item
# mean, and yet it has about two thirds of what the best machine gains in AUC: that much is generosity. What a person likes
# more than another film is harder to know: .713<!--item mean--> for the item mean, .741<!--both RBMs, 2 levels--> at best.
#
# How sure is the lead over AutoRec? On the same people, and never mind that we look at the best of seven:

# %%
score = {name: outputs[name][0][people, films] for name in ("RBM 2 levels, films as rows", "autoencoder (AutoRec)")}
lead = evaluate.auc_lead(*score.values(), is_liked, people)
print("films as rows, 2 levels, beyond AutoRec: {:+.4f} [{:+.4f}, {:+.4f}]".format(*lead.loc[0, ["mean", "low", "high"]]))

# %% [markdown]
# A small lead in the saved run, +.0073<!--beyond AutoRec-->, and their group AUCs are nearly the same (.739<!--RBM 2 levels, films as rows-->
# and .741<!--autoencoder (AutoRec)-->); in a fast run, with fewer
# epochs, the lead's interval holds zero. And one split is one split: `python benchmarks/movielens.py` repeats this table,
# with fewer and partly other machines, over all five splits, and with `--top-n` the ranking of section 7 over three.
#
# Films as rows have a price: a new *person* then needs retraining, a new film does not. With people as rows it is
# the other way round.
#
# Are the probabilities themselves to be believed? **Calibration**: sort the held-out ratings by stated probability, cut them into
# bins, and compare with the share of likes in each. (The bars are Wilson's intervals for a share: unlike share ± 2 standard errors they
# stay between 0 and 1.)

# %%
fig, axis = plt.subplots(figsize=(4.6, 4))
farthest = 0.0
for name, color in (("RBM 2 levels, shared", "blue"), ("RBM 2 levels, films as rows", "green"), ("item mean", "orange")):
    curve = evaluate.calibration_curve(outputs[name][0][people, films], is_liked)
    farthest = max(farthest, (curve["observed"] - curve["predicted"]).abs().max())
    bars = [curve["observed"] - curve["low"], curve["high"] - curve["observed"]]
    axis.errorbar(curve["predicted"], curve["observed"], yerr=bars, fmt="o-", markersize=3, capsize=2,
                  color=COLORS[color], label=name)
axis.plot([0, 1], [0, 1], color="grey", linestyle=":", label="perfect")
axis.set(xlabel="stated probability of a like", ylabel="observed share of likes, 95 % interval", aspect="equal")
axis.set_title(f"At most {farthest:.2f} off the diagonal{stand_in}", fontsize=10)
axis.legend(fontsize=8)
show(fig, f"Calibration curves of two machines and the item mean, no bin more than {farthest:.2f} off the diagonal.")

# %% [markdown]
# ## 7. Which ten films? Ranking
#
# **Question.** A shop shows ten films. Which model fills the list best?
#
# Now the *likes* are the data, nothing else: a person's row is 1 at liked films and 0 elsewhere. "Not liked" and "not
# seen" are deliberately one thing here, because the list competes over **all** films the person has not liked yet. It is
# another question than section 6, with another split: a fifth of each person's likes is held out. People with fewer than five
# likes are left out. One split and one training seed: the intervals cover people only.
#
# NDCG@10 counts held-out likes among the ten, more if they stand higher; Recall@20 is the share found among twenty.
# (ItemKNN now counts who liked both films.)

# %%
liked = movielens.ratings[movielens.ratings["rating"] >= 4]
liked = liked[liked.groupby("user_id")["movie_id"].transform("size") >= 5]
shelf = evaluate.random_split(RatingMatrix.from_frame(liked, like_at_least=4, item_ids=ids["item_ids"]), 0.2, seed=0)
rows = torch.as_tensor(shelf.train.likes().toarray(), dtype=torch.float32)

taste = RBM(shelf.train.n_items, 200, weight_std=0.01, seed=0).initialize_from(rows)
fit(taste, rows, weight_decay=0.03, epochs=80, generator=torch.Generator().manual_seed(0), **common)
rbm_scores = torch.logit(predict(taste, rows).double(), eps=1e-12).numpy()

# %% [markdown]
# **Exercise 3 · NDCG** · ★★ · 6 minutes · 2 points. Compute the NDCG of one person's list: `hits` holds 0 or 1, best place
# first, `relevant` is the number of this person's held-out likes, at least 1. A hit at place 1 counts $1/\log_2 2$, at
# place 2 $1/\log_2 3$, and so on; divide by what an ideal list of the same length would give: hits in its first
# min(len(hits), relevant) places.
#
# <details><summary>Hint</summary>Places count from 1, so the first discount is 1 / log2(1 + 1). The list may be shorter than
# <code>relevant</code>, or longer.</details>


# %%
def my_ndcg(hits, relevant):
    ### BEGIN SOLUTION
    discount = 1 / np.log2(np.arange(2, len(hits) + 2))
    return (np.asarray(hits) * discount).sum() / discount[: min(len(hits), relevant)].sum()
    ### END SOLUTION


# %%
lesson.check("3", my_ndcg)

# %% [markdown]
# One person's list, and its NDCG by the library. `my_ndcg(hits, relevant)` gives the same:

# %%
person = 0
unseen = shelf.train.rated()[[person]]  # what top_n is not to list: the likes it was trained on
ten, _ = top_n(rbm_scores[[person]], unseen, 10)
hidden_likes = shelf.held_out.likes()[[person]].toarray()[0]
hits, relevant = [int(hidden_likes[i]) for i in ten[0]], int(hidden_likes.sum())
by_library = evaluate.per_user_ranking(rbm_scores, shelf.held_out, shelf.train, 10)["NDCG@10"][person]
print(f"top ten of person {person + 1}, 1 = a held-out like: {hits}, of {relevant} held out; NDCG@10 = {by_library:.3f}")

# %% [markdown]
# ### EASE is a Boltzmann machine
#
# The baseline to beat is EASE (Steck 2019): predict each film from all others by ridge regression, with weights
# $B_{ij} = -P_{ij}/P_{jj}$ for $i \ne j$, $B_{jj} = 0$ and $P = (X^\top X + \lambda I)^{-1}$. Look at it with the eyes of lesson 01. $P$ is, up to a
# factor, a regularised estimate of a precision matrix (the inverse of a covariance): the couplings of a **fully visible Gaussian Boltzmann machine**, and
# $XB$ is its conditional mean of every film given the others. It has direct couplings between films and no hidden units; the RBM
# has hidden units and no direct couplings.
#
# A *semi-restricted* machine, whose visible units are coupled too, has both. We imitate it by adding scores: the film's log-odds from the RBM, times ½, and EASE's
# pull, times 11 (the ½ was chosen on inner splits; the 11 is fixed and gives both the same size). It is not exactly such a machine: the halves are trained apart, and $B$ is
# not symmetric, so that no single energy belongs to the sum. *iALS* is factorisation for likes (Hu, Koren & Volinsky 2008).

# %%
pull = fitted(baselines.EASE(l2=300.0), shelf.train)
factors = fitted(baselines.IALS(), shelf.train)
rankings = {
    "popularity": fitted(baselines.Popularity(), shelf.train),
    "ItemKNN": fitted(baselines.ItemKNN(), shelf.train),
    "iALS": factors,
    "EASE": pull,
    "RBM": rbm_scores,
    "RBM + EASE": 0.5 * rbm_scores + 11.0 * pull,
    "iALS + EASE (control)": factors / factors.std() + pull / pull.std(),
}
per_person = {
    name: evaluate.per_user_ranking(scores, shelf.held_out, shelf.train, [10, 20]) for name, scores in rankings.items()
}
ranked = {name: evaluate.mean_interval(frame, n_bootstrap=300).set_index("metric") for name, frame in per_person.items()}
summary_table(ranked, ["NDCG@10", "Recall@20"])

# %% [markdown]
# The intervals of the best overlap, but all models faced the *same* people. The difference to EASE, person by person, is
# much less noisy than either number.
#
# > **Predict first.** The intervals of EASE and of RBM + EASE overlap. Will that of their difference hold zero?

# %%
beyond = {
    name: evaluate.mean_interval(frame - per_person["EASE"], n_bootstrap=300).set_index("metric")
    for name, frame in per_person.items() if name not in ("EASE", "popularity")
}
pd.DataFrame({
    name: {metric: f"{f['mean'][metric]:+.4f} [{f['low'][metric]:+.4f}, {f['high'][metric]:+.4f}]"
           for metric in ("NDCG@10", "Recall@20")}
    for name, f in beyond.items()
}).T

# %%
ndcg = pd.Series({name: frame["mean"]["NDCG@10"] for name, frame in ranked.items()})
assert ndcg["RBM"] > 1.3 * ndcg["popularity"]
assert ndcg["RBM + EASE"] > 0.95 * ndcg["EASE"]

fig, axis = plt.subplots(figsize=(7, 2.6))
order = ndcg.sort_values().index
for place, name in enumerate(order):
    row = ranked[name].loc["NDCG@10"]
    axis.errorbar(row["mean"], place, xerr=[[row["mean"] - row["low"]], [row["high"] - row["mean"]]], fmt="o", capsize=3,
                  color=COLORS["blue" if "RBM" in name else "orange"])
axis.set_yticks(range(len(order)), order)
axis.set(xlabel="NDCG@10, 95 % interval over people")
axis.set_title(f"Top ten: {order[-1]} is first, {order[0]} last{stand_in}")
show(fig, "NDCG@10 with intervals, from last to first: " + "; ".join(f"{n} {ndcg[n]:.3f}" for n in order) + ".")

# %% [markdown]
# On the real data the RBM alone ranks well ahead of the neighbours, .316<!--RBM--> against .280<!--ItemKNN-->, and level
# with EASE; iALS is the best single model. RBM and EASE together beat EASE by .0078<!--RBM + EASE-->, and the interval of
# that difference does not hold zero, although the two intervals in the table overlap. Is it the Boltzmann machine's merit?
# The control row says to be careful: iALS with EASE gains at least as much over EASE, and iALS alone as much as RBM with
# EASE. Either second model helped EASE. Whether iALS with EASE is better
# than iALS alone (.325<!--iALS + EASE--> against .324<!--iALS-->), this table does not show.

# %% [markdown]
# ### A leak, and the guard
#
# A widely read notebook scored its RBM with the *held-out likes in the input row*. Watch what that does, and what the library
# says if one tries.
#
# > **Predict first.** The machine is shown the answers. What NDCG@10 will it reach: 1?

# %%
leaky = rows + torch.as_tensor(shelf.held_out.likes().toarray(), dtype=torch.float32)
with torch.no_grad():
    reconstruction = taste.mean_v_given_h(taste.prob_h_given_v(leaky)).numpy()
cheat = evaluate.ranking_metrics(reconstruction, shelf.held_out, shelf.train, k=10, n_bootstrap=0).set_index("metric")
print(f"NDCG@10 honest: {ndcg['RBM']:.3f}, with the held-out likes as input: {cheat['mean']['NDCG@10']:.3f}")
print(f"the leak adds {cheat['mean']['NDCG@10'] - ndcg['RBM']:.2f}")
try:
    evaluate.assert_no_leak(leaky.numpy() > 0, shelf.held_out)
except ValueError as refusal:
    print("\n" + str(refusal).split(" (")[0])

# %% [markdown]
# The leak need not look absurd: .435<!--with the held-out likes--> is a plausible number, and only the code shows where it
# comes from. It adds .12<!--the leak adds-->, far more than what separates the models from ItemKNN upward. Why not 1? The
# machine does not copy its input. The row passes through 200 hidden units, which keep what many people share; of what is
# particular to one row, much is lost there.
#
# ## 8. What did the hidden units learn?
#
# **Question.** A number for each film and hidden unit: do they mean anything?
#
# For each hidden unit take the weight of "liked" minus that of "not liked", per film, minus its mean over films, and average
# over a genre's films (those with at least 20 ratings). Shown are the eight units whose weights differ most between films.
# The unit of the colours is the standard error of such a mean, had the films been drawn at random: among about a hundred
# cells a few would pass 2 by chance, none 5. The machine never saw a genre.

# %%
machine = machines["RBM 2 levels, shared"]
contrast = (machine.W[:, 1] - machine.W[:, 0]).detach().numpy()
titles = movielens.movies.set_index("movie_id").loc[ids["item_ids"]]
often = split.train.item_counts() >= 20  # films with enough ratings to say something about
contrast = contrast - contrast[often].mean(0)
units = np.argsort(-contrast[often].std(0))[:8]
of_genre = titles["genres"].explode()
genres = [g for g, n in of_genre[np.isin(of_genre.index, ids["item_ids"][often])].value_counts().items() if n >= 25]
member = {g: often & titles["genres"].map(lambda have, g=g: g in have).to_numpy() for g in genres}
spread = contrast[often][:, units].std(0)
profile = np.array([contrast[member[g]][:, units].mean(0) / spread * member[g].sum() ** 0.5 for g in genres])

# %%
fig, axis = plt.subplots(figsize=(6.4, 4))
limit = np.abs(profile).max()
picture = axis.imshow(profile, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
axis.set_yticks(range(len(genres)), genres)
axis.set_xticks(range(len(units)), [f"unit {u + 1}" for u in units], rotation=45)
fig.colorbar(picture, label="mean contrast of the genre (standard errors)")
beyond_5 = f"{(np.abs(profile) > 5).sum()} of {profile.size} cells beyond 5 standard errors"
axis.set_title(f"{beyond_5}{stand_in}", fontsize=10)
show(fig, f"Heat map of genres against eight hidden units: {beyond_5}.")

# %%
for u in units[:3]:
    order = np.argsort(np.where(often, contrast[:, u], 0))
    for what, chosen in (("more", order[::-1][:5]), ("less", order[:5])):
        print(f"Unit {u + 1}: a like raises it {what} than average\n    " + "; ".join(titles["title"].iloc[chosen]))

# %% [markdown]
# Read such lists with care. Any direction in this space would show *some* pattern, a mixture of two units as well. What one may say: the machine arranges films by who likes them.
#
# ## 9. Recommendations for somebody new, and why
#
# **Question.** A person who was not there in training rates a few films. What should they see?
#
# Nothing is retrained: the new ratings become a row with a mask. `fold_in` does that by film ids. Our guest likes the five
# best-known films of one genre and dislikes the five best-known of another.

# %%
by_fame = titles.assign(n=split.train.item_counts()).sort_values("n", ascending=False, kind="stable")


def best_known(genre, without, n=5):
    has = by_fame["genres"].map(lambda have: genre in have and without not in have)
    return by_fame[has].index[:n].tolist()


guest = {film: 1 for film in best_known("Sci-Fi", "Romance")} | {film: 0 for film in best_known("Romance", "Sci-Fi")}
v, observed = fold_in(machine, guest, ids["item_ids"])
p_guest = score_items(machine, v, observed)
p_anyone = score_items(machine, *fold_in(machine, {}, ids["item_ids"]))  # no ratings: the prior
lift = torch.logit(p_guest) - torch.logit(p_anyone)


def list_films(score, n=6):
    chosen, _ = top_n(score, observed | ~torch.as_tensor(often), n)  # without films rated by the guest or by few
    listing = titles.iloc[chosen[0].tolist()][["title", "genres"]].reset_index(drop=True)
    listing["genres"] = listing["genres"].map(", ".join)
    columns = {"guest": p_guest, "anyone": p_anyone, "lift": lift}
    return listing.assign(**{name: of[0, chosen[0]].numpy().round(2) for name, of in columns.items()})


list_films(p_guest)

# %% [markdown]
# The most probable likes of a person with ten ratings are mostly films that *anyone* would like. Right, and dull. Sort by
# what the guest's ratings *change*, the log-odds for the guest minus those for anyone, the column *lift*:

# %%
list_films(lift)

# %% [markdown]
# **Why?** Take one of the guest's ratings away, fold in again, and see how far the film drops: the rating whose absence
# costs the most is the one that the prediction leans on most.

# %%
best, best_lift = (t[0, 0] for t in top_n(lift, observed | ~torch.as_tensor(often), 1))


def lift_without(film):
    rest = {other: level for other, level in guest.items() if other != film}
    p_rest = score_items(machine, *fold_in(machine, rest, ids["item_ids"]))
    return float((torch.logit(p_rest) - torch.logit(p_anyone))[0, best])


loss = pd.Series({film: float(best_lift) - lift_without(film) for film in guest}).sort_values(ascending=False)
rated = [("liked " if guest[film] else "disliked ") + titles["title"][film] for film in loss.index]
print("the film that the guest's ratings lift the most:", titles["title"].iloc[int(best)])
pd.DataFrame({"because the guest": rated, "log-odds lost without it": loss.round(2).to_numpy()}).head(4)

# %% [markdown]
# **Exercise 4 · The exact conditional** · ★★ · 5 minutes · 2 points. `score_items` makes one *mean-field pass*: h is
# replaced by its probabilities, and P(like) read off once. The *exact* conditional of one unrated film
# compares two free energies: the row with the film disliked, and with the film liked. Return P(like) from the tensors
# `f_disliked` and `f_liked`, a tensor of the same shape, safe for large values.
#
# <details><summary>Hint</summary>p is proportional to exp(−F). Divide both by the sum; what function of the difference is
# that?</details>


# %%
def my_exact_prediction(f_disliked, f_liked):
    ### BEGIN SOLUTION
    return torch.sigmoid(f_disliked - f_liked)
    ### END SOLUTION


# %%
lesson.check("4", my_exact_prediction)

# %%
exact = score_items(machine, v, observed, method="exact")
print(f"exact and one-pass P(like) of all films: largest difference {float((exact - p_guest).abs().max()):.3f}")

# %% [markdown]
# **Cold start.** How many ratings does it take? We train once more *without* a quarter of the people, and then show the
# machine 0, 1, 3, 10, 20 of each one's ratings and ask about all their others. Beside it stands a rule that knows no taste:
# the item mean plus how generous the newcomer was in the ratings shown.
#
# > **Predict first.** After how many ratings does the machine pass that rule?

# %%
rng = np.random.default_rng(0)
everything = RatingMatrix.from_frame(movielens.ratings, like_at_least=4, **ids)
new = np.zeros(everything.n_users, dtype=bool)
new[rng.choice(everything.n_users, everything.n_users // 4, replace=False)] = True
cold = trained(everything.rows(~new), **good, n_levels=2, **shared)

newcomers = everything.rows(new)
v_new, observed_new = newcomers.batch(slice(None))
rank = torch.as_tensor(rng.random(observed_new.shape)).masked_fill(~observed_new, 2.0).argsort(1).argsort(1)
counts = (0, 1, 3, 10, 20)
asked = observed_new & (rank >= max(counts))  # the same questions, however many ratings are shown

# %%
answers = {n: score_items(cold, v_new * (rank < n), observed_new & (rank < n))[asked].numpy() for n in counts}
film = torch.as_tensor(baselines.ItemMean().fit(everything.rows(~new)).scores([0])[0], dtype=torch.float32)


def mean_and_generosity(n):
    """The film's mean plus the newcomer's shrunk mean residual on the ratings shown: generosity, no taste."""
    shown = observed_new & (rank < n)
    generosity = ((v_new - film) * shown).sum(1) / (shown.sum(1) + 5)
    return torch.sigmoid(film + generosity[:, None])[asked].numpy()  # the sigmoid changes no order


simple = {n: mean_and_generosity(n) for n in counts}
item_mean = dict.fromkeys(counts, simple[0])  # no rating shown, no person known
truth_new, of_person = v_new[asked].numpy(), asked.nonzero()[:, 0].numpy()


def leads(one, other):
    """By how much the AUC of `one` exceeds that of `other` on the same people, for each number of ratings shown."""
    rows = [evaluate.auc_lead(one[n], other[n], truth_new, of_person) for n in counts]
    return pd.concat(rows).set_index(pd.Index(counts, name="ratings shown"))[["mean", "low", "high"]]


gain = {"masked RBM, no retraining": leads(answers, item_mean),
        "item mean + the person's generosity": leads(simple, item_mean)}

# %%
fig, axis = plt.subplots(figsize=(6, 3))
for (name, of), color in zip(gain.items(), ("blue", "orange"), strict=True):
    axis.errorbar(range(len(counts)), of["mean"], yerr=[of["mean"] - of["low"], of["high"] - of["mean"]], marker="o",
                  capsize=3, color=COLORS[color], label=name)
axis.axhline(0, color="grey", linestyle=":", label="item mean")
axis.set_xticks(range(len(counts)), counts)
axis.set(xlabel="ratings shown of a person unknown in training", ylabel="AUC beyond the item mean")
axis.set_title(f"The more a newcomer tells, the better{stand_in}")
axis.legend()
show(fig, "AUC beyond the item mean for new people against the number of their ratings shown, for the masked RBM and for the "
     "item mean with the person's generosity.")

# %%
machine_gain = gain["masked RBM, no retraining"]["mean"]
assert machine_gain[20] > machine_gain[0] + 0.015
assert abs(machine_gain[0]) < 0.03

# %% [markdown]
# With nothing observed the row is legal: the machine gives its prior, which ranks films nearly as well as their means do.
# The intervals of the two lines overlap; as before, the difference is what to ask for. The machine's AUC minus the rule's:

# %%
for n, row in leads(answers, simple).iterrows():
    print(f"{n:2d} ratings shown: {row['mean']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]")

# %% [markdown]
# In the saved run the rule is ahead by .010<!--10 ratings shown--> at ten ratings, and the interval does not
# hold zero; at twenty it does. So within twenty ratings the machine does not pass it: from a few ratings generosity is the thing to learn. A system in use would hand the machine that number as
# a covariate, as section 6 does for films.
#
# **A million ratings.** Change `"100k"` to `"1m"` where the data is loaded and run all: nothing else depends on the set.
#
# ## Pitfalls
#
# - **No trivial baseline** beside the number: "always like" beats the copied machine.
# - **Scoring samples** costs 2p(1−p) even for a perfect model.
# - **−1 or 0 for missing.** Dropped means dropped: in the energy, in both phases, in the error.
# - **{0,1} under a mask** makes a dislike look like a gap. Two levels.
# - **Held-out ratings in the input.** Guard against it in code.
# - **A number without its protocol**: which split, what counts as relevant, which films compete.
# - **Tuning on the test.** `evaluate.select` cannot receive one.
#
# ## Summary
#
# 1. A missing rating is dropped from that person's machine; only people who rated a film contribute to its gradient.
# 2. A metric can reward a constant. Put the constant in the table.
# 3. Levels need weights of their own; rare films should inherit from the average film.
# 4. In the saved run the best of seven RBMs is a little ahead of neighbours, factors and an autoencoder; another,
#    trained on likes alone, is level with EASE in ranking. Differences are tested on the same people, and one split is one split.
# 5. A new person is a new row: no retraining, and a prior when nothing is known. Few ratings mostly tell how generous one is.

# %%
lesson.score()

# %% [markdown]
# ## Check yourself
#
# <details><summary>1. A model predicts p = .8 for every rating, and 80 % are likes. Its AUC? Its log-loss? Is it calibrated?</summary>AUC ½, it ranks nothing; log-loss −(.8 ln .8 + .2 ln .2) = .50 nats; perfectly calibrated. Calibration alone is cheap.</details>
#
# <details><summary>2. Why must the negative phase be masked as well?</summary>The gradient is that of each person's own machine, and both phases belong to it. Unmasked, films that a person never rated would be pushed down by the model's phase with nothing in the data's phase to hold them.</details>
#
# <details><summary>3. Dropping a film and summing over its levels: the same?</summary>No. Summing over its levels leaves the factor Σ_k exp(b_k + W_k·h) in the probability of h: a film nobody has asked about would still pull at the hidden units. Dropped, it is not in this person's energy at all.</details>
#
# <details><summary>4. People as rows or films as rows, if new films arrive every day and people seldom?</summary>Films as rows: a new film is then a new row and needs no retraining.</details>
#
# <details><summary>5. A paper reports NDCG@10 = .41 on MovieLens 100K. What do you ask?</summary>Which split, what is relevant, which films are candidates, what went in as input, and what popularity scores under the same protocol.</details>
#
# ## References
#
# - Salakhutdinov, Mnih & Hinton (2007), Restricted Boltzmann machines for collaborative filtering. [doi:10.1145/1273496.1273596](https://doi.org/10.1145/1273496.1273596)
# - Sedhain, Menon, Sanner & Xie (2015), AutoRec. [doi:10.1145/2740908.2742726](https://doi.org/10.1145/2740908.2742726)
# - Steck (2019), Embarrassingly shallow autoencoders for sparse data. [doi:10.1145/3308558.3313710](https://doi.org/10.1145/3308558.3313710)
# - Hu, Koren & Volinsky (2008), Collaborative filtering for implicit feedback datasets. [doi:10.1109/ICDM.2008.22](https://doi.org/10.1109/ICDM.2008.22)
# - Ferrari Dacrema, Cremonesi & Jannach (2019), Are we really making much progress? [doi:10.1145/3298689.3347058](https://doi.org/10.1145/3298689.3347058)
# - Harper & Konstan (2015), The MovieLens datasets. [doi:10.1145/2827872](https://doi.org/10.1145/2827872)
#
# **Next:** [03 · Deezer: will the listener keep the first track?](03_deezer_skip_prediction.ipynb): other data, where time matters.
