"""The loop of delivery in virtual time: what fails and comes again, as rows, and dead letters with their queues."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from tests.support.build import NOW, make_message
from tests.support.delivery import running, settle_down
from tests.support.virtual_time import in_virtual_time

from tidings.delivery.dispatcher import AGAIN_S, DUE_MAX, IN_FLIGHT_MAX, SLICE_SUBSCRIPTIONS
from tidings.delivery.hooks import Planned
from tidings.delivery.sender import OUR_FAULT
from tidings.delivery.settle import TOO_LATE, Decision
from tidings.domain.envelope import Outgoing, TextContent
from tidings.domain.errors import Unavailable
from tidings.domain.limits import PAGE_SUBSCRIPTIONS
from tidings.domain.model import Kind, Message, State, Topic
from tidings.domain.outcomes import DELIVERED, Blocked, Busy, Outcome, Refused, RetryLater

# --- what fails and comes again --------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_store_that_cannot_be_read_delays_a_message() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.store.fail("topic", Unavailable("busy"), RuntimeError("a bug"))
        task = world.flow.give(make_message())
        await asyncio.sleep(1.1)
        assert (world.flow.finished, world.channel.sent_at) == ([task.seq], [1.0])


@in_virtual_time
async def test_a_store_that_cannot_be_read_delays_a_page() -> None:
    async with running() as world:
        world.store.add_topic(members=PAGE_SUBSCRIPTIONS + 1)
        world.flow.give(make_message())
        world.store.fail("page", None, Unavailable("busy"))
        await asyncio.sleep(0.6)
        assert len(world.channel.sent) == PAGE_SUBSCRIPTIONS + 1


@in_virtual_time
async def test_a_refusal_is_a_dead_letter_and_a_failure_comes_again_by_the_plan() -> None:
    async with running() as world:
        world.store.add_topic(members=3)
        world.channel.answers |= {"u1": [Refused("gone")], "u2": [RetryLater("down")], "u3": [Blocked("gate")]}
        task = world.flow.give(make_message())
        await settle_down()
        rows = {row.subscription_uid: (row.attempts, row.dead, row.reason) for row in world.flow.parked}
        assert rows == {"u1": (1, True, "gone"), "u2": (1, False, "down")}
        assert world.flow.finished == [task.seq]
        await asyncio.sleep(30)
        (row,) = world.flow.settled
        assert (row.attempts, row.dead, row.redriven, row.reason) == (2, True, False, "down")
        assert [outgoing.attempt for outgoing in world.channel.sent if outgoing.endpoint == "u2"] == [1, 2]
        assert 18 <= world.channel.sent_at[-1] <= 22


@in_virtual_time
async def test_a_full_lane_is_no_attempt() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.channel.answers["u1"] = [Busy(5.0), Busy(5.0), DELIVERED]
        world.flow.give(make_message())
        await asyncio.sleep(20)
        assert [outgoing.attempt for outgoing in world.channel.sent] == [1, 1, 1]
        assert [(row.attempts, row.dead, row.due is None) for row in world.flow.settled] == [
            (0, False, False),
            (0, False, True),
        ]


@in_virtual_time
async def test_an_outcome_before_the_row_has_its_id_is_not_lost() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.channel.hold("u1")
        world.flow.give(make_message())
        await settle_down()
        world.flow.failures.append(Unavailable("disk full"))
        await asyncio.sleep(1.3)
        assert world.flow.parked == []
        world.channel.settle(Refused("gone"))
        await settle_down()
        assert world.flow.settled == []
        await asyncio.sleep(1)
        (row,) = world.flow.settled
        assert (row.delivery_id, row.attempts, row.dead, row.reason) == (1, 1, True, "gone")


@in_virtual_time
async def test_what_never_reports_back_is_tried_again() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.channel.answers["u1"] = [None, DELIVERED]
        world.flow.give(make_message())
        await asyncio.sleep(30)
        assert len(world.channel.sent) == 1
        await asyncio.sleep(5)
        assert [outgoing.attempt for outgoing in world.channel.sent] == [1, 2]
        world.channel.held.clear()


@in_virtual_time
async def test_a_protocol_without_a_channel_waits() -> None:
    async with running() as world:
        world.store.add_topic(members=1, protocol="pigeon")
        world.flow.give(make_message())
        await settle_down()
        assert [row.reason for row in world.flow.parked] == ["no channel for pigeon"]


# --- rows ------------------------------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_row_whose_consent_is_gone_ends_without_an_attempt() -> None:
    async with running() as world:
        topic = world.store.add_topic(members=1)
        world.store.add_member(topic, 2, state=State.CANCELED)
        for uid in ("u2", "nobody"):
            world.flow.give_row(make_message(), NOW, uid=uid)
        world.flow.give_row(make_message(topic_id=9), NOW, uid="u1")
        await settle_down()
        assert [(row.attempts, row.dead, row.due) for row in world.flow.settled] == [(0, False, None)] * 3
        assert world.channel.sent == []


@in_virtual_time
async def test_a_row_that_is_too_old_is_a_dead_letter() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.flow.give_row(replace(make_message(), expires_at=NOW), NOW, attempts=4)
        await settle_down()
        assert [(row.attempts, row.dead, row.reason) for row in world.flow.settled] == [(4, True, TOO_LATE)]
        assert world.channel.sent == []


@in_virtual_time
async def test_a_row_without_a_form_is_a_dead_letter() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.envelopes.failures["u1"] = ValueError("too long")
        world.flow.give_row(make_message(), NOW, attempts=1)
        await settle_down()
        assert [(row.attempts, row.dead, row.reason) for row in world.flow.settled] == [(2, True, "too long")]


@in_virtual_time
async def test_a_bug_costs_a_row_half_a_minute_and_nothing_else() -> None:
    async with running() as world:
        world.store.add_topic(members=2)
        world.envelopes.failures["u1"] = RuntimeError("a bug")
        world.flow.give_row(make_message(), NOW, uid="u1")
        world.flow.give_row(make_message(), NOW, uid="u2")
        await settle_down()
        assert world.channel.endpoints == ["u2"]
        del world.envelopes.failures["u1"]
        await asyncio.sleep(31)
        assert world.channel.sent_at[1:] == [30.0]
        assert world.channel.sent[1].attempt == 2


@in_virtual_time
async def test_a_direct_row_is_sent_again() -> None:
    async with running() as world:
        world.channels["sms"] = world.channel
        direct = replace(make_message(Kind.DIRECT, topic_id=None), endpoint="+12025550123")
        world.flow.give_row(direct, NOW, protocol="sms", uid="")
        await settle_down()
        assert world.channel.endpoints == ["+12025550123"]


@in_virtual_time
async def test_a_row_is_signed_once_for_all_that_are_due() -> None:
    async with running() as world:
        signed: list[float] = []

        async def sign() -> None:
            signed.append(asyncio.get_running_loop().time())

        world.envelopes.signer = sign
        world.store.add_topic(members=3)
        for uid in ("u1", "u2", "u3"):
            world.flow.give_row(make_message(), NOW + timedelta(seconds=1), uid=uid)
        await asyncio.sleep(1.1)
        assert (signed, world.channel.endpoints) == ([1.0], ["u1", "u2", "u3"])


@in_virtual_time
async def test_rows_wait_while_too_many_are_on_their_way() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.channel.answers["*"] = [None]
        for _ in range(IN_FLIGHT_MAX + DUE_MAX):
            world.flow.give_row_silently(make_message(), NOW)
        world.flow.look_again()
        await settle_down()
        assert len(world.channel.sent) == IN_FLIGHT_MAX
        world.channel.settle()
        await settle_down()
        assert len(world.channel.sent) == IN_FLIGHT_MAX + DUE_MAX


@in_virtual_time
async def test_a_row_that_another_process_wrote_is_seen_within_ten_seconds() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        await asyncio.sleep(1)
        world.flow.give_row_silently(make_message(), NOW)
        await asyncio.sleep(8)
        assert world.channel.sent == []
        await asyncio.sleep(2)
        assert world.channel.sent_at == [10.0]


@in_virtual_time
async def test_a_store_that_cannot_be_read_delays_the_rows_that_are_due() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.store.fail("subscribers", Unavailable("busy"))
        world.flow.due_failures.append(Unavailable("busy"))
        world.flow.next_due_failures.append(Unavailable("busy"))
        world.flow.give_row(make_message(), NOW)
        await asyncio.sleep(60)
        assert world.channel.endpoints == ["u1"]


@in_virtual_time
async def test_a_flow_that_cannot_be_read_delays_messages() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        await settle_down()
        world.flow.take_failures.append(Unavailable("busy"))
        world.flow.give(make_message())
        await asyncio.sleep(1)
        assert world.channel.endpoints == ["u1"]


@in_virtual_time
async def test_a_bug_in_one_envelope_costs_the_others_nothing() -> None:
    async with running() as world:
        world.store.add_topic(members=3)
        for name in ("m-1", "m-2"):  # the second one from memory
            world.envelopes.failures["u2"] = RuntimeError("a bug")
            world.channel.sent.clear()
            world.flow.give(make_message(message_id=name))
            await settle_down()
            assert world.channel.endpoints == ["u1", "u3"]
            del world.envelopes.failures["u2"]
            await asyncio.sleep(31)
            assert world.channel.endpoints == ["u1", "u3", "u2"]
            assert world.channel.sent[-1].attempt == 1
        assert world.flow.finished == [1, 2]
        assert {row.reason for row in world.flow.parked} == {"our fault: RuntimeError('a bug')"}


@in_virtual_time
async def test_a_message_that_cannot_be_opened_does_not_end_the_loop() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.flow.give(make_message())
        await settle_down()
        world.envelopes.opening = RuntimeError("a bug")
        world.flow.give(make_message(message_id="m-2"))
        await settle_down()
        world.envelopes.opening = None
        await asyncio.sleep(1)
        assert [outgoing.message.id for outgoing in world.channel.sent] == ["m-1", "m-2"]


# --- dead-letter queues ----------------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_dead_letter_goes_to_its_queue() -> None:
    async with running() as world:
        world.store.add_topic(members=2)
        world.envelopes.queues = {"u1": "queue-1", "u2": "queue-2"}
        world.channel.answers["*"] = [Refused("gone")]
        world.queue.answers["queue-2"] = [Refused("no such queue")]
        task = world.flow.give(make_message())
        await settle_down()
        rows = {row.subscription_uid: (row.redriven, row.reason) for row in world.flow.parked}
        assert rows["u1"] == (True, "gone")
        assert rows["u2"][0] is False
        assert rows["u2"][1].startswith("gone; dead-letter queue: ")
        assert [outgoing.content for outgoing in world.queue.sent] == [TextContent("dead letter")] * 2
        assert world.flow.finished == [task.seq]


@in_virtual_time
async def test_a_queue_that_is_busy_is_asked_three_times() -> None:
    async with running() as world:
        world.store.add_topic(members=2)
        world.envelopes.queues = {"u1": "queue-1", "u2": "queue-2"}
        world.channel.answers["*"] = [Refused("gone")]
        world.queue.answers |= {"queue-1": [Busy(1.0), RetryLater("slow"), DELIVERED], "queue-2": [Busy(1.0)]}
        world.flow.give(make_message())
        await settle_down()
        assert {row.subscription_uid: row.redriven for row in world.flow.parked} == {"u1": True, "u2": False}
        assert Counter(world.queue.endpoints) == {"queue-1": 3, "queue-2": 3}


@in_virtual_time
async def test_a_canceled_subscription_leaves_no_dead_letter() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.envelopes.queues = {"u1": "queue-1"}
        world.channel.answers["*"] = [Refused("gone")]
        world.queue.answers["*"] = [Blocked("gate")]
        task = world.flow.give(make_message())
        await settle_down()
        assert (world.flow.parked, world.flow.finished) == ([], [task.seq])


@in_virtual_time
async def test_secrets_of_notices_go_to_no_queue() -> None:
    async with running() as world:
        topic = world.store.add_topic()
        world.store.add_member(topic, 1, state=State.UNCONFIRMED)
        world.envelopes.queues = {"u1": "queue-1"}
        world.channel.answers["*"] = [Refused("gone")]
        world.flow.give(replace(make_message(Kind.CONFIRMATION), subscription_uid="u1"))
        await settle_down()
        assert world.queue.sent == []
        assert [row.dead for row in world.flow.parked] == [True]


@in_virtual_time
async def test_a_row_that_is_given_up_goes_to_its_queue() -> None:
    async with running() as world:
        world.store.add_topic(members=2)
        world.envelopes.queues = {"u1": "queue-1", "u2": "queue-2"}
        world.envelopes.failures["u2"] = ValueError("too long")
        world.channel.answers["*"] = [Refused("gone")]
        world.flow.give_row(make_message(), NOW, uid="u1")
        world.flow.give_row(make_message(), NOW, uid="u2")
        await settle_down()
        assert [(row.dead, row.redriven, row.reason) for row in world.flow.settled] == [
            (True, True, "gone"),
            (True, True, "too long"),
        ]


# --- hooks -----------------------------------------------------------------------------------------------------------------------------


class Hooks:
    """Keeps what it is told. `refusals`: by endpoint, why it may not go out. `troubles`: raised by the next looks ahead, one each."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []
        self.looked: list[list[str]] = []
        self.refusals: dict[str, str] = {}
        self.troubles: list[Exception] = []

    async def look_ahead(self, planned: Sequence[Planned]) -> Sequence[object]:
        if self.troubles:
            raise self.troubles.pop()
        self.looked.append([endpoint for _, _, endpoint in planned])
        return [f"{endpoint}!" for _, _, endpoint in planned]

    def prepare(self, outgoing: Outgoing) -> str:
        refusal = self.refusals.get(outgoing.endpoint, "")
        outgoing.endpoint = outgoing.ahead
        return refusal

    def settled(self, outgoing: Outgoing, outcome: Outcome, decision: Decision) -> None:
        self.told.append((outgoing.subscriber.uid, type(outcome).__name__, type(decision).__name__))

    def failed(self, message: Message, topic: Topic | None, reason: str) -> None:
        self.told.append((message.id, reason))

    def blocked(self, message: Message, topic: Topic | None) -> None:
        self.told.append((message.id, "blocked"))

    async def close(self) -> None:
        self.told.append(("closed",))


