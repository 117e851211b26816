"""Services check what a grant allows: what for, whose, and which topic. Nothing else makes or changes one."""

from __future__ import annotations

import ast
import inspect
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.support.build import ACCOUNT, OTHER_ACCOUNT, make_message, make_principal

from tidings.access.authorize import authorize
from tidings.cli.bootstrap import Wanted, bootstrap
from tidings.domain.errors import Denied
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import (
    AccountId,
    Origin,
    Subscription,
    SubscriptionQuery,
    TemplateQuery,
    Topic,
    TopicId,
    TopicQuery,
    Way,
)
from tidings.services.texting.texting import Texting
from tidings.settings import load
from tidings.wiring import Application
from tidings.wiring.services import Services

SOURCES = Path(__file__).parents[3] / "src" / "tidings"
BY_CALL = Origin(Way.API)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Application]:
    """A whole application that is not running."""
    folder = tmp_path_factory.mktemp("grants")
    app = await Application.build(load({"data": str(folder), "listen": "127.0.0.1:0", "dev": True}, {}))
    await bootstrap(app.accounts, Wanted(dev=True))
    yield app
    await app.server.stop()
    await app.store.close()


def granted(verb: Verb, owner: AccountId = ACCOUNT, topic_id: TopicId | None = None) -> Grant:
    return authorize(make_principal(owner), verb, owner=owner, resource="test", topic_id=topic_id)


def asking(services: Services | Texting) -> dict[str, Any]:
    """Every function of a service that takes a grant, by `service.function`."""
    found = {}
    for field in fields(services):
        service = getattr(services, field.name)
        if isinstance(service, Texting):
            found |= asking(service)
        for name, function in inspect.getmembers(service, callable):
            if not name.startswith("_") and "grant" in inspect.signature(function).parameters:
                found[f"{field.name}.{name}"] = function
    return found


@pytest.mark.asyncio(loop_scope="module")
async def test_every_function_asks_what_its_grant_is_for_before_anything_else(app: Application) -> None:
    functions = asking(app.services)
    assert len(functions) >= 85
    of_no_use: Any = "of no use"
    grant = Grant(make_principal(), of_no_use, ACCOUNT, "test")
    for name, function in functions.items():
        needed = [it for it in inspect.signature(function).parameters.values() if it.default is inspect.Parameter.empty]
        try:
            answer = function(**{it.name: grant if it.name == "grant" else None for it in needed})
            await (anext(answer) if inspect.isasyncgen(answer) else answer)
        except Denied:
            continue
        except Exception as error:
            pytest.fail(f"{name}: {error!r}")
        pytest.fail(f"{name} was not denied")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def topics(app: Application) -> tuple[Topic, Topic]:
    made = []
    for name in ("one", "two"):
        topic, _ = await app.topics.create(
            granted(Verb.CREATE_TOPIC), region="r", name=name, dialect="sns", display_name="", settings={}, tags={}
        )
        made.append(topic)
    return made[0], made[1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def subscription(app: Application, topics: tuple[Topic, Topic]) -> Subscription:
    made, _ = await app.subscriptions.subscribe(
        granted(Verb.SUBSCRIBE, topic_id=topics[0].id),
        topics[0],
        dialect="sns",
        protocol="email",
        endpoint="anna@example.org",
        settings={},
        origin=BY_CALL,
    )
    return made


@pytest.mark.parametrize("whose", ["another account's", "another topic's"])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_grant_is_good_for_its_owner_and_its_topic(
    app: Application, topics: tuple[Topic, Topic], subscription: Subscription, whose: str
) -> None:
    one, two = topics

    def grant(verb: Verb) -> Grant:
        return granted(verb, OTHER_ACCOUNT) if whose == "another account's" else granted(verb, topic_id=two.id)

    async def subscribe() -> object:
        return await app.subscriptions.subscribe(
            grant(Verb.SUBSCRIBE),
            one,
            dialect="sns",
            protocol="email",
            endpoint="ben@example.org",
            settings={},
            origin=BY_CALL,
        )

    changing, listing = grant(Verb.CHANGE_SUBSCRIPTION), grant(Verb.LIST)
    message = make_message(topic_id=int(one.id))
    tries = [
        lambda: app.topics.change(grant(Verb.CHANGE_TOPIC), one.id, lambda topic: replace(topic, display_name="x")),
        lambda: app.topics.delete(grant(Verb.DELETE_TOPIC), one.id),
        lambda: app.topics.counts(grant(Verb.READ_TOPIC), one.id),
        lambda: app.topics.texts_sent(grant(Verb.READ_TOPIC), one.id, since=one.created_at, until=one.created_at),
        subscribe,
        lambda: app.subscriptions.find_live(grant(Verb.SUBSCRIBE), one, "email", "anna@example.org"),
        lambda: app.subscriptions.live_count(grant(Verb.SUBSCRIBE), one),
        lambda: app.subscriptions.ask_again(grant(Verb.SUBSCRIBE), subscription.uid, origin=BY_CALL),
        lambda: app.subscriptions.confirm_by_code(changing, subscription.uid, "000000", origin=BY_CALL),
        lambda: app.subscriptions.change_settings(changing, subscription.uid, lambda row: replace(row, settings={})),
        lambda: app.subscriptions.delete(changing, subscription.uid, origin=BY_CALL),
        lambda: app.subscriptions.page(listing, SubscriptionQuery(topic_id=one.id)),
        lambda: app.subscriptions.total(listing, SubscriptionQuery(topic_id=one.id)),
        lambda: app.subscriptions.page(listing, SubscriptionQuery(account_id=ACCOUNT)),
        lambda: app.services.publisher.publish(grant(Verb.PUBLISH), [message]),
    ]
    seq = await app.store.last_seq()
    for attempt in tries:
        with pytest.raises(Denied):
            await attempt()
    assert await app.store.topic_by_id(one.id) == one
    assert await app.store.subscription(subscription.uid) == replace(subscription, id=(await _id(app, subscription)))
    assert await app.store.last_seq() == seq
    assert (await app.store.topic_counts(one.id)).unconfirmed == 1


async def _id(app: Application, subscription: Subscription) -> Any:
    found = await app.store.subscription(subscription.uid)
    assert found is not None
    return found.id


@pytest.mark.asyncio(loop_scope="module")
async def test_lists_of_an_account_are_its_own(app: Application) -> None:
    for search in (
        lambda: app.topics.search(granted(Verb.LIST, OTHER_ACCOUNT), TopicQuery(ACCOUNT, None)),
        lambda: app.services.templates.search(granted(Verb.LIST, OTHER_ACCOUNT), TemplateQuery(account_id=ACCOUNT)),
        lambda: app.subscriptions.page(granted(Verb.LIST), SubscriptionQuery()),
    ):
        with pytest.raises(Denied):
            await search()


def test_grants_are_made_in_access_only() -> None:
    made = set()
    for file in SOURCES.rglob("*.py"):
        text = file.read_text("utf-8")
        if "Grant(" not in text and "verb=" not in text:
            continue  # reading all of them as syntax takes a second
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Call(func=ast.Name(id="Grant")):
                    made.add(str(file.relative_to(SOURCES)))
                case ast.Call(func=ast.Name(id="replace"), keywords=keywords) if any(
                    it.arg == "verb" for it in keywords
                ):
                    made.add(str(file.relative_to(SOURCES)))
    assert made == {"access/authorize.py"}
