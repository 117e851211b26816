"""The only room that knows every class: settings in, a running house out. Called by `cli`; holds no rules."""

from tidings.wiring.house import House
from tidings.wiring.made import open_clock, open_store

__all__ = ["House", "open_clock", "open_store"]
