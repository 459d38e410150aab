"""Models of the next days, and of each user's first Flow listen there."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.deezer.listens import INNER, SPLITS, cases, tables
from benchmarks.deezer.models import LEADER, MODELS, Setting, chosen, smoothings
from benchmarks.deezer.scores import Line, kept, log, of_table, score, summary
from rbm_lib.data.deezer.features import temporal_split
from rbm_lib.evaluate import auc_lead

Settings = dict[str, list[Setting]]


def model_table(
    seeds: Iterable[int], n_rows: int, models: Settings = MODELS
) -> pd.DataFrame:
    """A line for each split and model, means over the seeds."""
    lines = []
    for number, (origin, listens) in enumerate(tables(seeds, n_rows)):
        log(origin)
        lines += of_table(number, lines_of(listens, n_rows, models))
    return summary(lines, ["split", "model"])


def lines_of(listens: pd.DataFrame, n_rows: int, models: Settings) -> Iterator[Line]:
    """The lines of one table of listens."""
    known, _ = temporal_split(listens)
    inner = cases(listens[known], INNER, smoothings(models))
    outer = cases(listens, SPLITS, smoothings(models))

    chances = {split: {} for split in SPLITS}
    for name, settings in models.items():
        setting = chosen(name, settings, inner, n_rows)
        data = outer[setting.smooth]
        model = setting.fit(data.features, data.known["is_listened"], n_rows)
        for split, (_, x) in data.held_out.items():
            chances[split][name] = kept(model, x)

    any_case = next(iter(outer.values()))
    for split, (later, _) in any_case.held_out.items():
        for line in with_leads(chances[split], later):
            yield {"split": split, "tries": len(models[line["model"]]), **line}


def with_leads(
    chances: dict[str, NDArray[np.float64]], later: pd.DataFrame
) -> Iterator[Line]:
    """The line of each model, with the lead of LEADER beyond it, paired."""
    for name, chance in chances.items():
        line = {"model": name, **score(chance, later)}
        if name != LEADER:
            pair = chances[LEADER], chance
            lead = auc_lead(*pair, later["is_listened"], later["user_id"]).loc[0]
            line |= {f"lead {end}": lead[end] for end in ("mean", "low", "high")}
        yield line
