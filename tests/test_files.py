"""Files are written as a whole, or not at all."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rbm_lib.files import write_whole


@pytest.mark.parametrize("content", ["Zürich\n", b"\x00\xff"])
def test_text_and_bytes_are_written(content, tmp_path):
    path = tmp_path / "new" / "file"

    write_whole(path, content)

    expected = content.encode() if isinstance(content, str) else content
    assert path.read_bytes() == expected
    assert list(path.parent.iterdir()) == [path]


def test_an_older_file_stays_when_writing_fails(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")

    def full(descriptor):
        raise OSError(28, "disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full") as error:
        write_whole(path, "new")

    assert error.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_that_cannot_be_read_back_replaces_nothing(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def refuse(part):
        raise ValueError(part.read_text())

    with pytest.raises(ValueError, match="^new$"):
        write_whole(path, "new", check=refuse)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_threads_that_write_one_file_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "file"
    contents = [letter * 100_000 for letter in "abcdefgh"]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda content: write_whole(path, content), contents * 5))

    assert path.read_text() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    write_whole("~/file", "x")

    assert (tmp_path / "file").read_text() == "x"


def test_what_a_killed_process_left_is_removed_after_an_hour(tmp_path):
    old = tmp_path / ".file.1.part"
    fresh = tmp_path / ".file.2.part"
    for part in (old, fresh):
        part.write_text("half")
    os.utime(old, times=(time.time() - 4000,) * 2)

    write_whole(tmp_path / "file", "whole")

    assert not old.exists() and fresh.exists()
