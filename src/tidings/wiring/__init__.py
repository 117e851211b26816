"""The only package that knows every class: settings in, a running server out. Called by `cli`; holds no rules."""

from tidings.wiring.application import Application
from tidings.wiring.clock_and_ids import open_clock, open_store

__all__ = ["Application", "open_clock", "open_store"]
