"""`extension` of a subscription: what a protocol wants to know besides the endpoint, as settings. Called by `subscriptions`.

A secret is sealed before it becomes a setting, and nothing shows it again. What a protocol has no use for is not kept.
Source: huaweicloudsdksmn, SubscriptionExtension; SMN API reference, "Adding a Subscription".
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from tidings.dialects.smn import codec, webhook_endpoints
from tidings.dialects.smn.errors import refuse
from tidings.dialects.smn.limits import PREFIX
from tidings.domain.ports import Vault

HEADER = PREFIX + "header"
KEYWORD = PREFIX + "keyword"
SIGN_SECRET = PREFIX + "sign_secret"
CLIENT_ID = PREFIX + "client_id"
CLIENT_SECRET = PREFIX + "client_secret"
CODE_WANTED = PREFIX + "verification_code_enabled"

TEXT_CHARACTERS_MAX = 256
"""Of a keyword or secret: longer than any that the chat services give out."""


def read(vault: Vault, protocol: str, given: Any) -> dict[str, str]:
    """The settings that an `extension` comes to. Raises SmnError SMN.0043."""
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise refuse("SMN.0043")
    match protocol:
        case "http" | "https":
            return _header(given)
        case "sms":
            return _code(given)
        case "feishu" | "dingding":
            return _chat(vault, given)
        case "welink":
            return _welink(vault, given)
        case _:
            return {}


def wants_code(settings: Mapping[str, str]) -> bool:
    """Whether the request to confirm carries a code instead of a link."""
    return settings.get(CODE_WANTED) == "true"


def _header(given: Mapping[str, Any]) -> dict[str, str]:
    header = given.get("header")
    if header is None:
        return {}
    read = webhook_endpoints.read_header(header)
    return {HEADER: codec.compact(read)} if read else {}


def _code(given: Mapping[str, Any]) -> dict[str, str]:
    enabled = given.get("verification_code_enabled")
    if enabled is not None and not isinstance(enabled, bool):
        raise refuse("SMN.0043")
    return {CODE_WANTED: "true"} if enabled else {}


def _chat(vault: Vault, given: Mapping[str, Any]) -> dict[str, str]:
    keyword, secret = _text(given, "keyword"), _text(given, "sign_secret")
    if keyword and secret:
        raise refuse("SMN.0043")
    if keyword:
        return {KEYWORD: keyword}
    return {SIGN_SECRET: _sealed(vault, secret)} if secret else {}


def _welink(vault: Vault, given: Mapping[str, Any]) -> dict[str, str]:
    client_id, secret = _text(given, "client_id"), _text(given, "client_secret")
    if not client_id or not secret:
        raise refuse("SMN.0043")
    return {CLIENT_ID: _sealed(vault, client_id), CLIENT_SECRET: _sealed(vault, secret)}


def _text(given: Mapping[str, Any], name: str) -> str:
    """Empty when it is not there."""
    value = given.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not codec.is_text(value) or len(value) > TEXT_CHARACTERS_MAX:
        raise refuse("SMN.0043")
    return value


def _sealed(vault: Vault, secret: str) -> str:
    return b64encode(vault.seal(secret.encode())).decode()
