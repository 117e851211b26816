"""What a query or a form says, read with names for people. Called by views; pure.

A value that cannot be taken is refused by name next to its field, and what was typed is kept: `refusals` and `typed` are what the
template's fields show. Bytes that are no UTF-8, control characters and overlong values are refused, never passed on.
Source: WHATWG URL Standard (urlencoded).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from tidings.domain.errors import InvalidValue

PAIRS_MAX = 1_200
"""More than the 1,000 boxes of the longest list with its other fields."""
TEXT_CHARACTERS_MAX = 512
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd\ud800-\udfff]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a form."""

    name: str
    content: bytes


class Fields:
    """One query or form. Reading methods return a harmless value (empty, None) after a refusal; ask `ok` before acting."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = (), files: Mapping[str, Upload] | None = None) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)
        self.files: Mapping[str, Upload] = files or {}
        self.refusals: dict[str, str] = {}

    @property
    def ok(self) -> bool:
        """Whether nothing was refused so far."""
        return not self.refusals

    def typed(self, name: str) -> str:
        """The first value as it was sent, for showing it again; shortened beyond any use."""
        return self._values.get(name, [""])[0][: 4 * TEXT_CHARACTERS_MAX]

    def all(self, name: str) -> list[str]:
        """Every value of that name, as sent."""
        return list(self._values.get(name, ()))

    def has(self, name: str) -> bool:
        """Whether it was sent at all: a box that was ticked, a button that was pressed."""
        return name in self._values

    def refuse(self, name: str, reason: str) -> None:
        """Show this reason next to the field; the first reason stays."""
        self.refusals.setdefault(name, reason)

    def refuse_error(self, error: InvalidValue, names: Mapping[str, str] | None = None, other: str = "") -> None:
        """Show a service's error next to its field. `names`: the service's field -> the form's; `other`: for any other field."""
        name = (names or {}).get(error.field) or other or error.field
        self.refuse(name, sentence(error.reason or "not acceptable"))

    def text(self, name: str, label: str, *, characters_max: int = TEXT_CHARACTERS_MAX, required: bool = False) -> str:
        """One line of text without the blanks around it."""
        value = self._values.get(name, [""])[0].strip()
        if len(value) > characters_max:
            self.refuse(name, f"{label}: at most {characters_max} characters, not {len(value)}.")
            return ""
        if _CONTROL.search(value):
            self.refuse(name, f"{label}: contains characters that cannot be typed.")
            return ""
        if required and not value:
            self.refuse(name, f"{label} is needed.")
        return value

    def lines(self, name: str, label: str, *, characters_max: int = 20_000) -> str:
        """Several lines of text, with line feeds only."""
        value = self._values.get(name, [""])[0].replace("\r\n", "\n").replace("\r", "\n")
        if len(value) > characters_max:
            self.refuse(name, f"{label}: at most {characters_max} characters, not {len(value)}.")
            return ""
        if _CONTROL_IN_LINES.search(value):
            self.refuse(name, f"{label}: contains characters that cannot be typed.")
            return ""
        return value

    def choice(self, name: str, label: str, choices: Collection[str], default: str = "") -> str:
        """One of the choices, or `default` where nothing was chosen."""
        value = self._values.get(name, [""])[0].strip()
        if not value:
            return default
        if value not in choices:
            self.refuse(name, f"{label}: not one of the choices.")
            return default
        return value

    def choices(self, name: str, label: str, choices: Collection[str]) -> list[str]:
        """Those of the choices that were ticked."""
        values = list(dict.fromkeys(self._values.get(name, ())))
        if any(value not in choices for value in values):
            self.refuse(name, f"{label}: not one of the choices.")
            return []
        return values

    def whole(self, name: str, label: str, *, default: int = 0, most: int = 2**63 - 1) -> int:
        """A whole number from 0."""
        value = self._values.get(name, [""])[0].strip()
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= 19 and int(value) <= most):
            self.refuse(name, f"{label}: a whole number is needed.")
            return default
        return int(value)

    def numbers(self, name: str, label: str, *, most: int = 1_000) -> list[int]:
        """Whole numbers of ticked boxes, each once."""
        values = list(dict.fromkeys(self._values.get(name, ())))
        if len(values) > most or not all(value.isascii() and value.isdigit() and len(value) <= 18 for value in values):
            self.refuse(name, f"{label}: at most {most} entries of the list.")
            return []
        return [int(value) for value in values]

    def moment(self, name: str, label: str, *, is_end: bool = False) -> datetime | None:
        """A day, or a day and time of `datetime-local`, in UTC. is_end: a day without time means its end."""
        value = self._values.get(name, [""])[0].strip()
        if not value:
            return None
        try:
            if len(value) > 32:
                raise ValueError
            found = datetime.fromisoformat(value)
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
            if is_end and len(value) == len("2026-11-21"):
                found += timedelta(days=1)
        except (ValueError, OverflowError):
            self.refuse(name, f"{label}: a day such as 2026-11-21 is needed.")
            return None
        return found


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def read_pairs(text: str) -> Fields:
    """A query, or an urlencoded form. Raises ValueError (too many fields)."""
    return Fields(parse_qsl(text, keep_blank_values=True, max_num_fields=PAIRS_MAX))
