"""What lists of operations have in common: Limit and Offset, International, types, times. Pure; called by the operations.

Source: SMS API reference, version 2021-01-11 (DescribeSmsTemplateList, DescribeSmsSignList).
"""

from __future__ import annotations

from datetime import UTC, datetime

from tidings.dialects.tencent.codec import Values
from tidings.dialects.tencent.errors import TcError, refuse
from tidings.domain.optout import SmsType
from tidings.domain.texts import Reach

ROWS_MAX = 100
"""Of a page, and of ids that are asked for."""


def window(values: Values, default: int) -> tuple[int, int]:
    """Offset and Limit. Nothing and 0 are the default. Raises TcError."""
    limit, offset = values.integer("Limit"), values.integer("Offset")
    if not 0 <= limit <= ROWS_MAX:
        raise refuse("InvalidParameterValue.LimitVerifyFail")
    if offset < 0:
        raise refuse("InvalidParameterValue.OffsetVerifyFail")
    return offset, limit or default


def ids(values: Values, name: str) -> list[int]:
    """A set of ids. Raises TcError."""
    found = values.integers(name)
    if len(found) > ROWS_MAX:
        raise refuse("InvalidParameterValue", name, f"at most {ROWS_MAX}")
    return found


def texts_of(values: Values, name: str, most: int = ROWS_MAX) -> list[str]:
    """A set of texts, each once, in order. Raises TcError."""
    found = values.texts(name)
    if len(found) > most:
        raise refuse("InvalidParameterValue", name, f"at most {most}")
    return list(dict.fromkeys(found))


def reach_of(values: Values) -> Reach | None:
    """International: None where it was not given. Raises TcError."""
    if "International" not in values:
        return None
    given = values.integer("International")
    if given not in (Reach.MAINLAND, Reach.GLOBAL):
        raise refuse("InvalidParameterValue.InvalidInternational")
    return Reach(given)


def sms_type(number: int) -> SmsType:
    """Raises TcError."""
    try:
        return SmsType(number)
    except ValueError as error:
        raise refuse("InvalidParameterValue.InvalidSmsType") from error


def seconds(at: datetime) -> int:
    """A time as the wire has it."""
    return int(at.timestamp())


def moment(values: Values, name: str) -> datetime | None:
    """A time in seconds since 1970; None where it was not given. name: BeginTime or EndTime. Raises TcError."""
    if name not in values:
        return None
    try:
        found = datetime.fromtimestamp(values.integer(name), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _wrong_time(name) from error
    if found.year < 1970:
        raise _wrong_time(name)
    return found


def span(values: Values) -> tuple[datetime | None, datetime | None]:
    """From BeginTime up to EndTime, which is not counted in. Raises TcError."""
    since, until = moment(values, "BeginTime"), moment(values, "EndTime")
    if since is not None and until is not None and until < since:
        raise _wrong_time("EndTime")
    return since, until


def _wrong_time(name: str) -> TcError:
    return refuse(f"InvalidParameterValue.{name}VerifyFail")
