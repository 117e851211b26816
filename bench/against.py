"""The report of a comparison with another revision: medians, spread, and ratios of what was measured one after the other.

Called by `bench.compare`. Each round measures both revisions next to each other, so the ratio of a round says more than a ratio of
medians on a machine that others use as well; how far the rounds' ratios lie apart says how much to believe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from bench import layers
from bench.report import Run, introduction, spread
from bench.scenarios import Scenario
from bench.scenarios.scenario import Figure

BEFORE, NOW = "before", "after"
"""Names of the contenders, and of the directories in which they lie; equally long, so that no path is longer."""


def markdown(run: Run, scenarios: Sequence[Scenario]) -> str:
    """The report as it is printed."""
    lines = [
        *introduction(run),
        "",
        "| scenario | figure | unit | before | now | now / before, median of the rounds (least … most) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    cost = [Figure(key, title, "us CPU") for key, title in layers.LAYERS.items()]
    measured = [("In one process", layers.NAME, cost)]
    measured += [(scenario.title, scenario.name, [f for f in scenario.figures if f.shown]) for scenario in scenarios]
    for title, name, figures in measured:
        rounds = run.rounds.get(name, {})
        before, now = rounds.get(BEFORE, []), rounds.get(NOW, [])
        lines += [
            f"| {title} | {figure.title} | {figure.unit} | {spread(before, figure.key)} | {spread(now, figure.key)} |"
            f" {ratios(before, now, figure.key)} |"
            for figure in figures
            if before or now
        ]
    lines += [""] + [f"- note: {remark}" for remark in run.remarks] + [f"- FAILED: {text}" for text in run.failures]
    return "\n".join(lines)


def ratios(before: Sequence[Mapping[str, float]], now: Sequence[Mapping[str, float]], key: str) -> str:
    """Of each round, while neither revision failed in one."""
    if len(before) != len(now):
        return "-"
    found = [new[key] / old[key] for old, new in zip(before, now, strict=True) if old.get(key) and key in new]
    return f"{median(found):.3f} ({min(found):.3f} … {max(found):.3f})" if found else "-"
