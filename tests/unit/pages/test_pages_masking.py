from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import make_subscription
from tests.support.protocols import PROTOCOLS

from tidings.pages.labels import masked_endpoint


@pytest.mark.parametrize(
    ("protocol", "endpoint", "shown"),
    [
        ("email", "anna@example.org", "a•••@example.org"),
        ("email-json", "anna@example.org", "a•••@example.org"),
        ("email", "a@example.org", "•••@example.org"),
        ("email", '"odd@name"@example.org', '"•••@example.org'),
        ("sms", "+12125550100", "+1 •••• 0100"),
        ("sms", "+8613800138000", "+86 •••• 8000"),
        ("sms", "+4930123456", "+49 •••• 56"),
        ("sms", "+999", "+••••"),
        ("sms", "+2200000", "+220 ••••"),
        ("sms", "+378800000", "+378 •••• 00"),
        ("https", "https://user:pass@hooks.example.org:8443/T0/secret?key=1", "https://hooks.example.org:8443/•••"),
        ("http", "http://[2001:db8::1]/hook", "http://[2001:db8::1]/•••"),
        ("https", "https://[broken/hook", "•••"),
        ("https", "https://example.org:99999999/hook", "•••"),
        ("sqs", "arn:aws:sqs:us-east-1:123456789012:orders", "•••:orders"),
        ("feishu", "https://open.feishu.example/hook/secret", "https://open.feishu.example/•••"),
        ("dingding", "HTTPS://oapi.example/robot?access_token=secret", "https://oapi.example/•••"),
        ("pager", "abcdef", "a•••"),
    ],
)
def test_an_owner_recognizes_the_endpoint(protocol: str, endpoint: str, shown: str) -> None:
    assert masked_endpoint(PROTOCOLS, make_subscription(protocol=protocol, endpoint=endpoint)) == shown


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_number_never_shows_more_than_its_country_and_four_digits(number: str) -> None:
    shown = PROTOCOLS["sms"].mask(number)
    assert number not in shown
    hidden = len(number) - 1 - sum(character.isdigit() for character in shown)
    assert hidden >= 3


@given(st.from_regex(r"[a-z0-9.]{2,30}", fullmatch=True))
def test_a_mailbox_never_shows_more_than_its_first_letter(local: str) -> None:
    assert PROTOCOLS["email"].mask(f"{local}@example.org") == f"{local[0]}•••@example.org"


@given(st.sampled_from(["email", "sms", "http", "https", "sqs", "other"]), st.text(max_size=60))
def test_masking_takes_any_text(protocol: str, endpoint: str) -> None:
    assert "•••" in masked_endpoint(PROTOCOLS, make_subscription(protocol=protocol, endpoint=endpoint))
