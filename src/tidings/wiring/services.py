"""What the product does, and who may ask for it: the services and the readers of credentials."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tidings.access.authenticate import Authenticator
from tidings.access.limiter import TokenBuckets
from tidings.access.sessions import Sessions
from tidings.access.sign_in_limits import SignInLimits
from tidings.access.sign_in_tokens import SignInTokens
from tidings.domain.unit import Unit
from tidings.services.accounts import Accounts
from tidings.services.deliveries import Deliveries
from tidings.services.housekeeping import Housekeeping
from tidings.services.ledger import Ledger
from tidings.services.publish import Publisher
from tidings.services.quotas import Quotas
from tidings.services.subscriptions import Subscriptions
from tidings.services.templates import Templates
from tidings.services.texting.optout_uploads import OptOutUploads
from tidings.services.texting.text_catalog import TextCatalog
from tidings.services.texting.texting import Texting
from tidings.services.texting.texts import TextLimits, Texts
from tidings.services.topics import Topics
from tidings.wiring.clock_and_ids import new_serial, new_token, new_uid, new_uuid
from tidings.wiring.foundation import Foundation
from tidings.wiring.rates import confirmation_paces
from tidings.wiring.sms import destinations, open_texting


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    authenticator: Authenticator
    sign_in_tokens: SignInTokens
    sessions: Sessions
    accounts: Accounts
    topics: Topics
    subscriptions: Subscriptions
    templates: Templates
    publisher: Publisher
    texting: Texting
    uploads: OptOutUploads
    catalog: TextCatalog
    texts: Texts
    ledger: Ledger
    deliveries: Deliveries
    housekeeping: Housekeeping


def make_services(base: Foundation) -> Services:
    settings, store, clock, vault = base.settings, base.store, base.clock, base.vault
    tries = TokenBuckets({"login": settings.login_rate}, throttled=base.metrics.throttled)
    authenticator = Authenticator(store, vault, limits=SignInLimits(lambda group: tries.take(f"login:{group}")))
    sign_in_tokens = SignInTokens(store, vault, clock)

    def forget_credentials(unit: Unit) -> None:
        if unit.accounts or unit.users or unit.access_keys:
            authenticator.forget()
            sign_in_tokens.forget()

    store.announcer.listen(forget_credentials)

    quotas = Quotas(
        settings.topics_max,
        settings.subscriptions_max,
        settings.pending_max,
        templates_per_account=settings.templates_max,
    )
    subscriptions = make_subscriptions(base, quotas)
    texting = open_texting(settings, store, clock, base.metrics, quotas, vault)
    return Services(
        authenticator=authenticator,
        sign_in_tokens=sign_in_tokens,
        sessions=Sessions(store, clock, idle=timedelta(seconds=settings.session_idle_s)),
        accounts=Accounts(store, clock, vault, opt_outs=store, texts=store),
        topics=Topics(store, clock, quotas, new_uid=new_uid),
        subscriptions=subscriptions,
        templates=Templates(store, clock, quotas, new_uid=new_uid),
        publisher=Publisher(base.flow, base.metrics),
        texting=texting,
        uploads=OptOutUploads(
            store, store, clock, new_token, revoke_all=settings.sms_revoke_all, folder=settings.store_path.parent
        ),
        catalog=TextCatalog(store, store, clock, quotas=quotas, opt_outs=store, reviewed=settings.sms_review),
        texts=Texts(
            store,
            store,
            store,
            base.backend.text_gate,
            base.flow,
            clock,
            base.metrics,
            new_message_id=new_serial,
            limits=TextLimits(
                settings.sms_per_30s, settings.sms_per_hour, settings.sms_per_day, settings.sms_same_per_day
            ),
            numbers=texting.numbers,
            destinations=destinations(settings),
        ),
        ledger=Ledger(store),
        deliveries=Deliveries(base.store, base.flow, clock),
        housekeeping=Housekeeping(store, subscriptions, clock),
    )


def make_subscriptions(base: Foundation, quotas: Quotas) -> Subscriptions:
    settings = base.settings
    rules = {
        cloud.name: cloud.lifecycle_rules(base.options(cloud))
        for cloud in base.clouds
        if cloud.lifecycle_rules is not None
    }
    return Subscriptions(
        base.store,
        base.clock,
        base.vault,
        quotas,
        rules,
        base.metrics,
        new_uid=new_uid,
        new_token=new_token,
        new_message_id=new_uuid,
        link_key=base.link_key,
        anonymous_cancel=settings.anonymous_unsubscribe,
        paces=confirmation_paces(settings),
        decline_hold=timedelta(seconds=settings.decline_hold_s),
        protocols=base.protocols,
    )
