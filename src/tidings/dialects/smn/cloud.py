"""SMN as the application takes it. Settings of its own: `key_lock_after`, `retry_base_s`."""

from __future__ import annotations

from tidings.dialects.cloud import Cloud, EnvelopeParts, Options, Parts
from tidings.dialects.smn import SmnDialect, names, policies
from tidings.dialects.smn.calls import SmnServices
from tidings.dialects.smn.envelopes import SmnEnvelopes
from tidings.dialects.smn.lifecycle_rules import lifecycle_rules
from tidings.dialects.smn.limits import DIALECT
from tidings.domain import resource_names
from tidings.domain.lifecycle import LifecycleRules
from tidings.domain.model import AccountId


def _front_end(parts: Parts) -> SmnDialect:
    options, certificate = parts.options, parts.certificate
    certificate_name = names.certificate_name(options.region, certificate.digits)
    if parts.envelopes is None:
        raise ValueError("SMN needs its envelopes, to probe endpoints")
    return SmnDialect(
        SmnServices(
            topics=parts.topics,
            subscriptions=parts.subscriptions,
            templates=parts.templates,
            publisher=parts.publisher,
            accounts=parts.accounts,
            projects=parts.accounts.projects,
            authenticator=parts.authenticator,
            sign_in_tokens=parts.sign_in_tokens,
            prober=parts.prober,
            envelopes=parts.envelopes,
            clock=parts.clock,
            signing_clock=parts.signing_clock,
            limiter=parts.limiter,
            vault=parts.vault,
            egress=parts.egress,
            protocols=parts.protocols,
            evaluators=parts.evaluators,
            certificate=lambda name: certificate.pem if name == certificate_name else None,
            new_id=parts.new_id,
            link_key=parts.link_key,
            public_url=options.public_url,
            region=options.region,
            skew=options.skew,
            link_ttl_s=options.link_ttl_s,
            lock_after=options.own["key_lock_after"],
        )
    )


def _lifecycle_rules(options: Options) -> LifecycleRules:
    return lifecycle_rules(options.link_ttl_s)


def _envelopes(parts: EnvelopeParts) -> SmnEnvelopes:
    options = parts.options
    return SmnEnvelopes(
        parts.signer,
        parts.links,
        parts.projects,
        parts.vault,
        region=options.region,
        certificate_name=names.certificate_name(options.region, parts.certificate.digits),
        retry_base_s=options.own["retry_base_s"],
        link_ttl_s=options.link_ttl_s,
    )


class _Urns:
    """A `domain.ports.ResourceNames`."""

    label = "URN"

    def topic(self, region: str, account_id: AccountId, project_id: str, name: str) -> str:
        return resource_names.topic_urn(region, project_id, name)

    def subscription(self, topic: str, uid: str) -> str:
        return resource_names.subscription_urn(topic, uid)


CLOUD = Cloud(
    name=DIALECT,
    front_end=_front_end,
    lifecycle_rules=_lifecycle_rules,
    envelopes=_envelopes,
    policy_evaluator=policies.make_evaluator,
    names=_Urns(),
)
