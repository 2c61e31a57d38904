"""The verdicts of contract, data gates and training gates, kept with the MLflow run."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from ml_platform.component.platform import Platform
from ml_platform.exceptions import StoreError
from ml_platform.gates.result import GateRecord

RECORDS = "gates/training.json"
"""Artifact of the MLflow run: the records of the contract, of data gates and training gates."""

_RECORDS = TypeAdapter(tuple[GateRecord, ...])


def read_records(platform: Platform, run_id: str) -> tuple[GateRecord, ...]:
    """The records as training logged them. Raises StoreError when they are gone."""
    text = platform.registry.read_artifact_text(run_id, RECORDS)
    if text is None:
        raise StoreError(f"MLflow run {run_id} has no {RECORDS}; train again with --force")
    return _RECORDS.validate_json(text)


def write_records(platform: Platform, run_id: str, records: Sequence[GateRecord]) -> None:
    """Log the records, in place of those that are there."""
    text = _RECORDS.dump_json(tuple(records), indent=1).decode()
    folder, _, file = RECORDS.partition("/")
    platform.registry.log_artifacts(run_id, {file: text}, under=folder)
