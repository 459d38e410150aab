"""What can be wrong with an argument: the harms of test_bad_input.py.

A harm makes another value of the good one. The function under test must then

- answer as before ("same"): only the container or the number type is another;
- raise a ValueError or TypeError ("refused"): nobody means such a value;
- do either ("either"): an error, or an answer without NaN.

A kind of argument (rows, a mask, a count) is {name of a harm: (function, what must come)}.
"""

import numpy as np
import pandas as pd
import scipy.sparse
import torch
from torch import as_tensor

from rbm_lib import DBM, DBN, RBM
from rbm_lib.data import RatingMatrix

RATINGS = RatingMatrix([0, 0, 1, 2], [0, 1, 1, 2], [2, 0, 1, 2])
MODELS = [RBM(4, 3, seed=0), DBM([4, 3, 2], seed=0), DBN([4, 3, 2], seed=0)]


def same(**harms):
    return {name: (make, "same") for name, make in harms.items()}


def either(**harms):
    return {name: (make, "either") for name, make in harms.items()}


def refused(*values, **harms):
    """These values in place of the good one, and what these functions make of it."""
    fixed = {f"{value!r:.30}": lambda good, value=value: value for value in values}
    return {name: (make, "refused") for name, make in (fixed | harms).items()}


def array(good):
    return good.numpy().copy() if isinstance(good, torch.Tensor) else np.array(good)


def first(value):
    """A harm: another number in the first cell; in row 0 no cell is missing."""
    return lambda good: np.r_[value, array(good).ravel()[1:]].reshape(np.shape(good))


def first_row(value):
    """A harm: another value in the first row of a table."""
    return lambda good: good.astype(object).apply(lambda c: c.where(c.index > 0, value))


# fmt: off
TYPES = same(
    float16=lambda g: as_tensor(g).half(), float64=lambda g: as_tensor(g).double(),
    integers=lambda g: g if np.any(array(g) % 1) else as_tensor(g).long(),
    requires_grad=lambda g: as_tensor(g).double().requires_grad_(),
)
CONTAINERS = same(
    array=array, list=lambda g: array(g).tolist(),
    fortran=lambda g: np.asfortranarray(array(g)),
    read_only=lambda g: np.broadcast_to(array(g), np.shape(g)),
    with_gaps=lambda g: as_tensor(g).repeat_interleave(2, -1)[..., ::2],
)
NO_NUMBERS = refused(
    "text", "", {"a": 1}, RATINGS, MODELS[0],
    array_of_text=lambda g: np.full(np.shape(g), "a"),
    complex=lambda g: as_tensor(g).to(torch.complex64),
    complex_array=lambda g: array(g).astype(complex),
    masked_array=lambda g: np.ma.masked_array(array(g), np.arange(array(g).size) == 0),
    sparse=lambda g: as_tensor(g).to_sparse(),
    other_device=lambda g: as_tensor(g).to("meta"),
)
COLUMNS = refused(
    empty=lambda g: torch.zeros(0), column_less=lambda g: g[..., :-1],
    column_more=lambda g: torch.cat([as_tensor(g)] * 2, -1),
)
AXES = refused(
    scalar=lambda g: as_tensor(g).flatten()[0],
    axis_less=lambda g: g[0], axis_more=lambda g: g[None],
)
SHAPES = COLUMNS | AXES
LISTS = refused([], one_less=lambda g: g[1:], one_for_all=lambda g: g[0])
NOT_FINITE = refused(nan=first(np.nan), inf=first(np.inf), minus_inf=first(-np.inf))
OUT_OF_RANGE = either(huge=first(1e30), negative=first(-1), fraction=first(0.5))
VALUES = NOT_FINITE | OUT_OF_RANGE
NONE = refused(None)
NOT_BOOLEAN = refused(integers=lambda g: array(g) * 1, floats=lambda g: as_tensor(g) * 1.0)

