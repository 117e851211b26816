"""A machine whose wall clock is set by the test while the server runs: libfaketime, which leaves the machine's own pace alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from botocore import auth
from botocore.compat import get_current_datetime

HOUR = 3600
YEAR = 365 * 24 * HOUR
PLACES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib64/faketime/libfaketimeMT.so.1")


def library() -> Path:
    """Fails without libfaketime: tests/install-parts.sh brings it."""
    for place in PLACES:
        for found in Path("/").glob(place.lstrip("/")):
            return found
    pytest.fail("libfaketime is missing: run tests/install-parts.sh")


class WallClock:
    """`environment` for the server; `set(s)` puts its wall clock that many seconds beside the real one, at once."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "wall-clock"
        self.beside_s = 0
        self.set(0)
        self.environment = {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            # A step of the wall clock moves nothing else: timers, and the time since the machine started, go on.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }
        # Callers sign by the clock that their server has.
        monkeypatch.setattr(auth, "get_current_datetime", self._now)

    def set(self, beside_s: int) -> None:
        part = self._file.with_suffix(".part")
        part.write_text(f"{beside_s:+d}\n")
        part.replace(self._file)
        self.beside_s = beside_s

    def _now(self, remove_tzinfo: bool = True) -> datetime:
        now: datetime = get_current_datetime(remove_tzinfo)
        return now + timedelta(seconds=self.beside_s)
