"""Where a prediction came from: version, runs, data, commit, contract and certificate."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from ml_platform.addresses import without_secrets
from ml_platform.component.platform import Platform
from ml_platform.component.steps.certify import intact_certificate
from ml_platform.component.steps.ingest_journal import journal_places
from ml_platform.data.remote import opened, reached
from ml_platform.exceptions import ModelError, PredictionNotFound, StoreError, did_you_mean
from ml_platform.feedback.inference_table import FEATURE, NAME, SHADOW, InferenceTable
from ml_platform.plugins import Strict
from ml_platform.registry.certificate import Certificate
from ml_platform.registry.version import ModelVersion
from ml_platform.serving.journal.reader import read_segment
from ml_platform.settings import Settings


class Answered(Strict):
    """A prediction as it was logged.

    prediction: as JSON. found_in: the inference table, or still the journal.
    segment: the worker and segment of the journal that it came by.
    """

    prediction_id: str
    key: str | None
    time: datetime
    features: dict[str, Any]
    prediction: str
    score: float | None
    version: int
    role: str
    request_id: str
    segment: str | None
    found_in: Literal["inference_log", "journal"]


class Source(Strict):
    """What the version that answered was made of; None where nothing says so any more."""

    mlflow_run: str | None = None
    mlflow_url: str | None = None
    dagster_run: str | None = None
    snapshot: str | None = None
    snapshot_hash: str | None = None
    snapshot_rows: int | None = None
    git_commit: str | None = None
    code_version: str | None = None
    contract_version: int | None = None
    certificate: str | None = None
    issued_at: datetime | None = None
    gates: dict[str, str] = {}  # noqa: RUF012 - pydantic copies defaults


class Lineage(Strict):
    """A prediction and where it came from.

    problem: why less is known of the version than should be; empty when all of it is.
    """

    model: str
    answered: Answered
    source: Source
    problem: str = ""


def lineage_of(
    platform: Platform, prediction_id: str, *, models: Iterable[str] | None = None
) -> Lineage:
    """Trace a prediction back; `models` are asked, else all that ever logged one.

    Raises PredictionNotFound when none of them knows the id.
    """
    settings = platform.settings
    known = models_with_predictions(settings)
    asked = sorted(known if models is None else models)
    for model in asked:
        answered = _find(settings, model, prediction_id)
        if answered is not None:
            source, problem = _source(platform, model, answered.version)
            return Lineage(model=model, answered=answered, source=source, problem=problem)
    where = ", ".join(asked) or "none has logged any"
    hint = "".join(did_you_mean(model, known) for model in asked if model not in known)
    raise PredictionNotFound(
        f"no prediction {prediction_id!r} was logged (models asked: {where}{hint}); only answered "
        "predictions are, and the inference table forgets what is over its retention"
    )


def models_with_predictions(settings: Settings) -> set[str]:
    """Return the models that have an inference table or a journal. Raises StoreError."""
    try:
        system, root = opened(settings.data_url)
        with reached(settings.data_url):
            tables: list[str] = system.glob(f"{root}/*/{NAME}")
    except OSError as error:
        raise StoreError(without_secrets(f"cannot list {settings.data_url}: {error}")) from error
    journals = settings.journal.iterdir() if settings.journal.is_dir() else ()
    return {Path(table).parent.name for table in tables} | {each.name for each in journals}


def _find(settings: Settings, model: str, prediction_id: str) -> Answered | None:
    """Look into the table, the journal, and the table again, as it may have moved meanwhile."""
    table = InferenceTable(settings.data_url, model)
    for look in (table.find, lambda sought: _in_journal(settings, model, sought), table.find):
        found = look(prediction_id)
        if isinstance(found, dict):
            return _of_row(found)
        if found is not None:
            return found
    return None


def _of_row(row: dict[str, Any]) -> Answered:
    features = {
        name.removeprefix(FEATURE): value
        for name, value in row.items()
        if name.startswith(FEATURE) and value is not None
    }
    plain = {name: row[name] for name in Answered.model_fields if name in row}
    return Answered(**plain, features=features, found_in="inference_log")


def _in_journal(settings: Settings, model: str, prediction_id: str) -> Answered | None:
    for stream, record in _records(settings, model, orjson.dumps(prediction_id)):
        read: dict[str, Any] = orjson.loads(record)
        if read.get("id") != prediction_id or read.get("role") == SHADOW:
            continue
        names = ("key", "features", "score", "version", "role", "request_id")
        return Answered(
            **{name: read[name] for name in names},
            prediction_id=prediction_id,
            time=datetime.fromtimestamp(read["at"], UTC),
            prediction=orjson.dumps(read["prediction"]).decode(),
            segment=stream,
            found_in="journal",
        )
    return None


def _records(settings: Settings, model: str, sought: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the records that hold a text, the newest segments first."""
    try:
        for place in journal_places(settings, model):
            for segment in reversed(place.found()):
                data = place.read(segment, 0)
                if data is None or sought not in data:
                    continue
                for record in read_segment(data, closed=segment.closed).records:
                    if sought in record and record.startswith(b'{"kind":"prediction"'):
                        yield segment.stream, record
    except OSError as error:
        said = without_secrets(f"cannot read the journal of {model}: {error}")
        raise StoreError(said) from error


def _source(platform: Platform, model: str, version: int) -> tuple[Source, str]:
    try:
        registered = platform.registry.get(model, version)
    except ModelError as error:
        return Source(), str(error)
    certificate = intact_certificate(platform, model, version)
    source = Source(
        mlflow_run=registered.run_id,
        mlflow_url=platform.registry.run_url(registered.run_id),
        dagster_run=registered.tags.get("dagster_run_id"),
        **_of_tags(registered),
        **(_of_certificate(certificate) if certificate is not None else {}),
    )
    problem = "" if certificate is not None else "it has no certificate that holds its hash"
    return source, problem


def _of_tags(registered: ModelVersion) -> dict[str, Any]:
    tags = registered.tags
    contract = tags.get("contract_version")
    return {
        "git_commit": tags.get("git_commit") or None,
        "code_version": tags.get("code_version"),
        "contract_version": None if contract is None else int(contract),
    }


def _of_certificate(certificate: Certificate) -> dict[str, Any]:
    snapshot = certificate.snapshot
    return {
        "snapshot": f"{snapshot.table}@{snapshot.version}",
        "snapshot_hash": snapshot.content_hash,
        "snapshot_rows": snapshot.rows,
        "certificate": certificate.digest,
        "issued_at": certificate.issued_at,
        "gates": {record.check: record.result.verdict for record in certificate.records},
    }
