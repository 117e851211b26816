"""Small values that others decide by: grants, errors, sessions, ledger entries, blocking rules, readings of a text."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.build import ACCOUNT, NOW, make_principal

from tidings.domain import lifecycle
from tidings.domain.errors import OptedOut, QuotaExceeded, Throttled, WrongState
from tidings.domain.grants import From, Grant, Verb
from tidings.domain.keywords import DEFAULTS, about, distinct, meaning_of_readings
from tidings.domain.lifecycle import Pace
from tidings.domain.model import (
    AccountId,
    ConfirmationRequest,
    Event,
    LedgerEntry,
    Origin,
    RequestEvent,
    State,
    TopicId,
    Way,
)
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    TOPICS_APP,
    AddressKind,
    BlockingRule,
    InboundAddress,
    KeywordSet,
    SmsType,
    covers,
    review_mark,
    reviewed_record,
)
from tidings.domain.sessions import Session


def test_a_grant_of_a_call_carries_the_calls_origin() -> None:
    principal = make_principal()
    origin = Origin(Way.CONSOLE, principal="p", remote_address="192.0.2.1")
    grant = Grant(principal, Verb.PUBLISH, ACCOUNT, "news", From(origin))
    assert grant.origin == origin
    assert (grant.act(NOW).at, grant.act(NOW).origin) == (NOW, origin)


def test_a_grant_of_a_program_names_its_principal() -> None:
    grant = Grant(make_principal(), Verb.PUBLISH, ACCOUNT, "news")
    assert grant.origin == Origin(Way.API, principal="arn:aws:iam::000000000000:user/admin")


def test_errors_carry_what_dialects_tell() -> None:
    out, quota, throttled = OptedOut("+12025550123"), QuotaExceeded("topics", 3), Throttled(2.5)
    assert isinstance(out, WrongState)
    assert (out.endpoint, out.state, out.wanted) == ("+12025550123", "opted out", "send")
    assert (quota.kind, quota.limit, str(quota)) == ("topics", 3, "at most 3 topics")
    assert (throttled.after_s, str(throttled)) == (2.5, "try again after 2.5 s")


def test_a_sessions_id_is_no_way_in() -> None:
    day = timedelta(days=1)
    session = Session(b"\x01" * 32, ACCOUNT, "admin", b"m", NOW, NOW, NOW + day, NOW + day, "", "")
    assert session.id == "01" * 16


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (State.CONFIRMED, State.CONFIRMED, False),
        (State.CONFIRMED, State.CANCELED, True),
        (None, State.CONFIRMED, True),
        (None, None, True),
    ],
)
def test_a_ledger_entry_knows_whether_it_changed_something(
    before: State | None, after: State | None, changed: bool
) -> None:
    entry = LedgerEntry(
        1, NOW, Event.CANCELED, ACCOUNT, TopicId(1), "news", "r", "uid", "sms", "+1", before, after, Origin(Way.API)
    )
    assert entry.is_change is changed


@pytest.mark.parametrize(
    ("address", "deleted", "types", "app_id", "blocks"),
    [
        ("+18885550100", False, {SmsType.MARKETING}, "1400", True),
        ("+18885550100", False, {SmsType.NOTIFICATION}, "1400", False),
        ("+18885550100", True, {SmsType.MARKETING}, "1400", False),
        ("+18885550100", False, None, "1400", False),
        ("+18885550100", False, None, TOPICS_APP, True),
        (ACCOUNT_WIDE, False, None, "1400", True),
        (ACCOUNT_WIDE, True, None, "1400", False),
    ],
)
def test_what_an_opt_out_blocks(
    address: str, deleted: bool, types: set[SmsType] | None, app_id: str, blocks: bool
) -> None:
    inbound = InboundAddress(1, ACCOUNT, address, AddressKind.TOLL_FREE, NOW, deleted_at=NOW if deleted else None)
    rule = None if types is None else BlockingRule(ACCOUNT, address, app_id, frozenset(types))
    assert covers(inbound, rule, app_id, SmsType.MARKETING) is blocks


def test_a_review_names_its_record() -> None:
    assert reviewed_record(review_mark(42)) == 42
    assert reviewed_record(f"{review_mark(42)} left alone") == 42
    assert reviewed_record("something else") is None


ASKED, ANSWERED, DECLINED = RequestEvent.ASKED, RequestEvent.ANSWERED, RequestEvent.DECLINED
HOUR = timedelta(hours=1)
OTHER = AccountId("2")


def refusal(*events: tuple[RequestEvent, AccountId, int], hold: timedelta = 2 * HOUR) -> str:
    """events: each (what, by whom, topic), a minute apart, the last one now."""
    first = NOW - timedelta(minutes=len(events) - 1)
    past = [
        ConfirmationRequest("r", first + timedelta(minutes=place), what, account, TopicId(topic))
        for place, (what, account, topic) in enumerate(events)
    ]
    paces = [Pace(2, HOUR, HOUR)]
    return lifecycle.why_not_ask(paces, past, NOW, account_id=ACCOUNT, topic_id=1, hold=hold)


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ((), ""),
        (((ASKED, OTHER, 9), (ASKED, OTHER, 9)), "asked too often"),
        (((ASKED, OTHER, 9), (ASKED, OTHER, 9), (ANSWERED, OTHER, 9)), ""),
        (((DECLINED, ACCOUNT, 9),), "declined"),
        (((DECLINED, OTHER, 1),), "declined"),
        (((DECLINED, OTHER, 9),), ""),
        (((DECLINED, ACCOUNT, 9), (ANSWERED, OTHER, 9)), "declined"),
        (((DECLINED, ACCOUNT, 9), (ANSWERED, ACCOUNT, 2)), ""),
        (((DECLINED, ACCOUNT, 9), (DECLINED, OTHER, 9)), "declined"),
    ],
)
def test_a_recipient_who_declined_or_was_asked_too_often_is_left_alone(events, why: str) -> None:  # type: ignore[no-untyped-def]
    found = refusal(*events)
    assert found.startswith(why)
    assert bool(found) is bool(why)


def test_a_decline_holds_for_its_time() -> None:
    assert refusal((DECLINED, ACCOUNT, 1), (ASKED, OTHER, 9), hold=timedelta(minutes=1)) == ""


def test_of_keywords_each_form_stays_once_as_first_typed() -> None:
    assert distinct(["Stop", "STOP!", "end", "..."]) == ("Stop", "end", "...")


@pytest.mark.parametrize(
    ("readings", "chosen", "meant", "review"),
    [
        (("STOP",), "STOP", KeywordSet.OPT_OUT, False),
        (("START", "STOP"), "START", KeywordSet.OPT_IN, False),
        (("hello", "STOP"), "STOP", KeywordSet.OPT_OUT, False),
        (("hello", "TD"), "TD", None, True),
        (("hello", "退订"), "退订", KeywordSet.OPT_OUT, False),
        (("hello", "START"), "hello", None, False),
        (("hello", "world"), "hello", None, False),
    ],
)
def test_another_reading_counts_only_where_it_opts_out(
    readings: tuple[str, ...], chosen: str, meant: KeywordSet | None, review: bool
) -> None:
    text, found = meaning_of_readings(readings, DEFAULTS)
    assert (text, found.set, found.review) == (chosen, meant, review)


def test_rules_are_told_to_people_in_words() -> None:
    assert about("keyword") == "keyword: the whole text is a keyword"
    assert about("no-such-rule") == "no-such-rule"
