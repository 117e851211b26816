"""What ten million opt-outs cost: the question before a text, SendSms of 200 numbers, importing a million, memory.

`python -m bench.optouts`. Makes `--rows` opt-outs in a store of its own (kept in `--seeded DIR`) and asks it; then a server in developer
mode answers signed SendSms calls on that store and on an empty one, in turns. Exit code 1: a target was missed.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.support.ports import free_port
from tests.support.server import KEY_ID, SECRET
from tests.support.tencent import tc3_headers

from bench.processes import start_pinned, stop_group
from tidings.domain.model import AccountId
from tidings.domain.optout import SmsType
from tidings.domain.phone_ports import TextAsk
from tidings.services.texting.optout_import import Listed, OptOutImport
from tidings.store.sqlite import SqliteStore

CHECK_MAX_MS = 5.0
IMPORT_MAX_S = 60.0
IMPORTED = 1_000_000
NUMBERS = 200
UNIT_ROWS = 5_000
FIRST = 2_000_000_000
APP, TEMPLATE = "1400006666", 1101
ACCOUNT = AccountId("0" * 12)
PROVISION = f"""
[[account]]
name = "default"
account_id = "{ACCOUNT}"
access_keys = [{{ id = "{KEY_ID}", secret = "{SECRET}", user = "admin" }}]
users = [{{ name = "admin", role = "owner" }}]

[[account.sms_application]]
sdk_app_id = "{APP}"
sender = "+12025550100"

