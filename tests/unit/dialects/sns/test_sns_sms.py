"""SNS's view of opt-outs by text: one list for an account, whatever the inbound addresses and rules behind it."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialogues.harness import AUDITOR, GUEST, PUBLISHER, Harness, body_of
from tests.support.build import ACCOUNT, OTHER_ACCOUNT, make_principal
from tests.support.protocols import PROTOCOLS

from tidings.dialects.sns import SMS_ACTIONS, SnsDialect, sms
from tidings.dialects.sns.calls import SnsServices
from tidings.dialects.sns.errors import SnsError
from tidings.domain.errors import Throttled
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId, Event, Kind, Origin, Way
from tidings.domain.optout import ACCOUNT_WIDE, TOPICS_APP, AddressKind, InboundAddress, SmsType
from tidings.domain.unit import Unit

IP = "InvalidParameter"
ANN, BOB, EVE = "+12025550111", "+12025550122", "+12025550133"
TOLL_FREE, LONG_CODE, SHORT_CODE = "+18885550100", "+12025550100", "12345"
CONSOLE = Origin(way=Way.CONSOLE, principal="ops")


def granted(verb: Verb, account: AccountId = ACCOUNT) -> Grant:
    return Grant(make_principal(account), verb, account, "*")


async def add(harness: Harness, address: str, account: AccountId = ACCOUNT, **given: Any) -> None:
    if account != ACCOUNT:  # the operator assigns numbers to others
        row = InboundAddress(0, account, address, AddressKind.TEN_DLC, harness.clock.now())
        await harness.store.commit(Unit(inbound_addresses_new=[row]))
        return
    kind = given.pop("kind", AddressKind.TEN_DLC)
    await harness.texting.addresses.add(
        granted(Verb.MANAGE_OPT_OUTS, account), address, kind=kind, origin=CONSOLE, **given
    )


async def opt_out(harness: Harness, phone: str, address: str = LONG_CODE, account: AccountId = ACCOUNT) -> None:
    assert await harness.texting.opt_outs.opt_out(
        granted(Verb.MANAGE_OPT_OUTS, account), address, phone, reason="asked by letter", origin=CONSOLE
    )


async def rule(harness: Harness, *types: SmsType, address: str = LONG_CODE) -> None:
    await harness.texting.rules.put(granted(Verb.MANAGE_OPT_OUTS), address, TOPICS_APP, frozenset(types))


async def is_opted_out(harness: Harness, phone: str, **given: Any) -> bool:
    found = (await harness.ask("check_if_phone_number_is_opted_out", phoneNumber=phone, **given))["isOptedOut"]
    assert found is True or found is False
    return found


async def listed(harness: Harness) -> list[str]:
    """All pages."""
    found: list[str] = []
    answer = await harness.ask("list_phone_numbers_opted_out")
    found += answer["phoneNumbers"]
    while "nextToken" in answer:
        answer = await harness.ask("list_phone_numbers_opted_out", nextToken=answer["nextToken"])
        found += answer["phoneNumbers"]
    return found


@pytest.fixture
async def harness(harness: Harness) -> Harness:
    """With one inbound address; topics have no rule there, so that a STOP blocks all they send."""
    await add(harness, LONG_CODE)
    return harness


# --- who is opted out --------------------------------------------------------------------------------------------------------


async def test_nobody_is_opted_out_at_first(harness: Harness) -> None:
    assert not await is_opted_out(harness, ANN)
    answer = await harness.ask("list_phone_numbers_opted_out")
    assert answer["phoneNumbers"] == []
    assert "nextToken" not in answer


async def test_who_opted_out_is_told_and_listed(harness: Harness) -> None:
    await opt_out(harness, ANN)
    assert await is_opted_out(harness, ANN)
    assert not await is_opted_out(harness, BOB)
    assert await listed(harness) == [ANN]


async def test_an_account_sees_its_own_people_only(harness: Harness) -> None:
    await add(harness, TOLL_FREE, OTHER_ACCOUNT)
    await opt_out(harness, ANN)
    await opt_out(harness, BOB, TOLL_FREE, OTHER_ACCOUNT)
    assert not await is_opted_out(harness, ANN, key=GUEST)
    assert (await harness.ask("list_phone_numbers_opted_out", key=GUEST))["phoneNumbers"] == [BOB]
    assert await listed(harness) == [ANN]


@pytest.mark.parametrize(
    ("types", "counts"),
    [
        ((SmsType.MARKETING,), True),
        ((SmsType.NOTIFICATION,), True),
        ((SmsType.VERIFICATION_CODE,), False),
        (tuple(SmsType), True),
    ],
)
async def test_an_opt_out_counts_where_it_blocks_a_type_that_sns_sends(
    harness: Harness, types: tuple[SmsType, ...], counts: bool
) -> None:
    await rule(harness, *types)
    await opt_out(harness, ANN)
    assert await is_opted_out(harness, ANN) is counts
    assert await listed(harness) == ([ANN] if counts else [])


async def test_an_opt_out_of_the_whole_account_counts_whatever_the_rules(harness: Harness) -> None:
    await rule(harness, SmsType.VERIFICATION_CODE)
    await opt_out(harness, ANN, ACCOUNT_WIDE)
    assert await is_opted_out(harness, ANN)
    assert await listed(harness) == [ANN]


async def test_a_deleted_address_blocks_nobody_and_remembers_everybody(harness: Harness) -> None:
    await opt_out(harness, ANN)
    await harness.texting.addresses.delete(granted(Verb.MANAGE_OPT_OUTS), LONG_CODE, origin=CONSOLE)
    assert not await is_opted_out(harness, ANN)
    await add(harness, LONG_CODE)
    assert await is_opted_out(harness, ANN)


async def test_a_list_goes_on_where_its_page_ended(harness: Harness) -> None:
    phones = [f"+1202555{n:04}" for n in range(230)]
    for n, phone in enumerate(phones):
        await opt_out(harness, phone)
        if n % 60 == 0:  # many share one instant, and pages end within it
            harness.clock.advance(1)
    answer = await harness.ask("list_phone_numbers_opted_out")
    assert answer["phoneNumbers"] == phones[:100]
    assert await listed(harness) == phones


async def test_lifting_one_meanwhile_hides_no_other_from_the_list(harness: Harness) -> None:
    phones = [f"+1202555{n:04}" for n in range(150)]
    for phone in phones:
        await opt_out(harness, phone)
        harness.clock.advance(1)
    answer = await harness.ask("list_phone_numbers_opted_out")
    for phone in phones[:20]:
        await harness.ask("opt_in_phone_number", phoneNumber=phone)
    rest = await harness.ask("list_phone_numbers_opted_out", nextToken=answer["nextToken"])
    assert answer["phoneNumbers"] + rest["phoneNumbers"] == phones


async def test_somebody_opted_out_at_two_addresses_is_listed_once_on_any_page(harness: Harness) -> None:
    await add(harness, TOLL_FREE)
    phones = [f"+1202555{n:04}" for n in range(80)]
    for address in (LONG_CODE, TOLL_FREE):
        for phone in phones:
            await opt_out(harness, phone, address)
        harness.clock.advance(60)
    assert await listed(harness) == phones


@pytest.mark.parametrize("token", ["x", "é", "MS5vcHRlZC1vdXQuLTEuMA==", "MS50b3BpY3MuMTAw", "A" * 5000])
async def test_a_token_that_we_did_not_make_is_refused(harness: Harness, token: str) -> None:
    told = await harness.refused("list_phone_numbers_opted_out", nextToken=token)
    assert told == (400, IP, "Invalid parameter: nextToken")


@given(st.text(max_size=60))
def test_no_token_makes_the_list_fail_otherwise(token: str) -> None:
    with suppress(SnsError):
        since, skip = sms._read_place(token)
        assert (since, skip) == (None, 0) if not token else since is not None and sms._place(since, skip) == token


@pytest.mark.parametrize("operation", ["check_if_phone_number_is_opted_out", "opt_in_phone_number"])
@pytest.mark.parametrize("number", ["", "12025550111", "+1202555O111", "+0", "STOP", "+12025550111 "])
async def test_what_is_no_number_is_refused(harness: Harness, operation: str, number: str) -> None:
    told = await harness.refused(operation, phoneNumber=number)
    assert told == (400, IP, "Invalid parameter: PhoneNumber Reason: input incorrectly formatted")


async def test_a_number_is_asked_for_by_its_name_with_a_small_letter(harness: Harness) -> None:
    answer = await harness.post({"Action": "CheckIfPhoneNumberIsOptedOut", "PhoneNumber": ANN})
    assert "<Code>ValidationError</Code>" in body_of(answer)
    assert "Value null at &apos;phoneNumber&apos;" in body_of(answer)


# --- back in -----------------------------------------------------------------------------------------------------------------


async def test_an_opt_in_lifts_all_that_keeps_topics_from_a_number(harness: Harness) -> None:
    await add(harness, TOLL_FREE)
    for address in (LONG_CODE, TOLL_FREE, ACCOUNT_WIDE):
        await opt_out(harness, ANN, address)
    await opt_out(harness, BOB)
    await harness.ask("opt_in_phone_number", phoneNumber=ANN)
    assert not await is_opted_out(harness, ANN)
    assert await listed(harness) == [BOB]
    entries = [entry for entry in await harness.ledger() if entry.event is Event.OPTED_IN]
    assert {(entry.address, entry.endpoint, entry.detail) for entry in entries} == {
        (address, ANN, "OptInPhoneNumber") for address in (LONG_CODE, TOLL_FREE, ACCOUNT_WIDE)
    }
    assert {(entry.origin.way, entry.origin.principal.rpartition("/")[2]) for entry in entries} == {(Way.API, "admin")}


async def test_an_opt_in_leaves_what_does_not_concern_topics(harness: Harness) -> None:
    await rule(harness, SmsType.VERIFICATION_CODE)
    await opt_out(harness, ANN)
    await harness.ask("opt_in_phone_number", phoneNumber=ANN)
    assert [row.phone for row in await harness.store.opt_outs(ACCOUNT, ANN)] == [ANN]  # type: ignore[attr-defined]


async def test_a_number_may_be_opted_in_once_in_thirty_days(harness: Harness) -> None:
    async def opt_in() -> tuple[int, str]:
        answer = await harness.post({"Action": "OptInPhoneNumber", "phoneNumber": ANN})
        return answer.status, body_of(answer)

    await opt_out(harness, ANN)
    assert (await opt_in())[0] == 200
    await opt_out(harness, ANN)
    harness.clock.advance(timedelta(days=29).total_seconds())
    status, said = await opt_in()
    assert status == 400
    assert "<Code>InvalidParameter</Code>" in said
    assert "phoneNumber Reason: a phone number can be opted in only once every 30 days" in said
    assert [row.phone for row in await harness.store.opt_outs(ACCOUNT, ANN)] == [ANN]  # type: ignore[attr-defined]
    harness.clock.advance(timedelta(days=1, seconds=1).total_seconds())
    assert (await opt_in())[0] == 200
    assert await harness.store.opt_outs(ACCOUNT, ANN) == []  # type: ignore[attr-defined]


async def test_an_opt_in_of_somebody_who_is_in_changes_nothing_and_is_not_counted(harness: Harness) -> None:
    await harness.ask("opt_in_phone_number", phoneNumber=ANN)
    assert [entry for entry in await harness.ledger() if entry.event is Event.OPTED_IN] == []
    await opt_out(harness, ANN)
    await harness.ask("opt_in_phone_number", phoneNumber=ANN)
    await harness.ask("opt_in_phone_number", phoneNumber=ANN)


async def test_an_opt_in_by_somebody_else_than_sns_is_not_counted(harness: Harness) -> None:
    await opt_out(harness, ANN)
    origin = Origin(way=Way.API, principal="ops")
    lifting = granted(Verb.LIFT_OPT_OUTS)
    assert await harness.texting.opt_outs.opt_in(lifting, LONG_CODE, ANN, reason="asked by letter", origin=origin)
    await opt_out(harness, ANN)
    await harness.ask("opt_in_phone_number", phoneNumber=ANN)
    assert not await is_opted_out(harness, ANN)


# --- who may ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "operation", "given"),
    [
        (PUBLISHER, "check_if_phone_number_is_opted_out", {"phoneNumber": ANN}),
        (PUBLISHER, "list_phone_numbers_opted_out", {}),
        (AUDITOR, "opt_in_phone_number", {"phoneNumber": ANN}),
        (AUDITOR, "set_sms_attributes", {"attributes": {"DefaultSenderID": "News"}}),
        (AUDITOR, "create_sms_sandbox_phone_number", {"PhoneNumber": ANN}),
        (AUDITOR, "verify_sms_sandbox_phone_number", {"PhoneNumber": ANN, "OneTimePassword": "12345"}),
        (AUDITOR, "delete_sms_sandbox_phone_number", {"PhoneNumber": ANN}),
    ],
)
async def test_a_role_that_does_not_allow_it_is_refused(
    harness: Harness, key: str, operation: str, given: dict[str, Any]
) -> None:
    status, code, message = await harness.refused(operation, key=key, **given)
    assert (status, code) == (403, "AuthorizationError")
    assert "is not authorized to perform: SNS:" in message
    assert message.partition("SNS:")[2].partition(" ")[0].lower() == operation.replace("_", "")


@pytest.mark.parametrize(
    "operation",
    [
        "list_phone_numbers_opted_out",
        "list_origination_numbers",
        "list_sms_sandbox_phone_numbers",
        "get_sms_sandbox_account_status",
        "get_sms_attributes",
    ],
)
async def test_an_auditor_may_look(harness: Harness, operation: str) -> None:
    await harness.ask(operation, key=AUDITOR)


async def test_an_unsigned_call_is_refused(harness: Harness) -> None:
    told = await harness.refused("opt_in_phone_number", key=None, phoneNumber=ANN)
    assert told[:2] == (403, "MissingAuthenticationToken")


class Busy:
    """Opt-outs that somebody else is always faster to change."""

    def __getattr__(self, name: str) -> Any:
        raise Throttled


async def test_throttling_has_the_name_that_the_model_gives_it_here(harness: Harness) -> None:
    busy: Any = Busy()
    services = SnsServices(
        topics=busy,
        subscriptions=busy,
        texting=busy,
        sms_defaults=busy,
        publisher=busy,
        clock=harness.clock,
        limiter=busy,
        protocols=PROTOCOLS,
        new_message_id=busy,
        public_url="",
    )
    harness.dialect = SnsDialect(services, harness.authenticator, harness.clock)
    assert await harness.refused("opt_in_phone_number", phoneNumber=ANN) == (429, "Throttled", "Rate exceeded")
    assert (await harness.refused("list_topics"))[:2] == (429, "Throttling")
    assert len(SMS_ACTIONS) == 11


# --- origination numbers -----------------------------------------------------------------------------------------------------


async def test_the_accounts_inbound_addresses_are_its_origination_numbers(harness: Harness) -> None:
    await add(harness, SHORT_CODE, kind=AddressKind.SHORT_CODE, country="CA")
    await opt_out(harness, ANN, ACCOUNT_WIDE)
    found = (await harness.ask("list_origination_numbers"))["PhoneNumbers"]
    assert [(row["PhoneNumber"], row["Iso2CountryCode"]) for row in found] == [(LONG_CODE, "US"), (SHORT_CODE, "CA")]
    assert {(row["Status"], row["RouteType"], *row["NumberCapabilities"]) for row in found} == {
        ("ACTIVE", "Transactional", "SMS")
    }
    assert {row["CreatedAt"] for row in found} == {harness.clock.now()}


async def test_origination_numbers_come_in_pages(harness: Harness) -> None:
    for n in range(40):
        await add(harness, f"+1202555{n:04}")
    first = await harness.ask("list_origination_numbers")
    rest = await harness.ask("list_origination_numbers", NextToken=first["NextToken"])
    assert (len(first["PhoneNumbers"]), len(rest["PhoneNumbers"])) == (30, 11)
    assert "NextToken" not in rest
    two = await harness.ask("list_origination_numbers", MaxResults=2)
    assert [row["PhoneNumber"] for row in two["PhoneNumbers"]] == [LONG_CODE, "+12025550000"]


@pytest.mark.parametrize("given", [{"MaxResults": 0}, {"MaxResults": 31}, {"NextToken": "x"}])
async def test_a_page_of_origination_numbers_that_cannot_be_is_refused(harness: Harness, given: dict[str, Any]) -> None:
    told = await harness.refused("list_origination_numbers", **given)
    assert told[:2] == (400, "ValidationException")


# --- the sandbox -------------------------------------------------------------------------------------------------------------


async def test_no_account_is_in_the_sandbox(harness: Harness) -> None:
    assert (await harness.ask("get_sms_sandbox_account_status"))["IsInSandbox"] is False
    answer = await harness.ask("list_sms_sandbox_phone_numbers")
    assert answer["PhoneNumbers"] == []
    assert "NextToken" not in answer


@pytest.mark.parametrize(
    ("operation", "given", "status", "code"),
    [
        ("create", {"PhoneNumber": ANN}, 400, "UserError"),
        ("create", {"PhoneNumber": ANN, "LanguageCode": "fr-CA"}, 400, "UserError"),
        ("create", {"PhoneNumber": ANN, "LanguageCode": "tlh"}, 400, IP),
        ("create", {"PhoneNumber": BOB}, 400, "OptedOut"),
        ("create", {"PhoneNumber": "x"}, 400, "ValidationError"),
        ("create", {}, 400, "ValidationError"),
        ("verify", {"PhoneNumber": ANN, "OneTimePassword": "123456"}, 404, "ResourceNotFound"),
        ("verify", {"PhoneNumber": ANN, "OneTimePassword": "1234"}, 400, "ValidationError"),
        ("verify", {"PhoneNumber": ANN}, 400, "ValidationError"),
        ("delete", {"PhoneNumber": ANN}, 404, "ResourceNotFound"),
        ("delete", {"PhoneNumber": "+" + "1" * 20}, 400, "ValidationError"),
    ],
)
async def test_without_a_sandbox_its_numbers_cannot_be_changed(
    harness: Harness, operation: str, given: dict[str, Any], status: int, code: str
) -> None:
    await opt_out(harness, BOB)
    told = await harness.refused(f"{operation}_sms_sandbox_phone_number", **given)
    assert told[:2] == (status, code)


@pytest.mark.parametrize("given", [{"MaxResults": 0}, {"MaxResults": 101}, {"NextToken": "x"}])
async def test_a_page_of_sandbox_numbers_that_cannot_be_is_refused(harness: Harness, given: dict[str, Any]) -> None:
    assert (await harness.refused("list_sms_sandbox_phone_numbers", **given))[:2] == (400, IP)


# --- attributes of the account -----------------------------------------------------------------------------------------------


async def attributes(harness: Harness, *names: str) -> dict[str, str]:
    answer: dict[str, str] = (await harness.ask("get_sms_attributes", attributes=list(names)))["attributes"]
    return answer


async def test_the_default_sender_is_kept_and_can_be_taken_away(harness: Harness) -> None:
    assert await attributes(harness) == {"MonthlySpendLimit": "1"}
    await harness.ask("set_sms_attributes", attributes={"DefaultSenderID": "News1"})
    assert await attributes(harness, "DefaultSenderID", "DefaultSMSType") == {"DefaultSenderID": "News1"}
    application = await harness.store.sms_application(ACCOUNT, TOPICS_APP)  # type: ignore[attr-defined]
    assert application.sender == "News1"
    await harness.ask("set_sms_attributes", attributes={"DefaultSenderID": "", "UsageReportS3Bucket": ""})
    assert await attributes(harness) == {"MonthlySpendLimit": "1"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MonthlySpendLimit", "10"),
        ("DeliveryStatusIAMRole", "arn:aws:iam::123456789012:role/SNSSuccessFeedback"),
        ("DeliveryStatusSuccessSamplingRate", "100"),
        ("DefaultSMSType", "Transactional"),
        ("UsageReportS3Bucket", "reports.example"),
    ],
)
async def test_every_attribute_is_kept_shown_and_taken_away(harness: Harness, name: str, value: str) -> None:
    await harness.ask("set_sms_attributes", attributes={"DefaultSenderID": "News", name: value})
    assert await attributes(harness, name) == {name: value}
    await harness.ask("set_sms_attributes", attributes={name: ""})
    assert await attributes(harness) == {"DefaultSenderID": "News", "MonthlySpendLimit": "1"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("Colour", "x", "Colour is not a valid attribute"),
        ("DefaultSenderID", "123", "DefaultSenderID is invalid"),
        ("DefaultSenderID", "TwelveLetter", "DefaultSenderID is invalid"),
        ("DefaultSenderID", "a b", "DefaultSenderID is invalid"),
        ("DefaultSMSType", "Personal", "DefaultSMSType is invalid"),
        ("DeliveryStatusSuccessSamplingRate", "101", "DeliveryStatusSuccessSamplingRate is invalid"),
        ("MonthlySpendLimit", "-1", "MonthlySpendLimit is invalid"),
    ],
)
async def test_an_attribute_is_checked_before_it_is_kept(harness: Harness, name: str, value: str, said: str) -> None:
    assert await harness.refused("set_sms_attributes", attributes={name: value}) == (400, IP, said)


async def test_attributes_must_be_given_and_known(harness: Harness) -> None:
    told = await harness.refused("set_sms_attributes")
    assert told[:2] == (400, "ValidationError")
    assert "Value null at 'attributes'" in told[2]
    told = await harness.refused("get_sms_attributes", attributes=["Colour"])
    assert told == (400, IP, "Colour is not a valid attribute")


# --- publishing --------------------------------------------------------------------------------------------------------------


def sms_type(name: str) -> dict[str, Any]:
    return {"MessageAttributes": {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": name}}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, SmsType.MARKETING),
        (sms_type("Promotional"), SmsType.MARKETING),
        (sms_type("Transactional"), SmsType.NOTIFICATION),
    ],
)
async def test_texts_have_the_type_that_the_publisher_gives_them(
    harness: Harness, given: dict[str, Any], expected: SmsType
) -> None:
    topic = await harness.topic()
    await harness.ask("publish", TopicArn=topic, Message="m", **given)
    await harness.ask(
        "publish_batch", TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "m", **given}]
    )
    await harness.ask("publish", PhoneNumber=ANN, Message="m", **given)
    found = await harness.accepted() + await harness.accepted(Kind.DIRECT)
    assert [(message.sms_app or TOPICS_APP, message.sms_type) for message in found] == [(TOPICS_APP, expected)] * 3
    assert all(type(message.sms_type) is int for message in found)


async def test_a_type_that_is_none_is_refused_because_it_could_go_round_a_rule(harness: Harness) -> None:
    topic = await harness.topic()
    for target in ({"TopicArn": topic}, {"PhoneNumber": ANN}):
        told = await harness.refused("publish", Message="m", **target, **sms_type("transactional"))
        assert told[:2] == (400, "ParameterValueInvalid")
    entries = [{"Id": "good", "Message": "m"}, {"Id": "bad", "Message": "m", **sms_type("x")}]
    answer = await harness.ask("publish_batch", TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [row["Id"] for row in answer["Successful"]] == ["good"]
    assert [(row["Id"], row["Code"]) for row in answer["Failed"]] == [("bad", "ParameterValueInvalid")]


@pytest.mark.parametrize("name", ["AWS.MM.SMS.OriginationNumber", "AWS.SNS.SMS.SenderID"])
@pytest.mark.parametrize("value", ["+12025550199", "12025550199"])
async def test_nobody_texts_from_another_accounts_number(harness: Harness, name: str, value: str) -> None:
    """People's STOP would go there, and block nothing here."""
    await add(harness, "+12025550199", OTHER_ACCOUNT)
    sender = {"MessageAttributes": {name: {"DataType": "String", "StringValue": value}}}
    topic = await harness.topic()
    for target in ({"TopicArn": topic}, {"PhoneNumber": ANN}):
        told = await harness.refused("publish", Message="m", **target, **sender)
        assert told[:2] == (400, "ParameterValueInvalid")
    entries = [{"Id": "good", "Message": "m"}, {"Id": "bad", "Message": "m", **sender}]
    answer = await harness.ask("publish_batch", TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [row["Id"] for row in answer["Successful"]] == ["good"]
    assert [(row["Id"], row["Code"]) for row in answer["Failed"]] == [("bad", "ParameterValueInvalid")]
    own = {"MessageAttributes": {name: {"DataType": "String", "StringValue": LONG_CODE}}}
    await harness.ask("publish", PhoneNumber=ANN, Message="m", **own)


async def test_a_text_to_somebody_who_opted_out_is_accepted_as_in_the_cloud(harness: Harness) -> None:
    await opt_out(harness, ANN)
    answer = await harness.ask("publish", PhoneNumber=ANN, Message="m")
    assert [message.id for message in await harness.accepted(Kind.DIRECT)] == [answer["MessageId"]]
