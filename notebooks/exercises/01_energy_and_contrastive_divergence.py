"""Exercises of lesson 01: hidden probabilities, free energy, the training loop, CD-1."""

import copy
import inspect
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from rbm_lib.course import exercise


@dataclass
class Model:
    """The RBM of the lesson, with functions that are right."""

    W: Tensor
    b: Tensor
    c: Tensor

    def prob_h(self, v):
        return prob_h(v, self.W, self.c)

    def prob_v(self, h):
        return torch.sigmoid(h @ self.W.T + self.b)

    def free_energy(self, v):
        return free_energy(v, self.W, self.b, self.c)


def rows_and_model(seed, n_rows, n_visible, n_hidden):
    """Rows of zeros and ones, and a model with random parameters."""
    rng = torch.Generator().manual_seed(seed)
    shapes = (n_rows, n_visible), (n_visible, n_hidden), (n_visible,), (n_hidden,)
    v, W, b, c = (torch.randn(*shape, generator=rng) for shape in shapes)
    return (v > 0).float(), Model(W, b, c)


PAIRS = [rows_and_model(0, 5, 3, 2), rows_and_model(1, 1, 4, 3), rows_and_model(2, 3, 3, 3)]


def slips_of(answer):
    """Make wrong versions of an answer by edits of its text, "old -> new | old -> new"."""

    def edited(change):
        text = inspect.getsource(answer)
        for old, new in (edit.split("->") for edit in change.split("|")):
            assert old.strip() in text, f"{answer.__name__}: got no {old}"
            text = text.replace(old.strip(), new.strip())
        names = dict(globals())
        exec(text, names)
        return names[answer.__name__]

    return lambda *changes: tuple(map(edited, changes))


def prob_h(v, W, c):
    return torch.sigmoid(v @ W + c)


up = slips_of(prob_h)
prob_h = exercise("1", "Hidden probabilities", 2, [(v, m.W, m.c) for v, m in PAIRS])(prob_h)
prob_h.mistakes = {
    "The hidden bias c is missing in the input.": up("+ c -> "),
    "The hidden bias c has the wrong sign or place. The input is v @ W + c, where c is "
    "added once, and the sigmoid is applied to the whole input.": up(
        "+ c -> - c", "W + c) -> W) + c", "W + c -> (W + c)"
    ),
    "This is the input x. Pass it through the sigmoid.": up("torch.sigmoid -> "),
    "The sign is reversed: this is the probability that the unit is off. The sigmoid is "
    "1 / (1 + exp(-x)), with a minus in the exponent.": up("v @ W + c -> -v @ W - c"),
    "Softmax makes a row add up to 1, but each unit has a probability of its own. Use "
    "torch.sigmoid.": up("torch.sigmoid(v @ W + c) -> torch.softmax(v @ W + c, 1)"),
    "This is exp(x), the odds of being on. A probability is odds / (1 + odds), which "
    "torch.sigmoid gives.": up("sigmoid -> exp"),
    "tanh is from -1 to 1, not from 0 to 1. Use torch.sigmoid.": up("sigmoid -> tanh"),
    "The rows are averaged, or only the first is used. Keep a row of probabilities for "
    "each picture: v @ W + c has them all.": up("+ c) -> + c).mean(0)", "(v @ -> (v[0] @"),
    "The product has the wrong order or a transpose too many. Write v @ W: v has a column "
    "for each pixel, and W a row.": up("v @ W -> W @ v", "v @ W -> v @ W.T"),
}

# As many rows as hidden units, so that a sum over the wrong axis has a result.
SQUARE = [rows_and_model(3, 3, 4, 3), rows_and_model(4, 2, 5, 2)]
ENERGIES = [(v, m.W, m.b, m.c) for v, m in SQUARE]
v_on, large = torch.ones(3, 4), SQUARE[0][1]
ENERGIES.append((v_on, large.W.abs() * 1000, large.b, large.c))  # exp overflows


def free_energy(v, W, b, c):
    return -(v @ b) - softplus(v @ W + c).sum(1)


