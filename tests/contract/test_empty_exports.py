"""Exports of which nothing is found: a head line and nothing below.

CPython 3.11 makes a SystemError of `anext(pages, ())` on an empty generator, so each place that asks for a first page is called here.
The console's are called in `tests/e2e/console/test_texting_review.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.dialects.native.harness import Harness, open_office, read

from tidings.dialects.native.export import COLUMNS, RECORD_COLUMNS


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_office(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("/ledger?format=csv", COLUMNS),
        ("/ledger?format=csv&endpoint=nobody@example.com", COLUMNS),
        ("/opt-out-records?format=csv", RECORD_COLUMNS),
        ("/opt-out-records?format=csv&phone=+12025550123", RECORD_COLUMNS),
    ],
)
async def test_an_export_of_nothing_has_its_head_line(harness: Harness, path: str, columns: tuple[str, ...]) -> None:
    answer = await harness.send("GET", path)
    assert (answer.status, answer.content_type) == (200, "text/csv; charset=utf-8; header=present")
    assert (await read(answer)).decode() == ",".join(columns) + "\r\n"
