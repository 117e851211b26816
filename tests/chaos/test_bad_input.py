"""Mutated requests at every door: no 5xx, no hang, memory flat, nothing changed, one clear error each.

TIDINGS_TEST_MUTATIONS sets how many (1,500 in the suite's quick form, 10,000 in the long one), TIDINGS_TEST_SEED which.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from tests.support.hostile import (
    BROKEN,
    HOSTILE,
    MEMORY_GROWTH_MAX_MIB,
    MUTATIONS,
    SEED,
    clear_error,
    memory_mib,
)
from tests.support.server import Server
from tests.support.wire import exchange, query, signed_post


class Doors:
    """Makes requests that are valid but for one thing. `topic` and `subscription` are the canary that must not change."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self.server, self.chance = server, chance
        sns = server.sns()
        self.sns = sns
        self.topic = str(sns.create_topic(Name="canary", Attributes={"DisplayName": "Canary"})["TopicArn"])
        self.subscription = str(
            sns.subscribe(TopicArn=self.topic, Protocol="sms", Endpoint="+12025550123")["SubscriptionArn"]
        )
        t, s = self.topic, self.subscription
        self.calls: list[tuple[str, dict[str, str]]] = [
            ("CreateTopic", {"Name": "canary", "Attributes.entry.1.key": "X", "Attributes.entry.1.value": "y"}),
            ("DeleteTopic", {"TopicArn": t + "-no"}),
            ("ListTopics", {"NextToken": "x"}),
            ("GetTopicAttributes", {"TopicArn": t}),
            ("SetTopicAttributes", {"TopicArn": t, "AttributeName": "Policy", "AttributeValue": "{}"}),
            ("Subscribe", {"TopicArn": t, "Protocol": "https", "Endpoint": "ftp://nowhere.example"}),
            ("ConfirmSubscription", {"TopicArn": t, "Token": "0" * 64}),
            ("Unsubscribe", {"SubscriptionArn": s[:-1] + "g"}),
            ("ListSubscriptions", {"NextToken": "x"}),
            ("ListSubscriptionsByTopic", {"TopicArn": t}),
            ("GetSubscriptionAttributes", {"SubscriptionArn": s}),
            ("SetSubscriptionAttributes", {"SubscriptionArn": s, "AttributeName": "No", "AttributeValue": "1"}),
            ("Publish", {"TopicArn": t, "Message": "m", "Subject": "s\n"}),
            ("Publish", {"PhoneNumber": "12", "Message": "m"}),
            ("PublishBatch", {"TopicArn": t, "PublishBatchRequestEntries.member.1.Id": "a b"}),
            ("TagResource", {"ResourceArn": t, "Tags.member.1.Key": "", "Tags.member.1.Value": "v"}),
            ("UntagResource", {"ResourceArn": t, "TagKeys.member.1": "none"}),
            ("ListTagsForResource", {"ResourceArn": t}),
            ("AddPermission", {"TopicArn": t, "Label": "l", "AWSAccountId.member.1": "1", "ActionName.member.1": "No"}),
            ("RemovePermission", {"TopicArn": t, "Label": "no such label"}),
            ("NoSuchAction", {"A": "b"}),
        ]
        self.kinds: list[Callable[[], bytes]] = [
            self.value,
            self.value,
            self.value,
            self.name,
            self.dropped,
            self.broken_body,
            self.many_parameters,
            self.unsigned,
            self.bad_signature,
            self.get,
            self.page,
            self.api,
            self.http,
        ]

    def request(self) -> bytes:
        return self.chance.choice(self.kinds)()

    def _call(self) -> tuple[str, dict[str, str]]:
        action, parameters = self.chance.choice(self.calls)
        return action, dict(parameters)

    def _post(self, body: bytes) -> bytes:
        return signed_post(self.server.port, body)

    def value(self) -> bytes:
        action, parameters = self._call()
        name = self.chance.choice(list(parameters))
        return self._post(query(action, **{**parameters, name: self.chance.choice(HOSTILE)}))

    def name(self) -> bytes:
        action, parameters = self._call()
        name = self.chance.choice(list(parameters))
        hostile = self.chance.choice(
            (*HOSTILE, "Tags.member.0.Key", "Tags.member.x", "Attributes.entry.99999999999.key")
        )
        parameters[name + hostile[:1000]] = parameters.pop(name)
        return self._post(query(action, **parameters))

    def dropped(self) -> bytes:
        action, parameters = self._call()
        del parameters[self.chance.choice(list(parameters))]
        return self._post(query(action, **parameters))

    def broken_body(self) -> bytes:
        action, parameters = self._call()
        body = query(action, **parameters)
        place = self.chance.randrange(len(body))
        return self._post(body[:place] + self.chance.choice(BROKEN) + body[place:])

    def many_parameters(self) -> bytes:
        action, parameters = self._call()
        more = "&".join(f"p{i}=" for i in range(self.chance.choice((20, 20, 20, 20_000))))
        return self._post(query(action, **parameters) + b"&" + more.encode())

    def unsigned(self) -> bytes:
        action, parameters = self._call()
        return self._plain("POST", "/", query(action, **parameters))

    def bad_signature(self) -> bytes:
        action, parameters = self._call()
        request = self._post(query(action, **parameters))
        return re.sub(rb"Signature=[0-9a-f]{4}", b"Signature=" + self.chance.choice((b"", b"0000", b"\xff")), request)

    def get(self) -> bytes:
        action, parameters = self._call()
        pairs = "&".join(f"{k}={quote_plus(v)}" for k, v in parameters.items())
        tail = self.chance.choice(("", "%", "%zz", "&X-Amz-Algorithm=AWS4-HMAC-SHA256", "&a=%ff", "&" + "y" * 5000))
        return self._plain("GET", f"/?Action={action}&{pairs}{tail}", b"")

    def page(self) -> bytes:
        kind = self.chance.choice("yrcex")
        secret = self.chance.choice(
            ("0" * 64, "c" + "A" * 43, "", "%00", "%2e%2e/", "x" * 5000, "\u4f60".encode().hex())
        )
        method = self.chance.choice(("GET", "POST", "HEAD", "DELETE"))
        return self._plain(
            method, f"/s/{kind}/{secret}", self.chance.choice((b"", b"List-Unsubscribe=One-Click", b"%zz"))
        )

    def api(self) -> bytes:
        path = self.chance.choice(
            ("ledger", "subscriptions", "topics", "dead-letters", "nothing", "%2e%2e", "accounts")
        )
        parameter = self.chance.choice(
            ("limit=-1", "limit=x", "since=yesterday", "endpoint=%00", "state=9", "a=%zz", "")
        )
        method = self.chance.choice(("GET", "POST", "PATCH", "PUT"))
        body = self.chance.choice(
            (b"", b"{", b"[" * 10_000, b"null", b'{"ids": ["\\ud800"]}', b'{"ids": [1e999]}', b"\xff")
        )
        return self._plain(method, f"/api/v1/{path}?{parameter}", body, "Authorization: Basic dGlkaW5nczp4\r\n")

    def http(self) -> bytes:
        """Not quite HTTP, or not quite ours."""
        port = self.server.port
        return self.chance.choice(
            (
                b"GET / HTTP/1.1\r\n\r\n",
                b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
                b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
                b"GET /certs/../signing-key.pem HTTP/1.1\r\nHost: x\r\n\r\n",
                b"GET /certs/%2e%2e%2fsigning-key.pem HTTP/1.1\r\nHost: x\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 3_000_000,
                b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(300)) + b"\r\n",
                b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00",
                f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-TC-Action: SendSms\r\nContent-Length: 0\r\n\r\n".encode(),
            )
        )

    def _plain(self, method: str, target: str, body: bytes, headers: str = "") -> bytes:
        head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n{headers}"
        head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode("utf-8", "surrogatepass") + body

    def state(self) -> Any:
        """Everything that the canary is."""
        attributes = self.sns.get_topic_attributes(TopicArn=self.topic)["Attributes"]
        subscriptions = self.sns.list_subscriptions_by_topic(TopicArn=self.topic)["Subscriptions"]
        tags = self.sns.list_tags_for_resource(ResourceArn=self.topic)["Tags"]
        topics = self.sns.list_topics()["Topics"]
        return attributes, subscriptions, tags, topics


