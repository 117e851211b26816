"""What queries and forms say is read without surprises, and refused by name."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.console.fields import PAIRS_MAX, Fields, read_pairs
from tidings.console.multipart import read_multipart
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


def test_the_reason_that_was_found_first_stays() -> None:
    fields = Fields([("name", "x" * 21)])
    fields.text("name", "Name", characters_max=20)
    fields.refuse("name", "Name is needed.")
    assert fields.refusals == {"name": "Name: at most 20 characters, not 21."}


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


def _part(about: str, content: bytes = b"x") -> bytes:
    return f"--b1\r\nContent-Disposition: {about}\r\n\r\n".encode() + content + b"\r\n"


def _read(*parts: bytes, end: bytes = b"--b1--\r\n", kind: str = "multipart/form-data; boundary=b1") -> Fields:
    return read_multipart(b"".join(parts) + end, kind)


@given(st.lists(st.tuples(st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True), _ANY.map(str.encode)), max_size=8))
def test_what_a_browser_sends_is_read_back(fields: list[tuple[str, bytes]]) -> None:
    form = _read(*(_part(f'form-data; name="{name}"', content) for name, content in fields))
    for name, _ in fields:
        assert form.all(name) == [content.decode() for other, content in fields if other == name]


@given(
    st.binary(max_size=200) | st.lists(st.sampled_from([b"\r\n", b"--b1", b"--b", b"\r", b"\n", b"-"])).map(b"".join)
)
def test_a_file_is_read_back_to_the_octet(content: bytes) -> None:
    if b"\r\n--b1" in b"\r\n" + content:
        return
    form = _read(_part('form-data; name="list"; filename="a b.csv"', content))
    assert (form.files["list"].name, form.files["list"].content) == ("a b.csv", content)


def test_names_of_files_are_texts_of_any_language_and_bounded() -> None:
    assert _read(_part('form-data; name="list"; filename="退订.csv"')).files["list"].name == "退订.csv"
    assert len(_read(_part(f'form-data; name="list"; filename="{"y" * 255}"')).files["list"].name) == 255
    with pytest.raises(ValueError, match="name"):
        _read(_part(f'form-data; name="list"; filename="{"y" * 256}"'))


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'b' * 71}"]
)
def test_a_boundary_is_needed(kind: str) -> None:
    with pytest.raises(ValueError, match="boundary"):
        _read(_part('form-data; name="a"'), kind=kind)


@pytest.mark.parametrize("about", ["form-data", 'form-data; name=""', 'form-data; name="a b"', f'x; name="{"n" * 65}"'])
def test_every_part_has_a_plain_name(about: str) -> None:
    with pytest.raises(ValueError, match="name"):
        _read(_part(about))


def test_a_part_without_a_name_does_not_have_that_of_the_part_before() -> None:
    with pytest.raises(ValueError, match="name"):
        _read(_part('form-data; name="a"'), b"--b1\r\nContent-Type: text/plain\r\n\r\nx\r\n")


@pytest.mark.parametrize("end", [b"", b"--b1", b"--b1\r\n", b"--b1-"])
def test_a_form_that_is_not_closed_is_refused(end: bytes) -> None:
    with pytest.raises(ValueError, match="closed"):
        _read(_part('form-data; name="a"'), end=end)


def test_parts_are_bounded() -> None:
    part = _part('form-data; name="a"')
    assert len(_read(*[part] * PAIRS_MAX).all("a")) == PAIRS_MAX
    with pytest.raises(ValueError, match="too many"):
        _read(*[part] * (PAIRS_MAX + 1))


def test_the_headers_of_a_part_are_bounded() -> None:
    for more in (b"X: " + b"y" * 5_000 + b"\r\n", b"X: y\r\n" * 20):
        with pytest.raises(ValueError, match=r"(?i)header"):
            read_multipart(
                b'--b1\r\nContent-Disposition: form-data; name="a"\r\n' + more + b"\r\nx\r\n--b1--\r\n",
                "multipart/form-data; boundary=b1",
            )


def test_a_malformed_form_leaves_no_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with suppress(ValueError):
        _read(b"no form at all")
    _read(_part('form-data; name="a"'), end=b"--b1--\r\nmore")
    assert caplog.records == []


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
