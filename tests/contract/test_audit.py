"""The audit trail through every front end: who did what, from where, before and after; seen by API, CLI and console."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import pytest
from tests.support.server import KEY_ID, SECRET, Server
from tests.support.smn import ask as smn_ask
from tests.support.smn import sign_in as smn_sign_in
from tests.support.smn import smn_client
from tests.support.tencent import ask as sms_ask
from tests.support.tencent import sms_client

ACCOUNT = "000000000000"
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/admin"
PROVISION = """
[[account]]
name = "default"
account_id = "000000000000"
project_id = "0123456789abcdef0123456789abcdef"

[[account]]
name = "other"
account_id = "111111111111"
users = [{ name = "bob", role = "owner" }, { name = "op", role = "operator" }, { name = "eve", role = "auditor" }]
access_keys = [
  { id = "bobskey", secret = "bobs-secret", user = "bob" },
  { id = "opskey", secret = "ops-secret", user = "op" },
  { id = "eveskey", secret = "eves-secret", user = "eve" },
]
"""
Mark = Callable[[], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("audit")
    provision = folder / "provision.toml"
    provision.write_text(PROVISION)
    server = Server(folder).start("--provision", str(provision))
    yield server
    assert server.stop() == 0, server.log()


def trail(server: Server, **filters: str) -> list[dict[str, Any]]:
    """All entries of the first account."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = server.api(f"audit?{urlencode({**filters, 'limit': '1000', **({'after': after} if after else {})})}")
        found += page["items"]
        after = page.get("next") or ""
        if not after:
            return found


@pytest.fixture
def since(server: Server) -> Mark:
    """What came after the fixture was made."""
    last = max((entry["id"] for entry in trail(server)), default=0)
    return lambda: [entry for entry in trail(server) if entry["id"] > last]


def basic(name: str, secret: str) -> str:
    return "Basic " + b64encode(f"{name}:{secret}".encode()).decode()


def status_of(server: Server, path: str, credentials: str) -> int:
    try:
        with urlopen(Request(f"{server.url}{path}", headers={"Authorization": credentials})) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_sns_calls_are_audited_with_key_address_and_agent(server: Server, since: Mark) -> None:
    sns = server.sns()
    arn = sns.create_topic(Name="audited", Tags=[{"Key": "team", "Value": "a"}])["TopicArn"]
    sns.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="Harbor")
    sns.add_permission(TopicArn=arn, Label="all", AWSAccountId=["111111111111"], ActionName=["Publish"])
    sns.remove_permission(TopicArn=arn, Label="all")
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "b"}])
    sns.untag_resource(ResourceArn=arn, TagKeys=["team"])
    sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional"})
    sns.delete_topic(TopicArn=arn)
    found = since()
    assert [entry["action"] for entry in found] == [
        *("topic.create", *["topic.change"] * 5, "sms-application.create", "topic.delete")
    ]
    for entry in found:
        assert (entry["principal"], entry["key_id"], entry["way"]) == (ADMIN, KEY_ID, "sns")
        assert entry["remote_address"] == "127.0.0.1"
        assert "Botocore" in entry["user_agent"] or "Boto3" in entry["user_agent"]
        assert entry["request_id"]
    assert found[1]["after"]["display_name"] == "Harbor"
    assert "111111111111" in found[2]["after"]["sns:Policy"]
    assert (found[4]["before"], found[4]["after"]) == ({"tag team": "a"}, {"tag team": "b"})