F = slips_of(free_energy)
free_energy = exercise("2", "Free energy", 2, ENERGIES)(free_energy)
free_energy.mistakes = {
    "Infinite for large inputs: in log(1 + exp(x)), exp(x) overflows. Use softplus, which "
    "does not.": F("softplus(v @ W + c) -> torch.log(1 + torch.exp(v @ W + c))"),
    "A sign is reversed. Both terms of F have a minus sign.": F(
        "-(v -> (v | - softplus -> + softplus", "- softplus -> + softplus", "-(v -> (v"
    ),
    "You add up all rows. Use .sum(1), for a sum per row.": F("sum(1) -> sum()"),
    "You add up over the rows. Use .sum(1), over hidden units.": F("sum(1) -> sum(0)"),
    "Each hidden unit has a softplus of its own. Add up after the softplus, not before it, "
    "with .sum(1).": F("softplus(v @ W + c).sum(1) -> softplus((v @ W + c).sum(1))"),
    "The softplus terms are not added up yet. Add .sum(1), so that you have one number for "
    "each row.": F("(v @ b) -> (v @ b)[:, None] | .sum(1) -> "),
    "The hidden bias c belongs inside the softplus, as a part of the input v @ W + c.": F(
        "softplus(v @ W + c) -> (softplus(v @ W) + c)", "+ c -> - c"
    ),
    "The visible bias is missing: the term -b · v.": F("-(v @ b) - -> -"),
    "The hidden bias c is missing in the inputs.": F("+ c -> "),
    "This is the energy with the probabilities in place of h. The sum over all hidden "
    "patterns turns each input x into log(1 + exp(x)), which is softplus(x).": F(
        "softplus(v @ W + c) -> (torch.sigmoid(v @ W + c) * (v @ W + c))"
    ),
    "You add up sigmoids. In F it is log(1 + exp(x)).": F("softplus -> torch.sigmoid"),
    "You add up the inputs x. Apply softplus to each first.": F("softplus -> "),
    "The softplus terms are averaged or multiplied. Add them up, with .sum(1), over the "
    "hidden units.": F("sum(1) -> mean(1)", "sum(1) -> prod(1)"),
    "The term b · v is one number per row. Write v @ b, in this order.": F(
        "(v @ b) -> v * b", "v @ b -> b @ v", "(v @ b) -> (v * b).sum()"
    ),
    "The rows are averaged. Keep all.": F("-(v -> (-(v | sum(1) -> sum(1)).mean()"),
    "A shape (rows,) met a shape (rows, 1), and the two make a square. Add up with "
    ".sum(1), without keepdim.": F("sum(1) -> sum(1, keepdim=True)"),
}


def towards_the_rows(model, v):
    """A gradient without chance, for training loops to be tried with."""
    p = model.prob_h(v)
    return v.T @ p / len(v) - 0.1 * model.W, v.mean(0) - model.b, p.mean(0) - model.c


FALLING = [0.1 - 0.002 * k for k in range(50)]
RISING = [0.02 + 0.0004 * k for k in range(100)]
LOOPS = [
    (model, towards_the_rows, v, rates)
    for (v, model), rates in zip(PAIRS, ([0.1] * 50, FALLING, RISING), strict=True)
]


def training_loop(model, gradient, v, rates):
    copies = []
    for update, rate in enumerate(rates):
        if update % 50 == 0:
            copies.append(copy.deepcopy(model))
        dW, db, dc = gradient(model, v)
        model.W = model.W + rate * dW
        model.b = model.b + rate * db
        model.c = model.c + rate * dc
    copies.append(copy.deepcopy(model))
    return copies


