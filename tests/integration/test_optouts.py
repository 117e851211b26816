"""Opt-outs by text as an account manages them: addresses, keywords, rules, people, the record. Real parts but the SMS center."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, OTHER_ACCOUNT
from tests.support.phones import ADMIN, NUMBER, PHONE, Mast, PhoneApp, phone_app

from tidings.domain.envelope import Outgoing, Permit
from tidings.domain.errors import AlreadyExists, Conflict, Denied, InvalidValue, NotFound, WrongState
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
from tidings.domain.outcomes import BLOCKED, DELIVERED, Busy, Outcome, RetryLater
from tidings.domain.phone_ports import TextAsk
from tidings.domain.ports import Settle
from tidings.domain.unit import Unit
from tidings.services.texting.inbound_addresses import DEFAULT_REPLIES

OUT, IN, HELP = KeywordSet.OPT_OUT, KeywordSet.OPT_IN, KeywordSet.HELP
OTHER_NUMBER = "+12025550199"
APP = "1400006666"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[PhoneApp]:
    async with phone_app(tmp_path) as app:
        await app.add_number()
        await app.add_number(OTHER_NUMBER)
        yield app


def mast(app: PhoneApp) -> Mast:
    assert isinstance(app.channel, Mast)
    return app.channel


async def answers(app: PhoneApp) -> list[str]:
    await app.settled()
    return [sent.text for sent in mast(app).sent]


async def with_app(app: PhoneApp, types: frozenset[SmsType] | None, app_id: str = APP) -> None:
    await app.texting.applications.put(app.grant(), app_id, "")
    if types:
        await app.texting.rules.put(app.grant(), NUMBER, app_id, types)


# --- section 2, rules 1 to 3: states, rules, addresses --------------------------------------------------------------------------


async def test_the_state_belongs_to_address_and_number_and_a_rule_never_touches_it(app: PhoneApp) -> None:
    await with_app(app, EVERY_TYPE)
    await app.receive("STOP")
    await app.texting.rules.put(app.grant(), NUMBER, APP, frozenset({SmsType.MARKETING}))
    await app.texting.rules.delete(app.grant(), NUMBER, APP)
    await app.texting.rules.delete(app.grant(), NUMBER, APP)  # safe to repeat
    assert await app.opted_out_at() == [NUMBER]
    assert await app.opted_out_at("+12025550124") == []


async def test_an_edited_rule_counts_at_once_for_those_who_opted_out_before(app: PhoneApp) -> None:
    await with_app(app, frozenset({SmsType.MARKETING}))
    await app.receive("STOP")
    await app.send("your code", app_id=APP, sms_type=3)
    await app.settled()
    await app.texting.rules.put(app.grant(), NUMBER, APP, EVERY_TYPE)
    await app.send("your next code", app_id=APP, sms_type=3)
    assert (await answers(app))[1:] == [f"{PHONE}: your code"]


async def test_an_application_without_a_rule_is_not_blocked_but_topics_are(app: PhoneApp) -> None:
    await with_app(app, None)
    await app.receive("STOP")
    await app.send("from the application", app_id=APP, sms_type=1)
    await app.send("from a topic")
    assert (await answers(app))[1:] == [f"{PHONE}: from the application"]


async def test_a_new_address_blocks_all_types_of_the_applications_named(app: PhoneApp) -> None:
    await with_app(app, None)
    await app.add_number("+12025550177", app_ids=(APP,))
    rules = await app.texting.rules.all(app.grant(Verb.READ_OPT_OUTS))
    assert rules == [BlockingRule(ACCOUNT, "+12025550177", APP, EVERY_TYPE)]


async def test_a_deleted_address_blocks_nothing_and_comes_back_with_its_states(app: PhoneApp) -> None:
    await app.texting.addresses.set_keywords(app.grant(), NUMBER, {OUT: ("ADIEU",)}, {OUT: ""})
    await app.receive("adieu")
    await app.texting.addresses.delete(app.grant(), NUMBER, origin=ADMIN)
    await app.send("while it is gone")
    assert await answers(app) == [f"{PHONE}: while it is gone"]
    with pytest.raises(NotFound):
        await app.receive("START")
    await app.add_number()
    assert await app.opted_out_at() == [NUMBER]
    await app.send("when it is back")
    assert await answers(app) == [f"{PHONE}: while it is gone"]
    back = await app.texting.addresses.get(app.grant(), NUMBER)
    assert back.keywords[OUT] == ("ADIEU",)
    entries = await app.store.ledger(LedgerQuery(ACCOUNT, address=NUMBER))
    assert [entry.event for entry in entries] == [Event.OPTED_OUT, Event.DELETED, Event.RESTORED]


# --- rule 4: keywords -----------------------------------------------------------------------------------------------------------


async def test_editing_keywords_is_not_retroactive(app: PhoneApp) -> None:
    await app.receive("STOP")
    await app.texting.addresses.set_keywords(app.grant(), NUMBER, {OUT: ("ADIEU",)}, {})
    assert await app.opted_out_at() == [NUMBER]


async def test_a_keyword_in_two_sets_is_refused_with_the_whole_change(app: PhoneApp) -> None:
    before = await app.texting.addresses.get(app.grant(), NUMBER)
    with pytest.raises(InvalidValue) as caught:
        await app.texting.addresses.set_keywords(app.grant(), NUMBER, {IN: ("BACK", "stop!")}, {IN: "Hello again"})
    assert caught.value.field == "keywords"
    assert await app.texting.addresses.get(app.grant(), NUMBER) == before


async def test_only_the_sets_and_answers_that_are_named_are_replaced(app: PhoneApp) -> None:
    changed = await app.texting.addresses.set_keywords(app.grant(), NUMBER, {IN: ("BACK",)}, {HELP: "", OUT: "Gone."})
    assert changed == await app.texting.addresses.get(app.grant(), NUMBER)
    assert changed.keywords[IN] == ("BACK",)
    assert "STOP" in changed.keywords[OUT]
    assert changed.replies == {OUT: "Gone.", IN: DEFAULT_REPLIES[IN]}


async def test_matching_can_be_tried_out_without_changing_anything(app: PhoneApp) -> None:
    found = await app.texting.addresses.match(app.grant(Verb.READ_OPT_OUTS), NUMBER, "STOP!!")
    assert (found.set, found.keyword) == (OUT, "STOP")
    assert await app.store.inbound_text_page(ACCOUNT, after=0, limit=10) == []


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
    app: PhoneApp, address: str, kind: AddressKind, country: str, field: str
) -> None:
    with pytest.raises(InvalidValue) as caught:
        await app.texting.addresses.add(app.grant(), address, kind=kind, country=country, origin=ADMIN)
    assert caught.value.field == field


async def test_an_address_belongs_to_one_account(app: PhoneApp) -> None:
    for owner in (ACCOUNT, OTHER_ACCOUNT):
        with pytest.raises(AlreadyExists):
            await app.texting.addresses.add(app.grant(account_id=owner), NUMBER, kind=AddressKind.TEN_DLC, origin=ADMIN)
    with pytest.raises(NotFound):
        await app.texting.addresses.get(app.grant(account_id=OTHER_ACCOUNT), NUMBER)


async def test_rules_name_addresses_applications_and_types_that_exist(app: PhoneApp) -> None:
    set_rule, grant = app.texting.rules.put, app.grant()
    with pytest.raises(NotFound):
        await set_rule(grant, NUMBER, "nobody", EVERY_TYPE)
    with pytest.raises(NotFound):
        await set_rule(grant, "+12025550666", TOPICS_APP, EVERY_TYPE)
    with pytest.raises(InvalidValue):
        await set_rule(grant, NUMBER, TOPICS_APP, frozenset())
    with pytest.raises(NotFound):
        await app.add_number("+12025550166", app_ids=("nobody",))
    await set_rule(grant, NUMBER, TOPICS_APP, frozenset({SmsType.MARKETING}))
    await app.receive("STOP")
    await app.send("a notification of a topic")
    assert (await answers(app))[1:] == [f"{PHONE}: a notification of a topic"]


async def test_every_account_has_the_application_of_topics(app: PhoneApp) -> None:
    made = await app.texting.applications.put(app.grant(), APP, "ACME")
    app.clock.advance(5)
    changed = await app.texting.applications.put(app.grant(), APP, "+12025550100")
    assert changed == SmsApplication(ACCOUNT, APP, "+12025550100", made.created_at)
    found = await app.texting.applications.all(app.grant(Verb.READ_OPT_OUTS))
    assert [application.app_id for application in found] == [TOPICS_APP, APP]
    for app_id, sender in (("", ""), ("a b", ""), ("ok", "x" * 30), ("ok", "+12\r\n")):
        with pytest.raises(InvalidValue):
            await app.texting.applications.put(app.grant(), app_id, sender)


# --- the people ---------------------------------------------------------------------------------------------------------------------------


async def test_who_is_opted_out_is_listed(app: PhoneApp) -> None:
    await app.receive("STOP")
    await app.receive("STOP", phone="+447911123456", address=OTHER_NUMBER)
    grant = app.grant(Verb.READ_OPT_OUTS)
    rows, total = await app.texting.opt_outs.page(grant, OptOutQuery(ACCOUNT, limit=1))
    assert (len(rows), total) == (1, 2)
    rows, total = await app.texting.opt_outs.page(grant, OptOutQuery(OTHER_ACCOUNT, phones=("+4407911123456",)))
    assert ([row.address for row in rows], total) == ([OTHER_NUMBER], 1)  # of the grant's account, whatever is asked


async def test_an_operator_needs_a_reason_and_a_real_number(app: PhoneApp) -> None:
    lifting = app.grant(Verb.LIFT_OPT_OUTS)
    for reason, phone, field in ((" ", PHONE, "reason"), ("x" * 501, PHONE, "reason"), ("asked", "me", "phone")):
        with pytest.raises(InvalidValue) as caught:
            await app.texting.opt_outs.opt_out(app.grant(), NUMBER, phone, reason=reason, origin=ADMIN)
        assert caught.value.field == field
        with pytest.raises(InvalidValue):
            await app.texting.opt_outs.opt_in(lifting, NUMBER, phone, reason=reason, origin=ADMIN)
    with pytest.raises(NotFound):
        await app.texting.opt_outs.opt_out(app.grant(), "+12025550666", PHONE, reason="asked", origin=ADMIN)
    with pytest.raises(NotFound):
        await app.texting.opt_outs.opt_in(lifting, "+12025550666", PHONE, reason="asked", origin=ADMIN)


async def test_an_operators_opt_out_is_recorded_with_reason_and_name(app: PhoneApp) -> None:
    opt_out = app.texting.opt_outs.opt_out
    assert await opt_out(app.grant(), NUMBER, PHONE, reason="asked in a letter", origin=Origin(Way.API))
    assert not await opt_out(app.grant(), NUMBER, PHONE, reason="asked in a letter", origin=Origin(Way.API))
    [record] = await app.records()
    assert (record.origin.way, record.detail) == (Way.API, "asked in a letter")
    assert record.origin.principal == ADMIN.principal
    [state] = await app.store.opt_outs(ACCOUNT, PHONE)
    assert (state.reason, state.principal) == ("asked in a letter", ADMIN.principal)
    await app.send("no")
    assert await answers(app) == []


async def test_a_persons_own_stop_is_not_lifted_within_thirty_days_unless_forced(app: PhoneApp) -> None:
    grant, opt_in = app.grant(Verb.LIFT_OPT_OUTS), app.texting.opt_outs.opt_in
    await app.receive("STOP")
    app.clock.advance(29 * 86_400)
    with pytest.raises(WrongState):
        await opt_in(grant, NUMBER, PHONE, reason="reassigned", origin=ADMIN)
    assert await opt_in(grant, NUMBER, PHONE, reason="reassigned", origin=ADMIN, forced=True)
    assert not await opt_in(grant, NUMBER, PHONE, reason="reassigned", origin=ADMIN)
    await app.receive("STOP")
    app.clock.advance(31 * 86_400)
    assert await opt_in(grant, NUMBER, PHONE, reason="reassigned", origin=ADMIN)


async def test_a_person_who_says_stop_after_the_operator_is_protected_too(app: PhoneApp) -> None:
    await app.texting.opt_outs.opt_out(app.grant(), NUMBER, PHONE, reason="asked", origin=ADMIN)
    await app.receive("STOP")
    with pytest.raises(WrongState):
        await app.texting.opt_outs.opt_in(app.grant(Verb.LIFT_OPT_OUTS), NUMBER, PHONE, reason="oops", origin=ADMIN)


async def test_an_operators_own_opt_out_may_be_lifted_at_once(app: PhoneApp) -> None:
    for address in (NUMBER, ACCOUNT_WIDE):
        await app.texting.opt_outs.opt_out(app.grant(), address, PHONE, reason="asked", origin=ADMIN)
        lifting = app.grant(Verb.LIFT_OPT_OUTS)
        assert await app.texting.opt_outs.opt_in(lifting, address, PHONE, reason="wrong number", origin=ADMIN)
    assert await app.opted_out_at() == []


async def test_lifting_is_a_permission_of_its_own(app: PhoneApp) -> None:
    for verb in (Verb.MANAGE_OPT_OUTS, Verb.READ_OPT_OUTS):
        with pytest.raises(Denied):
            await app.texting.opt_outs.opt_in(app.grant(verb), NUMBER, PHONE, reason="x", origin=ADMIN)


async def test_why_names_everything_that_keeps_a_text_from_a_phone(app: PhoneApp) -> None:
    await with_app(app, frozenset({SmsType.MARKETING}))
    await app.receive("STOP")
    await app.receive("STOP", address=OTHER_NUMBER)
    grant, why = app.grant(Verb.READ_OPT_OUTS), app.texting.opt_outs.why
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
        asked = app.store.text_gate.recheck(TextAsk(ACCOUNT, APP, sms_type, PHONE), None)
        assert bool(asked) is bool(await why(grant, PHONE, APP, sms_type))


# --- the record -------------------------------------------------------------------------------------------------------------------------


async def review_of(app: PhoneApp) -> int:
    await app.receive("I do not want to get these messages any more")
    return (await app.records(Event.REVIEW))[0].id


async def test_a_review_may_end_in_an_opt_out(app: PhoneApp) -> None:
    record_id = await review_of(app)
    await app.texting.records.resolve(app.grant(), record_id, opt_out=True, reason="clear enough", origin=ADMIN)
    assert await app.opted_out_at() == [NUMBER]
    _, decision, opted_out = await app.records()
    assert (decision.event, decision.before, decision.after) == (Event.REVIEWED, State.CONFIRMED, State.CANCELED)
    assert decision.detail == f"record {record_id} opt-out: clear enough"
    assert (opted_out.event, opted_out.origin.raw_text) == (
        Event.OPTED_OUT,
        "I do not want to get these messages any more",
    )
    with pytest.raises(WrongState):  # the person said it, though not with a keyword
        await app.texting.opt_outs.opt_in(app.grant(Verb.LIFT_OPT_OUTS), NUMBER, PHONE, reason="no", origin=ADMIN)


async def test_a_review_may_end_in_nothing_and_is_decided_once(app: PhoneApp) -> None:
    record_id, grant = await review_of(app), app.grant()
    await app.texting.records.resolve(grant, record_id, opt_out=False, reason="a joke", origin=ADMIN)
    assert await app.opted_out_at() == []
    with pytest.raises(WrongState):
        await app.texting.records.resolve(grant, record_id, opt_out=True, reason="no joke", origin=ADMIN)
    for unknown in (record_id + 1, 10**12, -5):
        with pytest.raises(NotFound):
            await app.texting.records.resolve(grant, unknown, opt_out=True, reason="x", origin=ADMIN)
    stranger = app.grant(account_id=OTHER_ACCOUNT)
    with pytest.raises(NotFound):
        await app.texting.records.resolve(stranger, record_id, opt_out=True, reason="x", origin=ADMIN)


async def test_two_operators_decide_once(app: PhoneApp) -> None:
    record_id = await review_of(app)
    done = await asyncio.gather(
        *(
            app.texting.records.resolve(app.grant(), record_id, opt_out=True, reason=f"{n}", origin=ADMIN)
            for n in range(4)
        ),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in done].count(WrongState) == 3
    assert len(await app.records(Event.REVIEWED)) == 1


async def test_records_are_those_of_phones_only(app: PhoneApp) -> None:
    await app.receive("STOP")
    await app.texting.addresses.delete(app.grant(), OTHER_NUMBER, origin=ADMIN)
    assert [record.event for record in await app.records()] == [Event.OPTED_OUT]
    assert await app.records(Event.DELETED) == []


async def test_the_service_reads_again_when_another_process_was_faster(app: PhoneApp) -> None:
    """A keyword edit of the administrator's command between reading and writing."""
    before = await app.texting.addresses.get(app.grant(), NUMBER)
    edited = 0

    async def edit() -> None:
        nonlocal edited
        while edited < 5:
            current = await app.store.inbound_address(ACCOUNT, NUMBER)
            assert current is not None
            with suppress(Conflict):  # of the two, somebody is always faster
                await app.store.commit(Unit(inbound_addresses_changed=[current]))
                edited += 1

    await asyncio.gather(edit(), *(app.texting.addresses.describe(app.grant(), NUMBER, f"d{n}") for n in range(2)))
    after = await app.texting.addresses.get(app.grant(), NUMBER)
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
                settle(outgoing, RetryLater("disk I/O error"))  # as the gate says
                return
            assert self.permit(outgoing) is None
            self.started += 1
            settle(outgoing, DELIVERED)

        async def close(self) -> None:
            """Nothing is in the air."""

    async with phone_app(tmp_path, Troubled) as app:
        await app.send("patience")
        await app.settled()
        assert isinstance(app.channel, Troubled)
        assert app.channel.started == 1


