"""Clients that ask all the time and remember what was acknowledged; and what the journal has."""

import http.client
import json
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ml_platform.serving.journal.reader import read_segment


@dataclass
class Seen:
    """What one client saw. failed: by status or error; slowest in seconds."""

    acknowledged: list[str] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0


class Load:
    """Clients with connections that stay open, each asking as soon as it is answered.

    pause: seconds that each waits after an answer.
    """

    def __init__(self, host: str, port: int, *, clients: int = 4, pause: float = 0.0) -> None:
        self._address = (host, port)
        self._pause = pause
        self._name = secrets.token_hex(4)
        self._stopped = threading.Event()
        self.seen = [Seen() for _ in range(clients)]
        self._threads = [
            threading.Thread(target=self._ask, args=(number, seen), daemon=True)
            for number, seen in enumerate(self.seen)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    @property
    def acknowledged(self) -> list[str]:
        """The ids of all predictions that were answered."""
        return [one for seen in self.seen for one in seen.acknowledged]

    @property
    def failed(self) -> Counter[str]:
        """How many were not, by status or error."""
        return sum((seen.failed for seen in self.seen), Counter[str]())

    @property
    def told_failed(self) -> str:
        """How many failed, and how, for people."""
        kinds = ", ".join(f"{count:,} x {kind}" for kind, count in self.failed.items())
        return f"{sum(self.failed.values()):,}{f' ({kinds})' if kinds else ''}"

    @property
    def versions(self) -> Counter[str]:
        """How many answers each version gave."""
        return sum((seen.versions for seen in self.seen), Counter[str]())

    @property
    def slowest(self) -> float:
        """Seconds that the slowest answer took."""
        return max(seen.slowest for seen in self.seen)

    def _ask(self, client: int, seen: Seen) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=10)
        number = 0
        while not self._stopped.is_set():
            number += 1
            name = f"{self._name}-{client}-{number}"
            record = {
                "flight_id": client * 10_000_000 + number,
                "carrier": "UA",
                "distance": 800,
                "dep_delay": 3.5,
                "prediction_id": name,
            }
            started = time.perf_counter()
            try:
                connection.request("POST", "/predict", json.dumps(record))
                reply = connection.getresponse()
                content: dict[str, Any] = json.loads(reply.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                seen.failed[type(error).__name__] += 1
                connection.close()
                time.sleep(0.02)
                continue
            seen.slowest = max(seen.slowest, time.perf_counter() - started)
            time.sleep(self._pause)
            if reply.status == 200:
                seen.acknowledged.append(name)
                seen.versions[content["model_version"]] += 1
            else:
                seen.failed[f"{reply.status} {content['error']['reason']}"] += 1


def journaled(folder: Path) -> Counter[str]:
    """How often the journal has each prediction, by id; shadows left out."""
    found: Counter[str] = Counter()
    for file in sorted([*folder.rglob("*.open"), *folder.rglob("*.seg")]):
        for payload in read_segment(file.read_bytes(), closed=True).records:
            record = json.loads(payload)
            if record["kind"] == "prediction" and record["role"] != "shadow":
                found[record["id"]] += 1
    return found


def workers_of(group: int) -> list[int]:
    """The processes that answer requests: BentoML gives each a process group of its own."""
    return [
        pid
        for pid, parent, command in _processes()
        if "bentoml_impl.worker" in command and _group(parent) == group
    ]


def resident_mb(pid: int) -> float:
    """Memory of a process, MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def moved_away(file: Path) -> Iterator[None]:
    """Take a database and its side files away for the length of the block."""
    hidden = file.with_name("hidden")
    hidden.mkdir()
    for part in list(file.parent.glob(f"{file.name}*")):
        part.rename(hidden / part.name)
    try:
        yield
    finally:
        for part in list(file.parent.glob(f"{file.name}*")):
            part.unlink()
        for part in list(hidden.iterdir()):
            part.rename(file.parent / part.name)
        hidden.rmdir()


def _processes() -> Iterator[tuple[int, int, str]]:
    """Process id, its parent's, and its command."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        yield int(process.name), parent, command


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0
