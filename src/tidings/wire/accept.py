"""What the Accept headers of a request ask for. Pure; called by front ends that answer people and programs at one address.

Source: RFC 9110, 12.5 (Content Negotiation Field Values).
"""

from __future__ import annotations

from collections.abc import Iterator

_CHOICES_MAX = 32  # entries of a header that are looked at: nobody means more


def by_weight(header: str) -> list[tuple[str, float]]:
    """The entries of an Accept-like header in lower case, most wanted first; equal ones keep their order."""
    return sorted(_entries(header), key=lambda entry: -entry[1])


def prefers_json(accept: str) -> bool:
    """Whether a program asks: JSON is named, and no page is wanted more. Wildcards mean a page."""
    json, page = _json_and_page(accept)
    return json > page


def prefers_page(accept: str) -> bool:
    """Whether a browser asks: a page is named, and JSON is not wanted more. Wildcards mean nothing: SDKs send them."""
    json, page = _json_and_page(accept)
    return page > 0 and page >= json


def _json_and_page(accept: str) -> tuple[float, float]:
    weights = dict(reversed(by_weight(accept)))
    page = max(weights.get("text/html", 0.0), weights.get("application/xhtml+xml", 0.0))
    return weights.get("application/json", 0.0), page


def _entries(header: str) -> Iterator[tuple[str, float]]:
    for entry in header.split(",")[:_CHOICES_MAX]:
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                weight = _weight(parameter[2:])
        if name and weight > 0:
            yield name, weight


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
