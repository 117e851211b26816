"""What is read of texts that applications send: `domain.phone_ports.TextStore` on the SQLite file.

`SqliteStore` is one of these; `text_writes` writes what is read here. Nothing is cached. Lists are made in two steps as in `listing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tidings.domain.model import AccountId
from tidings.domain.texts import SentText, SentTextQuery, SmsSign, SmsTemplate, TextTally
from tidings.store.sqlite import rows, text_rows, text_writes
from tidings.store.sqlite.database import SQL, Database
from tidings.store.sqlite.forms import forms_of
from tidings.store.sqlite.writer import Writer

_SMS_SENDER = SQL["sms_sender"]
_TEXT_PART = SQL["text_part_by_id"]
# Index entries; some 0.05 ms on the loop.
_QUICK_OFFSET = 1_000
_EVER = 2**62  # microseconds, to either side of 1970: any time is between


class TextTables:
    """Signs, templates, texts, parts, tallies and readers, as they are now."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def sms_sign(self, account_id: AccountId, sign_id: int) -> SmsSign | None:
        row = self._database.row(SQL["sms_sign_by_id"], (account_id, sign_id))
        return None if row is None else text_rows.sms_sign(row)

    async def sms_sign_by_content(self, account_id: AccountId, content: str) -> SmsSign | None:
        row = self._database.row(SQL["sms_sign_by_content"], (account_id, content))
        return None if row is None else text_rows.sms_sign(row)

    async def sms_signs(self, account_id: AccountId) -> list[SmsSign]:
        return [text_rows.sms_sign(row) for row in self._database.rows(SQL["sms_sign_list"], (account_id,))]

    async def sms_template(self, account_id: AccountId, template_id: int) -> SmsTemplate | None:
        row = self._database.row(SQL["sms_template_by_id"], (account_id, template_id))
        return None if row is None else text_rows.sms_template(row)

    async def sms_templates(self, account_id: AccountId) -> list[SmsTemplate]:
        return [text_rows.sms_template(row) for row in self._database.rows(SQL["sms_template_list"], (account_id,))]

    async def sms_sender(self, account_id: AccountId, app_id: str) -> str:
        found = self._database.rows(_SMS_SENDER, (account_id, app_id))
        return found[0][0] if found else ""

    async def texts_ended(self, account_id: AccountId, since: datetime) -> int:
        return int(self._database.value(SQL["sms_tally_ended"], (account_id, rows.micros(since))))

    async def texts_to(
        self, account_id: AccountId, app_id: str, phones: Sequence[str], *, since: datetime
    ) -> dict[str, list[tuple[datetime, bytes]]]:
        asked = forms_of(phones)
        bindings = account_id, app_id, rows.json_array(list(asked)), rows.micros(since)
        found: dict[str, list[tuple[datetime, bytes]]] = {}
        for form, at, digest in self._database.rows(SQL["sent_text_to"], bindings):
            for phone in asked[form]:
                found.setdefault(phone, []).append((rows.moment(at), digest))
        return {phone: sorted(texts) for phone, texts in found.items()}

    async def sent_texts(self, query: SentTextQuery) -> list[SentText]:
        name, exact = _path(query)
        bindings = _bindings(query)
        quick = exact and query.offset <= _QUICK_OFFSET
        text = SQL[name if query.app_id is None else name.replace("_ids", "_ids_of_application")]
        ids = self._database.value(text, bindings) if quick else await self._database.walk(text, bindings)
        return [text_rows.sent_text(row) for row in self._database.rows(SQL["sent_text_by_ids"], (ids,))]

    async def sent_text(self, serial: str) -> SentText | None:
        row = self._database.row(SQL["sent_text_by_serial"], (serial,))
        return None if row is None else text_rows.sent_text(row)

    async def text_reports(self, account_id: AccountId, app_id: str, *, after: int, limit: int) -> list[SentText]:
        found = self._database.rows(SQL["sent_text_reports"], (account_id, app_id, after, limit))
        return [text_rows.sent_text(row) for row in found]

    async def text_report_end(self, account_id: AccountId, app_id: str) -> int:
        return int(self._database.value(SQL["text_report_end"], (account_id, app_id)))

    async def text_part(self, transport_ids: Sequence[str]) -> tuple[str, str] | None:
        """Of spellings that are kept for several texts, the first one counts."""
        for transport_id in transport_ids:
            found = self._database.rows(_TEXT_PART, (transport_id,))
            if found:
                serial, spelling = found[0]
                return serial, spelling
        return None

    async def text_parts_alike(self, plain_ids: Sequence[str], *, limit: int) -> list[tuple[str, str]]:
        found = self._database.rows(SQL["text_parts_alike"], (rows.json_array(plain_ids), limit))
        return [(serial, spelling) for serial, spelling in found]

    async def part_delivered(self, serial: str, transport_id: str) -> bool:
        """A repeat of the last one is True again: whoever was told the first time may have ended before acting on it."""
        return await self._writer.write(lambda db: text_writes.part_arrived(db, serial, transport_id))

    async def text_tallies(
        self, account_id: AccountId, *, app_id: str | None = None, since: datetime, until: datetime
    ) -> list[TextTally]:
        bindings = account_id, app_id, rows.micros(since), rows.micros(until)
        return text_rows.text_tallies(await self._database.walk(SQL["sms_tally_list"], bindings))

    async def reader(self, account_id: AccountId, app_id: str, name: str) -> int:
        row = self._database.row(SQL["reader_place"], (account_id, app_id, name))
        return 0 if row is None else int(row[0])

    async def last_text_from(self, account_id: AccountId, sender: str) -> datetime | None:
        row = self._database.row(SQL["sender_use_last"], (account_id, sender))
        return None if row is None else rows.moment(row[0])


def _path(query: SentTextQuery) -> tuple[str, bool]:
    """The query that walks the best index, and whether that index gives little or nothing that the filters throw away."""
    if query.phones:
        return "sent_text_ids_by_phone", True  # as few as the texts of some days to these phones
    if query.reported:
        return "sent_text_ids_reported", False
    return "sent_text_ids", query.app_id is None


def _bindings(query: SentTextQuery) -> dict[str, Any]:
    return {
        "account_id": query.account_id,
        "app_id": query.app_id,
        "phones": rows.json_array(list(forms_of(query.phones))),
        "reported": int(query.reported),
        "since": -_EVER if query.since is None else rows.micros(query.since),
        "until": _EVER if query.until is None else rows.micros(query.until),
        "offset": query.offset,
        "limit": query.limit,
    }
