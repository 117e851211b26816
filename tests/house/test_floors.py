"""The floors of coverage stand, are measured by make test, and count what they say they count."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from tests.floors import FLOORS, measured, sunk

ROOT = Path(__file__).parents[2]
REACHED = {"src/tidings/": 92.0, "src/tidings/domain/": 100.0, "src/tidings/delivery/": 100.0}
"""A second place, so that a floor is lowered by two hands or not at all."""
EXCUSES_MAX = 0


def _file(lines: int, covered: int, branches: int = 0, taken: int = 0) -> dict[str, Any]:
    summary = {"num_statements": lines, "covered_lines": covered, "num_branches": branches, "covered_branches": taken}
    return {"summary": summary}


def test_no_floor_is_lower_than_it_was() -> None:
    assert FLOORS.keys() >= REACHED.keys()
    assert [folder for folder, floor in REACHED.items() if FLOORS[folder] < floor] == []


def test_lines_and_branches_count_and_a_folder_counts_its_own_alone() -> None:
    files = {
        "src/tidings/domain/a.py": _file(90, 90, 10, 5),
        "src/tidings/delivery/b.py": _file(10, 10),
        "src/tidings/x.py": _file(10, 0),
    }
    found = measured({"files": files})
    assert found == {"src/tidings/": 100 * 105 / 120, "src/tidings/domain/": 95.0, "src/tidings/delivery/": 100.0}
    assert [line.split()[0] for line in sunk(found)] == ["src/tidings/", "src/tidings/domain/"]


def test_a_folder_that_was_not_measured_is_below_its_floor() -> None:
    assert len(list(sunk(measured({"files": {}})))) == len(FLOORS)


def test_nothing_is_left_out_of_what_is_measured() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["coverage"]
    assert settings["run"]["branch"] is True
    assert settings["run"]["source"] == ["tidings"]
    assert not {"omit", "include"} & (settings["run"].keys() | settings.get("report", {}).keys())
    excused = [
        path.name
        for path in (ROOT / "src").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"#\s*pragma:\s*no (cover|branch)", line)
    ]
    assert len(excused) <= EXCUSES_MAX, excused


def test_make_test_measures_everything() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (recipe,) = re.findall(r"^test: .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert "--cov" in recipe
    assert "-m tests.floors" in recipe
