"""Requests of HTTP/1 as clients send them, and as somebody writes who looks for a gap between two readers. Seeded; knows no parser."""

from __future__ import annotations

import random
from itertools import pairwise

LAST = b"GET /last HTTP/1.1\r\nHost: h\r\n\r\n"
"""Follows every case: a reader that took too much or too little for the last body loses it, or finds another."""

METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"HEAD", b"PATCH"]
ODD_METHODS = [b"CONNECT", b"BREW", b"get", b"PRI", b"", b"G ET", b"M-SEARCH", b"TRACE", b"QUERY", b"SOURCE"]
TARGETS = [
    b"/", b"/a", b"/a%20b?c=%2F&d", b"/?", b"//x/y", b"http://other:80/z?q", b"https://other", b"*", b"/a;b=c?d?e",
]  # fmt: skip
ODD_TARGETS = [
    b"", b"a", b"/a b", b"/#f", b"/\xc3\xa9", b"/\x01", b"http://", b"ftp://x/", b"h:80", b"/%zz", b"/\\", b"/\x7f",
    b'/"<>',
]  # fmt: skip
VERSIONS = [b"HTTP/1.1"] * 12 + [b"HTTP/1.0"]
ODD_VERSIONS = [
    b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"http/1.1", b"HTTP/1.1 ", b"HTTP/11", b"HTTP/1.", b"", b"ICE/1.0", b"RTSP/1.0",
    b"HTTP/3.7",
]  # fmt: skip
HEADERS = [
    b"Connection: Upgrade\r\nUpgrade: h2c", b"Accept: */*", b"X-A: 1", b"x-a: two words", b"X-Empty:",
    b"X-Wide:   1  ", b"X-Tab:\t1\t", b"Cookie: a=b; c=d", b"X-Utf: \xc3\xa9", b"X-Latin: \xe9", b"Connection: close",
    b"Connection: keep-alive", b"Connection: Keep-Alive, x", b"Connection: x, CLOSE", b"Expect: 100-continue",
    b"User-Agent: a (b; c)", b"X-Colon: a:b", b"!#$%&'*+.^_`|~: 1",
]  # fmt: skip
ODD_HEADERS = [
    b"X : 1", b" X: 1", b"X", b": 1", b"X: a\x00b", b"X: a\x01b", b"X: a\rb", b"X: a\nY: b", b"X: a\r\n folded",
    b"X(: 1", b"Host: h", b"Host: other", b"Connection: Upgrade\r\nUpgrade: h2c", b"Upgrade: websocket",
    b"Expect: 200-ok", b"X\xe9: 1", b"Proxy-Connection: close", b"X: \x7f", b"X: a\x0bb", b"X:\x0c",
    b"Connection: close\r\nConnection: keep-alive", b"Connection:", b"Connection: Upgrade", b"X\t: 1", b"X:\xa0",
    b"X: \xc2\xa0",
]  # fmt: skip
SPACES = [b"  ", b"\t", b"", b" \t", b"\x0b", b"\xa0"]
HOSTS = [b"Host: h", b"Host: h:80", b"Host: [::1]:8", b"host:h", b"HOST: h", b"Host:"]
ODD_HOSTS = [
    b"", b"Host: h/x", b"Host: a b", b"Host: h,h", b"Host : h", b"Host: h\r\nHost: h", b"Host: @h", b"Host: h:x",
]  # fmt: skip
LENGTHS = [b"Content-Length: %d", b"content-length:%d", b"Content-Length: 0%d", b"Content-Length: %d "]
ODD_LENGTHS = [
    b"Content-Length: +%d", b"Content-Length: %d\r\nContent-Length: %d", b"Content-Length: %d, %d",
    b"Content-Length: %dx", b"Content-Length: -%d", b"Content-Length: 0x%d",
    b"Content-Length: %d\r\nContent-Length: 0", b"Content-Length:", b"Content-Length : %d",
    b"Content-Length: 1\x0b%d", b"Content-Length: %d\r\nTransfer-Encoding: chunked", b"Content-Length: %d %d",
    b"Content-Length: 99999999999999999999%d", b"Content-Length: \x0b%d", b"Content-Length:\r\n %d",
]  # fmt: skip
CODINGS = [b"Transfer-Encoding: chunked", b"transfer-encoding:chunked", b"Transfer-Encoding: Chunked"]
ODD_CODINGS = [
    b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked, gzip",
    b"Transfer-Encoding:", b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding : chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 3",
    b"Transfer-Encoding: chunked;q=1", b"Transfer-Encoding: ,chunked", b"Transfer-Encoding: chunked,",
    b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding: \"chunked\"", b"Transfer-Encoding: chunked chunked",
    b"Transfer-Encoding: identity, chunked",
]  # fmt: skip
SIZES = [b"%x", b"%X", b"0%x", b"%x;a=b", b'%x;a="b;c"']
ODD_SIZES = [
    b"%x ", b"%x;", b"%x\t", b" %x", b"0x%x", b"+%x", b"%x;\x01", b"%x;a=\"\r\"", b"-%x", b"00000000000000000%x", b"00000000000000000000%x",
    b"1%x", b"%x\n", b"%x;a\x00", b"%x ;a=b", b"%x_0", b"%x;\n", b"%x;a=\"\n\"", b"%x;a b", b"ffffffffffffffff%x",
    b"%x,", b"%xg",
]  # fmt: skip
CHUNK_ENDS = [b"\r\n"]
ODD_CHUNK_ENDS = [b"\n", b"\r", b"\r\r\n", b"", b" \r\n", b"\n\n", b"x\r\n"]
LINE_ENDS = [b"\r\n"]
ODD_LINE_ENDS = [b"\n", b"\r", b"\r\r\n", b"\n\r", b" \r\n", b"\t\r\n", b""]
LASTS = [b"0", b"00", b"0;a"]
ODD_LASTS = [b"0 ", b"-0", b"0x0", b"", b"0;", b"0\n"]
TRAILERS = [b"", b"", b"X-T: 1\r\n", b"Host: other\r\n", b"X-T: 1\r\nX-U: 2\r\n"]
ODD_TRAILERS = [
    b"Connection: close\r\n", b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"X\r\n", b"X : 1\r\n", b"X: \x00\r\n", b" f\r\n", b"\n", b"X: 1\n",
    b"GET / HTTP/1.1\r\n", b"X: 1\r",
]  # fmt: skip
BODIES = [
    b"", b"x", b"hello", b"GET /inner HTTP/1.1\r\nHost: h\r\n\r\n", b"\r\n", b"\x00\xff" * 9, b"0\r\n\r\n",
    b"a" * 300,
]  # fmt: skip
SEPARATORS = [b""]
ODD_SEPARATORS = [b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b"\x00", b"0"]


