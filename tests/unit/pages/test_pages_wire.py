"""The pages on the wire: headers, methods, forms, JSON, languages, and whatever strangers send."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.examples import examples
from tests.support.subscribers import (
    PUBLIC_URL,
    App,
    cancel_path,
    header,
    list_path,
    make_request,
    named_path,
    open_app,
    standing_path,
    text_of,
)

from tidings.dialects.contract import Dialect, WireResponse
from tidings.domain.model import Event, State, Subscription, Way


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


async def test_pages_are_a_dialect_and_own_their_paths(app: App) -> None:
    dialect: Dialect = app.pages
    assert dialect.name == "pages"
    assert [
        path for path in ("/s/y/x", "/s/", "/s", "/", "/sns", "/v2/s/") if dialect.claim(make_request("GET", path))
    ] == [
        "/s/y/x",
        "/s/",
        "/s",
    ]


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_every_answer_keeps_its_address_private(app: App, accept: str) -> None:
    subscription, token = await app.ask(await app.topic())
    paths = [f"/s/y/{token}", cancel_path(subscription), list_path(subscription), "/s/nowhere"]
    for answer in [await app.get(path, accept=accept) for path in paths]:
        policy = header(answer, "content-security-policy")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert header(answer, "referrer-policy") == "no-referrer"
        assert header(answer, "cache-control") == "no-store"
        assert "noindex" in header(answer, "x-robots-tag")
        assert header(answer, "set-cookie") == ""


async def test_a_head_is_a_get_without_its_body(app: App) -> None:
    subscription = await app.subscriber()
    for path in (cancel_path(subscription), "/s/nowhere", "/s/style.css"):
        got = await app.get(path)
        head = await app.pages.handle(make_request("HEAD", path))
        assert (head.status, head.content_type, head.headers) == (got.status, got.content_type, got.headers)
        assert head.body == b""
    assert (await app.stored(subscription)).state is State.CONFIRMED


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods_are_refused_and_change_nothing(app: App, method: str) -> None:
    subscription = await app.subscriber()
    answer = await app.pages.handle(make_request(method, cancel_path(subscription)))
    assert (answer.status, header(answer, "allow")) == (405, "GET, HEAD, POST")
    assert (await app.stored(subscription)).state is State.CONFIRMED


async def test_an_incomplete_list_link_gets_a_kind_page(app: App) -> None:
    answer = await app.get("/s/e/x")
    assert answer.status == 404
    assert "This link is incomplete" in text_of(answer)


async def test_nothing_is_posted_to_the_list_itself(app: App) -> None:
    answer = await app.post(list_path(await app.subscriber()))
    assert (answer.status, header(answer, "allow")) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [(b"{}", "application/json", 415), (b"a=" + b"b" * 4096, "application/x-www-form-urlencoded", 413)],
)
async def test_a_post_that_is_no_form_confirms_nothing(app: App, body: bytes, content_type: str, status: int) -> None:
    subscription, token = await app.ask(await app.topic())
    request = make_request("POST", f"/s/y/{token}", body, {"content-type": content_type})
    assert (await app.pages.handle(request)).status == status
    assert (await app.stored(subscription)).state is State.UNCONFIRMED


PATHS_TO_CANCEL = (
    cancel_path,
    standing_path,
    named_path,
    lambda one: f"{list_path(one)}/{one.uid}",
    lambda one: f"{list_path(one)}/all",
)


@pytest.mark.parametrize("path", PATHS_TO_CANCEL)
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"List-Unsubscribe=One-Click", None),
        (b"List-Unsubscribe=One-Click", "text/plain"),
        (b'{"List-Unsubscribe": "One-Click"}', "application/json"),
        (b"[", "application/json; charset=utf-8"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (b"\x00\xff\xfe" * 100, "application/octet-stream"),
        (b"x", ""),
        (b"x", ";;;"),
    ],
)
async def test_whoever_posts_to_a_cancel_link_wants_out(
    app: App, path: Callable[[Subscription], str], body: bytes, content_type: str | None
) -> None:
    subscription = await app.subscriber()
    headers = {} if content_type is None else {"content-type": content_type}
    answer = await app.pages.handle(make_request("POST", path(subscription), body, headers))
    assert (answer.status, answer.content_type.split(";")[0]) == (200, "text/plain")
    assert (await app.stored(subscription)).state is State.CANCELED
    entry = (await app.ledger(subscription))[-1]
    assert (entry.event, entry.origin.way) == (Event.CANCELED, Way.ONE_CLICK)


@pytest.mark.parametrize("path", [cancel_path, named_path, PATHS_TO_CANCEL[3], PATHS_TO_CANCEL[4]])
async def test_a_post_without_anything_cancels(app: App, path: Callable[[Subscription], str]) -> None:
    subscription = await app.subscriber()
    assert (await app.pages.handle(make_request("POST", path(subscription)))).status == 200
    assert (await app.stored(subscription)).state is State.CANCELED


async def test_a_body_at_a_cancel_link_is_bounded(app: App) -> None:
    subscription = await app.subscriber()
    for content_type in ("text/plain", "application/json", "application/x-www-form-urlencoded"):
        request = make_request("POST", cancel_path(subscription), b"b" * 4097, {"content-type": content_type})
        assert (await app.pages.handle(request)).status == 413
    assert (await app.stored(subscription)).state is State.CONFIRMED


@pytest.mark.parametrize("path", PATHS_TO_CANCEL)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
async def test_only_a_post_cancels(app: App, path: Callable[[Subscription], str], method: str) -> None:
    subscription = await app.subscriber()
    request = make_request(method, path(subscription), b"List-Unsubscribe=One-Click", {"content-type": "text/plain"})
    await app.pages.handle(request)
    assert (await app.stored(subscription)).state is State.CONFIRMED


@pytest.mark.parametrize("shown", ["<script>", "cancel/en/1\n", "x" * 99, "CANCEL/en/1", ""])
async def test_the_ledger_takes_only_what_our_forms_say_was_shown(app: App, shown: str) -> None:
    subscription = await app.subscriber()
    await app.post(cancel_path(subscription), {"shown": shown})
    assert (await app.ledger(subscription))[-1].origin.shown == ""


async def test_a_long_user_agent_is_cut(app: App) -> None:
    subscription = await app.subscriber()
    await app.post(cancel_path(subscription), user_agent="x" * 5000)
    assert len((await app.ledger(subscription))[-1].origin.user_agent) == 512


async def test_a_program_gets_json_and_goes_on_from_it(app: App) -> None:
    subscription, token = await app.ask(await app.topic())
    told = _json(await app.get(f"/s/y/{token}", accept="application/json"))
    assert (told["page"], told["state"], told["topic"], told["endpoint"]) == (
        "confirm",
        "unconfirmed",
        "weather",
        "a•••@example.org",
    )
    confirm = next(action for action in told["actions"] if action["name"] == "confirm")
    assert confirm == {"name": "confirm", "method": "POST", "url": f"{PUBLIC_URL}/s/y/{token}"}
    told = _json(await app.post(f"/s/y/{token}", accept="application/json"))
    assert (told["page"], told["state"]) == ("confirmed", "confirmed")
    told = _json(await app.get(list_path(subscription), accept="application/json"))
    assert [(one["topic"], one["state"], one["since"]) for one in told["subscriptions"]] == [
        ("weather", "confirmed", "2026-11-21")
    ]
    told = _json(await app.post(cancel_path(subscription), accept="application/json"))
    assert (told["page"], told["state"]) == ("canceled", "canceled")
    back = next(action for action in told["actions"] if action["name"] == "restore")
    told = _json(await app.post(back["url"].removeprefix(PUBLIC_URL), accept="application/json"))
    assert (told["page"], told["state"]) == ("restored", "confirmed")
    answer = await app.get("/s/y/nonsense", accept="application/json")
    told = _json(answer)
    assert (answer.status, told["problem"], told["request_id"]) == (404, "malformed", "req-1")


async def test_the_stylesheet_may_be_kept_for_long_and_changes_its_address(app: App) -> None:
    _, token = await app.ask(await app.topic())
    found = re.search(r'href="(/s/style\.css\?v=[0-9a-f]{12})"', text_of(await app.get(f"/s/y/{token}")))
    assert found
    answer = await app.get(found[1])
    assert (answer.status, answer.content_type) == (200, "text/css; charset=utf-8")
    assert "immutable" in header(answer, "cache-control")
    assert (await app.get("/s/icon.svg")).content_type == "image/svg+xml"


async def test_the_language_can_be_chosen_and_stays_chosen(app: App) -> None:
    subscription = await app.subscriber()
    page = await app.get(f"{cancel_path(subscription)}?lang=zh-CN", accept_language="en")
    assert 'lang="zh-CN" dir="ltr"' in text_of(page)
    assert header(page, "content-language") == "zh-CN"
    answer = await _press(app, page, "取消订阅")
    assert "您已取消订阅" in text_of(answer)


async def test_a_server_under_a_path_links_to_itself(tmp_path: Path) -> None:
    async with open_app(tmp_path, public_url="https://example.org/tidings/") as app:
        subscription = await app.subscriber()
        text = text_of(await app.get(cancel_path(subscription)))
        assert f'action="/tidings{cancel_path(subscription)}?lang=en"' in text
        assert 'href="/tidings/s/style.css' in text
        told = _json(await app.get(cancel_path(subscription), accept="application/json"))
        assert told["actions"][0]["url"] == f"https://example.org/tidings{cancel_path(subscription)}"


async def test_a_topic_cannot_write_on_the_page(app: App) -> None:
    topic = await app.topic("evil", '"><script>alert(1)</script><img src=x onerror=alert(2)>')
    subscription, token = await app.ask(topic)
    answers = [await app.get(f"/s/y/{token}"), await app.post(f"/s/y/{token}")]
    answers += [await app.get(list_path(subscription)), await app.get(f"{list_path(subscription)}/all")]
    answers += [await app.post(cancel_path(subscription))]
    for answer in answers:
        assert "<script" not in text_of(answer)
        assert "<img" not in text_of(answer)


async def test_the_operators_name_and_help_are_on_every_page(tmp_path: Path) -> None:
    async with open_app(tmp_path, operator="A & B", contact="mailto:help@example.org") as app:
        text = text_of(await app.get("/s/nowhere"))
        assert "<bdi>A &amp; B</bdi>" in text
        assert 'href="mailto:help@example.org"' in text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "We could not read that"),
        (413, "That was too much"),
        (500, "Something went wrong on our side"),
        (503, "We will be back in a moment"),
    ],
)
async def test_what_the_server_finds_out_gets_a_kind_page_too(app: App, status: int, words: str) -> None:
    answer = app.pages.failure(make_request("POST", "/s/c/x"), status, "secret detail")
    assert answer.status == status
    assert words in text_of(answer)
    assert "secret detail" not in text_of(answer)


async def test_a_failure_names_its_request(app: App) -> None:
    request = make_request("GET", "/s/c/x", request_id="req-77")
    assert "req-77" in text_of(app.pages.failure(request, 500, ""))
    program = replace(request, headers={"accept": "application/json"})
    assert _json(app.pages.failure(program, 500, ""))["request_id"] == "req-77"


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    path=st.one_of(
        st.text(max_size=60),
        st.from_regex(r"[yrce]/[0-9a-zA-Z_-]{0,70}(/[0-9a-z]{0,40})?", fullmatch=True),
    ),
    query=st.text(max_size=30),
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT"]),
    accept=st.sampled_from(["", "application/json", "text/html;q=x"]),
)
async def test_no_address_breaks_the_pages(app: App, path: str, query: str, method: str, accept: str) -> None:
    request = replace(make_request(method, f"/s/{path}", b"", {"accept": accept}), query=query)
    answer = await app.pages.handle(request)
    found = request.path in ("/s/style.css", "/s/icon.svg") or not request.path.strip("/s.,;:!?)>]'\"”")
    assert 400 <= answer.status < 500 or found
