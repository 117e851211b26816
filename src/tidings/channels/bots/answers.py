"""What a chat service's answer means. Pure. These services answer 200 and say in the JSON what went wrong.

Called by `channel`. Nothing of the service's own words gets into a reason: they may repeat what was sent. A limit of rate is a code
of its own in most lists, and only words in some answers. Sources: as in `forms`; the services' lists of error codes, global ones
included. Observed: Feishu, HTTP 400 with code 9499 and "too many request", which is the code of malformed requests too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tidings.domain.outcomes import Delivered, Outcome, Refused, RetryLater
from tidings.wire.peer_json import read_peer_object

BUSY = "the service is busy"
TOO_FAST = "sent too fast"
CODE_BOUND = 10**12

_AGAIN: dict[str, dict[int, str]] = {
    "feishu": {2200: BUSY, 11232: TOO_FAST, 11233: TOO_FAST, 230020: TOO_FAST, 99991400: TOO_FAST},
    "dingding": {
        -1: BUSY,
        88: TOO_FAST,
        41047: TOO_FAST,
        41048: TOO_FAST,
        90005: TOO_FAST,
        90006: TOO_FAST,
        90018: TOO_FAST,
        90030: TOO_FAST,
        130101: TOO_FAST,
        410100: TOO_FAST,
    },
    "wechat": {-1: BUSY, 6000: BUSY, 45009: TOO_FAST, 45033: TOO_FAST},
    "welink": {58500: BUSY},
}
_FINAL: dict[str, dict[int, str]] = {
    "feishu": {
        9499: "the request is malformed",
        19001: "the bot does not exist",
        19021: "the signature or the clock is wrong",
        19022: "our address is not on the bot's list",
        19024: "the keyword is missing",
    },
    "dingding": {
        310000: "the keyword is missing, the signature is wrong, or our address is not on the bot's list",
        400013: "the group was dissolved",
        400101: "the bot does not exist",
        400102: "the bot was stopped",
        400106: "the bot does not exist",
    },
    "wechat": {40008: "the request is malformed", 93000: "the bot does not exist"},
    "welink": {58404: "the bot does not exist", 58601: "the request is malformed", 58602: "the bot is not enabled"},
}
_AMBIGUOUS = frozenset({("feishu", 9499)})
_TOO_FAST_WORDS = re.compile(
    r"too many|too fast|too frequent|frequenc|freq out|flow control|(?:rate|quota|qps|over|freq)[ -]?(?:reach(?:es|ed)? )?limit"
    r"|limit(?:ed|s)? exceed|throttl|频率|频繁|限流|流控|次数过多|次数超|太快|过快",
    re.IGNORECASE,
)
_WORDS = ("msg", "errmsg", "message", "StatusMessage", "sub_msg")
_WORDS_CHARACTERS_MAX = 300
_MEMBERS = {"feishu": ("code", "StatusCode"), "dingding": ("errcode",), "wechat": ("errcode",), "welink": ("code",)}


def read_answer(protocol: str, status: int, body: bytes) -> Outcome | None:
    """The outcome; None when the status alone says it (a 5xx, a 404 without a code of the service's)."""
    answer = read_peer_object(body)
    code = _code(answer, _MEMBERS[protocol])
    if code is None:
        # A page that says 200 is not the service: trying again would only ask the wrong address.
        return Refused("the answer is not the chat service's") if 200 <= status < 300 else None
    if code == 0:
        return Delivered(f"{protocol} code 0") if 200 <= status < 300 else None
    again = _AGAIN[protocol].get(code)
    if again is not None:
        return RetryLater(f"{protocol} code {code}: {again}")
    if status >= 500 or status == 429:
        return None
    known = _FINAL[protocol].get(code)
    if (known is None or (protocol, code) in _AMBIGUOUS) and _says_too_fast(answer):
        return RetryLater(f"{protocol} code {code}: {TOO_FAST}")
    return Refused(f"{protocol} code {code}: {known}" if known else f"{protocol} code {code}")


def _says_too_fast(answer: Mapping[str, Any]) -> bool:
    """By its words, where the code does not say it."""
    words = (answer.get(name) for name in _WORDS)
    return any(isinstance(text, str) and _TOO_FAST_WORDS.search(text[:_WORDS_CHARACTERS_MAX]) for text in words)


def _code(answer: Mapping[str, Any], members: tuple[str, ...]) -> int | None:
    """The service's own code; some write it as text."""
    for member in members:
        value = answer.get(member)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < CODE_BOUND:
            return value
        if isinstance(value, str) and len(value) <= 12 and value.removeprefix("-").isdecimal() and value.isascii():
            return int(value)
    return None
