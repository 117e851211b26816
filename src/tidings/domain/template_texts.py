"""The text of a template: its places `{1}`, `{2}`…, and whether it tells people how to get no more. Pure.

Called by the services that keep templates of texts. Filling the places in is the dialects'.
Source: Tencent Cloud SMS body template review standards; SMS API reference, error codes InvalidTemplateFormat and
MarketingTemplateWithoutUnsubscribe ("拒收请回复R"); CTIA Messaging Principles and Best Practices, 5.1.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from tidings.domain import keywords
from tidings.domain.errors import InvalidValue
from tidings.domain.optout import KeywordSet
from tidings.domain.optout_words import EVERYDAY

CONTENT_CHARACTERS_MAX: Final = 500

_BRACED = re.compile(r"\{([^{}]*)\}")
_NUMBER = re.compile(r"[1-9][0-9]?\Z")
_WORD = re.compile(r"\w+")
_SAID = re.compile(
    # Chinese, English and French. STOP alone counts in capitals only: people also write "don't stop now".
    r"退订|退訂|拒收|\bSTOP(?:ALL)?\b|\bARR[EÊ]T\b"
    r"|(?i:\bunsubscrib(?:e|ing)\b|\bopt(?:ing)?[ -]?out\b|\bd[ée]s(?:abonn|inscri)\w*|\bstop (?:sms|texts|messages)\b)"
    r"|(?i:\b(?:reply|text|txt|send|sms|answer|répondez|envoyez) (?:with )?[\"'“‘«]? ?"
    r"(?:stop|stopall|end|quit|cancel|remove|revoke|td|arr[eê]t)\b)"
)
_OWN_KEYWORD_CHARACTERS_MIN = 4
_COMMON = frozenset(keywords.normalized(word) for word in keywords.DEFAULTS[KeywordSet.OPT_OUT]) | EVERYDAY


def places(content: str) -> int:
    """How many values the text takes: its places are numbered from 1 without gaps, and may repeat.

    Raises InvalidValue (field `content`).
    """
    without = _BRACED.sub("", content)
    if "{" in without or "}" in without:
        raise InvalidValue("content", "a brace that belongs to no place such as {1}", content)
    numbers = set()
    for inner in _BRACED.findall(content):
        if not _NUMBER.match(inner):
            raise InvalidValue("content", "places are {1} to {99}", content)
        numbers.add(int(inner))
    if numbers and max(numbers) != len(numbers):
        raise InvalidValue("content", "places are numbered from {1} without gaps", content)
    return len(numbers)


def says_how_to_opt_out(content: str, opt_out_keywords: Iterable[str] = ()) -> bool:
    """Whether the reader is told a way to get no more. opt_out_keywords: those of the sender's own inbound addresses.

    A keyword of the sender's own counts wherever it stands, but not a short or everyday one.
    """
    if _SAID.search(content):
        return True
    line = _words(content)
    for keyword in opt_out_keywords:
        form = keywords.normalized(keyword)
        if form in _COMMON or len(form) < _OWN_KEYWORD_CHARACTERS_MIN:
            continue
        if f" {_words(form)} " in f" {line} ":
            return True
    return False


def _words(text: str) -> str:
    return " ".join(_WORD.findall(keywords.normalized(text)))