def test_accounts_users_and_keys_by_our_own_api(server: Server, since: Mark) -> None:
    server.api("users", {"name": "zoe", "role": "operator", "password": "correct horse"})
    server.api("users/zoe", {"password": "battery staple"}, "PATCH")
    server.api("users/zoe", {"disabled": True}, "PATCH")
    made = server.api("access-keys", {"user": "zoe"})
    server.api(f"access-keys/{made['key_id']}", {"disabled": True}, "PATCH")
    found = since()
    assert [entry["action"] for entry in found] == [
        *("user.create", "user.change", "user.change", "access-key.create", "access-key.change")
    ]
    assert {entry["way"] for entry in found} == {"native"}
    assert {entry["principal"] for entry in found} == {ADMIN}
    assert found[1]["after"] == {"password": "**** (changed)"}
    assert (found[2]["before"], found[2]["after"]) == ({}, {"disabled": "yes"})
    written = json.dumps(found)
    assert not any(secret in written for secret in ("correct horse", "battery staple", made["secret"], "argon2"))


def test_settings_of_texting_by_our_own_api(server: Server, since: Mark) -> None:
    def put(path: str, body: dict[str, Any]) -> Any:
        return server.api(path, body, "PUT")

    address = "inbound-addresses/%2B18885550100"
    put("sms-applications/1400006666", {"sender": "+18885550100"})
    put(
        "sms-applications/1400006666",
        {"status_url": "https://example.com/", "callback_secret": "kept to ourselves"},
    )
    server.api("inbound-addresses", {"address": "+18885550100", "kind": "toll-free", "app_ids": ["1400006666"]})
    server.api(address, {"description": "ferries"}, "PATCH")
    put(f"{address}/keywords", {"keywords": {"opt_out": ["STOP", "QUIT"]}, "replies": {"opt_out": "No more texts."}})
    put(f"{address}/rules/1400006666", {"types": ["marketing"]})
    server.api(f"{address}/rules/1400006666", None, "DELETE")
    wide = {"phone": "+12025550123", "address": "*"}
    server.api("opt-outs", {**wide, "reason": "by mail"})
    server.api("opt-outs/lift", {**wide, "reason": "number reassigned"})
    found = since()
    assert [entry["action"] for entry in found] == [
        *("sms-application.create", "sms-application.change", "inbound-address.create", "blocking-rule.create"),
        *("inbound-address.change", "inbound-address.change", "blocking-rule.change", "blocking-rule.delete"),
        *("opt-out.add", "opt-out.lift"),
    ]
    assert {(entry["principal"], entry["way"]) for entry in found} == {(ADMIN, "native")}
    assert found[5]["after"]["opt-out keywords"] == "STOP, QUIT"
    assert (found[9]["subject"], found[9]["detail"]) == ("+12025550123 at the account", "number reassigned")
    assert not any(secret in json.dumps(found) for secret in ("kept to ourselves",))


def test_smn_calls_are_audited_as_such(server: Server, since: Mark) -> None:
    smn = smn_client(server)
    urn = smn_ask(smn, "CreateTopic", body={"name": "harbor", "display_name": "Harbor"})["topic_urn"]
    smn_ask(smn, "UpdateTopic", topic_urn=urn, body={"display_name": "The harbor"})
    smn_ask(smn, "UpdateTopicAttribute", topic_urn=urn, name="introduction", body={"value": "ferries"})
    body = {"message_template_name": "spring", "protocol": "default", "content": "Dear {name}"}
    made = smn_ask(smn, "CreateMessageTemplate", body=body)["message_template_id"]
    smn_ask(smn, "UpdateMessageTemplate", message_template_id=made, body={"content": "Hello {name}"})
    smn_ask(smn, "DeleteMessageTemplate", message_template_id=made)
    smn_ask(smn, "DeleteTopic", topic_urn=urn)
    smn_sign_in(server, "admin", SECRET, "default")
    found = since()
    assert [entry["action"] for entry in found] == [
        *("topic.create", "topic.change", "topic.change", "template.create", "template.change", "template.delete"),
        *("topic.delete", "sign-in"),
    ]
    assert {(entry["principal"], entry["way"], entry["remote_address"]) for entry in found} == {
        (ADMIN, "smn", "127.0.0.1")
    }
    assert {entry["key_id"] for entry in found[:-1]} == {KEY_ID}
    assert found[4]["before"] == {"content": "Dear {name}"}


