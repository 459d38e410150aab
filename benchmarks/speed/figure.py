"""Bars of the ratios to the floor."""

from benchmarks.speed.contestants import CONTESTANTS


def draw(result, path):
    """One panel per case, at the fewest threads measured."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from rbm_lib import plotting

    plotting.use_style()
    threads = min(record["threads"] for record in result["dense"])
    records = [record for record in result["dense"] if record["threads"] == threads]
    shown = [measured(record) for record in records]
    names = [name for name in CONTESTANTS if any(name in ratios for ratios in shown)]
    size = (3.1 * len(records) + 2.0, 0.34 * len(names) + 1.3)
    figure, axes = plt.subplots(1, len(records), figsize=size, squeeze=False, sharey=True)
    for axis, record, ratios in zip(axes[0], records, shown, strict=True):
        draw_case(axis, record, ratios, names)
    axes[0][0].set_yticks(range(len(names)), names)
    axes[0][0].invert_yaxis()
    title = "Cases: batch, visible, hidden units"
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    where = measured_on(result["machine"], threads)
    label = f"time of an update / time of its five matrix products ({where})"
    figure.supxlabel(label, fontsize=10)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def measured(record):
    """{name: ratio to the floor}"""
    _, *rows = record["rows"]
    return {row["name"]: row["ratio"] for row in rows if "missing" not in row}


def draw_case(axis, record, ratios, names):
    from rbm_lib import plotting

    grey = "#B8B8B8"
    colours = [
        plotting.COLORS["blue"] if name.startswith("rbm_lib") else grey for name in ratios
    ]
    places = [names.index(name) for name in ratios]
    bars = axis.barh(places, list(ratios.values()), height=0.65, color=colours)
    labels = [f"{ratio:.2f}" for ratio in ratios.values()]
    axis.bar_label(bars, labels, padding=3, fontsize=9)
    axis.axvline(1, color=plotting.COLORS["red"], linewidth=1.2)
    on_card = " (GPU)" if record["device"] == "cuda" else ""
    axis.set_title(", ".join(map(str, record["case"])) + on_card)
    axis.set_xlim(0, 1.2 * max(ratios.values()))


def measured_on(machine, threads):
    where = f"{machine['cpu']}, {threads} thread{'s' * (threads > 1)}"
    return f"{where}; GPU: {machine['gpu']}" if "gpu" in machine else where
