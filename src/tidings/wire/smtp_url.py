"""The address of a mail relay: `smtp://user:password@host:port?starttls=…` or `smtps://…`.

Read by the settings, used by the email channel and by `doctor`. Sources: RFC 6409, RFC 8314 (ports), RFC 3207 (STARTTLS).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from tidings.wire.hosts import is_loopback

FORM = "smtp://[user:password@]host[:port][?starttls=required|optional|no] or smtps://…"
_STARTTLS = ("required", "optional", "no")


@dataclass(frozen=True, slots=True)
class SmtpUrl:
    """Where mail goes. `url` as it was given. `starttls`: required, optional (if offered, certificate unchecked) or no; empty with
    `smtps`. As text, its password is masked."""

    url: str = field(repr=False)
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    implicit_tls: bool
    starttls: str

    def __str__(self) -> str:
        return re.sub(r"(://[^/@:]*:)[^/]*@", r"\1********@", self.url)


def read_smtp_url(url: str) -> SmtpUrl:
    """Raises ValueError with a reason that reads on after a name (`must be …`) and repeats nothing of the URL, which may hold a
    password.

    Ports default to 465 (smtps), 587 (with a user) and 25. STARTTLS defaults to `required` when a password would otherwise cross
    the network in clear, else to `optional`.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/") or parts.fragment:
        raise ValueError(f"must be {FORM}")
    options = parse_qs(parts.query, keep_blank_values=True)
    user = unquote(parts.username or "")
    implicit_tls = parts.scheme == "smtps"
    usual = "required" if user and not is_loopback(parts.hostname) else "optional"
    starttls = options.pop("starttls", [usual])[-1]
    if options or starttls not in _STARTTLS or not url.isprintable():
        raise ValueError(f"must be {FORM}")
    port = _port_of(parts) or (465 if implicit_tls else 587 if user else 25)
    password = unquote(parts.password or "")
    return SmtpUrl(url, parts.hostname, port, user, password, implicit_tls, "" if implicit_tls else starttls)


def _port_of(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:  # its text would repeat a part of the URL, maybe of the password
        raise ValueError("must have a port from 0 to 65535, if any, and percent-encode special characters") from None
