"""A form with files, as browsers send it. Called by `console`; python-multipart finds the parts.

Stricter than it: at most `PAIRS_MAX` parts, each with a plain name, and the form must be closed. How long a body may be is the route's.
Source: RFC 7578.
"""

from __future__ import annotations

import logging
import re

from python_multipart.multipart import MultipartParser, parse_options_header

from tidings.console.fields import PAIRS_MAX, Fields, Upload

FILE_NAME_CHARACTERS_MAX = 255
_BOUNDARY = re.compile(rb"[A-Za-z0-9'()+_,./:=? -]{1,70}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")

# It warns of every malformed form, which anybody can send.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


def read_multipart(body: bytes, content_type: str) -> Fields:
    """Raises ValueError."""
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise ValueError("no boundary")
    parts = _Parts()
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": parts.begin,
            "on_header_field": parts.header_field,
            "on_header_value": parts.header_value,
            "on_header_end": parts.header_end,
            "on_part_data": parts.data,
            "on_part_end": parts.end,
            "on_end": parts.close,
        },
    )
    parser.write(body)
    if not parts.is_closed:
        raise ValueError("not closed")
    return Fields(parts.pairs, parts.files)


class _Parts:
    """What the parser says, gathered."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.files: dict[str, Upload] = {}
        self.is_closed = False
        self._count = 0
        self._name = self._value = b""
        self._disposition = ""
        self._content: list[bytes] = []

    def begin(self) -> None:
        self._count += 1
        if self._count > PAIRS_MAX:
            raise ValueError("too many parts")
        self._disposition, self._content = "", []

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value.decode("latin-1")
        self._name = self._value = b""

    def data(self, data: bytes, start: int, end: int) -> None:
        self._content.append(data[start:end])

    def end(self) -> None:
        options = parse_options_header(self._disposition)[1]
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if not _NAME.fullmatch(name):
            raise ValueError("a part without a name")
        content = b"".join(self._content)
        file_name = options.get(b"filename")
        if file_name is None:
            self.pairs.append((name, content.decode("utf-8", "replace")))
            return
        shown = file_name.decode("utf-8", "replace")
        if len(shown) > FILE_NAME_CHARACTERS_MAX:
            raise ValueError("a file's name is too long")
        self.files[name] = Upload(shown, content)

    def close(self) -> None:
        self.is_closed = True
