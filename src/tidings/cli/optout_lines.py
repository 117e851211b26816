"""A file of opt-outs, opened and read line by line. Called by `optouts`; what a line may be is `services.texting.optout_list`'s."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tidings.cli.running import WRONG_USAGE, CommandError
from tidings.domain.errors import InvalidValue
from tidings.services.texting import optout_list
from tidings.services.texting.optout_import import Listed
from tidings.services.texting.optout_list import BadLine

__all__ = ["BadLine", "lines_of"]


def lines_of(
    file: Path, address: str | None, check: Callable[[Listed], None], *, read: Callable[[int], None]
) -> Iterator[Listed | BadLine]:
    """Every line of the file. address: of lines that name none. read: told now and then how many more bytes were read.

    Raises Problem when it is no such file at all.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            yield from optout_list.lines_of(text, address or "", check, read=read)
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}", WRONG_USAGE) from error
    except InvalidValue as error:
        raise CommandError(f"{file} {error.reason}", WRONG_USAGE) from error
