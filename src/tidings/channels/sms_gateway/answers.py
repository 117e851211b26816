"""What a gateway's answer means. Pure. Called by `channel`.

Nothing of a gateway's own words gets into a reason: they may repeat what was sent, the password among it. Sources: Kannel user guide,
"Using the HTTP interface to send SMS"; Observed: Kannel 1.4.5.
"""

from __future__ import annotations

from typing import Any

from tidings.domain.outcomes import Delivered, Outcome, Refused, RetryLater
from tidings.wire.peer_json import read_peer_object

RECEIPT_ID_CHARACTERS_MAX = 200

_ACCEPTED, _QUEUED = b"0:", b"3:"
_OLD_ACCEPTED = b"Sent."
_FINAL = {
    b"sender missing": "no sender is set",
    b"missing receiver": "no number to send to",
    b"denied": "the number is on one of its lists",
    b"not routable": "none of its SMSCs takes this number",
    b"empty text": "the text is empty",
}


def read_kannel(receipt_ids: tuple[str, ...], status: int, body: bytes) -> Outcome | None:
    """The outcome; None when the status alone says it. receipt_ids: of receipts that will come when it was taken."""
    if 200 <= status < 300:
        words = body.lstrip()
        if words.startswith((_ACCEPTED, _OLD_ACCEPTED)):
            return Delivered("Kannel: accepted", receipt_ids)
        if words.startswith(_QUEUED):
            return Delivered("Kannel: queued", receipt_ids)
        # A page that says 200 is not Kannel: trying again would only ask the wrong address.
        return Refused("the answer is not Kannel's")
    reason = next((reason for words, reason in _FINAL.items() if words in body[:200].lower()), "")
    if reason and 400 <= status < 500:
        return Refused(f"Kannel: HTTP {status}: {reason}")
    if status in (401, 403):
        # A wrong password is the operator's, as with SMPP: the text waits until it is put right.
        return RetryLater(f"Kannel: HTTP {status}: user or password not accepted", None, status)
    if status in (404, 405):
        return RetryLater(f"Kannel: HTTP {status}: no sendsms at this path", None, status)
    return None


def read_webhook(receipt_id: str, status: int, body: bytes) -> Outcome | None:
    """The outcome; None when the status alone says it. receipt_id: ours, empty when no receipt was asked for."""
    if 400 <= status < 500 and read_peer_object(body).get("opted_out") is True:
        return Refused(f"HTTP {status}: opted out at the gateway", opted_out=True)
    if not 200 <= status < 300:
        return None
    if not receipt_id:
        return Delivered(f"HTTP {status}")
    return Delivered(f"HTTP {status}", (_id_in(read_peer_object(body)) or receipt_id,))


def _id_in(answer: dict[str, Any]) -> str:
    """The gateway's own id of the text, empty where it gives none."""
    value = answer.get("id")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**RECEIPT_ID_CHARACTERS_MAX:
        value = str(value)
    if not isinstance(value, str) or not value.isprintable() or len(value) > RECEIPT_ID_CHARACTERS_MAX:
        return ""
    return value
