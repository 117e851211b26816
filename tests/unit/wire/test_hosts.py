"""Which Host headers can only mean this machine."""

from __future__ import annotations

import pytest

from tidings.wire.hosts import host_name, is_at_home, is_loopback


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8010",
        "a.localhost:1",
        "localhost.:80",
        "127.0.0.1:8010",
        "127.9.9.9",
        "[::1]:8010",
        "[::ffff:127.0.0.1]",
    ],
)
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host_name(host))
    assert is_at_home([host], ())


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "notlocalhost",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
        ),
        *("[", "[::1", "localhost@evil.example", "evil.example#localhost", "evil.example/localhost", "2130706433"),
    ],
)
def test_names_of_anybody(host: str) -> None:
    assert not is_at_home([host], ())


def test_names_that_the_operator_allowed() -> None:
    assert is_at_home(["Tidings:8010", "localhost"], {"tidings"})
    assert not is_at_home(["tidings:8010", "evil.example"], {"tidings"})
