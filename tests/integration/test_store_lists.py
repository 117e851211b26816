"""What every Store promises (`domain.ports.Store`) of its lists, its ledger and its templates: filters, order, pages, totals."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.stores import (
    ACCOUNT,
    NOW,
    OTHER,
    SECOND,
    a_subscription,
    a_template,
    add,
    add_templates,
    add_topic,
    an_entry,
    subscription_of,
    template_of,
    uid,
)

from tidings.domain.errors import Conflict
from tidings.domain.model import (
    NEWEST,
    ConfirmationRequest,
    Event,
    LedgerEntry,
    LedgerQuery,
    RequestEvent,
    State,
    Subscription,
    SubscriptionQuery,
    TemplateQuery,
    Topic,
    TopicId,
    TopicQuery,
)
from tidings.domain.ports import Store
from tidings.domain.unit import Unit


async def test_topics_are_found_newest_first_by_every_filter_and_counted(store: Store) -> None:
    made = []
    for number in range(24):
        made.append(
            await add_topic(
                store,
                number,
                name=f"{('Alpha', 'beta', 'GAMMA')[number % 3]}_{number}%",
                display_name=("", "Grün News", "grün offers")[number // 3 % 3],
                settings=({}, {"smn:enterprise_project_id": "0"}, {'odd."key" \\': "x"})[number // 2 % 3],
                region="ab"[number % 5 == 0],
                account_id=OTHER if number % 7 == 0 else ACCOUNT,
            )
        )
    for query in _topic_queries(made) + [replace(query, region=None) for query in _topic_queries(made)]:
        expected = [topic for topic in reversed(made) if _topic_matches(query, topic)]
        assert await store.topics_found(query) == expected[query.offset : query.offset + query.limit], query
        assert await store.topics_total(query) == len(expected), query


def _topic_queries(made: list[Topic]) -> list[TopicQuery]:
    queries = []
    for name in (None, made[1].name, made[1].name.lower()):
        for topic_uid in (None, made[1].uid, made[2].uid):
            for name_part in (None, "alPHA", "a_2", "%"):
                for display_part in (None, "NEWS", "grün", "GRÜN", ""):
                    for setting in (None, ("smn:enterprise_project_id", "0"), ('odd."key" \\', "x"), ("odd", "x")):
                        query = TopicQuery(ACCOUNT, "a", name, topic_uid, name_part, display_part, setting)
                        queries += [query, replace(query, offset=1, limit=2)]
    return queries


def _topic_matches(query: TopicQuery, topic: Topic) -> bool:
    exact = [
        (query.account_id, topic.account_id),
        (query.region, topic.region),
        (query.name, topic.name),
        (query.uid, topic.uid),
    ]
    return (
        all(want in (None, have) for want, have in exact)
        and (query.name_part is None or ascii_lower(query.name_part) in ascii_lower(topic.name))
        and (query.display_part is None or ascii_lower(query.display_part) in ascii_lower(topic.display_name))
        and (query.setting is None or topic.settings.get(query.setting[0]) == query.setting[1])
    )


def ascii_lower(text: str) -> str:
    return text.encode().lower().decode()


async def test_lists_are_ascending_and_each_filter_narrows_them(store: Store) -> None:
    topics = [await add_topic(store, 1), await add_topic(store, 2, region="eu-west-1")]
    made: list[Subscription] = []
    states = [State.UNCONFIRMED, State.CONFIRMED, State.CANCELED, State.EXPIRED]
    for number in range(32):
        made += await add(
            store,
            a_subscription(
                number,
                topics[number % 2],
                state=states[number // 2 % 4],
                account_id=OTHER if number % 3 == 0 else ACCOUNT,
                protocol="sms" if number % 5 == 0 else "https",
                endpoint=f"e{number % 7}-{number}" if number % 7 else "shared",
                settings={"smn:remark": ("ops Team", "née", "100%")[number % 3]} if number % 4 else {"sns:x": "team"},
                confirmed_at=NOW,
            ),
        )
    region_of = {topic.id: topic.region for topic in topics}
    for query in _queries(topics):
        matching = [row for row in made if _matches(query, row, region_of)]
        expected = [row for row in matching if row.id > query.after]
        found = await store.subscriptions(query)
        assert found == expected[query.offset : query.offset + query.limit], query
        assert await store.subscriptions_total(query) == len(matching), query


def _queries(topics: list[Topic]) -> list[SubscriptionQuery]:
    queries = []
    settings = [("smn:remark", "TEAM"), ("smn:remark", "NÉE"), ("smn:remark", "%")]
    for account in (None, ACCOUNT):
        for region in (None, "eu-west-1"):
            for topic_id in (None, topics[0].id, topics[1].id):
                for endpoint in (None, "shared"):
                    for protocol in (None, "sms"):
                        for states in ((), (State.CONFIRMED,), (State.CANCELED, State.EXPIRED)):
                            query = SubscriptionQuery(account, region, topic_id, endpoint, protocol, states)
                            queries += [query, replace(query, after=7, limit=3), replace(query, offset=2, limit=2)]
                            queries += [replace(query, setting=setting) for setting in settings]
                            queries += [replace(query, protocols=("sms", "fax")), replace(query, without=("sms",))]
    return queries


def _matches(query: SubscriptionQuery, row: Subscription, region_of: dict[TopicId, str]) -> bool:
    wanted = [
        (query.account_id, row.account_id),
        (query.region, region_of[row.topic_id]),
        (query.topic_id, row.topic_id),
        (query.endpoint, row.endpoint),
        (query.protocol, row.protocol),
    ]
    states = query.states or (State.UNCONFIRMED, State.CONFIRMED, State.CANCELED)
    if query.setting is not None:
        name, part = query.setting
        if name not in row.settings or ascii_lower(part) not in ascii_lower(row.settings[name]):
            return False
    if row.protocol in query.without or (query.protocols and row.protocol not in query.protocols):
        return False
    return row.state in states and all(want in (None, have) for want, have in wanted)


async def test_any_offset_gives_the_same_page_whether_walked_from_the_front_or_from_the_back(store: Store) -> None:
    topic, hidden = await add_topic(store, 1), await add_topic(store, 2)
    states = [State.UNCONFIRMED, State.EXPIRED, State.CONFIRMED, State.CANCELED]
    rows = [a_subscription(number, topic, state=states[number % 4]) for number in range(40)]
    rows[5:5] = [a_subscription(100 + number, hidden) for number in range(7)]
    made = await add(store, *rows)
    for with_hidden in (True, False):
        expected = [
            row for row in made if row.state is not State.EXPIRED and (with_hidden or row.topic_id != hidden.id)
        ]
        for offset in (*range(len(expected) + 3), 2**40):
            for limit in (1, 10, 100):
                query = SubscriptionQuery(ACCOUNT, topic.region, offset=offset, limit=limit)
                assert await store.subscriptions(query) == expected[offset : offset + limit]
                of_topic = [row for row in expected if row.topic_id == topic.id]
                query = SubscriptionQuery(topic_id=topic.id, offset=offset, limit=limit)
                assert await store.subscriptions(query) == of_topic[offset : offset + limit]
        if with_hidden:
            await store.commit(Unit(topics_deleted=[hidden.id]))


async def test_a_revived_subscription_is_counted_for_its_new_owner_only(store: Store) -> None:
    topic = await add_topic(store)
    (expired,) = await add(store, a_subscription(1, topic, state=State.EXPIRED))
    totals = [SubscriptionQuery(account, topic.region) for account in (ACCOUNT, OTHER)]
    assert [await store.subscriptions_total(query) for query in totals] == [0, 0]
    await store.commit(Unit(subscriptions_changed=[replace(expired, state=State.UNCONFIRMED)]))
    assert [await store.subscriptions_total(query) for query in totals] == [1, 0]
    revived = await subscription_of(store, expired.uid)
    await store.commit(Unit(subscriptions_changed=[replace(revived, account_id=OTHER)]))
    assert [await store.subscriptions_total(query) for query in totals] == [0, 1]
    assert await store.subscriptions_total(SubscriptionQuery(topic_id=topic.id)) == 1
    moved = await subscription_of(store, expired.uid)
    await store.commit(Unit(subscriptions_changed=[replace(moved, account_id=ACCOUNT, state=State.EXPIRED)]))
    assert [await store.subscriptions_total(query) for query in totals] == [0, 0]


# Ledger


async def test_the_ledger_gives_back_every_field_in_order(store: Store) -> None:
    entries = [
        an_entry(1),
        an_entry(2, before=None, event=Event.SUBSCRIBED, after=State.UNCONFIRMED, topic_id=TopicId(2)),
    ]
    await store.commit(Unit(ledger=entries))
    found = await store.ledger(LedgerQuery())
    assert [replace(entry, id=0) for entry in found] == entries
    assert found[0].id < found[1].id


async def test_each_ledger_filter_narrows_it_also_when_the_clock_was_set_back(store: Store) -> None:
    for number in range(24):
        at = NOW + number * SECOND if number != 12 else NOW - 60 * SECOND
        entry = an_entry(
            number % 3, at, account_id=OTHER if number % 4 == 0 else ACCOUNT, topic_id=TopicId(number % 5), endpoint=f"e{number % 2}"
        )  # fmt: skip
        await store.commit(Unit(ledger=[entry]))
    everything = await store.ledger(LedgerQuery(limit=99))
    assert len(everything) == 24
    accounts, endpoints, topics, uids = (None, OTHER), (None, "e1"), (None, TopicId(3)), (None, uid(2))
    times = (None, NOW - 60 * SECOND, NOW + 6 * SECOND, NOW + 99 * SECOND)
    queries = [
        LedgerQuery(account, endpoint, topic, subscription, since, until, after=after, limit=limit)
        for account in accounts
        for endpoint in endpoints
        for topic in topics
        for subscription in uids
        for since in times
        for until in times
        for after, limit in ((0, 99), (everything[4].id, 2))
    ]
    for query in queries:
        assert await store.ledger(query) == [row for row in everything if _in_ledger(query, row)][: query.limit], query
    backwards = [replace(query, before=before) for query in queries for before in (NEWEST, everything[17].id)]
    for query in backwards:
        expected = [row for row in reversed(everything) if _in_ledger(query, row)][: query.limit]
        assert await store.ledger(query) == expected, query


async def test_the_ledger_is_walked_newest_first_page_by_page_along_every_index(store: Store) -> None:
    topic_of = (TopicId(1), TopicId(2))
    events = (Event.CONFIRMED, Event.OPTED_OUT, Event.REVIEW)
    for number in range(30):
        event = events[number % 3]
        address = "" if event is Event.CONFIRMED else "+18885550100"
        entry = an_entry(number % 4, event=event, topic_id=topic_of[number % 2], endpoint="e", address=address)
        await store.commit(Unit(ledger=[entry]))
    everything = await store.ledger(LedgerQuery(limit=99))
    for query in (
        LedgerQuery(),
        LedgerQuery(ACCOUNT),
        LedgerQuery(ACCOUNT, events=(Event.OPTED_OUT, Event.REVIEW)),
        LedgerQuery(ACCOUNT, address="+18885550100", events=(Event.OPTED_OUT, Event.REVIEW)),
        LedgerQuery(endpoint="e"),
        LedgerQuery(topic_id=topic_of[1]),
        LedgerQuery(subscription_uid=uid(3)),
    ):
        expected = [row for row in reversed(everything) if _in_ledger(query, row)]
        found: list[LedgerEntry] = []
        before = NEWEST
        while page := await store.ledger(replace(query, before=before, limit=4)):
            assert len(page) <= 4
            found += page
            before = page[-1].id
        assert found == expected, query


def _in_ledger(query: LedgerQuery, row: LedgerEntry) -> bool:
    return (
        query.account_id in (None, row.account_id)
        and query.endpoint in (None, row.endpoint)
        and query.topic_id in (None, row.topic_id)
        and query.subscription_uid in (None, row.subscription_uid)
        and (query.since is None or row.at >= query.since)
        and (query.until is None or row.at < query.until)
        and row.id > query.after
        and (query.before is None or row.id < query.before)
        and (not query.events or row.event in query.events)
        and query.address in (None, row.address)
    )


async def test_what_happened_to_a_recipients_requests_is_kept_in_order(store: Store) -> None:
    def event(second: int, what: RequestEvent, recipient: str = "mail:e") -> ConfirmationRequest:
        return ConfirmationRequest(recipient, NOW + second * SECOND, what, ACCOUNT, TopicId(1))

    past = [
        event(1, RequestEvent.ASKED),
        event(4, RequestEvent.DECLINED),
        event(3, RequestEvent.ANSWERED),  # the clock was set back
    ]
    await store.commit(Unit(confirmation_requests=[*past, event(2, RequestEvent.ASKED, "mail:f")]))
    assert await store.confirmation_requests("mail:e", since=NOW) == past
    assert await store.confirmation_requests("mail:e", since=NOW + SECOND) == past[1:]
    assert await store.confirmation_requests("mail:g", since=NOW) == []
    await store.commit(Unit(confirmation_requests=[event(5, RequestEvent.ASKED)] * 1500))
    assert len(await store.confirmation_requests("mail:e", since=NOW)) == 1000
    while await store.sweep(NOW + timedelta(days=367), 500):
        pass
    assert await store.confirmation_requests("mail:e", since=NOW) == []


async def test_endpoints_that_differ_in_their_password_are_two(store: Store) -> None:
    topic = await add_topic(store)
    await store.commit(
        Unit(subscriptions_new=[replace(a_subscription(n, topic), endpoint="e", endpoint_key=f"k{n}") for n in (1, 2)])
    )
    with pytest.raises(Conflict):
        await store.commit(Unit(subscriptions_new=[replace(a_subscription(3, topic), endpoint="e", endpoint_key="k1")]))
    found = await store.live_subscription(topic.id, a_subscription(1, topic).protocol, "e", "k2")
    assert found is not None
    assert (found.endpoint, found.endpoint_key) == ("e", "k2")
    assert await store.live_subscription(topic.id, found.protocol, "e") is None


# Templates


async def test_a_template_reads_back_as_written_and_changes_by_version(store: Store) -> None:
    (template,) = await add_templates(store, a_template(1, content="Grüße {name}\n\0"))
    assert template == a_template(1, id=template.id, content="Grüße {name}\n\0")
    assert template.id > 0
    changed = replace(template, content="new", updated_at=NOW + SECOND)
    await store.commit(Unit(templates_changed=[changed]))
    assert await template_of(store, template.uid) == replace(changed, version=2)
    with pytest.raises(Conflict):
        await store.commit(Unit(templates_changed=[replace(template, content="late")]))


async def test_of_many_changes_to_one_template_exactly_one_wins(store: Store) -> None:
    (template,) = await add_templates(store, a_template(1))
    changes = [replace(template, content=str(number)) for number in range(20)]
    answers = await asyncio.gather(
        *(store.commit(Unit(templates_changed=[change])) for change in changes), return_exceptions=True
    )
    assert answers.count(None) == 1
    assert {type(answer) for answer in answers} == {type(None), Conflict}
    assert await template_of(store, template.uid) == replace(changes[answers.index(None)], version=2)


async def test_a_template_is_unique_by_account_name_and_protocol(store: Store) -> None:
    (template,) = await add_templates(store, a_template(1, name="t"))
    same = a_template(2, name="t")
    with pytest.raises(Conflict):
        await store.commit(Unit(templates_new=[same]))
    await add_templates(store, replace(same, protocol="sms"), a_template(3, name="t", account_id=OTHER))
    await store.commit(Unit(templates_deleted=[template.id], templates_new=[a_template(4, name="t")]))
    assert await store.template(template.uid) is None
    assert (await template_of(store, uid(5004))).id > template.id
    for unit in (Unit(templates_deleted=[template.id]), Unit(templates_changed=[template])):
        with pytest.raises(Conflict):
            await store.commit(unit)


async def test_templates_are_listed_ascending_by_every_filter_and_counted(store: Store) -> None:
    made = await add_templates(
        store,
        *(
            a_template(number, name=f"t{number // 3}", protocol=("default", "sms", "email")[number % 3])
            for number in range(12)
        ),
    )
    await add_templates(store, a_template(99, account_id=OTHER))
    for name in (None, "t1", "T1"):
        for protocol in (None, "sms"):
            query = TemplateQuery(ACCOUNT, name, protocol)
            expected = [t for t in made if name in (None, t.name) and protocol in (None, t.protocol)]
            assert await store.templates(query) == expected
            assert await store.templates(replace(query, offset=1, limit=2)) == expected[1:3]
            assert await store.templates_total(replace(query, offset=1, limit=2)) == len(expected)
