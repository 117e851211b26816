"""The comparison with another revision: what its ratios say, and that a layer can be measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import contenders, layers
from bench.against import ratios
from bench.revisions import committed


def test_a_ratio_is_of_what_was_measured_in_the_same_round() -> None:
    before = [{"rate": 100.0}, {"rate": 50.0}, {"rate": 10.0}]
    now = [{"rate": 110.0}, {"rate": 60.0}, {"rate": 10.0}]
    assert ratios(before, now, "rate") == "1.100 (1.000 … 1.200)"


def test_there_is_no_ratio_where_a_round_failed_or_nothing_was_measured() -> None:
    assert ratios([{"rate": 1.0}], [], "rate") == "-"
    assert ratios([{"lost": 0.0}], [{"lost": 0.0}], "lost") == "-"
    assert ratios([{}], [{"rate": 1.0}], "rate") == "-"


@pytest.mark.parametrize("name", ["no-such-revision", "--help"])
def test_a_revision_that_is_not_there_is_said(name: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=f"no revision is called {name}"):
        committed(name, tmp_path)


@pytest.mark.thorough
def test_layers_are_measured_of_whatever_can_be_imported() -> None:
    found = layers.measure(contenders.tidings(), core=0, quick=True)
    assert found.keys() == layers.LAYERS.keys()
    assert all(value > 0 for value in found.values())
