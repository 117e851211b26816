"""An account's default type of texts, as SetSMSAttributes left it. Read by `publish`, kept by `sms_attributes`.

Source: SNS API reference, SetSMSAttributes (DefaultSMSType).
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from tidings.dialects.sns.limits import SMS_TYPE_DEFAULT, SMS_TYPES
from tidings.domain.model import AccountId
from tidings.domain.optout import TOPICS_APP
from tidings.services.optouts import OptOuts

PREFIX = "sns:"
"""Before the names of SNS's attributes among an application's settings."""
DEFAULT_TYPE = "DefaultSMSType"
KEEP_S = 2.0
"""Another process may change the default."""
KEPT_MAX = 10_000


class SmsDefaults:
    """Each account's default type of texts, remembered for a moment: it is asked for at every publish."""

    def __init__(self, opt_outs: OptOuts, monotonic_s: Callable[[], float] = monotonic) -> None:
        self._opt_outs = opt_outs
        self._monotonic_s = monotonic_s
        self._kept: dict[AccountId, tuple[float, int]] = {}

    async def of(self, account_id: AccountId) -> int:
        kept = self._kept.get(account_id)
        if kept is not None and kept[0] > self._monotonic_s():
            return kept[1]
        settings = await self._opt_outs.settings_of(account_id, TOPICS_APP)
        found = SMS_TYPES[settings.get(PREFIX + DEFAULT_TYPE, SMS_TYPE_DEFAULT)].value
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[account_id] = (self._monotonic_s() + KEEP_S, found)
        return found

    def forget(self, account_id: AccountId) -> None:
        self._kept.pop(account_id, None)
