from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain import links

TOKEN = "0f" * 32


@pytest.mark.parametrize("base", ["https://news.example", "https://news.example/"])
def test_links_are_short(base: str) -> None:
    assert links.confirm_url(base, TOKEN) == f"https://news.example/s/y/{TOKEN}"
    assert links.restore_url(base, TOKEN) == f"https://news.example/s/r/{TOKEN}"
    assert links.cancel_url(base, "cX") == links.one_click_url(base, "cX") == "https://news.example/s/c/cX"
    assert links.endpoint_url(base, "eX") == "https://news.example/s/e/eX"
    assert links.endpoint_item_url(base, "eX", "ab") == "https://news.example/s/e/eX/ab"
    assert links.permanent_url(base, "pX") == "https://news.example/s/p/pX"
    assert links.named_url(base, "ab") == "https://news.example/s/u/ab"
    assert links.endpoint_all_url(base, "eX") == "https://news.example/s/e/eX/all"


def test_a_base_may_have_a_path() -> None:
    assert links.confirm_url("https://example.org/tidings", "t") == "https://example.org/tidings/s/y/t"


@pytest.mark.parametrize("path", ["/", "/s/", "/s/style.css", "/s/y", "/s/y/", "/v2/x/notifications", "/s/q/abc"])
def test_a_path_without_secret_is_logged_as_it_is(path: str) -> None:
    assert links.without_secret(path) == path


@given(st.sampled_from("yrcepu"), st.text(min_size=1))
def test_no_secret_is_ever_logged(kind: str, secret: str) -> None:
    assert links.without_secret(f"/s/{kind}/{secret}") == f"/s/{kind}/…"
