"""What the audit trail says of a change: which thing, what differs, and no secret."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.build import ACCOUNT, NOW, UID, make_subscription, make_topic

from tidings.domain.audit import SECRET_CHANGED, SECRET_SET, VALUE_CHARACTERS_MAX, Act, Audited, change, counted, facts
from tidings.domain.model import NO_ID, AccessKey, Account, Origin, Role, Template, User, Way
from tidings.domain.optout import AddressKind, BlockingRule, InboundAddress, KeywordSet, SmsApplication, SmsType
from tidings.domain.texts import Reach, Review, SmsSign, SmsTemplate

ACT = Act(NOW, Origin(Way.API, "somebody"))
USER = User(ACCOUNT, "bob", Role.OPERATOR, "hash", False, NOW, ("sns:Publish", "smn:*"))
ADDRESS = InboundAddress(
    1,
    ACCOUNT,
    "+18885550100",
    AddressKind.TOLL_FREE,
    NOW,
    "US",
    "help line",
    {KeywordSet.OPT_OUT: ("STOP", "END")},
    {KeywordSet.OPT_OUT: "Bye."},
)
THINGS: list[tuple[Audited, str, str, dict[str, str]]] = [
    (Account(ACCOUNT, "one", "p" * 32, NOW), "account", "one", {"name": "one", "project_id": "p" * 32}),
    (USER, "user", "bob", {"role": "operator", "password": SECRET_SET, "actions": "sns:Publish, smn:*"}),
    (
        AccessKey("KEY1", ACCOUNT, "bob", b"sealed", True, NOW),
        "access-key",
        "KEY1",
        {"user": "bob", "secret": SECRET_SET, "disabled": "yes"},
    ),
    (
        replace(make_topic(display_name="News", settings={"sns:Policy": "{}"}), tags={"team": "", "cost": "7"}),
        "topic",
        "us-east-1/news",
        {"display_name": "News", "sns:Policy": "{}", "tag team": "(empty)", "tag cost": "7"},
    ),
    (
        replace(
            make_subscription(endpoint="http://me:secret@host/", auth_on_unsubscribe=True), settings={"sns:A": "b"}
        ),
        "subscription",
        f"http http://me:****@host/ ({UID})",
        {"sns:A": "b", "authenticate_on_unsubscribe": "yes"},
    ),
    (Template(1, UID, ACCOUNT, "t", "default", "Hi", NOW, NOW), "template", "t/default", {"content": "Hi"}),
    (
        ADDRESS,
        "inbound-address",
        "+18885550100",
        {
            "kind": "toll-free",
            "country": "US",
            "description": "help line",
            "opt-out keywords": "STOP, END",
            "opt-out reply": "Bye.",
        },
    ),
    (
        SmsApplication(ACCOUNT, "1400", "+1", NOW, {"callback secret": "hush", "url": "https://a:b@c/"}),
        "sms-application",
        "1400",
        {"sender": "+1", "callback secret": SECRET_SET, "url": "https://a:****@c/"},
    ),
    (
        BlockingRule(ACCOUNT, "+1", "1400", frozenset({SmsType.MARKETING, SmsType.NOTIFICATION})),
        "blocking-rule",
        "+1/1400",
        {"types": ", ".join(kind.name.lower() for kind in sorted([SmsType.MARKETING, SmsType.NOTIFICATION]))},
    ),
    (
        SmsSign(7, ACCOUNT, "Harbor", Reach.BOTH, Review.REFUSED, NOW, 2, 0, "please", "no"),
        "sms-sign",
        "7 Harbor",
        {
            "content": "Harbor",
            "kind": "2",
            "reach": "both",
            "review": "refused",
            "review_reply": "no",
            "remark": "please",
        },
    ),
    (
        SmsTemplate(8, ACCOUNT, "n", "Hi {1}", SmsType.MARKETING, Reach.GLOBAL, Review.USABLE, NOW),
        "sms-template",
        "8 n",
        {"name": "n", "content": "Hi {1}", "type": "marketing", "reach": "global", "review": "usable"},
    ),
]


@pytest.mark.parametrize(("thing", "kind", "subject", "told"), THINGS, ids=[kind for _, kind, *_ in THINGS])
def test_a_new_thing_is_told_whole_and_a_removed_one_too(
    thing: Any, kind: str, subject: str, told: dict[str, str]
) -> None:
    made, removed = change(ACT, None, thing), change(ACT, thing, None)
    assert made is not None
    assert removed is not None
    assert (made.action, made.subject, made.before, made.after) == (f"{kind}.create", subject, {}, told)
    assert (removed.action, removed.subject, removed.before, removed.after) == (f"{kind}.delete", subject, told, {})
    assert (made.account_id, made.at, made.origin, made.id, made.count) == (ACCOUNT, NOW, ACT.origin, NO_ID, 1)
    assert change(ACT, thing, thing) is None


def test_a_change_tells_what_differs_only() -> None:
    entry = change(ACT, USER, replace(USER, role=Role.OWNER, actions=()))
    assert entry is not None
    assert entry.action == "user.change"
    assert entry.before == {"role": "operator", "actions": "sns:Publish, smn:*"}
    assert entry.after == {"role": "owner"}


def test_secrets_are_set_or_changed_and_never_shown() -> None:
    changed = change(ACT, USER, replace(USER, password_hash="other"))
    assert changed is not None
    assert (changed.before, changed.after) == ({"password": SECRET_SET}, {"password": SECRET_CHANGED})
    first = change(ACT, replace(USER, password_hash=""), USER)
    assert first is not None
    assert (first.before, first.after) == ({}, {"password": SECRET_SET})


def test_a_hidden_address_is_deleted_and_one_that_comes_back_is_created() -> None:
    hidden = replace(ADDRESS, deleted_at=NOW)
    actions = [
        entry and entry.action
        for entry in (
            change(ACT, ADDRESS, hidden),
            change(ACT, hidden, ADDRESS),
            change(ACT, ADDRESS, replace(ADDRESS, description="")),
            change(ACT, hidden, replace(hidden, description="")),
        )
    ]
    assert actions == ["inbound-address.delete", "inbound-address.create"] + ["inbound-address.change"] * 2


def test_nothing_is_no_change() -> None:
    assert change(ACT, None, None) is None
    assert facts(None) == {}


def test_a_long_value_is_cut_and_says_so() -> None:
    longest = "x" * VALUE_CHARACTERS_MAX
    for text, kept in ((longest, longest), (longest + "y", f"{longest} (cut: {len(longest) + 1} characters)")):
        entry = change(ACT, None, Template(1, UID, ACCOUNT, "t", "default", text, NOW, NOW))
        assert entry is not None
        assert entry.after == {"content": kept}


def test_one_entry_may_stand_for_many() -> None:
    entry = change(ACT, None, USER)
    assert entry is not None
    assert counted(entry, 7) == replace(entry, count=7)
