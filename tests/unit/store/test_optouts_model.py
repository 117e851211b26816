"""Which texts are blocked, and how many people are opted out, whatever happens in any order: the rule in Python beside the one in SQL."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.examples import examples
from tests.support.stores import ACCOUNT, NOW, OTHER, SECOND, SHORT_CODE, TOLL_FREE, an_address, an_entry, an_opt_out

from tidings.domain.errors import Conflict
from tidings.domain.model import NEWEST, AccountId, Event, LedgerQuery, Way
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    TOPICS_APP,
    BlockingRule,
    InboundAddress,
    OptOut,
    OptOutBatch,
    OptOutQuery,
    SmsType,
    covers,
)
from tidings.domain.phone_ports import TextAsk
from tidings.domain.unit import Unit
from tidings.store.sqlite import SqliteStore

T = TypeVar("T")
Place = tuple[AccountId, str]
PHONES = ["+12025550123", "+12025550124", "+442079460000"]
APPS = ["1400", "1300", TOPICS_APP]
ACCOUNTS = [ACCOUNT, OTHER]
places = st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from([TOLL_FREE, SHORT_CODE, "24274", ACCOUNT_WIDE]))
phones, apps = st.sampled_from(PHONES), st.sampled_from(APPS)
types = st.frozensets(st.sampled_from(SmsType), min_size=1)


class Harness(RuleBasedStateMachine):
    """Addresses, rules and people of two accounts, as the store has them and as we remember them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.place = tempfile.TemporaryDirectory()
        self.store = self.run(SqliteStore.open(Path(self.place.name) / "tidings.db"))
        self.addresses: dict[Place, InboundAddress] = {}
        self.rules: dict[tuple[Place, str], BlockingRule] = {}
        self.people: dict[tuple[Place, str], OptOut] = {}
        self.seen = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.get_loop().run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        self.place.cleanup()

    def commits(self, unit: Unit) -> bool:
        try:
            self.run(self.store.commit(unit))
        except Conflict:
            return False
        return True

    def is_taken(self, place: Place) -> bool:
        return place[1] != ACCOUNT_WIDE and any(
            key[1] == place[1] and row.deleted_at is None for key, row in self.addresses.items()
        )

    @initialize(address=st.sampled_from([TOLL_FREE, ACCOUNT_WIDE]), phones=st.lists(phones, min_size=1, unique=True))
    def begin_with_somebody_opted_out(self, address: str, phones: list[str]) -> None:
        self.add((ACCOUNT, address))
        self.opt_out((ACCOUNT, address), phones, 0)

    @rule(place=places)
    def add(self, place: Place) -> None:
        account, address = place
        possible = place not in self.addresses and not self.is_taken(place)
        assert self.commits(Unit(inbound_addresses_new=[an_address(address, account)])) is possible
        if possible:
            self.remember(place)

    @precondition(lambda self: self.addresses)
    @rule(which=st.integers(0, 99))
    def delete_or_bring_back(self, which: int) -> None:
        place = list(self.addresses)[which % len(self.addresses)]
        row = self.addresses[place]
        possible = row.deleted_at is None or not self.is_taken(place)
        changed = replace(row, deleted_at=NOW if row.deleted_at is None else None)
        assert self.commits(Unit(inbound_addresses_changed=[changed])) is possible
        if possible:
            self.remember(place)

    def remember(self, place: Place) -> None:
        found = self.run(self.store.inbound_address(*place))
        assert found is not None
        self.addresses[place] = found

    @rule(place=places, app=apps, types=types)
    def set_rule(self, place: Place, app: str, types: frozenset[SmsType]) -> None:
        new = BlockingRule(*place, app, types)
        assert self.commits(Unit(blocking_rules=[new])) is (place in self.addresses)
        if place in self.addresses:
            self.rules[place, app] = new

    @rule(place=places, app=apps)
    def delete_rule(self, place: Place, app: str) -> None:
        there = self.rules.pop((place, app), None) is not None
        assert self.commits(Unit(blocking_rules_deleted=[(*place, app)])) is there

    @rule(place=places, phones=st.lists(phones, min_size=1, unique=True), second=st.integers(0, 2))
    def opt_out(self, place: Place, phones: list[str], second: int) -> None:
        """All of them or nobody: one who is opted out already was not read."""
        since = NOW + second * SECOND
        people = [an_opt_out(place[1], phone, account_id=place[0], since=since) for phone in phones]
        possible = place in self.addresses and not any((place, phone) in self.people for phone in phones)
        assert self.commits(Unit(opt_outs=people)) is possible
        if possible:
            self.people.update({(place, row.phone): row for row in people})

    @rule(place=places, phones=st.lists(phones, min_size=1, unique=True), opted_in=st.none() | phones)
    def import_them(self, place: Place, phones: list[str], opted_in: str | None) -> None:
        """Those who are opted out stay as they are, and who opted in since is left out."""
        if opted_in is not None:
            entry = an_entry(1, event=Event.OPTED_IN, account_id=place[0], address=place[1], endpoint=opted_in)
            self.run(self.store.commit(Unit(ledger=[entry])))
        people = [an_opt_out(place[1], phone, account_id=place[0], way=Way.IMPORT) for phone in phones]
        entries = [an_entry(2, event=Event.OPTED_OUT, account_id=place[0], endpoint=phone) for phone in phones]
        batch = OptOutBatch(place[0], people, entries, self.seen)
        self.seen = self.last_entry()
        try:
            result = self.run(self.store.import_opt_outs(batch))
        except Conflict:
            assert place not in self.addresses
            return
        late = {phone for phone in phones if phone == opted_in}
        known = {phone for phone in phones if (place, phone) in self.people} - late
        assert {phone for _, phone in result.opted_in} == late
        assert {phone for _, phone in result.known} == known
        written = [row for row in people if row.phone not in late | known]
        ledger = self.run(self.store.ledger(LedgerQuery(after=self.seen, limit=99)))
        assert [entry.endpoint for entry in ledger] == [row.phone for row in written]
        self.people.update({(place, row.phone): row for row in written})
        self.seen = self.last_entry()

    def last_entry(self) -> int:
        newest = self.run(self.store.ledger(LedgerQuery(before=NEWEST, limit=1)))
        return newest[0].id if newest else 0

    def read(self, place: Place, phone: str) -> OptOut | None:
        """With its version; None at a deleted address."""
        found = self.run(self.store.opt_outs(place[0], phone))
        return next((row for row in found if row.address == place[1]), None)

    @rule(place=places, phone=phones, is_stale=st.booleans(), way=st.sampled_from([Way.KEYWORD, Way.CONSOLE]))
    def change(self, place: Place, phone: str, is_stale: bool, way: Way) -> None:
        there = self.read(place, phone) or self.people.get((place, phone))
        row = replace(there or an_opt_out(place[1], phone, account_id=place[0]), way=way)
        row = replace(row, version=row.version + 1 if is_stale or there is None else row.version)
        possible = there is not None and not is_stale
        if there is not None and self.read(place, phone) is None:
            return  # hidden: nobody can have read it
        assert self.commits(Unit(opt_outs=[row])) is possible
        if possible:
            self.people[place, phone] = row

    @rule(place=places, phone=phones)
    def expect_nobody(self, place: Place, phone: str) -> None:
        assert self.commits(Unit(opt_outs_absent=[(*place, phone)])) is ((place, phone) not in self.people)

    @rule(place=places, phone=phones)
    def lift(self, place: Place, phone: str) -> None:
        there = self.people.get((place, phone))
        if there is not None:
            there = self.read(place, phone)
            if there is None:
                return  # hidden: nobody can have read it
            before = replace(there, version=there.version - 1)
            assert not self.commits(Unit(opt_outs_lifted=[before]))
            del self.people[place, phone]
        lifted = there or an_opt_out(place[1], phone, account_id=place[0])
        assert self.commits(Unit(opt_outs_lifted=[lifted])) is (there is not None)

    @invariant()
    def exactly_what_the_rule_covers_is_blocked(self) -> None:
        for account in ACCOUNTS:
            for app in APPS:
                for sms_type in SmsType:
                    expected = {phone: self.blocked_at(account, app, sms_type, phone) for phone in PHONES}
                    asks = [TextAsk(account, app, sms_type, phone) for phone in PHONES]
                    found = self.run(self.store.text_gate.verdicts(asks))
                    assert [verdict.blocked_at for verdict in found] == [expected[phone] for phone in PHONES]
                    for phone, address in expected.items():
                        assert self.store.text_gate.recheck(TextAsk(account, app, sms_type, phone), None) == address

    def blocked_at(self, account: AccountId, app: str, sms_type: SmsType, phone: str) -> str:
        at = [self.addresses[place] for place, who in self.people if who == phone and place[0] == account]
        at.sort(key=lambda row: row.id)
        for row in at:
            if covers(row, self.rules.get(((account, row.address), app)), app, sms_type):
                return row.address
        return ""

    @invariant()
    def people_are_listed_and_counted_where_the_address_is_not_deleted(self) -> None:
        for account in ACCOUNTS:
            mine = [
                row
                for (place, _), row in self.people.items()
                if place[0] == account and self.addresses[place].deleted_at is None
            ]
            mine.sort(key=lambda row: (row.since, row.phone, self.addresses[account, row.address].id))
            assert self.run(self.store.opt_out_page(OptOutQuery(account))) == mine
            assert self.run(self.store.opt_out_total(OptOutQuery(account))) == len(mine)
            for address in (TOLL_FREE, SHORT_CODE, ACCOUNT_WIDE):
                query = OptOutQuery(account, [address])
                at = [row for row in mine if row.address == address]
                assert self.run(self.store.opt_out_page(query)) == at
                assert self.run(self.store.opt_out_total(query)) == len(at)


TestHarness = Harness.TestCase
TestHarness.settings = settings(
    max_examples=examples(25), stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
