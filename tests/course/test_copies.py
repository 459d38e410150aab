"""Where a copy goes, and by what it is known."""

import json

from rbm_lib.course.copies import fingerprint, place_for, version

CELLS = [{"cell_type": "code", "source": ["x = 1"], "outputs": []}]


def copy(made_with):
    return {"cells": CELLS, "metadata": {"rbm_course": {"generated": made_with}}}


def test_outputs_do_not_change_the_fingerprint():
    changed = [CELLS[0] | {"outputs": [1]}]

    assert fingerprint({"cells": CELLS}) == fingerprint({"cells": changed})
    assert fingerprint({"cells": CELLS}) != fingerprint({"cells": []})


def test_a_newer_copy_goes_beside_the_older_one_once(tmp_path):
    first = place_for(copy("a"), tmp_path, "01")
    first.write_text(json.dumps(copy("a")))
    second = place_for(copy("b"), tmp_path, "01")
    second.write_text(json.dumps(copy("b")))

    assert (first.name, second.name) == ("01.ipynb", "01.new.ipynb")
    assert place_for(copy("b"), tmp_path, "01") is None
    assert place_for(copy("c"), tmp_path, "01").name == "01.new-2.ipynb"


def test_what_is_no_copy_has_no_version(tmp_path):
    (tmp_path / "x.ipynb").write_text("{broken")

    assert version(tmp_path / "x.ipynb") is None
    assert version(tmp_path / "none.ipynb") is None
    assert version({"cells": []}) is None
