"""The pages without a browser: what each door answers, what it changes, and what it writes into the ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.support.build import ACCOUNT, make_principal
from tests.support.subscribers import (
    App,
    cancel_path,
    header,
    list_path,
    make_request,
    text_of,
)

from tidings.access.authorize import authorize
from tidings.dialects.contract import WireResponse
from tidings.domain.errors import NotFound, Unavailable
from tidings.domain.grants import Verb
from tidings.domain.model import Event, Origin, State, Subscription, Way
from tidings.domain.unit import Unit

HOURS_48 = 48 * 3600


def _json(answer: WireResponse) -> dict[str, Any]:
    assert answer.content_type == "application/json"
    told: dict[str, Any] = json.loads(text_of(answer))
    return told


def _form_of(answer: WireResponse, button: str) -> tuple[str, dict[str, str]]:
    """The address and the hidden fields of the form with this button, as a browser would send them."""
    for form in re.findall(r"<form.*?</form>", text_of(answer), re.DOTALL):
        if button in form:
            action = re.search(r'action="([^"]+)"', form)
            assert action
            return action[1], dict(re.findall(r'name="([a-z]+)" value="([^"]*)"', form))
    raise AssertionError(f"no button {button}")


async def _press(app: App, answer: WireResponse, button: str) -> WireResponse:
    path, fields = _form_of(answer, button)
    return await app.post(path, fields)


# --- confirming -----------------------------------------------------------------------------------------------------------


async def test_looking_at_a_confirmation_changes_nothing(app: App) -> None:
    subscription, token = await app.ask(await app.topic())
    before = await app.ledger(subscription)
    for _ in range(2):
        answer = await app.get(f"/s/y/{token}")
        assert answer.status == 200
        assert "Do you want to receive" in text_of(answer)
        assert "Weather warnings" in text_of(answer)
    assert (await app.stored(subscription)).state is State.UNCONFIRMED
    assert await app.ledger(subscription) == before


async def test_the_button_confirms_and_the_ledger_says_what_was_shown(app: App) -> None:
    subscription, token = await app.ask(await app.topic())
    page = await app.get(f"/s/y/{token}", accept_language="zh-CN")
    path, fields = _form_of(page, "同意接收")
    answer = await app.post(path, fields, user_agent="A phone")
    assert answer.status == 200
    assert "您已订阅" in text_of(answer)
    assert (await app.stored(subscription)).state is State.CONFIRMED
    entry = (await app.ledger(subscription))[-1]
    assert entry.event is Event.CONFIRMED
    assert entry.origin == Origin(Way.LINK, "", "192.0.2.7", "A phone", "req-1", "confirm/zh-CN/3")


async def test_a_second_press_changes_nothing_more(app: App) -> None:
    subscription, token = await app.ask(await app.topic())
    await app.post(f"/s/y/{token}")
    entries = await app.ledger(subscription)
    assert (await app.post(f"/s/y/{token}")).status == 200
    assert await app.ledger(subscription) == entries


async def test_a_confirmation_can_be_declined(app: App) -> None:
    subscription, token = await app.ask(await app.topic())
    page = await app.get(f"/s/y/{token}")
    answer = await _press(app, page, "No, I don’t want them")
    assert "You have declined" in text_of(answer)
    assert (await app.stored(subscription)).state is State.CANCELED
    assert (await app.ledger(subscription))[-1].origin.shown == "confirm/en/3"
    assert (await app.post(f"/s/y/{token}")).status in (404, 410)


async def test_a_phones_confirmation_link_stays_its_way_to_cancel(app: App) -> None:
    subscription, token = await app.ask(await app.topic(), "+12125550100", "sms")
    confirmed = await app.post(f"/s/y/{token}")
    assert "Keep the link to this page" in text_of(confirmed)
    later = await app.get(f"/s/y/{token}")
    assert "You are subscribed" in text_of(later)
    answer = await _press(app, later, "Cancel this subscription")
    assert "You have canceled" in text_of(answer)
    assert (await app.stored(subscription)).state is State.CANCELED
    assert (await app.ledger(subscription))[-1].origin.shown == "confirmed/en/3"


async def test_a_person_never_sees_the_whole_endpoint(app: App) -> None:
    for endpoint, protocol in (("anna@example.org", "email"), ("+12125550100", "sms")):
        topic = await app.topic(f"topic-{protocol}")
        subscription, token = await app.ask(topic, endpoint, protocol)
        seen = [await app.get(f"/s/y/{token}"), await app.post(f"/s/y/{token}")]
        seen += [await app.get(cancel_path(subscription)), await app.get(list_path(subscription))]
        seen += [await app.get(cancel_path(subscription), accept="application/json")]
        seen += [await app.post(cancel_path(subscription)), await app.get(cancel_path(subscription))]
        for answer in seen:
            assert endpoint not in text_of(answer)
            assert endpoint.partition("@")[0] not in text_of(answer)


# --- canceling and coming back ----------------------------------------------------------------------------------------------


async def test_looking_at_a_cancel_link_changes_nothing(app: App) -> None:
    subscription = await app.subscriber()
    answer = await app.get(cancel_path(subscription))
    assert answer.status == 200
    assert "Stop receiving" in text_of(answer)
    assert (await app.stored(subscription)).state is State.CONFIRMED


async def test_the_button_cancels_and_offers_to_come_back(app: App) -> None:
    subscription = await app.subscriber()
    answer = await _press(app, await app.get(cancel_path(subscription)), "Cancel this subscription")
    assert "You have canceled" in text_of(answer)
    assert (await app.stored(subscription)).state is State.CANCELED
    canceled = (await app.ledger(subscription))[-1]
    assert (canceled.event, canceled.origin.way, canceled.origin.shown) == (Event.CANCELED, Way.LINK, "cancel/en/3")
    assert app.changes[-1].state is State.CANCELED

    back = await _press(app, answer, "Subscribe me again")
    assert "Welcome back" in text_of(back)
    assert (await app.stored(subscription)).state is State.CONFIRMED
    restored = (await app.ledger(subscription))[-1]
    assert (restored.event, restored.origin.shown) == (Event.RESTORED, "canceled/en/3")


async def test_the_goodbye_messages_link_asks_before_it_brings_back(app: App) -> None:
    subscription = await app.subscriber()
    await app.post(cancel_path(subscription))
    restore = app.secrets[-1]
    page = await app.get(f"/s/r/{restore}")
    assert "Come back to" in text_of(page)
    assert (await app.stored(subscription)).state is State.CANCELED
    assert "Welcome back" in text_of(await _press(app, page, "Yes, subscribe me again"))
    assert (await app.stored(subscription)).state is State.CONFIRMED


async def test_canceling_twice_is_told_kindly_and_recorded_once(app: App) -> None:
    subscription = await app.subscriber()
    await app.post(cancel_path(subscription))
    entries = await app.ledger(subscription)
    for answer in (await app.post(cancel_path(subscription)), await app.get(cancel_path(subscription))):
        assert answer.status == 200
        assert "You are not subscribed" in text_of(answer)
        assert "goodbye message" in text_of(answer)
    assert await app.ledger(subscription) == entries


async def test_who_is_told_that_a_subscription_was_canceled_before_may_rely_on_every_process(app: App) -> None:
    subscription = await app.subscriber()
    await app.post(cancel_path(subscription))
    app.changes.clear()
    await app.post(cancel_path(subscription))
    assert [(changed.uid, changed.state) for changed in app.changes] == [(subscription.uid, State.CANCELED)]


async def test_what_was_declined_has_no_way_back(app: App) -> None:
    subscription, _ = await app.ask(await app.topic())
    page = await app.get(cancel_path(subscription))
    assert "Decline" in text_of(page)
    answer = await _press(app, page, "Decline")
    assert "You have declined" in text_of(answer)
    assert "Subscribe me again" not in text_of(answer)
    assert "goodbye message" not in text_of(await app.get(cancel_path(subscription)))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (
            b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
        ),
    ],
)
async def test_a_mail_program_cancels_with_one_click(app: App, body: bytes, content_type: str) -> None:
    subscription = await app.subscriber()
    request = make_request("POST", cancel_path(subscription), body, {"content-type": content_type})
    answer = await app.pages.handle(request)
    assert (answer.status, answer.content_type) == (200, "text/plain; charset=utf-8")
    assert header(answer, "location") == header(answer, "set-cookie") == ""
    assert (await app.ledger(subscription))[-1].origin.way is Way.ONE_CLICK
    assert (await app.pages.handle(request)).status == 200
    assert len([entry for entry in await app.ledger(subscription) if entry.event is Event.CANCELED]) == 1


async def test_one_click_is_content_when_nothing_is_left_to_cancel(app: App) -> None:
    subscription = await app.subscriber()
    await app.post(cancel_path(subscription))
    app.clock.advance(HOURS_48 + 1)
    await app.subscriptions.expire_lapsed()
    assert (await app.post(cancel_path(subscription), {"List-Unsubscribe": "One-Click"})).status == 200
    assert (await app.get(cancel_path(subscription))).status == 410


async def test_one_click_with_a_link_of_somebody_elses_making_is_refused(app: App) -> None:
    answer = await app.post("/s/c/c" + "A" * 43, {"List-Unsubscribe": "One-Click"})
    assert (answer.status, answer.content_type) == (404, "text/plain; charset=utf-8")


async def test_one_click_means_nothing_to_a_confirmation(app: App) -> None:
    subscription, token = await app.ask(await app.topic())
    answer = await app.post(f"/s/y/{token}", {"List-Unsubscribe": "One-Click"})
    assert answer.content_type.startswith("text/html")
    assert (await app.ledger(subscription))[-1].origin.way is Way.LINK


# --- everything an endpoint receives -----------------------------------------------------------------------------------------


async def test_the_list_shows_all_of_this_endpoint_and_nothing_of_others(app: App) -> None:
    mine = await app.subscriber(await app.topic("a", "Alpha"))
    await app.subscriber(await app.topic("b", "Beta"), protocol="email-json")
    await app.ask(await app.topic("c", "Gamma"))
    await app.subscriber(await app.topic("d", "Delta"), endpoint="ben@example.org")
    text = text_of(await app.get(list_path(mine)))
    assert "3 subscriptions" in text
    assert all(name in text for name in ("Alpha", "Beta", "Gamma", "Waiting for your confirmation"))
    assert "Delta" not in text


async def test_one_subscription_is_canceled_from_the_list(app: App) -> None:
    first = await app.subscriber(await app.topic("a", "Alpha"))
    second = await app.subscriber(await app.topic("b", "Beta"))
    page = await app.get(list_path(first))
    path, fields = _form_of(page, f"{second.uid}")
    answer = await app.post(path, fields)
    assert "You have canceled “<bdi>Beta</bdi>”" in text_of(answer)
    assert list_path(first) in text_of(answer)
    assert (await app.stored(first)).state is State.CONFIRMED
    assert (await app.stored(second)).state is State.CANCELED
    assert (await app.ledger(second))[-1].origin.shown == "list/en/3"
    again = text_of(await app.get(list_path(first)))
    assert "1 subscription " in again
    assert "Recently canceled" in again


async def test_a_look_at_one_of_the_list_asks_first(app: App) -> None:
    first = await app.subscriber()
    path = f"{list_path(first)}/{first.uid}"
    assert "Stop receiving" in text_of(await app.get(path))
    assert (await app.stored(first)).state is State.CONFIRMED
    await app.post(path)
    assert "You are not subscribed" in text_of(await app.get(path))


async def test_a_list_link_cancels_nothing_of_another_endpoint(app: App) -> None:
    mine = await app.subscriber()
    theirs = await app.subscriber(await app.topic("d", "Delta"), endpoint="ben@example.org")
    for answer in (
        await app.get(f"{list_path(mine)}/{theirs.uid}"),
        await app.post(f"{list_path(mine)}/{theirs.uid}"),
    ):
        assert answer.status == 404
        assert "Delta" not in text_of(answer)
    link = list_path(mine).rpartition("/")[2]
    with pytest.raises(NotFound):
        await app.subscriptions.cancel_by_endpoint_link(link, theirs.uid, origin=Origin(Way.LINK))
    assert (await app.stored(theirs)).state is State.CONFIRMED


async def test_a_link_opens_no_door_but_its_own(app: App) -> None:
    subscription = await app.subscriber()
    cancel, everything = cancel_path(subscription)[5:], list_path(subscription)[5:]
    assert (await app.get(f"/s/e/{cancel}")).status == 404
    assert (await app.post(f"/s/c/{everything}")).status == 404
    assert (await app.stored(subscription)).state is State.CONFIRMED


async def test_everything_is_canceled_after_one_more_question(app: App) -> None:
    mine = [await app.subscriber(await app.topic(name, name.title())) for name in ("alpha", "beta")]
    theirs = await app.subscriber(await app.topic("delta"), endpoint="ben@example.org")
    question = await app.get(f"{list_path(mine[0])}/all")
    assert "Cancel all 2 subscriptions?" in text_of(question)
    assert [(await app.stored(one)).state for one in mine] == [State.CONFIRMED] * 2
    answer = await _press(app, question, "Yes, cancel all")
    assert "2 subscriptions are canceled" in text_of(answer)
    assert [(await app.stored(one)).state for one in mine] == [State.CANCELED] * 2
    assert {(await app.ledger(one))[-1].origin.shown for one in mine} == {"all/en/3"}
    assert (await app.stored(theirs)).state is State.CONFIRMED
    for again in (await app.post(f"{list_path(mine[0])}/all"), await app.get(f"{list_path(mine[0])}/all")):
        assert "Nothing is sent here" in text_of(again)


def before_the_answer_to(
    monkeypatch: pytest.MonkeyPatch, app: App, subscription: Subscription, step: Callable[[], Awaitable[None]]
) -> None:
    """Take the step when a change of the subscription is durable and not yet answered."""
    announce = app.store.announcer.announce

    def announce_and_step(unit: Unit) -> Awaitable[None] | None:
        announced = announce(unit)
        return step() if any(each.uid == subscription.uid for each in unit.subscriptions_changed) else announced

    monkeypatch.setattr(app.store.announcer, "announce", announce_and_step)


async def test_canceling_everything_goes_on_when_a_topic_is_deleted_meanwhile(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = [await app.topic(name) for name in ("alpha", "beta", "gamma")]
    mine = [await app.subscriber(topic) for topic in topics]
    grant = authorize(make_principal(), Verb.DELETE_TOPIC, owner=ACCOUNT, resource="beta")

    async def delete_beta() -> None:
        await app.topics.delete(grant, topics[1].id)

    before_the_answer_to(monkeypatch, app, mine[0], delete_beta)
    answer = await app.post(f"{list_path(mine[0])}/all")
    assert "2 subscriptions are canceled" in text_of(answer)
    assert [(await app.stored(one)).state for one in (mine[0], mine[2])] == [State.CANCELED] * 2


async def test_canceling_everything_counts_only_what_it_changed(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = [await app.subscriber(await app.topic(name)) for name in ("alpha", "beta", "gamma")]

    async def one_more_hand() -> None:
        await app.post(cancel_path(mine[1]))

    before_the_answer_to(monkeypatch, app, mine[0], one_more_hand)
    answer = await app.post(f"{list_path(mine[0])}/all")
    assert "2 subscriptions are canceled" in text_of(answer)
    assert [(await app.stored(one)).state for one in mine] == [State.CANCELED] * 3


# --- links that do not work ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/s/y/" + "0" * 64, 404, "This link does not work"),
        ("/s/r/" + "0" * 64, 404, "This link does not work"),
        ("/s/y/" + "0" * 63, 404, "This link is incomplete"),
        ("/s/c/" + "c" + "A" * 43, 404, "This link does not work"),
        ("/s/c/cAAAA", 404, "This link is incomplete"),
        ("/s/c/c" + "ä" * 43, 404, "This link is incomplete"),
        ("/s/c/c" + "!" * 43, 404, "This link"),
        ("/s/q/abc", 404, "There is no page here"),
        ("/s/y", 404, "There is no page here"),
        ("/s/y/a/b", 404, "There is no page here"),
        ("/s/e/a/b/c", 404, "There is no page here"),
    ],
)
async def test_a_link_that_does_not_work_gets_a_kind_page(
    app: App, method: str, path: str, status: int, words: str
) -> None:
    answer = await (app.get(path) if method == "GET" else app.post(path))
    assert answer.status == status
    assert words in text_of(answer)
    assert "What you can do" in text_of(answer)


async def test_an_expired_link_says_so_and_what_to_do(app: App) -> None:
    subscription, token = await app.ask(await app.topic())
    app.clock.advance(HOURS_48)
    for answer in (await app.get(f"/s/y/{token}"), await app.post(f"/s/y/{token}")):
        assert answer.status == 410
        assert "This link is too old" in text_of(answer)
    assert (await app.stored(subscription)).state is State.UNCONFIRMED


@pytest.mark.parametrize("swept", [False, True])
async def test_an_expired_confirmation_link_offers_a_new_one(app: App, swept: bool) -> None:
    subscription, token = await app.ask(await app.topic())
    app.clock.advance(HOURS_48 + 1)
    if swept:
        await app.subscriptions.expire_lapsed()
        await app.store.sweep(app.clock.now(), 500)
        assert (await app.stored(subscription)).state is State.EXPIRED
    page = await app.get(f"/s/y/{token}")
    assert page.status == 410
    assert "Send me a new link" in text_of(page)
    assert 'name="act" value="renew"' in text_of(page)
    asked = len(app.secrets)
    assert (await app.get(f"/s/y/{token}", accept="application/json")).status == 410
    assert len(app.secrets) == asked, "looking sends nothing"
    answer = await app.post(f"/s/y/{token}", {"act": "renew"})
    assert answer.status == 200
    assert "is on its way" in text_of(answer)
    assert (await app.stored(subscription)).state is State.UNCONFIRMED
    assert (await app.ledger(subscription))[-1].event is Event.CONFIRMATION_SENT
    assert (await app.post(f"/s/y/{app.secrets[-1]}")).status == 200
    assert (await app.stored(subscription)).state is State.CONFIRMED
    assert "You are subscribed" in text_of(await app.post(f"/s/y/{token}", {"act": "renew"}))


@pytest.mark.parametrize("swept", [False, True])
async def test_an_expired_come_back_link_offers_to_be_asked_again(app: App, swept: bool) -> None:
    subscription = await app.subscriber()
    await app.post(cancel_path(subscription))
    back = app.secrets[-1]
    app.clock.advance(HOURS_48 + 1)
    if swept:
        await app.subscriptions.expire_lapsed()
    page = await app.get(f"/s/r/{back}")
    assert (page.status, "Send me a new link" in text_of(page)) == (410, True)
    assert (await app.post(f"/s/r/{back}", {"act": "renew"})).status == 200
    assert (await app.stored(subscription)).state is State.UNCONFIRMED
    await app.post(f"/s/y/{app.secrets[-1]}")
    assert (await app.stored(subscription)).state is State.CONFIRMED


async def test_new_links_are_sent_at_the_pace_of_all_requests(app: App) -> None:
    subscription, token = await app.ask(await app.topic())
    app.clock.advance(HOURS_48)
    statuses = []
    for _ in range(25):
        statuses.append((await app.post(f"/s/y/{token}", {"act": "renew"})).status)
    assert statuses == [200] * 20 + [429] * 5
    assert len(app.secrets) == 21
    assert (await app.ledger(subscription))[-1].event is Event.CONFIRMATION_HELD


async def test_a_link_that_still_works_is_not_renewed(app: App) -> None:
    _, token = await app.ask(await app.topic())
    assert (await app.post(f"/s/y/{token}", {"act": "renew"})).status == 410
    assert len(app.secrets) == 1
    assert (await app.post(f"/s/y/{'0' * 64}", {"act": "renew"})).status == 404


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Until November 23, 2026, 12:00 UTC, the link"), ("zh-CN", "2026年11月23日 12:00（UTC） 之前")],
)
async def test_the_way_back_has_a_date(app: App, language: str, words: str) -> None:
    subscription = await app.subscriber()
    await app.post(cancel_path(subscription))
    assert words in text_of(await app.get(cancel_path(subscription), accept_language=language))


async def test_the_pages_say_how_long_a_link_works(app: App) -> None:
    _, token = await app.ask(await app.topic())
    assert "48 more hours" in text_of(await app.get(f"/s/y/{token}"))
    app.clock.advance(HOURS_48 - 3600)
    assert "1 more hour." in text_of(await app.get(f"/s/y/{token}"))
    app.clock.advance(3600 - 61)
    assert "1 more minute." in text_of(await app.get(f"/s/y/{token}"))


@pytest.mark.parametrize("stray", ["/", ".", ",", ")", ">", "\"'", "”."])
async def test_what_a_mail_app_sticks_to_a_link_does_no_harm(app: App, stray: str) -> None:
    _, token = await app.ask(await app.topic())
    assert (await app.get(f"/s/y/{token}{stray}")).status == 200


async def test_a_store_that_cannot_answer_now_is_told_with_a_time(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    subscription = await app.subscriber()

    async def stopping(_: object) -> None:
        raise Unavailable("stopping")

    monkeypatch.setattr(app.store, "commit", stopping)
    answer = await app.post(cancel_path(subscription))
    assert (answer.status, header(answer, "retry-after")) == (503, "60")
    assert "Your link keeps working" in text_of(answer)
