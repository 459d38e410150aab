"""Downloads from a server on this machine that fails in every way it can: the right file, or none."""

import hashlib
import io
import os
import re
import ssl
import stat
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from rbm_lib.data import DataUnavailable, data_root, download, fetch, safe_extract

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.seen.append(self.path)
        if self.path in ("/404", "/500"):
            return self.send_error(int(self.path[1:]))
        if self.path == "/silent":
            return self.server.free.wait(5)
        if self.path in ("/moved", "/circle"):
            self.send_response(302)
            self.send_header("Location", {"/moved": "/good", "/circle": "/circle"}[self.path])
            return self.end_headers()
        body = b"<html>sign in first</html>" if self.path == "/wrong" else CONTENT
        self.send_response(200)
        if self.path != "/unannounced":  # without a length, only the hash can tell that the end is missing
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path == "/slow":  # but steady: no wait is longer than is allowed
            for start in range(0, len(body), 16_000):
                self.server.free.wait(0.03)
                self.wfile.write(body[start : start + 16_000])
            return
        whole = self.path in ("/good", "/wrong")
        self.wfile.write(body if whole else body[:70_000])
        if self.path == "/stall":
            self.wfile.flush()
            self.server.free.wait(5)


@contextmanager
def serving(certificate=None):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads, http.seen, http.free = True, [], threading.Event()
        http.address = f"http{'s' if certificate else ''}://127.0.0.1:{http.server_port}"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            http.socket = context.wrap_socket(http.socket, True, do_handshake_on_connect=False)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield http
        finally:
            http.free.set()
            http.shutdown()
            thread.join()


@pytest.fixture
def plain(monkeypatch):
    """An environment without proxies and without settings of this project."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("RBM_"):
            monkeypatch.delenv(name)


@pytest.fixture
def server(plain):
    with serving() as http:
        yield http


def get(server, folder, *paths, sha256=SHA256, **options):
    options = {"timeout": 0.1, "progress": False, **options}
    return fetch("set.zip", [server.address + path for path in paths], sha256, folder, **options)


def test_the_right_file(server, tmp_path, monkeypatch, capfd):
    steps, rename = [], os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: steps.append((Path(a).read_bytes(), b)) or rename(a, b))
    path = get(server, tmp_path / "new" / "folder", "/good", progress=None)
    assert path == tmp_path / "new" / "folder" / "set.zip" and path.read_bytes() == CONTENT
    assert steps == [(CONTENT, path)]  # complete before it has its name
    assert os.listdir(path.parent) == ["set.zip"] and capfd.readouterr() == ("", "")
    assert path.stat().st_mode & stat.S_IRGRP
    assert get(server, path.parent, "/good") == path and server.seen == ["/good"]  # not fetched again


def test_progress_bar_on_request(server, tmp_path, capfd):
    get(server, tmp_path, "/good", progress=True)
    assert "100%" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/404", "HTTP error 404"),
        ("/500", "HTTP error 500"),
        ("/wrong", "wrong content"),
        ("/circle", "redirects in circles"),
        ("/cut", "broke off"),
        ("/unannounced", "wrong content"),
        ("/stall", "stalled"),
        ("/silent", "no answer in time"),
    ],
)
def test_a_failure_leaves_nothing_and_says_why(server, tmp_path, path, reason):
    with pytest.raises(DataUnavailable, match=reason) as caught:
        get(server, tmp_path, path)
    assert os.listdir(tmp_path) == []
    assert "in a browser" in str(caught.value) and server.address + path in str(caught.value)
    assert str(tmp_path / "set.zip") in str(caught.value) and str(tmp_path) not in caught.value.reason


def test_slow_is_no_failure(server, tmp_path):
    assert get(server, tmp_path, "/slow").read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["/404", "/wrong", "/cut", "/stall", "/unannounced"])
def test_second_address(server, tmp_path, path):
    assert get(server, tmp_path, path, "/moved").read_bytes() == CONTENT
    assert server.seen[0] == path and os.listdir(tmp_path) == ["set.zip"]


def test_every_address_is_named_with_its_reason(server, tmp_path):
    with pytest.raises(DataUnavailable) as caught:
        get(server, tmp_path, "/404", "/500")
    assert caught.value.reason == "127.0.0.1: HTTP error 404; 127.0.0.1: HTTP error 500"
    with pytest.raises(DataUnavailable, match="no connection"):
        fetch("set.zip", ["http://127.0.0.1:1/set.zip"], SHA256, tmp_path, timeout=0.2)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        ("good", None),
        ("expired", "certificate has expired"),
        ("not yet valid", "certificate is not yet valid"),
        ("another name", "certificate is not valid for '127.0.0.1'"),
        ("unknown authority", "unable to get local issuer certificate"),
    ],
)
def test_certificates(plain, tmp_path, monkeypatch, certificate, reason):
    trusted, now, name = trustme.CA(), datetime.now(), "127.0.0.1"
    dates = {}
    if certificate == "expired":
        dates = {"not_before": now - timedelta(days=90), "not_after": now - timedelta(days=2)}
    elif certificate == "not yet valid":
        dates = {"not_before": now + timedelta(days=2)}
    elif certificate == "another name":
        name = "example.org"
    issuer = trustme.CA() if certificate == "unknown authority" else trusted
    trusted.cert_pem.write_to_path(tmp_path / "trusted.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "trusted.pem"))
    folder = tmp_path / "data"
    with serving(issuer.issue_cert(name, **dates)) as http:
        if reason is None:
            assert get(http, folder, "/good", timeout=5).read_bytes() == CONTENT
            return
        with pytest.raises(DataUnavailable, match=reason) as caught:
            get(http, folder, "/good", timeout=5)
        assert http.seen == [] and os.listdir(folder) == []
    for advice in ("is the clock of this computer right", "REQUESTS_CA_BUNDLE", "in a browser"):
        assert advice in str(caught.value)


def test_offline_does_not_try(server, tmp_path, monkeypatch):
    monkeypatch.setenv("RBM_OFFLINE", "1")
    with pytest.raises(DataUnavailable, match="RBM_OFFLINE is set"):
        get(server, tmp_path, "/good")
    assert server.seen == []
    (tmp_path / "set.zip").write_bytes(CONTENT)
    assert get(server, tmp_path, "/good").read_bytes() == CONTENT


def test_a_file_of_another_hash_is_kept_and_refused(server, tmp_path):
    (tmp_path / "set.zip").write_bytes(b"somebody's work")
    with pytest.raises(ValueError, match="Move it away") as caught:
        get(server, tmp_path, "/good")
    assert SHA256 in str(caught.value) and hashlib.sha256(b"somebody's work").hexdigest() in str(caught.value)
    assert (tmp_path / "set.zip").read_bytes() == b"somebody's work" and server.seen == []


def test_bad_arguments(server, tmp_path):
    for no_hash in (
        "",
        SHA256[:-1],
        SHA256.upper(),
        None,
    ):  # nothing comes without one, over HTTP least of all
        with pytest.raises(ValueError, match="64 hexadecimal"):
            get(server, tmp_path, "/good", sha256=no_hash)
    assert server.seen == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataUnavailable, match="cannot write to the data folder"):
        get(server, tmp_path / "file", "/good")
    assert server.seen == []


def test_the_stop_button_leaves_nothing(server, tmp_path, monkeypatch):
    def stop(url, path, *_):
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_download", stop)
    with pytest.raises(KeyboardInterrupt):
        get(server, tmp_path, "/good")
    assert os.listdir(tmp_path) == []


def fetching(server, folder, path, before=""):
    """A process of its own that fetches; `before`: what it does first."""
    code = f"""{before}
