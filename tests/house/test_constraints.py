"""The exact versions that make and CI install: every requirement has one that it allows, and the file names no place to get it from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LINES = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]


def test_every_line_is_a_name_and_a_version() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+]+", line)] == []


def test_every_requirement_has_a_version_that_it_allows() -> None:
    pinned = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), "0")), str(requirement)


def test_make_installs_what_the_file_says() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "INSTALL = pip install -q --disable-pip-version-check -c constraints.txt" in makefile
    for stamp in ("run.stamp", "dev.stamp"):
        (rule,) = re.findall(rf"^\$\(VENV\)/{re.escape(stamp)}: .*\n\t.*$", makefile, re.MULTILINE)
        assert "constraints.txt" in rule.splitlines()[0]
        assert "$(INSTALL)" in rule
