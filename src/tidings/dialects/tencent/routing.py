"""Which operation an action of a version means. Pure; built once from the operations of all subjects."""

from __future__ import annotations

from collections.abc import Iterable

from tidings.dialects.tencent.calls import Operation
from tidings.dialects.tencent.errors import echo, refuse
from tidings.dialects.tencent.limits import VERSIONS


class Registry:
    """The operations by version and action."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._operations: dict[tuple[str, str], Operation] = {}
        for operation in operations:
            key = (operation.version, operation.action)
            assert operation.version in VERSIONS, key
            assert key not in self._operations, key
            self._operations[key] = operation

    def find(self, version: str, action: str) -> Operation:
        """Raises TcError: NoSuchVersion before InvalidAction."""
        if version not in VERSIONS:
            raise refuse("NoSuchVersion", echo(version))
        operation = self._operations.get((version, action))
        if operation is None:
            raise refuse("InvalidAction", echo(action), version)
        return operation
