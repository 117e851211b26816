"""Permission as a value: what `access/authorize` gives and every service function takes."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tidings.domain.audit import Act
from tidings.domain.errors import Denied
from tidings.domain.model import AccountId, Origin, Principal, Topic, TopicId, Way


class Verb(enum.StrEnum):
    """The product's actions as permissions."""

    CREATE_TOPIC = "create-topic"
    READ_TOPIC = "read-topic"
    CHANGE_TOPIC = "change-topic"
    DELETE_TOPIC = "delete-topic"
    LIST = "list"
    SUBSCRIBE = "subscribe"
    READ_SUBSCRIPTION = "read-subscription"
    CHANGE_SUBSCRIPTION = "change-subscription"
    PUBLISH = "publish"
    PUBLISH_SMS = "publish-sms"
    MANAGE_TEMPLATES = "manage-templates"
    READ_LEDGER = "read-ledger"
    READ_AUDIT = "read-audit"  # who changed what in the account
    MANAGE_DELIVERIES = "manage-deliveries"
    READ_OPT_OUTS = "read-opt-outs"
    MANAGE_OPT_OUTS = "manage-opt-outs"  # inbound addresses, keywords, rules; to opt somebody out
    LIFT_OPT_OUTS = "lift-opt-outs"  # text somebody again who had opted out: the dangerous act
    MANAGE_ACCOUNT = "manage-account"


class Verdict(enum.Enum):
    """What the resource's own policy says about this call."""

    ALLOW = "allow"
    DENY = "deny"
    SILENT = "silent"


class Source(Protocol):
    """A call that knows where it came from. Asked only when something is written down: a publish never is."""

    @property
    def origin(self) -> Origin: ...


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer yes: who may do what on what. Every service function takes one (or a subscriber's own token).

    `source`: the call; without one (a program of ours) the principal is all that is known. `topic_id`: the one topic that it is for;
    None: whatever is `owner`'s. Made by `access.authorize` only; services ask it what it allows.
    """

    principal: Principal
    verb: Verb
    owner: AccountId
    resource: str
    source: Source | None = field(default=None, compare=False, repr=False)
    topic_id: TopicId | None = None

    def require(self, *verbs: Verb) -> None:
        """Raises Denied unless it was given for one of these."""
        if self.verb not in verbs:
            raise Denied(self.principal.arn, verbs[0].value, self.resource)

    def require_owner(self, *account_ids: AccountId) -> None:
        """Raises Denied unless it was given by one of these, whose the resource is."""
        if self.owner not in account_ids:
            raise Denied(self.principal.arn, self.verb.value, self.resource)

    def require_topic(self, topic: Topic) -> None:
        """Raises Denied for another topic than it was given for, or another account's."""
        self.require_owner(topic.account_id)
        self.require_topic_id(topic.id)

    def require_topic_id(self, topic_id: TopicId | None) -> None:
        if self.topic_id is not None and self.topic_id != topic_id:
            raise Denied(self.principal.arn, self.verb.value, self.resource)

    @property
    def origin(self) -> Origin:
        """Where what is done by this grant comes from."""
        if self.source is not None:
            return self.source.origin
        return Origin(Way.API, principal=self.principal.arn, key_id=self.principal.key_id)

    def act(self, at: datetime) -> Act:
        """What a unit made by this grant carries for the audit trail."""
        return Act(at, self.origin)


@dataclass(frozen=True, slots=True)
class From:
    """A source whose origin is known already."""

    origin: Origin
