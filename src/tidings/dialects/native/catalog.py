"""Signs and templates of the texts that applications send: list, add, change, delete, and decide on them. Called by the router.

What one may look like, and whether it has to wait for an operator, is `services.texting.text_catalog`'s.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from msgspec import Struct, UnsetType

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec, views_texts
from tidings.dialects.native import shapes_texts as shapes
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.dialects.native.topics import After, Limit
from tidings.dialects.native.views_optouts import read_type
from tidings.domain.errors import InvalidValue, NotFound
from tidings.domain.grants import Verb
from tidings.services.texting.text_catalog import TextCatalog

Done = TypeVar("Done")
# What the service names otherwise than the bodies do.
_MEMBERS = {"content length": "content", "unsubscribe": "content"}


class CatalogQuery(Struct):
    limit: Limit = 100
    after: After = ""


class CatalogActions:
    GROUP = "signs and templates"

    def __init__(self, catalog: TextCatalog) -> None:
        self._catalog = catalog

    # --- signs -------------------------------------------------------------------------------------------------------

    @operation("GET", "/sms-signs", Verb.LIST, shapes.SmsSignPage, name="listSmsSigns")
    async def list_signs(self, call: Call, query: CatalogQuery, _: Nothing) -> WireResponse:
        """Whose names may stand before a text, oldest first."""
        after = codec.read_id_cursor("sms-signs", query.after)
        rows = [row for row in await self._catalog.signs(call.grant) if row.id > after][: query.limit + 1]
        return codec.page("sms-signs", rows, query.limit, lambda row: row.id, views_texts.sign)

    @operation(
        "POST",
        "/sms-signs",
        Verb.MANAGE_TEMPLATES,
        shapes.SmsSign,
        name="addSmsSign",
        status=201,
        refusals=(409,),
    )
    async def add_sign(self, call: Call, _: Nothing, body: shapes.NewSmsSign) -> WireResponse:
        """Add one. One that was refused is asked for again, and one for other numbers becomes one for both."""
        reach = views_texts.read_reach(body.reach)
        made = await _named(self._catalog.add_sign(call.grant, body.content, reach=reach, remark=body.remark))
        return codec.answer(views_texts.sign(made), 201)

    @operation("GET", "/sms-signs/{sign_id}", Verb.LIST, shapes.SmsSign, name="getSmsSign", refusals=(404,))
    async def get_sign(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """One sign."""
        return codec.answer(views_texts.sign(await self._catalog.sign(call.grant, _id(call, "sign_id", "signature"))))

    @operation(
        "PATCH",
        "/sms-signs/{sign_id}",
        Verb.MANAGE_TEMPLATES,
        shapes.SmsSign,
        name="changeSmsSign",
        refusals=(404, 409),
    )
    async def change_sign(self, call: Call, _: Nothing, body: shapes.SmsSignChange) -> WireResponse:
        """Change it. Where an operator decides, it waits again, and one that was approved stays as it is (409)."""
        changed = await _named(
            self._catalog.change_sign(
                call.grant,
                _id(call, "sign_id", "signature"),
                content=_given(body.content),
                remark=_given(body.remark),
            )
        )
        return codec.answer(views_texts.sign(changed))

    @operation(
        "DELETE",
        "/sms-signs/{sign_id}",
        Verb.MANAGE_TEMPLATES,
        None,
        name="deleteSmsSign",
        status=204,
        refusals=(404,),
    )
    async def delete_sign(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """Delete it."""
        await self._catalog.delete_sign(call.grant, _id(call, "sign_id", "signature"))
        return codec.nothing()

    @operation(
        "POST",
        "/sms-signs/{sign_id}/review",
        Verb.MANAGE_ACCOUNT,
        shapes.SmsSign,
        name="reviewSmsSign",
        refusals=(404,),
    )
    async def review_sign(self, call: Call, _: Nothing, body: shapes.ReviewDecision) -> WireResponse:
        """Decide on it, also otherwise than before."""
        sign_id, approved = _id(call, "sign_id", "signature"), body.decision == "approve"
        decided = await self._catalog.review_sign(call.grant, sign_id, approved=approved, reply=body.reply)
        return codec.answer(views_texts.sign(decided))

    # --- templates ---------------------------------------------------------------------------------------------------

    @operation("GET", "/sms-templates", Verb.LIST, shapes.SmsTemplatePage, name="listSmsTemplates")
    async def list_templates(self, call: Call, query: CatalogQuery, _: Nothing) -> WireResponse:
        """The texts that applications send, oldest first."""
        after = codec.read_id_cursor("sms-templates", query.after)
        rows = [row for row in await self._catalog.templates(call.grant) if row.id > after][: query.limit + 1]
        return codec.page("sms-templates", rows, query.limit, lambda row: row.id, views_texts.template)

    @operation(
        "POST",
        "/sms-templates",
        Verb.MANAGE_TEMPLATES,
        shapes.SmsTemplate,
        name="addSmsTemplate",
        status=201,
        refusals=(409,),
    )
    async def add_template(self, call: Call, _: Nothing, body: shapes.NewSmsTemplate) -> WireResponse:
        """Add one."""
        made = await _named(
            self._catalog.add_template(
                call.grant,
                name=body.name,
                content=body.content,
                sms_type=read_type(body.type),
                reach=views_texts.read_reach(body.reach),
                remark=body.remark,
            )
        )
        return codec.answer(views_texts.template(made), 201)

    @operation(
        "GET",
        "/sms-templates/{template_id}",
        Verb.LIST,
        shapes.SmsTemplate,
        name="getSmsTemplate",
        refusals=(404,),
    )
    async def get_template(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """One template."""
        found = await self._catalog.template(call.grant, _id(call, "template_id", "template"))
        return codec.answer(views_texts.template(found))

    @operation(
        "PATCH",
        "/sms-templates/{template_id}",
        Verb.MANAGE_TEMPLATES,
        shapes.SmsTemplate,
        name="changeSmsTemplate",
        refusals=(404, 409),
    )
    async def change_template(self, call: Call, _: Nothing, body: shapes.SmsTemplateChange) -> WireResponse:
        """Change it. Where an operator decides, it waits again, and one that was approved stays as it is (409)."""
        wanted = _given(body.type)
        changed = await _named(
            self._catalog.change_template(
                call.grant,
                _id(call, "template_id", "template"),
                name=_given(body.name),
                content=_given(body.content),
                sms_type=None if wanted is None else read_type(wanted),
                remark=_given(body.remark),
            )
        )
        return codec.answer(views_texts.template(changed))

    @operation(
        "DELETE",
        "/sms-templates/{template_id}",
        Verb.MANAGE_TEMPLATES,
        None,
        name="deleteSmsTemplate",
        status=204,
        refusals=(404,),
    )
    async def delete_template(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """Delete it."""
        await self._catalog.delete_template(call.grant, _id(call, "template_id", "template"))
        return codec.nothing()

    @operation(
        "POST",
        "/sms-templates/{template_id}/review",
        Verb.MANAGE_ACCOUNT,
        shapes.SmsTemplate,
        name="reviewSmsTemplate",
        refusals=(404,),
    )
    async def review_template(self, call: Call, _: Nothing, body: shapes.ReviewDecision) -> WireResponse:
        """Decide on it, also otherwise than before."""
        template_id, approved = _id(call, "template_id", "template"), body.decision == "approve"
        decided = await self._catalog.review_template(call.grant, template_id, approved=approved, reply=body.reply)
        return codec.answer(views_texts.template(decided))


async def _named(work: Awaitable[Done]) -> Done:
    """What the service says of a value, by the name that it has in the body."""
    try:
        return await work
    except InvalidValue as error:
        raise InvalidValue(_MEMBERS.get(error.field, error.field), error.reason, error.value) from error


def _id(call: Call, part: str, kind: str) -> int:
    """The id that the path names. Raises NotFound for what can be none."""
    text = call.path[part]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound(kind, text)
    return int(text)


def _given(value: str | UnsetType) -> str | None:
    return value if isinstance(value, str) else None
