"""Mutated requests at every path of SMN: no 5xx but 501, no hang, memory flat, nothing changed, one clear error each.

As test_bad_input, with the same two settings. Requests are valid but for one thing; each route of the dialect is asked.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

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
from tests.support.wire import Answer, exchange

from tidings.dialects.smn import ROUTES
from tidings.dialects.smn.calls import Route

PASSWORD = "mutation-test-password"
PROJECT = "0123456789abcdef0123456789abcdef"
BASE = f"v2/{PROJECT}/notifications"
NOT_OFFERED = 501
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1e300,
    "",
    "x",
    [],
    {},
    [None],
    [[]],
    {"a": {}},
    ["x"] * 200,
    "\ud800",
    "\x00",
)

URN = "urn:smn:us-east-1:0123456789abcdef0123456789abcdef:scratch:" + "f" * 32
POLICES = {"polices": [{"subscription_urn": URN, "filter_polices": [{"name": "n", "string_equals": ["v"]}]}]}
STATEMENT = {"Sid": "a", "Effect": "Allow", "Principal": {"CSP": ["*"]}, "Action": ["SMN:Publish"], "Resource": "*"}
USER = {"name": "admin", "password": "no", "domain": {"name": "default"}}
BODIES: dict[str, dict[str, Any]] = {
    "CreateTopic": {"name": "another", "display_name": "x", "enterprise_project_id": "0"},
    "UpdateTopic": {"display_name": "y"},
    "AddSubscription": {
        "protocol": "https",
        "endpoint": "https://hook.invalid/",
        "remark": "r",
        "extension": {"header": {"x-a": "b"}},
        "subscriptions": [
            {"protocol": "feishu", "endpoint": "https://bot.invalid/", "extension": {"sign_secret": "s"}}
        ],
    },
    "UpdateSubscription": {"remark": "r", "verification_code": "1"},
    "BatchDeleteSubscriptions": {"subscription_urns": [{"subscription_urn": URN}]},
    "BatchDeleteSubscriptionsByTopic": {"subscription_urns": [{"subscription_urn": URN}]},
    "BatchCreateSubscriptionsFilterPolices": POLICES,
    "BatchUpdateSubscriptionsFilterPolices": POLICES,
    "BatchDeleteSubscriptionsFilterPolices": {"subscription_urns": [URN]},
    "PublishMessage": {
        "subject": "s",
        "message": "m",
        "message_structure": '{"default": "d", "sms": "s", "feishu": {"msgType": "text", "content": "c"}}',
        "message_template_name": "scratch",
        "tags": {"a": "b"},
        "time_to_live": "10",
        "message_attributes": [
            {"name": "a", "type": "STRING", "value": "v"},
            {"name": "b", "type": "STRING_ARRAY", "value": ["v"]},
            {"name": "smn_protocol", "type": "PROTOCOL", "value": ["email"]},
        ],
        "locale": "zh-cn",
    },
    "CreateMessageTemplate": {"message_template_name": "t", "protocol": "default", "content": "{a}"},
    "UpdateMessageTemplate": {"content": "{b}"},
    "UpdateTopicAttribute": {"value": json.dumps({"Version": "2016-09-07", "Id": "i", "Statement": [STATEMENT]})},
    "PublishHttpDetect": {
        "protocol": "https",
        "endpoint": "https://hook.invalid/",
        "extension": {"header": {"x-a": "b"}},
    },
    "CreateResourceTag": {"tag": {"key": "k", "value": "v"}},
    "BatchCreateOrDeleteResourceTags": {"action": "create", "tags": [{"key": "k", "value": "v"}]},
    "ListResourceInstances": {
        "action": "filter",
        "tags": [{"key": "k", "values": ["v"]}],
        "tags_any": [{"key": "k", "values": []}],
        "not_tags": [{"key": "n", "values": ["v"]}],
        "matches": [{"key": "resource_name", "value": "scratch"}],
        "offset": "0",
        "limit": "10",
    },
    "CreateToken": {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": USER}},
            "scope": {"project": {"name": "us-east-1", "domain": {"name": "default"}}},
        }
    },
}
"""Good ones: what is wrong with a request is the one thing that was changed."""
QUERIES = {
    "ListTopics": "offset=-1&limit=x&name=a&fuzzy_name=b&topic_id=c",
    "ListSubscriptions": "offset=x&limit=101&protocol=p&status=9&endpoint=e&fuzzy_remark=r",
    "ListSubscriptionsByTopic": "offset=x&limit=101&fuzzy_remark=r",
    "ListMessageTemplates": "offset=x&limit=0&message_template_name=a&protocol=b",
    "ListTopicAttributes": "name=no",
    "ListTopicMessageStatistics": "start_time=x&end_time=y",
    "SubscribeTopic": "token=x&topic_urn=y&endpoint=z",
    "UnsubscribeTopic": "subscription_urn=x",
}


class Doors:
    """Makes requests that are wrong in one thing. What they are about is the scratch topic; the canary must not change."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self.server, self.chance = server, chance
        self.token = self._sign_in()
        self.topic, self.subscription = self._make("canary")
        self.scratch, self.scratch_subscription = self._make("scratch")
        template = {"message_template_name": "scratch", "protocol": "default", "content": "{a}"}
        self.template = self._call("POST", f"{BASE}/message_template", template)["message_template_id"]
        self.scratch_id = self._call("GET", f"{BASE}/topics/{self.scratch}")["topic_id"]
        self.kinds: list[Callable[[Route], bytes]] = [
            self.body_value,
            self.body_value,
            self.body_member,
            self.broken_body,
            self.path,
            self.path,
            self.query,
            self.query,
            self.credentials,
        ]

    def request(self) -> bytes:
        return self.chance.choice(self.kinds)(self.chance.choice(ROUTES))

    def body_value(self, route: Route) -> bytes:
        body = self._body(route)
        place, name = self.chance.choice(_places(body))
        place[name] = self.chance.choice((*HOSTILE, *ODD))
        return self._request(route, self._path(route), body=_json(body))

    def body_member(self, route: Route) -> bytes:
        body = self._body(route)
        place, name = self.chance.choice(_places(body))
        if isinstance(place, dict) and self.chance.random() < 0.5:
            place[self.chance.choice(HOSTILE)[:2000]] = place.pop(name)
        else:
            del place[name]
        return self._request(route, self._path(route), body=_json(body))

    def broken_body(self, route: Route) -> bytes:
        body = _json(self._body(route))
        at = self.chance.randrange(len(body))
        return self._request(route, self._path(route), body=body[:at] + self.chance.choice(BROKEN) + body[at:])

    def path(self, route: Route) -> bytes:
        segments = self._path(route).split("/")
        at = self.chance.randrange(len(segments))
        names = () if route.method == "DELETE" else (self.scratch, self.scratch_subscription)
        hostile = self.chance.choice((*HOSTILE, *names, "urn:smn:a:b", "f" * 32))[:3000]
        segments[at] = self.chance.choice((quote(hostile, safe=""), "%zz", "%ff", "%ed%a0%80", "", ".."))
        return self._request(
            route, "/".join(segments), query=QUERIES.get(route.operation, ""), body=_json(self._body(route))
        )

    def query(self, route: Route) -> bytes:
        known = QUERIES.get(route.operation, "offset=0&limit=1")
        name = self.chance.choice(known.split("&")).partition("=")[0]
        hostile = self.chance.choice(("%", "%zz", "%ff", "&" * 500, quote(self.chance.choice(HOSTILE)[:3000])))
        return self._request(route, self._path(route), query=f"{known}&{name}={hostile}&{hostile}=1&{name}={hostile}")

    def credentials(self, route: Route) -> bytes:
        headers = self.chance.choice(
            (
                "",
                "X-Auth-Token: \r\n",
                f"X-Auth-Token: {self.token[:-4]}AAAA\r\n",
                f"X-Auth-Token: {'A' * 5000}\r\n",
                "X-Auth-Token: \xff\xfe\r\n",
                "Authorization: SDK-HMAC-SHA256 Access=tidings, SignedHeaders=host;x-sdk-date, Signature=00\r\n",
                "Authorization: SDK-HMAC-SHA256 Access=, SignedHeaders=, Signature=\r\n",
                "Authorization: SDK-HMAC-SHA256\r\nX-Sdk-Date: 99999999T999999Z\r\n",
                "Authorization: SDK-HMAC-SM3 Access=tidings, SignedHeaders=host, Signature=00\r\n",
                "Authorization: Basic dGlkaW5nczp4\r\n",
            )
        )
        return self._request(route, self._path(route), body=_json(self._body(route)), headers=headers)

    def _body(self, route: Route) -> Any:
        return json.loads(json.dumps(BODIES.get(route.operation, {"a": {"b": [1]}})))

    def _path(self, route: Route) -> str:
        """A path that leads somewhere: reading the canary, changing the scratch, deleting what is not there."""
        reads, deletes = route.method == "GET", route.method == "DELETE"
        topic = self.topic if reads else self.scratch
        values = {
            "project_id": PROJECT,
            "topic_urn": f"{topic}-no" if deletes else topic,
            "subscription_urn": self.scratch_subscription[:-1] + "g" if deletes else self.scratch_subscription,
            "name": "access_policy",
            "key": "no such key",
            "resource_type": "smn_topic",
            "resource_id": "f" * 32 if deletes else self.scratch_id,
            "message_template_id": "f" * 32 if deletes else self.template,
        }
        found = re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], "f" * 32), route.path)
        return quote(found, safe="/:")

    def _make(self, name: str) -> tuple[str, str]:
        """A topic and a subscription to it."""
        topic = self._call("POST", f"{BASE}/topics", {"name": name})["topic_urn"]
        added = {"protocol": "sms", "endpoint": "+12025550123", "remark": name}
        return topic, self._call("POST", f"{BASE}/topics/{topic}/subscriptions", added)["subscription_urn"]

    def _request(
        self, route: Route, path: str, *, query: str = "", body: bytes = b"", headers: str | None = None
    ) -> bytes:
        if headers is None:
            headers = f"X-Auth-Token: {self.token}\r\n"
        target = f"/{path}?{query}" if query else f"/{path}"
        head = f"{route.method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n{headers}"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode("utf-8", "surrogatepass") + body

    def _sign_in(self) -> str:
        user = {"name": "admin", "password": PASSWORD, "domain": {"name": "default"}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": {"id": PROJECT}}}}
        return self._exchange("POST", "v3/auth/tokens", body, "").headers["x-subject-token"]

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self._exchange(method, path, body, f"X-Auth-Token: {self.token}\r\n").body)

    def _exchange(self, method: str, path: str, body: Any, headers: str) -> Answer:
        payload = b"" if body is None else _json(body)
        head = f"{method} /{path} HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n{headers}"
        answer = exchange(self.server.port, f"{head}Content-Length: {len(payload)}\r\n\r\n".encode() + payload)
        assert answer is not None
        return answer

    def state(self) -> Any:
        """Everything that the canary is, without the ids of the answers."""
        canary = f"{BASE}/topics/{self.topic}"
        found = [self._call("GET", path) for path in (canary, f"{canary}/attributes", f"{canary}/subscriptions")]
        for members in found:
            assert members.pop("request_id"), "the canary is gone"
        return found


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key or index) in a JSON value."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


