"""Static files, sessions, marks on forms, permissions, and one answer for whatever goes wrong. Asked by the server like any dialect;
what pages show is the views' business. A GET changes nothing."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from urllib.parse import quote, urlsplit

from tidings.access.sessions import SignedIn
from tidings.console import texting
from tidings.console.errors import (
    ELSEWHERE,
    FORGED,
    MISSING,
    TOO_LARGE,
    UNREADABLE,
    WRONG_MEDIA_TYPE,
    BadRequest,
    ErrorPage,
    problem_of,
    problem_of_status,
    wrong_method,
)
from tidings.console.fields import Fields, read_pairs
from tidings.console.multipart import read_multipart
from tidings.console.render import PRIVATE, Frame, Render
from tidings.console.routing import FORM_BYTES_MAX, ROOT, Answer, Call, Moved, Route, Routes, origin_of
from tidings.console.services import ConsoleServices
from tidings.console.sessions import Sessions
from tidings.console.sign_in import Refused, sign_in, wanted_path
from tidings.console.views import ROUTES
from tidings.dialects.contract import Claim, WireRequest, WireResponse
from tidings.domain.errors import Denied, InvalidValue, NotFound, TidingsError, WrongState
from tidings.wire.accept import prefers_page
from tidings.wire.csv_rows import CSV_TYPE
from tidings.wire.hosts import is_at_home

_SIGN_IN = f"{ROOT}/sign-in"
_SIGN_OUT = f"{ROOT}/sign-out"
_STATIC = f"{ROOT}/static/"
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_READING = ("GET", "HEAD")
_ICON = "/favicon.ico"
_SIGNS_OF_PROGRAMS = ("authorization", "x-auth-token", "x-sdk-date", "x-amz-date")


class Console:
    """The operators' pages of one server."""

    name = "console"

    def __init__(self, services: ConsoleServices) -> None:
        self._services = services
        base_path = urlsplit(services.public_url).path.rstrip("/")
        self._base_path = base_path
        self._routes = Routes((*ROUTES, *texting.ROUTES))
        self._sessions = Sessions(services, base_path)
        self._render = Render(
            base_path=base_path,
            paths=self._routes.paths,
            now=services.clock.now,
            version=services.version,
        )

    def claim(self, request: WireRequest) -> Claim:
        """Everything under ROOT, and ROOT itself; a browser's request for the server's root and for its icon."""
        path = request.path
        return Claim.own_if(path in (ROOT, _ICON) or path.startswith(f"{ROOT}/") or _is_visitor(request))

    async def handle(self, request: WireRequest) -> WireResponse:
        """Answer with a page; whatever goes wrong has a page, too."""
        try:
            answer = await self._answer(request)
        except BadRequest as refused:
            answer = self._plain_problem(request, refused.problem)
        except TidingsError as error:
            answer = self._plain_problem(request, problem_of(error))
        if request.method == "HEAD":
            return WireResponse(answer.status, b"", answer.content_type, answer.headers)
        return answer

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        """A kind page for what the server found out. `detail` is for logs."""
        return self._plain_problem(request, problem_of_status(status))

    # --- which page ----------------------------------------------------------------------------------------------------------

    async def _answer(self, request: WireRequest) -> WireResponse:
        self._check_host(request)
        path = request.path
        if path in (f"{ROOT}/", "/"):
            return self._redirect(request, ROOT)
        if path == _ICON:
            path = f"{_STATIC}icon.svg"
        if path.startswith(_STATIC):
            if request.method not in _READING:
                raise wrong_method("GET, HEAD")
            found = self._render.static(path.removeprefix(_STATIC))
            if found is None:
                raise BadRequest(MISSING)
            return found
        session = await self._sessions.read(request)
        if path == _SIGN_IN:
            return await self._sign_in(request, session)
        if path == _SIGN_OUT:
            return await self._sign_out(request, session)
        if session is None:
            return self._ask_to_sign_in(request)
        return await self._signed_in(request, session)

    def _check_host(self, request: WireRequest) -> None:
        """In developer mode everybody knows the password, so a stranger's page must not become our origin by DNS rebinding."""
        development = self._services.development
        hosts = [request.host, request.headers.get("host", request.host)]
        if development is not None and not is_at_home(hosts, development.hosts):
            raise BadRequest(ELSEWHERE)

    async def _signed_in(self, request: WireRequest, session: SignedIn) -> WireResponse:
        call = await self._call(request, session)
        try:
            call.route, call.path = self._routes.find(request.method, request.path)
            call.query = _query(request)
            if request.method == "POST":
                call.form = _form(request, call.route.body_bytes_max)
                if not self._sessions.is_ours(request, session.text, call.form.typed("mark")):
                    raise BadRequest(FORGED)
            if call.route.verb is not None:
                call.authorize(call.route.verb)
            answer = await call.route.view(call)
            if isinstance(answer, WireResponse) and answer.content_type == CSV_TYPE:
                await call.services.accounts.trail.exported(call.grant, f"{request.path} {request.query}".strip())
        except BadRequest as refused:
            return self._problem(call, refused.problem)
        except TidingsError as error:
            return self._problem(call, problem_of(error), _detail(error))
        return self._reply(call, answer)

    async def _call(self, request: WireRequest, session: SignedIn) -> Call:
        account = await self._services.accounts.find(session.principal.account_id)
        assert account is not None  # a session's user has one
        return Call(request, self._services, _NOWHERE, {}, Fields(), Fields(), session, account)

    def _reply(self, call: Call, answer: Answer) -> WireResponse:
        if isinstance(answer, WireResponse):
            return answer
        if isinstance(answer, Moved):
            said = [self._sessions.say(call.request, answer.said, good=answer.good)] if answer.said else []
            return self._redirect(call.request, answer.path, said)
        said_before = None if call.is_fragment and answer.block else self._sessions.said(call.request)
        drawn = self._render.page(call, answer, self._sessions.mark(call.session.text), said_before)
        if said_before is None:
            return drawn
        return replace(drawn, headers=(*drawn.headers, self._sessions.unsay(call.request)))

    def _redirect(self, request: WireRequest, path: str, headers: list[tuple[str, str]] | None = None) -> WireResponse:
        """After a form, or to sign in. htmx follows a redirect by itself and would put the page into a part of the old one."""
        where = f"{self._base_path}{path}"
        told = (*PRIVATE, *(headers or ()))
        if request.headers.get("hx-request") == "true":
            return WireResponse(200, b"", headers=(*told, ("HX-Redirect", where)))
        return WireResponse(303, b"", headers=(*told, ("Location", where)))

    # --- in and out ------------------------------------------------------------------------------------------------------------

    def _ask_to_sign_in(self, request: WireRequest) -> WireResponse:
        wanted = ""
        if request.method in _READING and request.path != ROOT:
            there = quote(request.path) + (f"?{request.query}" if request.query else "")
            wanted = f"?next={quote(there, safe='')}" if wanted_path(there) == there else ""
        return self._redirect(request, f"{_SIGN_IN}{wanted}")

    async def _sign_in(self, request: WireRequest, session: SignedIn | None) -> WireResponse:
        visit, cookies = self._sessions.visit(request)
        if request.method in _READING:
            wanted = wanted_path(_query(request).typed("next"))
            if session is not None:
                return self._redirect(request, wanted)
            return await self._sign_in_page(visit, wanted, Fields(), cookies)
        if request.method != "POST":
            raise wrong_method("GET, HEAD, POST")
        form = _form(request, FORM_BYTES_MAX)
        if not self._sessions.is_ours(request, visit, form.typed("mark")):
            raise BadRequest(FORGED)
        wanted = wanted_path(form.typed("next"))
        answer = await sign_in(self._services, request, form, session)
        if isinstance(answer, SignedIn):
            return self._redirect(request, wanted, self._sessions.begin(request, answer))
        if answer.after_s:
            cookies.append(("Retry-After", str(max(1, ceil(answer.after_s)))))
        return await self._sign_in_page(visit, wanted, form, cookies, answer)

    async def _sign_in_page(
        self,
        visit: str,
        wanted: str,
        form: Fields,
        headers: list[tuple[str, str]],
        refused: Refused | None = None,
    ) -> WireResponse:
        values = {
            "form": form,
            "next": wanted,
            "asks_account": len(await self._services.accounts.all()) > 1,
            "development": self._services.development,
        }
        frame = Frame("Sign in", self._sessions.mark(visit))
        status = refused.status if refused is not None else 200
        return self._render.draw("sign_in.html", frame, values, status=status, headers=tuple(headers))

    async def _sign_out(self, request: WireRequest, session: SignedIn | None) -> WireResponse:
        if request.method != "POST":
            raise wrong_method("POST")
        form = _form(request, FORM_BYTES_MAX)
        if session is not None and not self._sessions.is_ours(request, session.text, form.typed("mark")):
            raise BadRequest(FORGED)
        if session is not None:
            await self._services.sessions.sign_out(session, origin_of(request, session.principal))
        return self._redirect(request, _SIGN_IN, self._sessions.end(request))

    # --- what went wrong ---------------------------------------------------------------------------------------------------------

    def _problem(self, call: Call, problem: ErrorPage, detail: str = "") -> WireResponse:
        """With the menu around it, for somebody who is signed in."""
        frame = self._render.frame(call, problem.title, self._sessions.mark(call.session.text))
        return self._render.problem(frame, problem, detail, call.request.request_id, fragment=call.is_fragment)

    def _plain_problem(self, request: WireRequest, problem: ErrorPage) -> WireResponse:
        frame = Frame(problem.title, "")
        fragment = request.headers.get("hx-request") == "true"
        return self._render.problem(frame, problem, "", request.request_id, fragment=fragment)


