"""What a chat service's answer means. Pure. These services answer 200 and say in the JSON what went wrong.

Called by `channel`. Nothing of the service's own words gets into a reason: they may repeat what was sent. Sources: as in `forms`; the
services' lists of error codes.
"""

from __future__ import annotations

import msgspec

from tidings.domain.outcomes import Delivered, Outcome, Refused, RetryLater

BUSY = "the service is busy"
TOO_FAST = "sent too fast"

_AGAIN: dict[str, dict[int, str]] = {
    "feishu": {11232: TOO_FAST, 11233: TOO_FAST, 99991400: TOO_FAST},
    "dingding": {-1: BUSY, 130101: TOO_FAST, 410100: TOO_FAST},
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
_MEMBERS = {"feishu": ("code", "StatusCode"), "dingding": ("errcode",), "wechat": ("errcode",), "welink": ("code",)}


def read_answer(protocol: str, status: int, body: bytes) -> Outcome | None:
    """The outcome; None when the status alone says it (a 5xx, a 404 without a code of the service's)."""
    code = _code(body, _MEMBERS[protocol])
    if code is None:
        # A page that says 200 is not the service: trying again would only knock at the wrong door.
        return Refused("the answer is not the chat service's") if 200 <= status < 300 else None
    if code == 0:
        return Delivered(f"{protocol} code 0") if 200 <= status < 300 else None
    again = _AGAIN[protocol].get(code)
    if again is not None:
        return RetryLater(f"{protocol} code {code}: {again}")
    if status >= 500 or status == 429:
        return None
    known = _FINAL[protocol].get(code)
    return Refused(f"{protocol} code {code}: {known}" if known else f"{protocol} code {code}")


def _code(body: bytes, members: tuple[str, ...]) -> int | None:
    """The service's own code; some write it as text."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    for member in members:
        value = answer.get(member)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and len(value) <= 12 and value.removeprefix("-").isdecimal() and value.isascii():
            return int(value)
    return None
