"""The public links: with the SDK (which signs them, in vain), and as a web hook, a mail scanner and a stranger open them."""

from __future__ import annotations

import http.client
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.patience import PATIENCE_S
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import ACCOUNT, PROJECT, REGION, Http, Reply, ask, refused, request_of, smn_client
from tests.support.smtp import Mailbox

CONFIRM, UNSUBSCRIBE = "/smn/subscription/confirm", "/smn/subscription/unsubscribe"
API = ("SubscribeTopic", "ConfirmSubscription")
CANCELS = ("UnsubscribeTopic", "UnsubscribeSubscription")
PUBLIC_URL = "https://notices.example"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("links")
    # Every test comes from one address, and the links' own bounds are not what these tests are about.
    rates = {"TIDINGS_UNSUBSCRIBE_RATE": "10000", "TIDINGS_ANONYMOUS_RATE": "10000"}
    server = Server(folder, environment={"TIDINGS_SMTP_URL": mailbox.url, **rates}).start()
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def anybody(server: Server) -> Http:
    return Http(server)


def get(anybody: Http, path: str, **query: str) -> Reply:
    return anybody("GET", f"{path}?{urlencode(query)}")


def open_url(anybody: Http, url: str) -> Reply:
    parts = urlsplit(url)
    return anybody("GET", f"{parts.path}?{parts.query}")


def status(smn: SmnClient, topic_urn: str) -> int:
    (item,) = ask(smn, "ListSubscriptionsByTopic", topic_urn=topic_urn)["subscriptions"]
    found: int = item["status"]
    return found


@pytest.fixture
def hook(smn: SmnClient, topic_urn: str, receiver: Receiver) -> dict[str, str]:
    """An unconfirmed web hook: its URN and what its request's link holds."""
    body = {"protocol": "http", "endpoint": receiver.url}
    urn = ask(smn, "AddSubscription", topic_urn=topic_urn, body=body)["subscription_urn"]
    link = receiver.wait_for_type("SubscriptionConfirmation").json["subscribe_url"]
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    return {"urn": urn, "link": link, "endpoint": receiver.url, **query}


# --- confirming -----------------------------------------------------------------------------------------------------------------


def test_the_link_of_a_request_says_where_and_what(hook: dict[str, str], topic_urn: str) -> None:
    assert urlsplit(hook["link"]).path == CONFIRM
    assert (hook["topic_urn"], hook["region"], hook["region_id"]) == (topic_urn, REGION, REGION)
    assert re.fullmatch("[0-9a-f]{64}", hook["token"])


@pytest.mark.parametrize("operation", API)
def test_the_sdk_confirms_twice_with_any_credentials(
    server: Server, smn: SmnClient, topic_urn: str, hook: dict[str, str], operation: str
) -> None:
    stranger = smn_client(server, "nobody", "nobodys-secret")
    for _ in range(2):
        answer = ask(stranger, operation, token=hook["token"], topic_urn=topic_urn, endpoint=hook["endpoint"])
        assert answer["subscription_urn"] == hook["urn"]
    assert status(smn, topic_urn) == 1


def test_a_web_hook_confirms_by_opening_its_link(
    anybody: Http, smn: SmnClient, topic_urn: str, hook: dict[str, str]
) -> None:
    for _ in range(2):
        reply = open_url(anybody, hook["link"])
        assert (reply.status, reply.body["subscription_urn"]) == (200, hook["urn"])
        assert reply.headers["x-request-id"] == reply.body["request_id"]
    assert status(smn, topic_urn) == 1


