"""The outbox: what it captures, what a restart and a full disk leave of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.outgoing import Outcomes, make_outgoing
from tests.support.permits import permit_if

from tidings.channels.outbox import OutboxChannel
from tidings.channels.outbox.channel import links_in
from tidings.domain.envelope import MailContent, QueueContent, TextContent
from tidings.domain.outcomes import Blocked, Busy, Delivered, Refused, RetryLater

MAIL = MailContent(
    template="confirmation",
    subject="Please confirm",
    from_name="Acme",
    text="",
    topic_name="Acme news",
    confirm_url="https://t.example/s/confirm?token=1",
    one_click_url="https://t.example/s/one",
)


class MovableClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def wall(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


def outbox(clock, directory=None, may_go=lambda _: True, **limits) -> OutboxChannel:
    return OutboxChannel(
        permit_if(may_go), clock=clock, directory=directory, mail_from="T <no-reply@t.example>", **limits
    )


async def capture(channel, content, to="bob@example.com", protocol="email"):
    outcomes = Outcomes()
    outgoing = make_outgoing(content, to, protocol)
    channel.send(outgoing, outcomes)
    return await outcomes.of(outgoing)


async def test_a_mail_is_kept_as_its_reader_would_see_it(clock):
    channel = outbox(clock)
    assert await capture(channel, MAIL) == Delivered("outbox 1")
    [entry] = channel.entries()
    assert entry["at"] == "2026-01-01T12:00:00.123Z"
    assert (entry["channel"], entry["protocol"], entry["kind"]) == ("email", "email", "notification")
    assert (entry["to"], entry["from"]) == ("bob@example.com", "Acme <no-reply@t.example>")
    assert (entry["subject"], entry["topic"]) == ("Please confirm", "Acme news")
    assert entry["links"] == ["https://t.example/s/confirm?token=1"]
    assert entry["headers"]["List-Unsubscribe"] == "<https://t.example/s/one>"
    assert "Confirm subscription" in entry["html"]
    assert entry["message_id"] == "0f8fad5b-d9cb-469f-a165-70867728950e"


async def test_a_text_is_kept_with_its_sender_and_links(clock):
    channel = outbox(clock)
    await capture(channel, TextContent("Confirm: https://t.example/s/1.", "+1888", "Promotional"), "+15550100", "sms")
    [entry] = channel.entries(channel="sms")
    assert (entry["to"], entry["from"], entry["text"]) == ("+15550100", "+1888", "Confirm: https://t.example/s/1.")
    assert entry["links"] == ["https://t.example/s/1"]
    assert entry["html"] == ""


async def test_entries_are_filtered_and_the_newest_come_last(clock):
    channel = outbox(clock)
    for number in range(4):
        clock.at += timedelta(seconds=1)
        await capture(channel, MAIL, to=f"reader{number % 2}@example.com")
    await capture(channel, TextContent("hi"), "+15550100", "sms")
    assert [entry["id"] for entry in channel.entries()] == [1, 2, 3, 4, 5]
    assert [entry["id"] for entry in channel.entries(limit=2)] == [4, 5]
    assert [entry["id"] for entry in channel.entries(channel="email", to="reader1@example.com")] == [2, 4]
    assert [entry["id"] for entry in channel.entries(after=3)] == [4, 5]
    assert [entry["id"] for entry in channel.entries(limit=2, before=4)] == [2, 3]
    assert channel.entries(before=1) == []
    assert channel.entries(channel="push") == []


async def test_a_restart_keeps_entries_and_goes_on_counting(clock, tmp_path):
    first = outbox(clock, tmp_path)
    await capture(first, MAIL)
    await capture(first, TextContent("hällo"), "+15550100", "sms")
    before = first.entries()
    await first.close()
    second = outbox(clock, tmp_path)
    assert second.entries() == before
    await capture(second, MAIL)
    assert [entry["id"] for entry in second.entries()] == [1, 2, 3]
    await second.close()


async def test_a_line_cut_off_by_a_crash_costs_only_itself(clock, tmp_path):
    first = outbox(clock, tmp_path)
    await capture(first, MAIL)
    await capture(first, MAIL)
    await first.close()
    path = tmp_path / "outbox.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    second = outbox(clock, tmp_path)
    assert [entry["id"] for entry in second.entries()] == [1]
    await capture(second, MAIL)
    await second.close()
    third = outbox(clock, tmp_path)
    assert [entry["id"] for entry in third.entries()] == [1, 2]


async def test_memory_and_disk_are_bounded(clock, tmp_path):
    channel = outbox(clock, tmp_path, entries_max=5, file_bytes_max=20_000)
    for _ in range(40):
        await capture(channel, MAIL)
    await channel.close()
    assert [entry["id"] for entry in channel.entries()] == [36, 37, 38, 39, 40]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 60_000
    again = outbox(clock, tmp_path, entries_max=5, file_bytes_max=20_000)
    assert [entry["id"] for entry in again.entries()] == [36, 37, 38, 39, 40]


async def test_clearing_forgets_memory_and_disk(clock, tmp_path):
    channel = outbox(clock, tmp_path)
    await capture(channel, MAIL)
    channel.clear()
    assert channel.entries() == []
    await capture(channel, MAIL)
    assert [entry["id"] for entry in channel.entries()] == [2]
    await channel.close()
    assert [entry["id"] for entry in outbox(clock, tmp_path).entries()] == [2]


async def test_only_the_owner_can_read_the_file(clock, tmp_path):
    channel = outbox(clock, tmp_path)
    await capture(channel, MAIL)
    await channel.close()
    assert (tmp_path / "outbox.jsonl").stat().st_mode & 0o077 == 0


async def test_a_disk_that_fails_means_later(clock, tmp_path):
    channel = outbox(clock, tmp_path / "data")
    (tmp_path / "data").rmdir()
    assert isinstance(await capture(channel, MAIL), RetryLater)
    assert channel.entries() == []


async def test_the_gate_is_asked_and_a_closed_outbox_takes_nothing(clock):
    blocked = outbox(clock, may_go=lambda _: False)
    assert isinstance(await capture(blocked, MAIL), Blocked)
    assert blocked.entries() == []
    await blocked.close()
    assert isinstance(await capture(blocked, MAIL), Busy)


@pytest.mark.parametrize(("content", "to"), [(MAIL, "nobody"), (QueueContent("x"), "bob@example.com")])
async def test_what_cannot_be_a_mail_is_refused(clock, content, to):
    assert isinstance(await capture(outbox(clock), content, to=to), Refused)


def test_links_are_found_once_without_the_sentences_punctuation():
    text = 'See https://a.example/x?y=1, (https://b.example/) or "https://a.example/x?y=1".'
    assert links_in(text) == ["https://a.example/x?y=1", "https://b.example/"]