def test_tencent_calls_are_audited_as_such(server: Server, since: Mark) -> None:
    sms = sms_client(server.url.removeprefix("http://"))
    sign = {"SignType": 0, "DocumentType": 1, "International": 0, "SignPurpose": 0, "ProofImage": "iVBORw0KGgo="}
    made = sms_ask(sms, "AddSmsSign", SignName="Harbor", Remark="for a test", **sign).AddSignStatus.SignId
    sms_ask(sms, "DeleteSmsSign", SignId=made)
    text = {"TemplateName": "spring", "SmsType": 0, "International": 0, "Remark": "for a test"}
    template = sms_ask(sms, "AddSmsTemplate", TemplateContent="Hello {1}", **text).AddTemplateStatus.TemplateId
    sms_ask(sms, "DeleteSmsTemplate", TemplateId=int(template))
    found = since()
    assert [entry["action"] for entry in found] == [
        *("sms-sign.create", "sms-sign.delete", "sms-template.create", "sms-template.delete")
    ]
    assert {(entry["principal"], entry["key_id"], entry["way"]) for entry in found} == {(ADMIN, KEY_ID, "tencent")}
    assert found[2]["after"]["content"] == "Hello {1}"


def test_passwords_by_api_good_once_an_hour_and_failures_counted(server: Server, since: Mark) -> None:
    for _ in range(3):
        assert status_of(server, "/api/v1/topics", basic("default/admin", SECRET)) == 200
    for _ in range(3):
        assert status_of(server, "/api/v1/topics", basic("default/admin", "wrong guess")) == 401
    found = since()
    good = [entry for entry in found if entry["action"] == "sign-in"]
    bad = [entry for entry in found if entry["action"] == "sign-in.failed"]
    assert len(good) <= 1
    assert 1 <= len(bad) <= 3
    assert (bad[0]["subject"], bad[0]["principal"], bad[0]["remote_address"]) == ("admin", "", "127.0.0.1")
    assert "wrong guess" not in json.dumps(found)


def test_signing_in_and_out_of_the_console_and_its_pages(server: Server, since: Mark) -> None:
    opener = build_opener(HTTPCookieProcessor(CookieJar()))
    page = opener.open(f"{server.url}/console/sign-in").read().decode()
    mark = page.split('name="mark" value="')[1].split('"')[0]
    form = urlencode({"account": "default", "user": "admin", "password": SECRET, "mark": mark}).encode()
    assert opener.open(f"{server.url}/console/sign-in", form).status == 200
    page = opener.open(f"{server.url}/console/audit").read().decode()
    assert "sign-in" in page
    entry = since()[-1]
    assert (entry["action"], entry["subject"], entry["way"]) == ("sign-in", "admin", "console")
    assert "127.0.0.1" in opener.open(f"{server.url}/console/audit/{entry['id']}").read().decode()
    rows = csv.DictReader(io.StringIO(opener.open(f"{server.url}/console/audit.csv?action=sign-in").read().decode()))
    assert {row["action"] for row in rows} <= {"sign-in", "sign-in.failed"}
    mark = page.split('name="mark" value="')[1].split('"')[0]
    opener.open(f"{server.url}/console/sign-out", urlencode({"mark": mark}).encode())
    actions = [(entry["action"], entry["principal"]) for entry in since()]
    assert actions == [("sign-in", ADMIN), ("export", ADMIN), ("sign-out", ADMIN)]


def test_each_account_sees_its_own_and_only_owners_see_any(server: Server) -> None:
    bob = server.sns("bobskey", "bobs-secret")
    bob.create_topic(Name="bobs")
    request = Request(f"{server.url}/api/v1/audit", headers={"Authorization": basic("bobskey", "bobs-secret")})
    with urlopen(request) as answer:
        items = json.load(answer)["items"]
    assert items[-1]["subject"] == "us-east-1/bobs"
    assert "us-east-1/bobs" not in [entry["subject"] for entry in trail(server)]
    assert all("000000000000" not in entry["principal"] for entry in items)
    for name, secret in (("opskey", "ops-secret"), ("eveskey", "eves-secret")):
        assert status_of(server, "/api/v1/audit", basic(name, secret)) == 403


