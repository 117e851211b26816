"""Contract tests of Tencent Cloud SMS: one server for a module, two accounts on it, the vendor's SDK.

Templates and signs are made by the SDK's own calls; each test makes those that it needs (`templates`, `signs`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.sms.v20210111.sms_client import SmsClient
from tests.support.patience import PATIENCE_S
from tests.support.server import Server
from tests.support.tencent import ask, common_client, sms_client

APP, SECOND_APP, OTHER_APP = "1400006666", "1400007777", "1400008888"
"""Two applications of the developer's account, and one of the other account."""
ADDRESS, SECOND_ADDRESS = "+18885550100", "+12025550199"
"""Inbound addresses: the first with a rule for APP, the second with one for SECOND_APP, whose default sender it is."""
MARKETING, NOTIFICATION, VERIFICATION_CODE = 1, 2, 3
MAINLAND, GLOBAL = 0, 1
OTHER_ACCOUNT, OTHER_KEY, OTHER_SECRET = "111111111111", "bobskey", "bobs-secret"
AUDITOR_KEY, AUDITOR_SECRET = "eveskey", "eves-secret"
PUBLISHER_KEY, PUBLISHER_SECRET = "pamskey", "pams-secret"
PROVISION = f"""
[[account]]
name = "default"
account_id = "000000000000"
users = [
  {{ name = "admin", role = "owner" }},
  {{ name = "eve", role = "auditor" }},
  {{ name = "pam", role = "publisher" }},
]
access_keys = [
  {{ id = "{AUDITOR_KEY}", secret = "{AUDITOR_SECRET}", user = "eve" }},
  {{ id = "{PUBLISHER_KEY}", secret = "{PUBLISHER_SECRET}", user = "pam" }},
]

[[account.sms_application]]
sdk_app_id = "{APP}"
sender = "{ADDRESS}"

[[account.sms_application]]
sdk_app_id = "{SECOND_APP}"
sender = "{SECOND_ADDRESS}"

[[account.inbound_address]]
address = "{ADDRESS}"
kind = "10dlc"
description = "the first"
rules = {{ "{APP}" = ["marketing", "notification"] }}

[[account.inbound_address]]
address = "{SECOND_ADDRESS}"
kind = "10dlc"
rules = {{ "{SECOND_APP}" = ["marketing", "notification", "verification_code"] }}

[[account]]
name = "other"
account_id = "{OTHER_ACCOUNT}"
users = [
  {{ name = "bob", role = "owner" }},
]
access_keys = [
  {{ id = "{OTHER_KEY}", secret = "{OTHER_SECRET}", user = "bob" }},
]

[[account.sms_application]]
sdk_app_id = "{OTHER_APP}"
"""
_numbers = count(1)


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    """TIDINGS_* of the module's server; a module overrides it."""
    return {}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str]) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tencent")
    provision = folder / "provision.toml"
    provision.write_text(PROVISION)
    server = Server(folder, environment=settings).start("--provision", str(provision))
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture(scope="module")
def endpoint(server: Server) -> str:
    """Host and port, as the SDK wants them."""
    return f"127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def sms(endpoint: str) -> SmsClient:
    """The SDK's client of the developer's account."""
    return sms_client(endpoint)


@pytest.fixture(scope="module")
def bob(endpoint: str) -> SmsClient:
    """Of the other account."""
    return sms_client(endpoint, OTHER_KEY, OTHER_SECRET)


@pytest.fixture(scope="module")
def manager(endpoint: str) -> CommonClient:
    """For the operations of the management version."""
    return common_client(endpoint)


@pytest.fixture
def phone() -> str:
    """A number outside mainland China that no other test texts."""
    return f"+1202556{next(_numbers):04d}"


@pytest.fixture
def mainland_phone() -> str:
    """A number of mainland China that no other test texts."""
    return f"+86185{next(_numbers):08d}"


MakeTemplate = Callable[..., str]
MakeSign = Callable[..., str]


@pytest.fixture
def templates(sms: SmsClient) -> MakeTemplate:
    """Makes a template and gives its id: `templates(content, kind=NOTIFICATION, reach=GLOBAL)`."""

    def make(content: str, *, kind: int = NOTIFICATION, reach: int = GLOBAL) -> str:
        answer = ask(
            sms,
            "AddSmsTemplate",
            TemplateName=f"template {next(_numbers)}",
            TemplateContent=content,
            SmsType=kind,
            International=reach,
            Remark="for a test",
        )
        made: str = answer.AddTemplateStatus.TemplateId
        return made

    return make


@pytest.fixture
def signs(sms: SmsClient) -> MakeSign:
    """Makes a sign that no other test has and gives its content: `signs(reach=MAINLAND)`."""

    def make(content: str | None = None, *, reach: int = MAINLAND) -> str:
        content = content or f"Tidings{next(_numbers)}"
        ask(
            sms,
            "AddSmsSign",
            SignName=content,
            SignType=0,
            DocumentType=1,
            International=reach,
            SignPurpose=0,
            ProofImage="iVBORw0KGgo=",
            Remark="for a test",
        )
        return content

    return make


class Mailbox:
    """What the developer outbox has for a phone, and the phone's answers."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def texts(self, phone: str, at_least: int = 0) -> list[dict[str, Any]]:
        """Those that were sent to a phone, once there are `at_least` so many."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found: list[dict[str, Any]] = self._server.api(f"dev/outbox?channel=sms&to={phone.replace('+', '%2B')}")[
                "items"
            ]
            if len(found) >= at_least:
                return found
            assert time.monotonic() < deadline, f"{len(found)} texts, waiting for {at_least}"
            time.sleep(0.02)  # polling another process: there is no event to wait for

    def reply(self, phone: str, text: str, address: str = ADDRESS) -> dict[str, Any]:
        answer: dict[str, Any] = self._server.api("dev/replies", {"from": phone, "to": address, "text": text})
        return answer


@pytest.fixture
def mailbox(server: Server) -> Mailbox:
    return Mailbox(server)
