"""kill -9 between deliver_sm and its response, under texts by every way: no STOP is lost, and none that was answered is forgotten.

The SMSC (npm's `smpp`) does what every SMSC does: it brings a text again that was not answered OK. TIDINGS_TEST_KILLS sets how often
(a quarter of it here), TIDINGS_TEST_SEED the moments.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tests.support.server import Server
from tests.support.smsc import Smsc
from tests.support.tencent import ask, sms_client

from tidings.domain.optout import KeywordSet
from tidings.services.texting.inbound_addresses import DEFAULT_REPLIES

KILLS = max(int(os.environ.get("TIDINGS_TEST_KILLS", "30")) // 4, 3)
SEED = int(os.environ.get("TIDINGS_TEST_SEED", "20261121"))
ADDRESS = "+12025550100"
STAYS = "+12025550999"
LEAVING = 6
"""Phones that say STOP around each kill."""
APP = "1400006666"
PROVISION = f"""
[[account]]
name = "default"
account_id = "000000000000"

[[account.sms_application]]
sdk_app_id = "{APP}"
sender = "{ADDRESS}"

[[account.sms_template]]
id = 1101
name = "kill"
content = "Hello {{1}}"
type = "notification"
international = true

[[account.inbound_address]]
address = "{ADDRESS}"
rules = {{ "{APP}" = ["marketing", "notification", "verification_code"] }}
"""
SPELLINGS = ("STOP", "stop.", " Stop!! ", "UNSUBSCRIBE", "opt out", "arret")


class Stream:
    """Texts to everybody without a pause, until told to stop: by SNS to numbers and to a topic, and by SendSms.

    Knows which of those to STAYS were acknowledged.
    """

    def __init__(self, server: Server, topic: str, phones: list[str]) -> None:
        self._server = server
        self._topic = topic
        self._phones = phones
        self._ending = threading.Event()
        ways = (self._to_numbers, self._to_the_topic, self._by_template)
        self._threads = [threading.Thread(target=self._run, args=(way,)) for way in ways]
        self.accepted: list[str] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _run(self, way: Callable[[int], str]) -> None:
        number = 0
        while not self._ending.is_set():
            number += 1
            try:
                self.accepted.append(way(number))
            except (BotoCoreError, ClientError, TencentCloudSDKException):
                continue  # the server died meanwhile: not acknowledged

    def _to_numbers(self, number: int) -> str:
        sns = self._server.sns(connect_timeout=3, read_timeout=5)
        for phone in (*self._phones, STAYS):
            sns.publish(PhoneNumber=phone, Message=f"{phone} direct {number}")
        return f"{STAYS} direct {number}"

    def _to_the_topic(self, number: int) -> str:
        text = f"everybody {id(self):x} {number}"
        self._server.sns(connect_timeout=3, read_timeout=5).publish(TopicArn=self._topic, Message=text)
        return f"kill> {text}"

    def _by_template(self, number: int) -> str:
        client = sms_client(f"127.0.0.1:{self._server.port}")
        text = f"template {id(self):x} {number}"
        numbers = [*self._phones, STAYS]
        ask(client, "SendSms", PhoneNumberSet=numbers, SmsSdkAppId=APP, TemplateId="1101", TemplateParamSet=[text])
        return f"Hello {text}"


def _stop(smsc: Smsc, bind: int, phones: list[str], chance: random.Random) -> dict[str, int]:
    """Every phone says STOP; the numbers under which the answers come."""
    return {
        phone: smsc.deliver(
            bind, source_addr=phone.removeprefix("+"), short_message={"hex": chance.choice(SPELLINGS).encode().hex()}
        )
        for phone in phones
    }


def _answered(smsc: Smsc, orders: dict[str, int]) -> set[str]:
    return {phone for phone, number in orders.items() if smsc.of("answer", id=number, status=0)}


def _texts_after_answer(smsc: Smsc, phone: str, orders: list[int]) -> list[str]:
    """What was submitted to a phone after one of its STOPs had been answered OK; the answer to the STOP itself may be."""
    seen = False
    late: list[str] = []
    for event in smsc.events:
        if event["event"] == "answer" and event["id"] in orders and event["status"] == 0:
            seen = True
        elif seen and event["event"] == "submit" and event["to"] == phone.removeprefix("+"):
            late.append(event["text"])
    return [text for text in late if text != DEFAULT_REPLIES[KeywordSet.OPT_OUT]]


@pytest.mark.timeout(60 + KILLS * 15)
async def test_no_stop_is_lost_by_kill_9_between_deliver_sm_and_its_response(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    async with Smsc() as smsc:
        url = smsc.url(f"source={ADDRESS}")
        provision = tmp_path / "provision.toml"
        provision.write_text(PROVISION)
        environment = {
            "TIDINGS_SMPP_URL": url,
            "TIDINGS_PROVISION": str(provision),
            "TIDINGS_UNSUBSCRIBE_RATE": "100000",
        }
        server = Server(tmp_path, environment=environment, is_measured=False)
        await asyncio.to_thread(server.start)
        topic = server.sns().create_topic(Name="kill", Attributes={"DisplayName": "kill"})["TopicArn"]
        server.sns().subscribe(TopicArn=topic, Protocol="sms", Endpoint=STAYS)
        orders: dict[str, list[int]] = {}
        accepted: list[str] = []
        open_stops = 0
        waiting: list[str] = []  # whose STOP was not answered before the kill
        for kill in range(KILLS):
            await smsc.wait("bind", kill + 1, status=0)
            phones = [f"+1202556{kill:02d}{n:02d}" for n in range(LEAVING)]
            for phone in phones:
                await asyncio.to_thread(server.sns().subscribe, TopicArn=topic, Protocol="sms", Endpoint=phone)
            stream = Stream(server, topic, phones)
            stream.start()
            given = _stop(smsc, kill, [*waiting, *phones[::2]], chance)
            await asyncio.sleep(0.1)
            given |= _stop(smsc, kill, phones[1::2], chance)
            await asyncio.sleep(chance.uniform(0, 0.015))  # the moment of the kill is what is random here
            server.kill()
            stream.end()
            accepted += stream.accepted
            await smsc.wait("closed", 1, bind=kill)
            for phone, number in given.items():
                orders.setdefault(phone, []).append(number)
            waiting = sorted(set(given) - _answered(smsc, given))
            open_stops += len(waiting)
            await asyncio.to_thread(server.start)
        await smsc.wait("bind", KILLS + 1, status=0)
        last = _stop(smsc, KILLS, waiting, chance)
        for phone, number in last.items():
            assert await smsc.answer(number) == 0
            orders[phone].append(number)
        to_stays = {"to": STAYS.removeprefix("+")}
        await smsc.until(lambda: set(accepted) <= {event["text"] for event in smsc.of("submit", **to_stays)}, 60)
        sns = server.sns()
        for phone, numbers in orders.items():
            assert sns.check_if_phone_number_is_opted_out(phoneNumber=phone)["isOptedOut"], phone
            assert _texts_after_answer(smsc, phone, numbers) == []
        assert not sns.check_if_phone_number_is_opted_out(phoneNumber=STAYS)["isOptedOut"]
        assert open_stops, "no kill met a STOP on its way: the test showed nothing"
        assert open_stops < sum(map(len, orders.values())), "no STOP was answered before a kill"
        assert await asyncio.to_thread(server.stop) == 0, server.log()
