"""What the console needs of the server: services, and a few callables for what is no service. Made by `wiring`, read by views."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tidings.access.authenticate import Authenticator
from tidings.access.sessions import Sessions
from tidings.domain.ports import Clock, ResourceNames
from tidings.domain.protocols import Protocols
from tidings.services.accounts import Accounts
from tidings.services.deliveries import Deliveries
from tidings.services.ledger import Ledger
from tidings.services.subscriptions import Subscriptions
from tidings.services.texting.optout_uploads import OptOutUploads
from tidings.services.texting.text_catalog import TextCatalog
from tidings.services.texting.texting import Texting
from tidings.services.texting.texts import Texts
from tidings.services.topics import Topics

DEV_PASSWORD = "tidings-dev-secret"  # noqa: S105  known to everybody on purpose; developer mode only


@dataclass(frozen=True, slots=True)
class Development:
    """Developer mode: what would have gone out, and who can sign in. `password` is empty where it is a secret after all.
    `hosts`: names besides this machine's own under which browsers may come.

    outbox: the newest `limit` captured mails and texts of (channel, to, limit, after, before), oldest of them first; None means any.
    """

    outbox: Callable[[str | None, str | None, int, int, int | None], Sequence[Mapping[str, object]]]
    clear_outbox: Callable[[], None]
    user: str
    password: str
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Transport:
    """How a way out for texts is. `problem`: why it is not up."""

    name: str
    is_up: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """`names`: what topics are called in each cloud. `sessions`: who is signed in. `csrf_key`: 32 bytes for the marks on forms.

    `backlog`: messages accepted and not finished; `waiting`: deliveries that wait for another attempt; both of the whole server.
    `transports`: how the ways out for texts are (None: there are none to watch). `development`: None outside that mode.
    """

    topics: Topics
    subscriptions: Subscriptions
    ledger: Ledger
    deliveries: Deliveries
    accounts: Accounts
    texting: Texting
    texts: Texts
    catalog: TextCatalog
    uploads: OptOutUploads
    authenticator: Authenticator
    sessions: Sessions
    clock: Clock
    protocols: Protocols
    names: Sequence[ResourceNames]
    csrf_key: bytes
    backlog: Callable[[], int]
    waiting: Callable[[], Awaitable[int]]
    public_url: str
    region: str
    version: str
    transports: Callable[[], Sequence[Transport]] | None = None
    development: Development | None = None
