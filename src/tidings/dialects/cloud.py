"""What a cloud brings, and what the application gives it.

A cloud is one package with a `CLOUD`, and one entry in `clouds.CLOUDS`. Nothing else in the application names a cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tidings.access.authenticate import Authenticator
from tidings.access.authorize import PolicyEvaluator
from tidings.access.sign_in_tokens import SignInTokens
from tidings.dialects.contract import Dialect
from tidings.domain.envelope import Envelopes
from tidings.domain.lifecycle import LifecycleRules
from tidings.domain.mail_content import Links
from tidings.domain.ports import Announcer, Clock, Limiter, Prober, ResourceNames, Signer, Vault
from tidings.domain.protocols import Protocols
from tidings.domain.tokens import LinkKeys
from tidings.services.accounts import Accounts
from tidings.services.projects import Projects
from tidings.services.publish import Publisher
from tidings.services.subscriptions import Subscriptions
from tidings.services.templates import Templates
from tidings.services.texting.text_catalog import TextCatalog
from tidings.services.texting.texting import Texting
from tidings.services.texting.texts import Texts
from tidings.services.topics import Topics
from tidings.wire.egress import EgressPolicy


@dataclass(frozen=True, slots=True)
class Certificate:
    """Of the key that signs messages. `digits`: of its fingerprint, for clouds that put them into its name. `pem`: as it is served."""

    digits: str
    pem: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Settings. public_url: base of links, without a slash at the end. region: of what is made without naming one. skew: how far a
    caller's clock may be off. link_ttl_s: life of confirmation and come-back links. strict_links: a GET on an e-mail's SubscribeURL
    confirms at once. is_dev: developer mode. own: the settings whose names begin with the cloud's, without that beginning."""

    public_url: str
    region: str
    skew: timedelta
    link_ttl_s: int
    strict_links: bool = False
    is_dev: bool = False
    own: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeParts:
    """What envelopes are made with. links: those of messages, signed."""

    signer: Signer
    links: Links
    projects: Projects
    vault: Vault
    certificate: Certificate
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a front end may use; each takes what it needs.

    signing_clock: the machine's own, because callers sign by theirs. evaluators: what the other clouds' policies on a topic say.
    envelopes: of this cloud. new_id: 32 random hex digits. new_message_id: a UUID. link_key: of signed links.
    """

    topics: Topics
    subscriptions: Subscriptions
    templates: Templates
    publisher: Publisher
    accounts: Accounts
    texting: Texting
    texts: Texts
    catalog: TextCatalog
    authenticator: Authenticator
    sign_in_tokens: SignInTokens
    prober: Prober
    limiter: Limiter
    clock: Clock
    signing_clock: Clock
    vault: Vault
    announcer: Announcer
    egress: EgressPolicy
    protocols: Protocols
    certificate: Certificate
    new_id: Callable[[], str]
    new_message_id: Callable[[], str]
    link_key: LinkKeys
    options: Options
    evaluators: Sequence[PolicyEvaluator] = ()
    envelopes: Envelopes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """`name`: of the dialect in topics, subscriptions and metrics. A cloud without subscriptions of its own has a front end only."""

    name: str
    front_end: Callable[[Parts], Dialect]
    lifecycle_rules: Callable[[Options], LifecycleRules] | None = None
    envelopes: Callable[[EnvelopeParts], Envelopes] | None = None
    policy_evaluator: Callable[[Projects], PolicyEvaluator] | None = None
    names: ResourceNames | None = None
