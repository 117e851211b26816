"""Endpoints and senders outside of subscriptions: what somebody searches for, and what texts come from."""

from __future__ import annotations

import re

from tidings.domain.errors import InvalidValue
from tidings.wire import endpoint_forms
from tidings.wire.phone_plans import is_possible, without_trunk_prefix

_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_SENDER = re.compile(r"\+[1-9][0-9]{6,14}\Z|[0-9]{1,20}\Z|[A-Za-z0-9 ._-]{1,11}\Z")


def phone_number(text: str) -> str:
    """A number of ours in E.164, without a trunk prefix: as texts name it that come from it. Raises InvalidValue.

    Checked by pattern first, because the library drops letters. People's numbers are not ours to refuse: see `endpoint_forms`.
    """
    if not _E164.match(text):
        raise InvalidValue("endpoint", "not an E.164 number", text)
    found = without_trunk_prefix(text)
    if found != text:  # a second trunk prefix may be behind the first
        return phone_number(found)
    if not is_possible(found):
        raise InvalidValue("endpoint", "not a possible number", text)
    return found


def email_address(text: str) -> str:
    """A mail address, domain in lower case. Raises InvalidValue."""
    try:
        return endpoint_forms.mail_address(text)
    except ValueError as error:
        raise InvalidValue("endpoint", str(error), text[:100]) from error


def is_sender(text: str) -> bool:
    """Whether texts can come from this: a number, a short code, or a name of at most 11 characters. More does not fit into a text.

    Source: 3GPP TS 23.040, 9.1.2.5 (address fields); SMPP 3.4, 4.4.1 (source_addr).
    """
    return _SENDER.match(text) is not None
