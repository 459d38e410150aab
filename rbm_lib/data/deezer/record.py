"""The record of Deezer's listens."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Deezer:
    """Listens, and the first track that Flow then offered to each user.

    Flow is Deezer's endless recommended stream.

    Attributes
    ----------
    train : DataFrame
        One row per listen, whole numbers as published: genre_id, ts_listen (seconds since
        1970, UTC), media_id (the track), album_id, context_type, release_date (YYYYMMDD),
        platform_name, platform_family, media_duration (seconds), listen_type (1: Flow),
        user_gender, user_id (ranked by activity: a leak), artist_id, user_age (years),
        is_listened (1: 30 seconds or more, 0: skipped).
    test : DataFrame or None
        One row per user, sample_id in front, without is_listened.
    flags : DataFrame
        What is odd and was kept: file, reason, rows, share, example (file:line).
    source : str
        "real" or "synthetic".
    origin : str
        The same in one line of text, for outputs and titles of figures.
    test_label : Series or None
        is_listened of `test`, known only of a stand-in.
    truth : DataFrame or None
        The chances from which `train.is_listened` was drawn, known only of a stand-in:
        "chance", and "stable", which leaves out the passing moods of a week and a session.
    """

    name: str
    train: pd.DataFrame
    test: pd.DataFrame | None
    flags: pd.DataFrame
    source: str
    origin: str
    folder: Path | None = None
    test_label: pd.Series | None = None
    truth: pd.DataFrame | None = None

    def __repr__(self) -> str:
        return f"Deezer({self.origin})"
