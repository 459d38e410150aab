"""Damaged files: the rows that the bytes say, or one clear error that names the file.

A good file is damaged in one way and read. Plain text cannot tell 1 from 2, so a result is
compared with an independent reading of the damaged bytes by Python's csv module.
"""

import csv
import io
import os
import random
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib import RBM, load_model, save_model
from rbm_lib.data import read_listeners, safe_extract, write_listeners
from rbm_lib.data.deezer.files import read_listens
from rbm_lib.data.movielens import files as movielens
from rbm_lib.data.spotify.files import read_export
from rbm_lib.training.saving import CheckpointError
from tests.data.deezer import support as deezer
from tests.data.listeners.two_listeners import LISTENERS
from tests.data.movielens.support import FILES, encoded
from tests.data.spotify import support as spotify
from tests.support import TIMES

N_TRIES = 10 * TIMES  # of each damage to each file


@dataclass(frozen=True)
class Case:
    """The file to damage, the files around it, and how to read it from their folder.

    `names` are the columns of a file that has no header; it has no quotes either.
    """

    file: str
    files: dict[str, bytes]
    read: Callable[[Path], pd.DataFrame]
    names: tuple[str, ...] = ()
    separator: str = ","

    def rows(self, content: bytes) -> list[list[str]]:
        """The names of the columns, and the fields of each row."""
        text = content.removeprefix(b"\xef\xbb\xbf")
        try:
            text = text.decode()
        except UnicodeDecodeError:
            text = text.decode("latin-1" if self.names else "ascii")
        lines = io.StringIO(text, newline="")
        if not self.names:
            return [row for row in csv.reader(lines, strict=True) if row]
        fields = [line.rstrip("\r\n").split(self.separator) for line in lines]
        return [list(self.names), *(row for row in fields if row != [""])]

    def content(self, rows: list[list[str]]) -> bytes:
        """The file that has these rows."""
        if self.names:
            return "".join(self.separator.join(row) + "\n" for row in rows[1:]).encode()
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue().encode()


def movielens_case(name: str, table: str, *names: str, **separator) -> Case:
    form = movielens.FORMATS[name]
    files = {file: encoded(name, file) for file in FILES[name]}

    def read(folder):
        movies = movielens.read_movies(folder, form)
        users = movielens.read_users(folder, form)
        if table == "movies":
            return movies[["movie_id", "title"]]
        if table == "users":
            return users[list(names)]
        known = None if users is None else users["user_id"]
        return movielens.read_ratings(folder / file, form, known, movies["movie_id"])

    def read_with_header(folder):
        return read(folder).rename(columns={"user_id": "userId", "movie_id": "movieId"})

    file = form.files[["ratings", "movies", "users"].index(table)]
    return Case(file, files, read if names else read_with_header, names, **separator)


