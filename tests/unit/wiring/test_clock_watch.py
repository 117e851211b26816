"""What an operator is told of clocks that are not together."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tidings.domain.steady_clock import SteadyClock
from tidings.observe.metrics import Metrics
from tidings.wiring import clock_watch
from tidings.wiring.clock_watch import SAY_AGAIN_S, TOGETHER_S, ClockWatch

START_NS = 1_800_000_000_000_000_000


class Machine:
    """A wall clock that can be set, and a clock that cannot; both go on with `pass_time`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall_ns, self.uptime_ns = START_NS, 0
        clock = SteadyClock(lambda: self.wall_ns, lambda: self.uptime_ns, jump_max=timedelta(hours=1))
        self.metrics = Metrics()
        self.watch = ClockWatch(clock, self.metrics)
        monkeypatch.setattr(clock_watch, "monotonic", lambda: self.uptime_ns / 1e9)

    def pass_time(self, seconds: float) -> None:
        self.wall_ns += round(seconds * 1e9)
        self.uptime_ns += round(seconds * 1e9)

    def look(self) -> list[tuple[str, str]]:
        """Levels and first words of what is said at this look."""
        with capture_logs() as lines:
            self.watch.look()
        return [(line["log_level"], line["event"].split(";")[0]) for line in lines]


DOUBTED = ("error", "the machine's clock has jumped ahead")
BEHIND = ("warning", "the machine's clock is behind")
TOGETHER = ("info", "the machine's clock and ours are together")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_nothing_is_said_of_clocks_that_are_together(machine: Machine) -> None:
    machine.pass_time(10)
    assert machine.look() == []
    machine.wall_ns -= round((TOGETHER_S - 1) * 1e9)
    assert machine.look() == []
    assert machine.metrics.clock_lead_s == pytest.approx(TOGETHER_S - 1)


def test_a_clock_that_jumped_ahead_is_told_at_once_and_again_after_a_while(machine: Machine) -> None:
    machine.wall_ns += 2 * 3600 * 10**9
    assert machine.look() == [DOUBTED]
    assert machine.metrics.clock_lead_s == pytest.approx(-7200)
    machine.pass_time(SAY_AGAIN_S - 1)
    assert machine.look() == []
    machine.pass_time(1)
    assert machine.look() == [DOUBTED]
    machine.pass_time(1)
    assert machine.look() == []


def test_it_is_told_when_the_clocks_are_together_again(machine: Machine) -> None:
    machine.wall_ns -= 60 * 10**9
    assert machine.look() == [BEHIND]
    machine.pass_time(300)
    assert machine.look() == [TOGETHER]
    machine.pass_time(SAY_AGAIN_S)
    assert machine.look() == []


def test_another_trouble_is_told_at_once(machine: Machine) -> None:
    machine.wall_ns -= 60 * 10**9
    assert machine.look() == [BEHIND]
    machine.wall_ns += 3 * 3600 * 10**9
    assert machine.look() == [DOUBTED]
