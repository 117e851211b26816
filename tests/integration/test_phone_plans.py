"""Lists in the forms of other years and spellings, and the texts that they keep from people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.phones import ACCOUNT, NUMBER, Mast, PhoneApp, phone_app

from tidings.domain.errors import InvalidValue
from tidings.domain.optout import ACCOUNT_WIDE, AddressKind
from tidings.services.texting.optout_import import Listed, OptOutImport

BRITISH = "+447700900001"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[PhoneApp]:
    async with phone_app(tmp_path) as app:
        await app.add_number()
        await app.add_number(BRITISH, AddressKind.LONG_CODE)
        yield app


async def took(app: PhoneApp, *lines: tuple[str, str]) -> OptOutImport:
    taking = OptOutImport(app.store, app.store, app.clock, ACCOUNT)
    await taking.begin()
    listed = [Listed(phone, address, "list", None) for phone, address in lines]
    for line in listed:
        taking.check(line)
    await taking.take(listed)
    return taking


async def texted(app: PhoneApp, *phones: str) -> list[str]:
    for phone in phones:
        await app.send("news", phone=phone)
    await app.settled()
    assert isinstance(app.channel, Mast)
    return [sent.phone for sent in app.channel.sent]


@pytest.mark.parametrize(
    ("former", "current"),
    [
        ("+5215512345678", "+525512345678"),
        ("+541123456789", "+5491123456789"),
        ("+551187654321", "+5511987654321"),
        ("+22997123456", "+2290197123456"),
    ],
)
async def test_an_import_opts_out_the_person_under_every_form(app: PhoneApp, former: str, current: str) -> None:
    taking = await took(app, (former, ACCOUNT_WIDE), (current, ACCOUNT_WIDE))
    assert (taking.taken.added, taking.taken.known) == (1, 1)
    assert await texted(app, former, current) == []
    assert await app.opted_out_at(former) == await app.opted_out_at(current) == [ACCOUNT_WIDE]
    # Who opted in under one form is late for the list under the other.
    await app.receive("STOP", phone=former)
    await app.receive("START", phone=current)
    assert NUMBER not in await app.opted_out_at(former)


async def test_a_line_written_nationally_is_one_of_its_addresss_country(app: PhoneApp) -> None:
    await took(app, ("07700 900125", BRITISH), ("+44 7700-900126", ACCOUNT_WIDE), ("(202) 555-0188", NUMBER))
    assert await texted(app, "+447700900125", "+447700900126", "+12025550188", "+12025550189") == ["+12025550189"]
    with pytest.raises(InvalidValue, match="phone"):
        await took(app, ("07700 900127", ACCOUNT_WIDE))  # of which country?


async def test_texts_go_to_todays_form_and_never_to_what_no_plan_has(app: PhoneApp) -> None:
    assert await texted(app, "+5215512345678", "+4407700900125", "+999123456789", "+1202555") == [
        "+525512345678",
        "+447700900125",
    ]
