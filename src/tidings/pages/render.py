"""Draws a page as HTML, or tells it as JSON or plain text, with the headers that keep it private. Called by `subscriber`.

Source: RFC 8058, 3.1 (a one-click answer is no page); W3C Content Security Policy Level 3.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from tidings.dialects.contract import WireResponse
from tidings.pages.catalogue import Catalogue
from tidings.pages.page import Action, Page
from tidings.wire.plain_text import undirected

# Nothing runs, nothing is fetched from elsewhere, nothing frames us, no form leaves: a topic's name that tries has no chance.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PRIVATE: tuple[tuple[str, str], ...] = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("Referrer-Policy", "no-referrer"),  # the address holds the secret
    ("Cache-Control", "no-store"),
    ("X-Robots-Tag", "noindex, nofollow"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
_STATIC = (("Cache-Control", "public, max-age=31536000, immutable"),)
_TYPES = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}


class Render:
    """`base_path`: the path under which the server is reached, for addresses in pages; `public_url`: for those in JSON."""

    def __init__(
        self, catalogues: Mapping[str, Catalogue], *, public_url: str, base_path: str, operator: str, contact: str
    ) -> None:
        folder = files(__package__) / "static"
        self._static = {name: (folder / name).read_bytes() for name in _TYPES}
        self._public_url = public_url.rstrip("/")
        self._base_path = base_path
        self._environment = Environment(
            loader=PackageLoader("tidings.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=_shown,
        )
        self._environment.globals.update(
            languages=tuple(catalogues.values()),
            operator=operator,
            contact=contact,
            style=self._versioned("style.css"),
            icon=self._versioned("icon.svg"),
        )

    def html(self, page: Page, texts: Catalogue) -> WireResponse:
        """The page for people."""

        def address(action: Action) -> str:
            return f"{self._base_path}{action.path}?lang={texts.tag}"

        drawn = self._environment.get_template(f"{page.template}.html").render(
            page=page, texts=texts, address=address, shown=f"{page.name}/{texts.tag}/{texts.version}"
        )
        headers = (*PRIVATE, ("Content-Language", texts.tag), *page.headers)
        return WireResponse(page.status, drawn.encode(), "text/html; charset=utf-8", headers)

    def json(self, page: Page, texts: Catalogue) -> WireResponse:
        """The same for programs: names that do not change with the language, and addresses to go on with."""
        told: dict[str, object] = {"page": page.name, "message": page.title, **page.facts}
        told["actions"] = [self._told(action) for action in self._actions(page)]
        if page.template == "list":
            told["subscriptions"] = [
                {
                    "topic": item.topic,
                    "title": item.title,
                    "state": item.state.name.lower(),
                    "since": item.since.isoformat() if item.since else None,
                    "actions": [self._told(item.action)] if item.action else [],
                }
                for item in (*page.items, *page.past)
            ]
        headers = (*PRIVATE, ("Content-Language", texts.tag), *page.headers)
        body = json.dumps(told, ensure_ascii=False).encode()
        return WireResponse(page.status, body, "application/json", headers)

    def plain(self, page: Page, texts: Catalogue) -> WireResponse:
        """One line for a mail program that pressed its own unsubscribe button."""
        headers = (*PRIVATE, ("Content-Language", texts.tag), *page.headers)
        return WireResponse(page.status, f"{page.title}\n".encode(), "text/plain; charset=utf-8", headers)

    def static(self, name: str) -> WireResponse | None:
        """The stylesheet or the icon; None for any other name."""
        body = self._static.get(name)
        return None if body is None else WireResponse(200, body, _TYPES[name], _STATIC)

    def _versioned(self, name: str) -> str:
        version = hashlib.sha256(self._static[name]).hexdigest()[:12]
        return f"{self._base_path}/s/{name}?v={version}"

    def _told(self, action: Action) -> dict[str, object]:
        told: dict[str, object] = {"name": action.name, "method": action.method, "url": self._public_url + action.path}
        return {**told, "form": {"act": action.act}} if action.act else told

    @staticmethod
    def _actions(page: Page) -> list[Action]:
        own = [page.section.action] if page.section and page.section.action else []
        return [*page.actions, *own, *page.more]


def _shown(value: object) -> object:
    """What a template writes: a name must not look like another by marks of direction."""
    return undirected(value) if type(value) is str else value
