"""From one YAML to a gated, served and retrained release of a tabular model."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Resolve `type: ml_platform.MLModel` without importing dagster where it is not needed."""
    if name == "MLModel":
        from ml_platform.component.model import MLModel

        return MLModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
