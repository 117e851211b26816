"""Ids of texts in whatever spelling meet, and the store computes the same form."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidings.store.sqlite
from tidings.domain.receipt_ids import alike, plain

COLUMN = (Path(tidings.store.sqlite.__file__).parent / "migrations" / "0012_plain_receipt_ids.pre.sql").read_text()
EXPRESSION = COLUMN.partition("ALWAYS AS (")[2].partition(") VIRTUAL")[0]


@pytest.mark.parametrize(
    ("answered", "reported"),
    [
        ("0000001A2B", "6699"),
        ("0000001A2B", "1a2b"),
        ("0000001A2B", "0x1A2B"),
        ("6699", "00001A2B"),
        ("1A2E", "1a2e"),
        ("1a2e", '"1A2E"'),
        (" 1A2E ", "'1a2e'"),
        ("0000000042", "42"),
        ("AB-12", "ab-12"),
        ("F" * 16, str(16**16 - 1)),
    ],
)
def test_an_id_meets_what_the_network_reports(answered: str, reported: str) -> None:
    assert plain(f"h:1/{answered}") in alike(f"h:1/{reported}")
    assert plain(f"h:2/{answered}") not in alike(f"h:1/{reported}")


@pytest.mark.parametrize("reported", ["0000001A2C", "m1", "1A2B0", "x", "", "0"])
def test_another_id_does_not_meet(reported: str) -> None:
    assert plain("h:1/0000001A2B") not in alike(f"h:1/{reported}")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
def test_the_store_computes_the_same_form(transport_id: str) -> None:
    connection = apsw.Connection(":memory:")
    for each in (transport_id, f"h:1/{transport_id}"):
        sql = f"SELECT {EXPRESSION.replace('transport_id', '?1')}"
        assert connection.execute(sql, (each,)).fetchone() == (plain(each),)
        assert plain(plain(each)) == plain(each) or "/" in transport_id
        assert alike(each)[0] == plain(each)
