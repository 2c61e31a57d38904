"""Benchmarks of a model: frozen once as named snapshots, kept out of training, judged by all.

Rows are taken from the holdout of the data at hand, which the version at hand is not trained on.
Later trainings leave them out, wherever the split would put them then.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import pandas as pd

from ml_platform.component.platform import Platform
from ml_platform.data.same_rows import rows_in
from ml_platform.data.snapshots import Snapshot
from ml_platform.evaluation.benchmark import Benchmark
from ml_platform.exceptions import DataError, FeatureError, ModelError, StoreError, TrainingError
from ml_platform.gates.evidence import BenchmarkRows
from ml_platform.plugins import Strict
from ml_platform.registry.version import ModelVersion
from ml_platform.spec.load import Declaration
from ml_platform.training.model import Model

KEPT_OUT_TAG = "benchmarks_kept_out"
"""Tag of a registered version: the benchmarks whose rows its training left out, as JSON."""


class Freezing(Strict):
    """How a snapshot of a benchmark came to be."""

    where: str
    most: int
    data: str
    by: str
    reason: str
    at: datetime

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Freezing":
        """Read it from the snapshot."""
        return cls.model_validate(snapshot.metadata)


def table_of(declaration: Declaration, name: str) -> str:
    """The snapshots of a benchmark."""
    return f"{declaration.spec.name}/benchmark_{name}"


def frozen(declaration: Declaration, platform: Platform) -> dict[str, Snapshot]:
    """The latest snapshot of each declared benchmark that has one."""
    names = (benchmark.name for benchmark in declaration.spec.evaluation.benchmarks)
    found = {name: platform.snapshots.latest(table_of(declaration, name)) for name in names}
    return {name: snapshot for name, snapshot in found.items() if snapshot is not None}


def freeze_new(
    declaration: Declaration, platform: Platform, holdout: pd.DataFrame, *, data: str, now: datetime
) -> dict[str, Snapshot]:
    """Freeze the declared benchmarks that are not frozen yet; all that are, then.

    One that no row satisfies waits for data in which some do. data: `table@version` of the rows.
    """
    there = frozen(declaration, platform)
    for benchmark in declaration.spec.evaluation.benchmarks:
        if benchmark.name not in there:
            snapshot = freeze(
                declaration, platform, benchmark, holdout,
                data=data, by="the first training", reason="declared", now=now,
            )  # fmt: skip
            there |= {} if snapshot is None else {benchmark.name: snapshot}
    return there


def keep_out(
    declaration: Declaration,
    platform: Platform,
    parts: Callable[[], tuple[pd.DataFrame, pd.DataFrame]],
    *,
    data: Snapshot,
    now: datetime,
) -> tuple[Snapshot, ...]:
    """The benchmarks that a training has to leave out, frozen now where they are new.

    parts: gives the training rows and the holdout; called where a benchmark is declared.
    """
    if not declaration.spec.evaluation.benchmarks:
        return ()
    training_rows, holdout = parts()
    there = freeze_new(declaration, platform, holdout, data=f"{data.table}@{data.version}", now=now)
    return among(training_rows, platform, there.values(), key=declaration.spec.data.id)


def freeze(
    declaration: Declaration,
    platform: Platform,
    benchmark: Benchmark,
    holdout: pd.DataFrame,
    *,
    data: str,
    by: str,
    reason: str,
    now: datetime,
) -> Snapshot | None:
    """Write the rows that a benchmark chooses from a holdout as its next snapshot.

    None where no row satisfies it. Raises DataError when its expression does not fit the columns.
    """
    places = benchmark.choose(holdout, seed=declaration.spec.training.seed)
    if not len(places):
        return None
    how = Freezing(
        where=benchmark.where, most=benchmark.most, data=data, by=by, reason=reason, at=now
    )
    metadata = {name: str(value) for name, value in how.model_dump(mode="json").items()}
    rows = holdout.iloc[places].reset_index(drop=True)
    return platform.snapshots.write(table_of(declaration, benchmark.name), rows, metadata=metadata)


def among(
    rows: pd.DataFrame, platform: Platform, snapshots: Iterable[Snapshot], *, key: str | None
) -> tuple[Snapshot, ...]:
    """Those of the snapshots of which some row is among the rows."""
    return tuple(each for each in snapshots if rows_in(rows, _read(platform, each), key=key).any())


def without(
    rows: pd.DataFrame, platform: Platform, snapshots: Iterable[Snapshot], *, key: str | None
) -> pd.DataFrame:
    """The rows that are in none of the snapshots."""
    for snapshot in snapshots:
        rows = rows[~rows_in(rows, _read(platform, snapshot), key=key)]
    return rows


def kept_out_tag(snapshots: Sequence[Snapshot]) -> dict[str, str]:
    """What a version says of the benchmarks that its training left out; nothing without any."""
    if not snapshots:
        return {}
    named = [{"table": each.table, "hash": each.content_hash} for each in snapshots]
    return {KEPT_OUT_TAG: json.dumps(named)}


def trained_part(
    rows: pd.DataFrame, platform: Platform, version: ModelVersion, *, key: str | None
) -> pd.DataFrame:
    """Those of a version's training rows that its training did not leave out for a benchmark.

    Raises SnapshotNotFound when a benchmark is gone.
    """
    for named in json.loads(version.tags.get(KEPT_OUT_TAG, "[]")):
        kept = platform.snapshots.read(named["table"], content_hash=named["hash"])
        rows = rows[~rows_in(rows, kept, key=key)]
    return rows


def benchmark_rows(
    declaration: Declaration,
    platform: Platform,
    snapshots: Mapping[str, Snapshot],
    *,
    model: Model,
    trained: pd.DataFrame,
) -> dict[str, BenchmarkRows | str]:
    """Every declared benchmark as a model sees it, or why it cannot be judged.

    trained: the rows that the model was trained on.
    """
    return {
        benchmark.name: _rows(
            declaration, platform, benchmark, snapshots.get(benchmark.name), model, trained
        )
        for benchmark in declaration.spec.evaluation.benchmarks
    }


def _rows(
    declaration: Declaration,
    platform: Platform,
    benchmark: Benchmark,
    snapshot: Snapshot | None,
    model: Model,
    trained: pd.DataFrame,
) -> BenchmarkRows | str:
    name = benchmark.name
    again = f"freeze it again: ml-platform benchmark {declaration.spec.name} --freeze {name}"
    if snapshot is None:
        return f"benchmark {name} is not frozen: no row of the holdout satisfies {benchmark.where}"
    if Freezing.of(snapshot).where != benchmark.where:
        was = Freezing.of(snapshot).where
        return f"benchmark {name} is frozen where {was}, declared where {benchmark.where}; {again}"
    try:
        frame = _read(platform, snapshot)
        target = model.encode_target(frame[declaration.spec.data.target])
        scores = model.scores(frame)
    except (DataError, FeatureError, ModelError, StoreError, TrainingError, KeyError) as error:
        return f"benchmark {name} cannot be scored: {error}; {again}"
    return BenchmarkRows(
        name=name,
        snapshot=f"{snapshot.table}@{snapshot.version}",
        content_hash=snapshot.content_hash,
        frame=frame,
        target=target,
        scores=scores,
        seen=rows_in(frame, trained, key=declaration.spec.data.id),
    )


def _read(platform: Platform, snapshot: Snapshot) -> pd.DataFrame:
    return platform.snapshots.read(snapshot.table, version=snapshot.version)
