"""What a request costs inside one process, without sockets: microseconds of CPU of everything the server does, its writer's too.

`python -m bench.layers FILE serve …` runs the command of Tidings that follows, takes the connections' protocol from the event loop when
the server begins to listen, gives it requests over transports that only remember, writes the figures to FILE and ends. So it
knows nothing of the product's modules, and measures any revision that can be imported. Called by `bench.compare --against`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import uvloop

from bench.contenders import Contender
from bench.processes import start_pinned, stop_group
from bench.signing import SnsSigner

AT_ONCE = 64
"""Requests under way together, each on a connection of its own: as many as the load generator's connections."""
WARM_UP = 20
TIMEOUT_S = 120.0
NAME = "layers"

LAYERS: Mapping[str, str] = {
    "health": "server, canned answer (GET /healthz)",
    "look": "form read, signature verified, topic found (GetTopicAttributes)",
    "publish": "Publish without subscribers, on disk and finished",
    "publish_attributes": "… with three message attributes",
    "subscribe": "Subscribe of a queue, confirmed at once, and Unsubscribe",
}


def measure(contender: Contender, core: int, *, quick: bool) -> dict[str, float]:
    """CPU microseconds of one request by layer, in a new process on that core. Raises RuntimeError with what it printed."""
    with tempfile.TemporaryDirectory(prefix="tidings-bench-layers-") as name:
        directory = Path(name)
        python, _, *command = contender.command(0, directory / "data")
        file, log = directory / "figures.json", directory / "log"
        rounds = "5" if quick else "150"
        started = start_pinned(
            [python, "-m", "bench.layers", str(file), *command[1:]],
            {**contender.environment(0), "BENCH_LAYER_ROUNDS": rounds},
            core,
            log,
        )
        try:
            started.wait(TIMEOUT_S)
        finally:
            stop_group(started)
        if not file.exists():
            raise RuntimeError(f"nothing was measured: {log.read_text()[-2000:]}")
        return dict(json.loads(file.read_text()))


