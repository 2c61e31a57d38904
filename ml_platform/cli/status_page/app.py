"""The status page as a small web application."""

from datetime import datetime
from html import escape
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from ml_platform.cli.status_page.orders import LOOPBACK, Refused, carry_out, check_origin, keys_file
from ml_platform.cli.status_page.overview import Declarations, overview
from ml_platform.cli.status_page.page import shell, status_html
from ml_platform.clock import utc_now
from ml_platform.exceptions import MLPlatformError
from ml_platform.settings import Settings

MOST_BYTES = 8_192
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def status_app(settings: Settings, *, host: str = "127.0.0.1") -> Starlette:
    """The application. host: what it listens on; on loopback it answers to no other name.

    Everybody who reaches it may read; an order needs an API key.
    """
    page = _Pages(settings)
    local = Middleware(TrustedHostMiddleware, allowed_hosts=sorted(LOOPBACK))
    return Starlette(
        routes=[
            Route("/", page.status, methods=["GET"]),
            Route("/order", page.order, methods=["POST"]),
        ],
        middleware=[local] if host in LOOPBACK else [],
    )


class _Pages:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._declarations = Declarations(settings)

    def status(self, request: Request) -> HTMLResponse:
        """`GET /`; on a thread, as Starlette runs what is not async."""
        now: datetime = utc_now()
        try:
            seen = overview(self._settings, self._declarations, now=now)
            keys = keys_file(self._settings) is not None
        except MLPlatformError as error:
            return _answer(503, "The status cannot be read", [str(error)])
        refresh = request.query_params.get("refresh") == "on"
        text = status_html(seen, self._settings, keys=keys, refresh=refresh)
        return HTMLResponse(text, headers=HEADERS)

    async def order(self, request: Request) -> HTMLResponse:
        """`POST /order`: the form of a model."""
        try:
            check_origin(request.headers)
            body = await _body(request)
            lines = await run_in_threadpool(carry_out, self._settings, body)
        except Refused as refused:
            return _answer(refused.status, "Not done", [str(refused)])
        except MLPlatformError as error:
            return _answer(409, "Not done", [str(error)])
        return _answer(200, "Done", list(lines))


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise Refused(413, f"an order has at most {MOST_BYTES} bytes")
    return body


def _answer(status: int, title: str, lines: list[str]) -> HTMLResponse:
    said: list[Any] = [f"<p>{escape(line)}</p>" for line in lines]
    text = shell(title, [*said, '<p><a href="/">Back to all models</a></p>'])
    return HTMLResponse(text, status_code=status, headers=HEADERS)
