"""Exercises of lesson 05: drawing songs, a sweep in turn, the update, taste and scores."""

from dataclasses import make_dataclass
from functools import partial
from operator import sub

import torch
from torch.nn.functional import softplus

from rbm_lib.course import exercise


def normal(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator)


def switches(seed, *shape):
    return (normal(seed, *shape) > 0).float()


def deviations(seed, n):
    return (0.5 * normal(seed, n)).exp()


def song_cases():
    """All open, all known, and some of each."""
    sizes = ((0, 5, 3, 2, -9), (20, 1, 4, 3, 9), (40, 3, 3, 3, 0), (60, 6, 5, 2, 0))
    for s, rows, n, m, limit in sizes:
        v, known = normal(s, rows, n), normal(s + 1, rows, n) < limit
        h, W, b = switches(s + 2, rows, m), normal(s + 3, n, m), normal(s + 4, n)
        yield v, known, h, W, b, deviations(s + 5, n), normal(s + 6, rows, n)
    # The same v again, which an answer may have changed.
    yield v, ~known, h, W, b, deviations(s + 5, n), normal(s + 6, rows, n)


@exercise("1", "Draw a song", 2, song_cases())
def draw_song(v, known, h, W, b, sigma, noise):
    return torch.where(known, v, b + h @ W.T + sigma * noise)


def song(*lines):
    """Answers of one line each, in which `draw` stands for the right draw."""
    head = "lambda v, known, h, W, b, sigma, noise: "
    lines = [line.replace("draw", "(b + h @ W.T + sigma * noise)") for line in lines]
    return tuple(eval(head + line, {"torch": torch}) for line in lines)


def drawn(*lines):
    """Answers that keep what is known, and draw by these lines."""
    return song(*(f"torch.where(known, v, {line})" for line in lines))


draw_song.mistakes = {
    "The mask is upside down. What is known stays.": song("torch.where(known, draw, v)"),
    "The noise has the wrong size. sigma is a standard deviation already, so multiply "
    "by it as it is.": drawn(
        "b + h @ W.T + noise",
        "b + h @ W.T + sigma**2 * noise",
        "b + h @ W.T + noise / sigma",
    ),
    "Your function writes into v, which belongs to the caller. Return a new tensor, by "
    "torch.where.": song("v.copy_(torch.where(known, v, draw))"),
    "A tensor of True and False takes no minus. Write ~known, or use torch.where.": song(
        "known * v + (1 - known) * draw"
    ),
    "You scale the push. The mean is b + W h, without sigma.": drawn(
        "b + h @ W.T / sigma**2 + sigma * noise",
        "b + h @ W.T * sigma**2 + sigma * noise",
    ),
    "Real-valued units have no sigmoid.": drawn(
        "torch.sigmoid(b + h @ W.T) + sigma * noise", "torch.sigmoid(b + h @ W.T)"
    ),
    "Transpose W. It has a row for each visible unit, so the push is h @ W.T.": drawn(
        "b + h @ W + sigma * noise", "b + h @ W"
    ),
}


Deep = make_dataclass("Deep", "W1 W2 b c1 c2 sigma".split())  # the DBM of the lesson


def sweep_cases():
    for pick in (torch.clone, torch.square):  # the latter to see where it is used
        for s, rows, n, m1, m2 in ((0, 4, 4, 3, 2), (20, 1, 3, 2, 5), (40, 5, 3, 3, 3)):
            weights = normal(s, n, m1), normal(s + 1, m1, m2)
            biases = normal(s + 2, n), normal(s + 3, m1), normal(s + 4, m2)
            model = Deep(*weights, *biases, deviations(s + 5, n))
            yield model, normal(s + 6, rows, n), normal(s + 7, rows, m2).sigmoid(), pick


@exercise("2", "One sweep, in turn", 2, sweep_cases())
def sweep(model, v, h2, pick):
    h1 = pick(torch.sigmoid(v / model.sigma**2 @ model.W1 + h2 @ model.W2.T + model.c1))
    return h1, pick(torch.sigmoid(h1 @ model.W2 + model.c2))


BELOW, ABOVE = "v / model.sigma**2 @ model.W1 + model.c1", " + h2 @ model.W2.T"
UP = "h1 @ model.W2 + model.c2"


