"""What `/api/v1` itself answers: where the description is, and, for a browser, what can be called and how one signs in. Open to
everybody, as the description is. Called by the Dialect object."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from msgspec import Struct

from tidings import __version__
from tidings.dialects.contract import WireResponse
from tidings.dialects.native.routing import PREFIX, AnyOperation

_HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("Cache-Control", "no-cache"),
)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem .3rem 0;vertical-align:top;overflow-wrap:anywhere}"
)


class Index(Struct):
    """This API: `openapi` is the path of its description, `console` that of the operators' pages."""

    name: str
    version: str
    openapi: str
    console: str


INDEX = Index("Tidings management API", __version__, f"{PREFIX}/openapi.json", "/console")


def page(operations: Sequence[AnyOperation]) -> WireResponse:
    """The same for people, with every operation that may be called."""
    sections = []
    for group, of_group in groupby(sorted(operations, key=lambda it: it.group), key=lambda it: it.group):
        rows = "".join(
            f"<tr><th scope=row><code>{it.method}&nbsp;{escape(PREFIX + it.path)}</code></th><td>{escape(it.summary)}</td></tr>"
            for it in of_group
        )
        sections.append(f"<h2>{escape(group)}</h2><table>{rows}</table>")
    body = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{INDEX.name}</title><style>{_STYLE}</style></head><body><main><h1>{INDEX.name}</h1>"
        f"<p>Version {INDEX.version}. Programs read <a href=v1/openapi.json>the OpenAPI description</a>; people may prefer "
        "<a href=../console>the console</a>. Sign in with HTTP Basic: an access key and its secret, or a user and the password.</p>"
        f"{''.join(sections)}</main></body></html>"
    )
    return WireResponse(200, body.encode(), "text/html; charset=utf-8", _HEADERS)
