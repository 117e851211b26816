"""What an account may ask about texts, and change, is its own: whatever it names of another account's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.build import ACCOUNT, OTHER_ACCOUNT
from tests.support.phones import ADMIN, NUMBER, PHONE, PhoneApp, phone_app

from tidings.domain.errors import AlreadyExists, Denied, InvalidValue, NotFound, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import LedgerQuery
from tidings.domain.optout import EVERY_TYPE, AddressKind, IncomingText, OptOutQuery, SmsType
from tidings.domain.sandbox import SandboxNumber
from tidings.domain.unit import Unit
from tidings.services.texting.texting import Texting

APP, LOOK, CHANGE, LIFT = "1400006666", Verb.READ_OPT_OUTS, Verb.MANAGE_OPT_OUTS, Verb.LIFT_OPT_OUTS
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
UNKNOWN = (Denied, NotFound, AlreadyExists, InvalidValue, WrongState)
Asks = Callable[[Any, Grant, int], Any]

ASKED: dict[str, tuple[Verb, Asks]] = {
    "applications.all": (LOOK, lambda it, grant, _: it.all(grant)),
    "applications.put": (CHANGE, lambda it, grant, _: it.put(grant, APP, NUMBER)),
    "applications.require": (LOOK, lambda it, grant, _: it.require(grant, APP)),
    "numbers.check_application_sender": (CHANGE, lambda it, grant, _: it.check_application_sender(grant, NUMBER)),
    "numbers.check_address": (CHANGE, lambda it, grant, _: it.check_address(grant, NUMBER, None)),
    "addresses.all": (LOOK, lambda it, grant, _: it.all(grant)),
    "addresses.get": (LOOK, lambda it, grant, _: it.get(grant, NUMBER)),
    "addresses.last_inbound_at": (LOOK, lambda it, grant, _: it.last_inbound_at(grant, NUMBER)),
    "addresses.add": (CHANGE, lambda it, grant, _: it.add(grant, NUMBER, kind=AddressKind.TEN_DLC, origin=ADMIN)),
    "addresses.describe": (CHANGE, lambda it, grant, _: it.describe(grant, NUMBER, "mine")),
    "addresses.delete": (CHANGE, lambda it, grant, _: it.delete(grant, NUMBER, origin=ADMIN, even_if_recent=True)),
    "addresses.set_keywords": (CHANGE, lambda it, grant, _: it.set_keywords(grant, NUMBER, {}, {})),
    "addresses.match": (LOOK, lambda it, grant, _: it.match(grant, NUMBER, "STOP")),
    "rules.all": (LOOK, lambda it, grant, _: it.all(grant)),
    "rules.put": (CHANGE, lambda it, grant, _: it.put(grant, NUMBER, APP, frozenset({SmsType.MARKETING}))),
    "rules.delete": (CHANGE, lambda it, grant, _: it.delete(grant, NUMBER, APP)),
    "warnings.all": (LOOK, lambda it, grant, _: it.all(grant)),
    "opt_outs.page": (LOOK, lambda it, grant, _: it.page(grant, OptOutQuery(ACCOUNT))),
    "opt_outs.opt_out": (CHANGE, lambda it, grant, _: it.opt_out(grant, NUMBER, PHONE, reason="r", origin=ADMIN)),
    "opt_outs.opt_in": (LIFT, lambda it, grant, _: it.opt_in(grant, "*", PHONE, reason="r", origin=ADMIN, forced=True)),
    "opt_outs.why": (LOOK, lambda it, grant, _: it.why(grant, PHONE, APP, SmsType.MARKETING)),
    "records.find": (LOOK, lambda it, grant, _: it.find(grant, LedgerQuery(ACCOUNT))),
    "records.open_reviews": (LOOK, lambda it, grant, _: it.open_reviews(grant)),
    "records.open_review_total": (LOOK, lambda it, grant, _: it.open_review_total(grant)),
    "records.resolve": (
        CHANGE,
        lambda it, grant, record: it.resolve(grant, record, opt_out=True, reason="r", origin=ADMIN),
    ),
    "inbound.address_texted": (LOOK, lambda it, grant, _: it.address_texted(grant, IncomingText(NUMBER, PHONE, "x"))),
    "inbound.page": (LOOK, lambda it, grant, _: it.page(grant)),
    "inbound.sent_from": (LOOK, lambda it, grant, _: it.sent_from(grant, PHONE, since=LONG_AGO)),
    "sandbox.numbers": (LOOK, lambda it, grant, _: it.numbers(grant)),
    "sandbox.add": (CHANGE, lambda it, grant, _: it.add(grant, PHONE, "en-US")),
    "sandbox.verify": (CHANGE, lambda it, grant, _: it.verify(grant, PHONE, "123456")),
    "sandbox.delete": (CHANGE, lambda it, grant, _: it.delete(grant, PHONE)),
}


def asking(texting: Texting) -> dict[str, Any]:
    """Every collaborator's function that takes a grant, by `collaborator.function`, with the collaborator."""
    return {
        f"{field.name}.{name}": getattr(texting, field.name)
        for field in fields(texting)
        for name, function in inspect.getmembers(getattr(texting, field.name), callable)
        if not name.startswith("_") and "grant" in inspect.signature(function).parameters
    }


async def kept(app: PhoneApp) -> list[object]:
    """Everything that the first account has."""
    store = app.store
    return [
        await store.sms_applications(ACCOUNT),
        await store.inbound_addresses(ACCOUNT),
        await store.blocking_rules(ACCOUNT),
        await store.opt_outs(ACCOUNT, PHONE),
        await store.ledger(LedgerQuery(ACCOUNT)),
        await store.open_reviews(ACCOUNT, after=0, limit=10),
        await store.last_inbound_texts(ACCOUNT, before=None, limit=10, unmatched=False),
        await store.sandbox_numbers(ACCOUNT),
    ]


async def test_no_account_sees_or_changes_what_another_one_has(tmp_path: Path) -> None:
    async with phone_app(tmp_path) as app:
        await app.texting.applications.put(app.grant(), APP, "")
        await app.add_number(app_ids=(APP,))
        await app.texting.rules.put(app.grant(), NUMBER, APP, EVERY_TYPE)
        await app.receive("I want no more messages")
        await app.texting.opt_outs.opt_out(app.grant(), NUMBER, PHONE, reason="rang", origin=ADMIN)
        await app.texting.opt_outs.opt_out(app.grant(), "*", PHONE, reason="rang", origin=ADMIN)
        now = app.clock.now()
        number = SandboxNumber(ACCOUNT, PHONE, now, now, 1, b"salt", b"digest")
        await app.store.commit(Unit(sandbox_accounts=[(ACCOUNT, now)], sandbox_numbers=[number]))
        before = await kept(app)
        assert all(before)
        (review,) = await app.store.open_reviews(ACCOUNT, after=0, limit=10)
        functions = asking(app.texting)
        assert functions.keys() == ASKED.keys()
        for name, collaborator in functions.items():
            verb, ask = ASKED[name]
            try:
                answer = await ask(collaborator, app.grant(verb, OTHER_ACCOUNT), review.id)
            except UNKNOWN:
                answer = None
            assert ACCOUNT not in repr(answer), name
            assert not isinstance(answer, int) or not answer, name
            assert await kept(app) == before, name
