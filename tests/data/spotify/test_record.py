"""The record of Spotify's tracks."""

import pandas as pd

from rbm_lib.data.spotify.record import FEATURES, Spotify


def test_exports_are_copies_of_the_raw_rows():
    raw = {"1960-now": pd.DataFrame({"Track URI": ["a"]})}
    table = pd.DataFrame(columns=list(FEATURES))
    data = Spotify("top_10000", table, table, "real", "one track", raw=raw)

    copy = data.exports()["1960-now"]
    copy["Track URI"] = ""

    assert data.exports()["1960-now"]["Track URI"].tolist() == ["a"]
    assert repr(data) == "Spotify(one track)"
