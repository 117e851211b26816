"""The server's own addresses: `/healthz`, `/readyz`, `/metrics`, `/certs/<name>`, `/.well-known/security.txt`. Called by `tidings.server`
before it asks the dialects. They only look: nothing here changes anything, and nothing here needs a credential.

Source: RFC 9116 (security.txt).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from tidings.dialects.contract import WireRequest, WireResponse
from tidings.domain.errors import TidingsError
from tidings.observe.metrics import CONTENT_TYPE, Metrics

SystemEndpoint = Callable[[WireRequest], Awaitable[WireResponse]]
_CERTIFICATES = "/certs/"
_CERTIFICATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
# A certificate's name changes with its content, so that it may be kept; a day, because a key may have to go.
_KEEP_A_DAY = (("cache-control", "public, max-age=86400"),)
_GOOD_FOR = timedelta(days=180)
"""Of security.txt: less than a year is recommended, and a server that stops being run stops promising. Source: RFC 9116, 2.5.5."""
_NEVER_KEEP = (("cache-control", "no-store"),)


class SystemEndpoints:
    def __init__(
        self,
        metrics: Metrics,
        ready: Callable[[], Awaitable[None]],
        certificates: Callable[[str], bytes | None],
        refresh: Callable[[], Awaitable[None]] | None,
        security_contact: str,
    ) -> None:
        self._metrics = metrics
        self._ready = ready
        self._certificates = certificates
        self._refresh = refresh
        self._security_contact = security_contact
        self._by_path: dict[str, SystemEndpoint] = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/metrics": self._figures,
            "/.well-known/security.txt": self._security_txt,
        }

    def find(self, path: str) -> SystemEndpoint | None:
        """The endpoint for a path, if it is one of ours."""
        if path.startswith(_CERTIFICATES):
            return self._certificate
        return self._by_path.get(path)

    async def _health(self, _request: WireRequest) -> WireResponse:
        return WireResponse(200, b"ok\n", headers=_NEVER_KEEP)

    async def _readiness(self, _request: WireRequest) -> WireResponse:
        try:
            await self._ready()
        except TidingsError as error:
            return WireResponse(503, f"not ready: {error}\n".encode(), headers=_NEVER_KEEP)
        return WireResponse(200, b"ready\n", headers=_NEVER_KEEP)

    async def _figures(self, _request: WireRequest) -> WireResponse:
        if self._refresh is not None:
            await self._refresh()
        return WireResponse(200, self._metrics.render(), CONTENT_TYPE, _NEVER_KEEP)

    async def _security_txt(self, _request: WireRequest) -> WireResponse:
        contact = self._security_contact
        if not contact:
            return WireResponse(404, b"not found\n", headers=_NEVER_KEEP)
        expires = (datetime.now(UTC) + _GOOD_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
        text = f"Contact: {contact}\nExpires: {expires:%Y-%m-%dT%H:%M:%SZ}\nPreferred-Languages: en, zh\n"
        return WireResponse(200, text.encode(), headers=_NEVER_KEEP)

    async def _certificate(self, request: WireRequest) -> WireResponse:
        name = request.path.removeprefix(_CERTIFICATES)
        certificate = self._certificates(name) if _CERTIFICATE_NAME.match(name) else None
        if certificate is None:
            return WireResponse(404, b"no such certificate\n")
        return WireResponse(200, certificate, "application/x-pem-file", _KEEP_A_DAY)
