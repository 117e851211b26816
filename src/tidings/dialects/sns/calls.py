"""One call on its way through the dialect: what was asked, by whom, and the services that answer.

Handed by the dialect to each action; holds the questions that every action asks (which topic, may the caller, go on after what).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tidings.access.authorize import PolicyEvaluator, authorize, strictest
from tidings.dialects.contract import WireRequest, origin_of
from tidings.dialects.sns import attributes, codec, names, policies
from tidings.dialects.sns.errors import empty, invalid, missing
from tidings.dialects.sns.limits import CLOCK_SKEW_S
from tidings.dialects.sns.sms_defaults import SmsDefaults
from tidings.domain.errors import NotAuthenticated
from tidings.domain.grants import Grant, Verb, Verdict
from tidings.domain.model import Origin, Principal, Topic, TopicId, Way
from tidings.domain.ports import Clock, Limiter
from tidings.domain.protocols import Protocols
from tidings.services.publish import Publisher
from tidings.services.subscriptions import Subscriptions
from tidings.services.texting.texting import Texting
from tidings.services.topics import Topics

GRANTS_KEPT = 4096


class PublishGrants:
    """Who may publish to what, while topic and caller are the very objects that were asked about: whatever changes one of them
    (a topic, a policy, a key, a user, a role) makes a new object of it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[TopicId, str], tuple[Topic, Principal, Grant]] = {}

    def find(self, topic: Topic, principal: Principal) -> Grant | None:
        kept = self._kept.get((topic.id, principal.key_id))
        return kept[2] if kept is not None and kept[0] is topic and kept[1] is principal else None

    def keep(self, topic: Topic, principal: Principal, grant: Grant) -> None:
        if len(self._kept) >= GRANTS_KEPT:
            self._kept.clear()
        self._kept[topic.id, principal.key_id] = topic, principal, grant


@dataclass(frozen=True, slots=True)
class SnsServices:
    """What the actions call.

    new_message_id: a fresh UUID. public_url: base of the pages for people. strict_links: a GET on an e-mail's SubscribeURL
    confirms at once, as in the cloud, instead of leading to the page with the button.
    home_region: of unsigned calls. skew: how far a caller's clock may be off. evaluators: what the other dialects' policies on a topic say.
    """

    topics: Topics
    subscriptions: Subscriptions
    texting: Texting
    sms_defaults: SmsDefaults
    publisher: Publisher
    clock: Clock
    limiter: Limiter
    protocols: Protocols
    new_message_id: Callable[[], str]
    public_url: str
    home_region: str = "us-east-1"
    strict_links: bool = False
    skew: timedelta = timedelta(seconds=CLOCK_SKEW_S)
    evaluators: Sequence[PolicyEvaluator] = ()
    publish_grants: PublishGrants = field(default_factory=PublishGrants)


@dataclass(slots=True)
class Call:
    """A decoded request. `caller` is None for an unsigned one; `region` is the scope's, or the server's own."""

    request: WireRequest
    action: str
    params: codec.Params
    caller: Principal | None
    region: str
    now: datetime

    @property
    def principal(self) -> Principal:
        """The signed caller. Raises NotAuthenticated."""
        if self.caller is None:
            raise NotAuthenticated("unsigned")
        return self.caller

    @property
    def origin(self) -> Origin:
        """Where a change made by this call came from, for the ledger."""
        unsigned = Way.LINK if self.request.method == "GET" else Way.ANONYMOUS
        return origin_of(self.request, unsigned if self.caller is None else Way.API, "sns", self.caller)

    def required(self, member: str) -> str:
        """A parameter that must be there and not empty. Raises SnsError."""
        value = self.params.get(member)
        if value is None:
            raise missing(member)
        if not value:
            raise empty(member)
        return value

    def entries(self, member: str) -> dict[str, str]:
        """A map of strings (`member.entry.N.key`, `.value`). Raises SnsError for a doubled or missing key."""
        found: dict[str, str] = {}
        for entry in codec.group(self.params, f"{member}.entry"):
            key = entry.get("key")
            if key is None or key in found:
                raise invalid(member)
            found[key] = entry.get("value", "")
        return found

    def members(self, member: str) -> list[str]:
        """A list of plain texts (`member.member.N`)."""
        return [element.get("", "") for element in codec.group(self.params, f"{member}.member")]

    def after(self, scope: str) -> int:
        """Where the page begins that NextToken asks for. Raises SnsError."""
        try:
            return codec.read_page_token(scope, self.params.get("NextToken", ""))
        except ValueError as error:
            raise invalid("NextToken") from error


