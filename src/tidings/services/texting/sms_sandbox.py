"""The SMS sandbox of an account: numbers are added, verified by a one-time password that is texted to them, and deleted.

Called by SNS's actions. Whether an account is in it is the operator's (`services/accounts`); that its texts go to verified numbers only is
the store's, which the gate asks before each text. The password enters the flow like any text.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import replace

from tidings.domain.errors import InvalidToken, NotFound, QuotaExceeded, Throttled, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId, Kind, Message
from tidings.domain.optout import SmsType
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Clock, Store
from tidings.domain.sandbox import (
    CODE_DIGITS,
    NUMBERS_MAX,
    SENDS_WINDOW,
    SandboxNumber,
    code_text,
    may_delete,
    may_send,
    may_try,
)
from tidings.domain.unit import SandboxNumbersAre, Unit
from tidings.services.conflicts import retry_on_conflict

_READING = frozenset({Verb.READ_OPT_OUTS, Verb.MANAGE_OPT_OUTS})


class SmsSandbox:
    """`store`, `opt_outs`: one object. `new_message_id`: for the texts with passwords."""

    def __init__(self, store: Store, opt_outs: OptOutStore, clock: Clock, *, new_message_id: Callable[[], str]) -> None:
        self._store = store
        self._opt_outs = opt_outs
        self._clock = clock
        self._new_message_id = new_message_id
        self._changing = asyncio.Lock()  # spares conflicts: guesses and numbers are counted

    async def contains(self, account_id: AccountId) -> bool:
        """Whether the account is in the sandbox. No grant: read for the account's own texts."""
        return await self._opt_outs.sandbox_since(account_id) is not None

    async def numbers(self, grant: Grant) -> list[SandboxNumber]:
        """The account's numbers, by number."""
        grant.require(*_READING)
        return await self._opt_outs.sandbox_numbers(grant.owner)

    @retry_on_conflict
    async def add(self, grant: Grant, phone: str, language: str) -> None:
        """Text a one-time password to a number; one that is verified is left as it is.

        Raises WrongState (not in the sandbox), QuotaExceeded (numbers), Throttled (too many passwords to this number).
        """
        grant.require(Verb.MANAGE_OPT_OUTS)
        async with self._changing:
            if not await self.contains(grant.owner):
                raise WrongState("account", "not in the SMS sandbox", "add a number")
            guard = await self._as_read(grant)
            numbers = {number.phone: number for number in guard.numbers}
            known, now = numbers.get(phone), self._clock.now()
            if known is not None and known.verified_at is not None:
                return
            if known is None and len(numbers) >= NUMBERS_MAX:
                raise QuotaExceeded("sandbox numbers", NUMBERS_MAX)
            if not may_send(known, now):
                raise Throttled
            code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
            salt = secrets.token_bytes(16)
            begun, sends = now, 0
            if known is not None and now - known.created_at < SENDS_WINDOW:
                begun, sends = known.created_at, known.sends
            digest = await asyncio.to_thread(_digest, code, salt)
            number = SandboxNumber(grant.owner, phone, begun, now, sends + 1, salt, digest)
            text = Message(
                id=self._new_message_id(),
                kind=Kind.DIRECT,
                account_id=grant.owner,
                dialect="sns",
                accepted_at=self._clock.wall(),
                body=code_text(code, language),
                endpoint=phone,
                sms_type=SmsType.VERIFICATION_CODE.value,
            )
            await self._store.commit(Unit(sandbox_numbers=[number], messages=[text], guards=[guard]))

    @retry_on_conflict
    async def verify(self, grant: Grant, phone: str, code: str) -> None:
        """Take a number for verified by the password that was sent to it last. Raises NotFound, InvalidToken (wrong, or too late)."""
        grant.require(Verb.MANAGE_OPT_OUTS)
        async with self._changing:
            guard = await self._as_read(grant)
            number, now = _number(guard, phone), self._clock.now()
            if number.verified_at is not None:
                return
            if not may_try(number, now):
                raise InvalidToken("expired")
            digest = await asyncio.to_thread(_digest, code, number.salt)
            if not hmac.compare_digest(digest, number.digest):
                guess = replace(number, tries=number.tries + 1)
                await self._store.commit(Unit(sandbox_numbers=[guess], guards=[guard]))
                raise InvalidToken("wrong")
            await self._store.commit(Unit(sandbox_numbers=[replace(number, verified_at=now)], guards=[guard]))

    @retry_on_conflict
    async def delete(self, grant: Grant, phone: str) -> None:
        """Forget a number. Raises NotFound, WrongState (verified less than a day ago)."""
        grant.require(Verb.MANAGE_OPT_OUTS)
        async with self._changing:
            guard = await self._as_read(grant)
            if not may_delete(_number(guard, phone), self._clock.now()):
                raise WrongState("phone number", "verified less than 24 hours ago", "delete it")
            await self._store.commit(Unit(sandbox_numbers_deleted=[(grant.owner, phone)], guards=[guard]))

    async def _as_read(self, grant: Grant) -> SandboxNumbersAre:
        """The account's numbers now, which whatever is decided on them names."""
        return SandboxNumbersAre(grant.owner, tuple(await self._opt_outs.sandbox_numbers(grant.owner)))


def _number(read: SandboxNumbersAre, phone: str) -> SandboxNumber:
    for number in read.numbers:
        if number.phone == phone:
            return number
    raise NotFound("phone number", phone)


def _digest(code: str, salt: bytes) -> bytes:
    """Slow on purpose: there are only a million passwords."""
    return hashlib.scrypt(code.encode("utf-8", "replace"), salt=salt, n=2**13, r=8, p=1)
