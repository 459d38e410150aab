"""The forms of inputs that an answer can take, and of the results that a lesson needs."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Collection, Iterable
from copy import deepcopy
from dataclasses import is_dataclass
from typing import Any

import torch

from rbm_lib.course import compare

Answer = Callable[..., Any]


def _reals(dtype: torch.dtype) -> Callable[[Any], Any]:
    def convert(x: Any) -> Any:
        is_real = isinstance(x, torch.Tensor) and x.is_floating_point()
        return x.to(dtype) if is_real else x

    return convert


def _as_numpy(x: Any) -> Any:
    return x.numpy() if isinstance(x, torch.Tensor) else x


# x.float() in an answer does not go with doubles, x.astype(int) not with tensors. Both may
# be right for other forms of the same inputs.
FORMS = (lambda x: x, _reals(torch.float32), _reals(torch.float64), _as_numpy)
ERRORS = (RuntimeError, TypeError, AttributeError)


def may_be_cause(error: BaseException) -> bool:
    """Whether an answer that stops like this may be right for another form of the inputs.

    One that subtracts a mask is not: arrays allow it, and the tensors of a lesson do not.
    """
    if isinstance(error, NotImplementedError) or "with a bool tensor" in str(error):
        return False
    return isinstance(error, ERRORS)


def changed_model(
    answer: Answer, reference: Answer, cases: Iterable[tuple], keeps: Collection[str] = ()
) -> str:
    """The name of a model that the answer changes and the reference does not, or "".

    Arrays W, b and c are parts of a model, and what ``keeps`` names must not be changed
    either. Any other batch may be: many work in place.
    """
    names = inspect.signature(reference).parameters
    for case in cases:
        mine, right = deepcopy(case), deepcopy(case)
        with contextlib.suppress(Exception):  # it may need the inputs in another form
            answer(*mine)
            reference(*right)
            for name, before, x, y in zip(names, case, mine, right, strict=False):
                is_model = is_dataclass(before) or name in ("W", "b", "c", *keeps)
                if is_model and _same(before, y) and not _same(before, x):
                    return name
    return ""


def in_form_of(reference: Answer, answer: Answer, cases: Iterable[tuple]) -> Answer | None:
    """A right answer whose results are the tensors that the reference would return.

    Arrays become tensors, and numbers get the type of the inputs. So do booleans where the
    reference returns numbers. None for an answer whose results have other shapes, or that
    cannot take tensors.
    """
    cases = list(cases)
    results = _parts(reference(*deepcopy(cases[0]))) if cases else ()
    is_bool = any(getattr(x, "dtype", None) == torch.bool for x in results)

    @functools.wraps(answer)
    def converted(*arguments: Any) -> Any:
        dtype = _number_type(arguments)
        return _as_tensors(answer(*arguments), dtype, keep_bool=is_bool)

    for case in cases:
        expected = reference(*deepcopy(case))
        if not all(isinstance(x, torch.Tensor) for x in _parts(expected)):
            return answer
        try:
            got = converted(*deepcopy(case))
            if _form(got) != _form(expected):
                return None
        except Exception:
            return None
    return converted


def _same(model: Any, other: Any) -> bool:
    return compare.same(compare.take_apart(model), compare.take_apart(other), 0)


def _parts(result: Any) -> tuple:
    return tuple(result) if isinstance(result, list | tuple) else (result,)


def _form(result: Any) -> list[tuple]:
    return [(x.shape, x.dtype) for x in _parts(result)]


def _number_type(arguments: tuple) -> torch.dtype:
    """The type of the first tensor of real numbers, also of one inside a model."""
    inner = [y for x in arguments for y in getattr(x, "__dict__", {}).values()]
    tensors = (x for x in (*arguments, *inner) if isinstance(x, torch.Tensor))
    found = (x.dtype for x in tensors if x.is_floating_point())
    return next(found, torch.get_default_dtype())


def _as_tensors(result: Any, dtype: torch.dtype, keep_bool: bool) -> Any:
    if isinstance(result, list | tuple):
        return tuple(_as_tensors(x, dtype, keep_bool) for x in result)
    tensor = torch.as_tensor(result)
    is_number = tensor.is_floating_point() or (tensor.dtype == torch.bool and not keep_bool)
    return tensor.to(dtype) if is_number else tensor
