"""Reading, deciding and writing again when somebody else was faster. Used by every service that changes what it has read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from tidings.domain.errors import Conflict, Throttled

TRIES = 8
"""How often a service reads again when somebody was faster, before it gives up with Throttled."""

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def retry_on_conflict(
    change: Callable[_Parameters, Awaitable[_Result]],
) -> Callable[_Parameters, Awaitable[_Result]]:
    """Call a function again, from its reading on, while the store answers Conflict. Raises Throttled after TRIES.

    So it must do nothing before its commit that cannot be done twice.
    """

    @wraps(change)
    async def again(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        for _ in range(TRIES):
            try:
                return await change(*args, **kwargs)
            except Conflict:
                continue
        raise Throttled

    return again
