"""The AWS Query protocol: forms in, XML out. Plain values on both sides; knows no action and no service.

Called by the dialect for every request, so decoding is one pass without a regular expression per parameter. Input never makes
it raise anything but `Malformed`, and never costs more than linear time.
Source: AWS Query protocol as botocore serializes it; W3C XML 1.0, 2.2 (characters).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import a2b_qp
from collections.abc import Iterable, Mapping

from tidings.dialects.sns.limits import INDEX_DIGITS_MAX, NAMESPACE, PARAMETERS_MAX


class Malformed(Exception):
    """The bytes are not a form as the protocol wants it. The text says what is wrong with them."""


Params = dict[str, str]

REPEATED_MAX = 4096
REPEATED_BYTES_MAX = 400
_REPEATED = (b"Action=", b"Version=", b"TopicArn=")
_repeated: dict[bytes, tuple[str, str]] = {}
"""Parts of forms that come again with each of a caller's requests, as they were sent: what they mean. Never a text of anybody's."""
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_UNSAFE = re.compile("[&<>\"'\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#xD;"}


def decode_form(raw: bytes, into: Params | None = None) -> Params:
    """Names and values of a form or query string; of a name given twice the last value counts. Raises Malformed."""
    params: Params = {} if into is None else into
    if not raw:
        return params
    if raw.count(b"&") >= PARAMETERS_MAX:
        raise Malformed(f"a request may have at most {PARAMETERS_MAX} parameters")
    if b"%" in raw:
        if _BROKEN_ESCAPE.search(raw) is not None:
            raise Malformed("a percent sign is not followed by two hexadecimal digits")
        if b"%00" in raw:
            raise Malformed("the NUL character is not allowed")
    if b"\x00" in raw:
        raise Malformed("the NUL character is not allowed")
    try:
        for part in raw.split(b"&"):
            known = _repeated.get(part) if len(part) <= REPEATED_BYTES_MAX else None
            if known is not None:
                params[known[0]] = known[1]
            elif part.startswith(_REPEATED) and len(part) <= REPEATED_BYTES_MAX:
                raw_name, _, raw_value = part.partition(b"=")
                name, value = _text(raw_name), _text(raw_value)
                if len(_repeated) >= REPEATED_MAX:
                    _repeated.clear()
                _repeated[part] = name, value
                params[name] = value
            elif b"%" in part or b"+" in part:
                raw_name, _, raw_value = part.partition(b"=")
                params[_text(raw_name)] = _text(raw_value)
            elif part:
                name, _, value = part.decode().partition("=")
                params[name] = value
    except UnicodeDecodeError as error:
        raise Malformed("parameters must be UTF-8") from error
    return params


def _text(raw: bytes) -> str:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        # Quoted-printable is percent-encoding with another escape character, and its decoder is written in C: ten times
        # the speed of urllib's on a message of JSON. Every escape was checked to be whole before.
        raw = a2b_qp(raw.replace(b"=", b"=3D").replace(b"%", b"="))
    return raw.decode()


def group(params: Mapping[str, str], prefix: str) -> list[Params]:
    """The elements under `prefix.N.rest`, in the order of N: each as its own rest -> value, a scalar under ''.

    Gaps and any order are fine. `prefix` is for instance `Tags.member`. Raises Malformed for an index that is no number.
    """
    lead = f"{prefix}."
    start = len(lead)
    found: dict[int, Params] = {}
    for name, value in params.items():
        if name.startswith(lead):
            index, _, rest = name[start:].partition(".")
            if not (index.isascii() and index.isdigit()) or len(index) > INDEX_DIGITS_MAX:
                raise Malformed(f"{prefix} must be followed by a number")
            number = int(index)
            element = found.get(number)
            if element is None:
                found[number] = {rest: value}
            else:
                element[rest] = value
    return [found[number] for number in sorted(found)]


def has_elements(params: Mapping[str, str], name: str) -> bool:
    """Whether a list or map has anything in it. SDKs send an empty one as `Name=`, which counts as null. Observed."""
    lead = f"{name}."
    return any(key.startswith(lead) for key in params)


def escape(text: str) -> str:
    """Text for an XML element. What XML cannot carry becomes U+FFFD, so that the document stays a document."""
    if _UNSAFE.search(text) is None:
        return text
    return _UNSAFE.sub(lambda found: _ENTITIES.get(found[0], "\ufffd"), text)


def answer(action: str, result: str | None, request_id: str) -> bytes:
    """A success document. result: XML inside the result element; None when the action has no such element."""
    inside = "" if result is None else f"<{action}Result>{result}</{action}Result>"
    return (
        f'<{action}Response xmlns="{NAMESPACE}">{inside}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    ).encode()


def refusal(status: int, code: str, message: str, request_id: str, members: Mapping[str, str] | None = None) -> bytes:
    """An error document. members: what the error's shape has besides, by name."""
    more = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in (members or {}).items())
    kind = "Sender" if status < 500 else "Receiver"
    return (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{kind}</Type><Code>{code}</Code>'
        f"<Message>{escape(message)}</Message>{more}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode("utf-8", "replace")


def listed(name: str, members: Iterable[str]) -> str:
    """A list element; each member is already XML."""
    inside = "".join([f"<member>{member}</member>" for member in members])
    return f"<{name}>{inside}</{name}>" if inside else f"<{name}/>"


def mapped(name: str, entries: Mapping[str, str]) -> str:
    """A map element of plain texts."""
    inside = "".join(
        [f"<entry><key>{escape(key)}</key><value>{escape(value)}</value></entry>" for key, value in entries.items()]
    )
    return f"<{name}>{inside}</{name}>" if inside else f"<{name}/>"


def page_token(scope: str, after: int) -> str:
    """An opaque NextToken: go on after this id, in the list called `scope`."""
    return urlsafe_b64encode(f"1.{scope}.{after}".encode()).decode()


def read_page_token(scope: str, token: str) -> int:
    """The id to go on after; 0 without a token. Raises ValueError for anything that `page_token` did not make."""
    if not token:
        return 0
    if len(token) > 100 or not token.isascii():
        raise ValueError("NextToken")
    text = urlsafe_b64decode(token).decode()
    version, _, rest = text.partition(".")
    made_for, _, after = rest.partition(".")
    if version != "1" or made_for != scope or not after.isascii() or not after.isdigit() or len(after) > 18:
        raise ValueError("NextToken")
    if page_token(scope, int(after)) != token:
        raise ValueError("NextToken")
    return int(after)
