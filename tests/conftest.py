"""Settings and fixtures shared by all tests."""

import pytest
import torch
from hypothesis import Phase, settings

from tests.support import DEVICES, DISCRETE, LONG, TIMES, VISIBLE

# The same examples in every run; for `make mutants` without shrinking.
settings.register_profile(
    "fixed", derandomize=True, database=None, deadline=None, max_examples=100 * TIMES
)
settings.register_profile(
    "faults", settings.get_profile("fixed"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("fixed")
torch.set_warn_always(True)  # a warning then appears whatever the order of the tests


def pytest_collection_modifyitems(config, items):
    """Leave the long tests to ``make test-long``, whatever ``-m`` selects."""
    if LONG:
        return
    long = [item for item in items if item.get_closest_marker("long")]
    items[:] = [item for item in items if not item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)


@pytest.fixture(params=DEVICES)
def device(request):
    """Every device present."""
    return torch.device(request.param)


@pytest.fixture(params=VISIBLE)
def visible(request):
    """Every type of visible unit, and mixed ones."""
    return request.param


@pytest.fixture(params=DISCRETE)
def discrete(request):
    """The types whose visible states can be enumerated."""
    return request.param
