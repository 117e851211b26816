"""One call on its way through the dialect: what was asked, by whom, and the services that answer.

Handed by the dialect to each operation; holds the questions that every operation asks (which topic, may the caller, which page).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from tidings.access.authenticate import Authenticator
from tidings.access.authorize import PolicyEvaluator, authorize, strictest
from tidings.access.sign_in_tokens import SignInTokens
from tidings.dialects.contract import WireRequest, WireResponse, origin_of
from tidings.dialects.smn import codec, names, policies
from tidings.dialects.smn.errors import refuse
from tidings.dialects.smn.limits import PAGE_MAX, PREFIX
from tidings.domain.envelope import Envelopes
from tidings.domain.errors import NotAuthenticated, NotFound
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Origin, Principal, Subscription, Topic, Way
from tidings.domain.ports import Clock, Limiter, Prober, Vault
from tidings.domain.protocols import Protocols
from tidings.domain.tokens import LinkKeys
from tidings.services.accounts import Accounts
from tidings.services.projects import Projects
from tidings.services.publish import Publisher
from tidings.services.subscriptions import Found, Subscriptions
from tidings.services.templates import Templates
from tidings.services.topics import Topics
from tidings.wire.egress import EgressPolicy


@dataclass(frozen=True, slots=True)
class SmnServices:
    """What the operations call.

    region: of everything that is made here. evaluators: what the other clouds' policies on a topic say. certificate: PEM of a
    certificate's name in this dialect, or None. public_url: base of links. new_id: 32 random hex digits. link_key: of signed links.
    signing_clock: the machine's own, because callers sign by theirs. lock_after: failed signatures in a row that lock a key;
    0: never. link_ttl_s: life of confirmation and come-back links.
    """

    topics: Topics
    subscriptions: Subscriptions
    templates: Templates
    publisher: Publisher
    accounts: Accounts
    projects: Projects
    authenticator: Authenticator
    sign_in_tokens: SignInTokens
    prober: Prober
    envelopes: Envelopes
    clock: Clock
    signing_clock: Clock
    limiter: Limiter
    vault: Vault
    egress: EgressPolicy
    protocols: Protocols
    evaluators: Sequence[PolicyEvaluator]
    certificate: Callable[[str], bytes | None]
    new_id: Callable[[], str]
    link_key: LinkKeys
    public_url: str
    region: str
    skew: timedelta
    link_ttl_s: int
    lock_after: int = 0


@dataclass(slots=True)
class Call:
    """A request that has found its operation. `path`: the values of the route's placeholders. `query`: decoded, first value of
    each name. `caller` is None for a public operation. `project_id`: the caller's own."""

    request: WireRequest
    request_id: str
    operation: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    caller: Principal | None
    project_id: str
    _body: dict[str, Any] | None = field(default=None, init=False)

    @property
    def principal(self) -> Principal:
        """The signed caller. Raises NotAuthenticated."""
        if self.caller is None:
            raise NotAuthenticated("unsigned")
        return self.caller

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object that was sent; an absent or `null` body is an empty one. Raises SmnError."""
        if self._body is None:
            self._body = codec.read_object(self.request.body)
        return self._body

    @property
    def origin(self) -> Origin:
        """Where a change made by this call came from, for the ledger."""
        way = Way.LINK if self.caller is None else Way.API
        return replace(origin_of(self.request, way, "smn", self.caller), request_id=self.request_id)

    def page(self) -> tuple[int, int]:
        """(offset, limit) of a list. Raises SmnError SMN.0015."""
        return (
            _number(self.query.get("offset"), default=0, least=0, most=2**53),
            _number(self.query.get("limit"), default=PAGE_MAX, least=1, most=PAGE_MAX),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation says. `members` None: no body. `with_request_id`: put `request_id` first, as all but tags and versions do."""

    status: int = 200
    members: Mapping[str, Any] | None = None
    with_request_id: bool = True
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[SmnServices, Call], Awaitable[Answer | WireResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """Where an operation lives. path: without leading slash; `{name}` stands for one segment. public: needs no credential and
    ignores any that is sent. operation: its name in the SDK."""

    method: str
    path: str
    operation: str
    handler: Handler
    public: bool = False


def done(**members: Any) -> Answer:
    """200 with these members."""
    return Answer(200, members)


def created(**members: Any) -> Answer:
    """201 with these members."""
    return Answer(201, members)


async def find_topic(services: SmnServices, call: Call) -> Topic:
    """The topic that the path's `topic_urn` names. Raises SmnError SMN.0005, NotFound."""
    return await topic_named(services, call.path["topic_urn"])


async def topic_named(services: SmnServices, urn: str) -> Topic:
    """The topic of a URN, whoever owns it. Raises SmnError SMN.0005, NotFound."""
    name = names.read_topic_urn(urn)
    account_id = await services.projects.account_of(name.project_id)
    topic = await services.topics.find(account_id, name.region, name.name) if account_id is not None else None
    if topic is None:
        raise NotFound("topic", urn)
    return topic


async def subscription_named(services: SmnServices, urn: str) -> Found:
    """The subscription of a URN, whoever owns it. Raises SmnError SMN.0014, NotFound."""
    name, uid = names.read_subscription_urn(urn)
    found = await services.subscriptions.find(uid)
    if found is None or (found.topic.region, found.topic.name) != (name.region, name.name):
        raise NotFound("subscription", urn)
    if await services.projects.account_of(name.project_id) != found.topic.account_id:
        raise NotFound("subscription", urn)
    return found


async def topic_urn(services: SmnServices, topic: Topic) -> str:
    return names.topic_urn(topic, await services.projects.project_of(topic.account_id))


async def subscription_urn(services: SmnServices, topic: Topic, subscription: Subscription) -> str:
    return f"{await topic_urn(services, topic)}:{subscription.uid}"


async def permit(
    services: SmnServices,
    call: Call,
    verb: Verb,
    topic: Topic,
    action: str,
    *,
    statement: str = "",
    aliases: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
) -> Grant:
    """Ask role, topic policy and the other dialects' policies. Raises Denied.

    action: the permission (`smn:topic:publish`), for roles and the error; aliases: older names of it. statement: the action of topic
    policies (`Publish`), empty where policies have no word for it. facts: what only this operation knows (`protocol`, `endpoint`).
    """
    principal = call.principal
    urn = await topic_urn(services, topic)
    known = {"sourceip": call.request.remote, **(facts or {})}
    verdicts = [evaluate(topic, principal, verb, known) for evaluate in services.evaluators]
    if statement:
        project_id = await services.projects.project_of(principal.account_id)
        text = topic.settings.get(PREFIX + "access_policy", "")
        verdicts.append(policies.verdict(text, urn, principal, project_id, statement, known))
    return authorize(
        principal,
        verb,
        owner=topic.account_id,
        topic_id=topic.id,
        resource=urn,
        source=call,
        verdict=strictest(verdicts),
        action=action,
        aliases=aliases,
    )


def permit_account(call: Call, verb: Verb, action: str, *, resource: str = "") -> Grant:
    """Ask the caller's role about something in the caller's own account. Raises Denied."""
    principal = call.principal
    return authorize(
        principal,
        verb,
        owner=principal.account_id,
        resource=resource or f"urn:smn:*:{call.project_id}:*",
        source=call,
        action=action,
    )


def _number(text: str | None, *, default: int, least: int, most: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 16) or not least <= int(text) <= most:
        raise refuse("SMN.0015")
    return int(text)
