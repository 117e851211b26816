"""The tests on every version of Python that Tidings promises: `nox` (`pip install nox`), or `nox -s tests-3.13` for one.

A version without an interpreter on this machine is skipped and named. What has to be there besides Python: tests/install-parts.sh.
"""

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
nox.options.error_on_missing_interpreters = False


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests, or those that are named after `--`."""
    session.install("-c", "constraints.txt", "-e", ".[dev]")
    session.run("pytest", "-q", "-n", "logical", "--dist", "worksteal", *(session.posargs or ["tests"]))
