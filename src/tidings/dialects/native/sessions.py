"""Sessions of the console: who of the account is signed in, and ending them. Called by the router. Calls of this API have none."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from tidings.access.sessions import Sessions
from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.domain.grants import Verb
from tidings.domain.sessions import Session


class SessionRecord(Struct):
    """Somebody is signed in to the console."""

    id: Annotated[str, Meta(description="names the session; nobody can sign in with it")]
    user: str
    begun_at: datetime
    used_at: Annotated[datetime, Meta(description="the last use, to the minute")]
    ends_at: Annotated[datetime, Meta(description="when it ends if it is not used before")]
    remote_address: str
    user_agent: str


class SessionList(Struct):
    """All sessions, the one used last first; a user has 20 at most."""

    items: list[SessionRecord]


class SessionActions:
    GROUP = "accounts"

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @operation("GET", "/sessions", Verb.MANAGE_ACCOUNT, SessionList)
    async def list_sessions(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """Who of the account is signed in to the console."""
        found = await self._sessions.all(call.grant.owner, None)
        return codec.answer(SessionList([_record(session) for session in found]))

    @operation("DELETE", "/sessions/{session_id}", Verb.MANAGE_ACCOUNT, None, status=204, refusals=(404,))
    async def end_session(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """End a session of the console; its cookie works no more."""
        await self._sessions.end(call.grant.owner, None, call.path["session_id"], call.origin)
        return codec.nothing()


def _record(session: Session) -> SessionRecord:
    times = session.begun_at, session.used_at, session.ends_at
    return SessionRecord(session.id, session.user, *times, session.remote_address, session.user_agent)
