"""What every TextGate promises beside `test_store_optouts`, whether it asks the store at the last moment or remembers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.support.stores import ACCOUNT, NOW, PHONE, TOLL_FREE, WholeStore, add_address, an_entry, an_opt_out

from tidings.delivery.remembered_text_gate import RememberedTextGate
from tidings.domain.model import AccountId, Event
from tidings.domain.optout import ACCOUNT_WIDE, TOPICS_APP, BlockingRule, OptOutBatch, SmsType
from tidings.domain.phone_ports import TextAsk, TextGate
from tidings.domain.sandbox import SandboxNumber
from tidings.domain.unit import Unit

OPTED_OUT, VERIFIED, PENDING, STRANGER = PHONE, "+12025550124", "+12025550125", "+12025550126"
PHONES = (OPTED_OUT, VERIFIED, PENDING, STRANGER)
APP = "1400006666"
PENDING_NUMBER = SandboxNumber(ACCOUNT, PENDING, NOW, NOW, 1, b"salt", b"digest")

Make = Callable[[WholeStore], TextGate]


def direct(store: WholeStore) -> TextGate:
    return store.text_gate


def remembered(store: WholeStore) -> TextGate:
    gate = RememberedTextGate(store.text_gate)
    store.announcer.listen(gate.apply)
    return gate


@pytest.fixture(params=[direct, remembered])
def gate(store: WholeStore, request: pytest.FixtureRequest) -> TextGate:
    make: Make = request.param
    return make(store)


def ask(phone: str = PHONE, app_id: str = TOPICS_APP, sms_type: int = 2, **changes: str) -> TextAsk:
    return TextAsk(ACCOUNT, app_id, sms_type, phone)._replace(**changes)


async def decided(gate: TextGate, one: TextAsk) -> str:
    """What the gate says in the end, asked anew as long as it wants that."""
    [verdict] = await gate.verdicts([one])
    blocked_at = gate.recheck(one, verdict)
    assert blocked_at is not None, "nothing changed in between"
    return blocked_at


@pytest.mark.parametrize("app_id", [TOPICS_APP, APP])
@pytest.mark.parametrize("sms_type", list(SmsType))
@pytest.mark.parametrize("in_sandbox", [False, True])
async def test_a_slice_is_answered_as_its_texts_one_by_one(
    store: WholeStore, gate: TextGate, app_id: str, sms_type: SmsType, in_sandbox: bool
) -> None:
    await add_address(store)
    verified = replace(PENDING_NUMBER, phone=VERIFIED, verified_at=NOW)
    state = Unit(opt_outs=[an_opt_out()], sandbox_numbers=[verified, PENDING_NUMBER])
    state.sandbox_accounts.append((ACCOUNT, NOW if in_sandbox else None))
    await store.commit(state)
    asks = [ask(phone, app_id, sms_type) for phone in (*PHONES, STRANGER)]
    verdicts = await gate.verdicts(asks)
    assert [verdict.ask for verdict in verdicts] == asks
    assert [verdict.blocked_at for verdict in verdicts] == [await decided(gate, one) for one in asks]
    blocked = {verdict.ask.phone: verdict.blocked_at for verdict in verdicts}
    is_notice = app_id == TOPICS_APP and sms_type is not SmsType.VERIFICATION_CODE
    assert (blocked[STRANGER] == "sandbox") == (is_notice and in_sandbox)
    assert blocked[OPTED_OUT] in ("", TOLL_FREE, "sandbox")
    assert blocked[VERIFIED] == ""
    assert await decided(gate, ask(back_at=TOLL_FREE)) == TOLL_FREE
    assert await decided(gate, ask(VERIFIED, back_at=TOLL_FREE)) == ""
    assert await gate.verdicts([]) == []


CHANGES = {
    "an opt-out": Unit(opt_outs=[an_opt_out()]),
    "an opt-out under a former number": Unit(opt_outs=[an_opt_out(phone="+22501234567")]),
    "a rule": Unit(blocking_rules=[BlockingRule(ACCOUNT, TOLL_FREE, APP, frozenset({SmsType.MARKETING}))]),
    "the sandbox": Unit(sandbox_accounts=[(ACCOUNT, NOW)]),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_changes_after_a_verdict_counts(store: WholeStore, gate: TextGate, change: str) -> None:
    await add_address(store)
    phone = "+2250101234567" if "former" in change else PHONE
    app_id = APP if change == "a rule" else TOPICS_APP
    if change == "a rule":
        await store.commit(CHANGES["an opt-out"])
    one = ask(phone, app_id, SmsType.MARKETING)
    [ahead] = await gate.verdicts([one])
    assert ahead.blocked_at == ""
    await store.commit(CHANGES[change])
    assert gate.recheck(one, ahead) != ""
    assert await decided(gate, one) != ""


async def test_an_import_after_a_verdict_counts(store: WholeStore, gate: TextGate) -> None:
    await add_address(store)
    ahead = await gate.verdicts([ask(), ask(STRANGER)])
    entry = an_entry(1, event=Event.OPTED_OUT, endpoint=PHONE, address=TOLL_FREE)
    await store.import_opt_outs(OptOutBatch(ACCOUNT, [an_opt_out()], [entry], seen=0))
    assert gate.recheck(ahead[0].ask, ahead[0]) != ""
    assert gate.recheck(ahead[1].ask, ahead[1]) == ""
    assert await decided(gate, ask()) == TOLL_FREE


async def test_what_is_taken_back_after_a_verdict_counts(store: WholeStore, gate: TextGate) -> None:
    address = await add_address(store)
    rule = BlockingRule(ACCOUNT, TOLL_FREE, APP, frozenset({SmsType.MARKETING}))
    await store.commit(
        Unit(
            opt_outs=[an_opt_out()],
            blocking_rules=[rule],
            sandbox_accounts=[(ACCOUNT, NOW)],
            sandbox_numbers=[PENDING_NUMBER],
        )
    )
    by_rule, in_sandbox, by_phone = ask(app_id=APP, sms_type=1), ask(PENDING), ask()
    asks = [by_rule, in_sandbox, by_phone]

    async def after(*units: Unit) -> list[str | None]:
        ahead = await gate.verdicts(asks)
        for unit in units:
            await store.commit(unit)
        found = [gate.recheck(one, verdict) for one, verdict in zip(asks, ahead, strict=True)]
        settled = [await decided(gate, one) for one in asks]
        # Whoever is told something without being asked anew is told what is so.
        assert all(early in (None, late) for early, late in zip(found, settled, strict=True))
        return list(settled)

    assert await after() == [TOLL_FREE, "sandbox", TOLL_FREE]
    assert await after(Unit(blocking_rules_deleted=[(ACCOUNT, TOLL_FREE, APP)])) == ["", "sandbox", TOLL_FREE]
    assert await after(Unit(sandbox_numbers=[replace(PENDING_NUMBER, verified_at=NOW)])) == ["", "", TOLL_FREE]
    assert await after(Unit(sandbox_numbers_deleted=[(ACCOUNT, PENDING)])) == ["", "sandbox", TOLL_FREE]
    assert await after(Unit(sandbox_accounts=[(ACCOUNT, None)])) == ["", "", TOLL_FREE]
    assert await after(Unit(inbound_addresses_changed=[replace(address, deleted_at=NOW)])) == ["", "", ""]
    assert await after(Unit(inbound_addresses_changed=[replace(address, version=2)])) == ["", "", TOLL_FREE]
    [opt_out] = await store.opt_outs(ACCOUNT, PHONE)
    assert await after(Unit(opt_outs_lifted=[opt_out])) == ["", "", ""]
    wide = an_opt_out(ACCOUNT_WIDE)
    await add_address(store, ACCOUNT_WIDE)
    assert await after(Unit(opt_outs=[wide])) == [ACCOUNT_WIDE, "", ACCOUNT_WIDE]


async def test_the_remembered_gate_asks_anew_only_about_what_may_have_changed(store: WholeStore) -> None:
    gate = remembered(store)
    await add_address(store)
    mine, others = ask(), ask(STRANGER)
    elsewhere = ask(account_id=AccountId("9" * 12))
    verdicts = await gate.verdicts([mine, others, elsewhere])
    await store.commit(Unit(opt_outs=[an_opt_out()]))
    assert [gate.recheck(verdict.ask, verdict) for verdict in verdicts] == [None, "", ""]
    await store.commit(Unit(ledger=[an_entry(1)]))  # of a subscription
    assert [gate.recheck(verdict.ask, verdict) for verdict in verdicts] == [None, "", ""]
    await store.commit(Unit(sandbox_accounts=[(ACCOUNT, NOW)]))
    assert [gate.recheck(verdict.ask, verdict) for verdict in verdicts] == [None, None, ""]
    assert gate.recheck(mine, None) is None
    assert gate.recheck(others, verdicts[2]) is None, "it was given for another text"


async def test_what_the_remembered_gate_has_forgotten_is_asked_about_anew(store: WholeStore) -> None:
    gate = RememberedTextGate(store.text_gate, changes_max=2)
    phones = [f"+1202555010{number}" for number in range(5)]
    before = await gate.verdicts([ask(phone) for phone in phones])
    gate.apply(Unit(opt_outs=[an_opt_out(phone=phones[0])]))
    first = await gate.verdicts([ask(phone) for phone in phones])
    for phone in phones[1:3]:
        gate.apply(Unit(opt_outs=[an_opt_out(phone=phone)]))
    assert [gate.recheck(verdict.ask, verdict) for verdict in before] == [None] * 5
    assert [gate.recheck(verdict.ask, verdict) for verdict in first] == ["", None, None, "", ""]
    gate.forget_all()
    assert [gate.recheck(verdict.ask, verdict) for verdict in first] == [None] * 5
    assert await decided(gate, ask(phones[3])) == ""
