"""The pages under `/s/`: which page a request wants, one service call, one answer.

Called by the server like any dialect. A GET changes nothing, whoever follows it (mail scanners do); a POST acts, and its
permission is the token in its path, so neither cookie nor session exists here. Never logs, and never shows a whole endpoint.
Source: RFC 8058 (one-click); RFC 9110.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tidings.dialects.contract import Claim, WireRequest, WireResponse, origin_of
from tidings.domain import links
from tidings.domain.errors import InvalidToken, MalformedToken, NotFound, TidingsError, TokenExpired
from tidings.domain.model import Origin, State, TokenPurpose, Way
from tidings.domain.ports import Clock, Limiter
from tidings.domain.protocols import Protocols
from tidings.domain.tokens import LinkPurpose
from tidings.pages.catalogue import Catalogue, load_catalogues
from tidings.pages.errors import MISSING, BadRequest, ErrorPage, problem_of, problem_of_status
from tidings.pages.labels import live_of
from tidings.pages.negotiation import choose_language, is_one_click, query_value, read_form
from tidings.pages.page import Page
from tidings.pages.render import Render
from tidings.pages.views import Sign, Views
from tidings.services.renewals import Renewed
from tidings.services.subscriptions import Found, Subscriptions
from tidings.wire.accept import prefers_json

_CANCEL_KINDS = (links.CANCEL, links.ENDPOINT, links.PERMANENT, links.NAMED)
_UID = re.compile(r"[0-9a-f]{32}\Z")
_STRAY = "/.,;:!?)>]'\"”"  # what mail and message apps stick to the end of a link; no token contains one
_SHOWN = re.compile(r"[a-z]{1,20}/[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*/[0-9]{1,6}\Z")
_READING = ("GET", "HEAD")

Step = Callable[[], Awaitable[Page]]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request and how its answer shall look. `form` is empty unless it is a POST. `one_click`: a mail program sent it."""

    request: WireRequest
    texts: Catalogue
    views: Views
    form: Mapping[str, str]
    one_click: bool = False

    def origin(self) -> Origin:
        """Where the change comes from, and what the person saw: the form says which page in which words its button was on."""
        shown = self.form.get("shown", "")
        way = Way.ONE_CLICK if self.one_click else Way.LINK
        return origin_of(self.request, way, shown=shown if _SHOWN.match(shown) else "")


