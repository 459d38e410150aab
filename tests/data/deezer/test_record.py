"""The record of Deezer's listens."""

import pandas as pd

from rbm_lib.data.deezer.record import Deezer


def test_it_shows_its_origin_and_not_its_tables():
    listens = pd.DataFrame({"media_id": range(100)})
    data = Deezer("dsg17", listens, None, listens, "real", "100 listens")

    assert repr(data) == "Deezer(100 listens)"
    assert data.test_label is None
