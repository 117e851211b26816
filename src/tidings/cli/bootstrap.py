"""The first start: an account, a user and an access key, so that there is something to sign in with.

Called by `tidings serve` (and the demo) before the port opens. Takes plain values, writes through `services.accounts`. What was
random is returned once and never readable again; a later start finds what is there and changes only what it was given.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from tidings.domain.model import Account, AccountId, Role, User
from tidings.domain.provisioned import Credential, Source
from tidings.services.accounts import Accounts, WantedAccount, WantedKey, WantedUser

DEV_ACCOUNT_ID = "000000000000"
DEV_PROJECT_ID = "0123456789abcdef0123456789abcdef"
DEV_KEY_ID = "tidings"
DEV_SECRET = "tidings-dev-secret"  # noqa: S105  known to everybody on purpose; developer mode only
ACCOUNT_NAME = "default"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings say about the first account; None where they are silent."""

    dev: bool = False
    account_id: str | None = None
    project_id: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    username: str = "admin"
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """What may be shown now. `secret_access_key` and `password` are empty unless they are new or known to everybody.

    `project_id` and `account_name` (a token's domain) are what a client of SMN calls the account.
    """

    account_id: str
    access_key_id: str = ""
    secret_access_key: str = ""
    username: str = ""
    password: str = ""
    changes: tuple[str, ...] = ()
    project_id: str = ""
    account_name: str = ""

    def lines(self, region: str) -> list[str]:
        """For a terminal: ready to paste."""
        shown = []
        if self.secret_access_key:
            shown += [
                f"export AWS_ACCESS_KEY_ID={self.access_key_id}",
                f"export AWS_SECRET_ACCESS_KEY={self.secret_access_key}",
                f"export AWS_DEFAULT_REGION={region}",
            ]
        if self.password:
            shown.append(f"# user {self.username}, password {self.password}")
        if shown:
            shown.append(
                f"# SMN: project {self.project_id}, region {region}, user {self.username}, domain {self.account_name}"
            )
        return shown


async def bootstrap(accounts: Accounts, wanted: Wanted) -> Ready:
    """Make the first account where there is none, and bring it to what was given. Safe to repeat. Raises InvalidValue."""
    known = await accounts.all()
    account = _account_of(known, wanted)
    given_by = _source_of(wanted)
    if account is not None and given_by is None:  # a later start: what is there stays as somebody may have changed it
        return _nothing_new(account)
    user, password = await _user(accounts, account, wanted)
    key = _key(wanted, is_new=account is None)
    described = WantedAccount(
        account.account_id if account else _new_account_id(wanted),
        account.name if account else _free_name(known),
        account.project_id if account else wanted.project_id or _dev_project_id(known, wanted),
        (user,) if user else (),
        (key,) if key else (),
    )
    changes = await accounts.apply((described,), source=given_by)
    return Ready(
        described.account_id,
        key.key_id if key else "",
        key.secret if key and _may_show(key, wanted, changes) else "",
        wanted.username,
        password,
        tuple(changes),
        await accounts.projects.project_of(AccountId(described.account_id)),
        described.name,
    )


def _source_of(wanted: Wanted) -> Source | None:
    """Who gives a password or key now; None: what a first account gets is random."""
    if wanted.dev:
        return Source.DEV
    return None if wanted.access_key_id is None and wanted.password is None else Source.SETTINGS


def _may_show(key: WantedKey, wanted: Wanted, changes: Sequence[str]) -> bool:
    """Whether a key's secret is known to everybody, or is random and was made just now. One that the settings gave is not repeated."""
    is_new = any(line.startswith(f"key {key.key_id}:") for line in changes)
    return wanted.dev or (is_new and wanted.secret_access_key is None)


def _nothing_new(account: Account) -> Ready:
    return Ready(account.account_id, project_id=account.project_id, account_name=account.name)


def _account_of(known: list[Account], wanted: Wanted) -> Account | None:
    """The account that the settings mean: the one they name, developer mode's, or the oldest."""
    named = wanted.account_id or (DEV_ACCOUNT_ID if wanted.dev else None)
    if named is not None:
        return next((account for account in known if account.account_id == named), None)
    return min(known, key=lambda account: account.created_at, default=None)


def _new_account_id(wanted: Wanted) -> str:
    if wanted.account_id or wanted.dev:
        return wanted.account_id or DEV_ACCOUNT_ID
    return "".join(secrets.choice("0123456789") for _ in range(12))


def _dev_project_id(known: list[Account], wanted: Wanted) -> str | None:
    taken = any(account.project_id == DEV_PROJECT_ID for account in known)
    return DEV_PROJECT_ID if wanted.dev and not taken else None


def _free_name(known: list[Account]) -> str:
    taken = {account.name for account in known}
    names = (ACCOUNT_NAME, *(f"{ACCOUNT_NAME}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


async def _user(accounts: Accounts, account: Account | None, wanted: Wanted) -> tuple[WantedUser | None, str]:
    """The user to bring about, and its password if it is a new random one."""
    users = await accounts.users(account.account_id) if account else []
    stored = next((user for user in users if user.name == wanted.username), None)
    if wanted.dev and wanted.password is None:
        return await _dev_user(accounts, wanted.username, stored)
    if stored is not None:
        return WantedUser(stored.name, stored.role, wanted.password), ""
    password = wanted.password or secrets.token_urlsafe(15)
    return WantedUser(wanted.username, Role.OWNER, password), "" if wanted.password else password


async def _dev_user(accounts: Accounts, name: str, stored: User | None) -> tuple[WantedUser, str]:
    """With the password that everybody knows, unless somebody gave this user another one."""
    if stored is None or not stored.password_hash:
        return WantedUser(name, stored.role if stored else Role.OWNER, DEV_SECRET), DEV_SECRET
    is_known = await accounts.has_password(stored, DEV_SECRET)
    return WantedUser(name, stored.role), DEV_SECRET if is_known else ""


def _key(wanted: Wanted, *, is_new: bool) -> WantedKey | None:
    if wanted.access_key_id is not None and wanted.secret_access_key is not None:
        return WantedKey(wanted.access_key_id, wanted.secret_access_key, wanted.username)
    if wanted.dev:
        return WantedKey(DEV_KEY_ID, DEV_SECRET, wanted.username)
    if not is_new:
        return None
    key_id = "TD" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(18))
    return WantedKey(key_id, secrets.token_urlsafe(30), wanted.username)


async def well_known(accounts: Accounts, username: str) -> tuple[list[str], list[str]]:
    """What of developer mode's credentials can be used outside of it: what it made itself, and what somebody gave on purpose. Words."""
    found = await accounts.still_well_known(DEV_KEY_ID, DEV_SECRET, account_id=DEV_ACCOUNT_ID, user=username)
    told = [
        (
            f"access key {it.name}" if it.kind is Credential.KEY_SECRET else f"user {it.account_id}/{it.name}",
            it.is_meant,
        )
        for it in found
    ]
    return [name for name, meant in told if not meant], [name for name, meant in told if meant]
