"""The collaborators of an application about texts, made once and handed to front ends and transports, which take those that they use."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from tidings.domain.phone_ports import OptOutStore, TextStore
from tidings.domain.ports import Clock, Store, Vault
from tidings.observe.metrics import Metrics
from tidings.services.quotas import Quotas
from tidings.services.texting.blocking_rules import BlockingRules
from tidings.services.texting.inbound_addresses import InboundAddresses
from tidings.services.texting.inbound_texts import InboundTexts
from tidings.services.texting.numbers import Numbers
from tidings.services.texting.optout_records import OptOutRecords
from tidings.services.texting.optouts import OptOuts
from tidings.services.texting.phone_consent import PhoneConsent
from tidings.services.texting.sms_applications import SmsApplications
from tidings.services.texting.sms_sandbox import SmsSandbox
from tidings.services.texting.sms_warnings import SmsWarnings


@dataclass(frozen=True, slots=True, kw_only=True)
class Texting:
    """Each with one task: its module says which."""

    numbers: Numbers
    applications: SmsApplications
    addresses: InboundAddresses
    rules: BlockingRules
    warnings: SmsWarnings
    opt_outs: OptOuts
    records: OptOutRecords
    inbound: InboundTexts
    sandbox: SmsSandbox


def make_texting(
    store: Store,
    opt_outs: OptOutStore,
    clock: Clock,
    metrics: Metrics,
    *,
    texts: TextStore,
    new_message_id: Callable[[], str],
    revoke_all: bool = False,
    quotas: Quotas | None = None,
    vault: Vault | None = None,
    transport_senders: Collection[str] = (),
) -> Texting:
    """`store`, `opt_outs`, `texts`: all ports are one object. `new_message_id`: for replies and one-time passwords. `vault`: for secrets
    of callbacks. `transport_senders`: the numbers from which the transports text. `revoke_all`: a STOP at one inbound address counts for
    all of the account, and START lifts that."""
    phones = PhoneConsent(store, opt_outs, clock, metrics)
    numbers = Numbers(store, opt_outs, transport_senders)
    applications = SmsApplications(store, opt_outs, clock, numbers, quotas=quotas, vault=vault)
    addresses = InboundAddresses(opt_outs, texts, clock, phones, numbers, applications, quotas=quotas)
    rules = BlockingRules(store, opt_outs, clock, addresses, applications)
    return Texting(
        numbers=numbers,
        applications=applications,
        addresses=addresses,
        rules=rules,
        warnings=SmsWarnings(addresses, rules, applications),
        opt_outs=OptOuts(opt_outs, clock, phones, addresses, revoke_all=revoke_all),
        records=OptOutRecords(store, opt_outs, phones, revoke_all=revoke_all),
        inbound=InboundTexts(store, opt_outs, phones, clock, new_message_id=new_message_id, revoke_all=revoke_all),
        sandbox=SmsSandbox(store, opt_outs, clock, new_message_id=new_message_id),
    )
