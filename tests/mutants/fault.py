"""One fault, as a careless engineer would make it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = Path("src/tidings")


@dataclass(frozen=True, slots=True)
class Fault:
    """`file`: below src/tidings. `piece`: stands there exactly once. `tests`: files below tests/, of which one at least must fail."""

    name: str
    file: str
    piece: str
    becomes: str
    tests: str
    why: str

    @property
    def package(self) -> str:
        return self.file.partition("/")[0].removesuffix(".py")

    @property
    def test_files(self) -> list[str]:
        return [f"tests/{name}" for name in self.tests.split()]

    def put_in(self, text: str) -> str:
        """The file's text with the fault. Raises ValueError when the piece does not stand there exactly once."""
        found = text.count(self.piece)
        if found != 1:
            raise ValueError(f"{self.name}: its piece stands {found} times in {self.file}, not once")
        return text.replace(self.piece, self.becomes)
