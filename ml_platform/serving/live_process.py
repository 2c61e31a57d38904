"""`ml-platform serve NAME` as a process: it follows the release of a model until it is ended."""

import os
from pathlib import Path

from ml_platform.gates.evidence import Reply
from ml_platform.serving.live_worker import MODEL_VARIABLE, URL_VARIABLE
from ml_platform.serving.process import ServiceProcess
from ml_platform.settings import Settings

SERVICE = "ml_platform.serving.live_service:service"


class LiveServiceProcess(ServiceProcess):
    """The service of a model under its release state, in a process group of its own.

    settings: where release store, Bentos and journal are; the rest as in `ServiceProcess`.
    """

    def __init__(
        self,
        model: str,
        settings: Settings,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        workers: int = 1,
        start_timeout: float = 120.0,
        log: Path | None = None,
        private: bool = False,
    ) -> None:
        super().__init__(
            model,
            bentos=settings.bentos,
            host=host,
            port=port,
            workers=workers,
            start_timeout=start_timeout,
            log=log,
            private=private,
        )
        self._settings = settings

    def _check(self) -> None:
        """The service itself knows best what it can serve."""

    def _served(self) -> str:
        return SERVICE

    def _is_ready(self, health: Reply) -> bool:
        return health.status == 200 and health.body.get("model") == self.tag

    def _environment(self, scratch: Path) -> dict[str, str]:
        settings = self._settings
        return {
            **super()._environment(scratch),
            MODEL_VARIABLE: self.tag,
            URL_VARIABLE: self.url,
            "ML_PLATFORM_HOME": str(settings.home),
            "ML_PLATFORM_RELEASE_URL": settings.release_url,
            "PYTHONPATH": os.environ.get("PYTHONPATH", str(Path(__file__).parents[2])),
        }
