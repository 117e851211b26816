"""Puts many confirmed subscriptions into the embedded store before the server starts. Ours only.

Called by `bench.compare` for the scenarios with 100,000 subscriptions and more. The first subscription is made and
confirmed through the API; the others are copies of its row and of its ledger entries with other ids and endpoints, committed
through the contender's own store (`bench.seeding`). So the server finds what a million calls would have left, but no tokens.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from time import monotonic

from bench.contenders import Contender
from bench.receiver import Receiver
from bench.scenarios.scenario import SEEDED_TOPIC
from bench.stage import Options, Stage

STATE = "seeded.json"


def kept_ports(directory: Path) -> list[int]:
    """The ports on which a kept directory's subscribers listen; empty for a new one."""
    for state in directory.glob(f"*/{STATE}"):
        return list(json.loads(state.read_text())["ports"])
    return []


class SeededData:
    """A data directory whose topic SEEDED_TOPIC grows from one scenario to the next. No server may run on it meanwhile.

    The directory can be kept for another run, if its endpoints' ports (`kept_ports`) are still free then.
    """

    def __init__(self, directory: Path, options: Options, receiver: Receiver) -> None:
        self._directory = directory
        self._state = directory / STATE
        self._options = options
        self._receiver = receiver

    async def grow(self, contender: Contender, count: int) -> Path:
        """Have at least `count` subscriptions, numbered from 0 as the receiver numbers its endpoints; returns the directory."""
        if not self._state.exists():
            self._directory.mkdir(parents=True)
            async with Stage(contender, self._options, self._receiver, self._directory) as stage:
                self._receiver.expect(1, by_path=True)
                await stage.subscribe(await stage.create_topic(SEEDED_TOPIC), 1, raw=False)
            self._state.write_text(json.dumps({"exist": 1, "ports": self._receiver.ports}))
        if json.loads(self._state.read_text())["exist"] < count:
            started = monotonic()
            # By the contender's own store: another revision's may have another schema.
            command = [
                str(contender.python),
                "-m",
                "bench.seeding",
                str(self._state),
                str(count),
                str(self._options.seed),
            ]
            subprocess.run(command, check=True, env=os.environ | dict(contender.environment(0)))
            print(
                f"seeded {count} subscriptions in {monotonic() - started:.1f} s; ", end="", file=sys.stderr, flush=True
            )
        return self._directory
