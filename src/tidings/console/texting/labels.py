"""What things of texting are called on pages, and how numbers are read that people typed. Used by the views of this package; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tidings.console.fields import Fields, sentence
from tidings.domain.errors import InvalidValue
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    EVERY_TYPE,
    TOPICS_APP,
    AddressKind,
    BlockingRule,
    InboundAddress,
    KeywordSet,
    SmsApplication,
    SmsType,
)
from tidings.services.texting.phone_consent import phone_number
from tidings.wire import phone_numbers

TYPES: Mapping[SmsType, str] = {
    SmsType.MARKETING: "Marketing",
    SmsType.NOTIFICATION: "Notification",
    SmsType.VERIFICATION_CODE: "Verification code",
}
KINDS: Mapping[AddressKind, str] = {
    AddressKind.TEN_DLC: "10DLC",
    AddressKind.TOLL_FREE: "Toll-free",
    AddressKind.SHORT_CODE: "Short code",
    AddressKind.LONG_CODE: "Long code",
}
SETS: Mapping[KeywordSet, str] = {
    KeywordSet.OPT_OUT: "Opt-out",
    KeywordSet.OPT_IN: "Opt-in",
    KeywordSet.HELP: "Help",
}
WHOLE_ACCOUNT = "The whole account"
TYPE_CHOICES = tuple((str(int(kind)), label) for kind, label in TYPES.items())

_PHONE_CHARACTERS_MAX = 40


@dataclass(frozen=True, slots=True)
class Blocks:
    """What an opt-out blocks of one application; `app` empty: of all."""

    app: str
    types: tuple[str, ...]
    is_whole: bool


def type_names(types: Iterable[SmsType]) -> tuple[str, ...]:
    return tuple(TYPES[sms_type] for sms_type in sorted(types))


def blocks(address: str, rules: Sequence[BlockingRule]) -> list[Blocks]:
    """What an opt-out at this address blocks, as `domain.optout.covers` decides it; rules: the account's."""
    every = type_names(EVERY_TYPE)
    if address == ACCOUNT_WIDE:
        return [Blocks("", every, is_whole=True)]
    of_address = [rule for rule in rules if rule.address == address]
    told = [Blocks(rule.app_id, type_names(rule.types), rule.types == EVERY_TYPE) for rule in of_address]
    if all(rule.app_id != TOPICS_APP for rule in of_address):
        told.append(Blocks(TOPICS_APP, every, is_whole=True))
    return told


def address_name(address: str) -> str:
    return WHOLE_ACCOUNT if address == ACCOUNT_WIDE else address


def address_choices(addresses: Sequence[InboundAddress], *, wide: bool = True) -> list[tuple[str, str]]:
    """Pairs for a select; `wide`: with the whole account."""
    told = [(ACCOUNT_WIDE, WHOLE_ACCOUNT)] if wide else []
    for row in addresses:
        about = row.description.split("\n", 1)[0][:40]
        told.append((row.address, f"{row.address} · {about}" if about else row.address))
    return told


def app_choices(applications: Sequence[SmsApplication]) -> list[tuple[str, str]]:
    return [(row.app_id, app_name(row.app_id)) for row in applications]


def app_name(app_id: str) -> str:
    return "topics (SNS and SMN)" if app_id == TOPICS_APP else app_id


def plain_number(text: str) -> str:
    """Without what people put between digits: `+1 (202) 555-0123` and `001 202 555 0123`."""
    found = phone_numbers.plain(text) or text.strip()
    return f"+{found[2:]}" if found.startswith("00") else found


def read_phone(form: Fields, name: str, label: str, *, required: bool = False) -> str:
    """A number in its E.164 form, or empty; what is none is refused at the field."""
    typed = form.text(name, label, characters_max=_PHONE_CHARACTERS_MAX, required=required)
    if not typed:
        return ""
    try:
        return phone_number(typed)
    except InvalidValue as error:
        hint = "" if typed.startswith(("+", "00")) else " Begin with + and the country, such as +1 202 555 0123."
        form.refuse(name, sentence(error.reason) + hint)
        return ""
