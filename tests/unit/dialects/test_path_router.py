"""Which route a method and a path mean."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tidings.dialects.path_router import PathRouter


@dataclass(frozen=True)
class Route:
    method: str
    path: str


ONE, ALL, MAKE, RECENT, PART = (
    Route("GET", "/things/{id}"),
    Route("GET", "/things"),
    Route("POST", "/things"),
    Route("GET", "/things/recent"),
    Route("DELETE", "/things/{thing}/parts/{part}"),
)
ROUTER = PathRouter((ONE, ALL, MAKE, RECENT, PART), prefix="/api", segment_max=6)


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/api/things", (ALL, {})),
        ("POST", "/api/things", (MAKE, {})),
        ("GET", "/api/things/7", (ONE, {"id": "7"})),
        ("GET", "/api/things/{id}", (ONE, {"id": "{id}"})),
        ("GET", "/api/things/123456", (ONE, {"id": "123456"})),
        ("DELETE", "/api/things/7/parts/8", (PART, {"thing": "7", "part": "8"})),
        ("DELETE", "/api/things/recent/parts/8", (PART, {"thing": "recent", "part": "8"})),
        ("GET", "/api/things/1234567", None),
        ("GET", "/api/things/", None),
        ("GET", "/api/things//parts/8", None),
        ("GET", "/things", None),
        ("GET", "api/things", None),
        ("GET", "/api", None),
        ("GET", "", None),
        ("PUT", "/api/things", None),
    ],
)
def test_a_path_leads_to_its_route(method: str, path: str, found: tuple[Route, dict[str, str]] | None) -> None:
    assert ROUTER.find(method, path) == found


def test_a_literal_wins_wherever_it_stands_in_the_list() -> None:
    assert ROUTER.find("GET", "/api/things/recent") == (RECENT, {})


def test_the_methods_of_a_path_are_told_in_the_order_of_the_routes() -> None:
    assert ROUTER.methods("/api/things") == ["GET", "POST"]
    assert ROUTER.methods("/api/things/7/parts/8") == ["DELETE"]
    assert ROUTER.methods("/api/things/recent/parts") == []
    assert ROUTER.methods("/elsewhere") == []


def test_what_could_never_be_found_is_refused() -> None:
    with pytest.raises(ValueError, match="hides another"):
        PathRouter((ONE, Route("GET", "/things/{name}")))
    for odd in ("{id}.csv", "of-{id}", "{id}{name}", "{}", "{id"):
        with pytest.raises(ValueError, match="whole segment"):
            PathRouter((Route("GET", f"/things/{odd}"),))


def test_a_path_of_many_segments_costs_no_more_than_the_tree_is_deep() -> None:
    assert ROUTER.find("GET", "/api" + "/things" * 100_000) is None
