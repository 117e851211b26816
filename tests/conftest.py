"""Fixtures that several folders share: real servers and receivers, started and stopped here."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.receiver import Receiver
from tests.support.server import Server

# No test says anything about how fast the machine is.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("suite"), max_examples=15)
settings.load_profile("suite")


_MEMORY, _MEMORY_BYTES = Path("/dev/shm"), 8 * 1024**3
"""Where files are in memory, and how much must be free there: the whole suite leaves two or three GiB until the next run."""


def pytest_configure() -> None:
    """Databases of tests are in memory where there is room: that saves a sixth of the time of those that have one."""
    has_room = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _MEMORY_BYTES
    if has_room:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, after pytest-randomly: one that began last would keep one worker busy while the others have nothing to do."""
    items.sort(key=lambda item: item.path.parent.name != "chaos")


def pytest_collection_finish() -> None:
    """What is there now stays to the end; not looking through it again and again saves a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def _cheap() -> Iterator[None]:
    from tests.support.cheap import cheap

    with cheap():
        yield


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver().start()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for a module's tests; each makes topics of its own."""
    server = Server(tmp_path_factory.mktemp("server")).start()
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def sns(server: Server) -> Any:
    return server.sns()


@pytest.fixture
def topic_name(request: pytest.FixtureRequest) -> str:
    """A name no other test uses."""
    return "".join(c if c.isalnum() else "-" for c in request.node.name)[:200]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"
