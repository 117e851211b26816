"""Texts of phones: the alphabet, cutting into parts, reading and joining what comes in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.wire.smpp import Coding0, gsm
from tidings.wire.smpp.addresses import NOBODY
from tidings.wire.smpp.joining import HELD_OCTETS_MAX, Joiner, Stage
from tidings.wire.smpp.pdu import DeliverSm
from tidings.wire.smpp.splitting import Part, split
from tidings.wire.smpp.texts import Body, Place, decode, read_body

ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà\f^{}\\[~]|€"
)
NOW = datetime(2026, 11, 21, tzinfo=UTC)
PHONE, ADDRESS = "+12025550123", "+12025550100"

gsm_texts = st.text(st.sampled_from(ALPHABET), max_size=1_000)
any_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=500)


# --- the alphabet ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "septets"),
    [("@", "00"), ("é", "05"), ("\n", "0a"), ("Δ", "10"), ("_", "11"), ("à", "7f"), ("€", "1b65"), ("[]", "1b3c1b3e")],
)
def test_characters_have_the_septets_of_the_table(text, septets):
    assert gsm.encode(text).hex() == septets


@given(gsm_texts)
def test_every_text_of_the_alphabet_comes_back(text):
    octets = gsm.encode(text)
    assert max(octets, default=0) < 0x80
    assert len(octets) == sum(2 if character in "\f^{}\\[~]|€" else 1 for character in text)
    assert gsm.decode(octets) == text


@pytest.mark.parametrize("character", ["\x1b", "ç", "\t", "ł", "“", "\x7f", "你", "`"])
def test_other_characters_are_not_in_it(character):
    with pytest.raises(ValueError, match="charmap"):
        gsm.encode(character)


@given(st.binary(max_size=200))
def test_octets_are_read_or_refused(octets):
    if max(octets, default=0) < 0x80:
        assert len(gsm.decode(octets)) <= len(octets)
    else:
        with pytest.raises(ValueError, match="charmap"):
            gsm.decode(octets)


def test_an_escape_before_nothing_known_is_left_out():
    assert gsm.decode(b"a\x1bb\x1b\x1b\x65\x1b") == "ab€"


# --- cutting -------------------------------------------------------------------------------------------------------------------


def joined(parts: list[Part], coding0: Coding0 = Coding0.GSM) -> str:
    return "".join(
        decode(part.octets[6:] if part.esm_class else part.octets, part.data_coding, coding0) for part in parts
    )


@given(gsm_texts, st.integers(0, 255))
def test_parts_hold_as_many_septets_as_they_may_and_no_more(text, reference):
    parts = split(text, reference)
    septets = len(gsm.encode(text))
    assert joined(parts) == text
    if septets <= 160:
        assert parts == [Part(0, 0, gsm.encode(text))]
        return
    for number, part in enumerate(parts, 1):
        assert part.octets[:6] == bytes((5, 0, 3, reference, len(parts), number))
        assert len(part.octets) - 6 in ((153, 152) if number < len(parts) else range(1, 154))
        assert part.octets[-1] != gsm.ESCAPE
        assert len(part.octets) - 6 == 153 or number == len(parts) or parts[number].octets[6] == gsm.ESCAPE


@given(any_texts)
def test_any_text_comes_back_from_its_parts(text):
    parts = split(text, 7)
    assert joined(parts) == text
    for part in parts:
        assert len(part.octets) <= (160 if part.data_coding == 0 else 140)
        if part.data_coding == 8:
            (part.octets[6:] if part.esm_class else part.octets).decode("utf-16-be")  # no half surrogate pair


@given(any_texts)
def test_latin_parts_come_back_and_never_need_more_septets(text):
    parts = split(text, 7, Coding0.LATIN1)
    assert joined(parts, Coding0.LATIN1) == text
    for part in parts:
        if part.data_coding == 0:
            plain = (part.octets[6:] if part.esm_class else part.octets).decode("latin-1")
            assert len(gsm.encode(plain)) <= (153 if part.esm_class else 160)


def test_half_a_surrogate_pair_is_sent_as_a_question_mark():
    assert joined(split("a\ud83d", 1)) == "a?"


def test_an_escaped_character_stays_in_one_part():
    first, second = split("a" * 152 + "€" + "b" * 20, 7)
    assert gsm.decode(first.octets[6:]) == "a" * 152
    assert gsm.decode(second.octets[6:]) == "€" + "b" * 20


def test_more_than_255_parts_are_refused():
    assert len(split("x" * 153 * 255, 1)) == 255
    with pytest.raises(ValueError, match="256 parts"):
        split("x" * (153 * 255 + 1), 1)


# --- reading -------------------------------------------------------------------------------------------------------------------


def deliver(octets: bytes, esm_class: int = 0, coding: int = 0, **parameters: bytes) -> DeliverSm:
    tags = {int(name[1:], 16): value for name, value in parameters.items()}
    return DeliverSm(NOBODY, NOBODY, esm_class, coding, octets, tags)


@given(st.binary(max_size=300), st.integers(0, 255), st.sampled_from(Coding0))
def test_any_octets_in_any_coding_are_some_text(octets, coding, coding0):
    assert isinstance(decode(octets, coding, coding0), str)


@given(any_texts, st.integers(0, 255))
def test_any_octets_have_a_body_and_a_place_that_can_be(text, esm_class):
    body = read_body(deliver(text.encode("utf-16-be"), esm_class))
    if body.place is not None:
        assert 1 <= body.place.number <= body.place.total
        assert body.place.total >= 2


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("0003090302", Place("8", 9, 3, 2)),
        ("080401090201", Place("16", 0x0109, 2, 1)),
        ("0102aabb0003090302", Place("8", 9, 3, 2)),
        ("0003090103", None),  # number above total
        ("0003090300", None),
        ("0003090101", None),  # alone
        ("00030903", None),
        ("0004090302aa", None),
        ("24010100", None),
        ("", None),
    ],
)
def test_a_header_says_which_part_it_is(header, place):
    octets = bytes((len(header) // 2,)) + bytes.fromhex(header) + b"text"
    body = read_body(deliver(octets, 0x40))
    assert (body.octets, body.place) == (b"text", place)


def test_a_header_longer_than_the_text_is_taken_for_text():
    assert read_body(deliver(b"STOP", 0x40)).octets == b"STOP"


def test_parameters_say_which_part_it_is():
    parameters = {"x20c": b"\x01\x02", "x20e": b"\x02", "x20f": b"\x01"}
    assert read_body(deliver(b"a", **parameters)).place == Place("sar", 0x0102, 2, 1)
    assert read_body(deliver(b"a", **{**parameters, "x20f": b"\x03"})).place is None
    assert read_body(deliver(b"a", **{**parameters, "x20e": b""})).place is None


def test_ucs2_is_read_with_and_without_a_byte_order_mark():
    for octets in ("STOP".encode("utf-16-be"), b"\xfe\xff" + "STOP".encode("utf-16-be"), "STOP".encode("utf-16")):
        assert decode(octets, 8, Coding0.GSM) == "STOP"


def test_what_its_coding_does_not_explain_is_guessed():
    assert decode("停止".encode(), 0, Coding0.GSM) == "停止"
    assert decode("STOP".encode("utf-16-be"), 4, Coding0.GSM) == "STOP"
    assert decode("arrêt".encode("latin-1"), 1, Coding0.GSM) == "arrêt"
    assert decode(b"ok", 2, Coding0.GSM) == "ok"
    assert decode(b"\xe4", 0, Coding0.LATIN1) == "ä"


# --- joining -------------------------------------------------------------------------------------------------------------------


def take(joiner: Joiner, number: int, octets: bytes, *, total: int = 3, reference: int = 1, at: datetime = NOW):
    place = Place("8", reference, total, number)
    return joiner.take(PHONE, ADDRESS, place, Body(octets, 0, place), Coding0.GSM, at)


@given(st.permutations(range(1, 6)), st.lists(st.integers(1, 5), max_size=5))
def test_parts_are_joined_in_any_order_and_repeats_change_nothing(order, repeats):
    joiner = Joiner()
    pieces = {number: f"part {number} ".encode() for number in range(1, 6)}
    for number in [*order[:-1], *(number for number in repeats if number != order[-1])]:
        assert not take(joiner, number, pieces[number], total=5).is_whole
    text = take(joiner, order[-1], pieces[order[-1]], total=5)
    assert text.is_whole
    assert text.text() == "part 1 part 2 part 3 part 4 part 5 "
    joiner.hearing(text)
    assert take(joiner, 2, pieces[2], total=5) is text
    joiner.received(text, NOW)
    assert take(joiner, 2, pieces[2], total=5).stage is Stage.RECEIVED
    assert len(joiner) == 0


def test_what_is_missing_is_waited_for_two_minutes():
    joiner = Joiner()
    text = take(joiner, 1, b"STOP")
    assert joiner.overdue(NOW + timedelta(seconds=119)) == []
    assert joiner.overdue(NOW + timedelta(seconds=120)) == [text]
    assert text.text() == "STOP"
    joiner.hearing(text)
    assert joiner.overdue(NOW + timedelta(seconds=121)) == []
    joiner.failed(text, NOW)
    assert joiner.overdue(NOW + timedelta(seconds=120)) == [text]


def test_a_late_part_of_a_text_that_was_heard_is_a_text_of_its_own():
    joiner = Joiner()
    text = take(joiner, 1, b"STOP")
    joiner.hearing(text)
    joiner.received(text, NOW)
    late = take(joiner, 2, b" texting me")
    assert late is not text
    assert joiner.overdue(NOW + timedelta(minutes=2)) == [late]


def test_a_contradicting_part_gives_up_the_old_text():
    joiner = Joiner()
    old = take(joiner, 1, b"old")
    new = take(joiner, 1, b"new")
    assert new is not old
    assert joiner.overdue(NOW) == [old]
    assert take(joiner, 2, b"!") is new


def test_a_heard_text_is_forgotten_after_a_while():
    joiner = Joiner()
    text = take(joiner, 1, b"STOP", total=2)
    joiner.received(text, NOW)
    joiner.overdue(NOW + timedelta(minutes=10))
    assert take(joiner, 1, b"STOP", total=2) is not text


def test_what_is_held_is_bounded_and_the_oldest_is_heard_early():
    joiner = Joiner()
    pieces = HELD_OCTETS_MAX // 50_000 + 2
    texts = [take(joiner, 1, bytes(50_000), reference=reference) for reference in range(pieces)]
    given_up = joiner.overdue(NOW)
    assert 0 < len(given_up) < 5
    assert given_up == texts[: len(given_up)]


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from([b"a", b"b"]), st.sampled_from(["heard", "failed", "wait"])),
        max_size=30,
    )
)
def test_no_part_is_ever_forgotten_without_being_heard(events):
    joiner = Joiner()
    put, received, at = [], set(), NOW

    def receive(text, how):
        joiner.hearing(text)
        told = text.text()
        if how == "heard":
            joiner.received(text, at)
            received.update(told)
        else:
            joiner.failed(text, at)

    for number, octets, how in events:
        at += timedelta(seconds=1)
        text = take(joiner, number, octets, at=at)
        put.append(octets.decode())
        if text.stage is Stage.COLLECTING and text.is_whole and how != "wait":
            receive(text, how)
    for _ in range(4):
        at += timedelta(minutes=3)
        for text in joiner.overdue(at):
            receive(text, "heard")
    assert received == set(put)
    assert len(joiner) == 0
