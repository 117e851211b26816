"""The one link that a phone has, and the page for whoever knows only a name; and SMN's subscriptions on all pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.support.subscribers import (
    House,
    cancel_path,
    list_path,
    named_path,
    open_house,
    standing_path,
    text_of,
)

from tidings.dialects.contract import WireResponse
from tidings.domain.errors import Throttled
from tidings.domain.model import Event, State, Subscription, Way

PHONE = "+12125550100"
HOURS_48 = 48 * 3600


async def _asked(house: House, name: str = "weather") -> Subscription:
    subscription, _ = await house.ask(await house.topic(name), PHONE, "sms", "smn")
    return subscription


async def _confirmed(house: House) -> Subscription:
    return await house.subscriber(await house.topic(), PHONE, "sms", "smn")


def _forms(answer: WireResponse) -> list[tuple[str, dict[str, str], str]]:
    """(address, hidden fields, button) of each form, as a browser sends them."""
    found = []
    for form in re.findall(r"<form.*?</form>", text_of(answer), re.DOTALL):
        action = re.search(r'action="([^"]+)"', form)
        button = re.search(r"<span>(.*?)</span>", form)
        assert action
        assert button
        found.append((action[1], dict(re.findall(r'name="([a-z]+)" value="([^"]*)"', form)), button[1]))
    return found


async def _press(house: House, answer: WireResponse, button: str) -> WireResponse:
    for path, fields, label in _forms(answer):
        if label == button:
            return await house.post(path, fields)
    raise AssertionError(f"no button {button}")


async def _state(house: House, subscription: Subscription) -> State:
    return (await house.stored(subscription)).state


async def test_looking_at_the_link_never_changes_anything(house: House) -> None:
    subscription = await _asked(house)
    path = standing_path(subscription)
    for state in (State.UNCONFIRMED, State.CONFIRMED, State.CANCELED):
        entries = await house.ledger(subscription)
        for _ in range(2):
            assert (await house.get(path)).status == 200
        assert await house.ledger(subscription) == entries
        assert await _state(house, subscription) is state
        if state is not State.CANCELED:
            form = _forms(await house.get(path))[0]
            await house.post(form[0], form[1])


async def test_one_link_confirms_cancels_and_brings_back(house: House) -> None:
    subscription = await _asked(house)
    path = standing_path(subscription)
    asked = await house.get(path)
    assert "Do you want to receive" in text_of(asked)
    confirmed = await _press(house, asked, "Yes, send them to me")
    assert "You are subscribed" in text_of(confirmed)
    assert "The same link cancels this subscription at any time" in text_of(confirmed)
    assert await _state(house, subscription) is State.CONFIRMED

    house.clock.advance(300 * 86_400)
    question = await house.get(path)
    assert "Stop receiving" in text_of(question)
    canceled = await _press(house, question, "Cancel this subscription")
    assert "You have canceled" in text_of(canceled)
    assert await _state(house, subscription) is State.CANCELED

    house.clock.advance(HOURS_48 - 1)
    back = await house.get(path)
    assert "Come back to" in text_of(back)
    restored = await _press(house, back, "Yes, subscribe me again")
    assert "Welcome back" in text_of(restored)
    assert "The same link cancels" in text_of(restored)
    assert await _state(house, subscription) is State.CONFIRMED
    told = [(entry.event, entry.origin.way, entry.origin.shown) for entry in await house.ledger(subscription)]
    assert told[1:] == [
        (Event.CONFIRMED, Way.LINK, "confirm/en/3"),
        (Event.CANCELED, Way.LINK, "cancel/en/3"),
        (Event.RESTORED, Way.LINK, "restore/en/3"),
    ]


async def test_a_mistaken_cancel_is_undone_on_the_page_that_tells_of_it(house: House) -> None:
    subscription = await _confirmed(house)
    question = await house.get(standing_path(subscription))
    canceled = await _press(house, question, "Cancel this subscription")
    assert "/s/r/" not in text_of(canceled), "the phone's link is the way back; no other is needed"
    assert "Welcome back" in text_of(await _press(house, canceled, "Subscribe me again"))
    assert await _state(house, subscription) is State.CONFIRMED


async def test_the_request_can_be_declined_and_then_nothing_is_offered(house: House) -> None:
    subscription = await _asked(house)
    path = standing_path(subscription)
    answer = await _press(house, await house.get(path), "No, I don’t want them")
    assert "You have declined" in text_of(answer)
    assert await _state(house, subscription) is State.CANCELED
    assert _forms(answer) == _forms(await house.get(path)) == []


async def test_the_way_back_is_closed_after_48_hours(house: House) -> None:
    subscription = await _confirmed(house)
    path = standing_path(subscription)
    form = _forms(await house.post(path, {"act": "cancel"}))[0]
    house.clock.advance(HOURS_48)
    for answer in (await house.get(path), await house.post(form[0], form[1])):
        assert answer.status == 200
        assert "You are not subscribed" in text_of(answer)
        assert "cannot be brought back from here" in text_of(answer)
        assert _forms(answer) == []
    assert await _state(house, subscription) is State.CANCELED


async def test_a_request_that_is_too_old_says_so_and_confirms_nothing(house: House) -> None:
    subscription = await _asked(house)
    path = standing_path(subscription)
    house.clock.advance(HOURS_48)
    for answer in (await house.get(path), await house.post(path, {"act": "confirm"})):
        assert answer.status == 410
        assert "This link is too old" in text_of(answer)
        assert "Send me a new link" in text_of(answer)
    assert await _state(house, subscription) is State.UNCONFIRMED
    assert "new text message" in text_of(await house.post(path, {"act": "renew"}))
    assert (await house.get(path)).status == 200
    await house.post(path, {"act": "confirm"})
    assert await _state(house, subscription) is State.CONFIRMED


async def test_a_stale_button_never_does_the_opposite_of_what_it_said(house: House) -> None:
    subscription = await _asked(house)
    path = standing_path(subscription)
    confirm = _forms(await house.get(path))[0]
    await house.post(path, {"act": "confirm"})
    cancel = _forms(await house.get(path))[0]
    await house.post(path, {"act": "cancel"})

    # An old page's "yes" was an answer to another question: it shows today's page instead of coming back.
    answer = await house.post(confirm[0], confirm[1])
    assert "Come back to" in text_of(answer)
    assert await _state(house, subscription) is State.CANCELED
    # A second press of "cancel" changes nothing either.
    entries = await house.ledger(subscription)
    assert "Come back to" in text_of(await house.post(cancel[0], cancel[1]))
    assert await house.ledger(subscription) == entries
    # Canceled and added anew: "come back" does not confirm what was never asked.
    restore = _forms(await house.get(path))[0]
    await _asked(house, "weather")
    assert await _state(house, subscription) is State.UNCONFIRMED
    assert "Do you want to receive" in text_of(await house.post(restore[0], restore[1]))
    assert await _state(house, subscription) is State.UNCONFIRMED


@pytest.mark.parametrize("form", [{}, {"act": ""}, {"act": "delete"}, {"shown": "cancel/en/3"}])
async def test_a_form_that_does_not_say_what_it_means_does_nothing(house: House, form: dict[str, str]) -> None:
    for subscription in (await _confirmed(house),):
        assert (await house.post(standing_path(subscription), form)).status == 400
        assert await _state(house, subscription) is State.CONFIRMED


async def test_pressing_twice_is_told_the_same_and_recorded_once(house: House) -> None:
    subscription = await _asked(house)
    path = standing_path(subscription)
    for _ in range(2):
        assert "You are subscribed" in text_of(await house.post(path, {"act": "confirm"}))
    assert [entry.event for entry in await house.ledger(subscription)].count(Event.CONFIRMED) == 1


async def test_programs_are_told_what_each_button_means(house: House) -> None:
    subscription = await _asked(house)
    told = json.loads(text_of(await house.get(standing_path(subscription), accept="application/json")))
    assert [(action["name"], action["form"]) for action in told["actions"][:2]] == [
        ("confirm", {"act": "confirm"}),
        ("decline", {"act": "cancel"}),
    ]


async def test_canceling_is_never_turned_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise Throttled(3.0)

    subscriptions = [await _confirmed(house)]
    subscriptions.append(await house.subscriber(await house.topic("other"), PHONE, "sms", "smn"))
    monkeypatch.setattr(house.pages._limiter, "take", refuse)
    assert (await house.get(standing_path(subscriptions[0]))).status == 429
    assert (await house.post(standing_path(subscriptions[0]), {"act": "cancel"})).status == 200
    assert (await house.post(named_path(subscriptions[1]))).status == 200
    assert [await _state(house, one) for one in subscriptions] == [State.CANCELED] * 2


@pytest.mark.parametrize("link", ["p", "p" + "A" * 43, "c" + "A" * 43, "nonsense"])
async def test_a_link_of_somebody_elses_making_is_refused(house: House, link: str) -> None:
    assert (await house.get(f"/s/p/{link}")).status == 404
    assert (await house.post(f"/s/p/{link}", {"act": "cancel"})).status == 404


async def test_links_of_other_purposes_do_not_open_this_page(house: House) -> None:
    subscription = await _asked(house)
    for path in (cancel_path(subscription), list_path(subscription)):
        assert (await house.post(f"/s/p/{path[5:]}", {"act": "confirm"})).status == 404
    assert (await house.post(f"/s/c/{standing_path(subscription)[5:]}")).status == 404
    assert await _state(house, subscription) is State.UNCONFIRMED


# --- by name ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("endpoint", "protocol"), [("anna@example.org", "email"), (PHONE, "sms")])
async def test_whoever_knows_only_the_name_may_cancel_and_learns_nothing_more(
    house: House, endpoint: str, protocol: str
) -> None:
    subscription = await house.subscriber(await house.topic(), endpoint, protocol, "smn")
    path = named_path(subscription)
    page = await house.get(path)
    assert "Stop receiving" in text_of(page)
    assert await _state(house, subscription) is State.CONFIRMED
    answer = await _press(house, page, "Cancel this subscription")
    assert "You have canceled" in text_of(answer)
    assert await _state(house, subscription) is State.CANCELED
    for seen in (page, answer, await house.get(path), await house.post(path)):
        links = set(re.findall(r'(?:href|action)="(?:[^"]*?)/s/([a-z])/', text_of(seen)))
        assert links <= {"u"}, "no link that only the endpoint should have"
        assert endpoint.partition("@")[0] not in text_of(seen)


async def test_an_unconfirmed_one_is_declined_by_name_and_never_confirmed(house: House) -> None:
    subscription = await _asked(house)
    assert [button for *_, button in _forms(await house.get(named_path(subscription)))] == ["Decline"]
    assert (await house.post(named_path(subscription), {"act": "confirm"})).status == 200
    assert await _state(house, subscription) is State.CANCELED


async def test_a_name_that_is_none_or_nobodys_is_met_kindly(house: House) -> None:
    assert (await house.get("/s/u/nonsense")).status == 404
    assert (await house.get("/s/u/" + "0" * 32)).status == 410
    assert (await house.post("/s/u/" + "0" * 32)).status == 410


# --- SMN's subscriptions on the other pages ------------------------------------------------------------------------------------


async def test_a_reader_of_smn_confirms_cancels_and_comes_back_by_mail(house: House) -> None:
    subscription, token = await house.ask(await house.topic(), dialect="smn")
    assert "Do you want to receive" in text_of(await house.get(f"/s/y/{token}"))
    assert "You are subscribed" in text_of(await house.post(f"/s/y/{token}"))
    assert "Stop receiving" in text_of(await house.get(cancel_path(subscription)))
    assert "You have canceled" in text_of(await house.post(cancel_path(subscription)))
    restore = house.secrets[-1]
    assert "Come back to" in text_of(await house.get(f"/s/r/{restore}"))
    assert "Welcome back" in text_of(await house.post(f"/s/r/{restore}"))
    assert await _state(house, subscription) is State.CONFIRMED


async def test_subscriptions_of_both_clouds_are_in_one_list(house: House) -> None:
    mine = await house.subscriber(await house.topic("a", "Alpha"), dialect="smn")
    await house.subscriber(await house.topic("b", "Beta"))
    text = text_of(await house.get(list_path(mine)))
    assert "2 subscriptions" in text
    await house.post(f"{list_path(mine)}/all")
    assert await _state(house, mine) is State.CANCELED


async def test_a_phone_is_not_told_of_a_goodbye_message_that_it_does_not_get(house: House) -> None:
    mine = [await house.subscriber(await house.topic(name), PHONE, "sms", "smn") for name in ("a", "b", "c")]
    await house.post(standing_path(mine[0]), {"act": "cancel"})
    pages = [await house.get(list_path(mine[0])), await house.get(cancel_path(mine[0]))]
    pages.append(await house.post(f"{list_path(mine[0])}/all"))
    for page in pages:
        assert page.status == 200
        assert "goodbye" not in text_of(page)


async def test_the_secret_in_a_bots_address_is_not_shown(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        secret = "https://open.feishu.example/open-apis/bot/v2/hook/0c3f-secret"
        subscription, _ = await house.ask(await house.topic(), secret, "feishu", "smn")
        page = text_of(await house.get(cancel_path(subscription)))
        assert "https://open.feishu.example/•••" in page
        assert "0c3f-secret" not in page