async def find_topic(services: SnsServices, call: Call, member: str = "TopicArn") -> Topic | None:
    """The topic that a parameter names, if there is one. Raises SnsError for an ARN that is none of this region's."""
    name = names.read_topic_arn(call.params.get(member), call.region, member)
    found = services.topics.known(name.account_id, name.region, name.name)
    return found or await services.topics.find(name.account_id, name.region, name.name)


def permit(services: SnsServices, call: Call, verb: Verb, topic: Topic, facts: dict[str, str] | None = None) -> Grant:
    """Ask role and topic policy. facts: condition keys only this action knows. Raises Denied, NotAuthenticated."""
    principal = call.principal
    arn = names.topic_arn(topic)
    text = attributes.stored(topic.settings, "Policy")
    verdict = Verdict.SILENT
    if text:
        verdict = policies.verdict(text, arn, principal, call.action, _context(call, principal) | (facts or {}))
    if services.evaluators:
        known = {"sourceip": call.request.remote}
        known |= {name.removeprefix("sns:"): value for name, value in (facts or {}).items()}
        verdict = strictest((verdict, *(evaluate(topic, principal, verb, known) for evaluate in services.evaluators)))
    return authorize(
        principal,
        verb,
        owner=topic.account_id,
        topic_id=topic.id,
        resource=arn,
        source=call,
        verdict=verdict,
        action=f"SNS:{_policy_action(call)}",
    )


def permit_publish(services: SnsServices, call: Call, topic: Topic) -> Grant:
    """`permit` for a publish: to topics without settings, and so without any cloud's policy, the answer to the same caller is remembered.
    It names no call, because nobody writes down that a message was published. Raises Denied, NotAuthenticated."""
    if topic.settings:
        return permit(services, call, Verb.PUBLISH, topic)
    principal = call.principal
    grant = services.publish_grants.find(topic, principal)
    if grant is None:
        grant = replace(permit(services, call, Verb.PUBLISH, topic), source=None)
        services.publish_grants.keep(topic, principal, grant)
    return grant


def permit_account(call: Call, verb: Verb, resource: str) -> Grant:
    """Ask the caller's role about something in the caller's own account. Raises Denied, NotAuthenticated."""
    principal = call.principal
    return authorize(
        principal,
        verb,
        owner=principal.account_id,
        resource=resource,
        source=call,
        action=f"SNS:{_policy_action(call)}",
    )


def _policy_action(call: Call) -> str:
    return "Publish" if call.action == "PublishBatch" else call.action


def _context(call: Call, principal: Principal) -> dict[str, str]:
    """Condition keys of the request. Source: IAM user guide, "AWS global condition context keys"."""
    return {
        "aws:currenttime": call.now.isoformat(),
        "aws:epochtime": str(int(call.now.timestamp())),
        "aws:principalaccount": principal.account_id,
        "aws:principalarn": names.principal_arn(principal, call.region),
        "aws:requestedregion": call.region,
        "aws:securetransport": "true" if call.request.scheme == "https" else "false",
        "aws:sourceip": call.request.remote,
        "aws:useragent": call.request.headers.get("user-agent", ""),
        "aws:username": principal.user,
    }
