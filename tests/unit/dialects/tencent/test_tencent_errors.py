"""Every error of the product has a row in the table, and sounds as applications of this cloud expect."""

from __future__ import annotations

import re

import pytest
from tencentcloud.sms.v20210111 import errorcodes

from tidings.dialects.tencent.codes import COMMON, MANAGING, SENDING, TEXTS, Language, text_of
from tidings.dialects.tencent.errors import TABLE, TcError, echo, failed, refuse, translate
from tidings.domain import errors

EXAMPLES: list[tuple[errors.TidingsError, str]] = [
    (errors.TidingsError(), "InternalError"),
    (errors.NotAuthenticated(), "AuthFailure.InvalidAuthorization"),
    (errors.UnknownCredential(), "AuthFailure.SecretIdNotFound"),
    (errors.WrongSignature(), "AuthFailure.SignatureFailure"),
    (errors.RequestExpired(), "AuthFailure.SignatureExpire"),
    (errors.Denied("p", "sms:SendSms", "r"), "AuthFailure.UnauthorizedOperation"),
    (errors.NotFound("inbound address"), "ResourceNotFound.InboundAddressNotExist"),
    (errors.NotFound("application"), "InvalidParameterValue.SdkAppIdNotExist"),
    (errors.NotFound("template"), "FailedOperation.TemplateIdNotExist"),
    (errors.NotFound("record"), "ResourceNotFound"),
    (errors.AlreadyExists("inbound address"), "ResourceInUse.InboundAddressExist"),
    (errors.AlreadyExists("application"), "ResourceInUse"),
    (errors.InvalidValue("keywords", "two sets"), "InvalidParameterValue.KeywordConflict"),
    (errors.InvalidValue("address"), "InvalidParameterValue.InvalidInboundAddress"),
    (errors.InvalidValue("types"), "InvalidParameterValue.InvalidSmsType"),
    (errors.InvalidValue("phone"), "InvalidParameterValue.IncorrectPhoneNumber"),
    (errors.InvalidValue("reason", "empty"), "InvalidParameterValue"),
    (errors.InvalidToken(), "InvalidParameterValue"),
    (errors.MalformedToken(), "InvalidParameterValue"),
    (errors.TokenExpired(), "InvalidParameterValue"),
    (errors.WrongState("opt-out", "fresh", "lift"), "FailedOperation"),
    (errors.WrongState("template", "approved", "change it"), "FailedOperation.TemplateAlreadyPassedCheck"),
    (errors.WrongState("signature", "approved", "change it"), "InvalidParameterValue.SignAlreadyPassedCheck"),
    (errors.AlreadyExists("signature", "content"), "InvalidParameterValue.SignExistAndUnapproved"),
    (errors.OptedOut("+1"), "FailedOperation.PhoneNumberInBlacklist"),
    (errors.QuotaExceeded("templates", 1), "FailedOperation.TemplateNumberLimit"),
    (errors.QuotaExceeded("keywords", 1), "LimitExceeded"),
    (errors.Throttled(), "RequestLimitExceeded"),
    (errors.Unavailable(), "InternalError"),
    (errors.Conflict(), "InternalError"),
]


@pytest.mark.parametrize(("error", "code"), EXAMPLES, ids=repr)
def test_product_errors_sound_as_the_cloud(error: errors.TidingsError, code: str) -> None:
    assert translate(error).code == code


def test_every_error_of_the_product_has_an_example() -> None:
    tree = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)}
    assert {type(error) for error, _ in EXAMPLES} == tree
    assert set(TABLE) <= tree


def test_codes_of_the_sms_api_are_spelled_as_in_the_sdk() -> None:
    known = {value for name, value in vars(errorcodes).items() if name.isupper()}
    own = {code for code in MANAGING if "Inbound" in code or "Keyword" in code}
    assert own == {
        "InvalidParameterValue.InvalidInboundAddress",
        "InvalidParameterValue.KeywordConflict",
        "ResourceInUse.InboundAddressExist",
        "ResourceNotFound.InboundAddressNotExist",
    }
    assert (SENDING.keys() | MANAGING.keys()) - known == own
    assert not COMMON.keys() & (SENDING.keys() | MANAGING.keys())


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_both_languages_tell_the_same_facts(code: str) -> None:
    english, chinese = TEXTS[code]
    assert sorted(re.findall(r"\{\d\}", english)) == sorted(re.findall(r"\{\d\}", chinese))
    assert english.isascii()
    assert not chinese.isascii()


def test_a_refusal_knows_both_languages() -> None:
    error = refuse("MissingParameter", "Limit")
    assert error.message(Language.ENGLISH) == "The parameter Limit is required."
    assert error.message(Language.CHINESE) == text_of("MissingParameter", Language.CHINESE, "Limit") != str(error)
    assert TcError("X", "only english").message(Language.CHINESE) == "only english"


def test_what_a_caller_sent_is_shown_shortened_and_sendable() -> None:
    assert echo("x" * 1000) == "x" * 64 + "..."
    assert echo("a\ud800") == "a?"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "InvalidParameter"),
        (408, "InvalidParameter"),
        (413, "RequestSizeLimitExceeded"),
        (429, "RequestLimitExceeded"),
        (500, "InternalError"),
        (503, "InternalError"),
    ],
)
def test_what_the_server_finds_out_has_a_code(status: int, code: str) -> None:
    assert failed(status, "detail").code == code


def test_what_the_service_of_texts_refuses_has_the_clouds_code() -> None:
    assert translate(errors.NotFound("application", "1400006666")).code == "InvalidParameterValue.SdkAppIdNotExist"
    assert translate(errors.InvalidValue("text", "too long")).code == "InvalidParameterValue.ContentLengthLimit"
    unknown = translate(errors.NotFound("text", "x" * 1000))
    assert unknown.code == "InvalidParameterValue"
    assert len(unknown.message(Language.ENGLISH)) < 200
