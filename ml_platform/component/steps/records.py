"""The verdicts of contract, data gates and training gates, kept with the MLflow run."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from ml_platform.component.platform import Platform
from ml_platform.gates.result import GateRecord
from ml_platform.registry.sealed import seal, sealed

RECORDS = "gates/training.json"
"""Artifact of the MLflow run: the records of the contract, of data gates and training gates."""

_RECORDS = TypeAdapter(tuple[GateRecord, ...])


def read_records(platform: Platform, run_id: str) -> tuple[GateRecord, ...] | None:
    """The records as training logged them; None when they are gone, or were altered."""
    text = sealed(platform.registry, run_id, RECORDS)
    return None if text is None else _RECORDS.validate_json(text)


def write_records(platform: Platform, run_id: str, records: Sequence[GateRecord]) -> None:
    """Log the records, in place of those that are there."""
    text = _RECORDS.dump_json(tuple(records), indent=1).decode()
    seal(platform.registry, run_id, RECORDS, text)
