"""What a web hook may be: its address and its own headers."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.protocols import PROTOCOLS

from tidings.dialects.smn.errors import SmnError
from tidings.dialects.smn.webhook_endpoints import check_url_of, read_header
from tidings.wire.egress import EgressPolicy

STRICT = EgressPolicy()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "10.1.2.3", "[::ffff:10.0.0.1]"])
def test_an_address_inside_the_network_is_refused(host: str) -> None:
    with pytest.raises(SmnError) as refused:
        check_url_of(PROTOCOLS, STRICT, "http", f"http://{host}/hook")
    assert (refused.value.code, refused.value.status) == ("SMN.0069", 403)


@pytest.mark.parametrize("endpoint", ["", "hook", "http://a.example/", "https://", "https://a b/", "https://\x00/"])
def test_what_is_no_url_of_the_protocol_is_refused(endpoint: str) -> None:
    with pytest.raises(SmnError) as refused:
        check_url_of(PROTOCOLS, STRICT, "https", endpoint)
    assert (refused.value.code, refused.value.status) == ("SMN.0012", 400)


def test_what_the_operator_allows_is_taken() -> None:
    assert check_url_of(PROTOCOLS, STRICT, "https", "https://hook.example/a?b") == "https://hook.example/a?b"
    assert check_url_of(PROTOCOLS, EgressPolicy(loopback=True), "http", "http://localhost/a") == "http://localhost/a"
    allowing = EgressPolicy(allow=(ip_network("10.0.0.0/8"),))
    assert check_url_of(PROTOCOLS, allowing, "http", "http://10.0.0.1/a") == "http://10.0.0.1/a"


@given(st.dictionaries(st.text(max_size=30), st.text(max_size=60) | st.integers(), max_size=12) | st.integers())
def test_headers_that_are_taken_can_be_written_as_lines(given_header: Any) -> None:
    try:
        header = read_header(given_header)
    except SmnError as error:
        header, code = {}, error.code
    else:
        code = "taken"
    assert code in ("SMN.0043", "taken")
    assert len(header) <= 10
    for name, value in header.items():
        assert f"{name}{value}".isprintable()
        assert f"{name}{value}".isascii()
        assert ":" not in name
