"""Bad input, and what a function may do with it: what test_bad_input.py and test_bad_input_data.py share.

A call is a function with good arguments; each argument has a kind, and each kind its harms: other containers,
types and layouts of the same numbers, and values that no caller means. Of a harm a function makes either an
error that names the argument, what was given and what is expected, or an answer: without NaN, the same where
the numbers are the same. What the caller passed in stays as it was.
"""

import copy
import importlib
import inspect
import re
from collections import Counter
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rbm_lib.data.ratings import RatingMatrix
from rbm_lib.training.fit import TrainingDiverged
from tests.support import TIMES, seeded

GIVEN = re.compile(r"\b(got|fit|given|has|holds|is|are|unknown|have|was|differ|exists)\b")
WANTED = re.compile(
    r"\b(expected|try|pass|leave|give|needs|make|use|build|only|hold|count|say|takes?|mend|keep|mark)\b",
    re.I,
)
ended = Counter()  # how the examples ended


class Harm(NamedTuple):
    """must: "answer" (that of the good argument), "error", "either" (no NaN), or "nan": it may go through."""

    name: str
    make: Any
    must: str


@dataclass
class Call:
    """name: below rbm_lib; good(kind, masked): keyword arguments; kinds: {argument: kind of it}.

    says: other names that messages may give an argument. changes: arguments that the function is there to
    change. infinite: a result may hold −inf or inf; empty: NaN where there is nothing to take a mean of.
    """

    name: str
    good: Any
    kinds: dict
    says: dict = None
    changes: tuple = ()
    infinite: bool = False
    nan: bool = False
    units: tuple = ("bernoulli", "categorical", "gaussian")

    def run(self, arguments):
        arguments = {k: seeded(v.seed) if isinstance(v, Seed) else v for k, v in arguments.items()}
        return resolve(self.name)(**arguments)


class Seed(NamedTuple):
    """A generator of this seed, made anew for each run."""

    seed: int


def resolve(name):
    """The function of that dotted name below rbm_lib."""
    parts = name.split(".")
    module = 2 if parts[0] == "data" else 1
    found = importlib.import_module("rbm_lib." + ".".join(parts[:module]))
    for part in parts[module:]:
        found = getattr(found, part)
    return found


# ---- harms ------------------------------------------------------------------------------------------------


def always(value):
    return lambda good, where: value


def cell(value):
    """One number of an array replaced."""

    def harm(good, where):
        harmed = good.double() if isinstance(good, Tensor) else np.array(good, dtype=float)
        harmed = harmed.clone() if isinstance(good, Tensor) else harmed
        first = harmed[0] if harmed.ndim > 1 else harmed  # row 0, of which nothing is missing
        first[np.unravel_index(where % int(np.prod(first.shape)), tuple(first.shape))] = value
        return harmed

    return harm


def array(good):
    return good.detach().numpy().copy() if isinstance(good, Tensor) else np.array(good)


def read_only(good, _):
    values = array(good)
    values.flags.writeable = False
    return values


def spaced(values):
    """The same numbers, with gaps between them in memory."""
    wide = np.zeros((*values.shape[:-1], 2 * values.shape[-1]), values.dtype)
    wide[..., ::2] = values
    return wide[..., ::2]


def lossless(kind):
    """`good` in another type where that type can hold its numbers, else in its own."""

    def harm(good, _):
        tensor = torch.as_tensor(array(good))
        other = tensor.to(kind)
        return other if torch.equal(other.to(tensor.dtype), tensor) else tensor

    return harm


