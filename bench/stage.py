"""One server running on its core, and everything a scenario needs to measure it.

Called by `bench.compare`, which gives each scenario a fresh stage for every contender and round. A stage ends its server
whatever happens.
"""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import socket
import subprocess
import tempfile
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, process_time

from bench.client import Caller, ClosedLoop
from bench.contenders import Contender
from bench.processes import cpu_s, start_pinned, stop_group
from bench.receiver import Receiver
from bench.signing import SnsSigner

READY_TIMEOUT_S = 60.0
CONFIRM_TIMEOUT_S = 60.0
SUBSCRIBE_CALLS = 8
BODY_BYTES = 256


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line sets. `quick` shortens everything to prove that it runs; its figures are worthless."""

    seconds: float
    connections: int
    distinct: int
    seed: int
    server_core: int
    load_core: int
    quick: bool


class Busy:
    """What was used from its making on: by the load generator and by the server, all its processes together."""

    def __init__(self, server: int) -> None:
        """server: its process id."""
        self._server = server
        self._wall = monotonic()
        self._cpu = process_time()
        self._server_cpu_s = cpu_s(server)

    def share(self) -> float:
        """Of the load generator's core, 0 to 1: near 1 it was the limit, not the server."""
        return (process_time() - self._cpu) / max(monotonic() - self._wall, 1e-9)

    def figures(self, done: int) -> dict[str, float]:
        """generator_busy, and cpu_us: microseconds of the server's processor for each of the things done."""
        used_s = cpu_s(self._server) - self._server_cpu_s
        return {"generator_busy": self.share(), "cpu_us": used_s / max(done, 1) * 1e6}


class Stage:
    """A running contender. Use `async with Stage(...)`. `data`: keep the server's files there instead of a new directory."""

    def __init__(self, contender: Contender, options: Options, receiver: Receiver, data: Path | None = None) -> None:
        self.contender = contender
        self.options = options
        self.receiver = receiver
        self.random = random.Random(options.seed)
        self._given = data
        self._signer: SnsSigner | None = None
        self._caller: Caller | None = None

    async def __aenter__(self) -> Stage:
        self.data = self._given or Path(tempfile.mkdtemp(prefix="tidings-bench-"))
        self.port = free_port()
        self._process = start_pinned(
            self.contender.command(self.port, self.data),
            self.contender.environment(self.port),
            self.options.server_core,
            self.log,
        )
        try:
            await self._wait_until_ready()
            self._signer = SnsSigner(f"127.0.0.1:{self.port}", self.contender.key_id, self.contender.secret)
            self._caller = await Caller(self.port, self._signer).open()
        except BaseException:
            self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._caller is not None:
            self._caller.close()
        self._end()

    def _end(self) -> None:
        stop_group(self._process)
        if self._given is None:
            shutil.rmtree(self.data, ignore_errors=True)

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def signer(self) -> SnsSigner:
        assert self._signer is not None
        return self._signer

    @property
    def caller(self) -> Caller:
        assert self._caller is not None
        return self._caller

    async def _wait_until_ready(self) -> None:
        until = monotonic() + READY_TIMEOUT_S
        while monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.contender.name} ended at its start: {self.log.read_text()[-3000:]}")
            if await answers_200(self.port, self.contender.ready_path):
                return
            await asyncio.sleep(0.05)
        raise RuntimeError(f"{self.contender.name} was not ready in time: {self.log.read_text()[-3000:]}")

    async def create_topic(self, name: str) -> str:
        """The new topic's ARN."""
        return text_of(await self.caller.call("CreateTopic", {"Name": name}), "TopicArn")

    def publishes(self, topic_arn: str, count: int) -> list[bytes]:
        """Prepared Publish requests with distinct bodies, numbered from 0 (`seq=<n>;`) and filled up with seeded letters."""
        self.signer.renew()
        return [self.publish_request(topic_arn, number) for number in range(count)]

    def publish_request(self, topic_arn: str, number: int) -> bytes:
        letters = self.random.choices("abcdefghijklmnopqrstuvwxyz ", k=BODY_BYTES)
        return self.signer.request("Publish", {"TopicArn": topic_arn, "Message": f"seq={number};{''.join(letters)}"})

    async def subscribe(self, topic_arn: str, count: int, *, raw: bool) -> None:
        """Subscribe `count` HTTP endpoints of the receiver and confirm each as its owner would."""
        numbers = iter(range(count))
        signer = self.signer
        signer.renew()

        async def work() -> None:
            caller = await Caller(self.port, signer).open()
            for number in numbers:
                endpoint = self.receiver.endpoint(number)
                await caller.call("Subscribe", http_subscription(topic_arn, endpoint, raw=raw))
                if self.contender.confirms:
                    await self._confirm(caller)
            caller.close()

        await asyncio.gather(*(work() for _ in range(min(SUBSCRIBE_CALLS, count))))

    async def _confirm(self, caller: Caller) -> None:
        """Confirm one subscription whose request has arrived, whichever it is: each worker confirms as many as it asked."""
        request = await asyncio.wait_for(self.receiver.confirmations.get(), CONFIRM_TIMEOUT_S)
        await caller.call("ConfirmSubscription", {"TopicArn": request["TopicArn"], "Token": request["Token"]})


def http_subscription(topic_arn: str, endpoint: str, *, raw: bool) -> Mapping[str, str]:
    """Subscribe's parameters for one HTTP endpoint."""
    parameters = {"TopicArn": topic_arn, "Protocol": "http", "Endpoint": endpoint}
    if raw:
        parameters |= {"Attributes.entry.1.key": "RawMessageDelivery", "Attributes.entry.1.value": "true"}
    return parameters


class Cycle:
    """Hands out prepared requests round and round, and remembers how often each was sent."""

    def __init__(self, requests: list[bytes], may_send: Callable[[], bool] = lambda: True) -> None:
        self._requests = requests
        self._may_send = may_send
        self.sent = array("I", bytes(4 * len(requests)))
        self.total = 0

    def __call__(self) -> bytes | None:
        if not self._may_send():
            return None
        number = self.total % len(self._requests)
        self.sent[number] += 1
        self.total += 1
        return self._requests[number]


async def warm_up(stage: Stage, topic_arn: str, seconds: float) -> None:
    """Publish for a moment so that imports, caches and connections do not count."""
    cycle = Cycle(stage.publishes(topic_arn, 50))
    await ClosedLoop(stage.port, 4, cycle, b"<MessageId>").run(seconds)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def answers_200(port: int, path: str) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readline(), 5)
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
    return b" 200 " in head


def text_of(body: bytes, tag: str) -> str:
    """The text inside the first such element of an answer."""
    found = re.search(f"<{tag}>([^<]*)</{tag}>", body.decode())
    if found is None:
        raise ValueError(f"no {tag} in {body[:300]!r}")
    return found[1]


def version_of(contender: Contender) -> dict[str, str]:
    """Versions of the contender's distributions, asked from its own interpreter."""
    script = (
        "import sys,platform,importlib.metadata as m;"
        "print('python',platform.python_version());[print(d,m.version(d)) for d in sys.argv[1:]]"
    )
    command = [str(contender.python), "-c", script, *contender.versions]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines)
