"""Mail addresses in the form that SMTP takes: one rule for what is accepted as an endpoint and for what a mail is sent to.

Narrower than RFC 5322 on purpose: no quoted local parts, comments, groups, routes or address literals, so that nothing in an
address can be mistaken for a header, an SMTP parameter or a second recipient. And the operator's own sender, `NAME <ADDRESS>`: one
reader for the setting and for the channels that send by it. No I/O.
Sources: RFC 5322 (3.4, display names; RFC 2047 and 6532 for what is not ASCII in them), RFC 5321 (4.1.2, 4.5.3.1), RFC 6531
(SMTPUTF8), RFC 5890 (IDNA).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from functools import lru_cache

from tidings.wire.plain_text import is_plain, one_line

LOCAL_OCTETS_MAX = 64
ADDRESS_OCTETS_MAX = 254
NAME_CHARACTERS_MAX = 200

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff.-]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class Recipient:
    """`address` as SMTP takes it: the domain in ASCII. `utf8`: the local part needs SMTPUTF8."""

    address: str
    utf8: bool


@dataclass(frozen=True, slots=True)
class Sender:
    """Who our mails are from: `name` is shown unless a topic has its own, `address` is also the envelope's sender."""

    name: str
    address: str
    domain: str


def read_recipient(endpoint: str) -> Recipient:
    """Raises ValueError for what is not one address of ours."""
    local, at, domain = endpoint.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or not local.isprintable() or _dots_misplaced(local):
        raise ValueError("not a mail address")
    host = domain if domain.isascii() else _ascii_domain(endpoint)
    if not _HOST.fullmatch(host):
        raise ValueError("not a mail address")
    local_octets = len(local.encode())
    if local_octets > LOCAL_OCTETS_MAX:
        raise ValueError(f"a mail address has at most {LOCAL_OCTETS_MAX} octets before the @")
    if local_octets + 1 + len(host) > ADDRESS_OCTETS_MAX:
        raise ValueError(f"a mail address has at most {ADDRESS_OCTETS_MAX} octets")
    return Recipient(f"{local}@{host}", not local.isascii())


def _dots_misplaced(local: str) -> bool:
    return local[0] == "." or local[-1] == "." or ".." in local


def _ascii_domain(endpoint: str) -> str:
    # Slow to import, and seldom needed: every command reads the settings.
    from email_validator import EmailNotValidError, validate_email

    # IDNA 2008: the standard library's older rules would send mail for `faß.example` to `fass.example`.
    try:
        found = validate_email(endpoint, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as exc:
        raise ValueError(f"not a mail address: {exc}") from exc
    if found.ascii_domain is None:
        raise ValueError("not a mail address")
    return found.ascii_domain


@lru_cache(maxsize=16)
def read_sender(text: str) -> Sender:
    """Read `NAME <ADDRESS>` or a bare address, as an operator writes it: quotes around the name may be left out.

    Raises ValueError with one sentence: several addresses, a group, a name or an address that no mail can carry.
    """
    if not is_plain(text):
        raise ValueError("must be one line without control characters and marks of direction")
    text = text.strip()
    if text.endswith(";"):
        raise ValueError("must be one address, not a group")
    name, address = "", text
    if text.endswith(">"):
        name, _, address = text[:-1].rpartition("<")
    name = _display_name(name.strip())
    try:
        found = read_recipient(address.strip())
    except ValueError as error:
        raise ValueError(f"must be an address or NAME <ADDRESS>: {error}") from error
    if found.utf8:
        raise ValueError(
            "must have an address that is ASCII before the @: relays without SMTPUTF8 would refuse every mail"
        )
    return Sender(name, found.address, found.address.rpartition("@")[2])


def _display_name(written: str) -> str:
    """What is shown: quoted parts without their quotes, encoded words decoded. Raises ValueError."""
    if _QUOTED.sub("", written).count('"'):
        raise ValueError("must have both quotes around the name, or none")
    if set("<>@") & set(_QUOTED.sub("", written)):
        raise ValueError("must be one address; quote a name that has <, > or @ in it")
    name = _QUOTED.sub(lambda quoted: _ESCAPED.sub(r"\1", quoted[1]), written)
    if "=?" in name:
        try:
            name = str(make_header(decode_header(name)))
        except (HeaderParseError, LookupError, UnicodeError) as error:
            raise ValueError("must have a name whose encoded words can be read; write it as it is") from error
        if not is_plain(name):
            raise ValueError("must be one line without control characters and marks of direction")
    name = one_line(name)
    if len(name) > NAME_CHARACTERS_MAX:
        raise ValueError(f"must have a name of at most {NAME_CHARACTERS_MAX} characters")
    return name
