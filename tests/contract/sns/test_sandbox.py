"""The SMS sandbox through an unmodified client: put on by the operator, numbers added, verified, used and deleted.

Source: SNS developer guide, "SMS sandbox"; SNS service model, the sandbox actions.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError
from tests.support.patience import PATIENCE_S
from tests.support.server import Server

ACCOUNT = "000000000000"
PHONE, STRANGER, SUBSCRIBER = "+12025550181", "+12025550182", "+12025550183"


@pytest.fixture
def server(tmp_path: Any) -> Iterator[Server]:
    server = Server(tmp_path).start()
    yield server
    assert server.stop() == 0, server.log()


def refused(client: Any, operation: str, **given: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**given)
    return dict(caught.value.response)


def code_of(client: Any, operation: str, **given: Any) -> str:
    return str(refused(client, operation, **given)["Error"]["Code"])


def sandbox(server: Server, on: bool) -> dict[str, Any]:
    answer: dict[str, Any] = server.api(f"accounts/{ACCOUNT}", {"sms_sandbox": on}, "PATCH")
    return answer


def texts(server: Server, phone: str, count: int) -> list[str]:
    """The texts that a phone got, once there are so many."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = server.api(f"dev/outbox?channel=sms&to=%2B{phone[1:]}")["items"]
        if len(found) >= count:
            return [item["text"] for item in found]
        assert time.monotonic() < deadline, f"{len(found)} texts of {count} came"
        time.sleep(0.02)  # polling another process: there is no event to wait for


def password_in(text: str) -> str:
    found = re.search(r"[0-9]{6}", text)
    assert found is not None, text
    return found[0]


def test_a_number_lives_from_pending_over_verified_to_deleted(server: Server) -> None:
    sns = server.sns()
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is False
    assert code_of(sns, "create_sms_sandbox_phone_number", PhoneNumber=PHONE) == "UserError"
    assert sandbox(server, True)["sms_sandbox"] is True
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is True

    topic = sns.create_topic(Name="boxed")["TopicArn"]
    for phone in (PHONE, SUBSCRIBER):
        sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=phone)
    sns.create_sms_sandbox_phone_number(PhoneNumber=PHONE, LanguageCode="de-DE")
    [asked] = texts(server, PHONE, 1)
    assert asked.startswith("Ihr Bestätigungscode lautet ")
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == [{"PhoneNumber": PHONE, "Status": "Pending"}]
    sns.publish(PhoneNumber=PHONE, Message="before it is verified")

    given = {"PhoneNumber": PHONE, "OneTimePassword": "00000"}
    error = refused(sns, "verify_sms_sandbox_phone_number", **given)
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("VerificationException", 400)
    given["OneTimePassword"] = password_in(asked)
    assert code_of(sns, "verify_sms_sandbox_phone_number", **(given | {"PhoneNumber": STRANGER})) == "ResourceNotFound"
    sns.verify_sms_sandbox_phone_number(**given)
    sns.verify_sms_sandbox_phone_number(**given)
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == [{"PhoneNumber": PHONE, "Status": "Verified"}]

    sns.publish(PhoneNumber=STRANGER, Message="to a stranger")
    sns.publish(PhoneNumber=PHONE, Message="to a verified number")
    sns.publish(TopicArn=topic, Message="by topic")
    assert set(texts(server, PHONE, 3)[1:]) == {"to a verified number", "by topic"}
    assert code_of(sns, "delete_sms_sandbox_phone_number", PhoneNumber=PHONE) == "UserError"
    server.api("dev/clock", {"advance_s": 24 * 3600 + 1})
    sns.delete_sms_sandbox_phone_number(PhoneNumber=PHONE)
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == []
    assert code_of(sns, "delete_sms_sandbox_phone_number", PhoneNumber=PHONE) == "ResourceNotFound"

    sandbox(server, False)
    for phone in (STRANGER, SUBSCRIBER):
        sns.publish(PhoneNumber=phone, Message="out of the sandbox")
        assert texts(server, phone, 1) == ["out of the sandbox"]
    assert set(texts(server, PHONE, 3)[1:]) == {"to a verified number", "by topic"}


