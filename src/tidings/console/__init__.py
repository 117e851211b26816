"""The operators' console under `/console`: signed in as a user of an account, drawn on the server. `wiring` makes `Console` of a
`House`, the server asks it like any dialect. Everything works without script; htmx from a wheel only makes it smoother."""

from tidings.console.console import Console
from tidings.console.house import DEV_PASSWORD, Development, House, Transport

__all__ = ["DEV_PASSWORD", "Console", "Development", "House", "Transport"]
