"""BentoML's answers to what has no route, in the shape of every other refusal."""

from collections.abc import Callable, MutableMapping
from typing import Any

from ml_platform.serving.answers import JsonReply
from ml_platform.serving.http.appendix import App, Message, Receive, Send
from ml_platform.serving.http.desk import headers_of


class Unrouted:
    """ASGI middleware that answers a 404 or 405 in plain text with a refusal.

    refusal: gives it by its status; None where there is nobody yet to refuse anything.
    """

    def __init__(self, app: App, *, refusal: Callable[[int], JsonReply | None]) -> None:
        self._app = app
        self._refusal = refusal

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass everything else on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reply: JsonReply | None = None

        async def answer(message: Message) -> None:
            nonlocal reply
            if message["type"] == "http.response.start" and _is_unrouted(message):
                reply = self._refusal(message["status"])
            if reply is None:
                await send(message)
            elif message["type"] == "http.response.start":
                headers = headers_of(reply).items()
                told = [(name.encode(), str(value).encode()) for name, value in headers]
                await send({**message, "headers": told})
                await send({"type": "http.response.body", "body": reply.body})

        await self._app(scope, receive, answer)


def _is_unrouted(start: Message) -> bool:
    """Tell whether an answer begins as the one of a router that knows no such route."""
    types = [value for name, value in start["headers"] if name.lower() == b"content-type"]
    return start["status"] in (404, 405) and any(kind.startswith(b"text/plain") for kind in types)
