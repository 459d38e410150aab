"""The README's picture: reconstruction error improves while the likelihood gets worse.

Three RBMs with eight hidden units learn the 14 bars and stripes of 3 x 3 pixels, by the
exact gradient, CD-1 and PCD, with the same learning rate. In CD-1 the pixels that come back
stay probabilities, which is common and rbm_lib's default. The model is small enough to sum
over all its states, so the negative log-likelihood is exact. Run it from the repository:
about half a minute.

    python -m benchmarks.reconstruction
"""

import math
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from rbm_lib import RBM, fit
from rbm_lib.likelihood import exact_log_likelihood
from rbm_lib.training import CD, PCD, Exact, linear_decay

TARGET = Path(__file__).parents[1] / "docs" / "_static" / "reconstruction.svg"
N_UPDATES = 4000
EVERY = 50
METHODS = {
    "exact gradient": (Exact(), "#1f2933"),
    "PCD": (PCD(n_chains=500), "#2a7f4f"),
    "CD-1": (CD(k=1), "#c0392b"),
}
RATE = {"lr": 0.5, "schedule": linear_decay()}  # the same for all three
# Points by which a label is moved up, left and right, because two curves end close together.
NUDGE = (
    {"exact gradient": -5, "PCD": 6, "CD-1": 0},
    {"exact gradient": 8, "PCD": -3, "CD-1": -6},
)


def bars_and_stripes() -> torch.Tensor:
    """The 14 different pictures, (14, 9): all rows alike, or all columns alike."""
    lines = [torch.tensor(bits) for bits in product([0.0, 1.0], repeat=3)]
    stripes = [line.repeat(3) for line in lines]
    bars = [line.repeat_interleave(3) for line in lines]
    return torch.unique(torch.stack(stripes + bars), dim=0)


def new_model() -> RBM:
    """The start of lesson 01: biases of zero and small random weights."""
    model = RBM(9, 8)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        model.W.copy_(0.1 * torch.randn(9, 8, generator=generator))
        model.visible_bias.zero_()
        model.hidden_bias.zero_()
    return model


def curves(name: str, n_updates: int) -> tuple[list[float], list[float]]:
    """Negative log-likelihood and squared reconstruction error, every 50 updates."""
    method, _ = METHODS[name]
    pictures = bars_and_stripes()
    model = new_model()
    nll = []
    error = []

    def record(epoch):
        if epoch.number == 1 or epoch.number % EVERY == 0:
            returned = model.mean_v_given_h(model.prob_h_given_v(pictures))
            nll.append(-float(exact_log_likelihood(model, pictures).mean()))
            error.append(float(((pictures - returned) ** 2).mean()))

    fit(
        model,
        pictures,
        method=method,
        epochs=n_updates,
        batch_size=len(pictures),
        optimizer=torch.optim.SGD,
        callbacks=[record],
        generator=torch.Generator().manual_seed(0),
        progress=False,
        device="cpu",
        **RATE,
    )
    return nll, error


def draw(runs: dict[str, tuple[list[float], list[float]]], target: Path) -> None:
    """Both curves of each run, beside each other, as an SVG file."""
    plt.rcParams.update(
        {"svg.hashsalt": "rbm_lib", "font.size": 11, "axes.spines.top": False}
    )
    plt.rcParams["axes.spines.right"] = False
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.7), layout="constrained")
    for name, (nll, error) in runs.items():
        color = METHODS[name][1]
        updates = [1, *range(EVERY, EVERY * len(nll), EVERY)]
        for axis, values, up in ((left, nll, NUDGE[0]), (right, error, NUDGE[1])):
            axis.plot(updates, values, color=color, lw=2)
            axis.annotate(
                name,
                (updates[-1], values[-1]),
                (6, up[name]),
                textcoords="offset points",
                va="center",
                color=color,
                weight="bold",
            )

    left.axhline(math.log(14), color="#8895a7", lw=1, ls=(0, (4, 3)))
    left.text(60, math.log(14) - 0.27, "best possible", color="#66758a", size=9.5)
    left.set_ylim(2.2, 6.4)
    left.set_ylabel("negative log-likelihood, nats")
    left.set_title("True quality: CD-1 is the worst", loc="left", weight="bold")
    right.set_yscale("log")
    right.set_ylabel("reconstruction error, log scale")
    right.set_title("The usual monitor: CD-1 is the best", loc="left", weight="bold")
    for axis in (left, right):
        axis.set_xlabel("updates")
        axis.xaxis.set_major_formatter("{x:,.0f}")
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    runs = {name: curves(name, N_UPDATES) for name in METHODS}
    for name, (nll, error) in runs.items():
        print(
            f"{name:15} best NLL {min(nll):.2f}, last NLL {nll[-1]:.2f}, error {error[-1]:.1e}"
        )
    draw(runs, TARGET)


if __name__ == "__main__":
    main()
