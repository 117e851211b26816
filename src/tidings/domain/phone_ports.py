"""What the store keeps for phones, beside `ports.Store`: opt-outs by text, and texts that applications send.

The same object implements all three; `Store.commit` and `Flow.record` change what these give. Used by services, delivery and the gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from tidings.domain.model import AccountId, LedgerEntry
from tidings.domain.optout import (
    BatchResult,
    BlockingRule,
    InboundAddress,
    InboundText,
    NumberClaim,
    OptOut,
    OptOutBatch,
    OptOutQuery,
    SmsApplication,
)
from tidings.domain.sandbox import SandboxNumber
from tidings.domain.texts import SentText, SentTextQuery, SmsSign, SmsTemplate, TextTally


class OptOutStore(Protocol):
    """What the store keeps of opt-outs by text. Implemented by the Store; `commit` changes it.

    Whoever is asked for by phone is found under every form of the number that the numbering plan has had (`wire.phone_plans`).
    """

    async def inbound_addresses(self, account_id: AccountId) -> list[InboundAddress]:
        """Those that are not deleted, ACCOUNT_WIDE included where it exists, ascending by id."""
        ...

    async def inbound_address(self, account_id: AccountId, address: str) -> InboundAddress | None:
        """Also a deleted one."""
        ...

    async def address_owner(self, address: str) -> InboundAddress | None:
        """The one account's on which texts to this address arrive; a live address belongs to one account only. Never ACCOUNT_WIDE."""
        ...

    async def number_claims(self) -> list[NumberClaim]:
        """Every account's: live inbound addresses but ACCOUNT_WIDE, and senders of applications."""
        ...

    async def claims_of(self, numbers: Sequence[str]) -> list[NumberClaim]:
        """Of these spellings of a number only; some microseconds."""
        ...

    async def addresses_ending(self, digits: str) -> list[InboundAddress]:
        """The live ones of all accounts that are numbers with these last digits."""
        ...

    async def sms_applications(self, account_id: AccountId) -> list[SmsApplication]: ...
    async def sms_application(self, account_id: AccountId, app_id: str) -> SmsApplication | None: ...
    async def blocking_rules(self, account_id: AccountId) -> list[BlockingRule]:
        """Of addresses that are not deleted."""
        ...

    async def sandbox_since(self, account_id: AccountId) -> datetime | None:
        """Since when the account is in the SMS sandbox; None: it is not."""
        ...

    async def sandbox_numbers(self, account_id: AccountId) -> list[SandboxNumber]:
        """By number; kept when an account leaves the sandbox."""
        ...

    async def opt_outs(self, account_id: AccountId, phone: str) -> list[OptOut]:
        """At all addresses that are not deleted."""
        ...

    async def import_opt_outs(self, batch: OptOutBatch) -> BatchResult:
        """Write in one transaction, with their ledger entries, those of a batch who are not opted out at the address and did not opt in
        since it was decided on. The database compares, whichever process changes what. Raises Conflict (inbound address), Unavailable."""
        ...

    async def opt_out_page(self, query: OptOutQuery) -> list[OptOut]: ...
    async def opt_out_total(self, query: OptOutQuery) -> int:
        """O(1) when the query names nothing but the account, or the account and one address."""
        ...

    async def inbound_texts_of(
        self, account_id: AccountId, address: str, phone: str, *, since: datetime, newest: int | None = None
    ) -> list[InboundText]:
        """What a phone said at an address since then, ascending. newest: no more than so many, those that came last."""
        ...

    async def inbound_text_page(
        self, account_id: AccountId, *, after: int, limit: int, addresses: Sequence[str] = (), unmatched: bool = False
    ) -> list[InboundText]:
        """Ascending by id, starting after `after`: a log that is read by a cursor (`ports`). addresses: only at these. unmatched: only
        those that no keyword matched."""
        ...

    async def inbound_text_end(self, account_id: AccountId) -> int:
        """Where that log ends now: no id up to here can appear any more; 0 for an empty one."""
        ...

    async def last_inbound_texts(
        self, account_id: AccountId, *, before: int | None, limit: int, unmatched: bool = False
    ) -> list[InboundText]:
        """Descending by id, starting before `before`: to look at, not to go on reading from."""
        ...

    async def open_reviews(self, account_id: AccountId, *, after: int, limit: int) -> list[LedgerEntry]:
        """REVIEW entries that no REVIEWED one decides (`optout.review_mark`), ascending by id, starting after `after`; of any length of
        the ledger only these are read. Pages of one look: entries leave it, so nobody reads on in it later."""
        ...

    async def open_review_total(self, account_id: AccountId, *, before: datetime | None = None) -> int:
        """How many there are; `before`: that are older than this."""
        ...

    async def last_inbound_at(self, account_id: AccountId, address: str) -> datetime | None:
        """When the newest text arrived at an address, as far as texts are kept."""
        ...


