"""Sign-in tokens: good for a day and for one user, void when he changes, and never anything but a documented error."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import ACCOUNT, NOW, OTHER_ACCOUNT, FakeClock, make_principal
from tests.unit.access.registry import Registry

from tidings.access.sign_in_tokens import SignInTokens
from tidings.domain.errors import RequestExpired, UnknownCredential
from tidings.domain.model import Principal, Role
from tidings.store.vault import FileVault

VAULT = FileVault(b"v" * 32)
ADA = Principal(ACCOUNT, "ada", Role.PUBLISHER, key_id="SOMEKEY")


class Harness:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.seconds = 0.0
        self.registry = Registry()
        self.registry.put_user(actions=("smn:topic:*",))
        self.sign_in_tokens = self.open()

    def open(self) -> SignInTokens:
        """As after a restart: nothing is remembered but the vault's key."""
        return SignInTokens(self.registry.store, VAULT, self.clock, monotonic_s=lambda: self.seconds)


@pytest.fixture
def harness() -> Harness:
    return Harness()


async def test_a_token_stands_for_its_user_for_a_day_also_after_a_restart(harness: Harness) -> None:
    issued = await harness.sign_in_tokens.issue(ADA)
    assert issued.principal == Principal(ACCOUNT, "ada", Role.PUBLISHER, "", ("smn:topic:*",))
    assert (issued.issued_at, issued.expires_at) == (NOW, NOW + timedelta(hours=24))
    harness.clock.advance(24 * 3600 - 1)
    assert await harness.open().read(issued.text) == issued


async def test_several_tokens_are_good_at_once(harness: Harness) -> None:
    texts = {(await harness.sign_in_tokens.issue(ADA)).text for _ in range(5)}
    assert len(texts) == 5
    for text in texts:
        assert (await harness.sign_in_tokens.read(text)).principal.user == "ada"


async def test_a_token_expires_even_when_it_was_read_a_moment_ago(harness: Harness) -> None:
    text = (await harness.sign_in_tokens.issue(ADA)).text
    assert await harness.sign_in_tokens.read(text)
    harness.clock.advance(24 * 3600)
    assert harness.sign_in_tokens.known(text) is None
    with pytest.raises(RequestExpired):
        await harness.sign_in_tokens.read(text)


def _new_password(registry: Registry) -> None:
    registry.by_name["ada"] = replace(registry.by_name["ada"], password_hash="another")


def _other_role(registry: Registry) -> None:
    registry.by_name["ada"] = replace(registry.by_name["ada"], role=Role.OWNER)


def _other_actions(registry: Registry) -> None:
    registry.by_name["ada"] = replace(registry.by_name["ada"], actions=("smn:topic:*", "sns:Publish"))


def _disabled(registry: Registry) -> None:
    registry.by_name["ada"] = replace(registry.by_name["ada"], disabled=True)


def _gone(registry: Registry) -> None:
    del registry.by_name["ada"]


def _namesake(registry: Registry) -> None:
    registry.by_name["ada"] = replace(registry.by_name["ada"], created_at=NOW + timedelta(seconds=1))


def _moved(registry: Registry) -> None:
    registry.by_name["ada"] = replace(registry.by_name["ada"], account_id=OTHER_ACCOUNT)


def _new_key(registry: Registry) -> None:
    registry.put_key("SECOND")


def _key_disabled(registry: Registry) -> None:
    registry.put_key("FIRST", disabled=True)


def _key_gone(registry: Registry) -> None:
    del registry.by_key["FIRST"]


def _key_resealed(registry: Registry) -> None:
    registry.put_key("FIRST", sealed=b"another")


@pytest.mark.parametrize(
    "change",
    [
        _new_password,
        _other_role,
        _other_actions,
        _disabled,
        _gone,
        _namesake,
        _moved,
        _new_key,
        _key_disabled,
        _key_gone,
        _key_resealed,
    ],
)
async def test_a_change_of_the_user_or_his_keys_voids_his_tokens(
    harness: Harness, change: Callable[[Registry], None]
) -> None:
    harness.registry.put_key("FIRST")
    text = (await harness.sign_in_tokens.issue(ADA)).text
    assert await harness.sign_in_tokens.read(text)
    change(harness.registry)
    harness.sign_in_tokens.forget()
    with pytest.raises(UnknownCredential):
        await harness.sign_in_tokens.read(text)


async def test_what_happens_to_others_voids_nothing(harness: Harness) -> None:
    text = (await harness.sign_in_tokens.issue(ADA)).text
    harness.registry.put_user("bob", password_hash="hash")
    harness.registry.put_key("BOBSKEY", user="bob")
    harness.sign_in_tokens.forget()
    assert (await harness.sign_in_tokens.read(text)).principal.user == "ada"


