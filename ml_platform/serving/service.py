"""The BentoML service; the only module of the running service that knows BentoML."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bentoml

from ml_platform.serving.app import create_app
from ml_platform.serving.replies import Replies

HOT_ROUTES = ("/predict", "/predict-batch")


def bento_service(folder: Path, *, name: str) -> Any:
    """Return the `bentoml.Service` of the release in `folder`.

    BentoML keeps its own routes (/livez, /readyz, /metrics and its page at /); ours are mounted
    beside them. The model is read by each worker as it starts, not by the supervisor.
    """

    class Release:
        """Predictions of one version of one model."""

    service = bentoml.service(
        name=name,
        logging={"access": {"enabled": False}},  # a formatted record a request is a third of it
        tracing={"excluded_urls": list(HOT_ROUTES)},
    )(Release)
    service.mount_asgi_app(create_app(_loader(folder)), path="/")
    return service


def _loader(folder: Path) -> Callable[[], Replies]:
    def load() -> Replies:
        from ml_platform.serving.bundle import Bundle

        return Bundle.read(folder).replies()

    return load