def listeners_case(file: str, table: str) -> Case:
    with tempfile.TemporaryDirectory() as folder:
        files = {
            path.name: path.read_bytes() for path in write_listeners(LISTENERS, folder)
        }

    def read(folder):
        frame = getattr(read_listeners(folder), table)
        if table == "interactions":
            frame["timestamp"] = frame["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        return frame

    return Case(file, files, read)


RATING = ("user_id", "movie_id", "rating", "timestamp")
ITEM = ("movie_id", "title", "date", "video", "url", "unknown", "Action", "Comedy")
USER = ("user_id", "age", "gender", "occupation", "zip_code")
LISTENS = deezer.to_csv([deezer.listen(k, ts_listen=90_000 * k) for k in range(1, 5)])
EXPORT = spotify.to_csv([spotify.track(k, Album_Name="a\nb") for k in range(3)])


CASES = [
    movielens_case("100k", "ratings", *RATING, separator="\t"),
    movielens_case("100k", "movies", *ITEM, separator="|"),
    movielens_case("100k", "users", *USER, separator="|"),
    movielens_case("1m", "ratings", *RATING, separator="::"),
    movielens_case("latest-small", "ratings"),
    movielens_case("latest-small", "movies"),
    Case("d.csv", {"d.csv": LISTENS.encode()}, lambda x: read_listens(x / "d.csv")),
    Case("1.csv", {"1.csv": EXPORT.encode()}, lambda x: read_export(x / "1.csv")[0]),
    listeners_case("interaction_data.csv", "interactions"),
    listeners_case("user_profiles.csv", "profiles"),
]


BYTES = [b'"', b",", b"\n", b"\r", b"\0", b"|", b"-", b"_", b"E", b"\xff"]
NUMBERS = ["", " ", *"nan 1e999 -1 1_0 0x1 1.0 x \u0661 0.7 999999999999999999999".split()]
ENCODINGS = ["utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-8-sig"]


def damage_bytes(good: bytes, rng: random.Random) -> bytes:
    """Cut, flip a bit, insert, lose or append bytes, or change all line ends."""
    at = rng.randrange(len(good))
    return rng.choice([
        good[:at],
        good[:at] + bytes([good[at] ^ 1 << rng.randrange(8)]) + good[at + 1 :],
        good[:at] + rng.choice(BYTES) + good[at:],
        good[:at] + good[at + 1 :],
        good + good[at:],
        good.replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n"])),
        good.decode("latin-1").encode(rng.choice(ENCODINGS), "replace"),
        good.decode("utf-8", "replace").encode(rng.choice(ENCODINGS), "replace"),
    ])  # fmt: skip


def damage_rows(case: Case, good: bytes, rng: random.Random) -> bytes:
    """Swap, lose or repeat a column or a field, repeat a row, or change a field."""
    rows = case.rows(good)
    n = len(rows[0])
    one, other = rng.sample(range(n), 2)
    swap = {one: other, other: one}
    orders = [
        [swap.get(k, k) for k in range(n)],
        [k for k in range(n) if k != one],
        [*range(n), one],
    ]
    order = rng.choice(orders)
    at = rng.randrange(len(rows))
    kind = rng.choice(["columns", "fields", "row", "field"])
    if kind == "columns":
        rows = [[row[k] for k in order] for row in rows]
    elif kind == "fields":
        rows[at] = [rows[at][k] for k in order]
    elif kind == "row":
        rows.insert(at, rng.choice(rows))
    else:
        rows[at][one] = rng.choice(NUMBERS)
    return case.content(rows)


def assert_as_the_bytes_say(frame: pd.DataFrame, case: Case, content: bytes) -> None:
    header, *rows = case.rows(content)
    header = [name.strip() for name in header]
    assert set(map(len, rows)) <= {len(header)}
    for name in frame:
        assert header.count(name) == 1
        said = [row[header.index(name)] for row in rows]
        if pd.api.types.is_numeric_dtype(frame[name]):
            said = [float(text or "nan") for text in said]
        np.testing.assert_array_equal(frame[name].tolist(), said)


@pytest.mark.grows
@pytest.mark.parametrize("kind", ["bytes", "rows"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_the_rows_that_the_bytes_say_or_a_clear_error(tmp_path, case, kind):
    rng = random.Random(f"{case.file} {kind}")
    for file, content in case.files.items():
        (tmp_path / file).write_bytes(content)
    good = case.files[case.file]
    assert_as_the_bytes_say(case.read(tmp_path), case, good)
    n_errors = 0
    for _ in range(N_TRIES):
        bad = damage_bytes(good, rng) if kind == "bytes" else damage_rows(case, good, rng)
        (tmp_path / case.file).write_bytes(bad)
        try:
            frame = case.read(tmp_path)
        except ValueError as error:
            assert type(error) is ValueError and len(str(error)) < 1000
            assert any(file in str(error) for file in case.files)
            n_errors += 1
        else:
            assert_as_the_bytes_say(frame, case, bad)
    assert n_errors > 0


def test_a_damaged_archive_leaves_nothing(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as target:
        for name in ("a", "b"):
            target.writestr(f"set/{name}", "0123456789" * 20)
    rng = random.Random(0)
    for _ in range(10 * N_TRIES):
        (tmp_path / "set.zip").write_bytes(damage_bytes(content.getvalue(), rng))
        try:
            folder = safe_extract(
                tmp_path / "set.zip", tmp_path / "set", ["set/a", "set/b"]
            )
        except ValueError as error:
            assert "set.zip" in str(error)
        else:
            for name in ("a", "b"):
                assert (folder / name).read_text() == "0123456789" * 20
                (folder / name).unlink()
            folder.rmdir()
        assert os.listdir(tmp_path) == ["set.zip"]


def test_a_damaged_model_is_refused_or_the_same(tmp_path):
    model = RBM(3, 2, seed=0, weight_std=1)
    good = save_model(model, tmp_path / "model.pt").read_bytes()
    rng = random.Random(0)
    for _ in range(10 * N_TRIES):
        (tmp_path / "model.pt").write_bytes(damage_bytes(good, rng))
        try:
            loaded = load_model(tmp_path / "model.pt")
        except CheckpointError as error:
            assert "model.pt" in str(error)
        else:
            assert torch.equal(loaded.W, model.W)
