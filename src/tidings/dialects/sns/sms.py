"""Who has opted out of texts, from which numbers texts come, and the SMS sandbox. One action per function.

The cloud knows one list for an account: a number is on it when it is opted out at any inbound address whose rule blocks a type that
SNS sends (`limits.SMS_TYPES`), or at the account as a whole. The state itself is kept by `texting/optouts`, the same for all dialects.
Names of parameters begin with a small letter in the older actions and with a capital in the newer ones, as in the model.
Source: SNS API reference, CheckIfPhoneNumberIsOptedOut, ListPhoneNumbersOptedOut, OptInPhoneNumber, ListOriginationNumbers,
PhoneNumberInformation, CreateSMSSandboxPhoneNumber, VerifySMSSandboxPhoneNumber, DeleteSMSSandboxPhoneNumber,
ListSMSSandboxPhoneNumbers, GetSMSSandboxAccountStatus.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import phonenumbers

from tidings.dialects.sns import codec
from tidings.dialects.sns.calls import Call, SnsServices, permit_account
from tidings.dialects.sns.errors import SnsError, check_length, check_pattern, echo, invalid, missing
from tidings.dialects.sns.limits import (
    OPT_IN_AGAIN_DAYS,
    OPT_IN_DETAIL,
    OPT_IN_RECORDS_MAX,
    ORIGINATION_NUMBERS_MAX,
    PAGE_ITEMS,
    PASSWORD_DIGITS,
    SANDBOX_LANGUAGES,
    SANDBOX_NUMBER_CHARACTERS_MAX,
    SANDBOX_NUMBERS_MAX,
    SMS_TYPES,
)
from tidings.domain.errors import InvalidToken, InvalidValue, NotFound, OptedOut, QuotaExceeded, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Event, LedgerQuery, Way
from tidings.domain.optout import ACCOUNT_WIDE, TOPICS_APP, InboundAddress, OptOut, OptOutQuery, covers
from tidings.domain.sandbox import SandboxNumber
from tidings.wire.phone_plans import canonical

NUMBER = re.compile(r"\+[1-9][0-9]{1,14}\Z")
"""The shape that Publish and the opt-out actions take; no numbering plan is asked. Observed, but for the number of digits (E.164)."""
_SEPARATED = re.compile(r"\+[1-9](?:[-./]?[0-9]){1,14}\Z")
_SEPARATOR = re.compile(r"[-./]")
_SANDBOX_NUMBER = r"^(\+[0-9]{8,}|[0-9]{0,9})$"
_ONE_TIME = "^[0-9]+$"
"""As the model writes them, because refusals quote them. Source: SNS service model (PhoneNumberString, OTPCode)."""
_WHOLE_NUMBER = re.compile(r"[0-9]{1,6}\Z")
_PLACE = re.compile(r"1\.opted-out\.([0-9]{1,17})\.([0-9]{1,12})\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EVERYTHING = "*"
"""These actions act on the whole account; a policy names no resource for them."""


# --- opted-out numbers -------------------------------------------------------------------------------------------------------


async def check_if_phone_number_is_opted_out(services: SnsServices, call: Call) -> str:
    phone = _phone(call, "phoneNumber")
    grant = permit_account(call, Verb.READ_OPT_OUTS, _EVERYTHING)
    found = await _blocking_a_phone(services, grant, phone)
    return f"<isOptedOut>{'true' if found else 'false'}</isOptedOut>"


async def list_phone_numbers_opted_out(services: SnsServices, call: Call) -> str:
    """A page is cut at the time of an opt-out and not at a row number, so that lifting one meanwhile hides no other."""
    since, skip = _read_place(call.params.get("nextToken", ""))
    grant = permit_account(call, Verb.READ_OPT_OUTS, _EVERYTHING)
    addresses = await _blocking_addresses(services, grant)
    query = OptOutQuery(grant.owner, addresses, since=since, offset=skip, limit=PAGE_ITEMS + 1)
    rows, _ = await services.texting.opt_outs.page(grant, query, counted=False)
    page = rows[:PAGE_ITEMS]
    shown = await _first_of_each_phone(services, grant, addresses, page)
    result = codec.listed("phoneNumbers", [codec.escape(row.phone) for row in shown])
    if len(rows) > PAGE_ITEMS:
        last = page[-1].since
        same = sum(row.since == last for row in page)
        result += f"<nextToken>{_place(last, same + (skip if last == since else 0))}</nextToken>"
    return result


async def opt_in_phone_number(services: SnsServices, call: Call) -> str:
    """Lift whatever keeps SNS's texts from a number. One that is not opted out is left as it is, and not counted.

    Unverified: the cloud's code for a second time within 30 days. Of the documented ones only InvalidParameter is no failure of
    ours, and none that an SDK would repeat.
    """
    phone = _phone(call, "phoneNumber")
    grant = permit_account(call, Verb.LIFT_OPT_OUTS, _EVERYTHING)
    reading = permit_account(call, Verb.READ_OPT_OUTS, _EVERYTHING)
    found = await _blocking_a_phone(services, reading, phone)
    if found and await _was_opted_in_recently(services, reading, phone, call.now):
        raise invalid("phoneNumber", f"a phone number can be opted in only once every {OPT_IN_AGAIN_DAYS} days")
    for address in found:
        # `forced`: the cloud lets an opt-in by API follow a STOP at once, and limits it by number and month instead.
        await services.texting.opt_outs.opt_in(
            grant, address, phone, reason=OPT_IN_DETAIL, origin=call.origin, forced=True
        )
    return ""


async def _blocking_addresses(services: SnsServices, grant: Grant) -> list[str]:
    """Where an opt-out keeps texts of topics, or of SNS to numbers, from a phone."""
    rules = {rule.address: rule for rule in await services.texting.rules.all(grant) if rule.app_id == TOPICS_APP}
    found = [ACCOUNT_WIDE]
    for address in await services.texting.addresses.all(grant):
        rule = rules.get(address.address)
        if address.address != ACCOUNT_WIDE and any(
            covers(address, rule, TOPICS_APP, sms_type) for sms_type in SMS_TYPES.values()
        ):
            found.append(address.address)
    return found


async def _blocking_a_phone(services: SnsServices, grant: Grant, phone: str) -> list[str]:
    """Where this phone's opt-outs keep such texts from it. What can be no phone anywhere is opted out nowhere."""
    found: list[str] = []
    with suppress(InvalidValue):
        for sms_type in SMS_TYPES.values():
            blocked = await services.texting.opt_outs.why(grant, phone, TOPICS_APP, sms_type)
            found += [row.opt_out.address for row in blocked]
    return list(dict.fromkeys(found))


