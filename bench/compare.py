"""The one command: measures every contender in every scenario, round by round, and prints the comparison.

`python -m bench.compare --help`. It starts and stops the servers itself, pins them and itself, and writes
`bench/results/<time>.json` and `.md`. Exit code 1: a scenario failed or a target was missed. With `--against REV` the contenders are
the working tree and the product at that revision, in turns A B B A, and what a request costs inside one process is measured as well.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop

from bench import against, contenders, layers, report, revisions, rivals, rsa_rate, scenarios
from bench.contenders import Contender
from bench.processes import raise_file_limit
from bench.receiver import Receiver
from bench.scenarios import Scenario
from bench.seed import SeededData, kept_ports
from bench.stage import Options, Stage, version_of

RECEIVER_PORTS = 4
QUICK_SEEDED = 2000


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    names = ", ".join(scenario.name for scenario in scenarios.ALL)
    parser.add_argument("--only", default="", help=f"scenarios, or beginnings of their names, comma-separated: {names}")
    parser.add_argument("--contenders", default="tidings,moto,ministack", help="also: null, the ceiling of the harness")
    parser.add_argument(
        "--against", metavar="REV", help="compare with the product at a revision, in place of the rivals"
    )
    parser.add_argument("--rounds", type=int, help="3, or 4 against a revision: two times A B B A")
    parser.add_argument("--seconds", type=float, default=5.0, help="of load in each measurement")
    parser.add_argument("--connections", type=int, default=64, help="of the load generator")
    parser.add_argument("--distinct", type=int, default=2000, help="distinct signed requests, sent round and round")
    parser.add_argument("--seed", type=int, default=1, help="of the message texts")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--seeded", type=Path, help="keep the million subscriptions here, for the next run to find")
    parser.add_argument("--quick", action="store_true", help="prove that it runs; the figures mean nothing")
    return parser.parse_args(arguments)


def choose(only: str) -> list[Scenario]:
    """The scenarios whose names begin with one of the words."""
    words = tuple(word.strip() for word in only.split(",") if word.strip())
    chosen = [scenario for scenario in scenarios.ALL if not words or scenario.name.startswith(words)]
    if not chosen:
        raise SystemExit(f"no scenario is called {only}")
    return chosen


class Comparison:
    """One run."""

    def __init__(
        self, options: Options, rounds: int, chosen: list[Scenario], all_contenders: list[Contender], *, mirrored: bool
    ) -> None:
        """mirrored: every other round goes backwards, so that a machine that grows slower favours nobody."""
        self.options = options
        self.rounds = rounds
        self.scenarios = chosen
        self.contenders = all_contenders
        self.mirrored = mirrored
        self.run = report.Run(
            options,
            rounds,
            report.describe_machine(),
            {contender.name: version_of(contender) for contender in all_contenders},
            {contender.name: contender.note for contender in all_contenders},
        )

    async def measure_all(self, kept: Path | None) -> None:
        """Every scenario; `kept`: where to keep the seeded subscriptions for the next run."""
        with tempfile.TemporaryDirectory(prefix="tidings-bench-seeded-") as passing:
            directory = kept or Path(passing)
            directory.mkdir(parents=True, exist_ok=True)
            receiver = await Receiver().listen(kept_ports(directory) or [0] * RECEIVER_PORTS)
            seeded = {
                contender.name: SeededData(directory / contender.name, self.options, receiver)
                for contender in self.contenders
                if contender.is_ours
            }
            for scenario in self.scenarios:
                for turn in range(1 if scenario.once else self.rounds):
                    if scenario.signs:
                        rates = rsa_rate.measure(self.options.server_core, min(self.options.seconds, 2.0))
                        self.run.add("rsa", "machine", rates)
                    for contender in self.turn(turn):
                        if contender.is_ours or not scenario.ours_only:
                            await self._measure(scenario, contender, turn, receiver, seeded.get(contender.name))
        receiver.close()

    def turn(self, number: int) -> list[Contender]:
        """In their order of that round."""
        return self.contenders[::-1] if self.mirrored and number % 2 else self.contenders

    async def _measure(
        self, scenario: Scenario, contender: Contender, turn: int, receiver: Receiver, seeded: SeededData | None
    ) -> None:
        say(f"{scenario.name}, round {turn + 1}, {contender.name}: ", end="")
        try:
            data = None
            if scenario.seeded and seeded is not None:
                count = min(scenario.seeded, QUICK_SEEDED) if self.options.quick else scenario.seeded
                data = await seeded.grow(contender, count)
            async with Stage(contender, self.options, receiver, data) as stage:
                outcome = await scenario.measure(stage)
        except Exception as error:
            self.run.failures.append(f"{scenario.name}, {contender.name}: {type(error).__name__}: {error}")
            say(self.run.failures[-1])
            return
        self.run.add(scenario.name, contender.name, outcome.figures)
        self.run.remarks += [f"{scenario.name}, {contender.name}, round {turn + 1}: {note}" for note in outcome.notes]
        shown = [f"{f.title} {report.show(outcome.figures[f.key])} {f.unit}" for f in scenario.figures if f.shown]
        say("; ".join([*shown, *outcome.notes]))

    def measure_layers(self) -> None:
        """What requests cost inside one process."""
        for turn in range(self.rounds):
            for contender in self.turn(turn):
                say(f"layers, round {turn + 1}, {contender.name}: ", end="")
                try:
                    found = layers.measure(contender, self.options.server_core, quick=self.options.quick)
                except Exception as error:
                    self.run.failures.append(f"layers, {contender.name}: {error}")
                    say(self.run.failures[-1])
                    continue
                self.run.add(layers.NAME, contender.name, found)
                say("; ".join(f"{name} {report.show(value)} us" for name, value in found.items()))


def say(text: str, end: str = "\n") -> None:
    """Progress goes to standard error; the report alone goes to standard output."""
    print(text, end=end, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    options = Options(
        seconds=min(given.seconds, 1.0) if given.quick else given.seconds,
        connections=given.connections,
        distinct=given.distinct,
        seed=given.seed,
        server_core=given.server_core,
        load_core=given.load_core,
        quick=given.quick,
    )
    with tempfile.TemporaryDirectory(prefix="tidings-bench-revisions-") as directory:
        chosen = two_revisions(given.against, Path(directory)) if given.against else named(given.contenders)
        os.sched_setaffinity(0, {options.load_core})
        raise_file_limit()
        gc.disable()
        rounds = 1 if given.quick else given.rounds or (4 if given.against else 3)
        comparison = Comparison(options, rounds, choose(given.only), chosen, mirrored=bool(given.against))
        if given.against:
            comparison.measure_layers()
        uvloop.run(comparison.measure_all(given.seeded))
    run = comparison.run
    text = against.markdown(run, comparison.scenarios) if given.against else report.markdown(run, comparison.scenarios)
    path = report.save(run, text)
    print(text)
    say(f"\nwritten to {path}")
    missed = not given.against and any(verdict.reached is False for verdict in run.verdicts())
    return 1 if run.failures or (missed and not given.quick) else 0


def named(names: str) -> list[Contender]:
    """The contenders of these names; rivals are installed first."""
    wanted = [name.strip() for name in names.split(",")]
    if unknown := [name for name in wanted if name not in contenders.ALL]:
        raise SystemExit(f"unknown contender {', '.join(unknown)}; there are {', '.join(contenders.ALL)}")
    if {"moto", "ministack"} & set(wanted):
        rivals.install()
    return [contenders.ALL[name]() for name in wanted]


def two_revisions(revision: str, directory: Path) -> list[Contender]:
    """The product at a revision, and what lies in the working tree."""
    before = revisions.committed(revision, directory / against.BEFORE)
    now = revisions.working_tree(directory / against.NOW)
    return [contenders.tidings(against.BEFORE, before), contenders.tidings(against.NOW, now)]


if __name__ == "__main__":
    raise SystemExit(main())