TENSORS = [
    Harm("float16", lossless(torch.float16), "answer"),
    Harm("float64", lossless(torch.float64), "answer"),
    Harm("int64", lossless(torch.int64), "answer"),
    Harm("uint8", lossless(torch.uint8), "answer"),
    Harm("bool", lossless(torch.bool), "answer"),
    Harm("non-contiguous tensor", lambda g, _: torch.from_numpy(spaced(array(g))), "answer"),
    Harm(
        "tensor that requires grad",
        lambda g, _: torch.as_tensor(array(g)).double().requires_grad_(),
        "answer",
    ),
]
CONTAINERS = [
    Harm("array", lambda g, _: array(g), "answer"),
    Harm("read-only array", read_only, "answer"),
    Harm("Fortran array", lambda g, _: np.asfortranarray(array(g)), "answer"),
    Harm("non-contiguous array", lambda g, _: spaced(array(g)), "answer"),
    Harm("list", lambda g, _: array(g).tolist(), "answer"),
    Harm("array of objects", lambda g, _: array(g).astype(object), "answer"),
]
FRAME = Harm("DataFrame", lambda g, _: pd.DataFrame(array(g)) if g.ndim == 2 else g, "answer")
OTHERS = [
    Harm("text", always("nonsense"), "error"),
    Harm("dict", always({"a": 1}), "error"),
    Harm("array of strings", lambda g, _: np.full(g.shape, "a"), "error"),
    Harm("complex", lambda g, _: torch.as_tensor(array(g)).to(torch.complex64), "error"),
    Harm("complex array", lambda g, _: array(g).astype(complex), "error"),
    Harm("sparse tensor", lambda g, _: torch.as_tensor(array(g)).to_sparse(), "error"),
    Harm("on another device", lambda g, _: torch.as_tensor(array(g)).to("meta"), "error"),
]
SHAPES = [
    Harm("scalar", always(torch.tensor(1.0)), "error"),
    Harm("one axis less", lambda g, _: g[0], "error"),
    Harm("one axis more", lambda g, _: g[None], "error"),
    Harm("one column less", lambda g, _: g[..., :-1], "error"),
    Harm("one column more", lambda g, _: torch.cat([torch.as_tensor(g)] * 2, -1), "error"),
    Harm("empty", always(torch.zeros(0)), "error"),
]
MASK_SHAPES = [SHAPES[0], *SHAPES[2:]]  # one row less is a mask of all rows
OFFSET_SHAPES = [*SHAPES[3:], Harm("axes in front", lambda g, _: g[None, None], "error")]
NOTHING = Harm("None", always(None), "error")


def numbers(must, huge="either"):
    values = [(v, must) for v in (np.nan, np.inf, -np.inf)] + [(1e30, huge), (-1e300, huge), (-1, "either")]
    return [Harm(f"{value:g} in one cell", cell(value), m) for value, m in values]


def looser(harms, must="either"):
    return [harm._replace(must=must) for harm in harms]


WRONG_COUNTS = [-1, 1.5, float("nan"), float("inf"), "3", None, [1], torch.tensor([1, 2]), 1j]
COUNTS = [Harm(f"{value!r}", always(value), "error") for value in WRONG_COUNTS] + [
    Harm("NumPy integer", lambda g, _: np.int64(g), "answer"),
    Harm("float", lambda g, _: float(g), "answer"),
    Harm("True", always(True), "either"),
]
WRONG_NUMBERS = [float("nan"), float("inf"), -1.0, "a", None, [1.0], 1j]
NUMBERS = [Harm(f"{value!r}", always(value), "error") for value in WRONG_NUMBERS] + [
    Harm("NumPy number", lambda g, _: np.float64(g), "answer"),
    Harm("0", always(0), "either"),
    Harm("1e30", always(1e30), "either"),
]
GENERATORS = [Harm(f"{v!r}", always(v), "error") for v in (0, "seed", np.random.default_rng(0))]


def ratings_of(levels, mask, n_levels):
    users, items = np.nonzero(mask)
    catalogue = {"user_ids": range(mask.shape[0]), "item_ids": range(mask.shape[1])}
    return RatingMatrix(users, items, levels[mask], n_levels=n_levels, **catalogue)


def only(ratings, chosen):
    """The RatingMatrix of the cells where `chosen`, (n_users, n_items), holds."""
    dense, mask = (t.numpy() for t in ratings.batch(slice(None)))
    return ratings_of(dense.astype(int), mask & chosen(mask), ratings.n_levels)


