"""Draws pages: the template environment, static files, and the headers that keep pages private. Called by `console`.

No inline script, no inline style, no eval: htmx comes from a wheel, is told so by a meta tag, and nothing is fetched from elsewhere.
Source: W3C Content Security Policy Level 3; htmx documentation, "Security".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tidings.console import formatting
from tidings.console.errors import ErrorPage
from tidings.console.icons import GLYPHS
from tidings.console.navigation import Group, menu
from tidings.console.routing import ROOT, Call, Shown
from tidings.dialects.contract import WireResponse
from tidings.domain.grants import Verb
from tidings.wire.plain_text import undirected

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PRIVATE: tuple[tuple[str, str], ...] = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    # Not `no-referrer`: with that a browser sends `Origin: null` with our own forms.
    ("Referrer-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
    ("X-Robots-Tag", "noindex, nofollow"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Vary", "HX-Request"),
)
_STATIC = (("Cache-Control", "public, max-age=31536000, immutable"),)
_TYPES = {
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "htmx.js": "text/javascript; charset=utf-8",
    "texting.js": "text/javascript; charset=utf-8",
}
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Frame:
    """What the layout needs around any page. `call` is None before signing in; `mark` goes into every form."""

    title: str
    mark: str
    call: Call | None = None
    groups: Collection[Group] = ()
    said: tuple[str, bool] | None = None
    current: str = ""
    may: Callable[[Verb], bool] = field(default=lambda _: False)
    in_development: bool = False


class Render:
    """`base_path`: under which browsers reach the server; `paths`: of the pages that there are, for the menu."""

    def __init__(self, *, base_path: str, paths: Collection[str], now: Callable[[], datetime], version: str) -> None:
        self._base_path = base_path
        self._paths = paths
        self._static = _static_files()
        self._environment = Environment(
            loader=PackageLoader("tidings.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(
            undirected=undirected,
            number=formatting.number,
            plural=formatting.plural,
            state=formatting.state,
            event=formatting.event,
            way=formatting.way,
            name=formatting.breakable,
            exact=formatting.exact,
        )
        self._environment.globals.update(
            link=self.link,
            when=lambda at: formatting.when(at, now()),
            ago=lambda at: formatting.ago(at, now()),
            badge=formatting.badge,
            icons=GLYPHS,
            Verb=Verb,
            version=version,
            style=self._versioned("style.css"),
            icon=self._versioned("icon.svg"),
            htmx=self._versioned("htmx.js"),
            texting_script=self._versioned("texting.js"),
        )
        # As a global, macros are there in a block that is drawn alone, too.
        self._environment.globals["ui"] = self._environment.get_template("ui.html").module

    def link(self, path: str = "", **query: object) -> str:
        """The address of a page: `path` below ROOT, percent-encoded here; empty values of the query are left out."""
        told = urlencode([(name, str(value)) for name, value in query.items() if value not in ("", None)])
        return f"{self._base_path}{ROOT}{quote(path)}{'?' if told else ''}{told}"

    def page(self, call: Call, shown: Shown, mark: str, said: tuple[str, bool] | None) -> WireResponse:
        """A page for somebody who is signed in, or the block of it that htmx asked for."""
        frame = self.frame(call, shown.title, mark, said)
        if shown.block and call.is_fragment:
            return self._answer(shown.status, self._block(shown, frame))
        return self.draw(shown.template, frame, shown.values, status=shown.status)

    def frame(self, call: Call, title: str, mark: str, said: tuple[str, bool] | None = None) -> Frame:
        """What is around any page of somebody who is signed in."""
        groups = menu(call, self._paths)
        in_development = call.services.development is not None
        return Frame(title, mark, call, groups, said, call.route.menu, call.may, in_development)

    def draw(
        self,
        template: str,
        frame: Frame,
        values: Mapping[str, object],
        *,
        status: int = 200,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> WireResponse:
        """A whole page."""
        drawn = self._environment.get_template(template).render({**values, "page": frame})
        return self._answer(status, drawn, headers)

    def problem(
        self, frame: Frame, problem: ErrorPage, detail: str, request_id: str, *, fragment: bool
    ) -> WireResponse:
        """A kind page, or a few words in the place where htmx puts them."""
        values = {"problem": problem, "detail": detail, "request_id": request_id}
        template = "problem_fragment.html" if fragment else "problem.html"
        return self.draw(template, frame, values, status=problem.status, headers=problem.headers)

    def static(self, name: str) -> WireResponse | None:
        """A file of ours; None for any other name."""
        body = self._static.get(name)
        return None if body is None else WireResponse(200, body, _TYPES[name], _STATIC)

    def _block(self, shown: Shown, frame: Frame) -> str:
        template = self._environment.get_template(shown.template)
        context = template.new_context({**shown.values, "page": frame})
        drawn = Markup("").join(Markup(part) for part in template.blocks[shown.block](context))  # noqa: S704  escaped by jinja
        if not shown.spoken:
            return drawn
        return drawn + Markup('<div id="spoken" hx-swap-oob="innerHTML">{}</div>').format(shown.spoken)

    @staticmethod
    def _answer(status: int, drawn: str, headers: tuple[tuple[str, str], ...] = ()) -> WireResponse:
        return WireResponse(status, drawn.encode("utf-8", "replace"), HTML, (*PRIVATE, *headers))

    def _versioned(self, name: str) -> str:
        version = hashlib.sha256(self._static[name]).hexdigest()[:12]
        return f"{self._base_path}{ROOT}/static/{name}?v={version}"


def _static_files() -> dict[str, bytes]:
    own = files(__package__) / "static"
    found = {name: (own / name).read_bytes() for name in ("style.css", "icon.svg", "texting.js")}
    found["htmx.js"] = (files("js_lib_htmx") / "static" / "htmx" / "htmx.min.js").read_bytes()
    return found
