"""What the tests of training share."""

import torch

QUIET = {"progress": False, "device": "cpu"}


def sgd(groups, lr):
    """Plain descent, without momentum."""
    return torch.optim.SGD(groups, lr=lr)


def parameters(model):
    """Copies of the parameters by name."""
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def assert_same_parameters(model, other):
    for (name, p), q in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(p, q), name


def assert_close_parameters(model, other, **tolerance):
    for (name, p), q in zip(model.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(
            p, q, **tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )
