"""BentoML's /metrics with ours behind its own."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class MetricsAppendix:
    """ASGI middleware that adds lines to the answer of /metrics, and to nothing else.

    more: gives the lines, in the format that BentoML's answer has.
    """

    def __init__(self, app: App, *, more: Callable[[], bytes]) -> None:
        self._app = app
        self._more = more

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass everything on, and hold back the metrics until ours are added."""
        if scope["type"] != "http" or scope["path"] != "/metrics":
            await self._app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def gather(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body.extend(message.get("body", b""))
            if message.get("more_body", False):
                return
            if start["status"] == 200:
                body.extend(self._more())
            kept = [header for header in start["headers"] if header[0] != b"content-length"]
            length = (b"content-length", str(len(body)).encode())
            await send({**start, "headers": [*kept, length]})
            await send({"type": "http.response.body", "body": bytes(body)})

        await self._app(scope, receive, gather)
