"""What every Store promises (`domain.ports.Store`): units, rows, versions, upkeep. Its lists have a suite of their own.

A new implementation adds a parameter to `IMPLEMENTATIONS` of `tests/support/stores.py`, nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from tests.support.stores import (
    ACCOUNT,
    NOW,
    OTHER,
    SECOND,
    Opener,
    a_message,
    a_subscription,
    a_template,
    a_topic,
    add,
    add_topic,
    an_entry,
    subscription_of,
    uid,
)

from tidings.domain.errors import Conflict, Unavailable
from tidings.domain.model import (
    AccessKey,
    Account,
    LedgerQuery,
    Role,
    State,
    SubscriptionQuery,
    TemplateQuery,
    Token,
    TokenPurpose,
    TopicCounts,
    TopicId,
    TopicQuery,
    User,
)
from tidings.domain.ports import Store
from tidings.domain.unit import Unit
from tidings.store.sqlite.upkeep import TOKENS_KEPT

NEWEST = 2**62
"""After every place in the flow."""

# Accounts


async def test_accounts_users_and_keys_are_added_changed_and_read_back(store: Store) -> None:
    account = Account(ACCOUNT, "default", uid(1), NOW)
    user = User(ACCOUNT, "admin", Role.OWNER, "hash", False, NOW)
    key = AccessKey("tidings", ACCOUNT, "admin", b"\0sealed", False, NOW)
    await store.commit(Unit(accounts=[account], users=[user], access_keys=[key]))
    assert await store.account(ACCOUNT) == account == await store.account_of_project(uid(1))
    assert await store.user(ACCOUNT, "admin") == user
    assert await store.access_key("tidings") == key
    changed = Unit(
        accounts=[replace(account, name="renamed")], users=[replace(user, disabled=True)], access_keys=[replace(key, disabled=True)]
    )  # fmt: skip
    await store.commit(changed)
    assert await store.accounts() == changed.accounts
    assert await store.users(ACCOUNT) == changed.users
    assert await store.access_keys(ACCOUNT) == changed.access_keys


async def test_a_user_keeps_the_actions_of_his_own_in_their_order(store: Store) -> None:
    actions = ("smn:topic:*", "sns:Publish", 'odd "é" \\')
    user = User(ACCOUNT, "app", Role.AUDITOR, "", False, NOW, actions)
    await store.commit(Unit(users=[user]))
    assert await store.user(ACCOUNT, "app") == user
    await store.commit(Unit(users=[replace(user, actions=())]))
    assert await store.users(ACCOUNT) == [replace(user, actions=())]


async def test_what_is_not_there_is_none_or_empty(store: Store) -> None:
    assert await store.account(ACCOUNT) is None
    assert await store.account_of_project(uid(1)) is None
    assert await store.user(ACCOUNT, "admin") is None
    assert await store.access_key("tidings") is None
    assert await store.topic(ACCOUNT, "us-east-1", "news") is None
    assert await store.topic_by_id(TopicId(1)) is None
    assert await store.subscription(uid(1)) is None
    assert await store.token(b"digest") is None
    assert await store.topic_counts(TopicId(1)) == TopicCounts(0, 0, 0)
    assert await store.pending_count(ACCOUNT) == await store.topic_count(ACCOUNT, None) == 0
    assert await store.subscriptions(SubscriptionQuery()) == []
    assert await store.ledger(LedgerQuery(since=NOW)) == []
    assert await store.subscribers([uid(1)]) == {}
    assert await store.subscriptions_total(SubscriptionQuery(ACCOUNT, "us-east-1")) == 0
    assert await store.subscriptions_total(SubscriptionQuery(topic_id=TopicId(1))) == 0
    assert await store.topics_found(TopicQuery(ACCOUNT, "us-east-1")) == []
    assert await store.topics_total(TopicQuery(ACCOUNT, "us-east-1")) == 0
    assert await store.template(uid(1)) is None
    assert await store.templates(TemplateQuery(ACCOUNT)) == []
    assert await store.templates_total(TemplateQuery(ACCOUNT)) == 0
    assert await store.confirmation_requests("mail:a@example.com", since=NOW) == []
    assert await store.unsealed_subscriptions(after=0, limit=9) == []
    assert await store.restorable_count(TopicId(1), at=NOW) == 0
    assert await store.texts_sent(TopicId(1), since=NOW, until=NOW + SECOND) == []


# Topics


async def test_a_topic_reads_back_as_written_with_the_id_the_store_gave(store: Store) -> None:
    topic = await add_topic(store)
    assert topic == a_topic(id=topic.id)
    assert topic.id > 0
    assert await store.topic(ACCOUNT, "us-east-1", "news-1") == topic == await store.topic_by_id(topic.id)


async def test_a_topic_name_is_unique_in_its_account_and_region(store: Store) -> None:
    await add_topic(store, 1, name="news")
    with pytest.raises(Conflict):
        await store.commit(Unit(topics_new=[a_topic(2, name="news")]))
    await add_topic(store, 3, name="news", region="eu-west-1")
    await add_topic(store, 4, name="news", account_id=OTHER)


async def test_a_stale_version_of_a_topic_is_a_conflict(store: Store) -> None:
    topic = await add_topic(store)
    changed = replace(topic, display_name="New", settings={"a": "b"}, tags={}, updated_at=NOW + SECOND)
    await store.commit(Unit(topics_changed=[changed]))
    assert await store.topic_by_id(topic.id) == replace(changed, version=2)
    with pytest.raises(Conflict):
        await store.commit(Unit(topics_changed=[replace(topic, display_name="Late")]))


async def test_topics_are_listed_ascending_page_by_page_and_counted(store: Store) -> None:
    topics = [await add_topic(store, number, region="ab"[number % 2]) for number in range(1, 7)]
    await add_topic(store, 9, account_id=OTHER)
    assert await store.topics(ACCOUNT, None, after=0, limit=4) == topics[:4]
    assert await store.topics(ACCOUNT, None, after=topics[3].id, limit=4) == topics[4:]
    assert await store.topics(ACCOUNT, "b", after=topics[0].id, limit=9) == topics[2::2]
    assert await store.topic_count(ACCOUNT, None) == 6
    assert await store.topic_count(ACCOUNT, "a") == 3
    assert await store.topic_count(OTHER, "b") == 0


async def test_a_deleted_topic_hides_everything_at_once_and_frees_its_name(store: Store) -> None:
    topic, other = await add_topic(store, 1), await add_topic(store, 2)
    await add(store, a_subscription(1, topic), a_subscription(2, topic, state=State.CONFIRMED, confirmed_at=NOW))
    (kept,) = await add(store, a_subscription(3, other, endpoint="https://example.com/1"))
    await store.commit(Unit(topics_deleted=[topic.id]))
    assert await store.topic_by_id(topic.id) is None
    assert await store.topic_by_uid(topic.uid) is None
    assert await store.topic(ACCOUNT, topic.region, topic.name) is None
    assert await store.topics(ACCOUNT, None, after=0, limit=9) == [other]
    assert await store.topic_count(ACCOUNT, topic.region) == 1
    assert await store.topic_counts(topic.id) == TopicCounts(0, 0, 0)
    assert await store.pending_count(ACCOUNT) == 1
    assert await store.subscription(uid(1001)) is None
    assert await store.subscribers([uid(1001), kept.uid]) == {kept.uid: kept}
    assert await store.live_subscription(topic.id, "https", "https://example.com/1") is None
    assert await store.page(topic.id, after=0, limit=9, seq=NEWEST) == []
    queries = [
        SubscriptionQuery(),
        SubscriptionQuery(account_id=ACCOUNT),
        SubscriptionQuery(account_id=ACCOUNT, region=topic.region),
        SubscriptionQuery(endpoint="https://example.com/1"),
    ]
    for query in queries:
        assert await store.subscriptions(query) == [kept]
        assert await store.subscriptions_total(query) == 1
    assert await store.subscriptions_total(SubscriptionQuery(topic_id=topic.id)) == 0
    assert await store.topics_found(TopicQuery(ACCOUNT, topic.region)) == [other]
    assert await store.topics_found(TopicQuery(ACCOUNT, topic.region, name=topic.name)) == []
    assert await store.topics_total(TopicQuery(ACCOUNT, topic.region, uid=topic.uid)) == 0
    assert await store.subscriptions(SubscriptionQuery(topic_id=topic.id)) == []
    assert await store.lapsed("sns", unconfirmed_since=NOW + SECOND, canceled_since=NOW, limit=9) == [kept]
    again = await add_topic(store, 5, name=topic.name)
    assert again.id > other.id


async def test_nothing_can_be_added_to_or_changed_in_a_deleted_topic(store: Store) -> None:
    topic = await add_topic(store)
    (subscription,) = await add(store, a_subscription(1, topic))
    await store.commit(Unit(topics_deleted=[topic.id]))
    for unit in (
        Unit(subscriptions_new=[a_subscription(2, topic)]),
        Unit(subscriptions_changed=[replace(subscription, state=State.CONFIRMED)]),
        Unit(topics_changed=[topic]),
        Unit(topics_deleted=[topic.id]),
    ):
        with pytest.raises(Conflict):
            await store.commit(unit)


async def test_a_name_can_be_freed_and_taken_in_one_unit(store: Store) -> None:
    topic = await add_topic(store)
    await store.commit(Unit(topics_deleted=[topic.id], topics_new=[a_topic(2, name=topic.name)]))
    found = await store.topic(ACCOUNT, topic.region, topic.name)
    assert found is not None
    assert found.uid == uid(2)


# Subscriptions


async def test_a_subscription_reads_back_as_written(store: Store) -> None:
    topic = await add_topic(store)
    full = a_subscription(
        1, topic, state=State.CANCELED, confirmed_at=NOW, canceled_at=NOW + SECOND, come_back_until=NOW + 2 * SECOND,
        confirmation_was_authenticated=True, auth_on_unsubscribe=True, settings={},
    )  # fmt: skip
    (found,) = await add(store, full)
    assert found == replace(full, id=found.id)
    changed = replace(
        found, state=State.CONFIRMED, canceled_at=None, come_back_until=None, settings={"smn:remark": "中文"},
        confirmation_was_authenticated=False, auth_on_unsubscribe=False, confirmation_sent_at=None,
    )  # fmt: skip
    await store.commit(Unit(subscriptions_changed=[changed]))
    assert await subscription_of(store, full.uid) == replace(changed, version=2)
    with pytest.raises(Conflict):
        await store.commit(Unit(subscriptions_changed=[found]))


async def test_one_live_subscription_per_endpoint_and_any_number_of_canceled_ones(store: Store) -> None:
    topic = await add_topic(store)
    address = {"protocol": "email", "endpoint": "a@example.com"}
    (first,) = await add(store, a_subscription(1, topic, **address))
    with pytest.raises(Conflict):
        await add(store, a_subscription(2, topic, **address, state=State.CONFIRMED))
    assert await store.live_subscription(topic.id, *address.values()) == first
    assert await store.canceled_subscription(topic.id, *address.values()) is None
    canceled = replace(first, state=State.CANCELED, canceled_at=NOW)
    await store.commit(Unit(subscriptions_changed=[canceled], subscriptions_new=[a_subscription(3, topic, **address)]))
    second = await subscription_of(store, uid(1003))
    await store.commit(Unit(subscriptions_changed=[replace(second, state=State.CANCELED, canceled_at=NOW)]))
    await add(store, a_subscription(4, topic, **address))
    newest = await store.canceled_subscription(topic.id, *address.values())
    assert newest is not None
    assert newest.uid == second.uid
    with pytest.raises(Conflict):
        await store.commit(Unit(subscriptions_changed=[replace(newest, state=State.CONFIRMED)]))


async def test_a_removed_subscription_is_gone_and_its_id_never_comes_back(store: Store) -> None:
    topic = await add_topic(store)
    (first,) = await add(store, a_subscription(1, topic))
    await store.commit(Unit(subscriptions_deleted=[first]))
    assert await store.subscription(first.uid) is None
    with pytest.raises(Conflict):
        await store.commit(Unit(subscriptions_deleted=[first]))
    (second,) = await add(store, a_subscription(2, topic))
    assert second.id > first.id


async def test_a_unit_is_applied_as_a_whole_or_not_at_all(store: Store) -> None:
    topic = await add_topic(store)
    (subscription,) = await add(store, a_subscription(1, topic))
    unit = Unit(
        accounts=[Account(ACCOUNT, "default", uid(1), NOW)],
        topics_new=[a_topic(2)],
        subscriptions_new=[a_subscription(2, topic)],
        subscriptions_changed=[replace(subscription, version=7)],
        tokens_new=[Token(b"digest", TokenPurpose.CONFIRM, subscription.uid, NOW, NOW)],
        ledger=[an_entry(1)],
        messages=[a_message(1, topic)],
    )
    with pytest.raises(Conflict):
        await store.commit(unit)
    assert await store.account(ACCOUNT) is None
    assert await store.topic_by_uid(uid(2)) is None
    assert await store.subscription(uid(1002)) is None
    assert await store.token(b"digest") is None
    assert await store.ledger(LedgerQuery()) == []
    assert await store.topic_counts(topic.id) == TopicCounts(0, 1, 0)


async def test_a_unit_is_announced_before_its_caller_is_answered_and_a_refused_one_never(store: Store) -> None:
    topic = await add_topic(store)
    heard: list[Unit] = []
    store.announcer.listen(heard.append)
    good, stale = Unit(topics_changed=[replace(topic, display_name="1")]), Unit(topics_changed=[topic])
    await store.commit(good)
    assert heard == [good]
    with pytest.raises(Conflict):
        await store.commit(stale)
    more = [Unit(topics_new=[a_topic(number)]) for number in range(2, 12)]
    await asyncio.gather(*(store.commit(unit) for unit in more))
    assert heard == [good, *more]  # in the order in which they became durable


async def test_a_unit_whose_caller_has_given_up_is_announced_all_the_same(store: Store) -> None:
    heard = asyncio.Event()
    store.announcer.listen(lambda _: heard.set())
    caller = asyncio.create_task(store.commit(Unit(topics_new=[a_topic()])))
    await asyncio.sleep(0)
    caller.cancel()
    async with asyncio.timeout(60):
        await heard.wait()
    assert caller.cancelled()


async def test_a_commit_is_answered_when_every_process_has_applied_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, applied = asyncio.Event(), asyncio.Event()

    async def applied_by_all() -> None:
        asked.set()
        await applied.wait()

    monkeypatch.setattr(store.announcer, "announce", lambda _: applied_by_all())
    commit = asyncio.create_task(store.commit(Unit(topics_new=[a_topic()])))
    async with asyncio.timeout(60):
        await asked.wait()
        assert await store.topic_by_uid(a_topic().uid) is not None
        assert not commit.done()
        applied.set()
        await commit


async def test_of_many_units_at_one_time_those_that_conflict_undo_only_themselves(store: Store) -> None:
    topic = await add_topic(store)
    units = [Unit(subscriptions_new=[a_subscription(number, topic)]) for number in range(50)]
    units += [Unit(subscriptions_new=[a_subscription(number, topic, uid=uid(number))]) for number in range(50)]
    answers = await asyncio.gather(*(store.commit(unit) for unit in units), return_exceptions=True)
    assert answers[:50] == [None] * 50
    assert {type(answer) for answer in answers[50:]} == {Conflict}
    assert await store.topic_counts(topic.id) == TopicCounts(0, 50, 0)


async def test_of_many_changes_to_one_version_exactly_one_wins(store: Store) -> None:
    topic = await add_topic(store)
    (subscription,) = await add(store, a_subscription(1, topic))
    changes = [replace(subscription, settings={"n": str(number)}) for number in range(20)]
    answers = await asyncio.gather(
        *(store.commit(Unit(subscriptions_changed=[change])) for change in changes), return_exceptions=True
    )
    assert answers.count(None) == 1
    found = await subscription_of(store, subscription.uid)
    assert found == replace(changes[answers.index(None)], version=2)


async def test_lapsed_gives_what_waited_too_long(store: Store) -> None:
    topic = await add_topic(store)
    old = NOW - 10 * SECOND
    never_asked, asked_again, forgotten, gone, fresh = await add(
        store,
        a_subscription(1, topic, created_at=old, confirmation_sent_at=None),
        a_subscription(2, topic, created_at=old, confirmation_sent_at=NOW),
        a_subscription(3, topic, created_at=old - SECOND, confirmation_sent_at=old - SECOND),
        a_subscription(4, topic, state=State.CANCELED, canceled_at=old),
        a_subscription(5, topic, state=State.CANCELED, canceled_at=NOW),
    )
    await add(
        store,
        a_subscription(6, topic, dialect="smn", created_at=old, confirmation_sent_at=old),
        a_subscription(7, topic, dialect="smn", state=State.CANCELED, canceled_at=old),
    )
    found = await store.lapsed("sns", unconfirmed_since=NOW, canceled_since=NOW, limit=9)
    assert {row.uid for row in found} == {never_asked.uid, forgotten.uid, gone.uid}
    for limit in range(3):
        assert len(await store.lapsed("sns", unconfirmed_since=NOW, canceled_since=NOW, limit=limit)) == limit
    assert len(await store.lapsed("smn", unconfirmed_since=NOW, canceled_since=NOW, limit=9)) == 2
    later = await store.lapsed("sns", unconfirmed_since=NOW + SECOND, canceled_since=NOW + SECOND, limit=9)
    assert {asked_again.uid, fresh.uid} <= {row.uid for row in later}


async def test_a_page_holds_the_confirmed_ones_of_one_topic_in_order(store: Store) -> None:
    topic, other = await add_topic(store, 1), await add_topic(store, 2)
    rows = [
        a_subscription(number, topic, state=State.CONFIRMED, confirmed_at=NOW + (-1) ** number * SECOND)
        for number in range(20)
    ]
    made = await add(store, *rows)
    await add(store, a_subscription(30, topic), a_subscription(31, other, state=State.CONFIRMED, confirmed_at=NOW))
    whole = await store.page(topic.id, after=0, limit=100, seq=NEWEST)
    assert [row.uid for row in whole] == [row.uid for row in made]
    assert [(row.id, row.endpoint, row.protocol, row.account_id, row.dialect) for row in whole] == [
        (row.id, row.endpoint, row.protocol, row.account_id, row.dialect) for row in made
    ]
    assert len({id(row.settings) for row in whole}) == 1
    assert whole[0].settings == {"sns:RawMessageDelivery": "true"}
    later = await store.page(topic.id, after=made[3].id, limit=3, seq=NEWEST)
    assert [row.id for row in later] == [made[4].id, made[5].id, made[6].id]


async def test_a_page_is_of_those_who_had_consented_before_the_message_by_order_whatever_the_times_say(
    store: Store,
) -> None:
    topic = await add_topic(store)

    async def accept(number: int) -> int:
        await store.commit(Unit(messages=[a_message(number, topic)]))
        return await store.last_seq()

    async def receivers(seq: int) -> list[str]:
        return [row.uid for row in await store.page(topic.id, after=0, limit=99, seq=seq)]

    first = await accept(1)
    # Confirmed by clocks that are years ahead, years back, and one that was never asked.
    early, late, unknown, waiting = await add(
        store,
        a_subscription(1, topic, state=State.CONFIRMED, confirmed_at=NOW + 3650 * 86400 * SECOND),
        a_subscription(2, topic, state=State.CONFIRMED, confirmed_at=NOW - 3650 * 86400 * SECOND),
        a_subscription(3, topic, state=State.CONFIRMED, confirmed_at=None),
        a_subscription(4, topic),
    )
    second = await accept(2)
    assert await receivers(first) == []
    assert await receivers(second) == [early.uid, late.uid, unknown.uid]
    await store.commit(
        Unit(
            subscriptions_changed=[
                replace(waiting, state=State.CONFIRMED, confirmed_at=NOW - SECOND),
                replace(early, state=State.CANCELED, canceled_at=NOW - SECOND),
                replace(late, settings={}),
            ],
            messages=[a_message(3, topic)],
        )
    )
    third = await store.last_seq()
    # A message of the same unit was accepted after what the unit says; a change of settings gives no new place.
    assert await receivers(second) == [late.uid, unknown.uid]
    assert await receivers(third) == [late.uid, unknown.uid, waiting.uid]
    back = (await store.subscribers([early.uid]))[early.uid]
    await store.commit(Unit(subscriptions_changed=[replace(back, state=State.CONFIRMED, canceled_at=None)]))
    fourth = await accept(4)
    assert await receivers(third) == [late.uid, unknown.uid, waiting.uid]
    assert await receivers(fourth) == [early.uid, late.uid, unknown.uid, waiting.uid]


# Tokens


async def test_a_token_is_used_once_and_remembered_until_it_is_swept(store: Store) -> None:
    token = Token(b"\0" * 32, TokenPurpose.CONFIRM, uid(1), NOW, NOW + SECOND)
    await store.commit(Unit(tokens_new=[token]))
    assert await store.token(token.digest) == token
    await store.commit(Unit(tokens_used=[(token.digest, NOW)]))
    await store.commit(Unit(tokens_used=[(token.digest, NOW + SECOND)]))
    assert await store.token(token.digest) == replace(token, used_at=NOW)
    assert await store.sweep(NOW + SECOND + TOKENS_KEPT, 10) == 0
    assert await store.sweep(NOW + 2 * SECOND + TOKENS_KEPT, 10) == 1
    assert await store.token(token.digest) is None


async def test_voiding_takes_the_old_tokens_and_leaves_the_new_one_of_the_same_unit(store: Store) -> None:
    old = [Token(bytes([number]) * 32, TokenPurpose.CONFIRM, uid(1), NOW, NOW) for number in range(2)]
    other = Token(b"o" * 32, TokenPurpose.RESTORE, uid(2), NOW, NOW)
    new = Token(b"n" * 32, TokenPurpose.CONFIRM, uid(1), NOW, NOW)
    await store.commit(Unit(tokens_new=[*old, other]))
    await store.commit(Unit(tokens_void=[uid(1)], tokens_new=[new]))
    assert [await store.token(token.digest) for token in old] == [None, None]
    assert await store.token(other.digest) == other
    assert await store.token(new.digest) == new


# Upkeep


async def test_sweep_removes_deleted_topics_in_bites_and_nothing_else(store: Store) -> None:
    topic, other = await add_topic(store, 1), await add_topic(store, 2)
    await add(store, *(a_subscription(number, topic) for number in range(25)))
    await add(store, a_subscription(99, other))
    await store.commit(Unit(topics_deleted=[topic.id], ledger=[an_entry(1)]))
    bites = [await store.sweep(NOW, 10) for _ in range(4)]
    assert bites == [10, 10, 6, 0]
    assert await store.pending_count(ACCOUNT) == 1
    assert await store.topic_counts(other.id) == TopicCounts(0, 1, 0)
    assert await store.subscriptions_total(SubscriptionQuery(ACCOUNT, other.region)) == 1
    assert len(await store.ledger(LedgerQuery())) == 1


async def test_reset_forgets_all_but_accounts_users_and_keys(store: Store) -> None:
    account, user = Account(ACCOUNT, "default", uid(1), NOW), User(ACCOUNT, "admin", Role.OWNER, "", False, NOW)
    key = AccessKey("k", ACCOUNT, "admin", b"s", False, NOW)
    topic = await add_topic(store)
    (subscription,) = await add(store, a_subscription(1, topic))
    token = Token(b"d", TokenPurpose.CONFIRM, subscription.uid, NOW, NOW)
    await store.commit(
        Unit(
            [account],
            [user],
            [key],
            templates_new=[a_template(1)],
            tokens_new=[token],
            ledger=[an_entry(1)],
            messages=[a_message(1, topic)],
        )
    )
    await store.reset()
    assert await store.accounts() == [account]
    assert await store.users(ACCOUNT) == [user]
    assert await store.access_keys(ACCOUNT) == [key]
    assert await store.topics(ACCOUNT, None, after=0, limit=9) == []
    assert await store.subscriptions(SubscriptionQuery()) == []
    assert await store.token(b"d") is None
    assert await store.ledger(LedgerQuery()) == []
    assert await store.topic_count(ACCOUNT, None) == await store.pending_count(ACCOUNT) == 0
    assert await store.templates_total(TemplateQuery(ACCOUNT)) == 0
    assert await store.subscriptions_total(SubscriptionQuery(ACCOUNT, topic.region)) == 0
    assert (await add_topic(store)).id > topic.id


async def test_check_passes_on_a_store_that_reads_and_writes(store: Store) -> None:
    await store.check()


async def test_everything_committed_is_there_after_opening_again(opener: Opener, tmp_path: Path) -> None:
    store = await opener(tmp_path)
    topic = await add_topic(store)
    (subscription,) = await add(store, a_subscription(1, topic))
    await store.commit(Unit(ledger=[an_entry(1)]))
    await store.close()
    store = await opener(tmp_path)
    assert await store.subscription(subscription.uid) == subscription
    assert await store.topic_counts(topic.id) == TopicCounts(0, 1, 0)
    assert len(await store.ledger(LedgerQuery())) == 1
    await store.close()


async def test_two_openings_see_each_others_changes(opener: Opener, tmp_path: Path) -> None:
    server, command = await opener(tmp_path), await opener(tmp_path)
    account = Account(ACCOUNT, "default", uid(1), NOW)
    await command.commit(Unit(accounts=[account]))
    assert await server.account(ACCOUNT) == account
    units = [Unit(topics_new=[a_topic(number)]) for number in range(40)]
    await asyncio.gather(*((server, command)[number % 2].commit(unit) for number, unit in enumerate(units)))
    assert await command.topic_count(ACCOUNT, None) == await server.topic_count(ACCOUNT, None) == 40
    await server.close()
    await command.close()


async def test_a_closed_store_refuses_to_commit(opener: Opener, tmp_path: Path) -> None:
    store = await opener(tmp_path)
    await store.close()
    with pytest.raises(Unavailable):
        await store.commit(Unit(ledger=[an_entry(1)]))


# The clock's mark


async def test_no_time_that_was_written_down_is_later_than_the_mark_that_a_restart_goes_on_from(
    opener: Opener, tmp_path: Path
) -> None:
    store = await opener(tmp_path)
    assert await store.clock_mark() is None
    time = NOW

    def now() -> datetime:
        return time

    store.keep_clock_mark(now)
    for step in (SECOND, SECOND / 3, SECOND / 3, 3600 * SECOND):
        time += step
        await store.commit(Unit(topics_new=[a_topic(int(time.timestamp() * 10), created_at=time)]))
        mark = await store.clock_mark()
        assert mark is not None
        assert time <= mark <= time + SECOND
    await store.close()
    again = await opener(tmp_path)
    assert await again.clock_mark() == mark
    # Another process whose clock is behind does not set it back.
    again.keep_clock_mark(lambda: NOW)
    await again.check()
    assert await again.clock_mark() == mark
    await again.close()