loop = slips_of(training_loop)
train = exercise("3", "The training loop", 3, LOOPS)(training_loop)
train.parts = ("the first copy", "the second copy", "the third copy")
train.mistakes = {
    "All your copies are the same model, as it is at the end. Append "
    "copy.deepcopy(model), which later updates do not touch. copy.copy(model) is not "
    "enough, because it shares the tensors.": loop("copy.deepcopy(model) -> model"),
    "The sign is reversed. The changes point uphill, so add them.": loop(
        "+ rate -> - rate"
    ),
    "The rate of the first update is used in all. Each has its own.": loop(
        "rate * -> rates[0] *"
    ),
    "The changes are not multiplied by the learning rate.": loop("rate * -> 1.0 *"),
    "model.W, model.b and model.c are replaced by the last step. What "
    "they were is lost. Add to them, with +=.": loop(
        "model.W + -> | model.b + -> | model.c + -> "
    ),
    "The gradient is computed once, before the loop. Compute it in every update, because "
    "the model has moved.": loop(
        "dW, db, dc = gradient(model, v) -> pass | "
        "copies = [] -> copies, (dW, db, dc) = [], gradient(model, v)"
    ),
    "The gradient is called three times in an update, and the model has moved in between. "
    "Call it once: dW, db, dc = gradient(model, v).": loop(
        "* dW -> * gradient(model, v)[0] | * db -> * gradient(model, v)[1] | "
        "* dc -> * gradient(model, v)[2]"
    ),
    "The steps are divided by the number of rows. The gradient that you call has averaged "
    "over them already.": loop("rate * -> rate / len(v) *"),
    "W never moves. Update model.W, too.": loop("* dW -> * 0"),
    "b never moves. Update model.b, too.": loop("* db -> * 0"),
    "c never moves. Update model.c, too.": loop("* dc -> * 0"),
    "Only W moves. Update model.b and model.c, too.": loop("* db -> * 0 | * dc -> * 0"),
    "The model never changes. Change model.W, model.b and model.c.": loop("rate * -> 0 *"),
    "The arguments of the gradient are swapped. Its first argument is the model, and its "
    "second the rows. Call gradient(model, v).": loop("(model, v)\n -> (v, model)\n"),
    "The loop runs to 4,000, and `rates` may have another length. Write `for update, rate "
    "in enumerate(rates):`.": loop("(rates) -> (rates[k] for k in range(4000))"),
    "Copies of W alone. Append copy.deepcopy(model).": loop("copy(model) -> copy(model.W)"),
    "db and dc are in each other's place. The gradient returns three changes, in the order "
    "dW, db, dc.": loop("dW, db, dc -> dW, dc, db"),
    "The last copy is missing. Make one after the loop.": loop(
        "return copies -> return copies[:-1]"
    ),
    "The copy before update 0 is missing, which is the model as it comes. The remainder 0 "
    "% 50 is 0, too.": loop("return copies -> return copies[1:]"),
    "The copies are made after the update. Make each one before the update.": loop(
        "if update % 50 == 0 -> if False | "
        "rate * dc -> rate * dc; copies += [copy.deepcopy(model)] * (update % 50 == 0)"
    ),
    "Your updates are numbered from 1, so the copy before the first is missing. Number "
    "them from 0, as enumerate(rates) does.": loop("(rates) -> (rates, 1)"),
    "There is a copy for every update. Make one if update % 50 is 0.": loop("% 50 -> % 1"),
    "You make a copy every 100 updates. Make one if update % 50 is 0.": loop("50 -> 100"),
    "You return inside the loop. Return after it.": loop(
        "return copies -> return copies[:1]", "(rates) -> (rates[:1])"
    ),
    "This is the trained model. Return the list.": loop("return copies -> return model"),
}


def cd_step(model, v, uniform):
    p = model.prob_h(v)
    h = (uniform < p).float()
    back = model.prob_v(h)
    q = model.prob_h(back)
    dW = (v.T @ p - back.T @ q) / len(v)
    db = (v - back).mean(0)
    dc = (p - q).mean(0)
    return dW, db, dc


