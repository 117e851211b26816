"""The product at a revision of this repository, beside the one in the working tree: sources in two directories, made the same way.

Called by `bench.compare --against`. Both are copied and compiled beforehand, and both are run by the interpreter of this environment,
unless a revision has other constraints: then it gets a virtual environment of its own in `bench/.venv-…`, made once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONSTRAINTS = "constraints.txt"


@dataclass(frozen=True, slots=True)
class Revision:
    """`label`: for the report. `source`: the directory in which the package `tidings` lies. `python`: what runs it."""

    label: str
    source: Path
    python: Path

    @property
    def environment(self) -> dict[str, str]:
        """What makes `python` import this revision, in place of an installed one, and compile nothing in the middle of a measurement."""
        return {"PYTHONPATH": str(self.source), "PYTHONPYCACHEPREFIX": "", "PYTHONDONTWRITEBYTECODE": "1"}


def working_tree(directory: Path) -> Revision:
    """What lies here now, committed or not."""
    shutil.copytree(ROOT / "src", directory / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    changed = " and changes" if _git("status", "--porcelain", "--untracked-files=no").strip() else ""
    return _compiled(f"{_commit('HEAD')}{changed}", directory / "src", Path(sys.executable))


def committed(revision: str, directory: Path) -> Revision:
    """Ends the run with a sentence when there is no such revision."""
    try:
        commit = _commit(revision)
    except subprocess.CalledProcessError:
        raise SystemExit(f"no revision is called {revision}") from None
    archive = _git("archive", "--format=tar", commit)
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(directory, filter="data")
    return _compiled(commit, directory / "src", _python_for(directory))


def _commit(revision: str) -> str:
    return _git("rev-parse", "--short", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True).stdout


def _compiled(label: str, source: Path, python: Path) -> Revision:
    # Checked by their content, not by the time of a copy.
    command = [str(python), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(source)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}
    subprocess.run(command, check=True, env=environment)
    return Revision(label, source, python)


def _python_for(directory: Path) -> Path:
    """The interpreter with the versions that the revision's constraints name."""
    constraints = directory / CONSTRAINTS
    wanted = constraints.read_bytes() if constraints.exists() else (ROOT / CONSTRAINTS).read_bytes()
    if wanted == (ROOT / CONSTRAINTS).read_bytes():
        return Path(sys.executable)
    environment = ROOT / "bench" / f".venv-{hashlib.sha256(wanted).hexdigest()[:12]}"
    if not (environment / "complete").exists():
        print(f"installing what the other revision needs into {environment}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        install = [str(environment / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*install, "-c", str(constraints), str(directory)], check=True)
        (environment / "complete").touch()
    return environment / "bin" / "python"
