"""Secrets of links: only what we made opens anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain import tokens
from tidings.domain.errors import InvalidToken, MalformedToken
from tidings.domain.tokens import LinkPurpose, digest, read_link, sign_link

KEY = b"k" * 32
uids = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(uids, st.sampled_from(LinkPurpose))
def test_a_signed_link_says_what_it_was_made_for(uid: str, purpose: LinkPurpose) -> None:
    assert read_link(KEY, purpose, sign_link(KEY, purpose, uid)) == uid


@given(uids)
def test_a_link_of_one_purpose_serves_no_other(uid: str) -> None:
    link = sign_link(KEY, LinkPurpose.CANCEL, uid)
    with pytest.raises(InvalidToken):
        read_link(KEY, LinkPurpose.ENDPOINT, link)
    with pytest.raises(InvalidToken):
        read_link(KEY, LinkPurpose.ENDPOINT, LinkPurpose.ENDPOINT.value + link[1:])


@given(uids, st.integers(1, 43), st.sampled_from("ABCxyz019-_"))
def test_a_changed_link_is_not_ours(uid: str, place: int, letter: str) -> None:
    link = sign_link(KEY, LinkPurpose.CANCEL, uid)
    changed = link[:place] + letter + link[place + 1 :]
    # The last letter of base64 carries bits that no byte needs, so another spelling may say the same.
    if changed != link and place != 43:
        with pytest.raises(InvalidToken):
            read_link(KEY, LinkPurpose.CANCEL, changed)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(InvalidToken):
        read_link(b"x" * 32, LinkPurpose.CANCEL, sign_link(KEY, LinkPurpose.CANCEL, "ab" * 16))


def test_a_link_signed_with_an_older_key_keeps_working_and_new_ones_are_signed_with_the_newest() -> None:
    keys = (b"n" * 32, KEY)
    assert read_link(keys, LinkPurpose.CANCEL, sign_link(KEY, LinkPurpose.CANCEL, "ab" * 16)) == "ab" * 16
    assert sign_link(keys, LinkPurpose.CANCEL, "ab" * 16) == sign_link(keys[0], LinkPurpose.CANCEL, "ab" * 16)


@given(st.text(max_size=60))
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(InvalidToken):
        read_link(KEY, LinkPurpose.CANCEL, text)
    if len(text) % 2 or not text or set(text) - set("0123456789abcdefABCDEF"):
        with pytest.raises(MalformedToken):
            digest(text)


def test_a_link_that_is_no_base64_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str) -> bytes:
        raise ValueError("a stricter library than today's")

    monkeypatch.setattr(tokens, "urlsafe_b64decode", refuse)
    with pytest.raises(MalformedToken):
        read_link(KEY, LinkPurpose.CANCEL, sign_link(KEY, LinkPurpose.CANCEL, "ab" * 16))


def test_a_stored_token_is_a_hash() -> None:
    token = "0a" * 32
    assert len(digest(token)) == 32
    assert token.encode() not in digest(token)
    assert digest(token.upper()) != digest(token)  # hexadecimal, and nobody's
