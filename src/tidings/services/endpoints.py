"""Is this an endpoint of its protocol? Shapes only; whether an address may be reached is `wire/egress`'s question.

Source: SNS API reference, Subscribe; ITU-T E.164.
"""

from __future__ import annotations

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

from tidings.domain.errors import InvalidValue
from tidings.wire.egress import URL_CHARACTERS_MAX, check_url
from tidings.wire.mail_address import read_recipient
from tidings.wire.phone_plans import canonical, is_possible, without_trunk_prefix

MAIL_ADDRESS_CHARACTERS_MAX = 320
"""64 before the @ and 255 behind it. Source: RFC 5321, 4.5.3.1."""
ENDPOINT_CHARACTERS_MAX = URL_CHARACTERS_MAX
"""No protocol has a longer endpoint. Asked before anything else is done with one: policies and libraries read it after that."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_SENDER = re.compile(r"\+[1-9][0-9]{6,14}\Z|[0-9]{1,20}\Z|[A-Za-z0-9 ._-]{1,11}\Z")
PLAUSIBLE_PHONE = re.compile(r"\+[1-9][0-9]{1,14}\Z")
"""At most 15 digits, as for a Publish to a number. Source: ITU-T E.164, section 6."""
_QUEUE = re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]{1,64}:[0-9]{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?\Z")


def phone_number(text: str) -> str:
    """A number of ours in E.164, without a trunk prefix: as texts name it that come from it. Raises InvalidValue.

    Checked by pattern first, because the library drops letters. People's numbers are not ours to judge: see `sms_endpoint`.
    """
    if not _E164.match(text):
        raise InvalidValue("endpoint", "not an E.164 number", text)
    found = without_trunk_prefix(text)
    if found != text:  # a second trunk prefix may be behind the first
        return phone_number(found)
    if not is_possible(found):
        raise InvalidValue("endpoint", "not a possible number", text)
    return found


def sms_endpoint(text: str) -> str:
    """Somebody's number in its canonical form: what is plausible is taken, and delivery says what became of it. Raises InvalidValue."""
    if not PLAUSIBLE_PHONE.match(text):
        raise InvalidValue("endpoint", "not an E.164 number", text)
    return canonical(text)


def email_address(text: str) -> str:
    """A mail address, domain in lower case. Raises InvalidValue. Names without a dot are accepted: mail inside a server."""
    if len(text) > MAIL_ADDRESS_CHARACTERS_MAX:
        raise InvalidValue("endpoint", f"longer than {MAIL_ADDRESS_CHARACTERS_MAX} characters", text[:100])
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=True, test_environment=True)
    except EmailNotValidError as error:
        raise InvalidValue("endpoint", "not a mail address", text) from error
    try:
        read_recipient(found.normalized)  # what could never be mailed is not taken
    except ValueError as error:
        raise InvalidValue("endpoint", str(error), text) from error
    return found.normalized


def is_sender(text: str) -> bool:
    """Whether texts can come from this: a number, a short code, or a name of at most 11 characters. More does not fit into a text.

    Source: 3GPP TS 23.040, 9.1.2.5 (address fields); SMPP 3.4, 4.4.1 (source_addr).
    """
    return _SENDER.match(text) is not None


def url(text: str, scheme: str) -> str:
    """A URL of the scheme. Raises InvalidValue."""
    if not text[: len(scheme) + 3].lower() == f"{scheme}://":
        raise InvalidValue("endpoint", f"Endpoint must match the specified protocol {scheme}", text)
    try:
        check_url(text)
    except ValueError as error:
        raise InvalidValue("endpoint", str(error), text) from error
    return text


def queue(text: str) -> str:
    """The ARN of an SQS queue. Raises InvalidValue."""
    if not _QUEUE.match(text):
        raise InvalidValue("endpoint", "SQS endpoint ARN", text)
    return text


def endpoint(protocol: str, text: str) -> str:
    """The endpoint in the form that is stored and compared. Raises InvalidValue (field `endpoint` or `protocol`)."""
    if len(text) > ENDPOINT_CHARACTERS_MAX:
        raise InvalidValue("endpoint", f"longer than {ENDPOINT_CHARACTERS_MAX} characters", text[:100])
    match protocol:
        case "http" | "https":
            return url(text, protocol)
        case "email" | "email-json":
            return email_address(text)
        case "sms":
            return sms_endpoint(text)
        case "sqs":
            return queue(text)
        case "dingding" | "feishu" | "wechat" | "welink":
            return url(text, "https")
        case _:
            raise InvalidValue("protocol", "not supported", protocol)


def recipient(protocol: str, text: str) -> str:
    """Whom a request to this endpoint reaches: one text for all spellings that reach the same, for counting requests.

    Of a mail address case, forms of letters (full width) and what follows a plus do not count, of a URL user, password and
    fragment; the same address of several protocols is one recipient.
    """
    match protocol:
        case "email" | "email-json":
            local, _, domain = unicodedata.normalize("NFKC", text).casefold().rpartition("@")
            return f"mail:{local.partition('+')[0] or local}@{domain}"
        case "http" | "https":
            scheme, _, rest = text.partition("#")[0].partition("://")
            place, slash, path = rest.partition("/")
            return f"web:{scheme.lower()}://{place.rpartition('@')[2].lower()}{slash}{path}"
        case _:
            return f"{protocol}:{text}"


def owner(protocol: str, text: str) -> str:
    """The account that an endpoint's own name says it belongs to, empty where it says none."""
    return text.split(":")[4] if protocol == "sqs" else ""
