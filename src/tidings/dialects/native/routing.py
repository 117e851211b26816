"""What an operation of this API is, and which one a request means.

One `Operation` is the only place that says path, method, parameters, body, answer and permission: the router serves it and
`openapi` documents it, so the two cannot differ. Called by the Dialect object.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, get_type_hints

from msgspec import Struct

from tidings.dialects import contract
from tidings.dialects.contract import WireRequest, WireResponse
from tidings.dialects.native.errors import Refusal
from tidings.dialects.path_router import PathRouter
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Origin, Principal, Way

PREFIX = "/api/v1"

Query = TypeVar("Query", bound=Struct)
Body = TypeVar("Body", bound=Struct)


class Nothing(Struct, forbid_unknown_fields=True):
    """No parameters, or no body."""


def origin_of(request: WireRequest, principal: Principal | None = None) -> Origin:
    """What ledger and audit trail keep of a call."""
    return contract.origin_of(request, Way.API, "native", principal)


@dataclass(frozen=True, slots=True)
class Call:
    """A request with what was found out about it. `path` holds the parts of the path that the operation names in braces."""

    request: WireRequest
    path: Mapping[str, str]
    granted: Grant | None = None

    @property
    def grant(self) -> Grant:
        """Raises RuntimeError, a mistake of ours, for an operation without a verb: nobody was asked whether the caller may."""
        if self.granted is None:
            raise RuntimeError("an operation without a verb has no grant")
        return self.granted

    @property
    def principal(self) -> Principal:
        return self.grant.principal

    @property
    def origin(self) -> Origin:
        """What the ledger keeps of this call."""
        return origin_of(self.request, self.principal)


@dataclass(frozen=True, slots=True)
class Operation(Generic[Query, Body]):
    """One thing that can be called.

    name: operationId. verb: the permission it takes within the caller's own account; None: open to everybody, without
    signing in. answer: the shape of a 2xx body, None for 204. refusals: statuses besides those that every operation may
    give. csv: answers text/csv too.
    """

    method: str
    path: str
    name: str
    group: str
    summary: str
    verb: Verb | None
    action: Callable[[Call, Query, Body], Awaitable[WireResponse]]
    query: type[Query]
    body: type[Body]
    answer: Any
    status: int = 200
    refusals: tuple[int, ...] = ()
    csv: bool = False


AnyOperation = Operation[Any, Any]
_Action = Callable[[Any, Call, Any, Any], Awaitable[WireResponse]]
_DECLARED: dict[_Action, Mapping[str, Any]] = {}


def operation(
    method: str,
    path: str,
    verb: Verb | None,
    answer: Any,
    *,
    name: str = "",
    status: int = 200,
    refusals: tuple[int, ...] = (),
    csv: bool = False,
) -> Callable[[_Action], _Action]:
    """Make a method of an actions class an operation: its query and body are annotated, the first paragraph of its docstring is the
    summary, and without `name` its own name in camel case is the operationId. The rest: see `Operation`."""

    def declare(action: _Action) -> _Action:
        first, *others = action.__name__.split("_")
        summary = (inspect.getdoc(action) or "").partition("\n\n")[0].replace("\n", " ").removesuffix(".")
        _DECLARED[action] = {
            "method": method,
            "path": path,
            "name": name or first + "".join(map(str.capitalize, others)),
            "summary": summary,
            "verb": verb,
            "answer": answer,
            "status": status,
            "refusals": refusals,
            "csv": csv,
        }
        return action

    return declare


class Actions(Protocol):
    """Operations of one subject, which is their heading in documents."""

    GROUP: str


def operations_of(actions: Actions) -> tuple[AnyOperation, ...]:
    """Those that the class of this object declares, in their order."""
    found = []
    for name, function in vars(type(actions)).items():
        if inspect.isfunction(function) and function in _DECLARED:
            hints = get_type_hints(function)
            _, query, body = (hints[it] for it in list(inspect.signature(function).parameters)[1:])
            declared = {**_DECLARED[function], "group": actions.GROUP}
            found.append(Operation(**declared, action=getattr(actions, name), query=query, body=body))
    return tuple(found)


class Router:
    """Finds the operation behind method and path. Built once; asks about nothing else."""

    def __init__(self, operations: Sequence[AnyOperation]) -> None:
        self._paths: PathRouter[AnyOperation] = PathRouter(operations, prefix=PREFIX)

    def find(self, method: str, path: str) -> tuple[AnyOperation, dict[str, str]]:
        """The operation and the named parts of its path. Raises Refusal (404, 405)."""
        found = self._paths.find(method, path)
        if found is not None:
            return found
        if methods := self._paths.methods(path):
            allowed = ", ".join(sorted(methods))
            raise Refusal(405, f"This path takes {allowed}.", ("allow", allowed))
        raise Refusal(404, f"There is no such path; {PREFIX}/openapi.json lists all of them.")
