"""The ledger as CSV: a spreadsheet runs nothing of it, a program reads everything back."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.naming import RESOURCE_NAMES

from tidings.dialects.native import export
from tidings.dialects.native.names import Naming
from tidings.domain.model import AccountId, Event, LedgerEntry, Origin, State, TopicId, Way


def entry(number: int, user_agent: str = "curl/8", endpoint: str = "+18885550100") -> LedgerEntry:
    return LedgerEntry(
        id=number,
        at=datetime(2026, 7, 29, 12, tzinfo=UTC),
        event=Event.CANCELED,
        account_id=AccountId("000000000000"),
        topic_id=TopicId(1),
        topic_name="news",
        region="us-east-1",
        subscription_uid="0" * 32,
        protocol="sms",
        endpoint=endpoint,
        before=State.CONFIRMED,
        after=None,
        origin=Origin(Way.LINK, user_agent=user_agent),
    )


NAMING = Naming(RESOURCE_NAMES["sns"], RESOURCE_NAMES["smn"], AccountId("000000000000"), "f" * 32)


async def nothing_more() -> AsyncIterator[Sequence[LedgerEntry]]:
    pages: Sequence[Sequence[LedgerEntry]] = ()
    for page in pages:
        yield page


async def exported(entries: Sequence[LedgerEntry]) -> list[dict[str, str]]:
    chunks = [chunk async for chunk in export.ledger_csv(entries, nothing_more(), NAMING)]
    return list(csv.DictReader(io.StringIO(b"".join(chunks).decode(), newline="")))


async def test_an_entry_becomes_a_line_under_its_names() -> None:
    (row,) = await exported([entry(7)])
    assert tuple(row) == export.COLUMNS
    assert (row["id"], row["at"], row["before"], row["after"]) == ("7", "2026-07-29T12:00:00Z", "confirmed", "")


async def test_a_phone_number_is_left_as_it_is() -> None:
    (row,) = await exported([entry(1)])
    assert row["endpoint"] == "+18885550100"


@pytest.mark.parametrize("text", ["=1+1", "+1+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", "  =1", "＝1", "\r\n=1"])
async def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    (row,) = await exported([entry(1, user_agent=text)])
    assert row["user_agent"] == "'" + text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
async def test_no_text_begins_a_formula_or_leaves_its_cell(text: str) -> None:
    (row,) = await exported([entry(1, user_agent=text)])
    assert row["user_agent"] in (text, "'" + text)
    assert not row["user_agent"].startswith(("=", "-", "@", "\t", "\r"))
    assert row["detail"] == ""


async def test_an_empty_export_still_says_its_names() -> None:
    chunks = [chunk async for chunk in export.ledger_csv((), nothing_more(), NAMING)]
    assert b"".join(chunks).decode() == ",".join(export.COLUMNS) + "\r\n"
