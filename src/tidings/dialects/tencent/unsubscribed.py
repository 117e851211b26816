"""Our own operations in the cloud's form, second half: the people who are unsubscribed, the record, and what would be blocked.

Called by the dialect for version 2026-11-01. Lifting somebody's opt-out is the dangerous act: it has a permission of its own, wants a
reason, and is refused within 30 days of the person's own STOP unless forced.
Source: Tencent Cloud SMS console guide (unsubscribed users, records), for the nouns.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from tidings.dialects.tencent import listing, optout_views
from tidings.dialects.tencent.calls import Call, Operation, TencentServices
from tidings.dialects.tencent.codec import Shape, Values, flag, integer, text, texts
from tidings.dialects.tencent.codes import Language
from tidings.dialects.tencent.errors import TcError, refuse, translate, values_named
from tidings.dialects.tencent.limits import MANAGEMENT_VERSION, NUMBERS_MAX
from tidings.dialects.tencent.numbers import INCORRECT, read_person
from tidings.domain.errors import InvalidValue, NotFound, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import NEWEST, LedgerEntry, LedgerQuery
from tidings.domain.optout import ACCOUNT_WIDE, TOPICS_APP, OptOutQuery
from tidings.services.texting.phone_consent import check_reason

Chosen = TypeVar("Chosen")

LISTED = 20
COUNTED_MAX = 1_000
"""Records are counted and paged up to here; what lies further back is reached by BeforeRecordId. The record only grows."""
DECISIONS = {"OPT_OUT": True, "IGNORE": False}

_OK = "Ok"
_READ_AT_ONCE = 500
_NAMES = {"reason": "Reason"}


# --- the people -----------------------------------------------------------------------------------------------------------------


async def describe_unsubscribed_user_list(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """Those who have been so the longest come first. SmsSdkAppId: only whom something of it is kept from."""
    values = call.values
    offset, limit = listing.window(values, LISTED)
    since, until = listing.span(values)
    phones = _numbers_asked(values)
    grant = call.grant(Verb.READ_OPT_OUTS)
    addresses = await _addresses(services, grant, values)
    if addresses is None:
        return {"TotalCount": 0, "UnsubscribedUserSet": []}
    query = OptOutQuery(grant.owner, addresses, phones, since, until, offset, limit)
    rows, total = await services.texting.opt_outs.page(grant, query)
    rules = await services.texting.rules.all(grant)
    return {"TotalCount": total, "UnsubscribedUserSet": [optout_views.user(row, rules) for row in rows]}


async def _addresses(services: TencentServices, grant: Grant, values: Values) -> Sequence[str] | None:
    """Where to look; empty: everywhere, None: nowhere. Raises NotFound (inbound address, application)."""
    named, app_id = values.text("InboundAddress"), values.text("SmsSdkAppId")
    if named and named != ACCOUNT_WIDE:
        await services.texting.addresses.get(grant, named)
    if not app_id or app_id == TOPICS_APP:
        return (named,) if named else ()
    await _require_application(services, grant, app_id)
    ruled = [rule.address for rule in await services.texting.rules.all(grant) if rule.app_id == app_id]
    blocking = [address for address in (*ruled, ACCOUNT_WIDE) if not named or address == named]
    return blocking or None


async def add_unsubscribed_user(services: TencentServices, call: Call) -> Mapping[str, Any]:
    values = call.values
    grant = call.grant(Verb.MANAGE_OPT_OUTS, f"inbound-address/{values.text('InboundAddress')}")
    address, reason = await _address_and_reason(services, grant, values)

    async def change(phone: str) -> bool:
        return await services.texting.opt_outs.opt_out(grant, address, phone, reason=reason, origin=call.origin)

    return await _for_each(call, change)


async def remove_unsubscribed_user(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """Force: also within 30 days of the person's own STOP."""
    values, forced = call.values, call.values.flag("Force")
    grant = call.grant(Verb.LIFT_OPT_OUTS, f"inbound-address/{values.text('InboundAddress')}")
    address, reason = await _address_and_reason(services, grant, values)

    async def change(phone: str) -> bool:
        return await services.texting.opt_outs.opt_in(
            grant, address, phone, reason=reason, origin=call.origin, forced=forced
        )

    return await _for_each(call, change)