def swept(x1=BELOW + ABOVE, x2=UP, p1="pick(f(x1))", p2="pick(f(x2))"):
    """A sweep with other inputs, or other uses of the sigmoid f and of pick."""

    def wrong(model, v, h2, pick):
        known = {"model": model, "v": v, "h2": h2, "pick": pick, "f": torch.sigmoid}
        known["h1_below"] = torch.sigmoid(eval(BELOW, known))
        for name, text in (("x1", x1), ("h1", p1), ("x2", x2), ("h2", p2)):
            known[name] = eval(text, known)
        return known["h1"], known["h2"]

    return wrong


sweep.mistakes = {
    "v is not divided by the square of sigma. The input from below is (v / sigma²) W1.": (
        swept("v @ model.W1 + model.c1" + ABOVE),
        swept("v / model.sigma @ model.W1 + model.c1" + ABOVE),
    ),
    "Layer 1 ignores the layer above it: h2 @ W2.T.": swept(BELOW),
    "A bias is missing. Layer 1 has c1, and layer 2 has c2.": (
        swept(BELOW + ABOVE + " - model.c1"),
        swept(x2="h1 @ model.W2"),
        swept(BELOW + ABOVE + " - model.c1", "h1 @ model.W2"),
    ),
    "Both layers go through pick, and layer 2 needs the picked h1.": (
        swept(x2="f(x1) @ model.W2 + model.c2"),
        swept(p1="f(x1)"),
        swept(p2="f(x2)"),
        swept(p1="f(x1)", x2="pick(h1) @ model.W2 + model.c2", p2="f(x2)"),
    ),
    "pick comes too early. It takes probabilities, so apply the sigmoid first.": (
        swept(p1="f(pick(x1))"),
        swept(p1="f(pick(x1))", p2="f(pick(x2))"),
        swept(p1="pick(x1)", p2="pick(x2)"),
        swept(p1="pick(x1)"),
        swept(p2="pick(x2)"),
    ),
    "Both layers move at once. Layer 2 needs the h1 that you have just computed.": (
        swept(x2="h1_below @ model.W2 + model.c2"),
        swept(x2="pick(h1_below) @ model.W2 + model.c2"),
        swept(p2="h2"),
    ),
    "Layer 1 moves once only. Return the h1 from which you computed h2.": (
        lambda model, v, h2, pick: (
            sweep(model, v, sweep(model, v, h2, pick)[1], pick)[0],
            sweep(model, v, h2, pick)[1],
        )
    ),
    "The layers are swapped. Return (h1, h2).": lambda *a: sweep(*a)[::-1],
    "Transpose W2 on the way down: h2 @ W2.T.": swept(BELOW + " + h2 @ model.W2"),
}


def update_cases():
    """States of data and chains, with different numbers of rows."""
    sizes = ((0, 6, 4, 3, 2, 2), (20, 3, 8, 4, 3, 2), (40, 5, 2, 2, 4, 3))
    for s, rows, chains, n, m1, m2 in sizes:
        sides = [
            (normal(t, k, n), normal(t + 1, k, m1).sigmoid(), switches(t + 2, k, m2))
            for t, k in ((s, rows), (s + 10, chains))
        ]
        yield *sides, deviations(s + 5, n)


def averages(side, sigma, rows=None):
    v, h1, h2 = side
    x, n = v / sigma**2, rows or len(v)
    return [x.T @ h1 / n, h1.T @ h2 / n]


def changes(data, chains, sigma, *rows):
    pairs = zip(averages(data, sigma, *rows), averages(chains, sigma, *rows), strict=True)
    return [d - m for d, m in pairs]


@exercise("3", "The update", 3, update_cases())
def update(data, chains, sigma):
    return changes(data, chains, sigma)


def updated(*lines):
    """Answers of one line each: x are the right changes, `sums` those of sums over rows."""

    def answer(line, data, chains, sigma):
        x, sums = changes(data, chains, sigma), changes(data, chains, sigma, 1)
        raw = changes(data, chains, torch.ones_like(sigma))
        known = {"x": x, "sums": sums, "raw": raw, "data": data, "chains": chains}
        known |= {"sigma": sigma, "averages": averages, "changes": changes, "sub": sub}
        return eval(line, known)

    return tuple(partial(answer, line) for line in lines)


def of_means(data, chains, sigma):
    a, b = ([x.mean(0) for x in (v / sigma**2, h1, h2)] for v, h1, h2 in (data, chains))
    return [torch.outer(a[i], a[i + 1]) - torch.outer(b[i], b[i + 1]) for i in (0, 1)]


