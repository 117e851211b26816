"""Tencent Cloud SMS as its users reach it: the vendor's SDK unmodified.

The SDK blocks: in a test with an event loop of its own, say `await asyncio.to_thread(sms.DescribePhoneNumberInfo, request)`.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111 import models
from tencentcloud.sms.v20210111.sms_client import SmsClient

from tests.support.server import KEY_ID, SECRET

TC3, SHA1, SHA256 = "TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256"
VERSION, MANAGEMENT_VERSION = "2021-01-11", "2026-11-01"
REGION = "ap-guangzhou"


def profile(
    endpoint: str, *, method: str = "POST", signing: str = TC3, language: str = "en-US", unsigned: bool = False
) -> ClientProfile:
    """endpoint: host and port, no scheme. unsigned: leave the body out of the signature."""
    http = HttpProfile(protocol="http", endpoint=endpoint, reqMethod=method, reqTimeout=30)
    made = ClientProfile(signMethod=signing, httpProfile=http, language=language)
    made.unsignedPayload = unsigned
    return made


def sms_client(
    endpoint: str, key_id: str = KEY_ID, secret: str = SECRET, token: str | None = None, **options: Any
) -> SmsClient:
    """The SDK's client of SMS; `options` go to `profile`."""
    return SmsClient(Credential(key_id, secret, token), REGION, profile(endpoint, **options))


def common_client(
    endpoint: str,
    version: str = MANAGEMENT_VERSION,
    key_id: str = KEY_ID,
    secret: str = SECRET,
    *,
    service: str = "sms",
    **options: Any,
) -> CommonClient:
    """The SDK's client for any version: `call_json(action, {...})["Response"]`. `options` go to `profile`."""
    return CommonClient(service, version, Credential(key_id, secret), REGION, profile(endpoint, **options))


def tc3_headers(
    body: bytes,
    host: str,
    action: str,
    version: str = VERSION,
    *,
    query: str = "",
    signed_in: tuple[str, str] = (KEY_ID, SECRET),
) -> dict[str, str]:
    """The headers of a call that TC3-HMAC-SHA256 signs as it is, for bodies and queries that no SDK would send. With a query it is a GET.

    Source: Tencent Cloud API 3.0, "Signature algorithm v3".
    """
    key_id, secret = signed_in
    method, kind = ("GET", "application/x-www-form-urlencoded") if query else ("POST", "application/json")
    now = int(time.time())
    day = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
    signed = f"content-type:{kind}\nhost:{host}\n"
    canonical = "\n".join((method, "/", query, signed, "content-type;host", hashlib.sha256(body).hexdigest()))
    scope = f"{day}/sms/tc3_request"
    text = f"TC3-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{secret}".encode()
    for part in (day, "sms", "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    return {
        "Host": host,
        "Content-Type": kind,
        "X-TC-Action": action,
        "X-TC-Version": version,
        "X-TC-Timestamp": str(now),
        "Authorization": f"TC3-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders=content-type;host, Signature={signature}",
    }


def request_of(operation: str, **given: Any) -> Any:
    """The SDK's request object of an operation; lists of dicts become its models."""
    request = getattr(models, f"{operation}Request")()
    request._deserialize(given)
    return request


def ask(sms: SmsClient, operation: str, **given: Any) -> Any:
    """Call an operation by its name and give the SDK's answer object."""
    return getattr(sms, operation)(request_of(operation, **given))


@contextmanager
def refused(code: str) -> Iterator[pytest.ExceptionInfo[TencentCloudSDKException]]:
    """What happens inside must be refused with this code, and with an id of the request."""
    with pytest.raises(TencentCloudSDKException) as caught:
        yield caught
    error = caught.value
    assert error.get_code() == code, error
    assert len(error.get_request_id() or "") == 36
