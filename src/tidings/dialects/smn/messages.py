"""What may be published: subject, text, structure, variables, attributes, time to live, language. Pure; called by `publish`.

Source: SMN API reference, "Publishing Messages in the Text Format / Using a Message Structure / Using a Template"; SMN user guide,
"JSON Message Format", "Template Message Format".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tidings.dialects.smn import codec
from tidings.dialects.smn.errors import SmnError, refuse
from tidings.dialects.smn.limits import (
    ATTRIBUTE_NAME_CHARACTERS_MAX,
    ATTRIBUTE_VALUE_CHARACTERS_MAX,
    ATTRIBUTE_VALUES_MAX,
    KNOWN_PROTOCOLS,
    MESSAGE_BYTES_MAX,
    SUBJECT_BYTES_MAX,
    TAG_VALUE_BYTES_MAX,
    TTL_DEFAULT_S,
    TTL_MAX_S,
    VARIABLE_CHARACTERS_MAX,
    VARIABLES_MAX,
)
from tidings.dialects.smn.template_text import filled
from tidings.dialects.smn.texts import language_of
from tidings.domain.model import MessageAttribute, Template

Members = dict[str, Any]
Texts = tuple[str, dict[str, str]]
"""The text for everybody, and those for subscribers of single protocols."""

PROTOCOL_ATTRIBUTE = "smn_protocol"
_TEXT_PROTOCOLS = frozenset({"email", "sms", "http", "https", "functionstage", "functiongraph"})
_BOT_TYPES = {
    "dingding": ("text", "markdown"),
    "feishu": ("text", "markdown"),
    "wechat": ("text", "markdown"),
    "dingTalkBot": ("text", "markdown"),
    "welink": ("text",),
}
"""What a robot's text may be, by protocol."""
_TTL = re.compile(r"[0-9]{1,7}\Z")
_ATTRIBUTE_NAME = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*\Z")
_ATTRIBUTE_VALUE = re.compile(rf"\w{{1,{ATTRIBUTE_VALUE_CHARACTERS_MAX}}}\Z")
NO_ATTRIBUTES: dict[str, MessageAttribute] = {}
NO_BODIES: dict[str, str] = {}


def read_member(members: Members, name: str, code: str) -> str | None:
    """A text, or None. Like `codec.text`, but on the hot path no refusal is made before it is needed. Raises SmnError `code`."""
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not codec.is_text(value):
        raise refuse(code)
    return value


def read_subject(members: Members) -> str | None:
    """None when there is none, or an empty one. Raises SmnError SMN.0008."""
    subject = read_member(members, "subject", "SMN.0008")
    if subject is not None and codec.size(subject) > SUBJECT_BYTES_MAX:
        raise refuse("SMN.0008")
    return subject or None


def read_text(members: Members) -> Texts:
    """`message`, for everybody. Raises SmnError SMN.0009."""
    text = read_member(members, "message", "SMN.0009")
    if not text or codec.size(text) > MESSAGE_BYTES_MAX:
        raise refuse("SMN.0009")
    return text, NO_BODIES


def read_structure(structure: str) -> Texts:
    """The texts of a `message_structure`. An empty one counts as not given; names nobody knows do not matter.

    A robot's text keeps its JSON form, because `msgType` and what belongs to it are for the robot. Raises SmnError SMN.0021.
    """
    fault = refuse("SMN.0021")
    if not codec.is_text(structure) or codec.size(structure) > MESSAGE_BYTES_MAX:
        raise fault
    texts = _json(structure, fault)
    default = texts.get("default") if isinstance(texts, dict) else None
    if not isinstance(texts, dict) or not isinstance(default, str) or not default or not codec.is_text(default):
        raise fault
    bodies = {}
    for protocol, text in texts.items():
        if text is None or text == "":
            continue
        if protocol in _TEXT_PROTOCOLS:
            if not isinstance(text, str) or not codec.is_text(text):
                raise fault
            bodies[protocol] = text
        elif protocol in _BOT_TYPES:
            bodies[protocol] = _bot_text(text, _BOT_TYPES[protocol], fault)
    return default, bodies


def _bot_text(given: object, types: tuple[str, ...], fault: SmnError) -> str:
    """A robot's text: an object, or an object's JSON text."""
    text = _json(given, fault) if isinstance(given, str) else given
    if not isinstance(text, dict) or text.get("msgType") not in types:
        raise fault
    written = codec.compact(text)
    # JSON of ours writes every character as itself but escapes NUL, which no robot could show either.
    if not codec.is_text(written) or "\\u0000" in written:
        raise fault
    return written


