"""Logging a training to an MLflow run in as few calls as its limits allow."""

import json
import time
from collections.abc import Mapping
from typing import Any

from ml_platform.registry.version import TrainingRows

# MLflow's limits for one call of `log_batch` and for the texts in it.
_PER_CALL = 100
_METRICS_PER_CALL = 1000
_LONGEST_PARAM = 6000
_LONGEST_TAG = 5000
_LONGEST_DIGEST = 36


def log_training(
    client: Any,
    run_id: str,
    *,
    params: Mapping[str, Any],
    metrics: Mapping[str, float | None],
    dataset: TrainingRows | None,
    tags: Mapping[str, str],
) -> None:
    """Log parameters, metrics, the dataset and tags; too long texts are cut.

    A parameter cannot change in MLflow: where a retry of the run has another value than the
    first attempt, it is logged as `<name>.<first 8 of the Dagster run>`.
    """
    from mlflow.entities import Metric, Param, RunTag

    now = int(time.time() * 1000)
    texts = {key: _text(value)[:_LONGEST_PARAM] for key, value in params.items()}
    if texts:
        texts = _new_params(client.get_run(run_id), texts)
    all_params = [Param(key, value) for key, value in texts.items()]
    all_tags = [RunTag(key, str(value)[:_LONGEST_TAG]) for key, value in tags.items()]
    all_metrics = [
        Metric(key, float(value), now, 0) for key, value in metrics.items() if value is not None
    ]
    calls = max(
        -(-len(all_params) // _PER_CALL),
        -(-len(all_tags) // _PER_CALL),
        -(-len(all_metrics) // _METRICS_PER_CALL),
    )
    for call in range(calls):
        part = slice(call * _PER_CALL, (call + 1) * _PER_CALL)
        metric_part = slice(call * _METRICS_PER_CALL, (call + 1) * _METRICS_PER_CALL)
        client.log_batch(
            run_id, metrics=all_metrics[metric_part], params=all_params[part], tags=all_tags[part]
        )
    if dataset is not None:
        _log_dataset(client, run_id, dataset)


def _new_params(run: Any, params: Mapping[str, str]) -> dict[str, str]:
    logged = run.data.params
    attempt = str(run.data.tags.get("dagster_run_id", "retry"))[:8]
    new: dict[str, str] = {}
    for key, value in params.items():
        name = key if logged.get(key, value) == value else f"{key}.{attempt}"
        if name not in logged:
            new[name] = value
    return new


def _log_dataset(client: Any, run_id: str, dataset: TrainingRows) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    entity = Dataset(
        name=dataset.name,
        digest=dataset.hash[:_LONGEST_DIGEST],
        source_type="delta",
        source=json.dumps({"table": dataset.name, "content_hash": dataset.hash}),
        profile=json.dumps({"num_rows": dataset.rows}),
    )
    context = InputTag("mlflow.data.context", "training")
    client.log_inputs(run_id, [DatasetInput(entity, [context])])


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
