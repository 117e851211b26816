"""Permits of channels, made of whether something may go."""

from __future__ import annotations

from collections.abc import Callable

from tidings.domain.envelope import Outgoing, Permit
from tidings.domain.outcomes import BLOCKED, Outcome


def permit_if(may_go: Callable[[Outgoing], bool]) -> Permit:
    def permit(outgoing: Outgoing) -> Outcome | None:
        return None if may_go(outgoing) else BLOCKED

    return permit


def permit_all(_: Outgoing) -> Outcome | None:
    """Whatever it is, it may go."""
    return None
