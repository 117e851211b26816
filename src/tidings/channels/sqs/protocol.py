"""SQS's JSON protocol: queue names, entries of SendMessageBatch, and what its answers mean for each entry.

Called by the SQS channel. Pure; never sends anything.
Sources: Amazon SQS API reference (SendMessageBatch, Common errors, AWS JSON protocol), developer guide (message quotas).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tidings.domain.envelope import Content, QueueContent
from tidings.domain.model import MessageAttribute
from tidings.domain.outcomes import Delivered, Outcome, Refused, RetryLater
from tidings.wire.peer_json import peer_word, read_peer_json

ENTRIES_MAX = 10
ATTRIBUTES_MAX = 10
BATCH_BYTES_MAX = 262_144
"""AWS takes 1 MiB since 2025, others still this. A larger message travels alone."""
MESSAGE_BYTES_MAX = 1_048_576
TARGET = "AmazonSQS.SendMessageBatch"
CONTENT_TYPE = "application/x-amz-json-1.0"

_ARN = re.compile(r"arn:(aws[a-z-]*):sqs:([a-z0-9-]{1,64}):([0-9]{12}):([A-Za-z0-9_-]{1,80}(?:\.fifo)?)")
_XML_CODE = re.compile(rb"<Code>([^<]{1,200})</Code>")
_THROTTLED = ("Throttl", "RequestLimit", "TooManyRequests", "SlowDown", "OverLimit", "ServiceUnavailable", "Internal")
_OURS = (
    "InvalidClientTokenId", "UnrecognizedClient", "SignatureDoesNotMatch", "IncompleteSignature", "InvalidSignature",
    "MissingAuthenticationToken", "ExpiredToken", "RequestExpired", "InvalidSecurity", "OptInRequired", "NotSignedUp",
)  # fmt: skip
"""Our key, clock or account is wrong: the operator can mend that, so no message should be lost for it."""
_QUEUES = ("NonExistentQueue", "QueueDoesNotExist", "AccessDenied", "QueueDeletedRecently")


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue's ARN, taken apart."""

    arn: str
    partition: str
    region: str
    account: str
    name: str

    @property
    def is_fifo(self) -> bool:
        return self.name.endswith(".fifo")

    @classmethod
    def read(cls, arn: str) -> Queue:
        """Raises ValueError for what is no queue's ARN."""
        match = _ARN.fullmatch(arn)
        if match is None:
            raise ValueError("not the ARN of an SQS queue")
        return cls(arn, *match.groups())


@dataclass(frozen=True, slots=True)
class Answer:
    """As much of an answer as was read."""

    status: int
    body: bytes


def aws_endpoint(queue: Queue) -> str:
    """AWS's own endpoint of the queue's region."""
    suffix = ".cn" if queue.partition == "aws-cn" else ""
    return f"https://sqs.{queue.region}.amazonaws.com{suffix}"


def entry_of(content: Content) -> bytes:
    """One entry of a batch as JSON, without its Id. Raises ValueError for what SQS would never take."""
    if not isinstance(content, QueueContent):
        raise ValueError("not a queue message")
    if not content.body:
        raise ValueError("a queue message cannot be empty")
    if len(content.attributes) > ATTRIBUTES_MAX:
        raise ValueError(f"more than {ATTRIBUTES_MAX} message attributes")
    entry: dict[str, Any] = {"MessageBody": content.body}
    if content.attributes:
        entry["MessageAttributes"] = {name: _attribute(value) for name, value in content.attributes.items()}
    if content.group_id:
        entry["MessageGroupId"] = content.group_id
    if content.dedup_id:
        entry["MessageDeduplicationId"] = content.dedup_id
    if content.trace_header:
        entry["MessageSystemAttributes"] = {
            "AWSTraceHeader": {"DataType": "String", "StringValue": content.trace_header}
        }
    encoded = msgspec.json.encode(entry)  # UnicodeEncodeError is a ValueError
    if len(encoded) > MESSAGE_BYTES_MAX and _size(content) > MESSAGE_BYTES_MAX:
        raise ValueError(f"a queue message has at most {MESSAGE_BYTES_MAX} bytes")
    return encoded


