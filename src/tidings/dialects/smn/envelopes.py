"""What SMN subscribers receive: JSON, headers, links and signatures per protocol. `delivery/render` gets these through wiring.

What is equal for all subscribers of a message is built once per text; a subscriber adds its URN between two byte strings.
Source: SMN user guide, "HTTP or HTTPS Message Format", "Message Signature Verification", "Messages Using Different Protocols";
SMN FAQ, "Does SMN Ensure That Messages Are Received by Subscription Endpoints?".
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

from msgspec.json import encode

from tidings.dialects.smn import addresses, bots, limits, names, texts
from tidings.dialects.smn.filter_rules import passes
from tidings.domain.envelope import Content, HttpContent, MailContent, TextContent
from tidings.domain.limits import CONFIRM_TTL_S
from tidings.domain.mail_content import Links, make_letter, name_of, text_of
from tidings.domain.model import Kind, Message, Subscriber, Topic
from tidings.domain.ports import Signer, Vault
from tidings.domain.retry import PEOPLE_PLAN, RetryPlan
from tidings.domain.tokens import confirmation_code
from tidings.services.projects import Projects

OTHER_TIMEOUT_S = 60.0
SIGNATURE_VERSION = "v1"

_HTTP = frozenset({"http", "https"})
_BOTS = frozenset(limits.BOT_PROTOCOLS)
_UNSIGNED = frozenset({"email", "sms"}) | _BOTS
_NOTICES = frozenset({Kind.CONFIRMATION, Kind.GOODBYE})
_WIRE_TYPES = {
    Kind.NOTIFICATION: "Notification",
    Kind.DIRECT: "Notification",
    Kind.CONFIRMATION: "SubscriptionConfirmation",
    Kind.GOODBYE: "UnsubscribeConfirmation",
}
_FILTER = limits.PREFIX + "filter_polices"
_HEADER = limits.PREFIX + "header"
_INTRODUCTION = limits.PREFIX + "introduction"
_CODE_WANTED = limits.PREFIX + "verification_code_enabled"

_AFTER = b"Content-Type: application/json; charset=UTF-8\r\nUser-Agent: Tidings\r\n"
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


class SmnEnvelopes:
    """The Envelopes of dialect `smn`. certificate_name: of the signing certificate under /smn/. retry_base_s: before the first of the
    six retries of a web hook; each further one waits twice as long. link_ttl_s: life of confirmation and come-back links, as the
    notices tell it."""

    def __init__(
        self,
        signer: Signer,
        links: Links,
        projects: Projects,
        vault: Vault,
        *,
        region: str,
        certificate_name: str,
        retry_base_s: float,
        link_ttl_s: int = CONFIRM_TTL_S,
    ) -> None:
        self.signer = signer
        self.links = links
        self.projects = projects
        self.vault = vault
        self.region = region
        self.link_ttl_s = link_ttl_s
        self.certificate_url = f"{links.public_url}/smn/{certificate_name}"
        self._http_plan = RetryPlan(
            0,
            0,
            limits.HTTP_RETRIES,
            0,
            retry_base_s,
            retry_base_s * 2 ** (limits.HTTP_RETRIES - 1),
            "geometric",
            retries_4xx=False,
        )

    def open(self, message: Message, topic: Topic | None, token: str) -> SmnRenderedMessage:
        return SmnRenderedMessage(message, topic, token, self)

    def retry_plan(self, topic: Topic | None, subscriber: Subscriber) -> RetryPlan:
        return self._http_plan if subscriber.protocol in _HTTP else PEOPLE_PLAN

    def timeout_s(self, subscriber: Subscriber) -> float:
        posted = subscriber.protocol in _HTTP or subscriber.protocol in _BOTS
        return limits.HTTP_TIMEOUT_S if posted else OTHER_TIMEOUT_S

    def dead_letter_queue(self, subscriber: Subscriber) -> str:
        return ""

    def dead_letter(self, rendered: object, subscriber: Subscriber) -> Content:
        raise ValueError("SMN has no dead-letter queues")

    def wants(self, message: Message, subscriber: Subscriber) -> bool:
        policies = subscriber.settings.get(_FILTER)
        return not policies or passes(policies, message.attributes)

    def receives_per_s_max(self, topic: Topic | None, subscriber: Subscriber) -> int | None:
        return None


class SmnRenderedMessage:
    """One message's envelopes."""

    def __init__(self, message: Message, topic: Topic | None, token: str, envelopes: SmnEnvelopes) -> None:
        self._message = message
        self._topic = topic
        self._token = token
        self._envelopes = envelopes
        self._type = _WIRE_TYPES[message.kind]
        self._id = names.hex_id(message.id)
        self._timestamp = f"{message.accepted_at:%Y-%m-%dT%H:%M:%SZ}"
        self._is_notice = message.kind in _NOTICES
        self._urn = ""  # known when something is signed: only signed envelopes name it
        self._signatures: dict[str, str] = {}
        self._missing: set[str] = set()
        self._texts: dict[str, str] = {}  # that are signed, by protocol
        self._posts: dict[str, tuple[bytes, bytes, bytes]] = {}

    # --- signing -------------------------------------------------------------------------------------------------------

    def reads_signature(self, subscriber: Subscriber) -> bool:
        protocol = subscriber.protocol
        if protocol in _UNSIGNED:
            return False
        text = self._texts.get(protocol)
        if text is None:
            text = self._texts[protocol] = self._signed_text(protocol)
        if text in self._signatures:
            return False
        self._missing.add(text)
        return True

    async def sign(self) -> None:
        topic = self._topic
        if not self._urn and topic is not None:
            self._urn = names.topic_urn(topic, await self._envelopes.projects.project_of(topic.account_id))
        while self._missing:
            text = self._missing.pop()
            self._signatures[text] = await self._envelopes.signer.sign(self._string_to_sign(text), "sha256")

    def _signed_text(self, protocol: str) -> str:
        """What makes one signature differ from another of the same message: its text. A notice has one reader, and one text."""
        return "" if self._is_notice else text_of(self._message, protocol)

    def _string_to_sign(self, text: str) -> bytes:
        message = self._message
        lines = ["message", text or self._notice_text(), "message_id", self._id]
        if self._is_notice:
            lines += ["subscribe_url", self._subscribe_url()]
        elif message.subject:
            lines += ["subject", message.subject]
        lines += ["timestamp", self._timestamp, "topic_urn", self._urn, "type", self._type, ""]
        return "\n".join(lines).encode()

    def _notice_text(self) -> str:
        if self._message.kind is Kind.CONFIRMATION:
            return texts.hook_confirmation(self._urn, self._envelopes.link_ttl_s)
        if self._message.kind is Kind.GOODBYE:
            return texts.hook_goodbye(f"{self._urn}:{self._message.subscription_uid}", self._envelopes.link_ttl_s)
        return ""

    def _subscribe_url(self) -> str:
        envelopes = self._envelopes
        return addresses.confirm_link(envelopes.links.public_url, self._urn, envelopes.region, self._token)

    # --- dressing ------------------------------------------------------------------------------------------------------

    def for_subscriber(self, subscriber: Subscriber) -> Content:
        protocol = subscriber.protocol
        if protocol in _HTTP:
            return self._http(subscriber)
        if protocol == "email":
            return self._mail(subscriber)
        if protocol == "sms":
            return self._sms(subscriber)
        if protocol in _BOTS and not self._is_notice:
            return bots.speak(self._message, subscriber, self._envelopes.vault)
        raise ValueError(f"no envelope for {protocol}")

    def _http(self, subscriber: Subscriber) -> HttpContent:
        uid = subscriber.uid.encode()
        if self._is_notice:
            return HttpContent(b"%b%b\r\n%b" % (self._head(), uid, _AFTER), encode(self._notice()))
        post = self._posts.get(subscriber.protocol)
        if post is None:
            post = self._posts[subscriber.protocol] = self._post(subscriber.protocol)
        extra = subscriber.settings.get(_HEADER)
        return HttpContent(
            b"%b%b\r\n%b%b" % (post[0], uid, _AFTER, _header_lines(extra) if extra else b""),
            b"%b%b%b" % (post[1], uid, post[2]),
        )

    def _post(self, protocol: str) -> tuple[bytes, bytes, bytes]:
        """A notification as it is posted to all subscribers of a protocol: its header before the subscription's uid, its body before and
        after it."""
        return self._head(), *self._json_parts(self._signed_text(protocol))

    def _head(self) -> bytes:
        """Header lines up to the uid in the value of the subscription's own."""
        return (
            f"X-SMN-MESSAGE-TYPE: {self._type}\r\n"
            f"X-SMN-MESSAGE-ID: {self._id}\r\n"
            f"X-SMN-TOPIC-URN: {self._urn}\r\n"
            f"X-SMN-SUBSCRIPTION-URN: {self._urn}:"
        ).encode()

    def _signed(self, text: str) -> dict[str, str]:
        """The members with which all messages begin."""
        return {
            "type": self._type,
            "signature": self._signatures[text],
            "signature_version": SIGNATURE_VERSION,
            "signing_cert_url": self._envelopes.certificate_url,
            "topic_urn": self._urn,
            "message_id": self._id,
        }

    def _json_parts(self, text: str) -> tuple[bytes, bytes]:
        """The notification before and after the uid at the end of `unsubscribe_url`, the only part that differs."""
        envelopes, subject = self._envelopes, self._message.subject
        members = self._signed(text) | {"message": text}
        if subject:
            members["subject"] = subject
        members["unsubscribe_url"] = addresses.unsubscribe_link(
            envelopes.links.public_url, f"{self._urn}:", envelopes.region
        )
        before = encode(members)[:-2]  # without the closing quote and brace
        return before, f'","timestamp":"{self._timestamp}"}}'.encode()

    def _notice(self) -> dict[str, str]:
        return self._signed("") | {
            "message": self._notice_text(),
            "subscribe_url": self._subscribe_url(),
            "timestamp": self._timestamp,
        }

    def _mail(self, subscriber: Subscriber) -> MailContent:
        topic, links = self._topic, self._envelopes.links
        assert topic is not None
        if self._is_notice:
            link = links.notice_page(self._message.kind, self._token)
        else:
            link = links.cancel_page(subscriber.uid)
        return make_letter(
            links,
            self._message,
            topic,
            subscriber,
            subject="" if self._is_notice else self._message.subject or "",
            link=link,
            introduction=topic.settings.get(_INTRODUCTION, ""),
        )

    def _sms(self, subscriber: Subscriber) -> TextContent:
        message, topic = self._message, self._topic
        if message.kind is Kind.CONFIRMATION:
            assert topic is not None
            return TextContent(self._asking(topic, subscriber), message.sender)
        if message.kind is Kind.GOODBYE:
            raise ValueError("a phone is told nothing when its owner cancels")
        text = text_of(message, "sms")
        if len(text) > limits.SMS_CHARACTERS_MAX:
            raise ValueError(f"longer than {limits.SMS_CHARACTERS_MAX} characters")
        return TextContent(text, message.sender)

    def _asking(self, topic: Topic, subscriber: Subscriber) -> str:
        message, links = self._message, self._envelopes.links
        is_code = subscriber.settings.get(_CODE_WANTED) == "true"
        secret = (
            confirmation_code(links.key, subscriber.uid, message.asked_at or message.accepted_at)
            if is_code
            else links.standing_page(subscriber.uid)
        )
        return texts.phone_confirmation(
            name_of(topic),
            secret,
            topic.settings.get(_INTRODUCTION, ""),
            message.language or links.language,
            is_code=is_code,
        )


@lru_cache(maxsize=1024)
def _header_lines(text: str) -> bytes:
    """The subscription's own header lines, from the JSON object in which they are kept. Raises ValueError for what cannot be one."""
    lines = []
    for name, value in json.loads(text).items():
        if not isinstance(value, str) or not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError("a header of the subscription's own is malformed")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode()
