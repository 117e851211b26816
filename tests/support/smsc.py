"""A short message service center on a free port that nobody of us wrote: npm's `smpp` in a node process (`smsc.cjs`)."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.support.patience import PATIENCE_S

SCRIPT = Path(__file__).parent / "smsc.cjs"
LINE_OCTETS_MAX = 1 << 20

Event = dict[str, Any]


class Smsc:
    """`events`: everything that happened, in order. prefix: a command that starts node, to pin it to a core. tls: PEM files of a
    certificate and its key; then it speaks nothing else."""

    def __init__(
        self, *, quiet: bool = False, prefix: tuple[str, ...] = (), tls: tuple[Path, Path] | None = None
    ) -> None:
        node = shutil.which("node")
        assert node is not None, "this needs node; `make test` brings the npm package"
        self._command = [*prefix, node, str(SCRIPT), *(["--quiet"] if quiet else [])]
        if tls is not None:
            self._command += ["--tls", *map(str, tls)]
        self._scheme = "smpps" if tls is not None else "smpp"
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._ids = itertools.count(1)
        self.events: list[Event] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, limit=LINE_OCTETS_MAX
        )
        self._reader = asyncio.create_task(self._read())
        self.port = (await self.wait("listening"))[0]["port"]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._reader is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader
        self._process._transport.close()  # type: ignore[attr-defined]  # or it is closed after the loop

    def url(self, options: str = "", password: str = "secret", system_id: str = "tidings") -> str:
        return f"{self._scheme}://{system_id}:{password}@127.0.0.1:{self.port}" + (f"?{options}" if options else "")

    def of(self, event: str, **fields: Any) -> list[Event]:
        """What happened of this kind, with these values."""
        wanted = {"event": event, **fields}
        return [it for it in self.events if all(it.get(name) == value for name, value in wanted.items())]

    async def wait(self, event: str, count: int = 1, timeout_s: float = PATIENCE_S, **fields: Any) -> list[Event]:
        """Until so many of this kind happened."""
        await self.until(lambda: len(self.of(event, **fields)) >= count, timeout_s)
        return self.of(event, **fields)

    async def until(self, condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def order(self, do: str, **fields: Any) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **fields}).encode() + b"\n")

    def set(self, name: str, value: Any) -> None:
        self.order("set", name=name, value=value)

    def deliver(self, bind: int = 0, **fields: Any) -> int:
        """Hand us a deliver_sm; the number under which `answer` waits. Octets: {"hex": …}; with a header: {"udh": …, "message": …}."""
        defaults = {
            "source_addr_ton": 1,
            "source_addr_npi": 1,
            "source_addr": "12025550123",
            "dest_addr_ton": 1,
            "dest_addr_npi": 1,
            "destination_addr": "12025550100",
            "data_coding": 0,
        }
        number = next(self._ids)
        self.order("deliver", id=number, bind=bind, fields={**defaults, **fields})
        return number

    async def answer(self, number: int, timeout_s: float = PATIENCE_S) -> int:
        """The status with which we answered."""
        status: int = (await self.wait("answer", timeout_s=timeout_s, id=number))[0]["status"]
        return status

    async def ask(self, do: str, **fields: Any) -> Event:
        number = next(self._ids)
        self.order(do, id=number, **fields)
        return (await self.wait("answer", id=number))[0]

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.events.append(json.loads(line))
            self._changed.set()