@pytest.mark.parametrize("path", [CONFIRM, "/v2/notifications/subscriptions/subscribe"])
def test_what_does_not_belong_together_confirms_nothing(
    anybody: Http, smn: SmnClient, topic_urn: str, hook: dict[str, str], path: str
) -> None:
    other = ask(smn, "CreateTopic", body={"name": f"{topic_urn.rpartition(':')[2]}-2"})["topic_urn"]
    token = hook["token"]
    wrong: list[tuple[dict[str, str], int, str]] = [
        ({"topic_urn": topic_urn}, 400, "SMN.0019"),
        ({"token": "", "topic_urn": topic_urn}, 400, "SMN.0019"),
        ({"token": token}, 400, "SMN.0019"),
        ({"token": token, "endpoint": hook["endpoint"]}, 400, "SMN.0019"),
        ({"topic_urn": topic_urn, "endpoint": hook["endpoint"]}, 400, "SMN.0019"),
        ({"token": token, "topic_urn": "x"}, 400, "SMN.0005"),
        ({"token": token, "topic_urn": hook["urn"]}, 400, "SMN.0005"),
        ({"token": token, "topic_urn": other}, 403, "SMN.0022"),
        ({"token": token, "topic_urn": f"{topic_urn}-not"}, 403, "SMN.0022"),
        ({"token": token, "topic_urn": topic_urn, "endpoint": "http://elsewhere.example"}, 403, "SMN.0022"),
        ({"token": "0" * 64, "topic_urn": topic_urn}, 403, "SMN.0022"),
        ({"token": "x", "topic_urn": topic_urn}, 403, "SMN.0022"),
        ({"token": "p" + "A" * 43, "topic_urn": topic_urn}, 403, "SMN.0022"),
        ({"token": "p", "topic_urn": topic_urn}, 403, "SMN.0022"),
        ({"token": "\u00e9" * 64, "topic_urn": topic_urn}, 403, "SMN.0022"),
    ]
    for query, code_status, code in wrong:
        reply = get(anybody, path, **query)
        assert (reply.status, reply.code) == (code_status, code), query
        assert set(reply.body) == {"request_id", "code", "message"}
    assert status(smn, topic_urn) == 0


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_no_other_method_acts(
    server: Server, smn: SmnClient, topic_urn: str, hook: dict[str, str], method: str
) -> None:
    cancel = f"{UNSUBSCRIBE}?{urlencode({'subscription_urn': hook['urn']})}"
    # A POST to a cancel link is RFC 8058's way out; a confirmation is never posted.
    for path in (hook["link"].removeprefix(server.url), *([] if method == "POST" else [cancel])):
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
            connection.request(method, path)
            assert connection.getresponse().status != 200
    assert status(smn, topic_urn) == 0


# --- canceling ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", CANCELS)
def test_the_sdk_cancels_and_is_told_the_way_back(
    server: Server,
    anybody: Http,
    smn: SmnClient,
    topic_urn: str,
    hook: dict[str, str],
    receiver: Receiver,
    operation: str,
) -> None:
    open_url(anybody, hook["link"])
    stranger = smn_client(server, "nobody", "nobodys-secret")
    message = ask(stranger, operation, subscription_urn=hook["urn"])["message"]
    assert hook["urn"] in message
    assert status(smn, topic_urn) == 3
    receiver.wait_for_type("UnsubscribeConfirmation")
    again = ask(stranger, operation, subscription_urn=hook["urn"])["message"]
    assert "http" not in again, "twice changes nothing and opens no second way back"

    link = re.search(r"https?://\S+", message)
    assert link is not None
    assert urlsplit(link[0]).path == CONFIRM
    assert open_url(anybody, link[0]).body["subscription_urn"] == hook["urn"]
    assert status(smn, topic_urn) == 1
    assert len(receiver.of_type("UnsubscribeConfirmation")) == 1


def test_a_web_hook_cancels_by_the_link_of_a_message(
    anybody: Http, smn: SmnClient, topic_urn: str, hook: dict[str, str], receiver: Receiver
) -> None:
    open_url(anybody, hook["link"])
    ask(smn, "PublishMessage", topic_urn=topic_urn, body={"message": "m"})
    link = receiver.wait_for_type("Notification").json["unsubscribe_url"]
    query = parse_qs(urlsplit(link).query)
    assert urlsplit(link).path == UNSUBSCRIBE
    assert query == {"subscription_urn": [hook["urn"]], "region": [REGION], "region_id": [REGION]}
    reply = open_url(anybody, link)
    assert (reply.status, list(reply.body)) == (200, ["request_id", "message"])
    assert status(smn, topic_urn) == 3
    back = receiver.wait_for_type("UnsubscribeConfirmation").json["subscribe_url"]
    assert open_url(anybody, back).status == 200
    assert status(smn, topic_urn) == 1


def test_an_unconfirmed_one_is_declined_without_a_way_back(
    anybody: Http, smn: SmnClient, topic_urn: str, hook: dict[str, str]
) -> None:
    reply = get(anybody, UNSUBSCRIBE, subscription_urn=hook["urn"])
    assert reply.status == 200
    assert "http" not in reply.body["message"]
    assert status(smn, topic_urn) == 3
    assert open_url(anybody, hook["link"]).code == "SMN.0022"
    assert status(smn, topic_urn) == 3


@pytest.mark.parametrize("path", [UNSUBSCRIBE, "/rest/v2/notifications/subscription/unsubscribe"])
def test_a_subscription_that_is_none_cannot_be_canceled(anybody: Http, topic_urn: str, path: str) -> None:
    for urn, code_status, code in (
        ("", 400, "SMN.0019"),
        ("x", 400, "SMN.0014"),
        (topic_urn, 400, "SMN.0014"),
        (f"{topic_urn}:{'0' * 32}", 404, "SMN.0013"),
    ):
        reply = get(anybody, path, subscription_urn=urn)
        assert (reply.status, reply.code) == (code_status, code)
    assert anybody("GET", path).code == "SMN.0019"
    assert anybody("GET", f"{path}?subscription_urn=%ff").status == 400


