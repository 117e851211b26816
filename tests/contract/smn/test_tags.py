"""Tags of topics."""

from __future__ import annotations

from typing import Any

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.server import Server
from tests.support.smn import PROJECT, Http, Reply, ask, refused

TYPE = "smn_topic"


@pytest.fixture
def uid(smn: SmnClient, topic_urn: str) -> str:
    found: str = ask(smn, "ListTopicDetails", topic_urn=topic_urn)["topic_id"]
    return found


def tags(smn: SmnClient, uid: str) -> dict[str, str]:
    listed = ask(smn, "ListResourceTags", resource_type=TYPE, resource_id=uid)
    assert "request_id" not in listed
    return {tag["key"]: tag["value"] for tag in listed["tags"]}


def create(smn: SmnClient, uid: str, tag: Any) -> None:
    ask(smn, "CreateResourceTag", resource_type=TYPE, resource_id=uid, body={"tag": tag})


def batch(smn: SmnClient, uid: str, action: Any, given: Any) -> None:
    body = {"action": action, "tags": given}
    ask(smn, "BatchCreateOrDeleteResourceTags", resource_type=TYPE, resource_id=uid, body=body)


def plain(http: Http, method: str, rest: str, body: Any = None, **headers: str) -> Reply:
    return http(method, f"/v2/{PROJECT}/{rest}", body, {k.replace("_", "-"): v for k, v in headers.items()})


def test_a_tag_is_made_changed_and_deleted(smn: SmnClient, http: Http, uid: str) -> None:
    create(smn, uid, {"key": "stage", "value": "test"})
    create(smn, uid, {"key": "stage", "value": "production"})
    create(smn, uid, {"key": "empty", "value": ""})
    assert tags(smn, uid) == {"stage": "production", "empty": ""}
    reply = plain(http, "DELETE", f"{TYPE}/{uid}/tags/stage")
    assert (reply.status, reply.raw) == (204, b"")
    assert tags(smn, uid) == {"empty": ""}
    with refused(404, "SMN.0045"):
        ask(smn, "DeleteResourceTag", resource_type=TYPE, resource_id=uid, key="stage")
    made = plain(http, "POST", f"{TYPE}/{uid}/tags", {"tag": {"key": "a", "value": "b"}})
    assert (made.status, made.raw) == (204, b"")


def test_a_batch_makes_and_deletes(smn: SmnClient, uid: str) -> None:
    batch(smn, uid, "create", [{"key": "a", "value": "1"}, {"key": "界", "value": "2"}])
    batch(smn, uid, "create", [{"key": "a", "value": "3"}])
    assert tags(smn, uid) == {"a": "3", "界": "2"}
    batch(smn, uid, "delete", [{"key": "a", "value": "3"}, {"key": "absent"}])
    assert tags(smn, uid) == {"界": "2"}
    batch(smn, uid, "delete", [{"key": "界"}])
    assert tags(smn, uid) == {}


@pytest.mark.parametrize("action", ["Create", "remove", "", None, 1, []])
def test_a_batch_that_is_none(smn: SmnClient, uid: str, action: Any) -> None:
    with refused(400, "SMN.0073"):
        batch(smn, uid, action, [{"key": "a", "value": "1"}])


@pytest.mark.parametrize(
    "tag",
    [
        None,
        "x",
        {},
        {"key": ""},
        {"key": 1, "value": "x"},
        {"key": "k", "value": None},
        {"key": "k", "value": 1},
        {"key": "k" * 129, "value": ""},
        {"key": "k", "value": "v" * 257},
        {"key": "a\x00", "value": ""},
    ],
)
def test_a_tag_that_is_none(http: Http, uid: str, tag: Any) -> None:
    reply = plain(http, "POST", f"{TYPE}/{uid}/tags", {"tag": tag})
    assert (reply.status, reply.code) == (400, "SMN.0038")
    reply = plain(http, "POST", f"{TYPE}/{uid}/tags/action", {"action": "create", "tags": [tag]})
    assert (reply.status, reply.code) == (400, "SMN.0038")


def test_the_longest_tag_is_taken(smn: SmnClient, uid: str) -> None:
    create(smn, uid, {"key": "界" * 128, "value": "界" * 256})
    assert tags(smn, uid) == {"界" * 128: "界" * 256}


@pytest.mark.parametrize("given", [None, [], {}, [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]])
def test_a_list_of_tags_that_is_none(smn: SmnClient, uid: str, given: Any) -> None:
    with refused(400, "SMN.0038"):
        batch(smn, uid, "create", given)
    assert tags(smn, uid) == {}


