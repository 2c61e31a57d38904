"""Which folders hold declared models."""

from pathlib import Path

from ml_platform.settings import Settings

SHIPPED = Path(__file__).parent.parent / "defs"


def model_roots(settings: Settings) -> tuple[Path, ...]:
    """Return the shipped models' folder and those of ML_PLATFORM_MODELS."""
    return (SHIPPED, *settings.models)