async def test_a_text_whose_verdict_no_longer_holds_is_asked_about_anew_and_loses_no_attempt(tmp_path: Path) -> None:
    class Holding:
        """Starts a text when a test says so."""

        protocols = frozenset({"sms"})

        def __init__(self, permit: Permit) -> None:
            self.permit = permit
            self.waiting: asyncio.Queue[tuple[Outgoing, Settle]] = asyncio.Queue()

        def send(self, outgoing: Outgoing, settle: Settle) -> None:
            if outgoing.message.answers:
                settle(outgoing, DELIVERED)
            else:
                self.waiting.put_nowait((outgoing, settle))

        async def start(self) -> tuple[int, Outcome | None]:
            outgoing, settle = await self.waiting.get()
            refusal = self.permit(outgoing)
            settle(outgoing, refusal or DELIVERED)
            return outgoing.attempt, refusal

        async def close(self) -> None:
            """Nothing is in the air."""

    async with phone_app(tmp_path, Holding, remembers=True) as app:
        channel = app.channel
        assert isinstance(channel, Holding)
        await app.add_number()
        await app.send("news")
        outgoing, settle = await channel.waiting.get()
        await app.receive("STOP")
        channel.waiting.put_nowait((outgoing, settle))
        assert await channel.start() == (1, Busy(0, "consent changed; asked again"))
        assert await channel.start() == (1, BLOCKED)
        await app.settled()
        await app.receive("START")
        await app.send("welcome back")
        assert await channel.start() == (1, None)
        await app.settled()


async def test_who_is_told_that_a_phone_is_opted_out_already_may_rely_on_every_process(app: PhoneApp) -> None:
    heard: list[Unit] = []
    await app.receive("STOP", transport_id="1")
    [opt_out] = await app.store.opt_outs(ACCOUNT, PHONE)
    app.store.announcer.listen(heard.append)
    assert (await app.receive("STOP", transport_id="1")).repeat
    assert [unit.opt_outs for unit in heard] == [[opt_out]]
    grant = app.grant()
    assert not await app.texting.opt_outs.opt_out(grant, NUMBER, PHONE, reason="asked by mail", origin=ADMIN)
    assert [unit.opt_outs for unit in heard] == [[opt_out], [opt_out]]
    assert (await app.receive("what?", transport_id="2", phone="+12025550199")).meaning.set is None
    assert (await app.receive("what?", transport_id="2", phone="+12025550199")).repeat
    assert [unit.opt_outs for unit in heard if unit.opt_outs] == [[opt_out], [opt_out]]
