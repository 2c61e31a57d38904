"""A throw-away Postgres on a free loopback port, for tests that ask for `postgres_url`."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

NOT_INSTALLED = "postgresql is not installed: make system-packages"


def postgres_programs() -> Path | None:
    """The folder with initdb and pg_ctl of the newest installed version; None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    return found[-1].parent if found else None


def _version(initdb: Path) -> float:
    return float(initdb.parts[-3])


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """SQLAlchemy URL of an empty database; skips when Postgres is not installed."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip(NOT_INSTALLED)
    with throw_away_postgres(programs) as url:
        yield url


@contextmanager
def throw_away_postgres(programs: Path) -> Iterator[str]:
    """Start a server on data of its own, and stop and forget it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="ml_platform_postgres_"))
    data, port = folder / "data", _free_port()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")  # Postgres refuses to run as root
    try:
        _run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"])
        options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"
        start = [programs / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", options]
        _run([*start, "start"])
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run([programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: Sequence[str | Path]) -> None:
    user = "postgres" if os.geteuid() == 0 else None
    subprocess.run(
        [str(part) for part in command],
        user=user,
        cwd="/",
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
