"""A real server in a process of its own, as an operator starts it: `tidings serve --dev` on a free port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import boto3
from botocore.config import Config

from tests.support.patience import PATIENCE_S
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
KEY_ID, SECRET = "tidings", "tidings-dev-secret"


def _python(environment: dict[str, str]) -> list[str]:
    """An interpreter that measures coverage where this one does; pytest-cov puts the figures together."""
    coverage = sys.modules.get("coverage")
    if coverage is None or coverage.Coverage.current() is None:
        return [sys.executable]
    environment["COVERAGE_FILE"] = str(ROOT / ".coverage")
    return [sys.executable, "-m", "coverage", "run", "--parallel-mode", f"--rcfile={ROOT / 'pyproject.toml'}"]


class Server:
    """`start` returns when /readyz says so. `environment` adds TIDINGS_* settings. is_measured: coverage counts what runs in it, where it
    is measured at all; it makes a start half as dear again, and one that is killed writes no figures down."""

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        environment: dict[str, str] | None = None,
        is_measured: bool = True,
    ) -> None:
        self.data = data
        self._is_measured = is_measured
        self.port = port or free_port()
        self.environment = environment or {}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *options: str) -> Server:
        self.data.mkdir(parents=True, exist_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TIDINGS_")} | self.environment
        log = (self.data / "server.log").open("ab")
        python = _python(environment) if self._is_measured else [sys.executable]
        command = [*python, "-m", "tidings", "serve", "--dev", "--listen", f"127.0.0.1:{self.port}"]
        with log:
            self.process = subprocess.Popen(
                [*command, "--data", str(self.data / "state"), *options], stdout=log, stderr=log, env=environment
            )
        self.wait_until_ready()
        return self

    def wait_until_ready(self, timeout_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + timeout_s
        assert self.process is not None
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended at its start:\n{self.log()}")
            try:
                with urlopen(f"{self.url}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (URLError, HTTPError, ConnectionError, TimeoutError):
                if time.monotonic() > deadline:
                    raise AssertionError(f"not ready in {timeout_s} s:\n{self.log()}") from None
            time.sleep(0.02)  # polling another process's port: there is no event to wait for

    def stop(self, timeout_s: float = PATIENCE_S) -> int:
        """SIGTERM, and the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """SIGKILL: what a power cut leaves."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def log(self) -> str:
        return (self.data / "server.log").read_text(errors="replace")[-6000:]

    def api(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        """A call of /api/v1 with the developer's key: a POST when there is a body and nothing else is said."""
        data = json.dumps(body).encode() if body is not None else None
        request = Request(f"{self.url}/api/v1/{path}", data=data, method=method)
        request.add_header("Authorization", "Basic " + b64encode(f"{KEY_ID}:{SECRET}".encode()).decode())
        request.add_header("Content-Type", "application/json")
        with urlopen(request) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    def sns(self, key_id: str = KEY_ID, secret: str = SECRET, region: str = "us-east-1", **config: Any) -> Any:
        """An unmodified boto3 client."""
        return boto3.client(
            "sns",
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            config=Config(**({"retries": {"max_attempts": 1}} | config)),
        )
