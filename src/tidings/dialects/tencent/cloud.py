"""Tencent Cloud SMS as the application takes it. It has no topics and subscriptions."""

from __future__ import annotations

from datetime import timedelta

from tidings.dialects.cloud import Cloud, Parts
from tidings.dialects.tencent import TencentDialect
from tidings.dialects.tencent.calls import TencentServices
from tidings.dialects.tencent.limits import DIALECT, SKEW_S


def _front_end(parts: Parts) -> TencentDialect:
    return TencentDialect(
        TencentServices(
            parts.authenticator,
            parts.clock,
            parts.signing_clock,
            parts.texts,
            parts.catalog,
            parts.texting,
            parts.accounts,
            min(parts.options.skew, timedelta(seconds=SKEW_S)),
            is_dev=parts.options.is_dev,
        )
    )


CLOUD = Cloud(name=DIALECT, front_end=_front_end)
