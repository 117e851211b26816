"""The log: one line an event, whatever was logged, and no secret in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tidings.observe import log

SECRET = "Zx9" + "a1" * 30


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(level: str = "info", form: str = "json") -> tuple[Any, io.StringIO]:
    out = io.StringIO()
    log.set_up(level, form, out)
    return structlog.get_logger("test"), out


@pytest.mark.parametrize(
    "event",
    [
        {"password": SECRET},
        {"secret_access_key": SECRET},
        {"headers": {"Authorization": f"AWS4-HMAC-SHA256 Signature={SECRET}", "X-Amz-Security-Token": SECRET}},
        {"headers": [{"Cookie": SECRET}]},
        {"url": f"https://h/?Action=ConfirmSubscription&Token={SECRET}"},
        {"url": f"https://h/x?X-Amz-Signature={SECRET}&a=b"},
        {"url": f"smtp://user:{SECRET}@mail.example:25"},
        {"path": f"/s/c/{SECRET}"},
        {"text": f"POST body was Password={SECRET}"},
        {"line": f"Authorization: Bearer {SECRET}"},
        {"token": SECRET},
    ],
)
def test_a_secret_is_masked_wherever_it_stands(event: dict[str, Any]) -> None:
    logger, out = logged()
    logger.info("something happened", **event)
    assert SECRET not in out.getvalue()
    assert log.MASK in out.getvalue()


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_secret_in_an_exception_is_masked(form: str) -> None:
    logger, out = logged(form=form)
    try:
        raise RuntimeError(f"cannot reach smtp://user:{SECRET}@mail.example")
    except RuntimeError:
        logger.exception("failed")
    assert "RuntimeError" in out.getvalue()
    assert SECRET not in out.getvalue()


def test_what_is_not_secret_stays_readable() -> None:
    logger, out = logged()
    logger.info("published", topic="tokens-and-secrets", count=3, url="https://h/p?x=1", token_count=2)
    line = json.loads(out.getvalue())
    assert (line["event"], line["topic"], line["count"], line["url"]) == (
        "published",
        "tokens-and-secrets",
        3,
        "https://h/p?x=1",
    )
    assert line["token_count"] == 2


def test_less_than_the_level_is_not_logged() -> None:
    logger, out = logged("warning")
    logger.info("quiet")
    logger.warning("loud")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["loud"]


def test_the_standard_library_goes_the_same_way_out() -> None:
    _, out = logged()
    logging.getLogger("some.library").warning("trouble with Token=%s", SECRET)
    line = json.loads(out.getvalue())
    assert line["logger"] == "some.library"
    assert SECRET not in out.getvalue()


def test_setting_up_again_does_not_log_twice() -> None:
    logged()
    _, out = logged()
    logging.getLogger("x").warning("once")
    assert len(out.getvalue().splitlines()) == 1


@given(st.text(max_size=200))
def test_masking_takes_any_text(text: str) -> None:
    assert isinstance(log.masked_text(text), str)


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=80))
def test_a_token_in_a_query_never_survives(token: str) -> None:
    text = f"GET /?Action=ConfirmSubscription&TopicArn=arn&Token=qq{token}&x=1"
    assert f"qq{token}" not in log.masked_text(text)


def test_a_mask_of_a_long_text_needs_no_square_of_its_length() -> None:
    # By the square, each of these would take minutes: the time-out of every test is the check.
    for text in ("a" * 400_000 + "://", "/s/" * 200_000, "a://b:" * 100_000, "/s/" + "a-" * 200_000):
        assert len(log.masked_text(text)) <= len(text)


def test_a_long_user_before_a_password_does_not_show_it() -> None:
    assert SECRET not in log.masked_text(f"http://{'u' * 2_000}:{SECRET}@host/")


@pytest.mark.parametrize("path", ["/s/y/", "//s//y//", "/S/Y/", "/s/y/en/", "/base/s//"])
def test_a_link_whose_path_was_bent_on_the_way_is_masked_too(path: str) -> None:
    assert log.masked_text(f"{path}{SECRET}") == f"{path}{log.MASK}"
