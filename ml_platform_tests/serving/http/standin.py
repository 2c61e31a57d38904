"""A server in this process with replies and a journal that do as the test says."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import orjson
import uvicorn

from ml_platform.serving.answers import JsonReply, failure
from ml_platform.serving.app import create_app
from ml_platform.serving.counters import Tally
from ml_platform.serving.http.desk import Desk, RepliesLike
from ml_platform.serving.http.hot import HotProtocol
from ml_platform.serving.http.keys import ApiKeys
from ml_platform.serving.http.line import Encoder
from ml_platform.spec.serving import LimitsSpec

Done = Callable[[Exception | None], None]

END = b"GET /end HTTP/1.1\r\nConnection: close\r\n\r\n"
"""A question of which the answer is the last of the conversation."""


class EchoReplies:
    """Answers with the body; `refuse` is refused, `raise` raises, `log...` is journaled."""

    def __init__(self) -> None:
        self.received: list[float | None] = []
        self.request_us: list[int] = []

    def health(self) -> JsonReply:
        return JsonReply(200, b'{"status":"ok"}')

    def model(self) -> JsonReply:
        return JsonReply(200, b'{"model":"echo"}')

    def took(self, request_us: int) -> None:
        self.request_us.append(request_us)

    def predict(
        self, body: bytes, *, request_id: str = "", received: float | None = None
    ) -> JsonReply:
        self.received.append(received)
        if body == b"raise":
            raise ZeroDivisionError("a fault of the model")
        if body == b"refuse":
            return failure(400, reason="wrong_type", allowed="something else")
        records = (bytes(body),) if body.startswith(b"log") else ()
        answer = {"body": body.decode(), "request_id": request_id}
        return JsonReply(200, orjson.dumps(answer), records, timed=(self,))

    predict_batch = predict

    def feedback(self, body: bytes) -> JsonReply:
        return JsonReply(200, b'{"accepted":1}', (bytes(body),))


class HeldJournal:
    """Writes at the end of the tick, or when it is told to; `error` refuses."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting: list[Done] = []
        self.held = False
        self.error: Exception | None = None

    def add(self, records: Sequence[bytes], done: Done) -> None:
        self.waiting.append(done)
        if self.error is None:
            self.written += records
        if not self.held:
            asyncio.get_running_loop().call_soon(self.release)

    def release(self) -> None:
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done(self.error)


class StandIn:
    """What `create_app` wants, and the address where it answers.

    answering: gives the answers, and their door; those of an echo unless given.
    """

    def __init__(
        self,
        limits: LimitsSpec,
        keys: ApiKeys | None,
        *,
        exposed: bool,
        hot: bool,
        answering: tuple[RepliesLike, Tally] | None,
    ) -> None:
        self.journal = HeldJournal()
        self.hot = hot
        self.loop: asyncio.AbstractEventLoop
        self.server: uvicorn.Server
        self.port = 0
        self.replies = EchoReplies()
        replies, self.door = answering or (self.replies, Tally())
        self.desk = Desk(
            replies, self.journal, limits=limits, door=self.door, keys=keys, exposed=exposed
        )

    def openapi(self) -> bytes:
        return b"{}"

    def metrics(self) -> bytes:
        return b""

    async def start(self) -> None:
        self.loop = asyncio.get_running_loop()

    async def stop(self) -> None:
        pass

    def release_journal(self) -> None:
        self.loop.call_soon_threadsafe(self.journal.release)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def exchange(self, *pieces: bytes, wait: float = 0.05) -> bytes:
        """Send the pieces one after the other; all that comes back until the server closes."""
        with self.connect() as connection:
            for number, piece in enumerate(pieces):
                if number:
                    threading.Event().wait(wait)
                connection.sendall(piece)
            with contextlib.suppress(ConnectionError):
                connection.sendall(END)
            return received(connection).partition(b"HTTP/1.1 404")[0]


def received(connection: socket.socket) -> bytes:
    """All until the other side closes, or says nothing for a while."""
    content = b""
    connection.settimeout(1.0)
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        while piece := connection.recv(65536):
            content += piece
    return content


@contextmanager
def standin(
    *,
    hot: bool = True,
    limits: LimitsSpec | None = None,
    keys: ApiKeys | None = None,
    exposed: bool = False,
    keep_alive: int = 5,
    answering: tuple[RepliesLike, Tally] | None = None,
) -> Iterator[StandIn]:
    """A server on a free port, with the hot protocol or without."""
    limits = limits or LimitsSpec()
    counter = StandIn(limits, keys, exposed=exposed, hot=hot, answering=answering)
    members = {"desk_of": staticmethod(lambda: counter.desk), "encoder": Encoder()}
    config = uvicorn.Config(
        create_app(lambda: counter),
        http=type("Hot", (HotProtocol,), members) if hot else "httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=keep_alive,
    )
    counter.server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        counter.port = listening.getsockname()[1]
        thread = threading.Thread(target=counter.server.run, args=([listening],))
        thread.start()
        try:
            while not counter.server.started:
                threading.Event().wait(0.005)
            yield counter
        finally:
            counter.server.should_exit = True
            thread.join(10)
            assert not thread.is_alive(), "the server did not stop"
