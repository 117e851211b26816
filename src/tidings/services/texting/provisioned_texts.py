"""What a provisioning file says of what texts are made of: signs and templates.

Called by `services.accounts`, which applies it in one transaction with everything else. What a file names is usable at once, because
whoever writes the file is who would decide on it; so a marketing template without a way to unsubscribe is taken here. Nothing is
removed. Editing one by API is `services.texting.text_catalog`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tidings.domain.errors import InvalidValue
from tidings.domain.model import AccountId
from tidings.domain.optout import SmsType
from tidings.domain.phone_ports import TextStore
from tidings.domain.texts import Reach, Review, SmsSign, SmsTemplate
from tidings.domain.unit import Unit
from tidings.services.texting.text_catalog import next_id
from tidings.services.texting.text_rules import check_sign, check_template

ID_MAX = 2**31 - 1
"""What an application may keep in a number of 32 bits."""


@dataclass(frozen=True, slots=True)
class WantedSign:
    """Known by its content. `reach` stays as it is when None; a new sign is for all numbers."""

    content: str
    reach: Reach | None = None


@dataclass(frozen=True, slots=True)
class WantedTemplate:
    """Known by its id. `reach` stays as it is when None; a new template is for all numbers."""

    id: int
    name: str
    content: str
    sms_type: SmsType
    reach: Reach | None = None


class TextsDifference:
    """Compares one account's signs and templates with the store; adds lines and rows to what is handed in."""

    def __init__(self, texts: TextStore, now: datetime, lines: list[str], unit: Unit) -> None:
        self._texts = texts
        self._now = now
        self._lines = lines
        self._unit = unit

    async def compare(
        self, account_id: AccountId, signs: Sequence[WantedSign], templates: Sequence[WantedTemplate]
    ) -> None:
        """Raises InvalidValue."""
        for sign in signs:
            await self._sign(account_id, sign)
        for template in templates:
            await self._template(account_id, template)

    async def _sign(self, account_id: AccountId, wanted: WantedSign) -> None:
        try:
            check_sign(wanted.content)
        except InvalidValue as error:
            raise InvalidValue(f"sms_sign {wanted.content[:40]!r}", error.reason) from error
        stored = await self._texts.sms_sign_by_content(account_id, wanted.content)
        if stored is None:
            reach = Reach.BOTH if wanted.reach is None else wanted.reach
            sign_id = await self._next_sign_id(account_id)
            self._unit.sms_signs_new.append(
                SmsSign(sign_id, account_id, wanted.content, reach, Review.USABLE, self._now)
            )
            self._lines.append(f"sms sign {account_id}/{wanted.content}: add {_reach(reach)}")
            return
        row = replace(stored, reach=wanted.reach if wanted.reach is not None else stored.reach, review=Review.USABLE)
        if row != stored:
            self._lines.append(f"sms sign {account_id}/{wanted.content}: change {_changes(stored, row)}")
            self._unit.sms_signs_changed.append(row)

    async def _next_sign_id(self, account_id: AccountId) -> int:
        taken = {sign.id for sign in await self._texts.sms_signs(account_id)}
        taken |= {sign.id for sign in self._unit.sms_signs_new if sign.account_id == account_id}
        return next_id(taken, self._now)

    async def _template(self, account_id: AccountId, wanted: WantedTemplate) -> None:
        if not 1 <= wanted.id <= ID_MAX:
            raise InvalidValue("sms_template.id", f"1 to {ID_MAX}", str(wanted.id))
        try:
            check_template(wanted.name, wanted.content)
        except InvalidValue as error:
            raise InvalidValue(f"sms_template {wanted.id}, {error.field}", error.reason, error.value) from error
        stored = await self._texts.sms_template(account_id, wanted.id)
        if stored is None:
            reach = Reach.BOTH if wanted.reach is None else wanted.reach
            self._unit.sms_templates_new.append(
                SmsTemplate(
                    wanted.id,
                    account_id,
                    wanted.name,
                    wanted.content,
                    wanted.sms_type,
                    reach,
                    Review.USABLE,
                    self._now,
                )
            )
            told = f"name={wanted.name!r} type={wanted.sms_type.name.lower()} {_reach(reach)}"
            self._lines.append(f"sms template {account_id}/{wanted.id}: add {told}")
            return
        row = replace(
            stored,
            name=wanted.name,
            content=wanted.content,
            sms_type=wanted.sms_type,
            reach=stored.reach if wanted.reach is None else wanted.reach,
            review=Review.USABLE,
        )
        if row != stored:
            self._lines.append(f"sms template {account_id}/{wanted.id}: change {_changes(stored, row)}")
            self._unit.sms_templates_changed.append(row)


def _reach(reach: Reach) -> str:
    return f"for={'all' if reach is Reach.BOTH else reach.name.lower()}"


def _changes(stored: SmsSign | SmsTemplate, row: SmsSign | SmsTemplate) -> str:
    """What is new, a word each; of a content only that it is."""
    told = []
    if isinstance(stored, SmsTemplate) and isinstance(row, SmsTemplate):
        if row.name != stored.name:
            told.append(f"name={row.name!r}")
        if row.sms_type is not stored.sms_type:
            told.append(f"type={row.sms_type.name.lower()}")
    if row.content != stored.content:
        told.append("content")
    if row.reach is not stored.reach:
        told.append(_reach(row.reach))
    if row.review is not stored.review:
        told.append("approved")
    return " ".join(told)
