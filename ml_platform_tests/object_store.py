"""A throw-away S3 on a free loopback port, for tests that ask for `s3`."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

# One request at a time: a conditional put is one step, as it is in S3. It ends with who began it.
_SERVER = """
import logging, sys, threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

logging.getLogger("werkzeug").disabled = True
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app))
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""


@dataclass(frozen=True)
class ObjectStore:
    """A bucket of its own for each test. endpoint: of the server, as AWS_ENDPOINT_URL names it."""

    endpoint: str
    bucket: str = field(default_factory=lambda: f"b{uuid4().hex}")

    @property
    def url(self) -> str:
        """The bucket as fsspec and delta-rs take it."""
        return f"s3://{self.bucket}"

    def names(self) -> list[str]:
        """The objects there are, as a client of another machine sees them."""
        listed = self.client().list_objects_v2(Bucket=self.bucket)
        return [each["Key"] for each in listed.get("Contents", [])]

    def put(self, name: str, content: bytes) -> None:
        """Write an object, as another machine does."""
        self.client().put_object(Bucket=self.bucket, Key=name, Body=content)

    def client(self) -> Any:
        """A client that shares nothing with those of the platform."""
        import boto3

        return boto3.client("s3", endpoint_url=self.endpoint)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A server in a process of its own, empty at first."""
    command = [sys.executable, "-W", "ignore", "-c", _SERVER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """An empty bucket, with the environment that the clients of S3 read."""
    from s3fs import S3FileSystem

    said = {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    store = ObjectStore(s3_endpoint)
    store.client().create_bucket(Bucket=store.bucket)
    S3FileSystem.clear_instance_cache()  # fsspec keeps clients, with the environment they met
    yield store
    S3FileSystem.clear_instance_cache()
