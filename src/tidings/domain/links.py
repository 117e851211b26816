"""Addresses of the subscribers' pages, as messages carry them. Used by envelopes, the pages themselves and the access log.

Short on purpose: a text message has 160 characters, and the secret alone takes 64 of them.
"""

from __future__ import annotations

PREFIX = "/s/"
CONFIRM = "y"
RESTORE = "r"
CANCEL = "c"
ENDPOINT = "e"
PERMANENT = "p"
NAMED = "u"
EVERYTHING = "all"
_SECRET_KINDS = frozenset({CONFIRM, RESTORE, CANCEL, ENDPOINT, PERMANENT, NAMED})


def confirm_url(base: str, token: str) -> str:
    """The page that asks to confirm, for 64 hex digits of a confirmation token. `base`: the public URL, or its path alone."""
    return _url(base, CONFIRM, token)


def restore_url(base: str, token: str) -> str:
    """The page that asks to come back, for a restore token."""
    return _url(base, RESTORE, token)


def cancel_url(base: str, link: str) -> str:
    """The page that asks to cancel, for a signed link of purpose CANCEL. Nothing changes until its button is pressed."""
    return _url(base, CANCEL, link)


def one_click_url(base: str, link: str) -> str:
    """The target of `List-Unsubscribe` when `List-Unsubscribe-Post` is sent too. Source: RFC 8058, 3.1: the same address
    serves the person (GET) and the mail program (POST)."""
    return _url(base, CANCEL, link)


def endpoint_url(base: str, link: str) -> str:
    """The page that lists everything an endpoint receives, for a signed link of purpose ENDPOINT."""
    return _url(base, ENDPOINT, link)


def permanent_url(base: str, link: str) -> str:
    """The page on which a phone's owner confirms, cancels and comes back, for a signed link of purpose PERMANENT."""
    return _url(base, PERMANENT, link)


def named_url(base: str, subscription_uid: str) -> str:
    """The page that asks to cancel, for whoever knows a subscription's name and holds no link that was sent to its endpoint."""
    return _url(base, NAMED, subscription_uid)


def page_url(kind: str, secret: str) -> str:
    """The path of a page by the kind of its link."""
    return _url("", kind, secret)


def endpoint_item_url(base: str, link: str, subscription_uid: str) -> str:
    """One subscription of that list."""
    return f"{_url(base, ENDPOINT, link)}/{subscription_uid}"


def endpoint_all_url(base: str, link: str) -> str:
    """All subscriptions of that list at once."""
    return f"{_url(base, ENDPOINT, link)}/{EVERYTHING}"


def without_secret(path: str) -> str:
    """The path with its secret taken out, for logs: `/s/c/…`. Other paths come back unchanged."""
    if not path.startswith(PREFIX):
        return path
    kind, slash, secret = path.removeprefix(PREFIX).partition("/")
    if kind not in _SECRET_KINDS or not secret:
        return path
    return f"{PREFIX}{kind}{slash}…"


def _url(base: str, kind: str, secret: str) -> str:
    return f"{base.rstrip('/')}{PREFIX}{kind}/{secret}"
