"""What an account has set for its texts in one region, as SetSMSAttributes left it. Read by `publish`, kept by `sms_attributes`.

Kept with the application in whose name texts of topics are sent: those of the home region under their bare names, its default sender
as the application's own; those of other regions with the region before the name.
Source: SNS API reference, SetSMSAttributes; that each region has its own as recorded from the live service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic

from tidings.dialects.sns.limits import SMS_TYPE_DEFAULT, SMS_TYPES
from tidings.domain.model import AccountId
from tidings.domain.optout import TOPICS_APP
from tidings.domain.ports import Announcer
from tidings.domain.ttl_cache import TtlCache
from tidings.domain.unit import Unit
from tidings.services.texting.sms_applications import SmsApplications

PREFIX = "sns:"
"""Before the names of SNS's attributes among an application's settings."""
DEFAULT_TYPE = "DefaultSMSType"
DEFAULT_SENDER_ID = "DefaultSenderID"
KEEP_S = 2.0
"""A command of an administrator may change the default, from a process of its own."""
KEPT_MAX = 10_000


def prefix_of(region: str, home_region: str) -> str:
    """What stands before the names of a region's attributes."""
    return PREFIX if region == home_region else f"{PREFIX}{region}:"


def of_region(settings: Mapping[str, str], prefix: str) -> dict[str, str]:
    """A region's attributes by their names. prefix: see `prefix_of`."""
    start = len(prefix)
    return {
        name[start:]: value for name, value in settings.items() if name.startswith(prefix) and ":" not in name[start:]
    }


@dataclass(frozen=True, slots=True)
class SmsDefault:
    """What a text is that says nothing of itself. sender: empty where the account's own counts."""

    sms_type: int
    sender: str


class SmsDefaults:
    """Each account's defaults by region, remembered for a moment: they are asked for at every publish."""

    def __init__(
        self,
        applications: SmsApplications,
        announcer: Announcer,
        home_region: str,
        monotonic_s: Callable[[], float] = monotonic,
    ) -> None:
        self._applications = applications
        self._home_region = home_region
        # Wrong after a change of the application: cleared when one is announced; one that nobody announces counts when its time is over.
        self._recent: TtlCache[tuple[AccountId, str], SmsDefault] = TtlCache(
            KEEP_S, size_max=KEPT_MAX, monotonic_s=monotonic_s
        )
        announcer.listen(self._apply)

    def _apply(self, unit: Unit) -> None:
        if any(application.app_id == TOPICS_APP for application in unit.sms_applications):
            self._recent.forget_all()

    def known(self, account_id: AccountId, region: str) -> SmsDefault | None:
        """Those looked up a moment ago: the hot path's way, without awaiting."""
        return self._recent.get((account_id, region))

    async def of(self, account_id: AccountId, region: str) -> SmsDefault:
        recent = self.known(account_id, region)
        if recent is not None:
            return recent
        changes = self._recent.changes
        settings = await self._applications.settings_of(account_id, TOPICS_APP)
        own = of_region(settings, prefix_of(region, self._home_region))
        sms_type = SMS_TYPES[own.get(DEFAULT_TYPE, SMS_TYPE_DEFAULT)].value
        found = SmsDefault(sms_type, own.get(DEFAULT_SENDER_ID, ""))
        self._recent.keep((account_id, region), found, changes)
        return found