def test_the_urn_must_be_the_subscriptions_own(anybody: Http, topic_urn: str, hook: dict[str, str]) -> None:
    uid = hook["urn"].rpartition(":")[2]
    for urn in (
        f"{topic_urn}-x:{uid}",
        hook["urn"].replace(PROJECT, "f" * 32),
        hook["urn"].replace(REGION, "eu-west-1"),
    ):
        assert get(anybody, UNSUBSCRIBE, subscription_urn=urn).code == "SMN.0013"


def test_what_boto3_protected_is_not_canceled_by_name(
    sns: Any, anybody: Http, smn: SmnClient, topic_urn: str, receiver: Receiver
) -> None:
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic_urn.rpartition(':')[2]}"
    sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=receiver.url)
    token = receiver.wait_for_type("SubscriptionConfirmation").json["Token"]
    sns.confirm_subscription(TopicArn=arn, Token=token, AuthenticateOnUnsubscribe="true")
    urn = ask(smn, "ListSubscriptionsByTopic", topic_urn=topic_urn)["subscriptions"][0]["subscription_urn"]
    reply = get(anybody, UNSUBSCRIBE, subscription_urn=urn)
    assert (reply.status, reply.code) == (403, "SMN.00308")
    assert status(smn, topic_urn) == 1


# --- people ---------------------------------------------------------------------------------------------------------------------


def page_of(reply: Reply, server: Server) -> str:
    assert reply.status == 303, reply.raw
    assert reply.raw == b""
    location = reply.headers["location"]
    assert location.startswith(f"{server.url}/s/")
    return location.removeprefix(server.url)


def mail_to(mailbox: Mailbox, endpoint: str) -> str:
    """The text of the next mail to that address."""
    while True:
        letter = mailbox.next()
        if letter.message["To"] == endpoint:
            return letter.text()


def test_a_mail_scanner_that_opens_smns_links_changes_nothing(
    server: Server, anybody: Http, smn: SmnClient, topic_urn: str, mailbox: Mailbox
) -> None:
    endpoint = "scanned@example.org"
    body = {"protocol": "email", "endpoint": endpoint}
    urn = ask(smn, "AddSubscription", topic_urn=topic_urn, body=body)["subscription_urn"]
    found = re.search(r"/s/y/([0-9a-f]{64})", mail_to(mailbox, endpoint))
    assert found is not None
    token = found[1]
    for query in ({"topic_urn": topic_urn}, {"endpoint": endpoint}, {"endpoint": endpoint, "topic_urn": topic_urn}):
        assert page_of(get(anybody, CONFIRM, token=token, **query), server) == f"/s/y/{token}"
    assert status(smn, topic_urn) == 0
    assert get(anybody, CONFIRM, token=token, endpoint="other@example.org").code == "SMN.0022"

    ask(smn, "SubscribeTopic", token=token, topic_urn=topic_urn, endpoint=endpoint)
    assert status(smn, topic_urn) == 1
    page = page_of(get(anybody, UNSUBSCRIBE, subscription_urn=urn), server)
    assert anybody("GET", page).status == 200
    assert status(smn, topic_urn) == 1
    assert anybody("POST", page, b"", {"Content-Type": "application/x-www-form-urlencoded"}).status == 200
    assert status(smn, topic_urn) == 3


def test_who_knows_only_the_name_gets_no_link_that_confirms_or_shows_more(
    server: Server, anybody: Http, smn: SmnClient, topic_urn: str, mailbox: Mailbox
) -> None:
    """Otherwise the topic's owner, who sees all names, could confirm for a phone or read what else a mail address receives."""
    sms = {"protocol": "sms", "endpoint": "+12025550199"}
    urn = ask(smn, "AddSubscription", topic_urn=topic_urn, body=sms)["subscription_urn"]
    page = page_of(get(anybody, UNSUBSCRIBE, subscription_urn=urn), server)
    assert page == f"/s/u/{urn.rpartition(':')[2]}"
    text = anybody("GET", page).raw.decode()
    assert not re.search(r"/s/[ypre]/", text)
    assert status(smn, topic_urn) == 0
    mail = {"protocol": "email", "endpoint": "curious@example.org"}
    urn = ask(smn, "AddSubscription", topic_urn=topic_urn, body=mail)["subscription_urn"]
    token = re.search(r"/s/y/([0-9a-f]{64})", mail_to(mailbox, mail["endpoint"]))
    assert token is not None
    ask(smn, "SubscribeTopic", token=token[1], topic_urn=topic_urn, endpoint=None)
    message = ask(smn, "UnsubscribeTopic", subscription_urn=urn)["message"]
    assert "http" not in message, "the way back of a mail address goes to that address"
    assert re.search(r"/s/r/[0-9a-f]{64}", mail_to(mailbox, mail["endpoint"]))