import sys; from rbm_lib.data import fetch
fetch("set.zip", ["{server.address}{path}"], "{SHA256}", sys.argv[1], progress=False)"""
    repository = str(Path(download.__file__).parents[2])
    options = {"env": {**os.environ, "PYTHONPATH": repository}, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], **options)


def test_two_processes_at_once(server, tmp_path):
    both = [fetching(server, tmp_path, "/good") for _ in range(2)]
    assert [(process.communicate(timeout=25)[1], process.returncode) for process in both] == [(b"", 0)] * 2
    assert os.listdir(tmp_path) == ["set.zip"] and (tmp_path / "set.zip").read_bytes() == CONTENT


def test_killed_in_the_middle(server, tmp_path):
    process = fetching(server, tmp_path, "/stall")
    deadline = time.monotonic() + 25
    while not any(part.stat().st_size for part in tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    (part,) = tmp_path.iterdir()  # half a file under a name that nobody reads
    assert part.suffix == ".part" and 0 < part.stat().st_size < len(CONTENT)
    assert get(server, tmp_path, "/good").read_bytes() == CONTENT
    assert part.exists()  # it might be another process's
    os.utime(part, (time.time() - 7200,) * 2)
    (tmp_path / "set.zip").unlink()
    get(server, tmp_path, "/good")
    assert os.listdir(tmp_path) == ["set.zip"]


def test_what_a_killed_unpacking_left_is_removed(tmp_path):
    source = archive(tmp_path / "a.zip", {"set/a.txt": b"one"})
    left = [tmp_path / name for name in (".set.x1.part", ".set.x2.part", ".sets.x3.part")]
    for folder in left:
        folder.mkdir()
        (folder / "half.txt").write_bytes(b"half")
    for folder in (left[0], left[2]):  # the second is at work, the third is none of ours
        os.utime(folder, (time.time() - 7200,) * 2)
    safe_extract(source, tmp_path / "set", ["set/a.txt"])
    assert [folder.exists() for folder in left] == [False, True, True]


def test_only_one_module_knows_how_to_fetch():
    """It lets nothing through without a pinned hash (`test_bad_arguments`), over HTTP least of all."""
    library = Path(download.__file__).parents[1]
    ways = re.compile(
        r"urlopen|urlretrieve|(import|from) (requests|pooch|urllib|http|socket|ftplib)|torch\.hub"
    )
    found = {path.name for path in library.rglob("*.py") if ways.search(path.read_text(encoding="utf-8"))}
    assert found == {"download.py"}


@pytest.mark.skipif(os.name == "nt", reason="no such limits on Windows")
def test_a_full_disk_leaves_nothing_and_says_so(server, tmp_path):
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    said = fetching(server, tmp_path, "/good", limit).communicate(timeout=25)[1].decode()
    assert "DataUnavailable" in said and "cannot write to the data folder, File too large" in said
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(server, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DataUnavailable, match="cannot write to the data folder, Permission denied"):
        get(server, tmp_path, "/good")
    assert os.listdir(tmp_path) == []


def archive(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in entries.items():
            target.writestr(name, content)
    return path


def test_extract(tmp_path):
    source = archive(tmp_path / "a.zip", {"set/a.txt": b"one", "set/b.txt": b"two", "set/c.txt": b"three"})
    folder = safe_extract(source, tmp_path / "set", ["set/a.txt", "set/c.txt"])
    assert sorted(os.listdir(folder)) == ["a.txt", "c.txt"] and (folder / "c.txt").read_bytes() == b"three"
    (folder / "notes.txt").write_bytes(b"mine")
    safe_extract(source, folder, ["set/b.txt"])
    assert sorted(os.listdir(folder)) == ["a.txt", "b.txt", "c.txt", "notes.txt"]
    assert sorted(os.listdir(tmp_path)) == ["a.zip", "set"]


@pytest.mark.parametrize("name", ["../evil", "set/../../evil", "/evil", "C:/evil", "..\\evil", "C:\\evil"])
def test_names_that_lead_out_of_the_folder(tmp_path, name):
    source = archive(tmp_path / "a.zip", {"set/a.txt": b"", name: b"evil"})
    with pytest.raises(ValueError, match="leads out of its folder"):
        safe_extract(source, tmp_path / "deep" / "set", ["set/a.txt", name])
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.zip", "deep"]


def test_links_are_refused(tmp_path):
    link = zipfile.ZipInfo("set/a.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
        target.writestr(link, "/etc/passwd")
    with pytest.raises(ValueError, match="link"):
        safe_extract(tmp_path / "a.zip", tmp_path / "set", ["set/a.txt"])
    assert os.listdir(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("harm", ["cut", "flipped", "no zip"])
def test_damaged_archives(tmp_path, harm):
    noise = os.urandom(5000)
    raw = io.BytesIO()
    archive(raw, {"set/a.txt": noise})
    content = bytearray(raw.getvalue())
    if harm == "flipped":
        content[2000] ^= 255
    content = {"cut": content[:3000], "flipped": content, "no zip": b"<html>"}[harm]
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ValueError, match="cut or damaged"):
        safe_extract(tmp_path / "a.zip", tmp_path / "set", ["set/a.txt"])
    assert os.listdir(tmp_path) == ["a.zip"]


def test_a_member_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"has no \['set/b'\]"):
        safe_extract(archive(tmp_path / "a.zip", {"set/a": b""}), tmp_path / "set", ["set/a", "set/b"])
    assert os.listdir(tmp_path) == ["a.zip"]


def test_data_root(tmp_path, monkeypatch):
    repository, here = tmp_path / "repository", tmp_path / "here"
    (repository / "sets").mkdir(parents=True), here.mkdir()
    (repository / "pyproject.toml").touch()
    monkeypatch.setattr(download, "_PACKAGE_PARENT", repository)
    monkeypatch.chdir(here)
    monkeypatch.delenv("RBM_DATA", raising=False)
    assert data_root() == repository / "data"
    assert data_root(tmp_path) == tmp_path and data_root("x") == Path("x")
    monkeypatch.setenv("RBM_DATA", "sets")
    assert data_root() == repository / "sets"
    (here / "sets").mkdir()
    assert data_root() == here / "sets"
    monkeypatch.setenv("RBM_DATA", str(tmp_path))
    assert data_root() == tmp_path and data_root(here) == here
    monkeypatch.setenv("RBM_DATA", "nowhere")
    with pytest.raises(FileNotFoundError) as caught:
        data_root()
    assert str(here / "nowhere") in str(caught.value) and str(repository / "nowhere") in str(caught.value)
    monkeypatch.setenv("RBM_DATA", "")
    (repository / "pyproject.toml").unlink()
    assert data_root().name == "rbm_lib" and repository not in data_root().parents
