"""Chat services as their public documentation describes them, on a free port: no test can reach the real ones.

They check what the real ones check (form, keyword, signature, the age of a request) and answer 200 with a code in JSON.
"""

from __future__ import annotations

import hmac
import json
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.support.patience import PATIENCE_S


@dataclass(frozen=True)
class Said:
    """One message that was taken. `query`: first values."""

    service: str
    body: dict[str, Any]
    query: dict[str, str]


@dataclass
class ChatServices:
    """`/feishu`, `/dingding`, `/wechat` and `/welink`. keyword, secret: the bots' security settings. excuses: answers that come
    before any look at the request, oldest first: a JSON value, or bytes sent as they are. tls: speak HTTPS with it."""

    keyword: str = ""
    secret: str = ""
    excuses: list[Any] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    asked: int = 0
    status: int = 200
    tls: ssl.SSLContext | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        services = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = services._take(self.path, raw)
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def url(self, service: str) -> str:
        assert self._server is not None
        key = {"dingding": "access_token", "wechat": "key", "welink": "channel=standard&token"}.get(service, "hook")
        scheme = "https" if self.tls is not None else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}/{service}?{key}=abc"

    def wait(self, count: int, timeout_s: float = PATIENCE_S) -> list[Said]:
        """Until so many messages were taken; fails the test otherwise."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.said) >= count, timeout_s), (self.said, self.asked)
            return list(self.said)

    def wait_asked(self, count: int, timeout_s: float = PATIENCE_S) -> None:
        """Until there were so many requests."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.asked >= count, timeout_s), self.asked

    def _take(self, path: str, raw: bytes) -> tuple[int, bytes]:
        address = urlsplit(path)
        service = address.path.removeprefix("/")
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        with self._changed:
            self.asked += 1
            self._changed.notify_all()
            if self.excuses:
                excuse = self.excuses.pop(0)
                return self.status, excuse if isinstance(excuse, bytes) else json.dumps(excuse).encode()
            body = json.loads(raw)
            answer = _SERVICES[service](self, body, query)
            if answer in _GOOD:
                self.said.append(Said(service, body, query))
                self._changed.notify_all()
            return 200, json.dumps(answer).encode()


def _feishu(chat: ChatServices, body: dict[str, Any], _: dict[str, str]) -> dict[str, Any]:
    match body:
        case {"msg_type": "text", "content": {"text": str(text)}}:
            pass
        case {"msg_type": "interactive", "card": {"elements": [{"tag": "markdown", "content": str(text)}], **more}}:
            text += str(more.get("header", ""))
        case _:
            return {"code": 9499, "msg": "Bad Request", "data": {}}
    if chat.secret:
        key = f"{body.get('timestamp')}\n{chat.secret}".encode()
        wanted = b64encode(hmac.digest(key, b"", "sha256")).decode()
        if body.get("sign") != wanted or abs(time.time() - int(body["timestamp"])) > 3600:
            return {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}
    if chat.keyword and chat.keyword not in text:
        return {"code": 19024, "msg": "Key Words Not Found"}
    return {"code": 0, "msg": "success", "data": {}, "StatusCode": 0, "StatusMessage": "success"}


def _dingding(chat: ChatServices, body: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    match body:
        case {"msgtype": "text", "text": {"content": str(text)}}:
            pass
        case {"msgtype": "markdown", "markdown": {"title": str(title), "text": str(text)}} if title:
            text += title
        case _:
            return {"errcode": 40035, "errmsg": "\u7f3a\u5c11\u53c2\u6570 json"}
    if chat.secret:
        text_to_sign = f"{query.get('timestamp')}\n{chat.secret}".encode()
        wanted = b64encode(hmac.digest(chat.secret.encode(), text_to_sign, "sha256")).decode()
        if query.get("sign") != wanted or abs(time.time() * 1000 - int(query["timestamp"])) > 3_600_000:
            return {"errcode": 310000, "errmsg": "sign not match"}
    if chat.keyword and chat.keyword not in text:
        return {"errcode": 310000, "errmsg": "keywords not in content"}
    return {"errcode": 0, "errmsg": "ok"}


def _wechat(_: ChatServices, body: dict[str, Any], __: dict[str, str]) -> dict[str, Any]:
    match body:
        case {"msgtype": "text", "text": {"content": str()}} | {"msgtype": "markdown", "markdown": {"content": str()}}:
            return {"errcode": 0, "errmsg": "ok"}
        case _:
            return {"errcode": 40008, "errmsg": "invalid message type"}


def _welink(chat: ChatServices, body: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    match body:
        case {"messageType": "text", "content": {"text": str(text)}, "timeStamp": int(at), "uuid": str(uuid)}:
            fresh = abs(time.time() * 1000 - at) < 600_000 and uuid not in [one.body.get("uuid") for one in chat.said]
            if fresh and 1 <= len(text) <= 500 and len(uuid) == 32 and {"token", "channel"} <= query.keys():
                return {"code": "0", "data": "success", "message": "ok"}
    return {"code": "58601", "data": "", "message": "parameter error"}


_SERVICES: dict[str, Callable[[ChatServices, dict[str, Any], dict[str, str]], dict[str, Any]]] = {
    "feishu": _feishu,
    "dingding": _dingding,
    "wechat": _wechat,
    "welink": _welink,
}
_GOOD = (
    {"code": 0, "msg": "success", "data": {}, "StatusCode": 0, "StatusMessage": "success"},
    {"errcode": 0, "errmsg": "ok"},
    {"code": "0", "data": "success", "message": "ok"},
)
