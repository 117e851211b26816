"""Signs and templates of the texts that an account's applications send. Called by dialects, the console and `texts`.

A new or changed one is usable at once, or, where the operator wants that, waits until somebody decides on it; one that was approved is
then not changed any more, as in the cloud. Filling in a template's places is the dialects'; provisioning is `provisioned_sms`.
Source: SMS API reference, version 2021-01-11 (AddSmsTemplate, ModifySmsTemplate, AddSmsSign, ModifySmsSign and their Describe…List).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tidings.domain.audit import Act
from tidings.domain.errors import AlreadyExists, Conflict, InvalidValue, NotFound, QuotaExceeded, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId
from tidings.domain.optout import KeywordSet, SmsType
from tidings.domain.phone_ports import OptOutStore, TextStore
from tidings.domain.ports import Clock, Store
from tidings.domain.template_texts import says_how_to_opt_out
from tidings.domain.texts import Reach, Review, SmsSign, SmsTemplate
from tidings.domain.unit import Unit
from tidings.services.conflicts import retry_on_conflict
from tidings.services.quotas import Quotas
from tidings.services.texting.text_rules import check_reply, check_sign, check_template

FIRST_ID = 1_000_001

READING = frozenset({Verb.LIST, Verb.MANAGE_TEMPLATES, Verb.PUBLISH_SMS})
"""Who sends a text must be able to see what it is made of."""

_IDS_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def next_id(taken: Collection[int], now: datetime) -> int:
    """An id greater than all that are taken, and than those of what was deleted some time ago.

    It keeps pace with the clock, a step a minute: were it only the highest plus one, an application that still has the id of a
    deleted template would one day send another one's text.
    """
    minutes = max(0, (now - _IDS_SINCE) // timedelta(minutes=1))
    return max(max(taken, default=0) + 1, FIRST_ID + minutes)


class TextCatalog:
    """`store`, `text_store`, `opt_outs`: one object; without `opt_outs`, an account's own keywords are no way to unsubscribe.

    `reviewed`: what is new or changed waits for `review_sign` and `review_template`.
    """

    def __init__(
        self,
        store: Store,
        text_store: TextStore,
        clock: Clock,
        *,
        quotas: Quotas,
        opt_outs: OptOutStore | None = None,
        reviewed: bool = False,
    ) -> None:
        self._store = store
        self._texts = text_store
        self._opt_outs = opt_outs
        self._clock = clock
        self._quotas = quotas
        self._fresh = Review.WAITING if reviewed else Review.USABLE

    # --- signs ---------------------------------------------------------------------------------------------------------------

    async def signs(self, grant: Grant) -> list[SmsSign]:
        """Ascending by id."""
        grant.require(*READING)
        return await self._texts.sms_signs(grant.owner)

    async def sign(self, grant: Grant, sign_id: int) -> SmsSign:
        """Raises NotFound (signature)."""
        grant.require(*READING, Verb.MANAGE_ACCOUNT)
        found = await self._texts.sms_sign(grant.owner, sign_id)
        if found is None:
            raise NotFound("signature", str(sign_id))
        return found

    async def usable_sign(self, grant: Grant, content: str) -> SmsSign | None:
        """The sign of that content, if texts may be sent with it."""
        grant.require(*READING)
        found = await self._texts.sms_sign_by_content(grant.owner, content)
        return found if found is not None and found.review is Review.USABLE else None

    @retry_on_conflict
    async def add_sign(
        self, grant: Grant, content: str, *, reach: Reach, kind: int = 0, document: int = 0, remark: str = ""
    ) -> SmsSign:
        """One that was refused is asked for again, and one that is there for other numbers becomes one for both: with its id.

        Raises AlreadyExists (signature), InvalidValue (`content`, `remark`), QuotaExceeded (signatures).
        """
        grant.require(Verb.MANAGE_TEMPLATES)
        check_sign(content, remark)
        now = self._clock.now()
        before = await self._texts.sms_sign_by_content(grant.owner, content)
        if before is None:
            sign_id = await self._sign_id(grant.owner, now)
            wanted = SmsSign(sign_id, grant.owner, content, reach, self._fresh, now, kind, document, remark)
            unit = Unit(act=grant.act(now), sms_signs_new=[wanted])
        else:
            wanted = self._asked_again(before, reach, now)
            wanted = replace(wanted, kind=kind, document=document, remark=remark)
            unit = Unit(act=grant.act(now), sms_signs_changed=[wanted])
        await self._store.commit(unit)
        return wanted if before is None else replace(wanted, version=before.version + 1)

    async def _sign_id(self, account_id: AccountId, now: datetime) -> int:
        known = await self._texts.sms_signs(account_id)
        if len(known) >= self._quotas.sms_signs_per_account:
            raise QuotaExceeded("signatures", self._quotas.sms_signs_per_account)
        return next_id([sign.id for sign in known], now)

    def _asked_again(self, before: SmsSign, reach: Reach, now: datetime) -> SmsSign:
        refused = before.review is Review.REFUSED
        covered = before.reach in (reach, Reach.BOTH)
        approved = before.review is Review.USABLE and self._fresh is not Review.USABLE
        if not refused and (covered or approved):
            raise AlreadyExists("signature", "content")
        wider = before.reach if covered else Reach.BOTH
        return replace(before, reach=wider, review=self._fresh, review_reply="", created_at=now)

    @retry_on_conflict
    async def change_sign(
        self,
        grant: Grant,
        sign_id: int,
        *,
        content: str | None = None,
        reach: Reach | None = None,
        kind: int | None = None,
        document: int | None = None,
        remark: str | None = None,
    ) -> SmsSign:
        """What is None stays. Raises NotFound (signature), WrongState (approved), AlreadyExists (another one's content),
        InvalidValue (`content`, `remark`, and `reach`, which cannot change)."""
        grant.require(Verb.MANAGE_TEMPLATES)
        before = await self.sign(grant, sign_id)
        self._check_changeable("signature", before.review, before.reach, reach)
        altered = replace(
            before,
            content=before.content if content is None else content,
            kind=before.kind if kind is None else kind,
            document=before.document if document is None else document,
            remark=before.remark if remark is None else remark,
            review=self._fresh,
            review_reply="",
        )
        check_sign(altered.content, altered.remark)
        other = await self._texts.sms_sign_by_content(grant.owner, altered.content)
        if other is not None and other.id != sign_id:
            raise AlreadyExists("signature", "content")
        await self._store.commit(Unit(act=self._act(grant), sms_signs_changed=[altered]))
        return replace(altered, version=before.version + 1)

    async def delete_sign(self, grant: Grant, sign_id: int) -> None:
        """Raises NotFound (signature)."""
        grant.require(Verb.MANAGE_TEMPLATES)
        await self.sign(grant, sign_id)
        unit = Unit(act=self._act(grant), sms_signs_deleted=[(grant.owner, sign_id)])
        try:
            await self._store.commit(unit)
        except Conflict:
            raise NotFound("signature", str(sign_id)) from None

    @retry_on_conflict
    async def review_sign(self, grant: Grant, sign_id: int, *, approved: bool, reply: str = "") -> SmsSign:
        """Decide on a sign, also otherwise than before. Raises NotFound (signature), InvalidValue (reply)."""
        grant.require(Verb.MANAGE_ACCOUNT)
        check_reply(reply)
        before = await self.sign(grant, sign_id)
        altered = replace(before, review=_decided(approved), review_reply=reply)
        await self._store.commit(Unit(act=self._act(grant), sms_signs_changed=[altered]))
        return replace(altered, version=before.version + 1)

    # --- templates -------------------------------------------------------------------------------------------------------------

    async def templates(self, grant: Grant) -> list[SmsTemplate]:
        """Ascending by id."""
        grant.require(*READING)
        return await self._texts.sms_templates(grant.owner)

    async def template(self, grant: Grant, template_id: int) -> SmsTemplate:
        """Raises NotFound (template)."""
        grant.require(*READING, Verb.MANAGE_ACCOUNT)
        found = await self._texts.sms_template(grant.owner, template_id)
        if found is None:
            raise NotFound("template", str(template_id))
        return found

    @retry_on_conflict
    async def add_template(
        self, grant: Grant, *, name: str, content: str, sms_type: SmsType, reach: Reach, remark: str = ""
    ) -> SmsTemplate:
        """Raises InvalidValue (`name`, `content`, `content length`, `remark`, and `unsubscribe` for a marketing text that does not
        say how to get no more), QuotaExceeded (templates)."""
        grant.require(Verb.MANAGE_TEMPLATES)
        check_template(name, content, remark)
        await self._check_way_out(grant.owner, content, sms_type)
        known = await self._texts.sms_templates(grant.owner)
        if len(known) >= self._quotas.sms_templates_per_account:
            raise QuotaExceeded("templates", self._quotas.sms_templates_per_account)
        now = self._clock.now()
        template_id = next_id([template.id for template in known], now)
        made = SmsTemplate(template_id, grant.owner, name, content, sms_type, reach, self._fresh, now, remark=remark)
        await self._store.commit(Unit(act=grant.act(now), sms_templates_new=[made]))
        return made

    @retry_on_conflict
    async def change_template(
        self,
        grant: Grant,
        template_id: int,
        *,
        name: str | None = None,
        content: str | None = None,
        sms_type: SmsType | None = None,
        reach: Reach | None = None,
        remark: str | None = None,
    ) -> SmsTemplate:
        """What is None stays. Raises NotFound (template), WrongState (approved), InvalidValue as for a new one, and `reach`, which
        cannot change."""
        grant.require(Verb.MANAGE_TEMPLATES)
        before = await self.template(grant, template_id)
        self._check_changeable("template", before.review, before.reach, reach)
        altered = replace(
            before,
            name=before.name if name is None else name,
            content=before.content if content is None else content,
            sms_type=before.sms_type if sms_type is None else sms_type,
            remark=before.remark if remark is None else remark,
            review=self._fresh,
            review_reply="",
        )
        check_template(altered.name, altered.content, altered.remark)
        await self._check_way_out(grant.owner, altered.content, altered.sms_type)
        await self._store.commit(Unit(act=self._act(grant), sms_templates_changed=[altered]))
        return replace(altered, version=before.version + 1)

    async def delete_template(self, grant: Grant, template_id: int) -> None:
        """Raises NotFound (template)."""
        grant.require(Verb.MANAGE_TEMPLATES)
        await self.template(grant, template_id)
        unit = Unit(act=self._act(grant), sms_templates_deleted=[(grant.owner, template_id)])
        try:
            await self._store.commit(unit)
        except Conflict:
            raise NotFound("template", str(template_id)) from None

    @retry_on_conflict
    async def review_template(self, grant: Grant, template_id: int, *, approved: bool, reply: str = "") -> SmsTemplate:
        """Decide on a template, also otherwise than before. Raises NotFound (template), InvalidValue (reply)."""
        grant.require(Verb.MANAGE_ACCOUNT)
        check_reply(reply)
        before = await self.template(grant, template_id)
        altered = replace(before, review=_decided(approved), review_reply=reply)
        await self._store.commit(Unit(act=self._act(grant), sms_templates_changed=[altered]))
        return replace(altered, version=before.version + 1)

    # --- rules -----------------------------------------------------------------------------------------------------------------

    def _check_changeable(self, kind: str, review: Review, reach: Reach, wanted: Reach | None) -> None:
        if self._fresh is Review.WAITING and review in (Review.USABLE, Review.LATER):
            raise WrongState(kind, "approved", "change it")
        if wanted is not None and reach not in (wanted, Reach.BOTH):
            raise InvalidValue("reach", "cannot change")

    async def _check_way_out(self, account_id: AccountId, content: str, sms_type: SmsType) -> None:
        if sms_type is not SmsType.MARKETING or says_how_to_opt_out(content):
            return
        addresses = [] if self._opt_outs is None else await self._opt_outs.inbound_addresses(account_id)
        own = [word for address in addresses for word in address.keywords.get(KeywordSet.OPT_OUT, ())]
        if not says_how_to_opt_out(content, own):
            raise InvalidValue("unsubscribe", "a marketing text says how to get no more")

    def _act(self, grant: Grant) -> Act:
        return grant.act(self._clock.now())


def _decided(approved: bool) -> Review:
    return Review.USABLE if approved else Review.REFUSED
