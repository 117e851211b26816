"""The one link that a phone has, and the page for whoever knows only a name; and SMN's subscriptions on all pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.support.subscribers import (
    App,
    cancel_path,
    list_path,
    named_path,
    open_app,
    standing_path,
    text_of,
)

from tidings.dialects.contract import WireResponse
from tidings.domain.errors import Throttled
from tidings.domain.model import Event, State, Subscription, Way

PHONE = "+12125550100"
HOURS_48 = 48 * 3600


async def _asked(app: App, name: str = "weather") -> Subscription:
    subscription, _ = await app.ask(await app.topic(name), PHONE, "sms", "smn")
    return subscription


async def _confirmed(app: App) -> Subscription:
    return await app.subscriber(await app.topic(), PHONE, "sms", "smn")


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


async def _press(app: App, answer: WireResponse, button: str) -> WireResponse:
    for path, fields, label in _forms(answer):
        if label == button:
            return await app.post(path, fields)
    raise AssertionError(f"no button {button}")


async def _state(app: App, subscription: Subscription) -> State:
    return (await app.stored(subscription)).state


async def test_looking_at_the_link_never_changes_anything(app: App) -> None:
    subscription = await _asked(app)
    path = standing_path(subscription)
    for state in (State.UNCONFIRMED, State.CONFIRMED, State.CANCELED):
        entries = await app.ledger(subscription)
        for _ in range(2):
            assert (await app.get(path)).status == 200
        assert await app.ledger(subscription) == entries
        assert await _state(app, subscription) is state
        if state is not State.CANCELED:
            form = _forms(await app.get(path))[0]
            await app.post(form[0], form[1])


async def test_one_link_confirms_cancels_and_brings_back(app: App) -> None:
    subscription = await _asked(app)
    path = standing_path(subscription)
    asked = await app.get(path)
    assert "Do you want to receive" in text_of(asked)
    confirmed = await _press(app, asked, "Yes, send them to me")
    assert "You are subscribed" in text_of(confirmed)
    assert "The same link cancels this subscription at any time" in text_of(confirmed)
    assert await _state(app, subscription) is State.CONFIRMED

    app.clock.advance(300 * 86_400)
    question = await app.get(path)
    assert "Stop receiving" in text_of(question)
    canceled = await _press(app, question, "Cancel this subscription")
    assert "You have canceled" in text_of(canceled)
    assert await _state(app, subscription) is State.CANCELED

    app.clock.advance(HOURS_48 - 1)
    back = await app.get(path)
    assert "Come back to" in text_of(back)
    restored = await _press(app, back, "Yes, subscribe me again")
    assert "Welcome back" in text_of(restored)
    assert "The same link cancels" in text_of(restored)
    assert await _state(app, subscription) is State.CONFIRMED
    told = [(entry.event, entry.origin.way, entry.origin.shown) for entry in await app.ledger(subscription)]
    assert told[1:] == [
        (Event.CONFIRMED, Way.LINK, "confirm/en/3"),
        (Event.CANCELED, Way.LINK, "cancel/en/3"),
        (Event.RESTORED, Way.LINK, "restore/en/3"),
    ]


async def test_a_mistaken_cancel_is_undone_on_the_page_that_tells_of_it(app: App) -> None:
    subscription = await _confirmed(app)
    question = await app.get(standing_path(subscription))
    canceled = await _press(app, question, "Cancel this subscription")
    assert "/s/r/" not in text_of(canceled), "the phone's link is the way back; no other is needed"
    assert "Welcome back" in text_of(await _press(app, canceled, "Subscribe me again"))
    assert await _state(app, subscription) is State.CONFIRMED


async def test_the_request_can_be_declined_and_then_nothing_is_offered(app: App) -> None:
    subscription = await _asked(app)
    path = standing_path(subscription)
    answer = await _press(app, await app.get(path), "No, I don’t want them")
    assert "You have declined" in text_of(answer)
    assert await _state(app, subscription) is State.CANCELED
    assert _forms(answer) == _forms(await app.get(path)) == []


async def test_the_way_back_is_closed_after_48_hours(app: App) -> None:
    subscription = await _confirmed(app)
    path = standing_path(subscription)
    form = _forms(await app.post(path, {"act": "cancel"}))[0]
    app.clock.advance(HOURS_48)
    for answer in (await app.get(path), await app.post(form[0], form[1])):
        assert answer.status == 200
        assert "You are not subscribed" in text_of(answer)
        assert "cannot be brought back from here" in text_of(answer)
        assert _forms(answer) == []
    assert await _state(app, subscription) is State.CANCELED


async def test_a_request_that_is_too_old_says_so_and_confirms_nothing(app: App) -> None:
    subscription = await _asked(app)
    path = standing_path(subscription)
    app.clock.advance(HOURS_48)
    for answer in (await app.get(path), await app.post(path, {"act": "confirm"})):
        assert answer.status == 410
        assert "This link is too old" in text_of(answer)
        assert "Send me a new link" in text_of(answer)
    assert await _state(app, subscription) is State.UNCONFIRMED
    assert "new text message" in text_of(await app.post(path, {"act": "renew"}))
    assert (await app.get(path)).status == 200
    await app.post(path, {"act": "confirm"})
    assert await _state(app, subscription) is State.CONFIRMED


async def test_a_stale_button_never_does_the_opposite_of_what_it_said(app: App) -> None:
    subscription = await _asked(app)
    path = standing_path(subscription)
    confirm = _forms(await app.get(path))[0]
    await app.post(path, {"act": "confirm"})
    cancel = _forms(await app.get(path))[0]
    await app.post(path, {"act": "cancel"})

    # An old page's "yes" was an answer to another question: it shows today's page instead of coming back.
    answer = await app.post(confirm[0], confirm[1])
    assert "Come back to" in text_of(answer)
    assert await _state(app, subscription) is State.CANCELED
    # A second press of "cancel" changes nothing either.
    entries = await app.ledger(subscription)
    assert "Come back to" in text_of(await app.post(cancel[0], cancel[1]))
    assert await app.ledger(subscription) == entries
    # Canceled and added anew: "come back" does not confirm what was never asked.
    restore = _forms(await app.get(path))[0]
    await _asked(app, "weather")
    assert await _state(app, subscription) is State.UNCONFIRMED
    assert "Do you want to receive" in text_of(await app.post(restore[0], restore[1]))
    assert await _state(app, subscription) is State.UNCONFIRMED


@pytest.mark.parametrize("form", [{}, {"act": ""}, {"act": "delete"}, {"shown": "cancel/en/3"}])
async def test_a_form_that_does_not_say_what_it_means_does_nothing(app: App, form: dict[str, str]) -> None:
    for subscription in (await _confirmed(app),):
        assert (await app.post(standing_path(subscription), form)).status == 400
        assert await _state(app, subscription) is State.CONFIRMED


async def test_pressing_twice_is_told_the_same_and_recorded_once(app: App) -> None:
    subscription = await _asked(app)
    path = standing_path(subscription)
    for _ in range(2):
        assert "You are subscribed" in text_of(await app.post(path, {"act": "confirm"}))
    assert [entry.event for entry in await app.ledger(subscription)].count(Event.CONFIRMED) == 1


async def test_programs_are_told_what_each_button_means(app: App) -> None:
    subscription = await _asked(app)
    told = json.loads(text_of(await app.get(standing_path(subscription), accept="application/json")))
    assert [(action["name"], action["form"]) for action in told["actions"][:2]] == [
        ("confirm", {"act": "confirm"}),
        ("decline", {"act": "cancel"}),
    ]


async def test_canceling_is_never_turned_away(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise Throttled(3.0)

    subscriptions = [await _confirmed(app)]
    subscriptions.append(await app.subscriber(await app.topic("other"), PHONE, "sms", "smn"))
    monkeypatch.setattr(app.pages._limiter, "take", refuse)
    assert (await app.get(standing_path(subscriptions[0]))).status == 429
    assert (await app.post(standing_path(subscriptions[0]), {"act": "cancel"})).status == 200
    assert (await app.post(named_path(subscriptions[1]))).status == 200
    assert [await _state(app, one) for one in subscriptions] == [State.CANCELED] * 2


@pytest.mark.parametrize("link", ["p", "p" + "A" * 43, "c" + "A" * 43, "nonsense"])
async def test_a_link_of_somebody_elses_making_is_refused(app: App, link: str) -> None:
    assert (await app.get(f"/s/p/{link}")).status == 404
    assert (await app.post(f"/s/p/{link}", {"act": "cancel"})).status == 404


async def test_links_of_other_purposes_do_not_open_this_page(app: App) -> None:
    subscription = await _asked(app)
    for path in (cancel_path(subscription), list_path(subscription)):
        assert (await app.post(f"/s/p/{path[5:]}", {"act": "confirm"})).status == 404
    assert (await app.post(f"/s/c/{standing_path(subscription)[5:]}")).status == 404
    assert await _state(app, subscription) is State.UNCONFIRMED


# --- by name ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("endpoint", "protocol"), [("anna@example.org", "email"), (PHONE, "sms")])
async def test_whoever_knows_only_the_name_may_cancel_and_learns_nothing_more(
    app: App, endpoint: str, protocol: str
) -> None:
    subscription = await app.subscriber(await app.topic(), endpoint, protocol, "smn")
    path = named_path(subscription)
    page = await app.get(path)
    assert "Stop receiving" in text_of(page)
    assert await _state(app, subscription) is State.CONFIRMED
    answer = await _press(app, page, "Cancel this subscription")
    assert "You have canceled" in text_of(answer)
    assert await _state(app, subscription) is State.CANCELED
    for seen in (page, answer, await app.get(path), await app.post(path)):
        links = set(re.findall(r'(?:href|action)="(?:[^"]*?)/s/([a-z])/', text_of(seen)))
        assert links <= {"u"}, "no link that only the endpoint should have"
        assert endpoint.partition("@")[0] not in text_of(seen)


async def test_an_unconfirmed_one_is_declined_by_name_and_never_confirmed(app: App) -> None:
    subscription = await _asked(app)
    assert [button for *_, button in _forms(await app.get(named_path(subscription)))] == ["Decline"]
    assert (await app.post(named_path(subscription), {"act": "confirm"})).status == 200
    assert await _state(app, subscription) is State.CANCELED


async def test_a_name_that_is_none_or_nobodys_is_met_kindly(app: App) -> None:
    assert (await app.get("/s/u/nonsense")).status == 404
    assert (await app.get("/s/u/" + "0" * 32)).status == 410
    assert (await app.post("/s/u/" + "0" * 32)).status == 410


# --- SMN's subscriptions on the other pages ------------------------------------------------------------------------------------


async def test_a_reader_of_smn_confirms_cancels_and_comes_back_by_mail(app: App) -> None:
    subscription, token = await app.ask(await app.topic(), dialect="smn")
    assert "Do you want to receive" in text_of(await app.get(f"/s/y/{token}"))
    assert "You are subscribed" in text_of(await app.post(f"/s/y/{token}"))
    assert "Stop receiving" in text_of(await app.get(cancel_path(subscription)))
    assert "You have canceled" in text_of(await app.post(cancel_path(subscription)))
    restore = app.secrets[-1]
    assert "Come back to" in text_of(await app.get(f"/s/r/{restore}"))
    assert "Welcome back" in text_of(await app.post(f"/s/r/{restore}"))
    assert await _state(app, subscription) is State.CONFIRMED


async def test_subscriptions_of_both_clouds_are_in_one_list(app: App) -> None:
    mine = await app.subscriber(await app.topic("a", "Alpha"), dialect="smn")
    await app.subscriber(await app.topic("b", "Beta"))
    text = text_of(await app.get(list_path(mine)))
    assert "2 subscriptions" in text
    await app.post(f"{list_path(mine)}/all")
    assert await _state(app, mine) is State.CANCELED


async def test_a_phone_is_not_told_of_a_goodbye_message_that_it_does_not_get(app: App) -> None:
    mine = [await app.subscriber(await app.topic(name), PHONE, "sms", "smn") for name in ("a", "b", "c")]
    await app.post(standing_path(mine[0]), {"act": "cancel"})
    pages = [await app.get(list_path(mine[0])), await app.get(cancel_path(mine[0]))]
    pages.append(await app.post(f"{list_path(mine[0])}/all"))
    for page in pages:
        assert page.status == 200
        assert "goodbye" not in text_of(page)


async def test_the_secret_in_a_bots_address_is_not_shown(tmp_path: Path) -> None:
    async with open_app(tmp_path) as app:
        secret = "https://open.feishu.example/open-apis/bot/v2/hook/0c3f-secret"
        subscription, _ = await app.ask(await app.topic(), secret, "feishu", "smn")
        page = text_of(await app.get(cancel_path(subscription)))
        assert "https://open.feishu.example/•••" in page
        assert "0c3f-secret" not in page