@in_virtual_time
async def test_a_protocols_hooks_see_its_attempts_and_their_ends() -> None:
    hooks = Hooks()
    async with running({"http": hooks, "https": hooks}) as world:
        topic = world.store.add_topic(members=4)
        world.store.add_member(topic, 5, protocol="pigeon")
        hooks.refusals |= {"u2": "no such place"}
        world.envelopes.failures["u4"] = ValueError("too long")
        world.flow.give(make_message())
        await settle_down()
        assert world.channel.endpoints == ["u1!", "u3!"]
        assert hooks.told == [
            ("u1", "Delivered", "Done"),
            ("u2", "Refused", "GiveUp"),
            ("u3", "Delivered", "Done"),
            ("m-1", "too long"),
        ]
        assert [(row.subscription_uid, row.reason, row.dead) for row in world.flow.parked] == [
            ("u2", "no such place", True),
            ("u4", "too long", True),
            ("u5", "no channel for pigeon", False),
        ]
    assert hooks.told[-1] == ("closed",)
    assert hooks.told.count(("closed",)) == 1


@in_virtual_time
async def test_what_hooks_need_is_read_for_all_attempts_of_a_slice_before_the_first() -> None:
    hooks = Hooks()
    async with running({"http": hooks}) as world:
        topic = world.store.add_topic(members=2)
        for number in range(3, PAGE_SUBSCRIPTIONS + 3):
            world.store.add_member(topic, number)
        world.flow.give(make_message())
        await settle_down()
        expected = [f"u{number}" for number in range(1, PAGE_SUBSCRIPTIONS + 3)]
        slices = [
            expected[start : start + SLICE_SUBSCRIPTIONS] for start in range(0, PAGE_SUBSCRIPTIONS, SLICE_SUBSCRIPTIONS)
        ]
        assert hooks.looked == [*slices, expected[PAGE_SUBSCRIPTIONS:]]
        assert world.channel.endpoints == [f"{endpoint}!" for endpoint in expected]