class TextAsk(NamedTuple):
    """What the gate is asked of one text; a tuple, because one is made for every text. `phone`: in any of its forms.

    `back_at`: of a text that says "you are subscribed again" the inbound address, which only matters then; else empty.
    """

    account_id: AccountId
    app_id: str
    sms_type: int
    phone: str
    back_at: str = ""


class GateVerdict(NamedTuple):
    """What the gate said. `blocked_at`: the inbound address at which the phone's opt-out blocks such a text (`optout.covers`), or empty;
    `sandbox`: a text of topics to a number that its account has not verified, and it is in the sandbox.

    `change`: the newest change that the gate had heard of before it looked.
    """

    ask: TextAsk
    blocked_at: str
    change: int = 0


class TextGate(Protocol):
    """Whether a text may go to a phone now. Two implementations pass the same suite (`tests/integration/test_text_gate*.py`): the store's
    own asks the store at the last moment, `delivery.remembered_text_gate` asks for many texts ahead and remembers what changed since.

    A phone is found under every form of its number that the numbering plan has had (`wire.phone_plans`).
    """

    looks_ahead: bool
    """Whether `recheck` needs a verdict that was given ahead."""

    async def verdicts(self, asks: Sequence[TextAsk]) -> list[GateVerdict]:
        """In the order of the asks, for a slice in one question; they see every commit that was acknowledged before. Raises Unavailable."""
        ...

    def recheck(self, ask: TextAsk, ahead: GateVerdict | None) -> str | None:
        """Where the text is blocked now, or empty, as in `GateVerdict`; None: something changed since `ahead`, ask anew.

        Asked immediately before a text starts, so it does not wait: some microseconds, at any number of opt-outs. What was acknowledged
        before it was called counts. Raises Unavailable.
        """
        ...


class TextStore(Protocol):
    """What the store keeps of texts that applications send. Implemented by the Store; `commit` and the flow's `record` change it."""

    async def sms_sign(self, account_id: AccountId, sign_id: int) -> SmsSign | None: ...
    async def sms_sign_by_content(self, account_id: AccountId, content: str) -> SmsSign | None: ...
    async def sms_signs(self, account_id: AccountId) -> list[SmsSign]:
        """Ascending by id."""
        ...

    async def sms_template(self, account_id: AccountId, template_id: int) -> SmsTemplate | None: ...
    async def sms_templates(self, account_id: AccountId) -> list[SmsTemplate]:
        """Ascending by id."""
        ...

    async def sms_sender(self, account_id: AccountId, app_id: str) -> str:
        """The application's default sender, or empty."""
        ...

    async def texts_ended(self, account_id: AccountId, since: datetime) -> int:
        """How many texts of an account were delivered or failed since a whole hour."""
        ...

    async def texts_to(
        self, account_id: AccountId, app_id: str, phones: Sequence[str], *, since: datetime
    ) -> dict[str, list[tuple[datetime, bytes]]]:
        """When these phones were last sent a text by the application, and its digest, ascending; phones without any are left out."""
        ...

    async def sent_texts(self, query: SentTextQuery) -> list[SentText]: ...
    async def sent_text(self, serial: str) -> SentText | None: ...
    async def text_reports(self, account_id: AccountId, app_id: str, *, after: int, limit: int) -> list[SentText]:
        """Those whose end is known, ascending by `report_id`, starting after `after`: a log that is read by a cursor (`ports`)."""
        ...

    async def text_report_end(self, account_id: AccountId, app_id: str) -> int:
        """Where that log ends now: no report id up to here can appear any more; 0 for an empty one."""
        ...

    async def text_part(self, transport_ids: Sequence[str]) -> tuple[str, str] | None:
        """The serial that a part of this id belongs to, and the spelling under which it is kept."""
        ...

    async def text_parts_alike(self, plain_ids: Sequence[str], *, limit: int) -> list[tuple[str, str]]:
        """The serial and the kept spelling of each part whose id has one of these forms (`receipt_ids.plain`), the newest texts first."""
        ...

    async def part_delivered(self, serial: str, transport_id: str) -> bool:
        """Note that a part arrived; durable when this returns. True when it was the last that was missing. Safe to repeat."""
        ...

    async def text_tallies(
        self, account_id: AccountId, *, app_id: str | None = None, since: datetime, until: datetime
    ) -> list[TextTally]:
        """By whole UTC hour in [since, until), ascending."""
        ...

    async def reader(self, account_id: AccountId, app_id: str, name: str) -> int:
        """The last id that it has read; 0 for one that has not begun."""
        ...

    async def last_text_from(self, account_id: AccountId, sender: str) -> datetime | None:
        """The day (its beginning, UTC) on which a text was last sent from this number."""
        ...
