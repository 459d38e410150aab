"""Damaged files: right, a clear error or, in plain text, exactly what the bytes say; and no code is run.

The damages and the independent readings are in damage.py; `python tests/damage.py` prints the outcomes.
"""

import io
import json
import os
import pickle
import stat
import warnings
import zipfile
from collections import Counter
from dataclasses import replace

import pytest
import torch

from rbm_lib import RBM, fit, load_model
from rbm_lib.data import download, safe_extract
from rbm_lib.training.checkpoint import CheckpointError
from tests import damage
from tests.damage import LOADERS
from tests.support import LONG

SLOW = {"Spotify, merged": pytest.mark.long}


@pytest.mark.grows
@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW.get(name, [])) for name in LOADERS])
def test_right_or_a_clear_error_or_what_the_bytes_say(name):
    counts, bad = damage.run(LOADERS[name], everything=LONG)
    assert not bad, (len(bad), bad[0])
    total = sum(counts.values(), Counter())
    assert total["clear error"] > 50 and sum(total.values()) > 150
    if "SHA-256" not in name:  # there, nothing but the file itself is right
        assert total["right"] > 0
    assert (total["as the bytes say"] > 20) == (LOADERS[name].says is not None)


def careless(folder):
    """Ratings read as many scripts do: other bytes ignored, every comma taken for one between fields."""
    raw = (folder / "ratings.csv").read_bytes() if (folder / "ratings.csv").is_file() else b""
    rows = [line.split(",") for line in raw.decode(errors="replace").splitlines()[1:]]
    return [(row[0], row[1].strip('"'), float(row[-1])) for row in rows if len(row) > 2]


def test_the_referee_sees_a_shifted_column_a_crash_a_warning_and_a_hang(monkeypatch):
    good = LOADERS["ratings of one's own"]
    simple = {"ratings.csv": b"user_id,item_id,rating\n1,2,3\n2,2,4\n"}
    _, bad = damage.run(replace(good, files=simple, load=careless))
    verdicts = Counter(verdict for *_, verdict, _ in bad)
    assert verdicts["wrong"] > 50 and verdicts["crash"] > 5  # float("") and the like name no file
    assert ("columns reversed", "wrong") in {(harm, verdict) for harm, _, _, verdict, _ in bad}

    def endless(folder):
        while True:
            pass

    def warned(folder):
        torch.warnings.warn("careful", stacklevel=1)

    if hasattr(os, "fork"):
        monkeypatch.setattr(damage, "LIMIT", 0.05)
        assert damage.attempt(replace(good, load=endless), ".", simple, None)[0] == "hang"
    assert damage.attempt(replace(good, load=warned), ".", simple, None)[0] == "crash"


# ---- plain text -------------------------------------------------------------------------------------------

FOUND = [  # what was once read otherwise: loader, file, right bytes, other ones, and the error
    ("MovieLens 100k", "ml-100k/u.data", b"881250949", b"88125094E9", "line 1: time '88125094E9' is not"),
    ("MovieLens 100k", "ml-100k/u.data", b"881250949", b"88\x001250949", "line 1: byte 0x0 is not UTF-8"),
    ("MovieLens 100k", "ml-100k/u.data", b"\n2\t", b"\r2\t", "line 1: a carriage return, and no line feed"),
    ("MovieLens 100k", "ml-100k/u.item", b"unknown", b"un\x00known", "line 2: byte 0x0"),
    ("MovieLens 100k", "ml-100k/u.item", b"unknown", b"un\rknown", "line 2: a carriage return"),
    ("MovieLens 100k", "ml-100k/u.genre", b"Comedy|2", b"Comedy|3", "line 3: the number of the genre is '3'"),
    ("MovieLens 1m", "ml-1m/ratings.dat", b"2::1::3::", b"2\t1\t3\t", "line 2: 1 fields, expected 4"),
    ("MovieLens latest-small", "ml-latest-small/movies.csv", b"movieId,title,genres\n1,\"", b"1,\"A\n",
     "line 1: the columns are '1,A\\n"),
    ("interactions and profiles", "interaction_data.csv", b",148.9,", b",1_48.9,", "column tempo: '1_48.9'"),
    ("interactions and profiles", "user_profiles.csv", b"1,\"A\",2", b"1_1,\"A\",2", "column user_id: '1_1'"),
    ("ratings of one's own", "ratings.csv", b",0.5", b",0_5", "line 3: rating '0_5' is none of"),
    ("ratings of one's own", "ratings.csv", b"item_id,", b"item_id,movieId,", "line 1: the column item_id"),
    ("ratings of one's own", "ratings.csv", b"rating\n1,2,3", b"rating,rating\n1,2,3,4",
     "line 1: the column rating stands there twice"),
    ("titles of one's own", "titles.csv", "2,’s".encode(), b"1,Other", "line 3: item_id 1 has another title"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "right", "other", "message"), FOUND)
