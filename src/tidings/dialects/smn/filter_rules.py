"""Whether a message passes a subscription's filter policies. Pure; called by `envelopes` for every delivery.

A policy rejects only a message that has its attribute with none of the listed values. Source: SMN API reference, "Creating Message
Filter Policies for a Subscriber"; SMN user guide, "Using a Subscription Filtering Policy".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from tidings.domain.model import MessageAttribute


def passes(policies: str, attributes: Mapping[str, MessageAttribute]) -> bool:
    """policies: the JSON text of a list of `{"name", "string_equals"}`."""
    if not attributes:
        return True
    for name, wanted in _read(policies):
        attribute = attributes.get(name)
        if attribute is not None and wanted.isdisjoint(_values(attribute)):
            return False
    return True


@lru_cache(maxsize=4096)
def _read(policies: str) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((policy["name"], frozenset(policy["string_equals"])) for policy in msgspec.json.decode(policies))


def _values(attribute: MessageAttribute) -> list[str]:
    if attribute.type != "String.Array":
        return [attribute.value]
    values = msgspec.json.decode(attribute.value)
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else [attribute.value]
