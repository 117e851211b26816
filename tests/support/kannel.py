"""A real Kannel (Debian's bearerbox and smsbox) on free ports: an HTTP gateway between us and an SMSC, which nobody of us wrote."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Self
from urllib.parse import quote

from tests.support.patience import PATIENCE_S
from tests.support.ports import free_port

USER, PASSWORD = "tester", "f00bar&%x"

_CORE = """\
group = core
admin-port = {admin_port}
admin-interface = 127.0.0.1
admin-password = {password}
smsbox-port = {box_port}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = mast
host = 127.0.0.1
port = {smsc_port}
transceiver-mode = true
smsc-username = tidings
smsc-password = secret
system-type = VMA
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box_port}
sendsms-port = {port}
sendsms-interface = 127.0.0.1
http-request-retry = 50
http-queue-delay = 1

group = sendsms-user
username = {user}
password = {password}
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "{get_url}"
"""


class Kannel:
    """get_url: where texts of people go, with Kannel's marks. `port`: of sendsms. `log`: its own, of both boxes."""

    def __init__(self, directory: Path, *, smsc_port: int, get_url: str) -> None:
        boxes = [shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin") for name in ("bearerbox", "smsbox")]
        assert all(boxes), "this needs Debian's package kannel; `tests/install-parts.sh` brings it"
        self._bearerbox, self._smsbox = map(str, boxes)
        self._directory = directory
        self._smsc_port = smsc_port
        self._get_url = get_url
        self._running: list[tuple[asyncio.subprocess.Process, asyncio.Task[None]]] = []
        self.port = 0
        self.log: list[str] = []

    async def __aenter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        config = self._directory / "kannel.conf"
        config.write_text(
            _CORE.format(
                admin_port=free_port(),
                box_port=free_port(),
                smsc_port=self._smsc_port,
                port=self.port,
                get_url=self._get_url,
                user=USER,
                password=PASSWORD,
            )
        )
        try:
            await self._start(self._bearerbox, config, "entering mainloop")
            await self._start(self._smsbox, config, "Connected to bearerbox")
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        # Asked kindly, bearerbox waits up to ten seconds for its threads; nothing here is worth that.
        for process, reader in reversed(self._running):
            if process.returncode is None:
                process.kill()
            await process.wait()
            await reader
            process._transport.close()  # type: ignore[attr-defined]  # or it is closed after the loop
        self._running.clear()

    def url(self, options: str = "", *, password: str = PASSWORD) -> str:
        """As the setting has it."""
        start = f"kannel+http://{USER}:{quote(password, safe='')}@127.0.0.1:{self.port}/cgi-bin/sendsms"
        return f"{start}?{options}" if options else start

    async def _start(self, box: str, config: Path, ready: str) -> None:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            box, "-v", "0", str(config), cwd=self._directory, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
        is_ready = asyncio.get_running_loop().create_future()
        self._running.append((process, asyncio.create_task(self._read(process, is_ready, ready))))
        async with asyncio.timeout(PATIENCE_S):
            assert await is_ready, "".join(self.log[-30:])

    async def _read(self, process: asyncio.subprocess.Process, is_ready: asyncio.Future[bool], ready: str) -> None:
        assert process.stdout is not None
        async for raw in process.stdout:
            line = raw.decode("utf-8", "replace")
            self.log.append(line)
            if not is_ready.done() and ready in line:
                is_ready.set_result(True)
        if not is_ready.done():
            is_ready.set_result(False)