def test_a_topic_has_at_most_20_tags(smn: SmnClient, uid: str) -> None:
    batch(smn, uid, "create", [{"key": str(n), "value": ""} for n in range(20)])
    create(smn, uid, {"key": "3", "value": "changed"})
    with refused(400, "SMN.0038"):
        create(smn, uid, {"key": "one more", "value": ""})
    with refused(400, "SMN.0038"):
        batch(smn, uid, "delete", [{"key": str(n)} for n in range(21)])
    assert len(tags(smn, uid)) == 20


def test_a_topic_may_be_named_by_its_name(
    http: Http, smn: SmnClient, topic_urn: str, uid: str, topic_name: str
) -> None:
    by_name = {"X_SMN_RESOURCEID_TYPE": "name"}
    assert (
        plain(http, "POST", f"{TYPE}/{topic_name}/tags", {"tag": {"key": "k", "value": "v"}}, **by_name).status == 204
    )
    assert tags(smn, uid) == {"k": "v"}
    assert plain(http, "GET", f"{TYPE}/{topic_name}/tags", **by_name).body == {"tags": [{"key": "k", "value": "v"}]}
    assert plain(http, "DELETE", f"{TYPE}/{topic_name}/tags/k", **by_name).status == 204
    assert plain(http, "GET", f"{TYPE}/{topic_name}/tags").code == "SMN.0006"
    assert plain(http, "GET", f"{TYPE}/{uid}/tags", **by_name).code == "SMN.0006"


@pytest.mark.parametrize("kind", ["smn_sms", "smn_application", "topic"])
def test_other_things_have_no_tags(http: Http, uid: str, kind: str) -> None:
    for method, rest in (
        ("GET", f"{kind}/{uid}/tags"),
        ("GET", f"{kind}/tags"),
        ("POST", f"{kind}/resource_instances/action"),
        ("DELETE", f"{kind}/{uid}/tags/k"),
    ):
        assert plain(http, method, rest, {} if method == "POST" else None).status == 404


def test_an_unknown_topic(smn: SmnClient) -> None:
    with refused(404, "SMN.0006"):
        tags(smn, "f" * 32)
    with refused(404, "SMN.0006"):
        create(smn, "f" * 32, {"key": "a", "value": "b"})


def test_tags_of_another_account_are_not_shown(bob: SmnClient, uid: str) -> None:
    with refused(403, "SMN.00308"):
        tags(bob, uid)
    with refused(403, "SMN.00308"):
        create(bob, uid, {"key": "a", "value": "b"})


def test_sns_shows_and_sets_the_same_tags(server: Server, smn: SmnClient, uid: str, topic_name: str) -> None:
    sns = server.sns()
    arn = f"arn:aws:sns:us-east-1:000000000000:{topic_name}"
    create(smn, uid, {"key": "by", "value": "smn"})
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "also", "Value": "sns"}])
    assert tags(smn, uid) == {"by": "smn", "also": "sns"}
    assert len(sns.list_tags_for_resource(ResourceArn=arn)["Tags"]) == 2


@pytest.fixture(scope="module")
def topics(bob: SmnClient) -> dict[str, str]:
    """Ids by name of bob's topics, which nothing else tags."""
    made = {}
    for name, given in {
        "red": {"color": "red", "size": "s"},
        "blue": {"color": "blue", "size": "s"},
        "big": {"size": "xl"},
        "bare": {},
    }.items():
        urn = ask(bob, "CreateTopic", body={"name": name, "display_name": name.upper()})["topic_urn"]
        made[name] = ask(bob, "ListTopicDetails", topic_urn=urn)["topic_id"]
        if given:
            batch(bob, made[name], "create", [{"key": k, "value": v} for k, v in given.items()])
    return made


