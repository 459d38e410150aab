"""Exercises of lesson 05: drawing songs, a sweep in turn, the update, taste and scores."""

from dataclasses import make_dataclass

import torch

from rbm_lib.course import exercise
from rbm_lib.course.slips import normal, switches


def deviations(seed, n):
    return (0.5 * normal(seed, n)).exp()


def song_cases():
    """All open, all known, and some of each."""
    sizes = ((0, 5, 3, 2, -9), (20, 1, 4, 3, 9), (40, 3, 3, 3, 0), (60, 6, 5, 2, 0))
    for s, rows, n, m, limit in sizes:
        v, known = normal(s, rows, n), normal(s + 1, rows, n) < limit
        h, W, b = switches(s + 2, rows, m), normal(s + 3, n, m), normal(s + 4, n)
        yield v, known, h, W, b, deviations(s + 5, n), normal(s + 6, rows, n)


@exercise("1", "Draw a song", 2, song_cases())
def draw_song(v, known, h, W, b, sigma, noise):
    return torch.where(known, v, b + h @ W.T + sigma * noise)


draw_song.keeps = ("v",)
draw_song.slips("""
    The mask is upside down. What is known stays.
        where(known → where(~known
    The noise has the wrong size. sigma is a standard deviation already, so multiply by it
    as it is.
        sigma * noise → noise
        sigma * noise → sigma**2 * noise
        sigma * noise → noise / sigma
    You scale the push. The mean is b + W h, without sigma.
        W.T → W.T / sigma**2
        W.T → W.T * sigma**2
    Real-valued units have no sigmoid.
        b + h @ W.T → torch.sigmoid(b + h @ W.T)
    Transpose W. It has a row for each visible unit, so the push is h @ W.T.
        W.T → W
""")


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
    x1 = v / model.sigma**2 @ model.W1 + h2 @ model.W2.T + model.c1
    h1 = pick(torch.sigmoid(x1))
    x2 = h1 @ model.W2 + model.c2
    return h1, pick(torch.sigmoid(x2))


sweep.parts = ("h1", "h2")
sweep.slips("""
    v is not divided by the square of sigma. The input from below is (v / sigma²) W1.
        v / model.sigma**2 → v
        model.sigma**2 → model.sigma
    Layer 1 ignores the layer above it: h2 @ W2.T.
        + h2 @ model.W2.T →
    A bias is missing. Layer 1 has c1, and layer 2 has c2.
        + model.c1 →
        + model.c2 →
    Both layers go through pick, after the sigmoid, and layer 2 needs the picked h1.
        h1 = pick(torch.sigmoid(x1)) → h1 = torch.sigmoid(x1)
        pick(torch.sigmoid(x2)) → torch.sigmoid(x2)
        x2 = h1 → x2 = torch.sigmoid(x1)
        (torch.sigmoid(x1)) → (x1)
        (torch.sigmoid(x2)) → (x2)
        pick(torch.sigmoid(x1)) → torch.sigmoid(pick(x1))
    Both layers move at once. Layer 2 needs the h1 that you have just computed.
        x2 = h1 → x2 = torch.sigmoid(v / model.sigma**2 @ model.W1 + model.c1)
        pick(torch.sigmoid(x2)) → h2
    The layers are swapped. Return (h1, h2).
        return sweep(model, v, h2, pick)[::-1]
    Transpose W2 on the way down: h2 @ W2.T.
        W2.T → W2
""")


def update_cases():
    """States of data and chains, with different numbers of rows."""
    sizes = ((0, 6, 4, 3, 2, 2), (20, 3, 8, 4, 3, 2), (40, 5, 2, 2, 4, 3))
    for s, rows, chains, n, m1, m2 in sizes:
        sides = [
            (normal(t, k, n), normal(t + 1, k, m1).sigmoid(), switches(t + 2, k, m2))
            for t, k in ((s, rows), (s + 10, chains))
        ]
        yield *sides, deviations(s + 5, n)


@exercise("3", "The update", 3, update_cases())
def update(data, chains, sigma):
    v, h1, h2 = data
    w, g1, g2 = chains
    x, y = v / sigma**2, w / sigma**2
    dW1 = x.T @ h1 / len(x) - y.T @ g1 / len(y)
    dW2 = h1.T @ h2 / len(x) - g1.T @ g2 / len(y)
    return dW1, dW2


def with_means(side):
    """The mean of all rows in the place of each."""
    return [x.mean(0).expand_as(x) for x in side]


update.parts = ("the change of W1", "the change of W2")
update.slips("""
    The sign is reversed. It is data minus chains.
        return dW1, dW2 → return -dW1, -dW2
    v is not divided by the square of sigma.
        / sigma**2 →
        sigma**2 → sigma
    Divide data and chains each by their own rows.
        / len(x) → | / len(y) →
        len(y) → len(x)
    You multiplied averages. Average the products.
        = data → = with_means(data) | = chains → = with_means(chains)
    The two changes are swapped. Return that of W1 first.
        return dW1, dW2 → return dW2, dW1
""")


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
    n = heard.sum(1, keepdim=True)
    x = n * c + heard @ C
    p = torch.sigmoid(x)
    return p, p @ C_ask.T + b_ask


def with_gradient(result):
    """The result, if training can learn from it."""
    parts = result if isinstance(result, list | tuple) else [result]
    if all(getattr(part, "requires_grad", False) for part in parts):
        return result
    raise ValueError("training needs a gradient, and these results have none")


taste.read = with_gradient
taste.parts = ("the taste", "the score")
taste.slips("""
    The bias c counts once for each song that a listener heard: n * c + heard @ C, with n =
    heard.sum(1, keepdim=True).
        n * c → c
        n * c → n + c
        n * c + heard @ C → n * (c + heard @ C)
        heard.sum(1, keepdim=True) → heard.shape[1]
        heard.sum(1, keepdim=True) → heard.sum()
        , keepdim=True →
    The score has no part with c, which is the same for every song: b + C times p.
        C_ask.T → (C_ask + c).T
    The two results are swapped. Return the tastes first.
        return taste(heard, C, c, C_ask, b_ask)[::-1]
    You average over the songs. The taste adds them up, because more songs are more
    evidence.
        heard @ C → heard @ C / n
    A sign is wrong. The energy has a minus in front, and the taste receives what H is
    multiplied by in -E: n c plus the couplings.
        x = n * c + heard @ C → x = -(n * c + heard @ C)
        x = n * c → x = -n * c
        p @ C_ask.T + b_ask → -p @ C_ask.T - b_ask
    This is what the taste receives. Use the sigmoid.
        torch.sigmoid(x) → x
    The score is not a probability. Leave out the last sigmoid or softmax, because training
    applies its own.
        p @ C_ask.T + b_ask → torch.sigmoid(p @ C_ask.T + b_ask)
    Training needs a gradient, and yours has none. Leave out detach, no_grad, NumPy and
    rounding, and keep the probabilities as they are.
        torch.sigmoid(x) → torch.sigmoid(x).detach()
""")
