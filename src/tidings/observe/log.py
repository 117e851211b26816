"""Structured logs on standard error: text on a terminal, else one JSON object a line. Set up once by `cli`; every package then
takes `structlog.get_logger()`. Secrets are masked here, at the last moment, whoever logged them.

Records of the standard library's logging (asyncio, aiosmtplib) go the same way out. Nothing here reads settings.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "********"
_SECRET_NAMES = re.compile(
    r"authorization|cookie|passw(?:or)?d|secret|(?:\A|[-_.])token(?:\Z|s\Z)|security-token|auth-token|private.?key|sealed|api.?key",
    re.IGNORECASE,
)
# Two groups: what stays, and what is replaced. Covers query strings and forms, header lines and URLs with a password.
_SECRET_TEXTS = (
    re.compile(
        r"((?:\A|[?&;\s\"'])(?:x-amz-)?(?:token|signature|security-token|password|secret(?:_?access_?key)?)[=])([^&\s\"']+)",
        re.IGNORECASE,
    ),
    re.compile(
        r"((?:authorization|x-(?:amz-security|auth|subject)-token|cookie)[\"']?\s*[:=]\s*[\"']?)([^\r\n\"']+)",
        re.IGNORECASE,
    ),
    # What repeats before a fixed mark, and may begin anywhere, is bounded: else a long text costs the square of its length.
    re.compile(r"([a-z][a-z0-9+.-]{0,20}://[^/\s:@]*:)([^/\s@]+)(?=@)", re.IGNORECASE),
    re.compile(r"(/s/{1,3}(?:[a-z-]{1,40}/{1,3}){0,4})([A-Za-z0-9_-]{40,})", re.IGNORECASE),
)
_MAYBE_SECRET = re.compile(r"token|secret|passw|signature|authorization|cookie|://|/s/", re.IGNORECASE)
_DEPTH_MAX = 6


def masked_text(text: str) -> str:
    """The text with tokens, signatures and passwords replaced."""
    if not _MAYBE_SECRET.search(text):
        return text
    for pattern in _SECRET_TEXTS:
        text = pattern.sub(lambda match: match[1] + MASK, text)
    return text


def _masked(value: object, depth: int = 0) -> object:
    if isinstance(value, str):
        return masked_text(value)
    if depth < _DEPTH_MAX and isinstance(value, Mapping):
        return {
            key: MASK if isinstance(key, str) and _SECRET_NAMES.search(key) and item else _masked(item, depth + 1)
            for key, item in value.items()
        }
    if depth < _DEPTH_MAX and isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_masked(item, depth + 1) for item in value]
    return value


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: masks by name (`password=`) and by what a text looks like (`…?Token=…`)."""
    for key, value in event.items():
        if _SECRET_NAMES.search(key) and value:
            event[key] = MASK
        elif isinstance(value, (str, Mapping, list, tuple)):
            event[key] = _masked(value)
    return event


def set_up(level: str = "info", form: str | None = None, stream: TextIO | None = None) -> None:
    """Send everything that is logged to `stream` (standard error), from `level` on, as `text` or `json`.

    form: None means text on a terminal, else json. Safe to repeat; the last call wins.
    """
    out = stream if stream is not None else sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    text = form == "text" or (form is None and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    renderer: Processor
    if text:
        # exc_info is text by now, masked; the console renderer prints it as it is.
        renderer = structlog.dev.ConsoleRenderer(colors=out.isatty(), timestamp_key="at")
    else:
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=True,  # else every call that logs nothing costs microseconds
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    # Libraries talk a lot at info; what they have to say to an operator comes as a warning.
    root.setLevel(max(number, logging.WARNING) if number > logging.DEBUG else logging.DEBUG)
