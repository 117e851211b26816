from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.cheap import cheap


@pytest.fixture(scope="session", autouse=True)
def _cheap() -> Iterator[None]:
    with cheap():
        yield
