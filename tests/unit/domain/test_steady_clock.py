"""The application's clock against a wall clock that is set by a script: it never goes backwards, never stands still, and comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.steady_clock import DOUBT_ENDS_AFTER, JUMP_MAX, OFF_MAX, SteadyClock

START = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
YEARS = 3650 * DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Machine:
    """Both clocks of a machine: `pass_` moves both, `step` only the one that can be set."""

    def __init__(self) -> None:
        self.wall = START
        self.uptime = timedelta(hours=5)

    def pass_(self, span: timedelta) -> None:
        self.wall += span
        self.uptime += span

    def step(self, span: timedelta) -> None:
        self.wall += span

    def clock(self, mark: datetime | None = None, jump_max: timedelta = JUMP_MAX) -> SteadyClock:
        return SteadyClock(
            lambda: (self.wall - _EPOCH) // timedelta(microseconds=1) * 1000,
            lambda: self.uptime // timedelta(microseconds=1) * 1000,
            mark=mark,
            jump_max=jump_max,
        )


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_it_is_the_wall_clock_as_long_as_that_behaves(machine: Machine) -> None:
    clock = machine.clock()
    for span in (SECOND, HOUR, 30 * DAY):
        machine.pass_(span)
        assert clock.now() == clock.wall() == machine.wall
        assert clock.lead_s == 0
        assert not clock.is_doubting


@pytest.mark.parametrize("step", [HOUR, 20 * HOUR, JUMP_MAX])
def test_a_step_ahead_is_followed_at_once(machine: Machine, step: timedelta) -> None:
    clock = machine.clock()
    machine.step(step)
    assert clock.now() == machine.wall


@pytest.mark.parametrize("step", [SECOND, HOUR, 20 * HOUR])
def test_after_a_step_back_it_goes_on_at_half_its_pace_until_they_meet(machine: Machine, step: timedelta) -> None:
    clock = machine.clock()
    before = clock.now()
    machine.step(-step)
    assert clock.now() == before
    machine.pass_(step)
    assert clock.now() == before + step / 2
    assert clock.lead_s == step.total_seconds() / 2
    machine.pass_(step)
    assert clock.now() == machine.wall == before + step
    machine.pass_(HOUR)
    assert clock.now() == machine.wall


def test_a_jump_of_years_is_doubted_and_leaves_nothing_behind(machine: Machine) -> None:
    clock = machine.clock()
    machine.step(YEARS)
    assert clock.now() == START
    machine.pass_(10 * HOUR)
    assert clock.is_doubting
    assert clock.now() == START + 10 * HOUR
    assert clock.wall() == machine.wall
    machine.step(-YEARS)
    assert clock.now() == machine.wall == START + 10 * HOUR
    assert not clock.is_doubting


def test_a_jump_that_stands_for_a_day_is_believed(machine: Machine) -> None:
    clock = machine.clock()
    machine.step(YEARS)
    assert clock.now() == START
    machine.pass_(DOUBT_ENDS_AFTER - SECOND)
    assert clock.now() == START + DOUBT_ENDS_AFTER - SECOND
    machine.pass_(SECOND)
    assert clock.now() == machine.wall


def test_a_wall_clock_that_wanders_while_it_is_doubted_is_doubted_anew(machine: Machine) -> None:
    clock = machine.clock()
    machine.step(YEARS)
    clock.now()
    machine.pass_(DOUBT_ENDS_AFTER - SECOND)
    machine.step(2 * DAY)
    clock.now()
    machine.pass_(2 * SECOND)
    assert clock.now() == START + DOUBT_ENDS_AFTER + SECOND
    assert clock.is_doubting


def test_how_far_a_jump_is_believed_is_a_setting(machine: Machine) -> None:
    clock = machine.clock(jump_max=2 * YEARS)
    machine.step(YEARS)
    assert clock.now() == machine.wall


@pytest.mark.parametrize("step", [-YEARS, -20 * HOUR, -HOUR])
def test_a_start_goes_on_from_the_mark(machine: Machine, step: timedelta) -> None:
    mark = machine.wall
    machine.step(step)
    clock = machine.clock(mark)
    assert clock.now() == mark
    machine.pass_(HOUR)
    assert clock.now() == max(mark + HOUR / 2, machine.wall)


@pytest.mark.parametrize(
    ("off", "believed"), [(HOUR, True), (OFF_MAX, True), (OFF_MAX + SECOND, False), (YEARS, False)]
)
def test_a_machine_may_have_been_off_for_a_year_but_not_for_ten(
    machine: Machine, off: timedelta, believed: bool
) -> None:
    mark = machine.wall
    machine.step(off)
    clock = machine.clock(mark)
    assert clock.now() == (machine.wall if believed else mark)
    assert clock.is_doubting is not believed


def test_a_new_database_believes_whatever_the_wall_clock_says(machine: Machine) -> None:
    machine.step(-YEARS)
    assert machine.clock().now() == machine.wall


def test_developers_move_it_ahead_and_the_mark_does_not_know(machine: Machine) -> None:
    clock = machine.clock()
    clock.advance(3 * 86400)
    assert clock.now() == clock.wall() == START + 3 * DAY
    assert clock.steady() == START


def test_an_uptime_that_is_set_back_too_stops_nothing(machine: Machine) -> None:
    clock = machine.clock()
    machine.pass_(-HOUR)
    assert clock.now() == START
    machine.pass_(2 * HOUR)
    assert clock.now() == machine.wall == START + HOUR


_SPANS = st.timedeltas(timedelta(0), timedelta(days=2))
_STEPS = st.timedeltas(-2 * YEARS, 2 * YEARS)


@given(st.lists(st.tuples(_SPANS, _STEPS, st.booleans()), max_size=30))
def test_it_never_goes_back_and_never_stands_still_over_any_steps_and_restarts(
    moves: list[tuple[timedelta, timedelta, bool]],
) -> None:
    machine = Machine()
    clock = machine.clock()
    said = clock.now()
    for span, step, restart in moves:
        machine.step(step)
        if machine.wall < _EPOCH + YEARS or machine.wall.year > 9000:
            machine.wall = START
        if restart:
            clock = machine.clock(said)
        assert clock.now() >= said
        said = clock.now()
        machine.pass_(span)
        assert clock.now() >= said + span / 2 - timedelta(microseconds=1)
        said = clock.now()


@given(st.lists(st.tuples(_SPANS, _STEPS), max_size=10))
def test_wherever_the_wall_clock_has_been_the_time_is_right_again_when_it_is(
    moves: list[tuple[timedelta, timedelta]],
) -> None:
    machine = Machine()
    clock = machine.clock()
    wrong = timedelta(0)
    for span, step in moves:
        machine.step(step)
        wrong += step
        machine.pass_(span)
        clock.now()
    machine.step(-wrong)
    lead = timedelta(seconds=max(clock.lead_s, 0))
    machine.pass_(2 * lead + DOUBT_ENDS_AFTER + timedelta(microseconds=10))
    assert clock.now() == machine.wall


def test_within_one_moment_the_answer_stays_the_same(machine: Machine) -> None:
    clock = machine.clock()
    first = clock.now()
    machine.pass_(timedelta(microseconds=199))
    assert clock.now() == first
    machine.pass_(timedelta(microseconds=1))
    assert clock.now() - first == timedelta(microseconds=200)
