"""Gate records as asset checks that really stop a run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from ml_platform.gates.gate import Stage
from ml_platform.gates.result import GateRecord
from ml_platform.spec.load import Declaration


def check_specs(
    declaration: Declaration, key: dg.AssetKey, stage: Stage
) -> Sequence[dg.AssetCheckSpec]:
    """One check for each gate of the stage; the contract is the gate of validated data."""
    if stage is Stage.VALIDATED_DATA:
        about = "Every row and the table as a whole keep the declared contract."
        contract = dg.AssetCheckSpec("contract", asset=key, blocking=True, description=about)
        return [contract]
    return [
        dg.AssetCheckSpec(
            gate.check_name,
            asset=key,
            blocking=gate.enforce == "block",
            description=type(gate).__doc__,
        )
        for gate in declaration.spec.all_gates(stage)
    ]


def check_results(
    key: dg.AssetKey, records: Sequence[GateRecord], *, metadata: Mapping[str, Any] | None = None
) -> Iterator[dg.AssetCheckResult]:
    """The records as Dagster sees them: ERROR where a gate blocks, else WARN."""
    for record in records:
        result = record.result
        severity = dg.AssetCheckSeverity.ERROR if record.blocks else dg.AssetCheckSeverity.WARN
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=record.check,
            passed=result.verdict == "passed",
            severity=severity,
            description=result.reason,
            metadata={**_measured(record), **(metadata or {})},
        )


def stop_if_blocked(
    declaration: Declaration, key: dg.AssetKey, records: Sequence[GateRecord]
) -> None:
    """End the run when a gate blocks, saying which, why, and what one can do.

    Raises dagster.Failure that no retry policy repeats.
    """
    blocking = [record for record in records if record.blocks]
    if not blocking:
        return
    verdicts = "\n".join(f"  {r.check}: {r.result.verdict}: {r.result.reason}" for r in blocking)
    raise dg.Failure(
        f"{key.to_user_string()} is blocked by {len(blocking)} gate(s):\n{verdicts}\n"
        "What you can do:\n"
        "  1. Look at the report linked from the check, and mend the data or the model.\n"
        f"  2. Change the gate, where its bound is wrong, in {declaration.file}.\n"
        f"  3. {_way_round(blocking)}",
        metadata={record.check: record.result.reason for record in blocking},
        allow_retries=False,
    )


def _way_round(blocking: Sequence[GateRecord]) -> str:
    if any(record.check == "contract" for record in blocking):
        return "Set `on_invalid: quarantine` on the contract to go on without the bad rows."
    return "Set `enforce: warn` on the gate to see it without being stopped."


def _measured(record: GateRecord) -> dict[str, Any]:
    result = record.result
    found: dict[str, Any] = {"verdict": result.verdict}
    if result.value is not None:
        found["value"] = result.value
    if result.bound is not None:
        found["bound"] = result.bound
    if result.interval is not None:
        found["interval"] = list(result.interval)
    if result.rows is not None:
        found["rows"] = result.rows
    if result.details:
        found["details"] = dg.MetadataValue.json(result.details)
    return found
