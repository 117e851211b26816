"""How long a person's own STOP is protected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from tests.support.build import ACCOUNT, FakeClock

from tidings.domain.model import Way
from tidings.domain.optout import OptOut
from tidings.services.texting.optouts import PROTECTED, OptOuts

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("since", "said", "is_protected"),
    [
        (timedelta(), timedelta(), True),
        (PROTECTED - DAY, PROTECTED - DAY, True),
        (PROTECTED, PROTECTED, False),
        (PROTECTED + DAY, DAY, True),
        (DAY, PROTECTED + DAY, True),
    ],
)
def test_thirty_days_count_from_the_last_stop(since: timedelta, said: timedelta, is_protected: bool) -> None:
    nothing = cast(Any, None)
    opt_outs = OptOuts(nothing, FakeClock(), nothing, nothing)
    now = FakeClock().now()
    opt_out = OptOut(ACCOUNT, "+18885550100", "+12025550123", now - since, now - said, Way.KEYWORD)
    assert opt_outs.is_protected(opt_out) is is_protected
