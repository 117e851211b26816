"""Is this an endpoint of its protocol? Shapes only; whether an address may be reached is `egress`'s question. Used by the descriptions of
protocols, and where an endpoint is searched for. What is wrong is a ValueError whose text is for the caller.

Source: SNS API reference, Subscribe; ITU-T E.164.
"""

from __future__ import annotations

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

from tidings.wire.egress import check_url
from tidings.wire.mail_address import read_recipient
from tidings.wire.phone_plans import canonical

MAIL_ADDRESS_CHARACTERS_MAX = 320
"""64 before the @ and 255 behind it. Source: RFC 5321, 4.5.3.1."""
PLAUSIBLE_PHONE = re.compile(r"\+[1-9][0-9]{1,14}\Z")
"""At most 15 digits, as for a Publish to a number. Source: ITU-T E.164, section 6."""

_QUEUE = re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]{1,64}:[0-9]{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?\Z")


def phone_number(text: str) -> str:
    """Somebody's number in its canonical form: what is plausible is taken, and delivery reports the outcome."""
    if not PLAUSIBLE_PHONE.match(text):
        raise ValueError("not an E.164 number")
    return canonical(text)


def mail_address(text: str) -> str:
    """A mail address, domain in lower case. Names without a dot are accepted: mail inside a server."""
    if len(text) > MAIL_ADDRESS_CHARACTERS_MAX:
        raise ValueError(f"longer than {MAIL_ADDRESS_CHARACTERS_MAX} characters")
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=True, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError("not a mail address") from error
    read_recipient(found.normalized)  # what could never be mailed is not taken
    return found.normalized


def url(scheme: str, text: str) -> str:
    """A URL of the scheme."""
    if not text[: len(scheme) + 3].lower() == f"{scheme}://":
        raise ValueError(f"Endpoint must match the specified protocol {scheme}")
    check_url(text)
    return text


def queue(text: str) -> str:
    """The ARN of an SQS queue."""
    if not _QUEUE.match(text):
        raise ValueError("SQS endpoint ARN")
    return text


def mail_recipient(text: str) -> str:
    """One name for the spellings of an address that reach the same mailbox: case, forms of letters (full width) and what follows a plus
    do not count."""
    local, _, domain = unicodedata.normalize("NFKC", text).casefold().rpartition("@")
    return f"mail:{local.partition('+')[0] or local}@{domain}"


def web_recipient(text: str) -> str:
    """Likewise of a URL: user, password and fragment do not count."""
    scheme, _, rest = text.partition("#")[0].partition("://")
    place, slash, path = rest.partition("/")
    return f"web:{scheme.lower()}://{place.rpartition('@')[2].lower()}{slash}{path}"


def queue_owner(text: str) -> str:
    """The account of a queue."""
    return text.split(":")[4]
