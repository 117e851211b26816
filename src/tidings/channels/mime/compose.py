"""Builds a mail: headers, text and HTML parts, then its octets.

Called by the email channel and the outbox. No header can be injected: every value that came from outside loses its control
characters (`one_line`) or is refused (`read_recipient`, `web_url`), and what is left is ASCII or encoded words. Why not `email`:
decision 0016.
Sources: RFC 5322, RFC 2045-2047, RFC 2369 and 8058 (List-Unsubscribe), RFC 2919 (List-Id), RFC 3834 (Auto-Submitted).
"""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64, b2a_qp
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.utils import format_datetime
from functools import lru_cache

from tidings.channels.mime.dkim import DkimKey, dkim_header
from tidings.channels.mime.render import language_of, render, subject_of, web_url
from tidings.domain.envelope import MailContent, Outgoing
from tidings.wire.mail_address import NAME_CHARACTERS_MAX, read_recipient, read_sender
from tidings.wire.plain_text import one_line

SUBJECT_CHARACTERS_MAX = 500
HEADER_URL_OCTETS_MAX = 900
"""A header line may have 998 octets (RFC 5322, 2.1.1), and a web address cannot be folded."""
ENCODED_WORD_OCTETS_MAX = 45
"""60 characters of base64, so that a word keeps under its 75 (RFC 2047, 2)."""

_LIST_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,250}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail before its octets. `headers` in order, as text; `html` is empty for plain mails."""

    sender: str
    recipient: str
    utf8: bool
    message_id: str
    from_name: str
    subject: str
    text: str
    html: str
    language: str
    topic_name: str
    headers: tuple[tuple[str, str], ...]


def compose(content: MailContent, endpoint: str, mail_from: str, message_id: str, date: datetime) -> Mail:
    """Dress a content for one address.

    mail_from: `Name <address>`; message_id: unique per delivery, without domain. Raises ValueError when the address or the
    template is not one we can send to or with.
    """
    sender = read_sender(mail_from)
    recipient = read_recipient(endpoint)
    text, html = render(content)
    subject = _shown(subject_of(content))[:SUBJECT_CHARACTERS_MAX]
    from_name = _shown(one_line(content.from_name))[:NAME_CHARACTERS_MAX] or _shown(sender.name)
    identity = f"<{_atom(message_id)}@{sender.domain}>"
    headers = (
        ("From", str(Address(display_name=from_name, addr_spec=sender.address))),
        ("To", recipient.address),
        ("Subject", subject),
        ("Date", format_datetime(date)),
        ("Message-ID", identity),
        *_list_headers(content),
    )
    return Mail(
        sender=sender.address,
        recipient=recipient.address,
        utf8=recipient.utf8,
        message_id=identity,
        from_name=from_name,
        subject=subject,
        text=text,
        html=html,
        language=language_of(content),
        topic_name=one_line(content.topic_name),
        headers=headers,
    )


def mail_of(outgoing: Outgoing, mail_from: str) -> Mail:
    """The mail of an attempt. Every attempt of a delivery gives the same, so that mailboxes drop repeats. Raises ValueError."""
    if not isinstance(outgoing.content, MailContent):
        raise ValueError("not a mail")
    message = outgoing.message
    message_id = f"{message.id}.{outgoing.subscriber.uid or 'direct'}"
    return compose(outgoing.content, outgoing.endpoint, mail_from, message_id, message.accepted_at)


def octets(mail: Mail, dkim: DkimKey | None = None) -> bytes:
    """The mail as it goes over the wire: CRLF line ends, 7 bit (headers UTF-8 if the address needs it)."""
    lines = [_header_line(mail, name, value) for name, value in mail.headers]
    lines += ["MIME-Version: 1.0\r\n", f"Content-Language: {mail.language}\r\n"]
    if mail.html:
        boundary = "=_" + hashlib.sha256(mail.message_id.encode()).hexdigest()[:32]
        lines.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n')
        for subtype, text in (("plain", mail.text), ("html", mail.html)):
            lines += [f"--{boundary}\r\n", _part(subtype, text), "\r\n"]
        lines.append(f"--{boundary}--\r\n")
    else:
        lines.append(_part("plain", mail.text))
    whole = "".join(lines).encode()
    return dkim_header(whole, dkim) + whole if dkim is not None else whole


def _header_line(mail: Mail, name: str, value: str) -> str:
    # Never folded: every value is bounded far under the 998 octets of a line, and readers disagree about unfolding.
    if name == "From" and not mail.from_name.isascii():
        value = f"{_encoded_words(mail.from_name)} <{mail.sender}>"
    elif name == "Subject" and not value.isascii():
        value = _encoded_words(value)
    return f"{name}: {value}\r\n"


@lru_cache(maxsize=256)
def _encoded_words(text: str) -> str:
    """RFC 2047, whole characters in each word. The standard library's own mixture with plain words moves spaces about."""
    words, held = [], b""
    for character in text:
        encoded = character.encode()
        if len(held) + len(encoded) > ENCODED_WORD_OCTETS_MAX:
            words.append(held)
            held = b""
        held += encoded
    words.append(held)
    return "\r\n ".join(f"=?utf-8?b?{b2a_base64(word, newline=False).decode('ascii')}?=" for word in words)


def _part(subtype: str, text: str) -> str:
    """A text part with its headers. Both encodings write `=_` as something else, so no text can hold the boundary."""
    data = text.replace("\n", "\r\n").encode()
    if len(data) * 5 < len(text) * 6:
        encoding, payload = "quoted-printable", b2a_qp(data).decode("ascii")
    else:
        encoded = b2a_base64(data, newline=False).decode("ascii")
        encoding = "base64"
        payload = "".join([f"{encoded[at : at + 76]}\r\n" for at in range(0, len(encoded), 76)])
    kind = f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
    return f"{kind}Content-Transfer-Encoding: {encoding}\r\n\r\n{payload}"


def _list_headers(content: MailContent) -> list[tuple[str, str]]:
    headers = [("Auto-Submitted", "auto-generated")]
    one_click = web_url(content.one_click_url)
    if content.template == "notification" or one_click:
        headers.append(("Precedence", "bulk"))
    if _LIST_ID.fullmatch(content.list_id):
        headers.append(("List-Id", f"<{content.list_id}>"))
    if one_click and len(one_click) <= HEADER_URL_OCTETS_MAX:
        headers.append(("List-Unsubscribe", f"<{one_click}>"))
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return headers


def _shown(text: str) -> str:
    # What looks like an encoded word would be decoded by readers (and by the standard library while folding), and could
    # then hold anything.
    return text.replace("=?", "= ?")


def _atom(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "", text)[:200].strip(".") or "unnamed"