class Pages:
    """`public_url`: as in messages. `operator`: the name people know. `sign`: makes links of a purpose for a subscription's
    uid. `contact`: address (`mailto:…`, `https://…`) of somebody who helps, or empty."""

    name = "pages"

    def __init__(
        self,
        subscriptions: Subscriptions,
        clock: Clock,
        limiter: Limiter,
        *,
        public_url: str,
        sign: Sign,
        protocols: Protocols,
        operator: str = "Tidings",
        contact: str = "",
        catalogues: Mapping[str, Catalogue] | None = None,
    ) -> None:
        self._subscriptions = subscriptions
        self._clock = clock
        self._limiter = limiter
        self._sign = sign
        self._protocols = protocols
        self._operator = operator
        self._catalogues = catalogues if catalogues is not None else load_catalogues()
        self._tags = tuple(self._catalogues)
        self._render = Render(
            self._catalogues,
            public_url=public_url,
            base_path=urlsplit(public_url).path.rstrip("/"),
            operator=operator,
            contact=contact,
        )

    def claim(self, request: WireRequest) -> Claim:
        """Everything under `/s/`, and `/s` itself."""
        return Claim.own_if(request.path.startswith(links.PREFIX) or request.path == links.PREFIX.rstrip("/"))

    async def handle(self, request: WireRequest) -> WireResponse:
        """Answer with a page, JSON or, to a one-click request, one line."""
        rest = request.path.removeprefix(links.PREFIX)
        drawn = self._render.static(rest) if request.method in _READING else None
        if drawn is None:
            drawn = await self._page(request, rest.rstrip(_STRAY).split("/"))
        if request.method == "HEAD":
            return WireResponse(drawn.status, b"", drawn.content_type, drawn.headers)
        return drawn

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        """A kind page for what the server found out. `detail` is for logs; a page would not help anybody with it."""
        visit = self._visit(request)
        return self._draw(visit, visit.views.problem(problem_of_status(status), request.request_id))

    # --- from request to page ------------------------------------------------------------------------------------------------

    async def _page(self, request: WireRequest, parts: list[str]) -> WireResponse:
        visit = self._visit(request)
        try:
            # Somebody who has had enough is never turned away; mail providers send many one-click cancels from one address.
            if request.method != "POST" or parts[0] not in _CANCEL_KINDS:
                self._limiter.take(f"pages:{request.remote}")
            if request.method == "POST":
                form = read_form(request, of_cancel_link=parts[0] in _CANCEL_KINDS)
                one_click = parts[0] in _CANCEL_KINDS and is_one_click(form)
                visit = replace(visit, form=form, one_click=one_click)
            page = await self._step(visit, parts)()
        except BadRequest as refused:
            page = visit.views.problem(refused.problem, request.request_id)
        except TidingsError as error:
            problem = problem_of(error, of_cancel_link=parts[0] in _CANCEL_KINDS)
            if visit.one_click and problem.name == "ended":
                problem = ErrorPage("ended", 200)  # what the mail program asked for is so already
            page = visit.views.problem(problem, request.request_id)
        return self._draw(visit, page)

    def _visit(self, request: WireRequest) -> Visit:
        accepted = request.headers.get("accept-language", "")
        texts = self._catalogues[choose_language(self._tags, query_value(request.query, "lang"), accepted)]
        return Visit(request, texts, Views(texts, self._clock.now(), self._operator, self._sign, self._protocols), {})

    def _draw(self, visit: Visit, page: Page) -> WireResponse:
        if visit.one_click:
            return self._render.plain(page, visit.texts)
        if prefers_json(visit.request.headers.get("accept", "")):
            return self._render.json(page, visit.texts)
        return self._render.html(page, visit.texts)

    def _step(self, visit: Visit, parts: list[str]) -> Step:
        """The page to look at, or the act to do, for this path and method. Raises BadRequest."""
        look: Step
        act: Step | None
        match parts:
            case [""] | ["", "s"]:
                look, act = lambda: self._start(visit), None
            case [links.CONFIRM | links.RESTORE as kind, token]:
                look = lambda: self._expiring(visit, kind, token, self._ask_token)  # noqa: E731
                if visit.form.get("act") == "renew":
                    act = lambda: self._renew(visit, self._subscriptions.renewals.by_token, token)  # noqa: E731
                else:
                    act = lambda: self._expiring(visit, kind, token, self._use_token)  # noqa: E731
            case [links.CANCEL, link]:
                look, act = lambda: self._ask_to_cancel(visit, link), lambda: self._cancel(visit, link)
            case [links.PERMANENT, link]:
                look = lambda: self._expiring(visit, links.PERMANENT, link, self._ask_permanent)  # noqa: E731
                act = lambda: self._expiring(visit, links.PERMANENT, link, self._use_standing)  # noqa: E731
            case [links.NAMED, uid]:
                look, act = lambda: self._ask_named(visit, uid), lambda: self._cancel_named(visit, uid)
            case [links.ENDPOINT, link]:
                look, act = lambda: self._list(visit, link), None
            case [links.ENDPOINT, link, links.EVERYTHING]:
                look, act = lambda: self._ask_to_cancel_all(visit, link), lambda: self._cancel_all(visit, link)
            case [links.ENDPOINT, link, uid]:
                look, act = lambda: self._ask_item(visit, link, uid), lambda: self._cancel_item(visit, link, uid)
            case _:
                raise BadRequest(MISSING)
        if visit.request.method in _READING:
            return look
        if visit.request.method != "POST" or act is None:
            raise BadRequest(ErrorPage("method", 405, allow="GET, HEAD, POST" if act else "GET, HEAD"))
        return act

    async def _start(self, visit: Visit) -> Page:
        """For somebody who typed the address, or followed a link that lost its end."""
        return visit.views.start()

    # --- confirm and come back -------------------------------------------------------------------------------------------------

    async def _ask_token(self, visit: Visit, secret: str) -> Page:
        found, token = await self._subscriptions.look_up_token(secret)
        if found.subscription.state is State.CONFIRMED:
            return visit.views.subscribed(found, TokenPurpose.CONFIRM, changed=False)
        if token.purpose is TokenPurpose.RESTORE:
            return visit.views.ask_to_come_back(found, token, secret)
        return visit.views.ask_to_confirm(found, token, secret)

    async def _use_token(self, visit: Visit, secret: str) -> Page:
        _, token = await self._subscriptions.look_up_token(secret)
        found = await self._subscriptions.confirm(secret, by=None, origin=visit.origin())
        return visit.views.subscribed(found, token.purpose, changed=True)

    # --- links that are too old ---------------------------------------------------------------------------------------------------

    async def _expiring(
        self, visit: Visit, kind: str, secret: str, step: Callable[[Visit, str], Awaitable[Page]]
    ) -> Page:
        """The step, or, for a link that is too old, a page that says so and offers a new one."""
        try:
            return await step(visit, secret)
        except TokenExpired:
            return visit.views.expired(links.page_url(kind, secret), visit.request.request_id)

    async def _renew(self, visit: Visit, renew: Callable[..., Awaitable[Renewed]], secret: str) -> Page:
        renewed = await renew(secret, origin=visit.origin())
        found = Found(renewed.subscription, renewed.topic)
        if renewed.sent:
            return visit.views.renewed(found)
        if renewed.subscription.state is State.CONFIRMED:
            return visit.views.subscribed(found, TokenPurpose.CONFIRM, changed=False)
        return visit.views.problem(ErrorPage("held", 429), visit.request.request_id)

    # --- cancel one -------------------------------------------------------------------------------------------------------------

    async def _ask_to_cancel(self, visit: Visit, link: str) -> Page:
        found = await self._subscriptions.look_up_link(LinkPurpose.CANCEL, link)
        if found.subscription.state is State.CANCELED:
            return visit.views.ended(found)
        return visit.views.ask_to_cancel(found, links.cancel_url("", link))

    async def _cancel(self, visit: Visit, link: str) -> Page:
        before = await self._subscriptions.look_up_link(LinkPurpose.CANCEL, link)
        answer = await self._subscriptions.cancel_by_link(link, origin=visit.origin())
        return visit.views.canceled(before, answer)

    # --- the one link that a phone has ----------------------------------------------------------------------------------------------

    async def _ask_permanent(self, visit: Visit, link: str) -> Page:
        found, token = await self._subscriptions.look_up_permanent(link)
        return visit.views.permanent(found, token, link)

    async def _use_standing(self, visit: Visit, link: str) -> Page:
        """Do what the button said. A button that was drawn before things changed never does the opposite: it gets today's page."""
        match "cancel" if visit.one_click else visit.form.get("act"):
            case "confirm":
                return await self._confirm_permanent(visit, link, TokenPurpose.CONFIRM)
            case "restore":
                return await self._confirm_permanent(visit, link, TokenPurpose.RESTORE)
            case "renew":
                return await self._renew(visit, self._subscriptions.renewals.by_permanent_link, link)
            case "cancel":
                before = await self._subscriptions.look_up_link(LinkPurpose.PERMANENT, link)
                answer = await self._subscriptions.cancel_by_link(
                    link, purpose=LinkPurpose.PERMANENT, origin=visit.origin()
                )
                if not answer.changed:
                    return await self._ask_permanent(visit, link)
                return visit.views.permanent_canceled(before, answer, link)
            case _:
                raise BadRequest(ErrorPage("unreadable", 400))

    async def _confirm_permanent(self, visit: Visit, link: str, purpose: TokenPurpose) -> Page:
        try:
            found = await self._subscriptions.confirm_by_permanent_link(link, purpose=purpose, origin=visit.origin())
        except InvalidToken:
            return await self._ask_permanent(visit, link)
        return visit.views.permanent_subscribed(found, purpose, link)

    # --- cancel by name -----------------------------------------------------------------------------------------------------------

    async def _ask_named(self, visit: Visit, uid: str) -> Page:
        found = await self._named(uid)
        if found.subscription.state is State.CANCELED:
            return visit.views.ended(found, more=())
        return visit.views.ask_to_cancel(found, links.named_url("", uid), more=())

    async def _cancel_named(self, visit: Visit, uid: str) -> Page:
        """What SMN's anonymous call does, behind a button."""
        before = await self._named(uid)
        answer = await self._subscriptions.cancel(uid, by=None, origin=visit.origin())
        if answer is None:
            raise InvalidToken("superseded")
        return visit.views.canceled_by_name(before, answer)

    async def _named(self, uid: str) -> Found:
        # The page is asked too, so that it does not promise what the button would refuse.
        self._subscriptions.check_anonymous_cancel()
        if not _UID.match(uid):
            raise MalformedToken("malformed")
        found = await self._subscriptions.find(uid)
        if found is None:
            raise InvalidToken("superseded")
        return found

    # --- everything an endpoint receives -------------------------------------------------------------------------------------------

    async def _list(self, visit: Visit, link: str) -> Page:
        asked = await self._subscriptions.look_up_link(LinkPurpose.ENDPOINT, link)
        return visit.views.everything(await self._subscriptions.endpoint_subscriptions(link), asked, link)

    async def _ask_item(self, visit: Visit, link: str, uid: str) -> Page:
        found = await self._item(link, uid)
        if found.subscription.state is State.CANCELED:
            return visit.views.ended(found, more=visit.views.back_to_list(found.subscription, link))
        return visit.views.ask_to_cancel(found, links.endpoint_item_url("", link, uid))

    async def _cancel_item(self, visit: Visit, link: str, uid: str) -> Page:
        before = await self._item(link, uid)
        answer = await self._subscriptions.cancel_by_endpoint_link(link, uid, origin=visit.origin())
        return visit.views.canceled(before, answer, more=visit.views.back_to_list(answer.subscription, link))

    async def _item(self, link: str, uid: str) -> Found:
        for found in await self._subscriptions.endpoint_subscriptions(link):
            if found.subscription.uid == uid:
                return found
        raise NotFound("subscription")

    async def _ask_to_cancel_all(self, visit: Visit, link: str) -> Page:
        live = live_of(await self._subscriptions.endpoint_subscriptions(link))
        if not live:
            return await self._list(visit, link)
        return visit.views.ask_to_cancel_all(live, link)

    async def _cancel_all(self, visit: Visit, link: str) -> Page:
        """Each by its own link and its own row in the ledger; what an interruption leaves, a second press finishes."""
        live = live_of(await self._subscriptions.endpoint_subscriptions(link))
        canceled = []
        for found in live:
            own_link = self._sign(LinkPurpose.CANCEL, found.subscription.uid)
            try:
                answer = await self._subscriptions.cancel_by_link(own_link, origin=visit.origin())
            except InvalidToken:
                continue  # its topic was deleted meanwhile: nothing left to cancel
            if answer.changed:
                canceled.append(Found(answer.subscription, answer.topic))
        if not canceled:
            return await self._list(visit, link)
        return visit.views.canceled_all(canceled, link)
