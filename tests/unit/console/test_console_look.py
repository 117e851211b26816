"""What can be said of the console's look without a browser: contrasts, words for every state, and what templates must not contain."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.console import formatting
from tidings.console.charts import Bar, bars
from tidings.console.errors import ROWS, problem_of, problem_of_status
from tidings.console.icons import GLYPHS
from tidings.console.navigation import GROUPS
from tidings.domain.errors import InvalidValue, Throttled, TidingsError
from tidings.domain.model import Event, State, Way

SOURCES = Path(str(files("tidings.console")))
SHEET = (SOURCES / "static" / "style.css").read_text("utf-8")
TEMPLATES = {str(file.relative_to(SOURCES)): file.read_text("utf-8") for file in SOURCES.rglob("*.html")}

# Which color stands on which, and what WCAG 2.2 asks: 4.5 for text (1.4.3), 3 for edges and bars (1.4.11).
TEXT = [(ink, ground) for ink in ("ink", "soft", "accent", "accent-deep") for ground in ("ground", "sheet")] + [
    ("ink", "calm"),
    ("calm-ink", "calm"),
    ("on-accent", "accent"),
    ("on-accent", "accent-deep"),
    ("tint-ink", "tint"),
    ("ink", "tint"),
    ("wait-ink", "wait"),
    ("bad-ink", "bad"),
    ("bad-ink", "sheet"),
    ("bad-ink", "ground"),
    ("on-bad", "bad-ink"),
    ("on-bad", "bad-deep"),
]
EDGES = [
    ("edge", "sheet"),
    ("edge", "ground"),
    ("focus", "ground"),
    ("focus", "sheet"),
    ("came", "sheet"),
    ("left", "sheet"),
]


def _palettes() -> dict[str, dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    return {"light": light, "dark": dark}


def _luminance(color: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_color_can_be_read_on_its_ground(scheme: str) -> None:
    palette = _palettes()[scheme]
    weak = [
        (ink, ground, round(_contrast(palette[ink], palette[ground]), 2))
        for pairs, least in ((TEXT, 4.5), (EDGES, 3.0))
        for ink, ground in pairs
        if _contrast(palette[ink], palette[ground]) < least
    ]
    assert weak == []


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_template_has_no_inline_style_or_script_and_marks_its_forms(name: str) -> None:
    text = TEMPLATES[name]
    assert re.findall(r"\sstyle=|\son[a-z]+=|javascript:|hx-on|<style|\|\s*safe|hx-vals=.js", text) == []
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    for form in re.findall(r'<form[^>]*method="post".*?</form>', text, re.DOTALL):
        assert re.search(r"(ui\.)?mark\(page\)", form), form[:80]


def test_every_state_event_and_way_has_a_word() -> None:
    assert set(formatting.STATES) == set(State)
    assert set(formatting.EVENTS) == set(Event)
    assert set(formatting.WAYS) == set(Way)
    assert {entry.glyph for group in GROUPS for entry in group.entries} <= set(GLYPHS)


def _tree(kind: type[TidingsError] = TidingsError) -> list[type[TidingsError]]:
    below = [one for one in kind.__subclasses__() if one.__module__ == "tidings.domain.errors"]
    return below + [leaf for one in below for leaf in _tree(one)]


@pytest.mark.parametrize("kind", sorted(_tree(), key=lambda kind: kind.__name__))
def test_every_error_has_a_page(kind: type[TidingsError]) -> None:
    assert 400 <= next(ROWS[base] for base in kind.__mro__ if base in ROWS).status < 600


def test_problems_say_when_to_come_again_and_what_the_server_found() -> None:
    assert problem_of(Throttled(2.2)).headers == (("Retry-After", "3"),)
    assert problem_of(InvalidValue("x")).status == 422
    assert [problem_of_status(status).status for status in (400, 404, 413, 500, 503)] == [400, 404, 413, 500, 503]


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=2, max_size=2), max_size=40))
def test_a_chart_stays_inside_its_frame(values: list[list[int]]) -> None:
    drawn = bars([Bar(f"<{n}>", pair) for n, pair in enumerate(values)], (("came", "came"), ("left", "left")), "a & b")
    assert "<0>" not in drawn
    for y, height in re.findall(r'<rect[^>]* y="([-\d.]+)" [^>]*height="([-\d.]+)"', drawn):
        assert float(y) >= 0
        assert 0 <= float(height) <= 180


@given(st.timedeltas(min_value=timedelta(days=-4000), max_value=timedelta(days=4000)))
def test_how_long_ago_is_always_a_few_words(distance: timedelta) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert re.fullmatch(
        r"just now|\d+ (s|min|h|d) ago|in \d+ (s|min|h|d)|\d+ \w{3} \d{4}", formatting.ago(now - distance, now)
    )
