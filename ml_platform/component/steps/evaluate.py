"""evaluation_report: measure a version on its holdout, judge it, write its certificate."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_platform.component.handles import EvaluationReport, TrainedModel
from ml_platform.component.platform import Platform
from ml_platform.component.steps.certify import issue_certificate
from ml_platform.component.steps.train import split_rows
from ml_platform.data.snapshots import Snapshot
from ml_platform.evaluation.curves import pictures
from ml_platform.evaluation.evaluate import evaluate
from ml_platform.evaluation.evidently_report import evidently_html
from ml_platform.evaluation.html import evaluation_html
from ml_platform.evaluation.report import Evaluation
from ml_platform.gates.evidence import EvaluationEvidence
from ml_platform.gates.gate import Stage
from ml_platform.gates.result import GateRecord
from ml_platform.registry.certificate import Certificate
from ml_platform.spec.load import Declaration
from ml_platform.training.model import Model

FOLDER = "evaluation"
"""Folder of the MLflow run that keeps the evaluation, its pictures and reports."""

EVIDENTLY_ROWS = 2_000


@dataclass(frozen=True)
class Judged:
    """A version's holdout and what the version makes of it."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    target: NDArray[np.generic]
    scores: NDArray[np.float64]
    model: Model


@dataclass(frozen=True)
class EvaluationOutcome:
    """What came of an evaluation; pictures are PNG by name, reports lie in `folder`."""

    handle: EvaluationReport
    certificate: Certificate
    records: tuple[GateRecord, ...]
    pictures: dict[str, bytes]
    folder: Path
    reused: bool


def evaluate_version(
    declaration: Declaration,
    platform: Platform,
    trained: TrainedModel,
    *,
    now: datetime,
) -> EvaluationOutcome:
    """Evaluate a version, unless this evaluation was made before; judge it either way."""
    spec = declaration.spec
    folder = platform.settings.reports / spec.name / f"v{trained.version}"
    fingerprint = spec.digest_of("evaluation", "gates")
    evaluation = _earlier(platform, trained, fingerprint) if folder.is_dir() else None
    reused = evaluation is not None
    if evaluation is None:
        evaluation = _evaluate_anew(declaration, platform, trained, folder, now=now)
        _log(platform, trained, evaluation, fingerprint, folder)
    records = judge_evaluation(declaration, evaluation)
    certificate = issue_certificate(declaration, platform, trained, evaluation, records, now=now)
    handle = EvaluationReport(
        version=trained.version,
        run_id=trained.run_id,
        snapshot=trained.snapshot,
        evaluation=evaluation,
        certificate=certificate.digest,
    )
    shown = {file.stem: file.read_bytes() for file in sorted(folder.glob("*.png"))}
    return EvaluationOutcome(handle, certificate, records, shown, folder, reused)


def load_holdout(
    declaration: Declaration, platform: Platform, snapshot: Snapshot, version: int
) -> Judged:
    """Read the snapshot, split it as training did, and score the holdout with a version."""
    spec = declaration.spec
    rows = platform.snapshots.read(snapshot.table, version=snapshot.version)
    split = split_rows(declaration, rows)
    holdout = rows.iloc[split.holdout]
    with TemporaryDirectory() as temporary:
        model = Model.load(platform.registry.download(spec.name, version, Path(temporary)))
    target = model.encode_target(holdout[spec.data.target])
    return Judged(rows.iloc[split.train], holdout, target, model.scores(holdout), model)


def judge_evaluation(declaration: Declaration, evaluation: Evaluation) -> tuple[GateRecord, ...]:
    """The verdicts of the declared gates on an evaluation."""
    evidence = EvaluationEvidence(evaluation=evaluation)
    gates = declaration.spec.all_gates(Stage.EVALUATION_REPORT)
    return tuple(gate.record(gate.judge(evidence)) for gate in gates)


def _evaluate_anew(
    declaration: Declaration,
    platform: Platform,
    trained: TrainedModel,
    folder: Path,
    *,
    now: datetime,
) -> Evaluation:
    spec = declaration.spec
    judged = load_holdout(declaration, platform, trained.snapshot, trained.version)
    evaluation = evaluate(
        judged.target,
        judged.scores,
        frame=judged.holdout,
        task=spec.task,
        spec=spec.evaluation,
        metrics=spec.metrics,
        classes=judged.model.classes,
        seed=spec.training.seed,
    )
    _write_reports(declaration, trained, judged, evaluation, folder, now=now)
    return evaluation


def _write_reports(
    declaration: Declaration,
    trained: TrainedModel,
    judged: Judged,
    evaluation: Evaluation,
    folder: Path,
    *,
    now: datetime,
) -> None:
    spec = declaration.spec
    folder.mkdir(parents=True, exist_ok=True)
    shown = pictures(
        judged.target,
        judged.scores,
        task=spec.task,
        classes=judged.model.classes,
        threshold=judged.model.threshold,
        seed=spec.training.seed,
    )
    for name, png in shown.items():
        (folder / f"{name}.png").write_bytes(png)
    page = evaluation_html(
        evaluation,
        model=spec.name,
        when=now,
        version=str(trained.version),
        facts={"Trained on": f"{trained.snapshot.table}@{trained.snapshot.version}"},
        pictures=shown,
    )
    (folder / "evaluation.html").write_text(page, encoding="utf-8")
    drift = evidently_html(
        judged.train,
        judged.holdout,
        task=spec.task,
        target=spec.data.target,
        sample=EVIDENTLY_ROWS,
        seed=spec.training.seed,
    )
    (folder / "evidently.html").write_text(drift, encoding="utf-8")


def _earlier(platform: Platform, trained: TrainedModel, fingerprint: str) -> Evaluation | None:
    text = platform.registry.read_artifact_text(trained.run_id, f"{FOLDER}/evaluation.json")
    if text is None:
        return None
    document = json.loads(text)
    if document["fingerprint"] != fingerprint:
        return None
    return Evaluation.model_validate(document["evaluation"])


def _log(
    platform: Platform,
    trained: TrainedModel,
    evaluation: Evaluation,
    fingerprint: str,
    folder: Path,
) -> None:
    platform.registry.log_training(trained.run_id, metrics=evaluation.values())
    platform.registry.log_artifacts(trained.run_id, folder, under=FOLDER)
    document = {"fingerprint": fingerprint, "evaluation": evaluation.model_dump(mode="json")}
    text = json.dumps(document, indent=1, ensure_ascii=False)
    platform.registry.log_artifacts(trained.run_id, {"evaluation.json": text}, under=FOLDER)
