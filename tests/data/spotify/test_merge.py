"""Two exports become one table without a row too many, and every row is accounted for."""

import pandas as pd
import pytest

from rbm_lib.data.spotify.files import COLUMNS, FILES, check_export
from rbm_lib.data.spotify.merge import merge_exports
from tests.data.spotify.support import track, uri


def merged(first, second=None):
    """Tracks, problems, {reason: rows}; checks that every row is accounted for."""
    exports = {}
    for (label, file), rows in zip(FILES.items(), (first, second), strict=True):
        if rows is not None:
            index = pd.RangeIndex(2, len(rows) + 2, name="line")
            frame = pd.DataFrame(rows, columns=list(COLUMNS), index=index, dtype=str)
            exports[label] = frame, check_export(frame, file)
    tracks, problems, report = merge_exports(exports)
    gone = report[report["action"].isin(["dropped", "merged"])]["rows"].sum()
    assert len(tracks) + gone == len(first) + len(second or [])
    return tracks, problems, dict(zip(report["reason"], report["rows"], strict=True))


def test_a_row_becomes_typed_columns():
    tracks, _, reasons = merged([track(2), track(1, Artist_Genres="")])

    assert tracks["track_uri"].tolist() == [uri(1), uri(2)]  # in the order of the URI
    row = tracks.loc[1].to_dict()
    expected = {
        "track_name": 'Ôde, to "Nobody" 2', "artist_name": "Nobody", "artists": ["Nobody"],
        "album_name": "Nothing", "release_date": "1992-08-03", "release_year": 1992,
        "release_precision": "day", "explicit": False, "isrc": "QMARG1760056",
        "genres": ["house", "pop"], "danceability": 0.617, "energy": 2.03e-05, "key": 8,
        "loudness": -12.305, "popularity": 50, "duration_ms": 216270,
        "in_1960": True, "in_1950": False,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert tracks["genres"][0] == []
    assert reasons == {"no genres": 1}
    whole = ["key", "mode", "time_signature", "popularity", "duration_ms"]
    assert (tracks[whole].dtypes == "int64").all()


def test_rows_are_merged_by_uri_and_never_multiplied():
    same = {"Track_Name": "Twice", "Artist_Genres": "pop,rock,pop"}
    rows = [track(1, **same), track(2, **same), track(2, **same), track(3, Popularity="9")]

    tracks, problems, reasons = merged(
        [*rows, track(3)], [track(1, **same), track(2, **same), track(4)]
    )

    assert tracks["track_uri"].tolist() == [uri(k) for k in (1, 2, 3, 4)]
    assert tracks["popularity"][2] == 9  # of unlike rows of one file the first counts
    assert tracks["genres"][0] == ["pop", "rock"]
    assert reasons == {
        "the whole row stands in the file already": 1,
        "its URI came in an earlier row: that one counts": 1,
        "its URI is in 1960-now too: one track": 2,
        "a genre stands twice in the row: once is enough": 4,
        "track, artist and album of another URI: listings of their own, both stay": 1,
    }
    dropped = problems[problems["action"] == "dropped"]
    assert dropped[["file", "line", "value"]].values.tolist() == [
        [FILES["1960-now"], 4, uri(2)]
    ]


def test_the_first_file_counts_unless_it_has_nothing():
    bare = {"Album_Name": "", "Album_Release_Date": "", "ISRC": "", "Artist_Genres": " , "}
    first = [
        track(1, Popularity="70", Tempo="90"),
        track(2, **bare),
        track(3),
        track(4, Tempo="0"),
    ]
    second = [track(1), track(2, Album_Release_Date="1981"), track(3, **bare), track(4)]

    tracks, _, reasons = merged(first, second)

    assert tracks["popularity"].tolist() == [70, 50, 50, 50]
    assert tracks["release_year"].tolist() == [1992, 1981, 1992, 1992]
    date = ["release_date", "release_precision", "album_name", "isrc"]
    assert tracks.loc[1, date].tolist() == ["1981", "year", "Nothing", "QMARG1760056"]
    assert tracks["genres"].tolist() == [["house", "pop"]] * 4
    assert tracks["in_1960"].tolist() == [True, True, True, False]
    for column in ("album_name", "release_date", "isrc", "genres"):
        assert reasons[f"{column} missing: taken from 1950-now"] == 1
    differs = {reason for reason in reasons if "differs" in reason}
    expected = {
        f"{name} differs: that of 1960-now stays" for name in ("popularity", "tempo")
    }
    assert differs == expected


@pytest.mark.parametrize(
    ("names", "uris", "artists"),
    [
        ("Nobody", "a", ["Nobody"]),
        ("A, B", "a, b", ["A", "B"]),
        ("A,B", "a,b", ["A", "B"]),
        ("Wind\\, Rain & Sons, B", "a, b", ["Wind, Rain & Sons", "B"]),
        ("Wind, Rain", "a", ["Wind, Rain"]),
    ],
)
def test_artists_are_told_apart(names, uris, artists):
    tracks, _, _ = merged([track(1, **{"Artist Name(s)": names, "Artist URI(s)": uris})])

    assert tracks["artists"][0] == artists
    assert tracks["artist_name"][0] == names.replace("\\,", ",")


def test_an_export_without_a_usable_row_is_refused():
    with pytest.raises(ValueError, match=r"no row can be used \(Tempo is 0"):
        merged([track(k, Tempo="0") for k in range(3)])
