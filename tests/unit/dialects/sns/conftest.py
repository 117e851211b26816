from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.dialogues.harness import Harness, open_console


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_console(tmp_path) as running:
        yield running
