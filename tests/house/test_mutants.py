"""The table of faults that the tests must notice fits the code: `make mutants` runs it."""

from __future__ import annotations

import pytest

from tests.mutants.fault import ROOT, SOURCE, Fault
from tests.mutants.faults import FAULTS


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_still_has_its_place_and_its_tests(fault: Fault) -> None:
    text = (ROOT / SOURCE / fault.file).read_text("utf-8")
    compile(fault.put_in(text), fault.file, "exec")
    assert fault.becomes != fault.piece
    assert fault.test_files
    assert [name for name in fault.test_files if not (ROOT / name).is_file()] == []


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len(FAULTS) >= 170
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    packages = {path.name for path in (ROOT / SOURCE).iterdir() if (path / "__init__.py").exists()}
    assert packages - {fault.package for fault in FAULTS} == set()
