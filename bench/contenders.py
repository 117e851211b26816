"""The servers under test: how each is started, when it is ready, what it differs in.

Called by `bench.stage`. The rivals run as they come (their own logging, their own defaults), from a virtual environment of
their own (`bench.rivals`), because ministack pins another botocore than our tests use.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import rivals
from bench.revisions import Revision

# How fast a server is, not how fast it lets one account be: the rivals have no rate limits.
UNLIMITED = {"TIDINGS_UNSUBSCRIBE_RATE": "1000000", "TIDINGS_ANONYMOUS_RATE": "1000000"}


@dataclass(frozen=True, slots=True)
class Contender:
    """`confirms`: HTTP subscriptions must be confirmed. `signs`: envelopes carry real RSA signatures.

    `versions`: distributions whose versions the report names, asked from `python`.
    """

    name: str
    command: Callable[[int, Path], Sequence[str]]
    environment: Callable[[int], Mapping[str, str]]
    ready_path: str
    python: Path
    versions: tuple[str, ...]
    confirms: bool
    signs: bool
    key_id: str = "tidings"
    secret: str = "tidings-dev-secret"
    note: str = ""
    is_ours: bool = False


def tidings(name: str = "tidings", revision: Revision | None = None) -> Contender:
    """Ours: what is installed for the interpreter that runs the benchmark, or a revision."""
    python = revision.python if revision else Path(sys.executable)
    return Contender(
        name=name,
        command=lambda port, data: [
            *(str(python), "-m", "tidings", "serve", "--dev"),
            *("--listen", f"127.0.0.1:{port}", "--data", str(data)),
        ],
        environment=lambda port: {**UNLIMITED, **(revision.environment if revision else {})},
        ready_path="/readyz",
        versions=("httptools", "uvloop", "apsw", "cryptography"),
        python=python,
        confirms=True,
        signs=True,
        note=revision.label
        if revision
        else "durable: every answered publish is flushed to disk; checks every signature",
        is_ours=True,
    )


def moto() -> Contender:
    return Contender(
        name="moto",
        command=lambda port, data: [str(rivals.BIN / "moto_server"), "-H", "127.0.0.1", "-p", str(port)],
        environment=lambda port: {},
        ready_path="/moto-api/data.json",
        python=rivals.BIN / "python",
        versions=("moto", "Werkzeug"),
        confirms=False,
        signs=False,
        note="in memory; delivers inside the Publish call, to the first 100 subscribers only; no raw delivery to HTTP",
    )


def ministack() -> Contender:
    return Contender(
        name="ministack",
        command=lambda port, data: [str(rivals.BIN / "ministack")],
        environment=lambda port: {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"},
        ready_path="/_ministack/health",
        python=rivals.BIN / "python",
        versions=("ministack", "Hypercorn"),
        confirms=True,
        signs=False,
        note="in memory; one thread and one connection for each delivery, no second attempt",
    )


def null() -> Contender:
    """Not a server: answers at once with canned text. Shows how fast the harness itself can go."""
    return Contender(
        name="null",
        command=lambda port, data: [sys.executable, "-m", "bench.null_server", str(port)],
        environment=lambda port: {},
        ready_path="/readyz",
        python=Path(sys.executable),
        versions=("uvloop",),
        confirms=False,
        signs=False,
        note="no server at all: the ceiling of the harness",
    )


ALL: Mapping[str, Callable[[], Contender]] = {
    "tidings": tidings,
    "moto": moto,
    "ministack": ministack,
    "null": null,
}
