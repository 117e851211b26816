"""The only package that knows every class: settings in, a running server out. Called by `cli`; holds no rules."""

from tidings.wiring.application import Application
from tidings.wiring.backend import open_store
from tidings.wiring.clock_and_ids import open_clock

__all__ = ["Application", "open_clock", "open_store"]
