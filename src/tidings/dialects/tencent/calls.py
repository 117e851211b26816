"""One call on its way through the dialect: what was asked, by whom, and the services that answer.

Handed by the dialect to each operation, which parses its `values`, asks for a `grant`, makes one service call and gives the members
of its answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tidings.access.authenticate import Authenticator
from tidings.access.authorize import authorize
from tidings.dialects.contract import WireRequest, origin_of
from tidings.dialects.tencent.codec import Shape, Values, language_of
from tidings.dialects.tencent.codes import Language
from tidings.dialects.tencent.limits import SERVICE, SKEW_S
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Origin, Principal, Way
from tidings.domain.ports import Clock
from tidings.services.accounts import Accounts
from tidings.services.texting.text_catalog import TextCatalog
from tidings.services.texting.texting import Texting
from tidings.services.texting.texts import Texts


@dataclass(frozen=True, slots=True)
class TencentServices:
    """What the operations call. signing_clock: the machine's own, because callers sign by theirs. skew: how far those may be off.
    is_dev: developer mode, in which texts may be made up."""

    authenticator: Authenticator
    clock: Clock
    signing_clock: Clock
    texts: Texts
    catalog: TextCatalog
    texting: Texting
    accounts: Accounts
    skew: timedelta = timedelta(seconds=SKEW_S)
    is_dev: bool = False


@dataclass(slots=True)
class Call:
    """A request whose caller is known and whose parameters are of the right types."""

    request: WireRequest
    action: str
    version: str
    caller: Principal
    values: Values

    @property
    def language(self) -> Language:
        """Of messages: those of errors are told by the dialect, those per number by the operation."""
        return language_of(self.request)

    @property
    def origin(self) -> Origin:
        """Where a change made by this call came from, for the ledger."""
        return origin_of(self.request, Way.API, "tencent", self.caller)

    def grant(self, verb: Verb, resource: str = "*") -> Grant:
        """Permission for this action within the caller's account. resource: its kind and name. Raises Denied."""
        account_id = self.caller.account_id
        return authorize(
            self.caller,
            verb,
            owner=account_id,
            resource=f"qcs::{SERVICE}::uin/{account_id}:{resource}",
            source=self,
            action=f"{SERVICE}:{self.action}",
        )


Handler = Callable[[TencentServices, Call], Awaitable[Mapping[str, Any]]]
"""Gives the answer's members, `RequestId` left out. Raises TcError and TidingsError."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An action of a version. Each file of a subject has a tuple `OPERATIONS`."""

    version: str
    action: str
    shape: Shape
    handler: Handler
