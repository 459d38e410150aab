from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from rbm_lib.course.forms import changed_model, in_form_of, may_be_cause

CASES = [(torch.ones(3, 2),), (torch.zeros(4, 2),)]


def row_sums(v):
    return v.sum(1)


@pytest.mark.parametrize(
    "answer",
    [
        row_sums,
        lambda v: v.double().sum(1),
        lambda v: v.numpy().sum(1),
        lambda v: np.array([float(row.sum()) for row in v], dtype=np.float64),
    ],
)
def test_results_become_tensors_of_the_inputs_type(answer):
    used = in_form_of(row_sums, answer, CASES)

    result = used(torch.full((5, 2), 0.5))

    assert isinstance(result, torch.Tensor) and result.dtype == torch.float32
    assert result.tolist() == [1.0] * 5


@pytest.mark.parametrize(
    "answer", [lambda v: v.sum(1, keepdim=True), lambda v: v.astype(float).sum(1)]
)
def test_an_answer_that_the_lesson_cannot_use_is_none(answer):
    assert in_form_of(row_sums, answer, CASES) is None


def test_booleans_become_numbers_only_where_numbers_are_needed():
    def is_positive(v):
        return v > 0

    def as_number(v):
        return is_positive(v).float()

    assert in_form_of(as_number, is_positive, CASES)(CASES[0][0]).dtype == torch.float32
    assert in_form_of(is_positive, is_positive, CASES)(CASES[0][0]).dtype == torch.bool


def test_answers_that_are_no_tensors_stay_as_they_are():
    def count(v):
        return len(v)

    assert in_form_of(count, count, CASES) is count


def test_the_type_is_that_of_a_tensor_inside_a_model():
    class Model:
        def __init__(self):
            self.W = torch.ones(2, 2)

    def total(model):
        return model.W.sum()

    used = in_form_of(total, lambda model: model.W.double().sum().numpy(), [(Model(),)])

    assert used(Model()).dtype == torch.float32


@dataclass
class Parameters:
    W: torch.Tensor = field(default_factory=lambda: torch.ones(2, 2))


def test_a_model_that_only_the_answer_changes_is_named():
    def step(model):
        return 2 * model.W

    def impatient(model):
        model.W += model.W
        return model.W

    cases = [(Parameters(),)]
    assert changed_model(impatient, step, cases) == "model"
    assert changed_model(step, step, cases) == ""
    assert changed_model(impatient, impatient, cases) == ""


def test_an_answer_that_changes_the_parameters_themselves_is_named():
    def product(v, W):
        return v @ W

    def impatient(v, W):
        result = v @ W
        W += 1
        v += 1
        return result

    cases = [(torch.ones(3, 2), torch.ones(2, 2))]

    assert changed_model(impatient, product, cases) == "W"


def test_a_batch_may_be_changed_unless_the_exercise_keeps_it():
    def negated_in_place(v):
        v *= -1
        return -v.sum(1)

    assert changed_model(negated_in_place, row_sums, CASES) == ""
    assert changed_model(negated_in_place, row_sums, CASES, keeps=("v",)) == "v"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TypeError("no astype"), True),
        (RuntimeError("Subtraction with a bool tensor is not supported."), False),
        (NotImplementedError(), False),
        (ValueError("other"), False),
    ],
)
def test_only_errors_of_the_form_lead_to_another_form(error, expected):
    assert may_be_cause(error) == expected