update.mistakes = {
    "The sign is reversed. It is data minus chains.": updated("[-one for one in x]"),
    "v is not divided by the square of sigma.": updated(
        "raw", "changes(data, chains, sigma.sqrt())"
    ),
    "These are sums. Divide each side by its rows.": updated("sums"),
    "Divide data and chains each by their own rows.": updated(
        "changes(data, chains, sigma, len(data[0]))"
    ),
    "You multiplied averages. Average the products.": of_means,
    "The two changes are swapped. Return that of W1 first.": updated("x[::-1]"),
}


def taste_cases():
    for s, people, known, k, ask in ((0, 5, 6, 3, 4), (20, 1, 4, 2, 6), (40, 4, 3, 4, 2)):
        heard = switches(s, people, known)
        heard[0, 0] = 1.0
        of_known = normal(s + 1, known, k), normal(s + 2, k)
        of_asked = normal(s + 3, ask, k), normal(s + 4, ask)
        # Training follows a gradient, as the lesson does with a right answer.
        yield heard, *(x.requires_grad_() for x in (*of_known, *of_asked))


@exercise("4", "Taste, then score", 3, taste_cases())
def taste(heard, C, c, C_ask, b_ask):
    p = torch.sigmoid(heard.sum(1, keepdim=True) * c + heard @ C)
    return p, p @ C_ask.T + b_ask


def with_gradient(result):
    """The result, if training can learn from it."""
    parts = result if isinstance(result, list | tuple) else [result]
    if all(getattr(part, "requires_grad", False) for part in parts):
        return result
    raise ValueError("training needs a gradient, and these results have none")


taste.read = with_gradient


def tasted(x="n * c + heard @ C", p="torch.sigmoid(x)", score="p @ C_ask.T + b_ask"):
    """What the taste receives, its probabilities and the score by other lines."""

    def wrong(heard, C, c, C_ask, b_ask):
        known = {"heard": heard, "C": C, "c": c, "C_ask": C_ask, "b_ask": b_ask}
        known |= {"n": heard.sum(1, keepdim=True), "torch": torch, "softplus": softplus}
        for name, text in (("x", x), ("p", p), ("score", score)):
            known[name] = eval(text, known)
        return known["p"], known["score"]

    return wrong


taste.mistakes = {
    "The bias c counts once for each song: n times c.": tasted("c + heard @ C"),
    "Multiply n and c, and nothing else by n: n * c + heard @ C.": (
        tasted("n + c + heard @ C"),
        tasted("n * (c + heard @ C)"),
    ),
    "The score has no part with c, which is the same for every song: b + C times p.": (
        tasted(score="p @ (C_ask + c).T + b_ask")
    ),
    "The two results are swapped. Return the tastes first.": lambda *a: taste(*a)[::-1],
    "You average over the songs. The taste adds them up, because more songs are more "
    "evidence.": (tasted("c + heard @ C / n"), tasted("n * c + heard @ C / n")),
    "n is the number of songs that each listener heard: heard.sum(1, keepdim=True).": (
        tasted("heard.shape[1] * c + heard @ C"),
        tasted("heard.shape[0] * c + heard @ C"),
        tasted("heard.sum() * c + heard @ C"),
        tasted("heard.sum(1) * c + heard @ C"),
    ),
    "A sign is wrong. The energy has a minus in front, and the taste receives what H is "
    "multiplied by in -E: n c plus the couplings.": (
        tasted("-(n * c + heard @ C)"),
        tasted("heard @ C - n * c"),
        tasted(score="-(p @ C_ask.T + b_ask)"),
    ),
    "This is what the taste receives. Use the sigmoid.": tasted(p="x"),
    "The score is not a probability. Leave out the last sigmoid, softmax or exp, because "
    "training applies its own.": (
        tasted(score="torch.sigmoid(p @ C_ask.T + b_ask)"),
        tasted(score="torch.softmax(p @ C_ask.T + b_ask, 1)"),
        tasted(score="torch.exp(p @ C_ask.T + b_ask)"),
    ),
    "You sum over all tastes. That is exact, but the score that is asked for puts the "
    "probabilities in the place of H: b plus C times p.": (
        tasted(score="b_ask + softplus(x[:, None] + C_ask).sum(2)"),
        tasted(
            score="b_ask + (softplus(x[:, None] + C_ask + c) - softplus(x)[:, None]).sum(2)"
        ),
    ),
    "Training needs a gradient, and yours has none. Leave out detach, no_grad, NumPy and "
    "rounding, and keep the probabilities as they are.": (
        lambda *a: [x.detach() for x in taste(*a)]
    ),
}