[[account.sms_template]]
id = {TEMPLATE}
name = "bench"
content = "Your parcel {{1}} is here."
type = "notification"
international = true
"""


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def wall(self) -> datetime:
        return datetime.now(UTC)


def opted_out(number: int, rows: int) -> str:
    """The phone of a row: every third number of a range, so that others lie between."""
    return f"+1{FIRST + 3 * (number % rows)}"


def strangers(chance: random.Random, rows: int, count: int) -> list[str]:
    """Phones that are not opted out, each between two that are."""
    return [f"+1{FIRST + 3 * number + 1}" for number in chance.sample(range(rows), count)]


# --- the store ----------------------------------------------------------------------------------------------------------------


def tidings(*arguments: str, data: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "tidings", *arguments, "--data", str(data)], check=True, stdout=subprocess.DEVNULL
    )


def provision(data: Path) -> None:
    data.mkdir(parents=True, exist_ok=True)
    (data / "bench.toml").write_text(PROVISION)
    tidings("apply", str(data / "bench.toml"), data=data)


async def fill(data: Path, rows: int) -> None:
    """Opt so many phones out, account-wide."""
    store = await SqliteStore.open(data / "tidings.db")
    taking = OptOutImport(store, store, Clock(), ACCOUNT)
    await taking.begin()
    for start in range(0, rows, UNIT_ROWS):
        await taking.take([Listed(opted_out(n, rows), "*", "bench", None) for n in range(start, start + UNIT_ROWS)])
        if start % 1_000_000 == 0:
            print(f"made {start:,} of {rows:,}", file=sys.stderr)
    await store.close()


async def ask(data: Path, rows: int) -> tuple[float, float]:
    """Milliseconds for the question about 200 phones, and microseconds about one: medians over phones never asked before."""
    store = await SqliteStore.open(data / "tidings.db")
    await store.warm()  # as a server does at its start
    chance = random.Random(1)
    many, one = [], []
    for _ in range(300):
        phones = strangers(chance, rows, NUMBERS // 2) + [
            opted_out(chance.randrange(rows), rows) for _ in range(NUMBERS // 2)
        ]
        began = perf_counter()
        found = await store.text_gate.verdicts([TextAsk(ACCOUNT, APP, SmsType.NOTIFICATION, phone) for phone in phones])
        many.append((perf_counter() - began) * 1e3)
        blocked = {verdict.ask.phone for verdict in found if verdict.blocked_at}
        assert blocked == set(phones[NUMBERS // 2 :])
        began = perf_counter()
        assert store.text_gate.recheck(TextAsk(ACCOUNT, APP, SmsType.NOTIFICATION, phones[0]), None) == ""
        one.append((perf_counter() - began) * 1e6)
    await store.close()
    print(
        f"question about {NUMBERS} phones, {rows:,} opted out: median {median(many):.2f} ms, 99 of 100 {percentile(many, 99):.2f} ms"
    )
    print(f"question about one phone, asked a moment before: median {median(one):.0f} µs")
    return median(many), median(one)


# --- the server ---------------------------------------------------------------------------------------------------------------


@dataclass
class Caller:
    """Signed SendSms calls over one connection."""

    port: int

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def send(self, phones: Sequence[str]) -> float:
        """Milliseconds that the call took; every number must have been accepted."""
        body = json.dumps(
            {"PhoneNumberSet": list(phones), "SmsSdkAppId": APP, "TemplateId": str(TEMPLATE), "TemplateParamSet": ["7"]}
        ).encode()
        headers = tc3_headers(body, f"127.0.0.1:{self.port}", "SendSms")
        began = perf_counter()
        self._connection.request("POST", "/", body, headers)
        answer = json.loads(self._connection.getresponse().read())["Response"]
        took = (perf_counter() - began) * 1e3
        codes = {status["Code"] for status in answer.get("SendStatusSet", [])}
        assert codes == {"Ok"}, answer
        return took


@contextmanager
def serving(data: Path, core: int) -> Iterator[tuple[int, int]]:
    """A server on this data: its port and process id."""
    port = free_port()
    command = [sys.executable, "-m", "tidings", "serve", "--dev", "--listen", f"127.0.0.1:{port}", "--data", str(data)]
    process = start_pinned(command, {}, core, data / "server.log")
    try:
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    break
            except OSError:
                assert process.poll() is None, (data / "server.log").read_text()
            time.sleep(0.05)
        yield port, process.pid
    finally:
        stop_group(process)


def resident_mib(pid: int) -> float:
    """Private and shared memory without the database's own pages, which the kernel shares and takes back."""
    fields = dict(line.split(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return int(fields["RssAnon"].split()[0]) / 1024


def call(data: Path, rows: int, calls: int, seed: int, core: int) -> tuple[list[float], float]:
    chance = random.Random(seed)
    with serving(data, core) as (port, pid):
        caller = Caller(port)
        for _ in range(5):  # warms up
            caller.send(strangers(chance, rows, NUMBERS))
        return [caller.send(strangers(chance, rows, NUMBERS)) for _ in range(calls)], resident_mib(pid)


# --- importing ----------------------------------------------------------------------------------------------------------------


def import_a_million(folder: Path) -> tuple[float, float]:
    """Seconds, and the greatest memory in MiB, of `tidings optout import` with phones in no order."""
    data, csv = folder / "imported", folder / "list.csv"
    provision(data)
    phones = random.Random(2).sample(range(FIRST, 10**10), IMPORTED)
    csv.write_text("phone,reason,since\n" + "".join(f"+1{n},old system,2026-01-01\n" for n in phones))
    began = perf_counter()
    tidings("optout", "import", str(csv), data=data)
    took = perf_counter() - began
    return took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) * percent // 100, len(values) - 1)]


def main(options: argparse.Namespace) -> bool:
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as scratch:
        folder = Path(scratch)
        import_s, import_mib = import_a_million(folder)
        print(f"import of {IMPORTED:,} in no order: {import_s:.1f} s, at most {import_mib:.0f} MiB")
        full = options.seeded or folder / "full"
        provision(full)
        if not (full / "filled").exists():
            asyncio.run(fill(full, options.rows))
            (full / "filled").touch()
        check_ms, _ = asyncio.run(ask(full, options.rows))
        empty = folder / "empty"
        provision(empty)
        for seed in range(options.rounds):
            for name, data in (("none", empty), (f"{options.rows:,}", full)):
                took, mib = call(data, options.rows, options.calls, seed, options.core)
                print(
                    f"SendSms of {NUMBERS} numbers, {name} opted out: median {median(took):.1f} ms, "
                    f"99 of 100 {percentile(took, 99):.1f} ms; the server has {mib:.0f} MiB"
                )
    return check_ms <= CHECK_MAX_MS and import_s <= IMPORT_MAX_S


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.optouts", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--seeded", type=Path)
    chosen = parser.parse_args()
    sys.exit(0 if main(chosen) else 1)
