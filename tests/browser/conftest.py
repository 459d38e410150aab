"""Chromium, driven by Playwright, and a JupyterLab that serves a copy of the course.

Without Playwright or Chromium the tests are skipped, but on a server for continuous
integration a missing Chromium is an error. CHROMIUM names another executable.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOUND = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, FOUND), None)

# The theme of the system, and all cells in the page at once.
LAB_SETTINGS = {
    "apputils-extension/themes": '{"adaptive-theme": true}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',
}


@pytest.fixture(scope="session")
def browser():
    """One browser for all tests; `browser.new_context()` makes a fresh profile."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    if not CHROMIUM or not shutil.which(CHROMIUM):
        reason = "needs Chromium: install it, or name it in the variable CHROMIUM"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)

    # Chromium's sandbox refuses to start for root, who runs tests in containers.
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    args = ["--no-sandbox"] if is_root else []
    playwright.expect.set_options(timeout=60_000)  # ms, because a machine may be busy
    with playwright.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=CHROMIUM, args=args)
        yield chromium
        chromium.close()


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab and the folder that it serves, a copy of the course."""

    url: str
    token: str
    folder: Path


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """`make lab` in a copy of the course, with settings and scores of its own."""
    pytest.importorskip("jupyterlab")
    folder = tmp_path_factory.mktemp("course")
    for name in ("notebooks", "docs", "rbm_lib"):
        hidden = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=hidden)
    shutil.copy(ROOT / "pyproject.toml", folder)
    settings = folder / "jupyterlab_settings_dir" / "@jupyterlab"
    for name, text in LAB_SETTINGS.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    port = free_port()
    token = secrets.token_hex(16)
    options = {"ip": "127.0.0.1", "port": port}
    command = [sys.executable, "-m", "rbm_lib.course", "lab"]
    command += ["--no-browser", "--allow-root"]
    command += [f"--ServerApp.{name}={value}" for name, value in options.items()]
    log = folder / "server.log"
    with open(log, "w", encoding="utf-8") as file:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(folder, token),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/api/status?token={token}", server, log)
        yield Lab(f"http://127.0.0.1:{port}", token, folder)
    finally:
        os.killpg(server.pid, signal.SIGTERM)  # the server ends its kernels
        server.wait(60)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def environment(folder, token):
    """The caller's variables without settings of Jupyter, and with folders of our own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")}
    kept.pop("RBM_HEADLESS", None)
    names = ["IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"]
    names += ["JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "RBM_SCORES"]
    own = {name: str(folder / name.lower()) for name in names}
    own |= {"JUPYTER_TOKEN": token, "RBM_PROFILE": "fast", "PYTHONPATH": str(folder)}
    return kept | own


def wait_for(address, server, log, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')}")
