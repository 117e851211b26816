"""What SNS's topic policies may say, the one every topic begins with, and the verdict on a call.

The language itself is `domain/policy`. Called by the actions through `calls.permit`.
Source: SNS developer guide, "Amazon SNS API permissions"; the default policy as observed on new topics.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

from tidings.domain.grants import Verdict
from tidings.domain.model import Principal
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


def default_policy(topic_arn: str, owner: str) -> str:
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
                    "Resource": topic_arn,
                    "Condition": {"StringEquals": {"AWS:SourceOwner": owner}},
                }
            ],
        },
        separators=(",", ":"),
    )


@lru_cache(maxsize=4096)
def _ready(text: str, topic_arn: str) -> Policy:
    return parse(text, VOCABULARY, topic_arn)


def verdict(text: str, topic_arn: str, principal: Principal, action: str, context: Mapping[str, str]) -> Verdict:
    """What a stored policy says about a caller's action. Batches are judged as what they are made of."""
    bare = "Publish" if action == "PublishBatch" else action
    return _ready(text, topic_arn).verdict(Ask(principal.account_id, principal.arn, bare, topic_arn, context))
