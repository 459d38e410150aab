"""Boltzmann machines beside other models: alone, as extra columns, and as deep networks."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.deezer.belief_network import belief_network, chosen_rate
from benchmarks.deezer.listens import INNER, LAST_DAYS, SPLITS, Case, cases, tables
from benchmarks.deezer.machines import ITEMS, Machines, chosen_decays
from benchmarks.deezer.models import LINEAR, MODELS, TREES, chosen, smoothings
from benchmarks.deezer.new_users import new_user_lines
from benchmarks.deezer.scores import Line, kept, log, of_table, score, summary
from rbm_lib.data.deezer.features import day_folds, out_of_fold, temporal_split
from rbm_lib.evaluate import auc_lead

BLOCKS = 4  # runs of days for the columns of RBMs, out of fold
OTHERS = ("listener's rate", "both rates", LINEAR, TREES)
LEADS = [
    ("RBM on tracks", "both rates"),
    (f"{LINEAR}, with RBM", LINEAR),
    (f"{TREES}, with RBM", TREES),
    ("DBN, pretrained", "DBN, random start"),
    ("DBN, random start", LINEAR),
]

Chances = dict[str, NDArray[np.float64]]


def rbm_tables(seeds: Iterable[int], n_rows: int) -> dict[str, pd.DataFrame]:
    """Three tables by their titles, means over the seeds."""
    scores, leads, new_users = [], [], []
    for number, (origin, listens) in enumerate(tables(seeds, n_rows)):
        log(origin)
        listens = whole_users(listens, n_rows)
        known, later = (listens[part] for part in temporal_split(listens))
        chances = predictions(listens, n_rows)
        scores += of_table(number, score_lines(chances, later))
        leads += of_table(number, lead_lines(chances, later))
        new_users += of_table(number, new_user_lines(listens, known, later, number))
    of_scores = "Last five days; machines know items of five plays"
    of_leads = "Lead in AUC, paired, on the rows that both can answer"
    return {
        of_scores: summary(scores, ["items", "model"]),
        of_leads: summary(leads, ["model", "beyond"]),
        "New users, last five days": summary(new_users, ["model", "listens known"]),
    }


def whole_users(listens: pd.DataFrame, n_rows: int) -> pd.DataFrame:
    """All listens of users drawn at random, at most so many rows."""
    counts = listens["user_id"].value_counts()
    people = np.random.default_rng(0).permutation(counts.index)
    inside = counts[people].cumsum().to_numpy() <= n_rows
    return listens[listens["user_id"].isin(people[inside])]


def predictions(listens: pd.DataFrame, n_rows: int) -> Chances:
    """P(kept) of the held-out rows by each model; NaN where an RBM lacks the item."""
    outer = cases(listens, {LAST_DAYS: SPLITS[LAST_DAYS]}, smoothings(MODELS))
    plain = outer[20.0]
    inner = cases(plain.known, INNER, smoothings(MODELS))
    y = plain.known["is_listened"]
    _, x_later = plain.held_out[LAST_DAYS]
    own, new = columns_of_machines(plain, np.unique(listens["user_id"]))

    chances = {name: expit(new[name].to_numpy()) for name in ITEMS}
    for name in OTHERS:
        setting = chosen(name, MODELS[name], inner, n_rows)
        case = outer[setting.smooth]
        model = setting.fit(case.features, y, n_rows)
        chances[name] = kept(model, case.held_out[LAST_DAYS][1])
        if name in (LINEAR, TREES):
            # Trees can do with missing values.
            fill = own.mean() if name == LINEAR else {}
            model = setting.fit(plain.features.join(own).fillna(fill), y, n_rows)
            chances[f"{name}, with RBM"] = kept(model, x_later.join(new).fillna(fill))
    for name, pretrained in {"pretrained": True, "random start": False}.items():
        lr = chosen_rate(inner[20.0], pretrained)
        chances[f"DBN, {name}"] = belief_network(plain.features, y, x_later, pretrained, lr)
        log(f"DBN, {name}, rate {lr}: chosen")
    return chances


def columns_of_machines(case: Case, users: NDArray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Log-odds by the RBMs: of the known rows, out of fold, and of the held-out rows."""
    known = case.known
    later, _ = case.held_out[LAST_DAYS]
    machines = Machines(users, chosen_decays(known, users))
    folds = day_folds(known, BLOCKS)
    own = out_of_fold(machines, known, known["is_listened"], folds)
    new = machines.fit(known).transform(later)
    names = list(ITEMS)
    return pd.DataFrame(own, known.index, names), pd.DataFrame(new, later.index, names)


def score_lines(chances: Chances, later: pd.DataFrame) -> Iterator[Line]:
    """The scores of all models on the items that RBMs know, and of those that know all."""
    known = np.all([np.isfinite(chances[name]) for name in ITEMS], axis=0)
    for items, part in {"known items": known, "all": np.ones_like(known)}.items():
        for name, chance in chances.items():
            if np.isfinite(chance[part]).all():
                yield {"items": items, "model": name, **score(chance[part], later[part])}


def lead_lines(chances: Chances, later: pd.DataFrame) -> Iterator[Line]:
    for name, other in LEADS:
        part = np.isfinite(chances[name])
        label = later["is_listened"][part]
        users = later["user_id"][part]
        lead = auc_lead(chances[name][part], chances[other][part], label, users).loc[0]
        line = {"model": name, "beyond": other, "AUC": lead["mean"]}
        yield line | {"low": lead["low"], "high": lead["high"], "rows": lead["n"]}
