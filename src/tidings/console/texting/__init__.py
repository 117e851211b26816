"""The console's pages about texting: inbound addresses, blocking rules, unsubscribed phones, records, review, number check, counts,
signs and templates. Each module has its views and, at its end, their routes."""

from tidings.console.routing import Route
from tidings.console.texting import (
    addresses,
    applications,
    catalog,
    counts,
    importing,
    keywords,
    number,
    records,
    replies,
    review,
    rules,
    unsubscribed,
)

ROUTES: tuple[Route, ...] = (
    *addresses.ROUTES,
    *keywords.ROUTES,
    *rules.ROUTES,
    *applications.ROUTES,
    *unsubscribed.ROUTES,
    *importing.ROUTES,
    *records.ROUTES,
    *review.ROUTES,
    *number.ROUTES,
    *replies.ROUTES,
    *counts.ROUTES,
    *catalog.ROUTES,
)
