"""Subscriptions: search them by endpoint, state and protocol; look at one; cancel, ask again, delete.

An account sees what it owns and what was subscribed to its topics; anything else does not exist here.
"""

from __future__ import annotations

from dataclasses import replace

from tidings.console.errors import MISSING, BadRequest
from tidings.console.fields import Fields
from tidings.console.formatting import STATES, plural
from tidings.console.routing import ROOT, Answer, Call, Moved, Route, Shown
from tidings.console.views.topics import UID, topic_of
from tidings.domain import passwords
from tidings.domain.errors import InvalidValue, NotFound, WrongState
from tidings.domain.grants import Verb
from tidings.domain.model import NEWEST, LedgerQuery, Origin, State, SubscriptionQuery
from tidings.services import endpoints
from tidings.services.subscriptions import Found
from tidings.services.texting.phone_consent import same_number

PAGE_ROWS = 50
HISTORY_ENTRIES = 20
REASON_CHARACTERS_MAX = 500
LISTED = {"unconfirmed": State.UNCONFIRMED, "confirmed": State.CONFIRMED, "canceled": State.CANCELED}
STATE_CHOICES = tuple((name, STATES[state][0]) for name, state in LISTED.items())


async def subscriptions(call: Call) -> Answer:
    """A page of them, oldest first."""
    query = call.query
    endpoint = query.text("endpoint", "Endpoint", characters_max=2048)
    state = query.choice("state", "State", LISTED)
    protocol = query.choice("protocol", "Protocol", tuple(call.services.protocols))
    after = query.whole("after", "Page")
    of_topic = query.text("topic", "Topic", characters_max=64)
    topic = await topic_of(call, of_topic) if of_topic else None
    wanted = SubscriptionQuery(
        # A topic's owner sees all its subscriptions, also those that other accounts own.
        account_id=None if topic is not None else call.grant.owner,
        topic_id=topic.id if topic is not None else None,
        endpoint=_stored_form(query, endpoint) if endpoint else None,
        protocol=protocol or None,
        states=(LISTED[state],) if state else tuple(LISTED.values()),
        after=after,
        limit=PAGE_ROWS + 1,
    )
    found = await call.services.subscriptions.page(call.grant, wanted) if query.ok else []
    total = await call.services.subscriptions.total(call.grant, wanted) if query.ok else 0
    link: dict[str, object] = {"endpoint": endpoint, "state": state, "protocol": protocol, "topic": of_topic}
    shown = found[:PAGE_ROWS]
    values = {
        "query": query,
        "rows": shown,
        "topics": await call.services.subscriptions.topics_of(shown),
        "topic": topic,
        "total": total,
        "is_searched": any(link.values()) or bool(query.refusals),
        "states": STATE_CHOICES,
        "protocols": tuple((name, name) for name in call.services.protocols),
        "first": link if after else None,
        "next": link | {"after": shown[-1].id} if len(found) > PAGE_ROWS else None,
        "public_url": call.services.public_url,
    }
    return Shown(
        "subscriptions.html",
        "Subscriptions",
        values,
        block="results",
        spoken=plural(total, "subscription"),
        status=200 if query.ok else 422,
    )


def _stored_form(query: Fields, endpoint: str) -> str:
    """As it is stored and compared: a mail address has its domain in lower case."""
    if "@" not in endpoint or "://" in endpoint:
        return same_number(passwords.masked(endpoint))
    try:
        return endpoints.email_address(endpoint)
    except InvalidValue:
        query.refuse("endpoint", "Endpoint: not a whole mail address.")
        return ""


async def subscription(call: Call) -> Answer:
    """One, with everything the ledger knows of it."""
    return await _page(call, await _of_caller(call))


async def _page(call: Call, found: Found, status: int = 200) -> Answer:
    row = found.subscription
    history = None
    if call.may(Verb.READ_LEDGER):
        asked = LedgerQuery(subscription_uid=row.uid, before=NEWEST, limit=HISTORY_ENTRIES)
        history = await call.services.ledger.page(call.authorize(Verb.READ_LEDGER), asked)
    values = {
        "row": row,
        "topic": found.topic,
        "form": call.form,
        "history": history,
        "history_max": HISTORY_ENTRIES,
        "State": State,
        "opened": call.route.name,
    }
    return Shown("subscription.html", row.endpoint, values, status=status)


async def cancel(call: Call) -> Answer:
    """As the owner: the endpoint hears no more, and gets no goodbye."""
    found = await _of_caller(call)
    reason = _reason(call)
    if not call.form.ok:
        return await _page(call, found, 422)
    uid = found.subscription.uid
    try:
        done = await call.services.subscriptions.cancel(uid, by=call.principal, origin=_with(call.origin, reason))
    except WrongState:
        return _back(found, "It is not confirmed yet, so there is nothing to cancel. You can delete it.", good=False)
    if done is None:
        return _back(found, "It is gone already.", good=False)
    if not done.changed:
        return _back(found, "It was canceled before.")
    return _back(found, f"Canceled. Nothing more is sent to {found.subscription.endpoint} from this topic.")


async def ask_again(call: Call) -> Answer:
    """A fresh confirmation request."""
    found = await _of_caller(call)
    try:
        await call.services.subscriptions.ask_again(call.grant, found.subscription.uid, origin=call.origin)
    except WrongState:
        return _back(found, "It is not waiting for a confirmation any more.", good=False)
    return _back(found, f"{found.subscription.endpoint} is asked once more, unless it was asked too often lately.")


async def delete(call: Call) -> Answer:
    """Forget it; the ledger does not."""
    found = await _of_caller(call)
    reason = _reason(call)
    if not call.form.ok:
        return await _page(call, found, 422)
    uid = found.subscription.uid
    try:
        await call.services.subscriptions.delete(call.grant, uid, origin=_with(call.origin, reason))
    except NotFound:
        return Moved(f"{ROOT}/subscriptions", "It was gone already.")
    return Moved(f"{ROOT}/subscriptions", f"The subscription of {found.subscription.endpoint} was deleted.")


def _reason(call: Call) -> str:
    return call.form.text("reason", "Reason", characters_max=REASON_CHARACTERS_MAX, required=True)


def _with(origin: Origin, reason: str) -> Origin:
    """The operator's words are kept where a text's would be."""
    return replace(origin, raw_text=reason)


def _back(found: Found, said: str, *, good: bool = True) -> Moved:
    return Moved(f"{ROOT}/subscriptions/{found.subscription.uid}", said, good)


async def _of_caller(call: Call) -> Found:
    """The subscription that the path names, if it or its topic is the account's. Raises BadRequest."""
    uid = call.path["uid"]
    found = await call.services.subscriptions.find(uid) if UID.match(uid) else None
    if found is None or call.principal.account_id not in (found.subscription.account_id, found.topic.account_id):
        raise BadRequest(MISSING)
    return found


_ONE = "/subscriptions/{uid}"
ROUTES = (
    Route("GET", "/subscriptions", subscriptions, Verb.LIST, "subscriptions", "subscriptions"),
    Route("GET", _ONE, subscription, Verb.READ_SUBSCRIPTION, "subscription", "subscriptions"),
    Route("POST", f"{_ONE}/cancel", cancel, Verb.CHANGE_SUBSCRIPTION, "cancel", "subscriptions"),
    Route("POST", f"{_ONE}/ask-again", ask_again, Verb.SUBSCRIBE, "ask-again", "subscriptions"),
    Route("POST", f"{_ONE}/delete", delete, Verb.CHANGE_SUBSCRIPTION, "delete", "subscriptions"),
)
