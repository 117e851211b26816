"""Delivery receipts: what became of a text that the SMSC took, by its parameters, else by the text that it sends along.

Called by `channels/sms`. Source: SMPP 3.4 appendix B and sections 5.2.28, 5.3.2.12, 5.3.2.35.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from tidings.wire.smpp.addresses import phone_of
from tidings.wire.smpp.pdu import MESSAGE_STATE, NETWORK_ERROR_CODE, RECEIPTED_MESSAGE_ID, DeliverSm


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
_ID = re.compile(r"\bid:\s*([^\s]{1,64})", re.IGNORECASE)
_STATE = re.compile(r"\bstat:\s*([A-Za-z]{1,16})", re.IGNORECASE)
_ERROR = re.compile(r"\berr:\s*([^\s]{1,16})", re.IGNORECASE)


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

    @property
    def possible_ids(self) -> tuple[str, ...]:
        """The id as it stands, then in the other notation: some SMSCs answer in hexadecimal and report in decimal digits, or vice
        versa, some with leading zeros."""
        digits = self.message_id
        others = [digits] if digits else []
        if re.fullmatch(r"[0-9]{1,20}", digits):
            number = int(digits)
            others += [f"{number:x}", f"{number:X}", f"{number:08x}", f"{number:08X}", str(number)]
        if re.fullmatch(r"[0-9A-Fa-f]{1,16}", digits):
            number = int(digits, 16)
            others += [str(number), f"{number:010d}"]
        return tuple(dict.fromkeys(others))


def read_receipt(deliver: DeliverSm, country_code: str = "") -> Receipt:
    """What a receipt says; UNKNOWN and an empty id where it does not say. Never raises."""
    text = deliver.octets.decode("latin-1")
    parameters = deliver.parameters
    named = parameters.get(RECEIPTED_MESSAGE_ID, b"").partition(b"\0")[0][:64].decode("ascii", "backslashreplace")
    error = _first(_ERROR, text)
    network = parameters.get(NETWORK_ERROR_CODE, b"")
    if not error and len(network) == 3:
        error = f"{int.from_bytes(network[1:]):03d}"
    return Receipt(
        named or _first(_ID, text), _state(deliver, text), phone_of(deliver.source, country_code), error, text[:1000]
    )


def _state(deliver: DeliverSm, text: str) -> MessageState:
    value = deliver.parameters.get(MESSAGE_STATE, b"")
    if len(value) == 1 and value[0] in _NUMBERS:
        return MessageState(value[0])
    return _WORDS.get(_first(_STATE, text).upper(), MessageState.UNKNOWN)


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
