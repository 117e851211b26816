"""Inbound addresses with their keywords and blocking rules, and the applications that send texts. Called by the router.

Everything here is the caller's account's. What a text means and what a rule blocks is decided in the domain; this asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec, views_optouts
from tidings.dialects.native import shapes_optouts as shapes
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.dialects.native.shapes import Page
from tidings.dialects.native.topics import After, Limit
from tidings.domain.errors import InvalidValue
from tidings.domain.grants import Verb
from tidings.domain.optout import ACCOUNT_WIDE, AddressKind, BlockingRule, InboundAddress, OptOutQuery
from tidings.services.texting.sms_warnings import Warned
from tidings.services.texting.texting import Texting


class AddressesQuery(Struct):
    limit: Limit = 100
    after: After = ""


class DeletionQuery(Struct):
    force: Annotated[Literal["true", "false"], Meta(description="also within 60 days of the last text from it")] = (
        "false"
    )


class InboundActions:
    GROUP = "inbound addresses"

    def __init__(self, texting: Texting) -> None:
        self._texting = texting

    # --- addresses ---------------------------------------------------------------------------------------------------

    @operation(
        "GET",
        "/inbound-addresses",
        Verb.READ_OPT_OUTS,
        shapes.InboundAddressPage,
        name="listInboundAddresses",
    )
    async def list_addresses(self, call: Call, query: AddressesQuery, _: Nothing) -> WireResponse:
        """The numbers on which people's texts arrive, with keywords, rules and how many are opted out."""
        after = codec.read_id_cursor("inbound-addresses", query.after)
        rows = [row for row in await self._texting.addresses.all(call.grant) if row.address != ACCOUNT_WIDE]
        following = [row for row in rows if row.id > after][: query.limit + 1]
        rules, warnings = await self._texting.rules.all(call.grant), await self._texting.warnings.all(call.grant)
        shown = [await self._view(call, row, rules, warnings) for row in following[: query.limit]]
        more = len(following) > query.limit
        position = codec.cursor("inbound-addresses", following[query.limit - 1].id) if more else None
        told = [views_optouts.warned(warning) for warning in warnings]
        return codec.answer(shapes.InboundAddressPage(shown, position, told))

    @operation(
        "POST",
        "/inbound-addresses",
        Verb.MANAGE_OPT_OUTS,
        shapes.InboundAddress,
        name="addInboundAddress",
        status=201,
        refusals=(404, 409),
    )
    async def add_address(self, call: Call, _: Nothing, body: shapes.NewInboundAddress) -> WireResponse:
        """Add one; one that was deleted comes back with everybody who is opted out there."""
        made = await self._texting.addresses.add(
            call.grant,
            body.address,
            kind=AddressKind(body.kind),
            country=body.country or "",
            description=body.description or "",
            app_ids=tuple(dict.fromkeys(body.app_ids or ())),
            origin=call.origin,
        )
        return codec.answer(await self._shown(call, made), 201)

    @operation(
        "GET",
        "/inbound-addresses/{address}",
        Verb.READ_OPT_OUTS,
        shapes.InboundAddress,
        name="getInboundAddress",
        refusals=(404,),
    )
    async def get_address(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """One inbound address."""
        return codec.answer(await self._shown(call, await self._named(call)))

    @operation(
        "PATCH",
        "/inbound-addresses/{address}",
        Verb.MANAGE_OPT_OUTS,
        shapes.InboundAddress,
        name="describeInboundAddress",
        refusals=(404, 409),
    )
    async def describe(self, call: Call, _: Nothing, body: shapes.AddressChange) -> WireResponse:
        """Give it another description."""
        await self._texting.addresses.describe(call.grant, call.path["address"], body.description)
        return codec.answer(await self._shown(call, await self._named(call)))

    @operation(
        "DELETE",
        "/inbound-addresses/{address}",
        Verb.MANAGE_OPT_OUTS,
        None,
        name="deleteInboundAddress",
        status=204,
        refusals=(404, 409),
    )
    async def delete_address(self, call: Call, query: DeletionQuery, __: Nothing) -> WireResponse:
        """Delete it: its opt-outs block nothing until it is added again. Nobody is opted in by this. Refused within 60 days of the last
        text from it unless forced, because people may still answer that."""
        await self._texting.addresses.delete(
            call.grant, call.path["address"], origin=call.origin, even_if_recent=query.force == "true"
        )
        return codec.nothing()

    # --- keywords ----------------------------------------------------------------------------------------------------

    @operation(
        "PUT",
        "/inbound-addresses/{address}/keywords",
        Verb.MANAGE_OPT_OUTS,
        shapes.InboundAddress,
        refusals=(404, 409),
    )
    async def set_keywords(self, call: Call, _: Nothing, body: shapes.KeywordChange) -> WireResponse:
        """Replace sets of keywords and replies. Not retroactive: nobody's standing changes."""
        keywords, replies = body.keywords or shapes.KeywordSets(), body.replies or shapes.ReplyTexts()
        sets = {
            known: tuple(words)
            for name, known in views_optouts.SETS.items()
            if isinstance(words := getattr(keywords, name), list)
        }
        texts = {
            known: text for name, known in views_optouts.SETS.items() if isinstance(text := getattr(replies, name), str)
        }
        if not sets and not texts:
            raise InvalidValue("body", "says nothing to change: give keywords or replies")
        changed = await self._texting.addresses.set_keywords(call.grant, call.path["address"], sets, texts)
        return codec.answer(await self._shown(call, changed))

    @operation(
        "POST",
        "/inbound-addresses/{address}/match",
        Verb.READ_OPT_OUTS,
        shapes.Meaning,
        name="matchText",
        refusals=(404,),
    )
    async def match(self, call: Call, _: Nothing, body: shapes.TextToMatch) -> WireResponse:
        """Try out what a text would mean there; changes nothing."""
        found = await self._texting.addresses.match(call.grant, call.path["address"], body.text)
        return codec.answer(views_optouts.meaning(found))

    # --- rules and applications --------------------------------------------------------------------------------------

    @operation(
        "GET",
        "/inbound-addresses/{address}/rules",
        Verb.READ_OPT_OUTS,
        shapes.BlockingRulePage,
        name="listBlockingRules",
        refusals=(404,),
    )
    async def list_rules(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """What opt-outs at the address block, by application."""
        address = await self._named(call)
        rules = [rule for rule in await self._texting.rules.all(call.grant) if rule.address == address.address]
        return codec.answer(Page([views_optouts.rule(rule) for rule in rules], None))

    @operation(
        "PUT",
        "/inbound-addresses/{address}/rules/{app_id}",
        Verb.MANAGE_OPT_OUTS,
        shapes.BlockingRule,
        name="setBlockingRule",
        refusals=(404, 409),
    )
    async def set_rule(self, call: Call, _: Nothing, body: shapes.Types) -> WireResponse:
        """Say which types of an application are blocked. Counts at once, also for who is opted out already."""
        address, app_id = call.path["address"], call.path["app_id"]
        types = frozenset(views_optouts.read_type(name) for name in body.types)
        await self._texting.rules.put(call.grant, address, app_id, types)
        return codec.answer(views_optouts.rule(BlockingRule(call.grant.owner, address, app_id, types)))

    @operation(
        "DELETE",
        "/inbound-addresses/{address}/rules/{app_id}",
        Verb.MANAGE_OPT_OUTS,
        None,
        name="deleteBlockingRule",
        status=204,
        refusals=(404, 409),
    )
    async def delete_rule(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """Block nothing of the application any more. Nobody is opted in by this."""
        await self._texting.rules.delete(call.grant, call.path["address"], call.path["app_id"])
        return codec.nothing()

    @operation(
        "GET",
        "/sms-applications",
        Verb.READ_OPT_OUTS,
        shapes.SmsApplicationPage,
        name="listSmsApplications",
    )
    async def list_applications(self, call: Call, query: AddressesQuery, _: Nothing) -> WireResponse:
        """The applications in whose name texts are sent."""
        after = codec.read_cursor("sms-applications", query.after) if query.after else ""
        rows = sorted(await self._texting.applications.all(call.grant), key=lambda row: row.app_id)
        following = [row for row in rows if row.app_id > after][: query.limit + 1]
        warnings = await self._texting.warnings.all(call.grant)
        return codec.page(
            "sms-applications",
            following,
            query.limit,
            lambda row: row.app_id,
            lambda row: views_optouts.application(row, warnings),
        )

    @operation(
        "PUT",
        "/sms-applications/{app_id}",
        Verb.MANAGE_OPT_OUTS,
        shapes.SmsApplication,
        name="putSmsApplication",
        refusals=(409,),
    )
    async def put_application(self, call: Call, _: Nothing, body: shapes.ApplicationChange) -> WireResponse:
        """Make an application, or change its sender and where its callbacks go; what is left out stays."""
        given = {
            known: value
            for name, known in views_optouts.SETTINGS.items()
            if isinstance(value := getattr(body, name), str)
        }
        sender = body.sender if isinstance(body.sender, str) else None
        try:
            put = await self._texting.applications.put(call.grant, call.path["app_id"], sender, given)
        except InvalidValue as error:
            raise InvalidValue(error.field.replace("-", "_"), error.reason, error.value) from error
        return codec.answer(views_optouts.application(put, await self._texting.warnings.all(call.grant)))

    # --- looking up --------------------------------------------------------------------------------------------------

    async def _named(self, call: Call) -> InboundAddress:
        """The address that the path names. Raises NotFound."""
        return await self._texting.addresses.get(call.grant, call.path["address"])

    async def _shown(self, call: Call, row: InboundAddress) -> shapes.InboundAddress:
        rules, warnings = await self._texting.rules.all(call.grant), await self._texting.warnings.all(call.grant)
        return await self._view(call, row, rules, warnings)

    async def _view(
        self, call: Call, row: InboundAddress, rules: Sequence[BlockingRule], warnings: Sequence[Warned]
    ) -> shapes.InboundAddress:
        query = OptOutQuery(call.grant.owner, addresses=(row.address,), limit=1)
        _, opted_out = await self._texting.opt_outs.page(call.grant, query)
        return views_optouts.inbound_address(row, rules, opted_out, warnings)
