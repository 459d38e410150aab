"""Small exports of tracks."""

import csv
import io
from pathlib import Path

from rbm_lib.data.spotify.files import COLUMNS, FILES

FIRST, SECOND = FILES.values()
TRACK = {
    "Track Name": 'Ôde, to "Nobody"', "Artist URI(s)": "spotify:artist:A",
    "Artist Name(s)": "Nobody", "Album URI": "spotify:album:B", "Album Name": "Nothing",
    "Album Artist URI(s)": "", "Album Artist Name(s)": "Nobody",
    "Album Release Date": "1992-08-03", "Album Image URL": "", "Disc Number": "1",
    "Track Number": "3", "Track Duration (ms)": "216270", "Track Preview URL": "",
    "Explicit": "false", "Popularity": "50", "ISRC": "QMARG1760056", "Added By": "",
    "Added At": "", "Artist Genres": "house,pop", "Danceability": "0.617",
    "Energy": "2.03e-05", "Key": "8", "Loudness": "-12.305", "Mode": "1",
    "Speechiness": "0.048", "Acousticness": "0.0158", "Instrumentalness": "0",
    "Liveness": "0.408", "Valence": "0.504",
    "Tempo": "111.458", "Time Signature": "4", "Album Genres": "", "Label": "",
    "Copyrights": "",
}  # fmt: skip


def uri(k: int) -> str:
    return f"spotify:track:{k:022d}"


def track(k: int, **changes) -> dict:
    """An ordinary row, with some values changed; names of columns with _ for a space."""
    changes = {column.replace("_", " "): value for column, value in changes.items()}
    own = {"Track URI": uri(k), "Track Name": f"{TRACK['Track Name']} {k}"}
    return {**own, **{name: TRACK[name] for name in TRACK if name not in own}, **changes}


def to_csv(rows, columns=COLUMNS) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write(root, first=None, second=None) -> Path:
    """Rows, text or bytes into root/spotify."""
    folder = Path(root) / "spotify"
    folder.mkdir(exist_ok=True)
    for file, content in ((FIRST, first), (SECOND, second)):
        if isinstance(content, list):
            content = to_csv(content)
        if isinstance(content, str):
            content = content.encode()
        if content is not None:
            (folder / file).write_bytes(content)
    return folder
