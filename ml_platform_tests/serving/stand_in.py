"""A service of a few lines that says which version it is, for those who look at services."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import Any

from ml_platform_tests.json_handler import JsonHandler


class StandIn:
    """What it says, and the records that it was sent.

    live: of `GET /model`; predicts: the version in its predictions; status: of `POST /predict`.
    key: what it asks for; None asks for none.
    """

    def __init__(
        self, *, live: int = 1, predicts: int = 1, status: int = 200, key: str | None = None
    ) -> None:
        self.live, self.predicts, self.status, self.key = live, predicts, status, key
        self.records: list[dict[str, Any]] = []
        self.url = ""

    def model(self) -> tuple[int, object]:
        return 200, {"model_version": str(self.live)}

    def predict(self, record: dict[str, Any], authorization: str | None) -> tuple[int, object]:
        if self.key is not None and authorization != f"Bearer {self.key}":
            return 401, {"error": {"reason": "unauthorized"}}
        self.records.append(record)
        return self.status, {"prediction": 1, "model_version": str(self.predicts)}


@contextmanager
def running(service: StandIn) -> Iterator[StandIn]:
    """Listen on loopback as long as the block runs."""

    class Handler(JsonHandler):
        def do_GET(self) -> None:
            self.reply(*service.model())

        def do_POST(self) -> None:
            self.reply(*service.predict(self.content(), self.headers["Authorization"]))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
