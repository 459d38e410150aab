"""Downloads from a server that fails in many ways: the right file, or none."""

import hashlib
import os
import stat
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rbm_lib.data import DataUnavailable, data_root, download, fetch, safe_extract
from tests.support import ROOT

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT, well or badly, depending on the path."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.seen.append(self.path)
        if self.path == "/404":
            return self.send_error(404)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/good")
            return self.end_headers()
        self.send_response(200)
        if self.path != "/unannounced":  # without a length, only the hash can tell
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if self.path == "/good":
            self.wfile.write(CONTENT)
        elif self.path == "/wrong":
            self.wfile.write(CONTENT[::-1])
        else:
            self.wfile.write(CONTENT[:70_000])
        if self.path == "/stall":
            self.wfile.flush()
            self.server.released.wait(5)


@pytest.fixture
def server(monkeypatch):
    """A running server, and an environment without proxies and RBM_… settings."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("RBM_"):
            monkeypatch.delenv(name)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        http.seen = []
        http.released = threading.Event()
        http.address = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield http
        http.released.set()
        http.shutdown()
        thread.join()


def get(server, folder, *paths, sha256=SHA256):
    urls = [server.address + path for path in paths]
    return fetch("set.zip", urls, sha256, folder, timeout=0.1)


def test_the_right_file_is_fetched_once(server, tmp_path, capfd):
    path = get(server, tmp_path / "new" / "folder", "/good")
    assert path == tmp_path / "new" / "folder" / "set.zip"
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == ["set.zip"]
    assert path.stat().st_mode & stat.S_IRGRP  # a class may share the folder
    assert capfd.readouterr() == ("", "")
    assert get(server, path.parent, "/good") == path
    assert server.seen == ["/good"]


def test_a_tilde_is_the_home_folder(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    assert get(server, "~/data", "/good") == tmp_path / "data" / "set.zip"


def test_without_a_stderr_a_file_is_fetched_too(server, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)

    assert get(server, tmp_path, "/good").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/404", "404 Client Error"),
        ("/wrong", "hash of downloaded file"),
        ("/unannounced", "hash of downloaded file"),
        ("/cut", "Connection broken"),
        ("/stall", "ConnectionError"),
    ],
)
def test_a_failure_leaves_nothing_and_the_next_is_tried(server, tmp_path, path, reason):
    with pytest.raises(DataUnavailable, match=f"Get it from {server.address}/") as caught:
        get(server, tmp_path, path, "/404")
    assert reason in caught.value.reason
    assert caught.value.reason.endswith("; 127.0.0.1: 404 Client Error")
    assert os.listdir(tmp_path) == []
    assert get(server, tmp_path, path, "/moved").read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["set.zip"]


def test_offline_nothing_is_tried(server, tmp_path, monkeypatch):
    monkeypatch.setenv("RBM_OFFLINE", "1")
    with pytest.raises(DataUnavailable, match="RBM_OFFLINE is set"):
        get(server, tmp_path, "/good")
    (tmp_path / "set.zip").write_bytes(CONTENT)
    assert get(server, tmp_path, "/good").read_bytes() == CONTENT
    assert server.seen == []


def test_a_file_with_another_hash_is_refused(server, tmp_path):
    with pytest.raises(DataUnavailable, match="hash of downloaded file"):
        get(server, tmp_path, "/good", sha256=None)
    (tmp_path / "set.zip").write_bytes(b"somebody's work")
    with pytest.raises(ValueError, match=f"expected {SHA256}. Move it away"):
        get(server, tmp_path, "/good")
    assert (tmp_path / "set.zip").read_bytes() == b"somebody's work"


def test_a_place_that_cannot_be_written_to_is_a_reason(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataUnavailable, match="127.0.0.1: .*(exists|Not a directory)"):
        get(server, tmp_path / "file", "/good")


def test_two_downloads_at_once(server, tmp_path):
    with ThreadPoolExecutor() as pool:
        paths = list(pool.map(lambda path: get(server, tmp_path, path), ["/good", "/good"]))
    assert paths[0] == paths[1]
    assert paths[0].read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["set.zip"]


def test_a_killed_download_never_looks_complete(server, tmp_path):
    code = (
        "import sys; from rbm_lib.data import fetch; "
        f"fetch('set.zip', ['{server.address}/stall'], '{SHA256}', sys.argv[1])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path], env=environment)
    deadline = time.monotonic() + 25
    while not any(part.stat().st_size for part in tmp_path.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (tmp_path / "set.zip").exists()
    assert get(server, tmp_path, "/good").read_bytes() == CONTENT


def archive(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in entries.items():
            target.writestr(name, content)
    return path


def test_members_are_unpacked_beside_what_is_there(tmp_path):
    source = archive(tmp_path / "a.zip", {"set/a.txt": "one", "set/b.txt": "two"})
    folder = safe_extract(source, tmp_path / "set", ["set/a.txt"])
    (folder / "notes.txt").write_text("mine")
    safe_extract(source, folder, ["set/a.txt", "set/b.txt"])
    assert sorted(os.listdir(folder)) == ["a.txt", "b.txt", "notes.txt"]
    assert (folder / "b.txt").read_text() == "two"
    assert sorted(os.listdir(tmp_path)) == ["a.zip", "set"]


@pytest.mark.parametrize("name", ["../x", "set/../../x", "/x", "C:/x", "..\\x", "C:\\x"])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, name):
    source = archive(tmp_path / "a.zip", {"set/a.txt": "", name: "evil"})
    with pytest.raises(ValueError, match="names outside"):
        safe_extract(source, tmp_path / "deep" / "set", ["set/a.txt"])
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip", "deep"]


def test_a_bomb_is_refused_by_its_unpacked_size(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_MOST", 10**6)
    bomb = archive(tmp_path / "a.zip", {"set/a": bytes(2 * 10**6)})
    assert bomb.stat().st_size < 10**4
    with pytest.raises(ValueError, match="2,000,000 bytes unpacked"):
        safe_extract(bomb, tmp_path / "set", ["set/a"])
    assert os.listdir(tmp_path) == ["a.zip"]


def test_the_data_folder_is_found(tmp_path, monkeypatch):
    repository = tmp_path / "repository"
    here = tmp_path / "here"
    for folder in (repository / "sets", here):
        folder.mkdir(parents=True)
    (repository / "pyproject.toml").touch()
    monkeypatch.setattr(download, "_REPOSITORY", repository)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(here)

    monkeypatch.delenv("RBM_DATA", raising=False)
    assert data_root() == repository / "data"
    assert data_root("x") == Path("x")
    monkeypatch.setenv("RBM_DATA", "sets")
    assert data_root() == repository / "sets"
    (here / "sets").mkdir()
    assert data_root() == here / "sets"
    monkeypatch.setenv("RBM_DATA", "~/here")
    assert data_root() == here
    monkeypatch.setenv("RBM_DATA", "nowhere")
    with pytest.raises(FileNotFoundError, match="RBM_DATA: got 'nowhere', expected a fol"):
        data_root()
    monkeypatch.setenv("RBM_DATA", "")
    (repository / "pyproject.toml").unlink()
    assert repository not in data_root().parents
