"""What may be published: subject, body, structure, attributes, ids. Pure; called by `publish` for single and batch entries.

The order of checks and the texts are part of the contract.
Source: SNS API reference, Publish, PublishBatch; SNS developer guide, "Amazon SNS message attributes"; texts as observed.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidings.dialects.sns import codec
from tidings.dialects.sns.errors import SnsError, echo, invalid, missing, value_invalid
from tidings.dialects.sns.limits import (
    ATTRIBUTE_NAME_CHARACTERS_MAX,
    ATTRIBUTE_NUMBER_CHARACTERS_MAX,
    BODY_KEYS,
    GROUP_ID_CHARACTERS_MAX,
    SUBJECT_CHARACTERS_MAX,
)
from tidings.domain.model import MessageAttribute

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\Z")
_ATTRIBUTE_TYPE = re.compile(r"(String|Number|Binary)(\..+)?\Z", re.DOTALL)
_NAME_CHARACTER = re.compile(r"[A-Za-z0-9_.-]")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\Z")
_GROUP_ID = re.compile(r"[\x21-\x7e]+\Z")
_RESERVED = ("aws.", "amazon.")
_STEERING = ("AWS.SNS.SMS.", "AWS.MM.SMS.", "AWS.SNS.MOBILE.")
"""Reserved names that a publisher may use. Source: SNS developer guide, "Sending an SMS message", "Mobile push attributes"."""

Attributes = dict[str, MessageAttribute]


@dataclass(slots=True)
class Draft:
    """One message as it was given, checked; without id and time."""

    subject: str | None
    body: str
    bodies: Mapping[str, str]
    attributes: Attributes
    size_bytes: int
    group_id: str
    dedup_id: str
    sms_type: int


NO_ATTRIBUTES: Attributes = {}
NO_BODIES: dict[str, str] = {}


def read_subject(params: Mapping[str, str]) -> str | None:
    subject = params.get("Subject")
    if subject is None:
        return None
    if not subject or len(subject) > SUBJECT_CHARACTERS_MAX or _CONTROL.search(subject) is not None:
        raise invalid("Subject")
    return subject


def read_message(params: Mapping[str, str]) -> str:
    message = params.get("Message")
    if message is None:
        raise missing("Message")
    if not message:
        raise invalid("Empty message")
    return message


def size_of(message: str, raw_attributes: list[codec.Params]) -> int:
    """Bytes of the body, and of the names, types and values of its attributes."""
    total = len(message) if message.isascii() else len(message.encode())
    for raw in raw_attributes:
        for name in ("Name", "Value.DataType", "Value.StringValue"):
            total += len(raw.get(name, "").encode())
        total += len(raw.get("Value.BinaryValue", "").rstrip("=")) * 3 // 4
    return total


def read_group_and_dedup(params: Mapping[str, str], *, is_fifo: bool, dedups_by_content: bool) -> tuple[str, str]:
    """The two ids of ordered topics; a standard topic passes a group id on to queues. Raises SnsError."""
    group_id, dedup_id = params.get("MessageGroupId", ""), params.get("MessageDeduplicationId", "")
    if not is_fifo:
        if dedup_id:
            raise invalid(
                "MessageDeduplicationId",
                "The request includes MessageDeduplicationId parameter that is not valid for this topic type",
            )
    else:
        if not group_id:
            raise invalid("The MessageGroupId parameter is required for FIFO topics")
        if not dedup_id and not dedups_by_content:
            raise invalid(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
                " explicitly"
            )
    for name, value in (("MessageGroupId", group_id), ("MessageDeduplicationId", dedup_id)):
        if value and (len(value) > GROUP_ID_CHARACTERS_MAX or _GROUP_ID.match(value) is None):
            raise invalid(
                name,
                f"must be 1 to {GROUP_ID_CHARACTERS_MAX} characters, only letters, digits and punctuation",
            )
    return group_id, dedup_id


def read_structure(params: Mapping[str, str], message: str) -> tuple[str, dict[str, str]]:
    """The default text and the texts per protocol. Raises SnsError."""
    structure = params.get("MessageStructure")
    if not structure:
        return message, NO_BODIES
    if structure != "json":
        raise invalid("MessageStructure")
    try:
        texts = json.loads(message, parse_constant=_refuse)  # of a doubled name the last counts, as observed
    except (ValueError, RecursionError) as error:
        raise invalid("Message Structure - JSON message body failed to parse") from error
    if not isinstance(texts, dict):
        raise invalid("Message Structure - JSON message body failed to parse")
    default = texts.get("default")
    if not isinstance(default, str):
        raise invalid("Message Structure - No default entry in JSON message body")
    # Text may hold lone surrogates written as \u escapes; they cannot be stored or sent as UTF-8.
    bodies = {key: text for key, text in texts.items() if key in BODY_KEYS and isinstance(text, str)}
    for text in (default, *bodies.values()):
        if not _is_unicode(text):
            raise invalid("Message Structure - JSON message body failed to parse")
    return default, bodies


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def read_attributes(raw_attributes: list[codec.Params], path: str = "messageAttributes") -> Attributes:
    """Message attributes, checked. path: where they stand in the request, for the one error that says so."""
    if not raw_attributes:
        return NO_ATTRIBUTES
    found: Attributes = {}
    for raw in raw_attributes:
        name = raw.get("Name", "")
        _check_name(name)
        if name in found:
            raise value_invalid(f"Message attribute name '{name}' is given twice.")
        data_type = raw.get("Value.DataType")
        if data_type is None:
            raise missing(f"{path}.{name}.member.dataType")
        found[name] = MessageAttribute(data_type, _value(name, data_type, raw))
    return found


def _check_name(name: str) -> None:
    if not name or len(name) > ATTRIBUTE_NAME_CHARACTERS_MAX:
        raise value_invalid(
            f"Length of message attribute name must be less than {ATTRIBUTE_NAME_CHARACTERS_MAX} bytes."
        )
    if name.lower().startswith(_RESERVED) and not name.startswith(_STEERING):
        raise value_invalid(
            f"Message attribute name '{echo(name)}' is not allowed: names that begin with AWS. or Amazon. are reserved."
        )
    if _ATTRIBUTE_NAME.match(name) is not None:
        return
    if name.startswith("."):
        raise value_invalid("Invalid message attribute name starting with character '.' was found.")
    if name.endswith("."):
        raise value_invalid("Invalid message attribute name ending with character '.' was found.")
    for character in name:
        if _NAME_CHARACTER.match(character) is None:
            raise value_invalid(
                f"Invalid non-alphanumeric character '#x{ord(character):X}' was found in the message attribute name."
                " Can only include alphanumeric characters, hyphens, underscores, or dots."
            )
    raise value_invalid("Message attribute name can not have successive '.' character.")


def _value(name: str, data_type: str, raw: codec.Params) -> str:
    kind = _ATTRIBUTE_TYPE.match(data_type)
    if kind is None or len(data_type) > ATTRIBUTE_NAME_CHARACTERS_MAX:
        raise value_invalid(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes"
            " is Binary, Number, and String."
        )
    member = "Binary" if kind[1] == "Binary" else "String"
    text, binary = raw.get("Value.StringValue"), raw.get("Value.BinaryValue")
    value = binary if member == "Binary" else text
    if value is None and (text or binary):
        raise value_invalid(f"The message attribute '{name}' with type '{data_type}' must use field '{member}'.")
    if not value:
        raise value_invalid(
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute type"
            f" '{data_type}'."
        )
    if kind[1] == "Number" and (len(value) > ATTRIBUTE_NUMBER_CHARACTERS_MAX or _NUMBER.match(value) is None):
        raise value_invalid(f"Could not cast message attribute '{name}' value to number.")
    return _base64(name, value) if member == "Binary" else value


def _base64(name: str, value: str) -> str:
    try:
        return b64encode(b64decode(value, validate=True)).decode()
    except (Base64Error, ValueError) as error:
        raise SnsError("ValidationException", f"The message attribute '{name}' is not valid base64.") from error
