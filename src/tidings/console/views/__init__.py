"""The pages of topics, consent and the server: what each shows and does. A view asks services and gives an answer; no HTTP here."""

from tidings.console.routing import Route
from tidings.console.views import (
    account,
    audit,
    dead_letters,
    ledger,
    outbox,
    overview,
    sessions,
    subscriptions,
    topics,
)

ROUTES: tuple[Route, ...] = (
    *overview.ROUTES,
    *topics.ROUTES,
    *subscriptions.ROUTES,
    *dead_letters.ROUTES,
    *ledger.ROUTES,
    *audit.ROUTES,
    *account.ROUTES,
    *sessions.ROUTES,
    *outbox.ROUTES,
)