async def _first_of_each_phone(
    services: SnsServices, grant: Grant, addresses: Sequence[str], page: Sequence[OptOut]
) -> list[OptOut]:
    """The rows of a page that are their phone's earliest: somebody opted out at two addresses is listed once, on any page."""
    if len(addresses) == 1 or not page:
        return list(page)
    phones = list({row.phone for row in page})
    query = OptOutQuery(grant.owner, addresses, phones, limit=len(phones) * len(addresses))
    every, _ = await services.texting.opt_outs.page(grant, query, counted=False)
    first: dict[str, tuple[datetime, str]] = {}
    for row in every:
        first[row.phone] = min((row.since, row.address), first.get(row.phone, (row.since, row.address)))
    return [row for row in page if first.get(row.phone, (row.since, row.address)) == (row.since, row.address)]


async def _was_opted_in_recently(services: SnsServices, grant: Grant, phone: str, now: datetime) -> bool:
    query = LedgerQuery(
        grant.owner,
        endpoint=phone,
        since=now - timedelta(days=OPT_IN_AGAIN_DAYS),
        events=(Event.OPTED_IN,),
        ways=(Way.API,),
        limit=OPT_IN_RECORDS_MAX,
    )
    return any(entry.detail == OPT_IN_DETAIL for entry in await services.texting.records.find(grant, query))


