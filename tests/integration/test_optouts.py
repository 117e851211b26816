"""Opt-outs by text as an account manages them: addresses, keywords, rules, people, the record. Real parts but the SMS center."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, OTHER_ACCOUNT
from tests.support.phones import ADMIN, NUMBER, PHONE, Mast, PhoneHouse, phone_house

from tidings.domain.envelope import Outgoing, Permit
from tidings.domain.errors import AlreadyExists, InvalidValue, NotFound, Unavailable, WrongState
from tidings.domain.grants import Verb
from tidings.domain.model import Event, LedgerQuery, Origin, State, Way
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    EVERY_TYPE,
    TOPICS_APP,
    AddressKind,
    BlockingRule,
    KeywordSet,
    OptOutQuery,
    SmsApplication,
    SmsType,
)
from tidings.domain.outcomes import DELIVERED
from tidings.domain.ports import Settle
from tidings.domain.unit import Unit
from tidings.services.inbound import DEFAULT_REPLIES

OUT, IN, HELP = KeywordSet.OPT_OUT, KeywordSet.OPT_IN, KeywordSet.HELP
OTHER_NUMBER = "+12025550199"
APP = "1400006666"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[PhoneHouse]:
    async with phone_house(tmp_path) as house:
        await house.add_number()
        await house.add_number(OTHER_NUMBER)
        yield house


def mast(house: PhoneHouse) -> Mast:
    assert isinstance(house.channel, Mast)
    return house.channel


async def answers(house: PhoneHouse) -> list[str]:
    await house.settled()
    return [sent.text for sent in mast(house).sent]


async def with_app(house: PhoneHouse, types: frozenset[SmsType] | None, app_id: str = APP) -> None:
    await house.opt_outs.put_application(house.grant(), app_id, "")
    if types:
        await house.opt_outs.set_rule(house.grant(), NUMBER, app_id, types)


# --- section 2, rules 1 to 3: states, rules, addresses --------------------------------------------------------------------------


async def test_the_state_belongs_to_address_and_number_and_a_rule_never_touches_it(house: PhoneHouse) -> None:
    await with_app(house, EVERY_TYPE)
    await house.hear("STOP")
    await house.opt_outs.set_rule(house.grant(), NUMBER, APP, frozenset({SmsType.MARKETING}))
    await house.opt_outs.delete_rule(house.grant(), NUMBER, APP)
    await house.opt_outs.delete_rule(house.grant(), NUMBER, APP)  # safe to repeat
    assert await house.opted_out_at() == [NUMBER]
    assert await house.opted_out_at("+12025550124") == []


async def test_an_edited_rule_counts_at_once_for_those_who_opted_out_before(house: PhoneHouse) -> None:
    await with_app(house, frozenset({SmsType.MARKETING}))
    await house.hear("STOP")
    await house.send("your code", app_id=APP, sms_type=3)
    await house.settled()
    await house.opt_outs.set_rule(house.grant(), NUMBER, APP, EVERY_TYPE)
    await house.send("your next code", app_id=APP, sms_type=3)
    assert (await answers(house))[1:] == [f"{PHONE}: your code"]


async def test_an_application_without_a_rule_is_not_blocked_but_topics_are(house: PhoneHouse) -> None:
    await with_app(house, None)
    await house.hear("STOP")
    await house.send("from the application", app_id=APP, sms_type=1)
    await house.send("from a topic")
    assert (await answers(house))[1:] == [f"{PHONE}: from the application"]


async def test_a_new_address_blocks_all_types_of_the_applications_named(house: PhoneHouse) -> None:
    await with_app(house, None)
    await house.add_number("+12025550177", app_ids=(APP,))
    rules = await house.opt_outs.rules(house.grant(Verb.READ_OPT_OUTS))
    assert rules == [BlockingRule(ACCOUNT, "+12025550177", APP, EVERY_TYPE)]


async def test_a_deleted_address_blocks_nothing_and_comes_back_with_its_states(house: PhoneHouse) -> None:
    await house.opt_outs.set_keywords(house.grant(), NUMBER, {OUT: ("ADIEU",)}, {OUT: ""})
    await house.hear("adieu")
    await house.opt_outs.delete_address(house.grant(), NUMBER, origin=ADMIN)
    await house.send("while it is gone")
    assert await answers(house) == [f"{PHONE}: while it is gone"]
    with pytest.raises(NotFound):
        await house.hear("START")
    await house.add_number()
    assert await house.opted_out_at() == [NUMBER]
    await house.send("when it is back")
    assert await answers(house) == [f"{PHONE}: while it is gone"]
    back = await house.opt_outs.address(house.grant(), NUMBER)
    assert back.keywords[OUT] == ("ADIEU",)
    entries = await house.store.ledger(LedgerQuery(ACCOUNT, address=NUMBER))
    assert [entry.event for entry in entries] == [Event.OPTED_OUT, Event.DELETED, Event.RESTORED]


# --- rule 4: keywords -----------------------------------------------------------------------------------------------------------


async def test_editing_keywords_is_not_retroactive(house: PhoneHouse) -> None:
    await house.hear("STOP")
    await house.opt_outs.set_keywords(house.grant(), NUMBER, {OUT: ("ADIEU",)}, {})
    assert await house.opted_out_at() == [NUMBER]


async def test_a_keyword_in_two_sets_is_refused_with_the_whole_change(house: PhoneHouse) -> None:
    before = await house.opt_outs.address(house.grant(), NUMBER)
    with pytest.raises(InvalidValue) as caught:
        await house.opt_outs.set_keywords(house.grant(), NUMBER, {IN: ("BACK", "stop!")}, {IN: "Hello again"})
    assert caught.value.field == "keywords"
    assert await house.opt_outs.address(house.grant(), NUMBER) == before


async def test_only_the_sets_and_answers_that_are_named_are_replaced(house: PhoneHouse) -> None:
    changed = await house.opt_outs.set_keywords(house.grant(), NUMBER, {IN: ("BACK",)}, {HELP: "", OUT: "Gone."})
    assert changed == await house.opt_outs.address(house.grant(), NUMBER)
    assert changed.keywords[IN] == ("BACK",)
    assert "STOP" in changed.keywords[OUT]
    assert changed.replies == {OUT: "Gone.", IN: DEFAULT_REPLIES[IN]}


async def test_matching_can_be_tried_out_without_changing_anything(house: PhoneHouse) -> None:
    found = await house.opt_outs.match(house.grant(Verb.READ_OPT_OUTS), NUMBER, "STOP!!")
    assert (found.set, found.keyword) == (OUT, "STOP")
    assert await house.store.heard_page(ACCOUNT, after=0, limit=10) == []


# --- addresses and applications --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "kind", "country", "field"),
    [
        ("ACME", AddressKind.LONG_CODE, "", "address"),
        (ACCOUNT_WIDE, AddressKind.LONG_CODE, "", "address"),
        ("12345", AddressKind.LONG_CODE, "US", "address"),
        ("12345", AddressKind.SHORT_CODE, "", "country"),
        ("12345", AddressKind.SHORT_CODE, "us", "country"),
        ("+12025550111", AddressKind.SHORT_CODE, "US", "address"),
        ("+12025550111", AddressKind.ACCOUNT, "", "kind"),
    ],
)
async def test_what_cannot_receive_is_no_inbound_address(
    house: PhoneHouse, address: str, kind: AddressKind, country: str, field: str
) -> None:
    with pytest.raises(InvalidValue) as caught:
        await house.opt_outs.add_address(house.grant(), address, kind=kind, country=country, origin=ADMIN)
    assert caught.value.field == field


async def test_an_address_belongs_to_one_account(house: PhoneHouse) -> None:
    for owner in (ACCOUNT, OTHER_ACCOUNT):
        with pytest.raises(AlreadyExists):
            await house.opt_outs.add_address(
                house.grant(account_id=owner), NUMBER, kind=AddressKind.TEN_DLC, origin=ADMIN
            )
    with pytest.raises(NotFound):
        await house.opt_outs.address(house.grant(account_id=OTHER_ACCOUNT), NUMBER)


async def test_rules_name_addresses_applications_and_types_that_exist(house: PhoneHouse) -> None:
    set_rule, grant = house.opt_outs.set_rule, house.grant()
    with pytest.raises(NotFound):
        await set_rule(grant, NUMBER, "nobody", EVERY_TYPE)
    with pytest.raises(NotFound):
        await set_rule(grant, "+12025550666", TOPICS_APP, EVERY_TYPE)
    with pytest.raises(InvalidValue):
        await set_rule(grant, NUMBER, TOPICS_APP, frozenset())
    with pytest.raises(NotFound):
        await house.add_number("+12025550166", app_ids=("nobody",))
    await set_rule(grant, NUMBER, TOPICS_APP, frozenset({SmsType.MARKETING}))
    await house.hear("STOP")
    await house.send("a notification of a topic")
    assert (await answers(house))[1:] == [f"{PHONE}: a notification of a topic"]


async def test_every_account_has_the_application_of_topics(house: PhoneHouse) -> None:
    made = await house.opt_outs.put_application(house.grant(), APP, "ACME")
    house.clock.advance(5)
    changed = await house.opt_outs.put_application(house.grant(), APP, "+12025550100")
    assert changed == SmsApplication(ACCOUNT, APP, "+12025550100", made.created_at)
    found = await house.opt_outs.applications(house.grant(Verb.READ_OPT_OUTS))
    assert [application.app_id for application in found] == [TOPICS_APP, APP]
    for app_id, sender in (("", ""), ("a b", ""), ("ok", "x" * 30), ("ok", "+12\r\n")):
        with pytest.raises(InvalidValue):
            await house.opt_outs.put_application(house.grant(), app_id, sender)


# --- the people ---------------------------------------------------------------------------------------------------------------------------


async def test_who_is_opted_out_is_listed(house: PhoneHouse) -> None:
    await house.hear("STOP")
    await house.hear("STOP", phone="+447911123456", address=OTHER_NUMBER)
    grant = house.grant(Verb.READ_OPT_OUTS)
    rows, total = await house.opt_outs.page(grant, OptOutQuery(ACCOUNT, limit=1))
    assert (len(rows), total) == (1, 2)
    rows, total = await house.opt_outs.page(grant, OptOutQuery(OTHER_ACCOUNT, phones=("+4407911123456",)))
    assert ([row.address for row in rows], total) == ([OTHER_NUMBER], 1)  # of the grant's account, whatever is asked


async def test_an_operator_needs_a_reason_and_a_real_number(house: PhoneHouse) -> None:
    lifting = house.grant(Verb.LIFT_OPT_OUTS)
    for reason, phone, field in ((" ", PHONE, "reason"), ("x" * 501, PHONE, "reason"), ("asked", "me", "phone")):
        with pytest.raises(InvalidValue) as caught:
            await house.opt_outs.opt_out(house.grant(), NUMBER, phone, reason=reason, origin=ADMIN)
        assert caught.value.field == field
        with pytest.raises(InvalidValue):
            await house.opt_outs.opt_in(lifting, NUMBER, phone, reason=reason, origin=ADMIN)
    with pytest.raises(NotFound):
        await house.opt_outs.opt_out(house.grant(), "+12025550666", PHONE, reason="asked", origin=ADMIN)
    with pytest.raises(NotFound):
        await house.opt_outs.opt_in(lifting, "+12025550666", PHONE, reason="asked", origin=ADMIN)


async def test_an_operators_opt_out_is_recorded_with_reason_and_name(house: PhoneHouse) -> None:
    opt_out = house.opt_outs.opt_out
    assert await opt_out(house.grant(), NUMBER, PHONE, reason="asked in a letter", origin=Origin(Way.API))
    assert not await opt_out(house.grant(), NUMBER, PHONE, reason="asked in a letter", origin=Origin(Way.API))
    [record] = await house.records()
    assert (record.origin.way, record.detail) == (Way.API, "asked in a letter")
    assert record.origin.principal == ADMIN.principal
    [state] = await house.store.opt_outs(ACCOUNT, PHONE)
    assert (state.reason, state.principal) == ("asked in a letter", ADMIN.principal)
    await house.send("no")
    assert await answers(house) == []


async def test_a_persons_own_stop_is_not_lifted_within_thirty_days_unless_forced(house: PhoneHouse) -> None:
    grant, opt_in = house.grant(Verb.LIFT_OPT_OUTS), house.opt_outs.opt_in
    await house.hear("STOP")
    house.clock.advance(29 * 86_400)
    with pytest.raises(WrongState):
        await opt_in(grant, NUMBER, PHONE, reason="reassigned", origin=ADMIN)
    assert await opt_in(grant, NUMBER, PHONE, reason="reassigned", origin=ADMIN, forced=True)
    assert not await opt_in(grant, NUMBER, PHONE, reason="reassigned", origin=ADMIN)
    await house.hear("STOP")
    house.clock.advance(31 * 86_400)
    assert await opt_in(grant, NUMBER, PHONE, reason="reassigned", origin=ADMIN)


async def test_a_person_who_says_stop_after_the_operator_is_protected_too(house: PhoneHouse) -> None:
    await house.opt_outs.opt_out(house.grant(), NUMBER, PHONE, reason="asked", origin=ADMIN)
    await house.hear("STOP")
    with pytest.raises(WrongState):
        await house.opt_outs.opt_in(house.grant(Verb.LIFT_OPT_OUTS), NUMBER, PHONE, reason="oops", origin=ADMIN)


async def test_an_operators_own_opt_out_may_be_lifted_at_once(house: PhoneHouse) -> None:
    for address in (NUMBER, ACCOUNT_WIDE):
        await house.opt_outs.opt_out(house.grant(), address, PHONE, reason="asked", origin=ADMIN)
        lifting = house.grant(Verb.LIFT_OPT_OUTS)
        assert await house.opt_outs.opt_in(lifting, address, PHONE, reason="wrong number", origin=ADMIN)
    assert await house.opted_out_at() == []


async def test_lifting_is_a_permission_of_its_own(house: PhoneHouse) -> None:
    for verb in (Verb.MANAGE_OPT_OUTS, Verb.READ_OPT_OUTS):
        with pytest.raises(AssertionError):
            await house.opt_outs.opt_in(house.grant(verb), NUMBER, PHONE, reason="x", origin=ADMIN)


async def test_why_names_everything_that_keeps_a_text_from_a_phone(house: PhoneHouse) -> None:
    await with_app(house, frozenset({SmsType.MARKETING}))
    await house.hear("STOP")
    await house.hear("STOP", address=OTHER_NUMBER)
    grant, why = house.grant(Verb.READ_OPT_OUTS), house.opt_outs.why
    [blocked] = await why(grant, PHONE, APP, SmsType.MARKETING)
    assert (blocked.opt_out.address, blocked.rule) == (
        NUMBER,
        BlockingRule(ACCOUNT, NUMBER, APP, frozenset({SmsType.MARKETING})),
    )
    assert await why(grant, PHONE, APP, SmsType.VERIFICATION_CODE) == []
    of_topics = await why(grant, PHONE, TOPICS_APP, SmsType.NOTIFICATION)
    assert [(found.opt_out.address, found.rule) for found in of_topics] == [(NUMBER, None), (OTHER_NUMBER, None)]
    # What it says is what the gate does.
    for sms_type in SmsType:
        asked = house.store.text_blocked(ACCOUNT, APP, sms_type, PHONE)
        assert bool(asked) is bool(await why(grant, PHONE, APP, sms_type))


# --- the record -------------------------------------------------------------------------------------------------------------------------


async def review_of(house: PhoneHouse) -> int:
    await house.hear("I do not want to get these messages any more")
    return (await house.records(Event.REVIEW))[0].id


async def test_a_review_may_end_in_an_opt_out(house: PhoneHouse) -> None:
    record_id = await review_of(house)
    await house.opt_outs.resolve(house.grant(), record_id, opt_out=True, reason="clear enough", origin=ADMIN)
    assert await house.opted_out_at() == [NUMBER]
    _, decision, opted_out = await house.records()
    assert (decision.event, decision.before, decision.after) == (Event.REVIEWED, State.CONFIRMED, State.CANCELED)
    assert decision.detail == f"record {record_id} opt-out: clear enough"
    assert (opted_out.event, opted_out.origin.raw_text) == (
        Event.OPTED_OUT,
        "I do not want to get these messages any more",
    )
    with pytest.raises(WrongState):  # the person said it, though not with a keyword
        await house.opt_outs.opt_in(house.grant(Verb.LIFT_OPT_OUTS), NUMBER, PHONE, reason="no", origin=ADMIN)


async def test_a_review_may_end_in_nothing_and_is_decided_once(house: PhoneHouse) -> None:
    record_id, grant = await review_of(house), house.grant()
    await house.opt_outs.resolve(grant, record_id, opt_out=False, reason="a joke", origin=ADMIN)
    assert await house.opted_out_at() == []
    with pytest.raises(WrongState):
        await house.opt_outs.resolve(grant, record_id, opt_out=True, reason="no joke", origin=ADMIN)
    for unknown in (record_id + 1, 10**12, -5):
        with pytest.raises(NotFound):
            await house.opt_outs.resolve(grant, unknown, opt_out=True, reason="x", origin=ADMIN)
    stranger = house.grant(account_id=OTHER_ACCOUNT)
    with pytest.raises(NotFound):
        await house.opt_outs.resolve(stranger, record_id, opt_out=True, reason="x", origin=ADMIN)


async def test_two_operators_decide_once(house: PhoneHouse) -> None:
    record_id = await review_of(house)
    done = await asyncio.gather(
        *(
            house.opt_outs.resolve(house.grant(), record_id, opt_out=True, reason=f"{n}", origin=ADMIN)
            for n in range(4)
        ),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in done].count(WrongState) == 3
    assert len(await house.records(Event.REVIEWED)) == 1


async def test_records_are_those_of_phones_only(house: PhoneHouse) -> None:
    await house.hear("STOP")
    await house.opt_outs.delete_address(house.grant(), OTHER_NUMBER, origin=ADMIN)
    assert [record.event for record in await house.records()] == [Event.OPTED_OUT]
    assert await house.records(Event.DELETED) == []


async def test_the_service_reads_again_when_another_process_was_faster(house: PhoneHouse) -> None:
    """A keyword edit of the administrator's command between reading and writing."""
    before = await house.opt_outs.address(house.grant(), NUMBER)
    edited = 0

    async def edit() -> None:
        nonlocal edited
        for _ in range(5):
            current = await house.store.inbound_address(ACCOUNT, NUMBER)
            assert current is not None
            await house.store.commit(Unit(inbound_addresses_changed=[current]))
            edited += 1

    await asyncio.gather(edit(), *(house.opt_outs.describe_address(house.grant(), NUMBER, f"d{n}") for n in range(2)))
    after = await house.opt_outs.address(house.grant(), NUMBER)
    assert after.version == before.version + edited + 2


async def test_a_text_waits_while_the_store_cannot_be_asked(tmp_path: Path) -> None:
    class Troubled:
        protocols = frozenset({"sms"})
        started = 0

        def __init__(self, permit: Permit) -> None:
            self.permit = permit
            self.trouble = True

        def send(self, outgoing: Outgoing, settle: Settle) -> None:
            if self.trouble:
                self.trouble = False
                raise Unavailable("disk I/O error")  # as the gate does
            assert self.permit(outgoing)
            self.started += 1
            settle(outgoing, DELIVERED)

        async def close(self) -> None:
            """Nothing is in the air."""

    async with phone_house(tmp_path, Troubled) as house:
        await house.send("patience")
        await house.settled()
        assert isinstance(house.channel, Troubled)
        assert house.channel.started == 1
