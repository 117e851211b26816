"""What a provisioning file says of who may be texted and how it is answered: applications, inbound addresses with their keywords, and
blocking rules. Signs and templates are `provisioned_texts`.

Called by `services.accounts`, which applies it in one transaction with everything else. Adds and changes what is named; nothing is
removed, and nobody's opt-out is touched. Editing one of these by API or console is `services.texting.optouts`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tidings.domain import keywords
from tidings.domain.errors import InvalidValue
from tidings.domain.model import NO_ID, AccountId, Event, LedgerEntry, Origin, TopicId, Way
from tidings.domain.optout import (
    TOPICS_APP,
    AddressKind,
    BlockingRule,
    InboundAddress,
    KeywordSet,
    SmsApplication,
    SmsType,
)
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Vault
from tidings.domain.texts import CALLBACK_SECRET
from tidings.domain.unit import Unit
from tidings.services import endpoints
from tidings.services.texting.inbound_addresses import (
    DEFAULT_REPLIES,
    DESCRIPTION_CHARACTERS_MAX,
    REPLY_CHARACTERS_MAX,
    kind_of,
)
from tidings.services.texting.sms_applications import check_application, is_secret, merged, sealed
from tidings.wire.plain_text import is_plain

_SHORT_CODE = re.compile(r"[0-9]{3,8}\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")


@dataclass(frozen=True, slots=True)
class WantedApplication:
    """`sender` stays as it is when None, and so does a setting that is not named; an empty one is removed. A callback's secret is given
    as it is."""

    app_id: str
    sender: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WantedAddress:
    """What is None or not named stays as it is; an empty reply means none. A new address starts with the default keywords and replies."""

    address: str
    kind: AddressKind | None = None
    country: str | None = None
    description: str | None = None
    keywords: Mapping[KeywordSet, tuple[str, ...]] = field(default_factory=dict)
    replies: Mapping[KeywordSet, str] = field(default_factory=dict)
    rules: Mapping[str, frozenset[SmsType]] = field(default_factory=dict)


class SmsDifference:
    """Compares one account's applications and addresses with the store; adds lines and rows to what is handed in."""

    def __init__(self, opt_outs: OptOutStore, vault: Vault, now: datetime, lines: list[str], unit: Unit) -> None:
        self._opt_outs = opt_outs
        self._vault = vault
        self._now = now
        self._lines = lines
        self._unit = unit

    async def compare(
        self, account_id: AccountId, applications: Sequence[WantedApplication], addresses: Sequence[WantedAddress]
    ) -> None:
        """Raises InvalidValue: a bad value, an address of another account, a rule for an application that is not there."""
        for application in applications:
            await self._application(account_id, application)
        apps = {application.app_id for application in applications}
        for address in addresses:
            await self._address(account_id, address)
            await self._rules(account_id, address, apps)

    async def _application(self, account_id: AccountId, wanted: WantedApplication) -> None:
        try:
            check_application(wanted.app_id, wanted.sender, wanted.settings)
        except InvalidValue as error:
            name = {"app_id": "sdk_app_id"}.get(error.field, error.field.replace("-", "_"))
            raise InvalidValue(name, error.reason, error.value) from error
        stored = await self._opt_outs.sms_application(account_id, wanted.app_id)
        before = stored or SmsApplication(account_id, wanted.app_id, "", self._now)
        sender = before.sender if wanted.sender is None else wanted.sender
        changed = {name: value for name, value in wanted.settings.items() if not self._is_set(before, name, value)}
        row = replace(before, sender=sender, settings=merged(before.settings, sealed(changed, self._vault)))
        if stored is not None and sender == stored.sender and not changed:
            return
        told = [f"sender={sender}"] if stored is None or sender != stored.sender else []
        told += [_told(name, value) for name, value in changed.items()]
        did = "change" if stored else "add"
        self._lines.append(f"sms application {account_id}/{row.app_id}: {did} {' '.join(told)}")
        self._unit.sms_applications.append(row)

    def _is_set(self, application: SmsApplication, name: str, value: str) -> bool:
        """A secret is sealed differently every time, so it is opened to be compared."""
        stored = application.settings.get(name, "")
        if name == CALLBACK_SECRET and stored and value:
            return is_secret(stored, value, self._vault)
        return stored == value

    async def _address(self, account_id: AccountId, wanted: WantedAddress) -> None:
        _check_address(wanted)
        stored = await self._opt_outs.inbound_address(account_id, wanted.address)
        if stored is None or stored.deleted_at is not None:
            await self._check_free(account_id, wanted.address)
        row = described(stored, account_id, wanted, self._now)
        try:
            keywords.check(row.keywords)
        except InvalidValue as error:
            raise InvalidValue(f"inbound_address {wanted.address}", error.reason) from error
        changes = _changes(stored, row)
        if stored is not None and not changes:
            return
        did = "add" if stored is None else "restore" if stored.deleted_at is not None else "change"
        self._lines.append(f"inbound address {account_id}/{row.address}: {did} {' '.join(changes)}".rstrip())
        if stored is None:
            self._unit.inbound_addresses_new.append(row)
        else:
            self._unit.inbound_addresses_changed.append(row)
        if stored is not None and stored.deleted_at is not None:
            self._unit.ledger.append(_restored(row, self._now))

    async def _check_free(self, account_id: AccountId, address: str) -> None:
        owner = await self._opt_outs.address_owner(address)
        taken = owner is not None and owner.account_id != account_id
        if taken or any(row.address == address for row in self._unit.inbound_addresses_new):
            raise InvalidValue("inbound_address", f"{address} belongs to another account", address)

    async def _rules(self, account_id: AccountId, wanted: WantedAddress, apps: set[str]) -> None:
        # A deleted address has kept its rules, but they are listed of live ones only: writing the same one again is harmless.
        rules = {rule.app_id: rule for rule in await self._live_rules(account_id, wanted.address)}
        for app_id, types in wanted.rules.items():
            known = app_id in apps or app_id == TOPICS_APP
            if not known and await self._opt_outs.sms_application(account_id, app_id) is None:
                raise InvalidValue("inbound_address.rules", f"no SMS application {app_id} in this account", app_id)
            rule = BlockingRule(account_id, wanted.address, app_id, types)
            if rule == rules.get(app_id):
                continue
            did = "change" if app_id in rules else "add"
            told = ",".join(sms_type.name.lower() for sms_type in sorted(types))
            self._lines.append(f"blocking rule {account_id}/{wanted.address}/{app_id}: {did} types={told}")
            self._unit.blocking_rules.append(rule)

    async def _live_rules(self, account_id: AccountId, address: str) -> list[BlockingRule]:
        return [rule for rule in await self._opt_outs.blocking_rules(account_id) if rule.address == address]


