"""SNS as the application takes it."""

from __future__ import annotations

from tidings.access.authorize import PolicyEvaluator
from tidings.dialects.cloud import Cloud, EnvelopeParts, Options, Parts
from tidings.dialects.sns import SnsDialect, policies
from tidings.dialects.sns.calls import SnsServices
from tidings.dialects.sns.envelopes import SnsEnvelopes
from tidings.dialects.sns.lifecycle_rules import lifecycle_rules
from tidings.dialects.sns.limits import DIALECT
from tidings.dialects.sns.sms_defaults import SmsDefaults
from tidings.domain import resource_names
from tidings.domain.lifecycle import LifecycleRules
from tidings.domain.model import AccountId
from tidings.services.projects import Projects


def _front_end(parts: Parts) -> SnsDialect:
    options = parts.options
    services = SnsServices(
        topics=parts.topics,
        subscriptions=parts.subscriptions,
        texting=parts.texting,
        sms_defaults=SmsDefaults(parts.texting.applications, parts.announcer, options.region),
        publisher=parts.publisher,
        clock=parts.clock,
        limiter=parts.limiter,
        protocols=parts.protocols,
        new_message_id=parts.new_message_id,
        public_url=options.public_url,
        home_region=options.region,
        strict_links=options.strict_links,
        skew=options.skew,
        evaluators=parts.evaluators,
    )
    return SnsDialect(services, parts.authenticator, parts.signing_clock)


def _lifecycle_rules(options: Options) -> LifecycleRules:
    return lifecycle_rules(options.link_ttl_s)


def _envelopes(parts: EnvelopeParts) -> SnsEnvelopes:
    return SnsEnvelopes(parts.signer, parts.links)


def _policy_evaluator(projects: Projects) -> PolicyEvaluator:
    return policies.evaluate


class _Arns:
    """A `domain.ports.ResourceNames`."""

    label = "ARN"

    def topic(self, region: str, account_id: AccountId, project_id: str, name: str) -> str:
        return resource_names.topic_arn(region, account_id, name)

    def subscription(self, topic: str, uid: str) -> str:
        return resource_names.subscription_arn(topic, uid)


CLOUD = Cloud(
    name=DIALECT,
    front_end=_front_end,
    lifecycle_rules=_lifecycle_rules,
    envelopes=_envelopes,
    policy_evaluator=_policy_evaluator,
    names=_Arns(),
)