async def _address_and_reason(services: TencentServices, grant: Grant, values: Values) -> tuple[str, str]:
    """What concerns all numbers is checked before the first is changed. Raises NotFound, TcError."""
    address, reason = values.text("InboundAddress"), values.text("Reason")
    if address != ACCOUNT_WIDE:
        await services.texting.addresses.get(grant, address)
    with values_named(_NAMES):
        check_reason(reason)
    return address, reason


async def _for_each(call: Call, change: Callable[[str], Awaitable[bool]]) -> Mapping[str, Any]:
    """A status per number, in order; a number that is refused keeps no other one back."""
    statuses = []
    for given in _numbers(call.values):
        number = read_person(given)
        changed, refusal = False, None
        if number is None:
            refusal = refuse(INCORRECT)
        else:
            try:
                changed = await change(number.e164)
            except (InvalidValue, WrongState) as error:
                refusal = translate(error)
        shown = given if number is None else number.e164
        statuses.append({"PhoneNumber": shown, **_status(refusal, call.language), "Changed": changed})
    return {"UnsubscribedUserStatusSet": statuses}


def _status(refusal: TcError | None, language: Language) -> dict[str, str]:
    if refusal is None:
        return {"Code": _OK, "Message": "success"}
    return {"Code": refusal.code, "Message": refusal.message(language)}


# --- the record -----------------------------------------------------------------------------------------------------------------


