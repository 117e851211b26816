"""A subscriber over HTTP whose answers the test sets: a real server on a free port, in a thread of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import urlopen

from tests.support.patience import PATIENCE_S


@dataclass(frozen=True)
class Received:
    """One POST. Header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def type(self) -> str:
        """As either cloud's header says it: SubscriptionConfirmation, Notification or UnsubscribeConfirmation."""
        return self.headers.get("x-amz-sns-message-type") or self.headers.get("x-smn-message-type", "")


@dataclass
class Receiver:
    """`answer(received) -> status` decides what each POST is answered with; 200 by default."""

    answer: Callable[[Received], int] = lambda _: 200
    received: list[Received] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    server: ThreadingHTTPServer | None = None

    def start(self) -> Receiver:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got = Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                status = receiver.answer(got)
                with receiver.changed:
                    receiver.received.append(got)
                    receiver.changed.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request: object, client_address: object) -> None:
                """A sender that was killed hangs up; that is what some tests are about."""

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def of_type(self, type_: str, path: str | None = None) -> list[Received]:
        return [got for got in list(self.received) if got.type == type_ and path in (None, got.path)]

    def wait(self, enough: Callable[[list[Received]], bool], timeout_s: float = PATIENCE_S) -> list[Received]:
        """Until `enough(received)`; fails the test with what came instead."""
        with self.changed:
            if not self.changed.wait_for(lambda: enough(self.received), timeout_s):
                raise AssertionError(
                    f"not received in {timeout_s} s; got {[(r.type, r.body[:80]) for r in self.received]}"
                )
            return list(self.received)

    def wait_for_type(
        self, type_: str, count: int = 1, path: str | None = None, timeout_s: float = PATIENCE_S
    ) -> Received:
        """The `count`th message of that type (to that path)."""
        self.wait(lambda _: len(self.of_type(type_, path)) >= count, timeout_s)
        return self.of_type(type_, path)[count - 1]

    def confirm(self, path: str | None = None, count: int = 1) -> Received:
        """Confirm as a web hook does: visit the link of the confirmation request."""
        request = self.wait_for_type("SubscriptionConfirmation", count, path)
        link = request.json.get("SubscribeURL") or request.json["subscribe_url"]
        with urlopen(link) as answer:
            assert answer.status == 200
        return request
