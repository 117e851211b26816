"""Small charts as SVG, drawn on the server: without script, without inline style (the Content-Security-Policy allows neither).

Called by views; colors come from the style sheet by class. A chart tells the same in words: its label and each bar's title.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 640, 180
_LEFT, _TOP, _BOTTOM = 38, 12, 26


@dataclass(frozen=True, slots=True)
class Bar:
    """One place on the axis: its name, and one value for each series."""

    name: str
    values: Sequence[int]


def bars(points: Sequence[Bar], series: Sequence[tuple[str, str]], label: str) -> Markup:
    """Bars side by side for each point. series: (name, class of its color). label: the whole chart in a sentence."""
    highest = max((value for point in points for value in point.values), default=0)
    top = _round_up(highest)
    plot = HEIGHT - _TOP - _BOTTOM
    step = (WIDTH - _LEFT) / max(len(points), 1)
    width = min(step * 0.7 / max(len(series), 1), 22)
    drawn = [_lines(top, plot)]
    every = max(1, -(-len(points) // 7))  # places between two names; where it is narrow, only each third is shown
    for place, point in enumerate(points):
        left = _LEFT + place * step + (step - width * len(series)) / 2
        for number, (value, (name, tone)) in enumerate(zip(point.values, series, strict=True)):
            tall = max(plot * value / top, 2.0) if value else 0.0
            drawn.append(
                Markup(
                    '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"><title>{}: {} {}</title></rect>'
                ).format(
                    tone, left + number * width, _TOP + plot - tall, max(width - 1.5, 1), tall, point.name, value, name
                )
            )
        behind = len(points) - 1 - place
        if behind % every == 0:
            tone = "tick" if behind % (3 * every) == 0 else "tick minor"
            middle = _LEFT + (place + 0.5) * step
            drawn.append(
                Markup('<text x="{:.1f}" y="{}" class="{}">{}</text>').format(middle, HEIGHT - 5, tone, point.name)
            )
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, Markup("").join(drawn)
    )


def _lines(top: int, plot: int) -> Markup:
    lines = []
    for share in (0, 1, 2):
        height = _TOP + plot - plot * share / 2
        value = top * share / 2
        told = f"{value:.0f}" if value == int(value) else ""
        lines.append(
            Markup('<path class="grid" d="M{} {:.1f}H{}"/><text x="{}" y="{:.1f}" class="scale">{}</text>').format(
                _LEFT, height, WIDTH, _LEFT - 6, height + 4, told
            )
        )
    return Markup("").join(lines)


def _round_up(value: int) -> int:
    """A round number at or above, at least 2."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if size * factor >= max(value, 2):
                return size * factor
        size *= 10