def test_a_phones_own_link_works_as_a_token_too(server: Server, anybody: Http, smn: SmnClient, topic_urn: str) -> None:
    number = "13800138111"
    body = {"protocol": "sms", "endpoint": number}
    urn = ask(smn, "AddSubscription", topic_urn=topic_urn, body=body)["subscription_urn"]
    link = standing_link(server, urn)
    assert page_of(get(anybody, CONFIRM, token=link, endpoint=number), server) == f"/s/p/{link}"
    assert status(smn, topic_urn) == 0
    answer = ask(smn, "ConfirmSubscription", token=link, topic_urn=topic_urn, endpoint=f"+86{number}")
    assert answer["subscription_urn"] == urn
    assert status(smn, topic_urn) == 1


def standing_link(server: Server, urn: str) -> str:
    """The link of the text that asked, from developer mode's outbox, which another process writes: there is no event to wait for."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for item in server.api("dev/outbox?channel=sms&limit=1000")["items"]:
            found = re.search(r"/s/p/([\w-]{44})", item["text"])
            raw = urlsafe_b64decode(found[1][1:] + "=") if found else b""
            if found and raw[:16].hex() == urn.rpartition(":")[2]:
                return found[1]
        time.sleep(0.02)
    raise AssertionError("no text")


# --- the certificate ------------------------------------------------------------------------------------------------------------


def test_the_certificate_is_downloaded_by_anybody(
    server: Server, anybody: Http, smn: SmnClient, hook: dict[str, str], receiver: Receiver
) -> None:
    url = receiver.of_type("SubscriptionConfirmation")[0].json["signing_cert_url"]
    name = urlsplit(url).path.removeprefix("/smn/")
    assert re.fullmatch(rf"SMN_{REGION}_[0-9a-f]{{32}}\.pem", name)
    for path in (f"/smn/{name}", f"/v2/notifications/certifications/download/{quote(name)}"):
        reply = anybody("GET", path, headers={"Authorization": "nonsense"})
        assert reply.status == 200
        assert reply.raw.startswith(b"-----BEGIN CERTIFICATE-----")
    stranger = smn_client(server, "nobody", "nobodys-secret")
    received: list[bytes] = []
    for answer in (
        stranger.download_http_cert(request_of("DownloadHttpCert", certificate_id=name)),
        stranger.download_http_sign_cert(request_of("DownloadHttpSignCert", certificate_id=name)),
    ):
        answer.consume_download_stream(lambda stream: received.append(b"".join(stream.iter_content(4096))))
    assert received == [reply.raw] * 2


@pytest.mark.parametrize(
    "name", ["x.pem", "SMN_us-east-1_00000000000000000000000000000000.pem", "..%2f..%2fetc%2fpasswd"]
)
def test_another_certificate_is_not_found(smn: SmnClient, anybody: Http, name: str) -> None:
    for path in (f"/smn/{name}", f"/v2/notifications/certifications/download/{name}"):
        assert anybody("GET", path).status == 404
    with refused(404, "SMN.0045"):
        ask(smn, "DownloadHttpCert", certificate_id="x.pem")


@pytest.mark.parametrize(
    "path",
    [
        UNSUBSCRIBE,
        *(
            f"/{path}"
            for path in ("v2/notifications/subscriptions/unsubscribe", "rest/v2/notifications/subscription/unsubscribe")
        ),
    ],
)
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (None, {}),
        (b"List-Unsubscribe=One-Click", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"List-Unsubscribe=One-Click", {"Content-Type": "text/plain"}),
        (b"{", {"Content-Type": "application/json"}),
        (b"\xff\x00", {"Content-Type": "multipart/form-data; boundary=b"}),
    ],
)
def test_a_post_to_a_cancel_link_cancels_whatever_its_body(
    anybody: Http,
    smn: SmnClient,
    topic_urn: str,
    hook: dict[str, str],
    path: str,
    body: bytes | None,
    headers: dict[str, str],
) -> None:
    open_url(anybody, hook["link"])
    reply = anybody("POST", f"{path}?{urlencode({'subscription_urn': hook['urn']})}", body, headers)
    assert reply.status == 200
    assert "canceled" in reply.body["message"]
    assert status(smn, topic_urn) == 3
