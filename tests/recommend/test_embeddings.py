"""Embeddings, listeners as means of songs, blending, and playlists."""

import math

import pytest
import scipy.sparse
import torch

from rbm_lib import DBM
from rbm_lib.data import RatingMatrix
from rbm_lib.likelihood.exact import exact_samples
from rbm_lib.recommend.embeddings import blend, cosine_scores, embed, playlist, preference
from tests.support import machine, random_rows, seeded


def deep(kind="gaussian", sizes=(3, 4, 2), scale=0.8, seed=0):
    model = DBM(sizes, kind, n_levels=3 if kind == "categorical" else None, weight_std=scale, seed=seed)
    return model.double()


def test_the_embedding_of_an_rbm_is_p_h_given_v_minus_its_mean(kind):
    model = machine(kind)
    v = random_rows(model, 50)
    prob = model.prob_h_given_v(v).detach()
    torch.testing.assert_close(embed(model, v, center=False), prob)
    torch.testing.assert_close(embed(model, v), prob - prob.mean(0))
    torch.testing.assert_close(embed(model, v, center=prob[0]), prob - prob[0])
    torch.testing.assert_close(embed(model, v, batch_size=7), embed(model, v))


def test_the_embedding_of_a_deep_machine_is_its_mean_field():
    model = deep()
    v, _ = exact_samples(model, 40, seeded(0))
    means = model.mean_field(v).means
    torch.testing.assert_close(embed(model, v, center=False), torch.cat(means, 1))
    torch.testing.assert_close(embed(model, v, layer=2, center=False), means[1])
    assert torch.equal(embed(model, v), embed(model, v)), "no draw is involved"
    mask = torch.rand(v.shape, generator=seeded(1)) < 0.6
    torch.testing.assert_close(
        embed(model, v, mask, layer=1, center=False), model.mean_field(v, mask).means[0]
    )
    assert embed(model, v[:0]).shape == (0, 6)


@pytest.mark.parametrize("layer", [0, 3, "top"])
def test_a_layer_that_is_not_there_is_refused(layer):
    model = deep()
    with pytest.raises(ValueError, match="layer: got .* expected None or 1 to 2"):
        embed(model, torch.zeros(2, 3, dtype=torch.float64), layer=layer)


@pytest.mark.parametrize("form", ["array", "sparse", "ratings"])
def test_a_listener_is_the_mean_of_the_songs_heard(form):
    embedding = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-3.0, 1.0]], dtype=torch.float64)
    heard = torch.tensor([[True, True, False], [False, False, False], [False, False, True]])
    given = {
        "array": heard,
        "sparse": scipy.sparse.csr_array(heard.numpy()),
        "ratings": RatingMatrix([0, 0, 2], [0, 1, 2], [1, 0, 1], user_ids=[0, 1, 2], item_ids=[0, 1, 2]),
    }[form]
    listeners = preference(embedding, given)
    assert listeners.tolist() == [[0.5, 1.0], [0.0, 0.0], [-3.0, 1.0]]
    scores = cosine_scores(listeners, embedding)
    a, b = (0.5, 1.0), (0.0, 2.0)
    cosine = (a[0] * b[0] + a[1] * b[1]) / (math.hypot(*a) * math.hypot(*b))
    assert scores[0, 1].item() == pytest.approx(cosine)
    assert scores[1].tolist() == [0, 0, 0]
    assert scores[2, 2].item() == pytest.approx(1)
    with pytest.raises(ValueError, match="heard: got 3 songs, expected 2"):
        preference(embedding[:2], given)


def test_blending_standardises_each_row():
    a = torch.tensor([[1.0, 2.0, 3.0], [10.0, 30.0, 20.0]], dtype=torch.float64)
    b = torch.tensor([[900.0, 100.0, 500.0], [0.1, 0.2, 0.3]], dtype=torch.float64)
    mixed = blend([a, b], [1, 2])
    torch.testing.assert_close(mixed, torch.tensor([[1.0, -2, 1], [-3, 1, 2]], dtype=torch.float64))
    torch.testing.assert_close(blend([100 * a + 7, b], [1, 2]), mixed)
    assert torch.isfinite(blend([torch.ones(1, 3), a[:1]], [1, 1])).all(), "a row without variance"
    for scores, weights in (([a, b], [1]), ([a, b[:1]], [1, 1])):
        with pytest.raises(ValueError, match="scores: got shapes"):
            blend(scores, weights)


def songs(n=400):
    model = deep(sizes=(3, 5, 2), scale=0.5, seed=3)
    return model, exact_samples(model, n, seeded(1))[0]


def test_a_playlist_repeats_nothing_and_keeps_out_what_it_is_told():
    model, v = songs(60)
    exclude = torch.arange(60) % 3 == 0
    lists = playlist(model, v, [0, 7, 7], 30, 1, exclude, seeded(0))
    assert lists.shape == (3, 30)
    for start, songs_taken in zip([0, 7, 7], lists.tolist(), strict=True):
        assert len(set(songs_taken)) == 30 and start not in songs_taken
        assert not exclude[songs_taken].any()
    assert torch.equal(lists, playlist(model, v, torch.tensor([0, 7, 7]), 30, 1, exclude, seeded(0)))
    assert lists[1].tolist() != lists[2].tolist(), "two walks from one song differ"


def test_more_sweeps_forget_more_of_the_song_before():
    """Mean squared distance of neighbours: near 2·variance for independent songs, less after one sweep."""
    model, v = songs()
    start = torch.arange(100)

    def step(sweeps):
        lists = playlist(model, v, start, 5, sweeps, None, seeded(2))
        path = v[torch.cat([start[:, None], lists], 1)]
        return float(((path[:, 1:] - path[:, :-1]) ** 2).sum(-1).mean())

    independent = 2 * float(v.var(0, unbiased=False).sum())
    # 500 steps; the standard error of their mean is about 5 % of it.
    assert step(1) < 0.85 * independent
    assert step(30) == pytest.approx(independent, rel=0.2)


def test_what_is_no_playlist_is_refused():
    model, v = songs(20)
    for start in (20, -1, 0.5, []):
        with pytest.raises(ValueError, match="start: got"):
            playlist(model, v, start)
    with pytest.raises(ValueError, match="length: got 20, but only 19 songs are left"):
        playlist(model, v, 0, 20)
    with pytest.raises(ValueError, match="expected Gaussian"):
        playlist(machine("bernoulli"), torch.zeros(5, 4), 0)
