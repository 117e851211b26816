"""The applications in whose name texts are sent: their default sender, and where what becomes of texts is told.

Called by front ends. A callback's secret is sealed as it comes in and never shown again; nobody is called back
here, and no dialect's own settings are understood, only kept.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Mapping

from tidings.domain.errors import Conflict, InvalidValue, NotFound, QuotaExceeded
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId
from tidings.domain.optout import TOPICS_APP, SmsApplication
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Clock, Store, Vault
from tidings.domain.texts import CALLBACK_SECRET, CONSENT_URL, REPLY_URL, STATUS_URL
from tidings.domain.unit import SmsApplicationsAre, Stale, Unit
from tidings.services import endpoints
from tidings.services.conflicts import retry_on_conflict
from tidings.services.quotas import Quotas
from tidings.services.texting.numbers import Numbers, forms_of
from tidings.wire.egress import check_url

READING = frozenset({Verb.READ_OPT_OUTS, Verb.MANAGE_OPT_OUTS, Verb.LIFT_OPT_OUTS})
"""Who may change opt-outs may see what was changed."""
URLS = (STATUS_URL, REPLY_URL, CONSENT_URL)
URL_CHARACTERS_MAX = 500
SECRET_CHARACTERS_MIN, SECRET_CHARACTERS_MAX = 8, 200
DIALECT_VALUE_CHARACTERS_MAX = 2_000

_APP_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_OF_A_DIALECT = re.compile(r"[a-z]{2,16}:[\x21-\x7e]{1,128}\Z")


class SmsApplications:
    """`store`, `opt_outs`: one object. `vault`: without one no callback's secret can be set."""

    def __init__(
        self,
        store: Store,
        opt_outs: OptOutStore,
        clock: Clock,
        numbers: Numbers,
        *,
        quotas: Quotas | None = None,
        vault: Vault | None = None,
    ) -> None:
        self._numbers = numbers
        self._store = store
        self._opt_outs = opt_outs
        self._clock = clock
        self._quotas = quotas or Quotas()
        self._vault = vault
        self._putting = asyncio.Lock()

    async def all(self, grant: Grant) -> list[SmsApplication]:
        """With `topics`, which every account has."""
        grant.require(*READING)
        found = await self._opt_outs.sms_applications(grant.owner)
        if all(application.app_id != TOPICS_APP for application in found):
            account = await self._store.account(grant.owner)
            made_at = self._clock.now() if account is None else account.created_at
            found = [SmsApplication(grant.owner, TOPICS_APP, "", made_at), *found]
        return found

    async def settings_of(self, account_id: AccountId, app_id: str) -> Mapping[str, str]:
        """What is set for an application, empty for one that nobody made. No grant: read for the account's own texts."""
        found = await self._opt_outs.sms_application(account_id, app_id)
        return {} if found is None else found.settings

    @retry_on_conflict
    async def put(
        self, grant: Grant, app_id: str, sender: str | None = None, settings: Mapping[str, str] | None = None
    ) -> SmsApplication:
        """Make an application, or change it. What is None or not named stays; an empty setting is removed. A callback's secret is
        given as it is, and sealed here.

        Raises InvalidValue (`app_id`, `sender`, or the name of a setting), QuotaExceeded.
        """
        grant.require(Verb.MANAGE_OPT_OUTS)
        check_application(app_id, sender, settings or {})
        wanted = sealed(settings or {}, self._vault)
        async with self._putting:  # spares conflicts; the guard is what keeps a change of another process
            there = await self._opt_outs.sms_applications(grant.owner)
            before = next((one for one in there if one.app_id == app_id), None)
            if before is None:
                limit = self._quotas.sms_applications_per_account
                if len(there) >= limit:
                    raise QuotaExceeded("applications", limit)
                before = SmsApplication(grant.owner, app_id, "", self._clock.now())
            unit = Unit(act=grant.act(self._clock.now()), guards=[SmsApplicationsAre(grant.owner, tuple(there))])
            if sender and sender != before.sender:
                # One that is claimed by another account since older releases may stay, so that the rest can be changed.
                await self._numbers.check_application_sender(grant, sender)
                unit.numbers_claimed.append((grant.owner, forms_of(sender)))
            application = SmsApplication(
                grant.owner,
                app_id,
                before.sender if sender is None else sender,
                before.created_at,
                merged(before.settings, wanted),
            )
            unit.sms_applications.append(application)
            try:
                await self._store.commit(unit)
            except Stale:
                raise
            except Conflict as error:  # claimed in this moment, by another process
                raise InvalidValue("sender", "belongs to somebody else", sender or "") from error
        return application

    async def check_sender(self, account_id: AccountId, sender: str) -> None:
        """Raises InvalidValue (sender) for another account's number: people's STOP would go there. No grant: nothing is told of it."""
        await self._numbers.check_text_sender(account_id, sender)

    async def require(self, grant: Grant, app_id: str) -> None:
        """Raises NotFound (application)."""
        grant.require(*READING)
        if app_id != TOPICS_APP and await self._opt_outs.sms_application(grant.owner, app_id) is None:
            raise NotFound("application", app_id)


def merged(before: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """The settings that result: an empty value removes."""
    return {name: value for name, value in {**before, **wanted}.items() if value}


def sealed(settings: Mapping[str, str], vault: Vault | None) -> dict[str, str]:
    """The settings as they are kept: the secret sealed, base64."""
    kept = dict(settings)
    secret = kept.get(CALLBACK_SECRET)
    if secret:
        assert vault is not None, "made without a vault"
        kept[CALLBACK_SECRET] = base64.b64encode(vault.seal(secret.encode())).decode()
    return kept


def is_secret(stored: str, secret: str, vault: Vault) -> bool:
    """Whether a kept secret is this one; False for one that another vault has sealed."""
    try:
        return vault.open(base64.b64decode(stored, validate=True)) == secret.encode()
    except ValueError:
        return False


def check_application(app_id: str, sender: str | None, settings: Mapping[str, str]) -> None:
    """Raises InvalidValue (`app_id`, `sender`, or the name of a setting)."""
    if not _APP_ID.match(app_id):
        raise InvalidValue("app_id", "1 to 64 letters, digits, - and _", app_id)
    if sender and not endpoints.is_sender(sender):
        raise InvalidValue("sender", "a number, or a sender id of at most 11 letters and digits", sender)
    for name, value in settings.items():
        if value:
            _check_setting(name, value)


def _check_setting(name: str, value: str) -> None:
    if name in URLS:
        _check_callback(name, value)
    elif name == CALLBACK_SECRET:
        # The value is left out of the error: it is a secret.
        if not SECRET_CHARACTERS_MIN <= len(value) <= SECRET_CHARACTERS_MAX or not value.isprintable():
            raise InvalidValue(
                name, f"{SECRET_CHARACTERS_MIN} to {SECRET_CHARACTERS_MAX} characters that can be printed"
            )
    elif not _OF_A_DIALECT.match(name):
        raise InvalidValue(name[:64], "no such setting of an application")
    elif len(value) > DIALECT_VALUE_CHARACTERS_MAX:
        raise InvalidValue(name, f"at most {DIALECT_VALUE_CHARACTERS_MAX} characters")


def _check_callback(name: str, url: str) -> None:
    """The form only: whether the address may be reached is asked when it is called."""
    if len(url) > URL_CHARACTERS_MAX or not url.lower().startswith(("http://", "https://")):
        raise InvalidValue(name, f"an http or https URL of at most {URL_CHARACTERS_MAX} characters", url)
    try:
        check_url(url)
    except ValueError as error:
        raise InvalidValue(name, str(error), url) from error
