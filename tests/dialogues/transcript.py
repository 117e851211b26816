"""How a transcript is written, and how it is compared.

    # Comment lines say what is odd, and where that is known from.
    > POST as tidings in us-east-1        method; who signs (or `unsigned`); region of the scope
    > Name=value                          form parameters, unencoded; `raw TEXT` sends the body as it stands
    < 200                                 status
    < Header: value                       a header that must be there
    < <Element> … </Element>              the body; white space around lines is of no matter

`> GET ?query unsigned` asks as a link does. `{word}` in an answer stands for anything the first time, and for the same text
from then on, in requests too; `{token}` is the token that was sent last. Request ids are `{*}`: anything, every time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_PLACE = re.compile(r"\{([a-z]+|\*)\}")


@dataclass
class Turn:
    """One request and the answer it must get."""

    line: int
    method: str
    query: str
    key: str | None
    region: str
    params: dict[str, str] = field(default_factory=dict)
    raw: str | None = None
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


def read(path: Path) -> list[Turn]:
    turns: list[Turn] = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        mark, text = line[:1], line[2:].strip()
        if mark == ">" and text.split(" ")[0] in ("GET", "POST"):
            turns.append(_first_line(number, text))
        elif mark == ">":
            _parameter(turns[-1], text)
        elif mark == "<":
            _answer(turns[-1], text)
        elif mark not in ("#", ""):
            raise ValueError(f"{path.name}:{number}: a line begins with #, > or <")
    return turns


def _first_line(number: int, text: str) -> Turn:
    method, *words = text.split(" ")
    query = words.pop(0)[1:] if words and words[0].startswith("?") else ""
    key = None if "unsigned" in words else words[words.index("as") + 1]
    region = words[words.index("in") + 1] if "in" in words else "us-east-1"
    return Turn(number, method, query, key, region)


def _parameter(turn: Turn, text: str) -> None:
    if text.startswith("raw "):
        turn.raw = text[4:]
        return
    name, _, value = text.partition("=")
    turn.params[name] = value


def _answer(turn: Turn, text: str) -> None:
    if turn.status == 0:
        turn.status = int(text)
    elif text.startswith("<"):
        turn.body += text
    else:
        name, _, value = text.partition(": ")
        turn.headers[name] = value


def fill(text: str, known: dict[str, str]) -> str:
    """The text with its known places filled in."""
    return _PLACE.sub(lambda place: known.get(place[1], place[0]), text)


def compare(expected: str, got: str, known: dict[str, str]) -> None:
    """Fails unless `got` is what `expected` says; what new places stand for is added to `known`."""
    pattern, seen = "", set()
    position = 0
    for place in _PLACE.finditer(expected):
        pattern += re.escape(expected[position : place.start()])
        position = place.end()
        name = place[1]
        if name in known:
            pattern += re.escape(known[name])
        elif name == "*":
            pattern += "[^<]+"
        elif name in seen:
            pattern += f"(?P={name})"
        else:
            pattern += f"(?P<{name}>[^<]+)"
            seen.add(name)
    pattern += re.escape(expected[position:])
    match = re.fullmatch(pattern, got)
    assert match is not None, f"\nexpected {expected}\ngot      {got}"
    known.update(match.groupdict())
