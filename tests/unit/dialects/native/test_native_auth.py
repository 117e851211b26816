"""Signing in to the native dialect: keys, passwords, what is remembered and what is forgotten."""

from __future__ import annotations

import asyncio
from base64 import b64encode

import pytest
from tests.support.build import ACCOUNT, OTHER_ACCOUNT
from tests.unit.dialects.native.harness import KEY, PASSWORD, GlassVault, Harness

from tidings.domain.model import Role


@pytest.mark.parametrize(
    "credential",
    [KEY, f"admin:{PASSWORD}", f"{ACCOUNT}/admin:{PASSWORD}", f"default/admin:{PASSWORD}", "OTHERKEY:other-secret"],
)
async def test_a_key_or_a_password_opens_the_door(harness: Harness, credential: str) -> None:
    assert (await harness.call("GET", "/topics", credential=credential))[0] == 200


@pytest.mark.parametrize(
    "credential",
    [
        None,
        "tidings:wrong",
        "admin:wrong",
        "nobody:wrong",
        "NOKEY123:tidings-dev-secret",
        f"{OTHER_ACCOUNT}/admin:{PASSWORD}",
        f"nowhere/admin:{PASSWORD}",
        f"{ACCOUNT}/tidings:tidings-dev-secret",
        "other/eve:",
        ":",
        "ad\0min:x",
        "no colon",
    ],
)
async def test_anything_else_does_not_and_all_sound_alike(harness: Harness, credential: str | None) -> None:
    answer = await harness.send("GET", "/topics", credential=credential)
    assert answer.status == 401
    assert answer.body == (await harness.send("GET", "/topics", credential=None)).body
    assert dict(answer.headers)["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic !!!", "Bearer abc", "basic " + b64encode(b"\xff:x").decode(), "Basic YTpi,Basic YTpi"],
)
async def test_a_header_that_cannot_be_read_is_nobody(harness: Harness, header: str) -> None:
    answer = await harness.send("GET", "/topics", credential=None, headers={"authorization": header})
    assert answer.status == 401


async def test_a_password_is_verified_once_a_minute_and_not_at_every_call(harness: Harness) -> None:
    for _ in range(5):
        assert (await harness.call("GET", "/topics", credential=f"admin:{PASSWORD}"))[0] == 200
    assert harness.authenticator.verified == 1


async def test_a_new_password_counts_at_once(harness: Harness) -> None:
    assert (await harness.call("GET", "/topics", credential=f"admin:{PASSWORD}"))[0] == 200
    status, _ = await harness.call("PATCH", "/users/admin", {"password": "another horse"})
    assert status == 200
    assert (await harness.call("GET", "/topics", credential=f"admin:{PASSWORD}"))[0] == 401
    assert (await harness.call("GET", "/topics", credential="admin:another horse"))[0] == 200


async def test_a_user_who_is_disabled_elsewhere_is_out_at_once(harness: Harness) -> None:
    await harness.accounts.create_user(ACCOUNT, "ada", Role.AUDITOR, PASSWORD)
    assert (await harness.call("GET", "/topics", credential=f"ada:{PASSWORD}"))[0] == 200
    # As another process does it: this process's caches hear nothing.
    user = await harness.store.user(ACCOUNT, "ada")
    assert user is not None
    other = type(harness.accounts)(harness.store, harness.clock, GlassVault())
    await other.set_user(ACCOUNT, "ada", disabled=True)
    assert (await harness.call("GET", "/topics", credential=f"ada:{PASSWORD}"))[0] == 401


async def test_guessing_in_parallel_is_told_to_slow_down(harness: Harness) -> None:
    calls = [harness.send("GET", "/topics", credential=f"admin:guess {n}") for n in range(24)]
    statuses = [answer.status for answer in await asyncio.gather(*calls)]
    assert set(statuses) == {401, 429}
    assert harness.authenticator.verified <= 3


ROLES = {
    "/ledger": {Role.OWNER, Role.OPERATOR, Role.AUDITOR},
    "/subscriptions": set(Role),
    "/topics": set(Role),
    "/dead-letters": {Role.OWNER, Role.OPERATOR},
    "/accounts": {Role.OWNER},
    "/users": {Role.OWNER},
    "/access-keys": {Role.OWNER},
}


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_sees_what_its_table_says_and_no_more(harness: Harness, role: Role) -> None:
    credential = await harness.user("somebody", role)
    for path, allowed in ROLES.items():
        status, told = await harness.call("GET", path, credential=credential)
        assert status == (200 if role in allowed else 403), (path, told)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.PUBLISHER])
async def test_who_may_only_look_changes_nothing(harness: Harness, role: Role) -> None:
    credential = await harness.user("somebody", role)
    subscription = await harness.subscriber(await harness.topic())
    for method, path, body in (
        ("POST", f"/subscriptions/{subscription.uid}/cancel", None),
        ("POST", f"/subscriptions/{subscription.uid}/resend-confirmation", None),
        ("POST", "/dead-letters/send-again", {"ids": [1]}),
        ("POST", "/users", {"name": "bob", "role": "owner"}),
        ("POST", "/access-keys", {"user": "admin"}),
        ("PATCH", "/users/admin", {"password": "changed horse"}),
        ("PATCH", "/access-keys/tidings", {"disabled": True}),
    ):
        status, told = await harness.call(method, path, body, credential=credential)
        assert (status, told["code"]) == (403, "denied"), path
    assert (await harness.store.subscription(subscription.uid)) == subscription
