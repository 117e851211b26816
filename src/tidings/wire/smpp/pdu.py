"""SMPP 3.4's PDUs: bytes in, PDUs out, and the ones that we write.

Called by `channels/sms`. No sockets. Whatever the other side sends ends as a `Pdu`, or as `Malformed`; nothing is believed: lengths
are checked before anything is read. Source: SMPP 3.4 sections 3.2, 4 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from tidings.wire.smpp.addresses import Address
from tidings.wire.smpp.splitting import Part
from tidings.wire.smpp.url import BindKind, SmppUrl

RESPONSE = 0x80000000
GENERIC_NACK = 0x80000000
BIND_RECEIVER = 0x00000001
BIND_TRANSMITTER = 0x00000002
SUBMIT_SM = 0x00000004
DELIVER_SM = 0x00000005
UNBIND = 0x00000006
BIND_TRANSCEIVER = 0x00000009
OUTBIND = 0x0000000B
ENQUIRE_LINK = 0x00000015
ALERT_NOTIFICATION = 0x00000102

BINDS = {
    BindKind.RECEIVER: BIND_RECEIVER,
    BindKind.TRANSMITTER: BIND_TRANSMITTER,
    BindKind.TRANSCEIVER: BIND_TRANSCEIVER,
}

HEADER_OCTETS = 16
PDU_OCTETS_MAX = 0x10000 + 1024
"""A message_payload has up to 65,535 octets; what else a PDU holds is far below a thousand."""
SEQUENCE_MAX = 0x7FFFFFFF
VERSION = 0x34

_HEADER = Struct(">IIII")


class Malformed(ValueError):
    """What came is no PDU, or not the one it says it is."""


class Pdu(NamedTuple):
    command: int
    status: int
    sequence: int
    body: bytes


class Intake:
    """Cuts what a connection receives into PDUs. After `Malformed` nothing more can be read from it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Pdu]:
        """The PDUs that are whole now; to be exhausted before the next call. Raises Malformed at a length that cannot be."""
        data = self._rest + data if self._rest else data
        at, end = 0, len(data)
        try:
            while end - at >= 4:
                length = int.from_bytes(data[at : at + 4])
                if not HEADER_OCTETS <= length <= PDU_OCTETS_MAX:
                    raise Malformed(f"a PDU of {length} octets")
                if end - at < length:
                    break
                _, command, status, sequence = _HEADER.unpack_from(data, at)
                body = data[at + HEADER_OCTETS : at + length]
                at += length
                yield Pdu(command, status, sequence, body)
        finally:
            self._rest = data[at:]


def pdu(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """Any PDU."""
    return _HEADER.pack(HEADER_OCTETS + len(body), command, status, sequence) + body


def bind(sequence: int, url: SmppUrl) -> bytes:
    """The bind that the URL wants."""
    fields = (url.system_id, url.password, url.system_type)
    texts = b"".join(value.encode("ascii") + b"\0" for value in fields)
    return pdu(BINDS[url.bind], sequence, texts + bytes((VERSION, 0, 0, 0)))  # TON, NPI and range: whatever is ours


def submit_sm(sequence: int, source: bytes, destination: bytes, part: Part, *, receipt: bool) -> bytes:
    """One part of a text. source, destination: `Address.octets`. receipt: ask for a receipt of the final state."""
    esm_class, coding, octets = part
    fixed = bytes((esm_class, 0, 0, 0, 0, receipt, 0, coding, 0, len(octets)))
    body = b"\0" + source + destination + fixed + octets
    return _HEADER.pack(HEADER_OCTETS + len(body), SUBMIT_SM, 0, sequence) + body


def response(request: Pdu, status: int = 0) -> bytes:
    """The answer to one of the SMSC's requests; a deliver_sm's carries an empty message_id."""
    body = b"\0" if request.command == DELIVER_SM else b""
    return pdu(request.command | RESPONSE, request.sequence, body, status)


def message_id_of(body: bytes) -> str:
    """The id in a submit_sm_resp; empty where there is none. Never raises: the text was taken, whatever it is called."""
    return body.partition(b"\0")[0][:64].decode("ascii", "backslashreplace")


# --- deliver_sm -----------------------------------------------------------------------------------------------------------

RECEIPTED_MESSAGE_ID = 0x001E
SAR_REFERENCE = 0x020C
SAR_TOTAL = 0x020E
SAR_NUMBER = 0x020F
MESSAGE_PAYLOAD = 0x0424
NETWORK_ERROR_CODE = 0x0423
MESSAGE_STATE = 0x0427

_KIND_OF_MESSAGE = 0x3C
_RECEIPT, _NOTIFICATION = 0x04, 0x20


@dataclass(frozen=True, slots=True)
class DeliverSm:
    """A text of a person, or a receipt. `octets`: as it came, user data header included. `parameters`: optional ones by tag, the first
    of each."""

    source: Address
    destination: Address
    esm_class: int
    data_coding: int
    octets: bytes
    parameters: Mapping[int, bytes]

    @property
    def is_receipt(self) -> bool:
        """Also of a text that is still on its way. Some SMSCs forget esm_class and still name the text that they mean."""
        kind = self.esm_class & _KIND_OF_MESSAGE
        named = RECEIPTED_MESSAGE_ID in self.parameters and MESSAGE_STATE in self.parameters
        return kind in (_RECEIPT, _NOTIFICATION) or named


class _Reader:
    """Reads fields one after the other, never beyond the end."""

    __slots__ = ("_at", "_body")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def text(self, octets_max: int) -> str:
        """A C-octet string."""
        end = self._body.find(b"\0", self._at, self._at + octets_max)
        if end < 0:
            raise Malformed("a text without end")
        value = self._body[self._at : end]
        self._at = end + 1
        return value.decode("latin-1")

    def octets(self, count: int) -> bytes:
        if len(self._body) - self._at < count:
            raise Malformed("a PDU that ends too early")
        self._at += count
        return self._body[self._at - count : self._at]

    def address(self) -> Address:
        ton, npi = self.octets(2)
        # Longer than allowed, because some SMSCs write alphanumeric senders so.
        return Address(ton, npi, self.text(65))

    def parameters(self) -> dict[int, bytes]:
        """Optional parameters; one that is cut off ends the list."""
        found: dict[int, bytes] = {}
        while len(self._body) - self._at >= 4:
            tag = int.from_bytes(self.octets(2))
            length = int.from_bytes(self.octets(2))
            if len(self._body) - self._at < length:
                break
            found.setdefault(tag, self.octets(length))
        return found


def read_deliver_sm(body: bytes) -> DeliverSm:
    """Raises Malformed."""
    reader = _Reader(body)
    reader.text(64)  # service_type
    source, destination = reader.address(), reader.address()
    esm_class, _protocol, _priority = reader.octets(3)
    reader.text(64)  # schedule_delivery_time
    reader.text(64)  # validity_period
    _registered, _replace, coding, _default, length = reader.octets(5)
    octets = reader.octets(length)
    parameters = reader.parameters()
    payload = parameters.get(MESSAGE_PAYLOAD, b"")
    # Both at once is against the specification: then the header comes first, or the text's beginning is repeated.
    whole = payload if payload.startswith(octets) else octets + payload
    return DeliverSm(source, destination, esm_class, coding, whole, parameters)
