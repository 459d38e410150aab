"""The table of models of listens."""

from functools import partial

import pytest

from benchmarks.deezer.listens import INNER, cases
from benchmarks.deezer.models import LEADER, MODELS, Rate, Setting, chosen
from benchmarks.deezer.next_days import model_table
from rbm_lib.data import synthetic_deezer


def test_the_last_of_the_known_days_choose_among_models_of_listens():
    (constant,) = MODELS["constant"]
    rate = Setting("rate", partial(Rate, "user_id rate"))
    models = {"a": [constant, rate], "b": [rate, constant], LEADER: [rate]}
    inner = cases(synthetic_deezer(0, 6000).train, INNER, [20.0])

    best = [chosen(name, models[name], inner, 6000) for name in "ab"]
    table = model_table([0], 6000, models).loc["last five days"]

    assert best == [rate, rate]
    assert table["tries"].tolist() == [2, 2, 1]
    assert table["lead mean"].tolist()[:2] == [0, 0]  # all of them are the same rate


def test_the_table_of_listens_has_paired_leads():
    models = {name: MODELS[name][:1] for name in ("track's rate", LEADER)}

    table = model_table([0], 6000, models).loc["last five days"]

    gap = table.loc[LEADER, "AUC"] - table.loc["track's rate", "AUC"]
    row = table.loc["track's rate"]
    assert row["lead low"] < row["lead mean"] < row["lead high"]
    # The lead is the mean over resamples, which is near the difference itself.
    assert row["lead mean"] == pytest.approx(gap, abs=row["lead high"] - row["lead low"])
