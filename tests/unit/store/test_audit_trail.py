"""The audit trail: what the store writes down by itself about what a unit changes, and that nobody can change it afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import apsw
import pytest
from tests.support.stores import ACCOUNT, NOW, OTHER, a_subscription, a_template, a_topic, an_address, an_entry

from tidings.domain.audit import SECRET_CHANGED, SECRET_SET, Act, Action, AuditEntry, AuditQuery
from tidings.domain.errors import Conflict
from tidings.domain.model import NEWEST, AccessKey, Account, Origin, Role, SubscriptionQuery, User, Way
from tidings.domain.optout import BlockingRule, SmsApplication, SmsType
from tidings.domain.texts import CALLBACK_SECRET, STATUS_URL, Reach, Review, SmsSign, SmsTemplate
from tidings.domain.unit import Unit
from tidings.store.sqlite import SqliteStore
from tidings.store.sqlite.audits import is_empty
from tidings.store.sqlite.database import run

ORIGIN = Origin(
    Way.CONSOLE, "arn:aws:iam::000000000000:user/ada", "192.0.2.7", "agent", "r-1", via="console", key_id="K"
)
ACT = Act(NOW, ORIGIN)
USER = User(ACCOUNT, "bob", Role.OPERATOR, "hash-1", False, NOW)
KEY = AccessKey("KEY1", ACCOUNT, "bob", b"sealed", False, NOW)
SIGN = SmsSign(1, ACCOUNT, "Harbor", Reach.BOTH, Review.WAITING, NOW)
TEXT = SmsTemplate(1, ACCOUNT, "news", "Hello {1}", SmsType.NOTIFICATION, Reach.BOTH, Review.WAITING, NOW)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "tidings.db")
    yield opened
    await opened.close()


async def trail(store: SqliteStore, **query: object) -> list[AuditEntry]:
    return await store.audit(replace(AuditQuery(ACCOUNT), **query))


async def test_an_entry_says_who_what_when_and_from_where(store: SqliteStore) -> None:
    await store.commit(Unit(act=ACT, topics_new=[a_topic()]))
    (entry,) = await trail(store)
    assert entry.id > 0
    assert (entry.account_id, entry.at, entry.origin) == (ACCOUNT, NOW, ORIGIN)
    assert (entry.action, entry.subject, dict(entry.before)) == ("topic.create", "us-east-1/news-1", {})
    assert entry.after == {"display_name": "News", "sns:Policy": "{}", "tag team": "ä"}


async def test_only_what_differs_is_written_down_of_a_change(store: SqliteStore) -> None:
    await store.commit(Unit(act=ACT, topics_new=[a_topic()]))
    (topic,) = await store.topics(ACCOUNT, None, after=0, limit=9)
    altered = replace(
        topic, settings={"sns:Policy": '{"Version": "2012-10-17"}', "sns:TracingConfig": "Active"}, tags={}
    )
    await store.commit(Unit(act=ACT, topics_changed=[altered]))
    await store.commit(Unit(act=ACT, topics_deleted=[topic.id]))
    _, changed, deleted = await trail(store)
    assert changed.action == "topic.change"
    assert changed.before == {"sns:Policy": "{}", "tag team": "ä"}
    assert changed.after == {"sns:Policy": '{"Version": "2012-10-17"}', "sns:TracingConfig": "Active"}
    assert (deleted.action, deleted.subject, dict(deleted.after)) == ("topic.delete", "us-east-1/news-1", {})
    assert deleted.before["sns:TracingConfig"] == "Active"


async def test_secrets_are_never_written_down_but_their_change_is(store: SqliteStore, tmp_path: Path) -> None:
    settings = {CALLBACK_SECRET: "c2VhbGVk", STATUS_URL: "https://ann:hunter2@hooks.example.com/x"}
    application = SmsApplication(ACCOUNT, "1400006666", "+18885550100", NOW, settings)
    await store.commit(Unit(act=ACT, users=[USER], access_keys=[KEY], sms_applications=[application]))
    await store.commit(
        Unit(
            act=ACT,
            users=[replace(USER, password_hash="hash-2", role=Role.OWNER)],
            access_keys=[replace(KEY, sealed_secret=b"other", disabled=True)],
            sms_applications=[replace(application, settings={})],
        )
    )
    user, key, app, user2, key2, app2 = await trail(store)
    assert user.after == {"role": "operator", "password": SECRET_SET}
    assert user2.before == {"role": "operator", "password": SECRET_SET}
    assert user2.after == {"role": "owner", "password": SECRET_CHANGED}
    assert (key.after["secret"], key2.after) == (SECRET_SET, {"secret": SECRET_CHANGED, "disabled": "yes"})
    assert app.after[STATUS_URL] == "https://ann:****@hooks.example.com/x"
    assert (app.after[CALLBACK_SECRET], app2.before[CALLBACK_SECRET]) == (SECRET_SET, SECRET_SET)
    written = repr(await trail(store))
    assert not any(secret in written for secret in ("hash-1", "hash-2", "hunter2", "c2VhbGVk", KEY.sealed_secret.hex()))


async def test_what_changes_nothing_leaves_no_entry(store: SqliteStore) -> None:
    await store.commit(Unit(act=ACT, users=[USER]))
    await store.commit(Unit(act=ACT, users=[USER]))
    assert [entry.action for entry in await trail(store)] == ["user.create"]


async def test_a_unit_that_is_not_applied_leaves_no_entry(store: SqliteStore) -> None:
    await store.commit(Unit(act=ACT, topics_new=[a_topic()]))
    (topic,) = await store.topics(ACCOUNT, None, after=0, limit=9)
    with pytest.raises(Conflict):
        await store.commit(Unit(act=ACT, users=[USER], topics_changed=[replace(topic, version=7, display_name="x")]))
    assert [entry.action for entry in await trail(store)] == ["topic.create"]


async def test_a_change_is_written_down_even_if_a_service_forgets_to_say_whose(store: SqliteStore) -> None:
    await store.commit(Unit(users=[USER]))
    (entry,) = await trail(store)
    assert (entry.action, entry.origin) == ("user.create", Origin(Way.SYSTEM))


AUDITED = {
    "accounts": [Account(ACCOUNT, "harbor", "a" * 32, NOW)],
    "users": [USER],
    "access_keys": [KEY],
    "topics_new": [a_topic(7)],
    "templates_new": [a_template(7)],
    "inbound_addresses_new": [an_address()],
    "sms_applications": [SmsApplication(ACCOUNT, "1400006666", "", NOW)],
    "sms_signs_new": [SIGN],
    "sms_templates_new": [TEXT],
}
CHANGED = {
    *("topics_changed", "topics_deleted", "templates_changed", "templates_deleted", "inbound_addresses_changed"),
    *("sms_signs_changed", "sms_signs_deleted", "sms_templates_changed", "sms_templates_deleted"),
    *("blocking_rules", "blocking_rules_deleted"),
}
OF_CONSENT = {
    *(
        "subscriptions_new",
        "subscriptions_changed",
        "subscriptions_deleted",
        "opt_outs",
        "opt_outs_lifted",
        "opt_outs_absent",
    ),
    *("tokens_new", "tokens_used", "tokens_void", "inbound_texts", "ledger", "confirmation_requests"),
}
# What the service writes down itself (`Unit.audit`), and what people verify by themselves.
OF_SANDBOX = {"sandbox_accounts", "sandbox_numbers", "sandbox_numbers_deleted"}
OF_NUMBERS = {"numbers_claimed", "guards"}  # checks, no changes
OF_SESSIONS = {"sessions_new", "sessions_used", "sessions_ended"}  # the service writes down signing in and out itself
OF_MESSAGES = {
    *("messages", "texts_sent", "texts_delivered", "text_parts", "text_reports", "text_tallies", "senders_used"),
    "readers",
}


def test_every_member_of_a_unit_is_either_audited_or_known_not_to_be() -> None:
    """Whoever adds a member to `Unit` decides here, and in `store.sqlite.audits`, whether people must be able to ask who changed it."""
    known = {
        *AUDITED,
        *CHANGED,
        *OF_CONSENT,
        *OF_MESSAGES,
        *OF_SANDBOX,
        *OF_NUMBERS,
        *OF_SESSIONS,
        "act",
        "audit",
        "provisioned",
    }
    assert {member.name for member in fields(Unit)} == known


@pytest.mark.parametrize("member", sorted({*AUDITED, *CHANGED}))
def test_no_audited_member_is_overlooked(member: str) -> None:
    assert not is_empty(Unit(**{member: [object()]}))


@pytest.mark.parametrize("member", sorted(AUDITED))
async def test_each_kind_of_thing_that_is_made_is_written_down(store: SqliteStore, member: str) -> None:
    await store.commit(Unit(act=ACT, **{member: AUDITED[member]}))
    (entry,) = await trail(store)
    assert entry.action.endswith(".create")
    assert entry.subject
    assert entry.origin == ORIGIN


async def test_each_kind_of_thing_that_is_changed_or_removed_is_written_down(store: SqliteStore) -> None:
    rule = BlockingRule(ACCOUNT, an_address().address, "1400006666", frozenset({SmsType.MARKETING}))
    await store.commit(Unit(act=ACT, **AUDITED))
    await store.commit(Unit(act=ACT, blocking_rules=[rule]))
    after = (await trail(store))[-1].id
    (address,) = await store.inbound_addresses(ACCOUNT)
    template = await store.template(a_template(7).uid)
    (topic,) = await store.topics(ACCOUNT, None, after=0, limit=9)
    assert template is not None
    wider = replace(rule, types=frozenset({SmsType.MARKETING, SmsType.NOTIFICATION}))
    await store.commit(
        Unit(
            act=ACT,
            topics_changed=[replace(topic, display_name="other")],
            templates_changed=[replace(template, content="other")],
            inbound_addresses_changed=[replace(address, description="other")],
            blocking_rules=[wider],
            sms_signs_changed=[replace(SIGN, review=Review.USABLE)],
            sms_templates_changed=[replace(TEXT, review=Review.REFUSED, review_reply="no")],
        )
    )
    changed = await trail(store, after=after)
    kinds = ["blocking-rule", "inbound-address", "sms-sign", "sms-template", "template", "topic"]
    assert sorted(entry.action for entry in changed) == [f"{kind}.change" for kind in kinds]
    assert next(entry for entry in changed if entry.action == "sms-template.change").after == {
        "review": "refused",
        "review_reply": "no",
    }
    after = changed[-1].id
    await store.commit(
        Unit(
            act=ACT,
            topics_deleted=[topic.id],
            templates_deleted=[template.id],
            inbound_addresses_changed=[replace(address, version=2, description="other", deleted_at=NOW)],
            blocking_rules_deleted=[(ACCOUNT, rule.address, rule.app_id)],
            sms_signs_deleted=[(ACCOUNT, SIGN.id)],
            sms_templates_deleted=[(ACCOUNT, TEXT.id)],
        )
    )
    assert sorted(entry.action for entry in await trail(store, after=after)) == [f"{kind}.delete" for kind in kinds]


async def test_attributes_of_subscriptions_are_audited_and_their_consent_is_left_to_the_ledger(
    store: SqliteStore,
) -> None:
    await store.commit(Unit(topics_new=[a_topic()]))
    (topic,) = await store.topics(ACCOUNT, None, after=0, limit=9)
    await store.commit(Unit(subscriptions_new=[a_subscription(1, topic)], ledger=[an_entry(1)]))
    (subscription,) = await store.subscriptions(SubscriptionQuery(ACCOUNT))
    await store.commit(
        Unit(act=ACT, subscriptions_changed=[replace(subscription, settings={"sns:RawMessageDelivery": "false"})])
    )
    entry = (await trail(store))[-1]
    assert entry.action == "subscription.change"
    assert (entry.before, entry.after) == ({"sns:RawMessageDelivery": "true"}, {"sns:RawMessageDelivery": "false"})


async def test_a_list_is_filtered_and_walked_from_both_ends(store: SqliteStore) -> None:
    others = [
        AuditEntry(
            ACCOUNT, NOW + timedelta(minutes=n), Action.SIGN_IN, f"user-{n}", replace(ORIGIN, principal=f"x/user-{n}")
        )
        for n in range(5)
    ]
    await store.commit(Unit(audit=[*others, replace(others[0], account_id=OTHER)]))
    await store.commit(Unit(act=ACT, topics_new=[a_topic()]))
    everything = await trail(store)
    assert [entry.subject for entry in everything] == [*(f"user-{n}" for n in range(5)), "us-east-1/news-1"]
    assert await trail(store, before=NEWEST, limit=2) == everything[:-3:-1]
    assert await trail(store, before=everything[-2].id, limit=9) == everything[-3::-1]
    assert await trail(store, after=everything[1].id, limit=1) == [everything[2]]
    assert await trail(store, actions=("topic",)) == everything[-1:]
    assert await trail(store, actions=(Action.SIGN_IN, "nothing")) == everything[:-1]
    assert await trail(store, principal="user-3") == [everything[3]]
    assert await trail(store, principal="x/user-3") == [everything[3]]
    assert await trail(store, principal="ser-3") == []
    assert await trail(store, text="NEWS") == everything[-1:]
    at = NOW + timedelta(minutes=1)
    assert await trail(store, since=at, until=at + timedelta(minutes=2)) == everything[1:3]
    assert len(await store.audit(AuditQuery(None))) == 7


@pytest.mark.parametrize(
    "change", ["UPDATE audit SET subject = 'x'", "DELETE FROM audit", "REPLACE INTO audit SELECT * FROM audit"]
)
async def test_the_trail_can_be_neither_changed_nor_emptied(store: SqliteStore, tmp_path: Path, change: str) -> None:
    await store.commit(Unit(act=ACT, users=[USER]))
    before = await trail(store)
    intruder = apsw.Connection(str(tmp_path / "tidings.db"))
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        run(intruder, change)
    intruder.close()
    assert await trail(store) == before


async def test_the_trail_survives_developer_modes_reset(store: SqliteStore) -> None:
    await store.commit(Unit(act=ACT, users=[USER]))
    await store.reset()
    assert len(await trail(store)) == 1
