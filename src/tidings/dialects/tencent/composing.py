"""What a text says, and whether the cloud would take its values: signs, templates filled in, the rules of parameters. Pure.

Called by `sending`. It knows nothing of who may be texted.
Source: SMS glossary (message format); body template review standards; SMS API reference, "Error codes". Observed: the example answers of
SendSms (rules that a text breaks are told per number).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from tidings.dialects.tencent.limits import (
    CODE_DIGITS_MAX,
    CONTENT_CHARACTERS_MAX,
    MARKETING_FROM_HOUR,
    MARKETING_UNTIL_HOUR,
    PARAMETER_CHARACTERS_MAX,
)
from tidings.domain.optout import SmsType
from tidings.domain.texts import Reach, SmsSign, SmsTemplate
from tidings.wire.smpp import gsm

CHINA = timezone(timedelta(hours=8))

_PLACE = re.compile(r"\{([1-9][0-9]?)\}")
_CODE = re.compile(rf"[0-9]{{0,{CODE_DIGITS_MAX}}}\Z")
_URL = re.compile(
    # With its scheme, with www., a name with a path as short links have it, or a name in one of the usual domains.
    r"[a-z][a-z0-9+.-]{0,30}://|\bwww\.|\b[a-z0-9-]{1,63}\.[a-z]{2,24}/\S"
    r"|\b[a-z0-9-]{1,63}\.(?:com|cn|net|org|cc|top|vip|xyz|io|info|biz|me|hk|tw|mobi|asia|gov|edu|shop|site|online|club|link|ltd|tech"
    r"|app|dev)\b",
    re.IGNORECASE | re.ASCII,
)


def place_count(content: str) -> int:
    """How many values a template takes: the highest of its places."""
    return max(map(int, _PLACE.findall(content)), default=0)


def fill(content: str, values: Sequence[str]) -> str:
    """The template's text with its places filled in, each by the value of its number; a value is never looked at for places."""
    return _PLACE.sub(lambda place: values[int(place[1]) - 1], content)


def with_sign(text: str, sign: str, *, mainland: bool) -> str:
    """The whole text as it is sent."""
    if not sign:
        return text
    # Unverified: for other numbers the cloud's pages show square brackets in English and these in Chinese. Square ones are in the
    # alphabet of short texts, so a sign does not make two of one.
    if not mainland:
        plain = f"[{sign}] {text}"
        try:
            gsm.encode(plain)
        except UnicodeEncodeError:
            pass
        else:
            return plain
    return f"【{sign}】{text}"


def reaches(kind: SmsTemplate | SmsSign, *, mainland: bool) -> bool:
    """Whether a template or sign may be used for such numbers."""
    return kind.reach in (Reach.BOTH, Reach.MAINLAND if mainland else Reach.GLOBAL)


def values_refused(template: SmsTemplate, values: Sequence[str], *, mainland: bool) -> str | None:
    """The code of the first rule that the values break, over all values rule by rule; None: they fill the template."""
    if len(values) != place_count(template.content):
        return "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"
    if template.sms_type is SmsType.VERIFICATION_CODE and not all(map(_CODE.match, values)):
        return "InvalidParameterValue.TemplateParameterFormatError"
    if any(len(value) > PARAMETER_CHARACTERS_MAX for value in values):
        return "InvalidParameterValue.TemplateParameterLengthLimit"
    # Unverified: whether the cloud looks for URLs in texts for other numbers, too; people send links to those.
    if mainland and any(map(_URL.search, values)):
        return "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"
    return None


def text_refused(text: str, sms_type: SmsType, now: datetime, *, mainland: bool) -> str | None:
    """The code of the rule that the whole text breaks at this time."""
    if len(text) > CONTENT_CHARACTERS_MAX:
        return "InvalidParameterValue.ContentLengthLimit"
    if mainland and sms_type is SmsType.MARKETING:
        hour = now.astimezone(CHINA).hour
        if not MARKETING_FROM_HOUR <= hour < MARKETING_UNTIL_HOUR:
            return "FailedOperation.MarketingSendTimeConstraint"
    return None
