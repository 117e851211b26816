"""Receivers that others wrote find our messages genuine: npm sns-validator and PyPI aws-sns-message-validator.

Both insist on HTTPS for the certificate, so these tests run the server with TLS and a certificate authority of the test's own.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from sns_message_validator import SignatureVerificationFailureException, SNSMessageValidator
from tests.support.certificates import make_certificate
from tests.support.receiver import Receiver
from tests.support.server import KEY_ID, SECRET, Server

HERE = Path(__file__).parent.parent / "support"


class SecureServer(Server):
    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    folder = tmp_path_factory.mktemp("secure")
    cert, key = make_certificate(folder)
    environment = {"TIDINGS_TLS_CERT": str(cert), "TIDINGS_TLS_KEY": str(key)}
    server = SecureServer(folder, environment=environment)
    environment["TIDINGS_PUBLIC_URL"] = server.url
    with pytest.MonkeyPatch.context() as trusted:  # what urllib and requests trust, in this process
        trusted.setenv("SSL_CERT_FILE", str(cert))
        trusted.setenv("REQUESTS_CA_BUNDLE", str(cert))
        yield server.start(), cert
        assert server.stop() == 0, server.log()


@pytest.fixture
def client(secure: tuple[Server, Path]) -> Any:
    server, cert = secure
    return boto3.client(
        "sns",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        verify=str(cert),
        config=Config(retries={"max_attempts": 1}),
    )


def _node_says(message: dict[str, Any], cert: Path, port: int) -> str:
    node = shutil.which("node")
    assert node is not None, "these tests need node; `make test` brings the npm package"
    done = subprocess.run(
        [node, str(HERE / "validate.cjs"), f"localhost:{port}"],
        input=json.dumps(message),
        text=True,
        capture_output=True,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(cert)},
        timeout=30,
        check=False,
    )
    return done.stdout.strip() + done.stderr.strip()


def _messages(client: Any, receiver: Receiver, name: str, version: str, subject: str | None) -> list[dict[str, Any]]:
    """A confirmation request, a notification and a goodbye."""
    topic = client.create_topic(Name=name, Attributes={"SignatureVersion": version})["TopicArn"]
    client.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
    receiver.confirm()
    given = {"Subject": subject} if subject else {}
    client.publish(
        TopicArn=topic,
        Message='text with "quotes",\nlines and \u4f60\u597d \U0001f980',
        MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}},
        **given,
    )
    notification = receiver.wait_for_type("Notification").json
    with receiver_urlopen(notification["UnsubscribeURL"]) as answer:
        assert answer.status == 200
    goodbye = receiver.wait_for_type("UnsubscribeConfirmation").json
    return [receiver.of_type("SubscriptionConfirmation")[0].json, notification, goodbye]


def receiver_urlopen(url: str) -> Any:
    from urllib.request import urlopen

    return urlopen(url, context=ssl.create_default_context())


@pytest.mark.parametrize(("version", "subject"), [("1", "Subject"), ("2", None), ("1", None), ("2", "\u4e3b\u984c")])
def test_other_peoples_validators_find_our_messages_genuine(
    client: Any, secure: tuple[Server, Path], receiver: Receiver, version: str, subject: str | None
) -> None:
    server, cert = secure
    name = f"signed-{version}-{'with' if subject else 'without'}"
    messages = _messages(client, receiver, name, version, subject)
    validator = SNSMessageValidator(cert_url_regex=rf"^https://localhost:{server.port}/certs/")
    assert {message["SignatureVersion"] for message in messages} == {version}
    if version == "1":  # the only version that the PyPI package knows
        for message in messages:
            validator.validate_message(message)
            with pytest.raises(SignatureVerificationFailureException):
                validator.validate_message({**message, "Message": "forged"})
    for message in messages[:2]:  # the package leaves Token out of a goodbye's text: its flaw (sns.md, section 10)
        assert _node_says(message, cert, server.port) == "genuine"
        assert "refused" in _node_says({**message, "Message": "forged"}, cert, server.port)
