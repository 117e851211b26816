"""One person, one number: whoever says STOP, however his network writes him, is that person for every entrance of a running server.

The SMSC is npm's, the client boto3; gateways' requests are made by hand.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError
from tests.support.patience import PATIENCE_S
from tests.support.server import Server
from tests.support.smsc import Smsc

BRITISH, AMERICAN = "+447700900001", "+12025550100"
SECRET = "gateway-secret-0123456789"

NATIONAL = [  # country_code of the bind, who texts with its type of number, whom he texts, who that is
    ("86", "13800138002", 0, AMERICAN, "+8613800138002"),
    ("86", "13800138003", 1, AMERICAN, "+8613800138003"),
    ("44", "07700900125", 0, "07700900001", "+447700900125"),
    ("44", "07700900126", 0, "0012025550100", "+447700900126"),
    ("44", "7700900127", 2, "447700900001", "+447700900127"),
    ("44", "+44 (0)7700-900.128", 0, "7700900001", "+447700900128"),
    ("44", "12025550133", 1, "12025550100", "+12025550133"),
    ("", "2027737733", 2, "12025550100", "+12027737733"),
    ("", "2027737734", 0, "2025550100", "+12027737734"),
    ("", "07700900129", 0, "07700900001", "+447700900129"),
    ("", "12027737735", 1, "0012025550100", "+12027737735"),
    ("52", "5215512345678", 1, AMERICAN, "+525512345678"),
    ("", "+5215512345679", 0, AMERICAN, "+525512345679"),
    ("54", "1123456789", 0, AMERICAN, "+5491123456789"),
    ("", "5491123456780", 1, AMERICAN, "+5491123456780"),
    ("", "+22997123456", 0, AMERICAN, "+2290197123456"),
    ("", "+99912345678", 0, AMERICAN, "+99912345678"),  # no plan knows it
]


async def with_addresses(server: Server) -> None:
    await asyncio.to_thread(server.start)
    for address in (BRITISH, AMERICAN):
        server.api("inbound-addresses", {"address": address, "kind": "long-code"})


async def test_a_stop_by_smpp_is_the_persons_in_whatever_type_and_spelling(tmp_path: Path) -> None:
    async with Smsc() as smsc:
        codes = sorted({code for code, *_ in NATIONAL})
        urls = [smsc.url(f"country_code={code}" if code else "", system_id=f"in{code}") for code in codes]
        server = Server(tmp_path, environment={"TIDINGS_SMPP_URL": ",".join(urls)})
        await with_addresses(server)
        binds = await smsc.wait("bind", count=len(codes), status=0)
        places = {event["systemId"]: event["bind"] for event in binds}
        orders = [
            smsc.deliver(
                places[f"in{code}"],
                source_addr=phone,
                source_addr_ton=ton,
                destination_addr=address,
                dest_addr_ton=0,
                short_message="STOP",
            )
            for code, phone, ton, address, _ in NATIONAL
        ]
        assert [await smsc.answer(order) for order in orders] == [0] * len(orders)
        assert set(await asyncio.to_thread(opted_out, server)) == {person for *_, person in NATIONAL}
        assert await asyncio.to_thread(server.stop) == 0, server.log()


@pytest.fixture
def gateway(tmp_path: Path) -> Any:
    server = Server(tmp_path, environment={"TIDINGS_SMS_GATEWAY_SECRET": SECRET})
    asyncio.run(with_addresses(server))
    yield server
    assert server.stop() == 0, server.log()


@pytest.mark.parametrize(
    ("fields", "person"),
    [
        ({"from": "07700900125", "to": "07700900001"}, "+447700900125"),
        ({"from": "07700 900-125", "to": BRITISH}, "+447700900125"),
        ({"from": "０７７００９００１２５", "to": "447700900001"}, "+447700900125"),
        ({"from": "2027737733", "to": "2025550100"}, "+12027737733"),
        ({"from": "13800138002", "to": AMERICAN, "country_code": "86"}, "+8613800138002"),
        ({"from": "+5215512345678", "to": AMERICAN}, "+525512345678"),
        ({"from": "tel:+44-7700-900125", "to": AMERICAN}, "+447700900125"),
    ],
)
def test_a_gateway_that_knows_no_country_means_that_of_the_address(
    gateway: Server, fields: dict[str, str], person: str
) -> None:
    query = urlencode({"secret": SECRET, "octets": "STOP", **fields})
    with urlopen(f"{gateway.url}/gateways/kannel/mo?{query}", timeout=10) as answer:
        assert answer.status == 200
    assert opted_out(gateway) == [person]


def test_numbers_of_the_old_plan_are_the_same_person(tmp_path: Path) -> None:
    """Kept by an earlier release under the old form, imported so, texted so."""
    server = Server(tmp_path)
    asyncio.run(with_addresses(server))
    kept = ["+5215512345678", "+541123456789", "+551187654321", "+22997123456", "+22507012345"]
    people = ["+525512345678", "+5491123456789", "+5511987654321", "+2290197123456", "+2250707012345"]
    for phone in people:
        server.api("dev/replies", {"from": phone, "to": AMERICAN, "text": "STOP"})
    assert server.stop() == 0
    database = next(path for path in tmp_path.rglob("*.db") if path.stat().st_size)
    with sqlite3.connect(database) as connection:
        for person, former in zip(people, kept, strict=True):
            connection.execute("UPDATE opt_out SET phone = ? WHERE phone = ?", (former, person))
        connection.execute("DELETE FROM number_plans")
    connection.close()
    server.start()
    assert sorted(opted_out(server)) == sorted(people)
    with sqlite3.connect(database) as connection:  # the release before writes once more
        connection.execute("UPDATE opt_out SET phone = ? WHERE phone = ?", (kept[0], people[0]))
    connection.close()
    sns = server.sns()
    for phone in (*kept, *people):
        assert sns.check_if_phone_number_is_opted_out(phoneNumber=phone)["isOptedOut"] is True
        assert len(server.api(f"opt-outs?{urlencode({'phone': phone})}")["items"]) == 1
    server.api("dev/replies", {"from": kept[0], "to": AMERICAN, "text": "START"})
    for phone in (kept[0], people[0]):
        assert sns.check_if_phone_number_is_opted_out(phoneNumber=phone)["isOptedOut"] is False
    assert server.stop() == 0, server.log()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("+1-202-555-0123", "+12025550123"),
        ("+1/202.555-0124", "+12025550124"),
        ("+4407700900125", "+4407700900125"),
        ("+5215512345678", "+5215512345678"),
        ("+15555550123", "+15555550123"),
        ("+999123456789", "+999123456789"),
        ("+1202555", "+1202555"),
    ],
)
def test_sns_takes_numbers_by_their_shape_and_shows_them_as_given(
    server: Server, sns: Any, topic_name: str, given: str, shown: str
) -> None:
    topic = sns.create_topic(Name=topic_name)["TopicArn"]
    arn = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=given)["SubscriptionArn"]
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["Endpoint"] == shown
    assert [row["Endpoint"] for row in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]] == [shown]
    assert sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=given)["SubscriptionArn"] == arn
    if shown == given:
        assert sns.publish(PhoneNumber=given, Message="hello")["MessageId"]
        sns.opt_in_phone_number(phoneNumber=given)
        assert sns.check_if_phone_number_is_opted_out(phoneNumber=given)["isOptedOut"] is False


@pytest.mark.parametrize(
    "given",
    [
        "+1--2025550123",
        "+1-/2025550123",
        "-+12025550123",
        "+-12025550123",
        "+12025550123-",
        "+1202555O123",
        "+1234567890123456",
    ],
)
def test_sns_refuses_other_shapes_in_its_words(sns: Any, topic_name: str, given: str) -> None:
    topic = sns.create_topic(Name=topic_name)["TopicArn"]
    with pytest.raises(ClientError) as refused:
        sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=given)
    assert refused.value.response["Error"]["Message"] == f"Invalid SMS endpoint: {given}"
    for call, words in (
        (
            lambda: sns.publish(PhoneNumber=given, Message="x"),
            f"PhoneNumber Reason: {given} is not valid to publish to",
        ),
        (lambda: sns.opt_in_phone_number(phoneNumber=given), "PhoneNumber Reason: input incorrectly formatted"),
        (
            lambda: sns.check_if_phone_number_is_opted_out(phoneNumber=given),
            "PhoneNumber Reason: input incorrectly formatted",
        ),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Message"] == f"Invalid parameter: {words}"


def test_a_number_that_no_plan_has_is_never_texted_and_the_persons_stop_reaches_every_form(
    server: Server, sns: Any, topic_name: str
) -> None:
    topic = sns.create_topic(Name=topic_name)["TopicArn"]
    address = "+12025550198"
    server.api("inbound-addresses", {"address": address, "kind": "long-code"})
    for phone in ("+999123456789", "+1202555", "+4407700900177", "+447700900178"):
        sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=phone)
    server.api("dev/replies", {"from": "07700900177", "to": address, "text": "STOP"})  # no number of +1
    server.api("dev/replies", {"from": "+44 7700 900177", "to": address, "text": "STOP"})
    sns.publish(TopicArn=topic, Message=topic_name)
    phones = asyncio.run(texted(server, topic_name, "+447700900178"))
    assert phones == ["+447700900178"]


async def texted(server: Server, text: str, witness: str) -> list[str]:
    """Whom a text went to, once it went to the last subscriber."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            items = server.api("dev/outbox?channel=sms&limit=1000")["items"]
            phones = [entry["to"] for entry in items if entry["text"] == text]
            if witness in phones:
                return phones
            await asyncio.sleep(0.02)  # polling another process: there is no event to wait for


def opted_out(server: Server) -> list[str]:
    found: list[str] = server.sns().list_phone_numbers_opted_out()["phoneNumbers"]
    return found
