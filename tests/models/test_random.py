"""Random numbers: at their probabilities, and from the generator alone."""

import pytest
import torch

from rbm_lib.models.random import ShardedGenerator, random_numbers, sample_bernoulli
from tests.support import assert_refused, random_rbm, random_rows, seeded

N = 400_000


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_units_are_on_as_often_as_their_probability_says(dtype):
    """With uniform numbers of half precision 0.001 would come three times too often."""
    p = torch.tensor([0.0, 0.001, 0.3, 1.0], dtype=dtype)

    drawn = sample_bernoulli(p.expand(N, 4), seeded(0))

    assert drawn.dtype == dtype
    p = p.double()
    error = (drawn.double().mean(0) - p).abs()
    assert (error <= 4.5 * torch.sqrt(p * (1 - p) / N)).all()


def test_draws_come_from_the_generator_alone(visible):
    model = random_rbm(visible)
    field = random_rows(model, 5)
    before = torch.random.get_rng_state()

    first = model.visible.sample(field, seeded(5))

    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first, model.visible.sample(field, seeded(5)))
    assert not torch.equal(first, model.visible.sample(field, seeded(6)))


def test_a_process_draws_its_rows_of_what_one_process_draws(visible):
    model = random_rbm(visible)
    field = random_rows(model, 7)
    whole = model.visible.sample(field, seeded(1))

    for rows in (slice(0, 3), slice(3, 7), slice(7, 7)):
        own = model.visible.sample(field[rows], ShardedGenerator(seeded(1), rows, 7))
        torch.testing.assert_close(own, whole[rows])


def test_a_generator_that_does_not_fit_is_named_and_other_errors_stay_what_they_are():
    def fails(*_, **__):
        raise RuntimeError("out of memory")

    like = torch.zeros(2)
    draw = random_numbers
    assert_refused("generator: got str, expected None", draw, fails, (2,), like, "1")
    message = r"generator: got one on cpu.*Generator\('meta'\)"
    assert_refused(message, draw, fails, (2,), like.to("meta"), seeded(0))
    with pytest.raises(RuntimeError, match="out of memory"):
        draw(fails, (2,), like, seeded(0))
