"""The words that SMN's own messages hold: what a web hook and a phone are told. Pure; called by `envelopes`.

Mails get theirs from the mail templates.
"""

from __future__ import annotations

from tidings.wire.plain_text import one_line

DEFAULT_LANGUAGE = "en"
CHINESE = "zh-CN"

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("\f^{}\\[~]|€")
"""Source: 3GPP TS 23.038, 6.2.1: the default alphabet and what takes two places in it."""

_LINK = {
    DEFAULT_LANGUAGE: "{name} would like to send you messages. Confirm, or cancel at any time: {secret}",
    CHINESE: "{name}请您确认是否接收其消息，随时可取消：{secret}",
}
_CODE = {
    DEFAULT_LANGUAGE: "{secret} is your code to confirm messages from {name}. If you did not ask for them, ignore this.",
    CHINESE: "{secret}是您确认接收{name}消息的验证码。如非本人操作，请忽略。",
}
_INTRODUCED = {DEFAULT_LANGUAGE: "{text} - {introduction}", CHINESE: "{text}（{introduction}）"}


def language_of(tag: str) -> str:
    """The language we write in for a tag such as `zh-cn` or `en_US`; empty, the server's, for what nobody here speaks."""
    return {"zh": CHINESE, "en": DEFAULT_LANGUAGE}.get(tag.lower().replace("_", "-").partition("-")[0], "")


def life(ttl_s: int) -> str:
    """How long a link works, in whole hours: `48 hours`."""
    hours = max(ttl_s // 3600, 1)
    return f"{hours} hours" if hours > 1 else "1 hour"


def hook_confirmation(topic_urn: str, ttl_s: int) -> str:
    return (
        f"You are invited to subscribe to the topic {topic_urn}. "
        f"To confirm the subscription, visit the subscribe_url in this message. The link is valid for {life(ttl_s)}."
    )


def hook_goodbye(subscription_urn: str, ttl_s: int) -> str:
    return (
        f"You are unsubscribed: {subscription_urn} receives nothing more. "
        f"To subscribe again, visit the subscribe_url in this message. The link is valid for {life(ttl_s)}."
    )


def phone_confirmation(name: str, secret: str, introduction: str, language: str, *, is_code: bool) -> str:
    """The one text that asks a phone's owner. secret: the permanent link, or the code. The introduction is left out where it would
    cost another part."""
    text = _filled((_CODE if is_code else _LINK)[language], name=_line(name), secret=secret)
    introduction = _line(introduction)
    if not introduction:
        return text
    longer = _filled(_INTRODUCED[language], text=text, introduction=introduction)
    return longer if parts_of(longer) == parts_of(text) else text


def parts_of(text: str) -> int:
    """How many messages carry a text: of 160 characters of the GSM alphabet or 70 others, a little less when there are several."""
    if all(c in _GSM or c in _GSM_TWICE for c in text):
        length, single, several = len(text) + sum(c in _GSM_TWICE for c in text), 160, 153
    else:
        length, single, several = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= single else -(-length // several)


def _filled(pattern: str, **values: str) -> str:
    # One pass over the pattern: a topic's name may hold braces.
    pieces = pattern.replace("}", "{").split("{")
    return "".join(values[piece] if place % 2 else piece for place, piece in enumerate(pieces))


def _line(text: str) -> str:
    return one_line(text)
