"""Two processes of one database together keep every limit exactly, and each that is refused hears why."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.build import ACCOUNT, FakeClock, make_principal
from tests.support.protocols import PROTOCOLS

from tidings.access.authorize import authorize
from tidings.delivery.journal import Journal
from tidings.delivery.text_reports import TextReports
from tidings.dialects.smn.lifecycle_rules import lifecycle_rules as smn_lifecycle_rules
from tidings.dialects.sns.lifecycle_rules import lifecycle_rules as sns_lifecycle_rules
from tidings.domain.errors import QuotaExceeded
from tidings.domain.grants import Grant, Verb
from tidings.domain.lifecycle import Pace
from tidings.domain.model import Origin, Subscription, TemplateQuery, Topic, Way
from tidings.domain.optout import AddressKind, IncomingText, SmsApplication, SmsType
from tidings.domain.texts import SentText, TextCount, TextReceipt
from tidings.domain.unit import Unit
from tidings.observe.metrics import Metrics
from tidings.services.quotas import Quotas
from tidings.services.subscriptions import Subscriptions
from tidings.services.templates import Templates
from tidings.services.texting.texting import Texting, make_texting
from tidings.services.texting.texts import TextLimits, Texts, TextVerdict, WantedText
from tidings.services.topics import Topics
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault

API = Origin(Way.API)
MOST, ASKED = 3, 8
APP, PHONE, NUMBER = "1400006666", "+12025550123", "+12025550100"
DAY = timedelta(days=1)


def grant(verb: Verb, resource: str = "*") -> Grant:
    return authorize(make_principal(ACCOUNT), verb, owner=ACCOUNT, resource=resource)


class Roomy:
    """A flow that always has room; nothing here goes out."""

    async def room(self) -> None:
        """There is."""


@dataclass
class Process:
    """What one process has of the services, on a store of its own."""

    store: SqliteStore
    topics: Topics
    subscriptions: Subscriptions
    templates: Templates
    texting: Texting
    texts: Texts
    reports: TextReports

    async def topic(self, name: str = "news") -> Topic:
        topic, _ = await self.topics.create(
            grant(Verb.CREATE_TOPIC),
            region="us-east-1",
            name=name,
            dialect="smn",
            display_name="",
            settings={},
            tags={},
        )
        return topic

    async def subscribe(self, topic: Topic, endpoint: str, protocol: str = "email") -> Subscription:
        subscription, _ = await self.subscriptions.subscribe(
            grant(Verb.SUBSCRIBE),
            topic,
            dialect="sns",
            protocol=protocol,
            endpoint=endpoint,
            settings={},
            origin=API,
        )
        return subscription


Processes = Sequence[Process]
Opener = Callable[[Quotas], Awaitable[Processes]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opener]:
    made: list[Process] = []

    async def open_processes(quotas: Quotas) -> Processes:
        clock = FakeClock()
        for _ in range(2):
            store = await SqliteStore.open(tmp_path / "tidings.db")
            flow: Any = Roomy()
            subscriptions = Subscriptions(
                store,
                clock,
                FileVault(b"v" * 32),
                quotas,
                {"sns": sns_lifecycle_rules(2 * 86_400), "smn": smn_lifecycle_rules()},
                Metrics(),
                new_uid=lambda: secrets.token_hex(16),
                new_token=lambda: secrets.token_hex(32),
                new_message_id=lambda: secrets.token_hex(16),
                protocols=PROTOCOLS,
                link_key=b"k" * 32,
                paces={"email": [Pace(MOST, DAY, DAY)]},
            )
            made.append(
                Process(
                    store,
                    Topics(store, clock, quotas, new_uid=lambda: secrets.token_hex(16)),
                    subscriptions,
                    Templates(store, clock, quotas, new_uid=lambda: secrets.token_hex(16)),
                    make_texting(
                        store,
                        store,
                        clock,
                        Metrics(),
                        texts=store,
                        new_message_id=lambda: secrets.token_hex(16),
                        quotas=quotas,
                    ),
                    Texts(
                        store,
                        store,
                        store,
                        store.text_gate,
                        flow,
                        clock,
                        Metrics(),
                        new_message_id=lambda: secrets.token_hex(16),
                        limits=TextLimits(per_hour=MOST),
                    ),
                    TextReports(store, store, store.text_gate, clock, Journal(flow), carrier_refused=_nobody),
                )
            )
        return made

    yield open_processes
    for process in made:
        await process.store.close()


async def in_turns(processes: Processes, call: Callable[[Process, int], Awaitable[Any]]) -> list[Any]:
    """The outcomes of calls that all processes get at once."""
    calls = (call(processes[number % len(processes)], number) for number in range(ASKED))
    return await asyncio.gather(*calls, return_exceptions=True)


def assert_most(outcomes: Sequence[Any], most: int = MOST) -> None:
    """So many were accepted, and the others heard of the quota."""
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [type(each) for each in refused] == [QuotaExceeded] * (len(outcomes) - most), refused


async def test_topics_of_an_account(opened: Opener) -> None:
    processes = await opened(Quotas(topics_per_account=MOST))
    assert_most(await in_turns(processes, lambda process, number: process.topic(f"topic-{number}")))
    assert await processes[0].store.topic_count(ACCOUNT, None) == MOST


async def test_the_same_topic_made_at_two_processes_is_one(opened: Opener) -> None:
    processes = await opened(Quotas(topics_per_account=1))
    made = await in_turns(processes, lambda process, _: process.topic())
    assert len({topic.uid for topic in made}) == 1


async def test_subscriptions_of_a_topic(opened: Opener) -> None:
    processes = await opened(Quotas(subscriptions_per_topic=MOST))
    topic = await processes[0].topic()

    async def subscribe(process: Process, number: int) -> Subscription:
        return await process.subscribe(topic, f"reader-{number}@example.com")

    assert_most(await in_turns(processes, subscribe))
    assert (await processes[0].store.topic_counts(topic.id)).unconfirmed == MOST


async def test_an_accounts_subscriptions_that_wait(opened: Opener) -> None:
    processes = await opened(Quotas(pending_per_account=MOST))
    topics = [await processes[0].topic(f"topic-{number}") for number in range(ASKED)]

    async def subscribe(process: Process, number: int) -> Subscription:
        return await process.subscribe(topics[number], f"reader-{number}@example.com")

    assert_most(await in_turns(processes, subscribe))
    assert await processes[0].store.pending_count(ACCOUNT) == MOST


async def test_templates_of_an_account(opened: Opener) -> None:
    processes = await opened(Quotas(templates_per_account=MOST))

    async def create(process: Process, number: int) -> object:
        return await process.templates.create(
            grant(Verb.MANAGE_TEMPLATES), name=f"t{number}", protocol="default", content="x"
        )

    assert_most(await in_turns(processes, create))
    assert await processes[0].store.templates_total(TemplateQuery(ACCOUNT)) == MOST


async def test_inbound_addresses_of_an_account(opened: Opener) -> None:
    processes = await opened(Quotas(inbound_addresses_per_account=MOST))

    async def add(process: Process, number: int) -> object:
        return await process.texting.addresses.add(
            grant(Verb.MANAGE_OPT_OUTS), f"+1202555010{number}", kind=AddressKind.TEN_DLC, origin=API
        )

    assert_most(await in_turns(processes, add))
    assert len(await processes[0].store.inbound_addresses(ACCOUNT)) == MOST


async def test_a_recipient_is_asked_to_confirm_as_often_as_one_process_would(opened: Opener) -> None:
    processes = await opened(Quotas())
    topics = [await processes[0].topic(f"topic-{number}") for number in range(ASKED)]

    async def subscribe(process: Process, number: int) -> Subscription:
        return await process.subscribe(topics[number], "reader@example.com")

    made = await in_turns(processes, subscribe)
    assert sum(subscription.confirmation_sent_at is not None for subscription in made) == MOST


async def test_a_phone_is_texted_as_often_as_one_process_would(opened: Opener) -> None:
    processes = await opened(Quotas())
    await processes[0].store.commit(Unit(sms_applications=[SmsApplication(ACCOUNT, APP, "", FakeClock().now())]))

    async def send(process: Process, number: int) -> TextVerdict:
        text = WantedText(PHONE, f"text {number}", SmsType.NOTIFICATION)
        [answer] = await process.texts.send(grant(Verb.PUBLISH_SMS), APP, [text])
        return answer.verdict

    verdicts = Counter(await in_turns(processes, send))
    assert verdicts == {TextVerdict.ACCEPTED: MOST, TextVerdict.HOUR: ASKED - MOST}


@pytest.mark.parametrize("words", ["STOP", "HELP", "see you soon"])
async def test_a_text_that_two_binds_bring_is_heard_once(opened: Opener, words: str) -> None:
    processes = await opened(Quotas())
    await processes[0].texting.addresses.add(grant(Verb.MANAGE_OPT_OUTS), NUMBER, kind=AddressKind.TEN_DLC, origin=API)

    async def receive(process: Process, _: int) -> bool:
        incoming = IncomingText(NUMBER, PHONE, words)
        return (await process.texting.inbound.receive(incoming, Origin(Way.KEYWORD))).repeat

    repeats = await in_turns(processes, receive)
    assert sorted(repeats) == [False] + [True] * (ASKED - 1)
    assert len(await processes[0].store.inbound_text_page(ACCOUNT, after=0, limit=ASKED)) == 1


async def test_a_receipt_that_two_binds_bring_is_counted_once(opened: Opener) -> None:
    processes = await opened(Quotas())
    now = FakeClock().now()
    sent = SentText("s-1", ACCOUNT, APP, PHONE, SmsType.NOTIFICATION, now, 1)
    await processes[0].store.commit(Unit(texts_sent=[sent], text_parts=[("s-1", ("id-1",))]))

    async def receive(process: Process, _: int) -> None:
        await process.reports.receipt(TextReceipt(("id-1",), delivered=True, detail="DELIVRD", phone=PHONE))

    assert await in_turns(processes, receive) == [None] * ASKED
    tallies = await processes[0].store.text_tallies(ACCOUNT, since=now - DAY, until=now + DAY)
    assert [(tally.what, tally.count) for tally in tallies] == [(TextCount.DELIVERED, 1)]


async def _nobody(address: str, phone: str, reason: str, country_code: str) -> None:
    raise AssertionError("nobody opted out")
