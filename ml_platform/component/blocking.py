"""Gate records as asset checks that really stop a run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ml_platform.gates.gate import Stage
from ml_platform.gates.result import GateRecord
from ml_platform.registry.waiver import Waiver, unwaived, waiver_of, with_void
from ml_platform.registry.ways_on import past_gates
from ml_platform.spec.load import Declaration


def check_specs(
    declaration: Declaration, key: dg.AssetKey, stage: Stage
) -> Sequence[dg.AssetCheckSpec]:
    """One check for each gate of the stage; validated data has its contract before them."""
    about = "Every row and the table as a whole keep the declared contract."
    contract = dg.AssetCheckSpec("contract", asset=key, blocking=True, description=about)
    gates = [
        dg.AssetCheckSpec(
            gate.check_name,
            asset=key,
            blocking=gate.enforce == "block",
            description=type(gate).__doc__,
        )
        for gate in declaration.spec.all_gates(stage)
    ]
    return [contract, *gates] if stage is Stage.VALIDATED_DATA else gates


@dataclass(frozen=True)
class Waived:
    """The waivers of a version, as they hold at a time; None before there is a version."""

    waivers: tuple[Waiver, ...]
    now: datetime
    version: int | None = None

    def waiver_of(self, record: GateRecord) -> Waiver | None:
        """The waiver that lets this blocking record pass, if there is one."""
        return waiver_of(record, self.waivers, now=self.now) if record.blocks else None


NOTHING_WAIVED = Waived((), datetime.max.replace(tzinfo=UTC))


def check_results(
    key: dg.AssetKey,
    records: Sequence[GateRecord],
    *,
    metadata: Mapping[str, Any] | None = None,
    waived: Waived = NOTHING_WAIVED,
) -> Iterator[dg.AssetCheckResult]:
    """The records as Dagster sees them: ERROR where a gate blocks and is not waived, else WARN.

    Who waived one stands first, where an alert does not cut it off.
    """
    for record in records:
        result, waiver = record.result, waived.waiver_of(record)
        blocks = record.blocks and waiver is None
        severity = dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=record.check,
            passed=result.verdict == "passed",
            severity=severity,
            description=result.reason if waiver is None else f"{waiver}; {result.reason}",
            metadata={**_measured(record), **(metadata or {})},
        )


def stop_if_blocked(
    declaration: Declaration,
    key: dg.AssetKey,
    records: Sequence[GateRecord],
    *,
    waived: Waived = NOTHING_WAIVED,
) -> None:
    """End the run when a gate blocks, saying which, on what numbers, and what one can do.

    Raises dagster.Failure that no retry policy repeats.
    """
    blocking = unwaived(records, waived.waivers, now=waived.now)
    if not blocking:
        return
    verdicts = "\n".join(
        f"  {r.check}: {r.result.verdict}: {with_void(r, waived.waivers, now=waived.now)}"
        for r in blocking
    )
    ways = past_gates(
        blocking, model=declaration.spec.name, file=declaration.file, version=waived.version
    )
    raise dg.Failure(
        f"{key.to_user_string()} is blocked by {len(blocking)} gate(s):\n{verdicts}\n{ways}",
        metadata={record.check: record.result.reason for record in blocking},
        allow_retries=False,
    )


def _measured(record: GateRecord) -> dict[str, Any]:
    result = record.result
    found: dict[str, Any] = {"verdict": result.verdict}
    if result.value is not None:
        found["value"] = result.value
    if result.bound is not None:
        found["bound"] = result.bound
    if result.interval is not None:
        found["interval"] = "{:.4g} to {:.4g}".format(*result.interval)
    if result.rows is not None:
        found["rows"] = result.rows
    if result.details:
        found["details"] = dg.MetadataValue.json(result.details)
    return found
