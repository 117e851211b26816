"""Users and keys of the account, to look at. No secret is readable here or anywhere; the command line and the API change them."""

from __future__ import annotations

from tidings.console.routing import Answer, Call, Route, Shown
from tidings.domain.grants import Verb


async def account(call: Call) -> Answer:
    """The account's names, users and access keys."""
    accounts, owner = call.services.accounts, call.grant.owner
    values = {
        "users": sorted(await accounts.users(owner), key=lambda user: user.name),
        "keys": sorted(await accounts.access_keys(owner), key=lambda key: (key.user, key.key_id)),
    }
    return Shown("account.html", "Users and keys", values)


ROUTES = (Route("GET", "/account", account, Verb.MANAGE_ACCOUNT, "account", "accounts"),)
