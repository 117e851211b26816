"""Accounts, their users and access keys: made by the CLI, provisioning and the first start. Secrets are sealed, passwords
hashed with argon2; a new secret is returned once and never readable again. What a user's actions mean is `access.authorize`'s."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from tidings.domain.audit import Act, AuditEntry
from tidings.domain.errors import AlreadyExists, InvalidValue, NotFound
from tidings.domain.model import AccessKey, Account, AccountId, Origin, Role, User, Way
from tidings.domain.phone_ports import OptOutStore, TextStore
from tidings.domain.ports import Clock, Store, Vault
from tidings.domain.provisioned import Credential, Provisioned, Source
from tidings.domain.texts import CALLBACK_SECRET
from tidings.domain.unit import Unit
from tidings.services.audit import AuditTrail
from tidings.services.projects import Projects
from tidings.services.texting.numbers import check_provisioned
from tidings.services.texting.provisioned_sms import SmsDifference, WantedAddress, WantedApplication, described
from tidings.services.texting.provisioned_texts import TextsDifference, WantedSign, WantedTemplate
from tidings.services.texting.sms_warnings import missing_words

_ACCOUNT_ID = re.compile(r"[0-9]{12}\Z")
_PROJECT_ID = re.compile(r"[0-9a-f]{32}\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+=,-]{0,63}\Z")
_KEY_ID = re.compile(r"[A-Za-z0-9_]{4,128}\Z")
_ACTION = re.compile(r"(?:\*|(?=.{1,128}\Z)[A-Za-z0-9*?_-]*:[A-Za-z0-9:*?_-]*)\Z")
_ACTIONS_MAX = 64
SERVER = Origin(Way.SYSTEM, "server", via="server")
"""Who makes changes that nobody called for."""


@dataclass(frozen=True, slots=True)
class WantedUser:
    """`password` and `actions` stay as they are when None; empty `actions`: the role decides."""

    name: str
    role: Role = Role.OWNER
    password: str | None = None
    actions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class WantedKey:
    key_id: str
    secret: str
    user: str


@dataclass(frozen=True, slots=True)
class WantedAccount:
    """An account as a provisioning file describes it; what it does not name stays as it is."""

    account_id: str
    name: str
    project_id: str | None = None
    users: tuple[WantedUser, ...] = ()
    access_keys: tuple[WantedKey, ...] = ()
    sms_applications: tuple[WantedApplication, ...] = ()
    inbound_addresses: tuple[WantedAddress, ...] = ()
    sms_signs: tuple[WantedSign, ...] = ()
    sms_templates: tuple[WantedTemplate, ...] = ()
    sms_sandbox: bool | None = None


@dataclass(frozen=True, slots=True)
class WellKnown:
    """A credential that everybody knows. `is_meant`: a file or the settings gave it, and not developer mode."""

    kind: Credential
    account_id: AccountId
    name: str
    is_meant: bool


@dataclass(slots=True)
class Difference:
    """What applying would change, one line each, and the Unit that does it. `given`: what `source` gave before."""

    lines: list[str] = field(default_factory=list)
    unit: Unit = field(default_factory=Unit)
    sandboxes: list[tuple[AccountId, str, str]] = field(default_factory=list)  # account, before, after
    source: Source | None = None
    given: Mapping[tuple[Credential, AccountId, str], Provisioned] = field(default_factory=dict)


class Accounts:
    """`opt_outs`, `texts`: the store again, for those who apply what is provisioned of texts.
    `projects`: the accounts' names in SMN, which hears of changes by itself. `trail`: the audit trail. `origin`: who makes changes where a
    call does not say, for the trail."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        vault: Vault,
        *,
        opt_outs: OptOutStore | None = None,
        texts: TextStore | None = None,
        origin: Origin = SERVER,
    ) -> None:
        self.projects = Projects(store)
        self.trail = AuditTrail(store, clock)
        self._store = store
        self._opt_outs = opt_outs
        self._texts = texts
        self._clock = clock
        self._vault = vault
        self._origin = origin
        self._hasher = PasswordHasher()

    async def all(self) -> list[Account]:
        return await self._store.accounts()

    async def find(self, name_or_id: str) -> Account | None:
        """The account of that id (12 digits) or, failing that, of that name."""
        by_id = await self._store.account(name_or_id)
        if by_id is not None:
            return by_id
        return next((account for account in await self._store.accounts() if account.name == name_or_id), None)

    async def first(self) -> Account | None:
        """The oldest account: the one meant where a sign-in names none."""
        accounts = await self._store.accounts()
        return min(accounts, key=lambda account: (account.created_at, account.account_id), default=None)

    async def user(self, account_id: AccountId, name: str) -> User | None:
        return await self._store.user(account_id, name)

    async def users(self, account_id: AccountId) -> list[User]:
        return await self._store.users(account_id)

    async def has_password(self, user: User, password: str) -> bool:
        return await asyncio.to_thread(self._is_password, user.password_hash, password)

    async def access_keys(self, account_id: AccountId) -> list[AccessKey]:
        return await self._store.access_keys(account_id)

    async def create_account(
        self, name: str, *, account_id: str = "", project_id: str = "", origin: Origin | None = None
    ) -> Account:
        """Make an account; ids are random when not given. Raises InvalidValue, AlreadyExists."""
        account_id = account_id or "".join(secrets.choice("0123456789") for _ in range(12))
        if await self._store.account(account_id) is not None:
            raise AlreadyExists("account", account_id)
        if any(account.name == name for account in await self._store.accounts()):
            raise AlreadyExists("account", name)
        await self.apply((WantedAccount(account_id, name, project_id or None),), origin=origin)
        made = await self._store.account(account_id)
        assert made is not None
        return made

    async def create_user(
        self,
        account_id: AccountId,
        name: str,
        role: Role,
        password: str,
        *,
        actions: tuple[str, ...] = (),
        origin: Origin | None = None,
    ) -> User:
        """Make a user; an empty password cannot sign in. Raises InvalidValue, AlreadyExists, NotFound (account)."""
        if await self._store.user(account_id, name) is not None:
            raise AlreadyExists("user", name)
        account = await self._account(account_id)
        wanted = WantedUser(name, role, password or None, actions)
        await self.apply((WantedAccount(account.account_id, account.name, None, (wanted,)),), origin=origin)
        made = await self._store.user(account_id, name)
        assert made is not None
        return made

    async def set_user(
        self,
        account_id: AccountId,
        name: str,
        *,
        disabled: bool | None = None,
        password: str | None = None,
        role: Role | None = None,
        actions: tuple[str, ...] | None = None,
        origin: Origin | None = None,
    ) -> User:
        """Change what is given; the rest stays. Empty actions: the role decides. Raises NotFound, InvalidValue."""
        user = await self._store.user(account_id, name)
        if user is None:
            raise NotFound("user", name)
        if disabled is not None:
            user = replace(user, disabled=disabled)
        if password is not None:
            user = replace(user, password_hash=await asyncio.to_thread(self._hasher.hash, password))
        if role is not None:
            user = replace(user, role=role)
        if actions is not None:
            _check_actions(actions)
            user = replace(user, actions=actions)
        await self._commit(Unit(users=[user]), origin)
        return user

    async def create_key(
        self, account_id: AccountId, user_name: str, *, origin: Origin | None = None
    ) -> tuple[AccessKey, str]:
        """Make a random access key; the secret (second) is shown this once. Raises NotFound (user)."""
        if await self._store.user(account_id, user_name) is None:
            raise NotFound("user", user_name)
        key_id = "TD" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(18))
        secret = secrets.token_urlsafe(30)
        key = self._key(account_id, WantedKey(key_id, secret, user_name))
        await self._commit(Unit(access_keys=[key]), origin)
        return key, secret

    async def set_key(self, key_id: str, *, disabled: bool, origin: Origin | None = None) -> AccessKey:
        """Disable or enable a key. Raises NotFound."""
        key = await self._store.access_key(key_id)
        if key is None:
            raise NotFound("access key", key_id)
        key = replace(key, disabled=disabled)
        await self._commit(Unit(access_keys=[key]), origin)
        return key

    async def is_sandboxed(self, account_id: AccountId) -> bool:
        """Whether the account's topics text to verified numbers only."""
        assert self._opt_outs is not None, "made without the store of opt-outs"
        return await self._opt_outs.sandbox_since(account_id) is not None

    async def set_sandbox(self, account_id: AccountId, on: bool, *, origin: Origin | None = None) -> Account:
        """Put an account into the SMS sandbox, or take it out. Safe to repeat. Raises NotFound."""
        account = await self._account(account_id)
        wanted = WantedAccount(account_id, account.name, sms_sandbox=on)
        await self.apply((wanted,), origin=origin)
        return account

    async def _compare_sandbox(self, account_id: AccountId, wanted: bool, difference: Difference) -> None:
        if await self.is_sandboxed(account_id) is wanted:
            return
        now, state = self._clock.now(), ("off", "on") if wanted else ("on", "off")
        difference.lines.append(f"account {account_id}: change sms_sandbox={state[1]}")
        difference.unit.sandbox_accounts.append((account_id, now if wanted else None))
        difference.sandboxes.append((account_id, *state))

    async def keywords_missing(self, wanted: tuple[WantedAccount, ...]) -> list[str]:
        """For each inbound address that a provisioning file names: which words that always revoke consent it lacks, a sentence each.

        What the file leaves out is as it is in the store.
        """
        told = []
        opt_outs = self._opt_outs
        for account in wanted if opt_outs is not None else ():
            assert opt_outs is not None
            for address in account.inbound_addresses:
                stored = await opt_outs.inbound_address(AccountId(account.account_id), address.address)
                told.append(missing_words(described(stored, AccountId(account.account_id), address, self._clock.now())))
        return [sentence for sentence in told if sentence]

    async def apply(
        self,
        wanted: tuple[WantedAccount, ...],
        *,
        dry_run: bool = False,
        origin: Origin | None = None,
        source: Source | None = None,
    ) -> list[str]:
        """Bring accounts to the described state in one transaction; returns what changed (or would), a line each.

        source: who describes it. A password or secret that is the same as this source gave last is left as it is, because whoever
        changed it since meant to. Safe to repeat: nothing changes the second time. Raises InvalidValue.
        """
        difference = Difference(source=source)
        if source is not None:
            records = await self._store.provisioned()
            difference.given = {(it.kind, it.account_id, it.name): it for it in records if it.source is source}
        for account in wanted:
            await self._compare(account, difference)
        if self._opt_outs is not None:
            check_provisioned(await self._opt_outs.number_claims(), difference.unit)
        if (difference.lines or difference.unit.provisioned) and not dry_run:
            by = origin or self._origin
            difference.unit.audit += [
                AuditEntry(
                    account_id,
                    self._clock.now(),
                    "account.change",
                    account_id,
                    by,
                    before={"sms_sandbox": before},
                    after={"sms_sandbox": after},
                )
                for account_id, before, after in difference.sandboxes
            ]
            await self._commit(difference.unit, origin)
        return difference.lines

    async def _compare(self, wanted: WantedAccount, difference: Difference) -> None:
        _check(wanted)
        account_id = AccountId(wanted.account_id)
        stored = await self._store.account(account_id)
        project_id = wanted.project_id or (stored.project_id if stored else secrets.token_hex(16))
        account = Account(account_id, wanted.name, project_id, stored.created_at if stored else self._clock.now())
        if account != stored:
            difference.lines.append(f"account {account_id}: {'change' if stored else 'add'} name={wanted.name}")
            difference.unit.accounts.append(account)
        for user in wanted.users:
            await self._compare_user(account_id, user, difference)
        names = {user.name for user in wanted.users}
        for key in wanted.access_keys:
            if key.user not in names and await self._store.user(account_id, key.user) is None:
                raise InvalidValue("access_keys.user", "no such user in this account", key.user)
            await self._compare_key(account_id, key, difference)
        if wanted.sms_applications or wanted.inbound_addresses:
            assert self._opt_outs is not None, "made without the store of opt-outs"
            sms = SmsDifference(self._opt_outs, self._vault, self._clock.now(), difference.lines, difference.unit)
            applications = [await self._callback_secret(account_id, it, difference) for it in wanted.sms_applications]
            await sms.compare(account_id, applications, wanted.inbound_addresses)
        if wanted.sms_sandbox is not None:
            await self._compare_sandbox(account_id, wanted.sms_sandbox, difference)
        if wanted.sms_signs or wanted.sms_templates:
            assert self._texts is not None, "made without the store of texts"
            texts = TextsDifference(self._texts, self._clock.now(), difference.lines, difference.unit)
            await texts.compare(account_id, wanted.sms_signs, wanted.sms_templates)

    async def _compare_user(self, account_id: AccountId, wanted: WantedUser, difference: Difference) -> None:
        stored = await self._store.user(account_id, wanted.name)
        kept = await self._password(account_id, wanted, stored, difference)
        made_at = stored.created_at if stored else self._clock.now()
        actions = wanted.actions if wanted.actions is not None else stored.actions if stored else ()
        disabled = stored.disabled if stored else False
        user = User(account_id, wanted.name, wanted.role, kept, disabled, made_at, actions)
        if user != stored:
            told = f" actions={','.join(actions)}" if actions else ""
            difference.lines.append(
                f"user {account_id}/{wanted.name}: {'change' if stored else 'add'} role={wanted.role}{told}"
            )
            difference.unit.users.append(user)

    async def _password(
        self, account_id: AccountId, wanted: WantedUser, stored: User | None, difference: Difference
    ) -> str:
        """The hash to store."""
        kept = stored.password_hash if stored else ""
        if wanted.password is None:
            return kept
        given = difference.given.get((Credential.PASSWORD, account_id, wanted.name))
        if kept and given is not None and await self._is_same(given.digest, wanted.password):
            return kept
        if not await self._is_same(kept, wanted.password):
            kept = await asyncio.to_thread(self._hasher.hash, wanted.password)
        self._note(difference, Credential.PASSWORD, account_id, wanted.name, kept)
        return kept

    async def _callback_secret(
        self, account_id: AccountId, wanted: WantedApplication, difference: Difference
    ) -> WantedApplication:
        """Without a secret that was given before: it may have been rotated since."""
        secret = wanted.settings.get(CALLBACK_SECRET, "")
        if difference.source is None or not secret:
            return wanted
        assert self._opt_outs is not None
        given = difference.given.get((Credential.CALLBACK_SECRET, account_id, wanted.app_id))
        if given is not None and await self._is_same(given.digest, secret):
            if await self._opt_outs.sms_application(account_id, wanted.app_id) is None:
                return wanted
            rest = {name: value for name, value in wanted.settings.items() if name != CALLBACK_SECRET}
            return replace(wanted, settings=rest)
        digest = await asyncio.to_thread(self._hasher.hash, secret)
        self._note(difference, Credential.CALLBACK_SECRET, account_id, wanted.app_id, digest)
        return wanted

    async def _is_same(self, digest: str, value: str) -> bool:
        # In a thread: argon2 takes about 50 ms, and deliveries go on meanwhile.
        return await asyncio.to_thread(self._is_password, digest, value)

    def _note(self, difference: Difference, kind: Credential, account_id: AccountId, name: str, digest: str) -> None:
        if difference.source is not None:
            record = Provisioned(kind, account_id, name, difference.source, digest, self._clock.now())
            difference.unit.provisioned.append(record)

    async def _compare_key(self, account_id: AccountId, wanted: WantedKey, difference: Difference) -> None:
        stored = await self._store.access_key(wanted.key_id)
        if stored is not None and stored.account_id != account_id:
            raise InvalidValue("access_keys.id", "belongs to another account", wanted.key_id)
        given = difference.given.get((Credential.KEY_SECRET, account_id, wanted.key_id))
        if stored is not None and stored.user == wanted.user:
            is_there = self._vault.open(stored.sealed_secret) == wanted.secret.encode()
            if is_there and (given is not None or difference.source is None):
                return
            # Developer mode always has the secret that everybody knows.
            fixed = difference.source is Source.DEV
            if not is_there and given is not None and not fixed and await self._is_same(given.digest, wanted.secret):
                return
            if is_there:
                await self._note_secret(difference, account_id, wanted)
                return
        difference.lines.append(f"key {wanted.key_id}: {'change' if stored else 'add'} user={wanted.user}")
        difference.unit.access_keys.append(self._key(account_id, wanted))
        await self._note_secret(difference, account_id, wanted)

    async def _note_secret(self, difference: Difference, account_id: AccountId, wanted: WantedKey) -> None:
        if difference.source is not None:
            digest = await asyncio.to_thread(self._hasher.hash, wanted.secret)
            self._note(difference, Credential.KEY_SECRET, account_id, wanted.key_id, digest)

    async def still_well_known(self, key_id: str, secret: str, *, account_id: str, user: str) -> list[WellKnown]:
        """Which keys and passwords have developer mode's value `secret` and can be used. account_id, user: whom releases before gave
        it to without a record of it."""
        records = await self._store.provisioned()
        found: list[WellKnown] = []
        key = await self._store.access_key(key_id)
        if key is not None and not key.disabled and self._vault.open(key.sealed_secret) == secret.encode():
            name = Credential.KEY_SECRET, key.account_id, key_id
            found.append(WellKnown(*name, await self._is_meant(records, name, secret)))
        users = {
            (it.account_id, it.name) for it in records if it.kind is Credential.PASSWORD and it.source is Source.DEV
        }
        for owner, name_of_user in sorted({*users, (AccountId(account_id), user)}):
            stored = await self._store.user(owner, name_of_user)
            if stored is None or stored.disabled or not await self._is_same(stored.password_hash, secret):
                continue
            name = Credential.PASSWORD, owner, name_of_user
            found.append(WellKnown(*name, await self._is_meant(records, name, secret)))
        return found

    async def _is_meant(
        self, records: Sequence[Provisioned], name: tuple[Credential, AccountId, str], secret: str
    ) -> bool:
        """Whether somebody gave this value who is not developer mode."""
        others = [it for it in records if (it.kind, it.account_id, it.name) == name and it.source is not Source.DEV]
        return any([await self._is_same(it.digest, secret) for it in others])

    def _key(self, account_id: AccountId, wanted: WantedKey) -> AccessKey:
        sealed = self._vault.seal(wanted.secret.encode())
        return AccessKey(wanted.key_id, account_id, wanted.user, sealed, False, self._clock.now())

    def _is_password(self, stored: str, password: str) -> bool:
        try:
            return bool(stored) and self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False

    async def _account(self, account_id: AccountId) -> Account:
        account = await self._store.account(account_id)
        if account is None:
            raise NotFound("account", account_id)
        return account

    async def _commit(self, unit: Unit, origin: Origin | None) -> None:
        unit.act = Act(self._clock.now(), origin or self._origin)
        await self._store.commit(unit)


