"""Reading what gateways bring: octets by coding, signatures, fields; pure, without a server."""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote_from_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import NOW, FakeClock

from tidings.dialects.contract import WireRequest
from tidings.dialects.gateways import GatewaysDialect
from tidings.dialects.gateways.event import UnreadableEvent, read_fields
from tidings.dialects.gateways.kannel import Kannel, text_of
from tidings.dialects.gateways.twilio import Twilio, signature
from tidings.dialects.gateways.webhook import Webhook
from tidings.domain.errors import Conflict, NotFound, Throttled, Unavailable, WrongSignature
from tidings.domain.keywords import DEFAULTS, meaning_of_readings
from tidings.domain.optout import IncomingText, KeywordSet
from tidings.domain.texts import TextReceipt
from tidings.wire.gateway_signature import HEADER, sign
from tidings.wire.smpp import gsm

SECRET, TOKEN = "kannel-secret", "12345"
WHOLE = st.characters(exclude_categories=["Cs"])


def get(path: str, query: str) -> WireRequest:
    return WireRequest("GET", path, query, {}, b"", "192.0.2.1", "http", "x", "r-1")


def said(octets: bytes, coding: str, **fields: str) -> IncomingText:
    """Encoded as Kannel does: a space as a plus."""
    query = urlencode({"secret": SECRET, "from": "+12025550123", "to": "12025550100", "coding": coding, **fields})
    query += "&octets=" + quote_from_bytes(octets, safe=" ").replace(" ", "+")
    text = Kannel(SECRET).read(get("/gateways/kannel/mo", query)).text
    assert text is not None
    return text


@given(st.text(WHOLE, max_size=80))
def test_kannels_octets_say_what_was_typed_in_either_coding(text: str) -> None:
    for octets, coding in ((text.encode(), "0"), (text.encode("utf-16-be"), "2")):
        received = said(octets, coding)
        assert text.removeprefix("\ufeff") in (received.text.removeprefix("\ufeff"), *received.other_readings)


