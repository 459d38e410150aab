"""What a CUDA card makes of the library: updates, rated cells, lists and precision.

    make gpu                                       the CUDA tests, then this
    python -m benchmarks.gpu                       this alone, to benchmarks/speed-cuda.json
    python -m benchmarks.gpu --device cpu --tiny   every row at a tiny size, to see it run

Nothing is installed and nothing is downloaded. An update of `fit` and its five bare matrix
products take turns, and the ratio is the median over the turns. Times on a card are taken
after `torch.cuda.synchronize()`.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.speed.ratings import make_ratings
from rbm_lib import CD, RBM, Monitor, fit
from rbm_lib.recommend import top_n_unseen

OUTPUT = Path(__file__).parent / "speed-cuda.json"
CASES = [(128, 784, 128), (512, 3706, 256), (1024, 10_000, 512)]  # batch, visible, hidden
RATINGS = [(6040, 3706, 1_000_209), (162_541, 59_047, 25_000_095)]  # MovieLens 1M and 25M
TINY_CASES = [(8, 20, 5)]
TINY_RATINGS = [(60, 40, 600)]


def seconds(work: Callable[[], Any], device: str) -> float:
    """Time of one call, with everything that it has started on the card."""
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def products(case: tuple[int, int, int], device: str) -> Callable[[], None]:
    """The five matrix products of one CD-1 update, into memory that is there already."""
    batch, n_visible, n_hidden = case
    v = torch.rand(batch, n_visible, device=device)
    W = 0.01 * torch.randn(n_visible, n_hidden, device=device)
    h = v @ W
    v_model = v.clone()
    h_model = v @ W
    positive = torch.empty_like(W)
    negative = torch.empty_like(W)

    def run() -> None:
        torch.mm(v, W, out=h)
        torch.mm(h, W.T, out=v_model)
        torch.mm(v_model, W, out=h_model)
        torch.mm(v.T, h, out=positive)
        torch.mm(v_model.T, h_model, out=negative)

    return run


def update_row(
    case: tuple[int, int, int], sample_visible: bool, device: str, turns: int
) -> dict[str, Any]:
    """One update of `fit` over its five bare products."""
    batch, n_visible, n_hidden = case
    n_updates = 20
    rows = torch.bernoulli(torch.full((batch * n_updates, n_visible), 0.5))
    rows = rows.to(device)
    model = RBM(n_visible, n_hidden, seed=0).to(device)
    bare = products(case, device)

    def train() -> None:
        fit(
            model,
            rows,
            CD(sample_visible=sample_visible),
            epochs=1,
            batch_size=batch,
            callbacks=[Monitor(every=10**9)],
            device=device,
            progress=False,
        )

    def floor() -> None:
        for _ in range(n_updates):
            bare()

    train()
    floor()
    pairs = [(seconds(floor, device), seconds(train, device)) for _ in range(turns)]
    return {
        "row": "update",
        "case": list(case),
        "sample_visible": sample_visible,
        "update_us": statistics.median(own for _, own in pairs) / n_updates * 1e6,
        "over_products": statistics.median(own / bare for bare, own in pairs),
    }


def rating_rows(shape: tuple[int, int, int], device: str) -> dict[str, Any]:
    """An epoch on rated cells alone, streamed from the host, and lists for everybody."""
    n_users, n_items, n_ratings = shape
    ratings = make_ratings(*shape)
    model = RBM(n_items, 100, "categorical", 2, seed=0).initialize_from(ratings).to(device)
    batch_size = max(100, n_users // 160)
    options: dict[str, Any] = {
        "epochs": 1,
        "batch_size": batch_size,
        "callbacks": [Monitor(every=10**9)],
        "device": device,
        "progress": False,
    }
    fit(model, ratings.rows(slice(0, batch_size)), **options)  # not counted
    epoch = seconds(lambda: fit(model, ratings, **options), device)
    lists = seconds(lambda: top_n_unseen(model, ratings, 20), device)
    row = {
        "row": "ratings",
        "shape": list(shape),
        "batch": batch_size,
        "epoch_seconds": epoch,
        "ns_per_rating": epoch / n_ratings * 1e9,
        "lists_seconds": lists,
    }
    if device == "cuda":
        row["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
    return row


def precision_rows(
    case: tuple[int, int, int], device: str, turns: int
) -> list[dict[str, Any]]:
    """P(h given v) in float32, TF32 and bfloat16: time, and the largest difference."""
    batch, n_visible, n_hidden = case
    v = torch.bernoulli(torch.full((batch, n_visible), 0.5)).to(device)
    model = RBM(n_visible, n_hidden, weight_std=0.05, seed=0).to(device)
    W16 = model.W.detach().bfloat16()
    v16 = v.bfloat16()
    exact = model.prob_h_given_v(v)

    def in_bfloat16() -> torch.Tensor:
        return torch.sigmoid((v16 @ W16).float() + model.hidden_bias)

    rows = []
    before = torch.get_float32_matmul_precision()
    for name, setting, forward in (
        ("float32", "highest", lambda: model.prob_h_given_v(v)),
        ("TF32", "high", lambda: model.prob_h_given_v(v)),
        ("bfloat16", "highest", in_bfloat16),
    ):
        torch.set_float32_matmul_precision(setting)
        forward()
        taken = statistics.median(seconds(forward, device) for _ in range(turns))
        rows.append(
            {
                "row": "precision",
                "case": list(case),
                "name": name,
                "us": taken * 1e6,
                "largest_difference": float((forward() - exact).abs().max().detach()),
            }
        )
    torch.set_float32_matmul_precision(before)
    return rows


def measure(device: str, tiny: bool) -> dict[str, Any]:
    """All rows, and what they were measured on."""
    cases = TINY_CASES if tiny else CASES
    shapes = TINY_RATINGS if tiny else RATINGS
    turns = 3 if tiny else 30
    rows = [
        update_row(case, sampled, device, turns)
        for case in cases
        for sampled in (False, True)
    ]
    rows += [rating_rows(shape, device) for shape in shapes]
    for case in cases:
        rows += precision_rows(case, device, turns)
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor()
    return {"device": device, "name": name, "torch": torch.__version__, "rows": rows}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes, to see it run")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("device: got 'cuda', expected one that PyTorch sees. Try --device cpu.")
        return 1
    record = measure(options.device, options.tiny)
    for row in record["rows"]:
        shown = (
            f"{value:.3g}" if isinstance(value, float) else value for value in row.values()
        )
        print(*shown, sep="  ")
    options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {options.output}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
