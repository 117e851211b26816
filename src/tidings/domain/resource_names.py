"""What topics and subscriptions are called in the clouds: the one place that builds their ARNs and URNs.

Called by the dialects, the native API and the console, so that a name copied from one of them is valid in the others.
Source: IAM user guide, "Amazon Resource Names" (partitions); SMN API reference, "Topic URN".
"""

from __future__ import annotations

from functools import lru_cache


def partition(region: str) -> str:
    """The second part of ARNs of a region; the clouds in China and of the government have their own."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


@lru_cache(maxsize=4096)
def topic_arn(region: str, account_id: str, name: str) -> str:
    """`*` as name means every topic of the account in that region."""
    return f"arn:{partition(region)}:sns:{region}:{account_id}:{name}"


def subscription_arn(topic: str, uid: str) -> str:
    """topic: its ARN. uid: ours, 32 hex digits, shown as a UUID."""
    return f"{topic}:{uid[:8]}-{uid[8:12]}-{uid[12:16]}-{uid[16:20]}-{uid[20:]}"


def topic_urn(region: str, project_id: str, name: str) -> str:
    return f"urn:smn:{region}:{project_id}:{name}"


def subscription_urn(topic: str, uid: str) -> str:
    """topic: its URN."""
    return f"{topic}:{uid}"
