"""Raw HTTP over a socket, for requests that no client library would send."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.server import KEY_ID, SECRET


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def exchange(port: int, request: bytes, timeout_s: float = 20.0) -> Answer | None:
    """Send bytes as they are, read one answer; None when the server hung up without one. A hang raises TimeoutError."""
    with socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
        connection.settimeout(timeout_s)
        with suppress(BrokenPipeError, ConnectionResetError):  # it has heard enough; there may still be an answer
            connection.sendall(request)
        return _read(connection)


def _read(connection: socket.socket) -> Answer | None:
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            chunk = connection.recv(65536)
            if not chunk:
                return None
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", "0"))
        while len(body) < length:
            chunk = connection.recv(65536)
            if not chunk:
                break
            body += chunk
    except ConnectionResetError:
        return None
    return Answer(int(lines[0].split(" ")[1]), headers, body)


def signed_post(port: int, body: bytes, *, key_id: str = KEY_ID, secret: str = SECRET) -> bytes:
    """A POST to / whose signature is right for whatever the body is."""
    request = AWSRequest("POST", f"http://127.0.0.1:{port}/", data=body)
    request.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    SigV4Auth(Credentials(key_id, secret), "sns", "us-east-1").add_auth(request)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join(["POST / HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}", *lines, "", ""])
    return head.encode("latin-1") + body


def query(action: str, **parameters: str) -> bytes:
    return urlencode({"Action": action, "Version": "2010-03-31", **parameters}).encode()