def _is_visitor(request: WireRequest) -> bool:
    """Whether a person opened the bare address of the server. To programs the root is an API of the clouds."""
    if request.path != "/" or request.query or request.method not in _READING:
        return False
    headers = request.headers
    return prefers_page(headers.get("accept", "")) and not any(name in headers for name in _SIGNS_OF_PROGRAMS)


async def _no_view(call: Call) -> Answer:
    raise BadRequest(MISSING)


_NOWHERE = Route("GET", "/nowhere", _no_view, None, "nowhere")


def _query(request: WireRequest) -> Fields:
    try:
        return read_pairs(request.query)
    except ValueError as error:
        raise BadRequest(UNREADABLE) from error


def _form(request: WireRequest, bytes_max: int) -> Fields:
    """Raises BadRequest."""
    if len(request.body) > bytes_max:
        raise BadRequest(TOO_LARGE)
    content_type = request.headers.get("content-type", "")
    media_type = content_type.split(";", 1)[0].strip().lower()
    try:
        if media_type == _FORM or not request.body:
            return read_pairs(request.body.decode("utf-8", "replace"))
        if media_type == _MULTIPART:
            return read_multipart(request.body, content_type)
    except ValueError as error:
        raise BadRequest(UNREADABLE) from error
    raise BadRequest(WRONG_MEDIA_TYPE)


def _detail(error: TidingsError) -> str:
    """What may be told of an error: the caller's own facts, never a stranger's."""
    match error:
        case Denied():
            return f"Needed: {error.action}"
        case InvalidValue():
            return f"{error.field}: {error.reason}"
        case NotFound():
            return f"No such {error.kind} in this account."
        case WrongState():
            return f"The {error.kind} is {error.state}; cannot {error.wanted}."
    return ""
