"""One look at a service that runs: which version it says it is, and whether it predicts."""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from ml_platform.plugins import Strict
from ml_platform.serving.ids import FIELD as PREDICTION_ID

KEY_VARIABLE = "ML_PLATFORM_API_KEY"

_SECONDS = 3.0


class Seen(Strict):
    """What a service answered.

    version: of `GET /model`; predicted_by: the version in the answer of `POST /predict`.
    problem: what is not as it should be, or could not be tried; "" where all is well.
    """

    url: str
    version: int | None = None
    predicted_by: int | None = None
    problem: str = ""


def configured_key(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the API key with which the platform itself asks services; None without one."""
    return environ.get(KEY_VARIABLE, "").strip() or None


def look(
    url: str,
    *,
    version: int,
    example: Mapping[str, Any] | None,
    prediction_id: str,
    key: str | None = None,
) -> Seen:
    """Ask a service what is live, and for a prediction of `example`, a record.

    prediction_id: under which it is journaled. key: API key; None sends none.
    """
    try:
        status, body = _ask(f"{url}/model", None, key)
        if status != 200:
            return Seen(url=url, problem=f"GET /model answered {status}")
        live = int(body["model_version"])
        if live != version:
            return Seen(url=url, version=live, problem=f"it says that version {live} is live")
        record = None if example is None else {**example, PREDICTION_ID: prediction_id}
        return _predicts(url, version, record, key)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        return Seen(url=url, problem=f"{type(error).__name__}: {error}")


def _predicts(url: str, version: int, record: Mapping[str, Any] | None, key: str | None) -> Seen:
    if record is None:
        problem = "POST /predict was not tried: no example is kept of this version"
        return Seen(url=url, version=version, problem=problem)
    status, body = _ask(f"{url}/predict", json.dumps(record).encode(), key)
    if status == 401:
        found = "does not know the API key" if key else f"asks for an API key ({KEY_VARIABLE})"
        problem = f"POST /predict {found}"
        return Seen(url=url, version=version, problem=problem)
    if status != 200:
        return Seen(url=url, version=version, problem=f"POST /predict answered {status}: {body}")
    by = int(body["model_version"])
    problem = "" if by == version else f"version {by} answered POST /predict"
    return Seen(url=url, version=version, predicted_by=by, problem=problem)


def _ask(url: str, body: bytes | None, key: str | None) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(500).decode(errors="replace")
