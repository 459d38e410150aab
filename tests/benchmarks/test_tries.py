"""Every row of a table has as many tries as the others."""

from benchmarks.deezer.models import MODELS
from benchmarks.movielens.tries import ranking_models, rating_models
from benchmarks.spotify import likelihood
from benchmarks.spotify.machines import MACHINES
from benchmarks.spotify.recommendations import CANDIDATES


def test_every_row_of_a_table_has_four_tries():
    rating = {name: settings for name, (_, settings) in rating_models().items()}
    ranking = ranking_models()
    del ranking["popularity"]  # has nothing to choose

    of_listens = {name: s for name, s in MODELS.items() if name != "constant"}
    groups = (
        *(likelihood.MIXTURES, MACHINES, CANDIDATES),
        *(rating, ranking, of_listens),
    )

    tries = {len(settings) for group in groups for settings in group.values()}
    assert tries == {4}