class Transport(asyncio.Transport):
    """Remembers what is written, and says when a whole answer is there."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__({"peername": ("127.0.0.1", 40_000), "sockname": ("127.0.0.1", 1)})
        self.protocol = protocol
        self.is_closed = False
        self.answer = bytearray()
        self.answered: Callable[[], None] = lambda: None

    def write(self, data: Any) -> None:
        self.answer += data
        head, found, body = self.answer.partition(b"\r\n\r\n")
        if found:
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            if len(body) >= int(length or 0):
                self.answered()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def get_write_buffer_size(self) -> int:
        return 0


class Client:
    """AT_ONCE connections of one protocol."""

    def __init__(self, factory: Callable[[], asyncio.Protocol]) -> None:
        self._ends: list[tuple[asyncio.Protocol, Transport]] = []
        for _ in range(AT_ONCE):
            protocol = factory()
            transport = Transport(protocol)
            protocol.connection_made(transport)
            self._ends.append((protocol, transport))

    async def send(self, requests: Sequence[bytes]) -> list[bytes]:
        """All at once, at most AT_ONCE; their answers."""
        missing = len(requests)
        done = asyncio.get_running_loop().create_future()

        def answered() -> None:
            nonlocal missing
            missing -= 1
            if not missing:
                done.set_result(None)

        for (protocol, transport), request in zip(self._ends, requests, strict=False):
            transport.answer.clear()
            transport.answered = answered
            protocol.data_received(request)
        await done
        return [bytes(transport.answer) for _, transport in self._ends[: len(requests)]]


class Measurement:
    def __init__(self, client: Client, signer: SnsSigner, rounds: int) -> None:
        self._client = client
        self._signer = signer
        self._rounds = rounds

    async def all(self) -> dict[str, float]:
        """CPU microseconds of one request, by layer."""
        topic = _text(await self._one(self._signer.request("CreateTopic", {"Name": NAME})), "TopicArn")
        letters = "abcdefghijklmnopqrstuvwxyz " * 10

        def publish(number: int, more: Mapping[str, str] | None = None) -> bytes:
            message = {"TopicArn": topic, "Message": f"seq={number};{letters[: 256 - len(str(number))]}"}
            return self._signer.request("Publish", message | dict(more or {}))

        attributes: dict[str, str] = {}
        for at, name in enumerate(("colour", "size", "shop"), 1):
            entry = f"MessageAttributes.entry.{at}"
            attributes |= {
                f"{entry}.Name": name,
                f"{entry}.Value.DataType": "String",
                f"{entry}.Value.StringValue": name,
            }
        health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        look = self._signer.request("GetTopicAttributes", {"TopicArn": topic})
        return {
            "health": await self._cost(lambda _: health),
            "look": await self._cost(lambda _: look),
            "publish": await self._cost(publish),
            "publish_attributes": await self._cost(lambda n: publish(n, attributes)),
            "subscribe": await self._pairs(topic),
        }

    async def _cost(self, request: Callable[[int], bytes]) -> float:
        batches = [[request(batch * AT_ONCE + n) for n in range(AT_ONCE)] for batch in range(WARM_UP)]
        for batch in batches:
            for answer in await self._client.send(batch):
                if answer[9:12] != b"200":
                    raise RuntimeError(f"not answered as it should be: {answer[:500]!r}")
        began = process_time()
        for turn in range(self._rounds):
            await self._client.send(batches[turn % WARM_UP])
        return (process_time() - began) / (self._rounds * AT_ONCE) * 1e6

    async def _pairs(self, topic: str) -> float:
        queue = ":".join([*topic.replace(":sns:", ":sqs:").split(":")[:-1], "bench-"])
        rounds = max(self._rounds // 10, 2)
        cost = 0.0
        for turn in range(rounds):
            asked = [
                {"TopicArn": topic, "Protocol": "sqs", "Endpoint": f"{queue}{turn}-{number}"}
                for number in range(AT_ONCE)
            ]
            subscribe = [self._signer.request("Subscribe", parameters) for parameters in asked]
            began = process_time()
            answers = await self._client.send(subscribe)
            cost += process_time() - began
            arns = [_text(answer, "SubscriptionArn") for answer in answers]
            unsubscribe = [self._signer.request("Unsubscribe", {"SubscriptionArn": arn}) for arn in arns]
            began = process_time()
            await self._client.send(unsubscribe)
            cost += process_time() - began
        return cost / (rounds * AT_ONCE) * 1e6

    async def _one(self, request: bytes) -> bytes:
        return (await self._client.send([request]))[0]


def _text(answer: bytes, tag: str) -> str:
    found = answer.decode().partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
    if not found:
        raise RuntimeError(f"no {tag}: {answer[:500]!r}")
    return found


class _Loop(uvloop.Loop):
    """Tells of the first protocol that is listened with."""

    listening: Callable[[Callable[[], asyncio.Protocol]], Awaitable[None]]

    async def create_server(self, protocol_factory: Any, *arguments: Any, **named: Any) -> Any:
        server = await super().create_server(protocol_factory, *arguments, **named)
        self._measuring = self.create_task(self.listening(protocol_factory))
        return server


def main() -> int:
    file, command = Path(sys.argv[1]), sys.argv[2:]
    rounds = int(os.environ.get("BENCH_LAYER_ROUNDS", "100"))
    failed: list[BaseException] = []

    async def measure(factory: Callable[[], asyncio.Protocol]) -> None:
        try:
            await asyncio.sleep(1.0)  # what a server does once after its start
            signer = SnsSigner("localhost", "tidings", "tidings-dev-secret")
            file.write_text(json.dumps(await Measurement(Client(factory), signer, rounds).all()))
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    _Loop.listening = staticmethod(measure)
    run = uvloop.run
    uvloop.run = lambda work, **_: run(work, loop_factory=_Loop)
    from tidings.cli.main import app

    sys.argv[1:] = command
    app(standalone_mode=False)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
