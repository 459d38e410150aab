"""The record of Spotify's tracks."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

FEATURES = (
    "danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness",
    "instrumentalness", "liveness", "valence", "tempo", "time_signature", "popularity",
    "duration_ms",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Spotify:
    """A catalogue of tracks.

    Attributes
    ----------
    tracks : DataFrame
        One row per track_uri, in its order: track_uri, track_name, artist_name (all of
        them, joined), artists (list of str), album_name, release_date (text as published;
        of this issue, which may be decades younger than the song), release_year (Int64, may
        be missing), release_precision ("day", "month", "year"), explicit (bool), isrc (may
        be missing), genres (list of str, may be empty), the 14 `FEATURES` (tempo in beats
        per minute, loudness in dB, popularity 0 to 100, the others 0 to 1 or whole
        numbers), in_1960 and in_1950 (bool: which file has it). Names collide, so use the
        URI.
    report : DataFrame
        What was wrong: reason, rows, example (file:line of the first cases), action
        ("dropped", "merged" into another row, "mended", "noted").
    source : str
        "real" or "synthetic".
    origin : str
        The same in one line of text, for outputs and titles of figures.
    problems : DataFrame
        The report case by case: file, line, reason, value, action.
    """

    name: str
    tracks: pd.DataFrame
    report: pd.DataFrame
    source: str
    origin: str
    folder: Path | None = None
    problems: pd.DataFrame | None = None
    raw: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Spotify({self.origin})"

    def exports(self) -> dict[str, pd.DataFrame]:
        """The raw files "1960-now" and "1950-now", or one of them, as text.

        They have all 35 columns, and the line of the file as index.
        """
        return {label: frame.copy() for label, frame in self.raw.items()}
