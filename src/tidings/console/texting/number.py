"""Everything that is known of one number, and whether a text would go out to it, and why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidings.console.routing import Answer, Call, Route, Shown
from tidings.console.texting import labels
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import NEWEST, LedgerQuery, SubscriptionQuery
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    TOPICS_APP,
    BlockingRule,
    OptOut,
    OptOutQuery,
    SmsApplication,
    SmsType,
    covers,
)
from tidings.domain.texts import TEXTS_KEPT, SentTextQuery

APPS_SHOWN = 100
_RECORDS, _TEXTS, _SUBSCRIPTIONS = 20, 20, 20
_OPT_OUTS = 1_000


@dataclass(frozen=True, slots=True)
class PhoneStatus:
    """What an application may send to the number: for each type the addresses that block it."""

    app: str
    name: str
    blocked: Sequence[Sequence[str]]


async def number(call: Call) -> Answer:
    """The form, and with a number the rest."""
    query, grant, texting = call.query, call.grant, call.services.texting
    apps = await texting.applications.all(grant)
    phone = labels.read_phone(query, "phone", "Number")
    app = query.choice("app", "Application", [row.app_id for row in apps], TOPICS_APP)
    chosen = query.choice("type", "Type", [value for value, _ in labels.TYPE_CHOICES], "1")
    values: dict[str, object] = {
        "query": query,
        "apps": labels.app_choices(apps),
        "app": app,
        "app_name": labels.app_name(app),
        "types": labels.TYPE_CHOICES,
        "chosen": chosen,
        "phone": phone if query.ok else "",
    }
    if phone and query.ok:
        values |= await _known(call, grant, phone, apps)
        values |= await _verdict(call, grant, phone, app, SmsType(int(chosen)))
    status = 200 if query.ok else 422
    return Shown("texting/number.html", "Number check", values, block="results", spoken=phone, status=status)


async def _verdict(call: Call, grant: Grant, phone: str, app: str, sms_type: SmsType) -> dict[str, object]:
    blocked = await call.services.texting.opt_outs.why(grant, phone, app, sms_type)
    watch = call.services.transports
    transports = [] if watch is None else list(watch())
    return {
        "blocked": [(found, labels.address_name(found.opt_out.address)) for found in blocked],
        "type_name": labels.TYPES[sms_type],
        "is_down": bool(transports) and not any(transport.is_up for transport in transports),
    }


async def _known(call: Call, grant: Grant, phone: str, apps: Sequence[SmsApplication]) -> dict[str, object]:
    services = call.services
    since = services.clock.now() - TEXTS_KEPT
    states, _ = await services.texting.opt_outs.page(
        grant, OptOutQuery(grant.owner, phones=(phone,), limit=_OPT_OUTS), counted=False
    )
    rules = await services.texting.rules.all(grant)
    sent = None
    if call.may(Verb.READ_LEDGER):
        query = SentTextQuery(grant.owner, phones=(phone,), limit=_TEXTS)
        sent = await services.texts.reports_of(call.authorize(Verb.READ_LEDGER), query)
    subscriptions, topics = None, {}
    if call.may(Verb.LIST):
        listed = SubscriptionQuery(grant.owner, endpoint=phone, protocol="sms", limit=_SUBSCRIPTIONS)
        subscriptions = await services.subscriptions.page(call.authorize(Verb.LIST), listed)
        topics = dict(await services.subscriptions.topics_of(subscriptions))
    records = LedgerQuery(endpoint=phone, before=NEWEST, limit=_RECORDS)
    return {
        "states": [(row, labels.blocks(row.address, rules), labels.address_name(row.address)) for row in states],
        "matrix": await _matrix(call, grant, states, rules, apps[:APPS_SHOWN]),
        "records": await services.texting.records.find(grant, records),
        "heard": (await services.texting.inbound.sent_from(grant, phone, since=since))[:_TEXTS],
        "sent": sent,
        "subscriptions": subscriptions,
        "topics": topics,
        "days": TEXTS_KEPT.days,
        "type_names": labels.TYPES,
        "ACCOUNT_WIDE": ACCOUNT_WIDE,
    }


async def _matrix(
    call: Call,
    grant: Grant,
    states: Sequence[OptOut],
    rules: Sequence[BlockingRule],
    apps: Sequence[SmsApplication],
) -> list[PhoneStatus]:
    """What every application may send, by the rule that the gate asks."""
    live = {row.address: row for row in await call.services.texting.addresses.all(grant)}
    by: Mapping[tuple[str, str], BlockingRule] = {(rule.address, rule.app_id): rule for rule in rules}
    wide = any(row.address == ACCOUNT_WIDE for row in states)
    at = [live[row.address] for row in states if row.address in live]
    found = []
    for app in apps:
        blocked = []
        for sms_type in SmsType:
            names = [labels.WHOLE_ACCOUNT] if wide else []
            names += [row.address for row in at if covers(row, by.get((row.address, app.app_id)), app.app_id, sms_type)]
            blocked.append(names)
        found.append(PhoneStatus(app.app_id, labels.app_name(app.app_id), blocked))
    return found


ROUTES = (Route("GET", "/texting/number", number, Verb.READ_OPT_OUTS, "number", "number"),)
