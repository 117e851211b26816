"""A STOP in any coding, labelled as any other: it is read, or shown to a person; and ordinary texts stay what they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.keywords import DEFAULTS, meaning_of_readings
from tidings.domain.optout import KeywordSet
from tidings.wire.smpp import Coding0, gsm
from tidings.wire.smpp.addresses import NOBODY
from tidings.wire.smpp.pdu import DeliverSm
from tidings.wire.smpp.readings import OTHERS_MAX, is_utf16, readings, unpacked
from tidings.wire.smpp.texts import Body, read, read_body


def packed(text: str, fill_bits: int = 0) -> bytes:
    """Septets of the alphabet, seven bits each."""
    bits = sum(septet << 7 * place for place, septet in enumerate(gsm.encode(text))) << fill_bits
    return bits.to_bytes((len(gsm.encode(text)) * 7 + fill_bits + 7) // 8, "little")


def deliver(octets: bytes, coding: int, esm_class: int = 0) -> DeliverSm:
    return DeliverSm(NOBODY, NOBODY, esm_class, coding, octets, {})


def became(octets: bytes, coding: int, esm_class: int = 0, coding0: Coding0 = Coding0.GSM) -> str:
    _, found = meaning_of_readings(read(read_body(deliver(octets, coding, esm_class)), coding0), DEFAULTS)
    return found.set.value if found.set else "review" if found.review else ""


WORDS = ["STOP", "stop", "Stop", "QUIT", "Unsubscribe", "STOP please", "cancel", "END NOW please", "arrêt", "退订"]
WAYS = {
    "UCS-2": lambda text: text.encode("utf-16-be"),
    "UCS-2 with a mark": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "little-endian": lambda text: text.encode("utf-16-le"),
    "little-endian with a mark": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "UTF-8": lambda text: text.encode(),
    "Latin-1": lambda text: text.encode("latin-1", "ignore") or text.encode(),
}
ENDS = [b"", b"\x1a", b"\x00", b"\x1b\x1a", b"\x1a\x1a", b"\x00\x00", b"\r\n"]


@pytest.mark.parametrize("coding", [0, 1, 3, 4, 8, 0xF1, 0xF5, 0x18, 2, 9])
@pytest.mark.parametrize("way", WAYS)
def test_a_stop_acts_or_is_shown_in_whatever_coding_it_comes(way: str, coding: int) -> None:
    for word in WORDS:
        for end in ENDS:
            octets = WAYS[way](word) + end
            assert became(octets, coding) in ("opt-out", "review"), (word, end)
            if word in ("STOP", "Unsubscribe", "STOP please"):
                assert became(octets, coding) == "opt-out", (word, end)


@pytest.mark.parametrize("coding", [0, 1, 3, 4, 8, 0xF5])
@pytest.mark.parametrize("word", ["STOP", "unsubscribe", "STOP please", "quit", "STOPALL", "stop all"])
def test_packed_septets_are_read_where_plain_octets_are_expected(word: str, coding: int) -> None:
    assert became(packed(word), coding) == "opt-out"


@pytest.mark.parametrize("fill_bits", [0, 1])
def test_packed_septets_behind_a_header_are_read(fill_bits: int) -> None:
    header = b"\x05\x00\x03\x07\x01\x01"
    assert became(header + packed("unsubscribe", fill_bits), 0, 0x40) == "opt-out"


@pytest.mark.parametrize("header", [b"\x05\x00\x03\x07\x02\x01", b"\x06\x08\x04\x00\x07\x02\x01"])
@pytest.mark.parametrize("coding", [0, 8])
def test_a_header_of_parts_is_seen_also_where_esm_class_does_not_tell_it(header: bytes, coding: int) -> None:
    octets = "STOP".encode("utf-16-be") if coding else b"STOP"
    told, untold = (read_body(deliver(header + octets, coding, esm_class)) for esm_class in (0x40, 0))
    assert told == untold
    assert untold.place is not None
    assert untold.octets == octets


@pytest.mark.parametrize(
    ("octets", "esm_class"),
    [
        (b"\x05\x00\x03\x07\x01\x01STOP", 0),  # alone, and not told
        (b"\x04\x05\x02\x15\x81STOP", 0),
        (b"\x03\x24\x01\x01STOP", 0),
        (b"\x03\x24\x01\x01STOP", 0x40),
        (b"STOP", 0x40),  # told, and there is none
        (b"\x0aSTOP please", 0x40),
    ],
)
def test_a_stop_behind_a_header_or_without_the_one_that_is_told_acts(octets: bytes, esm_class: int) -> None:
    assert became(octets, 0, esm_class) == "opt-out"


def test_an_odd_number_of_octets_is_read() -> None:
    assert became(b"\x00S\x00T\x00O\x00P\x00", 8) == "opt-out"
    assert became(b"S\x00T\x00O\x00P", 8) == "opt-out"  # the first zero is lost
    assert became(b"\x00S\x00T\x00O\x00P\x1a", 8) == "opt-out"
    assert became(b"\x00S\x00T\x00O\x00", 8) in ("review", "")  # a letter is lost


@pytest.mark.parametrize("text", ["СТОП", "توقف", "停止", "수신거부", "हटाओ बंद करो", "ΣΤΟΠ"])
@pytest.mark.parametrize("codec", ["utf-16-be", "utf-16-le", "utf-8"])
@pytest.mark.parametrize("coding", [0, 1, 4, 8])
def test_a_wish_in_other_scripts_is_shown_in_whatever_coding(text: str, codec: str, coding: int) -> None:
    assert became(text.encode(codec), coding) == "review"


def test_octets_that_no_coding_explains_are_shown() -> None:
    assert became(b"\xff\xff\xfe\xfe\x81", 8) == "review"


ORDINARY = [
    "ok",
    "Yes",
    "See you at 5",
    "thanks!",
    "hello there",
    "1",
    "à demain",
    "I am late, sorry",
    "price is 5€?",
    "call me",
    "HELLO",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_texts_stay_what_they_are(text: str) -> None:
    assert read(Body(gsm.encode(text), 0, None), Coding0.GSM)[0] == text
    assert read(Body(text.encode("utf-16-be"), 8, None), Coding0.GSM)[0] == text
    assert became(gsm.encode(text), 0) == became(text.encode("utf-16-be"), 8) == ""


@pytest.mark.parametrize(
    "text",
    ["你好", "好的", "谢谢", "明天见", "是", "Спасибо", "नमस्ते", "안녕하세요", "ありがとう", "👍", "Đến nơi", "שלום"],
)
def test_ordinary_texts_in_ucs2_stay_what_they_are(text: str) -> None:
    assert read(Body(text.encode("utf-16-be"), 8, None), Coding0.GSM)[0] == text
    assert became(text.encode("utf-16-be"), 8) == ""


@given(st.text(st.sampled_from("abcdefgh STOPxyz0123456789.,!?é@$"), min_size=1, max_size=300))
def test_texts_of_the_alphabet_are_read_as_they_are_told(text: str) -> None:
    """But for what is UCS-2 just as well ($ and @ are the octets 2 and 0): then the other reading may come first."""
    found = read(Body(gsm.encode(text), 0, None), Coding0.GSM)
    assert text in found if is_utf16(gsm.encode(text)) else text == found[0]


@given(st.binary(max_size=600), st.booleans(), st.integers(0, 6))
def test_any_octets_have_a_few_different_readings(octets: bytes, is_ucs2: bool, fill_bits: int) -> None:
    told = octets.decode("utf-16-be" if is_ucs2 else "latin-1", "replace")
    found = readings(octets, told, is_ucs2=is_ucs2, fill_bits=fill_bits)
    assert 1 <= len(found) <= OTHERS_MAX + 1
    assert len(set(found)) == len(found)


@given(st.text(st.sampled_from("abcXYZ 019é"), min_size=1, max_size=200), st.integers(0, 6))
def test_packed_septets_come_back(text: str, fill_bits: int) -> None:
    assert gsm.decode(unpacked(packed(text, fill_bits), fill_bits)).rstrip("@").startswith(text.rstrip("@"))


def test_another_reading_opts_nobody_in_and_a_short_one_is_only_shown() -> None:
    for word, result in (("START", None), ("HELP", None), ("TD", None), ("STOP", KeywordSet.OPT_OUT)):
        assert meaning_of_readings(("卋佐", word), DEFAULTS)[1].set is result
    text, found = meaning_of_readings(("呄", "TD"), DEFAULTS)
    assert (text, found.review) == ("TD", True)
    assert meaning_of_readings(("START", "STOP"), DEFAULTS)[1].set is KeywordSet.OPT_IN
