"""Addresses of subscribers' pages: each kind has its own, and none shows its secret in a log."""

from __future__ import annotations

import pytest

from tidings.domain import links


def test_every_page_has_an_address() -> None:
    base = "https://news.example/"
    assert links.confirm_url(base, "t") == "https://news.example/s/y/t"
    assert links.restore_url(base, "t") == "https://news.example/s/r/t"
    assert links.cancel_url(base, "t") == links.one_click_url(base, "t") == "https://news.example/s/c/t"
    assert links.endpoint_url(base, "t") == "https://news.example/s/e/t"
    assert links.endpoint_item_url(base, "t", "uid") == "https://news.example/s/e/t/uid"
    assert links.endpoint_all_url(base, "t") == "https://news.example/s/e/t/all"
    assert links.permanent_url(base, "t") == "https://news.example/s/p/t"
    assert links.named_url(base, "uid") == "https://news.example/s/u/uid"
    assert links.page_url("c", "t") == "/s/c/t"


@pytest.mark.parametrize("kind", ["y", "r", "c", "e", "p", "u"])
def test_secrets_leave_no_trace_in_logs(kind: str) -> None:
    assert links.without_secret(f"/s/{kind}/secret/all") == f"/s/{kind}/…"


@pytest.mark.parametrize("path", ["/", "/api/v1/s/c/x", "/s/", "/s/c", "/s/c/", "/s/static/page.css"])
def test_other_paths_are_logged_as_they_are(path: str) -> None:
    assert links.without_secret(path) == path
