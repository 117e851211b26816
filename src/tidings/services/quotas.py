"""How many of a thing there may be. Defaults protect the service; the clouds' own low ones are off."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quotas:
    """Source of the figures: SNS endpoints and quotas; templates: SMN user guide, "Notes and Constraints"; SMS templates
    and signs: SMS FAQ; inbound addresses and applications: ours, more than a screen can show."""

    topics_per_account: int = 100_000
    subscriptions_per_topic: int = 12_500_000
    pending_per_account: int = 5_000
    tags_per_topic: int = 50
    templates_per_account: int = 100
    inbound_addresses_per_account: int = 1_000
    sms_applications_per_account: int = 1_000
    sms_templates_per_account: int = 1_000
    sms_signs_per_account: int = 1_000
