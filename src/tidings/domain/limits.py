"""Numbers of the core that nobody would change, each with its reason. Clouds' own numbers live in their dialect."""

from __future__ import annotations

PAGE_SUBSCRIPTIONS = 500
"""Subscriptions walked per page of a fan-out: a progress record costs 1/500 of a delivery, a crash repeats at most the pages in flight."""

PAGES_IN_FLIGHT = 16
"""Pages being sent at one time: bounds memory to about 8,000 deliveries, whatever the size of the topics."""

PAGE_PATIENCE_S = 1.0
"""A page waits this long for its slowest receiver; then what is still out becomes rows, so that a dead receiver holds up only itself."""

CONFIRM_TTL_S = 172_800
"""Life of confirmation and come-back links: two days, as both clouds document."""

TOKEN_HEX_DIGITS = 64
"""256 random bits."""