def test_guesses_passwords_and_numbers_are_limited(server: Server) -> None:
    sns = server.sns(retries={"max_attempts": 1, "mode": "legacy"})
    sandbox(server, True)
    sns.create_sms_sandbox_phone_number(PhoneNumber=PHONE)
    right = password_in(texts(server, PHONE, 1)[0])
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for _ in range(5):
        given = {"PhoneNumber": PHONE, "OneTimePassword": wrong}
        assert code_of(sns, "verify_sms_sandbox_phone_number", **given) == "VerificationException"
    given = {"PhoneNumber": PHONE, "OneTimePassword": right}
    assert code_of(sns, "verify_sms_sandbox_phone_number", **given) == "VerificationException"
    sns.create_sms_sandbox_phone_number(PhoneNumber=PHONE)
    late = password_in(texts(server, PHONE, 2)[1])
    server.api("dev/clock", {"advance_s": 15 * 60})
    given = {"PhoneNumber": PHONE, "OneTimePassword": late}
    assert code_of(sns, "verify_sms_sandbox_phone_number", **given) == "VerificationException"
    for _ in range(3):
        sns.create_sms_sandbox_phone_number(PhoneNumber=PHONE)
    assert code_of(sns, "create_sms_sandbox_phone_number", PhoneNumber=PHONE) == "Throttled"
    server.api("dev/clock", {"advance_s": 24 * 3600})
    sns.create_sms_sandbox_phone_number(PhoneNumber=PHONE)
    for last in range(184, 193):
        sns.create_sms_sandbox_phone_number(PhoneNumber=f"+12025550{last}")
    assert code_of(sns, "create_sms_sandbox_phone_number", PhoneNumber="+12025550199") == "UserError"
    pages = [
        page["PhoneNumbers"] for page in sns.get_paginator("list_sms_sandbox_phone_numbers").paginate(MaxResults=4)
    ]
    assert [len(page) for page in pages] == [4, 4, 2]
    assert len({number["PhoneNumber"] for page in pages for number in page}) == 10


def test_who_has_opted_out_is_not_texted_a_password(server: Server) -> None:
    sandbox(server, True)
    server.api("dev/opt-outs", {"phoneNumber": PHONE})
    assert code_of(server.sns(), "create_sms_sandbox_phone_number", PhoneNumber=PHONE) == "OptedOut"


def tidings(server: Server, *command: str) -> subprocess.CompletedProcess[str]:
    state = ("--data", str(server.data / "state"))
    return subprocess.run(
        [sys.executable, "-m", "tidings", *command, *state], capture_output=True, text=True, check=False
    )


def test_an_operator_puts_an_account_in_and_takes_it_out(server: Server) -> None:
    sns = server.sns()
    answer = tidings(server, "account", "sandbox", ACCOUNT, "on", "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["sms_sandbox"] is True
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is True
    [shown] = server.api("accounts")["items"]
    assert shown["sms_sandbox"] is True
    file = server.data / "accounts.toml"
    file.write_text(f'[[account]]\nname = "{shown["name"]}"\naccount_id = "{ACCOUNT}"\nsms_sandbox = false\n')
    answer = tidings(server, "apply", str(file))
    assert (answer.returncode, answer.stdout) == (0, f"account {ACCOUNT}: change sms_sandbox=off\n")
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is False
    assert tidings(server, "apply", str(file)).stdout == "nothing to change\n"
    entries = server.api("audit?action=account.change")["items"]
    changes = [(entry["before"].get("sms_sandbox"), entry["after"].get("sms_sandbox")) for entry in entries]
    assert changes == [("off", "on"), ("on", "off")]
    with pytest.raises(HTTPError) as caught:
        server.api("accounts/999999999999", {"sms_sandbox": True}, "PATCH")
    with caught.value as answer:
        assert answer.code == 404
