"""Lists of opt-outs that somebody uploads: taken piece by piece, looked through, and imported in the background while he watches.

Called by the console. Every line is looked at before anything is changed; what an import changes is `optout_import`'s. An import lives in
this process only: after a restart the list is uploaded again, which is safe to repeat.
"""

from __future__ import annotations

import asyncio
import enum
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import structlog

from tidings.domain.errors import InvalidValue, NotFound, TidingsError, Unavailable, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId, Origin, Way
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Clock, Store
from tidings.services.texting.optout_import import Listed, OptOutImport, Taken
from tidings.services.texting.optout_list import BadLine, lines_of

LIST_BYTES_MAX = 64 * 1024 * 1024
"""A million lines with address, reason and time. What is longer is for `tidings optout import`, which reads from a file."""
ARRIVES_WITHIN = timedelta(minutes=15)
"""How long a list waits for its next piece, for its import to begin, or to be taken without its bad lines: then it was given up."""
TOLD_FOR = timedelta(days=1)
"""How long the end of an import is told."""
BAD_SHOWN = 50
ENDED_KEPT = 10
"""Imports of one account whose end is told."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_NAME_CHARACTERS_MAX = 120

_log = structlog.get_logger(__name__)


class Stage(enum.StrEnum):
    ARRIVING = "arriving"
    CHECKING = "checking"
    IMPORTING = "importing"
    DONE = "done"
    REFUSED = "refused"  # nothing was changed
    FAILED = "failed"  # what was taken stays; repeating it is safe


ENDED = frozenset({Stage.DONE, Stage.REFUSED, Stage.FAILED})


@dataclass(slots=True)
class Upload:
    """A list on its way. `size`, `read`: bytes; `good`, `bad`: lines, known when it was looked through. `problem`: why it ended badly."""

    id: str
    account_id: AccountId
    begun_at: datetime
    name: str = ""
    address: str = ""
    size: int = 0
    read: int = 0
    good: int = 0
    bad: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)
    stage: Stage = Stage.ARRIVING
    taken: Taken = field(default_factory=Taken)
    problem: str = ""
    touched_at: datetime = field(default=_NEVER, repr=False)
    file: IO[bytes] | None = field(default=None, repr=False)

    def close(self) -> None:
        """Give back what is held of the list."""
        if self.file is not None:
            self.file.close()
            self.file = None

    @property
    def is_over(self) -> bool:
        return self.stage in ENDED

    @property
    def is_kept(self) -> bool:
        """Whether it is still here and its import may begin, for a refused list without its bad lines."""
        return self.file is not None and self.stage in (Stage.ARRIVING, Stage.REFUSED)

    @property
    def done_lines(self) -> int:
        return self.taken.added + self.taken.known + self.taken.late

    @property
    def percent(self) -> int:
        """How far it is: looking through is a fifth of the work."""
        match self.stage:
            case Stage.ARRIVING:
                return 0
            case Stage.CHECKING:
                return self.read * 20 // max(self.size, 1)
            case Stage.IMPORTING:
                return 20 + self.done_lines * 80 // max(self.good, 1)
        return 100


class OptOutUploads:
    """`store`, `opt_outs`: one object. `new_id`: for uploads; must be hard to guess. `revoke_all`: as `optout_import`'s. `folder`: where
    lists lie while they arrive and are imported, in files without a name.

    An account has one list that arrives or was refused, and one that is imported: so what it holds is bounded, and no account waits
    for another.
    """

    def __init__(
        self,
        store: Store,
        opt_outs: OptOutStore,
        clock: Clock,
        new_id: Callable[[], str],
        *,
        revoke_all: bool = False,
        folder: Path | None = None,
    ) -> None:
        self._folder = folder
        self._store = store
        self._opt_outs = opt_outs
        self._clock = clock
        self._new_id = new_id
        self._revoke_all = revoke_all
        self._uploads: OrderedDict[str, Upload] = OrderedDict()
        self._tasks: dict[AccountId, asyncio.Task[None]] = {}
        self._is_closing = False

    def add_piece(self, grant: Grant, upload_id: str, piece: bytes) -> Upload:
        """Begin a list (empty id), or add its next piece. Of an account only the newest list arrives.

        Raises NotFound (import, also one that was given up), InvalidValue (file: too long), Unavailable (no room on the disk).
        """
        grant.require(Verb.MANAGE_OPT_OUTS)
        self.expire()
        upload = self._arriving(grant, upload_id) if upload_id else self._new(grant)
        if upload.size + len(piece) > LIST_BYTES_MAX:
            self._drop(upload)
            raise InvalidValue("file", f"is longer than {LIST_BYTES_MAX // 2**20} MiB: use `tidings optout import`")
        assert upload.file is not None
        try:
            upload.file.write(piece)
            upload.file.flush()
        except OSError as error:
            self._drop(upload)
            raise Unavailable(f"the list cannot be kept: {error.strerror}") from error
        upload.size += len(piece)
        upload.touched_at = self._clock.now()
        return upload

    def begin(self, grant: Grant, upload_id: str, *, name: str, address: str, skip_bad: bool, origin: Origin) -> Upload:
        """Look a list through that arrived, or was refused for its bad lines, and import it; returns at once. address: of lines that name
        none.

        skip_bad: leave bad lines out instead of importing nothing. Raises NotFound (import), InvalidValue (file: empty), WrongState
        while another list of the account is imported.
        """
        grant.require(Verb.MANAGE_OPT_OUTS)
        self.expire()
        upload = self.progress(grant, upload_id)
        if not upload.is_kept:
            raise NotFound("import", upload_id)
        if not upload.size:
            raise InvalidValue("file", "is empty")
        running = self._tasks.get(grant.owner)
        if running is not None and not running.done():
            raise WrongState("import", "running", "begin another")
        upload.name, upload.address = name[:_NAME_CHARACTERS_MAX], address
        upload.stage = Stage.CHECKING
        upload.read = upload.good = upload.bad = 0
        upload.bad_lines.clear()
        origin = replace(origin, way=Way.IMPORT)
        self._tasks[grant.owner] = asyncio.create_task(self._run(upload, origin, skip_bad=skip_bad))
        return upload

    def progress(self, grant: Grant, upload_id: str) -> Upload:
        """Raises NotFound (import), also for one that is forgotten."""
        grant.require(Verb.READ_OPT_OUTS, Verb.MANAGE_OPT_OUTS)
        upload = self._uploads.get(upload_id)
        if upload is None or upload.account_id != grant.owner:
            raise NotFound("import", upload_id)
        return upload

    def running(self, grant: Grant) -> Upload | None:
        """The list of the account that is imported now."""
        grant.require(Verb.READ_OPT_OUTS, Verb.MANAGE_OPT_OUTS)
        found = (held for held in self._uploads.values() if held.account_id == grant.owner)
        return next((held for held in found if held.stage in (Stage.CHECKING, Stage.IMPORTING)), None)

    def expire(self) -> None:
        """Forget lists that were given up, and ends that were told long enough. For a timer, too."""
        now = self._clock.now()
        for held in [*self._uploads.values()]:
            age = now - held.touched_at
            if (held.stage is Stage.ARRIVING and age > ARRIVES_WITHIN) or (held.is_over and age > TOLD_FOR):
                self._drop(held)
            elif held.is_kept and age > ARRIVES_WITHIN:
                held.close()

    async def close(self) -> None:
        """End what runs, between two units. Safe to repeat."""
        self._is_closing = True
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for held in self._uploads.values():
            held.close()

    def _new(self, grant: Grant) -> Upload:
        mine = [held for held in self._uploads.values() if held.account_id == grant.owner]
        over = [held for held in mine if held.is_over]
        arriving = [held for held in mine if held.stage is Stage.ARRIVING]
        for held in arriving + over[: max(0, len(over) - ENDED_KEPT + 1)]:
            self._drop(held)
        for held in over:
            held.close()
        now = self._clock.now()
        try:
            file = TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed when the list is imported or given up
        except OSError as error:
            raise Unavailable(f"the list cannot be kept: {error.strerror}") from error
        upload = Upload(self._new_id(), grant.owner, now, touched_at=now, file=file)
        self._uploads[upload.id] = upload
        return upload

    def _drop(self, upload: Upload) -> None:
        self._uploads.pop(upload.id, None)
        upload.close()

    def _arriving(self, grant: Grant, upload_id: str) -> Upload:
        upload = self.progress(grant, upload_id)
        if upload.stage is not Stage.ARRIVING:
            raise WrongState("import", upload.stage.value, "add to it")
        return upload

    # --- in the background -------------------------------------------------------------------------------------------------------

    async def _run(self, upload: Upload, origin: Origin, *, skip_bad: bool) -> None:
        try:
            taking = OptOutImport(
                self._store, self._opt_outs, self._clock, upload.account_id, origin, revoke_all=self._revoke_all
            )
            upload.taken = taking.taken
            await taking.begin()
            await asyncio.to_thread(self._look_through, upload, taking)
            if upload.bad and not skip_bad:
                upload.stage = Stage.REFUSED
                return
            upload.stage = Stage.IMPORTING
            good = (line for line in self._lines(upload, taking, lambda _: None) if not isinstance(line, BadLine))
            await taking.take_all(good, goes_on=lambda: not self._is_closing)
            upload.stage = Stage.FAILED if self._is_closing else Stage.DONE
        except InvalidValue as error:
            upload.problem, upload.stage = error.reason, Stage.REFUSED
        except TidingsError as error:
            upload.problem, upload.stage = str(error), Stage.FAILED
        except Exception:  # noqa: BLE001 - who watches must be told that it is over
            _log.exception("an import of opt-outs broke off")
            upload.problem, upload.stage = "it broke off; the log says why", Stage.FAILED
        finally:
            if upload.stage is not Stage.REFUSED or upload.problem or not upload.good:
                upload.close()
            upload.touched_at = self._clock.now()

    def _lines(self, upload: Upload, taking: OptOutImport, read: Callable[[int], None]) -> Iterator[Listed | BadLine]:
        assert upload.file is not None
        upload.file.seek(0)
        with open(os.dup(upload.file.fileno()), encoding="utf-8-sig", newline="") as text:
            yield from lines_of(text, upload.address, taking.check, read=read)

    def _look_through(self, upload: Upload, taking: OptOutImport) -> None:
        """In a thread: check every line before anything is changed."""

        def read(count: int) -> None:
            upload.read += count

        for line in self._lines(upload, taking, read):
            if not isinstance(line, BadLine):
                upload.good += 1
                continue
            upload.bad += 1
            if len(upload.bad_lines) < BAD_SHOWN:
                upload.bad_lines.append(line)
        upload.read = upload.size
