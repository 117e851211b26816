"""What goes to a gateway: from a text to a Kannel query, or to a JSON body with its signature. Pure.

Called by `channel` for every attempt. Sources: Kannel user guide, "Using the HTTP interface to send SMS" and "Delivery reports"; for our
own form the how-to page on sending texts.
"""

from __future__ import annotations

from urllib.parse import quote

from msgspec.json import encode

from tidings.domain.envelope import HttpContent, HttpQuery, Outgoing, TextContent
from tidings.domain.model import Kind
from tidings.domain.optout import TOPICS_APP, SmsType
from tidings.wire.gateway_signature import HEADER, sign
from tidings.wire.gateway_url import KANNEL_RECEIPTS, GatewayUrl
from tidings.wire.smpp import gsm
from tidings.wire.smpp.addresses import destination, sender

KANNEL_HEAD = b"User-Agent: Tidings\r\n"
WEBHOOK_HEAD = "Content-Type: application/json\r\nUser-Agent: Tidings\r\n"

_EVERY_RECEIPT = "31"
_GSM, _UCS2 = "0", "2"
_TYPE_NAMES = {int(sms_type): sms_type.name.lower() for sms_type in SmsType}


def own_id(outgoing: Outgoing) -> str:
    """The id under which a gateway knows the text, the same for all attempts: that of its message, unless that goes to many."""
    message = outgoing.message
    return message.id if message.kind is Kind.DIRECT else f"{message.id}.{outgoing.subscriber.id}"


def sender_of(url: GatewayUrl, outgoing: Outgoing, content: TextContent) -> str:
    """Whom the text comes from, after a look at both numbers. Raises ValueError."""
    destination(outgoing.endpoint)
    name = content.sender or url.sender
    sender(name)
    return name


def kannel(url: GatewayUrl, outgoing: Outgoing, content: TextContent, receipt_url: str) -> HttpContent:
    """A sendsms request. receipt_url: where Kannel shall bring receipts, empty for none. Raises ValueError."""
    coding, charset, octets = _coded(content.text, url.charset)
    fields = {
        "username": url.user,
        "password": url.password,
        "from": sender_of(url, outgoing, content),
        "to": outgoing.endpoint,
        "smsc": url.smsc,
        "coding": coding,
        "charset": charset,
    }
    if receipt_url:
        fields |= {"dlr-mask": _EVERY_RECEIPT, "dlr-url": receipt_url}
    pairs = [f"{name}={quote(value, safe='')}" for name, value in fields.items() if value]
    pairs.append(f"text={quote(octets, safe='')}")
    return HttpQuery(KANNEL_HEAD, b"", "&".join(pairs).encode("ascii"))


def _coded(text: str, charset: str) -> tuple[str, str, bytes]:
    """Kannel's coding, the charset, and the text in it. What the GSM alphabet or the charset lacks goes as UCS-2."""
    try:
        gsm.encode(text)
        return _GSM, charset, text.encode(charset)
    except UnicodeEncodeError:
        return _UCS2, "UTF-16BE", text.encode("utf-16-be", "replace")


def kannel_receipt_url(public_url: str, secret: str, text_id: str) -> str:
    """With Kannel's own marks for the outcome of the text (`%d`), whose phone (`%p`), our number (`%P`), the SMSC's words (`%A`)."""
    fixed = f"{public_url}{KANNEL_RECEIPTS}?secret={quote(secret, safe='')}&id={quote(text_id, safe='')}"
    # Kannel reads a percent sign as the beginning of a mark.
    return fixed.replace("%", "%%") + "&status=%d&from=%p&to=%P&answer=%A"


def webhook(url: GatewayUrl, outgoing: Outgoing, content: TextContent, secret: str, at_s: int) -> HttpContent:
    """A POST of our own form, signed when there is a secret. Raises ValueError."""
    message = outgoing.message
    body = encode(
        {
            "id": own_id(outgoing),
            "from": sender_of(url, outgoing, content),
            "to": outgoing.endpoint,
            "text": content.text.encode("utf-8", "replace").decode(),
            "type": _TYPE_NAMES.get(message.sms_type, _TYPE_NAMES[SmsType.NOTIFICATION]),
            "sms_sdk_app_id": message.sms_app or TOPICS_APP,
            "account_id": str(message.account_id),
            "receipt": url.receipts,
        }
    )
    head = WEBHOOK_HEAD
    if secret:
        head += f"{HEADER}: {sign(secret, body, at_s)}\r\n"
    return HttpContent(head.encode("ascii"), body)
