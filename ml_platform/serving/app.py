"""The ASGI application: it moves bytes between HTTP and `Replies`, and decides nothing."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ml_platform.exceptions import BodyTooLarge
from ml_platform.serving.replies import JsonReply, Replies, failure, refusal

ROUTES = "GET /health, POST /predict, POST /predict-batch, GET /model"


def create_app(load: Callable[[], Replies]) -> Starlette:
    """Return the application of one release.

    load: opens the model; called when the server starts, not when the application is made, so
        that a supervisor process which only looks at the application loads no model.
    """
    return Starlette(
        routes=[
            Route("/health", _health, methods=["GET"]),
            Route("/model", _model, methods=["GET"]),
            Route("/predict", _posted(Replies.predict), methods=["POST"]),
            Route("/predict-batch", _posted(Replies.predict_batch), methods=["POST"]),
        ],
        lifespan=_lifespan(load),
        exception_handlers={
            HTTPException: _no_such_route,
            ClientDisconnect: _gone,
            Exception: _failed,
        },
    )


Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def _lifespan(load: Callable[[], Replies]) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
        app.state.replies = load()
        yield

    return lifespan


async def _health(request: Request) -> Response:
    return _response(_replies(request).health())


async def _model(request: Request) -> Response:
    return _response(_replies(request).model())


def _posted(
    answer: Callable[[Replies, bytes], JsonReply],
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        replies = _replies(request)
        try:
            body = await _body(request, limit=replies.body_limit)
        except BodyTooLarge as error:
            return _response(refusal(error))
        return _response(answer(replies, body))

    return endpoint


async def _body(request: Request, *, limit: int) -> bytes:
    """Read the body, and stop as soon as it is over the limit, whatever its header says."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise BodyTooLarge(limit=limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(limit=limit)
        chunks.append(chunk)
    return b"".join(chunks)


async def _no_such_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    reason = "method_not_allowed" if status == 405 else "not_found"
    return _response(failure(status, reason=reason, allowed=ROUTES))


async def _gone(request: Request, error: Exception) -> Response:
    """Answer nobody: the client hung up before its body was complete."""
    return _response(failure(400, reason="incomplete_body", allowed="a complete body"))


async def _failed(request: Request, error: Exception) -> Response:
    """Answer in the usual shape; the server logs the error with its traceback."""
    return _response(
        failure(500, reason="internal_error", allowed="this is the service's fault; see its log")
    )


def _replies(request: Request) -> Replies:
    return request.app.state.replies


def _response(reply: JsonReply) -> Response:
    return Response(reply.body, reply.status, media_type="application/json")
