"""Mutated calls of Tencent Cloud SMS: no status but 200, no hang, memory flat, the canary unchanged, one clear code each.

As test_bad_input, with the same two settings. Calls are valid but for one thing, and signed whatever they are, so that what is wrong is
met behind the signature; every operation of both versions is asked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from tests.support.hostile import BROKEN, HOSTILE, MEMORY_GROWTH_MAX_MIB, MUTATIONS, SEED, clear_error, memory_mib
from tests.support.server import KEY_ID, SECRET, Server
from tests.support.tencent import tc3_headers
from tests.support.wire import exchange

from tidings.dialects.tencent import OPERATIONS
from tidings.dialects.tencent.calls import Operation

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e300,
    2**70,
    "",
    "x",
    [],
    {},
    [None],
    [[]],
    {"a": {}},
    ["x"] * 300,
    "\ud800",
    "\x00",
)
ADDRESS, SCRATCH = "+12025550100", "+12025550101"
CANARY_PHONE, PHONE = "+12025550900", "+12025550123"
APP = "1400006666"
IMAGE = base64.b64encode(b"\x89PNG").decode()
RANGE = {"BeginTime": "2026112100", "EndTime": "2026112200", "SmsSdkAppId": APP, "Limit": 0, "Offset": 0}
PAST = {
    "BeginTime": 1_700_000_000,
    "EndTime": 1_700_000_100,
    "Offset": 0,
    "Limit": 5,
    "PhoneNumber": PHONE,
    "SmsSdkAppId": APP,
}
SIGN = {
    "SignName": "Another",
    "SignType": 0,
    "DocumentType": 0,
    "International": 1,
    "SignPurpose": 0,
    "ProofImage": IMAGE,
    "Remark": "r",
}
TEMPLATE = {"TemplateName": "t", "TemplateContent": "Hello {1}", "SmsType": 2, "International": 1, "Remark": "r"}
PAGE = {"Offset": 0, "Limit": 5}
BODIES: dict[str, dict[str, Any]] = {
    "SendSms": {
        "PhoneNumberSet": [PHONE, "+12025550124"],
        "SmsSdkAppId": APP,
        "TemplateId": "1101",
        "SignName": "Scratch",
        "TemplateParamSet": ["a"],
        "SessionContext": "s",
        "SenderId": "",
        "ExtendCode": "1",
    },
    "SendMultiGlobalSms": {
        "SmsSdkAppId": APP,
        "MultiSmsInfoSet": [
            {"PhoneNumber": PHONE, "TemplateId": "1101", "TemplateParamSet": ["a"], "SessionContext": "s"}
        ],
    },
    "PullSmsSendStatus": {"Limit": 5, "SmsSdkAppId": APP},
    "PullSmsReplyStatus": {"Limit": 5, "SmsSdkAppId": APP},
    "PullSmsSendStatusByPhoneNumber": PAST,
    "PullSmsReplyStatusByPhoneNumber": PAST,
    "AddSmsTemplate": TEMPLATE,
    "ModifySmsTemplate": {"TemplateId": 1102, **TEMPLATE},
    "DeleteSmsTemplate": {"TemplateId": 999_999},
    "DescribeSmsTemplateList": {"International": 1, "TemplateIdSet": [1101], **PAGE},
    "ReviewSmsTemplate": {"TemplateId": 1102, "Decision": "APPROVE", "Reply": "r"},
    "ReviewSmsSign": {"SignId": 999_999, "Decision": "APPROVE", "Reply": "r"},
    "AddSmsSign": SIGN,
    "ModifySmsSign": {"SignId": 999_999, **SIGN},
    "DeleteSmsSign": {"SignId": 999_999},
    "DescribeSmsSignList": {"International": 1, "SignIdSet": [1], **PAGE},
    "DescribePhoneNumberInfo": {"PhoneNumberSet": [PHONE]},
    "SendStatusStatistics": RANGE,
    "CallbackStatusStatistics": RANGE,
    "SmsPackagesStatistics": {**RANGE, "Limit": 5},
    "ReportConversion": {"SmsSdkAppId": APP, "SerialNo": "x", "ConversionTime": 1_700_000_000},
    "AddInboundAddress": {"InboundAddress": SCRATCH, "Description": "d", "Kind": "10dlc", "SmsSdkAppIdSet": [APP]},
    "DescribeInboundAddressList": {"InboundAddressSet": [ADDRESS], **PAGE},
    "ModifyInboundAddress": {"InboundAddress": SCRATCH, "Description": "d"},
    "DeleteInboundAddress": {"InboundAddress": SCRATCH},
    "ModifyInboundKeywords": {
        "InboundAddress": SCRATCH,
        "OptOutKeywordSet": ["STOP"],
        "OptInKeywordSet": ["START"],
        "HelpKeywordSet": ["HELP"],
        "OptOutReply": "o",
        "OptInReply": "i",
        "HelpReply": "h",
    },
    "SetBlockingRule": {"InboundAddress": SCRATCH, "SmsSdkAppId": APP, "SmsTypeSet": [1]},
    "DeleteBlockingRule": {"InboundAddress": SCRATCH, "SmsSdkAppId": APP},
    "DescribeUnsubscribedUserList": {
        "InboundAddress": ADDRESS,
        "PhoneNumberSet": [PHONE],
        "SmsSdkAppId": APP,
        "BeginTime": 1_700_000_000,
        "EndTime": 1_900_000_000,
        **PAGE,
    },
    "AddUnsubscribedUser": {"InboundAddress": SCRATCH, "PhoneNumberSet": [PHONE], "Reason": "r"},
    "RemoveUnsubscribedUser": {"InboundAddress": SCRATCH, "PhoneNumberSet": [PHONE], "Reason": "r"},
    "DescribeSubscriptionRecordList": {
        "InboundAddress": ADDRESS,
        "PhoneNumberSet": [PHONE],
        "Type": "OPT_OUT",
        "Source": "MO",
        "BeginTime": 1_700_000_000,
        "EndTime": 1_900_000_000,
        **PAGE,
    },
    "ResolveReview": {"RecordId": 999_999, "Decision": "IGNORE", "Reason": "r"},
    "CheckPhoneNumberBlocked": {"PhoneNumberSet": [PHONE], "SmsSdkAppId": APP, "SmsType": 1},
    "MatchKeyword": {"InboundAddress": ADDRESS, "Content": "stop"},
    "SimulateReply": {"InboundAddress": SCRATCH, "PhoneNumber": PHONE, "Content": "STOP"},
}
"""Good ones: what is wrong with a call is the one thing that was changed."""


class Doors:
    """Makes calls that are wrong in one thing. What they are about is the scratch; the canary must not change."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self.server, self.chance = server, chance
        self.host = f"127.0.0.1:{server.port}"
        self.kinds: list[Callable[[Operation], bytes]] = [
            self.value,
            self.value,
            self.value,
            self.member,
            self.broken,
            self.header,
            self.signature,
            self.query,
            self.form,
        ]

    def request(self) -> bytes:
        return self.chance.choice(self.kinds)(self.chance.choice(OPERATIONS))

    def value(self, operation: Operation) -> bytes:
        body = deepcopy(BODIES[operation.action])
        place, name = self.chance.choice(_places(body))
        place[name] = self.chance.choice((*HOSTILE, *ODD))
        return self.signed(operation, json.dumps(body).encode())

    def member(self, operation: Operation) -> bytes:
        body = deepcopy(BODIES[operation.action])
        place, name = self.chance.choice(_places(body))
        if isinstance(place, dict) and self.chance.random() < 0.5:
            place[self.chance.choice(HOSTILE)[:2000]] = place.pop(name)
        else:
            del place[name]
        return self.signed(operation, json.dumps(body).encode())

    def broken(self, operation: Operation) -> bytes:
        body = json.dumps(BODIES[operation.action]).encode()
        at = self.chance.randrange(len(body))
        return self.signed(operation, body[:at] + self.chance.choice(BROKEN) + body[at:])

    def header(self, operation: Operation) -> bytes:
        """A header of the call that says nonsense; the signature covers none of them."""
        name = self.chance.choice(
            ("X-TC-Action", "X-TC-Version", "X-TC-Timestamp", "X-TC-Region", "X-TC-Language", "X-TC-Token")
        )
        hostile = "".join(c for c in self.chance.choice(HOSTILE)[:3000] if c not in "\r\n")
        return self.signed(operation, json.dumps(BODIES[operation.action]).encode(), **{name: hostile})

    def signature(self, operation: Operation) -> bytes:
        authorization = self.chance.choice(
            (
                "TC3-HMAC-SHA256",
                "TC3-HMAC-SHA256 Credential=, SignedHeaders=, Signature=",
                f"TC3-HMAC-SHA256 Credential={KEY_ID}/2026-11-21/sms/tc3_request, SignedHeaders=content-type;host, Signature=00",
                f"TC3-HMAC-SHA256 Credential={KEY_ID}/9999-99-99/x/y, SignedHeaders={'a;' * 2000}, Signature={'f' * 64}",
                "TC3-HMAC-SHA256 Credential=nobody/2026-11-21/sms/tc3_request, SignedHeaders=host, Signature=\xff",
                "TC3-HMAC-SM3 Credential=a/b/c/d, SignedHeaders=host, Signature=00",
                "Basic dGlkaW5nczp4",
            )
        )
        return self.signed(operation, json.dumps(BODIES[operation.action]).encode(), Authorization=authorization)

    def query(self, operation: Operation) -> bytes:
        """A GET, whose parameters are in the query: signed, flattened, and with one of them hostile."""
        pairs = dict(_flat(BODIES[operation.action]))
        name = self.chance.choice(list(pairs))
        pairs[self.chance.choice((name, name + ".0", name.replace(".", ".-"), "A.b" * 200))] = self.chance.choice(
            HOSTILE
        )[:3000]
        query = urlencode(pairs, errors="replace")
        if self.chance.random() < 0.3:
            query += self.chance.choice(("&%zz=1", "&%ff", "&=&=", f"&{quote(name)}=1", "&" * 300))
        return self.signed(operation, b"", query=query)

    def form(self, operation: Operation) -> bytes:
        """Signature v1, among the parameters of a form."""
        pairs = dict(_flat(BODIES[operation.action]))
        pairs |= {
            "Action": operation.action,
            "Version": operation.version,
            "Timestamp": str(int(time.time())),
            "Nonce": "7",
            "SecretId": KEY_ID,
            "SignatureMethod": self.chance.choice(("HmacSHA1", "HmacSHA256")),
        }
        method = hashlib.sha1 if pairs["SignatureMethod"] == "HmacSHA1" else hashlib.sha256
        name = self.chance.choice([name for name in pairs if name != "SignatureMethod"])
        pairs[name] = self.chance.choice(HOSTILE)[:3000]
        joined = "&".join(f"{key}={value}" for key, value in sorted(pairs.items()))
        text = f"POST{self.host}/?{joined}".encode("utf-8", "replace")
        pairs["Signature"] = base64.b64encode(hmac.new(SECRET.encode(), text, method).digest()).decode()
        body = urlencode(pairs, errors="replace").encode()
        return _post(self.host, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def signed(self, operation: Operation, body: bytes, *, query: str = "", **headers: str) -> bytes:
        given = tc3_headers(body, self.host, operation.action, operation.version, query=query)
        return _post(self.host, body, given | headers, "GET" if query else "POST", f"/?{query}" if query else "/")

    def ask(self, operation: Operation, body: dict[str, Any]) -> Any:
        answer = exchange(self.server.port, self.signed(operation, json.dumps(body).encode()))
        assert answer is not None
        response = json.loads(answer.body)["Response"]
        assert "Error" not in response, response
        del response["RequestId"]
        return response

    def state(self) -> list[Any]:
        """Everything that the canary is: an address, who is opted out there, and a template."""
        actions = {operation.action: operation for operation in OPERATIONS}
        return [
            self.ask(actions["DescribeInboundAddressList"], {"InboundAddressSet": [ADDRESS]}),
            self.ask(actions["DescribeUnsubscribedUserList"], {"InboundAddress": ADDRESS}),
            self.ask(actions["DescribeSmsTemplateList"], {"International": 1, "TemplateIdSet": [1101]}),
        ]


def _post(host: str, body: bytes, headers: dict[str, str], method: str = "POST", target: str = "/") -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in ({"Host": host} | headers).items())
    head = f"{method} {target} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("utf-8", "surrogatepass") + body


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key or index) in a JSON value."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _flat(inner, f"{name}.{key}" if name else key)]
    if isinstance(value, list):
        return [pair for index, inner in enumerate(value) for pair in _flat(inner, f"{name}.{index}")]
    return [(name, str(value))]


