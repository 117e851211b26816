"""`Mac` against the standard library's HMAC."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from tidings.wire.mac import Mac


@given(st.binary(max_size=200), st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_the_same_as_hmac_whatever_was_signed_before(key: bytes, texts: list[bytes]) -> None:
    mac = Mac(key)
    assert [mac.hex(text) for text in texts] == [hmac.digest(key, text, "sha256").hex() for text in texts]
