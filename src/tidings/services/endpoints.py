"""Is this an endpoint of its protocol? Shapes only; whether an address may be reached is `wire/egress`'s question.

Source: SNS API reference, Subscribe; ITU-T E.164.
"""

from __future__ import annotations

import re

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from tidings.domain.errors import InvalidValue
from tidings.wire.egress import check_url

_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_QUEUE = re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]{1,64}:[0-9]{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?\Z")


def phone_number(text: str) -> str:
    """A number in E.164 form. Raises InvalidValue. Checked by pattern first, because the library drops letters."""
    if not _E164.match(text):
        raise InvalidValue("endpoint", "not an E.164 number", text)
    try:
        parsed = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException as error:
        raise InvalidValue("endpoint", "not an E.164 number", text) from error
    if not phonenumbers.is_possible_number(parsed):
        raise InvalidValue("endpoint", "not a possible number", text)
    return text


def email_address(text: str) -> str:
    """A mail address, domain in lower case. Raises InvalidValue. Names without a dot are accepted: mail inside a house."""
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=True, test_environment=True)
    except EmailNotValidError as error:
        raise InvalidValue("endpoint", "not a mail address", text) from error
    return found.normalized


def url(text: str, scheme: str) -> str:
    """A URL of the scheme. Raises InvalidValue."""
    if not text.lower().startswith(f"{scheme}://"):
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
    match protocol:
        case "http" | "https":
            return url(text, protocol)
        case "email" | "email-json":
            return email_address(text)
        case "sms":
            return phone_number(text)
        case "sqs":
            return queue(text)
        case "dingding" | "feishu" | "wechat" | "welink":
            return url(text, "https")
        case _:
            raise InvalidValue("protocol", "not supported", protocol)


def owner(protocol: str, text: str) -> str:
    """The account that an endpoint's own name says it belongs to, empty where it says none."""
    return text.split(":")[4] if protocol == "sqs" else ""
