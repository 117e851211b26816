"""Lists that are uploaded: piece by piece, looked through before anything is changed, imported in the background."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, OTHER_ACCOUNT, FakeClock, make_principal

from tidings.access.authorize import authorize
from tidings.domain.errors import InvalidValue, NotFound, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Account, AccountId, LedgerQuery, Origin, Way
from tidings.domain.optout import ACCOUNT_WIDE, OptOutQuery
from tidings.domain.phone_ports import TextAsk
from tidings.domain.unit import Unit
from tidings.services.endpoints import phone_number
from tidings.services.texting import optout_uploads
from tidings.services.texting.optout_uploads import OptOutUploads, Stage, Upload
from tidings.store.sqlite import SqliteStore

BY = Origin(Way.CONSOLE, "arn:aws:iam::000000000000:user/admin", "192.0.2.7", "Firefox")


def grant(account: AccountId = ACCOUNT) -> Grant:
    return authorize(make_principal(account), Verb.MANAGE_OPT_OUTS, owner=account, resource="test")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "tidings.db")
    accounts = [Account(account, str(account), str(account), FakeClock().now()) for account in (ACCOUNT, OTHER_ACCOUNT)]
    await opened.commit(Unit(accounts=accounts))
    yield opened
    await opened.close()


@pytest.fixture
async def uploads(store: SqliteStore) -> AsyncIterator[OptOutUploads]:
    numbers = count(1)
    made = OptOutUploads(store, store, FakeClock(), lambda: f"upload-{next(numbers)}")
    yield made
    await made.close()


async def over(upload: Upload) -> Upload:
    async with asyncio.timeout(30):
        while not upload.is_over:
            await asyncio.sleep(0.005)
    return upload


def begin(uploads: OptOutUploads, text: str | bytes, *, skip_bad: bool = False, account: AccountId = ACCOUNT) -> Upload:
    content = text.encode() if isinstance(text, str) else text
    upload = uploads.add_piece(grant(account), "", content)
    return uploads.begin(grant(account), upload.id, name="list.csv", address="", skip_bad=skip_bad, origin=BY)


async def total(store: SqliteStore) -> int:
    return await store.opt_out_total(OptOutQuery(ACCOUNT))


def a_list(lines: int) -> str:
    return "phone,reason\n" + "".join(f"+1202{number:07},by mail\n" for number in range(lines))


async def test_a_list_in_pieces_cut_anywhere_is_imported_whole_and_named_in_the_ledger(
    store: SqliteStore, uploads: OptOutUploads
) -> None:
    content, upload_id = a_list(12_000).encode(), ""
    for at in range(0, len(content), 9_973):
        upload_id = uploads.add_piece(grant(), upload_id, content[at : at + 9_973]).id
    upload = uploads.begin(grant(), upload_id, name="list.csv", address=ACCOUNT_WIDE, skip_bad=False, origin=BY)
    seen = [upload.percent]
    while not upload.is_over:
        await asyncio.sleep(0)
        seen.append(upload.percent)
    assert seen == sorted(seen)
    assert (upload.stage, upload.percent, upload.taken.added) == (Stage.DONE, 100, 12_000)
    assert await total(store) == 12_000
    (entry,) = await store.ledger(LedgerQuery(ACCOUNT, endpoint="+12020000007"))
    assert (entry.origin.way, entry.origin.principal) == (Way.IMPORT, BY.principal)
    again = await over(begin(uploads, content))
    assert (again.taken.added, again.taken.known) == (0, 12_000)


async def test_one_bad_line_keeps_the_whole_list_out_unless_it_may_be_left_out(
    store: SqliteStore, uploads: OptOutUploads
) -> None:
    text = "phone\n+12025550101\n2025550102\n"
    refused = await over(begin(uploads, text))
    assert (refused.stage, refused.good, refused.bad) == (Stage.REFUSED, 1, 1)
    assert [(line.number, line.reason) for line in refused.bad_lines] == [
        (3, "phone: not an E.164 number, not '2025550102'")
    ]
    assert await total(store) == 0
    taken = await over(begin(uploads, text, skip_bad=True))
    assert (taken.stage, taken.taken.added) == (Stage.DONE, 1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"number\n+12025550101\n", "has no column phone in its first line"),
        (b"phone\n\xff\xfe\n", "is not UTF-8"),
        (b"\x00\x01\x02", "has no column phone in its first line"),
        (b'phone,"', "is no CSV"),
        (b"phone,color\n", "has an unknown column 'color'"),
    ],
)
async def test_what_is_no_such_list_is_refused_and_told_why(uploads: OptOutUploads, content: bytes, why: str) -> None:
    upload = await over(begin(uploads, content))
    assert upload.stage is Stage.REFUSED
    assert why in upload.problem


async def test_another_account_sees_nothing_of_it(uploads: OptOutUploads) -> None:
    upload = await over(begin(uploads, a_list(3)))
    with pytest.raises(NotFound):
        uploads.progress(grant(OTHER_ACCOUNT), upload.id)
    with pytest.raises(NotFound):
        uploads.add_piece(grant(OTHER_ACCOUNT), upload.id, b"more")


async def test_of_an_account_one_list_is_imported_at_a_time(uploads: OptOutUploads) -> None:
    first = begin(uploads, a_list(20_000))
    assert uploads.running(grant()) is first
    with pytest.raises(WrongState):
        begin(uploads, a_list(1))
    assert begin(uploads, a_list(1), account=OTHER_ACCOUNT).stage is Stage.CHECKING
    await over(first)
    assert (await over(begin(uploads, a_list(1)))).stage is Stage.DONE
    assert uploads.running(grant()) is None


async def test_what_an_account_holds_is_bounded_and_fills_nobody_elses_share(
    uploads: OptOutUploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optout_uploads, "LIST_BYTES_MAX", 100)
    accounts = [AccountId(f"{number:012}") for number in range(20)]
    lists = [uploads.add_piece(grant(account), "", b"x" * 90) for account in accounts]
    for account, upload in zip(accounts[:2], lists, strict=False):
        with pytest.raises(InvalidValue):
            uploads.add_piece(grant(account), upload.id, b"x" * 20)
        with pytest.raises(NotFound):  # the list that was too long is gone
            uploads.progress(grant(account), upload.id)
    newer = uploads.add_piece(grant(accounts[2]), "", b"x" * 90)  # takes the place of one that was given up
    with pytest.raises(NotFound):
        uploads.progress(grant(accounts[2]), lists[2].id)
    assert uploads.progress(grant(accounts[2]), newer.id) is newer
    assert lists[2].file is None
    assert uploads.progress(grant(accounts[3]), lists[3].id).file is not None


async def test_a_list_that_was_given_up_expires_and_ends_are_told_for_a_day(store: SqliteStore) -> None:
    clock, numbers = FakeClock(), count()
    uploads = OptOutUploads(store, store, clock, lambda: f"upload-{next(numbers)}")
    left = uploads.add_piece(grant(), "", b"phone\n")
    done = await over(begin(uploads, a_list(1), account=OTHER_ACCOUNT))
    clock.advance(10 * 60)
    uploads.add_piece(grant(), left.id, b"+12025550123\n")
    clock.advance(10 * 60)
    uploads.expire()
    assert uploads.progress(grant(), left.id).stage is Stage.ARRIVING  # a piece came lately
    clock.advance(6 * 60)
    with pytest.raises(NotFound):
        uploads.add_piece(grant(), left.id, b"+12025550124\n")
    assert left.file is None
    assert uploads.progress(grant(OTHER_ACCOUNT), done.id).stage is Stage.DONE
    clock.advance(86_400)
    uploads.expire()
    with pytest.raises(NotFound):
        uploads.progress(grant(OTHER_ACCOUNT), done.id)
    await uploads.close()


async def test_many_imports_of_one_account_do_not_make_another_forget_its_own(uploads: OptOutUploads) -> None:
    mine = await over(begin(uploads, a_list(1)))
    ended = [await over(begin(uploads, a_list(1), account=OTHER_ACCOUNT)) for _ in range(60)]
    assert uploads.progress(grant(), mine.id) is mine
    assert uploads.progress(grant(OTHER_ACCOUNT), ended[-1].id).stage is Stage.DONE
    with pytest.raises(NotFound):
        uploads.progress(grant(OTHER_ACCOUNT), ended[0].id)


async def test_a_server_that_stops_ends_an_import_between_two_units_and_repeating_it_is_safe(
    store: SqliteStore, uploads: OptOutUploads
) -> None:
    upload = begin(uploads, a_list(60_000))
    while not upload.taken.added:
        await asyncio.sleep(0)
    await uploads.close()
    assert upload.stage is Stage.FAILED
    assert await total(store) == upload.taken.added < 60_000
    fresh = OptOutUploads(store, store, FakeClock(), lambda: "after")
    again = await over(begin(fresh, a_list(60_000)))
    assert (again.stage, await total(store)) == (Stage.DONE, 60_000)
    await fresh.close()


async def test_an_empty_file_is_told_at_once(uploads: OptOutUploads) -> None:
    with pytest.raises(InvalidValue):
        begin(uploads, b"")


async def test_a_number_with_a_trunk_prefix_is_kept_as_it_would_be_texted(
    uploads: OptOutUploads, store: SqliteStore
) -> None:
    upload = await over(begin(uploads, "phone\n+4407911123456\n+447911123456\n+4600031983\n+99\n", skip_bad=True))
    assert (upload.taken.added, upload.taken.known, upload.bad) == (2, 1, 1)
    for phone in ("+447911123456", phone_number("+4600031983")):
        assert store.text_gate.recheck(TextAsk(ACCOUNT, "1400006666", 1, phone), None) == ACCOUNT_WIDE


# --- a refused list is kept -----------------------------------------------------------------------------------------------------


async def test_a_list_refused_for_its_bad_lines_is_taken_without_them_and_not_uploaded_again(
    uploads: OptOutUploads, store: SqliteStore
) -> None:
    refused = await over(begin(uploads, "phone\n+12025550123\nnonsense\n"))
    assert (refused.stage, refused.good, refused.bad) == (Stage.REFUSED, 1, 1)
    assert refused.is_kept
    again = uploads.begin(grant(), refused.id, name="list.csv", address="", skip_bad=True, origin=BY)
    taken = await over(again)
    assert (taken.stage, taken.good, taken.bad, taken.taken.added) == (Stage.DONE, 1, 1, 1)
    assert not taken.is_kept
    with pytest.raises(NotFound):
        uploads.begin(grant(), refused.id, name="list.csv", address="", skip_bad=True, origin=BY)


async def test_a_refused_list_is_given_up_in_time_or_for_a_newer_one(store: SqliteStore) -> None:
    clock, numbers = FakeClock(), count(1)
    uploads = OptOutUploads(store, store, clock, lambda: f"upload-{next(numbers)}")
    first = await over(begin(uploads, "phone\n+12025550123\nnonsense\n"))
    second = await over(begin(uploads, "phone\n+12025550123\nnonsense\n"))
    assert (first.is_kept, second.is_kept) == (False, True)
    clock.advance(optout_uploads.ARRIVES_WITHIN.total_seconds() + 1)
    uploads.expire()
    assert not second.is_kept
    assert uploads.progress(grant(), second.id).bad == 1  # what was wrong is still told
    with pytest.raises(NotFound):
        uploads.begin(grant(), second.id, name="", address="", skip_bad=True, origin=BY)
    await uploads.close()
