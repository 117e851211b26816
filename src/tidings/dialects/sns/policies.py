"""What SNS's topic policies may say, the one every topic begins with, and the verdict on a call.

The language itself is `domain/policy`. Called by the actions through `calls.permit`.
Source: SNS developer guide, "Amazon SNS API permissions"; the default policy as observed on new topics.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

from tidings.dialects.sns.names import principal_arn, topic_arn
from tidings.domain.grants import Verb, Verdict
from tidings.domain.model import Principal, Topic
from tidings.domain.policy import Ask, Policy, Vocabulary, parse

VOCABULARY = Vocabulary(
    prefix="SNS",
    actions=frozenset(
        {
            "AddPermission",
            "DeleteTopic",
            "GetDataProtectionPolicy",
            "GetTopicAttributes",
            "ListSubscriptionsByTopic",
            "ListTagsForResource",
            "Publish",
            "PutDataProtectionPolicy",
            "Receive",
            "RemovePermission",
            "SetTopicAttributes",
            "Subscribe",
        }
    ),
)

_DEFAULT_ACTIONS = [
    "SNS:GetTopicAttributes",
    "SNS:SetTopicAttributes",
    "SNS:AddPermission",
    "SNS:RemovePermission",
    "SNS:DeleteTopic",
    "SNS:Subscribe",
    "SNS:ListSubscriptionsByTopic",
    "SNS:Publish",
]


def default_policy(arn: str, owner: str) -> str:
    """The policy of a topic for which none was set.

    Its condition on `AWS:SourceOwner` speaks of services that act for an account, so it gives a direct caller nothing: what an
    account's own users may do is said by their roles.
    """
    return json.dumps(
        {
            "Version": "2008-10-17",
            "Id": "__default_policy_ID",
            "Statement": [
                {
                    "Sid": "__default_statement_ID",
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": _DEFAULT_ACTIONS,
                    "Resource": arn,
                    "Condition": {"StringEquals": {"AWS:SourceOwner": owner}},
                }
            ],
        },
        separators=(",", ":"),
    )


_ACTIONS = {
    Verb.READ_TOPIC: "GetTopicAttributes",
    Verb.CHANGE_TOPIC: "SetTopicAttributes",
    Verb.DELETE_TOPIC: "DeleteTopic",
    Verb.LIST: "ListSubscriptionsByTopic",
    Verb.SUBSCRIBE: "Subscribe",
    Verb.PUBLISH: "Publish",
}
"""What a call of another dialect would be called here."""
_FACTS = {"protocol": "sns:protocol", "endpoint": "sns:endpoint", "sourceip": "aws:sourceip"}


def evaluate(topic: Topic, principal: Principal, verb: Verb, facts: Mapping[str, str]) -> Verdict:
    """What the topic's SNS policy says about a call that came in by another dialect; a `access.authorize.PolicyEvaluator`."""
    text, action = topic.settings.get("sns:Policy", ""), _ACTIONS.get(verb)
    if not text or action is None:
        return Verdict.SILENT
    context = {_FACTS[name]: value for name, value in facts.items() if name in _FACTS}
    context |= {
        "aws:principalaccount": principal.account_id,
        "aws:principalarn": principal_arn(principal, topic.region),
        "aws:requestedregion": topic.region,
        "aws:username": principal.user,
    }
    return verdict(text, topic_arn(topic), principal, action, context)


@lru_cache(maxsize=4096)
def _ready(text: str, arn: str) -> Policy:
    return parse(text, VOCABULARY, arn, stored=True)


def verdict(text: str, arn: str, principal: Principal, action: str, context: Mapping[str, str]) -> Verdict:
    """What a stored policy says about a caller's action. Batches are evaluated as what they are made of."""
    bare = "Publish" if action == "PublishBatch" else action
    return _ready(text, arn).verdict(Ask(principal.account_id, principal.arn, bare, arn, context))
