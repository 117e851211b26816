"""The one writer: runs everything that waits in one transaction, flushes once, then answers all.

Called by the store (units) and the journal (messages, progress). Each piece of work runs in a savepoint of its own, so one
that fails undoes only itself. Nothing is answered before the flush has ended.

Why the statements run on the event loop and only COMMIT (write, flush, checkpoint) on a thread: every statement gives the
interpreter lock away and has to win it back from a loop that is busy. One hand-over per batch instead of one per statement took
1.4 to 5 ms for a batch of 64 where the other took 1.5 to 45 ms (both with a thread switch interval of at most 1 ms; with
Python's 5 ms either can starve for 100 ms and more, so a server should shorten it). On an idle loop a batch takes 0.35 ms.
Work that is long by nature (sweep, reset) asks for the thread with `heavy`.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import apsw

from tidings.domain.errors import Unavailable
from tidings.store.sqlite.clock_mark import ClockMark
from tidings.store.sqlite.database import BUSY_MS, run, translated

T = TypeVar("T")
Work = Callable[[apsw.Connection], T]
Done = Callable[[Any, BaseException | None], None]

# The loop is held for at most about this long per batch; what still waits is the next batch.
BATCH_S = 0.005


@dataclass(slots=True, eq=False)
class _Piece:
    work: Work[Any]
    done: Done
    heavy: bool
    result: Any = None
    error: BaseException | None = None


class _BatchLost(Exception):
    """SQLite undid the whole transaction (disk full, I/O error)."""


class Writer:
    """Group commit over one connection, for the event loop it was made on."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Piece] = deque()
        self._batch: list[_Piece] = []
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run_jobs, name="tidings-commit", daemon=True)
        self._thread.start()
        connection.set_busy_timeout(0)
        self.clock_mark: ClockMark | None = None
        """Kept at the beginning of every transaction."""

    def submit(self, work: Work[T], done: Callable[[T, BaseException | None], None], *, heavy: bool = False) -> None:
        """Run `work` in the next batch and call `done` on the loop once it is durable, or with the error.

        The result is meaningless when there is an error. Calls of `done` come in the order of the work.
        """
        if self._closed:
            raise Unavailable("the store is closed")
        self._waiting.append(_Piece(work, done, heavy))
        if not self._busy:
            self._busy = True
            self._idle.clear()
            # Not at once: callers that are ready in this turn of the loop join the batch.
            self._loop.call_soon(self._begin)

    def write(self, work: Work[T], *, heavy: bool = False) -> asyncio.Future[T]:
        """Run `work` in the next batch; the future has its result once it is durable."""
        future: asyncio.Future[T] = self._loop.create_future()

        def done(result: T, error: BaseException | None) -> None:
            answer(future, result, error)

        self.submit(work, done, heavy=heavy)
        return future

    async def close(self) -> None:
        """Take nothing new, finish what waits, end the thread."""
        self._closed = True
        await self._idle.wait()
        self._jobs.put(None)
        self._thread.join()

    # The way of a batch; each step starts the next, so loop and thread never use the connection at once:
    #   loop    _begin             takes the lock, or lets the thread wait for it (_begin_patiently)
    #   loop    _fill              runs what waits, piece by piece
    #   thread  _commit            runs the heavy piece, if there is one, and flushes
    #   loop    _committed         answers all, and begins again if more waits

    def _begin(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            self._jobs.put(self._begin_patiently)
        except apsw.Error as error:
            self._fail_waiting(error)
        else:
            self._fill()

    def _begin_patiently(self) -> None:
        """On the thread: another process is writing; wait for it there."""
        failure: apsw.Error | None = None
        try:
            self._connection.set_busy_timeout(BUSY_MS)
            self._connection.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            failure = error
        finally:
            self._connection.set_busy_timeout(0)
        if failure is None:
            self._loop.call_soon_threadsafe(self._fill)
        else:
            self._loop.call_soon_threadsafe(self._fail_waiting, failure)

    def _fill(self) -> None:
        if self.clock_mark is not None:
            try:
                self.clock_mark.keep(self._connection)
            except apsw.Error as error:
                self._fail_waiting(error)
                return
        until = time.perf_counter() + BATCH_S
        batch = self._batch
        try:
            while self._waiting:
                piece = self._waiting.popleft()
                batch.append(piece)
                if piece.heavy:  # always the last of its batch: `_commit` runs it
                    break
                self._attempt(piece)
                if time.perf_counter() > until:
                    break
        except _BatchLost as lost:
            # Fails the pieces taken so far; those still in `_waiting` are the next batch.
            self._committed(lost)
            return
        self._jobs.put(self._commit)

    def _attempt(self, piece: _Piece) -> None:
        connection = self._connection
        try:
            connection.execute("SAVEPOINT piece")
            piece.result = piece.work(connection)
            connection.execute("RELEASE piece")
        except Exception as error:
            # Whatever it is, it is the answer to its caller, and only this piece is undone.
            piece.error = translated(error)
            if not connection.in_transaction:  # SQLite gave up all of it, not only this statement
                raise _BatchLost from error
            try:
                run(connection, "ROLLBACK TO piece; RELEASE piece")
            except apsw.Error as second:
                raise _BatchLost from second

    def _commit(self) -> None:
        """On the thread: the heavy piece if there is one, then the flush."""
        failure: BaseException | None = None
        try:
            if self._batch[-1].heavy:
                self._attempt(self._batch[-1])
            self._connection.execute("COMMIT")
        except (_BatchLost, apsw.Error) as error:
            failure = error
        self._loop.call_soon_threadsafe(self._committed, failure)

    def _committed(self, failure: BaseException | None) -> None:
        batch, self._batch = self._batch, []
        if failure is not None:
            if self.clock_mark is not None:
                self.clock_mark.lost()
            lost = Unavailable(f"the database refuses: {failure.__cause__ or failure}")
            self._undo()
            for piece in batch:
                piece.error = piece.error or lost  # what failed by itself keeps its own reason
        for piece in batch:
            piece.done(piece.result, piece.error)
        if self._waiting:
            # After the answered ones had their turn of the loop: what they ask next shares the flush.
            self._loop.call_soon(self._begin)
        else:
            self._busy = False
            self._idle.set()

    def _fail_waiting(self, error: BaseException) -> None:
        """The transaction could not begin: everybody who waits hears it."""
        self._batch.extend(self._waiting)
        self._waiting.clear()
        self._committed(error)

    def _undo(self) -> None:
        if self._connection.in_transaction:
            run(self._connection, "ROLLBACK")

    def _run_jobs(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def answer(future: asyncio.Future[T], result: T, error: BaseException | None) -> None:
    """Give a future its result or error, unless whoever waited has gone."""
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
