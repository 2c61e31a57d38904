"""The jobs of a model: its release, the ingestion of its log, its reports.

Dagster resolves a job against all assets there are, so that each job takes longer the more models
there are: those of 1,000 took minutes, longer than their code server is waited for. A job here is
of one model, and is resolved against its assets.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from ml_platform.gates.gate import Stage
from ml_platform.spec.load import Declaration

MODEL_TAG = "ml_platform/model"
"""Run tag that names the model a run belongs to."""


class ModelJob(UnresolvedAssetJobDefinition):
    """A job over assets of the model that its tag names."""

    def resolve(self, asset_graph: AssetGraph, *given: Any, **named: Any) -> dg.JobDefinition:
        """The job as Dagster makes it where there is no other model."""
        assert self.tags is not None
        own = _by_model(asset_graph)[self.tags[MODEL_TAG]]
        return super().resolve(AssetGraph.from_assets(own), *given, **named)


@lru_cache(maxsize=1)
def _by_model(assets: AssetGraph) -> Mapping[str, Sequence[dg.AssetsDefinition]]:
    """The assets by the first part of their keys, the name of the model, and their checks."""
    parts: dict[str, list[dg.AssetsDefinition]] = {}
    for each in assets.assets_defs:
        keys = {*each.keys, *(check.asset_key for check in each.check_keys)}
        for model in {key.path[0] for key in keys}:
            parts.setdefault(model, []).append(each)
    return parts


def job_of(model: str, name: str, *assets: str, about: str) -> ModelJob:
    """A job over assets of a model."""
    selection = dg.AssetSelection.assets(*([model, asset] for asset in assets))
    return ModelJob(name, selection=selection, description=about, tags={MODEL_TAG: model})


def release_job_name(model: str) -> str:
    """The name of the job that takes a model from source to release."""
    return f"{model}_release"


def model_job(declaration: Declaration) -> ModelJob:
    """The assets of a release with their gates; what happens in production has jobs of its own."""
    name = declaration.spec.name
    assets = ("raw_data", *(stage.value for stage in Stage))
    about = f"Read, validate, train, evaluate and deploy {name}."
    return job_of(name, release_job_name(name), *assets, about=about)


def ingest_job(declaration: Declaration) -> ModelJob:
    """The asset `inference_log` of the model."""
    name = declaration.spec.name
    about = f"Move what the services of {name} logged into its inference table."
    return job_of(name, ingest_job_name(name), "inference_log", about=about)


def monitoring_job(declaration: Declaration) -> ModelJob:
    """The asset `monitoring_report` of the model, a window a run."""
    name = declaration.spec.name
    about = f"Report on a window of {name} in production."
    return job_of(name, monitoring_job_name(name), "monitoring_report", about=about)


def monitoring_job_name(model: str) -> str:
    """The name of the job that reports on a model's production."""
    return f"{model}_monitoring"


def ingest_job_name(model: str) -> str:
    """The name of the job that ingests a model's journal."""
    return f"{model}_ingest"