NO_RATINGS = [
    Harm(f"{type(value).__name__} for a RatingMatrix", always(value), "error")
    for value in (None, "text", 3, [[0, 1]], np.eye(3), pd.DataFrame({"a": [1]}), torch.eye(3), {"a": 1})
]
FEW_RATINGS = [
    Harm("no rating", lambda g, _: only(g, np.zeros_like), "either"),
    Harm(
        "one rating",
        lambda g, _: only(g, lambda m: np.arange(m.size).reshape(m.shape) == m.argmax()),
        "either",
    ),
    Harm("a user without ratings", lambda g, _: only(g, lambda m: np.arange(len(m))[:, None] != 0), "either"),
    Harm("an item without ratings", lambda g, _: only(g, lambda m: np.arange(m.shape[1]) != 0), "either"),
    Harm("one user", lambda g, _: g.rows([0]), "either"),
    Harm("no user", lambda g, _: g.rows([]), "either"),
]
CELLS = [  # boolean cells of users × items
    Harm("tensor", lambda g, _: torch.as_tensor(g), "answer"),
    Harm("read-only array", read_only, "answer"),
    Harm("Fortran array", lambda g, _: np.asfortranarray(g), "answer"),
    Harm("CSR", lambda g, _: scipy.sparse.csr_array(array(g)), "answer"),
    Harm("COO", lambda g, _: scipy.sparse.coo_array(array(g)), "answer"),
    Harm("DataFrame", lambda g, _: pd.DataFrame(array(g)), "answer"),
    Harm("list", lambda g, _: array(g).tolist(), "answer"),
    Harm("integers", lambda g, _: array(g).astype(int), "error"),
    Harm("numbers", lambda g, _: array(g).astype(float), "error"),
    Harm("all", lambda g, _: np.ones_like(array(g)), "either"),
    Harm("none", lambda g, _: np.zeros_like(array(g)), "either"),
    *SHAPES, *OTHERS, NOTHING,
]  # fmt: skip
MASK_TYPES = [
    Harm("integers", lambda g, _: g.long(), "error"),
    Harm("numbers", lambda g, _: g.double(), "error"),
    Harm("all missing", lambda g, _: torch.zeros_like(g), "either"),
    Harm("non-contiguous tensor", lambda g, _: torch.from_numpy(spaced(array(g))), "answer"),
]
COLUMN = [  # (n,) numbers
    *CONTAINERS, *TENSORS, *OTHERS, NOTHING, *numbers("error"),
    Harm("Series", lambda g, _: pd.Series(array(g)), "answer"),
    Harm("one less", lambda g, _: g[1:], "error"),
    Harm("two axes", lambda g, _: g[:, None], "error"),
    Harm("scalar", always(0.5), "error"),
    Harm("empty", always(np.zeros(0)), "error"),
]  # fmt: skip


def changed(frame, where, value):
    """A frame with another value in one cell, or with None a missing one."""
    frame = frame.astype(object)
    frame.iat[where % len(frame), where % frame.shape[1]] = np.nan if value is None else value
    return frame if isinstance(value, str) else frame.infer_objects()


def frame_read_only(frame, _):
    values = {name: frame[name].to_numpy().copy() for name in frame}
    for column in values.values():
        column.flags.writeable = False
    return pd.DataFrame(values, index=frame.index, copy=False)


LESS_FRAME = [*CONTAINERS, FRAME]


def part(i, harm):
    """A harm of one of several tensors."""
    return harm._replace(make=lambda g, w: [harm.make(x, w) if j == i else x for j, x in enumerate(g)])


def one_of(harms):
    return [
        *(part(0, harm) for harm in harms), Harm("one less", lambda g, _: g[1:], "error"),
        Harm("tensor for a list", lambda g, _: g[0], "error"), Harm("text", always("a"), "error"),
        Harm("None", always(None), "error"), Harm("empty list", always([]), "error"),
    ]  # fmt: skip


def wrong(*values):
    return [Harm(f"{value!r}", always(value), "error") for value in values]


