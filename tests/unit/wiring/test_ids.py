"""Ids are asked of the system for many at once: none comes twice, not even in a copy of the process."""

from __future__ import annotations

import os
import uuid

from tidings.wiring.clock_and_ids import new_uid, new_uuid

SOME = 1000


def test_no_id_comes_twice() -> None:
    ids = [new_uid() for _ in range(SOME)]
    assert len(set(ids)) == SOME
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in ids)


def test_a_uuid_says_that_it_is_random() -> None:
    found = [uuid.UUID(new_uuid()) for _ in range(SOME)]
    assert len(set(found)) == SOME
    assert all(one.version == 4 and one.variant == uuid.RFC_4122 for one in found)


def test_a_copy_of_the_process_has_ids_of_its_own() -> None:
    new_uid()  # so that some are in store
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, "".join(new_uid() for _ in range(3)).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        theirs = pipe.read()
    assert len(theirs) == 3 * 32
    assert not {theirs[at : at + 32] for at in range(0, len(theirs), 32)} & {new_uid() for _ in range(SOME)}