@pytest.mark.parametrize(
    "charset", ["", "UTF-16BE", "UTF-16LE", "ISO-8859-1", "windows-1252", "UTF-8", "klingon", "x" * 300, "\u20ac"]
)
@pytest.mark.parametrize("coding", ["", "0", "1", "2", "7", "UCS2", "x"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16-be", "utf-16-le", "latin-1"])
def test_a_stop_is_among_the_readings_whatever_the_gateway_says_of_its_coding(
    codec: str, coding: str, charset: str
) -> None:
    for word in ("STOP", "Unsubscribe", "arrêt"):
        received = said(word.encode(codec), coding, charset=charset)
        _, found = meaning_of_readings((received.text, *received.other_readings), DEFAULTS)
        assert found.set is KeywordSet.OPT_OUT


@pytest.mark.parametrize(
    ("text", "is_receipt"), [("id:1A2B stat:DELIVRD err:000 text:Reply STOP", True), ("id: stop stat...", False)]
)
async def test_a_receipt_that_comes_as_a_text_is_none_of_a_person(text: str, is_receipt: bool) -> None:
    texts: list[IncomingText] = []
    receipts: list[TextReceipt] = []

    async def receive(received: IncomingText) -> None:
        texts.append(received)

    async def take(receipt: TextReceipt) -> None:
        receipts.append(receipt)

    dialect = GatewaysDialect(receive, take, FakeClock(), public_url="https://t.example", secret=SECRET)
    query = urlencode({"secret": SECRET, "from": "+12025550123", "to": "12025550100", "coding": "0", "octets": text})
    assert (await dialect.handle(get("/gateways/kannel/mo", query))).status == 200
    assert (len(receipts), len(texts)) == ((1, 0) if is_receipt else (0, 1))
    for receipt in receipts:
        assert (receipt.transport_ids, receipt.delivered, receipt.phone) == (("1A2B",), True, "+12025550123")


def test_a_get_url_that_gives_the_text_by_another_name_is_heard() -> None:
    query = urlencode({"secret": SECRET, "from": "+12025550123", "to": "12025550100", "text": "STOP"})
    received = Kannel(SECRET).read(get("/gateways/kannel/mo", query)).text
    assert received is not None
    assert received.text == "STOP"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_json_in_another_coding_is_read(codec: str) -> None:
    body = '{"id": "1", "from": "+12025550123", "to": "+12025550100", "text": "arrêt"}'.encode(codec)
    signed = sign(SECRET, body, int(NOW.timestamp()))
    request = WireRequest(
        "POST", "/gateways/webhook/mo", "", {HEADER.lower(): signed}, body, "192.0.2.1", "http", "x", "r-1"
    )
    received = Webhook(SECRET, FakeClock()).read(request).text
    assert received is not None
    assert received.text == "arrêt"


def test_a_form_in_another_charset_has_a_reading_for_each() -> None:
    body = b"From=%2B12025550123&To=%2B12025550100&Body=arr%EAt&MessageSid=SM1"
    form = parse_qs(body.decode())
    signed = signature(TOKEN, "https://t.example/gateways/twilio/sms", form)
    received = Twilio(TOKEN, "https://t.example").read(by_twilio(body, signed)).text
    assert received is not None
    assert "arrêt" in received.other_readings


@given(st.binary(max_size=60), st.sampled_from(["0", "1", "2", "", "9", "x" * 300]))
def test_any_octets_in_any_coding_are_some_text(octets: bytes, coding: str) -> None:
    assert isinstance(said(octets, coding).text, str)
    assert all(isinstance(reading, str) for reading in text_of(octets, coding))


@given(st.text(sorted(gsm.decode(bytes(range(27)))), max_size=40))
def test_a_bind_with_another_charset_is_read_too(text: str) -> None:
    latin = text.encode("latin-1", "ignore")
    try:
        expected = latin.decode()
    except UnicodeDecodeError:
        expected = latin.decode("latin-1")
    assert expected in text_of(latin, "0")


def test_ids_times_and_numbers_come_along() -> None:
    text = said(b"STOP", "0", id="28c4f9ef", time="1795255741")
    assert (text.address, text.phone, text.transport_id) == ("12025550100", "+12025550123", "28c4f9ef")
    assert text.sent_at == datetime(2026, 11, 21, 10, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize("time", ["", "0", "-1", "x", "1" * 12, "１２３", "1795255741.5"])
def test_a_time_that_is_none_costs_no_text(time: str) -> None:
    assert said(b"STOP", "0", time=time, id="\x00").text == "STOP"
    assert said(b"STOP", "0", time=time).sent_at is None


@given(st.text(max_size=300))
def test_any_query_is_read_or_refused(query: str) -> None:
    with suppress(UnreadableEvent):
        read_fields(query)
    with pytest.raises(WrongSignature):
        Kannel(SECRET).read(get("/gateways/kannel/dlr", query.replace("&", "")))


def test_the_first_secret_counts_and_too_many_fields_do_not() -> None:
    with pytest.raises(WrongSignature):
        Kannel(SECRET).read(get("/gateways/kannel/mo", f"secret=x&secret={SECRET}"))
    with pytest.raises(UnreadableEvent):
        Kannel(SECRET).read(get("/gateways/kannel/mo", f"secret={SECRET}" + "&a=1" * 300))


@pytest.mark.parametrize(("status", "delivered"), [("1", True), ("2", False), ("4", None), ("8", None), ("16", False)])
def test_kannels_statuses_have_one_meaning(status: str, delivered: bool | None) -> None:
    query = urlencode(
        {"secret": SECRET, "id": "m-1", "status": status, "from": "+1", "to": "+2", "answer": "a\x00b" + "x" * 999}
    )
    receipt = Kannel(SECRET).read(get("/gateways/kannel/dlr", query)).receipt
    assert receipt is not None
    assert (receipt.transport_ids, receipt.delivered, receipt.phone, receipt.address) == (
        ("m-1",),
        delivered,
        "+1",
        "+2",
    )
    assert receipt.detail.isprintable()
    assert len(receipt.detail) == 500


# --- Twilio ---------------------------------------------------------------------------------------------------------------------


def test_the_signature_is_the_one_in_twilios_documentation() -> None:
    # Source: Twilio docs, "Webhooks security", the example of its algorithm.
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    told = signature(
        TOKEN, "https://mycompany.com/myapp.php?foo=1&bar=2", {name: [value] for name, value in form.items()}
    )
    assert told == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def by_twilio(body: bytes, signed: str, query: str = "") -> WireRequest:
    return WireRequest(
        "POST", "/gateways/twilio/sms", query, {"x-twilio-signature": signed}, body, "", "http", "x", "r-1"
    )


@given(
    st.dictionaries(st.text(WHOLE, min_size=1, max_size=10), st.text(WHOLE, max_size=20), max_size=6),
    st.text(WHOLE, max_size=50),
)
def test_a_form_is_read_only_as_it_was_signed(extra: dict[str, str], text: str) -> None:
    form = {**extra, "From": "+12025550123", "To": "+12025550100", "Body": text, "MessageSid": "SM1"}
    form.pop("OptOutType", None)
    said = "https://t.example/gateways/twilio/sms" + "".join(name + form[name] for name in sorted(form))
    signed = b64encode(hmac.digest(TOKEN.encode(), said.encode(), "sha1")).decode()
    gateway = Twilio(TOKEN, "https://t.example")
    received = gateway.read(by_twilio(urlencode(form).encode(), signed)).text
    assert received is not None
    assert received.text == text
    with pytest.raises(WrongSignature):
        gateway.read(by_twilio(urlencode({**form, "Body": text + "x"}).encode(), signed))
    with pytest.raises(WrongSignature):
        gateway.read(by_twilio(urlencode(form).encode(), signed, "a=b"))


@pytest.mark.parametrize("public_url", ["https://t.example", "https://t.example:443", "https://t.example/"])
@pytest.mark.parametrize("signed_as", ["https://t.example", "https://t.example:443"])
def test_a_port_may_be_signed_or_not(public_url: str, signed_as: str) -> None:
    form = {"From": ["+1"], "To": ["+2"], "Body": [""], "MessageSid": ["SM1"]}
    signed = signature(TOKEN, f"{signed_as}/gateways/twilio/sms?a=%20b", form)
    body = urlencode({name: values[0] for name, values in form.items()}).encode()
    assert Twilio(TOKEN, public_url).read(by_twilio(body, signed, "a=%20b")).text is not None


@given(st.binary(max_size=200), st.text(max_size=60))
def test_any_body_and_signature_are_refused(body: bytes, signed: str) -> None:
    with pytest.raises((WrongSignature, UnreadableEvent)):
        Twilio(TOKEN, "https://t.example").read(by_twilio(body, signed))


# --- the front end ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("inbound address"), 202),
        (Unavailable("x"), 503),
        (Throttled(), 503),
        (Conflict(), 503),
        (TimeoutError(), 503),
    ],
)
async def test_what_went_wrong_decides_whether_it_comes_again(error: Exception, status: int) -> None:
    async def receive(_: IncomingText) -> None:
        raise error

    dialect = GatewaysDialect(receive, None, FakeClock(), public_url="http://x", secret=SECRET)  # type: ignore[arg-type]
    query = f"secret={SECRET}&from=1&to=2&octets=STOP"
    assert (await dialect.handle(get("/gateways/kannel/mo", query))).status == status


async def test_a_receiving_that_hangs_is_given_up_and_comes_again() -> None:
    async def receive(_: IncomingText) -> None:
        await asyncio.Event().wait()

    dialect = GatewaysDialect(receive, None, FakeClock(), public_url="http://x", secret=SECRET, patience_s=0.01)  # type: ignore[arg-type]
    response = await dialect.handle(get("/gateways/kannel/mo", f"secret={SECRET}&from=1&to=2&octets=STOP"))
    assert response.status == 503


def test_what_the_server_finds_out_is_told_in_the_gateways_form() -> None:
    dialect = GatewaysDialect(None, None, FakeClock(), public_url="http://x", secret=SECRET, twilio_auth_token=TOKEN)  # type: ignore[arg-type]
    told = {
        name: dialect.failure(get(f"/gateways/{name}", ""), 413, "too large")
        for name in ("kannel/mo", "twilio/sms", "webhook/mo", "other")
    }
    assert {name: (answer.status, answer.body) for name, answer in told.items()} == {
        "kannel/mo": (413, b"too large\n"),
        "twilio/sms": (413, b"<Response/>"),
        "webhook/mo": (413, b'{"error":"too large"}'),
        "other": (413, b"too large\n"),
    }
