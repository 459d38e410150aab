"""A table is read exactly, or its first bad row is named."""

import re

import numpy as np
import pandas as pd
import pytest

from rbm_lib.data import tables
from rbm_lib.data.tables import TEXT, Column, Schema, check_rows, read_table

COUNT = Column("int16", 0, 999)
NUMBERS = Schema(
    {"user": COUNT, "item": COUNT, "stars": Column("float64", allowed=(1, 2.5))}
)
NAMES = Schema({"name": Column(), "size": Column("float64", -1, 1, optional=True)})


def write(folder, content):
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("block", [8, 2**22])  # bytes: about a line, or everything
@pytest.mark.parametrize("stars", ["1", "2.5"])  # whole numbers alone take another path
def test_values_types_and_line_numbers(tmp_path, monkeypatch, block, stars):
    monkeypatch.setattr(tables, "_BLOCK", block)
    path = write(tmp_path, f"user,item,stars\n7,2,1\n\n007,999,{stars}\n")
    frame = read_table(path, NUMBERS)
    expected = pd.DataFrame(
        {
            "user": np.array([7, 7], dtype="int16"),
            "item": np.array([2, 999], dtype="int16"),
            "stars": [1.0, float(stars)],
        },
        index=pd.Index([2, 4], name="line"),
    )
    pd.testing.assert_frame_equal(frame, expected, check_index_type=False)
    assert len(read_table(path, NUMBERS, n_rows=1)) == 1


