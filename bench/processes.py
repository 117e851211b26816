"""Pinning, memory and the life of a server process and its children, read from /proc. Linux only.

Called by `bench.contenders` and the scenarios. It ends only process groups that it started.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

STOP_TIMEOUT_S = 15.0
SAMPLE_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes of a process tree. `pss_mib` shares common pages fairly and is the figure to compare."""

    pss_mib: float
    rss_mib: float


def start_pinned(
    command: Sequence[str], environment: Mapping[str, str], core: int, log: Path
) -> subprocess.Popen[bytes]:
    """Start a command as leader of a process group of its own, on one core with all its children; output goes to `log`.

    Settings of Tidings in our own environment are not handed on: what is measured are the defaults.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_")}
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=inherited | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the group to end; kill it if it does not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            continue
    process.wait(STOP_TIMEOUT_S)


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for known in found:
        try:
            for task in Path(f"/proc/{known}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def cpu_s(pid: int) -> float:
    """Seconds of processor that the tree has used so far; of threads and processes that live."""
    used = 0
    for member in tree(pid):
        for thread in Path(f"/proc/{member}/task").glob("*/schedstat"):
            with suppress(OSError):
                used += int(thread.read_text().split()[0])
    return used / 1e9


def memory(pid: int) -> Memory:
    """What the tree holds now."""
    pss = rss = 0
    for member in tree(pid):
        try:
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    pss += int(line.split()[1])
                elif line.startswith("Rss:"):
                    rss += int(line.split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return Memory(pss / 1024, rss / 1024)


class PeakMemory:
    """Samples a tree's memory in the background: `async with PeakMemory(pid) as peak: ...; peak.highest`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.highest = Memory(0.0, 0.0)

    async def __aenter__(self) -> PeakMemory:
        self._task = asyncio.get_running_loop().create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        self._look()

    def _look(self) -> None:
        now = memory(self._pid)
        self.highest = Memory(max(self.highest.pss_mib, now.pss_mib), max(self.highest.rss_mib, now.rss_mib))

    async def _sample(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(SAMPLE_EVERY_S)


def raise_file_limit() -> None:
    """Allow as many sockets as the system lets us have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
