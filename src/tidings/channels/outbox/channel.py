"""Captures mails and texts instead of sending them, as their owners would have received them.

Called by delivery like any channel, and by the management API (`entries`, `clear`). Keeps the newest in memory and, given a
directory, in two bounded files of JSON lines, so that a restart forgets nothing recent. For developer mode only: what it keeps
holds working links.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidings.channels.mime import mail_of
from tidings.channels.outbox.file import FILE_BYTES_MAX, OutboxFile
from tidings.domain.envelope import Outgoing, Permit, TextContent
from tidings.domain.outcomes import Busy, Delivered, Refused, RetryLater
from tidings.domain.ports import Clock, Settle

ENTRIES_MAX = 10_000
"""A test run looks at hundreds; 10,000 mails are about 50 MiB."""
BUSY_AFTER_S = 1.0

_LINK = re.compile(r"https?://[^\s<>\"'\\]+")


class OutboxChannel:
    """`email`, `email-json` and `sms` in a list. With `directory`, what was kept there before is there again."""

    protocols = frozenset({"email", "email-json", "sms"})

    def __init__(
        self,
        permit: Permit,
        *,
        clock: Clock,
        directory: Path | None,
        mail_from: str = "Tidings <no-reply@localhost>",
        entries_max: int = ENTRIES_MAX,
        file_bytes_max: int = FILE_BYTES_MAX,
    ) -> None:
        self._permit = permit
        self._clock = clock
        self._mail_from = mail_from
        self._file = OutboxFile(directory, file_bytes_max) if directory is not None else None
        kept = self._file.read(entries_max) if self._file is not None else []
        self._entries: deque[dict[str, Any]] = deque(kept, entries_max)
        self._last_id: int = kept[-1]["id"] if kept else 0
        self._closed = False

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        """Capture it at once."""
        if self._closed:
            settle(outgoing, Busy(BUSY_AFTER_S))
            return
        refusal = self._permit(outgoing)
        if refusal is not None:
            settle(outgoing, refusal)
            return
        try:
            entry = self._entry(outgoing)
        except ValueError as exc:
            settle(outgoing, Refused(str(exc)))
            return
        try:
            if self._file is not None:
                self._file.append(entry)
        except OSError as exc:
            settle(outgoing, RetryLater(f"outbox: {exc}"))
            return
        self._entries.append(entry)
        self._last_id = entry["id"]
        settle(outgoing, Delivered(f"outbox {entry['id']}"))

    async def close(self) -> None:
        """Take nothing more; what was captured can still be looked at."""
        self._closed = True
        if self._file is not None:
            self._file.close()

    def entries(
        self,
        channel: str | None = None,
        to: str | None = None,
        limit: int = 100,
        after: int = 0,
        before: int | None = None,
    ) -> list[dict[str, Any]]:
        """The newest `limit` entries that match and whose id is above `after` and below `before`, newest last.

        channel: `email` or `sms`. Each entry has id, at, channel, protocol, kind, to, from, subject, text, html, headers,
        links (in the text, in order), message_id, subscription and topic.
        """
        found: list[dict[str, Any]] = []
        for entry in reversed(self._entries):
            if len(found) >= limit or entry["id"] <= after:
                break
            if before is not None and entry["id"] >= before:
                continue
            if (channel is None or entry["channel"] == channel) and (to is None or entry["to"] == to):
                found.append(dict(entry))
        found.reverse()
        return found

    def clear(self) -> None:
        """Forget everything. Ids go on, so that whoever reads with `after` misses nothing."""
        self._entries.clear()
        if self._file is not None:
            self._file.clear()

    def _entry(self, outgoing: Outgoing) -> dict[str, Any]:
        content = outgoing.content
        told = self._text(outgoing, content) if isinstance(content, TextContent) else self._mail(outgoing)
        return {
            "id": self._last_id + 1,
            "at": self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "protocol": outgoing.subscriber.protocol,
            "kind": outgoing.message.kind.value,
            "message_id": outgoing.message.id,
            "subscription": outgoing.subscriber.uid,
            **told,
        }

    def _mail(self, outgoing: Outgoing) -> Mapping[str, Any]:
        mail = mail_of(outgoing, self._mail_from)
        headers = dict(mail.headers)
        return {
            "channel": "email",
            "to": outgoing.endpoint,
            "from": headers["From"],
            "subject": mail.subject,
            "text": mail.text,
            "html": mail.html,
            "headers": headers,
            "links": links_in(mail.text),
            "topic": mail.topic_name,
        }

    def _text(self, outgoing: Outgoing, content: TextContent) -> Mapping[str, Any]:
        text = content.text.encode("utf-8", "replace").decode()
        return {
            "channel": "sms",
            "to": outgoing.endpoint,
            "from": content.sender,
            "subject": "",
            "text": text,
            "html": "",
            "headers": {"sms_type": content.sms_type} if content.sms_type else {},
            "links": links_in(text),
            "topic": "",
        }


def links_in(text: str) -> list[str]:
    """Web addresses in a text, in order, each once, without the punctuation that ends a sentence."""
    return list(dict.fromkeys(match.group().rstrip(".,;:!?)]}") for match in _LINK.finditer(text)))
