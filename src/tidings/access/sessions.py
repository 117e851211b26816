"""Sessions of the console: who is signed in, where, and ending it. Called by the console and the native API.

A session is a random text in a cookie; its hash is a row, so ending it holds at once in every process on the same database. It ends too
when it was not used for a while, after its absolute life, and at once when the user is disabled or his password, role, actions or
keys change. Source: OWASP Session Management Cheat Sheet (session ids, idle and absolute time-outs).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256

from tidings.access.authenticate import principal_of
from tidings.access.sign_in_tokens import user_and_mark
from tidings.domain.audit import Action, AuditEntry
from tidings.domain.errors import NotFound, RequestExpired, UnknownCredential
from tidings.domain.model import AccountId, Origin, Principal
from tidings.domain.ports import Clock, Store
from tidings.domain.sessions import Session
from tidings.domain.unit import Unit

LIFE = timedelta(hours=12)
"""A working day."""
IDLE = timedelta(hours=1)
WRITTEN_EVERY = timedelta(minutes=1)
"""How often a use is written down at most."""
SESSIONS_MAX = 20
"""Of one user; one more ends the one that was used longest ago."""
_CHARACTERS_MAX = 128
_USER_AGENT_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that is good: the cookie's text, who it stands for, and its row."""

    text: str
    principal: Principal
    session: Session


class Sessions:
    """`idle`: how long a session may be unused; `life`: how long it lasts at most."""

    def __init__(self, store: Store, clock: Clock, *, idle: timedelta = IDLE, life: timedelta = LIFE) -> None:
        self._store = store
        self._clock = clock
        self._idle = idle
        self._life = life

    async def begin(self, principal: Principal, origin: Origin, *, instead_of: SignedIn | None = None) -> SignedIn:
        """A new session for a user who has just shown his password. instead_of: the session that the browser had, which ends.

        Raises UnknownCredential when the user is gone or disabled.
        """
        user, mark = await user_and_mark(self._store, principal.account_id, principal.user)
        now, text = self._clock.now(), secrets.token_urlsafe(32)
        expires_at, agent = now + self._life, origin.user_agent[:_USER_AGENT_CHARACTERS_MAX]
        ends_at = min(expires_at, now + self._idle)
        session = Session(
            _digest(text), user.account_id, user.name, mark, now, now, ends_at, expires_at, origin.remote_address, agent
        )
        origin = replace(origin, principal=principal.arn)
        gone = (await self._store.sessions(user.account_id, user.name))[SESSIONS_MAX - 1 :]
        entries = [AuditEntry(user.account_id, now, Action.SIGN_IN, user.name, origin)]
        entries += [self._ended(each, origin, "too many sessions") for each in gone if each.ends_at > now]
        if instead_of is not None and all(each.digest != instead_of.session.digest for each in gone):
            gone.append(instead_of.session)
            entries.append(self._ended(instead_of.session, origin, "signed in anew"))
        ended = [each.digest for each in gone]
        await self._store.commit(Unit(audit=entries, sessions_ended=ended, sessions_new=[session]))
        return SignedIn(text, principal_of(user), session)

    async def read(self, text: str, origin: Origin, *, is_use: bool = True) -> SignedIn:
        """The session of a cookie. is_use: somebody did something, so that it is not idle; written down at most once a minute.

        Raises UnknownCredential (not there, or the user is gone, disabled or changed) and RequestExpired.
        """
        session = await self._store.session(_digest(text)) if len(text) <= _CHARACTERS_MAX else None
        if session is None:
            raise UnknownCredential("session")
        now = self._clock.now()
        if session.ends_at <= now:
            raise RequestExpired("session")
        user, mark = await user_and_mark(self._store, session.account_id, session.user)
        if not hmac.compare_digest(mark, session.mark):
            raise UnknownCredential("session")
        if is_use and now - session.used_at >= WRITTEN_EVERY:
            session = replace(
                session,
                used_at=now,
                ends_at=min(session.expires_at, now + self._idle),
                remote_address=origin.remote_address,
                user_agent=origin.user_agent[:_USER_AGENT_CHARACTERS_MAX],
            )
            await self._store.commit(Unit(sessions_used=[session]))
        return SignedIn(text, principal_of(user), session)

    async def all(self, account_id: AccountId, user: str | None) -> list[Session]:
        """The sessions of a user, or of everybody in the account, that are good; the one used last first."""
        now = self._clock.now()
        found = [each for each in await self._store.sessions(account_id, user) if each.ends_at > now]
        marks = {name: await self._mark(account_id, name) for name in {each.user for each in found}}
        return [each for each in found if each.mark == marks[each.user]]

    async def sign_out(self, signed_in: SignedIn, origin: Origin) -> None:
        """End the session by its own user's wish. Safe to repeat."""
        session = signed_in.session
        entry = AuditEntry(session.account_id, self._clock.now(), Action.SIGN_OUT, session.user, origin)
        await self._store.commit(Unit(audit=[entry], sessions_ended=[session.digest]))

    async def end(self, account_id: AccountId, user: str | None, session_id: str, origin: Origin) -> Session:
        """End the session of that id; user: among whose sessions, None: anybody's in the account. Raises NotFound (session)."""
        found = [each for each in await self.all(account_id, user) if each.id == session_id]
        if not found:
            raise NotFound("session", session_id)
        await self._end(found, origin)
        return found[0]

    async def end_all(self, account_id: AccountId, user: str, origin: Origin, *, but: bytes = b"") -> int:
        """End a user's sessions, except the one of the digest `but`; returns how many there were."""
        found = [each for each in await self.all(account_id, user) if each.digest != but]
        if found:
            await self._end(found, origin)
        return len(found)

    async def _end(self, sessions: Sequence[Session], origin: Origin) -> None:
        entries = [self._ended(each, origin) for each in sessions]
        await self._store.commit(Unit(audit=entries, sessions_ended=[each.digest for each in sessions]))

    def _ended(self, session: Session, origin: Origin, why: str = "") -> AuditEntry:
        before = {"begun_at": session.begun_at.isoformat(), "remote_address": session.remote_address}
        at = self._clock.now()
        return AuditEntry(session.account_id, at, Action.SESSION_END, session.user, origin, before, detail=why)

    async def _mark(self, account_id: AccountId, name: str) -> bytes | None:
        try:
            return (await user_and_mark(self._store, account_id, name))[1]
        except UnknownCredential:
            return None


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()
