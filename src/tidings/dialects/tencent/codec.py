"""Bytes in, values out, and back: JSON bodies, flattened parameters, typed members, the envelope of answers.

Called by the dialect and its operations. An operation says with a `Shape` which parameters it has; reading gives `Values` of the
types promised or raises TcError: UnknownParameter and InvalidParameter over all of them first, then MissingParameter.
Source: Tencent Cloud API 3.0, "Request structure", "Data types". Observed: tencentcloud-sdk-python-sms 3.1.153 (flattening).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tidings.dialects.contract import WireRequest
from tidings.dialects.tencent.codes import Language
from tidings.dialects.tencent.errors import TcError, echo, refuse
from tidings.dialects.tencent.limits import FIELDS_MAX, NAME_CHARACTERS_MAX, SEGMENTS_MAX

CONTENT_TYPE = "application/json"
"""Exactly so: with a charset behind it the SDK takes an error for a success."""
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1

_INTEGER = re.compile(r"-?[0-9]{1,19}\Z")
_INDEX = re.compile(r"(?:0|[1-9][0-9]{0,4})\Z")
_LANGUAGE = re.compile(r"(?:^|&)Language=([A-Za-z]{2}-[A-Za-z]{2})(?:&|\Z)")
_encode = msgspec.json.encode


def answer(members: Mapping[str, Any], request_id: str) -> bytes:
    """The body of an answer."""
    return _encode({"Response": {**members, "RequestId": request_id}})


def refusal(code: str, message: str, request_id: str) -> bytes:
    """The body of an error."""
    return answer({"Error": {"Code": code, "Message": message}}, request_id)


def language_of(request: WireRequest) -> Language:
    """What messages are told in; Chinese unless asked otherwise. Never fails, because refusals need it."""
    wanted = request.headers.get("x-tc-language")
    if wanted is None:
        text = request.query
        if (
            request.method == "POST" and "authorization" not in request.headers
        ):  # a form with its signature among the rest
            text = request.body.decode("latin-1")
        found = _LANGUAGE.search(text)
        wanted = "" if found is None else found[1]
    return Language.ENGLISH if wanted.lower() == "en-us" else Language.CHINESE


# --- parameters as they came ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parameters:
    """What was sent. is_text: every value is a string, whatever its type, as queries and forms have it."""

    members: Mapping[str, Any]
    is_text: bool


def read_json(body: bytes) -> Parameters:
    """A JSON object; nothing at all and `null` are an empty one. Raises TcError."""
    if not body.strip():
        return Parameters({}, False)
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _unreadable("the body is not JSON", "请求包体不是 JSON") from error
    if value is None:
        return Parameters({}, False)
    if not isinstance(value, dict):
        raise _unreadable("the body is not a JSON object", "请求包体不是 JSON 对象")
    return Parameters(value, False)


def read_pairs(text: str) -> dict[str, str]:
    """The pairs of a query or a form, decoded. Raises TcError, also for a name that comes twice: a signature could mean either."""
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=FIELDS_MAX)
    except (ValueError, UnicodeError) as error:
        raise _unreadable("the parameters are not well-formed", "请求参数格式错误") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _unreadable("a parameter comes twice", "请求参数重复")
    return found


def unflatten(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """`A.0=x&A.1=y&B.0.C=z` as lists and objects. Raises TcError."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        segments = name.split(".", SEGMENTS_MAX)
        if len(name) > NAME_CHARACTERS_MAX or len(segments) > SEGMENTS_MAX or "" in segments:
            raise refuse("UnknownParameter", echo(name))
        node = root
        for segment in segments[:-1]:
            node = node.setdefault(segment, {})
            if not isinstance(node, dict):
                raise refuse("InvalidParameter", echo(name))
        if segments[-1] in node:
            raise refuse("InvalidParameter", echo(name))
        node[segments[-1]] = value
    return Parameters({name: _listed(value, name) for name, value in root.items()}, True)


