"""One look at a service that runs: which version it says it is, and whether it predicts."""

import json
import urllib.error
import urllib.request
from typing import Any

from ml_platform.plugins import Strict

_SECONDS = 3.0
_REFUSED = (401, 403)


class Seen(Strict):
    """What a service answered.

    version: of `GET /model`; predicted_by: the version in the answer of `POST /predict`.
    problem: what is not as it should be; "" where all is well. note: what could not be tried.
    """

    url: str
    version: int | None = None
    predicted_by: int | None = None
    problem: str = ""
    note: str = ""


def look(url: str, *, version: int, example: dict[str, Any] | None) -> Seen:
    """Ask a service what is live, and for a prediction of `example`, a record."""
    try:
        status, body = _ask(f"{url}/model", None)
        if status != 200:
            return Seen(url=url, problem=f"GET /model answered {status}")
        live = int(body["model_version"])
        if live != version:
            return Seen(url=url, version=live, problem=f"it says that version {live} is live")
        return _predicts(url, version, example)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Seen(url=url, problem=f"{type(error).__name__}: {error}")


def _predicts(url: str, version: int, example: dict[str, Any] | None) -> Seen:
    if example is None:
        return Seen(url=url, version=version, note="no example is kept of this version")
    status, body = _ask(f"{url}/predict", json.dumps(example).encode())
    if status in _REFUSED:
        return Seen(url=url, version=version, note="POST /predict asks for an API key")
    if status != 200:
        return Seen(url=url, version=version, problem=f"POST /predict answered {status}: {body}")
    by = int(body["model_version"])
    problem = "" if by == version else f"version {by} answered POST /predict"
    return Seen(url=url, version=version, predicted_by=by, problem=problem)


def _ask(url: str, body: bytes | None) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(500).decode(errors="replace")
