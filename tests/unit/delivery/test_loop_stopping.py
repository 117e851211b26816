"""The loop of delivery in virtual time: what happens to everything that is on its way when it is stopped."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.build import make_message
from tests.support.delivery import ScriptedFlow, World, running, settle_down
from tests.support.virtual_time import in_virtual_time

from tidings.delivery.dispatcher import STOP_GRACE_S
from tidings.delivery.journal import Journal
from tidings.domain.errors import Unavailable
from tidings.domain.outcomes import DELIVERED


@in_virtual_time
async def test_stopping_waits_a_moment_for_what_is_on_its_way_and_writes_it_down() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.channel.hold("u1")
        task = world.flow.give(make_message())
        await settle_down()
        stopping = asyncio.ensure_future(world.dispatcher.stop())
        await asyncio.sleep(0.5)
        assert not stopping.done()
        world.channel.settle()
        await stopping
        assert world.flow.finished == [task.seq]
        assert world.channel.closed == world.queue.closed == 1


@in_virtual_time
async def test_stopping_waits_no_longer_than_its_grace() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.channel.hold("u1")
        world.flow.give(make_message())
        await settle_down()
        began = asyncio.get_running_loop().time()
        await world.dispatcher.stop()
        assert asyncio.get_running_loop().time() - began == pytest.approx(STOP_GRACE_S)
        assert [row.reason for row in world.flow.parked] == ["on its way"]
        world.channel.held.clear()


@in_virtual_time
async def test_a_message_that_cannot_be_begun_does_not_keep_the_server_from_stopping() -> None:
    async with running() as world:
        world.store.fail("topic", *[Unavailable("stopping")] * 1000)
        world.flow.give(make_message())
        await settle_down()
        await world.dispatcher.stop()
        assert world.flow.finished == []
        await asyncio.sleep(5)


@in_virtual_time
async def test_a_loop_that_never_started_can_be_stopped() -> None:
    world = World()
    await world.dispatcher.stop()
    assert world.flow.progress == []


@in_virtual_time
async def test_who_waits_for_a_write_hears_when_there_will_be_none() -> None:
    flow = ScriptedFlow()
    flow.failures += [Unavailable("disk full")] * 10
    journal = Journal(flow)  # type: ignore[arg-type]
    written = journal.written()
    assert journal.written() is written
    journal.finish(1)
    writing = asyncio.ensure_future(journal.run())
    await asyncio.sleep(1)
    assert not written.done()
    writing.cancel()
    await asyncio.sleep(1)
    assert written.cancelled()


@in_virtual_time
async def test_while_stopping_a_message_is_not_tried_again() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.store.add_topic(2, members=1)
        world.channel.hold("u1")
        world.flow.give(make_message())
        await settle_down()
        world.store.fail("topic", Unavailable("busy"), Unavailable("busy"))
        world.flow.give(make_message(topic_id=2, message_id="m-2"))
        await settle_down()
        stopping = asyncio.ensure_future(world.dispatcher.stop())
        await asyncio.sleep(3)
        world.channel.settle()
        await stopping
        assert [outgoing.message.id for outgoing in world.channel.sent] == ["m-1"]


@in_virtual_time
async def test_writing_may_be_ended_while_nobody_waits_for_it() -> None:
    flow = ScriptedFlow()
    flow.failures.append(Unavailable("disk full"))
    journal = Journal(flow)  # type: ignore[arg-type]
    journal.finish(1)
    writing = asyncio.ensure_future(journal.run())
    await settle_down()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert flow.progress == []


@in_virtual_time
async def test_what_settles_while_channels_close_is_written_down() -> None:
    async with running() as world:
        world.store.add_topic(members=1)
        world.channel.hold("u1")
        world.flow.give(make_message())
        await settle_down()
        world.channel.closing = DELIVERED
        await world.dispatcher.stop()
        assert [(row.dead, row.due) for row in world.flow.settled] == [(False, None)]
        assert world.flow.rows == {}
