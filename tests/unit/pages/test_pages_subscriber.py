"""The pages without a browser: what each door answers, what it changes, and what it writes into the ledger."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.support.build import ACCOUNT, make_principal
from tests.support.subscribers import (
    House,
    cancel_path,
    header,
    list_path,
    make_request,
    text_of,
)

from tidings.access.authorize import authorize
from tidings.dialects.contract import WireResponse
from tidings.domain.errors import Unavailable
from tidings.domain.grants import Verb
from tidings.domain.model import Event, Origin, State, Subscription, Way

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


async def _press(house: House, answer: WireResponse, button: str) -> WireResponse:
    path, fields = _form_of(answer, button)
    return await house.post(path, fields)


# --- confirming -----------------------------------------------------------------------------------------------------------


async def test_looking_at_a_confirmation_changes_nothing(house: House) -> None:
    subscription, token = await house.ask(await house.topic())
    before = await house.ledger(subscription)
    for _ in range(2):
        answer = await house.get(f"/s/y/{token}")
        assert answer.status == 200
        assert "Do you want to receive" in text_of(answer)
        assert "Weather warnings" in text_of(answer)
    assert (await house.stored(subscription)).state is State.UNCONFIRMED
    assert await house.ledger(subscription) == before


async def test_the_button_confirms_and_the_ledger_says_what_was_shown(house: House) -> None:
    subscription, token = await house.ask(await house.topic())
    page = await house.get(f"/s/y/{token}", accept_language="zh-CN")
    path, fields = _form_of(page, "同意接收")
    answer = await house.post(path, fields, user_agent="A phone")
    assert answer.status == 200
    assert "您已订阅" in text_of(answer)
    assert (await house.stored(subscription)).state is State.CONFIRMED
    entry = (await house.ledger(subscription))[-1]
    assert entry.event is Event.CONFIRMED
    assert entry.origin == Origin(Way.LINK, "", "192.0.2.7", "A phone", "req-1", "confirm/zh-CN/3")


async def test_a_second_press_changes_nothing_more(house: House) -> None:
    subscription, token = await house.ask(await house.topic())
    await house.post(f"/s/y/{token}")
    entries = await house.ledger(subscription)
    assert (await house.post(f"/s/y/{token}")).status == 200
    assert await house.ledger(subscription) == entries


async def test_a_confirmation_can_be_declined(house: House) -> None:
    subscription, token = await house.ask(await house.topic())
    page = await house.get(f"/s/y/{token}")
    answer = await _press(house, page, "No, I don’t want them")
    assert "You have declined" in text_of(answer)
    assert (await house.stored(subscription)).state is State.CANCELED
    assert (await house.ledger(subscription))[-1].origin.shown == "confirm/en/3"
    assert (await house.post(f"/s/y/{token}")).status in (404, 410)


async def test_a_phones_confirmation_link_stays_its_way_to_cancel(house: House) -> None:
    subscription, token = await house.ask(await house.topic(), "+12125550100", "sms")
    confirmed = await house.post(f"/s/y/{token}")
    assert "Keep the link to this page" in text_of(confirmed)
    later = await house.get(f"/s/y/{token}")
    assert "You are subscribed" in text_of(later)
    answer = await _press(house, later, "Cancel this subscription")
    assert "You have canceled" in text_of(answer)
    assert (await house.stored(subscription)).state is State.CANCELED
    assert (await house.ledger(subscription))[-1].origin.shown == "confirmed/en/3"


async def test_a_person_never_sees_the_whole_endpoint(house: House) -> None:
    for endpoint, protocol in (("anna@example.org", "email"), ("+12125550100", "sms")):
        topic = await house.topic(f"topic-{protocol}")
        subscription, token = await house.ask(topic, endpoint, protocol)
        seen = [await house.get(f"/s/y/{token}"), await house.post(f"/s/y/{token}")]
        seen += [await house.get(cancel_path(subscription)), await house.get(list_path(subscription))]
        seen += [await house.get(cancel_path(subscription), accept="application/json")]
        seen += [await house.post(cancel_path(subscription)), await house.get(cancel_path(subscription))]
        for answer in seen:
            assert endpoint not in text_of(answer)
            assert endpoint.partition("@")[0] not in text_of(answer)


# --- canceling and coming back ----------------------------------------------------------------------------------------------


async def test_looking_at_a_cancel_link_changes_nothing(house: House) -> None:
    subscription = await house.subscriber()
    answer = await house.get(cancel_path(subscription))
    assert answer.status == 200
    assert "Stop receiving" in text_of(answer)
    assert (await house.stored(subscription)).state is State.CONFIRMED


async def test_the_button_cancels_and_offers_to_come_back(house: House) -> None:
    subscription = await house.subscriber()
    answer = await _press(house, await house.get(cancel_path(subscription)), "Cancel this subscription")
    assert "You have canceled" in text_of(answer)
    assert (await house.stored(subscription)).state is State.CANCELED
    canceled = (await house.ledger(subscription))[-1]
    assert (canceled.event, canceled.origin.way, canceled.origin.shown) == (Event.CANCELED, Way.LINK, "cancel/en/3")
    assert house.announcer.changes[-1].state is State.CANCELED

    back = await _press(house, answer, "Subscribe me again")
    assert "Welcome back" in text_of(back)
    assert (await house.stored(subscription)).state is State.CONFIRMED
    restored = (await house.ledger(subscription))[-1]
    assert (restored.event, restored.origin.shown) == (Event.RESTORED, "canceled/en/3")


async def test_the_goodbye_messages_link_asks_before_it_brings_back(house: House) -> None:
    subscription = await house.subscriber()
    await house.post(cancel_path(subscription))
    restore = house.secrets[-1]
    page = await house.get(f"/s/r/{restore}")
    assert "Come back to" in text_of(page)
    assert (await house.stored(subscription)).state is State.CANCELED
    assert "Welcome back" in text_of(await _press(house, page, "Yes, subscribe me again"))
    assert (await house.stored(subscription)).state is State.CONFIRMED


async def test_canceling_twice_is_told_kindly_and_recorded_once(house: House) -> None:
    subscription = await house.subscriber()
    await house.post(cancel_path(subscription))
    entries = await house.ledger(subscription)
    for answer in (await house.post(cancel_path(subscription)), await house.get(cancel_path(subscription))):
        assert answer.status == 200
        assert "You are not subscribed" in text_of(answer)
        assert "goodbye message" in text_of(answer)
    assert await house.ledger(subscription) == entries


async def test_what_was_declined_has_no_way_back(house: House) -> None:
    subscription, _ = await house.ask(await house.topic())
    page = await house.get(cancel_path(subscription))
    assert "Decline" in text_of(page)
    answer = await _press(house, page, "Decline")
    assert "You have declined" in text_of(answer)
    assert "Subscribe me again" not in text_of(answer)
    assert "goodbye message" not in text_of(await house.get(cancel_path(subscription)))


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
async def test_a_mail_program_cancels_with_one_click(house: House, body: bytes, content_type: str) -> None:
    subscription = await house.subscriber()
    request = make_request("POST", cancel_path(subscription), body, {"content-type": content_type})
    answer = await house.pages.handle(request)
    assert (answer.status, answer.content_type) == (200, "text/plain; charset=utf-8")
    assert header(answer, "location") == header(answer, "set-cookie") == ""
    assert (await house.ledger(subscription))[-1].origin.way is Way.ONE_CLICK
    assert (await house.pages.handle(request)).status == 200
    assert len([entry for entry in await house.ledger(subscription) if entry.event is Event.CANCELED]) == 1


async def test_one_click_is_content_when_nothing_is_left_to_cancel(house: House) -> None:
    subscription = await house.subscriber()
    await house.post(cancel_path(subscription))
    house.clock.advance(HOURS_48 + 1)
    await house.subscriptions.expire_lapsed()
    assert (await house.post(cancel_path(subscription), {"List-Unsubscribe": "One-Click"})).status == 200
    assert (await house.get(cancel_path(subscription))).status == 410


async def test_one_click_with_a_link_of_somebody_elses_making_is_refused(house: House) -> None:
    answer = await house.post("/s/c/c" + "A" * 43, {"List-Unsubscribe": "One-Click"})
    assert (answer.status, answer.content_type) == (404, "text/plain; charset=utf-8")


async def test_one_click_means_nothing_to_a_confirmation(house: House) -> None:
    subscription, token = await house.ask(await house.topic())
    answer = await house.post(f"/s/y/{token}", {"List-Unsubscribe": "One-Click"})
    assert answer.content_type.startswith("text/html")
    assert (await house.ledger(subscription))[-1].origin.way is Way.LINK


# --- everything an endpoint receives -----------------------------------------------------------------------------------------


async def test_the_list_shows_all_of_this_endpoint_and_nothing_of_others(house: House) -> None:
    mine = await house.subscriber(await house.topic("a", "Alpha"))
    await house.subscriber(await house.topic("b", "Beta"), protocol="email-json")
    await house.ask(await house.topic("c", "Gamma"))
    await house.subscriber(await house.topic("d", "Delta"), endpoint="ben@example.org")
    text = text_of(await house.get(list_path(mine)))
    assert "3 subscriptions" in text
    assert all(name in text for name in ("Alpha", "Beta", "Gamma", "Waiting for your confirmation"))
    assert "Delta" not in text


async def test_one_subscription_is_canceled_from_the_list(house: House) -> None:
    first = await house.subscriber(await house.topic("a", "Alpha"))
    second = await house.subscriber(await house.topic("b", "Beta"))
    page = await house.get(list_path(first))
    path, fields = _form_of(page, f"{second.uid}")
    answer = await house.post(path, fields)
    assert "You have canceled “<bdi>Beta</bdi>”" in text_of(answer)
    assert list_path(first) in text_of(answer)
    assert (await house.stored(first)).state is State.CONFIRMED
    assert (await house.stored(second)).state is State.CANCELED
    assert (await house.ledger(second))[-1].origin.shown == "list/en/3"
    again = text_of(await house.get(list_path(first)))
    assert "1 subscription " in again
    assert "Recently canceled" in again


async def test_a_look_at_one_of_the_list_asks_first(house: House) -> None:
    first = await house.subscriber()
    path = f"{list_path(first)}/{first.uid}"
    assert "Stop receiving" in text_of(await house.get(path))
    assert (await house.stored(first)).state is State.CONFIRMED
    await house.post(path)
    assert "You are not subscribed" in text_of(await house.get(path))


async def test_a_list_link_cancels_nothing_of_another_endpoint(house: House) -> None:
    mine = await house.subscriber()
    theirs = await house.subscriber(await house.topic("d", "Delta"), endpoint="ben@example.org")
    for answer in (
        await house.get(f"{list_path(mine)}/{theirs.uid}"),
        await house.post(f"{list_path(mine)}/{theirs.uid}"),
    ):
        assert answer.status == 404
        assert "Delta" not in text_of(answer)
    assert (await house.stored(theirs)).state is State.CONFIRMED


async def test_a_link_opens_no_door_but_its_own(house: House) -> None:
    subscription = await house.subscriber()
    cancel, everything = cancel_path(subscription)[5:], list_path(subscription)[5:]
    assert (await house.get(f"/s/e/{cancel}")).status == 404
    assert (await house.post(f"/s/c/{everything}")).status == 404
    assert (await house.stored(subscription)).state is State.CONFIRMED


async def test_everything_is_canceled_after_one_more_question(house: House) -> None:
    mine = [await house.subscriber(await house.topic(name, name.title())) for name in ("alpha", "beta")]
    theirs = await house.subscriber(await house.topic("delta"), endpoint="ben@example.org")
    question = await house.get(f"{list_path(mine[0])}/all")
    assert "Cancel all 2 subscriptions?" in text_of(question)
    assert [(await house.stored(one)).state for one in mine] == [State.CONFIRMED] * 2
    answer = await _press(house, question, "Yes, cancel all")
    assert "2 subscriptions are canceled" in text_of(answer)
    assert [(await house.stored(one)).state for one in mine] == [State.CANCELED] * 2
    assert {(await house.ledger(one))[-1].origin.shown for one in mine} == {"all/en/3"}
    assert (await house.stored(theirs)).state is State.CONFIRMED
    for again in (await house.post(f"{list_path(mine[0])}/all"), await house.get(f"{list_path(mine[0])}/all")):
        assert "Nothing is sent here" in text_of(again)


async def test_canceling_everything_goes_on_when_a_topic_is_deleted_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = [await house.topic(name) for name in ("alpha", "beta", "gamma")]
    mine = [await house.subscriber(topic) for topic in topics]
    grant = authorize(make_principal(), Verb.DELETE_TOPIC, owner=ACCOUNT, resource="beta")

    async def delete_beta(changed: Subscription) -> None:
        if changed.uid == mine[0].uid:
            await house.topics.delete(grant, topics[1].id)

    monkeypatch.setattr(house.announcer, "subscription_changed", delete_beta)
    answer = await house.post(f"{list_path(mine[0])}/all")
    assert "2 subscriptions are canceled" in text_of(answer)
    assert [(await house.stored(one)).state for one in (mine[0], mine[2])] == [State.CANCELED] * 2


async def test_canceling_everything_counts_only_what_it_changed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = [await house.subscriber(await house.topic(name)) for name in ("alpha", "beta", "gamma")]

    async def one_more_hand(changed: Subscription) -> None:
        if changed.uid == mine[0].uid:
            await house.post(cancel_path(mine[1]))

    monkeypatch.setattr(house.announcer, "subscription_changed", one_more_hand)
    answer = await house.post(f"{list_path(mine[0])}/all")
    assert "2 subscriptions are canceled" in text_of(answer)
    assert [(await house.stored(one)).state for one in mine] == [State.CANCELED] * 3


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
    house: House, method: str, path: str, status: int, words: str
) -> None:
    answer = await (house.get(path) if method == "GET" else house.post(path))
    assert answer.status == status
    assert words in text_of(answer)
    assert "What you can do" in text_of(answer)


async def test_an_expired_link_says_so_and_what_to_do(house: House) -> None:
    subscription, token = await house.ask(await house.topic())
    house.clock.advance(HOURS_48)
    for answer in (await house.get(f"/s/y/{token}"), await house.post(f"/s/y/{token}")):
        assert answer.status == 410
        assert "This link is too old" in text_of(answer)
    assert (await house.stored(subscription)).state is State.UNCONFIRMED


@pytest.mark.parametrize("swept", [False, True])
async def test_an_expired_confirmation_link_offers_a_new_one(house: House, swept: bool) -> None:
    subscription, token = await house.ask(await house.topic())
    house.clock.advance(HOURS_48 + 1)
    if swept:
        await house.subscriptions.expire_lapsed()
        await house.store.sweep(house.clock.now(), 500)
        assert (await house.stored(subscription)).state is State.EXPIRED
    page = await house.get(f"/s/y/{token}")
    assert page.status == 410
    assert "Send me a new link" in text_of(page)
    assert 'name="act" value="renew"' in text_of(page)
    asked = len(house.secrets)
    assert (await house.get(f"/s/y/{token}", accept="application/json")).status == 410
    assert len(house.secrets) == asked, "looking sends nothing"
    answer = await house.post(f"/s/y/{token}", {"act": "renew"})
    assert answer.status == 200
    assert "is on its way" in text_of(answer)
    assert (await house.stored(subscription)).state is State.UNCONFIRMED
    assert (await house.ledger(subscription))[-1].event is Event.CONFIRMATION_SENT
    assert (await house.post(f"/s/y/{house.secrets[-1]}")).status == 200
    assert (await house.stored(subscription)).state is State.CONFIRMED
    assert "You are subscribed" in text_of(await house.post(f"/s/y/{token}", {"act": "renew"}))


@pytest.mark.parametrize("swept", [False, True])
async def test_an_expired_come_back_link_offers_to_be_asked_again(house: House, swept: bool) -> None:
    subscription = await house.subscriber()
    await house.post(cancel_path(subscription))
    back = house.secrets[-1]
    house.clock.advance(HOURS_48 + 1)
    if swept:
        await house.subscriptions.expire_lapsed()
    page = await house.get(f"/s/r/{back}")
    assert (page.status, "Send me a new link" in text_of(page)) == (410, True)
    assert (await house.post(f"/s/r/{back}", {"act": "renew"})).status == 200
    assert (await house.stored(subscription)).state is State.UNCONFIRMED
    await house.post(f"/s/y/{house.secrets[-1]}")
    assert (await house.stored(subscription)).state is State.CONFIRMED


async def test_new_links_are_sent_at_the_pace_of_all_requests(house: House) -> None:
    subscription, token = await house.ask(await house.topic())
    house.clock.advance(HOURS_48)
    statuses = []
    for _ in range(25):
        statuses.append((await house.post(f"/s/y/{token}", {"act": "renew"})).status)
    assert statuses == [200] * 20 + [429] * 5
    assert len(house.secrets) == 21
    assert (await house.ledger(subscription))[-1].event is Event.CONFIRMATION_HELD


async def test_a_link_that_still_works_is_not_renewed(house: House) -> None:
    _, token = await house.ask(await house.topic())
    assert (await house.post(f"/s/y/{token}", {"act": "renew"})).status == 410
    assert len(house.secrets) == 1
    assert (await house.post(f"/s/y/{'0' * 64}", {"act": "renew"})).status == 404


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Until November 23, 2026, 12:00 UTC, the link"), ("zh-CN", "2026年11月23日 12:00（UTC） 之前")],
)
async def test_the_way_back_has_a_date(house: House, language: str, words: str) -> None:
    subscription = await house.subscriber()
    await house.post(cancel_path(subscription))
    assert words in text_of(await house.get(cancel_path(subscription), accept_language=language))


async def test_the_pages_say_how_long_a_link_works(house: House) -> None:
    _, token = await house.ask(await house.topic())
    assert "48 more hours" in text_of(await house.get(f"/s/y/{token}"))
    house.clock.advance(HOURS_48 - 3600)
    assert "1 more hour." in text_of(await house.get(f"/s/y/{token}"))
    house.clock.advance(3600 - 61)
    assert "1 more minute." in text_of(await house.get(f"/s/y/{token}"))


@pytest.mark.parametrize("stray", ["/", ".", ",", ")", ">", "\"'", "”."])
async def test_what_a_mail_app_sticks_to_a_link_does_no_harm(house: House, stray: str) -> None:
    _, token = await house.ask(await house.topic())
    assert (await house.get(f"/s/y/{token}{stray}")).status == 200


async def test_a_store_that_cannot_answer_now_is_told_with_a_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = await house.subscriber()

    async def stopping(_: object) -> None:
        raise Unavailable("stopping")

    monkeypatch.setattr(house.store, "commit", stopping)
    answer = await house.post(cancel_path(subscription))
    assert (answer.status, header(answer, "retry-after")) == (503, "60")
    assert "Your link keeps working" in text_of(answer)