PROVISION = f"""
[[account]]
name = "default"
account_id = "000000000000"

[[account.sms_application]]
sdk_app_id = "{APP}"
sender = "{ADDRESS}"

[[account.sms_sign]]
content = "Scratch"

[[account.sms_template]]
id = 1101
name = "canary"
content = "Hello {{1}}"
type = "notification"
international = true

[[account.sms_template]]
id = 1102
name = "scratch"
content = "Hello {{1}}"
type = "notification"
international = true

[[account.inbound_address]]
address = "{ADDRESS}"
rules = {{ "{APP}" = ["marketing", "notification"] }}

[[account.inbound_address]]
address = "{SCRATCH}"
"""


@pytest.fixture
def doors(data: Path) -> Any:
    data.mkdir(parents=True, exist_ok=True)
    provision = data / "provision.toml"
    provision.write_text(PROVISION)
    server = Server(data, is_measured=False).start("--provision", str(provision))
    server.api("dev/replies", {"from": CANARY_PHONE, "to": ADDRESS, "text": "STOP"})
    yield Doors(server, random.Random(SEED))
    assert server.stop() == 0, server.log()


def test_every_operation_has_a_body() -> None:
    assert {operation.action for operation in OPERATIONS} == set(BODIES)


@pytest.mark.timeout(120 + MUTATIONS // 10)
def test_no_call_of_tencents_makes_another_status_a_hang_or_a_change(doors: Doors) -> None:
    before, warm = doors.state(), 0.0
    seen: Counter[str] = Counter()
    for number in range(MUTATIONS):
        request = doors.request()
        answer = exchange(doors.server.port, request)
        if answer is not None:
            fault = clear_error(request, answer)
            code = _code(answer.body) if answer.status == 200 else str(answer.status)
            seen[code.partition(".")[0]] += 1
            if not fault and code == "InternalError":
                fault = "our fault"
            assert not fault, f"{fault}: {request[:900]!r} -> {answer.body[:300]!r}\n{doors.server.log()}"
        if number % 100 == 99:
            assert doors.state() == before, "a call about something else changed the canary"
        if number == MUTATIONS // 3:
            warm = memory_mib(doors.server)
    assert memory_mib(doors.server) - warm < MEMORY_GROWTH_MAX_MIB
    assert sum(seen.values()) - seen["Ok"] > MUTATIONS // 3, seen


def _code(body: bytes) -> str:
    """The error's code, or Ok. Whatever has status 200 must be an answer of Tencent's form, or SNS's for what is no call of theirs."""
    if body.startswith(b"<"):
        return "XML"
    response = json.loads(body)["Response"]
    assert len(response["RequestId"]) == 36
    return str(response["Error"]["Code"]) if "Error" in response else "Ok"