async def test_nobody_who_is_gone_or_disabled_gets_a_token(harness: Harness) -> None:
    with pytest.raises(UnknownCredential):
        await harness.sign_in_tokens.issue(make_principal(user="nobody"))
    _disabled(harness.registry)
    with pytest.raises(UnknownCredential):
        await harness.sign_in_tokens.issue(ADA)


async def test_a_token_is_remembered_for_a_moment_and_no_longer(harness: Harness) -> None:
    issued = await harness.sign_in_tokens.issue(ADA)
    assert harness.sign_in_tokens.known(issued.text) is None
    await harness.sign_in_tokens.read(issued.text)
    asked = harness.registry.asked
    assert await harness.sign_in_tokens.read(issued.text) == harness.sign_in_tokens.known(issued.text) == issued
    assert harness.registry.asked == asked
    _disabled(harness.registry)  # as another process does it
    harness.seconds += 1.9
    assert harness.sign_in_tokens.known(issued.text) == issued
    harness.seconds += 0.2
    assert harness.sign_in_tokens.known(issued.text) is None
    with pytest.raises(UnknownCredential):
        await harness.sign_in_tokens.read(issued.text)


async def test_what_changed_while_it_was_read_is_not_remembered(harness: Harness) -> None:
    text = (await harness.sign_in_tokens.issue(ADA)).text
    entered, proceed = asyncio.Event(), asyncio.Event()
    read_keys = harness.registry.access_keys

    async def slowly(account_id: object) -> object:
        entered.set()
        await proceed.wait()
        return await read_keys(ACCOUNT)

    harness.registry.access_keys = slowly  # type: ignore[method-assign,assignment]
    reading = asyncio.create_task(harness.sign_in_tokens.read(text))
    await entered.wait()
    harness.sign_in_tokens.forget()
    proceed.set()
    await reading
    assert harness.sign_in_tokens.known(text) is None


def _claim(**members: object) -> bytes:
    """What a token seals, but for the members given."""
    times = {"issued_at": "2026-11-21T12:00:00Z", "expires_at": "2026-11-22T12:00:00Z"}
    return json.dumps(
        {"account_id": ACCOUNT, "user": "ada", **times, "mark": "AAAA", "kind": "token", **members}
    ).encode()


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"a secret key",
        b"{}",
        b'{"kind":"token"}',
        b"[" * 5000,
        b"\xff\xfe",
        _claim(issued_at="2026-11-21T12:00:00"),
        _claim(mark="\u00e9"),
        _claim(mark=""),
        _claim(kind="session"),
        _claim(more=1),
        _claim(user="nobody"),
    ],
)
async def test_what_the_vault_sealed_for_something_else_is_no_token(harness: Harness, plain: bytes) -> None:
    text = urlsafe_b64encode(VAULT.seal(plain)).decode().rstrip("=")
    with pytest.raises(UnknownCredential):
        await harness.sign_in_tokens.read(text)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 500),
            st.sampled_from(["put", "drop", "insert", "cut"]),
            st.characters() | st.sampled_from("AZaz09-_=+/ \n"),
        ),
        min_size=1,
        max_size=4,
    )
)
async def test_an_altered_text_is_nobodys(edits: list[tuple[int, str, str]]) -> None:
    harness = Harness()
    issued = await harness.sign_in_tokens.issue(ADA)
    text = issued.text
    for place, how, character in edits:
        at = place % (len(text) + 1)
        match how:
            case "put":
                text = text[:at] + character + text[at + 1 :]
            case "drop":
                text = text[:at] + text[at + 1 :]
            case "insert":
                text = text[:at] + character + text[at:]
            case _:
                text = text[:at]
    if text == issued.text:
        assert await harness.sign_in_tokens.read(text) == issued
        return
    with pytest.raises(UnknownCredential):
        await harness.sign_in_tokens.read(text)


@given(st.text() | st.binary(max_size=600).map(lambda raw: urlsafe_b64encode(raw).decode().rstrip("=")))
async def test_no_text_is_our_fault(text: str) -> None:
    with pytest.raises(UnknownCredential):
        await Harness().sign_in_tokens.read(text)


async def test_another_servers_token_is_nobodys(harness: Harness) -> None:
    other = SignInTokens(harness.registry.store, FileVault(b"w" * 32), harness.clock)
    with pytest.raises(UnknownCredential):
        await harness.sign_in_tokens.read((await other.issue(ADA)).text)
