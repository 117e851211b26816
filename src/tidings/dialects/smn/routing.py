"""Which operation a method and a path mean. Pure; built once from the routes of all subjects."""

from __future__ import annotations

from collections.abc import Sequence

from tidings.dialects.smn.calls import Route

_SEGMENTS_MAX = 16


class Router:
    """Literal segments win over placeholders. A final slash does not matter."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes: dict[tuple[str, int], list[tuple[tuple[str, ...], Route]]] = {}
        for route in routes:
            segments = tuple(route.path.split("/")) if route.path else ()
            self._routes.setdefault((route.method, len(segments)), []).append((segments, route))
        for known in self._routes.values():
            known.sort(key=lambda entry: sum(_is_placeholder(segment) for segment in entry[0]))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and the values of its placeholders."""
        if path.count("/") > _SEGMENTS_MAX:
            return None
        trimmed = path.removeprefix("/").removesuffix("/")
        segments = trimmed.split("/") if trimmed else []
        for pattern, route in self._routes.get((method, len(segments)), ()):
            if all(
                own == given or (_is_placeholder(own) and given) for own, given in zip(pattern, segments, strict=True)
            ):
                values = {
                    own[1:-1]: given for own, given in zip(pattern, segments, strict=True) if _is_placeholder(own)
                }
                return route, values
        return None


def _is_placeholder(segment: str) -> bool:
    return segment.startswith("{")
