"""The AWS SDK for JavaScript v3, unmodified: it signs eight headers and reads the request id from a header only."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from pathlib import Path

from tests.support.receiver import Receiver
from tests.support.server import Server

SCRIPT = Path(__file__).parent.parent / "support" / "sdk.mjs"


def test_the_javascript_sdk_does_the_main_job(server: Server, receiver: Receiver) -> None:
    node = shutil.which("node")
    assert node is not None, "this test needs node; `make test` brings the npm package"
    confirming = threading.Thread(target=receiver.confirm)
    confirming.start()
    command = [node, str(SCRIPT), server.url, receiver.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    confirming.join()
    said = json.loads(done.stdout)
    assert said["requestId"]
    assert said["topics"] == 1
    assert said["refusal"]["name"] == "NotFoundException"
    assert said["refusal"]["status"] == 404
    assert said["refusal"]["requestId"]
    receiver.wait(lambda _: len(receiver.of_type("Notification")) >= 3)
    got = {message.json["MessageId"]: message.json for message in receiver.of_type("Notification")}
    assert set(got) == set(said["messageIds"])
    first = got[said["messageIds"][0]]
    assert first["Message"] == "text with \u00fc and \u4f60"
    assert first["MessageAttributes"] == {"raw": {"Type": "Binary", "Value": "AQL/"}}
