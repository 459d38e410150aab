"""Constructor parameters as scikit-learn's estimators have them, without importing it."""

import inspect
from typing import Any, Self

import pandas as pd

from rbm_lib.checks import (
    plain,
    require_choice,
    require_flag,
    require_number,
    require_whole,
)
from rbm_lib.recommend.settings import Settings


class Parameters:
    """An object that is described by the parameters of its constructor."""

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Names of the constructor's parameters."""
        return list(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's parameters; `clone` of scikit-learn asks for them."""
        return {name: getattr(self, name) for name in self.parameter_names()}

    def set_params(self, **parameters: Any) -> Self:
        """Change parameters; they count from the next `fit` on."""
        for name, value in parameters.items():
            require_choice("parameter", name, self.parameter_names())
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = [
            f"{name}={shown(value)}"
            for name, value in self.get_params().items()
            if name == "task" or shown(value) != shown(defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"


def shown(value: Any) -> str:
    """A parameter as `repr` shows it, a table by its size."""
    if isinstance(value, pd.DataFrame):
        return f"<{len(value)} x {len(value.columns)} table>"
    return repr(plain(value))


def given_settings(parameters: dict[str, Any]) -> Settings:
    """The settings of a training among the parameters, checked; those left out are None."""
    given: Settings = {}
    for name in ("n_hidden", "epochs", "batch_size"):
        if parameters[name] is not None:
            given[name] = require_whole(name, parameters[name])
    for name in ("lr", "weight_decay"):
        if parameters[name] is not None:
            given[name] = require_number(name, parameters[name])
    return given


def training_options(parameters: dict[str, Any], progress: Any) -> dict[str, Any]:
    """What else a training needs, checked."""
    return {
        "validation": require_number("validation", parameters["validation"], most=0.5),
        "seed": require_whole("seed", parameters["seed"], least=0),
        "device": parameters["device"],
        "progress": require_flag("progress", progress),
    }
