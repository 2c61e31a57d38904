"""The last known release state on disk: a service that starts without its store serves on."""

import logging
import os
import tempfile
from pathlib import Path

from pydantic import ValidationError

from ml_platform.release.state import ReleaseState

_log = logging.getLogger(__name__)


class StateCache:
    """`<home>/serving/<model>/state.json`, shared by all workers of the model on this machine."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> ReleaseState | None:
        """Return the state; None where there is none, or none that can be read."""
        try:
            return ReleaseState.model_validate_json(self.file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValidationError, ValueError) as error:
            _log.warning("%s cannot be read: %s", self.file, error)
            return None

    def write(self, state: ReleaseState) -> None:
        """Keep a state, whole or not at all; an older one does not replace a newer.

        A disk that is full costs the cache, not the service: it is logged.
        """
        known = self.read()
        if known is not None and known.revision >= state.revision:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(self.file, state.model_dump_json(indent=1))
        except OSError as error:
            _log.warning("%s cannot be written: %s", self.file, error)


def _write_whole(file: Path, text: str) -> None:
    """Replace a file by one rename, so that who reads it sees the old text or the new."""
    number, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as opened:
            opened.write(text)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise
