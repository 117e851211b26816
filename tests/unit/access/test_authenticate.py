"""Finding who is behind a key or a password: what the caller may do comes along, and guessing costs the guesser."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from tests.support.build import ACCOUNT, NOW
from tests.unit.access.registry import Registry

from tidings.access.authenticate import Authenticator
from tidings.access.sign_in_limits import WAITING_PER_ADDRESS
from tidings.domain.errors import Throttled, UnknownCredential, WrongSignature
from tidings.domain.model import AccessKey, Principal, Role
from tidings.store.vault import FileVault

VAULT = FileVault(b"v" * 32)
ACTIONS = ("sns:Publish",)


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.put_user(
        actions=ACTIONS, password_hash=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")
    )
    registry.by_key["ADASKEY"] = AccessKey("ADASKEY", ACCOUNT, "ada", VAULT.seal(b"secret"), False, NOW)
    return registry


async def test_a_users_actions_come_along_by_key_and_by_password(registry: Registry) -> None:
    authenticator = Authenticator(registry.store, VAULT)
    credential = await authenticator.credential("ADASKEY")
    assert (credential.secret, credential.principal) == (
        "secret",
        Principal(ACCOUNT, "ada", Role.PUBLISHER, "ADASKEY", ACTIONS),
    )
    by_password = await authenticator.by_password(ACCOUNT, "ada", "correct horse")
    assert by_password == Principal(ACCOUNT, "ada", Role.PUBLISHER, "", ACTIONS)


async def test_new_actions_count_as_soon_as_they_are_told(registry: Registry) -> None:
    authenticator = Authenticator(registry.store, VAULT)
    await authenticator.credential("ADASKEY")
    registry.by_name["ada"] = replace(registry.by_name["ada"], actions=())
    found = authenticator.known("ADASKEY")
    assert found is not None
    assert found.principal.actions == ACTIONS
    authenticator.forget()
    assert authenticator.known("ADASKEY") is None
    assert (await authenticator.credential("ADASKEY")).principal.actions == ()


async def test_wrong_names_and_passwords_sound_alike(registry: Registry) -> None:
    authenticator = Authenticator(registry.store, VAULT)
    for name, password in (("ada", "wrong"), ("bob", "correct horse")):
        with pytest.raises(WrongSignature, match="password"):
            await authenticator.by_password(ACCOUNT, name, password)
    with pytest.raises(UnknownCredential):
        await authenticator.credential("NOKEY")


async def test_many_passwords_at_once_are_told_to_come_back(registry: Registry) -> None:
    authenticator = Authenticator(registry.store, VAULT)
    guesses = [authenticator.by_password(ACCOUNT, "ada", f"guess {number}", remote="192.0.2.1") for number in range(20)]
    told = await asyncio.gather(*guesses, return_exceptions=True)
    assert [type(error) for error in told].count(WrongSignature) == 1 + WAITING_PER_ADDRESS
    assert [type(error) for error in told].count(Throttled) == 19 - WAITING_PER_ADDRESS
    assert await authenticator.by_password(ACCOUNT, "ada", "correct horse", remote="192.0.2.1")


async def test_the_same_password_at_once_is_verified_once(registry: Registry) -> None:
    """As a program does that makes many calls in parallel, each with its password."""
    authenticator = Authenticator(registry.store, VAULT)
    calls = [authenticator.by_password(ACCOUNT, "ada", "correct horse", remote="192.0.2.1") for _ in range(50)]
    assert {principal.user for principal in await asyncio.gather(*calls)} == {"ada"}


async def test_whoever_leaves_ends_it_for_nobody_else(registry: Registry) -> None:
    authenticator = Authenticator(registry.store, VAULT)
    first = asyncio.create_task(authenticator.by_password(ACCOUNT, "ada", "correct horse"))
    second = asyncio.create_task(authenticator.by_password(ACCOUNT, "ada", "correct horse"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).user == "ada"
