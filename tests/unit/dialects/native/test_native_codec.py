"""Queries, bodies, cursors and the Accept header: strict, and one clear refusal for anything else."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.dialects.contract import WireRequest
from tidings.dialects.native import codec, shapes
from tidings.dialects.native.errors import Refusal
from tidings.dialects.native.ledger import EntriesQuery
from tidings.dialects.native.routing import Nothing
from tidings.domain.errors import InvalidValue


def request(body: bytes, content_type: str = "application/json") -> WireRequest:
    headers = {"content-type": content_type}
    return WireRequest("POST", "/api/v1/users", "", headers, body, "127.0.0.1", "http", "localhost", "r")


def test_a_plus_in_a_query_is_a_plus() -> None:
    assert codec.read_query("endpoint=+18885550100", EntriesQuery).endpoint == "+18885550100"
    assert codec.read_query("endpoint=%2B18885550100", EntriesQuery).endpoint == "+18885550100"
    since = codec.read_query("since=2026-01-01T02:00:00+02:00", EntriesQuery).since
    assert since == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("topik=news", "topik"),
        ("limit=5&limit=6", "limit"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("endpoint=", "endpoint"),
        ("endpoint=%ff", "query"),
        ("endpoint=%00", "query"),
        ("since=yesterday", "since"),
        ("since=2026-01-01T00:00:00", "since"),
        ("since=1700000000", "since"),
        ("format=xml", "format"),
        ("&", "query"),
        ("endpoint=" + "x" * 5000, "endpoint"),
    ],
)
def test_a_malformed_query_names_the_parameter(query: str, field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        codec.read_query(query, EntriesQuery)
    assert caught.value.field == field


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_query_is_read_or_refused(query: str) -> None:
    for raw in (query, "limit=" + query, "since=" + quote(query, errors="replace"), "endpoint=" + query):
        with suppress(InvalidValue):
            assert codec.read_query(raw, EntriesQuery) is not None


@given(st.binary())
def test_any_body_is_read_or_refused(body: bytes) -> None:
    for raw in (body, b'{"ids":' + body + b"}", b'{"ids":[' + body + b"]}"):
        with suppress(InvalidValue):
            assert codec.read_body(request(raw), shapes.SendAgain).ids


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "ids"),
        (b"[]", "body"),
        (b"[" * 100_000, "body"),
        (b'{"ids":[]}', "ids"),
        (b'{"ids":[0]}', "ids[0]"),
        (b'{"ids":[9223372036854775808]}', "ids[0]"),
        (b'{"ids":["1"]}', "ids[0]"),
        (b'{"ids":[1],"all":true}', "all"),
        (b'{"ids":[1]', "body"),
    ],
)
def test_a_malformed_body_names_the_member(body: bytes, field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        codec.read_body(request(body), shapes.SendAgain)
    assert caught.value.field == field


def test_a_body_that_is_not_called_json_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        codec.read_body(request(b'{"ids":[1]}', "text/plain"), shapes.SendAgain)
    assert caught.value.status == 415
    assert codec.read_body(request(b"{}", "Application/JSON; charset=utf-8"), Nothing) == Nothing()


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_a_cursor_leads_back_to_its_position(position: int) -> None:
    assert codec.read_id_cursor("topics", codec.cursor("topics", position)) == position
    with pytest.raises(InvalidValue):
        codec.read_id_cursor("ledger", codec.cursor("topics", position))


@pytest.mark.parametrize("position", ["00", "007", "", "-1", "1" * 19])
def test_a_position_has_one_spelling(position: str) -> None:
    with pytest.raises(InvalidValue):
        codec.read_id_cursor("topics", codec.cursor("topics", position))


@given(st.text())
def test_a_made_up_cursor_is_refused(text: str) -> None:
    for read in (codec.read_id_cursor, codec.read_cursor):
        for made_up in (text, codec.cursor("topics", text) if text.isprintable() and text.isascii() else text):
            with suppress(InvalidValue):
                assert codec.cursor("topics", read("topics", made_up)).startswith(made_up)


@pytest.mark.parametrize(
    ("accept", "csv"),
    [
        ("", False),
        ("*/*", False),
        ("text/csv", True),
        ("text/csv, */*;q=0.1", True),
        ("text/*", True),
        ("application/json, text/csv;q=0.5", False),
        ("text/csv;q=0", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        (";;,,q=,text/csv;q=9", True),
    ],
)
def test_csv_is_given_to_whom_prefers_it(accept: str, csv: bool) -> None:
    assert codec.prefers_csv(accept) is csv
