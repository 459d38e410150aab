"""Where data files are, and how they get there."""

import os
import shutil
import sys
import tempfile
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch
import requests

_MOST = 2**30  # bytes of an unpacked archive; MovieLens 1M has 24 million
_REPOSITORY = Path(__file__).resolve().parents[2]


class DataUnavailable(OSError):
    """A file could not be had. The message says why and what to do; `reason` says why."""

    def __init__(self, message: str, reason: str = ""):
        super().__init__(message)
        self.reason = reason or message


def data_root(root: str | Path | None = None) -> Path:
    """Find the folder of the data: `root`, or RBM_DATA, or the repository's, or a cache.

    A relative RBM_DATA is looked up from the current folder, then from the repository's.
    Raises FileNotFoundError if there is no such folder.
    """
    if root is not None:
        return Path(root).expanduser()
    is_checkout = (_REPOSITORY / "pyproject.toml").is_file()
    named = os.environ.get("RBM_DATA", "").strip()
    if not named:
        return _REPOSITORY / "data" if is_checkout else Path(pooch.os_cache("rbm_lib"))
    places = [base / Path(named).expanduser() for base in (Path.cwd(), _REPOSITORY)]
    for place in places[: 1 + is_checkout]:
        if place.is_dir():
            return place
    raise FileNotFoundError(f"RBM_DATA: got {named!r}, expected a folder. Make {places[0]}")


def _is_offline() -> bool:
    return os.environ.get("RBM_OFFLINE", "") not in ("", "0")


def fetch(
    filename: str, urls: list[str], sha256: str, folder: str | Path, timeout: float = 5
) -> Path:
    """Return the path of a file, downloaded from the first of `urls` that delivers it.

    An address is given up after `timeout` seconds without a connection, or four times as
    long without a byte. Raises ValueError if the file is there with another SHA-256, and
    DataUnavailable if there is no download with this one, or RBM_OFFLINE is set.
    """
    folder = Path(folder).expanduser()
    target = folder / filename
    if target.is_file():
        got = pooch.file_hash(str(target))
        if got == sha256:
            return target
        raise ValueError(f"{target}: got SHA-256 {got}, expected {sha256}. Move it away.")
    pooch.get_logger().setLevel("WARNING")
    limits = (timeout, 4 * timeout)
    watched = sys.stderr is not None and sys.stderr.isatty()
    download: Any = pooch.HTTPDownloader(watched, timeout=limits)
    reasons = ["RBM_OFFLINE is set"] if _is_offline() else []
    for url in [] if reasons else urls:
        try:
            pooch.retrieve(url, f"sha256:{sha256}", filename, folder, downloader=download)
            target.chmod(0o644)  # pooch makes files that only their owner may read
            return target
        except (requests.ConnectionError, requests.Timeout) as error:
            reasons.append(f"{urlsplit(url).hostname}: {type(error).__name__}")
        except (OSError, ValueError) as error:  # 404, another hash, a full disk
            reasons.append(f"{urlsplit(url).hostname}: {str(error).partition(':')[0]}")
    why = "; ".join(reasons or ["no address"])
    advice = f"Get it from {' or '.join(urls) or 'its publisher'} and put it at {target}."
    raise DataUnavailable(f"{filename} could not be had ({why}). {advice}", why)


def fetch_kaggle(
    folder: Path, getter: str, handle: str, files: list, needed: list, allowed=True
) -> None:
    """Download with the function `getter` of kagglehub and copy those of `files` that come.

    Raises DataUnavailable, which says why, also if none of `needed` is in the download.
    """
    if _is_offline() or not allowed:
        raise DataUnavailable("RBM_OFFLINE is set" if allowed else "download=False")
    try:
        source = Path(getattr(import_module("kagglehub"), getter)(handle))
    except ImportError:
        raise DataUnavailable("kagglehub is not installed") from None
    except Exception as error:  # not signed in, the network, the disk
        raise DataUnavailable(f"kagglehub failed with {type(error).__name__}") from error
    found = {file: path for file in files for path in source.rglob(file)}
    if not found.keys() & set(needed):
        raise DataUnavailable(f"the download holds no {' or '.join(needed)}")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder) as scratch:
        for file, path in found.items():
            os.replace(shutil.copyfile(path, Path(scratch, file)), folder / file)


def safe_extract(archive: str | Path, folder: str | Path, members: list[str]) -> Path:
    """Unpack members of a zip archive into a folder, each under the last part of its name.

    Raises ValueError, and leaves nothing, if the archive is damaged, lacks a member, holds
    a name that leads out of its folder, or would have more than a gigabyte when unpacked.
    """
    folder = Path(folder).expanduser()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpack.", dir=folder.parent) as scratch:
        try:
            with zipfile.ZipFile(archive) as source:
                names = source.namelist()
                size = sum(source.getinfo(member).file_size for member in members)
                outside = [x for x in names if x[0] in "/\\" or ".." in x or ":" in x]
                if outside or size > _MOST:
                    raise ValueError(f"{size:,} bytes unpacked, names outside: {outside}")
                source.extractall(scratch, members)
        except Exception as error:  # zipfile and what it uses raise many kinds
            raise ValueError(f"{archive}: {error!s:.99}. Get the archive again.") from error
        folder.mkdir(exist_ok=True)
        for member in reversed(members):  # what readers need comes last
            os.replace(Path(scratch, member), folder / Path(member).name)
    return folder
