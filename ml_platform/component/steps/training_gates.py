"""The gates of trained_model, judged before the training they may spare."""

from collections.abc import Callable
from functools import partial

import pandas as pd

from ml_platform.component.handles import ValidatedData
from ml_platform.component.platform import Platform
from ml_platform.component.steps.records import read_records, write_records
from ml_platform.features.transform import inputs_of, load_transform, transformed
from ml_platform.gates.evidence import TrainingEvidence
from ml_platform.gates.gate import Gate, Stage
from ml_platform.gates.result import GateRecord
from ml_platform.registry.comparison import outdated_on_data
from ml_platform.registry.version import ModelVersion
from ml_platform.spec.load import Declaration
from ml_platform.training.model import Model

Fit = Callable[[pd.DataFrame], Model]
Parts = tuple[pd.DataFrame, pd.DataFrame]
"""Training rows and holdout."""


def judge_training(declaration: Declaration, parts: Parts, fit: Fit) -> tuple[GateRecord, ...]:
    """The verdicts of all gates of the stage."""
    gates = declaration.spec.all_gates(Stage.TRAINED_MODEL)
    evidence = _evidence(declaration, parts, fit)
    return tuple(gate.record(gate.judge(evidence)) for gate in gates)


def brought_up_to_date(
    declaration: Declaration,
    platform: Platform,
    validated: ValidatedData,
    version: ModelVersion,
    *,
    parts: Callable[[], Parts],
    fit: Fit,
) -> tuple[GateRecord, ...]:
    """The training records of a version that is reused, and in its run those of all stages.

    A gate that was declared, or changed, since then is judged now, as all are whose records were
    lost; `parts` is called for that alone. Of a gate on data that compares with the champion, the
    verdict of this validation counts where another version became champion since.
    """
    champion = platform.releases.state(declaration.spec.name).champion
    gates = declaration.spec.all_gates(Stage.TRAINED_MODEL)
    earlier = {record.check: record for record in read_records(platform, version.run_id) or ()}
    changed = [gate for gate in gates if not _is_judged(gate, earlier.get(gate.check_name))]
    evidence = _evidence(declaration, parts(), fit) if changed else None
    anew = {gate.check_name: gate.record(gate.judge(evidence)) for gate in changed}
    training = tuple(anew.get(gate.check_name) or earlier[gate.check_name] for gate in gates)
    data = tuple(
        known
        if known is not None
        and known.is_of(record.gate)
        and outdated_on_data(known, champion, version=version.version) is None
        else record
        for record in (validated.contract, *validated.gates)
        for known in [earlier.get(record.check)]
    )
    if (*data, *training) != tuple(earlier.values()):
        write_records(platform, version.run_id, (*data, *training))
    return training


def _is_judged(gate: Gate[object], record: GateRecord | None) -> bool:
    return record is not None and record.is_of(gate.declared)


def _evidence(declaration: Declaration, parts: Parts, fit: Fit) -> TrainingEvidence:
    spec = declaration.spec
    return TrainingEvidence(
        frame=parts[0],
        target=spec.data.target,
        task=spec.task,
        fit=fit,
        seed=spec.training.seed,
        holdout=parts[1],
        features=partial(feature_columns, declaration),
        id=spec.data.id,
        folder=declaration.folder,
    )


def feature_columns(declaration: Declaration, frame: pd.DataFrame) -> pd.DataFrame:
    """The declared features of raw rows, after the transform. Raises FeatureError."""
    spec = declaration.spec
    raw = frame.drop(columns=[] if spec.data.id is None else spec.data.id)
    transform = load_transform(spec.features, folder=declaration.folder)
    if transform is not None:
        inputs = inputs_of(raw, spec.features, target=spec.data.target)
        raw = transformed(transform, raw, inputs=inputs)
    return raw[list(spec.features.columns)]
