"""The assets of what happens in production: the log of predictions. They belong to no release."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_platform.clock import utc_now
from ml_platform.component.asset import AssetOf, Results
from ml_platform.component.batch_predictions import batch_predictions
from ml_platform.component.handles import Handle
from ml_platform.component.metadata import Metadata
from ml_platform.component.monitoring import monitoring_asset
from ml_platform.component.platform import Platform
from ml_platform.spec.load import Declaration

if TYPE_CHECKING:
    from ml_platform.component.steps.ingest_journal import IngestOutcome

INFERENCE_LOG = "inference_log"


class InferenceLog(Handle):
    """The table of predictions, as it was after an ingestion."""

    asset = INFERENCE_LOG
    table: str
    version: int


def production_assets(declaration: Declaration) -> Sequence[dg.AssetsDefinition]:
    """The assets that services feed, outside of any release."""
    scoring = declaration.spec.scoring
    scored = [] if scoring is None else [batch_predictions(declaration, scoring)]
    return [_inference_log(declaration), monitoring_asset(declaration), *scored]


def ingest_now(
    declaration: Declaration, platform: Platform, *, instance: dg.DagsterInstance, now: datetime
) -> "IngestOutcome":
    """Ingest in this process, and let Dagster know of it where it did something."""
    from ml_platform.component.steps.ingest_journal import ingest_journal

    outcome = ingest_journal(declaration, platform, now=now)
    if outcome.rows or outcome.labels or outcome.forgotten:
        key = dg.AssetKey([outcome.model, INFERENCE_LOG])
        event = dg.AssetMaterialization(key, metadata=of_ingestion(outcome, now=now))
        instance.report_runless_asset_event(event)
    return outcome


def of_ingestion(outcome: "IngestOutcome", *, now: datetime) -> Metadata:
    """What was moved, what was met on the way, and how far the table is behind."""
    numbers = ("rows", "labels", "duplicates", "unfit", "unreadable", "torn_bytes", "damaged_bytes")
    counts = [
        dg.TableRecord({"version": version, "role": role, "rows": rows})
        for (version, role), rows in sorted(outcome.counts.items())
    ]
    newest = outcome.newest
    return {
        **{name: getattr(outcome, name) for name in numbers},
        "segments": outcome.segments,
        "open_segments": outcome.waiting,
        "seconds": round(outcome.seconds, 3),
        "rows_a_second": round(outcome.rows / outcome.seconds) if outcome.seconds else 0,
        **({"lag_seconds": round((now - newest).total_seconds(), 3)} if newest else {}),
        **({"newest": newest.isoformat()} if newest else {}),
        **({"versions": dg.MetadataValue.table(counts)} if counts else {}),
        "compacted_days": outcome.compacted,
        "forgotten_days": outcome.forgotten,
    }


def _inference_log(declaration: Declaration) -> dg.AssetsDefinition:
    about = (
        "Every prediction that a service of the model answered, one partition a day, each once. "
        "Moved here from the services' journals; labels go to `labels_received`."
    )

    @AssetOf(
        declaration=declaration,
        name=INFERENCE_LOG,
        about=about,
        kind="deltalake",
        in_production=True,
    )
    def inference_log(context: dg.AssetExecutionContext, platform: Any) -> Results:
        return _ingest(context, declaration, platform.stores)

    return inference_log


def _ingest(
    context: dg.AssetExecutionContext, declaration: Declaration, platform: Platform
) -> Iterator[Any]:
    from ml_platform.component.steps.ingest_journal import ingest_journal
    from ml_platform.feedback.inference_table import InferenceTable

    now = utc_now()
    outcome = ingest_journal(declaration, platform, now=now)
    context.log.info(f"{outcome.rows:,} predictions and {outcome.labels:,} labels moved")
    if outcome.damaged_bytes or outcome.unreadable or outcome.unfit:
        where = platform.settings.damaged / outcome.model
        context.log.warning(f"some of the journal is damaged or does not fit; set aside in {where}")
    table = InferenceTable(platform.settings.data_url, outcome.model)
    version = table.look().version
    yield dg.MaterializeResult(
        value=InferenceLog(table=table.name, version=version),
        data_version=dg.DataVersion(str(version)),
        metadata=of_ingestion(outcome, now=now),
    )
