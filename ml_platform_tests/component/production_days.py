"""Days of production made up: loans asked, answered by a version, and what became of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ml_platform.component.platform import Platform
from ml_platform.component.steps.ingest_journal import ingest_journal
from ml_platform.feedback.join import LabelJoin
from ml_platform.feedback.label_contract import LabelContract
from ml_platform.serving.client_records import client_records
from ml_platform.serving.journal.record import feedback_record, prediction_record
from ml_platform.spec.load import Declaration
from ml_platform.training.model import Model
from ml_platform_tests.component.steps.test_ingest_journal import log
from ml_platform_tests.models.small_credit.source import load

BEGIN = datetime(2024, 3, 4, tzinfo=UTC)
"""A Monday, after the loans that the small model was trained on."""
ANSWERED_AFTER = timedelta(seconds=1)


def loans(rows: int, *, seed: int, begin: datetime = BEGIN, days: float = 1) -> pd.DataFrame:
    """Loans asked for over some days."""
    frame = load(rows=rows, seed=seed)
    naive = begin.replace(tzinfo=None)
    every = timedelta(days=days) / rows
    return frame.assign(
        applied_at=[naive + n * every for n in range(rows)],
        loan_id=[f"{naive:%Y%m%d}-{seed}-{n}" for n in range(rows)],
    )


def answer(
    declaration: Declaration,
    platform: Platform,
    frame: pd.DataFrame,
    *,
    version: int = 1,
    role: str = "champion",
    labels_after: timedelta | None = None,
) -> None:
    """Let a version answer loans as its service would, and ingest what it logged.

    labels_after: from a prediction to its label; None for no labels.
    """
    with TemporaryDirectory() as temporary:
        model = Model.load(platform.registry.download("small_credit", version, Path(temporary)))
    target = declaration.spec.data.target
    asked = [name for name in declaration.spec.data.contract.columns if name != target]
    records: list[bytes] = []
    labels: list[bytes] = []
    scores = model.scores(frame).tolist()
    for row, score, truth in zip(
        client_records(frame, asked), scores, frame[target].tolist(), strict=True
    ):
        at = datetime.fromisoformat(row["applied_at"]).replace(tzinfo=UTC) + ANSWERED_AFTER
        records.append(
            prediction_record(
                prediction_id=f"{row['loan_id']}-{role}",
                sent=False,
                key=row["loan_id"],
                at=at.timestamp(),
                features=row,
                prediction=score >= 0.5,
                score=score,
                scores=None,
                version=version,
                role=role,
                latency_us=30,
                request_id="",
            )
        )
        if labels_after is not None:
            told = (at + labels_after).timestamp()
            labels.append(
                feedback_record(
                    prediction_id=f"{row['loan_id']}-{role}",
                    label=truth,
                    observed_at=told,
                    source="ledger",
                    at=told,
                )
            )
    log(declaration, [*records, *labels])
    ingest_journal(declaration, platform, now=BEGIN + timedelta(days=30))


def join(declaration: Declaration, platform: Platform) -> None:
    """Join the labels that came."""
    data = declaration.spec.data
    contract = LabelContract(data.target, data.contract.columns[data.target])
    LabelJoin(platform.settings.data_url, declaration.spec.name, contract=contract).run()