FORMS = TYPES | CONTAINERS
ROWS = FORMS | NO_NUMBERS | SHAPES | NOT_FINITE | OUT_OF_RANGE | NONE
SCORES = ROWS | either(inf=first(np.inf), minus_inf=first(-np.inf))
MATRIX = FORMS | NO_NUMBERS | AXES | NOT_FINITE | NONE  # of any width
COLUMN = MATRIX | COLUMNS | same(series=pd.Series)
CODES = CONTAINERS | refused("text", "", {"a": 1}, RATINGS) | SHAPES
OFFSET = FORMS | NO_NUMBERS | COLUMNS | NOT_FINITE
MASK = CONTAINERS | NO_NUMBERS | COLUMNS | NOT_BOOLEAN
CELLS = MASK | AXES | same(coo=lambda g: scipy.sparse.coo_array(array(g))) | NONE
IDS = CONTAINERS | refused(None, "text", "", {"a": 1}, [[1, 2]], [99], [None], [np.nan])
PLACES = CONTAINERS | refused(None, "a", "", 99, -99, 1.5, [[0]], ["a"], [np.nan], [True])

NO_NUMBER = refused(None, "3", "", np.nan, np.inf, 1j)
COUNTS = NO_NUMBER | refused(-1, 0, 1.5, []) | same(array=lambda g: np.array([g]))
WEIGHT = NO_NUMBER | refused([1], torch.tensor([1, 2])) | same(numpy=np.float64)
NUMBER = WEIGHT | refused(-1)
COUNT_FROM_0 = NUMBER | refused(1.5) | same(numpy=np.int64)
COUNT = COUNT_FROM_0 | refused(0)
LEVEL = COUNT | refused(99)
THRESHOLD = NUMBER | refused(0, 99)  # of ratings from 0 on
SHARE = NUMBER | refused(0, 1, 1.5)
BETA = NUMBER | refused(1.5)
SIZES = refused(None, "a", "", 4, [], [4], ["a", 3, 2], [4, None], [4, 1.5, 2], [4, 0, 2])
SEED = refused("a", "", 1.5, np.nan, [1], -1)
FLAG = refused(None, "text", "", 3, [], np.nan)
CHOICE = refused("nonsense", "", None, 3, [])
GENERATOR = refused("seed", "", 0, np.random.default_rng(0))
PERSON = refused(None, "a", "", 3, [1], {99: 1}, {2: np.nan}, {2: "a"}, {2: None}, {2: -1})

FEW = either(
    no_user=lambda g: g.rows([]), no_rating=lambda g: g.keep(np.arange(g.n_ratings) < 0),
    one_rating=lambda g: g.keep(np.arange(g.n_ratings) < 1),
)
RATING_MATRIX = FEW | refused(
    None, "text", "", 3, [[0]], np.eye(3), {"a": 1}, MODELS[0], frame=lambda g: g.to_frame()
)
TABLE = refused(None, "text", "", 3, [1, 2], {"a": 1}, np.eye(3)) | either(
    no_row=lambda g: g.iloc[:0], one_row=lambda g: g.iloc[:1],
    column_less=lambda g: g.iloc[:, 1:],
    missing=first_row(None), text=first_row("text"), infinite=first_row(np.inf),
)
RELATIVE = SHAPES | LISTS | FEW | refused(RATINGS)  # another argument may not fit
# fmt: on


def model(*classes):
    """An argument that takes models of these classes only."""
    others = [m for m in MODELS if not isinstance(m, classes)]
    return refused(
        None, "text", "", 3, torch.eye(2), torch.nn.Linear(2, 2), RBM, RATINGS, *others
    )


NOT_A_SCORER = refused(None, "text", 3, np.eye(3), len)


def scorer(given):
    """A recommender, made by `given` of a table of scores."""
    return NOT_A_SCORER | refused(
        given,
        other_shape=lambda g: given(np.zeros((6, 2))),
        nan=lambda g: given(np.full((6, 6), np.nan)),
        text=lambda g: given(np.full((6, 6), "text")),
    )


def elements(kind):
    """A list of arguments of that kind: harms of the first one, and of the list."""
    of_list = {}
    for name, (make, must) in kind.items():
        of_list[name] = (lambda good, make=make: [make(good[0]), *good[1:]], must)
    return of_list | LISTS | refused(None, "text", 3)
