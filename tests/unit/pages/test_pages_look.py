"""What can be said of the pages' look without a browser: contrast of the palette, and what the sheet must not contain."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

SOURCES = Path(str(files("tidings.pages")))
SHEET = (SOURCES / "static" / "style.css").read_text("utf-8")
TEMPLATES = {file.name: file.read_text("utf-8") for file in (SOURCES / "templates").glob("*.html")}

# Which color stands on which, and what WCAG 2.2 asks: 4.5 for text (1.4.3), 3 for the edge of a control (1.4.11).
TEXT = [
    ("ink", "ground"),
    ("ink", "sheet"),
    ("ink", "calm"),
    ("soft", "ground"),
    ("soft", "sheet"),
    ("calm-ink", "calm"),
    ("accent", "ground"),
    ("accent", "sheet"),
    ("accent-deep", "ground"),
    ("accent-deep", "sheet"),
    ("on-accent", "accent"),
    ("on-accent", "accent-deep"),
    ("tint-ink", "tint"),
    ("tint-ink", "sheet"),
    ("wait-ink", "wait"),
    ("wait-ink", "sheet"),
]
EDGES = [
    ("edge", "sheet"),
    ("edge", "calm"),
    ("accent", "sheet"),
    ("focus", "ground"),
    ("focus", "sheet"),
    ("focus", "calm"),
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


def test_the_yardstick_is_right() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_both_palettes_name_the_same_colors() -> None:
    palettes = _palettes()
    assert palettes["light"].keys() == palettes["dark"].keys()
    assert {name for pair in TEXT + EDGES for name in pair} | {"line"} == palettes["light"].keys()


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), TEXT)
def test_text_can_be_read(mode: str, front: str, back: str) -> None:
    palette = _palettes()[mode]
    assert _contrast(palette[front], palette[back]) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), EDGES)
def test_edges_and_focus_can_be_seen(mode: str, front: str, back: str) -> None:
    palette = _palettes()[mode]
    assert _contrast(palette[front], palette[back]) >= 3


def test_the_sheet_knows_no_left_and_right() -> None:
    rules = re.sub(r"/\*.*?\*/", "", SHEET, flags=re.DOTALL)
    physical = (
        r"(?<![a-z-])(margin|padding|border)-(left|right|top|bottom)|text-align: (left|right)|(?<![a-z-])(left|right):"
    )
    assert not re.search(physical, rules)


def test_the_sheet_fetches_nothing() -> None:
    assert "url(" not in SHEET
    assert "@import" not in SHEET


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_template_has_no_script_and_no_style_of_its_own(name: str) -> None:
    assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe", TEMPLATES[name])


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_template_has_no_words_of_its_own(name: str) -> None:
    without_code = re.sub(r"\{[%#{].*?[%#}]\}", "", TEMPLATES[name], flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", "", without_code)
    assert re.findall(r"[A-Za-z]+", text) == []
