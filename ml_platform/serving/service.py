"""The BentoML service; the only module of the running service that knows BentoML."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bentoml

from ml_platform.serving.app import create_app
from ml_platform.serving.http import seam
from ml_platform.serving.http.appendix import MetricsAppendix
from ml_platform.serving.http.unrouted import Unrouted
from ml_platform.serving.orphan import end_with_parent
from ml_platform.serving.stuck import end_when_stuck

if TYPE_CHECKING:
    from ml_platform.serving.http.desk import Desk
    from ml_platform.serving.worker import Worker

ASKED = ("/predict", "/predict-batch", "/feedback")
JOURNAL_VARIABLE = "ML_PLATFORM_JOURNAL"


def bento_service(folder: Path, *, name: str) -> Any:
    """Return the `bentoml.Service` of the release in `folder`, as it is."""

    def open_worker() -> "Worker":
        from ml_platform.serving.fixed_worker import open_fixed

        journal = os.environ.get(JOURNAL_VARIABLE)
        return open_fixed(folder, journal=Path(journal) if journal else None)

    return http_service(open_worker, name=name, workers=_workers(folder))


def http_service(
    open_worker: "Callable[[], Worker]", *, name: str, workers: int | None = None
) -> Any:
    """Return a `bentoml.Service` that answers with what `open_worker` opens in each worker.

    BentoML keeps its own routes (/livez, /readyz, /metrics and its page at /); ours are mounted
    beside them, our metrics stand behind its own, and the hot routes are answered before they
    come to any of it. The supervisor makes the service too, and opens nothing.

    BentoML's own time-out of 60 s stays around what does come to it: `traffic.timeout` must be a
    number above 0, so it cannot be switched off, and a shorter one would end, with an answer that
    is not ours, requests that `limits.request_seconds` allows. It keeps something of every request
    for its 60 s, which is why the hot routes are answered before it.

    Nor do spans begin for what our routes are asked: a span costs more than the prediction. The
    trace id of a request is in its journal record instead. Where `seam.VARIABLE` asks for it, the
    requests that their callers' tracing keeps come to BentoML after all, and it is told to leave
    out no route: its sampler goes by what the caller decided.

    workers: processes that answer; one for each core if None.
    """
    opened: list[Worker] = []

    def open_one() -> "Worker":
        end_with_parent()
        worker = open_worker()
        worker.at_end(end_when_stuck(lambda: worker.spec.limits.hang_seconds))
        opened[:] = [worker]
        return worker

    class Release:
        """Predictions of one model."""

    hot = seam.install(lambda: _desk(opened))
    service = bentoml.service(
        name=name,
        workers=workers or "cpu_count",
        logging={"access": {"enabled": False, "skip_paths": list(ASKED)}},
        tracing={"excluded_urls": [] if hot and seam.traces_sampled() else list(ASKED)},
        http={"response": {"trace_id": False}},
    )(Release)
    service.add_asgi_middleware(
        MetricsAppendix, more=lambda: opened[0].metrics() if opened else b""
    )
    service.add_asgi_middleware(
        Unrouted, refusal=lambda status: opened[0].desk.no_route(status) if opened else None
    )
    service.mount_asgi_app(create_app(open_one), path="/")
    return service


def _workers(folder: Path) -> int | None:
    """How many the declaration asks for; a Bento that lacks it says so when a worker reads it."""
    with suppress(OSError, ValueError):
        return json.loads((folder / "serving.json").read_text(encoding="utf-8")).get("workers")
    return None


def _desk(opened: "list[Worker]") -> "Desk | None":
    return opened[0].desk if opened else None
