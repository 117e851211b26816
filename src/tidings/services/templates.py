"""Message templates: texts with variables, kept per account. Called by dialects; filling them in is theirs.

Source: SMN user guide, "Message Template Management".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tidings.domain.errors import AlreadyExists, Conflict, NotFound, QuotaExceeded
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import NO_ID, AccountId, Template, TemplateQuery
from tidings.domain.ports import Clock, Store
from tidings.domain.unit import Counted, RoomFor, Stale, Unit
from tidings.services.conflicts import retry_on_conflict
from tidings.services.quotas import Quotas


class Templates:
    def __init__(self, store: Store, clock: Clock, quotas: Quotas, *, new_uid: Callable[[], str]) -> None:
        self._store = store
        self._clock = clock
        self._quotas = quotas
        self._new_uid = new_uid

    async def find(self, account_id: AccountId, uid: str) -> Template | None:
        """The account's template of that uid, before anybody is asked whether the caller may see it."""
        template = await self._store.template(uid)
        return template if template is not None and template.account_id == account_id else None

    async def named(self, account_id: AccountId, name: str) -> dict[str, Template]:
        """All members of a name, by protocol: what a publish fills in."""
        found = await self._store.templates(TemplateQuery(account_id, name=name))
        return {template.protocol: template for template in found}

    async def search(self, grant: Grant, query: TemplateQuery) -> tuple[list[Template], int]:
        """A page of the account's templates, oldest first, and how many the query finds on all pages together."""
        grant.require(Verb.LIST)
        grant.require_owner(query.account_id)
        return await self._store.templates(query), await self._store.templates_total(query)

    @retry_on_conflict
    async def create(self, grant: Grant, *, name: str, protocol: str, content: str) -> Template:
        """Keep a new template. Raises AlreadyExists (name and protocol taken), QuotaExceeded."""
        grant.require(Verb.MANAGE_TEMPLATES)
        account_id = grant.owner
        most = self._quotas.templates_per_account
        if await self._store.templates_total(TemplateQuery(account_id)) >= most:
            raise QuotaExceeded("templates", most)
        now = self._clock.now()
        template = Template(NO_ID, self._new_uid(), account_id, name, protocol, content, now, now)
        try:
            room = RoomFor(Counted.TEMPLATES, account_id, most)
            await self._store.commit(Unit(act=grant.act(now), templates_new=[template], guards=[room]))
        except Stale:
            raise
        except Conflict:
            raise AlreadyExists("template", "content") from None
        return template

    @retry_on_conflict
    async def change(self, grant: Grant, uid: str, content: str) -> None:
        """Replace a template's text. Raises NotFound."""
        grant.require(Verb.MANAGE_TEMPLATES)
        template = await self._owned(grant, uid)
        altered = replace(template, content=content, updated_at=self._clock.now())
        await self._store.commit(Unit(act=grant.act(altered.updated_at), templates_changed=[altered]))
        return

    async def delete(self, grant: Grant, uid: str) -> None:
        """Forget a template. Raises NotFound."""
        grant.require(Verb.MANAGE_TEMPLATES)
        template = await self._owned(grant, uid)
        try:
            await self._store.commit(Unit(act=grant.act(self._clock.now()), templates_deleted=[template.id]))
        except Conflict:
            raise NotFound("template", uid) from None

    async def _owned(self, grant: Grant, uid: str) -> Template:
        template = await self.find(grant.owner, uid)
        if template is None:
            raise NotFound("template", uid)
        return template
