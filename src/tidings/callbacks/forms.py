"""What callbacks say, byte by byte, and which answers take them for received. Pure; called by `callbacks`.

Status and reply in the forms that receivers of the cloud know, changes of consent in our own.
Source: SMS documentation of Tencent Cloud, sending status notification and reply notification.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, timedelta, timezone
from typing import Any

import msgspec
import phonenumbers

from tidings.domain.model import LedgerEntry, State
from tidings.domain.optout import InboundText
from tidings.domain.outcomes import Delivered, Outcome, RetryLater
from tidings.domain.texts import SentText, TextState
from tidings.wire.peer_json import read_peer_object

# Unverified: the documents name no zone; the cloud's own is China's.
CLOUD_TIME = timezone(timedelta(hours=8))
ANSWER_SHOWN = 100

_WORDS = frozenset({"DELIVRD", "UNDELIV", "EXPIRED", "REJECTD", "DELETED", "UNKNOWN"})
_STANDS = {State.CANCELED: "opted-out", State.CONFIRMED: "opted-in"}


def status_body(texts: Sequence[SentText]) -> bytes:
    """Outcomes of texts: a list."""
    return msgspec.json.encode([_status(text) for text in texts])


def _status(text: SentText) -> dict[str, str]:
    country, number = _split(text.phone)
    at = text.reported_at or text.accepted_at
    return {
        "user_receive_time": f"{at.astimezone(CLOUD_TIME):%Y-%m-%d %H:%M:%S}",
        "nationcode": country,
        "mobile": number,
        "report_status": "SUCCESS" if text.state is TextState.DELIVERED else "FAIL",
        "errmsg": _status_word(text),
        "description": text.detail,
        "sid": text.serial,
    }


def _status_word(text: SentText) -> str:
    """The network's own word where it gave one; the cloud's for what never reached a network."""
    if text.state is TextState.DELIVERED:
        return "DELIVRD"
    if text.state is TextState.BLOCKED:
        return "REJECTD"
    word = text.detail.partition(",")[0]
    return word if word in _WORDS else "SUBFAIL"


def reply_body(text: InboundText) -> bytes:
    """What a person wrote."""
    country, number = _split(text.phone)
    return msgspec.json.encode(
        {
            "extend": "",
            "mobile": number,
            "nationcode": country,
            "sign": "",
            "text": text.text,
            "time": int((text.sent_at or text.at).timestamp()),
        }
    )


def consent_body(entry: LedgerEntry, app_id: str) -> bytes:
    """One line of the ledger. `state`: how the phone stands at the address from then on; `phone` and `address` as they are stored."""
    body: dict[str, Any] = {
        "id": entry.id,
        "event": entry.event.value,
        "phone": entry.endpoint,
        "address": entry.address,
        "state": _STANDS.get(entry.after, "") if entry.after is not None else "",
        "way": entry.origin.way.value,
        "keyword": entry.keyword,
        "text": entry.origin.raw_text,
        "reason": entry.detail,
        "at": entry.at.astimezone(UTC).isoformat(),
        "sms_sdk_app_id": app_id,
    }
    return msgspec.json.encode(body)


def signature(secret: bytes, at_s: int, body: bytes) -> str:
    """The value of X-Tidings-Signature; `t` is a part of what is signed, so that an old request cannot be sent again."""
    mac = hmac.new(secret, b"%d." % at_s + body, hashlib.sha256)
    return f"t={at_s},v1={mac.hexdigest()}"


def classify_result(status: int, body: bytes) -> Outcome:
    """Status and reply are received when the answer says `{"result": 0}`."""
    outcome = classify_status(status, body)
    if not isinstance(outcome, Delivered):
        return outcome
    result = read_peer_object(body).get("result")
    if result == "0" or (result == 0 and result is not False):
        return outcome
    shown = body[:ANSWER_SHOWN].decode("utf-8", "replace")
    return RetryLater(f'HTTP {status}, but the answer is not {{"result": 0}}: {shown!r}')


def classify_status(status: int, body: bytes) -> Outcome:
    """Changes of consent are received when the status says so."""
    return Delivered(f"HTTP {status}") if 200 <= status < 300 else RetryLater(f"HTTP {status}", status=status)


def _split(phone: str) -> tuple[str, str]:
    """Country code and number without it; the whole as number where it is none that is known."""
    try:
        parsed = phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException:
        return "", phone
    return str(parsed.country_code), phonenumbers.national_significant_number(parsed)