class Maker:
    """Requests, most of them good but for one thing."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._oddness = chance.choice((0.0, 0.01, 0.02, 0.1))

    def case(self) -> bytes:
        """One to three of them, some with a byte or two bent; then LAST."""
        chance = self._chance
        data = b"".join(
            self._one_of(SEPARATORS, ODD_SEPARATORS) + self._request() for _ in range(chance.choice((1, 1, 2, 3)))
        )
        return (_bent(chance, data) if chance.random() < 0.2 else data) + LAST

    def _one_of(self, usual: list[bytes], odd: list[bytes]) -> bytes:
        return self._chance.choice(odd if self._chance.random() < self._oddness else usual)

    def _request(self) -> bytes:
        chance = self._chance
        line = self._one_of(METHODS, ODD_METHODS) + self._one_of([b" "], SPACES) + self._one_of(TARGETS, ODD_TARGETS)
        line += self._one_of([b" "], SPACES) + self._one_of(VERSIONS, ODD_VERSIONS)
        headers = [
            self._one_of(HOSTS, ODD_HOSTS),
            *(self._one_of(HEADERS, ODD_HEADERS) for _ in range(chance.randrange(4))),
        ]
        body = chance.choice(BODIES)
        match chance.randrange(5):
            case 0 | 1:
                headers.append(self._one_of(LENGTHS, ODD_LENGTHS).replace(b"%d", str(len(body)).encode()))
            case 2 | 3:
                headers.append(self._one_of(CODINGS, ODD_CODINGS))
                body = self._chunked(body)
            case _:
                body = b"" if chance.random() < 0.9 else body
        chance.shuffle(headers)
        lines = [line, *(header for header in headers if header), b""]
        return b"".join(part + self._one_of(LINE_ENDS, ODD_LINE_ENDS) for part in lines) + body

    def _chunked(self, body: bytes) -> bytes:
        made = b""
        while body:
            size = self._chance.randint(1, len(body))
            line = self._one_of(SIZES, ODD_SIZES)
            made += line.replace(b"%x", b"%x" % size).replace(b"%X", b"%X" % size) + self._one_of(
                CHUNK_ENDS, ODD_CHUNK_ENDS
            )
            made += body[:size] + self._one_of(CHUNK_ENDS, ODD_CHUNK_ENDS)
            body = body[size:]
        return made + self._one_of(LASTS, ODD_LASTS) + b"\r\n" + self._one_of(TRAILERS, ODD_TRAILERS) + b"\r\n"


def _bent(chance: random.Random, data: bytes) -> bytes:
    bent = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(bent))
        match chance.randrange(4):
            case 0:
                bent[at] = chance.randrange(256)
            case 1:
                del bent[at : at + chance.randint(1, 4)]
            case 2:
                bent[at:at] = bytes([chance.choice(b"\r\n\t :,;\x00\x0b\x7f\x80\xff0aA")])
            case _:
                bent[at:at] = bent[at : at + chance.randint(1, 12)]
    return bytes(bent)


def cut(chance: random.Random, data: bytes) -> list[bytes]:
    if chance.random() < 0.3:
        return [data]
    at = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(chance.randint(1, 8)))})
    return [data[start:end] for start, end in pairwise(at)]
