"""The built wheel works without the checkout: templates, SQL and translations are inside."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.server import Server

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
CODE = {".py", ".pyc"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as an installer would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    [wheel] = folder.glob("*.whl")
    target = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_every_file_of_the_package_is_in_the_wheel(installed: Path) -> None:
    source = ROOT / "src" / "tidings"
    data = {str(f.relative_to(source)) for f in source.rglob("*") if f.is_file() and f.suffix not in CODE}
    packed = {str(f.relative_to(installed / "tidings")) for f in (installed / "tidings").rglob("*") if f.is_file()}
    assert data
    assert data <= packed


def test_a_server_runs_from_the_wheel_alone(installed: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(installed))
    monkeypatch.chdir(installed)
    where = [sys.executable, "-c", "import tidings; print(tidings.__file__)"]
    found = subprocess.run(where, capture_output=True, text=True, check=True, env=dict(os.environ)).stdout
    assert found.startswith(str(installed))
    server = Server(data).start()
    with urlopen(f"{server.url}/s/style.css") as sheet:
        assert sheet.status == 200
    topic = server.sns().create_topic(Name="from-the-wheel")["TopicArn"]
    server.sns().subscribe(TopicArn=topic, Protocol="email", Endpoint="ann@example.org")
    with urlopen(f"{server.url}/api/v1/openapi.json") as document:
        assert document.status == 200
    assert server.stop() == 0, server.log()
