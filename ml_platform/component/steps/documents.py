"""What people read of a version below the reports: its evaluation, its model card, the index.

They hold the certificate as it stands, so they are written anew whenever it changes.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ml_platform.component.card import EVALUATION as LOGGED
from ml_platform.component.card import card_of
from ml_platform.component.platform import Platform
from ml_platform.data.handles import HandleStore
from ml_platform.data.page import page_html, page_markdown
from ml_platform.evaluation.data_docs import EVALUATION, KEPT, write_document, write_index
from ml_platform.evaluation.html import JudgedGate, evaluation_html
from ml_platform.evaluation.report import Evaluation
from ml_platform.registry.certificate import Certificate
from ml_platform.registry.sealed import sealed
from ml_platform.registry.waiver import waiver_of

FOLDER = "evaluation"
"""Folder of the MLflow run that keeps the evaluation, its pictures and reports."""

PAGE, CARD = "evaluation.html", "card"


def write_documents(
    platform: Platform,
    certificate: Certificate,
    evaluation: Evaluation,
    *,
    fingerprint: str,
    now: datetime,
) -> None:
    """Write page and JSON of the evaluation, the card as HTML and Markdown, and the index.

    Page and JSON are also kept under the digest of the certificate, which another one leaves.
    The pictures are those that lie beside them. Raises StoreError.
    """
    name, reports = certificate.model, platform.settings.reports
    path = f"{name}/v{certificate.version}"
    store = HandleStore(str(reports))
    page = _page(reports / path, certificate, evaluation, now=now)
    kept = f"{path}/{KEPT}/{certificate.digest[:16]}"
    for file in (f"{path}/{PAGE}", f"{kept}.html"):
        store.write(file, page)
    run_id = platform.registry.get(name, certificate.version).run_id
    platform.registry.log_artifacts(run_id, {PAGE: page}, under=FOLDER)
    document = {
        "model": name,
        "version": certificate.version,
        "when": now.isoformat(),
        "snapshot": certificate.snapshot.model_dump(mode="json"),
        "certificate": certificate.digest,
        "fingerprint": fingerprint,
        "gates": json.loads(certificate.text)["records"],
        "waivers": [waiver.model_dump(mode="json") for waiver in certificate.waivers],
        "evaluation": evaluation.model_dump(mode="json"),
    }
    for file in (f"{path}/{EVALUATION}", f"{kept}.json"):
        write_document(reports, file, document)
    card = card_of(platform, name, certificate.version, now=now)
    store.write(f"{path}/{CARD}.html", page_html(card))
    store.write(f"{path}/{CARD}.md", page_markdown(card))
    write_index(reports, model=name)


def renew_documents(platform: Platform, certificate: Certificate, *, now: datetime) -> None:
    """Write them anew around a certificate that changed, with the evaluation as it was logged.

    Without a logged evaluation there is nothing to write. Raises StoreError.
    """
    run_id = platform.registry.get(certificate.model, certificate.version).run_id
    logged = logged_evaluation(platform, run_id)
    if logged is None:
        return
    fingerprint, evaluation = logged
    write_documents(platform, certificate, evaluation, fingerprint=fingerprint, now=now)


def logged_evaluation(platform: Platform, run_id: str) -> tuple[str, Evaluation] | None:
    """The evaluation that an MLflow run keeps, with the fingerprint of what was asked for.

    None when there is none, or it was altered.
    """
    text = sealed(platform.registry, run_id, LOGGED)
    if text is None:
        return None
    document: Mapping[str, Any] = json.loads(text)
    return document["fingerprint"], Evaluation.model_validate(document["evaluation"])


def _page(folder: Path, certificate: Certificate, evaluation: Evaluation, *, now: datetime) -> str:
    snapshot = certificate.snapshot
    return evaluation_html(
        evaluation,
        model=certificate.model,
        when=certificate.issued_at,
        version=str(certificate.version),
        facts={
            "Trained on": f"{snapshot.table}@{snapshot.version}",
            "Certificate": certificate.digest,
        },
        pictures={file.stem: file.read_bytes() for file in sorted(folder.glob("*.png"))},
        gates=tuple(_judged(certificate, now=now)),
    )


def _judged(certificate: Certificate, *, now: datetime) -> Iterator[JudgedGate]:
    for record in certificate.records:
        held = waiver_of(record, certificate.waivers, now=now) if record.blocks else None
        own = [waiver for waiver in certificate.waivers if waiver.check == record.check]
        told = [waiver.told(record, now=now) for waiver in ([held] if held else own[-1:])]
        yield JudgedGate(
            check=record.check,
            verdict="waived" if held else record.result.verdict,
            reason=record.result.reason,
            waiver="; ".join(told),
        )
