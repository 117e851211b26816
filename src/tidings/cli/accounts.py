"""`tidings account|user|key …`: who may use the server. Each command makes one call of `services.accounts` and shows the result."""

from __future__ import annotations

import enum
import secrets
import sys
from typing import Annotated, Any

import typer

from tidings.cli.formatting import show_json, show_table
from tidings.cli.running import AsJson, CommandError, ConfigFile, DataDirectory, StoreUrl, with_accounts
from tidings.domain.model import AccessKey, Account, AccountId, Role, User
from tidings.services.accounts import Accounts


class Switch(enum.StrEnum):
    """A yes or no of the command line."""

    ON = "on"
    OFF = "off"


account_app = typer.Typer(no_args_is_help=True, help="Accounts: who owns topics.")
user_app = typer.Typer(no_args_is_help=True, help="Users of an account: people and programs.")
key_app = typer.Typer(no_args_is_help=True, help="Access keys: what signs calls.")

AccountOption = Annotated[
    str | None,
    typer.Option("--account", metavar="ID", help="Account id or name; may be left out where there is only one."),
]
Actions = Annotated[
    list[str] | None,
    typer.Option(
        "--action", metavar="PATTERN", help="Such as 'sns:Publish' or 'smn:topic:*'; repeatable. In place of the role."
    ),
]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read it from standard input, where no process list shows it.")
]


