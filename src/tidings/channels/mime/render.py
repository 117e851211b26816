"""Fills the templates: the plain text and HTML of a mail, in the reader's language.

Called by `compose`. The HTML templates escape every value; the one filter that makes markup (`prose`) escapes first and adds
links and line breaks afterwards. Never adds anything that is fetched (pictures, fonts, pixels), so opening a mail tells nobody.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup, escape

from tidings.domain.envelope import MailContent
from tidings.wire.plain_text import one_line

FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue','PingFang SC','Microsoft YaHei',Arial,sans-serif"
PREVIEW_CHARACTERS = 120
"""What mailboxes show beside the subject."""
DEFAULT_LANGUAGE = "en"
TEMPLATES = frozenset({"notification", "confirmation", "goodbye", "json"})

_HERE = Path(__file__).parent
_LINK = re.compile(r"https?://[^\s<>\"'\u3000-\u303f\uff00-\uffef]+")
_INNER_SPACE = re.compile(r"^ | (?= )", re.MULTILINE)
_TRAILING = ".,;:!?)]}"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def subject_of(content: MailContent) -> str:
    """The publisher's subject, or the phrase that stands for it; one line."""
    given = one_line(content.subject)
    return given or one_line(_phrases(content)[f"{_template_name(content)}_subject"])


def render(content: MailContent) -> tuple[str, str]:
    """(plain text, HTML); HTML is empty for mails that programs read. Raises ValueError for a template we do not have."""
    name = _template_name(content)
    text = plain(content.text)
    if name == "json":
        return f"{text}\n", ""
    values = {
        "text": text.rstrip("\n"),
        "introduction": one_line(content.introduction),
        "title": one_line(content.subject),
        "subject": subject_of(content),
        "brand": one_line(content.topic_name or content.from_name) or "Tidings",
        "preview": _preview(content, name, text),
        "say": _phrases(content),
        "language": language_of(content),
        "font": FONT,
        "confirm_url": web_url(content.confirm_url),
        "cancel_url": web_url(content.cancel_url),
        "manage_url": web_url(content.manage_url),
    }
    return _template(f"{name}.txt.j2").render(values), _template(f"{name}.html.j2").render(values)


def language_of(content: MailContent) -> str:
    """The reader's language if we speak it, else English."""
    return content.language if content.language in _catalogue() else DEFAULT_LANGUAGE


def web_url(url: str) -> str:
    """The address if a mail may carry it as a link, else empty."""
    fit = url.startswith(("https://", "http://")) and url.isascii() and url.isprintable() and " " not in url
    return url if fit and not any(c in url for c in "<>\"'") else ""


def plain(text: str) -> str:
    """The text with LF line ends and without control characters."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text)


def prose(text: str) -> Markup:
    """Plain text as HTML: escaped, web addresses made links, line ends and inner spaces kept."""
    pieces: list[str] = []
    end = 0
    for match in _LINK.finditer(text):
        url = match.group().rstrip(_TRAILING)
        pieces += [_lines(text[end : match.start()]), _link(url)]
        end = match.start() + len(url)
    pieces.append(_lines(text[end:]))
    return Markup("".join(pieces))  # noqa: S704 - every piece was escaped


def _lines(text: str) -> str:
    return _INNER_SPACE.sub("&nbsp;", str(escape(text))).replace("\n", "<br>\n")


def _link(url: str) -> str:
    shown = escape(url)
    return f'<a href="{shown}" style="color:#1d6b5d;overflow-wrap:anywhere;">{shown}</a>'


def _preview(content: MailContent, name: str, text: str) -> str:
    whole = text if name == "notification" else _phrases(content)[f"{name}_lead"]
    return one_line(whole[: 2 * PREVIEW_CHARACTERS])[:PREVIEW_CHARACTERS]


def _template_name(content: MailContent) -> str:
    if content.template not in TEMPLATES:
        raise ValueError(f"no mail template: {content.template[:40]}")
    return content.template


def _phrases(content: MailContent) -> Mapping[str, str]:
    return _phrases_about(language_of(content), one_line(content.topic_name or content.from_name))


@lru_cache(maxsize=512)
def _phrases_about(language: str, topic: str) -> Mapping[str, str]:
    # `replace`, not `format`: a topic's name may hold braces.
    phrases = _catalogue()[language]
    shown = topic or phrases["topic_unnamed"]
    return {key: phrase.replace("{topic}", shown) for key, phrase in phrases.items()}


@lru_cache(maxsize=1)
def _catalogue() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((_HERE / "phrases.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=16)
def _template(name: str) -> Template:
    return _environment().get_template(name)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    options: dict[str, Any] = {
        "autoescape": select_autoescape(enabled_extensions=("html.j2",)),
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
        "auto_reload": False,
    }
    environment = Environment(loader=FileSystemLoader(_HERE / "templates"), **options)  # noqa: S701 - see options
    environment.filters["prose"] = prose
    return environment
