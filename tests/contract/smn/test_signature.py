"""A receiver that follows SMN's documented steps finds our messages genuine: certificate by its address, algorithm from the
certificate, the string rebuilt from the message, RSA."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import SignatureAlgorithmOID
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import REGION, ask

TEXT = 'text with "quotes",\nlines, {"json": true} and \u4f60\u597d \U0001f980'
_SIGNED = {
    "Notification": ("message", "message_id", "subject", "timestamp", "topic_urn", "type"),
    "SubscriptionConfirmation": ("message", "message_id", "subscribe_url", "timestamp", "topic_urn", "type"),
    "UnsubscribeConfirmation": ("message", "message_id", "subscribe_url", "timestamp", "topic_urn", "type"),
}


def is_genuine(message: dict[str, Any]) -> bool:
    """As the user guide's "Message Signature Verification" has it, step by step."""
    with urlopen(message["signing_cert_url"]) as answer:
        certificate = x509.load_pem_x509_certificate(answer.read())
    assert certificate.signature_algorithm_oid == SignatureAlgorithmOID.RSA_WITH_SHA256
    algorithm = certificate.signature_hash_algorithm
    assert algorithm is not None
    names = [name for name in _SIGNED[message["type"]] if message.get(name) is not None]
    text = "".join(f"{name}\n{message[name]}\n" for name in names)
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    try:
        key.verify(b64decode(message["signature"]), text.encode(), PKCS1v15(), algorithm)
    except InvalidSignature:
        return False
    return True


def _messages(smn: SmnClient, topic_urn: str, receiver: Receiver, subject: str | None) -> list[dict[str, Any]]:
    """A confirmation request, a notification and a goodbye."""
    ask(smn, "AddSubscription", topic_urn=topic_urn, body={"protocol": "http", "endpoint": receiver.url})
    confirmation = receiver.confirm().json
    given = {"subject": subject} if subject is not None else {}
    ask(smn, "PublishMessage", topic_urn=topic_urn, body={"message": TEXT, **given})
    notification = receiver.wait_for_type("Notification").json
    with urlopen(notification["unsubscribe_url"]) as answer:
        assert answer.status == 200
    return [confirmation, notification, receiver.wait_for_type("UnsubscribeConfirmation").json]


@pytest.mark.parametrize("subject", [None, "", "Subject", "\u4e3b\u984c"])
def test_every_message_is_genuine_by_the_documented_steps(
    smn: SmnClient, server: Server, topic_urn: str, receiver: Receiver, subject: str | None
) -> None:
    messages = _messages(smn, topic_urn, receiver, subject)
    assert [message["type"] for message in messages] == [
        "SubscriptionConfirmation",
        "Notification",
        "UnsubscribeConfirmation",
    ]
    assert messages[1].get("subject") == (subject or None)
    assert messages[1]["message"] == TEXT
    for message in messages:
        assert is_genuine(message)
        assert message["signature_version"] == "v1"
        assert not is_genuine(message | {"message": "forged"})
        assert not is_genuine(message | {"timestamp": "2026-01-01T00:00:00Z"})
        assert not is_genuine(message | {"topic_urn": f"{topic_urn}x"})
    for notice in (messages[0], messages[2]):
        assert not is_genuine(notice | {"subscribe_url": "http://evil.example/"})
    address = urlsplit(messages[0]["signing_cert_url"])
    assert f"{address.scheme}://{address.netloc}" == server.url
    assert re.fullmatch(rf"/smn/SMN_{REGION}_[0-9a-f]{{32}}\.pem", address.path)


def test_the_certificate_is_the_one_that_sns_shows_under_another_name(
    smn: SmnClient, server: Server, topic_urn: str, receiver: Receiver
) -> None:
    ask(smn, "AddSubscription", topic_urn=topic_urn, body={"protocol": "http", "endpoint": receiver.url})
    asked = receiver.wait_for_type("SubscriptionConfirmation").json
    digits = asked["signing_cert_url"].rpartition("_")[2]
    with (
        urlopen(asked["signing_cert_url"]) as one,
        urlopen(f"{server.url}/certs/SimpleNotificationService-{digits}") as other,
    ):
        assert one.read() == other.read()
