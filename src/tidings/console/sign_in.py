"""Signing in and out. Called by `console`, before there is a session. Says the same of an unknown user as of a wrong password, after the
same time; how often may be tried is `access/sign_in_limits`' question."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from tidings.access.sessions import SignedIn
from tidings.console.fields import Fields
from tidings.console.routing import ROOT, origin_of
from tidings.console.services import ConsoleServices
from tidings.dialects.contract import WireRequest
from tidings.domain.errors import NotAuthenticated, Throttled
from tidings.domain.model import AccountId

NOBODY = AccountId("-")
"""Where the password of a user of no account is looked up, so that finding out takes as long as for any other."""
_NAME_CHARACTERS_MAX = 128
_PASSWORD_CHARACTERS_MAX = 1_024
_WANTED_CHARACTERS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Refused:
    """Not signed in: why, and with which status."""

    status: int
    after_s: float = 0.0


async def sign_in(
    services: ConsoleServices, request: WireRequest, form: Fields, session: SignedIn | None = None
) -> SignedIn | Refused:
    """A session for who typed a right name and password; what is wrong is in the form's refusals. Empty account: the oldest.

    session: the one that the browser has, which ends.
    """
    account_name = form.text("account", "Account", characters_max=_NAME_CHARACTERS_MAX)
    user = form.text("user", "User", characters_max=_NAME_CHARACTERS_MAX, required=True)
    password = form.all("password")[0] if form.has("password") else ""
    if not password:
        form.refuse("password", "Password is needed.")
    elif len(password) > _PASSWORD_CHARACTERS_MAX:
        form.refuse("password", f"Password: at most {_PASSWORD_CHARACTERS_MAX} characters.")
    if not form.ok:
        return Refused(422)
    accounts, account = services.accounts, None
    try:
        account = await (accounts.find(account_name) if account_name else accounts.first())
        principal = await services.authenticator.by_password(
            account.account_id if account is not None else NOBODY, user, password, remote=request.remote
        )
        return await services.sessions.begin(principal, origin_of(request), instead_of=session)
    except NotAuthenticated:
        await accounts.trail.sign_in_failed(account.account_id if account else None, user, origin_of(request))
        form.refuse("password", "User and password do not match.")
        return Refused(401)
    except Throttled as error:
        form.refuse("password", "Too many attempts from your address. Wait a moment and try again.")
        return Refused(429, error.after_s)


def wanted_path(text: str) -> str:
    """Where to go after signing in: only a page of this console. `text` is what the form or link said."""
    if len(text) > _WANTED_CHARACTERS_MAX or not text.isascii() or not text.isprintable() or "\\" in text:
        return ROOT
    try:
        parts = urlsplit(text)
    except ValueError:
        return ROOT
    # A browser takes `/..` (and `/%2e%2e`) as the way up, and so out of the console.
    climbs = "/." in parts.path.lower().replace("%2e", ".")
    is_ours = parts.path == ROOT or (parts.path.startswith(f"{ROOT}/") and not climbs)
    if parts.scheme or parts.netloc or not is_ours or parts.path.startswith(f"{ROOT}/sign-"):
        return ROOT
    return text.partition("#")[0]
