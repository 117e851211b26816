"""Who is signed in to the console: a user's own sessions, an owner's account's; ending one or all others."""

from __future__ import annotations

from tidings.console.routing import ROOT, Answer, Call, Moved, Route, Shown
from tidings.domain.errors import NotFound
from tidings.domain.grants import Verb

_SESSIONS = f"{ROOT}/sessions"


async def sessions(call: Call) -> Answer:
    """The sessions, the one used last first."""
    mine = call.session.session
    found = await call.services.sessions.all(mine.account_id, _whose(call))
    values = {
        "sessions": found,
        "mine": mine.id,
        "sees_everybody": _whose(call) is None,
        "has_others": any(each.user == mine.user and each.id != mine.id for each in found),
    }
    return Shown("sessions.html", "Sessions", values)


async def end(call: Call) -> Answer:
    """End one."""
    mine = call.session.session
    try:
        ended = await call.services.sessions.end(mine.account_id, _whose(call), call.path["id"], call.origin)
    except NotFound:
        return Moved(_SESSIONS, "That session had ended already.")
    return Moved(_SESSIONS, f"A session of {ended.user} was ended.")


async def end_others(call: Call) -> Answer:
    """End all of the user's own but this one."""
    mine = call.session.session
    count = await call.services.sessions.end_all(mine.account_id, mine.user, call.origin, but=mine.digest)
    return Moved(_SESSIONS, f"{count} other session{'' if count == 1 else 's'} of yours ended.")


def _whose(call: Call) -> str | None:
    """Whose sessions the caller may see and end; None: everybody's in the account."""
    return None if call.may(Verb.MANAGE_ACCOUNT) else call.principal.user


ROUTES = (
    Route("GET", "/sessions", sessions, None, "sessions", "sessions"),
    Route("POST", "/sessions/end-others", end_others, None, "sessions-end-others", "sessions"),
    Route("POST", "/sessions/{id}/end", end, None, "session-end", "sessions"),
)
