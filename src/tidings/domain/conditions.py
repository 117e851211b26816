"""Conditions of access policies: the operators, and what an absent key means to each. Called by `domain/policy`.

Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from tidings.domain.errors import InvalidValue
from tidings.domain.globs import glob

Test = Callable[[str, str], bool]  # (the policy's operand, the request's value) -> fits

VALUES_MAX = 1000
"""Operands of one condition; a policy of 30 KB cannot usefully hold more."""
OPERAND_CHARACTERS_MAX = 64
"""Of a number, a time or a network."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key. `operands` are alternatives; a negated operator demands that none of them fits.

    `absent`: what it comes to when the request has no such key.
    """

    key: str
    operands: tuple[str, ...]
    test: Test
    negated: bool
    absent: bool

    def holds(self, context: Mapping[str, str]) -> bool:
        value = context.get(self.key)
        if value is None:
            return self.absent
        return any(self.test(operand, value) for operand in self.operands) is not self.negated


def read_conditions(raw: Any, field: str) -> tuple[Condition, ...]:
    """A statement's Condition element. Raises InvalidValue under `field`."""
    if not isinstance(raw, dict):
        raise InvalidValue(field, "Policy statement Condition must be an object")
    found: list[Condition] = []
    for operator, keys in raw.items():
        if not isinstance(keys, dict) or not keys:
            raise InvalidValue(field, f"Condition {operator[:100]} must be an object")
        found += [_condition(operator, key, operands, field) for key, operands in keys.items()]
    return tuple(found)


def _condition(operator: str, key: str, raw: Any, field: str) -> Condition:
    operands = _operands(raw, field)
    lowered = key.lower()
    if ":" not in lowered:
        raise InvalidValue(field, f"Condition key is not known: {key[:100]}")
    name, needs_key, may_lack = operator, False, False
    if name.startswith("ForAnyValue:"):
        name, needs_key = name.removeprefix("ForAnyValue:"), True
    elif name.startswith("ForAllValues:"):
        name, may_lack = name.removeprefix("ForAllValues:"), True
    if name == "Null":
        # `true` demands that the key is absent, `false` that it is there.
        wants_absent = any(operand.lower() == "true" for operand in operands)
        return Condition(lowered, ("",), lambda _, __: not wants_absent, negated=False, absent=wants_absent)
    if name.endswith("IfExists"):
        name, may_lack = name.removesuffix("IfExists"), True
    known = _OPERATORS.get(name)
    if known is None:
        raise InvalidValue(field, f"Condition operator is not known: {operator[:100]}")
    test, negated, check = known
    for operand in operands:
        if not check(operand):
            raise InvalidValue(field, f"Condition {operator[:100]} has a value that does not fit", operand)
    return Condition(lowered, operands, test, negated, absent=may_lack or (negated and not needs_key))


def _operands(raw: Any, field: str) -> tuple[str, ...]:
    listed = raw if isinstance(raw, list) else [raw]
    if not listed or len(listed) > VALUES_MAX:
        raise InvalidValue(field, f"A condition takes 1 to {VALUES_MAX} values")
    return tuple(_operand(one, field) for one in listed)


def _operand(one: Any, field: str) -> str:
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, str | int | float):
        return str(one)
    raise InvalidValue(field, "A condition's value must be a string, a number or a boolean")


def _number(text: str) -> Decimal | None:
    if len(text) > OPERAND_CHARACTERS_MAX:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(text: str) -> datetime | None:
    """ISO 8601, or seconds since 1970."""
    if len(text) > OPERAND_CHARACTERS_MAX:
        return None
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text), UTC) if len(text) <= 11 else None
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if len(text) > OPERAND_CHARACTERS_MAX:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _in_network(operand: str, value: str) -> bool:
    network = _network(operand)
    if len(value) > OPERAND_CHARACTERS_MAX:
        return False
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return network is not None and address.version == network.version and address in network


def _ordered(read: Callable[[str], Any], fits: Callable[[Any, Any], bool]) -> Test:
    def test(operand: str, value: str) -> bool:
        wanted, given = read(operand), read(value)
        return wanted is not None and given is not None and fits(given, wanted)

    return test


def _arn(operand: str, value: str) -> bool:
    """Each of the six parts by itself, so that a star does not swallow colons."""
    wanted, given = operand.split(":", 5), value.split(":", 5)
    return len(wanted) == len(given) == 6 and all(glob(a, b) for a, b in zip(wanted, given, strict=True))


def _equal(operand: str, value: str) -> bool:
    return operand == value


def _equal_without_case(operand: str, value: str) -> bool:
    return operand.lower() == value.lower()


def _any_text(_: str) -> bool:
    return True


Known = tuple[Test, bool, Callable[[str], bool]]  # test, negated, whether an operand is well formed


def _comparisons(prefix: str, read: Callable[[str], Any]) -> dict[str, Known]:
    def readable(operand: str) -> bool:
        return read(operand) is not None

    return {
        f"{prefix}Equals": (_ordered(read, lambda a, b: a == b), False, readable),
        f"{prefix}NotEquals": (_ordered(read, lambda a, b: a == b), True, readable),
        f"{prefix}LessThan": (_ordered(read, lambda a, b: a < b), False, readable),
        f"{prefix}LessThanEquals": (_ordered(read, lambda a, b: a <= b), False, readable),
        f"{prefix}GreaterThan": (_ordered(read, lambda a, b: a > b), False, readable),
        f"{prefix}GreaterThanEquals": (_ordered(read, lambda a, b: a >= b), False, readable),
    }


_OPERATORS: dict[str, Known] = {
    "StringEquals": (_equal, False, _any_text),
    "StringNotEquals": (_equal, True, _any_text),
    "StringEqualsIgnoreCase": (_equal_without_case, False, _any_text),
    "StringNotEqualsIgnoreCase": (_equal_without_case, True, _any_text),
    "StringLike": (glob, False, _any_text),
    "StringNotLike": (glob, True, _any_text),
    **_comparisons("Numeric", _number),
    **_comparisons("Date", _moment),
    "Bool": (_equal_without_case, False, lambda operand: operand.lower() in ("true", "false")),
    "IpAddress": (_in_network, False, lambda operand: _network(operand) is not None),
    "NotIpAddress": (_in_network, True, lambda operand: _network(operand) is not None),
    "ArnEquals": (_arn, False, _any_text),
    "ArnLike": (_arn, False, _any_text),
    "ArnNotEquals": (_arn, True, _any_text),
    "ArnNotLike": (_arn, True, _any_text),
}
