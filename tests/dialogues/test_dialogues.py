"""Plays the transcripts of this folder against the SNS dialect."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialogues.harness import body_of, open_console
from tests.dialogues.transcript import compare, fill, read

FOLDER = Path(__file__).parent / "sns"
TRANSCRIPTS = sorted(FOLDER.glob("*.txt"))


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) > 10


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_a_transcript_is_what_happens(path: Path, tmp_path: Path) -> None:
    turns = read(path)
    assert turns
    known: dict[str, str] = {}
    async with open_console(tmp_path) as harness:
        for turn in turns:
            places = known | ({"token": harness.tokens[-1]} if harness.tokens else {})
            query = fill(turn.query, places)
            if turn.method == "GET":
                answer = await harness.get(query)
            else:
                params = {name: fill(value, places) for name, value in turn.params.items()}
                body = params if turn.raw is None else turn.raw.encode()
                answer = await harness.post(body, key=turn.key, region=turn.region, query=query)
            where = f"{path.name}:{turn.line}: {body_of(answer)}"
            assert answer.status == turn.status, where
            for name, value in turn.headers.items():
                assert {**dict(answer.headers), "Content-Type": answer.content_type}[name] == fill(value, places), where
            if turn.body:
                compare(turn.body, body_of(answer), known)


def test_a_transcript_that_differs_fails() -> None:
    known: dict[str, str] = {}
    compare("<A>{a}</A><B>{a}</B><C>{*}</C>", "<A>1</A><B>1</B><C>x</C>", known)
    assert known == {"a": "1"}
    for got in ("<A>2</A>", "<A>1</A><B/>"):
        with pytest.raises(AssertionError):
            compare("<A>{a}</A>", got, known)
