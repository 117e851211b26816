"""The operators' console under `/console`: signed in as a user of an account, drawn on the server. `wiring` makes `Console` of a
`ConsoleServices`, the server asks it like any dialect. Everything works without script; htmx from a wheel only makes it smoother."""

from tidings.console.console import Console
from tidings.console.services import DEV_PASSWORD, ConsoleServices, Development, Transport

__all__ = ["DEV_PASSWORD", "Console", "ConsoleServices", "Development", "Transport"]
