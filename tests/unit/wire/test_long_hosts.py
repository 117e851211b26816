"""Hosts longer than any name are refused before an international name is looked into."""

from __future__ import annotations

import pytest

from tidings.wire.egress import HOST_CHARACTERS_MAX, check_host, check_url


@pytest.mark.parametrize("text", ["ü" * 255, "a" * 255, "[" + "0" * 254 + "]", "1" * 5_000, "0x" + "f" * 5_000])
def test_a_host_longer_than_a_name_is_refused(text: str) -> None:
    assert len(text) > HOST_CHARACTERS_MAX
    with pytest.raises(ValueError, match="longer than a name"):
        check_host(text)


def test_a_long_host_within_a_short_url_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than a name"):
        check_url("https://" + "ü." * 900)
