"""Where the rivals are installed: here, if this environment has both, else in `bench/.venv`, made once from `rivals.txt`.

Called by `bench.compare` before the first measurement, or by hand: `python -m bench.rivals`. It never changes the
environment that runs the benchmark: ministack pins one botocore, and our tests use another. `BENCH_RIVALS` names
an environment that has both already.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
COMMANDS = ("moto_server", "ministack")


def find() -> Path:
    """The environment to use; it may have to be made yet."""
    if named := os.environ.get("BENCH_RIVALS"):
        return Path(named)
    return Path(sys.prefix) if complete(Path(sys.prefix)) else HERE / ".venv"


def complete(environment: Path) -> bool:
    return all((environment / "bin" / command).exists() for command in COMMANDS)


ENVIRONMENT = find()
BIN = ENVIRONMENT / "bin"


def install() -> None:
    """Make the environment if a rival's command is missing."""
    if complete(ENVIRONMENT):
        return
    print(f"installing moto and ministack into {ENVIRONMENT}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    pip = [str(BIN / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(HERE / "rivals.txt")], check=True)


if __name__ == "__main__":
    install()