def _check(wanted: WantedAccount) -> None:
    if not _ACCOUNT_ID.match(wanted.account_id):
        raise InvalidValue("account_id", "12 digits", wanted.account_id)
    if not _NAME.match(wanted.name):
        raise InvalidValue("account name", "1 to 64 letters, digits and _.@+=,-", wanted.name)
    if wanted.project_id is not None and not _PROJECT_ID.match(wanted.project_id):
        raise InvalidValue("project_id", "32 lower-case hex digits", wanted.project_id)
    for user in wanted.users:
        if not _NAME.match(user.name):
            raise InvalidValue("user name", "1 to 64 letters, digits and _.@+=,-", user.name)
        _check_actions(user.actions or ())
    for key in wanted.access_keys:
        if not _KEY_ID.match(key.key_id):
            raise InvalidValue("access key id", "4 to 128 letters, digits and _", key.key_id)
        if len(key.secret) < 8:
            raise InvalidValue("access key secret", "at least 8 characters")


def _check_actions(actions: tuple[str, ...]) -> None:
    if len(actions) > _ACTIONS_MAX:
        raise InvalidValue("actions", f"at most {_ACTIONS_MAX} patterns")
    for action in actions:
        if not _ACTION.match(action):
            reason = "SERVICE:ACTION of at most 128 letters, digits and :_-, with * and ? as wildcards; or * alone"
            raise InvalidValue("actions", reason, action)
