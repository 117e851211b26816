"""How SNS varies the life of a subscription. Handed by `wiring` to the subscriptions service.

Source: SNS API reference, Subscribe, ConfirmSubscription, Unsubscribe; SNS developer guide, "Deleting a subscription".
"""

from __future__ import annotations

from datetime import timedelta

from tidings.domain.lifecycle import LifecycleRules
from tidings.domain.limits import CONFIRM_TTL_S


def lifecycle_rules(ttl_s: float = CONFIRM_TTL_S) -> LifecycleRules:
    """SNS's rules. ttl_s: life of confirmation and come-back links in seconds; two days in the cloud."""
    return LifecycleRules(
        # A queue of the topic's own account, and a phone, are subscribed at once.
        needs_confirmation=frozenset({"http", "https", "email", "email-json"}),
        says_goodbye=frozenset({"http", "https", "email", "email-json"}),
        signed_only=frozenset({"sqs", "lambda", "firehose", "application"}),
        unconfirmed_cancelable=False,
        keeps_uid=False,
        ttl=timedelta(seconds=ttl_s),
    )
