"""What `tidings doctor` looks at of texts: each SMSC takes our bind, the HTTP gateway is there, and an opt-out would be heard and count.
Sends no text."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from tidings.cli.checks import FAIL, OK, WARN, Check
from tidings.cli.copies import known_schema, schema_of
from tidings.cli.running import CommandError
from tidings.domain.errors import TidingsError
from tidings.domain.optout import ACCOUNT_WIDE
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Store
from tidings.services.texting.numbers import Numbers, claim_name
from tidings.services.texting.sms_warnings import WarnedKind, warnings_about
from tidings.settings import Settings
from tidings.wire.egress import check_url
from tidings.wire.gateway_url import parse_gateway_url
from tidings.wire.smpp import pdu, statuses
from tidings.wire.smpp.tls import context_of
from tidings.wire.smpp.url import SmppUrl

_PATIENCE_S = 5.0
_ALREADY_BOUND = 0x05
_READ_OCTETS = 4096
_MENDS = {
    WarnedKind.NO_RULE: "give it a blocking rule, or take its keywords away",
    WarnedKind.MISSING_WORDS: "add them to its opt-out keywords, or read the reviews within ten business days",
    WarnedKind.NOT_BLOCKED: "give it a rule at an inbound address",
    WarnedKind.NOT_HEARD: "add its sender as an inbound address, or send from one",
}


class _Phones(Store, OptOutStore, Protocol):
    """What is read of the store: one object."""


async def transports(settings: Settings) -> list[Check]:
    """A check for every SMSC and for the gateway."""
    if settings.smpp_url is not None:
        return [await _smsc(url) for url in settings.smpp_url.urls]
    if settings.sms_webhook_url is not None:
        return [await _gateway(settings.sms_webhook_url.urls[0])]
    if settings.dev:
        return [Check("SMS", OK, "none; texts go to the outbox")]
    return [Check("SMS", WARN, "none: texts cannot be sent", "set TIDINGS_SMPP_URL or TIDINGS_SMS_WEBHOOK_URL")]


async def _smsc(text: str) -> Check:
    """It takes a bind with our name and password; one that says that we are bound already is well."""
    try:
        url = SmppUrl.read(text)
    except ValueError as error:
        return Check("SMSC", FAIL, str(error), "correct TIDINGS_SMPP_URL")
    name = f"SMSC {url.name}"
    try:
        status = await asyncio.wait_for(_bind(url), _PATIENCE_S)
    except (OSError, TimeoutError, EOFError, pdu.Malformed) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else str(error) or "it closed the connection"
        return Check(name, FAIL, reason, "check TIDINGS_SMPP_URL, the firewall, and that this address may bind there")
    if status == _ALREADY_BOUND:
        return Check(name, OK, "a server of ours is bound")
    if status != statuses.OK:
        mend = "ask the provider for system_id, password and the kind of bind"
        return Check(name, FAIL, f"refuses the bind: {statuses.name(status)}", mend)
    return Check(name, OK, "takes our bind")


async def _bind(url: SmppUrl) -> int:
    """Bind and unbind; the status of the first answer."""
    reader, writer = await asyncio.open_connection(url.host, url.port, ssl=context_of(url))
    intake = pdu.Intake()
    try:
        writer.write(pdu.bind(1, url))
        while True:
            data = await reader.read(_READ_OCTETS)
            if not data:
                raise EOFError
            for answer in intake.feed(data):
                if answer.command & pdu.RESPONSE:
                    writer.write(pdu.pdu(pdu.UNBIND, 2))
                    return answer.status
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _gateway(text: str) -> Check:
    """Somebody listens there. Whether name and password are right shows with the first text: a request would be one."""
    try:
        url = parse_gateway_url(text)
    except ValueError as error:
        return Check("SMS gateway", FAIL, str(error), "correct TIDINGS_SMS_WEBHOOK_URL")
    target = check_url(url.endpoint)
    name = f"SMS gateway {url.name}"
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(target.host, target.port), _PATIENCE_S)
    except (OSError, TimeoutError) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        return Check(name, FAIL, reason, "check TIDINGS_SMS_WEBHOOK_URL and the firewall")
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return Check(name, OK, "somebody listens there")


async def opt_outs(settings: Settings) -> list[Check]:
    """For every account: what lets a STOP go unheard or without effect. Nothing where the store cannot be read: its own check says that."""
    if not settings.store_path.exists():
        return []
    try:
        if schema_of(settings.store_path) != known_schema():
            return []
    except CommandError:
        return []
    from tidings.wiring import open_store

    try:
        opened, _vault = await open_store(settings)
    except TidingsError:
        return []
    try:
        return await _claimed_twice(opened) + await _warned(opened)
    except TidingsError:
        return []
    finally:
        await opened.close()


async def _claimed_twice(store: _Phones) -> list[Check]:
    """Numbers of two accounts, which releases before allowed: a STOP to one reaches one account, and the other goes on texting."""
    names = {account.account_id: account.name for account in await store.accounts()}
    found = []
    for one, other in await Numbers(store, store).contested():
        told = " and ".join(
            f"{names.get(claim.account_id, claim.account_id)} ({claim_name(claim)})" for claim in (one, other)
        )
        mend = "give one of the accounts another sender, or delete its inbound address"
        found.append(
            Check(f"number {one.number}", FAIL, f"is claimed by {told}: a STOP reaches one of them only", mend)
        )
    return found


async def _warned(store: _Phones) -> list[Check]:
    found: list[Check] = []
    received = 0
    for account in await store.accounts():
        addresses = [
            address for address in await store.inbound_addresses(account.account_id) if address.address != ACCOUNT_WIDE
        ]
        received += len(addresses)
        rules = await store.blocking_rules(account.account_id)
        warnings = warnings_about(addresses, rules, await store.sms_applications(account.account_id))
        name = f"opt-outs of {account.name}"
        found += [Check(name, WARN, warned.text, _MENDS[warned.kind]) for warned in warnings]
    return found or (
        [Check("opt-outs", OK, f"heard at {received} inbound address{'es' if received > 1 else ''}")]
        if received
        else []
    )
