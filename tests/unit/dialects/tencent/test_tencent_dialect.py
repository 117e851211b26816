"""The dialect behind a real port, called with the vendor's SDK: who is let in, what is found, how refusals look."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from tests.support.tencent import SHA1, SHA256, TC3, VERSION, common_client, refused
from tests.unit.dialects.tencent.exchange import LIMITED_KEY, Exchange

from tidings.dialects.contract import Claim, WireRequest
from tidings.dialects.smn import SmnDialect
from tidings.dialects.sns import SnsDialect
from tidings.dialects.tencent import TencentDialect, auth
from tidings.domain.errors import Throttled

NUMBERS = {"PhoneNumberSet": ["+8618501234444", "+12025550123"]}
LOOK_UP = "DescribePhoneNumberInfo"
WAYS = [
    {"method": "POST"},
    {"method": "GET"},
    {"method": "POST", "unsigned": True},
    {"method": "GET", "unsigned": True},
    {"method": "POST", "signing": SHA1},
    {"method": "GET", "signing": SHA1},
    {"method": "POST", "signing": SHA256},
    {"method": "GET", "signing": SHA256},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
async def test_a_signed_call_is_answered(exchange: Exchange, way: dict[str, Any]) -> None:
    answer = await exchange.ask(LOOK_UP, NUMBERS, **way)
    assert [(info.Code, info.PhoneNumber) for info in answer.PhoneNumberInfoSet] == [
        ("Ok", "+8618501234444"),
        ("Ok", "+12025550123"),
    ]
    assert uuid.UUID(answer.RequestId)
    assert exchange.dialect.requests[0].method == way["method"]


@pytest.mark.parametrize("way", WAYS, ids=str)
async def test_a_wrong_secret_is_a_signature_failure(exchange: Exchange, way: dict[str, Any]) -> None:
    with refused("AuthFailure.SignatureFailure"):
        await exchange.ask(LOOK_UP, NUMBERS, secret="another", **way)


@pytest.mark.parametrize("signing", [TC3, SHA1])
async def test_an_unknown_secret_id_is_not_found(exchange: Exchange, signing: str) -> None:
    with refused("AuthFailure.SecretIdNotFound"):
        await exchange.ask(LOOK_UP, NUMBERS, key_id="NOBODY", signing=signing)


@pytest.mark.parametrize("signing", [TC3, SHA1])
async def test_what_cannot_be_a_secret_id_is_called_so(exchange: Exchange, signing: str) -> None:
    with refused("AuthFailure.InvalidSecretId"):
        await exchange.ask(LOOK_UP, NUMBERS, key_id="x" * 129, signing=signing)


@pytest.mark.parametrize("signing", [TC3, SHA1])
async def test_a_token_is_no_credential_here(exchange: Exchange, signing: str) -> None:
    with refused("AuthFailure.TokenFailure"):
        await exchange.ask(LOOK_UP, NUMBERS, token="temporary", signing=signing)


@pytest.mark.parametrize("signing", [TC3, SHA1])
@pytest.mark.parametrize("seconds", [-302, 302])
async def test_a_request_of_another_time_is_expired(exchange: Exchange, signing: str, seconds: int) -> None:
    exchange.clock.advance(seconds)
    with refused("AuthFailure.SignatureExpire"):
        await exchange.ask(LOOK_UP, NUMBERS, signing=signing)


@pytest.mark.parametrize("seconds", [-290, 290])
async def test_five_minutes_are_forgiven(exchange: Exchange, seconds: int) -> None:
    exchange.clock.advance(seconds)
    await exchange.ask(LOOK_UP, NUMBERS)


async def test_the_key_comes_before_the_time_and_the_time_before_the_signature(exchange: Exchange) -> None:
    exchange.clock.advance(3600)
    with refused("AuthFailure.SecretIdNotFound"):
        await exchange.ask(LOOK_UP, NUMBERS, key_id="NOBODY", secret="another")
    with refused("AuthFailure.SignatureExpire"):
        await exchange.ask(LOOK_UP, NUMBERS, secret="another")


async def test_the_signature_comes_before_the_version_and_that_before_the_action(exchange: Exchange) -> None:
    with refused("AuthFailure.SignatureFailure"):
        await exchange.call("Nothing", {}, version="2019-07-11", secret="another")
    with refused("NoSuchVersion"):
        await exchange.call("Nothing", {}, version="2019-07-11")
    with refused("InvalidAction"):
        await exchange.call("Nothing", {"What": 1}, version=VERSION)
    with refused("InvalidAction"):
        await exchange.call(LOOK_UP, NUMBERS)  # of another version


async def test_types_come_before_what_is_missing(exchange: Exchange) -> None:
    with refused("MissingParameter"):
        await exchange.call(LOOK_UP, {}, version=VERSION)
    with refused("InvalidParameter"):
        await exchange.call(LOOK_UP, {"PhoneNumberSet": "+8618501234444"}, version=VERSION)
    with refused("InvalidParameter"):
        await exchange.call(LOOK_UP, {"PhoneNumberSet": [8618501234444]}, version=VERSION)
    with refused("UnknownParameter"):
        await exchange.call(LOOK_UP, {"PhoneNumbers": []}, version=VERSION)


async def test_the_signature_is_checked_before_the_body_is_read(exchange: Exchange) -> None:
    right = common_client(exchange.endpoint, VERSION)
    wrong = common_client(exchange.endpoint, VERSION, secret="another")
    # call_octet_stream signs any bytes, but as another type than JSON: so its signing is used, and the type put right.
    for client, code in ((right, "InvalidParameter"), (wrong, "AuthFailure.SignatureFailure")):
        answer = await exchange.aside(lambda signer=client: _post_signed(exchange, signer, b"{broken"))
        assert answer["Error"]["Code"] == code


def _post_signed(exchange: Exchange, client: Any, body: bytes) -> dict[str, Any]:
    secret = client.credential.secret_key
    stamp = str(int(time.time()))
    headers = {
        "content-type": "application/json",
        "host": exchange.endpoint,
        "x-tc-action": LOOK_UP,
        "x-tc-version": VERSION,
        "x-tc-timestamp": stamp,
    }
    date = time.strftime("%Y-%m-%d", time.gmtime(int(stamp)))
    request = WireRequest("POST", "/", "", headers, body, "", "http", exchange.endpoint, "")
    canonical = auth.canonical_request(request, ("content-type", "host"), lowered=False)
    headers["authorization"] = (
        f"TC3-HMAC-SHA256 Credential={client.credential.secret_id}/{date}/sms/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={auth.sign(secret, date, stamp, canonical)}"
    )
    _, _, answer = _send(exchange, "POST", "/", body, headers)
    return answer


def _send(
    exchange: Exchange, method: str, target: str, body: bytes | None, headers: dict[str, str]
) -> tuple[int, str, dict[str, Any]]:
    """Status, type and what is within `Response`."""
    connection = http.client.HTTPConnection(exchange.endpoint, timeout=30)
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        raw = answer.read()
        return answer.status, answer.getheader("Content-Type", ""), json.loads(raw)["Response"] if raw else {}
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-TC-Version": VERSION, "X-TC-Timestamp": "1"}, "AuthFailure.InvalidAuthorization"),
        ({"X-TC-Version": VERSION, "X-TC-Timestamp": "1", "Authorization": "SKIP"}, "AuthFailure.InvalidAuthorization"),
        ({"X-TC-Timestamp": "1"}, "MissingParameter"),
        ({"X-TC-Version": VERSION}, "MissingParameter"),
        ({"X-TC-Version": VERSION, "X-TC-Timestamp": "now"}, "InvalidParameter"),
        ({"X-TC-Version": VERSION, "X-TC-Timestamp": "1", "Content-Type": "text/plain"}, "UnsupportedProtocol"),
    ],
)
async def test_what_is_not_of_the_form_of_a_call_is_refused_as_such(
    exchange: Exchange, headers: dict[str, str], code: str
) -> None:
    given = {"X-TC-Action": LOOK_UP, "Content-Type": "application/json"} | headers
    status, kind, answer = await exchange.aside(lambda: _send(exchange, "POST", "/", b"{}", given))
    assert (status, kind, answer["Error"]["Code"]) == (200, "application/json", code)
    assert uuid.UUID(answer["RequestId"])


async def test_other_methods_are_not_supported(exchange: Exchange) -> None:
    _, _, answer = await exchange.aside(lambda: _send(exchange, "PUT", "/", b"{}", {"X-TC-Action": LOOK_UP}))
    assert answer["Error"]["Code"] == "UnsupportedProtocol"


async def test_another_product_is_not_here(exchange: Exchange) -> None:
    with refused("NoSuchProduct"):
        await exchange.call(LOOK_UP, NUMBERS, service="cvm")


async def test_messages_are_chinese_unless_english_is_asked_for(exchange: Exchange) -> None:
    for signing in (TC3, SHA1):
        for language, has_chinese in (("zh-CN", True), ("en-US", False)):
            with refused("InvalidAction") as caught:
                await exchange.call("Nothing", {}, signing=signing, language=language)
            assert ("接口" in caught.value.get_message()) is has_chinese


async def test_a_body_that_is_too_large_is_refused_in_the_clouds_form(exchange: Exchange) -> None:
    with refused("RequestSizeLimitExceeded"):
        await exchange.ask(LOOK_UP, {"PhoneNumberSet": ["+86" + "1" * 200_000]})


async def test_a_fault_of_ours_is_an_internal_error(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(exchange.dialect, "_registry")
    with refused("InternalError"):
        await exchange.ask(LOOK_UP, NUMBERS)


async def test_what_the_product_refuses_sounds_as_the_cloud(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(*_: str) -> None:
        raise Throttled

    monkeypatch.setattr(exchange.dialect._registry, "find", find)
    with refused("RequestLimitExceeded"):
        await exchange.ask(LOOK_UP, NUMBERS)


@pytest.mark.parametrize(("status", "code"), [(400, "InvalidParameter"), (429, "RequestLimitExceeded")])
def test_what_the_server_finds_out_is_told_with_status_200(status: int, code: str) -> None:
    request = WireRequest("POST", "/", "", {"x-tc-language": "en-US"}, b"", "", "http", "", "id")
    answer = TencentDialect.failure(TencentDialect.__new__(TencentDialect), request, status, "so")
    assert answer.status == 200
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body)["Response"]["Error"]["Code"] == code


async def test_a_user_with_other_actions_may_not_look_numbers_up(exchange: Exchange) -> None:
    with refused("AuthFailure.UnauthorizedOperation") as caught:
        await exchange.ask(LOOK_UP, NUMBERS, key_id=LIMITED_KEY)
    assert "sms:DescribePhoneNumberInfo" in caught.value.get_message()


async def test_a_disabled_key_is_let_in_no_more(exchange: Exchange) -> None:
    await exchange.ask(LOOK_UP, NUMBERS, key_id="tidings")
    await exchange.accounts.set_key("tidings", disabled=True)
    with refused("AuthFailure.SecretIdNotFound"):
        await exchange.ask(LOOK_UP, NUMBERS, key_id="tidings")


async def test_the_window_is_the_servers(exchange: Exchange) -> None:
    assert exchange.services.skew == timedelta(seconds=300)


def wire(method: str, query: str = "", body: bytes = b"", path: str = "/", **headers: str) -> WireRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WireRequest(method, path, query, named, body, "", "http", "h", "id")


@pytest.mark.parametrize(
    ("request_", "tencent"),
    [
        (wire("POST", x_tc_action="SendSms"), True),
        (wire("GET", "PhoneNumberSet.0=1", x_tc_action="SendSms"), True),
        (wire("POST", authorization="TC3-HMAC-SHA256 Credential=a"), True),
        (wire("GET", "Action=SendSms&SecretId=a&Signature=b"), True),
        (wire("GET", "SecretId=a&Signature=b"), True),
        (wire("POST", body=b"Action=SendSms&SecretId=a&Signature=b"), True),
        (wire("POST", body=b"Signature=b&SecretId=a"), True),
        (wire("POST", body=b"Action=Publish&Message=SecretId%3D", authorization="AWS4-HMAC-SHA256 x"), False),
        (
            wire("POST", body=b"Action=Publish&Message=a&SecretId=a&Signature=b", authorization="AWS4-HMAC-SHA256"),
            False,
        ),
        (wire("POST", body=b"Action=Unsubscribe&SubscriptionArn=a"), False),
        (wire("POST", body=b"Action=Publish&Version=2010-03-31&Message=SecretId=a&X-Amz-Signature=b"), False),
        (wire("POST", body=b"Action=ConfirmSubscription&Version=2010-03-31&Token=SecretId%3Da%26Signature%3Db"), False),
        (wire("POST", body=b"Action=Publish&Version=2010-03-31&AWSAccessKeyId=a&Signature=b"), False),
        (wire("GET", "Action=Publish&Version=2010-03-31&Message=SecretId%3Da&X-Amz-Signature=b"), False),
        (wire("POST", body=b"Action=Unsubscribe&MySecretId=a&Signature=b"), False),
        (wire("GET", "Action=Unsubscribe&SubscriptionArn=a"), False),
        (wire("GET", "Action=ListTopics&X-Amz-Signature=b"), False),
    ],
)
def test_a_call_of_the_root_belongs_to_one_cloud(request_: WireRequest, tencent: bool) -> None:
    fronts = (TencentDialect, SmnDialect, SnsDialect)
    first = next(front for front in fronts if front.claim(front.__new__(front), request_) is Claim.OWN)
    assert first is (TencentDialect if tencent else SnsDialect)


def test_other_paths_are_not_ours() -> None:
    dialect = TencentDialect.__new__(TencentDialect)
    assert not dialect.claim(wire("POST", path="/v2", x_tc_action="SendSms"))
    assert not dialect.claim(wire("GET"))