def test_provisioning_is_audited_as_such(server: Server) -> None:
    request = Request(f"{server.url}/api/v1/audit", headers={"Authorization": basic("bobskey", "bobs-secret")})
    with urlopen(request) as answer:
        items = json.load(answer)["items"]
    made = [entry for entry in items if entry["way"] == "provisioning"]
    assert {"account.create", "user.create", "access-key.create"} <= {entry["action"] for entry in made}
    assert {entry["principal"] for entry in made} == {"provisioning"}


def test_filters_and_csv_by_api(server: Server) -> None:
    server.sns().create_topic(Name="filtered")
    assert {entry["action"].split(".")[0] for entry in trail(server, action="topic")} == {"topic"}
    assert {entry["subject"] for entry in trail(server, subject="filtered")} == {"us-east-1/filtered"}
    assert trail(server, principal="nobody") == []
    assert {entry["principal"] for entry in trail(server, principal="admin")} == {ADMIN}
    request = Request(f"{server.url}/api/v1/audit?format=csv", headers={"Authorization": basic(KEY_ID, SECRET)})
    with urlopen(request) as answer:
        rows = list(csv.DictReader(io.StringIO(answer.read().decode())))
    assert rows[-1]["action"] == "topic.create" or rows[-1]["action"] == "export"
    assert "/api/v1/audit" in server.api("openapi.json")["paths"]


def test_by_the_command_line_and_of_the_command_line(server: Server) -> None:
    def tidings(*arguments: str) -> str:
        command = [sys.executable, "-m", "tidings", *arguments, "--data", str(server.data / "state")]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_")}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    tidings("user", "create", "cleo", "--account", ACCOUNT, "--password", "of the command line")
    lines = [json.loads(line) for line in tidings("audit", "--json", "--account", ACCOUNT).splitlines()]
    assert [line["action"] for line in lines] == [entry["action"] for entry in trail(server)]
    (made,) = [line for line in lines if (line["action"], line["subject"]) == ("user.create", "cleo")]
    assert made["way"] == "cli"
    assert made["principal"].startswith("os-user:")
    table = list(csv.DictReader(io.StringIO(tidings("audit", "--csv", "--subject", "cleo"))))
    assert json.loads(table[-1]["after"]) == {"role": "operator", "password": "****"}
    assert "user.create" in tidings("audit", "--action", "user", "--subject", "cleo")


def test_copies_exports_imports_and_resets_are_audited(tmp_path: Path) -> None:
    server = Server(tmp_path)
    lines = tmp_path / "list.csv"
    lines.parent.mkdir(exist_ok=True)
    lines.write_text("phone,reason\n+12025550123,moved over\n+12025550124,moved over\n")
    server.start()

    def tidings(*arguments: str) -> str:
        command = [sys.executable, "-m", "tidings", *arguments, "--data", str(server.data / "state")]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_")}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    copy = str(tmp_path / "copy.db")
    tidings("optout", "import", str(lines))
    tidings("optout", "export", str(tmp_path / "out.csv"))
    server.api("dev/reset", {}, "POST")
    tidings("backup", copy)
    assert server.stop() == 0
    tidings("restore", copy, "--force")
    found = [json.loads(line) for line in tidings("audit", "--json").splitlines()]
    told = [(entry["action"], entry["count"], entry["way"]) for entry in found if entry["way"] in ("cli", "developer")]
    assert told == [
        ("opt-out.import", 2, "cli"),
        ("export", 1, "cli"),
        ("reset", 1, "developer"),
        ("restore", 1, "cli"),
    ]
    assert all(entry["principal"].startswith("os-user:") for entry in found if entry["way"] == "cli")
