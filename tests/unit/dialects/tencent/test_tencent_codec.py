"""Parameters: what is read, what is refused, and that nothing a caller sends gets by or gets us down."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.dialects.contract import WireRequest
from tidings.dialects.tencent import codec
from tidings.dialects.tencent.codec import Parameters, Shape, flag, integer, integers, objects, text, texts
from tidings.dialects.tencent.codes import Language
from tidings.dialects.tencent.errors import TcError

INNER = Shape(text("PhoneNumber", required=True), texts("TemplateParamSet"))
SHAPE = Shape(
    text("Name", required=True),
    integer("Limit"),
    flag("Forced"),
    integers("Ids"),
    texts("Set"),
    objects("Infos", INNER),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SHAPE.fields, "X"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def refusal_of(parameters: Parameters, shape: Shape = SHAPE) -> tuple[str, str]:
    with pytest.raises(TcError) as caught:
        shape.read(parameters)
    return caught.value.code, caught.value.message(Language.ENGLISH)


def test_all_types_are_read_from_json() -> None:
    given = {
        "Name": "n",
        "Limit": -5,
        "Forced": True,
        "Ids": [1, 2],
        "Set": ["a", ""],
        "Infos": [{"PhoneNumber": "+1", "TemplateParamSet": ["x"]}, {"PhoneNumber": "+2"}],
    }
    found = SHAPE.read(codec.read_json(json.dumps(given).encode()))
    assert (found.text("Name"), found.integer("Limit"), found.flag("Forced")) == ("n", -5, True)
    assert (found.integers("Ids"), found.texts("Set")) == ([1, 2], ["a", ""])
    assert [(info.text("PhoneNumber"), info.texts("TemplateParamSet")) for info in found.objects("Infos")] == [
        ("+1", ["x"]),
        ("+2", []),
    ]


def test_the_same_is_read_from_flattened_parameters() -> None:
    query = (
        "Name=n&Limit=-5&Forced=True&Ids.0=1&Ids.1=2&Set.1=&Set.0=a"
        "&Infos.0.PhoneNumber=%2B1&Infos.0.TemplateParamSet.0=x&Infos.1.PhoneNumber=%2B2"
    )
    found = SHAPE.read(codec.unflatten(codec.read_pairs(query).items()))
    assert (found.text("Name"), found.integer("Limit"), found.flag("Forced")) == ("n", -5, True)
    assert (found.integers("Ids"), found.texts("Set")) == ([1, 2], ["a", ""])
    assert [info.text("PhoneNumber") for info in found.objects("Infos")] == ["+1", "+2"]


def test_null_is_as_good_as_absent() -> None:
    found = SHAPE.read(Parameters({"Name": "n", "Limit": None}, False))
    assert "Limit" not in found
    assert found.integer("Limit", 10) == 10
    assert "Name" in found
    assert refusal_of(Parameters({"Name": None}, False))[0] == "MissingParameter"


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"Name": 1}, "Name"),
        ({"Name": "a\x00"}, "Name"),
        ({"Name": "\ud800"}, "Name"),
        ({"Limit": "1"}, "Limit"),
        ({"Limit": True}, "Limit"),
        ({"Limit": 1.0}, "Limit"),
        ({"Limit": 2**63}, "Limit"),
        ({"Forced": 1}, "Forced"),
        ({"Forced": "true"}, "Forced"),
        ({"Set": "a"}, "Set"),
        ({"Set": {"0": "a"}}, "Set"),
        ({"Set": ["a", 1]}, "Set.1"),
        ({"Set": [None]}, "Set.0"),
        ({"Ids": ["1"]}, "Ids.0"),
        ({"Infos": ["a"]}, "Infos.0"),
        ({"Infos": [{"PhoneNumber": "1"}, {"PhoneNumber": 1}]}, "Infos.1.PhoneNumber"),
    ],
)
def test_a_wrong_type_is_named(members: dict[str, Any], name: str) -> None:
    code, message = refusal_of(Parameters(members, False))
    assert code == "InvalidParameter"
    assert f" {name} " in message


@pytest.mark.parametrize(
    "members", [{"Limit": "x"}, {"Limit": "9" * 19}, {"Limit": ""}, {"Forced": "1"}, {"Limit": "٣"}]
)
def test_text_that_is_not_of_the_type_is_refused(members: dict[str, str]) -> None:
    assert refusal_of(Parameters(members, True))[0] == "InvalidParameter"


def test_unknown_parameters_are_named_wherever_they_are() -> None:
    assert refusal_of(Parameters({"What": None}, False)) == ("UnknownParameter", "The parameter What is not known.")
    nested = {"Name": "n", "Infos": [{"PhoneNumber": "1", "What": 1}]}
    assert refusal_of(Parameters(nested, False)) == ("UnknownParameter", "The parameter Infos.0.What is not known.")


def test_what_is_missing_is_named_after_all_types_were_right() -> None:
    assert refusal_of(Parameters({"Limit": "x"}, False))[0] == "InvalidParameter"
    assert refusal_of(Parameters({}, False)) == ("MissingParameter", "The parameter Name is required.")
    nested = {"Name": "n", "Infos": [{"PhoneNumber": "1"}, {}]}
    assert refusal_of(Parameters(nested, False)) == (
        "MissingParameter",
        "The parameter Infos.1.PhoneNumber is required.",
    )


def test_asking_for_a_parameter_that_does_not_exist_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        SHAPE.read(Parameters({"Name": "n"}, False)).text("Nmae")


@pytest.mark.parametrize(
    "query",
    [
        "Set.1=a",  # does not begin at 0
        "Set.0=a&Set.2=b",
        "Set.00=a",
        "Set=a&Set.0=b",
        "Set.0=a&Set=b",
        "Set.0=a&Set.x=b",
        "Set..0=a",
        "Set.0.=a",
        ".".join("A" * 9) + "=1",
        "A" * 257 + "=1",
        "Set",
        "Set.0=a&Set.0=a",
        "Set.0=%ff",
        "&".join(f"a{n}=" for n in range(10_001)),
    ],
)
def test_flattened_parameters_that_mean_nothing_are_refused(query: str) -> None:
    with pytest.raises(TcError):
        SHAPE.read(codec.unflatten(codec.read_pairs(query).items()))


@pytest.mark.parametrize(
    "body", [b"[]", b"1", b"{", b"\xff", b'"\\ud800"', b'{"Name": 1' + b"0" * 5000 + b"}", b'{"Name":' * 50_000]
)
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(TcError) as caught:
        SHAPE.read(codec.read_json(body))
    assert caught.value.code in ("InvalidParameter", "MissingParameter")


@pytest.mark.parametrize("body", [b"", b"  ", b"null", b"{}"])
def test_nothing_is_an_empty_object(body: bytes) -> None:
    assert codec.read_json(body).members == {}


@given(JSON, st.booleans())
def test_whatever_is_sent_is_read_or_refused(value: Any, is_text: bool) -> None:
    members = value if isinstance(value, dict) else {"Name": value}
    code, found = "", None
    try:
        found = SHAPE.read(Parameters(members, is_text))
    except TcError as error:
        code = error.code
    if found is None:
        assert code in ("InvalidParameter", "UnknownParameter", "MissingParameter")
    else:
        assert found.text("Name") == members["Name"]


@given(st.lists(st.tuples(st.text("AB01.", max_size=8), st.text(max_size=3)), max_size=6))
def test_whatever_is_flattened_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    code = ""
    try:
        codec.unflatten(pairs)
    except TcError as error:
        code = error.code
    assert code in ("", "InvalidParameter", "UnknownParameter")


@pytest.mark.parametrize(
    ("request_", "language"),
    [
        (WireRequest("POST", "/", "", {"x-tc-language": "en-US"}, b"", "", "", "", ""), Language.ENGLISH),
        (WireRequest("POST", "/", "", {"x-tc-language": "fr-FR"}, b"", "", "", "", ""), Language.CHINESE),
        (WireRequest("GET", "/", "A=1&Language=en-US", {}, b"", "", "", "", ""), Language.ENGLISH),
        (WireRequest("POST", "/", "", {}, b"Language=en-US&A=\xff", "", "", "", ""), Language.ENGLISH),
        (WireRequest("POST", "/", "", {}, b"MyLanguage=en-US", "", "", "", ""), Language.CHINESE),
        (WireRequest("POST", "/", "", {}, b"", "", "", "", ""), Language.CHINESE),
    ],
)
def test_the_language_is_the_callers_or_chinese(request_: WireRequest, language: Language) -> None:
    assert codec.language_of(request_) is language


def test_an_answer_ends_with_the_id_of_its_request() -> None:
    assert codec.answer({"A": ["é"]}, "id") == '{"Response":{"A":["é"],"RequestId":"id"}}'.encode()
