"""The ASGI application: it moves bytes between HTTP and the desk, and decides nothing.

The hot protocol answers most of `/predict` and `/predict-batch` before they come here; what does
come here gets the same bytes.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from time import perf_counter
from typing import Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ml_platform.serving.answers import JsonReply
from ml_platform.serving.http.desk import Desk, headers_of, is_large, key_of, plain_header
from ml_platform.serving.http.docs import PAGE_HEADERS, page
from ml_platform.serving.http.line import length_of, request_id_of


class Counter(Protocol):
    """What a worker has open: its desk, and what it tells of itself."""

    desk: Desk

    def openapi(self) -> bytes:
        """Return the OpenAPI document of what is served now."""
        ...

    def metrics(self) -> bytes:
        """Return the metrics of the service in Prometheus' text format."""
        ...

    async def start(self) -> None:
        """Begin what runs beside the requests."""
        ...

    async def stop(self) -> None:
        """End it, and close the journal."""
        ...


def create_app(open_counter: Callable[[], Counter]) -> Starlette:
    """Return the application of one worker.

    open_counter: loads the model; called when the server starts, not when the application is
        made, so that a supervisor process which only looks at the application loads no model.
    """
    return Starlette(
        routes=[
            Route("/health", _told(lambda desk: desk.replies.health()), methods=["GET"]),
            Route("/model", _told(lambda desk: desk.replies.model()), methods=["GET"]),
            Route("/openapi.json", _openapi, methods=["GET"]),
            Route("/docs", _docs, methods=["GET"]),
            *(
                Route(path, _asked, methods=["POST"])
                for path in ("/predict", "/predict-batch", "/feedback")
            ),
        ],
        lifespan=_lifespan(open_counter),
        exception_handlers={
            HTTPException: _no_such_route,
            ClientDisconnect: _gone,
            Exception: _failed,
        },
    )


Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def _lifespan(open_counter: Callable[[], Counter]) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
        app.state.counter = counter = open_counter()
        await counter.start()
        try:
            yield
        finally:
            await counter.stop()

    return lifespan


def _told(tell: Callable[[Desk], JsonReply]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return _response(tell(_counter(request).desk))

    return endpoint


async def _openapi(request: Request) -> Response:
    return Response(_counter(request).openapi(), media_type="application/json")


async def _docs(request: Request) -> Response:
    return Response(page(), media_type="text/html", headers=PAGE_HEADERS)


async def _asked(request: Request) -> Response:
    """Answer a POST route: the same steps as the hot protocol takes."""
    received = perf_counter()
    desk = _counter(request).desk
    headers = dict(request.scope["headers"])
    key = headers.get(b"x-api-key") or key_of(headers.get(b"authorization", b""))
    route = request.url.path
    length = length_of(headers)
    refused = desk.admit(route, key=key, length=length)
    if refused is not None:
        return _response(refused, last=b"expect" in headers)
    try:
        body = await _body(request, desk)
        if isinstance(body, JsonReply):
            return _response(body, last=body.status == 408)
        reply: asyncio.Future[JsonReply] = asyncio.get_running_loop().create_future()

        def send(found: JsonReply) -> None:
            if not reply.done():  # the client has hung up
                reply.set_result(found)

        request_id = plain_header(request_id_of(headers))
        desk.answer(route, body, request_id, send, received=received)
        return _response(await reply)
    finally:
        desk.leave(large=is_large(length))


async def _body(request: Request, desk: Desk) -> bytes | JsonReply:
    """Read the body, and stop as soon as it is over the limit, or over its time."""
    limit = desk.limits.body_bytes
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(desk.limits.request_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    return desk.too_large()
                chunks.append(chunk)
    except TimeoutError:
        return desk.too_slow()
    return b"".join(chunks)


async def _no_such_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return _response(_counter(request).desk.no_route(status))


async def _gone(request: Request, error: Exception) -> Response:
    """Answer nobody: the client hung up before its body was complete."""
    return _response(_counter(request).desk.incomplete())


async def _failed(request: Request, error: Exception) -> Response:
    """Answer in the usual shape; the server logs the error with its traceback."""
    return _response(_counter(request).desk.internal_error())


def _counter(request: Request) -> Counter:
    return request.app.state.counter


def _response(reply: JsonReply, *, last: bool = False) -> Response:
    headers = headers_of(reply)
    if last:
        headers["connection"] = "close"
    return Response(reply.body, reply.status, headers=headers)
