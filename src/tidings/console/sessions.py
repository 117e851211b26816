"""Who is signed in, and whether a form is ours: cookies and the marks on forms. Called by `console` and `sign_in`.

The session cookie is a text of `access.sessions`. Under https it has the `__Host-` prefix, so that neither another host of the domain
nor a page without TLS can set it. It is SameSite=Lax, not Strict: operators come from links in alert mails and chats, and with Strict
the first click would show the sign-in page although they are signed in. A GET changes nothing, and every POST needs a mark that belongs
to its session and an origin of ours.
Source: OWASP Cross-Site Request Forgery Prevention (HMAC tokens, Fetch Metadata); RFC 6265bis (cookie name prefixes).
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from urllib.parse import urlsplit

from tidings.access.sessions import SignedIn
from tidings.console.routing import ROOT, origin_of
from tidings.console.services import ConsoleServices
from tidings.dialects.contract import WireRequest
from tidings.domain.errors import NotAuthenticated

SESSION_COOKIE = "tidings_session"
VISIT_COOKIE = "tidings_visit"
"""Stands for the session while there is none, so that the sign-in form has a mark, too."""
SAID_COOKIE = "tidings_said"
SAID_CHARACTERS_MAX = 400
SAID_S = 60
SECURE_PREFIX = "__Host-"
REFRESH_HEADER = "x-refresh"
"""Sent by pages that renew a part of themselves by a timer: nobody did anything, so the session stays idle."""
_VISIT = re.compile(r"[0-9a-f]{32}\Z")
_COOKIES_CHARACTERS_MAX = 16_384


class Sessions:
    """One per console. `base_path`: the path under which browsers reach the server."""

    def __init__(self, services: ConsoleServices, base_path: str) -> None:
        self._services = services
        self._path = base_path + ROOT
        self._public = urlsplit(services.public_url)

    async def read(self, request: WireRequest) -> SignedIn | None:
        """The session of the request's cookie, if there is a good one."""
        text = self._cookie(request, SESSION_COOKIE)
        if not text:
            return None
        try:
            return await self._services.sessions.read(
                text, origin_of(request), is_use=REFRESH_HEADER not in request.headers
            )
        except NotAuthenticated:
            return None

    # --- cookies -----------------------------------------------------------------------------------------------------------

    def begin(self, request: WireRequest, signed_in: SignedIn) -> list[tuple[str, str]]:
        """Set the session, and forget what stood for it."""
        lasting = round((signed_in.session.expires_at - signed_in.session.begun_at).total_seconds())
        return [self._set(request, SESSION_COOKIE, signed_in.text, lasting), self._set(request, VISIT_COOKIE, "", 0)]

    def end(self, request: WireRequest) -> list[tuple[str, str]]:
        return [self._set(request, SESSION_COOKIE, "", 0)]

    def visit(self, request: WireRequest) -> tuple[str, list[tuple[str, str]]]:
        """What stands for the session of a visitor, and the cookie to set if it is new."""
        known = self._cookie(request, VISIT_COOKIE)
        if _VISIT.match(known):
            return known, []
        made = secrets.token_hex(16)
        return made, [self._set(request, VISIT_COOKIE, made, 3600)]

    def _set(self, request: WireRequest, name: str, value: str, lasting_s: int) -> tuple[str, str]:
        kept = f"Max-Age={lasting_s}; HttpOnly; SameSite=Lax"
        if self._is_https(request):
            return "Set-Cookie", f"{SECURE_PREFIX}{name}={value}; Path=/; {kept}; Secure"
        return "Set-Cookie", f"{name}={value}; Path={self._path}; {kept}"

    def _cookie(self, request: WireRequest, name: str) -> str:
        """The value of a cookie of ours, or empty. Under https only one that was set under https."""
        return cookie(request, f"{SECURE_PREFIX}{name}" if self._is_https(request) else name)

    def _is_https(self, request: WireRequest) -> bool:
        """Also behind a proxy that ends TLS and is not listed as trusted: then the public URL tells."""
        return request.scheme == "https" or (self._public.scheme == "https" and request.host == self._public.netloc)

    # --- marks on forms --------------------------------------------------------------------------------------------------------

    def mark(self, session: str) -> str:
        """The mark that forms drawn for this session carry."""
        return self._mac("form", session)

    def is_ours(self, request: WireRequest, session: str, mark: str) -> bool:
        """Whether a POST comes from a form that was drawn for this session, by a page of this origin."""
        return self._is_same_origin(request) and hmac.compare_digest(self.mark(session).encode(), mark.encode())

    def _is_same_origin(self, request: WireRequest) -> bool:
        # Old browsers and programs send neither; then the mark alone decides.
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin")
        public = f"{self._public.scheme}://{self._public.netloc}"
        return site in ("same-origin", "none") and origin in (None, public, f"{request.scheme}://{request.host}")

    def _mac(self, purpose: str, text: str) -> str:
        return hmac.new(self._services.csrf_key, f"{purpose}\0{text}".encode(), sha256).hexdigest()

    # --- what is said once, on the next page --------------------------------------------------------------------------------------

    def say(self, request: WireRequest, text: str, *, good: bool) -> tuple[str, str]:
        """Keep a text for the next page, in a cookie that only we can write."""
        told = urlsafe_b64encode(f"{'+' if good else '-'}{text[:SAID_CHARACTERS_MAX]}".encode()).decode()
        return self._set(request, SAID_COOKIE, f"{told}.{self._mac('said', told)}", SAID_S)

    def said(self, request: WireRequest) -> tuple[str, bool] | None:
        """What was kept, and whether it was good news."""
        told, _, mac = self._cookie(request, SAID_COOKIE).partition(".")
        if not told or not hmac.compare_digest(self._mac("said", told).encode(), mac.encode()):
            return None
        text = urlsafe_b64decode(told).decode()
        return text[1:], text.startswith("+")

    def unsay(self, request: WireRequest) -> tuple[str, str]:
        return self._set(request, SAID_COOKIE, "", 0)


def cookie(request: WireRequest, name: str) -> str:
    """The value of a cookie, or empty."""
    header = request.headers.get("cookie", "")
    if len(header) > _COOKIES_CHARACTERS_MAX:
        return ""
    for pair in header.replace(",", ";").split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            return value
    return ""
