"""Why the server itself will not take a request that is HTTP. Used within `tidings.server`."""

from __future__ import annotations


class Refusal:
    """Told in the form of the front end that owns the request."""

    __slots__ = ("detail", "status")

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