def _told(name: str, value: str) -> str:
    """A setting for people; of a secret only that there is one."""
    shown = "***" if value and name == CALLBACK_SECRET else value
    return f"{name.replace('-', '_')}={shown}"


def _new(account_id: AccountId, wanted: WantedAddress, now: datetime) -> InboundAddress:
    kind = wanted.kind or kind_of(wanted.address)
    return InboundAddress(
        NO_ID, account_id, wanted.address, kind, now, keywords=keywords.DEFAULTS, replies=DEFAULT_REPLIES
    )


def described(
    stored: InboundAddress | None, account_id: AccountId, wanted: WantedAddress, now: datetime
) -> InboundAddress:
    """The address as it is when the file is applied."""
    return _brought_to(stored or _new(account_id, wanted, now), wanted)


def _brought_to(row: InboundAddress, wanted: WantedAddress) -> InboundAddress:
    return replace(
        row,
        kind=wanted.kind or row.kind,
        country=wanted.country if wanted.country is not None else row.country,
        description=wanted.description if wanted.description is not None else row.description,
        keywords={**row.keywords, **{name: keywords.distinct(words) for name, words in wanted.keywords.items()}},
        replies={name: text for name, text in {**row.replies, **wanted.replies}.items() if text},
        deleted_at=None,
    )


def _restored(address: InboundAddress, now: datetime) -> LedgerEntry:
    """That the address blocks again whom it had blocked, as when it is added by a call."""
    return LedgerEntry(
        id=NO_ID,
        at=now,
        event=Event.RESTORED,
        account_id=address.account_id,
        topic_id=TopicId(0),
        topic_name="",
        region="",
        subscription_uid="",
        protocol="sms",
        endpoint="",
        before=None,
        after=None,
        origin=Origin(Way.SYSTEM, principal="provisioning"),
        detail="inbound address",
        address=address.address,
    )


def _changes(stored: InboundAddress | None, row: InboundAddress) -> list[str]:
    """What is new about an address, a word each; of texts only that they are."""
    told = []
    if stored is None or stored.kind is not row.kind:
        told.append(f"kind={row.kind.value}")
    if row.country != (stored.country if stored else ""):
        told.append(f"country={row.country}")
    if row.description != (stored.description if stored else ""):
        told.append(f"description={row.description!r}")
    for known in KeywordSet:
        words = tuple(row.keywords.get(known, ()))
        if words != tuple(stored.keywords.get(known, ()) if stored else keywords.DEFAULTS.get(known, ())):
            told.append(f"{known.value}={','.join(words)}")
        if row.replies.get(known, "") != (stored.replies if stored else DEFAULT_REPLIES).get(known, ""):
            told.append(f"{known.value}-reply")
    if stored is not None and stored.deleted_at is not None:
        told.append("(was deleted)")
    return told


def _is_number(address: str) -> bool:
    try:
        endpoints.phone_number(address)
    except InvalidValue:
        return False
    return True


def _check_address(wanted: WantedAddress) -> None:
    address, country = wanted.address, wanted.country
    if not _is_number(address) and not _SHORT_CODE.match(address):
        raise InvalidValue("inbound_address", f"{address!r} is neither E.164 nor the digits of a short code", address)
    if country is not None and not _COUNTRY.match(country):
        raise InvalidValue("inbound_address.country", "two capital letters (ISO 3166)", country)
    if not address.startswith("+") and not country:
        raise InvalidValue("inbound_address.country", f"the short code {address} belongs to a country: name it")
    if wanted.kind is AddressKind.ACCOUNT:
        raise InvalidValue("inbound_address.kind", "is not one of a number", wanted.kind)
    if wanted.kind is not None and (wanted.kind is AddressKind.SHORT_CODE) == address.startswith("+"):
        raise InvalidValue("inbound_address.kind", f"{address} is not a {wanted.kind.value}", wanted.kind)
    for app_id, types in wanted.rules.items():
        if not types:
            raise InvalidValue("inbound_address.rules", f"{app_id} names no type", app_id)
    _check_text("description", wanted.description or "", DESCRIPTION_CHARACTERS_MAX)
    for name, text in wanted.replies.items():
        _check_text(f"{name.value} reply", text, REPLY_CHARACTERS_MAX)


def _check_text(field_name: str, text: str, characters_max: int) -> None:
    if len(text) > characters_max or not is_plain(text, lines=True):
        reason = f"at most {characters_max} characters, without control characters"
        raise InvalidValue(f"inbound_address.{field_name}", reason, text)
