"""A Bento as a running process: for the service checks and for `ml-platform serve`."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from ml_platform.exceptions import ServiceUnavailable
from ml_platform.gates.evidence import Reply
from ml_platform.serving import leash
from ml_platform.serving.build import built_bento

FOR_CLIENTS = ("ML_PLATFORM_API_KEYS_FILE", "ML_PLATFORM_JOURNAL", "ML_PLATFORM_JOURNAL_URL")
"""Variables that a private service does not get."""

_GAVE_UP = "Application startup failed"
_TAIL = 30
_TAKEN = "Address already in use"
_PORTS = 5
"""Free ports that are tried: what is free when we look may be another's when the service binds."""


class ServiceProcess:
    """`bentoml serve <tag>` in a process of its own, ended when the block or its owner ends.

        with ServiceProcess("flight_delays:3", bentos=settings.bentos) as service:
            service.post("/predict", {"carrier": "UA", ...}).body["prediction"]

    bentos: the Bento store (BENTOML_HOME).
    port: 0 takes a free one.
    workers: processes that answer; one starts fastest.
    start_timeout: seconds until the service must answer; timeout: the same for each request.
    log: file that gets the service's output; None keeps it only as long as the service runs.
    private: for its owner's own questions. It asks for no API key and writes to no journal that the
        environment names: these are for clients.
    """

    def __init__(
        self,
        tag: str,
        *,
        bentos: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        workers: int = 1,
        start_timeout: float = 120.0,
        timeout: float = 30.0,
        log: Path | None = None,
        private: bool = False,
    ) -> None:
        self.tag = tag
        self.host = host
        self.port = port
        self._bentos = bentos.resolve()
        self._workers = workers
        self._start_timeout = start_timeout
        self._timeout = timeout
        self._log = log
        self._private = private
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """Where the service listens."""
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """Of the process group that the service runs in."""
        return self._process.pid

    def __enter__(self) -> Self:
        """Start; return when the service answers. Raises ServiceUnavailable with its log."""
        self._check()
        tries = 1 if self.port else _PORTS
        for left in reversed(range(tries)):
            port = self.port or _free_port(self.host)
            try:
                self._stack = self._started(port)
            except _PortTaken:
                if not left:
                    raise
            else:
                break
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the service and everything that it started."""
        self._stack.close()

    def wait(self) -> int:
        """Block until the service ends by itself; return its exit status."""
        return self._process.wait()

    def get(self, path: str) -> Reply:
        """Answer of GET. Raises ServiceUnavailable when there is none."""
        return self._ask("GET", path, None, timeout=self._timeout)

    def post(self, path: str, body: object) -> Reply:
        """Answer of POST with a JSON body; `bytes` are sent as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._ask("POST", path, content, timeout=self._timeout)

    def log_tail(self) -> str:
        """Return the last lines of the service's output."""
        lines = self._log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_TAIL:])

    def _check(self) -> None:
        """Raise ModelError for what cannot be served anyway."""
        name, _, version = self.tag.partition(":")
        built_bento(self._bentos, name, version)

    def _served(self) -> str:
        """What `bentoml serve` is to serve."""
        return self.tag

    def _is_ready(self, health: Reply) -> bool:
        """Tell whether it is our service that answers."""
        return health.status == 200 and health.body.get("model_version") == self._version

    @property
    def _version(self) -> str:
        return self.tag.partition(":")[2]

    def _started(self, port: int) -> ExitStack:
        """Start on a port and wait for the answer; return what stops it. Raises _PortTaken."""
        asked, self.port = self.port, port
        try:
            with ExitStack() as stack:
                self._start(stack)
                self._await_answer()
                return stack.pop_all()
        except ServiceUnavailable:
            self.port = asked
            raise

    def _start(self, stack: ExitStack) -> None:
        scratch = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="ml-platform-", ignore_cleanup_errors=True)
            )
        )
        self._log_file = self._log or scratch / "service.log"
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=scratch,
                env=self._environment(scratch),
                start_new_session=True,
            )
        stack.callback(self._stop)

    def _command(self) -> list[str]:
        where = ["--host", self.host, "--port", str(self.port)]
        serve = ["-m", "bentoml", "serve", self._served(), *where]
        return [sys.executable, "-S", leash.__file__, sys.executable, *serve]

    def _environment(self, scratch: Path) -> dict[str, str]:
        """A BentoML home of its own that shares the store.

        A server that starts empties the metrics folder of its home, another server's as well.
        """
        home = scratch / "home"
        home.mkdir()
        (home / "bentos").symlink_to(self._bentos / "bentos")
        options = {"services": {self.tag.partition(":")[0]: {"workers": self._workers}}}
        left_out = FOR_CLIENTS if self._private else ()
        return {
            **{name: value for name, value in os.environ.items() if name not in left_out},
            "BENTOML_HOME": str(home),
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_CONFIG_OVERRIDES": json.dumps(options),
            "TMPDIR": str(scratch),
        }

    def _await_answer(self) -> None:
        deadline = time.monotonic() + self._start_timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None or _GAVE_UP in self.log_tail():
                tail = self.log_tail()
                error = _PortTaken if _TAKEN in tail else ServiceUnavailable
                raise error(f"{self.tag} did not start on port {self.port}:\n{tail}")
            with suppress(ServiceUnavailable):
                if self._is_ready(self._ask("GET", "/health", None, timeout=1.0)):
                    return
            time.sleep(0.02)
        raise ServiceUnavailable(
            f"{self.tag} did not answer within {self._start_timeout:g} s:\n{self.log_tail()}"
        )

    def _ask(self, method: str, path: str, content: bytes | None, *, timeout: float) -> Reply:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        headers = {} if content is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ServiceUnavailable(f"{method} {self.url}{path}: {error!r}") from error
        finally:
            connection.close()
        try:
            return Reply(answer.status, json.loads(text))
        except ValueError:
            return Reply(answer.status, text.decode(errors="replace"))

    def _stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(leash.GRACE_S + 1)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class _PortTaken(ServiceUnavailable):
    """Somebody else listens or connects from the port."""


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]
