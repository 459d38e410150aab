"""Songs as points, listeners as means of songs, blending, and playlists."""

import math

import pytest
import scipy.sparse
import torch

from rbm_lib.data import RatingMatrix
from rbm_lib.recommend.embeddings import blend, cosine_scores, embed, playlist, preference
from tests.support import (
    assert_refused,
    exact_samples,
    random_dbm,
    random_mask,
    random_rbm,
    random_rows,
    seeded,
)

# ---- embed


def test_the_embedding_of_an_rbm_is_p_h_given_v_minus_its_mean(visible):
    model = random_rbm(visible)
    v = random_rows(model, 50)
    p = model.prob_h_given_v(v).detach()

    torch.testing.assert_close(embed(model, v, center=False), p)
    torch.testing.assert_close(embed(model, v), p - p.mean(0))
    torch.testing.assert_close(embed(model, v, center=p[0]), p - p[0])
    torch.testing.assert_close(embed(model, v, batch_size=7), embed(model, v))


def test_the_embedding_of_a_dbm_is_its_mean_field(visible):
    model = random_dbm(visible, (3, 4, 2))
    v = random_rows(model, 40)
    mask = random_mask(40, 3)

    result = embed(model, v, mask, center=False)

    means = model.mean_field(v, mask).means
    torch.testing.assert_close(result, torch.cat(means, 1))
    torch.testing.assert_close(embed(model, v, mask, layer=2, center=False), means[1])
    assert embed(model, v[:0]).shape == (0, 6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 0}, "layer: got 0, expected a whole number of at least 1"),
        ({"layer": 3}, "layer: got 3, expected None or 1 to 2"),
        ({"layer": "top"}, "layer: got 'top', expected a whole number"),
        ({"center": torch.zeros(5)}, "center: got"),
    ],
)
def test_embed_refuses(options, message):
    good = {"model": random_dbm("gaussian", (3, 4, 2)), "v": torch.zeros(2, 3)}

    assert_refused(message, embed, **good | options)


# ---- listeners

SONGS = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-3.0, 1.0]], dtype=torch.float64)
HEARD = torch.tensor([[True, True, False], [False, False, False], [False, False, True]])
IDS = {"user_ids": [0, 1, 2], "item_ids": [0, 1, 2]}


@pytest.mark.parametrize(
    "heard",
    [
        HEARD,
        scipy.sparse.csr_array(HEARD.numpy()),
        RatingMatrix([0, 0, 2], [0, 1, 2], [1, 0, 1], **IDS),
    ],
    ids=["tensor", "sparse", "ratings"],
)
def test_a_listener_is_the_mean_of_the_songs_heard(heard):
    listeners = preference(SONGS, heard)

    assert listeners.tolist() == [[0.5, 1.0], [0.0, 0.0], [-3.0, 1.0]]
    assert_refused("heard: got 3 songs, expected 2", preference, SONGS[:2], heard)


def test_scores_of_listeners_are_cosines():
    listeners = torch.tensor([[0.5, 1.0], [0.0, 0.0], [-3.0, 1.0]]).double()

    scores = cosine_scores(listeners, SONGS)

    cosine = (0.5 * 0.0 + 1.0 * 2.0) / (math.hypot(0.5, 1.0) * math.hypot(0.0, 2.0))
    assert scores[0, 1].item() == pytest.approx(cosine)
    assert scores[1].tolist() == [0, 0, 0]
    assert scores[2, 2].item() == pytest.approx(1)


# ---- blend

A = torch.tensor([[1.0, 2.0, 3.0], [10.0, 30.0, 20.0]], dtype=torch.float64)
B = torch.tensor([[900.0, 100.0, 500.0], [0.1, 0.2, 0.3]], dtype=torch.float64)


def test_blending_standardises_each_row():
    mixed = blend([A, B], [1, 2])

    expected = torch.tensor([[1.0, -2, 1], [-3, 1, 2]], dtype=torch.float64)
    torch.testing.assert_close(mixed, expected)
    torch.testing.assert_close(blend([100 * A + 7, B], [1, 2]), mixed)


def test_a_row_of_equal_scores_adds_nothing():
    mixed = blend([torch.ones(1, 3), A[:1]], [1, 1])

    torch.testing.assert_close(mixed, blend([A[:1]], [1]), check_dtype=False)


@pytest.mark.parametrize(
    ("scores", "weights", "message"),
    [
        ([A, B], [1], "scores: got shapes"),
        ([A, B[:1]], [1, 1], "scores: got shapes"),
        ([A[:, :1]], [1], "scores: got 1 songs"),
        (A, [1, 1], "scores: got Tensor, expected a list"),
    ],
)
def test_blend_refuses(scores, weights, message):
    assert_refused(message, blend, scores, weights)


# ---- playlists


def model_and_songs(n):
    model = random_dbm("gaussian", (3, 5, 2), scale=0.5)
    return model, exact_samples(model, n, 1)[0]


def test_a_playlist_repeats_nothing_and_leaves_out_what_is_excluded():
    model, v = model_and_songs(60)
    exclude = torch.arange(60) % 3 == 0
    start = [0, 7, 7]

    lists = playlist(model, v, start, 30, 1, exclude, seeded(0))

    assert lists.shape == (3, 30)
    for first, songs in zip(start, lists.tolist(), strict=True):
        assert len({first, *songs}) == 31
        assert not exclude[songs].any()
    again = playlist(model, v, torch.tensor(start), 30, 1, exclude, seeded(0))
    assert torch.equal(lists, again)
    assert not torch.equal(lists[1], lists[2])  # two walks from one song


@pytest.mark.slow
def test_with_more_sweeps_a_song_depends_less_on_the_one_before():
    model, v = model_and_songs(400)
    start = torch.arange(100)

    def mean_square_step(sweeps):
        lists = playlist(model, v, start, 5, sweeps, None, seeded(2))
        path = v[torch.cat([start[:, None], lists], 1)]
        return float((path.diff(dim=1) ** 2).sum(-1).mean())

    # Two independent songs are apart by twice the variance. The standard error of the mean
    # of these 500 steps is about 5 %.
    independent = 2 * float(v.var(0, unbiased=False).sum())
    assert mean_square_step(1) < 0.85 * independent
    assert mean_square_step(30) == pytest.approx(independent, rel=0.2)


@pytest.mark.parametrize("start", [20, -1, 0.5, []])
def test_a_playlist_starts_from_a_song(start):
    assert_refused("start: got", playlist, *model_and_songs(20), start)


def test_a_playlist_needs_songs_and_gaussian_units():
    model, v = model_and_songs(20)

    assert_refused("length: got 20, expected at most 19", playlist, model, v, 0, 20)
    assert_refused("exclude: got shape", playlist, model, v, 0, exclude=torch.ones(3) > 0)
    assert_refused(
        "expected Gaussian", playlist, random_rbm("bernoulli"), torch.zeros(5, 4), 0
    )
