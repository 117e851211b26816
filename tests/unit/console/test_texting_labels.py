"""What the pages about texting say of numbers, rules, keywords and lengths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import ACCOUNT, NOW

from tidings.console.fields import Fields
from tidings.console.texting import labels
from tidings.console.texting.keywords import size_of
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    TOPICS_APP,
    AddressKind,
    BlockingRule,
    InboundAddress,
    SmsType,
    covers,
)

ADDRESS = "+12025550199"
PHONE = "+12025550131"


@pytest.mark.parametrize(
    "typed",
    [
        "+12025550131",
        "+1 (202) 555-0131",
        "001 202 555 0131",
        "tel:+1-202-555-0131",
        " +1.202.555.0131 ",
        "+1\u00a0202\u2011555\u20110131",
    ],
)
def test_a_number_is_read_as_people_write_it(typed: str) -> None:
    form = Fields([("phone", typed)])
    assert labels.read_phone(form, "phone", "Number") == PHONE
    assert form.ok


@pytest.mark.parametrize("typed", ["2025550131", "hello", "+", "+1202555O131", "+1" * 30])
def test_what_is_no_number_is_refused_at_its_field(typed: str) -> None:
    form = Fields([("phone", typed)])
    assert labels.read_phone(form, "phone", "Number") == ""
    assert "phone" in form.refusals
    assert form.typed("phone") == typed


def test_a_number_without_plus_is_told_how_to_begin() -> None:
    form = Fields([("phone", "202 555 0131")])
    labels.read_phone(form, "phone", "Number")
    assert "Begin with +" in form.refusals["phone"]


@given(st.text())
def test_reading_a_number_never_breaks(typed: str) -> None:
    labels.read_phone(Fields([("phone", typed)]), "phone", "Number")


APPS = ("shop", "codes", TOPICS_APP)
RULES = st.dictionaries(st.sampled_from(APPS), st.frozensets(st.sampled_from(SmsType), min_size=1))


@given(rules=RULES, address=st.sampled_from([ADDRESS, ACCOUNT_WIDE]))
def test_what_is_shown_as_blocked_is_what_the_gate_blocks(rules: dict[str, frozenset[SmsType]], address: str) -> None:
    kept = [BlockingRule(ACCOUNT, ADDRESS, app, types) for app, types in rules.items()]
    row = InboundAddress(1, ACCOUNT, address, AddressKind.LONG_CODE, NOW)
    told = labels.blocks(address, kept)
    for app in APPS:
        rule = next((rule for rule in kept if rule.app_id == app), None)
        for sms_type in SmsType:
            shown = any(labels.TYPES[sms_type] in found.types for found in told if found.app in ("", app))
            assert shown == covers(row, rule, app, sms_type)


@pytest.mark.parametrize(
    ("text", "parts", "foreign"),
    [("a" * 160, 1, ""), ("a" * 161, 2, ""), ("€" * 80, 1, ""), ("退" * 70, 1, "退"), ("ê" + "a" * 70, 2, "ê")],
)
def test_the_length_of_an_answer_is_the_networks(text: str, parts: int, foreign: str) -> None:
    size = size_of(text)
    assert size is not None
    assert (size.parts, size.foreign) == (parts, foreign)
