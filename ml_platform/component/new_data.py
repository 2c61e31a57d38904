"""Whether the source has new data: it is read and validated on a schedule, and nothing trained."""

import dagster as dg

from ml_platform.component.jobs import MODEL_TAG, ModelJob, job_of
from ml_platform.spec.load import Declaration


def data_jobs(declaration: Declaration) -> list[ModelJob]:
    """The job that reads the source and validates it, where a schedule for that is declared."""
    if declaration.spec.retraining.data_schedule is None:
        return []
    name = declaration.spec.name
    about = f"Read the source of {name} and validate it, so that what is new can start a training."
    return [job_of(name, _name(name), "raw_data", "validated_data", about=about)]


def data_schedules(declaration: Declaration) -> list[dg.ScheduleDefinition]:
    """Its schedule, running from the start."""
    retraining, name = declaration.spec.retraining, declaration.spec.name
    if retraining.data_schedule is None or not retraining.automatic:
        return []

    @dg.schedule(
        name=_name(name),
        job_name=_name(name),
        cron_schedule=retraining.data_schedule,
        execution_timezone=retraining.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Look for new data of {name}: {retraining.data_schedule}.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        tick = context.scheduled_execution_time.isoformat()
        return dg.RunRequest(run_key=f"{name}:new_data:{tick}", tags={MODEL_TAG: name})

    return [schedule]


def _name(model: str) -> str:
    """The name of both."""
    return f"{model}_new_data"
