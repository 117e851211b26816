"""Provisioning as code: a TOML file of accounts, users and keys becomes what `services.accounts` applies.

Called by `tidings apply` and `tidings serve --provision`. Checks the file's form; the values themselves are checked by the
service. Whatever it does not know it refuses by name, so that a misspelled key never does nothing in silence.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tidings.cli.running import AsJson, ConfigFile, DataDirectory, Problem, StoreUrl, with_accounts
from tidings.cli.showing import show_json
from tidings.domain.model import Role
from tidings.services.accounts import WantedAccount, WantedKey, WantedUser

_LATER = ("sms_application", "sms_sign", "sms_template", "inbound_address")
_ACCOUNT_KEYS = ("name", "account_id", "project_id", "users", "access_keys")
_WRONG_USAGE = 2


def read_provision(path: Path) -> tuple[WantedAccount, ...]:
    """The accounts that a provisioning file describes. Raises Problem with one line that names the place."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Problem(f"cannot read {path}: {error.strerror}", _WRONG_USAGE) from error
    except ValueError as error:
        raise Problem(f"{path} is not TOML: {' '.join(str(error).split())}", _WRONG_USAGE) from error
    _only(table, ("account",), str(path))
    accounts = tuple(
        _account(entry, f"{path}: account {number}")
        for number, entry in enumerate(_tables(table, "account", str(path)), 1)
    )
    for field in ("account_id", "name"):
        values = [getattr(account, field) for account in accounts]
        if len(set(values)) != len(values):
            raise Problem(f"{path}: two accounts have the same {field}", _WRONG_USAGE)
    return accounts


def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML file of accounts, users and keys.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the difference.")] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Bring accounts to the state a file describes; safe to repeat."""
    from tidings.cli.running import told

    with told():
        wanted = read_provision(file)
    lines = with_accounts(
        {"config": config, "data": data, "store": store}, lambda accounts: accounts.apply(wanted, dry_run=dry_run)
    )
    if as_json:
        show_json({"changes": lines, "applied": not dry_run})
        return
    for line in lines:
        typer.echo(line)
    if not lines:
        typer.echo("nothing to change")
    elif dry_run:
        typer.echo("nothing was changed (--dry-run)")


def _account(entry: Mapping[str, Any], where: str) -> WantedAccount:
    for key in _LATER:
        if key in entry:
            raise Problem(f"{where}: {key} is not offered by this version yet", _WRONG_USAGE)
    _only(entry, _ACCOUNT_KEYS, where)
    return WantedAccount(
        _text(entry, "account_id", where),
        _text(entry, "name", where),
        _optional(entry, "project_id", where),
        tuple(_user(item, f"{where}, users") for item in _tables(entry, "users", where)),
        tuple(_key(item, f"{where}, access_keys") for item in _tables(entry, "access_keys", where)),
    )


def _user(entry: Mapping[str, Any], where: str) -> WantedUser:
    _only(entry, ("name", "password", "role", "actions"), where)
    role = _optional(entry, "role", where) or Role.OWNER.value
    if role not in {known.value for known in Role}:
        raise Problem(f"{where}: role must be one of {', '.join(Role)}", _WRONG_USAGE)
    password, actions = _optional(entry, "password", where), _texts(entry, "actions", where)
    return WantedUser(_text(entry, "name", where), Role(role), password, actions)


def _key(entry: Mapping[str, Any], where: str) -> WantedKey:
    _only(entry, ("id", "secret", "user"), where)
    return WantedKey(_text(entry, "id", where), _text(entry, "secret", where), _text(entry, "user", where))


def _only(entry: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in entry:
        if key not in known:
            raise Problem(f"{where}: unknown key {key}", _WRONG_USAGE)


def _tables(entry: Mapping[str, Any], key: str, where: str) -> list[Mapping[str, Any]]:
    value = entry.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Problem(f"{where}: {key} must be a list of tables", _WRONG_USAGE)
    return value


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = _optional(entry, key, where)
    if not value:
        raise Problem(f"{where}: {key} is missing", _WRONG_USAGE)
    return value


def _optional(entry: Mapping[str, Any], key: str, where: str) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise Problem(f"{where}: {key} must be text in quotes", _WRONG_USAGE)
    return value


def _texts(entry: Mapping[str, Any], key: str, where: str) -> tuple[str, ...] | None:
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Problem(f"{where}: {key} must be a list of texts in quotes", _WRONG_USAGE)
    return tuple(value)
