"""Texts that are sent as they are: no topic's dialect dresses them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.build import make_message, make_subscriber

from tidings.delivery.own_texts import TIMEOUT_S, OwnTexts
from tidings.domain.envelope import TextContent
from tidings.domain.retry import PEOPLE_PLAN


async def test_a_text_goes_out_as_it_was_said_from_the_number_it_names() -> None:
    texts, phone = OwnTexts(), make_subscriber("sms", "+12025550123")
    rendered = texts.open(replace(make_message(), sender="+12025550100"), None, "")
    assert rendered.for_subscriber(phone) == TextContent("hello", "+12025550100")
    assert not rendered.reads_signature(phone)
    await rendered.sign()
    assert texts.wants(make_message(), phone)
    assert (texts.retry_plan(None, phone), texts.timeout_s(phone)) == (PEOPLE_PLAN, TIMEOUT_S)
    assert (texts.dead_letter_queue(phone), texts.receives_per_s_max(None, phone)) == ("", None)
    with pytest.raises(AssertionError):
        texts.dead_letter(rendered, phone)