@in_virtual_time
async def test_nothing_is_sent_while_what_hooks_need_cannot_be_read() -> None:
    hooks = Hooks()
    async with running({"http": hooks}) as world:
        topic = world.store.add_topic(members=2)
        hooks.troubles = [Unavailable("not now")]
        world.flow.give(make_message())
        await settle_down()
        assert world.channel.endpoints == []
        await asyncio.sleep(AGAIN_S)
        assert world.channel.endpoints == ["u1!", "u2!"]
        hooks.troubles = [Unavailable("not now")]
        world.flow.give_row(make_message(message_id="row", topic_id=topic.id), NOW)
        await settle_down()
        assert len(world.channel.endpoints) == 2
        await asyncio.sleep(AGAIN_S)
        assert world.channel.endpoints == ["u1!", "u2!", "u1!"]
        for number in range(3, PAGE_SUBSCRIPTIONS + 3):
            world.store.add_member(topic, number)
        world.expander.forget(topic.id)
        hooks.troubles = [Unavailable("not now")]
        world.flow.give(make_message(message_id="many", topic_id=topic.id))
        await settle_down()
        assert len(world.channel.endpoints) == 3
        await asyncio.sleep(AGAIN_S)
        assert len(world.channel.endpoints) == 3 + PAGE_SUBSCRIPTIONS + 2


