"""What the mutation tests share: hostile values, how many requests, and what an answer to one must be like."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.support.server import Server
from tests.support.wire import Answer

MUTATIONS = int(os.environ.get("TIDINGS_TEST_MUTATIONS", "1500"))
SEED = int(os.environ.get("TIDINGS_TEST_SEED", "20261121"))
MEMORY_GROWTH_MAX_MIB = 96

HOSTILE = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\r\n",
    "x\r\nX-Injected: 1",
    "\u2028",
    "\ufffe",
    "\U0001f980" * 50,
    "A" * 100_000,
    "'" * 500,
    "../../etc/passwd",
    "<!DOCTYPE a [<!ENTITY b 'c'>]>",
    "%s%n{0}{{7*7}}${x}",
    "-1",
    "99999999999999999999999",
    "NaN",
    "true",
    "null",
    "[" * 5_000,
    '{"a":' * 2_000,
    '{"default": 1}',
    '{"default": "x", "default": "y"}',
    "arn:aws:sns",
    "arn:aws:sns:us-east-1:000000000000:" + "x" * 300,
    "arn:aws:sns:us-east-1:000000000000:a:b:c:d",
    "http://[::1",
    "http://127.0.0.1:99999/",
    "javascript:alert(1)",
    "a@b@c",
    "+1" + "0" * 40,
)
BROKEN = (b"%", b"%zz", b"%ff%fe", b"%ed%a0%80", b"\xff\xfe", b"%00", b"=", b"&&&&", b"+", b";", b"\xc3")


def memory_mib(server: Server) -> float:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def clear_error(request: bytes, answer: Answer, *, not_offered: int = 0) -> str:
    """What is wrong with the answer, or nothing. not_offered: the one status above 500 that is an answer, not a failure."""
    if answer.status >= 500 and answer.status != not_offered:
        return f"{answer.status}"
    if answer.status >= 400 and not answer.body and not request.startswith(b"HEAD"):
        return "an error without a word"
    if b"Traceback" in answer.body:
        return "a traceback"
    if b"x-injected" in {name.encode() for name in answer.headers}:
        return "an injected header"
    return ""
