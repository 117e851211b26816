"""Ports for servers that are told theirs before they listen. Nobody else gets such a port meanwhile: not the system, which gives out
others, and not another process of tests, since a lock on a file of the port's name is held until this process ends."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

_FIRST = 15_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_locks: list[int] = []
"""Open for as long as this process lives."""


def free_port() -> int:
    """A TCP port on which nothing listens, this process's own."""
    folder = Path(tempfile.gettempdir()) / f"tidings-test-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    chance = random.SystemRandom()  # the suite seeds the other one, in each process alike
    for port in chance.sample(range(_FIRST, _first_ephemeral()), k=1000):
        lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
        if _is_taken(lock) or _is_in_use(port):
            os.close(lock)
            continue
        _locks.append(lock)
        return port
    raise AssertionError("no free port")


def _first_ephemeral() -> int:
    """Of those that the system gives to whoever asks for any."""
    try:
        return max(int(_EPHEMERAL.read_text().split()[0]), _FIRST + 2000)
    except OSError:
        return 32_768


def _is_taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _is_in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
