"""Passwords within the URLs of endpoints: `http://user:secret@host/`. Pure.

The services take them out before anything is stored, so what is kept, shown, logged and exported is `http://user:****@host/`; the
channel puts them back into the request that it sends. Source: RFC 3986, 3.2.1 (passwords in URLs are shown as nothing).
"""

from __future__ import annotations

import re

MASK = "****"
SETTING = "endpoint:password"
"""The subscription's setting that holds the sealed password, as base64."""

_PASSWORD = re.compile(r"(?i)\A(https?://[^/?#:@]*):([^/?#]+)@")
_SHOWN = f":{MASK}@"


def take_out(endpoint: str) -> tuple[str, str]:
    """(the endpoint with a mask in place of its password, the password as it stood there); the second is empty without one."""
    found = _PASSWORD.match(endpoint)
    if found is None:
        return endpoint, ""
    return f"{found[1]}{_SHOWN}{endpoint[found.end() :]}", found[2]


def masked(endpoint: str) -> str:
    """The endpoint as it may be shown."""
    return take_out(endpoint)[0] if "@" in endpoint else endpoint


def put_back(endpoint: str, password: str) -> str:
    """The endpoint as it was given."""
    return endpoint.replace(_SHOWN, f":{password}@", 1)
