"""The job that takes a model from source to release, and the schedule that starts it."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from ml_platform.gates.gate import Stage
from ml_platform.spec.load import Declaration

MODEL_TAG = "ml_platform/model"
"""Run tag that names the model a run belongs to."""


def release_job_name(model: str) -> str:
    """The name of the job that takes a model from source to release."""
    return f"{model}_release"


def model_job(declaration: Declaration) -> UnresolvedAssetJobDefinition:
    """The assets of a release with their gates; what happens in production has jobs of its own."""
    name = declaration.spec.name
    assets = ("raw_data", *(stage.value for stage in Stage))
    return dg.define_asset_job(
        release_job_name(name),
        selection=dg.AssetSelection.assets(*([name, asset] for asset in assets)),
        description=f"Read, validate, train, evaluate and deploy {name}.",
        tags={MODEL_TAG: name},
    )


def ingest_job(declaration: Declaration) -> UnresolvedAssetJobDefinition:
    """The asset `inference_log` of the model."""
    name = declaration.spec.name
    return dg.define_asset_job(
        ingest_job_name(name),
        selection=dg.AssetSelection.assets([name, "inference_log"]),
        description=f"Move what the services of {name} logged into its inference table.",
        tags={MODEL_TAG: name},
    )


def monitoring_job(declaration: Declaration) -> UnresolvedAssetJobDefinition:
    """The asset `monitoring_report` of the model, a window a run."""
    name = declaration.spec.name
    return dg.define_asset_job(
        monitoring_job_name(name),
        selection=dg.AssetSelection.assets([name, "monitoring_report"]),
        description=f"Report on a window of {name} in production.",
        tags={MODEL_TAG: name},
    )


def monitoring_job_name(model: str) -> str:
    """The name of the job that reports on a model's production."""
    return f"{model}_monitoring"


def ingest_job_name(model: str) -> str:
    """The name of the job that ingests a model's journal."""
    return f"{model}_ingest"