@in_virtual_time
async def test_a_bug_of_hooks_makes_their_own_attempts_wait_and_nobody_elses() -> None:
    hooks = Hooks()
    async with running({"https": hooks}) as world:
        world.channels["https"] = world.channel
        topic = world.store.add_topic(members=1)
        world.store.add_member(topic, 2, protocol="https")
        hooks.troubles = [RuntimeError("a bug"), RuntimeError("still there")]
        world.flow.give(make_message())
        await settle_down()
        assert world.channel.endpoints == ["u1"]
        assert hooks.told == [("u2", "Busy", "Again")]
        assert [(row.subscription_uid, row.attempts) for row in world.flow.parked] == [("u2", 0)]
        await asyncio.sleep(2 * OUR_FAULT.total_seconds() * 1.1 + 1)
        assert world.channel.endpoints == ["u1", "u2!"]
        assert [outgoing.attempt for outgoing in world.channel.sent] == [1, 1]


@in_virtual_time
async def test_a_protocols_hooks_hear_of_what_ends_without_an_attempt() -> None:
    hooks = Hooks()
    async with running({"http": hooks, "https": hooks}) as world:
        topic = world.store.add_topic(members=1)
        world.store.add_member(topic, 2, state=State.CANCELED)
        old = replace(make_message(message_id="old"), expires_at=NOW)
        world.flow.give(old)
        world.flow.give_row(replace(old, id="old row"), NOW)
        world.flow.give_row(make_message(message_id="canceled"), NOW, uid="u2")
        world.envelopes.failures["u1"] = ValueError("too long")
        world.flow.give_row(make_message(message_id="long row"), NOW)
        await settle_down()
        assert sorted(hooks.told) == [
            ("canceled", "blocked"),
            ("long row", "too long"),
            ("old", TOO_LATE),
            ("old row", TOO_LATE),
        ]
        assert world.channel.sent == []
