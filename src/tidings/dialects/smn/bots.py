"""What a group bot is to say: from a message and a subscription's settings to a `BotContent`. Pure but for opening secrets.

Called by `envelopes`. A structured message may hold, for a bot's protocol, a JSON object as text with `msgType` and the words in one
of the members that SMN or the chat service itself uses for them; any other text is said as it is.
Source: huaweicloudsdksmn, PublishMessageRequestBody (message_structure), SubscriptionExtension.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import msgspec

from tidings.domain.envelope import BotContent
from tidings.domain.model import Message, Subscriber
from tidings.domain.ports import Vault

_WORDS = ("content", "text", "markdown", "message", "msg")
_TITLES = ("title", "subject")


def speak(message: Message, subscriber: Subscriber, vault: Vault) -> BotContent:
    """Raises ValueError for a structured message without words, or a secret that this server did not seal."""
    settings = subscriber.settings
    own = message.bodies.get(subscriber.protocol)
    spoken = _structured(own) if own is not None else None
    if spoken is None:
        text = message.body if own is None else own
        spoken = BotContent(f"{message.subject}\n{text}" if message.subject else text)
    keyword = settings.get("smn:keyword", "")
    sealed = settings.get("smn:sign_secret", "")
    if not keyword and not sealed:
        return spoken
    secret = vault.open(b64decode(sealed)).decode() if sealed else ""
    return BotContent(
        spoken.text, spoken.form, spoken.title, keyword, secret, mentions=spoken.mentions, color=spoken.color
    )


def _structured(text: str) -> BotContent | None:
    """None for a text that is no JSON object with `msgType`."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        members = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    form = members.get("msgType", members.get("msgtype"))
    if not isinstance(form, str):
        return None
    words, title = _words(members)
    if not words:
        raise ValueError("the message for this bot has no text")
    mentions = members.get("at")
    return BotContent(
        words,
        "markdown" if form.lower() == "markdown" else "text",
        title,
        mentions=mentions if isinstance(mentions, dict) else {},
        color=_text(members, ("color",)),
    )


def _words(members: Mapping[str, Any]) -> tuple[str, str]:
    """(words, title), which may be members themselves or inside an object under the name of the form."""
    title = _text(members, _TITLES)
    words = _text(members, _WORDS)
    if words:
        return words, title
    for name in _WORDS:
        inner = members.get(name)
        if isinstance(inner, dict):
            words = _text(inner, _WORDS)
            if words:
                return words, title or _text(inner, _TITLES)
    return "", title


def _text(members: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = members.get(name)
        if isinstance(value, str) and value:
            return value
    return ""
