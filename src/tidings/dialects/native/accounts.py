"""The caller's account: its users and access keys. Called by the router.

One account never sees another; making accounts is the operator's (`tidings account`, provisioning). Nobody can lock
themselves out: the user and the key of the call itself cannot be disabled by it, nor can his actions be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec, shapes, views
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.dialects.native.topics import After, Limit
from tidings.domain.errors import Denied, InvalidValue, NotFound, WrongState
from tidings.domain.grants import Verb
from tidings.domain.model import AccessKey, Role, User
from tidings.services.accounts import Accounts

Row = TypeVar("Row")


class ListQuery(Struct):
    limit: Limit = 100
    after: After = ""


class AccountActions:
    GROUP = "accounts"

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @operation("GET", "/accounts", Verb.MANAGE_ACCOUNT, shapes.AccountPage)
    async def list_accounts(self, call: Call, query: ListQuery, _: Nothing) -> WireResponse:
        """The accounts that the caller manages: its own."""
        own = await self._accounts.find(call.grant.owner)
        rows = [views.account(own, await self._accounts.is_sandboxed(own.account_id))] if own is not None else []
        return _named_page("accounts", rows, query, lambda row: row.account_id, lambda row: row)

    @operation("PATCH", "/accounts/{name}", Verb.MANAGE_ACCOUNT, shapes.Account, refusals=(404,))
    async def change_account(self, call: Call, _: Nothing, body: shapes.AccountChange) -> WireResponse:
        """Put an account into the SMS sandbox, or take it out; a user of the first account may."""
        first = await self._accounts.first()
        if first is None or first.account_id != call.grant.owner:
            raise Denied(call.principal.arn, call.grant.verb.value, f"account/{call.path['name']}")
        account = await self._accounts.find(call.path["name"])
        if account is None:
            raise NotFound("account", call.path["name"])
        changed = await self._accounts.set_sandbox(account.account_id, body.sms_sandbox, origin=call.origin)
        return codec.answer(views.account(changed, body.sms_sandbox))

    @operation("GET", "/users", Verb.MANAGE_ACCOUNT, shapes.UserPage)
    async def list_users(self, call: Call, query: ListQuery, _: Nothing) -> WireResponse:
        """The account's users, by name."""
        rows = await self._accounts.users(call.grant.owner)
        return _named_page("users", rows, query, lambda row: row.name, views.user)

    @operation("POST", "/users", Verb.MANAGE_ACCOUNT, shapes.User, status=201, refusals=(409,))
    async def create_user(self, call: Call, _: Nothing, body: shapes.NewUser) -> WireResponse:
        """Make a user."""
        made = await self._accounts.create_user(
            call.grant.owner,
            body.name,
            Role(body.role),
            body.password or "",
            actions=tuple(body.actions or ()),
            origin=call.origin,
        )
        return codec.answer(views.user(made), 201)

    @operation("PATCH", "/users/{name}", Verb.MANAGE_ACCOUNT, shapes.User, refusals=(404, 409))
    async def change_user(self, call: Call, _: Nothing, body: shapes.UserChange) -> WireResponse:
        """Disable or enable a user, give a new password or other actions."""
        actions = tuple(body.actions) if isinstance(body.actions, list) else None
        if not isinstance(body.disabled, bool) and not body.password and actions is None:
            raise InvalidValue("body", "says nothing to change: give disabled, password or actions")
        user = await self._user_of(call)
        if user.name == call.principal.user and (body.disabled is True or actions is not None):
            raise WrongState("user", "the one calling", "disable it or change its actions")
        changed = await self._accounts.set_user(
            call.grant.owner,
            user.name,
            disabled=body.disabled if isinstance(body.disabled, bool) else None,
            password=body.password or None,
            actions=actions,
            origin=call.origin,
        )
        return codec.answer(views.user(changed))

    @operation("GET", "/access-keys", Verb.MANAGE_ACCOUNT, shapes.AccessKeyPage, name="listAccessKeys")
    async def list_keys(self, call: Call, query: ListQuery, _: Nothing) -> WireResponse:
        """The account's access keys, by id, without their secrets."""
        rows = await self._accounts.access_keys(call.grant.owner)
        return _named_page("access-keys", rows, query, lambda row: row.key_id, views.access_key)

    @operation(
        "POST",
        "/access-keys",
        Verb.MANAGE_ACCOUNT,
        shapes.MadeKey,
        name="createAccessKey",
        status=201,
        refusals=(404,),
    )
    async def create_key(self, call: Call, _: Nothing, body: shapes.NewKey) -> WireResponse:
        """Make an access key; the answer is the only place that ever shows its secret."""
        key, secret = await self._accounts.create_key(call.grant.owner, body.user, origin=call.origin)
        made = shapes.MadeKey(
            key_id=key.key_id, user=key.user, disabled=key.disabled, created_at=key.created_at, secret=secret
        )
        return codec.answer(made, 201)

    @operation(
        "PATCH",
        "/access-keys/{key_id}",
        Verb.MANAGE_ACCOUNT,
        shapes.AccessKey,
        name="changeAccessKey",
        refusals=(404, 409),
    )
    async def change_key(self, call: Call, _: Nothing, body: shapes.KeyChange) -> WireResponse:
        """Disable or enable an access key."""
        key = await self._key_of(call)
        if body.disabled and key.key_id == call.principal.key_id:
            raise WrongState("access key", "the one calling", "disable it")
        changed = await self._accounts.set_key(key.key_id, disabled=body.disabled, origin=call.origin)
        return codec.answer(views.access_key(changed))

    async def _user_of(self, call: Call) -> User:
        """The account's user that the path names. Found among the account's own, so that no odd name reaches the store."""
        name = call.path["name"]
        found = next((user for user in await self._accounts.users(call.grant.owner) if user.name == name), None)
        if found is None:
            raise NotFound("user", name)
        return found

    async def _key_of(self, call: Call) -> AccessKey:
        """The account's key that the path names; another account's does not exist here."""
        key_id = call.path["key_id"]
        found = next((key for key in await self._accounts.access_keys(call.grant.owner) if key.key_id == key_id), None)
        if found is None:
            raise NotFound("access key", key_id)
        return found


def _named_page(
    listed: str, rows: Sequence[Row], query: ListQuery, name: Callable[[Row], str], view: Callable[[Row], object]
) -> WireResponse:
    """A page of rows that the store gives all at once, by name."""
    after = codec.read_cursor(listed, query.after) if query.after else ""
    following = sorted((row for row in rows if name(row) > after), key=name)
    return codec.page(listed, following[: query.limit + 1], query.limit, name, view)
