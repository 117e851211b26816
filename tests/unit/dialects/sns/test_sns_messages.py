"""What may be published, and in which words the rest is refused."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.dialects.sns import messages
from tidings.dialects.sns.errors import SnsError
from tidings.domain.model import MessageAttribute


def raw(
    name: str = "n", data_type: str | None = "String", string: str | None = "v", binary: str | None = None
) -> dict[str, str]:
    given = {"Name": name, "Value.DataType": data_type, "Value.StringValue": string, "Value.BinaryValue": binary}
    return {key: value for key, value in given.items() if value is not None}


@pytest.mark.parametrize("subject", ["a", "x" * 100, "Grüße 你好", "!"])
def test_these_are_subjects(subject: str) -> None:
    assert messages.read_subject({"Subject": subject}) == subject


@pytest.mark.parametrize("subject", ["", "x" * 101, "a\nb", "a\rb", "a\tb", "a\x7fb", "a\x85b", "a\u2028b"])
def test_these_are_not(subject: str) -> None:
    with pytest.raises(SnsError, match=r"^Invalid parameter: Subject$"):
        messages.read_subject({"Subject": subject})


def test_a_message_must_be_there_and_say_something() -> None:
    with pytest.raises(SnsError) as caught:
        messages.read_message({})
    assert caught.value.code == "ValidationError"
    with pytest.raises(SnsError, match=r"^Invalid parameter: Empty message$"):
        messages.read_message({"Message": ""})


def test_the_size_is_in_bytes_and_counts_attributes() -> None:
    assert messages.size_of("é", []) == 2
    assert messages.size_of("ab", [raw("name", "String", "välue")]) == 2 + 4 + 6 + 6
    assert messages.size_of("", [raw("n", "Binary", None, b64encode(b"12345").decode())]) == 1 + 6 + 5


def test_attributes_are_kept_as_they_were_given() -> None:
    given = [
        raw("a", "String", "x"),
        raw("b.c-d_e", "Number.int", "-1.5e3"),
        raw("c", "String.Array", '["x"]'),
        raw("d", "Binary", None, "AAE="),
    ]
    assert messages.read_attributes(given) == {
        "a": MessageAttribute("String", "x"),
        "b.c-d_e": MessageAttribute("Number.int", "-1.5e3"),
        "c": MessageAttribute("String.Array", '["x"]'),
        "d": MessageAttribute("Binary", "AAE="),
    }


@pytest.mark.parametrize("name", ["AWS.SNS.SMS.SenderID", "AWS.MM.SMS.OriginationNumber", "AWS.SNS.MOBILE.APNS.TTL"])
def test_reserved_names_that_steer_a_channel_are_allowed(name: str) -> None:
    assert name in messages.read_attributes([raw(name)])


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        (raw("x" * 257), "Length of message attribute name must be less than 256 bytes."),
        (raw(""), "Length of message attribute name must be less than 256 bytes."),
        (raw(".a"), "Invalid message attribute name starting with character '.' was found."),
        (raw("a."), "Invalid message attribute name ending with character '.' was found."),
        (raw("a..b"), "Message attribute name can not have successive '.' character."),
        (
            raw("a^b"),
            (
                "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include"
                " alphanumeric characters, hyphens, underscores, or dots."
            ),
        ),
        (
            raw("n", "Text"),
            (
                "The message attribute 'n' has an invalid message attribute type, the set of supported type prefixes is"
                " Binary, Number, and String."
            ),
        ),
        (
            raw("n", "String", ""),
            (
                "The message attribute 'n' must contain non-empty message attribute value for message attribute type"
                " 'String'."
            ),
        ),
        (
            raw("n", "String", None),
            (
                "The message attribute 'n' must contain non-empty message attribute value for message attribute type"
                " 'String'."
            ),
        ),
        (raw("n", "Binary", "v"), "The message attribute 'n' with type 'Binary' must use field 'Binary'."),
        (raw("n", "String", None, "AAE="), "The message attribute 'n' with type 'String' must use field 'String'."),
        (raw("n", "Number", "ten"), "Could not cast message attribute 'n' value to number."),
        (raw("n", "Number", "1" * 101), "Could not cast message attribute 'n' value to number."),
    ],
)
def test_each_fault_of_an_attribute_has_its_text(attribute: dict[str, str], message: str) -> None:
    with pytest.raises(SnsError) as caught:
        messages.read_attributes([attribute])
    assert (caught.value.code, caught.value.status) == ("ParameterValueInvalid", 400)
    assert caught.value.message == message


@pytest.mark.parametrize("name", ["AWS.x", "aws.x", "Amazon.x", "AMAZON.x", "aws.sns.sms.senderid"])
def test_other_reserved_names_are_refused(name: str) -> None:
    with pytest.raises(SnsError, match="reserved"):
        messages.read_attributes([raw(name)])


def test_an_attribute_without_type_names_its_place() -> None:
    with pytest.raises(SnsError) as caught:
        messages.read_attributes([raw("n", None)])
    assert caught.value.code == "ValidationError"
    assert "Value null at 'messageAttributes.n.member.dataType'" in caught.value.message


def test_an_attribute_given_twice_is_refused() -> None:
    with pytest.raises(SnsError, match="given twice"):
        messages.read_attributes([raw("n"), raw("n")])


def test_broken_base64_is_refused() -> None:
    with pytest.raises(SnsError, match="not valid base64"):
        messages.read_attributes([raw("n", "Binary", None, "A*==")])


@given(
    st.dictionaries(st.sampled_from(["Name", "Value.DataType", "Value.StringValue", "Value.BinaryValue"]), st.text())
)
def test_any_attribute_is_taken_or_refused(attribute: dict[str, str]) -> None:
    try:
        (found,) = messages.read_attributes([attribute]).values()
    except SnsError:
        return
    assert found.value


def structure(document: object) -> tuple[str, dict[str, str]]:
    return messages.read_structure(
        {"MessageStructure": "json"}, document if isinstance(document, str) else json.dumps(document)
    )


def test_a_structured_message_has_a_default_and_texts_per_protocol() -> None:
    body, bodies = structure({"default": "d", "sms": "s", "email": 5, "unknown": "u", "http": {"a": 1, "b": [2]}})
    assert (body, bodies) == ("d", {"sms": "s"})


def test_a_message_without_structure_is_taken_as_it_is() -> None:
    assert messages.read_structure({}, "{}") == ("{}", {})


@pytest.mark.parametrize(
    "document",
    [
        "",
        "x",
        "[]",
        '"default"',
        "{",
        '{"default": NaN}',
        "[" * 5000,
        '{"default":"\\ud800"}',
        '{"default":"a","sms":"\\u0000"}',
    ],
)
def test_what_is_no_json_object_fails_to_parse(document: str) -> None:
    with pytest.raises(SnsError, match=r"^Invalid parameter: Message Structure - JSON message body failed to parse$"):
        structure(document)


@pytest.mark.parametrize(
    "document",
    [
        "{}",
        '{"default": 1}',
        '{"default": null}',
        '{"sms": "a"}',
    ],
)
def test_a_default_must_be_there_and_be_text(document: str) -> None:
    with pytest.raises(
        SnsError, match=r"^Invalid parameter: Message Structure - No default entry in JSON message body$"
    ):
        structure(document)


def test_an_unknown_structure_is_refused() -> None:
    with pytest.raises(SnsError, match="MessageStructure"):
        messages.read_structure({"MessageStructure": "xml"}, "x")


def ids(*, fifo: bool = False, by_content: bool = False, **params: str) -> tuple[str, str]:
    return messages.read_group_and_dedup(params, is_fifo=fifo, dedups_by_content=by_content)


def test_a_standard_topic_takes_a_group_id_and_no_dedup_id() -> None:
    assert ids(MessageGroupId="g!") == ("g!", "")
    with pytest.raises(SnsError, match="MessageDeduplicationId parameter that is not valid for this topic type"):
        ids(MessageDeduplicationId="d")


def test_an_ordered_topic_needs_its_ids() -> None:
    with pytest.raises(
        SnsError, match=r"^Invalid parameter: The MessageGroupId parameter is required for FIFO topics$"
    ):
        ids(fifo=True, MessageDeduplicationId="d")
    with pytest.raises(SnsError, match="ContentBasedDeduplication enabled or MessageDeduplicationId"):
        ids(fifo=True, MessageGroupId="g")
    assert ids(fifo=True, by_content=True, MessageGroupId="g") == ("g", "")
    assert ids(fifo=True, MessageGroupId="g", MessageDeduplicationId="d") == ("g", "d")


@pytest.mark.parametrize("group_id", ["a b", "x" * 129, "é", "a\n"])
def test_ids_are_short_and_printable(group_id: str) -> None:
    with pytest.raises(SnsError, match="MessageGroupId"):
        ids(MessageGroupId=group_id)