def test_what_was_once_misread_is_refused_by_line(name, path, right, other, message, tmp_path):
    loader = LOADERS[name]
    assert loader.files[path].count(right) >= 1
    files = loader.files | {path: loader.files[path].replace(right, other, 1)}
    for file, raw in files.items():
        damage.put(tmp_path, file, raw)
    verdict, why = damage.attempt(loader, tmp_path, files, None)
    assert (verdict, path.split("/")[-1] in why, message in why) == ("clear error", True, True), why


@pytest.mark.parametrize("quoted", ['"1,2"', '"x,y"'])
def test_a_comma_within_quotes_never_shifts_the_columns_of_deezer(quoted, tmp_path):
    names, values = (
        ",".join(damage.COLUMNS),
        "1,2,3,4,5,6,7,8,9,0,1,1,1,1,1",
    )  # fine one place further on, too
    rows = [f'"a,b",{names},c', f"{quoted},{values},1", f"1,2,{values},1", ""]
    files = {"deezer/train.csv": "\n".join(rows).encode(), "deezer/test.csv": None}
    damage.put(tmp_path, "deezer/train.csv", files["deezer/train.csv"])
    verdict, why = damage.attempt(LOADERS["Deezer"], tmp_path, files, None)
    assert verdict == "clear error" and "line 1: a comma or a line end within quotes" in why
    header = files["deezer/train.csv"].replace(b'"a,b"', b"a,b")
    damage.put(tmp_path, "deezer/train.csv", header)
    verdict, why = damage.attempt(LOADERS["Deezer"], tmp_path, files | {"deezer/train.csv": header}, None)
    assert verdict == "clear error" and "line 2: a comma or a line end within quotes" in why


# ---- archives ---------------------------------------------------------------------------------------------


def packed(path, entries, **options):
    """A zip of (name or ZipInfo, content) pairs; a name may come twice."""
    with zipfile.ZipFile(path, "w", **options) as archive, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name")
        for name, content in entries:
            archive.writestr(name, content)
    return path


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def encrypted(path):
    """The flag of an encrypted member, in both of its headers."""
    raw = bytearray(packed(path, [("set/a", b"a")]).read_bytes())
    for start, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(start) + at] |= 1
    path.write_bytes(raw)


HOSTILE = {
    "up and out": ([("set/a", b"a"), ("../a", b"evil")], "leads out of its folder"),
    "up and out, below": ([("set/a", b"a"), ("set/../../a", b"evil")], "leads out of its folder"),
    "absolute": ([("set/a", b"a"), ("/tmp/evil", b"evil")], "leads out of its folder"),
    "a drive": ([("set/a", b"a"), ("C:\\evil", b"evil")], "leads out of its folder"),
    "a link": ([(link("set/a"), b"/etc/passwd")], "holds a link"),
    "a link, and a file through it": ([(link("set"), b"/tmp"), ("set/a", b"evil")], "holds a link"),
    "twice": ([("set/a", b"one"), ("set/a", b"two")], r"holds \['set/a'\] twice"),
    "lacking": ([("set/b", b"one")], r"has no \['set/a'\]"),
    "a folder of that name": ([("set/a/", b"")], r"has no \['set/a'\]"),
}