def _json(text: str, fault: SmnError) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise fault from None


def read_tags(members: Members) -> dict[str, str]:
    """What fills a template. Raises SmnError SMN.0038, SMN.0075 (too many)."""
    tags = members.get("tags")
    if tags is None:
        return {}
    fault = refuse("SMN.0038")
    if not isinstance(tags, dict):
        raise fault
    if len(tags) > VARIABLES_MAX:
        raise refuse("SMN.0075")
    for name, value in tags.items():
        if not name or len(name) > VARIABLE_CHARACTERS_MAX:
            raise fault
        if not isinstance(value, str) or not codec.is_text(value) or codec.size(value) > TAG_VALUE_BYTES_MAX:
            raise fault
    return tags


def fill(templates: Mapping[str, Template], tags: Mapping[str, str]) -> Texts:
    """The texts that the members of a template's name give. templates: by protocol. Raises SmnError.

    SMN.0027: there are none; SMN.0076: none is the default; SMN.0009: a text is empty or too long once it is filled in.
    """
    if not templates:
        raise refuse("SMN.0027")
    if "default" not in templates:
        raise refuse("SMN.0076")
    texts = {protocol: filled(template.content, tags) for protocol, template in templates.items()}
    if any(not text or codec.size(text) > MESSAGE_BYTES_MAX for text in texts.values()):
        raise refuse("SMN.0009")
    return texts.pop("default"), texts


def read_ttl_s(members: Members) -> int:
    """Seconds after which a message is no longer sent. Raises SmnError SMN.0009, because no code of its own is documented."""
    given = members.get("time_to_live")
    if given is None:
        return TTL_DEFAULT_S
    if isinstance(given, str) and _TTL.match(given) is not None:
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= TTL_MAX_S:
        raise refuse("SMN.0009")
    return given


def read_language(members: Members) -> str:
    """The language of the words that are added here; empty, the server's, where nothing is wanted or what nobody here speaks."""
    locale = read_member(members, "locale", "SMN.0009")
    return language_of(locale) if locale else ""


def read_attributes(members: Members) -> tuple[dict[str, MessageAttribute], tuple[str, ...]]:
    """Message attributes, and the protocols that alone are to receive the message (none: all). Raises SmnError.

    SMN.0046: a name; SMN.0108: a type; SMN.0009: a value; SMN.0011: a protocol in the list of protocols.
    """
    given = members.get("message_attributes")
    if given is None:
        return NO_ATTRIBUTES, ()
    if not isinstance(given, list):
        raise refuse("SMN.0009")
    found: dict[str, MessageAttribute] = {}
    protocols: tuple[str, ...] = ()
    for member in given:
        if not isinstance(member, dict):
            raise refuse("SMN.0009")
        name, value = _name(member.get("name")), member.get("value")
        if name in found or (name == PROTOCOL_ATTRIBUTE and protocols):
            raise refuse("SMN.0046")
        kind = member.get("type")
        if (kind == "PROTOCOL") != (name == PROTOCOL_ATTRIBUTE):
            raise refuse("SMN.0108")
        match kind:
            case "PROTOCOL":
                protocols = _protocols(value)
            case "STRING":
                found[name] = MessageAttribute("String", _string(value))
            case "STRING_ARRAY":
                found[name] = MessageAttribute("String.Array", codec.compact(_strings(value)))
            case _:
                raise refuse("SMN.0108")
    return found, protocols


def _name(name: object) -> str:
    if (
        not isinstance(name, str)
        or len(name) > ATTRIBUTE_NAME_CHARACTERS_MAX
        or _ATTRIBUTE_NAME.match(name) is None
        or (name.startswith("smn_") and name != PROTOCOL_ATTRIBUTE)
    ):
        raise refuse("SMN.0046")
    return name


def _string(value: object) -> str:
    """A string, or a list of just one, as an example of the documentation has it."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str) or _ATTRIBUTE_VALUE.match(value) is None:
        raise refuse("SMN.0009")
    return value


def _strings(value: object) -> list[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= ATTRIBUTE_VALUES_MAX:
        raise refuse("SMN.0009")
    texts = [_string(text) if isinstance(text, str) else _string(None) for text in value]
    if len(set(texts)) != len(texts):
        raise refuse("SMN.0009")
    return texts


def _protocols(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise refuse("SMN.0009")
    if any(not isinstance(protocol, str) or protocol not in KNOWN_PROTOCOLS for protocol in value):
        raise refuse("SMN.0011")
    return tuple(dict.fromkeys(value))