NOISE = torch.Generator().manual_seed(0)
STEPS = [(m, v, torch.rand(len(v), len(m.c), generator=NOISE)) for v, m in PAIRS]
OWN_NUMBERS = (
    "You use random numbers of your own. Sample h with those in uniform, and nothing else: "
    "the pixels that come back stay probabilities."
)
step = slips_of(cd_step)
cd1 = exercise("4", "One step of contrastive divergence", 2, STEPS)(cd_step)
cd1.parts = ("dW", "db", "dc")
cd1.chance = OWN_NUMBERS
cd1.mistakes = {
    "The sign is reversed. It is the average over the data first, minus the average over "
    "what comes back.": step("return dW, db, dc -> return -dW, -db, -dc"),
    "These are sums over the rows. Divide by the number of rows, so that the change does "
    "not depend on the size of the batch.": step(
        "/ len(v) -> | mean -> sum", "/ len(v) -> ", "mean -> sum"
    ),
    "dW is divided by the number of units. Average over the rows, of which there are "
    "len(v).": step("len(v) -> len(p.T)", "len(v) -> len(v.T)"),
    "Only the second product is divided, as / comes before -. Put brackets around the "
    "difference: (v.T @ p - v_back.T @ p_back) / len(v).": step(
        "(v.T @ p - back.T @ q) -> v.T @ p - back.T @ q"
    ),
    "db and dc are averaged to one number. Use .mean(0).": step("mean(0) -> mean()"),
    "db and dc are averaged over units, not rows. Use .mean(0).": step(
        "mean(0) -> mean(1)"
    ),
    "The last hidden probabilities still belong to the old picture. Compute them from the "
    "picture that came back.": step(
        "prob_h(back) -> prob_h(v)", "model.prob_h(back) -> h", "back.T @ q -> back.T @ p"
    ),
    "dW takes the old picture v twice. What is subtracted is v_back.T @ p_back, and both "
    "belong to the picture that came back.": step("back.T @ q -> v.T @ q"),
    "The sampled h is counted. It only makes the picture that comes back; count p.": step(
        "(p - q) -> (h - q)",
        "v.T @ p -> v.T @ h",
        "back.T @ q -> back.T @ h",
        "v.T @ p -> v.T @ h | (p - q) -> (h - q)",
        "v.T @ p -> v.T @ h | back.T @ q -> back.T @ h",
        "v.T @ p -> v.T @ h | (p - q) -> (h - q) | model.prob_h(back) -> h",
    ),
    "No h is sampled: p itself went down. Set h = 1 where uniform < p, which you have from "
    "the way up.": step("(uniform < p).float() -> p"),
    "p is rounded. Set h = 1 where uniform < p.": step(
        "(uniform < p).float() -> p.round()"
    ),
    "The comparison is turned around. h = 1 where uniform is below p, which happens with "
    "probability p.": step("uniform < p -> uniform > p"),
    "db and dc still have a row for each picture. Use .mean(0).": step(".mean(0) -> "),
    "Only dW is returned. Return dW, db, dc.": step("return dW, db, dc -> return dW"),
    "db and dc are in the wrong order. Return dW, db, dc, where db belongs to pixels and "
    "dc to hidden units.": step("return dW, db, dc -> return dW, dc, db"),
    "dW is a product of differences. It is a difference of products: first v.T @ p and "
    "v_back.T @ p_back, then minus.": step(
        "(v.T @ p - back.T @ q) -> (v - back).T @ (p - q)"
    ),
    "What came back is not subtracted. Each of the three changes is a difference of two "
    "averages.": step("- back.T @ q -> | - back -> | p - q -> p"),
    "The picture that came back is rounded. Its pixels are kept as they are, which are "
    "probabilities.": step("model.prob_v(h) -> model.prob_v(h).round()"),
    "The last hidden probabilities are sampled. They are only averaged, so keep p'.": step(
        "model.prob_h(back) -> (uniform < model.prob_h(back)).float()"
    ),
    OWN_NUMBERS: step(
        "model.prob_h(v) -> model.prob_h(v); rng = torch.Generator().manual_seed(0) | "
        "uniform < p -> torch.rand(p.shape, generator=rng) < p | "
        "model.prob_v(h) -> torch.bernoulli(model.prob_v(h), generator=rng)"
    ),
}