LISTENS = [
    *wrong(None, "text", 3, [1, 2], np.eye(3), {"a": 1}),
    Harm("empty frame", lambda g, _: g.iloc[:0], "either"),
    Harm("one row", lambda g, _: g.iloc[:1], "either"),
    Harm("other index", lambda g, _: g.set_axis([f"row {i % 3}" for i in range(len(g))]), "answer"),
    Harm("a column less", lambda g, w: g.drop(columns=[g.columns[w % g.shape[1]]]), "either"),
    Harm("a missing value", lambda g, w: changed(g, w, None), "either"),
    Harm("an infinite value", lambda g, w: changed(g, w, np.inf), "either"),
    Harm("a huge value", lambda g, w: changed(g, w, 1e30), "either"),
    Harm("a text value", lambda g, w: changed(g, w, "x"), "either"),
    Harm("all missing", lambda g, _: g.map(lambda _: None), "either"),
    Harm("nullable columns", lambda g, _: g.convert_dtypes(), "answer"),
    Harm("columns of objects", lambda g, _: g.astype(object), "either"),
    Harm("read-only columns", frame_read_only, "answer"),
]  # fmt: skip
ARRAY_OF_TENSORS = [*TENSORS, *looser(LESS_FRAME), *OTHERS, *SHAPES, *numbers("nan", "nan")]
FORMS = "one less, two axes, scalar, empty, Series, sparse tensor, on another device, text, None".split(", ")
WRONG_COLUMN = [harm for harm in COLUMN if harm.name in FORMS]
HARMS = {
    # what goes through `inputs.Rows`: any container
    "rows": [*TENSORS, *LESS_FRAME, *OTHERS, *SHAPES, *numbers("error"), NOTHING],
    "mask": [*LESS_FRAME[:-2], FRAME, *MASK_TYPES, *OTHERS, *MASK_SHAPES],
    "one mask": [*LESS_FRAME[:-2], *MASK_TYPES, *OTHERS, SHAPES[0], *SHAPES[3:]],
    "offset": [*TENSORS, *CONTAINERS, *OTHERS, *OFFSET_SHAPES, *numbers("error")],
    # what goes to a machine as it is: tensors
    "tensor": [*ARRAY_OF_TENSORS, NOTHING],
    "list of probabilities": one_of(
        [*TENSORS, *looser(LESS_FRAME), *OTHERS, *SHAPES[:2], *numbers("error", "error"), NOTHING]
    ),
    "hidden": one_of(ARRAY_OF_TENSORS),
    "list of rows": one_of([*TENSORS, *looser(LESS_FRAME), *OTHERS, *SHAPES, *numbers("error"), NOTHING]),
    "probabilities": [*TENSORS, *looser(LESS_FRAME), *OTHERS[:4], *SHAPES[:2], *numbers("error"), NOTHING],
    "betas": [
        *looser(TENSORS[:2]),
        *wrong(None, "a", [0, 1], [1, 0.5, 1], [0, float("nan"), 1], [0, 0.5, 2], 1.0),
    ],
    "sizes": wrong(
        None, "abc", 4, [4], [4, 0, 2], [4, 2.5, 2], [4, float("nan"), 2], {"a": 1}, [[4, 3], 2, 2]
    ),
    "machine": wrong(None, "a", 3, torch.zeros(2, 2), nn.Linear(2, 2)),
    "seed": wrong("a", 1.5, [1], float("nan")),
    "checked tensor": [*TENSORS, *looser(LESS_FRAME), *OTHERS, *SHAPES, *numbers("error"), NOTHING],
    "tensor mask": [*looser(LESS_FRAME), *MASK_TYPES, *OTHERS, *MASK_SHAPES],
    "tensor offset": [*TENSORS, *looser(CONTAINERS), *OTHERS, *OFFSET_SHAPES, *numbers("nan", "nan")],
    "matrix": [*TENSORS, *LESS_FRAME, *OTHERS, *SHAPES, *numbers("error"), NOTHING],
    "count": [*COUNTS, Harm("0", always(0), "error")],
    "count from 0": COUNTS,
    "days": [*(h for h in COUNTS if h.name != "float"), Harm("0", always(0), "error")],
    "number": NUMBERS,
    "generator": GENERATORS,
    "device": [Harm(f"{v!r}", always(v), "error") for v in ("nonsense", 1.5, [])],
    "choice": [Harm(f"{v!r}", always(v), "error") for v in ("nonsense", None, 3, [])],
    "ratings": [*NO_RATINGS, *FEW_RATINGS],
    "cells": CELLS,
    "likes": [*NO_RATINGS, *FEW_RATINGS],
    "listens": LISTENS,
    "level": [
        *wrong(0, 99, -1, 1.5, float("nan"), "a", [1], None),
        Harm("float", lambda g, _: float(g), "either"),
    ],
    "index": [
        *wrong(-1, 99, 1.5, float("nan"), None, "a", [1, 2]),
        Harm("True", always(True), "either"),
        Harm("NumPy integer", lambda g, _: np.int64(g), "answer"),
    ],
    "fraction": [*NUMBERS[:7], *wrong(1.5)],
    "share": [*NUMBERS[:7], *wrong(0, 1, 1.5)],
    "flags": [TENSORS[-2], *CONTAINERS[:-1], *OTHERS, *SHAPES[:1], SHAPES[3], SHAPES[5], NOTHING],
    "ids": [
        *CONTAINERS[:5],
        *wrong(None, "text", 3, [[1, 2]], [1, 1], {"a": 1}, [None], [float("nan")]),
        Harm("Series", lambda g, _: pd.Series(array(g)), "answer"),
        Harm("tensor", lambda g, _: torch.as_tensor(array(g)), "answer"),
    ],
    "rows of ratings": [
        *CONTAINERS[:5],
        *wrong(99, -99, 1.5, "a", None, [[0, 1]], [0.5], [float("nan")], ["a"], [True]),
    ],
    "labels": COLUMN,
    "labels of any kind": [
        *TENSORS[:6],
        *CONTAINERS[:5],
        *WRONG_COLUMN,
    ],
    "folds": [
        *TENSORS[:6],
        *CONTAINERS[:5],
        Harm("NaN", cell(np.nan), "error"),
        *WRONG_COLUMN,
    ],
    "scores": [
        *TENSORS,
        *LESS_FRAME,
        *OTHERS,
        *SHAPES,
        Harm("NaN", cell(np.nan), "error"),
        Harm("inf", cell(np.inf), "either"),
        Harm("-inf", cell(-np.inf), "either"),
        Harm("1e30", cell(1e30), "either"),
        NOTHING,
    ],
    "cells of any shape": [h for h in CELLS if h not in SHAPES],
    "offset of embeddings": [*looser(TENSORS), *looser(CONTAINERS), *OTHERS, *SHAPES[2:], *numbers("error")],
    "songs": [
        *TENSORS[2:3],
        *TENSORS[5:6],
        *CONTAINERS[:5],
        *OTHERS,
        *numbers("error", "error"),
        Harm("empty", always([]), "error"),
        Harm("99", always(99), "error"),
        Harm("one number", always(3), "either"),
        Harm("None", always(None), "error"),
    ],
    "matrix of any width": [
        *TENSORS,
        *LESS_FRAME,
        *OTHERS,
        *SHAPES[:3],
        SHAPES[5],
        *numbers("error"),
        NOTHING,
    ],
    "matrix of any size": [*TENSORS, *LESS_FRAME, *OTHERS, *SHAPES[:3], *numbers("error"), NOTHING],
    "table": [*LESS_FRAME, NOTHING, *OTHERS[:2], Harm("one less", lambda g, _: g[1:], "error")],
    "column's name": [Harm(f"{v!r}", always(v), "error") for v in ("nonsense", None, 3, [])],
    "groups": [
        *TENSORS[:6],
        *CONTAINERS,
        NOTHING,
        Harm("text groups", lambda g, _: g.astype(str), "answer"),
        *OTHERS[:2],
        *numbers("either"),
        *(h for h in COLUMN if h.name in ("one less", "two axes", "scalar", "empty", "Series")),
    ],
    "id column": [
        *TENSORS[2:4],
        *CONTAINERS[:5],
        NOTHING,
        Harm("text ids", lambda g, _: g.astype(str), "answer"),
        *OTHERS[:2],
        *numbers("either"),
        Harm("NaN", cell(np.nan), "error"),
        Harm("missing", lambda g, _: [None, *g[1:]], "error"),
        *(h for h in COLUMN if h.name in ("one less", "two axes", "scalar", "empty", "Series")),
    ],
    "known ids": [
        *CONTAINERS[:5],
        *wrong(99, "a", None, [None], [float("nan")], [0.5], [[0, 1]], {"a": 1}),
        Harm("none", always([]), "answer"),
    ][:-1],
    "list of matrices": one_of([*TENSORS, *LESS_FRAME, *OTHERS, *SHAPES, *numbers("error"), NOTHING]),
    "weights": wrong(
        None, "a", 1.0, [1.0], ["a", 1], [float("nan"), 1], [None, 1], [1, float("inf")], [1, 1j]
    ),
    "levels of a person": wrong(
        None,
        "a",
        3,
        [1],
        {99: 1},
        {50: float("nan")},
        {50: 99},
        {50: "a"},
        {50: None},
        {50: -1},
        {50: [1, 2]},
    ),
    "counts": [
        *wrong(0, -1, 1.5, float("nan"), float("inf"), "a", None, [], [[1, 2]], [2, 0], [2.5], 1j),
        Harm("array", lambda g, _: np.array([g]), "answer"),
        Harm("float", lambda g, _: float(g), "answer"),
    ],
    "frame": [
        *wrong(None, "a", 3, [1, 2], {"a": 1}),
        Harm("empty frame", lambda g, _: g.iloc[:0], "error"),
        Harm("array", lambda g, _: g.to_numpy(), "error"),
        Harm("a missing value", lambda g, w: changed(g, w, None), "error"),
        Harm("a text value", lambda g, w: changed(g, w, "x"), "error"),
        Harm("an infinite value", lambda g, w: changed(g, w, np.inf), "error"),
    ],
    "scorer": [
        *wrong(None, "a", 3, np.eye(3)),
        Harm("scores of another shape", always(lambda r: np.zeros((2, 2))), "error"),
        Harm("NaN scores", always(lambda r: np.full(r.shape, np.nan)), "error"),
        Harm("no scores", always(lambda r: None), "error"),
        Harm("text scores", always(lambda r: "text"), "error"),
    ],
    "column": COLUMN,
}