@account_app.command("create")
def create_account(
    name: Annotated[str, typer.Argument(help="A name, unique on this server.")],
    account_id: Annotated[str, typer.Option("--id", metavar="DIGITS", help="12 digits; random if not given.")] = "",
    project_id: Annotated[
        str, typer.Option("--project", metavar="HEX", help="32 hex digits; random if not given.")
    ] = "",
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Make an account."""
    made = with_accounts(
        _options(config, data, store),
        lambda accounts: accounts.create_account(name, account_id=account_id, project_id=project_id),
        create=True,
    )
    _show(as_json, account_row(made), f"account {made.account_id} {made.name} made, project {made.project_id}")


@account_app.command("list")
def list_accounts(
    as_json: AsJson = False, config: ConfigFile = None, data: DataDirectory = None, store: StoreUrl = None
) -> None:
    """List all accounts."""
    rows = [account_row(account) for account in with_accounts(_options(config, data, store), lambda it: it.all())]
    _show_rows(as_json, ("account_id", "name", "project_id", "created_at"), rows)


@account_app.command("sandbox")
def set_sandbox(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account id or name.")],
    state: Annotated[Switch, typer.Argument(help="Whether it is in the sandbox.")],
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Put an account into the SMS sandbox, or take it out: in it, its topics text to verified numbers only."""

    async def work(accounts: Accounts) -> Account:
        return await accounts.set_sandbox(await _chosen(accounts, account), state is Switch.ON)

    changed = with_accounts(_options(config, data, store), work)
    where = "in" if state is Switch.ON else "out of"
    row = account_row(changed) | {"sms_sandbox": state is Switch.ON}
    _show(as_json, row, f"account {changed.account_id} {changed.name} is {where} the SMS sandbox")


@user_app.command("create")
def create_user(
    name: Annotated[str, typer.Argument(help="A name, unique in the account.")],
    role: Annotated[Role, typer.Option("--role", help="What the user may do.")] = Role.OPERATOR,
    account: AccountOption = None,
    password: Annotated[str | None, typer.Option("--password", help="Random, printed once, if not given.")] = None,
    password_stdin: PasswordStdin = False,
    action: Actions = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Make a user."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    chosen = password or secrets.token_urlsafe(15)

    async def work(accounts: Accounts) -> User:
        chosen_account = await _chosen(accounts, account)
        return await accounts.create_user(chosen_account, name, role, chosen, actions=tuple(action or ()))

    row = user_row(with_accounts(_options(config, data, store), work))
    told = "" if password else f"; its password, shown this once: {chosen}"
    _show(as_json, row | ({} if password else {"password": chosen}), f"user {name} made as {role.value}{told}")


@user_app.command("list")
def list_users(
    account: AccountOption = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """List the users of an account, or of all."""

    async def work(accounts: Accounts) -> list[User]:
        return [user for owner in await _some(accounts, account) for user in await accounts.users(owner)]

    rows = [user_row(user) for user in with_accounts(_options(config, data, store), work)]
    _show_rows(as_json, ("account_id", "name", "role", "disabled", "created_at", "actions"), rows)


@user_app.command("set")
def set_user(
    name: str,
    role: Annotated[Role | None, typer.Option("--role", help="What the user may do.")] = None,
    account: AccountOption = None,
    password: Annotated[str | None, typer.Option("--password", help="A new one.")] = None,
    password_stdin: PasswordStdin = False,
    action: Actions = None,
    no_actions: Annotated[bool, typer.Option("--no-actions", help="Let the role decide again.")] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Change a user; what is not given stays. A running server follows within two seconds."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")

    async def work(accounts: Accounts) -> User:
        if action and no_actions:
            raise CommandError("--action and --no-actions exclude each other", 2)
        if not (action or no_actions or role or password):
            raise CommandError("nothing to change: give --role, --password, --action or --no-actions", 2)
        actions = tuple(action) if action else () if no_actions else None
        owner = await _chosen(accounts, account)
        return await accounts.set_user(owner, name, role=role, password=password or None, actions=actions)

    _show(as_json, user_row(with_accounts(_options(config, data, store), work)), f"user {name} is changed")


@user_app.command("disable")
def disable_user(
    name: str,
    account: AccountOption = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Turn a user and its keys away."""
    _switch_user(name, account, True, as_json, _options(config, data, store))


@user_app.command("enable")
def enable_user(
    name: str,
    account: AccountOption = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Let a disabled user in again."""
    _switch_user(name, account, False, as_json, _options(config, data, store))


@key_app.command("create")
def create_key(
    user: Annotated[str, typer.Argument(help="The user that the key stands for.")],
    account: AccountOption = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Make an access key; its secret is shown this once."""

    async def work(accounts: Accounts) -> tuple[AccessKey, str]:
        return await accounts.create_key(await _chosen(accounts, account), user)

    key, secret = with_accounts(_options(config, data, store), work)
    if as_json:
        show_json(key_row(key) | {"secret_access_key": secret})
        return
    typer.echo(f"export AWS_ACCESS_KEY_ID={key.key_id}\nexport AWS_SECRET_ACCESS_KEY={secret}")


@key_app.command("list")
def list_keys(
    account: AccountOption = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """List the keys of an account, or of all; never their secrets."""

    async def work(accounts: Accounts) -> list[AccessKey]:
        return [key for owner in await _some(accounts, account) for key in await accounts.access_keys(owner)]

    rows = [key_row(key) for key in with_accounts(_options(config, data, store), work)]
    _show_rows(as_json, ("account_id", "key_id", "user", "disabled", "created_at"), rows)


@key_app.command("disable")
def disable_key(
    key_id: str, as_json: AsJson = False, config: ConfigFile = None, data: DataDirectory = None, store: StoreUrl = None
) -> None:
    """Turn a key away; a running server follows within two seconds."""
    _switch_key(key_id, True, as_json, _options(config, data, store))


@key_app.command("enable")
def enable_key(
    key_id: str, as_json: AsJson = False, config: ConfigFile = None, data: DataDirectory = None, store: StoreUrl = None
) -> None:
    """Let a disabled key in again."""
    _switch_key(key_id, False, as_json, _options(config, data, store))


def account_row(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.account_id,
        "name": account.name,
        "project_id": account.project_id,
        "created_at": account.created_at.isoformat(),
    }


def user_row(user: User) -> dict[str, Any]:
    return {
        "account_id": user.account_id,
        "name": user.name,
        "role": user.role.value,
        "actions": list(user.actions),
        "disabled": user.disabled,
        "created_at": user.created_at.isoformat(),
    }


def key_row(key: AccessKey) -> dict[str, Any]:
    return {
        "account_id": key.account_id,
        "key_id": key.key_id,
        "user": key.user,
        "disabled": key.disabled,
        "created_at": key.created_at.isoformat(),
    }


def _switch_user(
    name: str, account: str | None, disabled: bool, as_json: bool, options: dict[str, str | bool | int | None]
) -> None:
    async def work(accounts: Accounts) -> User:
        return await accounts.set_user(await _chosen(accounts, account), name, disabled=disabled)

    user = with_accounts(options, work)
    _show(as_json, user_row(user), f"user {name} is {'disabled' if disabled else 'enabled'}")


def _switch_key(key_id: str, disabled: bool, as_json: bool, options: dict[str, str | bool | int | None]) -> None:
    key = with_accounts(options, lambda accounts: accounts.set_key(key_id, disabled=disabled))
    _show(as_json, key_row(key), f"key {key_id} is {'disabled' if disabled else 'enabled'}")


async def _some(accounts: Accounts, wanted: str | None) -> list[AccountId]:
    if wanted is None:
        return [account.account_id for account in await accounts.all()]
    return [await _chosen(accounts, wanted)]


async def _chosen(accounts: Accounts, wanted: str | None) -> AccountId:
    """The account of that id or name, or the only one. Raises Problem."""
    known = await accounts.all()
    if wanted is None:
        if len(known) == 1:
            return known[0].account_id
        raise CommandError(f"there are {len(known)} accounts; say which one with --account", 2)
    for account in known:
        if wanted in (account.account_id, account.name):
            return account.account_id
    raise CommandError(f"account does not exist: {wanted}")


def _options(config: str | None, data: str | None, store: str | None) -> dict[str, str | bool | int | None]:
    return {"config": config, "data": data, "store": store}


def _show(as_json: bool, row: dict[str, Any], sentence: str) -> None:
    if as_json:
        show_json(row)
    else:
        typer.echo(sentence)


def _show_rows(as_json: bool, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    if as_json:
        show_json(rows)
    else:
        show_table(columns, [[_cell(row[column]) for column in columns] for row in rows])


def _cell(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)
