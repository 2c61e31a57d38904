"""Asks the service over HTTP, one request a record, on a few connections that stay open."""

import http.client
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from ml_platform.exceptions import ServiceUnavailable

TIMEOUT_S = 30.0


@dataclass
class Tally:
    """What was answered: acknowledged predictions and labels, refusals by reason."""

    predictions: int = 0
    labels: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    versions: Counter[str] = field(default_factory=Counter[str])


class Client:
    """A caller of one service; `close` ends its connections.

    connections: requests under way at once.
    """

    def __init__(self, url: str, *, connections: int = 4) -> None:
        self._address = urlsplit(url).netloc
        self._headers = {"Content-Type": "application/json"}
        self._pool = ThreadPoolExecutor(connections)
        self._connections = [
            http.client.HTTPConnection(self._address, timeout=TIMEOUT_S) for _ in range(connections)
        ]
        self.tally = Tally()

    def predict(self, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        """Ask for each record; None where it was refused, which the tally counts by reason.

        Raises ServiceUnavailable when the service does not answer.
        """
        answers = self._all("/predict", records)
        for status, answer in answers:
            if status == 200:
                self.tally.predictions += 1
                self.tally.versions[str(answer["model_version"])] += 1
            else:
                self.tally.refused[str(answer["error"]["reason"])] += 1
        return [answer if status == 200 else None for status, answer in answers]

    def tell(self, labels: Sequence[Mapping[str, Any]], *, at_once: int = 500) -> None:
        """Deliver labels, many in a request.

        Raises ServiceUnavailable when the service does not take them.
        """
        parts = [labels[i : i + at_once] for i in range(0, len(labels), at_once)]
        for part, (status, answer) in zip(parts, self._all("/feedback", parts), strict=True):
            if status >= 300:
                raise ServiceUnavailable(f"POST /feedback: {status}: {answer}")
            self.tally.labels += len(part)

    def close(self) -> None:
        """End the threads and their connections."""
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()

    def _all(self, path: str, contents: Sequence[object]) -> list[tuple[int, Any]]:
        """Post the contents, a run of them on each connection; answers come in their order."""
        size = -(-len(contents) // len(self._connections)) or 1
        runs = [contents[i : i + size] for i in range(0, len(contents), size)]
        done = self._pool.map(
            lambda run, connection: [self._post(connection, path, content) for content in run],
            runs,
            self._connections[: len(runs)],
        )
        return [answer for run in done for answer in run]

    def _post(
        self, connection: http.client.HTTPConnection, path: str, content: object
    ) -> tuple[int, Any]:
        body = orjson.dumps(content)
        try:
            return self._sent(connection, path, body)
        except (OSError, http.client.HTTPException):
            connection.close()  # one that idled may have been closed by the service: once more
        try:
            return self._sent(connection, path, body)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ServiceUnavailable(f"POST http://{self._address}{path}: {error!r}") from error

    def _sent(
        self, connection: http.client.HTTPConnection, path: str, body: bytes
    ) -> tuple[int, Any]:
        connection.request("POST", path, body, self._headers)
        answer = connection.getresponse()
        text = answer.read()
        try:
            return answer.status, orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise ServiceUnavailable(
                f"POST http://{self._address}{path}: {answer.status}, no JSON: {text[:200]!r}"
            ) from error
