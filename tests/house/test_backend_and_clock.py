"""That one page of wiring knows the database, and that nobody reads a clock of the machine who may not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "tidings"

OF_THE_DATABASE = {"tidings.store.sqlite", "tidings.flow.embedded"}
KNOWS_THE_DATABASE = {
    "wiring/backend.py": "chooses it",
    "cli/copies.py": "copies, restores and migrates the file",
    "cli/rotation.py": "seals anew what the file holds, while no server runs",
}

READS_A_CLOCK = re.compile(
    r"\bdatetime\.(now|utcnow|today)\(|\bdate\.today\(|\btime\.(time|time_ns)\b|\bgmtime\(|\blocaltime\("
)
MAY_READ_A_CLOCK = {
    "wiring/clock_and_ids.py": "hands the machine's clocks to the one clock; ids that grow with time",
    "wiring/delivery.py": "callbacks are signed with the time that receivers compare",
    "channels/bots/channel.py": "bots compare the time of a signature with their own",
    "channels/sms_gateway/channel.py": "gateways compare the time of a signature with their own",
    "channels/sqs/channel.py": "queues compare the time of a signature with their own",
    "channels/http/answer.py": "a date in Retry-After is of the receiver's clock",
    "server/system_endpoints.py": "security.txt names a date by which others read it",
    "cli/checks.py": "compares the machine's clock and certificates with the database",
    "store/sqlite/audits.py": "of a unit whose maker said no time",
    "store/sqlite/database.py": "when a migration was applied, which nobody compares",
}


def imported(path: Path) -> set[str]:
    """What a file imports, also within functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def files() -> list[tuple[str, Path]]:
    found = [(path.relative_to(SOURCE).as_posix(), path) for path in sorted(SOURCE.rglob("*.py"))]
    assert len(found) > 300
    return found


def test_one_page_of_wiring_knows_the_database() -> None:
    knows = set()
    for name, path in files():
        if name.startswith(("store/sqlite/", "flow/")):
            continue
        text = path.read_text("utf-8")
        if ("sqlite" in text or "embedded" in text) and any(
            module == known or module.startswith(f"{known}.") for module in imported(path) for known in OF_THE_DATABASE
        ):
            knows.add(name)
    assert knows == set(KNOWS_THE_DATABASE)


def test_the_machines_clocks_are_read_where_others_compare_with_theirs() -> None:
    read = {name for name, path in files() if READS_A_CLOCK.search(path.read_text("utf-8"))}
    assert read == set(MAY_READ_A_CLOCK)
