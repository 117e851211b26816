"""Lists in the forms of other years and spellings, and the texts that they keep from people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.phones import ACCOUNT, NUMBER, Mast, PhoneHouse, phone_house

from tidings.domain.errors import InvalidValue
from tidings.domain.optout import ACCOUNT_WIDE, AddressKind
from tidings.services.optout_import import Listed, OptOutImport

BRITISH = "+447700900001"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[PhoneHouse]:
    async with phone_house(tmp_path) as house:
        await house.add_number()
        await house.add_number(BRITISH, AddressKind.LONG_CODE)
        yield house


async def took(house: PhoneHouse, *lines: tuple[str, str]) -> OptOutImport:
    taking = OptOutImport(house.store, house.store, house.clock, ACCOUNT)
    await taking.begin()
    listed = [Listed(phone, address, "list", None) for phone, address in lines]
    for line in listed:
        taking.check(line)
    await taking.take(listed)
    await taking.end()
    return taking


async def texted(house: PhoneHouse, *phones: str) -> list[str]:
    for phone in phones:
        await house.send("news", phone=phone)
    await house.settled()
    assert isinstance(house.channel, Mast)
    return [sent.phone for sent in house.channel.sent]


@pytest.mark.parametrize(
    ("former", "current"),
    [
        ("+5215512345678", "+525512345678"),
        ("+541123456789", "+5491123456789"),
        ("+551187654321", "+5511987654321"),
        ("+22997123456", "+2290197123456"),
    ],
)
async def test_an_import_opts_out_the_person_under_every_form(house: PhoneHouse, former: str, current: str) -> None:
    taking = await took(house, (former, ACCOUNT_WIDE), (current, ACCOUNT_WIDE))
    assert (taking.taken.added, taking.taken.known) == (1, 1)
    assert await texted(house, former, current) == []
    assert await house.opted_out_at(former) == await house.opted_out_at(current) == [ACCOUNT_WIDE]
    # Who opted in under one form is late for the list under the other.
    await house.hear("STOP", phone=former)
    await house.hear("START", phone=current)
    assert NUMBER not in await house.opted_out_at(former)


async def test_a_line_written_nationally_is_one_of_its_addresss_country(house: PhoneHouse) -> None:
    await took(house, ("07700 900125", BRITISH), ("+44 7700-900126", ACCOUNT_WIDE), ("(202) 555-0188", NUMBER))
    assert await texted(house, "+447700900125", "+447700900126", "+12025550188", "+12025550189") == ["+12025550189"]
    with pytest.raises(InvalidValue, match="phone"):
        await took(house, ("07700 900127", ACCOUNT_WIDE))  # of which country?


async def test_texts_go_to_todays_form_and_never_to_what_no_plan_has(house: PhoneHouse) -> None:
    assert await texted(house, "+5215512345678", "+4407700900125", "+999123456789", "+1202555") == [
        "+525512345678",
        "+447700900125",
    ]
