"""Coverage that must not sink. `make test` measures and then runs `python -m tests.floors`, which fails when a package is below.

Counted are lines and branches of what runs in the test processes and in the servers that they start (tests/support/server.py), unless
they are told not to measure (tests/chaos, most of whose servers are killed); commands and other processes are not.
tests/house/test_floors.py keeps the numbers below from being lowered.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FLOORS = {"src/tidings/": 92.0, "src/tidings/domain/": 100.0, "src/tidings/delivery/": 100.0}
"""Percent of lines and branches together, by folder."""


def measured(report: Mapping[str, Any]) -> dict[str, float]:
    """Percent by folder of FLOORS, from coverage's JSON report."""
    found = {}
    for folder in FLOORS:
        summaries = [file["summary"] for name, file in report["files"].items() if name.startswith(folder)]
        covered = sum(it["covered_lines"] + it["covered_branches"] for it in summaries)
        everything = sum(it["num_statements"] + it["num_branches"] for it in summaries)
        found[folder] = 100 * covered / everything if everything else 0.0
    return found


def sunk(found: Mapping[str, float]) -> Iterator[str]:
    """A sentence for each folder below its floor."""
    for folder, floor in FLOORS.items():
        if found[folder] < floor:
            yield f"{folder} is covered to {found[folder]:.2f} %, and its floor is {floor} %"


def main() -> int:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "coverage.json"
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-i", "-o", str(path)], check=True)
        found = measured(json.loads(path.read_text("utf-8")))
    for folder, percent in found.items():
        print(f"{percent:6.2f} %  of {folder} (floor {FLOORS[folder]} %)")
    complaints = list(sunk(found))
    print(*complaints, sep="\n", end="\n" if complaints else "")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
