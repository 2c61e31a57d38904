"""evaluation_report: measure a version on its holdout, judge it, write its certificate."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path

from ml_platform.component.handles import EvaluationReport, TrainedModel
from ml_platform.component.platform import Platform
from ml_platform.component.steps.certify import intact_certificate, issue_certificate
from ml_platform.component.steps.evaluation_gates import judge_evaluation
from ml_platform.component.steps.holdout import Judged, load_holdout
from ml_platform.evaluation.curves import pictures
from ml_platform.evaluation.data_docs import EVALUATION, write_document, write_index
from ml_platform.evaluation.evaluate import evaluate
from ml_platform.evaluation.evidently_report import evidently_html
from ml_platform.evaluation.html import evaluation_html
from ml_platform.evaluation.report import Evaluation
from ml_platform.gates.result import GateRecord
from ml_platform.registry.certificate import Certificate
from ml_platform.spec.load import Declaration

FOLDER = "evaluation"
"""Folder of the MLflow run that keeps the evaluation, its pictures and reports."""

EVIDENTLY_ROWS = 2_000


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
    judged = cache(partial(load_holdout, declaration, platform, trained.snapshot, trained.version))
    evaluation = _earlier(platform, trained, fingerprint) if folder.is_dir() else None
    reused = evaluation is not None
    if evaluation is None:
        evaluation = _evaluate_anew(declaration, trained, judged(), folder, now=now)
        _log(platform, trained, evaluation, fingerprint, folder)
    known = intact_certificate(platform, spec.name, trained.version) if reused else None
    earlier = {record.check: record for record in known.records} if known else {}
    records = judge_evaluation(
        declaration, platform, trained.version, evaluation, judged, earlier=earlier
    )
    certificate = issue_certificate(declaration, platform, trained, evaluation, records, now=now)
    _document(platform, certificate, evaluation, fingerprint, now=now)
    handle = EvaluationReport(
        version=trained.version,
        run_id=trained.run_id,
        snapshot=trained.snapshot,
        evaluation=evaluation,
        certificate=certificate.digest,
    )
    shown = {file.stem: file.read_bytes() for file in sorted(folder.glob("*.png"))}
    return EvaluationOutcome(handle, certificate, records, shown, folder, reused)


def _evaluate_anew(
    declaration: Declaration,
    trained: TrainedModel,
    judged: Judged,
    folder: Path,
    *,
    now: datetime,
) -> Evaluation:
    spec = declaration.spec
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


def _document(
    platform: Platform,
    certificate: Certificate,
    evaluation: Evaluation,
    fingerprint: str,
    *,
    now: datetime,
) -> None:
    """Keep the evaluation and its verdicts as JSON beside the page, and list them."""
    name, reports = certificate.model, platform.settings.reports
    document = {
        "model": name,
        "version": certificate.version,
        "when": now.isoformat(),
        "snapshot": certificate.snapshot.model_dump(mode="json"),
        "certificate": certificate.digest,
        "fingerprint": fingerprint,
        "gates": json.loads(certificate.text)["records"],
        "evaluation": evaluation.model_dump(mode="json"),
    }
    write_document(reports, f"{name}/v{certificate.version}/{EVALUATION}", document)
    write_index(reports, model=name)


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
