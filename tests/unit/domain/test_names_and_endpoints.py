"""ARNs and URNs, endpoints and the passwords in them, protocols by name."""

from __future__ import annotations

import pytest
from tests.support.build import UID

from tidings.domain import passwords
from tidings.domain.errors import InvalidValue
from tidings.domain.protocols import ENDPOINT_CHARACTERS_MAX, NO_PROTOCOLS, Protocol, Protocols
from tidings.domain.resource_names import subscription_arn, subscription_urn, topic_arn, topic_urn


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("cnx", "aws")],
)
def test_arns_name_the_partition_of_their_region(region: str, partition: str) -> None:
    topic = topic_arn(region, "000000000000", "news")
    assert topic == f"arn:{partition}:sns:{region}:000000000000:news"
    assert subscription_arn(topic, UID) == f"{topic}:01234567-89ab-cdef-0123-456789abcdef"


def test_urns_hold_the_project() -> None:
    topic = topic_urn("eu-de", "p" * 32, "news")
    assert topic == f"urn:smn:eu-de:{'p' * 32}:news"
    assert subscription_urn(topic, UID) == f"{topic}:{UID}"


@pytest.mark.parametrize(
    ("endpoint", "shown", "password"),
    [
        ("http://me:secret@host/a?b#c", "http://me:****@host/a?b#c", "secret"),
        ("HTTPS://:s:e@host", "HTTPS://:****@host", "s:e"),
        ("https://me@host/x:y@z", "https://me@host/x:y@z", ""),
        ("https://host/", "https://host/", ""),
        ("a:b@mail.example", "a:b@mail.example", ""),
    ],
)
def test_a_password_is_taken_out_of_a_url_and_put_back(endpoint: str, shown: str, password: str) -> None:
    assert passwords.take_out(endpoint) == (shown, password)
    assert passwords.masked(endpoint) == shown
    assert passwords.put_back(shown, password) == endpoint


def _loft(endpoint: str) -> str:
    if " " in endpoint:
        raise ValueError("not a loft")
    return endpoint.lower()


PIGEON = Protocol(name="pigeon", check=_loft, mask=str, recipient=lambda e: f"loft {e}", owner=lambda e: e[:1])
OWL = Protocol(name="owl", check=str, mask=str)


def test_protocols_are_known_by_their_names_in_their_order() -> None:
    protocols = Protocols([PIGEON, OWL])
    assert (list(protocols), len(protocols), protocols["owl"]) == (["pigeon", "owl"], 2, OWL)
    assert protocols.check("pigeon", "Roof") == "roof"
    assert [protocols.recipient(name, "x") for name in ("pigeon", "owl", "crow")] == ["loft x", "owl:x", "crow:x"]
    assert [protocols.owner(name, "xy") for name in ("pigeon", "owl", "crow")] == ["x", "", ""]
    assert len(NO_PROTOCOLS) == 0


@pytest.mark.parametrize(
    ("name", "endpoint", "field"),
    [
        ("pigeon", "a loft", "endpoint"),
        ("crow", "x", "protocol"),
        ("pigeon", "x" * (ENDPOINT_CHARACTERS_MAX + 1), "endpoint"),
    ],
)
def test_an_endpoint_that_is_none_is_refused(name: str, endpoint: str, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Protocols([PIGEON]).check(name, endpoint)
    assert refused.value.field == field


def test_the_longest_endpoint_is_one() -> None:
    endpoint = "x" * ENDPOINT_CHARACTERS_MAX
    assert Protocols([PIGEON]).check("pigeon", endpoint) == endpoint
