"""A real SQS over HTTP (moto's server) in a process of its own, with the few calls that tests make on its queues.

A process, not a thread, because moto's import is heavy and its warnings are not ours. It ends when its standard input
closes, so it cannot outlive the tests.
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from typing import Any, Self

import boto3
from botocore.config import Config

from tests.support.patience import PATIENCE_S

ACCOUNT = "123456789012"
REGION = "us-east-1"
ACCESS_KEY_ID = "test-key"
SECRET_ACCESS_KEY = "test-secret"

_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


class QueueService:
    """Queues of account `ACCOUNT` in `REGION`. `url` is what `TIDINGS_SQS_ENDPOINT` would say."""

    def __init__(self) -> None:
        self.url = ""
        self._process: subprocess.Popen[str] | None = None
        self._client: Any = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        if not port:
            raise RuntimeError("the queue service did not start")
        self.url = f"http://127.0.0.1:{port}"
        self._client = boto3.client(
            "sqs",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=Config(retries={"max_attempts": 0}),
        )

    def stop(self) -> None:
        """End the process. Safe to repeat."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.close()
            self._process.wait(20)
            self._process.stdout.close()
            self._process = None

    def reset(self) -> None:
        """Forget every queue."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        urllib.request.urlopen(request, timeout=10).close()

    def create(self, name: str, **attributes: str) -> str:
        """Make a queue and return its ARN. A name that ends in `.fifo` makes an ordered one."""
        if name.endswith(".fifo"):
            attributes = {"FifoQueue": "true", **attributes}
        self._client.create_queue(QueueName=name, Attributes=attributes)
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def delete(self, arn: str) -> None:
        self._client.delete_queue(QueueUrl=self._url_of(arn))

    def receive(self, arn: str, count: int = 1, timeout_s: float = PATIENCE_S) -> list[dict[str, Any]]:
        """Take `count` messages off the queue, with their attributes, waiting for them. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        taken: list[dict[str, Any]] = []
        while len(taken) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(taken)} of {count} messages after {timeout_s} s")
            taken += self._take(arn, min(10, count - len(taken)), wait_s=1)
        return taken

    def is_empty(self, arn: str) -> bool:
        """Whether nothing can be received now."""
        return not self._take(arn, 1, wait_s=0)

    def _take(self, arn: str, count: int, wait_s: int) -> list[dict[str, Any]]:
        url = self._url_of(arn)
        answer = self._client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait_s,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        for message in messages:
            self._client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def _url_of(self, arn: str) -> str:
        account, name = arn.split(":")[4:6]
        return f"{self.url}/{account}/{name}"
