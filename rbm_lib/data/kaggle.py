"""Files that come from Kaggle, by hand or with kagglehub, or else a stand-in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rbm_lib.data.download import DataUnavailable, data_root, fetch_kaggle


@dataclass(frozen=True)
class KaggleFiles:
    """Where the files of one Kaggle page lie, and how to get them."""

    what: str
    folder: str  # in the data folder
    getter: str  # the function of kagglehub
    handle: str
    files: list[str]
    needed: list[str]  # a download is good if it has one of these
    by_hand: str  # steps, with {place} for the folder

    def load(
        self,
        read: Callable[[Path, str], Any],
        invent: Callable[[], Any],
        root: str | Path | None,
        *,
        download: bool,
        synthetic: bool,
        verbose: bool,
    ) -> Any:
        """Read the files, downloaded if there are none; or invent a stand-in if allowed.

        Both give a dataclass with a field `origin`.
        """
        folder = data_root(root) / self.folder
        lines = []
        try:
            data = read(folder, self._find(folder, download))
        except DataUnavailable as error:
            if not synthetic:
                raise
            data = invent()
            origin = f"{self.what} are not here ({error.reason}): {data.origin}"
            data = replace(data, origin=origin)
            place = f"the folder data/{self.folder} (see data/README.md)"
            lines = [f"For the real ones: {self.by_hand.format(place=place)}."]
        if verbose:
            print(data.origin, *lines, sep="\n")
        return data

    def _find(self, folder: Path, download: bool) -> str:
        """Where the files came from, in words."""
        if any((folder / file).exists() for file in self.files):
            return "files found in the data folder"
        for archive in folder.glob("*.zip"):
            raise ValueError(f"{archive}: got an archive, expected its files. Unpack it.")
        try:
            files = self.files, self.needed
            fetch_kaggle(folder, self.getter, self.handle, *files, download)
        except DataUnavailable as error:
            steps = self.by_hand.format(place=folder)
            message = f"{self.what} could not be had ({error.reason}). By hand: {steps}"
            raise DataUnavailable(message, error.reason) from error
        return "downloaded with kagglehub"