@pytest.fixture
def doors(data: Path) -> Any:
    server = Server(data, is_measured=False).start()
    yield Doors(server, random.Random(SEED))
    assert server.stop() == 0, server.log()


@pytest.mark.timeout(120 + MUTATIONS // 10)
def test_no_input_makes_a_5xx_a_hang_or_a_change(doors: Doors) -> None:
    before, warm = doors.state(), 0.0
    seen: Counter[int | None] = Counter()
    changed_by: list[bytes] = []
    for number in range(MUTATIONS):
        request = doors.request()
        answer = exchange(doors.server.port, request)
        seen[answer.status if answer else None] += 1
        if answer is not None:
            fault = clear_error(request, answer)
            assert not fault, f"{fault}: {request[:300]!r} -> {answer.body[:300]!r}\n{doors.server.log()}"
            if answer.status < 300:
                changed_by.append(request[-400:])
        if number % 100 == 99:
            after = doors.state()
            if not changed_by:
                assert after == before, "a refused request changed something"
            before, changed_by = after, []
        if number == MUTATIONS // 3:
            warm = memory_mib(doors.server)
    assert memory_mib(doors.server) - warm < MEMORY_GROWTH_MAX_MIB
    assert sum(count for status, count in seen.items() if status and 400 <= status < 500) > MUTATIONS // 2, seen
