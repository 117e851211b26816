"""What is read of opt-outs by text: `domain.phone_ports.OptOutStore` on the SQLite file.

`SqliteStore` is one of these; `units` writes what is read here. Whether a text may go is asked of `text_gate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tidings.domain.model import NEWEST, AccountId, LedgerEntry
from tidings.domain.optout import (
    BlockingRule,
    InboundAddress,
    InboundText,
    NumberClaim,
    OptOut,
    OptOutQuery,
    SmsApplication,
)
from tidings.domain.sandbox import SandboxNumber
from tidings.store.sqlite import optout_rows, rows
from tidings.store.sqlite.database import SQL, Database
from tidings.store.sqlite.forms import forms_of
from tidings.wire.phone_plans import spellings

# Index entries; some 0.05 ms on the loop.
_QUICK_OFFSET = 1_000
_WARMED_ROWS = 20_000_000
"""Some 500 MB of pages, read in seconds."""
_EVER = 2**62  # microseconds, to either side of 1970: any time is between


class OptOutTables:
    """Inbound addresses, applications, rules, opt-outs and incoming texts, as they are now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def inbound_addresses(self, account_id: AccountId) -> list[InboundAddress]:
        found = self._database.rows(SQL["inbound_address_list"], (account_id,))
        return [optout_rows.inbound_address(row) for row in found]

    async def inbound_address(self, account_id: AccountId, address: str) -> InboundAddress | None:
        row = self._database.row(SQL["inbound_address_by_name"], (account_id, address))
        return None if row is None else optout_rows.inbound_address(row)

    async def address_owner(self, address: str) -> InboundAddress | None:
        row = self._database.row(SQL["inbound_address_live"], (address,))
        return None if row is None else optout_rows.inbound_address(row)

    async def number_claims(self) -> list[NumberClaim]:
        return [NumberClaim(*row) for row in self._database.rows(SQL["number_claim_list"])]

    async def claims_of(self, numbers: Sequence[str]) -> list[NumberClaim]:
        found = self._database.rows(SQL["number_claims_of"], (rows.json_array(numbers),))
        return [NumberClaim(*row) for row in found]

    async def sms_applications(self, account_id: AccountId) -> list[SmsApplication]:
        found = self._database.rows(SQL["sms_application_list"], (account_id,))
        return [optout_rows.sms_application(row) for row in found]

    async def sms_application(self, account_id: AccountId, app_id: str) -> SmsApplication | None:
        row = self._database.row(SQL["sms_application_by_id"], (account_id, app_id))
        return None if row is None else optout_rows.sms_application(row)

    async def blocking_rules(self, account_id: AccountId) -> list[BlockingRule]:
        return [optout_rows.blocking_rule(row) for row in self._database.rows(SQL["blocking_rule_list"], (account_id,))]

    async def warm(self) -> None:
        """Have the system read what `text_gate` will ask for: cold, every page costs a read of the disk. Done once, at a start."""
        await self._database.read_through(SQL["opt_out_warm"], (_WARMED_ROWS,))

    async def addresses_ending(self, digits: str) -> list[InboundAddress]:
        found = self._database.rows(SQL["inbound_address_ending"], (digits,))
        return [optout_rows.inbound_address(row) for row in found]

    async def sandbox_since(self, account_id: AccountId) -> datetime | None:
        row = self._database.row(SQL["sandbox_since"], (account_id,))
        return None if row is None else rows.moment(row[0])

    async def sandbox_numbers(self, account_id: AccountId) -> list[SandboxNumber]:
        return [
            optout_rows.sandbox_number(row) for row in self._database.rows(SQL["sandbox_number_list"], (account_id,))
        ]

    async def opt_outs(self, account_id: AccountId, phone: str) -> list[OptOut]:
        bindings = account_id, rows.json_array(spellings(phone))
        return [optout_rows.opt_out(row) for row in self._database.rows(SQL["opt_out_by_phone"], bindings)]

    async def opt_out_page(self, query: OptOutQuery) -> list[OptOut]:
        name, exact = _path(query)
        bindings = _bindings(query)
        quick = exact and query.offset <= _QUICK_OFFSET
        keys = self._database.value(SQL[name], bindings) if quick else await self._database.walk(SQL[name], bindings)
        return [optout_rows.opt_out(row) for row in self._database.rows(SQL["opt_out_by_keys"], (keys,))]

    async def opt_out_total(self, query: OptOutQuery) -> int:
        bindings = _bindings(query) | {"offset": 0, "limit": -1}
        if not query.phones and query.since is None and query.until is None:
            tally = "opt_out_total_by_addresses" if query.addresses else "opt_out_total"
            return int(self._database.value(SQL[tally], bindings))
        name, _ = _path(query)
        return int(await self._database.walk(SQL[name.replace("_keys_", "_count_")], bindings))

    async def inbound_texts_of(
        self, account_id: AccountId, address: str, phone: str, *, since: datetime, newest: int | None = None
    ) -> list[InboundText]:
        found = []
        for form in spellings(phone):
            bindings = account_id, address, form, rows.micros(since), -1 if newest is None else newest
            found += self._database.rows(SQL["inbound_text_by_phone"], bindings)
        return [optout_rows.inbound_text(row) for row in sorted(found)]

    async def inbound_text_page(
        self, account_id: AccountId, *, after: int, limit: int, addresses: Sequence[str] = (), unmatched: bool = False
    ) -> list[InboundText]:
        bindings = account_id, after, limit
        if addresses:
            # One address after the other, each from its own place in the index: whoever hears little does not walk past what others hear.
            name = "inbound_text_list_unmatched_at" if unmatched else "inbound_text_list_at"
            found = [row for address in set(addresses) for row in self._database.rows(SQL[name], (*bindings, address))]
            found = sorted(found)[:limit]
        elif unmatched:
            ids = await self._database.walk(SQL["inbound_text_ids_unmatched"], bindings)
            found = self._database.rows(SQL["inbound_text_by_ids"], (ids,))
        else:
            found = self._database.rows(SQL["inbound_text_list"], bindings)
        return [optout_rows.inbound_text(row) for row in found]

    async def inbound_text_end(self, account_id: AccountId) -> int:
        return int(self._database.value(SQL["inbound_text_end"], (account_id,)))

    async def last_inbound_texts(
        self, account_id: AccountId, *, before: int | None, limit: int, unmatched: bool = False
    ) -> list[InboundText]:
        bindings = account_id, NEWEST if before is None else before, limit
        if unmatched:
            ids = await self._database.walk(SQL["inbound_text_ids_unmatched_last"], bindings)
            found = self._database.rows(SQL["inbound_text_by_ids"], (ids,))
        else:
            found = self._database.rows(SQL["inbound_text_last"], bindings)
        return [optout_rows.inbound_text(row) for row in found]

    async def open_reviews(self, account_id: AccountId, *, after: int, limit: int) -> list[LedgerEntry]:
        ids = self._database.value(SQL["open_review_ids"], (account_id, after, limit))
        return [rows.ledger_entry(row) for row in self._database.rows(SQL["ledger_by_ids"], (ids,))]

    async def open_review_total(self, account_id: AccountId, *, before: datetime | None = None) -> int:
        bindings = account_id, _EVER if before is None else rows.micros(before)
        return int(await self._database.walk(SQL["open_review_total"], bindings))

    async def last_inbound_at(self, account_id: AccountId, address: str) -> datetime | None:
        row = self._database.row(SQL["inbound_text_newest"], (account_id, address))
        return None if row is None else rows.moment(row[0])


def _path(query: OptOutQuery) -> tuple[str, bool]:
    """The query that walks the best index, and whether that index gives nothing that the filters throw away."""
    if query.phones:
        return "opt_out_keys_by_phone", True  # as few as the phones
    if len(set(query.addresses)) == 1:
        return "opt_out_keys_by_address", True
    return "opt_out_keys_by_account", False  # skips those at deleted addresses


def _bindings(query: OptOutQuery) -> dict[str, Any]:
    return {
        "account_id": query.account_id,
        "address": query.addresses[0] if query.addresses else None,
        "addresses": rows.json_array(query.addresses) if query.addresses else None,
        "phones": rows.json_array(list(forms_of(query.phones))),
        "since": -_EVER if query.since is None else rows.micros(query.since),
        "until": _EVER if query.until is None else rows.micros(query.until),
        "offset": query.offset,
        "limit": query.limit,
    }
