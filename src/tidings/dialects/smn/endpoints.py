"""Endpoints as SMN's callers write them, brought to the one form in which the server keeps and compares them.

Called by operations. Source: SMN API reference, "Adding a Subscription"; SMN user guide, "Adding a Subscription".
"""

from __future__ import annotations

import re

from tidings.dialects.smn import webhook_endpoints
from tidings.dialects.smn.errors import refuse
from tidings.dialects.smn.limits import BOT_PROTOCOLS, PREFIX
from tidings.domain import passwords
from tidings.domain.errors import InvalidValue
from tidings.domain.model import Subscription
from tidings.domain.protocols import Protocols
from tidings.services import endpoints
from tidings.wire.egress import EgressPolicy
from tidings.wire.phone_plans import canonical

AS_GIVEN = PREFIX + "endpoint"
"""The setting that holds the endpoint as its owner wrote it, where that differs: tools compare what a list shows with it."""

_MAINLAND = re.compile(r"1[3-9][0-9]{9}\Z")
_WEB = frozenset({"http", "https"})


def read(protocols: Protocols, egress: EgressPolicy, protocol: str, text: str) -> str:
    """The endpoint as it is kept. Raises SmnError SMN.0012 (not one of the protocol), SMN.0069 (an inside address)."""
    if protocol in _WEB:
        return webhook_endpoints.check_url_of(protocols, egress, protocol, text)
    if protocol in BOT_PROTOCOLS:
        return webhook_endpoints.check_url_of(protocols, egress, protocol, text)
    try:
        return protocols.check(protocol, _with_country(text) if protocol == "sms" else text)
    except InvalidValue as error:
        raise refuse("SMN.0012") from error


def wanted(text: str) -> str:
    """The form in which an endpoint that somebody looks for would be kept; whatever is none stays as it is."""
    text = _with_country(text)
    if "@" in text and "://" not in text:
        try:
            return endpoints.email_address(text)
        except InvalidValue:
            return text
    return canonical(passwords.masked(text))


def shown(subscription: Subscription) -> str:
    """The endpoint as its owner wrote it."""
    return subscription.settings.get(AS_GIVEN) or subscription.endpoint


def _with_country(number: str) -> str:
    """A bare number is one of mainland China."""
    return f"+86{number}" if _MAINLAND.match(number) else number
