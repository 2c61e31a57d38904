"""An MLflow server on loopback, which keeps runs and artifacts itself."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from ml_platform.cli.ports import choose_ports
from ml_platform.registry.embedded import create_once
from ml_platform_tests.waiting import until


@pytest.fixture
def mlflow_server(tmp_path: Path) -> Iterator[str]:
    """The address of a server of its own; stopped when the test is over."""
    stores = f"sqlite:///{tmp_path}/server.db"
    create_once(stores, artifacts=str(tmp_path / "served"))  # its migrations would take longer
    [port] = choose_ports([0])
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", stores]
    command += ["--artifacts-destination", str(tmp_path / "served"), "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    without_jobs = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=without_jobs)
    try:
        until(lambda: _answers(port, server), "the server of MLflow to answer")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _answers(port: int, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None, "the server of MLflow ended"
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except URLError:
        return False
