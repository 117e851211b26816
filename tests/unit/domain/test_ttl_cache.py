"""What is remembered, for how long, and what makes it forgotten."""

from __future__ import annotations

from tidings.domain.ttl_cache import TtlCache


class Time:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def cache(time: Time, size_max: int = 3) -> TtlCache[str, int]:
    return TtlCache(2.0, size_max=size_max, monotonic_s=time)


def test_a_value_is_there_until_its_time_is_over() -> None:
    time = Time()
    memory = cache(time)
    memory.keep("a", 1)
    time.now_s += 1.9
    assert memory.get("a") == 1
    time.now_s += 0.1
    assert memory.get("a") is None


def test_keeping_again_begins_its_time_anew() -> None:
    time = Time()
    memory = cache(time)
    memory.keep("a", 1)
    time.now_s += 1.5
    memory.keep("a", 2)
    time.now_s += 1.5
    assert memory.get("a") == 2


def test_only_so_much_is_remembered_and_the_oldest_goes_first() -> None:
    memory = cache(Time())
    for number in range(5):
        memory.keep(str(number), number)
    memory.keep("2", 2)
    memory.keep("5", 5)
    assert [memory.get(str(number)) for number in range(6)] == [None, None, 2, None, 4, 5]


def test_what_was_looked_up_before_a_change_is_not_kept_after_it() -> None:
    memory = cache(Time())
    before = memory.changes
    memory.forget_all()
    memory.keep("a", 1, before)
    assert memory.get("a") is None
    memory.keep("a", 1, memory.changes)
    assert memory.get("a") == 1


def test_all_are_forgotten() -> None:
    memory = cache(Time())
    memory.keep("a", 1)
    memory.keep("b", 2)
    memory.forget_all()
    assert (memory.get("a"), memory.get("b")) == (None, None)
