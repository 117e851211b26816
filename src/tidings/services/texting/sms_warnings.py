"""What lets opt-outs go unheard or without effect although nobody did anything wrong. Called by front ends and the doctor.

`missing_words` is also told when a file is applied.

Source: Tencent Cloud SMS console guide (an application without a blocking rule is not blocked); 47 CFR 64.1200(a)(10) (where no
reply is possible, the text gives another way).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from tidings.domain import keywords
from tidings.domain.grants import Grant
from tidings.domain.optout import TOPICS_APP, BlockingRule, InboundAddress, KeywordSet, SmsApplication
from tidings.services.texting.blocking_rules import BlockingRules
from tidings.services.texting.inbound_addresses import InboundAddresses
from tidings.services.texting.sms_applications import SmsApplications


class WarnedKind(enum.StrEnum):
    NO_RULE = "address-without-rule"
    MISSING_WORDS = "address-without-required-keywords"
    NOT_BLOCKED = "application-without-rule"
    NOT_HEARD = "application-without-inbound-address"


@dataclass(frozen=True, slots=True)
class Warned:
    """`address`, `app_id`: what it is about; empty where it is about the other. `text`: for people."""

    kind: WarnedKind
    address: str
    app_id: str
    text: str


class SmsWarnings:
    """Of an account as it is set up now."""

    def __init__(self, addresses: InboundAddresses, rules: BlockingRules, applications: SmsApplications) -> None:
        self._addresses = addresses
        self._rules = rules
        self._applications = applications

    async def all(self, grant: Grant) -> list[Warned]:
        """Nobody is kept from sending by these."""
        addresses, rules = await self._addresses.all(grant), await self._rules.all(grant)
        return warnings_about(addresses, rules, await self._applications.all(grant))


def warnings_about(
    addresses: Sequence[InboundAddress], rules: Sequence[BlockingRule], applications: Sequence[SmsApplication]
) -> list[Warned]:
    """All of one account's; `addresses`: the live ones. Texts of topics are blocked without a rule, so nothing is said of them."""
    applications = [application for application in applications if application.app_id != TOPICS_APP]
    ruled = {rule.address for rule in rules}
    blocked = {rule.app_id for rule in rules}
    found = []
    for address in addresses:
        if applications and address.address not in ruled and address.keywords.get(KeywordSet.OPT_OUT):
            text = f"{address.address} has keywords but no blocking rule: an opt-out there blocks texts of topics only"
            found.append(Warned(WarnedKind.NO_RULE, address.address, "", text))
    found += [
        Warned(WarnedKind.MISSING_WORDS, address.address, "", text)
        for address in addresses
        if (text := missing_words(address))
    ]
    live = {address.address for address in addresses}
    for application in applications:
        if _is_unheard(application, live):
            sender = application.sender or "the transport's own number"
            text = (
                f"application {application.app_id} sends from {sender}, which is no inbound address: nobody hears a STOP, "
                "so its marketing texts need another way to unsubscribe"
            )
            found.append(Warned(WarnedKind.NOT_HEARD, "", application.app_id, text))
        if addresses and application.app_id not in blocked:
            text = f"application {application.app_id} has no blocking rule at any inbound address: no opt-out blocks its texts"
            found.append(Warned(WarnedKind.NOT_BLOCKED, "", application.app_id, text))
    return found


def missing_words(address: InboundAddress) -> str:
    """Which of the words that always revoke consent do not opt out at an address, in a sentence; empty where none is missing."""
    missing = keywords.missing(address.keywords.get(KeywordSet.OPT_OUT, ()))
    if not missing:
        return ""
    do, them = ("does", "it") if len(missing) == 1 else ("do", "them")
    return (
        f"{', '.join(missing)} {do} not opt out at {address.address} and only come{'s' if do == 'does' else ''} to review, although "
        f"47 CFR 64.1200(a)(10) names {them} as a reasonable reply"
    )


def _is_unheard(application: SmsApplication, live: set[str]) -> bool:
    """A text without a sender goes out from the transport's own number, which may be any of the addresses."""
    return application.sender not in live if application.sender else not live
