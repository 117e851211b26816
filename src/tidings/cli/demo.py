"""`tidings demo`: the main job in one minute against a throw-away server, each step printed. Called by `cli/main`.

A server of its own in a temporary directory; a real web hook, a real SMTP mailbox, and the developer outbox as the phone. The
client is an unmodified boto3. Needs the extra `tidings[demo]`.
"""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

KEY_ID, SECRET = "tidings", "tidings-dev-secret"
MAILBOX, PHONE, NUMBER = "ann@example.org", "+12025550123", "+12025550100"
PATIENCE_S = 15.0


@dataclass
class Receiver:
    """What the subscribers heard so far: posts of the web hook, mails of the mailbox."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, where: list[Any], what: object) -> None:
        with self.changed:
            where.append(what)
            self.changed.notify_all()

    def wait(self, what: str, ready: Callable[[], object]) -> Any:
        """Until `ready()` is true; its value. Ends the demo with one line when it does not come."""
        with self.changed:
            if not self.changed.wait_for(ready, PATIENCE_S):
                raise SystemExit(f"demo: {what} did not arrive within {PATIENCE_S:.0f} s")
            return ready()


def play() -> None:
    """Play the whole job and print it. Exits with 1 and one line when a step fails."""
    try:
        import boto3
        from aiosmtpd.controller import Controller
    except ImportError:
        raise SystemExit("demo: needs boto3 and aiosmtpd: pip install 'tidings[demo]'") from None
    received = Receiver()
    with (
        _hook(received) as hook,
        _mailbox(received, Controller) as smtp,
        tempfile.TemporaryDirectory(prefix="tidings-demo-") as data,
        _server(Path(data), smtp) as base,
    ):
        sns = boto3.client(
            "sns",
            endpoint_url=base,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
        )
        _Story(sns, base, hook, received).tell()


class _Story:
    """The steps, in order. `sns` is the publisher's boto3 client; everything else is done as a subscriber would."""

    def __init__(self, sns: Any, base: str, hook: str, received: Receiver) -> None:
        self.sns, self.base, self.hook, self.received = sns, base, hook, received
        self.step = 0

    def say(self, text: str) -> None:
        self.step += 1
        print(f"\n{self.step}. {text}", flush=True)

    def show(self, text: str) -> None:
        for line in text.splitlines():
            print(f"     {line}", flush=True)

    def tell(self) -> None:
        self.say("The publisher makes a topic, with an unmodified boto3.")
        topic = self.sns.create_topic(Name="harbor-news", Attributes={"DisplayName": "Harbor news"})["TopicArn"]
        self.show(topic)
        self.subscribe(topic)
        self.confirm()
        self.publish(topic, "High water at 17:40", "The ferry leaves from pier 2 tonight.")
        self.say("Each has received it.")
        self.show_received(1)
        self.cancel()
        self.publish(topic, "Storm", "No ferry tonight.")
        self.say("Nobody hears it. What arrived instead are the goodbyes, each with a way back for 48 hours.")
        self.show_silence()
        self.come_back()
        self.publish(topic, "Calm again", "The ferry leaves at 08:00.")
        self.say("Only the one who came back has received it.")
        post = self.received.wait("the notification", lambda: self.posts("Notification")[1:])[0]
        self.show(f"web hook: {post['Subject']}: {post['Message']}")
        self.show_ledger()

    def subscribe(self, topic: str) -> None:
        self.say("Three are asked whether they want to hear: a web hook, a mailbox and a phone.")
        for protocol, endpoint in (("http", self.hook), ("email", MAILBOX), ("sms", PHONE)):
            answer = self.sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
            self.show(f"{protocol:5} {endpoint}: {answer['SubscriptionArn'].rsplit(':', 1)[-1]}")

    def confirm(self) -> None:
        self.say("The web hook confirms by visiting the SubscribeURL that was posted to it.")
        request = self.received.wait("the confirmation request", lambda: self.posts("SubscriptionConfirmation"))[0]
        self.show(f"GET -> {_get(request['SubscribeURL'])[0]}")
        self.say(
            "The person opens the link in the mail (which changes nothing: scanners do that too), then presses the button."
        )
        mail = self.received.wait("the confirmation mail", lambda: self.received.mails)[0]
        link = _link(mail, "/s/y/")
        self.show(f"mail {mail['Subject']!r}: GET -> {_get(link)[0]}, POST -> {_post(link)[0]}")
        self.show("The phone is subscribed at once, as SNS does it.")
        self.post("inbound-addresses", {"address": NUMBER, "kind": "10dlc", "description": "Harbor office"})
        self.show(f"What phones answer arrives at {NUMBER}.")

    def publish(self, topic: str, subject: str, text: str) -> None:
        self.say(f"The publisher says: {subject}: {text}")
        self.show(self.sns.publish(TopicArn=topic, Subject=subject, Message=text)["MessageId"])

    def show_received(self, count: int) -> None:
        post = self.received.wait("the notification", lambda: self.posts("Notification"))[count - 1]
        self.show(f"web hook: {post['Subject']}: {post['Message']} (signed, version {post['SignatureVersion']})")
        mail = self.received.wait("the mail", lambda: self.received.mails[1:])[0]
        self.show(f"mailbox:  {mail['Subject']} (List-Unsubscribe-Post: {mail['List-Unsubscribe-Post']})")
        self.show(f"phone:    {self.texts()[-1]['text']}")

    def cancel(self) -> None:
        self.say("The web hook has had enough: it visits the UnsubscribeURL of the notification.")
        self.show(f"GET -> {_get(self.posts('Notification')[0]['UnsubscribeURL'])[0]}")
        self.say("The person presses 'unsubscribe' in the mail program: a one-click POST (RFC 8058).")
        target = str(self.received.mails[1]["List-Unsubscribe"]).strip("<> ")
        self.show(f"POST -> {_post(target, b'List-Unsubscribe=One-Click')[0]}")
        self.say("The phone's owner texts: Stop!")
        self.post("dev/replies", {"from": PHONE, "to": NUMBER, "text": "Stop!"})
        answer = next(iter(self.sns.list_phone_numbers_opted_out()["phoneNumbers"]), None)
        if answer != PHONE:
            raise SystemExit("demo: the phone is not opted out")
        self.show(f"ListPhoneNumbersOptedOut -> {answer}")

    def show_silence(self) -> None:
        self.received.wait("the goodbye post", lambda: self.posts("UnsubscribeConfirmation"))
        self.received.wait("the goodbye mail", lambda: self.received.mails[2:])
        self.show(f"web hook: {[post['Type'] for post in self.received.posts]}")
        self.show(f"mailbox:  {[str(mail['Subject']) for mail in self.received.mails]}")
        texts = [text["text"] for text in self.texts()]
        self.show(f"phone:    {texts}")
        if len(self.posts("Notification")) != 1 or len(self.received.mails) != 3 or len(texts) != 2:
            raise SystemExit("demo: something was sent after a cancel")

    def come_back(self) -> None:
        self.say("The web hook changes its mind: it visits the SubscribeURL of its goodbye.")
        self.show(f"GET -> {_get(self.posts('UnsubscribeConfirmation')[0]['SubscribeURL'])[0]}")

    def show_ledger(self) -> None:
        self.say("And the proof: every change of consent, append-only, with way and time (GET /api/v1/ledger).")
        for entry in self.api("ledger")["items"]:
            said = f": {entry['raw_text']}" if entry.get("raw_text") else ""
            self.show(f"{entry['at'][:19]}  {entry['protocol']:5} {entry['event']:18} by {entry['way']}{said}")

    def posts(self, type_: str) -> list[dict[str, Any]]:
        return [post for post in self.received.posts if post["Type"] == type_]

    def texts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api(f"dev/outbox?channel=sms&to={quote(PHONE)}")["items"]
        return found

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.api(path, json.dumps(body).encode())

    def api(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        request = Request(f"{self.base}/api/v1/{path}", data=body)  # noqa: S310 - our own server
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", "Basic " + b64encode(f"{KEY_ID}:{SECRET}".encode()).decode())
        with urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            parsed: dict[str, Any] = json.load(answer)
            return parsed


@contextmanager
def _hook(received: Receiver) -> Iterator[str]:
    """A web hook that takes everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.add(received.posts, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Quiet: the story is the output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook"
        server.shutdown()


@contextmanager
def _mailbox(received: Receiver, controller: Any) -> Iterator[int]:
    """An SMTP server that keeps every mail."""

    class Handler:
        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
            received.add(received.mails, email.message_from_bytes(envelope.content, policy=email.policy.default))
            return "250 kept"

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    mailbox = controller(Handler(), hostname="127.0.0.1", port=port)
    mailbox.start()
    yield port
    mailbox.stop()


@contextmanager
def _server(data: Path, smtp_port: int) -> Iterator[str]:
    """A throw-away Tidings in developer mode that sends mail to the mailbox."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_")}
    environment["TIDINGS_SMTP_URL"] = f"smtp://127.0.0.1:{smtp_port}"
    command = [sys.executable, "-m", "tidings", "serve", "--dev", "--listen", f"127.0.0.1:{port}", "--data", str(data)]
    with (data / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(base: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{base}/readyz", timeout=1) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("demo: the server did not start")


def _get(url: str) -> tuple[int, str]:
    with urlopen(url, timeout=PATIENCE_S) as answer:  # noqa: S310
        return answer.status, answer.read().decode()


def _post(url: str, body: bytes = b"") -> tuple[int, str]:
    request = Request(url, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})  # noqa: S310
    with urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
        return answer.status, answer.read().decode()


def _link(mail: EmailMessage, path: str) -> str:
    part = mail.get_body(("plain",))
    found = re.search(rf"https?://\S+{path}\S+", part.get_content() if part else "")
    if found is None:
        raise SystemExit(f"demo: no {path} link in the mail {mail['Subject']!r}")
    return found[0]
