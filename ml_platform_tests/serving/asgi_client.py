"""A synchronous client of an ASGI application in this process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from starlette.applications import Starlette


class AsgiClient:
    """Sends each request through the application, as a server would."""

    def __init__(self, app: Starlette, runner: asyncio.Runner) -> None:
        self._app = app
        self._runner = runner

    def get(self, path: str) -> httpx.Response:
        return self._runner.run(self._send("GET", path))

    def post(self, path: str, **content: Any) -> httpx.Response:
        return self._runner.run(self._send("POST", path, **content))

    async def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **content)


@contextmanager
def started(app: Starlette) -> Iterator[AsgiClient]:
    """Run the application's start and stop around the block."""
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        yield AsgiClient(app, runner)
        runner.run(lifespan.__aexit__(None, None, None))
