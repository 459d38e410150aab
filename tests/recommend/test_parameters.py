"""Parameters of a constructor as scikit-learn's estimators have them."""

import pandas as pd
import pytest

from rbm_lib.recommend.parameters import Parameters, given_settings, training_options

NONE = dict.fromkeys(["n_hidden", "epochs", "batch_size", "lr", "weight_decay"])


class Model(Parameters):
    def __init__(self, task="rank", depth=1):
        self.task = task
        self.depth = depth


def test_parameters_are_those_of_the_constructor():
    model = Model(depth=3)

    assert model.get_params() == {"task": "rank", "depth": 3}
    assert repr(model.set_params(depth=1)) == "Model(task='rank')"
    with pytest.raises(ValueError, match="parameter: got 'width', expected one of"):
        model.set_params(width=3)


def test_a_table_is_shown_by_its_size():
    table = pd.DataFrame({"x": [1, 2], "y": [3, 4]})

    assert repr(Model(depth=table)) == "Model(task='rank', depth=<2 x 2 table>)"


def test_settings_that_are_left_out_are_not_given():
    assert given_settings(NONE) == {}
    assert given_settings(NONE | {"epochs": 3, "lr": 0}) == {"epochs": 3, "lr": 0.0}
    with pytest.raises(ValueError, match="epochs: got 0"):
        given_settings(NONE | {"epochs": 0})


def test_training_options_are_checked():
    options = {"validation": 0.2, "seed": 0, "device": "cpu"}

    assert training_options(options, False) == options | {"progress": False}
    with pytest.raises(TypeError, match="progress: got 1"):
        training_options(options, 1)
