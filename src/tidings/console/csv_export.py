"""The answer that saves a file of rows (`wire.csv_rows`), page by page, so that an export of any length takes flat memory.

Called by views that offer an export.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from tidings.console.render import PRIVATE
from tidings.dialects.contract import WireResponse
from tidings.wire.csv_rows import CSV_TYPE


def download(name: str, body: AsyncIterator[bytes]) -> WireResponse:
    """name: letters, digits, hyphens and a dot."""
    headers = (*PRIVATE, ("Content-Disposition", f'attachment; filename="{name}"'))
    return WireResponse(200, body, CSV_TYPE, headers)
