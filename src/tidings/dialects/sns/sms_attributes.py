"""What an account sets for its texts: GetSMSAttributes, SetSMSAttributes, and the type that a message's own attribute gives it.

Each region has its own; `sms_defaults` says how they are kept.
Source: SNS API reference, SetSMSAttributes, GetSMSAttributes; SNS developer guide, "Publishing SMS messages"; texts as observed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tidings.dialects.sns import codec
from tidings.dialects.sns.calls import Call, SnsServices, permit_account
from tidings.dialects.sns.envelopes import ORIGINATION_NUMBER, SENDER_ID
from tidings.dialects.sns.errors import SnsError, echo, invalid, missing, value_invalid
from tidings.dialects.sns.limits import SMS_REGIONS_MAX, SMS_SPEND_DIGITS_MAX, SMS_TYPES
from tidings.dialects.sns.sms_defaults import DEFAULT_SENDER_ID, DEFAULT_TYPE, PREFIX, of_region, prefix_of
from tidings.domain.errors import InvalidValue
from tidings.domain.grants import Verb
from tidings.domain.model import AccountId, MessageAttribute
from tidings.domain.optout import TOPICS_APP

SPEND_LIMIT = "MonthlySpendLimit"
SPEND_LIMIT_DEFAULT = "1"
"""US dollars; shown where none was set. Observed."""
BUCKET = "UsageReportS3Bucket"
MESSAGE_TYPE = "AWS.SNS.SMS.SMSType"

_SENDER_NAME = r"(?=[0-9-]*[A-Za-z])[A-Za-z0-9-]{1,11}\Z"
_MESSAGE_ATTRIBUTES: Mapping[str, tuple[re.Pattern[str], str]] = {
    # Ours: a number of the account's own may be named here too.
    SENDER_ID: (
        re.compile(rf"{_SENDER_NAME}|\+[1-9][0-9]{{6,14}}\Z"),
        "1 to 11 letters, digits and hyphens, with at least one letter",
    ),
    ORIGINATION_NUMBER: (re.compile(r"\+?[0-9]{5,14}\Z"), "a number of 5 to 14 digits"),
    "AWS.SNS.SMS.MaxPrice": (re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?\Z"), "a price in US dollars"),
    "AWS.MM.SMS.EntityId": (re.compile(r".{1,50}\Z"), "1 to 50 characters"),
    "AWS.MM.SMS.TemplateId": (re.compile(r".{1,50}\Z"), "1 to 50 characters"),
}
"""What cannot be a sender would be accepted here and refused by every carrier. Source: SNS developer guide, "Publishing SMS messages"."""
_ATTRIBUTES: Mapping[str, re.Pattern[str]] = {
    SPEND_LIMIT: re.compile(rf"[0-9]{{1,{SMS_SPEND_DIGITS_MAX}}}(\.[0-9]{{1,2}})?\Z"),
    "DeliveryStatusIAMRole": re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\x21-\x7e]{1,512}\Z"),
    "DeliveryStatusSuccessSamplingRate": re.compile(r"(100|[0-9]{1,2})\Z"),
    DEFAULT_SENDER_ID: re.compile(_SENDER_NAME),
    DEFAULT_TYPE: re.compile(rf"({'|'.join(SMS_TYPES)})\Z"),
    BUCKET: re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z"),
}

_EVERYTHING = "*"


async def get_sms_attributes(services: SnsServices, call: Call) -> str:
    wanted = call.members("attributes")
    for name in wanted:
        _check_name(name)
    grant = permit_account(call, Verb.READ_OPT_OUTS, _EVERYTHING)
    shown = {SPEND_LIMIT: SPEND_LIMIT_DEFAULT}
    for application in await services.texting.applications.all(grant):
        if application.app_id == TOPICS_APP:
            shown |= of_region(application.settings, prefix_of(call.region, services.home_region))
            if application.sender and call.region == services.home_region:
                shown[DEFAULT_SENDER_ID] = application.sender
    return codec.mapped("attributes", {name: value for name, value in shown.items() if not wanted or name in wanted})


async def set_sms_attributes(services: SnsServices, call: Call) -> str:
    """All or nothing. An empty value is "back to the default", which is how infrastructure tools delete.

    Kept and shown, but without effect here: the spend limit, the delivery status role and rate, and the report's bucket.
    """
    if not codec.has_elements(call.params, "attributes"):
        raise missing("attributes")
    given = call.entries("attributes")
    for name, value in given.items():
        _check(name, value)
    grant = permit_account(call, Verb.MANAGE_OPT_OUTS, _EVERYTHING)
    sender = None
    if call.region == services.home_region:
        sender = given.pop(DEFAULT_SENDER_ID, None)
    elif given.get(DEFAULT_SENDER_ID):
        await services.texting.applications.check_sender(grant.owner, given[DEFAULT_SENDER_ID])
    prefix = prefix_of(call.region, services.home_region)
    kept = await services.texting.applications.settings_of(grant.owner, TOPICS_APP)
    regions = {name.split(":", 2)[1] for name in kept if name.startswith(PREFIX) and name.count(":") == 2}
    if call.region != services.home_region and len(regions | {call.region}) > SMS_REGIONS_MAX:
        raise invalid("attributes", f"an account may set them in at most {SMS_REGIONS_MAX} regions")
    settings = {prefix + name: value for name, value in given.items()}
    await services.texting.applications.put(grant, TOPICS_APP, sender, settings)
    return ""


def sms_type(attributes: Mapping[str, MessageAttribute]) -> int:
    """What a message says that its texts are; 0 when it leaves that to the account's default.

    Raises SnsError for a type that is none, because another could go round a blocking rule.
    """
    attribute = attributes.get(MESSAGE_TYPE)
    if attribute is None:
        return 0
    found = SMS_TYPES.get(attribute.value)
    if found is None:
        raise value_invalid(
            f"The message attribute '{MESSAGE_TYPE}' must be one of {', '.join(SMS_TYPES)},"
            f" not '{echo(attribute.value)}'."
        )
    return found.value


async def check_senders(
    services: SnsServices, account_id: AccountId, attributes: Mapping[str, MessageAttribute]
) -> None:
    """Raises SnsError for another account's number, because people's STOP would go there, and for what no carrier could take."""
    if not attributes:
        return
    for name in (ORIGINATION_NUMBER, SENDER_ID):
        attribute = attributes.get(name)
        if attribute is not None:
            try:
                await services.texting.applications.check_sender(account_id, attribute.value)
            except InvalidValue as error:
                raise value_invalid(f"The message attribute '{name}' names a number that {error.reason}.") from error
    for name, (pattern, wanted) in _MESSAGE_ATTRIBUTES.items():
        attribute = attributes.get(name)
        if attribute is not None and pattern.match(attribute.value) is None:
            raise invalid(name, f"{echo(attribute.value)} is not valid: {wanted}")


def _check_name(name: str) -> None:
    if name not in _ATTRIBUTES:
        raise SnsError("InvalidParameter", f"{echo(name)} is not a valid attribute")


def _check(name: str, value: str) -> None:
    _check_name(name)
    if value and _ATTRIBUTES[name].match(value) is None:
        if name == BUCKET:  # there are no buckets here; a name that none can have is answered as the cloud does
            raise invalid(name, "The bucket you provided does not exist")
        raise SnsError("InvalidParameter", f"{name} is invalid")
