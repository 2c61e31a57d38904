"""What is done in this process, outside of any run, as Dagster and the next asset know it."""

from collections.abc import Iterable

import dagster as dg

from ml_platform.component.handles import Handle
from ml_platform.component.metadata import Metadata
from ml_platform.component.platform import Platform


def materialized_now(
    model: str,
    handle: Handle,
    *,
    instance: dg.DagsterInstance,
    platform: Platform,
    metadata: Metadata,
    checks: Iterable[dg.AssetCheckResult],
    partition: str | None = None,
) -> None:
    """Keep a handle as the latest of its asset, where it follows that, and tell the instance."""
    path, text = f"{model}/{handle.asset}/latest.json", handle.model_dump_json()
    latest = platform.handles.read(path)
    if latest is None or handle.follows(latest):
        platform.handles.write(path, text)
    key = dg.AssetKey([model, handle.asset])
    instance.report_runless_asset_event(
        dg.AssetMaterialization(key, metadata=metadata, partition=partition)
    )
    for check in checks:
        instance.report_runless_asset_event(_evaluation(key, check))


def _evaluation(key: dg.AssetKey, check: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """A check's result as the event that Dagster keeps."""
    assert check.check_name is not None
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=check.check_name,
        passed=check.passed,
        severity=check.severity,
        description=check.description,
        metadata=check.metadata,
    )
