"""Premium and satellite numbers, and countries that are not allowed, get no text whichever way it is asked for: SNS to a number, a topic,
Tencent's SendSms. The callers get what their clouds answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.server import Server
from tests.support.tencent import ask, sms_client

PREMIUM, SATELLITE, ABROAD, HOME = "+19005550123", "+881612345678", "+447911123456", "+12025550123"
REFUSED = (PREMIUM, SATELLITE, ABROAD)
APP = "1400006666"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("destinations"), environment={"TIDINGS_SMS_COUNTRIES": "us"}).start()
    yield running
    running.stop()


def until_failed(server: Server, count: int) -> None:
    while sum(row["failed"] for row in server.api("sms-counts?app_id=topics")["items"]) < count:
        pass  # written a moment after the attempt; nothing tells when


def texted(server: Server) -> set[str]:
    return {entry["to"] for entry in server.api("dev/outbox?channel=sms")["items"]}


def test_no_way_leads_to_a_number_that_is_not_allowed(server: Server) -> None:
    sns = server.sns()
    for number in REFUSED:
        assert sns.publish(PhoneNumber=number, Message="direct")["MessageId"]
    until_failed(server, 3)
    topic = sns.create_topic(Name="texts")["TopicArn"]
    for number in (*REFUSED, HOME):
        sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=number)
    sns.publish(TopicArn=topic, Message="by topic")
    until_failed(server, 6)
    server.api(f"sms-applications/{APP}", {}, "PUT")
    server.api("sms-signs", {"content": "Harbor", "reach": "both"})
    template = server.api("sms-templates", {"name": "news", "content": "By SendSms", "type": "notification"})["id"]
    sms = sms_client(f"127.0.0.1:{server.port}")
    answer = ask(sms, "SendSms", PhoneNumberSet=[*REFUSED, HOME], SmsSdkAppId=APP, TemplateId=str(template))
    codes = [status.Code for status in answer.SendStatusSet]
    assert codes == ["LimitExceeded.AppCountryOrRegionInBlacklist"] * 3 + ["Ok"]
    while texted(server) == set():
        pass
    assert texted(server) == {HOME}
