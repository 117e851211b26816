"""SMPP 3.4 as bytes: PDUs, the alphabet of texts, cutting and joining, receipts. Pure; `channels/sms` has the sockets.

`pdu` reads and writes PDUs, `addresses` numbers, `statuses` what answers mean; `splitting` and `gsm` make parts of a text;
`texts`, `joining` and `receipts` read what comes in; `url` is where an SMSC is.
"""

from tidings.wire.smpp.receipts import MessageState, Receipt
from tidings.wire.smpp.url import BindKind, Coding0, SmppUrl

__all__ = ["BindKind", "Coding0", "MessageState", "Receipt", "SmppUrl"]
