"""The list of deliberate faults (`make faults`) does not rot: each still fits the library, once."""

from pathlib import Path

import pytest
from faults import FAULTS, ROOT, occurrences


def test_there_are_faults_of_every_module():
    assert len(FAULTS) >= 20 and len({fault.name for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        assert all((Path(__file__).parent / name).exists() for name in fault.tests.split())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_fits_the_library_once_and_leaves_it_python(fault):
    assert occurrences(fault) == 1 and fault.right != fault.wrong
    source = (ROOT / "rbm_lib" / fault.file).read_text(encoding="utf-8")
    compile(source.replace(fault.right, fault.wrong), fault.file, "exec")
