"""What goes to gateways and what their answers mean."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.outgoing import make_outgoing
from tests.support.permits import permit_all

from tidings.channels.sms_gateway import SmsGatewayChannel, forms
from tidings.channels.sms_gateway.answers import read_kannel, read_webhook
from tidings.domain.envelope import HttpQuery, TextContent
from tidings.domain.model import Kind
from tidings.domain.outcomes import Delivered, Refused, RetryLater
from tidings.wire.gateway_url import GatewayUrl, parse_gateway_url

KANNEL = parse_gateway_url("kannel+http://tester:p%26ss@h/?from=+12025550100&dlr=1&smsc=mast")
PHONE = "+12025550123"


def asked(text: str, sender: str = "", url: GatewayUrl = KANNEL, receipt_url: str = "") -> dict[str, str]:
    content = TextContent(text, sender)
    request = forms.kannel(url, make_outgoing(content, PHONE, "sms"), content, receipt_url)
    assert isinstance(request, HttpQuery)
    pairs = dict(pair.split(b"=", 1) for pair in request.query.split(b"&"))
    charset = pairs[b"charset"].decode()
    return {
        name.decode(): unquote_to_bytes(value).decode(charset if name == b"text" else "utf-8")
        for name, value in pairs.items()
    }


def test_kannel_is_asked_as_its_guide_says() -> None:
    assert asked("Tide & co", receipt_url="http://x/?a=1&status=%d") == {
        "username": "tester",
        "password": "p&ss",
        "from": "+12025550100",
        "to": PHONE,
        "smsc": "mast",
        "coding": "0",
        "charset": "UTF-8",
        "dlr-mask": "31",
        "dlr-url": "http://x/?a=1&status=%d",
        "text": "Tide & co",
    }
    assert asked("x", "55512")["from"] == "55512"
    assert "dlr-mask" not in asked("x")


@pytest.mark.parametrize(
    ("text", "charset", "coding", "told"),
    [
        ("héllo €", "UTF-8", "0", "UTF-8"),
        ("héllo €", "ISO-8859-15", "0", "ISO-8859-15"),
        ("héllo €", "ISO-8859-1", "2", "UTF-16BE"),
        ("ê", "UTF-8", "2", "UTF-16BE"),
        ("潮 🌊", "UTF-8", "2", "UTF-16BE"),
    ],
)
def test_the_coding_is_the_smallest_that_says_all(text: str, charset: str, coding: str, told: str) -> None:
    fields = asked(text, url=replace(KANNEL, charset=charset))
    assert (fields["coding"], fields["charset"], fields["text"]) == (coding, told, text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_every_text_comes_back_out_of_the_query(text: str) -> None:
    assert asked(text)["text"] == text


def test_half_a_character_is_sent_as_well_as_can_be() -> None:
    assert asked("a\ud800b")["text"] == "a?b"


def test_kannels_marks_stand_alone_in_the_receipt_url() -> None:
    url = forms.kannel_receipt_url("https://x.example/a%20b", "se.cret~1", "m 1")
    fixed, _, marks = url.partition("&status=")
    assert fixed == "https://x.example/a%%20b/gateways/kannel/dlr?secret=se.cret~1&id=m%%201"
    assert marks == "%d&from=%p&to=%P&answer=%A"
    assert parse_qs(fixed.replace("%%", "%").partition("?")[2])["id"] == ["m 1"]


def test_a_direct_texts_id_is_its_messages_and_the_same_for_every_attempt() -> None:
    outgoing = make_outgoing(TextContent("x"), PHONE, "sms", message_id="m-1")
    assert forms.own_id(outgoing) == "m-1.1"
    outgoing.message = replace(outgoing.message, kind=Kind.DIRECT)
    assert forms.own_id(outgoing) == "m-1"
    outgoing.attempt = 7
    assert forms.own_id(outgoing) == "m-1"


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (202, b"0: Accepted for delivery", Delivered("Kannel: accepted", ("m-1",))),
        (202, b"3: Queued for later delivery", Delivered("Kannel: queued", ("m-1",))),
        (200, b"Sent.", Delivered("Kannel: accepted", ("m-1",))),
        (200, b"", Refused("the answer is not Kannel's")),
        (400, b"Sender missing and no global set, rejected", Refused("Kannel: HTTP 400: no sender is set")),
        (403, b"Not routable. Do not try again.", Refused("Kannel: HTTP 403: none of its SMSCs takes this number")),
        (403, b"Authorization failed for sendsms", RetryLater("Kannel: HTTP 403: user or password not accepted")),
        (404, b"Unknown request.", RetryLater("Kannel: HTTP 404: no sendsms at this path")),
        (400, b"secret words", None),
        (503, b"Temporal failure, try again later.", None),
        (500, b"0: Accepted for delivery", None),
    ],
)
def test_what_kannel_says_has_one_meaning(status: int, body: bytes, outcome: object) -> None:
    assert read_kannel(("m-1",), status, body) == outcome


@given(st.integers(200, 599), st.binary(max_size=300))
def test_nothing_of_a_gateways_words_gets_into_an_outcome(status: int, body: bytes) -> None:
    for outcome in (read_kannel((), status, b"hunter2" + body), read_webhook("", status, b'{"error": "hunter2"}')):
        assert "hunter2" not in str(outcome)


def test_receipts_need_a_secret() -> None:
    with pytest.raises(ValueError, match="secret"):
        SmsGatewayChannel(permit_all, lambda _: None, KANNEL, public_url="http://x")  # type: ignore[arg-type,return-value]
