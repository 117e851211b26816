"""Sessions of the console over a restart, and from a second process on the same database."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest
from tests.support.server import SECRET, Server

_END_ALL = """
import asyncio, sys
from pathlib import Path
from tidings.access.sessions import Sessions
from tidings.domain.model import AccountId, Origin, Way
from tidings.store.sqlite import SqliteStore
from tidings.wiring.clock_and_ids import WallClock

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    print(await Sessions(store, WallClock()).end_all(AccountId("000000000000"), "admin", Origin(Way.CLI)))
    await store.close()

asyncio.run(main())
"""
_MARK = re.compile(r'name="mark" value="([0-9a-f]{64})"')


class Browser:
    def __init__(self) -> None:
        self.jar = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self.jar))

    def open(self, server: Server, path: str, form: dict[str, str] | None = None) -> str:
        """The address at which it ends up, after redirects; the mark of the page that `path` belongs to goes along."""
        data = None
        if form is not None:
            drawn = "/console/sign-in" if path.endswith("/sign-in") else "/console"
            with self._opener.open(server.url + drawn) as page:
                found = _MARK.search(page.read().decode())
            assert found is not None
            data = urlencode({"mark": found[1], **form}).encode()
        with self._opener.open(Request(server.url + path, data)) as answer:
            return str(answer.url).removeprefix(server.url)

    def sign_in(self, server: Server) -> None:
        assert self.open(server, "/console/sign-in", {"user": "admin", "password": SECRET}) == "/console"

    def copy(self) -> Browser:
        """Somebody else's, with the same cookies."""
        other = Browser()
        for cookie in self.jar:
            other.jar.set_cookie(cookie)
        return other


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path).start()
    yield server
    assert server.stop() == 0, server.log()


def test_a_session_lasts_over_a_restart_and_what_was_ended_stays_ended(server: Server) -> None:
    kept, ended = Browser(), Browser()
    kept.sign_in(server)
    ended.sign_in(server)
    copied = ended.copy()
    assert ended.open(server, "/console/sign-out", {}) == "/console/sign-in"
    server.kill()
    server.start()
    assert kept.open(server, "/console") == "/console"
    assert copied.open(server, "/console") == "/console/sign-in"


def test_another_process_sees_what_was_ended_and_ends_sessions_itself(server: Server) -> None:
    browser, other = Browser(), Browser()
    browser.sign_in(server)
    other.sign_in(server)
    browser.open(server, "/console/sign-out", {})
    command = [sys.executable, "-c", _END_ALL, str(server.data / "state" / "tidings.db")]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.split() == ["1"]
    assert other.open(server, "/console") == "/console/sign-in"


def test_the_api_lists_and_ends_sessions(server: Server) -> None:
    browser = Browser()
    browser.sign_in(server)
    [session] = server.api("sessions")["items"]
    assert (session["user"], session["remote_address"]) == ("admin", "127.0.0.1")
    [cookie] = [cookie.value for cookie in browser.jar if cookie.name == "tidings_session"]
    assert cookie not in str(session)
    assert server.api(f"sessions/{session['id']}", method="DELETE") is None
    assert browser.open(server, "/console") == "/console/sign-in"
    assert server.api("sessions") == {"items": []}
    with pytest.raises(HTTPError) as refused:
        server.api(f"sessions/{session['id']}", method="DELETE")
    with refused.value:
        assert refused.value.code == 404
    [entry] = server.api("audit?action=session")["items"]
    assert (entry["action"], entry["subject"], entry["way"]) == ("session.end", "admin", "native")
