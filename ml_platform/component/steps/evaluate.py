"""evaluation_report: measure a version on its holdout, judge it, write its certificate."""

import json
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from ml_platform.component.card import EVALUATION
from ml_platform.component.handles import EvaluationReport, TrainedModel
from ml_platform.component.platform import Platform
from ml_platform.component.steps.benchmarks import benchmark_rows, frozen
from ml_platform.component.steps.certify import intact_certificate, issue_certificate
from ml_platform.component.steps.comparison import comparison_with, rival_of
from ml_platform.component.steps.documents import FOLDER, logged_evaluation, write_documents
from ml_platform.component.steps.evaluation_gates import judge_evaluation
from ml_platform.component.steps.holdout import Judged, holdout_of
from ml_platform.component.steps.kept_version import KeptVersion, kept_versions
from ml_platform.data.snapshots import Snapshot
from ml_platform.evaluation.curves import pictures
from ml_platform.evaluation.evaluate import evaluate, measure_all
from ml_platform.evaluation.evidently_report import evidently_html
from ml_platform.evaluation.report import Evaluation, SliceValue
from ml_platform.gates.evidence import BenchmarkRows
from ml_platform.gates.result import GateRecord
from ml_platform.registry.certificate import Certificate
from ml_platform.registry.sealed import seal
from ml_platform.spec.load import Declaration

BENCHMARK = "(benchmark)"
"""In the place of a column's name, where a benchmark stands among the slices."""

EVIDENTLY, EVIDENTLY_ROWS = "evidently.html", 2_000
"""The page that is written last of what an evaluation draws, and the rows that it samples."""


@dataclass(frozen=True)
class EvaluationOutcome:
    """What came of an evaluation; pictures are PNG by name, reports lie in `folder`."""

    handle: EvaluationReport
    certificate: Certificate
    records: tuple[GateRecord, ...]
    pictures: dict[str, bytes]
    folder: Path
    reused: bool


class _Rows(NamedTuple):
    """What a version is measured on, read when it is first asked for.

    candidate: the version itself, and `version` gives another one by its number.
    snapshots: the frozen ones of the benchmarks, by name.
    """

    candidate: KeptVersion
    version: Callable[[int], KeptVersion]
    snapshots: Mapping[str, Snapshot]
    judged: Callable[[], Judged]
    benchmarks: Callable[[], Mapping[str, BenchmarkRows | str]]


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
    with kept_versions(platform, spec.name) as version:
        rows = _rows_of(declaration, platform, trained, version)
        fingerprint = _fingerprint(declaration, rows.snapshots)
        drawn = spec.evaluation.evidently == "never" or (folder / EVIDENTLY).is_file()
        evaluation = _earlier(platform, trained, fingerprint) if drawn else None
        reused = evaluation is not None
        if evaluation is None:
            with _drawn_beside(declaration, platform, rows.judged(), folder):
                evaluation = _evaluate_anew(declaration, rows, folder)
            _log(platform, trained, evaluation, fingerprint, folder)
        certificate, records = _certified(
            declaration, platform, trained, evaluation, rows, reused=reused, now=now
        )
    write_documents(platform, certificate, evaluation, fingerprint=fingerprint, now=now)
    handle = EvaluationReport(
        version=trained.version,
        run_id=trained.run_id,
        snapshot=trained.snapshot,
        evaluation=evaluation,
        certificate=certificate.digest,
    )
    shown = {file.stem: file.read_bytes() for file in sorted(folder.glob("*.png"))}
    return EvaluationOutcome(handle, certificate, records, shown, folder, reused)


def _rows_of(
    declaration: Declaration,
    platform: Platform,
    trained: TrainedModel,
    version: Callable[[int], KeptVersion],
) -> _Rows:
    snapshots = frozen(declaration, platform)
    candidate = version(trained.version)
    judged = cache(partial(holdout_of, candidate, trained.snapshot))
    benchmarks = cache(
        lambda: benchmark_rows(
            declaration, platform, snapshots, model=judged().model, trained=judged().train
        )
    )
    return _Rows(candidate, version, snapshots, judged, benchmarks)


def _certified(
    declaration: Declaration,
    platform: Platform,
    trained: TrainedModel,
    evaluation: Evaluation,
    rows: _Rows,
    *,
    reused: bool,
    now: datetime,
) -> tuple[Certificate, tuple[GateRecord, ...]]:
    """Judge a version beside the one in production, and write down what came of it."""
    name, version = declaration.spec.name, trained.version
    known = intact_certificate(platform, name, version) if reused else None
    rival = rival_of(declaration, platform, version)
    records = judge_evaluation(
        declaration,
        platform,
        rows.candidate,
        evaluation,
        rows.judged,
        benchmarks=rows.benchmarks,
        earlier={record.check: record for record in known.records} if known else {},
        rival=None if rival is None else rows.version(rival),
    )
    certificate = issue_certificate(
        declaration,
        platform,
        trained,
        evaluation,
        records,
        benchmarks=rows.snapshots,
        compared_with=comparison_with(declaration, rival),
        now=now,
    )
    return certificate, records


def _evaluate_anew(declaration: Declaration, rows: _Rows, folder: Path) -> Evaluation:
    spec, judged = declaration.spec, rows.judged()
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
    _draw(declaration, judged, folder)
    found = (_of_benchmark(declaration, each) for each in rows.benchmarks().values())
    slices = (*evaluation.slices, *(part for part in found if part is not None))
    return evaluation.model_copy(update={"slices": slices})


def _of_benchmark(declaration: Declaration, rows: BenchmarkRows | str) -> SliceValue | None:
    """The metrics of a benchmark's rows that the version has not seen, beside the slices."""
    if isinstance(rows, str):
        return None
    spec, kept = declaration.spec, ~rows.seen
    return SliceValue(
        column=BENCHMARK,
        value=rows.snapshot,
        rows=int(kept.sum()),
        metrics=measure_all(
            spec.metrics,
            rows.target[kept],
            rows.scores[kept],
            spec=spec.evaluation,
            seed=spec.training.seed,
        ),
    )


def _fingerprint(declaration: Declaration, snapshots: Mapping[str, Snapshot]) -> str:
    """Hash of what an evaluation is asked for (hex)."""
    asked = declaration.spec.evaluation_digest
    if not snapshots:
        return asked
    hashes = [asked, *(snapshot.content_hash for snapshot in snapshots.values())]
    return sha256(" ".join(hashes).encode()).hexdigest()


def _draw(declaration: Declaration, judged: Judged, folder: Path) -> None:
    """Draw the curves."""
    spec = declaration.spec
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


@contextmanager
def _drawn_beside(
    declaration: Declaration, platform: Platform, judged: Judged, folder: Path
) -> Generator[None]:
    """Set the holdout beside the training rows, in Evidently, while the block does the rest."""
    spec = declaration.spec
    folder.mkdir(parents=True, exist_ok=True)
    if spec.evaluation.evidently == "never":
        yield
        return
    with ThreadPoolExecutor(1) as beside:
        page = beside.submit(
            evidently_html,
            judged.train,
            judged.holdout,
            task=spec.task,
            target=spec.data.target,
            sample=EVIDENTLY_ROWS,
            seed=spec.training.seed,
            run=platform.evidently.run,
        )
        yield
        (folder / EVIDENTLY).write_text(page.result(), encoding="utf-8")


def _earlier(platform: Platform, trained: TrainedModel, fingerprint: str) -> Evaluation | None:
    known, evaluation = logged_evaluation(platform, trained.run_id) or ("", None)
    return evaluation if known == fingerprint else None


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
    seal(platform.registry, trained.run_id, EVALUATION, text)
