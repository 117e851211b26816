"""PDUs, addresses, receipts and URLs of SMPP; and what happens to bytes that are none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.wire.smpp import BindKind, Coding0, MessageState, SmppUrl, pdu, statuses
from tidings.wire.smpp.addresses import NOBODY, Address, destination, our_address, phone_of, sender
from tidings.wire.smpp.pdu import DeliverSm, Intake, Malformed, Pdu, read_deliver_sm
from tidings.wire.smpp.receipts import Receipt, is_receipt, read_receipt, receipt_in
from tidings.wire.smpp.splitting import Part
from tidings.wire.smpp.texts import decode, read_body

PHONE, OWN = "+12025550123", "+12025550100"


def deliver_body(octets: bytes = b"STOP", esm_class: int = 0, coding: int = 0, parameters: bytes = b"") -> bytes:
    fixed = bytes((esm_class, 0, 0, 0, 0, 0, 0, coding, 0, len(octets)))
    return b"\0\1\x0112025550123\0\1\x0112025550100\0" + fixed + octets + parameters


def parameter(tag: int, value: bytes) -> bytes:
    return tag.to_bytes(2) + len(value).to_bytes(2) + value


pdus = st.builds(
    Pdu, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=80)
)


@given(st.lists(pdus, max_size=8), st.lists(st.integers(1, 40), min_size=1, max_size=50))
def test_pdus_arrive_whole_however_the_bytes_are_cut(sent, cuts):
    octets = b"".join(pdu.pdu(it.command, it.sequence, it.body, it.status) for it in sent)
    intake, got, at = Intake(), [], 0
    while at < len(octets):
        size = cuts[at % len(cuts)]
        got += intake.feed(octets[at : at + size])
        at += size
    assert got == sent


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_are_pdus_or_malformed_and_never_kept_beyond_one(chunks):
    intake = Intake()
    try:
        for chunk in chunks:
            for it in intake.feed(chunk):
                assert len(it.body) <= pdu.PDU_OCTETS_MAX
    except Malformed:
        pass


@pytest.mark.parametrize("length", [0, 1, 15, pdu.PDU_OCTETS_MAX + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_cannot_be_is_noticed_from_four_octets(length):
    with pytest.raises(Malformed):
        list(Intake().feed(length.to_bytes(4)))


def test_pdus_before_a_malformed_one_are_still_read():
    feeding = Intake().feed(pdu.pdu(pdu.ENQUIRE_LINK, 1) + bytes(16))
    assert next(feeding).command == pdu.ENQUIRE_LINK
    with pytest.raises(Malformed):
        next(feeding)


def test_a_submit_sm_is_written_field_by_field():
    source, target = sender(OWN).octets(), destination(PHONE).octets()
    octets = pdu.submit_sm(7, source, target, Part(0x40, 8, b"\5\0\3\1\2\1hi"), receipt=True)
    assert octets[:16] == bytes.fromhex(f"{len(octets):08x}00000004000000000000" + "0007")
    assert octets[16:] == (
        b"\0\1\x0112025550100\0\1\x0112025550123\0" + bytes((0x40, 0, 0, 0, 0, 1, 0, 8, 0, 8)) + b"\5\0\3\1\2\1hi"
    )


def test_a_bind_is_written_field_by_field():
    octets = pdu.bind(1, SmppUrl.read("smpp://me:pw@h?system_type=VMA&bind=receiver"))
    assert octets[4:16] == bytes.fromhex("000000010000000000000001")
    assert octets[16:] == b"me\0pw\0VMA\0\x34\0\0\0"


def test_answers_carry_the_requests_number():
    request = Pdu(pdu.DELIVER_SM, 0, 99, b"")
    assert pdu.response(request, 0x64).hex() == "00000011" + "80000005" + "00000064" + "00000063" + "00"
    assert pdu.response(Pdu(pdu.ENQUIRE_LINK, 0, 1, b"")).hex() == "00000010" + "80000015" + "00000000" + "00000001"


def test_message_ids_are_read_from_anything():
    assert pdu.message_id_of(b"4D2\0rest") == "4D2"
    assert pdu.message_id_of(b"") == ""
    assert pdu.message_id_of(b"\xff" * 200).startswith("\\xff")


def test_a_deliver_sm_is_read_with_its_parameters():
    extra = parameter(0x020C, b"\0\1") + parameter(0x1400, b"vendor") + parameter(0x020C, b"\0\2") + b"\4\x24\0\x09cut"
    deliver = read_deliver_sm(deliver_body(b"hi", 0x04, 3, extra))
    assert (deliver.source, deliver.destination) == (Address(1, 1, "12025550123"), Address(1, 1, "12025550100"))
    assert (deliver.esm_class, deliver.data_coding, deliver.octets) == (4, 3, b"hi")
    assert deliver.parameters == {0x020C: b"\0\1", 0x1400: b"vendor"}
    assert deliver.is_receipt


@pytest.mark.parametrize(
    ("short", "payload", "octets"),
    [
        (b"", b"STOP", b"STOP"),
        (b"ST", b"STOP", b"STOP"),
        (b"\5\0\3\1\2\1", b"STOP", b"\5\0\3\1\2\1STOP"),
        (b"a", b"", b"a"),
    ],
)
def test_a_payload_is_the_text(short, payload, octets):
    assert read_deliver_sm(deliver_body(short, parameters=parameter(pdu.MESSAGE_PAYLOAD, payload))).octets == octets


def test_every_truncation_is_malformed_or_the_same_text():
    body = deliver_body(b"STOP", parameters=parameter(0x1400, b"x"))
    end = len(deliver_body(b"STOP"))
    for length in range(len(body)):
        if length < end:
            with pytest.raises(Malformed):
                read_deliver_sm(body[:length])
        else:
            assert read_deliver_sm(body[:length]).octets == b"STOP"


@st.composite
def mutated(draw):
    extra = parameter(pdu.RECEIPTED_MESSAGE_ID, b"12\0") + parameter(pdu.MESSAGE_STATE, b"\2")
    bodies = [
        deliver_body(),
        deliver_body(b"\5\0\3\1\2\1STOP", 0x40),
        deliver_body(b"id:1 stat:DELIVRD", 4, 0, extra),
        deliver_body("STOP".encode("utf-16-be"), 0, 8, parameter(pdu.MESSAGE_PAYLOAD, b"STOP")),
    ]
    body = bytearray(draw(st.sampled_from(bodies)))
    for at, value in draw(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=8)):
        body[at % len(body)] = value
    cut = draw(st.integers(0, len(body)))
    return bytes(body[:cut]) + draw(st.binary(max_size=12)) + bytes(body[cut:] if draw(st.booleans()) else b"")


@given(mutated())
def test_mutated_bodies_are_read_or_malformed(body):
    try:
        deliver = read_deliver_sm(body)
    except Malformed:
        return
    read = read_body(deliver)
    assert isinstance(decode(read.octets, read.data_coding, Coding0.GSM), str)
    receipt = read_receipt(deliver, "1")
    assert isinstance(receipt.state, MessageState)
    assert isinstance(receipt.message_id, str)
    assert isinstance(is_receipt(deliver), bool)
    assert isinstance(our_address(deliver.destination, OWN, "1"), str)


# --- addresses ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", Address(0, 0, "")),
        (OWN, Address(1, 1, "12025550100")),
        ("55512", Address(3, 0, "55512")),
        ("Tidings", Address(5, 0, "Tidings")),
        ("12025550100", Address(0, 1, "12025550100")),
    ],
)
def test_senders_are_typed_as_they_are(text, address):
    assert sender(text) == address


@pytest.mark.parametrize("text", ["a name too long", "naïve", "x\0y", "+1 202 555", "1" * 21])
def test_what_is_no_sender_is_refused(text):
    with pytest.raises(ValueError, match="not a sender"):
        sender(text)


@pytest.mark.parametrize(
    ("address", "country_code", "phone"),
    [
        (Address(1, 1, "12025550123"), "", PHONE),
        (Address(1, 1, "+12025550123"), "", PHONE),
        (Address(1, 1, "0012025550123"), "", PHONE),
        (Address(0, 0, "+12025550123"), "", PHONE),
        (Address(2, 1, "2025550123"), "1", PHONE),
        (Address(2, 1, "12025550123"), "1", PHONE),
        (Address(2, 1, "07911123456"), "44", "+447911123456"),
        (Address(0, 1, "2025550123"), "1", PHONE),
        (Address(0, 1, "447911123456"), "1", "+447911123456"),
        (Address(0, 0, "55512"), "1", "55512"),
        (Address(5, 0, "ACME"), "1", "ACME"),
        (Address(1, 1, ""), "1", ""),
    ],
)
def test_phones_are_read_as_e164(address, country_code, phone):
    assert phone_of(address, country_code) == phone


def test_our_own_number_is_read_as_the_operator_wrote_it():
    assert our_address(Address(0, 0, "12025550100"), OWN, "1") == OWN
    assert our_address(Address(2, 1, "2025550177"), OWN, "1") == "+12025550177"
    assert our_address(Address(3, 0, "55512"), OWN, "1") == "55512"


# --- statuses and receipts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0x01, 0x0A, 0x0B, 0x33, 0x43, 0x61, 0x65, 0x66, 0xC4])
def test_the_texts_own_faults_are_permanent(status):
    assert statuses.is_permanent(status)


@pytest.mark.parametrize("status", [0x04, 0x08, 0x14, 0x45, 0x58, 0x64, 0xFE, 0xFF, 0x400, 0xFFFFFFFF])
def test_the_smscs_troubles_and_unknown_ones_are_not(status):
    assert not statuses.is_permanent(status)
    assert statuses.name(status)


def receipt_of(text: str, parameters: dict[int, bytes] | None = None) -> Receipt:
    return read_receipt(
        DeliverSm(Address(1, 1, "12025550123"), Address(1, 1, ""), 4, 0, text.encode("latin-1"), parameters or {})
    )


def test_receipts_are_read_from_text_or_parameters():
    told = receipt_of("id:0A3 sub:001 dlvrd:000 submit date:1 done date:2 stat:UNDELIV err:027 Text:STOP stat:x")
    assert (told.message_id, told.state, told.error, told.phone) == ("0A3", MessageState.UNDELIVERABLE, "027", PHONE)
    named = receipt_of("id:9 stat:ENROUTE", {0x1E: b"77\0", 0x427: b"\2", 0x423: b"\3\0\x05"})
    assert (named.message_id, named.state, named.error) == ("77", MessageState.DELIVERED, "005")
    assert named.is_final
    assert receipt_of("Stat:delivered").state is MessageState.DELIVERED
    assert receipt_of("nothing").state is MessageState.UNKNOWN
    assert not receipt_of("stat:ACCEPTD").is_final


def deliver_of(
    text: str | bytes, parameters: dict[int, bytes] | None = None, esm_class: int = 0, coding: int = 0
) -> DeliverSm:
    octets = text.encode() if isinstance(text, str) else text
    return DeliverSm(NOBODY, NOBODY, esm_class, coding, octets, parameters or {})


WHOLE = "id:0000001A2B sub:001 dlvrd:001 submit date:2611302359 done date:2611302359 stat:DELIVRD err:000 text:Reply STOP to"


@pytest.mark.parametrize(
    ("text", "message_id"),
    [
        (WHOLE, "0000001A2B"),
        ("id:1a2b stat:DELIVRD", "1a2b"),
        ('id:"1A2B" stat:DELIVRD err:"000"', "1A2B"),
        ("id:'1A2B' stat:DELIVRD", "1A2B"),
        ("id: 1A2B sub: 001 stat: DELIVRD", "1A2B"),
        ("ID:1A2B STAT:delivrd ERR:0", "1A2B"),
        ("id:1A2B,stat:DELIVRD,err:000", "1A2B"),
        (WHOLE.encode("utf-16-be"), "0000001A2B"),
        (WHOLE.encode("utf-16-le"), "0000001A2B"),
        (b"\xfe\xff" + WHOLE.encode("utf-16-be"), "0000001A2B"),
        (WHOLE + "\x1a", "0000001A2B"),
    ],
)
@pytest.mark.parametrize("esm_class", [0, 4, 0x20])
def test_a_receipt_is_one_by_its_words_alone_however_it_is_written(
    text: str | bytes, message_id: str, esm_class: int
) -> None:
    deliver = deliver_of(text, esm_class=esm_class, coding=8 if isinstance(text, bytes) else 0)
    assert is_receipt(deliver)
    receipt = read_receipt(deliver)
    assert (receipt.message_id, receipt.state) == (message_id, MessageState.DELIVERED)


@pytest.mark.parametrize(
    "parameters",
    [{0x1E: b"1A2B\0", 0x427: b"\2"}, {0x1E: b'"1A2B"\0', 0x427: b"\2"}, {0x1E: b"1A2B\0"}, {0x427: b"\2"}],
)
def test_a_receipt_is_one_by_its_parameters_alone(parameters: dict[int, bytes]) -> None:
    deliver = deliver_of("", parameters)
    assert is_receipt(deliver)
    assert read_receipt(deliver).message_id == ("1A2B" if 0x1E in parameters else "")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "STOP",
            "id: stop stat...",
            "id:stop stat:DELIVRD",
            "id: stop",
            "id:12 stat:stop",
            "id:12",
            "stat:DELIVRD",
            "",
        ),
        *(
            "please stop id:12 stat:DELIVRD",
            "id:12 stat:DELIVRD please stop",
            "id:12 stop stat:DELIVRD",
            "my id: 12, stop",
            "text:STOP",
        ),
    ],
)
def test_what_a_person_may_have_written_is_no_receipt(text: str) -> None:
    assert not is_receipt(deliver_of(text))
    if text:
        assert not is_receipt(deliver_of(text, {0x1E: b"1A2B\0"}))


@given(st.text(max_size=300))
def test_any_text_is_a_receipt_or_none(text: str) -> None:
    assert receipt_in(text) is None
    found = receipt_in(f"id:1 stat:DELIVRD text:{text}")
    assert found is not None


def test_a_hostile_text_is_looked_at_once() -> None:
    assert receipt_in("id:1 " + "err:0 " * 5_000 + "x") is None
    assert receipt_in('id:"' + "a" * 100_000) is None


def test_every_state_has_its_word():
    words = {state: Receipt("", state, "").detail for state in MessageState}
    assert words[MessageState.DELIVERED] == "DELIVRD"
    assert len(set(words.values())) == len(MessageState)
    assert Receipt("", MessageState.REJECTED, "", "0A1").detail == "REJECTD, error 0A1"
    assert Receipt("", MessageState.REJECTED, "", "000").detail == "REJECTD"


# --- the URL ------------------------------------------------------------------------------------------------------------------------


def test_a_url_says_everything():
    url = SmppUrl.read(
        "smpp://me:p%40ss@[::1]:2776/?source=+12025550100&bind=transmitter&window=8&coding0=latin1&system_type=VMA"
    )
    assert url == SmppUrl("::1", 2776, "me", "p@ss", OWN, BindKind.TRANSMITTER, 8, Coding0.LATIN1, "VMA")
    assert "p@ss" not in repr(url) + url.name


def test_a_url_says_which_codes_mean_that_the_person_opted_out():
    url = SmppUrl.read("smpp://me:pw@h?optout_codes=0x0000040B,%20470,045,x9")
    assert (url.optout_statuses, url.optout_errors) == ({0x40B}, {"470", "45", "X9"})
    assert SmppUrl.read("smpp://me:pw@h").optout_statuses == frozenset()


def test_a_url_needs_little():
    assert SmppUrl.read("smpp://me:pw@smsc.example") == SmppUrl("smsc.example", 2775, "me", "pw")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://me:pw@h", "must be"),
        ("smpp://me:pw@", "must be"),
        ("smpp://me:pw@h/x", "must be"),
        ("smpp://me:pw@h:99999", "port"),
        ("smpp://:pw@h", "system_id"),
        ("smpp://me:ninechars@h", "password"),
        ("smpp://sixteencharacter:pw@h", "system_id"),
        ("smpp://me:pw@h?window=0", "window"),
        ("smpp://me:pw@h?window=1001", "window"),
        ("smpp://me:pw@h?window=x", "window"),
        ("smpp://me:pw@h?bind=both", "bind"),
        ("smpp://me:pw@h?coding0=ascii", "coding0"),
        ("smpp://me:pw@h?source=a%20name%20too%20long", "sender"),
        ("smpp://me:pw@h?country_code=0", "country_code"),
        ("smpp://me:pw@h?sauce=1", "unknown option"),
        ("smpp://me:pw@h?optout_codes=0x0", "optout_codes"),
        ("smpp://me:pw@h?optout_codes=000", "optout_codes"),
        ("smpp://me:pw@h?optout_codes=0xGG", "optout_codes"),
        ("smpp://me:pw@h?optout_codes=a-b", "optout_codes"),
        ("smpp://me:pw@h?window=1&window=2", "twice"),
    ],
)
def test_a_url_that_cannot_be_is_refused_without_its_password(text, told):
    with pytest.raises(ValueError, match=told) as caught:
        SmppUrl.read(text)
    assert "ninechars" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_refused(text):
    for candidate in (text, "smpp://" + text, "smpp://me:pw@h?" + text):
        with suppress(ValueError):
            SmppUrl.read(candidate)
