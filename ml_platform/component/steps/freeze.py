"""Freeze a benchmark again, from the holdout of the latest validated data."""

from datetime import datetime

from ml_platform.component.platform import Platform
from ml_platform.component.steps.benchmarks import freeze, frozen
from ml_platform.component.steps.train import read_parts
from ml_platform.data.snapshots import Snapshot
from ml_platform.exceptions import DataError, SnapshotNotFound
from ml_platform.spec.load import Declaration


def freeze_again(
    declaration: Declaration, platform: Platform, name: str, *, by: str, reason: str, now: datetime
) -> Snapshot:
    """Write the rows that the benchmark chooses now as its next snapshot.

    Raises DataError when it is not declared, no row satisfies it, or it does not fit the columns;
    SnapshotNotFound when no data were validated yet.
    """
    spec = declaration.spec
    declared = {benchmark.name: benchmark for benchmark in spec.evaluation.benchmarks}
    if name not in declared:
        valid = ", ".join(declared) or "none"
        raise DataError(f"{spec.name} declares no benchmark {name!r} (declared: {valid})")
    data = platform.snapshots.latest(f"{spec.name}/validated_data")
    if data is None:
        raise SnapshotNotFound(f"{spec.name} has no validated data yet; train it first")
    _, holdout = read_parts(declaration, platform, data)
    benchmark = declared[name]
    snapshot = freeze(
        declaration, platform, benchmark, holdout,
        data=f"{data.table}@{data.version}", by=by, reason=reason, now=now,
    )  # fmt: skip
    if snapshot is None:
        raise DataError(
            f"no row of the {len(holdout):,} of the holdout satisfies {benchmark.where}"
        )
    return snapshot


def shown(declaration: Declaration, platform: Platform) -> dict[str, Snapshot | None]:
    """The latest snapshot of every declared benchmark; None where it is not frozen yet."""
    there = frozen(declaration, platform)
    return {each.name: there.get(each.name) for each in declaration.spec.evaluation.benchmarks}
