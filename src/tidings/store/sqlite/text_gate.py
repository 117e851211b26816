"""`DirectTextGate`: `domain.phone_ports.TextGate` that asks the SQLite file each time.

It decides nothing but what `domain.optout.covers` says, in SQL. `recheck` is on the way of every text and costs one look at the
opt-outs of one phone. Nothing is cached, so that it sees what another process has just committed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidings.domain.model import AccountId
from tidings.domain.optout import TOPICS_APP, SmsType
from tidings.domain.phone_ports import GateVerdict, TextAsk
from tidings.store.sqlite import rows
from tidings.store.sqlite.database import SQL, Database
from tidings.store.sqlite.forms import forms_of
from tidings.wire.phone_plans import spellings

SANDBOX = "sandbox"
"""In place of an address."""

_FORMS_MAX = 8
"""Of a number: far more than any numbering plan has had."""

_TEXT_BLOCKED = {count: SQL[f"text_blocked_{count}"] for count in range(1, _FORMS_MAX + 1)}
_OPTED_OUT_AT = {count: SQL[f"opted_out_at_{count}"] for count in range(1, _FORMS_MAX + 1)}
"""By how many forms a number has, which are their last bindings."""
_SANDBOX_BLOCKS = SQL["sandbox_blocks"]


class DirectTextGate:
    looks_ahead = False

    def __init__(self, database: Database) -> None:
        self._database = database

    async def verdicts(self, asks: Sequence[TextAsk]) -> list[GateVerdict]:
        phones: dict[tuple[AccountId, str, int], list[str]] = {}
        for ask in asks:
            if not ask.back_at:
                phones.setdefault(ask[:3], []).append(ask.phone)
        blocked = {key: self._blocked_of(*key, asked) for key, asked in phones.items()}
        return [
            GateVerdict(ask, self._opted_out_at(ask) if ask.back_at else blocked[ask[:3]].get(ask.phone, ""))
            for ask in asks
        ]

    def recheck(self, ask: TextAsk, ahead: GateVerdict | None) -> str | None:
        """Looks now, whatever was said ahead."""
        account_id, app_id, sms_type, phone, back_at = ask
        if back_at:
            return self._opted_out_at(ask)
        forms = spellings(phone)
        found = self._database.rows(_TEXT_BLOCKED[len(forms)], (account_id, app_id, sms_type, *forms))
        if found:
            return str(found[0][0])
        # A one-time password goes to a number that is not verified: that is what it is for.
        if app_id == TOPICS_APP and sms_type != SmsType.VERIFICATION_CODE:
            return SANDBOX if self._sandbox_blocks(account_id, forms[0]) else ""
        return ""

    def _opted_out_at(self, ask: TextAsk) -> str:
        forms = spellings(ask.phone)
        return ask.back_at if self._database.rows(_OPTED_OUT_AT[len(forms)], (ask[0], ask.back_at, *forms)) else ""

    def _blocked_of(
        self, account_id: AccountId, app_id: str, sms_type: int, phones: Sequence[str]
    ) -> Mapping[str, str]:
        """Where each phone is blocked; those that are not are left out."""
        asked = forms_of(phones)
        bindings = account_id, app_id, sms_type, rows.json_array(list(asked))
        blocked: dict[str, str] = {}
        for form, address in self._database.rows(SQL["texts_blocked"], bindings):
            for phone in asked[form]:
                blocked.setdefault(phone, address)
        is_notice = app_id == TOPICS_APP and sms_type != SmsType.VERIFICATION_CODE
        if is_notice and self._database.row(SQL["sandbox_since"], (account_id,)) is not None:
            for phone in phones:
                if phone not in blocked and self._sandbox_blocks(account_id, spellings(phone)[0]):
                    blocked[phone] = SANDBOX
        return blocked

    def _sandbox_blocks(self, account_id: AccountId, number: str) -> bool:
        return bool(self._database.rows(_SANDBOX_BLOCKS, (account_id, number)))
