"""The outbox on disk: JSON lines in a current and a previous file, each bounded.

Called by the outbox channel. A line cut off by a crash is skipped when read; it never flushes to the medium, for what developer
mode captured may be lost with the machine's power, not with the process.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

FILE_BYTES_MAX = 32 << 20
"""About 6,000 mails. Two files are kept."""


class OutboxFile:
    """`outbox.jsonl` and `outbox.previous.jsonl` in a directory that is made if need be. Raises OSError."""

    def __init__(self, directory: Path, bytes_max: int = FILE_BYTES_MAX) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "outbox.jsonl"
        self._previous = directory / "outbox.previous.jsonl"
        self._bytes_max = bytes_max
        self._file: BinaryIO | None = None

    def read(self, limit: int) -> list[dict[str, Any]]:
        """The newest `limit` entries, oldest first."""
        entries: list[dict[str, Any]] = []
        for path in (self._path, self._previous):
            lines = path.read_bytes().splitlines() if path.exists() else []
            older = [entry for line in lines[-(limit - len(entries)) :] if (entry := _entry(line)) is not None]
            entries = older + entries
            if len(entries) >= limit:
                break
        return entries

    def append(self, entry: dict[str, Any]) -> None:
        """Write one entry so that it survives the process. Raises OSError."""
        if self._file is None:
            # Only the owner may read it: there are working links inside.
            self._file = os.fdopen(
                os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0
            )
            if self._file.tell() and not _ends_with_newline(self._path):
                self._file.write(b"\n")
        line = msgspec.json.encode(entry) + b"\n"
        if self._file.write(line) != len(line):
            self.close()  # the next append mends the broken line
            raise OSError("the disk took only a part of an entry")
        if self._file.tell() >= self._bytes_max:
            self.close()
            self._path.replace(self._previous)

    def clear(self) -> None:
        self.close()
        self._path.unlink(missing_ok=True)
        self._previous.unlink(missing_ok=True)

    def close(self) -> None:
        """Safe to repeat; the next `append` opens again."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    known = isinstance(entry, dict) and isinstance(entry.get("id"), int) and {"channel", "to"} <= entry.keys()
    return entry if known else None


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