def _place(since: datetime, skip: int) -> str:
    """A nextToken: go on with what was opted out at that time or later, leaving out the first `skip`."""
    return urlsafe_b64encode(f"1.opted-out.{(since - _EPOCH) // _MICROSECOND}.{skip}".encode()).decode()


def _read_place(token: str) -> tuple[datetime | None, int]:
    if not token:
        return None, 0
    try:
        found = _PLACE.match(urlsafe_b64decode(token.encode("ascii")).decode("ascii"))
        place = None if found is None else (_EPOCH + int(found[1]) * _MICROSECOND, int(found[2]))
    except (ValueError, OverflowError) as error:
        raise invalid("nextToken") from error
    if place is None or _place(*place) != token:
        raise invalid("nextToken")
    return place


def _phone(call: Call, member: str) -> str:
    text = call.params.get(member)
    if text is None:
        raise missing(member)
    if not NUMBER.match(text):
        raise invalid("PhoneNumber", "input incorrectly formatted")
    return canonical(text)


def without_separators(endpoint: str) -> str:
    """A number of Subscribe without the single `-`, `.` or `/` that may stand between digits; what is none as it is."""
    return _SEPARATOR.sub("", endpoint) if _SEPARATED.match(endpoint) else endpoint


# --- numbers that texts come from --------------------------------------------------------------------------------------------


async def list_origination_numbers(services: SnsServices, call: Call) -> str:
    most = _most(call, ORIGINATION_NUMBERS_MAX, "ValidationException")
    try:
        after = codec.read_page_token("origination", call.params.get("NextToken", ""))
    except ValueError as error:
        raise SnsError("ValidationException", "Invalid parameter: NextToken") from error
    grant = permit_account(call, Verb.READ_OPT_OUTS, _EVERYTHING)
    addresses = sorted(await services.texting.addresses.all(grant), key=lambda address: address.id)
    found = [address for address in addresses if address.id > after and address.address != ACCOUNT_WIDE]
    result = codec.listed("PhoneNumbers", [_origination_number(address) for address in found[:most]])
    if len(found) > most:
        result += f"<NextToken>{codec.page_token('origination', found[most - 1].id)}</NextToken>"
    return result


def _origination_number(address: InboundAddress) -> str:
    created = address.created_at.astimezone(UTC)
    country = address.country or _country_of(address.address)
    shown = f"<Iso2CountryCode>{codec.escape(country)}</Iso2CountryCode>" if country else ""
    return (
        f"<CreatedAt>{created:%Y-%m-%dT%H:%M:%S}.{created.microsecond // 1000:03d}Z</CreatedAt>"
        f"<PhoneNumber>{codec.escape(address.address)}</PhoneNumber><Status>ACTIVE</Status>{shown}"
        "<RouteType>Transactional</RouteType><NumberCapabilities><member>SMS</member></NumberCapabilities>"
    )


def _country_of(number: str) -> str:
    """The country of an E.164 number, empty where it has none (satellites, toll-free numbers of the world)."""
    try:
        found = phonenumbers.region_code_for_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return ""
    return found if found is not None and found.isalpha() else ""


# --- the sandbox -------------------------------------------------------------------------------------------------------------


async def get_sms_sandbox_account_status(services: SnsServices, call: Call) -> str:
    grant = permit_account(call, Verb.READ_OPT_OUTS, _EVERYTHING)
    contained = await services.texting.sandbox.contains(grant.owner)
    return f"<IsInSandbox>{'true' if contained else 'false'}</IsInSandbox>"


async def list_sms_sandbox_phone_numbers(services: SnsServices, call: Call) -> str:
    most = _most(call, SANDBOX_NUMBERS_MAX, "InvalidParameter")
    after = call.after("sandbox")
    grant = permit_account(call, Verb.READ_OPT_OUTS, _EVERYTHING)
    # By the digits, which make a page's place; a number added meanwhile shifts nothing.
    numbers = sorted(await services.texting.sandbox.numbers(grant), key=lambda number: int(number.phone[1:]))
    following = [number for number in numbers if int(number.phone[1:]) > after]
    result = codec.listed("PhoneNumbers", [_sandbox_member(number) for number in following[:most]])
    if len(following) > most:
        result += f"<NextToken>{codec.page_token('sandbox', int(following[most - 1].phone[1:]))}</NextToken>"
    return result