@pytest.fixture
def doors(data: Path) -> Any:
    server = Server(
        data, environment={"TIDINGS_PASSWORD": PASSWORD, "TIDINGS_LOGIN_RATE": "1000"}, is_measured=False
    ).start()
    yield Doors(server, random.Random(SEED))
    assert server.stop() == 0, server.log()


@pytest.mark.timeout(120 + MUTATIONS // 10)
def test_no_input_at_an_smn_path_makes_a_5xx_a_hang_or_a_change(doors: Doors) -> None:
    before, warm = doors.state(), 0.0
    seen: Counter[int | None] = Counter()
    for number in range(MUTATIONS):
        request = doors.request()
        answer = exchange(doors.server.port, request)
        seen[answer.status if answer else None] += 1
        if answer is not None:
            fault = clear_error(request, answer, not_offered=NOT_OFFERED)
            assert not fault, f"{fault}: {request[:600]!r} -> {answer.body[:300]!r}\n{doors.server.log()}"
        if number % 100 == 99:
            assert doors.state() == before, "a request about something else changed the canary"
        if number == MUTATIONS // 3:
            warm = memory_mib(doors.server)
    assert memory_mib(doors.server) - warm < MEMORY_GROWTH_MAX_MIB
    assert sum(count for status, count in seen.items() if status and 400 <= status < 500) > MUTATIONS // 3, seen
