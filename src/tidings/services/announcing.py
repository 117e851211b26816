"""What a service tells all processes of without a commit of its own. Everything else is announced by the store."""

from __future__ import annotations

from tidings.domain.ports import Store
from tidings.domain.unit import Unit


async def announce_again(store: Store, unit: Unit) -> None:
    """Say once more what was found to be so already, before somebody is told: who wrote it down, maybe in another process, may have ended
    before it told anybody."""
    announced = store.announcer.announce(unit)
    if announced is not None:
        await announced
