"""STOP and START in every odd spelling, coding and cut, from an SMSC that nobody of us wrote to a running server.

Each phone sends one text; what it meant is read by SNS and by the server's own API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.server import Server
from tests.support.smsc import Smsc

ADDRESS = "+12025550100"
OUT, BACK, HELP, REVIEW, NOTHING = "opted-out", "opted-in", "help", "review", "nothing"
SPELLINGS: dict[str, str] = {
    **dict.fromkeys(
        (
            *(
                "STOP",
                "stop",
                "Stop.",
                " STOP!! ",
                '"stop"',
                "«Stop»",
                "STOP\r\n",
                "\tstop ",
                "STOP 🛑",
                "🛑stop🛑",
                "ＳＴＯＰ",
                "st\u200bop",
            ),
            *(
                "stop\ufeff",
                "\u200estop",
                "STOP\ufe0f",
                "Opt out",
                "OPT  OUT",
                "opt-out",
                "OptOut",
                "stopall",
                "STOP ALL",
                "Unsubscribe",
            ),
            *(
                "QUIT",
                "end",
                "Revoke",
                "cancel",
                "REMOVE",
                "ARRET",
                "Arrêt",
                "ARRÊT",
                "stop please",
                "Please stop",
                "Stop. Thank you",
            ),
        ),
        OUT,
    ),
    **dict.fromkeys(("START", "start!", "UNSTOP", "ｓｔａｒｔ", "Start."), BACK),
    **dict.fromkeys(("HELP", "help?", "INFO", "Aide"), HELP),
    **dict.fromkeys(("please do not text me any more ever", "ЅТОР"), REVIEW),
    **dict.fromkeys(("stopwatch", "unstoppable", "st op", "hello", "YES", "", "👍"), NOTHING),
}
GSM_EXTRA = {"É": 0x1F, "é": 0x05}
CODINGS = ("gsm", "latin-1", "ucs-2", "ucs-2 in two parts", "payload", "sar")


def octets(text: str, coding: str) -> bytes | None:
    """The text in a coding, None where it has no such characters."""
    if coding == "gsm":
        # Only what GSM 03.38 has in the same place as ASCII, and two of its accents.
        table = {
            chr(code): code for code in (*range(0x20, 0x5B), *range(0x61, 0x7B), 0x0A, 0x0D) if chr(code) not in "$@`"
        } | GSM_EXTRA
        return bytes(table[c] for c in text) if all(c in table for c in text) else None
    if coding == "latin-1":
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError:
            return None
    return text.encode("utf-16-be")


def deliveries(text: str, coding: str) -> list[dict[str, Any]] | None:
    """The fields of the deliver_sm that carry the text."""
    data = octets(text, coding)
    if data is None:
        return None
    number = {"gsm": 0, "latin-1": 3}.get(coding, 8)
    if coding == "payload":
        return [{"short_message": "", "message_payload": {"hex": data.hex()}, "data_coding": number}]
    if coding in ("sar", "ucs-2 in two parts"):
        if len(data) < 4:
            return None
        cut = len(data) // 4 * 2 + 1 if coding == "sar" else len(data) // 4 * 2  # by SAR even within a character
        parts = [data[:cut], data[cut:]]
        if coding == "sar":
            return [
                {
                    "short_message": {"hex": part.hex()},
                    "data_coding": number,
                    "sar_msg_ref_num": 7,
                    "sar_total_segments": 2,
                    "sar_segment_seqnum": place,
                }
                for place, part in reversed(list(enumerate(parts, 1)))
            ]
        return [
            {
                "short_message": {"hex": (bytes((5, 0, 3, 9, 2, place)) + part).hex()},
                "data_coding": number,
                "esm_class": 0x40,
            }
            for place, part in enumerate(parts, 1)
        ]
    return [{"short_message": {"hex": data.hex()}, "data_coding": number}]


def texts() -> Iterator[tuple[str, str, str, list[dict[str, Any]]]]:
    """Phone, spelling, what it means, and the deliver_sm of each."""
    numbers = count()
    for spelling, meaning in SPELLINGS.items():
        for coding in CODINGS:
            found = deliveries(spelling, coding)
            if found is not None:
                yield f"+1202556{next(numbers):04d}", spelling, meaning, found


async def test_every_spelling_in_every_coding_means_what_it_says(tmp_path: Path) -> None:
    async with Smsc() as smsc:
        server = Server(tmp_path, environment={"TIDINGS_SMPP_URL": smsc.url(f"source={ADDRESS}")})
        await asyncio.to_thread(server.start)
        server.api("inbound-addresses", {"address": ADDRESS, "kind": "10dlc"})
        await smsc.wait("bind", status=0)
        wanted = {phone: (spelling, meaning) for phone, spelling, meaning, _ in texts()}
        orders = [
            smsc.deliver(source_addr=phone.removeprefix("+"), **fields)
            for phone, _, _, parts in texts()
            for fields in parts
        ]
        for order in orders:
            assert await smsc.answer(order) == 0
        assert len(orders) > len(wanted) > 200
        found = await asyncio.to_thread(_meanings, server)
        wrong = {
            (spelling, found.get(phone, NOTHING))
            for phone, (spelling, meaning) in wanted.items()
            if found.get(phone, NOTHING) != (meaning if meaning is not HELP else NOTHING)
        }
        assert wrong == set()
        out = {phone for phone, (_, meaning) in wanted.items() if meaning is OUT}
        assert set(_opted_out(server)) == out
        assert {event["to"] for event in smsc.of("submit")} >= {
            phone.removeprefix("+") for phone in out
        }  # each was answered
        assert await asyncio.to_thread(server.stop) == 0, server.log()


def _meanings(server: Server) -> dict[str, str]:
    """What the record has of each phone."""
    found: dict[str, str] = {}
    after = ""
    while True:
        page = server.api(f"opt-out-records?limit=1000{after}")
        for row in page["items"]:
            assert found.setdefault(row["phone"], row["event"]) == row["event"]
        if not page.get("next"):
            return found
        after = f"&after={page['next']}"


def _opted_out(server: Server) -> list[str]:
    sns = server.sns()
    answer = sns.list_phone_numbers_opted_out()
    found = list(answer["phoneNumbers"])
    while "nextToken" in answer:
        answer = sns.list_phone_numbers_opted_out(nextToken=answer["nextToken"])
        found += answer["phoneNumbers"]
    return found