@pytest.mark.usefixtures("topics")
class TestSearch:
    def found(self, bob: SmnClient, **filters: Any) -> list[str]:
        body = {"action": "filter", **filters}
        answer = ask(bob, "ListResourceInstances", resource_type=TYPE, body=body)
        counted = ask(bob, "ListResourceInstances", resource_type=TYPE, body={**body, "action": "count"})
        names = [resource["resource_name"] for resource in answer["resources"]]
        if "limit" not in filters and "offset" not in filters:
            assert answer["total_count"] == len(names)
        assert counted == {"total_count": answer["total_count"]}
        return names

    def test_all_keys_of_a_project_with_their_values(self, bob: SmnClient) -> None:
        assert ask(bob, "ListProjectTags", resource_type=TYPE) == {
            "tags": [{"key": "color", "values": ["blue", "red"]}, {"key": "size", "values": ["s", "xl"]}]
        }

    def test_each_filter_finds_its_own(self, bob: SmnClient) -> None:
        small, red = {"key": "size", "values": ["s"]}, {"key": "color", "values": ["red"]}
        size, color = {"key": "size", "values": []}, {"key": "color"}
        assert self.found(bob) == ["red", "blue", "big", "bare"]
        assert self.found(bob, tags=[small]) == ["red", "blue"]
        assert self.found(bob, tags=[small, red]) == ["red"]
        assert self.found(bob, tags=[{"key": "color", "values": ["red", "blue"]}]) == ["red", "blue"]
        assert self.found(bob, tags=[size]) == ["red", "blue", "big"]
        assert self.found(bob, tags_any=[red, {"key": "size", "values": ["xl"]}]) == ["red", "big"]
        assert self.found(bob, not_tags=[small, red]) == ["blue", "big", "bare"]
        assert self.found(bob, not_tags_any=[small, red]) == ["big", "bare"]
        assert self.found(bob, not_tags_any=[color]) == ["big", "bare"]
        assert self.found(bob, without_any_tag=True) == ["bare"]
        assert self.found(bob, without_any_tag=True, tags=[small]) == ["bare"]
        assert self.found(bob, matches=[{"key": "resource_name", "value": "red"}]) == ["red"]
        assert self.found(bob, matches=[{"key": "resource_name", "value": "re"}]) == []
        assert self.found(bob, tags=[size], not_tags_any=[red]) == ["blue", "big"]

    def test_pages_are_strings(self, bob: SmnClient) -> None:
        assert self.found(bob, offset="1", limit="2") == ["blue", "big"]
        assert self.found(bob, offset="4", limit="1") == []

    def test_a_resource_is_shown_with_its_details(self, bob: SmnClient, topics: dict[str, str]) -> None:
        body = {"action": "filter", "matches": [{"key": "resource_name", "value": "big"}]}
        (shown,) = ask(bob, "ListResourceInstances", resource_type=TYPE, body=body)["resources"]
        assert shown["resource_id"] == topics["big"]
        assert shown["tags"] == [{"key": "size", "value": "xl"}]
        detail = shown["resource_detail"]
        assert detail["topic_urn"].endswith(":big")
        assert detail["display_name"] == "BIG"
        assert detail["enterprise_project_id"] == "0"
        assert topics["big"] in detail.values()

    @pytest.mark.parametrize(
        ("code", "body"),
        [
            ("SMN.0073", {}),
            ("SMN.0073", {"action": "Filter"}),
            ("SMN.0073", {"action": ["filter"]}),
            ("SMN.0015", {"action": "filter", "limit": "0"}),
            ("SMN.0015", {"action": "filter", "limit": "1001"}),
            ("SMN.0015", {"action": "filter", "limit": "x"}),
            ("SMN.0015", {"action": "filter", "offset": "-1"}),
            ("SMN.0015", {"action": "filter", "offset": True}),
            ("SMN.0038", {"action": "filter", "tags": {}}),
            ("SMN.0038", {"action": "filter", "tags": ["x"]}),
            ("SMN.0038", {"action": "filter", "tags_any": [{"key": ""}]}),
            ("SMN.0038", {"action": "filter", "not_tags": [{"key": "a"}, {"key": "a"}]}),
            ("SMN.0038", {"action": "filter", "not_tags_any": [{"key": "a", "values": "b"}]}),
            ("SMN.0038", {"action": "filter", "tags": [{"key": str(n)} for n in range(21)]}),
            ("SMN.0038", {"action": "filter", "tags": [{"key": "a", "values": [str(n) for n in range(21)]}]}),
            ("SMN.0038", {"action": "filter", "matches": [{"key": "name", "value": "x"}]}),
            ("SMN.0038", {"action": "filter", "matches": [{"key": "resource_name"}]}),
            ("SMN.0038", {"action": "filter", "without_any_tag": "true"}),
        ],
    )
    def test_a_filter_that_is_none(self, bob: SmnClient, code: str, body: dict[str, Any]) -> None:
        with refused(400, code):
            ask(bob, "ListResourceInstances", resource_type=TYPE, body=body)
