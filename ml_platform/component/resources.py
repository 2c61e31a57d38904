"""The resources of the platform and the executor its runs use."""

import os
from collections.abc import Mapping

import dagster as dg

from ml_platform.component.handles import HandleIOManager
from ml_platform.component.mlflow_resource import mlflow_resource
from ml_platform.component.platform import PlatformResource
from ml_platform.exceptions import DeclarationError


def resources() -> dict[str, object]:
    """What assets find under `platform`, `handles` and `mlflow`."""
    platform = PlatformResource()
    return {
        "platform": platform,
        "handles": HandleIOManager(platform=platform),
        "mlflow": mlflow_resource,
    }


def executor(environ: Mapping[str, str] = os.environ) -> dg.ExecutorDefinition:
    """The executor that `ML_PLATFORM_EXECUTOR` names; one process unless told otherwise.

    A process for each step costs seconds of imports a step; `forkserver` imports them once.
    Raises DeclarationError for another name.
    """
    name = environ.get("ML_PLATFORM_EXECUTOR", "in_process")
    if name == "in_process":
        return dg.in_process_executor
    if name == "forkserver":
        preload = ["ml_platform.definitions", "ml_platform.component.steps.train"]
        start = {"forkserver": {"preload_modules": preload}}
        return dg.multiprocess_executor.configured({"start_method": start})
    if name == "multiprocess":
        return dg.multiprocess_executor
    raise DeclarationError(
        f"ML_PLATFORM_EXECUTOR is {name!r} (valid: in_process, forkserver, multiprocess)"
    )
