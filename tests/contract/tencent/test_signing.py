"""The three signatures of the vendor's SDK, by POST and GET, against a server that speaks to other clouds at the same root."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.tencent.conftest import APP, GLOBAL, Mailbox, MakeTemplate
from tests.support.server import KEY_ID, SECRET, Server
from tests.support.tencent import SHA1, SHA256, TC3, ask, common_client, refused, sms_client

WAYS = [
    {"method": method, "signing": signing, "unsigned": unsigned}
    for method in ("POST", "GET")
    for signing, unsigned in ((TC3, False), (TC3, True), (SHA1, False), (SHA256, False))
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_text_is_sent_by_every_signature(
    endpoint: str, templates: MakeTemplate, mailbox: Mailbox, phone: str, way: dict[str, Any]
) -> None:
    answer = ask(
        sms_client(endpoint, **way),
        "SendSms",
        PhoneNumberSet=[phone, "+12"],
        SmsSdkAppId=APP,
        TemplateId=templates("{1} & {2} = 你好"),
        TemplateParamSet=["a=b&c", "x y+z_%"],
        SessionContext="ü ~",
    )
    told = [(status.Code, status.SessionContext) for status in answer.SendStatusSet]
    assert told == [("Ok", "ü ~"), ("InvalidParameterValue.IncorrectPhoneNumber", "ü ~")]
    assert mailbox.texts(phone, 1)[0]["text"] == "a=b&c & x y+z_% = 你好"


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_objects_in_a_list_come_through(
    endpoint: str, templates: MakeTemplate, mailbox: Mailbox, phone: str, way: dict[str, Any]
) -> None:
    template = templates("Hello {1}")
    infos = [{"PhoneNumber": phone, "TemplateId": template, "TemplateParamSet": ["Ann"]}]
    answer = ask(sms_client(endpoint, **way), "SendMultiGlobalSms", SmsSdkAppId=APP, MultiSmsInfoSet=infos)
    assert answer.SendMultiStatusSet[0].Code == "Ok"
    assert mailbox.texts(phone, 1)[0]["text"] == "Hello Ann"


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_integers_are_integers_in_every_form(endpoint: str, way: dict[str, Any]) -> None:
    assert ask(sms_client(endpoint, **way), "PullSmsReplyStatus", Limit=1, SmsSdkAppId=APP).PullSmsReplyStatusSet == []
    with refused("InvalidParameterValue.LimitVerifyFail"):
        ask(sms_client(endpoint, **way), "PullSmsReplyStatus", Limit=101, SmsSdkAppId=APP)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize(
    ("key_id", "secret", "code"),
    [(KEY_ID, "another", "AuthFailure.SignatureFailure"), ("NOBODY", SECRET, "AuthFailure.SecretIdNotFound")],
)
def test_strangers_are_told_that_they_are(
    endpoint: str, way: dict[str, Any], key_id: str, secret: str, code: str
) -> None:
    with refused(code):
        ask(sms_client(endpoint, key_id, secret, **way), "PullSmsReplyStatus", Limit=1, SmsSdkAppId=APP)


@pytest.mark.parametrize("signing", [TC3, SHA1])
def test_an_older_version_is_not_spoken(endpoint: str, signing: str) -> None:
    with refused("NoSuchVersion"):
        common_client(endpoint, "2019-07-11", signing=signing).call_json("SendSms", {})


def test_other_clouds_calls_of_the_same_root_stay_theirs(server: Server, endpoint: str) -> None:
    """SNS's Query calls are POSTs of the root, whatever they say: also of secrets and signatures."""
    sns = server.sns()
    topic = sns.create_topic(Name="signing")["TopicArn"]
    said = "Action=SendSms&SecretId=AKID&Signature=abc&Version=2021-01-11"
    assert sns.publish(TopicArn=topic, Message=said)["MessageId"]
    assert [one["TopicArn"] for one in sns.list_topics()["Topics"]] == [topic]
    assert ask(sms_client(endpoint), "DescribeSmsTemplateList", International=GLOBAL, Limit=1, Offset=0).RequestId
