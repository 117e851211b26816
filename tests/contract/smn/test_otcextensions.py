"""The public OpenStack SDK with another vendor's extensions: its own functional tests of SMN, run as they are against this server.

A process of its own: the SDK reads `clouds.yaml` when it is imported. Source: PyPI package `otcextensions`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.server import Server

SUITE = "otcextensions.tests.functional.sdk.smn.v2"
TESTS = 5


@pytest.fixture
def server_with_password(data: Path):  # type: ignore[no-untyped-def]
    server = Server(data, environment={"TIDINGS_PASSWORD": "a-password-for-otc"}).start()
    yield server
    assert server.stop() == 0, server.log()


@pytest.mark.timeout(180)
def test_the_functional_tests_of_otcextensions_pass(server_with_password: Server, tmp_path: Path) -> None:
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(
        f"""clouds:
  tidings:
    auth:
      auth_url: {server_with_password.url}/v3
      username: admin
      password: a-password-for-otc
      user_domain_name: default
      project_name: us-east-1
    region_name: us-east-1
    identity_api_version: 3
"""
    )
    environment = {
        **os.environ,
        "OS_CLOUD": "tidings",
        "OS_CLIENT_CONFIG_FILE": str(clouds),
        "PYTHONWARNINGS": "ignore",
    }
    run = subprocess.run(
        [sys.executable, "-m", "unittest", "-v", f"{SUITE}.test_service", f"{SUITE}.test_topic"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:] + server_with_password.log()[-2000:]
    ran = re.search(r"Ran (\d+) tests", run.stderr)
    assert ran is not None
    assert int(ran[1]) == TESTS, run.stderr[-2000:]
    assert "skipped" not in run.stderr.splitlines()[-1]
