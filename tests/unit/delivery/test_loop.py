"""The loop of delivery as a whole, in virtual time: from a message that the flow hands out to the progress that it is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from tests.support.build import NOW, make_message
from tests.support.delivery import World, running, settle_down
from tests.support.virtual_time import in_virtual_time

from tidings.delivery.dispatcher import FANOUT_PAGES_MAX, IN_FLIGHT_MAX, SLICE_SUBSCRIPTIONS, TAKE_MAX
from tidings.domain.envelope import Outgoing
from tidings.domain.errors import Unavailable
from tidings.domain.limits import PAGE_PATIENCE_S, PAGE_SUBSCRIPTIONS, PAGES_IN_FLIGHT
from tidings.domain.model import Kind, State
from tidings.domain.outcomes import DELIVERED
from tidings.domain.ports import Settle

# --- the five faults that no test noticed ----------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_list_that_was_read_before_a_change_is_not_kept() -> None:
    async with running() as world:
        topic = world.store.add_topic(members=2)
        changed = world.store.pause("last_seq")
        world.flow.give(make_message(message_id="m-1"))
        await settle_down()
        # The list was read and is not kept yet when somebody cancels, and everybody is told.
        world.store.drop_member(topic, 1)
        world.expander.forget(topic.id)
        changed.set()
        await settle_down()
        world.channel.sent.clear()
        world.flow.give(make_message(message_id="m-2"))
        await settle_down()
        assert world.channel.endpoints == ["u2"]


@in_virtual_time
async def test_a_topic_that_was_read_before_a_change_is_not_kept() -> None:
    world = World()
    topic = world.store.add_topic()
    changed = world.store.pause("topic")
    reading = asyncio.ensure_future(world.expander.topic(topic.id))
    await settle_down()
    world.expander.forget(topic.id)
    changed.set()
    await reading
    assert world.expander.cached_topic(topic.id) is None


@in_virtual_time
async def test_progress_that_could_not_be_written_is_written_later() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.flow.failures += [Unavailable("disk full"), ZeroDivisionError("a bug of ours")]
        task = world.flow.give(make_message())
        await asyncio.sleep(0.9)
        assert world.flow.progress == []
        await asyncio.sleep(0.2)
        assert world.flow.finished == [task.seq]


@in_virtual_time
async def test_what_a_page_waits_for_too_long_becomes_a_row() -> None:
    async with running() as world:
        world.store.add_topic(members=3)
        world.channel.hold("u2")
        task = world.flow.give(make_message())
        await asyncio.sleep(PAGE_PATIENCE_S * 0.9)
        assert world.flow.finished == []
        await asyncio.sleep(PAGE_PATIENCE_S)
        (row,) = world.flow.parked
        assert (row.subscription_uid, row.attempts, row.dead) == ("u2", 1, False)
        assert world.flow.finished == [task.seq]
        assert world.dispatcher.in_flight == 0
        # Its outcome comes after all: the row ends, and nothing is sent twice.
        world.channel.settle()
        await asyncio.sleep(120)
        assert [settled.dead for settled in world.flow.settled] == [False]
        assert world.flow.rows == {}
        assert world.channel.endpoints == ["u1", "u2", "u3"]


@in_virtual_time
async def test_what_is_due_is_sent_when_it_is_due() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        await settle_down()
        for seconds in (3.0, 4.5, 4.75):
            world.flow.give_row(make_message(message_id=f"m-{seconds}"), NOW + timedelta(seconds=seconds))
        await asyncio.sleep(20)
        assert world.channel.sent_at == [3.0, 4.5, 4.75]


@in_virtual_time
async def test_one_message_does_not_hold_all_the_pages() -> None:
    async with running() as world:
        world.store.add_topic(1, members=PAGE_SUBSCRIPTIONS * (PAGES_IN_FLIGHT + 2))
        world.store.add_topic(2, members=PAGE_SUBSCRIPTIONS + 1)
        world.channel.answers["*"] = [None]
        world.flow.give(make_message(message_id="m-1"))
        await settle_down()
        assert world.dispatcher.in_flight == FANOUT_PAGES_MAX * PAGE_SUBSCRIPTIONS
        # There is room for another one.
        world.flow.give(make_message(message_id="m-2", topic_id=2))
        await settle_down()
        assert world.dispatcher.in_flight == (FANOUT_PAGES_MAX + 1) * PAGE_SUBSCRIPTIONS + 1


# --- pages and turns -------------------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_large_topic_is_sent_page_by_page_and_each_page_moves_the_cursor() -> None:
    async with running() as world:
        world.store.add_topic(members=2 * PAGE_SUBSCRIPTIONS + 1)
        task = world.flow.give(make_message())
        await settle_down()
        assert sorted(world.channel.endpoints) == sorted(f"u{n}" for n in range(1, 2 * PAGE_SUBSCRIPTIONS + 2))
        assert [cursor for cursor in world.flow.cursors if cursor != (task.seq, PAGE_SUBSCRIPTIONS)] in (
            [(task.seq, 2 * PAGE_SUBSCRIPTIONS)],
            [],
        )
        assert world.flow.finished == [task.seq]


@in_virtual_time
async def test_a_page_is_done_when_its_last_slice_is_sent_even_if_nothing_of_it_is_out_before() -> None:
    async with running() as world:
        world.store.add_topic(members=PAGE_SUBSCRIPTIONS + 4 * SLICE_SUBSCRIPTIONS)
        world.channel.hold("u1")
        finished_at_send: dict[str, list[int]] = {}
        send, last_of_slice = world.channel.send, f"u{PAGE_SUBSCRIPTIONS + SLICE_SUBSCRIPTIONS}"

        def watch(outgoing: Outgoing, settle: Settle) -> None:
            finished_at_send[outgoing.endpoint] = world.flow.finished
            send(outgoing, settle)
            if outgoing.endpoint == last_of_slice:
                # The page before ends while this one rests between two slices, and all of its first slice has settled.
                asyncio.get_running_loop().call_soon(world.channel.settle)

        world.channel.send = watch  # type: ignore[method-assign]
        task = world.flow.give(make_message())
        await settle_down()
        assert len(finished_at_send) == PAGE_SUBSCRIPTIONS + 4 * SLICE_SUBSCRIPTIONS
        assert set(map(tuple, finished_at_send.values())) == {()}
        assert world.flow.finished == [task.seq]


@in_virtual_time
async def test_a_topic_of_whole_pages_ends_too() -> None:
    async with running() as world:
        world.store.add_topic(members=PAGE_SUBSCRIPTIONS)
        task = world.flow.give(make_message())
        await settle_down()
        assert len(world.channel.sent) == PAGE_SUBSCRIPTIONS
        assert world.flow.finished == [task.seq]


@in_virtual_time
async def test_the_cursor_passes_no_page_that_is_still_out() -> None:
    async with running() as world:
        world.store.add_topic(members=2 * PAGE_SUBSCRIPTIONS + 1)
        world.channel.hold("u1", f"u{PAGE_SUBSCRIPTIONS + 1}")
        task = world.flow.give(make_message())
        await settle_down()
        assert world.flow.cursors == []
        (first, settle), (second, _) = world.channel.held
        settle(second, DELIVERED)
        await settle_down()
        assert world.flow.cursors == []
        settle(first, DELIVERED)
        await settle_down()
        world.channel.held.clear()
        assert world.flow.finished == [task.seq]


@in_virtual_time
async def test_a_message_goes_on_after_its_cursor() -> None:
    async with running() as world:
        world.store.add_topic(members=4)
        task = world.flow.give(make_message(), cursor=2)
        await settle_down()
        assert world.channel.endpoints == ["u3", "u4"]
        assert world.flow.finished == [task.seq]
        # Nothing of that list serves the next message.
        world.flow.give(make_message(message_id="m-2"))
        await settle_down()
        assert world.channel.endpoints[2:] == ["u1", "u2", "u3", "u4"]
        # And a list in memory serves no message that is halfway through it.
        world.flow.give(make_message(message_id="m-3"), cursor=3)
        await settle_down()
        assert world.channel.endpoints[6:] == ["u4"]


@in_virtual_time
async def test_a_page_waits_for_room_and_the_others_have_their_turns() -> None:
    async with running() as world:
        for topic_id in (1, 2):
            world.store.add_topic(topic_id, members=PAGE_SUBSCRIPTIONS * PAGES_IN_FLIGHT)
        world.channel.answers["*"] = [None]
        tasks = [world.flow.give(make_message(message_id=f"m-{n}", topic_id=n)) for n in (1, 2)]
        await settle_down()
        assert world.dispatcher.in_flight == IN_FLIGHT_MAX
        sent = Counter(outgoing.message.id for outgoing in world.channel.sent)
        assert sent == {"m-1": IN_FLIGHT_MAX // 2, "m-2": IN_FLIGHT_MAX // 2}
        while world.channel.held:
            world.channel.settle()
            await settle_down()
        assert sorted(world.flow.finished) == [task.seq for task in tasks]
        assert len(world.channel.sent) == 2 * PAGE_SUBSCRIPTIONS * PAGES_IN_FLIGHT


@in_virtual_time
async def test_no_more_messages_are_taken_than_fit_in_memory() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.channel.answers["*"] = [None]
        for n in range(IN_FLIGHT_MAX + TAKE_MAX + 1):
            world.flow.give(make_message(message_id=f"m-{n}"))
        await asyncio.sleep(0.01)
        assert world.dispatcher.in_flight < IN_FLIGHT_MAX + TAKE_MAX
        assert world.flow.tasks
        while world.channel.held:
            world.channel.settle()
            await settle_down()
        assert len(world.flow.finished) == IN_FLIGHT_MAX + TAKE_MAX + 1


@in_virtual_time
async def test_a_large_message_whose_topic_is_deleted_ends() -> None:
    async with running() as world:
        topic = world.store.add_topic(members=PAGE_SUBSCRIPTIONS * (FANOUT_PAGES_MAX + 2))
        world.channel.answers["*"] = [None]
        task = world.flow.give(make_message())
        await settle_down()
        del world.store.topics[topic.id]
        world.expander.forget(topic.id)
        world.channel.settle()
        await settle_down()
        assert len(world.channel.sent) == PAGE_SUBSCRIPTIONS * FANOUT_PAGES_MAX
        assert world.flow.finished == [task.seq]


@in_virtual_time
async def test_a_large_message_whose_topic_is_deleted_ends_with_its_last_page() -> None:
    async with running() as world:
        topic = world.store.add_topic(members=PAGE_SUBSCRIPTIONS * (FANOUT_PAGES_MAX + 2))
        world.channel.answers["*"] = [None]
        task = world.flow.give(make_message())
        await settle_down()
        del world.store.topics[topic.id]
        world.expander.forget(topic.id)
        world.channel.settle(count=PAGE_SUBSCRIPTIONS)
        await settle_down()
        assert world.flow.finished == []
        world.channel.settle()
        await settle_down()
        assert world.flow.finished == [task.seq]


@in_virtual_time
async def test_a_message_of_a_deleted_topic_is_finished_at_once() -> None:
    async with running() as world:
        task = world.flow.give(make_message())
        await settle_down()
        assert (world.flow.finished, world.channel.sent) == ([task.seq], [])


@in_virtual_time
async def test_who_consented_after_the_message_does_not_receive_it() -> None:
    async with running() as world:
        topic = world.store.add_topic(members=1)
        world.store.add_member(topic, 2, since_seq=1)
        world.store.newest_seq = 1
        world.flow.give(make_message(message_id="m-1"))
        await settle_down()
        assert world.channel.endpoints == ["u1"]
        world.flow.give(make_message(message_id="m-2"))
        await settle_down()
        assert world.channel.endpoints == ["u1", "u1", "u2"]


# --- who does not receive a message ----------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_message_may_be_for_some_protocols_only() -> None:
    async with running() as world:
        topic = world.store.add_topic(members=1)
        world.store.add_member(topic, 2, protocol="pigeon")
        task = world.flow.give(replace(make_message(), protocols=("http",)))
        await settle_down()
        assert (world.channel.endpoints, world.flow.parked, world.flow.finished) == (["u1"], [], [task.seq])


@in_virtual_time
async def test_a_filter_lets_nothing_through_and_the_message_ends() -> None:
    async with running() as world:
        world.store.add_topic(members=2)
        world.envelopes.unwanted = {"u1", "u2"}
        task = world.flow.give(make_message())
        await settle_down()
        assert (world.channel.sent, world.flow.finished) == ([], [task.seq])


@in_virtual_time
async def test_a_message_that_is_too_old_is_not_sent() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        for n, expires_at in enumerate((NOW, NOW + timedelta(seconds=1))):
            world.flow.give(replace(make_message(message_id=f"m-{n}"), expires_at=expires_at))
        await settle_down()
        assert [outgoing.message.id for outgoing in world.channel.sent] == ["m-1"]
        assert world.flow.finished == [1, 2]


@in_virtual_time
async def test_a_slow_subscriber_has_what_comes_too_soon_later() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.envelopes.paces["u1"] = 2
        for n in range(3):
            world.flow.give(make_message(message_id=f"m-{n}"))
        await asyncio.sleep(3)
        assert world.channel.sent_at == [0.0, 0.5, 1.0]
        assert [outgoing.attempt for outgoing in world.channel.sent] == [1, 1, 1]
        assert {row.reason for row in world.flow.parked} == {"waits for its turn"}


@in_virtual_time
async def test_a_message_without_a_form_is_a_dead_letter() -> None:
    async with running() as world:
        world.store.add_topic(members=2)
        world.envelopes.failures["u1"] = ValueError("too long")
        task = world.flow.give(make_message())
        await settle_down()
        (row,) = world.flow.parked
        assert (row.subscription_uid, row.attempts, row.dead, row.reason) == ("u1", 1, True, "too long")
        assert (world.channel.endpoints, world.flow.finished) == (["u2"], [task.seq])


# --- signatures ------------------------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_message_is_signed_once_before_anybody_receives_it() -> None:
    async with running() as world:
        signed: list[float] = []

        async def sign() -> None:
            await asyncio.sleep(0.25)
            signed.append(asyncio.get_running_loop().time())

        world.envelopes.signer = sign
        world.store.add_topic(members=PAGE_SUBSCRIPTIONS + 2)
        world.store.add_topic(2, members=2)
        world.flow.give(make_message())
        await asyncio.sleep(0.3)
        assert (signed, set(world.channel.sent_at)) == ([0.25], {0.25})
        world.flow.give(make_message(topic_id=2, message_id="m-2"))
        await asyncio.sleep(0.7)
        world.channel.sent_at.clear()
        # From memory, too.
        world.flow.give(make_message(topic_id=2, message_id="m-3"))
        await asyncio.sleep(1)
        assert (len(signed), world.channel.sent_at) == (3, [1.25, 1.25])


@in_virtual_time
async def test_without_a_signer_a_message_comes_again_at_the_next_start() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.flow.give(make_message())
        await settle_down()

        async def stopped() -> None:
            raise Unavailable("stopping")

        world.envelopes.signer = stopped
        world.flow.give(make_message(message_id="m-2"))
        await settle_down()
        assert len(world.channel.sent) == 1
        assert world.flow.finished == [1]


# --- messages for one receiver ---------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_notices_go_to_their_subscription_in_its_state() -> None:
    async with running() as world:
        topic = world.store.add_topic()
        world.store.add_member(topic, 1, state=State.UNCONFIRMED)
        world.store.add_member(topic, 2, state=State.CONFIRMED)
        world.store.add_member(topic, 3, state=State.CANCELED)
        for kind in (Kind.CONFIRMATION, Kind.GOODBYE):
            for uid in ("u1", "u2", "u3", "nobody"):
                world.flow.give(replace(make_message(kind, message_id=f"{kind}-{uid}"), subscription_uid=uid))
        gone = replace(make_message(Kind.GOODBYE, topic_id=9), subscription_uid="u3")
        world.flow.give(gone)
        await settle_down()
        assert [outgoing.message.id for outgoing in world.channel.sent] == ["confirmation-u1", "goodbye-u3"]
        assert sorted(world.flow.finished) == list(range(1, 10))


@in_virtual_time
async def test_a_direct_message_needs_no_subscription() -> None:
    async with running() as world:
        world.channels["sms"] = world.channel
        world.flow.give(replace(make_message(Kind.DIRECT, topic_id=None), endpoint="+12025550123"))
        await settle_down()
        assert world.channel.endpoints == ["+12025550123"]
