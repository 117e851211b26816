"""Our own operations in the cloud's form, first half: inbound addresses, their keywords and answers, and blocking rules.

The cloud has them in its console only. Called by the dialect for version 2026-11-01; the SDK's CommonClient calls them without new
code. The people who are unsubscribed are `unsubscribed`'s.
Source: Tencent Cloud SMS console guide (inbound addresses, keywords, blocking rules), for the nouns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.dialects.tencent import listing, optout_views
from tidings.dialects.tencent.calls import Call, Operation, TencentServices
from tidings.dialects.tencent.codec import Shape, Values, flag, integer, integers, text, texts
from tidings.dialects.tencent.errors import refuse, values_named
from tidings.dialects.tencent.limits import MANAGEMENT_VERSION
from tidings.dialects.tencent.optout_views import SETS
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Origin, Way
from tidings.domain.optout import AddressKind, IncomingText, OptOutQuery
from tidings.services.texting.inbound_addresses import kind_of

LISTED = 20
"""A page where no Limit is given."""

_CONTENT_CHARACTERS_MAX = 2_000
_KINDS = {kind.value: kind for kind in AddressKind if kind is not AddressKind.ACCOUNT}
_NAMES = {
    "country": "Country",
    "description": "Description",
    "kind": "Kind",
    "replies": "OptOutReply, OptInReply, HelpReply",
}


# --- addresses ------------------------------------------------------------------------------------------------------------------


async def add_inbound_address(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """With the default keywords and answers, and a rule of all types for each application; one that was deleted comes back."""
    values = call.values
    address = values.text("InboundAddress")
    with values_named(_NAMES):
        made = await services.texting.addresses.add(
            _managing(call),
            address,
            kind=_kind(values) or kind_of(address),
            country=values.text("Country").upper(),
            description=values.text("Description"),
            app_ids=listing.texts_of(values, "SmsSdkAppIdSet"),
            origin=call.origin,
        )
    return {"InboundAddress": made.address}


async def describe_inbound_address_list(services: TencentServices, call: Call) -> Mapping[str, Any]:
    offset, limit = listing.window(call.values, LISTED)
    wanted = listing.texts_of(call.values, "InboundAddressSet")
    grant = call.grant(Verb.READ_OPT_OUTS)
    found = [row for row in await services.texting.addresses.all(grant) if not wanted or row.address in wanted]
    rules, warnings = await services.texting.rules.all(grant), await services.texting.warnings.all(grant)
    shown = []
    for row in found[offset : offset + limit]:
        _, count = await services.texting.opt_outs.page(
            grant, OptOutQuery(grant.owner, addresses=(row.address,), limit=1)
        )
        heard_at = await services.texting.addresses.last_inbound_at(grant, row.address)
        shown.append(optout_views.inbound_address(row, rules, warnings, count, heard_at))
    account_warnings = [warning.text for warning in warnings if not warning.address]
    return {"TotalCount": len(found), "InboundAddressSet": shown, "WarningSet": account_warnings}


async def modify_inbound_address(services: TencentServices, call: Call) -> Mapping[str, Any]:
    with values_named(_NAMES):
        await services.texting.addresses.describe(
            _managing(call), call.values.text("InboundAddress"), call.values.text("Description")
        )
    return {}


async def delete_inbound_address(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """Force: also within 60 days of the last text from it."""
    values = call.values
    await services.texting.addresses.delete(
        _managing(call), values.text("InboundAddress"), origin=call.origin, even_if_recent=values.flag("Force")
    )
    return {}


async def modify_inbound_keywords(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """Each set and answer that is given replaces its own whole; an empty one is none."""
    values = call.values
    sets = {known: values.texts(f"{name}KeywordSet") for name, known in SETS.items() if f"{name}KeywordSet" in values}
    replies = {known: values.text(f"{name}Reply") for name, known in SETS.items() if f"{name}Reply" in values}
    with values_named(_NAMES):
        await services.texting.addresses.set_keywords(_managing(call), values.text("InboundAddress"), sets, replies)
    return {}


# --- rules ----------------------------------------------------------------------------------------------------------------------


async def set_blocking_rule(services: TencentServices, call: Call) -> Mapping[str, Any]:
    values = call.values
    types = frozenset(listing.sms_type(number) for number in values.integers("SmsTypeSet"))
    await services.texting.rules.put(_managing(call), values.text("InboundAddress"), values.text("SmsSdkAppId"), types)
    return {}


async def delete_blocking_rule(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """Safe to repeat."""
    values = call.values
    await services.texting.rules.delete(_managing(call), values.text("InboundAddress"), values.text("SmsSdkAppId"))
    return {}


# --- trying out -----------------------------------------------------------------------------------------------------------------


async def match_keyword(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """A dry run: changes nothing."""
    content = _content(call.values)
    found = await services.texting.addresses.match(
        call.grant(Verb.READ_OPT_OUTS), call.values.text("InboundAddress"), content
    )
    return optout_views.meaning(found)


async def simulate_reply(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """As if the text had come from the transport. In developer mode only: elsewhere there is no such action."""
    if not services.is_dev:
        raise refuse("InvalidAction", call.action, call.version)
    values = call.values
    content = _content(values)
    said = IncomingText(values.text("InboundAddress"), values.text("PhoneNumber"), content)
    await services.texting.inbound.address_texted(
        _managing(call), said
    )  # what another account's person would text does not exist
    origin = Origin(Way.KEYWORD, remote_address=call.request.remote, request_id=call.request.request_id)
    received = await services.texting.inbound.receive(said, origin)
    return {
        **optout_views.meaning(received.meaning),
        "Changed": received.changed,
        "Repeated": received.repeat,
        "Reply": received.reply,
    }


def _managing(call: Call) -> Grant:
    return call.grant(Verb.MANAGE_OPT_OUTS, f"inbound-address/{call.values.text('InboundAddress')}")


def _kind(values: Values) -> AddressKind | None:
    """In whatever case, and with `_` or a blank for `-`: 10DLC, TOLL_FREE, SHORT_CODE, LONG_CODE."""
    given = values.text("Kind")
    if not given:
        return None
    kind = _KINDS.get(given.lower().replace("_", "-").replace(" ", "-"))
    if kind is None:
        raise refuse("InvalidParameterValue", "Kind", f"one of {', '.join(map(optout_views.name_of, _KINDS.values()))}")
    return kind


def _content(values: Values) -> str:
    content = values.text("Content")
    if len(content) > _CONTENT_CHARACTERS_MAX:
        raise refuse("InvalidParameterValue", "Content", f"at most {_CONTENT_CHARACTERS_MAX} characters")
    return content


_ADDRESS = text("InboundAddress", required=True)
_APPLICATION = text("SmsSdkAppId", required=True)

OPERATIONS = (
    Operation(
        MANAGEMENT_VERSION,
        "AddInboundAddress",
        Shape(_ADDRESS, text("Description"), text("Kind"), text("Country"), texts("SmsSdkAppIdSet")),
        add_inbound_address,
    ),
    Operation(
        MANAGEMENT_VERSION,
        "DescribeInboundAddressList",
        Shape(texts("InboundAddressSet"), integer("Offset"), integer("Limit")),
        describe_inbound_address_list,
    ),
    Operation(
        MANAGEMENT_VERSION,
        "ModifyInboundAddress",
        Shape(_ADDRESS, text("Description", required=True)),
        modify_inbound_address,
    ),
    Operation(MANAGEMENT_VERSION, "DeleteInboundAddress", Shape(_ADDRESS, flag("Force")), delete_inbound_address),
    Operation(
        MANAGEMENT_VERSION,
        "ModifyInboundKeywords",
        Shape(
            _ADDRESS,
            *(texts(f"{name}KeywordSet") for name in SETS),
            *(text(f"{name}Reply") for name in SETS),
        ),
        modify_inbound_keywords,
    ),
    Operation(
        MANAGEMENT_VERSION,
        "SetBlockingRule",
        Shape(_ADDRESS, _APPLICATION, integers("SmsTypeSet", required=True)),
        set_blocking_rule,
    ),
    Operation(MANAGEMENT_VERSION, "DeleteBlockingRule", Shape(_ADDRESS, _APPLICATION), delete_blocking_rule),
    Operation(MANAGEMENT_VERSION, "MatchKeyword", Shape(_ADDRESS, text("Content", required=True)), match_keyword),
    Operation(
        MANAGEMENT_VERSION,
        "SimulateReply",
        Shape(_ADDRESS, text("PhoneNumber", required=True), text("Content", required=True)),
        simulate_reply,
    ),
)
