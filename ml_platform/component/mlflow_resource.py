"""dagster-mlflow's resource, joined to the MLflow run of the platform's own assets."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import dagster as dg

from ml_platform.component.jobs import MODEL_TAG
from ml_platform.component.platform import PlatformResource

OUTSIDE = "team_assets"
"""Experiment of runs that belong to no declared model."""


@dg.resource(
    required_resource_keys={"platform"},
    description="dagster-mlflow's client, in the MLflow run of this Dagster run.",
)
def mlflow_resource(context: dg.InitResourceContext) -> Iterator[Any]:
    """Offer `context.resources.mlflow` to a team's own assets.

    dagster-mlflow looks for its run by the tag `dagster_run_id` in one experiment; the platform
    keeps an experiment for each model and sets that tag, so both log to the same run.
    """
    from dagster_mlflow import mlflow_tracking

    platform: PlatformResource = context.resources.platform
    registry = platform.stores.registry
    experiment = model_of_run(context.run)
    registry.experiment(experiment)  # made where the platform keeps its artifacts
    config = {
        "experiment_name": experiment,
        "mlflow_tracking_uri": registry.tracking_uri,
        "env": {},
        "extra_tags": {},
    }
    resource_fn = cast("Callable[[object], Iterator[Any]]", mlflow_tracking.resource_fn)
    client: Any = None
    for client in resource_fn(context.replace_config(config)):
        yield client
    client.end_run()  # else MLflow ends it at exit, in whatever store is then the default


def model_of_run(run: dg.DagsterRun | None) -> str:
    """The model a run belongs to, by its tag or by the assets it selects."""
    if run is None:
        return OUTSIDE
    if MODEL_TAG in run.tags:
        return run.tags[MODEL_TAG]
    prefixes = {key.path[0] for key in run.asset_selection or () if len(key.path) > 1}
    return prefixes.pop() if len(prefixes) == 1 else OUTSIDE
