"""Puts faults into a copy of the tree, one at a time, and says whether the tests notice: `python -m tests.mutants [--only PATTERN]`.

Nothing is changed outside a temporary directory. The tests are run without a fault first. Exits 1 when
a fault survives, 2 when the table does not fit the code or a test fails by itself.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.fault import ROOT, SOURCE, Fault
from tests.mutants.faults import FAULTS

AT_ONCE = 2
LIMIT_S = 400
"""A fault may make a test wait for ever; that is noticed, too."""
_COPIED = ("src", "tests")
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "node_modules")
_NOTICED = (1, 2)
"""Exit codes of pytest: tests failed; a file could not be imported."""


@dataclass(frozen=True, slots=True)
class Result:
    fault: Fault
    word: str
    output: str = ""


class Tree:
    """A copy of the sources and tests, with links to all else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changes = 0
        for entry in ROOT.iterdir():
            if entry.name in _COPIED:
                shutil.copytree(entry, path / entry.name, symlinks=True, ignore=_NOT_COPIED)
            elif entry.name != ".git":
                (path / entry.name).symlink_to(entry)
        modules = ROOT / "tests" / "node_modules"
        if modules.exists():
            (path / "tests" / "node_modules").symlink_to(modules.resolve())

    def write(self, file: Path, text: str) -> None:
        """A compiled module is told from its source by size and second: each text gets a second of its own."""
        file.write_text(text, "utf-8")
        self._changes += 1
        os.utime(file, (1_000_000_000 + self._changes,) * 2)

    def judge(self, fault: Fault) -> Result:
        file = self.path / SOURCE / fault.file
        text = file.read_text("utf-8")
        self.write(file, fault.put_in(text))
        try:
            code, output = self.run(fault.test_files, LIMIT_S)
        finally:
            self.write(file, text)
        match code:
            case None:
                return Result(fault, "noticed", "it took too long")
            case 0:
                return Result(fault, "SURVIVED", output)
            case _ if code in _NOTICED:
                return Result(fault, "noticed", output)
            case _:
                return Result(fault, "NOT RUN", output)

    def run(self, test_files: Sequence[str], limit_s: float) -> tuple[int | None, str]:
        """Run tests in this tree: pytest's exit code, None when it took too long, and what it said."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-n", "0", "-p", "no:cacheprovider"]
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.path / "src"),
            "PYTHONPYCACHEPREFIX": str(self.path / "compiled"),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        process = subprocess.Popen(
            [*command, *test_files],
            cwd=self.path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            _end(process)
        return process.returncode, output


def _end(process: subprocess.Popen[str]) -> None:
    """With the servers that its tests started, if any are left: they are in its session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def fails_anyway(faults: Sequence[Fault], trees: Sequence[Tree]) -> str:
    """What the tests say that fail without any fault, empty when all pass: else every fault would seem to be noticed."""
    files = sorted({name for fault in faults for name in fault.test_files})
    with ThreadPoolExecutor(len(trees)) as pool:
        shares = [(tree, files[number :: len(trees)]) for number, tree in enumerate(trees)]
        results = pool.map(lambda share: share[0].run(share[1], LIMIT_S * len(files)) if share[1] else (0, ""), shares)
        return "\n".join(output or "the tests took too long" for code, output in results if code != 0)


def run(faults: Sequence[Fault], trees: Sequence[Tree], *, shows: bool) -> list[Result]:
    free: SimpleQueue[Tree] = SimpleQueue()
    for tree in trees:
        free.put(tree)

    def judge(fault: Fault) -> Result:
        tree = free.get()
        try:
            result = tree.judge(fault)
        finally:
            free.put(tree)
        last = next((line for line in reversed(result.output.splitlines()) if line.startswith("FAILED")), "")
        print(f"{result.word:<8}  {fault.package:<10}  {fault.name}{f'  ({last[7:127]})' if shows else ''}", flush=True)
        return result

    with ThreadPoolExecutor(len(trees)) as pool:
        return list(pool.map(judge, faults))


def report(results: Sequence[Result]) -> int:
    """A table by package; 1 when something was not noticed."""
    words = Counter((result.fault.package, result.word) for result in results)
    print(f"\n{'package':<12}{'faults':>8}{'noticed':>9}")
    for package in sorted({result.fault.package for result in results}):
        of_package = sum(count for (name, _), count in words.items() if name == package)
        print(f"{package:<12}{of_package:>8}{words[package, 'noticed']:>9}")
    left = [result for result in results if result.word != "noticed"]
    print(f"{'all':<12}{len(results):>8}{len(results) - len(left):>9}")
    for result in left:
        print(f"\n{result.word}: {result.fault.name} in {result.fault.file}: {result.fault.why}")
        if result.word == "NOT RUN":
            print(result.output[-2000:])
    return 1 if left else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="names or packages, with wildcards")
    parser.add_argument("--show", action="store_true", help="which test noticed")
    parser.add_argument("--trust", action="store_true", help="do not run the tests without a fault first")
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if fnmatch(fault.name, options.only) or fnmatch(fault.package, options.only)]
    for fault in faults:
        try:
            fault.put_in((ROOT / SOURCE / fault.file).read_text("utf-8"))
        except (ValueError, OSError) as error:
            print(error, file=sys.stderr)
            return 2
    with tempfile.TemporaryDirectory(prefix="tidings-mutants-") as directory:
        trees = []
        for number in range(min(AT_ONCE, max(len(faults), 1))):
            (Path(directory) / str(number)).mkdir()
            trees.append(Tree(Path(directory) / str(number)))
        if not options.trust:
            said = fails_anyway(faults, trees)
            if said:
                print(f"{said}\nThese tests fail without any fault.", file=sys.stderr)
                return 2
        return report(run(faults, trees, shows=options.show))


if __name__ == "__main__":
    sys.exit(main())
