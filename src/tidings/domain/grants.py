"""Permission as a value: what `access/authorize` gives and every service function takes."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tidings.domain.model import AccountId, Principal


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


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer yes: who may do what on what. Every service function takes one (or a subscriber's own token)."""

    principal: Principal
    verb: Verb
    owner: AccountId
    resource: str
