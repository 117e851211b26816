"""Endpoints as pages show them: enough for their owner to recognize, too little for whoever a link was forwarded to.

Used by the descriptions of protocols. Never shows a whole address, number, path or account.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import phonenumbers

DOTS = "•••"
_TAILS = ((9, 4), (6, 2))  # from so many digits after the country code, so many are shown: at least four stay unknown


def mail(address: str) -> str:
    """The first character, and the domain."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1] if len(local) > 1 else ''}{DOTS}@{domain}"


def phone(number: str) -> str:
    """The country code, and the last digits of a long number. number: in E.164 form."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return f"+{DOTS}•"
    # Of the number itself: the library puts an area code before San Marino's, and it would seem to be longer.
    national = number[len(f"+{parsed.country_code}") :]
    shown = next((shown for digits, shown in _TAILS if len(national) >= digits), 0)
    return f"+{parsed.country_code} {DOTS}• {national[len(national) - shown :]}".rstrip()


def web(url: str) -> str:
    """Scheme and host: the rest, and a name and password before the host, may be secrets."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return DOTS
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}/{DOTS}"


def last_part(name: str) -> str:
    """The end of an ARN: the queue's name without its account."""
    return f"{DOTS}:{name.rpartition(':')[2]}" if ":" in name else f"{name[:1]}{DOTS}"
