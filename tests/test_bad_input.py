"""Bad input to every public function: an answer, or an error that helps.

Every public function has a good call, put together from its signature: a name of an
argument means the same in the whole library, so `usual` has a good value and the kind of
each, and `OWN` says where a function differs. One argument at a time is spoilt in every way
that its kind has (see harms.py). Then

- the function answers, with the same numbers if only the container is another, and without
  NaN, or it raises a ValueError or TypeError `name: got X, expected Y. <what to do>`;
- what the caller passed in is as it was before.
"""

import copy
import functools
import importlib
import inspect
import itertools
import pickle
import re
from dataclasses import is_dataclass

import numpy as np
import pandas as pd
import pytest
import torch

from rbm_lib import DBM, DBN, RBM, RatingMatrix, Recommender, TrainingDiverged
from rbm_lib.evaluate import random_split
from rbm_lib.models import SemiRestrictedRBM, TiedDBM, TiedRBM
from rbm_lib.training import TiedCD
from tests import harms, support
from tests.harms import CELLS, CHOICE, COLUMN, COUNT, COUNT_FROM_0, ROWS, elements, refused
from tests.support import DISCRETE, random_mask, seeded

MODULES = ["", *"models sampling likelihood training recommend evaluate baselines".split()]
NOT_HERE = """
AISResult Batch Epoch GibbsInfo History Layer Layers MeanField Scorer TemperingInfo
GradientMethod CheckpointError ProcessLost TrainingDiverged load_model save_model
gibbs_step checked_hidden batch_statistics field_at_visible Recommender from_csr from_csv
from_pairs from_similar Bags set_lateral
""".split()  # values and errors; files and layers, which have tests of their own; parts
TENSORS_ONLY = ("rbm_lib.models", "rbm_lib.training.monitoring")  # or what else they like
N, SIZE = 24, 6  # ratings in a list; users, and items, of a matrix

# ---- good values -------------------------------------------------------------------------


def numbers(*shape):
    """Multiples of 1/8 between 0 and 1, which every float type holds exactly."""
    return torch.randint(0, 9, shape, generator=seeded(sum(shape))).double() / 8


def ratings(n_levels=3):
    users, items = random_mask(SIZE, SIZE, share=0.8).numpy().nonzero()
    ids = {"user_ids": range(SIZE), "item_ids": range(SIZE)}
    return RatingMatrix(users, items, (users + items) % n_levels, n_levels=n_levels, **ids)


class Given:
    """A recommender with scores that look at nothing."""

    def __init__(self, table=None):
        self.table = table

    def fit(self, ratings):
        if self.table is None:
            self.table = np.arange(ratings.n_users * ratings.n_items) % 11 / 11.0
            self.table = self.table.reshape(ratings.shape)
        return self

    def scores(self, rows):
        return np.asarray(self.table)[rows]


rbm = functools.partial(support.random_rbm, n_visible=4, dtype=torch.float32)
dbm = functools.partial(support.random_dbm, sizes=(4, 3, 2), dtype=torch.float32)
dbn = functools.partial(support.random_dbn, sizes=(4, 3, 2), n_classes=2)


