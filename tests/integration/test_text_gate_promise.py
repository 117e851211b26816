"""The promise of every TextGate: once an opt-out is acknowledged, nothing that it covers starts, whatever was committed between question
and send; and a text that nothing blocks goes out as soon as nothing changes any more."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.support.stores import ACCOUNT, NOW, an_address, an_opt_out

from tidings.delivery.remembered_text_gate import RememberedTextGate
from tidings.domain.optout import ACCOUNT_WIDE, TOPICS_APP, AddressKind, BlockingRule, InboundAddress, SmsType, covers
from tidings.domain.phone_ports import GateVerdict, TextAsk, TextGate
from tidings.domain.unit import Unit
from tidings.store.sqlite import SqliteStore
from tidings.wire.phone_plans import canonical

APP = "1400"
NUMBER = "+12025550100"
PHONES = ("+12025550123", "+22501234567", "+2250101234567")  # the last two are one person's
ASKS = [TextAsk(ACCOUNT, app, int(kind), phone) for app in (TOPICS_APP, APP) for kind in (1, 2) for phone in PHONES]
ADDRESSES = (NUMBER, ACCOUNT_WIDE)


class Interrupted:
    """The store's gate, of which `before` it answers something is acknowledged that it did not see."""

    looks_ahead = False

    def __init__(self, gate: TextGate) -> None:
        self._gate = gate
        self.before: list[asyncio.Task[None]] = []

    async def verdicts(self, asks: Sequence[TextAsk]) -> list[GateVerdict]:
        found = await self._gate.verdicts(asks)
        for commit in self.before:
            await commit
        return found

    def recheck(self, ask: TextAsk, ahead: GateVerdict | None) -> str | None:
        return self._gate.recheck(ask, ahead)


class Promise(RuleBasedStateMachine):
    remembers = False

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.run = self.runner.run
        self.path = Path(tempfile.mkdtemp())
        self.store = self.run(SqliteStore.open(self.path / "tidings.db"))
        self.interrupted = Interrupted(self.store.text_gate)
        self.gate: TextGate = self.interrupted
        if self.remembers:
            self.gate = remembered = RememberedTextGate(self.interrupted, changes_max=2)
            self.store.announcer.listen(remembered.apply)
        self.run(
            self.store.commit(
                Unit(inbound_addresses_new=[an_address(NUMBER), an_address(ACCOUNT_WIDE, kind=AddressKind.ACCOUNT)])
            )
        )
        self.out: set[tuple[str, str]] = set()  # acknowledged
        self.types: frozenset[SmsType] | None = None
        self.hidden = False
        self.waiting: list[GateVerdict] = []

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.path)

    # --- what is acknowledged ---------------------------------------------------------------------------------------------

    async def opt_out(self, phone: str, address: str) -> None:
        if self.hidden and address == NUMBER:
            return  # nobody can say it there
        before = {found.address: found for found in await self.store.opt_outs(ACCOUNT, phone)}
        if address in before:
            await self.store.commit(Unit(opt_outs_lifted=[before[address]]))
            self.out.discard((canonical(phone), address))
        else:
            await self.store.commit(Unit(opt_outs=[an_opt_out(address, phone=canonical(phone))]))
            self.out.add((canonical(phone), address))

    @rule(phone=st.sampled_from(PHONES), address=st.sampled_from(ADDRESSES))
    def somebody_opts_out_or_in(self, phone: str, address: str) -> None:
        self.run(self.opt_out(phone, address))

    @rule(types=st.none() | st.frozensets(st.sampled_from([SmsType.MARKETING, SmsType.NOTIFICATION]), min_size=1))
    def the_rule_changes(self, types: frozenset[SmsType] | None) -> None:
        if types is not None:
            self.run(self.store.commit(Unit(blocking_rules=[BlockingRule(ACCOUNT, NUMBER, APP, types)])))
        elif self.types is not None:
            self.run(self.store.commit(Unit(blocking_rules_deleted=[(ACCOUNT, NUMBER, APP)])))
        self.types = types

    @rule()
    def the_address_goes_or_comes_back(self) -> None:
        address = self.run(self.store.inbound_address(ACCOUNT, NUMBER))
        assert address is not None
        changed = replace(address, deleted_at=None if address.deleted_at else NOW)
        self.run(self.store.commit(Unit(inbound_addresses_changed=[changed])))
        self.hidden = not self.hidden  # its states and rules come back with it

    # --- texts on their way -----------------------------------------------------------------------------------------------

    @rule(asks=st.lists(st.sampled_from(ASKS), min_size=1, max_size=4, unique=True))
    def a_slice_is_asked_about(self, asks: list[TextAsk]) -> None:
        self.waiting += self.run(self.gate.verdicts(asks))

    @rule(
        asks=st.lists(st.sampled_from(ASKS), min_size=1, max_size=4, unique=True),
        phone=st.sampled_from(PHONES),
        address=st.sampled_from(ADDRESSES),
    )
    def a_slice_is_asked_about_while_somebody_changes(self, asks: list[TextAsk], phone: str, address: str) -> None:
        async def both() -> list[GateVerdict]:
            self.interrupted.before = [asyncio.ensure_future(self.opt_out(phone, address))]
            try:
                return await self.gate.verdicts(asks)
            finally:
                self.interrupted.before = []

        self.waiting += self.run(both())

    @invariant()
    def nothing_that_is_covered_starts(self) -> None:
        for verdict in self.waiting:
            answer = self.gate.recheck(verdict.ask, verdict)
            assert answer is None or bool(answer) is self.is_blocked(verdict.ask), verdict

    @invariant()
    def what_is_asked_anew_is_answered(self) -> None:
        for verdict in self.run(self.gate.verdicts(ASKS)):
            answer = self.gate.recheck(verdict.ask, verdict)
            assert answer is not None
            assert bool(answer) is self.is_blocked(verdict.ask), verdict

    def is_blocked(self, ask: TextAsk) -> bool:
        now = NOW if self.hidden else None
        number: InboundAddress = an_address(NUMBER, deleted_at=now)
        own_rule = None
        if self.types is not None and ask.app_id == APP:
            own_rule = BlockingRule(ACCOUNT, NUMBER, APP, self.types)
        at = {
            NUMBER: covers(number, own_rule, ask.app_id, SmsType(ask.sms_type)),
            ACCOUNT_WIDE: covers(an_address(ACCOUNT_WIDE), None, ask.app_id, SmsType(ask.sms_type)),
        }
        return any(at[address] for phone, address in self.out if phone == canonical(ask.phone))


class RememberedPromise(Promise):
    remembers = True


@pytest.mark.parametrize("machine", [Promise, RememberedPromise])
def test_an_acknowledged_opt_out_holds(machine: type[Promise]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=30, stateful_step_count=25, deadline=None))
