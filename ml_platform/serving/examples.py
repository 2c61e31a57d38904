"""A record that a client could send to a version, kept for the smoke test of a rollback."""

import json
from typing import Any

from ml_platform.data.handles import HandleStore


def keep_example(handles: HandleStore, model: str, version: int, record: dict[str, Any]) -> None:
    """Keep a record of the holdout."""
    handles.write(_path(model, version), json.dumps(record, ensure_ascii=False))


def kept_example(handles: HandleStore, model: str, version: int) -> dict[str, Any] | None:
    """Return that record; None where the version was deployed without one."""
    text = handles.read(_path(model, version))
    return None if text is None else json.loads(text)


def _path(model: str, version: int) -> str:
    return f"{model}/deployed_bento/example-{version}.json"
