"""The songs of the exercise on an archetype: some lie on the edges of its conditions."""

from rbm_lib.course.edge_songs import edge_songs


def test_the_pool_has_its_size_and_seven_songs_on_an_edge():
    tracks = edge_songs(0, n_pool=112)
    slow, easy = tracks["tempo"] <= 100, tracks["danceability"] >= 0.8
    on_an_edge = (tracks["tempo"] == 100) | (tracks["danceability"] == 0.8)

    assert len(tracks) == 262
    assert (slow & easy).sum() == 112
    assert (slow & easy & on_an_edge).sum() == 7
    assert (slow & ~easy).any() and (~slow & easy).any() and (~slow & ~easy).any()