def _attribute(attribute: MessageAttribute) -> dict[str, str]:
    if attribute.type.startswith("Binary"):
        return {"DataType": attribute.type, "BinaryValue": attribute.value}
    # Queues know no arrays; their JSON text is delivered as a string, as SNS does.
    kind = "String" if attribute.type == "String.Array" else attribute.type
    return {"DataType": kind, "StringValue": attribute.value}


def _size(content: QueueContent) -> int:
    named = sum(len(name) + len(value.type) + len(value.value.encode()) for name, value in content.attributes.items())
    return len(content.body.encode()) + named


def batch_body(queue_url: str, entries: Sequence[bytes]) -> bytes:
    """The body of SendMessageBatch; an entry's Id is its index."""
    identified = [b'{"Id":"%d",%b' % (number, entry[1:]) for number, entry in enumerate(entries)]
    return b'{"QueueUrl":%b,"Entries":[%b]}' % (msgspec.json.encode(queue_url), b",".join(identified))


def outcomes_of(answer: Answer, count: int) -> list[Outcome] | None:
    """The outcome of each entry; None: the batch was refused for one of its entries, so send them one by one."""
    if answer.status == 200:
        return _results(answer.body, count)
    code, text = _error(answer)
    reason = f"SQS {answer.status} {code}: {text}"[:300] if code else f"SQS {answer.status}"
    if answer.status == 429 or answer.status >= 500 or answer.status < 400 or _names(code, _THROTTLED + _OURS):
        return [RetryLater(reason)] * count
    if _names(code, _QUEUES) or count == 1:
        return [Refused(reason)] * count
    return None


def _results(body: bytes, count: int) -> list[Outcome]:
    outcomes: list[Outcome] = [RetryLater("SQS told no result")] * count
    answer = read_peer_json(body)
    if answer is None:
        return [RetryLater("SQS answered something other than JSON")] * count
    for result in _list(answer, "Successful"):
        if (number := _number(result, count)) is not None:
            outcomes[number] = Delivered(f"SQS {peer_word(result.get('MessageId'), 100)}")
    for result in _list(answer, "Failed"):
        if (number := _number(result, count)) is not None:
            outcomes[number] = _failed(result)
    return outcomes


def _failed(result: Mapping[str, Any]) -> Outcome:
    code = peer_word(result.get("Code"))
    reason = f"SQS {code}: {peer_word(result.get('Message'), 300)}"[:300]
    if result.get("SenderFault") is True and not _names(code, _THROTTLED + _OURS):
        return Refused(reason)
    return RetryLater(reason)


def _list(answer: Any, key: str) -> list[Mapping[str, Any]]:
    found = answer.get(key) if isinstance(answer, dict) else None
    return [result for result in found if isinstance(result, dict)] if isinstance(found, list) else []


def _number(result: Mapping[str, Any], count: int) -> int | None:
    identity = result.get("Id")
    if not isinstance(identity, str) or not identity.isascii() or not identity.isdigit() or len(identity) > 2:
        return None
    return int(identity) if int(identity) < count else None


def _error(answer: Answer) -> tuple[str, str]:
    """(code, text) of an error: from the JSON body, or an older service's XML."""
    code = text = ""
    body = read_peer_json(answer.body)
    if body is None:
        match = _XML_CODE.search(answer.body)
        return (match.group(1).decode("utf-8", "replace") if match else code), text
    if isinstance(body, dict):
        text = peer_word(body.get("message")) or peer_word(body.get("Message"))
        code = peer_word(body.get("__type")).rpartition("#")[2]
    return code, text


def _names(code: str, parts: tuple[str, ...]) -> bool:
    return any(part in code for part in parts)
