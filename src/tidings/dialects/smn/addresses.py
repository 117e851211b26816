"""Addresses of SMN's public links, as messages, answers and the links' own operations write them. Pure.

Source: SMN user guide, "HTTP or HTTPS Message Format" (`subscribe_url`, `unsubscribe_url`).
"""

from __future__ import annotations

from urllib.parse import quote

CONFIRM_PATH = "smn/subscription/confirm"
UNSUBSCRIBE_PATH = "smn/subscription/unsubscribe"


def confirm_link(public_url: str, topic_urn: str, region: str, token: str) -> str:
    """The link that confirms, or brings back, for 64 hex digits of a token or a PERMANENT link's text."""
    base = public_url.rstrip("/")
    return f"{base}/{CONFIRM_PATH}?token={_quoted(token)}&topic_urn={_quoted(topic_urn)}&{_where(region)}"


def unsubscribe_link(public_url: str, subscription_urn: str, region: str) -> str:
    """The link that cancels; it holds no secret, because SMN's holds none."""
    base = public_url.rstrip("/")
    return f"{base}/{UNSUBSCRIBE_PATH}?{_where(region)}&subscription_urn={_quoted(subscription_urn)}"


def _where(region: str) -> str:
    # Both names: older receivers read `region`, newer ones `region_id`.
    name = _quoted(region)
    return f"region={name}&region_id={name}"


def _quoted(text: str) -> str:
    return quote(text, safe=":-_.~")
