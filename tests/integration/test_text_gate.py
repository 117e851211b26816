"""What every TextGate promises beside `test_store_optouts`: one question for many texts is answered as many questions are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.stores import ACCOUNT, NOW, PHONE, TOLL_FREE, WholeStore, add_address, an_opt_out

from tidings.domain.optout import TOPICS_APP, SmsType
from tidings.domain.sandbox import SandboxNumber
from tidings.domain.unit import Unit

OPTED_OUT, VERIFIED, PENDING, STRANGER = PHONE, "+12025550124", "+12025550125", "+12025550126"
PHONES = (OPTED_OUT, VERIFIED, PENDING, STRANGER)


@pytest.mark.parametrize("app_id", [TOPICS_APP, "1400006666"])
@pytest.mark.parametrize("sms_type", list(SmsType))
@pytest.mark.parametrize("in_sandbox", [False, True])
async def test_a_slice_is_answered_as_its_texts_one_by_one(
    store: WholeStore, app_id: str, sms_type: SmsType, in_sandbox: bool
) -> None:
    await add_address(store)
    pending = SandboxNumber(ACCOUNT, PENDING, NOW, NOW, 1, b"salt", b"digest")
    verified = replace(pending, phone=VERIFIED, verified_at=NOW)
    state = Unit(opt_outs=[an_opt_out()], sandbox_numbers=[verified, pending])
    state.sandbox_accounts.append((ACCOUNT, NOW if in_sandbox else None))
    await store.commit(state)
    gate = store.text_gate
    one_by_one = {phone: gate.text_blocked(ACCOUNT, app_id, sms_type, phone) for phone in PHONES}
    blocked = await gate.texts_blocked(ACCOUNT, app_id, sms_type, [*PHONES, STRANGER])
    assert blocked == {phone: why for phone, why in one_by_one.items() if why}
    is_notice = app_id == TOPICS_APP and sms_type is not SmsType.VERIFICATION_CODE
    assert (blocked.get(STRANGER) == "sandbox") == (is_notice and in_sandbox)
    assert blocked.get(OPTED_OUT) in (None, TOLL_FREE, "sandbox")
    assert VERIFIED not in blocked
    assert gate.opted_out_at(ACCOUNT, TOLL_FREE, OPTED_OUT)
    assert not gate.opted_out_at(ACCOUNT, TOLL_FREE, VERIFIED)
