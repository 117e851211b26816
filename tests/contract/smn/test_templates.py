"""Message templates: made, listed, shown, changed and deleted by the vendor's SDK."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.server import Server
from tests.support.smn import PROJECT, Http, ask, refused, smn_client

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
PATH = f"/v2/{PROJECT}/notifications/message_template"


@pytest.fixture
def name() -> str:
    return f"t-{uuid.uuid4().hex}"


@pytest.fixture(autouse=True)
def no_templates_left(smn: SmnClient) -> Iterator[None]:
    """An account has room for a hundred."""
    yield
    while found := ask(smn, "ListMessageTemplates")["message_templates"]:
        for template in found:
            ask(smn, "DeleteMessageTemplate", message_template_id=template["message_template_id"])


def make(smn: SmnClient, name: str, content: str = "Hello {name}", protocol: str | None = "default") -> str:
    body = {"message_template_name": name, "protocol": protocol, "content": content}
    made: str = ask(smn, "CreateMessageTemplate", body=body)["message_template_id"]
    return made


def test_a_template_is_made_shown_changed_and_deleted(smn: SmnClient, name: str) -> None:
    made = make(smn, name, "Hello {name}, {name}: {what.is_it-1}", "email")
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    shown = ask(smn, "ListMessageTemplateDetails", message_template_id=made)
    assert shown["message_template_id"] == made
    assert shown["message_template_name"] == name
    assert shown["protocol"] == "email"
    assert shown["content"] == "Hello {name}, {name}: {what.is_it-1}"
    assert shown["tag_names"] == ["name", "what.is_it-1"]
    assert TIME.fullmatch(shown["create_time"])
    assert TIME.fullmatch(shown["update_time"])
    assert len(shown["request_id"]) == 32
    assert (
        len(ask(smn, "UpdateMessageTemplate", message_template_id=made, body={"content": "汉 {b}"})["request_id"]) == 32
    )
    shown = ask(smn, "ListMessageTemplateDetails", message_template_id=made)
    assert (shown["content"], shown["tag_names"]) == ("汉 {b}", ["b"])
    ask(smn, "DeleteMessageTemplate", message_template_id=made)
    for operation in ("ListMessageTemplateDetails", "DeleteMessageTemplate"):
        with refused(404, "SMN.0027"):
            ask(smn, operation, message_template_id=made)
    with refused(404, "SMN.0027"):
        ask(smn, "UpdateMessageTemplate", message_template_id=made, body={"content": "x"})


def test_creating_answers_201_and_a_protocol_not_given_is_the_default(http: Http, smn: SmnClient, name: str) -> None:
    reply = http("POST", PATH, {"message_template_name": name, "content": "x"})
    assert reply.status == 201
    assert set(reply.body) == {"request_id", "message_template_id"}
    shown = ask(smn, "ListMessageTemplateDetails", message_template_id=reply.body["message_template_id"])
    assert shown["protocol"] == "default"


def test_templates_are_listed_oldest_first_page_by_page_without_their_text(smn: SmnClient, name: str) -> None:
    made = [make(smn, f"{name}-{n}") for n in range(3)] + [make(smn, f"{name}-0", protocol="sms")]
    listed = ask(smn, "ListMessageTemplates")
    assert listed["message_template_count"] == 4
    assert [item["message_template_id"] for item in listed["message_templates"]] == made
    assert set(listed["message_templates"][0]) == {
        "message_template_id",
        "message_template_name",
        "protocol",
        "tag_names",
        "create_time",
        "update_time",
    }
    page = ask(smn, "ListMessageTemplates", offset=1, limit=2)
    assert (page["message_template_count"], [item["message_template_id"] for item in page["message_templates"]]) == (
        4,
        made[1:3],
    )
    assert ask(smn, "ListMessageTemplates", offset=4)["message_templates"] == []


def test_a_list_is_filtered_by_exact_name_and_protocol(smn: SmnClient, name: str) -> None:
    first, second = make(smn, name), make(smn, name, protocol="sms")
    make(smn, f"{name}-longer")

    def found(**filters: Any) -> tuple[int, list[str]]:
        listed = ask(smn, "ListMessageTemplates", **filters)
        return listed["message_template_count"], [item["message_template_id"] for item in listed["message_templates"]]

    assert found(message_template_name=name) == (2, [first, second])
    assert found(message_template_name=name, protocol="sms") == (1, [second])
    assert found(message_template_name=name.upper()) == (0, [])
    assert found(protocol="email") == (0, [])
    with refused(400, "SMN.0011"):
        found(protocol="pigeon")


@pytest.mark.parametrize(("offset", "limit"), [(-1, 10), (0, 0), (0, 101), ("x", 10), (0, "1.5")])
def test_a_page_out_of_bounds_is_refused(smn: SmnClient, offset: Any, limit: Any) -> None:
    with refused(400, "SMN.0015"):
        ask(smn, "ListMessageTemplates", offset=offset, limit=limit)


@pytest.mark.parametrize("protocol", ["default", "email", "sms", "http", "https", "functionstage"])
def test_a_name_has_one_template_per_protocol(smn: SmnClient, name: str, protocol: str) -> None:
    make(smn, name, protocol=protocol)
    with refused(400, "SMN.0025"):
        make(smn, name, "another text", protocol=protocol)


@pytest.mark.parametrize("bad", [None, "", "-a", "_a", "a b", "é", "a.b", "a" * 65, 5, ["a"], "a\n", "a\x00"])
def test_a_bad_name_is_refused(smn: SmnClient, bad: Any) -> None:
    with refused(400, "SMN.0032"):
        ask(smn, "CreateMessageTemplate", body={"message_template_name": bad, "content": "x"})


@pytest.mark.parametrize("bad", ["pigeon", "Email", "dingding", 5, [], {}])
def test_a_bad_protocol_is_refused(smn: SmnClient, name: str, bad: Any) -> None:
    with refused(400, "SMN.0011"):
        ask(smn, "CreateMessageTemplate", body={"message_template_name": name, "protocol": bad, "content": "x"})


@pytest.mark.parametrize(
    "bad",
    [None, "", 5, {}, "x" * (256 * 1024 + 1), "{a}" * 257, "".join(f"{{v{n}}}" for n in range(91)), "a\x00b"],
)
def test_a_bad_text_is_refused_at_making_and_changing(smn: SmnClient, name: str, bad: Any) -> None:
    with refused(400, "SMN.0024"):
        ask(smn, "CreateMessageTemplate", body={"message_template_name": name, "content": bad})
    made = make(smn, name)
    with refused(400, "SMN.0024"):
        ask(smn, "UpdateMessageTemplate", message_template_id=made, body={"content": bad})


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"5", b"{", b"\xff", b'{"message_template_name":"\\ud800"}'])
def test_a_body_that_is_no_template_is_refused(http: Http, body: bytes) -> None:
    reply = http("POST", PATH, body)
    assert reply.status == 400
    assert reply.code in ("SMN.0019", "SMN.0032")


@pytest.mark.parametrize("uid", ["nothing", "0" * 32, "%00", "%ff", "%f0%9f%a6%80", "x" * 2000])
def test_an_id_that_is_no_templates_is_not_found(http: Http, uid: str) -> None:
    for method, body in (("GET", None), ("PUT", {"content": "x"}), ("DELETE", None)):
        reply = http(method, f"{PATH}/{uid}", body)
        assert (reply.status, reply.code) == (404, "SMN.0027")


def test_an_account_has_a_hundred_templates(smn: SmnClient, name: str) -> None:
    for n in range(100):
        make(smn, f"{name}-{n}")
    with refused(400, "SMN.0044"):
        make(smn, name)
    assert ask(smn, "ListMessageTemplates")["message_template_count"] == 100


def test_templates_are_the_accounts_own(smn: SmnClient, bob: SmnClient, name: str) -> None:
    made = make(smn, name)
    assert ask(bob, "ListMessageTemplates", message_template_name=name)["message_template_count"] == 0
    for operation, given in (
        ("ListMessageTemplateDetails", {}),
        ("UpdateMessageTemplate", {"body": {"content": "mine"}}),
        ("DeleteMessageTemplate", {}),
    ):
        with refused(404, "SMN.0027"):
            ask(bob, operation, message_template_id=made, **given)
    assert ask(smn, "ListMessageTemplateDetails", message_template_id=made)["content"] == "Hello {name}"


def test_who_may_only_look_makes_and_changes_nothing(server: Server, smn: SmnClient, name: str) -> None:
    made = make(smn, name)
    eve = smn_client(server, "eveskey", "eves-secret")
    assert ask(eve, "ListMessageTemplateDetails", message_template_id=made)["content"] == "Hello {name}"
    with refused(403, "SMN.00308"):
        make(eve, f"{name}-eve")
    with refused(403, "SMN.00308"):
        ask(eve, "UpdateMessageTemplate", message_template_id=made, body={"content": "x"})
    with refused(403, "SMN.00308"):
        ask(eve, "DeleteMessageTemplate", message_template_id=made)
    lister = smn_client(server, "listerskey", "listers-secret")
    with refused(403, "SMN.00308"):
        ask(lister, "ListMessageTemplates")
