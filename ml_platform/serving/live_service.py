"""The entry point of `ml-platform serve NAME`: BentoML imports `service` from here."""

import os
from typing import TYPE_CHECKING

from ml_platform.serving.service import http_service

if TYPE_CHECKING:
    from ml_platform.serving.worker import Worker


def _open_worker() -> "Worker":
    from ml_platform.serving.live_worker import open_live
    from ml_platform.settings import Settings

    return open_live(_MODEL, Settings.from_environment())


# BentoML wants the service when the module is imported, in a process that was started for it.
_MODEL = os.environ.get("ML_PLATFORM_SERVE_MODEL", "model")

service = http_service(_open_worker, name=_MODEL)
