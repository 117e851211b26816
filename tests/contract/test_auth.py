"""Signatures: who is let in, and what everybody else is told."""

from __future__ import annotations

import datetime
import hashlib
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from tests.support.server import KEY_ID, SECRET, Server
from tests.support.wire import exchange, query, signed_post

LIST = query("ListTopics")


def _code(server: Server, request: bytes) -> tuple[int, str]:
    answer = exchange(server.port, request)
    assert answer is not None
    assert answer.headers["content-type"].startswith("text/xml")
    assert "x-amzn-requestid" in answer.headers
    _, _, rest = answer.body.partition(b"<Code>")
    return answer.status, rest.partition(b"</Code>")[0].decode()


def test_a_good_signature_is_let_in(server: Server) -> None:
    assert _code(server, signed_post(server.port, LIST)) == (200, "")


def test_an_unknown_key_is_told_so(server: Server) -> None:
    assert _code(server, signed_post(server.port, LIST, key_id="nobody")) == (403, "InvalidClientTokenId")


def test_a_wrong_secret_is_told_so(server: Server) -> None:
    assert _code(server, signed_post(server.port, LIST, secret="wrong-secret")) == (403, "SignatureDoesNotMatch")


def test_a_changed_body_breaks_the_signature(server: Server) -> None:
    changed = signed_post(server.port, LIST).replace(b"ListTopics", b"ListTopicz")
    assert _code(server, changed)[0] in (400, 403)


def test_no_signature_at_all(server: Server) -> None:
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(LIST) + LIST
    assert _code(server, request) == (403, "MissingAuthenticationToken")


def test_a_header_that_lacks_a_part(server: Server) -> None:
    request = signed_post(server.port, LIST).replace(b"SignedHeaders=", b"SignedNothing=")
    assert _code(server, request) == (400, "IncompleteSignature")


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_clock_that_is_too_far_off(server: Server, minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: then.replace(tzinfo=None))
    status, code = _code(server, signed_post(server.port, LIST))
    assert (status, code) == (403, "SignatureDoesNotMatch")


def test_a_region_is_a_name_space_of_its_own(server: Server, topic_name: str) -> None:
    here, there = server.sns(region="eu-west-1"), server.sns(region="ap-southeast-2")
    arn = here.create_topic(Name=topic_name)["TopicArn"]
    assert ":eu-west-1:" in arn
    assert arn not in [topic["TopicArn"] for topic in there.list_topics()["Topics"]]
    with pytest.raises(ClientError, match="InvalidParameter"):
        there.get_topic_attributes(TopicArn=arn)


def test_a_pre_signed_url_works_until_it_expires(server: Server) -> None:
    request = AWSRequest("GET", f"{server.url}/?Action=ListTopics&Version=2010-03-31")
    SigV4QueryAuth(Credentials(KEY_ID, SECRET), "sns", "us-east-1", expires=60).add_auth(request)
    with urlopen(Request(request.url)) as answer:
        assert answer.status == 200
    broken = request.url.replace("ListTopics", "ListSubscriptions")
    with pytest.raises(HTTPError) as caught:
        urlopen(Request(broken))
    with caught.value:
        assert caught.value.code == 403


def test_many_signed_headers_are_verified_as_listed(server: Server) -> None:
    request = AWSRequest("POST", f"{server.url}/", data=LIST)
    request.headers["Content-Type"] = "application/x-www-form-urlencoded"
    request.headers["X-Amz-Content-Sha256"] = hashlib.sha256(LIST).hexdigest()
    request.headers["Amz-Sdk-Request"] = "attempt=1;  max=3"
    SigV4Auth(Credentials(KEY_ID, SECRET), "sns", "us-east-1").add_auth(request)
    headers: dict[str, Any] = dict(request.headers.items())
    with urlopen(Request(f"{server.url}/", data=LIST, headers=headers)) as answer:
        assert answer.status == 200


def test_an_action_that_is_not_there_yet_says_so(server: Server) -> None:
    with pytest.raises(ClientError, match="not offered") as caught:
        server.sns().list_platform_applications()
    assert caught.value.response["Error"]["Code"] == "InvalidAction"


def test_unsubscribe_is_throttled_with_an_error_that_sdks_retry(server: Server) -> None:
    sns = server.sns(retries={"total_max_attempts": 1})
    absent = "arn:aws:sns:us-east-1:000000000000:none:00000000-0000-4000-8000-000000000000"

    def too_many() -> None:
        for _ in range(400):
            sns.unsubscribe(SubscriptionArn=absent)

    with pytest.raises(ClientError) as caught:
        too_many()
    assert caught.value.response["Error"]["Code"] == "Throttling"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 429)
    patient = server.sns(retries={"total_max_attempts": 8, "mode": "standard"})
    patient.unsubscribe(SubscriptionArn=absent)
