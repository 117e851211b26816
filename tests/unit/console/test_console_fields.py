"""What queries and forms say is read without surprises, and refused by name."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.console.fields import Fields, read_multipart, read_pairs
from tidings.console.sign_in import wanted_path
from tidings.domain.errors import InvalidValue

_ANY = st.text(max_size=80)


@given(_ANY)
def test_any_text_is_either_read_or_refused_by_name(text: str) -> None:
    for read in (
        lambda fields: fields.text("x", "Name", characters_max=20, required=True),
        lambda fields: fields.lines("x", "Name", characters_max=20),
        lambda fields: fields.choice("x", "Name", ("a", "b")),
        lambda fields: fields.choices("x", "Name", ("a", "b")),
        lambda fields: fields.whole("x", "Name"),
        lambda fields: fields.numbers("x", "Name"),
        lambda fields: fields.moment("x", "Name"),
        lambda fields: fields.moment("x", "Name", is_end=True),
    ):
        fields = Fields([("x", text)])
        value = read(fields)
        assert fields.typed("x") == text
        if not fields.ok:
            assert fields.refusals["x"].startswith("Name")
            assert value in ("", None, 0, [])


@given(_ANY)
def test_what_is_accepted_has_no_control_characters(text: str) -> None:
    fields = Fields([("x", text)])
    value = fields.text("x", "Name")
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in value)
    assert value in ("", text.strip())


def test_a_day_that_ends_a_range_is_inside_it() -> None:
    fields = Fields(
        [("a", "2026-11-21"), ("b", "2026-11-21T10:30"), ("c", "2026-11-21T10:30+02:00"), ("d", "9999-12-31")]
    )
    assert fields.moment("a", "A") == datetime(2026, 11, 21, tzinfo=UTC)
    assert fields.moment("a", "A", is_end=True) == datetime(2026, 11, 22, tzinfo=UTC)
    assert fields.moment("b", "B", is_end=True) == datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
    assert fields.moment("c", "C") == datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
    assert fields.moment("d", "D", is_end=True) is None
    assert fields.refusals == {"d": "D: a day such as 2026-11-21 is needed."}


def test_a_services_error_stands_next_to_its_field() -> None:
    fields = Fields()
    fields.refuse_error(InvalidValue("phone", "not a number"), {"phone": "to"})
    fields.refuse_error(InvalidValue("zeal", "too much!"), other="text")
    assert fields.refusals == {"to": "Not a number.", "text": "Too much!"}


def test_a_form_with_a_file_is_read() -> None:
    body = (
        b'--b1\r\nContent-Disposition: form-data; name="mark"\r\n\r\nabc\r\n'
        b'--b1\r\nContent-Disposition: form-data; name="list"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
        b"+1,\r\n\r\nx--\r\n--b1--\r\n"
    )
    form = read_multipart(body, "multipart/form-data; boundary=b1")
    assert form.typed("mark") == "abc"
    assert (form.files["list"].name, form.files["list"].content) == ("a.csv", b"+1,\r\n\r\nx--")


@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b"--b1", b"\r\n", b"--", b'name="a"', b"; ", b"x"]), max_size=20)
)
def test_no_bytes_break_the_reading_of_a_form(body: bytes | list[bytes]) -> None:
    with suppress(ValueError):
        read_multipart(body if isinstance(body, bytes) else b"".join(body), "multipart/form-data; boundary=b1")


def test_too_many_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="fields"):
        read_pairs("&".join(["a=1"] * 5_000))


@given(
    _ANY
    | st.sampled_from(["/console/%2e%2e/x", "/console/..", "//console/", "/console:80/", "/console/a?next=//b"])
    | _ANY.map(lambda t: f"/console/{t}")
)
def test_one_is_led_to_a_page_of_the_console_or_to_its_first(text: str) -> None:
    found = wanted_path(text)
    parts = urlsplit(found)
    assert not parts.scheme
    assert not parts.netloc
    assert parts.path == "/console" or parts.path.startswith("/console/")
    assert "/.." not in found.partition("?")[0]
    assert found == quote(found, safe="/?#[]@!$&'()*+,;=:%-._~<>\"{}|^` ")