@functools.cache
def usual(visible):
    """{name: (good value, kind)}, in models with visible units of this type."""
    v = support.random_rows(rbm(visible), 4).round()
    offset = torch.ones(rbm(visible).visible_bias.shape)
    states = [torch.eye(4)[:, :3], torch.eye(4)[:, :2]]
    held_out = numbers(SIZE, SIZE).numpy() > 0.5
    rank = np.arange(N)
    # fmt: off
    by_names = {
        "model base": (rbm(visible), harms.model(RBM, DBM)),
        "v data samples songs": (v, ROWS), "h h1": (states[0], ROWS),
        "hidden": (states, elements(harms.MATRIX)),
        "observed clamp": (random_mask(4, 4), harms.MASK), "labels": (rank[:4] % 2, COLUMN),
        "visible_offset": (offset, harms.OFFSET), "label levels": (rank % 2, COLUMN),
        "ratings train": (ratings(), harms.RATING_MATRIX),
        "likes": (ratings(2), harms.RATING_MATRIX),
        "held_out heard": (held_out, CELLS), "seen": (~held_out, CELLS),
        "histories given": ((numbers(4, SIZE) > 0.5).float(), ROWS),
        "content": (numbers(SIZE, 3), harms.MATRIX),
        "scorer": (Given(), harms.scorer(Given)),
        "scores": (numbers(SIZE, SIZE), harms.SCORES),
        "x embedding listeners prob_h": (numbers(SIZE, SIZE), harms.MATRIX),
        "probability other predicted rating": (numbers(N), COLUMN),
        "users groups": (rank % SIZE, harms.CODES), "items": (rank // SIZE, harms.CODES),
        "item_ids ids": (np.arange(SIZE), harms.IDS), "rows index": ([0, 2], harms.PLACES),
        "layer at_least": (1, harms.LEVEL), "like_at_least": (1, harms.THRESHOLD),
        "k n n_factors n_hidden n_visible n_units n_bins n_classes n_folds": (2, COUNT),
        "n_levels every patience length n_taste": (2, COUNT),
        "epochs batch_size n_temperatures n_chains iterations": (2, COUNT),
        "sweeps max_sweeps n_bootstrap": (3, COUNT_FROM_0),
        "lr tol weight_decay weight_std shrink l2 reg alpha rate": (0.5, harms.NUMBER),
        "smoothing penalty clip_norm content_std": (0.5, harms.NUMBER),
        "share": (0.4, harms.SHARE), "beta exponent": (0.5, harms.BETA),
        "seed": (0, harms.SEED), "generator": (seeded(0), harms.GENERATOR),
        "sizes": ([4, 3, 2], harms.SIZES), "device": ("cpu", CHOICE),
        "visible": ("gaussian", CHOICE), "method posterior": ("mean_field", CHOICE),
        "sample_visible center resume by_item per_user residual": (False, harms.FLAG),
        "progress": (False, {}),
    }
    # fmt: on
    return {name: pair for names, pair in by_names.items() for name in names.split()}


# ---- good calls --------------------------------------------------------------------------

SPLIT = random_split(ratings(), 0.4)
SPLIT_TABLE = pd.DataFrame(np.transpose(ratings().triples()[:2]), columns=["user", "item"])
SELF = {"RBM": rbm, "DBM": dbm, "DBN": dbn, "Split": SPLIT, "RatingMatrix": ratings()}
SELF["SemiRestrictedRBM"] = lambda _: SemiRestrictedRBM(4, 3, seed=0)
HIDDEN = {"h": (usual("bernoulli")["hidden"][0], elements(ROWS))}
ONE_MASK = {"observed": (random_mask(4, 4)[2], harms.MASK)}
ONLY_RBM = {"model": lambda visible: (rbm(visible), harms.model(RBM))}
ONLY_DBN = {"model": lambda visible: (dbn(visible), harms.model(DBN))}
CATEGORICAL = {"units": ["categorical"]}
BINARY = {"units": ["bernoulli"]}
SEMI_RESTRICTED = [n for n in vars(SemiRestrictedRBM) if not n.startswith("_")]
RATED = {"model": lambda _: (rbm("categorical", n_visible=SIZE), harms.model(RBM))}
RATED |= CATEGORICAL
FROM_0 = {"n": (2, COUNT_FROM_0)}
TIED = {"model": lambda _: (TiedRBM(numbers(SIZE, 3), 2), harms.model(TiedRBM, TiedDBM))}
SEVERAL = {"k": (2, harms.COUNTS)}
TRIPLES = pd.DataFrame({"user_id": [1, 1, 2], "movie_id": [1, 2, 1], "rating": [1, 5, 3]})
# fmt: off
OWN = {  # what differs: value and kind, or a value that is not spoilt (None: left out)
    "RBM": {"visible": ("categorical", CHOICE)},
    "DBM": {"n_levels": None}, "DBN": {"n_levels": None}, "DBM.energy": HIDDEN,
    "DBM.statistics": HIDDEN, "DBM.mean_field": {"start": HIDDEN["h"]},
    "SemiRestrictedRBM": {"n_hidden": (2, COUNT_FROM_0)},
    **{f"SemiRestrictedRBM.{name}": BINARY for name in SEMI_RESTRICTED},
    "SemiRestrictedRBM.log_partition": BINARY | ONE_MASK,
    "SemiRestricted": {"n_hidden": (2, COUNT_FROM_0), "scale": (0.5, harms.NUMBER)},
    "partial_correlations": {"frequency": (0.5, harms.NUMBER)},
    "PCD": {"n_chains": (2, COUNT)}, "Checkpoint": {"path": "run.pt"},
    "Monitor": {"rows": (2, COUNT)},
    "EarlyStopping": {"score": "AUC"}, "linear_decay": {"start": (0.5, harms.BETA)},
    "assert_no_leak": {"observed": (numbers(SIZE, SIZE).numpy() < 0.5, CELLS)},
    "Calibrated": {
        "model": (Given(), harms.NOT_A_SCORER), "like_at_least": (1, harms.WEIGHT)},
    "IALS": {"sweeps": (3, COUNT)}, "MatrixFactorization": {"sweeps": (3, COUNT)},
    "split_by_time": {
        "users": (SPLIT_TABLE["user"], {}), "items": (SPLIT_TABLE["item"], {}),
        "times": (np.arange(len(SPLIT_TABLE)), refused(None, "", [1], ["a"] * 99))},
    "compare": SEVERAL | {
        "scorers": ({"a": Given()}, refused(None, "", {}, {"a": 1}, [Given()])),
        "split": (SPLIT, refused(None, "", 3, ratings())), "against": ("a", CHOICE)},
    "compare_ratings": {
        "scorers": ({"a": Given()}, refused(None, "", {}, {"a": 1}, [Given()])),
        "split": (SPLIT, refused(None, "", 3, ratings())), "against": ("a", CHOICE)},
    "VisibleData": {"model": lambda visible: (rbm(visible), harms.model(RBM, DBM, DBN))},
    "DBN.sample": FROM_0, "exact_samples": FROM_0,
    "binary_states": FROM_0 | {"start": (1, COUNT_FROM_0), "stop": (3, COUNT_FROM_0)},
    "gibbs": {"hidden": None}, "interpolate": {"base": rbm},
    "tempered_gibbs": ONLY_RBM | {
        "chains": lambda visible: ([usual(visible)["v"][0]] * 3, elements(ROWS)),
        "betas": ([0.0, 0.5, 1.0], elements(harms.BETA)), "base": None},
    "ais_log_partition": ONE_MASK, "reverse_ais_log_partition": ONE_MASK,
    "conditional_log_prob": ONLY_RBM | {"units": DISCRETE},
    "pseudo_log_likelihood": ONLY_RBM | {"units": DISCRETE},
    "exact_bound": ONLY_DBN, "fine_tune": ONLY_DBN, "fit": {"method": ("cd", CHOICE)},
    "pretrain": {"model": lambda visible: (dbm(visible), harms.model(DBM, DBN))}
    | {name: usual("bernoulli")[name] for name in ("epochs", "batch_size", "progress")},
    "predict": ONLY_RBM, "score_items": ONLY_RBM | CATEGORICAL,
    "top_n_unseen": RATED, "fold_in": RATED | {"ratings": ({2: 1, 4: 0}, harms.PERSON)},
    "similar_items": ONLY_RBM | CATEGORICAL | {"item": (1, COUNT_FROM_0 | refused(99))},
    "embed": {"center": (numbers(3), harms.MATRIX)},
    "blend": {
        "scores": ([numbers(4, 5), numbers(4, 5) ** 2], elements(harms.MATRIX)),
        "weights": ([0.5, 0.5], elements(harms.WEIGHT))},
    "playlist": {
        "start": (torch.tensor([0, 3]), refused(None, "a", "", [], 99, -1, [0.5], 1j)),
        "exclude": (torch.arange(4) == 2, refused("a", "", [1, 2], np.zeros(4), [True])),
        "units": ["gaussian"]},
    "Split": {n: (getattr(SPLIT, n), harms.RATING_MATRIX) for n in ("train", "held_out")},
    "fit_tied": TIED | {"method": (TiedCD(), CHOICE)},
    "prediction_gain": TIED | {"held_out": usual("bernoulli")["histories"]},
    "tune": {"recommender": Recommender(epochs=2), "path": None},
    "Split.ranking": SEVERAL, "Split.rank": SEVERAL,
    "per_user_ranking": SEVERAL, "ranking_metrics": SEVERAL,
    "select": {
        "candidates": ({"a": Given()}, refused(None, "", {}, {"a": 1}, [Given()])),
        "measure": (lambda split, scorer: 1.0, refused(None, "", 3))},
    "mean_interval": {"per_user": (pd.DataFrame(numbers(5, 2)), harms.TABLE)},
    "RatingMatrix.from_frame": {
        "ratings": (TRIPLES, harms.TABLE), "like_at_least": None, "rating": None},
}
# fmt: on


def public():
    """Every public function and class, and the methods of classes, that have arguments."""
    for path in MODULES:
        module = importlib.import_module(f"rbm_lib.{path}".strip("."))
        for name in [n for n in module.__all__ if n not in NOT_HERE]:
            found = getattr(module, name)
            methods = [getattr(found, n) for n in vars(found)] if name in SELF else []
            for function in filter(callable, [found, *methods]):
                known = function.__name__ in NOT_HERE or function.__name__.startswith("_")
                if not known and {*inspect.signature(function).parameters} - {"self"}:
                    yield function


def good_call(function, visible):
    """{name: (good value, kind)} of the arguments of a function, made anew."""
    owner = SELF.get(function.__qualname__.rpartition(".")[0])
    own = {} if inspect.ismethod(function) else {"self": owner}
    own |= OWN.get(function.__qualname__, {})
    call = {}
    for name in {**inspect.signature(function).parameters, **own}:
        pair = own[name] if name in own else usual(visible).get(name)
        pair = pair(visible) if callable(pair) else copy.deepcopy(pair)
        if pair is not None and name != "units":
            call[name] = pair if isinstance(pair, tuple) else (pair, {})
    return call


def cases():
    turn = itertools.count()  # the types of visible units take turns
    for function in dict.fromkeys(public()):
        units = OWN.get(function.__qualname__, {}).get("units", support.VISIBLE)
        for name, (_, kind) in good_call(function, units[0]).items():
            if kind:
                yield function, name, units[next(turn) % len(units)]


# ---- the property ------------------------------------------------------------------------


def numbers_of(result):
    """Every number of a result, as arrays."""
    if isinstance(result, RatingMatrix):
        result = result.to_frame()
    if isinstance(result, pd.DataFrame):
        if "metric" in result:  # a share of the catalogue has no interval
            result = result[~result["metric"].astype(str).str.startswith("Coverage")]
        result = result.select_dtypes("number").to_numpy(float)
    if isinstance(result, torch.nn.Module) or is_dataclass(result):
        result = vars(result)
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, list | tuple):
        return [array for part in result for array in numbers_of(part)]
    result = np.asarray(result.detach() if isinstance(result, torch.Tensor) else result)
    return [result.astype(float)] if result.dtype.kind in "fiub" else []


