"""trained_model: train, or reuse what the same data, code and configuration gave before."""

import hashlib
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ml_platform.clock import utc_now
from ml_platform.component.handles import SplitRows, TrainedModel, ValidatedData
from ml_platform.component.platform import Platform
from ml_platform.component.steps.benchmarks import keep_out, kept_out_tag, without
from ml_platform.component.steps.code import CodeIdentity, identify
from ml_platform.component.steps.records import write_records
from ml_platform.component.steps.training_gates import (
    Parts,
    brought_up_to_date,
    judge_training,
)
from ml_platform.data.snapshots import Snapshot
from ml_platform.data.splits.splitter import Split
from ml_platform.gates.result import GateRecord
from ml_platform.registry.sealed import seal
from ml_platform.registry.version import ModelVersion, TrainingRows
from ml_platform.spec.load import Declaration
from ml_platform.spec.recipe import DECLARATION, declaration_json
from ml_platform.spec.usable import require_trainable
from ml_platform.training.fit import train
from ml_platform.training.model import Model
from ml_platform.training.model_folder import MANIFEST

MODEL_HASH_TAG = "model_sha256"
"""Tag of a registered version: what `model_hash` gave when it was registered."""


def model_hash(folder: Path) -> str:
    """The sha256 of a saved model's manifest, which itself holds that of every other file."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


ROWS_TAG = "rows"
"""Tag of a registered version: how its snapshot was divided, as JSON of `SplitRows`."""


@dataclass(frozen=True)
class RunIdentity:
    """The Dagster run that asks; its root differs when it is a retry."""

    run_id: str
    root_run_id: str


@dataclass(frozen=True)
class TrainingOutcome:
    """What came of a training; `handle` is None when a gate blocked it."""

    records: tuple[GateRecord, ...]
    handle: TrainedModel | None


def split_rows(declaration: Declaration, frame: pd.DataFrame) -> Split:
    """Divide a snapshot as declared, to train on it."""
    data = declaration.spec.data
    return declaration.spec.split.split(frame, target=data.target, event_time=data.event_time)


def read_parts(declaration: Declaration, platform: Platform, snapshot: Snapshot) -> Parts:
    """The training rows and the holdout of a snapshot, before benchmarks are left out."""
    rows = platform.snapshots.read(snapshot.table, version=snapshot.version)
    split = split_rows(declaration, rows)
    return rows.iloc[split.train], rows.iloc[split.holdout]


def fit_model(declaration: Declaration, frame: pd.DataFrame, *, allow_empty: bool = False) -> Model:
    """Fit the declared model on rows with their target; their id is not for it to see.

    allow_empty: whether a feature may be null in all rows, as it may be in a few rows.
    """
    spec = declaration.spec
    return train(
        frame.drop(columns=[] if spec.data.id is None else spec.data.id),
        target=spec.data.target,
        task=spec.task,
        features=spec.features,
        trainer=spec.training,
        folder=declaration.folder,
        positive=spec.data.positive,
        weighting=spec.weighting,
        allow_empty=allow_empty,
    )


def train_version(
    declaration: Declaration,
    platform: Platform,
    validated: ValidatedData,
    *,
    run: RunIdentity,
    force: bool,
) -> TrainingOutcome:
    """Register a version trained on the snapshot, unless one with this fingerprint is there.

    The training gates are judged first: what cannot learn from 100 rows is not trained on all.
    Raises DeclarationError before a row is read when the trainer cannot train as declared.
    """
    require_trainable(declaration)
    name, snapshot = declaration.spec.name, validated.snapshot
    code = identify(declaration)
    read = cache(partial(read_parts, declaration, platform, snapshot))
    kept_out = keep_out(declaration, platform, read, data=snapshot, now=utc_now())
    fingerprint = fingerprint_of(declaration, snapshot, code, kept_out=kept_out)
    parts = cache(partial(_without_benchmarks, declaration, platform, read, kept_out))
    fit = partial(fit_model, declaration, allow_empty=True)
    known = None if force else platform.registry.find(name, fingerprint=fingerprint)
    if known is not None:
        handle = _handle(known, validated, fingerprint, reused=True)
        records = brought_up_to_date(declaration, platform, validated, known, parts=parts, fit=fit)
        return TrainingOutcome(records, handle)
    if declaration.spec.evaluation.evidently != "never":
        platform.evidently.start()  # it will be asked about the new version
    training_rows, holdout = parts()
    rows = _divided(snapshot, training_rows, holdout)
    records = judge_training(declaration, (training_rows, holdout), fit)
    if any(record.blocks for record in records):
        return TrainingOutcome(records, None)
    with _tracked_run(platform, declaration, run) as run_id:
        model = fit_model(declaration, training_rows)
        _log(declaration, platform, run_id, validated, code, records, model, rows)
        tags = _tags(declaration, validated, run, code, fingerprint) | kept_out_tag(kept_out)
        tags |= {ROWS_TAG: rows.model_dump_json()}
        version = _register(declaration, platform, run_id, model, training_rows, tags)
    return TrainingOutcome(records, _handle(version, validated, fingerprint, reused=False))


def _without_benchmarks(
    declaration: Declaration,
    platform: Platform,
    read: Callable[[], Parts],
    kept_out: tuple[Snapshot, ...],
) -> Parts:
    training_rows, holdout = read()
    return without(training_rows, platform, kept_out, key=declaration.spec.data.id), holdout


def _divided(snapshot: Snapshot, training: pd.DataFrame, holdout: pd.DataFrame) -> SplitRows:
    left_out = snapshot.rows - len(training) - len(holdout)
    return SplitRows(training=len(training), holdout=len(holdout), left_out=left_out)


def fingerprint_of(
    declaration: Declaration,
    snapshot: Snapshot,
    code: CodeIdentity,
    *,
    kept_out: tuple[Snapshot, ...] = (),
) -> str:
    """Hash of all that decides the bits of a model (sha256, hex).

    kept_out: benchmarks whose rows training leaves out.
    """
    decisive = ("task", "data", "features", "split", "training", "training_data")
    sections = declaration.spec.digest_of(*decisive)
    parts = [snapshot.content_hash, sections, code.code_version]
    parts += [benchmark.content_hash for benchmark in kept_out]
    text = json.dumps([*parts, code.environment], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _tracked_run(platform: Platform, declaration: Declaration, run: RunIdentity) -> Generator[str]:
    """The MLflow run of this Dagster run; finished or failed when the block is left."""
    registry = platform.registry
    run_id = registry.open_run(
        declaration.spec.name,
        dagster_run_id=run.run_id,
        root_run_id=run.root_run_id,
        tags={"owner": declaration.spec.owner},
    )
    try:
        yield run_id
    except BaseException:
        registry.finish_run(run_id, "FAILED")
        raise
    registry.finish_run(run_id)


def _log(
    declaration: Declaration,
    platform: Platform,
    run_id: str,
    validated: ValidatedData,
    code: CodeIdentity,
    records: tuple[GateRecord, ...],
    model: Model,
    rows: SplitRows,
) -> None:
    snapshot = validated.snapshot
    spec = declaration.spec
    platform.registry.log_training(
        run_id,
        params={
            **_flat("training", spec.training.model_dump(mode="json")),
            **_flat("split", spec.split.model_dump(mode="json")),
            "features": len(spec.features.columns),
            "matrix_columns": len(model.encoder.names),
            **{f"{part}_rows": count for part, count in rows.model_dump().items()},
        },
        dataset=TrainingRows(name=snapshot.table, hash=snapshot.content_hash, rows=snapshot.rows),
        tags={"git_commit": code.commit},
    )
    seal(platform.registry, run_id, DECLARATION, declaration_json(spec))
    write_records(platform, run_id, (validated.contract, *validated.gates, *records))


def _flat(prefix: str, values: dict[str, object]) -> dict[str, object]:
    """Nested settings as MLflow shows parameters: `training.params.max_depth`."""
    flat: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat.update(_flat(f"{prefix}.{key}", value))
        else:
            flat[f"{prefix}.{key}"] = value
    return flat


def _tags(
    declaration: Declaration,
    validated: ValidatedData,
    run: RunIdentity,
    code: CodeIdentity,
    fingerprint: str,
) -> dict[str, str]:
    spec, snapshot = declaration.spec, validated.snapshot
    return {
        "fingerprint": fingerprint,
        "owner": spec.owner,
        "description": spec.description,
        "intended_use": spec.intended_use,
        "task": spec.task.value,
        "training_data": f"{snapshot.table}@{snapshot.version}",
        "training_data_hash": snapshot.content_hash,
        "contract_version": str(spec.data.contract.version),
        "git_commit": code.commit,
        "code_version": code.code_version,
        "environment": json.dumps(code.environment, sort_keys=True),
        "dagster_run_id": run.run_id,
    }


def _register(
    declaration: Declaration,
    platform: Platform,
    run_id: str,
    model: Model,
    rows: pd.DataFrame,
    tags: dict[str, str],
) -> ModelVersion:
    example = rows[list(model.inputs)].head(5)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        model.save(folder, folder_of_declaration=declaration.folder)
        tags = {**tags, MODEL_HASH_TAG: model_hash(folder)}
        return platform.registry.register(
            declaration.spec.name,
            run_id=run_id,
            folder=folder,
            input_example=example,
            output_example=model.scores(example),
            tags=tags,
        )


def _handle(
    version: ModelVersion, validated: ValidatedData, fingerprint: str, *, reused: bool
) -> TrainedModel:
    rows = version.tags.get(ROWS_TAG)
    return TrainedModel(
        version=version.version,
        run_id=version.run_id,
        fingerprint=fingerprint,
        snapshot=validated.snapshot,
        reused=reused,
        asked_at=utc_now(),
        through=validated.feedback.through,
        rows=None if rows is None else SplitRows.model_validate_json(rows),
    )
