"""Servers that answer the same flights: ours in its modes, and those that one writes by hand."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from harness.live_models import plan
from harness.serving_models import CANDIDATE, NAME, POWER, PROCESS, Forms

from ml_platform.clock import utc_now
from ml_platform.release.plan import Plan, Stage, Step
from ml_platform.release.state import Action, Transition
from ml_platform.release.store import SqlReleaseStore
from ml_platform.serving.live_process import LiveServiceProcess
from ml_platform.serving.process import ServiceProcess
from ml_platform.settings import Settings

PEERS = Path(__file__).with_name("peers")
ROOT = Path(__file__).parents[2]
PERCENT = 20.0
BARE, OURS, MLFLOW = "bare Starlette", "ours, journal process", "mlflow models serve"
_START_SECONDS = 120.0


class Server(NamedTuple):
    """One that answers POST `path` with the lines of `bodies`; pid: the process that began it."""

    pid: int
    port: int
    path: str
    bodies: Path

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def processes(self) -> list[int]:
        """Its processes: the first one, and all that came of it."""
        parents = {int(one.name): _parent(one) for one in Path("/proc").glob("[0-9]*")}
        found = [self.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def cpu_seconds(self) -> float:
        """CPU time of its processes so far."""
        return sum(map(_cpu, self.processes())) / os.sysconf("SC_CLK_TCK")

    def tell(self, number: signal.Signals) -> None:
        """Pause it, so that it takes nothing from the one that is asked, or let it go on."""
        _tell(self.processes(), number)

    def first_answer(self) -> Any:
        """What it answers to the first body. Raises OSError, or ValueError for no good answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        body = self.bodies.read_text(encoding="utf-8").partition("\n")[0]
        try:
            connection.request("POST", self.path, body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            text = reply.read()
        finally:
            connection.close()
        if reply.status != 200:
            raise ValueError(f"{self.url} answered {reply.status}: {text[:300]!r}")
        return json.loads(text)


Start = Callable[[Forms, Path], AbstractContextManager[Server]]


def servers() -> dict[str, Start]:
    """Every server by its name; each gets the models and a folder of its own."""
    return {
        BARE: lambda forms, folder: _uvicorn("bare:app", forms, folder),
        "ours, journal off": _as_it_is,
        OURS: lambda forms, folder: _live(forms, folder, PROCESS),
        "ours, journal power": lambda forms, folder: _live(forms, folder, POWER),
        "ours, shadow on": lambda forms, folder: _live(
            forms, folder, PROCESS, Plan(steps=(Step(stage=Stage.SHADOW, min_predictions=10**9),))
        ),
        f"ours, canary of {PERCENT:g} %": lambda forms, folder: _live(
            forms, folder, PROCESS, plan(PERCENT)
        ),
        "BentoML by hand": _bentoml,
        "FastAPI by hand": lambda forms, folder: _uvicorn("naive_fastapi:app", forms, folder),
        MLFLOW: _mlflow,
    }


@contextmanager
def _as_it_is(forms: Forms, folder: Path) -> Iterator[Server]:
    log = folder / "service.log"
    with ServiceProcess(f"{NAME}:{PROCESS}", bentos=forms.bentos, log=log) as service:
        yield Server(service.pid, service.port, "/predict", forms.records)


@contextmanager
def _live(forms: Forms, folder: Path, champion: int, trial: Plan | None = None) -> Iterator[Server]:
    (folder / "bentoml").symlink_to(forms.bentos)
    settings = Settings.from_environment({"ML_PLATFORM_HOME": str(folder)})
    store = SqlReleaseStore(settings.release_url)
    _move(store, Action.PROMOTE_DIRECT, champion)
    if trial is not None:
        _move(store, Action.OPEN, CANDIDATE, trial)
    store.close()
    with LiveServiceProcess(NAME, settings, log=folder / "service.log") as service:
        yield Server(service.pid, service.port, "/predict", forms.records)


def _move(store: SqlReleaseStore, action: Action, version: int, way: Plan | None = None) -> None:
    revision = store.revision(NAME)
    transition = Transition(
        model=NAME,
        revision=revision + 1,
        action=action,
        version=version,
        at=utc_now(),
        who="benchmark",
        why="to be measured",
        plan=way,
    )
    store.append(transition, expected_revision=revision)


def _uvicorn(app: str, forms: Forms, folder: Path) -> AbstractContextManager[Server]:
    fast = ["--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]
    command = ["-m", "uvicorn", app, "--app-dir", str(PEERS), *fast]
    return _by_hand(command, forms, folder)


def _bentoml(forms: Forms, folder: Path) -> AbstractContextManager[Server]:
    command = ["-m", "bentoml", "serve", "naive_bento:Naive", "--working-dir", str(PEERS)]
    return _by_hand(command, forms, folder, bodies=forms.wrapped)


def _mlflow(forms: Forms, folder: Path) -> AbstractContextManager[Server]:
    command = ["-m", "mlflow", "models", "serve", "--env-manager", "local", "--workers", "1"]
    command += ["--model-uri", str(forms.mlflow)]
    return _by_hand(command, forms, folder, path="/invocations", bodies=forms.split)


@contextmanager
def _by_hand(
    command: Sequence[str],
    forms: Forms,
    folder: Path,
    *,
    path: str = "/predict",
    bodies: Path | None = None,
) -> Iterator[Server]:
    port = _free_port()
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--host", "127.0.0.1", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(forms, folder),
            start_new_session=True,
        )
    server = Server(process.pid, port, path, bodies or forms.records)
    try:
        _await(server, process, folder / "service.log")
        yield server
    finally:
        every = server.processes()
        _tell(every, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        _tell(every, signal.SIGKILL)  # what outlived the first of them has another parent now
        process.wait()


def _environment(forms: Forms, folder: Path) -> Mapping[str, str]:
    own = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{PEERS}",
        "BENCHMARK_MODEL": str(forms.model),
        "BENCHMARK_PIPELINE": str(forms.pipeline),
        "BENTOML_HOME": str(folder / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "DO_NOT_TRACK": "1",
    }
    return {**os.environ, **own}


def _await(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    found: Exception | None = None
    while process.poll() is None and time.monotonic() < deadline:
        try:
            server.first_answer()
        except (OSError, http.client.HTTPException, ValueError) as error:
            found = error
            time.sleep(0.1)
        else:
            return
    sys.exit(f"error: {server.url} did not start ({found}):\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _tell(processes: Sequence[int], number: signal.Signals) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _parent(process: Path) -> int:
    with suppress(OSError):
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _cpu(pid: int) -> int:
    """User and system time of a process, ticks."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    return 0
