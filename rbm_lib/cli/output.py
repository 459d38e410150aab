"""Results on standard output: lines of facts, a table, or JSON."""

import json
from typing import Any

import pandas as pd


def print_record(record: dict[str, Any], as_json: bool) -> None:
    """One fact per line, or JSON."""
    if as_json:
        print(json.dumps(record, indent=1, ensure_ascii=False))
        return
    width = max(len(name) for name in record) + 2
    for name, value in record.items():
        if isinstance(value, float):
            value = f"{value:.4f}"
        elif isinstance(value, int) and not isinstance(value, bool):
            value = f"{value:,}"
        print(f"{name.replace('_', ' '):{width}}{value}")


def print_table(table: pd.DataFrame, as_json: bool, facts: dict[str, Any]) -> None:
    """A DataFrame, or JSON with the facts and a list of rows."""
    if as_json:
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        print(json.dumps(facts | {"rows": rows}, indent=1, ensure_ascii=False))
        return
    shown = {}
    for name in table:
        column = table[name]
        is_text = not pd.api.types.is_numeric_dtype(column)
        # Text stands on the left, as it does in a file.
        texts = [str(value) if is_text else _number(value) for value in column]
        width = max(map(len, [str(name), *texts]))
        pad = str.ljust if is_text else str.rjust
        head = pad(str(name).replace("_", " "), width)
        shown[head] = [pad(text, width) for text in texts]
    print("  ".join(shown).rstrip())
    for row in zip(*shown.values(), strict=True):
        print("  ".join(row).rstrip())


def _number(value: Any) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
