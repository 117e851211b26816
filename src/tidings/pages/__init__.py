"""Subscribers' pages under `/s/`: confirm, cancel, come back, and what an address receives. `wiring` makes `Pages`, the
server asks it like any dialect. They need no script, no cookie and no session: the token in the path is the permission."""

from tidings.pages.subscriber import Pages

__all__ = ["Pages"]