def complaint(function, call, blamed, must, expected):
    """What is wrong with the outcome of a call with a spoilt argument, or ""."""
    try:
        found = numbers_of(function(**call))
    except TrainingDiverged:
        return ""
    except (ValueError, TypeError) as error:
        says = re.match(r"(\w+)[^:]*: got .+, expected .+", str(error), re.DOTALL)
        helps = must != "same" and says and says[1] in {*blamed, "ids", "rating"}
        return "" if helps else f"refused: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if must == "refused":
        return "taken"
    if any(np.isnan(array).any() for array in found):
        return "NaN"
    same = [a.shape for a in found] == [a.shape for a in expected]
    same = same and all(map(np.allclose, found, expected))
    return "" if same or must == "either" else "another answer"


def bytes_of(call, function):
    """What must stay as it is: arguments that neither draw nor train, and have bytes."""
    changing = {"generator", "scorer", "measure", "candidates"}
    if re.match("fit|pretrain|fine_tune|.*initialize_from", function.__qualname__):
        changing |= {"model", "self"}
    kept = [x for name, x in call.items() if name not in changing]
    kept = [x.state_dict() if isinstance(x, torch.nn.Module) else x for x in kept]
    return pickle.dumps(kept)


@pytest.mark.parametrize("case", list(cases()), ids=lambda c: f"{c[0].__qualname__}-{c[1]}")
def test_an_answer_or_an_error_that_helps(case):
    function, name, visible = case
    good = {n: value for n, (value, _) in good_call(function, visible).items()}
    expected = numbers_of(function(**copy.deepcopy(good)))
    parameter = inspect.signature(function).parameters.get(name)
    optional = getattr(parameter, "default", ...) is None
    tensors_only = function.__module__.startswith(TENSORS_ONLY)
    complaints = {}
    for harm, (make, must) in good_call(function, visible)[name][1].items():
        if tensors_only and "self" in good and harm in harms.VALUES:
            continue
        call = copy.deepcopy(good)
        call[name] = make(call[name])
        before = bytes_of(call, function)
        if (call[name] is None and optional) or (must == "same" and tensors_only):
            must = "either"
        blamed = call if harm in harms.RELATIVE else [name]
        complaints[harm] = complaint(function, call, blamed, must, expected)
        assert bytes_of(call, function) == before, f"{harm}: an argument was changed"
    wrong = [f"{harm}: {text}" for harm, text in complaints.items() if text]
    assert not wrong, "\n".join(wrong)