HARMLESS = {
    "byte-order mark": lambda text: "\ufeff" + text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "no last line end": lambda text: text.rstrip("\n"),
    "blank lines": lambda text: text.replace("\n", "\n\n"),
    "quotes": lambda text: re.sub("[^,\n]+", r'"\g<0>"', text),
    "another column": lambda text: re.sub("\n(?=.)", '\n"a,b",', "x," + text),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_harmless_differences_change_nothing(tmp_path, change):
    text = "user,item,stars\n1,2,1\n3,4,1\n"
    expected = read_table(write(tmp_path, text), NUMBERS)
    found = read_table(write(tmp_path, change(text)), NUMBERS)
    pd.testing.assert_frame_equal(
        found.reset_index(drop=True), expected.reset_index(drop=True)
    )


def test_text_is_kept_as_it_is(tmp_path):
    text = 'size,name\n,"Say ""Hi"", you"\n-0.25,NA\n1e-3,"two\nlines"\n,  é \n'
    frame = read_table(write(tmp_path, text), NAMES)
    assert frame["name"].tolist() == ['Say "Hi", you', "NA", "two\nlines", "  é "]
    np.testing.assert_array_equal(frame["size"], [np.nan, -0.25, 1e-3, np.nan])
    assert frame.index.tolist() == [2, 3, 4, 6]  # where the rows begin


def test_numbers_are_read_exactly(tmp_path):
    numbers = [0.1 + 0.2, 5e-324, 1 / 3]
    path = write(tmp_path, "name,size\n" + "".join(f"a,{x!r}\n" for x in numbers))
    assert read_table(path, NAMES)["size"].tolist() == numbers


def test_without_commas_quotes_mean_nothing_and_columns_have_no_names(tmp_path):
    schema = Schema({"id": COUNT, "title": TEXT}, ["id"], separator="::")
    path = write(tmp_path, '1::"Misérables: the film\n2::\n'.encode("latin-1"))
    assert read_table(path, schema)["title"].tolist() == ['"Misérables: the film', ""]


def test_aliases_and_other_columns(tmp_path):
    schema = Schema({"id": COUNT}, aliases={"userId": "id"}, others=Column("float64", 0, 1))
    frame = read_table(write(tmp_path, "b,userId\n0.5,3\n"), schema)
    assert frame.to_dict("records") == [{"id": 3, "b": 0.5}]


BAD_FIELDS = [
    ("user", "", "a whole number from 0 to 999"),
    ("user", "-1", "a whole number from 0 to 999"),
    ("user", "1000", "a whole number from 0 to 999"),
    ("user", "9" * 30, "a whole number from 0 to 999"),
    ("user", "1e2", "a whole number from 0 to 999"),
    ("user", "1_0", "a whole number from 0 to 999"),
    ("user", "١", "a whole number from 0 to 999"),
    ("item", "2.0", "a whole number from 0 to 999"),
    ("item", " ", "a whole number from 0 to 999"),
    ("stars", "2", "one of 1, 2.5"),
    ("stars", "nan", "one of 1, 2.5"),
]


@pytest.mark.parametrize("block", [8, 2**22])
@pytest.mark.parametrize(("column", "field", "expected"), BAD_FIELDS)
def test_the_first_bad_field_is_named(
    tmp_path, monkeypatch, column, field, expected, block
):
    monkeypatch.setattr(tables, "_BLOCK", block)
    row = {"user": "5", "item": "6", "stars": "1", column: field}
    bad = ",".join(row.values())
    path = write(tmp_path, f"user,item,stars\n1,2,1\n\n3,4,1\n{bad}\nx,y,z\n")
    message = (
        f"{path}, line 5, column {column}: got {field!r}, expected {expected}. Correct"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        read_table(path, NUMBERS)


@pytest.mark.parametrize("field", ["1.5", "nan", "inf", "1e999", "0x1", "1_0", "1,5"])
def test_a_number_out_of_range_or_unlike_a_number_is_refused(tmp_path, field):
    with pytest.raises(ValueError, match="line 2, column size: got .*, expected a number"):
        read_table(write(tmp_path, f'name,size\na,"{field}"\n'), NAMES)


BAD_FILES = {
    "empty": (b"", "line 1: got '', expected the columns user, item, stars, each once"),
    "header only": (b"user,item,stars\n", "got no rows, expected at least one"),
    "no header": (b"1,2,1\n3,4,1\n", "line 1: got '1,2,1', expected the columns user"),
    "column twice": (b"user,item,user,stars\n1,2,1,1\n", "expected the columns user, each"),
    "field less": (b"user,item,stars\n1,2,1\n1,2\n", "line 3: got '2 fields', expected 3"),
    "field more": (b"user,item,stars\n1,2,1,1\n", "line 2: got '4 fields', expected 3"),
    "rows that add up": (b"user,item,stars\n1,2\n3,4,1,1\n", "line 2: got '2 fields'"),
    "open quote": (b'user,item,stars\n1,2,"1\n', "line 2: got 'unexpected end of data'"),
    "bad row above": (b"user,item,stars\n1,2,3\n1,2\n", "line 2, column stars: got '3'"),
    "UTF-16": ("user,item,stars\n1,2,1\n".encode("utf-16"), "line 1: got 'the byte 0x"),
    "Latin-1": (b"user,item,stars\n1,2,1\n1,\xe9,1\n", "line 3: got 'the byte 0xe9'"),
    "NUL": (b"user,item,stars\n1,2,1\n1,2\x00,1\n", "line 3: got 'the byte 0x0'"),
}


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_by_line(tmp_path, content, message):
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_table(path, NUMBERS)
    assert str(error.value).startswith(str(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere.csv is missing"):
        read_table(tmp_path / "nowhere.csv", NUMBERS)


def test_a_repeated_key_and_a_failed_check_are_named(tmp_path):
    schema = Schema(NUMBERS.columns, ["user", "item"])
    path = write(tmp_path, "user,item,stars\n1,2,1\n1,3,1\n1,2,2.5\n")
    with pytest.raises(ValueError, match="line 4, column item: got '2', expected no user"):
        read_table(path, schema)
    frame = read_table(path, NUMBERS)
    with pytest.raises(ValueError, match="line 3, column item: got '3', expected an even"):
        check_rows(path, frame, "item", frame["item"] % 2 == 0, "an even number")
