"""What SNS subscribers receive: JSON, headers, links and signatures per protocol. `delivery/render` gets these through wiring.

What is equal for all subscribers of a message is built once per text; a subscriber adds its ARN between two byte strings.
Source: SNS developer guide, HTTP/HTTPS headers and JSON formats, Verifying message signatures, Raw message delivery.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.json import encode

from tidings.dialects.sns.limits import SMS_CHARACTERS_MAX
from tidings.dialects.sns.names import subscription_arn, topic_arn
from tidings.domain import delivery_policy
from tidings.domain.envelope import Content, HttpContent, MailContent, QueueContent, TextContent
from tidings.domain.mail_content import Links, make_letter, name_of, text_of
from tidings.domain.model import Kind, Message, MessageAttribute, Subscriber, Topic
from tidings.domain.ports import Signer
from tidings.domain.retry import PEOPLE_PLAN, QUEUE_PLAN, RetryPlan
from tidings.wire.plain_text import undirected

HTTP_TIMEOUT_S = 15.0
"""Source: SNS developer guide, message delivery retries."""
OTHER_TIMEOUT_S = 60.0

_HTTP = ("http", "https")
_SUBSCRIPTION_HEADER = "x-amz-sns-subscription-arn: "
_WIRE_TYPES = {
    Kind.NOTIFICATION: "Notification",
    Kind.DIRECT: "Notification",
    Kind.CONFIRMATION: "SubscriptionConfirmation",
    Kind.GOODBYE: "UnsubscribeConfirmation",
}
ORIGINATION_NUMBER = "AWS.MM.SMS.OriginationNumber"
SENDER_ID = "AWS.SNS.SMS.SenderID"
_SMS_TYPE = "AWS.SNS.SMS.SMSType"
_RAW = "sns:RawMessageDelivery"
_POLICY = "sns:DeliveryPolicy"


class SnsEnvelopes:
    """The Envelopes of dialect `sns`."""

    def __init__(self, signer: Signer, links_: Links) -> None:
        self._signer = signer
        self._links = links_

    def open(self, message: Message, topic: Topic | None, token: str) -> SnsRenderedMessage:
        return SnsRenderedMessage(message, topic, token, self._signer, self._links)

    def retry_plan(self, topic: Topic | None, subscriber: Subscriber) -> RetryPlan:
        """Source: SNS developer guide, message delivery retries."""
        if subscriber.protocol in _HTTP:
            return delivery_policy.http_plan(*_policies(topic, subscriber))
        return QUEUE_PLAN if subscriber.protocol == "sqs" else PEOPLE_PLAN

    def timeout_s(self, subscriber: Subscriber) -> float:
        return HTTP_TIMEOUT_S if subscriber.protocol in _HTTP else OTHER_TIMEOUT_S

    def dead_letter_queue(self, subscriber: Subscriber) -> str:
        policy = subscriber.settings.get("sns:RedrivePolicy")
        return str(json.loads(policy).get("deadLetterTargetArn", "")) if policy else ""

    def dead_letter(self, rendered: object, subscriber: Subscriber) -> Content:
        """In the form that the endpoint would have got. Observed: the live service does so for raw and for JSON."""
        assert isinstance(rendered, SnsRenderedMessage)
        return rendered.queue_form(subscriber)

    def wants(self, message: Message, subscriber: Subscriber) -> bool:
        """The place where filter policies act. The dialect refuses to store one until they do."""
        return True

    def receives_per_s_max(self, topic: Topic | None, subscriber: Subscriber) -> int | None:
        """Source: SNS developer guide, creating an HTTP/S delivery policy (throttlePolicy)."""
        if subscriber.protocol not in _HTTP:
            return None
        topics_own, own = _policies(topic, subscriber)
        return delivery_policy.receives_per_s_max(topics_own, own) if topics_own or own else None


@dataclass(frozen=True, slots=True)
class _Post:
    """A notification to web endpoints of one protocol and equal settings: what stands before and after the subscription's id, in the
    header and in the body. A raw body has no place for it."""

    head: tuple[bytes, bytes]
    body: tuple[bytes, bytes] | None
    raw: bytes = b""


class SnsRenderedMessage:
    """One message's envelopes."""

    def __init__(self, message: Message, topic: Topic | None, token: str, signer: Signer, links_: Links) -> None:
        self._message = message
        self._topic = topic
        self._token = token
        self._signer = signer
        self._links = links_
        self._type = _WIRE_TYPES[message.kind]
        self._arn = topic_arn(topic) if topic is not None else ""
        accepted_at = message.accepted_at
        self._timestamp = f"{accepted_at:%Y-%m-%dT%H:%M:%S}.{accepted_at.microsecond // 1000:03d}Z"
        version = topic.settings.get("sns:SignatureVersion", "1") if topic is not None else "1"
        self._version, self._algorithm = ("2", "sha256") if version == "2" else ("1", "sha1")
        self._unsubscribe_base = f"{links_.public_url}/?Action=Unsubscribe&SubscriptionArn={self._arn}:"
        self._signatures: dict[tuple[str, str], str] = {}
        self._missing: set[tuple[str, str]] = set()
        self._json: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        # By protocol and the settings that make a difference.
        self._keys: dict[tuple[str, str | None], tuple[str, str]] = {}
        self._posts: dict[tuple[str, str | None, str | None], _Post] = {}

    # --- signing -------------------------------------------------------------------------------------------------------

    def reads_signature(self, subscriber: Subscriber) -> bool:
        protocol = subscriber.protocol
        if protocol == "email" or protocol == "sms":
            return False
        alike = protocol, subscriber.settings.get(_RAW)
        key = self._keys.get(alike)
        if key is None:
            if self._is_raw(subscriber):
                return False
            key = self._key(subscriber)
            if self._message.kind is Kind.NOTIFICATION:
                self._keys[alike] = key
        if key in self._signatures:
            return False
        self._missing.add(key)
        return True

    async def sign(self) -> None:
        while self._missing:
            key = self._missing.pop()
            self._signatures[key] = await self._signer.sign(self._string_to_sign(*key), self._algorithm)

    def _key(self, subscriber: Subscriber) -> tuple[str, str]:
        """What makes one signed text differ from another of the same message: the text and the link in it."""
        protocol = subscriber.protocol
        if self._message.kind in (Kind.CONFIRMATION, Kind.GOODBYE):
            return self._notice_text(subscriber), self._subscribe_url(protocol)
        return self._text(protocol), ""

    def _string_to_sign(self, text: str, subscribe_url: str) -> bytes:
        message = self._message
        lines = ["Message", text, "MessageId", message.id]
        if subscribe_url:
            lines += ["SubscribeURL", subscribe_url, "Timestamp", self._timestamp, "Token", self._token]
        else:
            if message.subject is not None:
                lines += ["Subject", message.subject]
            lines += ["Timestamp", self._timestamp]
        lines += ["TopicArn", self._arn, "Type", self._type, ""]
        return "\n".join(lines).encode()

    # --- texts and links -------------------------------------------------------------------------------------------------

    def _text(self, protocol: str) -> str:
        return text_of(self._message, protocol)

    def _notice_text(self, subscriber: Subscriber) -> str:
        assert self._topic is not None
        if self._message.kind is Kind.CONFIRMATION:
            return (
                f"You have chosen to subscribe to the topic {self._arn}.\n"
                "To confirm the subscription, visit the SubscribeURL included in this message."
            )
        return (
            f"You have chosen to deactivate subscription {subscription_arn(self._topic, subscriber.uid)}.\n"
            "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
        )

    def _subscribe_url(self, protocol: str) -> str:
        """For programs the API's own link; for mailboxes the page, because mail scanners follow links."""
        base = self._links.public_url
        if protocol in _HTTP or protocol == "sqs" or self._links.strict:
            return f"{base}/?Action=ConfirmSubscription&TopicArn={self._arn}&Token={self._token}"
        return self._links.notice_page(self._message.kind, self._token)

    def _unsubscribe_url(self, subscriber: Subscriber) -> str:
        """As `_subscribe_url`: the API's link for programs, the page for mailboxes."""
        uid = subscriber.uid
        if subscriber.protocol in ("email", "email-json") and not self._links.strict:
            return self._links.cancel_page(uid)
        return f"{self._unsubscribe_base}{_dashed(uid)}"

    def _is_raw(self, subscriber: Subscriber) -> bool:
        return (
            self._message.kind is Kind.NOTIFICATION
            and subscriber.settings.get(_RAW) == "true"
            and subscriber.protocol in ("http", "https", "sqs")
        )

    # --- dressing ------------------------------------------------------------------------------------------------------

    def for_subscriber(self, subscriber: Subscriber) -> Content:
        match subscriber.protocol:
            case "http" | "https":
                return self._http(subscriber)
            case "sqs":
                return self.queue_form(subscriber)
            case "email":
                return self._mail(subscriber)
            case "email-json":
                return self._mail_json(subscriber)
            case "sms":
                return self._sms()
            case protocol:
                raise ValueError(f"no envelope for {protocol}")

    def _http(self, subscriber: Subscriber) -> HttpContent:
        kind = self._message.kind
        if kind is Kind.NOTIFICATION:
            settings = subscriber.settings
            alike = subscriber.protocol, settings.get(_RAW), settings.get(_POLICY)
            post = self._posts.get(alike)
            if post is None:
                post = self._posts[alike] = self._post(subscriber)
            uid = _dashed(subscriber.uid).encode()
            head = b"%b%b%b" % (post.head[0], uid, post.head[1])
            body = post.body
            return HttpContent(head, post.raw if body is None else b"%b%b%b" % (body[0], uid, body[1]))
        before, after = self._head(False, delivery_policy.DEFAULT_CONTENT_TYPE)
        if kind is not Kind.CONFIRMATION:
            name = f"{self._arn}:{_dashed(subscriber.uid)}" if self._arn else ""
            after = f"{_SUBSCRIPTION_HEADER}{name}\r\n".encode() + after
        return HttpContent(before + after, self._json_body(subscriber))

    def _post(self, subscriber: Subscriber) -> _Post:
        """A notification as it is posted to all subscribers of this one's protocol and settings."""
        raw = self._is_raw(subscriber)
        before, after = self._head(raw, delivery_policy.content_type(*_policies(self._topic, subscriber)))
        head = before + f"{_SUBSCRIPTION_HEADER}{self._arn}:".encode(), b"\r\n" + after
        if raw:
            return _Post(head, None, self._text(subscriber.protocol).encode())
        start, end = self._json_of(self._key(subscriber))
        return _Post(head, (start + self._unsubscribe_base.encode(), end))

    def _head(self, raw: bool, content_type: str) -> tuple[bytes, bytes]:
        """Header lines before and after the subscription's own."""
        before = (
            f"x-amz-sns-message-type: {self._type}\r\n"
            f"x-amz-sns-message-id: {self._message.id}\r\n"
            f"x-amz-sns-topic-arn: {self._arn}\r\n"
        )
        mark = "x-amz-sns-rawdelivery: true\r\n" if raw else ""
        after = (
            f"{mark}Content-Type: {content_type}\r\n"
            "User-Agent: Amazon Simple Notification Service Agent\r\n"
            "Accept-Encoding: gzip,deflate\r\n"
            "Connection: Keep-Alive\r\n"
        )
        return before.encode(), after.encode()

    def _json_body(self, subscriber: Subscriber) -> bytes:
        key = self._key(subscriber)
        if self._message.kind is not Kind.NOTIFICATION:
            return encode(self._notice(subscriber, key))
        start, end = self._json_of(key)
        return b"%b%b%b" % (start, self._unsubscribe_url(subscriber).encode(), end)

    def _json_of(self, key: tuple[str, str]) -> tuple[bytes, bytes]:
        parts = self._json.get(key)
        if parts is None:
            parts = self._json[key] = self._json_parts(*key)
        return parts

    def _json_parts(self, text: str, subscribe_url: str) -> tuple[bytes, bytes]:
        """The notification before and after the value of UnsubscribeURL, its only member that differs."""
        message = self._message
        members: dict[str, object] = {"Type": self._type, "MessageId": message.id}
        if message.sequence:
            members["SequenceNumber"] = message.sequence
        members["TopicArn"] = self._arn
        if message.subject is not None:
            members["Subject"] = message.subject
        members |= {
            "Message": text,
            "Timestamp": self._timestamp,
            "SignatureVersion": self._version,
            "Signature": self._signatures[text, subscribe_url],
            "SigningCertURL": self._signer.certificate_url,
            "UnsubscribeURL": "",
        }
        before = encode(members)[:-2]  # without the closing quote and brace
        if not message.attributes:
            return before, b'"}'
        attributes = {name: {"Type": a.type, "Value": a.value} for name, a in message.attributes.items()}
        return before, b'","MessageAttributes":' + encode(attributes) + b"}"

    def _notice(self, subscriber: Subscriber, key: tuple[str, str]) -> dict[str, str]:
        text, subscribe_url = key
        return {
            "Type": self._type,
            "MessageId": self._message.id,
            "Token": self._token,
            "TopicArn": self._arn,
            "Message": text,
            "SubscribeURL": subscribe_url,
            "Timestamp": self._timestamp,
            "SignatureVersion": self._version,
            "Signature": self._signatures[key],
            "SigningCertURL": self._signer.certificate_url,
        }

    def queue_form(self, subscriber: Subscriber) -> QueueContent:
        """What an SQS queue gets: as endpoint, or as dead-letter queue of another endpoint."""
        message = self._message
        group_id, dedup_id = message.group_id, message.dedup_id
        attributes: Mapping[str, MessageAttribute] = {}
        if self._is_raw(subscriber):
            body, attributes = self._text(subscriber.protocol), message.attributes
        elif message.kind is Kind.DIRECT or subscriber.protocol in ("email", "sms"):
            # These never read a signature, so there is none to put into the JSON.
            body = self._text(subscriber.protocol)
        else:
            body = self._json_body(subscriber).decode()
        return QueueContent(body, attributes, group_id, dedup_id, message.trace_header)

    def _mail(self, subscriber: Subscriber) -> MailContent:
        topic = self._topic
        assert topic is not None
        subject = self._message.subject or "" if self._message.kind is Kind.NOTIFICATION else ""
        return make_letter(
            self._links, self._message, topic, subscriber, subject=subject, link=self._mail_link(subscriber)
        )

    def _mail_json(self, subscriber: Subscriber) -> MailContent:
        topic = self._topic
        assert topic is not None
        return make_letter(
            self._links,
            self._message,
            topic,
            subscriber,
            template="json",
            subject=self._message.subject or f"{self._type} from {name_of(topic)}",
            text=self._json_body(subscriber).decode(),
            link=self._mail_link(subscriber),
        )

    def _mail_link(self, subscriber: Subscriber) -> str:
        if self._message.kind is Kind.NOTIFICATION:
            return self._unsubscribe_url(subscriber)
        return self._subscribe_url(subscriber.protocol)

    def _sms(self) -> TextContent:
        message = self._message
        text = self._text("sms")
        if len(text) > SMS_CHARACTERS_MAX:
            raise ValueError(f"longer than {SMS_CHARACTERS_MAX} characters")
        if self._topic is not None and self._topic.display_name:
            named = f"{undirected(self._topic.display_name)}> {text}"
            # The name is ours to leave out; a message that was accepted is not.
            text = named if len(named) <= SMS_CHARACTERS_MAX else text
        # Ours: of the two the number wins, because a reply, a STOP too, can reach it.
        given = _value(message.attributes, ORIGINATION_NUMBER) or _value(message.attributes, SENDER_ID)
        return TextContent(text, given or message.sender, _value(message.attributes, _SMS_TYPE))


def _policies(topic: Topic | None, subscriber: Subscriber) -> tuple[str, str]:
    own = subscriber.settings.get(_POLICY, "")
    return (topic.settings.get(_POLICY, "") if topic is not None else ""), own


def _value(attributes: Mapping[str, MessageAttribute], name: str) -> str:
    attribute = attributes.get(name)
    return attribute.value if attribute is not None else ""


def _dashed(uid: str) -> str:
    return f"{uid[:8]}-{uid[8:12]}-{uid[12:16]}-{uid[16:20]}-{uid[20:]}"
