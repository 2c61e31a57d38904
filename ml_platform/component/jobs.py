"""The job that takes a model from source to release, and the schedule that starts it."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from ml_platform.spec.load import Declaration

MODEL_TAG = "ml_platform/model"
"""Run tag that names the model a run belongs to."""


def model_job(declaration: Declaration) -> UnresolvedAssetJobDefinition:
    """All assets of the model with their gates."""
    name = declaration.spec.name
    return dg.define_asset_job(
        f"{name}_release",
        selection=dg.AssetSelection.groups(name),
        description=f"Read, validate, train, evaluate and deploy {name}.",
        tags={MODEL_TAG: name},
    )


def model_schedules(
    declaration: Declaration, job: UnresolvedAssetJobDefinition
) -> list[dg.ScheduleDefinition]:
    """The declared retraining schedule, running from the start; none where none is declared."""
    retraining = declaration.spec.retraining
    if retraining.schedule is None:
        return []
    return [
        dg.ScheduleDefinition(
            name=f"{declaration.spec.name}_retraining",
            job=job,
            cron_schedule=retraining.schedule,
            execution_timezone=retraining.timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description=f"Retrain {declaration.spec.name}: {retraining.schedule}.",
        )
    ]