def optional(call, name):
    """True for an argument that may be None."""
    parameter = inspect.signature(resolve(call.name)).parameters.get(name)
    return parameter is not None and parameter.default is None


# ---- the property -----------------------------------------------------------------------------------------


def frozen(value):
    """What a value holds, to be compared: bytes of arrays, tensors, frames, machines."""
    if isinstance(value, nn.Module):
        return frozen(dict(value.state_dict()))
    if isinstance(value, Tensor):
        if value.device.type == "meta":
            return None
        value = value.detach().to_dense() if value.is_sparse else value.detach()
        return str(value.dtype), tuple(value.shape), value.cpu().contiguous().numpy().tobytes()
    if isinstance(value, RatingMatrix):
        return value.fingerprint()
    if isinstance(value, pd.DataFrame):
        return list(value), [frozen(value[c].to_numpy()) for c in value], value.index.tolist()
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes() if value.dtype != object else repr(value)
    if scipy.sparse.issparse(value):
        return frozen(value.tocoo().toarray()), value.nnz
    if isinstance(value, dict):
        return {key: frozen(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [frozen(v) for v in value]
    return repr(value)


def arrays(result):
    """Every number of a result, as float64 arrays."""
    if isinstance(result, nn.Module):
        return arrays(list(result.state_dict().values()))
    if isinstance(result, Tensor):
        return [result.detach().cpu().double().numpy()]
    if isinstance(result, RatingMatrix):
        return [result.csr.toarray().astype(float)]
    if isinstance(result, pd.DataFrame):
        result = result.select_dtypes(include=["number", "bool"]).to_numpy(dtype=float)
    if isinstance(result, np.ndarray):
        return [result.astype(float)] if result.dtype.kind in "fiub" else []
    if isinstance(result, dict):
        return [a for v in result.values() for a in arrays(v)]
    if isinstance(result, (list, tuple)):
        return [a for v in result for a in arrays(v)]
    if is_dataclass(result):
        return arrays(vars(result))
    return [np.array(float(result))] if isinstance(result, (int, float, np.number)) else []


def property_of(calls):
    """The test of the property for these calls: a harm drawn, of an argument drawn."""

    @pytest.mark.grows
    @pytest.mark.parametrize("call", calls, ids=lambda call: call.name)
    @settings(max_examples=100 * TIMES)
    @given(data=st.data())
    def right_answer_or_helpful_error(call, data):
        kind, masked = data.draw(st.sampled_from(call.units)), data.draw(st.booleans())
        name = data.draw(st.sampled_from(sorted(call.kinds)))
        harm = data.draw(st.sampled_from(HARMS[call.kinds[name]]))
        check(call, kind, masked, name, harm, data.draw(st.integers(0, 11)))

    return right_answer_or_helpful_error


def check(call, kind, masked, name, harm, where):
    """The property, for one harm of one argument; how it ended is counted."""
    arguments = call.good(kind, masked)
    if arguments[name] is None:
        arguments = call.good(kind, True)
    names = (name, *(call.says or {}).get(name, ()))
    expected = None
    if harm.name == "None" and optional(call, name):
        harm = harm._replace(must="either")
    if harm.must == "answer":
        expected = arrays(call.run(copy.deepcopy(arguments)))
    arguments[name] = harm.make(arguments[name], where)
    before = {key: frozen(value) for key, value in arguments.items()}
    title = f"{call.name}, {kind} units, {name}: {harm.name}"
    try:
        result = call.run(arguments)
    except (ValueError, TypeError, TrainingDiverged) as error:
        text = str(error)
        assert harm.must != "answer", f"{title}: refused: {text}"
        told = any(n in text for n in names) and GIVEN.search(text) and WANTED.search(text)
        assert told, f"{title}: {type(error).__name__} says: {text}"
        ended["errors that name the argument"] += 1
    except BaseException as error:
        raise AssertionError(f"{title}: {type(error).__name__}: {str(error)[:300]}") from error
    else:
        assert harm.must != "error", f"{title}: was taken: {str(result)[:200]}"
        found = arrays(result)
        if harm.must != "nan" and not call.nan:
            for a in found:
                assert not np.isnan(a).any(), f"{title}: NaN"
                assert call.infinite or np.isfinite(a).all(), f"{title}: infinite"
        if expected is not None:
            assert len(found) == len(expected), title
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=title)
        ended["answers"] += 1
    for key, was in before.items():
        if key not in call.changes:
            assert frozen(arguments[key]) == was, f"{title}: {key} was changed"


# ---- the reference ------------------------------------------------------------------------------------

ELSEWHERE = {  # public, but not in a table; course.* and the loaders of data.* have tests of their own
    "plotting": "figures: test_plotting.py",
    "distributed": "several processes: test_distributed.py",
    "checkpoint": "files: test_checkpoint.py",
    "optimization": "parts of `fit`, which checks their arguments: test_optimization.py",
    "gradients": "parts of `fit`, for rows that `inputs.Rows` has checked: test_gradients.py",
    "units": "parts of a machine, for tensors that its methods have checked: test_units.py",
    "machine": "what RBM and DBM inherit: in the table under their names",
    "sampling.one_sweep": "a part of `gibbs`",
    "sampling.start_even": "a part of `gibbs`",
    "annealing.exact_base_log_partition": "a part of the estimates",
    "annealing.AISResult": "a result",
    "dbm.MeanField": "a result",
    "monitoring.History": "a result",
    "monitoring.monitor": "takes rows that `inputs.Rows` has checked",
    "training.TrainingDiverged": "an error",
    "training.choose_device": "a part of `fit`",
    "training.on_device": "a part of `fit`",
    "training.progress_bar": "a part of `fit`",
    "training.refuse_non_finite": "a part of `fit`",
    "training.whole_epochs": "a part of `fit`",
    "listens.write_submission": "writes a file: test_listens.py",
    "data.ratings.RatingMatrix.from_frame": "test_ratings.py",
    "data.ratings.as_array": "a part of RatingMatrix",
    "evaluate.scores_of": "a part of Split",
}
PARTS = {  # methods between the layers, which take what the machine itself has made, or nothing
    "extra_repr", "hidden_units", "odd_units", "even_units", "input_to_odd", "input_to_even", "join", "split",
    "item_counts", "level_counts", "to_frame", "fingerprint",
}  # fmt: skip


def public_names():
    """Every public function, class and method of the reference in docs/api, below rbm_lib."""
    pages = (Path(__file__).parents[1] / "docs" / "api").glob("*.rst")
    pages = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    modules = re.findall(r"autoapimodule:: rbm_lib\.((?!course|data)\S+|data\.ratings)\n", pages)
    for module in modules:
        for name, found in vars(importlib.import_module(f"rbm_lib.{module}")).items():
            if name.startswith("_") or getattr(found, "__module__", "") != f"rbm_lib.{module}":
                continue
            if callable(found):
                yield f"{module}.{name}"
            for method in vars(found) if inspect.isclass(found) else ():
                if not method.startswith("_") and callable(getattr(found, method)):
                    yield f"{module}.{name}.{method}"
