"""Signs and templates over a real store: ids, quotas, review, and who is faster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, NOW, OTHER_ACCOUNT, FakeClock, make_principal
from tests.support.stores import add_address

from tidings.domain.errors import AlreadyExists, InvalidValue, NotFound, QuotaExceeded, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId
from tidings.domain.optout import KeywordSet, SmsType
from tidings.domain.texts import Reach, Review, SmsTemplate
from tidings.services.quotas import Quotas
from tidings.services.texting.text_catalog import FIRST_ID, TextCatalog, next_id
from tidings.store.sqlite import SqliteStore


def grant(verb: Verb = Verb.MANAGE_TEMPLATES, account_id: AccountId = ACCOUNT) -> Grant:
    return Grant(make_principal(account_id), verb, account_id, "*")


@dataclass
class Shelf:
    """`catalog`: what is added is usable at once; `reviewed`: it waits."""

    store: SqliteStore
    clock: FakeClock
    catalog: TextCatalog
    reviewed: TextCatalog

    async def add(self, content: str = "Hello {1}.", sms_type: SmsType = SmsType.NOTIFICATION) -> SmsTemplate:
        return await self.catalog.add_template(
            grant(), name="x", content=content, sms_type=sms_type, reach=Reach.GLOBAL
        )


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    store = await SqliteStore.open(tmp_path / "tidings.db")
    clock, quotas = FakeClock(), Quotas(sms_templates_per_account=20, sms_signs_per_account=3)
    catalog, reviewed = (
        TextCatalog(store, store, clock, quotas=quotas, opt_outs=store, reviewed=reviewed) for reviewed in (False, True)
    )
    yield Shelf(store, clock, catalog, reviewed)
    await store.close()


# --- ids ---------------------------------------------------------------------------------------------------------------------------


def test_an_id_is_above_all_others_and_does_not_come_back_after_a_while() -> None:
    first = next_id([], NOW)
    assert first > FIRST_ID
    assert next_id([first], NOW) == first + 1
    assert next_id([first + 5, 3], NOW) == first + 6
    assert next_id([], NOW + timedelta(minutes=2)) == first + 2
    assert next_id([], NOW - timedelta(days=9999)) == FIRST_ID


async def test_the_id_of_a_deleted_template_is_not_given_to_another_one(shelf: Shelf) -> None:
    deleted = await shelf.add()
    shelf.clock.advance(60)
    await shelf.catalog.delete_template(grant(), deleted.id)
    assert (await shelf.add()).id > deleted.id


async def test_templates_added_at_once_all_get_an_id_of_their_own(shelf: Shelf) -> None:
    made = await asyncio.gather(*(shelf.add(f"Text {number}") for number in range(6)))
    assert len({template.id for template in made}) == 6
    assert {row.content for row in await shelf.catalog.templates(grant(Verb.LIST))} == {row.content for row in made}


async def test_two_accounts_know_nothing_of_each_other(shelf: Shelf) -> None:
    template = await shelf.add()
    sign = await shelf.catalog.add_sign(grant(), "Tidings", reach=Reach.GLOBAL)
    theirs = grant(account_id=OTHER_ACCOUNT)
    with pytest.raises(NotFound):
        await shelf.catalog.template(theirs, template.id)
    with pytest.raises(NotFound):
        await shelf.catalog.delete_sign(theirs, sign.id)
    assert await shelf.catalog.usable_sign(theirs, "Tidings") is None
    assert (await shelf.catalog.add_sign(theirs, "Tidings", reach=Reach.GLOBAL)).account_id == OTHER_ACCOUNT


async def test_there_is_an_end_to_how_many_there_may_be(shelf: Shelf) -> None:
    for number in range(3):
        await shelf.catalog.add_sign(grant(), f"Sign{number}", reach=Reach.GLOBAL)
    with pytest.raises(QuotaExceeded) as caught:
        await shelf.catalog.add_sign(grant(), "Sign3", reach=Reach.GLOBAL)
    assert (caught.value.kind, caught.value.limit) == ("signatures", 3)
    for number in range(20):
        await shelf.add(f"Text {number}")
    with pytest.raises(QuotaExceeded) as caught:
        await shelf.add()
    assert (caught.value.kind, caught.value.limit) == ("templates", 20)


# --- changes -----------------------------------------------------------------------------------------------------------------------


async def test_changes_made_at_once_all_count(shelf: Shelf) -> None:
    template = await shelf.add()
    change = shelf.catalog.change_template
    await asyncio.gather(
        change(grant(), template.id, name="new"),
        change(grant(), template.id, content="Bye {1}."),
        change(grant(), template.id, remark="why", reach=Reach.GLOBAL),
        change(grant(), template.id, sms_type=SmsType.VERIFICATION_CODE),
    )
    found = await shelf.catalog.template(grant(Verb.PUBLISH_SMS), template.id)
    assert (found.name, found.content, found.remark) == ("new", "Bye {1}.", "why")
    assert (found.sms_type, found.version) == (SmsType.VERIFICATION_CODE, template.version + 4)


async def test_what_is_for_all_numbers_stays_so(shelf: Shelf) -> None:
    sign = await shelf.catalog.add_sign(grant(), "Tidings", reach=Reach.GLOBAL)
    both = await shelf.catalog.add_sign(grant(), "Tidings", reach=Reach.MAINLAND)
    assert (both.id, both.reach) == (sign.id, Reach.BOTH)
    for reach in (Reach.GLOBAL, Reach.MAINLAND):
        assert (await shelf.catalog.change_sign(grant(), sign.id, reach=reach)).reach is Reach.BOTH


async def test_a_marketing_text_needs_a_way_out_which_may_be_the_accounts_own_keyword(shelf: Shelf) -> None:
    for sms_type in (SmsType.NOTIFICATION, SmsType.VERIFICATION_CODE):
        await shelf.add("Responda BAJA {1}", sms_type)
    with pytest.raises(InvalidValue) as caught:
        await shelf.add("Responda BAJA", SmsType.MARKETING)
    assert caught.value.field == "unsubscribe"
    await add_address(shelf.store, keywords={KeywordSet.OPT_OUT: ("BAJA",)})
    made = await shelf.add("Responda BAJA", SmsType.MARKETING)
    with pytest.raises(InvalidValue):
        await shelf.catalog.change_template(grant(), made.id, content="Rebajas")


# --- review ------------------------------------------------------------------------------------------------------------------------


async def test_with_review_a_template_waits_and_is_not_changed_once_approved(shelf: Shelf) -> None:
    made = await shelf.reviewed.add_template(
        grant(), name="x", content="Hello", sms_type=SmsType.NOTIFICATION, reach=Reach.BOTH
    )
    assert made.review is Review.WAITING
    changed = await shelf.reviewed.change_template(grant(), made.id, content="Good day")
    assert changed.review is Review.WAITING
    operator = grant(Verb.MANAGE_ACCOUNT)
    refused = await shelf.reviewed.review_template(operator, made.id, approved=False, reply="too short")
    assert (refused.review, refused.review_reply) == (Review.REFUSED, "too short")
    again = await shelf.reviewed.change_template(grant(), made.id, content="Good day to you")
    assert (again.review, again.review_reply) == (Review.WAITING, "")
    approved = await shelf.reviewed.review_template(operator, made.id, approved=True)
    assert approved.review is Review.USABLE
    with pytest.raises(WrongState) as caught:
        await shelf.reviewed.change_template(grant(), made.id, content="Buy")
    assert caught.value.kind == "template"
    assert (await shelf.catalog.change_template(grant(), made.id, content="Buy")).review is Review.USABLE


async def test_with_review_a_sign_is_usable_only_when_approved(shelf: Shelf) -> None:
    made = await shelf.reviewed.add_sign(grant(), "Tidings", reach=Reach.GLOBAL)
    sender, operator = grant(Verb.PUBLISH_SMS), grant(Verb.MANAGE_ACCOUNT)
    assert await shelf.reviewed.usable_sign(sender, "Tidings") is None
    with pytest.raises(AlreadyExists):
        await shelf.reviewed.add_sign(grant(), "Tidings", reach=Reach.GLOBAL)
    await shelf.reviewed.review_sign(operator, made.id, approved=True)
    found = await shelf.reviewed.usable_sign(sender, "Tidings")
    assert found is not None
    assert found.id == made.id
    with pytest.raises(WrongState):
        await shelf.reviewed.change_sign(grant(), made.id, content="Other")
    with pytest.raises(AlreadyExists):  # to add mainland China would take the approval from it
        await shelf.reviewed.add_sign(grant(), "Tidings", reach=Reach.MAINLAND)
    await shelf.reviewed.review_sign(operator, made.id, approved=False)
    asked = await shelf.reviewed.add_sign(grant(), "Tidings", reach=Reach.MAINLAND)
    assert (asked.id, asked.reach, asked.review) == (made.id, Reach.BOTH, Review.WAITING)


@pytest.mark.parametrize("name", ["change_sign", "delete_sign", "change_template", "delete_template"])
async def test_what_is_not_there_is_not_found(shelf: Shelf, name: str) -> None:
    with pytest.raises(NotFound):
        await getattr(shelf.catalog, name)(grant(), 999)