async def describe_subscription_record_list(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """Newest first. TotalCount is exact up to 1,000; further back one gets by BeforeRecordId instead of Offset."""
    values = call.values
    offset, limit = listing.window(values, LISTED)
    if offset + limit > COUNTED_MAX:
        raise refuse("InvalidParameterValue.OffsetVerifyFail")
    since, until = listing.span(values)
    phones, address = _numbers_asked(values), values.text("InboundAddress")
    event = _chosen(values, "Type", optout_views.TYPES)
    way = _chosen(values, "Source", optout_views.SOURCES)
    query = LedgerQuery(
        address=address or None,
        events=() if event is None else (event,),
        ways=() if way is None else (way,),
        since=since,
        until=until,
        before=values.integer("BeforeRecordId", NEWEST),
        limit=_READ_AT_ONCE,
    )
    grant = call.grant(Verb.READ_OPT_OUTS)
    found: list[LedgerEntry] = []
    for phone in phones or (None,):
        found += await _records(services, grant, replace(query, endpoint=phone))
    found.sort(key=lambda entry: entry.id, reverse=True)
    shown = found[offset : offset + limit]
    return {
        "TotalCount": min(len(found), COUNTED_MAX),
        "RecordSet": [optout_views.record(entry) for entry in shown],
    }


async def _records(services: TencentServices, grant: Grant, query: LedgerQuery) -> list[LedgerEntry]:
    """The newest ones, no more than are counted."""
    found: list[LedgerEntry] = []
    while len(found) < COUNTED_MAX:
        entries = await services.texting.records.find(grant, query)
        found += entries
        if len(entries) < query.limit:
            break
        query = replace(query, before=entries[-1].id)
    return found


async def resolve_review(services: TencentServices, call: Call) -> Mapping[str, Any]:
    values = call.values
    opted_out = DECISIONS.get(values.text("Decision").upper())
    if opted_out is None:
        raise refuse("InvalidParameterValue", "Decision", f"one of {', '.join(DECISIONS)}")
    with values_named(_NAMES):
        await services.texting.records.resolve(
            call.grant(Verb.MANAGE_OPT_OUTS),
            values.integer("RecordId"),
            opt_out=opted_out,
            reason=values.text("Reason"),
            origin=call.origin,
        )
    return {}


# --- what would be blocked -----------------------------------------------------------------------------------------------------


async def check_phone_number_blocked(services: TencentServices, call: Call) -> Mapping[str, Any]:
    values = call.values
    app_id, sms_type = values.text("SmsSdkAppId"), listing.sms_type(values.integer("SmsType"))
    grant = call.grant(Verb.READ_OPT_OUTS)
    await _require_application(services, grant, app_id)
    shown = []
    for given in _numbers(values):
        number = read_person(given)
        if number is None:
            refused = _status(refuse(INCORRECT), call.language)
            shown.append({"PhoneNumber": given, **refused, "Blocked": False, "BlockedBySet": []})
            continue
        found = await services.texting.opt_outs.why(grant, number.e164, app_id, sms_type)
        shown.append(
            {
                "PhoneNumber": number.e164,
                **_status(None, call.language),
                "Blocked": bool(found),
                "BlockedBySet": optout_views.blocked(found),
            }
        )
    return {"PhoneNumberBlockedSet": shown}


# --- what several take ---------------------------------------------------------------------------------------------------------


async def _require_application(services: TencentServices, grant: Grant, app_id: str) -> None:
    """Raises NotFound."""
    if all(row.app_id != app_id for row in await services.texting.applications.all(grant)):
        raise NotFound("application", app_id)


def _numbers(values: Values) -> list[str]:
    """Those that something is done with: 1 to 200. Raises TcError."""
    given = values.texts("PhoneNumberSet")
    if not given:
        raise refuse("MissingParameter.EmptyPhoneNumberSet")
    if len(given) > NUMBERS_MAX:
        raise refuse("LimitExceeded.PhoneNumberCountLimit", str(NUMBERS_MAX))
    return given


def _numbers_asked(values: Values) -> list[str]:
    """Those that a list is narrowed down to, in the form that is stored; none at all: all. Raises TcError."""
    found = (read_person(given) for given in listing.texts_of(values, "PhoneNumberSet"))
    numbers = [number.e164 if number is not None else None for number in found]
    if None in numbers:
        raise refuse(INCORRECT)
    return list(dict.fromkeys(number for number in numbers if number is not None))


def _chosen(values: Values, name: str, known: Mapping[str, Chosen]) -> Chosen | None:
    """Raises TcError."""
    given = values.text(name).upper()
    if given and given not in known:
        raise refuse("InvalidParameterValue", name, f"one of {', '.join(known)}")
    return known.get(given)


_WINDOW = (integer("Offset"), integer("Limit"))
_SPAN = (integer("BeginTime"), integer("EndTime"))

OPERATIONS = (
    Operation(
        MANAGEMENT_VERSION,
        "DescribeUnsubscribedUserList",
        Shape(text("InboundAddress"), texts("PhoneNumberSet"), text("SmsSdkAppId"), *_SPAN, *_WINDOW),
        describe_unsubscribed_user_list,
    ),
    Operation(
        MANAGEMENT_VERSION,
        "AddUnsubscribedUser",
        Shape(
            text("InboundAddress", required=True),
            texts("PhoneNumberSet", required=True),
            text("Reason", required=True),
        ),
        add_unsubscribed_user,
    ),
    Operation(
        MANAGEMENT_VERSION,
        "RemoveUnsubscribedUser",
        Shape(
            text("InboundAddress", required=True),
            texts("PhoneNumberSet", required=True),
            text("Reason", required=True),
            flag("Force"),
        ),
        remove_unsubscribed_user,
    ),
    Operation(
        MANAGEMENT_VERSION,
        "DescribeSubscriptionRecordList",
        Shape(
            text("InboundAddress"),
            texts("PhoneNumberSet"),
            text("Type"),
            text("Source"),
            integer("BeforeRecordId"),
            *_SPAN,
            *_WINDOW,
        ),
        describe_subscription_record_list,
    ),
    Operation(
        MANAGEMENT_VERSION,
        "ResolveReview",
        Shape(integer("RecordId", required=True), text("Decision", required=True), text("Reason", required=True)),
        resolve_review,
    ),
    Operation(
        MANAGEMENT_VERSION,
        "CheckPhoneNumberBlocked",
        Shape(
            texts("PhoneNumberSet", required=True),
            text("SmsSdkAppId", required=True),
            integer("SmsType", required=True),
        ),
        check_phone_number_blocked,
    ),
)
