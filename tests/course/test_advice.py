"""The advice to a person whose answer stops, or leaves out what it is given."""

import pytest
import torch

from rbm_lib.course.advice import (
    RETURNS_NONE,
    does_something,
    explain_error,
    shapes_of,
    unused_arguments,
)

outside = torch.ones(3)


def energy(v, b):
    return -(v @ b)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda v, b: v.sum(), "Your function never uses b."),
        (lambda v, b: v @ outside, "Your function never uses b. It uses outside from"),
        (lambda v, b: torch.ones(3) @ outside, "never uses v, b. It uses outside from"),
    ],
)
def test_arguments_that_are_not_used_are_named(answer, text):
    assert text in unused_arguments(answer, energy)


@pytest.mark.parametrize(
    "answer",
    [
        lambda v, b: sum(x * y for x, y in zip(v, b, strict=True)),
        lambda v, b: (lambda x: x @ b)(v),
        lambda v, b: eval("v @ b", locals()),
        lambda *both: both[0],
        torch.dot,
        ...,
    ],
)
def test_nothing_is_said_of_used_or_unknown_arguments(answer):
    assert unused_arguments(answer, energy) == ""


def test_what_the_right_answer_leaves_out_may_be_left_out():
    assert unused_arguments(lambda v, b: v.sum(), lambda v, b: 2 * v.sum()) == ""


def empty(v, b):
    pass


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda v, b: v[0], True),
        (lambda v: outside, True),
        (lambda v, b: None, False),
        (empty, False),
        (torch.dot, False),
    ],
)
def test_a_function_with_nothing_in_it_is_told_from_one_that_does_something(
    function, expected
):
    assert does_something(function) == expected


@pytest.mark.parametrize(
    ("error", "unused", "text"),
    [
        (NotImplementedError(), "It never uses b.", "not done yet."),
        (NotImplementedError(RETURNS_NONE), "", "not done yet: it returns None."),
        (ValueError("bad"), "", "your code stops with ValueError: bad."),
        (RuntimeError("sizes differ: shape"), "", "The shapes are v (3,), b (3,)."),
        (RuntimeError("Boolean value is ambiguous"), "", "where, minimum or maximum"),
        (NotImplementedError("not for 'Bool'"), "", "write (u < p).to(p.dtype)"),
        (ValueError("only one element tensors can"), "", "write x.sqrt()"),
        (RuntimeError("another dtype"), "", "Bring both to one type"),
        (RuntimeError("the `-` operator, with a bool tensor"), "", "take no minus"),
        (RuntimeError("where expected condition to be a bool"), "", "swap two arguments"),
        (TypeError("unsupported operand type(s) for ^: 'float' and 'int'"), "", "x**t"),
        (NotImplementedError('"bitwise_xor_cpu" not for Float'), "", "x**t"),
        (RuntimeError("expected scalar type Int but found Float"), "", ".float() in"),
        (RuntimeError("to have the same dtype, but got: float != int"), "", ".float() in"),
        (KeyError("One"), "", "KeyError: 'One'. This key is not there"),
        (KeyError("[99] not in index"), "", ".reindex(keys, fill_value=0)"),
        (ValueError("The weights and list don't have the same length."), "", "same rows"),
        (ValueError("boolean array indexing assignment cannot"), "", "sides of ="),
        (TypeError("it must be Tensor, not numpy.ndarray"), "", "use np in place of"),
        (RuntimeError("stack expects each tensor to be equal size"), "", "wrong axis"),
        (ValueError("word " * 50), "", "word …."),
        (RuntimeError("another dtype"), "It never uses b.", "dtype. It never uses b."),
    ],
)
def test_an_error_is_explained(error, unused, text):
    shapes = shapes_of(energy, (outside, outside))

    assert text in explain_error(error, shapes, unused)
