from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.dialogues.desk import Desk, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as running:
        yield running
