"""Provisioning as code: a TOML file of accounts, users, keys and senders of texts becomes what `services.accounts` applies.

Called by `tidings apply` and `tidings serve --provision`. Checks the file's form; the values themselves are checked by the
service. Whatever it does not know it refuses by name, so that a misspelled key never does nothing in silence.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from tidings.cli.formatting import show_json
from tidings.cli.running import (
    AsJson,
    CommandError,
    ConfigFile,
    DataDirectory,
    StoreUrl,
    origin,
    settings_from,
    told,
    with_accounts,
)
from tidings.domain.model import Role
from tidings.domain.optout import AddressKind, KeywordSet, SmsType
from tidings.domain.provisioned import Source
from tidings.domain.texts import CALLBACK_SECRET, CONSENT_URL, REPLY_URL, STATUS_URL, Reach
from tidings.services.accounts import Accounts, WantedAccount, WantedKey, WantedUser
from tidings.services.texting.provisioned_sms import WantedAddress, WantedApplication
from tidings.services.texting.provisioned_texts import WantedSign, WantedTemplate

_SMS_KEYS = ("sms_application", "inbound_address", "sms_sign", "sms_template")
_ACCOUNT_KEYS = ("name", "account_id", "project_id", "sms_sandbox", "users", "access_keys", *_SMS_KEYS)
_SETTINGS = {
    "status_url": STATUS_URL,
    "reply_url": REPLY_URL,
    "consent_url": CONSENT_URL,
    "callback_secret": CALLBACK_SECRET,
}
_SETS = {"opt_out": KeywordSet.OPT_OUT, "opt_in": KeywordSet.OPT_IN, "help": KeywordSet.HELP}
_ADDRESS_KEYS = (
    *("address", "kind", "country", "description", "rules"),
    *(f"{name}_{ending}" for name in _SETS for ending in ("keywords", "reply")),
)
_KINDS = {kind.value: kind for kind in AddressKind if kind is not AddressKind.ACCOUNT}
_TYPES = {sms_type.name.lower(): sms_type for sms_type in SmsType}
_WRONG_USAGE = 2


def read_provision(path: Path) -> tuple[WantedAccount, ...]:
    """The accounts that a provisioning file describes. Raises Problem with one line that names the place."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}", _WRONG_USAGE) from error
    except ValueError as error:
        raise CommandError(f"{path} is not TOML: {' '.join(str(error).split())}", _WRONG_USAGE) from error
    _only(table, ("account",), str(path))
    accounts = tuple(
        _account(entry, f"{path}: account {number}")
        for number, entry in enumerate(_tables(table, "account", str(path)), 1)
    )
    for field in ("account_id", "name"):
        values = [getattr(account, field) for account in accounts]
        if len(set(values)) != len(values):
            raise CommandError(f"{path}: two accounts have the same {field}", _WRONG_USAGE)
    for kind, names in (
        ("inbound_address", [it.address for account in accounts for it in account.inbound_addresses]),
        *(("sms_application", [it.app_id for it in account.sms_applications]) for account in accounts),
        *(("sms_sign", [it.content for it in account.sms_signs]) for account in accounts),
        *(("sms_template", [str(it.id) for it in account.sms_templates]) for account in accounts),
    ):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise CommandError(f"{path}: {kind} {twice} is named twice", _WRONG_USAGE)
    return accounts


