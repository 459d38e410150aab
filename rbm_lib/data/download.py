"""Where data files lie, and how they get there: pinned SHA-256, several addresses, never a broken file."""

import os
import re
import shutil
import stat
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pooch

from rbm_lib.files import sweep

_MOST = 2**30  # bytes that an archive may be unpacked to; MovieLens 1M has 24 million
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class DataUnavailable(OSError):
    """A file could not be had. The message says why and what to do; `.reason` is the why, in a few words."""

    def __init__(self, message, reason=""):
        super().__init__(message)
        self.reason = reason


def data_root(root=None):
    """Folder of the data files: `root`, else the environment's RBM_DATA, else the repository's, else a cache.

    A relative RBM_DATA is looked up from the current folder, then from the repository's. The cache is for an
    installed library, and is the user's own. Raises FileNotFoundError where RBM_DATA names no folder.
    """
    checkout = (_PACKAGE_PARENT / "pyproject.toml").is_file()
    if root is not None:
        return Path(root).expanduser()
    if named := os.environ.get("RBM_DATA", "").strip():
        bases = [Path.cwd(), _PACKAGE_PARENT] if checkout else [Path.cwd()]
        places = list(dict.fromkeys(base / Path(named).expanduser() for base in bases))
        for place in places:
            if place.is_dir():
                return place
        tried = " nor ".join(map(str, places))
        raise FileNotFoundError(
            f"RBM_DATA is {named!r}, but there is no folder {tried}: create it or unset RBM_DATA"
        )
    return _PACKAGE_PARENT / "data" if checkout else Path(pooch.os_cache("rbm_lib"))


def fetch(filename, urls, sha256, folder, *, timeout=5, progress=None):
    """The file `folder/filename`, downloaded from the first of `urls` that delivers it. Returns its Path.

    A file already there is used if its SHA-256 is `sha256`, and is left alone and refused if not
    (ValueError). A download gets its final name only after the hash is verified, in one step: at any moment
    there is the right file or none, also with two processes at once. timeout: seconds to wait for a
    connection; after four times as long without a byte an address is given up. progress: a bar, by default
    when stderr is a terminal. Raises DataUnavailable, naming each address and why, or at once when the
    environment sets RBM_OFFLINE=1.
    """
    target = Path(folder) / filename
    if not re.fullmatch("[0-9a-f]{64}", str(sha256)):
        raise ValueError(f"sha256 is {sha256!r}: expected 64 hexadecimal digits in lower case")
    if target.exists():
        return _verified(target, sha256)
    reasons = []
    if os.environ.get("RBM_OFFLINE", "") not in ("", "0"):
        raise _unavailable(target, urls, ["RBM_OFFLINE is set"])
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent, filename)
        handle, temporary = tempfile.mkstemp(prefix=f".{filename}.", suffix=".part", dir=target.parent)
        os.close(handle)
        for url in urls:
            reason = _download(
                url, temporary, sha256, timeout, sys.stderr.isatty() if progress is None else progress
            )
            if reason is None:
                os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner may read
                os.replace(temporary, target)
                return target
            reasons.append(f"{urlsplit(url).hostname}: {reason}")
    except OSError as error:  # of the disk; the network's are reasons
        reasons.append(f"cannot write to the data folder, {error.strerror or error}")
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
    raise _unavailable(target, urls, reasons or ["no address to download from"])


