"""An MLflow server on loopback, which keeps runs and artifacts itself."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from ml_platform.cli.ports import choose_ports
from ml_platform.registry.embedded import create_once

_PATIENCE = 120.0


@pytest.fixture
def mlflow_server(tmp_path: Path) -> Iterator[str]:
    """The address of a server of its own; stopped when the test is over."""
    stores = f"sqlite:///{tmp_path}/server.db"
    create_once(stores, artifacts=str(tmp_path / "served"))  # its migrations would take longer
    [port] = choose_ports([0])
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", stores]
    command += ["--artifacts-destination", str(tmp_path / "served"), "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with urlopen(url, timeout=5):
                return
        except URLError:
            assert server.poll() is None, "the server of MLflow ended"
            assert time.monotonic() < until, "the server of MLflow does not answer"
            time.sleep(0.1)