def _sandbox_member(number: SandboxNumber) -> str:
    status = "Pending" if number.verified_at is None else "Verified"
    return f"<PhoneNumber>{codec.escape(number.phone)}</PhoneNumber><Status>{status}</Status>"


async def create_sms_sandbox_phone_number(services: SnsServices, call: Call) -> str:
    """Text a one-time password. Refused outside of the sandbox, because nothing needs to be verified there."""
    _sandbox_number(call)
    phone = _phone(call, "PhoneNumber")
    language = call.params.get("LanguageCode", SANDBOX_LANGUAGES[0])
    if language not in SANDBOX_LANGUAGES:
        raise invalid("LanguageCode")
    grant = permit_account(call, Verb.MANAGE_OPT_OUTS, _EVERYTHING)
    if await _blocking_a_phone(services, permit_account(call, Verb.READ_OPT_OUTS, _EVERYTHING), phone):
        raise OptedOut(phone)
    try:
        await services.texting.sandbox.add(grant, phone, language)
    except WrongState as error:
        reason = "The account is not in the SMS sandbox: texts go to every number, and none needs to be verified"
        raise SnsError("UserError", reason) from error
    except QuotaExceeded as error:
        raise SnsError("UserError", f"The sandbox has at most {error.limit} phone numbers") from error
    return ""


async def verify_sms_sandbox_phone_number(services: SnsServices, call: Call) -> str:
    phone = _sandbox_number(call)
    password = call.params.get("OneTimePassword")
    if password is None:
        raise missing("OneTimePassword")
    check_pattern(password, "oneTimePassword", _ONE_TIME)
    check_length(password, "oneTimePassword", *PASSWORD_DIGITS)
    grant = permit_account(call, Verb.MANAGE_OPT_OUTS, _EVERYTHING)
    try:
        await services.texting.sandbox.verify(grant, canonical(phone), password)
    except NotFound as error:
        raise _not_in_sandbox(phone) from error
    except InvalidToken as error:
        reason = "The one-time password is wrong, or no longer valid"
        raise SnsError("VerificationException", reason, members={"Status": "Pending"}) from error
    return ""


async def delete_sms_sandbox_phone_number(services: SnsServices, call: Call) -> str:
    phone = _sandbox_number(call)
    grant = permit_account(call, Verb.MANAGE_OPT_OUTS, _EVERYTHING)
    try:
        await services.texting.sandbox.delete(grant, canonical(phone))
    except NotFound as error:
        raise _not_in_sandbox(phone) from error
    except WrongState as error:
        raise SnsError("UserError", "A verified phone number can be deleted after 24 hours") from error
    return ""


def _sandbox_number(call: Call) -> str:
    number = call.params.get("PhoneNumber")
    if number is None:
        raise missing("PhoneNumber")
    check_pattern(number, "phoneNumber", _SANDBOX_NUMBER)
    check_length(number, "phoneNumber", 0, SANDBOX_NUMBER_CHARACTERS_MAX)
    if not number:
        raise invalid("PhoneNumber", "input incorrectly formatted")
    return number


def _not_in_sandbox(phone: str) -> SnsError:
    return SnsError("ResourceNotFound", f"The phone number {echo(phone)} is not in the SMS sandbox", 404)


def _most(call: Call, limit: int, code: str) -> int:
    """MaxResults, or the most that there is."""
    text = call.params.get("MaxResults")
    if not text:
        return limit
    if _WHOLE_NUMBER.match(text) is None or not 1 <= int(text) <= limit:
        raise SnsError(code, f"Invalid parameter: MaxResults Reason: must be 1 to {limit}")
    return int(text)
