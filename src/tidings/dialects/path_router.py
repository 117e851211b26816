"""Which route a method and a path mean, for every front end that has paths. Pure; built once from the routes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


class AnyRoute(Protocol):
    """`path`: segments parted by `/`; `{name}` stands for one whole segment that is not empty."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...


Route = TypeVar("Route", bound=AnyRoute)


@dataclass(slots=True)
class _Node(Generic[Route]):
    """A place in the tree of segments. `routes`: those that end here, by method, each with its placeholders' names."""

    literals: dict[str, _Node[Route]] = field(default_factory=dict)
    placeholder: _Node[Route] | None = None
    routes: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)


class PathRouter(Generic[Route]):
    """A literal segment wins over a placeholder, the leftmost first. prefix: stands before the path of every route.
    segment_max: characters that a placeholder's value may have; 0: any number. Raises ValueError for two routes of one meaning."""

    def __init__(self, routes: Iterable[Route], *, prefix: str = "", segment_max: int = 0) -> None:
        self._segment_max = segment_max
        self._root: _Node[Route] = _Node()
        for route in routes:
            self._add(route, (prefix + route.path).split("/"))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and the values of its placeholders."""
        for node, values in self._ends(path):
            found = node.routes.get(method)
            if found is not None:
                route, names = found
                return route, dict(zip(names, values, strict=True))
        return None

    def methods(self, path: str) -> list[str]:
        """What the path takes, in the order of the routes: for Allow. Empty: there is no such path."""
        return list(dict.fromkeys(method for node, _ in self._ends(path) for method in node.routes))

    def _add(self, route: Route, segments: Sequence[str]) -> None:
        node = self._root
        names: list[str] = []
        for segment in segments:
            if re.fullmatch(r"\{\w+\}", segment):
                names.append(segment[1:-1])
                if node.placeholder is None:
                    node.placeholder = _Node()
                node = node.placeholder
            elif "{" in segment:
                raise ValueError(f"a placeholder is a whole segment, unlike {segment}")
            else:
                node = node.literals.setdefault(segment, _Node())
        if route.method in node.routes:
            raise ValueError(f"{route.method} {route.path} hides another route")
        node.routes[route.method] = route, tuple(names)

    def _ends(self, path: str) -> list[tuple[_Node[Route], tuple[str, ...]]]:
        """Where the path leads, the best first: as a rule one place or none."""
        places: list[tuple[_Node[Route], tuple[str, ...]]] = [(self._root, ())]
        for segment in path.split("/"):
            reached = []
            for node, values in places:
                literal = node.literals.get(segment)
                if literal is not None:
                    reached.append((literal, values))
                if node.placeholder is not None and segment and len(segment) <= (self._segment_max or len(segment)):
                    reached.append((node.placeholder, (*values, segment)))
            if not reached:
                return []
            places = reached
        return places
