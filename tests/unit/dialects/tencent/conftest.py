from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.dialects.tencent.exchange import Exchange, open_exchange


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with open_exchange(tmp_path) as running:
        yield running
