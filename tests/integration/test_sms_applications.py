"""Applications and their callbacks' settings, what is warned of, and addresses that may not be deleted yet. Real store and vault."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import ACCOUNT, NOW, OTHER_ACCOUNT, FakeClock, make_principal

from tidings.domain.errors import InvalidValue, QuotaExceeded, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.keywords import REQUIRED
from tidings.domain.model import NO_ID, Origin, Way
from tidings.domain.optout import (
    EVERY_TYPE,
    TOPICS_APP,
    AddressKind,
    BlockingRule,
    InboundAddress,
    KeywordSet,
    SmsApplication,
)
from tidings.domain.ports import Progress
from tidings.domain.texts import CALLBACK_SECRET, CONSENT_URL, REPLY_URL, STATUS_URL
from tidings.domain.unit import Unit
from tidings.flow.embedded import EmbeddedFlow
from tidings.observe.metrics import Metrics
from tidings.services.quotas import Quotas
from tidings.services.texting.inbound_addresses import kind_of
from tidings.services.texting.sms_warnings import WarnedKind, warnings_about
from tidings.services.texting.texting import Texting, make_texting
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault

APP, NUMBER, OTHER_NUMBER = "1400006666", "+12025550100", "+12025550199"
MANAGE = Grant(make_principal(ACCOUNT), Verb.MANAGE_OPT_OUTS, ACCOUNT, "*")
ADMIN = Origin(Way.CONSOLE)
HOOK = "https://hooks.example.com/status"


@dataclass
class Harness:
    store: SqliteStore
    flow: EmbeddedFlow
    clock: FakeClock
    vault: FileVault
    texting: Texting

    async def stored(self, app_id: str = APP) -> SmsApplication:
        found = await self.store.sms_application(ACCOUNT, app_id)
        assert found is not None
        return found


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    store = await SqliteStore.open(tmp_path / "tidings.db")
    flow = EmbeddedFlow.open(store.journal, backlog_max=100)
    clock, vault, quotas = FakeClock(), FileVault(b"v" * 32), Quotas(sms_applications_per_account=3)
    texting = make_texting(
        store, store, clock, Metrics(), new_message_id=lambda: "m", quotas=quotas, texts=store, vault=vault
    )
    yield Harness(store, flow, clock, vault, texting)
    await store.close()


# --- settings ----------------------------------------------------------------------------------------------------------------------


async def test_what_is_not_named_stays_and_an_empty_setting_is_removed(harness: Harness) -> None:
    put = harness.texting.applications.put
    made = await put(MANAGE, APP, NUMBER, {STATUS_URL: HOOK, REPLY_URL: "http://hooks.example.com/r", "sns:Limit": "1"})
    harness.clock.advance(60)
    changed = await put(MANAGE, APP, None, {REPLY_URL: "", CONSENT_URL: HOOK})
    assert (changed.sender, changed.created_at) == (NUMBER, made.created_at)
    assert changed.settings == {STATUS_URL: HOOK, CONSENT_URL: HOOK, "sns:Limit": "1"}
    assert (await put(MANAGE, APP, "")).settings == changed.settings
    assert (await harness.stored()).sender == ""


@pytest.mark.parametrize("sender", [OTHER_NUMBER, OTHER_NUMBER[1:]])
@pytest.mark.parametrize("app_id", [APP, TOPICS_APP])
async def test_another_accounts_number_is_no_applications_sender(harness: Harness, app_id: str, sender: str) -> None:
    address = InboundAddress(NO_ID, OTHER_ACCOUNT, OTHER_NUMBER, AddressKind.TEN_DLC, NOW)
    await harness.store.commit(Unit(inbound_addresses_new=[address]))
    with pytest.raises(InvalidValue, match="sender"):
        await harness.texting.applications.put(MANAGE, app_id, sender)
    await harness.texting.applications.put(MANAGE, app_id, NUMBER)


async def test_a_secret_is_kept_sealed(harness: Harness) -> None:
    await harness.texting.applications.put(MANAGE, APP, None, {CALLBACK_SECRET: "correct horse"})
    kept = (await harness.stored()).settings[CALLBACK_SECRET]
    assert "horse" not in kept
    assert harness.vault.open(base64.b64decode(kept)) == b"correct horse"
    await harness.texting.applications.put(MANAGE, APP, None, {CALLBACK_SECRET: ""})
    assert (await harness.stored()).settings == {}


async def test_changes_made_at_once_all_count(harness: Harness) -> None:
    settings = [{f"sns:Name{number}": str(number)} for number in range(20)]
    await asyncio.gather(*(harness.texting.applications.put(MANAGE, APP, None, one) for one in settings))
    assert len((await harness.stored()).settings) == 20


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({STATUS_URL: "ftp://hooks.example.com"}, STATUS_URL),
        ({REPLY_URL: "hooks.example.com"}, REPLY_URL),
        ({CONSENT_URL: "https://"}, CONSENT_URL),
        ({CONSENT_URL: "https://hooks.example.com/" + "x" * 500}, CONSENT_URL),
        ({CALLBACK_SECRET: "short"}, CALLBACK_SECRET),
        ({CALLBACK_SECRET: "with\nline"}, CALLBACK_SECRET),
        ({"color": "red"}, "color"),
        ({"sns:Limit": "x" * 2001}, "sns:Limit"),
    ],
)
async def test_a_setting_that_cannot_be_one_changes_nothing(
    harness: Harness, settings: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidValue) as caught:
        await harness.texting.applications.put(MANAGE, APP, NUMBER, settings)
    assert caught.value.field == field
    assert "short" not in str(caught.value) or field != CALLBACK_SECRET
    assert await harness.store.sms_application(ACCOUNT, APP) is None


async def test_there_is_an_end_to_how_many_applications_there_may_be(harness: Harness) -> None:
    for number in range(3):
        await harness.texting.applications.put(MANAGE, f"app{number}")
    with pytest.raises(QuotaExceeded):
        await harness.texting.applications.put(MANAGE, "app3")
    await harness.texting.applications.put(MANAGE, "app2", NUMBER)


# --- the way to answer stays open (CASL, section 11) --------------------------------------------------------------------------------


async def sent_from(harness: Harness, number: str) -> None:
    day = harness.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    await harness.flow.record(Progress(), Unit(senders_used={(ACCOUNT, number, day)}))


async def test_an_address_is_kept_open_for_sixty_days_after_its_last_text(harness: Harness) -> None:
    await harness.texting.addresses.add(MANAGE, NUMBER, kind=AddressKind.TEN_DLC, origin=ADMIN)
    await sent_from(harness, OTHER_NUMBER)
    await sent_from(harness, NUMBER)
    sent_at = harness.clock.now()
    for days in (0, 30, 60):
        harness.clock.time = sent_at + timedelta(days=days)
        with pytest.raises(WrongState, match="60 days"):
            await harness.texting.addresses.delete(MANAGE, NUMBER, origin=ADMIN)
    harness.clock.time = sent_at + timedelta(days=61)
    await harness.texting.addresses.delete(MANAGE, NUMBER, origin=ADMIN)
    assert await harness.texting.addresses.all(MANAGE) == []


async def test_an_address_in_use_is_deleted_by_whoever_insists(harness: Harness) -> None:
    await harness.texting.addresses.add(MANAGE, NUMBER, kind=AddressKind.TEN_DLC, origin=ADMIN)
    await sent_from(harness, NUMBER)
    await harness.texting.addresses.delete(MANAGE, NUMBER, origin=ADMIN, even_if_recent=True)
    assert await harness.texting.addresses.all(MANAGE) == []


# --- warnings ----------------------------------------------------------------------------------------------------------------------


def address(name: str = NUMBER, *words: str) -> InboundAddress:
    return InboundAddress(
        NO_ID, ACCOUNT, name, AddressKind.TEN_DLC, NOW, keywords={KeywordSet.OPT_OUT: words or REQUIRED}
    )


def application(sender: str = NUMBER, app_id: str = APP) -> SmsApplication:
    return SmsApplication(ACCOUNT, app_id, sender, NOW)


RULE = BlockingRule(ACCOUNT, NUMBER, APP, EVERY_TYPE)


def test_nothing_is_warned_of_where_all_is_well() -> None:
    assert warnings_about([address()], [RULE], [application()]) == []
    assert warnings_about([address()], [RULE], [application("")]) == []
    assert warnings_about([address()], [], [application("", TOPICS_APP)]) == []
    assert warnings_about([], [], []) == []


def test_keywords_without_a_rule_are_warned_of() -> None:
    found = warnings_about([address(), address(OTHER_NUMBER)], [RULE], [application()])
    assert [(one.kind, one.address, one.app_id) for one in found] == [(WarnedKind.NO_RULE, OTHER_NUMBER, "")]
    assert OTHER_NUMBER in found[0].text


@pytest.mark.parametrize("sender", ["ACME", OTHER_NUMBER])
def test_a_sender_at_which_nobody_hears_a_stop_is_warned_of(sender: str) -> None:
    found = warnings_about([address()], [RULE], [application(sender)])
    assert [(one.kind, one.app_id) for one in found] == [(WarnedKind.NOT_HEARD, APP)]
    assert sender in found[0].text


def test_an_application_that_no_opt_out_blocks_is_warned_of() -> None:
    found = warnings_about([address()], [RULE], [application(), application(app_id="other")])
    assert [(one.kind, one.app_id) for one in found] == [(WarnedKind.NOT_BLOCKED, "other")]


def test_without_any_address_no_sender_is_heard() -> None:
    found = warnings_about([], [], [application(""), application("", TOPICS_APP)])
    assert [(one.kind, one.app_id) for one in found] == [(WarnedKind.NOT_HEARD, APP)]


async def test_the_service_warns_of_its_own_account(harness: Harness) -> None:
    await harness.texting.applications.put(MANAGE, APP, NUMBER)
    assert [one.kind for one in await harness.texting.warnings.all(MANAGE)] == [WarnedKind.NOT_HEARD]
    await harness.texting.addresses.add(MANAGE, NUMBER, kind=AddressKind.TEN_DLC, app_ids=(APP,), origin=ADMIN)
    assert await harness.texting.warnings.all(MANAGE) == []


# --- kinds -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["800", "833", "844", "855", "866", "877", "888"])
def test_toll_free_numbers_are_known_by_their_beginning(code: str) -> None:
    assert kind_of(f"+1{code}5550100") is AddressKind.TOLL_FREE


@given(st.from_regex(r"[0-9]{3,8}", fullmatch=True))
def test_digits_alone_are_a_short_code(digits: str) -> None:
    assert kind_of(digits) is AddressKind.SHORT_CODE
    assert kind_of(f"+44{digits}") is AddressKind.LONG_CODE
