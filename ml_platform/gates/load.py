"""Many clients at a service at once."""

import http.client
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ml_platform.gates.evidence import Record
from ml_platform.gates.timing import order_interval

TIMEOUT_S = 30.0


@dataclass(frozen=True, eq=False)
class Load:
    """What came of it: seconds of each answer that was a prediction, and every other answer."""

    seconds: tuple[float, ...]
    errors: tuple[str, ...]
    took: float

    @property
    def error_rate(self) -> float:
        """The share of requests without a prediction."""
        return len(self.errors) / max(1, len(self.errors) + len(self.seconds))

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return (len(self.seconds) + len(self.errors)) / self.took

    @property
    def p95_interval(self) -> tuple[float, float] | None:
        """The 95th percentile's interval at 99 %, in milliseconds."""
        if not self.seconds:
            return None
        low, high = order_interval(np.sort(self.seconds), 0.95, z=2.58)
        return low * 1e3, high * 1e3

    def quantile_ms(self, level: float) -> float | None:
        """A percentile of the answers; None where there was none."""
        return float(np.quantile(self.seconds, level)) * 1e3 if self.seconds else None


def put_under_load(url: str, records: Sequence[Record], *, requests: int, concurrency: int) -> Load:
    """Send `requests` records to /predict from `concurrency` threads, in turns."""
    bodies = [json.dumps(record).encode() for record in records[: min(len(records), requests)]]
    shares = [range(client, requests, concurrency) for client in range(concurrency)]
    start = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as clients:
        answers = list(clients.map(lambda share: _client(url, bodies, share), shares))
    took = time.perf_counter() - start
    return Load(
        seconds=tuple(second for seconds, _ in answers for second in seconds),
        errors=tuple(error for _, errors in answers for error in errors),
        took=took,
    )


def _client(
    url: str, bodies: Sequence[bytes], places: Sequence[int]
) -> tuple[list[float], list[str]]:
    """One client's requests over a connection that it keeps as long as it works."""
    address = urlsplit(url)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_S)
    seconds: list[float] = []
    errors: list[str] = []
    for place in places:
        start = time.perf_counter()
        error = _ask(connection, bodies[place % len(bodies)])
        if error is None:
            seconds.append(time.perf_counter() - start)
        else:
            errors.append(error)
    connection.close()
    return seconds, errors


def _ask(connection: http.client.HTTPConnection, body: bytes) -> str | None:
    """Ask once; say what was wrong with the answer."""
    try:
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return repr(error)
    if answer.status != http.client.OK or b'"prediction"' not in text:
        return f"{answer.status} {_short(text)}"
    return None


def _short(text: bytes) -> Any:
    return text[:120].decode(errors="replace")
