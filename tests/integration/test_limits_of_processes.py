"""Two processes of one database together keep every limit exactly, and each that is refused hears why."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.build import ACCOUNT, FakeClock, make_principal
from tests.support.protocols import PROTOCOLS

from tidings.access.authorize import authorize
from tidings.dialects.smn.lifecycle_rules import lifecycle_rules as smn_lifecycle_rules
from tidings.dialects.sns.lifecycle_rules import lifecycle_rules as sns_lifecycle_rules
from tidings.domain.errors import QuotaExceeded
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Origin, Subscription, TemplateQuery, Topic, Way
from tidings.domain.optout import AddressKind
from tidings.observe.metrics import Metrics
from tidings.services.quotas import Quotas
from tidings.services.subscriptions import Subscriptions
from tidings.services.templates import Templates
from tidings.services.texting.texting import Texting, make_texting
from tidings.services.topics import Topics
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault

API = Origin(Way.API)
MOST, ASKED = 3, 8


def grant(verb: Verb, resource: str = "*") -> Grant:
    return authorize(make_principal(ACCOUNT), verb, owner=ACCOUNT, resource=resource)


@dataclass
class Process:
    """What one process has of the services, on a store of its own."""

    store: SqliteStore
    topics: Topics
    subscriptions: Subscriptions
    templates: Templates
    texting: Texting

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
