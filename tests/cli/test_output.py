"""Facts and tables, for people and for programs."""

import json

import pandas as pd

from rbm_lib.cli.output import print_record, print_table


def test_a_record_is_a_line_for_each_fact(capsys):
    print_record({"people": 12345, "share_rated": 0.12345, "file": "x"}, False)

    lines = capsys.readouterr().out.splitlines()
    assert lines == ["people       12,345", "share rated  0.1235", "file         x"]


def test_a_table_has_text_on_the_left_and_numbers_on_the_right(capsys):
    table = pd.DataFrame({"title": ["Amélie", "X"], "rank": [1, 1000], "s": [0.5, None]})

    print_table(table, False, {})

    assert capsys.readouterr().out.splitlines() == [
        "title    rank       s",
        "Amélie      1  0.5000",
        "X       1,000",
    ]


def test_json_has_facts_and_rows(capsys):
    print_table(pd.DataFrame({"t": ["é"], "x": [None]}), True, {"people": 3})

    assert json.loads(capsys.readouterr().out) == {
        "people": 3,
        "rows": [{"t": "é", "x": None}],
    }


def test_an_empty_table_is_its_head(capsys):
    print_table(pd.DataFrame({"rank": [], "item": []}), False, {})

    assert capsys.readouterr().out.split() == ["rank", "item"]
