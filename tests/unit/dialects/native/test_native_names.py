"""ARNs and uids of the native dialect: what is written can be read, and nothing else can."""

from __future__ import annotations

import uuid
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.naming import RESOURCE_NAMES

from tidings.dialects.native import names
from tidings.domain.errors import InvalidValue
from tidings.domain.model import AccountId

PROJECTS = st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
UIDS = st.uuids().map(lambda value: value.hex)
REGIONS = st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[1-9]", fullmatch=True)
ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True)
TOPICS = st.from_regex(r"[A-Za-z0-9_-]{1,250}(\.fifo)?", fullmatch=True)


def naming(account: str = "0" * 12, project: str = "0" * 32) -> names.Naming:
    return names.Naming(RESOURCE_NAMES["sns"], RESOURCE_NAMES["smn"], AccountId(account), project)


@given(ACCOUNTS, REGIONS, TOPICS)
def test_a_topic_arn_that_was_written_can_be_read(account: str, region: str, name: str) -> None:
    assert names.read_topic(naming(account).topic_arn(region, name)) == names.TopicName(
        AccountId(account), region, name
    )


@given(ACCOUNTS, REGIONS, TOPICS, UIDS)
def test_a_subscription_arn_that_was_written_can_be_read(account: str, region: str, name: str, uid: str) -> None:
    arn = naming(account).subscription_arn(region, name, uid)
    assert names.read_subscription(arn) == uid
    with pytest.raises(InvalidValue):
        names.read_topic(arn)


@given(PROJECTS, REGIONS, TOPICS, UIDS)
def test_a_urn_that_was_written_can_be_read(project: str, region: str, name: str, uid: str) -> None:
    urn = naming(project=project).topic_urn(region, name)
    assert names.read_topic(urn) == names.TopicUrn(project, region, name)
    assert names.read_subscription(f"{urn}:{uid}") == uid
    assert naming(project=project).subscription_urn(region, name, uid).rpartition(":") == (urn, ":", uid)
    for read, wrong in ((names.read_topic, f"{urn}:{uid}"), (names.read_subscription, urn)):
        with pytest.raises(InvalidValue):
            read(wrong)


@given(UIDS)
def test_a_uid_is_read_with_and_without_dashes(uid: str) -> None:
    assert names.read_uid(uid) == names.read_uid(str(uuid.UUID(uid))) == uid
    assert names.read_topic(str(uuid.UUID(uid))) == uid


@given(st.text())
def test_any_text_is_a_name_or_an_invalid_value(text: str) -> None:
    for read in (names.read_topic, names.read_subscription):
        with suppress(InvalidValue):
            assert read(text)


@pytest.mark.parametrize(
    "text",
    ["", "news", "arn:aws:sqs:us-east-1:000000000000:queue", "arn:aws:sns:us-east-1:1:news", "a" * 32 + "\n", "A" * 32],
)
def test_what_is_no_topic_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        names.read_topic(text)


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        ("https://ada:secret@example.com/hook?x=1", "https://ada:****@example.com/hook?x=1"),
        ("HTTP://ada:se@cret@example.com", "HTTP://ada:****@example.com"),
        ("https://example.com/a:b@c", "https://example.com/a:b@c"),
        ("https://ada@example.com/", "https://ada@example.com/"),
        ("ada@example.com", "ada@example.com"),
        ("+18885550100", "+18885550100"),
    ],
)
def test_a_password_inside_a_url_is_never_shown(endpoint: str, shown: str) -> None:
    assert names.shown_endpoint(endpoint) == shown
