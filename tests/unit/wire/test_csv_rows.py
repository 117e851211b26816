"""Cells that a spreadsheet takes as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.wire.csv_rows import guarded, unguarded


@given(st.text() | st.text("'= +-@\t\r\n1=+", max_size=6))
def test_what_was_guarded_comes_back(text):
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["=1", "+x", "-1", "@a", "\t=", "\r", "\n1", "＝1", "  =1", "'=1", "+1555x", "+1 2"])
def test_a_formula_becomes_text(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "'", "'tis", "a=1", "+12025550100", "1-2"])
def test_other_cells_stay(text):
    assert guarded(text) == text


def test_a_number_that_a_spreadsheet_guarded_is_a_number_again():
    assert unguarded("'+12025550100") == "+12025550100"
