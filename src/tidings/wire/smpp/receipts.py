"""Delivery receipts: the outcome of a text that the SMSC took, by its parameters, else by the text that it sends along.

Called by `channels/sms`. Source: SMPP 3.4 appendix B and sections 5.2.28, 5.3.2.12, 5.3.2.35.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from tidings.wire.smpp.addresses import phone_of
from tidings.wire.smpp.pdu import MESSAGE_STATE, NETWORK_ERROR_CODE, RECEIPTED_MESSAGE_ID, DeliverSm
from tidings.wire.smpp.texts import read_body


class MessageState(enum.IntEnum):
    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8


FINAL = frozenset(MessageState) - {MessageState.ENROUTE, MessageState.ACCEPTED, MessageState.UNKNOWN}

_NUMBERS = frozenset(state.value for state in MessageState)
_WORDS = {
    **{state.name: state for state in MessageState},  # what some SMSCs write in full
    "ENROUTE": MessageState.ENROUTE,
    "DELIVRD": MessageState.DELIVERED,
    "EXPIRED": MessageState.EXPIRED,
    "DELETED": MessageState.DELETED,
    "UNDELIV": MessageState.UNDELIVERABLE,
    "ACCEPTD": MessageState.ACCEPTED,
    "UNKNOWN": MessageState.UNKNOWN,
    "REJECTD": MessageState.REJECTED,
}
_NAMES = {state: word for word, state in _WORDS.items() if len(word) == 7}
"""The words of a receipt's text: all have seven letters."""
_AROUND = " \"'`<>"
_BEFORE = "\xfe\xff\ufeff \t\r\n\x00\x1a"
_ID = re.compile(r"\bid[\"']?\s*[:=]\s*[\"'<]?\s*([^\s\"',;<>]{1,64})", re.IGNORECASE)
_STATE = re.compile(r"\bstat(?:e|us)?[\"']?\s*[:=]\s*[\"']?\s*([A-Za-z]{1,16})", re.IGNORECASE)
_ERROR = re.compile(r"\berr[\"']?\s*[:=]\s*[\"']?\s*([^\s\"',;]{1,16})", re.IGNORECASE)
_PAIR = re.compile(
    r"[\"']?(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text)[\"']?\s*[:=][ \t]*"
    r"(\"[^\"\n]{0,64}\"|'[^'\n]{0,64}'|[^\s\"',;]{0,64})[\s,;]*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """`message_id`: of the part, as this receipt writes it. `phone`: to whom the text went. `error`: the network's own code, empty where
    none is told. `text`: as it came."""

    message_id: str
    state: MessageState
    phone: str
    error: str = ""
    text: str = ""

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @property
    def detail(self) -> str:
        """`DELIVRD`, or `UNDELIV, error 045`."""
        told = self.error if self.error.strip("0") else ""
        return _NAMES[self.state] + (f", error {told}" if told else "")


def is_receipt(deliver: DeliverSm) -> bool:
    """Whether a deliver_sm is a receipt, also where esm_class does not say so: by its parameters, or by nothing but a receipt's words.

    What might be a person's text is none: whoever writes "id: stop" is received.
    """
    if deliver.is_receipt:
        return True
    text = _text(deliver)
    named = RECEIPTED_MESSAGE_ID in deliver.parameters or MESSAGE_STATE in deliver.parameters
    return receipt_in(text) is not None if text.strip() else named


def read_receipt(deliver: DeliverSm, country_code: str = "") -> Receipt:
    """What a receipt says; UNKNOWN and an empty id where it does not say. Never raises."""
    text = _text(deliver)
    parameters = deliver.parameters
    named = parameters.get(RECEIPTED_MESSAGE_ID, b"").partition(b"\0")[0][:64].decode("ascii", "backslashreplace")
    error = _first(_ERROR, text)
    network = parameters.get(NETWORK_ERROR_CODE, b"")
    if not error and len(network) == 3:
        error = f"{int.from_bytes(network[1:]):03d}"
    phone = phone_of(deliver.source, country_code)
    return Receipt(named.strip(_AROUND) or _first(_ID, text), _state(deliver, text), phone, error, text[:1000])


def receipt_in(text: str) -> Receipt | None:
    """The receipt that a text is from its first word to its last: an id with a digit, a known state, and only a receipt's other words.

    Without a phone. Source: SMPP 3.4, appendix B.
    """
    pairs: dict[str, str] = {}
    at = len(text) - len(text.lstrip(_BEFORE))
    while at < len(text) and "text" not in pairs:
        found = _PAIR.match(text, at)
        if found is None:
            return None
        pairs.setdefault(found[1].lower(), found[2].strip(_AROUND))
        at = found.end()
    state = _WORDS.get(pairs.get("stat", "").upper())
    message_id = pairs.get("id", "")
    if state is None or next(iter(pairs)) != "id" or not any(c.isdigit() for c in message_id):
        return None
    return Receipt(message_id, state, "", pairs.get("err", ""), text[:1000])


def _text(deliver: DeliverSm) -> str:
    """Its octets as text, whether one or two stand for a character: nothing in a receipt is beyond ASCII."""
    return read_body(deliver).octets.replace(b"\0", b"").decode("latin-1").strip(_BEFORE)


def _state(deliver: DeliverSm, text: str) -> MessageState:
    value = deliver.parameters.get(MESSAGE_STATE, b"")
    if len(value) == 1 and value[0] in _NUMBERS:
        return MessageState(value[0])
    return _WORDS.get(_first(_STATE, text).upper(), MessageState.UNKNOWN)


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