def _listed(value: Any, name: str) -> Any:
    """Objects whose members are numbers as lists, all the way down."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(member, f"{name}.{key}") for key, member in value.items()}
    if not all(_INDEX.match(key) for key in inner):
        return inner
    try:
        return [inner[str(index)] for index in range(len(inner))]
    except KeyError as error:
        raise refuse("InvalidParameter", echo(name)) from error


def _unreadable(english: str, chinese: str) -> TcError:
    return TcError("InvalidParameter", f"The request cannot be read: {english}.", f"请求无法解析：{chinese}。")


# --- parameters as an operation wants them -----------------------------------------------------------------------------

Reader = Callable[[Any, bool, str], Any]
"""(value, is it a query's, full name) to the value of the right type. Raises TcError."""


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter. Made by the functions named after its type."""

    name: str
    read: Reader
    required: bool


def text(name: str, *, required: bool = False) -> Field:
    return Field(name, _text, required)


def integer(name: str, *, required: bool = False) -> Field:
    return Field(name, _integer, required)


def flag(name: str, *, required: bool = False) -> Field:
    return Field(name, _flag, required)


def texts(name: str, *, required: bool = False) -> Field:
    return Field(name, _list_of(_text), required)


def integers(name: str, *, required: bool = False) -> Field:
    return Field(name, _list_of(_integer), required)


def objects(name: str, shape: Shape, *, required: bool = False) -> Field:
    return Field(name, _list_of(shape.typed), required)


class Shape:
    """The parameters an operation has, or the members of an object within them."""

    def __init__(self, *fields: Field) -> None:
        self.fields = {field.name: field for field in fields}
        self._required = tuple(field.name for field in fields if field.required)

    def read(self, parameters: Parameters) -> Values:
        """Raises TcError: unknown names and wrong types anywhere come before what is missing."""
        values = self.typed(parameters.members, parameters.is_text, "")
        values.check("")
        return values

    def typed(self, members: Any, is_text: bool, where: str) -> Values:
        """Members of the right types, required ones perhaps missing. where: full name of what has these members."""
        if not isinstance(members, Mapping):
            raise refuse("InvalidParameter", where)
        found: dict[str, Any] = {}
        for name, value in members.items():
            path = f"{where}.{name}" if where else name
            field = self.fields.get(name)
            if field is None:
                raise refuse("UnknownParameter", echo(path))
            if value is not None:
                found[name] = field.read(value, is_text, path)
        return Values(self, found)

    def missing(self, found: Mapping[str, Any]) -> str | None:
        """The first required name that is not there."""
        return next((name for name in self._required if name not in found), None)


class Values:
    """What was given, by name; asking for a name that the shape does not have is a bug."""

    __slots__ = ("_found", "_shape")

    def __init__(self, shape: Shape, found: Mapping[str, Any]) -> None:
        self._shape = shape
        self._found = found

    def __contains__(self, name: str) -> bool:
        """Whether it was given, and not as null."""
        return self._get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        value = self._get(name)
        return default if value is None else str(value)

    def integer(self, name: str, default: int = 0) -> int:
        value = self._get(name)
        return default if value is None else int(value)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._get(name)
        return default if value is None else bool(value)

    def texts(self, name: str) -> list[str]:
        """Empty if it was not given."""
        return list(self._get(name) or ())

    def integers(self, name: str) -> list[int]:
        """Empty if it was not given."""
        return list(self._get(name) or ())

    def objects(self, name: str) -> list[Values]:
        """Empty if it was not given."""
        return list(self._get(name) or ())

    def check(self, where: str) -> None:
        """Raises TcError if something required is missing, here or below."""
        missing = self._shape.missing(self._found)
        if missing is not None:
            raise refuse("MissingParameter", f"{where}.{missing}" if where else missing)
        for name, value in self._found.items():
            if isinstance(value, list) and value and isinstance(value[0], Values):
                for index, inner in enumerate(value):
                    inner.check(f"{where}.{name}.{index}" if where else f"{name}.{index}")

    def _get(self, name: str) -> Any:
        assert name in self._shape.fields, name
        return self._found.get(name)


def _text(value: Any, is_text: bool, name: str) -> str:
    if not isinstance(value, str) or not is_storable(value):
        raise refuse("InvalidParameter", name)
    return value


def _integer(value: Any, is_text: bool, name: str) -> int:
    if is_text and isinstance(value, str) and _INTEGER.match(value):
        value = int(value)
    if type(value) is not int or not INTEGER_MIN <= value <= INTEGER_MAX:  # a bool is an int, and not meant
        raise refuse("InvalidParameter", name)
    return value


def _flag(value: Any, is_text: bool, name: str) -> bool:
    if is_text and isinstance(value, str) and value.lower() in ("true", "false"):  # Python's SDK sends `True`
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise refuse("InvalidParameter", name)
    return value


def _list_of(read: Reader) -> Reader:
    def read_list(value: Any, is_text: bool, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise refuse("InvalidParameter", name)
        return [read(member, is_text, f"{name}.{index}") for index, member in enumerate(value)]

    return read_list


def is_storable(value: str) -> bool:
    """Whether this can be stored and sent: no lone surrogates, no NUL."""
    if "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
