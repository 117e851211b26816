"""What a request asks for: which language, and which form it sends. Pure; called by `subscriber`.

Source: RFC 9110, 12.5 (Accept-Language); RFC 4647, 3.4 (lookup); RFC 8058, 3 (one-click).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from tidings.dialects.contract import WireRequest
from tidings.pages.errors import TOO_LARGE, WRONG_MEDIA_TYPE, BadRequest
from tidings.wire.accept import by_weight

FORM_BYTES_MAX = 4096
_FORM_FIELDS_MAX = 16
ONE_CLICK: Mapping[str, str] = {"List-Unsubscribe": "One-Click"}
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_ONE_CLICK_PART = re.compile(rb'name="?List-Unsubscribe"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\nOne-Click[ \t]*\r?\n')


def choose_language(tags: Sequence[str], asked: str, accept_language: str) -> str:
    """The language to answer in: the one asked for in the address, else the reader's first that we have, else our first."""
    for wanted in [asked, *(tag for tag, _ in by_weight(accept_language))]:
        found = _matching(tags, wanted)
        if found:
            return found
    return tags[0]


def _matching(tags: Sequence[str], wanted: str) -> str:
    """Our tag for `wanted`: the same, or one of the same language (a reader of zh-TW reads zh-CN rather than English)."""
    lowered = wanted.lower()
    for tag in tags:
        if tag.lower() == lowered:
            return tag
    language = lowered.split("-", 1)[0]
    return next((tag for tag in tags if tag.lower().split("-", 1)[0] == language), "") if language else ""


def query_value(query: str, name: str) -> str:
    """The first value of a query parameter, or empty."""
    return next((value for key, value in _pairs(query) if key == name), "")


def read_form(request: WireRequest, *, of_cancel_link: bool = False) -> Mapping[str, str]:
    """The form a POST carries; empty for a POST without body. Raises BadRequest.

    A multipart form is read for one field only, the one-click one, because mail programs should send it that way.
    of_cancel_link: whoever POSTs there wants out, so a body of any other kind is the same one-click request. Source: RFC 8058, 3.2.
    """
    if len(request.body) > FORM_BYTES_MAX:
        raise BadRequest(TOO_LARGE)
    media_type = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if media_type == _FORM or not request.body:
        return dict(reversed(_pairs(request.body.decode("utf-8", "replace"))))
    if of_cancel_link or (media_type == _MULTIPART and _ONE_CLICK_PART.search(request.body)):
        return ONE_CLICK
    raise BadRequest(WRONG_MEDIA_TYPE)


def is_one_click(form: Mapping[str, str]) -> bool:
    """Whether a mail program sends this for its reader."""
    return form.get("List-Unsubscribe", "").strip() == "One-Click"


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_FORM_FIELDS_MAX)
    except ValueError:
        return []
