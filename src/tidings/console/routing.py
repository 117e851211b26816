"""What a page of the console is: a route, the call that reached it, and the answers it can give. Used by views and by `console`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tidings.access.authorize import authorize
from tidings.access.sessions import SignedIn
from tidings.console.errors import MISSING, BadRequest, wrong_method
from tidings.console.fields import Fields
from tidings.console.services import ConsoleServices
from tidings.dialects import contract
from tidings.dialects.contract import WireRequest, WireResponse
from tidings.dialects.path_router import PathRouter
from tidings.domain.errors import Denied
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Account, Origin, Principal, Way

ROOT = "/console"
FORM_BYTES_MAX = 64 * 1024
_READING = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: a template under `templates/` and what it shows.

    `block`: the part of it that htmx asked for gets when it asks; `spoken`: what a screen reader is told then.
    """

    template: str
    title: str
    values: Mapping[str, object] = field(default_factory=dict)
    block: str = ""
    spoken: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True)
class Moved:
    """Done: look there. `path` begins with ROOT. `said`: shown once on that page; `good`: it worked."""

    path: str
    said: str = ""
    good: bool = True


Answer = Shown | Moved | WireResponse


def origin_of(request: WireRequest, principal: Principal | None = None, shown: str = "") -> Origin:
    """What ledger and audit trail keep of a request."""
    return contract.origin_of(request, Way.CONSOLE, "console", principal, shown)


@dataclass(slots=True)
class Call:
    """One request of somebody who is signed in. `path`: the variables of the route's path. `form` is empty unless it is a POST."""

    request: WireRequest
    services: ConsoleServices
    route: Route
    path: Mapping[str, str]
    query: Fields
    form: Fields
    session: SignedIn
    account: Account

    @property
    def principal(self) -> Principal:
        return self.session.principal

    @property
    def grant(self) -> Grant:
        """For the route's own verb."""
        assert self.route.verb is not None
        return self.authorize(self.route.verb)

    def authorize(self, verb: Verb) -> Grant:
        """The permission to do this in the account. Raises Denied."""
        owner = self.principal.account_id
        return authorize(self.principal, verb, owner=owner, resource=self.request.path, source=self)

    def may(self, verb: Verb) -> bool:
        """Whether to offer it."""
        try:
            self.authorize(verb)
        except Denied:
            return False
        return True

    @property
    def origin(self) -> Origin:
        """For the ledger."""
        return origin_of(self.request, self.principal, f"console/{self.route.name}")

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a part of the page."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"


View = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """`path`: below ROOT, with `{name}` for one segment that is not empty. `name`: unique; `menu`: key of the entry in the navigation that
    is marked as current. `verb`: needed to come in (None: any user). `body_bytes_max`: for forms with files."""

    method: str
    path: str
    view: View
    verb: Verb | None
    name: str
    menu: str = ""
    body_bytes_max: int = FORM_BYTES_MAX


class Routes:
    """Finds the route of a request."""

    def __init__(self, routes: Sequence[Route]) -> None:
        names = [(route.name, route.method) for route in routes]
        assert len(set(names)) == len(names), "two routes of one name and method"
        self._paths: PathRouter[Route] = PathRouter(routes, prefix=ROOT, segment_max=200)
        self.paths = frozenset(route.path for route in routes if route.method == "GET")

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """Raises BadRequest."""
        found = self._paths.find("GET" if method in _READING else method, path)
        if found is not None:
            return found
        allowed = [name for one in self._paths.methods(path) for name in (_READING if one == "GET" else (one,))]
        raise wrong_method(", ".join(allowed)) if allowed else BadRequest(MISSING)