@pytest.mark.parametrize(("entries", "message"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_leaves_nothing(entries, message, tmp_path):
    packed(tmp_path / "a.zip", entries)
    with pytest.raises(ValueError, match=message):
        safe_extract(tmp_path / "a.zip", tmp_path / "deep" / "set", ["set/a"])
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip", "deep"]


def test_of_an_endless_name_an_error_shows_the_beginning(tmp_path):
    """Flipped bits in the lengths of names make one name of many headers."""
    endless = packed(tmp_path / "a.zip", [("set/a", b"a"), ("../" + 3000 * "x", b"evil")])
    with pytest.raises(ValueError, match="leads out of its folder") as error:
        safe_extract(endless, tmp_path / "set", ["set/a"])
    assert len(str(error.value)) < 500
    other = packed(tmp_path / "b.zip", [("set/" + 3000 * "x", b"a")])
    other.write_bytes(other.read_bytes().replace(b"xx", b"yy", 1))  # unlike its name in the directory
    with pytest.raises(ValueError, match="b.zip is cut or damaged") as error:
        safe_extract(other, tmp_path / "set", ["set/" + 3000 * "x"])
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_packed_otherwise_is_refused(kind, tmp_path):
    packed(tmp_path / "a.zip", [("set/a", b"a" * 999)], compression=kind)
    with pytest.raises(ValueError, match="cut or damaged .*'set/a' is packed in no way known"):
        safe_extract(tmp_path / "a.zip", tmp_path / "set", ["set/a"])
    encrypted(tmp_path / "b.zip")
    with pytest.raises(ValueError, match="b.zip holds 'set/a' encrypted"):
        safe_extract(tmp_path / "b.zip", tmp_path / "set", ["set/a"])
    assert sorted(os.listdir(tmp_path)) == ["a.zip", "b.zip"]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_MOST", 10**6)
    bomb = packed(tmp_path / "a.zip", [("set/a", bytes(2 * 10**6))], compression=zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 10**4
    monkeypatch.setattr(zipfile.ZipFile, "open", None)  # not to be called
    with pytest.raises(ValueError, match=r"would be 2,000,000 bytes unpacked, expected at most 1,000,000"):
        safe_extract(bomb, tmp_path / "set", ["set/a"])
    assert os.listdir(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("claim", [0, 10, 2**29])
def test_a_size_that_is_not_true_is_noticed(claim, tmp_path):
    path = packed(tmp_path / "a.zip", [("set/a", b"0123456789" * 9)], compression=zipfile.ZIP_DEFLATED)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"PK\x01\x02") + 24
    raw[at : at + 4] = claim.to_bytes(4, "little")
    path.write_bytes(raw)
    try:
        folder = safe_extract(path, tmp_path / "set", ["set/a"])
    except ValueError as error:
        assert "cut or damaged" in str(error) and os.listdir(tmp_path) == ["a.zip"]
    else:
        assert (folder / "a").read_bytes() == b"0123456789" * 9


# ---- models -----------------------------------------------------------------------------------------------


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def train(path):
    return fit(
        RBM(3, 2, seed=0), torch.eye(3), method="pcd", n_chains=2, epochs=3, batch_size=2, device="cpu",
        generator=torch.Generator().manual_seed(0), checkpoint=path, resume=True, progress=False,
    )  # fmt: skip


@pytest.fixture
def whole(tmp_path):
    """A checkpoint, and what is in it: header, machine, optimiser, chains and generator."""
    path = tmp_path / "run.pt"
    path.write_bytes(LOADERS["checkpoint of a training"].files["model.pt"])
    return path, torch.load(path, weights_only=True)


def places(value, at=()):
    """The place of every value in nested dictionaries and lists, the inner nodes too."""
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield (*at, key)
        yield from places(value[key], (*at, key))


def changed(content, at, value):
    """The content with one value replaced."""
    key, *rest = at
    items = dict(content) if isinstance(content, dict) else dict(enumerate(content))
    items[key] = changed(items[key], rest, value) if rest else value
    return items if isinstance(content, dict) else list(items.values())


def test_code_in_no_place_of_a_model_file_is_run(whole, tmp_path):
    path, content = whole
    trace = tmp_path / "ran"
    pickle.loads(pickle.dumps(Evil(trace)))
    trace.rmdir()  # the weapon works
    everywhere = list(places(content))
    kinds = {".".join(map(str, at[:2])) for at in everywhere}
    assert {"header", "model.W", "training.generator", "training.optimizer", "training.chains"} <= kinds
    for at in everywhere:
        for value in (Evil(trace), [Evil(trace)], {"a": {"b": Evil(trace)}}, {Evil(trace): 1}):
            torch.save(changed(content, at, value), path)
            for load in (load_model, train):
                with pytest.raises(CheckpointError, match="not a saved machine, or damaged"):
                    load(path)
            assert not trace.exists(), at


def test_code_in_no_member_of_a_model_file_is_run(whole, tmp_path):
    path, content = whole
    before = load_model(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    top, trace, evil = next(iter(members)).split("/")[0], tmp_path / "ran", io.BytesIO()
    torch.save(Evil(trace), evil)
    inner = (
        "constants.pkl code/__torch__.py code/a.py extra/a.pkl data/evil .data/evil data.pkl/data.pkl a.pth"
    )
    loaded = 0
    for name in [*members, *(f"{top}/{name}" for name in inner.split()), "data.pkl", "other/data.pkl"]:
        for payload in (pickle.dumps(Evil(trace)), evil.getvalue(), b"import os\nos.mkdir('ran')\n"):
            last = {**members, name: payload}
            for order in (last, {name: payload, **{k: v for k, v in members.items() if k != name}}):
                packed(path, order.items())
                for load in (load_model, train):
                    try:
                        result = load(path)
                    except CheckpointError:
                        continue
                    loaded += 1
                    if load is load_model and "/data/" not in name:  # other bytes are another tensor
                        assert all(map(torch.equal, result.parameters(), before.parameters())), name
                assert not trace.exists() and not os.path.exists("ran"), name
    assert loaded  # a member that nobody reads does no harm


ODD = [None, -1, 3.5, 10**15, "", "x", [], ["x"], {}, {"x": 1}, True, float("nan")]


def test_a_model_file_with_any_value_changed_is_loaded_or_refused(whole):
    """By hand, with the check sums right: no check of the file's own can tell."""
    path, content = whole
    content["header"] = json.loads(content["header"])
    count = Counter()
    for at in places(content):
        if at[:2] == ("training", "records") and len(at) > 2:
            continue  # numbers that nobody reads
        for value in ODD:
            other = changed(content, at, value)
            if at != ("header",):
                other["header"] = json.dumps(other["header"])
            torch.save(other, path)
            try:
                load_model(path)
                count["loaded"] += 1
            except CheckpointError as error:
                assert str(path) in str(error)
                count["refused"] += 1
    assert count["refused"] > 150 and count["loaded"] > 100, count  # settings and training are not its own


def test_a_tensor_that_is_marked_as_a_folder_is_refused(whole):
    """A bit that no check sum covers: torch would leave the tensor uninitialised."""
    path, _ = whole
    raw, at, found = path.read_bytes(), -1, 0
    while (at := raw.find(b"PK\x01\x02", at + 1)) >= 0:
        found += 1
        path.write_bytes(raw[: at + 38] + bytes([raw[at + 38] ^ 0x10]) + raw[at + 39 :])
        with pytest.raises(CheckpointError, match="a member is marked as a folder"):
            load_model(path)
    assert found > 8


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("header", "class"), []),
        (("header", "settings"), 5),
        (("header", "dtype"), "float64"),
        (("header", "dtype"), "float16"),
        (("model", "W"), torch.zeros(3, 2, dtype=torch.float64)),
        (("training", "chains"), "x"),
        (("training", "epoch"), None),
        (("training", "epoch"), 1.5),
        (("training", "records"), 7),
        (("training",), torch.zeros(2)),
        (("training",), {}),
    ],
)
def test_what_was_once_loaded_or_crashed_is_refused(at, value, whole):
    path, content = whole
    content["header"] = json.loads(content["header"])
    content = changed(content, at, value)
    content["header"] = json.dumps(content["header"])
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="run.pt"):
        train(path) if at[0] == "training" or "settings" in at else load_model(path)
