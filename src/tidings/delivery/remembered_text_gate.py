"""A `TextGate` for several processes on one store: asks it for many texts at a time, ahead of their way, and remembers what changed since.

The store's own gate asks the store for each text at the last moment. That is right where a look costs microseconds, and too dear over a
network. Here a verdict carries the number of the newest change that was known before the store looked. Changes are heard of before they
are acknowledged (`ports.Announcer`); a text whose phone, or whose account's rules, changed after its verdict is asked about anew. So the
promise is the same: once an opt-out is acknowledged, nothing that it covers starts.

Memory is bounded: of changes that are forgotten only the newest number is kept, and what is older than that is asked about anew, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidings.domain.model import AccountId
from tidings.domain.phone_ports import GateVerdict, TextAsk, TextGate
from tidings.domain.unit import Unit
from tidings.wire.phone_plans import canonical

CHANGES_MAX = 100_000
"""Phones and accounts whose last change is remembered: a bound on memory."""
_ALL_OF_IT = ""
"""In place of a phone: the account's rules, addresses or sandbox."""


class RememberedTextGate:
    """`store_gate`: asked for verdicts. `apply` is to be a listener of the announcer before the first question."""

    looks_ahead = True

    def __init__(self, store_gate: TextGate, *, changes_max: int = CHANGES_MAX) -> None:
        self._store_gate = store_gate
        self._changes_max = changes_max
        self._newest = 0
        self._forgotten = 0  # the newest change of which it is not known any more what it was
        self._changes: dict[tuple[AccountId, str], int] = {}  # the one changed last comes last

    async def verdicts(self, asks: Sequence[TextAsk]) -> list[GateVerdict]:
        # Before the store looks: it may not have seen what is committed while it does.
        newest = self._newest
        found = await self._store_gate.verdicts(asks)
        return [GateVerdict(ask, blocked_at, newest) for ask, blocked_at, _ in found]

    def recheck(self, ask: TextAsk, ahead: GateVerdict | None) -> str | None:
        if ahead is None or ahead.ask != ask:
            return None
        seen, changes = ahead.change, self._changes
        if seen < self._newest and (
            seen < self._forgotten
            or seen < changes.get((ask.account_id, _ALL_OF_IT), 0)
            or seen < changes.get((ask.account_id, canonical(ask.phone)), 0)
        ):
            return None
        return ahead.blocked_at

    def apply(self, unit: Unit) -> None:
        """A listener of the Announcer."""
        for changed in _changed(unit):
            self._newest += 1
            self._changes.pop(changed, None)
            self._changes[changed] = self._newest
        while len(self._changes) > self._changes_max:
            self._forgotten = self._changes.pop(next(iter(self._changes)))

    def forget_all(self) -> None:
        """Anything may have changed: no verdict that was given until now holds."""
        self._newest += 1
        self._forgotten = self._newest
        self._changes.clear()


def _changed(unit: Unit) -> Iterator[tuple[AccountId, str]]:
    """Whose verdicts a unit changes: accounts, and phones of accounts."""
    for opt_out in (*unit.opt_outs, *unit.opt_outs_lifted):
        yield opt_out.account_id, canonical(opt_out.phone)
    for entry in unit.ledger:
        if entry.address:  # of an import only its entries are announced
            yield entry.account_id, canonical(entry.endpoint)
    for number in unit.sandbox_numbers:
        yield number.account_id, canonical(number.phone)
    for account_id, phone in unit.sandbox_numbers_deleted:
        yield account_id, canonical(phone)
    for rule in unit.blocking_rules:
        yield rule.account_id, _ALL_OF_IT
    for account_id, _, _ in unit.blocking_rules_deleted:
        yield account_id, _ALL_OF_IT
    for address in (*unit.inbound_addresses_new, *unit.inbound_addresses_changed):
        yield address.account_id, _ALL_OF_IT
    for account_id, _ in unit.sandbox_accounts:
        yield account_id, _ALL_OF_IT
