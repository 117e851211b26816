"""Whose number is it? What one account texts from is no other account's inbound address or sender, at every door."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import Result
from tests.support.build import ACCOUNT, OTHER_ACCOUNT
from tests.support.phones import ADMIN, NUMBER, PhoneApp, phone_app
from typer.testing import CliRunner

from tidings.cli.main import app as cli
from tidings.domain.errors import AlreadyExists, Conflict, Denied, InvalidValue
from tidings.domain.model import AccountId
from tidings.domain.optout import AddressKind, InboundAddress, NumberClaim, SmsApplication
from tidings.domain.unit import Unit
from tidings.services.texting.numbers import digits_of, same_number
from tidings.services.texting.texting import make_texting
from tidings.settings import load
from tidings.wiring import open_store

APP, SOURCE = "1400006666", "+12025550177"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[PhoneApp]:
    async with phone_app(tmp_path) as app:
        app.texting = make_texting(
            app.store,
            app.store,
            app.clock,
            app.metrics,
            new_message_id=app.new_id,
            texts=app.store,
            transport_senders={SOURCE},
        )
        yield app


async def add(app: PhoneApp, number: str, account: AccountId = ACCOUNT, country: str = "") -> None:
    kind = AddressKind.LONG_CODE if number.startswith("+") else AddressKind.SHORT_CODE
    grant = app.grant(account_id=account)
    await app.texting.addresses.add(grant, number, kind=kind, country=country, origin=ADMIN)


async def put(app: PhoneApp, sender: str, account: AccountId = ACCOUNT, app_id: str = APP) -> None:
    await app.texting.applications.put(app.grant(account_id=account), app_id, sender)


async def old_sender(app: PhoneApp, sender: str, account: AccountId, app_id: str = APP) -> None:
    """As a release before has stored it, or the operator."""
    await app.store.commit(Unit(sms_applications=[SmsApplication(account, app_id, sender, app.clock.now())]))


async def old_address(app: PhoneApp, number: str, account: AccountId) -> None:
    row = InboundAddress(0, account, number, AddressKind.LONG_CODE, app.clock.now())
    await app.store.commit(Unit(inbound_addresses_new=[row]))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (NUMBER, "12025550100", True),
        (NUMBER, "0012025550100", True),
        (NUMBER, "+1 (202) 555-0100", True),
        (NUMBER, "2025550100", True),
        ("+447700900001", "07700900001", True),
        ("24274", "24274", True),
        ("24274", "+4424274", False),
        (NUMBER, "+2025550100", False),
        (NUMBER, "+12025550101", False),
        ("MYCO", "MYCO", False),
        ("", "", False),
    ],
)
def test_spellings_of_one_number_are_known(one: str, other: str, same: bool) -> None:
    assert same_number(one, other) is same_number(other, one) is same


def test_a_name_is_no_number() -> None:
    assert [digits_of(text) for text in ("MYCO", "1-800-FLOWERS", "+", "12 Monkeys")] == [""] * 4


@pytest.mark.parametrize("spelling", [NUMBER, "12025550100", "0012025550100", "2025550100"])
async def test_what_one_account_texts_from_is_no_inbound_address_of_another(app: PhoneApp, spelling: str) -> None:
    await old_sender(app, spelling, ACCOUNT)
    with pytest.raises(AlreadyExists):
        await add(app, NUMBER, OTHER_ACCOUNT)
    assert await app.store.address_owner(NUMBER) is None
    await add(app, NUMBER)


async def test_the_first_account_does_not_take_numbers_of_others_either(app: PhoneApp) -> None:
    await old_sender(app, NUMBER, OTHER_ACCOUNT)
    with pytest.raises(AlreadyExists):
        await add(app, NUMBER)
    with pytest.raises(InvalidValue):
        await put(app, NUMBER)
    await add(app, NUMBER, OTHER_ACCOUNT)  # it texts from there, so it may hear there


@pytest.mark.parametrize("app_id", [APP, "topics"])
@pytest.mark.parametrize("spelling", [NUMBER, "12025550100", "2025550100"])
async def test_what_one_account_texts_from_is_no_sender_of_another(app: PhoneApp, app_id: str, spelling: str) -> None:
    await put(app, NUMBER, app_id=app_id)
    with pytest.raises(InvalidValue) as caught:
        await put(app, spelling, OTHER_ACCOUNT)
    assert caught.value.field == "sender"
    with pytest.raises(InvalidValue):
        await app.texting.applications.check_sender(OTHER_ACCOUNT, spelling)
    await app.texting.applications.check_sender(ACCOUNT, spelling)


async def test_only_the_operator_assigns_numbers(app: PhoneApp) -> None:
    for number in (NUMBER, SOURCE):
        with pytest.raises(Denied):
            await add(app, number, OTHER_ACCOUNT)
        with pytest.raises(InvalidValue):
            await put(app, number, OTHER_ACCOUNT)
    with pytest.raises(InvalidValue):
        await app.texting.applications.check_sender(OTHER_ACCOUNT, SOURCE)
    with pytest.raises(Denied):
        await add(app, "24274", OTHER_ACCOUNT, "US")
    await put(app, "MYCO", OTHER_ACCOUNT)  # a name is nobody's
    await add(app, SOURCE)
    await put(app, NUMBER)


async def test_a_number_that_was_assigned_may_be_taken_up_again(app: PhoneApp) -> None:
    await old_address(app, NUMBER, OTHER_ACCOUNT)
    await put(app, NUMBER, OTHER_ACCOUNT)
    grant = app.grant(account_id=OTHER_ACCOUNT)
    await app.texting.addresses.delete(grant, NUMBER, origin=ADMIN)
    await add(app, NUMBER, OTHER_ACCOUNT)
    await app.texting.addresses.delete(grant, NUMBER, origin=ADMIN)
    await put(app, "", OTHER_ACCOUNT)
    await add(app, NUMBER)  # it was given back, and somebody else has it now
    with pytest.raises(AlreadyExists):
        await add(app, NUMBER, OTHER_ACCOUNT)


async def test_the_database_decides_between_two_that_claim_a_number_at_once(app: PhoneApp) -> None:
    """One of them a provisioning file: another process."""
    await old_address(app, NUMBER, ACCOUNT)
    unit = Unit(
        sms_applications=[SmsApplication(OTHER_ACCOUNT, APP, NUMBER, app.clock.now())],
        numbers_claimed=[(OTHER_ACCOUNT, (NUMBER, NUMBER[1:]))],
    )
    with pytest.raises(Conflict):
        await app.store.commit(unit)
    assert await app.store.sms_application(OTHER_ACCOUNT, APP) is None


async def test_what_is_claimed_twice_already_goes_on_and_is_told(app: PhoneApp) -> None:
    await old_sender(app, NUMBER, ACCOUNT)
    await old_sender(app, "12025550100", OTHER_ACCOUNT)
    for account, sender in ((ACCOUNT, NUMBER), (OTHER_ACCOUNT, "12025550100")):
        await app.texting.applications.check_sender(account, sender)
        grant = app.grant(account_id=account)
        await app.texting.applications.put(grant, APP, sender, {"sns:Limit": "1"})
    ((one, other),) = await app.texting.numbers.contested()
    assert {one, other} == {NumberClaim(ACCOUNT, NUMBER, APP), NumberClaim(OTHER_ACCOUNT, "12025550100", APP)}


# --- provisioning and the doctor ------------------------------------------------------------------------------------------------

ACCOUNTS = f"""
[[account]]
name = "default"
account_id = "{ACCOUNT}"
{{}}
[[account]]
name = "other"
account_id = "{OTHER_ACCOUNT}"
{{}}
"""
_SENDER = "[[account.sms_application]]\nsdk_app_id = '1400006666'\nsender = '{}'\n"
_ADDRESS = "[[account.inbound_address]]\naddress = '{}'\n"


def command(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), env={"TIDINGS_DATA": str(folder / "data")})


def apply(folder: Path, first: str, second: str, *options: str) -> Result:
    (folder / "p.toml").write_text(ACCOUNTS.format(first, second))
    return command(folder, "apply", str(folder / "p.toml"), *options)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TIDINGS_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (_SENDER.format(NUMBER), _ADDRESS.format(NUMBER)),
        (_ADDRESS.format(NUMBER), _SENDER.format(NUMBER)),
        (_ADDRESS.format(NUMBER), _SENDER.format(NUMBER[1:])),
        (_SENDER.format(NUMBER), _SENDER.format(NUMBER)),
    ],
)
def test_a_file_that_gives_a_number_twice_is_refused(
    tmp_path: Path, first: str, second: str, options: tuple[str, ...]
) -> None:
    for one, two in ((first, second), (second, first)):
        result = apply(tmp_path, one, two, *options)
        assert (result.exit_code, "belongs to another account" in result.stderr) == (2, True), result.output


def test_a_number_that_is_taken_is_refused_and_may_be_moved_in_one_file(tmp_path: Path) -> None:
    assert apply(tmp_path, _SENDER.format(NUMBER), "").exit_code == 0
    refused = apply(tmp_path, "", _ADDRESS.format(NUMBER))
    assert refused.exit_code == 2
    assert f"{ACCOUNT}, sender of application 1400006666" in refused.stderr
    moved = apply(tmp_path, _SENDER.format(SOURCE), _ADDRESS.format(NUMBER))
    assert moved.exit_code == 0, moved.output
    assert apply(tmp_path, _SENDER.format("MYCO"), _SENDER.format("MYCO")).exit_code == 0


def test_the_doctor_tells_of_a_number_that_two_accounts_claim(tmp_path: Path) -> None:
    assert apply(tmp_path, _SENDER.format(NUMBER), _SENDER.format(SOURCE)).exit_code == 0
    assert "is claimed by" not in command(tmp_path, "doctor").stdout

    async def as_before() -> None:
        store, _ = await open_store(load({"data": str(tmp_path / "data")}, {}))
        found = await store.sms_application(OTHER_ACCOUNT, APP)
        assert found is not None
        row = SmsApplication(OTHER_ACCOUNT, APP, NUMBER, found.created_at)
        await store.commit(Unit(sms_applications=[row]))
        await store.close()

    asyncio.run(as_before())
    told = command(tmp_path, "doctor")
    assert told.exit_code == 1
    (line,) = [line for line in told.stdout.splitlines() if "is claimed by" in line]
    assert "default (sender of application 1400006666)" in line
    assert "other (sender of application 1400006666)" in line
    assert apply(tmp_path, _SENDER.format(NUMBER), _SENDER.format(NUMBER)).exit_code == 0  # what was, stays
