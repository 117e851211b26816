"""An account's defaults for texts are remembered for a moment, and forgotten when a change is announced, whoever made it."""

from __future__ import annotations

from typing import Any

from tests.support.build import ACCOUNT, NOW

from tidings.dialects.sns.sms_defaults import DEFAULT_TYPE, PREFIX, SmsDefaults
from tidings.domain.optout import TOPICS_APP, SmsApplication, SmsType
from tidings.domain.unit import Unit
from tidings.store.announcer import LocalAnnouncer

HOME = "us-east-1"


class Applications:
    """`meanwhile` happens while settings are being read."""

    def __init__(self) -> None:
        self.settings: dict[str, str] = {}
        self.meanwhile: Any = lambda: None
        self.asked = 0

    async def settings_of(self, account_id: str, app_id: str) -> dict[str, str]:
        self.asked += 1
        found = dict(self.settings)
        self.meanwhile()
        return found


def changed(app_id: str) -> Unit:
    return Unit(sms_applications=[SmsApplication(ACCOUNT, app_id, "", NOW)])


async def test_a_change_counts_at_once_whoever_made_it() -> None:
    applications: Any = Applications()
    announcer = LocalAnnouncer()
    defaults = SmsDefaults(applications, announcer, HOME)
    before = await defaults.of(ACCOUNT, HOME)
    assert before.sms_type == SmsType.MARKETING
    announcer.announce(changed("1400006666"))
    assert defaults.known(ACCOUNT, HOME) is before
    applications.settings = {PREFIX + DEFAULT_TYPE: "Transactional"}
    announcer.announce(changed(TOPICS_APP))
    assert defaults.known(ACCOUNT, HOME) is None
    assert (await defaults.of(ACCOUNT, HOME)).sms_type == SmsType.NOTIFICATION
    assert (await defaults.of(ACCOUNT, HOME)).sms_type == SmsType.NOTIFICATION
    assert applications.asked == 2


async def test_what_was_read_before_a_change_is_not_remembered_after_it() -> None:
    applications: Any = Applications()
    announcer = LocalAnnouncer()
    defaults = SmsDefaults(applications, announcer, HOME)
    applications.meanwhile = lambda: announcer.announce(changed(TOPICS_APP))
    await defaults.of(ACCOUNT, HOME)
    assert defaults.known(ACCOUNT, HOME) is None
