"""Texts of templates: which places they may have, and which of them tell how to get no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.errors import InvalidValue
from tidings.domain.template_texts import places, says_how_to_opt_out


@pytest.mark.parametrize(
    ("content", "count"),
    [
        ("Hello", 0),
        ("{1}", 1),
        ("{2} before {1}", 2),
        ("{1} and {1} again", 1),
        ("".join(f"{{{number}}}" for number in range(1, 100)), 99),
    ],
)
def test_places_are_counted(content: str, count: int) -> None:
    assert places(content) == count


@pytest.mark.parametrize(
    "content",
    ["{0}", "{2}", "{1}{3}", "{01}", "{ 1}", "{}", "{name}", "{1", "1}", "{{1}}", "}{", "{100}", "{１}", "{1}\n{-2}"],
)
def test_places_with_gaps_or_of_another_form_are_refused(content: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        places(content)
    assert caught.value.field == "content"


@given(st.integers(0, 99), st.randoms(use_true_random=False), st.text(st.characters(exclude_characters="{}")))
def test_any_order_of_all_places_is_accepted_and_none_without_one_of_them(
    count: int, random: object, words: str
) -> None:
    numbers = list(range(1, count + 1))
    random.shuffle(numbers)  # type: ignore[attr-defined]
    content = words.join(f"{{{number}}}" for number in numbers)
    assert places(content) == count
    if count > 1:
        with pytest.raises(InvalidValue):
            places(content.replace("{1}", ""))


@given(st.text(st.sampled_from("{}0123456789a "), max_size=30))
def test_whatever_is_written_is_counted_or_refused(content: str) -> None:
    try:
        count = places(content)
    except InvalidValue:
        return
    assert all(f"{{{number}}}" in content for number in range(1, count + 1))
    assert content.count("{") == content.count("}") >= count


@pytest.mark.parametrize(
    "content",
    [
        "限时优惠，拒收请回复R",
        "大促开始，退订回T",
        "Sale tonight. Reply STOP to opt out",
        "Sale tonight. STOP=end",
        "Sale tonight. Text 'stop' to 24273",
        "Sale tonight. Txt QUIT to leave",
        "Sale tonight. Opt-out: example.com/o",
        "Sale tonight. To unsubscribe see example.com",
        "Sale tonight. Stop texts: example.com",
        "Soldes ce soir. ARRET au 24273",
        "Soldes ce soir. Pour vous désabonner : example.com",
    ],
)
def test_a_way_out_is_recognized(content: str) -> None:
    assert says_how_to_opt_out(content)


@pytest.mark.parametrize(
    "content",
    [
        "Sale ends tonight",
        "Don't stop now",
        "We never stop",
        "Nonstop flights",
        "Cancel culture, the book",
        "",
        "拒绝高价",
    ],
)
def test_what_only_sounds_like_a_way_out_is_none(content: str) -> None:
    assert not says_how_to_opt_out(content)
    assert not says_how_to_opt_out(content, ("stop", "cancel", "end", "TD", "now"))


def test_the_senders_own_keyword_is_a_way_out() -> None:
    assert says_how_to_opt_out("Rebajas hoy. Responda BAJA.", ("STOP", "baja"))
    assert not says_how_to_opt_out("Rebajas hoy: rebajada", ("STOP", "baja"))
