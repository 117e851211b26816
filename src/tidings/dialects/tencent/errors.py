"""How errors sound in Tencent Cloud SMS: a code, and a message in the caller's language. One table for the product's errors.

Every refusal is an answer of HTTP status 200, because the SDKs take any other for a broken network.
Source: Tencent Cloud API 3.0, "Responses", "Common error codes"; SMS API reference, "Error codes".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tidings.dialects.tencent.codes import Language, text_of
from tidings.dialects.tencent.limits import ECHO_CHARACTERS_MAX
from tidings.domain import errors


class TcError(Exception):
    """A refusal in the words of the wire. chinese: None where there are no words of its own."""

    def __init__(self, code: str, english: str, chinese: str | None = None) -> None:
        super().__init__(f"{code}: {english}")
        self.code = code
        self._english = english
        self._chinese = english if chinese is None else chinese

    def message(self, language: Language) -> str:
        return self._chinese if language is Language.CHINESE else self._english


def refuse(code: str, *facts: str) -> TcError:
    """The refusal of a code that `codes` has words for; `facts` fill their placeholders."""
    return TcError(code, text_of(code, Language.ENGLISH, *facts), text_of(code, Language.CHINESE, *facts))


def echo(value: str) -> str:
    """A caller's text, short enough for a message, and such that it can be sent."""
    shown = value if len(value) <= ECHO_CHARACTERS_MAX else f"{value[:ECHO_CHARACTERS_MAX]}..."
    return shown.encode("utf-8", "replace").decode()


def translate(error: errors.TidingsError) -> TcError:
    """The wire's form of a product error: the row of its class, or of the nearest class above it."""
    for kind in type(error).__mro__:
        row = TABLE.get(kind)
        if row is not None:
            return row(error)
    raise AssertionError(f"no row for {type(error).__name__}")


_NOT_FOUND = {
    "application": "InvalidParameterValue.SdkAppIdNotExist",
    "inbound address": "ResourceNotFound.InboundAddressNotExist",
    "signature": "FailedOperation.SignIdNotExist",
    "template": "FailedOperation.TemplateIdNotExist",
}
_EXISTS = {
    "inbound address": "ResourceInUse.InboundAddressExist",
    "signature": "InvalidParameterValue.SignExistAndUnapproved",
}
_STATES = {
    "signature": "InvalidParameterValue.SignAlreadyPassedCheck",
    "template": "FailedOperation.TemplateAlreadyPassedCheck",
}
_QUOTAS = {"signatures": "FailedOperation.SignNumberLimit", "templates": "FailedOperation.TemplateNumberLimit"}
_VALUES = {
    "address": "InvalidParameterValue.InvalidInboundAddress",
    "types": "InvalidParameterValue.InvalidSmsType",
    "phone": "InvalidParameterValue.IncorrectPhoneNumber",
    "text": "InvalidParameterValue.ContentLengthLimit",
}


def _not_found(error: errors.NotFound) -> TcError:
    if error.kind == "text":
        # Unverified: the cloud names no code for a SerialNo that it does not know.
        return TcError(
            "InvalidParameterValue",
            f"There is no text with the SerialNo {echo(error.name)} of this application.",
            f"SerialNo {echo(error.name)} 不存在或不属于该应用。",
        )
    code = _NOT_FOUND.get(error.kind)
    return refuse("ResourceNotFound", error.kind) if code is None else refuse(code)


def _exists(error: errors.AlreadyExists) -> TcError:
    code = _EXISTS.get(error.kind)
    return refuse("ResourceInUse", error.kind) if code is None else refuse(code)


def _invalid(error: errors.InvalidValue) -> TcError:
    if error.field == "keywords":
        return refuse("InvalidParameterValue.KeywordConflict", error.reason)
    code = _VALUES.get(error.field)
    return refuse("InvalidParameterValue", error.field, error.reason) if code is None else refuse(code)


def _wrong_state(error: errors.WrongState) -> TcError:
    code = _STATES.get(error.kind)
    return refuse("FailedOperation", str(error)) if code is None else refuse(code)


def _quota(error: errors.QuotaExceeded) -> TcError:
    code = _QUOTAS.get(error.kind)
    return refuse("LimitExceeded", f"{error.limit} {error.kind}") if code is None else refuse(code)


def _busy(_: errors.TidingsError) -> TcError:
    return TcError("InternalError", "The service cannot take the request now: try again.", "服务暂不可用，请稍后重试。")


Row = Callable[[Any], TcError]

TABLE: dict[type[errors.TidingsError], Row] = {
    errors.TidingsError: lambda _: refuse("InternalError"),
    errors.NotAuthenticated: lambda _: refuse("AuthFailure.InvalidAuthorization"),
    errors.UnknownCredential: lambda _: refuse("AuthFailure.SecretIdNotFound"),
    errors.WrongSignature: lambda _: refuse("AuthFailure.SignatureFailure"),
    errors.RequestExpired: lambda _: refuse("AuthFailure.SignatureExpire", "-", "-"),
    errors.Denied: lambda error: refuse("AuthFailure.UnauthorizedOperation", error.action, error.resource),
    errors.NotFound: _not_found,
    errors.AlreadyExists: _exists,
    errors.InvalidValue: _invalid,
    errors.InvalidToken: _invalid,
    errors.WrongState: _wrong_state,
    errors.OptedOut: lambda _: refuse("FailedOperation.PhoneNumberInBlacklist"),
    errors.QuotaExceeded: _quota,
    errors.Throttled: lambda _: refuse("RequestLimitExceeded"),
    errors.Unavailable: _busy,
    errors.Conflict: _busy,
}


@contextmanager
def values_named(names: Mapping[str, str]) -> Iterator[None]:
    """Tell InvalidValue by what its field is called on the wire: a parameter, or a code that says all (it has a dot)."""
    try:
        yield
    except errors.InvalidValue as error:
        name = names.get(error.field)
        if name is None:
            raise
        raise (refuse(name) if "." in name else refuse("InvalidParameterValue", name, error.reason)) from error


def failed(status: int, detail: str) -> TcError:
    """What the server itself found out: a request too large or not as we take HTTP, a fault of ours, stopping."""
    if status == 413:
        return refuse("RequestSizeLimitExceeded")
    if status == 429:
        return refuse("RequestLimitExceeded")
    if status == 503:
        return _busy(errors.Unavailable())
    if status >= 500:
        return refuse("InternalError")
    return TcError("InvalidParameter", f"The request cannot be read: {echo(detail)}", f"请求无法解析：{echo(detail)}")
