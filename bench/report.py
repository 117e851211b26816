"""Turns the rounds of a run into medians, a Markdown report and a results file.

Called by `bench.compare`. It computes nothing but medians, spreads and ratios of what was measured in this run.
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.scenarios import Scenario
from bench.scenarios.scenario import Figure
from bench.stage import Options
from bench.targets import OURS, TARGETS, Verdict

RESULTS = Path(__file__).parent / "results"


@dataclass(slots=True)
class Run:
    """Everything that was measured. `rounds[scenario][contender]` is a list of one figure table for each round."""

    options: Options
    rounds_wanted: int
    machine: dict[str, str]
    versions: dict[str, dict[str, str]]
    notes: dict[str, str]
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    rounds: dict[str, dict[str, list[dict[str, float]]]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, scenario: str, contender: str, figures: Mapping[str, float]) -> None:
        self.rounds.setdefault(scenario, {}).setdefault(contender, []).append(dict(figures))

    def medians(self) -> dict[tuple[str, str, str], float]:
        return {
            (scenario, contender, figure): median(table[figure] for table in tables)
            for scenario, contenders in self.rounds.items()
            for contender, tables in contenders.items()
            for figure in tables[0]
        }

    def verdicts(self) -> list[Verdict]:
        medians = self.medians()
        return [target.evaluate(medians) for target in TARGETS]


def describe_machine() -> dict[str, str]:
    """Processor, memory, system."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    cores = subprocess.run(["nproc", "--all"], capture_output=True, text=True, check=True).stdout.strip()
    total = int(Path("/proc/meminfo").read_text().split()[1]) / 1024 / 1024
    return {
        "processor": f"{cpu}, {cores} cores",
        "memory": f"{total:.0f} GiB",
        "system": platform.platform(),
        "load_before": Path("/proc/loadavg").read_text().split()[0],
    }


def show(value: float) -> str:
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def spread(tables: Sequence[Mapping[str, float]], key: str) -> str:
    """Median, with the smallest and greatest round in brackets."""
    values = [table[key] for table in tables if key in table]
    if not values:
        return "-"
    if len(values) == 1:
        return show(values[0])
    return f"{show(median(values))} ({show(min(values))} … {show(max(values))})"


def row(run: Run, scenario: Scenario, figure: Figure, names: Sequence[str]) -> str:
    tables = run.rounds[scenario.name]
    cells = [spread(tables.get(name, []), figure.key) for name in names]
    ours = tables.get(OURS)
    for name in names:
        if name == OURS:
            continue
        theirs = tables.get(name)
        ratio = "-"
        if figure.unit == "/s" and ours and theirs and median(table[figure.key] for table in theirs) > 0:
            ratio = f"{median(t[figure.key] for t in ours) / median(t[figure.key] for t in theirs):.1f}"
        cells.append(ratio)
    return f"| {scenario.title} | {figure.title} | {figure.unit} | {' | '.join(cells)} |"


def introduction(run: Run) -> list[str]:
    """When, where, what and how."""
    options = run.options
    return [
        f"# Benchmark of {run.started_at}",
        "",
        *(f"- {key.replace('_', ' ')}: {value}" for key, value in run.machine.items()),
        (
            f"- server pinned to core {options.server_core}, load and subscribers to core {options.load_core}; "
            f"{run.rounds_wanted} rounds, interleaved, {options.seconds:g} s each; {options.connections} connections; "
            f"{options.distinct} distinct signed requests; seed {options.seed}"
        ),
        *(
            f"- {name}: {', '.join(f'{k} {v}' for k, v in of.items())}; {run.notes[name]}"
            for name, of in run.versions.items()
        ),
    ]


def markdown(run: Run, scenarios: Sequence[Scenario]) -> str:
    """The report as it is printed."""
    names = list(run.versions)
    ratios = [f"ours / {name}" for name in names if name != OURS]
    heads = ["scenario", "figure", "unit", *names, *ratios]
    lines = [
        *introduction(run),
        "",
        f"| {' | '.join(heads)} |",
        f"|{' --- |' * len(heads)}",
    ]
    for name, value in run.medians().items():
        if name[0] == "rsa":
            lines.append(
                f"| RSA-2048 on the server's core | signatures, {name[2]} | /s | {show(value)} |{' |' * (len(heads) - 4)}"
            )
    for scenario in scenarios:
        if scenario.name in run.rounds:
            lines += [row(run, scenario, figure, names) for figure in scenario.figures if figure.shown]
    if OURS in names and not run.options.quick:
        lines += ["", "| target | measured | reached |", "| --- | --- | --- |"]
        words = {True: "yes", False: "NO", None: "not measured"}
        lines += [f"| {v.target} | {v.measured} | {words[v.reached]} |" for v in run.verdicts()]
    lines += [""] + [f"- note: {remark}" for remark in run.remarks] + [f"- FAILED: {text}" for text in run.failures]
    return "\n".join(lines)


def save(run: Run, text: str) -> Path:
    """Write figures and report to `bench/results/`; returns the figures' path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{run.started_at[:19].replace(':', '')}.json"
    content = asdict(run) | {"verdicts": [asdict(verdict) for verdict in run.verdicts()]}
    path.write_text(json.dumps(content, indent=1))
    path.with_suffix(".md").write_text(text + "\n")
    return path