def apply(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="TOML file of accounts, users, keys and senders of texts.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the difference.")] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Bring accounts to the state a file describes; safe to repeat."""
    options: dict[str, str | bool | int | None] = {"config": config, "data": data, "store": store}
    with told():
        wanted = read_provision(file)
        is_new = not settings_from(options).store_path.exists()
    by = replace(origin(), via="provisioning")

    async def work(accounts: Accounts) -> tuple[list[str], list[str]]:
        return await accounts.apply(
            wanted, dry_run=dry_run, origin=by, source=Source.APPLY
        ), await accounts.keywords_missing(wanted)

    with TemporaryDirectory() as nothing:
        if dry_run and is_new:  # the difference to an empty database, and none is left behind
            options |= {"data": nothing, "store": f"sqlite:///{nothing}/tidings.db"}
        lines, warnings = with_accounts(options, work, create=True)
    if as_json:
        show_json({"changes": lines, "applied": not dry_run, "warnings": warnings})
        return
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
    for line in lines:
        typer.echo(line)
    if not lines:
        typer.echo("nothing to change")
    elif dry_run:
        typer.echo("nothing was changed (--dry-run)")


def _account(entry: Mapping[str, Any], where: str) -> WantedAccount:
    _only(entry, _ACCOUNT_KEYS, where)
    return WantedAccount(
        _text(entry, "account_id", where),
        _text(entry, "name", where),
        _optional(entry, "project_id", where),
        tuple(_user(item, f"{where}, users") for item in _tables(entry, "users", where)),
        tuple(_key(item, f"{where}, access_keys") for item in _tables(entry, "access_keys", where)),
        tuple(_application(item, f"{where}, sms_application") for item in _tables(entry, "sms_application", where)),
        tuple(_address(item, f"{where}, inbound_address") for item in _tables(entry, "inbound_address", where)),
        tuple(_sign(item, f"{where}, sms_sign") for item in _tables(entry, "sms_sign", where)),
        tuple(_template(item, f"{where}, sms_template") for item in _tables(entry, "sms_template", where)),
        _switch(entry, "sms_sandbox", where),
    )


def _switch(entry: Mapping[str, Any], name: str, where: str) -> bool | None:
    value = entry.get(name)
    if value is not None and not isinstance(value, bool):
        raise CommandError(f"{where}: {name} must be true or false", _WRONG_USAGE)
    return value


def _user(entry: Mapping[str, Any], where: str) -> WantedUser:
    _only(entry, ("name", "password", "role", "actions"), where)
    role = _optional(entry, "role", where) or Role.OWNER.value
    if role not in {known.value for known in Role}:
        raise CommandError(f"{where}: role must be one of {', '.join(Role)}", _WRONG_USAGE)
    password, actions = _optional(entry, "password", where), _texts(entry, "actions", where)
    return WantedUser(_text(entry, "name", where), Role(role), password, actions)


def _key(entry: Mapping[str, Any], where: str) -> WantedKey:
    _only(entry, ("id", "secret", "user"), where)
    return WantedKey(_text(entry, "id", where), _text(entry, "secret", where), _text(entry, "user", where))


def _application(entry: Mapping[str, Any], where: str) -> WantedApplication:
    _only(entry, ("sdk_app_id", "sender", *_SETTINGS), where)
    settings = {known: _optional(entry, name, where) for name, known in _SETTINGS.items()}
    return WantedApplication(
        _text(entry, "sdk_app_id", where),
        _optional(entry, "sender", where),
        {known: value for known, value in settings.items() if value is not None},
    )


def _sign(entry: Mapping[str, Any], where: str) -> WantedSign:
    _only(entry, ("content", "international"), where)
    return WantedSign(_text(entry, "content", where), _reach(entry, where))


def _template(entry: Mapping[str, Any], where: str) -> WantedTemplate:
    _only(entry, ("id", "name", "content", "type", "international"), where)
    template_id = entry.get("id")
    if type(template_id) is not int:
        raise CommandError(f"{where}: id must be a number", _WRONG_USAGE)
    where = f"{where} {template_id}"
    sms_type = _text(entry, "type", where)
    if sms_type not in _TYPES:
        raise CommandError(f"{where}: type must be one of {', '.join(_TYPES)}", _WRONG_USAGE)
    name, content = _text(entry, "name", where), _text(entry, "content", where)
    return WantedTemplate(template_id, name, content, _TYPES[sms_type], _reach(entry, where))


def _reach(entry: Mapping[str, Any], where: str) -> Reach | None:
    international = entry.get("international")
    if international is None:
        return None
    if not isinstance(international, bool):
        raise CommandError(f"{where}: international must be true or false", _WRONG_USAGE)
    return Reach.GLOBAL if international else Reach.MAINLAND


def _address(entry: Mapping[str, Any], where: str) -> WantedAddress:
    address = _text(entry, "address", where)
    where = f"{where} {address}"
    _only(entry, _ADDRESS_KEYS, where)
    kind = _optional(entry, "kind", where)
    if kind is not None and kind not in _KINDS:
        raise CommandError(f"{where}: kind must be one of {', '.join(_KINDS)}", _WRONG_USAGE)
    words = {known: _texts(entry, f"{name}_keywords", where) for name, known in _SETS.items()}
    replies = {known: _optional(entry, f"{name}_reply", where) for name, known in _SETS.items()}
    return WantedAddress(
        address,
        _KINDS[kind] if kind is not None else None,
        _optional(entry, "country", where),
        _optional(entry, "description", where),
        {known: typed for known, typed in words.items() if typed is not None},
        {known: text for known, text in replies.items() if text is not None},
        _rules(entry.get("rules", {}), where),
    )


def _rules(value: object, where: str) -> dict[str, frozenset[SmsType]]:
    if not isinstance(value, dict):
        raise CommandError(f"{where}: rules must be a table of applications", _WRONG_USAGE)
    rules = {}
    for app_id in value:
        names = _texts(value, app_id, f"{where}, rules") or ()
        if not names or not _TYPES.keys() >= set(names):
            raise CommandError(f"{where}, rules: {app_id} takes a list of {', '.join(_TYPES)}", _WRONG_USAGE)
        rules[app_id] = frozenset(_TYPES[name] for name in names)
    return rules


def _only(entry: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in entry:
        if key not in known:
            raise CommandError(f"{where}: unknown key {key}", _WRONG_USAGE)


def _tables(entry: Mapping[str, Any], key: str, where: str) -> list[Mapping[str, Any]]:
    value = entry.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise CommandError(f"{where}: {key} must be a list of tables", _WRONG_USAGE)
    return value


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = _optional(entry, key, where)
    if not value:
        raise CommandError(f"{where}: {key} is missing", _WRONG_USAGE)
    return value


def _optional(entry: Mapping[str, Any], key: str, where: str) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise CommandError(f"{where}: {key} must be text in quotes", _WRONG_USAGE)
    return value


def _texts(entry: Mapping[str, Any], key: str, where: str) -> tuple[str, ...] | None:
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise CommandError(f"{where}: {key} must be a list of texts in quotes", _WRONG_USAGE)
    return tuple(value)