def fetch_kaggle(folder, getter, handle, files, needed, allowed=True):
    """Download with kagglehub, where it is installed, and put those of `files` that come into `folder`.

    getter: the function of kagglehub; handle: what it is given. Each file gets its name in one step. Raises
    DataUnavailable, with the reason, also where not one of `needed` is in the download.
    """
    try:
        if not allowed:
            raise DataUnavailable("", "download=False")
        if os.environ.get("RBM_OFFLINE", "") not in ("", "0"):
            raise DataUnavailable("", "RBM_OFFLINE is set")
        import kagglehub

        source = Path(getattr(kagglehub, getter)(handle))
    except DataUnavailable:
        raise
    except ImportError:
        raise DataUnavailable("", "kagglehub is not installed") from None
    except Exception as error:  # not signed in, the network, the disk: whatever it is, there is no file
        raise DataUnavailable("", f"kagglehub failed with {type(error).__name__}") from error
    found = {file: next(iter(sorted(source.rglob(file))), None) for file in files}
    if not any(found[file] for file in needed):
        lacking = f"neither {' nor '.join(needed)}" if len(needed) > 1 else f"no {needed[0]}"
        raise DataUnavailable("", f"the download holds {lacking}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder, "kaggle")
        for file, path in found.items():
            if path is not None:  # never a half-written file under its name
                with tempfile.TemporaryDirectory(prefix=".kaggle.", suffix=".part", dir=folder) as scratch:
                    os.replace(shutil.copyfile(path, Path(scratch) / file), folder / file)
    except OSError as error:
        why = f"cannot write to the data folder, {error.strerror or error}"
        raise DataUnavailable("", why) from error


def _download(url, path, sha256, timeout, progress):
    """Download to path; None if the hash is right, else the reason in a few words."""
    import requests

    try:
        pooch.HTTPDownloader(progressbar=bool(progress), chunk_size=2**16, timeout=(timeout, 4 * timeout))(
            url, path, None
        )
    except requests.HTTPError as error:
        return f"HTTP error {error.response.status_code}"
    except requests.exceptions.SSLError as error:
        why = re.search("verify failed: ([^(]+)", str(error))
        return (
            f"its certificate is not accepted, {why[1].strip(' .') if why else 'TLS failed'}: is the clock "
            "of this computer right? Behind a proxy, REQUESTS_CA_BUNDLE names the file of its certificates"
        )
    except requests.exceptions.ChunkedEncodingError:
        return "the connection broke off"
    except requests.Timeout:
        return "no answer in time"
    except requests.TooManyRedirects:
        return "it redirects in circles"
    except requests.ConnectionError as error:  # a stall within the body arrives as one, too
        return "stalled" if "timed out" in str(error) else "no connection"
    except requests.RequestException as error:
        return type(error).__name__
    got = pooch.file_hash(path)
    return None if got == sha256 else f"wrong content (SHA-256 {got[:12]}..., expected {sha256[:12]}...)"


def _verified(path, sha256):
    got = pooch.file_hash(str(path)) if path.is_file() else "none, it is no file"
    if got != sha256:
        raise ValueError(
            f"{path} is not the file expected: its SHA-256 is {got}, expected {sha256}. Move it away "
            "and it will be downloaded; or, if it is a newer issue that you trust, unpack it "
            "yourself (see data/README.md)"
        )
    return path


def _unavailable(target, urls, reasons):
    why = "; ".join(reasons)
    return DataUnavailable(
        f"{target.name} could not be had ({why}). Download it in a browser from "
        f"{' or '.join(urls) or 'its publisher'} and put it at {target}, or let the environment "
        "variable RBM_DATA name a folder that has it",
        why,
    )


def safe_extract(archive, folder, members):
    """Unpack `members` (names inside the zip) into `folder`, each under its last name. Returns the folder.

    The folder gets its name only when it is complete; one that exists already is filled file by file, and
    files of other names in it stay. Raises ValueError for an archive that is cut or damaged, lacks a
    member or has it twice, holds an absolute name, a `..`, a link or what is encrypted, or that would be
    more than a gigabyte unpacked.
    """
    archive, folder = Path(archive), Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep(folder.parent, folder.name)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        with zipfile.ZipFile(archive) as source:
            for entry in source.infolist():
                _refuse_unsafe(entry, archive)
            names = source.namelist()
            if twice := sorted(member for member in members if names.count(member) > 1):
                raise ValueError(f"{archive} holds {twice} twice: do not trust it; download it afresh")
            if missing := sorted(set(members) - set(names)):
                raise ValueError(
                    f"{archive} has no {missing}: it is not the archive expected; download it afresh"
                )
            if (size := sum(source.getinfo(member).file_size for member in members)) > _MOST:
                raise ValueError(f"{archive} would be {size:,} bytes unpacked, expected at most {_MOST:,}")
            for member in members:
                with source.open(member) as read, open(temporary / PurePosixPath(member).name, "wb") as write:
                    shutil.copyfileobj(read, write)
        temporary.chmod(0o755)  # mkdtemp makes folders that only their owner may enter
        try:
            os.rename(temporary, folder)
        except OSError:  # it exists and is not empty, perhaps because another process was faster
            if not folder.is_dir():
                raise
            for file in temporary.iterdir():
                os.replace(file, folder / file.name)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, UnicodeDecodeError, zlib.error) as error:
        raise ValueError(
            f"{archive} is cut or damaged ({error!s:.200}): move it away and download it afresh"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _refuse_unsafe(entry, archive):
    name = entry.filename.replace("\\", "/")
    if name.startswith("/") or ":" in name.split("/")[0] or ".." in name.split("/"):
        raise ValueError(
            f"{archive} holds the name {entry.filename!r:.200}, which leads out of its folder: "
            "do not trust it"
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ValueError(f"{archive} holds a link, {entry.filename!r:.200}: do not trust it")
    if entry.flag_bits & 1:
        raise ValueError(f"{archive} holds {entry.filename!r:.200} encrypted: download it afresh")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or entry.header_offset < 0:
        raise zipfile.BadZipFile(f"{entry.filename!r:.200} is packed in no way known")
